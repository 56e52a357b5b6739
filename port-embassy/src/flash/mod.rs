//! Records in NOR flash: a [`Store`](mainspring::ports::Store) that survives a power cut at any word, in the map of
//! `sequential-storage`, over a journal of its erases.
//!
//! ```text
//! range:    ┌─────────┬─────────┬──────┬──────┬─ ─ ─┬──────┐   pages, as the part erases them
//!           │ journal │ journal │ page │ page │     │ page │   one page is blank, the others are filled in turn
//!           └─────────┴─────────┴──────┴──────┴─ ─ ─┴──────┘
//! page:     ┌───────┬──────┬──────┬─ ─ ─┬─────────┬───────┐   first and last word: zero once it is begun, and once it is
//!           │ begun │ item │ item │     │ blank … │ ended │   full
//!           └───────┴──────┴──────┴─ ─ ─┴─────────┴───────┘
//! item:     ┌─────────────┬────────┬─────────────┬──────────┐   little-endian; header and data are each padded to words;
//!           │ checksum: 4 │ len: 2 │ of len: 2   │ data     │   an item whose checksum is zero counts for nothing
//!           └─────────────┴────────┴─────────────┴──────────┘
//! data:     ┌─────────┬─────────────┬─────────┬─────────────────────────────────────────────────┐
//!           │ kind: 1 │ number: 1–5 │ form: 1 │ 0: record                                       │
//!           │         │ (LEB128)    │         │ 1: generation: 1, length: 4, CRC-32C: 4         │ record in parts
//!           │         │             │         │ 2: generation: 1, index: 1, bytes               │ one of its parts
//!           │         │             │         │ 3:                                              │ record is gone
//!           │         │             │         │ 4:                                              │ gone, and being erased
//!           └─────────┴─────────────┴─────────┴─────────────────────────────────────────────────┘
//! ```
//!
//! Of the items of one key the newest counts. A record that is longer than an item goes in parts under a new generation,
//! then its head, then the parts that it had are erased: whenever the power is cut, the old record is there or the new one,
//! and what no head names is swept at the next mount. An item is a quarter of a page at most, at least 128 bytes and
//! never more than 512 bytes.
//!
//! # The contract of the part
//!
//! The part, given as [`NorFlash`](embedded_storage_async::nor_flash::NorFlash) (a driver that blocks goes into
//! [`Blocking`]),
//! - MUST be plain NOR whose words may be programmed again to make more zeros of their bits, which
//!   [`MultiwriteNorFlash`](embedded_storage_async::nor_flash::MultiwriteNorFlash) says: an item is erased by making its
//!   checksum zero;
//! - MUST take any number of such programmings of a word between two erases of its page, also with the bits that it has: each
//!   mount makes the marks of the journal and of the page being filled certain by programming them once more. Serial NOR and
//!   parallel NOR with uniform sectors do; the internal flash of nRF52 allows a word to be programmed twice, and does not,
//!   although its driver says that it is [`MultiwriteNorFlash`](embedded_storage_async::nor_flash::MultiwriteNorFlash);
//! - MUST leave every word alone that is not being programmed, and every page that is not being erased, whatever happens to
//!   the power;
//! - MUST have pages of 256 bytes or more, of one size that is a power of two, and words of 32 bytes or less. A word is what is
//!   programmed or what is read at once, whichever is more; both are powers of two. On any other part mounting fails with
//!   [`MountError::Unfit`], or does not compile if neither of the two is a multiple of the other;
//! - MUST own its bus: an operation is polled without an executor until it is done, and never dropped half way, so it
//!   finishes by an interrupt or by polling alone and needs no task of the same executor.
//!
//! **Flash with error correction** (STM32L4, G0, H7 and others) keeps a checksum for each word, so a word can be programmed once,
//! and one that a cut left half-programmed may be an error or a fault on reading. It does not meet the contract. Use an
//! external serial NOR, or a region whose correction can be switched off; parts that allow any word to be made zero once
//! more are not enough, since marks of the journal and of pages are made certain by programming them twice.
//!
//! # What survives a cut
//!
//! Everything that was acknowledged. Of the list that was under way the first changes are there, from none to all, each whole.
//! It does not matter where the power was cut, how often, or what the part made of the word or the page that it was at:
//! nothing, something, noise, zeros, or bits that read differently each time. Three things see to that:
//! - before a page is erased, its number is durable in the journal, and the next mount finishes what was begun;
//! - what is written is read back, and so is what is erased;
//! - at each mount the end of the page that is being filled is read once, and made to be what it was read as.
//!
//! Damage that no cut leaves behind (a wrong bit in an old item, a page of noise) makes [`FlashStore::mount`] fail with
//! [`MountError::Damaged`]; [`FlashStore::salvage`] mounts what is left, for a firmware that would rather run with that, and
//! [`FlashStore::format`] starts anew. None of them panics, whatever the part holds. A store that refuses damage refuses it also
//! when it meets some later: every call fails from then on, nothing runs, and so does the next mount. An appliance that has to go
//! on gives up what is damaged ([`Damage::GiveUp`]) and reports it.
//!
//! # How full, how worn
//!
//! [`Space::capacity`] is what always finds room: for each page but one what is left when an item does not fit. Of that, a
//! quarter but no more than 2 KB, and a quarter of the keys but no more than 16, are kept for instances, and what the state of
//! each task takes that has not run yet; a registration that would take them is refused with `StoreError::Exhausted`, and nothing is lost.
//! Deleting always works.
//!
//! Pages are filled and erased in turn, the ones that hold what never changes too, so all wear alike. `tests/data/flash/wear.txt`
//! of the repository has what a registration and a run cost. The shares of the journal and of what has to be copied are in it;
//! what is copied grows with how full the store is: a run that writes `b` bytes of records programs about `b / (1 - u)`,
//! where `u` is the share of all pages that records fill. How many pages for ten years:
//!
//! ```text
//! pages = runs per day · 3,650 · pages erased per run / erases that a page endures, plus two for the journal,
//!         and not fewer than the records need at u = 0.3:  tasks · 600 bytes / 0.3 / page size
//! ```
//!
//! For example 32 tasks with images of 385 bytes on 128 KB with pages of 4,096 erase 35 pages for 1,000 runs. A run each
//! minute is 5.3 million in ten years, or 185,000 erases; over 30 pages that is 6,200 each, of the 100,000 that a serial NOR
//! endures and the 10,000 of many a microcontroller.
//!
//! # The longest call
//!
//! A list of the records of one run (three items, 120 bytes) erases nothing if [`FlashStore::tidy`] is called when there is
//! nothing else to do. Otherwise each item of a list may have the next page begun: what counts in the oldest page is copied, at
//! most a page, and that page is erased; once in some hundred erases a page of the journal is erased besides. When the store is
//! nearly full several pages may have to be gone through until one has room, and never more than there are. Measured on a
//! store that is 90 % full: one page for the list of a run on pages of 4,096, three on pages of 256. So with a sector of 4 KB that is
//! erased in 45 ms (400 at worst) and programmed in 12 ms a call takes 60 ms, and half a second at worst.
//!
//! A delete, every ninth one of records that are not put again, and the delete or update of a long record once for each of
//! its parts, read all pages with their checksums: 64 KB in 80 ms at 25 MHz. Mounting does it once, and reads what counts once
//! more. A mount after a cut that fell into the copying of a page reads them once for each item of that page.
//!
//! # Memory
//!
//! 28 bytes for each key and 9 for each page, 512 for an item, some 400 more, and what is lent for the longest record. There is no allocation.
//! A record takes one key, or one and one for each part; a task with a short definition has three, a run one.

mod block_on;
mod blocking;
mod directory;
mod geometry;
mod item;
mod journal;
mod mount;
mod spotlight;
mod store;
mod walk;

pub use blocking::Blocking;
pub use journal::{FlashError, Wear};
pub use mount::{Damage, MountError, Mounted};
pub use store::{FlashStore, Space};
