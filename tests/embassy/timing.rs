//! Time triggers fire at their moment: not a tick of the clock late, and none early.

use embassy_time::{Duration, Instant};
use mainspring::{
    limits::FIRINGS_PER_TICK,
    time::{Monotonic, Timestamp},
};
use mainspring_tests::{
    disk::Chance,
    server::NEW_YEAR,
    world::{Task, daily, every, exec, once, registration},
};

use crate::{
    machine::{INSTANCES, Machine, Made},
    world::World,
};

fn text(at: Timestamp) -> String {
    let (civil, millisecond) = at.civil().unwrap();
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{millisecond:03}Z",
        civil.year, civil.month, civil.day, civil.hour, civil.minute, civil.second
    )
}

/// Sixty tasks at random milliseconds of ten minutes; each fires when the clock shows its moment for the first time, which is
/// measured to the microsecond.
#[test]
fn none_is_late_and_none_is_early() {
    let mut world = World::new();
    let machine = Machine::boot(&mut world, Made::default());
    let mut chance = Chance::new(1);
    let mut moments: Vec<u64> = (0..60).map(|_| 1 + chance.below(600_000)).collect();
    for (number, &moment) in moments.iter().enumerate() {
        let start = text(NEW_YEAR.plus(moment as i64));
        machine.register(&format!("\\{number}"), &Task::new("log").when(once(&start)));
    }
    // A step of a prime number of microseconds, so that moments fall between the steps.
    while Instant::now() < Instant::from_secs(601) {
        let before = Instant::now();
        world.jump(Duration::from_micros(137));
        for run in machine.diary.take() {
            let Monotonic(millis) = run.now.monotonic;
            let place = moments.iter().position(|&moment| before.as_micros() < moment * 1000 && moment <= millis);
            let moment = moments.remove(place.unwrap_or_else(|| panic!("nothing was due at {:?}", run.at)));
            assert_eq!(run.now.wall, Some(NEW_YEAR.plus(millis as i64)));
            // In the first step that came to it.
            assert!(run.at.as_micros() - moment * 1000 < 137, "{:?} is late for {moment}", run.at);
        }
    }
    assert!(moments.is_empty(), "never fired: {moments:?}");
}

/// The last microsecond before the moment does not fire, the moment itself does: also on the monotonic clock.
#[test]
fn a_moment_is_met_to_the_microsecond() {
    let mut world = World::new();
    let machine = Machine::boot(&mut world, Made::default());
    machine.register(r"\wall", &Task::new("log").when(once("2030-01-01T00:00:10.001Z")));
    machine.register(r"\relative", &Task { actions: vec![exec("log")], ..Task::new("log") }.when(registration(20)));
    world.settle();
    for moment in [10_001_000, 20_000_000] {
        let now = Instant::now().as_micros();
        world.jump(Duration::from_micros(moment - 1 - now));
        assert_eq!(machine.diary.take(), vec![], "early");
        world.jump(Duration::from_micros(1));
        assert!(!machine.diary.take().is_empty(), "late");
    }
}

/// More tasks are due at one moment than there are slots for runs: as many run as there are slots for, at that moment, and the
/// others are told as skipped.
#[test]
fn what_finds_no_slot_is_told() {
    /// No more than one tick fires.
    const TASKS: usize = FIRINGS_PER_TICK;
    let mut world = World::new();
    let machine = Machine::boot(&mut world, Made::default());
    for number in 0..TASKS {
        machine.register(&format!("\\{number}"), &Task::new("log").when(once("2030-01-01T00:01:00Z")));
    }
    world.jump(Duration::from_secs(60));
    let runs = machine.diary.take();
    let skipped = machine.journal.count("NoInstanceSlot");
    assert_eq!((runs.len(), skipped), (INSTANCES, TASKS - INSTANCES));
    assert!(runs.iter().all(|run| run.at == Instant::from_secs(60)));
}

/// What runs longer than its interval does not shift the ones behind it.
#[test]
fn repetitions_keep_their_beat() {
    let mut world = World::new();
    let machine = Machine::boot(&mut world, Made::default());
    machine.register(r"\beat", &Task::new("log").when(every(daily("2030-01-01T00:00:00Z"), 60, Some(86_400))));
    for _ in 0..60 {
        world.jump(Duration::from_secs(60));
    }
    let times: Vec<_> = machine.diary.take().iter().map(|run| run.at.as_secs()).collect();
    // The first is due at this very moment when it is registered.
    assert_eq!(times, (0..=60).map(|minute| minute * 60).collect::<Vec<_>>());
}
