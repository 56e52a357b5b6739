//! Start-up with many tasks. The sweep that `tests/run` makes of it has 100,000.

use mainspring::{
    task::{Schedule, TriggerKind, Weekdays},
    time::{tail::Tail, zone::Zone},
};
use mainspring_tests::world::{Outside, Slots, Task, World, daily, trigger};
use std::time::Instant;

#[test]
fn sweep_many_tasks_are_loaded_in_one_pass() {
    let full = std::env::var("MAINSPRING_SWEEP").is_ok_and(|size| size == "full");
    let tasks = if full { 100_000 } else { 4_000 };
    let mut slots = Slots::new(tasks + 100, 8);
    let mut outside = Outside::new("2024-05-01T12:00:00");
    outside.zone = Zone::from(Tail::parse(b"CET-1CEST,M3.5.0,M10.5.0/3").unwrap());
    let mut world = World::boot(&mut slots, outside);
    let weekly = TriggerKind::Calendar {
        random_delay: None,
        schedule: Schedule::Week { interval: 2, days: Weekdays(0b10_1010) },
    };
    let began = Instant::now();
    for number in 0..tasks {
        let start = format!("2024-01-{:02}T{:02}:{:02}:00", number % 28 + 1, number % 24, number % 60);
        let trigger = if number % 2 == 0 { daily(&start) } else { trigger(weekly, &start) };
        world.register(&format!("Folder {}\\Task {number}", number % 50), &Task::new("a for=0").when(trigger)).unwrap();
    }
    let registered = began.elapsed();
    let outside = world.die();
    let mut slots = Slots::new(tasks + 100, 8);
    let began = Instant::now();
    let mut world = World::boot(&mut slots, outside);
    let loaded = began.elapsed();
    assert_eq!((world.loaded.tasks as usize, world.loaded.folders), (tasks, 50));

    let began = Instant::now();
    let paths: Vec<_> = (0..tasks)
        .map(|number| mainspring::task::Path::parse(&format!("FOLDER {}\\task {number}", number % 50)).unwrap())
        .collect();
    let parsed = began.elapsed();
    let began = Instant::now();
    for path in &paths {
        let Some(mainspring::engine::Entry::Task(task)) = world.engine.find(path) else { panic!("{path} is lost") };
        assert!(world.engine.next_run(task).is_some());
        std::hint::black_box(world.engine.state(task));
    }
    let found = began.elapsed() / u32::try_from(tasks).unwrap();
    println!(
        "{tasks} tasks: registered in {registered:?}, loaded in {loaded:?}; find and state {found:?} (parsed in {parsed:?})"
    );
    world.run_for(3_600_000);
    assert!(!world.outside.starts().is_empty());
}
