//! The POSIX TZ string that ends a TZif file, RFC 9636 3.3.1 (RFC 8536 3.3.1): the rule for all time after the table.

use core::fmt;

use super::{
    civil::{self, DAY_SECONDS},
    segment::{BEGIN, END, Segment},
};

/// Lengths and weekdays that a year may have: common years that begin on Sunday to Saturday, then leap years.
const YEAR_KINDS: usize = 14;
/// Seconds of 400 years divided by 400, which is a whole number.
const MEAN_YEAR: u64 = 146_097 * DAY_SECONDS as u64 / 400;
/// Hours that an offset from UTC may have in a TZ string.
const OFFSET_HOURS: u32 = 24;
/// Hours that the time of a transition may have in a TZ string, either way.
const TIME_HOURS: u32 = 167;

/// What was wrong with a TZ string, and at which byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TailError {
    /// A name, sign, digit or separator that the grammar does not allow here.
    Malformed(usize),
    /// A number that is out of its range ends here.
    OutOfRange(usize),
    /// Daylight saving time has a name but no rule that says when it holds.
    NoRule(usize),
    /// In some year the two transitions change places, or one overtakes that of the next year.
    Crossing,
}

impl fmt::Display for TailError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(at) => write!(f, "TZ string is malformed at byte {at}"),
            Self::OutOfRange(at) => write!(f, "TZ string has a number out of range before byte {at}"),
            Self::NoRule(at) => write!(f, "TZ string has no rule for daylight saving time at byte {at}"),
            Self::Crossing => write!(f, "TZ string has transitions that cross"),
        }
    }
}

impl core::error::Error for TailError {}

/// A POSIX TZ string, computed so far that finding an offset takes no loop.
///
/// When a transition falls depends on two things about its year only: whether it is a leap year, and on which weekday it
/// begins. So the moments of both transitions are kept for each of the fourteen kinds of years.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Tail {
    /// Offset before the first transition of a year, and after the second.
    outer: i32,
    /// Offset between the two.
    inner: i32,
    /// The first and the second transition of a year of each kind, in seconds from its beginning in UTC.
    ///
    /// INVARIANT: the first is not after the second, and the second is not after the first of the following year; both
    /// by [`Tail::parse`].
    turns: [[i32; 2]; YEAR_KINDS],
    /// Whether there are no transitions at all.
    fixed: bool,
    /// Whether every transition falls into its own year, in UTC.
    tidy: bool,
}

impl fmt::Debug for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tail").field("outer", &self.outer).field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl Tail {
    /// Reads a TZ string, such as `CET-1CEST,M3.5.0,M10.5.0/3`. Hours of -167 to 167 are accepted in the times of rules,
    /// as version 3 of TZif allows.
    ///
    /// ```
    /// use mainspring::time::{tail::Tail, zone::Zone, Timestamp};
    /// let zone = Zone::from(Tail::parse(b"CET-1CEST,M3.5.0,M10.5.0/3").unwrap());
    /// assert_eq!(zone.offset_at(Timestamp::from_seconds(1_800_000_000)), 3600);
    /// ```
    ///
    /// # Errors
    /// [`TailError`] if it is not one, or if its transitions cross, which no real zone's do.
    pub fn parse(text: &[u8]) -> Result<Self, TailError> {
        let mut cursor = Cursor { text, at: 0 };
        cursor.name()?;
        let standard = -cursor.time(OFFSET_HOURS)?;
        if cursor.at == text.len() {
            return Ok(Self { outer: standard, inner: standard, turns: [[0; 2]; YEAR_KINDS], fixed: true, tidy: true });
        }
        cursor.name()?;
        let daylight = match cursor.peek() {
            Some(b',') | None => standard + 3600,
            Some(_) => -cursor.time(OFFSET_HOURS)?,
        };
        if cursor.peek().is_none() {
            return Err(TailError::NoRule(cursor.at));
        }
        cursor.expect(b',')?;
        let start = cursor.rule()?;
        cursor.expect(b',')?;
        let end = cursor.rule()?;
        if cursor.at != text.len() {
            return Err(TailError::Malformed(cursor.at));
        }
        Self::new(standard, daylight, start, end)
    }

    fn new(standard: i32, daylight: i32, start: Rule, end: Rule) -> Result<Self, TailError> {
        let mut turns = [[0; 2]; YEAR_KINDS];
        for (kind, turn) in turns.iter_mut().enumerate() {
            let (leap, weekday) = (kind >= 7, (kind % 7) as i32);
            *turn = [start.second_of_year(leap, weekday) - standard, end.second_of_year(leap, weekday) - daylight];
        }
        let (mut outer, mut inner) = (standard, daylight);
        if turns.iter().any(|[start, end]| start > end) {
            // Daylight saving time spans the new year, as it does in the south.
            (outer, inner) = (daylight, standard);
            for turn in &mut turns {
                turn.swap(0, 1);
            }
        }
        let mut tail = Self { outer, inner, turns, fixed: false, tidy: true };
        for (kind, [first, second]) in turns.into_iter().enumerate() {
            let (leap, weekday) = (kind >= 7, kind % 7);
            let days = 365 + i32::from(leap);
            let after = (weekday + 1 + usize::from(leap)) % 7;
            // No leap year follows a leap year; a common year may be followed by either.
            let crosses = |following: usize| tail.turns(following)[0] + days * DAY_SECONDS as i32 - second < 0;
            if first > second || crosses(after) || (!leap && crosses(after + 7)) {
                return Err(TailError::Crossing);
            }
            tail.tidy &= first >= 0 && second <= days * DAY_SECONDS as i32;
        }
        Ok(tail)
    }

    #[inline]
    fn turns(&self, kind: usize) -> [i32; 2] {
        self.turns.get(kind).copied().unwrap_or_default()
    }

    /// A stretch of constant offset that holds at `second`. It may end, or begin, with the year and not with the offset.
    #[inline]
    pub(crate) fn segment_at(&self, second: i64) -> Segment {
        if self.fixed {
            return Segment { offset: self.outer, from: BEGIN, until: END };
        }
        let year = Year::around(second);
        if !self.tidy {
            return self.segment_among(second, year.number);
        }
        let [first, turn_back] = self.turns(year.kind);
        let (first, turn_back) = (year.start + i64::from(first), year.start + i64::from(turn_back));
        if second < first {
            Segment { offset: self.outer, from: year.start, until: first }
        } else if second < turn_back {
            Segment { offset: self.inner, from: first, until: turn_back }
        } else {
            Segment { offset: self.outer, from: turn_back, until: year.start + year.length }
        }
    }

    /// The whole stretch of constant offset that holds at `second`.
    pub(crate) fn whole_segment_at(&self, second: i64) -> Segment {
        if self.fixed { self.segment_at(second) } else { self.segment_among(second, Year::around(second).number) }
    }

    /// As [`segment_at`](Self::segment_at), when transitions of other years may fall into this one.
    #[cold]
    fn segment_among(&self, second: i64, year: u64) -> Segment {
        let mut segment = Segment { offset: self.outer, from: BEGIN, until: END };
        for year in year.saturating_sub(2)..=year + 2 {
            let year = Year::new(year);
            let [first, turn_back] = self.turns(year.kind);
            for (at, offset) in [(first, self.inner), (turn_back, self.outer)] {
                let at = year.start + i64::from(at);
                if at > second {
                    return Segment { until: at, ..segment };
                }
                (segment.from, segment.offset) = (at, offset);
            }
        }
        segment
    }
}

/// One year of the calendar in UTC.
#[derive(Clone, Copy)]
struct Year {
    /// Years after a year so early that every moment has a positive one: the first of a cycle of 400.
    number: u64,
    /// Its first second.
    start: i64,
    /// Its seconds.
    length: i64,
    /// Which of the kinds it is.
    kind: usize,
}

impl Year {
    /// Days from the first day of year 0 to 1970-01-01: some cycles of 400 years, and those since year 1.
    const EPOCH: i64 = 1_000_000 * 146_097 + 719_162;

    /// The year that a second falls into.
    #[inline]
    fn around(second: i64) -> Self {
        let second = second.clamp(BEGIN, END);
        let number = (second + Self::EPOCH * DAY_SECONDS) as u64 / MEAN_YEAR;
        let year = Self::new(number);
        // The mean year is off by less than three days.
        if second < year.start {
            Self::new(number - 1)
        } else if second >= year.start + year.length {
            Self::new(number + 1)
        } else {
            year
        }
    }

    #[inline]
    fn new(number: u64) -> Self {
        let century = number / 100;
        let days = number * 365 + number / 4 - century + century / 4;
        // The last year of four is a leap year, but not the last of a century, but the last of four centuries.
        let leap = number & 3 == 3 && (number - century * 100 != 99 || century & 3 == 3);
        // Year 0 begins on a Monday, as does every cycle of 400 years.
        let kind = (days + 1) % 7 + if leap { 7 } else { 0 };
        Self {
            number,
            start: (days as i64 - Self::EPOCH) * DAY_SECONDS,
            length: (365 + i64::from(leap)) * DAY_SECONDS,
            kind: kind as usize,
        }
    }
}

/// On which day of a year, counted how, and at what time.
#[derive(Clone, Copy)]
struct Rule {
    day: RuleDay,
    /// Seconds of local time from that day's midnight.
    time: i32,
}

#[derive(Clone, Copy)]
enum RuleDay {
    /// `Jn`: 1 to 365, 29 February never counted.
    Julian(i32),
    /// `n`: 0 to 365, 29 February counted.
    Ordinal(i32),
    /// `Mm.w.d`: weekday `d` of week `w` of month `m`.
    Weekday { month: u8, week: i32, weekday: i32 },
}

impl Rule {
    /// Seconds of local time from the beginning of a year that begins on `first_weekday`.
    fn second_of_year(self, leap: bool, first_weekday: i32) -> i32 {
        // Any leap year and any common year do: only lengths of months are asked.
        let year = if leap { 2000 } else { 2001 };
        let day = match self.day {
            RuleDay::Julian(day) => day - 1 + i32::from(leap && day > 59),
            RuleDay::Ordinal(day) => day,
            RuleDay::Weekday { month, week, weekday } => {
                let first = civil::days(year, month, 1) - civil::days(year, 1, 1);
                let day = (weekday - first_weekday - first).rem_euclid(7) + 7 * (week - 1);
                // The fifth is the last, which is the fourth where there is no fifth.
                first + if day >= i32::from(civil::days_in_month(year, month)) { day - 7 } else { day }
            }
        };
        day * DAY_SECONDS as i32 + self.time
    }
}

/// Reads the parts of a TZ string.
struct Cursor<'t> {
    text: &'t [u8],
    at: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn expect(&mut self, byte: u8) -> Result<(), TailError> {
        if self.skip(byte) { Ok(()) } else { Err(TailError::Malformed(self.at)) }
    }

    fn skip(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// At least three letters, or letters, digits and signs between `<` and `>`.
    fn name(&mut self) -> Result<(), TailError> {
        let quoted = self.skip(b'<');
        let start = self.at;
        while self.peek().is_some_and(|byte| {
            byte.is_ascii_alphabetic() || (quoted && (byte.is_ascii_digit() || byte == b'+' || byte == b'-'))
        }) {
            self.at += 1;
        }
        if self.at - start < 3 {
            return Err(TailError::Malformed(self.at));
        }
        if quoted { self.expect(b'>') } else { Ok(()) }
    }

    /// A number of one to three digits within a range.
    fn number(&mut self, least: u32, most: u32) -> Result<u32, TailError> {
        let start = self.at;
        let mut number = 0;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            if self.at - start == 3 {
                return Err(TailError::OutOfRange(self.at));
            }
            number = number * 10 + u32::from(digit - b'0');
            self.at += 1;
        }
        if self.at == start {
            return Err(TailError::Malformed(self.at));
        }
        if number < least || number > most {
            return Err(TailError::OutOfRange(self.at));
        }
        Ok(number)
    }

    /// `[+-]hh[:mm[:ss]]` in seconds.
    fn time(&mut self, most_hours: u32) -> Result<i32, TailError> {
        let negative = self.skip(b'-');
        if !negative {
            self.skip(b'+');
        }
        let mut seconds = self.number(0, most_hours)? * 3600;
        if self.skip(b':') {
            seconds += self.number(0, 59)? * 60;
            if self.skip(b':') {
                seconds += self.number(0, 59)?;
            }
        }
        Ok(if negative { -(seconds as i32) } else { seconds as i32 })
    }

    /// A day and, after a slash, a time, which is two o'clock if it is left out.
    fn rule(&mut self) -> Result<Rule, TailError> {
        let day = if self.skip(b'J') {
            RuleDay::Julian(self.number(1, 365)? as i32)
        } else if self.skip(b'M') {
            let month = self.number(1, 12)? as u8;
            self.expect(b'.')?;
            let week = self.number(1, 5)? as i32;
            self.expect(b'.')?;
            RuleDay::Weekday { month, week, weekday: self.number(0, 6)? as i32 }
        } else {
            RuleDay::Ordinal(self.number(0, 365)? as i32)
        };
        let time = if self.skip(b'/') { self.time(TIME_HOURS)? } else { 7200 };
        Ok(Rule { day, time })
    }
}
