//! The Linux port.

mod store;
