//! What a definition asks for, in a line of words: when a task starts, what it runs and under which conditions. What is kept
//! and changes nothing is named as that.

use mainspring::{
    engine::CatchUp,
    limits::MAINTENANCE_HOUR,
    task::{
        Action, Boundary, Conditions, Image, InstancesPolicy, LogonType, Maintenance, Months, Offset, Principal,
        Repetition, RunLevel, Schedule, SessionStateChange, Span, Trigger, TriggerKind, User, Weekdays, Weeks,
    },
};

use crate::definition::Strangers;

/// The line, without its end.
pub(super) fn of(image: &Image<'_>, strangers: &Strangers) -> String {
    let (settings, conditions) = (image.settings(), image.conditions());
    let mut said = Vec::new();
    if !settings.enabled {
        said.push("disabled".to_owned());
    }
    said.push(starts(image, strangers));
    said.push(runs(image, strangers));
    under(&conditions, &mut said);
    limits(image, &conditions, &mut said);
    if conditions.volatile {
        said.push("is disabled when the computer starts".to_owned());
    }
    let unused = without_effect(image, &conditions);
    if !unused.is_empty() {
        said.push(format!("kept without effect: {}", unused.join(", ")));
    }
    said.join("; ")
}

/// The elements that are kept, and that nothing comes of.
fn without_effect(image: &Image<'_>, conditions: &Conditions<'_>) -> Vec<String> {
    let mut names = kept(image);
    if is_newer(image) {
        names.push("a trigger of a kind that is not known here".into());
    }
    if conditions.use_unified_scheduling_engine {
        names.push("UseUnifiedSchedulingEngine".into());
    }
    // Networks are told apart by their GUIDs.
    let has_name = conditions.network.is_some_and(|network| network.id.is_none() && network.name.is_some());
    if conditions.run_only_if_network_available && has_name {
        names.push("NetworkSettings/Name".into());
    }
    if conditions.network_profile_name.is_some() {
        names.push("NetworkProfileName".into());
    }
    names
}

/// Whether a later version has written something at rest that nobody here can name.
pub(super) fn is_newer(image: &Image<'_>) -> bool {
    image.triggers().any(|trigger| matches!(trigger.kind, TriggerKind::Opaque { xml: "" }))
}

/// The elements that are kept and not understood, by name, each once.
pub(super) fn kept(image: &Image<'_>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in image.kept() {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

fn starts(image: &Image<'_>, strangers: &Strangers) -> String {
    let is_known = |trigger: &Trigger<'_>| !matches!(trigger.kind, TriggerKind::Opaque { .. });
    let fires = image.triggers().filter(|trigger| trigger.enabled && is_known(trigger));
    let mut triggers: Vec<String> = fires.map(|trigger| fires_when(&trigger, strangers)).collect();
    triggers.extend(image.conditions().maintenance.map(|settings| maintained(&settings)));
    if !triggers.is_empty() {
        format!("starts {}", list(&triggers))
    } else if image.settings().allow_start_on_demand {
        "starts only when somebody starts it".into()
    } else {
        "never starts".into()
    }
}

fn maintained(settings: &Maintenance<'_>) -> String {
    let mut text = format!("in maintenance at {MAINTENANCE_HOUR} o'clock if that is {} ago", span(&settings.period));
    if let Some(deadline) = settings.deadline {
        text += &format!(" (after {} whenever the computer is idle)", span(&deadline));
    }
    if settings.exclusive {
        text += " beside no other maintenance";
    }
    text
}

fn fires_when(trigger: &Trigger<'_>, strangers: &Strangers) -> String {
    let by = |user: Option<User<'_>>| user.map_or("anybody".to_owned(), |user| strangers.name(&user.sid()));
    let (mut text, delay) = match trigger.kind {
        TriggerKind::Boot { delay } => ("when the computer starts".to_owned(), delay),
        TriggerKind::Registration { delay } => ("when it is registered".to_owned(), delay),
        TriggerKind::Time { .. } => ("once".to_owned(), None),
        TriggerKind::Calendar { schedule, .. } => (days(schedule), None),
        TriggerKind::Idle => ("when the computer becomes idle".to_owned(), None),
        TriggerKind::Event(event) if event.number_of_occurrences > 1 => {
            let within =
                event.period_of_occurrence.map_or(String::new(), |period| format!(" within {}", span(&period)));
            (format!("on {} events that its query selects{within}", event.number_of_occurrences), event.delay)
        }
        TriggerKind::Event(event) => ("on an event that its query selects".to_owned(), event.delay),
        TriggerKind::Logon { user, delay } => (format!("when {} logs on", by(user)), delay),
        TriggerKind::SessionState { user, delay, change } => (format!("when {} {}", by(user), happens(change)), delay),
        TriggerKind::Opaque { xml } => (format!("on a {}", tag(xml)), None),
    };
    match (trigger.kind, trigger.start) {
        (TriggerKind::Time { .. }, Some(start)) => text += &format!(" at {}", moment(&start)),
        (TriggerKind::Calendar { .. }, Some(start)) => {
            text += &format!(" at {}{} from {}", time(&start), zone(&start), date(&start));
        }
        (_, Some(start)) => text += &format!(" from {}", moment(&start)),
        (_, None) => {}
    }
    if let Some(end) = trigger.end {
        text += &format!(" until {}", moment(&end));
    }
    if let Some(delay) = delay {
        text += &format!(" after {}", span(&delay));
    }
    if let TriggerKind::Time { random_delay: Some(delay) } | TriggerKind::Calendar { random_delay: Some(delay), .. } =
        trigger.kind
    {
        text += &format!(" up to {} later", span(&delay));
    }
    if let Some(Repetition { interval, duration, stop_at_duration_end }) = trigger.repetition {
        text += &format!(" and then every {}", span(&interval));
        if let Some(duration) = duration {
            text += &format!(" for {}", span(&duration));
            if stop_at_duration_end {
                text += ", stopped at the end of that";
            }
        }
    }
    match trigger.execution_time_limit {
        Some(limit) if limit.seconds > 0 => text += &format!(", stopped after {}", span(&limit)),
        Some(_) => text += ", then for as long as it takes",
        None => {}
    }
    text
}

fn happens(change: SessionStateChange) -> &'static str {
    match change {
        SessionStateChange::ConsoleConnect => "connects to the console",
        SessionStateChange::ConsoleDisconnect => "disconnects from the console",
        SessionStateChange::RemoteConnect => "connects from remote",
        SessionStateChange::RemoteDisconnect => "disconnects from remote",
        SessionStateChange::SessionLock => "locks the session",
        SessionStateChange::SessionUnlock => "unlocks the session",
    }
}

fn days(schedule: Schedule) -> String {
    match schedule {
        Schedule::Day { interval: 1 } => "every day".into(),
        Schedule::Day { interval } => format!("every {interval} days"),
        Schedule::Week { interval: 1, days } => format!("every {}", weekdays(days)),
        Schedule::Week { interval, days } => format!("every {interval} weeks on {}", weekdays(days)),
        Schedule::Month { days, months } => {
            let numbered: Vec<String> =
                (1..=31).filter(|day| days.0 & 1 << (day - 1) != 0).map(|day| day.to_string()).collect();
            let mut which = Vec::new();
            if !numbered.is_empty() {
                which.push(format!("day{} {}", if numbered.len() == 1 { "" } else { "s" }, list(&numbered)));
            }
            if days.0 & 1 << 31 != 0 {
                which.push("the last day".into());
            }
            format!("on {} of {}", list(&which), of_months(months))
        }
        Schedule::MonthDayOfWeek { weeks, days, months } => {
            format!("on the {} {} of {}", which(weeks), weekdays(days), of_months(months))
        }
    }
}

fn weekdays(days: Weekdays) -> String {
    chosen(&Weekdays::NAMES, days.0.into())
}

fn which(weeks: Weeks) -> String {
    chosen(&["first", "second", "third", "fourth", "last"], weeks.0.into())
}

fn of_months(months: Months) -> String {
    if months == Months::ALL { "every month".into() } else { chosen(&Months::NAMES, months.0.into()) }
}

/// The names whose bits are set.
fn chosen(names: &[&str], bits: u32) -> String {
    let chosen: Vec<&str> = (0..).zip(names).filter(|(bit, _)| bits & 1 << bit != 0).map(|(_, name)| *name).collect();
    list(&chosen)
}

fn runs(image: &Image<'_>, strangers: &Strangers) -> String {
    let actions: Vec<String> = image.actions().map(|action| does(&action)).collect();
    let as_whom = image.runs_as();
    format!("{}{}", actions.join(", then "), as_whom.map_or(String::new(), |principal| whom(&principal, strangers)))
}

fn does(action: &Action<'_>) -> String {
    match action {
        Action::Exec { exec, .. } => {
            let arguments = exec.arguments.filter(|arguments| !arguments.is_empty());
            let mut text =
                format!("runs `{}{}`", exec.command, arguments.map_or(String::new(), |words| format!(" {words}")));
            if let Some(folder) = exec.working_directory.filter(|folder| !folder.is_empty()) {
                text += &format!(" in `{folder}`");
            }
            text
        }
        Action::ComHandler { handler, .. } => format!("is to call the handler {{{}}}", handler.class),
        Action::SendEmail { email, .. } => {
            let to = [email.to, email.cc, email.bcc].into_iter().flatten().filter(|to| !to.is_empty());
            match to.collect::<Vec<_>>().join(", ").as_str() {
                "" => "is to send an email to nobody".into(),
                to => format!("is to send an email to {to}"),
            }
        }
        Action::ShowMessage { message, .. } => format!("is to show the message \"{}\"", message.title),
        Action::Opaque { xml } => format!("is to do a {}, which is not understood", tag(xml)),
    }
}

fn whom(principal: &Principal<'_>, strangers: &Strangers) -> String {
    let name = match (principal.user, principal.group) {
        (Some(user), _) => format!(" as {}", strangers.name(&user)),
        (None, Some(group)) => format!(" as each member of {} that is logged on", strangers.name(&group)),
        (None, None) => String::new(),
    };
    let highest = principal.run_level == Some(RunLevel::HighestAvailable);
    // A group is whoever is logged on in any case.
    let logon = match (principal.group, principal.logon_type) {
        (Some(_), _) | (None, None) => "",
        (None, Some(LogonType::S4u)) => " without a password",
        (None, Some(LogonType::Password)) => " with a stored password",
        (None, Some(LogonType::InteractiveToken)) => ", who is to be logged on",
        (None, Some(LogonType::InteractiveTokenOrPassword)) => ", to be in the session of that user if there is one",
    };
    format!("{}{name}{logon}", if highest { " with the highest privileges" } else { "" })
}

/// Under which conditions.
fn under(conditions: &Conditions<'_>, said: &mut Vec<String>) {
    match (conditions.disallow_start_if_on_batteries, conditions.stop_if_going_on_batteries) {
        (true, true) => said.push("only on AC power".into()),
        (true, false) => said.push("starts only on AC power".into()),
        (false, true) => said.push("stops when the computer goes on batteries".into()),
        (false, false) => {}
    }
    if conditions.run_only_if_network_available {
        let named = conditions.network.and_then(|network| Some((network.id?, network.name)));
        let network = named.map_or("a network".to_owned(), |(id, name)| {
            name.map_or_else(|| format!("the network {id}"), |name| format!("the network {name} ({id})"))
        });
        said.push(format!("only if {network} is there"));
    }
    if conditions.run_only_if_idle {
        let long =
            conditions.idle.duration.map_or("is idle".to_owned(), |long| format!("was idle for {}", span(&long)));
        let wait = conditions.idle.wait_timeout.map_or("as long as it takes".to_owned(), |wait| span(&wait));
        let end = if conditions.idle.stop_on_idle_end { ", stops when it is not any more" } else { "" };
        let again = if conditions.idle.stop_on_idle_end && conditions.idle.restart_on_idle {
            ", starts again when it is once more"
        } else {
            ""
        };
        said.push(format!("only if the computer {long}, for which it waits {wait}{end}{again}"));
    }
    if conditions.disallow_start_on_remote_app_session {
        said.push("not in a session of remote applications".into());
    }
    if conditions.wake_to_run {
        said.push("asks to wake the computer".into());
    }
}

/// For how long, how often, and what becomes of it.
fn limits(image: &Image<'_>, conditions: &Conditions<'_>, said: &mut Vec<String>) {
    let settings = image.settings();
    said.push(match settings.execution_time_limit.filter(|limit| limit.seconds > 0) {
        Some(limit) => format!("stops after {}", span(&limit)),
        None => "runs as long as it takes".into(),
    });
    if !settings.allow_hard_terminate {
        said.push("is not killed if it does not stop when told to".into());
    }
    said.push(
        match settings.instances_policy {
            InstancesPolicy::Parallel => "starts beside one that runs",
            InstancesPolicy::Queue => "waits for one that runs",
            InstancesPolicy::IgnoreNew => "does not start while it runs",
            InstancesPolicy::StopExisting => "stops one that runs",
        }
        .into(),
    );
    match CatchUp::of(image) {
        CatchUp::Skip => {}
        CatchUp::Latest => said.push("the latest start that was missed is made up for".into()),
        CatchUp::All(count) => said.push(format!("of the starts that were missed the last {count} are made up for")),
    }
    if let Some(restart) = conditions.restart_on_failure {
        let interval = span(&restart.interval);
        said.push(match restart.count {
            1 => format!("tries again once after {interval} if it cannot start"),
            count => format!("tries again {count} times every {interval} if it cannot start"),
        });
    }
    if !settings.allow_start_on_demand {
        said.push("cannot be started by hand".into());
    }
    if let Some(after) = conditions.delete_expired_task_after {
        said.push(format!("is deleted {} after it expired", span(&after)));
    }
    if settings.hidden {
        said.push("hidden".into());
    }
}

/// A duration: up to three days in hours, as the schema's own defaults are told.
fn span(span: &Span<'_>) -> String {
    let (count, unit) = match span.seconds {
        0 => (0, "second"),
        seconds if seconds % 86_400 == 0 && seconds > 72 * 3600 => (seconds / 86_400, "day"),
        seconds if seconds % 3600 == 0 => (seconds / 3600, "hour"),
        seconds if seconds % 60 == 0 => (seconds / 60, "minute"),
        seconds => (seconds, "second"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

fn moment(boundary: &Boundary<'_>) -> String {
    format!("{} {}{}", date(boundary), time(boundary), zone(boundary))
}

fn date(Boundary { civil, .. }: &Boundary<'_>) -> String {
    format!("{:04}-{:02}-{:02}", civil.year, civil.month, civil.day)
}

fn time(Boundary { civil, .. }: &Boundary<'_>) -> String {
    let seconds = if civil.second == 0 { String::new() } else { format!(":{:02}", civil.second) };
    format!("{:02}:{:02}{seconds}", civil.hour, civil.minute)
}

/// Local time needs no word.
fn zone(boundary: &Boundary<'_>) -> String {
    match boundary.offset {
        Offset::Local => String::new(),
        Offset::Utc => " UTC".into(),
        Offset::Minutes(east) => {
            let (sign, minutes) = (if east < 0 { '-' } else { '+' }, east.unsigned_abs());
            format!(" UTC{sign}{:02}:{:02}", minutes / 60, minutes % 60)
        }
    }
}

/// The name of an element.
fn tag(xml: &str) -> &str {
    let name = xml.strip_prefix('<').unwrap_or(xml);
    name.split([' ', '/', '>']).next().unwrap_or(name)
}

/// `a, b and c`.
fn list<T: AsRef<str>>(items: &[T]) -> String {
    let texts: Vec<&str> = items.iter().map(AsRef::as_ref).collect();
    match texts.as_slice() {
        [] => String::new(),
        [one] => (*one).into(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}
