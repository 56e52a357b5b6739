//! For how long a run may last, and what stops it.
//!
//! - **No longer than it may**: a run is told to stop as soon as ExecutionTimeLimit or the Duration of its repetition is over,
//!   or somebody or something wants it to stop; and for good some seconds later, if the task allows that.
//! - **Stopped for a reason**: and never before, nor for good if the task does not allow it.
//!
//! The observer knows neither whether a run had to wait nor which of two triggers of a kind fired: then it knows two moments
//! between which the limit lies.

use super::*;
use mainspring::limits::STOP_TIME;

/// A run that has started and has not ended.
#[derive(Debug, Clone)]
pub(super) struct Lasting {
    task: u32,
    plan: Rc<Plan>,
    /// What the wall clock showed when it started.
    began: Option<i64>,
    /// For how many milliseconds it may run, at least and at most.
    limit: Option<(i64, i64)>,
    /// From when on it may be told to stop, and from when on it must have been.
    may: i64,
    must: i64,
    /// When it was told to, and whether for good.
    stopped: Option<i64>,
    killed: bool,
}

/// The least and the most of what some may say, or nothing if one of them says nothing.
fn all(limits: impl Iterator<Item = Option<(i64, i64)>>) -> Option<(i64, i64)> {
    let limits: Option<Vec<(i64, i64)>> = limits.collect();
    let limits = limits.filter(|limits| !limits.is_empty())?;
    Some((limits.iter().map(|(least, _)| *least).min()?, limits.iter().map(|(_, most)| *most).max()?))
}

impl Observer {
    /// The least and the most milliseconds for which a run that starts now may last; nothing if for ever, or nobody knows.
    fn limit(&mut self, plan: &Plan, version: u32, cause: Cause, at: At) -> Option<(i64, i64)> {
        let ever = i64::MAX / 2;
        let of = |limit: Option<u64>| limit.map_or(ever, |limit| limit as i64 * SECOND);
        let whole = of(plan.limit);
        let own = |when: &When| when.limit.map_or(whole, |limit| limit as i64 * SECOND);
        let enabled = |when: &&When| when.enabled;
        let found = match cause {
            Cause::Demand | Cause::Maintenance { .. } => Some((whole, whole)),
            Cause::Calendar(Timestamp(moment)) => {
                let found =
                    plan.when.iter().enumerate().filter(|(_, when)| when.enabled && when.is_calendar()).find_map(
                        |(ordinal, when)| Some((when, self.times.course(version, plan, ordinal, at.zone, moment)?)),
                    );
                // One that waited for its turn is of the definition before, or of another zone, and has the limit of then.
                let Some((when, end)) = found else { return Some((0, ever)) };
                let end = end.filter(|end| when.stop_at_end && *end > moment);
                // What fired at its moment has the whole of what is left then, what waited for something has what is left now.
                let left = end.map_or(ever, |end| end - moment);
                let now = end.zip(at.wall).map_or(ever, |(end, wall)| (end - wall).max(0));
                Some((own(when).min(left).min(now), own(when).min(left.max(now))))
            }
            Cause::Boot(elapsed) | Cause::Registration(elapsed) => {
                let is_boot = matches!(cause, Cause::Boot(_));
                let of_kind = |when: &&When| match when.wants {
                    Wants::Boot(_) => is_boot,
                    Wants::Registration(_) => !is_boot,
                    _ => false,
                };
                all(plan.when.iter().filter(enabled).filter(of_kind).map(|when| {
                    let end = times::delay(when, plan).zip(when.repeat.filter(|_| when.stop_at_end));
                    let end = end.and_then(|(delay, (_, duration))| Some((delay + duration?) as i64 * SECOND));
                    let least = if end.is_some() { 0 } else { own(when) };
                    let left = end.map(|end| end - elapsed as i64).filter(|left| *left > 0);
                    Some((least, own(when).min(left.unwrap_or(ever))))
                }))
            }
            Cause::Idle | Cause::Event | Cause::Session => {
                let of_kind = |when: &&When| match when.wants {
                    Wants::Idle => cause == Cause::Idle,
                    Wants::Event(..) => cause == Cause::Event,
                    Wants::Logon(_) | Wants::Lock(_) => cause == Cause::Session,
                    _ => false,
                };
                // One that was stopped because somebody came starts again without a trigger.
                let again = (cause == Cause::Idle).then_some(Some((whole, whole)));
                let own = |when: &When| Some((if when.stop_at_end { 0 } else { own(when) }, own(when)));
                all(plan.when.iter().filter(enabled).filter(of_kind).map(own).chain(again))
            }
        };
        found.filter(|(least, _)| *least < ever)
    }

    /// A run was told as started.
    pub(super) fn begins(&mut self, guid: Guid) {
        let at = self.last;
        let Some(instance) = self.instances.get(&guid) else { return };
        let (task, cause) = (instance.task, instance.cause);
        let Some(known) = self.tasks.get(&task) else { return };
        let (plan, version) = (Rc::clone(&known.plan), known.version);
        let limit = self.limit(&plan, version, cause, at);
        let (may, must) = limit.map_or((i64::MAX, i64::MAX), |(least, most)| (at.mono + least, at.mono + most));
        self.lasting
            .insert(guid, Lasting { task, plan, began: at.wall, limit, may, must, stopped: None, killed: false });
    }

    /// A run is looked for after a restart: what it ran for meanwhile counts, if the clock can tell.
    pub(super) fn goes_on(&mut self, guid: Guid) {
        let now = self.last;
        let is_there = |task: u32| self.tasks.contains_key(&task);
        let Some(lasting) = self.lasting.get_mut(&guid) else { return };
        (lasting.stopped, lasting.killed) = (None, false);
        let ran = lasting.began.zip(now.wall).map_or(0, |(began, wall)| (wall - began).max(0));
        let until = |limit: i64| now.mono + (limit - ran).max(0);
        (lasting.may, lasting.must) =
            lasting.limit.map_or((i64::MAX, i64::MAX), |(least, most)| (until(least), until(most)));
        if !is_there(lasting.task) {
            (lasting.may, lasting.must) = (now.mono, now.mono);
        }
    }

    /// Some runs may stop from now on, or must.
    pub(super) fn stops(&mut self, must: bool, is_meant: impl Fn(&Self, u32) -> bool) {
        let now = self.last.mono;
        let meant: Vec<Guid> =
            self.lasting.iter().filter(|(_, lasting)| is_meant(self, lasting.task)).map(|(guid, _)| *guid).collect();
        for guid in meant {
            if let Some(lasting) = self.lasting.get_mut(&guid) {
                lasting.may = lasting.may.min(now);
                lasting.must = lasting.must.min(if must { now } else { i64::MAX });
            }
        }
    }

    /// A run was told to stop.
    pub(super) fn told_to_stop(&mut self, guid: Guid, hard: bool) {
        let now = self.last.mono;
        let Some(lasting) = self.lasting.get_mut(&guid) else {
            return self.fail("stopped for a reason", format!("{guid}, which does not run"));
        };
        self.counts.stops += 1;
        let is_right = if hard {
            lasting.killed = true;
            lasting.plan.hard && lasting.stopped.is_some_and(|at| now >= at + STOP_TIME as i64)
        } else {
            lasting.stopped = Some(now);
            lasting.may <= now
        };
        if !is_right {
            let text = format!("for good: {hard}, {lasting:?}");
            self.fail("stopped for a reason", text);
        }
    }

    /// Whether a run would break a rule if it were not stopped now.
    pub(crate) fn must_stop(&self, guid: Guid) -> bool {
        !self.closing && self.lasting.get(&guid).is_some_and(|lasting| lasting.must <= self.last.mono)
    }

    /// Time is about to go by: what must have been stopped was.
    pub(super) fn check_lasting(&mut self) {
        let now = self.last.mono;
        let lasts = |lasting: &Lasting| match lasting.stopped {
            None => lasting.must <= now,
            Some(at) => lasting.plan.hard && !lasting.killed && at + STOP_TIME as i64 <= now,
        };
        if let Some((guid, lasting)) = self.lasting.iter().find(|(_, lasting)| lasts(lasting)) {
            let text = format!("{guid} at {now}: {lasting:?}");
            self.fail("no longer than it may", text);
        }
    }
}
