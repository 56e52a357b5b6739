//! When triggers fire: known answers, ends of time, and the sweep of all zones.

mod moments;
mod sweep;

use mainspring::{
    task::{Boundary, Offset, Repetition, Schedule, Span, Trigger, TriggerKind},
    time::civil::DateTime,
};

/// A boundary in local time.
fn local(civil: DateTime) -> Boundary<'static> {
    Boundary { civil, millisecond: 0, offset: Offset::Local, text: "" }
}

/// A calendar trigger and nothing more.
fn calendar(start: Boundary<'static>, schedule: Schedule) -> Trigger<'static> {
    Trigger {
        id: None,
        enabled: true,
        start: Some(start),
        end: None,
        execution_time_limit: None,
        repetition: None,
        kind: TriggerKind::Calendar { random_delay: None, schedule },
    }
}

/// A repetition of so many seconds.
fn repetition(interval: u64, duration: Option<u64>) -> Repetition<'static> {
    let span = |seconds| Span { seconds, text: "" };
    Repetition { interval: span(interval), duration: duration.map(span), stop_at_duration_end: false }
}

/// Every day since 2000 at a time of the day.
pub(crate) fn daily_at(hour: u8, minute: u8) -> Trigger<'static> {
    calendar(local(DateTime::new(2000, 1, 1, hour, minute, 0).unwrap()), Schedule::Day { interval: 1 })
}
