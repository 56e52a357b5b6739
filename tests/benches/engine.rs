//! What the engine costs over a store in memory: `cargo bench -p mainspring-tests --bench engine`.
//!
//! Best of seven runs on one core of the machine that the project was built on (shared, so these are upper bounds). A task
//! takes 56 bytes of memory and 20 in index and due queue, an instance 680, of which 576 are
//! room for the arguments of a run.
//!
//! | what | time |
//! | --- | --- |
//! | load 100,000 tasks in 50 folders, arm and queue them | 152 ms |
//! | the clock is set: arm and queue them anew | 56 ms |
//! | find and state, any of 100,000 tasks in turn | 234 ns |
//! | find and state, the same task again | 36 ns |
//! | fire, order the start, end, record, and arm again, host and store of the test included | 2.1 µs |

#![allow(clippy::expect_used)]

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use mainspring::{
    engine::{Entry, InstanceSlot, TaskSlot},
    limits::FIRINGS_PER_TICK,
    task::{Path, Schedule, TriggerKind, Weekdays},
    time::{tail::Tail, zone::Zone},
};
use mainspring_tests::world::{Outside, SECOND, Slots, Task, World, daily, every, once, trigger};

const TASKS: u32 = 100_000;
const ROUNDS: u32 = 7;

/// A store with so many tasks, half of them daily and half on three days of every other week, in Paris.
fn filled(slots: &mut Slots) -> Outside {
    let mut outside = Outside::new("2024-05-01T12:00:00");
    outside.zone = Tail::parse(b"CET-1CEST,M3.5.0,M10.5.0/3").map(Zone::from).unwrap_or(Zone::UTC);
    let mut world = World::boot(slots, outside);
    let schedule = Schedule::Week { interval: 2, days: Weekdays(0b10_1010) };
    for number in 0..TASKS {
        let start = format!("2024-01-{:02}T{:02}:{:02}:00", number % 28 + 1, number % 24, number % 60);
        let trigger = match number % 2 {
            0 => daily(&start),
            _ => trigger(TriggerKind::Calendar { random_delay: None, schedule }, &start),
        };
        let task = Task::new("/usr/bin/true").when(trigger);
        world.register(&path(number), &task).expect("there is room");
    }
    world.die()
}

fn path(number: u32) -> String {
    format!("\\Folder {}\\Task {number}", number % 50)
}

fn each(total: Duration, count: u32) -> String {
    format!("{:.0} ns", total.as_secs_f64() * 1e9 / f64::from(count))
}

fn main() {
    println!("a task {} bytes, an instance {} bytes", size_of::<TaskSlot>(), size_of::<InstanceSlot>());
    let slots = || Slots::new(TASKS as usize + 100, 128);
    let mut memory = slots();
    let outside = filled(&mut memory);

    let mut best = [Duration::MAX; 5];
    for _ in 0..ROUNDS {
        let mut memory = slots();
        let outside = outside.clone();
        let began = Instant::now();
        let mut world = World::boot(&mut memory, outside);
        let load = began.elapsed();

        let paths: Vec<_> = (0..TASKS).filter_map(|number| Path::parse(&path(number)).ok()).collect();
        let began = Instant::now();
        for path in &paths {
            if let Some(Entry::Task(task)) = world.engine.find(path) {
                black_box((world.engine.enabled(task), world.engine.state(task)));
            }
        }
        let found = began.elapsed();
        // The same task again and again, as a client polls it.
        let began = Instant::now();
        for _ in 0..TASKS {
            if let Some(Entry::Task(task)) = world.engine.find(black_box(&paths[77])) {
                black_box((world.engine.enabled(task), world.engine.state(task)));
            }
        }
        let polled = began.elapsed();

        let began = Instant::now();
        world.call(|engine, cx| engine.clock_set(cx));
        let set = began.elapsed();

        let fired = fire();
        for (best, now) in best.iter_mut().zip([load, found, polled, set, fired]) {
            *best = now.min(*best);
        }
    }
    let [load, found, polled, set, fired] = best;
    println!("load {TASKS} tasks: {load:?}, {} each", each(load, TASKS));
    println!("find and state, any of {TASKS}: {}", each(found, TASKS));
    println!("find and state, the same one: {}", each(polled, TASKS));
    println!("the clock is set, {TASKS} tasks: {set:?}, {} each", each(set, TASKS));
    println!("fire, start, end and arm again: {} each", each(fired, 20_000));
}

/// Twenty thousand runs, of a thousand tasks that are due every minute.
fn fire() -> Duration {
    let mut memory = Slots::new(1_100, 128);
    let mut world = World::boot(&mut memory, Outside::new("2024-05-01T12:00:30"));
    for number in 0..1_000 {
        let task = Task::new("x for=0").when(every(once("2024-05-01T12:00:00"), 60, None));
        world.register(&path(number), &task).expect("there is room");
    }
    let mut spent = Duration::ZERO;
    for _ in 0..20 {
        world.outside.pass(60 * SECOND);
        let began = Instant::now();
        for _ in 0..1_000_usize.div_ceil(FIRINGS_PER_TICK) {
            world.call(|engine, cx| engine.tick(cx));
        }
        spent += began.elapsed();
    }
    assert_eq!(world.outside.starts().len(), 20_000);
    spent
}
