//! When the triggers of a plan are due, found without the product: from days that are walked and jiff's transitions.

use crate::{
    script::{Plan, Script, Shown, Wants, When},
    zones,
};
use jiff::tz::TimeZone;
use mainspring_tests::{
    oracle::{self, Calendar},
    world::{DAY, SECOND},
};
use std::{collections::HashMap, rc::Rc};

/// All moments of a trigger, and those of them that are occurrences and no repetition.
type Course = (Vec<i64>, Vec<i64>);

/// The moments of the calendar in one world.
#[derive(Debug)]
pub(crate) struct Times {
    calendar: Calendar,
    years: std::ops::Range<i16>,
    /// Nothing is computed for what is later, in milliseconds.
    horizon: i64,
    zones: HashMap<usize, oracle::Zone>,
    known: HashMap<(u32, usize), Rc<Vec<i64>>>,
    /// Of single triggers, by the version of their plan, their ordinal and the zone.
    courses: HashMap<(u32, usize, usize), Course>,
}

impl Times {
    pub(crate) fn of(script: &Script) -> Self {
        let year = |at: i64| jiff::Timestamp::from_millisecond(at).unwrap().to_zoned(TimeZone::UTC).year();
        let horizon = script.start + script.length + 300 * DAY;
        let years = year(script.start - 200 * DAY)..year(horizon) + 1;
        Self {
            calendar: Calendar::new(years.clone()),
            years,
            horizon,
            zones: HashMap::new(),
            known: HashMap::new(),
            courses: HashMap::new(),
        }
    }

    /// The moments of a plan in a zone, in order and each once.
    pub(crate) fn moments(&mut self, version: u32, plan: &Plan, zone: usize) -> Rc<Vec<i64>> {
        if let Some(known) = self.known.get(&(version, zone)) {
            return Rc::clone(known);
        }
        let mut all: Vec<i64> = Vec::new();
        for when in plan.when.iter().filter(|when| when.enabled && when.is_calendar()) {
            all.extend(self.trigger(when, zone).0);
        }
        all.sort_unstable();
        all.dedup();
        let all = Rc::new(all);
        self.known.insert((version, zone), Rc::clone(&all));
        all
    }

    /// If a trigger of a plan fires at a moment: when the Duration of the course of its repetition is over that this belongs to, if
    /// it has one.
    pub(crate) fn course(
        &mut self,
        version: u32,
        plan: &Plan,
        ordinal: usize,
        zone: usize,
        moment: i64,
    ) -> Option<Option<i64>> {
        let when = &plan.when[ordinal];
        let key = (version, ordinal, zone);
        if !self.courses.contains_key(&key) {
            let made = self.trigger(when, zone);
            self.courses.insert(key, made);
        }
        let (moments, occurrences) = &self.courses[&key];
        moments.binary_search(&moment).ok()?;
        let occurrence = occurrences[occurrences.partition_point(|at| *at <= moment).checked_sub(1)?];
        Some(when.repeat.and_then(|(_, duration)| Some(occurrence + duration? as i64 * SECOND)))
    }

    /// The moment that a boundary means.
    pub(crate) fn moment(&mut self, civil: i64, shown: Shown, zone: usize) -> i64 {
        let years = self.years.clone();
        let table = self.zones.entry(zone).or_insert_with(|| zones::of_jiff(zone, years));
        match shown {
            Shown::Local => table.resolve(civil * SECOND).0,
            Shown::Utc => civil * SECOND,
            Shown::Minutes(minutes) => (civil - 60 * i64::from(minutes)) * SECOND,
        }
    }

    fn trigger(&mut self, when: &When, zone: usize) -> Course {
        let Some(start) = when.start else { return (Vec::new(), Vec::new()) };
        let end = when.end.map_or(i64::MAX, |end| self.moment(end, when.shown, zone)).min(self.horizon);
        let first = start.div_euclid(86_400) - self.calendar.days[0].midnight / 86_400;
        let first = usize::try_from(first).expect("a start in these years");
        let mut occurrences: Vec<i64> = match when.wants {
            Wants::Once => vec![self.moment(start, when.shown, zone)],
            Wants::Days(schedule) => {
                let days = self.calendar.matching(&schedule, first);
                let times = days.map(|day| day.midnight + start.rem_euclid(86_400));
                let times: Vec<i64> = times.take_while(|civil| civil * SECOND < self.horizon).collect();
                times.into_iter().map(|civil| self.moment(civil, when.shown, zone)).collect()
            }
            _ => unreachable!("not of the calendar"),
        };
        occurrences.dedup();
        let mut moments = Vec::new();
        for (number, &occurrence) in occurrences.iter().enumerate() {
            moments.push(occurrence);
            let Some((interval, duration)) = when.repeat else { continue };
            let next = occurrences.get(number + 1).copied().unwrap_or(self.horizon);
            let last = duration.map_or(i64::MAX, |duration| occurrence + duration as i64 * SECOND);
            let mut at = occurrence + interval as i64 * SECOND;
            while at < next && at <= last {
                moments.push(at);
                at += interval as i64 * SECOND;
            }
        }
        moments.retain(|moment| *moment <= end);
        (moments, occurrences)
    }
}

/// Those of sorted moments that are after `from` and not after `until`.
pub(crate) fn between(moments: &[i64], from: i64, until: i64) -> &[i64] {
    let (first, end) = (moments.partition_point(|at| *at <= from), moments.partition_point(|at| *at <= until));
    &moments[first.min(end)..end]
}

/// Seconds that a trigger waits after what it waits for, if that lasts or is told of.
pub(crate) fn delay(when: &When, plan: &Plan) -> Option<u64> {
    match when.wants {
        Wants::Boot(delay)
        | Wants::Registration(delay)
        | Wants::Event(_, delay, _)
        | Wants::Logon(delay)
        | Wants::Lock(delay) => Some(delay),
        Wants::Idle => Some(plan.idle.map_or(0, |(duration, _)| duration)),
        Wants::Once | Wants::Days(_) => None,
    }
}

/// Milliseconds after an event at which a trigger with that delay fires, after `from` and not after `until`.
pub(crate) fn elapsed(when: &When, delay: u64, from: i64, until: i64) -> Vec<i64> {
    let delay = delay as i64 * SECOND;
    let mut all = Vec::new();
    let (interval, last) = match when.repeat {
        None => (i64::MAX, delay),
        Some((interval, duration)) => {
            (interval as i64 * SECOND, duration.map_or(i64::MAX, |duration| delay + duration as i64 * SECOND))
        }
    };
    let mut at = delay;
    if from >= delay && interval < i64::MAX {
        at = delay + ((from - delay) / interval + 1) * interval;
    }
    while at <= until && at <= last {
        if at > from {
            all.push(at);
        }
        if interval == i64::MAX {
            break;
        }
        at += interval;
    }
    all
}
