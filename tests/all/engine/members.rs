//! Tasks of a group run once for each member who is logged on.

use super::history::history_by;
use mainspring::{
    engine::{Happened, Refused, Session, SessionChange},
    event::Skipped,
    limits::{MEMBERS, QUEUED_RUNS},
    sid::Sid,
    status::Status,
    task::{InstancesPolicy, RestartOnFailure, Span, Trigger, TriggerKind},
};
use mainspring_tests::world::{MINUTE, Outside, SECOND, Seen, Slots, Task, World, every, exec, once, session, trigger};

const START: &str = "2024-05-01T12:00:00";

fn sid(rid: u32) -> Sid {
    Sid::parse(&format!("S-1-5-21-1-2-3-{rid}")).unwrap()
}

/// Who is logged on at first: two of the staff, of whom one has two sessions that the host counts as one, and one who is not.
fn boot(slots: &mut Slots) -> World<'_> {
    let mut outside = Outside::new(START);
    outside.people.logs_on(3, &sid(1001), &[sid(2000)]);
    outside.people.logs_on(5, &sid(1002), &[sid(2001), sid(2000)]);
    outside.people.logs_on(6, &sid(1003), &[sid(2001)]);
    World::boot(slots, outside)
}

/// Each minute from 12:01 on, for the staff.
fn minutely(command: &str) -> Task<'_> {
    Task::new(command).when(every(once("2024-05-01T12:01:00"), 60, None)).of_group(&sid(2000))
}

/// What was started since the last time, and for whom.
fn starts(world: &mut World<'_>) -> Vec<String> {
    let log = std::mem::take(&mut world.outside.log);
    log.into_iter()
        .filter_map(|(_, seen)| match seen {
            Seen::Start(line) => Some(line),
            _ => None,
        })
        .collect()
}

#[test]
fn each_member_who_is_logged_on_has_a_run() {
    let mut slots = Slots::new(8, 16);
    let mut world = boot(&mut slots);
    world.register("all", &minutely("all for=1")).unwrap();
    world.run_for(90 * SECOND);
    assert_eq!(starts(&mut world), ["all for=1 @3", "all for=1 @5"]);
    world.outside.people.logs_off(3);
    world.run_for(MINUTE);
    assert_eq!(starts(&mut world), ["all for=1 @5"]);
    world.outside.people.logs_off(5);
    world.run_for(MINUTE);
    assert_eq!((starts(&mut world), world.skipped()), (vec![], vec![Skipped::NobodyLoggedOn]));
    world.outside.people.logs_on(9, &sid(1001), &[sid(2000)]);
    world.run_for(MINUTE);
    assert_eq!(starts(&mut world), ["all for=1 @9"]);
}

#[test]
fn a_task_of_a_user_is_for_no_session() {
    let mut slots = Slots::new(8, 16);
    let mut world = boot(&mut slots);
    let own = Task { group: None, ..minutely("own for=1") };
    world.register("own", &own).unwrap();
    world.run_for(90 * SECOND);
    assert_eq!(starts(&mut world), ["own for=1"]);
}

#[test]
fn who_asks_for_a_run_gets_one_for_each_member() {
    let mut slots = Slots::new(8, 16);
    let mut world = boot(&mut slots);
    world.register("asked", &Task::new("asked for=1").of_group(&sid(2000))).unwrap();
    let task = world.task("asked");
    let run = |world: &mut World<'_>| world.call(|engine, cx| engine.run(cx, task, &mut ["x"].into_iter(), None));
    let first = run(&mut world).unwrap();
    assert!(world.outside.children.contains_key(&first));
    assert_eq!(starts(&mut world), ["asked for=1 @3", "asked for=1 @5"]);
    assert_eq!(world.engine.session(first), Some(session(3)));
    assert_eq!(run(&mut world), Err(Refused::AlreadyRunning));
    world.run_for(2 * SECOND);
    world.outside.people.0.clear();
    assert_eq!(run(&mut world), Err(Refused::NobodyLoggedOn));
    assert_eq!(Refused::NobodyLoggedOn.status(), Status::SCHED_E_USER_NOT_LOGGED_ON);
    assert_eq!(starts(&mut world), [""; 0]);
}

#[test]
fn a_policy_is_held_against_the_runs_of_each_member() {
    let both = |command: &str| vec![format!("{command} @3"), format!("{command} @5")];
    for (policy, second_minute) in [
        (InstancesPolicy::IgnoreNew, false),
        (InstancesPolicy::Parallel, true),
        (InstancesPolicy::Queue, true),
        (InstancesPolicy::StopExisting, true),
    ] {
        let mut slots = Slots::new(8, 16);
        let mut world = boot(&mut slots);
        world.register("a", &minutely("a for=70").with(|with| with.instances_policy = policy)).unwrap();
        world.run_for(62 * SECOND);
        assert_eq!(starts(&mut world), both("a for=70"), "{policy:?}");
        // To 12:02:30: the first two end at 12:02:10 unless they are stopped.
        world.run_for(88 * SECOND);
        let mut ran = starts(&mut world);
        ran.sort();
        assert_eq!(ran, if second_minute { both("a for=70") } else { vec![] }, "{policy:?}");
    }
    // Who comes later does not find the run of another in the way.
    for policy in [InstancesPolicy::IgnoreNew, InstancesPolicy::Queue, InstancesPolicy::StopExisting] {
        let mut slots = Slots::new(8, 16);
        let mut world = boot(&mut slots);
        world.outside.people.logs_off(5);
        world.register("a", &minutely("a for=110").with(|with| with.instances_policy = policy)).unwrap();
        world.run_for(62 * SECOND);
        world.outside.people.logs_off(3);
        world.outside.people.logs_on(8, &sid(1004), &[sid(2000)]);
        starts(&mut world);
        world.run_for(MINUTE);
        assert_eq!(
            (starts(&mut world), world.outside.children.len()),
            (vec!["a for=110 @8".to_owned()], 2),
            "{policy:?}"
        );
    }
}

/// The server dies and its children live on: each goes on as that of its member.
#[test]
fn a_restart_knows_whose_runs_go_on() {
    let mut slots = Slots::new(8, 16);
    let mut world = boot(&mut slots);
    let task = Task::new("one for=60").then(exec("two for=1")).of_group(&sid(2000)).on(|on| {
        on.restart_on_failure = Some(RestartOnFailure { count: 1, interval: Span::from_seconds(60) });
    });
    world.register("a", &task.with(|with| with.instances_policy = InstancesPolicy::Parallel)).unwrap();
    let task = world.task("a");
    world.call(|engine, cx| engine.run(cx, task, &mut core::iter::empty(), None)).unwrap();
    assert_eq!(starts(&mut world), ["one for=60 @3", "one for=60 @5"]);
    let mut slots = Slots::new(8, 16);
    let mut world = World::boot(&mut slots, world.die());
    world.run_for(10 * MINUTE);
    let mut ran = starts(&mut world);
    ran.sort();
    assert_eq!(ran, ["two for=1 @3", "two for=1 @5"]);
}

#[test]
fn a_member_who_logged_off_while_a_run_waited_has_none() {
    let mut slots = Slots::new(8, 16);
    let mut world = boot(&mut slots);
    let task = minutely("a for=110").with(|with| with.instances_policy = InstancesPolicy::Queue);
    world.register("a", &task).unwrap();
    world.run_for(125 * SECOND);
    assert_eq!(starts(&mut world).len(), 2);
    world.outside.people.logs_off(3);
    // Those of 12:01 end at 12:02:50, then it is the turn of who is still there.
    world.run_for(50 * SECOND);
    assert_eq!((starts(&mut world), world.skipped()), (vec!["a for=110 @5".to_owned()], vec![Skipped::NobodyLoggedOn]));
}

#[test]
fn what_waits_for_a_member_is_dropped_by_a_restart() {
    let mut slots = Slots::new(8, 16);
    let mut world = boot(&mut slots);
    let task = minutely("a for=300").with(|with| with.instances_policy = InstancesPolicy::Queue);
    world.register("a", &task).unwrap();
    world.run_for(125 * SECOND);
    assert_eq!(starts(&mut world).len(), 2);
    let mut outside = world.die();
    outside.power_cut();
    // Session 3 is somebody else's now.
    outside.people.0.clear();
    outside.people.logs_on(3, &sid(1003), &[sid(2001)]);
    let mut slots = Slots::new(8, 16);
    let mut world = World::boot(&mut slots, outside);
    world.run_for(30 * SECOND);
    assert_eq!(starts(&mut world), [""; 0]);
}

#[test]
fn a_start_that_failed_is_tried_again_for_that_member_alone() {
    let mut slots = Slots::new(8, 16);
    let mut world = boot(&mut slots);
    let task = Task::new("asked missing").of_group(&sid(2000)).on(|on| {
        on.restart_on_failure = Some(RestartOnFailure { count: 2, interval: Span::from_seconds(60) });
    });
    world.register("a", &task).unwrap();
    let task = world.task("a");
    world.call(|engine, cx| engine.run(cx, task, &mut core::iter::empty(), None)).unwrap();
    world.run_for(5 * MINUTE);
    // Two members, three attempts each.
    let failed =
        world.outside.events.iter().filter(|event| matches!(event, mainspring::event::Event::InstanceEnded { .. }));
    assert_eq!(failed.count(), 6);
}

#[test]
fn a_run_that_finds_nobody_is_tried_again() {
    let mut slots = Slots::new(8, 16);
    let mut world = boot(&mut slots);
    let people = std::mem::take(&mut world.outside.people);
    let task = Task::new("a for=1").when(once("2024-05-01T12:01:00")).of_group(&sid(2000)).on(|on| {
        on.restart_on_failure = Some(RestartOnFailure { count: 2, interval: Span::from_seconds(60) });
    });
    world.register("a", &task).unwrap();
    world.run_for(90 * SECOND);
    assert_eq!((starts(&mut world), world.skipped()), (vec![], vec![]));
    world.outside.people = people;
    world.run_for(MINUTE);
    assert_eq!(starts(&mut world), ["a for=1 @3", "a for=1 @5"]);
}

#[test]
fn a_task_that_becomes_that_of_a_group_runs_nothing_for_nobody() {
    for (before, after) in [(false, true), (true, false)] {
        let mut slots = Slots::new(8, 16);
        let mut world = boot(&mut slots);
        let of = |is_group: bool, command| {
            let task = minutely(command).then(exec("second for=1"));
            let task = task.with(|with| with.instances_policy = InstancesPolicy::Queue);
            Task { group: task.group.filter(|_| is_group), ..task }
        };
        world.register("a", &of(before, "a for=70")).unwrap();
        // One runs, or two, and as many wait.
        world.run_for(125 * SECOND);
        starts(&mut world);
        world.register("a", &of(after, "b for=1")).unwrap();
        // At 12:02:10 what ran has ended: its second action does not start, and what waited does not either.
        world.run_for(30 * SECOND);
        let refused = Seen::Failed(Refused::NobodyLoggedOn);
        let failed = world.outside.log.iter().filter(|(_, seen)| *seen == refused).count();
        assert_eq!((starts(&mut world), failed), (vec![], 1 + usize::from(before)));
        assert_eq!(world.skipped(), vec![Skipped::NobodyLoggedOn; failed]);
        world.run_for(MINUTE);
        let sessions: &[&str] = if after { &[" @3", " @5"] } else { &[""] };
        let mut ran = starts(&mut world);
        ran.sort();
        let expected =
            ["b for=1", "second for=1"].iter().flat_map(|line| sessions.iter().map(move |at| format!("{line}{at}")));
        assert_eq!(ran, expected.collect::<Vec<_>>());
    }
}

#[test]
fn a_logon_runs_for_who_logged_on() {
    let mut slots = Slots::new(8, 16);
    let mut world = boot(&mut slots);
    let logon = |delay: u64| -> Trigger<'_> {
        trigger(TriggerKind::Logon { user: None, delay: (delay > 0).then(|| Span::from_seconds(delay)) }, "")
    };
    world.register("now", &Task::new("now for=1").when(logon(0)).of_group(&sid(2000))).unwrap();
    world.register("later", &Task::new("later for=1").when(logon(10)).of_group(&sid(2000))).unwrap();
    let logs_on = |world: &mut World<'_>, number, user, groups: &[Sid]| {
        let session = Session { id: session(number), user: &sid(user), groups };
        world.call(|engine, cx| engine.session_changed(cx, SessionChange::Logon, session));
    };
    logs_on(&mut world, 5, 1002, &[sid(2001), sid(2000)]);
    assert_eq!(starts(&mut world), ["now for=1 @5"]);
    world.run_for(20 * SECOND);
    assert_eq!(starts(&mut world), ["later for=1 @5"]);
    // Who is no member is none of its business, which is nothing to tell.
    logs_on(&mut world, 6, 1003, &[sid(2001)]);
    world.run_for(20 * SECOND);
    assert_eq!((starts(&mut world), world.skipped()), (vec![], vec![]));
    // Who has logged off before the delay is over has no run.
    logs_on(&mut world, 3, 1001, &[sid(2000)]);
    world.outside.people.logs_off(3);
    world.run_for(20 * SECOND);
    assert_eq!((starts(&mut world), world.skipped()), (vec!["now for=1 @3".to_owned()], vec![Skipped::NobodyLoggedOn]));
}

#[test]
fn a_firing_starts_so_many_and_no_more() {
    let mut slots = Slots::new(8, 2 * MEMBERS);
    let mut world = boot(&mut slots);
    world.outside.people.0.clear();
    for number in 1..=u32::try_from(MEMBERS).unwrap() + 8 {
        world.outside.people.logs_on(number, &sid(3000 + number), &[sid(2000)]);
    }
    world.register("a", &minutely("a for=1")).unwrap();
    world.run_for(90 * SECOND);
    assert_eq!(starts(&mut world).len(), MEMBERS);
    let told = history_by(&mut world, "a", 64).into_iter().map(|entry| entry.what);
    let skipped = told.filter(|what| matches!(what, Happened::Skipped { .. })).collect::<Vec<_>>();
    assert_eq!(skipped, [Happened::Skipped { reason: Skipped::NoInstanceSlot, count: 8 }]);
    // Of those that wait, a task has no more than others have.
    let queued = minutely("b for=600").with(|with| with.instances_policy = InstancesPolicy::Queue);
    world.outside.people.0.truncate(1);
    world.register("b", &queued).unwrap();
    world.run_for(9 * 60 * SECOND);
    assert!(world.skipped().len() <= usize::from(QUEUED_RUNS));
}
