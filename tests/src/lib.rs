//! Simulators and models that the tests of Mainspring share.

#![allow(clippy::expect_used)]

pub mod disk;
pub mod server;
pub mod stubs;
