//! The heap, which only task XML uses: TLSF by `rlsf`, which makes a block shorter where it is, with tables for a heap of
//! this size. (`embedded-alloc` has the same allocator with tables of four kilobytes.)

use core::{
    alloc::{GlobalAlloc, Layout},
    cell::RefCell,
    mem::MaybeUninit,
    ptr::{NonNull, null_mut},
};

use critical_section::Mutex;
use rlsf::Tlsf;

/// Classes of blocks: twelve sizes from 16 bytes on, each twice as long as the one before, in four steps.
type Tables = Tlsf<'static, u16, u8, 12, 4>;

/// An allocator without memory yet.
pub(crate) struct Heap(Mutex<RefCell<Tables>>);

impl Heap {
    pub(crate) const fn empty() -> Self {
        Self(Mutex::new(RefCell::new(Tables::new())))
    }

    /// Gives it its memory.
    pub(crate) fn give(&self, memory: &'static mut [MaybeUninit<u8>]) {
        self.with(|tables| tables.insert_free_block(memory));
    }

    fn with<R>(&self, work: impl FnOnce(&mut Tables) -> R) -> R {
        critical_section::with(|cs| work(&mut self.0.borrow(cs).borrow_mut()))
    }
}

// SAFETY: blocks come from `rlsf`, which keeps to the layout, and go back to it with the alignment that they were asked for.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.with(|tables| tables.allocate(layout)).map_or(null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if let Some(block) = NonNull::new(block) {
            // SAFETY: it is a block of this allocator with that alignment.
            self.with(|tables| unsafe { tables.deallocate(block, layout.align()) });
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let (Some(block), Ok(layout)) = (NonNull::new(block), Layout::from_size_align(size, layout.align())) else {
            return null_mut();
        };
        // SAFETY: as above.
        self.with(|tables| unsafe { tables.reallocate(block, layout) }).map_or(null_mut(), NonNull::as_ptr)
    }
}
