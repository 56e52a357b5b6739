//! Security descriptors in their written form.

use mainspring::{
    limits::SECURITY_DESCRIPTOR,
    security::{Descriptor, sddl::read},
    sid::Sid,
};

/// A text. It is refused in a place that it has, or is a descriptor, which stays what it is when it is written.
pub fn sddl(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut room = [0; SECURITY_DESCRIPTOR];
    let domain = Sid::parse("S-1-5-21-1-2-3");
    match read(text, domain.as_ref(), &mut room) {
        Ok(length) => {
            super::descriptor::look(&Descriptor::parse(&room[..length]).expect("what is read is a descriptor"));
        }
        Err(error) => {
            assert!(error.at <= text.len() && text.is_char_boundary(error.at), "{error}");
            // Half a buffer more changes nothing.
            assert_eq!(read(text, domain.as_ref(), &mut [0; SECURITY_DESCRIPTOR * 3 / 2]), Err(error));
        }
    }
}
