//! The firings of a trigger in order, as SchRpcScheduledRuntimes gives them.

use super::{Anchors, Calendar, FIRST, Occurrences, Plan};
use crate::{
    task::Trigger,
    time::{Timestamp, civil::DAY_MILLISECONDS, segment::Segment, zone::Zone},
};

/// The moments at which a trigger fires, from `from` to `until`, both included, in order and each once.
///
/// A step costs about as much as adding an interval: what one step found out about the zone serves the next.
///
/// ```
/// use mainspring::{
///     recur::{self, Anchors},
///     task::{Boundary, Offset, Schedule, Trigger, TriggerKind, Weekdays},
///     time::{Timestamp, civil::DateTime, zone::Zone},
/// };
/// let civil = DateTime::new(2024, 1, 1, 6, 0, 0).unwrap();
/// let schedule = Schedule::Week { interval: 2, days: Weekdays(0b100_0001) };
/// let trigger = Trigger {
///     id: None,
///     enabled: true,
///     start: Some(Boundary { civil, millisecond: 0, offset: Offset::Utc, text: "2024-01-01T06:00:00Z" }),
///     end: None,
///     execution_time_limit: None,
///     repetition: None,
///     kind: TriggerKind::Calendar { random_delay: None, schedule },
/// };
/// let runs = recur::runs(&trigger, &Anchors::default(), Timestamp::MIN, Timestamp::MAX, &Zone::UTC);
/// let days: Vec<_> = runs.take(4).map(|run| run.civil().unwrap().0.day).collect();
/// assert_eq!(days, [6, 14, 20, 28]);
/// ```
#[must_use]
pub fn runs<'z>(
    trigger: &Trigger<'_>,
    anchors: &Anchors,
    from: Timestamp,
    until: Timestamp,
    zone: &'z Zone<'z>,
) -> Runs<'z> {
    Runs { state: Plan::new(trigger, anchors, zone).and_then(|plan| State::new(plan, from.0, until.0)) }
}

/// Iterator of [`runs`].
#[derive(Debug, Clone)]
pub struct Runs<'z> {
    state: Option<State<'z>>,
}

#[derive(Debug, Clone)]
struct State<'z> {
    plan: Plan<'z>,
    /// What is given next.
    moment: i64,
    /// The occurrence that it belongs to.
    occurrence: i64,
    /// The occurrence after that one.
    upcoming: Option<Upcoming>,
    until: i64,
}

#[derive(Debug, Clone, Copy)]
struct Upcoming {
    local: i64,
    moment: i64,
    /// The stretch of constant offset around the moment.
    segment: Segment,
}

impl<'z> State<'z> {
    fn new(plan: Plan<'z>, from: i64, until: i64) -> Option<Self> {
        let before = from.max(FIRST).checked_sub(1)?;
        let moment = plan.next(before)?;
        let occurrence = plan.occurrence_at_or_before(moment)?;
        let upcoming = match &plan.occurrences {
            Occurrences::Once(_) => None,
            Occurrences::Days(calendar) => {
                let segment = plan.clock.segment_at(moment);
                let local = calendar.after(plan.clock.reached(&segment, moment));
                local.map(|local| {
                    let moment = plan.clock.moment_within(&segment, local);
                    Upcoming { local, moment, segment: plan.clock.segment_at(moment) }
                })
            }
        };
        let until = until.min(plan.latest());
        Some(Self { plan, moment, occurrence, upcoming, until })
    }

    /// Moves on to the firing after this one.
    #[inline]
    fn advance(&mut self) -> bool {
        let repeated = match &self.plan.pattern {
            None => None,
            Some(pattern) => {
                let past = (self.moment - self.occurrence) as u64;
                match past.checked_add(pattern.interval) {
                    Some(past) if past <= pattern.length => self.occurrence.checked_add_unsigned(past),
                    _ => None,
                }
            }
        };
        match (repeated, self.upcoming) {
            (Some(repeated), Some(upcoming)) if repeated < upcoming.moment => self.moment = repeated,
            (Some(repeated), None) => self.moment = repeated,
            (_, Some(upcoming)) => {
                self.moment = upcoming.moment;
                self.occurrence = upcoming.moment;
                self.upcoming = match &self.plan.occurrences {
                    Occurrences::Once(_) => None,
                    Occurrences::Days(calendar) => self.following(calendar, upcoming),
                };
            }
            (None, None) => return false,
        }
        true
    }

    /// The first occurrence that is on a later moment than `upcoming`.
    #[inline]
    fn following(&self, calendar: &Calendar, mut upcoming: Upcoming) -> Option<Upcoming> {
        let before = upcoming.moment;
        loop {
            let day = upcoming.local.div_euclid(DAY_MILLISECONDS) as i32;
            upcoming.local = calendar.on_or_after(day + 1)?;
            // The clock had not reached this before `before`, which is within the segment.
            let moment = upcoming.segment.moment(upcoming.local);
            if moment < upcoming.segment.ends() {
                upcoming.moment = moment;
            } else {
                upcoming.moment = self.plan.clock.moment_of(upcoming.local);
                upcoming.segment = self.plan.clock.segment_at(upcoming.moment);
            }
            // Days within one gap fall on one moment; there are no more of them than a gap is long.
            if upcoming.moment > before {
                return Some(upcoming);
            }
        }
    }
}

impl Iterator for Runs<'_> {
    type Item = Timestamp;

    #[inline]
    fn next(&mut self) -> Option<Timestamp> {
        let state = self.state.as_mut()?;
        if state.moment > state.until {
            self.state = None;
            return None;
        }
        let moment = state.moment;
        if !state.advance() {
            self.state = None;
        }
        Some(Timestamp(moment))
    }
}

impl core::iter::FusedIterator for Runs<'_> {}
