//! What is checked before a tree is built, so that the tree stays within its bounds whatever the text is.

use alloc::{string::String, vec::Vec};

use super::{
    error::{Fault, Gap, XmlError},
    heap::{Need, Room},
    keep::keeps_space,
    values::SPACE,
};
use crate::{
    limits::{XML_ATTRIBUTES, XML_DEPTH, XML_NAMESPACES, XML_NODES, XML_UNITS},
    status::Status,
    task::opaque::is_xml,
    text::Utf16,
};

/// A text in blocks of so many units. Almost all of them are nothing but ASCII, which goes through many units at once.
fn blocks(xml: Utf16<'_>) -> impl Iterator<Item = Utf16<'_>> {
    const UNITS: usize = 128;
    xml.bytes().chunks(2 * UNITS).map(move |block| Utf16::new(block, xml.order()))
}

fn is_ascii(block: Utf16<'_>) -> bool {
    block.units().fold(0, |all, unit| all | unit) < 0x80
}

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
    let lengths = blocks(xml).map(|block| if is_ascii(block) { block.len() } else { block.units().map(width).sum() });
    let length = lengths.sum();
    text.try_reserve_exact(length).map_err(|_| XmlError::nowhere(Status::E_OUTOFMEMORY))?;
    let mut lone_surrogate = false;
    let mut rest = xml;
    // Any other unit takes more than a byte.
    if length == xml.len() {
        text.extend(xml.units().map(|unit| unit as u8));
        rest = Utf16::new(&[], xml.order());
    }
    while let Some(block) = blocks(rest).next() {
        let mut taken = 0;
        if is_ascii(block) {
            text.extend(block.units().map(|unit| unit as u8));
            taken = block.len();
        }
        // One of these may begin in this block and end in the next.
        let mut characters = rest.chars();
        while taken < block.len() && !lone_surrogate {
            match characters.next() {
                Some(Ok(character)) => {
                    text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                    taken += character.len_utf16();
                }
                _ => lone_surrogate = true,
            }
        }
        if lone_surrogate {
            break;
        }
        rest = Utf16::new(rest.bytes().get(2 * taken..).unwrap_or_default(), rest.order());
    }
    // Cannot fail: it was made of characters.
    let mut text = String::from_utf8(text).unwrap_or_default();
    if lone_surrogate {
        Err(XmlError::malformed(&text, text.len(), "lone surrogate"))
    } else {
        if text.starts_with('\u{FEFF}') {
            text.remove(0);
        }
        Ok(text)
    }
}

/// The same of text that is UTF-8 already, within the same bound.
pub(super) fn copy(xml: &str) -> Result<String, XmlError> {
    let is_short = xml.len() <= XML_UNITS || xml.encode_utf16().count() <= XML_UNITS;
    let mut text = String::new();
    if !is_short || text.try_reserve_exact(xml.len()).is_err() {
        return Err(XmlError::nowhere(Status::E_OUTOFMEMORY));
    }
    text.push_str(xml.strip_prefix('\u{FEFF}').unwrap_or(xml));
    Ok(text)
}

/// A text that a tree may be built of.
pub(super) struct Source {
    /// Without white space between tags, where it says nothing.
    pub(super) text: String,
    /// Where there was some.
    pub(super) gaps: Vec<Gap>,
    /// What the tree will take.
    pub(super) need: Need,
    /// What may be taken for it.
    pub(super) room: Room,
}

impl Source {
    /// Checks a text, and takes the white space out.
    pub(super) fn new(text: String) -> Result<Self, XmlError> {
        if text.starts_with('\u{FEFF}') {
            // The parser would pass over a second one.
            return Err(XmlError::malformed(&text, 0, "two byte order marks"));
        }
        let room = Room::new(text.len());
        room.take(text.capacity()).map_err(|_| XmlError::nowhere(Status::E_OUTOFMEMORY))?;
        let mut walk = Walk::new(&text, &room);
        walk.check().map_err(|fault| fault.in_text(&text, &[]))?;
        let Walk { mut gaps, need, .. } = walk;
        let mut bytes = text.into_bytes();
        let (mut kept, mut from) = (0, 0);
        for gap in &mut gaps {
            let start = gap.at as usize;
            bytes.copy_within(from..start, kept);
            (kept, from) = (kept + start - from, start + usize::from(gap.length));
            // Not longer than it was.
            gap.at = u32::try_from(kept).unwrap_or(u32::MAX);
        }
        bytes.copy_within(from.., kept);
        bytes.truncate(kept + bytes.len() - from);
        // Cannot fail: what was taken out was ASCII.
        Ok(Self { text: String::from_utf8(bytes).unwrap_or_default(), gaps, need, room })
    }
}

/// What was passed last, as far as the white space behind it is concerned.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Passed {
    StartTag,
    EndTag,
    Other,
}

/// Goes through a text once, before a tree is built.
///
/// Bounds nesting, attributes and declarations, and refuses document types and with them entities. It need not tell all
/// that is not well-formed: the parser does. On the way it counts what the tree will need, and finds the white space between
/// tags that says nothing: that is all of it but what an element holds alone, and what is inside of elements whose markup
/// is kept.
struct Walk<'t> {
    text: &'t str,
    room: &'t Room,
    gaps: Vec<Gap>,
    need: Need,
    depth: usize,
    passed: Passed,
    /// The depth of the element around here whose markup is kept.
    keeping: Option<usize>,
    /// Where the last markup ended, and where the last tag did.
    behind_markup: usize,
    behind_tag: usize,
    /// Whether there was CDATA since the last tag.
    has_cdata: bool,
}

impl<'t> Walk<'t> {
    fn new(text: &'t str, room: &'t Room) -> Self {
        Self {
            text,
            room,
            gaps: Vec::new(),
            // The root, which is no element.
            need: Need { nodes: 1, ..Need::default() },
            depth: 0,
            passed: Passed::Other,
            keeping: None,
            behind_markup: 0,
            behind_tag: 0,
            has_cdata: false,
        }
    }

    fn check(&mut self) -> Result<(), Fault<'t>> {
        let mut at = 0;
        while let Some(next) = position(self.text, at, |byte| matches!(byte, b'<' | b'&')) {
            let markup = self.text.get(next..).unwrap_or_default();
            let end = match markup.as_bytes() {
                [b'&', ..] => {
                    check_references(self.text, next..next + 1)?;
                    at = next + 1;
                    continue;
                }
                [b'<', b'/', b':', ..] => return Err(Fault::malformed(next, NO_PREFIX)),
                [b'<', b'/', ..] => {
                    let end = position(self.text, next, |byte| byte == b'>');
                    self.pass_text(next, Some(Passed::EndTag))?;
                    if self.keeping == Some(self.depth) {
                        self.keeping = None;
                    }
                    self.depth = self.depth.saturating_sub(1);
                    self.pass_tag(next, end, Passed::EndTag);
                    end
                }
                [b'<', b'?', ..] => {
                    let end = find(self.text, next + 2, "?>");
                    check_instruction(self.text, next, end)?;
                    self.pass_other(next, end)?
                }
                [b'<', b'!', b'-', b'-', ..] => self.pass_other(next, find(self.text, next + 4, "-->"))?,
                [b'<', b'!', b'[', ..] => {
                    self.has_cdata = true;
                    self.pass_other(next, find(self.text, next + 3, "]]>"))?
                }
                [b'<', b'!', ..] => return Err(Fault::malformed(next, "a document type is not allowed")),
                _ => Some(self.start_tag(next, markup)?),
            };
            match end {
                Some(end) => at = end + 1,
                None => break,
            }
            self.behind_markup = at;
        }
        Ok(())
    }

    /// Passes a tag, and returns where its last character is.
    fn start_tag(&mut self, at: usize, markup: &str) -> Result<usize, Fault<'t>> {
        self.pass_text(at, Some(Passed::StartTag))?;
        let tag = Tag::read(markup);
        if let Some((at_in_tag, why)) = tag.flaw {
            return Err(Fault::malformed(at + at_in_tag, why));
        }
        let end = at + tag.length;
        self.count_node(at)?;
        self.need.attributes += tag.attributes;
        self.need.namespaces += tag.namespaces;
        if tag.attributes > XML_ATTRIBUTES || self.need.attributes > XML_NODES as usize {
            return Err(Fault::malformed(at, "too many attributes"));
        }
        if self.need.namespaces > XML_NAMESPACES {
            return Err(Fault::malformed(at, "too many namespaces"));
        }
        if tag.attributes != 0 {
            check_references(self.text, at..end)?;
            let written = self.text.get(at..end).unwrap_or_default();
            if written.bytes().any(|byte| matches!(byte, b'&' | b'\r' | b'\n' | b'\t')) {
                self.need.copy(tag.length, tag.attributes);
            }
        }
        if tag.is_empty {
            self.pass_tag(at, Some(end), Passed::EndTag);
            return Ok(end);
        }
        self.depth += 1;
        if self.depth > XML_DEPTH {
            return Err(Fault::malformed(at, "nested too deeply"));
        }
        if self.keeping.is_none() && keeps_space(tag.name) {
            self.keeping = Some(self.depth);
        }
        self.pass_tag(at, Some(end), Passed::StartTag);
        Ok(end)
    }

    /// Counts a node that is no text. Behind a text there is always one.
    fn count_node(&mut self, at: usize) -> Result<(), Fault<'t>> {
        self.need.nodes += 1;
        if self.need.nodes > XML_NODES as usize { Err(Fault::malformed(at, "too many nodes")) } else { Ok(()) }
    }

    fn pass_tag(&mut self, start: usize, end: Option<usize>, passed: Passed) {
        if self.has_cdata {
            // What stands around it is put together with it.
            self.need.copy(2 * (start - self.behind_tag), 2);
            self.has_cdata = false;
        }
        let end = end.map_or(self.text.len(), |end| end + 1);
        self.need.longest = self.need.longest.max(end - start);
        (self.behind_tag, self.passed) = (end, passed);
    }

    fn pass_other(&mut self, start: usize, end: Option<usize>) -> Result<Option<usize>, Fault<'t>> {
        self.pass_text(start, None)?;
        self.count_node(start)?;
        self.passed = Passed::Other;
        Ok(end)
    }

    /// Passes what stands before a markup: text, or white space, which is a gap if it stands between two tags and is not
    /// all that is between the start and the end of one element.
    fn pass_text(&mut self, end: usize, before: Option<Passed>) -> Result<(), Fault<'t>> {
        let start = self.behind_markup;
        let text = self.text.get(start..end).unwrap_or_default();
        if text.is_empty() {
            return Ok(());
        }
        let between = match (self.passed, before) {
            (Passed::StartTag, Some(before)) => before == Passed::StartTag,
            (Passed::EndTag, Some(_)) => true,
            _ => false,
        };
        if between && self.keeping.is_none() {
            // White space that is too long to be told stays.
            if let Some(gap) = Gap::new(text, start) {
                return Ok(self.room.push(&mut self.gaps, gap)?);
            }
        }
        self.need.nodes += 1;
        if text.bytes().any(|byte| matches!(byte, b'&' | b'\r')) {
            self.need.copy(text.len(), 1);
        }
        Ok(())
    }
}

/// Refuses references that start in `range` to what is no character, such as surrogates, for which the parser would
/// put in another.
fn check_references(text: &str, range: core::ops::Range<usize>) -> Result<(), Fault<'_>> {
    let (within, mut at) = (text.get(..range.end).unwrap_or_default(), range.start);
    while let Some(reference) = position(within, at, |byte| byte == b'&') {
        at = reference + 1;
        let Some(digits) = text.get(at..).and_then(|rest| rest.strip_prefix('#')) else { continue };
        let (digits, radix) = digits.strip_prefix('x').map_or((digits, 10), |digits| (digits, 16));
        let end = digits.find(|character: char| !character.is_ascii_hexdigit()).unwrap_or(digits.len());
        let number = digits.get(..end).and_then(|digits| u32::from_str_radix(digits, radix).ok());
        if !number.and_then(char::from_u32).is_some_and(is_xml) {
            return Err(Fault::malformed(reference, "a reference to what is no character"));
        }
    }
    Ok(())
}

const NO_PREFIX: &str = "a prefix that is empty";

/// What is wrong with an attribute that the parser would take: a declaration of what cannot be declared, [XML names] 2.1 and 3.
fn attribute_flaw(written: &str) -> Option<&'static str> {
    if written.starts_with(':') {
        return Some(NO_PREFIX);
    }
    let (name, value) = written.strip_prefix("xmlns:")?.split_once('=')?;
    match name.trim_end_matches(SPACE) {
        "" => Some(NO_PREFIX),
        "xmlns" => Some("the prefix xmlns is declared"),
        _ => {
            let value = value.trim_start_matches(SPACE);
            (value.starts_with("\"\"") || value.starts_with("''")).then_some("a prefix of no namespace")
        }
    }
}

/// Refuses what is called as an XML declaration is, but is none or stands where none may. The parser takes such.
fn check_instruction(text: &str, at: usize, end: Option<usize>) -> Result<(), Fault<'_>> {
    let inside = end.and_then(|end| text.get(at + 2..end)).unwrap_or_default();
    let name = inside.split(SPACE).next().unwrap_or_default();
    if name.contains(':') {
        return Err(Fault::malformed(at, "an instruction with a prefix"));
    }
    if !name.eq_ignore_ascii_case("xml") {
        return Ok(());
    }
    let rest = inside.get(name.len()..).unwrap_or_default();
    if at != 0 || name != "xml" || end.is_some() && !is_declaration(rest) {
        return Err(Fault::malformed(at, "an XML declaration that is none"));
    }
    Ok(())
}

/// Whether this is what an XML declaration says: a version, an encoding, which is not believed, and whether it stands alone.
fn is_declaration(rest: &str) -> bool {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_encoding = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_alphabetic())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    let Some((version, rest)) = pseudo_attribute(rest, "version") else { return false };
    let (encoding, rest) = pseudo_attribute(rest, "encoding").unwrap_or(("any", rest));
    let (alone, rest) = pseudo_attribute(rest, "standalone").unwrap_or(("no", rest));
    version.strip_prefix("1.").is_some_and(is_digits)
        && is_encoding(encoding)
        && ["yes", "no"].contains(&alone)
        && rest.trim_matches(SPACE).is_empty()
}

/// The value of a word of a declaration, if it is the next, and what follows.
fn pseudo_attribute<'t>(text: &'t str, name: &str) -> Option<(&'t str, &'t str)> {
    let value = text.strip_prefix(SPACE)?.trim_start_matches(SPACE).strip_prefix(name)?;
    let value = value.trim_start_matches(SPACE).strip_prefix('=')?.trim_start_matches(SPACE);
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    value.get(1..)?.split_once(quote)
}

/// Where the name or the prefix ends that starts at `from`.
fn name_end(markup: &str, from: usize) -> usize {
    position(markup, from, |byte| matches!(byte, b'>' | b'/' | b':') || is_space(byte)).unwrap_or(markup.len())
}

/// The offset of the first byte at or after `from` that is `wanted`.
fn position(text: &str, from: usize, wanted: impl Fn(u8) -> bool) -> Option<usize> {
    Some(from + text.as_bytes().get(from..)?.iter().position(|byte| wanted(*byte))?)
}

/// Whether a byte is XML's white space.
const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// The offset of `what` at or after `from`.
fn find(text: &str, from: usize, what: &str) -> Option<usize> {
    Some(from + text.get(from..)?.find(what)?)
}

/// What a start tag costs.
struct Tag<'m> {
    /// Without a prefix.
    name: &'m str,
    /// Bytes up to its `>`.
    length: usize,
    attributes: usize,
    namespaces: usize,
    is_empty: bool,
    /// What the parser would not refuse, and where.
    flaw: Option<(usize, &'static str)>,
}

impl<'m> Tag<'m> {
    /// Reads a tag from its `<` on.
    fn read(markup: &'m str) -> Self {
        let mut start = 1;
        let mut end = name_end(markup, start);
        while markup.as_bytes().get(end) == Some(&b':') {
            start = end + 1;
            end = name_end(markup, start);
        }
        let name = markup.get(start..end).unwrap_or_default();
        let mut tag = Self { name, length: markup.len(), attributes: 0, namespaces: 0, is_empty: false, flaw: None };
        if markup.starts_with("<:") {
            tag.flaw = Some((1, NO_PREFIX));
        }
        let (mut quote, mut has_default) = (None, false);
        let mut word = 0;
        let mut before = 0;
        for (at, byte) in markup.bytes().enumerate().skip(end) {
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
                    let written = markup.get(word..).unwrap_or_default();
                    let rest = written.strip_prefix("xmlns").map(|rest| rest.trim_start_matches(SPACE));
                    let is_default = rest.is_some_and(|rest| rest.starts_with('='));
                    tag.namespaces += usize::from(is_default || written.starts_with("xmlns:"));
                    // Of prefixes the parser sees that.
                    let again = (is_default && has_default).then_some("a namespace is declared twice");
                    has_default |= is_default;
                    tag.flaw = tag.flaw.or(again.or(attribute_flaw(written)).map(|why| (word, why)));
                }
                (None, _) if is_space(before) && !is_space(byte) => word = at,
                (None, _) => {}
            }
            before = byte;
        }
        tag
    }
}
