//! Child processes: the programs that actions run.
//!
//! Each gets its own process group, no standard input, output or error, the root folder as working directory unless the
//! action names another, and a clean environment: `PATH`, `HOME`, `USER`, `LOGNAME` and `SHELL` of the user it runs as,
//! the server's `TZ` and `LANG`, and `MAINSPRING_INSTANCE`. No shell is asked, unless the command is one; the arguments are
//! split as Windows programs split theirs before parameters are put in ([`Arguments`]). A NUL in any of it is refused.
//!
//! # As whom
//!
//! A server that is root starts each child with the user, the group and all further groups of the Unix user who stands for
//! its principal ([`UnixUsers`](crate::accounts::UnixUsers)), with a umask of 022, and in its working directory only if that
//! user may go there. The limit of open files is what the server had before it raised its own; the other limits are the
//! server's, because no session is opened (PAM is not asked). Another server starts each as itself.
//!
//! With RunLevel LeastPrivilege, which is what counts where nothing is said, a child has `no_new_privs`: neither it nor
//! what it starts gains rights by a set-user-ID program. With HighestAvailable it may, unless the server itself may not.
//!
//! # Priority
//!
//! The Priority of the task is the niceness of the child and of what it starts, and by that of its input and output. Lower
//! than the server's only a server gets it that may do that, such as root; another says so once, and starts the child with
//! its own.
//!
//! | Priority | on Windows | niceness |
//! | --- | --- | --- |
//! | 0 | real time | -20 |
//! | 1 | high | -10 |
//! | 2, 3 | above normal | -5 |
//! | 4, 5, 6 | normal | 0 |
//! | 7 (where nothing is said), 8 | below normal | 10, as work in the background has it from `nice` |
//! | 9 | idle, lowest | 15 |
//! | 10 | idle | 19 |
//!
//! # Results
//!
//! The exit code is the result; a child that a signal ended has 128 and the signal's number, as in a shell. A child that
//! could not be started has the Win32 code of why as its result.
//!
//! A child that was asked to stop has ended when nothing of its process group runs any more, because a shell that ends at
//! once may leave behind what it started, which takes its time or does not listen. A child that nobody asked may leave
//! behind what it likes.
//!
//! # After a crash
//!
//! Children outlive a server that is killed. The next one looks for each instance that was running: first in the
//! folder `running`, where a file for each instance says which process it is (number, start time and boot, because
//! numbers are used again); for the moment between the start of a child and the writing of that file, in the
//! environments of all processes: of the server's user, or of anybody if the server is root, which started them as others. Of
//! several the one that started first is meant, so that nobody who learns of an instance later can pass for it. What is found is adopted: it is watched and can be stopped, but only a
//! parent learns an exit code, so its result will be [`Status::E_PROCESS_ABORTED`]. The files need not be durable,
//! since what they name does not outlive the machine either.

mod credentials;
mod proc;

use std::{
    collections::HashMap,
    fs, io,
    os::{
        fd::OwnedFd,
        unix::{fs::DirBuilderExt, process::ExitStatusExt},
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use mainspring::{
    engine,
    guid::Guid,
    status::Status,
    task::{Arguments, RunLevel},
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Rlimit, Signal},
};

use credentials::Limits;
pub use credentials::{Credentials, UserError};
use proc::Identity;

/// The variable by which a child is known.
const VARIABLE: &str = "MAINSPRING_INSTANCE";

/// Where programs are looked for that are named without a folder.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How long after a child was asked to stop the rest of its process group is waited for: longer than it takes until it is
/// stopped for good, if it may be.
const GROUP_TIME: Duration = Duration::from_secs(10);

/// How long the start of a child that is another user's may take.
const START_TIME: Duration = Duration::from_secs(2);

/// ERROR_TIMEOUT, [MS-ERREF] 2.2: it took longer.
const TIMED_OUT: Status = Status::from_win32(1460);

/// ERROR_DIRECTORY, [MS-ERREF] 2.2: the working directory is none.
const BAD_DIRECTORY: Status = Status::from_win32(267);

/// ERROR_BAD_EXE_FORMAT, [MS-ERREF] 2.2: the file is no program.
const BAD_FORMAT: Status = Status::from_win32(193);

/// What is known of a child that runs.
#[derive(Debug)]
struct Process {
    pid: Pid,
    /// Names the process, whatever becomes of its number.
    handle: OwnedFd,
    /// `None` if it was adopted.
    child: Option<Child>,
    /// Its result, once it has ended by itself, but not yet all of its group.
    result: Option<Status>,
    /// Until when the rest of its group is waited for; `None` if it is not.
    group_until: Option<Instant>,
}

impl Process {
    const fn new(pid: Pid, handle: OwnedFd, child: Option<Child>) -> Self {
        Self { pid, handle, child, result: None, group_until: None }
    }

    fn stop(&mut self, hard: bool) {
        self.group_until = (!hard).then(|| Instant::now() + GROUP_TIME);
        let signal = if hard { Signal::KILL } else { Signal::TERM };
        // A child that was not taken keeps its number, and so does a group of which something lives. That of an adopted one that
        // has ended may be another's by now.
        let is_its =
            self.child.is_some() && self.result.is_none() || !has_ended(&self.handle) || proc::group_lives(self.pid);
        if !is_its || rustix::process::kill_process_group(self.pid, signal).is_err() {
            let _ = rustix::process::pidfd_send_signal(&self.handle, signal);
        }
    }

    /// Takes the result of the process itself, if it has ended.
    fn take_result(&mut self) -> Option<Status> {
        match &mut self.child {
            None => has_ended(&self.handle).then_some(Status::E_PROCESS_ABORTED),
            Some(child) => match child.try_wait() {
                Ok(Some(status)) => {
                    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
                    Some(Status(code.unwrap_or_default().cast_unsigned()))
                }
                Ok(None) => None,
                Err(_) => Some(Status::E_PROCESS_ABORTED),
            },
        }
    }
}

/// A child that was started or found.
#[derive(Debug)]
pub struct Running {
    /// Its process number.
    pub pid: u32,
    /// A pidfd, which becomes readable when the child has ended; then call [`Children::ended`] until it tells the result.
    pub ended: OwnedFd,
}

/// What a note says of an instance.
enum Noted {
    /// This process, of this boot.
    Here(Identity),
    /// A process of an earlier boot.
    Before,
    /// There is none that can be read.
    Nowhere,
}

/// All children of the server.
#[derive(Debug)]
pub struct Children {
    folder: PathBuf,
    boot: String,
    limit: Option<Rlimit>,
    /// Whether it was said that a niceness cannot be had.
    is_refusal_told: bool,
    processes: HashMap<Guid, Process>,
    /// The children found by their environment, while instances are being recovered.
    found: Option<HashMap<Guid, Identity>>,
}

impl Children {
    /// No children yet. `folder` is where it is noted which run, made if it does not exist; actions run with `limit` as their
    /// limit of open files, if the server has raised its own.
    ///
    /// # Errors
    /// If the folder cannot be made.
    pub fn new(folder: &Path, limit: Option<Rlimit>) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            boot: proc::boot(),
            limit,
            is_refusal_told: false,
            processes: HashMap::new(),
            found: None,
        })
    }

    /// Starts an action of an instance with these arguments, as a user, with the rights of a level.
    ///
    /// # Errors
    /// The result of the run, if there is no starting it.
    pub fn start(
        &mut self,
        instance: Guid,
        action: &engine::Command<'_>,
        arguments: Arguments<'_>,
        user: &Credentials,
        level: RunLevel,
    ) -> Result<Running, Status> {
        let program = unquoted(action.command);
        if program.is_empty() {
            return Err(Status::E_FILE_NOT_FOUND);
        }
        let directory = match unquoted(action.working_directory) {
            "" => "/",
            directory => directory,
        };
        let mut command = Command::new(program);
        command
            .args(arguments.iter())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .env_clear()
            .env("PATH", PATH)
            .env(VARIABLE, instance.to_string());
        for name in ["TZ", "LANG"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        let limits = Limits { files: self.limit, no_new_privileges: level == RunLevel::LeastPrivilege };
        user.put_on(&mut command, directory, limits)?;
        let spawned = if user.are_own() { command.spawn() } else { self.spawn_in_time(command) };
        let mut child = spawned.map_err(|error| refused(&error, directory))?;
        let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else { return Err(Status::E_FAIL) };
        self.set_niceness(pid, action.priority);
        if !user.are_own() {
            // Where the kernel weighs sessions, a niceness counts within one alone.
            let _ =
                fs::write(format!("/proc/{}/autogroup", pid.as_raw_nonzero()), niceness(action.priority).to_string());
        }
        let handles = rustix::process::pidfd_open(pid, PidfdFlags::NONBLOCK).and_then(|handle| {
            let ended = rustix::io::fcntl_dupfd_cloexec(&handle, 0)?;
            Ok((handle, ended))
        });
        let (handle, ended) = match handles {
            Ok(handles) => handles,
            Err(error) => {
                // Nobody would notice its end, so there must be no such child.
                tracing::error!(%instance, %error, "a child cannot be watched");
                let _ = rustix::process::kill_process_group(pid, Signal::KILL);
                let _ = child.wait();
                return Err(Status::E_OUTOFMEMORY);
            }
        };
        self.note(instance, pid);
        self.processes.insert(instance, Process::new(pid, handle, Some(child)));
        Ok(Running { pid: pid.as_raw_nonzero().get().unsigned_abs(), ended })
    }

    /// Starts a child that is another user's. From when it has that user's rights to when it runs the program it waits for what is
    /// the user's: a file that he holds, a folder that he serves, a signal that he sent. It gets [`START_TIME`] for that.
    fn spawn_in_time(&self, mut command: Command) -> io::Result<Child> {
        let (tell, told) = mpsc::channel();
        thread::Builder::new().name("start".into()).spawn(move || {
            if let Err(mpsc::SendError(Ok(mut child))) = tell.send(command.spawn()) {
                // Nobody waits for it any more.
                let _ = child.kill();
                let _ = child.wait();
            }
        })?;
        if let Ok(spawned) = told.recv_timeout(START_TIME) {
            return spawned;
        }
        // What it inherited of the server, such as its locks, it would keep for as long as it is there.
        proc::children().filter(|pid| self.processes.values().all(|known| known.pid != *pid)).for_each(|pid| {
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        });
        Err(io::ErrorKind::TimedOut.into())
    }

    /// Gives a child, and whatever it has started already, the niceness of its task.
    fn set_niceness(&mut self, group: Pid, priority: u8) {
        let niceness = niceness(priority);
        if let Err(error) = rustix::process::setpriority_pgrp(Some(group), niceness)
            && !self.is_refusal_told
            && error != rustix::io::Errno::SRCH
        {
            self.is_refusal_told = true;
            tracing::warn!(priority, niceness, %error, "the priority of tasks cannot be had; they run with the server's, which is said once");
        }
    }

    /// Looks whether an instance that an earlier server started still runs, and adopts it if so.
    pub fn recover(&mut self, instance: Guid) -> Option<Running> {
        let running = match self.noted(instance) {
            Noted::Here(identity) => self.adopt(instance, identity),
            // It went with the machine, whatever calls itself so now.
            Noted::Before => None,
            Noted::Nowhere => {
                if self.found.is_none() {
                    let own = rustix::process::geteuid();
                    self.found = Some(proc::by_variable(VARIABLE, (!own.is_root()).then_some(own.as_raw())));
                }
                let identity = self.found.as_ref()?.get(&instance).copied()?;
                let running = self.adopt(instance, identity)?;
                self.note(instance, identity.pid);
                Some(running)
            }
        };
        if running.is_none() {
            self.unnote(instance);
        }
        running
    }

    /// Ends the time of recovering: what is noted of instances that nobody asked for is forgotten.
    pub fn recovered(&mut self) {
        self.found = None;
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let instance = entry.file_name().to_str().and_then(Guid::parse);
            if instance.is_none_or(|instance| !self.processes.contains_key(&instance)) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Asks the process group of an instance to end, or ends it for good. Nothing happens if it has ended.
    pub fn stop(&mut self, instance: Guid, hard: bool) {
        if let Some(process) = self.processes.get_mut(&instance) {
            process.stop(hard);
        }
    }

    /// Takes the end of a child: its result. `None` if it has not ended, which [`Running::ended`] would say too, or if it
    /// was asked to stop and something of its group has not: ask again after a while.
    pub fn ended(&mut self, instance: Guid) -> Option<Status> {
        let process = self.processes.get_mut(&instance)?;
        let result = match process.result {
            Some(result) => result,
            None => process.take_result()?,
        };
        process.result = Some(result);
        let waits = process.group_until.is_some_and(|until| Instant::now() < until);
        if waits && proc::group_lives(process.pid) {
            return None;
        }
        self.processes.remove(&instance);
        self.unnote(instance);
        Some(result)
    }

    /// How many children run.
    #[must_use]
    pub fn count(&self) -> usize {
        self.processes.len()
    }

    /// Ends every process group for good.
    pub fn kill_all(&mut self) {
        self.processes.values_mut().for_each(|process| process.stop(true));
    }

    fn adopt(&mut self, instance: Guid, identity: Identity) -> Option<Running> {
        // The handle comes first: if the process with this number then has the right start time, the handle is its.
        let handle = rustix::process::pidfd_open(identity.pid, PidfdFlags::NONBLOCK).ok()?;
        if !proc::lives(identity) {
            return None;
        }
        let ended = rustix::io::fcntl_dupfd_cloexec(&handle, 0).ok()?;
        self.processes.insert(instance, Process::new(identity.pid, handle, None));
        Some(Running { pid: identity.pid.as_raw_nonzero().get().unsigned_abs(), ended })
    }

    fn note_path(&self, instance: Guid) -> PathBuf {
        self.folder.join(instance.to_string())
    }

    fn note(&self, instance: Guid, pid: Pid) {
        let Some(started) = proc::started(pid) else { return };
        let text = format!("{} {started} {}\n", pid.as_raw_nonzero(), self.boot);
        // Without the note the child is still found by its environment, only more slowly.
        if let Err(error) = fs::write(self.note_path(instance), text) {
            tracing::warn!(%instance, %error, "a child could not be noted");
        }
    }

    fn noted(&self, instance: Guid) -> Noted {
        let read = || {
            let text = fs::read_to_string(self.note_path(instance)).ok()?;
            let mut parts = text.split_whitespace();
            let pid = parts.next()?.parse().ok().and_then(Pid::from_raw)?;
            let started = parts.next()?.parse().ok()?;
            let is_here = parts.next()? == self.boot;
            Some(if is_here { Noted::Here(Identity { pid, started }) } else { Noted::Before })
        };
        read().unwrap_or(Noted::Nowhere)
    }

    fn unnote(&self, instance: Guid) {
        let _ = fs::remove_file(self.note_path(instance));
    }
}

/// The niceness that stands for a Priority: see the module.
const fn niceness(priority: u8) -> i32 {
    match priority {
        0 => -20,
        1 => -10,
        2 | 3 => -5,
        4..=6 => 0,
        7 | 8 => 10,
        9 => 15,
        _ => 19,
    }
}

/// Whether the process that a pidfd names has ended.
fn has_ended(handle: &OwnedFd) -> bool {
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::new(handle, PollFlags::IN)], Some(&at_once)).is_ok_and(|ready| ready > 0)
}

/// A command or folder without the quotation marks that Windows users put around names with blanks.
fn unquoted(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
}

/// The result of a run that could not be started.
fn refused(error: &io::Error, directory: &str) -> Status {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory if !Path::new(directory).is_dir() => BAD_DIRECTORY,
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Status::E_FILE_NOT_FOUND,
        io::ErrorKind::PermissionDenied => Status::E_ACCESSDENIED,
        io::ErrorKind::TimedOut => TIMED_OUT,
        io::ErrorKind::OutOfMemory | io::ErrorKind::WouldBlock => Status::E_OUTOFMEMORY,
        io::ErrorKind::ArgumentListTooLong | io::ErrorKind::InvalidInput => Status::E_INVALIDARG,
        _ if error.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error()) => BAD_FORMAT,
        _ => Status::E_FAIL,
    }
}
