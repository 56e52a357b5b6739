//! AV_PAIR, [MS-NLMP] 2.2.2.1: the list of TargetInfo.

use super::Sink;
use crate::bytes::Full;

pub(super) const EOL: u16 = 0;
pub(super) const NB_COMPUTER_NAME: u16 = 1;
pub(super) const NB_DOMAIN_NAME: u16 = 2;
pub(super) const DNS_COMPUTER_NAME: u16 = 3;
pub(super) const DNS_DOMAIN_NAME: u16 = 4;
pub(super) const FLAGS: u16 = 6;
pub(super) const TIMESTAMP: u16 = 7;

/// In the value of MsvAvFlags: the AUTHENTICATE_MESSAGE holds a MIC.
pub(super) const FLAG_MIC: u32 = 2;

/// Number of bytes of identifier and length.
pub(super) const HEADER: usize = 4;

/// The pairs before MsvAvEOL; ends early where the list is not well-formed.
#[derive(Clone)]
pub(super) struct AvPairs<'b>(pub(super) &'b [u8]);

impl<'b> AvPairs<'b> {
    /// The value of the first pair of this identifier.
    pub(super) fn value(&self, wanted: u16) -> Option<&'b [u8]> {
        self.clone().find(|&(id, _)| id == wanted).map(|(_, value)| value)
    }
}

impl<'b> Iterator for AvPairs<'b> {
    type Item = (u16, &'b [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (&[a, b, c, d], rest) = self.0.split_first_chunk::<HEADER>()?;
        let id = u16::from_le_bytes([a, b]);
        let (value, rest) = rest.split_at_checked(u16::from_le_bytes([c, d]).into())?;
        self.0 = rest;
        (id != EOL).then_some((id, value))
    }
}

/// Writes identifier and length of a pair.
pub(super) fn put_header(sink: &mut dyn Sink, id: u16, length: usize) -> Result<(), Full> {
    let length = u16::try_from(length).map_err(|_| Full { needed: length, left: usize::from(u16::MAX) })?;
    sink.put(&id.to_le_bytes())?;
    sink.put(&length.to_le_bytes())
}

/// Writes a pair.
pub(super) fn put(sink: &mut dyn Sink, id: u16, value: &[u8]) -> Result<(), Full> {
    put_header(sink, id, value.len())?;
    sink.put(value)
}
