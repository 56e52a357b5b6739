//! Reads the pages of the map as the map does, and tells what it passes over.
//!
//! ```text
//! page: ┌───────┬──────┬──────┬─ ─ ─┬───────┬───────┐   first and last word: blank, or zero once the page is begun and
//!       │ begun │ item │ item │     │ blank │ ended │   once it is ended
//!       └───────┴──────┴──────┴─ ─ ─┴───────┴───────┘
//! item: ┌─────────────┬────────┬─────────────┬──────┐   checksum of the data: zero once the item is erased
//!       │ checksum: 4 │ len: 2 │ of len: 2   │ data │   header and data are each padded to whole words
//!       └─────────────┴────────┴─────────────┴──────┘
//! ```
//!
//! This is the format of `sequential-storage` 7 and 8. The map skips what does not check; here it is seen, so that one torn
//! item, which is what a power cut leaves behind the last one, can be told from damage.

use super::{
    geometry::{Geometry, ITEM_MAX, WORD_MAX},
    item::{Body, Item, ItemKey},
    journal::{FlashError, Journal},
};
use embedded_storage_async::nor_flash::MultiwriteNorFlash;

/// What a page is said to be by its first and last word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PageState {
    /// Nothing was written to it yet.
    Open,
    /// It is being filled.
    Begun,
    /// It is full.
    Ended,
    /// Ended and never begun.
    Impossible,
}

/// The state of a page, and whether its first and its last word are neither blank nor zero.
pub(super) fn page_state<F: MultiwriteNorFlash>(
    journal: &mut Journal<F>,
    page: u32,
) -> Result<(PageState, [bool; 2]), FlashError<F::Error>> {
    let mut marked = [false; 2];
    let mut torn = [false; 2];
    let last = Geometry::<F>::PAGE - Geometry::<F>::WORD;
    for ((marked, torn), offset) in marked.iter_mut().zip(&mut torn).zip([0, last]) {
        let mut word = [0; WORD_MAX];
        let Some(word) = word.get_mut(..Geometry::<F>::WORD) else { break };
        journal.look(page + offset as u32, word)?;
        *torn = word.iter().any(|&byte| byte != 0xFF) && word.iter().any(|&byte| byte != 0);
        // The map looks at the outermost bytes alone, and for half a byte of zeros.
        let looked = if offset == 0 { word.get(..F::READ_SIZE) } else { word.get(word.len() - F::READ_SIZE..) };
        *marked = looked.unwrap_or_default().iter().map(|byte| byte.count_zeros()).sum::<u32>() >= 4;
    }
    let state = match marked {
        [false, false] => PageState::Open,
        [true, false] => PageState::Begun,
        [true, true] => PageState::Ended,
        [false, true] => PageState::Impossible,
    };
    Ok((state, torn))
}

/// What an item says of its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// It is the record.
    Whole,
    /// The record is in parts of this generation.
    Parts(u8),
    /// It is a part.
    Part,
    /// The record is gone.
    Gone,
    /// The record is gone, and its items are being erased.
    Erasing,
}

impl Form {
    /// What an item says.
    pub(super) const fn of(body: &Body<'_>) -> Self {
        match body {
            Body::Whole(_) => Self::Whole,
            Body::Parts(head) => Self::Parts(head.generation),
            Body::Part(_) => Self::Part,
            Body::Gone => Self::Gone,
            Body::Erasing => Self::Erasing,
        }
    }
}

/// What is found in a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// An item that counts.
    Item(ItemKey, Form),
    /// An item that was erased, and its key if that can be read.
    Erased(Option<ItemKey>),
    /// An item of whose checksum some bits are zero that should not be: it was being erased.
    HalfErased(ItemKey, Form),
    /// An item whose data are not what was to be written.
    Torn,
    /// A word that no item begins with.
    Word {
        /// Whether it is zero, and so was seen before.
        zero: bool,
    },
    /// An item that is whole, and that this store never writes.
    Foreign,
}

/// Something in a page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) what: What,
    /// Where it begins.
    pub(super) address: u32,
    /// Bytes of the data.
    pub(super) length: u16,
    /// Where the next begins.
    pub(super) next: u32,
}

/// Goes through one page.
pub(super) struct Walk {
    /// Where it has come to; at the end, the first address that is free.
    pub(super) at: u32,
    end: u32,
}

impl Walk {
    pub(super) fn new<F: MultiwriteNorFlash>(page: u32) -> Self {
        let word = Geometry::<F>::WORD as u32;
        Self { at: page + word, end: page + Geometry::<F>::PAGE as u32 - word }
    }

    /// Bytes of the page that are free, once the walk is over.
    pub(super) const fn free(&self) -> u32 {
        self.end - self.at
    }

    /// The next thing.
    pub(super) fn next<F: MultiwriteNorFlash>(
        &mut self,
        journal: &mut Journal<F>,
    ) -> Result<Option<Found>, FlashError<F::Error>> {
        let address = self.at;
        let word = Geometry::<F>::WORD;
        if address + Geometry::<F>::HEADER as u32 > self.end {
            return Ok(None);
        }
        let mut header = [0; WORD_MAX];
        let Some(header) = header.get_mut(..Geometry::<F>::HEADER) else { return Ok(None) };
        journal.look(address, header)?;
        if header.iter().all(|&byte| byte == 0xFF) {
            return Ok(None);
        }
        let zero = header.get(..word).is_some_and(|word| word.iter().all(|&byte| byte == 0));
        let parsed = header.first_chunk().and_then(read_header);
        let found = match parsed {
            Some((check, length)) if address + Geometry::<F>::item(length.into()) as u32 <= self.end => {
                let next = address + Geometry::<F>::item(length.into()) as u32;
                let what = match check {
                    0 => What::Erased(Self::key_of_erased(journal, address, length)?),
                    _ => Self::look(journal, address, check, length)?,
                };
                Found { what, address, length, next }
            }
            _ => Found { what: What::Word { zero }, address, length: 0, next: address + word as u32 },
        };
        self.at = found.next;
        Ok(Some(found))
    }

    fn key_of_erased<F: MultiwriteNorFlash>(
        journal: &mut Journal<F>,
        address: u32,
        length: u16,
    ) -> Result<Option<ItemKey>, FlashError<F::Error>> {
        let mut first = [0; WORD_MAX];
        let used = usize::from(length).min(WORD_MAX);
        let Some(read) = first.get_mut(..Geometry::<F>::words(used)) else { return Ok(None) };
        if !read.is_empty() {
            journal.look(address + Geometry::<F>::HEADER as u32, read)?;
        }
        Ok(first.get(..used).and_then(Item::parse).map(|item| item.key))
    }

    fn look<F: MultiwriteNorFlash>(
        journal: &mut Journal<F>,
        address: u32,
        check: u32,
        length: u16,
    ) -> Result<What, FlashError<F::Error>> {
        let mut first = [0; WORD_MAX];
        let mut crc = ITEM_CRC;
        let length = usize::from(length);
        for at in (0..length).step_by(WORD_MAX) {
            let mut chunk = [0; WORD_MAX];
            let used = (length - at).min(WORD_MAX);
            let Some(read) = chunk.get_mut(..Geometry::<F>::words(used)) else { break };
            journal.look(address + (Geometry::<F>::HEADER + at) as u32, read)?;
            crc = fold(crc, read.get(..used).unwrap_or_default());
            if at == 0 {
                first = chunk;
            }
        }
        let computed = item_check(crc);
        if check & !computed != 0 {
            return Ok(What::Torn);
        }
        if Geometry::<F>::words(length) > ITEM_MAX {
            return Ok(What::Foreign);
        }
        // The front of an item tells what it is, the rest is the record's.
        let Some(item) = first.get(..length.min(WORD_MAX)).and_then(Item::parse) else { return Ok(What::Foreign) };
        let form = Form::of(&item.body);
        Ok(if check == computed { What::Item(item.key, form) } else { What::HalfErased(item.key, form) })
    }
}

/// Whether a header and its data belong together, and the header says so.
pub(super) fn is_whole(header: &[u8], data: &[u8]) -> bool {
    header.first_chunk().and_then(read_header).is_some_and(|(check, _)| check == item_check(fold(ITEM_CRC, data)))
}

/// Checksum and length of a header, if it is one.
pub(super) fn read_header(header: &[u8; 8]) -> Option<(u32, u16)> {
    let &[a, b, c, d, e, f, g, h] = header;
    (u16::from_le_bytes([g, h]) == crc16([e, f]))
        .then(|| (u32::from_le_bytes([a, b, c, d]), u16::from_le_bytes([e, f])))
}

/// The header of an erased item.
pub(super) fn write_erased(header: &mut [u8; WORD_MAX], length: u16) {
    let [e, f] = length.to_le_bytes();
    let [g, h] = crc16([e, f]).to_le_bytes();
    if let Some(header) = header.first_chunk_mut() {
        *header = [0, 0, 0, 0, e, f, g, h];
    }
}

/// The checksum that the map gives a length.
fn crc16(bytes: [u8; 2]) -> u16 {
    let mut crc = 0xFFFF;
    for byte in bytes {
        crc ^= u16::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0x1A2E & (crc & 1).wrapping_neg());
        }
    }
    match !crc {
        0xFFFF => 0xFFFE,
        crc => crc,
    }
}

/// What the map begins the checksum of an item with.
const ITEM_CRC: u32 = 0xEEEE_EEEE;

/// The checksum that the map gives an item, once all of it was folded in.
const fn item_check(crc: u32) -> u32 {
    match !crc {
        0 => 1,
        crc if crc & 0xFF == 0 || crc & 0xFF == 0xFF => crc ^ 1,
        crc => crc,
    }
}

/// Folds bytes into a CRC-32C.
fn fold(mut crc: u32, bytes: &[u8]) -> u32 {
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0x82F6_3B78 & (crc & 1).wrapping_neg());
        }
    }
    crc
}

/// CRC-32C of a record, or of what comes after a record with that CRC; it begins with 0.
pub(super) fn crc32(before: u32, bytes: &[u8]) -> u32 {
    !fold(!before, bytes)
}
