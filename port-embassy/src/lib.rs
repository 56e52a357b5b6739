//! Mainspring on microcontrollers.
#![no_std]
#![forbid(unsafe_code)]
