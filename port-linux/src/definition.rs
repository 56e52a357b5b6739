//! Reads a task definition from a file: UTF-8 or UTF-16, by its bytes and not by what its declaration says.

use std::path::Path;

use mainspring::limits::XML_UNITS;

/// The most bytes of a file: the longest definition, three bytes of UTF-8 for each unit.
const SIZE_MAX: u64 = 3 * XML_UNITS as u64;

/// The text in a file, without a byte order mark.
///
/// # Errors
/// What to tell the user.
pub(crate) fn read(path: &Path) -> Result<String, String> {
    let told = |reason: &dyn std::fmt::Display| format!("{}: {reason}", path.display());
    let size = std::fs::metadata(path).map_err(|error| told(&error))?.len();
    if size > SIZE_MAX {
        return Err(told(&format!("a definition has at most {SIZE_MAX} bytes")));
    }
    let bytes = std::fs::read(path).map_err(|error| told(&error))?;
    decoded(&bytes).ok_or_else(|| told(&"neither UTF-8 nor UTF-16"))
}

/// A definition begins with `<` or white space, so in UTF-16 one of its first two bytes is zero, with or without a mark.
fn decoded(bytes: &[u8]) -> Option<String> {
    match bytes {
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [1..=u8::MAX, 0, ..] => utf16(bytes, u16::from_le_bytes),
        [0, 1..=u8::MAX, ..] => utf16(bytes, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8(rest.to_vec()).ok(),
        _ => String::from_utf8(bytes.to_vec()).ok(),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (pairs, rest) = bytes.as_chunks();
    if !rest.is_empty() {
        return None;
    }
    char::decode_utf16(pairs.iter().map(|&pair| unit(pair))).collect::<Result<_, _>>().ok()
}
