//! A hierarchical wheel of four times 256 slots, with lists through the timers. What is due in one millisecond comes in no
//! order, and a slot is emptied into the finer ones whole, however many are in it.

use super::Timers;

const NONE: u32 = u32::MAX;
const LEVELS: usize = 4;

#[derive(Clone, Copy)]
struct Timer {
    at: u64,
    next: u32,
    previous: u32,
}

pub struct Wheel {
    now: u64,
    timers: Vec<Timer>,
    heads: [[u32; 256]; LEVELS],
    occupied: [[u64; 4]; LEVELS],
}

impl Wheel {
    /// The level and slot of a moment that is not before now.
    #[inline]
    fn slot(&self, at: u64) -> (usize, usize) {
        let level = ((at ^ self.now) | 1).ilog2() as usize / 8;
        (level, (at >> (8 * level)) as usize & 255)
    }

    /// When the next slot has to be emptied, and which.
    #[inline]
    fn next(&self) -> Option<(u64, usize, usize)> {
        for level in 0..LEVELS {
            let from = (self.now >> (8 * level)) as usize & 255;
            for word in from / 64..4 {
                let mask = if word == from / 64 { u64::MAX << (from % 64) } else { u64::MAX };
                let found = self.occupied[level][word] & mask;
                if found != 0 {
                    let slot = word * 64 + found.trailing_zeros() as usize;
                    let above = self.now >> (8 * level) >> 8 << 8;
                    return Some(((above | slot as u64) << (8 * level), level, slot));
                }
            }
        }
        None
    }
}

impl Timers for Wheel {
    const BYTES: f64 = size_of::<Timer>() as f64;

    fn new(count: u32) -> Self {
        let timers = vec![Timer { at: 0, next: NONE, previous: NONE }; count as usize];
        Self { now: 0, timers, heads: [[NONE; 256]; LEVELS], occupied: [[0; 4]; LEVELS] }
    }

    #[inline]
    fn insert(&mut self, item: u32, at: u64) {
        let (level, slot) = self.slot(at);
        let head = std::mem::replace(&mut self.heads[level][slot], item);
        self.timers[item as usize] = Timer { at, next: head, previous: NONE };
        if head == NONE {
            self.occupied[level][slot / 64] |= 1 << (slot % 64);
        } else {
            self.timers[head as usize].previous = item;
        }
    }

    #[inline]
    fn rearm(&mut self, item: u32, at: u64) {
        self.cancel(item);
        self.insert(item, at);
    }

    #[inline]
    fn cancel(&mut self, item: u32) {
        let Timer { at, next, previous } = self.timers[item as usize];
        if next != NONE {
            self.timers[next as usize].previous = previous;
        }
        if previous != NONE {
            self.timers[previous as usize].next = next;
        } else {
            let (level, slot) = self.slot(at);
            self.heads[level][slot] = next;
            if next == NONE {
                self.occupied[level][slot / 64] &= !(1 << (slot % 64));
            }
        }
    }

    #[inline]
    fn expire(&mut self, now: u64, again: &mut impl FnMut(u32) -> u64) {
        while let Some((at, level, slot)) = self.next()
            && at <= now
        {
            self.now = at;
            let mut item = std::mem::replace(&mut self.heads[level][slot], NONE);
            self.occupied[level][slot / 64] &= !(1 << (slot % 64));
            while item != NONE {
                let timer = self.timers[item as usize];
                let at = if level == 0 { again(item) } else { timer.at };
                self.insert(item, at);
                item = timer.next;
            }
        }
        self.now = now;
    }

    fn wake(&mut self) -> Option<u64> {
        self.next().map(|(at, ..)| at)
    }
}
