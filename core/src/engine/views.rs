//! What the engine is asked and what it answers: plain values.

use crate::{
    guid::Guid,
    sid::Sid,
    status::Status,
    task::{Email, Image, LogonType, Message, Path, RunLevel},
    time::{Monotonic, Timestamp},
};
use core::num::NonZeroU32;

/// Where a task or folder stands in memory; it holds as long as nothing is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskIndex(pub(super) u32);

/// What a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// The root folder.
    Root,
    /// A folder.
    Folder(TaskIndex),
    /// A task.
    Task(TaskIndex),
}

/// TASK_STATE, [MS-TSCH] 2.3.13.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum TaskState {
    /// Not known; also what stands in for a state that was not asked for.
    Unknown = 0,
    /// Disabled, and no instance of it runs or waits.
    Disabled = 1,
    /// An instance waits for its predecessors to end, or for the delay of its trigger.
    Queued = 2,
    /// Enabled, and no instance of it runs or waits.
    Ready = 3,
    /// At least one instance runs.
    Running = 4,
}

/// Which registrations are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Creation {
    /// The task must not exist.
    Create,
    /// The task must exist.
    Update,
    /// Either.
    CreateOrUpdate,
}

/// A definition to be registered.
#[derive(Debug, Clone, Copy)]
pub struct Registration<'r> {
    /// Whether the task may, or must, exist.
    pub creation: Creation,
    /// The definition.
    pub image: Image<'r>,
    /// The security descriptor that it is to keep, see [`Engine::compose`](super::Engine::compose); without one it keeps what it
    /// has, and a new task has what its folder hands on.
    pub security: Option<&'r [u8]>,
    /// What the folders that are made on the way keep.
    pub folders: Option<&'r [u8]>,
    /// TASK_DONT_ADD_PRINCIPAL_ACE turns this off: its principal may read the task.
    pub principal_reads: bool,
    /// TASK_DISABLE: registered, but disabled.
    pub disable: bool,
    /// TASK_IGNORE_REGISTRATION_TRIGGERS turns this off.
    pub fire_registration_triggers: bool,
    /// Who registers.
    pub registrant: Sid,
}

/// A definition as it is kept.
#[derive(Debug, Clone)]
pub struct Definition<'e> {
    /// Where the task is, written as the registrant wrote it.
    pub path: Path,
    /// What was registered.
    pub image: Image<'e>,
    /// The setting Enabled as it is now (EnableTask changes it; the image keeps what was registered).
    pub enabled: bool,
    /// The security descriptor that it keeps, self-relative and unchecked; `None` if it has what its folder hands on.
    pub security: Option<&'e [u8]>,
}

/// The last run of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastRun {
    /// When it started; 1970-01-01T00:00:00Z if the time was not known then.
    pub at: Timestamp,
    /// Its result; SCHED_S_TASK_RUNNING while it runs.
    pub result: Status,
}

/// One instance as clients see it.
#[derive(Debug, Clone)]
pub struct InstanceInfo {
    /// Its identifier.
    pub instance: Guid,
    /// The task it is an instance of.
    pub task: TaskIndex,
    /// Where the task is.
    pub path: Path,
    /// Running or queued.
    pub state: TaskState,
    /// Ordinal of the action that runs.
    pub action: u8,
    /// Process id as the host reported it, or 0.
    pub process: u32,
}

/// What the engine wants done by the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Start the current action of this instance: fetch it with [`Engine::action`](super::Engine::action); its started record
    /// is durable. Answer with [`Engine::started`](super::Engine::started) or
    /// [`Engine::start_failed`](super::Engine::start_failed).
    Start {
        /// The instance.
        instance: Guid,
    },
    /// Stop it; gracefully, or for good. It comes after the instance's start order, but may come before that was answered.
    Stop {
        /// The instance.
        instance: Guid,
        /// Whether for good.
        hard: bool,
    },
    /// It ran when the power went or the server died: look whether it still runs, and answer with
    /// [`Engine::started`](super::Engine::started) (adopted) or [`Engine::exited`](super::Engine::exited).
    Recover {
        /// The instance.
        instance: Guid,
    },
}

/// What to run, parameters put in, [MS-TSCH] 2.5.9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command<'c> {
    /// The program.
    pub command: &'c str,
    /// Its arguments as one string, which may be empty: for who reads it as text. Split, a value may be several words of it; a list
    /// in which it is not has [`Engine::arguments`](super::Engine::arguments).
    pub arguments: &'c str,
    /// The folder to start it in; empty if the definition names none.
    pub working_directory: &'c str,
    /// Priority of the task, 0 (the highest) to 10, [MS-TSCH] 2.5.4.17.
    pub priority: u8,
}

/// What to have an object of the host do, parameters put in, [MS-TSCH] 2.5.7.2 and 2.5.9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handler<'h> {
    /// Which object: its class.
    pub class: Guid,
    /// What it is given; empty if the definition has nothing for it.
    pub data: &'h str,
}

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
    /// Those of a member of the group that the task names: the one of [`Engine::session`](super::Engine::session).
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

/// The current action of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work<'w> {
    /// Exec.
    Command(Command<'w>),
    /// ComHandler. A host that has no such object answers with a failure to start.
    Handler(Handler<'w>),
    /// SendEmail, parameters put in wherever [MS-TSCH] 2.5.9.3 has them. A host that sends no mail answers with a failure to
    /// start.
    Email(Email<'w>),
    /// ShowMessage, parameters put in. A host that has nobody to show it to answers with a failure to start.
    Message(Message<'w>),
}

/// When the engine next wants a tick: at the earlier of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// By the clock that never steps.
    pub monotonic: Option<Monotonic>,
    /// By the wall clock.
    pub wall: Option<Timestamp>,
}

/// What `load` found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Loaded {
    /// Number of tasks, those with a damaged definition included.
    pub tasks: u32,
    /// Number of folders, the root not counted.
    pub folders: u32,
    /// Records that nothing pointed to and that were swept.
    pub swept: u32,
    /// Records that could not be read, or for which there was no slot; they are left out and kept.
    pub damaged: u32,
    /// Instances that ran when the power went.
    pub recovering: u32,
}

/// How an enumeration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enumerated {
    /// Number of names that `visit` took.
    pub taken: u32,
    /// Number of names there are in all.
    pub total: u32,
}
