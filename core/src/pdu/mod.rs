//! Connection-oriented RPC PDUs, \[C706\] chapter 12 and [MS-RPCE] 2.2.2.
//!
//! Two storeys. [`Layout`] says where the parts of one fragment lie; it compares lengths and nothing else, so what it points at
//! may be encrypted. [`Pdu`] is one fragment read whole: plain values and borrowed bytes, which can be written again.
//! Both byte orders are read, little-endian is written; a little-endian PDU whose reserved fields are zero is written as it was
//! read. Nothing here panics, whatever the input, and nothing allocates.
//!
//! What is *not* here: protection (the authentication value is bytes), and the rules about which PDU may follow which.

mod bind;
mod call;
mod header;
mod verification;

pub use bind::{Bind, BindAck, BindNak, Context, Contexts, Features, Outcome, Outcomes, SyntaxId, Syntaxes};
pub use call::{Fault, Request, Response};
pub use header::{Flags, Header, HeaderError, Kind, Layout, SecurityTrailer};
pub use verification::{Verification, VerifiedHeader};

use crate::bytes::{Full, Order, Short, Writer};

/// Why a fragment could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodeError {
    /// The header, or the lengths it gives.
    Header(HeaderError),
    /// The body ends inside a field.
    Body {
        /// What the fragment is.
        kind: Kind,
        /// Where it ends.
        short: Short,
    },
}

impl core::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Header(error) => error.fmt(f),
            Self::Body { kind, short } => write!(f, "body of {kind:?}: {short}"),
        }
    }
}

impl core::error::Error for DecodeError {}

impl From<HeaderError> for DecodeError {
    fn from(error: HeaderError) -> Self {
        Self::Header(error)
    }
}

/// The end of a protected fragment: padding, sec_trailer, authentication value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verifier<'b> {
    /// Padding before the trailer, at most 255 bytes; it may hold anything.
    pub padding: &'b [u8],
    /// `auth_type`: the security provider.
    pub provider: u8,
    /// `auth_level`: how calls are protected.
    pub level: u8,
    /// `auth_reserved`: zero.
    pub reserved: u8,
    /// `auth_context_id`: which security context.
    pub context: u32,
    /// The authentication value: a token or a signature, not empty.
    pub value: &'b [u8],
}

/// The body of a PDU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body<'b> {
    /// A call, or a part of one.
    Request(Request<'b>),
    /// An answer, or a part of one.
    Response(Response<'b>),
    /// A call failed.
    Fault(Fault<'b>),
    /// Opens an association.
    Bind(Bind<'b>),
    /// Accepts a bind.
    BindAck(BindAck<'b>),
    /// Refuses a bind.
    BindNak(BindNak<'b>),
    /// Adds contexts.
    AlterContext(Bind<'b>),
    /// Answers an alter context.
    AlterContextResponse(BindAck<'b>),
    /// Brings the last authentication token; the body is four bytes of padding, or none.
    Auth3(&'b [u8]),
    /// Asks the client to close; the body should be empty.
    Shutdown(&'b [u8]),
    /// Asks for a call to be cancelled; the body should be empty.
    CoCancel(&'b [u8]),
    /// Says that nobody waits for a call any more; the body should be empty.
    Orphaned(&'b [u8]),
}

impl Body<'_> {
    /// What the fragment is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Request(_) => Kind::Request,
            Self::Response(_) => Kind::Response,
            Self::Fault(_) => Kind::Fault,
            Self::Bind(_) => Kind::Bind,
            Self::BindAck(_) => Kind::BindAck,
            Self::BindNak(_) => Kind::BindNak,
            Self::AlterContext(_) => Kind::AlterContext,
            Self::AlterContextResponse(_) => Kind::AlterContextResponse,
            Self::Auth3(_) => Kind::Auth3,
            Self::Shutdown(_) => Kind::Shutdown,
            Self::CoCancel(_) => Kind::CoCancel,
            Self::Orphaned(_) => Kind::Orphaned,
        }
    }
}

/// One fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pdu<'b> {
    /// Minor version of the protocol, 0 or 1.
    pub minor: u8,
    /// Flags. [`Flags::OBJECT`] must be set exactly if the body is a request with an object.
    pub flags: Flags,
    /// Number of the call.
    pub call_id: u32,
    /// The body.
    pub body: Body<'b>,
    /// What protects it, or carries a token.
    pub verifier: Option<Verifier<'b>>,
}

impl<'b> Pdu<'b> {
    /// Reads the fragment at the start of `bytes`; what follows it is not looked at.
    ///
    /// # Errors
    /// [`DecodeError`] if it is not a whole fragment of the protocol.
    pub fn decode(bytes: &'b [u8]) -> Result<Self, DecodeError> {
        let layout = Layout::read(bytes)?;
        let body = Self::body(&layout, bytes)?;
        let verifier = layout.trailer.map(|trailer| Verifier {
            padding: bytes.get(layout.body_end..layout.trailer_at).unwrap_or_default(),
            provider: trailer.provider,
            level: trailer.level,
            reserved: trailer.reserved,
            context: trailer.context,
            value: layout.value(bytes),
        });
        Ok(Self {
            minor: layout.header.minor,
            flags: layout.header.flags,
            call_id: layout.header.call_id,
            body,
            verifier,
        })
    }

    /// Reads the body that `layout` found in `bytes`.
    ///
    /// # Errors
    /// [`DecodeError::Body`] if it ends inside a field.
    pub fn body(layout: &Layout, bytes: &'b [u8]) -> Result<Body<'b>, DecodeError> {
        let (kind, mut reader) = (layout.header.kind, layout.body(bytes));
        let reader = &mut reader;
        let body = match kind {
            Kind::Request => Request::read(reader, layout.header.flags.has(Flags::OBJECT)).map(Body::Request),
            Kind::Response => Response::read(reader).map(Body::Response),
            Kind::Fault => Fault::read(reader).map(Body::Fault),
            Kind::Bind => Bind::read(reader).map(Body::Bind),
            Kind::BindAck => BindAck::read(reader).map(Body::BindAck),
            Kind::BindNak => BindNak::read(reader).map(Body::BindNak),
            Kind::AlterContext => Bind::read(reader).map(Body::AlterContext),
            Kind::AlterContextResponse => BindAck::read(reader).map(Body::AlterContextResponse),
            Kind::Auth3 => Ok(Body::Auth3(reader.rest())),
            Kind::Shutdown => Ok(Body::Shutdown(reader.rest())),
            Kind::CoCancel => Ok(Body::CoCancel(reader.rest())),
            Kind::Orphaned => Ok(Body::Orphaned(reader.rest())),
        };
        body.map_err(|short| DecodeError::Body { kind, short })
    }

    /// Writes the fragment at the start of `writer`, which must stand at position 0, and returns its length.
    ///
    /// # Errors
    /// [`Full`] if it does not fit, or is longer than a fragment can say.
    pub fn encode(&self, writer: &mut Writer<'_>) -> Result<usize, Full> {
        let header = Header {
            minor: self.minor,
            kind: self.body.kind(),
            flags: self.flags,
            order: Order::Little,
            fragment_length: 0,
            auth_length: 0,
            call_id: self.call_id,
        };
        header.write(writer)?;
        match &self.body {
            Body::Request(request) => request.write(writer)?,
            Body::Response(response) => response.write(writer)?,
            Body::Fault(fault) => fault.write(writer)?,
            Body::Bind(bind) | Body::AlterContext(bind) => bind.write(writer)?,
            Body::BindAck(ack) | Body::AlterContextResponse(ack) => ack.write(writer)?,
            Body::BindNak(nak) => nak.write(writer)?,
            Body::Auth3(rest) | Body::Shutdown(rest) | Body::CoCancel(rest) | Body::Orphaned(rest) => {
                writer.put(rest)?
            }
        }
        let mut auth_length = 0;
        if let Some(verifier) = &self.verifier {
            let too_long = |bytes: &[u8]| Full { needed: bytes.len(), left: writer.left() };
            auth_length = u16::try_from(verifier.value.len()).map_err(|_| too_long(verifier.value))?;
            let trailer = SecurityTrailer {
                provider: verifier.provider,
                level: verifier.level,
                padding: u8::try_from(verifier.padding.len()).map_err(|_| too_long(verifier.padding))?,
                reserved: verifier.reserved,
                context: verifier.context,
            };
            writer.put(verifier.padding)?;
            trailer.write(writer)?;
            writer.put(verifier.value)?;
        }
        let length = writer.position();
        let fragment_length = u16::try_from(length).map_err(|_| Full { needed: length, left: writer.left() })?;
        writer.patch(8, &fragment_length.to_le_bytes())?;
        writer.patch(10, &auth_length.to_le_bytes())?;
        Ok(length)
    }
}
