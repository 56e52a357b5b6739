//! What `/proc` says of processes.

use std::{collections::HashMap, fs, os::unix::fs::MetadataExt};

use mainspring::guid::Guid;
use rustix::process::Pid;

/// One process of this boot: a number is used again, a number with its start time is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) pid: Pid,
    /// Clock ticks from the boot to its start.
    pub(super) started: u64,
}

/// What is of interest in `/proc/PID/stat`.
struct Stat {
    state: char,
    group: i32,
    started: u64,
}

/// What names this boot of the machine; the same text always if the kernel does not say.
pub(super) fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").map_or_else(|_| "unknown".into(), |id| id.trim().into())
}

/// When a process started; `None` if there is none of that number.
pub(super) fn started(pid: Pid) -> Option<u64> {
    stat(pid).map(|stat| stat.started)
}

/// Whether it still runs. One that has ended, and whose end nobody took, does not.
pub(super) fn lives(identity: Identity) -> bool {
    stat(identity.pid).is_some_and(|stat| stat.started == identity.started && !matches!(stat.state, 'Z' | 'X'))
}

/// Whether anything of a process group still runs.
pub(super) fn group_lives(group: Pid) -> bool {
    // Mostly there is no such group; if there is one, it may be of zombies only, which nobody's init takes.
    if rustix::process::test_kill_process_group(group) == Err(rustix::io::Errno::SRCH) {
        return false;
    }
    let numbers = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = numbers.filter_map(|entry| entry.file_name().to_str()?.parse().ok().and_then(Pid::from_raw));
    pids.filter_map(stat).any(|stat| stat.group == group.as_raw_nonzero().get() && !matches!(stat.state, 'Z' | 'X'))
}

/// The leaders of process groups, of all users or of user `of` alone, that have `variable` in their environment, by its value. What such a
/// process has started inherits the variable, so the one that started first is meant.
pub(super) fn by_variable(variable: &str, of: Option<u32>) -> HashMap<Guid, Identity> {
    let mut found = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let number = entry.file_name().to_str().and_then(|name| name.parse().ok());
        let Some(pid) = number.and_then(Pid::from_raw) else { continue };
        if entry.metadata().is_ok_and(|metadata| of.is_some_and(|of| metadata.uid() != of)) {
            continue;
        }
        let Ok(environment) = fs::read(entry.path().join("environ")) else { continue };
        let instance = environment
            .split(|&byte| byte == 0)
            .filter_map(|pair| std::str::from_utf8(pair).ok()?.strip_prefix(variable)?.strip_prefix('='))
            .find_map(Guid::parse);
        let (Some(instance), Some(stat)) = (instance, stat(pid)) else { continue };
        if stat.group != pid.as_raw_nonzero().get() {
            continue;
        }
        let identity = Identity { pid, started: stat.started };
        let first = found.entry(instance).or_insert(identity);
        if identity.started < first.started {
            *first = identity;
        }
    }
    found
}

/// The children of this process, by whichever thread; none if the kernel does not say.
pub(super) fn children() -> impl Iterator<Item = Pid> {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let texts = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    let pids: Vec<_> = texts
        .flat_map(|text| text.split_whitespace().map(str::parse).collect::<Vec<_>>())
        .filter_map(|pid| Pid::from_raw(pid.ok()?))
        .collect();
    pids.into_iter()
}

fn stat(pid: Pid) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    // The name in parentheses may itself hold blanks and parentheses; the fields after it are counted from 3.
    let (_, fields) = text.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    let state = fields.next()?.chars().next()?;
    let group = fields.nth(1)?.parse().ok()?;
    let started = fields.nth(16)?.parse().ok()?;
    Some(Stat { state, group, started })
}
