//! The naive model: time walked second by second, and in each second every trigger looked at. It shares nothing with the product:
//! the civil time comes from a table of the zone's offsets that jiff made, and whether a trigger fires is decided by comparison.
//!
//! - In each second local time comes to show something new: one second in general, many where a transition skips some, none where
//!   some are shown again. A trigger fires when one of its times is among what is new.
//! - A repetition fires when the seconds that passed since its occurrence are a multiple of its interval.

use crate::{
    script::{Happening, Lots, Plan, Script, Shown, Wants, When},
    zones,
};
use jiff::civil::{Date, DateTime};
use mainspring::task::{InstancesPolicy, Schedule};
use mainspring_tests::{
    chance::Chance,
    world::{DAY, SECOND},
};
use std::{collections::HashMap, ops::Range, rc::Rc};

/// Seconds from 1970 to the offset that holds from there on.
struct Offsets(Vec<(i64, i64)>);

impl Offsets {
    fn of(zone: usize, years: Range<i16>) -> Self {
        let table = zones::of_jiff(zone, years);
        Self(table.stretches.iter().map(|stretch| (stretch.from, stretch.offset)).collect())
    }

    fn at(&self, second: i64) -> i64 {
        self.0[self.0.partition_point(|(from, _)| *from <= second) - 1].1
    }
}

/// What is known of a civil day, so that it need not be asked for again.
struct Days(HashMap<i64, (Date, i64)>);

impl Days {
    /// The date of a day since 1970, and its weekday from Sunday.
    fn get(&mut self, day: i64) -> (Date, i64) {
        *self.0.entry(day).or_insert_with(|| {
            let date = DateTime::constant(1970, 1, 1, 0, 0, 0, 0).date();
            let date = date.checked_add(jiff::Span::new().days(day)).unwrap();
            (date, i64::from(date.weekday().to_sunday_zero_offset()))
        })
    }

    fn has(&mut self, schedule: &Schedule, start: i64, day: i64) -> bool {
        let ((_, first_weekday), (date, weekday)) = (self.get(start), self.get(day));
        let in_months = |months: u16| months & 1 << (date.month() - 1) != 0;
        let last = date.days_in_month();
        match *schedule {
            Schedule::Day { interval } => (day - start) % i64::from(interval) == 0,
            Schedule::Week { interval, days } => {
                let weeks = ((day - weekday) - (start - first_weekday)) / 7;
                weeks % i64::from(interval) == 0 && days.0 & 1 << weekday != 0
            }
            Schedule::Month { days, months } => {
                let is_last = date.day() == last && days.0 & 1 << 31 != 0;
                in_months(months.0) && (is_last || days.0 & 1 << (date.day() - 1) != 0)
            }
            Schedule::MonthDayOfWeek { weeks, days, months } => {
                let nth = (date.day() - 1) / 7;
                let is_last = date.day() > last - 7 && weeks.0 & 1 << 4 != 0;
                in_months(months.0) && days.0 & 1 << weekday != 0 && (is_last || (nth < 4 && weeks.0 & 1 << nth != 0))
            }
        }
    }
}

/// A trigger as it is walked with.
struct Walker<'w> {
    when: &'w When,
    /// The latest local second that was shown.
    shown: i64,
    /// When it came to its last occurrence.
    occurrence: Option<i64>,
    ended: bool,
}

impl Walker<'_> {
    /// Whether it fires in this second.
    fn fires(&mut self, second: i64, offsets: &Offsets, days: &mut Days) -> bool {
        let local = second
            + match self.when.shown {
                Shown::Local => offsets.at(second),
                Shown::Utc => 0,
                Shown::Minutes(minutes) => 60 * i64::from(minutes),
            };
        let mut occurs = false;
        let mut ends = false;
        let start = self.when.start.unwrap_or(i64::MAX);
        for new in self.shown + 1..=local {
            occurs |= match self.when.wants {
                Wants::Once => new == start,
                Wants::Days(schedule) => {
                    new >= start
                        && new.rem_euclid(86_400) == start.rem_euclid(86_400)
                        && days.has(&schedule, start.div_euclid(86_400), new.div_euclid(86_400))
                }
                _ => false,
            };
            ends |= self.when.end == Some(new);
        }
        self.shown = self.shown.max(local);
        if occurs {
            self.occurrence = Some(second);
        }
        let repeats = match (self.occurrence, self.when.repeat) {
            (Some(occurrence), Some((interval, duration))) => {
                let passed = second - occurrence;
                passed % interval as i64 == 0 && duration.is_none_or(|duration| passed <= duration as i64)
            }
            _ => false,
        };
        let fires = (occurs || repeats) && !self.ended && self.when.enabled;
        self.ended |= ends;
        fires
    }
}

/// How often a plan runs in each second from one to another, if nothing hinders it.
fn walk(plan: &Plan, zone: usize, from: i64, until: i64) -> Vec<i64> {
    let year = |second: i64| jiff::Timestamp::from_second(second).unwrap().to_zoned(jiff::tz::TimeZone::UTC).year();
    // Back to the first of all boundaries, and farther than any clock was ever set back.
    let begin = plan.when.iter().filter_map(|when| when.start).min().unwrap_or(from).min(from) - 3 * 86_400;
    let offsets = Offsets::of(zone, year(begin)..year(until) + 1);
    let mut days = Days(HashMap::new());
    let mut walkers: Vec<Walker<'_>> = plan
        .when
        .iter()
        .filter(|when| when.is_calendar())
        .map(|when| Walker { when, shown: i64::MIN, occurrence: None, ended: false })
        .collect();
    for walker in &mut walkers {
        walker.shown = match walker.when.shown {
            Shown::Local => begin + offsets.at(begin),
            Shown::Utc => begin,
            Shown::Minutes(minutes) => begin + 60 * i64::from(minutes),
        };
        walker.ended = walker.when.end.is_some_and(|end| end < walker.shown);
    }
    let mut runs = Vec::new();
    for second in begin + 1..=until {
        let mut fires = false;
        for walker in &mut walkers {
            fires |= walker.fires(second, &offsets, &mut days);
        }
        if fires && second > from {
            runs.push(second);
        }
    }
    runs
}

/// Days of a walk, and tasks that are there for so long.
const LENGTH: i64 = 7;
const TASKS: usize = 6;

/// A week in which nothing but the calendar happens: the one around a transition, or any other.
pub(crate) fn script(seed: u64, zone: usize, start: i64) -> Script {
    let mut lots = Lots(Chance::new(seed + 77));
    for _ in 0..8 {
        lots.0.draw();
    }
    let start = start * SECOND + 500;
    let happenings = (0..TASKS)
        .map(|name| {
            let mut plan = Plan::new("for=0");
            plan.policy = InstancesPolicy::Parallel;
            plan.when =
                (0..lots.of(&[1, 1, 2])).map(|_| lots.calendar(start - 4 * DAY, start + LENGTH * DAY)).collect();
            (0, Happening::Register(name, Rc::new(plan)))
        })
        .collect();
    Script { seed, zone, start, length: LENGTH * DAY, slots: 64, happenings }
}

/// The weeks that are walked in a zone: all with a transition in these years, and as many others.
pub(crate) fn weeks(zone: usize, years: Range<i16>, lots: &mut Lots) -> Vec<i64> {
    let table = zones::of_jiff(zone, years.clone());
    let begin = DateTime::constant(years.start, 1, 1, 0, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC).unwrap();
    let begin = begin.timestamp().as_second();
    let end = begin + i64::from(years.end - years.start) * 365 * 86_400;
    let transitions = table.stretches[1..].iter().map(|stretch| stretch.from);
    let mut weeks: Vec<i64> = transitions.filter(|at| (begin..end).contains(at)).map(|at| at - 3 * 86_400).collect();
    for _ in 0..weeks.len().max(3) {
        weeks.push(lots.between(begin, end));
    }
    weeks
}

/// What was walked.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    pub(crate) task_days: i64,
    pub(crate) weeks: usize,
    pub(crate) runs: usize,
}

/// Compares what ran, by name and moment, with the walk of the same days.
pub(crate) fn compare(script: &Script, ran: &[(usize, i64)], walked: &mut Walked) -> Result<(), String> {
    walked.weeks += 1;
    for (_, happening) in &script.happenings {
        let Happening::Register(name, plan) = happening else { continue };
        let from = script.start.div_euclid(SECOND);
        let expected = walk(plan, script.zone, from, from + LENGTH * 86_400);
        let found: Vec<i64> = ran.iter().filter(|(of, _)| of == name).map(|(_, at)| at.div_euclid(SECOND)).collect();
        walked.task_days += LENGTH;
        walked.runs += expected.len();
        if found != expected {
            let differs = found.iter().zip(&expected).position(|(found, expected)| found != expected);
            let at = differs.unwrap_or(found.len().min(expected.len()));
            return Err(format!(
                "seed {}, {}, from {from}: {plan:?}\nrun {at} is at {:?} and not at {:?}",
                script.seed,
                zones::NAMES[script.zone],
                found.get(at),
                expected.get(at)
            ));
        }
    }
    Ok(())
}
