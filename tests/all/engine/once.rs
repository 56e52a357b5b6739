//! Each occurrence runs or is told with its reason, and not both: also over restarts, stops and stores that fail.

use super::history::history_by;
use crate::task::image::event as subscription;
use mainspring::{
    engine::Happened,
    event::Skipped,
    query::Event,
    sid::Sid,
    store::INSTANCE,
    task::{self, Boundary, InstancesPolicy, Maintenance, RestartOnFailure, Span, Trigger, TriggerKind},
};
use mainspring_tests::world::{
    DAY, HOUR, MINUTE, Outside, SECOND, Slots, Task, World, at, daily, every, once, registration, trigger,
};

const START: &str = "2024-05-01T12:00:00";
const LOGON: &str = "<QueryList><Query><Select Path='Security'>*[System[(EventID=4624)]]</Select></Query></QueryList>";
const ALL: &str = r#"<CatchUp xmlns="urn:mainspring:task">all 5</CatchUp>"#;

pub(super) fn logs_on(world: &mut World<'_>) {
    world.call(|engine, cx| engine.event_happened(cx, &Event::new("Security", 4624)));
}

pub(super) fn seconds(seconds: u64) -> Option<Span<'static>> {
    Some(Span::from_seconds(seconds))
}

pub(super) fn again(count: u8, after: u64) -> Option<RestartOnFailure<'static>> {
    Some(RestartOnFailure { count, interval: Span::from_seconds(after) })
}

/// At a moment, and a part of a day later.
fn some_time(start: &'static str) -> Trigger<'static> {
    trigger(TriggerKind::Time { random_delay: seconds(86_400) }, start)
}

pub(super) fn on_event() -> Trigger<'static> {
    trigger(TriggerKind::Event(subscription(LOGON)), "")
}

pub(super) fn missed(world: &mut World<'_>, path: &str) -> u32 {
    let task = world.task(path);
    world.call(|engine, cx| engine.missed_runs(cx, task)).unwrap()
}

/// How many occurrences of a task the history tells of, run or not.
pub(super) fn told(world: &mut World<'_>, path: &str) -> u32 {
    let count = |what| if let Happened::Skipped { count, .. } = what { count } else { 1 };
    history_by(world, path, usize::MAX).into_iter().map(|happening| count(happening.what)).sum()
}

pub(super) fn stop(world: &mut World<'_>, path: &str) {
    let task = world.task(path);
    world.call(|engine, cx| engine.stop(cx, task)).unwrap();
}

fn end(world: &mut World<'_>) {
    world.call(|engine, cx| engine.stop_all(cx));
    world.run_for(SECOND);
}

#[test]
fn one_that_a_clock_ahead_settled_for_another_definition_runs_once() {
    let (mut first, mut second) = (Slots::new(8, 16), Slots::new(8, 16));
    let mut world = World::boot(&mut first, Outside::new(START));
    let all = |task: Task<'static>| {
        Task { data: Some(ALL), ..task }.with(|with| with.instances_policy = InstancesPolicy::Parallel)
    };
    world.set_clock("2030-05-01T12:00:00");
    world.register("a", &all(Task::new("old for=7200").when(daily("2024-05-01T12:10:00")))).unwrap();
    world.run_for(15 * MINUTE);
    world.set_clock("2024-05-01T12:00:00");
    world.register("a", &all(Task::new("a for=1").when(some_time("2024-05-01T12:10:00")))).unwrap();
    world.run_for(15 * MINUTE);
    let mut outside = world.die();
    outside.pass(10 * MINUTE);
    let mut world = World::boot(&mut second, outside);
    world.run_for(2 * DAY);
    assert_eq!(world.outside.times("a").len(), 1);
}

#[test]
fn what_was_stopped_while_it_waited_does_not_run_after_a_restart() {
    for (available, graceful) in [(true, true), (true, false), (false, true), (false, false)] {
        let (mut first, mut second) = (Slots::new(8, 8), Slots::new(8, 8));
        let mut world = World::boot(&mut first, Outside::new(START));
        let task = Task::new("a for=1").when(some_time("2024-05-01T12:10:00"));
        world.register("a", &task.with(|with| with.start_when_available = available)).unwrap();
        world.run_for(11 * MINUTE);
        stop(&mut world, "a");
        assert_eq!(world.skipped(), [Skipped::Stopped]);
        if graceful {
            end(&mut world);
        }
        let mut outside = world.die();
        outside.power_cut();
        outside.pass(HOUR);
        outside.events.clear();
        let mut world = World::boot(&mut second, outside);
        world.run_for(30 * MINUTE);
        assert_eq!((world.outside.times("a").len(), world.skipped()), (0, vec![]), "{available} {graceful}");
        assert_eq!((told(&mut world, "a"), missed(&mut world, "a")), (1, 0));
    }
}

#[test]
fn what_was_stopped_while_it_had_to_wait_for_its_turn_does_not_run_after_a_cut() {
    let (mut first, mut second) = (Slots::new(16, 16), Slots::new(16, 16));
    let mut world = World::boot(&mut first, Outside::new(START));
    let task = Task::new("a for=3600").when(every(once("2024-05-01T12:10:00"), 300, Some(300)));
    let queued = |with: &mut task::Settings<'_>| {
        with.instances_policy = InstancesPolicy::Queue;
        with.start_when_available = true;
    };
    world.register("a", &task.with(queued)).unwrap();
    world.run_until(at("2024-05-01T12:16:00"));
    let running: Vec<_> = world.outside.children.keys().copied().collect();
    let (mut waits, task) = (None, world.task("a"));
    world.engine.instances(Some(task), &mut |guid| {
        waits = Some(guid).filter(|guid| !running.contains(guid)).or(waits);
        true
    });
    world.call(|engine, cx| engine.stop_instance(cx, waits.unwrap())).unwrap();
    assert_eq!(world.skipped(), [Skipped::Stopped]);
    let mut outside = world.die();
    outside.power_cut();
    outside.pass(10 * MINUTE);
    let mut world = World::boot(&mut second, outside);
    world.run_for(HOUR);
    assert_eq!(world.outside.times("a"), ["12:10:00"]);
}

#[test]
fn what_was_told_as_not_idle_does_not_run_after_a_restart() {
    for available in [true, false] {
        let (mut first, mut second) = (Slots::new(8, 8), Slots::new(8, 8));
        let mut world = World::boot(&mut first, Outside::new(START));
        let task = Task::new("a for=1").when(daily("2024-05-01T12:10:00"));
        let task = task.with(|with| with.start_when_available = available).on(|on| {
            on.run_only_if_idle = true;
            on.idle.wait_timeout = seconds(600);
        });
        world.register("a", &task).unwrap();
        world.run_for(30 * MINUTE);
        assert_eq!(world.skipped(), [Skipped::NotIdle]);
        end(&mut world);
        let mut outside = world.die();
        outside.pass(HOUR);
        outside.events.clear();
        let mut world = World::boot(&mut second, outside);
        world.machine(|machine| machine.idle = true);
        world.run_for(30 * MINUTE);
        assert_eq!((world.skipped(), world.outside.times("a").len()), (vec![], 0), "{available}");
    }
}

fn exclusive(command: &str) -> Task<'_> {
    let maintenance = Maintenance { period: Span::from_seconds(86_400), deadline: None, exclusive: true };
    Task::new(command).on(|on| on.maintenance = Some(maintenance))
}

#[test]
fn exclusive_maintenance_that_waited_runs_alone() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    for command in ["a for=600", "b for=600"] {
        let if_idle = |on: &mut task::Conditions<'_>| {
            on.run_only_if_idle = true;
            on.idle.stop_on_idle_end = false;
            on.idle.wait_timeout = seconds(7200);
        };
        world.register(&command[..1], &exclusive(command).on(if_idle)).unwrap();
    }
    world.run_until(at("2024-05-02T02:30:00"));
    world.machine(|machine| machine.idle = true);
    world.run_for(MINUTE);
    assert_eq!(world.outside.children.len(), 1);
    world.run_for(25 * MINUTE);
    assert_eq!(world.outside.starts().len(), 2, "one after the other");

    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let a = exclusive("a for=600").on(|on| {
        on.disallow_start_if_on_batteries = true;
        on.restart_on_failure = again(3, 600);
    });
    let b = exclusive("b for=1200").on(|on| {
        on.disallow_start_if_on_batteries = false;
        on.stop_if_going_on_batteries = false;
    });
    world.register("a", &a).unwrap();
    world.register("b", &b).unwrap();
    world.run_until(at("2024-05-02T01:59:00"));
    world.machine(|machine| machine.on_batteries = true);
    world.run_until(at("2024-05-02T02:05:00"));
    world.machine(|machine| machine.on_batteries = false);
    world.run_until(at("2024-05-02T02:11:00"));
    assert_eq!(world.outside.children.len(), 1);
    world.run_for(HOUR);
    assert_eq!(world.outside.starts().len(), 2);
}

/// An untold step passes over one of the calendar while the task is due for something else.
#[test]
fn a_step_that_nobody_tells_of_hides_nothing_behind_a_trigger_of_the_other_clock() {
    let both = || Task::new("a for=0").when(registration(3600)).when(once("2024-05-01T13:00:10"));
    for told in [true, false] {
        let mut slots = Slots::new(8, 8);
        let mut world = World::boot(&mut slots, Outside::new(START));
        world.register("a", &both()).unwrap();
        world.run_until(at("2024-05-01T12:59:55"));
        world.outside.now.wall = Some(at("2024-05-01T13:00:15"));
        if told {
            world.call(|engine, cx| engine.clock_set(cx));
        }
        world.run_for(10 * MINUTE);
        let (ran, skipped) = (world.outside.times("a").len(), world.skipped().len());
        assert_eq!(ran + skipped, 2, "{ran} {skipped}");
        // Told of in time, it runs late; otherwise it may be known as missed.
        assert!(ran == 2 || !told, "{ran}");
    }
    // A clock that goes a little faster than the other.
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &Task::new("a for=0").when(registration(3600)).when(once("2024-05-01T13:00:00.5"))).unwrap();
    for _ in 0..60 {
        world.run_for(MINUTE - 15);
        world.outside.now.wall = world.outside.now.wall.map(|wall| wall.plus(30));
        world.run_for(15);
    }
    world.run_for(10 * MINUTE);
    assert_eq!(world.outside.times("a").len() + world.skipped().len(), 2);
}

#[test]
fn another_attempt_outlives_a_restart() {
    for down in [false, true] {
        let (mut first, mut second) = (Slots::new(8, 8), Slots::new(8, 8));
        let mut world = World::boot(&mut first, Outside::new(START));
        let task = Task::new("a missing").when(once("2024-05-01T12:10:00"));
        world.register("a", &task.on(|on| on.restart_on_failure = again(2, 600))).unwrap();
        world.run_until(at("2024-05-01T12:16:00"));
        if down {
            end(&mut world);
            let mut outside = world.die();
            outside.power_cut();
            outside.pass(10 * SECOND);
            world = World::boot(&mut second, outside);
        }
        world.run_for(2 * HOUR);
        let tries = history_by(&mut world, "a", usize::MAX);
        let tries = tries.iter().filter(|entry| matches!(entry.what, Happened::NotStarted { .. })).count();
        assert_eq!((tries, missed(&mut world, "a")), (3, 0), "{down}");
        assert_eq!(world.outside.store.kind(INSTANCE).count(), 0);
    }
}

/// What no start of the server finds again is told when it ends.
#[test]
fn what_waits_of_an_event_when_the_server_ends_is_told_as_stopped() {
    let (mut first, mut second) = (Slots::new(8, 8), Slots::new(8, 8));
    let mut world = World::boot(&mut first, Outside::new(START));
    let delayed = task::Event { delay: seconds(600), ..subscription(LOGON) };
    world.register("delayed", &Task::new("a for=1").when(trigger(TriggerKind::Event(delayed), ""))).unwrap();
    let if_idle = |on: &mut task::Conditions<'_>| on.run_only_if_idle = true;
    world.register("idle", &Task::new("b for=1").when(on_event()).on(if_idle)).unwrap();
    let networked = |on: &mut task::Conditions<'_>| {
        on.run_only_if_network_available = true;
        on.restart_on_failure = again(3, 600);
    };
    world.register("again", &Task::new("c for=1").when(on_event()).on(networked)).unwrap();
    world.machine(|machine| machine.network = false);
    logs_on(&mut world);
    world.run_for(MINUTE);
    end(&mut world);
    assert_eq!(world.skipped(), [Skipped::Stopped; 3]);
    let mut outside = world.die();
    outside.power_cut();
    outside.events.clear();
    let mut world = World::boot(&mut second, outside);
    world.run_for(HOUR);
    assert_eq!((world.outside.starts().len(), world.skipped()), (0, vec![]));
    for path in ["delayed", "idle", "again"] {
        assert_eq!(told(&mut world, path), 1, "{path}");
    }
}

#[test]
fn what_waits_of_a_group_when_the_server_ends_is_told_as_stopped() {
    let [group, who] = ["S-1-5-21-1-2-3-2000", "S-1-5-21-1-2-3-1001"].map(|sid| Sid::parse(sid).unwrap());
    let (mut first, mut second) = (Slots::new(8, 16), Slots::new(8, 16));
    let mut outside = Outside::new(START);
    outside.people.logs_on(3, &who, &[group]);
    let mut world = World::boot(&mut first, outside);
    let task = Task::new("a for=3000").when(every(once("2024-05-01T12:01:00"), 60, Some(180))).of_group(&group);
    world.register("a", &task.with(|with| with.instances_policy = InstancesPolicy::Queue)).unwrap();
    world.run_for(5 * MINUTE);
    end(&mut world);
    let mut outside = world.die();
    outside.pass(MINUTE);
    let mut world = World::boot(&mut second, outside);
    world.run_for(3 * HOUR);
    assert_eq!(world.outside.times("a").len(), 1);
    assert_eq!(told(&mut world, "a"), 4, "one ran, and three waited");
}

/// A member whose run does not end stands in nobody else's way.
#[test]
fn each_member_of_a_group_has_a_queue() {
    let group = Sid::parse("S-1-5-21-1-2-3-2000").unwrap();
    let mut slots = Slots::new(8, 64);
    let mut outside = Outside::new(START);
    for (session, number) in [(3, 1001), (5, 1002)] {
        let who = Sid::parse(&format!("S-1-5-21-1-2-3-{number}")).unwrap();
        outside.people.logs_on(session, &who, &[group]);
    }
    let mut world = World::boot(&mut slots, outside);
    let task = Task::new("a for=40").when(every(once("2024-05-01T12:01:00"), 60, None)).of_group(&group);
    world.register("a", &task.with(|with| with.instances_policy = InstancesPolicy::Queue)).unwrap();
    world.run_for(61 * SECOND);
    let hangs: Vec<_> =
        world.outside.children.iter().filter(|(_, child)| child.line[2] == "@3").map(|(guid, _)| *guid).collect();
    assert_eq!(hangs.len(), 1);
    world.outside.children.remove(&hangs[0]);
    world.run_for(40 * MINUTE);
    // Now and then two wait for the other.
    for _ in 0..3 {
        world.run("a", &[]).unwrap();
    }
    world.run_for(20 * MINUTE);
    let others = world.outside.starts().iter().filter(|(_, line)| line.ends_with("@5")).count();
    assert_eq!(others, 61 + 3);
}

#[test]
fn what_is_stopped_by_use_starts_again_though_its_task_expires() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let task = Task::new("a for=3600").when(once("2024-05-01T13:00:00")).on(|on| {
        on.run_only_if_idle = true;
        on.idle.stop_on_idle_end = true;
        on.idle.restart_on_idle = true;
        on.delete_expired_task_after = seconds(60);
    });
    world.register("a", &task).unwrap();
    for (until, idle) in [("12:59", true), ("13:10", false), ("13:30", true)] {
        world.run_until(at(&format!("2024-05-01T{until}:00")));
        world.machine(|machine| machine.idle = idle);
    }
    world.run_for(2 * HOUR);
    assert_eq!(world.outside.times("a").len(), 2);
    assert!(world.find("a").is_none(), "it expires then");
}

#[test]
fn an_event_that_was_counted_keeps_no_task_that_has_expired() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let thrice = task::Event { number_of_occurrences: 3, ..subscription(LOGON) };
    let end = Boundary::parse("2024-05-01T13:00:00");
    let when = Trigger { end, ..trigger(TriggerKind::Event(thrice), "") };
    world.register("a", &Task::new("a for=1").when(when).on(|on| on.delete_expired_task_after = seconds(60))).unwrap();
    logs_on(&mut world);
    world.run_for(2 * HOUR);
    assert!(world.find("a").is_none());
}

#[test]
fn a_turn_that_is_hindered_waits_as_a_firing_does() {
    let mut slots = Slots::new(8, 64);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let queued = |command| {
        let task = Task::new(command).when(every(once("2024-05-01T12:10:00"), 300, Some(300)));
        task.with(|with| with.instances_policy = InstancesPolicy::Queue)
    };
    let if_idle = |on: &mut task::Conditions<'_>| {
        on.run_only_if_idle = true;
        on.idle.wait_timeout = seconds(7200);
        on.idle.stop_on_idle_end = false;
    };
    let networked = |on: &mut task::Conditions<'_>| {
        on.run_only_if_network_available = true;
        on.restart_on_failure = again(10, 60);
    };
    world.register("idle", &queued("idle for=600").on(if_idle)).unwrap();
    world.register("net", &queued("net for=600").on(networked)).unwrap();
    world.machine(|machine| machine.idle = true);
    world.run_until(at("2024-05-01T12:16:00"));
    world.machine(|machine| (machine.idle, machine.network) = (false, false));
    world.run_until(at("2024-05-01T12:22:00"));
    world.machine(|machine| (machine.idle, machine.network) = (true, true));
    world.run_for(HOUR);
    assert_eq!((world.outside.times("idle").len(), world.outside.times("net").len()), (2, 2));
    assert_eq!(world.skipped(), []);
}

#[test]
fn all_that_is_owed_waits_for_what_waits() {
    for network in [false, true] {
        let (mut first, mut second) = (Slots::new(16, 16), Slots::new(16, 16));
        let mut world = World::boot(&mut first, Outside::new(START));
        let task = Task::new("a for=1").when(daily("2024-05-01T13:00:00")).on(|on| {
            on.run_only_if_network_available = network;
            on.restart_on_failure = again(100, 60).filter(|_| network);
            on.run_only_if_idle = !network;
            on.idle.stop_on_idle_end = false;
            on.idle.wait_timeout = seconds(7200);
        });
        world.register("a", &Task { data: Some(ALL), ..task }).unwrap();
        let mut outside = world.die();
        outside.pass(5 * DAY);
        let mut world = World::boot(&mut second, outside);
        world.machine(|machine| machine.network = !network);
        world.run_for(30 * MINUTE);
        world.machine(|machine| (machine.network, machine.idle) = (true, true));
        world.run_for(20 * MINUTE);
        assert_eq!((world.outside.times("a").len(), world.skipped()), (5, vec![]), "{network}");
    }
}

#[test]
fn an_event_begins_the_repetition_anew() {
    let mut slots = Slots::new(8, 64);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &Task::new("a for=0").when(every(on_event(), 60, None))).unwrap();
    for _ in 0..40 {
        logs_on(&mut world);
        world.run_for(SECOND);
    }
    assert_eq!(world.outside.starts().len(), 40);
    world.run_for(10 * MINUTE);
    assert_eq!((world.outside.starts().len(), world.skipped()), (50, vec![]));
}

/// With a delay each event has its first run, and the last of them the repetition.
#[test]
fn an_event_does_not_take_the_delay_of_another() {
    let mut slots = Slots::new(8, 64);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let delayed = task::Event { delay: seconds(30), ..subscription(LOGON) };
    world.register("a", &Task::new("a for=0").when(every(trigger(TriggerKind::Event(delayed), ""), 60, None))).unwrap();
    for _ in 0..3 {
        logs_on(&mut world);
        world.run_for(10 * SECOND);
    }
    world.run_until(at("2024-05-01T12:00:55"));
    assert_eq!(world.outside.times("a"), ["12:00:30", "12:00:40", "12:00:50"]);
    world.run_for(5 * MINUTE);
    assert_eq!(world.outside.times("a").len(), 3 + 5, "of three courses one goes on");
}

/// The record of a run that waits for an idle machine says nothing of when it started, and that it may be stopped for good.
#[test]
fn the_record_of_what_waits_tells_no_time_that_never_was() {
    let (mut first, mut second) = (Slots::new(8, 8), Slots::new(8, 8));
    let mut world = World::boot(&mut first, Outside::new(START));
    let task = Task::new("a missing").when(once("2024-05-01T12:10:00")).on(|on| {
        on.run_only_if_idle = true;
        on.restart_on_failure = again(2, 60);
    });
    world.register("a", &task.with(|with| with.allow_hard_terminate = true)).unwrap();
    world.machine(|machine| machine.idle = true);
    world.run_until(at("2024-05-01T12:10:30"));
    world.machine(|machine| machine.idle = false);
    world.run_for(5 * MINUTE);
    let records: Vec<_> = world.outside.store.kind(INSTANCE).map(|(_, bytes)| bytes.to_vec()).collect();
    assert_eq!(records.len(), 1);
    let record = mainspring::store::Instance::decode(&records[0]).unwrap();
    assert_eq!((record.started, record.limit, record.hard, record.attempt), (None, None, true, 1));
    let mut outside = world.die();
    let latest = mainspring::engine::latest(&mut outside.store).unwrap();
    assert!(latest <= outside.now.wall, "{latest:?}");
    // It goes on where it was.
    outside.power_cut();
    let mut world = World::boot(&mut second, outside);
    world.machine(|machine| machine.idle = true);
    world.run_for(10 * MINUTE);
    assert_eq!(world.outside.store.kind(INSTANCE).count(), 0);
    assert_eq!(missed(&mut world, "a"), 0);
}

/// Whatever a cut leaves of a turn that becomes a wait, there is one run.
#[test]
fn a_turn_that_waits_instead_runs_once_whatever_a_cut_leaves() {
    for cut in 0..12 {
        let (mut first, mut second) = (Slots::new(8, 64), Slots::new(8, 64));
        let mut world = World::boot(&mut first, Outside::new(START));
        let task = Task::new("net for=600").when(every(once("2024-05-01T12:10:00"), 300, Some(300)));
        let task = task.with(|with| with.instances_policy = InstancesPolicy::Queue).on(|on| {
            on.run_only_if_network_available = true;
            on.restart_on_failure = again(10, 60);
        });
        world.register("net", &Task { data: Some(ALL), ..task }).unwrap();
        world.run_until(at("2024-05-01T12:16:00"));
        world.machine(|machine| machine.network = false);
        world.run_until(at("2024-05-01T12:19:59"));
        world.outside.store.cut_after = Some(cut);
        world.run_for(90 * SECOND);
        let mut outside = world.die();
        outside.power_cut();
        outside.store.cut_after = None;
        let before = outside.times("net").len();
        assert_eq!(before, 1);
        let mut world = World::boot(&mut second, outside);
        world.machine(|machine| machine.network = true);
        world.run_for(2 * HOUR);
        assert_eq!(world.outside.times("net").len(), 2, "cut after {cut}");
    }
}

/// What was stopped because somebody came is not refused a place for as long as it has to wait now.
#[test]
fn what_is_stopped_by_use_starts_again_though_half_of_the_slots_are_taken() {
    let mut slots = Slots::new(8, 4);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let restarts = |on: &mut task::Conditions<'_>| {
        on.run_only_if_idle = true;
        on.idle.stop_on_idle_end = true;
        on.idle.restart_on_idle = true;
    };
    world.register("a", &Task::new("a for=7200").when(once("2024-05-01T12:10:00")).on(restarts)).unwrap();
    for path in ["b", "c"] {
        world.register(path, &Task::new("x")).unwrap();
        world.run(path, &[]).unwrap();
    }
    for (until, idle) in [("12:09", true), ("12:20", false), ("12:30", true)] {
        world.run_until(at(&format!("2024-05-01T{until}:00")));
        world.machine(|machine| machine.idle = idle);
    }
    world.run_for(HOUR);
    assert_eq!((world.outside.times("a").len(), world.skipped()), (2, vec![]));
}

#[test]
fn another_attempt_stops_no_later_run() {
    let mut slots = Slots::new(8, 16);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let task = Task::new("a for=600").when(once("2024-05-01T12:10:00")).when(once("2024-05-01T12:12:00"));
    let task = task.with(|with| with.instances_policy = InstancesPolicy::StopExisting).on(|on| {
        on.run_only_if_network_available = true;
        on.restart_on_failure = again(3, 300);
    });
    world.register("a", &task).unwrap();
    world.machine(|machine| machine.network = false);
    world.run_until(at("2024-05-01T12:11:00"));
    world.machine(|machine| machine.network = true);
    world.run_for(HOUR);
    assert_eq!((world.outside.times("a"), world.skipped()), (vec!["12:12:00".into()], vec![Skipped::AlreadyRunning]));
}

#[test]
fn the_machine_is_awake_for_what_waits_for_its_moment() {
    let mut slots = Slots::new(8, 64);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let task = Task::new("a for=0").when(some_time("2024-05-01T12:10:00"));
    world.register("a", &task.on(|on| on.wake_to_run = true)).unwrap();
    world.run_until(at("2024-05-01T12:11:00"));
    assert_eq!(world.outside.times("a").len(), 0);
    let wake = world.engine.wake().unwrap();
    world.run_for(DAY);
    assert_eq!(world.outside.starts()[0].0, Some(wake));
}

/// Whatever a cut leaves of its settlement, what was overtaken is counted at least once, and no more than twice.
#[test]
fn what_was_overtaken_is_counted_whatever_a_cut_leaves() {
    for cut in 0..6 {
        let [mut first, mut second, mut third] = [(); 3].map(|()| Slots::new(8, 8));
        let mut world = World::boot(&mut first, Outside::new(START));
        let task = Task::new("a for=1").when(some_time("2024-05-01T12:10:00")).when(once("2024-05-01T12:20:00"));
        world.register("a", &task).unwrap();
        world.run_until(at("2024-05-01T12:30:00"));
        let mut outside = world.die();
        outside.power_cut();
        outside.store.cut_after = Some(cut);
        if let Some(mut world) = World::try_boot(&mut second, outside.clone()) {
            world.run_for(SECOND);
            outside = world.die();
        }
        outside.power_cut();
        outside.store.cut_after = None;
        let mut world = World::boot(&mut third, outside);
        world.run_for(HOUR);
        let missed = missed(&mut world, "a");
        // Between its two changes it is counted, and the record is still there.
        assert!(missed == 1 || cut == 1 && missed == 2, "cut after {cut}: {missed}");
    }
}

/// Tasks that run for 70 seconds, and whose results are so long that few fit into one record of the history.
fn long_results(count: u32) -> (Vec<String>, Vec<String>) {
    let named = |number| (format!("t{number}"), format!("t{number} for=70 code=3000000000"));
    (0..count).map(named).unzip()
}

/// What happened is in the history when the server has ended, however much of it is in memory then.
#[test]
fn a_graceful_end_keeps_all_of_the_history() {
    for count in 1..10 {
        let (mut first, mut second) = (Slots::new(16, 16), Slots::new(16, 16));
        let mut world = World::boot(&mut first, Outside::new(START));
        let (paths, commands) = long_results(count);
        for (path, command) in paths.iter().zip(&commands) {
            world.register(path, &Task::new(command)).unwrap();
            world.run(path, &[]).unwrap();
            world.run_for(20 * SECOND);
        }
        world.run_for(2 * MINUTE);
        end(&mut world);
        let mut world = World::boot(&mut second, world.die());
        let known: u32 = paths.iter().map(|path| told(&mut world, path)).sum();
        assert_eq!(known, count);
    }
}

/// A reason that is settled for good is in the history for good.
#[test]
fn the_reason_of_what_is_settled_outlives_a_cut() {
    for count in 0..8 {
        let (mut first, mut second) = (Slots::new(16, 16), Slots::new(16, 16));
        let mut world = World::boot(&mut first, Outside::new(START));
        let (paths, commands) = long_results(count);
        for (path, command) in paths.iter().zip(&commands) {
            world.register(path, &Task::new(command)).unwrap();
        }
        let task = Task::new("net for=1").when(daily("2024-05-01T12:05:00"));
        let task = task.with(|with| with.start_when_available = true);
        world.register("net", &task.on(|on| on.run_only_if_network_available = true)).unwrap();
        world.machine(|machine| machine.network = false);
        for path in &paths {
            world.run(path, &[]).unwrap();
            world.run_for(20 * SECOND);
        }
        world.run_until(at("2024-05-01T12:05:00"));
        world.run_for(SECOND);
        let mut outside = world.die();
        outside.power_cut();
        let mut world = World::boot(&mut second, outside);
        world.run_for(HOUR);
        assert_eq!((world.outside.times("net").len(), told(&mut world, "net")), (0, 1), "{count}");
    }
}
