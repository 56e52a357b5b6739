//! The Linux port.

mod accounts;
mod store;
