//! Triggers, [MS-TSCH] 2.5.3.

use alloc::vec::Vec;

use super::{
    element::{Element, value},
    error::Fault,
    heap,
    settings::{INTERVAL, flag},
    values::{LAST, MONTHS, WEEKDAYS, number, span},
};
use crate::{
    limits,
    task::{Boundary, Days, Months, Repetition, Schedule, Trigger, TriggerKind, Weekdays, Weeks},
};

type Result<'d, T> = core::result::Result<T, Fault<'d>>;

pub(super) fn read(triggers: Element<'_>) -> Result<'_, Vec<Trigger<'_>>> {
    let mut read = Vec::new();
    for element in triggers.plain()?.elements() {
        let element = element?;
        if read.len() == limits::TRIGGERS {
            return Err(element.too_many());
        }
        let trigger = match element.kept() {
            Some(xml) => Trigger {
                id: None,
                enabled: true,
                start: None,
                end: None,
                execution_time_limit: None,
                repetition: None,
                kind: TriggerKind::Opaque { xml },
            },
            None => read_trigger(element)?,
        };
        heap::push(&mut read, trigger)?;
    }
    Ok(read)
}

fn read_trigger(element: Element<'_>) -> Result<'_, Trigger<'_>> {
    // Which of the fields belong to some kinds alone: Delay; RandomDelay; the schedules.
    let (has_delay, has_random_delay, has_schedule) = match element.name() {
        "BootTrigger" | "RegistrationTrigger" => (true, false, false),
        "TimeTrigger" => (false, true, false),
        "CalendarTrigger" => (false, true, true),
        _ => return Err(element.unexpected()),
    };
    let id = element.id()?;
    let [enabled, start, end, repetition, limit, delay, random_delay, by_day, by_week, by_month, by_weekday] = element
        .fields([
            "Enabled",
            "StartBoundary",
            "EndBoundary",
            "Repetition",
            "ExecutionTimeLimit",
            "Delay",
            "RandomDelay",
            "ScheduleByDay",
            "ScheduleByWeek",
            "ScheduleByMonth",
            "ScheduleByMonthDayOfWeek",
        ])?;
    let mut schedules = [by_day, by_week, by_month, by_weekday].into_iter().flatten();
    let stray = [
        delay.filter(|_| !has_delay),
        random_delay.filter(|_| !has_random_delay),
        schedules.clone().nth(usize::from(has_schedule)),
    ];
    if let Some(stray) = stray.into_iter().flatten().next() {
        return Err(stray.unexpected());
    }
    if let (true, None) = (has_random_delay, start) {
        return Err(element.missing("StartBoundary"));
    }
    // No delay is the default, which is not given back.
    let delay = value(delay.or(random_delay), span(..))?.filter(|delay| delay.seconds != 0);
    let kind = match element.name() {
        "BootTrigger" => TriggerKind::Boot { delay },
        "RegistrationTrigger" => TriggerKind::Registration { delay },
        "TimeTrigger" => TriggerKind::Time { random_delay: delay },
        _ => {
            let schedule = schedules.next().ok_or_else(|| element.missing("ScheduleByDay"))?;
            TriggerKind::Calendar { random_delay: delay, schedule: read_schedule(schedule)? }
        }
    };
    Ok(Trigger {
        id,
        enabled: flag(enabled, true)?,
        start: value(start, Boundary::parse)?,
        end: value(end, Boundary::parse)?,
        execution_time_limit: value(limit, span(..))?,
        repetition: repetition.map(read_repetition).transpose()?,
        kind,
    })
}

fn read_repetition(element: Element<'_>) -> Result<'_, Repetition<'_>> {
    let [interval, duration, stop_at_duration_end] =
        element.plain()?.fields(["Interval", "Duration", "StopAtDurationEnd"])?;
    Ok(Repetition {
        interval: interval.ok_or_else(|| element.missing("Interval"))?.value(span(INTERVAL))?,
        duration: value(duration, span(60..))?,
        stop_at_duration_end: flag(stop_at_duration_end, false)?,
    })
}

fn read_schedule(element: Element<'_>) -> Result<'_, Schedule> {
    let element = element.plain()?;
    match element.name() {
        "ScheduleByDay" => {
            let [interval] = element.fields(["DaysInterval"])?;
            Ok(Schedule::Day { interval: value(interval, |text| number(text, 1..=365))?.unwrap_or(1) })
        }
        "ScheduleByWeek" => {
            let [interval, days] = element.fields(["WeeksInterval", "DaysOfWeek"])?;
            let interval = value(interval, |text| number(text, 1..=52))?.unwrap_or(1);
            Ok(Schedule::Week { interval, days: read_weekdays(element, days)? })
        }
        "ScheduleByMonth" => {
            let [days, months] = element.fields(["DaysOfMonth", "Months"])?;
            let days = days.ok_or_else(|| element.missing("DaysOfMonth"))?;
            let days = Days(read_numbers(days, "Day", 31, 32)?);
            Ok(Schedule::Month { days, months: read_months(months)? })
        }
        _ => {
            let [weeks, days, months] = element.fields(["Weeks", "DaysOfWeek", "Months"])?;
            let weeks = weeks.ok_or_else(|| element.missing("Weeks"))?;
            // Five bits are a byte.
            let weeks = Weeks(read_numbers(weeks, "Week", 4, 5)? as u8);
            Ok(Schedule::MonthDayOfWeek { weeks, days: read_weekdays(element, days)?, months: read_months(months)? })
        }
    }
}

fn read_weekdays<'d>(schedule: Element<'d>, days: Option<Element<'d>>) -> Result<'d, Weekdays> {
    let days = days.ok_or_else(|| schedule.missing("DaysOfWeek"))?;
    // Seven bits are a byte.
    Ok(Weekdays(read_set(days, WEEKDAYS)? as u8))
}

fn read_months(months: Option<Element<'_>>) -> Result<'_, Months> {
    months.map_or(Ok(Months::ALL), |months| read_set(months, MONTHS).map(Months))
}

/// Reads elements that say something by being there as bits; one of them at least must be.
fn read_set<'d, const N: usize>(element: Element<'d>, names: [&'static str; N]) -> Result<'d, u16> {
    let mut bits = 0;
    for (field, bit) in element.plain()?.fields(names)?.into_iter().zip(0..) {
        if let Some(field) = field {
            field.value(|text| text.is_empty().then_some(()))?;
            bits |= 1 << bit;
        }
    }
    let [first, ..] = names.as_slice() else { return Ok(bits) };
    if bits == 0 { Err(element.missing(first)) } else { Ok(bits) }
}

/// Reads at most `most` elements that each hold a number from 1 to `last`, or `Last`, as bits; one at least must be.
fn read_numbers<'d>(element: Element<'d>, name: &'static str, last: u32, most: usize) -> Result<'d, u32> {
    let mut bits = 0;
    for (count, item) in element.plain()?.elements().enumerate() {
        let item = item?;
        if item.name() != name {
            return Err(item.unexpected());
        }
        if count == most {
            return Err(item.too_many());
        }
        // The schema writes them without signs and leading zeros.
        let bit =
            |text: &str| (!text.starts_with(['+', '0'])).then(|| number::<u32>(text, 1..=last))?.map(|day| day - 1);
        bits |= 1_u32 << item.value(|text| if text == LAST { Some(last) } else { bit(text) })?;
    }
    if bits == 0 { Err(element.missing(name)) } else { Ok(bits) }
}
