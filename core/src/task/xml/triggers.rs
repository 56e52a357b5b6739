//! Triggers, [MS-TSCH] 2.5.3.

use alloc::vec::Vec;

use super::{
    element::{Element, Fields},
    error::Refused,
    settings::INTERVAL,
    values::{ANY, LAST, TRIGGERS, named, non_empty, number},
};
use crate::{
    limits,
    sid::Sid,
    task::{
        Boundary, Days, Event, Months, Named, Repetition, Schedule, SessionStateChange, Span, Trigger, TriggerKind,
        Weekdays, Weeks,
    },
};

type Result<T> = core::result::Result<T, Refused>;

/// The fields that every trigger has.
const BASE: [&str; 5] = ["Enabled", "StartBoundary", "EndBoundary", "Repetition", "ExecutionTimeLimit"];

#[inline(never)]
pub(super) fn read<'d>(
    triggers: Element<'d>,
    resolve: &mut dyn FnMut(&str) -> Option<Sid>,
) -> Result<Vec<Trigger<'d>>> {
    let mut read = triggers.list()?;
    for element in triggers.plain()?.elements() {
        let element = element?;
        if read.len() == limits::TRIGGERS {
            return Err(element.too_many());
        }
        let trigger = read_trigger(element, resolve)?;
        element.has_own_id()?;
        element.push(&mut read, trigger)?;
    }
    Ok(read)
}

fn read_trigger<'d>(element: Element<'d>, resolve: &mut dyn FnMut(&str) -> Option<Sid>) -> Result<Trigger<'d>> {
    if let Some(xml) = element.opaque() {
        return Ok(Trigger::bare(TriggerKind::Opaque { xml }));
    }
    let known = TRIGGERS.iter().find(|(name, _)| *name == element.name() && element.is_of_version());
    let (name, own) = known.ok_or_else(|| element.unexpected())?;
    let id = element.new_id()?;
    // The UserId of a LogonTrigger is newer than that of a principal.
    let own: &'static [&'static str] = own;
    let own = if element.is_old() { own.strip_suffix(&["UserId"]).unwrap_or(own) } else { own };
    let fields = element.fields_in(&|name| BASE.iter().chain(own).position(|known| *known == name))?;
    // No delay is the default, which is not given back.
    let delay = own.first().map_or(Ok(None), |name| fields.span(name, ANY));
    let delay = delay?.filter(|delay| delay.seconds != 0);
    let mut user = || fields.get("UserId").map(|field| field.user(resolve)).transpose();
    let kind = match *name {
        "BootTrigger" => TriggerKind::Boot { delay },
        "RegistrationTrigger" => TriggerKind::Registration { delay },
        "TimeTrigger" => TriggerKind::Time { random_delay: delay },
        "CalendarTrigger" => {
            let schedule = read_schedules(element, own.get(1..).unwrap_or_default())?;
            TriggerKind::Calendar { random_delay: delay, schedule }
        }
        "IdleTrigger" => TriggerKind::Idle,
        "EventTrigger" => TriggerKind::Event(read_event(fields, delay)?),
        "LogonTrigger" => TriggerKind::Logon { user: user()?, delay },
        _ => {
            let change = fields.needed("StateChange")?;
            let change = change.accepted(named(&SessionStateChange::NAMES, change.value()?))?;
            TriggerKind::SessionState { user: user()?, delay, change }
        }
    };
    if let TriggerKind::Time { .. } | TriggerKind::Calendar { .. } = kind {
        fields.needed("StartBoundary")?;
    }
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

fn read_event<'d>(fields: Fields<'d>, delay: Option<Span<'d>>) -> Result<Event<'d>> {
    let period = fields.get("PeriodOfOccurrence").map(|field| {
        let span = field.span(ANY)?;
        // The schema's own default is less than what it demands.
        field.accepted(Some(span).filter(|span| span.seconds == 0 || span.is_within(60..=u64::MAX)))
    });
    let queries = fields.get("ValueQueries").map(|queries| {
        queries.texts("Value", (1, limits::VALUE_QUERIES), |value, texts| {
            let name = value.attribute("name")?;
            let (name, at) = name.ok_or_else(|| value.missing("name"))?;
            if name.is_empty() {
                return Err(value.attribute_refused("name", (name, at)));
            }
            value.push(texts, name)?;
            value.push(texts, value.accepted(non_empty(value.only_text()?))?)
        })
    });
    Ok(Event {
        subscription: fields.needed("Subscription")?.filled()?,
        delay,
        number_of_occurrences: fields.value("NumberOfOccurrences", |text| number(text, 1..=32))?.unwrap_or(1),
        period_of_occurrence: period.transpose()?.filter(|span| span.seconds != 0),
        matching_element: fields.get("MatchingElement").map(|field| field.filled()).transpose()?,
        value_queries: queries.transpose()?.map(Named::from_texts).unwrap_or_default(),
    })
}

/// The one of the schedules that must be there, and may be alone.
fn read_schedules(element: Element<'_>, names: &'static [&'static str]) -> Result<Schedule> {
    let mut schedules = element.elements().flatten().filter(|field| names.contains(&field.name()));
    let missing = names.first().copied().unwrap_or_default();
    let schedule = schedules.next().ok_or_else(|| element.missing(missing))?;
    match schedules.next() {
        Some(second) => Err(second.unexpected()),
        None => read_schedule(schedule),
    }
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
    Ok(Weekdays(read_set(schedule.needed("DaysOfWeek")?, &Weekdays::NAMES)? as u8))
}

fn read_months(schedule: Fields<'_>) -> Result<Months> {
    schedule.get("Months").map_or(Ok(Months::ALL), |months| read_set(months, &Months::NAMES).map(Months))
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
