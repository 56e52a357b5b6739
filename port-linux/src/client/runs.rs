//! When a task runs next, or would have run: worked out here, from its definition and a zone.

use std::{fmt::Write as _, path::PathBuf};

use clap::Args;
use mainspring::{
    recur::{self, Anchors},
    task::{Boundary, Image, Trigger, TriggerKind},
    time::{Timestamp, civil::DateTime, zone::Zone},
};
use serde_json::{Value, json};

use super::{Failure, files, line, retrieve, with_session};
use crate::{
    clock::now,
    definition::{self, Known},
    zone::LocalZone,
};

/// The most runs, or entries, that are shown at once.
pub(super) const LINES_MAX: i64 = 100_000;

#[derive(Debug, Args)]
pub(super) struct Runs {
    /// Path of a task, or a definition in a file whose name ends in .xml, .job or .cbor, which needs no server
    task: PathBuf,
    /// How many at most, up to 100000
    #[arg(short, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=LINES_MAX))]
    number: u32,
    /// Runs at or after this time rather than from now on, such as 2026-03-29T00:00:00, with or without an offset
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Runs from this time until now, the earliest first: what was missed by a server that was off. Where there are more than
    /// -n, that is said, with the time of the next
    #[arg(long, value_name = "TIME", conflicts_with = "from")]
    since: Option<String>,
    /// The zone of times without an offset, such as Europe/Paris; without it, that of this machine
    #[arg(long)]
    zone: Option<String>,
}

/// A run, and whether the clock was put forward over the time that the schedule has for it.
struct Run {
    at: Timestamp,
    is_moved: bool,
}

/// The runs of a task, a line each, and what else there is to know. With JSON the latter is no part of what is printed, and is said
/// on standard error.
///
/// # Errors
/// [`Failure::Usage`] for a time or zone that is none, [`Failure::File`] for a definition that is invalid, or what the server said.
pub(super) fn carry_out(arguments: &super::Arguments, wanted: &Runs) -> Result<String, Failure> {
    let bytes = image(arguments, wanted)?;
    let image = Image::parse(&bytes).map_err(|error| Failure::File(error.to_string()))?;
    let zone = zone(wanted.zone.as_deref())?;
    let zone = zone.zone();
    let moment = |text: &String| -> Result<Timestamp, Failure> {
        let boundary = Boundary::parse(text).ok_or_else(|| Failure::Usage(format!("{text}: no time")))?;
        Ok(recur::moment(&boundary, &zone))
    };
    let present = now().wall.unwrap_or(Timestamp::MIN);
    let (from, until) = match (&wanted.since, &wanted.from) {
        (Some(since), _) => (moment(since)?, present),
        (None, Some(from)) => (moment(from)?, Timestamp::MAX),
        (None, None) => (present, Timestamp::MAX),
    };
    let number = wanted.number as usize;
    // One more tells whether there are more.
    let mut runs = runs(&image, from, until, number.saturating_add(1), &zone);
    let more = runs.get(number).map(|run| local(run.at, &zone));
    runs.truncate(number);
    let mut notes = Vec::new();
    if let Some(next) = more.filter(|_| wanted.since.is_some()) {
        notes.push(format!(
            "there are more until now, the next at {next}: -n shows more of them, --since {next} those from there on"
        ));
    }
    if !image.settings().enabled {
        notes.push(if wanted.since.is_some() {
            "the task is disabled: it missed none of these times, unless it was enabled then".to_owned()
        } else {
            "the task is disabled: it runs at none of these times, unless it is enabled before".to_owned()
        });
    }
    let written = runs.iter().map(|run| (local(run.at, &zone), run.is_moved));
    if arguments.json {
        let objects = written.map(|(at, moved)| json!({ "at": at, "moved": moved })).collect::<Vec<Value>>();
        notes.iter().for_each(|note| eprintln!("{note}"));
        return Ok(line(&objects.into()));
    }
    let mut text = String::new();
    for (at, moved) in written {
        let moved = if moved { "  moved: the clock is put forward over its time" } else { "" };
        let _ = writeln!(text, "{at}{moved}");
    }
    let others = image.triggers().filter(|trigger| !is_of_calendar(trigger)).count();
    if runs.is_empty() {
        text += "no run is on a schedule then\n";
    }
    for note in notes {
        let _ = writeln!(text, "{note}");
    }
    if others > 0 {
        let _ = writeln!(text, "{others} of its triggers wait for something other than a time");
    }
    Ok(text)
}

/// The zone of that name, or that of this machine.
pub(super) fn zone(name: Option<&str>) -> Result<LocalZone, Failure> {
    Ok(name.map_or_else(LocalZone::of_machine, LocalZone::of_name)?)
}

/// The definition, from the file or the server.
fn image(arguments: &super::Arguments, wanted: &Runs) -> Result<Vec<u8>, Failure> {
    if files::is_definition(&wanted.task) {
        return files::image(&wanted.task);
    }
    let path = wanted.task.to_str().ok_or_else(|| Failure::Usage("no path of a task".to_owned()))?;
    let xml = with_session(arguments, |session| retrieve(session, path))?;
    let (bytes, _) =
        definition::image_of(&xml, &Known::default()).map_err(|error| Failure::File(format!("{path}: {error}")))?;
    Ok(bytes)
}

/// The runs from `from` to `until`, both included, in their order and `number` at most; what several triggers have at one moment is one.
fn runs(image: &Image<'_>, from: Timestamp, until: Timestamp, number: usize, zone: &Zone<'_>) -> Vec<Run> {
    let triggers: Vec<_> = image.triggers().filter(|trigger| trigger.enabled && is_of_calendar(trigger)).collect();
    let none = Anchors::default();
    let mut each: Vec<_> =
        triggers.iter().map(|trigger| recur::runs(trigger, &none, from, until, zone).peekable()).collect();
    let mut runs = Vec::new();
    while runs.len() < number {
        let Some(at) = each.iter_mut().filter_map(|runs| runs.peek().copied()).min() else { break };
        let mut is_moved = false;
        for (runs, trigger) in each.iter_mut().zip(&triggers) {
            if runs.next_if_eq(&at).is_some() {
                is_moved |= was_moved(trigger, at, zone);
            }
        }
        runs.push(Run { at, is_moved });
    }
    runs
}

const fn is_of_calendar(trigger: &Trigger<'_>) -> bool {
    matches!(trigger.kind, TriggerKind::Time { .. } | TriggerKind::Calendar { .. })
}

/// Whether an occurrence is not at the time of day that its trigger has. What a repetition adds has none.
fn was_moved(trigger: &Trigger<'_>, at: Timestamp, zone: &Zone<'_>) -> bool {
    let Some(start) = trigger.start.filter(|start| start.offset == mainspring::task::Offset::Local) else {
        return false;
    };
    let bare = Trigger { repetition: None, ..*trigger };
    let is_occurrence = recur::last(&bare, &Anchors::default(), at, zone) == Some(at);
    let shown = zone.civil_at(at).map(|(civil, _)| (civil.hour, civil.minute, civil.second));
    is_occurrence && shown.is_some_and(|shown| shown != (start.civil.hour, start.civil.minute, start.civil.second))
}

/// A moment as local time, with its offset.
pub(super) fn local(at: Timestamp, zone: &Zone<'_>) -> String {
    let Some((civil, _)) = zone.civil_at(at) else { return "beyond the calendar".to_owned() };
    let minutes = zone.offset_at(at) / 60;
    let (sign, minutes) = if minutes < 0 { ('-', -minutes) } else { ('+', minutes) };
    let DateTime { year, month, day, hour, minute, second } = civil;
    let offset = format_args!("{:02}:{:02}", minutes / 60, minutes % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{sign}{offset}")
}
