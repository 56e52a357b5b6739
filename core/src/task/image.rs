//! The definition at rest: a CBOR image, checked once, looked into without being copied.

#![allow(unused_variables, clippy::todo, missing_docs, clippy::missing_errors_doc)]

use super::{Action, Principal, RegistrationInfo, Settings, Trigger};

/// A task definition as it is kept. It was checked when it was made: looking into it cannot fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Image<'b> {
    bytes: &'b [u8],
}

/// Bytes are not an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageError {
    /// Not CBOR of the expected shape; offset of the first unexpected byte.
    Unreadable { at: usize },
    /// A version of the layout that this code does not know.
    Version(u32),
    /// A value out of its range.
    Invalid { at: usize },
}

impl<'b> Image<'b> {
    /// Checks `bytes` as a whole.
    pub fn parse(bytes: &'b [u8]) -> Result<Self, ImageError> {
        todo!()
    }
    /// For bytes that were parsed before and come from a place nobody else writes to; what it finds damaged it leaves out.
    #[must_use]
    pub const fn bytes(&self) -> &'b [u8] {
        self.bytes
    }
    /// The `version` attribute, such as `1.2`.
    #[must_use]
    pub fn version(&self) -> Option<&'b str> {
        todo!()
    }
    #[must_use]
    pub fn registration(&self) -> RegistrationInfo<'b> {
        todo!()
    }
    #[must_use]
    pub fn settings(&self) -> Settings<'b> {
        todo!()
    }
    pub fn principals(&self) -> impl Iterator<Item = Principal<'b>> + Clone + use<'b> {
        core::iter::empty()
    }
    pub fn triggers(&self) -> impl Iterator<Item = Trigger<'b>> + Clone + use<'b> {
        core::iter::empty()
    }
    pub fn actions(&self) -> impl Iterator<Item = Action<'b>> + Clone + use<'b> {
        core::iter::empty()
    }
}
