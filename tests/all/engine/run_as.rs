//! As whom an instance runs.

use core::num::NonZeroU32;

use mainspring::{
    engine::{OtherUser, Refused, RunAs, Whom},
    guid::Guid,
    ports::{Change, Store},
    sid::Sid,
    status::Status,
    store::{INSTANCE, Instance, instance_key},
    task::{InstancesPolicy, LogonType, Principal, RestartOnFailure, RunLevel, Span},
};
use mainspring_tests::world::{MINUTE, Outside, SECOND, Seen, Slots, Task, World, exec};

const START: &str = "2024-05-01T12:00:00";
const POLICIES: [InstancesPolicy; 2] = [InstancesPolicy::Queue, InstancesPolicy::StopExisting];

fn sid(text: &str) -> Sid {
    Sid::parse(text).unwrap()
}

fn account(number: u32) -> Sid {
    sid(&format!("S-1-5-21-1-2-3-{number}"))
}

fn other(number: u32) -> Option<OtherUser> {
    Some(OtherUser::new(&account(number)).unwrap())
}

fn principal(id: &str, user: Sid) -> Principal<'_> {
    Principal { id: Some(id), user: Some(user), ..Principal::default() }
}

fn run_for(world: &mut World<'_>, path: &str, user: Option<OtherUser>) -> Result<Guid, Refused> {
    let task = world.task(path);
    world.call(|engine, cx| engine.run(cx, task, &mut core::iter::empty(), user))
}

fn run_as(world: &mut World<'_>, instance: Guid) -> Result<RunAs, Refused> {
    world.call(|engine, cx| engine.run_as(cx, instance))
}

#[test]
fn it_is_the_principal_that_the_actions_name() {
    let two = vec![
        principal("a", account(1001)),
        Principal {
            logon_type: Some(LogonType::S4u),
            run_level: Some(RunLevel::HighestAvailable),
            ..principal("b", account(1002))
        },
    ];
    let least = RunAs { whom: Whom::User(account(1001)), logon_type: None, run_level: RunLevel::LeastPrivilege };
    let highest = RunAs {
        whom: Whom::User(account(1002)),
        logon_type: Some(LogonType::S4u),
        run_level: RunLevel::HighestAvailable,
    };
    let system = RunAs { whom: Whom::User(Sid::LOCAL_SYSTEM), ..least };
    let cases = [
        (two.clone(), Some("b"), Ok(highest)),
        (two.clone(), Some("a"), Ok(least)),
        (two.clone(), None, Ok(least)),
        (two, Some("c"), Err(Refused::Damaged)),
        (vec![], None, Ok(system)),
        (vec![Principal::default()], None, Ok(system)),
        (
            vec![principal("x", Sid::LOCAL_SERVICE)],
            Some("x"),
            Ok(RunAs { whom: Whom::User(Sid::LOCAL_SERVICE), ..least }),
        ),
    ];
    let mut slots = Slots::new(2, 2);
    let mut world = World::boot(&mut slots, Outside::new(START));
    for (principals, context, expected) in cases {
        let task = world.register("a", &Task { principals, context, ..Task::new("a for=9") }).unwrap();
        let instance = world.quiet(|engine, cx| engine.run(cx, task, &mut core::iter::empty(), None)).unwrap();
        assert_eq!(world.quiet(|engine, cx| engine.run_as(cx, instance)), expected, "{context:?}");
        world.call(|engine, cx| engine.stop(cx, task)).ok();
        assert_eq!(run_as(&mut world, instance), Err(Refused::NotRunning));
    }
}

#[test]
fn of_a_group_it_is_a_member() {
    let mut slots = Slots::new(2, 4);
    let mut outside = Outside::new(START);
    outside.people.logs_on(3, &account(1001), &[account(2000)]);
    let mut world = World::boot(&mut slots, outside);
    world.register("a", &Task::new("a for=9").of_group(&account(2000))).unwrap();
    let instance = run_for(&mut world, "a", None).unwrap();
    assert_eq!(run_as(&mut world, instance).unwrap().whom, Whom::Member(account(2000)));
    world.run_for(10 * SECOND);
    // Another user is no member: it runs once, in no session, whoever is logged on.
    world.outside.people.0.clear();
    let instance = run_for(&mut world, "a", other(1007)).unwrap();
    assert_eq!(run_as(&mut world, instance).unwrap().whom, Whom::Other(other(1007).unwrap()));
    assert_eq!(world.engine.session(instance), None);
    assert_eq!(run_for(&mut world, "a", None), Err(Refused::NobodyLoggedOn));
    let starts = world.outside.starts().into_iter().map(|(_, line)| line).collect::<Vec<_>>();
    assert_eq!(starts, ["a for=9 @3", "a for=9 as S-1-5-18-1007"]);
}

#[test]
fn another_user_is_one_of_three_services_or_an_account() {
    let whole = |user: OtherUser| user.sid(&account(1000)).unwrap();
    for known in ["S-1-5-18", "S-1-5-19", "S-1-5-20", "S-1-5-21-1-2-3-1000", "S-1-5-21-1-2-3-4294967295"] {
        assert_eq!(whole(OtherUser::new(&sid(known)).unwrap()), sid(known));
    }
    for unknown in
        ["S-1-5-17", "S-1-5-21", "S-1-1-18", "S-1-5-32-544", "S-1-5-21-1-2-3-18", "S-1-5-21-1-2-3-999", "S-1-5-1000"]
    {
        assert_eq!(OtherUser::new(&sid(unknown)), None, "{unknown}");
    }
    assert_eq!(other(1001).unwrap().sid(&Sid::LOCAL_SYSTEM), None, "a SID of one part has no domain");
}

/// With its level: who may ask for a run in somebody's name does not get more than the task has.
#[test]
fn another_user_keeps_the_level_of_the_task() {
    let mut slots = Slots::new(2, 2);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let highest = Principal { run_level: Some(RunLevel::HighestAvailable), ..principal("a", account(1001)) };
    world.register("a", &Task { principals: vec![highest], ..Task::new("a for=9") }).unwrap();
    let instance = run_for(&mut world, "a", OtherUser::new(&Sid::NETWORK_SERVICE)).unwrap();
    let found = run_as(&mut world, instance).unwrap();
    assert_eq!(found.run_level, RunLevel::HighestAvailable);
    assert!(matches!(found.whom, Whom::Other(user) if user.sid(&account(1)) == Some(Sid::NETWORK_SERVICE)));
}

#[test]
fn the_next_action_and_the_next_server_have_the_same_user() {
    let mut slots = Slots::new(2, 2);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &Task::new("a for=60").then(exec("b for=60"))).unwrap();
    let instance = run_for(&mut world, "a", other(1007)).unwrap();
    let outside = world.die();
    let mut slots = Slots::new(2, 2);
    let mut world = World::boot(&mut slots, outside);
    assert_eq!(run_as(&mut world, instance).unwrap().whom, Whom::Other(other(1007).unwrap()));
    world.run_for(MINUTE);
    let outside = world.die();
    let mut slots = Slots::new(2, 2);
    let world = World::boot(&mut slots, outside);
    let starts = world.outside.starts().into_iter().map(|(_, line)| line).collect::<Vec<_>>();
    assert_eq!(starts, ["a for=60 as S-1-5-18-1007", "b for=60 as S-1-5-18-1007"]);
}

#[test]
fn one_that_waits_for_its_turn_keeps_its_user() {
    for (policy, restart) in POLICIES.into_iter().flat_map(|policy| [(policy, false), (policy, true)]) {
        let mut slots = Slots::new(2, 4);
        let mut world = World::boot(&mut slots, Outside::new(START));
        world.register("a", &Task::new("a for=60 stubborn").with(|with| with.instances_policy = policy)).unwrap();
        run_for(&mut world, "a", other(1001)).unwrap();
        run_for(&mut world, "a", other(1002)).unwrap();
        assert_eq!(world.outside.starts().len(), 1);
        let mut outside = world.die();
        if restart {
            outside.power_cut();
        }
        let mut slots = Slots::new(2, 4);
        let mut world = World::boot(&mut slots, outside);
        world.run_for(2 * MINUTE);
        let starts = world.outside.starts().into_iter().map(|(_, line)| line).collect::<Vec<_>>();
        let line = |number| format!("a for=60 stubborn as S-1-5-18-{number}");
        assert_eq!(starts, [line(1001), line(1002)], "{policy:?} {restart}");
    }
}

#[test]
fn one_that_is_tried_again_keeps_its_user() {
    let mut slots = Slots::new(2, 4);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let restart = Some(RestartOnFailure { count: 2, interval: Span::from_seconds(60) });
    let task = Task::new("a for=1").on(|on| on.restart_on_failure = restart);
    world.register("a", &task).unwrap();
    let task = world.task("a");
    let instance = world.quiet(|engine, cx| engine.run(cx, task, &mut ["x"].into_iter(), other(1003))).unwrap();
    // The host cannot start it at first.
    let _ = world.engine.order();
    world.call(|engine, cx| engine.start_failed(cx, instance, Status::E_FILE_NOT_FOUND));
    assert_eq!(world.outside.starts(), []);
    world.run_for(2 * MINUTE);
    let starts = world.outside.starts().into_iter().map(|(_, line)| line).collect::<Vec<_>>();
    assert_eq!(starts, ["a for=1 as S-1-5-18-1003"]);
}

/// What is in nobody's power to run as is left out, rather than run as somebody else.
#[test]
fn a_record_with_another_number_is_damaged() {
    for (number, damaged) in [(1001, 0), (18, 0), (1, 1), (17, 1), (21, 1), (999, 1)] {
        let mut slots = Slots::new(2, 4);
        let mut world = World::boot(&mut slots, Outside::new(START));
        world.register("a", &Task::new("a for=60")).unwrap();
        run_for(&mut world, "a", other(1001)).unwrap();
        let mut outside = world.die();
        let mut room = [0; 1024];
        let length = outside.store.get(instance_key(1), &mut room).unwrap().unwrap();
        let record = Instance::decode(&room[..length]).unwrap();
        assert_eq!(record.user, NonZeroU32::new(1001));
        let mut changed = [0; 1024];
        let changed = Instance { user: NonZeroU32::new(number), ..record }.encode(&mut changed).unwrap();
        outside.store.apply(&[Change::Put(instance_key(1), changed)]).unwrap();
        outside.log.clear();
        let mut slots = Slots::new(2, 4);
        let world = World::boot(&mut slots, outside);
        assert_eq!((world.loaded.damaged, world.loaded.recovering), (damaged, 1 - damaged), "{number}");
        assert_eq!(world.outside.log.iter().any(|(_, seen)| matches!(seen, Seen::Recover(_))), damaged == 0);
        assert_eq!(world.outside.store.kind(INSTANCE).count(), 1);
    }
}
