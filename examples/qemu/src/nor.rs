//! A NOR flash that is a file of the host. It behaves as the part it stands for: an erase sets all bits of a page, programming
//! only clears bits, and the power may go between any two words.

use embedded_storage::nor_flash::{
    ErrorType, MultiwriteNorFlash, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash, check_erase, check_read,
    check_write,
};

use crate::semihosting::{File, HostError, exit};

/// Bytes of a word: what is programmed at once.
pub(crate) const WORD: usize = 4;
/// Bytes of a page: what is erased at once.
pub(crate) const PAGE: usize = 4096;
/// Pages of the part.
pub(crate) const PAGES: usize = 64;
/// What the emulator ends with when the power is cut at a word.
const CUT: u8 = 99;

/// Bytes that are handled at once.
const CHUNK: usize = 64;

/// The part.
pub(crate) struct HostNor {
    file: File,
    /// Words that may be programmed until the power is cut.
    left: Option<u32>,
}

impl HostNor {
    /// The part whose bits are in that file; one that is new, if the file is not there. The power is cut when so many words
    /// were programmed.
    pub(crate) fn open(name: &str, cut: Option<u32>) -> Result<Self, HostError> {
        if let Ok(file) = File::open_to_write(name) {
            // A file of another length is another part, or a part of one.
            return if file.length() == PAGE * PAGES { Ok(Self { file, left: cut }) } else { Err(HostError) };
        }
        let part = Self { file: File::create(name)?, left: cut };
        for page in 0..PAGES {
            part.fill(page * PAGE)?;
        }
        Ok(part)
    }

    fn fill(&self, from: usize) -> Result<(), HostError> {
        (from..from + PAGE).step_by(CHUNK).try_for_each(|place| self.file.write_at(place, &[0xFF; CHUNK]))
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
        PAGE * PAGES
    }
}

impl NorFlash for HostNor {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = PAGE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorError> {
        check_erase(self, from, to)?;
        for page in (from as usize..to as usize).step_by(PAGE) {
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
            match &mut self.left {
                Some(left) if *left < words => {
                    let done = *left as usize * WORD;
                    self.file.write_at(at, there.get(..done).unwrap_or_default())?;
                    exit(CUT)
                }
                Some(left) => *left -= words,
                None => {}
            }
            self.file.write_at(at, there)?;
        }
        Ok(())
    }
}

impl MultiwriteNorFlash for HostNor {}
