//! What is wrong with a task XML, and where.

use roxmltree::Node;

use super::NAMESPACE;
use crate::status::Status;

/// The most bytes of a node's name or value that an error carries; longer ones are cut at a character.
pub const ERROR_TEXT: usize = 128;

/// What is wrong with a task XML and where: TASK_XML_ERROR_INFO, [MS-TSCH] 2.3.10.
///
/// `Display` writes the triple that users debug by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XmlError {
    /// One of the SCHED_E codes of 3.2.5.4.2, E_NONE_MAPPED, or E_OUTOFMEMORY.
    pub status: Status,
    /// First line is 1; 0 if there is no place.
    pub line: u32,
    /// First column is 1, in UTF-16 code units; 0 if there is no place.
    pub column: u32,
    /// Element or attribute.
    pub node: heapless::String<ERROR_TEXT>,
    /// The offending value, the namespace of a node that has the wrong one, what a parser says, or empty.
    pub value: heapless::String<ERROR_TEXT>,
}

impl core::fmt::Display for XmlError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "({},{}):{}:{}: {}", self.line, self.column, self.node, self.value, self.status)?;
        self.status.meaning().map_or(Ok(()), |meaning| write!(f, ": {meaning}"))
    }
}

impl core::error::Error for XmlError {}

impl XmlError {
    /// An error that has no place.
    pub(super) const fn nowhere(status: Status) -> Self {
        Self { status, line: 0, column: 0, node: heapless::String::new(), value: heapless::String::new() }
    }

    /// The text is not XML at byte `at` of `text`.
    pub(super) fn malformed(text: &str, at: usize, why: &str) -> Self {
        Fault::malformed(at, why).in_text(text, &[])
    }
}

/// What is read is refused, and its [`Reading`](super::element::Reading) knows why. Most of what reads returns little, so that
/// what is passed on at every step weighs more than what it is about: this weighs nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refused;

/// An error while its text is still there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fault<'d> {
    pub(super) status: Status,
    /// Offset in the text.
    pub(super) at: usize,
    pub(super) node: &'d str,
    pub(super) value: &'d str,
}

impl<'d> Fault<'d> {
    /// There is no memory for this text, or it is so dense that it takes more than [`limits`](crate::limits) allow.
    pub(super) const NO_MEMORY: Self = Self {
        status: Status::E_OUTOFMEMORY,
        at: 0,
        node: "",
        value: "more memory than a text of this length may take",
    };

    /// The text is not XML at `at`.
    pub(super) const fn malformed(at: usize, why: &'d str) -> Self {
        Self { status: Status::SCHED_E_MALFORMEDXML, at, node: "", value: why }
    }

    /// An element is not expected where it is.
    pub(super) fn unexpected(node: Node<'d, 'd>) -> Self {
        let (at, node) = (node.range().start, node.tag_name().name());
        Self { status: Status::SCHED_E_UNEXPECTEDNODE, at, node, value: "" }
    }

    /// There is more of an element, or in it, than there may be.
    pub(super) fn too_many(node: Node<'d, 'd>) -> Self {
        Self { status: Status::SCHED_E_TOO_MANY_NODES, ..Self::unexpected(node) }
    }

    /// Every element must be of the one namespace.
    pub(super) fn check_namespace(node: Node<'d, 'd>) -> Result<(), Self> {
        match node.tag_name().namespace() {
            Some(NAMESPACE) => Ok(()),
            namespace => {
                let value = namespace.unwrap_or_default();
                Err(Self { status: Status::SCHED_E_NAMESPACE, value, ..Self::unexpected(node) })
            }
        }
    }

    /// The error, at its place in the text as it was before `gaps` were taken out.
    pub(super) fn in_text(self, text: &str, gaps: &[Gap]) -> XmlError {
        if self.status == Status::E_OUTOFMEMORY {
            return XmlError { value: cut(self.value), ..XmlError::nowhere(self.status) };
        }
        let (line, column) = place(text, gaps, self.at);
        XmlError { status: self.status, line, column, node: cut(self.node), value: cut(self.value) }
    }
}

/// White space between two tags that was taken out of a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gap {
    /// Offset of it, and so of what follows when it is gone.
    pub(super) at: u32,
    /// Bytes of it.
    pub(super) length: u16,
    /// Lines that end in it.
    lines: u16,
    /// Its characters, or those behind the last line that ends in it.
    columns: u16,
}

impl Gap {
    /// That of white space, if the text is nothing else, and not so long that nobody could say where it ends.
    pub(super) fn new(space: &str, at: usize) -> Option<Self> {
        let length = u16::try_from(space.len()).ok()?;
        let (mut lines, mut columns, mut last) = (0, 0, 0);
        for byte in space.bytes() {
            match byte {
                b'\n' if last == b'\r' => {}
                b'\n' | b'\r' => (lines, columns) = (lines + 1, 0),
                b' ' | b'\t' => columns += 1,
                _ => return None,
            }
            last = byte;
        }
        Some(Self { at: u32::try_from(at).ok()?, length, lines, columns })
    }
}

/// Line and column of a byte offset. A line ends with a line feed, or a carriage return that none follows.
fn place(text: &str, gaps: &[Gap], at: usize) -> (u32, u32) {
    let (mut line, mut column) = (1, 1);
    let mut gaps = gaps.iter().peekable();
    let mut characters = text.char_indices().peekable();
    while let Some((offset, character)) = characters.next() {
        if let Some(gap) = gaps.next_if(|gap| gap.at as usize == offset) {
            line += u32::from(gap.lines);
            column = u32::from(gap.columns) + if gap.lines == 0 { column } else { 1 };
        }
        if offset >= at {
            break;
        }
        let next = characters.peek().map(|(_, next)| *next);
        if character == '\n' || (character == '\r' && next != Some('\n')) {
            (line, column) = (line + 1, 1);
        } else {
            column += character.len_utf16() as u32;
        }
    }
    (line, column)
}

/// As much of `text` as an error carries.
fn cut(text: &str) -> heapless::String<ERROR_TEXT> {
    let mut cut = heapless::String::new();
    // A character that does not fit ends it.
    let _ = text.chars().try_for_each(|character| cut.push(character));
    cut
}
