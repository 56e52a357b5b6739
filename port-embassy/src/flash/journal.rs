//! A flash that finishes the erases that a power cut interrupted, and reads back what it wrote.
//!
//! Two pages behind those that it offers are its journal. One of them is active:
//!
//! ```text
//! header   sequence number (4), its check (4), padded to words
//! entry    page to be erased (4), check over page and sequence number (4), padded to words
//!          one word: all ones while the erase is under way, zeros when it is done
//! entry    …
//! ```
//!
//! When the active page is full, all of its entries are done; the other page is then erased and gets a header with the next
//! sequence number, and is active from that moment on. A header or entry that was cut does not pass its check: then what it
//! would announce has not begun.

use embedded_storage_async::nor_flash::{
    ErrorType, MultiwriteNorFlash, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};

/// Bytes of the longest word that a part may have.
const WORD_MAX: usize = 32;
/// Bytes that are read back at once.
const CHUNK: usize = 64;
/// Times that an erase is tried.
const TRIES: usize = 3;

/// Why a journaled flash failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum JournalError<E> {
    /// The part itself.
    Flash(E),
    /// What was written or erased at this offset is not what is read there.
    NotHeld {
        /// Offset of it.
        at: u32,
    },
    /// The part is too small, its pages are, or its words are longer than 32 bytes.
    Geometry,
    /// It was asked for something outside of the pages that it offers.
    OutOfBounds,
}

impl<E: core::fmt::Display> core::fmt::Display for JournalError<E> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Flash(error) => error.fmt(f),
            Self::NotHeld { at } => write!(f, "flash does not hold what was written at {at:#x}"),
            Self::Geometry => f.write_str("flash is too small or has words that are too long"),
            Self::OutOfBounds => f.write_str("access outside of the flash"),
        }
    }
}

impl<E: core::error::Error> core::error::Error for JournalError<E> {}

impl<E: NorFlashError> NorFlashError for JournalError<E> {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::Flash(error) => error.kind(),
            Self::OutOfBounds => NorFlashErrorKind::OutOfBounds,
            Self::NotHeld { .. } | Self::Geometry => NorFlashErrorKind::Other,
        }
    }
}

impl<E> From<E> for JournalError<E> {
    fn from(error: E) -> Self {
        Self::Flash(error)
    }
}

/// What a flash has been asked to do since it was mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Wear {
    pub(super) programmed: u64,
    pub(super) erased: u32,
}

/// A flash with a journal of its erases. See the module.
#[derive(Debug)]
pub struct Journaled<F> {
    flash: F,
    /// Pages that are offered.
    pages: u32,
    /// Which of the two pages of the journal is active.
    active: u32,
    sequence: u32,
    /// Offset in the active page of the next entry.
    next: u32,
    pub(super) wear: Wear,
}

impl<F: NorFlash> Journaled<F> {
    /// Bytes of a word: what can be read and programmed.
    const WORD: usize = if F::READ_SIZE > F::WRITE_SIZE { F::READ_SIZE } else { F::WRITE_SIZE };
    /// Bytes of a number and its check.
    const CHECKED: usize = 8_usize.next_multiple_of(if Self::WORD == 0 { 1 } else { Self::WORD });
    /// Bytes of an entry.
    const ENTRY: usize = Self::CHECKED + Self::WORD;
    const PAGE: u32 = F::ERASE_SIZE as u32;

    /// Takes over a flash, and ends what a power cut interrupted. A journal that is not there is made.
    ///
    /// `pages` are those that will be offered; two more must be there.
    ///
    /// # Errors
    /// [`JournalError::Geometry`] if the part does not fit, or what befell it.
    pub async fn mount(flash: F, pages: u32) -> Result<Self, JournalError<F::Error>> {
        let fits = pages.checked_add(2).and_then(|all| all.checked_mul(Self::PAGE)).map(|all| all as usize);
        let enough = fits.is_some_and(|all| all <= flash.capacity());
        if !enough || pages == 0 || Self::WORD > WORD_MAX || F::ERASE_SIZE < Self::CHECKED + Self::ENTRY {
            return Err(JournalError::Geometry);
        }
        let mut journal = Self { flash, pages, active: 0, sequence: 0, next: 0, wear: Wear::default() };
        let headers = [journal.header(0).await?, journal.header(1).await?];
        (journal.active, journal.sequence) = match headers {
            // They are one apart, so that the later is told also when the number goes round.
            [Some(first), Some(second)] if second.wrapping_sub(first) == 1 => (1, second),
            [Some(first), _] => (0, first),
            [None, Some(second)] => (1, second),
            [None, None] => {
                journal.begin(0, 1).await?;
                (0, 1)
            }
        };
        journal.next = Self::CHECKED as u32;
        journal.recover().await?;
        Ok(journal)
    }

    /// The flash itself.
    #[must_use]
    pub fn into_inner(self) -> F {
        self.flash
    }

    /// The flash itself, to be looked at. What is written past the journal is not protected by it.
    pub fn inner(&mut self) -> &mut F {
        &mut self.flash
    }

    /// Offset of a page of the journal.
    fn place(&self, page: u32) -> u32 {
        (self.pages + page) * Self::PAGE
    }

    async fn header(&mut self, page: u32) -> Result<Option<u32>, JournalError<F::Error>> {
        let (number, check) = self.read_checked(self.place(page)).await?;
        Ok((check == sum(&[number])).then_some(number))
    }

    async fn read_checked(&mut self, at: u32) -> Result<(u32, u32), JournalError<F::Error>> {
        let mut bytes = [0; WORD_MAX];
        self.flash.read(at, bytes.get_mut(..Self::CHECKED).unwrap_or_default()).await?;
        let word = |from: usize| {
            let four = bytes.get(from..).and_then(|rest| rest.first_chunk()).copied();
            u32::from_le_bytes(four.unwrap_or_default())
        };
        Ok((word(0), word(4)))
    }

    async fn write_checked(&mut self, at: u32, number: u32, check: u32) -> Result<(), JournalError<F::Error>> {
        let mut bytes = [0xFF; WORD_MAX];
        let [a, b, c, d] = number.to_le_bytes();
        let [e, f, g, h] = check.to_le_bytes();
        if let Some(place) = bytes.first_chunk_mut() {
            *place = [a, b, c, d, e, f, g, h];
        }
        self.write_through(at, bytes.get(..Self::CHECKED).unwrap_or_default()).await
    }

    /// Erases a page of the journal and makes it the active one.
    async fn begin(&mut self, page: u32, sequence: u32) -> Result<(), JournalError<F::Error>> {
        self.erase_through(self.place(page)).await?;
        self.write_checked(self.place(page), sequence, sum(&[sequence])).await?;
        (self.active, self.sequence, self.next) = (page, sequence, Self::CHECKED as u32);
        Ok(())
    }

    /// Ends the erases that are not done, and finds where the next entry goes.
    async fn recover(&mut self) -> Result<(), JournalError<F::Error>> {
        while let Some(entry) = self.entry(self.next).await? {
            let at = self.next;
            self.next += Self::ENTRY as u32;
            if let Some(page) = entry
                && !self.is_done(self.place(self.active) + at).await?
                && !self.is_erased_later(page, self.next).await?
            {
                self.erase_through(page * Self::PAGE).await?;
                self.finish(self.place(self.active) + at).await?;
            }
        }
        Ok(())
    }

    /// Whether an entry from there on is for that page too. Then the page has been written since an erase that the part
    /// refused.
    async fn is_erased_later(&mut self, page: u32, mut from: u32) -> Result<bool, JournalError<F::Error>> {
        while let Some(entry) = self.entry(from).await? {
            if entry == Some(page) {
                return Ok(true);
            }
            from += Self::ENTRY as u32;
        }
        Ok(false)
    }

    /// The page that an entry is for: no page if the entry was cut, nothing at all where there is no entry.
    async fn entry(&mut self, from: u32) -> Result<Option<Option<u32>>, JournalError<F::Error>> {
        if from + Self::ENTRY as u32 > Self::PAGE {
            return Ok(None);
        }
        let (page, check) = self.read_checked(self.place(self.active) + from).await?;
        if (page, check) == (u32::MAX, u32::MAX) {
            return Ok(None);
        }
        // Of an entry that does not pass, the erase has not begun.
        Ok(Some((check == sum(&[page, self.sequence]) && page < self.pages).then_some(page)))
    }

    async fn is_done(&mut self, entry: u32) -> Result<bool, JournalError<F::Error>> {
        let mut bytes = [0; WORD_MAX];
        let word = bytes.get_mut(..Self::WORD).unwrap_or_default();
        self.flash.read(entry + Self::CHECKED as u32, word).await?;
        Ok(word.iter().all(|byte| *byte == 0))
    }

    /// The erase of an entry is done. That word may be half zeros from an earlier attempt.
    async fn finish(&mut self, entry: u32) -> Result<(), JournalError<F::Error>> {
        let zeros = [0; WORD_MAX];
        self.write_through(entry + Self::CHECKED as u32, zeros.get(..Self::WORD).unwrap_or_default()).await
    }

    /// Notes that a page will be erased, and returns where.
    async fn announce(&mut self, page: u32) -> Result<u32, JournalError<F::Error>> {
        loop {
            if self.next + Self::ENTRY as u32 > Self::PAGE {
                self.begin(1 - self.active, self.sequence.wrapping_add(1)).await?;
            }
            let at = self.place(self.active) + self.next;
            self.next += Self::ENTRY as u32;
            match self.write_checked(at, page, sum(&[page, self.sequence])).await {
                // A cut entry may have left bits here that looked like none: the next place is a fresh one. In a page that
                // was just begun there was no cut.
                Err(JournalError::NotHeld { .. }) if self.next > (Self::CHECKED + Self::ENTRY) as u32 => {}
                result => return result.map(|()| at),
            }
        }
    }

    async fn erase_through(&mut self, from: u32) -> Result<(), JournalError<F::Error>> {
        let mut result = Ok(());
        for _ in 0..TRIES {
            self.flash.erase(from, from + Self::PAGE).await?;
            self.wear.erased = self.wear.erased.wrapping_add(1);
            result = self.compare(from, Self::PAGE as usize, |_| 0xFF).await;
            if result.is_ok() {
                break;
            }
        }
        result
    }

    async fn write_through(&mut self, at: u32, bytes: &[u8]) -> Result<(), JournalError<F::Error>> {
        self.flash.write(at, bytes).await?;
        self.wear.programmed += bytes.len() as u64;
        self.compare(at, bytes.len(), |offset| bytes.get(offset).copied().unwrap_or(0xFF)).await
    }

    /// Whether the flash holds what it should.
    async fn compare(
        &mut self,
        from: u32,
        length: usize,
        expected: impl Fn(usize) -> u8,
    ) -> Result<(), JournalError<F::Error>> {
        let mut there = [0; CHUNK];
        for offset in (0..length).step_by(CHUNK) {
            let there = there.get_mut(..CHUNK.min(length - offset)).unwrap_or_default();
            self.flash.read(from + offset as u32, there).await?;
            if !there.iter().zip(offset..).all(|(byte, at)| *byte == expected(at)) {
                return Err(JournalError::NotHeld { at: from + offset as u32 });
            }
        }
        Ok(())
    }

    fn check(&self, offset: u32, length: usize) -> Result<(), JournalError<F::Error>> {
        let end = (offset as usize).checked_add(length).ok_or(JournalError::OutOfBounds)?;
        if end <= self.capacity() { Ok(()) } else { Err(JournalError::OutOfBounds) }
    }
}

/// A check over numbers: CRC-32, bit by bit, because there are few of them.
fn sum(numbers: &[u32]) -> u32 {
    let mut sum = u32::MAX;
    for byte in numbers.iter().flat_map(|number| number.to_le_bytes()) {
        sum ^= u32::from(byte);
        for _ in 0..8 {
            sum = sum >> 1 ^ if sum & 1 == 1 { 0xEDB8_8320 } else { 0 };
        }
    }
    !sum
}

impl<F: ErrorType> ErrorType for Journaled<F> {
    type Error = JournalError<F::Error>;
}

impl<F: NorFlash> ReadNorFlash for Journaled<F> {
    const READ_SIZE: usize = F::READ_SIZE;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.check(offset, bytes.len())?;
        Ok(self.flash.read(offset, bytes).await?)
    }

    fn capacity(&self) -> usize {
        (self.pages * Self::PAGE) as usize
    }
}

impl<F: NorFlash> NorFlash for Journaled<F> {
    const WRITE_SIZE: usize = F::WRITE_SIZE;
    const ERASE_SIZE: usize = F::ERASE_SIZE;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        self.check(from, to.saturating_sub(from) as usize)?;
        for page in from / Self::PAGE..to.div_ceil(Self::PAGE) {
            let entry = self.announce(page).await?;
            self.erase_through(page * Self::PAGE).await?;
            self.finish(entry).await?;
        }
        Ok(())
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        self.check(offset, bytes.len())?;
        self.write_through(offset, bytes).await
    }
}

impl<F: MultiwriteNorFlash> MultiwriteNorFlash for Journaled<F> {}
