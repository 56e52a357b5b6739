//! Setting up an association: bind, alter context, auth3.

use super::{
    Association, Environment, Fault, Interface, Level, Login, Trust,
    pending::Presentation,
    security::{self, Security, State},
    step::Done,
};
use crate::{
    auth::{self, Accepted, Acceptor, AuthError, Provider},
    bytes::{Full, Order, Writer},
    event::Closed,
    limits::{AUTH_TOKEN, FRAGMENT_MIN},
    pdu::{
        Bind, BindAck, BindNak, Body, Context, DecodeError, Features, Flags, Header, Kind, Layout, Outcome, Outcomes,
        Pdu, SecurityTrailer, SyntaxId,
    },
};

/// Why a bind or an alter context is refused.
struct Refused {
    /// What a bind_nak says. An alter context is refused by a fault.
    nak: u16,
    fault: Fault,
    close: Closed,
    login: Option<Login>,
}

impl Refused {
    /// The client broke the rules.
    const FORBIDDEN: Self =
        Self { nak: BindNak::UNSPECIFIED, fault: Fault::PROTOCOL, close: Closed::Forbidden, login: None };
    /// The client asks for more than there is room for.
    const LIMIT: Self =
        Self { nak: BindNak::LOCAL_LIMIT, fault: Fault::ACCESS_DENIED, close: Closed::Forbidden, login: None };
    /// Nobody here speaks that authentication type.
    const PROVIDER: Self =
        Self { nak: BindNak::UNKNOWN_PROVIDER, fault: Fault::ACCESS_DENIED, close: Closed::Forbidden, login: None };
}

impl From<Full> for Refused {
    fn from(_: Full) -> Self {
        Self::LIMIT
    }
}

impl From<DecodeError> for Refused {
    fn from(_: DecodeError) -> Self {
        Self { close: Closed::Unreadable, ..Self::FORBIDDEN }
    }
}

impl From<AuthError> for Refused {
    fn from(error: AuthError) -> Self {
        let (nak, login) = match error {
            AuthError::NoEntropy => (BindNak::TEMPORARY_CONGESTION, None),
            AuthError::ReplyFull(_) => (BindNak::LOCAL_LIMIT, None),
            _ => (BindNak::INVALID_CHECKSUM, Some(Login::Failed)),
        };
        Self { nak, fault: Fault::ACCESS_DENIED, close: Closed::Forbidden, login }
    }
}

impl Association {
    /// Answers the bind. The connection is closed after a nak: a client that was refused has nothing more to say here.
    pub(super) fn bind(
        &mut self,
        env: &mut Environment<'_, '_>,
        fragment: &[u8],
        layout: &Layout,
        reply: &mut [u8],
    ) -> Done {
        self.answer(env, fragment, layout, reply).unwrap_or_else(|refused| Done {
            login: refused.login,
            ..Self::nak(layout.header.call_id, refused.nak, reply).and_close(refused.close)
        })
    }

    /// Answers an alter context. The connection is closed after a fault: what was agreed upon is no longer certain.
    pub(super) fn alter(
        &mut self,
        env: &mut Environment<'_, '_>,
        fragment: &[u8],
        layout: &Layout,
        reply: &mut [u8],
    ) -> Done {
        self.answer(env, fragment, layout, reply).unwrap_or_else(|refused| Done {
            login: refused.login,
            ..Self::fault(layout.header.call_id, 0, refused.fault, true, reply).and_close(refused.close)
        })
    }

    /// Takes the last token of a login. It is never answered: calls of a refused login will be.
    pub(super) fn auth3(
        &mut self,
        env: &mut Environment<'_, '_>,
        fragment: &[u8],
        layout: &Layout,
        reply: &mut [u8],
    ) -> Done {
        // Without a login under way there is nothing to end; which PDU is at fault no answer could say.
        let Some(trailer) = layout.trailer.filter(|trailer| self.negotiating(trailer.context)) else {
            return Done::close(Closed::Forbidden);
        };
        match self.authenticate(env, &trailer, layout.value(fragment), &mut Writer::new(reply)) {
            Ok(login) => Done { login, ..Done::default() },
            Err(refused) => {
                if let Some(security) = self.securities.by_id(trailer.context) {
                    security.state = State::Failed;
                }
                Done { login: refused.login, ..Done::default() }
            }
        }
    }

    fn negotiating(&mut self, id: u32) -> bool {
        matches!(self.securities.by_id(id), Some(Security { state: State::Negotiating(_), .. }))
    }

    fn answer(
        &mut self,
        env: &mut Environment<'_, '_>,
        fragment: &[u8],
        layout: &Layout,
        reply: &mut [u8],
    ) -> Result<Done, Refused> {
        let header = &layout.header;
        let (alter, bind) = match Pdu::body(layout, fragment)? {
            Body::Bind(bind) => (false, bind),
            Body::AlterContext(bind) => (true, bind),
            _ => return Err(Refused::FORBIDDEN),
        };
        if !header.flags.has(Flags::ONLY) {
            return Err(Refused::FORBIDDEN);
        }
        if !alter {
            self.fragment = bind.transmit.min(bind.receive).clamp(FRAGMENT_MIN, self.longest) & !7;
            // Nothing is shared between the connections of a group, so a group is only a number that is not zero.
            self.group = if bind.group == 0 { self.connection.wrapping_add(1).max(1) } else { bind.group };
            self.login_due = layout.trailer.is_some();
        }
        self.header_signing |= header.flags.has(Flags::HEADER_SIGNING);

        let room = reply.len().min(self.longest.into());
        let mut writer = Writer::new(reply.get_mut(..room).unwrap_or_default());
        writer.zeros(Header::LENGTH)?;
        self.acknowledge(env, &bind, alter, &mut writer)?;
        let (mut auth_length, mut login) = (0, None);
        if let Some(mut trailer) = layout.trailer {
            let body_end = writer.position();
            writer.align(4)?;
            trailer.padding = (writer.position() - body_end).to_le_bytes()[0];
            trailer.reserved = 0;
            trailer.write(&mut writer)?;
            let token_at = writer.position();
            // A login that is done stays as it is, whatever token comes with an alter context for further interfaces: Samba
            // sends the last one of a raw NTLM login again.
            if !(alter && self.securities.is_done(&trailer)) {
                login = self.authenticate(env, &trailer, layout.value(fragment), &mut writer)?;
            }
            auth_length = writer.position() - token_at;
            if auth_length == 0 {
                writer.rewind(body_end);
            }
        }
        let length = writer.position();
        // Both are at most the room, which is at most a fragment.
        let short = |length: usize| u16::try_from(length).unwrap_or(u16::MAX);
        let header_signing = if self.header_signing { Flags::HEADER_SIGNING } else { Flags::default() };
        let header = Header {
            minor: 0,
            kind: if alter { Kind::AlterContextResponse } else { Kind::BindAck },
            flags: Flags::ONLY.with(header_signing),
            order: Order::Little,
            fragment_length: short(length),
            auth_length: short(auth_length),
            call_id: header.call_id,
        };
        header.write(&mut Writer::new(writer.into_written()))?;
        Ok(Done { login, ..Done::reply(length) })
    }

    /// Decides about the presentation contexts, and writes the body of the answer.
    ///
    /// The outcomes are written one by one: a bind may hold more contexts than there should be memory for.
    fn acknowledge(
        &mut self,
        env: &mut Environment<'_, '_>,
        bind: &Bind<'_>,
        alter: bool,
        writer: &mut Writer<'_>,
    ) -> Result<(), Full> {
        let mut address = heapless::Vec::<u8, 8>::new();
        if !alter && address.extend_from_slice(env.address.as_bytes()).is_ok() {
            let _ = address.push(0);
        }
        let (transmit, receive, group) = (self.fragment, self.fragment, self.group);
        BindAck { transmit, receive, group, address: &address, outcomes: Outcomes::list(&[]) }.write(writer)?;
        let count_at = writer.position() - 4;
        writer.patch(count_at, &[bind.contexts.count()])?;
        let interfaces = env.services.interfaces();
        bind.contexts.iter().try_for_each(|context| self.present(interfaces, &context, alter).write(writer))
    }

    fn present(&mut self, interfaces: &[&Interface], context: &Context<'_>, alter: bool) -> Outcome {
        let mut transfer = context.transfer.iter();
        let features = transfer.next().filter(|_| !alter).and_then(|first| Features::from_syntax(&first));
        if let (Some(features), None) = (features, transfer.next()) {
            return Outcome::negotiated(Features(features.0 & Features::ALL.0));
        }
        let wanted = &context.interface;
        let Some(interface) = interfaces.iter().position(|Interface { syntax, .. }| {
            (syntax.uuid, syntax.major) == (wanted.uuid, wanted.major) && syntax.minor >= wanted.minor
        }) else {
            return Outcome::UNKNOWN_INTERFACE;
        };
        if !context.transfer.iter().any(|transfer| transfer == SyntaxId::NDR32) {
            return Outcome::UNKNOWN_TRANSFER;
        }
        match self.presentations.iter().find(|known| known.id == context.id) {
            Some(known) if known.interface == interface => {}
            Some(_) => return Outcome::UNSPECIFIED,
            None => {
                if self.presentations.push(Presentation { id: context.id, interface }).is_err() {
                    return Outcome::LOCAL_LIMIT;
                }
            }
        }
        Outcome::accepted(SyntaxId::NDR32)
    }

    /// Begins a login. A function of its own, because it needs room for one on the stack, which its tokens need too.
    #[inline(never)]
    fn begin(&mut self, trailer: &SecurityTrailer, provider: Provider) -> Result<(), Refused> {
        let SecurityTrailer { provider: number, level, context: id, .. } = *trailer;
        let state = State::Negotiating(Acceptor::new(provider));
        self.securities.add(Security { id, provider: number, level, state }).ok_or(Refused::LIMIT)?;
        Ok(())
    }

    /// Takes a token of a login, a new one or one under way, and appends the answer to `reply`.
    fn authenticate(
        &mut self,
        env: &mut Environment<'_, '_>,
        trailer: &SecurityTrailer,
        token: &[u8],
        reply: &mut Writer<'_>,
    ) -> Result<Option<Login>, Refused> {
        if token.len() > AUTH_TOKEN {
            return Err(Refused::LIMIT);
        }
        let provider = security::provider(trailer.provider).ok_or(Refused::PROVIDER)?;
        if !matches!(Level::from_wire(trailer.level), Some(level) if level > Level::None) {
            return Err(Refused::FORBIDDEN);
        }
        let is_new = self.securities.by_id(trailer.context).is_none();
        if is_new {
            self.begin(trailer, provider)?;
        }
        let security = self.securities.by_id(trailer.context).ok_or(Refused::LIMIT)?;
        let State::Negotiating(acceptor) = &mut security.state else {
            return Err(Refused::FORBIDDEN);
        };
        if (security.provider, security.level) != (trailer.provider, trailer.level) {
            return Err(Refused::FORBIDDEN);
        }
        let Trust { entropy, accounts } = env.services.trust();
        let mut lent =
            auth::Environment { now: env.now, entropy, accounts, connection: self.connection, identity: env.identity };
        match acceptor.accept(token, reply, &mut lent)? {
            Accepted::Continue => Ok(is_new.then_some(Login::Begun)),
            Accepted::Established(established) => {
                security.state = State::Established(established);
                Ok(Some(Login::Done))
            }
        }
    }
}
