//! Which task runs when: due queue, life of an instance, policies. Sole owner of the store.
//!
//! The engine knows no RPC. Services call it, the scheduler ticks it and drains its [`Order`]s.

#![allow(unused_variables, clippy::todo, clippy::missing_errors_doc, missing_docs)]

use crate::{
    event::Event,
    guid::Guid,
    ports::{Entropy, Store, StoreError},
    sid::Sid,
    status::Status,
    task::{Image, Path},
    time::{Monotonic, Now, Timestamp, zone::Zone},
};

/// One task or folder in memory. Zero is an unused slot.
#[derive(Debug, Clone, Copy, bytemuck::Zeroable)]
pub struct TaskSlot {
    number: u32,
}

/// One running, queued or delayed instance. Zero is an unused slot.
#[derive(Debug, Clone, Copy, bytemuck::Zeroable)]
pub struct InstanceSlot {
    number: u32,
}

/// The memory that the host lends for as long as the engine lives. All of it may be zeros.
#[derive(Debug)]
pub struct Memory<'a> {
    /// As many tasks and folders as there may be.
    pub tasks: &'a mut [TaskSlot],
    /// The index of paths: at least twice as many words as tasks.
    pub index: &'a mut [u32],
    /// The due queue: as many words as tasks.
    pub queue: &'a mut [u32],
    /// As many instances as may be running, queued or delayed at once.
    pub instances: &'a mut [InstanceSlot],
    /// Room for the longest record of the store.
    pub record: &'a mut [u8],
}

/// What every call that may touch the store or the clock needs.
pub struct Context<'c> {
    pub now: Now,
    pub zone: &'c Zone<'c>,
    pub store: &'c mut dyn Store,
    pub entropy: &'c mut dyn Entropy,
}

/// Where a task or folder stands in memory; it holds as long as nothing is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskIndex(u32);

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
    Unknown = 0,
    Disabled = 1,
    Queued = 2,
    Ready = 3,
    Running = 4,
}

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
    /// There is no such instance, or no instance to stop.
    NotRunning,
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
    /// The code a client is told.
    #[must_use]
    pub fn status(self) -> Status {
        todo!()
    }
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
    pub creation: Creation,
    pub image: Image<'r>,
    /// Security descriptor in SDDL: stored.
    pub sddl: Option<&'r str>,
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
    pub path: Path,
    pub image: Image<'e>,
    /// The setting Enabled as it is now (EnableTask changes it; the image keeps what was registered).
    pub enabled: bool,
    pub sddl: Option<&'e str>,
}

/// The end of the last run, or its start if it still runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastRun {
    /// When it started.
    pub at: Timestamp,
    /// Its result; SCHED_S_TASK_RUNNING while it runs.
    pub result: Status,
}

/// One instance as clients see it.
#[derive(Debug, Clone)]
pub struct InstanceInfo {
    pub instance: Guid,
    pub task: TaskIndex,
    pub path: Path,
    pub state: TaskState,
    /// Ordinal of the action that runs.
    pub action: u8,
    /// Process id as the host reported it, or 0.
    pub process: u32,
}

/// What the engine wants done by the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Start the current action of this instance: fetch it with [`Engine::action`]; its started record is durable. Answer with
    /// [`Engine::started`] or [`Engine::start_failed`].
    Start { instance: Guid },
    /// Stop it; gracefully, or for good.
    Stop { instance: Guid, hard: bool },
    /// It ran when the power went or the server died: look whether it still runs, and answer with [`Engine::started`]
    /// (adopted) or [`Engine::exited`].
    Recover { instance: Guid },
}

/// What to run, parameters put in, [MS-TSCH] 2.5.9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command<'c> {
    pub command: &'c str,
    pub arguments: &'c str,
    pub working_directory: &'c str,
}

/// When the engine next wants a tick: at the earlier of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    pub monotonic: Option<Monotonic>,
    pub wall: Option<Timestamp>,
}

/// What `load` found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Loaded {
    pub tasks: u32,
    pub folders: u32,
    /// Records that nothing pointed to and that were swept.
    pub swept: u32,
    /// Records that could not be read; they are left out and kept.
    pub damaged: u32,
    /// Instances that ran when the power went.
    pub recovering: u32,
}

/// The engine. See the module.
#[derive(Debug)]
pub struct Engine<'a> {
    memory: Memory<'a>,
}

impl<'a> Engine<'a> {
    pub fn new(memory: Memory<'a>) -> Self {
        todo!()
    }
    /// Once, first: reads the store, sweeps what nothing points to, arms every trigger, fires boot triggers.
    pub fn load(&mut self, cx: &mut Context<'_>) -> Result<Loaded, StoreError> {
        todo!()
    }

    // Names
    pub fn find(&self, path: &Path) -> Option<Entry> {
        todo!()
    }
    /// Makes folders on the way.
    pub fn register(
        &mut self,
        cx: &mut Context<'_>,
        path: &Path,
        registration: &Registration<'_>,
    ) -> Result<TaskIndex, Refused> {
        todo!()
    }
    pub fn create_folder(&mut self, cx: &mut Context<'_>, path: &Path, sddl: Option<&str>) -> Result<(), Refused> {
        todo!()
    }
    /// Deletes a task (running instances are stopped) or an empty folder.
    pub fn delete(&mut self, cx: &mut Context<'_>, path: &Path) -> Result<(), Refused> {
        todo!()
    }
    /// Calls `visit` with the names of the folder's tasks in a stable order, from the `start`-th on, until it returns false. Returns
    /// whether there are more names than were taken (a name for which `visit` returned false counts as not taken), and the number of all.
    pub fn tasks(
        &mut self,
        cx: &mut Context<'_>,
        folder: Entry,
        hidden: bool,
        start: u32,
        visit: &mut dyn FnMut(&str) -> bool,
    ) -> Result<Enumerated, Refused> {
        todo!()
    }
    /// As [`tasks`](Self::tasks), for sub-folders.
    pub fn folders(
        &mut self,
        cx: &mut Context<'_>,
        folder: Entry,
        start: u32,
        visit: &mut dyn FnMut(&str) -> bool,
    ) -> Result<Enumerated, Refused> {
        todo!()
    }

    // One task
    pub fn definition(&mut self, cx: &mut Context<'_>, task: TaskIndex) -> Result<Definition<'_>, Refused> {
        todo!()
    }
    pub fn enabled(&self, task: TaskIndex) -> bool {
        todo!()
    }
    pub fn state(&self, task: TaskIndex) -> TaskState {
        todo!()
    }
    pub fn set_enabled(&mut self, cx: &mut Context<'_>, task: TaskIndex, enabled: bool) -> Result<(), Refused> {
        todo!()
    }
    pub fn last_run(&mut self, cx: &mut Context<'_>, task: TaskIndex) -> Result<Option<LastRun>, Refused> {
        todo!()
    }
    /// Calls `visit` with each moment at which the task fires after `from` (exclusive) up to `until` (inclusive), in order, until it returns false.
    pub fn runtimes(
        &mut self,
        cx: &mut Context<'_>,
        task: TaskIndex,
        from: Timestamp,
        until: Timestamp,
        visit: &mut dyn FnMut(Timestamp) -> bool,
    ) -> Result<(), Refused> {
        todo!()
    }
    pub fn next_run(&self, task: TaskIndex) -> Option<Timestamp> {
        todo!()
    }

    // Instances
    /// Starts the task on demand. `arguments` become `$(Arg0)` onwards.
    pub fn run(
        &mut self,
        cx: &mut Context<'_>,
        task: TaskIndex,
        arguments: &mut dyn Iterator<Item = &str>,
    ) -> Result<Guid, Refused> {
        todo!()
    }
    pub fn stop(&mut self, cx: &mut Context<'_>, task: TaskIndex) -> Result<(), Refused> {
        todo!()
    }
    pub fn stop_instance(&mut self, cx: &mut Context<'_>, instance: Guid) -> Result<(), Refused> {
        todo!()
    }
    /// Calls `visit` with each instance of one task, or of all, until it returns false.
    pub fn instances(&self, task: Option<TaskIndex>, visit: &mut dyn FnMut(Guid) -> bool) {
        todo!()
    }
    pub fn instance(&mut self, cx: &mut Context<'_>, instance: Guid) -> Result<InstanceInfo, Refused> {
        todo!()
    }

    // What the host reports, and what it is asked
    pub fn tick(&mut self, cx: &mut Context<'_>) {
        todo!()
    }
    pub fn clock_set(&mut self, cx: &mut Context<'_>) {
        todo!()
    }
    pub fn zone_changed(&mut self, cx: &mut Context<'_>) {
        todo!()
    }
    pub fn started(&mut self, cx: &mut Context<'_>, instance: Guid, process: u32) {
        todo!()
    }
    /// Also for an instance that was stopped; `result` is the exit code.
    pub fn exited(&mut self, cx: &mut Context<'_>, instance: Guid, result: Status) {
        todo!()
    }
    pub fn start_failed(&mut self, cx: &mut Context<'_>, instance: Guid, result: Status) {
        todo!()
    }
    /// Asks every instance to stop; what ends is recorded as ended.
    pub fn stop_all(&mut self, cx: &mut Context<'_>) {
        todo!()
    }
    pub fn order(&mut self) -> Option<Order> {
        todo!()
    }
    pub fn event(&mut self) -> Option<Event> {
        todo!()
    }
    pub fn deadline(&self) -> Deadline {
        todo!()
    }
    /// The current action of an instance, with its parameters put in, written to `into`.
    pub fn action<'i>(
        &mut self,
        cx: &mut Context<'_>,
        instance: Guid,
        into: &'i mut [u8],
    ) -> Result<Command<'i>, Refused> {
        todo!()
    }
}

/// How an enumeration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enumerated {
    /// Number of names that `visit` took.
    pub taken: u32,
    /// Number of names there are in all.
    pub total: u32,
}
