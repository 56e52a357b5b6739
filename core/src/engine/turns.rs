//! Turns: runs that wait for others of their task to end, as InstancesPolicy has it, [MS-TSCH] 2.5.4.3. Their records say so, and
//! outlive the server.

use super::{
    Context, Engine, InstanceSlot, TaskSlot, instances, list,
    plan::{self, Run},
    refused::NotRun,
    slots::{OfTask, Phase},
};
use crate::{
    event::Event,
    limits::FIRINGS_PER_TICK,
    ports::StoreError,
    status::Status,
    store::{ARGUMENTS, Cause, INSTANCE},
    time::Timestamp,
};

/// What becomes of a run whose turn has come.
enum Turn {
    /// It starts, and may run for so many milliseconds now, if its definition can be read.
    Starts(Option<u64>),
    /// It waits for what hinders it.
    Waits,
}

impl Engine<'_> {
    /// Gives an instance its turn and makes durable that it waits.
    pub(super) fn enqueue(&mut self, cx: &mut Context<'_>, index: u32, arguments: &[u8]) -> Result<(), StoreError> {
        let turn = self.next_turn;
        self.with_instance(index, |instance| {
            instance.turn = turn;
            instance.started = Timestamp::MIN;
        });
        self.put_instance(cx, index, Some(arguments))?;
        self.next_turn = turn.saturating_add(1);
        Ok(())
    }

    /// Starts the instance that has waited longest for the others of its task to end, if they have; returns whether the
    /// store did not fail. One whose record is damaged ends instead: it would be in the way for ever.
    pub(super) fn start_queued(&mut self, cx: &mut Context<'_>, task: u32) -> bool {
        loop {
            let Some(next) = self.longest_queued(task) else { return true };
            match self.turn(cx, task, next) {
                Ok(Turn::Starts(limit)) => self.with_instance(next, |slot| slot.limit = limit.unwrap_or(slot.limit)),
                Ok(Turn::Waits) => {
                    self.drop_queued(cx, next);
                    continue;
                }
                Err(NotRun::Store(error @ StoreError::Failed { .. })) => {
                    self.stalled = true;
                    self.try_later(cx.now);
                    self.tell(Event::StoreFailed { error });
                    return false;
                }
                Err(why) => {
                    let number = self.memory.tasks.get(task as usize).map_or(0, |task| task.number);
                    self.tell_skipped(cx, number, why);
                    if let Some(&slot) = self.memory.instances.get(next as usize) {
                        self.settle_dropped(cx, &slot);
                    }
                    self.drop_queued(cx, next);
                    continue;
                }
            }
            match self.begin(cx, next, None) {
                Ok(()) => {
                    self.with_task(task, |task| task.queued = task.queued.saturating_sub(1));
                }
                Err(StoreError::Corrupt | StoreError::TooSmall { .. }) => {
                    self.tell(Event::RecordDamaged { kind: INSTANCE, number: next + 1 });
                    self.drop_queued(cx, next);
                }
                Err(error) => {
                    self.stalled = true;
                    self.try_later(cx.now);
                    self.tell(Event::StoreFailed { error });
                    return false;
                }
            }
        }
    }

    /// What becomes of a run whose turn has come. One that somebody asked for was admitted then.
    fn turn(&mut self, cx: &mut Context<'_>, task: u32, instance: u32) -> Result<Turn, NotRun> {
        let Some(run) = self.run_of(cx, task, instance)? else { return Ok(Turn::Starts(None)) };
        let admitted = match run.cause {
            Cause::Demand => Ok(()),
            Cause::Maintenance { exclusive, .. } if self.is_in_the_way(exclusive) => Err(NotRun::AlreadyRunning),
            _ => self.machine.admits(&run.needs, cx.now.monotonic),
        };
        match admitted {
            Ok(()) => Ok(Turn::Starts(Some(run.limit))),
            Err(why) => self.wait_instead(cx, task, instance, &run, why).map(|()| Turn::Waits),
        }
    }

    /// Has a run whose turn has come wait for what hinders it, as it would have done had it not waited for others.
    #[inline(never)] // What it needs of the stack is not for those that start.
    fn wait_instead(
        &mut self,
        cx: &mut Context<'_>,
        task: u32,
        instance: u32,
        run: &Run,
        why: NotRun,
    ) -> Result<(), NotRun> {
        let Some(&slot) = self.memory.instances.get(instance as usize) else { return Err(why) };
        let mut buffer = [0; ARGUMENTS];
        let arguments = instances::arguments(self.memory.record, cx.store, instance, &slot).map_err(NotRun::Store)?;
        let room = buffer.get_mut(..arguments.len()).ok_or(NotRun::Store(StoreError::Corrupt))?;
        room.copy_from_slice(arguments);
        self.wait_for_what_hinders(cx, task, run, why, room)
    }

    /// The run of an instance whose turn has come; none if its definition cannot be read.
    fn run_of(&mut self, cx: &mut Context<'_>, task: u32, instance: u32) -> Result<Option<Run>, NotRun> {
        let clocks = self.clocks(cx);
        let (Some(&task), Some(&instance)) =
            (self.memory.tasks.get(task as usize), self.memory.instances.get(instance as usize))
        else {
            return Ok(None);
        };
        if instance.session() != 0 {
            self.members(cx, task.definition, instance.session())?;
        }
        // What cannot be read is told when its action is looked for.
        let Ok(image) = plan::image(self.memory.record, cx.store, task.definition) else { return Ok(None) };
        if !plan::suits(&image, &instance, task.definition) {
            return Err(NotRun::NobodyLoggedOn);
        }
        Run::again(&image, &task, &clocks, &instance).map(Some)
    }

    /// The instance of a task that waits and may start, if there is one.
    fn longest_queued(&self, task: u32) -> Option<u32> {
        let slot = self.memory.tasks.get(task as usize)?;
        if slot.queued == 0 || self.closing {
            return None;
        }
        let turn = |&index: &u32| self.memory.instances.get(index as usize).map(|slot| slot.turn);
        let waits =
            |&index: &u32| self.memory.instances.get(index as usize).is_some_and(|slot| slot.phase == Phase::Queued);
        // A member of a group waits for runs of that member alone.
        let is_free = |&index: &u32| {
            let session = self.memory.instances.get(index as usize).map_or(0, InstanceSlot::session);
            slot.running == 0 || session != 0 && !self.has_other(task, session, InstanceSlot::runs)
        };
        list::iter::<OfTask, _>(self.memory.instances, slot.last).filter(waits).filter(is_free).min_by_key(turn)
    }

    /// Starts instances that wait for nothing any more; returns whether the store did not fail. Those that a tick does not
    /// come to, the next one does.
    pub(super) fn start_stalled(&mut self, cx: &mut Context<'_>) -> bool {
        let mut left = FIRINGS_PER_TICK;
        for index in 0..self.instances.mark {
            let Some(slot) = self.memory.instances.get(index as usize) else { break };
            let Some(task) = slot.task.index().filter(|_| slot.phase == Phase::Queued) else { continue };
            let is_in_the_way = |task: &TaskSlot| task.running > 0 && slot.session() == 0;
            if self.memory.tasks.get(task as usize).is_none_or(is_in_the_way) {
                continue;
            }
            if left == 0 {
                return true;
            }
            if !self.start_queued(cx, task) {
                return false;
            }
            left -= 1;
        }
        self.stalled = false;
        true
    }

    /// Drops an instance that waited, and its record. Without its task, as it never ran, it leaves no result.
    pub(super) fn drop_queued(&mut self, cx: &mut Context<'_>, index: u32) {
        let Some(instance) = self.memory.instances.get_mut(index as usize) else { return };
        instance.phase = Phase::Ended;
        let (task, number, guid) = (instance.task, instance.number, instance.guid);
        if let Some(task) = task.index() {
            self.with_task(task, |task| task.queued = task.queued.saturating_sub(1));
        }
        self.detach(index);
        self.unrecorded += 1;
        self.tell(Event::InstanceEnded { task: number, instance: guid, result: Status::SCHED_S_TASK_TERMINATED });
        self.record(cx, index);
    }
}
