//! Triggers of a .JOB file, [MS-TSCH] 2.4.2.11.

use crate::bytes::{Full, Reader, Short, Writer};

/// Bytes of one trigger, whatever its Trigger Size says.
pub const TRIGGER_SIZE: usize = 0x30;

/// The triggers of a file, as they lie in it. Trigger Count counts them, although the specification says bytes: in real
/// files it is their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JobTriggers<'b> {
    // INVARIANT: whole triggers.
    bytes: &'b [u8],
}

impl<'b> JobTriggers<'b> {
    /// The triggers in `bytes`; a last one that is not whole is left out.
    #[must_use]
    pub fn new(bytes: &'b [u8]) -> Self {
        Self { bytes: bytes.get(..bytes.len() - bytes.len() % TRIGGER_SIZE).unwrap_or_default() }
    }

    /// The bytes as they are in the file.
    #[must_use]
    pub const fn bytes(&self) -> &'b [u8] {
        self.bytes
    }

    /// How many.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.bytes.len() / TRIGGER_SIZE
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Each of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = JobTrigger> + Clone + use<'b> {
        self.bytes.chunks_exact(TRIGGER_SIZE).filter_map(|bytes| JobTrigger::read(&mut Reader::new(bytes)).ok())
    }
}

/// One trigger, [MS-TSCH] 2.4.2.11, word by word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JobTrigger {
    /// Trigger Size: `0x0030`, and ignored.
    pub trigger_size: u16,
    /// Reserved1. Windows XP numbers the triggers of a file here.
    pub reserved1: u16,
    /// Begin Year, 1601 to 30827.
    pub begin_year: u16,
    /// Begin Month, 1 to 12.
    pub begin_month: u16,
    /// Begin Day, 1 to 31.
    pub begin_day: u16,
    /// End Year; this and the next two are ignored without TASK_TRIGGER_FLAG_HAS_END_DATE.
    pub end_year: u16,
    /// End Month.
    pub end_month: u16,
    /// End Day.
    pub end_day: u16,
    /// Start Hour, 0 to 23.
    pub start_hour: u16,
    /// Start Minute, 0 to 59.
    pub start_minute: u16,
    /// Minutes Duration: for how long the trigger fires again.
    pub minutes_duration: u32,
    /// Minutes Interval: time between its firings.
    pub minutes_interval: u32,
    /// Flags.
    pub flags: TriggerFlags,
    /// Trigger Type, 2.4.2.11.1.
    pub trigger_type: u32,
    /// TriggerSpecific0 to TriggerSpecific2, which [`JobTrigger::kind`] understands.
    pub trigger_specific: [u16; 3],
    /// Padding.
    pub padding: u16,
    /// Reserved2.
    pub reserved2: u16,
    /// Reserved3.
    pub reserved3: u16,
}

/// Task Trigger Flags, [MS-TSCH] 2.4.2.11. Undefined bits are ignored, and kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TriggerFlags(pub u32);

impl TriggerFlags {
    /// TASK_TRIGGER_FLAG_HAS_END_DATE.
    pub const HAS_END_DATE: u32 = 1 << 0;
    /// TASK_TRIGGER_FLAG_KILL_AT_DURATION_END.
    pub const KILL_AT_DURATION_END: u32 = 1 << 1;
    /// TASK_TRIGGER_FLAG_DISABLED.
    pub const DISABLED: u32 = 1 << 2;

    /// Whether all of `bits` are set.
    #[must_use]
    pub const fn has(self, bits: u32) -> bool {
        self.0 & bits == bits
    }
}

/// Trigger Type with the fields that are specific to it, [MS-TSCH] 2.4.2.11.1. Bits that no value defines are left in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobTriggerKind {
    /// ONCE.
    Once,
    /// DAILY, 2.4.2.11.5.
    Daily {
        /// Days Interval.
        days_interval: u16,
    },
    /// WEEKLY, 2.4.2.11.6.
    Weekly {
        /// Weeks Interval.
        weeks_interval: u16,
        /// DaysOfTheWeek, Sunday lowest, 2.4.2.11.3.
        days_of_the_week: u16,
    },
    /// MONTHLYDATE, 2.4.2.11.7.
    MonthlyDate {
        /// Days, day 1 lowest, 2.4.2.11.2.
        days: u32,
        /// Months, January lowest, 2.4.2.11.4.
        months: u16,
    },
    /// MONTHLYDOW, 2.4.2.11.8.
    MonthlyDow {
        /// WhichWeek: 1 to 4, or 5 for the last.
        which_week: u16,
        /// DaysOfTheWeek, Sunday lowest, 2.4.2.11.3.
        days_of_the_week: u16,
        /// Months, January lowest, 2.4.2.11.4.
        months: u16,
    },
    /// EVENT_ON_IDLE.
    EventOnIdle,
    /// EVENT_AT_SYSTEMSTART.
    EventAtSystemStart,
    /// EVENT_AT_LOGON.
    EventAtLogon,
}

impl JobTriggerKind {
    /// The Trigger Type and the specific fields; those that are not used are 0.
    #[must_use]
    pub const fn fields(self) -> (u32, [u16; 3]) {
        match self {
            Self::Once => (0, [0; 3]),
            Self::Daily { days_interval } => (1, [days_interval, 0, 0]),
            Self::Weekly { weeks_interval, days_of_the_week } => (2, [weeks_interval, days_of_the_week, 0]),
            Self::MonthlyDate { days, months } => (3, [days as u16, (days >> 16) as u16, months]),
            Self::MonthlyDow { which_week, days_of_the_week, months } => (4, [which_week, days_of_the_week, months]),
            Self::EventOnIdle => (5, [0; 3]),
            Self::EventAtSystemStart => (6, [0; 3]),
            Self::EventAtLogon => (7, [0; 3]),
        }
    }
}

impl JobTrigger {
    /// What the Trigger Type and the specific fields mean; `None` for a type that there is not.
    #[must_use]
    pub const fn kind(&self) -> Option<JobTriggerKind> {
        let [first, second, third] = self.trigger_specific;
        Some(match self.trigger_type {
            0 => JobTriggerKind::Once,
            1 => JobTriggerKind::Daily { days_interval: first },
            2 => JobTriggerKind::Weekly { weeks_interval: first, days_of_the_week: second },
            3 => JobTriggerKind::MonthlyDate { days: first as u32 | (second as u32) << 16, months: third },
            4 => JobTriggerKind::MonthlyDow { which_week: first, days_of_the_week: second, months: third },
            5 => JobTriggerKind::EventOnIdle,
            6 => JobTriggerKind::EventAtSystemStart,
            7 => JobTriggerKind::EventAtLogon,
            _ => return None,
        })
    }

    /// Reads one trigger.
    ///
    /// # Errors
    /// [`Short`] if fewer than [`TRIGGER_SIZE`] bytes are left.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Short> {
        Ok(Self {
            trigger_size: reader.u16()?,
            reserved1: reader.u16()?,
            begin_year: reader.u16()?,
            begin_month: reader.u16()?,
            begin_day: reader.u16()?,
            end_year: reader.u16()?,
            end_month: reader.u16()?,
            end_day: reader.u16()?,
            start_hour: reader.u16()?,
            start_minute: reader.u16()?,
            minutes_duration: reader.u32()?,
            minutes_interval: reader.u32()?,
            flags: TriggerFlags(reader.u32()?),
            trigger_type: reader.u32()?,
            trigger_specific: [reader.u16()?, reader.u16()?, reader.u16()?],
            padding: reader.u16()?,
            reserved2: reader.u16()?,
            reserved3: reader.u16()?,
        })
    }

    /// Writes the trigger, every word as it is.
    ///
    /// # Errors
    /// [`Full`] if [`TRIGGER_SIZE`] bytes do not fit.
    pub fn write(&self, writer: &mut Writer<'_>) -> Result<(), Full> {
        let words = [
            self.trigger_size,
            self.reserved1,
            self.begin_year,
            self.begin_month,
            self.begin_day,
            self.end_year,
            self.end_month,
            self.end_day,
            self.start_hour,
            self.start_minute,
        ];
        words.into_iter().try_for_each(|word| writer.u16(word))?;
        let wide = [self.minutes_duration, self.minutes_interval, self.flags.0, self.trigger_type];
        wide.into_iter().try_for_each(|word| writer.u32(word))?;
        let [first, second, third] = self.trigger_specific;
        [first, second, third, self.padding, self.reserved2, self.reserved3]
            .into_iter()
            .try_for_each(|word| writer.u16(word))
    }
}
