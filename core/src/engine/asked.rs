//! What is asked about one task, and the action of an instance.

use super::{
    Command, Context, Definition, Engine, Handler, InstanceSlot, LastRun, Refused, TaskIndex, TaskSlot, TaskState,
    Work,
    entry::fetch,
    instances::{arguments, unpack},
    launch::read_state,
    list, plan, queue,
    slots::{OfTask, Phase, flag, wait},
};
use crate::{
    bytes::Writer,
    guid::Guid,
    limits::TRIGGERS,
    ports::{Store, StoreError},
    recur::{self, Anchors},
    status::Status,
    store::{self, Cause, INSTANCE_MAX},
    task::{
        Action, Arguments, Email, Image, Message, Path,
        parameters::{argument, substitute},
    },
    time::{Monotonic, Timestamp},
};
use core::fmt::Write;

impl Engine<'_> {
    /// A task's definition.
    ///
    /// # Errors
    /// [`Refused::Damaged`] if it cannot be read, or what befell the store.
    pub fn definition(&mut self, cx: &mut Context<'_>, task: TaskIndex) -> Result<Definition<'_>, Refused> {
        let slot = *self.task(task)?;
        let record = &mut *self.memory.record;
        let length = cx.store.get(store::entry_key(slot.number), record)?.ok_or(Refused::Damaged)?;
        let (entry, room) = record.split_at_mut_checked(length).ok_or(Refused::Damaged)?;
        let entry = store::Entry::decode(entry)?;
        let path = Path::parse(entry.path).map_err(|_| Refused::Damaged)?;
        let image = plan::image(room, cx.store, slot.definition)?;
        Ok(Definition { path, image, enabled: slot.has(flag::ENABLED), security: entry.security })
    }

    /// A task's path, as it was written when the task was made.
    ///
    /// # Errors
    /// As for [`definition`](Self::definition).
    pub fn path(&mut self, cx: &mut Context<'_>, task: TaskIndex) -> Result<&str, Refused> {
        let number = self.task(task)?.number;
        Ok(fetch(self.memory.record, cx, number)?.path)
    }

    /// Whether the task may be started; false for what is no task.
    #[must_use]
    pub fn enabled(&self, task: TaskIndex) -> bool {
        self.task(task).is_ok_and(|slot| slot.has(flag::ENABLED))
    }

    /// Whether a task is left out of enumerations unless asked for. Touches no store.
    #[must_use]
    pub fn is_hidden(&self, task: TaskIndex) -> bool {
        self.task(task).is_ok_and(|slot| slot.has(flag::HIDDEN))
    }

    /// The state of a task, [MS-TSCH] 3.2.5.4.18. Touches no store.
    #[must_use]
    pub fn state(&self, task: TaskIndex) -> TaskState {
        match self.task(task) {
            Err(_) => TaskState::Unknown,
            Ok(slot) if slot.running > 0 => TaskState::Running,
            Ok(slot) if slot.queued > 0 || slot.has(flag::DELAYED) || self.waits(slot) => TaskState::Queued,
            Ok(slot) if slot.has(flag::ENABLED) => TaskState::Ready,
            Ok(_) => TaskState::Disabled,
        }
    }

    /// The run that started last; `None` if there was none.
    ///
    /// # Errors
    /// What befell the store.
    pub fn last_run(&mut self, cx: &mut Context<'_>, task: TaskIndex) -> Result<Option<LastRun>, Refused> {
        let slot = self.task(task)?;
        let (number, last) = (slot.number, slot.last);
        let recorded = read_state(cx, number)?
            .filter(|state| state.started.is_some() || state.result != Status::SCHED_S_TASK_HAS_NOT_RUN);
        let recorded = recorded.map(|state| (state.started.unwrap_or(Timestamp::MIN), state.result));
        let in_memory = list::iter::<OfTask, _>(self.memory.instances, last)
            .filter_map(|index| self.memory.instances.get(index as usize))
            .filter(|slot| slot.runs() || slot.phase == Phase::Ended)
            .map(|slot| (slot.started, if slot.runs() { Status::SCHED_S_TASK_RUNNING } else { slot.result() }));
        // What is still to come by the clock was dated by a wrong one.
        let known = |at: Timestamp| if cx.now.wall.is_some_and(|now| at > now) { Timestamp::MIN } else { at };
        let latest = recorded.into_iter().chain(in_memory).max_by_key(|&(started, _)| known(started));
        Ok(latest.map(|(started, result)| LastRun {
            at: if started == Timestamp::MIN { Timestamp(0) } else { started },
            result,
        }))
    }

    /// Calls `visit` with each moment at which time and calendar triggers fire after `from` (exclusive) up to `until`
    /// (inclusive), in order and each once, until it returns false. Whether the task is enabled is not looked at.
    ///
    /// # Errors
    /// [`Refused::Damaged`] if the definition cannot be read, or what befell the store.
    pub fn runtimes(
        &mut self,
        cx: &mut Context<'_>,
        task: TaskIndex,
        from: Timestamp,
        until: Timestamp,
        visit: &mut dyn FnMut(Timestamp) -> bool,
    ) -> Result<(), Refused> {
        let definition = self.task(task)?.definition;
        let image = plan::image(self.memory.record, cx.store, definition)?;
        let triggers = || image.triggers().filter(|trigger| trigger.enabled).take(TRIGGERS);
        let mut ahead = [None; TRIGGERS];
        let mut last = from;
        let mut stale = true;
        loop {
            for (trigger, next) in triggers().zip(&mut ahead) {
                if stale || *next == Some(last) {
                    *next = recur::next(&trigger, &Anchors::default(), last, cx.zone);
                }
            }
            stale = false;
            match ahead.iter().flatten().min() {
                Some(&next) if next <= until && visit(next) => last = next,
                _ => return Ok(()),
            }
        }
    }

    /// When the task fires next, as far as is known now; for a trigger that follows the monotonic clock, what the wall clock
    /// will show then. Touches no store.
    #[must_use]
    pub fn next_run(&self, task: TaskIndex) -> Option<Timestamp> {
        self.task(task).ok().filter(|slot| !slot.has(flag::RETRY | flag::EXPIRES))?;
        self.due_at(task.0)
    }

    /// When the machine is to be awake, as a task is due then that asks for that (WakeToRun, [MS-TSCH] 3.2.4.5). A host asks
    /// before it lets the machine sleep. Looks at every task, and touches no store.
    #[must_use]
    pub fn wake(&self) -> Option<Timestamp> {
        let used = self.memory.tasks.get(..self.tasks.mark as usize).unwrap_or_default();
        let wakes = |slot: &TaskSlot| slot.has(flag::WAKE) && !slot.has(flag::EXPIRES);
        let due = used.iter().zip(0..).filter(|(slot, _)| wakes(slot)).filter_map(|(_, index)| self.due_at(index));
        // What waits for a moment is due then.
        let instances = self.memory.instances.get(..self.instances.mark as usize).unwrap_or_default();
        let waiting = instances.iter().filter(|slot| {
            let is_moment = matches!(slot.waits_for, wait::FIRES | wait::AGAIN | wait::LATER);
            let task = slot.task.index().and_then(|task| self.memory.tasks.get(task as usize));
            slot.phase == Phase::Waiting && is_moment && task.is_some_and(|task| task.has(flag::WAKE))
        });
        let waiting = waiting.filter_map(|slot| {
            let ahead = i64::try_from(slot.deadline.since(self.seen.monotonic)).ok()?;
            Some(self.seen.wall?.plus(ahead))
        });
        due.chain(waiting).min()
    }

    /// What the wall clock shows, or will show, when a task is due.
    fn due_at(&self, index: u32) -> Option<Timestamp> {
        let (at, relative) = queue::due(self.memory.queue, index)?;
        if !relative {
            return Some(Timestamp(at));
        }
        let Monotonic(seen) = self.seen.monotonic;
        Some(self.seen.wall?.plus(at.saturating_sub(i64::try_from(seen).ok()?)))
    }

    /// The arguments of the current action of an instance, for a host that starts programs with a list of them: they are split
    /// before parameters are put in, so that no value makes another one, and written to `into`. None if the action is no Exec.
    ///
    /// # Errors
    /// As for [`action`](Self::action).
    pub fn arguments<'i>(
        &mut self,
        cx: &mut Context<'_>,
        instance: Guid,
        into: &'i mut [u8],
    ) -> Result<Arguments<'i>, Refused> {
        let (index, slot, image) = self.of_instance(cx, instance)?;
        let action = image.actions().nth(usize::from(slot.action)).ok_or(Refused::NotRunning)?;
        let Action::Exec { exec, .. } = action else { return Ok(Arguments::default()) };
        let mut buffer = [0; INSTANCE_MAX];
        let values = Values::of_run(&mut buffer, cx.store, index, slot)?;
        let text = exec.arguments.unwrap_or_default();
        Arguments::split(text, |name| values.of(name), into).ok_or(Refused::TooLarge)
    }

    /// The current action of an instance, with its parameters put in, written to `into`.
    ///
    /// # Errors
    /// [`Refused::NotSupported`] for an action that is only kept, [`Refused::NotRunning`] if the instance or its task is gone
    /// or the task has no such action any more, [`Refused::TooLarge`] if `into` is too small. Answer all with
    /// [`start_failed`](Self::start_failed).
    pub fn action<'i>(
        &mut self,
        cx: &mut Context<'_>,
        instance: Guid,
        into: &'i mut [u8],
    ) -> Result<Work<'i>, Refused> {
        let (index, slot, image) = self.of_instance(cx, instance)?;
        let action = image.actions().nth(usize::from(slot.action)).ok_or(Refused::NotRunning)?;
        let mut buffer = [0; INSTANCE_MAX];
        let values = Values::of_run(&mut buffer, cx.store, index, slot)?;
        let mut rest = into;
        match action {
            Action::Exec { exec, .. } => Ok(Work::Command(Command {
                command: write(&mut rest, |into| into.write_str(exec.command))?,
                arguments: fill_in(&mut rest, exec.arguments, values)?,
                working_directory: fill_in(&mut rest, exec.working_directory, values)?,
                priority: priority(&image),
            })),
            Action::ComHandler { handler, .. } => {
                let data = fill_in(&mut rest, handler.data, values)?;
                Ok(Work::Handler(Handler { class: handler.class, data }))
            }
            Action::SendEmail { email, .. } => {
                let mut fill = |text: Option<&str>| text.map(|text| fill_in(&mut rest, Some(text), values)).transpose();
                let (subject, to, cc, bcc) = (fill(email.subject)?, fill(email.to)?, fill(email.cc)?, fill(email.bcc)?);
                let (server, from) = (fill(Some(email.server))?, fill(Some(email.from))?);
                let (reply_to, body) = (fill(email.reply_to)?, fill(email.body)?);
                Ok(Work::Email(Email {
                    server: server.unwrap_or_default(),
                    subject,
                    to,
                    cc,
                    bcc,
                    reply_to,
                    from: from.unwrap_or_default(),
                    header_fields: email.header_fields.copied(&mut rest).ok_or(Refused::TooLarge)?,
                    body,
                    attachments: email.attachments.copied(&mut rest).ok_or(Refused::TooLarge)?,
                }))
            }
            Action::ShowMessage { message, .. } => Ok(Work::Message(Message {
                title: fill_in(&mut rest, Some(message.title), values)?,
                body: fill_in(&mut rest, Some(message.body), values)?,
            })),
            Action::Opaque { .. } => Err(Refused::NotSupported),
        }
    }

    /// Where an instance stands, and the definition that its task has now, if that still suits it.
    pub(super) fn of_instance(
        &mut self,
        cx: &mut Context<'_>,
        instance: Guid,
    ) -> Result<(u32, &InstanceSlot, Image<'_>), Refused> {
        let index = self.instance_at(instance).ok_or(Refused::NotRunning)?;
        let slot = self.memory.instances.get(index as usize).ok_or(Refused::NotRunning)?;
        let task = slot.task.index().ok_or(Refused::NotRunning)?;
        let definition = self.task(TaskIndex(task))?.definition;
        let image = plan::image(self.memory.record, cx.store, definition)?;
        if !plan::suits(&image, slot, definition) {
            return Err(Refused::NobodyLoggedOn);
        }
        Ok((index, slot, image))
    }
}

/// What parameters stand for: the arguments of a run, or what its trigger took out of an event, each behind its name.
#[derive(Clone, Copy)]
struct Values<'a> {
    of_event: bool,
    packed: &'a [u8],
}

impl<'a> Values<'a> {
    fn of_run(
        buffer: &'a mut [u8],
        store: &mut dyn Store,
        index: u32,
        slot: &InstanceSlot,
    ) -> Result<Self, StoreError> {
        Ok(Self { of_event: slot.cause() == Cause::Event, packed: arguments(buffer, store, index, slot)? })
    }

    fn of(self, name: &str) -> Option<&'a str> {
        let mut texts = unpack(self.packed);
        if !self.of_event {
            return texts.nth(argument(name)?);
        }
        while let Some(known) = texts.next() {
            let value = texts.next()?;
            if known == name {
                return Some(value);
            }
        }
        None
    }
}

#[inline(never)] // What it needs of the stack is not for whoever reads the store.
fn priority(image: &Image<'_>) -> u8 {
    image.settings().priority
}

/// Text with the values of a run put in for its parameters.
fn fill_in<'i>(rest: &mut &'i mut [u8], text: Option<&str>, values: Values<'_>) -> Result<&'i str, Refused> {
    write(rest, |into| substitute(text.unwrap_or_default(), |name| values.of(name), into))
}

/// What `text` writes, at the front of `rest`, which is what is left afterwards.
fn write<'i>(
    rest: &mut &'i mut [u8],
    text: impl FnOnce(&mut Writer<'_>) -> core::fmt::Result,
) -> Result<&'i str, Refused> {
    let mut writer = Writer::new(rest);
    text(&mut writer).map_err(|_| Refused::TooLarge)?;
    let length = writer.position();
    let (written, left) = core::mem::take(rest).split_at_mut_checked(length).ok_or(Refused::TooLarge)?;
    *rest = left;
    core::str::from_utf8(written).map_err(|_| Refused::Damaged)
}
