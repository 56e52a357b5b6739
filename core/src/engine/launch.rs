//! The life of an instance: what the policies say to a new one, its start, its end, and their records.

use super::{
    Context, Engine, InstanceSlot, TaskSlot, heap, instances,
    list::{self, Link},
    plan::Run,
    refused::NotRun,
    slots::{OfTask, Phase, WithOrders, flag, order, wait},
};
use crate::{
    event::{Event, Skipped},
    guid::Guid,
    limits::{FIRINGS_PER_TICK, QUEUED_RUNS, STOP_TIME},
    ports::{Change, StoreError},
    status::Status,
    store::{self, Cause, INSTANCE_MAX, STATE_MAX, State},
    task::InstancesPolicy,
    time::{Now, Timestamp},
};
use core::num::NonZeroU32;

impl Engine<'_> {
    /// What the policy says to a run now: whether it waits. A member of a group waits for nobody else.
    fn has_to_wait(&self, task: u32, run: &Run) -> Result<bool, NotRun> {
        let Run { policy, session, attempt, .. } = *run;
        let slot = self.memory.tasks.get(task as usize).ok_or(NotRun::NoSlot)?;
        let is_busy = |slot: &InstanceSlot| slot.runs() || slot.phase == Phase::Queued;
        let busy = (slot.running > 0 || slot.queued > 0) && (session == 0 || self.has_other(task, session, is_busy));
        match policy {
            InstancesPolicy::Parallel => Ok(false),
            InstancesPolicy::IgnoreNew if busy => Err(NotRun::AlreadyRunning),
            // What was to run before, and could not, takes no later one's place.
            InstancesPolicy::StopExisting if busy && attempt > 0 => Err(NotRun::AlreadyRunning),
            _ => Ok(busy),
        }
    }

    /// Whether a task has an instance for a session that is like that.
    pub(super) fn has_other(&self, task: u32, session: u32, is_like: impl Fn(&InstanceSlot) -> bool) -> bool {
        let last = self.memory.tasks.get(task as usize).map_or(Link::NONE, |task| task.last);
        list::iter::<OfTask, _>(self.memory.instances, last)
            .filter_map(|index| self.memory.instances.get(index as usize))
            .any(|slot| slot.session() == session && is_like(slot))
    }

    /// Whether as many runs as may wait for others of a task, or of the same member of its group, do.
    fn has_full_queue(&self, task: u32, session: u32) -> bool {
        let Some(slot) = self.memory.tasks.get(task as usize).filter(|slot| slot.queued >= QUEUED_RUNS) else {
            return false;
        };
        let waits = |slot: &&InstanceSlot| slot.phase == Phase::Queued && slot.session() == session;
        let slots = list::iter::<OfTask, _>(self.memory.instances, slot.last)
            .filter_map(|index| self.memory.instances.get(index as usize));
        slots.filter(waits).count() >= usize::from(QUEUED_RUNS)
    }

    /// Starts an instance of a task, or lets it wait, as the policy says.
    #[inline(never)]
    pub(super) fn launch_instance(
        &mut self,
        cx: &mut Context<'_>,
        task: u32,
        run: &Run,
        arguments: &[u8],
    ) -> Result<Guid, NotRun> {
        let Some(&slot) = self.memory.tasks.get(task as usize) else { return Err(NotRun::NoSlot) };
        let wait = self.has_to_wait(task, run)?;
        if wait
            && (slot.queued == u8::MAX
                || run.policy == InstancesPolicy::Queue && self.has_full_queue(task, run.session))
        {
            return Err(NotRun::QueueFull);
        }
        if slot.running == u16::MAX {
            return Err(NotRun::NoSlot);
        }
        let mut random = [0; 16];
        cx.entropy.fill(&mut random).map_err(|_| NotRun::NoEntropy)?;
        let index = self.instances.take(self.memory.instances, usize::MAX).ok_or(NotRun::NoSlot)?;
        let guid = self.identify(Guid::from_random(random), index);
        if let Some(instance) = self.memory.instances.get_mut(index as usize) {
            instance.guid = guid;
            instance.task = Link::to(task);
            instance.number = slot.number;
            instance.definition = slot.definition;
            instance.limit = run.limit;
            instance.flags = if run.hard { order::HARD } else { 0 };
            instance.flags |= if arguments.is_empty() { 0 } else { order::RECORD };
            instance.phase = Phase::Queued;
            instance.trigger = run.trigger;
            instance.attempt = run.attempt;
            instance.set_whom(run.session, run.user);
            instance.set_cause(run.cause, run.ends);
        }
        let kept = self.keep_waiting(cx, task, run.cause.settles()).and_then(|()| {
            if wait { self.enqueue(cx, index, arguments) } else { self.begin(cx, index, Some(arguments)) }
        });
        if let Err(error) = kept {
            self.instances.give(self.memory.instances, index);
            return Err(NotRun::Store(error));
        }
        if wait && run.policy == InstancesPolicy::StopExisting {
            self.stop_instances(cx, task, run.session);
        }
        self.join(task, index);
        if wait {
            self.with_task(task, |task| task.queued += 1);
            // What it waited for may have ended at once when it was asked to stop.
            self.start_queued(cx, task);
        }
        Ok(guid)
    }

    /// Writes into an identifier where its instance stands, in a way that only who knows the key can read.
    pub(super) fn identify(&self, guid: Guid, index: u32) -> Guid {
        let mut bytes = guid.to_bytes();
        let (front, back) = bytes.split_at_mut(12);
        back.copy_from_slice(&(self.key.mask(front) ^ index).to_le_bytes());
        Guid::from_bytes(bytes)
    }

    /// Where the instance of that identifier stands.
    pub(super) fn instance_at(&self, guid: Guid) -> Option<u32> {
        let bytes = guid.to_bytes();
        let (front, back) = bytes.split_at(12);
        let hint = self.key.mask(front) ^ u32::from_le_bytes(back.try_into().ok()?);
        let used = self.memory.instances.get(..self.instances.mark as usize)?;
        let is = |slot: &super::InstanceSlot| slot.guid == guid && slot.phase != Phase::Unused;
        if used.get(hint as usize).is_some_and(is) {
            return Some(hint);
        }
        // Instances that the server before this one started carry nothing that this one can read.
        used.iter().position(is).and_then(|index| u32::try_from(index).ok())
    }

    /// Puts an instance at the end of the list of its task's.
    pub(super) fn join(&mut self, task: u32, index: u32) {
        if let Some(slot) = self.memory.tasks.get_mut(task as usize) {
            slot.last = list::append::<OfTask, _>(self.memory.instances, slot.last, index);
        }
    }

    /// Makes the started record durable, then orders the start. It waits, as before, if the store fails. Without `arguments`
    /// it has those of its record.
    pub(super) fn begin(
        &mut self,
        cx: &mut Context<'_>,
        index: u32,
        arguments: Option<&[u8]>,
    ) -> Result<(), StoreError> {
        let Some(instance) = self.memory.instances.get_mut(index as usize) else { return Ok(()) };
        instance.started = cx.now.wall.unwrap_or(Timestamp::MIN);
        instance.phase = Phase::Starting;
        if let Err(error) = self.put_instance(cx, index, arguments) {
            self.with_instance(index, |instance| instance.phase = Phase::Queued);
            return Err(error);
        }
        let Some(instance) = self.memory.instances.get_mut(index as usize) else { return Ok(()) };
        let (task, number, guid, limit) = (instance.task, instance.number, instance.guid, instance.limit);
        if let Some(task) = task.index() {
            self.with_task(task, |task| task.running += 1);
        }
        if limit > 0 {
            self.set_deadline(index, cx.now, limit);
        }
        self.give_order(index, order::START);
        self.tell(Event::InstanceStarted { task: number, instance: guid });
        Ok(())
    }

    /// Makes the record of an instance durable, with these arguments or those that it has.
    pub(super) fn put_instance(
        &mut self,
        cx: &mut Context<'_>,
        index: u32,
        arguments: Option<&[u8]>,
    ) -> Result<(), StoreError> {
        let Some(instance) = self.memory.instances.get(index as usize) else { return Ok(()) };
        let arguments = match arguments {
            Some(arguments) => arguments,
            None => instances::arguments(self.memory.record, cx.store, index, instance)?,
        };
        // While one waits for its moment, these hold something else.
        let runs = instance.phase != Phase::Waiting;
        let record = store::Instance {
            guid: instance.guid,
            task: instance.number,
            definition: instance.definition,
            started: Some(instance.started).filter(|&at| runs && at != Timestamp::MIN),
            cause: instance.cause(),
            action: instance.action,
            attempt: instance.attempt,
            limit: Some(instance.limit).filter(|&limit| runs && limit > 0),
            hard: instance.has(order::HARD),
            arguments,
            queued: match instance.phase {
                // Who has that session after a restart, nobody knows.
                Phase::Queued if instance.session() != 0 => Some(store::VOLATILE),
                Phase::Queued => Some(instance.turn),
                Phase::Waiting if instance.cause().settles().is_some() => Some(store::OVERTAKEN),
                Phase::Waiting => Some(store::VOLATILE),
                _ => None,
            },
            session: NonZeroU32::new(instance.session()),
            user: instance.user().map(|user| user.0),
        };
        let mut buffer = [0; INSTANCE_MAX];
        let bytes = record.encode(&mut buffer).map_err(|_| StoreError::TooSmall { needed: INSTANCE_MAX })?;
        let put = [Change::Put(store::instance_key(index + 1), bytes)];
        match self.written.apply(cx.store, &put) {
            Err(error) if self.ledger.give_way(cx, &mut self.written, error) => self.written.apply(cx.store, &put),
            done => done,
        }
    }

    /// Something is to be done about the instance after so many milliseconds.
    pub(super) fn set_deadline(&mut self, index: u32, now: Now, milliseconds: u64) {
        self.clear_deadline(index);
        if let Some(instance) = self.memory.instances.get_mut(index as usize) {
            instance.deadline = now.monotonic.plus(milliseconds);
        }
        heap::insert(&mut self.deadlines(), index);
    }

    pub(super) fn clear_deadline(&mut self, index: u32) {
        heap::remove(&mut self.deadlines(), index);
    }

    /// Stops instances whose time is over, first gracefully, then for good.
    /// Of those that wait for their moment, a tick lets no more start than it fires; the next one goes on.
    pub(super) fn pass_deadlines(&mut self, cx: &mut Context<'_>) {
        let mut left = FIRINGS_PER_TICK;
        while let Some(index) = heap::first(&self.deadlines()) {
            let Some(&slot) = self.memory.instances.get(index as usize) else { return };
            if slot.deadline > cx.now.monotonic {
                return;
            }
            if slot.phase == Phase::Waiting && left == 0 {
                return;
            }
            self.clear_deadline(index);
            if slot.phase == Phase::Waiting && slot.waits_for != wait::COUNTED && self.held && !self.closing {
                // It keeps its place until the store is tried again.
                self.set_deadline(index, cx.now, self.retry.since(cx.now.monotonic).max(1));
            } else if slot.phase == Phase::Waiting {
                left -= 1;
                if !self.wait_over(cx, index) {
                    self.try_later(cx.now);
                    self.held = true;
                }
            } else if slot.has(order::STOPPING) {
                self.give_order(index, order::STOP_HARD);
            } else {
                self.ask_to_stop(cx, index);
            }
        }
    }

    /// Asks an instance to stop; one that nobody has started yet ends at once.
    pub(super) fn ask_to_stop(&mut self, cx: &mut Context<'_>, index: u32) {
        let Some(instance) = self.memory.instances.get_mut(index as usize) else { return };
        match instance.phase {
            Phase::Queued => {
                let slot = *instance;
                self.skip(cx, slot.number, Skipped::Stopped, 1);
                self.settle_dropped(cx, &slot);
                self.drop_queued(cx, index);
            }
            Phase::Waiting => self.drop_waiting(cx, index),
            Phase::Starting if instance.waits_for == wait::RECORD => {
                instance.waits_for = 0;
                self.unrecorded = self.unrecorded.saturating_sub(1);
                self.end(cx, index, Status::SCHED_S_TASK_TERMINATED);
            }
            Phase::Starting if instance.has(order::START) => self.end(cx, index, Status::SCHED_S_TASK_TERMINATED),
            Phase::Starting | Phase::Running if !instance.has(order::STOPPING) => self.order_stop(cx, index),
            // Whether there is anything to stop, the host's answer to the recovery tells.
            Phase::Recovering => instance.flags |= order::STOPPING,
            _ => {}
        }
    }

    pub(super) fn order_stop(&mut self, cx: &mut Context<'_>, index: u32) {
        let Some(instance) = self.memory.instances.get_mut(index as usize) else { return };
        instance.flags |= order::STOPPING;
        if instance.has(order::HARD) {
            self.set_deadline(index, cx.now, STOP_TIME);
        } else {
            self.clear_deadline(index);
        }
        self.give_order(index, order::STOP);
    }

    /// Asks every instance of a task to stop that has started or waits for another, or those for a session if it is not zero; returns
    /// whether there was one.
    pub(super) fn stop_instances(&mut self, cx: &mut Context<'_>, task: u32, session: u32) -> bool {
        let is_meant = |engine: &Self, index: u32| {
            session == 0 || engine.memory.instances.get(index as usize).is_some_and(|slot| slot.session() == session)
        };
        // Those that wait go first, so that the end of another does not start them.
        let mut any = self.each_instance(task, |engine, index, phase| {
            let waits = phase == Phase::Queued && is_meant(engine, index);
            if waits {
                engine.ask_to_stop(cx, index);
            }
            waits
        });
        any |= self.each_instance(task, |engine, index, phase| {
            let is_there = phase != Phase::Waiting && is_meant(engine, index);
            if is_there {
                engine.ask_to_stop(cx, index);
            }
            is_there && phase != Phase::Ended
        });
        any
    }

    /// Does something with each instance of a task, which may take that one, but no other, out of the list; returns whether
    /// that was true of any.
    pub(super) fn each_instance(&mut self, task: u32, mut act: impl FnMut(&mut Self, u32, Phase) -> bool) -> bool {
        let last = |engine: &Self| engine.memory.tasks.get(task as usize).map_or(Link::NONE, |task| task.last);
        let mut any = false;
        let mut at = list::first::<OfTask, _>(self.memory.instances, last(self));
        while let Some(index) = at {
            at = list::after::<OfTask, _>(self.memory.instances, last(self), index);
            let phase = self.memory.instances.get(index as usize).map_or(Phase::Unused, |slot| slot.phase);
            any |= act(self, index, phase);
        }
        any
    }

    /// An instance has ended: its result is made durable, and what waited for it starts.
    pub(super) fn end(&mut self, cx: &mut Context<'_>, index: u32, result: Status) {
        self.end_noted(cx, index, result, true);
    }

    /// As [`end`](Self::end); `is_started` is whether the host could start it.
    pub(super) fn end_noted(&mut self, cx: &mut Context<'_>, index: u32, result: Status, is_started: bool) {
        let Some(instance) = self.memory.instances.get_mut(index as usize) else { return };
        instance.phase = Phase::Ended;
        instance.turn = result.0;
        let (task, number, guid) = (instance.task, instance.number, instance.guid);
        self.clear_deadline(index);
        self.drop_orders(index);
        if let Some(task) = task.index() {
            self.with_task(task, |task| task.running = task.running.saturating_sub(1));
        }
        self.unrecorded += 1;
        self.tell(Event::InstanceEnded { task: number, instance: guid, result });
        self.note_run(cx, index, is_started);
        self.record(cx, index);
        if let Some(task) = task.index() {
            self.start_queued(cx, task);
        }
    }

    /// Makes the result of an instance that has ended durable and gives its slot back; returns whether that went well.
    pub(super) fn record(&mut self, cx: &mut Context<'_>, index: u32) -> bool {
        match self.try_record(cx, index) {
            Ok(()) => {
                self.unrecorded = self.unrecorded.saturating_sub(1);
                self.release(index);
                true
            }
            Err(error) => {
                self.try_later(cx.now);
                self.tell(Event::StoreFailed { error });
                false
            }
        }
    }

    fn try_record(&mut self, cx: &mut Context<'_>, index: u32) -> Result<(), StoreError> {
        let Some(instance) = self.memory.instances.get(index as usize) else { return Ok(()) };
        let forget = Change::Delete(store::instance_key(index + 1));
        let Some(task) = instance.task.index().and_then(|task| self.memory.tasks.get(task as usize)) else {
            return self.written.apply(cx.store, &[forget]);
        };
        let number = task.number;
        let mut state = read_state(cx, number)?.unwrap_or_default();
        // A run that is still to come by the clock was dated by a wrong one, and stands in nobody's way.
        let ahead = |at: Timestamp| cx.now.wall.is_some_and(|now| at > now);
        if state.started.is_none_or(|before| before <= instance.started || ahead(before)) {
            state.started = Some(instance.started).filter(|&at| at != Timestamp::MIN);
            state.result = instance.result();
        }
        if instance.result() == Status::S_OK {
            state.missed = 0;
        }
        if let Some(at) = instance.cause().settles() {
            let floor = self.durable_floor(task).max(at);
            state.floor = state.floor.max(Some(floor).filter(|&at| at != Timestamp::MIN));
        }
        if let Cause::Registration(elapsed) = instance.cause()
            && instance.definition == task.definition
        {
            state.elapsed = state.elapsed.max(Some(elapsed));
        }
        let mut buffer = [0; STATE_MAX];
        let bytes = state.encode(&mut buffer).map_err(|_| StoreError::TooSmall { needed: STATE_MAX })?;
        self.apply_with_history(cx, [Change::Put(store::state_key(number), bytes), forget])
    }

    /// Up to where a restart is to settle the calendar of a task. What waits for its moment has settled its occurrence in memory
    /// only; that another run ends does not settle it for good. Nor does it settle what was missed and is not counted yet.
    pub(super) fn durable_floor(&self, task: &TaskSlot) -> Timestamp {
        if task.has(flag::MISSED) {
            return Timestamp::MIN;
        }
        list::iter::<OfTask, _>(self.memory.instances, task.last)
            .filter_map(|index| self.memory.instances.get(index as usize))
            .filter(|slot| slot.phase == Phase::Waiting)
            .filter_map(|slot| Some(slot.cause().settles()?.plus(-1)))
            .fold(task.floor, Timestamp::min)
    }

    /// Makes durable that an instance goes on with its next action, and has that started; returns whether that went well.
    fn record_action(&mut self, cx: &mut Context<'_>, index: u32) -> bool {
        match self.put_instance(cx, index, None) {
            Ok(()) => {}
            Err(error) => {
                self.tell(Event::StoreFailed { error });
                if !matches!(error, StoreError::Failed { .. }) {
                    self.ask_to_stop(cx, index);
                    return true;
                }
                self.try_later(cx.now);
                return false;
            }
        }
        self.unrecorded = self.unrecorded.saturating_sub(1);
        self.with_instance(index, |slot| slot.waits_for = 0);
        self.give_order(index, order::START);
        true
    }

    /// Tries again to make results durable, and further actions, until one is not; returns whether all were that it came to. Those that a tick
    /// does not come to, the next one does.
    pub(super) fn record_again(&mut self, cx: &mut Context<'_>) -> bool {
        let mut left = FIRINGS_PER_TICK;
        for index in 0..self.instances.mark {
            if left == 0 || self.unrecorded == 0 {
                break;
            }
            let Some(slot) = self.memory.instances.get(index as usize) else { break };
            let is_recorded = match slot.phase {
                Phase::Ended => self.record(cx, index),
                Phase::Starting if slot.waits_for == wait::RECORD => self.record_action(cx, index),
                _ => continue,
            };
            if !is_recorded {
                return false;
            }
            left -= 1;
        }
        true
    }

    /// Gives the slot of an instance back.
    pub(super) fn release(&mut self, index: u32) {
        self.detach(index);
        self.drop_orders(index);
        self.clear_deadline(index);
        self.instances.give(self.memory.instances, index);
    }

    /// Takes an instance from its task.
    pub(super) fn detach(&mut self, index: u32) {
        let Some(instance) = self.memory.instances.get_mut(index as usize) else { return };
        let task = core::mem::take(&mut instance.task);
        if let Some(slot) = task.index().and_then(|task| self.memory.tasks.get_mut(task as usize)) {
            slot.last = list::remove::<OfTask, _>(self.memory.instances, slot.last, index);
        }
    }

    /// Has the host told something about an instance.
    pub(super) fn give_order(&mut self, index: u32, what: u8) {
        let Some(instance) = self.memory.instances.get_mut(index as usize) else { return };
        instance.flags |= what;
        if !instance.has(order::LISTED) {
            instance.flags |= order::LISTED;
            self.orders = list::append::<WithOrders, _>(self.memory.instances, self.orders, index);
        }
    }

    /// Has nothing told any more.
    pub(super) fn drop_orders(&mut self, index: u32) {
        let Some(instance) = self.memory.instances.get_mut(index as usize) else { return };
        let listed = instance.has(order::LISTED);
        instance.flags &= !(order::ANY | order::LISTED);
        if listed {
            self.orders = list::remove::<WithOrders, _>(self.memory.instances, self.orders, index);
        }
    }
}

/// What the store remembers of a task's runs; what is damaged counts as nothing.
pub(super) fn read_state(cx: &mut Context<'_>, number: u32) -> Result<Option<State>, StoreError> {
    let mut buffer = [0; 2 * STATE_MAX];
    match cx.store.get(store::state_key(number), &mut buffer) {
        Ok(found) => Ok(found.and_then(|length| State::decode(buffer.get(..length)?).ok())),
        Err(StoreError::TooSmall { .. } | StoreError::Corrupt) => Ok(None),
        Err(error) => Err(error),
    }
}
