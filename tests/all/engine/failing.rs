//! Stores that fail for a while: nothing is lost by that without a word.

use super::once::{again, logs_on, on_event, stop, told};
use mainspring::{event::Skipped, ports::StoreError, store::INSTANCE, task::TriggerKind};
use mainspring_tests::world::{
    HOUR, MINUTE, Outside, SECOND, Slots, Task, World, at, daily, every, exec, once, trigger,
};

const START: &str = "2024-05-01T12:00:00";
const BROKEN: StoreError = StoreError::Failed { code: 5 };

#[test]
fn what_comes_while_a_definition_cannot_be_read_is_told() {
    for reads in [true, false] {
        let mut slots = Slots::new(8, 8);
        let mut world = World::boot(&mut slots, Outside::new(START));
        world.register("a", &Task::new("a for=1").when(every(once("2024-05-01T12:01:00"), 60, None))).unwrap();
        world.run_until(at("2024-05-01T12:05:30"));
        world.outside.store.fail_reads = Some(BROKEN).filter(|_| reads);
        world.outside.store.fail_writes = Some((BROKEN, 0)).filter(|_| !reads);
        world.run_until(at("2024-05-01T12:15:30"));
        (world.outside.store.fail_reads, world.outside.store.fail_writes) = (None, None);
        world.run_until(at("2024-05-01T12:20:30"));
        assert_eq!(told(&mut world, "a"), 20, "{reads}");
    }
}

/// One call of the store fails while something happens that a task waits for.
#[test]
fn what_cannot_be_looked_at_when_it_happens_is_told() {
    let only = |slots: &mut Slots, task: &Task<'_>, happens: &dyn Fn(&mut World<'_>)| {
        let mut world = World::boot(slots, Outside::new(START));
        world.register("a", task).unwrap();
        world.run_for(SECOND);
        world.outside.store.fail_reads = Some(BROKEN);
        happens(&mut world);
        world.outside.store.fail_reads = None;
        world.run_for(HOUR);
        (world.outside.starts().len(), world.skipped())
    };
    let idle = Task::new("a for=1").when(trigger(TriggerKind::Idle, ""));
    let becomes_idle = |world: &mut World<'_>| world.machine(|machine| machine.idle = true);
    assert_eq!(only(&mut Slots::new(8, 8), &idle, &becomes_idle), (0, vec![Skipped::StoreFailed]));
    let event = Task::new("a for=1").when(on_event());
    assert_eq!(only(&mut Slots::new(8, 8), &event, &logs_on), (0, vec![Skipped::StoreFailed]));
}

#[test]
fn another_attempt_outlives_a_store_that_cannot_be_read() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    for (path, attempts) in [("a", again(3, 60)), ("b", None)] {
        let task = Task::new("x for=1").when(once("2024-05-01T12:10:00"));
        world.register(path, &task.on(|on| on.restart_on_failure = attempts)).unwrap();
    }
    world.run_until(at("2024-05-01T12:09:59"));
    world.outside.pass(SECOND);
    world.quiet(|engine, cx| engine.tick(cx));
    world.outside.store.fail_reads = Some(BROKEN);
    world.obey();
    world.outside.store.fail_reads = None;
    world.run_for(HOUR);
    assert_eq!(world.outside.starts().len(), 1, "only one of them wants to be tried again");
}

#[test]
fn the_second_action_waits_for_a_store_that_works() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &Task::new("a for=10").then(exec("b for=1")).when(once("2024-05-01T12:01:00"))).unwrap();
    world.run_until(at("2024-05-01T12:01:05"));
    world.outside.store.fail_writes = Some((BROKEN, 0));
    world.run_for(7 * SECOND);
    assert_eq!(world.outside.starts().len(), 1);
    world.outside.store.fail_writes = None;
    world.run_for(10 * MINUTE);
    assert_eq!(world.outside.starts().len(), 2);
    assert_eq!(told(&mut world, "a"), 1);
    // One that is stopped meanwhile ends.
    world.run("a", &[]).unwrap();
    world.run_for(5 * SECOND);
    world.outside.store.fail_writes = Some((BROKEN, 0));
    world.run_for(7 * SECOND);
    stop(&mut world, "a");
    world.outside.store.fail_writes = None;
    world.run_for(10 * MINUTE);
    assert_eq!((world.outside.starts().len(), world.outside.store.kind(INSTANCE).count()), (3, 0));
}

#[test]
fn volatile_tasks_are_disabled_though_the_store_fails_at_first() {
    let (mut first, mut second) = (Slots::new(16, 16), Slots::new(16, 16));
    let mut world = World::boot(&mut first, Outside::new(START));
    world.register("v", &Task::new("v for=1").when(daily("2024-05-01T13:00:00")).on(|on| on.volatile = true)).unwrap();
    let mut outside = world.die();
    outside.power_cut();
    let mut world = World::boot(&mut second, outside);
    world.outside.store.fail_writes = Some((BROKEN, 0));
    world.call(|engine, cx| engine.machine_started(cx)).unwrap_err();
    world.outside.store.fail_writes = None;
    world.call(|engine, cx| engine.machine_started(cx)).unwrap();
    let task = world.task("v");
    assert!(!world.engine.enabled(task));
}

/// The store takes nothing while a start fails: the next attempt waits in memory then.
#[test]
fn another_attempt_outlives_a_store_that_cannot_be_written() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let task = Task::new("x missing").when(once("2024-05-01T12:10:00"));
    world.register("a", &task.on(|on| on.restart_on_failure = again(2, 60))).unwrap();
    world.run_until(at("2024-05-01T12:09:59"));
    world.outside.pass(SECOND);
    world.quiet(|engine, cx| engine.tick(cx));
    world.outside.store.fail_writes = Some((BROKEN, 0));
    world.obey();
    world.outside.store.fail_writes = None;
    world.run_for(HOUR);
    assert_eq!(told(&mut world, "a"), 3, "it could not be started three times");
}
