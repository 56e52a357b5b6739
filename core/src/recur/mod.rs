//! When a trigger fires: pure functions from a trigger, a moment and a zone to a moment.
//!
//! Every answer is computed directly, however far away it is: nothing here walks over days or occurrences, and a schedule
//! that never occurs (30 February) is seen to be one. Integers only.
//!
//! # Rules
//!
//! - A **StartBoundary** or **EndBoundary** without an offset is local time and follows the zone. With `Z` or an offset it
//!   is a fixed moment of UTC; the days, weeks and months of a calendar trigger with such a StartBoundary are those of
//!   the written offset, and its time of day never moves against UTC.
//! - A **local time that a transition skips** fires at the first valid moment after the gap, one that repeats fires at its
//!   first pass only. Occurrences that so fall on one moment are one firing.
//! - **Days** of DaysInterval are counted from the day of the StartBoundary, **weeks** of WeeksInterval from its week, which
//!   begins on Sunday. No occurrence is before the StartBoundary, and the StartBoundary itself is one only if its day is
//!   in the schedule. A firing exactly at the EndBoundary still happens; none is after it.
//! - A **Repetition** adds firings at every multiple of Interval after an occurrence, up to and including Duration, in real
//!   elapsed time: a minute and four minutes make five firings, as Windows documents. An occurrence restarts the pattern:
//!   what the one before would still have had is dropped.
//! - **Without Duration** a repetition goes on without end, until the next occurrence restarts it. That is what Windows
//!   does and documents for its schema; [MS-TSCH] 2.5.3.1 and 3.2.5.4.2 speak of one day instead, which for a daily
//!   trigger is the same.
//! - **RandomDelay** and the trigger's Enabled are the trigger's: the first is counted from these moments, and a trigger
//!   that is not enabled has none. The task's own Enabled is not looked at.
//! - No moment is later than the year 30827, the last of SYSTEMTIME.

pub mod elapsed;
mod runs;
mod schedule;

use crate::{
    task::{Boundary, Offset, Repetition, Schedule, Trigger, TriggerKind},
    time::{
        Timestamp,
        civil::{DAY_MAX, DAY_MILLISECONDS, DAY_MIN},
        segment::Segment,
        zone::{OFFSET_MAX, Zone},
    },
};

pub use runs::{Runs, runs};

/// Nothing is computed before this moment.
const FIRST: i64 = DAY_MIN as i64 * DAY_MILLISECONDS;
/// Nothing fires after this moment.
const LAST: i64 = (DAY_MAX as i64 + 1) * DAY_MILLISECONDS - 1;

/// Moments of wall time that triggers without a calendar count from; `None` for what has not happened, or when not known.
///
/// The engine fires such triggers by [`elapsed`]; with these anchors their runs can be shown beside the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Anchors {
    /// When the scheduler started.
    pub boot: Option<Timestamp>,
    /// When the task was registered or updated.
    pub registration: Option<Timestamp>,
}

/// The first moment after `after` at which the trigger fires.
///
/// Of a task with several triggers the next run is the least of theirs.
///
/// ```
/// use mainspring::{
///     recur::{self, Anchors},
///     task::{Boundary, Offset, Schedule, Trigger, TriggerKind},
///     time::{civil::DateTime, tail::Tail, zone::Zone},
/// };
/// let civil = DateTime::new(2024, 3, 30, 2, 30, 0).unwrap();
/// let trigger = Trigger {
///     id: None,
///     enabled: true,
///     start: Some(Boundary { civil, millisecond: 0, offset: Offset::Local, text: "2024-03-30T02:30:00" }),
///     end: None,
///     execution_time_limit: None,
///     repetition: None,
///     kind: TriggerKind::Calendar { random_delay: None, schedule: Schedule::Day { interval: 1 } },
/// };
/// let paris = Zone::from(Tail::parse(b"CET-1CEST,M3.5.0,M10.5.0/3").unwrap());
/// let first = paris.resolve(civil, 0).moment();
/// // On the morning of 31 March there is no half past two.
/// let second = recur::next(&trigger, &Anchors::default(), first, &paris).unwrap();
/// assert_eq!(paris.civil_at(second), Some((DateTime::new(2024, 3, 31, 3, 0, 0).unwrap(), 0)));
/// ```
#[must_use]
pub fn next(trigger: &Trigger<'_>, anchors: &Anchors, after: Timestamp, zone: &Zone<'_>) -> Option<Timestamp> {
    Plan::new(trigger, anchors, zone)?.next(after.0).map(Timestamp)
}

/// The last moment not after `at` at which the trigger fired, or should have.
#[must_use]
pub fn last(trigger: &Trigger<'_>, anchors: &Anchors, at: Timestamp, zone: &Zone<'_>) -> Option<Timestamp> {
    Plan::new(trigger, anchors, zone)?.last(at.0).map(Timestamp)
}

/// When the Duration of the Repetition is over in whose course the trigger fired at `at`: with StopAtDurationEnd the
/// instances of that course are stopped then. `None` without a Duration, or before the first occurrence.
#[must_use]
pub fn duration_end(trigger: &Trigger<'_>, anchors: &Anchors, at: Timestamp, zone: &Zone<'_>) -> Option<Timestamp> {
    let duration = trigger.repetition?.duration?.seconds.checked_mul(1000)?;
    let plan = Plan::new(trigger, anchors, zone)?;
    let occurrence = plan.occurrence_at_or_before(at.0.clamp(FIRST, LAST))?;
    occurrence.checked_add_unsigned(duration).map(Timestamp)
}

/// Whether `at` is neither before the StartBoundary nor after the EndBoundary of the trigger.
///
/// Triggers that wait for an event fire only then; [`next`] and [`last`] see to it themselves.
#[must_use]
pub fn is_open(trigger: &Trigger<'_>, at: Timestamp, zone: &Zone<'_>) -> bool {
    trigger.start.is_none_or(|start| moment(&start, zone) <= at)
        && trigger.end.is_none_or(|end| at <= moment(&end, zone))
}

/// The moment that a boundary means.
#[must_use]
pub fn moment(boundary: &Boundary<'_>, zone: &Zone<'_>) -> Timestamp {
    Timestamp(Clock::new(boundary, zone).moment_of(local(boundary)))
}

/// The civil time of a boundary, in milliseconds.
#[inline]
fn local(boundary: &Boundary<'_>) -> i64 {
    boundary.civil.milliseconds(boundary.millisecond)
}

/// What shows civil time: the zone, or a fixed offset.
#[derive(Debug, Clone, Copy)]
enum Clock<'z> {
    Fixed(Segment),
    Zone(&'z Zone<'z>),
}

impl<'z> Clock<'z> {
    #[inline]
    fn new(boundary: &Boundary<'_>, zone: &'z Zone<'z>) -> Self {
        match boundary.offset {
            Offset::Local => Self::Zone(zone),
            Offset::Utc => Self::Fixed(Segment::fixed(0)),
            Offset::Minutes(minutes) => Self::Fixed(Segment::fixed(i32::from(minutes) * 60)),
        }
    }

    #[inline]
    fn segment_at(&self, moment: i64) -> Segment {
        match self {
            Self::Fixed(segment) => *segment,
            Self::Zone(zone) => zone.segment_at(moment.div_euclid(1000)),
        }
    }

    #[inline]
    fn reached(&self, segment: &Segment, moment: i64) -> i64 {
        match self {
            Self::Fixed(segment) => segment.local(moment),
            Self::Zone(zone) => zone.reached(segment, moment),
        }
    }

    #[inline]
    fn moment_of(&self, local: i64) -> i64 {
        match self {
            Self::Fixed(segment) => segment.moment(local),
            Self::Zone(zone) => zone.moment_of(local),
        }
    }

    #[inline]
    fn moment_within(&self, segment: &Segment, local: i64) -> i64 {
        match self {
            Self::Fixed(segment) => segment.moment(local),
            Self::Zone(zone) => zone.moment_within(segment, local),
        }
    }
}

/// The firings that a Repetition adds to an occurrence, in milliseconds.
#[derive(Debug, Clone, Copy)]
struct Pattern {
    /// INVARIANT: not zero.
    interval: u64,
    /// The greatest multiple of `interval` that is within Duration.
    length: u64,
}

impl Pattern {
    #[inline]
    fn new(repetition: &Repetition<'_>) -> Option<Self> {
        let interval = repetition.interval.seconds.saturating_mul(1000);
        let length = match repetition.duration {
            None => u64::MAX,
            Some(duration) => duration.seconds.saturating_mul(1000),
        };
        (interval != 0 && length >= interval).then_some(Self { interval, length })
    }

    /// The last firing that is not later than `past` after the occurrence, counted from it.
    #[inline]
    fn reached(&self, past: u64) -> u64 {
        let past = past.min(self.length);
        past - past % self.interval
    }

    /// The first firing after `after`, which is not before the occurrence.
    #[inline]
    fn after(&self, occurrence: u64, after: u64) -> Option<u64> {
        let past = after.checked_sub(occurrence)?;
        let next = (past - past % self.interval).checked_add(self.interval)?;
        if next > self.length { None } else { occurrence.checked_add(next) }
    }
}

/// The occurrences of a calendar trigger, in local milliseconds.
#[derive(Debug, Clone, Copy)]
struct Calendar {
    schedule: Schedule,
    start: i32,
    time_of_day: i64,
}

impl Calendar {
    #[inline]
    fn new(schedule: Schedule, start: i64) -> Self {
        let day = start.div_euclid(DAY_MILLISECONDS);
        Self { schedule, start: day as i32, time_of_day: start.rem_euclid(DAY_MILLISECONDS) }
    }

    /// The first occurrence on `day` or after.
    #[inline]
    fn on_or_after(&self, day: i32) -> Option<i64> {
        schedule::on_or_after(&self.schedule, self.start, day.max(self.start)).map(|day| self.local(day))
    }

    /// The first occurrence after a local time.
    #[inline]
    fn after(&self, local: i64) -> Option<i64> {
        let (day, time) = (local.div_euclid(DAY_MILLISECONDS) as i32, local.rem_euclid(DAY_MILLISECONDS));
        self.on_or_after(day + i32::from(time >= self.time_of_day))
    }

    /// The last occurrence not after a local time.
    #[inline]
    fn at_or_before(&self, local: i64) -> Option<i64> {
        let (day, time) = (local.div_euclid(DAY_MILLISECONDS) as i32, local.rem_euclid(DAY_MILLISECONDS));
        let day = day - i32::from(time < self.time_of_day);
        if day < self.start {
            return None;
        }
        schedule::on_or_before(&self.schedule, self.start, day).map(|day| self.local(day))
    }

    #[inline]
    fn local(&self, day: i32) -> i64 {
        i64::from(day) * DAY_MILLISECONDS + self.time_of_day
    }
}

/// What a trigger's occurrences are.
#[derive(Debug, Clone, Copy)]
enum Occurrences {
    /// One, at this moment.
    Once(i64),
    /// Those of a calendar.
    Days(Calendar),
}

/// A trigger, as far as its moments go.
#[derive(Debug, Clone, Copy)]
struct Plan<'z> {
    occurrences: Occurrences,
    clock: Clock<'z>,
    pattern: Option<Pattern>,
    /// The EndBoundary in milliseconds of civil time, and what shows it.
    end: Option<(i64, Clock<'z>)>,
}

impl<'z> Plan<'z> {
    #[inline]
    fn new(trigger: &Trigger<'_>, anchors: &Anchors, zone: &'z Zone<'z>) -> Option<Self> {
        if !trigger.enabled {
            return None;
        }
        let after_event = |event: Option<Timestamp>| {
            let moment = event?.0.checked_add_unsigned(elapsed::delay(trigger)?)?;
            let is_early = trigger.start.is_some_and(|start| moment < self::moment(&start, zone).0);
            (!is_early).then_some(Occurrences::Once(moment))
        };
        let mut clock = Clock::Zone(zone);
        let occurrences = match trigger.kind {
            TriggerKind::Time { .. } => Occurrences::Once(moment(trigger.start.as_ref()?, zone).0),
            TriggerKind::Calendar { schedule, .. } => {
                let start = trigger.start.as_ref()?;
                clock = Clock::new(start, zone);
                Occurrences::Days(Calendar::new(schedule, local(start)))
            }
            TriggerKind::Boot { .. } => after_event(anchors.boot)?,
            TriggerKind::Registration { .. } => after_event(anchors.registration)?,
            TriggerKind::Idle
            | TriggerKind::Event(_)
            | TriggerKind::Logon { .. }
            | TriggerKind::SessionState { .. }
            | TriggerKind::Opaque { .. } => return None,
        };
        let pattern = trigger.repetition.as_ref().and_then(Pattern::new);
        let end = trigger.end.as_ref().map(|end| (local(end), Clock::new(end, zone)));
        Some(Self { occurrences, clock, pattern, end })
    }

    /// The last moment at which this may fire.
    #[inline]
    fn latest(&self) -> i64 {
        self.end.map_or(LAST, |(local, clock)| clock.moment_of(local).min(LAST))
    }

    /// Whether a moment is not after the end.
    #[inline]
    fn is_within(&self, moment: i64) -> bool {
        const FAR: i64 = OFFSET_MAX as i64 * 1000;
        match self.end {
            None => moment <= LAST,
            // As long as the end is farther away than any offset, none needs to be known.
            Some((local, _)) if moment < local - FAR && local < LAST => true,
            Some(_) => moment <= self.latest(),
        }
    }

    #[inline]
    fn next(&self, after: i64) -> Option<i64> {
        let after = after.max(FIRST);
        if after >= LAST {
            return None;
        }
        let moment = match &self.occurrences {
            Occurrences::Once(once) if after < *once => *once,
            Occurrences::Once(once) => self.repeated(*once, after)?,
            Occurrences::Days(calendar) => {
                let segment = self.clock.segment_at(after);
                let reached = self.clock.reached(&segment, after);
                let upcoming = calendar.after(reached).map(|local| self.clock.moment_within(&segment, local));
                let repeated = match self.pattern {
                    None => None,
                    Some(_) => {
                        let current = calendar.at_or_before(reached).map(|local| self.clock.moment_of(local));
                        current.and_then(|occurrence| self.repeated(occurrence, after))
                    }
                };
                match (upcoming, repeated) {
                    (Some(upcoming), Some(repeated)) => upcoming.min(repeated),
                    (upcoming, repeated) => upcoming.or(repeated)?,
                }
            }
        };
        self.is_within(moment).then_some(moment)
    }

    /// The first moment after `after` that the pattern of an occurrence adds.
    #[inline]
    fn repeated(&self, occurrence: i64, after: i64) -> Option<i64> {
        let past = self.pattern?.after(0, after.checked_sub(occurrence)? as u64)?;
        occurrence.checked_add_unsigned(past)
    }

    fn last(&self, at: i64) -> Option<i64> {
        let at = at.min(self.latest());
        let occurrence = self.occurrence_at_or_before(at)?;
        let past = self.pattern.map_or(0, |pattern| pattern.reached((at - occurrence) as u64));
        occurrence.checked_add_unsigned(past)
    }

    /// The occurrence whose pattern is in force at a moment.
    fn occurrence_at_or_before(&self, at: i64) -> Option<i64> {
        if at < FIRST {
            return None;
        }
        match &self.occurrences {
            Occurrences::Once(once) => (*once <= at).then_some(*once),
            Occurrences::Days(calendar) => {
                let segment = self.clock.segment_at(at);
                let local = calendar.at_or_before(self.clock.reached(&segment, at))?;
                Some(self.clock.moment_of(local))
            }
        }
    }
}
