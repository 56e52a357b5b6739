//! What happened to a task: its runs, and the occurrences that did not become one, with the reason.

use std::fmt::Write as _;

use clap::Args;
use mainspring::{
    engine::{Happened, LATEST, Started},
    event::Skipped,
    status::Status,
    time::{Timestamp, zone::Zone},
    tsch::{
        HISTORY_INTERFACE,
        client::{HistoryEntry, ReadHistory},
    },
};
use serde_json::{Value, json};

use super::{
    Failure, checked, line,
    runs::{self, LINES_MAX, local},
    with_session_of,
};

#[derive(Debug, Args)]
pub(super) struct History {
    /// Path of the task
    path: String,
    /// How many entries at most, the latest; up to 100000
    #[arg(short, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=LINES_MAX))]
    number: u32,
    /// The zone of the times that are printed, such as Europe/Paris; without it, that of this machine
    #[arg(long)]
    zone: Option<String>,
}

/// The latest entries of a task, a line each, the latest last.
///
/// # Errors
/// [`Failure::Usage`] for a zone that is none, or what the server said. A server that keeps no history, such as Windows, does not
/// know the interface.
pub(super) fn carry_out(arguments: &super::Arguments, wanted: &History) -> Result<String, Failure> {
    let zone = runs::zone(wanted.zone.as_deref())?;
    let zone = zone.zone();
    let number = wanted.number as usize;
    let entries = with_session_of(arguments, &HISTORY_INTERFACE, |session| {
        let mut entries: Vec<HistoryEntry> = Vec::new();
        let mut from = LATEST;
        loop {
            let answer = session.call(&ReadHistory { path: &wanted.path, from })?;
            if answer.status != Status::S_FALSE {
                checked(answer.status)?;
            }
            let next = answer.next;
            entries.extend(answer.entries);
            // A server whose answers lead nowhere is not asked for ever.
            if next == 0 || next >= from || entries.len() >= number {
                entries.truncate(number);
                entries.reverse();
                return Ok(entries);
            }
            from = next;
        }
    })?;
    if arguments.json {
        return Ok(line(&entries.iter().map(|entry| object(entry, &zone)).collect::<Vec<Value>>().into()));
    }
    let mut text = String::new();
    for entry in &entries {
        let at = entry.at.map_or_else(|| "at a time not known".to_owned(), |at| local(at, &zone));
        let _ = writeln!(text, "{at:<25}  {}", words(entry, &zone));
    }
    if entries.is_empty() {
        text.push_str("nothing is in the history of this task\n");
    }
    Ok(text)
}

fn until(entry: &HistoryEntry) -> Option<Timestamp> {
    entry.at.map(|at| at.plus(i64::try_from(entry.span).unwrap_or(i64::MAX)))
}

fn words(entry: &HistoryEntry, zone: &Zone<'_>) -> String {
    let seconds = || format!("{}.{:03} s", entry.span / 1000, entry.span % 1000);
    let result = |status: Status| {
        let name = status.name().map_or_else(String::new, |name| format!(" {name}"));
        format!("0x{:08X}{name}", status.0)
    };
    match entry.what {
        Some(Happened::Ran { started, result: status }) => {
            let took = if entry.at.is_some() { format!(" for {}", seconds()) } else { String::new() };
            format!("ran{took}, started by {}: {}", cause(started), result(status))
        }
        Some(Happened::NotStarted { started, result: status }) => {
            format!("could not be started by {}: {}", cause(started), result(status))
        }
        Some(Happened::Skipped { reason, count: 1 }) => format!("did not run: {}", why(reason)),
        Some(Happened::Skipped { reason, count }) => {
            let last = until(entry).filter(|_| entry.span > 0).map(|at| format!(" up to {}", local(at, zone)));
            format!("did not run {count} times{}: {}", last.unwrap_or_default(), why(reason))
        }
        None => "something that this client does not know".to_owned(),
    }
}

fn object(entry: &HistoryEntry, zone: &Zone<'_>) -> Value {
    let at = entry.at.map(|at| local(at, zone));
    let until = until(entry).map(|at| local(at, zone));
    match entry.what {
        Some(Happened::Ran { started, result }) => {
            json!({ "what": "ran", "at": at, "until": until, "started_by": cause(started), "result": result.0 })
        }
        Some(Happened::NotStarted { started, result }) => {
            json!({ "what": "not started", "at": at, "started_by": cause(started), "result": result.0 })
        }
        Some(Happened::Skipped { reason, count }) => {
            json!({ "what": "skipped", "at": at, "until": until, "reason": why(reason), "count": count })
        }
        None => json!({ "what": null, "at": at, "until": until }),
    }
}

const fn cause(started: Started) -> &'static str {
    match started {
        Started::OnDemand => "somebody",
        Started::Calendar => "a time or calendar trigger",
        Started::Boot => "a boot trigger",
        Started::Registration => "a registration trigger",
        Started::Idle => "an idle trigger",
        Started::Event => "an event trigger",
        Started::Session => "a logon or session trigger",
        Started::Maintenance => "automatic maintenance",
    }
}

const fn why(reason: Skipped) -> &'static str {
    match reason {
        Skipped::AlreadyRunning => "another instance ran",
        Skipped::QueueFull => "too many waited",
        Skipped::NoInstanceSlot => "the server had no room for another instance",
        Skipped::StoreFailed => "the store failed",
        Skipped::NoEntropy => "there were no random bytes",
        Skipped::OnBatteries => "the machine was on batteries",
        Skipped::NoNetwork => "there was no network",
        Skipped::NotIdle => "the machine was not idle",
        Skipped::RemoteAppSession => "the session was that of a remote application",
        Skipped::Missed => "the server was not there",
        Skipped::Disabled => "the task was disabled",
        Skipped::Expired => "the trigger had ended",
        Skipped::ClockUnknown => "the server did not know the time",
        Skipped::Stopped => "it was stopped while it waited",
        Skipped::MaintenanceOver => "the maintenance period was over",
        Skipped::NobodyLoggedOn => "nobody of its group was logged on",
    }
}
