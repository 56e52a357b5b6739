//! What a view lends in the form that an image has for it: lists, which have no fixed size, and SIDs, which are long.

use minicbor::Decoder;

use super::{decode, encode};
use crate::sid::{SUB_AUTHORITIES_MAX, Sid};

/// A list of texts.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Texts<'b> {
    // INVARIANT: an array of texts as the layout has it, or nothing.
    cbor: &'b [u8],
}

impl<'b> Texts<'b> {
    /// Makes a list, in a buffer that has room for the texts and for five bytes more of each, and once; `None` if it is too
    /// small.
    #[must_use]
    pub fn new(texts: &[&str], into: &'b mut [u8]) -> Option<Self> {
        encode::texts(texts, into).map(Self::from_image)
    }

    /// How long a buffer for these has to be.
    #[cfg(feature = "xml")]
    pub(in crate::task) fn room(texts: &[&str]) -> usize {
        const HEAD: usize = 5;
        texts.iter().fold(HEAD, |room, text| room + HEAD + text.len())
    }

    /// What an image holds, or [`new`](Self::new) has made.
    pub(in crate::task) const fn from_image(cbor: &'b [u8]) -> Self {
        Self { cbor }
    }

    /// What an image holds.
    pub(in crate::task) const fn as_image(&self) -> &'b [u8] {
        self.cbor
    }

    /// The same, at the front of `rest`, which is what is left of it afterwards; `None` if there is no room.
    pub(crate) fn copied<'i>(&self, rest: &mut &'i mut [u8]) -> Option<Texts<'i>> {
        let (cbor, left) = core::mem::take(rest).split_at_mut_checked(self.cbor.len())?;
        *rest = left;
        cbor.copy_from_slice(self.cbor);
        Some(Texts { cbor })
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.cbor.is_empty()
    }

    /// Each of them, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &'b str> + Clone + use<'b> {
        super::items(Some(Decoder::new(self.cbor)), decode::text)
    }
}

impl core::fmt::Debug for Texts<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// A list of texts that have names.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Named<'b>(
    // INVARIANT: name, text, name, text.
    Texts<'b>,
);

impl<'b> Named<'b> {
    /// Makes a list, as [`Texts::new`] does of names and texts by turns; `None` also if one name has no text.
    #[must_use]
    pub fn new(names_and_texts: &[&str], into: &'b mut [u8]) -> Option<Self> {
        if names_and_texts.len().is_multiple_of(2) { Texts::new(names_and_texts, into).map(Self) } else { None }
    }

    /// A list whose number is even.
    pub(in crate::task) const fn from_texts(texts: Texts<'b>) -> Self {
        Self(texts)
    }

    /// As [`Texts::copied`].
    pub(crate) fn copied<'i>(&self, rest: &mut &'i mut [u8]) -> Option<Named<'i>> {
        self.0.copied(rest).map(Named)
    }

    pub(super) const fn texts(&self) -> Texts<'b> {
        self.0
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them, in their order: its name, and the text.
    pub fn iter(&self) -> impl Iterator<Item = (&'b str, &'b str)> + Clone + use<'b> {
        let mut texts = self.0.iter();
        core::iter::from_fn(move || texts.next().zip(texts.next()))
    }
}

impl core::fmt::Debug for Named<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// Somebody whom a trigger names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct User<'b> {
    // INVARIANT: a SID as the layout has it.
    cbor: &'b [u8],
}

impl<'b> User<'b> {
    /// Bytes of a buffer that has room for one.
    pub const ROOM: usize = 1 + 9 + 5 * SUB_AUTHORITIES_MAX;

    /// Names somebody, in a buffer of [`ROOM`](Self::ROOM) bytes; `None` if it is too small.
    #[must_use]
    pub fn new(sid: &Sid, into: &'b mut [u8]) -> Option<Self> {
        encode::user(sid, into).map(Self::from_image)
    }

    /// What an image holds, or [`new`](Self::new) has made.
    pub(in crate::task) const fn from_image(cbor: &'b [u8]) -> Self {
        Self { cbor }
    }

    /// What an image holds.
    pub(in crate::task) const fn as_image(&self) -> &'b [u8] {
        self.cbor
    }

    /// Who.
    #[must_use]
    pub fn sid(&self) -> Sid {
        decode::sid(&mut Decoder::new(self.cbor)).unwrap_or(Sid::NOBODY)
    }
}

impl core::fmt::Debug for User<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.sid().fmt(f)
    }
}
