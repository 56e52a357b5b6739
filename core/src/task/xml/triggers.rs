//! Triggers, [MS-TSCH] 2.5.3.

use alloc::vec::Vec;

use super::{
    element::{Element, Fields},
    error::Refused,
    heap,
    settings::INTERVAL,
    values::{ANY, LAST, MONTHS, WEEKDAYS, number},
};
use crate::{
    limits,
    task::{Boundary, Days, Months, Repetition, Schedule, Trigger, TriggerKind, Weekdays, Weeks},
};

type Result<T> = core::result::Result<T, Refused>;

/// The kinds of schedules, of which a CalendarTrigger has one.
const SCHEDULES: [&str; 4] = ["ScheduleByDay", "ScheduleByWeek", "ScheduleByMonth", "ScheduleByMonthDayOfWeek"];

#[inline(never)]
pub(super) fn read(triggers: Element<'_>) -> Result<Vec<Trigger<'_>>> {
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

fn read_trigger(element: Element<'_>) -> Result<Trigger<'_>> {
    // Which of the fields belong to some kinds alone: Delay; RandomDelay; the schedules.
    let (has_delay, has_random_delay, has_schedule) = match element.name() {
        "BootTrigger" | "RegistrationTrigger" => (true, false, false),
        "TimeTrigger" => (false, true, false),
        "CalendarTrigger" => (false, true, true),
        _ => return Err(element.unexpected()),
    };
    let id = element.id()?;
    let fields = element.fields(&[
        "Enabled",
        "StartBoundary",
        "EndBoundary",
        "Repetition",
        "ExecutionTimeLimit",
        "Delay",
        "RandomDelay",
        SCHEDULES[0],
        SCHEDULES[1],
        SCHEDULES[2],
        SCHEDULES[3],
    ])?;
    let (delay, random_delay) = (fields.get("Delay"), fields.get("RandomDelay"));
    let mut schedules = SCHEDULES.iter().filter_map(|name| fields.get(name));
    let schedule = if has_schedule { schedules.next() } else { None };
    let stray =
        delay.filter(|_| !has_delay).or(random_delay.filter(|_| !has_random_delay)).or_else(|| schedules.next());
    if let Some(stray) = stray {
        return Err(stray.unexpected());
    }
    if has_random_delay {
        fields.needed("StartBoundary")?;
    }
    // No delay is the default, which is not given back.
    let delay = delay.or(random_delay).map(|delay| delay.span(ANY)).transpose()?.filter(|delay| delay.seconds != 0);
    let kind = match element.name() {
        "BootTrigger" => TriggerKind::Boot { delay },
        "RegistrationTrigger" => TriggerKind::Registration { delay },
        "TimeTrigger" => TriggerKind::Time { random_delay: delay },
        _ => {
            let schedule = schedule.ok_or_else(|| element.missing(SCHEDULES[0]))?;
            TriggerKind::Calendar { random_delay: delay, schedule: read_schedule(schedule)? }
        }
    };
    Ok(Trigger {
        id,
        enabled: fields.flag("Enabled", true)?,
        start: fields.value("StartBoundary", Boundary::parse)?,
        end: fields.value("EndBoundary", Boundary::parse)?,
        execution_time_limit: fields.span("ExecutionTimeLimit", ANY)?,
        repetition: fields.get("Repetition").map(read_repetition).transpose()?,
        kind,
    })
}

fn read_repetition(element: Element<'_>) -> Result<Repetition<'_>> {
    let fields = element.plain()?.fields(&["Interval", "Duration", "StopAtDurationEnd"])?;
    Ok(Repetition {
        interval: fields.needed("Interval")?.span(INTERVAL)?,
        duration: fields.span("Duration", 60..=u64::MAX)?,
        stop_at_duration_end: fields.flag("StopAtDurationEnd", false)?,
    })
}

fn read_schedule(element: Element<'_>) -> Result<Schedule> {
    let element = element.plain()?;
    match element.name() {
        "ScheduleByDay" => {
            let fields = element.fields(&["DaysInterval"])?;
            let interval = fields.value("DaysInterval", |text| number(text, 1..=365))?;
            Ok(Schedule::Day { interval: interval.unwrap_or(1) })
        }
        "ScheduleByWeek" => {
            let fields = element.fields(&["WeeksInterval", "DaysOfWeek"])?;
            let interval = fields.value("WeeksInterval", |text| number(text, 1..=52))?.unwrap_or(1);
            Ok(Schedule::Week { interval, days: read_weekdays(fields)? })
        }
        "ScheduleByMonth" => {
            let fields = element.fields(&["DaysOfMonth", "Months"])?;
            let days = Days(read_numbers(fields.needed("DaysOfMonth")?, "Day", 31, 32)?);
            Ok(Schedule::Month { days, months: read_months(fields)? })
        }
        _ => {
            let fields = element.fields(&["Weeks", "DaysOfWeek", "Months"])?;
            // Five bits are a byte.
            let weeks = Weeks(read_numbers(fields.needed("Weeks")?, "Week", 4, 5)? as u8);
            Ok(Schedule::MonthDayOfWeek { weeks, days: read_weekdays(fields)?, months: read_months(fields)? })
        }
    }
}

fn read_weekdays(schedule: Fields<'_>) -> Result<Weekdays> {
    // Seven bits are a byte.
    Ok(Weekdays(read_set(schedule.needed("DaysOfWeek")?, &WEEKDAYS)? as u8))
}

fn read_months(schedule: Fields<'_>) -> Result<Months> {
    schedule.get("Months").map_or(Ok(Months::ALL), |months| read_set(months, &MONTHS).map(Months))
}

/// Reads elements that say something by being there as bits; one of them at least must be.
fn read_set(element: Element<'_>, names: &'static [&'static str]) -> Result<u16> {
    let fields = element.plain()?.fields(names)?;
    let mut bits = 0;
    for (name, bit) in names.iter().zip(0..) {
        if let Some(field) = fields.get(name) {
            field.accepted(field.value()?.is_empty().then_some(()))?;
            bits |= 1 << bit;
        }
    }
    match names {
        [first, ..] if bits == 0 => Err(element.missing(first)),
        _ => Ok(bits),
    }
}

/// Reads at most `most` elements that each hold a number from 1 to `last`, or `Last`, as bits; one at least must be.
fn read_numbers(element: Element<'_>, name: &'static str, last: u32, most: usize) -> Result<u32> {
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
        let bit = match item.value()? {
            LAST => Some(last),
            text if text.starts_with(['+', '0']) => None,
            text => number::<u32>(text, 1..=last).map(|number| number - 1),
        };
        bits |= 1_u32 << item.accepted(bit)?;
    }
    if bits == 0 { Err(element.missing(name)) } else { Ok(bits) }
}
