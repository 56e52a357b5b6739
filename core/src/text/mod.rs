//! Text as the protocols carry it: UTF-16 in either byte order, borrowed from the wire.
//!
//! A [`Utf16`] may hold nonsense (lone surrogates, NULs); whoever turns it into a `str` is told so.

mod upper;

use crate::bytes::{Full, Order, Writer};
use upper::upper;

/// A borrowed run of UTF-16 code units.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Utf16<'b> {
    // INVARIANT: an even number of bytes.
    bytes: &'b [u8],
    order: Order,
}

/// Text could not be taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextError {
    /// A surrogate stands alone at this code unit.
    LoneSurrogate {
        /// Index of the code unit.
        at: usize,
    },
    /// The UTF-8 form is longer than the room there is.
    TooLong {
        /// Bytes of room.
        capacity: usize,
    },
}

impl core::fmt::Display for TextError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::LoneSurrogate { at } => write!(f, "lone surrogate at code unit {at}"),
            Self::TooLong { capacity } => write!(f, "text is longer than {capacity} bytes of UTF-8"),
        }
    }
}

impl core::error::Error for TextError {}

impl<'b> Utf16<'b> {
    /// The code units in `bytes`; a last odd byte is left out.
    #[must_use]
    pub fn new(bytes: &'b [u8], order: Order) -> Self {
        Self { bytes: bytes.get(..bytes.len() & !1).unwrap_or_default(), order }
    }

    /// Little-endian code units; a last odd byte is left out.
    #[must_use]
    pub fn little(bytes: &'b [u8]) -> Self {
        Self::new(bytes, Order::Little)
    }

    /// Number of code units.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.bytes.len() / 2
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The bytes as they are on the wire.
    #[must_use]
    pub const fn bytes(&self) -> &'b [u8] {
        self.bytes
    }

    /// The byte order of [`bytes`](Self::bytes).
    #[must_use]
    pub const fn order(&self) -> Order {
        self.order
    }

    /// The code units.
    pub fn units(&self) -> impl Iterator<Item = u16> + Clone + 'b {
        let order = self.order;
        self.bytes.chunks_exact(2).map(move |pair| {
            let pair = [pair[0], pair[1]];
            match order {
                Order::Little => u16::from_le_bytes(pair),
                Order::Big => u16::from_be_bytes(pair),
            }
        })
    }

    /// The characters; a lone surrogate is an error at its place.
    pub fn chars(&self) -> impl Iterator<Item = Result<char, core::char::DecodeUtf16Error>> + Clone + 'b {
        char::decode_utf16(self.units())
    }

    /// Without the NULs that it ends with.
    #[must_use]
    pub fn without_end(&self) -> Self {
        let mut bytes = self.bytes;
        while let Some((before, [0, 0])) = bytes.split_last_chunk() {
            bytes = before;
        }
        Self { bytes, order: self.order }
    }

    /// Writes the text as UTF-8 to the front of `into` and lends it as a `str`.
    ///
    /// # Errors
    /// [`TextError`] for a lone surrogate or if `into` is too small.
    pub fn to_utf8<'i>(&self, into: &'i mut [u8]) -> Result<&'i str, TextError> {
        let capacity = into.len();
        let mut end = 0;
        let mut at = 0;
        for character in self.chars() {
            let character = character.map_err(|_| TextError::LoneSurrogate { at })?;
            at += character.len_utf16();
            let room = into.get_mut(end..end + character.len_utf8()).ok_or(TextError::TooLong { capacity })?;
            character.encode_utf8(room);
            end += character.len_utf8();
        }
        let (written, _) = into.split_at(end);
        core::str::from_utf8(written).map_err(|_| TextError::TooLong { capacity })
    }

    /// The text as an owned string of at most `N` bytes.
    ///
    /// # Errors
    /// [`TextError`] for a lone surrogate or if it is longer.
    pub fn to_string<const N: usize>(&self) -> Result<heapless::String<N>, TextError> {
        let mut string = heapless::String::new();
        let mut at = 0;
        for character in self.chars() {
            let character = character.map_err(|_| TextError::LoneSurrogate { at })?;
            at += character.len_utf16();
            string.push(character).map_err(|_| TextError::TooLong { capacity: N })?;
        }
        Ok(string)
    }

    /// Whether the text is `text`, letter case aside.
    #[must_use]
    pub fn eq_ignore_case(&self, text: &str) -> bool {
        let mut left = self.chars().map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER)).map(upper);
        let mut right = folded(text);
        loop {
            match (left.next(), right.next()) {
                (None, None) => return true,
                (left, right) if left != right => return false,
                _ => {}
            }
        }
    }
}

impl core::fmt::Debug for Utf16<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Write::write_char(f, '"')?;
        for character in self.chars() {
            write!(f, "{}", character.unwrap_or(char::REPLACEMENT_CHARACTER).escape_debug())?;
        }
        core::fmt::Write::write_char(f, '"')
    }
}

/// The characters of `text` folded for comparison without letter case, as NTFS and the task store do: each in its upper case
/// where that is one character.
pub fn folded(text: &str) -> impl Iterator<Item = char> + Clone + '_ {
    text.chars().map(upper)
}

/// The character as [`folded`] has it.
#[must_use]
pub fn fold(character: char) -> char {
    upper(character)
}

/// Whether two texts are the same, letter case aside.
#[must_use]
pub fn eq_ignore_case(left: &str, right: &str) -> bool {
    folded(left).eq(folded(right))
}

/// Writes `text` as UTF-16LE.
///
/// # Errors
/// [`Full`] if it does not fit; what did fit is written then.
pub fn put_utf16(writer: &mut Writer<'_>, text: &str) -> Result<(), Full> {
    text.encode_utf16().try_for_each(|unit| writer.u16(unit))
}
