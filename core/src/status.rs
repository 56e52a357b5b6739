//! Status codes that calls return: HRESULTs, and Win32 codes in their HRESULT form ([MS-ERREF] 2.1, [MS-TSCH] 2.3.14).

/// An HRESULT as a method returns it; the top bit says failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, bytemuck::Zeroable)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Status(pub u32);

macro_rules! statuses {
    ($($name:ident = $value:literal, $doc:literal;)*) => {
        impl Status {
            $(#[doc = $doc] pub const $name: Self = Self($value);)*

            /// The symbolic name, if the code is one that this crate knows.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some(stringify!($name)),)*
                    _ => None,
                }
            }

            /// What the code means, if it is one that this crate knows.
            #[must_use]
            pub const fn meaning(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($doc),)*
                    _ => None,
                }
            }
        }
    };
}

statuses! {
    S_OK = 0x0000_0000, "the call did what was asked";
    S_FALSE = 0x0000_0001, "the call did what was asked, and there is more";
    SCHED_S_TASK_READY = 0x0004_1300, "the task is ready to run at its next scheduled time";
    SCHED_S_TASK_RUNNING = 0x0004_1301, "the task is currently running";
    SCHED_S_TASK_DISABLED = 0x0004_1302, "the task is disabled";
    SCHED_S_TASK_HAS_NOT_RUN = 0x0004_1303, "the task has not yet run";
    SCHED_S_TASK_NO_MORE_RUNS = 0x0004_1304, "there are no more runs scheduled for this task";
    SCHED_S_TASK_NOT_SCHEDULED = 0x0004_1305, "a property needed to run the task on a schedule has not been set";
    SCHED_S_TASK_TERMINATED = 0x0004_1306, "the last run of the task was terminated";
    SCHED_S_TASK_NO_VALID_TRIGGERS = 0x0004_1307, "the task has no triggers, or none that is enabled";
    SCHED_S_EVENT_TRIGGER = 0x0004_1308, "event triggers have no set run times";
    SCHED_S_SOME_TRIGGERS_FAILED = 0x0004_131B, "the task is registered, but not all triggers will start it";
    SCHED_S_BATCH_LOGON_PROBLEM = 0x0004_131C, "the task is registered, but may fail to start";
    SCHED_S_TASK_QUEUED = 0x0004_1325, "the task was asked to run, but is queued";
    SCHED_E_TRIGGER_NOT_FOUND = 0x8004_1309, "no such trigger";
    SCHED_E_TASK_NOT_READY = 0x8004_130A, "a property needed to run the task has not been set";
    SCHED_E_TASK_NOT_RUNNING = 0x8004_130B, "there is no running instance of the task";
    SCHED_E_SERVICE_NOT_INSTALLED = 0x8004_130C, "the task scheduler service is not installed";
    SCHED_E_CANNOT_OPEN_TASK = 0x8004_130D, "the task could not be opened";
    SCHED_E_INVALID_TASK = 0x8004_130E, "the task is invalid or damaged";
    SCHED_E_ACCOUNT_INFORMATION_NOT_SET = 0x8004_130F, "no account information was found for the task";
    SCHED_E_ACCOUNT_NAME_NOT_FOUND = 0x8004_1310, "the account was not found";
    SCHED_E_ACCOUNT_DBASE_CORRUPT = 0x8004_1311, "the credential store is damaged";
    SCHED_E_NO_SECURITY_SERVICES = 0x8004_1312, "security services are not available";
    SCHED_E_UNKNOWN_OBJECT_VERSION = 0x8004_1313, "the version of the task is unsupported or invalid";
    SCHED_E_UNSUPPORTED_ACCOUNT_OPTION = 0x8004_1314, "this combination of account settings and run-time options is not supported";
    SCHED_E_SERVICE_NOT_RUNNING = 0x8004_1315, "the task scheduler service is not running";
    SCHED_E_UNEXPECTEDNODE = 0x8004_1316, "the task XML contains a node that is not expected there";
    SCHED_E_NAMESPACE = 0x8004_1317, "the task XML contains an element or attribute from an unexpected namespace";
    SCHED_E_INVALIDVALUE = 0x8004_1318, "the task XML contains a value that is wrongly formed or out of range";
    SCHED_E_MISSINGNODE = 0x8004_1319, "the task XML lacks a required element or attribute";
    SCHED_E_MALFORMEDXML = 0x8004_131A, "the task XML is not well-formed";
    SCHED_E_TOO_MANY_NODES = 0x8004_131D, "the task XML contains too many nodes of the same kind";
    SCHED_E_PAST_END_BOUNDARY = 0x8004_131E, "the task cannot be started after the end boundary of the trigger";
    SCHED_E_ALREADY_RUNNING = 0x8004_131F, "an instance of this task is already running";
    SCHED_E_USER_NOT_LOGGED_ON = 0x8004_1320, "the task will not run because the user is not logged on";
    SCHED_E_INVALID_TASK_HASH = 0x8004_1321, "the task image is damaged";
    SCHED_E_SERVICE_NOT_AVAILABLE = 0x8004_1322, "the task scheduler service is not available";
    SCHED_E_SERVICE_TOO_BUSY = 0x8004_1323, "the task scheduler service is too busy";
    SCHED_E_TASK_ATTEMPTED = 0x8004_1324, "the task was attempted, but did not run because of a setting";
    SCHED_E_TASK_DISABLED = 0x8004_1326, "the task is disabled";
    SCHED_E_TASK_NOT_V1_COMPAT = 0x8004_1327, "the task has properties that earlier versions do not know";
    SCHED_E_START_ON_DEMAND = 0x8004_1328, "the settings of the task do not allow starting it on demand";
    E_NOTIMPL = 0x8000_4001, "not implemented";
    E_FAIL = 0x8000_4005, "unspecified failure";
    RPC_E_INVALID_PARAMETER = 0x8001_0010, "an array is not as long as its count says";
    E_FILE_NOT_FOUND = 0x8007_0002, "the task or folder does not exist";
    E_PATH_NOT_FOUND = 0x8007_0003, "the folder does not exist";
    E_ACCESSDENIED = 0x8007_0005, "access is denied";
    E_INVALID_DATA = 0x8007_000D, "the data is not of the form that it should have";
    E_OUTOFMEMORY = 0x8007_000E, "not enough memory for this call";
    E_WRITE_FAULT = 0x8007_001D, "the store could not be written";
    E_READ_FAULT = 0x8007_001E, "the store could not be read";
    E_NOT_SUPPORTED = 0x8007_0032, "the request is not supported";
    E_INVALIDARG = 0x8007_0057, "a parameter is invalid";
    E_DISK_FULL = 0x8007_0070, "there is not enough space on the disk";
    E_INVALID_NAME = 0x8007_007B, "the path is not in the form the task store uses";
    E_DIR_NOT_EMPTY = 0x8007_0091, "the folder is not empty";
    E_ALREADY_EXISTS = 0x8007_00B7, "a task or folder of that name exists already";
    E_PROCESS_ABORTED = 0x8007_042B, "the process ended without an exit code that anybody saw";
    E_INVALID_OWNER = 0x8007_051B, "this security identifier may not be the owner of this object";
    E_NO_SUCH_LOGON_SESSION = 0x8007_0520, "there is no such logon session";
    E_NONE_MAPPED = 0x8007_0534, "no mapping between account names and security identifiers was done";
    E_LOGON_FAILURE = 0x8007_052E, "the user name is unknown or the password is wrong";
}

impl Status {
    /// The HRESULT form of a Win32 error code, [MS-ERREF] 2.1.2.
    #[must_use]
    pub const fn from_win32(code: u16) -> Self {
        Self(0x8007_0000 | code as u32)
    }

    /// Whether the code is a failure.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        self.0 >> 31 == 1
    }
}

/// `0x80070002 E_FILE_NOT_FOUND`, or the number alone.
impl core::fmt::Display for Status {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "0x{:08X}", self.0)?;
        self.name().map_or(Ok(()), |name| write!(f, " {name}"))
    }
}
