//! A store that fails, is full, or holds what nobody wrote.

use mainspring::{
    engine::{Refused, TaskState},
    event::{Event, Skipped},
    limits::{FIRINGS_PER_TICK, HISTORY_TIME, RETRY_TIME},
    ports::{Key, StoreError},
    status::Status,
    store::{DEFINITION, ENTRY, INSTANCE, META_KEY, STATE, definition_key, entry_key, instance_key, state_key},
    task::InstancesPolicy,
};
use mainspring_tests::world::{HOUR, MINUTE, Outside, SECOND, Slots, Task, World, daily, every, once};

const START: &str = "2024-05-01T12:00:00";
const BROKEN: StoreError = StoreError::Failed { code: 5 };

fn minutely(command: &str) -> Task<'_> {
    Task::new(command).when(every(once("2024-05-01T12:01:00"), 60, None))
}

#[test]
fn a_store_that_cannot_be_written_refuses_and_the_server_goes_on() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let task = world.register("f\\a", &minutely("a for=5")).unwrap();
    world.run_for(61 * SECOND);
    for after in 0..3 {
        world.outside.store.fail_writes = Some((StoreError::Full, after));
        assert_eq!(world.register("g\\b", &Task::new("b")), Err(Refused::Store(StoreError::Full)), "after {after}");
        assert_eq!(world.find("g\\b"), None);
        assert_eq!(world.find("g"), None);
        assert!(world.register("f\\a", &Task::new("other")).is_err());
    }
    world.outside.store.fail_writes = Some((StoreError::Full, 0));
    assert_eq!(Refused::Store(StoreError::Full).status(), Status::E_DISK_FULL);
    assert_eq!(Refused::Store(StoreError::Exhausted).status(), Status::SCHED_E_SERVICE_TOO_BUSY);
    let path = mainspring::task::Path::parse("f\\a").unwrap();
    assert!(world.call(|engine, cx| engine.delete(cx, &path)).is_err());
    assert!(world.call(|engine, cx| engine.set_enabled(cx, task, false)).is_err());
    assert!(world.engine.enabled(task));
    assert!(
        world
            .call(|engine, cx| engine.create_folder(
                cx,
                &path.join("x").unwrap(),
                mainspring::sid::Sid::LOCAL_SYSTEM,
                None
            ))
            .is_err()
    );
    assert!(world.run("f\\a", &[]).is_err());
    world.outside.store.fail_writes = None;
    world.register("g\\b", &Task::new("b")).unwrap();
    let outside = world.die();
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, outside);
    assert_eq!(world.list("\\"), ["f\\", "g\\"]);
    assert_eq!(world.list("g"), ["b"]);
    assert_eq!(world.list("f"), ["a"]);
}

/// Whatever changes tasks tells, beside its answer, that the store failed.
#[test]
fn a_change_that_the_store_refused_is_told() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let task = world.register("f\\a", &Task::new("a")).unwrap();
    let path = |text: &str| mainspring::task::Path::parse(text).unwrap();
    world.call(|engine, cx| engine.create_folder(cx, &path("g"), mainspring::sid::Sid::LOCAL_SYSTEM, None)).unwrap();
    world.outside.store.fail_writes = Some((BROKEN, 0));
    let told = |world: &mut World<'_>| {
        let told = world.outside.events.iter().filter(|event| **event == Event::StoreFailed { error: BROKEN }).count();
        world.outside.events.clear();
        told
    };
    assert!(world.register("b", &Task::new("b")).is_err());
    assert_eq!(told(&mut world), 1);
    assert!(world.register("f\\a", &Task::new("b")).is_err());
    assert_eq!(told(&mut world), 1);
    assert!(world.call(|engine, cx| engine.set_enabled(cx, task, false)).is_err());
    assert_eq!(told(&mut world), 1);
    assert!(world.call(|engine, cx| engine.delete(cx, &path("f\\a"))).is_err());
    assert_eq!(told(&mut world), 1);
    assert!(world.call(|engine, cx| engine.delete(cx, &path("g"))).is_err());
    assert_eq!(told(&mut world), 1);
}

/// A list that failed at its last change: the new definition counts, because the old one may be gone.
#[test]
fn an_update_that_came_as_far_as_the_entry_counts() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &Task::new("old")).unwrap();
    world.outside.store.fail_writes = Some((BROKEN, 2));
    assert!(world.register("a", &Task::new("new")).is_err());
    world.outside.store.fail_writes = None;
    world.run("a", &[]).unwrap();
    assert_eq!(world.outside.starts()[0].1, "new");
    let outside = world.die();
    let mut slots = Slots::new(8, 8);
    let world = World::boot(&mut slots, outside);
    assert_eq!((world.loaded.swept, world.loaded.tasks), (1, 1));
}

/// An update that failed before that leaves nothing of the new definition, which would take room until the next start.
#[test]
fn an_update_that_did_not_come_so_far_leaves_nothing() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &Task::new("old")).unwrap();
    let before = world.outside.store.records.clone();
    world.outside.store.fail_writes = Some((StoreError::Exhausted, 1));
    assert_eq!(world.register("a", &Task::new("new")), Err(Refused::Store(StoreError::Exhausted)));
    assert_eq!(world.outside.store.records, before);
    world.outside.store.fail_writes = None;
    world.run("a", &[]).unwrap();
    assert_eq!(world.outside.starts()[0].1, "old");
}

/// What the store remembers of a task's runs is damaged: the next result takes its place, and nothing waits for it.
#[test]
fn a_damaged_state_holds_nothing_up() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &Task::new("a for=10")).unwrap();
    world.run("a", &[]).unwrap();
    world.outside.store.fail_reads = Some(StoreError::Corrupt);
    world.run_for(20 * SECOND);
    world.outside.store.fail_reads = None;
    assert_eq!(world.last_result("a"), Some(Status::S_OK));
    world.run("a", &[]).unwrap();
    assert_eq!(world.outside.starts().len(), 2);
}

#[test]
fn a_firing_that_cannot_be_recorded_does_not_run_and_the_next_does() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &minutely("a for=1")).unwrap();
    world.outside.store.fail_writes = Some((BROKEN, 0));
    world.run_for(90 * SECOND);
    let skipped = Event::Skipped { task: 1, reason: Skipped::StoreFailed };
    assert_eq!(world.outside.events.iter().filter(|event| **event == skipped).count(), 1);
    world.outside.store.fail_writes = None;
    world.run_for(MINUTE);
    assert_eq!(world.outside.times("a"), ["12:02:00"]);
}

/// Two hundred tasks are due and the store cannot be written: each attempt may take long, and calls wait for it.
#[test]
fn a_failing_store_is_tried_once_in_a_retry_time() {
    let mut slots = Slots::new(256, 256);
    let mut world = World::boot(&mut slots, Outside::new(START));
    for number in 0..200 {
        world.register(&format!("t{number}"), &Task::new("a for=0").when(once("2024-05-01T12:01:00"))).unwrap();
    }
    world.outside.store.fail_writes = Some((BROKEN, 0));
    world.run_for(MINUTE - 1);
    let before = world.outside.store.lists;
    world.run_for(10 * SECOND);
    assert_eq!(
        world.outside.store.lists - before,
        11,
        "at 12:01:00, each second after it up to 12:01:09, and for the history"
    );
    let skipped = |event: &&Event| matches!(event, Event::Skipped { reason: Skipped::StoreFailed, .. });
    assert_eq!(world.outside.events.iter().filter(skipped).count(), 10);
    // A call that fails meanwhile does not put the next attempt off, nor does a tick too many bring it on.
    let due = world.engine.deadline();
    assert_eq!((due.wall, due.monotonic > Some(world.outside.now.monotonic)), (None, true));
    assert!(world.run("t199", &[]).is_err());
    world.call(|engine, cx| engine.tick(cx));
    assert_eq!(world.engine.deadline(), due);
    // What is still due then runs.
    world.outside.store.fail_writes = None;
    world.run_for(2 * SECOND);
    assert_eq!(world.outside.starts().len(), 190);
    world.run_for(i64::try_from(HISTORY_TIME).unwrap());
    assert_eq!(world.engine.deadline(), mainspring::engine::Deadline { monotonic: None, wall: None });
}

/// As many results as there are instances wait for the store: each tick writes a bounded number of them.
#[test]
fn results_that_waited_are_written_a_few_at_a_time() {
    const RUNS: usize = 2 * FIRINGS_PER_TICK + 20;
    let mut slots = Slots::new(256, 256);
    let mut world = World::boot(&mut slots, Outside::new(START));
    for number in 0..RUNS {
        world.register(&format!("t{number}"), &Task::new("a for=5")).unwrap();
        world.run(&format!("t{number}"), &[]).unwrap();
    }
    world.outside.store.fail_writes = Some((BROKEN, 0));
    world.run_for(5 * SECOND);
    assert_eq!(world.outside.store.kind(INSTANCE).count(), RUNS);
    world.outside.store.fail_writes = None;
    world.outside.pass(SECOND);
    let mut left = vec![];
    while world.engine.deadline().monotonic.is_some_and(|at| at <= world.outside.now.monotonic) {
        world.call(|engine, cx| engine.tick(cx));
        left.push(world.outside.store.kind(INSTANCE).count());
    }
    assert_eq!(left, [RUNS - FIRINGS_PER_TICK, RUNS - 2 * FIRINGS_PER_TICK, 0]);
}

#[test]
fn a_definition_that_cannot_be_read_is_looked_at_again() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let task = world.register("a", &minutely("a for=1")).unwrap();
    world.outside.store.fail_reads = Some(BROKEN);
    world.run_for(150 * SECOND);
    assert!(world.outside.starts().is_empty());
    assert_eq!(world.engine.next_run(task), None);
    assert_eq!(world.quiet(|engine, cx| engine.definition(cx, task).map(|_| ())), Err(Refused::Store(BROKEN)));
    // The clock is set meanwhile: that is tried again too.
    world.set_clock("2024-05-01T12:30:30");
    world.run_for(3 * SECOND);
    world.outside.store.fail_reads = None;
    world.run_for(MINUTE);
    assert_eq!(world.outside.times("a"), ["12:31:00"]);
}

#[test]
fn a_result_that_cannot_be_recorded_is_kept_and_written_later() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &Task::new("a for=5 code=8")).unwrap();
    world.run("a", &[]).unwrap();
    world.outside.store.fail_writes = Some((BROKEN, 0));
    world.run_for(10 * SECOND);
    assert_eq!(world.last_result("a"), Some(Status(8)));
    let task = world.task("a");
    assert_eq!(world.engine.state(task), TaskState::Ready);
    assert_eq!(world.outside.store.kind(STATE).count(), 0);
    world.outside.store.fail_writes = None;
    world.run_for(i64::try_from(RETRY_TIME).unwrap());
    assert_eq!(world.outside.store.kind(STATE).count(), 1);
    assert_eq!(world.outside.store.kind(INSTANCE).count(), 0);
    assert_eq!(world.last_result("a"), Some(Status(8)));
    world.run_for(i64::try_from(HISTORY_TIME).unwrap());
    assert_eq!(world.engine.deadline().monotonic, None);
}

#[test]
fn a_queued_run_whose_start_cannot_be_recorded_waits_on() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &Task::new("a for=5").with(|with| with.instances_policy = InstancesPolicy::Queue)).unwrap();
    for _ in 0..3 {
        world.run("a", &[]).unwrap();
    }
    world.outside.store.fail_writes = Some((BROKEN, 0));
    world.run_for(6 * SECOND);
    let task = world.task("a");
    assert_eq!(world.engine.state(task), TaskState::Queued);
    assert_eq!(world.run("a", &[]), Err(Refused::Store(BROKEN)), "a run that cannot be kept is not promised");
    world.outside.store.fail_writes = None;
    world.run_for(MINUTE);
    assert_eq!(world.outside.starts().len(), 3);
    assert_eq!(world.engine.state(task), TaskState::Ready);
    assert_eq!(world.outside.store.kind(INSTANCE).count(), 0);
}

#[test]
fn a_queued_run_that_was_dropped_while_the_store_failed_is_deleted_later() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &Task::new("a for=5").with(|with| with.instances_policy = InstancesPolicy::Queue)).unwrap();
    world.run("a", &[]).unwrap();
    let queued = world.run("a", &[]).unwrap();
    world.outside.store.fail_writes = Some((BROKEN, 0));
    world.call(|engine, cx| engine.stop_instance(cx, queued)).unwrap();
    assert_eq!(world.call(|engine, cx| engine.stop_instance(cx, queued)), Err(Refused::NotRunning));
    world.outside.store.fail_writes = None;
    world.run_for(2 * SECOND);
    assert_eq!(world.outside.store.kind(INSTANCE).count(), 1);
    world.run_for(MINUTE);
    assert_eq!(world.outside.starts().len(), 1);
}

#[test]
fn a_full_store_keeps_what_it_has() {
    let mut slots = Slots::new(64, 8);
    let mut outside = Outside::new(START);
    outside.store.capacity = Some(1200);
    let mut world = World::boot(&mut slots, outside);
    let mut registered = 0;
    while world.register(&format!("t{registered}"), &minutely("a for=1")).is_ok() {
        registered += 1;
    }
    assert!(registered > 3);
    world.run_for(HOUR);
    let outside = world.die();
    let mut slots = Slots::new(64, 8);
    let mut world = World::boot(&mut slots, outside);
    assert_eq!(world.list("\\").len(), registered);
    let path = mainspring::task::Path::parse("t0").unwrap();
    world.call(|engine, cx| engine.delete(cx, &path)).unwrap();
    world.register("other", &Task::new("b")).unwrap();
}

#[test]
fn what_nothing_points_to_is_swept() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &Task::new("a")).unwrap();
    let mut outside = world.die();
    let definition = outside.store.records[&definition_key(1)].clone();
    for number in 100..180 {
        outside.store.records.insert(definition_key(number), definition.clone());
        outside.store.records.insert(state_key(number), vec![1, 2, 3]);
    }
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, outside);
    assert_eq!((world.loaded.swept, world.loaded.damaged, world.loaded.tasks), (160, 0, 1));
    assert_eq!(world.outside.store.kind(DEFINITION).count(), 1);
    assert_eq!(world.outside.store.kind(STATE).count(), 0);
    // Their numbers are not used again at once.
    world.register("b", &Task::new("b")).unwrap();
    assert!(world.outside.store.records.contains_key(&entry_key(180)));
    assert!(world.outside.store.records.contains_key(&definition_key(180)));
}

#[test]
fn damaged_records_are_told_left_out_and_kept() {
    let mut slots = Slots::new(16, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    for name in ["f\\a", "b", "c", "d"] {
        world.register(name, &Task::new("a for=1").when(daily("2024-05-01T13:00:00"))).unwrap();
    }
    world.run("c", &[]).unwrap();
    world.run_for(2 * SECOND);
    world.run("d", &[]).unwrap();
    let mut outside = world.die();
    // The folder, the entry of b, the definition of c, the instance of d.
    let damaged = [entry_key(1), entry_key(3), definition_key(3), instance_key(1)];
    for key in damaged {
        outside.store.records.insert(key, vec![0xFF; 7]);
    }
    let before = outside.store.records.clone();
    let mut slots = Slots::new(16, 8);
    outside.events.clear();
    let mut world = World::boot(&mut slots, outside);
    assert_eq!(world.loaded.damaged, 4);
    for Key { kind, number } in damaged {
        assert!(world.outside.events.contains(&Event::RecordDamaged { kind, number }), "{kind} {number}");
    }
    assert!(before.iter().all(|(key, record)| world.outside.store.records.get(key) == Some(record)), "all is kept");
    // The folder is made anew, so that its task can be found; what has no entry is not there.
    assert_eq!(world.list("\\"), ["c", "d", "f\\"]);
    assert_eq!(world.list("f"), ["a"]);
    assert_eq!(world.find("b"), None);
    // A task without a definition is there, and can be deleted or registered anew.
    assert_eq!(world.run("c", &[]), Err(Refused::Damaged));
    let task = world.task("c");
    assert_eq!(world.engine.next_run(task), None);
    world.register("c", &Task::new("new")).unwrap();
    world.run("c", &[]).unwrap();
}

#[test]
fn a_missing_definition_damages_only_its_task() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &minutely("a for=1")).unwrap();
    world.register("b", &minutely("b for=1")).unwrap();
    world.outside.store.records.remove(&definition_key(1));
    world.run_for(61 * SECOND);
    assert_eq!(world.outside.times("b"), ["12:01:00"]);
    assert!(world.outside.events.contains(&Event::RecordDamaged { kind: DEFINITION, number: 1 }));
    let outside = world.die();
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, outside);
    assert_eq!((world.loaded.tasks, world.loaded.damaged), (2, 1));
    world.run_for(MINUTE);
    assert_eq!(world.outside.times("b"), ["12:01:00", "12:02:00"]);
}

#[test]
fn a_store_of_another_layout_is_left_alone() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &Task::new("a")).unwrap();
    let mut outside = world.die();
    outside.store.records.insert(META_KEY, vec![0x81, 0x02]);
    let before = outside.store.records.clone();
    let mut slots = Slots::new(8, 8);
    let mut world =
        World { engine: mainspring::engine::Engine::new(slots.lend()), outside, loaded: Default::default() };
    assert_eq!(world.call(|engine, cx| engine.load(cx)), Err(StoreError::Corrupt));
    assert_eq!(world.outside.store.records, before);
    // Once it can be read, it can be loaded.
    world.outside.store.records.insert(META_KEY, vec![0x81, 0x01]);
    assert_eq!(world.call(|engine, cx| engine.load(cx)).unwrap().tasks, 1);
    assert_eq!(world.call(|engine, cx| engine.load(cx)).unwrap().tasks, 1);
    assert_eq!(world.list("\\"), ["a"]);
}

/// More tasks in the store than slots: those that have one work, and nothing of the others is swept.
#[test]
fn fewer_slots_than_tasks_lose_nothing() {
    let mut slots = Slots::new(16, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    for number in 0..10 {
        world.register(&format!("t{number}"), &Task::new("a")).unwrap();
    }
    let outside = world.die();
    let mut slots = Slots::new(4, 8);
    let world = World::boot(&mut slots, outside);
    assert_eq!((world.loaded.tasks, world.loaded.damaged, world.loaded.swept), (4, 6, 0));
    let outside = world.die();
    let mut slots = Slots::new(16, 8);
    let world = World::boot(&mut slots, outside);
    assert_eq!((world.loaded.tasks, world.loaded.damaged), (10, 0));
}

/// Two entries of one path: the later one was acknowledged, the earlier one could not be undone.
#[test]
fn of_two_entries_with_one_path_the_later_counts() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("a", &Task::new("old")).unwrap();
    world.register("b", &Task::new("new")).unwrap();
    let mut outside = world.die();
    let entry = mainspring::store::Entry::decode(&outside.store.records[&entry_key(2)]).unwrap();
    let mut room = [0; 200];
    let entry = mainspring::store::Entry { path: "\\a", ..entry }.encode(&mut room).unwrap().to_vec();
    outside.store.records.insert(entry_key(2), entry);
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, outside);
    assert_eq!((world.loaded.tasks, world.loaded.swept), (1, 2), "the entry and its definition");
    world.run("a", &[]).unwrap();
    assert_eq!(world.outside.starts()[0].1, "new");
    assert_eq!(world.outside.store.kind(ENTRY).count(), 1);
}

/// Every record with every bit flipped, one at a time: a start that fails or goes well, and never a panic.
#[test]
fn no_flipped_bit_makes_the_start_panic() {
    let mut slots = Slots::new(8, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    world.register("f\\a", &minutely("a for=1")).unwrap();
    world.register("b", &Task::new("b").when(mainspring_tests::world::registration(60))).unwrap();
    world.run("f\\a", &[]).unwrap();
    world.run_for(2 * SECOND);
    world.run("b", &["x"]).unwrap();
    let outside = world.die();
    let mut started = 0;
    for (key, record) in &outside.store.records {
        for bit in 0..8 * record.len() {
            let mut outside = outside.clone();
            let damaged = outside.store.records.get_mut(key).unwrap();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let mut slots = Slots::new(8, 8);
            if let Some(mut world) = World::try_boot(&mut slots, outside) {
                started += 1;
                world.run_for(90 * SECOND);
            }
        }
    }
    assert!(started > 1000, "{started}");
}
