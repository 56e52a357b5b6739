//! XML that is kept without being understood.
//!
//! It is kept in a canonical form, so that a writer needs no parser: elements without prefixes, one space before each
//! attribute, values in double quotes, no comments, no white space between elements, empty elements as `<a/>`, and of references
//! only those that the text cannot do without. Text may be CDATA. An element of another namespace than the one around it says so
//! in `xmlns`, and a prefix of an attribute is declared in the same tag, before it. Prefixes that values speak of are declared as
//! they were.

/// The deepest nesting that is kept.
pub(super) const DEPTH: usize = crate::limits::XML_DEPTH;
/// The most attributes of one element that are kept.
pub(super) const ATTRIBUTES: usize = crate::limits::XML_ATTRIBUTES;

/// Whether XML 1.0 can hold `character`.
pub(super) const fn is_xml(character: char) -> bool {
    matches!(character,
        '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}')
}

/// Whether XML 1.0 can hold all of `text`.
pub(super) fn is_xml_text(text: &str) -> bool {
    // Almost all of it is ASCII, of which only control characters are out of question.
    text.bytes().all(|byte| (b' '..0x7F).contains(&byte)) || text.chars().all(is_xml)
}

/// Whether an element, an attribute or a prefix may have that name: one of XML 1.0 without a colon.
pub(super) fn is_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(is_name_start) && characters.all(is_in_name)
}

/// Whether a name may start with a character.
const fn is_name_start(character: char) -> bool {
    matches!(character,
        'a'..='z' | 'A'..='Z' | '_' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}'
        | '\u{10000}'..='\u{EFFFF}')
}

/// Whether a name may have a character behind its first.
pub(super) const fn is_in_name(character: char) -> bool {
    is_name_start(character)
        || matches!(character, '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

/// Whether a prefix is one that attributes are given here, whatever theirs was: `n` with a number.
pub(super) fn is_made(prefix: &str) -> bool {
    let number = prefix.strip_prefix('n').filter(|number| !number.is_empty());
    number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether a prefix stands somewhere in a text, which may also be in a value that only its reader understands.
pub(super) fn speaks_of(mut text: impl Iterator<Item = char> + Clone, prefix: &str) -> bool {
    let mut is_inside = false;
    loop {
        let mut there = text.clone();
        if !is_inside && prefix.chars().all(|of| there.next() == Some(of)) && there.next() == Some(':') {
            return true;
        }
        let Some(character) = text.next() else { return false };
        is_inside = is_in_name(character);
    }
}

/// The numbers of the made prefixes that a text speaks of.
#[cfg(feature = "xml")]
pub(super) fn made(text: impl Iterator<Item = char>) -> impl Iterator<Item = usize> {
    // What may be such a prefix up to here: nothing, its `n`, or that and a number.
    let (mut is_inside, mut is_begun, mut number) = (false, false, None);
    text.filter_map(move |character| {
        let found = number.filter(|_| character == ':');
        (is_begun, number) = match character.to_digit(10) {
            Some(digit) if is_begun => {
                (true, Some(number.unwrap_or(0_usize).saturating_mul(10).saturating_add(digit as usize)))
            }
            _ => (character == 'n' && !is_inside, None),
        };
        is_inside = is_in_name(character);
        found
    })
}

/// Whether an attribute may have that name behind those `before` it. Prefixes of attributes are `n` with a number, declared among
/// these, and `xml`; a declaration says something, and if it is not for attributes, a value of `all` that is from here on speaks of it.
fn is_attribute_name(name: &str, value: &str, before: &[&str], all: &str) -> bool {
    match name.split_once(':') {
        None => is_name(name),
        Some(("xmlns", prefix)) => {
            let is_needed = is_made(prefix) || is_name(prefix) && speaks_of(all.chars(), prefix);
            !value.is_empty() && is_needed && !["xml", "xmlns"].contains(&prefix)
        }
        Some((prefix, name)) => {
            let is_declared = |other: &&str| other.strip_prefix("xmlns:") == Some(prefix);
            is_name(name) && (prefix == "xml" || is_made(prefix) && before.iter().any(is_declared))
        }
    }
}

/// A piece of canonical XML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'x> {
    /// A start tag, or an element without content.
    Start {
        name: &'x str,
        /// The attributes as they are written, with a space before each.
        attributes: &'x str,
        is_empty: bool,
    },
    End {
        name: &'x str,
    },
    /// Text with its references, or a CDATA section.
    Text(&'x str),
}

/// Takes the next piece from the front; `None` if the rest is not canonical.
pub(super) fn next(xml: &str) -> Option<(Piece<'_>, &str)> {
    if let Some(rest) = xml.strip_prefix("</") {
        let (name, rest) = rest.split_once('>')?;
        return Some((Piece::End { name }, rest));
    }
    if let Some(rest) = xml.strip_prefix("<![CDATA[") {
        let end = xml.len() - rest.len() + rest.find("]]>")? + 3;
        let (text, rest) = xml.split_at_checked(end)?;
        return Some((Piece::Text(text), rest));
    }
    let Some(tag) = xml.strip_prefix('<') else {
        let (text, rest) = xml.split_at_checked(xml.find('<').unwrap_or(xml.len()))?;
        return Some((Piece::Text(text), rest));
    };
    // No value holds a `>`: it is written as a reference.
    let (tag, rest) = tag.split_once('>')?;
    let (tag, is_empty) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
    let (name, attributes) = tag.split_at_checked(tag.find(' ').unwrap_or(tag.len()))?;
    Some((Piece::Start { name, attributes, is_empty }, rest))
}

/// The names of a sequence of elements, without those inside of them.
pub(super) fn names(xml: &str) -> impl Iterator<Item = &str> {
    let (mut rest, mut depth) = (xml, 0_usize);
    core::iter::from_fn(move || {
        while let Some((piece, after)) = next(rest).filter(|_| !rest.is_empty()) {
            rest = after;
            match piece {
                Piece::Start { name, is_empty, .. } => {
                    depth += usize::from(!is_empty);
                    if depth == usize::from(!is_empty) {
                        return Some(name);
                    }
                }
                Piece::End { .. } => depth = depth.saturating_sub(1),
                Piece::Text(_) => {}
            }
        }
        None
    })
}

/// Whether `xml` is a sequence of elements in canonical form.
pub(super) fn is_canonical(xml: &str) -> bool {
    let mut open = heapless::Vec::<&str, DEPTH>::new();
    let mut rest = xml;
    while !rest.is_empty() {
        let Some((piece, after)) = next(rest) else { return false };
        let all = core::mem::replace(&mut rest, after);
        let is_legal = match piece {
            Piece::Start { name, attributes, is_empty } => {
                is_name(name) && are_attributes(attributes, all) && (is_empty || open.push(name).is_ok())
            }
            Piece::End { name } => open.pop() == Some(name),
            Piece::Text(text) => !open.is_empty() && is_text(text),
        };
        if !is_legal {
            return false;
        }
    }
    open.is_empty()
}

fn is_text(text: &str) -> bool {
    if let Some(section) = text.strip_prefix("<![CDATA[") {
        return section.strip_suffix("]]>").is_some_and(|data| data.chars().all(is_xml));
    }
    is_value(text)
}

/// The text that a reference stands for; nothing for one that is not in canonical XML.
pub(super) fn referred(reference: &str) -> &'static str {
    match reference {
        "lt" => "<",
        "gt" => ">",
        "amp" => "&",
        "quot" => "\"",
        "#9" => "\t",
        "#10" => "\n",
        "#13" => "\r",
        _ => "",
    }
}

/// Whether text has no markup, and only references that every parser knows.
fn is_value(text: &str) -> bool {
    let mut parts = text.split('&');
    let is_plain = |text: &str| text.chars().all(|character| is_xml(character) && !matches!(character, '<' | '>'));
    parts.next().is_some_and(is_plain)
        && parts.all(|part| {
            part.split_once(';').is_some_and(|(reference, text)| !referred(reference).is_empty() && is_plain(text))
        })
}

fn are_attributes(attributes: &str, all: &str) -> bool {
    let mut names = heapless::Vec::<&str, ATTRIBUTES>::new();
    let mut rest = attributes;
    while !rest.is_empty() {
        let attribute = rest.strip_prefix(' ').and_then(|rest| rest.split_once("=\""));
        let Some((name, (value, after))) = attribute.and_then(|(name, rest)| Some((name, rest.split_once('"')?)))
        else {
            return false;
        };
        if !is_attribute_name(name, value, &names, all)
            || names.contains(&name)
            || !is_value(value)
            || names.push(name).is_err()
        {
            return false;
        }
        rest = after;
    }
    true
}

/// What stands between a start tag and its end tag.
#[cfg(feature = "xml")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Inner<'x> {
    pub(super) xml: &'x str,
    /// Whether some of it is text that belongs to the element itself.
    pub(super) has_text: bool,
}

/// Takes what comes up to the end tag that closes a start tag, and the end tag, from the front.
#[cfg(feature = "xml")]
pub(super) fn inner(xml: &str) -> (Inner<'_>, &str) {
    let (mut depth, mut has_text) = (0_usize, false);
    let mut rest = xml;
    while let Some((piece, after)) = next(rest).filter(|_| !rest.is_empty()) {
        match piece {
            Piece::Start { is_empty, .. } => depth += usize::from(!is_empty),
            Piece::Text(_) => has_text |= depth == 0,
            Piece::End { .. } if depth > 0 => depth -= 1,
            Piece::End { .. } => {
                let inner = xml.get(..xml.len() - rest.len()).unwrap_or_default();
                return (Inner { xml: inner, has_text }, after);
            }
        }
        rest = after;
    }
    (Inner { xml, has_text }, "")
}
