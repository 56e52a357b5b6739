//! What the targets do is in `tests/src`, where the tests that have no fuzzer do it too.

#![allow(clippy::expect_used, clippy::panic)]

#[path = "../../src/chance.rs"]
pub mod chance;
#[path = "../../src/fuzz/mod.rs"]
pub mod fuzz;
#[path = "../../src/nor.rs"]
pub mod nor;
