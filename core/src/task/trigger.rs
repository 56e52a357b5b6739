//! Triggers, [MS-TSCH] 2.5.3.

use super::{Boundary, Span};

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

impl Months {
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
        /// RandomDelay: kept and given back.
        random_delay: Option<Span<'b>>,
    },
    /// CalendarTrigger, 2.5.3.9.
    Calendar {
        /// RandomDelay: kept and given back.
        random_delay: Option<Span<'b>>,
        /// On which days.
        schedule: Schedule,
    },
    /// Any other element: kept as XML, given back, and never fires.
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
