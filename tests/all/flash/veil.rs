//! Ways to see a part: as it is, in larger units, and for the canaries with something hidden from the store.

use embedded_storage_async::nor_flash::{ErrorType, MultiwriteNorFlash, NorFlash, ReadNorFlash};
use mainspring_embassy::flash::FlashStore;
use mainspring_tests::nor::{Coarse, Nor, NorError, Shared};

/// A way to see a part.
pub(super) trait Veil<const PAGE: usize, const WORD: usize>: MultiwriteNorFlash<Error = NorError> {
    /// Over a part that has just got power.
    fn over(part: Shared<PAGE, WORD>) -> Self;
}

/// The part as it is.
pub(super) type Bare<const PAGE: usize, const WORD: usize> = Shared<PAGE, WORD>;

impl<const PAGE: usize, const WORD: usize> Veil<PAGE, WORD> for Bare<PAGE, WORD> {
    fn over(part: Self) -> Self {
        part
    }
}

impl<const PAGE: usize, const WORD: usize, const READ: usize> Veil<PAGE, WORD> for Coarse<Shared<PAGE, WORD>, READ> {
    fn over(part: Shared<PAGE, WORD>) -> Self {
        Self(part)
    }
}

/// The journal is in memory, and empty after every cut.
pub(super) struct Forgetful<const PAGE: usize, const WORD: usize> {
    part: Shared<PAGE, WORD>,
    journal: Nor<PAGE, WORD>,
}

impl<const PAGE: usize, const WORD: usize> Forgetful<PAGE, WORD> {
    const END: u32 = 2 * PAGE as u32;
}

impl<const PAGE: usize, const WORD: usize> Veil<PAGE, WORD> for Forgetful<PAGE, WORD> {
    fn over(part: Shared<PAGE, WORD>) -> Self {
        let mut journal = Nor::new(5);
        // Where there is no store yet there is no journal either.
        if part.nor().bytes.iter().any(|&byte| byte != 0xFF) {
            FlashStore::<_, 8, 8>::format(&mut journal, 0..5 * PAGE as u32).unwrap();
        }
        Self { part, journal }
    }
}

impl<const PAGE: usize, const WORD: usize> ErrorType for Forgetful<PAGE, WORD> {
    type Error = NorError;
}

impl<const PAGE: usize, const WORD: usize> ReadNorFlash for Forgetful<PAGE, WORD> {
    const READ_SIZE: usize = 1;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorError> {
        if self.part.nor().is_off() || offset >= Self::END {
            return self.part.read(offset, bytes).await;
        }
        self.journal.read(offset, bytes).await
    }

    fn capacity(&self) -> usize {
        self.part.capacity()
    }
}

impl<const PAGE: usize, const WORD: usize> NorFlash for Forgetful<PAGE, WORD> {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = PAGE;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), NorError> {
        if from >= Self::END { self.part.erase(from, to).await } else { self.journal.erase(from, to).await }
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorError> {
        if offset >= Self::END { self.part.write(offset, bytes).await } else { self.journal.write(offset, bytes).await }
    }
}

impl<const PAGE: usize, const WORD: usize> MultiwriteNorFlash for Forgetful<PAGE, WORD> {}

/// What was just written, or erased, reads as if it had been done.
pub(super) struct Blind<const PAGE: usize, const WORD: usize> {
    part: Shared<PAGE, WORD>,
    last: (u32, Vec<u8>),
}

impl<const PAGE: usize, const WORD: usize> Veil<PAGE, WORD> for Blind<PAGE, WORD> {
    fn over(part: Shared<PAGE, WORD>) -> Self {
        Self { part, last: (0, Vec::new()) }
    }
}

impl<const PAGE: usize, const WORD: usize> ErrorType for Blind<PAGE, WORD> {
    type Error = NorError;
}

impl<const PAGE: usize, const WORD: usize> ReadNorFlash for Blind<PAGE, WORD> {
    const READ_SIZE: usize = 1;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorError> {
        self.part.read(offset, bytes).await?;
        let at = offset.checked_sub(self.last.0).map(|at| at as usize);
        match at.and_then(|at| self.last.1.get(at..at + bytes.len())) {
            Some(last) => bytes.copy_from_slice(last),
            None => self.last.1.clear(),
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.part.capacity()
    }
}

impl<const PAGE: usize, const WORD: usize> NorFlash for Blind<PAGE, WORD> {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = PAGE;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), NorError> {
        self.part.erase(from, to).await?;
        self.last = (from, vec![0xFF; (to - from) as usize]);
        Ok(())
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorError> {
        self.part.write(offset, bytes).await?;
        self.last = (offset, bytes.to_vec());
        Ok(())
    }
}

impl<const PAGE: usize, const WORD: usize> MultiwriteNorFlash for Blind<PAGE, WORD> {}
