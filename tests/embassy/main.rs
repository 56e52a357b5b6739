//! The microcontroller's runtime on the host: virtual time, simulated networks, one thread, the same in every run.
//!
//! The time is `embassy-time`'s mock driver, of which there is one in a process: a [`world::World`] holds it for as long as it
//! lives, so tests wait for each other.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod accounts;
mod actions;
mod clock;
mod idle;
mod machine;
mod network;
mod session;
mod timing;
mod wire;
mod world;
mod year;
