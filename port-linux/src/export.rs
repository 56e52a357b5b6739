//! Exports of many tasks, as `schtasks /query /xml` prints them: `<Tasks><Task>…</Task>…</Tasks>`. Each is cut out as it stands, to
//! be read like a definition of its own.

use mainspring::task::xml::XmlError;

use crate::definition::{end, malformed};

/// What is said of an export where one definition is needed.
pub(crate) const MANY: &str = "an export of many tasks: put each of them into a file of its own";

/// A task of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part<'t> {
    pub(crate) text: &'t str,
    /// Where it begins, as [`XmlError`] counts.
    line: u32,
    column: u32,
}

impl Part<'_> {
    /// An error of this task, at its place in the export.
    pub(crate) fn place(&self, error: &mut XmlError) {
        if error.line <= 1 {
            error.column = self.column + error.column.saturating_sub(1);
        }
        error.line = self.line + error.line.saturating_sub(1);
    }
}

/// What an export holds, in order: its tasks, and what else is in it that should not be.
pub(crate) type Parts<'t> = Vec<Result<Part<'t>, Box<XmlError>>>;

/// The tasks of a text, if it is an export.
pub(crate) fn tasks(text: &str) -> Option<Parts<'_>> {
    let mut markups = Markups { text, at: 0 };
    let root = markups.find(|markup| markup.kind != Kind::Other)?;
    if root.kind != Kind::Start || root.name() != "Tasks" {
        return None;
    }
    let mut parts = Parts::new();
    let (mut behind, mut depth, mut start) = (root.end, 0_usize, root.end);
    let before = |at: usize| text.get(..at).unwrap_or_default();
    let part = |from: usize, to: usize| {
        let (line, column) = end(before(from));
        Ok(Part { text: text.get(from..to).unwrap_or_default(), line, column })
    };
    let is_space = |from: usize, to: usize| text.get(from..to).is_some_and(|text| text.trim_ascii().is_empty());
    while let Some(markup) = markups.next() {
        if depth == 0 && !is_space(behind, markup.start) {
            parts.push(Err(malformed(before(behind), "text between tasks")));
        }
        match markup.kind {
            Kind::Start => {
                if depth == 0 {
                    start = markup.start;
                }
                depth += 1;
            }
            Kind::Empty if depth == 0 => parts.push(part(markup.start, markup.end)),
            Kind::End if depth == 0 => {
                let rest = markups.find(|markup| markup.kind != Kind::Other).map_or(text.len(), |markup| markup.start);
                if markup.name() != "/Tasks" {
                    parts.push(Err(malformed(before(markup.start), "expected the end of Tasks")));
                } else if rest != text.len() {
                    parts.push(Err(malformed(before(rest), "an element behind Tasks")));
                } else if parts.is_empty() {
                    parts.push(Err(malformed(before(markup.start), "an export without a task")));
                }
                return Some(parts);
            }
            Kind::End => {
                depth -= 1;
                if depth == 0 {
                    parts.push(part(start, markup.end));
                }
            }
            Kind::Empty | Kind::Other => {}
        }
        behind = markup.end;
    }
    parts.push(if depth > 0 { part(start, text.len()) } else { Err(malformed(text, "Tasks is never closed")) });
    Some(parts)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Start,
    Empty,
    End,
    /// A comment, CDATA, or an instruction; or what has no end.
    Other,
}

#[derive(Debug, Clone, Copy)]
struct Markup<'t> {
    kind: Kind,
    text: &'t str,
    start: usize,
    end: usize,
}

impl<'t> Markup<'t> {
    /// The name of an element, with a slash in front of that of its end.
    fn name(&self) -> &'t str {
        let inner = self.text.trim_start_matches('<').trim_end_matches('>').trim_end_matches('/');
        inner.split_ascii_whitespace().next().unwrap_or_default()
    }
}

/// The markups of a text, one after the other.
struct Markups<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Iterator for Markups<'t> {
    type Item = Markup<'t>;

    fn next(&mut self) -> Option<Markup<'t>> {
        let start = self.at + self.text.get(self.at..)?.find('<')?;
        let rest = self.text.get(start..)?;
        let upto = |end: &str| rest.find(end).map(|at| at + end.len());
        let (mut kind, length) = match rest.as_bytes() {
            [b'<', b'!', b'-', b'-', ..] => (Kind::Other, upto("-->")),
            [b'<', b'!', b'[', ..] => (Kind::Other, upto("]]>")),
            [b'<', b'?', ..] => (Kind::Other, upto("?>")),
            [b'<', b'/', ..] => (Kind::End, upto(">")),
            _ => (Kind::Start, tag(rest)),
        };
        let end = length.map_or(self.text.len(), |length| start + length);
        let text = self.text.get(start..end)?;
        if length.is_none() {
            kind = Kind::Other;
        } else if kind == Kind::Start && text.ends_with("/>") {
            kind = Kind::Empty;
        }
        self.at = end;
        Some(Markup { kind, text, start, end })
    }
}

/// Bytes of a tag, in whose values there may be any character but their quote.
fn tag(text: &str) -> Option<usize> {
    let mut quote = None;
    let end = text.bytes().position(|byte| {
        match (quote, byte) {
            (Some(open), _) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, _) => {}
        }
        quote.is_none() && byte == b'>'
    })?;
    Some(end + 1)
}
