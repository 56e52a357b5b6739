//! The common header and the security trailer: what every fragment begins with, and what a protected one ends with.

use crate::bytes::{Full, Order, Reader, Short, Writer};

/// The PDU type, \[C706\] 12.6.1; only those of the connection-oriented protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// A call, or a part of one.
    Request = 0,
    /// An answer, or a part of one.
    Response = 2,
    /// A call failed in the transport or before its method.
    Fault = 3,
    /// Opens an association.
    Bind = 11,
    /// Accepts a bind.
    BindAck = 12,
    /// Refuses a bind.
    BindNak = 13,
    /// Adds contexts to an association.
    AlterContext = 14,
    /// Answers an alter context.
    AlterContextResponse = 15,
    /// The last authentication token of a client, unanswered ([MS-RPCE] 2.2.2.5).
    Auth3 = 16,
    /// A server asks its client to close.
    Shutdown = 17,
    /// A client asks for a call to be cancelled.
    CoCancel = 18,
    /// A client no longer waits for a call.
    Orphaned = 19,
}

impl Kind {
    /// The kind with that number on the wire; `None` if the connection-oriented protocol has no such kind.
    #[must_use]
    pub const fn from_wire(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Request,
            2 => Self::Response,
            3 => Self::Fault,
            11 => Self::Bind,
            12 => Self::BindAck,
            13 => Self::BindNak,
            14 => Self::AlterContext,
            15 => Self::AlterContextResponse,
            16 => Self::Auth3,
            17 => Self::Shutdown,
            18 => Self::CoCancel,
            19 => Self::Orphaned,
            _ => return None,
        })
    }
}

/// The flags of a header, \[C706\] 12.6.3.1 and [MS-RPCE] 2.2.2.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Flags(pub u8);

impl Flags {
    /// First fragment of a call.
    pub const FIRST: Self = Self(0x01);
    /// Last fragment of a call.
    pub const LAST: Self = Self(0x02);
    /// The only fragment of a call.
    pub const ONLY: Self = Self(0x03);
    /// In binds and alter contexts: header signing is supported.
    pub const HEADER_SIGNING: Self = Self(0x04);
    /// Several calls may be under way on one connection at a time.
    pub const MULTIPLEX: Self = Self(0x10);
    /// In faults: the call was not carried out.
    pub const DID_NOT_EXECUTE: Self = Self(0x20);
    /// In requests: no answer is wanted.
    pub const MAYBE: Self = Self(0x40);
    /// In requests: an object UUID follows the header.
    pub const OBJECT: Self = Self(0x80);

    /// Whether all flags of `other` are set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets of flags together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Why sixteen bytes are not a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderError {
    /// Fewer than sixteen bytes.
    Short(Short),
    /// Not version 5.0 or 5.1 of the protocol.
    Version {
        /// Major version.
        major: u8,
        /// Minor version.
        minor: u8,
    },
    /// A PDU type that the connection-oriented protocol does not have.
    Kind(u8),
    /// Integers are neither big-endian nor little-endian: the first byte of the data representation label.
    Representation(u8),
    /// The length of the fragment does not cover its own header, trailer and authentication value.
    Length {
        /// Length of the fragment.
        fragment: u16,
        /// Length of the authentication value.
        auth: u16,
    },
}

impl core::fmt::Display for HeaderError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Short(short) => short.fmt(f),
            Self::Version { major, minor } => write!(f, "protocol version {major}.{minor} is not served"),
            Self::Kind(kind) => write!(f, "PDU type {kind} is not of the connection-oriented protocol"),
            Self::Representation(label) => write!(f, "integer representation 0x{label:02x} is unknown"),
            Self::Length { fragment, auth } => {
                write!(f, "fragment of {fragment} bytes cannot hold an authentication value of {auth}")
            }
        }
    }
}

impl core::error::Error for HeaderError {}

impl From<Short> for HeaderError {
    fn from(short: Short) -> Self {
        Self::Short(short)
    }
}

/// Common Header Fields, \[C706\] 12.6.3.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Minor version of the protocol, 0 or 1; the major version is 5.
    pub minor: u8,
    /// What the fragment is.
    pub kind: Kind,
    /// Flags.
    pub flags: Flags,
    /// Byte order of the integers; always written little-endian.
    pub order: Order,
    /// Length of the whole fragment.
    pub fragment_length: u16,
    /// Length of the authentication value at its end; zero if there is none, and then there is no trailer either.
    pub auth_length: u16,
    /// Number of the call.
    pub call_id: u32,
}

impl Header {
    /// Length on the wire.
    pub const LENGTH: usize = 1 // rpc_vers
        + 1 // rpc_vers_minor
        + 1 // PTYPE
        + 1 // pfc_flags
        + 4 // packed_drep
        + 2 // frag_length
        + 2 // auth_length
        + 4; // call_id

    /// Major version of the protocol.
    pub const MAJOR: u8 = 5;

    /// Reads the header at the start of `bytes`, which may go on.
    ///
    /// # Errors
    /// [`HeaderError`]; the lengths are compared with each other, not with `bytes`.
    pub fn read(bytes: &[u8]) -> Result<Self, HeaderError> {
        let [major, minor, kind, flags, label, _, _, _] = Reader::new(bytes).array()?;
        if major != Self::MAJOR || minor > 1 {
            return Err(HeaderError::Version { major, minor });
        }
        let kind = Kind::from_wire(kind).ok_or(HeaderError::Kind(kind))?;
        let order = match label >> 4 {
            0 => Order::Big,
            1 => Order::Little,
            _ => return Err(HeaderError::Representation(label)),
        };
        let mut reader = Reader::with_order(bytes, order);
        reader.take(8)?;
        let (fragment, auth, call_id) = (reader.u16()?, reader.u16()?, reader.u32()?);
        let trailer = if auth == 0 { 0 } else { SecurityTrailer::LENGTH + usize::from(auth) };
        if usize::from(fragment) < Self::LENGTH + trailer {
            return Err(HeaderError::Length { fragment, auth });
        }
        Ok(Self { minor, kind, flags: Flags(flags), order, fragment_length: fragment, auth_length: auth, call_id })
    }

    /// Writes the header, little-endian.
    ///
    /// # Errors
    /// [`Full`] if it does not fit.
    pub fn write(&self, writer: &mut Writer<'_>) -> Result<(), Full> {
        const LITTLE_ENDIAN_ASCII_IEEE: [u8; 4] = [0x10, 0, 0, 0];
        writer.put(&[Self::MAJOR, self.minor, self.kind as u8, self.flags.0])?;
        writer.put(&LITTLE_ENDIAN_ASCII_IEEE)?;
        writer.u16(self.fragment_length)?;
        writer.u16(self.auth_length)?;
        writer.u32(self.call_id)
    }
}

/// sec_trailer Structure, [MS-RPCE] 2.2.2.11.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecurityTrailer {
    /// `auth_type`: the security provider.
    pub provider: u8,
    /// `auth_level`: how calls are protected.
    pub level: u8,
    /// `auth_pad_length`: bytes of padding before the trailer.
    pub padding: u8,
    /// `auth_reserved`: zero.
    pub reserved: u8,
    /// `auth_context_id`: which security context.
    pub context: u32,
}

impl SecurityTrailer {
    /// Length on the wire.
    pub const LENGTH: usize = 1 // auth_type
        + 1 // auth_level
        + 1 // auth_pad_length
        + 1 // auth_reserved
        + 4; // auth_context_id

    fn read(reader: &mut Reader<'_>) -> Result<Self, Short> {
        let [provider, level, padding, reserved] = reader.array()?;
        Ok(Self { provider, level, padding, reserved, context: reader.u32()? })
    }

    /// Writes the trailer.
    ///
    /// # Errors
    /// [`Full`] if it does not fit.
    pub fn write(&self, writer: &mut Writer<'_>) -> Result<(), Full> {
        writer.put(&[self.provider, self.level, self.padding, self.reserved])?;
        writer.u32(self.context)
    }
}

/// Where the parts of one fragment lie, as offsets, so that the fragment may be decrypted in place meanwhile.
///
/// ```text
/// header | body … | padding | sec_trailer | authentication value
/// 0      16       body_end  trailer_at    value_at               fragment_length
/// ```
/// Without an authentication value the last three offsets and `body_end` are the length of the fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// The header.
    pub header: Header,
    /// End of the body.
    pub body_end: usize,
    /// Begin of the trailer.
    pub trailer_at: usize,
    /// Begin of the authentication value.
    pub value_at: usize,
    /// The trailer, if there is one.
    pub trailer: Option<SecurityTrailer>,
}

impl Layout {
    /// Finds the parts of the fragment at the start of `bytes`; what follows the fragment is not looked at.
    ///
    /// When this returns `Ok`, `16 <= body_end <= trailer_at <= value_at <= fragment_length <= bytes.len()`.
    ///
    /// # Errors
    /// [`HeaderError`]: unreadable, or the lengths contradict each other or `bytes`.
    pub fn read(bytes: &[u8]) -> Result<Self, HeaderError> {
        let header = Header::read(bytes)?;
        let end = usize::from(header.fragment_length);
        let fragment = bytes.get(..end).ok_or(Short { needed: end, left: bytes.len() })?;
        if header.auth_length == 0 {
            return Ok(Self { header, body_end: end, trailer_at: end, value_at: end, trailer: None });
        }
        let value_at = end - usize::from(header.auth_length);
        let trailer_at = value_at - SecurityTrailer::LENGTH;
        let mut reader = Reader::with_order(fragment, header.order);
        reader.take(trailer_at)?;
        let trailer = SecurityTrailer::read(&mut reader)?;
        let body_end = trailer_at.checked_sub(usize::from(trailer.padding)).filter(|end| *end >= Header::LENGTH);
        let body_end =
            body_end.ok_or(HeaderError::Length { fragment: header.fragment_length, auth: header.auth_length })?;
        Ok(Self { header, body_end, trailer_at, value_at, trailer: Some(trailer) })
    }

    /// A reader over the body, in its byte order.
    #[must_use]
    pub fn body<'b>(&self, bytes: &'b [u8]) -> Reader<'b> {
        Reader::with_order(bytes.get(Header::LENGTH..self.body_end).unwrap_or_default(), self.header.order)
    }

    /// The authentication value; empty if there is none.
    #[must_use]
    pub fn value<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        bytes.get(self.value_at..usize::from(self.header.fragment_length)).unwrap_or_default()
    }
}
