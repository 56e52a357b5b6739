//! Transfer syntax NDR 2.0, 32 bits (C706 chapter 14, [MS-RPCE] 2.2.4): stubs read in either byte order, written
//! little-endian.
//!
//! A [`Decoder`] borrows from the stub and allocates nothing: a count is believed only after the elements it promises
//! were seen to fit into what is left of the stub. Padding may hold anything, and so may whatever follows the last
//! parameter: clients leave garbage in both. An [`Encoder`] writes to the front of a lent buffer and never grows it.
//!
//! Referent identifiers are told apart only as null and not null when read; those that are written are
//! `0x00020000`, `0x00020004`, … in the order of the pointers, so that equal answers are equal bytes.
//!
//! Nothing here panics, whatever the stub holds.

mod decode;
mod encode;

pub use decode::{DecodeError, Decoder};
pub use encode::Encoder;
