//! Task XML, [MS-TSCH] 2.5: read with roxmltree into an image, written in the normalised form that clients expect.
//!
//! Reading uses the heap, bounded by [`limits`](crate::limits), and gives it back before it returns; writing uses
//! none. White space between tags, which says nothing, is taken out before a tree is built, because it would be a third of
//! the nodes.
//!
//! What is not understood is kept and given back: a WnfStateChangeTrigger, which real tasks carry, and, in a definition whose
//! version is 1.5 or higher, triggers, actions, settings, and fields of a principal and of an Exec, of any name. What they mean stays, namespaces
//! and all; prefixes may become others, and comments and white space between tags go, but in a WnfStateChangeTrigger, and others
//! whose names end so, white space beside text does not. Refused are, for these reasons:
//!
//! - any other unknown element in a definition of a version up to 1.4, or of none: it is a name that is misspelt, and a trigger
//!   that nobody knows would never fire;
//! - unknown elements of the task itself, of RegistrationInfo and inside of elements that are understood, whatever the version: no
//!   real task has any, and those elements have no place for what nobody understands;
//! - elements of other namespaces where those of the schema stand, and attributes of other namespaces there, because the
//!   specification has a code for that;
//! - more declarations of namespaces than [`limits`](crate::limits) allow in what is given back, which nobody could read again.

// An error carries what the wire needs by value, so that it outlives the tree that it points into.
#![allow(clippy::result_large_err)]

use super::{Image, LogonType, Path, Reader};
use crate::{sid::Sid, text::Utf16};

mod actions;
mod element;
mod error;
mod heap;
mod keep;
mod malformed;
mod read;
mod scan;
mod settings;
mod triggers;
mod values;
mod version;
mod write;

pub use error::{ERROR_TEXT, XmlError};
pub use version::{VersionError, lowest_version};

use write::Manner;

/// The namespace of every element.
pub const NAMESPACE: &str = "http://schemas.microsoft.com/windows/2004/02/mit/task";

/// What registration puts into a definition beside what the XML says.
pub struct Registrant<'r> {
    /// Resolves an account name or SID string to a SID (UserId, GroupId).
    pub resolve: &'r mut dyn FnMut(&str) -> Option<Sid>,
    /// The principal if the XML names none: the caller.
    pub default_user: Sid,
    /// A credential's user: used instead of the XML's.
    pub override_user: Option<Sid>,
    /// A credential's group: used instead of the XML's.
    pub override_group: Option<Sid>,
    /// How the registrant wants the principal to log on: used instead of the XML's.
    pub override_logon: Option<LogonType>,
}

/// How a definition calls somebody whose SID the image has, in UserId and GroupId.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Called<'n> {
    /// By the SID.
    Sid,
    /// By a name.
    Name(&'n str),
    /// Not at all: there is no element.
    Nobody,
}

/// What the accounts of a definition are called.
pub trait Names {
    /// How somebody is called.
    fn called(&self, sid: &Sid) -> Called<'_>;
}

/// Reads task XML as it came over the wire; whatever encoding the declaration names is ignored.
///
/// # Errors
/// [`XmlError`] says what is wrong, [MS-TSCH] 3.2.5.4.2, and where: at the value that is wrong, at the `<` of the
/// element that is unexpected, at the `<` of the element that lacks another. `E_NONE_MAPPED` is for a UserId or GroupId
/// that nobody knows, `E_OUTOFMEMORY` for what is longer than the limits or `into`, or takes more of the heap than the limits
/// allow or there is.
pub fn read<'i>(xml: Utf16<'_>, registrant: &mut Registrant<'_>, into: &'i mut [u8]) -> Result<Image<'i>, XmlError> {
    read::read_text(scan::transcode(xml)?, registrant, into)
}

/// As [`read()`], from UTF-8.
///
/// # Errors
/// As [`read()`].
pub fn read_str<'i>(xml: &str, registrant: &mut Registrant<'_>, into: &'i mut [u8]) -> Result<Image<'i>, XmlError> {
    read::read_text(scan::copy(xml)?, registrant, into)
}

/// Writes the normalised form, [MS-TSCH] 3.2.5.4.3. `enabled` is the setting Enabled as it is now, `sddl` the security
/// descriptor of the task as it is now, which is left out if it is displayed as nothing; without it the registrant's is given back.
///
/// # Errors
/// Only those of `out`.
pub fn write(
    image: &Image<'_>,
    path: &Path,
    enabled: bool,
    sddl: Option<&dyn core::fmt::Display>,
    out: &mut dyn core::fmt::Write,
) -> core::fmt::Result {
    write::task(image, path, enabled, sddl, Manner::default(), out)
}

/// As [`write()`], with the strings that fields name instead of holding them, [MS-TSCH] 2.5.8, for a reader of some language. A
/// name whose string nobody has is left as it is.
///
/// # Errors
/// Only those of `out`.
pub fn write_localized(
    image: &Image<'_>,
    path: &Path,
    enabled: bool,
    sddl: Option<&dyn core::fmt::Display>,
    reader: Reader<'_>,
    out: &mut dyn core::fmt::Write,
) -> core::fmt::Result {
    write::task(image, path, enabled, sddl, Manner { reader: Some(reader), ..Manner::default() }, out)
}

/// As [`write()`], for a client that knows the schema of `version` (1.2 or higher): the `version` attribute says so, and
/// UseUnifiedSchedulingEngine is left out where that version lacks it. [`lowest_version`] says what needs none of this.
///
/// # Errors
/// [`VersionError`] names what that version cannot say; nothing was written then.
pub fn write_version<'i>(
    image: &Image<'i>,
    path: &Path,
    enabled: bool,
    sddl: Option<&dyn core::fmt::Display>,
    version: &str,
    out: &mut dyn core::fmt::Write,
) -> Result<(), VersionError<'i>> {
    let version = Some((version, version::expressed(image, version)?));
    Ok(write::task(image, path, enabled, sddl, Manner { version, ..Manner::default() }, out)?)
}

/// As [`write()`], or as [`write_version`] if a version is given, with everybody called as `names` says. This is for a definition
/// that goes back to where its names came from: what a server gives has SIDs.
///
/// # Errors
/// As [`write_version`].
pub fn write_named<'i>(
    image: &Image<'i>,
    path: &Path,
    enabled: bool,
    version: Option<&str>,
    names: &dyn Names,
    out: &mut dyn core::fmt::Write,
) -> Result<(), VersionError<'i>> {
    let version = match version {
        Some(version) => Some((version, version::expressed(image, version)?)),
        None => None,
    };
    let manner = Manner { version, names: Some(names), ..Manner::default() };
    Ok(write::task(image, path, enabled, None, manner, out)?)
}
