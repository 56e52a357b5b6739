//! Globally unique identifiers, [MS-DTYP] 2.3.4.

use crate::bytes::{Full, Reader, Short, Writer};

/// A GUID (UUID): interface identifiers, task instances, job identifiers.
///
/// Held as its four fields, so that both byte orders of the wire and the printed form come out right.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, bytemuck::Zeroable)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Guid {
    time_low: u32,
    time_mid: u16,
    time_high: u16,
    rest: [u8; 8],
}

impl Guid {
    /// The GUID of zeros.
    pub const NIL: Self = Self { time_low: 0, time_mid: 0, time_high: 0, rest: [0; 8] };

    /// The GUID whose printed form, read as one hexadecimal number, is `number`.
    #[must_use]
    #[allow(clippy::cast_possible_truncation)]
    pub const fn from_u128(number: u128) -> Self {
        Self {
            time_low: (number >> 96) as u32,
            time_mid: (number >> 80) as u16,
            time_high: (number >> 64) as u16,
            rest: (number as u64).to_be_bytes(),
        }
    }

    /// A random GUID (version 4, RFC 9562 5.4) made of 16 random bytes.
    #[must_use]
    pub fn from_random(random: [u8; 16]) -> Self {
        const VERSION_4: u128 = 0x4 << 76;
        const VARIANT: u128 = 0b10 << 62;
        Self::from_u128(u128::from_be_bytes(random) & !(0xF << 76) & !(0b11 << 62) | VERSION_4 | VARIANT)
    }

    /// Reads the wire form: three integers in the reader's byte order, then eight bytes.
    ///
    /// # Errors
    /// [`Short`] if fewer than 16 bytes are left.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Short> {
        Ok(Self { time_low: reader.u32()?, time_mid: reader.u16()?, time_high: reader.u16()?, rest: reader.array()? })
    }

    /// Writes the wire form, little-endian.
    ///
    /// # Errors
    /// [`Full`] if 16 bytes do not fit.
    pub fn write(&self, writer: &mut Writer<'_>) -> Result<(), Full> {
        writer.put(&self.to_bytes())
    }

    /// The little-endian wire form.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&self.time_low.to_le_bytes());
        bytes[4..6].copy_from_slice(&self.time_mid.to_le_bytes());
        bytes[6..8].copy_from_slice(&self.time_high.to_le_bytes());
        bytes[8..].copy_from_slice(&self.rest);
        bytes
    }

    /// The GUID whose little-endian wire form is `bytes`.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let [a, b, c, d, e, f, g, h, rest @ ..] = bytes;
        Self {
            time_low: u32::from_le_bytes([a, b, c, d]),
            time_mid: u16::from_le_bytes([e, f]),
            time_high: u16::from_le_bytes([g, h]),
            rest,
        }
    }

    /// Parses the printed form, 8-4-4-4-12 hexadecimal digits, with or without braces; `None` if it is anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bare = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(text);
        let mut number: u128 = 0;
        for (place, character) in bare.bytes().enumerate() {
            match (place, character) {
                (8 | 13 | 18 | 23, b'-') => {}
                (8 | 13 | 18 | 23, _) => return None,
                _ => number = number << 4 | u128::from((character as char).to_digit(16)?),
            }
        }
        (bare.len() == 36).then(|| Self::from_u128(number))
    }
}

/// Lower-case hexadecimal digits without braces.
impl core::fmt::Display for Guid {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let [a, b, rest @ ..] = self.rest;
        write!(f, "{:08x}-{:04x}-{:04x}-{a:02x}{b:02x}-", self.time_low, self.time_mid, self.time_high)?;
        rest.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl core::fmt::Debug for Guid {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(self, f)
    }
}
