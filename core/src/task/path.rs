//! Paths of tasks and folders, [MS-TSCH] 2.3.11.

use crate::{
    limits::{PATH_BYTES, PATH_LEVELS, PATH_UNITS},
    text::{Utf16, eq_ignore_case, folded},
};

/// A legal path in its full form: `\`, or `\name\name`. Compares, and hashes, without letter case.
///
/// ```
/// use mainspring::task::Path;
///
/// let path = Path::parse("Wine\\Task1")?;
/// assert_eq!(path.as_str(), "\\Wine\\Task1");
/// assert_eq!(path, Path::parse("\\WINE\\task1")?);
/// assert_eq!(path.parent(), Some(Path::parse("wine")?));
/// # Ok::<(), mainspring::task::PathError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Path {
    // INVARIANT: empty for the root, otherwise a `\` before each of at least one legal name.
    text: heapless::String<PATH_BYTES>,
}

/// One legal component of a path. Compares without letter case.
#[derive(Debug, Clone, Copy)]
pub struct Name<'p>(&'p str);

impl<'p> Name<'p> {
    /// The name as it was written.
    #[must_use]
    pub const fn as_str(&self) -> &'p str {
        self.0
    }
}

impl PartialEq for Name<'_> {
    fn eq(&self, other: &Self) -> bool {
        eq_ignore_case(self.0, other.0)
    }
}

impl Eq for Name<'_> {}

impl core::hash::Hash for Name<'_> {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        folded(self.0).for_each(|character| character.hash(state));
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

impl core::fmt::Display for PathError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::TooLong => write!(f, "path is longer than {PATH_UNITS} code units or {PATH_LEVELS} names"),
            Self::BadName { at } => write!(f, "name {at} of the path is not allowed"),
            Self::NotText => f.write_str("path holds a lone surrogate"),
        }
    }
}

impl core::error::Error for PathError {}

/// More than the specification forbids: a name `.`, and control characters with NUL among them, could not be told apart
/// from other names by the file systems and databases that tasks are kept in and exported to.
fn is_legal(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(' ')
        && name != "."
        && name != ".."
        && !name.chars().any(|character| matches!(character, ':' | '/' | '\\') || character.is_control())
}

impl Path {
    /// The root folder.
    pub const ROOT: Self = Self { text: heapless::String::new() };

    /// Parses a path; a leading `\` is optional, and an empty string is the root.
    ///
    /// # Errors
    /// [`PathError`] says which name is not legal, or that the path is too long.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let mut path = Self::ROOT;
        path.read(text)?;
        Ok(path)
    }

    /// As [`parse`](Self::parse), from the wire.
    ///
    /// # Errors
    /// [`PathError`], also for a lone surrogate.
    pub fn from_utf16(text: Utf16<'_>) -> Result<Self, PathError> {
        let mut path = Self::ROOT;
        path.read_utf16(text)?;
        Ok(path)
    }

    /// As [`from_utf16`](Self::from_utf16), in place: a path is so long that a short stack should not hold it twice.
    #[inline(never)]
    pub(crate) fn read_utf16(&mut self, text: Utf16<'_>) -> Result<(), PathError> {
        let mut utf8 = [0; PATH_BYTES];
        match text.to_utf8(&mut utf8) {
            Ok(text) => self.read(text),
            Err(crate::text::TextError::TooLong { .. }) => Err(PathError::TooLong),
            Err(crate::text::TextError::LoneSurrogate { .. }) => Err(PathError::NotText),
        }
    }

    #[inline(never)]
    fn read(&mut self, text: &str) -> Result<(), PathError> {
        self.text.clear();
        let names = text.strip_prefix('\\').unwrap_or(text);
        if names.is_empty() {
            return Ok(());
        }
        names.split('\\').enumerate().try_for_each(|(at, name)| self.push(at, name))
    }

    fn push(&mut self, at: usize, name: &str) -> Result<(), PathError> {
        if !is_legal(name) {
            return Err(PathError::BadName { at });
        }
        if at >= PATH_LEVELS {
            return Err(PathError::TooLong);
        }
        self.text.push('\\').and_then(|()| self.text.push_str(name)).map_err(|_| PathError::TooLong)?;
        if self.text.encode_utf16().count() > PATH_UNITS { Err(PathError::TooLong) } else { Ok(()) }
    }

    /// The full form, with the leading `\`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        if self.is_root() { "\\" } else { &self.text }
    }

    /// Whether this is the root folder.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.text.is_empty()
    }

    /// The names, outermost first; none for the root.
    pub fn names(&self) -> impl Iterator<Item = Name<'_>> + Clone {
        self.text.split('\\').skip(1).map(Name)
    }

    /// The last name; `None` for the root.
    #[must_use]
    pub fn name(&self) -> Option<Name<'_>> {
        self.text.rsplit_once('\\').map(|(_, name)| Name(name))
    }

    /// The folder it is in; `None` for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let (parent, _) = self.text.rsplit_once('\\')?;
        Some(Self { text: parent.try_into().ok()? })
    }

    /// This folder's child of that name.
    ///
    /// # Errors
    /// [`PathError`] if the name is not legal or the path becomes too long.
    pub fn join(&self, name: &str) -> Result<Self, PathError> {
        let mut path = self.clone();
        path.push(self.names().count(), name)?;
        Ok(path)
    }
}

impl PartialEq for Path {
    fn eq(&self, other: &Self) -> bool {
        eq_ignore_case(&self.text, &other.text)
    }
}

impl Eq for Path {}

impl core::hash::Hash for Path {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        folded(&self.text).for_each(|character| character.hash(state));
    }
}

impl core::fmt::Display for Path {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}
