//! A store gets time for its own work when nobody wants anything, and only then.

use std::{cell::RefCell, rc::Rc};

use embassy_time::{Duration, Instant, MockDriver};
use mainspring::ports::{Change, Key, Store, StoreError};
use mainspring_embassy::keep::Keep;
use mainspring_tests::{
    store::RamStore,
    world::{Task, daily, every, once},
};

use crate::{
    machine::{Machine, Made},
    world::{World, forever},
};

/// A store that wants one step of so many milliseconds after every change.
#[derive(Default)]
struct Untidy {
    records: RamStore,
    step: u32,
    /// How many it really takes.
    takes: u64,
    work: Rc<RefCell<Work>>,
}

#[derive(Default)]
struct Work {
    left: u32,
    /// When it got time.
    steps: Vec<Instant>,
    /// When it was last changed.
    changed: Option<Instant>,
}

impl Store for Untidy {
    fn get(&mut self, key: Key, into: &mut [u8]) -> Result<Option<usize>, StoreError> {
        self.records.get(key, into)
    }

    fn scan(&mut self, kind: u8, visit: &mut dyn FnMut(Key, &[u8]) -> bool) -> Result<(), StoreError> {
        self.records.scan(kind, visit)
    }

    fn apply(&mut self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        let work = &mut *self.work.borrow_mut();
        work.left += 1;
        work.changed = Some(Instant::now());
        self.records.apply(changes)
    }
}

impl Keep for Untidy {
    fn wants(&self) -> Option<u32> {
        (self.work.borrow().left > 0).then_some(self.step)
    }

    fn tidy(&mut self) {
        let work = &mut *self.work.borrow_mut();
        let changed = work.changed.unwrap_or(Instant::MIN);
        assert!(Instant::now() - changed >= Duration::from_millis(20), "it was changed a moment ago");
        work.left -= 1;
        work.steps.push(Instant::now());
        MockDriver::get().advance(Duration::from_millis(self.takes));
    }
}

fn boot(world: &mut World, step: u32, takes: u64) -> (Machine, Rc<RefCell<Work>>) {
    let work = Rc::new(RefCell::new(Work::default()));
    let store = forever(Untidy { step, takes, work: Rc::clone(&work), ..Untidy::default() });
    (Machine::boot(world, Made { store, ..Made::default() }), work)
}

/// All that a run leaves to do is done soon after it, and then nobody is woken any more.
#[test]
fn what_is_left_to_do_is_done_when_it_is_quiet() {
    let mut world = World::new();
    let (machine, work) = boot(&mut world, 50, 0);
    world.pass(Duration::from_secs(1));
    work.borrow_mut().steps.clear();
    assert_eq!(work.borrow().left, 0, "what starting left to do");
    machine.register(r"\a", &Task::new("log"));
    machine.run(r"\a", &[]).unwrap();
    world.settle();
    assert!(work.borrow().left > 2);
    assert!(work.borrow().steps.is_empty());
    world.pass(Duration::from_secs(1));
    assert_eq!(work.borrow().left, 0);
    let steps = work.borrow().steps.len();
    world.pass(Duration::from_secs(60));
    assert_eq!(work.borrow().steps.len(), steps);
}

/// A step that would not be over in time is not begun: a task that fires every second leaves time for steps of half a second,
/// and none for those of a whole one.
#[test]
fn nothing_is_late_for_it() {
    for (step, fits) in [(500, true), (980, true), (981, false), (2000, false)] {
        let mut world = World::new();
        let (machine, work) = boot(&mut world, step, 0);
        machine.register(r"\beat", &Task::new("log").when(every(daily("2030-01-01T00:00:00Z"), 1, None)));
        world.pass(Duration::from_secs(20));
        assert_eq!(!work.borrow().steps.is_empty(), fits, "{step}");
        for at in &work.borrow().steps {
            let over = at.as_millis() % 1000 + u64::from(step);
            assert!(over <= 1000, "{step}: a step at {at:?}");
        }
        assert_eq!(machine.diary.take().len(), 21);
    }
}

/// A part that is slower than its store says makes somebody wait once, and is believed no more.
#[test]
fn what_a_step_takes_is_remembered() {
    let mut world = World::new();
    let (machine, work) = boot(&mut world, 10, 990);
    machine.register(r"\beat", &Task::new("log").when(every(daily("2030-01-01T00:00:00Z"), 1, None)));
    world.pass(Duration::from_secs(20));
    assert_eq!(work.borrow().steps.len(), 1);
    assert!(work.borrow().left > 20);
}

/// Calls that come all the time are not made to wait for it.
#[test]
fn who_calls_goes_first() {
    let mut world = World::new();
    let (machine, work) = boot(&mut world, 10, 0);
    machine.register(r"\a", &Task::new("log").when(once("2031-01-01T00:00:00Z")));
    for _ in 0..200 {
        machine.run(r"\a", &[]).unwrap();
        world.pass(Duration::from_millis(10));
    }
    assert!(work.borrow().steps.is_empty());
    world.pass(Duration::from_millis(20));
    assert_eq!(work.borrow().steps.len(), 1);
    world.pass(Duration::from_secs(60));
    assert_eq!(work.borrow().left, 0);
}
