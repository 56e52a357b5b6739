//! Bodies that set up an association: bind, alter context, and their answers.

use crate::{
    bytes::{Full, Order, Reader, Short, Writer},
    guid::Guid,
};

/// An interface or a transfer syntax: a UUID and a version, \[C706\] `p_syntax_id_t`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SyntaxId {
    /// The UUID.
    pub uuid: Guid,
    /// Major version: must be equal.
    pub major: u16,
    /// Minor version: the server's must be at least the client's.
    pub minor: u16,
}

impl SyntaxId {
    /// Length on the wire.
    pub const LENGTH: usize = 16 // if_uuid
        + 4; // if_version

    /// NDR, the 32-bit transfer syntax, \[C706\] chapter 14.
    pub const NDR32: Self =
        Self { uuid: Guid::from_u128(0x8a88_5d04_1ceb_11c9_9fe8_0800_2b10_4860), major: 2, minor: 0 };
    /// NDR64, [MS-RPCE] 2.2.5.
    pub const NDR64: Self =
        Self { uuid: Guid::from_u128(0x7171_0533_beba_4937_8319_b5db_ef9c_cc36), major: 1, minor: 0 };
    /// No syntax: what a rejected context is answered with.
    pub const NONE: Self = Self { uuid: Guid::NIL, major: 0, minor: 0 };

    /// Reads an identifier; the version is one integer whose low half is the major version.
    ///
    /// # Errors
    /// [`Short`] if fewer than 20 bytes are left.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Short> {
        let uuid = Guid::read(reader)?;
        let version = reader.u32()?;
        let [a, b, c, d] = version.to_le_bytes();
        Ok(Self { uuid, major: u16::from_le_bytes([a, b]), minor: u16::from_le_bytes([c, d]) })
    }

    /// Writes the identifier.
    ///
    /// # Errors
    /// [`Full`] if 20 bytes do not fit.
    pub fn write(&self, writer: &mut Writer<'_>) -> Result<(), Full> {
        self.uuid.write(writer)?;
        writer.u16(self.major)?;
        writer.u16(self.minor)
    }
}

/// Bind Time Feature Negotiation Bitmask, [MS-RPCE] 2.2.2.14: a set of features dressed as a transfer syntax.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Features(pub u16);

impl Features {
    /// Several security contexts may share one connection.
    pub const SECURITY_CONTEXTS: Self = Self(0x01);
    /// An orphaned call does not end the connection.
    pub const KEEP_ON_ORPHAN: Self = Self(0x02);
    /// Both.
    pub const ALL: Self = Self(0x03);

    const PREFIX: u128 = 0x6cb7_1c2c_9812_4540;

    /// The features that `syntax` asks for, if it is a feature negotiation at all.
    #[must_use]
    pub fn from_syntax(syntax: &SyntaxId) -> Option<Self> {
        let bytes = syntax.uuid.to_bytes();
        let [prefix @ .., a, b, _, _, _, _, _, _] = bytes;
        let prefixed = Guid::from_u128(Self::PREFIX << 64).to_bytes().starts_with(&prefix);
        (prefixed && syntax.major == 1 && syntax.minor == 0).then_some(Self(u16::from_le_bytes([a, b])))
    }

    /// The syntax that asks for these features.
    #[must_use]
    pub const fn to_syntax(self) -> SyntaxId {
        let tail = (self.0.swap_bytes() as u128) << 48;
        SyntaxId { uuid: Guid::from_u128(Self::PREFIX << 64 | tail), major: 1, minor: 0 }
    }
}

/// Transfer syntaxes: a list, or a view of their wire form that was found long enough.
#[derive(Debug, Clone, Copy)]
pub struct Syntaxes<'b>(Source<'b, SyntaxId>);

#[derive(Debug, Clone, Copy)]
enum Source<'b, T> {
    Wire(&'b [u8], Order, u8),
    List(&'b [T]),
}

impl<'b, T> Source<'b, T> {
    /// Number of items; a list counts no further than the wire can.
    fn count(&self) -> u8 {
        match self {
            Self::Wire(_, _, count) => *count,
            Self::List(list) => u8::try_from(list.len()).unwrap_or(u8::MAX),
        }
    }

    /// The items, each wire one read by `read`. The wire form was walked before, so no item is lost to an error here.
    fn items(&self, read: fn(&mut Reader<'b>) -> Result<T, Short>) -> impl Iterator<Item = T> + use<'b, T>
    where
        T: Copy,
    {
        let (mut wire, list): (Reader<'b>, &'b [T]) = match *self {
            Self::Wire(bytes, order, _) => (Reader::with_order(bytes, order), &[]),
            Self::List(list) => (Reader::new(&[]), list),
        };
        let mut list = list.iter().copied();
        (0..self.count()).map_while(move |_| list.next().or_else(|| read(&mut wire).ok()))
    }

    /// A view of the next `count` items, after walking them with `read`.
    fn walk(reader: &mut Reader<'b>, count: u8, read: fn(&mut Reader<'b>) -> Result<T, Short>) -> Result<Self, Short> {
        let (bytes, order) = (reader.rest(), reader.order());
        for _ in 0..count {
            read(reader)?;
        }
        Ok(Self::Wire(bytes, order, count))
    }
}

impl<'b> Syntaxes<'b> {
    /// A list to be written; at most 255 count.
    #[must_use]
    pub const fn list(list: &'b [SyntaxId]) -> Self {
        Self(Source::List(list))
    }

    /// The syntaxes in order.
    pub fn iter(&self) -> impl Iterator<Item = SyntaxId> + use<'b> {
        self.0.items(SyntaxId::read)
    }
}

impl PartialEq for Syntaxes<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Syntaxes<'_> {}

/// Presentation context: an interface and the transfer syntaxes proposed for it, \[C706\] `p_cont_elem_t`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context<'b> {
    /// Number by which requests name the context.
    pub id: u16,
    /// The interface.
    pub interface: SyntaxId,
    /// Transfer syntaxes, in order of preference.
    pub transfer: Syntaxes<'b>,
}

impl<'b> Context<'b> {
    fn read(reader: &mut Reader<'b>) -> Result<Self, Short> {
        let id = reader.u16()?;
        let [count, _reserved] = reader.array()?;
        let interface = SyntaxId::read(reader)?;
        let transfer = Syntaxes(Source::walk(reader, count, SyntaxId::read)?);
        Ok(Self { id, interface, transfer })
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), Full> {
        writer.u16(self.id)?;
        writer.put(&[self.transfer.0.count(), 0])?;
        self.interface.write(writer)?;
        self.transfer.iter().try_for_each(|syntax| syntax.write(writer))
    }
}

/// Presentation contexts: a list, or a view of their wire form that was found long enough.
#[derive(Debug, Clone, Copy)]
pub struct Contexts<'b>(Source<'b, Context<'b>>);

impl<'b> Contexts<'b> {
    /// A list to be written; at most 255 count.
    #[must_use]
    pub const fn list(list: &'b [Context<'b>]) -> Self {
        Self(Source::List(list))
    }

    /// Number of contexts.
    #[must_use]
    pub fn count(&self) -> u8 {
        self.0.count()
    }

    /// The contexts in order.
    pub fn iter(&self) -> impl Iterator<Item = Context<'b>> + use<'b> {
        self.0.items(Context::read)
    }
}

impl PartialEq for Contexts<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Contexts<'_> {}

/// The bind PDU and the alter_context PDU, \[C706\] 12.6.4.3 and 12.6.4.1: their bodies are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bind<'b> {
    /// Largest fragment the client sends.
    pub transmit: u16,
    /// Largest fragment the client receives.
    pub receive: u16,
    /// Association group; zero asks for a new one.
    pub group: u32,
    /// Presentation contexts.
    pub contexts: Contexts<'b>,
}

impl<'b> Bind<'b> {
    /// Reads the body. Bytes after the last context are left: old clients do not count all their padding.
    ///
    /// # Errors
    /// [`Short`] if it ends inside a field.
    pub fn read(reader: &mut Reader<'b>) -> Result<Self, Short> {
        let (transmit, receive, group) = (reader.u16()?, reader.u16()?, reader.u32()?);
        let [count, _reserved, _, _] = reader.array()?;
        let contexts = Contexts(Source::walk(reader, count, Context::read)?);
        Ok(Self { transmit, receive, group, contexts })
    }

    /// Writes the body.
    ///
    /// # Errors
    /// [`Full`] if it does not fit.
    pub fn write(&self, writer: &mut Writer<'_>) -> Result<(), Full> {
        writer.u16(self.transmit)?;
        writer.u16(self.receive)?;
        writer.u32(self.group)?;
        writer.put(&[self.contexts.count(), 0, 0, 0])?;
        self.contexts.iter().try_for_each(|context| context.write(writer))
    }
}

/// What became of one presentation context, \[C706\] `p_result_t`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// 0 acceptance, 1 user rejection, 2 provider rejection, 3 negotiate_ack ([MS-RPCE] 2.2.2.4).
    pub result: u16,
    /// Why it was rejected; with negotiate_ack the features granted.
    pub reason: u16,
    /// The transfer syntax chosen; zeros if none.
    pub transfer: SyntaxId,
}

impl Outcome {
    /// The interface is not served here.
    pub const UNKNOWN_INTERFACE: Self = Self::rejected(1);
    /// None of the transfer syntaxes is spoken here.
    pub const UNKNOWN_TRANSFER: Self = Self::rejected(2);
    /// There are too many contexts on this connection.
    pub const LOCAL_LIMIT: Self = Self::rejected(3);
    /// The context is refused for no reason that has a number.
    pub const UNSPECIFIED: Self = Self::rejected(0);

    /// The context is there, and stubs are in `transfer`.
    #[must_use]
    pub const fn accepted(transfer: SyntaxId) -> Self {
        Self { result: 0, reason: 0, transfer }
    }

    /// Not a context but a negotiation, which gave these features.
    #[must_use]
    pub const fn negotiated(features: Features) -> Self {
        Self { result: 3, reason: features.0, transfer: SyntaxId::NONE }
    }

    const fn rejected(reason: u16) -> Self {
        Self { result: 2, reason, transfer: SyntaxId::NONE }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Short> {
        Ok(Self { result: reader.u16()?, reason: reader.u16()?, transfer: SyntaxId::read(reader)? })
    }

    /// Writes the outcome, for an answer whose outcomes are decided one by one.
    ///
    /// # Errors
    /// [`Full`] if 24 bytes do not fit.
    pub fn write(&self, writer: &mut Writer<'_>) -> Result<(), Full> {
        writer.u16(self.result)?;
        writer.u16(self.reason)?;
        self.transfer.write(writer)
    }
}

/// Outcomes in the order of the contexts: a list, or a view of their wire form that was found long enough.
#[derive(Debug, Clone, Copy)]
pub struct Outcomes<'b>(Source<'b, Outcome>);

impl<'b> Outcomes<'b> {
    /// A list to be written; at most 255 count.
    #[must_use]
    pub const fn list(list: &'b [Outcome]) -> Self {
        Self(Source::List(list))
    }

    /// The outcomes in order.
    pub fn iter(&self) -> impl Iterator<Item = Outcome> + use<'b> {
        self.0.items(Outcome::read)
    }
}

impl PartialEq for Outcomes<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Outcomes<'_> {}

/// The bind_ack PDU and the alter_context_response PDU, \[C706\] 12.6.4.4 and 12.6.4.2: their bodies are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BindAck<'b> {
    /// Largest fragment the server sends.
    pub transmit: u16,
    /// Largest fragment the server receives.
    pub receive: u16,
    /// Association group, not zero.
    pub group: u32,
    /// Secondary address: the port in decimal digits and a zero byte; empty in an alter context response.
    pub address: &'b [u8],
    /// What became of the contexts.
    pub outcomes: Outcomes<'b>,
}

impl<'b> BindAck<'b> {
    /// Reads the body.
    ///
    /// # Errors
    /// [`Short`] if it ends inside a field.
    pub fn read(reader: &mut Reader<'b>) -> Result<Self, Short> {
        let (transmit, receive, group) = (reader.u16()?, reader.u16()?, reader.u32()?);
        let length = reader.u16()?;
        let address = reader.take(length.into())?;
        reader.align(4)?;
        let [count, _reserved, _, _] = reader.array()?;
        let outcomes = Outcomes(Source::walk(reader, count, Outcome::read)?);
        Ok(Self { transmit, receive, group, address, outcomes })
    }

    /// Writes the body; the writer stands where the header of the PDU ended.
    ///
    /// # Errors
    /// [`Full`] if it does not fit.
    pub fn write(&self, writer: &mut Writer<'_>) -> Result<(), Full> {
        let too_long = Full { needed: self.address.len(), left: writer.left() };
        writer.u16(self.transmit)?;
        writer.u16(self.receive)?;
        writer.u32(self.group)?;
        writer.u16(u16::try_from(self.address.len()).map_err(|_| too_long)?)?;
        writer.put(self.address)?;
        writer.align(4)?;
        writer.put(&[self.outcomes.0.count(), 0, 0, 0])?;
        self.outcomes.iter().try_for_each(|outcome| outcome.write(writer))
    }
}

/// The bind_nak PDU, \[C706\] 12.6.4.5 and [MS-RPCE] 2.2.2.9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BindNak<'b> {
    /// Why: one of the constants of this type.
    pub reason: u16,
    /// The versions served (a count, then major and minor of each), and what a server has to add.
    pub rest: &'b [u8],
}

impl<'b> BindNak<'b> {
    /// No reason is given.
    pub const UNSPECIFIED: u16 = 0;
    /// The server is short of something for the moment.
    pub const TEMPORARY_CONGESTION: u16 = 1;
    /// A limit of the server is exceeded.
    pub const LOCAL_LIMIT: u16 = 2;
    /// The version of the protocol is not served.
    pub const VERSION: u16 = 4;
    /// `authentication_type_not_recognized`, [MS-RPCE] 2.2.2.5.
    pub const UNKNOWN_PROVIDER: u16 = 8;
    /// `invalid_checksum`: the token was refused.
    pub const INVALID_CHECKSUM: u16 = 9;

    /// The list that says version 5.0 is served, padded to a multiple of four with the reason.
    pub const VERSIONS: &'static [u8] = &[1, 5, 0, 0, 0, 0];

    /// Reads the body.
    ///
    /// # Errors
    /// [`Short`] if it holds no reason.
    pub fn read(reader: &mut Reader<'b>) -> Result<Self, Short> {
        let reason = reader.u16()?;
        Ok(Self { reason, rest: reader.take(reader.left())? })
    }

    /// Writes the body.
    ///
    /// # Errors
    /// [`Full`] if it does not fit.
    pub fn write(&self, writer: &mut Writer<'_>) -> Result<(), Full> {
        writer.u16(self.reason)?;
        writer.put(self.rest)
    }
}
