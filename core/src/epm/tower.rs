use core::net::Ipv4Addr;

use crate::{
    bytes::{Reader, Short},
    guid::Guid,
    rpc::interface::SyntaxId,
};

/// NDR 2.0, 32 bits: the transfer syntax that towers name.
pub const PROTOCOL_NDR32: SyntaxId =
    SyntaxId { uuid: Guid::from_u128(0x8a88_5d04_1ceb_11c9_9fe8_0800_2b10_4860), major: 2, minor: 0 };

/// Protocol identifiers of floors, C706 appendix I.
const UUID: u8 = 0x0D;
const CONNECTION_ORIENTED_RPC: u8 = 0x0B;
const TCP: u8 = 0x07;
const IP: u8 = 0x09;

/// A protocol tower of five floors: interface, transfer syntax, connection-oriented RPC, TCP port, IP address (C706
/// appendix L). Integers on the floors are little-endian whatever the byte order of the stub, but for port and address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tower {
    /// First floor.
    pub interface: SyntaxId,
    /// Second floor.
    pub transfer: SyntaxId,
    /// Fourth floor; 0 in a question.
    pub port: u16,
    /// Fifth floor; unspecified in a question.
    pub address: Ipv4Addr,
}

/// One floor: what it is about, and what belongs to it.
struct Floor<'b> {
    protocol: u8,
    left: &'b [u8],
    right: &'b [u8],
}

impl<'b> Floor<'b> {
    fn read(reader: &mut Reader<'b>) -> Result<Self, Short> {
        let length = reader.u16()?;
        let left = reader.take(usize::from(length))?;
        let length = reader.u16()?;
        let right = reader.take(usize::from(length))?;
        let (&protocol, left) = left.split_first().ok_or(Short { needed: 1, left: 0 })?;
        Ok(Self { protocol, left, right })
    }

    fn syntax(&self) -> Option<SyntaxId> {
        let mut left = Reader::new(self.left);
        let mut right = Reader::new(self.right);
        let uuid = Guid::read(&mut left).ok()?;
        let (major, minor) = (left.u16().ok()?, right.u16().ok()?);
        (self.protocol == UUID && left.is_empty() && right.is_empty()).then_some(SyntaxId { uuid, major, minor })
    }
}

impl Tower {
    /// Bytes of a tower.
    pub const SIZE: u32 = 2 // number of floors
        + 2 * (2 + 1 + 16 + 2 + 2 + 2) // interface and transfer syntax: lengths, protocol, UUID, versions
        + 2 + 1 + 2 + 2 // connection-oriented RPC, minor version
        + 2 + 1 + 2 + 2 // TCP, port
        + 2 + 1 + 2 + 4; // IP, address

    /// The tower in `octets`; `None` if they are not one, or one of another shape (named pipes, UDP, HTTP, …): whoever asks
    /// with that finds nothing registered. What follows the fifth floor is ignored.
    #[must_use]
    pub fn parse(octets: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(octets);
        if reader.u16().ok()? != 5 {
            return None;
        }
        let interface = Floor::read(&mut reader).ok()?.syntax()?;
        let transfer = Floor::read(&mut reader).ok()?.syntax()?;
        let rpc = Floor::read(&mut reader).ok()?;
        let port = Floor::read(&mut reader).ok()?;
        let address = Floor::read(&mut reader).ok()?;
        if (rpc.protocol, port.protocol, address.protocol) != (CONNECTION_ORIENTED_RPC, TCP, IP) {
            return None;
        }
        Some(Self {
            interface,
            transfer,
            port: u16::from_be_bytes(port.right.try_into().ok()?),
            address: Ipv4Addr::from(<[u8; 4]>::try_from(address.right).ok()?),
        })
    }

    /// The tower as it is on the wire.
    #[must_use]
    pub fn octets(&self) -> [u8; Self::SIZE as usize] {
        let mut octets = [0; Self::SIZE as usize];
        let mut rest = octets.as_mut_slice();
        let mut put = |bytes: &[u8]| {
            let (front, back) = core::mem::take(&mut rest).split_at_mut(bytes.len());
            front.copy_from_slice(bytes);
            rest = back;
        };
        put(&5_u16.to_le_bytes());
        for syntax in [self.interface, self.transfer] {
            put(&19_u16.to_le_bytes());
            put(&[UUID]);
            put(&syntax.uuid.to_bytes());
            put(&syntax.major.to_le_bytes());
            put(&2_u16.to_le_bytes());
            put(&syntax.minor.to_le_bytes());
        }
        let port = self.port.to_be_bytes();
        for (protocol, right) in [(CONNECTION_ORIENTED_RPC, &[0, 0][..]), (TCP, &port), (IP, &self.address.octets())] {
            put(&1_u16.to_le_bytes());
            put(&[protocol]);
            put(&(right.len() as u16).to_le_bytes());
            put(right);
        }
        octets
    }

    /// Whether a tower that was given in a question asks for `interface`, over a transfer syntax that is served.
    #[must_use]
    pub fn asks_for(&self, interface: &SyntaxId) -> bool {
        self.transfer.uuid == PROTOCOL_NDR32.uuid
            && self.transfer.major == PROTOCOL_NDR32.major
            && self.interface.uuid == interface.uuid
            && self.interface.major == interface.major
            && self.interface.minor <= interface.minor
    }
}
