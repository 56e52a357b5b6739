//! Records in NOR flash: a [`Store`](mainspring::ports::Store) that survives a power cut at any moment.
//!
//! ```text
//! page 0 … N-1   a log of items (sequential-storage): each put or delete is appended; when the log comes round to the
//!                oldest page, what still counts in it is copied to the front and the page is erased
//! page N, N+1    the journal: which page is being erased
//! ```
//!
//! # What the part must do
//!
//! Plain NOR: an erase sets all bits of a page, programming a word clears some, and a word may be programmed once more to
//! clear more of its bits ([`MultiwriteNorFlash`](embedded_storage_async::nor_flash::MultiwriteNorFlash)): a deleted item's
//! header is made zero where it lies. **Flash with error correction over words cannot do that.** Such a part works if
//! programming all zeros over anything is allowed, as some microcontrollers have it; otherwise it needs another store.
//!
//! The flash is driven to the end of each operation by polling. It MUST own its bus, and finish by interrupt or
//! by being polled, without a task of the same executor. An operation is never dropped half way.
//!
//! # What a power cut leaves
//!
//! A word that was being programmed may hold anything between what it was and what it should be, as long as it reads the same
//! each time; a page that was being erased may hold anything at all, and may even look as if nothing had happened. That last is why there is a journal:
//! without it, a page whose erase was cut and that still looks whole is taken for one to be copied from again. With it,
//! every erase that was begun is begun again before anything is read. So after a cut each change of a list is there whole or
//! not at all, the first ones are there if a later one is, and what was acknowledged is there.
//!
//! **Not survived** is a word that reads differently each time after a cut: what follows may then be taken for what it is
//! not, and a record be lost. Nor is damage that no cut does always noticed: a bit that changes in an item makes the item
//! one that does not count, and so an older value of its record may come back.
//!
//! Everything that is written is read back, and so is every erased page. A part that does not hold what it was given fails
//! the call that gave it.
//!
//! # Wear
//!
//! The log goes round, so all of its pages are erased equally often. The journal has two pages of its own, which take a
//! record of a few words for each erase; they are erased once for every page full of records.
//!
//! For each run of a task about 110 bytes are programmed, with words of up to eight bytes; `tests/data/flash/wear.txt` in the
//! repository has the figures, and how to repeat them. A part with `N` pages of `P` bytes that can each be erased `E` times
//! therefore lasts `N · P · E / 110` runs: 64 pages of 4 KB and 100,000 erases are 238 million runs, or more than one every
//! two seconds for ten years. Ten years of a run each minute are 5.3 million, for which two pages would do; take as many as
//! the records need, and twice that, because a log that is nearly full copies more than it adds.
//!
//! # How long a call takes
//!
//! The longest is a list whose items do not fit into the page that is being written: for each page that is begun, what counts
//! in the oldest is copied and it is erased. An item is at most `ITEM` bytes, so that a list of short records begins at most
//! one page.

mod blocking;
mod journal;
mod keys;
mod store;

pub use blocking::Blocking;
pub use journal::{JournalError, Journaled};
pub use store::{FlashStore, MountError, Usage};
