//! The store: records in, records out.

use super::{
    block_on::block_on,
    directory::{Directory, Slot},
    geometry::{Geometry, ITEM_MAX},
    item::{Body, Head, Item, ItemKey},
    journal::{FlashError, Journal, Wear},
    mount::{Damage, Mounted},
    spotlight::Spotlight,
    walk::{self, Form, PageState, Walk, What},
};
use core::ops::Range;
use embedded_storage_async::nor_flash::{MultiwriteNorFlash, NorFlashError, NorFlashErrorKind};
use mainspring::{
    ports::{Change, Key, Store, StoreError},
    store::{ENTRY, INSTANCE, STATE, STATE_MAX},
};
use sequential_storage::{
    cache::{self, key_pointers::ArrayKeyPointers, page_pointers::ArrayPagePointers, page_states::ArrayPageStates},
    map::{MapConfig, MapStorage},
};

/// Deleted records of which a mark is kept, so that the items of one that is put again soon need not be looked for.
pub(super) const GRAVES: usize = 8;
/// Bytes at most that are kept for the records of instances, when others find the store full.
const RUN_BYTES: usize = 2048;
/// The same in keys.
const RUN_KEYS: usize = 16;
/// Bytes that [`FlashStore::tidy`] keeps free in the page that is being filled, or an eighth of it: the records of one run, with
/// one of the history.
const IDLE_BYTES: usize = 240;

type Cache<const PAGES: usize, const KEYS: usize> =
    cache::Cache<ArrayPageStates<PAGES>, ArrayPagePointers<PAGES>, ArrayKeyPointers<ItemKey, KEYS>, ItemKey>;
type Map<F, const PAGES: usize, const KEYS: usize> = MapStorage<ItemKey, Spotlight<Journal<F>>, Cache<PAGES, KEYS>>;
type Fault<F> = sequential_storage::Error<FlashError<F>>;

/// A map that knows of nothing yet.
#[inline(always)]
pub(super) fn new_map<F: MultiwriteNorFlash, const PAGES: usize, const KEYS: usize>(
    flash: Spotlight<Journal<F>>,
    pages: Range<u32>,
) -> Option<Map<F, PAGES, KEYS>> {
    let config = MapConfig::try_new(pages).ok()?;
    let cache = Cache::new(ArrayPageStates::new(), ArrayPagePointers::new(), ArrayKeyPointers::new());
    Some(MapStorage::new(flash, config, cache))
}

/// Takes an item. Some drivers want it aligned.
#[repr(align(4))]
pub(super) struct Buffer(pub(super) [u8; ITEM_MAX]);

/// How full a store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Space {
    /// Bytes of flash that the records take.
    pub used: u32,
    /// Bytes of flash that all records together may take.
    pub capacity: u32,
    /// Keys in use: a record takes one, or one and one for each of its parts. Eight more may be in use for a while.
    pub keys: usize,
}

/// Records in NOR flash, see [the module](super).
///
/// `PAGES` is the number of pages of the largest range, without the two of the journal, and `KEYS` the number of items.
pub struct FlashStore<'r, F: MultiwriteNorFlash, const PAGES: usize, const KEYS: usize> {
    /// There is one, except while it is replaced.
    pub(super) map: Option<Map<F, PAGES, KEYS>>,
    /// The pages of the map.
    pub(super) pages: Range<u32>,
    pub(super) directory: Directory<KEYS>,
    /// Records that are marked as gone, the one that went first in front.
    pub(super) graves: heapless::Vec<ItemKey, GRAVES>,
    /// Takes a record that is in parts.
    pub(super) record: &'r mut [u8],
    pub(super) buffer: Buffer,
    /// Something failed, and what is in memory may not be what is in flash.
    pub(super) stale: bool,
    /// What to do about damage, at first and after something failed.
    pub(super) damage: Damage,
    /// Whether [`tidy`](Self::tidy) has nothing to do.
    pub(super) tidy: bool,
    pub(super) mounted: Mounted,
}

/// What befell the part, as an error of the store: 1 not aligned, 2 out of bounds, 3 another error of the driver, 4 not
/// written, 5 not erased.
pub(super) fn failed<E: NorFlashError>(error: &FlashError<E>) -> StoreError {
    let code = match error {
        FlashError::Driver(error) => match error.kind() {
            NorFlashErrorKind::NotAligned => 1,
            NorFlashErrorKind::OutOfBounds => 2,
            _ => 3,
        },
        FlashError::NotWritten { .. } => 4,
        FlashError::NotErased { .. } => 5,
    };
    StoreError::Failed { code }
}

fn store_error<E: NorFlashError>(error: Fault<E>) -> StoreError {
    match error {
        Fault::Storage { value, .. } => failed(&value),
        Fault::FullStorage | Fault::ItemTooBig => StoreError::Exhausted,
        _ => StoreError::Corrupt,
    }
}

impl<F: MultiwriteNorFlash, const PAGES: usize, const KEYS: usize> FlashStore<'_, F, PAGES, KEYS> {
    /// Bytes of a mark that a record is gone.
    const GRAVE: usize = Geometry::<F>::item(7);

    /// What was found when it was mounted, and since.
    #[must_use]
    pub const fn mounted(&self) -> Mounted {
        self.mounted
    }

    /// What was done to the part since it was mounted.
    #[must_use]
    pub fn wear(&mut self) -> Wear {
        self.map.as_mut().map_or_else(Wear::default, |map| map.flash().flash.wear())
    }

    /// How full it is.
    #[must_use]
    pub fn space(&self) -> Space {
        Space { used: self.directory.live(), capacity: self.capacity(), keys: self.directory.len() - self.graves.len() }
    }

    /// Gives the part back.
    #[must_use]
    pub fn release(self) -> Option<F> {
        self.map.map(|map| map.destroy().0.flash.into_inner())
    }

    /// Whether [`tidy`](Self::tidy) is known to have nothing to do. It costs nothing to ask.
    #[must_use]
    pub const fn is_tidy(&self) -> bool {
        self.tidy
    }

    /// To be called while there is nothing else to do: has the page that is being filled moved on if it has no room for the
    /// records of a run, so that the next run waits for no erase. Says whether it did something.
    ///
    /// # Errors
    /// As [`Store::apply`].
    pub fn tidy(&mut self) -> Result<bool, StoreError> {
        if self.tidy {
            return Ok(false);
        }
        // A part that fails is tried again by the next call that writes, and not over and over until then.
        self.tidy = true;
        self.refresh()?;
        let moved = self.move_on();
        self.tidy = !matches!(moved, Ok(true));
        self.done(moved)
    }

    /// Bytes that always find room: a page is closed when an item does not fit, so each may have almost an item left over;
    /// one page is blank. Room for marks is kept apart, so that a store that is full can be emptied.
    fn capacity(&self) -> u32 {
        let pages = (self.pages.end - self.pages.start) / Geometry::<F>::PAGE as u32;
        let all = (pages - 1).saturating_mul((Geometry::<F>::CAPACITY - Geometry::<F>::ITEM) as u32);
        all.saturating_sub(((GRAVES + 1) * Self::GRAVE) as u32)
    }

    /// Whether so many more bytes and keys find room beside all that is there, and beside what runs of all tasks will need.
    fn has_room(&self, kind: u8, bytes: usize, keys: usize) -> bool {
        let capacity = self.capacity() as usize;
        let (bytes_kept, keys_kept) = match kind {
            STATE | INSTANCE => (0, 0),
            _ => {
                let tasks = self.directory.count(ENTRY) + usize::from(kind == ENTRY);
                let states = tasks.saturating_sub(self.directory.count(STATE));
                let bytes = RUN_BYTES.min(capacity / 4) + states * Geometry::<F>::item(7 + STATE_MAX);
                (bytes, RUN_KEYS.min(KEYS / 4) + states)
            }
        };
        self.directory.live() as usize + bytes + bytes_kept <= capacity
            && self.directory.len() + keys + keys_kept <= KEYS
    }

    /// Takes the store in anew if something had failed.
    fn refresh(&mut self) -> Result<(), StoreError> {
        if !self.stale {
            return Ok(());
        }
        self.forget();
        self.enter().map_err(|error| error.as_store_error())
    }

    /// Passes a result on; after an error nobody knows how far it came.
    fn done<T>(&mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if matches!(result, Err(StoreError::Failed { .. } | StoreError::Corrupt)) {
            self.stale = true;
        }
        result
    }

    fn write(&mut self, item: &Item<'_>) -> Result<(), StoreError> {
        self.tidy = false;
        let map = self.map.as_mut().ok_or(StoreError::Corrupt)?;
        block_on(map.store_item(&mut self.buffer.0, &item.key, item)).map_err(store_error)?;
        self.directory
            .put(item.key, Form::of(&item.body), Geometry::<F>::item(item.length()))
            .map_err(|_| StoreError::Exhausted)
    }

    /// Has every copy of an item erased.
    fn erase(&mut self, key: ItemKey) -> Result<(), StoreError> {
        let map = self.map.as_mut().ok_or(StoreError::Corrupt)?;
        block_on(map.remove_item(&mut self.buffer.0, &key)).map_err(store_error)?;
        self.directory.remove(key);
        Ok(())
    }

    fn erase_parts(&mut self, head: ItemKey, generation: u8) -> Result<(), StoreError> {
        for index in 0..=u8::MAX {
            let key = head.part(generation, index);
            if self.directory.find(key).is_none() {
                break;
            }
            self.erase(key)?;
        }
        Ok(())
    }

    fn put(&mut self, key: Key, bytes: &[u8]) -> Result<(), StoreError> {
        let head = ItemKey::of(key);
        let old = self.directory.find(head).copied();
        let keys = usize::from(old.is_none());
        let whole = Item { key: head, body: Body::Whole(bytes) };
        let size = Geometry::<F>::item(whole.length());
        if size <= Geometry::<F>::ITEM {
            if !self.has_room(key.kind, size, keys) {
                return Err(StoreError::Exhausted);
            }
            self.write(&whole)?;
        } else {
            self.put_long(key.kind, head, bytes, old, keys)?;
        }
        self.graves.retain(|&grave| grave != head);
        match old.map(|old| old.form) {
            Some(Form::Parts(generation)) => self.erase_parts(head, generation),
            _ => Ok(()),
        }
    }

    /// Puts a record in parts. It is there when its head is, which comes last.
    fn put_long(
        &mut self,
        kind: u8,
        head: ItemKey,
        bytes: &[u8],
        old: Option<Slot>,
        keys: usize,
    ) -> Result<(), StoreError> {
        let parts = bytes.len().div_ceil(Geometry::<F>::PART);
        if bytes.len() > self.record.len() || parts > usize::from(u8::MAX) {
            return Err(StoreError::TooSmall { needed: bytes.len() });
        }
        if !self.has_room(kind, (parts + 1) * Geometry::<F>::ITEM, keys + parts) {
            return Err(StoreError::Exhausted);
        }
        let generation = match old.map(|old| old.form) {
            Some(Form::Parts(generation)) => generation.checked_add(1).unwrap_or(1),
            _ => 1,
        };
        for (index, part) in (0..=u8::MAX).zip(bytes.chunks(Geometry::<F>::PART)) {
            self.write(&Item { key: head.part(generation, index), body: Body::Part(part) })?;
        }
        let length = u32::try_from(bytes.len()).map_err(|_| StoreError::TooSmall { needed: bytes.len() })?;
        let body = Body::Parts(Head { generation, length, check: walk::crc32(0, bytes) });
        self.write(&Item { key: head, body })
    }

    pub(super) fn delete(&mut self, head: ItemKey) -> Result<(), StoreError> {
        let Some(&old) = self.directory.record(head) else { return Ok(()) };
        if self.graves.is_full()
            && let Some(&first) = self.graves.first()
        {
            // An item whose erase was cut may come back for a moment: until the last is erased, this one says what they are.
            self.write(&Item { key: first, body: Body::Erasing })?;
            self.graves.remove(0);
            self.erase(first)?;
        }
        self.write(&Item { key: head, body: Body::Gone })?;
        let _ = self.graves.push(head);
        match old.form {
            Form::Parts(generation) => self.erase_parts(head, generation),
            _ => Ok(()),
        }
    }

    fn fetch(&mut self, key: ItemKey) -> Result<Body<'_>, StoreError> {
        let map = self.map.as_mut().ok_or(StoreError::Corrupt)?;
        let item = block_on(map.fetch_item::<Item<'_>>(&mut self.buffer.0, &key)).map_err(store_error)?;
        item.filter(|item| item.key == key).map(|item| item.body).ok_or(StoreError::Corrupt)
    }

    fn head(&mut self, key: ItemKey) -> Result<Head, StoreError> {
        match self.fetch(key)? {
            Body::Parts(head) => Ok(head),
            _ => Err(StoreError::Corrupt),
        }
    }

    /// Bytes of a record in parts, if all of them are there.
    pub(super) fn length_of_parts(&mut self, key: ItemKey) -> Result<usize, StoreError> {
        let head = self.head(key)?;
        let (mut at, mut check) = (0, 0);
        for index in 0..=u8::MAX {
            if at == head.length as usize {
                break;
            }
            let Body::Part(part) = self.fetch(key.part(head.generation, index))? else { break };
            at += part.len();
            check = walk::crc32(check, part);
        }
        if at == head.length as usize && check == head.check { Ok(at) } else { Err(StoreError::Corrupt) }
    }

    /// Reads a record in parts into the lent memory.
    fn fetch_long(&mut self, key: ItemKey) -> Result<&[u8], StoreError> {
        let head = self.head(key)?;
        let length = head.length as usize;
        if length > self.record.len() {
            return Err(StoreError::TooSmall { needed: length });
        }
        let mut at = 0;
        for index in 0..=u8::MAX {
            if at == length {
                break;
            }
            let key = key.part(head.generation, index);
            let map = self.map.as_mut().ok_or(StoreError::Corrupt)?;
            let item = block_on(map.fetch_item::<Item<'_>>(&mut self.buffer.0, &key)).map_err(store_error)?;
            let Some(Item { body: Body::Part(part), .. }) = item else { return Err(StoreError::Corrupt) };
            let room = self.record.get_mut(at..length).and_then(|rest| rest.get_mut(..part.len()));
            room.ok_or(StoreError::Corrupt)?.copy_from_slice(part);
            at += part.len();
        }
        let record = self.record.get(..length).ok_or(StoreError::Corrupt)?;
        if at == length && walk::crc32(0, record) == head.check { Ok(record) } else { Err(StoreError::Corrupt) }
    }

    /// A record, wherever it is read to.
    fn fetch_record(&mut self, key: ItemKey, form: Form) -> Result<&[u8], StoreError> {
        if let Form::Parts(_) = form {
            return self.fetch_long(key);
        }
        match self.fetch(key)? {
            Body::Whole(bytes) => Ok(bytes),
            _ => Err(StoreError::Corrupt),
        }
    }

    /// The item that takes the least.
    pub(super) fn smallest(&self) -> Option<Slot> {
        self.directory.iter().min_by_key(|slot| slot.size).copied()
    }

    /// Writes an item once more, as it is.
    pub(super) fn write_again(&mut self, slot: Slot) -> Result<(), Fault<F::Error>> {
        let Self { map, record, buffer, .. } = self;
        let map = map.as_mut().ok_or(Fault::Corrupted {})?;
        let item = block_on(map.fetch_item::<Item<'_>>(&mut buffer.0, &slot.key))?;
        let mut keep = |bytes: &[u8]| -> Option<usize> {
            record.get_mut(..bytes.len())?.copy_from_slice(bytes);
            Some(bytes.len())
        };
        let item = item.ok_or(Fault::Corrupted {})?;
        let kept = match item.body {
            Body::Whole(bytes) | Body::Part(bytes) => keep(bytes).ok_or(Fault::Corrupted {})?,
            Body::Parts(_) | Body::Gone | Body::Erasing => 0,
        };
        let kept = record.get(..kept).unwrap_or_default();
        let body = match item.body {
            Body::Whole(_) => Body::Whole(kept),
            Body::Part(_) => Body::Part(kept),
            Body::Parts(head) => Body::Parts(head),
            Body::Gone => Body::Gone,
            Body::Erasing => Body::Erasing,
        };
        block_on(map.store_item(&mut buffer.0, &slot.key, &Item { key: slot.key, body }))
    }

    /// Closes the page that is being filled if it has too little room, by writing an old item that does not fit once more.
    fn move_on(&mut self) -> Result<bool, StoreError> {
        let page = Geometry::<F>::PAGE as u32;
        let pages = (self.pages.end - self.pages.start) / page;
        let start = self.pages.start;
        let flash = &mut self.map.as_mut().ok_or(StoreError::Corrupt)?.flash().flash;
        let mut begun = None;
        for index in 0..pages {
            let (state, _) = walk::page_state(flash, start + index * page).map_err(|error| failed(&error))?;
            if state == PageState::Begun {
                begun = Some(index);
                break;
            }
        }
        let Some(begun) = begun else { return Ok(false) };
        let mut walk = Walk::new::<F>(start + begun * page);
        while walk.next(flash).map_err(|error| failed(&error))?.is_some() {}
        let free = walk.free();
        if free as usize >= IDLE_BYTES.min(Geometry::<F>::CAPACITY / 8) {
            return Ok(false);
        }
        // What is in the oldest page will be moved soon anyway.
        for step in 1..pages {
            let mut walk = Walk::new::<F>(start + (begun + step) % pages * page);
            while let Some(found) = walk.next(flash).map_err(|error| failed(&error))? {
                if let What::Item(key, _) = found.what
                    && let Some(&slot) = self.directory.find(key)
                    && u32::from(slot.size) > free
                    && slot.form != Form::Gone
                {
                    self.write_again(slot).map_err(store_error)?;
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

impl<F: MultiwriteNorFlash, const PAGES: usize, const KEYS: usize> Store for FlashStore<'_, F, PAGES, KEYS> {
    fn get(&mut self, key: Key, into: &mut [u8]) -> Result<Option<usize>, StoreError> {
        self.refresh()?;
        let Some(&slot) = self.directory.record(ItemKey::of(key)) else { return Ok(None) };
        let copied = self.fetch_record(slot.key, slot.form).and_then(|record| {
            let room = into.get_mut(..record.len()).ok_or(StoreError::TooSmall { needed: record.len() })?;
            room.copy_from_slice(record);
            Ok(Some(record.len()))
        });
        self.done(copied)
    }

    fn scan(&mut self, kind: u8, visit: &mut dyn FnMut(Key, &[u8]) -> bool) -> Result<(), StoreError> {
        self.refresh()?;
        for at in 0..self.directory.len() {
            let Some(&slot) = self.directory.get(at) else { break };
            let key = slot.key.key();
            if key.kind != kind || slot.key.is_part() || self.directory.record(slot.key).is_none() {
                continue;
            }
            let more = self.fetch_record(slot.key, slot.form).map(|record| visit(key, record));
            if !self.done(more)? {
                break;
            }
        }
        Ok(())
    }

    fn apply(&mut self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        self.refresh()?;
        for change in changes {
            let done = match *change {
                Change::Put(key, bytes) => self.put(key, bytes),
                Change::Delete(key) => self.delete(ItemKey::of(key)),
            };
            self.done(done)?;
        }
        Ok(())
    }
}
