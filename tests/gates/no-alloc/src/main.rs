//! A firmware with no allocator: nothing in it would link if the core used the heap.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod firmware;
#[cfg(target_os = "none")]
mod store;

#[cfg(not(target_os = "none"))]
fn main() {}
