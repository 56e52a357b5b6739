//! What the fuzz targets of `tests/fuzz` do with their bytes.
//!
//! A target panics when it finds something. It is here, and not there, so that `tests/all` can do the same with the bytes
//! that once made it panic, with no fuzzer.

mod at;
mod credential;
mod descriptor;
mod flash;
mod image;
mod job;
mod moments;
mod parameters;
mod query;
mod sddl;
mod xml;

pub use at::at;
pub use credential::credential;
pub use descriptor::descriptor;
pub use flash::flash;
pub use image::image;
pub use job::job;
pub use moments::moments;
pub use parameters::parameters;
pub use query::query;
pub use sddl::sddl;
pub use xml::xml;

/// What a target does with the bytes that a fuzzer makes up.
pub type Target = fn(&[u8]);

/// Every target by its name.
pub const TARGETS: [(&str, Target); 12] = [
    ("at", at),
    ("canary", canary),
    ("credential", credential),
    ("descriptor", descriptor),
    ("flash", flash),
    ("image", image),
    ("job", job),
    ("moments", moments),
    ("parameters", parameters),
    ("query", query),
    ("sddl", sddl),
    ("xml", xml),
];

/// A planted fault that only a fuzzer finds: one that sees which bytes lead farther. It shows that the others are looked at.
pub fn canary(bytes: &[u8]) {
    if let [b'l', b'i', b'e', b's', ..] = bytes {
        panic!("the planted fault");
    }
}
