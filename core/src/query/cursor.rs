//! The characters of a query, out of plain text or out of XML, without a copy of them.

use core::fmt::Write;

use super::Fault;

/// How the characters are spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As they are.
    Plain,
    /// As the content of an element, which ends at the next tag.
    Content,
    /// As a CDATA section of such a content.
    Section,
    /// As the value of an attribute.
    Attribute,
}

/// A place in the text of a query, from which characters are read. The rest reaches to the end of the whole text, so that its
/// length says where the place is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'q> {
    rest: &'q str,
    form: Form,
}

/// White space of XML and of XPath.
pub(super) const fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

/// Whether a name may hold the byte. Those beyond ASCII belong to letters here, which no name of an event has.
const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | 0x80..)
}

/// What a reference stands for, and the bytes that it takes; `None` if it stands for nothing that XML knows.
fn reference(rest: &str) -> Option<(char, usize)> {
    /// Bytes of the longest that is looked at, which is more than `&#x10FFFF;` has.
    const LONGEST: usize = 16;
    let end = rest.bytes().take(LONGEST).position(|byte| byte == b';')?;
    let name = rest.get(1..end)?;
    let character = match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let digits = name.strip_prefix('#')?;
            let (digits, radix) = digits.strip_prefix('x').map_or((digits, 10), |digits| (digits, 16));
            if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return None;
            }
            let character = char::from_u32(u32::from_str_radix(digits, radix).ok()?)?;
            if (character < ' ' && !is_space(character)) || matches!(character, '\u{FFFE}' | '\u{FFFF}') {
                return None;
            }
            character
        }
    };
    Some((character, end + 1))
}

/// The text behind the next `end`; `None` without one.
pub(super) fn behind<'q>(text: &'q str, end: &str) -> Option<&'q str> {
    text.split_once(end).map(|(_, after)| after)
}

impl<'q> Cursor<'q> {
    /// At the start of plain text.
    pub(super) const fn plain(rest: &'q str) -> Self {
        Self { rest, form: Form::Plain }
    }

    /// At the start of an element's content.
    pub(super) const fn content(rest: &'q str) -> Self {
        Self { rest, form: Form::Content }
    }

    /// Bytes to the end of the whole text.
    pub(super) const fn left(&self) -> usize {
        self.rest.len()
    }

    /// Goes over markup that stands for no character.
    #[inline]
    fn settle(&mut self) {
        if matches!(self.rest.as_bytes().first(), Some(b'<' | b']')) {
            self.settle_marked();
        }
    }

    fn settle_marked(&mut self) {
        loop {
            let after = match self.form {
                Form::Content if self.rest.starts_with('<') => {
                    if let Some(inside) = self.rest.strip_prefix("<![CDATA[") {
                        self.form = Form::Section;
                        Some(inside)
                    } else if let Some(inside) = self.rest.strip_prefix("<!--") {
                        behind(inside, "-->")
                    } else {
                        self.rest.strip_prefix("<?").and_then(|inside| behind(inside, "?>"))
                    }
                }
                Form::Section if self.rest.starts_with("]]>") => {
                    self.form = Form::Content;
                    self.rest.get(3..)
                }
                _ => None,
            };
            match after {
                Some(after) => self.rest = after,
                None => return,
            }
        }
    }

    /// The next byte, if it is a character that stands for itself however it is spelled.
    #[inline]
    fn simple(&self) -> Option<u8> {
        let &byte = self.rest.as_bytes().first()?;
        let is_simple = match byte {
            b'<' | b'&' | b'\r' | b'\n' | b'\t' | 0x80.. => false,
            b']' => self.form != Form::Section,
            _ => true,
        };
        is_simple.then_some(byte)
    }

    /// The next character, gone over; `None` at the end and where something is broken.
    #[inline]
    pub(super) fn next(&mut self) -> Option<char> {
        if let Some(byte) = self.simple() {
            self.rest = self.rest.get(1..)?;
            return Some(char::from(byte));
        }
        self.next_of_any()
    }

    fn next_of_any(&mut self) -> Option<char> {
        self.settle();
        let character = self.rest.chars().next()?;
        let (meant, bytes) = match (self.form, character) {
            (Form::Content | Form::Attribute, '<') => return None,
            (Form::Content | Form::Attribute, '&') => reference(self.rest)?,
            (Form::Plain, _) => (character, character.len_utf8()),
            // An end of line is one character, however it is written.
            (form, '\r') => {
                let bytes = 1 + usize::from(self.rest.as_bytes().get(1) == Some(&b'\n'));
                (if form == Form::Attribute { ' ' } else { '\n' }, bytes)
            }
            (Form::Attribute, '\n' | '\t') => (' ', 1),
            _ => (character, character.len_utf8()),
        };
        self.rest = self.rest.get(bytes..)?;
        Some(meant)
    }

    /// The next character, not gone over.
    #[inline]
    pub(super) fn peek(&self) -> Option<char> {
        if let Some(byte) = self.simple() {
            return Some(char::from(byte));
        }
        let mut ahead = *self;
        ahead.next_of_any()
    }

    /// Why there is no next character, if not because the text or the element ends here.
    pub(super) fn broken(&self) -> Option<Fault> {
        let mut here = *self;
        if here.next().is_some() {
            return None;
        }
        match here.form {
            Form::Content if here.rest.starts_with("</") => None,
            Form::Content | Form::Attribute if here.rest.starts_with('&') => Some(Fault::Reference),
            Form::Plain => None,
            _ => Some(Fault::Markup),
        }
    }

    /// Goes over white space.
    #[inline]
    pub(super) fn space(&mut self) {
        if self.simple().is_none_or(|byte| byte == b' ') {
            self.space_of_any();
        }
    }

    fn space_of_any(&mut self) {
        if self.form == Form::Plain {
            self.rest = self.rest.trim_start_matches(is_space);
            return;
        }
        let mut ahead = *self;
        while ahead.next().is_some_and(is_space) {
            *self = ahead;
        }
    }

    /// Goes over `mark` if it is next.
    #[inline]
    pub(super) fn eat(&mut self, mark: char) -> bool {
        let mut ahead = *self;
        let is_next = ahead.next() == Some(mark);
        if is_next {
            *self = ahead;
        }
        is_next
    }

    /// Bytes of the rest up to the first that `is_end`, if all of them stand for themselves, and that one too.
    fn run(&self, is_end: impl Fn(u8) -> bool) -> Option<usize> {
        let is_marked = |byte| match self.form {
            Form::Plain => false,
            Form::Content | Form::Attribute => matches!(byte, b'&' | b'<' | b'\r'),
            Form::Section => matches!(byte, b']' | b'\r'),
        };
        let end = self.rest.bytes().position(|byte| is_end(byte) || is_marked(byte));
        match end.and_then(|end| self.rest.as_bytes().get(end)) {
            Some(&byte) if is_marked(byte) => None,
            Some(_) => end,
            None => (self.form == Form::Plain).then_some(self.rest.len()),
        }
    }

    /// Goes over a name, which may be empty.
    pub(super) fn name(&mut self) -> Text<'q> {
        self.settle();
        if let Some((name, rest)) =
            self.run(|byte| !is_name(byte)).and_then(|length| self.rest.split_at_checked(length))
        {
            self.rest = rest;
            return Text(Spelling::Plain(name));
        }
        let from = *self;
        let mut ahead = *self;
        while ahead.next().is_some_and(|character| !character.is_ascii() || is_name(character as u8)) {
            *self = ahead;
        }
        self.settle();
        Text(Spelling::Marked { from, to: self.left() })
    }

    /// Goes over the rest of a literal and the quotation mark at its end; `None` if there is no such mark.
    pub(super) fn literal(&mut self, mark: char) -> Option<Text<'q>> {
        self.settle();
        let plain = self.run(|byte| char::from(byte) == mark).and_then(|length| self.rest.split_at_checked(length));
        if let Some((text, rest)) = plain.filter(|(_, rest)| rest.starts_with(mark)) {
            self.rest = rest.get(1..)?;
            return Some(Text(Spelling::Plain(text)));
        }
        let from = *self;
        loop {
            self.settle();
            let to = self.left();
            if self.next()? == mark {
                return Some(Text(Spelling::Marked { from, to }));
            }
        }
    }

    /// The value of an attribute, of which `rest` is what follows the quotation mark at its start, and what follows the one at
    /// its end; the fault and the bytes left otherwise.
    pub(super) fn attribute(rest: &'q str, mark: char) -> Result<(Text<'q>, &'q str), (usize, Fault)> {
        let mut cursor = Self { rest, form: Form::Attribute };
        loop {
            if let Some(after) = cursor.rest.strip_prefix(mark) {
                let from = Self { rest, form: Form::Attribute };
                return Ok((Text(Spelling::Marked { from, to: cursor.left() }), after));
            }
            if cursor.next().is_none() {
                return Err((cursor.left(), cursor.broken().unwrap_or(Fault::Markup)));
            }
        }
    }
}

/// Some characters of a query: a name, or what a literal or an attribute holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'q>(Spelling<'q>);

#[derive(Debug, Clone, Copy)]
enum Spelling<'q> {
    /// Every byte stands for itself.
    Plain(&'q str),
    /// From here to where so many bytes are left.
    Marked { from: Cursor<'q>, to: usize },
}

/// Bytes of the longest text that anything but text is read from: that of a security identifier.
const LONGEST: usize = 192;

impl<'q> Text<'q> {
    /// The characters.
    pub(super) fn characters(self) -> impl Iterator<Item = char> + 'q {
        let (mut cursor, to) = match self.0 {
            Spelling::Plain(text) => (Cursor::plain(text), 0),
            Spelling::Marked { from, to } => (from, to),
        };
        core::iter::from_fn(move || {
            cursor.settle();
            if cursor.left() <= to { None } else { cursor.next() }
        })
    }

    /// Whether it is `text`.
    pub(super) fn is(self, text: &str) -> bool {
        match self.0 {
            Spelling::Plain(plain) => plain == text,
            Spelling::Marked { .. } => self.characters().eq(text.chars()),
        }
    }

    /// Whether there are no characters.
    pub(super) fn is_empty(self) -> bool {
        self.characters().next().is_none()
    }

    /// What `read` makes of the text; `None` if it is longer than what any of the types is read from.
    pub(super) fn read<T>(self, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        if let Spelling::Plain(plain) = self.0 {
            return read(plain);
        }
        let mut copy = heapless::String::<LONGEST>::new();
        self.characters().try_for_each(|character| copy.write_char(character)).ok()?;
        read(&copy)
    }
}
