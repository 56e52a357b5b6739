//! The wall clock was set, or became known, or the zone is another: every task is armed anew.

use super::{
    Context, Engine, Refused, TaskSlot, catch_up,
    clocks::{After, Clocks},
    load::{behind, definition_number, task_number},
    plan, queue,
    slots::{Phase, flag},
};
use crate::{
    event::Event,
    limits::LATE_TIME,
    ports::StoreError,
    store::{Cause, DEFINITION, STATE, State},
    task::Image,
    time::{Now, Timestamp},
};

impl Engine<'_> {
    /// Arms every task anew, in one scan, after the clock or the zone changed. What came since `seen`, when the clocks were looked
    /// at last, and was not fired, is missed.
    pub(super) fn rebuild_queues(&mut self, cx: &mut Context<'_>, seen: Now) {
        let clocks = self.clocks(cx);
        let seen = Clocks { now: seen, ..clocks };
        let resolved = self.resolve(cx, &clocks).and_then(|()| self.drop_oldest(cx, &clocks, &seen));
        self.sort(definition_number);
        self.turns = catch_up::Turns::default();
        let record = core::mem::take(&mut self.memory.record);
        let scanned = cx.store.scan(DEFINITION, &mut |key, bytes| {
            if let Some(index) = self.look_up(definition_number, key.number)
                && let Some(image) = plan::unpacked(record, bytes)
            {
                self.arm_anew(index, &image, &clocks, &seen);
            }
            true
        });
        let scanned = resolved.and(scanned);
        // Those that the scan did not come to keep what they were due for.
        self.queue_all();
        self.memory.record = record;
        self.rearm = scanned.is_err();
        if let Some(wall) = cx.now.wall {
            match self.seen.wall {
                Some(seen) => self.begin_gap(Some(seen), wall, wall),
                None => self.begin_gap(
                    self.ledger.until().filter(|at| *at <= wall),
                    clocks.wall_of(clocks.boot).unwrap_or(wall),
                    wall,
                ),
            }
        }
        if let Err(error) = scanned {
            self.try_later(cx.now);
            self.tell(Event::StoreFailed { error });
        }
    }

    /// Tells what tasks were owed that will not run, because with what the clock has passed over they are owed more than they want.
    fn drop_oldest(&mut self, cx: &mut Context<'_>, clocks: &Clocks<'_>, seen: &Clocks<'_>) -> Result<(), StoreError> {
        let Some(seen) = seen.now.wall else { return Ok(()) };
        for index in 0..self.tasks.mark {
            let due = queue::due(self.memory.queue, index);
            let Some(slot) = self.memory.tasks.get_mut(index as usize) else { break };
            if !slot.has(flag::OWED) || !slot.has(flag::ENABLED) || is_left(slot, due, clocks.now) {
                continue;
            }
            let dropped = match plan::image(self.memory.record, cx.store, slot.definition) {
                Ok(image) => catch_up::drop_oldest(&image, slot, seen, clocks),
                Err(Refused::Store(error)) => return Err(error),
                // The scan does not come to it either.
                Err(_) => 0,
            };
            if dropped > 0 {
                let number = slot.number;
                self.note_passed(cx, number, dropped);
            }
        }
        Ok(())
    }

    /// Arms a task anew, unless it is due; a trigger of the other clock that is due hides nothing of what the calendar missed.
    /// `seen` are the clocks as they were before.
    fn arm_anew(&mut self, index: u32, image: &Image<'_>, clocks: &Clocks<'_>, seen: &Clocks<'_>) {
        let due = queue::due(self.memory.queue, index);
        let Some(slot) = self.memory.tasks.get_mut(index as usize) else { return };
        if is_left(slot, due, clocks.now) {
            return;
        }
        let is_due = is_due(slot, due, clocks.now);
        let since = match slot.anchor {
            i64::MAX => None,
            at if slot.has(flag::UNRESOLVED) => Some(Timestamp(at)),
            // Whether the clock was wrong, or the other one stood still while the machine slept, nobody can tell.
            at => clocks.wall_of(at).into_iter().chain(seen.wall_of(at)).min(),
        };
        // The host did not tick for it, whatever the clock and the zone say now.
        let passed_over = slot.has(flag::ARMED)
            && !slot.has(flag::RELATIVE | flag::EXPIRES)
            && due.zip(clocks.now.wall).is_some_and(|((due, _), wall)| due < wall.0);
        let (was_owed, floor) = (slot.has(flag::OWED), slot.floor);
        let now = After::now(clocks);
        // What the calendar had ahead of it, though it was armed for something else, runs with the next tick if it is late by
        // little, as it does of a task that was armed for it.
        let comes_late = seen.now.wall.filter(|seen| {
            let could_fire = !is_due && !was_owed && slot.has(flag::ENABLED) && slot.has(flag::RELATIVE);
            could_fire && {
                let first = catch_up::first(image, slot.floor.max(*seen), clocks);
                let late = first.map_or(i64::MIN, |first| now.wall.since(first));
                late >= 0 && late.unsigned_abs() < LATE_TIME
            }
        });
        let missed = if slot.has(flag::ENABLED) && comes_late.is_none() {
            catch_up::note(image, slot, since, clocks)
        } else {
            None
        };
        // What lay behind before was passed over earlier, or is there only because the zone is another.
        let missed = missed.filter(|at| passed_over || seen.now.wall.is_none_or(|seen| *at >= seen));
        if missed.is_none() && !was_owed {
            slot.set(flag::OWED, false);
            slot.floor = floor;
        }
        slot.set(flag::MISSED, slot.has(flag::MISSED) || missed.is_some());
        if !is_due {
            let after = After { wall: comes_late.unwrap_or(now.wall), ..now };
            let next = plan::next(image, slot, clocks, after);
            let next = self.turns.next(image, slot, next, clocks);
            let due = slot.apply(next);
            self.queue().note(index, due);
        }
    }

    /// Once the time is known: when the tasks that were there at start were registered, by the monotonic clock.
    ///
    /// As at start, no occurrence that became a run is ahead; the store and the instances tell how far they had come. The
    /// order of the due queue is lost.
    fn resolve(&mut self, cx: &mut Context<'_>, clocks: &Clocks<'_>) -> Result<(), StoreError> {
        let Some(wall) = clocks.now.wall else { return Ok(()) };
        let used = self.memory.tasks.get(..self.tasks.mark as usize).unwrap_or_default();
        if !used.iter().any(|slot| slot.has(flag::UNRESOLVED)) {
            return Ok(());
        }
        // Registered so long ago that what has come is over; to say so twice changes nothing.
        let hold = |slot: &mut TaskSlot, elapsed: Option<u64>| {
            if slot.has(flag::UNRESOLVED) {
                slot.anchor = slot.anchor.min(wall.0.saturating_sub(behind(elapsed)));
            }
        };
        self.sort(task_number);
        cx.store.scan(STATE, &mut |key, bytes| {
            if let Some(index) = self.look_up(task_number, key.number)
                && let Ok(state) = State::decode(bytes)
            {
                self.with_task(index, |slot| hold(slot, state.elapsed));
            }
            true
        })?;
        for index in 0..self.instances.mark {
            let Some(&instance) = self.memory.instances.get(index as usize) else { break };
            if let (Cause::Registration(elapsed), Some(task)) = (instance.cause(), instance.task.index())
                && instance.phase != Phase::Unused
            {
                self.with_task(task, |slot| {
                    if slot.definition == instance.definition {
                        hold(slot, Some(elapsed));
                    }
                });
            }
        }
        for slot in self.memory.tasks.iter_mut().take(self.tasks.mark as usize) {
            if slot.has(flag::UNRESOLVED) {
                slot.anchor = clocks.monotonic().saturating_sub(wall.since(Timestamp(slot.anchor)));
                slot.set(flag::UNRESOLVED, false);
            }
        }
        Ok(())
    }
}

/// Whether a task stays as it is armed. One that is owed something has its turn when that is over that it is due for.
fn is_left(slot: &TaskSlot, due: Option<(i64, bool)>, now: Now) -> bool {
    is_due(slot, due, now) && (!slot.has(flag::RELATIVE) || slot.has(flag::CATCHING_UP))
}

/// Whether a task is due, and stays so although the clock changed: a calendar trigger that the clock has passed over by
/// much does not.
fn is_due(slot: &TaskSlot, due: Option<(i64, bool)>, now: Now) -> bool {
    match (due, now.wall) {
        (Some((at, true)), _) => at <= i64::try_from(now.monotonic.0).unwrap_or(i64::MAX) || slot.has(flag::RETRY),
        (Some((at, false)), Some(wall)) => {
            let late = wall.0.saturating_sub(at);
            late >= 0 && late.unsigned_abs() <= LATE_TIME
        }
        _ => false,
    }
}
