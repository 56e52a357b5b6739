//! The instances' deadlines: an indexed 4-ary heap, so that inserting and cancelling take O(log n).
//!
//! It keeps its words in the slots of the instances, one in each.

use super::{list::Link, slots::InstanceSlot};
use crate::time::Monotonic;

/// Children of a node: four halve the depth, and the four keys are compared while one line of the cache is fetched.
const FAN: u32 = 4;

/// The places of a heap, and the items in them, which know their places.
pub(super) trait Heap {
    /// Number of items.
    fn len(&self) -> u32;
    fn set_len(&mut self, len: u32);
    /// The item in a place.
    fn item(&self, place: u32) -> u32;
    /// Puts an item into a place, and tells it.
    fn put(&mut self, place: u32, item: u32);
    /// What items are sorted by, smallest first; no two have the same.
    fn key(&self, item: u32) -> (i64, u32);
    /// The place of an item that is in the heap.
    fn place(&self, item: u32) -> Option<u32>;
    /// Tells an item that it is in no place.
    fn forget(&mut self, item: u32);
}

/// The item that is due first.
pub(super) fn first<H: Heap>(heap: &H) -> Option<u32> {
    (heap.len() > 0).then(|| heap.item(0))
}

/// Puts in an item that is not in the heap.
pub(super) fn insert<H: Heap>(heap: &mut H, item: u32) {
    let place = heap.len();
    heap.set_len(place + 1);
    rise(heap, place, item);
}

/// Takes out an item, if it is in.
pub(super) fn remove<H: Heap>(heap: &mut H, item: u32) {
    let Some(place) = heap.place(item) else { return };
    let Some(last) = heap.len().checked_sub(1) else { return };
    let moved = heap.item(last);
    heap.set_len(last);
    heap.forget(item);
    if place != last {
        settle(heap, place, moved);
    }
}

/// Puts `item` into the free `place` or where it belongs above or below.
fn settle<H: Heap>(heap: &mut H, place: u32, item: u32) {
    let above = place.checked_sub(1).map(|below| heap.item(below / FAN));
    match above {
        Some(parent) if heap.key(item) < heap.key(parent) => rise(heap, place, item),
        _ => sink(heap, place, item),
    }
}

fn rise<H: Heap>(heap: &mut H, mut place: u32, item: u32) {
    let key = heap.key(item);
    while let Some(below) = place.checked_sub(1) {
        let above = below / FAN;
        let parent = heap.item(above);
        if heap.key(parent) <= key {
            break;
        }
        heap.put(place, parent);
        place = above;
    }
    heap.put(place, item);
}

fn sink<H: Heap>(heap: &mut H, mut place: u32, item: u32) {
    let key = heap.key(item);
    let len = heap.len();
    loop {
        let children = place * FAN + 1..(place * FAN + 1 + FAN).min(len);
        let least = children.map(|child| (heap.key(heap.item(child)), child)).min();
        match least {
            Some((least, child)) if least < key => {
                let moved = heap.item(child);
                heap.put(place, moved);
                place = child;
            }
            _ => break,
        }
    }
    heap.put(place, item);
}

/// The heap of the instances' deadlines.
pub(super) struct Deadlines<'m> {
    pub(super) instances: &'m mut [InstanceSlot],
    pub(super) len: &'m mut u32,
}

impl Heap for Deadlines<'_> {
    fn len(&self) -> u32 {
        *self.len
    }
    fn set_len(&mut self, len: u32) {
        *self.len = len;
    }
    fn item(&self, place: u32) -> u32 {
        self.instances.get(place as usize).map_or(u32::MAX, |slot| slot.word)
    }
    fn put(&mut self, place: u32, item: u32) {
        if let Some(slot) = self.instances.get_mut(place as usize) {
            slot.word = item;
        }
        if let Some(slot) = self.instances.get_mut(item as usize) {
            slot.place = Link::to(place);
        }
    }
    fn key(&self, item: u32) -> (i64, u32) {
        let at = self.instances.get(item as usize).map_or(Monotonic::MAX, |slot| slot.deadline);
        (i64::try_from(at.0).unwrap_or(i64::MAX), item)
    }
    fn place(&self, item: u32) -> Option<u32> {
        self.instances.get(item as usize)?.place.index()
    }
    fn forget(&mut self, item: u32) {
        if let Some(slot) = self.instances.get_mut(item as usize) {
            slot.place = Link::NONE;
        }
    }
}
