//! What was written, for whoever has a flash to spare.

use crate::ports::{Change, Store, StoreError};

/// What was written to a store since the start of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Written {
    /// Records put.
    pub records: u32,
    /// Bytes of these; what the medium adds to them is not among them.
    pub bytes: u64,
    /// Records deleted, or that were to be, had there been any.
    pub deleted: u32,
}

impl Written {
    /// As [`Store::apply`], and counts what was written. Of a list that failed nothing is counted.
    ///
    /// # Errors
    /// As for [`Store::apply`].
    pub fn apply(&mut self, store: &mut dyn Store, changes: &[Change<'_>]) -> Result<(), StoreError> {
        store.apply(changes)?;
        for change in changes {
            match change {
                Change::Put(_, bytes) => {
                    self.records = self.records.saturating_add(1);
                    self.bytes = self.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(0));
                }
                Change::Delete(_) => self.deleted = self.deleted.saturating_add(1),
            }
        }
        Ok(())
    }
}
