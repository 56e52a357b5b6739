//! Paths of tasks and folders, [MS-TSCH] 2.3.11.

#![allow(unused_variables, clippy::todo, missing_docs, clippy::missing_errors_doc)]

use crate::{limits::PATH_BYTES, text::Utf16};

/// A legal path in its full form: `\`, or `\name\name`. Compares without letter case.
#[derive(Debug, Clone)]
pub struct Path {
    text: heapless::String<PATH_BYTES>,
}

/// One legal component of a path.
#[derive(Debug, Clone, Copy)]
pub struct Name<'p>(&'p str);

impl<'p> Name<'p> {
    #[must_use]
    pub fn as_str(&self) -> &'p str {
        self.0
    }
}

/// Why text is not a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathError {
    /// Longer than the limits allow.
    TooLong,
    /// A name that is empty, starts with a space, is `.` or `..`, or holds a forbidden character.
    BadName {
        /// Ordinal of the name in the path.
        at: usize,
    },
    /// A lone surrogate.
    NotText,
}

impl Path {
    /// The root folder.
    pub const ROOT: Self = Self { text: heapless::String::new() };

    /// A leading `\` is optional; an empty string is the root.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        todo!()
    }
    /// As [`parse`](Self::parse), from the wire.
    pub fn from_utf16(text: Utf16<'_>) -> Result<Self, PathError> {
        todo!()
    }
    /// The full form, with the leading `\`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        todo!()
    }
    #[must_use]
    pub fn is_root(&self) -> bool {
        todo!()
    }
    /// The names, outermost first.
    pub fn names(&self) -> impl Iterator<Item = Name<'_>> + Clone {
        core::iter::empty()
    }
    /// The last name; `None` for the root.
    #[must_use]
    pub fn name(&self) -> Option<Name<'_>> {
        todo!()
    }
    /// The folder it is in; `None` for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        todo!()
    }
    /// This folder's child of that name.
    pub fn join(&self, name: &str) -> Result<Self, PathError> {
        todo!()
    }
}
