//! The memory that the host lends: slots of tasks and instances, handed out from the front, so that slots beyond those
//! ever in use are never touched.

use super::{
    credentials::CredentialSlot,
    list::{Link, Linked, Links},
    views::OtherUser,
};
use crate::{
    guid::Guid,
    status::Status,
    store::Cause,
    time::{Monotonic, Timestamp},
};
use bytemuck::Zeroable;

/// One task or folder in memory. Zero is an unused slot.
///
/// A task's path and definition stay in the store: what is here is what finds it, arms it, and answers for its state.
#[derive(Debug, Clone, Copy, Zeroable)]
pub struct TaskSlot {
    /// Keyed hash of the case-folded full path.
    pub(super) hash: u64,
    /// The latest calendar occurrence that was fired.
    pub(super) floor: Timestamp,
    /// When the task was registered, in milliseconds of the monotonic clock; before its zero if negative. Of the wall
    /// clock while [`flag::UNRESOLVED`].
    pub(super) anchor: i64,
    /// Number in the store; zero marks an unused slot.
    pub(super) number: u32,
    /// Number of the definition.
    pub(super) definition: u32,
    /// Neighbours in the folder, or the next unused slot.
    pub(super) links: Links,
    /// A task's last instance, a folder's last task.
    pub(super) last: Link,
    /// A folder's last sub-folder. Of a task, when it [started last](Self::ran).
    pub(super) place: Link,
    /// See [`flag`].
    pub(super) flags: u32,
    /// Number of instances that were started and have not ended.
    pub(super) running: u16,
    /// Number of instances that wait.
    pub(super) queued: u8,
    /// Number of actions.
    pub(super) actions: u8,
}

// What 100,000 tasks cost, and what a microcontroller pays for 32, is a promise.
const _: () = assert!(size_of::<TaskSlot>() == 56);

/// Bits of [`TaskSlot::flags`].
pub(super) mod flag {
    /// A folder.
    pub(in super::super) const FOLDER: u32 = 1;
    /// May be started.
    pub(in super::super) const ENABLED: u32 = 1 << 1;
    /// Left out of enumerations unless asked for.
    pub(in super::super) const HIDDEN: u32 = 1 << 2;
    /// The moment for which it is in the due queue is of the monotonic clock.
    pub(in super::super) const RELATIVE: u32 = 1 << 3;
    /// A boot or registration trigger has fired and its delay runs.
    pub(in super::super) const DELAYED: u32 = 1 << 4;
    /// Its definition is missing or cannot be read.
    pub(in super::super) const DAMAGED: u32 = 1 << 5;
    /// Its registration triggers are to be ignored.
    pub(in super::super) const UNREGISTERED: u32 = 1 << 6;
    /// That moment is when to look at the definition again, not an occurrence.
    pub(in super::super) const RETRY: u32 = 1 << 7;
    /// Seen by the current scan.
    pub(in super::super) const SEEN: u32 = 1 << 8;
    /// Its boot triggers do not count, because this definition was not there when the scheduler started.
    pub(in super::super) const NOT_AT_BOOT: u32 = 1 << 9;
    /// Its folder has no entry, so that it is in no folder.
    pub(in super::super) const ORPHAN: u32 = 1 << 11;
    /// `anchor` is of the wall clock, because the time has not been known since the engine was loaded.
    pub(in super::super) const UNRESOLVED: u32 = 1 << 12;
    /// Its running instances are stopped when the machine goes on batteries.
    pub(in super::super) const STOP_ON_BATTERIES: u32 = 1 << 13;
    /// Its running instances are stopped when somebody uses the machine again.
    pub(in super::super) const STOP_ON_IDLE_END: u32 = 1 << 14;
    /// They are started again when nobody does any more.
    pub(in super::super) const RESTART_ON_IDLE: u32 = 1 << 15;
    /// One of them was stopped so, and waits for that.
    pub(in super::super) const STOPPED_BY_USE: u32 = 1 << 16;
    /// The machine is to be awake when it is due.
    pub(in super::super) const WAKE: u32 = 1 << 17;
    /// Has an idle trigger.
    pub(in super::super) const IDLE_TRIGGER: u32 = 1 << 18;
    /// Has an event trigger.
    pub(in super::super) const EVENT_TRIGGER: u32 = 1 << 19;
    /// Has a logon or session trigger.
    pub(in super::super) const SESSION_TRIGGER: u32 = 1 << 20;
    /// Occurrences were missed that it wants to have run.
    pub(in super::super) const OWED: u32 = 1 << 21;
    /// The moment is when that is, and not an occurrence.
    pub(in super::super) const CATCHING_UP: u32 = 1 << 22;
    /// It is noted from which channels it waits for events.
    pub(in super::super) const CHANNELS_NOTED: u32 = 1 << 24;
    /// From which: each of these stands for those whose names have one hash.
    pub(in super::super) const CHANNELS: u32 = 0x1F << 27;
    /// It keeps a security descriptor of its own, and does not have what its folder hands on.
    pub(in super::super) const SECURED: u32 = 1 << 26;
    /// Occurrences were missed, which are not counted yet.
    pub(in super::super) const MISSED: u32 = 1 << 25;
    /// The moment is when it is to be deleted, because it fires no more.
    pub(in super::super) const EXPIRES: u32 = 1 << 23;
    /// Has a due moment; while the queues are being rebuilt it stands for being in one.
    pub(in super::super) const ARMED: u32 = 1 << 10;
}

impl TaskSlot {
    /// A slot that is unused: all zeros, for memory that is made when a firmware is linked.
    pub const UNUSED: Self = Self {
        hash: 0,
        floor: Timestamp(0),
        anchor: 0,
        number: 0,
        definition: 0,
        links: Links::NONE,
        last: Link::NONE,
        place: Link::NONE,
        flags: 0,
        running: 0,
        queued: 0,
        actions: 0,
    };

    pub(super) const fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    pub(super) const fn set(&mut self, flag: u32, on: bool) {
        if on {
            self.flags |= flag;
        } else {
            self.flags &= !flag;
        }
    }

    /// When a task started last, to the minute before; `None` if it never did while the time was known.
    pub(super) fn ran(&self) -> Option<Timestamp> {
        self.place.index().map(|minutes| Timestamp(i64::from(minutes) * MINUTE))
    }

    /// Notes a start of a task, if it is the latest.
    pub(super) fn set_ran(&mut self, at: Timestamp) {
        if let Ok(minutes) = u32::try_from(at.0.div_euclid(MINUTE))
            && self.place.index().is_none_or(|before| before < minutes)
        {
            self.place = Link::to(minutes);
        }
    }
}

const MINUTE: i64 = 60_000;

impl Linked<TaskSlot> for TaskSlot {
    fn neighbours(&self) -> Links {
        self.links
    }
    fn neighbours_mut(&mut self) -> &mut Links {
        &mut self.links
    }
}

/// How far an instance has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Zeroable)]
#[repr(u8)]
pub(super) enum Phase {
    /// The slot is unused.
    Unused = 0,
    /// Waits until its predecessors have ended; its record says so.
    Queued,
    /// Its started record is durable, and the host has not answered yet.
    Starting,
    /// Runs.
    Running,
    /// Ran when the server died, and the host has not answered yet.
    Recovering,
    /// Has ended, and its result is not durable yet.
    Ended,
    /// Waits for a moment or an idle machine; only its arguments are in the store, if it has any.
    Waiting,
}

/// One running, queued or waiting instance. Zero is an unused slot.
///
/// The arguments it was asked to run with stay in its record in the store, where they are looked up when an action starts.
#[derive(Debug, Clone, Copy, Zeroable)]
pub struct InstanceSlot {
    pub(super) guid: Guid,
    /// When it started; [`Timestamp::MIN`] if the time was not known.
    pub(super) started: Timestamp,
    /// The occurrence, as [`Cause`] has it; otherwise when the repetition is over that it belongs to.
    moment: i64,
    /// Milliseconds it may run; zero for ever.
    pub(super) limit: u64,
    /// When to stop it, or to stop it for good; meaningful while it has a `place`.
    pub(super) deadline: Monotonic,
    /// The task, unless that was deleted.
    pub(super) task: Link,
    /// Number of the task in the store.
    pub(super) number: u32,
    /// Number of the definition that it started with.
    pub(super) definition: u32,
    /// Neighbours among the task's instances, or the next unused slot.
    links: Links,
    /// Neighbours among those with orders.
    orders: Links,
    /// A word of the queue of deadlines, which has nothing to do with this instance.
    pub(super) word: u32,
    /// Place in the queue of deadlines.
    pub(super) place: Link,
    pub(super) process: u32,
    /// The number of whom it is for, see [`whom_is`](Self::whom_is); zero if it is for whom its task names.
    whom: u32,
    /// Among those of its task that wait, the one with the lowest starts first. Of one that has ended, the code of its result.
    pub(super) turn: u32,
    pub(super) phase: Phase,
    cause: u8,
    /// Ordinal of the current action.
    pub(super) action: u8,
    /// See [`order`].
    pub(super) flags: u8,
    /// The ordinal of its trigger.
    pub(super) trigger: u8,
    /// How often it was tried before.
    pub(super) attempt: u8,
    /// One of [`wait`], while it waits; of one that starts, [`wait::RECORD`] or nothing.
    pub(super) waits_for: u8,
    /// See [`whom`].
    whom_is: u8,
}

/// What the number says that an instance has of whom it is for.
mod whom {
    /// A session: that of a member of the task's group.
    pub(super) const SESSION: u8 = 1;
    /// Another user than the task names.
    pub(super) const USER: u8 = 2;
}

/// What an instance waits for.
pub(super) mod wait {
    /// A moment of its trigger; `started` is when its event was, by the monotonic clock.
    pub(in super::super) const FIRES: u8 = 1;
    /// Another attempt.
    pub(in super::super) const AGAIN: u8 = 2;
    /// An idle machine: for `limit` milliseconds, until `started` by the monotonic clock.
    pub(in super::super) const IDLE: u8 = 3;
    /// Others: it is no run, but an event that was counted for its trigger.
    pub(in super::super) const COUNTED: u8 = 4;
    /// A part of a RandomDelay.
    pub(in super::super) const LATER: u8 = 5;
    /// The store, to have its next action recorded: it runs, and the host knows nothing of that action.
    pub(in super::super) const RECORD: u8 = 6;
}

// What a microcontroller pays for each run that it may have at once.
const _: () = assert!(size_of::<InstanceSlot>() <= 112);

/// Bits of [`InstanceSlot::flags`].
pub(super) mod order {
    /// To be told: start.
    pub(in super::super) const START: u8 = 1;
    /// To be told: recover.
    pub(in super::super) const RECOVER: u8 = 1 << 1;
    /// To be told: stop.
    pub(in super::super) const STOP: u8 = 1 << 2;
    /// To be told: stop for good.
    pub(in super::super) const STOP_HARD: u8 = 1 << 3;
    /// All that are to be told.
    pub(in super::super) const ANY: u8 = START | RECOVER | STOP | STOP_HARD;
    /// In the list of those with orders.
    pub(in super::super) const LISTED: u8 = 1 << 4;
    /// It was asked to stop.
    pub(in super::super) const STOPPING: u8 = 1 << 5;
    /// It may be stopped for good.
    pub(in super::super) const HARD: u8 = 1 << 6;
    /// Its record has arguments; or it waits, and has a record.
    pub(in super::super) const RECORD: u8 = 1 << 7;
}

impl InstanceSlot {
    /// A slot that is unused: all zeros, for memory that is made when a firmware is linked.
    pub const UNUSED: Self = Self {
        guid: Guid::NIL,
        started: Timestamp(0),
        moment: 0,
        limit: 0,
        deadline: Monotonic(0),
        task: Link::NONE,
        number: 0,
        definition: 0,
        links: Links::NONE,
        orders: Links::NONE,
        word: 0,
        place: Link::NONE,
        process: 0,
        whom: 0,
        turn: 0,
        phase: Phase::Unused,
        cause: 0,
        action: 0,
        flags: 0,
        trigger: 0,
        attempt: 0,
        waits_for: 0,
        whom_is: 0,
    };

    pub(super) const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Becomes what was in another slot, or in this one before; it is in no list then.
    pub(super) const fn resume(&mut self, before: &Self) {
        *self = Self { links: Links::NONE, orders: Links::NONE, place: Link::NONE, word: self.word, ..*before };
    }

    /// How it ended, if it started and has ended.
    pub(super) const fn result(&self) -> Status {
        Status(self.turn)
    }

    /// Whether policies count it as running.
    pub(super) const fn runs(&self) -> bool {
        matches!(self.phase, Phase::Starting | Phase::Running | Phase::Recovering)
    }

    /// Number of the session of the member of the task's group that it is for; zero if it is for nobody's.
    pub(super) const fn session(&self) -> u32 {
        if self.whom_is == whom::SESSION { self.whom } else { 0 }
    }

    /// The user that it is for instead of the one that its task names.
    pub(super) const fn user(&self) -> Option<OtherUser> {
        if self.whom_is == whom::USER { OtherUser::from_number(self.whom) } else { None }
    }

    /// Notes whom it is for: a member of the task's group, by the session, or another user than the task names, who is for no
    /// session.
    pub(super) const fn set_whom(&mut self, session: u32, user: Option<OtherUser>) {
        (self.whom, self.whom_is) = match user {
            Some(user) => (user.number(), whom::USER),
            None if session != 0 => (session, whom::SESSION),
            None => (0, 0),
        };
    }

    pub(super) const fn cause(&self) -> Cause {
        match self.cause {
            1 => Cause::Calendar(Timestamp(self.moment)),
            2 => Cause::Boot(self.moment.cast_unsigned()),
            3 => Cause::Registration(self.moment.cast_unsigned()),
            4 => Cause::Idle,
            5 => Cause::Event,
            6 => Cause::Session,
            7 | 8 => Cause::Maintenance { at: Timestamp(self.moment), exclusive: self.cause == 8 },
            _ => Cause::Demand,
        }
    }

    /// Notes why it runs, and when the course of the repetition is over that it belongs to.
    pub(super) const fn set_cause(&mut self, cause: Cause, ends: Option<Monotonic>) {
        let ends = if let Some(Monotonic(ends)) = ends { ends.cast_signed() } else { 0 };
        (self.cause, self.moment) = match cause {
            Cause::Demand => (0, 0),
            Cause::Calendar(at) => (1, at.0),
            Cause::Boot(elapsed) => (2, elapsed.cast_signed()),
            Cause::Registration(elapsed) => (3, elapsed.cast_signed()),
            Cause::Idle => (4, ends),
            Cause::Event => (5, ends),
            Cause::Session => (6, ends),
            Cause::Maintenance { at, exclusive } => (if exclusive { 8 } else { 7 }, at.0),
        };
    }

    /// When that is; `None` if its cause says more than that, or it is never over, or that was before a restart.
    pub(super) const fn ends(&self) -> Option<Monotonic> {
        match self.cause {
            4..=6 if self.moment != 0 => Some(Monotonic(self.moment.cast_unsigned())),
            _ => None,
        }
    }
}

/// The list of a task's instances.
pub(super) enum OfTask {}

/// The list of instances with orders.
pub(super) enum WithOrders {}

impl Linked<OfTask> for InstanceSlot {
    fn neighbours(&self) -> Links {
        self.links
    }
    fn neighbours_mut(&mut self) -> &mut Links {
        &mut self.links
    }
}

impl Linked<WithOrders> for InstanceSlot {
    fn neighbours(&self) -> Links {
        self.orders
    }
    fn neighbours_mut(&mut self) -> &mut Links {
        &mut self.orders
    }
}

/// The memory that the host lends for as long as the engine lives. All of it may be zeros.
#[derive(Debug)]
pub struct Memory<'a> {
    /// As many tasks and folders as there may be.
    pub tasks: &'a mut [TaskSlot],
    /// The index of paths: at least twice as many words as tasks.
    pub index: &'a mut [u32],
    /// The due queue: three words for each task.
    pub queue: &'a mut [u32],
    /// As many instances as may be running, queued or delayed at once; not fewer than when the store was last used,
    /// or unfinished runs of then are left out.
    pub instances: &'a mut [InstanceSlot],
    /// Room for the longest definition together with the longest entry (path and security descriptor), and for two such
    /// entries; what is longer is refused as too large.
    pub record: &'a mut [u8],
    /// As many accounts as may have a credential kept, or tasks that would run with one; none if no credentials are kept.
    pub credentials: &'a mut [CredentialSlot],
    /// As many records of history as the store may keep, each of at most 64 bytes and with one to five entries; none if zero.
    pub history: u32,
}

/// Which slots are in use: those below a mark that only rises, less those in a list of unused ones.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Used {
    /// Slots at and above it were never used.
    pub(super) mark: u32,
    /// The first unused slot below the mark.
    free: Link,
    /// Number of slots in use.
    pub(super) count: u32,
}

/// A slot that can be unused.
pub(super) trait Slot: Zeroable {
    /// The next unused slot.
    fn free(&self) -> Link;
    /// Makes the slot unused.
    fn set_free(&mut self, next: Link);
}

impl Slot for TaskSlot {
    fn free(&self) -> Link {
        self.last
    }
    fn set_free(&mut self, next: Link) {
        *self = Self::zeroed();
        self.last = next;
    }
}

impl Slot for InstanceSlot {
    fn free(&self) -> Link {
        self.task
    }
    /// Keeps the word that the slot holds for the queue of deadlines.
    fn set_free(&mut self, next: Link) {
        *self = Self { word: self.word, task: next, ..Self::UNUSED };
    }
}

impl Used {
    /// Takes an unused slot of the first `capacity`; it holds zeros but for what outlives its use.
    pub(super) fn take<S: Slot>(&mut self, slots: &mut [S], capacity: usize) -> Option<u32> {
        if let Some(index) = self.free.index() {
            let slot = slots.get_mut(index as usize)?;
            self.free = slot.free();
            slot.set_free(Link::NONE);
            self.count += 1;
            return Some(index);
        }
        let index = self.mark;
        if index as usize >= capacity.min(slots.len()) {
            return None;
        }
        self.mark += 1;
        self.count += 1;
        Some(index)
    }

    /// Takes the slot of that index, which was never used; [`gather`](Self::gather) has to follow.
    pub(super) fn take_at<'s, S: Slot>(&mut self, slots: &'s mut [S], index: u32) -> Option<&'s mut S> {
        let slot = slots.get_mut(index as usize)?;
        self.mark = self.mark.max(index + 1);
        self.count += 1;
        Some(slot)
    }

    /// Makes the list of unused slots below the mark anew.
    pub(super) fn gather<S: Slot>(&mut self, slots: &mut [S], is_unused: impl Fn(&S) -> bool) {
        self.free = Link::NONE;
        for index in (0..self.mark).rev() {
            if let Some(slot) = slots.get_mut(index as usize).filter(|slot| is_unused(slot)) {
                slot.set_free(self.free);
                self.free = Link::to(index);
            }
        }
    }

    /// Gives a slot back.
    pub(super) fn give<S: Slot>(&mut self, slots: &mut [S], index: u32) {
        if let Some(slot) = slots.get_mut(index as usize) {
            slot.set_free(self.free);
            self.free = Link::to(index);
            self.count = self.count.saturating_sub(1);
        }
    }
}
