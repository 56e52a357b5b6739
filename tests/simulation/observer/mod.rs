//! Who watches an engine from outside, and knows what it must and must not do.
//!
//! It sees what goes in (clocks, calls and their answers) and what comes out (durable records of instances, orders, events), and
//! computes by itself when triggers are due.
//!
//! - **Never early**: a run of the calendar is of a moment that the schedule has and that the clock has reached; one that
//!   follows an event comes no sooner than its delay says. What conditions and the policy forbid does not start.
//! - **Never twice**: each occurrence is recorded for one instance only, over all lives of the server. A further attempt after a
//!   failure to start is none. An instance is ordered to start once for each action, and after a restart only looked for.
//! - **Never lost**: what was registered is there after every restart, and what has started is looked for. Each occurrence is
//!   either recorded as a run, or told as skipped, in time; what waits for its delay, an idle machine or another attempt has
//!   so long for that as its task says. What went by while the server was down, the clock unknown or another, is told as
//!   missed, or made up for if the task wants that.
//!
//! - What is run **no longer than it may**, and **stopped for a reason**: see `stops`.
//!
//! - What the **ledger** has of it is right: see `ledger`.
//!
//! [`EXCEPTIONS`] names what is excepted from the last.

mod account;
mod counts;
mod inputs;
mod ledger;
mod outputs;
mod stops;

use account::patience;
pub(crate) use counts::Counts;

use crate::{
    host,
    script::{NAMES, Plan, Script, Wants, When},
    times::{self, Times, between},
};
use mainspring::{
    engine::{Machine, Refused},
    event::Event,
    guid::Guid,
    limits::{LATE_TIME, QUIET_TIME, RETRY_TIME, SPREAD_TIME},
    store::{Cause, OVERTAKEN, VOLATILE},
    task::InstancesPolicy,
    time::Timestamp,
};
use mainspring_tests::world::{MINUTE, SECOND};
use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    rc::Rc,
};

/// What does not run and is not told, each with the reason why that is let pass here.
pub(crate) const EXCEPTIONS: [&str; 10] = [
    LATE_TICK,
    STORE_FAILED,
    REGISTERED_ANEW,
    STOPPED,
    ANOTHER_ZONE,
    UNKNOWN_SINCE,
    DISABLED,
    RAN_LATER,
    IDLE_NO_MORE,
    EVENTS_LOST,
];
/// A tick that comes late runs what each task was due for and what is late by less than a minute, and tells what lies between as
/// missed. Of a task that is owed something, or has a registration trigger of an earlier life, only the engine knows what it was
/// due for.
pub(crate) const LATE_TICK: &str = "passed over by a late tick, and nobody knows what was due";
/// While the store fails one task fires in a second, and what is late by more than a minute by then is settled without a word.
pub(crate) const STORE_FAILED: &str = "passed over while the store failed";
/// Whoever registers a task anew drops what waits of it.
pub(crate) const REGISTERED_ANEW: &str = "dropped as the task was registered anew";
/// Whoever stops a task drops what waits of it; that is told as an instance that ended.
pub(crate) const STOPPED: &str = "dropped as somebody stopped the task";
/// Another zone owes nobody anything.
pub(crate) const ANOTHER_ZONE: &str = "owed nothing as the zone is another";
/// A task that was registered or enabled while the time was unknown is owed nothing of before.
pub(crate) const UNKNOWN_SINCE: &str = "missed by a task of which nobody knows since when it is there";
/// Nothing is told of what would have come while the task, or its trigger, was disabled.
pub(crate) const DISABLED: &str = "came while the task was disabled, and not told";

/// One that a step of the clock brings again behind another that has run: the floor that keeps that one from running twice
/// settles this one too.
pub(crate) const RAN_LATER: &str = "came again behind one that had run";

/// An idle trigger that was due in a sleep does not fire when somebody uses the machine before the first tick after it.
pub(crate) const IDLE_NO_MORE: &str = "idle in a sleep, and no more at the first tick";

/// More happened in one call than there is room for in the queue of events: sixteen that wait and are all hindered are told with
/// two events each.
pub(crate) const EVENTS_LOST: &str = "more events in one call than are kept";

/// Real time, and what the clocks show, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At {
    pub(crate) real: i64,
    pub(crate) mono: i64,
    pub(crate) wall: Option<i64>,
    pub(crate) zone: usize,
}

/// How time went by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passed {
    /// The host ticks whenever that is wanted.
    Awake,
    /// It did not, though the clocks went on.
    Asleep,
    /// The wall clock shows something else than the time that passed.
    Set,
}

/// What comes out of the engine.
#[derive(Debug, Clone)]
pub(crate) enum Sight {
    Record { guid: Guid, task: u32, definition: u32, cause: Cause, action: u8, queued: Option<u32> },
    Start { guid: Guid, line: Option<String>, session: Option<u32> },
    Failed { guid: Guid },
    Stop { guid: Guid, hard: bool },
    Recover { guid: Guid },
    Event(Event),
}

impl Sight {
    pub(crate) fn guid(&self) -> Option<Guid> {
        match *self {
            Self::Record { guid, .. }
            | Self::Start { guid, .. }
            | Self::Failed { guid }
            | Self::Stop { guid, .. }
            | Self::Recover { guid } => Some(guid),
            Self::Event(Event::InstanceStarted { instance, .. } | Event::InstanceEnded { instance, .. }) => {
                Some(instance)
            }
            Self::Event(_) => None,
        }
    }
}

/// What was wrong.
#[derive(Debug, Clone)]
pub(crate) struct Violation {
    /// Which rule was broken.
    pub(crate) rule: &'static str,
    pub(crate) real: i64,
    pub(crate) text: String,
}

/// A task that is there.
#[derive(Debug, Clone)]
struct Known {
    name: usize,
    version: u32,
    plan: Rc<Plan>,
    enabled: bool,
    /// What the wall clock showed when it was registered or enabled.
    since: Option<i64>,
    /// The least that it has shown since it was registered.
    low: i64,
    /// Up to here occurrences may be settled.
    floor: i64,
    /// The latest that was recorded for an instance.
    ran: i64,
    /// In which life, and when, it was registered.
    registered: (u64, i64),
    /// When that was, whatever any clock says.
    real: i64,
    /// The first occurrence that is owed from an earlier life.
    carried: Option<i64>,
    /// Those that waited as it ended, while later ones had run.
    overtaken: Vec<i64>,
}

/// What an item is waiting for.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Wanted {
    Exactly(Cause),
    /// Any occurrence of the calendar from this one on.
    Since(i64),
    Event,
    Session,
    Idle,
}

/// Something that must become a run or be told.
#[derive(Debug, Clone)]
struct Item {
    task: u32,
    wanted: Vec<Wanted>,
    due: i64,
    until: i64,
    excused: bool,
    /// It has its turn, and waits for the end of what runs.
    turn: bool,
    /// The host has not ticked since it was due in a sleep.
    asleep: bool,
}

#[derive(Debug, Clone)]
struct Instance {
    task: u32,
    cause: Cause,
    /// The life in which the record of the current action was put, the action, and whether it was ordered.
    started: Option<(u64, u8)>,
    ordered: bool,
    queued: bool,
    /// The last life in which it could not be started.
    failed: Option<u64>,
    ended: bool,
    recovered: u64,
    /// What the wall clock showed, if anything, when it started, once it has.
    began: Option<Option<i64>>,
    /// What the run is for, if nothing else may run for it.
    occurrence: Option<Occurrence>,
    /// The session that it was ordered for.
    session: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Occurrence {
    Calendar(i64),
    Boot(u64, u64),
    Registration(u32, u64),
}

#[derive(Debug)]
enum Asked {
    Register(usize, u32, Option<i64>),
    Delete(usize),
    Enable(usize, bool),
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Observer {
    times: Times,
    zones: Vec<usize>,
    plans: HashMap<u32, Rc<Plan>>,
    tasks: BTreeMap<u32, Known>,
    instances: HashMap<Guid, Instance>,
    claims: HashMap<(u32, Occurrence), (Guid, u8)>,
    /// Runs of tasks of a group: for each occurrence how many, and the sessions of those that were ordered.
    served: HashMap<(u32, Occurrence), (u32, Vec<u32>)>,
    /// Members of the group who are logged on: those of sessions from 1 up to this.
    pub(crate) members: u32,
    running: HashMap<u32, HashSet<Guid>>,
    lasting: HashMap<Guid, stops::Lasting>,
    /// Runs that waited while later ones of their task ran.
    overtaken: HashSet<Guid>,
    /// When a run of a task was recorded or ended last.
    active: HashMap<u32, i64>,
    items: Vec<Item>,
    /// Skips that stand for no item yet: task, when, and the number in all.
    tokens: Vec<(u32, i64, u64)>,
    token: u64,
    asked: Option<Asked>,
    life: u64,
    boot: i64,
    up: bool,
    /// Whether it was looked which tasks there are in this life.
    is_loaded: bool,
    closing: bool,
    /// What the ledger may say of each task.
    ledger: HashMap<u32, ledger::Told>,
    /// What it may still say of tasks that had the number before.
    /// The last life in which something may be missing in it.
    ledger_fails: u64,
    /// Whether events were lost.
    events_lost: bool,
    pub(crate) store_fails: bool,
    /// When the store failed last in this life.
    failed_at: i64,
    machine: Machine,
    idle_since: Option<i64>,
    /// The highest that the wall clock has shown in this life.
    high: i64,
    /// The last wall time before it was unknown, or the server down.
    unknown_from: Option<i64>,
    pub(crate) last: At,
    pub(crate) counts: Counts,
    pub(crate) broken: Option<Violation>,
    /// The last of what was seen, if that is wanted.
    pub(crate) trace: Option<VecDeque<String>>,
    /// Starts of the calendar, by name and time. For who walks the same time second by second.
    pub(crate) walked: Vec<(usize, i64)>,
}

impl Observer {
    pub(crate) fn new(script: &Script) -> Self {
        Self {
            times: Times::of(script),
            zones: vec![script.zone],
            plans: HashMap::new(),
            tasks: BTreeMap::new(),
            instances: HashMap::new(),
            claims: HashMap::new(),
            served: HashMap::new(),
            members: 0,
            running: HashMap::new(),
            lasting: HashMap::new(),
            overtaken: HashSet::new(),
            active: HashMap::new(),
            items: Vec::new(),
            tokens: Vec::new(),
            token: 0,
            asked: None,
            life: 0,
            boot: 0,
            up: false,
            is_loaded: false,
            closing: false,
            ledger: HashMap::new(),
            ledger_fails: 0,
            events_lost: false,
            store_fails: false,
            failed_at: i64::MIN,
            machine: Machine::default(),
            idle_since: None,
            high: i64::MIN,
            unknown_from: None,
            last: At { real: 0, mono: 0, wall: None, zone: script.zone },
            counts: Counts::default(),
            broken: None,
            trace: None,
            walked: Vec::new(),
        }
    }

    pub(crate) fn fail(&mut self, rule: &'static str, text: String) {
        let real = self.last.real;
        self.broken.get_or_insert(Violation { rule, real, text });
    }

    pub(super) fn except(&mut self, why: &'static str, count: usize) {
        *self.counts.exceptions.entry(why).or_default() += count as u64;
    }

    /// Whether what is told of a task at this moment is needed to account for an occurrence.
    pub(crate) fn must_account(&self, task: u32) -> bool {
        if self.tasks.get(&task).is_some_and(|known| known.plan.group) {
            // Of several members any one does.
            return false;
        }
        let due = |item: &&Item| item.task == task && !item.excused && item.until <= self.last.mono;
        let tokens = self.tokens.iter().filter(|token| token.0 == task).count();
        self.items.iter().filter(due).count() > tokens && !self.store_fails && self.last.mono >= self.retried()
    }

    /// Whether what a late tick passed over is told now.
    pub(crate) fn must_tell_passed(&self, task: u32) -> bool {
        let now = self.last.mono;
        let is_passed = |item: &Item| item.task == task && item.wanted.is_empty() && item.due == now && !item.excused;
        let is_told = self.tokens.iter().any(|token| token.0 == task && token.1 >= now);
        !is_told && now >= self.retried() && self.items.iter().any(is_passed)
    }

    /// Whether this is the first action of a run for an occurrence.
    pub(crate) fn is_first(&self, guid: Guid) -> bool {
        self.instances
            .get(&guid)
            .is_some_and(|instance| instance.occurrence.is_some() && instance.started == Some((self.life, 0)))
    }

    /// Notes what happened, for who reads of a failure.
    pub(crate) fn note(&mut self, what: impl FnOnce() -> String) {
        let At { real, mono, wall, .. } = self.last;
        if let Some(trace) = &mut self.trace {
            if trace.len() == 60 {
                trace.pop_front();
            }
            trace.push_back(format!("{real} (mono {mono}, wall {wall:?}): {}", what()));
        }
    }
}
