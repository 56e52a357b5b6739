//! A store that has work for idle moments: flash that erases ahead, so that a call does not wait for an erase.

use embedded_storage_async::nor_flash::MultiwriteNorFlash;
use mainspring::ports::Store;

use crate::flash::FlashStore;

/// Milliseconds that it takes a usual part to copy what counts in a page of 4 KB, and to erase it.
const MOVE: u32 = 100;

/// A [`Store`] that may use time in which nothing is due.
///
/// The host calls [`tidy`](Self::tidy) when it has been left alone for a while, and never when something is due before a
/// step would be over. A store that has no such work implements nothing: `impl Keep for MyStore {}`.
pub trait Keep: Store {
    /// The milliseconds that the longest step of [`tidy`](Self::tidy) should take, or `None` while there is nothing to do. One
    /// that takes longer may make a task late by as much, once: the host remembers what it took. It is asked after every call,
    /// so it must cost nothing.
    fn wants(&self) -> Option<u32> {
        None
    }

    /// Does one step. What fails is tried again, or told by the next call of the store that needs it.
    fn tidy(&mut self) {}
}

impl<F: MultiwriteNorFlash, const PAGES: usize, const KEYS: usize> Keep for FlashStore<'_, F, PAGES, KEYS> {
    fn wants(&self) -> Option<u32> {
        (!self.is_tidy()).then_some(MOVE)
    }

    fn tidy(&mut self) {
        // A flash that fails tells the next call that needs it.
        let _ = FlashStore::tidy(self);
    }
}
