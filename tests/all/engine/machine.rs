//! What the machine lets start, stops, and lets start again.

use mainspring::{
    engine::{Machine, Refused, Session, SessionChange, TaskState},
    event::{Event, Skipped},
    guid::Guid,
    limits::QUEUED_RUNS,
    sid::Sid,
    status::Status,
    task::{Boundary, InstancesPolicy, Network, Path, RestartOnFailure, Span, Trigger, TriggerKind},
};
use mainspring_tests::world::{MINUTE, Outside, SECOND, Slots, Task, World, at, every, once, session, trigger};

const START: &str = "2024-05-01T12:00:00";
const NETWORK: &str = "{e45a4b2c-7e3f-4c1b-9f0e-0123456789ab}";

/// Each minute from 12:01 on.
fn minutely(command: &str) -> Task<'_> {
    Task::new(command).when(every(once("2024-05-01T12:01:00"), 60, None))
}

fn boot(slots: &mut Slots) -> World<'_> {
    World::boot(slots, Outside::new(START))
}

fn count(world: &World<'_>, is: impl Fn(&Event) -> bool) -> usize {
    world.outside.events.iter().filter(|event| is(event)).count()
}

#[test]
fn batteries_let_start_what_may_run_on_them() {
    let mut slots = Slots::new(4, 8);
    let mut world = boot(&mut slots);
    world.register("mains", &minutely("mains for=1")).unwrap();
    world.register("any", &minutely("any for=1").on(|on| on.disallow_start_if_on_batteries = false)).unwrap();
    world.run_until(at("2024-05-01T12:01:30"));
    world.machine(|machine| machine.on_batteries = true);
    world.run_until(at("2024-05-01T12:03:30"));
    assert_eq!(world.run("mains", &[]), Err(Refused::Hindered));
    world.machine(|machine| machine.on_batteries = false);
    world.run_until(at("2024-05-01T12:04:30"));
    assert_eq!(world.outside.times("mains"), ["12:01:00", "12:04:00"]);
    assert_eq!(world.outside.times("any"), ["12:01:00", "12:02:00", "12:03:00", "12:04:00"]);
    assert_eq!(world.skipped(), [Skipped::OnBatteries; 3]);
}

#[test]
fn who_asks_can_have_it_whatever_the_conditions() {
    let mut slots = Slots::new(4, 8);
    let mut world = boot(&mut slots);
    let task = world.register("a", &Task::new("a").on(|on| on.run_only_if_idle = true)).unwrap();
    assert_eq!(world.run("a", &[]), Err(Refused::Hindered));
    assert_eq!(Refused::Hindered.status(), Status::S_OK);
    assert_eq!(world.engine.state(task), TaskState::Ready);
    world.call(|engine, cx| engine.run_anyway(cx, task, &mut core::iter::empty(), None)).unwrap();
    assert_eq!(world.outside.times("a"), ["12:00:00"]);
}

#[test]
fn going_on_batteries_stops_what_does_not_run_on_them() {
    let mut slots = Slots::new(4, 8);
    let mut world = boot(&mut slots);
    world.register("stops", &Task::new("stops")).unwrap();
    world.register("goes", &Task::new("goes on").on(|on| on.stop_if_going_on_batteries = false)).unwrap();
    world.run("stops", &[]).unwrap();
    world.run("goes", &[]).unwrap();
    world.machine(|machine| machine.on_batteries = true);
    assert_eq!(world.last_result("stops"), Some(Status::SCHED_S_TASK_TERMINATED));
    assert_eq!(world.last_result("goes"), Some(Status::SCHED_S_TASK_RUNNING));
    // Said again, it stops nothing.
    world.machine(|machine| machine.network = false);
    assert_eq!(world.outside.children.len(), 1);
}

#[test]
fn a_network_is_needed_and_the_one_that_is_named() {
    let mut slots = Slots::new(4, 8);
    let mut world = boot(&mut slots);
    world.register("any", &minutely("any for=1").on(|on| on.run_only_if_network_available = true)).unwrap();
    let named = minutely("named for=1").on(|on| {
        on.run_only_if_network_available = true;
        on.network = Some(Network { name: None, id: Some(NETWORK) });
    });
    world.register("named", &named).unwrap();
    // Without RunOnlyIfNetworkAvailable nobody looks at which.
    let unbound = minutely("unbound for=1").on(|on| on.network = Some(Network { name: None, id: Some(NETWORK) }));
    world.register("unbound", &unbound).unwrap();
    world.run_until(at("2024-05-01T12:01:30"));
    world.machine(|machine| machine.network = false);
    world.run_until(at("2024-05-01T12:02:30"));
    world.machine(|machine| (machine.network, machine.network_id) = (true, Some(Guid::NIL)));
    world.run_until(at("2024-05-01T12:03:30"));
    world.machine(|machine| machine.network_id = Guid::parse(NETWORK));
    world.run_until(at("2024-05-01T12:04:30"));
    assert_eq!(world.outside.times("any"), ["12:01:00", "12:03:00", "12:04:00"]);
    assert_eq!(world.outside.times("named"), ["12:01:00", "12:04:00"]);
    assert_eq!(world.outside.times("unbound"), ["12:01:00", "12:02:00", "12:03:00", "12:04:00"]);
    assert_eq!(world.skipped(), [Skipped::NoNetwork; 3]);
}

#[test]
fn no_run_starts_in_the_session_of_a_remote_application() {
    let mut slots = Slots::new(4, 8);
    let mut world = boot(&mut slots);
    world.register("a", &minutely("a for=1").on(|on| on.disallow_start_on_remote_app_session = true)).unwrap();
    world.machine(|machine| machine.remote_app_session = true);
    world.run_until(at("2024-05-01T12:01:30"));
    assert_eq!((world.outside.times("a").len(), world.skipped()), (0, vec![Skipped::RemoteAppSession]));
}

/// Once at 12:01, if the machine has been idle for five minutes; half an hour is waited for that.
fn if_idle(command: &str) -> Task<'_> {
    Task::new(command).when(once("2024-05-01T12:01:00")).on(|on| {
        on.run_only_if_idle = true;
        on.idle.duration = Some(Span::from_seconds(300));
        on.idle.wait_timeout = Some(Span::from_seconds(1800));
    })
}

#[test]
fn a_run_waits_for_an_idle_machine() {
    let mut slots = Slots::new(4, 8);
    let mut world = boot(&mut slots);
    let task = world.register("a", &if_idle("a for=1")).unwrap();
    world.run_until(at("2024-05-01T12:10:00"));
    assert_eq!(world.engine.state(task), TaskState::Queued);
    let mut waiting = Vec::new();
    world.engine.instances(Some(task), &mut |instance| {
        waiting.push(instance);
        true
    });
    let seen = world.call(|engine, cx| engine.instance(cx, waiting[0])).unwrap();
    assert_eq!((waiting.len(), seen.state), (1, TaskState::Queued));
    // Somebody is away for a while, but not for long enough.
    world.machine(|machine| machine.idle = true);
    world.run_for(4 * MINUTE);
    world.machine(|machine| machine.idle = false);
    world.run_for(4 * MINUTE);
    world.machine(|machine| machine.idle = true);
    world.run_for(10 * MINUTE);
    assert_eq!(world.outside.times("a"), ["12:23:00"]);
    assert_eq!((world.engine.state(task), world.skipped()), (TaskState::Ready, vec![]));
}

#[test]
fn it_is_waited_for_no_longer_than_the_task_says() {
    let mut slots = Slots::new(4, 8);
    let mut world = boot(&mut slots);
    world.register("a", &if_idle("a for=1")).unwrap();
    world.run_until(at("2024-05-01T12:27:00"));
    // Idle too late: the five minutes would end after the half hour.
    world.machine(|machine| machine.idle = true);
    world.run_until(at("2024-05-01T13:00:00"));
    assert_eq!((world.outside.times("a").len(), world.skipped()), (0, vec![Skipped::NotIdle]));
    // A task that waits for nothing is skipped at once.
    world.machine(|machine| machine.idle = false);
    let never = Task::new("b").when(once("2024-05-01T13:01:00")).on(|on| {
        on.run_only_if_idle = true;
        on.idle.wait_timeout = Some(Span::from_seconds(0));
    });
    world.register("b", &never).unwrap();
    world.run_until(at("2024-05-01T13:01:00"));
    assert_eq!(world.skipped(), [Skipped::NotIdle; 2]);
}

#[test]
fn the_time_for_which_it_has_been_idle_counts() {
    let mut slots = Slots::new(4, 8);
    let mut world = boot(&mut slots);
    world.register("a", &if_idle("a for=1")).unwrap();
    world.machine(|machine| machine.idle = true);
    world.run_until(at("2024-05-01T12:30:00"));
    assert_eq!(world.outside.times("a"), ["12:05:00"]);
}

#[test]
fn whoever_comes_back_stops_it_and_it_starts_again_when_he_is_gone() {
    let mut slots = Slots::new(4, 8);
    let mut world = boot(&mut slots);
    world.register("a", &if_idle("again").on(|on| on.idle.restart_on_idle = true)).unwrap();
    world.register("b", &if_idle("once only")).unwrap();
    world.register("c", &if_idle("goes on").on(|on| on.idle.stop_on_idle_end = false)).unwrap();
    world.machine(|machine| machine.idle = true);
    world.run_until(at("2024-05-01T12:10:00"));
    assert_eq!(world.outside.children.len(), 3);
    world.machine(|machine| machine.idle = false);
    assert_eq!(world.outside.children.len(), 1);
    world.run_until(at("2024-05-01T12:20:00"));
    world.machine(|machine| machine.idle = true);
    world.run_until(at("2024-05-01T12:30:00"));
    assert_eq!(world.outside.times("again"), ["12:05:00", "12:25:00"]);
    assert_eq!(world.outside.times("once"), ["12:05:00"]);
    assert_eq!(world.outside.times("goes"), ["12:05:00"]);
}

#[test]
fn an_idle_trigger_fires_each_time_the_machine_becomes_idle() {
    let mut slots = Slots::new(4, 8);
    let mut world = boot(&mut slots);
    let task = || Task::new("a for=1").when(every(trigger(TriggerKind::Idle, ""), 120, Some(120)));
    let minute = |on: &mut mainspring::task::Conditions<'_>| on.idle.duration = Some(Span::from_seconds(60));
    world.register("a", &task().on(minute).on(|on| on.run_only_if_idle = true)).unwrap();
    // For one that runs whether the machine is idle or not, IdleSettings do not count.
    world
        .register("b", &Task { actions: vec![mainspring_tests::world::exec("b for=1")], ..task().on(minute) })
        .unwrap();
    world.run_for(5 * MINUTE);
    for idle in [true, false, true, true] {
        world.machine(|machine| machine.idle = idle);
        world.run_for(2 * MINUTE);
    }
    world.run_for(20 * MINUTE);
    // A minute after it became idle, and two minutes later if it still is; to be said to be idle again is nothing new.
    assert_eq!(world.outside.times("a"), ["12:06:00", "12:10:00", "12:12:00"]);
    // Two minutes after the first time somebody was there again.
    assert_eq!(world.outside.times("b"), ["12:05:00", "12:09:00", "12:11:00"]);
    // A task that comes while the machine is idle waits for the next time.
    world.register("late", &Task::new("late").when(trigger(TriggerKind::Idle, ""))).unwrap();
    world.run_for(60 * MINUTE);
    assert!(world.outside.times("late").is_empty());
}

fn tried_again(command: &str, count: u8) -> Task<'_> {
    let restart = RestartOnFailure { count, interval: Span::from_seconds(60) };
    Task::new(command).when(once("2024-05-01T12:01:00")).on(|on| on.restart_on_failure = Some(restart))
}

#[test]
fn what_a_condition_forbids_is_tried_again() {
    let mut slots = Slots::new(4, 8);
    let mut world = boot(&mut slots);
    world.register("a", &tried_again("a for=1", 3)).unwrap();
    world.register("b", &tried_again("b for=1", 2)).unwrap();
    world.machine(|machine| machine.on_batteries = true);
    world.run_until(at("2024-05-01T12:03:30"));
    assert_eq!(world.skipped(), [Skipped::OnBatteries]);
    world.machine(|machine| machine.on_batteries = false);
    world.run_until(at("2024-05-01T12:30:00"));
    assert_eq!((world.outside.times("a"), world.outside.times("b").len()), (vec!["12:04:00".to_owned()], 0));
}

#[test]
fn a_start_that_failed_is_tried_as_often_as_the_task_says() {
    let mut slots = Slots::new(4, 8);
    let mut world = boot(&mut slots);
    world.register("a", &tried_again("missing", 3)).unwrap();
    world.run_for(30 * MINUTE);
    assert_eq!(count(&world, |event| matches!(event, Event::InstanceStarted { .. })), 4);
    assert_eq!(count(&world, |event| matches!(event, Event::InstanceEnded { .. })), 4);
    // Whoever stops it ends that too.
    world.outside.events.clear();
    world.run("a", &[]).unwrap();
    world.run_for(90_000);
    let task = world.task("a");
    world.call(|engine, cx| engine.stop(cx, task)).unwrap();
    world.run_for(30 * MINUTE);
    assert_eq!(count(&world, |event| matches!(event, Event::InstanceStarted { .. })), 2);
    // What ran and failed is not tried again: that is the action's own affair.
    world.register("b", &tried_again("b for=1 code=7", 3)).unwrap();
    world.run("b", &[]).unwrap();
    world.run_for(30 * MINUTE);
    assert_eq!(world.outside.times("b").len(), 1);
}

#[test]
fn what_waits_is_bounded_and_ends_with_its_task() {
    let mut slots = Slots::new(4, 64);
    let mut world = boot(&mut slots);
    let each = |policy| minutely("a").with(|with| with.instances_policy = policy).on(|on| on.run_only_if_idle = true);
    world.register("a", &each(InstancesPolicy::Parallel)).unwrap();
    world.run_for(30 * MINUTE);
    let listed = |world: &World<'_>| {
        let mut count = 0;
        world.engine.instances(None, &mut |_| {
            count += 1;
            true
        });
        count
    };
    assert_eq!(listed(&world), usize::from(QUEUED_RUNS));
    assert_eq!(world.skipped(), vec![Skipped::QueueFull; 30 - usize::from(QUEUED_RUNS)]);
    world.call(|engine, cx| engine.delete(cx, &Path::parse("a").unwrap())).unwrap();
    assert_eq!(listed(&world), 0);
    world.register("b", &each(InstancesPolicy::IgnoreNew)).unwrap();
    world.run_for(10 * MINUTE);
    assert_eq!(listed(&world), 1);
    // Disabled meanwhile, it does not start.
    let task = world.task("b");
    world.call(|engine, cx| engine.set_enabled(cx, task, false)).unwrap();
    world.machine(|machine| machine.idle = true);
    world.run_for(30 * MINUTE);
    assert!(world.outside.starts().is_empty());
    assert_eq!(world.skipped().last(), Some(&Skipped::Disabled));
    assert_eq!(world.engine.machine(), Machine { idle: true, ..Machine::default() });
}

/// Without a WaitTimeout a run waits for ever, and some machines are never idle.
#[test]
fn what_waits_for_ever_leaves_slots_for_what_runs() {
    for (timeout, waiting) in [(None, 4), (Some(Span::from_seconds(86_400)), 8)] {
        let mut slots = Slots::new(4, 8);
        let mut world = boot(&mut slots);
        let task = minutely("a").with(|with| with.instances_policy = InstancesPolicy::Parallel);
        let if_idle = |on: &mut mainspring::task::Conditions<'_>| {
            on.run_only_if_idle = true;
            on.idle.wait_timeout = timeout;
        };
        world.register("a", &task.on(if_idle)).unwrap();
        world.run_for(20 * MINUTE);
        assert_eq!(world.skipped(), vec![Skipped::NoInstanceSlot; 20 - waiting]);
        world.machine(|machine| machine.idle = true);
        world.run_for(SECOND);
        assert_eq!(world.outside.times("a").len(), waiting);
    }
}

#[test]
fn a_random_delay_spreads_what_falls_together() {
    let mut slots = Slots::new(64, 64);
    let mut world = boot(&mut slots);
    let kind = TriggerKind::Time { random_delay: Some(Span::from_seconds(600)) };
    for number in 0..50 {
        world
            .register(&format!("t{number}"), &Task::new("a for=1").when(trigger(kind, "2024-05-01T12:01:00")))
            .unwrap();
    }
    world.run_for(30 * MINUTE);
    let starts: Vec<_> = world.outside.starts().iter().map(|(time, _)| time.unwrap()).collect();
    let (first, last) = (at("2024-05-01T12:01:00"), at("2024-05-01T12:11:00"));
    assert_eq!(starts.len(), 50);
    assert!(starts.iter().all(|time| (first..=last).contains(time)));
    let minutes: std::collections::BTreeSet<_> = starts.iter().map(|time| time.since(first) / MINUTE).collect();
    assert!(minutes.len() > 6, "{minutes:?}");
}

#[test]
fn the_machine_is_to_be_awake_for_what_asks_for_it() {
    let mut slots = Slots::new(8, 8);
    let mut world = boot(&mut slots);
    let due = |time| Task::new("a for=1").when(once(time));
    world.register("sleeps", &due("2024-05-01T13:00:00")).unwrap();
    assert_eq!(world.engine.wake(), None);
    world.register("late", &due("2024-05-01T15:00:00").on(|on| on.wake_to_run = true)).unwrap();
    let task = world.register("early", &due("2024-05-01T14:00:00").on(|on| on.wake_to_run = true)).unwrap();
    assert_eq!(world.engine.wake(), Some(at("2024-05-01T14:00:00")));
    world.call(|engine, cx| engine.set_enabled(cx, task, false)).unwrap();
    assert_eq!(world.engine.wake(), Some(at("2024-05-01T15:00:00")));
    world.run_until(at("2024-05-01T15:00:00"));
    assert_eq!(world.engine.wake(), None);
}

#[test]
fn a_task_that_fires_no_more_is_deleted() {
    let mut slots = Slots::new(16, 8);
    let mut world = boot(&mut slots);
    let end = Boundary::parse("2024-05-01T12:30:00");
    let expiring =
        |task: Task<'static>, seconds| task.on(|on| on.delete_expired_task_after = Some(Span::from_seconds(seconds)));
    let ends = || Trigger { end, ..every(once("2024-05-01T12:10:00"), 600, None) };
    world.register("at once", &expiring(Task::new("a for=1").when(ends()), 0)).unwrap();
    world.register("later", &expiring(Task::new("b for=1").when(ends()), 3600)).unwrap();
    world.register("once", &expiring(Task::new("c for=1").when(once("2024-05-01T12:20:00")), 60)).unwrap();
    world.register("busy", &expiring(Task::new("d for=3600").when(once("2024-05-01T12:20:00")), 60)).unwrap();
    world
        .register("endless", &expiring(Task::new("e for=1").when(every(once("2024-05-01T12:20:00"), 600, None)), 0))
        .unwrap();
    world.register("by hand", &expiring(Task::new("f for=1"), 0)).unwrap();
    world.register("kept", &Task::new("g for=1").when(ends())).unwrap();
    let mut there = |minutes, expected: &[&str]| {
        world.run_for(minutes * MINUTE);
        let mut names = world.list("\\");
        names.sort();
        assert_eq!(names, expected, "{minutes} minutes later");
        let next = |path: &str| world.find(path).and_then(|_| world.engine.next_run(world.task(path)));
        assert!(next("later").is_none_or(|next| next <= at("2024-05-01T12:30:00")));
    };
    there(29, &["at once", "busy", "by hand", "endless", "kept", "later"]);
    there(2, &["busy", "by hand", "endless", "kept", "later"]);
    there(40, &["busy", "by hand", "endless", "kept", "later"]);
    there(25, &["by hand", "endless", "kept"]);
    assert_eq!(world.outside.times("a"), ["12:10:00", "12:20:00", "12:30:00"]);
    assert_eq!(world.outside.times("d").len(), 1);
}

#[test]
fn what_is_stopped_for_another_run_does_not_take_the_next_moments_with_it() {
    let mut slots = Slots::new(4, 8);
    let mut world = boot(&mut slots);
    let task = Task::new("a").when(every(trigger(TriggerKind::Logon { user: None, delay: None }, ""), 60, None));
    world.register("a", &task.with(|with| with.instances_policy = InstancesPolicy::StopExisting)).unwrap();
    let session = Session { id: session(1), user: &Sid::LOCAL_SYSTEM, groups: &[] };
    world.call(|engine, cx| engine.session_changed(cx, SessionChange::Logon, session));
    world.run_for(3 * MINUTE);
    assert_eq!(world.outside.times("a"), ["12:00:00", "12:01:00", "12:02:00", "12:03:00"]);
    let task = world.task("a");
    world.call(|engine, cx| engine.stop(cx, task)).unwrap();
    world.run_for(10 * MINUTE);
    assert_eq!(world.outside.times("a").len(), 4);
}

#[test]
fn a_run_whose_turn_comes_is_held_against_the_conditions_too() {
    let mut slots = Slots::new(4, 8);
    let mut world = boot(&mut slots);
    world.register("a", &minutely("a").with(|with| with.instances_policy = InstancesPolicy::Queue)).unwrap();
    world.run_until(at("2024-05-01T12:03:30"));
    world.machine(|machine| machine.on_batteries = true);
    assert_eq!((world.outside.children.len(), world.outside.times("a").len()), (0, 1));
    assert_eq!(world.skipped(), [Skipped::OnBatteries; 2]);
}

#[test]
fn attempts_are_counted_whatever_a_run_waits_for_between_them() {
    let mut slots = Slots::new(4, 8);
    let mut world = boot(&mut slots);
    let task = tried_again("missing", 1).on(|on| {
        on.run_only_if_idle = true;
        on.idle.duration = Some(Span::from_seconds(60));
    });
    world.register("a", &task).unwrap();
    for _ in 0..10 {
        world.machine(|machine| machine.idle = true);
        world.run_for(90 * 1000);
        world.machine(|machine| machine.idle = false);
        world.run_for(90 * 1000);
    }
    assert_eq!(count(&world, |event| matches!(event, Event::InstanceStarted { .. })), 2);
}

#[test]
fn another_attempt_has_the_limit_of_its_trigger() {
    let mut slots = Slots::new(4, 8);
    let mut world = boot(&mut slots);
    let limited = |start, seconds| Trigger { execution_time_limit: Some(Span::from_seconds(seconds)), ..once(start) };
    let task = Task::new("a").when(limited("2024-05-01T11:00:00", 60)).when(limited("2024-05-01T12:01:00", 600));
    let restart = RestartOnFailure { count: 3, interval: Span::from_seconds(60) };
    world.register("a", &task.on(|on| on.restart_on_failure = Some(restart))).unwrap();
    world.machine(|machine| machine.on_batteries = true);
    world.run_for(90 * 1000);
    world.machine(|machine| machine.on_batteries = false);
    world.run_for(9 * MINUTE);
    assert_eq!((world.outside.times("a"), world.outside.children.len()), (vec!["12:02:00".to_owned()], 1));
    world.run_for(3 * MINUTE);
    assert!(world.outside.children.is_empty());
}

#[test]
fn an_idle_task_starts_once_when_nobody_is_there_again() {
    let mut slots = Slots::new(4, 8);
    let mut world = boot(&mut slots);
    let task = Task::new("a")
        .when(trigger(TriggerKind::Idle, ""))
        .with(|with| with.instances_policy = InstancesPolicy::Parallel);
    let task = task.on(|on| {
        on.run_only_if_idle = true;
        on.idle.restart_on_idle = true;
        on.idle.duration = Some(Span::from_seconds(60));
    });
    let task = world.register("a", &task).unwrap();
    for idle in [true, false, true] {
        world.machine(|machine| machine.idle = idle);
        world.run_for(2 * MINUTE);
        assert_eq!(world.outside.children.len(), usize::from(idle));
        assert_eq!(world.engine.next_run(task), None);
    }
    assert_eq!(world.outside.times("a"), ["12:01:00", "12:05:00"]);
}

#[test]
fn a_duration_ends_what_began_late_in_it() {
    let mut slots = Slots::new(4, 8);
    let mut world = boot(&mut slots);
    let mut repeated = every(once("2024-05-01T12:01:00"), 60, Some(300));
    repeated.repetition.as_mut().unwrap().stop_at_duration_end = true;
    let task = Task::new("a").when(repeated).on(|on| {
        on.run_only_if_idle = true;
        on.idle.duration = Some(Span::from_seconds(60));
    });
    world.register("a", &task).unwrap();
    world.run_for(2 * MINUTE);
    world.machine(|machine| machine.idle = true);
    world.run_until(at("2024-05-01T12:05:59"));
    assert_eq!((world.outside.times("a"), world.outside.children.len()), (vec!["12:03:00".to_owned()], 1));
    world.run_for(2000);
    assert!(world.outside.children.is_empty());
}

#[test]
fn delays_by_lot_are_no_attempts() {
    let mut slots = Slots::new(4, 32);
    let mut world = boot(&mut slots);
    let kind = TriggerKind::Time { random_delay: Some(Span::from_seconds(600)) };
    let task = Task::new("a for=1").when(every(trigger(kind, "2024-05-01T12:01:00"), 60, Some(600)));
    world.register("a", &task.with(|with| with.instances_policy = InstancesPolicy::Parallel)).unwrap();
    world.run_for(60 * MINUTE);
    assert_eq!((world.outside.times("a").len(), world.skipped()), (11, vec![]));
}

#[test]
fn a_run_by_hand_does_not_settle_what_waits_for_its_moment() {
    let (mut first, mut second) = (Slots::new(4, 8), Slots::new(4, 8));
    let mut world = boot(&mut first);
    let kind = TriggerKind::Time { random_delay: Some(Span::from_seconds(3600)) };
    let task = Task::new("a for=1").when(trigger(kind, "2024-05-01T12:01:00"));
    world.register("a", &task.with(|with| with.start_when_available = true)).unwrap();
    world.run_for(MINUTE);
    world.run("a", &[]).unwrap();
    world.run_for(2000);
    assert_eq!(world.outside.times("a").len(), 1);
    let mut outside = world.die();
    outside.power_cut();
    let mut world = World::boot(&mut second, outside);
    world.run_for(10 * MINUTE);
    assert_eq!(world.outside.times("a").len(), 2);
}
