//! Paths and folders: what is found, made, refused, listed and deleted.

use mainspring::{
    engine::{Creation, Entry, Enumerated, Refused},
    status::Status,
    store::{DEFINITION, ENTRY, HISTORY, META, STATE},
    task::Path,
};
use mainspring_tests::world::{Outside, Slots, Task, World, daily};

const START: &str = "2024-05-01T12:00:00";

fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

#[test]
fn a_path_is_found_without_letter_case() {
    let mut slots = Slots::new(8, 2);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let task = world.register("\\Ordner\\Äpfel", &Task::new("a")).unwrap();
    assert_eq!(world.find("ORDNER\\äPFEL"), Some(Entry::Task(task)));
    assert!(matches!(world.find("\\ordner"), Some(Entry::Folder(_))));
    assert_eq!(world.find("\\"), Some(Entry::Root));
    assert_eq!(world.find("\\Ordner\\Äpfe"), None);
    let definition = world.quiet(|engine, cx| engine.definition(cx, task).map(|found| found.path.as_str().to_owned()));
    assert_eq!(definition.unwrap(), "\\Ordner\\Äpfel");
}

/// A path whose folded form is ASCII although it is not: both ways of hashing have to agree.
#[test]
fn letters_that_fold_to_ascii_are_found() {
    let mut slots = Slots::new(8, 2);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let long = "long-".repeat(20);
    let task = world.register(&format!("\\{long}\u{131}s"), &Task::new("a")).unwrap();
    for same in ["IS", "\u{131}S", "I\u{17F}"] {
        assert_eq!(world.find(&format!("{long}{same}")), Some(Entry::Task(task)), "{same}");
        assert_eq!(path(&format!("{long}{same}")), path(&format!("{long}\u{131}s")));
    }
}

#[test]
fn registering_asks_whether_the_task_is_there() {
    let mut slots = Slots::new(8, 2);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let task = Task::new("a");
    assert_eq!(world.register_as("x", &task, Creation::Update), Err(Refused::NotFound));
    world.register_as("x", &task, Creation::Create).unwrap();
    assert_eq!(world.register_as("X", &task, Creation::Create), Err(Refused::Exists));
    assert_eq!(Refused::Exists.status(), Status::E_ALREADY_EXISTS);
    world.register_as("X", &task, Creation::Update).unwrap();
    world.register_as("X", &task, Creation::CreateOrUpdate).unwrap();
    world
        .call(|engine, cx| {
            engine.create_folder(cx, &path("f\\g"), mainspring::sid::Sid::LOCAL_SYSTEM, Some(b"D:(A;;FA;;;SY)"))
        })
        .unwrap();
    assert_eq!(world.register_as("f\\g", &task, Creation::CreateOrUpdate), Err(Refused::Exists));
    assert_eq!(
        world.call(|engine, cx| engine.create_folder(cx, &path("F"), mainspring::sid::Sid::LOCAL_SYSTEM, None)),
        Err(Refused::Exists)
    );
    assert_eq!(
        world.call(|engine, cx| engine.create_folder(cx, &path("x"), mainspring::sid::Sid::LOCAL_SYSTEM, None)),
        Err(Refused::Exists)
    );
    // A task is no folder.
    assert_eq!(world.register("x\\y", &task), Err(Refused::FolderNotFound));
    assert_eq!(world.register("\\", &task), Err(Refused::Exists));
    assert_eq!(world.list("\\"), ["x", "f\\"]);
    assert_eq!(world.list("f"), ["g\\"]);
}

#[test]
fn an_update_keeps_the_path_and_the_descriptor() {
    let mut slots = Slots::new(8, 2);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("Task", &Task { security: Some(b"D:(A;;FA;;;SY)"), ..Task::new("a") }).unwrap();
    let task = world.register("TASK", &Task::new("b")).unwrap();
    let kept = |world: &mut World<'_>| {
        world.quiet(|engine, cx| {
            let found = engine.definition(cx, task).unwrap();
            (found.path.as_str().to_owned(), found.security.map(<[u8]>::to_vec), found.image.actions().count())
        })
    };
    assert_eq!(kept(&mut world), ("\\Task".to_owned(), Some(b"D:(A;;FA;;;SY)".to_vec()), 1));
    world.register("TASK", &Task { security: Some(b"D:P"), ..Task::new("b") }).unwrap();
    assert_eq!(kept(&mut world).1.as_deref(), Some(&b"D:P"[..]));
    assert_eq!(world.outside.store.kind(DEFINITION).count(), 1);
}

#[test]
fn enumeration_takes_from_a_start_until_there_is_no_room() {
    let mut slots = Slots::new(32, 2);
    let mut world = World::boot(&mut slots, Outside::new(START));
    for name in ["c", "a", "b", "f\\x", "e\\y"] {
        world.register(name, &Task::new("a")).unwrap();
    }
    world.register("hidden", &Task::new("a").with(|with| with.hidden = true)).unwrap();
    let mut take = |start: u32, room: usize, hidden: bool| {
        let mut names = Vec::new();
        let visit = &mut |name: &str| {
            let fits = names.len() < room;
            if fits {
                names.push(name.to_owned());
            }
            fits
        };
        let ended = world.quiet(|engine, cx| engine.tasks(cx, Entry::Root, None, hidden, start, visit)).unwrap();
        (names.join(" "), ended)
    };
    let ended = |taken, total| Enumerated { taken, total };
    assert_eq!(take(0, 9, false), ("c a b".into(), ended(3, 3)));
    assert_eq!(take(0, 9, true), ("c a b hidden".into(), ended(4, 4)));
    assert_eq!(take(1, 1, false), ("a".into(), ended(1, 3)));
    assert_eq!(take(2, 1, false), ("b".into(), ended(1, 3)));
    assert_eq!(take(3, 9, false), (String::new(), ended(0, 3)));
    assert_eq!(take(7, 9, false), (String::new(), ended(0, 3)));
    assert_eq!(world.list("\\"), ["c", "a", "b", "hidden", "f\\", "e\\"]);
    let task = world.task("c");
    let refused = world.quiet(|engine, cx| engine.tasks(cx, Entry::Task(task), None, true, 0, &mut |_| true));
    assert_eq!(refused, Err(Refused::FolderNotFound));

    // The order is the same after a restart, and after an update.
    world.register("c", &Task::new("other")).unwrap();
    let outside = world.die();
    let mut slots = Slots::new(32, 2);
    let mut world = World::boot(&mut slots, outside);
    assert_eq!(world.list("\\"), ["c", "a", "b", "hidden", "f\\", "e\\"]);
}

#[test]
fn deleting_takes_out_all_of_a_task() {
    let mut slots = Slots::new(8, 2);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("f\\a", &Task::new("a for=1").when(daily("2024-05-01T13:00:00"))).unwrap();
    world.run("f\\a", &[]).unwrap();
    world.run_for(2000);
    assert_eq!(world.outside.store.kind(STATE).count(), 1);
    assert_eq!(world.call(|engine, cx| engine.delete(cx, &path("f"))), Err(Refused::NotEmpty));
    assert_eq!(world.call(|engine, cx| engine.delete(cx, &path("g"))), Err(Refused::NotFound));
    assert_eq!(world.call(|engine, cx| engine.delete(cx, &path("\\"))), Err(Refused::NotATask));
    world.call(|engine, cx| engine.delete(cx, &path("f\\A"))).unwrap();
    assert_eq!(world.find("f\\a"), None);
    assert_eq!(world.engine.deadline().wall, None);
    world.call(|engine, cx| engine.delete(cx, &path("f"))).unwrap();
    assert_eq!(world.list("\\"), [""; 0]);
    let left: Vec<u8> = world.outside.store.records.keys().map(|key| key.kind).collect();
    assert_eq!(left, [META, HISTORY], "only what the store says about itself, and what happened");
}

#[test]
fn deleting_a_running_task_stops_it_and_nobody_sees_it_any_more() {
    let mut slots = Slots::new(8, 4);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &Task::new("a stubborn").then(mainspring_tests::world::exec("b"))).unwrap();
    let instance = world.run("a", &[]).unwrap();
    world.call(|engine, cx| engine.delete(cx, &path("a"))).unwrap();
    assert_eq!(world.call(|engine, cx| engine.instance(cx, instance)).unwrap_err(), Refused::NotRunning);
    assert_eq!(world.call(|engine, cx| engine.stop_instance(cx, instance)), Err(Refused::NotRunning));
    world.engine.instances(None, &mut |_| panic!("nothing is seen"));
    // Its slot and its record are there until it has ended.
    assert_eq!(world.outside.store.kind(mainspring::store::INSTANCE).count(), 1);
    world.register("a", &Task::new("other")).unwrap();
    assert_eq!(world.last_result("a"), None);
    world.run_for(10_000);
    assert!(world.outside.children.is_empty());
    assert_eq!(world.outside.store.kind(mainspring::store::INSTANCE).count(), 0);
    assert_eq!(world.outside.store.kind(STATE).count(), 0);
    assert_eq!(world.outside.starts().len(), 1);
}

#[test]
fn full_slots_are_told_and_lose_nothing() {
    let mut slots = Slots::new(4, 1);
    let mut world = World::boot(&mut slots, Outside::new(START));
    for name in ["f\\a", "f\\b", "c"] {
        world.register(name, &Task::new("a")).unwrap();
    }
    let entries = world.outside.store.kind(ENTRY).count();
    assert_eq!(world.register("d", &Task::new("a")), Err(Refused::TooBusy));
    assert_eq!(Refused::TooBusy.status(), Status::SCHED_E_SERVICE_TOO_BUSY);
    assert_eq!(
        world.call(|engine, cx| engine.create_folder(cx, &path("g"), mainspring::sid::Sid::LOCAL_SYSTEM, None)),
        Err(Refused::TooBusy)
    );
    assert_eq!(world.outside.store.kind(ENTRY).count(), entries);
    world.register("f\\a", &Task::new("b")).unwrap();
    world.run("f\\a", &[]).unwrap();
    assert_eq!(world.run("c", &[]), Err(Refused::TooBusy));
    world.call(|engine, cx| engine.delete(cx, &path("f\\b"))).unwrap();
    world.register("d", &Task::new("a")).unwrap();
    assert_eq!(world.list("\\"), ["c", "d", "f\\"]);
    // Not even the folder on the way is made for a task that has no room.
    world.call(|engine, cx| engine.delete(cx, &path("d"))).unwrap();
    assert_eq!(world.register("g\\d", &Task::new("a")), Err(Refused::TooBusy));
    assert_eq!(world.list("\\"), ["c", "f\\"]);
}

#[test]
fn what_does_not_fit_the_lent_record_is_too_large() {
    let mut slots = Slots::new(4, 1);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let long = "x".repeat(7_000);
    let sddl = "y".repeat(9_500);
    assert_eq!(
        world.register("a", &Task { security: Some(sddl.as_bytes()), ..Task::new(&long) }),
        Err(Refused::TooLarge)
    );
    assert_eq!(world.find("a"), None);
    world.register("a", &Task { security: Some(sddl.as_bytes()), ..Task::new("short") }).unwrap();
    assert_eq!(world.register("a", &Task::new(&long)), Err(Refused::TooLarge));
    let task = world.task("a");
    world.quiet(|engine, cx| engine.definition(cx, task).map(|_| ())).unwrap();
}
