//! Moments as task XML writes them.

use super::span::Remaining;
use crate::time::civil::DateTime;

/// Where the civil time of a boundary holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offset {
    /// Nothing was written: local time, following the zone.
    Local,
    /// `Z`: a fixed moment of UTC.
    Utc,
    /// `+hh:mm` or `-hh:mm`, in minutes east of UTC, at most 14 hours: a fixed moment of UTC.
    Minutes(i16),
}

/// The farthest offset from UTC that an `xs:dateTime` may have, in minutes.
pub(super) const OFFSET_MAX: i16 = 14 * 60;

/// A StartBoundary or EndBoundary, [MS-TSCH] 2.5.3.1.
///
/// `Display` gives it back as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Boundary<'b> {
    /// The civil date and time.
    pub civil: DateTime,
    /// Milliseconds of the second, 0 to 999; finer fractions are in `text` alone.
    pub millisecond: u16,
    /// Where the civil time holds.
    pub offset: Offset,
    /// As it was written, where that differs from the canonical form; empty otherwise.
    pub text: &'b str,
}

impl<'b> Boundary<'b> {
    /// Parses an `xs:dateTime` of the years 1 to 9999; `None` if `text` is anything else.
    ///
    /// ```
    /// use mainspring::task::{Boundary, Offset};
    ///
    /// let boundary = Boundary::parse("2016-05-22T22:03:45.1165856+02:00").unwrap();
    /// assert_eq!((boundary.civil.second, boundary.millisecond, boundary.offset), (45, 116, Offset::Minutes(120)));
    /// assert!(Boundary::parse("2016-02-30T00:00:00").is_none());
    /// ```
    #[must_use]
    pub fn parse(text: &'b str) -> Option<Self> {
        let (date_time, rest) = text.split_at_checked(19)?;
        let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, b'T', h0, h1, b':', n0, n1, b':', s0, s1] =
            *date_time.as_bytes()
        else {
            return None;
        };
        let civil = DateTime {
            year: 100 * i16::from(two_digits(y0, y1)?) + i16::from(two_digits(y2, y3)?),
            month: two_digits(m0, m1)?,
            day: two_digits(d0, d1)?,
            hour: two_digits(h0, h1)?,
            minute: two_digits(n0, n1)?,
            second: two_digits(s0, s1)?,
        };
        let (millisecond, rest) = fraction(rest)?;
        let boundary = Self { civil, millisecond, offset: offset(rest)?, text: "" };
        if !boundary.is_possible() {
            return None;
        }
        let mut written = Remaining(text);
        let canonical = core::fmt::write(&mut written, format_args!("{boundary}")).is_ok() && written.0.is_empty();
        Some(if canonical { boundary } else { Self { text, ..boundary } })
    }

    /// Whether every part is in its range, and the date exists in the calendar.
    pub(super) const fn is_possible(&self) -> bool {
        let DateTime { year, month, day, hour, minute, second } = self.civil;
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match month {
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => 31,
        };
        let offset_is_possible = match self.offset {
            Offset::Local | Offset::Utc => true,
            Offset::Minutes(minutes) => -OFFSET_MAX <= minutes && minutes <= OFFSET_MAX,
        };
        1 <= year
            && year <= 9999
            && 1 <= month
            && month <= 12
            && 1 <= day
            && day <= days
            && hour < 24
            && minute < 60
            && second < 60
            && self.millisecond < 1000
            && offset_is_possible
    }
}

impl core::fmt::Display for Boundary<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        if !self.text.is_empty() {
            return f.write_str(self.text);
        }
        let DateTime { year, month, day, hour, minute, second } = self.civil;
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if self.millisecond != 0 {
            write!(f, ".{:03}", self.millisecond)?;
        }
        match self.offset {
            Offset::Local => Ok(()),
            Offset::Utc => f.write_str("Z"),
            Offset::Minutes(minutes) => {
                let sign = if minutes < 0 { '-' } else { '+' };
                let minutes = minutes.unsigned_abs();
                write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
        }
    }
}

fn two_digits(tens: u8, ones: u8) -> Option<u8> {
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| 10 * (tens - b'0') + (ones - b'0'))
}

/// Takes a fraction of a second from the front; milliseconds, rounded down.
fn fraction(text: &str) -> Option<(u16, &str)> {
    let Some(fraction) = text.strip_prefix('.') else { return Some((0, text)) };
    let end = fraction.find(|character: char| !character.is_ascii_digit()).unwrap_or(fraction.len());
    let (digits, rest) = fraction.split_at_checked(end)?;
    if digits.is_empty() {
        return None;
    }
    let digit = |at| digits.as_bytes().get(at).map_or(0, |digit| u16::from(digit - b'0'));
    Some((100 * digit(0) + 10 * digit(1) + digit(2), rest))
}

fn offset(text: &str) -> Option<Offset> {
    match *text.as_bytes() {
        [] => Some(Offset::Local),
        [b'Z'] => Some(Offset::Utc),
        [sign @ (b'+' | b'-'), h0, h1, b':', m0, m1] => {
            let (hours, minutes) = (two_digits(h0, h1)?, two_digits(m0, m1)?);
            let east = 60 * i16::from(hours) + i16::from(minutes);
            (minutes < 60).then_some(Offset::Minutes(if sign == b'-' { -east } else { east }))
        }
        _ => None,
    }
}
