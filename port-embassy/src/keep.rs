//! A store that has work for idle moments: flash that erases ahead, so that a call does not wait for an erase.

use mainspring::ports::Store;

/// A [`Store`] that may use time in which nothing is due.
///
/// The host calls [`tidy`](Self::tidy) when it has been left alone for a while, and never when something is due before a
/// step would be over. A store that has no such work implements nothing: `impl Keep for MyStore {}`.
pub trait Keep: Store {
    /// The milliseconds that the longest step of [`tidy`](Self::tidy) takes, or `None` while there is nothing to do. It is
    /// asked after every call, so it must cost nothing.
    fn wants(&self) -> Option<u32> {
        None
    }

    /// Does one step. What fails is tried again, or told by the next call of the store that needs it.
    fn tidy(&mut self) {}
}
