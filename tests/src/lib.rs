//! Simulators and models that the tests of Mainspring share.

pub mod disk;
