//! What a task is owed after the server was down, slept, or had another time.

use mainspring::{
    engine::CatchUp,
    event::Skipped,
    limits::{QUIET_TIME, SPREAD_TIME},
    task::{RestartOnFailure, Span},
    time::{Timestamp, tail::Tail, zone::Zone},
};
use mainspring_tests::world::{DAY, HOUR, MINUTE, Outside, SECOND, Slots, Task, World, at, boot, daily, every, once};

const START: &str = "2024-05-01T12:00:00";
const ALL: &str = "<CatchUp xmlns=\"urn:mainspring:task\">all 3</CatchUp>";

fn when_available(command: &str) -> Task<'_> {
    Task::new(command).with(|with| with.start_when_available = true)
}

/// A server that came up at noon dies, and another comes up after so many milliseconds.
fn after_a_break(slots: &mut Slots, tasks: &[(&str, Task<'_>)], run: i64, down: i64) -> Outside {
    let mut world = World::boot(slots, Outside::new(START));
    for (path, task) in tasks {
        world.register(path, task).unwrap();
    }
    world.run_for(run);
    let mut outside = world.die();
    outside.pass(down);
    outside.log.clear();
    outside.events.clear();
    outside
}

#[test]
fn the_latest_runs_once_after_the_quiet_time() {
    let hourly = |task: Task<'static>| task.when(every(once("2024-05-01T12:30:00"), 3600, None));
    let (mut first, mut second) = (Slots::new(8, 8), Slots::new(8, 8));
    let tasks = [("owed", hourly(when_available("owed for=1"))), ("not", hourly(Task::new("not for=1")))];
    // It fired at 12:30; down from 13:00 to 18:05, it missed five.
    let outside = after_a_break(&mut first, &tasks, HOUR, 5 * HOUR + 5 * MINUTE);
    let mut world = World::boot(&mut second, outside);
    world.run_for(HOUR);
    // Of the five of the one that is owed something, four do not run.
    assert_eq!(world.skipped(), [Skipped::Missed; 2]);
    assert_eq!(world.outside.times("owed"), ["18:06:00", "18:30:00"]);
    assert_eq!(world.outside.times("not"), ["18:30:00"]);
    // Nothing of it comes again.
    let mut outside = world.die();
    outside.log.clear();
    let mut third = Slots::new(8, 8);
    let mut world = World::boot(&mut third, outside);
    world.run_for(20 * MINUTE);
    assert!(world.outside.starts().is_empty());
}

#[test]
fn what_comes_first_stands_for_it() {
    let minutely = when_available("a for=1").when(every(once("2024-05-01T12:30:00"), 60, None));
    let (mut first, mut second) = (Slots::new(8, 8), Slots::new(8, 8));
    let outside = after_a_break(&mut first, &[("a", minutely)], HOUR, HOUR + 30 * SECOND);
    let mut world = World::boot(&mut second, outside);
    world.run_for(3 * MINUTE);
    assert_eq!(world.outside.times("a"), ["14:01:00", "14:02:00", "14:03:00"]);
}

#[test]
fn a_hundred_do_not_start_in_the_same_second() {
    let (mut first, mut second) = (Slots::new(128, 128), Slots::new(128, 128));
    let names: Vec<String> = (0..100).map(|number| format!("t{number}")).collect();
    let tasks: Vec<_> =
        names.iter().map(|name| (name.as_str(), when_available("a for=1").when(once("2024-05-01T13:00:00")))).collect();
    let outside = after_a_break(&mut first, &tasks, MINUTE, 2 * HOUR);
    let came_up = outside.now.wall.unwrap();
    let mut world = World::boot(&mut second, outside);
    world.run_for(HOUR);
    let starts: Vec<Timestamp> = world.outside.starts().iter().map(|(at, _)| at.unwrap()).collect();
    assert_eq!(starts.len(), 100);
    assert_eq!(starts[0].since(came_up), QUIET_TIME as i64);
    assert!(starts.windows(2).all(|pair| pair[1].since(pair[0]) == SPREAD_TIME as i64));
}

#[test]
fn all_that_are_wanted_run_oldest_first() {
    let task = Task { data: Some(ALL), ..Task::new("a for=1").when(daily("2024-05-01T06:00:00")) };
    let (mut first, mut second) = (Slots::new(8, 8), Slots::new(8, 8));
    // Five mornings were missed, three of them are wanted; the one that comes meanwhile waits for its turn.
    let outside = after_a_break(&mut first, &[("a", task)], MINUTE, 5 * DAY - 6 * HOUR - MINUTE - 30 * SECOND);
    assert_eq!(outside.now.wall, Some(at("2024-05-06T05:59:30")));
    let mut world = World::boot(&mut second, outside);
    world.run_for(10 * MINUTE);
    assert_eq!(world.outside.times("a"), ["06:00:30", "06:00:35", "06:00:40", "06:00:45"]);
    world.run_for(DAY);
    assert_eq!(world.outside.times("a").len(), 5);
    assert_eq!(world.skipped(), [Skipped::Missed], "of the two that were too many");
}

/// A clock that is set has them counted anew, and of those that wait behind a run the oldest are too many then.
#[test]
fn what_is_too_many_when_the_clock_is_set_is_told() {
    let task = Task { data: Some(ALL), ..Task::new("a").when(every(once("2024-05-01T12:30:00"), 3600, None)) };
    let (mut first, mut second) = (Slots::new(8, 8), Slots::new(8, 8));
    // Six were missed until 18:05, of which three run; the first of them does not end.
    let outside = after_a_break(&mut first, &[("a", task)], MINUTE, 6 * HOUR + 4 * MINUTE);
    let mut world = World::boot(&mut second, outside);
    world.run_until(at("2024-05-01T21:00:00"));
    assert_eq!(world.outside.times("a"), ["18:06:00"]);
    assert_eq!(world.skipped(), [Skipped::Missed]);
    let task = world.task("a");
    let missed = |world: &mut World<'_>| world.call(|engine, cx| engine.missed_runs(cx, task)).unwrap();
    assert_eq!(missed(&mut world), 3);
    // Those of 16:30 to 20:30 wait, and that of 21:30 is passed over: three of the six are too many.
    world.set_clock("2024-05-01T21:45:00");
    assert_eq!(world.skipped(), [Skipped::Missed; 2]);
    assert_eq!(missed(&mut world), 6);
    world.run_for(SECOND);
    for _ in 0..4 {
        world.call(|engine, cx| engine.stop(cx, task)).unwrap();
        world.run_for(10 * SECOND);
    }
    assert_eq!(world.outside.times("a").len(), 4);
    assert_eq!(missed(&mut world), 6);
}

#[test]
fn a_power_cut_in_the_quiet_time_loses_nothing() {
    let task = when_available("a for=1").when(daily("2024-05-01T18:00:00"));
    let (mut first, mut second, mut third) = (Slots::new(8, 8), Slots::new(8, 8), Slots::new(8, 8));
    let outside = after_a_break(&mut first, &[("a", task)], MINUTE, 12 * HOUR);
    let mut world = World::boot(&mut second, outside);
    world.run_for(30 * SECOND);
    let mut outside = world.die();
    outside.power_cut();
    let mut world = World::boot(&mut third, outside);
    world.run_for(HOUR);
    assert_eq!(world.outside.starts().len(), 1);
}

#[test]
fn what_the_machine_slept_through_or_a_step_passed_over_is_owed() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &when_available("a for=1").when(daily("2024-05-01T18:00:00"))).unwrap();
    world.run_for(HOUR);
    world.set_clock("2024-05-02T07:00:00");
    world.run_for(HOUR);
    assert_eq!(world.outside.times("a"), ["07:00:00"]);
    // A step back makes nothing run again, and what lies ahead comes once.
    world.set_clock("2024-05-01T17:00:00");
    world.run_for(2 * DAY);
    assert_eq!(world.outside.times("a").len(), 2);
}

#[test]
fn a_time_that_becomes_known_shows_what_was_missed() {
    let task = when_available("a for=1").when(daily("2024-05-01T18:00:00"));
    let (mut first, mut second) = (Slots::new(8, 8), Slots::new(8, 8));
    let mut outside = after_a_break(&mut first, &[("a", task)], MINUTE, 12 * HOUR);
    outside.now.wall = None;
    let mut world = World::boot(&mut second, outside);
    world.run_for(10 * MINUTE);
    assert!(world.outside.starts().is_empty());
    world.set_clock("2024-05-02T03:00:00");
    world.run_for(MINUTE);
    assert_eq!(world.outside.times("a"), ["03:00:00"]);
}

#[test]
fn nobody_is_owed_what_came_while_he_was_disabled() {
    let task = when_available("a for=1").when(daily("2024-05-01T18:00:00"));
    let (mut first, mut second) = (Slots::new(8, 8), Slots::new(8, 8));
    let mut world = World::boot(&mut first, Outside::new(START));
    let index = world.register("a", &task).unwrap();
    world.call(|engine, cx| engine.set_enabled(cx, index, false)).unwrap();
    world.run_for(DAY);
    world.call(|engine, cx| engine.set_enabled(cx, index, true)).unwrap();
    assert_eq!(world.last_result("a"), None);
    world.set_clock("2024-05-02T12:05:00");
    world.run_for(10 * MINUTE);
    let mut outside = world.die();
    outside.start_again();
    let mut world = World::boot(&mut second, outside);
    world.run_for(HOUR);
    assert!(world.outside.starts().is_empty());
    world.run_for(DAY);
    assert_eq!(world.outside.times("a"), ["18:00:00"]);
}

#[test]
fn a_task_is_owed_nothing_from_before_it_was_registered() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &when_available("a for=1").when(daily("2020-01-01T06:00:00"))).unwrap();
    world.run_for(HOUR);
    let mut outside = world.die();
    outside.start_again();
    let mut second = Slots::new(8, 8);
    let mut world = World::boot(&mut second, outside);
    world.run_for(HOUR);
    assert!(world.outside.starts().is_empty() && world.skipped().is_empty());
}

#[test]
fn other_triggers_go_on_meanwhile() {
    let task = when_available("a for=1").when(daily("2024-05-01T18:00:00")).when(boot(20));
    let (mut first, mut second) = (Slots::new(8, 8), Slots::new(8, 8));
    let outside = after_a_break(&mut first, &[("a", task)], MINUTE, 12 * HOUR);
    let mut world = World::boot(&mut second, outside);
    world.run_for(10 * MINUTE);
    assert_eq!(world.outside.times("a"), ["00:01:20", "00:02:00"]);
}

#[test]
fn what_is_owed_keeps_to_the_conditions() {
    let restart = RestartOnFailure { count: 5, interval: Span::from_seconds(60) };
    let task =
        when_available("a for=1").when(daily("2024-05-01T18:00:00")).on(|on| on.restart_on_failure = Some(restart));
    let (mut first, mut second) = (Slots::new(8, 8), Slots::new(8, 8));
    let outside = after_a_break(&mut first, &[("a", task)], MINUTE, 12 * HOUR);
    let mut world = World::boot(&mut second, outside);
    world.machine(|machine| machine.on_batteries = true);
    world.run_for(3 * MINUTE);
    world.machine(|machine| machine.on_batteries = false);
    world.run_for(10 * MINUTE);
    assert_eq!(world.outside.times("a"), ["00:05:00"]);
}

#[test]
fn a_wish_is_read_where_it_stands() {
    let wish = |data: &str, available: bool| {
        let mut room = [0; 1024];
        let task = Task { data: Some(data), ..Task::new("a").with(|with| with.start_when_available = available) };
        CatchUp::of(&task.image(&mut room))
    };
    let of = |text: &str| format!("<Mine/> <CatchUp xmlns='urn:mainspring:task'>{text}</CatchUp><Other>1</Other>");
    for (text, expected) in [
        ("skip", CatchUp::Skip),
        (" latest ", CatchUp::Latest),
        ("all 1", CatchUp::All(1)),
        ("all  100", CatchUp::All(100)),
    ] {
        assert_eq!((wish(&of(text), true), wish(&of(text), false)), (expected, expected), "{text}");
    }
    // What cannot be read is no wish.
    for text in ["", "all", "all 0", "all 101", "all -1", "All 3", "latest once", "skip<a/>"] {
        assert_eq!((wish(&of(text), true), wish(&of(text), false)), (CatchUp::Latest, CatchUp::Skip), "{text}");
    }
    for data in [
        "<CatchUp>all 3</CatchUp>",
        "<CatchUp xmlns=\"urn:other\">all 3</CatchUp>",
        "<CatchUp xmlns=\"urn:mainspring:task\">all 3",
        "<CatchUp xmlns=\"urn:mainspring:task\"",
        "all 3",
    ] {
        assert_eq!(wish(data, false), CatchUp::Skip, "{data}");
    }
}

#[test]
fn a_task_that_expires_runs_first_what_it_is_owed() {
    for (days, expected) in [(30, true), (0, false)] {
        let task = when_available("a for=1").when(once("2024-05-01T13:00:00"));
        let task = task.on(|on| on.delete_expired_task_after = Some(Span::from_seconds(days * 86_400)));
        let (mut first, mut second) = (Slots::new(8, 8), Slots::new(8, 8));
        let outside = after_a_break(&mut first, &[("a", task)], MINUTE, 2 * HOUR);
        let mut world = World::boot(&mut second, outside);
        world.run_for(10 * MINUTE);
        assert_eq!(world.outside.times("a"), ["14:02:00"]);
        assert_eq!(world.find("a").is_some(), expected);
        world.run_for(31 * DAY);
        assert!(world.find("a").is_none());
    }
}

#[test]
fn what_a_late_tick_passes_over_does_not_come_again() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &when_available("a for=1").when(every(once("2024-05-01T12:30:00"), 3600, None))).unwrap();
    world.run_for(50 * MINUTE);
    // The machine sleeps for ten hours, and the clock that never steps goes on.
    world.outside.pass(10 * HOUR + 15 * MINUTE);
    world.run_for(MINUTE);
    world.call(|engine, cx| engine.clock_set(cx));
    world.run_for(20 * MINUTE);
    let outside = world.die();
    let mut second = Slots::new(8, 8);
    let mut world = World::boot(&mut second, outside);
    world.run_for(3 * MINUTE);
    assert_eq!(world.outside.times("a"), ["12:30:00", "23:05:00"]);
}

#[test]
fn another_zone_owes_nobody_anything() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.outside.zone = Zone::from(Tail::parse(b"<+01>-1").unwrap());
    world.call(|engine, cx| engine.zone_changed(cx));
    world.register("a", &when_available("a for=1").when(daily("2024-05-01T14:00:00"))).unwrap();
    world.run_until(at("2024-05-01T20:00:00"));
    world.outside.zone = Zone::from(Tail::parse(b"<-03>3").unwrap());
    world.call(|engine, cx| engine.zone_changed(cx));
    world.run_until(at("2024-05-02T18:00:00"));
    assert_eq!(world.outside.times("a"), ["13:00:00", "17:00:00"]);
    assert!(world.skipped().is_empty());
}

#[test]
fn each_of_all_runs_however_long_it_takes() {
    let task = Task { data: Some(ALL), ..Task::new("a for=12").when(daily("2024-05-01T18:00:00")) };
    let (mut first, mut second) = (Slots::new(8, 8), Slots::new(8, 8));
    let outside = after_a_break(&mut first, &[("a", task)], MINUTE, 10 * DAY);
    let mut world = World::boot(&mut second, outside);
    world.run_for(HOUR);
    assert_eq!((world.outside.times("a").len(), world.skipped()), (3, vec![Skipped::Missed]));
}

#[test]
fn a_turn_that_comes_late_loses_nothing_beside_it() {
    let task = when_available("a for=1").when(daily("2024-05-01T18:00:00")).when(boot(61));
    let (mut first, mut second) = (Slots::new(8, 8), Slots::new(8, 8));
    let outside = after_a_break(&mut first, &[("a", task)], MINUTE, 12 * HOUR);
    let mut world = World::boot(&mut second, outside);
    world.outside.pass(62 * SECOND);
    world.run_for(10 * MINUTE);
    assert_eq!(world.outside.starts().len() + world.skipped().len(), 2);
    assert!(!world.skipped().contains(&Skipped::Missed));
}

#[test]
fn a_clock_that_was_ahead_at_registration_owes_later_what_is_missed() {
    let (mut first, mut second) = (Slots::new(8, 8), Slots::new(8, 8));
    let mut world = World::boot(&mut first, Outside::new("2030-01-01T00:00:00"));
    world.register("a", &when_available("a for=1").when(daily("2024-05-01T18:00:00"))).unwrap();
    world.set_clock(START);
    world.run_for(DAY);
    assert_eq!(world.outside.times("a").len(), 1);
    let mut outside = world.die();
    outside.pass(DAY);
    let mut world = World::boot(&mut second, outside);
    world.run_for(10 * MINUTE);
    assert_eq!(world.outside.times("a").len(), 2);
}
