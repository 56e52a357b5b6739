//! Principals, [MS-TSCH] 2.5.6.

use super::Texts;
use crate::sid::Sid;

/// LogonType, [MS-TSCH] 2.5.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogonType {
    /// S4U: as the user, without a stored password.
    S4u,
    /// Password: as the user, with a stored password.
    Password,
    /// InteractiveToken: in the session of the user.
    InteractiveToken,
    /// InteractiveTokenOrPassword.
    InteractiveTokenOrPassword,
}

/// RunLevel, [MS-TSCH] 2.5.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunLevel {
    /// LeastPrivilege.
    LeastPrivilege,
    /// HighestAvailable.
    HighestAvailable,
}

/// ProcessTokenSidType, [MS-TSCH] 2.5.6: what the token of a process holds of the task itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessTokenSidType {
    /// None: no SID of the task.
    None,
    /// Unrestricted: a SID of the task.
    Unrestricted,
}

/// As whom a task runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Principal<'b> {
    /// The `id` attribute.
    pub id: Option<&'b str>,
    /// UserId, resolved when the task was registered.
    pub user: Option<Sid>,
    /// GroupId, resolved when the task was registered.
    pub group: Option<Sid>,
    /// DisplayName.
    pub display_name: Option<&'b str>,
    /// LogonType.
    pub logon_type: Option<LogonType>,
    /// RunLevel.
    pub run_level: Option<RunLevel>,
    /// ProcessTokenSidType: kept and given back.
    pub process_token_sid_type: Option<ProcessTokenSidType>,
    /// RequiredPrivileges, at most 64, such as `SeTcbPrivilege`: kept and given back.
    pub required_privileges: Texts<'b>,
    /// Fields that are in no specification, and what an earlier form of the image holds of these two: the XML of the elements, one
    /// after the other, which is given back.
    pub opaque: Option<&'b str>,
}

impl Principal<'_> {
    /// The account whose credential it runs with, if one is kept: Password, and InteractiveTokenOrPassword. Services have none.
    #[must_use]
    pub fn credential(&self) -> Option<Sid> {
        let is_kept = matches!(self.logon_type, Some(LogonType::Password | LogonType::InteractiveTokenOrPassword));
        self.user.filter(|user| is_kept && !user.is_service())
    }
}
