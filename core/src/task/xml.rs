//! Task XML, [MS-TSCH] 2.5: read with roxmltree into an image, written in the normalised form that clients expect.

#![allow(unused_variables, clippy::todo, missing_docs, clippy::missing_errors_doc)]

use super::{Image, Path};
use crate::{sid::Sid, status::Status, text::Utf16};

/// The most bytes of a node's name or value that an error carries; longer ones are cut at a character.
pub const ERROR_TEXT: usize = 128;

/// What is wrong with a task XML and where: TASK_XML_ERROR_INFO, [MS-TSCH] 2.3.10.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XmlError {
    /// One of the SCHED_E codes of 3.2.5.4.2, or E_OUTOFMEMORY.
    pub status: Status,
    /// First line is 1; 0 if there is no place.
    pub line: u32,
    /// First column is 1, in UTF-16 code units.
    pub column: u32,
    /// Element or attribute.
    pub node: heapless::String<ERROR_TEXT>,
    /// The offending value, or empty.
    pub value: heapless::String<ERROR_TEXT>,
}

/// What registration puts into a definition beside what the XML says.
pub struct Registrant<'r> {
    /// Resolves an account name or SID string to a SID (UserId, GroupId).
    pub resolve: &'r mut dyn FnMut(&str) -> Option<Sid>,
    /// The principal if the XML names none (the caller), and the override if a credential names one.
    pub default_user: Sid,
    /// A credential's user: used instead of the XML's.
    pub override_user: Option<Sid>,
}

/// Reads task XML as it came over the wire; whatever encoding the declaration names is ignored.
pub fn read<'i>(xml: Utf16<'_>, registrant: &mut Registrant<'_>, into: &'i mut [u8]) -> Result<Image<'i>, XmlError> {
    todo!()
}

/// Writes the normalised form, [MS-TSCH] 3.2.5.4.3. `enabled` is the setting Enabled as it is now, `sddl` the security descriptor of the task if any.
pub fn write(
    image: &Image<'_>,
    path: &Path,
    enabled: bool,
    sddl: Option<&str>,
    out: &mut dyn core::fmt::Write,
) -> core::fmt::Result {
    todo!()
}
