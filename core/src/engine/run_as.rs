//! As whom an instance runs: the principal that its task names, [MS-TSCH] 2.5.6, or another user, for whom somebody asked for a
//! run (3.2.5.4.13).

use super::{Context, Engine, Refused, RunAs, Whom};
use crate::{guid::Guid, sid::Sid, task::RunLevel};

impl Engine<'_> {
    /// As whom an instance runs, by the definition that its task has now: what [`action`](Self::action) is to be run with.
    ///
    /// # Errors
    /// [`Refused::NotRunning`] if the instance or its task is gone, [`Refused::NobodyLoggedOn`] if it is for a member of a group
    /// and the task is for none any more, or the other way round, or for another user and its task was registered anew, [`Refused::Damaged`] if the definition cannot be read or has no
    /// principal of the name that its actions give, or what befell the store.
    pub fn run_as(&mut self, cx: &mut Context<'_>, instance: Guid) -> Result<RunAs, Refused> {
        let (_, slot, image) = self.of_instance(cx, instance)?;
        let principal = image.runs_as();
        if principal.is_none() && image.principals().next().is_some() {
            return Err(Refused::Damaged);
        }
        let principal = principal.unwrap_or_default();
        let whom = match (slot.user(), principal.user, principal.group) {
            (Some(user), ..) => Whom::Other(user),
            (None, _, Some(group)) => Whom::Member(group),
            (None, user, None) => Whom::User(user.unwrap_or(Sid::LOCAL_SYSTEM)),
        };
        Ok(RunAs {
            whom,
            logon_type: principal.logon_type,
            run_level: principal.run_level.unwrap_or(RunLevel::LeastPrivilege),
        })
    }
}
