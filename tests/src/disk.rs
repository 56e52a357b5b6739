//! A disk that forgets: what was written after the last flush survives a power cut in parts, torn, or not at all.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

pub use crate::chance::Chance;

/// Bytes that a disk writes whole.
const SECTOR: usize = 512;

#[derive(Debug, Clone)]
enum Written {
    Length(usize),
    Bytes(usize, Vec<u8>),
}

impl Written {
    fn put(&self, medium: &mut Vec<u8>) {
        match self {
            Self::Length(length) => medium.resize(*length, 0),
            Self::Bytes(at, bytes) => {
                let end = at + bytes.len();
                if medium.len() < end {
                    medium.resize(end, 0);
                }
                medium[*at..end].copy_from_slice(bytes);
            }
        }
    }
}

#[derive(Debug, Default)]
struct Medium {
    /// What survives a power cut for sure.
    durable: Vec<u8>,
    /// What reads see.
    now: Vec<u8>,
    /// What was written since the last flush, in order.
    pending: Vec<Written>,
    /// Calls that change or flush the medium, so far.
    calls: u64,
    /// Flushes, so far.
    flushes: u64,
    /// The power goes off at this call.
    power_off_at: Option<u64>,
    off: bool,
    /// This flush does nothing but says it did, and the power goes off at the call after it.
    lies_at: Option<u64>,
    /// The medium holds this many bytes; a write that would need more fails.
    room: Option<usize>,
    /// This changing call fails, and only this one.
    fails_at: Option<u64>,
}

/// A disk. Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub struct Disk(Arc<Mutex<Medium>>);

impl Disk {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn medium(&self) -> MutexGuard<'_, Medium> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls so far that changed or flushed the disk.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.medium().calls
    }

    /// Flushes so far.
    #[must_use]
    pub fn flushes(&self) -> u64 {
        self.medium().flushes
    }

    /// The power goes off at the `call`-th changing call from the start.
    pub fn cut_at(&self, call: u64) {
        self.medium().power_off_at = Some(call);
    }

    /// The `flush`-th flush from the start does nothing but says it did, and the power goes off at the call after it.
    pub fn lie_at(&self, flush: u64) {
        self.medium().lies_at = Some(flush);
    }

    /// From now on the disk holds `room` bytes; `None` for any number.
    pub fn set_room(&self, room: Option<usize>) {
        self.medium().room = room;
    }

    /// Bytes the disk holds.
    #[must_use]
    pub fn used(&self) -> usize {
        self.medium().now.len()
    }

    /// The `call`-th changing call from the start fails, as a bad cable would make it; those after it do not.
    pub fn fail_at(&self, call: u64) {
        self.medium().fails_at = Some(call);
    }

    /// The disk after the power came back: of what was not flushed, each write is there, torn, or lost, as chance has
    /// it.
    #[must_use]
    pub fn after_cut(&self, chance: &mut Chance) -> Self {
        let medium = self.medium();
        let mut survived = medium.durable.clone();
        for written in &medium.pending {
            match (chance.below(3), written) {
                (0, _) => {}
                (1, Written::Bytes(at, bytes)) => {
                    let sectors = chance.below((bytes.len() / SECTOR + 1) as u64) as usize;
                    Written::Bytes(*at, bytes[..sectors * SECTOR].to_vec()).put(&mut survived);
                }
                (_, written) => written.put(&mut survived),
            }
        }
        Self(Arc::new(Mutex::new(Medium { durable: survived.clone(), now: survived, ..Medium::default() })))
    }

    fn change(&self, needed: usize, change: impl FnOnce(&mut Medium)) -> io::Result<()> {
        let mut medium = self.medium();
        medium.calls += 1;
        if medium.power_off_at.is_some_and(|at| medium.calls >= at) {
            medium.off = true;
        }
        if medium.off {
            return Err(io::Error::other("the power is off"));
        }
        if medium.fails_at == Some(medium.calls) {
            return Err(io::Error::from_raw_os_error(5));
        }
        if medium.room.is_some_and(|room| needed > room) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        change(&mut medium);
        Ok(())
    }
}

impl redb::StorageBackend for Disk {
    fn len(&self) -> Result<u64, io::Error> {
        let medium = self.medium();
        if medium.off { Err(io::Error::other("the power is off")) } else { Ok(medium.now.len() as u64) }
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        let medium = self.medium();
        if medium.off {
            return Err(io::Error::other("the power is off"));
        }
        let at = offset as usize;
        out.copy_from_slice(medium.now.get(at..at + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        let written = Written::Length(len as usize);
        self.change(len as usize, |medium| {
            written.put(&mut medium.now);
            medium.pending.push(written);
        })
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        self.change(0, |medium| {
            medium.flushes += 1;
            if medium.lies_at == Some(medium.flushes) {
                medium.power_off_at = Some(medium.calls + 1);
            } else {
                medium.durable = medium.now.clone();
                medium.pending.clear();
            }
        })
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        let written = Written::Bytes(offset as usize, data.to_vec());
        self.change(offset as usize + data.len(), |medium| {
            written.put(&mut medium.now);
            medium.pending.push(written);
        })
    }
}
