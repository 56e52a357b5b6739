//! The due queue beside a sorted set: its source, by itself, because nobody outside the engine sees it.

#[path = "../../../core/src/engine/queue.rs"]
#[allow(dead_code)] // While it is loaded the engine uses its words otherwise.
mod due;

use std::collections::BTreeSet;

use due::{Numbered, Queue, WORDS, Winner, due, winners};
use mainspring_tests::chance::Chance;

/// A slot with nothing but its number.
struct Slot(u32);

impl Numbered for Slot {
    fn number(&self) -> u32 {
        self.0
    }
}

/// The queue of so many tasks, and what it should be.
struct Both {
    slots: Vec<Slot>,
    words: Vec<u32>,
    first: [Winner; 2],
    due: Vec<Option<(i64, bool)>>,
    sorted: [BTreeSet<(i64, u32, u32)>; 2],
}

impl Both {
    fn new(tasks: u32, words: usize) -> Self {
        // Numbers in another order than slots.
        let slots = (0..tasks).map(|item| Slot(item.wrapping_mul(0x9E37_79B1))).collect();
        let (first, sorted) = ([Winner::default(); 2], [BTreeSet::new(), BTreeSet::new()]);
        Self { slots, words: vec![0; words], first, due: vec![None; tasks as usize], sorted }
    }

    fn queue(&mut self) -> Queue<'_, Slot> {
        Queue::new(&self.slots, &mut self.words, &mut self.first)
    }

    /// Notes it in the sorted set.
    fn note(&mut self, item: u32, due: Option<(i64, bool)>) {
        let number = self.slots[item as usize].0;
        if let Some((at, relative)) = std::mem::replace(&mut self.due[item as usize], due) {
            assert!(self.sorted[usize::from(relative)].remove(&(at, number, item)));
        }
        if let Some((at, relative)) = due {
            assert!(self.sorted[usize::from(relative)].insert((at, number, item)));
        }
    }

    fn set(&mut self, item: u32, due: Option<(i64, bool)>) {
        self.note(item, due);
        match due {
            Some((at, relative)) => self.queue().arm(item, at, relative),
            None => self.queue().disarm(item),
        }
    }

    fn compare(&mut self) {
        let some = self.words.first().map_or(0, |word| *word as usize % self.due.len());
        assert_eq!(due(&self.words, some as u32), self.due[some]);
        for clock in [false, true] {
            let expected = self.sorted[usize::from(clock)].first().map(|&(at, _, item)| (item, at));
            assert_eq!(self.queue().first(clock), expected, "of {} tasks", self.slots.len());
        }
    }

    /// What comes out, one after the other, is in order.
    fn drain(&mut self) {
        for clock in [false, true] {
            while let Some((item, _)) = self.queue().first(clock) {
                self.compare();
                self.set(item, None);
            }
        }
        self.compare();
    }
}

/// Moments that are few, many, or at the ends of time.
fn moment(chance: &mut Chance) -> i64 {
    match chance.below(8) {
        0 => chance.below(4) as i64 - 2,
        1 => [i64::MIN / 8, i64::MAX / 8, -1_000_000_000_000_000, 900_000_000_000_000][chance.below(4) as usize],
        2 => 1_700_000_000_000 + chance.below(100) as i64,
        _ => 1_700_000_000_000 + chance.below(86_400_000) as i64,
    }
}

#[test]
fn a_million_operations_are_those_of_a_sorted_set() {
    let mut chance = Chance::new(0x00D0_0E5E);
    // Around each size at which a floor is added.
    let sizes = [1, 2, 15, 16, 17, 31, 32, 33, 64, 65, 71, 128, 129, 511, 512, 513, 2048, 2049, 40_000];
    for tasks in sizes {
        let mut both = Both::new(tasks, WORDS * tasks as usize);
        for step in 0..1_000_000 / sizes.len() {
            let item = chance.below(tasks.into()) as u32;
            match chance.below(8) {
                0 => both.set(item, None),
                1 => {
                    // What the engine does most: the first is armed for later.
                    let clock = chance.below(2) == 1;
                    if let Some((first, at)) = both.queue().first(clock) {
                        both.set(first, Some((at + chance.below(100_000) as i64, clock)));
                    }
                }
                _ => both.set(item, Some((moment(&mut chance), chance.below(4) == 0))),
            }
            both.compare();
            if step % 9_999 == 7_777 {
                // Anything may be in those words meanwhile, and in what order tasks are noted is all one.
                let used = tasks as usize;
                let from = winners(both.words.len());
                both.words[from..from + used].fill_with(|| chance.draw() as u32);
                for item in (0..tasks).rev() {
                    let due = (chance.below(3) > 0).then(|| (moment(&mut chance), chance.below(2) == 0));
                    both.note(item, due);
                    both.queue().note(item, due);
                }
                both.queue().rebuild(used);
                both.compare();
            }
        }
        both.drain();
    }
}

#[test]
fn a_queue_that_is_used_in_part_is_built_of_that_part() {
    let mut chance = Chance::new(7);
    for (tasks, used) in [(32, 5), (33, 5), (1000, 1), (1000, 65), (100_000, 300)] {
        let mut both = Both::new(tasks, WORDS * tasks as usize);
        let from = winners(both.words.len());
        both.words[from..from + used].fill(0x5555_5555);
        for item in 0..used as u32 {
            let due = Some((moment(&mut chance), item % 2 == 0));
            both.note(item, due);
            both.queue().note(item, due);
        }
        both.queue().rebuild(used);
        // One that was never used comes in, too.
        both.set(used as u32, Some((i64::MIN / 8, false)));
        both.drain();
        assert!(
            both.words[2 * used + 2..from].iter().all(|word| *word == 0),
            "leaves beyond those in use are not touched"
        );
    }
}

#[test]
fn all_that_are_due_at_once_come_in_order_of_their_numbers() {
    let mut both = Both::new(100_000, 300_000);
    for item in 0..100_000 {
        both.set(item, Some((1_700_000_000_000, false)));
    }
    both.drain();
}

#[test]
fn memory_that_is_short_holds_nothing_and_breaks_nothing() {
    for words in 0..8 {
        let mut both = Both::new(4, words);
        for item in 0..4 {
            both.queue().arm(item, 5, item % 2 == 0);
            both.queue().disarm(item);
        }
        both.queue().rebuild(4);
        both.compare();
    }
}

/// The canary: a queue that forgets one task, has one too late, or has two in the wrong order is seen.
#[test]
fn a_queue_that_lies_is_seen() {
    type Lie = fn(&mut Both);
    let lies: [Lie; 3] = [
        |both| both.queue().disarm(77),
        |both| both.queue().arm(77, 1_700_000_000_001, false),
        // Due at the same moment, but of the other clock.
        |both| both.queue().arm(77, 1_700_000_000_000, true),
    ];
    for (number, lie) in lies.into_iter().enumerate() {
        let mut both = Both::new(600, 1800);
        for item in 0..600 {
            both.set(item, Some((1_700_000_000_000, false)));
        }
        lie(&mut both);
        let seen = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| both.drain())).is_err();
        assert!(seen, "lie {number}");
    }
}
