//! The log: the core's typed events as structured lines on standard error.

use std::io::{self, Write};

use mainspring::event::{Closed, Event};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tracing::{debug, error, info, level_filters::LevelFilter, warn};

/// The variable that says how much is logged: `error`, `warn`, `info` (the default), `debug` or `trace`.
const VARIABLE: &str = "MAINSPRING_LOG";

/// Bytes that a pipe takes without blocking once it says that it takes any: `PIPE_BUF`.
const ATOMIC: usize = 4096;

/// Starts the log; harmless when done twice.
pub fn start() {
    let level = std::env::var(VARIABLE).ok().and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::INFO);
    let subscriber = tracing_subscriber::fmt().with_max_level(level).with_writer(|| Patient).with_ansi(false);
    let _ = subscriber.try_init();
}

/// Standard error, but a line that nobody takes is dropped: a server must not stand still because its log does.
struct Patient;

impl Write for Patient {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let stderr = rustix::stdio::stderr();
        let mut fds = [PollFd::new(&stderr, PollFlags::OUT)];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        if poll(&mut fds, Some(&at_once)).is_ok_and(|ready| ready > 0) {
            let length = line.len().min(ATOMIC);
            rustix::io::write(stderr, line.get(..length).unwrap_or_default())?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Puts an event into the log.
pub(super) fn tell(event: Event) {
    match event {
        Event::Registered { task } => info!(task, "registered"),
        Event::Deleted { task } => info!(task, "deleted"),
        Event::Skipped { task, reason } => warn!(task, ?reason, "run skipped"),
        Event::InstanceStarted { task, instance } => info!(task, %instance, "instance started"),
        Event::InstanceEnded { task, instance, result } => info!(task, %instance, %result, "instance ended"),
        Event::RecordDamaged { kind, number } => error!(kind, number, "record damaged, left out"),
        Event::StoreFailed { error } => error!(%error, "store failed"),
        Event::LoginFailed { connection } => warn!(connection, "login failed"),
        Event::LoggedIn { connection } => debug!(connection, "logged in"),
        Event::ConnectionClosed { connection, reason } => match reason {
            Closed::NoConnectionSlot => warn!(?reason, "connection refused"),
            Closed::IdleTime | Closed::Shutdown => debug!(connection, ?reason, "connection closed"),
            _ => info!(connection, ?reason, "connection closed"),
        },
        Event::Lost { count } => warn!(count, "events lost"),
    }
}
