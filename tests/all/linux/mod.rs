//! The Linux port.

mod accounts;
mod children;
mod clock;
mod image;
mod store;
