//! The Linux port.

mod accounts;
mod children;
mod clock;
mod store;
