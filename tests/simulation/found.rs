//! What the simulation found in the engine: each as small as it could be made.

use mainspring::{
    event::Skipped,
    task::{InstancesPolicy, Span, TriggerKind},
    time::zone::Zone,
};
use mainspring_tests::world::{
    DAY, HOUR, MINUTE, Outside, SECOND, Slots, Task, World, boot, daily, every, once, trigger,
};

const START: &str = "2024-05-01T12:00:00";

/// A trigger of the other clock that is due at that very moment hides nothing of what the calendar missed.
#[test]
fn what_was_missed_is_told_though_a_trigger_is_due_as_the_clock_is_set() {
    for available in [false, true] {
        let mut slots = Slots::new(4, 4);
        let mut world = World::boot(&mut slots, Outside::new(START));
        let task = Task::new("a for=0").when(daily("2024-05-02T00:00:00")).when(boot(600));
        let task = task.with(|with| {
            (with.start_when_available, with.instances_policy) = (available, InstancesPolicy::Parallel);
        });
        world.register("a", &task).unwrap();
        let mut outside = world.die();
        outside.now.wall = None;
        let mut slots = Slots::new(4, 4);
        let mut world = World::boot(&mut slots, outside);
        world.run_for(10 * MINUTE - 1);
        world.outside.pass(1);
        world.set_clock("2024-05-02T06:00:00");
        world.run_for(HOUR);
        if available {
            assert_eq!((world.outside.times("a").len(), world.skipped()), (2, vec![]));
        } else {
            assert_eq!((world.outside.times("a").len(), world.skipped()), (1, vec![Skipped::Missed]));
        }
        world.run_for(DAY);
        assert_eq!(world.outside.times("a").len(), if available { 3 } else { 2 });
    }
}

/// Who wakes is told of the time before the first tick: what came during the sleep is told, or owed.
#[test]
fn what_came_in_a_sleep_is_missed_though_the_clock_is_set_before_the_tick() {
    for (available, step) in [(false, 0), (false, -HOUR), (false, HOUR), (true, 0), (true, -HOUR), (true, HOUR)] {
        let mut slots = Slots::new(4, 4);
        let mut world = World::boot(&mut slots, Outside::new(START));
        let task = Task::new("a for=0").when(every(once("2024-05-01T13:00:00"), 24 * 3600, None));
        world.register("a", &task.with(|with| with.start_when_available = available)).unwrap();
        world.run_for(10 * MINUTE);
        // The clock that never steps goes on.
        world.outside.pass(10 * HOUR);
        world.outside.now.wall = world.outside.now.wall.map(|wall| wall.plus(step));
        world.call(|engine, cx| engine.clock_set(cx));
        world.run_for(10 * MINUTE);
        let expected = if available { (1, vec![]) } else { (0, vec![Skipped::Missed]) };
        assert_eq!((world.outside.times("a").len(), world.skipped()), expected, "a step of {step}");
    }
}

/// A run of the definition before, which a clock that was ahead dated, says nothing of what the new one is due for.
#[test]
fn a_floor_that_was_lifted_stays_so_while_a_run_from_before_goes_on() {
    let mut slots = Slots::new(4, 4);
    let mut world = World::boot(&mut slots, Outside::new("2024-05-04T11:59:00"));
    let task = |line| {
        let task = Task::new(line).when(daily("2024-05-01T12:00:00"));
        task.with(|with| with.instances_policy = InstancesPolicy::Parallel)
    };
    world.register("a", &task("old for=100000")).unwrap();
    world.run_for(2 * MINUTE);
    assert_eq!(world.outside.times("old"), ["12:00:00"]);
    world.set_clock(START);
    world.run_for(SECOND);
    world.register("a", &task("new for=0")).unwrap();
    let mut slots = Slots::new(4, 4);
    let mut world = World::boot(&mut slots, world.die());
    world.run_for(DAY + MINUTE);
    assert_eq!(world.outside.times("new"), ["12:00:00"]);
}

/// What waits for its random delay is owed after a cut, although another run of the task ended meanwhile.
#[test]
fn what_waits_for_its_delay_is_not_settled_by_the_end_of_an_earlier_run() {
    let mut slots = Slots::new(4, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let kind = TriggerKind::Time { random_delay: Some(Span::from_seconds(3600)) };
    let task = Task::new("a for=600").when(once("2024-05-01T12:55:00")).when(trigger(kind, "2024-05-01T13:00:00"));
    let task = task.with(|with| (with.start_when_available, with.instances_policy) = (true, InstancesPolicy::Parallel));
    world.register("a", &task).unwrap();
    world.run_for(HOUR + 6 * MINUTE);
    let before = world.outside.times("a").len();
    assert_eq!(before, 1, "the delay is longer than a few minutes by this seed");
    let mut outside = world.die();
    outside.power_cut();
    let mut slots = Slots::new(4, 8);
    let mut world = World::boot(&mut slots, outside);
    world.run_for(10 * MINUTE);
    assert_eq!(world.outside.times("a").len(), 2);
}

/// What a boot trigger started does not start again because somebody comes, or goes, in the same millisecond.
#[test]
fn a_machine_that_is_used_at_the_moment_of_a_boot_trigger_does_not_repeat_it() {
    // Open from ten minutes later on.
    let idle = every(trigger(TriggerKind::Idle, "2024-05-01T12:10:00"), 600, Some(600));
    let task = Task::new("a for=0").when(idle).when(boot(0));
    let mut slots = Slots::new(4, 4);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &task.with(|with| with.instances_policy = InstancesPolicy::Parallel)).unwrap();
    let mut slots = Slots::new(4, 4);
    let mut world = World::boot(&mut slots, world.die());
    for idle in [true, false, true] {
        world.machine(|machine| machine.idle = idle);
        world.run_for(0);
    }
    assert_eq!(world.outside.times("a"), ["12:00:00"]);
    world.run_for(HOUR);
    assert_eq!(world.outside.times("a"), ["12:00:00", "12:10:00"]);
}

/// Who sleeps in one zone and wakes in another has missed what came in the sleep.
#[test]
fn what_came_in_a_sleep_is_missed_though_the_zone_is_another_before_the_tick() {
    for available in [false, true] {
        let mut slots = Slots::new(4, 4);
        let mut world = World::boot(&mut slots, Outside::new(START));
        let task = Task::new("a for=0").when(daily("2024-05-01T13:00:00"));
        world.register("a", &task.with(|with| with.start_when_available = available)).unwrap();
        world.run_for(10 * MINUTE);
        world.outside.pass(8 * HOUR);
        world.outside.zone = Zone::fixed(-3600);
        world.call(|engine, cx| engine.zone_changed(cx));
        world.run_for(10 * MINUTE);
        let expected = if available { (1, vec![]) } else { (0, vec![Skipped::Missed]) };
        assert_eq!((world.outside.times("a").len(), world.skipped()), expected);
    }
}

/// Whoever is away for a moment takes nobody's turn.
#[test]
fn what_is_owed_has_its_turn_though_the_machine_was_idle_for_a_moment() {
    for idle in [&[true][..], &[true, false], &[true, false, true, false]] {
        let mut slots = Slots::new(4, 4);
        let mut world = World::boot(&mut slots, Outside::new(START));
        let idle_too = Task::new("a for=0").when(trigger(TriggerKind::Idle, "")).when(daily("2024-05-01T13:00:00"));
        world.register("a", &idle_too.with(|with| with.start_when_available = true)).unwrap();
        let mut outside = world.die();
        outside.pass(2 * HOUR);
        let mut slots = Slots::new(4, 4);
        let mut world = World::boot(&mut slots, outside);
        for idle in idle {
            world.machine(|machine| machine.idle = *idle);
        }
        world.run_for(HOUR);
        let away = if idle.len() == 1 { 1 } else { 0 };
        assert_eq!((world.outside.times("a").len(), world.skipped()), (1 + away, vec![]), "{idle:?}");
    }
}

/// A clock that is set back before anybody ticked leaves nothing untold, whether the task ran before or never did.
#[test]
fn what_was_missed_is_told_though_the_clock_is_set_back_right_after_the_start() {
    for first in ["2024-05-01T13:00:00", "2024-05-01T12:30:00"] {
        let mut slots = Slots::new(4, 4);
        let mut world = World::boot(&mut slots, Outside::new(START));
        let all = r#"<CatchUp xmlns="urn:mainspring:task">all 3</CatchUp>"#;
        let task = Task::new("a for=0").when(every(daily(first), 4 * 3600, None));
        world.register("a", &Task { data: Some(all), ..task }).unwrap();
        world.run_for(45 * MINUTE);
        let ran = world.outside.times("a").len();
        let mut outside = world.die();
        outside.pass(3 * DAY);
        let mut slots = Slots::new(4, 4);
        let mut world = World::boot(&mut slots, outside);
        world.set_clock("2024-05-02T12:00:00");
        world.run_for(20 * MINUTE);
        let runs = world.outside.times("a").len() - ran;
        assert!(runs == 3 || world.skipped() == [Skipped::Missed], "{first}: {runs} {:?}", world.skipped());
    }
}

/// The end of the run that the power took settles nothing that is not counted yet.
#[test]
fn what_is_not_made_up_for_is_told_though_a_run_was_taken_by_the_cut() {
    let mut slots = Slots::new(4, 4);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let all = r#"<CatchUp xmlns="urn:mainspring:task">all 3</CatchUp>"#;
    let task = Task::new("a for=600 code=1").when(every(once("2024-05-01T12:30:00"), 3600, None));
    world.register("a", &Task { data: Some(all), ..task }).unwrap();
    world.run_for(35 * MINUTE);
    let mut outside = world.die();
    outside.power_cut();
    outside.now.wall = outside.now.wall.map(|wall| wall.plus(10 * HOUR));
    let mut slots = Slots::new(4, 4);
    let mut world = World::boot(&mut slots, outside);
    world.run_for(50 * MINUTE);
    assert_eq!((world.outside.times("a").len(), world.skipped()), (4, vec![Skipped::Missed]));
    let task = world.task("a");
    assert_eq!(world.call(|engine, cx| engine.missed_runs(cx, task)), Ok(7));
}

/// What lies behind by another zone alone was not missed, and nothing is settled for it.
#[test]
fn another_zone_settles_nothing_that_a_clock_brings_again() {
    let mut slots = Slots::new(4, 4);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let all = r#"<CatchUp xmlns="urn:mainspring:task">all 1</CatchUp>"#;
    let task = Task::new("a for=0").when(every(daily("2024-05-01T13:00:00"), 60, Some(240)));
    world.register("a", &Task { data: Some(all), ..task }).unwrap();
    world.run_for(30 * MINUTE);
    // An hour to the east the five lie behind; an hour later by the clock they come again.
    world.outside.zone = Zone::fixed(3600);
    world.call(|engine, cx| engine.zone_changed(cx));
    world.run_for(10 * MINUTE);
    world.set_clock("2024-05-01T11:55:00");
    world.run_for(20 * MINUTE);
    assert_eq!(world.outside.times("a"), ["12:00:00", "12:01:00", "12:02:00", "12:03:00", "12:04:00"]);
}
