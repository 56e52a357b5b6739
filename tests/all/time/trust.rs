//! Which wall clocks are believed.

use mainspring::time::{
    Monotonic, Timestamp,
    trust::{Trust, WallClock},
};

const MAY: Timestamp = Timestamp(1_714_564_800_000);

/// Reads a clock at so many seconds since power-up.
fn read(clock: &mut WallClock, seconds: u64, says: Option<Timestamp>) -> (Option<Timestamp>, Trust) {
    (clock.read(Monotonic(1000 * seconds), says), clock.trust())
}

fn later(seconds: i64) -> Option<Timestamp> {
    Some(MAY.plus(1000 * seconds))
}

#[test]
fn a_clock_that_was_never_set_is_not_believed() {
    let mut clock = WallClock::new(Some(MAY));
    assert_eq!(clock.trust(), Trust::Unknown);
    assert_eq!(read(&mut clock, 1, None), (None, Trust::Unknown));
    assert_eq!(read(&mut clock, 1, later(-1)), (None, Trust::Unknown));
    assert_eq!(read(&mut clock, 2, later(0)), (later(0), Trust::Provisional));
    // A store that tells of nothing has nothing against any clock.
    assert_eq!(read(&mut WallClock::new(None), 1, Some(Timestamp(0))), (Some(Timestamp(0)), Trust::Provisional));
}

#[test]
fn what_somebody_vouches_for_is_believed() {
    let mut clock = WallClock::new(Some(MAY));
    clock.vouch();
    // The store was written by a clock that was ahead.
    assert_eq!(read(&mut clock, 1, later(-1_000_000)), (later(-1_000_000), Trust::Trusted));
    assert_eq!(read(&mut clock, 61, later(-999_940)), (later(-999_940), Trust::Trusted));
    assert_eq!(read(&mut clock, 62, None), (None, Trust::Unknown));
}

#[test]
fn a_step_is_seen_once() {
    let mut clock = WallClock::new(None);
    assert_eq!(read(&mut clock, 0, later(0)).1, Trust::Provisional);
    // A minute is slewed or late; more is a step, in either direction.
    assert_eq!(read(&mut clock, 10, later(70)).1, Trust::Provisional);
    assert_eq!(read(&mut clock, 11, later(132)).1, Trust::Stepped);
    assert_eq!(read(&mut clock, 12, later(133)).1, Trust::Provisional);
    clock.vouch();
    assert_eq!(read(&mut clock, 13, later(-500)).1, Trust::Stepped);
    assert_eq!(read(&mut clock, 14, later(-499)).1, Trust::Trusted);
    // From unknown there is nothing to step from.
    assert_eq!(read(&mut clock, 15, None).1, Trust::Unknown);
    assert_eq!(read(&mut clock, 16, later(9999)).1, Trust::Trusted);
}
