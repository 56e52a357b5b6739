//! Nothing allocates where nothing may: a counting allocator, armed for one call.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

/// The system's allocator, which also counts while its thread is armed.
struct Counting;

thread_local! {
    /// Allocations since arming; `None` while not armed. Tests run on threads of their own and do not see each other's.
    static COUNT: Cell<Option<usize>> = const { Cell::new(None) };
}

fn count() {
    // A thread that is being torn down has no count any more, and is not armed.
    let _ = COUNT.try_with(|count| count.set(count.get().map(|n| n + 1)));
}

// SAFETY: every method hands its arguments on to the system's allocator unchanged; counting allocates nothing, because
// the thread's cell is const-initialised and needs no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

mod calls;
mod door;
/// The store of the firmware that has no allocator.
#[path = "../gates/no-alloc/src/store.rs"]
mod store;
mod ticks;

/// How often `work` allocated, and what it returned.
fn allocations<T>(work: impl FnOnce() -> T) -> (usize, T) {
    COUNT.set(Some(0));
    let result = work();
    (COUNT.replace(None).unwrap_or(0), result)
}

#[test]
fn canary_an_allocation_is_seen() {
    let (seen, text) = allocations(|| std::hint::black_box(String::from("the lie")));
    assert_eq!((seen, text.as_str()), (1, "the lie"));
    let (seen, _grown) = allocations(|| {
        let mut grown: Vec<u8> = std::hint::black_box(Vec::with_capacity(1));
        grown.resize(100, 0);
        grown
    });
    assert_eq!(seen, 2);
    let (seen, _zeroed) = allocations(|| std::hint::black_box(vec![0_u64; 8]));
    assert_eq!(seen, 1);
}

#[test]
fn what_allocates_nothing_counts_nothing() {
    let before = String::from("not counted");
    let (seen, length) = allocations(|| std::hint::black_box(&before).len());
    assert_eq!((seen, length), (0, 11));
}
