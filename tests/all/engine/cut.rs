//! The power is cut, or the server killed, at every single change of the store: what was acknowledged is there, no task is half
//! there, and nothing fires twice.

use mainspring::{
    engine::{Creation, Entry, Refused},
    store::{INSTANCE, Instance},
    task::{InstancesPolicy, Path},
};
use mainspring_tests::{
    store::Medium,
    world::{HOUR, MINUTE, Outside, SECOND, Slots, Task, World, every, exec, once, registration},
};
use std::collections::BTreeSet;

pub(crate) const START: &str = "2024-05-01T12:00:00";

/// What clients see: path, first command, enabled.
pub(crate) type Tree = BTreeSet<(String, String, bool)>;

pub(crate) fn tree(world: &mut World<'_, impl Medium>) -> Tree {
    let mut tree = Tree::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        let listed = if folder.is_empty() { "\\" } else { &folder };
        for name in world.list(listed) {
            let path = format!("{folder}\\{}", name.trim_end_matches('\\'));
            if name.ends_with('\\') {
                folders.push(path);
                continue;
            }
            let task = world.task(&path);
            let enabled = world.engine.enabled(task);
            let command = world.quiet(|engine, cx| {
                let definition = engine.definition(cx, task).expect("no task is half there");
                assert_eq!((definition.path.as_str(), definition.enabled), (path.as_str(), enabled));
                let mainspring::task::Action::Exec { exec, .. } = definition.image.actions().next().unwrap() else {
                    panic!("not a program");
                };
                exec.command.to_owned()
            });
            tree.insert((path, command, enabled));
        }
    }
    tree
}

fn with_policy(task: Task<'_>, policy: InstancesPolicy) -> Task<'_> {
    task.with(|with| with.instances_policy = policy)
}

/// Lives through one step; says whether it was acknowledged.
pub(crate) fn step(world: &mut World<'_, impl Medium>, number: usize) -> bool {
    let path = |text: &str| Path::parse(text).unwrap();
    let first = every(once("2024-05-01T12:00:30"), 60, None);
    let second = every(once("2024-05-01T12:00:40"), 60, None);
    let done = match number {
        0 => world.register("a", &with_policy(Task::new("a for=20").when(first), InstancesPolicy::Parallel)).map(drop),
        1 => world.call(|engine, cx| engine.create_folder(cx, &path("g\\h"), mainspring::sid::Sid::LOCAL_SYSTEM, None)),
        2 => {
            let task =
                Task::new("b for=25").then(exec("bb for=25")).when(second).when(every(registration(7), 45, None));
            world.register_as("f\\e\\b", &with_policy(task, InstancesPolicy::Queue), Creation::Create).map(drop)
        }
        3 | 6 | 9 => {
            world.run_for(MINUTE + 10 * SECOND);
            Ok(())
        }
        4 => world
            .register("a", &with_policy(Task::new("aa for=20").when(first), InstancesPolicy::StopExisting))
            .map(drop),
        5 => match world.find("a") {
            Some(Entry::Task(_)) => world.run("a", &["x", "y"]).map(drop),
            _ => Err(Refused::NotFound),
        },
        7 => {
            let task = world.task("f\\e\\b");
            world.call(|engine, cx| engine.set_enabled(cx, task, false))
        }
        8 => world.call(|engine, cx| engine.delete(cx, &path("a"))),
        10 => world.call(|engine, cx| engine.delete(cx, &path("g\\h"))),
        _ => unreachable!(),
    };
    done.is_ok() && !world.outside.store.is_dead()
}

pub(crate) const STEPS: usize = 11;

/// Trees after each step of a life without a cut, and the number of changes.
fn uncut() -> (Vec<Tree>, u64) {
    let mut slots = Slots::new(16, 16);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let mut trees = vec![Tree::new()];
    for number in 0..STEPS {
        assert!(step(&mut world, number), "step {number}");
        trees.push(tree(&mut world));
    }
    world.run_for(5 * MINUTE);
    (trees, world.outside.store.changes)
}

/// No command was started twice at the same moment of the wall clock, though that may go back. The commands that start with `b`
/// wait for each other, and so may start at any moment; where the clock goes back, they are left out.
pub(crate) fn no_firing_twice<S>(outside: &Outside<S>, back: bool, what: &str) {
    let mut starts = outside.starts();
    starts.retain(|(_, line)| !back || !line.starts_with('b'));
    let all = starts.len();
    starts.sort_unstable();
    starts.dedup();
    assert_eq!(starts.len(), all, "{what}: {:?}", outside.log);
}

fn cut_at(change: u64, again: Option<u64>, kill: bool, back: bool, trees: &[Tree]) {
    let what = format!("cut at {change}, again at {again:?}, killed: {kill}, clock back: {back}");
    let mut outside = Outside::new(START);
    outside.store.cut_after = Some(change);
    let mut slots = Slots::new(16, 16);
    let mut acknowledged = 0;
    if let Some(mut world) = World::try_boot(&mut slots, outside.clone()) {
        while acknowledged < STEPS && step(&mut world, acknowledged) {
            acknowledged += 1;
        }
        outside = world.die();
    }
    if let Some(again) = again {
        restart(&mut outside, kill);
        outside.store.cut_after = Some(again);
        let mut slots = Slots::new(16, 16);
        if let Some(mut world) = World::try_boot(&mut slots, outside.clone()) {
            world.run_for(3 * MINUTE);
            outside = world.die();
        }
    }
    restart(&mut outside, kill);
    if back {
        outside.now.wall = outside.now.wall.map(|wall| wall.plus(-2 * MINUTE));
    }
    let mut slots = Slots::new(16, 16);
    let mut world = World::boot(&mut slots, outside);
    assert_eq!(world.loaded.damaged, 0, "{what}");
    let found = tree(&mut world);
    let next = trees.get(acknowledged + 1).unwrap_or(&trees[acknowledged]);
    assert!(found == trees[acknowledged] || found == *next, "{what}: after {acknowledged} steps {found:?}");
    world.run_for(5 * MINUTE);
    no_firing_twice(&world.outside, back, &what);
    // What was left behind has ended, and of what runs now each has its record.
    world.call(|engine, cx| engine.stop_all(cx));
    world.run_for(HOUR);
    assert!(world.outside.store.kind(INSTANCE).all(|(_, record)| waits(record)), "{what}");
    assert!(world.outside.children.is_empty(), "{what}");
    // What waited still does, until it is dropped.
    let mut slots = Slots::new(16, 16);
    let mut world = World::boot(&mut slots, world.die());
    for (path, ..) in &found {
        let task = world.task(path);
        let _ = world.call(|engine, cx| engine.stop(cx, task));
    }
    assert_eq!(world.outside.store.kind(INSTANCE).count(), 0, "{what}");
}

/// Whether a record is of an instance that waits.
pub(crate) fn waits(record: &[u8]) -> bool {
    Instance::decode(record).expect("a record").queued.is_some()
}

fn restart(outside: &mut Outside, kill: bool) {
    if kill { outside.store.power() } else { outside.power_cut() }
}

/// Five runs that were asked for, each with its number: they run one after the other.
fn ask_five(world: &mut World<'_>) -> Vec<String> {
    let exec = mainspring::task::Exec {
        command: "q for=20",
        arguments: Some("$(Arg0)"),
        working_directory: None,
        opaque: None,
    };
    let task = Task { actions: vec![mainspring::task::Action::Exec { id: None, exec }], ..Task::default() };
    let mut promised = Vec::new();
    if world.register("q", &with_policy(task, InstancesPolicy::Queue)).is_ok() && !world.outside.store.is_dead() {
        for number in 0..5 {
            if world.run("q", &[&number.to_string()]).is_ok() && !world.outside.store.is_dead() {
                promised.push(format!("q for=20 {number}"));
            }
            world.run_for(SECOND);
        }
    }
    world.run_for(10 * MINUTE);
    promised
}

/// Whatever was promised runs once, in order. A cut can take only the one whose start was recorded and not yet ordered, and one
/// that nobody was told of may run.
#[test]
fn a_cut_at_every_change_takes_no_run_that_waits() {
    let mut slots = Slots::new(4, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    assert_eq!(ask_five(&mut world).len(), 5);
    assert_eq!(world.outside.starts().len(), 5);
    for change in 0..=world.outside.store.changes {
        for (kill, again) in [(false, None), (true, None), (true, Some(0)), (true, Some(1)), (false, Some(2))] {
            let what = format!("cut at {change}, killed: {kill}, again at {again:?}");
            let mut outside = Outside::new(START);
            outside.store.cut_after = Some(change);
            let mut promised = Vec::new();
            let mut slots = Slots::new(4, 8);
            if let Some(mut world) = World::try_boot(&mut slots, outside.clone()) {
                promised = ask_five(&mut world);
                outside = world.die();
            }
            restart(&mut outside, kill);
            if let Some(again) = again {
                outside.store.cut_after = Some(again);
                let mut slots = Slots::new(4, 8);
                if let Some(mut world) = World::try_boot(&mut slots, outside.clone()) {
                    world.run_for(10 * MINUTE);
                    outside = world.die();
                }
                restart(&mut outside, kill);
            }
            let mut slots = Slots::new(4, 8);
            let mut world = World::boot(&mut slots, outside);
            world.run_for(10 * MINUTE);
            let started: Vec<_> = world.outside.starts().into_iter().map(|(_, line)| line.to_owned()).collect();
            assert!(started.is_sorted_by(|one, other| one < other), "{what}: {started:?}");
            let lost = promised.iter().filter(|line| !started.contains(line)).count();
            assert!(lost <= 1 + usize::from(again.is_some()), "{what}: {promised:?} {started:?}");
            assert_eq!(world.outside.store.kind(INSTANCE).count(), 0, "{what}");
        }
    }
}

#[test]
fn a_cut_at_every_change() {
    let (trees, changes) = uncut();
    assert!(changes > 40, "{changes}");
    for change in 0..=changes {
        for kill in [false, true] {
            for back in [false, true] {
                cut_at(change, None, kill, back, &trees);
            }
        }
    }
}

#[test]
fn a_second_cut_while_starting_again() {
    let (trees, changes) = uncut();
    for change in 0..=changes {
        for again in 0..6 {
            cut_at(change, Some(again), again % 2 == 0, again % 3 == 0, &trees);
        }
    }
}

/// The canary: a store that loses the started record lets a firing repeat, and the check above sees it.
#[test]
#[should_panic(expected = "canary")]
fn canary_a_lost_record_is_seen() {
    let mut slots = Slots::new(16, 16);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let task = Task::new("a for=20").when(once("2024-05-01T12:00:30"));
    world.register("a", &task).unwrap();
    world.run_for(30 * SECOND);
    let mut outside = world.die();
    outside.store.records.retain(|key, _| key.kind != INSTANCE);
    outside.power_cut();
    let mut slots = Slots::new(16, 16);
    let mut world = World::boot(&mut slots, outside);
    world.run_for(5 * MINUTE);
    no_firing_twice(&world.outside, false, "canary");
}
