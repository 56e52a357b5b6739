//! What ran, and what did not and why: noted, kept within bounds, and there after a restart.

use mainspring::{
    engine::{Happened, Happening, LATEST, Session, SessionChange, Started},
    event::Skipped,
    limits::{HISTORY_PER_CALL, HISTORY_TIME, MISSED_COUNTED},
    ports::StoreError,
    status::Status,
    store::{HISTORY, HISTORY_MAX},
    task::{Boundary, InstancesPolicy, Trigger},
    time::Timestamp,
};
use mainspring_tests::world::{
    DAY, HOUR, MINUTE, Outside, SECOND, Slots, Task, World, at, boot, daily, every, once, session,
};

const START: &str = "2024-05-01T12:00:00";

/// Each minute from 12:01 on.
fn minutely(command: &str) -> Task<'_> {
    Task::new(command).when(every(once("2024-05-01T12:01:00"), 60, None))
}

/// All of a task's history, the oldest first, as a reader gets it that has room for `room` records at a time.
pub(super) fn history_by(world: &mut World<'_>, path: &str, room: usize) -> Vec<Happening> {
    let task = world.task(path);
    let mut all = Vec::new();
    let mut from = LATEST;
    while from != 0 {
        let mut left = room;
        let visit = &mut |entries: &mut dyn DoubleEndedIterator<Item = &Happening>| {
            let entries: Vec<Happening> = entries.copied().collect();
            if entries.is_empty() {
                return true;
            }
            if left == 0 {
                return false;
            }
            left -= 1;
            all.extend(entries);
            true
        };
        let next = world.call(|engine, cx| engine.history(cx, task, from, visit)).unwrap();
        assert!(next < from || next == LATEST);
        from = next;
    }
    all.reverse();
    all
}

fn history(world: &mut World<'_>, path: &str) -> Vec<Happening> {
    let all = history_by(world, path, usize::MAX);
    assert_eq!(all, history_by(world, path, 1));
    all
}

/// The reasons and counts of what did not run.
fn skips(world: &mut World<'_>, path: &str) -> Vec<(Skipped, u32)> {
    let skip = |entry: Happening| match entry.what {
        Happened::Skipped { reason, count } => Some((reason, count)),
        _ => None,
    };
    history(world, path).into_iter().filter_map(skip).collect()
}

fn runs(world: &mut World<'_>, path: &str) -> Vec<(Option<Timestamp>, u64, Status)> {
    let run = |entry: Happening| match entry.what {
        Happened::Ran { result, .. } => Some((entry.at, entry.span, result)),
        _ => None,
    };
    history(world, path).into_iter().filter_map(run).collect()
}

fn missed(world: &mut World<'_>, path: &str) -> u32 {
    let task = world.task(path);
    world.call(|engine, cx| engine.missed_runs(cx, task)).unwrap()
}

/// The server dies, and another comes up after so many milliseconds.
fn again<'s>(world: World<'_>, down: i64, slots: &'s mut Slots) -> World<'s> {
    let mut outside = world.die();
    outside.pass(down);
    outside.events.clear();
    outside.log.clear();
    World::boot(slots, outside)
}

#[test]
fn runs_are_there_with_their_results_also_after_a_restart() {
    let (mut first, mut second) = (Slots::new(4, 8), Slots::new(4, 8));
    let mut world = World::boot(&mut first, Outside::new(START));
    world.register("a", &minutely("a for=2 code=3")).unwrap();
    world.register("b", &Task::new("b missing").when(once("2024-05-01T12:02:30"))).unwrap();
    world.run_until(at("2024-05-01T12:02:40"));
    world.run("a", &[]).unwrap();
    world.run_for(10 * SECOND);
    let expected = [
        (Some(at("2024-05-01T12:01:00")), 2000, Status(3)),
        (Some(at("2024-05-01T12:02:00")), 2000, Status(3)),
        (Some(at("2024-05-01T12:02:40")), 2000, Status(3)),
    ];
    assert_eq!(runs(&mut world, "a"), expected);
    let by = |entry: &Happening| match entry.what {
        Happened::Ran { started, .. } | Happened::NotStarted { started, .. } => started,
        Happened::Skipped { .. } => panic!(),
    };
    let started: Vec<Started> = history(&mut world, "a").iter().map(by).collect();
    assert_eq!(started, [Started::Calendar, Started::Calendar, Started::OnDemand]);
    let not = Happened::NotStarted { started: Started::Calendar, result: Status::E_FILE_NOT_FOUND };
    let entries = history(&mut world, "b");
    assert_eq!((entries.len(), entries[0].at, entries[0].what), (1, Some(at("2024-05-01T12:02:30")), not));
    // All of it is durable once it has waited for long enough.
    world.run_for(HISTORY_TIME as i64);
    let mut world = again(world, 0, &mut second);
    assert_eq!(runs(&mut world, "a")[..3], expected);
    assert_eq!(history(&mut world, "b"), entries);
}

#[test]
fn each_reason_is_told() {
    let mut slots = Slots::new(16, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("battery", &minutely("battery for=1")).unwrap();
    world.register("network", &minutely("n for=1").on(|on| on.run_only_if_network_available = true)).unwrap();
    world
        .register(
            "idle",
            &minutely("i for=1").on(|on| {
                on.run_only_if_idle = true;
                on.idle.wait_timeout = Some(mainspring::task::Span::from_seconds(0));
            }),
        )
        .unwrap();
    world.register("overlap", &minutely("o for=600").on(|on| on.disallow_start_if_on_batteries = false)).unwrap();
    world.machine(|machine| machine.on_batteries = true);
    world.run_until(at("2024-05-01T12:03:30"));
    // The first was written at once, and those that followed were one entry while they waited.
    assert_eq!(skips(&mut world, "battery"), [(Skipped::OnBatteries, 1), (Skipped::OnBatteries, 2)]);
    assert_eq!(skips(&mut world, "overlap"), [(Skipped::AlreadyRunning, 2)]);
    world.machine(|machine| {
        machine.on_batteries = false;
        machine.network = false;
    });
    world.run_until(at("2024-05-01T12:04:30"));
    assert_eq!(skips(&mut world, "network").last(), Some(&(Skipped::NoNetwork, 1)));
    assert_eq!(skips(&mut world, "idle").last(), Some(&(Skipped::NotIdle, 1)));

    // Those that follow each other are one entry while it waits.
    let mut slots = Slots::new(16, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &Task::new("a for=1").when(every(once("2024-05-01T12:01:00"), 10, None))).unwrap();
    world.machine(|machine| machine.on_batteries = true);
    world.run_until(at("2024-05-01T12:01:45"));
    assert_eq!(skips(&mut world, "a"), [(Skipped::OnBatteries, 1), (Skipped::OnBatteries, 4)]);
    let entry = history(&mut world, "a")[1];
    assert_eq!((entry.at, entry.until()), (Some(at("2024-05-01T12:01:10")), Some(at("2024-05-01T12:01:40"))));
}

#[test]
fn what_came_while_it_was_disabled_is_counted_when_it_is_enabled() {
    let (mut first, mut second) = (Slots::new(4, 8), Slots::new(4, 8));
    let mut world = World::boot(&mut first, Outside::new(START));
    let task = world.register("a", &minutely("a for=1")).unwrap();
    world.run_until(at("2024-05-01T12:02:30"));
    world.call(|engine, cx| engine.set_enabled(cx, task, false)).unwrap();
    world.run_until(at("2024-05-01T12:10:30"));
    assert_eq!(skips(&mut world, "a"), []);
    world.call(|engine, cx| engine.set_enabled(cx, task, true)).unwrap();
    assert_eq!(skips(&mut world, "a"), [(Skipped::Disabled, 8)]);
    // Also if a restart lay between.
    world.call(|engine, cx| engine.set_enabled(cx, task, false)).unwrap();
    let mut world = again(world, 5 * MINUTE, &mut second);
    let task = world.task("a");
    world.call(|engine, cx| engine.set_enabled(cx, task, true)).unwrap();
    assert_eq!(skips(&mut world, "a"), [(Skipped::Disabled, 8), (Skipped::Disabled, 5)]);
    // Nothing is counted again.
    for _ in 0..3 {
        world.call(|engine, cx| engine.set_enabled(cx, task, false)).unwrap();
        world.call(|engine, cx| engine.set_enabled(cx, task, true)).unwrap();
    }
    assert_eq!(skips(&mut world, "a"), [(Skipped::Disabled, 8), (Skipped::Disabled, 5)]);
    assert_eq!(missed(&mut world, "a"), 0);
}

/// What a late tick passes over is missed, to whoever asks for the ledger and to whoever asks for the number.
#[test]
fn what_came_in_a_sleep_is_counted_as_missed() {
    let mut slots = Slots::new(4, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let parallel = |task: Task<'static>| task.with(|with| with.instances_policy = InstancesPolicy::Parallel);
    world.register("a", &parallel(minutely("a for=1 code=1"))).unwrap();
    world.run_until(at("2024-05-01T12:01:30"));
    world.outside.pass(10 * MINUTE);
    world.run_for(SECOND);
    // What it was due for runs, and of the others the one that is late by less than a minute.
    assert_eq!(skips(&mut world, "a"), [(Skipped::Missed, 8)]);
    assert_eq!(missed(&mut world, "a"), 8);
}

#[test]
fn what_the_server_was_not_there_for_is_counted_once() {
    let (mut first, mut second, mut third) = (Slots::new(8, 8), Slots::new(8, 8), Slots::new(8, 8));
    let mut world = World::boot(&mut first, Outside::new(START));
    let fails = |task: Task<'static>| task.when(daily("2024-05-01T12:10:00"));
    world.register("daily", &fails(Task::new("daily for=1 code=1"))).unwrap();
    world.register("owed", &fails(Task::new("owed for=1").with(|with| with.start_when_available = true))).unwrap();
    world.register("off", &Task::new("off")).unwrap();
    world.run_for(HOUR);
    // Of five that were missed, one still runs where that is wanted.
    let mut world = again(world, 5 * DAY, &mut second);
    assert_eq!((missed(&mut world, "daily"), missed(&mut world, "owed"), missed(&mut world, "off")), (5, 4, 0));
    world.run_for(MINUTE);
    assert_eq!(skips(&mut world, "daily"), [(Skipped::Missed, 5)]);
    assert_eq!(skips(&mut world, "owed"), [(Skipped::Missed, 4)]);
    // A start of the server later nothing of it is told again, and what was missed since is added.
    world.run_for(HISTORY_TIME as i64);
    let mut world = again(world, 2 * DAY, &mut third);
    world.run_for(2 * MINUTE);
    assert_eq!(skips(&mut world, "daily"), [(Skipped::Missed, 5), (Skipped::Missed, 2)]);
    // A start with nothing missed adds nothing.
    let mut fourth = Slots::new(8, 8);
    world.run_for(HISTORY_TIME as i64);
    let mut world = again(world, SECOND, &mut fourth);
    world.run_for(2 * MINUTE);
    // A run that went well ends the count, one that did not does not.
    assert_eq!((missed(&mut world, "daily"), missed(&mut world, "owed")), (7, 0));
    world.run_for(DAY);
    assert_eq!(missed(&mut world, "daily"), 7);
}

#[test]
fn of_very_many_only_the_first_are_counted() {
    let (mut first, mut second) = (Slots::new(4, 8), Slots::new(4, 8));
    let mut world = World::boot(&mut first, Outside::new(START));
    world.register("a", &minutely("a for=1")).unwrap();
    world.run_for(MINUTE);
    let mut world = again(world, 4000 * DAY, &mut second);
    assert_eq!(missed(&mut world, "a"), MISSED_COUNTED);
    world.run_for(MINUTE);
    assert_eq!(skips(&mut world, "a"), [(Skipped::Missed, MISSED_COUNTED)]);
}

#[test]
fn a_clock_that_nobody_knew_is_a_reason_of_its_own() {
    let (mut first, mut second) = (Slots::new(4, 8), Slots::new(4, 8));
    let mut world = World::boot(&mut first, Outside::new(START));
    world.register("a", &minutely("a for=1")).unwrap();
    world.run_for(MINUTE);
    let mut outside = world.die();
    outside.start_again();
    outside.now.wall = None;
    let mut world = World::boot(&mut second, outside);
    world.run_for(10 * MINUTE);
    // Off from 12:01 to 12:20, and up without a clock for ten minutes.
    world.set_clock("2024-05-01T12:30:30");
    world.run_for(SECOND);
    assert_eq!(skips(&mut world, "a"), [(Skipped::Missed, 19), (Skipped::ClockUnknown, 10)]);
    assert_eq!(missed(&mut world, "a"), 29);
}

#[test]
fn a_late_tick_tells_what_it_passes_over() {
    let mut slots = Slots::new(4, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("wall", &minutely("wall for=1")).unwrap();
    world.register("boot", &Task::new("boot for=1").when(every(boot(60), 60, None))).unwrap();
    world.outside.pass(10 * MINUTE + 30 * SECOND);
    world.run_for(SECOND);
    // 12:01 ran, and what was late by no more than a minute; what lies between did not.
    assert_eq!(world.outside.times("wall"), ["12:10:30"]);
    assert_eq!(skips(&mut world, "wall"), [(Skipped::Missed, 8), (Skipped::AlreadyRunning, 1)]);
    // Boot triggers count for what was there at the start alone.
    assert_eq!(skips(&mut world, "boot"), []);
}

#[test]
fn a_trigger_that_ends_while_a_run_waits_is_told() {
    let mut slots = Slots::new(4, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let end = Some(Boundary::parse("2024-05-01T12:00:30").unwrap());
    let delay = Some(mainspring::task::Span::from_seconds(60));
    let logon = mainspring::task::TriggerKind::Logon { user: None, delay };
    let trigger = Trigger { end, ..mainspring_tests::world::trigger(logon, "") };
    world.register("a", &Task::new("a").when(trigger)).unwrap();
    let user = mainspring::sid::Sid::ADMINISTRATORS;
    let session = Session { id: session(1), user: &user, groups: &[] };
    world.call(|engine, cx| engine.session_changed(cx, SessionChange::Logon, session));
    world.run_for(2 * MINUTE);
    assert_eq!(skips(&mut world, "a"), [(Skipped::Expired, 1)]);
}

#[test]
fn what_is_dropped_while_it_waits_is_told() {
    let mut slots = Slots::new(4, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let task = Task::new("a").with(|with| with.instances_policy = InstancesPolicy::Queue);
    let task = world.register("a", &task).unwrap();
    for _ in 0..3 {
        world.run("a", &[]).unwrap();
    }
    world.call(|engine, cx| engine.stop(cx, task)).unwrap();
    assert_eq!(skips(&mut world, "a"), [(Skipped::Stopped, 1); 2]);
    assert_eq!(runs(&mut world, "a").len(), 1);
}

#[test]
fn a_skip_for_a_reason_is_not_caught_up_after_a_restart() {
    let (mut first, mut second) = (Slots::new(4, 8), Slots::new(4, 8));
    let mut world = World::boot(&mut first, Outside::new(START));
    let task = Task::new("a for=1").when(once("2024-05-01T12:01:00")).with(|with| with.start_when_available = true);
    world.register("a", &task).unwrap();
    world.machine(|machine| machine.on_batteries = true);
    world.run_for(5 * MINUTE);
    let mut world = again(world, HOUR, &mut second);
    world.run_for(HOUR);
    assert!(world.outside.starts().is_empty());
    assert_eq!(skips(&mut world, "a"), [(Skipped::OnBatteries, 1)]);
}

#[test]
fn a_power_cut_leaves_no_occurrence_without_a_word() {
    let (mut first, mut second) = (Slots::new(4, 8), Slots::new(4, 8));
    let mut world = World::boot(&mut first, Outside::new(START));
    world.register("a", &minutely("a for=1")).unwrap();
    world.machine(|machine| machine.on_batteries = true);
    // The first was written, and the second waited in memory when the power went: it counts as missed then.
    world.run_until(at("2024-05-01T12:02:30"));
    let mut world = again(world, 60 * SECOND, &mut second);
    world.run_for(SECOND);
    assert_eq!(skips(&mut world, "a"), [(Skipped::OnBatteries, 1), (Skipped::Missed, 2)]);
}

#[test]
fn the_ring_takes_what_it_may_and_keeps_the_latest() {
    for records in [1, 2, 7] {
        let (mut first, mut second) = (Slots::new(4, 8).with_history(records), Slots::new(4, 8).with_history(1));
        let mut world = World::boot(&mut first, Outside::new(START));
        world.register("a", &minutely("a for=1")).unwrap();
        world.run_for(100 * MINUTE);
        let kept = world.outside.store.kind(HISTORY).count();
        assert_eq!(kept, records as usize);
        assert!(world.outside.store.kind(HISTORY).all(|(_, record)| record.len() <= HISTORY_MAX));
        let all = runs(&mut world, "a");
        assert!(all.len() >= 2 * records as usize, "{} in {records}", all.len());
        assert_eq!(all.last().map(|run| run.0), Some(Some(at("2024-05-01T13:39:00"))));
        assert!(all.windows(2).all(|pair| pair[0].0 < pair[1].0));
        // A ring that is made smaller leaves nothing behind.
        let world = again(world, 0, &mut second);
        assert_eq!(world.outside.store.kind(HISTORY).count(), 1);
    }
    let mut slots = Slots::new(4, 8).with_history(0);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &minutely("a for=1")).unwrap();
    world.run_for(HOUR);
    assert_eq!((world.outside.store.kind(HISTORY).count(), history(&mut world, "a").len()), (0, 0));
}

#[test]
fn one_call_looks_at_a_bounded_number_of_records() {
    let mut slots = Slots::new(4, 8).with_history(3 * HISTORY_PER_CALL);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let quiet = world.register("quiet", &Task::new("quiet")).unwrap();
    world.register("a", &minutely("a for=1")).unwrap();
    world.run_for(2 * DAY);
    let mut calls = 0;
    let mut from = LATEST;
    while from != 0 {
        from = world.call(|engine, cx| engine.history(cx, quiet, from, &mut |_| true)).unwrap();
        calls += 1;
    }
    assert_eq!(calls, 3);
    assert!(history(&mut world, "a").len() > 2 * 3 * HISTORY_PER_CALL as usize);
}

#[test]
fn a_full_store_stands_in_nobodys_way() {
    let mut slots = Slots::new(4, 8).with_history(1000);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &minutely("a for=1")).unwrap();
    world.run_for(3 * MINUTE);
    let records: usize = world.outside.store.records.values().map(Vec::len).sum();
    // Room for the records of a run, and for no more history.
    world.outside.store.capacity = Some(records + 100);
    world.run_for(HOUR);
    assert_eq!(world.outside.times("a").len(), 63);
    let full = mainspring::event::Event::StoreFailed { error: StoreError::Full };
    let told = world.outside.events.iter().filter(|event| **event == full).count();
    assert!(told <= 60, "told {told} times");
    assert!(world.outside.store.kind(HISTORY).count() <= 3, "the oldest make room");
    assert!(!history(&mut world, "a").is_empty());
}

#[test]
fn what_is_written_is_counted_and_stays_within_its_budget() {
    // Each minute, and so seldom that the history never waits.
    for (seconds, count) in [(60, 400), (3600, 100)] {
        let mut slots = Slots::new(4, 8);
        let mut world = World::boot(&mut slots, Outside::new(START));
        world.register("a", &Task::new("a for=1").when(every(once("2024-05-01T12:01:00"), seconds, None))).unwrap();
        world.run_for(30 * SECOND);
        let (before, lists) = (world.engine.written(), world.outside.store.lists);
        let bytes = world.outside.store.bytes;
        world.run_for(count * seconds as i64 * SECOND);
        let (after, runs) = (world.engine.written(), world.outside.times("a").len() as u64);
        assert_eq!(runs, count as u64);
        assert_eq!(after.bytes - before.bytes, world.outside.store.bytes - bytes);
        // Twice for each run, before its start and after its end, with what fell together since in the history.
        assert_eq!(world.outside.store.lists - lists, 2 * runs);
        assert!(u64::from(after.records - before.records) <= 3 * runs);
        let each = (after.bytes - before.bytes) / runs;
        assert!(each <= 128, "{each} bytes for a run");
    }
}

#[test]
fn a_registration_that_finds_no_room_takes_that_of_the_history() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &minutely("a for=1")).unwrap();
    world.run_for(100 * MINUTE);
    let kept = world.outside.store.kind(HISTORY).count();
    let records: usize = world.outside.store.records.values().map(Vec::len).sum();
    world.outside.store.capacity = Some(records + 10);
    world.register("b", &Task::new("b")).unwrap();
    assert_eq!(world.outside.store.kind(HISTORY).count(), kept - 4);
    // What is left of it is still read, and so is what is refused for good.
    assert!(!history(&mut world, "a").is_empty());
    world.outside.store.capacity = Some(10);
    assert!(world.register("c", &Task::new("c")).is_err());
}
