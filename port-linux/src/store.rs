//! The store: records in one redb file, one table for each kind of record.
//!
//! # Why redb
//!
//! Measured on one machine (two cores, ext4 on a virtual disk): 100,000 tasks in 300,000 records, 178 MB; one update is
//! 48 bytes, durable.
//!
//! | | redb 4.5.0 | fjall 3.1.13 |
//! | --- | --- | --- |
//! | bytes written by an update | 28,992 (8 writes, 1 fdatasync) | 100 |
//! | the same with 10,000 tasks | 24,896 | |
//! | bytes that reached the device | 33 KB | 8.3 KB |
//! | time of an update, median | 246 µs | 202 µs |
//! | open after a clean end | 0.4 to 2 ms | 103 to 110 ms |
//! | open after `kill -9` | 140 ms (full repair) | 110 ms |
//! | scan of all records | 120 ms | 160 ms |
//! | resident after open and scan | 4.6 MB (cache of 1 MiB) | 17 to 24 MB, 2 more threads |
//! | crates brought in | 2 | 47 |
//! | power cuts can be simulated beneath it | yes; 9,000 cuts, nothing acknowledged lost | no |
//!
//! redb was chosen because the whole server may use 16 MiB with 10,000 tasks, because it starts at once and without a
//! thread, and because its [`StorageBackend`](redb::StorageBackend) lets the tests cut the power at every write. The
//! price is bytes per update; both wait for the same one flush of the device.
//!
//! Left at their defaults: commits in one phase (a checksum tells a torn one at the next open) and no quick repair
//! (it would write the allocator's state with every commit, to save 140 ms once after a crash). One table for each
//! kind, because one table for all costs 4 KB more per commit.
//!
//! # After an error
//!
//! redb refuses everything after a write or flush that failed, so that nothing is built on a file whose state is not
//! known. The database is dropped then and opened anew, from what the medium holds, before the next call: the failed
//! list is there as a whole or not at all, everything acknowledged is, and the store goes on. If it cannot be opened,
//! each call tries again and fails until it can.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use mainspring::ports::{Change, Key, Store, StoreError};
use redb::{
    Builder, Database, DatabaseError, ReadOnlyTable, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition,
    TableError, backends::FileBackend,
};

/// Bytes of pages that redb keeps in memory.
const CACHE: usize = 1 << 20;

/// Error number of a failure for which the system gave none: `EIO`.
const EIO: i32 = 5;

/// Error number of a record that is too long for the database: `EFBIG`.
const EFBIG: i32 = 27;

type Table = ReadOnlyTable<u32, &'static [u8]>;

/// Opens the database with the settings it is given; called at the start and after each error.
type Open = Box<dyn FnMut(&Builder) -> Result<Database, DatabaseError>>;

/// What is read from, until the next change: one consistent state of the database.
struct Snapshot {
    transaction: ReadTransaction,
    /// The tables that were read from so far; `None` for a kind of which there has never been a record.
    tables: Vec<(u8, Option<Table>)>,
}

/// Records in a redb database.
pub struct Records {
    open: Open,
    // INVARIANT: `None` after an error, until it is opened anew.
    database: Option<Database>,
    // INVARIANT: dropped before a change, because pages that a reader may see cannot be reused.
    snapshot: Option<Snapshot>,
}

impl std::fmt::Debug for Records {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Records").field("open", &self.database.is_some()).finish_non_exhaustive()
    }
}

impl Records {
    /// Opens the database in the file at `path`, made with mode 0600 if it does not exist.
    ///
    /// A power cut while redb lays out a new file leaves one that it never opens again; so a new one is made beside its
    /// place, flushed, and renamed.
    ///
    /// # Errors
    /// What redb said; [`DatabaseError::DatabaseAlreadyOpen`] if another process has it open.
    pub fn open(path: &Path) -> Result<Self, DatabaseError> {
        let path = path.to_owned();
        if !path.try_exists()? {
            let unfinished = path.with_extension("new");
            let file =
                OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
            settings().create_with_backend(FileBackend::new(file)?)?.close()?;
            std::fs::rename(&unfinished, &path)?;
            File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()?;
        }
        // Not `create`: a file that was lost or emptied must not become an empty database that looks like a sound one.
        Self::open_with(move |builder| builder.open(&path))
    }

    /// Opens a database on any medium: `open` is given the settings, and is called again after each error of the
    /// medium. This is where tests put one that forgets, tears or refuses.
    ///
    /// # Errors
    /// What `open` said.
    pub fn open_with(
        open: impl FnMut(&Builder) -> Result<Database, DatabaseError> + 'static,
    ) -> Result<Self, DatabaseError> {
        let mut records = Self { open: Box::new(open), database: None, snapshot: None };
        records.database = Some((records.open)(&settings())?);
        Ok(records)
    }

    /// Ends the database, so that the next start need not repair it.
    ///
    /// # Errors
    /// What redb said; everything acknowledged is durable all the same.
    pub fn close(mut self) -> Result<(), DatabaseError> {
        self.snapshot = None;
        self.database.take().map_or(Ok(()), Database::close)
    }

    /// The database, opened anew if the last call failed.
    fn database(&mut self) -> Result<&Database, redb::Error> {
        let database = match self.database.take() {
            Some(database) => database,
            None => (self.open)(&settings())?,
        };
        Ok(self.database.insert(database))
    }

    /// The table of a kind; `None` if there has never been a record of it.
    fn table(&mut self, kind: u8) -> Result<Option<&Table>, redb::Error> {
        let mut snapshot = match self.snapshot.take() {
            Some(snapshot) => snapshot,
            None => Snapshot { transaction: self.database()?.begin_read()?, tables: Vec::new() },
        };
        let known = snapshot.tables.iter().position(|&(of, _)| of == kind);
        let place = match known {
            Some(place) => place,
            None => {
                let table = match snapshot.transaction.open_table(definition(&table_name(kind))) {
                    Ok(table) => Some(table),
                    Err(TableError::TableDoesNotExist(_)) => None,
                    Err(error) => return Err(error.into()),
                };
                snapshot.tables.push((kind, table));
                snapshot.tables.len() - 1
            }
        };
        let snapshot = self.snapshot.insert(snapshot);
        Ok(snapshot.tables.get(place).and_then(|(_, table)| table.as_ref()))
    }

    fn write(&mut self, changes: &[Change<'_>]) -> Result<(), redb::Error> {
        self.snapshot = None;
        let transaction = self.database()?.begin_write()?;
        let mut rest = changes;
        // Neighbours of one kind share the opening of their table.
        while let Some(&(Change::Put(Key { kind, .. }, _) | Change::Delete(Key { kind, .. }))) = rest.first() {
            let same = |change: &Change<'_>| {
                let (Change::Put(key, _) | Change::Delete(key)) = change;
                key.kind == kind
            };
            let count = rest.iter().position(|change| !same(change)).unwrap_or(rest.len());
            let (run, further) = rest.split_at(count);
            let name = table_name(kind);
            let mut table = transaction.open_table(definition(&name))?;
            for change in run {
                match *change {
                    Change::Put(key, value) => drop(table.insert(key.number, value)?),
                    Change::Delete(key) => drop(table.remove(key.number)?),
                }
            }
            rest = further;
        }
        transaction.commit()?;
        Ok(())
    }

    /// What the core is told of an error. The database is dropped, unless the error is none of the medium's.
    fn failed(&mut self, error: redb::Error) -> StoreError {
        self.snapshot = None;
        self.database = None;
        tracing::error!(%error, "the store failed");
        match error {
            redb::Error::Io(error) => told(&error),
            redb::Error::Corrupted(_) | redb::Error::RepairAborted | redb::Error::UpgradeRequired(_) => {
                StoreError::Corrupt
            }
            redb::Error::ValueTooLarge(_) => StoreError::Failed { code: EFBIG },
            _ => StoreError::Failed { code: EIO },
        }
    }
}

impl Store for Records {
    fn get(&mut self, key: Key, into: &mut [u8]) -> Result<Option<usize>, StoreError> {
        let found = self.table(key.kind).and_then(|table| match table {
            Some(table) => Ok(table.get(key.number)?),
            None => Ok(None),
        });
        match found {
            Ok(Some(record)) => {
                let value = record.value();
                let room = into.get_mut(..value.len()).ok_or(StoreError::TooSmall { needed: value.len() })?;
                room.copy_from_slice(value);
                Ok(Some(value.len()))
            }
            Ok(None) => Ok(None),
            Err(error) => Err(self.failed(error)),
        }
    }

    fn scan(&mut self, kind: u8, visit: &mut dyn FnMut(Key, &[u8]) -> bool) -> Result<(), StoreError> {
        let scanned = self.table(kind).and_then(|table| {
            let Some(table) = table else { return Ok(()) };
            for record in table.iter()? {
                let (number, value) = record?;
                if !visit(Key { kind, number: number.value() }, value.value()) {
                    break;
                }
            }
            Ok(())
        });
        scanned.map_err(|error| self.failed(error))
    }

    fn apply(&mut self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        self.write(changes).map_err(|error| self.failed(error))
    }
}

fn settings() -> Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE);
    builder
}

/// The name of the table of a kind: part of the format at rest.
fn table_name(kind: u8) -> String {
    format!("records {kind:02x}")
}

fn definition(name: &str) -> TableDefinition<'_, u32, &'static [u8]> {
    TableDefinition::new(name)
}

fn told(error: &io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => StoreError::Full,
        _ => StoreError::Failed { code: error.raw_os_error().unwrap_or(EIO) },
    }
}
