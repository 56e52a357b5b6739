//! Ticks: what is due is fired, and the clocks are followed.

use super::{
    CatchUp, Context, Engine, Refused, TaskSlot, catch_up,
    clocks::{After, Moment},
    plan::{self, Run},
    queue,
    refused::NotRun,
    slots::flag,
    waiting::Until,
};
use crate::{
    event::{Event, Skipped},
    limits::{FIRINGS_PER_TICK, LATE_TIME, RETRY_TIME, STEP_TIME},
    store::{Cause, DEFINITION},
    time::{Now, Timestamp},
};

impl Engine<'_> {
    /// Fires what is due, stops what has run too long, and tries again what the store refused.
    ///
    /// Call it when [`deadline`](Self::deadline) is reached; a tick too many does no harm. It fires a bounded number of
    /// tasks; if more are due, the deadline stays in the past. After a failure of the store it fires no further ones, and
    /// the deadline is when the store is tried again.
    pub fn tick(&mut self, cx: &mut Context<'_>) {
        if self.has_stepped(cx.now) {
            self.rebuild_queues(cx, self.seen);
        }
        self.seen = cx.now;
        if cx.now.monotonic >= self.retry {
            self.held = !self.try_again(cx);
        }
        self.keep_ledger(cx);
        self.pass_deadlines(cx);
        if self.closing || self.held {
            return;
        }
        for _ in 0..FIRINGS_PER_TICK {
            let Some(task) = self.first_due(cx.now) else { return };
            if !self.fire(cx, task) {
                self.try_later(cx.now);
                self.held = true;
                return;
            }
        }
    }

    /// Does what the store refused, up to its first failure; returns whether there was none.
    fn try_again(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.record_again(cx) {
            return false;
        }
        if self.rearm {
            self.rebuild_queues(cx, self.seen);
        }
        !self.rearm && (!self.stalled || self.closing || self.start_stalled(cx))
    }

    /// Notes when what the store refused is tried again: failures that come meanwhile do not put it off.
    pub(super) fn try_later(&mut self, now: Now) {
        if self.retry <= now.monotonic {
            self.retry = now.monotonic.plus(RETRY_TIME);
        }
    }

    /// The wall clock was set, or became known or unknown: every calendar trigger is armed anew from the time that it
    /// shows now.
    ///
    /// A step forward passes over what lies between; what is due at this very moment, or was passed over by no more than
    /// [`LATE_TIME`], runs with the next tick. A step back makes nothing run that ran before.
    pub fn clock_set(&mut self, cx: &mut Context<'_>) {
        // The host may have slept, and tell of the clock before it ticks.
        self.rebuild_queues(cx, self.seen);
        self.seen = cx.now;
    }

    /// The zone is another, or its rules are: every trigger in local time is armed anew.
    pub fn zone_changed(&mut self, cx: &mut Context<'_>) {
        // What lies behind by the new zone alone was not missed.
        self.rebuild_queues(cx, self.clocks_as_seen(cx.now));
        self.seen = cx.now;
    }

    /// What the clocks would show now, had the wall clock not been set since they were last seen.
    pub(super) fn clocks_as_seen(&self, now: Now) -> Now {
        let passed = i64::try_from(now.monotonic.since(self.seen.monotonic)).unwrap_or(i64::MAX);
        Now { monotonic: now.monotonic, wall: self.seen.wall.map(|wall| wall.plus(passed)) }
    }

    /// Whether the wall clock went another way than the monotonic clock since both were last seen.
    fn has_stepped(&self, now: Now) -> bool {
        match (self.clocks_as_seen(now).wall, now.wall) {
            (Some(seen), Some(wall)) => wall.since(seen).unsigned_abs() > STEP_TIME,
            (None, None) => false,
            _ => true,
        }
    }

    /// The task that has been due for longest.
    fn first_due(&mut self, now: Now) -> Option<u32> {
        let late = |engine: &mut Self, relative: bool, clock: i64| {
            let (index, at) = engine.queue().first(relative)?;
            let late = clock.saturating_sub(at);
            (late >= 0).then_some((late, index))
        };
        let calendar = now.wall.and_then(|wall| late(self, false, wall.0));
        let relative = late(self, true, i64::try_from(now.monotonic.0).unwrap_or(i64::MAX));
        match (calendar, relative) {
            (Some((calendar, _)), Some((relative, index))) if relative > calendar => Some(index),
            (Some((_, index)), _) | (None, Some((_, index))) => Some(index),
            (None, None) => None,
        }
    }

    /// Fires one task that is due, and arms it for its next occurrence; returns whether the store did not fail.
    fn fire(&mut self, cx: &mut Context<'_>, index: u32) -> bool {
        let clocks = self.clocks(cx);
        let Some(&task) = self.memory.tasks.get(index as usize) else { return true };
        if task.has(flag::EXPIRES) {
            return self.expire(cx, index, &task);
        }
        let Some((at, relative)) = queue::due(self.memory.queue, index) else { return true };
        let moment = Moment { at, relative };
        let retry = task.has(flag::RETRY);
        if !moment.relative {
            let at = Timestamp(moment.at);
            self.with_task(index, |task| task.floor = task.floor.max(at));
        }
        let waits = self.has_occurrence_waiting(&task);
        let turns = &mut self.turns;
        let found = plan::image(self.memory.record, cx.store, task.definition).map(|image| {
            let (mut slot, mut run) = (task, None);
            let after = if retry { After::just_before(&clocks) } else { After::moment(moment, &clocks, LATE_TIME) };
            let mut passed = 0;
            if slot.has(flag::CATCHING_UP) {
                let owed = catch_up::run(&image, &task, waits, &clocks);
                slot.floor = owed.map_or(slot.floor, |(_, at, _)| at);
                slot.set(flag::OWED, owed.is_some_and(|(.., more)| more));
                run = owed.and_then(|(run, ..)| run);
            } else if retry {
                // What came while its definition could not be read is behind what it was due for then.
                if task.floor != Timestamp::MIN && !task.has(flag::OWED) {
                    passed = catch_up::count(&image, task.floor, after.wall.plus(1), &clocks);
                    slot.floor = slot.floor.max(after.wall);
                }
            } else {
                run = plan::run(&image, &task, &clocks, moment);
                passed = plan::passed(&image, &task, &clocks, moment);
                if !moment.relative {
                    // What a late tick passes over is settled with what it runs.
                    slot.floor = slot.floor.max(after.wall);
                }
            }
            let next = plan::next(&image, &slot, &clocks, after);
            let settles =
                (retry || !moment.relative || task.has(flag::CATCHING_UP)) && CatchUp::of(&image) != CatchUp::Skip;
            (run, turns.next(&image, &mut slot, next, &clocks), slot, passed, settles)
        });
        match found {
            Ok((run, next, slot, passed, settles)) => {
                self.with_task(index, |task| {
                    task.floor = task.floor.max(slot.floor);
                    for flag in [flag::OWED, flag::CATCHING_UP] {
                        task.set(flag, slot.has(flag));
                    }
                });
                self.arm(index, next);
                if passed > 0 {
                    self.note_passed(cx, task.number, passed);
                    if retry && settles {
                        self.settle(cx, index);
                    }
                }
                if let Some(run) = run
                    && let Err(why) = self.launch_after_random_delay(cx, index, &run)
                {
                    self.tell_skipped(cx, task.number, why);
                    if settles {
                        // That it was skipped is to be known when it is settled for good.
                        self.write_all_history(cx);
                        self.settle(cx, index);
                    }
                    return !matches!(why, NotRun::Store(_));
                }
                true
            }
            Err(refused) => {
                if let Refused::Store(_) = refused {
                    if !retry && !task.has(flag::OWED) {
                        // From here on is counted what comes until it can be read.
                        let now = After::just_before(&clocks).wall;
                        self.with_task(index, |task| task.floor = task.floor.max(now));
                    }
                    self.arm_retry(index, cx.now);
                } else {
                    self.disarm(index);
                    self.with_task(index, |task| task.set(flag::DAMAGED, true));
                }
                self.tell_unreadable(&task, refused);
                // What is made up for still has its turn.
                if !retry && !task.has(flag::CATCHING_UP) {
                    self.skip(cx, task.number, Skipped::StoreFailed, 1);
                }
                !matches!(refused, Refused::Store(_))
            }
        }
    }

    /// Deletes a task that fires no more, or looks again later, if something of it still runs; returns whether the store did not
    /// fail.
    fn expire(&mut self, cx: &mut Context<'_>, index: u32, task: &TaskSlot) -> bool {
        // An event that was counted is no run, and may wait for others for ever.
        let is_left = task.running == 0 && task.queued == 0 && !self.waits(task) && !task.has(flag::STOPPED_BY_USE);
        let deleted =
            if is_left { self.path_of(cx, task.number).and_then(|path| self.delete(cx, &path)) } else { Ok(()) };
        if !is_left || deleted.is_err() {
            let at = i64::try_from(cx.now.monotonic.plus(LATE_TIME).0).unwrap_or(i64::MAX);
            let moment = Some(Moment { at, relative: true });
            self.arm(index, plan::Next { moment, delayed: false, expires: true });
        }
        !matches!(deleted, Err(Refused::Store(_)))
    }

    /// Starts a run, or lets it wait for a part of the RandomDelay of its trigger, [MS-TSCH] 2.5.3.5.
    fn launch_after_random_delay(&mut self, cx: &mut Context<'_>, index: u32, run: &Run) -> Result<(), NotRun> {
        if let Cause::Maintenance { at, exclusive } = run.cause {
            return self.launch_for_maintenance(cx, index, run, at, exclusive);
        }
        if run.random_delay == 0 {
            return self.launch_or_wait(cx, index, run, &[]);
        }
        let mut random = [0; 8];
        cx.entropy.fill(&mut random).map_err(|_| NotRun::NoEntropy)?;
        let delay = u64::from_le_bytes(random) % run.random_delay.saturating_add(1);
        self.wait(cx, index, run, Until::Later { at: cx.now.monotonic.plus(delay) }, &[])
    }

    /// Tells that the definition of a task could not be read.
    pub(super) fn tell_unreadable(&mut self, task: &TaskSlot, refused: Refused) {
        self.tell(if let Refused::Store(error) = refused {
            Event::StoreFailed { error }
        } else {
            Event::RecordDamaged { kind: DEFINITION, number: task.definition }
        });
    }
}
