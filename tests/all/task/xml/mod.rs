//! Task XML, [MS-TSCH] 2.5: what is read, what is refused and where, and what is written.

// An error carries its texts by value.
#![allow(clippy::result_large_err)]

mod corpus;

use mainspring::{
    sid::Sid,
    task::{
        Image, Path,
        xml::{Registrant, XmlError, read, read_str, write},
    },
    text::Utf16,
};

/// The caller who registers in these tests.
const CALLER: &str = "S-1-5-21-1-2-3-1000";

/// Knows SIDs, and the names of a few accounts.
fn resolve(name: &str) -> Option<Sid> {
    Sid::parse(name).or_else(|| match name {
        "Administrator" | "user" | "HOST\\user" => Sid::parse("S-1-5-21-1-2-3-500"),
        "NT AUTHORITY\\System" | "SYSTEM" => Some(Sid::LOCAL_SYSTEM),
        "Users" => Sid::parse("S-1-5-32-545"),
        _ => None,
    })
}

fn with_registrant<T>(read: impl FnOnce(&mut Registrant<'_>) -> T) -> T {
    let mut resolve = resolve;
    read(&mut Registrant {
        resolve: &mut resolve,
        default_user: Sid::parse(CALLER).unwrap(),
        override_user: None,
        override_logon: None,
    })
}

/// Reads UTF-8 into an image of its own.
fn image_of(xml: &str) -> Result<Vec<u8>, XmlError> {
    let mut buffer = vec![0; 1 << 20];
    with_registrant(|registrant| read_str(xml, registrant, &mut buffer).map(|image| image.bytes().to_vec()))
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Reads what would come over the wire.
fn image_of_wire(xml: &[u8]) -> Result<Vec<u8>, XmlError> {
    let mut buffer = vec![0; 1 << 20];
    with_registrant(|registrant| read(Utf16::little(xml), registrant, &mut buffer).map(|image| image.bytes().to_vec()))
}

/// The normalised form.
fn written(image: &[u8], path: &str) -> String {
    let image = Image::parse(image).unwrap();
    let mut text = String::new();
    write(&image, &Path::parse(path).unwrap(), image.settings().enabled, None, &mut text).unwrap();
    text
}
