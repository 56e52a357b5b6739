//! What a definition asks for: when it fires next, and how what fires is run.

use super::{
    refused::Refused,
    slots::{TaskSlot, flag},
};
use crate::{
    ports::Store,
    recur::{self, Anchors, elapsed},
    store::{Cause, definition_key},
    task::{Image, InstancesPolicy, Settings, Trigger, TriggerKind},
    time::{Now, Timestamp, zone::Zone},
};

/// A definition, fetched into `record` and unpacked there.
///
/// # Errors
/// [`Refused::Damaged`] if there is none or it cannot be read, or what befell the store.
pub(super) fn image<'e>(record: &'e mut [u8], store: &mut dyn Store, number: u32) -> Result<Image<'e>, Refused> {
    let length = store.get(definition_key(number), record)?.ok_or(Refused::Damaged)?;
    Image::unpack(record, length).map_err(|_| Refused::Damaged)
}

/// The definition that a record holds, unpacked in `into`.
pub(super) fn unpacked<'e>(into: &'e mut [u8], record: &[u8]) -> Option<Image<'e>> {
    into.get_mut(..record.len())?.copy_from_slice(record);
    Image::unpack(into, record.len()).ok()
}

/// What moments are measured against.
#[derive(Clone, Copy)]
pub(super) struct Clocks<'z> {
    pub(super) now: Now,
    pub(super) zone: &'z Zone<'z>,
    /// When the engine was loaded, by the monotonic clock.
    pub(super) boot: i64,
}

impl Clocks<'_> {
    pub(super) fn monotonic(&self) -> i64 {
        i64::try_from(self.now.monotonic.0).unwrap_or(i64::MAX)
    }

    /// What the wall clock shows, or would show, when the monotonic clock shows `at`.
    pub(super) fn wall_of(&self, at: i64) -> Option<Timestamp> {
        Some(self.now.wall?.plus(at.saturating_sub(self.monotonic())))
    }

    /// What the monotonic clock shows when the wall clock shows `at`.
    pub(super) fn monotonic_of(&self, at: Timestamp) -> Option<i64> {
        Some(self.monotonic().saturating_add(at.since(self.now.wall?)))
    }
}

/// A moment of one of the two clocks, in its milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) at: i64,
    /// Whether of the monotonic clock.
    pub(super) relative: bool,
}

/// Both clocks, as far as occurrences are settled.
#[derive(Debug, Clone, Copy)]
pub(super) struct After {
    pub(super) wall: Timestamp,
    pub(super) monotonic: i64,
}

impl After {
    /// Everything before now is settled; what is due at this very moment is not, as it may be the reason of the call.
    pub(super) fn just_before(clocks: &Clocks<'_>) -> Self {
        Self { wall: wall_before(clocks), monotonic: clocks.monotonic().saturating_sub(1) }
    }

    /// Relative occurrences up to now are settled, since they are never looked for twice; of calendar ones the floor knows.
    pub(super) fn now(clocks: &Clocks<'_>) -> Self {
        Self { wall: wall_before(clocks), monotonic: clocks.monotonic() }
    }

    /// Everything up to `moment` is settled, and everything that `late` milliseconds have passed over.
    pub(super) fn moment(moment: Moment, clocks: &Clocks<'_>, late: u64) -> Self {
        let late = i64::try_from(late).unwrap_or(i64::MAX);
        let (wall, monotonic) = if moment.relative {
            (clocks.wall_of(moment.at).unwrap_or(Timestamp::MIN), moment.at)
        } else {
            let at = Timestamp(moment.at);
            (at, clocks.monotonic_of(at).unwrap_or(i64::MIN))
        };
        Self {
            wall: wall.max(clocks.now.wall.unwrap_or(Timestamp::MIN).plus(late.saturating_neg())),
            monotonic: monotonic.max(clocks.monotonic().saturating_sub(late)),
        }
    }
}

fn wall_before(clocks: &Clocks<'_>) -> Timestamp {
    clocks.now.wall.unwrap_or(Timestamp::MIN).plus(-1)
}

/// When a task fires next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) moment: Option<Moment>,
    /// Whether the delay of a boot or registration trigger runs.
    pub(super) delayed: bool,
}

/// When the task fires next after `after`. Nothing of the calendar is known while the time is not.
pub(super) fn next(image: &Image<'_>, task: &TaskSlot, clocks: &Clocks<'_>, after: After) -> Next {
    let mut calendar: Option<Timestamp> = None;
    let mut relative: Option<i64> = None;
    let mut delayed = false;
    let settled = after.wall.max(task.floor);
    for trigger in image.triggers().filter(|trigger| trigger.enabled) {
        if let Some((event, delay)) = event(&trigger, task, clocks) {
            let found = relative_next(&trigger, event, delay, clocks, after.monotonic);
            relative = relative.into_iter().chain(found).min();
            let first = event.saturating_add_unsigned(delay);
            delayed |= delay > 0 && found == Some(first) && first > clocks.monotonic();
        } else if clocks.now.wall.is_some() {
            let found = recur::next(&trigger, &Anchors::default(), settled, clocks.zone);
            calendar = calendar.into_iter().chain(found).min();
        }
    }
    let moment = match (calendar, relative) {
        (Some(at), Some(other)) if clocks.monotonic_of(at).is_some_and(|at| at > other) => {
            Some(Moment { at: other, relative: true })
        }
        (Some(at), _) => Some(Moment { at: at.0, relative: false }),
        (None, Some(at)) => Some(Moment { at, relative: true }),
        (None, None) => None,
    };
    Next { moment, delayed }
}

/// For a trigger that waits for an event: when that was, by the monotonic clock, and the delay. `None` for a trigger of
/// another kind; an event that has not happened to this task lies in the endless future.
fn event(trigger: &Trigger<'_>, task: &TaskSlot, clocks: &Clocks<'_>) -> Option<(i64, u64)> {
    let delay = elapsed::delay(trigger)?;
    let (happened, at) = match trigger.kind {
        TriggerKind::Boot { .. } => (!task.has(flag::NOT_AT_BOOT), clocks.boot),
        _ => (!task.has(flag::UNREGISTERED | flag::UNRESOLVED), task.anchor),
    };
    Some((if happened { at } else { i64::MAX }, delay))
}

/// The next firing of a trigger whose event was at `event`, within its boundaries. A boundary cannot be judged while the time
/// is not known; a trigger that has one then waits, as a calendar trigger does.
fn relative_next(trigger: &Trigger<'_>, event: i64, delay: u64, clocks: &Clocks<'_>, after: i64) -> Option<i64> {
    if event == i64::MAX {
        return None;
    }
    let next = |after: i64| {
        let settled = (after >= event).then(|| after.abs_diff(event));
        let elapsed = elapsed::next(delay, trigger.repetition.as_ref(), settled)?;
        event.checked_add_unsigned(elapsed)
    };
    if trigger.start.is_none() && trigger.end.is_none() {
        return next(after);
    }
    let mut after = after;
    if let Some(start) = &trigger.start {
        let opens = clocks.monotonic_of(recur::moment(start, clocks.zone))?;
        after = after.max(opens.saturating_sub(1));
    }
    let found = next(after)?;
    recur::is_open(trigger, clocks.wall_of(found)?, clocks.zone).then_some(found)
}

/// How something is run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) cause: Cause,
    /// Milliseconds it may run; zero for ever.
    pub(super) limit: u64,
    /// Whether it may be stopped for good.
    pub(super) hard: bool,
    pub(super) policy: InstancesPolicy,
}

impl Run {
    /// A run that somebody asked for.
    pub(super) fn on_demand(settings: &Settings<'_>) -> Self {
        Self {
            cause: Cause::Demand,
            limit: milliseconds(settings.execution_time_limit.map_or(0, |limit| limit.seconds)),
            hard: settings.allow_hard_terminate,
            policy: settings.instances_policy,
        }
    }
}

fn milliseconds(seconds: u64) -> u64 {
    seconds.saturating_mul(1000)
}

/// The run that the task is due for at `moment`: of the first of its triggers that fires then. `None` if none does.
pub(super) fn run(image: &Image<'_>, task: &TaskSlot, clocks: &Clocks<'_>, moment: Moment) -> Option<Run> {
    let before = moment.at.saturating_sub(1);
    let mut run = Run::on_demand(&image.settings());
    for trigger in image.triggers().filter(|trigger| trigger.enabled) {
        // Milliseconds until the instances of this course of the repetition are to be stopped.
        let left = match event(&trigger, task, clocks) {
            Some((event, delay)) if moment.relative => {
                if relative_next(&trigger, event, delay, clocks, before) != Some(moment.at) {
                    continue;
                }
                let elapsed = moment.at.abs_diff(event);
                run.cause = match trigger.kind {
                    TriggerKind::Boot { .. } => Cause::Boot(elapsed),
                    _ => Cause::Registration(elapsed),
                };
                elapsed::duration_end(delay, trigger.repetition.as_ref()).map(|end| end.saturating_sub(elapsed))
            }
            None if !moment.relative => {
                let at = Timestamp(moment.at);
                let none = Anchors::default();
                if recur::next(&trigger, &none, Timestamp(before), clocks.zone) != Some(at) {
                    continue;
                }
                run.cause = Cause::Calendar(at);
                recur::duration_end(&trigger, &none, at, clocks.zone)
                    .map(|end| u64::try_from(end.since(at)).unwrap_or(0))
            }
            _ => continue,
        };
        if let Some(limit) = trigger.execution_time_limit {
            run.limit = milliseconds(limit.seconds);
        }
        if trigger.repetition.is_some_and(|repetition| repetition.stop_at_duration_end) {
            // What starts at the very end of the duration has nothing left to be stopped in.
            let ends = [run.limit, left.unwrap_or(0)].into_iter().filter(|&limit| limit > 0);
            run.limit = ends.min().unwrap_or(0);
        }
        return Some(run);
    }
    None
}

/// What the slot of a task keeps of its definition.
pub(super) fn keep(task: &mut TaskSlot, image: &Image<'_>) {
    let settings = image.settings();
    task.set(flag::HIDDEN, settings.hidden);
    task.set(flag::DAMAGED, false);
    task.actions = u8::try_from(image.actions().count()).unwrap_or(u8::MAX);
}
