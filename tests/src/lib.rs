//! Simulators and models that the tests of Mainspring share.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

pub mod chance;
pub mod damage;
pub mod disk;
pub mod fuzz;
pub mod nor;
pub mod oracle;
pub mod server;
pub mod store;
pub mod stubs;
pub mod world;
