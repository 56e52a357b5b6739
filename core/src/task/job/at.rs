//! AT jobs, [MS-TSCH] 2.3.4: tasks of version 1.0, which the ATSvc interface knows.

use super::{
    from_image::{NotV1Compat, is_zero, logon, not_in_registration, not_in_settings, only_exec, trigger_name, unless},
    to_image::{AUTHOR, DAYS, PATH},
};
use crate::{
    bytes::Writer,
    limits::TRIGGERS,
    sid::Sid,
    status::Status,
    task::{
        Action, Boundary, Conditions, Days, Definition, EncodeError, Exec, Image, ImageError, LogonType, Months,
        Offset, Principal, RegistrationInfo, RunLevel, Schedule, Settings, Trigger, TriggerKind, Weekdays, opaque,
    },
    time::civil::{DAY_SECONDS, DateTime},
};

/// The `version` attribute of a task that was made with ATSvc, [MS-TSCH] 1.7.
pub const AT_VERSION: &str = "1.0";
/// Milliseconds of a day.
const DAY: u32 = 86_400_000;
/// Bits of DaysOfWeek.
const WEEK: u8 = 0x7F;
/// The days after today among which there is one for every bit: two months that are followed by a long one.
const DAYS_AHEAD: i32 = 62;

/// AT_INFO, [MS-TSCH] 2.3.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AtJob<'c> {
    /// JobTime: milliseconds after midnight.
    pub job_time: u32,
    /// DaysOfMonth: day 1 lowest, bit 31 unused.
    pub days_of_month: u32,
    /// DaysOfWeek: Monday lowest, bit 7 unused.
    pub days_of_week: u8,
    /// Flags.
    pub flags: AtFlags,
    /// Command: a command line.
    pub command: &'c str,
}

/// Flags of an AT job, [MS-TSCH] 2.3.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AtFlags(pub u8);

impl AtFlags {
    /// JOB_RUN_PERIODICALLY: on each of the days again.
    pub const RUN_PERIODICALLY: u8 = 1 << 0;
    /// JOB_EXEC_ERROR: the last run failed to start.
    pub const EXEC_ERROR: u8 = 1 << 1;
    /// JOB_RUNS_TODAY.
    pub const RUNS_TODAY: u8 = 1 << 2;
    /// JOB_ADD_CURRENT_DATE: today is one of DaysOfMonth.
    pub const ADD_CURRENT_DATE: u8 = 1 << 3;
    /// JOB_NONINTERACTIVE.
    pub const NONINTERACTIVE: u8 = 1 << 4;

    /// Whether all of `bits` are set.
    #[must_use]
    pub const fn has(self, bits: u8) -> bool {
        self.0 & bits == bits
    }
}

/// An AT job is no task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtJobError {
    /// JobTime is not within a day.
    JobTime(u32),
    /// Command is empty, or holds what no XML can.
    Command,
    /// The lent buffer is too small.
    Full,
    /// What came of it is no legal definition.
    Image(ImageError),
}

impl AtJobError {
    /// What NetrJobAdd answers, [MS-TSCH] 3.2.5.2.1: `ERROR_INVALID_PARAMETER`, here as an HRESULT.
    #[must_use]
    pub const fn status(&self) -> Status {
        match self {
            Self::JobTime(_) | Self::Command | Self::Image(_) => Status::E_INVALIDARG,
            Self::Full => Status::E_OUTOFMEMORY,
        }
    }
}

impl core::fmt::Display for AtJobError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::JobTime(found) => write!(f, "job time of {found} ms is not within a day"),
            Self::Command => f.write_str("command is empty, or no text that a task definition can hold"),
            Self::Full => f.write_str("buffer is too small for the task image"),
            Self::Image(error) => write!(f, "definition is not legal: {error}"),
        }
    }
}

impl core::error::Error for AtJobError {}

impl<'c> AtJob<'c> {
    /// Makes the definition that the job stands for, in `into`. It runs as the ATSvc account ([MS-TSCH] 3.2.1).
    ///
    /// A job that is not periodic runs once on the next of each of its days, and one without days once at the next JobTime:
    /// `now`, in local time, says which dates those are. A command line without quotes ends at its first space.
    ///
    /// # Errors
    /// [`AtJobError`] says what is wrong.
    pub fn image<'i>(&self, account: Sid, now: DateTime, into: &'i mut [u8]) -> Result<Image<'i>, AtJobError> {
        if self.job_time >= DAY {
            return Err(AtJobError::JobTime(self.job_time));
        }
        let (command, arguments) =
            split(self.command).filter(|_| opaque::is_xml_text(self.command)).ok_or(AtJobError::Command)?;
        let mut days_of_month = self.days_of_month & DAYS;
        if self.flags.has(AtFlags::ADD_CURRENT_DATE) {
            days_of_month |= bit(now.day);
        }
        let days_of_week = self.days_of_week & WEEK;
        let mut triggers = heapless::Vec::<Trigger<'_>, TRIGGERS>::new();
        // The triggers are at most one for each day of a month and of a week, fewer than a task may have.
        let mut push = |date: DateTime, kind| {
            let start = self.at(date);
            let trigger = Trigger {
                id: None,
                enabled: true,
                start: Some(start),
                end: None,
                execution_time_limit: None,
                repetition: None,
                kind,
            };
            triggers.push(trigger).map_err(|_| AtJobError::Full)
        };
        let once = TriggerKind::Time { random_delay: None };
        let calendar = |schedule| TriggerKind::Calendar { random_delay: None, schedule };
        if days_of_month == 0 && days_of_week == 0 {
            push(self.first(now), once)?;
        } else if self.flags.has(AtFlags::RUN_PERIODICALLY) {
            if days_of_month != 0 {
                push(now, calendar(Schedule::Month { days: Days(days_of_month), months: Months::ALL }))?;
            }
            if days_of_week != 0 {
                push(now, calendar(Schedule::Week { interval: 1, days: sunday_first(days_of_week) }))?;
            }
        } else {
            for date in self.dates(now, days_of_month, days_of_week) {
                push(date, once)?;
            }
        }
        let is_interactive = !self.flags.has(AtFlags::NONINTERACTIVE);
        let logon_type = if is_interactive { LogonType::InteractiveTokenOrPassword } else { LogonType::Password };
        let principal = Principal {
            id: Some(AUTHOR),
            user: Some(account),
            logon_type: Some(logon_type),
            run_level: Some(RunLevel::HighestAvailable),
            ..Principal::default()
        };
        let exec = Exec { command, arguments, working_directory: None, opaque: None };
        let definition = Definition {
            version: Some(AT_VERSION),
            principals: &[principal],
            triggers: &triggers,
            context: Some(AUTHOR),
            actions: &[Action::Exec { id: None, exec }],
            ..Definition::default()
        };
        Image::encode(&definition, into).map_err(|error| match error {
            EncodeError::Full => AtJobError::Full,
            EncodeError::Invalid(error) => AtJobError::Image(error),
        })
    }

    /// The job that says what a definition says, at the moment `now` of local time; its command line is written to
    /// `command`.
    ///
    /// URI, Date, UserId and the names of the one principal have no place in it. States (JOB_EXEC_ERROR, JOB_RUNS_TODAY) are
    /// not set.
    ///
    /// # Errors
    /// [`NotV1Compat`] names what a job cannot say. That is also a date that is not the next one of its days.
    pub fn of<'b>(image: &Image<'b>, now: DateTime, command: &'c mut [u8]) -> Result<Self, NotV1Compat<'b>> {
        let RegistrationInfo { author, description, .. } = image.registration();
        unless(author.is_none(), "RegistrationInfo/Author")?;
        unless(description.is_none(), "RegistrationInfo/Description")?;
        not_in_registration(image)?;
        let settings = image.settings();
        let conditions = image.conditions();
        not_in_settings(&settings, &conditions)?;
        let rest = Settings { enabled: true, ..settings };
        unless(settings.enabled, "Settings/Enabled")?;
        unless(rest == Settings::default() && conditions == Conditions::default(), "Settings")?;
        let exec = only_exec(image)?;
        unless(exec.working_directory.is_none(), "Exec/WorkingDirectory")?;
        let command = join(&exec, command).ok_or(NotV1Compat { element: "Exec/Arguments", trigger: None })?;
        let is_split_again = split(command) == Some((exec.command, exec.arguments));
        unless(is_split_again, "Exec/Arguments")?;
        let logon = logon(image, |run_level| run_level != Some(RunLevel::LeastPrivilege))?;
        let flags = match logon {
            Some(LogonType::InteractiveTokenOrPassword) => 0,
            Some(LogonType::Password) | None => AtFlags::NONINTERACTIVE,
            Some(_) => return Err(NotV1Compat { element: "Principal/LogonType", trigger: None }),
        };
        let mut job = Self { job_time: 0, days_of_month: 0, days_of_week: 0, flags: AtFlags(flags), command };
        for (number, trigger) in image.triggers().enumerate() {
            job.add(&trigger, number, now).map_err(|element| NotV1Compat { element, trigger: Some(number) })?;
        }
        unless(image.triggers().next().is_some(), "Triggers")?;
        if !job.flags.has(AtFlags::RUN_PERIODICALLY) {
            job.check_dates(image, now)?;
        }
        Ok(job)
    }

    /// Adds what one trigger says; otherwise names what it cannot.
    fn add<'b>(&mut self, trigger: &Trigger<'b>, number: usize, now: DateTime) -> Result<(), &'b str> {
        let unless = |is_said: bool, element: &'static str| if is_said { Ok(()) } else { Err(element) };
        unless(trigger.id.is_none(), "id")?;
        unless(trigger.enabled, "Enabled")?;
        unless(trigger.end.is_none(), "EndBoundary")?;
        unless(trigger.execution_time_limit.is_none(), "ExecutionTimeLimit")?;
        unless(trigger.repetition.is_none(), "Repetition")?;
        let (delay, schedule) = match trigger.kind {
            TriggerKind::Time { random_delay } => (random_delay, None),
            TriggerKind::Calendar { random_delay, schedule } => (random_delay, Some(schedule)),
            other => return Err(trigger_name(&other)),
        };
        unless(delay.is_none_or(is_zero), "RandomDelay")?;
        let start = trigger.start.filter(|start| is_exact(start)).ok_or("StartBoundary")?;
        let job_time = 1000 * start.civil.second_of_day() + u32::from(start.millisecond);
        unless(number == 0 || job_time == self.job_time, "StartBoundary")?;
        self.job_time = job_time;
        let is_periodic = schedule.is_some();
        unless(number == 0 || is_periodic == self.flags.has(AtFlags::RUN_PERIODICALLY), "TimeTrigger")?;
        let Some(schedule) = schedule else {
            self.days_of_month |= bit(start.civil.day);
            return Ok(());
        };
        self.flags.0 |= AtFlags::RUN_PERIODICALLY;
        // A job begins at once.
        unless(day(start.civil) <= day(now), "StartBoundary")?;
        match schedule {
            Schedule::Day { interval: 1 } => self.days_of_week |= WEEK,
            Schedule::Week { interval: 1, days } => self.days_of_week |= monday_first(days),
            Schedule::Month { days: Days(days), months: Months::ALL } if days & !DAYS == 0 => {
                self.days_of_month |= days
            }
            Schedule::Day { .. } => return Err("DaysInterval"),
            Schedule::Week { .. } => return Err("WeeksInterval"),
            Schedule::Month { months: Months::ALL, .. } => return Err("DaysOfMonth"),
            Schedule::Month { .. } => return Err("Months"),
            Schedule::MonthDayOfWeek { .. } => return Err("ScheduleByMonthDayOfWeek"),
        }
        Ok(())
    }

    /// Refuses dates that are not those on which the job would run.
    fn check_dates<'b>(&mut self, image: &Image<'b>, now: DateTime) -> Result<(), NotV1Compat<'b>> {
        let wrong = |number| NotV1Compat { element: "StartBoundary", trigger: Some(number) };
        for (number, trigger) in image.triggers().enumerate() {
            let start = trigger.start.ok_or(wrong(number))?;
            let next = self.ahead(now).find(|date| date.day == start.civil.day);
            if next.map(day) != Some(day(start.civil)) {
                return Err(wrong(number));
            }
        }
        let mut triggers = image.triggers();
        let first = triggers.next().and_then(|trigger| trigger.start);
        if first.is_some_and(|start| day(start.civil) == day(self.first(now))) && triggers.next().is_none() {
            self.days_of_month = 0;
        }
        Ok(())
    }

    /// The moment at which the job runs on a day.
    fn at(&self, date: DateTime) -> Boundary<'static> {
        let (seconds, millisecond) = (self.job_time / 1000, (self.job_time % 1000) as u16);
        let (minutes, second) = (seconds / 60, (seconds % 60) as u8);
        let civil = DateTime { hour: (minutes / 60) as u8, minute: (minutes % 60) as u8, second, ..date };
        Boundary { civil, millisecond, offset: Offset::Local, text: "" }
    }

    /// The day of the next JobTime.
    fn first(&self, now: DateTime) -> DateTime {
        self.ahead(now).next().unwrap_or(now)
    }

    /// The days that have a JobTime after `now`, as far as anybody looks ahead.
    fn ahead(&self, now: DateTime) -> impl Iterator<Item = DateTime> + use<'c> {
        let is_over = 1000 * now.second_of_day() >= self.job_time;
        let midnight = now.seconds() - i64::from(now.second_of_day());
        let later = move |days: i32| DateTime::from_seconds(midnight + i64::from(days) * DAY_SECONDS);
        (i32::from(is_over)..=DAYS_AHEAD).filter_map(later)
    }

    /// The next day for each bit, each day once.
    fn dates(&self, now: DateTime, mut days_of_month: u32, mut days_of_week: u8) -> impl Iterator<Item = DateTime> {
        self.ahead(now).filter(move |date| {
            let weekday = monday_first(Weekdays(1 << date.weekday()));
            let is_one = days_of_month & bit(date.day) != 0 || days_of_week & weekday != 0;
            days_of_month &= !bit(date.day);
            days_of_week &= !weekday;
            is_one
        })
    }
}

/// The bit of a day of the month.
const fn bit(day: u8) -> u32 {
    1 << (day.saturating_sub(1) % 32)
}

/// The date alone.
const fn day(civil: DateTime) -> (i16, u8, u8) {
    (civil.year, civil.month, civil.day)
}

/// Whether a boundary is local, and no finer than JobTime.
fn is_exact(start: &Boundary<'_>) -> bool {
    start.offset == Offset::Local && (start.text.is_empty() || !start.text.contains('.'))
}

/// DaysOfWeek with Sunday lowest.
const fn sunday_first(days: u8) -> Weekdays {
    Weekdays((days << 1 | days >> 6) & WEEK)
}

/// DaysOfWeek with Monday lowest.
const fn monday_first(Weekdays(days): Weekdays) -> u8 {
    (days >> 1 | days << 6) & WEEK
}

/// The program of a command line, in quotes or up to a space, and what comes behind it.
fn split(line: &str) -> Option<(&str, Option<&str>)> {
    let line = line.trim_start_matches(' ');
    let (command, rest) = match line.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"')?,
        None => line.split_at_checked(line.find(' ').unwrap_or(line.len()))?,
    };
    let arguments = Some(rest.trim_start_matches(' ')).filter(|arguments| !arguments.is_empty());
    (1..=PATH).contains(&command.encode_utf16().count()).then_some((command, arguments))
}

/// The command line of a program, if there is room for it.
fn join<'c>(exec: &Exec<'_>, into: &'c mut [u8]) -> Option<&'c str> {
    let quote = if exec.command.contains(' ') { "\"" } else { "" };
    let (space, arguments) = exec.arguments.map_or(("", ""), |arguments| (" ", arguments));
    let mut writer = Writer::new(into);
    let parts = [quote, exec.command, quote, space, arguments];
    parts.into_iter().try_for_each(|part| writer.put(part.as_bytes())).ok()?;
    core::str::from_utf8(writer.into_written()).ok()
}
