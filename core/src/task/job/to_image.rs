//! What a .JOB file says, as a definition of version 1.1.

use super::{Flags, Job, JobField, JobTrigger, JobTriggerKind, Priority, TriggerFlags};
use crate::{
    limits::TRIGGERS,
    sid::Sid,
    status::Status,
    task::{
        Action, Boundary, Conditions, Days, Definition, EncodeError, Exec, Idle, Image, ImageError, LogonType, Months,
        Offset, Principal, RegistrationInfo, Repetition, RestartOnFailure, Schedule, Settings, Span, Trigger,
        TriggerKind, Weekdays, Weeks, opaque,
    },
    text::{TextError, Utf16},
    time::civil::DateTime,
};

/// The `version` attribute of a task that was made with SASec, [MS-TSCH] 1.7.
pub const VERSION: &str = "1.1";
/// The id of the one principal that such a task has.
pub(super) const AUTHOR: &str = "Author";
/// Idle Wait and Idle Deadline as IdleSettings has them where it says nothing, [MS-TSCH] 2.5.4.14, in minutes.
pub(super) const IDLE: (u16, u16) = (10, 60);
/// Most minutes of an Interval: 31 days.
pub(super) const INTERVAL: u32 = 31 * 24 * 60;
/// UTF-16 units of a pathType, [MS-TSCH] 2.5.1.4.
pub(super) const PATH: usize = 260;

/// A .JOB file says what no definition can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FromJobError {
    /// A task must have an Application Name.
    NoApplicationName,
    /// A value that the specification does not allow.
    Invalid {
        /// The specification's name of the field.
        field: &'static str,
        /// Which trigger it belongs to.
        trigger: Option<usize>,
    },
    /// A value that a definition cannot say.
    Unsayable {
        /// The specification's name of the field.
        field: &'static str,
        /// Which trigger it belongs to.
        trigger: Option<usize>,
    },
    /// A string is not Unicode, holds what no XML can, or is a path of more than 260 characters.
    Text(JobField),
    /// More triggers than a definition may have.
    TooManyTriggers(usize),
    /// The lent buffers are too small.
    Full,
    /// What came of it is no legal definition.
    Image(ImageError),
}

impl FromJobError {
    /// What a call that was to take over the file answers.
    #[must_use]
    pub const fn status(&self) -> Status {
        match self {
            Self::NoApplicationName => Status::SCHED_E_MISSINGNODE,
            Self::Invalid { .. } | Self::Image(_) => Status::SCHED_E_INVALIDVALUE,
            Self::Unsayable { .. } | Self::Text(_) => Status::SCHED_E_TASK_NOT_V1_COMPAT,
            Self::TooManyTriggers(_) => Status::SCHED_E_TOO_MANY_NODES,
            Self::Full => Status::E_OUTOFMEMORY,
        }
    }
}

impl core::fmt::Display for FromJobError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let of = |f: &mut core::fmt::Formatter<'_>, trigger: Option<usize>| {
            trigger.map_or(Ok(()), |trigger| write!(f, " of trigger {trigger}"))
        };
        match self {
            Self::NoApplicationName => f.write_str(".JOB file has no application name"),
            Self::Invalid { field, trigger } => {
                f.write_str(field)?;
                of(f, *trigger)?;
                f.write_str(" has a value that is not allowed")
            }
            Self::Unsayable { field, trigger } => {
                f.write_str(field)?;
                of(f, *trigger)?;
                f.write_str(" is nothing that a task definition can say")
            }
            Self::Text(field) => write!(f, "{field} is no text that a task definition can hold"),
            Self::TooManyTriggers(count) => write!(f, "{count} triggers, of which a task may have {TRIGGERS}"),
            Self::Full => f.write_str("buffer is too small for the task image"),
            Self::Image(error) => write!(f, "definition is not legal: {error}"),
        }
    }
}

impl core::error::Error for FromJobError {}

type Result<T> = core::result::Result<T, FromJobError>;

impl Job<'_> {
    /// Makes the definition that this file stands for, in `into`; `text` is room for its texts in UTF-8 while that is done.
    ///
    /// Whom the task runs as is not in the file: the account name store has it ([MS-TSCH] 3.2.1), and none is LocalSystem.
    /// What is not part of a definition stays behind: the Job uuid, what the last run left (Exit Code, Status, the time, Start
    /// Error, Running Instance Count), User Data, which is a client's own, the signature, undefined bits and unused words. A Maximum Run Time of `INFINITE`, of
    /// one less, which a real file of Windows 7 has, and of 0 are no limit.
    ///
    /// # Errors
    /// [`FromJobError`] names what cannot be taken over.
    pub fn image<'i>(&self, account: Option<Sid>, text: &mut [u8], into: &'i mut [u8]) -> Result<Image<'i>> {
        let mut room = Room(text);
        let application_name = self.application_name.filter(|name| !name.is_empty());
        let application_name = application_name.ok_or(FromJobError::NoApplicationName)?;
        let exec = Exec {
            command: room.path(JobField::ApplicationName, application_name)?,
            arguments: room.optional(JobField::Parameters, self.parameters)?,
            working_directory: match self.working_directory.filter(|directory| !directory.is_empty()) {
                Some(directory) => Some(room.path(JobField::WorkingDirectory, directory)?),
                None => None,
            },
            opaque: None,
        };
        let registration = RegistrationInfo {
            author: room.optional(JobField::Author, self.author)?,
            description: room.optional(JobField::Comment, self.comment)?,
            ..RegistrationInfo::default()
        };
        let limit = room.run_time(self.fixdlen_data.maximum_run_time)?;
        let (settings, conditions) = self.settings(limit)?;
        if self.triggers.len() > TRIGGERS {
            return Err(FromJobError::TooManyTriggers(self.triggers.len()));
        }
        let mut triggers = heapless::Vec::<Trigger<'_>, TRIGGERS>::new();
        for (number, trigger) in self.triggers.iter().enumerate() {
            let too_many = |_| FromJobError::TooManyTriggers(self.triggers.len());
            triggers.push(read_trigger(&trigger, number)?).map_err(too_many)?;
        }
        let definition = Definition {
            version: Some(VERSION),
            registration,
            principals: &[self.principal(account)],
            settings,
            conditions,
            data: None,
            triggers: &triggers,
            context: Some(AUTHOR),
            actions: &[Action::Exec { id: None, exec }],
        };
        Image::encode(&definition, into).map_err(|error| match error {
            EncodeError::Full => FromJobError::Full,
            EncodeError::Invalid(error) => FromJobError::Image(error),
        })
    }

    fn principal(&self, account: Option<Sid>) -> Principal<'static> {
        let user = account.unwrap_or(Sid::LOCAL_SYSTEM);
        let flags = self.fixdlen_data.flags;
        let logon_type = if flags.has(Flags::RUN_ONLY_IF_LOGGED_ON) {
            Some(LogonType::InteractiveToken)
        } else if flags.has(Flags::INTERACTIVE) {
            Some(LogonType::InteractiveTokenOrPassword)
        } else {
            (!is_service(&user)).then_some(LogonType::Password)
        };
        Principal { id: Some(AUTHOR), user: Some(user), logon_type, ..Principal::default() }
    }

    fn settings<'t>(&self, limit: Option<Span<'t>>) -> Result<(Settings<'t>, Conditions<'t>)> {
        let header = &self.fixdlen_data;
        let flags = header.flags;
        let invalid = |field| FromJobError::Invalid { field, trigger: None };
        let unsayable = |field| FromJobError::Unsayable { field, trigger: None };
        let minutes = |minutes: u16, usual| (minutes != usual).then(|| Span::from_seconds(60 * u64::from(minutes)));
        let restart_on_failure = match (header.error_retry_count, u32::from(header.error_retry_interval)) {
            (0, _) => None,
            (_, 0) => return Err(invalid("Error Retry Interval")),
            (_, interval) if interval > INTERVAL => return Err(unsayable("Error Retry Interval")),
            (count, interval) => Some(RestartOnFailure {
                count: u8::try_from(count).map_err(|_| unsayable("Error Retry Count"))?,
                interval: Span::from_seconds(60 * u64::from(interval)),
            }),
        };
        let priority = PRIORITIES.iter().find(|(class, _)| *class == header.priority.class());
        let settings = Settings {
            enabled: !flags.has(Flags::DISABLED),
            hidden: flags.has(Flags::HIDDEN),
            execution_time_limit: limit,
            priority: priority.map(|(_, priority)| *priority).ok_or(invalid("Priority"))?,
            ..Settings::default()
        };
        let conditions = Conditions {
            disallow_start_if_on_batteries: flags.has(Flags::DONT_START_IF_ON_BATTERIES),
            stop_if_going_on_batteries: flags.has(Flags::KILL_IF_GOING_ON_BATTERIES),
            run_only_if_idle: flags.has(Flags::START_ONLY_IF_IDLE),
            wake_to_run: flags.has(Flags::SYSTEM_REQUIRED),
            idle: Idle {
                duration: minutes(header.idle_wait, IDLE.0),
                wait_timeout: minutes(header.idle_deadline, IDLE.1),
                stop_on_idle_end: flags.has(Flags::KILL_ON_IDLE_END),
                restart_on_idle: flags.has(Flags::RESTART_ON_IDLE_RESUME),
            },
            restart_on_failure,
            delete_expired_task_after: flags.has(Flags::DELETE_WHEN_DONE).then_some(Span::from_seconds(0)),
            ..Conditions::default()
        };
        Ok((settings, conditions))
    }
}

/// Each class of Priority, and the Priority of Settings that stands for it: without special needs is what leaving it out
/// means.
pub(super) const PRIORITIES: [(u32, u8); 4] =
    [(Priority::NORMAL, Settings::PRIORITY), (Priority::IDLE, 10), (Priority::HIGH, 1), (Priority::REALTIME, 0)];

/// Whether an account logs on without a password, whatever it is registered with.
pub(super) fn is_service(user: &Sid) -> bool {
    [Sid::LOCAL_SYSTEM, Sid::LOCAL_SERVICE, Sid::NETWORK_SERVICE].contains(user)
}

/// When a trigger that waits for an event begins where nothing says so: a .JOB file has no trigger without a date.
pub(super) const NO_START: DateTime = DateTime { year: 1601, month: 1, day: 1, hour: 0, minute: 0, second: 0 };

fn read_trigger(trigger: &JobTrigger, number: usize) -> Result<Trigger<'static>> {
    let invalid = |field| FromJobError::Invalid { field, trigger: Some(number) };
    let unsayable = |field| FromJobError::Unsayable { field, trigger: Some(number) };
    let kind = trigger.kind().ok_or(invalid("Trigger Type"))?;
    let start = moment(
        [trigger.begin_year, trigger.begin_month, trigger.begin_day],
        [trigger.start_hour, trigger.start_minute],
        ["Begin Year", "Begin Month", "Begin Day", "Start Hour", "Start Minute"],
    );
    let start = start.map_err(invalid)?;
    let end = if trigger.flags.has(TriggerFlags::HAS_END_DATE) {
        let date = [trigger.end_year, trigger.end_month, trigger.end_day];
        let end = moment(date, [23, 59], ["End Year", "End Month", "End Day", "", ""]).map_err(invalid)?;
        Some(boundary(DateTime { second: 59, ..end }))
    } else {
        None
    };
    let stop_at_duration_end = trigger.flags.has(TriggerFlags::KILL_AT_DURATION_END);
    let repetition = match (trigger.minutes_interval, trigger.minutes_duration) {
        (0, duration) if duration != 0 && stop_at_duration_end => return Err(unsayable("Minutes Duration")),
        (0, _) => None,
        (interval, _) if interval > INTERVAL => return Err(invalid("Minutes Interval")),
        (interval, duration) if interval >= duration => return Err(invalid("Minutes Duration")),
        (interval, duration) => Some(Repetition {
            interval: Span::from_seconds(60 * u64::from(interval)),
            duration: Some(Span::from_seconds(60 * u64::from(duration))),
            stop_at_duration_end,
        }),
    };
    let weekdays = |days: u16| match days & 0x7F {
        0 => Err(invalid("DaysOfTheWeek")),
        days => Ok(Weekdays(days as u8)),
    };
    let months = |months: u16| match months & Months::ALL.0 {
        0 => Err(invalid("Months")),
        months => Ok(Months(months)),
    };
    let calendar = |schedule| TriggerKind::Calendar { random_delay: None, schedule };
    let kind = match kind {
        JobTriggerKind::Once => TriggerKind::Time { random_delay: None },
        JobTriggerKind::Daily { days_interval: 0 } => return Err(invalid("Days Interval")),
        JobTriggerKind::Daily { days_interval: 366.. } => return Err(unsayable("Days Interval")),
        JobTriggerKind::Daily { days_interval: interval } => calendar(Schedule::Day { interval }),
        JobTriggerKind::Weekly { weeks_interval: 0, .. } => return Err(invalid("Weeks Interval")),
        JobTriggerKind::Weekly { weeks_interval: 53.., .. } => return Err(unsayable("Weeks Interval")),
        JobTriggerKind::Weekly { weeks_interval, days_of_the_week } => {
            calendar(Schedule::Week { interval: weeks_interval as u8, days: weekdays(days_of_the_week)? })
        }
        JobTriggerKind::MonthlyDate { days, months: named } => match days & DAYS {
            0 => return Err(invalid("Days")),
            days => calendar(Schedule::Month { days: Days(days), months: months(named)? }),
        },
        JobTriggerKind::MonthlyDow { which_week, days_of_the_week, months: named } => {
            let weeks = match which_week {
                1..=5 => Weeks(1 << (which_week - 1)),
                _ => return Err(invalid("WhichWeek")),
            };
            let days = weekdays(days_of_the_week)?;
            calendar(Schedule::MonthDayOfWeek { weeks, days, months: months(named)? })
        }
        JobTriggerKind::EventAtSystemStart => TriggerKind::Boot { delay: None },
        JobTriggerKind::EventOnIdle => TriggerKind::Idle,
        JobTriggerKind::EventAtLogon => TriggerKind::Logon { user: None, delay: None },
    };
    let is_timed = matches!(kind, TriggerKind::Time { .. } | TriggerKind::Calendar { .. });
    Ok(Trigger {
        id: None,
        enabled: !trigger.flags.has(TriggerFlags::DISABLED),
        start: (is_timed || start != NO_START).then_some(boundary(start)),
        end,
        execution_time_limit: None,
        repetition,
        kind,
    })
}

/// Day of the Month, without the bit that is unused.
pub(super) const DAYS: u32 = 0x7FFF_FFFF;

const fn boundary(civil: DateTime) -> Boundary<'static> {
    Boundary { civil, millisecond: 0, offset: Offset::Local, text: "" }
}

/// A moment of the years that Windows accepts; otherwise which of the `names` is wrong.
fn moment(date: [u16; 3], time: [u16; 2], names: [&'static str; 5]) -> core::result::Result<DateTime, &'static str> {
    let ([year, month, day], [hour, minute]) = (date, time);
    let [year_name, month_name, day_name, hour_name, minute_name] = names;
    let number = |value: u16, range: core::ops::RangeInclusive<u16>, name| {
        if range.contains(&value) { Ok(value as u8) } else { Err(name) }
    };
    if !(1601..=9999).contains(&year) {
        return Err(year_name);
    }
    let civil = DateTime {
        year: year as i16,
        month: number(month, 1..=12, month_name)?,
        day: number(day, 1..=31, day_name)?,
        hour: number(hour, 0..=23, hour_name)?,
        minute: number(minute, 0..=59, minute_name)?,
        second: 0,
    };
    if civil.is_valid() { Ok(civil) } else { Err(day_name) }
}

/// Room for texts, given out from the front.
struct Room<'t>(&'t mut [u8]);

impl<'t> Room<'t> {
    fn text(&mut self, field: JobField, text: Utf16<'_>) -> Result<&'t str> {
        let room = core::mem::take(&mut self.0);
        let length = match text.to_utf8(room) {
            Ok(text) if opaque::is_xml_text(text) => text.len(),
            Ok(_) | Err(TextError::LoneSurrogate { .. }) => return Err(FromJobError::Text(field)),
            Err(TextError::TooLong { .. }) => return Err(FromJobError::Full),
        };
        let (text, rest) = room.split_at_mut_checked(length).ok_or(FromJobError::Full)?;
        self.0 = rest;
        core::str::from_utf8(text).map_err(|_| FromJobError::Text(field))
    }

    fn optional(&mut self, field: JobField, text: Option<Utf16<'_>>) -> Result<Option<&'t str>> {
        text.map(|text| self.text(field, text)).transpose()
    }

    fn path(&mut self, field: JobField, text: Utf16<'_>) -> Result<&'t str> {
        if text.len() > PATH { Err(FromJobError::Text(field)) } else { self.text(field, text) }
    }

    /// Milliseconds as a span; `None` for no limit.
    fn run_time(&mut self, milliseconds: u32) -> Result<Option<Span<'t>>> {
        if matches!(milliseconds, 0 | 0xFFFF_FFFE..) {
            return Ok(None);
        }
        let (seconds, fraction) = (milliseconds / 1000, milliseconds % 1000);
        if fraction == 0 {
            return Ok(Some(Span::from_seconds(seconds.into())));
        }
        let mut text = heapless::String::<20>::new();
        let written = core::fmt::write(&mut text, format_args!("PT{seconds}.{fraction:03}S"));
        let room = core::mem::take(&mut self.0);
        let (span, rest) = room.split_at_mut_checked(text.len()).ok_or(FromJobError::Full)?;
        self.0 = rest;
        span.copy_from_slice(text.as_bytes());
        let span = core::str::from_utf8(span).ok().filter(|_| written.is_ok()).and_then(Span::parse);
        span.map(Some).ok_or(FromJobError::Full)
    }
}
