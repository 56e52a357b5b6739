//! The one test binary.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod auth;
mod house;
mod linux;
mod rpc;
mod task;
