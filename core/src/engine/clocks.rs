//! What moments are measured against: two clocks, and how far occurrences are settled by each.

use crate::time::{Now, Timestamp, zone::Zone};

/// What moments are measured against.
#[derive(Clone, Copy)]
pub(super) struct Clocks<'z> {
    pub(super) now: Now,
    pub(super) zone: &'z Zone<'z>,
    /// When the engine was loaded, by the monotonic clock.
    pub(super) boot: i64,
    /// Since when the machine has been idle, by the monotonic clock.
    pub(super) idle: Option<i64>,
}

impl Clocks<'_> {
    pub(super) fn monotonic(&self) -> i64 {
        i64::try_from(self.now.monotonic.0).unwrap_or(i64::MAX)
    }

    /// What the wall clock shows, or would show, when the monotonic clock shows `at`.
    pub(super) fn wall_of(&self, at: i64) -> Option<Timestamp> {
        Some(self.now.wall?.plus(at.saturating_sub(self.monotonic())))
    }

    /// What the monotonic clock shows when the wall clock shows `at`.
    pub(super) fn monotonic_of(&self, at: Timestamp) -> Option<i64> {
        Some(self.monotonic().saturating_add(at.since(self.now.wall?)))
    }
}

/// A moment of one of the two clocks, in its milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) at: i64,
    /// Whether of the monotonic clock.
    pub(super) relative: bool,
}

/// Both clocks, as far as occurrences are settled.
#[derive(Debug, Clone, Copy)]
pub(super) struct After {
    pub(super) wall: Timestamp,
    pub(super) monotonic: i64,
}

impl After {
    /// Everything before now is settled; what is due at this very moment is not, as it may be the reason of the call.
    pub(super) fn just_before(clocks: &Clocks<'_>) -> Self {
        Self { wall: wall_before(clocks), monotonic: clocks.monotonic().saturating_sub(1) }
    }

    /// Relative occurrences up to now are settled, since they are never looked for twice; of calendar ones the floor knows.
    pub(super) fn now(clocks: &Clocks<'_>) -> Self {
        Self { wall: wall_before(clocks), monotonic: clocks.monotonic() }
    }

    /// Everything up to `moment` is settled.
    pub(super) fn exactly(moment: Moment, clocks: &Clocks<'_>) -> Self {
        if moment.relative {
            Self { wall: clocks.wall_of(moment.at).unwrap_or(Timestamp::MIN), monotonic: moment.at }
        } else {
            let wall = Timestamp(moment.at);
            Self { wall, monotonic: clocks.monotonic_of(wall).unwrap_or(i64::MIN) }
        }
    }

    /// Everything up to `moment` is settled, and everything that `late` milliseconds have passed over.
    pub(super) fn moment(moment: Moment, clocks: &Clocks<'_>, late: u64) -> Self {
        let late = i64::try_from(late).unwrap_or(i64::MAX);
        let Self { wall, monotonic } = Self::exactly(moment, clocks);
        Self {
            wall: wall.max(clocks.now.wall.unwrap_or(Timestamp::MIN).plus(late.saturating_neg())),
            monotonic: monotonic.max(clocks.monotonic().saturating_sub(late)),
        }
    }
}

fn wall_before(clocks: &Clocks<'_>) -> Timestamp {
    clocks.now.wall.unwrap_or(Timestamp::MIN).plus(-1)
}
