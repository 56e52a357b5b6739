//! Records at rest: which kinds there are, their keys, and their form.
//!
//! | kind | number | value | points to |
//! | --- | --- | --- | --- |
//! | [`META`] | 0 | [`Meta`]: the version of this layout | |
//! | [`DEFINITION`] | fresh for each registration | the image of a task definition, as it is | |
//! | [`ENTRY`] | of the task or folder, for its life | [`Entry`]: path, switches, security descriptor | its definition |
//! | [`STATE`] | of the task | [`State`], at most 64 bytes: last run, last fired occurrence | its entry |
//! | [`INSTANCE`] | of the instance's slot, from 1 on | [`Instance`]: a run that was started or waits, and has not ended | its entry |
//! | [`HISTORY`] | of its place in the ring, from 1 on | [`History`]: what happened to tasks, at most 64 bytes | |
//! | [`CREDENTIAL`] | of the credential's slot, from 1 on | [`Credential`]: the sealed secret of an account | |
//!
//! An entry makes a task visible. So a definition is put before the entry that points to it, an entry is deleted before
//! what it points to, and whatever a power cut leaves that no entry points to is swept at start. A credential is put before
//! the first task that needs it, deleted after the last one, and swept if no task needs it. Numbers grow; one is used
//! again only when no record of any kind carries it.
//!
//! Every record but a definition, which has a version of its own, is a CBOR array whose first element is its version.
//! Later versions may append elements; a record of a version that is not known, or of any other shape, is
//! [`Damaged`], and is then neither used nor swept.

mod credential;
mod entry;
mod history;
mod instance;
mod state;
mod written;

pub use credential::{CREDENTIAL_MAX, Credential};
pub use entry::{Entry, set_enabled};
pub use history::{HISTORY_ENTRIES, HISTORY_MAX, Happened, Happening, History, Started};
pub use instance::{ARGUMENTS, Cause, INSTANCE_MAX, Instance, OVERTAKEN, VOLATILE};
pub use state::{STATE_MAX, State};
pub use written::Written;

use crate::{
    bytes::{Full, Writer},
    ports::Key,
};
use minicbor::{Decoder, Encoder};

/// Kind of the one record about the store itself.
pub const META: u8 = 0;
/// Kind of task definitions.
pub const DEFINITION: u8 = 1;
/// Kind of the records that make a task or folder visible.
pub const ENTRY: u8 = 2;
/// Kind of what is remembered of a task's runs.
pub const STATE: u8 = 3;
/// Kind of instances that were started, or wait to be, and have not ended.
pub const INSTANCE: u8 = 4;
/// Kind of what happened to tasks.
pub const HISTORY: u8 = 5;

/// Kind of the sealed secrets of accounts.
pub const CREDENTIAL: u8 = 6;

/// Key of the one record about the store itself.
pub const META_KEY: Key = Key { kind: META, number: 0 };

/// Key of a definition.
#[must_use]
pub const fn definition_key(number: u32) -> Key {
    Key { kind: DEFINITION, number }
}

/// Key of a task's or folder's entry.
#[must_use]
pub const fn entry_key(number: u32) -> Key {
    Key { kind: ENTRY, number }
}

/// Key of a task's state.
#[must_use]
pub const fn state_key(number: u32) -> Key {
    Key { kind: STATE, number }
}

/// Key of an instance.
#[must_use]
pub const fn instance_key(number: u32) -> Key {
    Key { kind: INSTANCE, number }
}

/// Key of a record of the history.
#[must_use]
pub const fn history_key(number: u32) -> Key {
    Key { kind: HISTORY, number }
}

/// Key of the credential in the slot before that number.
#[must_use]
pub const fn credential_key(number: u32) -> Key {
    Key { kind: CREDENTIAL, number }
}

/// Bytes of the longest SID in its binary form.
const SID_MAX: usize = 8 + 4 * crate::sid::SUB_AUTHORITIES_MAX;

/// A record is not what this code writes, or of a version that it does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damaged;

impl core::fmt::Display for Damaged {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("record is damaged or of an unknown version")
    }
}

impl core::error::Error for Damaged {}

impl From<minicbor::decode::Error> for Damaged {
    fn from(_: minicbor::decode::Error) -> Self {
        Self
    }
}

/// The buffer is too small for the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

impl core::fmt::Display for TooLong {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("record does not fit its buffer")
    }
}

impl core::error::Error for TooLong {}

impl<E> From<minicbor::encode::Error<E>> for TooLong {
    fn from(_: minicbor::encode::Error<E>) -> Self {
        Self
    }
}

/// What the store says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meta;

impl Meta {
    /// The version of the layout that this module describes.
    pub const VERSION: u8 = 1;

    /// Reads the record.
    ///
    /// # Errors
    /// [`Damaged`] if it is of any other version than [`VERSION`](Self::VERSION).
    pub fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        open(bytes, Self::VERSION, 1)?;
        Ok(Self)
    }

    /// Writes the record to the front of `into` and returns it.
    ///
    /// # Errors
    /// [`TooLong`] if it does not fit.
    pub fn encode(self, into: &mut [u8]) -> Result<&[u8], TooLong> {
        finish(into, |encoder| {
            encoder.array(1)?.u8(Self::VERSION)?;
            Ok(())
        })
    }
}

/// A decoder behind the version of a record that must have at least `elements` elements, the version being one.
fn open(bytes: &[u8], version: u8, elements: u64) -> Result<Decoder<'_>, Damaged> {
    let mut decoder = Decoder::new(bytes);
    let length = decoder.array()?.ok_or(Damaged)?;
    if length < elements || decoder.u8()? != version {
        return Err(Damaged);
    }
    Ok(decoder)
}

type Encoding = minicbor::encode::Error<Full>;

/// Lets `write` encode to the front of `into` and returns what it wrote.
fn finish(
    into: &mut [u8],
    write: impl FnOnce(&mut Encoder<Writer<'_>>) -> Result<(), Encoding>,
) -> Result<&[u8], TooLong> {
    let mut encoder = Encoder::new(Writer::new(into));
    write(&mut encoder)?;
    Ok(encoder.into_writer().into_written())
}

/// A value that may be absent: `null` then.
fn optional<'b, T>(
    decoder: &mut Decoder<'b>,
    read: impl FnOnce(&mut Decoder<'b>) -> Result<T, minicbor::decode::Error>,
) -> Result<Option<T>, Damaged> {
    if decoder.datatype()? == minicbor::data::Type::Null {
        decoder.null()?;
        return Ok(None);
    }
    Ok(Some(read(decoder)?))
}
