//! The layer between the map and the part: it remembers durably which page is being erased, and reads back what it did.
//!
//! ```text
//! first page of the range, or second:
//! ┌──────────┬──────────┬────────┬────────┬────────┬────────┬────────┬─ ─ ─
//! │ sequence │ sequence │ form   │ page   │ done   │ page   │ done   │ blank
//! │          │ inverted │ + inv. │ + inv. │ or FF… │ + inv. │ or FF… │
//! └──────────┴──────────┴────────┴────────┴────────┴────────┴────────┴─ ─ ─
//! 0          4          8        12       16       20       24         (words of up to 4 bytes)
//!
//! form: version of all that is in flash (bits 0 to 3), and the binary logarithms of a word (4 to 7) and a page (8 to 15)
//! ```
//!
//! The map takes a page that a cut erase left looking closed for one that it had not moved yet, throws away what it had
//! moved, and moves garbage. So a page's number is put here before it is erased, and the entry is marked as done when the
//! page was read and is blank; an entry without that mark is done again at the next mount, before the map sees anything.
//! The page with the higher sequence is in use; when it is full, the other is erased and goes on. A number next to its
//! inverse cannot be mistaken: a cut only leaves more ones than were meant, or more zeros.
//!
//! What a cut left half-programmed may read differently each time. So at each mount whatever is believed is programmed
//! once more, and whatever is not believed is made zero.

use super::{
    block_on::block_on,
    geometry::{Geometry, WORD_MAX},
};
use core::ops::Range;
use embedded_storage_async::nor_flash::{
    ErrorType, MultiwriteNorFlash, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};

/// Pages that the journal takes from the front of the range.
pub(super) const PAGES: u32 = 2;
/// The sequence of a first page that says that all others are being erased.
const FORMATTING: u32 = 0;
/// The version of what is in flash.
const VERSION: u16 = 1;
/// Bytes of the front of a page.
const HEADER: usize = 12;
/// How often something is tried until what is read back is right.
const TRIES: usize = 3;

/// What befell the part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum FlashError<E> {
    /// The driver's own error.
    Driver(E),
    /// What was read back from this address is not what was written there.
    NotWritten {
        /// The address.
        address: u32,
    },
    /// The page at this address was erased and is not blank.
    NotErased {
        /// The address.
        address: u32,
    },
}

impl<E> From<E> for FlashError<E> {
    fn from(error: E) -> Self {
        Self::Driver(error)
    }
}

impl<E: core::fmt::Debug> core::fmt::Display for FlashError<E> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Driver(error) => write!(f, "flash driver failed: {error:?}"),
            Self::NotWritten { address } => write!(f, "flash at {address:#x} does not keep what is written"),
            Self::NotErased { address } => write!(f, "flash page at {address:#x} is not blank after it was erased"),
        }
    }
}

impl<E: core::fmt::Debug> core::error::Error for FlashError<E> {}

impl<E: NorFlashError> NorFlashError for FlashError<E> {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::Driver(error) => error.kind(),
            _ => NorFlashErrorKind::Other,
        }
    }
}

/// What was done to the part since it was mounted, the journal included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Wear {
    /// Bytes programmed.
    pub programmed: u64,
    /// Pages erased.
    pub erased: u32,
}

/// Whether there is a journal.
pub(super) enum Opened {
    /// There is, and nothing is left undone.
    Ready,
    /// A store was being made.
    Unfinished,
    /// There is none.
    Nothing,
    /// There is one of another form.
    Other(Form),
}

/// What a store was made by and for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Form(u16);

impl Form {
    /// Bytes of a word.
    pub(super) fn word(self) -> u32 {
        1_u32.checked_shl((self.0 >> 4 & 0xF).into()).unwrap_or(0)
    }

    /// Bytes of a page.
    pub(super) fn page(self) -> u32 {
        1_u32.checked_shl((self.0 >> 8).into()).unwrap_or(0)
    }
}

/// A part whose erases are finished after a cut, and whose contents are what was written.
pub(super) struct Journal<F> {
    flash: F,
    /// Address of the first page of the range, which is one of the two of the journal.
    start: u32,
    /// Pages of the range.
    pages: u32,
    /// Which of the two is in use.
    current: u32,
    sequence: u32,
    /// Where in that page the next entry goes.
    next: usize,
    wear: Wear,
}

impl<F: MultiwriteNorFlash> Journal<F> {
    /// Bytes of a page number, and of the mark that it was erased.
    const SLOT: usize = Geometry::<F>::words(4);
    const ENTRY: usize = 2 * Self::SLOT;
    const FIRST: usize = Geometry::<F>::words(HEADER);
    const FORM: Form =
        Form(VERSION | (Geometry::<F>::WORD.ilog2() as u16) << 4 | (Geometry::<F>::PAGE.ilog2() as u16) << 8);
    const PAGE: usize = Geometry::<F>::PAGE;

    /// On a range of which nothing is known yet.
    pub(super) fn new(flash: F, range: &Range<u32>) -> Self {
        let pages = (range.end - range.start) / Self::PAGE as u32;
        let wear = Wear::default();
        Self { flash, start: range.start, pages, current: 0, sequence: 0, next: Self::PAGE, wear }
    }

    pub(super) fn into_inner(self) -> F {
        self.flash
    }

    pub(super) const fn wear(&self) -> Wear {
        self.wear
    }

    /// Finds the journal and finishes the erase that was cut, if one was.
    pub(super) fn open(&mut self) -> Result<Opened, FlashError<F::Error>> {
        let headers = [self.read_header(0)?, self.read_header(1)?];
        if headers[0] == Some((FORMATTING, Self::FORM)) && headers[1].is_none_or(|(_, form)| form != Self::FORM) {
            return Ok(Opened::Unfinished);
        }
        if let Some((_, form)) = headers.into_iter().flatten().find(|(_, form)| *form != Self::FORM) {
            return Ok(Opened::Other(form));
        }
        let sequences = headers.map(|header| header.map(|(sequence, _)| sequence));
        let Some(sequence) = sequences.into_iter().flatten().max() else { return Ok(Opened::Nothing) };
        if sequence == FORMATTING {
            return Ok(Opened::Unfinished);
        }
        (self.sequence, self.current) = (sequence, u32::from(sequences[1] == Some(sequence)));
        self.write_header()?;
        if sequences.contains(&Some(FORMATTING)) {
            self.end_format()?;
        }
        self.next = Self::FIRST;
        let mut last = None;
        while self.next + Self::ENTRY <= Self::PAGE {
            let mut entry = [0; 2 * WORD_MAX];
            let Some(entry) = entry.get_mut(..Self::ENTRY) else { break };
            self.look(self.entry(), entry)?;
            if entry.iter().all(|&byte| byte == 0xFF) {
                break;
            }
            let (page, done) = entry.split_at(Self::SLOT);
            // The mark comes only after the page was seen to be blank, so one bit of it is enough.
            let page = read_pair(page).filter(|_| done.iter().all(|&byte| byte == 0xFF));
            last = Some((self.entry(), page));
            self.next += Self::ENTRY;
        }
        if let Some((entry, page)) = last {
            if let Some(page) = page.filter(|page| (PAGES..self.pages).contains(page)) {
                self.erase_page(self.start + page * Self::PAGE as u32)?;
            }
            self.mark_done(entry)?;
        }
        // The entry behind it may be one whose first word was cut and looks blank for now.
        if self.next + Self::ENTRY <= Self::PAGE {
            self.mark_done(self.entry())?;
            self.next += Self::ENTRY;
        }
        Ok(Opened::Ready)
    }

    /// Whether there never was anything: all is blank, but for what begins to say that a store is being made.
    pub(super) fn is_new(&mut self) -> Result<bool, FlashError<F::Error>> {
        let mut header = [0; WORD_MAX];
        let Some(header) = header.get_mut(..Self::FIRST) else { return Ok(false) };
        self.look(self.start, header)?;
        let begun = header.iter().zip(Self::header_of(FORMATTING)).all(|(byte, whole)| byte & whole == whole);
        let (from, to) = (self.start + Self::FIRST as u32, self.start + self.pages * Self::PAGE as u32);
        Ok(begun && self.is_blank(from, to)?)
    }

    /// Makes everything blank and begins a journal. A cut leaves either what was there, or something that goes on with this.
    pub(super) fn format(&mut self) -> Result<(), FlashError<F::Error>> {
        self.erase_page(self.start)?;
        self.begin_format()?;
        self.finish_format()
    }

    /// Says in the first page that the others count for nothing.
    pub(super) fn begin_format(&mut self) -> Result<(), FlashError<F::Error>> {
        (self.current, self.sequence) = (0, FORMATTING);
        self.write_header()
    }

    pub(super) fn finish_format(&mut self) -> Result<(), FlashError<F::Error>> {
        self.begin_format()?;
        for page in 1..self.pages {
            self.erase_page(self.start + page * Self::PAGE as u32)?;
        }
        (self.current, self.sequence, self.next) = (1, FORMATTING + 1, Self::FIRST);
        self.write_header()?;
        self.end_format()
    }

    /// Has the first page say nothing any more, so that no wrong bit in the second brings that back.
    fn end_format(&mut self) -> Result<(), FlashError<F::Error>> {
        self.program(self.start, [0; WORD_MAX].get(..Self::FIRST).unwrap_or_default())
    }

    /// Whether a stretch of whole words is blank.
    pub(super) fn is_blank(&mut self, from: u32, to: u32) -> Result<bool, FlashError<F::Error>> {
        let mut at = from;
        while at < to {
            let mut read = [0; 2 * WORD_MAX];
            let length = read.len().min((to - at) as usize);
            let Some(read) = read.get_mut(..length) else { break };
            self.look(at, read)?;
            if read.iter().any(|&byte| byte != 0xFF) {
                return Ok(false);
            }
            at += length as u32;
        }
        Ok(true)
    }

    /// Reads whole words.
    pub(super) fn look(&mut self, address: u32, into: &mut [u8]) -> Result<(), FlashError<F::Error>> {
        Ok(block_on(self.flash.read(address, into))?)
    }

    /// Programs whole words and reads them back.
    pub(super) fn program(&mut self, address: u32, bytes: &[u8]) -> Result<(), FlashError<F::Error>> {
        for _ in 0..TRIES {
            block_on(self.flash.write(address, bytes))?;
            self.wear.programmed += bytes.len() as u64;
            if self.holds(address, bytes)? {
                return Ok(());
            }
        }
        Err(FlashError::NotWritten { address })
    }

    /// Makes one word zero.
    pub(super) fn mark(&mut self, address: u32) -> Result<(), FlashError<F::Error>> {
        self.program(address, [0; WORD_MAX].get(..Geometry::<F>::WORD).unwrap_or_default())
    }

    fn holds(&mut self, mut address: u32, bytes: &[u8]) -> Result<bool, FlashError<F::Error>> {
        for wanted in bytes.chunks(2 * WORD_MAX) {
            let mut read = [0; 2 * WORD_MAX];
            let Some(read) = read.get_mut(..wanted.len()) else { break };
            self.look(address, read)?;
            if read != wanted {
                return Ok(false);
            }
            address += wanted.len() as u32;
        }
        Ok(true)
    }

    fn erase_page(&mut self, address: u32) -> Result<(), FlashError<F::Error>> {
        let end = address + Self::PAGE as u32;
        for _ in 0..TRIES {
            block_on(self.flash.erase(address, end))?;
            self.wear.erased += 1;
            if self.is_blank(address, end)? {
                return Ok(());
            }
        }
        Err(FlashError::NotErased { address })
    }

    /// Erases a page of the store.
    pub(super) fn erase_with_intent(&mut self, address: u32) -> Result<(), FlashError<F::Error>> {
        if self.next + Self::ENTRY > Self::PAGE {
            self.current ^= 1;
            // Only a forged one is the last there is, and the first says something else.
            self.sequence = self.sequence.wrapping_add(1).max(FORMATTING + 1);
            self.erase_page(self.page())?;
            self.write_header()?;
            self.next = Self::FIRST;
        }
        let entry = self.entry();
        self.next += Self::ENTRY;
        let page = (address - self.start) / Self::PAGE as u32;
        let mut slot = [0xFF; WORD_MAX];
        write_pair(&mut slot, page);
        self.program(entry, slot.get(..Self::SLOT).unwrap_or_default())?;
        self.erase_page(address)?;
        self.mark_done(entry)
    }

    fn mark_done(&mut self, entry: u32) -> Result<(), FlashError<F::Error>> {
        self.program(entry + Self::SLOT as u32, [0; WORD_MAX].get(..Self::SLOT).unwrap_or_default())
    }

    fn page(&self) -> u32 {
        self.start + self.current * Self::PAGE as u32
    }

    fn entry(&self) -> u32 {
        self.page() + self.next as u32
    }

    /// What is at the front of a page: its sequence, and the form of the store.
    fn read_header(&mut self, page: u32) -> Result<Option<(u32, Form)>, FlashError<F::Error>> {
        let mut header = [0; WORD_MAX];
        let Some(read) = header.get_mut(..Self::FIRST) else { return Ok(None) };
        self.look(self.start + page * Self::PAGE as u32, read)?;
        let [a, b, c, d, inverted @ .., e, f, g, h] = header.first_chunk::<HEADER>().copied().unwrap_or_default();
        let sequence = u32::from_le_bytes([a, b, c, d]);
        let whole = inverted == (!sequence).to_le_bytes() && [g, h] == [!e, !f];
        Ok(whole.then_some((sequence, Form(u16::from_le_bytes([e, f])))))
    }

    fn write_header(&mut self) -> Result<(), FlashError<F::Error>> {
        let header = Self::header_of(self.sequence);
        self.program(self.page(), header.get(..Self::FIRST).unwrap_or_default())
    }

    fn header_of(sequence: u32) -> [u8; WORD_MAX] {
        let [a, b, c, d] = sequence.to_le_bytes();
        let [e, f] = Self::FORM.0.to_le_bytes();
        let mut header = [0xFF; WORD_MAX];
        if let Some(front) = header.first_chunk_mut() {
            *front = [a, b, c, d, !a, !b, !c, !d, e, f, !e, !f];
        }
        header
    }
}

/// A page number and its inverse.
fn write_pair(slot: &mut [u8; WORD_MAX], page: u32) {
    let [a, b, ..] = page.to_le_bytes();
    if let Some(pair) = slot.first_chunk_mut() {
        *pair = [a, b, !a, !b];
    }
}

fn read_pair(slot: &[u8]) -> Option<u32> {
    let (&[a, b, c, d], _) = slot.split_first_chunk()?;
    (a == !c && b == !d).then(|| u32::from_le_bytes([a, b, 0, 0]))
}

impl<F: MultiwriteNorFlash> ErrorType for Journal<F> {
    type Error = FlashError<F::Error>;
}

impl<F: MultiwriteNorFlash> ReadNorFlash for Journal<F> {
    const READ_SIZE: usize = F::READ_SIZE;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.look(offset, bytes)
    }

    fn capacity(&self) -> usize {
        self.flash.capacity()
    }
}

impl<F: MultiwriteNorFlash> NorFlash for Journal<F> {
    const WRITE_SIZE: usize = F::WRITE_SIZE;
    const ERASE_SIZE: usize = F::ERASE_SIZE;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        let mut page = from;
        while page < to {
            self.erase_with_intent(page)?;
            page += Self::PAGE as u32;
        }
        Ok(())
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        self.program(offset, bytes)
    }
}

impl<F: MultiwriteNorFlash> MultiwriteNorFlash for Journal<F> {}
