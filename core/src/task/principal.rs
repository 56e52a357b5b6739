//! Principals, [MS-TSCH] 2.5.6.

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

/// As whom a task runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// ProcessTokenSidType and RequiredPrivileges: kept as the XML of the elements, one after the other, and given back.
    pub opaque: Option<&'b str>,
}
