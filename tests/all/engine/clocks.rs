//! The two clocks: steps, an unknown time, another zone, delays and repetitions.

use mainspring::{
    task::{Boundary, InstancesPolicy, Trigger},
    time::{Timestamp, tail::Tail, zone::Zone},
};
use mainspring_tests::world::{
    DAY, HOUR, MINUTE, Outside, SECOND, Slots, Task, World, at, boot, daily, every, once, registration,
};

const START: &str = "2024-05-01T12:00:00";

fn parallel<'t>(task: Task<'t>) -> Task<'t> {
    task.with(|with| with.instances_policy = InstancesPolicy::Parallel)
}

fn next(world: &World<'_>, path: &str) -> Option<Timestamp> {
    world.engine.next_run(world.task(path))
}

#[test]
fn a_step_forward_runs_what_is_due_now_and_not_what_it_passed_over() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("passed", &Task::new("passed").when(daily("2024-05-01T13:00:00"))).unwrap();
    world.register("now", &Task::new("now").when(daily("2024-05-01T15:00:00"))).unwrap();
    world.register("just", &Task::new("just").when(daily("2024-05-01T14:59:30"))).unwrap();
    world.set_clock("2024-05-01T15:00:00");
    world.run_for(SECOND);
    assert!(world.outside.times("passed").is_empty());
    assert_eq!(world.outside.times("now"), ["15:00:00"]);
    assert_eq!(world.outside.times("just"), ["15:00:00"], "it was passed over by less than a minute");
    world.run_for(DAY);
    assert_eq!(world.outside.times("passed"), ["13:00:00"]);
    assert_eq!(world.outside.times("now"), ["15:00:00"], "the first still runs");
}

#[test]
fn a_step_back_makes_nothing_run_twice() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("ran", &Task::new("ran for=0").when(daily("2024-05-01T12:30:00"))).unwrap();
    world.register("later", &Task::new("later for=0").when(daily("2024-05-01T14:00:00"))).unwrap();
    world.run_for(HOUR);
    assert_eq!(world.outside.times("ran"), ["12:30:00"]);
    world.set_clock("2024-05-01T12:00:00");
    assert_eq!(next(&world, "ran"), Some(at("2024-05-02T12:30:00")));
    assert_eq!(next(&world, "later"), Some(at("2024-05-01T14:00:00")));
    world.run_for(3 * HOUR);
    assert_eq!(world.outside.times("ran").len(), 1);
    assert_eq!(world.outside.times("later").len(), 1);

    // Nor after a restart, with the clock farther back still.
    let mut outside = world.die();
    outside.now.wall = Some(at("2024-05-01T10:00:00"));
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, outside);
    world.run_for(DAY);
    assert_eq!(world.outside.times("ran").len(), 1);
    // Registering it anew lifts the floor.
    world.set_clock("2024-05-01T12:00:00");
    world.register("ran", &Task::new("ran for=0").when(daily("2024-05-01T12:30:00"))).unwrap();
    assert_eq!(next(&world, "ran"), Some(at("2024-05-01T12:30:00")));
    let outside = world.die();
    let mut slots = Slots::new(8, 8);
    let world = World::boot(&mut slots, outside);
    assert_eq!(next(&world, "ran"), Some(at("2024-05-01T12:30:00")));
}

/// What a wrong clock passed over before anything ran is not lost when the clock is set right.
#[test]
fn a_step_back_finds_what_never_ran() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new("2024-05-01T13:00:00"));
    world.register("a", &Task::new("a").when(daily("2024-05-01T12:30:00"))).unwrap();
    assert_eq!(next(&world, "a"), Some(at("2024-05-02T12:30:00")));
    world.set_clock("2024-05-01T12:00:00");
    world.run_for(HOUR);
    assert_eq!(world.outside.times("a"), ["12:30:00"]);
}

#[test]
fn a_step_that_nobody_reported_is_noticed_by_the_tick() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &Task::new("a for=0").when(every(once("2024-05-01T12:00:00"), 3600, None))).unwrap();
    world.run_for(MINUTE);
    world.outside.now.wall = Some(at("2024-05-01T18:30:00"));
    world.call(|engine, cx| engine.tick(cx));
    assert_eq!(world.outside.times("a"), ["12:00:00"]);
    assert_eq!(next(&world, "a"), Some(at("2024-05-01T19:00:00")));
}

#[test]
fn a_stall_runs_what_was_due_once_and_loses_nothing_of_the_last_minute() {
    let mut slots = Slots::new(8, 32);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let task = Task::new("a for=0").when(every(once("2024-05-01T12:00:00"), 60, None));
    // Two triggers that are apart by 20 seconds.
    world.register("a", &parallel(task.when(every(once("2024-05-01T12:00:20"), 60, None)))).unwrap();
    world.run_for(10 * SECOND);
    assert_eq!(world.outside.times("a"), ["12:00:00"]);
    // The host does not come to tick for ten minutes.
    world.outside.pass(10 * MINUTE);
    for _ in 0..10 {
        world.call(|engine, cx| engine.tick(cx));
    }
    // 12:00:20 was due; 12:09:20 and 12:10:00 are less than a minute old, the eighteen between are older.
    assert_eq!(world.outside.times("a"), ["12:00:00", "12:10:10", "12:10:10", "12:10:10"]);
    assert_eq!(next(&world, "a"), Some(at("2024-05-01T12:10:20")));
}

/// A run that a wrong clock dated decades ahead is the last one only until the next.
#[test]
fn a_run_that_was_dated_ahead_does_not_stay_the_last() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new("2060-01-01T00:00:00"));
    let run = |world: &mut World<'_>, command: &str| {
        world.register("a", &parallel(Task::new(command))).unwrap();
        world.run("a", &[]).unwrap();
    };
    let last = |world: &mut World<'_>| {
        let task = world.task("a");
        let run = world.quiet(|engine, cx| engine.last_run(cx, task)).unwrap().unwrap();
        (run.at, run.result.0)
    };
    run(&mut world, "a for=5 code=1");
    world.run_for(MINUTE);
    world.set_clock(START);
    assert_eq!(last(&mut world), (at("2060-01-01T00:00:00"), 1));
    run(&mut world, "a for=5 code=2");
    assert_eq!(last(&mut world), (at(START), mainspring::status::Status::SCHED_S_TASK_RUNNING.0));
    world.run_for(MINUTE);
    assert_eq!(last(&mut world), (at(START), 2));
    // Of two that run at once the one that started later stays, whichever ends last.
    run(&mut world, "a for=50 code=3");
    world.run_for(SECOND);
    run(&mut world, "a for=5 code=4");
    world.run_for(MINUTE);
    assert_eq!(last(&mut world), (at("2024-05-01T12:01:01"), 4));
}

#[test]
fn an_unknown_time_holds_the_calendar_and_nothing_else() {
    let mut slots = Slots::new(8, 8);
    let mut outside = Outside::new(START);
    outside.now.wall = None;
    let mut world = World::boot(&mut slots, outside);
    world.register("calendar", &Task::new("calendar for=0").when(daily("2024-05-01T12:10:00"))).unwrap();
    world.register("relative", &Task::new("relative for=0").when(every(registration(5), 60, None))).unwrap();
    let bounded = Trigger { start: Boundary::parse("2024-01-01T00:00:00"), ..registration(5) };
    world.register("bounded", &Task::new("bounded for=0").when(bounded)).unwrap();
    world.run_for(2 * MINUTE);
    assert_eq!(world.outside.times("relative"), ["?", "?"]);
    assert!(world.outside.times("calendar").is_empty() && world.outside.times("bounded").is_empty());
    assert_eq!(world.engine.deadline().wall, None);
    let task = world.task("relative");
    let last = world.call(|engine, cx| engine.last_run(cx, task)).unwrap().unwrap();
    assert_eq!(last.at, Timestamp(0));
    world.set_clock("2024-05-01T12:09:00");
    world.run_for(2 * MINUTE);
    assert_eq!(world.outside.times("calendar"), ["12:10:00"]);
    assert_eq!(world.outside.times("relative").len(), 4);
    // The time is lost again, and nobody said so.
    world.outside.now.wall = None;
    world.run_for(DAY);
    assert_eq!(world.outside.times("calendar").len(), 1);
    assert_eq!(world.outside.times("relative").len(), 4 + 24 * 60);
}

#[test]
fn steps_of_the_wall_clock_move_no_delay_and_no_repetition() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let triggers = every(registration(90), 60, Some(240));
    world.register("a", &parallel(Task::new("a for=0").when(triggers))).unwrap();
    world.run_for(MINUTE);
    world.set_clock("2024-05-01T09:00:00");
    world.run_for(MINUTE);
    assert_eq!(world.outside.times("a"), ["09:00:30"]);
    world.set_clock("2024-05-01T20:00:00");
    world.run_for(20 * MINUTE);
    assert_eq!(world.outside.times("a"), ["09:00:30", "20:00:30", "20:01:30", "20:02:30", "20:03:30"]);
}

#[test]
fn a_task_of_both_clocks_fires_by_both() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let task = Task::new("a for=0").when(every(registration(0), 600, None)).when(daily("2024-05-01T12:15:00"));
    world.register("a", &parallel(task)).unwrap();
    world.run_for(30 * MINUTE);
    assert_eq!(world.outside.times("a"), ["12:00:00", "12:10:00", "12:15:00", "12:20:00", "12:30:00"]);
}

/// Occurrences that fall on one moment are one firing.
#[test]
fn triggers_that_are_due_together_fire_once() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let task = Task::new("a for=0").when(daily("2024-05-01T12:15:00")).when(daily("2024-04-01T12:15:00"));
    world.register("a", &parallel(task)).unwrap();
    world.run_for(HOUR);
    assert_eq!(world.outside.times("a"), ["12:15:00"]);
    let task = world.task("a");
    let mut runs = Vec::new();
    let visit = &mut |at| {
        runs.push(at);
        runs.len() < 3
    };
    world.quiet(|engine, cx| engine.runtimes(cx, task, Timestamp::MIN, Timestamp::MAX, visit)).unwrap();
    assert_eq!(runs, [at("2024-04-01T12:15:00"), at("2024-04-02T12:15:00"), at("2024-04-03T12:15:00")]);
}

#[test]
fn runtimes_are_between_from_and_until() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let task = Task::new("a").when(daily("2024-05-01T12:15:00")).when(boot(5)).when(once("2024-05-02T00:00:00"));
    let task = world.register("a", &task).unwrap();
    let mut runs = Vec::new();
    let visit = &mut |at| {
        runs.push(at);
        true
    };
    let (from, until) = (at("2024-05-01T12:15:00"), at("2024-05-03T12:15:00"));
    world.quiet(|engine, cx| engine.runtimes(cx, task, from, until, visit)).unwrap();
    assert_eq!(runs, [at("2024-05-02T00:00:00"), at("2024-05-02T12:15:00"), at("2024-05-03T12:15:00")]);
}

#[test]
fn another_zone_arms_local_times_anew() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("local", &Task::new("local").when(daily("2024-05-01T15:00:00"))).unwrap();
    world.register("fixed", &Task::new("fixed").when(daily("2024-05-01T15:00:00Z"))).unwrap();
    world.outside.zone = Zone::from(Tail::parse(b"CET-1CEST,M3.5.0,M10.5.0/3").unwrap());
    world.call(|engine, cx| engine.zone_changed(cx));
    assert_eq!(next(&world, "local"), Some(at("2024-05-01T13:00:00")));
    assert_eq!(next(&world, "fixed"), Some(at("2024-05-01T15:00:00")));
    world.run_for(2 * HOUR);
    assert_eq!(world.outside.times("local"), ["13:00:00"]);
}

#[test]
fn boundaries_and_switches_of_triggers_are_kept() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let ends = Trigger { end: Boundary::parse("2024-05-01T12:02:30"), ..every(once("2024-05-01T12:01:00"), 60, None) };
    world.register("ends", &Task::new("ends for=0").when(ends)).unwrap();
    world.register("off", &Task::new("off").when(Trigger { enabled: false, ..once("2024-05-01T12:01:00") })).unwrap();
    let opens = Trigger {
        start: Boundary::parse("2024-05-01T12:03:10"),
        end: Boundary::parse("2024-05-01T12:05:00"),
        ..every(registration(0), 60, None)
    };
    world.register("opens", &Task::new("opens for=0").when(opens)).unwrap();
    world.run_for(HOUR);
    assert_eq!(world.outside.times("ends"), ["12:01:00", "12:02:00"]);
    assert!(world.outside.times("off").is_empty());
    assert_eq!(world.outside.times("opens"), ["12:04:00", "12:05:00"]);
}

#[test]
fn a_disabled_task_does_not_fire_and_goes_on_when_it_is_enabled() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let task = world.register("a", &Task::new("a for=0").when(every(once("2024-05-01T12:01:00"), 60, None))).unwrap();
    world.run_for(90 * SECOND);
    world.call(|engine, cx| engine.set_enabled(cx, task, false)).unwrap();
    assert_eq!(world.engine.next_run(task), None);
    world.run_for(2 * MINUTE);
    // A clock that is set enables nothing.
    world.set_clock("2024-05-01T13:00:30");
    world.run_for(MINUTE);
    world.call(|engine, cx| engine.set_enabled(cx, task, true)).unwrap();
    assert!(world.engine.enabled(task));
    world.run_for(MINUTE);
    assert_eq!(world.outside.times("a"), ["12:01:00", "13:02:00"]);
}

#[test]
fn a_tick_fires_a_bounded_number_and_the_next_goes_on() {
    let mut slots = Slots::new(512, 512);
    let mut world = World::boot(&mut slots, Outside::new(START));
    for number in 0..200 {
        world.register(&format!("t{number}"), &Task::new("a for=0").when(once("2024-05-01T12:01:00"))).unwrap();
    }
    world.outside.pass(MINUTE);
    let mut ticks = 0;
    while world.engine.deadline().wall.is_some() {
        world.call(|engine, cx| engine.tick(cx));
        ticks += 1;
    }
    assert_eq!((ticks, world.outside.starts().len()), (200_usize.div_ceil(mainspring::limits::FIRINGS_PER_TICK), 200));
}
