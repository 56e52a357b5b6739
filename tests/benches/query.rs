//! What a query on events costs: `cargo bench -p mainspring-tests --bench query`.
//!
//! Best of seven runs on one core of the machine that the project was built on (shared, so these are upper bounds; a second turn
//! gave up to twice as much):
//!
//! | query | bytes | check | evaluate |
//! | --- | --- | --- | --- |
//! | another channel | 171 | 1.8 µs | 0.4 µs |
//! | another identifier | 114 | 0.9 µs | 1.1 µs |
//! | provider and identifier | 175 | 1.3 µs | 1.6 µs |
//! | two Data of six | 199 | 3.4 µs | 7.5 µs |
//! | level and time | 179 | 3.4 µs | 3.8 µs |
//!
//! A value of the fourth Data is found in 2.2 µs.

#![allow(clippy::unwrap_used)]

use std::{hint::black_box, time::Instant};

use mainspring::{
    query::{Event, Query, Selector},
    time::Timestamp,
};

const NOW: Option<Timestamp> = Some(Timestamp(1_714_608_000_000));

/// Nanoseconds of one `run`: the best of seven times ten thousand.
fn nanoseconds(mut run: impl FnMut()) -> f64 {
    let best = (0..7).map(|_| {
        let start = Instant::now();
        (0..10_000).for_each(|_| run());
        start.elapsed()
    });
    best.min().unwrap().as_secs_f64() * 1e5
}

fn main() {
    let event = Event {
        provider: Some("Microsoft-Windows-Security-Auditing"),
        level: Some(0),
        keywords: Some(0x8020_0000_0000_0000),
        created: Some(Timestamp(1_714_600_000_000)),
        record: Some(1_234_567),
        computer: Some("host.example"),
        data: &[
            ("SubjectUserSid", "S-1-5-18"),
            ("SubjectUserName", "HOST$"),
            ("TargetUserSid", "S-1-5-21-1-2-3-1000"),
            ("TargetUserName", "ada"),
            ("LogonType", "2"),
            ("IpAddress", "127.0.0.1"),
        ],
        ..Event::new("Security", 4624)
    };
    let list = |channel: &str, expression: &str| {
        format!(
            r#"<QueryList><Query Id="0" Path="{channel}"><Select Path="{channel}">{expression}</Select></Query></QueryList>"#
        )
    };
    let usual = "*[System[Provider[@Name='Microsoft-Windows-Security-Auditing'] and EventID=4624]]";
    let data =
        "*[System[EventID=4624] and EventData[Data[@Name='LogonType']='2' and Data[@Name='TargetUserName']='ada']]";
    let recent = "*[System[(Level=0 or Level=4) and TimeCreated[timediff(@SystemTime) &lt;= 86400000]]]";
    for (name, text, is_selected) in [
        ("another channel", list("System", usual), false),
        ("another identifier", list("Security", "*[System[EventID=1]]"), false),
        ("provider and identifier", list("Security", usual), true),
        ("the same without a list", usual.to_owned(), true),
        ("two Data of six", list("Security", data), true),
        ("level and time", list("Security", recent), true),
    ] {
        let checked = nanoseconds(|| {
            black_box(Query::parse(black_box(&text)).is_ok());
        });
        let query = Query::parse(&text).unwrap();
        assert_eq!(query.matches(&event, NOW), is_selected);
        let evaluated = nanoseconds(|| {
            black_box(black_box(&query).matches(black_box(&event), NOW));
        });
        println!("{name:26} {:4} bytes: check {checked:6.0} ns, evaluate {evaluated:6.0} ns", text.len());
    }
    let selector = Selector::parse("Event/EventData/Data[@Name='TargetUserName']").unwrap();
    let value = nanoseconds(|| {
        black_box(selector.value(black_box(&event), NOW));
    });
    println!("value of the fourth Data {value:.0} ns");
}
