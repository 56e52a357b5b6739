//! A NOR flash in memory, which is written to a device as it is.

use embedded_storage::nor_flash::{
    ErrorType, MultiwriteNorFlash, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};

/// A part of pages of `PAGE` bytes that are programmed in words of `WORD` bytes.
pub(super) struct Part<const PAGE: usize, const WORD: usize>(pub(super) Vec<u8>);

impl<const PAGE: usize, const WORD: usize> Part<PAGE, WORD> {
    fn range(&mut self, from: u32, length: usize) -> Result<&mut [u8], NorFlashErrorKind> {
        let from = from as usize;
        let end = from.checked_add(length).ok_or(NorFlashErrorKind::OutOfBounds)?;
        self.0.get_mut(from..end).ok_or(NorFlashErrorKind::OutOfBounds)
    }
}

impl<const PAGE: usize, const WORD: usize> ErrorType for Part<PAGE, WORD> {
    type Error = NorFlashErrorKind;
}

impl<const PAGE: usize, const WORD: usize> ReadNorFlash for Part<PAGE, WORD> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        check_read(self, offset, bytes.len())?;
        bytes.copy_from_slice(self.range(offset, bytes.len())?);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.0.len()
    }
}

impl<const PAGE: usize, const WORD: usize> NorFlash for Part<PAGE, WORD> {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = PAGE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        check_erase(self, from, to)?;
        self.range(from, (to - from) as usize)?.fill(0xFF);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        check_write(self, offset, bytes.len())?;
        self.range(offset, bytes.len())?.iter_mut().zip(bytes).for_each(|(there, new)| *there &= new);
        Ok(())
    }
}

impl<const PAGE: usize, const WORD: usize> MultiwriteNorFlash for Part<PAGE, WORD> {}
