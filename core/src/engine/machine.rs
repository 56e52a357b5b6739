//! The machine under the tasks: what the host says of it, and what that lets start, stops, and starts again,
//! [MS-TSCH] 3.2.4.2 and 3.2.5.4.2.

use super::{
    Context, Engine, Refused, TaskIndex, TaskSlot,
    clocks::{After, Clocks},
    plan::{self, Needs, Next, Run},
    queue,
    refused::NotRun,
    slots::{Phase, flag, order},
    waiting::Until,
};
use crate::{event::Skipped, guid::Guid, ports::StoreError, store::Cause, time::Monotonic};

/// What the host knows of the machine. The default is one that needs nobody to say anything of it: on mains, with a
/// network, and never idle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    /// It runs on batteries, or on those of its uninterruptible supply.
    pub on_batteries: bool,
    /// It has a network.
    pub network: bool,
    /// Which network. A host that does not tell networks apart says none; then any network is the one that a task names.
    pub network_id: Option<Guid>,
    /// Nobody uses it, as the host judges that: the Duration of a task's IdleSettings counts from when it is said.
    pub idle: bool,
    /// The session is that of a remote application.
    pub remote_app_session: bool,
}

impl Default for Machine {
    fn default() -> Self {
        Self { on_batteries: false, network: true, network_id: None, idle: false, remote_app_session: false }
    }
}

/// The machine, and since when it has been idle.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct State {
    pub(super) machine: Machine,
    idle_since: Option<Monotonic>,
}

impl State {
    /// Since when it has been idle, by the monotonic clock.
    pub(super) const fn idle_since(&self) -> Option<Monotonic> {
        self.idle_since
    }

    /// When it will have been idle for so many milliseconds, if it stays so.
    pub(super) fn idle_for(&self, milliseconds: u64) -> Option<Monotonic> {
        Some(self.idle_since?.plus(milliseconds))
    }

    /// Whether it lets a task start now.
    pub(super) fn admits(&self, needs: &Needs, now: Monotonic) -> Result<(), NotRun> {
        let machine = &self.machine;
        let is_other = |wanted: Guid| machine.network_id.is_some_and(|there| there != wanted);
        if needs.mains && machine.on_batteries {
            Err(NotRun::OnBatteries)
        } else if needs.network && (!machine.network || needs.network_id.is_some_and(is_other)) {
            Err(NotRun::NoNetwork)
        } else if needs.no_remote_app && machine.remote_app_session {
            Err(NotRun::RemoteAppSession)
        } else if needs.idle.is_some_and(|idle| self.idle_for(idle.duration).is_none_or(|at| at > now)) {
            Err(NotRun::NotIdle)
        } else {
            Ok(())
        }
    }
}

impl Engine<'_> {
    /// What the host said of the machine last.
    #[must_use]
    pub const fn machine(&self) -> Machine {
        self.machine.machine
    }

    /// The machine has started, and not the server alone: tasks that are Volatile, [MS-TSCH] 2.5.4.21, are disabled. Call it
    /// after [`load`](Self::load), before the first tick.
    ///
    /// # Errors
    /// What befell the store; the tasks that come after are as they were, until it is called again.
    pub fn machine_started(&mut self, cx: &mut Context<'_>) -> Result<(), StoreError> {
        for index in 0..if self.volatile { self.tasks.mark } else { 0 } {
            let Some(task) = self.memory.tasks.get(index as usize) else { break };
            if task.has(flag::FOLDER) || !task.has(flag::ENABLED) {
                continue;
            }
            match plan::image(self.memory.record, cx.store, task.definition) {
                Ok(image) if image.conditions().volatile => {}
                Err(Refused::Store(error)) => return Err(error),
                _ => continue,
            }
            // One whose entry is damaged cannot be disabled, and is told of where the entry is read.
            if let Err(Refused::Store(error)) = self.set_enabled(cx, TaskIndex(index), false) {
                return Err(error);
            }
        }
        self.volatile = false;
        Ok(())
    }

    /// The machine is another than it was. Instances that may not go on are asked to stop; idle triggers fire, and what waits
    /// for an idle machine starts, when that has lasted for as long as each task demands.
    ///
    /// Whoever has been idle and is said to be idle again goes on being it.
    pub fn machine_changed(&mut self, cx: &mut Context<'_>, machine: Machine) {
        let before = core::mem::replace(&mut self.machine.machine, machine);
        if machine.on_batteries && !before.on_batteries {
            self.stop_those(cx, |task| task.has(flag::STOP_ON_BATTERIES).then_some(false));
        }
        if machine.idle == before.idle {
            return;
        }
        self.machine.idle_since = machine.idle.then_some(cx.now.monotonic);
        self.turn_to_idle(cx.now);
        self.idle_changed(cx);
        if !machine.idle {
            self.stop_those(cx, |task| task.has(flag::STOP_ON_IDLE_END).then(|| task.has(flag::RESTART_ON_IDLE)));
        }
    }

    /// Asks the running instances of some tasks to stop. `stops` says whether of a task, and whether it is to start again when
    /// the machine is idle again.
    fn stop_those(&mut self, cx: &mut Context<'_>, stops: impl Fn(&TaskSlot) -> Option<bool>) {
        for index in 0..self.instances.mark {
            let Some(slot) = self.memory.instances.get(index as usize) else { return };
            if !slot.runs() || slot.has(order::STOPPING) {
                continue;
            }
            let Some(task) = slot.task.index() else { continue };
            let Some(again) = self.memory.tasks.get(task as usize).and_then(&stops) else { continue };
            if again {
                self.with_task(task, |task| task.set(flag::STOPPED_BY_USE, true));
            }
            self.ask_to_stop(cx, index);
        }
    }

    /// The machine is idle, or is so no longer: idle triggers are armed for that, and what was stopped because somebody came
    /// waits for its turn. What an idle trigger starts is not started twice.
    fn idle_changed(&mut self, cx: &mut Context<'_>) {
        let clocks = self.clocks(cx);
        let is_idle = self.machine.machine.idle;
        for index in 0..self.tasks.mark {
            let Some(&task) = self.memory.tasks.get(index as usize).filter(|task| task.has(flag::ENABLED)) else {
                continue;
            };
            let triggers = task.has(flag::IDLE_TRIGGER);
            let again = task.has(flag::STOPPED_BY_USE) && is_idle;
            if !triggers && !again {
                continue;
            }
            let turns = &mut self.turns;
            let found = plan::image(self.memory.record, cx.store, task.definition).map(|image| {
                let (mut slot, mut next) = (task, plan::next(&image, &task, &clocks, After::now(&clocks)));
                if triggers && task.has(flag::OWED) && !task.has(flag::CATCHING_UP) {
                    // It gave its turn up for an idle time that is over already.
                    next = turns.next(&image, &mut slot, next, &clocks);
                }
                (Run::of(&image), next, slot.flags)
            });
            let (run, next, flags) = match found {
                Ok(found) => found,
                Err(refused) => {
                    self.tell_unreadable(&task, refused);
                    if is_idle {
                        // What was stopped has its turn when the machine is idle again.
                        self.skip(cx, task.number, Skipped::StoreFailed, 1);
                    }
                    continue;
                }
            };
            if triggers {
                self.arm_for_idle(index, &task, next, flags, &clocks);
            }
            if again {
                self.with_task(index, |task| task.set(flag::STOPPED_BY_USE, false));
            }
            if again && !triggers {
                let duration = run.needs.idle.unwrap_or_default().duration;
                let run = Run { cause: Cause::Idle, ..run };
                // It is idle, and for how long it has to be so is all that is waited for.
                let until = Until::Idle { timeout: Some(Monotonic::MAX), duration };
                if let Err(why) = self.wait(cx, index, &run, until, &[]) {
                    self.tell_skipped(cx, task.number, why);
                }
            }
        }
    }

    /// Arms a task with an idle trigger. What is due already fires with the next tick, which arms the task for what comes then;
    /// what it is owed has its turn, unless it fires before. `flags` are those of the task if it is armed so.
    fn arm_for_idle(&mut self, index: u32, task: &TaskSlot, next: Next, flags: u32, clocks: &Clocks<'_>) {
        let due = queue::due(self.memory.queue, index);
        let is_due = match due {
            Some((at, true)) => at <= clocks.monotonic(),
            Some((at, false)) => clocks.now.wall.is_some_and(|wall| at <= wall.0),
            None => false,
        };
        if due.is_some() && (is_due || task.has(flag::RETRY)) {
            return;
        }
        if task.has(flag::CATCHING_UP) {
            let comes_first =
                next.moment.is_some_and(|moment| moment.relative && due.is_none_or(|(at, _)| moment.at <= at));
            if !comes_first {
                return;
            }
            self.with_task(index, |task| task.set(flag::CATCHING_UP, false));
        } else {
            self.with_task(index, |task| task.flags = flags);
        }
        self.arm(index, next);
    }

    /// What waits for an idle machine waits until it has been so for long enough, or no longer.
    fn turn_to_idle(&mut self, now: crate::time::Now) {
        for index in 0..self.instances.mark {
            let Some(slot) = self.memory.instances.get(index as usize) else { return };
            if slot.phase == Phase::Waiting
                && let Some(deadline) = self.idle_deadline(slot)
            {
                self.set_deadline(index, now, deadline.since(now.monotonic));
            }
        }
    }
}
