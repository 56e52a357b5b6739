//! From an image to text, in the normalised form: a declaration, CRLF, two spaces for each level, a fixed order, and
//! nothing that is the default, except for what clients expect always.

use core::fmt::{Display, Result, Write};

use super::{
    Called, NAMESPACE, Names,
    values::{ACTIONS, LAST, LOGON_TYPES, POLICIES, PROCESS_TOKEN_SID_TYPES, RUN_LEVELS, TRIGGERS, name_of},
    version,
};
use crate::sid::Sid;
use crate::task::{
    Action, Conditions, Event, Image, Months, Named, Path, Principal, Reader, Repetition, RunLevel, Schedule,
    SessionStateChange, Settings, Span, Texts, Trigger, TriggerKind, User, Weekdays,
    action::Parts,
    opaque::{self, Piece},
};

/// The fields that may be localised, [MS-TSCH] 2.5.8. No other element that is written by [`Indented::text`] has one of these
/// names.
const LOCALIZABLE: [&str; 8] =
    ["Source", "Author", "Description", "Documentation", "DisplayName", "Subject", "Title", "Body"];

/// What is written otherwise than the image has it.
#[derive(Clone, Copy, Default)]
pub(super) struct Manner<'m> {
    /// Another version, and its minor one.
    pub(super) version: Option<(&'m str, u8)>,
    /// For whom fields are localised.
    pub(super) reader: Option<Reader<'m>>,
    /// What accounts are called, if not by their SIDs.
    pub(super) names: Option<&'m dyn Names>,
}

/// Writes a task.
pub(super) fn task(
    image: &Image<'_>,
    path: &Path,
    enabled: bool,
    sddl: Option<&dyn Display>,
    Manner { version, reader, names }: Manner<'_>,
    out: &mut dyn Write,
) -> Result {
    out.write_str("<?xml version=\"1.0\" encoding=\"UTF-16\"?>\r\n<Task")?;
    let minor = version.map(|(_, minor)| minor);
    if let Some(version) = version.map(|(version, _)| version).or(image.version()) {
        attribute(out, "version", version)?;
    }
    attribute(out, "xmlns", NAMESPACE)?;
    out.write_str(">")?;
    let mut out = Indented { out, reader, names, depth: 1, is_open: false };
    registration(&mut out, image, path, sddl)?;
    out.inside("Principals", None, |out| {
        image.principals().try_for_each(|principal| write_principal(out, &principal))
    })?;
    let mut conditions = image.conditions();
    if minor.is_some_and(|minor| !version::has(minor, "UseUnifiedSchedulingEngine")) {
        conditions.use_unified_scheduling_engine = false;
    }
    out.inside("Settings", None, |out| settings(out, &image.settings(), &conditions, enabled))?;
    out.data(image.data())?;
    out.inside("Triggers", None, |out| image.triggers().try_for_each(|trigger| write_trigger(out, &trigger)))?;
    let context = image.context().map(|context| ("Context", context));
    out.inside("Actions", context, |out| image.actions().try_for_each(|action| write_action(out, &action)))?;
    out.out.write_str("\r\n</Task>")
}

/// Writes text with the references that it cannot do without. A carriage return is one of them, because a parser takes
/// a plain one for a line feed.
struct Escaped<'o> {
    out: &'o mut dyn Write,
    is_attribute: bool,
}

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> Result {
        let mut rest = text;
        let special = |character| match character {
            '<' | '>' | '&' | '\r' => true,
            '"' | '\t' | '\n' => self.is_attribute,
            _ => false,
        };
        while let Some((plain, from)) = rest.find(special).and_then(|at| rest.split_at_checked(at)) {
            self.out.write_str(plain)?;
            let mut characters = from.chars();
            self.out.write_str(match characters.next() {
                Some('<') => "&lt;",
                Some('>') => "&gt;",
                Some('&') => "&amp;",
                Some('"') => "&quot;",
                Some('\t') => "&#9;",
                Some('\n') => "&#10;",
                _ => "&#13;",
            })?;
            rest = characters.as_str();
        }
        self.out.write_str(rest)
    }
}

fn attribute(out: &mut dyn Write, name: &str, value: &str) -> Result {
    put(out, &[" ", name, "=\""])?;
    Escaped { out, is_attribute: true }.write_str(value)?;
    out.write_str("\"")
}

/// Writes one piece after the other. It takes less code than a format does, wherever it is called.
fn put(out: &mut dyn Write, pieces: &[&str]) -> Result {
    pieces.iter().try_for_each(|piece| out.write_str(piece))
}

/// Writes text as CDATA, in as many sections as it takes; a carriage return stands between two, because a parser takes
/// one inside for a line feed.
fn cdata(out: &mut dyn Write, text: &str) -> Result {
    if text.is_empty() {
        return Ok(());
    }
    out.write_str("<![CDATA[")?;
    let mut start = 0;
    let piece = |start, end| text.get(start..end).unwrap_or_default();
    for (at, character) in text.char_indices() {
        let (between, next) = match character {
            '>' if piece(start, at).ends_with("]]") => ("]]><![CDATA[", at),
            '\r' => ("]]>&#13;<![CDATA[", at + 1),
            _ => continue,
        };
        out.write_str(piece(start, at))?;
        out.write_str(between)?;
        start = next;
    }
    out.write_str(piece(start, text.len()))?;
    out.write_str("]]>")
}

/// Writes each element on a line of its own.
struct Indented<'o> {
    out: &'o mut dyn Write,
    reader: Option<Reader<'o>>,
    names: Option<&'o dyn Names>,
    depth: usize,
    /// Whether the last tag lacks its end, because nobody knows yet whether its element is empty.
    is_open: bool,
}

impl Indented<'_> {
    /// Begins a line.
    fn line(&mut self, pieces: &[&str]) -> Result {
        self.out.write_str(if self.is_open { ">\r\n" } else { "\r\n" })?;
        self.is_open = false;
        (0..self.depth).try_for_each(|_| self.out.write_str("  "))?;
        put(self.out, pieces)
    }

    fn start(&mut self, name: &str, with: Option<(&str, &str)>) -> Result {
        self.line(&["<", name])?;
        self.is_open = true;
        self.depth += 1;
        with.map_or(Ok(()), |(name, value)| attribute(self.out, name, value))
    }

    fn end(&mut self, name: &str) -> Result {
        self.depth -= 1;
        if self.is_open {
            self.is_open = false;
            return self.out.write_str(" />");
        }
        self.line(&["</", name, ">"])
    }

    /// An element around others, with at most one attribute.
    fn inside(&mut self, name: &str, with: Option<(&str, &str)>, write: impl FnOnce(&mut Self) -> Result) -> Result {
        self.start(name, with)?;
        write(self)?;
        self.end(name)
    }

    fn value(&mut self, name: &str, value: &dyn Display) -> Result {
        self.line(&["<", name, ">"])?;
        write!(Escaped { out: self.out, is_attribute: false }, "{value}")?;
        put(self.out, &["</", name, ">"])
    }

    fn text(&mut self, name: &str, value: Option<&str>) -> Result {
        match value {
            None => Ok(()),
            Some("") => self.line(&["<", name, " />"]),
            Some(value) if self.reader.is_some() && LOCALIZABLE.contains(&name) => {
                self.line(&["<", name, ">"])?;
                let mut out = Escaped { out: self.out, is_attribute: false };
                if !self.reader.map_or(Ok(false), |reader| reader.write(value, &mut out))? {
                    out.write_str(value)?;
                }
                put(self.out, &["</", name, ">"])
            }
            Some(value) => self.value(name, &value),
        }
    }

    fn account(&mut self, name: &str, sid: &Sid) -> Result {
        match self.names.map_or(Called::Sid, |names| names.called(sid)) {
            Called::Sid => self.value(name, sid),
            Called::Name(called) => self.value(name, &called),
            Called::Nobody => Ok(()),
        }
    }

    fn data(&mut self, data: Option<&str>) -> Result {
        let Some(data) = data else { return Ok(()) };
        self.line(&["<Data>"])?;
        cdata(self.out, data)?;
        self.out.write_str("</Data>")
    }

    fn span(&mut self, name: &str, value: Option<Span<'_>>) -> Result {
        value.map_or(Ok(()), |value| self.value(name, &value))
    }

    /// A boolean, unless it is the default.
    fn flag(&mut self, name: &str, value: bool, default: bool) -> Result {
        if value == default { Ok(()) } else { self.value(name, &value) }
    }

    /// Elements in canonical form, with the white space that they were kept without.
    fn opaque(&mut self, xml: &str) -> Result {
        let depth = self.depth;
        let mut rest = xml;
        while let Some((piece, after)) = opaque::next(rest).filter(|_| !rest.is_empty()) {
            rest = after;
            match piece {
                Piece::Start { name, attributes, is_empty: true } => {
                    self.line(&["<", name, attributes, " />"])?;
                }
                Piece::Start { name, attributes, is_empty: false } => {
                    let (inner, end) = opaque::inner(after);
                    if inner.has_text {
                        self.line(&["<", name, attributes, ">", inner.xml, "</", name, ">"])?;
                        rest = end;
                    } else {
                        self.line(&["<", name, attributes, ">"])?;
                        self.depth += 1;
                    }
                }
                Piece::End { name } => {
                    self.depth = self.depth.saturating_sub(1).max(depth);
                    self.line(&["</", name, ">"])?;
                }
                Piece::Text(_) => {}
            }
        }
        self.depth = depth;
        Ok(())
    }
}

fn registration(out: &mut Indented<'_>, image: &Image<'_>, path: &Path, sddl: Option<&dyn Display>) -> Result {
    let info = image.registration();
    out.inside("RegistrationInfo", None, |out| {
        out.text("Version", info.version)?;
        out.text("Date", info.date)?;
        match sddl {
            Some(sddl) if is_nothing(sddl) => {}
            Some(sddl) => out.value("SecurityDescriptor", sddl)?,
            None => out.text("SecurityDescriptor", info.security_descriptor)?,
        }
        out.text("Source", info.source)?;
        out.text("Author", info.author)?;
        out.text("Description", info.description)?;
        out.text("Documentation", info.documentation)?;
        out.value("URI", &path)
    })
}

/// Whether it is displayed as nothing.
fn is_nothing(displayed: &dyn Display) -> bool {
    struct Nothing;
    impl Write for Nothing {
        fn write_str(&mut self, text: &str) -> Result {
            if text.is_empty() { Ok(()) } else { Err(core::fmt::Error) }
        }
    }
    write!(Nothing, "{displayed}").is_ok()
}

fn write_principal(out: &mut Indented<'_>, principal: &Principal<'_>) -> Result {
    out.inside("Principal", principal.id.map(|id| ("id", id)), |out| {
        if let Some(user) = principal.user {
            out.account("UserId", &user)?;
        }
        if let Some(group) = principal.group {
            out.account("GroupId", &group)?;
        }
        out.text("DisplayName", principal.display_name)?;
        if let Some(logon_type) = principal.logon_type {
            out.value("LogonType", &name_of(&LOGON_TYPES, &logon_type))?;
        }
        if let Some(run_level) = principal.run_level.filter(|level| *level != RunLevel::LeastPrivilege) {
            out.value("RunLevel", &name_of(&RUN_LEVELS, &run_level))?;
        }
        if let Some(sid_type) = principal.process_token_sid_type {
            out.value("ProcessTokenSidType", &name_of(&PROCESS_TOKEN_SID_TYPES, &sid_type))?;
        }
        write_list(out, "RequiredPrivileges", "Privilege", principal.required_privileges)?;
        principal.opaque.map_or(Ok(()), |xml| out.opaque(xml))
    })
}

fn settings(out: &mut Indented<'_>, settings: &Settings<'_>, conditions: &Conditions<'_>, enabled: bool) -> Result {
    out.flag("AllowHardTerminate", settings.allow_hard_terminate, true)?;
    out.flag("AllowStartOnDemand", settings.allow_start_on_demand, true)?;
    out.span("DeleteExpiredTaskAfter", conditions.delete_expired_task_after)?;
    out.value("DisallowStartIfOnBatteries", &conditions.disallow_start_if_on_batteries)?;
    out.value("StopIfGoingOnBatteries", &conditions.stop_if_going_on_batteries)?;
    out.flag("Enabled", enabled, true)?;
    let limit = settings.execution_time_limit.unwrap_or_default();
    out.span("ExecutionTimeLimit", Some(limit).filter(|limit| !Settings::is_default_limit(limit)))?;
    out.flag("Hidden", settings.hidden, false)?;
    out.value("MultipleInstancesPolicy", &name_of(&POLICIES, &settings.instances_policy))?;
    if settings.priority != Settings::PRIORITY {
        out.value("Priority", &settings.priority)?;
    }
    if let Some(restart) = &conditions.restart_on_failure {
        out.inside("RestartOnFailure", None, |out| {
            out.value("Count", &restart.count)?;
            out.value("Interval", &restart.interval)
        })?;
    }
    out.flag("StartWhenAvailable", settings.start_when_available, false)?;
    out.flag("WakeToRun", conditions.wake_to_run, false)?;
    out.flag("RunOnlyIfNetworkAvailable", conditions.run_only_if_network_available, false)?;
    out.text("NetworkProfileName", conditions.network_profile_name)?;
    if let Some(network) = &conditions.network {
        out.inside("NetworkSettings", None, |out| {
            out.text("Name", network.name)?;
            out.text("Id", network.id)
        })?;
    }
    out.flag("RunOnlyIfIdle", conditions.run_only_if_idle, false)?;
    out.inside("IdleSettings", None, |out| {
        out.span("Duration", conditions.idle.duration)?;
        out.span("WaitTimeout", conditions.idle.wait_timeout)?;
        out.value("StopOnIdleEnd", &conditions.idle.stop_on_idle_end)?;
        out.value("RestartOnIdle", &conditions.idle.restart_on_idle)
    })?;
    out.flag("DisallowStartOnRemoteAppSession", conditions.disallow_start_on_remote_app_session, false)?;
    out.flag("UseUnifiedSchedulingEngine", conditions.use_unified_scheduling_engine, false)?;
    if let Some(maintenance) = &conditions.maintenance {
        out.inside("MaintenanceSettings", None, |out| {
            out.value("Period", &maintenance.period)?;
            out.span("Deadline", maintenance.deadline)?;
            out.flag("Exclusive", maintenance.exclusive, false)
        })?;
    }
    out.flag("Volatile", conditions.volatile, false)?;
    conditions.opaque.map_or(Ok(()), |xml| out.opaque(xml))
}

fn write_trigger(out: &mut Indented<'_>, trigger: &Trigger<'_>) -> Result {
    let known = trigger.kind.numbered().and_then(|(kind, delay)| Some((TRIGGERS.get(usize::from(kind))?, delay)));
    let Some(((name, own), delay)) = known else {
        return if let TriggerKind::Opaque { xml } = trigger.kind { out.opaque(xml) } else { Ok(()) };
    };
    let delay_name = own.first().copied().unwrap_or_default();
    out.inside(name, trigger.id.map(|id| ("id", id)), |out| {
        out.flag("Enabled", trigger.enabled, true)?;
        trigger.start.map_or(Ok(()), |start| out.value("StartBoundary", &start))?;
        trigger.end.map_or(Ok(()), |end| out.value("EndBoundary", &end))?;
        out.span("ExecutionTimeLimit", trigger.execution_time_limit)?;
        out.span(delay_name, delay.filter(|_| delay_name == "Delay"))?;
        trigger.repetition.map_or(Ok(()), |repetition| write_repetition(out, &repetition))?;
        out.span(delay_name, delay.filter(|_| delay_name != "Delay"))?;
        match trigger.kind {
            TriggerKind::Calendar { schedule, .. } => write_schedule(out, schedule),
            TriggerKind::Event(event) => write_event(out, &event),
            TriggerKind::Logon { user, .. } => write_user(out, user),
            TriggerKind::SessionState { user, change, .. } => {
                write_user(out, user)?;
                out.value("StateChange", &name_of(&SessionStateChange::NAMES, &change))
            }
            _ => Ok(()),
        }
    })
}

fn write_user(out: &mut Indented<'_>, user: Option<User<'_>>) -> Result {
    user.map_or(Ok(()), |user| out.account("UserId", &user.sid()))
}

fn write_event(out: &mut Indented<'_>, event: &Event<'_>) -> Result {
    out.text("Subscription", Some(event.subscription))?;
    out.span("PeriodOfOccurrence", event.period_of_occurrence)?;
    if event.number_of_occurrences != 1 {
        out.value("NumberOfOccurrences", &event.number_of_occurrences)?;
    }
    out.text("MatchingElement", event.matching_element)?;
    if event.value_queries.is_empty() {
        return Ok(());
    }
    out.inside("ValueQueries", None, |out| {
        event.value_queries.iter().try_for_each(|(name, query)| {
            out.line(&["<Value"])?;
            attribute(out.out, "name", name)?;
            out.out.write_str(">")?;
            Escaped { out: out.out, is_attribute: false }.write_str(query)?;
            out.out.write_str("</Value>")
        })
    })
}

fn write_repetition(out: &mut Indented<'_>, repetition: &Repetition<'_>) -> Result {
    out.inside("Repetition", None, |out| {
        out.value("Interval", &repetition.interval)?;
        out.span("Duration", repetition.duration)?;
        out.flag("StopAtDurationEnd", repetition.stop_at_duration_end, false)
    })
}

fn write_schedule(out: &mut Indented<'_>, schedule: Schedule) -> Result {
    match schedule {
        Schedule::Day { interval } => out.inside("ScheduleByDay", None, |out| out.value("DaysInterval", &interval)),
        Schedule::Week { interval, days } => out.inside("ScheduleByWeek", None, |out| {
            out.value("WeeksInterval", &interval)?;
            write_set(out, "DaysOfWeek", &Weekdays::NAMES, u16::from(days.0))
        }),
        Schedule::Month { days, months } => out.inside("ScheduleByMonth", None, |out| {
            write_numbers(out, "DaysOfMonth", "Day", days.0, 31)?;
            write_months(out, months)
        }),
        Schedule::MonthDayOfWeek { weeks, days, months } => out.inside("ScheduleByMonthDayOfWeek", None, |out| {
            write_numbers(out, "Weeks", "Week", u32::from(weeks.0), 4)?;
            write_set(out, "DaysOfWeek", &Weekdays::NAMES, u16::from(days.0))?;
            write_months(out, months)
        }),
    }
}

fn write_months(out: &mut Indented<'_>, months: Months) -> Result {
    if months == Months::ALL { Ok(()) } else { write_set(out, "Months", &Months::NAMES, months.0) }
}

fn write_set(out: &mut Indented<'_>, name: &str, names: &[&str], bits: u16) -> Result {
    out.inside(name, None, |out| {
        let mut named = names.iter().zip(0..).filter(|(_, bit)| bits >> bit & 1 == 1);
        named.try_for_each(|(name, _)| out.line(&["<", name, " />"]))
    })
}

fn write_numbers(out: &mut Indented<'_>, name: &str, item: &str, bits: u32, last: u32) -> Result {
    out.inside(name, None, |out| {
        (0..last).filter(|bit| bits >> bit & 1 == 1).try_for_each(|bit| out.value(item, &(bit + 1)))?;
        if bits >> last & 1 == 1 { out.value(item, &LAST) } else { Ok(()) }
    })
}

fn write_action(out: &mut Indented<'_>, action: &Action<'_>) -> Result {
    let known = action.parts().and_then(|parts| Some((ACTIONS.get(parts.kind as usize)?, parts)));
    let Some(((name, texts), parts)) = known else {
        return if let Action::Opaque { xml } = action { out.opaque(xml) } else { Ok(()) };
    };
    out.inside(name, parts.id.map(|id| ("id", id)), |out| {
        if let Some(class) = parts.class {
            let mut text = heapless::String::<38>::new();
            write!(text, "{{{class}}}")?;
            text.make_ascii_uppercase();
            out.value("ClassId", &text)?;
        }
        for ((name, ..), text) in texts.iter().zip(parts.texts) {
            match (*name, parts.kind) {
                ("Data", _) => out.data(text)?,
                ("Body", Parts::SEND_EMAIL) => {
                    write_headers(out, parts.header_fields)?;
                    out.text(name, text)?;
                }
                _ => out.text(name, text)?,
            }
        }
        write_list(out, "Attachments", "File", parts.attachments)?;
        parts.opaque.map_or(Ok(()), |xml| out.opaque(xml))
    })
}

fn write_headers(out: &mut Indented<'_>, headers: Named<'_>) -> Result {
    if headers.is_empty() {
        return Ok(());
    }
    out.inside("HeaderFields", None, |out| {
        headers.iter().try_for_each(|(name, value)| {
            out.inside("HeaderField", None, |out| {
                out.text("Name", Some(name))?;
                out.text("Value", Some(value))
            })
        })
    })
}

fn write_list(out: &mut Indented<'_>, name: &str, item: &str, texts: Texts<'_>) -> Result {
    if texts.is_empty() {
        return Ok(());
    }
    out.inside(name, None, |out| texts.iter().try_for_each(|text| out.text(item, Some(text))))
}
