//! .JOB files, [MS-TSCH] 2.4: the definition as clients of before Vista write it and the SASec interface shares it.
//!
//! [`Job`] is a whole file, looked into where it lies: nothing is copied, and nothing is allocated. What the specification
//! has ignored on receipt (states, unused words, an incomplete signature) is kept, so that writing what was read gives the
//! same bytes. Every length in the file is 16 bits wide, and none is believed beyond the bytes that are there.

mod at;
mod fixed;
mod from_image;
mod to_image;
mod trigger;
mod variable;

use crate::{
    bytes::{Full, Reader, Short, Writer},
    guid::Guid,
    status::Status,
    text::Utf16,
};

pub use at::{AT_VERSION, AtFlags, AtJob, AtJobError};
pub use fixed::{FILE_VERSION, FixdlenData, Flags, PRODUCT_VERSION, Priority};
pub use from_image::{LeftOut, NotV1Compat, ToJobError, left_out};
pub use to_image::{FromJobError, VERSION};
pub use trigger::{JobTrigger, JobTriggerKind, JobTriggers, TRIGGER_SIZE, TriggerFlags};
pub use variable::{JobSignature, SIGNATURE, TASK_RESERVED1, TaskReserved1};

/// Where the length of the application name stands: behind the fixed-length data and the Running Instance Count.
pub const APP_NAME_LEN_OFFSET: u16 = 0x46;

/// A whole .JOB file, [MS-TSCH] 2.4.
///
/// A string that is `None` is absent (2.4.2.1); the null that terminates one is in the file, and not in its view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Job<'b> {
    /// FIXDLEN_DATA, 2.4.1.
    pub fixdlen_data: FixdlenData,
    /// Running Instance Count, 2.4.2.2.
    pub running_instance_count: u16,
    /// Application Name, 2.4.2.3. A file that is read may lack it, a task may not.
    pub application_name: Option<Utf16<'b>>,
    /// Parameters, 2.4.2.4.
    pub parameters: Option<Utf16<'b>>,
    /// Working Directory, 2.4.2.5.
    pub working_directory: Option<Utf16<'b>>,
    /// Author, 2.4.2.6.
    pub author: Option<Utf16<'b>>,
    /// Comment, 2.4.2.7.
    pub comment: Option<Utf16<'b>>,
    /// User Data, 2.4.2.8.
    pub user_data: &'b [u8],
    /// Reserved Data, 2.4.2.9: absent, or a TASKRESERVED1; see [`Job::task_reserved1`].
    pub reserved_data: &'b [u8],
    /// Triggers, 2.4.2.11.
    pub triggers: JobTriggers<'b>,
    /// Job Signature, 2.4.2.12: what stands behind the triggers: nothing, [`SIGNATURE`] bytes, or fewer that begin as a signature
    /// does; see [`Job::job_signature`].
    pub signature: &'b [u8],
}

/// A part of a .JOB file, by the specification's name for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobField {
    /// FIXDLEN_DATA, 2.4.1.
    FixdlenData,
    /// Running Instance Count, 2.4.2.2.
    RunningInstanceCount,
    /// Application Name, 2.4.2.3.
    ApplicationName,
    /// Parameters, 2.4.2.4.
    Parameters,
    /// Working Directory, 2.4.2.5.
    WorkingDirectory,
    /// Author, 2.4.2.6.
    Author,
    /// Comment, 2.4.2.7.
    Comment,
    /// User Data, 2.4.2.8.
    UserData,
    /// Reserved Data, 2.4.2.9.
    ReservedData,
    /// Trigger Count, 2.4.2.10.
    TriggerCount,
    /// Triggers, 2.4.2.11.
    Triggers,
    /// Job Signature, 2.4.2.12.
    JobSignature,
}

impl core::fmt::Display for JobField {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::FixdlenData => "FIXDLEN_DATA",
            Self::RunningInstanceCount => "Running Instance Count",
            Self::ApplicationName => "Application Name",
            Self::Parameters => "Parameters",
            Self::WorkingDirectory => "Working Directory",
            Self::Author => "Author",
            Self::Comment => "Comment",
            Self::UserData => "User Data",
            Self::ReservedData => "Reserved Data",
            Self::TriggerCount => "Trigger Count",
            Self::Triggers => "Triggers",
            Self::JobSignature => "Job Signature",
        })
    }
}

/// Bytes are not a .JOB file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobError {
    /// The file ends inside a field.
    Short {
        /// The field.
        field: JobField,
        /// Bytes that the field needs.
        needed: usize,
        /// Bytes that were left.
        left: usize,
    },
    /// File Version is not 1.
    FileVersion(u16),
    /// App Name Len Offset does not point to the length of the application name, which is always at
    /// [`APP_NAME_LEN_OFFSET`].
    AppNameLenOffset(u16),
    /// Trigger Offset does not point to the Trigger Count.
    TriggerOffset {
        /// What the file says.
        found: u16,
        /// Where the Trigger Count is.
        expected: usize,
    },
    /// A string does not end with the null that its count includes.
    NotTerminated(JobField),
    /// Reserved Data is neither absent nor a TASKRESERVED1, [MS-TSCH] 2.4.2.9 and its note 14.
    ReservedDataSize(usize),
    /// More bytes behind the triggers than a signature has, [MS-TSCH] 3.2.5.3.1.
    TooLong {
        /// Bytes beyond it.
        excess: usize,
    },
}

impl JobError {
    /// What SASetAccountInformation answers for such a file: `ERROR_INVALID_DATA` as an HRESULT, [MS-TSCH] 3.2.5.3.4.
    #[must_use]
    pub const fn status(&self) -> Status {
        Status::E_INVALID_DATA
    }
}

impl core::fmt::Display for JobError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Short { field, needed, left } => {
                write!(f, ".JOB file ends in {field}: {needed} bytes needed, {left} left")
            }
            Self::FileVersion(found) => write!(f, ".JOB file has file version {found}, expected {FILE_VERSION}"),
            Self::AppNameLenOffset(found) => {
                write!(f, "App Name Len Offset of .JOB file is {found}, expected {APP_NAME_LEN_OFFSET}")
            }
            Self::TriggerOffset { found, expected } => {
                write!(f, "Trigger Offset of .JOB file is {found}, expected {expected}")
            }
            Self::NotTerminated(field) => write!(f, "{field} of .JOB file does not end with a null"),
            Self::ReservedDataSize(found) => {
                write!(f, "Reserved Data of .JOB file has {found} bytes, expected {TASK_RESERVED1} or none")
            }
            Self::TooLong { excess } => write!(f, ".JOB file goes on for {excess} bytes behind its end"),
        }
    }
}

impl core::error::Error for JobError {}

/// A .JOB file could not be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobWriteError {
    /// It does not fit into the lent buffer.
    Full(Full),
    /// A part is longer than 16 bits can count, or stands before the triggers and pushes them farther than that.
    TooLong(JobField),
    /// Reserved Data is neither absent nor a TASKRESERVED1.
    ReservedDataSize(usize),
}

impl From<Full> for JobWriteError {
    fn from(full: Full) -> Self {
        Self::Full(full)
    }
}

impl core::fmt::Display for JobWriteError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Full(full) => write!(f, "no room for the .JOB file: {full}"),
            Self::ReservedDataSize(found) => {
                write!(f, "Reserved Data of {found} bytes, expected {TASK_RESERVED1} or none")
            }
            Self::TooLong(field) => {
                let element = match field {
                    JobField::ApplicationName => "Exec/Command, ",
                    JobField::Parameters => "Exec/Arguments, ",
                    JobField::WorkingDirectory => "Exec/WorkingDirectory, ",
                    JobField::Author => "RegistrationInfo/Author, ",
                    JobField::Comment => "RegistrationInfo/Description, ",
                    _ => "",
                };
                write!(f, "{element}{field} of a .JOB file, is too long")
            }
        }
    }
}

impl core::error::Error for JobWriteError {}

impl Job<'static> {
    /// The file of a task that is new: what [`write_image`](Job::write_image) takes from no definition, as a client of
    /// Windows 7 has it.
    #[must_use]
    pub fn new(job_uuid: Guid) -> Self {
        Self {
            fixdlen_data: FixdlenData { product_version: PRODUCT_VERSION, job_uuid, ..FixdlenData::default() },
            reserved_data: &[0; TASK_RESERVED1],
            ..Self::default()
        }
    }
}

impl<'b> Job<'b> {
    /// Reads a file from its first byte to its last.
    ///
    /// # Errors
    /// [`JobError`] says what is wrong. Values that have no meaning (dates, types of triggers, undefined bits) are none:
    /// they are kept as they are.
    pub fn parse(bytes: &'b [u8]) -> Result<Self, JobError> {
        let mut reader = Reader::new(bytes);
        let at = |field| move |Short { needed, left }| JobError::Short { field, needed, left };
        let (fixdlen_data, trigger_offset) = FixdlenData::read(&mut reader)?;
        let running_instance_count = reader.u16().map_err(at(JobField::RunningInstanceCount))?;
        let application_name = variable::read_text(&mut reader, JobField::ApplicationName)?;
        let parameters = variable::read_text(&mut reader, JobField::Parameters)?;
        let working_directory = variable::read_text(&mut reader, JobField::WorkingDirectory)?;
        let author = variable::read_text(&mut reader, JobField::Author)?;
        let comment = variable::read_text(&mut reader, JobField::Comment)?;
        let user_data = variable::read_sized(&mut reader).map_err(at(JobField::UserData))?;
        let reserved_data = variable::read_sized(&mut reader).map_err(at(JobField::ReservedData))?;
        if !matches!(reserved_data.len(), 0 | TASK_RESERVED1) {
            return Err(JobError::ReservedDataSize(reserved_data.len()));
        }
        let expected = reader.position();
        if usize::from(trigger_offset) != expected {
            return Err(JobError::TriggerOffset { found: trigger_offset, expected });
        }
        let count = reader.u16().map_err(at(JobField::TriggerCount))?;
        let triggers = reader.take(usize::from(count) * TRIGGER_SIZE).map_err(at(JobField::Triggers))?;
        let signature = reader.rest();
        if !variable::is_signature(signature) {
            let excess = signature.len().checked_sub(SIGNATURE).unwrap_or(signature.len());
            return Err(JobError::TooLong { excess });
        }
        Ok(Self {
            fixdlen_data,
            running_instance_count,
            application_name,
            parameters,
            working_directory,
            author,
            comment,
            user_data,
            reserved_data,
            triggers: JobTriggers::new(triggers),
            signature,
        })
    }

    /// Writes the file to the front of `into`, and gives it back.
    ///
    /// # Errors
    /// [`JobWriteError`] if it does not fit, or cannot be said with 16 bits.
    pub fn write<'i>(&self, into: &'i mut [u8]) -> Result<&'i [u8], JobWriteError> {
        let mut writer = Writer::new(into);
        self.fixdlen_data.write(&mut writer)?;
        writer.u16(self.running_instance_count)?;
        let texts = [
            (JobField::ApplicationName, self.application_name),
            (JobField::Parameters, self.parameters),
            (JobField::WorkingDirectory, self.working_directory),
            (JobField::Author, self.author),
            (JobField::Comment, self.comment),
        ];
        for (field, text) in texts {
            variable::write_text(&mut writer, field, text.as_ref().map(Utf16::units))?;
        }
        if !matches!(self.reserved_data.len(), 0 | TASK_RESERVED1) {
            return Err(JobWriteError::ReservedDataSize(self.reserved_data.len()));
        }
        variable::write_sized(&mut writer, JobField::UserData, self.user_data)?;
        variable::write_sized(&mut writer, JobField::ReservedData, self.reserved_data)?;
        variable::begin_triggers(&mut writer, self.triggers.len())?;
        writer.put(self.triggers.bytes())?;
        variable::write_signature(&mut writer, self.signature)?;
        Ok(writer.into_written())
    }
}
