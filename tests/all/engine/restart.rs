//! What a new server finds: tasks, last runs, instances that still run or do not, delays that had begun.

use mainspring::{
    engine::{Refused, TaskState},
    status::Status,
    store::INSTANCE,
    task::{InstancesPolicy, Span, TriggerKind},
};
use mainspring_tests::world::{
    HOUR, MINUTE, Outside, SECOND, Seen, Slots, Task, World, at, boot, daily, every, exec, once, registration, trigger,
};

const START: &str = "2024-05-01T12:00:00";

#[test]
fn tasks_and_last_runs_are_there() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("f\\a", &Task::new("a for=5 code=3").when(daily("2024-05-01T12:30:00"))).unwrap();
    world.register("b", &Task::new("b")).unwrap();
    let task = world.task("b");
    world.call(|engine, cx| engine.set_enabled(cx, task, false)).unwrap();
    world.run_for(HOUR);
    let outside = world.die();
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, outside);
    assert_eq!((world.loaded.tasks, world.loaded.folders, world.loaded.damaged, world.loaded.swept), (2, 1, 0, 0));
    let task = world.task("f\\a");
    assert_eq!(world.engine.next_run(task), Some(at("2024-05-02T12:30:00")));
    let last = world.call(|engine, cx| engine.last_run(cx, task)).unwrap().unwrap();
    assert_eq!((last.at, last.result), (at("2024-05-01T12:30:00"), Status(3)));
    assert_eq!(world.engine.state(world.task("b")), TaskState::Disabled);
    assert_eq!(world.last_result("b"), None);
}

#[test]
fn what_was_due_while_no_server_ran_is_not_run() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &Task::new("a for=0").when(every(once("2024-05-01T12:00:00"), 600, None))).unwrap();
    world.run_for(15 * MINUTE);
    let mut outside = world.die();
    outside.pass(HOUR);
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, outside);
    world.run_for(10 * MINUTE);
    assert_eq!(world.outside.times("a"), ["12:00:00", "12:10:00", "13:20:00"]);
}

#[test]
fn a_child_that_survived_is_adopted_and_counts() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let limit = |with: &mut mainspring::task::Settings<'_>| with.execution_time_limit = Some(Span::from_seconds(600));
    let task = Task::new("a").when(every(once("2024-05-01T12:00:00"), 60, None)).with(limit);
    world.register("a", &task).unwrap();
    world.run_for(30 * SECOND);
    let mut outside = world.die();
    outside.pass(MINUTE);
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, outside);
    assert_eq!(world.loaded.recovering, 1);
    let task = world.task("a");
    assert_eq!(world.engine.state(task), TaskState::Running);
    assert_eq!(world.run("a", &[]), Err(Refused::AlreadyRunning));
    world.run_for(5 * MINUTE);
    assert_eq!(world.outside.times("a"), ["12:00:00"]);
    // The time limit counts from when it started.
    world.run_until(at("2024-05-01T12:09:59"));
    assert_eq!(world.outside.children.len(), 1);
    world.run_until(at("2024-05-01T12:11:00"));
    assert_eq!(world.outside.times("a"), ["12:00:00", "12:11:00"]);
    assert_eq!(world.last_result("a"), Some(Status::SCHED_S_TASK_RUNNING));
}

#[test]
fn a_child_that_did_not_survive_has_ended_and_its_actions_with_it() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &Task::new("a").then(exec("b"))).unwrap();
    let instance = world.run("a", &["x"]).unwrap();
    let mut outside = world.die();
    outside.power_cut();
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, outside);
    assert_eq!(world.outside.log.last().unwrap().1, Seen::Recover(None));
    assert_eq!(world.last_result("a"), Some(Status::E_PROCESS_ABORTED));
    assert_eq!(world.call(|engine, cx| engine.instance(cx, instance)).unwrap_err(), Refused::NotRunning);
    assert_eq!(world.outside.store.kind(INSTANCE).count(), 0);
    assert_eq!(world.outside.starts().len(), 1);
}

#[test]
fn an_adopted_instance_goes_on_with_its_arguments() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let second =
        mainspring::task::Exec { command: "b", arguments: Some("$(Arg1)"), working_directory: None, opaque: None };
    let second = mainspring::task::Action::Exec { id: None, exec: second };
    world.register("a", &Task::new("a for=60").then(second)).unwrap();
    let instance = world.run("a", &["x", "a word"]).unwrap();
    let outside = world.die();
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, outside);
    let info = world.call(|engine, cx| engine.instance(cx, instance)).unwrap();
    assert_eq!((info.action, info.process), (0, 4711));
    world.run_for(MINUTE);
    assert_eq!(world.outside.starts()[1].1, "b a word");
}

/// Its task was deleted and the server died before it had ended: it is found and stopped.
#[test]
fn an_instance_without_a_task_is_stopped() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &Task::new("a stubborn")).unwrap();
    world.run("a", &[]).unwrap();
    world.call(|engine, cx| engine.delete(cx, &mainspring::task::Path::parse("a").unwrap())).unwrap();
    let outside = world.die();
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, outside);
    assert_eq!(world.loaded.recovering, 1);
    world.run_for(10 * SECOND);
    assert!(world.outside.children.is_empty());
    assert_eq!(world.outside.store.kind(INSTANCE).count(), 0);
}

#[test]
fn boot_triggers_fire_at_every_start_after_their_delay() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let parallel = |with: &mut mainspring::task::Settings<'_>| with.instances_policy = InstancesPolicy::Parallel;
    world.register("now", &Task::new("now for=0").when(boot(0))).unwrap();
    world.register("late", &Task::new("late for=0").when(every(boot(30), 60, Some(60))).with(parallel)).unwrap();
    world.run_for(HOUR);
    assert!(world.outside.starts().is_empty());
    let outside = world.die();
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, outside);
    assert_eq!(world.engine.state(world.task("late")), TaskState::Queued);
    world.run_for(HOUR);
    let mut outside = world.die();
    outside.power_cut();
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, outside);
    world.run_for(MINUTE);
    assert_eq!(world.outside.times("now"), ["13:00:00", "14:00:00"]);
    assert_eq!(world.outside.times("late"), ["13:00:30", "13:01:30", "14:00:30"]);
}

#[test]
fn registration_triggers_go_on_where_they_were() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &Task::new("a for=0").when(every(registration(30), 600, None))).unwrap();
    world.run_for(15 * MINUTE);
    let mut outside = world.die();
    outside.pass(HOUR);
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, outside);
    world.run_for(10 * MINUTE);
    assert_eq!(world.outside.times("a"), ["12:00:30", "12:10:30", "13:20:30"]);

    // A clock that went back makes none of them again.
    let mut outside = world.die();
    outside.now.wall = Some(at("2024-05-01T12:05:00"));
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, outside);
    world.run_for(10 * MINUTE);
    assert_eq!(
        world.outside.times("a")[3..],
        ["12:14:59"],
        "ten minutes after the last that fired, less its millisecond"
    );

    // Registered anew, they begin again, also for a server that starts then.
    world.register("a", &Task::new("a for=0").when(every(registration(30), 600, None))).unwrap();
    let outside = world.die();
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, outside);
    world.run_for(MINUTE);
    assert_eq!(world.outside.times("a")[4..], ["12:15:30"]);
}

#[test]
fn registration_triggers_can_be_ignored() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let mut room = vec![0; 4096];
    let registration = mainspring::engine::Registration {
        creation: mainspring::engine::Creation::Create,
        image: Task::new("a").when(registration(0)).image(&mut room),
        security: None,
        folders: None,
        principal_reads: true,
        disable: false,
        fire_registration_triggers: false,
        registrant: mainspring::sid::Sid::LOCAL_SYSTEM,
    };
    let path = mainspring::task::Path::parse("a").unwrap();
    world.call(|engine, cx| engine.register(cx, &path, &registration)).unwrap();
    let path = mainspring::task::Path::parse("b").unwrap();
    let registration = mainspring::engine::Registration { disable: true, ..registration };
    let task = world.call(|engine, cx| engine.register(cx, &path, &registration)).unwrap();
    assert_eq!(world.engine.state(task), TaskState::Disabled);
    world.run_for(HOUR);
    let outside = world.die();
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, outside);
    world.run_for(HOUR);
    assert!(world.outside.starts().is_empty());
    assert_eq!(world.engine.state(world.task("b")), TaskState::Disabled);
}

/// The only trace of the run is its started record, and the clock says that it is still to come.
#[test]
fn a_registration_trigger_whose_run_was_cut_off_does_not_fire_again() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &Task::new("a").when(registration(30))).unwrap();
    world.run_for(40 * SECOND);
    assert_eq!(world.outside.times("a"), ["12:00:30"]);
    let mut outside = world.die();
    outside.power_cut();
    outside.now.wall = Some(at("2024-05-01T12:00:10"));
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, outside);
    world.run_for(HOUR);
    assert_eq!(world.outside.times("a").len(), 1);
}

/// What waits for its turn when the server dies keeps its identifier, its place and its arguments, and its occurrence does not
/// fire again.
#[test]
fn runs_that_wait_outlive_the_server() {
    let queue = |with: &mut mainspring::task::Settings<'_>| with.instances_policy = InstancesPolicy::Queue;
    let mut slots = Slots::new(8, 32);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let exec = mainspring::task::Exec {
        command: "a for=100",
        arguments: Some("$(Arg0)"),
        working_directory: None,
        opaque: None,
    };
    let action = mainspring::task::Action::Exec { id: None, exec };
    let task = Task { actions: vec![action], ..Task::default() }.when(once("2024-05-01T12:00:30"));
    world.register("a", &task.with(queue)).unwrap();
    world.run("a", &["first"]).unwrap();
    world.run_for(MINUTE);
    let last = world.run("a", &["last"]).unwrap();
    let mut outside = world.die();
    outside.now.wall = Some(at("2024-05-01T12:00:00"));
    let mut slots = Slots::new(8, 32);
    let mut world = World::boot(&mut slots, outside);
    assert_eq!((world.loaded.recovering, world.loaded.damaged), (1, 0));
    let info = world.call(|engine, cx| engine.instance(cx, last)).unwrap();
    assert_eq!((info.state, info.process), (TaskState::Queued, 0));
    // The limit counts those that were there before.
    for _ in 2..mainspring::limits::QUEUED_RUNS {
        world.run("a", &["more"]).unwrap();
    }
    assert_eq!(world.run("a", &[]), Err(Refused::TooBusy));
    world.run_for(HOUR);
    let lines: Vec<_> = world.outside.starts().into_iter().map(|(_, line)| line).collect();
    assert_eq!(lines[..4], ["a for=100 first", "a for=100 $(Arg0)", "a for=100 last", "a for=100 more"]);
    assert_eq!(lines.len(), 1 + usize::from(mainspring::limits::QUEUED_RUNS));
    assert_eq!(world.outside.store.kind(INSTANCE).count(), 0);
}

#[test]
fn a_deleted_task_takes_what_waits_with_it() {
    let queue = |with: &mut mainspring::task::Settings<'_>| with.instances_policy = InstancesPolicy::Queue;
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &Task::new("a").with(queue)).unwrap();
    for _ in 0..3 {
        world.run("a", &[]).unwrap();
    }
    let cut = world.outside.store.clone();
    world.call(|engine, cx| engine.delete(cx, &mainspring::task::Path::parse("a").unwrap())).unwrap();
    assert_eq!(world.outside.store.kind(INSTANCE).count(), 0);
    // The power went when the entry was deleted and those that waited were not: they are swept.
    let mut outside = world.die();
    outside.store.records.extend(cut.records.into_iter().filter(|(key, _)| key.kind == INSTANCE));
    outside.power_cut();
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, outside);
    assert_eq!((world.loaded.recovering, world.loaded.swept, world.loaded.damaged), (1, 2, 0));
    world.run_for(MINUTE);
    assert_eq!(world.outside.store.kind(INSTANCE).count(), 0);
    assert_eq!(world.outside.starts().len(), 1);
}

/// A board without a clock of its own learns the time from the network, after the start.
#[test]
fn registration_triggers_go_on_when_the_time_becomes_known() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &Task::new("a for=0").when(every(registration(30), 600, None))).unwrap();
    world.register("cut", &Task::new("cut").when(registration(30))).unwrap();
    let both = Task::new("both for=0").when(every(registration(40), 600, None)).when(boot(5));
    world.register("both", &both).unwrap();
    world.run_for(15 * MINUTE);
    assert_eq!(world.outside.times("a"), ["12:00:30", "12:10:30"]);
    let mut outside = world.die();
    outside.power_cut();
    outside.now.wall = None;
    outside.log.clear();
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, outside);
    world.run_for(MINUTE);
    assert_eq!(world.outside.times("both"), ["?"]);
    assert_eq!(world.outside.starts().len(), 1);
    // The store fails when the time comes: that is made up for.
    world.outside.store.fail_reads = Some(mainspring::ports::StoreError::Failed { code: 5 });
    world.set_clock("2024-05-01T12:19:00");
    world.outside.store.fail_reads = None;
    world.run_for(5 * MINUTE);
    assert_eq!(world.outside.times("a"), ["12:20:30"]);
    assert_eq!(world.outside.times("both"), ["?", "12:20:40"]);

    // A time that went back makes none of them again.
    let mut outside = world.die();
    outside.now.wall = None;
    outside.log.clear();
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, outside);
    world.set_clock("2024-05-01T12:00:10");
    world.run_for(9 * MINUTE);
    assert!(world.outside.times("a").is_empty() && world.outside.times("cut").is_empty());
    world.run_for(MINUTE);
    assert_eq!(world.outside.times("a"), ["12:10:09"]);
}

/// What waits for its moment while the server ends is of the next one: it is not told as if somebody had disabled it.
#[test]
fn what_waits_while_the_server_ends_is_made_up_for() {
    let mut slots = Slots::new(4, 8);
    let mut world = World::boot(&mut slots, Outside::new("2024-05-01T12:00:00"));
    let delayed = trigger(TriggerKind::Time { random_delay: Some(Span::from_seconds(60)) }, "2024-05-01T12:01:00");
    world
        .register("later", &Task::new("later for=1").when(delayed).with(|with| with.start_when_available = true))
        .unwrap();
    world.register("slow", &Task::new("slow stubborn").with(|with| with.allow_hard_terminate = false)).unwrap();
    world.run("slow", &[]).unwrap();
    world.run_for(MINUTE);
    assert_eq!(world.outside.times("later"), [""; 0]);
    world.call(|engine, cx| engine.stop_all(cx));
    world.run_for(2 * MINUTE);
    assert_eq!((world.outside.times("later").len(), world.skipped()), (0, vec![]));
    let mut slots = Slots::new(4, 8);
    let mut world = World::boot(&mut slots, world.die());
    world.run_for(10 * MINUTE);
    assert_eq!((world.outside.times("later").len(), world.skipped()), (1, vec![]));
}
