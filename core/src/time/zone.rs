//! Time zones: a slice of transitions and a POSIX tail, either may be empty.
//!
//! The rule of this house for local times: one that a transition skips means the first valid moment after the gap, one
//! that repeats means its first pass. Both are one sentence: *a local time means the first moment at which a clock on the
//! wall has reached it*. So a later local time never means an earlier moment, whatever the zone does, and everything that
//! searches in local time may rely on that.

use super::{
    Timestamp,
    civil::{self, DateTime},
    segment::{BEGIN, END, Segment},
    tail::Tail,
};

/// The farthest that an offset may be from UTC, in seconds, either way; RFC 9636 3.2 has 26 hours.
pub const OFFSET_MAX: i32 = 93_600;

/// The farthest that one offset may be from another, in milliseconds.
const SPREAD: i64 = 2 * OFFSET_MAX as i64 * 1000;

/// At this moment the offset from UTC becomes another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, bytemuck::Zeroable)]
pub struct Transition {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub at: i64,
    /// Seconds east of UTC from then on, at most [`OFFSET_MAX`] either way.
    pub offset: i32,
}

/// A zone: UTC unless it has transitions or a tail.
///
/// [`tzif::read`](super::tzif::read) makes one from a TZif file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Zone<'z> {
    /// Seconds east of UTC before the first transition; without transitions, where there is no tail.
    pub initial: i32,
    /// In order of time. Out of order they give wrong answers, but always an answer.
    pub transitions: &'z [Transition],
    /// What holds from the last transition on, or always if there is none. Without it the last offset stays.
    pub tail: Option<Tail>,
}

/// What a civil time means in a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolved {
    /// It comes once.
    Single(Timestamp),
    /// It is skipped; this is the first valid moment after the gap.
    Gap(Timestamp),
    /// It comes more than once; this is the first pass.
    Repeat(Timestamp),
}

impl Resolved {
    /// The moment that the civil time means.
    #[must_use]
    pub const fn moment(self) -> Timestamp {
        match self {
            Self::Single(moment) | Self::Gap(moment) | Self::Repeat(moment) => moment,
        }
    }
}

impl Zone<'static> {
    /// Coordinated universal time.
    pub const UTC: Self = Self::fixed(0);

    /// A zone that is always `offset` seconds east of UTC.
    #[must_use]
    pub const fn fixed(offset: i32) -> Self {
        Self { initial: offset, transitions: &[], tail: None }
    }
}

impl From<Tail> for Zone<'static> {
    /// A zone whose rule holds for all time.
    fn from(tail: Tail) -> Self {
        Self { initial: 0, transitions: &[], tail: Some(tail) }
    }
}

impl Zone<'_> {
    /// Seconds east of UTC at a moment.
    #[must_use]
    pub fn offset_at(&self, moment: Timestamp) -> i32 {
        self.segment_at(moment.seconds()).offset
    }

    /// What a clock on the wall shows at a moment, and the milliseconds of its second. `None` outside of the years that a
    /// [`DateTime`] can hold.
    #[must_use]
    pub fn civil_at(&self, moment: Timestamp) -> Option<(DateTime, u16)> {
        moment.plus(i64::from(self.offset_at(moment)) * 1000).civil()
    }

    /// What a civil time, with milliseconds of its second, means here.
    ///
    /// ```
    /// use mainspring::time::{civil::DateTime, tail::Tail, zone::{Resolved, Zone}};
    /// let paris = Zone::from(Tail::parse(b"CET-1CEST,M3.5.0,M10.5.0/3").unwrap());
    /// let half_past_two = DateTime::new(2024, 3, 31, 2, 30, 0).unwrap();
    /// let three = DateTime::new(2024, 3, 31, 3, 0, 0).unwrap();
    /// let moment = paris.resolve(three, 0).moment();
    /// assert_eq!(paris.resolve(half_past_two, 0), Resolved::Gap(moment));
    /// ```
    #[must_use]
    pub fn resolve(&self, civil: DateTime, milliseconds: u16) -> Resolved {
        let local = civil.seconds() * 1000 + i64::from(milliseconds);
        let moment = self.moment_of(local);
        let mut segment = self.segment_at(moment.div_euclid(1000));
        if segment.local(moment) != local {
            return Resolved::Gap(Timestamp(moment));
        }
        while segment.ends() <= moment.saturating_add(SPREAD) {
            let Some(later) = self.segment_after(segment) else { break };
            segment = later;
            let again = segment.moment(local);
            if segment.begins() <= again && again < segment.ends() {
                return Resolved::Repeat(Timestamp(moment));
            }
        }
        Resolved::Single(Timestamp(moment))
    }

    /// The stretch of constant offset around a second.
    #[inline]
    pub(crate) fn segment_at(&self, second: i64) -> Segment {
        let last = match (self.transitions.last(), &self.tail) {
            (Some(last), tail) if second >= last.at => {
                return match tail {
                    None => Segment { offset: last.offset, from: last.at.max(BEGIN), until: END },
                    Some(tail) => {
                        let segment = tail.segment_at(second);
                        Segment { from: segment.from.max(last.at).max(BEGIN), ..segment }
                    }
                };
            }
            (None, Some(tail)) => return tail.segment_at(second),
            (None, None) => return Segment::fixed(self.initial),
            (Some(last), _) => last,
        };
        let after = self.transitions.partition_point(|transition| transition.at <= second);
        let until = self.transitions.get(after).unwrap_or(last).at.min(END);
        match after.checked_sub(1).and_then(|index| self.transitions.get(index)) {
            Some(before) => Segment { offset: before.offset, from: before.at.max(BEGIN), until },
            None => Segment { offset: self.initial, from: BEGIN, until },
        }
    }

    /// The stretch after one, if it ends.
    fn segment_after(&self, segment: Segment) -> Option<Segment> {
        if segment.until >= END {
            return None;
        }
        // Only transitions that are out of order could lead back.
        Some(self.segment_at(segment.until)).filter(|after| after.until > segment.until)
    }

    /// The stretch before one, if it begins.
    fn segment_before(&self, segment: Segment) -> Option<Segment> {
        if segment.from <= BEGIN {
            return None;
        }
        Some(self.segment_at(segment.from - 1)).filter(|before| before.from < segment.from)
    }

    /// The first moment at which a clock on the wall has reached `local`, both in milliseconds.
    pub(crate) fn moment_of(&self, local: i64) -> i64 {
        let mut segment = self.segment_at(local.saturating_sub(SPREAD / 2).div_euclid(1000));
        loop {
            let moment = segment.moment(local);
            if moment < segment.ends() {
                return moment.max(segment.begins());
            }
            match self.segment_after(segment) {
                Some(after) => segment = after,
                None => return moment,
            }
        }
    }

    /// As [`moment_of`](Self::moment_of), when it is known that no clock had reached `local` before some moment within
    /// `segment`.
    #[inline]
    pub(crate) fn moment_within(&self, segment: &Segment, local: i64) -> i64 {
        let moment = segment.moment(local);
        if moment < segment.ends() { moment } else { self.moment_of(local) }
    }

    /// The most that a clock on the wall has shown at any time up to and including `moment`, both in milliseconds, given
    /// the stretch around `moment`.
    ///
    /// A local time has been reached by `moment` if and only if it is not more than this.
    #[inline]
    pub(crate) fn reached(&self, segment: &Segment, moment: i64) -> i64 {
        let shown = segment.local(moment);
        if moment.saturating_sub(segment.begins()) >= SPREAD {
            return shown;
        }
        self.reached_before(*segment, moment, shown)
    }

    #[cold]
    fn reached_before(&self, mut segment: Segment, moment: i64, mut most: i64) -> i64 {
        while moment.saturating_sub(segment.begins()) < SPREAD {
            let Some(before) = self.segment_before(segment) else { break };
            most = most.max(before.local(segment.begins()) - 1);
            segment = before;
        }
        most
    }
}

impl DateTime {
    /// Milliseconds of civil time since 1970-01-01T00:00:00.
    pub(crate) const fn milliseconds(self, milliseconds: u16) -> i64 {
        civil::days(self.year, self.month, self.day) as i64 * civil::DAY_MILLISECONDS
            + self.second_of_day() as i64 * 1000
            + milliseconds as i64
    }
}
