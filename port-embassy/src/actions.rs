//! What tasks may run: a table from names and classes to functions of the firmware.
//!
//! There are no processes here. An Exec action names a function by its command, a ComHandler one by its class. A firmware
//! writes its functions, puts them into a table with [`actions!`](crate::actions!), and has one or more tasks of its
//! executor run [`Host::run_actions`](crate::host::Host::run_actions); each of these runs one function at a time. Instances
//! that come while all are busy wait for their turn; none is lost.
//!
//! ```
//! use embassy_time::Timer;
//! use mainspring::status::Status;
//! use mainspring_embassy::{actions, actions::Call};
//!
//! struct Board { /* pins and so on */ }
//!
//! impl Board {
//!     async fn open(&self, call: &Call<'_>) -> Status {
//!         for percent in 0..=100 {
//!             if call.is_stopping() {
//!                 return Status(1);
//!             }
//!             call.progress(percent, "opening");
//!             Timer::after_millis(10).await;
//!         }
//!         Status::S_OK
//!     }
//!
//!     async fn measure(&self, call: &Call<'_>) -> Status {
//!         let every = call.data();
//!         # let _ = every;
//!         Status::S_OK
//!     }
//! }
//!
//! actions! {
//!     Board {
//!         exec "open" => Board::open,
//!         class 0x5b9f_9d0a_1c5e_4d0c_9a3b_3e2f_8a1d_7c11 => Board::measure,
//!     }
//! }
//! ```
//!
//! # Names
//!
//! The command of an Exec is taken without quotation marks around it and without folders before it, and compared without
//! letter case: `OPEN`, `C:\bin\open` and `"/usr/bin/open"` all name `open`. Nothing else is cut off: `open.exe` is another
//! name. What is not in the table fails to start with `E_FILE_NOT_FOUND`.
//!
//! # Stopping
//!
//! Who stops an instance asks it first: [`Call::stopped`] is done, [`Call::is_stopping`] is true, and what the function then
//! returns is its result. A function that looks at neither goes on. After
//! [`STOP_TIME`](mainspring::limits::STOP_TIME), unless the task's settings forbid it, its future is dropped where it
//! waits, and the result is `SCHED_S_TASK_TERMINATED`. A function that never waits cannot be stopped, and holds up
//! everything else meanwhile: so does any task of an executor.
//!
//! After a restart nothing runs on: an instance that ran when the power went ends with `E_PROCESS_ABORTED`.

use core::{
    cell::RefCell,
    task::{Context, Poll},
};

use embassy_sync::waitqueue::{MultiWakerRegistration, WakerRegistration};
use mainspring::{
    engine::{Command, Handler, Work},
    guid::Guid,
    status::Status,
    time::Now,
};

/// The functions that a firmware offers.
///
/// [`actions!`](crate::actions!) implements it; a firmware whose functions are not known when it is built may do so by
/// hand.
// The futures stay on the executor that made them, so nobody needs them to be `Send`.
#[allow(async_fn_in_trait)]
pub trait Actions {
    /// Which function is meant; `None` if there is no such.
    fn find(&self, work: &Work<'_>) -> Option<usize>;

    /// Runs the function that [`find`](Self::find) found. The answer is the result of the run: zero is success.
    async fn run(&self, action: usize, call: &Call<'_>) -> Status;
}

/// What a function of the table is called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// An Exec with this command.
    Exec(&'static str),
    /// A ComHandler of this class.
    Class(Guid),
}

impl Name {
    /// Whether it is what an action names.
    #[must_use]
    pub fn names(&self, work: &Work<'_>) -> bool {
        match (self, work) {
            (Self::Exec(name), Work::Command(command)) => last_name(command.command).eq_ignore_ascii_case(name),
            (Self::Class(class), Work::Handler(handler)) => *class == handler.class,
            _ => false,
        }
    }
}

/// A command without quotation marks around it and without folders before it.
fn last_name(command: &str) -> &str {
    let command = command.trim();
    let bare = command.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(command);
    bare.rsplit(['\\', '/']).next().unwrap_or(bare)
}

/// Makes [`Actions`] of a list of names and functions; see the [module](mod@crate::actions).
///
/// A function is named by a path, takes `&self` of the type and a `&Call<'_>`, and is `async`. Classes are written as one
/// hexadecimal number, see [`Guid::from_u128`].
#[macro_export]
macro_rules! actions {
    ($type:ty { $($kind:ident $name:literal => $function:path),+ $(,)? }) => {
        impl $crate::actions::Actions for $type {
            fn find(&self, work: &$crate::core::engine::Work<'_>) -> ::core::option::Option<usize> {
                const NAMES: &[$crate::actions::Name] = &[$($crate::actions!(@name $kind $name)),+];
                NAMES.iter().position(|name| name.names(work))
            }

            async fn run(&self, action: usize, call: &$crate::actions::Call<'_>) -> $crate::core::status::Status {
                let mut place = 0;
                $(
                    if place == action {
                        return $function(self, call).await;
                    }
                    place += 1;
                )+
                let _ = place;
                $crate::core::status::Status::E_FILE_NOT_FOUND
            }
        }
    };
    (@name exec $name:literal) => { $crate::actions::Name::Exec($name) };
    (@name class $class:literal) => { $crate::actions::Name::Class($crate::core::guid::Guid::from_u128($class)) };
}

/// Where a running function turns to.
pub(crate) trait Desk {
    /// Whether an instance was asked to stop.
    fn is_stopping(&self, instance: Guid) -> bool;
    /// Waits until an instance is asked to stop.
    fn poll_stopping(&self, instance: Guid, cx: &Context<'_>) -> Poll<()>;
    /// Hears how far an instance has come.
    fn progress(&self, instance: Guid, percent: u8, text: &str);
    /// What the clocks say.
    fn now(&self) -> Now;
}

/// What a function of the firmware is called with.
pub struct Call<'c> {
    pub(crate) instance: Guid,
    pub(crate) work: Work<'c>,
    pub(crate) desk: &'c dyn Desk,
}

impl core::fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Call").field("instance", &self.instance).field("work", &self.work).finish_non_exhaustive()
    }
}

impl<'c> Call<'c> {
    /// Which instance it is.
    #[must_use]
    pub const fn instance(&self) -> Guid {
        self.instance
    }

    /// What was asked for.
    #[must_use]
    pub const fn work(&self) -> &Work<'c> {
        &self.work
    }

    /// The command of an Exec as the task has it; empty for a ComHandler.
    #[must_use]
    pub const fn command(&self) -> &'c str {
        match self.work {
            Work::Command(Command { command, .. }) => command,
            _ => "",
        }
    }

    /// The arguments of an Exec as one string; empty for a ComHandler.
    #[must_use]
    pub const fn arguments(&self) -> &'c str {
        match self.work {
            Work::Command(Command { arguments, .. }) => arguments,
            _ => "",
        }
    }

    /// The arguments of an Exec as words: white space parts them, and what stands in quotation marks is one. Values of parameters
    /// are in it already, so that one with white space or quotation marks is not one word: a function that takes such values
    /// from whoever may run its task reads [`arguments`](Self::arguments) itself, or has one parameter, at the end.
    pub fn words(&self) -> impl Iterator<Item = &'c str> + Clone + use<'c> {
        let mut rest = self.arguments();
        core::iter::from_fn(move || {
            rest = rest.trim_start();
            if rest.is_empty() {
                return None;
            }
            let (word, after) = match rest.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
                None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
            };
            rest = after;
            Some(word)
        })
    }

    /// The folder that an Exec wants to be run in; empty if the task names none, and for a ComHandler.
    #[must_use]
    pub const fn working_directory(&self) -> &'c str {
        match self.work {
            Work::Command(Command { working_directory, .. }) => working_directory,
            _ => "",
        }
    }

    /// The Data of a ComHandler; empty for an Exec.
    #[must_use]
    pub const fn data(&self) -> &'c str {
        match self.work {
            Work::Handler(Handler { data, .. }) => data,
            _ => "",
        }
    }

    /// Whether somebody asked the instance to stop.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.desk.is_stopping(self.instance)
    }

    /// Is done when somebody asks the instance to stop.
    pub async fn stopped(&self) {
        core::future::poll_fn(|cx| self.desk.poll_stopping(self.instance, cx)).await;
    }

    /// Says how far it has come. The log hears of it, and [`Host::progress`](crate::host::Host::progress) gives it to who
    /// asks; of the text the first [`PROGRESS`] bytes are kept.
    pub fn progress(&self, percent: u8, text: &str) {
        self.desk.progress(self.instance, percent, text);
    }

    /// What the clocks say.
    #[must_use]
    pub fn now(&self) -> Now {
        self.desk.now()
    }
}

/// Bytes that are kept of what an action says it is at.
pub const PROGRESS: usize = 24;

/// How far an action has come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// In percent, as the action says.
    pub percent: u8,
    /// What it is at.
    pub text: heapless::String<PROGRESS>,
}

impl Progress {
    pub(crate) fn new(percent: u8, text: &str) -> Self {
        let mut kept = heapless::String::new();
        // Whole characters, as many as fit.
        text.chars().try_for_each(|character| kept.push(character)).unwrap_or_default();
        Self { percent, text: kept }
    }
}

/// How an instance is asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stop {
    No,
    Gracefully,
    Hard,
}

/// How far a job has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Free,
    /// Waits for a runner.
    Waiting,
    /// A runner has it.
    Running,
}

/// An instance that the core wants run, from then until it has ended.
#[derive(Debug)]
pub struct Job {
    phase: Phase,
    stop: Stop,
    /// Those that wait run in this order.
    turn: u32,
    instance: Guid,
    progress: Progress,
    /// The task of the executor that runs it.
    waker: WakerRegistration,
}

impl Job {
    /// One that nobody has.
    pub const FREE: Self = Self {
        phase: Phase::Free,
        stop: Stop::No,
        turn: 0,
        instance: Guid::NIL,
        progress: Progress { percent: 0, text: heapless::String::new() },
        waker: WakerRegistration::new(),
    };
}

/// There is no free job.
pub(crate) struct NoJob;

/// What became of a wish to stop an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// It was waiting for its turn, and does no more.
    Dropped,
    /// It was told, or is not here.
    Told,
}

/// The jobs, and who waits for one.
pub(crate) struct Jobs<'a> {
    inner: RefCell<Inner<'a>>,
}

struct Inner<'a> {
    jobs: &'a mut [Job],
    next_turn: u32,
    /// Tasks of the executor that have nothing to run. More of them than this wake each other.
    idle: MultiWakerRegistration<8>,
}

impl<'a> Jobs<'a> {
    pub(crate) const fn new(jobs: &'a mut [Job]) -> Self {
        let idle = MultiWakerRegistration::new();
        Self { inner: RefCell::new(Inner { jobs, next_turn: 0, idle }) }
    }

    /// Has an instance run when a runner is free.
    pub(crate) fn add(&self, instance: Guid) -> Result<(), NoJob> {
        let inner = &mut *self.inner.borrow_mut();
        let job = inner.jobs.iter_mut().find(|job| job.phase == Phase::Free).ok_or(NoJob)?;
        let turn = inner.next_turn;
        *job = Job { phase: Phase::Waiting, turn, instance, ..Job::FREE };
        inner.next_turn = turn.wrapping_add(1);
        inner.idle.wake();
        Ok(())
    }

    /// Asks an instance to stop.
    pub(crate) fn stop(&self, instance: Guid, stop: Stop) -> Stopped {
        let inner = &mut *self.inner.borrow_mut();
        let Some(job) = inner.find(instance) else { return Stopped::Told };
        if job.phase == Phase::Waiting {
            *job = Job::FREE;
            return Stopped::Dropped;
        }
        job.stop = job.stop.max(stop);
        job.waker.wake();
        Stopped::Told
    }

    /// Takes the job that has waited longest.
    pub(crate) fn poll_take(&self, cx: &mut Context<'_>) -> Poll<Guid> {
        let inner = &mut *self.inner.borrow_mut();
        let now = inner.next_turn;
        let waiting = inner.jobs.iter_mut().filter(|job| job.phase == Phase::Waiting);
        // Turns wrap around, so it is their age that counts.
        let Some(job) = waiting.max_by_key(|job| now.wrapping_sub(job.turn)) else {
            inner.idle.register(cx.waker());
            return Poll::Pending;
        };
        job.phase = Phase::Running;
        Poll::Ready(job.instance)
    }

    /// Gives the job of an instance back, which has ended.
    pub(crate) fn give_back(&self, instance: Guid) {
        if let Some(job) = self.inner.borrow_mut().find(instance) {
            *job = Job::FREE;
        }
    }

    /// Waits until an instance is asked to stop that way; one that is not here is.
    pub(crate) fn poll_stop(&self, instance: Guid, stop: Stop, cx: &Context<'_>) -> Poll<()> {
        match self.inner.borrow_mut().find(instance) {
            Some(job) if job.stop < stop => {
                // All who wait for one job are in one task of the executor, so that one waker does.
                job.waker.register(cx.waker());
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }

    /// Whether an instance was asked to stop; one that is not here was.
    pub(crate) fn is_stopping(&self, instance: Guid) -> bool {
        self.inner.borrow_mut().find(instance).is_none_or(|job| job.stop != Stop::No)
    }

    pub(crate) fn keep_progress(&self, instance: Guid, progress: Progress) {
        if let Some(job) = self.inner.borrow_mut().find(instance) {
            job.progress = progress;
        }
    }

    pub(crate) fn progress(&self, instance: Guid) -> Option<Progress> {
        self.inner.borrow_mut().find(instance).map(|job| job.progress.clone())
    }
}

impl Inner<'_> {
    fn find(&mut self, instance: Guid) -> Option<&mut Job> {
        self.jobs.iter_mut().find(|job| job.phase != Phase::Free && job.instance == instance)
    }
}
