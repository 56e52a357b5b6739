//! FIXDLEN_DATA, [MS-TSCH] 2.4.1.

use super::{APP_NAME_LEN_OFFSET, JobError, JobField};
use crate::{
    bytes::{Full, Reader, Short, Writer},
    guid::Guid,
    time::filetime::SystemTime,
};

/// File Version, the only one there is.
pub const FILE_VERSION: u16 = 1;

/// Product Version of new files: Windows 7, the last one whose own programs wrote any.
pub const PRODUCT_VERSION: u16 = 0x0601;

/// Where Trigger Offset stands; what it says is known only when the strings before the triggers are written.
pub(super) const TRIGGER_OFFSET: usize = 2 // Product Version
    + 2 // File Version
    + 16 // Job uuid
    + 2; // App Name Len Offset

/// FIXDLEN_DATA, [MS-TSCH] 2.4.1: the header. File Version and the two offsets follow from the rest of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FixdlenData {
    /// Product Version: `0x0501` for Windows XP, `0x0601` for Windows 7.
    pub product_version: u16,
    /// Job uuid: names the task on its machine.
    pub job_uuid: Guid,
    /// Error Retry Count: attempts to run the task if it fails to start.
    pub error_retry_count: u16,
    /// Error Retry Interval, in minutes.
    pub error_retry_interval: u16,
    /// Idle Deadline: minutes to wait for the machine to become idle.
    pub idle_deadline: u16,
    /// Idle Wait: minutes for which the machine must have been idle.
    pub idle_wait: u16,
    /// Priority.
    pub priority: Priority,
    /// Maximum Run Time, in milliseconds.
    pub maximum_run_time: u32,
    /// Exit Code of the last run.
    pub exit_code: u32,
    /// Status: a SCHED_S_ code that says whether the task runs, or will.
    pub status: u32,
    /// Flags.
    pub flags: Flags,
    /// Year to MilliSeconds: when the task ran last.
    pub last_run: SystemTime,
}

/// Priority, [MS-TSCH] 2.4.1: one of these bits; the others are ignored, and kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Priority(pub u32);

impl Priority {
    /// NORMAL_PRIORITY_CLASS.
    pub const NORMAL: u32 = 0x20;
    /// IDLE_PRIORITY_CLASS.
    pub const IDLE: u32 = 0x40;
    /// HIGH_PRIORITY_CLASS.
    pub const HIGH: u32 = 0x80;
    /// REALTIME_PRIORITY_CLASS.
    pub const REALTIME: u32 = 0x100;

    /// The bits that have a meaning.
    #[must_use]
    pub const fn class(self) -> u32 {
        self.0 & (Self::NORMAL | Self::IDLE | Self::HIGH | Self::REALTIME)
    }
}

/// Flags of a task, [MS-TSCH] 2.3.7. Undefined bits are ignored, and kept: real files have some set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(pub u32);

impl Flags {
    /// TASK_FLAG_INTERACTIVE: the task may interact with the user who is logged on.
    pub const INTERACTIVE: u32 = 1 << 0;
    /// TASK_FLAG_DELETE_WHEN_DONE: deleted when there are no more run times.
    pub const DELETE_WHEN_DONE: u32 = 1 << 1;
    /// TASK_FLAG_DISABLED.
    pub const DISABLED: u32 = 1 << 2;
    /// TASK_FLAG_START_ONLY_IF_IDLE.
    pub const START_ONLY_IF_IDLE: u32 = 1 << 4;
    /// TASK_FLAG_KILL_ON_IDLE_END.
    pub const KILL_ON_IDLE_END: u32 = 1 << 5;
    /// TASK_FLAG_DONT_START_IF_ON_BATTERIES.
    pub const DONT_START_IF_ON_BATTERIES: u32 = 1 << 6;
    /// TASK_FLAG_KILL_IF_GOING_ON_BATTERIES.
    pub const KILL_IF_GOING_ON_BATTERIES: u32 = 1 << 7;
    /// TASK_FLAG_RUN_ONLY_IF_DOCKED: unused.
    pub const RUN_ONLY_IF_DOCKED: u32 = 1 << 8;
    /// TASK_FLAG_HIDDEN.
    pub const HIDDEN: u32 = 1 << 9;
    /// TASK_FLAG_RUN_IF_CONNECTED_TO_INTERNET: unused.
    pub const RUN_IF_CONNECTED_TO_INTERNET: u32 = 1 << 10;
    /// TASK_FLAG_RESTART_ON_IDLE_RESUME.
    pub const RESTART_ON_IDLE_RESUME: u32 = 1 << 11;
    /// TASK_FLAG_SYSTEM_REQUIRED: wakes the machine.
    pub const SYSTEM_REQUIRED: u32 = 1 << 12;
    /// TASK_FLAG_RUN_ONLY_IF_LOGGED_ON.
    pub const RUN_ONLY_IF_LOGGED_ON: u32 = 1 << 13;
    /// TASK_APPLICATION_NAME: there is an application name.
    pub const APPLICATION_NAME: u32 = 1 << 24;

    /// Whether all of `bits` are set.
    #[must_use]
    pub const fn has(self, bits: u32) -> bool {
        self.0 & bits == bits
    }
}

impl FixdlenData {
    /// Bytes in the file.
    pub const SIZE: usize = APP_NAME_LEN_OFFSET as usize - 2;

    /// Reads the header, and gives Trigger Offset beside it.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<(Self, u16), JobError> {
        let left = reader.left();
        let short = |Short { .. }| JobError::Short { field: JobField::FixdlenData, needed: Self::SIZE, left };
        let mut header = Reader::new(reader.take(Self::SIZE).map_err(short)?);
        let product_version = header.u16().map_err(short)?;
        let file_version = header.u16().map_err(short)?;
        if file_version != FILE_VERSION {
            return Err(JobError::FileVersion(file_version));
        }
        let job_uuid = Guid::read(&mut header).map_err(short)?;
        let app_name_len_offset = header.u16().map_err(short)?;
        if app_name_len_offset != APP_NAME_LEN_OFFSET {
            return Err(JobError::AppNameLenOffset(app_name_len_offset));
        }
        let trigger_offset = header.u16().map_err(short)?;
        let fixdlen_data = Self::read_rest(&mut header, product_version, job_uuid).map_err(short)?;
        Ok((fixdlen_data, trigger_offset))
    }

    fn read_rest(header: &mut Reader<'_>, product_version: u16, job_uuid: Guid) -> Result<Self, Short> {
        Ok(Self {
            product_version,
            job_uuid,
            error_retry_count: header.u16()?,
            error_retry_interval: header.u16()?,
            idle_deadline: header.u16()?,
            idle_wait: header.u16()?,
            priority: Priority(header.u32()?),
            maximum_run_time: header.u32()?,
            exit_code: header.u32()?,
            status: header.u32()?,
            flags: Flags(header.u32()?),
            last_run: SystemTime::read(header)?,
        })
    }

    /// Writes the header, with a Trigger Offset of 0, which is written when it is known.
    pub(super) fn write(&self, writer: &mut Writer<'_>) -> Result<(), Full> {
        writer.u16(self.product_version)?;
        writer.u16(FILE_VERSION)?;
        self.job_uuid.write(writer)?;
        writer.u16(APP_NAME_LEN_OFFSET)?;
        writer.u16(0)?;
        writer.u16(self.error_retry_count)?;
        writer.u16(self.error_retry_interval)?;
        writer.u16(self.idle_deadline)?;
        writer.u16(self.idle_wait)?;
        writer.u32(self.priority.0)?;
        writer.u32(self.maximum_run_time)?;
        writer.u32(self.exit_code)?;
        writer.u32(self.status)?;
        writer.u32(self.flags.0)?;
        self.last_run.write(writer)
    }
}
