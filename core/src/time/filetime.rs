//! FILETIME and SYSTEMTIME, [MS-DTYP] 2.3.3 and 2.3.13.

use core::fmt;

use super::{
    Timestamp,
    civil::{self, DateTime},
};
use crate::bytes::{Full, Reader, Short, Writer};

/// Milliseconds from 1601-01-01 to 1970-01-01.
const EPOCH: i64 = 11_644_473_600_000;
/// Ticks of 100 nanoseconds in a millisecond.
const TICKS: u64 = 10_000;

/// FILETIME: ticks of 100 nanoseconds since 1601-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FileTime(pub u64);

impl FileTime {
    /// The latest that Windows accepts: the sign bit is not used.
    pub const MAX: Self = Self(i64::MAX as u64);

    /// The moment, rounded down to a millisecond. Every value has one.
    #[must_use]
    pub const fn timestamp(self) -> Timestamp {
        Timestamp((self.0 / TICKS) as i64 - EPOCH)
    }

    /// Reads a FILETIME: the low half first, each half in the reader's byte order.
    ///
    /// # Errors
    /// [`Short`] if fewer than 8 bytes are left.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Short> {
        let low = reader.u32()?;
        Ok(Self(u64::from(reader.u32()?) << 32 | u64::from(low)))
    }

    /// Writes a FILETIME.
    ///
    /// # Errors
    /// [`Full`] if fewer than 8 bytes fit.
    pub fn write(self, writer: &mut Writer<'_>) -> Result<(), Full> {
        writer.u64(self.0)
    }
}

impl From<Timestamp> for FileTime {
    /// The moment in ticks, clamped to 1601-01-01 (zero) and [`FileTime::MAX`].
    fn from(moment: Timestamp) -> Self {
        let milliseconds = moment.0.saturating_add(EPOCH).max(0) as u64;
        Self(milliseconds.saturating_mul(TICKS)).min(Self::MAX)
    }
}

/// Why the fields of a [`SystemTime`] are no date and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SystemTimeError {
    /// The year is before 1601 or after 30827.
    Year(u16),
    /// The month is not 1 to 12.
    Month(u16),
    /// The month has no such day.
    Day(u16),
    /// Hour, minute, second or milliseconds are out of range.
    TimeOfDay([u16; 4]),
}

impl fmt::Display for SystemTimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Year(year) => write!(f, "year {year} is not 1601 to 30827"),
            Self::Month(month) => write!(f, "month {month} is not 1 to 12"),
            Self::Day(day) => write!(f, "the month has no day {day}"),
            Self::TimeOfDay([hour, minute, second, milliseconds]) => {
                write!(f, "{hour}:{minute}:{second} and {milliseconds} ms is no time of day")
            }
        }
    }
}

impl core::error::Error for SystemTimeError {}

/// SYSTEMTIME: a date and time in eight 16-bit fields, UTC or local as the user of the structure says.
///
/// The fields are as they came; [`civil`](Self::civil) checks them. Zero in all fields stands for no time at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SystemTime {
    /// Year, 1601 to 30827.
    pub year: u16,
    /// Month, 1 to 12.
    pub month: u16,
    /// Day of the week, 0 (Sunday) to 6; ignored when read.
    pub weekday: u16,
    /// Day of the month, 1 to 31.
    pub day: u16,
    /// Hour, 0 to 23.
    pub hour: u16,
    /// Minute, 0 to 59.
    pub minute: u16,
    /// Second, 0 to 59.
    pub second: u16,
    /// Milliseconds, 0 to 999.
    pub milliseconds: u16,
}

impl SystemTime {
    /// No time: what a client gets for a task that has never run.
    pub const ZERO: Self =
        Self { year: 0, month: 0, weekday: 0, day: 0, hour: 0, minute: 0, second: 0, milliseconds: 0 };

    /// Bytes on the wire.
    pub const SIZE: usize = 2 // year
        + 2 // month
        + 2 // day of the week
        + 2 // day
        + 2 // hour
        + 2 // minute
        + 2 // second
        + 2; // milliseconds

    /// Whether this is [`SystemTime::ZERO`].
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }

    /// The structure for a date and time, with the day of the week filled in; `None` before 1601 or when it is not valid.
    #[must_use]
    pub const fn from_civil(civil: DateTime, milliseconds: u16) -> Option<Self> {
        if civil.year < 1601 || !civil.is_valid() || milliseconds > 999 {
            return None;
        }
        Some(Self {
            year: civil.year as u16,
            month: civil.month as u16,
            weekday: civil.weekday() as u16,
            day: civil.day as u16,
            hour: civil.hour as u16,
            minute: civil.minute as u16,
            second: civil.second as u16,
            milliseconds,
        })
    }

    /// The date and time, and its milliseconds. The day of the week is not looked at, as Windows does not.
    ///
    /// # Errors
    /// [`SystemTimeError`] for the first field that is out of range; zero in all fields is a [`SystemTimeError::Year`].
    pub const fn civil(&self) -> Result<(DateTime, u16), SystemTimeError> {
        if self.year < 1601 || self.year > civil::YEAR_MAX as u16 {
            return Err(SystemTimeError::Year(self.year));
        }
        if self.month < 1 || self.month > 12 {
            return Err(SystemTimeError::Month(self.month));
        }
        let (year, month) = (self.year as i16, self.month as u8);
        if self.day < 1 || self.day > civil::days_in_month(year, month) as u16 {
            return Err(SystemTimeError::Day(self.day));
        }
        if self.hour > 23 || self.minute > 59 || self.second > 59 || self.milliseconds > 999 {
            return Err(SystemTimeError::TimeOfDay([self.hour, self.minute, self.second, self.milliseconds]));
        }
        let (hour, minute, second) = (self.hour as u8, self.minute as u8, self.second as u8);
        Ok((DateTime { year, month, day: self.day as u8, hour, minute, second }, self.milliseconds))
    }

    /// Reads a SYSTEMTIME as it is, without a check.
    ///
    /// # Errors
    /// [`Short`] if fewer than 16 bytes are left.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Short> {
        Ok(Self {
            year: reader.u16()?,
            month: reader.u16()?,
            weekday: reader.u16()?,
            day: reader.u16()?,
            hour: reader.u16()?,
            minute: reader.u16()?,
            second: reader.u16()?,
            milliseconds: reader.u16()?,
        })
    }

    /// Writes a SYSTEMTIME.
    ///
    /// # Errors
    /// [`Full`] if fewer than 16 bytes fit.
    pub fn write(&self, writer: &mut Writer<'_>) -> Result<(), Full> {
        writer.u16(self.year)?;
        writer.u16(self.month)?;
        writer.u16(self.weekday)?;
        writer.u16(self.day)?;
        writer.u16(self.hour)?;
        writer.u16(self.minute)?;
        writer.u16(self.second)?;
        writer.u16(self.milliseconds)
    }
}
