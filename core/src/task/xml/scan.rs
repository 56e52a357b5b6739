//! What is checked before a tree is built, so that the tree stays within its bounds whatever the text is.

use alloc::string::String;

use super::error::XmlError;
use crate::{
    limits::{XML_ATTRIBUTES, XML_DEPTH, XML_NODES, XML_UNITS},
    status::Status,
    task::opaque::is_xml,
    text::Utf16,
};

/// Namespace declarations of a whole document: each element may inherit them all, so they are few.
const NAMESPACES: usize = 64;

/// The text as UTF-8, without a byte order mark.
pub(super) fn transcode(xml: Utf16<'_>) -> Result<String, XmlError> {
    if xml.len() > XML_UNITS {
        return Err(XmlError::nowhere(Status::E_OUTOFMEMORY));
    }
    let bytes = xml.chars().map(|character| character.map_or(3, char::len_utf8)).sum();
    let mut text = String::new();
    text.try_reserve_exact(bytes).map_err(|_| XmlError::nowhere(Status::E_OUTOFMEMORY))?;
    for character in xml.chars() {
        match character {
            Ok(character) => text.push(character),
            Err(_) => return Err(XmlError::malformed(&text, text.len(), "lone surrogate")),
        }
    }
    Ok(text)
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
    while let Some(open) = find(text, at, "<") {
        check_references(text, at..open)?;
        let markup = text.get(open..).unwrap_or_default();
        let malformed = |why| Err(XmlError::malformed(text, open, why));
        let end = if markup.starts_with("<!--") {
            find(text, open + 4, "-->")
        } else if markup.starts_with("<![CDATA[") {
            find(text, open + 9, "]]>")
        } else if markup.starts_with("<!") {
            return malformed("a document type is not allowed");
        } else if markup.starts_with("<?") {
            find(text, open + 2, "?>")
        } else if markup.starts_with("</") {
            depth = depth.saturating_sub(1);
            find(text, open + 2, ">")
        } else {
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
            check_references(text, open..open + tag.length)?;
            Some(open + tag.length)
        };
        match end {
            Some(end) => at = end,
            None => break,
        }
    }
    Ok(())
}

/// Refuses references to what is no character, such as surrogates, for which the parser would put in another.
fn check_references(text: &str, range: core::ops::Range<usize>) -> Result<(), XmlError> {
    let mut at = range.start;
    while let Some(reference) = text.get(at..range.end).and_then(|rest| rest.find("&#")) {
        at += reference;
        let digits = text.get(at + 2..range.end).unwrap_or_default();
        let (digits, radix) = digits.strip_prefix('x').map_or((digits, 10), |digits| (digits, 16));
        let end = digits.find(|character: char| !character.is_ascii_hexdigit()).unwrap_or(digits.len());
        let number = digits.get(..end).and_then(|digits| u32::from_str_radix(digits, radix).ok());
        if !number.and_then(char::from_u32).is_some_and(is_xml) {
            return Err(XmlError::malformed(text, at, "a reference to what is no character"));
        }
        at += 2;
    }
    Ok(())
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
