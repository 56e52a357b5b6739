//! What the ledger says at the end of a world.
//!
//! - **Nothing that was not seen**: each entry is of a run that was seen to end with that result, or of skips that were seen to be
//!   told for that reason, each once, and of the task that has the number now.
//! - **Nothing left out**: what happened in the last life, in which nothing was cut off, is there, unless the ring is full and it is
//!   older than what is there.
//!
//! Of earlier lives a cut may have taken what waited to be written; and a store that fails has no room for all.

use super::*;
use mainspring::{
    engine::{Happened, Happening, Started},
    event::Skipped,
    status::Status,
};

const RULE: &str = "the ledger is right";

/// What the ledger may say of one task, in the order in which it came.
#[derive(Debug, Default)]
pub(super) struct Told {
    ends: Vec<Ended>,
    skips: Vec<Skip>,
}

/// A run that was seen to end.
#[derive(Debug, Clone)]
struct Ended {
    guid: Guid,
    life: u64,
    real: i64,
    entry: Happening,
}

/// A skip that was seen to be told.
#[derive(Debug, Clone)]
struct Skip {
    life: u64,
    reason: Skipped,
    wall: Option<Timestamp>,
}

/// Entries that each stand for one event; of the others one event may stand for many occurrences, or be told only.
const fn is_counted(reason: Skipped) -> bool {
    !matches!(reason, Skipped::Missed | Skipped::ClockUnknown | Skipped::Disabled | Skipped::NoInstanceSlot)
}

const fn started(cause: Cause) -> Started {
    match cause {
        Cause::Demand => Started::OnDemand,
        Cause::Calendar(_) => Started::Calendar,
        Cause::Boot(_) => Started::Boot,
        Cause::Registration(_) => Started::Registration,
        Cause::Idle => Started::Idle,
        Cause::Event => Started::Event,
        Cause::Session => Started::Session,
        Cause::Maintenance { .. } => Started::Maintenance,
    }
}

impl Observer {
    /// A run was told as ended.
    pub(super) fn ends_with(&mut self, task: u32, guid: Guid, result: Status) {
        let Some(instance) = self.instances.get(&guid) else { return };
        // One that only waited is told as skipped.
        let Some(began) = instance.began else { return };
        let (started, failed) = (started(instance.cause), instance.failed == Some(self.life));
        let what = if failed { Happened::NotStarted { started, result } } else { Happened::Ran { started, result } };
        let span = began.zip(self.last.wall).map_or(0, |(began, wall)| (wall - began).max(0).unsigned_abs());
        let entry = Happening { task, at: began.map(Timestamp), span, what };
        let ended = Ended { guid, life: self.life, real: self.last.real, entry };
        self.ledger.entry(task).or_default().ends.push(ended);
    }

    /// A skip was told.
    pub(super) fn is_skipped(&mut self, task: u32, reason: Skipped) {
        let skip = Skip { life: self.life, reason, wall: self.last.wall.map(Timestamp) };
        self.ledger.entry(task).or_default().skips.push(skip);
    }

    /// Whether nothing of this life may be missing, but what a full ring has no more.
    const fn is_ledger_whole(&self) -> bool {
        self.ledger_fails < self.life
    }

    /// Whether the ledger would be wrong without this entry.
    pub(crate) fn must_be_noted(&self, entry: &Happening) -> bool {
        let is_it = |ended: &&Ended| ended.entry == *entry;
        let ends = self.ledger.get(&entry.task).map(|told| &told.ends[..]).unwrap_or_default();
        self.is_ledger_whole() && ends.iter().filter(is_it).all(|ended| ended.life == self.life)
    }

    /// Whether the ledger would be wrong if it had another number of skips of a task for a reason.
    pub(crate) fn must_be_counted(&self, task: u32, reason: Skipped) -> bool {
        let skips = self.ledger.get(&task).map(|told| &told.skips[..]).unwrap_or_default();
        let is_old = |skip: &Skip| skip.reason == reason && skip.life != self.life;
        is_counted(reason) && self.is_ledger_whole() && !self.events_lost && !skips.iter().any(is_old)
    }

    /// The history of each task, by number, the latest first; `is_full` says that the ring has begun to forget.
    pub(crate) fn reads(&mut self, shown: &[(u32, Vec<Happening>)], is_full: bool) {
        self.counts.entries += shown.iter().map(|(_, entries)| entries.len() as u64).sum::<u64>();
        // Of what is there no more nobody knows in which order it came.
        let mut oldest = if is_full { i64::MAX } else { i64::MIN };
        let mut missing = Vec::new();
        for (task, entries) in shown {
            if !self.tasks.contains_key(task) {
                return self.fail(RULE, format!("{task} is not there"));
            }
            let mut told = self.ledger.remove(task).unwrap_or_default();
            let mut counted = [0; Skipped::ALL.len()];
            let all = told.skips.clone();
            let mut noted = HashSet::new();
            for entry in entries {
                let is_right = match entry.what {
                    _ if entry.task != *task => false,
                    Happened::Ran { .. } | Happened::NotStarted { .. } => {
                        let is_it = |ended: &Ended| ended.entry == *entry && !noted.contains(&ended.guid);
                        let place = told.ends.iter().rposition(is_it);
                        let ended = place.map(|place| told.ends.remove(place));
                        oldest = ended.as_ref().filter(|_| is_full).map_or(oldest, |ended| oldest.min(ended.real));
                        // Nor is a run noted again that has ended in an earlier life.
                        ended.is_some_and(|ended| noted.insert(ended.guid))
                    }
                    Happened::Skipped { reason, count } => {
                        counted[reason as usize] += u64::from(count);
                        let is_told = |skip: &Skip, at| skip.reason == reason && skip.wall == at;
                        let place = told.skips.iter().rposition(|skip| is_told(skip, entry.at));
                        let first = place.map(|place| told.skips.remove(place));
                        let is_last = entry.span == 0 || all.iter().any(|skip| is_told(skip, entry.until()));
                        first.is_some() && is_last && count > 0
                    }
                };
                if !is_right {
                    let text = format!("{entry:?} of {task} was not seen so, or not so often; left: {told:?}");
                    return self.fail(RULE, text);
                }
            }
            for reason in Skipped::ALL.into_iter().filter(|reason| is_counted(*reason)) {
                let count = counted[reason as usize];
                let of_reason = || all.iter().filter(|skip| skip.reason == reason);
                let seen = of_reason().count();
                if count > seen as u64 && !self.events_lost {
                    let text = format!("{task} is said to be skipped {count} times for {reason:?}, not {seen}");
                    return self.fail(RULE, text);
                }
                let lately = of_reason().filter(|skip| skip.life == self.life).count();
                if count < lately as u64 && !is_full && self.is_ledger_whole() {
                    let text = format!("{task} was skipped {lately} times for {reason:?}, not {count}");
                    return self.fail(RULE, text);
                }
            }
            missing.extend(told.ends);
        }
        let is_missing = |ended: &&Ended| ended.life == self.life && ended.real > oldest && self.is_ledger_whole();
        if let Some(ended) = missing.iter().find(is_missing) {
            let text = format!("{ended:?} is not there");
            self.fail(RULE, text);
        }
    }
}
