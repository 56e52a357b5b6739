//! Mainspring on Linux: the ports that the core needs, the server `mainspringd` and the client `mainspring`.

#![deny(unsafe_code)]

pub mod accounts;
pub mod entropy;
pub mod folder;
pub mod store;
