//! The record that makes a task or folder visible.

use super::{Damaged, TooLong, finish, open, optional};
use crate::{bytes::Reader, bytes::Writer, sid::Sid, time::Timestamp};

const VERSION: u8 = 1;
const ELEMENTS: u64 = 9;

/// Bytes of the longest SID in its binary form.
const SID_MAX: usize = 8 + 4 * crate::sid::SUB_AUTHORITIES_MAX;

/// A task or a folder.
///
/// ```text
/// [version, enabled, folder, path, definition, registration triggers, registered at | null, registrant | null, sddl | null]
/// ```
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
    /// Who registered it; `None` for a folder that was made on the way.
    pub registrant: Option<Sid>,
    /// The security descriptor that was given.
    pub sddl: Option<&'r str>,
}

impl<'r> Entry<'r> {
    /// Reads the record.
    ///
    /// # Errors
    /// [`Damaged`] if it has any other shape. Whether the path is legal is not looked at.
    pub fn decode(bytes: &'r [u8]) -> Result<Self, Damaged> {
        let mut decoder = open(bytes, VERSION, ELEMENTS)?;
        let enabled = decoder.bool()?;
        let folder = decoder.bool()?;
        let path = decoder.str()?;
        let definition = decoder.u32()?;
        let registration_triggers = decoder.bool()?;
        let registered = optional(&mut decoder, |decoder| decoder.i64())?.map(Timestamp);
        let registrant = match optional(&mut decoder, |decoder| decoder.bytes())? {
            Some(bytes) => Some(Sid::read(&mut Reader::new(bytes)).map_err(|_| Damaged)?),
            None => None,
        };
        let sddl = optional(&mut decoder, |decoder| decoder.str())?;
        Ok(Self { enabled, folder, path, definition, registration_triggers, registered, registrant, sddl })
    }

    /// Writes the record to the front of `into` and returns it.
    ///
    /// # Errors
    /// [`TooLong`] if it does not fit.
    pub fn encode<'i>(&self, into: &'i mut [u8]) -> Result<&'i [u8], TooLong> {
        let mut sid = [0; SID_MAX];
        let mut writer = Writer::new(&mut sid);
        if let Some(registrant) = self.registrant {
            registrant.write(&mut writer).map_err(|_| TooLong)?;
        }
        let sid = writer.written();
        finish(into, |encoder| {
            encoder.array(ELEMENTS)?.u8(VERSION)?.bool(self.enabled)?.bool(self.folder)?.str(self.path)?;
            encoder.u32(self.definition)?.bool(self.registration_triggers)?;
            match self.registered {
                Some(Timestamp(at)) => encoder.i64(at)?,
                None => encoder.null()?,
            };
            match self.registrant {
                Some(_) => encoder.bytes(sid)?,
                None => encoder.null()?,
            };
            match self.sddl {
                Some(sddl) => encoder.str(sddl)?,
                None => encoder.null()?,
            };
            Ok(())
        })
    }
}

/// Changes `enabled` in an encoded [`Entry`], whose length stays.
///
/// # Errors
/// [`Damaged`] if `record` is not an entry; it is unchanged then.
pub fn set_enabled(record: &mut [u8], enabled: bool) -> Result<(), Damaged> {
    let mut decoder = open(record, VERSION, ELEMENTS)?;
    let at = decoder.position();
    decoder.bool()?;
    const FALSE: u8 = 0xF4;
    *record.get_mut(at).ok_or(Damaged)? = FALSE | u8::from(enabled);
    Ok(())
}
