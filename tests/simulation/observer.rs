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
//! [`EXCEPTIONS`] names what is excepted from the last.

use crate::{
    host,
    script::{NAMES, Plan, Script, Wants, When},
    times::{self, Times, between},
};
use mainspring::{
    engine::{Machine, Refused},
    event::Event,
    guid::Guid,
    limits::{LATE_TIME, QUIET_TIME, SPREAD_TIME},
    store::{Cause, VOLATILE},
    task::InstancesPolicy,
    time::Timestamp,
};
use mainspring_tests::world::{DAY, MINUTE, SECOND};
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
/// A tick that comes late runs what each task was due for and what is late by less than a minute; what lies between is settled
/// without a word (the module `engine` says so).
pub(crate) const LATE_TICK: &str = "passed over by a late tick, and not told";
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

/// One that waited when the server ended, while a later one of its task had run: the floor that keeps that one from running
/// twice settles this one too.
pub(crate) const RAN_LATER: &str = "waited as the server ended, and a later one had run";

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
    Start { guid: Guid, line: Option<String> },
    Failed { guid: Guid },
    Recover { guid: Guid },
    Event(Event),
}

impl Sight {
    pub(crate) fn guid(&self) -> Option<Guid> {
        match *self {
            Self::Record { guid, .. } | Self::Start { guid, .. } | Self::Failed { guid } | Self::Recover { guid } => {
                Some(guid)
            }
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

/// What was simulated.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts {
    /// Milliseconds that tasks were there.
    pub(crate) task_time: i64,
    pub(crate) happenings: u64,
    pub(crate) lives: u64,
    pub(crate) cuts: u64,
    pub(crate) steps: u64,
    pub(crate) runs: u64,
    pub(crate) starts: u64,
    pub(crate) recoveries: u64,
    pub(crate) demanded: u64,
    pub(crate) skips: BTreeMap<String, u64>,
    pub(crate) exceptions: BTreeMap<&'static str, u64>,
}

impl Counts {
    /// What is printed of a run.
    pub(crate) fn table(&self, worlds: u64, seed: u64, seconds: f64) -> String {
        let mut text = format!(
            "simulation: {} task-days in {worlds} worlds from seed {seed}, {seconds:.1} s\n\
             simulation: {} happenings, {} lives of a server, {} of them ended by a cut, {} steps of the clock\n\
             simulation: {} runs recorded, {} starts ordered, {} looked for after a restart, {} on demand\n",
            self.task_time / DAY,
            self.happenings,
            self.lives,
            self.cuts,
            self.steps,
            self.runs,
            self.starts,
            self.recoveries,
            self.demanded,
        );
        for (reason, count) in &self.skips {
            text += &format!("simulation: skipped, {reason}: {count}\n");
        }
        for (why, count) in &self.exceptions {
            text += &format!("simulation: excepted, {why}: {count}\n");
        }
        text
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.task_time += other.task_time;
        self.happenings += other.happenings;
        self.lives += other.lives;
        self.cuts += other.cuts;
        self.steps += other.steps;
        self.runs += other.runs;
        self.starts += other.starts;
        self.recoveries += other.recoveries;
        self.demanded += other.demanded;
        for (reason, count) in &other.skips {
            *self.skips.entry(reason.clone()).or_default() += count;
        }
        for (why, count) in &other.exceptions {
            *self.exceptions.entry(why).or_default() += count;
        }
    }
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
    /// The first occurrence that is owed from an earlier life.
    carried: Option<i64>,
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
    failed: bool,
    ended: bool,
    recovered: u64,
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
    running: HashMap<u32, HashSet<Guid>>,
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
    closing: bool,
    pub(crate) store_fails: bool,
    excused_until: i64,
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
            running: HashMap::new(),
            active: HashMap::new(),
            items: Vec::new(),
            tokens: Vec::new(),
            token: 0,
            asked: None,
            life: 0,
            boot: 0,
            up: false,
            closing: false,
            store_fails: false,
            excused_until: i64::MIN,
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

    fn except(&mut self, why: &'static str, count: usize) {
        *self.counts.exceptions.entry(why).or_default() += count as u64;
    }

    /// Whether what is told of a task at this moment is needed to account for an occurrence.
    pub(crate) fn must_account(&self, task: u32) -> bool {
        let due = |item: &&Item| item.task == task && !item.excused && item.until <= self.last.mono;
        let tokens = self.tokens.iter().filter(|token| token.0 == task).count();
        self.items.iter().filter(due).count() > tokens && !self.store_fails && self.last.mono >= self.excused_until
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

    // --- what comes out ---------------------------------------------------------------------------------------------

    pub(crate) fn see(&mut self, at: At, sight: &Sight) {
        self.note(|| format!("{sight:?}"));
        match *sight {
            Sight::Record { queued: Some(VOLATILE), .. } => {}
            Sight::Record { guid, task, definition, cause, action, queued } => {
                if !self.instances.contains_key(&guid) {
                    self.claim(at, guid, task, definition, cause);
                }
                self.recorded(at, guid, action, queued.is_some());
            }
            Sight::Start { guid, ref line } => self.ordered(guid, line.as_deref()),
            Sight::Failed { guid } => {
                if let Some(instance) = self.instances.get_mut(&guid) {
                    instance.failed = true;
                }
            }
            Sight::Recover { guid } => {
                self.counts.recoveries += 1;
                let life = self.life;
                match self.instances.get_mut(&guid) {
                    Some(instance) => (instance.recovered, instance.ended) = (life, false),
                    None => self.fail("what is looked for was recorded", format!("{guid}")),
                }
            }
            Sight::Event(ref event) => self.told(event),
        }
    }

    /// An instance is seen for the first time.
    fn claim(&mut self, at: At, guid: Guid, task: u32, definition: u32, cause: Cause) {
        let instance = Instance {
            task,
            cause,
            started: None,
            ordered: false,
            queued: false,
            failed: false,
            ended: false,
            recovered: 0,
        };
        self.instances.insert(guid, instance);
        let Some(known) = self.tasks.get(&task).cloned() else {
            return self.fail("only tasks run that are there", format!("{task} {cause:?}"));
        };
        let plan = Rc::clone(&known.plan);
        let waits = patience(&plan) > 0;
        let early = "never early";
        let occurrence = match cause {
            Cause::Calendar(Timestamp(moment)) => {
                let is_moment =
                    |zone: &usize| self.times.moments(known.version, &plan, *zone).binary_search(&moment).is_ok();
                let is_moment = self.zones.clone().iter().any(is_moment);
                if !is_moment {
                    return self.fail(early, format!("t{} runs for {moment}, which is no moment of it", known.name));
                }
                let is_reached = at.wall.is_some_and(|wall| moment <= wall) || (waits && moment <= self.high);
                if !is_reached {
                    return self.fail(early, format!("t{} runs for {moment} at {:?}", known.name, at.wall));
                }
                if moment < known.low {
                    return self.fail(early, format!("t{} runs for {moment}, before it was there", known.name));
                }
                Some(Occurrence::Calendar(moment))
            }
            Cause::Boot(elapsed) => {
                if at.mono - self.boot < elapsed as i64 || known.registered.0 == self.life {
                    return self.fail(early, format!("t{} at boot after {elapsed}", known.name));
                }
                Some(Occurrence::Boot(self.life, elapsed))
            }
            Cause::Registration(elapsed) => {
                let (life, registered) = known.registered;
                if life == self.life && at.mono - registered < elapsed as i64 {
                    return self.fail(early, format!("t{} registered {registered}, after {elapsed}", known.name));
                }
                Some(Occurrence::Registration(definition, elapsed))
            }
            Cause::Idle => {
                let duration = plan.idle.map_or(600, |(duration, _)| duration) as i64 * SECOND;
                if !waits && self.idle_since.is_none_or(|since| at.mono - since < duration) {
                    return self.fail(early, format!("t{} as if the machine were idle", known.name));
                }
                None
            }
            Cause::Event | Cause::Session | Cause::Demand => None,
        };
        if let Some(occurrence) = occurrence {
            let tries = plan.restart.map_or(0, |(count, _)| count);
            match self.claims.get_mut(&(task, occurrence)) {
                None => {
                    self.claims.insert((task, occurrence), (guid, 0));
                }
                Some((before, attempts)) => {
                    let failed = self.instances.get(before).is_some_and(|instance| instance.failed);
                    if !failed || *attempts >= tries {
                        return self.fail("never twice", format!("t{} {occurrence:?}", known.name));
                    }
                    (*before, *attempts) = (guid, *attempts + 1);
                }
            }
        }
        if let Cause::Calendar(Timestamp(moment)) = cause
            && let Some(known) = self.tasks.get_mut(&task)
        {
            known.floor = known.floor.max(moment);
            known.ran = known.ran.max(moment);
        }
        self.account(task, cause);
    }

    /// A run stands for what is to be accounted for.
    fn account(&mut self, task: u32, cause: Cause) {
        self.active.insert(task, self.last.mono);
        let kind = match cause {
            Cause::Event => Wanted::Event,
            Cause::Session => Wanted::Session,
            Cause::Idle => Wanted::Idle,
            _ => Wanted::Exactly(cause),
        };
        if !matches!(kind, Wanted::Exactly(_)) {
            // Nobody can tell them apart: it stands for the one that must come first.
            let of_kind =
                self.items.iter().enumerate().filter(|(_, item)| item.task == task && item.wanted.contains(&kind));
            if let Some((place, _)) = of_kind.min_by_key(|(_, item)| item.until) {
                self.items.remove(place);
            }
            return;
        }
        self.items.retain(|item| {
            let fits = |wanted: &Wanted| match (*wanted, cause) {
                (Wanted::Since(first), Cause::Calendar(Timestamp(moment))) => moment >= first,
                (wanted, _) => wanted == kind,
            };
            item.task != task || !item.wanted.iter().any(fits)
        });
    }

    fn recorded(&mut self, at: At, guid: Guid, action: u8, queued: bool) {
        let life = self.life;
        let Some(instance) = self.instances.get_mut(&guid) else { return };
        if queued {
            instance.queued = true;
            return;
        }
        let first = action == 0;
        let (was_queued, task, cause) = (instance.queued, instance.task, instance.cause);
        instance.started = Some((life, action));
        instance.ordered = false;
        instance.queued = false;
        if !first {
            return;
        }
        self.counts.runs += 1;
        if cause == Cause::Demand {
            return;
        }
        let Some(known) = self.tasks.get(&task) else { return };
        let (plan, machine) = (&known.plan, &self.machine);
        let idle = plan.idle.map(|(duration, _)| duration as i64 * SECOND);
        let not_idle = |idle| self.idle_since.is_none_or(|since| at.mono - since < idle);
        let hindered = if plan.mains && machine.on_batteries {
            Some("on batteries")
        } else if plan.network && !machine.network {
            Some("without a network")
        } else if plan.no_remote_app && machine.remote_app_session {
            Some("in the session of a remote application")
        } else if idle.is_some_and(not_idle) {
            Some("while the machine is used")
        } else if !known.enabled && !was_queued {
            Some("though it is disabled")
        } else {
            None
        };
        let name = known.name;
        if let Some(hindered) = hindered {
            self.fail("conditions hold", format!("t{name} starts {hindered}: {cause:?}"));
        }
        if matches!(cause, Cause::Calendar(_)) {
            self.walked.push((name, at.wall.unwrap_or(i64::MIN)));
        }
    }

    fn ordered(&mut self, guid: Guid, line: Option<&str>) {
        self.counts.starts += 1;
        let life = self.life;
        let rule = "started once, and recorded before";
        let Some(instance) = self.instances.get_mut(&guid) else {
            return self.fail(rule, format!("{guid} was never recorded"));
        };
        if instance.ordered || instance.started.is_none_or(|(recorded, _)| recorded != life) {
            let text = format!("{guid}: {instance:?}");
            return self.fail(rule, text);
        }
        instance.ordered = true;
        let name = self.tasks.get(&instance.task).map(|known| known.name);
        if let (Some(line), Some(name)) = (line, name)
            && !line.starts_with(&format!("t{name}v"))
        {
            self.fail("a run is of its task", format!("{line} is run for t{name}"));
        }
    }

    fn told(&mut self, event: &Event) {
        if let Some((task, reason)) = host::skip(event) {
            *self.counts.skips.entry(format!("{reason:?}")).or_default() += 1;
            self.token += 1;
            self.tokens.push((task, self.last.mono, self.token));
        }
        match *event {
            Event::InstanceStarted { task, instance } => {
                let running = self.running.entry(task).or_default();
                let others = running.len();
                running.insert(instance);
                if let Some(known) = self.tasks.get(&task)
                    && known.plan.policy != InstancesPolicy::Parallel
                    && others > 0
                {
                    let text = format!("t{} starts beside {others}", known.name);
                    self.fail("the policy holds", text);
                }
            }
            Event::InstanceEnded { task, instance, .. } => {
                self.running.entry(task).or_default().remove(&instance);
                self.active.insert(task, self.last.mono);
                if let Some(instance) = self.instances.get_mut(&instance) {
                    instance.ended = true;
                }
            }
            Event::Deleted { task } if !matches!(self.asked, Some(Asked::Delete(_))) => self.expired(task),
            Event::Lost { .. } => {
                // What of this moment was lost, nobody knows.
                let now = self.last.mono;
                let before = self.items.len();
                self.items.retain(|item| item.due < now && item.until > now);
                self.except(EVENTS_LOST, before - self.items.len());
            }
            Event::RecordDamaged { .. } => self.fail("records are whole", format!("{event:?}")),
            Event::StoreFailed { .. } if self.up => self.excused_until = self.last.mono + 90 * SECOND,
            _ => {}
        }
    }

    /// A task deleted itself.
    fn expired(&mut self, task: u32) {
        let Some(known) = self.tasks.get(&task).cloned() else { return };
        let ends = known.plan.when.iter().map(|when| match (when.end, &when.wants, when.repeat) {
            (Some(end), ..) => Some((end, when.shown)),
            (None, Wants::Once, None) => when.start.map(|start| (start, when.shown)),
            _ => None,
        });
        let ends: Option<Vec<_>> = ends.collect();
        let zone = self.last.zone;
        let last =
            ends.and_then(|ends| ends.into_iter().map(|(civil, shown)| self.times.moment(civil, shown, zone)).max());
        let at = last.zip(known.plan.delete_after).map(|(last, after)| last + after as i64 * SECOND);
        if at.zip(self.last.wall).is_none_or(|(at, wall)| at > wall) {
            self.fail("a task is there until it is deleted", format!("t{} went by itself before {at:?}", known.name));
        }
        self.settle(i64::MAX, Some(task));
        self.tasks.remove(&task);
        self.items.retain(|item| item.task != task);
    }

    // --- what goes in -----------------------------------------------------------------------------------------------

    pub(crate) fn born(&mut self, at: At) {
        self.life += 1;
        self.counts.lives += 1;
        (self.boot, self.up, self.closing) = (at.mono, true, false);
        (self.machine, self.idle_since) = (Machine::default(), None);
        self.high = at.wall.unwrap_or(i64::MIN);
        self.tokens.clear();
        self.count_time(at);
        self.note(|| "the server starts".to_owned());
        self.excused_until = i64::MIN;
    }

    fn count_time(&mut self, at: At) {
        self.counts.task_time += (at.real - self.last.real) * self.tasks.len() as i64;
        self.last = at;
    }

    pub(crate) fn died(&mut self, at: At) {
        self.unknown_from = at.wall.or(self.unknown_from);
        self.carry(|_| true);
        self.items.clear();
        self.up = false;
        self.count_time(at);
    }

    /// What is owed, or was to come, is so again when that is next looked at.
    fn carry(&mut self, is_meant: impl Fn(&Item) -> bool) {
        let (meant, rest) = std::mem::take(&mut self.items).into_iter().partition(is_meant);
        self.items = rest;
        let mut meant: Vec<Item> = meant;
        meant.sort_by_key(|item| item.until);
        for item in meant {
            if self.is_told(&item) {
                continue;
            }
            let first = item.wanted.iter().filter_map(|wanted| match *wanted {
                Wanted::Exactly(Cause::Calendar(Timestamp(moment))) | Wanted::Since(moment) => Some(moment),
                _ => None,
            });
            if let Some(first) = first.min()
                && let Some(known) = self.tasks.get_mut(&item.task)
            {
                if first < known.ran {
                    *self.counts.exceptions.entry(RAN_LATER).or_default() += 1;
                    continue;
                }
                known.carried = known.carried.into_iter().chain([first]).min();
            }
        }
    }

    pub(crate) fn ticks(&mut self) {
        self.items.iter_mut().for_each(|item| item.asleep = false);
    }

    pub(crate) fn closes(&mut self) {
        self.closing = true;
    }

    pub(crate) fn ends(&mut self, at: At) {
        self.settle(at.mono, None);
        self.count_time(at);
    }

    fn number_of(&self, name: usize) -> Option<u32> {
        self.tasks.iter().find(|(_, known)| known.name == name).map(|(number, _)| *number)
    }

    /// After a start: which tasks there are, by name, with number, version and whether they are enabled.
    pub(crate) fn loaded(&mut self, at: At, found: &[(usize, u32, Option<u32>, bool)]) {
        let asked = self.asked.take();
        let rule = "acknowledged is durable";
        for name in 0..NAMES {
            let there = found
                .iter()
                .find(|(found, ..)| *found == name)
                .map(|&(_, number, version, enabled)| (number, version, enabled));
            let known = self.number_of(name);
            let expected = known.map(|number| (number, Some(self.tasks[&number].version), self.tasks[&number].enabled));
            if there == expected {
                continue;
            }
            match (&asked, there) {
                (Some(Asked::Register(asked, wanted, wall)), Some((number, Some(version), enabled)))
                    if *asked == name && version == *wanted =>
                {
                    // The floor is lifted with what comes after the entry.
                    let floor = self.tasks.get(&number).map_or(i64::MIN, |known| known.floor);
                    let is_new = known != Some(number);
                    if is_new && let Some(known) = known {
                        self.tasks.remove(&known);
                    }
                    self.adopt(At { wall: *wall, ..at }, name, version, number);
                    let plan_enabled = self.plans[&version].enabled;
                    if enabled != plan_enabled {
                        self.fail(rule, format!("t{name} is registered, and enabled: {enabled}"));
                    }
                    if let Some(known) = self.tasks.get_mut(&number) {
                        // That was in another life.
                        (known.registered, known.floor) = ((0, 0), floor);
                    }
                }
                (Some(Asked::Delete(asked)), None) if *asked == name => {
                    if let Some(number) = known {
                        self.tasks.remove(&number);
                    }
                }
                (Some(Asked::Enable(asked, wanted)), Some((number, _, enabled)))
                    if *asked == name && enabled == *wanted =>
                {
                    if let Some(known) = self.tasks.get_mut(&number) {
                        (known.enabled, known.since) = (enabled, None);
                    }
                }
                // A task that deletes itself may have come that far when the power was cut.
                (_, None) if known.is_some_and(|number| self.tasks[&number].plan.delete_after.is_some()) => {
                    if let Some(number) = known {
                        self.tasks.remove(&number);
                    }
                }
                _ => self.fail(rule, format!("t{name} is {there:?} and not {expected:?}")),
            }
        }
        for (guid, instance) in &self.instances {
            let earlier = instance.started.is_some_and(|(life, _)| life != self.life);
            if earlier && !instance.ended && instance.recovered != self.life {
                let text = format!("{guid} {instance:?}");
                return self.fail("what started is looked for", text);
            }
        }
        if let Some(wall) = at.wall {
            self.went_by(wall);
        }
    }

    pub(crate) fn asks_to_register(&mut self, name: usize, version: u32, plan: &Rc<Plan>) {
        self.plans.insert(version, Rc::clone(plan));
        self.asked = Some(Asked::Register(name, version, self.last.wall));
    }

    pub(crate) fn registered(&mut self, at: At, name: usize, version: u32, number: u32, is_done: bool) {
        if is_done {
            self.asked = None;
            self.adopt(at, name, version, number);
        } else if self.store_fails {
            self.asked = None;
        }
    }

    fn adopt(&mut self, at: At, name: usize, version: u32, number: u32) {
        let plan = Rc::clone(&self.plans[&version]);
        let before = self.tasks.get(&number);
        let floor = before.map_or(i64::MIN, |known| known.floor.min(at.wall.unwrap_or(i64::MAX)));
        let known = Known {
            name,
            version,
            enabled: plan.enabled,
            plan,
            since: at.wall,
            low: at.wall.unwrap_or(i64::MIN),
            floor,
            ran: i64::MIN,
            registered: (self.life, at.mono),
            carried: None,
        };
        self.tasks.insert(number, known);
        // A floor that a wrong clock set too high is lifted.
        let wall = at.wall.unwrap_or(i64::MAX);
        self.claims.retain(|(task, occurrence), _| {
            *task != number || !matches!(occurrence, Occurrence::Calendar(moment) if *moment > wall)
        });
        self.drop_items(number, REGISTERED_ANEW, |_| true);
    }

    fn drop_items(&mut self, task: u32, why: &'static str, is_meant: impl Fn(&Item) -> bool) {
        let before = self.items.len();
        self.items.retain(|item| item.task != task || !is_meant(item));
        let dropped = before - self.items.len();
        if dropped > 0 {
            self.except(why, dropped);
        }
    }

    pub(crate) fn asks_to_delete(&mut self, name: usize) {
        self.asked = Some(Asked::Delete(name));
    }

    pub(crate) fn deleted(&mut self, name: usize, is_done: bool) {
        if is_done && let Some(number) = self.number_of(name) {
            self.tasks.remove(&number);
            self.items.retain(|item| item.task != number);
        }
        if is_done || self.store_fails {
            self.asked = None;
        }
    }

    pub(crate) fn asks_to_enable(&mut self, name: usize, enabled: bool) {
        self.asked = Some(Asked::Enable(name, enabled));
    }

    pub(crate) fn enabled(&mut self, at: At, name: usize, enabled: bool, is_done: bool) {
        if is_done && let Some(number) = self.number_of(name) {
            let is_owed = |item: &Item| matches!(item.wanted[..], [Wanted::Since(_)]);
            if !enabled {
                // The host slept, and did not tick since.
                self.drop_items(number, DISABLED, |item| item.asleep || (item.due <= at.mono && item.until <= at.mono));
            }
            let known = self.tasks.get_mut(&number).expect("a task");
            if known.enabled != enabled {
                known.enabled = enabled;
                known.carried = None;
                known.since = at.wall;
                self.drop_items(number, DISABLED, is_owed);
            }
        }
        if is_done || self.store_fails {
            self.asked = None;
        }
    }

    /// Somebody asked for a run.
    pub(crate) fn ran(&mut self, name: usize, result: Result<Guid, Refused>) {
        match result {
            Ok(guid) => {
                self.counts.demanded += 1;
                if !self.instances.contains_key(&guid) {
                    self.fail("acknowledged is durable", format!("a run of t{name} has no record"));
                }
            }
            Err(_) => {
                // What was told of it stands for no occurrence; it was the last that was told.
                let number = self.number_of(name);
                if self.tokens.last().is_some_and(|&(task, at, _)| Some(task) == number && at == self.last.mono) {
                    self.tokens.pop();
                }
            }
        }
    }

    pub(crate) fn stopped(&mut self, at: At, name: usize) {
        if let Some(number) = self.number_of(name) {
            self.drop_items(number, STOPPED, |item| item.due < at.mono);
        }
    }

    pub(crate) fn machine(&mut self, at: At, machine: Machine) {
        if machine.idle != self.machine.idle {
            if !machine.idle {
                // The host slept, and somebody came before it ticked.
                for number in self.tasks.keys().copied().collect::<Vec<_>>() {
                    self.drop_items(number, IDLE_NO_MORE, |item| {
                        item.wanted.contains(&Wanted::Idle) && item.until >= at.mono && item.due <= at.mono
                    });
                }
            }
            self.idle_since = machine.idle.then_some(at.mono);
        }
        self.machine = machine;
    }

    pub(crate) fn session(&mut self, at: At, logon: bool) {
        self.happened(at, Wanted::Session, |when| match when.wants {
            Wants::Logon(delay) if logon => Some(delay),
            Wants::Lock(delay) if !logon => Some(delay),
            _ => None,
        });
    }

    pub(crate) fn event(&mut self, at: At, id: u16) {
        self.happened(at, Wanted::Event, |when| match when.wants {
            // Of those that are counted one is not watched alone.
            Wants::Event(wanted, delay, count) if wanted == id && count < 2 => Some(delay),
            _ => None,
        });
    }

    fn happened(&mut self, at: At, wanted: Wanted, delay: impl Fn(&When) -> Option<u64>) {
        for (&task, known) in self.tasks.iter().filter(|(_, known)| known.enabled) {
            for when in known.plan.when.iter().filter(|when| when.enabled) {
                let Some(delay) = delay(when) else { continue };
                let until = at.mono + delay as i64 * SECOND + patience(&known.plan);
                self.items.push(Item {
                    task,
                    wanted: vec![wanted],
                    due: at.mono,
                    until,
                    excused: self.store_fails,
                    turn: false,
                    asleep: false,
                });
            }
        }
    }

    pub(crate) fn zone_changed(&mut self, at: At) {
        self.last = at;
        if !self.zones.contains(&at.zone) {
            self.zones.push(at.zone);
        }
        for number in self.tasks.keys().copied().collect::<Vec<_>>() {
            self.drop_items(number, ANOTHER_ZONE, |item| item.asleep || matches!(item.wanted[..], [Wanted::Since(_)]));
            if let Some(known) = self.tasks.get_mut(&number) {
                known.carried = None;
            }
        }
    }

    /// Time went by while the server was up.
    pub(crate) fn passed(&mut self, before: At, after: At, how: Passed) {
        // What is due at this very moment may still be told, unless the host goes on as it had nothing to tick for.
        self.settle(before.mono + i64::from(how == Passed::Awake), None);
        self.count_time(after);
        if how == Passed::Asleep {
            // Whatever the sleep passed over is told with the first tick after it.
            for item in &mut self.items {
                let again = self.tasks.get(&item.task).map_or(0, |known| patience(&known.plan));
                // It may be tried again only then.
                let until = if item.until > item.due { after.mono + again } else { after.mono };
                item.until = item.until.max(until);
            }
        }
        if let Some(wall) = after.wall {
            self.high = self.high.max(wall);
            for known in self.tasks.values_mut() {
                known.low = known.low.min(wall);
            }
        }
        if self.closing {
            return;
        }
        if how == Passed::Set {
            self.counts.steps += 1;
            // What the host did not tick for yet is missed.
            self.carry(|item| item.asleep || (item.due <= after.mono && item.until <= after.mono));
            match (before.wall, after.wall) {
                (_, Some(wall)) => {
                    self.unknown_from = before.wall.or(self.unknown_from);
                    self.went_by(wall);
                }
                (Some(wall), None) => {
                    self.unknown_from = Some(wall);
                    self.carry(|item| matches!(item.wanted[..], [Wanted::Since(_)]));
                }
                (None, None) => {}
            }
            return;
        }
        let numbers: Vec<u32> = self.tasks.keys().copied().collect();
        for number in numbers {
            self.dues(number, before, after, how);
        }
    }

    /// What a task is due for after one moment and until another.
    fn dues(&mut self, number: u32, before: At, after: At, how: Passed) {
        let known = &self.tasks[&number];
        let (plan, version, floor) = (Rc::clone(&known.plan), known.version, known.floor);
        let mut dues: BTreeMap<i64, Vec<Wanted>> = BTreeMap::new();
        if let (Some(from), Some(until)) = (before.wall, after.wall) {
            let moments = self.times.moments(version, &plan, after.zone);
            let due = between(&moments, from, until);
            if !self.tasks[&number].enabled {
                if !due.is_empty() {
                    self.except(DISABLED, due.len());
                }
                return;
            }
            for &moment in due.iter().filter(|moment| **moment > floor) {
                let mono = after.mono - (until - moment);
                dues.entry(mono).or_default().push(Wanted::Exactly(Cause::Calendar(Timestamp(moment))));
            }
            if let Some(known) = self.tasks.get_mut(&number) {
                known.floor = known.floor.max(due.last().copied().unwrap_or(i64::MIN));
            }
        }
        let known = &self.tasks[&number];
        if !known.enabled {
            return;
        }
        for when in plan.when.iter().filter(|when| when.enabled) {
            let (event, cause): (i64, &dyn Fn(i64) -> Wanted) = match when.wants {
                Wants::Boot(_) if known.registered.0 != self.life => {
                    (self.boot, &|elapsed| Wanted::Exactly(Cause::Boot(elapsed.unsigned_abs())))
                }
                Wants::Registration(_) if known.registered.0 == self.life => {
                    (known.registered.1, &|elapsed| Wanted::Exactly(Cause::Registration(elapsed.unsigned_abs())))
                }
                Wants::Idle if self.idle_since.is_some() => (self.idle_since.unwrap_or(0), &|_| Wanted::Idle),
                _ => continue,
            };
            let delay = times::delay(when, &plan).unwrap_or(0);
            for elapsed in times::elapsed(when, delay, before.mono - event, after.mono - event) {
                dues.entry(event + elapsed).or_default().push(cause(elapsed));
            }
        }
        let late = LATE_TIME as i64;
        let mut passed_over = 0;
        let catches_up_all = plan.catch_up.as_ref().is_some_and(|wish| wish.starts_with("all"));
        let owed = self.items.iter().any(|item| item.task == number && matches!(item.wanted[..], [Wanted::Since(_)]));
        // When a registration trigger of an earlier life is due, only the engine knows.
        let unknown = known.registered.0 != self.life
            && plan.when.iter().any(|when| when.enabled && matches!(when.wants, Wants::Registration(_)));
        for (place, (mono, wanted)) in dues.into_iter().enumerate() {
            if how == Passed::Asleep && (place > 0 || owed || unknown) && mono < after.mono - late {
                passed_over += 1;
                continue;
            }
            // One that is owed all of them has each in its turn.
            let turn = catches_up_all;
            let turns = if turn { self.turns() } else { 0 };
            let until = mono.max(if how == Passed::Asleep { after.mono } else { mono }) + patience(&plan) + turns;
            self.items.push(Item {
                task: number,
                wanted,
                due: mono,
                until,
                excused: self.store_fails,
                turn,
                asleep: how == Passed::Asleep,
            });
        }
        if passed_over > 0 {
            self.except(LATE_TICK, passed_over);
        }
    }

    /// In how many milliseconds each task has had its turn to run what it is owed.
    fn turns(&self) -> i64 {
        (QUIET_TIME + SPREAD_TIME * (NAMES as u64 + 1)) as i64 + MINUTE
    }

    /// The wall clock shows this time, and there are some that nobody saw it show.
    fn went_by(&mut self, wall: i64) {
        let Some(from) = self.unknown_from.take() else { return };
        let zone = self.last.zone;
        let turns = self.turns();
        // What lies ahead again is not owed any more.
        self.items.retain(|item| !matches!(item.wanted[..], [Wanted::Since(first)] if first >= wall));
        for number in self.tasks.keys().copied().collect::<Vec<_>>() {
            let Some(known) = self.tasks.get_mut(&number) else { continue };
            known.low = known.low.min(wall);
            let carried = known.carried.take().filter(|first| *first < wall);
            let (plan, version, floor, since, enabled) =
                (Rc::clone(&known.plan), known.version, known.floor, known.since, known.enabled);
            let moments = self.times.moments(version, &plan, zone);
            let after = from.max(since.unwrap_or(from)).max(floor);
            let mut missed: Vec<i64> = between(&moments, after, wall - 1).to_vec();
            missed.extend(carried);
            let Some(&first) = missed.iter().min() else { continue };
            // Each is told, or owed, once: a step back brings none of them again.
            known.floor = known.floor.max(missed.iter().copied().max().unwrap_or(first));
            if !enabled {
                self.except(DISABLED, missed.len());
                continue;
            }
            if since.is_none() {
                self.except(UNKNOWN_SINCE, missed.len());
                continue;
            }
            let wishes = match plan.catch_up.as_deref() {
                Some("skip") => false,
                Some(_) => true,
                None => plan.available,
            };
            let now = self.last.mono;
            let until = if wishes { now + turns + patience(&plan) } else { now };
            // What was owed before is owed with it.
            let mut first = first;
            self.items.retain(|item| match item.wanted[..] {
                [Wanted::Since(before)] if item.task == number => {
                    first = first.min(before);
                    false
                }
                _ => true,
            });
            let wanted = vec![Wanted::Since(first)];
            let item =
                Item { task: number, wanted, due: now, until, excused: self.store_fails, turn: true, asleep: false };
            self.items.push(item);
        }
    }

    /// Whether a skip was told that stands for this and for nothing else.
    fn is_told(&mut self, item: &Item) -> bool {
        let place = self.tokens.iter().position(|token| token.0 == item.task && token.1 >= item.due);
        place.map(|place| self.tokens.remove(place)).is_some()
    }

    /// Whatever had to be told before this moment was told.
    fn settle(&mut self, limit: i64, only: Option<u32>) {
        let (now, all) = (self.last.mono, limit == i64::MAX);
        if self.items.is_empty() {
            return;
        }
        let failing = self.store_fails || now < self.excused_until;
        let mut items = std::mem::take(&mut self.items);
        items.sort_by_key(|item| item.until);
        let mut kept = Vec::with_capacity(items.len());
        for mut item in items {
            let is_meant = only.is_none_or(|task| item.task == task);
            if !is_meant || item.until >= limit {
                kept.push(item);
                continue;
            }
            if self.is_told(&item) {
                continue;
            }
            if failing && !all {
                item.excused = true;
                kept.push(item);
                continue;
            }
            let is_busy = self.running.get(&item.task).is_some_and(|running| !running.is_empty());
            let is_active = self.active.get(&item.task).is_some_and(|at| now - at <= self.turns());
            if item.turn && (is_busy || is_active) && !all {
                // One that is owed all of them waits for the end of each.
                item.until = now + self.turns();
                kept.push(item);
                continue;
            }
            if item.excused {
                self.except(STORE_FAILED, 1);
                continue;
            }
            let name = self.tasks.get(&item.task).map(|known| known.name);
            self.fail("never lost", format!("t{name:?} {item:?} at {:?}", self.last));
        }
        kept.extend(std::mem::take(&mut self.items));
        self.items = kept;
        let old = now - 400 * MINUTE * 60;
        if self.tokens.len() > 64 {
            self.tokens.retain(|token| token.1 > old);
        }
    }
}

/// For how many milliseconds a run of a plan may wait after it is due.
fn patience(plan: &Plan) -> i64 {
    let random = plan.when.iter().map(|when| when.random).max().unwrap_or(0);
    let idle = plan.idle.map_or(0, |(_, timeout)| timeout);
    let again = plan.restart.map_or(0, |(count, interval)| u64::from(count) * (interval + idle));
    (random + idle + again) as i64 * SECOND
}
