//! Runs that wait for a moment, for their turn or for a store that works again: what becomes of them.

use mainspring::{
    engine::{Session, SessionChange},
    event::Skipped,
    ports::StoreError,
    sid::Sid,
    store::INSTANCE,
    task::{InstancesPolicy, Repetition, Span, Trigger, TriggerKind},
};
use mainspring_tests::world::{
    HOUR, MINUTE, Outside, SECOND, Seen, Slots, Task, World, at, boot, every, once, session, trigger,
};

const START: &str = "2024-05-01T12:00:00";
const BROKEN: StoreError = StoreError::Failed { code: 5 };

/// At 12:10 and some part of a day later, and at 12:20.
fn overtaken(data: Option<&'static str>) -> Task<'static> {
    let kind = TriggerKind::Time { random_delay: Some(Span::from_seconds(86_400)) };
    let task = Task::new("a for=1").when(trigger(kind, "2024-05-01T12:10:00")).when(once("2024-05-01T12:20:00"));
    Task { data, ..task }
}

fn missed(world: &mut World<'_>) -> u32 {
    let task = world.task("a");
    world.call(|engine, cx| engine.missed_runs(cx, task)).unwrap()
}

/// The floor that keeps the later one from running twice is not in the way of the one that waits.
#[test]
fn what_a_later_run_has_overtaken_is_missed_or_made_up_for_after_a_cut() {
    let all = r#"<CatchUp xmlns="urn:mainspring:task">all 3</CatchUp>"#;
    for (data, told, runs) in [(None, vec![Skipped::Missed], 1), (Some(all), vec![], 2)] {
        let (mut first, mut second, mut third) = (Slots::new(4, 8), Slots::new(4, 8), Slots::new(4, 8));
        let mut world = World::boot(&mut first, Outside::new(START));
        world.register("a", &overtaken(data)).unwrap();
        world.run_until(at("2024-05-01T12:30:00"));
        assert_eq!(world.outside.times("a"), ["12:20:00"], "the delay is longer by this seed");
        let mut outside = world.die();
        outside.power_cut();
        outside.events.clear();
        let mut world = World::boot(&mut second, outside);
        world.run_for(HOUR);
        assert_eq!((world.skipped(), world.outside.times("a").len()), (told, runs));
        assert_eq!(missed(&mut world), 2 - runs as u32);
        assert_eq!(world.outside.store.kind(INSTANCE).count(), 0);
        // It is told, or runs, once.
        let mut outside = world.die();
        outside.events.clear();
        let mut world = World::boot(&mut third, outside);
        world.run_for(HOUR);
        assert_eq!((world.skipped(), world.outside.times("a").len()), (vec![], runs));
    }
}

/// Whoever waits is not told as missed when nothing went wrong, and leaves no record.
#[test]
fn what_a_later_run_has_overtaken_runs_when_its_moment_comes() {
    let mut slots = Slots::new(4, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &overtaken(None)).unwrap();
    world.run_for(25 * HOUR);
    assert_eq!((world.skipped(), world.outside.times("a").len()), (vec![], 2));
    assert_eq!(world.outside.store.kind(INSTANCE).count(), 0);
    // Nor does one that is dropped.
    let mut slots = Slots::new(4, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &overtaken(None)).unwrap();
    world.run_until(at("2024-05-01T12:30:00"));
    assert_eq!(world.outside.store.kind(INSTANCE).count(), 1);
    let task = world.task("a");
    world.call(|engine, cx| engine.stop(cx, task)).unwrap();
    assert_eq!(world.outside.store.kind(INSTANCE).count(), 0);
}

/// Every two minutes for ten minutes, stopped when these are over.
fn stopped_at_end(trigger: Trigger<'_>) -> Trigger<'_> {
    let repetition = Repetition {
        interval: Span::from_seconds(120),
        duration: Some(Span::from_seconds(600)),
        stop_at_duration_end: true,
    };
    Trigger { repetition: Some(repetition), ..trigger }
}

fn stops<'w>(world: &'w World<'_>, of: &str) -> Vec<(String, &'w str)> {
    let stop = |(at, seen): &'w (Option<mainspring::time::Timestamp>, Seen)| match seen {
        Seen::Stop(line, false) if line.starts_with(of) => {
            let (civil, _) = at.unwrap().civil().unwrap();
            Some((format!("{:02}:{:02}:{:02}", civil.hour, civil.minute, civil.second), line.as_str()))
        }
        _ => None,
    };
    world.outside.log.iter().filter_map(stop).collect()
}

/// The end of the duration is a moment, and not so long after whenever a run has its turn.
#[test]
fn what_had_to_wait_for_its_turn_is_stopped_at_the_end_of_the_duration_all_the_same() {
    let logon = TriggerKind::Logon { user: None, delay: None };
    let triggers = [once("2024-05-01T12:10:00"), boot(600), trigger(logon, "")];
    for (number, when) in triggers.into_iter().enumerate() {
        let mut slots = Slots::new(4, 8);
        let mut world = World::boot(&mut slots, Outside::new(START));
        let task = Task::new("a for=540").when(stopped_at_end(when));
        let queued = |task: Task<'static>| task.with(|with| with.instances_policy = InstancesPolicy::Queue);
        world.register("a", &queued(task)).unwrap();
        let mut outside = world.die();
        outside.now.monotonic = mainspring::time::Monotonic(5000);
        let mut slots = Slots::new(4, 8);
        let mut world = World::boot(&mut slots, outside);
        world.run_for(10 * MINUTE);
        if number == 2 {
            let session = Session { id: session(1), user: &Sid::LOCAL_SYSTEM, groups: &[] };
            world.call(|engine, cx| engine.session_changed(cx, SessionChange::Logon, session));
        }
        world.run_for(HOUR);
        // The first ends after nine minutes, the second has one left; of the others the duration is over, but for the one that
        // came at its very end.
        assert_eq!(world.outside.times("a"), ["12:10:00", "12:19:00", "12:20:00"], "trigger {number}");
        assert_eq!(stops(&world, "a"), [("12:20:00".to_owned(), "a for=540")], "trigger {number}");
        assert_eq!(world.skipped(), [Skipped::Expired; 3], "trigger {number}");
    }
}

/// What could not start because the store failed starts when that works, and none of the others is lost meanwhile.
#[test]
fn delayed_runs_wait_until_the_store_works() {
    for reads in [false, true] {
        let mut slots = Slots::new(16, 16);
        let mut world = World::boot(&mut slots, Outside::new(START));
        let names = ["a", "b", "c", "d", "e"];
        let tasks = names.map(|name| format!("{name} for=1"));
        for (name, line) in names.iter().zip(&tasks) {
            let kind = TriggerKind::Time { random_delay: Some(Span::from_seconds(5)) };
            world.register(name, &Task::new(line).when(trigger(kind, "2024-05-01T12:01:00"))).unwrap();
        }
        let stopped = Task::new("stopped").when(once("2024-05-01T12:00:30"));
        let stopped = stopped.with(|with| with.execution_time_limit = Some(Span::from_seconds(40)));
        world.register("stopped", &stopped).unwrap();
        world.run_until(at("2024-05-01T12:01:00"));
        world.outside.store.fail_writes = Some((BROKEN, 0));
        world.outside.store.fail_reads = reads.then_some(BROKEN);
        world.run_for(30 * SECOND);
        assert!(names.iter().all(|name| world.outside.times(name).is_empty()));
        // Nobody is held up by them.
        assert_eq!(stops(&world, "stopped").len(), 1);
        assert_eq!(stops(&world, "stopped")[0].0, "12:01:10");
        (world.outside.store.fail_writes, world.outside.store.fail_reads) = (None, None);
        world.run_for(10 * SECOND);
        assert!(names.iter().all(|name| world.outside.times(name).len() == 1), "{:?}", world.skipped());
        assert_eq!(world.skipped(), []);
    }
}

/// What is made up for has its turn when its definition can be read again, and was not skipped.
#[test]
fn what_is_made_up_for_is_not_skipped_while_the_store_cannot_be_read() {
    let (mut first, mut second) = (Slots::new(4, 8), Slots::new(4, 8));
    let mut world = World::boot(&mut first, Outside::new(START));
    let task = Task::new("a for=1").when(every(once("2024-05-01T13:00:00"), 86_400, None));
    world.register("a", &task.with(|with| with.start_when_available = true)).unwrap();
    let mut outside = world.die();
    outside.pass(2 * HOUR);
    let mut world = World::boot(&mut second, outside);
    world.run_for(59 * SECOND);
    world.outside.store.fail_reads = Some(BROKEN);
    world.run_for(10 * SECOND);
    assert_eq!((world.skipped(), world.outside.times("a").len()), (vec![], 0));
    world.outside.store.fail_reads = None;
    world.run_for(10 * SECOND);
    assert_eq!((world.skipped(), world.outside.times("a").len()), (vec![], 1));
}
