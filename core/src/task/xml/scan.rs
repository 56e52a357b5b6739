//! What is checked before a tree is built, so that the tree stays within its bounds whatever the text is.

use alloc::{string::String, vec::Vec};

use super::error::XmlError;
use crate::{
    limits::{XML_ATTRIBUTES, XML_DEPTH, XML_NODES, XML_UNITS},
    status::Status,
    task::opaque::is_xml,
    text::Utf16,
};

/// Namespace declarations of a whole document: each element may inherit them all, so they are few.
const NAMESPACES: usize = 64;

/// The text as UTF-8.
pub(super) fn transcode(xml: Utf16<'_>) -> Result<String, XmlError> {
    if xml.len() > XML_UNITS {
        return Err(XmlError::nowhere(Status::E_OUTOFMEMORY));
    }
    let width = |unit| match unit {
        0..0x80 => 1,
        0x80..0x800 | 0xD800..0xE000 => 2,
        _ => 3,
    };
    let mut text = Vec::new();
    text.try_reserve_exact(xml.units().map(width).sum()).map_err(|_| XmlError::nowhere(Status::E_OUTOFMEMORY))?;
    let mut lone_surrogate = false;
    // Almost all of it is ASCII, so that is what the loop is made for.
    let mut units = xml.units();
    while let Some(unit) = units.next() {
        if unit < 0x80 {
            text.push(unit as u8);
            continue;
        }
        let low = if (0xD800..0xDC00).contains(&unit) { units.next() } else { None };
        let Some(Ok(character)) = char::decode_utf16([unit].into_iter().chain(low)).next() else {
            lone_surrogate = true;
            break;
        };
        text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
    // Cannot fail: it was made of characters.
    let text = String::from_utf8(text).unwrap_or_default();
    if lone_surrogate { Err(XmlError::malformed(&text, text.len(), "lone surrogate")) } else { Ok(text) }
}

/// The same bound for text that is UTF-8 already.
pub(super) fn check_length(text: &str) -> Result<(), XmlError> {
    let is_short = text.len() <= XML_UNITS || text.encode_utf16().count() <= XML_UNITS;
    if is_short { Ok(()) } else { Err(XmlError::nowhere(Status::E_OUTOFMEMORY)) }
}

/// Bounds nesting, attributes and declarations, and refuses document types and with them entities. It need not tell
/// all that is not well-formed: the parser does.
pub(super) fn check(text: &str) -> Result<(), XmlError> {
    let (mut depth, mut attributes, mut namespaces) = (0_usize, 0, 0);
    let mut at = 0;
    while let Some(next) = position(text, at, |byte| matches!(byte, b'<' | b'&')) {
        let markup = text.get(next..).unwrap_or_default();
        let malformed = |why| Err(XmlError::malformed(text, next, why));
        let end = match markup.as_bytes() {
            [b'&', ..] => {
                check_references(text, next..next + 1)?;
                Some(next)
            }
            [b'<', b'/', ..] => {
                depth = depth.saturating_sub(1);
                position(text, next, |byte| byte == b'>')
            }
            [b'<', b'?', ..] => find(text, next + 2, "?>"),
            [b'<', b'!', b'-', b'-', ..] => find(text, next + 4, "-->"),
            [b'<', b'!', b'[', ..] => find(text, next + 3, "]]>"),
            [b'<', b'!', ..] => return malformed("a document type is not allowed"),
            _ => {
                let tag = Tag::read(markup);
                attributes += tag.attributes;
                namespaces += tag.namespaces;
                if tag.attributes > XML_ATTRIBUTES || attributes > XML_NODES as usize {
                    return malformed("too many attributes");
                }
                if namespaces > NAMESPACES {
                    return malformed("too many namespaces");
                }
                if !tag.is_empty {
                    depth += 1;
                    if depth > XML_DEPTH {
                        return malformed("nested too deeply");
                    }
                }
                if tag.attributes != 0 {
                    check_references(text, next..next + tag.length)?;
                }
                Some(next + tag.length)
            }
        };
        match end {
            Some(end) => at = end + 1,
            None => break,
        }
    }
    Ok(())
}

/// Refuses references that start in `range` to what is no character, such as surrogates, for which the parser would
/// put in another.
fn check_references(text: &str, range: core::ops::Range<usize>) -> Result<(), XmlError> {
    let (within, mut at) = (text.get(..range.end).unwrap_or_default(), range.start);
    while let Some(reference) = position(within, at, |byte| byte == b'&') {
        at = reference + 1;
        let Some(digits) = text.get(at..).and_then(|rest| rest.strip_prefix('#')) else { continue };
        let (digits, radix) = digits.strip_prefix('x').map_or((digits, 10), |digits| (digits, 16));
        let end = digits.find(|character: char| !character.is_ascii_hexdigit()).unwrap_or(digits.len());
        let number = digits.get(..end).and_then(|digits| u32::from_str_radix(digits, radix).ok());
        if !number.and_then(char::from_u32).is_some_and(is_xml) {
            return Err(XmlError::malformed(text, reference, "a reference to what is no character"));
        }
    }
    Ok(())
}

/// The offset of the first byte at or after `from` that is `wanted`.
fn position(text: &str, from: usize, wanted: impl Fn(u8) -> bool) -> Option<usize> {
    Some(from + text.as_bytes().get(from..)?.iter().position(|byte| wanted(*byte))?)
}

/// The offset of `what` at or after `from`.
fn find(text: &str, from: usize, what: &str) -> Option<usize> {
    Some(from + text.get(from..)?.find(what)?)
}

/// What a start tag costs.
struct Tag {
    /// Bytes up to its `>`.
    length: usize,
    attributes: usize,
    namespaces: usize,
    is_empty: bool,
}

impl Tag {
    /// Reads a tag from its `<` on.
    fn read(markup: &str) -> Self {
        let mut tag = Self { length: markup.len(), attributes: 0, namespaces: 0, is_empty: false };
        let mut quote = None;
        let mut name = 0;
        let mut before = 0;
        for (at, byte) in markup.bytes().enumerate() {
            match (quote, byte) {
                (Some(open), _) if byte == open => quote = None,
                (Some(_), _) => {}
                (None, b'"' | b'\'') => quote = Some(byte),
                (None, b'>') => {
                    tag.length = at;
                    tag.is_empty = before == b'/';
                    break;
                }
                (None, b'=') => {
                    tag.attributes += 1;
                    tag.namespaces += usize::from(markup.get(name..).is_some_and(|name| name.starts_with("xmlns")));
                }
                (None, b' ' | b'\t' | b'\r' | b'\n') => name = at + 1,
                (None, _) => {}
            }
            before = byte;
        }
        tag
    }
}
