//! Security descriptors, [MS-DTYP] 2.4.2 to 2.4.7 and 2.5.

mod access;
mod binary;
mod heirs;
mod inherit;
mod model;
mod real;
mod sddl;
mod set;

use mainspring::{
    limits::SECURITY_DESCRIPTOR,
    security::{Descriptor, SecurityInformation, sddl as written},
    sid::Sid,
};

/// The domain of letters that stand for somebody of one.
const DOMAIN: &str = "S-1-5-21-1-2-3";

/// The descriptor of a text, self-relative.
#[track_caller]
fn bytes(text: &str) -> Vec<u8> {
    let mut room = [0xEE; SECURITY_DESCRIPTOR];
    let domain = Sid::parse(DOMAIN).unwrap();
    let length = written::read(text, Some(&domain), &mut room).unwrap_or_else(|error| panic!("{text}: {error}"));
    room[..length].to_vec()
}

/// The text of a descriptor.
#[track_caller]
fn text(bytes: &[u8]) -> String {
    let mut text = String::new();
    let descriptor = Descriptor::parse(bytes).unwrap_or_else(|error| panic!("{bytes:02x?}: {error}"));
    written::write(&descriptor, SecurityInformation::ALL, &mut text).unwrap_or_else(|_| panic!("{descriptor:?}"));
    text
}

/// What becomes of a text that is read and written.
#[track_caller]
fn again(given: &str) -> String {
    text(&bytes(given))
}
