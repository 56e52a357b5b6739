//! As whom an instance runs: the principal that its task names, [MS-TSCH] 2.5.6, or another user, for whom somebody asked for a
//! run (3.2.5.4.13).

use super::{Context, Engine, Refused, TaskIndex, plan};
use crate::{
    guid::Guid,
    sid::Sid,
    task::{LogonType, RunLevel},
};
use core::num::NonZeroU32;

/// The least relative identifier of an account, [MS-DTYP] 2.4.2.4.
const FIRST_ACCOUNT: u32 = 1000;

/// A user for whom a task runs instead of whom it names: LocalSystem, LocalService, NetworkService, or an account of the host, as the
/// last part of the SID, for which a slot and a record have room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OtherUser(pub(super) NonZeroU32);

/// Whose rights an instance has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whom {
    /// Those of the user whom the task names; of LocalSystem if it names nobody.
    User(Sid),
    /// Those of a member of the group that the task names: the one of [`Engine::session`].
    Member(Sid),
    /// Those of a user whom whoever asked for the run named.
    Other(OtherUser),
}

/// As whom an instance runs, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunAs {
    /// Whose rights it has.
    pub whom: Whom,
    /// LogonType of the task's principal, if it says.
    pub logon_type: Option<LogonType>,
    /// RunLevel of the task's principal; LeastPrivilege if it does not say.
    pub run_level: RunLevel,
}

impl OtherUser {
    /// The user with that SID: one of the three services, or an account of the host, which is for who calls to know. `None` for
    /// a SID that is neither.
    #[must_use]
    pub fn new(sid: &Sid) -> Option<Self> {
        let number = *sid.sub_authorities().last()?;
        Self::from_number(number).filter(|user| user.sid(sid) == Some(*sid))
    }

    pub(super) const fn from_number(number: u32) -> Option<Self> {
        match NonZeroU32::new(number) {
            Some(of_it) if number >= FIRST_ACCOUNT || matches!(number, 18..=20) => Some(Self(of_it)),
            _ => None,
        }
    }

    pub(super) const fn number(self) -> u32 {
        self.0.get()
    }

    /// The SID of the user. `other` is that of any account of the host: all have the same but for the last part.
    #[must_use]
    pub fn sid(self, other: &Sid) -> Option<Sid> {
        match self.number() {
            number @ ..FIRST_ACCOUNT => Sid::new([0, 0, 0, 0, 0, 5], &[number]),
            number if other.sub_authorities().len() > 1 => other.with_relative(number),
            _ => None,
        }
    }
}

impl Engine<'_> {
    /// As whom an instance runs, by the definition that its task has now: what [`action`](Self::action) is to be run with.
    ///
    /// # Errors
    /// [`Refused::NotRunning`] if the instance or its task is gone, [`Refused::NobodyLoggedOn`] if it is for a member of a group
    /// and the task is for none any more, or the other way round, [`Refused::Damaged`] if the definition cannot be read or has no
    /// principal of the name that its actions give, or what befell the store.
    pub fn run_as(&mut self, cx: &mut Context<'_>, instance: Guid) -> Result<RunAs, Refused> {
        let index = self.instance_at(instance).ok_or(Refused::NotRunning)?;
        let slot = self.memory.instances.get(index as usize).ok_or(Refused::NotRunning)?;
        let task = slot.task.index().ok_or(Refused::NotRunning)?;
        let definition = self.task(TaskIndex(task))?.definition;
        let image = plan::image(self.memory.record, cx.store, definition)?;
        if !plan::suits(&image, slot) {
            return Err(Refused::NobodyLoggedOn);
        }
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
