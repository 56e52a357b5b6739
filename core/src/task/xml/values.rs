//! The simple types of the schema, [MS-TSCH] 2.5.1, and its enumerations.

use crate::task::{ComHandler, InstancesPolicy, LogonType, ProcessTokenSidType, RunLevel};

/// XML's white space.
pub(super) const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

/// xs:boolean.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

/// A whole number in a range.
pub(super) fn number<T: TryFrom<u32>>(text: &str, range: core::ops::RangeInclusive<u32>) -> Option<T> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let number = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??;
    if range.contains(&number) { T::try_from(number).ok() } else { None }
}

/// A duration of any length, in seconds.
pub(super) const ANY: core::ops::RangeInclusive<u64> = 0..=u64::MAX;

/// xs:string.
pub(super) const fn any(text: &str) -> Option<&str> {
    Some(text)
}

/// xs:string that is not empty.
pub(super) fn non_empty(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// pathType: 1 to 260 characters.
pub(super) fn path(text: &str) -> Option<&str> {
    const MOST: usize = 260;
    non_empty(text).filter(|text| text.len() <= MOST || text.encode_utf16().count() <= MOST)
}

/// What is between `Se` and `Privilege` in the values of privilegeType.
const PRIVILEGES: &str = "CreateToken AssignPrimaryToken LockMemory IncreaseQuota UnsolicitedInput MachineAccount Tcb \
    Security TakeOwnership LoadDriver SystemProfile Systemtime ProfileSingleProcess IncreaseBasePriority CreatePagefile \
    CreatePermanent Backup Restore Shutdown Debug Audit SystemEnvironment ChangeNotify RemoteShutdown Undock SyncAgent \
    EnableDelegation ManageVolume Impersonate CreateGlobal TrustedCredManAccess Relabel IncreaseWorkingSet TimeZone \
    CreateSymbolicLink DelegateSessionUserImpersonate";

/// The one privilege that Windows has had since the schema was printed.
pub(super) const NEWER_PRIVILEGE: &str = "SeDelegateSessionUserImpersonatePrivilege";

/// privilegeType, and [`NEWER_PRIVILEGE`].
pub(super) fn privilege(text: &str) -> Option<&str> {
    let name = text.strip_prefix("Se")?.strip_suffix("Privilege")?;
    PRIVILEGES.split(' ').any(|known| known == name).then_some(text)
}

/// guidType, in braces.
pub(super) fn guid(text: &str) -> Option<&str> {
    let digits = text.strip_prefix('{')?.strip_suffix('}')?;
    let is_guid = digits.len() == 36
        && digits.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    is_guid.then_some(text)
}

/// guidType of a class, which white space may surround.
fn class(text: &str) -> Option<&str> {
    let text = text.trim_matches(SPACE);
    ComHandler::of_class(text).map(|_| text)
}

/// The values of the `version` attribute: those that the specification names, and those that newer files carry.
pub(super) const VERSIONS: [&str; 7] = ["1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6"];

/// The settings that are understood.
pub(super) const SETTINGS: [&str; 22] = [
    "AllowHardTerminate",
    "AllowStartOnDemand",
    "DeleteExpiredTaskAfter",
    "DisallowStartIfOnBatteries",
    "StopIfGoingOnBatteries",
    "Enabled",
    "ExecutionTimeLimit",
    "Hidden",
    "MultipleInstancesPolicy",
    "Priority",
    "RestartOnFailure",
    "StartWhenAvailable",
    "WakeToRun",
    "RunOnlyIfNetworkAvailable",
    "NetworkProfileName",
    "NetworkSettings",
    "RunOnlyIfIdle",
    "IdleSettings",
    "DisallowStartOnRemoteAppSession",
    "UseUnifiedSchedulingEngine",
    "MaintenanceSettings",
    "Volatile",
];

/// The fields of a principal that are understood.
pub(super) const PRINCIPAL: [&str; 7] =
    ["UserId", "GroupId", "DisplayName", "LogonType", "RunLevel", "ProcessTokenSidType", "RequiredPrivileges"];

/// The fields of an Exec that are understood.
pub(super) const EXEC: [&str; 3] = ["Command", "Arguments", "WorkingDirectory"];

/// The triggers that are understood, in the order of their numbers at rest, with the fields that not all of them have.
pub(super) const TRIGGERS: [(&str, &[&str]); 8] = [
    ("TimeTrigger", &["RandomDelay"]),
    (
        "CalendarTrigger",
        &["RandomDelay", "ScheduleByDay", "ScheduleByWeek", "ScheduleByMonth", "ScheduleByMonthDayOfWeek"],
    ),
    ("BootTrigger", &["Delay"]),
    ("RegistrationTrigger", &["Delay"]),
    ("IdleTrigger", &[]),
    (
        "EventTrigger",
        &["Delay", "Subscription", "PeriodOfOccurrence", "NumberOfOccurrences", "MatchingElement", "ValueQueries"],
    ),
    ("LogonTrigger", &["Delay", "UserId"]),
    ("SessionStateChangeTrigger", &["Delay", "UserId", "StateChange"]),
];

/// A text that an action has: its name, whether it must be there, and what is accepted.
type ActionText = (&'static str, bool, fn(&str) -> Option<&str>);

/// The actions in the order of their numbers at rest, with their texts in the order that views have them in.
pub(super) const ACTIONS: [(&str, &[ActionText]); 4] = [
    ("Exec", &[("Command", true, path), ("Arguments", false, any), ("WorkingDirectory", false, path)]),
    ("ComHandler", &[("ClassId", true, class), ("Data", false, any)]),
    (
        "SendEmail",
        &[
            ("Server", true, non_empty),
            ("Subject", false, any),
            ("To", false, any),
            ("Cc", false, any),
            ("Bcc", false, any),
            ("ReplyTo", false, any),
            ("From", true, non_empty),
            ("Body", false, any),
        ],
    ),
    ("ShowMessage", &[("Title", true, non_empty), ("Body", true, non_empty)]),
];

/// processTokenSidType.
pub(super) const PROCESS_TOKEN_SID_TYPES: [(&str, ProcessTokenSidType); 2] =
    [("None", ProcessTokenSidType::None), ("Unrestricted", ProcessTokenSidType::Unrestricted)];

/// logonType.
pub(super) const LOGON_TYPES: [(&str, LogonType); 4] = [
    ("S4U", LogonType::S4u),
    ("Password", LogonType::Password),
    ("InteractiveToken", LogonType::InteractiveToken),
    ("InteractiveTokenOrPassword", LogonType::InteractiveTokenOrPassword),
];

/// runLevelType.
pub(super) const RUN_LEVELS: [(&str, RunLevel); 2] =
    [("LeastPrivilege", RunLevel::LeastPrivilege), ("HighestAvailable", RunLevel::HighestAvailable)];

/// multipleInstancesPolicyType.
pub(super) const POLICIES: [(&str, InstancesPolicy); 4] = [
    ("Parallel", InstancesPolicy::Parallel),
    ("Queue", InstancesPolicy::Queue),
    ("IgnoreNew", InstancesPolicy::IgnoreNew),
    ("StopExisting", InstancesPolicy::StopExisting),
];

/// What is written as `Last` is the bit after the numbered days or weeks.
pub(super) const LAST: &str = "Last";

/// The value that an enumeration gives a name.
pub(super) fn named<T: Copy>(names: &[(&str, T)], text: &str) -> Option<T> {
    names.iter().find(|(name, _)| *name == text).map(|(_, value)| *value)
}

/// The name that an enumeration gives a value.
pub(super) fn name_of<T: PartialEq>(names: &[(&'static str, T)], value: &T) -> &'static str {
    names.iter().find(|(_, named)| named == value).map_or("", |(name, _)| name)
}
