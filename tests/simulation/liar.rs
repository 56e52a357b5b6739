//! Who stands between the engine and its observer, and lies: a canary for each thing that the observer is to see.

use crate::observer::{At, Observer, Sight};
use mainspring::{
    engine::{Happened, Happening},
    event::Skipped,
    guid::Guid,
    store::Cause,
};

/// What is told that is not so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    /// A run of the calendar is not told of.
    Drops,
    /// One is told of twice.
    Doubles,
    /// One is said to have come a second early.
    Early,
    /// A skip is not told of.
    Swallows,
    /// The run of a member is said to be for the one before.
    Again,
    /// A run that must stop is said to go on.
    Stays,
    /// One is said to be told to stop as soon as it has started.
    Stops,
    /// That a late tick passed some over is not told of.
    Passes,
    /// A run that has ended is not in the ledger.
    Forgets,
    /// It is there twice.
    Repeats,
    /// It has another result there.
    Alters,
    /// One skip more is there than was told.
    Adds,
    /// One less.
    Omits,
}

/// Tells one lie, about the `left`-th thing that can be lied about.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Liar {
    pub(crate) lie: Option<Lie>,
    pub(crate) left: u32,
    pub(crate) told: bool,
    dropped: Option<Guid>,
}

impl Liar {
    pub(crate) fn new(lie: Lie, left: u32) -> Self {
        Self { lie: Some(lie), left, ..Self::default() }
    }

    /// What the observer is shown.
    pub(crate) fn tell(&mut self, at: At, sight: Sight, observer: &Observer) -> Vec<(At, Sight)> {
        let Some(lie) = self.lie else { return vec![(at, sight)] };
        if let Some(dropped) = self.dropped
            && sight.guid() == Some(dropped)
        {
            return Vec::new();
        }
        let fits = match (lie, &sight) {
            (Lie::Swallows, Sight::Event(event)) => {
                // What was missed may be told once more at the next start.
                crate::host::skip(event)
                    .is_some_and(|(task, reason)| reason != Skipped::Missed && observer.must_account(task))
            }
            (Lie::Passes, Sight::Event(event)) => crate::host::skip(event)
                .is_some_and(|(task, reason)| reason == Skipped::Missed && observer.must_tell_passed(task)),
            (Lie::Drops, Sight::Record { cause: Cause::Calendar(_), task, action: 0, queued: None, .. }) => {
                observer.must_account(*task)
            }
            (
                Lie::Doubles | Lie::Early,
                Sight::Record { cause: Cause::Calendar(moment), task, action: 0, queued: None, .. },
            ) => at.wall == Some(moment.0) && observer.must_account(*task),
            (Lie::Again, Sight::Start { guid, session: Some(2..), .. }) => observer.is_first(*guid),
            (Lie::Stays, Sight::Stop { guid, hard: false }) => observer.must_stop(*guid),
            (Lie::Stops, Sight::Start { guid, line: Some(_), .. }) => !observer.must_stop(*guid),
            _ => false,
        };
        if self.told || !fits {
            return vec![(at, sight)];
        }
        if self.left > 0 {
            self.left -= 1;
            return vec![(at, sight)];
        }
        self.told = true;
        match (lie, &sight) {
            (Lie::Drops | Lie::Stays, _) => {
                self.dropped = sight.guid();
                Vec::new()
            }
            (Lie::Swallows | Lie::Passes, _) => Vec::new(),
            (Lie::Again, Sight::Start { guid, line, session }) => {
                let session = session.map(|session| session - 1);
                vec![(at, Sight::Start { guid: *guid, line: line.clone(), session })]
            }
            (Lie::Stops, Sight::Start { guid, .. }) => {
                let stop = Sight::Stop { guid: *guid, hard: false };
                vec![(at, sight), (at, stop)]
            }
            (Lie::Early, _) => vec![(At { wall: at.wall.map(|wall| wall - 1000), ..at }, sight)],
            _ => {
                let mut again = sight.clone();
                if let Sight::Record { guid, .. } = &mut again {
                    let mut bytes = guid.to_bytes();
                    bytes[0] ^= 1;
                    *guid = Guid::from_bytes(bytes);
                }
                vec![(at, sight), (at, again)]
            }
        }
    }

    /// What the observer reads in the ledger.
    pub(crate) fn tell_history(&mut self, shown: &mut [(u32, Vec<Happening>)], observer: &Observer, is_full: bool) {
        let Some(lie @ (Lie::Forgets | Lie::Repeats | Lie::Alters | Lie::Adds | Lie::Omits)) = self.lie else { return };
        let places = shown
            .iter()
            .enumerate()
            .flat_map(|(task, (_, entries))| (0..entries.len()).map(move |place| (task, place)));
        for (task, place) in places.collect::<Vec<_>>() {
            let entries = &mut shown[task].1;
            let entry = entries[place];
            let fits = match (lie, entry.what) {
                (Lie::Adds | Lie::Omits, Happened::Skipped { reason, .. }) => {
                    !is_full && observer.must_be_counted(entry.task, reason)
                }
                // That a full ring has lost one is known where it has an older one.
                (Lie::Forgets, Happened::Ran { .. }) => {
                    observer.must_be_noted(&entry) && (!is_full || place == 0 && entries.len() > 8)
                }
                (Lie::Repeats | Lie::Alters, Happened::Ran { .. }) => true,
                _ => false,
            };
            if !fits || entry.at.is_none() {
                continue;
            }
            if self.left > 0 {
                self.left -= 1;
                continue;
            }
            self.told = true;
            return match (lie, &mut entries[place].what) {
                (Lie::Forgets, _) => drop(entries.remove(place)),
                (Lie::Repeats, _) => entries.insert(place, entry),
                (_, Happened::Ran { result, .. } | Happened::NotStarted { result, .. }) => result.0 ^= 0x4000,
                (Lie::Adds, Happened::Skipped { count, .. }) => *count += 1,
                (_, Happened::Skipped { count: 1, .. }) => drop(entries.remove(place)),
                (_, Happened::Skipped { count, .. }) => *count -= 1,
            };
        }
    }
}
