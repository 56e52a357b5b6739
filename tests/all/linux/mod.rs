//! The Linux port.

mod accounts;
mod children;
mod clock;
mod failures;
mod image;
mod secrets;
mod store;
