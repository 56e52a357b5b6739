//! What a definition asks for: when it fires next, and how what fires is run.

use super::{
    clocks::{After, Clocks, Moment},
    maintenance,
    refused::{NotRun, Refused},
    slots::{InstanceSlot, Phase, TaskSlot, flag, wait},
    views::OtherUser,
};
use crate::{
    guid::Guid,
    limits::{LATE_TIME, MISSED_COUNTED},
    ports::Store,
    recur::{self, Anchors, elapsed},
    store::{Cause, definition_key},
    task::{Conditions, Image, InstancesPolicy, Trigger, TriggerKind},
    time::{Monotonic, Timestamp},
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

/// When a task fires next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) moment: Option<Moment>,
    /// Whether the delay of a boot or registration trigger runs.
    pub(super) delayed: bool,
    /// Whether it fires no more, and is to be deleted then.
    pub(super) expires: bool,
}

/// When the task fires next after `after`. Nothing of the calendar is known while the time is not.
pub(super) fn next(image: &Image<'_>, task: &TaskSlot, clocks: &Clocks<'_>, after: After) -> Next {
    let mut calendar: Option<Timestamp> = None;
    let mut relative: Option<i64> = None;
    let mut delayed = false;
    let settled = after.wall.max(task.floor);
    for trigger in image.triggers().filter(|trigger| trigger.enabled) {
        if let Some((event, delay)) = event(&trigger, image, task, clocks) {
            let found = relative_next(&trigger, event, delay, clocks, after.monotonic);
            relative = relative.into_iter().chain(found).min();
            let first = event.saturating_add_unsigned(delay);
            delayed |= delay > 0 && found == Some(first) && first > clocks.monotonic();
        } else if clocks.now.wall.is_some() {
            let found = recur::next(&trigger, &Anchors::default(), settled, clocks.zone);
            calendar = calendar.into_iter().chain(found).min();
        }
    }
    calendar =
        calendar.into_iter().chain(maintenance::next(image, task, clocks, settled, idle_from(image, clocks))).min();
    let moment = match (calendar, relative) {
        (Some(at), Some(other)) if clocks.monotonic_of(at).is_some_and(|at| at > other) => {
            Some(Moment { at: other, relative: true })
        }
        (Some(at), _) => Some(Moment { at: at.0, relative: false }),
        (None, Some(at)) => Some(Moment { at, relative: true }),
        (None, None) => None,
    };
    let expiry = if moment.is_none() { expiry(image, clocks) } else { None };
    Next {
        moment: moment.or(expiry.map(|at| Moment { at: at.0, relative: false })),
        delayed,
        expires: expiry.is_some(),
    }
}

/// How many occurrences a late tick passes over that fires what the task was due for at `moment`; of very many only the first
/// [`MISSED_COUNTED`].
pub(super) fn passed(image: &Image<'_>, task: &TaskSlot, clocks: &Clocks<'_>, moment: Moment) -> u32 {
    let bound = After::moment(moment, clocks, LATE_TIME);
    let (mut after, mut count) = (After::exactly(moment, clocks), 0);
    while count < MISSED_COUNTED
        && let Next { moment: Some(moment), expires: false, .. } = next(image, task, clocks, after)
        && (if moment.relative { moment.at <= bound.monotonic } else { moment.at <= bound.wall.0 })
    {
        after = After::exactly(moment, clocks);
        count += 1;
    }
    count
}

/// When a task that fires no more is to be deleted: DeleteExpiredTaskAfter, [MS-TSCH] 2.5.4.13, counted from the last of its
/// EndBoundaries, or of the moments of triggers that fire once. A task never expires that has a trigger without an end, or none.
fn expiry(image: &Image<'_>, clocks: &Clocks<'_>) -> Option<Timestamp> {
    let after = image.conditions().delete_expired_task_after?;
    clocks.now.wall?;
    let mut last = None;
    for trigger in image.triggers() {
        let end = match (trigger.end, trigger.kind, trigger.repetition) {
            (Some(end), ..) => end,
            (None, TriggerKind::Time { .. }, None) => trigger.start?,
            _ => return None,
        };
        last = last.max(Some(recur::moment(&end, clocks.zone)));
    }
    Some(last?.plus(i64::try_from(milliseconds(after.seconds)).unwrap_or(i64::MAX)))
}

/// For a trigger that waits for an event which lasts: when that was, by the monotonic clock, and the delay. `None` for a
/// trigger of another kind; an event that has not happened to this task lies in the endless future, as do those that a host
/// tells of when they happen.
fn event(trigger: &Trigger<'_>, image: &Image<'_>, task: &TaskSlot, clocks: &Clocks<'_>) -> Option<(i64, u64)> {
    let mut delay = elapsed::delay(trigger)?;
    let at = match trigger.kind {
        TriggerKind::Boot { .. } => Some(clocks.boot).filter(|_| !task.has(flag::NOT_AT_BOOT)),
        TriggerKind::Registration { .. } => {
            Some(task.anchor).filter(|_| !task.has(flag::UNREGISTERED | flag::UNRESOLVED))
        }
        TriggerKind::Idle => {
            // Not at the very moment at which it became idle, for which other triggers may have fired already.
            delay = idle_duration(&image.conditions()).max(1);
            clocks.idle
        }
        _ => None,
    };
    Some((at.unwrap_or(i64::MAX), delay))
}

/// Milliseconds for which the machine must have been idle: IdleSettings, [MS-TSCH] 2.5.4.14, which count for a task that runs
/// only if it is (3.2.5.1.2). Of one that does not say, none, as Windows has it (note 28): the ten minutes of the schema are
/// written out by its clients.
pub(super) fn idle_duration(conditions: &Conditions<'_>) -> u64 {
    let duration = conditions.idle.duration.filter(|_| conditions.run_only_if_idle);
    duration.map_or(0, |duration| milliseconds(duration.seconds))
}

/// From when on the machine has been idle for as long as the task demands, by the monotonic clock; `None` if it is not idle.
fn idle_from(image: &Image<'_>, clocks: &Clocks<'_>) -> Option<i64> {
    Some(clocks.idle?.saturating_add_unsigned(idle_duration(&image.conditions())))
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

/// Whether a trigger may fire now; one with boundaries may not while the time is not known.
pub(super) fn is_open(trigger: &Trigger<'_>, clocks: &Clocks<'_>) -> bool {
    match clocks.now.wall {
        Some(wall) => recur::is_open(trigger, wall, clocks.zone),
        None => trigger.start.is_none() && trigger.end.is_none(),
    }
}

/// How something is run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) cause: Cause,
    /// The ordinal of its trigger, or [`NO_TRIGGER`].
    pub(super) trigger: u8,
    /// Milliseconds it may run; zero for ever.
    pub(super) limit: u64,
    /// Whether it may be stopped for good.
    pub(super) hard: bool,
    pub(super) policy: InstancesPolicy,
    /// RandomDelay of its trigger, in milliseconds.
    pub(super) random_delay: u64,
    pub(super) needs: Needs,
    /// How often it was tried before.
    pub(super) attempt: u8,
    /// Whether it is run for the members of a group, and, if it is for one of them, for which session.
    pub(super) group: bool,
    pub(super) session: u32,
    /// The user it is for instead of the one that the task names.
    pub(super) user: Option<OtherUser>,
    /// When the course of the repetition is over that it belongs to, for a cause that does not tell.
    pub(super) ends: Option<Monotonic>,
}

/// Stands for the trigger of a run that has none; there are never so many.
pub(super) const NO_TRIGGER: u8 = u8::MAX;

/// What a task demands of the machine, and how often it is tried again.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Needs {
    /// DisallowStartIfOnBatteries.
    pub(super) mains: bool,
    /// RunOnlyIfNetworkAvailable, and the Id of NetworkSettings.
    pub(super) network: bool,
    pub(super) network_id: Option<Guid>,
    /// RunOnlyIfIdle, with IdleSettings.
    pub(super) idle: Option<IdleNeed>,
    /// DisallowStartOnRemoteAppSession.
    pub(super) no_remote_app: bool,
    /// RestartOnFailure: how often, and after how many milliseconds.
    pub(super) restart: Option<(u8, u64)>,
}

/// For how long a machine must have been idle, and for how long that is waited for, in milliseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct IdleNeed {
    pub(super) duration: u64,
    /// For ever if there is none.
    pub(super) timeout: Option<u64>,
}

impl Needs {
    fn of(conditions: &Conditions<'_>) -> Self {
        let idle = || IdleNeed {
            duration: idle_duration(conditions),
            // Of a task that does not say, for ever, as Windows has it (note 29).
            timeout: conditions.idle.wait_timeout.map(|timeout| milliseconds(timeout.seconds)),
        };
        Self {
            mains: conditions.disallow_start_if_on_batteries,
            network: conditions.run_only_if_network_available,
            network_id: conditions.network.and_then(|network| Guid::parse(network.id?)),
            idle: conditions.run_only_if_idle.then(idle),
            no_remote_app: conditions.disallow_start_on_remote_app_session,
            restart: conditions
                .restart_on_failure
                .map(|restart| (restart.count, milliseconds(restart.interval.seconds))),
        }
    }
}

impl Run {
    /// A run that somebody asked for.
    pub(super) fn of(image: &Image<'_>) -> Self {
        let settings = image.settings();
        Self {
            cause: Cause::Demand,
            trigger: NO_TRIGGER,
            limit: milliseconds(settings.execution_time_limit.map_or(0, |limit| limit.seconds)),
            hard: settings.allow_hard_terminate,
            policy: settings.instances_policy,
            random_delay: 0,
            needs: Needs::of(&image.conditions()),
            attempt: 0,
            group: is_group(image),
            session: 0,
            user: None,
            ends: None,
        }
    }

    /// A run that starts now for the same reason, and the same member of its group, as what an instance was for.
    ///
    /// # Errors
    /// [`NotRun::Expired`] if the course of the repetition is over in which its trigger fired, and the instances of that are to
    /// be stopped then.
    pub(super) fn again(
        image: &Image<'_>,
        task: &TaskSlot,
        clocks: &Clocks<'_>,
        instance: &InstanceSlot,
    ) -> Result<Self, NotRun> {
        let mut run = Self::of(image);
        run.cause = instance.cause();
        run.trigger = instance.trigger;
        run.attempt = instance.attempt;
        run.stand_in(instance.user());
        run.session = if run.group { instance.session() } else { 0 };
        run.ends = instance.ends();
        let is_its = |(trigger, ordinal): &(Trigger<'_>, u8)| match run.cause {
            Cause::Calendar(at) => trigger.enabled && is_moment(trigger, at, clocks),
            _ => *ordinal == instance.trigger && instance.definition == task.definition,
        };
        let Some((trigger, _)) = image.triggers().zip(0..NO_TRIGGER).find(is_its) else {
            if instance.phase == Phase::Queued {
                // Since a restart nobody knows which trigger it was.
                run.limit = instance.limit;
            }
            return Ok(run);
        };
        if instance.waits_for == wait::FIRES && run.ends.is_some_and(|end| end <= clocks.now.monotonic) {
            run.ends = None;
        }
        // When that is, if it did not fire at the very end.
        let end = match run.cause {
            Cause::Calendar(at) => recur::duration_end(&trigger, &Anchors::default(), at, clocks.zone)
                .filter(|end| *end > at)
                .and_then(|end| clocks.monotonic_of(end)),
            Cause::Boot(passed) | Cause::Registration(passed) => event(&trigger, image, task, clocks)
                .filter(|(event, _)| *event != i64::MAX)
                .and_then(|(event, delay)| {
                    let end = elapsed::duration_end(delay, trigger.repetition.as_ref()).filter(|end| *end > passed)?;
                    event.checked_add_unsigned(end)
                }),
            _ => run.ends.map(|Monotonic(end)| i64::try_from(end).unwrap_or(i64::MAX)),
        };
        let left = end.map(|end| u64::try_from(end.saturating_sub(clocks.monotonic())).unwrap_or(0));
        if left == Some(0) && stops_at_end(&trigger) {
            return Err(NotRun::Expired);
        }
        run.limit_by(&trigger, left);
        Ok(run)
    }

    /// Has it run for another user, if there is one, instead of those that the task names.
    pub(super) fn stand_in(&mut self, user: Option<OtherUser>) {
        self.user = user;
        self.group &= user.is_none();
    }

    /// What its trigger says of the time that it may run. `left` are the milliseconds until the instances of this course of the
    /// repetition are to be stopped.
    pub(super) fn limit_by(&mut self, trigger: &Trigger<'_>, left: Option<u64>) {
        if let Some(limit) = trigger.execution_time_limit {
            self.limit = milliseconds(limit.seconds);
        }
        if stops_at_end(trigger) {
            // What starts at the very end of the duration has nothing left to be stopped in.
            let ends = [self.limit, left.unwrap_or(0)].into_iter().filter(|&limit| limit > 0);
            self.limit = ends.min().unwrap_or(0);
        }
    }

    /// As [`limit_by`](Self::limit_by) for a trigger that fires now, with a cause that does not tell when that was.
    pub(super) fn limit_from(&mut self, trigger: &Trigger<'_>, left: Option<u64>, clocks: &Clocks<'_>) {
        self.limit_by(trigger, left);
        self.ends = left.map(|left| clocks.now.monotonic.plus(left));
    }
}

/// Whether a task runs for the members of a group.
fn is_group(image: &Image<'_>) -> bool {
    image.runs_as().is_some_and(|principal| principal.group.is_some())
}

/// Whether a task, whose definition may be another than that which an instance was made with, can run it: nobody's run does not
/// become that of a member, nor the other way round. What is for another user than the task names runs what that was when somebody
/// asked for it, and nothing that was registered since: it has the rights of that user, and not of whoever may change the task.
/// `definition` is the number of the task's.
pub(super) fn suits(image: &Image<'_>, instance: &InstanceSlot, definition: u32) -> bool {
    match instance.user() {
        Some(_) => instance.definition == definition,
        None => is_group(image) == (instance.session() != 0),
    }
}

/// StopAtDurationEnd, [MS-TSCH] 2.5.3.2.
fn stops_at_end(trigger: &Trigger<'_>) -> bool {
    trigger.repetition.is_some_and(|repetition| repetition.stop_at_duration_end)
}

/// Whether a trigger of the calendar fires at that moment.
fn is_moment(trigger: &Trigger<'_>, at: Timestamp, clocks: &Clocks<'_>) -> bool {
    recur::next(trigger, &Anchors::default(), at.plus(-1), clocks.zone) == Some(at)
}

fn milliseconds(seconds: u64) -> u64 {
    seconds.saturating_mul(1000)
}

/// The run that the task is due for at `moment`: of the first of its triggers that fires then. `None` if none does.
pub(super) fn run(image: &Image<'_>, task: &TaskSlot, clocks: &Clocks<'_>, moment: Moment) -> Option<Run> {
    let before = moment.at.saturating_sub(1);
    let mut run = Run::of(image);
    for (trigger, ordinal) in image.triggers().zip(0..).filter(|(trigger, _)| trigger.enabled) {
        // Milliseconds until the instances of this course of the repetition are to be stopped.
        let left = match event(&trigger, image, task, clocks) {
            Some((event, delay)) if moment.relative => {
                if relative_next(&trigger, event, delay, clocks, before) != Some(moment.at) {
                    continue;
                }
                let elapsed = moment.at.abs_diff(event);
                run.cause = match trigger.kind {
                    TriggerKind::Boot { .. } => Cause::Boot(elapsed),
                    TriggerKind::Registration { .. } => Cause::Registration(elapsed),
                    _ => Cause::Idle,
                };
                elapsed::duration_end(delay, trigger.repetition.as_ref()).map(|end| end.saturating_sub(elapsed))
            }
            None if !moment.relative => {
                let at = Timestamp(moment.at);
                if !is_moment(&trigger, at, clocks) {
                    continue;
                }
                run.cause = Cause::Calendar(at);
                recur::duration_end(&trigger, &Anchors::default(), at, clocks.zone)
                    .map(|end| u64::try_from(end.since(at)).unwrap_or(0))
            }
            _ => continue,
        };
        run.trigger = ordinal;
        if let TriggerKind::Time { random_delay } | TriggerKind::Calendar { random_delay, .. } = trigger.kind {
            run.random_delay = random_delay.map_or(0, |delay| milliseconds(delay.seconds));
        }
        run.limit_from(&trigger, left, clocks);
        return Some(run);
    }
    let at = Some(Timestamp(moment.at)).filter(|_| !moment.relative)?;
    let exclusive = image.conditions().maintenance?.exclusive;
    let due = maintenance::next(image, task, clocks, at.plus(-1), idle_from(image, clocks));
    (due == Some(at)).then(|| Run { cause: Cause::Maintenance { at, exclusive }, ..Run::of(image) })
}

/// What the slot of a task keeps of its definition.
pub(super) fn keep(task: &mut TaskSlot, image: &Image<'_>) {
    let (settings, conditions) = (image.settings(), image.conditions());
    let waits_for =
        |is: fn(&TriggerKind<'_>) -> bool| image.triggers().any(|trigger| trigger.enabled && is(&trigger.kind));
    for (flag, on) in [
        (flag::HIDDEN, settings.hidden),
        (flag::DAMAGED, false),
        (flag::STOP_ON_BATTERIES, conditions.stop_if_going_on_batteries),
        (flag::STOP_ON_IDLE_END, conditions.run_only_if_idle && conditions.idle.stop_on_idle_end),
        (flag::RESTART_ON_IDLE, conditions.idle.restart_on_idle),
        (flag::WAKE, conditions.wake_to_run),
        (
            flag::IDLE_TRIGGER,
            waits_for(|kind| matches!(kind, TriggerKind::Idle))
                || conditions.maintenance.is_some_and(|maintenance| maintenance.deadline.is_some()),
        ),
        (flag::EVENT_TRIGGER, waits_for(|kind| matches!(kind, TriggerKind::Event(_)))),
        (
            flag::SESSION_TRIGGER,
            waits_for(|kind| matches!(kind, TriggerKind::Logon { .. } | TriggerKind::SessionState { .. })),
        ),
    ] {
        task.set(flag, on);
    }
    task.set(flag::CHANNELS | flag::CHANNELS_NOTED, false);
    task.actions = u8::try_from(image.actions().count()).unwrap_or(u8::MAX);
}
