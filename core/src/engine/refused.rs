//! Why the engine refuses.

use crate::{
    event::Skipped,
    ports::{NoEntropy, StoreError},
    status::Status,
};

/// Why the engine refused what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// No task or folder of that name.
    NotFound,
    /// A folder on the way, or the folder itself, does not exist.
    FolderNotFound,
    /// A task or folder of that name exists.
    Exists,
    /// The folder is not empty.
    NotEmpty,
    /// A folder was named where a task is meant, or the root.
    NotATask,
    /// The task is disabled.
    Disabled,
    /// The task may not be started on demand.
    NotOnDemand,
    /// An instance runs and the policy is to ignore new ones.
    AlreadyRunning,
    /// The machine is in no state that the task's conditions allow.
    Hindered,
    /// Nobody is logged on whom the task would run for.
    NobodyLoggedOn,
    /// The account that the task would run as is gone or disabled, or its credential is not kept or no longer right.
    LogonFailure,
    /// There is no such instance, or no instance to stop.
    NotRunning,
    /// The action is of a kind that is kept and given back, but not run.
    NotSupported,
    /// All slots of the host are taken.
    TooBusy,
    /// The arguments, or the definition, are larger than the room there is.
    TooLarge,
    /// No random bytes for an instance identifier.
    NoEntropy,
    /// The store failed; what was acknowledged before is kept.
    Store(StoreError),
    /// What the store holds for this task is damaged.
    Damaged,
}

impl Refused {
    /// The code a client is told. A missing folder is told as a missing file, because that is what real servers do.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::NotFound | Self::FolderNotFound | Self::NotATask => Status::E_FILE_NOT_FOUND,
            Self::Exists => Status::E_ALREADY_EXISTS,
            Self::NotEmpty => Status::E_DIR_NOT_EMPTY,
            Self::Disabled => Status::SCHED_E_TASK_DISABLED,
            Self::NotOnDemand => Status::SCHED_E_START_ON_DEMAND,
            // A run that conditions do not allow is no error of whoever asked for it, [MS-TSCH] 3.2.5.4.13.
            Self::Hindered => Status::S_OK,
            Self::AlreadyRunning => Status::SCHED_E_ALREADY_RUNNING,
            Self::NobodyLoggedOn => Status::SCHED_E_USER_NOT_LOGGED_ON,
            Self::LogonFailure => Status::E_LOGON_FAILURE,
            Self::NotRunning => Status::SCHED_E_TASK_NOT_RUNNING,
            Self::NotSupported => Status::E_NOT_SUPPORTED,
            Self::TooBusy => Status::SCHED_E_SERVICE_TOO_BUSY,
            Self::TooLarge => Status::E_OUTOFMEMORY,
            Self::NoEntropy => Status::SCHED_E_SERVICE_NOT_AVAILABLE,
            Self::Store(StoreError::Full) => Status::E_DISK_FULL,
            Self::Store(StoreError::Exhausted) => Status::SCHED_E_SERVICE_TOO_BUSY,
            Self::Store(StoreError::Corrupt | StoreError::TooSmall { .. }) => Status::E_READ_FAULT,
            Self::Store(StoreError::Failed { .. }) => Status::E_WRITE_FAULT,
            Self::Damaged => Status::SCHED_E_INVALID_TASK,
        }
    }
}

impl core::fmt::Display for Refused {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::NotFound => "no task or folder of that name",
            Self::FolderNotFound => "no folder of that name",
            Self::Exists => "a task or folder of that name exists",
            Self::NotEmpty => "folder is not empty",
            Self::NotATask => "not a task but a folder",
            Self::Disabled => "task is disabled",
            Self::NotOnDemand => "task may not be started on demand",
            Self::AlreadyRunning => "an instance of the task runs already",
            Self::Hindered => "conditions of the task are not met",
            Self::NobodyLoggedOn => "nobody is logged on whom the task would run for",
            Self::LogonFailure => "task may not run as its account",
            Self::NotRunning => "no such instance runs",
            Self::NotSupported => "action of a kind that is not run",
            Self::TooBusy => "every slot is taken",
            Self::TooLarge => "larger than the room there is",
            Self::NoEntropy => "no random bytes to be had",
            Self::Store(error) => return error.fmt(f),
            Self::Damaged => "what the store holds is damaged",
        })
    }
}

impl core::error::Error for Refused {}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<NoEntropy> for Refused {
    fn from(_: NoEntropy) -> Self {
        Self::NoEntropy
    }
}

impl From<crate::store::Damaged> for Refused {
    fn from(_: crate::store::Damaged) -> Self {
        Self::Damaged
    }
}

impl From<crate::store::TooLong> for Refused {
    fn from(_: crate::store::TooLong) -> Self {
        Self::TooLarge
    }
}

/// Why what should run does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotRun {
    AlreadyRunning,
    QueueFull,
    NoSlot,
    NoEntropy,
    Store(StoreError),
    OnBatteries,
    NoNetwork,
    NotIdle,
    RemoteAppSession,
    Disabled,
    MaintenanceOver,
    NobodyLoggedOn,
    Expired,
}

impl From<NotRun> for Refused {
    fn from(why: NotRun) -> Self {
        match why {
            NotRun::AlreadyRunning => Self::AlreadyRunning,
            NotRun::QueueFull | NotRun::NoSlot => Self::TooBusy,
            NotRun::NoEntropy => Self::NoEntropy,
            NotRun::Store(error) => Self::Store(error),
            NotRun::OnBatteries
            | NotRun::NoNetwork
            | NotRun::NotIdle
            | NotRun::RemoteAppSession
            | NotRun::MaintenanceOver
            | NotRun::Expired => Self::Hindered,
            NotRun::Disabled => Self::Disabled,
            NotRun::NobodyLoggedOn => Self::NobodyLoggedOn,
        }
    }
}

impl From<NotRun> for Skipped {
    fn from(why: NotRun) -> Self {
        match why {
            NotRun::AlreadyRunning => Self::AlreadyRunning,
            NotRun::QueueFull => Self::QueueFull,
            NotRun::NoSlot => Self::NoInstanceSlot,
            NotRun::NoEntropy => Self::NoEntropy,
            NotRun::Store(_) => Self::StoreFailed,
            NotRun::OnBatteries => Self::OnBatteries,
            NotRun::NoNetwork => Self::NoNetwork,
            NotRun::NotIdle => Self::NotIdle,
            NotRun::RemoteAppSession => Self::RemoteAppSession,
            NotRun::Disabled => Self::Disabled,
            NotRun::MaintenanceOver => Self::MaintenanceOver,
            NotRun::NobodyLoggedOn => Self::NobodyLoggedOn,
            NotRun::Expired => Self::Expired,
        }
    }
}
