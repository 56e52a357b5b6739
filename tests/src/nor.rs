//! A NOR flash part: erasing makes ones of a page, programming makes zeros of bits, and the power can go off at any word.

use crate::chance::Chance;
use embedded_storage_async::nor_flash::{
    ErrorType, MultiwriteNorFlash, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};
use std::{
    cell::{RefCell, RefMut},
    collections::BTreeMap,
    rc::Rc,
};

/// What a power cut leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The word, or the page, that it fell on is as it was.
    WordAtomic,
    /// Of the word that it fell on some bits are programmed, some are not, and some read differently each time until they
    /// are programmed or erased; of a page some bits are erased.
    HalfProgrammed,
    /// The same for a word; a page reads almost blank, with some bits that read differently each time, and the next erase may
    /// leave a bit behind.
    NearBlank,
    /// The same for a word; a page is left all zero, as some parts make it before they erase it.
    AllZero,
}

/// All of them.
pub const CUTS: [Cut; 4] = [Cut::WordAtomic, Cut::HalfProgrammed, Cut::NearBlank, Cut::AllZero];

/// What the part says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NorError {
    /// It has no power.
    Off,
    /// It failed, this once.
    Fault,
    /// The range is not of whole words or pages, or out of bounds.
    Range,
}

impl NorFlashError for NorError {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::Off | Self::Fault => NorFlashErrorKind::Other,
            Self::Range => NorFlashErrorKind::OutOfBounds,
        }
    }
}

/// A part with pages of `PAGE` bytes that are programmed in words of `WORD` bytes.
#[derive(Debug, Clone)]
pub struct Nor<const PAGE: usize, const WORD: usize> {
    /// What it holds.
    pub bytes: Vec<u8>,
    /// Bits, by byte, that read differently each time.
    weak: BTreeMap<usize, u8>,
    /// Bits, by byte, that the next erase of their page leaves behind.
    stubborn: BTreeMap<usize, u8>,
    /// Words and pages until the power goes off.
    pub fuel: Option<u64>,
    /// Words and pages until one fails, as a cut would have it fail, with the power on.
    pub fault: Option<u64>,
    /// Reads until one fails, with the power on.
    pub read_fault: Option<u64>,
    /// How the power goes off.
    pub cut: Cut,
    /// Chance for all that a cut leaves open.
    pub chance: Chance,
    off: bool,
    /// Words programmed and pages erased so far, cut ones left out.
    pub spent: u64,
    /// Bytes programmed so far.
    pub programmed: u64,
    /// Erases so far of each page.
    pub erases: Vec<u32>,
    /// Bytes read so far.
    pub read: u64,
}

impl<const PAGE: usize, const WORD: usize> Nor<PAGE, WORD> {
    /// A blank part.
    #[must_use]
    pub fn new(pages: usize) -> Self {
        Self {
            bytes: vec![0xFF; pages * PAGE],
            weak: BTreeMap::new(),
            stubborn: BTreeMap::new(),
            fuel: None,
            fault: None,
            read_fault: None,
            cut: Cut::WordAtomic,
            chance: Chance::new(1),
            off: false,
            spent: 0,
            programmed: 0,
            erases: vec![0; pages],
            read: 0,
        }
    }

    /// Whether the power is off.
    #[must_use]
    pub const fn is_off(&self) -> bool {
        self.off
    }

    /// Gives it power again, for as long as is wanted.
    pub const fn power(&mut self) {
        self.off = false;
        self.fuel = None;
    }

    fn range(&self, from: usize, to: usize, unit: usize) -> Result<(), NorError> {
        if self.off {
            return Err(NorError::Off);
        }
        let fits = from <= to && to <= self.bytes.len() && from.is_multiple_of(unit) && to.is_multiple_of(unit);
        if fits { Ok(()) } else { Err(NorError::Range) }
    }

    /// Whether one more word or page works.
    fn works(&mut self) -> Result<(), NorError> {
        self.off = self.fuel == Some(0);
        if self.off {
            return Err(NorError::Off);
        }
        self.fuel = self.fuel.map(|left| left - 1);
        let fails = self.fault == Some(0);
        self.fault = self.fault.and_then(|left| left.checked_sub(1));
        if fails {
            return Err(NorError::Fault);
        }
        self.spent += 1;
        Ok(())
    }

    fn weaken(&mut self, at: usize, mask: u8) {
        if mask != 0 {
            *self.weak.entry(at).or_default() |= mask;
        }
    }

    fn bits(&mut self) -> u8 {
        self.chance.draw().to_le_bytes()[2]
    }

    fn cut_word(&mut self, at: usize, word: &[u8]) {
        if self.cut == Cut::WordAtomic {
            return;
        }
        for (at, &byte) in (at..).zip(word) {
            let wanted = self.bytes[at] & !byte;
            let (reached, weak) = (self.bits(), self.bits() & self.bits());
            self.bytes[at] &= !(wanted & reached);
            self.weaken(at, wanted & weak);
        }
    }

    fn cut_page(&mut self, from: usize) {
        let page = from..from + PAGE;
        if self.cut != Cut::WordAtomic {
            self.weak.retain(|at, _| !page.contains(at));
        }
        match self.cut {
            Cut::WordAtomic => {}
            Cut::HalfProgrammed => {
                for at in page {
                    let (reached, weak) = (self.bits(), self.bits() & self.bits() & self.bits());
                    let zeros = !self.bytes[at];
                    self.bytes[at] |= reached;
                    self.weaken(at, zeros & weak);
                }
            }
            Cut::NearBlank => {
                self.bytes[page].fill(0xFF);
                for _ in 0..self.chance.below(6) {
                    let (at, bit) = (from + self.chance.below(PAGE as u64) as usize, 1 << self.chance.below(8));
                    match self.chance.below(3) {
                        0 => self.bytes[at] &= !bit,
                        1 => self.weaken(at, bit),
                        _ => *self.stubborn.entry(at).or_default() |= bit,
                    }
                }
            }
            Cut::AllZero => self.bytes[page].fill(0),
        }
    }
}

impl<const PAGE: usize, const WORD: usize> ErrorType for Nor<PAGE, WORD> {
    type Error = NorError;
}

impl<const PAGE: usize, const WORD: usize> ReadNorFlash for Nor<PAGE, WORD> {
    const READ_SIZE: usize = 1;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorError> {
        let from = offset as usize;
        let to = from + bytes.len();
        self.range(from, to, 1)?;
        if self.read_fault == Some(0) {
            self.read_fault = None;
            return Err(NorError::Fault);
        }
        self.read_fault = self.read_fault.map(|reads| reads - 1);
        self.read += bytes.len() as u64;
        bytes.copy_from_slice(&self.bytes[from..to]);
        for (&at, &mask) in self.weak.range(from..to) {
            bytes[at - from] ^= mask & self.chance.draw().to_le_bytes()[2];
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

impl<const PAGE: usize, const WORD: usize> NorFlash for Nor<PAGE, WORD> {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = PAGE;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), NorError> {
        let (from, to) = (from as usize, to as usize);
        self.range(from, to, PAGE)?;
        for page in (from..to).step_by(PAGE) {
            if let Err(error) = self.works() {
                self.cut_page(page);
                return Err(error);
            }
            let page_range = page..page + PAGE;
            self.bytes[page_range.clone()].fill(0xFF);
            self.weak.retain(|at, _| !page_range.contains(at));
            for (&at, &mask) in self.stubborn.range(page_range.clone()) {
                self.bytes[at] &= !mask;
            }
            self.stubborn.retain(|at, _| !page_range.contains(at));
            self.erases[page / PAGE] += 1;
        }
        Ok(())
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorError> {
        let from = offset as usize;
        self.range(from, from + bytes.len(), WORD)?;
        for (at, word) in (from..).step_by(WORD).zip(bytes.chunks(WORD)) {
            if let Err(error) = self.works() {
                self.cut_word(at, word);
                return Err(error);
            }
            for (at, &byte) in (at..).zip(word) {
                self.bytes[at] &= byte;
                // What is programmed is certain.
                if let Some(weak) = self.weak.get_mut(&at) {
                    *weak &= byte;
                }
            }
            self.programmed += word.len() as u64;
        }
        Ok(())
    }
}

impl<const PAGE: usize, const WORD: usize> MultiwriteNorFlash for Nor<PAGE, WORD> {}

/// A part that is shared with whoever wants to see what becomes of it. Clones are the same part.
#[derive(Debug, Clone)]
pub struct Shared<const PAGE: usize, const WORD: usize>(Rc<RefCell<Nor<PAGE, WORD>>>);

impl<const PAGE: usize, const WORD: usize> Shared<PAGE, WORD> {
    /// Shares a part.
    #[must_use]
    pub fn new(nor: Nor<PAGE, WORD>) -> Self {
        Self(Rc::new(RefCell::new(nor)))
    }

    /// The part, for a moment.
    #[must_use]
    pub fn nor(&self) -> RefMut<'_, Nor<PAGE, WORD>> {
        self.0.borrow_mut()
    }
}

impl<const PAGE: usize, const WORD: usize> ErrorType for Shared<PAGE, WORD> {
    type Error = NorError;
}

// No borrow lives across an await: the part answers at once.
#[allow(clippy::await_holding_refcell_ref)]
impl<const PAGE: usize, const WORD: usize> ReadNorFlash for Shared<PAGE, WORD> {
    const READ_SIZE: usize = 1;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorError> {
        self.nor().read(offset, bytes).await
    }

    fn capacity(&self) -> usize {
        self.nor().capacity()
    }
}

#[allow(clippy::await_holding_refcell_ref)]
impl<const PAGE: usize, const WORD: usize> NorFlash for Shared<PAGE, WORD> {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = PAGE;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), NorError> {
        self.nor().erase(from, to).await
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorError> {
        self.nor().write(offset, bytes).await
    }
}

impl<const PAGE: usize, const WORD: usize> MultiwriteNorFlash for Shared<PAGE, WORD> {}

/// A part that is read in units of `READ` bytes, and refuses whatever is not whole units.
#[derive(Debug, Clone)]
pub struct Coarse<F, const READ: usize>(pub F);

impl<F: ErrorType, const READ: usize> ErrorType for Coarse<F, READ> {
    type Error = F::Error;
}

impl<F: ReadNorFlash<Error = NorError>, const READ: usize> ReadNorFlash for Coarse<F, READ> {
    const READ_SIZE: usize = READ;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorError> {
        if !(offset as usize).is_multiple_of(READ) || !bytes.len().is_multiple_of(READ) {
            return Err(NorError::Range);
        }
        self.0.read(offset, bytes).await
    }

    fn capacity(&self) -> usize {
        self.0.capacity()
    }
}

impl<F: NorFlash<Error = NorError>, const READ: usize> NorFlash for Coarse<F, READ> {
    const WRITE_SIZE: usize = F::WRITE_SIZE;
    const ERASE_SIZE: usize = F::ERASE_SIZE;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), NorError> {
        self.0.erase(from, to).await
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorError> {
        self.0.write(offset, bytes).await
    }
}

impl<F: MultiwriteNorFlash<Error = NorError>, const READ: usize> MultiwriteNorFlash for Coarse<F, READ> {}
