//! A NOR flash that is a file of the host. It behaves as the part it stands for: an erase sets all bits of a page, programming
//! only clears bits, and the power may go between any two words, or while a page is erased.

use embedded_storage::nor_flash::{
    ErrorType, MultiwriteNorFlash, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash, check_erase, check_read,
    check_write,
};

use crate::semihosting::{File, HostError, exit};

/// Bytes of a word: what is programmed at once.
pub(crate) const WORD: usize = 4;
/// Bytes of a page: what is erased at once.
pub(crate) const PAGE: usize = 4096;
/// Pages of the largest part.
pub(crate) const PAGES: usize = 64;
/// What the emulator ends with when the power is cut.
const CUT: u8 = 99;

/// Bytes that are handled at once.
const CHUNK: usize = 64;

/// When the power is cut.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cut {
    /// Words that may be programmed and pages that may be erased until then.
    pub(crate) steps: Option<u32>,
    /// Pages that may be erased until then.
    pub(crate) erases: Option<u32>,
}

/// The part.
pub(crate) struct HostNor {
    file: File,
    pages: usize,
    left: Cut,
}

impl HostNor {
    /// The part of so many pages whose bits are in that file; one that is new, if the file is not there.
    pub(crate) fn open(name: &str, pages: usize, cut: Cut) -> Result<Self, HostError> {
        if let Ok(file) = File::open_to_write(name) {
            // A file of another length is another part, or a part of one.
            return if file.length() == PAGE * pages { Ok(Self { file, pages, left: cut }) } else { Err(HostError) };
        }
        let part = Self { file: File::create(name)?, pages, left: cut };
        for page in 0..pages {
            part.fill(page * PAGE)?;
        }
        Ok(part)
    }

    fn fill(&self, from: usize) -> Result<(), HostError> {
        (from..from + PAGE).step_by(CHUNK).try_for_each(|place| self.file.write_at(place, &[0xFF; CHUNK]))
    }

    /// Leaves a page as a cut in its erase may: as it was, with some of its bits erased, almost blank, or all zero. The page
    /// decides which, so that the same cut does the same again.
    fn cut_erase(&self, from: usize) -> Result<(), HostError> {
        // Numbers without an order that anything else follows.
        let mut dice = from as u32 ^ 0x9E37_79B9;
        for at in (from..from + PAGE).step_by(CHUNK) {
            let mut bytes = [0; CHUNK];
            self.file.read_at(at, &mut bytes)?;
            for byte in &mut bytes {
                dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                match from / PAGE % 4 {
                    0 => *byte |= (dice >> 24) as u8,
                    1 => *byte = if dice >> 22 == 0 { 0x7F } else { 0xFF },
                    2 => *byte = 0,
                    _ => {}
                }
            }
            self.file.write_at(at, &bytes)?;
        }
        Ok(())
    }
}

/// Whether so many more are left, which are taken then.
fn take(left: &mut Option<u32>, wanted: u32) -> bool {
    match left {
        Some(left) if *left < wanted => false,
        Some(left) => {
            *left -= wanted;
            true
        }
        None => true,
    }
}

impl NorFlashError for HostError {
    fn kind(&self) -> NorFlashErrorKind {
        NorFlashErrorKind::Other
    }
}

/// Why the part refused.
#[derive(Debug, Clone, Copy, defmt::Format)]
pub(crate) enum NorError {
    /// It was asked for what is not on it, or not for whole words or pages.
    Bounds,
    /// The host.
    Host(HostError),
}

impl From<NorFlashErrorKind> for NorError {
    fn from(_: NorFlashErrorKind) -> Self {
        Self::Bounds
    }
}

impl From<HostError> for NorError {
    fn from(error: HostError) -> Self {
        Self::Host(error)
    }
}

impl NorFlashError for NorError {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::Bounds => NorFlashErrorKind::OutOfBounds,
            Self::Host(_) => NorFlashErrorKind::Other,
        }
    }
}

impl ErrorType for HostNor {
    type Error = NorError;
}

impl ReadNorFlash for HostNor {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorError> {
        check_read(self, offset, bytes.len())?;
        Ok(self.file.read_at(offset as usize, bytes)?)
    }

    fn capacity(&self) -> usize {
        PAGE * self.pages
    }
}

impl NorFlash for HostNor {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = PAGE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorError> {
        check_erase(self, from, to)?;
        for page in (from as usize..to as usize).step_by(PAGE) {
            if !take(&mut self.left.steps, 1) || !take(&mut self.left.erases, 1) {
                self.cut_erase(page)?;
                exit(CUT)
            }
            self.fill(page)?;
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorError> {
        check_write(self, offset, bytes.len())?;
        for (at, chunk) in (offset as usize..).step_by(CHUNK).zip(bytes.chunks(CHUNK)) {
            let mut there = [0; CHUNK];
            let there = there.get_mut(..chunk.len()).unwrap_or_default();
            self.file.read_at(at, there)?;
            there.iter_mut().zip(chunk).for_each(|(there, new)| *there &= new);
            let words = (chunk.len() / WORD) as u32;
            let done = self.left.steps.map_or(0, |left| left as usize * WORD);
            if !take(&mut self.left.steps, words) {
                self.file.write_at(at, there.get(..done).unwrap_or_default())?;
                exit(CUT)
            }
            self.file.write_at(at, there)?;
        }
        Ok(())
    }
}

impl MultiwriteNorFlash for HostNor {}
