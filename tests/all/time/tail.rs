use jiff::tz::TimeZone;
use mainspring::time::{
    Timestamp,
    civil::DateTime,
    tail::{Tail, TailError},
    zone::{Resolved, Zone},
};

/// Compares every six hours, and all seconds around what changes in between, over a span of years.
fn compare(text: &str, years: std::ops::Range<i16>) {
    let ours = Zone::from(Tail::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}")));
    let theirs = TimeZone::posix(text).unwrap();
    let begin = DateTime::new(years.start, 1, 1, 0, 0, 0).unwrap().seconds();
    let end = DateTime::new(years.end, 1, 1, 0, 0, 0).unwrap().seconds();
    let offset = |second| theirs.to_offset(jiff::Timestamp::from_second(second).unwrap()).seconds();
    for second in (begin..end).step_by(6 * 3600) {
        let (before, after) = (offset(second - 6 * 3600), offset(second));
        assert_eq!(ours.offset_at(Timestamp::from_seconds(second)), after, "{text} at {second}");
        if before != after {
            let (mut low, mut high) = (second - 6 * 3600, second);
            while high - low > 1 {
                let middle = low.midpoint(high);
                if offset(middle) == before { low = middle } else { high = middle }
            }
            assert_eq!(ours.offset_at(Timestamp::from_seconds(low)), before, "{text} at {low}");
            assert_eq!(ours.offset_at(Timestamp::from_seconds(high)), after, "{text} at {high}");
        }
    }
}

#[test]
fn rules_of_every_form_say_what_jiff_says() {
    for text in [
        "UTC0",
        "<+0545>-5:45",
        "CET-1CEST,M3.5.0,M10.5.0/3",
        "EST5EDT,M3.2.0,M11.1.0",
        // Standard time in summer, and an hour less in winter.
        "IST-1GMT0,M10.5.0,M3.5.0/1",
        // Half an hour, in the south.
        "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
        // Midnight and the day before, by hours below zero and beyond 24.
        "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",
        "EET-2EEST,M3.4.4/50,M10.4.4/50",
        "EET-2EEST,M4.5.5/0,M10.5.4/24",
        "<-04>4<-03>,M9.1.6/24,M4.1.6/24",
        "IST-2IDT,M3.4.4/26,M10.5.0",
        // Days of the year, with and without 29 February.
        "AAA3BBB,J60,J300",
        "AAA3BBB,59,299/2:30:15",
        "AAA-12:15:30BBB-13:00:01,J2/12,J364/23:59:59",
        "AAA+3BBB+1,J245/-24,J91/25",
    ] {
        compare(text, 1968..2110);
    }
}

#[test]
fn daylight_saving_time_may_hold_all_year() {
    // RFC 9636 3.3.1: from 1 January 00:00 to 31 December 24:00 and the difference.
    let zone = Zone::from(Tail::parse(b"EST5EDT,0/0,J365/25").unwrap());
    let begin = DateTime::new(2023, 1, 1, 0, 0, 0).unwrap().seconds();
    for second in (begin..begin + 3 * 366 * 86_400).step_by(1800) {
        assert_eq!(zone.offset_at(Timestamp::from_seconds(second)), -4 * 3600, "{second}");
    }
    for hour in 0..24 {
        let civil = DateTime::new(2024, 1, 1, hour, 0, 0).unwrap();
        assert_eq!(zone.resolve(civil, 0), Resolved::Single(civil.utc().plus(4 * 3_600_000)));
    }
}

#[test]
fn a_transition_may_fall_out_of_its_year() {
    // A week before the new year and a week after: rules of another year decide.
    assert_eq!(Tail::parse(b"AAA0BBB,J1/-167,J365/167"), Err(TailError::Crossing));
    let zone = Zone::from(Tail::parse(b"AAA0BBB,J1/-100,J200/0").unwrap());
    let start = DateTime::new(2024, 12, 27, 20, 0, 0).unwrap().seconds();
    assert_eq!(zone.offset_at(Timestamp::from_seconds(start - 1)), 0);
    assert_eq!(zone.offset_at(Timestamp::from_seconds(start)), 3600);
    assert_eq!(zone.offset_at(Timestamp::from_seconds(start + 30 * 86_400)), 3600);
    // Within its year by the clock on the wall, but not by UTC.
    let zone = Zone::from(Tail::parse(b"AAA-12BBB-13,J1/0,J365/23").unwrap());
    let end = DateTime::new(2024, 12, 31, 10, 0, 0).unwrap().seconds();
    let offsets = [-1, 0, 3599, 3600 * 2].map(|past| zone.offset_at(Timestamp::from_seconds(end + past)) / 3600);
    assert_eq!(offsets, [13, 12, 12, 13]);
    let zone = Zone::from(Tail::parse(b"AAA0BBB,J200/0,J365/100").unwrap());
    let end = DateTime::new(2025, 1, 4, 3, 0, 0).unwrap().seconds();
    assert_eq!(zone.offset_at(Timestamp::from_seconds(end - 1)), 3600);
    assert_eq!(zone.offset_at(Timestamp::from_seconds(end)), 0);
}

#[test]
fn what_is_no_rule_is_refused_with_its_place() {
    for (text, error) in [
        ("", TailError::Malformed(0)),
        ("C", TailError::Malformed(1)),
        ("CET", TailError::Malformed(3)),
        ("<+1>-1", TailError::Malformed(3)),
        ("<+01-1", TailError::Malformed(6)),
        ("CET-25", TailError::OutOfRange(6)),
        ("CET-1:60", TailError::OutOfRange(8)),
        ("CET-1CEST", TailError::NoRule(9)),
        ("CET-1CEST-2", TailError::NoRule(11)),
        ("CET-1CEST,", TailError::Malformed(10)),
        ("CET-1CEST,M3.5.0", TailError::Malformed(16)),
        ("CET-1CEST,M13.5.0,M10.5.0", TailError::OutOfRange(13)),
        ("CET-1CEST,M3.6.0,M10.5.0", TailError::OutOfRange(14)),
        ("CET-1CEST,M3.5.7,M10.5.0", TailError::OutOfRange(16)),
        ("CET-1CEST,J0,J366", TailError::OutOfRange(12)),
        ("CET-1CEST,J1,366", TailError::OutOfRange(16)),
        ("CET-1CEST,M3.5.0/168,M10.5.0", TailError::OutOfRange(20)),
        ("CET-1CEST,M3.5.0/1111,M10.5.0", TailError::OutOfRange(20)),
        ("CET-1CEST,M3.5.0,M10.5.0/3 ", TailError::Malformed(26)),
        // The last Sunday of March is before the 85th day in some years and after it in others.
        ("CET-1CEST,M3.5.0,J86", TailError::Crossing),
    ] {
        assert_eq!(Tail::parse(text.as_bytes()), Err(error), "{text}");
    }
    assert!(Tail::parse(b"CET-1CEST,M3.5.0/-167,M10.5.0/167:59:59").is_ok());
}

#[test]
fn garbage_never_panics() {
    let seeds = ["CET-1CEST,M3.5.0,M10.5.0/3", "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "AAA-12:15:30BBB,J60,J300/2:30:15"];
    let alphabet = b"AZz<>+-0159:,./JM\0\xFF";
    for seed in seeds {
        for at in 0..seed.len() {
            let _ = Tail::parse(&seed.as_bytes()[..at]);
            for &byte in alphabet {
                let mut text = seed.as_bytes().to_vec();
                text[at] = byte;
                if let Ok(tail) = Tail::parse(&text) {
                    let zone = Zone::from(tail);
                    for second in [i64::MIN / 1000, -1, 0, 1_711_846_799, 4_000_000_000, i64::MAX / 1000] {
                        let _ = zone.offset_at(Timestamp::from_seconds(second));
                    }
                    let _ = zone.resolve(DateTime::new(2024, 3, 31, 2, 30, 0).unwrap(), 0);
                    let _ = zone.resolve(DateTime::new(2024, 12, 31, 23, 30, 0).unwrap(), 0);
                }
            }
        }
    }
    let zone = Zone::from(Tail::parse(seeds[0].as_bytes()).unwrap());
    for moment in [Timestamp::MIN, Timestamp::MAX] {
        let _ = (zone.offset_at(moment), zone.civil_at(moment));
    }
}
