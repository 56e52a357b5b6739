//! As much of DER (X.690) as SPNEGO needs.

use crate::bytes::{Full, Writer};

/// Reads elements one after the other. Lengths in a longer form than needed are tolerated, indefinite ones are not.
#[derive(Clone, Copy)]
pub(super) struct Elements<'b>(pub(super) &'b [u8]);

/// A tag and what it holds.
#[derive(Clone, Copy)]
pub(super) struct Element<'b> {
    pub(super) tag: u8,
    pub(super) content: &'b [u8],
    /// Tag, length and content.
    pub(super) whole: &'b [u8],
}

impl<'b> Elements<'b> {
    /// The next element; `None` at the end, or where the bytes are not an element.
    pub(super) fn element(&mut self) -> Option<Element<'b>> {
        let start = self.0;
        let (&tag, rest) = start.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let mut length = usize::from(first);
        if first & 0x80 != 0 {
            let (octets, after) = rest.split_at_checked(length & 0x7f)?;
            // No token is as long as 2^16 bytes, so more octets can only be leading zeros or a lie.
            length =
                octets.iter().try_fold(0, |sum: u16, &octet| Some(sum.checked_mul(256)? | u16::from(octet)))?.into();
            rest = if first == 0x80 { return None } else { after };
        }
        let (content, after) = rest.split_at_checked(length)?;
        self.0 = after;
        Some(Element { tag, content, whole: start.get(..start.len() - after.len())? })
    }

    /// The content of the next element, which must have this tag.
    pub(super) fn expect(&mut self, tag: u8) -> Option<&'b [u8]> {
        self.element().filter(|element| element.tag == tag).map(|element| element.content)
    }
}

/// Puts a tag and a length before everything written at and after `start`.
pub(super) fn wrap(writer: &mut Writer<'_>, start: usize, tag: u8) -> Result<(), Full> {
    let length = writer.position() - start;
    let [high, low] = u16::try_from(length).map_err(|_| Full { needed: length, left: 0 })?.to_be_bytes();
    let header: &[u8] = match length {
        0..0x80 => &[tag, low],
        0x80..0x100 => &[tag, 0x81, low],
        _ => &[tag, 0x82, high, low],
    };
    writer.reserve(header.len())?;
    if let Some(room) = writer.written_mut().get_mut(start..) {
        room.copy_within(..length, header.len());
    }
    writer.patch(start, header)
}
