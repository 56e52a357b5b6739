//! A definition as a .JOB file, if it says nothing that such a file cannot.

use super::{
    Flags, Job, JobField, JobTrigger, JobTriggerKind, JobWriteError, Priority, TASK_RESERVED1, TRIGGER_SIZE,
    TriggerFlags,
    to_image::{DAYS, IDLE, INTERVAL, NO_START, PATH, PRIORITIES, is_service},
    variable,
};
use crate::{
    bytes::{Full, Writer},
    sid::Sid,
    status::Status,
    task::{
        Action, Boundary, Conditions, Days, Exec, Idle, Image, InstancesPolicy, LogonType, Months, Offset, Principal,
        RegistrationInfo, RunLevel, Schedule, Settings, Span, Trigger, TriggerKind, Weeks, opaque,
    },
    time::{civil::DateTime, filetime::SystemTime},
};

/// A definition says what neither a .JOB file (v1.1) nor an AT job (v1.0) can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotV1Compat<'b> {
    /// The element or attribute, such as `Settings/Volatile` or `EventTrigger`.
    pub element: &'b str,
    /// Which trigger it belongs to.
    pub trigger: Option<usize>,
}

impl NotV1Compat<'_> {
    /// `SCHED_E_TASK_NOT_V1_COMPAT`.
    #[must_use]
    pub const fn status(&self) -> Status {
        Status::SCHED_E_TASK_NOT_V1_COMPAT
    }
}

impl core::fmt::Display for NotV1Compat<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.element)?;
        if let Some(trigger) = self.trigger {
            write!(f, " of trigger {trigger}")?;
        }
        f.write_str(" is nothing that earlier versions know")
    }
}

impl core::error::Error for NotV1Compat<'_> {}

/// What a .JOB file has no place for, and does not change what the task does: where the file lies says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOut<'b> {
    /// RegistrationInfo/Date.
    Date(&'b str),
    /// RegistrationInfo/URI.
    Uri(&'b str),
    /// Principal/UserId: the account name store of the server has it, [MS-TSCH] 3.2.1.
    UserId(Sid),
}

/// A definition could not be written as a .JOB file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToJobError<'b> {
    /// It says what such a file cannot.
    NotV1Compat(NotV1Compat<'b>),
    /// It is too long, for the file or for the lent buffer.
    Write(JobWriteError),
}

impl ToJobError<'_> {
    /// What a call that was to write the file answers.
    #[must_use]
    pub const fn status(&self) -> Status {
        match self {
            Self::NotV1Compat(_) | Self::Write(JobWriteError::TooLong(_) | JobWriteError::ReservedDataSize(_)) => {
                Status::SCHED_E_TASK_NOT_V1_COMPAT
            }
            Self::Write(JobWriteError::Full(_)) => Status::E_OUTOFMEMORY,
        }
    }
}

impl core::fmt::Display for ToJobError<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NotV1Compat(error) => error.fmt(f),
            Self::Write(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ToJobError<'_> {}

impl<'b> From<NotV1Compat<'b>> for ToJobError<'b> {
    fn from(error: NotV1Compat<'b>) -> Self {
        Self::NotV1Compat(error)
    }
}

impl From<JobWriteError> for ToJobError<'_> {
    fn from(error: JobWriteError) -> Self {
        Self::Write(error)
    }
}

impl From<Full> for ToJobError<'_> {
    fn from(full: Full) -> Self {
        Self::Write(full.into())
    }
}

pub(super) type Result<'b, T> = core::result::Result<T, NotV1Compat<'b>>;

/// Refuses an element, unless the task can do without it.
pub(super) const fn unless<'b>(is_said: bool, element: &'b str) -> Result<'b, ()> {
    if is_said { Ok(()) } else { Err(NotV1Compat { element, trigger: None }) }
}

impl Job<'_> {
    /// Writes the definition to the front of `into` as a .JOB file. What is not part of a definition is taken from this
    /// file, which may be a [new](Job::new) one: Product Version, Job uuid, User Data, undefined flags, and whether there is
    /// Reserved Data. Of a file with the same Application Name, which the signature is made of, the time of the last run and the
    /// signature stay too. Exit Code, Start Error and Task Flags are 0, as in every file that is sent (2.4.1, 2.4.2.9), no
    /// instance runs, and Status agrees with the triggers.
    ///
    /// A file has no place for its own name and date, nor for whom it runs as: URI, Date and UserId are [left out](left_out), and
    /// so are the names of the one principal. Spellings of durations are lost, and the version becomes 1.1. A LogonType that is
    /// not there is InteractiveToken (3.2.5.1.1), but for a service.
    ///
    /// # Errors
    /// [`ToJobError`] names the first element that the file cannot say.
    pub fn write_image<'b, 'i>(
        &self,
        image: &Image<'b>,
        into: &'i mut [u8],
    ) -> core::result::Result<&'i [u8], ToJobError<'b>> {
        let registration = image.registration();
        not_in_registration(image)?;
        let settings = image.settings();
        let conditions = image.conditions();
        not_in_settings(&settings, &conditions)?;
        let exec = only_exec(image)?;
        let logon = logon(image, |run_level| run_level != Some(RunLevel::HighestAvailable))?;
        let is_service = image.principals().any(|one| one.user.is_some_and(|user| is_service(&user)));
        let logon = logon.or((!is_service).then_some(LogonType::InteractiveToken));
        let mut header = self.fixdlen_data;
        let minutes = |span: Option<Span<'_>>, usual: u16, element| match span {
            None => Ok(usual),
            Some(span) => minutes(span).and_then(|minutes| u16::try_from(minutes).ok()).ok_or(said(element)),
        };
        header.idle_wait = minutes(conditions.idle.duration, IDLE.0, "IdleSettings/Duration")?;
        header.idle_deadline = minutes(conditions.idle.wait_timeout, IDLE.1, "IdleSettings/WaitTimeout")?;
        let restart = conditions.restart_on_failure;
        header.error_retry_count = restart.map_or(0, |restart| restart.count.into());
        let interval = restart.map(|restart| restart.interval);
        header.error_retry_interval = minutes(interval, 0, "RestartOnFailure/Interval")?;
        unless(restart.is_none() || header.error_retry_interval != 0, "RestartOnFailure/Interval")?;
        let class = PRIORITIES.iter().find(|(_, priority)| *priority == settings.priority);
        header.priority = Priority(class.ok_or(said("Settings/Priority"))?.0);
        header.maximum_run_time = run_time(settings.execution_time_limit)?;
        header.flags = flags(header.flags, &settings, &conditions, logon);
        // Windows has it agree with the triggers in a new file too, where the specification has 0.
        let has_triggers = image.triggers().next().is_some();
        let status = if has_triggers { Status::SCHED_S_TASK_READY } else { Status::SCHED_S_TASK_NOT_SCHEDULED };
        header.status = status.0;
        header.exit_code = 0;
        let is_same = self.application_name.is_some_and(|name| name.units().eq(exec.command.encode_utf16()));
        if !is_same {
            header.last_run = SystemTime::default();
        }

        let mut writer = Writer::new(into);
        header.write(&mut writer)?;
        writer.u16(0)?;
        let texts = [
            (JobField::ApplicationName, Some(exec.command)),
            (JobField::Parameters, exec.arguments),
            (JobField::WorkingDirectory, exec.working_directory),
            (JobField::Author, registration.author),
            (JobField::Comment, registration.description),
        ];
        for (field, text) in texts {
            variable::write_text(&mut writer, field, text.map(str::encode_utf16))?;
        }
        let reserved_data: &[u8] = if self.reserved_data.is_empty() { &[] } else { &[0; TASK_RESERVED1] };
        variable::write_sized(&mut writer, JobField::UserData, self.user_data)?;
        variable::write_sized(&mut writer, JobField::ReservedData, reserved_data)?;
        variable::begin_triggers(&mut writer, image.triggers().count()).map_err(|error| match error {
            // The triggers must begin within 64 KB.
            JobWriteError::TooLong(JobField::TriggerCount) => longest(&texts).into(),
            error => ToJobError::from(error),
        })?;
        for (number, trigger) in image.triggers().enumerate() {
            let of_this = |error: NotV1Compat<'b>| NotV1Compat { trigger: Some(number), ..error };
            to_trigger(&trigger).map_err(of_this)?.write(&mut writer)?;
        }
        variable::write_signature(&mut writer, if is_same { self.signature } else { &[] })?;
        Ok(writer.into_written())
    }
}

/// What [`write_image`](Job::write_image) leaves out of a definition without a word.
pub fn left_out<'b>(image: &Image<'b>) -> impl Iterator<Item = LeftOut<'b>> {
    let RegistrationInfo { date, uri, .. } = image.registration();
    let users = image.principals().filter_map(|principal| principal.user);
    let of_registration = [date.map(LeftOut::Date), uri.filter(|uri| !uri.is_empty()).map(LeftOut::Uri)];
    of_registration.into_iter().flatten().chain(users.map(LeftOut::UserId))
}

const fn said(element: &str) -> NotV1Compat<'_> {
    NotV1Compat { element, trigger: None }
}

/// That the longest of these texts is too long.
fn longest(texts: &[(JobField, Option<&str>)]) -> JobWriteError {
    let units = |text: Option<&str>| text.map_or(0, |text| text.encode_utf16().count());
    let longest = texts.iter().max_by_key(|(_, text)| units(*text));
    JobWriteError::TooLong(longest.map_or(JobField::TriggerCount, |(field, _)| *field))
}

/// What no file of before Vista says of its registration, and Data.
pub(super) fn not_in_registration<'b>(image: &Image<'b>) -> Result<'b, ()> {
    // Every field is named, so that a new one is not forgotten. Date and URI are the file's own.
    let RegistrationInfo {
        version,
        date: _,
        security_descriptor,
        source,
        author: _,
        description: _,
        documentation,
        uri: _,
    } = image.registration();
    let elements = [
        (version, "RegistrationInfo/Version"),
        (security_descriptor, "RegistrationInfo/SecurityDescriptor"),
        (source, "RegistrationInfo/Source"),
        (documentation, "RegistrationInfo/Documentation"),
        (image.data(), "Data"),
    ];
    elements.into_iter().try_for_each(|(value, element)| unless(value.is_none(), element))
}

/// The settings that neither a .JOB file nor an AT job has.
pub(super) fn not_in_settings<'b>(settings: &Settings<'_>, conditions: &Conditions<'b>) -> Result<'b, ()> {
    // Every field is named, so that a new one is not forgotten. The ignored ones have a place in a .JOB file.
    let Settings {
        enabled: _,
        hidden: _,
        allow_start_on_demand,
        allow_hard_terminate,
        instances_policy,
        execution_time_limit: _,
        start_when_available,
        priority: _,
    } = *settings;
    let Conditions {
        disallow_start_if_on_batteries: _,
        stop_if_going_on_batteries: _,
        run_only_if_network_available,
        run_only_if_idle: _,
        wake_to_run: _,
        disallow_start_on_remote_app_session,
        use_unified_scheduling_engine,
        volatile,
        idle: Idle { duration: _, wait_timeout: _, stop_on_idle_end: _, restart_on_idle: _ },
        network_profile_name,
        network,
        restart_on_failure: _,
        maintenance,
        delete_expired_task_after,
        opaque,
    } = *conditions;
    unless(allow_start_on_demand, "Settings/AllowStartOnDemand")?;
    unless(allow_hard_terminate, "Settings/AllowHardTerminate")?;
    unless(instances_policy == InstancesPolicy::IgnoreNew, "Settings/MultipleInstancesPolicy")?;
    unless(!start_when_available, "Settings/StartWhenAvailable")?;
    unless(!run_only_if_network_available, "Settings/RunOnlyIfNetworkAvailable")?;
    unless(!disallow_start_on_remote_app_session, "Settings/DisallowStartOnRemoteAppSession")?;
    unless(!use_unified_scheduling_engine, "Settings/UseUnifiedSchedulingEngine")?;
    unless(!volatile, "Settings/Volatile")?;
    unless(network_profile_name.is_none(), "Settings/NetworkProfileName")?;
    unless(network.is_none(), "Settings/NetworkSettings")?;
    unless(maintenance.is_none(), "Settings/MaintenanceSettings")?;
    unless(opaque.is_none(), opaque.map_or("", element_name))?;
    unless(delete_expired_task_after.is_none_or(is_zero), "Settings/DeleteExpiredTaskAfter")
}

/// The one program that the task runs.
pub(super) fn only_exec<'b>(image: &Image<'b>) -> Result<'b, Exec<'b>> {
    let mut actions = image.actions();
    let exec = match actions.next() {
        Some(Action::Exec { id, exec }) => {
            unless(id.is_none(), "Exec/id")?;
            unless(exec.opaque.is_none(), exec.opaque.map_or("", element_name))?;
            exec
        }
        Some(Action::ComHandler { .. }) => return Err(said("ComHandler")),
        Some(Action::SendEmail { .. }) => return Err(said("SendEmail")),
        Some(Action::ShowMessage { .. }) => return Err(said("ShowMessage")),
        Some(Action::Opaque { xml }) => return Err(said(element_name(xml))),
        None => return Err(said("Actions")),
    };
    unless(actions.next().is_none(), "Actions")?;
    let is_path = |path: &str| (1..=PATH).contains(&path.encode_utf16().count());
    unless(is_path(exec.command), "Exec/Command")?;
    unless(exec.working_directory.is_none_or(is_path), "Exec/WorkingDirectory")?;
    Ok(exec)
}

/// How the one principal logs on.
pub(super) fn logon<'b>(
    image: &Image<'b>,
    is_usual: impl Fn(Option<RunLevel>) -> bool,
) -> Result<'b, Option<LogonType>> {
    let mut principals = image.principals();
    let Some(principal) = principals.next() else { return Ok(None) };
    // Every field is named, so that a new one is not forgotten. For the first two there is no place in a file.
    let Principal {
        id: _,
        user: _,
        group,
        display_name,
        logon_type,
        run_level,
        process_token_sid_type,
        required_privileges,
        opaque,
    } = principal;
    unless(principals.next().is_none(), "Principals")?;
    unless(group.is_none(), "Principal/GroupId")?;
    unless(display_name.is_none(), "Principal/DisplayName")?;
    unless(is_usual(run_level), "Principal/RunLevel")?;
    unless(logon_type != Some(LogonType::S4u), "Principal/LogonType")?;
    unless(process_token_sid_type.is_none(), "Principal/ProcessTokenSidType")?;
    unless(required_privileges.is_empty(), "Principal/RequiredPrivileges")?;
    match opaque {
        Some(xml) => Err(said(element_name(xml))),
        None => Ok(logon_type),
    }
}

/// The name of a trigger's element.
pub(super) fn trigger_name<'b>(kind: &TriggerKind<'b>) -> &'b str {
    match kind {
        TriggerKind::Boot { .. } => "BootTrigger",
        TriggerKind::Registration { .. } => "RegistrationTrigger",
        TriggerKind::Time { .. } => "TimeTrigger",
        TriggerKind::Calendar { .. } => "CalendarTrigger",
        TriggerKind::Idle => "IdleTrigger",
        TriggerKind::Event(_) => "EventTrigger",
        TriggerKind::Logon { .. } => "LogonTrigger",
        TriggerKind::SessionState { .. } => "SessionStateChangeTrigger",
        TriggerKind::Opaque { xml } => element_name(xml),
    }
}

/// The name of an element that is kept as XML.
fn element_name(xml: &str) -> &str {
    match opaque::next(xml) {
        Some((opaque::Piece::Start { name, .. }, _)) => name,
        _ => "",
    }
}

fn flags(before: Flags, settings: &Settings<'_>, conditions: &Conditions<'_>, logon: Option<LogonType>) -> Flags {
    let bits = [
        (Flags::INTERACTIVE, logon == Some(LogonType::InteractiveTokenOrPassword)),
        (Flags::DELETE_WHEN_DONE, conditions.delete_expired_task_after.is_some()),
        (Flags::DISABLED, !settings.enabled),
        (Flags::START_ONLY_IF_IDLE, conditions.run_only_if_idle),
        (Flags::KILL_ON_IDLE_END, conditions.idle.stop_on_idle_end),
        (Flags::DONT_START_IF_ON_BATTERIES, conditions.disallow_start_if_on_batteries),
        (Flags::KILL_IF_GOING_ON_BATTERIES, conditions.stop_if_going_on_batteries),
        (Flags::HIDDEN, settings.hidden),
        (Flags::RESTART_ON_IDLE_RESUME, conditions.idle.restart_on_idle),
        (Flags::SYSTEM_REQUIRED, conditions.wake_to_run),
        (Flags::RUN_ONLY_IF_LOGGED_ON, logon == Some(LogonType::InteractiveToken)),
        (Flags::APPLICATION_NAME, true),
    ];
    Flags(bits.into_iter().fold(before.0, |flags, (bit, is_set)| if is_set { flags | bit } else { flags & !bit }))
}

/// Whether a span is none at all.
pub(super) fn is_zero(span: Span<'_>) -> bool {
    span.seconds == 0 && fraction(span) == Some(0)
}

/// A span in whole minutes.
fn minutes(span: Span<'_>) -> Option<u64> {
    (span.seconds.is_multiple_of(60) && fraction(span) == Some(0)).then_some(span.seconds / 60)
}

/// The milliseconds beyond the seconds of a span; `None` if it is finer.
fn fraction(span: Span<'_>) -> Option<u32> {
    let Some((_, fraction)) = span.text.split_once('.') else { return Some(0) };
    let digits = fraction.trim_end_matches('S').trim_end_matches('0');
    match digits.len() {
        0 => Some(0),
        1 => digits.parse::<u32>().ok().map(|tenths| 100 * tenths),
        2 => digits.parse::<u32>().ok().map(|hundredths| 10 * hundredths),
        3 => digits.parse::<u32>().ok(),
        _ => None,
    }
}

/// ExecutionTimeLimit in milliseconds.
fn run_time(limit: Option<Span<'_>>) -> Result<'static, u32> {
    let Some(limit) = limit else { return Ok(u32::MAX) };
    let milliseconds = fraction(limit)
        .and_then(|fraction| limit.whole_seconds().checked_mul(1000)?.checked_add(fraction.into()))
        .and_then(|milliseconds| u32::try_from(milliseconds).ok())
        .filter(|milliseconds| (1..0xFFFF_FFFE).contains(milliseconds));
    milliseconds.ok_or(said("Settings/ExecutionTimeLimit"))
}

/// The local civil time of a boundary, if it is one of the years that a .JOB file may have.
fn local(boundary: &Boundary<'_>) -> Option<DateTime> {
    let is_plain = boundary.offset == Offset::Local && boundary.millisecond == 0 && !boundary.text.contains('.');
    Some(boundary.civil).filter(|civil| is_plain && civil.year >= 1601)
}

fn to_trigger<'b>(trigger: &Trigger<'b>) -> Result<'b, JobTrigger> {
    unless(trigger.id.is_none(), "id")?;
    unless(trigger.execution_time_limit.is_none(), "ExecutionTimeLimit")?;
    let mut is_timed = false;
    let is_none = |delay: Option<Span<'_>>| delay.is_none_or(is_zero);
    let kind = match trigger.kind {
        TriggerKind::Time { random_delay } => {
            unless(is_none(random_delay), "RandomDelay")?;
            is_timed = true;
            JobTriggerKind::Once
        }
        TriggerKind::Calendar { random_delay, schedule } => {
            unless(is_none(random_delay), "RandomDelay")?;
            is_timed = true;
            to_kind(schedule)?
        }
        TriggerKind::Boot { delay } => {
            unless(is_none(delay), "Delay")?;
            JobTriggerKind::EventAtSystemStart
        }
        TriggerKind::Logon { user, delay } => {
            // It is whoever logs on: there is no room for one of them.
            unless(user.is_none(), "UserId")?;
            unless(is_none(delay), "Delay")?;
            JobTriggerKind::EventAtLogon
        }
        TriggerKind::Idle => JobTriggerKind::EventOnIdle,
        other => return Err(said(trigger_name(&other))),
    };
    let start = match &trigger.start {
        Some(start) => local(start).filter(|start| start.second == 0 && (is_timed || *start != NO_START)),
        None => Some(NO_START).filter(|_| !is_timed),
    };
    let start = start.ok_or(said("StartBoundary"))?;
    // Triggers fire at whole minutes: any moment of the last one of a day is the end of that day.
    let end = trigger.end.as_ref().map(|end| local(end).filter(|end| (end.hour, end.minute) == (23, 59)));
    let end = end.map(|end| end.ok_or(said("EndBoundary"))).transpose()?;
    let (mut minutes_interval, mut minutes_duration, mut stop_at_duration_end) = (0, 0, false);
    if let Some(repetition) = &trigger.repetition {
        let interval = minutes(repetition.interval).and_then(|minutes| u32::try_from(minutes).ok());
        minutes_interval = interval.filter(|minutes| (1..=INTERVAL).contains(minutes)).ok_or(said("Interval"))?;
        let duration = repetition.duration.and_then(minutes).and_then(|minutes| u32::try_from(minutes).ok());
        minutes_duration = duration.filter(|duration| *duration > minutes_interval).ok_or(said("Duration"))?;
        stop_at_duration_end = repetition.stop_at_duration_end;
    }
    let flags = [
        (TriggerFlags::HAS_END_DATE, end.is_some()),
        (TriggerFlags::KILL_AT_DURATION_END, stop_at_duration_end),
        (TriggerFlags::DISABLED, !trigger.enabled),
    ];
    let (trigger_type, trigger_specific) = kind.fields();
    let date = |civil: DateTime| [civil.year.unsigned_abs(), civil.month.into(), civil.day.into()];
    let ([begin_year, begin_month, begin_day], [end_year, end_month, end_day]) =
        (date(start), end.map_or([0; 3], date));
    Ok(JobTrigger {
        trigger_size: TRIGGER_SIZE as u16,
        begin_year,
        begin_month,
        begin_day,
        end_year,
        end_month,
        end_day,
        start_hour: start.hour.into(),
        start_minute: start.minute.into(),
        minutes_duration,
        minutes_interval,
        flags: TriggerFlags(flags.into_iter().fold(0, |flags, (bit, is_set)| if is_set { flags | bit } else { flags })),
        trigger_type,
        trigger_specific,
        ..JobTrigger::default()
    })
}

fn to_kind(schedule: Schedule) -> Result<'static, JobTriggerKind> {
    let every_month = |months: Months| months.0 & Months::ALL.0;
    Ok(match schedule {
        Schedule::Day { interval } => JobTriggerKind::Daily { days_interval: interval },
        Schedule::Week { interval, days } => {
            JobTriggerKind::Weekly { weeks_interval: interval.into(), days_of_the_week: days.0.into() }
        }
        Schedule::Month { days: Days(days), months } => {
            unless(days & !DAYS == 0, "DaysOfMonth")?;
            JobTriggerKind::MonthlyDate { days, months: every_month(months) }
        }
        Schedule::MonthDayOfWeek { weeks: Weeks(weeks), days, months } => {
            // There is room for one week.
            unless(weeks.count_ones() == 1, "Weeks")?;
            JobTriggerKind::MonthlyDow {
                which_week: 1 + weeks.trailing_zeros() as u16,
                days_of_the_week: days.0.into(),
                months: every_month(months),
            }
        }
    })
}
