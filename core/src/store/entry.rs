//! The record that makes a task or folder visible.

use super::{Damaged, SID_MAX, TooLong, finish, open, optional};
use crate::{bytes::Reader, bytes::Writer, sid::Sid, time::Timestamp};
use minicbor::{Decoder, data::Type};

const VERSION: u8 = 1;
/// Elements that every entry has.
const ELEMENTS: u64 = 9;
/// Elements of an entry as it is written, but for when it was disabled.
const WRITTEN: u64 = 10;

/// A task or a folder.
///
/// ```text
/// [version, enabled, folder, path, definition, registration triggers, registered at | null, registrant | null,
///     security | null, reader | true | null]
/// [… reader | true | null, disabled at]
/// ```
///
/// The reader is `true` if it is the registrant. An entry of before has a text for its security, which counts as none, and no
/// reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'r> {
    /// Whether the task may be started.
    pub enabled: bool,
    /// Whether this is a folder.
    pub folder: bool,
    /// The full path, with its leading `\`.
    pub path: &'r str,
    /// Number of the definition; 0 for a folder.
    pub definition: u32,
    /// Whether registration triggers count, which they do unless the registrant said to ignore them.
    pub registration_triggers: bool,
    /// When it was registered, if the time was known.
    pub registered: Option<Timestamp>,
    /// Who registered it; `None` if that is not known.
    pub registrant: Option<Sid>,
    /// The security descriptor that was given, self-relative; `None` if it is inherited. It is not looked at.
    pub security: Option<&'r [u8]>,
    /// Who may read it besides those whom its descriptor names: the principal of a task.
    pub reader: Option<Sid>,
    /// When it was disabled since it was registered, if the time was known then, and there was room to say so.
    pub disabled: Option<Timestamp>,
}

impl<'r> Entry<'r> {
    /// Reads the record.
    ///
    /// # Errors
    /// [`Damaged`] if it has any other shape. Whether the path is legal is not looked at.
    pub fn decode(bytes: &'r [u8]) -> Result<Self, Damaged> {
        Self::read(bytes).map(|(entry, _)| entry)
    }

    /// Reads the record, and tells where the elements end that every one has, if it is not one of before.
    fn read(bytes: &'r [u8]) -> Result<(Self, Option<usize>), Damaged> {
        let mut decoder = open(bytes, VERSION, ELEMENTS)?;
        let enabled = decoder.bool()?;
        let folder = decoder.bool()?;
        let path = decoder.str()?;
        let definition = decoder.u32()?;
        let registration_triggers = decoder.bool()?;
        let registered = optional(&mut decoder, |decoder| decoder.i64())?.map(Timestamp);
        let registrant = sid(&mut decoder)?;
        let security = match decoder.datatype()? {
            Type::String => decoder.str().map(|_| None)?,
            _ => optional(&mut decoder, |decoder| decoder.bytes())?,
        };
        let elements = Decoder::new(bytes).array()?.unwrap_or_default();
        let mut is_of_before = elements == ELEMENTS;
        let reader = match elements {
            ELEMENTS => None,
            _ => match decoder.datatype()? {
                Type::Bool => {
                    let is_registrant = decoder.bool()?;
                    registrant.filter(|_| is_registrant)
                }
                Type::Bytes | Type::Null => sid(&mut decoder)?,
                // An entry of before has here when it was disabled.
                _ => {
                    is_of_before = true;
                    None
                }
            },
        };
        let end = Some(decoder.position()).filter(|_| !is_of_before);
        let more = decoder.position() < bytes.len() && elements > ELEMENTS;
        let disabled = if more { Some(Timestamp(decoder.i64()?)) } else { None };
        let entry = Self {
            enabled,
            folder,
            path,
            definition,
            registration_triggers,
            registered,
            registrant,
            security,
            reader,
            disabled,
        };
        Ok((entry, end))
    }

    /// Writes the record to the front of `into` and returns it.
    ///
    /// # Errors
    /// [`TooLong`] if it does not fit.
    pub fn encode<'i>(&self, into: &'i mut [u8]) -> Result<&'i [u8], TooLong> {
        let mut room = [0; SID_MAX];
        finish(into, |encoder| {
            encoder
                .array(WRITTEN + u64::from(self.disabled.is_some()))?
                .u8(VERSION)?
                .bool(self.enabled)?
                .bool(self.folder)?
                .str(self.path)?;
            encoder.u32(self.definition)?.bool(self.registration_triggers)?;
            match self.registered {
                Some(Timestamp(at)) => encoder.i64(at)?,
                None => encoder.null()?,
            };
            match &self.registrant {
                Some(registrant) => encoder.bytes(binary(registrant, &mut room))?,
                None => encoder.null()?,
            };
            match self.security {
                Some(security) => encoder.bytes(security)?,
                None => encoder.null()?,
            };
            match &self.reader {
                Some(_) if self.reader == self.registrant => encoder.bool(true)?,
                Some(reader) => encoder.bytes(binary(reader, &mut room))?,
                None => encoder.null()?,
            };
            if let Some(Timestamp(at)) = self.disabled {
                encoder.i64(at)?;
            }
            Ok(())
        })
    }
}

/// A SID that may be absent.
fn sid(decoder: &mut Decoder<'_>) -> Result<Option<Sid>, Damaged> {
    let Some(bytes) = optional(decoder, |decoder| decoder.bytes())? else { return Ok(None) };
    Sid::read(&mut Reader::new(bytes)).map(Some).map_err(|_| Damaged)
}

/// The binary form of a SID, for which there is always room.
fn binary<'r>(sid: &Sid, room: &'r mut [u8; SID_MAX]) -> &'r [u8] {
    let mut writer = Writer::new(room);
    let _ = sid.write(&mut writer);
    writer.into_written()
}

/// Changes `enabled` in an encoded [`Entry`] of `length` bytes at the front of `record`, and notes when it was disabled, if that
/// is known and there is room for nine bytes more; returns its length then.
///
/// # Errors
/// [`Damaged`] if it is no entry; it is unchanged then.
pub fn set_enabled(record: &mut [u8], length: usize, enabled: bool, now: Option<Timestamp>) -> Result<usize, Damaged> {
    const FALSE: u8 = 0xF4;
    const ARRAY: u8 = 0x80;
    const PLAIN: u8 = ARRAY | WRITTEN as u8;
    let bytes = record.get(..length).ok_or(Damaged)?;
    let (_, end) = Entry::read(bytes)?;
    let at = open(bytes, VERSION, ELEMENTS)?.position();
    *record.get_mut(at).ok_or(Damaged)? = FALSE | u8::from(enabled);
    let is_plain = record.first().is_some_and(|head| matches!(head.wrapping_sub(PLAIN), 0 | 1));
    // What a later version appended stays, and in an entry of before it stays what was noted then.
    let Some(end) = end.filter(|_| is_plain) else { return Ok(length) };
    let room = record.get_mut(end..).unwrap_or_default();
    let since = now.filter(|_| !enabled);
    let since = since.and_then(|Timestamp(at)| finish(room, |encoder| encoder.i64(at).map(|_| ())).ok());
    let more = since.map_or(0, <[u8]>::len);
    *record.first_mut().ok_or(Damaged)? = PLAIN + u8::from(more > 0);
    Ok(end + more)
}
