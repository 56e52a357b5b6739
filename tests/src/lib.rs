//! Simulators and models that the tests of Mainspring share.

#![allow(clippy::expect_used, clippy::panic)]

pub mod chance;
pub mod damage;
pub mod disk;
pub mod fuzz;
pub mod nor;
pub mod server;
pub mod store;
pub mod stubs;
pub mod world;
