//! What happens outside and makes triggers fire: sessions, [MS-TSCH] 3.2.4.4.

use super::{
    Context, Engine,
    plan::{self, Run},
    slots::flag,
    waiting::Until,
};
use crate::{
    event::{Event, Skipped},
    recur::{self, elapsed},
    sid::Sid,
    store::Cause,
    task::{SessionStateChange, Trigger, TriggerKind},
};

/// What became of somebody's session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionChange {
    /// Somebody logged on.
    Logon,
    /// A session that is there changed.
    State(SessionStateChange),
}

impl Engine<'_> {
    /// Somebody logged on, or somebody's session changed: the triggers fire that wait for it of this user, of one of these
    /// groups, or of anybody.
    pub fn session_changed(&mut self, cx: &mut Context<'_>, change: SessionChange, user: &Sid, groups: &[Sid]) {
        let is_meant = |wanted: Option<Sid>| wanted.is_none_or(|wanted| wanted == *user || groups.contains(&wanted));
        self.happened(cx, flag::SESSION_TRIGGER, Cause::Session, &|trigger| match (trigger.kind, change) {
            (TriggerKind::Logon { user, .. }, SessionChange::Logon) => is_meant(user.map(|user| user.sid())),
            (TriggerKind::SessionState { user, change, .. }, SessionChange::State(now)) => {
                change == now && is_meant(user.map(|user| user.sid()))
            }
            _ => false,
        });
    }

    /// Fires the triggers of the tasks with `flag` that wait for what happened, once each.
    fn happened(&mut self, cx: &mut Context<'_>, flag: u32, cause: Cause, waits: &dyn Fn(&Trigger<'_>) -> bool) {
        if self.closing {
            return;
        }
        for index in 0..self.tasks.mark {
            let Some(&task) = self.memory.tasks.get(index as usize) else { return };
            if !task.has(flag) || !task.has(flag::ENABLED) {
                continue;
            }
            let found = plan::image(self.memory.record, cx.store, task.definition).map(|image| {
                let fires = |trigger: &Trigger<'_>| trigger.enabled && waits(trigger) && is_open(trigger, cx);
                let bits = image.triggers().zip(0..u64::BITS).filter(|(trigger, _)| fires(trigger));
                bits.fold(0_u64, |bits, (_, ordinal)| bits | 1 << ordinal)
            });
            match found {
                Ok(bits) => {
                    for ordinal in (0..64).filter(|ordinal| bits & 1 << ordinal != 0) {
                        self.trigger_fires(cx, index, ordinal, cause);
                    }
                }
                Err(refused) => {
                    self.tell_unreadable(&task, refused);
                    self.tell(Event::Skipped { task: task.number, reason: Skipped::StoreFailed });
                }
            }
        }
    }

    /// One trigger fires now: its run starts, or waits for the delay; what the repetition adds waits for its moment.
    fn trigger_fires(&mut self, cx: &mut Context<'_>, index: u32, ordinal: u8, cause: Cause) {
        let Some(&task) = self.memory.tasks.get(index as usize) else { return };
        let found = plan::image(self.memory.record, cx.store, task.definition).map(|image| {
            let trigger = image.triggers().nth(usize::from(ordinal))?;
            let mut run = Run { cause, trigger: ordinal, ..Run::of(&image) };
            let delay = elapsed::delay(&trigger)?;
            run.limit_to(&trigger, delay, Some(0));
            let after = (delay == 0).then_some(0);
            Some((run, delay, elapsed::next(delay, trigger.repetition.as_ref(), after)))
        });
        let Ok(Some((run, delay, later))) = found else { return };
        let now = cx.now.monotonic;
        if let Some(later) = later {
            let until = Until::Fires { at: now.plus(later), trigger: ordinal, event: now };
            if let Err(why) = self.wait(cx, index, &run, until) {
                self.tell_skipped(task.number, why);
            }
        }
        if delay == 0
            && let Err(why) = self.launch_or_wait(cx, index, &run, &[], 0)
        {
            self.tell_skipped(task.number, why);
        }
    }
}

/// Whether a trigger may fire now; one with boundaries may not while the time is not known.
pub(super) fn is_open(trigger: &Trigger<'_>, cx: &Context<'_>) -> bool {
    match cx.now.wall {
        Some(wall) => recur::is_open(trigger, wall, cx.zone),
        None => trigger.start.is_none() && trigger.end.is_none(),
    }
}
