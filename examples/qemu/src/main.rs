//! Mainspring as firmware of the boards `mps2-an385` (Cortex-M3), `mps2-an386` (M4) and `mps2-an500` (M7), as QEMU emulates
//! them. `run` beside this folder builds and boots it.
//!
//! What is of the board is in files of its own: `lan9118` the network, `timers` and `clock` the
//! time, `executor` how it sleeps, `nor` the flash, `board` the addresses, `interrupts` who gets which. What a firmware for another
//! board takes over is `firmware`.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod actions;
#[cfg(target_os = "none")]
mod board;
#[cfg(target_os = "none")]
mod clock;
#[cfg(target_os = "none")]
mod executor;
#[cfg(target_os = "none")]
mod faults;
#[cfg(target_os = "none")]
mod firmware;
#[cfg(target_os = "none")]
mod heap;
#[cfg(target_os = "none")]
mod interrupts;
#[cfg(target_os = "none")]
mod lan9118;
#[cfg(target_os = "none")]
mod nor;
#[cfg(target_os = "none")]
mod note;
#[cfg(target_os = "none")]
mod semihosting;
#[cfg(target_os = "none")]
mod sizes;
#[cfg(target_os = "none")]
mod stack;
#[cfg(target_os = "none")]
mod timers;

#[cfg(not(target_os = "none"))]
fn main() {}
