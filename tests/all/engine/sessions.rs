//! Somebody logs on, locks the screen, connects from afar.

use mainspring::{
    engine::{Session, SessionChange, TaskState},
    limits::FIRINGS_PER_TICK,
    sid::Sid,
    task::{Boundary, SessionStateChange, Span, Trigger, TriggerKind, User},
};
use mainspring_tests::world::{MINUTE, Outside, SECOND, Slots, Task, World, at, every, session, trigger};

const START: &str = "2024-05-01T12:00:00";

fn sid(text: &str) -> Sid {
    Sid::parse(text).unwrap()
}

fn logon(user: Option<User<'_>>, delay: u64) -> Trigger<'_> {
    trigger(TriggerKind::Logon { user, delay: (delay > 0).then(|| Span::from_seconds(delay)) }, "")
}

fn locks(user: Option<User<'_>>) -> Trigger<'_> {
    trigger(TriggerKind::SessionState { user, delay: None, change: SessionStateChange::SessionLock }, "")
}

fn happens(world: &mut World<'_>, change: SessionChange, user: &Sid, groups: &[Sid]) {
    world.call(|engine, cx| engine.session_changed(cx, change, Session { id: session(1), user, groups }));
}

#[test]
fn each_trigger_fires_for_whom_it_waits() {
    let (anna, bert, staff) = (sid("S-1-5-21-1-2-3-1001"), sid("S-1-5-21-1-2-3-1002"), sid("S-1-5-21-1-2-3-2000"));
    let (mut one, mut many) = ([0; User::ROOM], [0; User::ROOM]);
    let only_anna = User::new(&anna, &mut one);
    let whole_staff = User::new(&staff, &mut many);
    let mut slots = Slots::new(8, 16);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("any", &Task::new("any for=1").when(logon(None, 0))).unwrap();
    world.register("anna", &Task::new("anna for=1").when(logon(only_anna, 0))).unwrap();
    world.register("staff", &Task::new("staff for=1").when(logon(whole_staff, 0))).unwrap();
    world.register("lock", &Task::new("lock for=1").when(locks(only_anna))).unwrap();
    let off = Trigger { enabled: false, ..logon(None, 0) };
    world.register("off", &Task::new("off for=1").when(off)).unwrap();
    let over = Trigger { end: Boundary::parse("2024-05-01T11:00:00"), ..logon(None, 0) };
    world.register("over", &Task::new("over for=1").when(over)).unwrap();
    let counts =
        |world: &World<'_>| ["any", "anna", "staff", "lock", "off", "over"].map(|name| world.outside.times(name).len());
    let lock = SessionChange::State(SessionStateChange::SessionLock);
    for (change, user, groups, expected) in [
        (SessionChange::Logon, &anna, &[][..], [1, 1, 0, 0, 0, 0]),
        (SessionChange::Logon, &bert, &[staff], [2, 1, 1, 0, 0, 0]),
        (lock, &bert, &[staff], [2, 1, 1, 0, 0, 0]),
        (lock, &anna, &[], [2, 1, 1, 1, 0, 0]),
        (SessionChange::State(SessionStateChange::SessionUnlock), &anna, &[], [2, 1, 1, 1, 0, 0]),
    ] {
        happens(&mut world, change, user, groups);
        world.run_for(2 * SECOND);
        assert_eq!(counts(&world), expected, "{change:?} of {user}");
    }
}

#[test]
fn a_delay_and_a_repetition_count_from_it() {
    let mut slots = Slots::new(4, 16);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let task = world.register("a", &Task::new("a for=1").when(every(logon(None, 90), 120, Some(240)))).unwrap();
    world.register("b", &Task::new("b for=1").when(every(logon(None, 0), 60, Some(60)))).unwrap();
    happens(&mut world, SessionChange::Logon, &Sid::LOCAL_SYSTEM, &[]);
    assert_eq!(world.engine.state(task), TaskState::Queued);
    world.run_for(MINUTE);
    happens(&mut world, SessionChange::Logon, &Sid::LOCAL_SYSTEM, &[]);
    world.run_for(60 * MINUTE);
    assert_eq!(world.outside.times("a"), ["12:01:30", "12:02:30", "12:03:30", "12:04:30", "12:05:30", "12:06:30"]);
    // At 12:01 the repetition of the first is there before the second.
    assert_eq!(world.outside.times("b"), ["12:00:00", "12:01:00", "12:02:00"]);
    assert_eq!(world.engine.state(task), TaskState::Ready);
    assert_eq!(world.outside.now.wall, Some(at("2024-05-01T13:01:00")));
}

#[test]
fn nothing_fires_twice_after_a_restart() {
    let mut slots = Slots::new(4, 16);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &Task::new("a for=1").when(logon(None, 90))).unwrap();
    happens(&mut world, SessionChange::Logon, &Sid::LOCAL_SYSTEM, &[]);
    let outside = world.die();
    let mut slots = Slots::new(4, 16);
    let mut world = World::boot(&mut slots, outside);
    world.run_for(10 * MINUTE);
    assert!(world.outside.starts().is_empty());
    happens(&mut world, SessionChange::Logon, &Sid::LOCAL_SYSTEM, &[]);
    world.run_for(10 * MINUTE);
    assert_eq!(world.outside.times("a").len(), 1);
}

/// A logon that a hundred tasks wait for starts as many of them at once as a tick does, and the others with the next ticks.
#[test]
fn one_call_starts_a_bounded_number() {
    let mut slots = Slots::new(128, 128);
    let mut world = World::boot(&mut slots, Outside::new(START));
    for number in 0..100 {
        world.register(&format!("t{number}"), &Task::new("a for=1").when(logon(None, 0))).unwrap();
    }
    happens(&mut world, SessionChange::Logon, &Sid::ADMINISTRATORS, &[]);
    assert_eq!(world.outside.starts().len(), FIRINGS_PER_TICK);
    world.call(|engine, cx| engine.tick(cx));
    assert_eq!(world.outside.starts().len(), 2 * FIRINGS_PER_TICK);
    world.run_for(0);
    assert_eq!((world.outside.starts().len(), world.skipped()), (100, vec![]));
}
