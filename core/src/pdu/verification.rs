//! The verification trailer: what a client repeats at the end of an encrypted stub about fields that are not encrypted.

use super::SyntaxId;
use crate::bytes::{Full, Order, Reader, Short, Writer};

/// rpc_sec_verification_trailer, [MS-RPCE] 2.2.2.13.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verification {
    /// `rpc_sec_vt_bitmask`: bit 0 says that the client supports header signing.
    pub bitmask: Option<u32>,
    /// `rpc_sec_vt_pcontext`: interface and transfer syntax of the presentation context.
    pub presentation: Option<(SyntaxId, SyntaxId)>,
    /// `rpc_sec_vt_header2`: fields of the request's header.
    pub header: Option<VerifiedHeader>,
    /// Whether there was a command that must be processed and is unknown.
    pub unknown: bool,
}

/// rpc_sec_vt_header2, [MS-RPCE] 2.2.2.13.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedHeader {
    /// PDU type.
    pub kind: u8,
    /// The data representation label.
    pub representation: [u8; 4],
    /// Number of the call.
    pub call_id: u32,
    /// Presentation context.
    pub context: u16,
    /// Method.
    pub opnum: u16,
}

impl Verification {
    /// What a trailer begins with.
    pub const SIGNATURE: [u8; 8] = [0x8a, 0xe3, 0x13, 0x71, 0x02, 0xf4, 0x36, 0x71];
    /// Bit of the bitmask: the client supports header signing.
    pub const HEADER_SIGNING: u32 = 1;
    /// The longest trailer that is found: several times what the known commands need.
    pub const LENGTH_MAX: usize = 256;

    const BITMASK: u16 = 1;
    const PRESENTATION: u16 = 2;
    const HEADER: u16 = 3;
    const END: u16 = 0x4000;
    const MUST_PROCESS: u16 = 0x8000;

    /// Finds the trailer at the end of `stub`; gives the stub without it, and the trailer.
    ///
    /// A trailer begins at a multiple of four with its signature. What begins so and then does not hold together is a part of the
    /// stub. Bytes after the last command are padding. Some big-endian clients write little-endian trailers, so both are read.
    #[must_use]
    pub fn split(stub: &[u8], order: Order) -> Option<(&[u8], Self)> {
        let first = stub.len().saturating_sub(Self::LENGTH_MAX).next_multiple_of(4);
        let words = stub.get(first..)?.chunks_exact(4);
        let found = words.enumerate().rev().filter(|(_, word)| Self::SIGNATURE.starts_with(word));
        found.map(|(index, _)| first + 4 * index).find_map(|at| {
            let (before, rest) = stub.split_at_checked(at)?;
            let commands = rest.strip_prefix(&Self::SIGNATURE)?;
            let read = |order| Self::read(&mut Reader::with_order(commands, order)).ok();
            Some((before, read(order).or_else(|| read(Order::Little))?))
        })
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Short> {
        let mut read = Self::default();
        loop {
            let (command, length) = (reader.u16()?, reader.u16()?);
            let mut value = Reader::with_order(reader.take(length.into())?, reader.order());
            match command & !(Self::END | Self::MUST_PROCESS) {
                Self::BITMASK => read.bitmask = Some(value.u32()?),
                Self::PRESENTATION => {
                    read.presentation = Some((SyntaxId::read(&mut value)?, SyntaxId::read(&mut value)?));
                }
                Self::HEADER => read.header = Some(VerifiedHeader::read(&mut value)?),
                _ => read.unknown |= command & Self::MUST_PROCESS != 0,
            }
            if command & Self::END != 0 {
                return Ok(read);
            }
        }
    }

    /// Writes the trailer after a stub whose first byte is at position `stub` of the writer.
    ///
    /// # Errors
    /// [`Full`] if it does not fit.
    pub fn write(&self, writer: &mut Writer<'_>, stub: usize) -> Result<(), Full> {
        let length = writer.position().saturating_sub(stub);
        writer.zeros(length.next_multiple_of(4) - length)?;
        writer.put(&Self::SIGNATURE)?;
        let mut last = writer.position();
        if let Some(bitmask) = self.bitmask {
            writer.u16(Self::BITMASK)?;
            writer.u16(4)?;
            writer.u32(bitmask)?;
        }
        if let Some((interface, transfer)) = self.presentation {
            last = writer.position();
            writer.u16(Self::PRESENTATION)?;
            writer.u16(40)?;
            interface.write(writer)?;
            transfer.write(writer)?;
        }
        if let Some(header) = self.header {
            last = writer.position();
            writer.u16(Self::HEADER)?;
            writer.u16(16)?;
            header.write(writer)?;
        }
        if writer.position() == last {
            return writer.put(&[0, 0x40, 0, 0]);
        }
        let mut command = Reader::new(writer.written().get(last..).unwrap_or_default());
        let command = command.u16().unwrap_or_default() | Self::END;
        writer.patch(last, &command.to_le_bytes())
    }
}

impl VerifiedHeader {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Short> {
        let [kind, _reserved1, _, _] = reader.array()?;
        let representation = reader.array()?;
        Ok(Self { kind, representation, call_id: reader.u32()?, context: reader.u16()?, opnum: reader.u16()? })
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), Full> {
        writer.put(&[self.kind, 0, 0, 0])?;
        writer.put(&self.representation)?;
        writer.u32(self.call_id)?;
        writer.u16(self.context)?;
        writer.u16(self.opnum)
    }
}
