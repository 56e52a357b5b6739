//! What happens outside and makes triggers fire: sessions and events, [MS-TSCH] 3.2.4.1 and 3.2.4.4.

use super::{
    Context, Engine, InstanceSlot, Refused, TaskSlot,
    plan::{self, Run},
    refused::NotRun,
    slots::{Phase, flag, wait},
    waiting::Until,
};
use crate::{
    bytes::Writer,
    event::Skipped,
    limits::{FIRINGS_PER_TICK, LISTENERS},
    ports::SessionId,
    query::{self, Query, Selector},
    recur::elapsed,
    sid::Sid,
    store::{ARGUMENTS, Cause},
    task::{Image, SessionStateChange, Trigger, TriggerKind},
    text::fold,
    time::{Monotonic, Timestamp},
};
use core::fmt::Write;

/// What became of somebody's session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionChange {
    /// Somebody logged on.
    Logon,
    /// A session that is there changed.
    State(SessionStateChange),
}

/// The session that something became of.
#[derive(Debug, Clone, Copy)]
pub struct Session<'s> {
    /// Which one.
    pub id: SessionId,
    /// Whose it is.
    pub user: &'s Sid,
    /// The groups of that user.
    pub groups: &'s [Sid],
}

/// Why triggers fire.
#[derive(Clone, Copy)]
struct Fired<'v> {
    cause: Cause,
    /// The session that it is about.
    session: Option<SessionId>,
    /// What is put in for parameters.
    values: &'v [u8],
}

/// Tasks with an event trigger, while they are few: a storm of events does not look at all others.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    /// Whether it is known which they are.
    known: bool,
    /// There are more than are noted.
    many: bool,
    tasks: heapless::Vec<u32, LISTENERS>,
}

impl Listeners {
    /// A task came, went, or is another.
    pub(super) const fn forget(&mut self) {
        self.known = false;
    }
}

impl Engine<'_> {
    /// Somebody logged on, or somebody's session changed: the triggers fire that wait for it of this user, of one of these
    /// groups, or of anybody. A task of a group runs for this one member alone, and not at all for who is no member.
    pub fn session_changed(&mut self, cx: &mut Context<'_>, change: SessionChange, session: Session<'_>) {
        let is_meant = |wanted: Option<Sid>| {
            wanted.is_none_or(|wanted| wanted == *session.user || session.groups.contains(&wanted))
        };
        let waits = |trigger: &Trigger<'_>| match (trigger.kind, change) {
            (TriggerKind::Logon { user, .. }, SessionChange::Logon) => is_meant(user.map(|user| user.sid())),
            (TriggerKind::SessionState { user, change, .. }, SessionChange::State(now)) => {
                change == now && is_meant(user.map(|user| user.sid()))
            }
            _ => false,
        };
        let fired = Fired { cause: Cause::Session, session: Some(session.id), values: &[] };
        let mut started = 0;
        for index in 0..self.tasks.mark {
            let bits = self.that_fire(cx, index, flag::SESSION_TRIGGER, &waits);
            for trigger in ordinals(bits) {
                self.trigger_fires(cx, index, trigger, fired, &mut started);
            }
        }
    }

    /// An event of the system: the triggers fire whose Subscription selects it, once it has come as often as they demand.
    ///
    /// Definitions are looked at only of tasks that have a trigger for such a channel, or one of a few others that look alike.
    /// A Subscription that is no query selects nothing.
    pub fn event_happened(&mut self, cx: &mut Context<'_>, event: &query::Event<'_>) {
        let channel = of_channel(event.channel.chars());
        let now = cx.now.wall;
        let waits = |trigger: &Trigger<'_>| match trigger.kind {
            TriggerKind::Event(wanted) => {
                Query::parse(wanted.subscription).is_ok_and(|query| query.matches(event, now))
                    && wanted.matching_element.is_none_or(|element| query::contains(event, element))
            }
            _ => false,
        };
        let mut started = 0;
        let listeners = self.find_listeners();
        for at in 0..listeners.unwrap_or(self.tasks.mark as usize) {
            let found =
                if listeners.is_some() { self.listeners.tasks.get(at).copied() } else { u32::try_from(at).ok() };
            let Some(index) = found.filter(|&index| self.may_wait(cx, index, channel)) else { continue };
            let bits = self.that_fire(cx, index, flag::EVENT_TRIGGER, &waits);
            for trigger in ordinals(bits) {
                let mut buffer = [0; ARGUMENTS];
                if let Some(values) = self.count(cx, index, trigger, event, &mut buffer) {
                    let values = buffer.get(..values).unwrap_or_default();
                    let fired = Fired { cause: Cause::Event, session: None, values };
                    self.trigger_fires(cx, index, trigger, fired, &mut started);
                }
            }
        }
    }

    /// Looks which tasks have event triggers, if that is not known; how many there are, unless they are too many to be noted.
    fn find_listeners(&mut self) -> Option<usize> {
        if !self.listeners.known {
            self.listeners = Listeners { known: true, ..Listeners::default() };
            let used = self.memory.tasks.get(..self.tasks.mark as usize).unwrap_or_default();
            for (index, _) in (0..).zip(used).filter(|(_, task)| task.has(flag::EVENT_TRIGGER)) {
                self.listeners.many |= self.listeners.tasks.push(index).is_err();
            }
        }
        (!self.listeners.many).then_some(self.listeners.tasks.len())
    }

    /// Whether a task may wait for events of a channel. From which it does is noted when there is the first event at all, so
    /// that a host without events has no use for queries.
    fn may_wait(&mut self, cx: &mut Context<'_>, index: u32, channel: u32) -> bool {
        let Some(task) = self.memory.tasks.get_mut(index as usize) else { return false };
        if !task.has(flag::EVENT_TRIGGER) || !task.has(flag::ENABLED) {
            return false;
        }
        if !task.has(flag::CHANNELS_NOTED) {
            match plan::image(self.memory.record, cx.store, task.definition) {
                Ok(image) => note_channels(&image, task),
                Err(refused) => {
                    // One that is damaged is told of once, and not again for every event.
                    task.set(flag::CHANNELS_NOTED, !matches!(refused, super::Refused::Store(_)));
                    let task = *task;
                    self.tell_not_seen(cx, &task, refused);
                    return false;
                }
            }
        }
        task.has(channel)
    }

    /// The triggers of a task that fire now, as bits, if it has the flag and is enabled.
    fn that_fire(&mut self, cx: &mut Context<'_>, index: u32, flag: u32, waits: &dyn Fn(&Trigger<'_>) -> bool) -> u64 {
        let Some(&task) = self.memory.tasks.get(index as usize) else { return 0 };
        if !task.has(flag) || !task.has(flag::ENABLED) || self.closing {
            return 0;
        }
        let clocks = self.clocks(cx);
        let found = plan::image(self.memory.record, cx.store, task.definition).map(|image| {
            let fires = |trigger: &Trigger<'_>| trigger.enabled && plan::is_open(trigger, &clocks) && waits(trigger);
            let fire = image.triggers().zip(0..u64::BITS).filter(|(trigger, _)| fires(trigger));
            fire.fold(0, |bits, (_, ordinal)| bits | 1 << ordinal)
        });
        found.unwrap_or_else(|refused| {
            self.tell_not_seen(cx, &task, refused);
            0
        })
    }

    /// Tells that nobody could look whether a task waits for what has happened; it may have.
    fn tell_not_seen(&mut self, cx: &mut Context<'_>, task: &TaskSlot, refused: Refused) {
        self.tell_unreadable(task, refused);
        self.skip(cx, task.number, Skipped::StoreFailed, 1);
    }

    /// Counts an event that a trigger waits for. If it is one of as many as that demands, within its period, they are done with,
    /// and what the trigger takes out of this one is put into `values`, whose used length is returned.
    fn count(
        &mut self,
        cx: &mut Context<'_>,
        index: u32,
        trigger: u8,
        event: &query::Event<'_>,
        values: &mut [u8; ARGUMENTS],
    ) -> Option<usize> {
        let task = *self.memory.tasks.get(index as usize)?;
        let image = match plan::image(self.memory.record, cx.store, task.definition) {
            Ok(image) => image,
            Err(refused) => {
                self.tell_not_seen(cx, &task, refused);
                return None;
            }
        };
        let TriggerKind::Event(wanted) = image.triggers().nth(usize::from(trigger))?.kind else { return None };
        let period = wanted.period_of_occurrence.map(|period| period.seconds.saturating_mul(1000));
        let demanded = usize::from(wanted.number_of_occurrences);
        let length = take_values(&wanted, event, cx.now.wall, values);
        if demanded > 1 {
            let run = Run { cause: Cause::Event, ..Run::of(&image) };
            let mut counted = 1;
            self.each_counted(index, trigger, |engine, index| {
                let until = engine.memory.instances.get(index as usize).map(|slot| slot.deadline);
                // One whose time is over counts no more, though no tick has come since.
                counted += usize::from(until.is_some_and(|until| until > cx.now.monotonic));
            });
            if counted < demanded {
                let until = period.map_or(Monotonic::MAX, |period| cx.now.monotonic.plus(period));
                if let Err(why) = self.wait(cx, index, &run, Until::Counted { trigger, until }, &[]) {
                    self.tell_skipped(cx, task.number, why);
                }
                return None;
            }
            self.each_counted(index, trigger, Self::release);
        }
        Some(length)
    }

    /// Does something with each event that was counted for a trigger.
    fn each_counted(&mut self, task: u32, trigger: u8, mut act: impl FnMut(&mut Self, u32)) {
        self.each_instance(task, |engine, index, phase| {
            let slot = engine.memory.instances.get(index as usize);
            let is_counted = slot.is_some_and(|slot| slot.waits_for == wait::COUNTED && slot.trigger == trigger);
            if phase == Phase::Waiting && is_counted {
                act(engine, index);
            }
            false
        });
    }

    /// An event begins the repetition of its trigger anew, as an occurrence of the calendar does: what is left of an earlier one is
    /// over. What still waits for its delay has not begun; and each session has a repetition of its own.
    pub(super) fn end_repetition(&mut self, cx: &mut Context<'_>, task: u32, run: &Run, delay: u64) {
        if run.cause != Cause::Event {
            return;
        }
        self.each_instance(task, |engine, index, phase| {
            let slot = engine.memory.instances.get(index as usize).copied();
            let is_earlier = |slot: &InstanceSlot| {
                let event = Monotonic(u64::try_from(slot.started.0).unwrap_or(0));
                let is_its = (slot.waits_for, slot.trigger, slot.session()) == (wait::FIRES, run.trigger, run.session);
                // One that is due already has its run.
                let has_begun = event.plus(delay) <= cx.now.monotonic && slot.deadline > cx.now.monotonic;
                phase == Phase::Waiting && is_its && has_begun
            };
            if let Some(slot) = slot.filter(is_earlier) {
                engine.end_waiting(cx, index, &slot);
            }
            false
        });
    }

    /// One trigger fires now: its run starts, or waits for the delay; what the repetition adds waits for its moment. `started` are
    /// those that fired for the same reason: what a call does not start, the next ticks do.
    fn trigger_fires(&mut self, cx: &mut Context<'_>, index: u32, ordinal: u8, fired: Fired<'_>, started: &mut usize) {
        let Some(&task) = self.memory.tasks.get(index as usize) else { return };
        let clocks = self.clocks(cx);
        let Fired { cause, session, values } = fired;
        let found = plan::image(self.memory.record, cx.store, task.definition).map(|image| {
            let trigger = image.triggers().nth(usize::from(ordinal))?;
            let mut run = Run { cause, trigger: ordinal, ..Run::of(&image) };
            let delay = elapsed::delay(&trigger)?;
            run.limit_from(&trigger, elapsed::duration_end(delay, trigger.repetition.as_ref()), &clocks);
            let after = (delay == 0).then_some(0);
            Some((run, delay, elapsed::next(delay, trigger.repetition.as_ref(), after)))
        });
        let (mut run, delay, later) = match found {
            Ok(Some(found)) => found,
            Ok(None) => return,
            Err(refused) => return self.tell_not_seen(cx, &task, refused),
        };
        if let Some(SessionId(session)) = session.filter(|_| run.group) {
            run.session = session.get();
            if let Err(NotRun::NobodyLoggedOn) = self.members(cx, task.definition, run.session) {
                return;
            }
        }
        let now = cx.now.monotonic;
        if let Some(later) = later {
            if delay == 0 {
                self.end_repetition(cx, index, &run, delay);
            }
            let until = Until::Fires { at: now.plus(later), trigger: ordinal, event: now };
            if let Err(why) = self.wait(cx, index, &run, until, values) {
                self.tell_skipped(cx, task.number, why);
            }
        }
        if delay > 0 {
            return;
        }
        *started += 1;
        let launched = if *started > FIRINGS_PER_TICK {
            self.wait(cx, index, &run, Until::Later { at: now }, values)
        } else {
            self.launch_or_wait(cx, index, &run, values)
        };
        if let Err(why) = launched {
            self.tell_skipped(cx, task.number, why);
        }
    }
}

fn ordinals(bits: u64) -> impl Iterator<Item = u8> {
    (0..64).filter(move |ordinal| bits & 1 << ordinal != 0)
}

/// What the ValueQueries of a trigger find in an event: each name and each value behind its length, as the arguments of a run
/// are. A value that is not there, or for which there is no room, leaves its parameter as it is written.
fn take_values(
    wanted: &crate::task::Event<'_>,
    event: &query::Event<'_>,
    now: Option<Timestamp>,
    into: &mut [u8; ARGUMENTS],
) -> usize {
    let mut used = 0;
    for (name, path) in wanted.value_queries.iter() {
        let Ok(selector) = Selector::parse(path) else { continue };
        let Some(value) = selector.value(event, now) else { continue };
        let Some(room) = into.get_mut(used..) else { break };
        used += put(room, format_args!("{name}"))
            .and_then(|first| Some(first + put(room.get_mut(first..)?, format_args!("{value}"))?))
            .unwrap_or(0);
    }
    used
}

/// Puts a text behind its length; returns what that takes. Nothing if there is no room.
fn put(room: &mut [u8], text: core::fmt::Arguments<'_>) -> Option<usize> {
    let (length, rest) = room.split_first_chunk_mut()?;
    let mut writer = Writer::new(rest);
    writer.write_fmt(text).ok()?;
    let written = writer.position();
    *length = u16::try_from(written).ok()?.to_le_bytes();
    Some(written + length.len())
}

/// One of six flags for the name of a channel, letter case aside.
fn of_channel(name: impl Iterator<Item = char>) -> u32 {
    let hash = name.map(fold).fold(0_u32, |hash, character| hash.wrapping_mul(31).wrapping_add(u32::from(character)));
    1 << (27 + (hash ^ hash >> 8) % 5)
}

/// Notes in its slot from which channels a task waits for events.
fn note_channels(image: &Image<'_>, task: &mut TaskSlot) {
    task.set(flag::CHANNELS_NOTED, true);
    for trigger in image.triggers().filter(|trigger| trigger.enabled) {
        let TriggerKind::Event(wanted) = trigger.kind else { continue };
        let Ok(query) = Query::parse(wanted.subscription) else { continue };
        for channel in query.channels() {
            task.flags |= channel.map_or(flag::CHANNELS, |channel| of_channel(channel.characters()));
        }
    }
}
