//! The endpoint mapper, C706 appendix O and [MS-RPCE] 2.2.1.2: where an interface listens.
//!
//! It keeps nothing. What is registered is a slice that the scheduler lends for each call, and the handle that lets a
//! client fetch a long answer in parts holds the index at which the next part begins.

mod tower;

pub use tower::{PROTOCOL_NDR32, Tower};

use core::net::Ipv4Addr;

use crate::{
    bytes::Full,
    guid::Guid,
    ndr::{DecodeError, Decoder, Encoder},
    rpc::interface::{Call, Fault, Interface, Level, Method, SyntaxId},
};

/// `EP_S_NOT_REGISTERED`: nothing, or nothing more, is registered that matches.
pub const NOT_REGISTERED: u32 = 0x16C9_A0D6;
/// The most towers or entries a client may ask for at once, [MS-RPCE] appendix A.
const ANSWERS_MAX: u32 = 500;
/// Characters of an annotation, the NUL included.
const ANNOTATION_SIZE: usize = 64;

/// The endpoint mapper as the transport sees it. What cannot be called over a network gets [`Fault::OP_RANGE`].
pub const INTERFACE: Interface = Interface {
    name: "ept",
    syntax: SyntaxId { uuid: Guid::from_u128(0xe1af_8308_5d1f_11c9_91a4_0800_2b14_a0fa), major: 3, minor: 0 },
    minimum: Level::None,
    methods: &[
        Method { name: "ept_insert", served: false },
        Method { name: "ept_delete", served: false },
        Method { name: "ept_lookup", served: true },
        Method { name: "ept_map", served: true },
        Method { name: "ept_lookup_handle_free", served: true },
        Method { name: "ept_inq_object", served: false },
        Method { name: "ept_mgmt_delete", served: false },
    ],
};

/// An interface that listens on a TCP port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'e> {
    /// The interface.
    pub interface: SyntaxId,
    /// The object it is registered for; nil for any.
    pub object: Guid,
    /// The port.
    pub port: u16,
    /// The address it listens on; `None` for whichever the client came to.
    pub address: Option<Ipv4Addr>,
    /// For people; cut at 63 bytes.
    pub annotation: &'e str,
}

/// The endpoint mapper for one call.
#[derive(Debug, Clone, Copy)]
pub struct Service<'s> {
    /// What listens.
    pub entries: &'s [Entry<'s>],
    /// The address that the caller's connection came to; unspecified if it is not of IPv4.
    pub local: Ipv4Addr,
}

/// Why a call is not answered.
enum Refusal {
    Stub,
    Handle,
    Room,
}

impl From<DecodeError> for Refusal {
    fn from(_: DecodeError) -> Self {
        Self::Stub
    }
}

impl From<Full> for Refusal {
    fn from(_: Full) -> Self {
        Self::Room
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Stub => Self::BAD_STUB_DATA,
            Refusal::Handle => Self::CONTEXT_MISMATCH,
            Refusal::Room => Self::NO_MEMORY,
        }
    }
}

impl Service<'_> {
    /// Carries out one call of [`INTERFACE`]; see [`Services::call`](crate::rpc::Services::call).
    ///
    /// # Errors
    /// [`Fault::BAD_STUB_DATA`], [`Fault::CONTEXT_MISMATCH`] for a handle that was not given out here,
    /// [`Fault::OP_RANGE`] for methods that are not served, [`Fault::NO_MEMORY`] if `reply` is too small.
    pub fn call(&self, call: &Call<'_>, reply: &mut [u8]) -> Result<usize, Fault> {
        let mut stub = Decoder::new(call.stub, call.order);
        let mut out = Encoder::new(reply);
        match call.opnum {
            2 => self.lookup(&mut stub, &mut out)?,
            3 => self.map(&mut stub, &mut out)?,
            4 => free(&mut stub, &mut out)?,
            _ => return Err(Fault::OP_RANGE),
        }
        Ok(out.position())
    }

    /// ept_map: towers of the endpoints at which an interface listens.
    fn map(&self, stub: &mut Decoder<'_>, out: &mut Encoder<'_>) -> Result<(), Refusal> {
        let object = if stub.pointer()? { stub.guid()? } else { Guid::NIL };
        let asked = if stub.pointer()? { Tower::parse(tower_octets(stub)?) } else { None };
        let start = Handle::read(stub)?.index()?;
        let limit = stub.ranged(ANSWERS_MAX)?;

        let page = Page::new(self.entries, start, limit, |entry| {
            asked.is_some_and(|asked| asked.asks_for(&entry.interface))
                && (entry.object == Guid::NIL || entry.object == object)
        });
        page.next.write(out)?;
        out.u32(page.count)?;
        out.u32(limit)?;
        out.u32(0)?; // offset
        out.u32(page.count)?;
        page.matches().try_for_each(|_| out.pointer())?;
        page.matches().try_for_each(|entry| self.put_tower(entry, out))?;
        out.u32(page.status())?;
        Ok(())
    }

    /// ept_lookup: entries that match an inquiry.
    fn lookup(&self, stub: &mut Decoder<'_>, out: &mut Encoder<'_>) -> Result<(), Refusal> {
        let inquiry = stub.u32()?;
        let object = if stub.pointer()? { Some(stub.guid()?) } else { None };
        let interface = if stub.pointer()? {
            Some(SyntaxId { uuid: stub.guid()?, major: stub.u16()?, minor: stub.u16()? })
        } else {
            None
        };
        let versions = stub.u32()?;
        let start = Handle::read(stub)?.index()?;
        let limit = stub.ranged(ANSWERS_MAX)?;

        let by_interface = |entry: &Entry<'_>| {
            interface.is_some_and(|asked| {
                let found = entry.interface;
                found.uuid == asked.uuid
                    && matches_version(versions, (found.major, found.minor), (asked.major, asked.minor))
            })
        };
        let by_object = |entry: &Entry<'_>| object == Some(entry.object);
        let page = Page::new(self.entries, start, limit, |entry| match inquiry {
            0 => true,
            1 => by_interface(entry),
            2 => by_object(entry),
            3 => by_interface(entry) && by_object(entry),
            _ => false,
        });
        page.next.write(out)?;
        out.u32(page.count)?;
        out.u32(limit)?;
        out.u32(0)?; // offset
        out.u32(page.count)?;
        for entry in page.matches() {
            out.guid(&entry.object)?;
            out.pointer()?;
            out.narrow_varying(cut(entry.annotation))?;
            out.align(4)?;
        }
        page.matches().try_for_each(|entry| self.put_tower(entry, out))?;
        out.u32(page.status())?;
        Ok(())
    }

    fn put_tower(&self, entry: &Entry<'_>, out: &mut Encoder<'_>) -> Result<(), Full> {
        let tower = Tower {
            interface: entry.interface,
            transfer: PROTOCOL_NDR32,
            port: entry.port,
            address: entry.address.filter(|address| !address.is_unspecified()).unwrap_or(self.local),
        };
        let octets = tower.octets();
        out.u32(Tower::SIZE)?; // maximum count
        out.u32(Tower::SIZE)?; // tower_length
        out.bytes(&octets)
    }
}

/// ept_lookup_handle_free: there is nothing to free; the handle that comes back is null.
fn free(stub: &mut Decoder<'_>, out: &mut Encoder<'_>) -> Result<(), Refusal> {
    Handle::read(stub)?.index()?;
    Handle::NULL.write(out)?;
    out.u32(0)?;
    Ok(())
}

/// A `twr_t`: a conformant structure, its count before it.
fn tower_octets<'b>(stub: &mut Decoder<'b>) -> Result<&'b [u8], DecodeError> {
    let maximum = stub.maximum_count(1)?;
    let length = stub.u32()?;
    if length != maximum {
        return Err(DecodeError::Conformance { maximum, expected: length });
    }
    stub.bytes(length as usize)
}

/// The version options of ept_lookup, C706 `rpc_c_vers_*`.
fn matches_version(option: u32, found: (u16, u16), asked: (u16, u16)) -> bool {
    match option {
        1 => true,
        2 => found.0 == asked.0 && found.1 >= asked.1,
        3 => found == asked,
        4 => found.0 == asked.0,
        5 => found <= asked,
        _ => false,
    }
}

/// As much of `annotation` as there is room for, cut at a character.
fn cut(annotation: &str) -> &str {
    let mut end = annotation.len().min(ANNOTATION_SIZE - 1);
    while !annotation.is_char_boundary(end) {
        end -= 1;
    }
    annotation.get(..end).unwrap_or_default()
}

/// An `ept_lookup_handle_t`: null, or the index at which the next part begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Handle {
    attributes: u32,
    uuid: Guid,
}

impl Handle {
    const NULL: Self = Self { attributes: 0, uuid: Guid::NIL };
    /// What tells our handles from those of others: "mainspring" and two zeros.
    const MARK: [u8; 12] = *b"mainspring\0\0";

    fn of_index(index: u32) -> Self {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&index.to_le_bytes());
        bytes[4..].copy_from_slice(&Self::MARK);
        Self { attributes: 0, uuid: Guid::from_bytes(bytes) }
    }

    /// Where to go on: at the start for a null handle.
    fn index(self) -> Result<usize, Refusal> {
        if self == Self::NULL {
            return Ok(0);
        }
        let [a, b, c, d, mark @ ..] = self.uuid.to_bytes();
        if self.attributes != 0 || mark != Self::MARK {
            return Err(Refusal::Handle);
        }
        usize::try_from(u32::from_le_bytes([a, b, c, d])).map_err(|_| Refusal::Handle)
    }

    fn read(stub: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self { attributes: stub.u32()?, uuid: stub.guid()? })
    }

    fn write(self, out: &mut Encoder<'_>) -> Result<(), Full> {
        out.u32(self.attributes)?;
        out.guid(&self.uuid)
    }
}

/// The part of the matching entries that one answer holds.
struct Page<'e, F> {
    /// From the first entry of this part on.
    entries: &'e [Entry<'e>],
    wanted: F,
    count: u32,
    limit: u32,
    next: Handle,
}

impl<'e, F: Fn(&Entry<'e>) -> bool> Page<'e, F> {
    fn new(entries: &'e [Entry<'e>], start: usize, limit: u32, wanted: F) -> Self {
        let mut page =
            Self { entries: entries.get(start..).unwrap_or_default(), wanted, count: 0, limit, next: Handle::NULL };
        for (index, entry) in entries.iter().enumerate().skip(start) {
            if !(page.wanted)(entry) {
                continue;
            }
            if page.count == limit {
                // A request for nothing has no next part: it would never end.
                if limit > 0 {
                    page.next = u32::try_from(index).map_or(Handle::NULL, Handle::of_index);
                }
                break;
            }
            page.count += 1;
        }
        page
    }

    fn matches(&self) -> impl Iterator<Item = &'e Entry<'e>> {
        self.entries.iter().filter(|entry| (self.wanted)(entry)).take(self.count as usize)
    }

    fn status(&self) -> u32 {
        if self.count == 0 && self.limit > 0 { NOT_REGISTERED } else { 0 }
    }
}
