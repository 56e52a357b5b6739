//! The wall clock: the clock that never steps, and how far the time of day is ahead of it.
//!
//! It is unknown until somebody sets it: the firmware, an [`Rtc`] at start, or [SNTP](crate::sntp). A small correction does
//! not set it: it goes faster or slower by one part in [`SLEW`] until it is right, so that it never goes back and passes
//! over nothing.

use embassy_time::{Duration, Instant};
use mainspring::time::Timestamp;

/// One microsecond in so many is made up for while the clock is slewed: 500 parts in a million.
pub const SLEW: i64 = 2_000;

/// Corrections of more microseconds than this set the clock; smaller ones slew it.
pub const STEP: i64 = 500_000;

/// A clock that goes on while the power is off.
pub trait Rtc {
    /// The time of day; `None` if it is not known. Asked at start.
    fn read(&mut self) -> Option<Timestamp>;

    /// Takes the time of day over. Called when the wall clock was set, and after each answer of a time server.
    fn write(&mut self, now: Timestamp);
}

/// What a correction made of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Corrected {
    /// It shows another time at once.
    Set {
        /// Milliseconds by which it went forward; `None` if it was not known.
        by: Option<i64>,
    },
    /// It will be right by and by.
    Slewed {
        /// Microseconds by which it is to go forward.
        by: i64,
    },
}

/// The clock. All in microseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wall(Option<Line>);

#[derive(Debug, Clone, Copy)]
struct Line {
    /// The monotonic clock when the other two were true.
    since: i64,
    /// How far the wall clock was ahead of it.
    ahead: i64,
    /// How far it was still to be moved.
    left: i64,
}

impl Line {
    /// How much of `left` is done at a moment.
    fn done(&self, at: i64) -> i64 {
        let most = at.saturating_sub(self.since).max(0) / SLEW;
        self.left.clamp(-most, most)
    }

    fn read(&self, at: i64) -> i64 {
        at.saturating_add(self.ahead).saturating_add(self.done(at))
    }
}

/// The monotonic clock at an instant.
pub(crate) fn micros(at: Instant) -> i64 {
    i64::try_from(at.as_micros()).unwrap_or(i64::MAX)
}

/// The first instant at which the monotonic clock shows that many microseconds.
pub(crate) fn instant(micros: i64) -> Instant {
    let micros = u64::try_from(micros).unwrap_or(0);
    let at = Instant::try_from_micros(micros).unwrap_or(Instant::MAX);
    if at.as_micros() < micros { at.saturating_add(Duration::from_ticks(1)) } else { at }
}

impl Wall {
    /// What it shows at an instant.
    pub(crate) fn read(&self, at: Instant) -> Option<Timestamp> {
        Some(Timestamp(self.read_micros(at)?.div_euclid(1000)))
    }

    /// What it shows at an instant, in microseconds since 1970.
    pub(crate) fn read_micros(&self, at: Instant) -> Option<i64> {
        self.0.map(|line| line.read(micros(at)))
    }

    /// The instant at which it will show `moment`, `from` now on, unless it is corrected before; it is never late.
    pub(crate) fn instant_of(&self, moment: Timestamp, from: Instant) -> Option<Instant> {
        let line = self.0?;
        let now = micros(from);
        let need = moment.0.saturating_mul(1000).saturating_sub(line.read(now));
        if need <= 0 {
            return Some(from);
        }
        let left = line.left - line.done(now);
        // While it is slewed, one microsecond of it takes a little less or more than one.
        let span = match left {
            0 => need,
            1.. => (need - left).max(need - need / SLEW),
            _ => (need - left).min(need.saturating_add(need / SLEW)),
        };
        Some(instant(now.saturating_add(span)))
    }

    /// It shows `to` at an instant, whatever it showed before. By how many milliseconds it went forward.
    pub(crate) fn set(&mut self, to: i64, at: Instant) -> Option<i64> {
        let before = self.read_micros(at);
        let now = micros(at);
        self.0 = Some(Line { since: now, ahead: to.saturating_sub(now), left: 0 });
        before.map(|before| to.saturating_sub(before) / 1000)
    }

    /// It should show `to` at an instant.
    pub(crate) fn correct(&mut self, to: i64, at: Instant) -> Corrected {
        let now = micros(at);
        let by = self.read_micros(at).map(|shows| to.saturating_sub(shows));
        match (by, &mut self.0) {
            (Some(by), Some(line)) if by.saturating_abs() <= STEP => {
                line.ahead = line.ahead.saturating_add(line.done(now));
                line.since = now;
                line.left = by;
                Corrected::Slewed { by }
            }
            _ => Corrected::Set { by: self.set(to, at) },
        }
    }
}
