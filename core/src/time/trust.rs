//! Whether to believe the wall clock, on a machine whose clock may have lost the time with its power.
//!
//! A port reads its clock through a [`WallClock`], which starts from the latest moment that the store tells of
//! ([`engine::latest`](crate::engine::latest)): no clock that is right is earlier. What comes out goes into
//! [`Now::wall`](super::Now).
//!
//! | state | the clock says | comes out | then it is |
//! | --- | --- | --- | --- |
//! | any | nothing | nothing | unknown |
//! | not vouched for | a time before the latest that is known | nothing | unknown |
//! | not vouched for | another time | that time | provisional |
//! | vouched for | any time | that time | trusted |
//! | provisional or trusted | a time that is off by more than [`LATE_TIME`] from where it went before | that time | stepped, until it is read again |
//!
//! What each means to the engine:
//! - **unknown**: calendar triggers wait, and so does what has a boundary. Delays and repetitions of boot, registration, idle,
//!   event and session triggers go on. What would have been due meanwhile is told as skipped once the time is known, or caught
//!   up if its task asks for that.
//! - **provisional** and **trusted**: everything fires. A clock that is set later is one that steps.
//! - **stepped** forward: what was passed over by no more than [`LATE_TIME`] runs, what was passed over by more is told as missed,
//!   or caught up. Stepped back: nothing runs again that ran before. A host that sees this state says
//!   [`Input::ClockSet`](crate::scheduler::Input::ClockSet); the engine sees it at its next tick in any case.
//! - **Another zone**: occurrences in local time move; what is passed over by that is not told.
//! - **Sleep**: if the monotonic clock goes on meanwhile, the first tick is a late one, and runs what each task was due for; if it
//!   stands still, sleep is a step forward.

use super::{Monotonic, Timestamp};
use crate::limits::LATE_TIME;

/// How far the wall clock is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Trust {
    /// Nobody knows the time.
    #[default]
    Unknown,
    /// The clock says a time that can be, and nobody vouches for it.
    Provisional,
    /// Somebody who knows has set the clock since the power came.
    Trusted,
    /// It shows another time than it would have, had nobody set it.
    Stepped,
}

/// A wall clock that is believed or not.
#[derive(Debug, Clone, Copy, Default)]
pub struct WallClock {
    latest: Option<Timestamp>,
    vouched: bool,
    trust: Trust,
    /// The wall clock less the monotonic one, in milliseconds, when both were last read.
    ahead: Option<i64>,
}

impl WallClock {
    /// A clock of which nobody has said anything yet. No time before `latest` is believed.
    #[must_use]
    pub const fn new(latest: Option<Timestamp>) -> Self {
        Self { latest, vouched: false, trust: Trust::Unknown, ahead: None }
    }

    /// Somebody who knows the time has set the clock: a time server, a person. From now on what it says is believed.
    pub const fn vouch(&mut self) {
        self.vouched = true;
    }

    /// What the clock says, as far as it is believed.
    pub fn read(&mut self, monotonic: Monotonic, says: Option<Timestamp>) -> Option<Timestamp> {
        let believed = says.filter(|says| self.vouched || self.latest.is_none_or(|latest| *says >= latest));
        let ahead = believed.map(|at| at.0.saturating_sub(i64::try_from(monotonic.0).unwrap_or(i64::MAX)));
        let went = self.ahead.zip(ahead).map_or(0, |(before, now)| now.saturating_sub(before).unsigned_abs());
        self.ahead = ahead;
        self.trust = match believed {
            None => Trust::Unknown,
            Some(_) if went > LATE_TIME => Trust::Stepped,
            Some(_) if self.vouched => Trust::Trusted,
            Some(_) => Trust::Provisional,
        };
        believed
    }

    /// How far it was believed when it was read last.
    #[must_use]
    pub const fn trust(&self) -> Trust {
        self.trust
    }
}
