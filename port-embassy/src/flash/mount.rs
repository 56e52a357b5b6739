//! Taking a store in at start, or after the part failed: what a cut left is finished, what is damaged is refused.

use super::{
    block_on::block_on,
    directory::Directory,
    geometry::{Geometry, ITEM_MAX, WORD_MAX},
    item::Item,
    journal::{self, FlashError, Journal, Opened},
    spotlight::Spotlight,
    store::{Buffer, FlashStore, new_map},
    walk::{self, Form, Found, PageState, Walk, What},
};
use core::{mem::MaybeUninit, ops::Range};
use embedded_storage_async::nor_flash::{MultiwriteNorFlash, NorFlashError};
use mainspring::ports::StoreError;

/// Pages that a range must have: two for the journal, one that is always blank, and two for records.
pub(super) const PAGES_MIN: u32 = journal::PAGES + 3;

/// Why a store cannot be taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum MountError<E> {
    /// The part, or the range of it, is none that a store can be in; or the lent memory is too small for one.
    Unfit,
    /// There is no store in the range, and it is not blank either.
    NoStore,
    /// There is a store, but it was made by another version, or for a part with other sizes.
    OtherForm {
        /// Bytes of a page of that part.
        page: u32,
        /// Bytes of a word of that part.
        word: u32,
    },
    /// There is a store that no power cut leaves behind. No record was changed: only what a cut left half-written was made
    /// certain, as at every mount.
    Damaged {
        /// Places that cannot be read.
        places: u32,
    },
    /// The store has more items than there are keys in memory.
    TooManyKeys,
    /// The part failed while records were read, or written anew; the code is that of [`StoreError::Failed`].
    Failed {
        /// See there.
        code: i32,
    },
    /// A record is longer than the lent memory.
    TooLong {
        /// Its bytes.
        needed: usize,
    },
    /// What befell the part.
    Flash(FlashError<E>),
}

impl<E> From<FlashError<E>> for MountError<E> {
    fn from(error: FlashError<E>) -> Self {
        Self::Flash(error)
    }
}

impl<E: core::fmt::Debug> core::fmt::Display for MountError<E> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Unfit => f.write_str("flash part or range is not fit for a store"),
            Self::NoStore => f.write_str("flash holds no store and is not blank"),
            Self::OtherForm { page, word } => {
                write!(f, "store in flash is of another version, or for pages of {page} bytes and words of {word}")
            }
            Self::Damaged { places } => write!(f, "store in flash is damaged in {places} places"),
            Self::Failed { code } => write!(f, "flash failed with error {code}"),
            Self::TooManyKeys => f.write_str("store in flash has more items than there are keys in memory"),
            Self::TooLong { needed } => write!(f, "store in flash has a record of {needed} bytes, too long for memory"),
            Self::Flash(error) => error.fmt(f),
        }
    }
}

impl<E: core::fmt::Debug> core::error::Error for MountError<E> {}

/// What was found when a store was taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Mounted {
    /// The range was blank, and a store was made in it.
    pub new: bool,
    /// Something that a power cut had left half-written was put out of the way.
    pub torn: bool,
    /// Places that could not be read and were given up; only [`FlashStore::salvage`] goes on then.
    pub damaged: u32,
}

/// What to do about damage that no power cut leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// Change nothing, and say how many places there are: [`MountError::Damaged`].
    Refuse,
    /// Go on without what cannot be read. A record may be lost, or an older value of it come back.
    GiveUp,
}

/// The pages of the store in the order that they were written in.
struct Order {
    /// Address of the first page, and pages.
    start: u32,
    pages: u32,
    page: u32,
    /// The page that is being filled.
    begun: u32,
    /// Whether the page after it is not blank: the map was moving that page's items.
    moving: bool,
}

impl Order {
    /// Addresses of all pages, the oldest first and the one that is being filled last.
    fn oldest_first(&self) -> impl Iterator<Item = u32> + use<> {
        let (start, pages, page, begun) = (self.start, self.pages, self.page, self.begun);
        (1..=pages).map(move |step| start + (begun + step) % pages * page)
    }

    const fn begun_address(&self) -> u32 {
        self.start + self.begun * self.page
    }
}

impl<'r, F: MultiwriteNorFlash, const PAGES: usize, const KEYS: usize> FlashStore<'r, F, PAGES, KEYS> {
    /// Takes in the store in `range` of `flash`, which begins and ends at page boundaries; makes one if the range is blank.
    ///
    /// `record` takes any record that does not fit one item, and has 512 bytes at least.
    ///
    /// # Errors
    /// See [`MountError`].
    pub fn mount(flash: F, range: Range<u32>, record: &'r mut [u8]) -> Result<Self, MountError<F::Error>> {
        let mut store = Self::unread(flash, range, record, Damage::Refuse)?;
        store.enter()?;
        Ok(store)
    }

    /// The same, where the store stays, and with a choice about damage: a firmware that starts needs several kilobytes less of
    /// its stack. What is in `place` is overwritten, and nothing but the answer says that there is a store in it.
    ///
    /// # Errors
    /// See [`MountError`].
    pub fn mount_in<'p>(
        place: &'p mut MaybeUninit<Self>,
        flash: F,
        range: Range<u32>,
        record: &'r mut [u8],
        damage: Damage,
    ) -> Result<&'p mut Self, MountError<F::Error>> {
        let store = place.write(Self::unread(flash, range, record, damage)?);
        store.enter()?;
        Ok(store)
    }

    /// Takes the store in as [`mount`](Self::mount) does, but goes on in spite of damage, see [`Damage::GiveUp`].
    ///
    /// # Errors
    /// See [`MountError`]; [`MountError::Damaged`] if not even the order of the pages can be told.
    pub fn salvage(flash: F, range: Range<u32>, record: &'r mut [u8]) -> Result<Self, MountError<F::Error>> {
        let mut store = Self::unread(flash, range, record, Damage::GiveUp)?;
        store.enter()?;
        Ok(store)
    }

    /// Makes an empty store in `range`, whatever is in it. After a cut, what was there is there, or nothing is.
    ///
    /// # Errors
    /// [`MountError::Unfit`], or what befell the part.
    pub fn format(flash: F, range: Range<u32>) -> Result<(), MountError<F::Error>> {
        Self::check(&flash, &range, ITEM_MAX)?;
        let mut journal = Journal::new(flash, &range);
        Ok(journal.format()?)
    }

    fn check(flash: &F, range: &Range<u32>, record: usize) -> Result<(), MountError<F::Error>> {
        if !Geometry::<F>::FITS || record < ITEM_MAX {
            return Err(MountError::Unfit);
        }
        let page = Geometry::<F>::PAGE as u32;
        let pages = range.end.saturating_sub(range.start) / page;
        let fits = range.start.is_multiple_of(page)
            && range.end.is_multiple_of(page)
            && range.end as usize <= flash.capacity()
            && (PAGES_MIN..=u32::from(u16::MAX)).contains(&pages)
            && (pages - journal::PAGES) as usize <= PAGES;
        if fits { Ok(()) } else { Err(MountError::Unfit) }
    }

    /// The store before it knows what is in it. It is made where it stays if this is inlined.
    #[inline(always)]
    fn unread(flash: F, range: Range<u32>, record: &'r mut [u8], damage: Damage) -> Result<Self, MountError<F::Error>> {
        Self::check(&flash, &range, record.len())?;
        let pages = range.start + journal::PAGES * Geometry::<F>::PAGE as u32..range.end;
        let flash = Spotlight { flash: Journal::new(flash, &range), on: None };
        Ok(Self {
            map: new_map(flash, pages.clone()),
            pages,
            directory: Directory::new(),
            graves: heapless::Vec::new(),
            record,
            buffer: Buffer([0; ITEM_MAX]),
            stale: true,
            tidy: false,
            damage,
            mounted: Mounted::default(),
        })
    }

    pub(super) fn enter(&mut self) -> Result<(), MountError<F::Error>> {
        let moving = self.enter_once()?;
        self.check_long()?;
        if moving && let Some(slot) = self.smallest() {
            // The map finishes its move before it writes anything. It forgets where all is then, so that is found anew.
            let written = self.write_again(slot);
            self.stale = true;
            self.forget();
            written.map_err(|error| match error {
                sequential_storage::Error::Storage { value, .. } => MountError::Flash(value),
                _ => MountError::Damaged { places: 1 },
            })?;
            self.enter_once()?;
        }
        Ok(())
    }

    fn enter_once(&mut self) -> Result<bool, MountError<F::Error>> {
        self.stale = true;
        let moving = self.take_in()?;
        self.warm()?;
        self.stale = false;
        Ok(moving)
    }

    /// Has the map forget where everything is, because it is not asked about what happens next.
    #[inline(never)]
    pub(super) fn forget(&mut self) {
        if let Some(map) = self.map.take() {
            self.map = new_map(map.destroy().0, self.pages.clone());
        }
    }

    fn journal(&mut self) -> Result<&mut Journal<F>, MountError<F::Error>> {
        Ok(&mut self.map.as_mut().ok_or(MountError::Unfit)?.flash().flash)
    }

    /// Finishes what was cut and fills the directory. Says whether the map was moving the items of a page.
    fn take_in(&mut self) -> Result<bool, MountError<F::Error>> {
        self.directory.clear();
        self.graves.clear();
        match self.journal()?.open()? {
            Opened::Ready => {}
            Opened::Unfinished => self.journal()?.finish_format()?,
            Opened::Nothing if self.journal()?.is_new()? => {
                self.journal()?.begin_format()?;
                self.journal()?.finish_format()?;
                self.mounted.new = true;
            }
            Opened::Nothing => return Err(MountError::NoStore),
            Opened::Other(form) => return Err(MountError::OtherForm { page: form.page(), word: form.word() }),
        }
        let mut order = self.order()?;
        while !self.settle(order.begun_address())? {
            if self.damage == Damage::Refuse {
                return Err(MountError::Damaged { places: 1 });
            }
            self.mounted.damaged += 1;
            // What is in that page is kept, unless the map was copying it there; nothing more is written to it.
            if order.moving {
                self.journal()?.erase_with_intent(order.begun_address())?;
            } else {
                let page = Geometry::<F>::PAGE - Geometry::<F>::WORD;
                self.journal()?.mark(order.begun_address() + page as u32)?;
            }
            order = self.order()?;
        }
        let odd = self.fill(&order)?;
        let damaged = if odd { self.pass(&order, false, Self::is_damaged)? } else { 0 };
        if damaged > 0 && self.damage == Damage::Refuse {
            return Err(MountError::Damaged { places: damaged });
        }
        self.mounted.damaged += damaged;
        if odd || self.directory.iter().any(|slot| self.directory.is_dead(slot.key)) {
            self.pass(&order, true, |directory, found| {
                Self::is_damaged(directory, found) || Self::is_dead(directory, found)
            })?;
            self.directory.retain(|directory, slot| !directory.is_dead(slot.key));
        }
        Ok(order.moving)
    }

    /// Finds out which page is being filled, and makes sure that there is one whose words for its state are certain.
    fn order(&mut self) -> Result<Order, MountError<F::Error>> {
        let page = Geometry::<F>::PAGE as u32;
        let Range { start, end } = self.pages;
        let pages = (end - start) / page;
        let last = page - Geometry::<F>::WORD as u32;
        let address = |index: u32| start + index % pages * page;
        let mut states = heapless::Vec::<PageState, PAGES>::new();
        for index in 0..pages {
            let (mut state, torn) = walk::page_state(self.journal()?, address(index))?;
            // Whatever a cut left half-programmed is programmed: either way it tells what was so.
            for (torn, offset) in torn.into_iter().zip([0, last]) {
                if torn {
                    self.journal()?.mark(address(index) + offset)?;
                }
            }
            if torn != [false; 2] {
                state = walk::page_state(self.journal()?, address(index))?.0;
            }
            if state == PageState::Open
                && !self.journal()?.is_blank(address(index) + Geometry::<F>::WORD as u32, address(index) + last)?
            {
                if self.damage == Damage::Refuse {
                    return Err(MountError::Damaged { places: 1 });
                }
                self.journal()?.erase_with_intent(address(index))?;
            }
            states.push(state).map_err(|_| MountError::Unfit)?;
        }
        let state = |index: u32| states.get((index % pages) as usize).copied().unwrap_or(PageState::Impossible);
        let count = |wanted| states.iter().filter(|&&state| state == wanted).count();
        let begun = match (count(PageState::Begun), count(PageState::Open)) {
            (1, _) => (0..pages).find(|&index| state(index) == PageState::Begun),
            // The page after the last one that was ended is next.
            (0, open) if open as u32 == pages => Some(0),
            (0, _) => {
                (0..pages).find(|&index| state(index) == PageState::Open && state(index + pages - 1) != PageState::Open)
            }
            _ => None,
        };
        let begun = begun.ok_or(MountError::Damaged { places: 1 })?;
        let open = (1..pages).take_while(|step| state(begun + step) == PageState::Open).count() as u32;
        if (1 + open..pages).any(|step| state(begun + step) != PageState::Ended) {
            return Err(MountError::Damaged { places: 1 });
        }
        // These two may have been cut and look as they should for now.
        self.journal()?.mark(address(begun))?;
        if state(begun + pages - 1) == PageState::Ended {
            self.journal()?.mark(address(begun + pages - 1) + last)?;
        }
        Ok(Order { start, pages, page, begun, moving: open == 0 })
    }

    /// Makes the end of the page that is being filled certain. What was being written when the power was cut is either
    /// programmed once more, as it was read, or erased; and the word behind it is given up, because it may be one that was cut
    /// and looks blank for now. Says whether all behind that is blank.
    fn settle(&mut self, page: u32) -> Result<bool, MountError<F::Error>> {
        let (word, header_size) = (Geometry::<F>::WORD, Geometry::<F>::HEADER);
        let Self { map, buffer, mounted, .. } = self;
        let journal = &mut map.as_mut().ok_or(MountError::Unfit)?.flash().flash;
        let end = page + (Geometry::<F>::PAGE - word) as u32;
        let mut walk = Walk::new::<F>(page);
        let mut last = None;
        while let Some(found) = walk.next(journal)? {
            // Words that are side by side are one header.
            let words = |found: &Found| matches!(found.what, What::Word { .. });
            if !last.as_ref().is_some_and(|last| words(last) && words(&found)) {
                last = Some(found);
            }
        }
        if let Some(found) = last {
            // Looked at once, and then made to be what it looked like.
            let mut header = [0; WORD_MAX];
            let Some(header) = header.get_mut(..header_size) else { return Err(MountError::Unfit) };
            journal.look(found.address, header)?;
            match header.first_chunk().and_then(walk::read_header) {
                Some((check, length)) if found.address + Geometry::<F>::item(length.into()) as u32 <= end => {
                    let data = buffer.0.get_mut(..Geometry::<F>::words(length.into()));
                    // An item that is too long is not the store's, and not looked at here.
                    if let Some(data) = data.filter(|_| check != 0) {
                        let address = found.address + header_size as u32;
                        journal.look(address, data)?;
                        // The map fills the last word with zeros.
                        data.iter_mut().skip(length.into()).for_each(|byte| *byte = 0);
                        if data.get(..length.into()).is_some_and(|data| walk::is_whole(header, data)) {
                            journal.program(address, data)?;
                        } else {
                            mounted.torn = true;
                            header.iter_mut().take(4).for_each(|byte| *byte = 0);
                        }
                    }
                    journal.program(found.address, header)?;
                    walk.at = found.address + Geometry::<F>::item(length.into()) as u32;
                }
                _ => {
                    mounted.torn |= header.iter().any(|&byte| byte != 0);
                    for at in (found.address..walk.at).step_by(word) {
                        journal.mark(at)?;
                    }
                }
            }
        }
        if !journal.is_blank(walk.at.saturating_add(word as u32), end)? {
            return Ok(false);
        }
        if walk.free() as usize >= word {
            journal.mark(walk.at)?;
        }
        // Behind it a header that counts, because a zero and the front of an item may be read as one.
        if walk.free() as usize >= word + header_size {
            let mut header = [0xFF; WORD_MAX];
            walk::write_erased(&mut header, 0);
            journal.program(walk.at + word as u32, header.get(..header_size).unwrap_or_default())?;
        }
        Ok(true)
    }

    /// Fills the directory. Says whether there is anything that has to be looked at again.
    fn fill(&mut self, order: &Order) -> Result<bool, MountError<F::Error>> {
        let mut odd = false;
        for page in order.oldest_first() {
            let mut walk = Walk::new::<F>(page);
            while let Some(found) = walk.next(self.journal()?)? {
                let What::Item(key, form) = found.what else {
                    odd |= !matches!(found.what, What::Erased(_) | What::Word { zero: true });
                    continue;
                };
                self.directory.note(key, form, &found).map_err(|_| MountError::TooManyKeys)?;
                self.graves.retain(|&grave| grave != key);
                if form == Form::Gone
                    && let Err(key) = self.graves.push(key)
                {
                    // One too many, which no cut leaves behind.
                    self.directory.note(key, Form::Erasing, &found).map_err(|_| MountError::TooManyKeys)?;
                }
            }
        }
        Ok(odd)
    }

    /// Whether no cut leaves this behind, now that the end of the page that is being filled is settled.
    fn is_damaged(directory: &Directory<KEYS>, found: &Found) -> bool {
        match found.what {
            What::Torn | What::Foreign => true,
            What::Word { zero } => !zero,
            // Nothing else is erased.
            What::HalfErased(key, Form::Whole | Form::Parts(_)) => {
                directory.find(key).is_none_or(|slot| slot.form != Form::Erasing)
            }
            What::HalfErased(key, Form::Part) => !directory.is_dead(key),
            What::HalfErased(_, Form::Gone | Form::Erasing) | What::Item(..) | What::Erased(_) => false,
        }
    }

    /// Whether this says nothing any more. What is erased already counts while its record is: it may have been cut, and look
    /// erased for now.
    fn is_dead(directory: &Directory<KEYS>, found: &Found) -> bool {
        match found.what {
            What::Item(key, _) => directory.is_dead(key),
            What::HalfErased(..) => true,
            What::Erased(Some(key)) => directory.find(key).is_some() && directory.is_dead(key),
            _ => false,
        }
    }

    /// Counts what is such, and if wanted erases it, the oldest first.
    fn pass(
        &mut self,
        order: &Order,
        erase: bool,
        is_such: impl Fn(&Directory<KEYS>, &Found) -> bool,
    ) -> Result<u32, MountError<F::Error>> {
        let mut count = 0;
        for page in order.oldest_first() {
            let mut walk = Walk::new::<F>(page);
            while let Some(found) = walk.next(self.journal()?)? {
                if !is_such(&self.directory, &found) {
                    continue;
                }
                count += 1;
                if !erase {
                    continue;
                }
                if matches!(found.what, What::Word { .. }) {
                    self.journal()?.mark(found.address)?;
                    continue;
                }
                let mut header = [0xFF; WORD_MAX];
                walk::write_erased(&mut header, found.length);
                self.journal()?.program(found.address, header.get(..Geometry::<F>::HEADER).unwrap_or_default())?;
            }
        }
        Ok(count)
    }

    /// Lets the map know where every item is.
    fn warm(&mut self) -> Result<(), MountError<F::Error>> {
        let Self { map, directory, buffer, .. } = self;
        let map = map.as_mut().ok_or(MountError::Unfit)?;
        for at in 0..directory.len() {
            let Some(&slot) = directory.get(at) else { break };
            map.flash().on = Some((slot.address, slot.address + u32::from(slot.size)));
            let found = block_on(map.fetch_item::<Item<'_>>(&mut buffer.0, &slot.key));
            map.flash().on = None;
            match found {
                Ok(Some(_)) => {}
                Err(sequential_storage::Error::Storage { value, .. }) => return Err(MountError::Flash(value)),
                _ => return Err(MountError::Damaged { places: 1 }),
            }
        }
        Ok(())
    }

    /// Checks that the records in parts are there with all their parts.
    fn check_long(&mut self) -> Result<(), MountError<F::Error>> {
        let mut at = 0;
        while let Some(&slot) = self.directory.get(at) {
            at += 1;
            if !matches!(slot.form, Form::Parts(_)) {
                continue;
            }
            match self.length_of_parts(slot.key) {
                Ok(needed) if needed > self.record.len() => return Err(MountError::TooLong { needed }),
                Ok(_) => {}
                Err(StoreError::Corrupt) if self.damage == Damage::GiveUp => {
                    self.mounted.damaged += 1;
                    self.delete(slot.key).map_err(MountError::of_store)?;
                }
                Err(error) => return Err(MountError::of_store(error)),
            }
        }
        Ok(())
    }
}

impl<E: NorFlashError> MountError<E> {
    /// What befell a call of the store while it was taken in.
    fn of_store(error: StoreError) -> Self {
        match error {
            StoreError::Failed { code } => Self::Failed { code },
            StoreError::TooSmall { needed } => Self::TooLong { needed },
            StoreError::Full | StoreError::Exhausted => Self::TooManyKeys,
            StoreError::Corrupt => Self::Damaged { places: 1 },
        }
    }

    /// The same as an error of the store.
    pub(super) fn as_store_error(&self) -> StoreError {
        match self {
            Self::Flash(error) => super::store::failed(error),
            Self::Unfit | Self::NoStore | Self::OtherForm { .. } | Self::Damaged { .. } => StoreError::Corrupt,
            Self::Failed { code } => StoreError::Failed { code: *code },
            Self::TooManyKeys => StoreError::Exhausted,
            Self::TooLong { needed } => StoreError::TooSmall { needed: *needed },
        }
    }
}
