//! A model of NOR flash whose power can be cut at any word.

use embedded_storage::nor_flash::{
    ErrorType, MultiwriteNorFlash, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};

/// What a cut leaves of what was under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// A word is programmed whole or not at all, and so is a page erased.
    WordAtomic,
    /// Half of the bits of a word are programmed, and the first half of a page is erased.
    Half,
    /// Any of the bits of a word are programmed; a page is almost blank, but some of its bits are zero, anywhere.
    Noise,
    /// A word is all zeros where it should have some, and so is the page: an erase begins by programming everything.
    Zeros,
}

impl Cut {
    /// All that there are.
    pub const ALL: [Self; 4] = [Self::WordAtomic, Self::Half, Self::Noise, Self::Zeros];
}

/// Why the model refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// There is no power.
    NoPower,
    /// Outside of the part, or not at words or pages.
    Bounds,
}

impl NorFlashError for Refused {
    fn kind(&self) -> NorFlashErrorKind {
        NorFlashErrorKind::Other
    }
}

/// A part with words of `WORD` bytes and pages of `PAGE` bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nor<const WORD: usize, const PAGE: usize> {
    /// What is in it.
    pub bytes: Vec<u8>,
    /// Words that may be programmed, and pages erased, until the power is cut.
    pub fuel: Option<u64>,
    /// What the cut leaves.
    pub cut: Cut,
    /// Words that were programmed and pages that were erased, counted together.
    pub steps: u64,
    /// The step in which a word is not programmed, or a page not erased, and nothing says so.
    pub idle: Option<u64>,
    /// Whether there was such a step that should have changed something.
    pub deceived: bool,
    /// Bytes programmed.
    pub programmed: u64,
    /// How often each page was erased.
    pub erased: Vec<u32>,
    seed: u64,
    dead: bool,
}

impl<const WORD: usize, const PAGE: usize> Nor<WORD, PAGE> {
    /// A new part.
    #[must_use]
    pub fn new(pages: usize) -> Self {
        Self {
            bytes: vec![0xFF; pages * PAGE],
            fuel: None,
            cut: Cut::WordAtomic,
            steps: 0,
            idle: None,
            deceived: false,
            programmed: 0,
            erased: vec![0; pages],
            seed: 1,
            dead: false,
        }
    }

    /// The same part, whose power will be cut; `seed` decides what chance decides.
    #[must_use]
    pub fn cut_after(mut self, fuel: u64, cut: Cut, seed: u64) -> Self {
        (self.fuel, self.cut, self.seed) = (Some(fuel), cut, seed.wrapping_mul(2) + 1);
        self
    }

    /// Whether the power was cut.
    #[must_use]
    pub const fn is_dead(&self) -> bool {
        self.dead
    }

    /// Gives it power again, for as long as is wanted.
    pub fn power(&mut self) {
        (self.dead, self.fuel) = (false, None);
    }

    fn random(&mut self) -> u64 {
        // Marsaglia's xorshift64*.
        self.seed ^= self.seed >> 12;
        self.seed ^= self.seed << 25;
        self.seed ^= self.seed >> 27;
        self.seed.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// Uses a step; `false` if the power goes in it.
    fn step(&mut self) -> bool {
        self.steps += 1;
        match &mut self.fuel {
            Some(0) => {
                self.dead = true;
                false
            }
            Some(fuel) => {
                *fuel -= 1;
                true
            }
            None => true,
        }
    }

    fn program(&mut self, at: usize, word: &[u8]) {
        for (there, byte) in self.bytes[at..].iter_mut().zip(word) {
            *there &= byte;
        }
    }

    fn cut_word(&mut self, at: usize, word: &[u8]) {
        let random = self.random();
        let mask = |index: usize| match self.cut {
            Cut::WordAtomic => 0xFF,
            Cut::Half if index < WORD / 2 || WORD == 1 && random & 1 == 0 => 0,
            Cut::Half => 0xFF,
            Cut::Noise => (random >> (index % 8 * 8)) as u8,
            Cut::Zeros => 0,
        };
        let partial: Vec<u8> = word.iter().enumerate().map(|(index, byte)| byte | mask(index)).collect();
        self.program(at, &partial);
    }

    fn cut_page(&mut self, at: usize) {
        let begun = self.random() & 1 == 0;
        match self.cut {
            Cut::WordAtomic if !begun => {}
            Cut::WordAtomic => self.bytes[at..at + PAGE].fill(0xFF),
            Cut::Half => self.bytes[at..at + PAGE / 2].fill(0xFF),
            Cut::Noise => {
                self.bytes[at..at + PAGE].fill(0xFF);
                for _ in 0..self.random() % 12 {
                    // Often where it hurts: where a page says what it is.
                    let place = match self.random() % 3 {
                        0 => (self.random() % 8) as usize,
                        1 => PAGE - 1 - (self.random() % 8) as usize,
                        _ => self.random() as usize % PAGE,
                    };
                    let bits = self.random() as u8;
                    self.bytes[at + place] &= bits;
                }
            }
            Cut::Zeros => self.bytes[at..at + PAGE].fill(0),
        }
    }
}

impl<const WORD: usize, const PAGE: usize> ErrorType for Nor<WORD, PAGE> {
    type Error = Refused;
}

impl<const WORD: usize, const PAGE: usize> ReadNorFlash for Nor<WORD, PAGE> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Refused> {
        if self.dead {
            return Err(Refused::NoPower);
        }
        let from = offset as usize;
        bytes.copy_from_slice(self.bytes.get(from..from + bytes.len()).ok_or(Refused::Bounds)?);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

impl<const WORD: usize, const PAGE: usize> NorFlash for Nor<WORD, PAGE> {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = PAGE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Refused> {
        let (from, to) = (from as usize, to as usize);
        if !from.is_multiple_of(PAGE) || !to.is_multiple_of(PAGE) || to > self.bytes.len() || from > to {
            return Err(Refused::Bounds);
        }
        for at in (from..to).step_by(PAGE) {
            if self.dead {
                return Err(Refused::NoPower);
            }
            if !self.step() {
                self.cut_page(at);
                return Err(Refused::NoPower);
            }
            if self.idle == Some(self.steps) {
                self.deceived |= self.bytes[at..at + PAGE].iter().any(|byte| *byte != 0xFF);
                continue;
            }
            self.bytes[at..at + PAGE].fill(0xFF);
            self.erased[at / PAGE] += 1;
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Refused> {
        let from = offset as usize;
        if !from.is_multiple_of(WORD) || !bytes.len().is_multiple_of(WORD) || from + bytes.len() > self.bytes.len() {
            return Err(Refused::Bounds);
        }
        for (index, word) in bytes.chunks(WORD).enumerate() {
            if self.dead {
                return Err(Refused::NoPower);
            }
            if !self.step() {
                self.cut_word(from + index * WORD, word);
                return Err(Refused::NoPower);
            }
            let at = from + index * WORD;
            if self.idle == Some(self.steps) {
                self.deceived |= self.bytes[at..].iter().zip(word).any(|(there, byte)| there & byte != *there);
                continue;
            }
            self.program(at, word);
            self.programmed += WORD as u64;
        }
        Ok(())
    }
}

impl<const WORD: usize, const PAGE: usize> MultiwriteNorFlash for Nor<WORD, PAGE> {}
