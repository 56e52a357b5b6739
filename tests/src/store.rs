//! A store in memory that keeps the contract of [`Store`], and can lose power after any change, fail, or be full.

use embedded_storage_async::nor_flash::MultiwriteNorFlash;
use mainspring::ports::{Change, Key, Store, StoreError};
use mainspring_embassy::flash::FlashStore;
use std::collections::BTreeMap;

/// What a store says that has no power; whatever is asked of it.
pub const NO_POWER: StoreError = StoreError::Failed { code: -1 };

/// A store whose power can be cut.
pub trait Medium: Store {
    /// Whether it was cut.
    fn is_dead(&self) -> bool;

    /// Gives it power again, for as long as is wanted.
    fn power(&mut self);
}

/// Flash without a switch; `nor` has parts that lose their power.
impl<F: MultiwriteNorFlash, const PAGES: usize, const KEYS: usize> Medium for FlashStore<'_, F, PAGES, KEYS> {
    fn is_dead(&self) -> bool {
        false
    }

    fn power(&mut self) {}
}

/// Records in memory.
#[derive(Debug, Clone, Default)]
pub struct RamStore {
    /// The records, as a restart would find them.
    pub records: BTreeMap<Key, Vec<u8>>,
    /// After so many further changes the power is cut: each of them is whole, and nothing after them is done.
    pub cut_after: Option<u64>,
    /// What `apply` fails with, and after how many changes of a list.
    pub fail_writes: Option<(StoreError, usize)>,
    /// What `get` and `scan` fail with.
    pub fail_reads: Option<StoreError>,
    /// Bytes that all records together may have.
    pub capacity: Option<usize>,
    /// Changes done since it was made.
    pub changes: u64,
    /// Lists of changes since it was made.
    pub lists: u64,
    /// Bytes put since it was made.
    pub bytes: u64,
    dead: bool,
}

impl RamStore {
    /// Whether the power was cut.
    #[must_use]
    pub const fn is_dead(&self) -> bool {
        self.dead
    }

    /// Gives it power again, for as long as is wanted.
    pub fn power(&mut self) {
        self.dead = false;
        self.cut_after = None;
    }

    /// The records of one kind.
    pub fn kind(&self, kind: u8) -> impl Iterator<Item = (u32, &[u8])> {
        self.records.iter().filter(move |(key, _)| key.kind == kind).map(|(key, record)| (key.number, &record[..]))
    }

    fn readable(&self) -> Result<(), StoreError> {
        if self.dead { Err(NO_POWER) } else { self.fail_reads.map_or(Ok(()), Err) }
    }

    fn change(&mut self, change: &Change<'_>) -> Result<(), StoreError> {
        if self.cut_after == Some(0) {
            self.dead = true;
            return Err(NO_POWER);
        }
        match *change {
            Change::Put(key, record) => {
                let others = self.records.iter().filter(|(other, _)| **other != key).map(|(_, record)| record.len());
                if self.capacity.is_some_and(|capacity| others.sum::<usize>() + record.len() > capacity) {
                    return Err(StoreError::Full);
                }
                self.bytes += record.len() as u64;
                self.records.insert(key, record.to_vec());
            }
            Change::Delete(key) => {
                self.records.remove(&key);
            }
        }
        self.changes += 1;
        self.cut_after = self.cut_after.map(|left| left - 1);
        Ok(())
    }
}

impl mainspring_embassy::keep::Keep for RamStore {}

impl Medium for RamStore {
    fn is_dead(&self) -> bool {
        self.is_dead()
    }

    fn power(&mut self) {
        self.power();
    }
}

impl Store for RamStore {
    fn get(&mut self, key: Key, into: &mut [u8]) -> Result<Option<usize>, StoreError> {
        self.readable()?;
        let Some(record) = self.records.get(&key) else { return Ok(None) };
        let room = into.get_mut(..record.len()).ok_or(StoreError::TooSmall { needed: record.len() })?;
        room.copy_from_slice(record);
        Ok(Some(record.len()))
    }

    fn scan(&mut self, kind: u8, visit: &mut dyn FnMut(Key, &[u8]) -> bool) -> Result<(), StoreError> {
        self.readable()?;
        // Backwards, because any order is allowed and this one is the least expected.
        let range = Key { kind, number: 0 }..=Key { kind, number: u32::MAX };
        self.records.range(range).rev().all(|(&key, record)| visit(key, record));
        Ok(())
    }

    fn apply(&mut self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        if self.dead {
            return Err(NO_POWER);
        }
        self.lists += 1;
        for (done, change) in changes.iter().enumerate() {
            if let Some((error, after)) = self.fail_writes
                && done >= after
            {
                return Err(error);
            }
            self.change(change)?;
        }
        // A cut right behind the last change is one that nobody hears of.
        self.dead = self.cut_after == Some(0);
        if self.dead { Err(NO_POWER) } else { Ok(()) }
    }
}
