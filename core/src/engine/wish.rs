//! The wish of a task to have made up for what it missed, as it stands in the text of its Data element.
//!
//! The text is markup, or was CDATA and may be anything. It is gone through once, and where a tag does not end or none is open
//! that could, it is at its end; names of end tags are not compared. A wish is an element CatchUp of our namespace that is a child of
//! Data: not what stands in other elements, in a comment or in CDATA. The namespace is declared by the element itself, as all are
//! that the definition's XML is kept with, by default or with a prefix. Neither it nor the words are read where they have references
//! to characters. Of several wishes the first counts that can be read.

use super::CatchUp;

const NAMESPACE: &str = "urn:mainspring:task";

/// Bytes of the longest wish and some more.
const LONGEST: usize = 16;

/// A piece of markup, or what is between two.
enum Piece<'d> {
    /// A tag, without its brackets, and whether it is the whole element.
    Start(&'d str, bool),
    End,
    /// Text or CDATA.
    Text(&'d str),
    /// A comment or an instruction.
    Other,
}

struct Pieces<'d>(&'d str);

impl<'d> Iterator for Pieces<'d> {
    type Item = Piece<'d>;

    fn next(&mut self) -> Option<Piece<'d>> {
        let Some(markup) = self.0.strip_prefix('<') else {
            let (text, rest) = self.0.split_at_checked(self.0.find('<').unwrap_or(self.0.len()))?;
            self.0 = rest;
            return (!text.is_empty()).then_some(Piece::Text(text));
        };
        for (begin, end, is_text) in [("!--", "-->", false), ("![CDATA[", "]]>", true), ("?", "?>", false)] {
            if let Some(inside) = markup.strip_prefix(begin) {
                let (inside, rest) = inside.split_once(end)?;
                self.0 = rest;
                return Some(if is_text { Piece::Text(inside) } else { Piece::Other });
            }
        }
        let mut quote = None;
        let end = markup.bytes().position(|byte| {
            match (quote, byte) {
                (None, b'"' | b'\'') => quote = Some(byte),
                (Some(open), _) if open == byte => quote = None,
                _ => {}
            }
            quote.is_none() && byte == b'>'
        })?;
        let (tag, rest) = markup.split_at_checked(end)?;
        self.0 = rest.strip_prefix('>')?;
        Some(match tag.strip_suffix('/') {
            _ if tag.starts_with('/') => Piece::End,
            Some(tag) => Piece::Start(tag, true),
            None => Piece::Start(tag, false),
        })
    }
}

/// What a Data element of this text wishes.
#[inline(never)] // What it needs of the stack is not for those that go on from there.
pub(super) fn wish(data: &str) -> Option<CatchUp> {
    if !data.contains(NAMESPACE) {
        return None;
    }
    let mut pieces = Pieces(data);
    let mut depth = 0_u32;
    while let Some(piece) = pieces.next() {
        match piece {
            Piece::Start(tag, is_whole) => {
                if depth == 0
                    && !is_whole
                    && is_wish(tag)
                    && let Some(wish) = read(Pieces(pieces.0))
                {
                    return Some(wish);
                }
                depth = depth.saturating_add(u32::from(!is_whole));
            }
            Piece::End => depth = depth.checked_sub(1)?,
            Piece::Text(_) | Piece::Other => {}
        }
    }
    None
}

/// Whether a start tag is that of a wish.
fn is_wish(tag: &str) -> bool {
    let (name, mut attributes) = tag.split_at(tag.find(|byte: char| byte.is_ascii_whitespace()).unwrap_or(tag.len()));
    let (prefix, local) = name.split_once(':').unwrap_or(("", name));
    if local != "CatchUp" {
        return false;
    }
    while let Some((name, value)) = attributes.split_once('=') {
        let value = value.trim_start();
        let quote = if value.starts_with('"') { '"' } else { '\'' };
        let Some((value, rest)) = value.strip_prefix(quote).and_then(|value| value.split_once(quote)) else {
            return false;
        };
        let declared = match name.trim() {
            "xmlns" => Some(""),
            name => name.strip_prefix("xmlns:"),
        };
        if declared == Some(prefix) {
            return value == NAMESPACE;
        }
        attributes = rest;
    }
    false
}

/// The wish that stands up to the next end tag.
fn read(mut pieces: Pieces<'_>) -> Option<CatchUp> {
    let mut words = heapless::String::<LONGEST>::new();
    loop {
        match pieces.next()? {
            Piece::Text(text) => {
                for character in text.chars() {
                    let is_space = matches!(character, ' ' | '\t' | '\r' | '\n');
                    // However much there is of it, and wherever, it says no more than one of it between two words.
                    if !is_space || !(words.is_empty() || words.ends_with(' ')) {
                        words.push(if is_space { ' ' } else { character }).ok()?;
                    }
                }
            }
            Piece::Other => {}
            Piece::Start(..) => return None,
            Piece::End => break,
        }
    }
    match words.strip_suffix(' ').unwrap_or(&words) {
        "skip" => Some(CatchUp::Skip),
        "latest" => Some(CatchUp::Latest),
        all => {
            // The parser of numbers would take a sign, and zeros before the number.
            let count = all.strip_prefix("all ").filter(|count| matches!(count.bytes().next(), Some(b'1'..=b'9')))?;
            count.parse().ok().filter(|count| *count <= CatchUp::MOST).map(CatchUp::All)
        }
    }
}
