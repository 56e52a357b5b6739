//! Instances, as clients ask for them and as the host reports them.

use super::{
    Context, Engine, InstanceInfo, InstanceSlot, OtherUser, Refused, TaskIndex, TaskState, list,
    plan::{self, Run},
    slots::{OfTask, Phase, flag, order, wait},
};
use crate::{
    event::{Event, Skipped},
    guid::Guid,
    limits::{RUN_ARGUMENT_BYTES, RUN_ARGUMENTS},
    ports::{Store, StoreError},
    status::Status,
    store::{self, ARGUMENTS, INSTANCE_MAX},
    time::Timestamp,
};

impl Engine<'_> {
    /// Starts the task on demand, if its conditions allow that now. `arguments` become `$(Arg0)` onwards. `user`, if there is
    /// one, is whom it runs as instead of whom it names, once and in no session; whether that may be, who calls has found out.
    ///
    /// The answer is the identifier of the instance, which runs or waits for others to end, as the policy says. Nothing waits
    /// for a condition.
    ///
    /// # Errors
    /// Says what stands against it; with the policy to ignore new instances, [`Refused::AlreadyRunning`].
    pub fn run(
        &mut self,
        cx: &mut Context<'_>,
        task: TaskIndex,
        arguments: &mut dyn Iterator<Item = &str>,
        user: Option<OtherUser>,
    ) -> Result<Guid, Refused> {
        self.run_on_demand(cx, task, arguments, user, true)
    }

    /// Starts the task on demand, whatever its conditions say; otherwise as [`run`](Self::run).
    ///
    /// # Errors
    /// As for [`run`](Self::run), without [`Refused::Hindered`].
    pub fn run_anyway(
        &mut self,
        cx: &mut Context<'_>,
        task: TaskIndex,
        arguments: &mut dyn Iterator<Item = &str>,
        user: Option<OtherUser>,
    ) -> Result<Guid, Refused> {
        self.run_on_demand(cx, task, arguments, user, false)
    }

    fn run_on_demand(
        &mut self,
        cx: &mut Context<'_>,
        task: TaskIndex,
        arguments: &mut dyn Iterator<Item = &str>,
        user: Option<OtherUser>,
        with_conditions: bool,
    ) -> Result<Guid, Refused> {
        let slot = *self.task(task)?;
        if self.closing {
            return Err(Refused::TooBusy);
        }
        let mut buffer = [0; ARGUMENTS];
        let arguments = pack(arguments, &mut buffer)?;
        if INSTANCE_MAX - ARGUMENTS + arguments.len() > self.memory.record.len() {
            return Err(Refused::TooLarge);
        }
        let image = plan::image(self.memory.record, cx.store, slot.definition)?;
        if !image.settings().allow_start_on_demand {
            return Err(Refused::NotOnDemand);
        }
        if !slot.has(flag::ENABLED) {
            return Err(Refused::Disabled);
        }
        let mut run = Run::of(&image);
        run.stand_in(user);
        let admitted = if with_conditions { self.machine.admits(&run.needs, cx.now.monotonic) } else { Ok(()) };
        admitted.and_then(|()| self.launch(cx, task.0, &run, arguments)).map_err(|why| {
            self.tell_skipped(cx, slot.number, why);
            why.into()
        })
    }

    /// Asks every instance of the task to stop, and drops those that wait.
    ///
    /// # Errors
    /// [`Refused::NotRunning`] if there is none.
    pub fn stop(&mut self, cx: &mut Context<'_>, task: TaskIndex) -> Result<(), Refused> {
        self.task(task)?;
        let waited = self.drop_all_waiting(cx, task.0, |slot| slot.waits_for != wait::COUNTED);
        if self.stop_instances(cx, task.0, 0) || waited { Ok(()) } else { Err(Refused::NotRunning) }
    }

    /// Asks one instance to stop, or drops it if it waits.
    ///
    /// # Errors
    /// [`Refused::NotRunning`] if there is no such instance.
    pub fn stop_instance(&mut self, cx: &mut Context<'_>, instance: Guid) -> Result<(), Refused> {
        let (index, _) = self.visible(instance)?;
        self.ask_to_stop(cx, index);
        Ok(())
    }

    /// Calls `visit` with each instance of one task, or of all, until it returns false.
    pub fn instances(&self, task: Option<TaskIndex>, visit: &mut dyn FnMut(Guid) -> bool) {
        let Some(task) = task else {
            let used = self.memory.instances.get(..self.instances.mark as usize).unwrap_or_default();
            used.iter().filter(|slot| is_visible(slot)).map(|slot| slot.guid).all(visit);
            return;
        };
        if let Ok(slot) = self.task(task) {
            list::iter::<OfTask, _>(self.memory.instances, slot.last)
                .filter_map(|index| self.memory.instances.get(index as usize))
                .filter(|slot| is_visible(slot))
                .map(|slot| slot.guid)
                .all(visit);
        }
    }

    /// One instance.
    ///
    /// # Errors
    /// [`Refused::NotRunning`] if there is no such instance, or its task was deleted.
    pub fn instance(&mut self, cx: &mut Context<'_>, instance: Guid) -> Result<InstanceInfo, Refused> {
        let (index, task) = self.visible(instance)?;
        let number = self.task(task)?.number;
        let path = self.path_of(cx, number)?;
        let slot = self.memory.instances.get(index as usize).ok_or(Refused::NotRunning)?;
        let state = if slot.runs() { TaskState::Running } else { TaskState::Queued };
        Ok(InstanceInfo { instance, task, path, state, action: slot.action, process: slot.process })
    }

    fn visible(&self, instance: Guid) -> Result<(u32, TaskIndex), Refused> {
        let index = self.instance_at(instance).ok_or(Refused::NotRunning)?;
        let slot = self.memory.instances.get(index as usize).filter(|slot| is_visible(slot));
        let task = slot.and_then(|slot| slot.task.index()).ok_or(Refused::NotRunning)?;
        Ok((index, TaskIndex(task)))
    }

    /// The host started the current action of an instance, or found that it still runs; `process` is its process id.
    ///
    /// An instance that is not waited for is left alone: it ended before this was reported.
    pub fn started(&mut self, cx: &mut Context<'_>, instance: Guid, process: u32) {
        let Some(index) = self.instance_at(instance) else { return };
        let Some(slot) = self.memory.instances.get_mut(index as usize) else { return };
        let adopted = slot.phase == Phase::Recovering;
        if !adopted && (slot.phase != Phase::Starting || slot.waits_for == wait::RECORD) {
            return;
        }
        slot.phase = Phase::Running;
        slot.process = process;
        let (stopping, limit, started) = (slot.has(order::STOPPING), slot.limit, slot.started);
        if let Some(task) = slot.task.index() {
            self.with_task(task, |task| task.set_ran(started));
        }
        if adopted && stopping {
            self.order_stop(cx, index);
        } else if adopted && limit > 0 {
            // What it ran for while nobody looked counts, if the clock can tell.
            let ran = cx.now.wall.filter(|_| started != Timestamp::MIN).map_or(0, |wall| wall.since(started));
            self.set_deadline(index, cx.now, limit.saturating_sub(u64::try_from(ran).unwrap_or(0)));
        }
    }

    /// The current action of an instance ended, also if it was stopped or had ended while the server was down.
    ///
    /// `result` is the exit code, or E_PROCESS_ABORTED if there was none that anybody saw. An instance that was asked to stop
    /// and left no code ends with SCHED_S_TASK_TERMINATED; if it left one, that is its result.
    ///
    /// The next action, if there is one, starts now, whatever the result; not if the instance was asked to stop, nor if
    /// it ended while the server was down, since nobody knows how long ago that was.
    pub fn exited(&mut self, cx: &mut Context<'_>, instance: Guid, result: Status) {
        let Some(index) = self.instance_at(instance) else { return };
        let Some(slot) = self.memory.instances.get_mut(index as usize) else { return };
        if !slot.runs() || slot.waits_for == wait::RECORD {
            return;
        }
        let stopping = slot.has(order::STOPPING);
        let task = slot.task.index().and_then(|task| self.memory.tasks.get(task as usize));
        let more = task.is_some_and(|task| slot.action.saturating_add(1) < task.actions);
        if more && !stopping && !self.closing && slot.phase != Phase::Recovering {
            slot.action += 1;
            slot.process = 0;
            slot.phase = Phase::Starting;
            match self.put_instance(cx, index, None) {
                Ok(()) => self.give_order(index, order::START),
                Err(error @ StoreError::Failed { .. }) => {
                    self.tell(Event::StoreFailed { error });
                    self.with_instance(index, |slot| slot.waits_for = wait::RECORD);
                    self.unrecorded += 1;
                    self.try_later(cx.now);
                }
                // There is no room for it, or its record is gone, with what it is to run with.
                Err(error) => {
                    self.tell(Event::StoreFailed { error });
                    self.end(cx, index, result);
                }
            }
            return;
        }
        let terminated = stopping && result == Status::E_PROCESS_ABORTED;
        self.end(cx, index, if terminated { Status::SCHED_S_TASK_TERMINATED } else { result });
    }

    /// The host could not start the current action of an instance, which ends with `result`; further actions do not start. The
    /// task is tried again later if it asks for that.
    pub fn start_failed(&mut self, cx: &mut Context<'_>, instance: Guid, result: Status) {
        let Some(index) = self.instance_at(instance) else { return };
        let starts = |slot: &&InstanceSlot| slot.runs() && slot.waits_for != wait::RECORD;
        let Some(&slot) = self.memory.instances.get(index as usize).filter(starts) else { return };
        let mut buffer = [0; INSTANCE_MAX];
        let arguments = arguments(&mut buffer, cx.store, index, &slot);
        self.end_noted(cx, index, result, false);
        if slot.has(order::STOPPING) || self.closing {
            return;
        }
        let clocks = self.clocks(cx);
        let Some(task) = slot.task.index() else { return };
        let Some(&of) = self.memory.tasks.get(task as usize) else { return };
        let image = plan::image(self.memory.record, cx.store, of.definition);
        match (arguments, image) {
            (Ok(arguments), Ok(image)) => {
                if plan::suits(&image, &slot, of.definition)
                    && let Ok(run) = Run::again(&image, &of, &clocks, &slot)
                {
                    self.try_again_later(cx, task, &run, arguments);
                }
            }
            (Err(error), _) | (_, Err(Refused::Store(error))) => {
                self.tell(Event::StoreFailed { error });
                // Whether it is to be tried again is seen when its definition can be read.
                let mut again = slot;
                (again.phase, again.waits_for) = (Phase::Waiting, wait::AGAIN);
                again.attempt = slot.attempt.saturating_add(1);
                // Its arguments went with its record.
                if slot.has(order::RECORD) || !self.wait_for_store(cx, index, &again) {
                    self.skip(cx, of.number, Skipped::StoreFailed, 1);
                }
            }
            _ => {}
        }
    }

    /// The server is about to end: asks every instance that was started to stop. From now on nothing is started; what ends
    /// is recorded as ended. What waits goes on waiting in the store for the next start of the server, or is found again by the
    /// calendar; what no start would find, of other triggers and of members of a group, is told as stopped.
    pub fn stop_all(&mut self, cx: &mut Context<'_>) {
        self.closing = true;
        for index in 0..self.instances.mark {
            if self.memory.instances.get(index as usize).is_some_and(|slot| !outlives(slot)) {
                self.ask_to_stop(cx, index);
            }
        }
        self.write_all_history(cx);
    }
}

/// Whether the next start of the server knows of what waits, or finds it again. Events that were counted are of this life alone.
fn outlives(slot: &InstanceSlot) -> bool {
    match slot.phase {
        Phase::Queued => slot.session() == 0,
        Phase::Waiting if slot.waits_for == wait::COUNTED => true,
        Phase::Waiting => slot.session() == 0 && slot.cause().settles().is_some(),
        _ => false,
    }
}

/// Whether clients see it. What belonged to a deleted task is seen by nobody, but is still stopped and waited for.
fn is_visible(slot: &InstanceSlot) -> bool {
    let is_run = slot.phase != Phase::Waiting || slot.waits_for != wait::COUNTED;
    slot.task.is_some() && is_run && !matches!(slot.phase, Phase::Unused | Phase::Ended)
}

/// Arguments, each behind its length.
fn pack<'b>(arguments: &mut dyn Iterator<Item = &str>, buffer: &'b mut [u8; ARGUMENTS]) -> Result<&'b [u8], Refused> {
    let mut bytes = 0;
    let mut used = 0;
    for (ordinal, argument) in arguments.enumerate() {
        bytes += argument.len();
        if ordinal >= RUN_ARGUMENTS || bytes > RUN_ARGUMENT_BYTES {
            return Err(Refused::TooLarge);
        }
        let length = u16::try_from(argument.len()).map_err(|_| Refused::TooLarge)?;
        for part in [&length.to_le_bytes(), argument.as_bytes()] {
            buffer.get_mut(used..used + part.len()).ok_or(Refused::TooLarge)?.copy_from_slice(part);
            used += part.len();
        }
    }
    buffer.get(..used).ok_or(Refused::TooLarge)
}

/// The arguments of an instance, packed, with its record fetched into `record`.
///
/// # Errors
/// [`StoreError::Corrupt`] if the record is gone or cannot be read, or what befell the store.
pub(super) fn arguments<'e>(
    record: &'e mut [u8],
    store: &mut dyn Store,
    index: u32,
    slot: &InstanceSlot,
) -> Result<&'e [u8], StoreError> {
    if !slot.has(order::RECORD) {
        return Ok(&[]);
    }
    let length = store.get(store::instance_key(index + 1), record)?.ok_or(StoreError::Corrupt)?;
    let bytes = record.get(..length).ok_or(StoreError::Corrupt)?;
    Ok(store::Instance::decode(bytes).map_err(|_| StoreError::Corrupt)?.arguments)
}

/// Arguments as they were packed. What is not of that form ends them.
pub(super) fn unpack(mut packed: &[u8]) -> impl Iterator<Item = &str> + Clone {
    core::iter::from_fn(move || {
        let (length, rest) = packed.split_first_chunk()?;
        let (argument, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
        packed = rest;
        core::str::from_utf8(argument).ok()
    })
}
