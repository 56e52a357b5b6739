//! The store: records over the items of a log.
//!
//! ```text
//! item     key: kind (1), number (4), part (1); value
//! head     part 0: how many further parts there are, and in bit 7 of which set (1); the beginning of the record
//! part     number of the part, and in bit 7 its set: the next bytes of the record
//! deleted  part 0, without a value
//! ```
//!
//! A record that fits into one item is its head alone. Of a longer one the parts are written first, under the set of numbers
//! that the record does not have now, and its head last: with that the new record counts, and the old parts do not. To
//! delete is to put a head without a value, which stays until [`tidy`](FlashStore::tidy) removes it, or its key is
//! put again, or its place is needed.

use core::{
    future::Future,
    mem::MaybeUninit,
    pin::pin,
    task::{Context, Poll, Waker},
};

use embedded_storage_async::nor_flash::MultiwriteNorFlash;
use mainspring::ports::{Change, Key, Store, StoreError};
use sequential_storage::{
    Error,
    cache::{Cache, key_pointers::ArrayKeyPointers, page_pointers::ArrayPagePointers, page_states::ArrayPageStates},
    map::{self, MapConfig, MapStorage, SerializationError, Value},
};

use super::{
    journal::{JournalError, Journaled},
    keys::{Keys, Known, PARTS_MAX, SET, State, part_number},
};

/// Bytes of an item's key.
const KEY: usize = 6;
/// Bytes that the log puts before an item.
const HEADER: usize = 8;
/// Bytes of a head before the record begins.
const HEAD: usize = 1;
/// The error number of a flash that does not do what it is told.
const EIO: i32 = 5;

/// A part when what was interrupted has ended, and where the log is in it.
type Opened<F> = (Journaled<F>, MapConfig<Journaled<F>>);

/// The key of an item, as the log sees it: of no length, so that what it gives back is the whole item. It would take the length
/// of a key from that of an item that is shorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ItemKey([u8; KEY]);

impl map::Key for ItemKey {
    fn serialize_into(&self, buffer: &mut [u8]) -> Result<usize, SerializationError> {
        *buffer.first_chunk_mut().ok_or(TOO_SMALL)? = self.0;
        Ok(KEY)
    }

    fn deserialize_from(buffer: &[u8]) -> Result<(Self, usize), SerializationError> {
        let key = buffer.first_chunk().ok_or(SerializationError::InvalidFormat)?;
        Ok((Self(*key), 0))
    }

    fn get_len(_: &[u8]) -> Result<usize, SerializationError> {
        Ok(0)
    }
}

type Log<F, const PAGES: usize, const KEYS: usize> = MapStorage<
    ItemKey,
    Journaled<F>,
    Cache<ArrayPageStates<PAGES>, ArrayPagePointers<PAGES>, ArrayKeyPointers<ItemKey, KEYS>, ItemKey>,
>;

/// Why a flash could not be mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum MountError<E> {
    /// The part failed, or does not fit.
    Flash(JournalError<E>),
    /// Its pages are not of the kind that is needed: three at least, none shorter than two of the longest items; or those
    /// are not of whole words.
    Geometry,
    /// There are more records than there is memory for.
    TooMany,
    /// What is in it was not written by this code, or is damaged beyond what a power cut does.
    Corrupt,
}

impl<E: core::fmt::Display> core::fmt::Display for MountError<E> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Flash(error) => error.fmt(f),
            Self::Geometry => {
                f.write_str("flash has too few pages, too short ones, or items that are not of whole words")
            }
            Self::TooMany => f.write_str("flash holds more records than there is memory for"),
            Self::Corrupt => f.write_str("flash holds something else, or is damaged"),
        }
    }
}

impl<E: core::error::Error> core::error::Error for MountError<E> {}

/// How full a store is, and what it has cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Usage {
    /// Bytes that records take.
    pub used: u32,
    /// Bytes that records may take.
    pub capacity: u32,
    /// Records.
    pub records: u32,
    /// Bytes programmed since it was mounted.
    pub programmed: u64,
    /// Pages erased since it was mounted.
    pub erased: u32,
}

/// Records in flash. See the [module](super).
///
/// | parameter | |
/// | --- | --- |
/// | `PAGES` | pages of the log; the part has two more |
/// | `KEYS` | records there may be, and their further parts: three for each task, one for each instance and account, and some that were just deleted |
/// | `ITEM` | bytes of the longest item, a multiple of a word; a longer record has several. A definition of 400 bytes is one item of 420 |
/// | `RECORD` | bytes of the longest record |
pub struct FlashStore<
    F: MultiwriteNorFlash,
    const PAGES: usize,
    const KEYS: usize,
    const ITEM: usize,
    const RECORD: usize,
> {
    items: Items<F, PAGES, KEYS, ITEM>,
    record: [u8; RECORD],
}

/// The items of the log.
struct Items<F: MultiwriteNorFlash, const PAGES: usize, const KEYS: usize, const ITEM: usize> {
    log: Log<F, PAGES, KEYS>,
    keys: Keys<KEYS>,
    /// Bytes of the log that items take that count.
    used: u32,
    item: [u8; ITEM],
}

impl<F: MultiwriteNorFlash, const PAGES: usize, const KEYS: usize, const ITEM: usize, const RECORD: usize>
    FlashStore<F, PAGES, KEYS, ITEM, RECORD>
{
    /// Takes over a flash: ends what a power cut interrupted, and reads which records there are. A flash that is all ones is
    /// an empty store.
    ///
    /// # Errors
    /// [`MountError`]; nothing was changed then that a power cut would not have left open.
    pub fn mount(flash: F) -> Result<Self, MountError<F::Error>> {
        let (flash, config) = Self::open(flash)?;
        let mut store = Self::unread(flash, config);
        finish(store.items.read_keys())?;
        Ok(store)
    }

    /// The same, where the store stays: a firmware that starts needs several kilobytes less of its stack. What is in `place`
    /// is overwritten, and nothing but the answer says that there is a store in it.
    ///
    /// # Errors
    /// As for [`mount`](Self::mount).
    pub fn mount_in(place: &mut MaybeUninit<Self>, flash: F) -> Result<&mut Self, MountError<F::Error>> {
        let (flash, config) = Self::open(flash)?;
        let store = place.write(Self::unread(flash, config));
        finish(store.items.read_keys())?;
        Ok(store)
    }

    /// The flash, when what was interrupted has ended.
    fn open(flash: F) -> Result<Opened<F>, MountError<F::Error>> {
        if PAGES < 3
            || ITEM <= KEY + HEAD
            || !ITEM.is_multiple_of(Items::<F, PAGES, KEYS, ITEM>::WORD)
            || 2 * Items::<F, PAGES, KEYS, ITEM>::on_flash(ITEM - KEY) > Items::<F, PAGES, KEYS, ITEM>::PAGE
            || RECORD > usize::from(u16::MAX)
        {
            return Err(MountError::Geometry);
        }
        let range = 0..u32::try_from(PAGES * F::ERASE_SIZE).map_err(|_| MountError::Geometry)?;
        let config = MapConfig::try_new(range).map_err(|_| MountError::Geometry)?;
        Ok((finish(Journaled::mount(flash, PAGES as u32)).map_err(MountError::Flash)?, config))
    }

    /// The store before it knows what is in it. It is made where it stays if this is inlined.
    #[inline(always)]
    fn unread(flash: Journaled<F>, config: MapConfig<Journaled<F>>) -> Self {
        let cache = Cache::new(ArrayPageStates::new(), ArrayPagePointers::new(), ArrayKeyPointers::new());
        let log = MapStorage::new(flash, config, cache);
        Self { items: Items { log, keys: Keys::new(), used: 0, item: [0; ITEM] }, record: [0; RECORD] }
    }

    /// How full it is, and what it has cost.
    pub fn usage(&mut self) -> Usage {
        let records = self.items.keys.iter().filter(|known| matches!(known.state, State::Head { .. })).count();
        let wear = self.items.log.flash().wear;
        Usage {
            used: self.items.used,
            capacity: Items::<F, PAGES, KEYS, ITEM>::CAPACITY - Items::<F, PAGES, KEYS, ITEM>::RESERVE,
            records: records as u32,
            programmed: wear.programmed,
            erased: wear.erased,
        }
    }

    /// Whether there is something that [`tidy`](Self::tidy) can remove.
    #[must_use]
    pub fn is_tidy(&self) -> bool {
        self.items.keys.spent().is_none()
    }

    /// Removes one item that nothing needs any more: what says that a record was deleted, or a part of one that is another by
    /// now. It reads the whole log, which a deletion does not, so it is for moments in which nobody waits.
    ///
    /// # Errors
    /// What befell the flash.
    pub fn tidy(&mut self) -> Result<(), StoreError> {
        match self.items.keys.spent() {
            Some(known) => finish(self.items.remove(known)),
            None => Ok(()),
        }
    }

    /// The flash, to be looked at; see [`Journaled::inner`].
    pub fn flash(&mut self) -> &mut F {
        self.items.log.flash().inner()
    }

    /// Gives the flash back.
    #[must_use]
    pub fn into_flash(self) -> F {
        self.items.log.destroy().0.into_inner()
    }
}

impl<F: MultiwriteNorFlash, const PAGES: usize, const KEYS: usize, const ITEM: usize> Items<F, PAGES, KEYS, ITEM> {
    /// Bytes of a page that items may take.
    const PAGE: usize = F::ERASE_SIZE - 2 * Self::WORD;
    const WORD: usize = if F::READ_SIZE > F::WRITE_SIZE { F::READ_SIZE } else { F::WRITE_SIZE };
    /// Bytes of a record in one item.
    const PIECE: usize = ITEM - KEY - HEAD;
    /// Bytes of items that the log holds in any order: of each page as much as is not too little for the longest, one page
    /// is empty while another is copied, and one is being written.
    const CAPACITY: u32 = ((PAGES - 2) * (Self::PAGE - Self::on_flash(ITEM - KEY) + 1)) as u32;
    /// Bytes that only short records and deletions may take, so that a run can be recorded when no task can be registered.
    const RESERVE: u32 = Self::PAGE as u32;
    /// Bytes of the longest record that may take them.
    const SHORT: usize = 128;

    /// Bytes that an item with a value of that length takes.
    const fn on_flash(length: usize) -> usize {
        HEADER.next_multiple_of(Self::WORD) + (KEY + length).next_multiple_of(Self::WORD)
    }

    /// Reads the whole log once, oldest first, and then each item that counts, so that it is found at once from then on.
    async fn read_keys(&mut self) -> Result<(), MountError<F::Error>> {
        let Self { log, keys, item, .. } = self;
        let mut items = log.fetch_all_items(item).await.map_err(mounting)?;
        while let Some((key, value)) = items.next::<&[u8]>(item).await.map_err(mounting)? {
            let known = known(key, value).ok_or(MountError::Corrupt)?;
            keys.note(known).map_err(|_| MountError::TooMany)?;
        }
        self.used = self.keys.iter().map(|known| Self::on_flash(usize::from(known.length)) as u32).sum();
        for index in 0..KEYS {
            let Some(Known { key, part, .. }) = self.keys.at(index) else { break };
            self.log.fetch_item::<&[u8]>(&mut self.item, &item_key(key, part)).await.map_err(mounting)?;
        }
        Ok(())
    }

    async fn remove(&mut self, known: Known) -> Result<(), StoreError> {
        let key = item_key(known.key, known.part);
        self.log.remove_item(&mut self.item, &key).await.map_err(failed)?;
        self.keys.forget(known.key, known.part);
        self.used = self.used.saturating_sub(Self::on_flash(usize::from(known.length)) as u32);
        Ok(())
    }

    /// Puts an item, and notes it.
    async fn put_item(&mut self, known: Known, value: &impl for<'v> Value<'v>) -> Result<(), StoreError> {
        let before = self.keys.find(known.key, known.part).map_or(0, |known| Self::on_flash(usize::from(known.length)));
        let key = item_key(known.key, known.part);
        self.log.store_item(&mut self.item, &key, value).await.map_err(failed)?;
        self.keys.note(known).map_err(|_| StoreError::Full)?;
        self.used = (self.used + Self::on_flash(usize::from(known.length)) as u32).saturating_sub(before as u32);
        Ok(())
    }

    /// Makes sure that there are places for new items, and bytes for them.
    async fn make_room(&mut self, places: usize, bytes: usize, is_short: bool) -> Result<(), StoreError> {
        let limit = if is_short { Self::CAPACITY } else { Self::CAPACITY - Self::RESERVE };
        loop {
            let fits = self.used.checked_add(bytes as u32).is_some_and(|used| used <= limit);
            if self.keys.free() >= places && fits {
                return Ok(());
            }
            let spent = self.keys.spent().ok_or(StoreError::Full)?;
            self.remove(spent).await?;
        }
    }

    async fn put(&mut self, key: Key, record: &[u8]) -> Result<(), StoreError> {
        let (first, rest) = record.split_at(record.len().min(Self::PIECE));
        let count = rest.len().div_ceil(Self::PIECE);
        if count > usize::from(PARTS_MAX) {
            return Err(StoreError::Full);
        }
        // The parts that count now stay until the new head is there.
        let set = match self.keys.head(key).map(|head| head.state) {
            Some(State::Head { parts: 1.., set }) => !set,
            _ => false,
        };
        let bytes = rest.chunks(Self::PIECE).map(|piece| Self::on_flash(piece.len())).sum::<usize>();
        // What says that this record was deleted may be what is removed to make room.
        let places = count + usize::from(self.keys.head(key).is_none());
        // What the new head takes, the old one gives back.
        let old = self.keys.head(key).map_or(0, |old| Self::on_flash(usize::from(old.length)));
        let bytes = (bytes + Self::on_flash(HEAD + first.len())).saturating_sub(old);
        self.make_room(places, bytes, record.len() <= Self::SHORT).await?;
        for (index, piece) in (0..).zip(rest.chunks(Self::PIECE)) {
            let part = part_number(index, set);
            let length = piece.len() as u16;
            self.put_item(Known { key, part, state: State::Part, length }, &Plain(piece)).await?;
        }
        let parts = count as u8;
        let flags = parts | if set { SET } else { 0 };
        let head = Known { key, part: 0, state: State::Head { parts, set }, length: (HEAD + first.len()) as u16 };
        self.put_item(head, &Headed { flags, begin: first }).await
    }

    async fn delete(&mut self, key: Key) -> Result<(), StoreError> {
        if self.keys.head(key).is_none() {
            return Ok(());
        }
        self.put_item(Known { key, part: 0, state: State::Deleted, length: 0 }, &Plain(&[])).await
    }

    /// Copies a record to the front of `into`, and returns its length.
    async fn read(&mut self, key: Key, into: &mut [u8]) -> Result<Option<usize>, StoreError> {
        let Some(Known { state: State::Head { parts, set }, length, .. }) = self.keys.head(key) else {
            return Ok(None);
        };
        let mut needed = usize::from(length) - HEAD;
        for index in 0..parts {
            let part = self.keys.find(key, part_number(index, set)).ok_or(StoreError::Corrupt)?;
            needed += usize::from(part.length);
        }
        let mut room = into.get_mut(..needed).ok_or(StoreError::TooSmall { needed })?;
        for part in core::iter::once(0).chain((0..parts).map(|index| part_number(index, set))) {
            let value = self.log.fetch_item::<&[u8]>(&mut self.item, &item_key(key, part)).await.map_err(failed)?;
            let value = value
                .and_then(|value| value.get(KEY + if part == 0 { HEAD } else { 0 }..))
                .ok_or(StoreError::Corrupt)?;
            let (here, rest) = room.split_at_mut_checked(value.len()).ok_or(StoreError::Corrupt)?;
            here.copy_from_slice(value);
            room = rest;
        }
        Ok(Some(needed))
    }
}

impl<F: MultiwriteNorFlash, const PAGES: usize, const KEYS: usize, const ITEM: usize, const RECORD: usize> Store
    for FlashStore<F, PAGES, KEYS, ITEM, RECORD>
{
    fn get(&mut self, key: Key, into: &mut [u8]) -> Result<Option<usize>, StoreError> {
        finish(self.items.read(key, into))
    }

    fn scan(&mut self, kind: u8, visit: &mut dyn FnMut(Key, &[u8]) -> bool) -> Result<(), StoreError> {
        // Nothing is changed meanwhile, so that places stay.
        for index in 0..KEYS {
            let Some(Known { key, part, .. }) = self.items.keys.at(index) else { break };
            if key.kind != kind || part != 0 || self.items.keys.head(key).is_none() {
                continue;
            }
            let length = match finish(self.items.read(key, &mut self.record)) {
                Ok(length) => length.unwrap_or(0),
                // Whoever scans is told that there is a record, and that nothing can be read of it.
                Err(StoreError::Corrupt | StoreError::TooSmall { .. }) => 0,
                Err(error) => return Err(error),
            };
            if !visit(key, self.record.get(..length).unwrap_or_default()) {
                break;
            }
        }
        Ok(())
    }

    fn apply(&mut self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        changes.iter().try_for_each(|change| match *change {
            Change::Put(_, record) if record.len() > RECORD => Err(StoreError::Full),
            Change::Put(key, record) => finish(self.items.put(key, record)),
            Change::Delete(key) => finish(self.items.delete(key)),
        })
    }
}

/// The value of a head.
struct Headed<'r> {
    flags: u8,
    begin: &'r [u8],
}

impl Value<'_> for Headed<'_> {
    fn serialize_into(&self, buffer: &mut [u8]) -> Result<usize, SerializationError> {
        let length = HEAD + self.begin.len();
        let (flags, begin) = buffer.get_mut(..length).and_then(|room| room.split_first_mut()).ok_or(TOO_SMALL)?;
        *flags = self.flags;
        begin.copy_from_slice(self.begin);
        Ok(length)
    }

    /// It is only written.
    fn deserialize_from(_: &[u8]) -> Result<(Self, usize), SerializationError> {
        Err(SerializationError::InvalidFormat)
    }
}

/// A value as it is.
struct Plain<'r>(&'r [u8]);

impl Value<'_> for Plain<'_> {
    fn serialize_into(&self, buffer: &mut [u8]) -> Result<usize, SerializationError> {
        buffer.get_mut(..self.0.len()).ok_or(TOO_SMALL)?.copy_from_slice(self.0);
        Ok(self.0.len())
    }

    /// It is only written.
    fn deserialize_from(_: &[u8]) -> Result<(Self, usize), SerializationError> {
        Err(SerializationError::InvalidFormat)
    }
}

const TOO_SMALL: SerializationError = SerializationError::BufferTooSmall;

fn item_key(key: Key, part: u8) -> ItemKey {
    let [kind, a, b, c, d] = key.to_bytes();
    ItemKey([kind, a, b, c, d, part])
}

/// What an item is; `None` if it is none of ours.
fn known(ItemKey([kind, a, b, c, d, part]): ItemKey, item: &[u8]) -> Option<Known> {
    let value = item.get(KEY..)?;
    let state = match (part, value) {
        (0, []) => State::Deleted,
        (0, [flags, ..]) => State::Head { parts: flags & !SET, set: flags & SET != 0 },
        _ => State::Part,
    };
    Some(Known { key: Key::from_bytes([kind, a, b, c, d]), part, state, length: u16::try_from(value.len()).ok()? })
}

fn failed<E>(error: Error<E>) -> StoreError {
    match error {
        Error::Storage { .. } => StoreError::Failed { code: EIO },
        Error::FullStorage | Error::ItemTooBig | Error::BufferTooBig | Error::BufferTooSmall(_) => StoreError::Full,
        _ => StoreError::Corrupt,
    }
}

fn mounting<E>(error: Error<JournalError<E>>) -> MountError<E> {
    match error {
        Error::Storage { value, .. } => MountError::Flash(value),
        _ => MountError::Corrupt,
    }
}

/// Drives an operation to its end by polling it.
fn finish<T>(operation: impl Future<Output = T>) -> T {
    let mut operation = pin!(operation);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(done) = operation.as_mut().poll(&mut context) {
            return done;
        }
        core::hint::spin_loop();
    }
}
