//! The client's side of one connection.

use core::fmt;

use super::{Fault, Level};
use crate::{
    auth::{AuthError, Credentials, Initiated, Initiator, Policy, Protection, Provider},
    bytes::{Full, Order, Writer},
    guid::Guid,
    limits::{FRAGMENT_CLIENT_MIN, FRAGMENT_MAX},
    pdu::{
        self, Bind, BindAck, Body, Context, Contexts, DecodeError, Features, Flags, Header, Kind, Layout, Outcome, Pdu,
        Request, Response, SecurityTrailer, SyntaxId, Syntaxes,
    },
    ports::Entropy,
    time::Now,
};

/// How a client logs in and protects its calls.
#[derive(Debug, Clone)]
pub struct Secret<'c> {
    /// How tokens are wrapped.
    pub provider: Provider,
    /// Which keys are offered.
    pub policy: Policy,
    /// Name and password.
    pub credentials: Credentials<'c>,
    /// How calls are protected; not [`Level::None`].
    pub level: Level,
}

/// What a client binds to.
#[derive(Debug, Clone)]
pub struct Binding<'c> {
    /// The interface.
    pub interface: SyntaxId,
    /// How to log in; `None` to call as nobody.
    pub secret: Option<Secret<'c>>,
    /// Longest fragment that is offered, at most [`FRAGMENT_MAX`].
    pub fragment: u16,
}

/// Why an association came to an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientError {
    /// The server sent something that is not a PDU of the protocol.
    Unreadable(DecodeError),
    /// The server sent a PDU that is not due.
    Unexpected {
        /// What it is.
        kind: Kind,
        /// The call that it names.
        call_id: u32,
    },
    /// The server wants fragments that are shorter than can be, or sent one that is longer.
    Fragment {
        /// Their length.
        length: u16,
    },
    /// A verifier of the server is missing or did not verify.
    BadVerifier,
    /// The server refused the bind.
    Refused {
        /// Why, as [`pdu::BindNak`] says.
        reason: u16,
    },
    /// The server refused the interface or the transfer syntax.
    Rejected(Outcome),
    /// The server refused an alter context.
    Denied(Fault),
    /// The login went wrong.
    Auth(AuthError),
    /// The lent buffer is too small.
    Full(Full),
    /// A method was called at the wrong time.
    NotDue,
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => error.fmt(f),
            Self::Unexpected { kind, call_id } => write!(f, "server sent {kind:?} of call {call_id}, which is not due"),
            Self::Fragment { length } => write!(f, "server uses fragments of {length} bytes"),
            Self::BadVerifier => f.write_str("verifier of the server is missing or wrong"),
            Self::Refused { reason } => write!(f, "server refused the bind with reason {reason}"),
            Self::Rejected(Outcome { result, reason, .. }) => {
                write!(f, "server rejected the interface with result {result}, reason {reason}")
            }
            Self::Denied(Fault(status)) => write!(f, "server refused the login with 0x{status:08x}"),
            Self::Auth(error) => error.fmt(f),
            Self::Full(full) => full.fmt(f),
            Self::NotDue => f.write_str("not due now"),
        }
    }
}

impl core::error::Error for ClientError {}

impl From<DecodeError> for ClientError {
    fn from(error: DecodeError) -> Self {
        Self::Unreadable(error)
    }
}

impl From<AuthError> for ClientError {
    fn from(error: AuthError) -> Self {
        Self::Auth(error)
    }
}

impl From<Full> for ClientError {
    fn from(full: Full) -> Self {
        Self::Full(full)
    }
}

/// What came of bytes received while an association is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leg {
    /// Bytes at the front of what was received that are done with; zero if a fragment is not there whole.
    pub consumed: usize,
    /// Bytes to send.
    pub produced: usize,
    /// Whether calls can be made, once what was produced is sent.
    pub bound: bool,
}

/// What came of bytes received while a call is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// Read more: a fragment is not there whole. Nothing was consumed.
    Partial,
    /// A fragment was there, and more are to come.
    Fragment {
        /// Its length.
        consumed: usize,
    },
    /// The response is complete.
    Complete {
        /// Length of the last fragment.
        consumed: usize,
        /// Length of the stub.
        length: usize,
        /// Byte order of the stub.
        order: Order,
    },
    /// The call failed; the association goes on.
    Fault {
        /// Length of the fault.
        consumed: usize,
        /// Why.
        fault: Fault,
    },
}

enum State<'c> {
    Unbound,
    /// The answer to a bind or to an alter context is due.
    Binding(Option<Initiator<'c>>),
    Bound,
    /// A response is due, of which `length` bytes are there.
    Calling {
        length: usize,
    },
    Ended,
}

/// The client's side of one connection, for one call at a time: [`bind`](Self::bind), [`negotiate`](Self::negotiate) until
/// bound, then [`request`](Self::request) until all is sent and [`receive`](Self::receive) until complete, again and again.
///
/// An error ends the association; close the connection then.
pub struct Client<'c> {
    state: State<'c>,
    binding: Binding<'c>,
    /// Longest fragment to send.
    fragment: u16,
    call_id: u32,
    /// The presentation context that calls use.
    context: u16,
    protection: Option<Protection>,
}

impl<'c> Client<'c> {
    /// `auth_context_id` of the only security context.
    const SECURITY: u32 = 1;

    /// A client that has sent nothing yet.
    #[must_use]
    pub const fn new(binding: Binding<'c>) -> Self {
        let fragment = FRAGMENT_CLIENT_MIN;
        Self { state: State::Unbound, binding, fragment, call_id: 0, context: 0, protection: None }
    }

    /// Writes the bind to `out` and returns its length.
    ///
    /// # Errors
    /// [`ClientError`]; there is no association then.
    pub fn bind(&mut self, now: Now, entropy: &mut dyn Entropy, out: &mut [u8]) -> Result<usize, ClientError> {
        let State::Unbound = core::mem::replace(&mut self.state, State::Ended) else {
            return Err(ClientError::NotDue);
        };
        let mut token = [0; TOKEN_MAX];
        let mut token = Writer::new(&mut token);
        let mut initiator = None;
        if let Some(Secret { provider, policy, credentials, .. }) = &self.binding.secret {
            let mut started = Initiator::with_policy(*provider, credentials.clone(), *policy);
            started.initiate(None, &mut token, now, entropy)?;
            initiator = Some(started);
        }
        self.call_id = 1;
        let contexts = [
            Context { id: 0, interface: self.binding.interface, transfer: Syntaxes::list(&[SyntaxId::NDR32]) },
            Context {
                id: 1,
                interface: self.binding.interface,
                transfer: Syntaxes::list(&const { [Features::ALL.to_syntax()] }),
            },
        ];
        let bind = self.bind_body(&contexts);
        let produced = self.emit(Body::Bind(bind), token.written(), out)?;
        self.state = State::Binding(initiator);
        Ok(produced)
    }

    /// Writes an alter context that binds calls from now on to another interface, and returns its length. The answer goes to
    /// [`negotiate`](Self::negotiate).
    ///
    /// # Errors
    /// [`ClientError`]; the association has ended then.
    pub fn alter(&mut self, interface: SyntaxId, out: &mut [u8]) -> Result<usize, ClientError> {
        let State::Bound = core::mem::replace(&mut self.state, State::Ended) else {
            return Err(ClientError::NotDue);
        };
        self.call_id = self.call_id.wrapping_add(1);
        // Contexts 0 and 1 are those of the bind.
        self.context = self.context.wrapping_add(1).max(2);
        self.binding.interface = interface;
        let contexts = [Context { id: self.context, interface, transfer: Syntaxes::list(&[SyntaxId::NDR32]) }];
        let produced = self.emit(Body::AlterContext(self.bind_body(&contexts)), &[], out)?;
        self.state = State::Binding(None);
        Ok(produced)
    }

    /// Takes the answer to a bind or an alter context from the front of `received`, and writes the next leg, if there is one.
    ///
    /// # Errors
    /// [`ClientError`]; the association has ended then.
    pub fn negotiate(
        &mut self,
        now: Now,
        entropy: &mut dyn Entropy,
        received: &[u8],
        out: &mut [u8],
    ) -> Result<Leg, ClientError> {
        let Some(layout) = frame(received)? else {
            return Ok(Leg { consumed: 0, produced: 0, bound: false });
        };
        let State::Binding(initiator) = core::mem::replace(&mut self.state, State::Ended) else {
            return Err(ClientError::NotDue);
        };
        let header = layout.header;
        let unexpected = ClientError::Unexpected { kind: header.kind, call_id: header.call_id };
        if header.call_id != self.call_id {
            return Err(unexpected);
        }
        match Pdu::body(&layout, received)? {
            Body::BindAck(ack) => {
                self.accepted(&ack)?;
                if ack.receive < FRAGMENT_CLIENT_MIN {
                    return Err(ClientError::Fragment { length: ack.receive });
                }
                self.fragment = ack.receive.min(FRAGMENT_MAX);
            }
            Body::AlterContextResponse(ack) => self.accepted(&ack)?,
            Body::BindNak(nak) => return Err(ClientError::Refused { reason: nak.reason }),
            Body::Fault(fault) => return Err(ClientError::Denied(Fault(fault.status))),
            _ => return Err(unexpected),
        }
        let consumed = header.fragment_length.into();
        let Some(mut initiator) = initiator else {
            self.state = State::Bound;
            return Ok(Leg { consumed, produced: 0, bound: true });
        };
        let mut token = [0; TOKEN_MAX];
        let mut token = Writer::new(&mut token);
        let established = initiator.initiate(Some(layout.value(received)), &mut token, now, entropy)?;
        let token = token.written();
        let mut produced = 0;
        match established {
            Initiated::Established(protection) => {
                self.protection = Some(protection);
                self.state = State::Bound;
                if !token.is_empty() {
                    produced = self.emit(Body::Auth3(&[0; 4]), token, out)?;
                }
                Ok(Leg { consumed, produced, bound: true })
            }
            Initiated::Continue => {
                let contexts = [Context {
                    id: self.context,
                    interface: self.binding.interface,
                    transfer: Syntaxes::list(&[SyntaxId::NDR32]),
                }];
                produced = self.emit(Body::AlterContext(self.bind_body(&contexts)), token, out)?;
                self.state = State::Binding(Some(initiator));
                Ok(Leg { consumed, produced, bound: false })
            }
        }
    }

    /// Writes one fragment of a request: the part of `stub` from `at` on that fits. Returns the length of the fragment, and
    /// how much of the stub is sent now; the request is complete when that is all of it. A call begins with `at` zero.
    ///
    /// # Errors
    /// [`ClientError`]; the association has ended then.
    pub fn request(
        &mut self,
        opnum: u16,
        object: Option<Guid>,
        stub: &[u8],
        at: usize,
        out: &mut [u8],
    ) -> Result<(usize, usize), ClientError> {
        match (&self.state, at) {
            (State::Bound, 0) => self.call_id = self.call_id.wrapping_add(1),
            (State::Calling { length: 0 }, 1..) => {}
            _ => return Err(ClientError::NotDue),
        }
        self.state = State::Ended;
        let rest = stub.get(at..).unwrap_or_default();
        let stub_at = if object.is_some() { Request::HEAD + Request::OBJECT } else { Request::HEAD };
        let level = self.protected();
        let overhead = if level.is_some() { SecurityTrailer::LENGTH + Protection::SIGNATURE } else { 0 };
        let room = usize::from(self.fragment).saturating_sub(stub_at + overhead) & !15;
        let (part, after) = rest.split_at(rest.len().min(room));

        let padding = if level.is_some() { part.len().wrapping_neg() & 15 } else { 0 };
        let mut flags = Flags::default();
        for (set, flag) in [(at == 0, Flags::FIRST), (after.is_empty(), Flags::LAST), (object.is_some(), Flags::OBJECT)]
        {
            flags = if set { flags.with(flag) } else { flags };
        }
        let mut writer = Writer::new(out);
        let short = |length: usize| u16::try_from(length).unwrap_or(u16::MAX);
        let header = Header {
            minor: 0,
            kind: Kind::Request,
            flags,
            order: Order::Little,
            fragment_length: short(stub_at + part.len() + padding + overhead),
            auth_length: if level.is_some() { short(Protection::SIGNATURE) } else { 0 },
            call_id: self.call_id,
        };
        header.write(&mut writer)?;
        let hint = u32::try_from(rest.len()).unwrap_or_default();
        Request { hint, context: self.context, opnum, object, stub: part }.write(&mut writer)?;
        if let (Some(level), Some(protection)) = (level, &mut self.protection) {
            writer.zeros(padding)?;
            let sealed = stub_at..writer.position();
            let trailer = SecurityTrailer { padding: padding.to_le_bytes()[0], ..trailer(&self.binding.secret) };
            trailer.write(&mut writer)?;
            let signature = match level {
                Level::Privacy => protection.seal(writer.written_mut(), sealed),
                _ => protection.sign(writer.written()),
            };
            writer.put(&signature)?;
        }
        self.state = State::Calling { length: 0 };
        Ok((writer.position(), at + part.len()))
    }

    /// Takes one fragment of a response from the front of `received`, decrypts it in place, and adds it to the stub at the
    /// front of `stub`.
    ///
    /// # Errors
    /// [`ClientError`]; the association has ended then.
    pub fn receive(&mut self, received: &mut [u8], stub: &mut [u8]) -> Result<Received, ClientError> {
        let Some(layout) = frame(received)? else {
            return Ok(Received::Partial);
        };
        let State::Calling { length } = core::mem::replace(&mut self.state, State::Ended) else {
            return Err(ClientError::NotDue);
        };
        let header = layout.header;
        let consumed = usize::from(header.fragment_length);
        let unexpected = ClientError::Unexpected { kind: header.kind, call_id: header.call_id };
        if header.call_id != self.call_id {
            return Err(unexpected);
        }
        let sealed_at = if header.kind == Kind::Fault { pdu::Fault::HEAD } else { Response::HEAD };
        self.unprotect(received, &layout, sealed_at)?;
        match Pdu::body(&layout, received)? {
            Body::Response(response) => {
                if header.flags.has(Flags::FIRST) != (length == 0) {
                    return Err(unexpected);
                }
                let end = length + response.stub.len();
                let left = stub.len().saturating_sub(length);
                let full = Full { needed: response.stub.len(), left };
                stub.get_mut(length..end).ok_or(full)?.copy_from_slice(response.stub);
                if header.flags.has(Flags::LAST) {
                    self.state = State::Bound;
                    return Ok(Received::Complete { consumed, length: end, order: header.order });
                }
                // Else a server could send empty fragments for ever.
                if response.stub.is_empty() {
                    return Err(unexpected);
                }
                self.state = State::Calling { length: end };
                Ok(Received::Fragment { consumed })
            }
            Body::Fault(fault) => {
                self.state = State::Bound;
                Ok(Received::Fault { consumed, fault: Fault(fault.status) })
            }
            _ => Err(unexpected),
        }
    }

    /// The level at which calls are protected; `None` if they are not.
    fn protected(&self) -> Option<Level> {
        let secret = self.binding.secret.as_ref()?;
        (secret.level >= Level::Integrity && self.protection.is_some()).then_some(secret.level)
    }

    /// Checks and decrypts a fragment. Faults come without a verifier from most servers.
    fn unprotect(&mut self, received: &mut [u8], layout: &Layout, sealed_at: usize) -> Result<(), ClientError> {
        let Some(level) = self.protected() else {
            return Ok(());
        };
        let Some(found) = layout.trailer else {
            return if layout.header.kind == Kind::Fault { Ok(()) } else { Err(ClientError::BadVerifier) };
        };
        let wanted = trailer(&self.binding.secret);
        if (found.provider, found.level, found.context) != (wanted.provider, wanted.level, wanted.context) {
            return Err(ClientError::BadVerifier);
        }
        let (Some(protection), Some((pdu, value))) = (
            &mut self.protection,
            received
                .get_mut(..layout.header.fragment_length.into())
                .and_then(|fragment| fragment.split_at_mut_checked(layout.value_at)),
        ) else {
            return Err(ClientError::BadVerifier);
        };
        match level {
            Level::Privacy => protection.unseal(pdu, sealed_at..layout.trailer_at, value),
            _ => protection.verify(pdu, value),
        }
        .map_err(|_| ClientError::BadVerifier)
    }

    fn bind_body<'b>(&self, contexts: &'b [Context<'b>]) -> Bind<'b> {
        let fragment = self.binding.fragment.min(FRAGMENT_MAX);
        Bind { transmit: fragment, receive: fragment, group: 0, contexts: Contexts::list(contexts) }
    }

    fn accepted(&self, ack: &BindAck<'_>) -> Result<(), ClientError> {
        match ack.outcomes.iter().next() {
            Some(outcome) if outcome == Outcome::accepted(SyntaxId::NDR32) => Ok(()),
            Some(outcome) => Err(ClientError::Rejected(outcome)),
            None => Err(ClientError::Rejected(Outcome::UNSPECIFIED)),
        }
    }

    fn emit(&self, body: Body<'_>, token: &[u8], out: &mut [u8]) -> Result<usize, ClientError> {
        let wanted = trailer(&self.binding.secret);
        // The bodies that are written here end at a multiple of four.
        let verifier = (!token.is_empty()).then_some(pdu::Verifier {
            padding: &[],
            provider: wanted.provider,
            level: wanted.level,
            reserved: 0,
            context: wanted.context,
            value: token,
        });
        let flags = if self.binding.secret.is_some() && body.kind() != Kind::Auth3 {
            Flags::ONLY.with(Flags::HEADER_SIGNING)
        } else {
            Flags::ONLY
        };
        Ok(Pdu { minor: 0, flags, call_id: self.call_id, body, verifier }.encode(&mut Writer::new(out))?)
    }
}

/// The longest token that a client writes: two names of 256 bytes each and the server's names, with room to spare.
const TOKEN_MAX: usize = 2048;

/// The fragment at the front of `received`, if it is there whole.
fn frame(received: &[u8]) -> Result<Option<Layout>, ClientError> {
    match Header::read(received) {
        Err(pdu::HeaderError::Short(_)) => return Ok(None),
        Err(error) => return Err(ClientError::Unreadable(error.into())),
        Ok(header) if header.fragment_length > FRAGMENT_MAX => {
            return Err(ClientError::Fragment { length: header.fragment_length });
        }
        Ok(header) if received.len() < header.fragment_length.into() => return Ok(None),
        Ok(_) => {}
    }
    Layout::read(received).map(Some).map_err(|error| ClientError::Unreadable(error.into()))
}

/// The trailer of fragments under `secret`, without padding.
fn trailer(secret: &Option<Secret<'_>>) -> SecurityTrailer {
    let (provider, level) = match secret {
        Some(Secret { provider: Provider::Ntlm, level, .. }) => (10, *level as u8),
        Some(Secret { provider: Provider::Spnego, level, .. }) => (9, *level as u8),
        None => (0, 0),
    };
    SecurityTrailer { provider, level, padding: 0, reserved: 0, context: Client::SECURITY }
}
