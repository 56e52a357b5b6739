//! Mainspring as firmware that nobody talks to: no network, no executor, no allocator, no XML. It runs the tasks that it was
//! shipped with, which `mainspring image build` wrote into its flash, and remembers over power cuts what ran.
//!
//! `run` beside this folder builds it and boots it in QEMU. What it borrows from `examples/qemu` is what is of the board:
//! its timers, its flash in a file of the host, and what ends a firmware that failed.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
#[expect(dead_code, reason = "examples/qemu uses more of it")]
#[path = "../../qemu/src/board.rs"]
mod board;
#[cfg(target_os = "none")]
#[path = "../../qemu/src/faults.rs"]
mod faults;
#[cfg(target_os = "none")]
mod firmware;
#[cfg(target_os = "none")]
#[path = "../../qemu/src/nor.rs"]
mod nor;
#[cfg(target_os = "none")]
#[path = "../../qemu/src/note.rs"]
mod note;
#[cfg(target_os = "none")]
#[expect(dead_code, reason = "examples/qemu uses more of it")]
#[path = "../../qemu/src/semihosting.rs"]
mod semihosting;
#[cfg(target_os = "none")]
#[expect(dead_code, reason = "examples/qemu uses more of it")]
#[path = "../../qemu/src/stack.rs"]
mod stack;
#[cfg(target_os = "none")]
#[path = "../../qemu/src/timers.rs"]
mod timers;

#[cfg(not(target_os = "none"))]
fn main() {}
