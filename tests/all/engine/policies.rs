//! What happens when a task fires while an instance of it runs, how long one may run, and several actions.

use mainspring::{
    engine::{Entry, Refused, TaskState},
    event::{Event, Skipped},
    limits::QUEUED_RUNS,
    ports::{Change, Store, StoreError},
    status::Status,
    store::{INSTANCE, instance_key},
    task::{Action, InstancesPolicy, Message, Span, Trigger},
};
use mainspring_tests::world::{MINUTE, Outside, SECOND, Seen, Slots, Task, World, at, boot, every, exec, once};

const START: &str = "2024-05-01T12:00:00";

fn policy(policy: InstancesPolicy, command: &str) -> Task<'_> {
    Task::new(command).when(every(once("2024-05-01T12:01:00"), 60, None)).with(|with| with.instances_policy = policy)
}

/// The log without its times.
fn seen(outside: &Outside) -> Vec<&Seen> {
    outside.log.iter().map(|(_, seen)| seen).collect()
}

#[test]
fn parallel_starts_another() {
    let mut slots = Slots::new(4, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let task = world.register("a", &policy(InstancesPolicy::Parallel, "a for=150")).unwrap();
    assert_eq!(world.engine.next_run(task), Some(at("2024-05-01T12:01:00")));
    world.run_until(at("2024-05-01T12:03:20"));
    assert_eq!(world.outside.times("a"), ["12:01:00", "12:02:00", "12:03:00"]);
    assert_eq!(world.outside.children.len(), 3);
    assert_eq!(world.engine.state(task), TaskState::Running);
    let mut listed = 0;
    world.engine.instances(Some(task), &mut |_| {
        listed += 1;
        true
    });
    assert_eq!(listed, 3);
}

#[test]
fn ignore_new_drops_it_and_says_so() {
    let mut slots = Slots::new(4, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let task = world.register("a", &policy(InstancesPolicy::IgnoreNew, "a for=150 code=3")).unwrap();
    world.run_until(at("2024-05-01T12:03:15"));
    assert_eq!(world.run("a", &[]), Err(Refused::AlreadyRunning));
    world.run_until(at("2024-05-01T12:04:30"));
    assert_eq!(world.outside.times("a"), ["12:01:00", "12:04:00"]);
    let skipped = Event::Skipped { task: 1, reason: Skipped::AlreadyRunning };
    assert_eq!(world.outside.events.iter().filter(|event| **event == skipped).count(), 3);
    assert_eq!(world.engine.state(task), TaskState::Running);
    assert_eq!(world.last_result("a"), Some(Status::SCHED_S_TASK_RUNNING));
    world.run_until(at("2024-05-01T12:06:45"));
    assert_eq!(world.last_result("a"), Some(Status(3)));
}

#[test]
fn queue_starts_it_when_the_one_before_has_ended() {
    let mut slots = Slots::new(4, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let task = world.register("a", &policy(InstancesPolicy::Queue, "a for=90")).unwrap();
    world.run_until(at("2024-05-01T12:04:15"));
    assert_eq!(world.outside.times("a"), ["12:01:00", "12:02:30", "12:04:00"]);
    assert_eq!(world.engine.state(task), TaskState::Running);
    let queued = world.run("a", &[]).unwrap();
    assert_eq!(world.call(|engine, cx| engine.instance(cx, queued)).unwrap().state, TaskState::Queued);
    // Those that wait start in the order in which they came, and one of them can be dropped.
    world.call(|engine, cx| engine.stop_instance(cx, queued)).unwrap();
    assert_eq!(world.call(|engine, cx| engine.stop_instance(cx, queued)), Err(Refused::NotRunning));
    world.call(|engine, cx| engine.set_enabled(cx, task, false)).unwrap();
    world.run_for(10 * MINUTE);
    assert_eq!(world.outside.times("a"), ["12:01:00", "12:02:30", "12:04:00", "12:05:30"]);
    assert_eq!(world.engine.state(task), TaskState::Disabled);
}

#[test]
fn a_full_queue_drops_what_comes_and_says_so() {
    let mut slots = Slots::new(4, 32);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &Task::new("a").with(|with| with.instances_policy = InstancesPolicy::Queue)).unwrap();
    for _ in 0..=QUEUED_RUNS {
        world.run("a", &[]).unwrap();
    }
    assert_eq!(world.run("a", &[]), Err(Refused::TooBusy));
    assert_eq!(world.outside.events.last(), Some(&Event::Skipped { task: 1, reason: Skipped::QueueFull }));
    let task = world.task("a");
    world.call(|engine, cx| engine.stop(cx, task)).unwrap();
    assert_eq!(world.engine.state(task), TaskState::Ready);
    assert_eq!(world.call(|engine, cx| engine.stop(cx, task)), Err(Refused::NotRunning));
    assert_eq!(world.outside.starts().len(), 1);
}

#[test]
fn stop_existing_stops_what_runs_then_starts() {
    let mut slots = Slots::new(4, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &policy(InstancesPolicy::StopExisting, "a stubborn")).unwrap();
    world.run_until(at("2024-05-01T12:02:04"));
    assert_eq!(world.outside.times("a"), ["12:01:00"]);
    world.run_until(at("2024-05-01T12:02:06"));
    let line = || "a stubborn".to_owned();
    let expected = [Seen::Start(line()), Seen::Stop(line(), false), Seen::Stop(line(), true), Seen::Start(line())];
    assert_eq!(seen(&world.outside), expected.iter().collect::<Vec<_>>());
    assert_eq!(world.outside.times("a"), ["12:01:00", "12:02:05"]);
}

#[test]
fn stop_existing_leaves_one_waiting_at_most() {
    let mut slots = Slots::new(4, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world
        .register("a", &Task::new("a stubborn").with(|with| with.instances_policy = InstancesPolicy::StopExisting))
        .unwrap();
    let first = world.run("a", &[]).unwrap();
    let second = world.run("a", &[]).unwrap();
    let third = world.run("a", &[]).unwrap();
    assert!(world.call(|engine, cx| engine.instance(cx, first)).is_ok());
    assert_eq!(world.call(|engine, cx| engine.instance(cx, second)).unwrap_err(), Refused::NotRunning);
    world.run_for(6 * SECOND);
    assert_eq!(world.outside.children.keys().collect::<Vec<_>>(), [&third]);
}

/// An instance that nobody has started yet ends at once, and the one that it made way for starts.
#[test]
fn stop_existing_of_an_instance_that_was_not_started_yet() {
    let mut slots = Slots::new(4, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let task = world
        .register("a", &Task::new("a").with(|with| with.instances_policy = InstancesPolicy::StopExisting))
        .unwrap();
    world.quiet(|engine, cx| engine.run(cx, task, &mut core::iter::empty(), None)).unwrap();
    let second = world.quiet(|engine, cx| engine.run(cx, task, &mut core::iter::empty(), None)).unwrap();
    world.obey();
    assert_eq!(world.outside.children.keys().collect::<Vec<_>>(), [&second]);
}

#[test]
fn the_time_limit_stops_gracefully_then_for_good() {
    let mut slots = Slots::new(4, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let limited = |with: &mut mainspring::task::Settings<'_>| with.execution_time_limit = Some(Span::from_seconds(30));
    world.register("soft", &Task::new("soft").with(limited)).unwrap();
    world.register("hard", &Task::new("hard stubborn").with(limited)).unwrap();
    let task = Task::new("never stubborn").with(limited).with(|with| with.allow_hard_terminate = false);
    world.register("never", &task).unwrap();
    world.register("free", &Task::new("free").with(|with| with.execution_time_limit = None)).unwrap();
    for task in ["soft", "hard", "never", "free"] {
        world.run(task, &[]).unwrap();
    }
    world.run_for(29 * SECOND);
    assert_eq!(world.outside.children.len(), 4);
    world.run_for(2 * SECOND);
    assert_eq!(world.outside.children.len(), 3);
    assert_eq!(world.last_result("soft"), Some(Status::SCHED_S_TASK_TERMINATED));
    world.run_for(10 * SECOND);
    assert_eq!(world.outside.children.len(), 2);
    assert_eq!(world.last_result("hard"), Some(Status::SCHED_S_TASK_TERMINATED));
    world.run_for(100 * 24 * 60 * MINUTE);
    assert_eq!(world.outside.children.len(), 2);
    let stops = seen(&world.outside).into_iter().filter(|seen| matches!(seen, Seen::Stop(..))).count();
    assert_eq!(stops, 4, "one for soft and never, two for hard");
}

#[test]
fn without_a_word_the_time_limit_is_72_hours() {
    let mut slots = Slots::new(4, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &Task::new("a")).unwrap();
    world.run("a", &[]).unwrap();
    world.run_for(72 * 60 * MINUTE - 1);
    assert_eq!(world.outside.children.len(), 1);
    world.run_for(1);
    assert_eq!(world.outside.children.len(), 0);
}

#[test]
fn a_trigger_has_a_time_limit_of_its_own() {
    let mut slots = Slots::new(4, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let limit = Some(Span::from_seconds(10));
    world
        .register("a", &Task::new("a").when(Trigger { execution_time_limit: limit, ..once("2024-05-01T12:01:00") }))
        .unwrap();
    world.run_until(at("2024-05-01T12:01:09"));
    assert_eq!(world.outside.children.len(), 1);
    world.run_until(at("2024-05-01T12:01:10"));
    assert_eq!(world.outside.children.len(), 0);
}

#[test]
fn the_end_of_the_duration_stops_what_the_repetition_started() {
    let mut slots = Slots::new(4, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let mut repeated = every(once("2024-05-01T12:01:00"), 60, Some(90));
    repeated.repetition.as_mut().unwrap().stop_at_duration_end = true;
    let parallel = |with: &mut mainspring::task::Settings<'_>| with.instances_policy = InstancesPolicy::Parallel;
    world.register("a", &Task::new("a").when(repeated).with(parallel)).unwrap();
    world.run_until(at("2024-05-01T12:02:29"));
    assert_eq!(world.outside.children.len(), 2);
    world.run_until(at("2024-05-01T12:02:30"));
    assert_eq!(world.outside.children.len(), 0);
}

#[test]
fn actions_run_one_after_the_other_under_one_identifier() {
    let mut slots = Slots::new(4, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world
        .register("a", &Task::new("one for=5 code=9").then(exec("two for=5")).then(exec("three for=5 code=4")))
        .unwrap();
    let instance = world.run("a", &[]).unwrap();
    for action in 0..3 {
        let info = world.call(|engine, cx| engine.instance(cx, instance)).unwrap();
        assert_eq!((info.action, info.process, info.path.as_str()), (action, 4711, "\\a"));
        world.run_for(5 * SECOND);
    }
    assert_eq!(world.outside.starts().len(), 3);
    assert_eq!(world.last_result("a"), Some(Status(4)));
    assert_eq!(world.call(|engine, cx| engine.instance(cx, instance)).unwrap_err(), Refused::NotRunning);
}

#[test]
fn an_action_that_fails_to_start_ends_the_instance() {
    let mut slots = Slots::new(4, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &Task::new("one missing").then(exec("two"))).unwrap();
    world.run("a", &[]).unwrap();
    assert_eq!(world.last_result("a"), Some(Status::E_FILE_NOT_FOUND));
    let message = Action::ShowMessage { id: None, message: Message { title: "t", body: "b" } };
    for action in [message, Action::Opaque { xml: "<ComHandler/>" }] {
        world.register("b", &Task { actions: vec![action], ..Task::default() }).unwrap();
        world.run("b", &[]).unwrap();
        assert_eq!(world.last_result("b"), Some(Status::E_NOT_SUPPORTED));
    }
    assert!(world.outside.starts().is_empty());
}

#[test]
fn stopping_ends_an_instance_between_its_actions() {
    let mut slots = Slots::new(4, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let task = world.register("a", &Task::new("one").then(exec("two"))).unwrap();
    world.run("a", &[]).unwrap();
    world.call(|engine, cx| engine.stop(cx, task)).unwrap();
    assert_eq!(world.outside.starts().len(), 1);
    assert_eq!(world.last_result("a"), Some(Status::SCHED_S_TASK_TERMINATED));
}

#[test]
fn an_instance_that_was_stopped_keeps_a_code_of_its_own() {
    let mut slots = Slots::new(4, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let task = world.register("a", &Task::new("a stubborn")).unwrap();
    let instance = world.run("a", &[]).unwrap();
    world.call(|engine, cx| engine.stop(cx, task)).unwrap();
    world.call(|engine, cx| engine.exited(cx, instance, Status(17)));
    assert_eq!(world.last_result("a"), Some(Status(17)));
}

#[test]
fn arguments_are_put_in_for_their_parameters() {
    let mut slots = Slots::new(4, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let exec = mainspring::task::Exec {
        command: "$(Arg0)",
        arguments: Some("$(Arg1) $(Arg0) $(Arg2)"),
        working_directory: Some("/$(Arg1)"),
        opaque: None,
    };
    world.register("a", &Task { actions: vec![Action::Exec { id: None, exec }], ..Task::default() }).unwrap();
    world.run("a", &["first", "$(Arg0)"]).unwrap();
    assert_eq!(world.outside.starts()[0].1, "$(Arg0) $(Arg0) first $(Arg2) /$(Arg0)");
    assert_eq!(world.run("a", &["x"; 33]).unwrap_err(), Refused::TooLarge);
    assert_eq!(world.run("a", &[&"x".repeat(513)]).unwrap_err(), Refused::TooLarge);
    let task = world.task("a");
    world.call(|engine, cx| engine.stop(cx, task)).unwrap();
    world.run("a", &["x".repeat(16).as_str(); 32]).unwrap();
}

/// Arguments are read again from the record of their instance when an action starts: what could not be is not taken.
#[test]
fn arguments_that_the_room_for_records_does_not_hold_are_refused() {
    let mut slots = Slots::new(4, 8).with_record(128);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let exec = mainspring::task::Exec {
        command: "a for=10",
        arguments: Some("$(Arg0)"),
        working_directory: None,
        opaque: None,
    };
    let actions = vec![Action::Exec { id: None, exec }; 2];
    let queue = |with: &mut mainspring::task::Settings<'_>| with.instances_policy = InstancesPolicy::Queue;
    world.register("a", &Task { actions, ..Task::default() }.with(queue)).unwrap();
    let (fits, too_long) = ("x".repeat(51), "x".repeat(52));
    assert_eq!(world.run("a", &[&too_long]), Err(Refused::TooLarge));
    assert!(world.outside.starts().is_empty());
    for _ in 0..2 {
        world.run("a", &[&fits]).unwrap();
    }
    world.run_for(5 * MINUTE);
    let with = format!("a for=10 {fits}");
    let ran: Vec<&str> = world.outside.starts().iter().map(|start| start.1).collect();
    assert_eq!(ran, [&with; 4]);
}

/// The record of a run is gone when its second action should start: that run ends, and the next one is as any other.
#[test]
fn a_run_whose_record_is_gone_ends() {
    let mut slots = Slots::new(4, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let exec = mainspring::task::Exec {
        command: "a for=10",
        arguments: Some("$(Arg0)"),
        working_directory: None,
        opaque: None,
    };
    let actions = vec![Action::Exec { id: None, exec }; 2];
    world.register("a", &Task { actions, ..Task::default() }).unwrap();
    world.run("a", &["x"]).unwrap();
    world.outside.store.apply(&[Change::Delete(instance_key(1))]).unwrap();
    world.run_for(MINUTE);
    assert_eq!(world.outside.starts().len(), 1);
    assert!(world.outside.events.contains(&Event::StoreFailed { error: StoreError::Corrupt }));
    world.run("a", &["x"]).unwrap();
    world.run_for(MINUTE);
    assert_eq!(world.outside.starts().len(), 3);
}

/// One that waits and whose record is gone when its turn comes ends, and stands in nobody's way.
#[test]
fn a_queued_run_whose_record_is_gone_holds_nothing_up() {
    let mut slots = Slots::new(4, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let exec = mainspring::task::Exec {
        command: "a for=30",
        arguments: Some("$(Arg0)"),
        working_directory: None,
        opaque: None,
    };
    let queue = |with: &mut mainspring::task::Settings<'_>| with.instances_policy = InstancesPolicy::Queue;
    let task = Task { actions: vec![Action::Exec { id: None, exec }], ..Task::default() }.with(queue);
    world.register("a", &task).unwrap();
    world.register("b", &Task::new("b for=1").when(every(once("2024-05-01T12:00:10"), 60, None))).unwrap();
    for argument in ["first", "lost", "last"] {
        world.run("a", &[argument]).unwrap();
    }
    world.outside.store.apply(&[Change::Delete(instance_key(2))]).unwrap();
    world.run_for(5 * MINUTE);
    let ran: Vec<&str> = world.outside.starts().iter().map(|start| start.1).collect();
    assert_eq!(ran.iter().filter(|ran| **ran == "b for=1").count(), 5);
    let ran: Vec<&str> = ran.into_iter().filter(|ran| *ran != "b for=1").collect();
    assert_eq!(ran, ["a for=30 first", "a for=30 last"]);
    assert!(world.outside.events.contains(&Event::RecordDamaged { kind: INSTANCE, number: 2 }));
}

/// A machine that has less room than the one before cannot read the arguments of a run that waits.
#[test]
fn a_queued_run_that_is_too_long_for_this_machine_is_damaged() {
    let mut slots = Slots::new(4, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let queue = |with: &mut mainspring::task::Settings<'_>| with.instances_policy = InstancesPolicy::Queue;
    world.register("a", &Task::new("a for=30").with(queue)).unwrap();
    world.run("a", &[]).unwrap();
    world.run("a", &["x".repeat(100).as_str()]).unwrap();
    let outside = world.die();
    let mut slots = Slots::new(4, 8).with_record(128);
    let mut world = World::boot(&mut slots, outside);
    assert_eq!(world.loaded.damaged, 1);
    world.run_for(MINUTE);
    world.run("a", &[]).unwrap();
}

#[test]
fn on_demand_is_refused_where_it_should_be() {
    let mut slots = Slots::new(4, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &Task::new("a").with(|with| with.allow_start_on_demand = false)).unwrap();
    assert_eq!(world.run("a", &[]).unwrap_err().status(), Status::SCHED_E_START_ON_DEMAND);
    world.register("b", &Task::new("b").with(|with| with.enabled = false)).unwrap();
    assert_eq!(world.run("b", &[]).unwrap_err().status(), Status::SCHED_E_TASK_DISABLED);
    world
        .call(|engine, cx| {
            engine.create_folder(
                cx,
                &mainspring::task::Path::parse("f").unwrap(),
                mainspring::sid::Sid::LOCAL_SYSTEM,
                None,
            )
        })
        .unwrap();
    let Some(Entry::Folder(folder)) = world.find("f") else { panic!("no folder") };
    assert_eq!(world.call(|engine, cx| engine.run(cx, folder, &mut core::iter::empty(), None)), Err(Refused::NotATask));
    world.outside.entropy.dry = true;
    world.register("c", &Task::new("c")).unwrap();
    assert_eq!(world.run("c", &[]).unwrap_err(), Refused::NoEntropy);
}

#[test]
fn a_delay_is_a_queued_task() {
    let mut slots = Slots::new(4, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let task = world.register("a", &Task::new("a for=5").when(mainspring_tests::world::registration(30))).unwrap();
    assert_eq!(world.engine.state(task), TaskState::Queued);
    assert_eq!(world.engine.next_run(task), Some(at("2024-05-01T12:00:30")));
    world.run_for(31 * SECOND);
    assert_eq!(world.engine.state(task), TaskState::Running);
    world.run_for(10 * SECOND);
    assert_eq!(world.engine.state(task), TaskState::Ready);
    // A boot trigger is for those that were there at boot.
    world.register("b", &Task::new("b").when(boot(30))).unwrap();
    world.run_for(MINUTE);
    assert_eq!(world.outside.times("b"), [""; 0]);
}

#[test]
fn the_end_stops_all_and_starts_nothing() {
    let mut slots = Slots::new(4, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &policy(InstancesPolicy::Queue, "a")).unwrap();
    world.run_until(at("2024-05-01T12:03:30"));
    world.call(|engine, cx| engine.stop_all(cx));
    assert!(world.outside.children.is_empty());
    world.run_for(60 * MINUTE);
    assert_eq!(world.outside.times("a"), ["12:01:00"]);
    assert_eq!(world.run("a", &[]).unwrap_err(), Refused::TooBusy);
    assert_eq!(world.last_result("a"), Some(Status::SCHED_S_TASK_TERMINATED));
    // The two that waited still do, and run when the server is there again.
    let outside = world.die();
    let mut slots = Slots::new(4, 8);
    let mut world = World::boot(&mut slots, outside);
    assert_eq!(world.loaded.recovering, 0);
    let task = world.task("a");
    assert_eq!(world.engine.state(task), TaskState::Queued);
    world.call(|engine, cx| engine.set_enabled(cx, task, false)).unwrap();
    for _ in 0..2 {
        world.run_for(SECOND);
        assert_eq!(world.outside.children.len(), 1);
        let instance = *world.outside.children.keys().next().unwrap();
        world.end(instance);
    }
    world.run_for(SECOND);
    assert_eq!((world.outside.children.len(), world.outside.starts().len()), (0, 3));
}
