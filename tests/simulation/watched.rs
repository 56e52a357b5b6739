//! A store that is watched.

use crate::observer::Sight;
use mainspring::{
    ports::{Change, Key, Store, StoreError},
    store::{INSTANCE, Instance},
};
use mainspring_tests::store::RamStore;

/// A store that tells which records of instances became durable.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    pub(crate) records: RamStore,
    pub(crate) seen: Vec<Sight>,
}

impl Store for Watched {
    fn get(&mut self, key: Key, into: &mut [u8]) -> Result<Option<usize>, StoreError> {
        self.records.get(key, into)
    }

    fn scan(&mut self, kind: u8, visit: &mut dyn FnMut(Key, &[u8]) -> bool) -> Result<(), StoreError> {
        self.records.scan(kind, visit)
    }

    fn apply(&mut self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        let done = self.records.apply(changes);
        for change in changes {
            // When the power is cut the record may be there although nobody was told.
            if let Change::Put(key, bytes) = *change
                && key.kind == INSTANCE
                && (done.is_ok() || self.records.records.get(&key).is_some_and(|there| there == bytes))
                && let Ok(record) = Instance::decode(bytes)
            {
                self.seen.push(Sight::Record {
                    guid: record.guid,
                    task: record.task,
                    definition: record.definition,
                    cause: record.cause,
                    action: record.action,
                    queued: record.queued,
                });
            }
        }
        done
    }
}
