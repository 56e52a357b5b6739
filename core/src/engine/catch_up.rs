//! What a task is owed: occurrences that came while the server was down, slept, or had another time.
//!
//! [MS-TSCH] 2.5.4.7, StartWhenAvailable, has the latest of them run once. A task may ask for something else, in its Data
//! element, where clients leave it alone:
//!
//! ```text
//! <CatchUp xmlns="urn:mainspring:task">skip</CatchUp>      nothing of it runs, whatever StartWhenAvailable says
//! <CatchUp xmlns="urn:mainspring:task">latest</CatchUp>    the latest runs once
//! <CatchUp xmlns="urn:mainspring:task">all 10</CatchUp>    each runs, oldest first, of the last so many: 1 to 100
//! ```
//!
//! It is recognised as a child element, and as the same text in CDATA, as which the normalised form gives it back. The element
//! itself declares the namespace, with a prefix or without; the words stand as they are here, with any white space of XML around
//! and between them, and without references to characters. Of several wishes the first counts that can be read; one that cannot
//! is none.
//!
//! What is owed does not start in the first [`QUIET_TIME`](crate::limits::QUIET_TIME) after the server came up, and then one
//! task every [`SPREAD_TIME`](crate::limits::SPREAD_TIME), so that a hundred tasks do not start in the same second. An
//! occurrence that comes first stands for the one that is owed, unless all are wanted.
//!
//! A tick that comes late, because the host stalled or a machine slept whose monotonic clock goes on meanwhile, runs what each
//! task was due for; what lies between is settled and told as missed, whatever the task asks for.

use super::{
    TaskSlot,
    clocks::{Clocks, Moment},
    plan::{self, Next, Run},
    slots::flag,
    wish::wish,
};
use crate::{
    limits::{MISSED_COUNTED, QUIET_TIME, SPREAD_TIME},
    recur::{self, Anchors},
    task::Image,
    time::Timestamp,
};

/// What becomes of occurrences that were missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatchUp {
    /// None of them runs.
    Skip,
    /// The latest runs, once.
    Latest,
    /// The last so many run, oldest first.
    All(u8),
}

impl CatchUp {
    /// The most occurrences of one task that are caught up.
    pub(super) const MOST: u8 = 100;

    /// What a task asks for: in its Data, or with StartWhenAvailable. A wish that cannot be read is none.
    #[must_use]
    pub fn of(image: &Image<'_>) -> Self {
        let default = if image.settings().start_when_available { Self::Latest } else { Self::Skip };
        image.data().and_then(wish).unwrap_or(default)
    }
}

/// The last occurrence of the calendar up to a moment, of all triggers.
fn last(image: &Image<'_>, at: Timestamp, clocks: &Clocks<'_>) -> Option<Timestamp> {
    image.triggers().filter_map(|trigger| recur::last(&trigger, &Anchors::default(), at, clocks.zone)).max()
}

/// The first occurrence of the calendar after a moment, of all triggers.
pub(super) fn first(image: &Image<'_>, after: Timestamp, clocks: &Clocks<'_>) -> Option<Timestamp> {
    image.triggers().filter_map(|trigger| recur::next(&trigger, &Anchors::default(), after, clocks.zone)).min()
}

/// How many occurrences of the calendar there are after a moment and before another; of very many only the first
/// [`MISSED_COUNTED`].
pub(super) fn count(image: &Image<'_>, after: Timestamp, before: Timestamp, clocks: &Clocks<'_>) -> u32 {
    let mut at = after;
    let mut count = 0;
    while count < MISSED_COUNTED
        && let Some(next) = first(image, at, clocks).filter(|next| *next < before)
    {
        count += 1;
        at = next;
    }
    count
}

/// Looks whether occurrences of the task were missed since `since`, at which it was registered, and notes in its slot whether it
/// is owed any of them; returns the latest. Those that came at this very moment were not missed.
pub(super) fn note(
    image: &Image<'_>,
    task: &mut TaskSlot,
    since: Option<Timestamp>,
    clocks: &Clocks<'_>,
) -> Option<Timestamp> {
    let now = clocks.now.wall?;
    // A clock that was ahead then says nothing of when that was.
    let floor = task.floor.max(since.filter(|since| *since <= now).unwrap_or(Timestamp::MIN));
    // A task that has never fired, and nobody knows since when it is there, is owed nothing.
    let latest = last(image, now.plus(-1), clocks).filter(|at| *at > floor && floor != Timestamp::MIN);
    task.set(flag::OWED, false);
    let owed = latest?;
    match CatchUp::of(image) {
        CatchUp::Skip => {}
        CatchUp::Latest => task.set(flag::OWED, true),
        CatchUp::All(most) => {
            task.floor = floor.max(oldest(image, floor, owed, most, clocks).plus(-1));
            task.set(flag::OWED, true);
        }
    }
    latest
}

/// The oldest of the last so many occurrences of the calendar after `floor`, of which `latest` is one.
fn oldest(image: &Image<'_>, floor: Timestamp, latest: Timestamp, most: u8, clocks: &Clocks<'_>) -> Timestamp {
    let mut oldest = latest;
    for _ in 1..most {
        let Some(before) = last(image, oldest.plus(-1), clocks).filter(|at| *at > floor) else { break };
        oldest = before;
    }
    oldest
}

/// How many of those that a task was owed before a clock was set, `seen`, will not run: with what has come since they are too many.
/// Its floor is behind them then.
pub(super) fn drop_oldest(image: &Image<'_>, task: &mut TaskSlot, seen: Timestamp, clocks: &Clocks<'_>) -> u32 {
    let (CatchUp::All(most), Some(now)) = (CatchUp::of(image), clocks.now.wall) else { return 0 };
    let Some(latest) = last(image, now.plus(-1), clocks).filter(|at| *at > task.floor) else { return 0 };
    let kept = oldest(image, task.floor, latest, most, clocks).min(seen.plus(1));
    let dropped = count(image, task.floor, kept, clocks);
    task.floor = task.floor.max(kept.plus(-1));
    dropped
}

/// What a task that is owed something runs now, and whether it is owed more. One that is owed several waits for the end of each,
/// also if that `waits` for an idle machine or another attempt.
pub(super) fn run(
    image: &Image<'_>,
    task: &TaskSlot,
    waits: bool,
    clocks: &Clocks<'_>,
) -> Option<(Option<Run>, Timestamp, bool)> {
    let before = clocks.now.wall?.plus(-1);
    let all = matches!(CatchUp::of(image), CatchUp::All(_));
    if all && (task.running > 0 || waits) {
        return Some((None, task.floor, true));
    }
    let at = if all { first(image, task.floor, clocks) } else { last(image, before, clocks) };
    let at = at.filter(|at| *at > task.floor && *at <= before)?;
    let more = all && first(image, at, clocks).is_some_and(|next| next <= before);
    let run = plan::run(image, task, clocks, Moment { at: at.0, relative: false });
    // Turns spread what is owed already.
    Some((run.map(|run| Run { random_delay: 0, ..run }), at, more))
}

/// Gives the tasks that are owed something their turns, one after the other.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Turns {
    /// The last that was given, by the monotonic clock.
    last: Option<i64>,
}

impl Turns {
    /// When a task fires next that may be owed something: what it is owed has its turn, unless something comes first. An
    /// occurrence of the calendar that does stands for what is owed, if not all is.
    pub(super) fn next(&mut self, image: &Image<'_>, task: &mut TaskSlot, next: Next, clocks: &Clocks<'_>) -> Next {
        task.set(flag::CATCHING_UP, false);
        if !task.has(flag::OWED) || !task.has(flag::ENABLED) {
            return next;
        }
        let milliseconds = |time| i64::try_from(time).unwrap_or(i64::MAX);
        let turn = self.last.map_or(i64::MIN, |last| last.saturating_add(milliseconds(SPREAD_TIME)));
        let at = turn.max(clocks.monotonic()).max(clocks.boot.saturating_add(milliseconds(QUIET_TIME)));
        if let Some(moment) = next.moment.filter(|_| !next.expires) {
            let comes = if moment.relative { Some(moment.at) } else { clocks.monotonic_of(Timestamp(moment.at)) };
            let is_first = comes.is_some_and(|comes| comes <= at);
            if is_first && moment.relative {
                return next;
            }
            if is_first && !matches!(CatchUp::of(image), CatchUp::All(_)) {
                task.set(flag::OWED, false);
                return next;
            }
        }
        self.last = Some(at);
        task.set(flag::CATCHING_UP, true);
        Next { moment: Some(Moment { at, relative: true }), expires: false, ..next }
    }
}
