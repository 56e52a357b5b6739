//! Writes what a store in flash looks like without the store, so that it can be made wrong.

use mainspring_embassy::flash::FlashStore;
use mainspring_tests::nor::Nor;

/// Writes items one behind the other.
pub(super) struct Forge<'n, const PAGE: usize> {
    nor: &'n mut Nor<PAGE, 4>,
    /// Where the next goes.
    pub(super) at: usize,
}

impl<'n, const PAGE: usize> Forge<'n, PAGE> {
    /// Makes an empty store, whose first page is begun.
    pub(super) fn on(nor: &'n mut Nor<PAGE, 4>) -> Self {
        let end = nor.bytes.len() as u32;
        FlashStore::<_, 64, 8>::format(&mut *nor, 0..end).expect("a part for a store");
        let at = 2 * PAGE;
        nor.bytes[at..at + 4].fill(0);
        Self { nor, at: at + 4 }
    }

    /// An item with right checksums.
    pub(super) fn item(&mut self, data: &[u8]) {
        let [a, b] = (data.len() as u16).to_le_bytes();
        let mut item = item_crc(data).to_le_bytes().to_vec();
        item.extend([a, b]);
        item.extend(crc16([a, b]).to_le_bytes());
        item.extend(data);
        item.resize(item.len().next_multiple_of(4), 0);
        self.nor.bytes[self.at..][..item.len()].copy_from_slice(&item);
        self.at += item.len();
    }
}

/// The checksum of the length of an item: the polynomial 0x1A2E, reflected, and never all ones.
pub(super) fn crc16(bytes: [u8; 2]) -> u16 {
    let crc = bytes.iter().fold(0xFFFF_u16, |crc, &byte| {
        (0..8).fold(crc ^ u16::from(byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x1A2E } else { crc >> 1 })
    });
    if !crc == 0xFFFF { 0xFFFE } else { !crc }
}

fn castagnoli(start: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(start, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x82F6_3B78 } else { crc >> 1 })
    })
}

/// The checksum of a record in parts.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    !castagnoli(u32::MAX, bytes)
}

/// The checksum of the data of an item: its lowest byte is neither all zeros nor all ones.
fn item_crc(data: &[u8]) -> u32 {
    match !castagnoli(0xEEEE_EEEE, data) {
        0 => 1,
        crc if matches!(crc & 0xFF, 0 | 0xFF) => crc ^ 1,
        crc => crc,
    }
}
