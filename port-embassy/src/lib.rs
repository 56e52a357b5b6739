//! Mainspring on microcontrollers.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "embassy")]
pub mod accounts;
#[cfg(feature = "embassy")]
pub mod actions;
#[cfg(feature = "embassy")]
pub mod entropy;
pub mod flash;
#[cfg(feature = "embassy")]
pub mod host;
#[cfg(feature = "embassy")]
pub mod keep;
#[cfg(feature = "embassy")]
pub mod log;
#[cfg(feature = "embassy")]
pub mod memory;
#[cfg(feature = "embassy")]
pub mod net;
#[cfg(feature = "embassy")]
pub mod sntp;
#[cfg(feature = "embassy")]
pub mod wall;

/// The core, so that the macro of this crate finds it, and a firmware needs no second dependency.
pub use mainspring as core;
