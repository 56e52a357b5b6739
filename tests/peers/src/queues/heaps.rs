//! Indexed 4-ary heaps: one whose keys are in the timers' slots of 64 bytes, which is what the engine had, and one that
//! keeps them beside the items.

use super::Timers;

const FAN: usize = 4;

/// Where the keys are.
pub trait Store {
    type Entry: Copy;
    const BYTES: f64;
    fn new(count: u32) -> Self;
    fn entry(&mut self, item: u32, at: u64) -> Self::Entry;
    fn item(entry: Self::Entry) -> u32;
    fn key(&self, entry: Self::Entry) -> (u64, u32);
    fn place(&mut self, item: u32) -> &mut u32;
}

pub struct Heap<S: Store> {
    store: S,
    heap: Vec<S::Entry>,
}

impl<S: Store> Heap<S> {
    fn put(&mut self, place: usize, entry: S::Entry) {
        self.heap[place] = entry;
        *self.store.place(S::item(entry)) = place as u32;
    }

    fn rise(&mut self, mut place: usize, entry: S::Entry) {
        let key = self.store.key(entry);
        while place > 0 {
            let parent = self.heap[(place - 1) / FAN];
            if self.store.key(parent) <= key {
                break;
            }
            self.put(place, parent);
            place = (place - 1) / FAN;
        }
        self.put(place, entry);
    }

    fn sink(&mut self, mut place: usize, entry: S::Entry) {
        let key = self.store.key(entry);
        loop {
            let children = place * FAN + 1..(place * FAN + 1 + FAN).min(self.heap.len());
            match children.map(|child| (self.store.key(self.heap[child]), child)).min() {
                Some((least, child)) if least < key => {
                    self.put(place, self.heap[child]);
                    place = child;
                }
                _ => break,
            }
        }
        self.put(place, entry);
    }

    fn settle(&mut self, place: usize, entry: S::Entry) {
        if place > 0 && self.store.key(entry) < self.store.key(self.heap[(place - 1) / FAN]) {
            self.rise(place, entry);
        } else {
            self.sink(place, entry);
        }
    }
}

impl<S: Store> Timers for Heap<S> {
    const BYTES: f64 = S::BYTES;

    fn new(count: u32) -> Self {
        Self { store: S::new(count), heap: Vec::with_capacity(count as usize) }
    }

    fn insert(&mut self, item: u32, at: u64) {
        let entry = self.store.entry(item, at);
        self.heap.push(entry);
        self.rise(self.heap.len() - 1, entry);
    }

    fn rearm(&mut self, item: u32, at: u64) {
        let place = *self.store.place(item) as usize;
        let entry = self.store.entry(item, at);
        self.settle(place, entry);
    }

    fn cancel(&mut self, item: u32) {
        let place = *self.store.place(item) as usize;
        if let Some(last) = self.heap.pop()
            && place < self.heap.len()
        {
            self.settle(place, last);
        }
    }

    fn expire(&mut self, now: u64, again: &mut impl FnMut(u32) -> u64) {
        while let Some(&first) = self.heap.first()
            && self.store.key(first).0 <= now
        {
            let item = S::item(first);
            let entry = self.store.entry(item, again(item));
            self.sink(0, entry);
        }
    }

    fn wake(&mut self) -> Option<u64> {
        self.heap.first().map(|first| self.store.key(*first).0)
    }
}

/// A slot as long as the engine's was.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Slot {
    at: u64,
    place: u32,
}

pub struct InSlots(Vec<Slot>);
pub type KeysInSlots = Heap<InSlots>;

impl Store for InSlots {
    type Entry = u32;
    /// The moment and the place in the slot, the item in the heap.
    const BYTES: f64 = 16.0;
    fn new(count: u32) -> Self {
        Self(vec![Slot { at: 0, place: 0 }; count as usize])
    }
    fn entry(&mut self, item: u32, at: u64) -> u32 {
        self.0[item as usize].at = at;
        item
    }
    fn item(entry: u32) -> u32 {
        entry
    }
    fn key(&self, entry: u32) -> (u64, u32) {
        (self.0[entry as usize].at, entry)
    }
    fn place(&mut self, item: u32) -> &mut u32 {
        &mut self.0[item as usize].place
    }
}

pub struct Beside(Vec<u32>);
pub type KeysBeside = Heap<Beside>;

impl Store for Beside {
    type Entry = (u64, u32);
    /// The moment and the item with what aligns them, and the place.
    const BYTES: f64 = 20.0;
    fn new(count: u32) -> Self {
        Self(vec![0; count as usize])
    }
    fn entry(&mut self, item: u32, at: u64) -> (u64, u32) {
        (at, item)
    }
    fn item(entry: (u64, u32)) -> u32 {
        entry.1
    }
    fn key(&self, entry: (u64, u32)) -> (u64, u32) {
        entry
    }
    fn place(&mut self, item: u32) -> &mut u32 {
        &mut self.0[item as usize]
    }
}
