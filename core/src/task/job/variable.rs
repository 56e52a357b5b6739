//! The variable-length data section, [MS-TSCH] 2.4.2, but for its triggers.

use super::{Job, JobError, JobField, JobWriteError, fixed::TRIGGER_OFFSET};
use crate::{
    bytes::{Reader, Short, Writer},
    text::Utf16,
};

/// Bytes of a complete Job Signature: the header and the signature itself.
pub const SIGNATURE: usize = 2 // SignatureVersion
    + 2 // MinClientVersion
    + 64; // Byte1 to Byte64

/// Bytes of a TASKRESERVED1.
pub const TASK_RESERVED1: usize = 4 // Start Error
    + 4; // Task Flags

/// TASKRESERVED1, [MS-TSCH] 2.4.2.9.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TaskReserved1 {
    /// Start Error: the HRESULT of the most recent attempt to start the task.
    pub start_error: u32,
    /// Task Flags: not used.
    pub task_flags: u32,
}

/// A complete Job Signature of version 1, [MS-TSCH] 2.4.2.12. Nobody here can verify it: the key is the machine's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobSignature<'b>(pub &'b [u8; 64]);

impl<'b> Job<'b> {
    /// TASKRESERVED1, if Reserved Data has its size.
    #[must_use]
    pub fn task_reserved1(&self) -> Option<TaskReserved1> {
        let [a, b, c, d, e, f, g, h] = *<&[u8; TASK_RESERVED1]>::try_from(self.reserved_data).ok()?;
        Some(TaskReserved1 {
            start_error: u32::from_le_bytes([a, b, c, d]),
            task_flags: u32::from_le_bytes([e, f, g, h]),
        })
    }

    /// The signature, if it is complete and of version 1; another one is to be ignored, 2.4.2.12.
    #[must_use]
    pub fn job_signature(&self) -> Option<JobSignature<'b>> {
        let signature = self.signature.strip_prefix(&[1, 0, 1, 0])?;
        signature.try_into().ok().map(JobSignature)
    }
}

/// Reads a specially formatted Unicode string, 2.4.2.1.
pub(super) fn read_text<'b>(reader: &mut Reader<'b>, field: JobField) -> Result<Option<Utf16<'b>>, JobError> {
    let short = |Short { needed, left }| JobError::Short { field, needed, left };
    let count = usize::from(reader.u16().map_err(short)?);
    let units = reader.take(2 * count).map_err(short)?;
    match units {
        [] => Ok(None),
        [units @ .., 0, 0] => Ok(Some(Utf16::little(units))),
        _ => Err(JobError::NotTerminated(field)),
    }
}

/// Writes a specially formatted Unicode string, and the null behind it.
pub(super) fn write_text(
    writer: &mut Writer<'_>,
    field: JobField,
    units: Option<impl Iterator<Item = u16> + Clone>,
) -> Result<(), JobWriteError> {
    let Some(units) = units else { return Ok(writer.u16(0)?) };
    let count = units.clone().count().saturating_add(1);
    writer.u16(u16::try_from(count).map_err(|_| JobWriteError::TooLong(field))?)?;
    for unit in units {
        writer.u16(unit)?;
    }
    Ok(writer.u16(0)?)
}

/// Reads bytes behind their number.
pub(super) fn read_sized<'b>(reader: &mut Reader<'b>) -> Result<&'b [u8], Short> {
    let size = reader.u16()?;
    reader.take(size.into())
}

/// Writes bytes behind their number.
pub(super) fn write_sized(writer: &mut Writer<'_>, field: JobField, bytes: &[u8]) -> Result<(), JobWriteError> {
    writer.u16(u16::try_from(bytes.len()).map_err(|_| JobWriteError::TooLong(field))?)?;
    Ok(writer.put(bytes)?)
}

/// Writes the Trigger Count, and where it stands into the header.
pub(super) fn begin_triggers(writer: &mut Writer<'_>, count: usize) -> Result<(), JobWriteError> {
    let offset = u16::try_from(writer.position()).map_err(|_| JobWriteError::TooLong(JobField::TriggerCount))?;
    writer.patch(TRIGGER_OFFSET, &offset.to_le_bytes())?;
    Ok(writer.u16(u16::try_from(count).map_err(|_| JobWriteError::TooLong(JobField::Triggers))?)?)
}

/// Whether that may stand behind the triggers: a signature, or one that is not complete, which is ignored (2.4.2.12). It begins as
/// one does; triggers that the count leaves out do not.
pub(super) fn is_signature(bytes: &[u8]) -> bool {
    bytes.len() == SIGNATURE || bytes.len() < SIGNATURE && bytes.iter().zip([1, 0, 1, 0]).all(|(byte, of)| *byte == of)
}

/// Writes what stands behind the triggers.
pub(super) fn write_signature(writer: &mut Writer<'_>, signature: &[u8]) -> Result<(), JobWriteError> {
    if !is_signature(signature) {
        return Err(JobWriteError::TooLong(JobField::JobSignature));
    }
    Ok(writer.put(signature)?)
}
