//! Events of the system, and what their triggers take out of them.

use crate::task::image::event as subscription;
use mainspring::{
    engine::TaskState,
    event::Skipped,
    limits::LISTENERS,
    query::Event,
    store::INSTANCE,
    task::{self, Action, Exec, InstancesPolicy, Named, RestartOnFailure, Span, Trigger, TriggerKind},
};
use mainspring_tests::world::{MINUTE, Outside, SECOND, Slots, Task, World, every, trigger};

const START: &str = "2024-05-01T12:00:00";
const LOGON: &str = "<QueryList><Query><Select Path='Security'>*[System[(EventID=4624)]]</Select></Query></QueryList>";

fn on(event: task::Event<'_>) -> Trigger<'_> {
    trigger(TriggerKind::Event(event), "")
}

fn happens(world: &mut World<'_>, event: &Event<'_>) {
    world.call(|engine, cx| engine.event_happened(cx, event));
}

fn logs_on(world: &mut World<'_>) {
    happens(world, &Event::new("Security", 4624));
}

fn records(world: &World<'_>) -> usize {
    world.outside.store.kind(INSTANCE).count()
}

#[test]
fn it_fires_for_what_the_subscription_selects() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("logon", &Task::new("logon for=1").when(on(subscription(LOGON)))).unwrap();
    world.register("any", &Task::new("any for=1").when(on(subscription("*[System[Level=2]]")))).unwrap();
    world.register("none", &Task::new("none for=1").when(on(subscription("no query [")))).unwrap();
    let counts = |world: &World<'_>| ["logon", "any", "none"].map(|name| world.outside.times(name).len());
    for (event, expected) in [
        (Event::new("Security", 4624), [1, 0, 0]),
        (Event::new("SECURITY", 4624), [2, 0, 0]),
        (Event::new("Security", 4625), [2, 0, 0]),
        (Event::new("System", 4624), [2, 0, 0]),
        (Event { level: Some(2), ..Event::new("Anything", 1) }, [2, 1, 0]),
        (Event { level: Some(2), ..Event::new("Security", 4624) }, [3, 2, 0]),
    ] {
        happens(&mut world, &event);
        world.run_for(2 * SECOND);
        assert_eq!(counts(&world), expected, "{event:?}");
    }
    let task = world.task("logon");
    world.call(|engine, cx| engine.set_enabled(cx, task, false)).unwrap();
    logs_on(&mut world);
    assert_eq!(counts(&world), [3, 2, 0]);
}

fn says(arguments: &'static str) -> Action<'static> {
    Action::Exec {
        id: None,
        exec: Exec { command: "say for=1", arguments: Some(arguments), working_directory: None, opaque: None },
    }
}

/// Says who logged on, and which event that was.
fn who(into: &mut [u8]) -> Task<'_> {
    let queries = [
        "who",
        "Event/EventData/Data[@Name='TargetUserName']",
        "record",
        "Event/System/EventRecordID",
        "wrong",
        "Event[",
        "Arg0",
        "Event/System/EventID",
    ];
    let event = task::Event { value_queries: Named::new(&queries, into).unwrap(), ..subscription(LOGON) };
    Task { actions: vec![says("$(who) $(record) $(wrong) $(Arg0) $(Arg1)")], ..Task::default() }.when(on(event))
}

fn ada(record: u64) -> Event<'static> {
    Event { record: Some(record), data: &[("TargetUserName", "ada $(record)")], ..Event::new("Security", 4624) }
}

#[test]
fn values_of_the_event_are_put_in_for_parameters() {
    let mut room = [0; 512];
    let mut slots = Slots::new(4, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &who(&mut room)).unwrap();
    happens(&mut world, &ada(17));
    world.run_for(2 * SECOND);
    // What is put in is not looked through again, and what the event does not have stays as it is written.
    logs_on(&mut world);
    let lines: Vec<_> = world.outside.starts().into_iter().map(|(_, line)| line).collect();
    assert_eq!(
        lines,
        ["say for=1 ada $(record) 17 $(wrong) 4624 $(Arg1)", "say for=1 $(who) $(record) $(wrong) 4624 $(Arg1)",]
    );
}

#[test]
fn values_wait_with_the_run_and_leave_nothing_behind() {
    let mut room = [0; 512];
    let mut slots = Slots::new(4, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let restart = RestartOnFailure { count: 2, interval: Span::from_seconds(60) };
    let task = who(&mut room).on(|on| on.restart_on_failure = Some(restart));
    let delayed = Task {
        triggers: task
            .triggers
            .iter()
            .map(|trigger| match trigger.kind {
                TriggerKind::Event(event) => {
                    let event = task::Event { delay: Some(Span::from_seconds(30)), ..event };
                    every(Trigger { kind: TriggerKind::Event(event), ..*trigger }, 60, Some(60))
                }
                _ => *trigger,
            })
            .collect(),
        ..task
    };
    world.register("a", &delayed).unwrap();
    happens(&mut world, &ada(1));
    assert_eq!((records(&world), world.engine.state(world.task("a"))), (1, TaskState::Queued));
    world.run_for(MINUTE);
    // The repetition waits with the same values; a condition that is not met puts it off.
    world.machine(|machine| machine.on_batteries = true);
    world.run_for(MINUTE);
    world.machine(|machine| machine.on_batteries = false);
    world.run_for(10 * MINUTE);
    let lines: Vec<_> = world.outside.starts().into_iter().map(|(_, line)| line.to_owned()).collect();
    assert_eq!(lines, ["say for=1 ada $(record) 1 $(wrong) 4624 $(Arg1)"; 2].map(str::to_owned));
    assert_eq!(world.outside.times("say").len() + records(&world), 2);
    // Whoever stops it, and whoever starts the server again, leaves nothing behind either.
    happens(&mut world, &ada(2));
    let task = world.task("a");
    world.call(|engine, cx| engine.stop(cx, task)).unwrap();
    assert_eq!(records(&world), 0);
    happens(&mut world, &ada(3));
    assert_eq!(records(&world), 1);
    let mut outside = world.die();
    outside.power_cut();
    outside.log.clear();
    let mut slots = Slots::new(4, 8);
    let mut world = World::boot(&mut slots, outside);
    world.run_for(10 * MINUTE);
    assert!(world.outside.starts().is_empty() && records(&world) == 0 && world.loaded.swept == 1);
}

#[test]
fn it_takes_as_many_as_the_trigger_demands_within_the_period() {
    let mut slots = Slots::new(8, 32);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let three = task::Event { number_of_occurrences: 3, ..subscription(LOGON) };
    let minute = task::Event { period_of_occurrence: Some(Span::from_seconds(60)), ..three };
    let named =
        task::Event { matching_element: Some("TargetUserName"), number_of_occurrences: 2, ..subscription(LOGON) };
    world.register("three", &Task::new("three for=0").when(on(three))).unwrap();
    let task = world.register("minute", &Task::new("minute for=0").when(on(minute))).unwrap();
    world.register("named", &Task::new("named for=0").when(on(named))).unwrap();
    for _ in 0..6 {
        logs_on(&mut world);
        world.run_for(25 * SECOND);
    }
    // Each that is counted is so for a minute from when it came: the third is within a minute of the first.
    assert_eq!(world.outside.times("three"), ["12:00:50", "12:02:05"]);
    assert_eq!(world.outside.times("minute"), ["12:00:50", "12:02:05"]);
    for _ in 0..6 {
        logs_on(&mut world);
        assert_eq!(world.engine.state(task), TaskState::Ready);
        world.run_for(40 * SECOND);
    }
    assert_eq!((world.outside.times("three").len(), world.outside.times("minute").len()), (4, 2));
    // Nobody sees what counts, and nobody stops it.
    let mut seen = 0;
    world.engine.instances(None, &mut |_| {
        seen += 1;
        true
    });
    assert_eq!(seen, 0);
    assert!(world.outside.times("named").is_empty());
    happens(&mut world, &ada(1));
    happens(&mut world, &ada(2));
    assert_eq!(world.outside.times("named").len(), 1);
}

#[test]
fn a_storm_of_events_starts_what_the_policy_lets_start() {
    let mut slots = Slots::new(256, 16);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let other = LOGON.replace("Security", "System");
    for number in 0..200 {
        world.register(&format!("t{number}"), &Task::new("a for=1").when(on(subscription(&other)))).unwrap();
    }
    let parallel = Task::new("b for=1").when(on(subscription(LOGON)));
    world.register("b", &parallel.with(|with| with.instances_policy = InstancesPolicy::Parallel)).unwrap();
    world.register("c", &Task::new("c for=1").when(on(subscription(LOGON)))).unwrap();
    for _ in 0..20_000 {
        logs_on(&mut world);
    }
    assert_eq!(world.outside.children.len(), 16);
    assert_eq!(
        (world.outside.times("b").len(), world.outside.times("c").len(), world.outside.times("a").len()),
        (15, 1, 0)
    );
    assert!(world.skipped().contains(&Skipped::NoInstanceSlot) && world.skipped().contains(&Skipped::AlreadyRunning));
    world.run_for(2 * SECOND);
    logs_on(&mut world);
    assert_eq!(world.outside.times("c").len(), 2);
}

#[test]
fn what_counts_leaves_room_for_runs() {
    let mut slots = Slots::new(4, 4);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let six = task::Event { number_of_occurrences: 6, ..subscription(LOGON) };
    world.register("a", &Task::new("a for=1").when(on(six))).unwrap();
    for _ in 0..10 {
        logs_on(&mut world);
    }
    assert!(world.skipped().contains(&Skipped::NoInstanceSlot));
    world.register("b", &Task::new("b for=1")).unwrap();
    world.run("b", &[]).unwrap();
    assert_eq!(world.outside.times("b").len(), 1);
}

#[test]
fn what_is_over_counts_no_more_though_no_tick_came() {
    let mut slots = Slots::new(4, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let period = Some(Span::from_seconds(60));
    let two = task::Event { number_of_occurrences: 2, period_of_occurrence: period, ..subscription(LOGON) };
    world.register("a", &Task::new("a for=1").when(on(two))).unwrap();
    logs_on(&mut world);
    world.outside.pass(61 * SECOND);
    logs_on(&mut world);
    assert!(world.outside.starts().is_empty());
    logs_on(&mut world);
    assert_eq!(world.outside.starts().len(), 1);
}

#[test]
fn another_definition_begins_anew() {
    let mut slots = Slots::new(4, 16);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let three = |delay| task::Event { number_of_occurrences: 3, delay, ..subscription(LOGON) };
    let minutes = Some(Span::from_seconds(600));
    world.register("a", &Task::new("old for=1").when(on(three(minutes)))).unwrap();
    for _ in 0..5 {
        logs_on(&mut world);
    }
    // One run waits for its delay, and two events are counted for the next.
    let task = world.register("a", &Task::new("new for=1").when(on(three(None)))).unwrap();
    world.run_for(20 * MINUTE);
    logs_on(&mut world);
    logs_on(&mut world);
    assert!(world.outside.starts().is_empty());
    world.call(|engine, cx| engine.set_enabled(cx, task, false)).unwrap();
    world.call(|engine, cx| engine.set_enabled(cx, task, true)).unwrap();
    logs_on(&mut world);
    assert!(world.outside.starts().is_empty());
    logs_on(&mut world);
    logs_on(&mut world);
    assert_eq!(world.outside.times("new").len(), 1);
}

/// Few tasks that listen are noted, more are looked for each time; either way each event finds those that there are.
#[test]
fn however_many_listen_each_is_found() {
    let mut slots = Slots::new(64, 64);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let listens = || Task::new("a for=0").when(on(subscription(LOGON)));
    let mut expected = 0;
    for number in 0..LISTENERS + 3 {
        world.register(&format!("quiet{number}"), &Task::new("quiet")).unwrap();
        world.register(&format!("t{number}"), &listens()).unwrap();
        logs_on(&mut world);
        expected += number + 1;
        assert_eq!(world.outside.starts().len(), expected);
    }
    for left in (0..LISTENERS + 3).rev() {
        let path = mainspring::task::Path::parse(&format!("t{left}")).unwrap();
        match left % 3 {
            0 => world.call(|engine, cx| engine.delete(cx, &path)).unwrap(),
            1 => drop(world.register(&format!("t{left}"), &Task::new("quiet")).unwrap()),
            _ => {
                let task = world.task(&format!("t{left}"));
                world.call(|engine, cx| engine.set_enabled(cx, task, false)).unwrap();
            }
        }
        logs_on(&mut world);
        expected += left;
        assert_eq!(world.outside.starts().len(), expected);
    }
}
