//! Tasks of a group, [MS-TSCH] 2.5.6: one firing runs them once for each member who is logged on, in that member's session.
//!
//! The policy for instances is held against each member's own: nobody's run stands in the way of another's. What waits is for a
//! member who may have logged off by its turn, and does not start then. No restart keeps what waits, and a power cut during a
//! firing leaves it at the members who were started: it does not fire again.

use super::{
    Context, Engine, Refused,
    plan::{self, Run},
    refused::NotRun,
};
use crate::{
    event::Skipped,
    guid::Guid,
    limits::MEMBERS,
    ports::{SessionId, StoreError},
};

type Members = heapless::Vec<SessionId, MEMBERS>;

impl Engine<'_> {
    /// Starts a run of a task, or lets it wait, as the policy says; returns the identifier of the instance, or of the first.
    pub(super) fn launch(
        &mut self,
        cx: &mut Context<'_>,
        task: u32,
        run: &Run,
        arguments: &[u8],
    ) -> Result<Guid, NotRun> {
        if run.group {
            return self.launch_for_members(cx, task, run, arguments);
        }
        self.launch_instance(cx, task, run, arguments)
    }

    #[inline(never)]
    fn launch_for_members(
        &mut self,
        cx: &mut Context<'_>,
        task: u32,
        run: &Run,
        arguments: &[u8],
    ) -> Result<Guid, NotRun> {
        let Some(&slot) = self.memory.tasks.get(task as usize) else { return Err(NotRun::NoSlot) };
        let (members, others) = self.members(cx, slot.definition, run.session)?;
        let mut first = Err(NotRun::NobodyLoggedOn);
        for SessionId(session) in members {
            let run = Run { session: session.get(), ..*run };
            match (first, self.launch_instance(cx, task, &run, arguments)) {
                (Err(NotRun::NobodyLoggedOn), launched) => first = launched,
                (Err(why), Ok(guid)) => {
                    self.tell_skipped(cx, slot.number, why);
                    first = Ok(guid);
                }
                (_, Err(why)) => self.tell_skipped(cx, slot.number, why),
                (Ok(_), Ok(_)) => {}
            }
        }
        if others > 0 {
            self.skip(cx, slot.number, Skipped::NoInstanceSlot, others);
        }
        first
    }

    /// The sessions that a task of a group runs for now, or the one of them that is asked for, and how many more there are than
    /// one firing runs.
    pub(super) fn members(
        &mut self,
        cx: &mut Context<'_>,
        definition: u32,
        only: u32,
    ) -> Result<(Members, u32), NotRun> {
        let image = plan::image(self.memory.record, cx.store, definition).map_err(|refused| match refused {
            Refused::Store(error) => NotRun::Store(error),
            _ => NotRun::Store(StoreError::Corrupt),
        })?;
        let group = image.runs_as().and_then(|principal| principal.group).ok_or(NotRun::NobodyLoggedOn)?;
        let (mut members, mut others) = (Members::new(), 0);
        cx.sessions.members(&group, &mut |session| {
            if only == 0 || only == session.0.get() {
                others += u32::from(members.push(session).is_err());
            }
            true
        });
        if members.is_empty() { Err(NotRun::NobodyLoggedOn) } else { Ok((members, others)) }
    }

    /// The session that an instance is to run in: that of the member of the task's group whom it runs for. None if the task is
    /// no group's.
    #[must_use]
    pub fn session(&self, instance: Guid) -> Option<SessionId> {
        let slot = self.memory.instances.get(self.instance_at(instance)? as usize)?;
        core::num::NonZeroU32::new(slot.session()).map(SessionId)
    }
}
