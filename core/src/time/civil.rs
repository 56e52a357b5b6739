//! The civil (proleptic Gregorian) calendar: dates and times of day without a zone.
//!
//! A day is counted from 1970-01-01 (day 0), a second or millisecond of civil time from that day's midnight, as if every
//! clock had always shown UTC. The algorithms for dates are those of Neri and Schneider: a few multiplications, no table
//! and no loop.

use super::Timestamp;

/// The first year that a [`DateTime`] can hold.
pub const YEAR_MIN: i16 = -9999;
/// The last year that a [`DateTime`] can hold, which is the last of SYSTEMTIME.
pub const YEAR_MAX: i16 = 30827;
/// The first day of [`YEAR_MIN`].
pub const DAY_MIN: i32 = days(YEAR_MIN, 1, 1);
/// The last day of [`YEAR_MAX`].
pub const DAY_MAX: i32 = days(YEAR_MAX, 12, 31);

/// Seconds of a day.
pub(crate) const DAY_SECONDS: i64 = 86_400;
/// Milliseconds of a day.
pub(crate) const DAY_MILLISECONDS: i64 = 86_400_000;

/// Years added so that everything is positive: a hundred cycles of 400 years.
const SHIFT_YEARS: i32 = 40_000;
/// Days from 1 March of year `-SHIFT_YEARS` to 1970-01-01.
const SHIFT_DAYS: i32 = 719_468 + 146_097 * 100;

/// A date and a time of day, without a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DateTime {
    /// Year, -9999 to 30827 (the last year of SYSTEMTIME).
    pub year: i16,
    /// Month, 1 to 12.
    pub month: u8,
    /// Day of the month, 1 to 31.
    pub day: u8,
    /// Hour, 0 to 23.
    pub hour: u8,
    /// Minute, 0 to 59.
    pub minute: u8,
    /// Second, 0 to 59.
    pub second: u8,
}

impl DateTime {
    /// The date and time of these fields, if there is such a one.
    ///
    /// ```
    /// use mainspring::time::civil::DateTime;
    /// assert!(DateTime::new(2024, 2, 29, 23, 59, 59).is_some());
    /// assert!(DateTime::new(2023, 2, 29, 0, 0, 0).is_none());
    /// ```
    #[must_use]
    pub const fn new(year: i16, month: u8, day: u8, hour: u8, minute: u8, second: u8) -> Option<Self> {
        let civil = Self { year, month, day, hour, minute, second };
        if civil.is_valid() { Some(civil) } else { None }
    }

    /// Whether every field is in its range and the month has that day.
    #[must_use]
    pub const fn is_valid(self) -> bool {
        self.year >= YEAR_MIN
            && self.year <= YEAR_MAX
            && self.month >= 1
            && self.month <= 12
            && self.day >= 1
            && self.day <= days_in_month(self.year, self.month)
            && self.hour < 24
            && self.minute < 60
            && self.second < 60
    }

    /// The date and time that is `seconds` of civil time after 1970-01-01T00:00:00, if its year can be held.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Option<Self> {
        let day = seconds.div_euclid(DAY_SECONDS);
        if day < DAY_MIN as i64 || day > DAY_MAX as i64 {
            return None;
        }
        let (year, month, day) = date(day as i32);
        let second = seconds.rem_euclid(DAY_SECONDS) as u32;
        let (minute, second) = (second / 60, (second % 60) as u8);
        Some(Self { year, month, day, hour: (minute / 60) as u8, minute: (minute % 60) as u8, second })
    }

    /// Seconds of civil time since 1970-01-01T00:00:00. Of a date and time that is not valid, some number.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        days(self.year, self.month, self.day) as i64 * DAY_SECONDS + self.second_of_day() as i64
    }

    /// Seconds since midnight.
    #[must_use]
    pub const fn second_of_day(self) -> u32 {
        self.hour as u32 * 3600 + self.minute as u32 * 60 + self.second as u32
    }

    /// Day of the week, 0 (Sunday) to 6.
    #[must_use]
    pub const fn weekday(self) -> u8 {
        weekday(days(self.year, self.month, self.day))
    }

    /// The moment at which a clock that shows UTC shows this date and time.
    #[must_use]
    pub const fn utc(self) -> Timestamp {
        Timestamp::from_seconds(self.seconds())
    }
}

impl Timestamp {
    /// What a clock that shows UTC shows at this moment, and the milliseconds of its second. `None` outside of the years
    /// that a [`DateTime`] can hold.
    ///
    /// ```
    /// use mainspring::time::{Timestamp, civil::DateTime};
    /// let (civil, milliseconds) = Timestamp(951_782_400_007).civil().unwrap();
    /// assert_eq!((Some(civil), milliseconds), (DateTime::new(2000, 2, 29, 0, 0, 0), 7));
    /// assert_eq!(civil.utc(), Timestamp(951_782_400_000));
    /// ```
    #[must_use]
    pub const fn civil(self) -> Option<(DateTime, u16)> {
        match DateTime::from_seconds(self.seconds()) {
            Some(civil) => Some((civil, self.0.rem_euclid(1000) as u16)),
            None => None,
        }
    }
}

/// Whether `year` has a 29 February.
#[must_use]
pub const fn is_leap(year: i16) -> bool {
    // A multiple of 100 is one of 400 when it is one of 16, because 400 is 16 times 25 and 100 has 25 already.
    if year % 100 == 0 { year & 15 == 0 } else { year & 3 == 0 }
}

/// Days of a month (1 to 12).
#[must_use]
pub const fn days_in_month(year: i16, month: u8) -> u8 {
    if month == 2 { 28 + is_leap(year) as u8 } else { 30 | (month ^ (month >> 3)) }
}

/// Days from 1970-01-01 to a date. Of a date that does not exist, some number near it.
#[must_use]
pub const fn days(year: i16, month: u8, day: u8) -> i32 {
    // Years begin in March, so that the leap day is their last.
    let before_march = month <= 2;
    let year = (year as i32 + SHIFT_YEARS) as u32 - before_march as u32;
    let month = month as u32 + if before_march { 12 } else { 0 };
    let century = year / 100;
    let days = 1461 * year / 4 - century + century / 4 + (979 * month).wrapping_sub(2919) / 32 + day as u32;
    days as i32 - 1 - SHIFT_DAYS
}

/// The year, month and day of the month that is `days` after 1970-01-01; clamped to [`DAY_MIN`] and [`DAY_MAX`].
#[must_use]
pub const fn date(days: i32) -> (i16, u8, u8) {
    let days = if days < DAY_MIN {
        DAY_MIN
    } else if days > DAY_MAX {
        DAY_MAX
    } else {
        days
    };
    let quarters = 4 * (days + SHIFT_DAYS) as u32 + 3;
    let century = quarters / 146_097;
    let quarters = (quarters % 146_097) | 3;
    // The upper half is the year of the century, the lower half the fraction of the year that has passed.
    let product = 2_939_745 * quarters as u64;
    let day_of_year = product as u32 / 2_939_745 / 4;
    let month_and_day = 2141 * day_of_year + 197_913;
    let after_december = day_of_year >= 306;
    let year = (100 * century + (product >> 32) as u32) as i32 - SHIFT_YEARS + after_december as i32;
    let month = (month_and_day >> 16) as u8 - if after_december { 12 } else { 0 };
    (year as i16, month, ((month_and_day & 0xFFFF) / 2141) as u8 + 1)
}

/// Day of the week of the day that is `days` after 1970-01-01: 0 (Sunday) to 6.
#[must_use]
pub const fn weekday(days: i32) -> u8 {
    (days as i64 + 4).rem_euclid(7) as u8
}
