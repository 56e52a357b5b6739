//! What the core tells the host: typed events for logs and history. They carry numbers, not prose.

use crate::{guid::Guid, status::Status};

/// Why an occurrence did not become a run. Records carry the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
pub enum Skipped {
    /// An instance runs, and the policy is to ignore new ones.
    AlreadyRunning = 0,
    /// The policy is to queue, and the queue is full.
    QueueFull,
    /// Every slot for instances is taken.
    NoInstanceSlot,
    /// The started record could not be made durable, or the definition could not be read.
    StoreFailed,
    /// There were no random bytes for the identifier of the instance.
    NoEntropy,
    /// The machine runs on batteries, and the task does not.
    OnBatteries,
    /// There is no network, or not the one that the task names.
    NoNetwork,
    /// The machine was not idle for as long as the task demands, and it has been waited for long enough.
    NotIdle,
    /// The session is that of a remote application.
    RemoteAppSession,
    /// It came while the server was down, the machine slept, or the clock showed another time. Told once for all such
    /// occurrences of a task.
    Missed,
    /// The task was disabled when it would have been due, or while the run waited for its moment.
    Disabled,
    /// The trigger's EndBoundary passed while the run waited for its moment.
    Expired,
    /// Nobody knew the time when it would have been due. Told once for all such occurrences of a task.
    ClockUnknown,
    /// Somebody stopped it, or another took its place, while it waited.
    Stopped,
    /// The maintenance period was over before it could start.
    MaintenanceOver,
    /// No member of the group that the task runs for was logged on, or the one that it was to run for was no longer.
    NobodyLoggedOn,
}

impl Skipped {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 16] = [
        Self::AlreadyRunning,
        Self::QueueFull,
        Self::NoInstanceSlot,
        Self::StoreFailed,
        Self::NoEntropy,
        Self::OnBatteries,
        Self::NoNetwork,
        Self::NotIdle,
        Self::RemoteAppSession,
        Self::Missed,
        Self::Disabled,
        Self::Expired,
        Self::ClockUnknown,
        Self::Stopped,
        Self::MaintenanceOver,
        Self::NobodyLoggedOn,
    ];
}

/// Something happened that a log or a history would want to keep. Tasks are named by their number in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Event {
    /// A task or folder was registered or updated.
    Registered {
        /// Number of the task.
        task: u32,
    },
    /// A task or folder was deleted.
    Deleted {
        /// Number of the task.
        task: u32,
    },
    /// A trigger fired, or somebody ran the task, but no instance started.
    Skipped {
        /// Number of the task.
        task: u32,
        /// Why.
        reason: Skipped,
    },
    /// An instance was started; its record is durable.
    InstanceStarted {
        /// Number of the task.
        task: u32,
        /// The instance.
        instance: Guid,
    },
    /// An instance ended.
    InstanceEnded {
        /// Number of the task.
        task: u32,
        /// The instance.
        instance: Guid,
        /// Its result: the exit code, or a failure of ours.
        result: Status,
    },
    /// A record of the store could not be read at start and was left out.
    RecordDamaged {
        /// Kind of the record.
        kind: u8,
        /// Number of the record.
        number: u32,
    },
    /// A store call failed.
    StoreFailed {
        /// What the store said.
        error: crate::ports::StoreError,
    },
    /// A login failed.
    LoginFailed {
        /// The connection.
        connection: u32,
    },
    /// Somebody logged in.
    LoggedIn {
        /// The connection.
        connection: u32,
    },
    /// A connection was closed because of what its peer sent or did not send.
    ConnectionClosed {
        /// The connection.
        connection: u32,
        /// Why.
        reason: Closed,
    },
    /// So many events were lost because the host did not fetch them in time.
    Lost {
        /// How many.
        count: u32,
    },
}

/// Why the server closed a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, bytemuck::Zeroable)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
pub enum Closed {
    /// The peer sent something that is not a PDU of the protocol, or lied about a length.
    Unreadable = 0,
    /// The peer broke the rules of the protocol.
    Forbidden,
    /// A verifier did not verify.
    BadVerifier,
    /// The bind did not come in time.
    BindTime,
    /// The rest of a call did not come in time.
    CallTime,
    /// Nothing came for too long.
    IdleTime,
    /// Every slot for connections is taken.
    NoConnectionSlot,
    /// The server ends.
    Shutdown,
}
