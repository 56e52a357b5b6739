//! A store in an array: what a firmware without flash would have.

use heapless::Vec;
use mainspring::ports::{Change, Key, Store, StoreError};

const RECORDS: usize = 16;
const LENGTH: usize = 512;

/// Keeps up to sixteen records of up to a kilobyte.
#[derive(Default)]
pub(crate) struct ArrayStore {
    records: Vec<(Key, Vec<u8, LENGTH>), RECORDS>,
}

impl ArrayStore {
    fn place(&self, key: Key) -> Option<usize> {
        self.records.iter().position(|(there, _)| *there == key)
    }

    fn put(&mut self, key: Key, value: &[u8]) -> Result<(), StoreError> {
        let value = Vec::from_slice(value).map_err(|_| StoreError::Full)?;
        match self.place(key).and_then(|place| self.records.get_mut(place)) {
            Some((_, there)) => *there = value,
            None => self.records.push((key, value)).map_err(|_| StoreError::Full)?,
        }
        Ok(())
    }
}

impl Store for ArrayStore {
    fn get(&mut self, key: Key, into: &mut [u8]) -> Result<Option<usize>, StoreError> {
        let Some((_, value)) = self.place(key).and_then(|place| self.records.get(place)) else { return Ok(None) };
        let room = into.get_mut(..value.len()).ok_or(StoreError::TooSmall { needed: value.len() })?;
        room.copy_from_slice(value);
        Ok(Some(value.len()))
    }

    fn scan(&mut self, kind: u8, visit: &mut dyn FnMut(Key, &[u8]) -> bool) -> Result<(), StoreError> {
        for (key, value) in self.records.iter().filter(|(key, _)| key.kind == kind) {
            if !visit(*key, value) {
                break;
            }
        }
        Ok(())
    }

    fn apply(&mut self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        for change in changes {
            match *change {
                Change::Put(key, value) => self.put(key, value)?,
                Change::Delete(key) => {
                    if let Some(place) = self.place(key) {
                        self.records.swap_remove(place);
                    }
                }
            }
        }
        Ok(())
    }
}
impl mainspring_embassy::keep::Keep for ArrayStore {}
