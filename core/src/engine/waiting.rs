//! Runs that wait for a moment or for an idle machine, of which nothing is recorded but the values that they were given, and what
//! the calendar would not find again.
//!
//! A trigger that waits for an event may have a delay and a repetition ([MS-TSCH] 2.5.3), a task may need an idle machine
//! and wait for it, and what could not start may be tried again (2.5.4.2). Each of these holds a slot for an instance, which
//! clients see as queued. They are of this life of the server only: an event is not seen again after a restart, and neither
//! is what waited for its delay. Occurrences of calendar triggers that waited when the power went are found again by the calendar,
//! and are made up for, if the task asks for that, or told as missed. For those that a later one of their task has overtaken, and
//! for what could not be started and is to be tried again, a record stands in for that: such an attempt has its turn soon after the
//! next start, since nobody knows when it would have been.
//!
//! An event begins the repetition of its trigger anew; each session that a trigger fires for has one of its own. What a RandomDelay
//! delays has fired, and starts although the EndBoundary of its trigger comes meanwhile; what waits for the Delay of an event has
//! not, and does not.

use super::{
    CatchUp, Context, Engine, InstanceSlot, Refused, TaskSlot, instances,
    launch::read_state,
    list::{self, Link},
    plan::{self, Run},
    refused::NotRun,
    slots::{OfTask, Phase, flag, order, wait},
};
use crate::{
    event::{Event, Skipped},
    guid::Guid,
    limits::{MAINTENANCE_TIME, QUEUED_RUNS, SPREAD_TIME},
    ports::{Change, StoreError},
    recur::elapsed,
    status::Status,
    store::{self, ARGUMENTS, Cause},
    time::{Monotonic, Timestamp},
};

/// What a run waits for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Until {
    /// A moment of the trigger of that ordinal, whose event was at `event`.
    Fires { at: Monotonic, trigger: u8, event: Monotonic },
    /// A moment at which it is tried once more.
    Again { at: Monotonic },
    /// A moment that was drawn by lot.
    Later { at: Monotonic },
    /// Nothing: it stands for an event that counts for the trigger of that ordinal until then.
    Counted { trigger: u8, until: Monotonic },
    /// That the machine has been idle for `duration` milliseconds, until `timeout` at most.
    Idle { timeout: Option<Monotonic>, duration: u64 },
}

impl Engine<'_> {
    /// Starts a run of a task if the machine admits it; otherwise it waits for an idle machine, or for another attempt, as
    /// the task has it.
    pub(super) fn launch_or_wait(
        &mut self,
        cx: &mut Context<'_>,
        task: u32,
        run: &Run,
        arguments: &[u8],
    ) -> Result<(), NotRun> {
        let admitted = self.machine.admits(&run.needs, cx.now.monotonic);
        match admitted.and_then(|()| self.launch(cx, task, run, arguments)) {
            Ok(_) => Ok(()),
            // What RestartOnFailure is for has another cause than the state of the machine, or none.
            Err(why) if admitted.is_ok() && why != NotRun::NobodyLoggedOn => Err(why),
            Err(why) => self.wait_for_what_hinders(cx, task, run, why, arguments),
        }
    }

    /// Has a run that the state of the machine hinders wait for an idle machine, or for another attempt, as the task has it.
    ///
    /// # Errors
    /// What hinders it, if the task wants neither.
    pub(super) fn wait_for_what_hinders(
        &mut self,
        cx: &mut Context<'_>,
        task: u32,
        run: &Run,
        why: NotRun,
        arguments: &[u8],
    ) -> Result<(), NotRun> {
        if let (NotRun::NotIdle, Some(idle)) = (why, run.needs.idle.filter(|idle| idle.timeout != Some(0))) {
            let timeout = idle.timeout.map(|timeout| cx.now.monotonic.plus(timeout));
            return self.wait(cx, task, run, Until::Idle { timeout, duration: idle.duration }, arguments);
        }
        if matches!(run.cause, Cause::Maintenance { .. }) && why == NotRun::AlreadyRunning {
            return self.wait(cx, task, run, Until::Later { at: cx.now.monotonic.plus(SPREAD_TIME) }, arguments);
        }
        if self.try_again_later(cx, task, run, arguments) { Ok(()) } else { Err(why) }
    }

    /// Starts a run for maintenance, or lets it wait for others that it may not run beside.
    pub(super) fn launch_for_maintenance(
        &mut self,
        cx: &mut Context<'_>,
        index: u32,
        run: &Run,
        begun: Timestamp,
        exclusive: bool,
    ) -> Result<(), NotRun> {
        let late = cx.now.wall.map_or(i64::MAX, |wall| wall.since(begun));
        if late > i64::try_from(MAINTENANCE_TIME).unwrap_or(i64::MAX) {
            return Err(NotRun::MaintenanceOver);
        }
        if self.is_in_the_way(exclusive) {
            return self.wait_for_what_hinders(cx, index, run, NotRun::AlreadyRunning, &[]);
        }
        self.launch_or_wait(cx, index, run, &[])
    }

    /// Whether maintenance runs that other maintenance may not run beside.
    pub(super) fn is_in_the_way(&self, exclusive: bool) -> bool {
        let used = self.memory.instances.get(..self.instances.mark as usize).unwrap_or_default();
        used.iter().filter(|slot| slot.runs()).any(|slot| match slot.cause() {
            Cause::Maintenance { exclusive: other, .. } => exclusive || other,
            _ => false,
        })
    }

    /// Has a run tried once more after the interval of RestartOnFailure; returns whether it will be.
    pub(super) fn try_again_later(&mut self, cx: &mut Context<'_>, task: u32, run: &Run, arguments: &[u8]) -> bool {
        let Some((_, interval)) = run.needs.restart.filter(|(count, _)| run.attempt < *count) else { return false };
        let run = Run { attempt: run.attempt + 1, ..*run };
        self.wait(cx, task, &run, Until::Again { at: cx.now.monotonic.plus(interval) }, arguments).is_ok()
    }

    /// Lets a run wait. A task, or a member of its group, has no more than [`QUEUED_RUNS`] that do, and one that ignores new
    /// instances only one that waits for the same. If it has arguments, they are kept in a record, which a restart of the server
    /// drops; and so is an occurrence that the store has as settled, because a later one was, which a restart finds.
    pub(super) fn wait(
        &mut self,
        cx: &mut Context<'_>,
        task: u32,
        run: &Run,
        until: Until,
        arguments: &[u8],
    ) -> Result<(), NotRun> {
        let Some(&slot) = self.memory.tasks.get(task as usize) else { return Err(NotRun::NoSlot) };
        let what = until.what();
        let (mut all, mut same) = (0_u16, 0_u16);
        self.each_instance(task, |engine, index, phase| {
            if let Some(slot) = engine.memory.instances.get(index as usize).filter(|_| phase == Phase::Waiting) {
                all += u16::from(slot.waits_for != wait::COUNTED && slot.session() == run.session);
                let is_same = slot.waits_for == what && slot.session() == run.session;
                same += u16::from(is_same && matches!(what, wait::AGAIN | wait::IDLE));
            }
            false
        });
        if all >= u16::from(QUEUED_RUNS) && what != wait::COUNTED {
            return Err(NotRun::QueueFull);
        }
        // Of events that count there are never more than a trigger demands, and some machines are never idle: half of the slots is
        // for runs.
        let gives_way = matches!(until, Until::Counted { .. } | Until::Idle { timeout: None, .. });
        if gives_way && 2 * (self.instances.count as usize + 1) > self.memory.instances.len() {
            return Err(NotRun::NoSlot);
        }
        if same > 0 && run.policy == crate::task::InstancesPolicy::IgnoreNew {
            return Err(NotRun::AlreadyRunning);
        }
        // A member of a group runs in this life of the server or not at all.
        let is_overtaken = run.session == 0 && self.is_overtaken(cx, task, run.cause).map_err(NotRun::Store)?;
        let mut random = [0; 16];
        cx.entropy.fill(&mut random).map_err(|_| NotRun::NoEntropy)?;
        let index = self.instances.take(self.memory.instances, usize::MAX).ok_or(NotRun::NoSlot)?;
        let guid = self.identify(Guid::from_random(random), index);
        let Some(instance) = self.memory.instances.get_mut(index as usize) else { return Err(NotRun::NoSlot) };
        instance.guid = guid;
        instance.task = Link::to(task);
        instance.number = slot.number;
        instance.definition = slot.definition;
        instance.limit = run.limit;
        instance.phase = Phase::Waiting;
        instance.waits_for = what;
        instance.flags = if run.hard { order::HARD } else { 0 };
        instance.trigger = run.trigger;
        instance.attempt = run.attempt;
        instance.set_whom(run.session, run.user);
        instance.set_cause(run.cause, run.ends);
        instance.started = Timestamp::MIN;
        let at = match until {
            Until::Fires { at, trigger, event } => {
                instance.trigger = trigger;
                instance.started = Timestamp(i64::try_from(event.0).unwrap_or(i64::MAX));
                at
            }
            Until::Counted { trigger, until } => {
                instance.trigger = trigger;
                until
            }
            Until::Again { at } | Until::Later { at } => at,
            Until::Idle { timeout, duration } => {
                // While it waits, these hold what the deadline is made of.
                instance.limit = duration;
                let timeout = timeout.unwrap_or(Monotonic::MAX);
                instance.started = Timestamp(i64::try_from(timeout.0).unwrap_or(i64::MAX));
                self.machine.idle_for(duration).map_or(timeout, |idle| idle.min(timeout))
            }
        };
        if !arguments.is_empty() || is_overtaken {
            self.with_instance(index, |slot| slot.flags |= order::RECORD);
            match self.put_instance(cx, index, Some(arguments)) {
                Ok(()) => {}
                // Without its values it would be another run.
                Err(error) if !arguments.is_empty() => {
                    self.instances.give(self.memory.instances, index);
                    return Err(NotRun::Store(error));
                }
                Err(error) => {
                    // Of this life it is then, as all that waits and is not overtaken.
                    self.tell(Event::StoreFailed { error });
                    self.with_instance(index, |slot| slot.flags &= !order::RECORD);
                }
            }
        }
        self.join(task, index);
        self.set_deadline(index, cx.now, at.since(cx.now.monotonic));
        Ok(())
    }

    /// When to look again at a run that waits for an idle machine.
    pub(super) fn idle_deadline(&self, slot: &InstanceSlot) -> Option<Monotonic> {
        let timeout = Monotonic(u64::try_from(slot.started.0).unwrap_or(0));
        let idle = || self.machine.idle_for(slot.limit).map_or(timeout, |idle| idle.min(timeout));
        (slot.waits_for == wait::IDLE).then(idle)
    }

    /// Whether what a run is for was overtaken by a later occurrence of its task, which is durable, so that no restart would look
    /// for it.
    fn is_overtaken(&self, cx: &mut Context<'_>, task: u32, cause: Cause) -> Result<bool, StoreError> {
        let (Some(at), Some(task)) = (cause.settles(), self.memory.tasks.get(task as usize)) else { return Ok(false) };
        // What a wrong clock settled for a definition that is no more, no restart counts either.
        let registered = self.registered(cx, task);
        let settles = |slot: &InstanceSlot| {
            let settled = slot.cause().settles()?;
            let stands =
                slot.definition == task.definition || registered.is_none_or(|registered| settled <= registered);
            // One that has ended, and is to be tried again, has settled its own.
            (stands && (at < settled || at == settled && slot.phase == Phase::Ended)).then_some(())
        };
        let is_behind = list::iter::<OfTask, _>(self.memory.instances, task.last)
            .filter_map(|index| self.memory.instances.get(index as usize))
            .filter(|slot| slot.phase != Phase::Waiting)
            .any(|slot| settles(slot).is_some());
        let state = read_state(cx, task.number)?.and_then(|state| state.floor);
        Ok(is_behind || state.is_some_and(|settled| at <= settled))
    }

    /// When a task was registered, as far as that is known.
    pub(super) fn registered(&self, cx: &Context<'_>, task: &TaskSlot) -> Option<Timestamp> {
        match task.anchor {
            i64::MAX => None,
            at if task.has(flag::UNRESOLVED) => Some(Timestamp(at)),
            at => self.clocks(cx).wall_of(at),
        }
    }

    /// Makes durable that runs of a task wait whose occurrences come before one that is about to be settled.
    pub(super) fn keep_waiting(
        &mut self,
        cx: &mut Context<'_>,
        task: u32,
        settled: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let Some(settled) = settled else { return Ok(()) };
        let mut done = Ok(());
        self.each_instance(task, |engine, index, phase| {
            let slot = engine.memory.instances.get(index as usize);
            let is_overtaken = slot.is_some_and(|slot| {
                let waits = phase == Phase::Waiting && slot.session() == 0 && !slot.has(order::RECORD);
                waits && slot.cause().settles().is_some_and(|at| at < settled)
            });
            if is_overtaken && done.is_ok() {
                done = engine.put_instance(cx, index, Some(&[]));
                engine.with_instance(index, |slot| slot.flags |= if done.is_ok() { order::RECORD } else { 0 });
            }
            false
        });
        done
    }

    /// After a start: what waited for its moment, and was overtaken by later runs of its task, runs late if the task wants all
    /// that it missed, and is told as missed otherwise. What could not start before, and was to be tried again, is tried once there is a
    /// turn for it. One that nothing has overtaken is found by the calendar.
    pub(super) fn settle_overtaken(&mut self, cx: &mut Context<'_>) -> Result<(), StoreError> {
        for index in 0..self.instances.mark {
            let found = self.memory.instances.get(index as usize).copied();
            let Some(mut slot) = found.filter(|slot| slot.phase == Phase::Waiting) else { continue };
            let task = slot.task.index().and_then(|task| Some((task, *self.memory.tasks.get(task as usize)?)));
            // A cut came before it was forgotten that it waited: it has begun, or has a turn.
            let has_another = task.is_some_and(|(_, task)| {
                list::iter::<OfTask, _>(self.memory.instances, task.last)
                    .filter_map(|index| self.memory.instances.get(index as usize))
                    .any(|other| other.phase != Phase::Waiting && other.cause() == slot.cause())
            });
            if let Some((place, task)) = task
                && !has_another
                && self.is_overtaken(cx, place, slot.cause())?
            {
                let catch_up = match plan::image(self.memory.record, cx.store, task.definition) {
                    Ok(image) if task.has(flag::ENABLED) => CatchUp::of(&image),
                    Err(Refused::Store(error)) => return Err(error),
                    _ => CatchUp::Skip,
                };
                let is_owed = matches!((catch_up, slot.cause()), (CatchUp::All(_), Cause::Calendar(_)));
                let is_tried = slot.attempt > 0 && matches!(slot.cause(), Cause::Calendar(_));
                let is_owed = is_owed || is_tried && task.has(flag::ENABLED);
                if is_owed && task.queued < QUEUED_RUNS {
                    let turn = self.next_turn;
                    self.next_turn = turn.saturating_add(1);
                    self.with_instance(index, |slot| (slot.phase, slot.turn) = (Phase::Queued, turn));
                    self.with_task(place, |task| task.queued += 1);
                    self.stalled = true;
                    continue;
                }
                // If it could not be counted, its record tells the next start.
                self.note_missed(cx, task.number, 1, Some(store::instance_key(index + 1)));
                slot.flags &= !order::RECORD;
            }
            self.release(index);
            self.forget_record(cx, index, &slot);
        }
        Ok(())
    }

    /// The moment has come that a run waited for, or that it would wait for no longer. Returns whether the store did not fail; if
    /// it did, the run goes on waiting.
    pub(super) fn wait_over(&mut self, cx: &mut Context<'_>, place: u32) -> bool {
        let Some(&slot) = self.memory.instances.get(place as usize) else { return true };
        if self.closing && slot.cause().settles().is_some() {
            // Of the calendar the next start of the server tells, or makes up for.
            return true;
        }
        let mut buffer = [0; ARGUMENTS];
        // Without its values it would be another run than the one that the event asked for.
        let found = instances::arguments(self.memory.record, cx.store, place, &slot);
        let arguments = found.map(|arguments| {
            buffer.get_mut(..arguments.len()).map(|room| {
                room.copy_from_slice(arguments);
                &*room
            })
        });
        self.release(place);
        let mut slot = slot;
        let started = match arguments {
            _ if slot.waits_for == wait::COUNTED => Ok(()),
            Ok(Some(arguments)) => self.start_waited(cx, &mut slot, arguments),
            Ok(None) => Err(StoreError::Corrupt),
            Err(error) => Err(error),
        };
        if let Err(error) = started {
            self.tell(Event::StoreFailed { error });
            if matches!(error, StoreError::Failed { .. }) && self.wait_for_store(cx, place, &slot) {
                return false;
            }
            self.skip(cx, slot.number, Skipped::StoreFailed, 1);
            self.settle_dropped(cx, &slot);
        }
        self.forget_record(cx, place, &slot);
        started.is_ok()
    }

    /// Has a run wait once more that the store would not have, in the place where it has its record, if it has any; returns
    /// whether it does.
    pub(super) fn wait_for_store(&mut self, cx: &mut Context<'_>, place: u32, before: &InstanceSlot) -> bool {
        let Some(index) = self.instances.take(self.memory.instances, usize::MAX) else { return false };
        let Some(task) = before.task.index().filter(|_| index == place || !before.has(order::RECORD)) else {
            self.instances.give(self.memory.instances, index);
            return false;
        };
        self.try_later(cx.now);
        self.with_instance(index, |slot| slot.resume(before));
        self.join(task, index);
        self.set_deadline(index, cx.now, self.retry.since(cx.now.monotonic).max(1));
        true
    }

    /// Deletes the record of a run that waited in a place, if nothing has a record there now.
    fn forget_record(&mut self, cx: &mut Context<'_>, place: u32, waited: &InstanceSlot) {
        let has_none = |slot: &InstanceSlot| {
            slot.phase == Phase::Unused || slot.phase == Phase::Waiting && !slot.has(order::RECORD)
        };
        if waited.has(order::RECORD)
            && self.memory.instances.get(place as usize).is_some_and(has_none)
            && let Err(error) = self.written.apply(cx.store, &[Change::Delete(store::instance_key(place + 1))])
        {
            // The next start of the server drops it.
            self.tell(Event::StoreFailed { error });
        }
    }

    /// Starts a run that has waited, or tells why not.
    ///
    /// # Errors
    /// What befell the store; what is left in `slot` is to be tried again.
    fn start_waited(
        &mut self,
        cx: &mut Context<'_>,
        slot: &mut InstanceSlot,
        arguments: &[u8],
    ) -> Result<(), StoreError> {
        let Some((index, task)) =
            slot.task.index().and_then(|index| Some((index, *self.memory.tasks.get(index as usize)?)))
        else {
            return Ok(());
        };
        if self.closing {
            self.skip(cx, task.number, Skipped::Stopped, 1);
            return Ok(());
        }
        if !task.has(flag::ENABLED) {
            self.tell_skipped(cx, task.number, NotRun::Disabled);
            self.settle_dropped(cx, slot);
            return Ok(());
        }
        if slot.user().is_some() && slot.definition != task.definition {
            // Somebody asked for a run of what the task was, with the rights of another.
            self.skip(cx, task.number, Skipped::Stopped, 1);
            self.settle_dropped(cx, slot);
            return Ok(());
        }
        let event = Monotonic(u64::try_from(slot.started.0).unwrap_or(0));
        let fires = slot.waits_for == wait::FIRES;
        let clocks = self.clocks(cx);
        let found = plan::image(self.memory.record, cx.store, task.definition).map(|image| {
            let trigger = image.triggers().nth(usize::from(slot.trigger));
            let trigger = trigger.filter(|_| fires && slot.definition == task.definition);
            let opens = trigger.is_none_or(|trigger| plan::is_open(&trigger, &clocks));
            let again = trigger.filter(|_| opens).and_then(|trigger| {
                let passed = cx.now.monotonic.since(event);
                elapsed::next(elapsed::delay(&trigger)?, trigger.repetition.as_ref(), Some(passed))
            });
            let first = trigger.filter(|_| again.is_some()).and_then(|trigger| {
                let (delay, passed) = (elapsed::delay(&trigger)?, cx.now.monotonic.since(event));
                let second = elapsed::next(delay, trigger.repetition.as_ref(), Some(delay))?;
                (passed < second).then_some(delay)
            });
            (Run::again(&image, &task, &clocks, slot), again.zip(Some(first)), opens)
        });
        let (run, again, opens) = match found {
            Ok(found) => found,
            Err(Refused::Store(error)) => return Err(error),
            Err(refused) => {
                self.tell_unreadable(&task, refused);
                self.skip(cx, task.number, Skipped::StoreFailed, 1);
                self.settle_dropped(cx, slot);
                return Ok(());
            }
        };
        let run = match run {
            Ok(run) if opens => run,
            _ => {
                self.skip(cx, task.number, Skipped::Expired, 1);
                self.settle_dropped(cx, slot);
                return Ok(());
            }
        };
        if let Some((again, first)) = again {
            if let Some(delay) = first {
                self.end_repetition(cx, index, &run, delay);
            }
            let until = Until::Fires { at: event.plus(again), trigger: slot.trigger, event };
            if let Err(why) = self.wait(cx, index, &run, until, arguments) {
                self.tell_skipped(cx, task.number, why);
            }
        }
        if slot.waits_for == wait::AGAIN && run.needs.restart.is_none_or(|(count, _)| run.attempt > count) {
            // Nobody could read, when it failed, that it is not to be tried again.
            return Ok(());
        }
        let started = match slot.waits_for {
            // It has waited for as long as it may: what it waited for is there now or not.
            wait::IDLE if let Err(why) = self.machine.admits(&run.needs, cx.now.monotonic) => {
                if self.try_again_later(cx, index, &run, arguments) { Ok(()) } else { Err(why) }
            }
            what => match slot.cause() {
                Cause::Maintenance { at, exclusive } if what == wait::LATER || self.is_in_the_way(exclusive) => {
                    self.launch_for_maintenance(cx, index, &run, at, exclusive)
                }
                _ => self.launch_or_wait(cx, index, &run, arguments),
            },
        };
        match started {
            // What is to come of its trigger waits by itself.
            Err(NotRun::Store(error @ StoreError::Failed { .. })) => {
                slot.waits_for = wait::LATER;
                Err(error)
            }
            Err(why) => {
                self.tell_skipped(cx, task.number, why);
                self.settle_dropped(cx, slot);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Whether a run of the task waits for its moment.
    pub(super) fn waits(&self, task: &TaskSlot) -> bool {
        list::iter::<OfTask, _>(self.memory.instances, task.last)
            .filter_map(|index| self.memory.instances.get(index as usize))
            .any(|slot| slot.phase == Phase::Waiting && slot.waits_for != wait::COUNTED)
    }

    /// Whether a run of the task waits that the calendar had it due for.
    pub(super) fn has_occurrence_waiting(&self, task: &TaskSlot) -> bool {
        list::iter::<OfTask, _>(self.memory.instances, task.last)
            .filter_map(|index| self.memory.instances.get(index as usize))
            .any(|slot| slot.phase == Phase::Waiting && slot.cause().settles().is_some())
    }

    /// Drops what waits of a task and `is_meant`; returns whether there was anything.
    pub(super) fn drop_all_waiting(
        &mut self,
        cx: &mut Context<'_>,
        task: u32,
        is_meant: impl Fn(&InstanceSlot) -> bool,
    ) -> bool {
        self.each_instance(task, |engine, index, phase| {
            let slot = engine.memory.instances.get(index as usize);
            let drops = phase == Phase::Waiting && slot.is_some_and(&is_meant);
            if drops {
                engine.drop_waiting(cx, index);
            }
            drops
        })
    }

    /// Drops a run that waits.
    pub(super) fn drop_waiting(&mut self, cx: &mut Context<'_>, index: u32) {
        let Some(&slot) = self.memory.instances.get(index as usize) else { return };
        let (task, instance) = (slot.number, slot.guid);
        if slot.waits_for != wait::COUNTED {
            self.tell(Event::InstanceEnded { task, instance, result: Status::SCHED_S_TASK_TERMINATED });
            self.skip(cx, task, Skipped::Stopped, 1);
            self.settle_dropped(cx, &slot);
        }
        self.end_waiting(cx, index, &slot);
    }

    /// Ends the time for which a run waits.
    pub(super) fn end_waiting(&mut self, cx: &mut Context<'_>, index: u32, slot: &InstanceSlot) {
        self.release(index);
        self.forget_record(cx, index, slot);
    }
}

impl Until {
    const fn what(&self) -> u8 {
        match self {
            Self::Fires { .. } => wait::FIRES,
            Self::Again { .. } => wait::AGAIN,
            Self::Later { .. } => wait::LATER,
            Self::Idle { .. } => wait::IDLE,
            Self::Counted { .. } => wait::COUNTED,
        }
    }
}
