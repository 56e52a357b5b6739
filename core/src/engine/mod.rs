//! Which task runs when: due queue, life of an instance, policies. Sole owner of the store.
//!
//! The engine knows no RPC. Services call it, the scheduler ticks it and drains its [`Order`]s and events. It reads no
//! clock: [`Context`] carries the time.
//!
//! # When a task fires
//!
//! - Time and calendar triggers follow the wall clock and wait while it is unknown. Boot and registration triggers, their
//!   delays and repetitions, follow the monotonic clock; only their boundaries, if they have any, need the wall clock.
//! - Two triggers of one task that are due at the same moment fire it once, as the first of them in the definition.
//! - A boot trigger counts for definitions that were there when the engine was loaded. A registration trigger goes on over
//!   a restart where it was, if the time was known when the task was registered, as soon as it is known again.
//! - What was due while the server was down, or was passed over by a step of the wall clock of more than
//!   [`LATE_TIME`](crate::limits::LATE_TIME), runs if the task asks for that ([`CatchUp`]), and otherwise not. After a stall of the host the occurrence that each task was due
//!   for runs, and of those behind it the ones that are late by no more than that. After a step back nothing that ran before runs again: the
//!   latest fired occurrence is kept with the task and is a floor. Registering the task anew lifts a floor that a wrong clock
//!   set too high.
//!
//! What does not run is told with its reason, and noted beside the runs in a [history](Engine::history) that a restart keeps.
//! What is done about a clock that nobody knows, or that steps, is said in [`time::trust`](crate::time::trust).
//!
//! # At most once
//!
//! The started record of an instance is durable before [`Order::Start`] is given; it carries the occurrence. After a
//! power cut the instance is there, is asked for with [`Order::Recover`], and its occurrence never fires again. A firing
//! whose record could not be stored does not run; it is told as skipped, and the next occurrence is armed.
//!
//! A run that waits for a predecessor has a record that says so before its identifier is given away. The same record is
//! written as started when its turn comes, which no restart and no end of the server takes from it: only who stops it,
//! deletes its task or lets another run take its place drops it.
//!
//! The store gets a list of changes when an instance has to wait for others, when it starts, when it ends, and for every further
//! action. What the history has to say is in the list of an end, where up to five entries wait for each other for some minutes;
//! only of what did not run it has lists of its own. [`Engine::written`] counts it.
//!
//! A run that waits for its moment has no record, as long as the calendar would find its occurrence again. When a later
//! occurrence of its task is about to be settled it gets one. What is refused, dropped or stopped while it waits is settled with
//! that, so that no restart makes up for it.
//!
//! What is limited by the end of a Duration runs for as long as there was left by the clocks when it started, wherever the wall clock goes
//! meanwhile. A task that is disabled does not expire.
//!
//! # What failed is not lost
//!
//! When the store fails, the call gets the error and memory stays as it was. Only that an instance ended, or was dropped
//! while it waited, cannot be refused: it is kept in its slot and written again with later ticks. A run whose turn or moment has
//! come goes on waiting until it can be recorded as started.
//!
//! A tick ends with the first failure, and until [`RETRY_TIME`](crate::limits::RETRY_TIME) is over nothing fires, so
//! that a store whose failures take long holds up the host once in that time. What is due meanwhile fires then.

mod asked;
mod catch_up;
mod clocks;
mod credentials;
mod entry;
mod enumerate;
mod fire;
mod happened;
mod heap;
mod instances;
mod launch;
mod ledger;
mod list;
mod load;
mod machine;
mod maintenance;
mod members;
mod names;
mod plan;
mod queue;
mod rearm;
mod refused;
mod register;
mod run_as;
mod security;
mod slots;
mod tell;
mod turns;
mod views;
mod waiting;
mod wish;

#[doc(no_inline)]
pub use crate::store::{HISTORY_ENTRIES, Happened, Happening, Started, Written};
pub use catch_up::CatchUp;
pub use credentials::CredentialSlot;
pub use happened::{Session, SessionChange};
pub use ledger::{LATEST, latest};
pub use machine::Machine;
pub use refused::Refused;
pub use security::{ROOT_SECURITY, Viewer};
pub use slots::{InstanceSlot, Memory, TaskSlot};
pub use views::{
    Command, Creation, Deadline, Definition, Entry, Enumerated, Handler, InstanceInfo, LastRun, Loaded, Order,
    OtherUser, Registration, RunAs, TaskIndex, TaskState, Whom, Work,
};

use crate::{
    event::Event,
    limits::EVENTS,
    ports::{Entropy, Sessions, Store},
    time::{Monotonic, Now, zone::Zone},
};
use list::Link;
use slots::{Used, flag};

/// What every call that may touch the store or the clock needs.
pub struct Context<'c> {
    /// What the clocks say.
    pub now: Now,
    /// Where local time is.
    pub zone: &'c Zone<'c>,
    /// Records.
    pub store: &'c mut dyn Store,
    /// Random bytes.
    pub entropy: &'c mut dyn Entropy,
    /// Who is logged on.
    pub sessions: &'c dyn Sessions,
}

/// What the root folder holds; other folders keep it in their slots.
#[derive(Debug, Clone, Copy, Default)]
struct Root {
    last_task: Link,
    last_folder: Link,
    /// It was given a security descriptor.
    secured: bool,
}

/// The engine. See the module.
#[derive(Debug)]
pub struct Engine<'a> {
    memory: Memory<'a>,
    key: names::HashKey,
    root: Root,
    tasks: Used,
    instances: Used,
    /// The tasks that are due first by the wall and by the monotonic clock.
    first: [queue::Winner; 2],
    /// Instances that have a deadline.
    deadlines: u32,
    /// The last instance that has an order for the host.
    orders: Link,
    events: heapless::Deque<Event, EVENTS>,
    lost: u32,
    next_task: u32,
    next_definition: u32,
    /// Behind the turns of all that wait.
    next_turn: u32,
    /// When the engine was loaded.
    boot: Monotonic,
    /// The clocks as they were last seen.
    seen: Now,
    /// Instances that have ended and whose result is not durable.
    unrecorded: u32,
    /// Instances wait although nothing that they wait for runs: the store failed, or has just been read.
    stalled: bool,
    /// The queues must be rebuilt, because the store failed when they were.
    rearm: bool,
    /// When what the store refused is tried again.
    retry: Monotonic,
    /// The store failed in a tick: until `retry` no other tick tries it, and nothing fires.
    held: bool,
    /// Nothing is started any more.
    closing: bool,
    machine: machine::State,
    ledger: ledger::Ledger,
    listeners: happened::Listeners,
    /// There is a task that is Volatile.
    volatile: bool,
    written: Written,
    turns: catch_up::Turns,
    /// Slots of credentials at and above it were never used.
    counted: usize,
    /// There are tasks that could not be counted, so that nobody knows which credential is not needed.
    uncounted: bool,
}

impl<'a> Engine<'a> {
    /// An engine without tasks; call [`load`](Self::load) next.
    #[must_use]
    pub fn new(memory: Memory<'a>) -> Self {
        Self {
            ledger: ledger::Ledger::new(memory.history),
            written: Written::default(),
            listeners: happened::Listeners::default(),
            volatile: false,
            memory,
            key: names::HashKey::default(),
            root: Root::default(),
            tasks: Used::default(),
            instances: Used::default(),
            first: [queue::Winner::default(); 2],
            deadlines: 0,
            orders: Link::NONE,
            events: heapless::Deque::new(),
            lost: 0,
            next_task: 1,
            next_definition: 1,
            next_turn: 0,
            boot: Monotonic(0),
            seen: Now { monotonic: Monotonic(0), wall: None },
            unrecorded: 0,
            stalled: false,
            rearm: false,
            retry: Monotonic(0),
            held: false,
            closing: false,
            machine: machine::State::default(),
            turns: catch_up::Turns::default(),
            counted: 0,
            uncounted: false,
        }
    }

    /// What was written to the store since the engine was made.
    #[must_use]
    pub const fn written(&self) -> Written {
        self.written
    }

    /// How many tasks and folders there may be: what the shortest of the lent slices has room for.
    fn capacity(&self) -> usize {
        self.memory.tasks.len().min(self.memory.queue.len() / queue::WORDS).min(self.memory.index.len() / 2)
    }

    fn clocks<'c>(&self, cx: &Context<'c>) -> clocks::Clocks<'c> {
        let milliseconds = |Monotonic(at)| i64::try_from(at).unwrap_or(i64::MAX);
        let idle = self.machine.idle_since().map(milliseconds);
        clocks::Clocks { now: cx.now, zone: cx.zone, boot: milliseconds(self.boot), idle }
    }

    /// The slot of a task, not of a folder.
    fn task(&self, task: TaskIndex) -> Result<&TaskSlot, Refused> {
        let slot = self.memory.tasks.get(task.0 as usize).filter(|slot| slot.number != 0).ok_or(Refused::NotFound)?;
        if slot.has(flag::FOLDER) { Err(Refused::NotATask) } else { Ok(slot) }
    }

    /// Lets `change` work on a slot that is in use.
    fn with_task(&mut self, index: u32, change: impl FnOnce(&mut TaskSlot)) {
        if let Some(slot) = self.memory.tasks.get_mut(index as usize) {
            change(slot);
        }
    }

    fn with_instance(&mut self, index: u32, change: impl FnOnce(&mut InstanceSlot)) {
        if let Some(slot) = self.memory.instances.get_mut(index as usize) {
            change(slot);
        }
    }

    /// The due queue.
    fn queue(&mut self) -> queue::Queue<'_, TaskSlot> {
        queue::Queue::new(self.memory.tasks, self.memory.queue, &mut self.first)
    }

    /// The queue of the instances' deadlines.
    fn deadlines(&mut self) -> heap::Deadlines<'_> {
        heap::Deadlines { instances: self.memory.instances, len: &mut self.deadlines }
    }

    /// Takes a task out of the due queue.
    fn disarm(&mut self, index: u32) {
        self.queue().disarm(index);
        self.with_task(index, |task| {
            task.set(flag::ARMED | flag::RETRY | flag::DELAYED | flag::EXPIRES, false);
        });
    }

    /// Puts a task into the due queue for its next firing, if it has one and may be started.
    fn arm(&mut self, index: u32, next: plan::Next) {
        let Some(task) = self.memory.tasks.get_mut(index as usize) else { return };
        match task.apply(next) {
            Some((at, relative)) => self.queue().arm(index, at, relative),
            None => self.queue().disarm(index),
        }
    }

    /// Looks at a task again after a while, because its definition could not be read.
    fn arm_retry(&mut self, index: u32, now: Now) {
        let at = i64::try_from(now.monotonic.plus(crate::limits::RETRY_TIME).0).unwrap_or(i64::MAX);
        let moment = Some(clocks::Moment { at, relative: true });
        self.arm(index, plan::Next { moment, delayed: false, expires: false });
        self.with_task(index, |task| task.set(flag::RETRY, true));
    }
}

impl queue::Numbered for TaskSlot {
    fn number(&self) -> u32 {
        self.number
    }
}

impl TaskSlot {
    /// Notes why the task is due next, and returns when, and whether by the monotonic clock, for the due queue.
    fn apply(&mut self, next: plan::Next) -> Option<(i64, bool)> {
        let moment = next.moment.filter(|_| self.has(flag::ENABLED));
        self.set(flag::ARMED, moment.is_some());
        self.set(flag::DELAYED, next.delayed && moment.is_some());
        self.set(flag::EXPIRES, next.expires && moment.is_some());
        self.set(flag::RETRY, false);
        if let Some(moment) = moment {
            self.set(flag::RELATIVE, moment.relative);
        }
        moment.map(|moment| (moment.at, moment.relative))
    }
}
