//! Who mounts a damaged part and tells what is on it: the store as it is, and for the canaries stores that lie.

use super::{
    cut::RECORD,
    damage::{History, PAGE, PAGES, Part},
};
use mainspring::{
    ports::{Change, Key, Store, StoreError},
    store::STATE,
};
use mainspring_embassy::flash::{FlashStore, MountError};
use mainspring_tests::nor::NorError;
use std::borrow::Cow;

pub(super) type Mounting<'r> = Result<FlashStore<'r, &'r mut Part, 16, 96>, MountError<NorError>>;

/// A way to mount a store, and to pass on its records.
pub(super) trait Witness {
    /// Mounts what is there; `salvage` in spite of damage.
    fn mount<'r>(&self, nor: &'r mut Part, memory: &'r mut [u8], salvage: bool) -> Mounting<'r> {
        let range = 0..(PAGES * PAGE) as u32;
        if salvage { FlashStore::salvage(nor, range, memory) } else { FlashStore::mount(nor, range, memory) }
    }

    /// What a record is told as; `None` if it is kept quiet.
    fn tell<'b>(&self, key: Key, bytes: &'b [u8]) -> Option<Cow<'b, [u8]>>;
}

/// The store as it is.
pub(super) struct Honest;

impl Witness for Honest {
    fn tell<'b>(&self, _: Key, bytes: &'b [u8]) -> Option<Cow<'b, [u8]>> {
        Some(Cow::Borrowed(bytes))
    }
}

/// Gives states with one bit changed, which were never put.
pub(super) struct Inventive;

impl Witness for Inventive {
    fn tell<'b>(&self, key: Key, bytes: &'b [u8]) -> Option<Cow<'b, [u8]>> {
        let mut bytes = Cow::Borrowed(bytes);
        if key.kind == STATE
            && let Some(last) = bytes.to_mut().last_mut()
        {
            *last ^= 1;
        }
        Some(bytes)
    }
}

/// Gives of one key what was put before the newest.
pub(super) struct Nostalgic<'h>(pub(super) &'h History, pub(super) Key);

impl Witness for Nostalgic<'_> {
    fn tell<'b>(&self, key: Key, bytes: &'b [u8]) -> Option<Cow<'b, [u8]>> {
        let told = match self.0.get(&key).map(Vec::as_slice) {
            Some([.., older, newest]) if key == self.1 && newest == bytes => older.clone().into(),
            _ => bytes.into(),
        };
        Some(told)
    }
}

/// Says nothing of one key.
pub(super) struct Silent(pub(super) Key);

impl Witness for Silent {
    fn tell<'b>(&self, key: Key, bytes: &'b [u8]) -> Option<Cow<'b, [u8]>> {
        (key != self.0).then_some(Cow::Borrowed(bytes))
    }
}

/// Goes on without what is damaged when it was not asked to.
pub(super) struct Lenient;

impl Witness for Lenient {
    fn mount<'r>(&self, nor: &'r mut Part, memory: &'r mut [u8], _: bool) -> Mounting<'r> {
        Honest.mount(nor, memory, true)
    }

    fn tell<'b>(&self, _: Key, bytes: &'b [u8]) -> Option<Cow<'b, [u8]>> {
        Some(Cow::Borrowed(bytes))
    }
}

/// A store as a witness tells of it.
pub(super) struct Told<'s>(pub(super) &'s mut dyn Store, pub(super) &'s dyn Witness);

impl Store for Told<'_> {
    fn get(&mut self, key: Key, into: &mut [u8]) -> Result<Option<usize>, StoreError> {
        let mut room = [0; RECORD];
        let Some(length) = self.0.get(key, &mut room)? else { return Ok(None) };
        let Some(told) = self.1.tell(key, &room[..length]) else { return Ok(None) };
        into.get_mut(..told.len()).ok_or(StoreError::TooSmall { needed: told.len() })?.copy_from_slice(&told);
        Ok(Some(told.len()))
    }

    fn scan(&mut self, kind: u8, visit: &mut dyn FnMut(Key, &[u8]) -> bool) -> Result<(), StoreError> {
        let by = self.1;
        self.0.scan(kind, &mut |key, bytes| by.tell(key, bytes).is_none_or(|told| visit(key, &told)))
    }

    fn apply(&mut self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        self.0.apply(changes)
    }
}
