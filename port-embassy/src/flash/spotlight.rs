//! Shows the map one item and darkness around it, so that it finds that item at once.
//!
//! The map finds an item whose place it does not know by reading back from the newest page, checksums and all: for every
//! key after every start that would be half the store each time. Where items lie is known from the first walk; the map
//! cannot be told, but it believes what it reads.

use super::{
    geometry::{Geometry, WORD_MAX},
    walk,
};
use embedded_storage_async::nor_flash::{ErrorType, MultiwriteNorFlash, NorFlash, ReadNorFlash};

/// A flash of which only one item may be visible.
pub(super) struct Spotlight<F> {
    pub(super) flash: F,
    /// First and last address of the item, and all else is dark.
    pub(super) on: Option<(u32, u32)>,
}

/// Bytes that one stand-in skips at most.
const SKIP_MAX: usize = 0x8000;

impl<F: NorFlash> Spotlight<F> {
    /// What is read outside of the item: nothing in other pages and behind it, and something that is erased before it.
    fn darkness(&self, (from, to): (u32, u32), offset: u32, bytes: &mut [u8]) -> bool {
        let page = Geometry::<F>::page_of(offset);
        let end = page + Geometry::<F>::PAGE as u32;
        // What state a page is in stays visible.
        if offset == page || offset >= end - Geometry::<F>::WORD as u32 || (from..to).contains(&offset) {
            return false;
        }
        bytes.fill(0xFF);
        if page != Geometry::<F>::page_of(from) || offset > from {
            return true;
        }
        let gap = (from - offset) as usize;
        match gap.checked_sub(Geometry::<F>::HEADER) {
            // Not a header at all: the map goes on at the next word.
            None => bytes.fill(0),
            Some(skip) => {
                let length = u16::try_from(skip.min(SKIP_MAX)).unwrap_or(u16::MAX);
                let mut header = [0xFF; WORD_MAX];
                walk::write_erased(&mut header, length);
                bytes.iter_mut().zip(header).for_each(|(byte, of)| *byte = of);
            }
        }
        true
    }
}

impl<F: NorFlash> ErrorType for Spotlight<F> {
    type Error = F::Error;
}

impl<F: NorFlash> ReadNorFlash for Spotlight<F> {
    const READ_SIZE: usize = F::READ_SIZE;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        if self.on.is_some_and(|item| self.darkness(item, offset, bytes)) {
            return Ok(());
        }
        self.flash.read(offset, bytes).await
    }

    fn capacity(&self) -> usize {
        self.flash.capacity()
    }
}

impl<F: NorFlash> NorFlash for Spotlight<F> {
    const WRITE_SIZE: usize = F::WRITE_SIZE;
    const ERASE_SIZE: usize = F::ERASE_SIZE;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        self.flash.erase(from, to).await
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        self.flash.write(offset, bytes).await
    }
}

impl<F: MultiwriteNorFlash> MultiwriteNorFlash for Spotlight<F> {}
