//! What the moments of a schedule must be, found the slow way from jiff's calendar and jiff's transitions.
//!
//! Nothing is shared with the product but the TZif bytes and the types of a trigger. Days come from a walk over all days;
//! a local time is looked up in the list of stretches between jiff's transitions and resolved by the stated rule.

use std::ops::Range;

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, date},
    tz::TimeZone,
};
use mainspring::task::Schedule;

/// One day as jiff has it.
#[derive(Debug, Clone, Copy)]
pub struct Day {
    /// Seconds of civil time at midnight.
    pub midnight: i64,
    /// Its date.
    pub date: Date,
    /// 0 is Sunday.
    pub weekday: i64,
    /// How many its month has.
    pub days_in_month: i8,
    /// Days since the first of all days of the calendar.
    pub number: i64,
}

/// All days from the first of `years.start` to the last before `years.end`.
#[derive(Debug, Clone)]
pub struct Calendar {
    /// In order.
    pub days: Vec<Day>,
}

impl Calendar {
    /// All days of these years.
    ///
    /// # Panics
    /// If jiff knows no such years.
    #[must_use]
    pub fn new(years: Range<i16>) -> Self {
        let first = date(years.start, 1, 1);
        let midnight = first.to_zoned(TimeZone::UTC).unwrap().timestamp().as_second();
        let days = first.series(1.day()).take_while(|date| date.year() < years.end).enumerate();
        let day = |(number, date): (usize, Date)| Day {
            midnight: midnight + 86_400 * number as i64,
            date,
            weekday: i64::from(date.weekday().to_sunday_zero_offset()),
            days_in_month: date.days_in_month(),
            number: number as i64,
        };
        Self { days: days.map(day).collect() }
    }

    /// The days of a schedule whose StartBoundary is on the day of this number.
    pub fn matching(&self, schedule: &Schedule, start: usize) -> impl Iterator<Item = &Day> {
        let first = &self.days[start];
        self.days[start..].iter().filter(move |day| {
            let in_months = |months: u16| months >> (day.date.month() - 1) & 1 == 1;
            match *schedule {
                Schedule::Day { interval } => (day.number - first.number) % i64::from(interval) == 0,
                Schedule::Week { interval, days } => {
                    // The number of a week's Sunday tells the week.
                    let weeks = (day.number - day.weekday) - (first.number - first.weekday);
                    weeks / 7 % i64::from(interval) == 0 && days.0 >> day.weekday & 1 == 1
                }
                Schedule::Month { days, months } => {
                    let last = day.date.day() == day.days_in_month;
                    in_months(months.0) && (days.0 >> (day.date.day() - 1) & 1 == 1 || (last && days.0 >> 31 == 1))
                }
                Schedule::MonthDayOfWeek { weeks, days, months } => {
                    let week = (day.date.day() - 1) / 7;
                    let last = day.date.day() + 7 > day.days_in_month;
                    in_months(months.0)
                        && days.0 >> day.weekday & 1 == 1
                        && ((week < 4 && weeks.0 >> week & 1 == 1) || (last && weeks.0 >> 4 & 1 == 1))
                }
            }
        })
    }
}

/// A stretch between two of jiff's transitions, in seconds.
#[derive(Debug, Clone, Copy)]
pub struct Stretch {
    /// Its first second.
    pub from: i64,
    /// The second after its last.
    pub until: i64,
    /// Seconds east of UTC.
    pub offset: i64,
}

/// What becomes of a local time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It is shown once.
    Single,
    /// It is skipped.
    Gap,
    /// It is shown twice.
    Repeat,
}

/// A zone as the list of jiff's transitions.
#[derive(Debug, Clone)]
pub struct Zone {
    /// As jiff has it.
    pub jiff: TimeZone,
    /// Without a hole between them.
    pub stretches: Vec<Stretch>,
    /// Where the last look-up was: they come in order.
    at: usize,
}

impl Zone {
    /// A zone of these TZif bytes over some years.
    ///
    /// # Panics
    /// If jiff cannot read them.
    #[must_use]
    pub fn new(name: &str, tzif: &[u8], years: Range<i16>) -> Self {
        let jiff = TimeZone::tzif(name, tzif).unwrap();
        // A margin on both sides, so that every stretch that a local time may fall into is there.
        let begin = Timestamp::from(date(years.start - 1, 6, 1).to_zoned(TimeZone::UTC).unwrap());
        let end = date(years.end, 6, 1).to_zoned(TimeZone::UTC).unwrap().timestamp().as_second();
        let mut stretches =
            vec![Stretch { from: i64::MIN, until: end, offset: i64::from(jiff.to_offset(begin).seconds()) }];
        for transition in jiff.following(begin) {
            let at = transition.timestamp().as_second();
            if at >= end {
                break;
            }
            stretches.last_mut().unwrap().until = at;
            stretches.push(Stretch { from: at, until: end, offset: i64::from(transition.offset().seconds()) });
        }
        Self { jiff, stretches, at: 0 }
    }

    /// The moment that a local time means by the stated rule, both in milliseconds: its first pass if it repeats, the
    /// first valid moment after the gap if it is skipped.
    ///
    /// # Panics
    /// If the time lies outside of the years.
    pub fn resolve(&mut self, local: i64) -> (i64, Kind) {
        let second = local.div_euclid(1000);
        // No stretch that ends two days earlier can show this time.
        while self.at > 0 && self.stretches[self.at].from > second - 2 * 86_400 {
            self.at -= 1;
        }
        while self.stretches[self.at].until < second - 2 * 86_400 {
            self.at += 1;
        }
        let near = || self.stretches[self.at..].iter().take_while(|stretch| stretch.from <= second + 2 * 86_400);
        let passes = near().filter_map(|stretch| {
            let pass = second - stretch.offset;
            (stretch.from <= pass && pass < stretch.until).then_some(pass)
        });
        let mut passes = passes.fuse();
        match (passes.next(), passes.next()) {
            (Some(pass), None) => (pass * 1000 + local.rem_euclid(1000), Kind::Single),
            (Some(pass), Some(_)) => (pass * 1000 + local.rem_euclid(1000), Kind::Repeat),
            (None, _) => {
                let mut pairs = near().zip(near().skip(1));
                let gap = pairs.find(|(before, after)| {
                    before.until + before.offset <= second && second < after.from + after.offset
                });
                (gap.expect("a local time is shown, repeated or skipped").1.from * 1000, Kind::Gap)
            }
        }
    }
}

/// The moments of a trigger: each local time resolved, each moment once, with the firings that a repetition adds.
pub fn moments(
    zone: &mut Zone,
    days: &[i64],
    time_of_day: i64,
    repetition: Option<(i64, Option<i64>)>,
    end: Option<i64>,
) -> Vec<i64> {
    let mut occurrences: Vec<i64> = days.iter().map(|midnight| zone.resolve(midnight + time_of_day).0).collect();
    occurrences.dedup();
    let mut moments = Vec::with_capacity(occurrences.len());
    for (number, &occurrence) in occurrences.iter().enumerate() {
        moments.push(occurrence);
        let Some((interval, duration)) = repetition else { continue };
        // Repetitions after the last occurrence that was computed are not known: the next one would cut them.
        let Some(&following) = occurrences.get(number + 1) else { continue };
        let mut past = interval;
        while duration.is_none_or(|duration| past <= duration) && occurrence + past < following {
            moments.push(occurrence + past);
            past += interval;
        }
    }
    moments.retain(|moment| end.is_none_or(|end| *moment <= end));
    moments
}
