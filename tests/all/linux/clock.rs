//! The alarm and the zone.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use mainspring::{engine::Deadline, time::Timestamp};
use mainspring_linux::{
    clock::{Alarm, Ring, now},
    zone::{LocalZone, ZoneWatch},
};

fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(20), future).await.expect("in time") })
}

#[test]
fn the_clocks_go() {
    let (first, begin) = (now(), Instant::now());
    std::thread::sleep(Duration::from_millis(20));
    let second = now();
    let passed = second.monotonic.since(first.monotonic);
    assert!((20..=begin.elapsed().as_millis() as u64 + 1).contains(&passed), "{passed}");
    assert!(second.wall > first.wall && first.wall.is_some());
}

#[test]
fn rings_at_deadlines_of_both_clocks_and_not_before() {
    block_on(async {
        let alarm = Alarm::new().unwrap();
        for wall in [false, true] {
            let begin = now();
            let deadline = Deadline {
                monotonic: (!wall).then(|| begin.monotonic.plus(50)),
                wall: begin.wall.filter(|_| wall).map(|at| at.plus(50)),
            };
            alarm.set(deadline).unwrap();
            // Putting it off costs nothing, and does not put it off.
            alarm.set(Deadline { monotonic: Some(begin.monotonic.plus(90_000)), wall: None }).unwrap();
            assert_eq!(alarm.ring().await.unwrap(), Ring::Deadline);
            let end = now();
            assert!(deadline.monotonic.is_none_or(|at| end.monotonic >= at), "{begin:?} {end:?}");
            assert!(deadline.wall.is_none_or(|at| end.wall >= Some(at)), "{begin:?} {end:?}");
            assert!(end.monotonic.since(begin.monotonic) < 5_000);
        }
        // A moment that has passed, and the beginning of time, ring at once.
        alarm.set(Deadline { monotonic: None, wall: Some(Timestamp(0)) }).unwrap();
        assert_eq!(alarm.ring().await.unwrap(), Ring::Deadline);
        alarm.set(Deadline { monotonic: Some(mainspring::time::Monotonic(0)), wall: Some(Timestamp::MIN) }).unwrap();
        assert_eq!(alarm.ring().await.unwrap(), Ring::Deadline);
    });
}

/// A TZif file of version 2 without transitions, whose rule is `rule`.
fn zone_file(rule: &str) -> Vec<u8> {
    let block = |version: u8| {
        let mut bytes = b"TZif".to_vec();
        bytes.push(version);
        bytes.extend([0; 15]);
        // No indicators, no leap seconds, no transitions, one offset, four bytes of names.
        for count in [0u32, 0, 0, 0, 1, 4] {
            bytes.extend(count.to_be_bytes());
        }
        bytes.extend([0; 6]);
        bytes.extend(b"UTC\0");
        bytes
    };
    let mut file = block(b'2');
    file.extend(block(b'2'));
    file.extend(format!("\n{rule}\n").bytes());
    file
}

fn offset(zone: &LocalZone) -> i32 {
    zone.zone().offset_at(Timestamp::from_seconds(1_800_000_000))
}

fn replace(path: &Path, rule: &str) {
    let new = path.with_extension("new");
    fs::write(&new, zone_file(rule)).unwrap();
    fs::rename(new, path).unwrap();
}

#[test]
fn a_new_zone_is_noticed_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (etc, base) = (folder.path().join("etc"), folder.path().join("base"));
    fs::create_dir(&etc).unwrap();
    fs::create_dir(&base).unwrap();
    let (first, second, link) = (base.join("first"), base.join("second"), etc.join("localtime"));
    replace(&first, "AAA-3");
    replace(&second, "BBB5");
    std::os::unix::fs::symlink(&first, &link).unwrap();
    block_on(async {
        let mut zone = LocalZone::of_file(&link);
        let watch = ZoneWatch::new(&zone).unwrap();
        assert_eq!(offset(&zone), 3 * 3600);
        assert!(!zone.reload(), "nothing changed");

        // Another zone is chosen.
        let new = etc.join("new");
        std::os::unix::fs::symlink(&second, &new).unwrap();
        fs::rename(&new, &link).unwrap();
        while !zone.reload() {
            watch.changed().await.unwrap();
        }
        watch.follow(&zone);
        assert_eq!(offset(&zone), -5 * 3600);

        // The database brings other rules for it.
        replace(&second, "BBB6");
        while !zone.reload() {
            watch.changed().await.unwrap();
        }
        assert_eq!(offset(&zone), -6 * 3600);

        // What cannot be read changes nothing.
        fs::write(&second, "no zone").unwrap();
        watch.changed().await.unwrap();
        assert!(!zone.reload());
        fs::remove_file(&second).unwrap();
        assert!(!zone.reload());
        assert_eq!(offset(&zone), -6 * 3600);
    });
}

#[test]
fn a_machine_without_a_zone_has_utc() {
    let zone = LocalZone::of_file(Path::new("/nowhere/localtime"));
    assert_eq!(offset(&zone), 0);
}
