//! Sizes that follow from a flash part.

use core::marker::PhantomData;
use embedded_storage_async::nor_flash::NorFlash;

/// Bytes of the longest item, and of the buffer that takes one.
pub(super) const ITEM_MAX: usize = 512;
/// Bytes of the longest word of a part.
pub(super) const WORD_MAX: usize = 32;
/// Bytes of the smallest page of a part.
pub(super) const PAGE_MIN: usize = 256;

/// The sizes of a part.
pub(super) struct Geometry<F>(PhantomData<F>);

impl<F: NorFlash> Geometry<F> {
    /// Bytes of the unit that is programmed and read.
    pub(super) const WORD: usize = if F::WRITE_SIZE > F::READ_SIZE { F::WRITE_SIZE } else { F::READ_SIZE };
    /// Bytes of the unit that is erased.
    pub(super) const PAGE: usize = F::ERASE_SIZE;
    /// Bytes before the data of an item.
    pub(super) const HEADER: usize = Self::words(8);
    /// Bytes of a page for items: what the words for its state leave.
    pub(super) const CAPACITY: usize = Self::PAGE - 2 * Self::WORD;
    /// Bytes of the longest item of this part with its header: a quarter of a page, so that little is left over at its end.
    pub(super) const ITEM: usize = {
        let quarter = Self::CAPACITY / 4;
        let wanted = if quarter < 128 {
            128
        } else if quarter > ITEM_MAX {
            ITEM_MAX
        } else {
            quarter
        };
        wanted / Self::WORD * Self::WORD
    };
    /// Bytes that one part of a long record carries.
    pub(super) const PART: usize = Self::ITEM - Self::HEADER - 9;

    /// Whether the store works on such a part; the other constants mean something only then.
    pub(super) const FITS: bool = Self::WORD <= WORD_MAX
        && Self::WORD.is_power_of_two()
        && Self::PAGE >= PAGE_MIN
        && Self::PAGE.is_power_of_two()
        && Self::PAGE.is_multiple_of(Self::WORD)
        && F::WRITE_SIZE.is_power_of_two()
        && F::READ_SIZE.is_power_of_two();

    /// So many bytes, in whole words.
    pub(super) const fn words(bytes: usize) -> usize {
        bytes.next_multiple_of(Self::WORD)
    }

    /// Bytes that an item with so many bytes of data takes.
    pub(super) const fn item(data: usize) -> usize {
        Self::HEADER + Self::words(data)
    }

    /// The first address of the page that an address is in.
    pub(super) const fn page_of(address: u32) -> u32 {
        address / Self::PAGE as u32 * Self::PAGE as u32
    }
}
