//! Mainspring on microcontrollers. **There is nothing in this crate yet**: it holds the place, and compiles for
//! `thumbv7em-none-eabihf` so that the core is seen to be usable there.
//!
//! What it will hold:
//!
//! - `serve`: the loop that accepts connections of an `embassy-net` stack and drives one scheduler with them, through
//!   the core's `serve`; as many connections as there are sockets.
//! - `flash`: a `Store` over NOR flash (`sequential-storage`), driven by `block_on`: it owns its bus, finishes by
//!   interrupt or polling alone, needs no task of the same executor, states its longest call and erases ahead while idle.
//! - `actions`: a table from command names to functions of the firmware, since there are no processes to start.
//! - `sntp`: the wall clock. Until it has answered, wall time is unknown and calendar triggers wait.
//! - `accounts`: accounts in flash, with their NT hashes.
//!
//! It uses the core without `xml`, so with no allocator: tasks that the store holds run and are listed, run on demand,
//! enabled and deleted. A firmware that brings an allocator may turn `xml` on, and then also registers and retrieves them.
#![no_std]
#![forbid(unsafe_code)]
