//! Mainspring on Linux: the ports that the core needs, the server `mainspringd` and the client `mainspring`.

#![deny(unsafe_code)]

pub mod accounts;
pub mod children;
pub mod client;
pub mod clock;
pub mod daemon;
mod definition;
pub mod entropy;
mod export;
pub mod folder;
pub mod image;
mod readable;
pub mod secrets;
pub mod store;
pub mod zone;
