//! Triggers, [MS-TSCH] 2.5.3.

use super::{Boundary, Named, Span, User};

/// A trigger fires again after it fired, [MS-TSCH] 2.5.3.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repetition<'b> {
    /// Time between firings: one minute to 31 days.
    pub interval: Span<'b>,
    /// For how long; without it, without end.
    pub duration: Option<Span<'b>>,
    /// Whether instances that still run are stopped when the duration ends.
    pub stop_at_duration_end: bool,
}

/// Days of the week as bits, Sunday lowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Weekdays(pub u8);

/// Days of the month as bits: bit 0 is day 1, bit 30 day 31, bit 31 the last day whichever it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Days(pub u32);

/// Months as bits, January lowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Months(pub u16);

/// Weeks of the month as bits: bits 0 to 3 are the first to the fourth, bit 4 the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Weeks(pub u8);

impl Weekdays {
    /// The names of daysOfWeekType, in the order of the bits.
    pub const NAMES: [&'static str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
}

impl Months {
    /// The names of monthsType, in the order of the bits.
    pub const NAMES: [&'static str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    /// Every month, which is also what leaving Months out means.
    pub const ALL: Self = Self(0xFFF);
}

/// On which days a CalendarTrigger fires, [MS-TSCH] 2.5.3.9. The time of day is that of the StartBoundary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    /// ScheduleByDay: every so many days, counted from the StartBoundary.
    Day {
        /// DaysInterval, 1 to 365.
        interval: u16,
    },
    /// ScheduleByWeek: on these days of every so many weeks, counted from the week (Sunday first) of the StartBoundary.
    Week {
        /// WeeksInterval, 1 to 52.
        interval: u8,
        /// At least one day.
        days: Weekdays,
    },
    /// ScheduleByMonth: on these days of these months.
    Month {
        /// At least one day.
        days: Days,
        /// At least one month.
        months: Months,
    },
    /// ScheduleByMonthDayOfWeek: on these weekdays in these weeks of these months.
    MonthDayOfWeek {
        /// At least one week.
        weeks: Weeks,
        /// At least one day.
        days: Weekdays,
        /// At least one month.
        months: Months,
    },
}

/// An event of the system, or a number of them, [MS-TSCH] 2.5.3.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'b> {
    /// Subscription: which events, as an XML query of [MS-EVEN6] 2.2.16.
    pub subscription: &'b str,
    /// Delay.
    pub delay: Option<Span<'b>>,
    /// NumberOfOccurrences, 1 to 32: how many of them it takes.
    pub number_of_occurrences: u8,
    /// PeriodOfOccurrence, at least one minute: in which time they must come.
    pub period_of_occurrence: Option<Span<'b>>,
    /// MatchingElement: the field that an event must have to be counted.
    pub matching_element: Option<&'b str>,
    /// ValueQueries, at most 32: what is taken out of an event, by the name that a parameter has for it.
    pub value_queries: Named<'b>,
}

/// What becomes of a session, [MS-TSCH] 2.5.3.8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionStateChange {
    /// ConsoleConnect.
    ConsoleConnect,
    /// ConsoleDisconnect.
    ConsoleDisconnect,
    /// RemoteConnect.
    RemoteConnect,
    /// RemoteDisconnect.
    RemoteDisconnect,
    /// SessionLock.
    SessionLock,
    /// SessionUnlock.
    SessionUnlock,
}

impl SessionStateChange {
    /// All of them with the schema's names, in the order of their numbers at rest.
    pub(super) const NAMES: [(&'static str, Self); 6] = [
        ("ConsoleConnect", Self::ConsoleConnect),
        ("ConsoleDisconnect", Self::ConsoleDisconnect),
        ("RemoteConnect", Self::RemoteConnect),
        ("RemoteDisconnect", Self::RemoteDisconnect),
        ("SessionLock", Self::SessionLock),
        ("SessionUnlock", Self::SessionUnlock),
    ];
}

/// What makes a trigger fire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TriggerKind<'b> {
    /// BootTrigger, 2.5.3.2: when the scheduler starts, after a delay.
    Boot {
        /// Delay.
        delay: Option<Span<'b>>,
    },
    /// RegistrationTrigger, 2.5.3.3: when the task is registered or updated, after a delay.
    Registration {
        /// Delay.
        delay: Option<Span<'b>>,
    },
    /// TimeTrigger, 2.5.3.5: once, at the StartBoundary.
    Time {
        /// RandomDelay: a run waits for a part of it.
        random_delay: Option<Span<'b>>,
    },
    /// CalendarTrigger, 2.5.3.9.
    Calendar {
        /// RandomDelay: a run waits for a part of it.
        random_delay: Option<Span<'b>>,
        /// On which days.
        schedule: Schedule,
    },
    /// IdleTrigger, 2.5.3.4: when the machine has been idle for as long as IdleSettings say.
    Idle,
    /// EventTrigger, 2.5.3.6: when something happened.
    Event(Event<'b>),
    /// LogonTrigger, 2.5.3.7: when somebody logs on.
    Logon {
        /// UserId, resolved when the task was registered; without it, anybody.
        user: Option<User<'b>>,
        /// Delay.
        delay: Option<Span<'b>>,
    },
    /// SessionStateChangeTrigger, 2.5.3.8: when somebody's session changes.
    SessionState {
        /// UserId, resolved when the task was registered; without it, anybody.
        user: Option<User<'b>>,
        /// Delay.
        delay: Option<Span<'b>>,
        /// StateChange.
        change: SessionStateChange,
    },
    /// WnfStateChangeTrigger, and what a definition of version 1.5 or higher has beside the schema: kept as XML, given back, and
    /// never fires.
    Opaque {
        /// The whole element, without the comments and the white space between elements that it was written with.
        xml: &'b str,
    },
}

/// One trigger of a task, [MS-TSCH] 2.5.3.1. Of an opaque one only `kind` is meaningful.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trigger<'b> {
    /// The `id` attribute.
    pub id: Option<&'b str>,
    /// Enabled; true unless written otherwise.
    pub enabled: bool,
    /// StartBoundary: never fires before. A Time or Calendar trigger always has one.
    pub start: Option<Boundary<'b>>,
    /// EndBoundary: never fires after.
    pub end: Option<Boundary<'b>>,
    /// ExecutionTimeLimit of instances that this trigger starts.
    pub execution_time_limit: Option<Span<'b>>,
    /// Repetition.
    pub repetition: Option<Repetition<'b>>,
    /// What makes it fire.
    pub kind: TriggerKind<'b>,
}

impl<'b> TriggerKind<'b> {
    /// The number at rest, and the Delay or RandomDelay; `None` for an opaque one.
    pub(super) const fn numbered(&self) -> Option<(u8, Option<Span<'b>>)> {
        Some(match *self {
            Self::Time { random_delay } => (0, random_delay),
            Self::Calendar { random_delay, .. } => (1, random_delay),
            Self::Boot { delay } => (2, delay),
            Self::Registration { delay } => (3, delay),
            Self::Idle => (4, None),
            Self::Event(event) => (5, event.delay),
            Self::Logon { delay, .. } => (6, delay),
            Self::SessionState { delay, .. } => (7, delay),
            Self::Opaque { .. } => return None,
        })
    }
}

impl<'b> Trigger<'b> {
    /// One that has nothing but its kind.
    pub(super) const fn bare(kind: TriggerKind<'b>) -> Self {
        Self { id: None, enabled: true, start: None, end: None, execution_time_limit: None, repetition: None, kind }
    }
}
