//! The standard library's heap, where cancelling leaves what is in it to be passed over later.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::Timers;

pub struct Lazy {
    heap: BinaryHeap<Reverse<(u64, u32, u32)>>,
    /// Of each timer, which of its entries holds.
    current: Vec<u32>,
}

impl Lazy {
    fn first(&mut self) -> Option<(u64, u32)> {
        while let Some(&Reverse((at, item, entry))) = self.heap.peek() {
            if self.current[item as usize] == entry {
                return Some((at, item));
            }
            self.heap.pop();
        }
        None
    }
}

impl Timers for Lazy {
    /// While none is passed over.
    const BYTES: f64 = 20.0;

    fn new(count: u32) -> Self {
        Self { heap: BinaryHeap::with_capacity(count as usize), current: vec![0; count as usize] }
    }

    fn insert(&mut self, item: u32, at: u64) {
        self.heap.push(Reverse((at, item, self.current[item as usize])));
    }

    fn rearm(&mut self, item: u32, at: u64) {
        self.cancel(item);
        self.insert(item, at);
    }

    fn cancel(&mut self, item: u32) {
        self.current[item as usize] += 1;
    }

    fn expire(&mut self, now: u64, again: &mut impl FnMut(u32) -> u64) {
        while let Some((at, item)) = self.first()
            && at <= now
        {
            self.heap.pop();
            let at = again(item);
            self.insert(item, at);
        }
    }

    fn wake(&mut self) -> Option<u64> {
        self.first().map(|(at, _)| at)
    }
}
