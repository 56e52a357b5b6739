//! The server's side of one connection: frames what came, and says how long it will wait for more.

use super::{
    Fault, Pool, Services,
    pending::{Pending, Presentation},
    security::Securities,
    step::{Counts, Done, Step},
};
use crate::{
    auth::Identity,
    bytes::{Order, Reader, Writer},
    event::Closed,
    limits::{BIND_TIME, CALL_TIME, FRAGMENT_MAX, FRAGMENT_MIN, IDLE_TIME, PRESENTATION_CONTEXTS, STRANGER_IDLE_TIME},
    pdu::{self, BindNak, Body, Flags, Header, HeaderError, Kind, Layout, Pdu},
    time::{Monotonic, Now},
};

/// What an association is lent for one step.
pub struct Environment<'e, 'm> {
    /// The clocks.
    pub now: Now,
    /// The services of the endpoint.
    pub services: &'e mut dyn Services,
    /// The names of the server.
    pub identity: &'e Identity<'e>,
    /// The port of the endpoint in decimal digits: the secondary address of a bind.
    pub address: &'e str,
    /// Buffers for calls and replies of several fragments.
    pub pool: &'e mut Pool<'m>,
    /// Where a service writes its reply. It bounds the longest reply.
    pub scratch: &'e mut [u8],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    New,
    Bound,
    Ended(Closed),
}

/// The server's side of one connection.
///
/// Call [`receive`](Self::receive) when bytes came, again while its step says that there is more, and whenever you like
/// besides: a step without news does nothing. Call [`overdue`](Self::overdue) at [`deadline`](Self::deadline), which every
/// step may move, and [`closed`](Self::closed) when the connection is gone.
///
/// ```text
/// new ── bind ──▶ bound ── request … ──▶ bound        anything that is not due: a fault or nak, then closed
///                  │ ▲
///     alter_context, auth3: further presentation and security contexts
/// ```
pub struct Association {
    pub(super) connection: u32,
    phase: Phase,
    accepted: Monotonic,
    /// When the last fragment came or went.
    last: Monotonic,
    /// Since when the begin of a fragment waits for its end.
    partial: Option<Monotonic>,
    /// Longest fragment that is taken, and that is offered.
    pub(super) longest: u16,
    /// Longest fragment to send.
    pub(super) fragment: u16,
    pub(super) group: u32,
    pub(super) header_signing: bool,
    /// Whether the bind brought a token, so that the connection counts as bound only after a login.
    pub(super) login_due: bool,
    pub(super) presentations: heapless::Vec<Presentation, PRESENTATION_CONTEXTS>,
    pub(super) securities: Securities,
    pub(super) pending: Pending,
}

impl Association {
    /// The association of a connection that was accepted `now`. `connection` is its number: no other open connection with the
    /// same [`Pool`] may have it. A `fragment` is what the host has room for; what is not between [`FRAGMENT_MIN`] and
    /// [`FRAGMENT_MAX`] is taken for the nearer of them.
    #[must_use]
    pub fn new(connection: u32, fragment: u16, now: Monotonic) -> Self {
        Self {
            connection,
            phase: Phase::New,
            accepted: now,
            last: now,
            partial: None,
            longest: fragment.clamp(FRAGMENT_MIN, FRAGMENT_MAX),
            fragment: FRAGMENT_MIN,
            group: 0,
            header_signing: false,
            login_due: false,
            presentations: heapless::Vec::new(),
            securities: Securities::default(),
            pending: Pending::None,
        }
    }

    /// Makes one step: takes at most one fragment from the front of `received`, and writes at most one to `reply`.
    ///
    /// `received` is everything that was received and not consumed yet; it is decrypted in place, and what was consumed is
    /// wiped, because a registration may carry a password. `reply` is room for
    /// a fragment of the length given to [`new`](Self::new); the connection is closed if one does not fit.
    pub fn receive(&mut self, env: &mut Environment<'_, '_>, received: &mut [u8], reply: &mut [u8]) -> Step {
        if let Phase::Ended(reason) = self.phase {
            return Step { consumed: received.len(), close: Some(reason), ..Step::default() };
        }
        let now = env.now.monotonic;
        let (consumed, done) = if self.pending.is_reply() {
            (0, self.reply_further(env.pool, reply))
        } else {
            match self.frame(received) {
                Framed::Partial => {
                    self.partial = if received.is_empty() { None } else { self.partial.or(Some(now)) };
                    return Step::default();
                }
                Framed::Whole(layout) => {
                    self.partial = None;
                    let length = usize::from(layout.header.fragment_length);
                    (length, self.fragment_came(env, received.get_mut(..length).unwrap_or_default(), &layout, reply))
                }
                Framed::WrongVersion => (received.len(), Self::refuse_version(received, reply)),
                Framed::Unreadable => (received.len(), Done::close(Closed::Unreadable)),
            }
        };
        self.last = now;
        received.get_mut(..consumed).unwrap_or_default().fill(0);
        if let Some(reason) = done.close {
            self.phase = Phase::Ended(reason);
            self.pending = Pending::None;
            env.pool.release(self.connection);
        }
        let rest = received.get(consumed..).unwrap_or_default();
        Step {
            consumed,
            produced: done.produced,
            more: done.close.is_none() && (self.pending.is_reply() || !matches!(self.frame(rest), Framed::Partial)),
            close: done.close,
            login: done.login,
            counts: Counts {
                calls_in: done.called.into(),
                calls_out: 0,
                packets_in: (consumed > 0).into(),
                packets_out: (done.produced > 0).into(),
            },
        }
    }

    /// When [`overdue`](Self::overdue) will give a reason, if nothing comes before.
    #[must_use]
    pub fn deadline(&self) -> Option<Monotonic> {
        match self.phase {
            Phase::Ended(_) => None,
            _ => Some(self.due().0),
        }
    }

    /// Why the connection is to be closed now, because its deadline has passed.
    #[must_use]
    pub fn overdue(&self, now: Monotonic) -> Option<Closed> {
        self.deadline().filter(|deadline| *deadline <= now).map(|_| self.due().1)
    }

    /// The connection is gone: gives back what it holds of the pool. Harmless when said twice.
    pub fn closed(&mut self, pool: &mut Pool<'_>) {
        if !matches!(self.phase, Phase::Ended(_)) {
            self.phase = Phase::Ended(Closed::Shutdown);
        }
        self.pending = Pending::None;
        pool.release(self.connection);
    }

    fn due(&self) -> (Monotonic, Closed) {
        let known = self.securities.any_established();
        let due = if self.phase == Phase::Bound && (known || !self.login_due) {
            (self.last.plus(if known { IDLE_TIME } else { STRANGER_IDLE_TIME }), Closed::IdleTime)
        } else {
            (self.accepted.plus(BIND_TIME), Closed::BindTime)
        };
        let waiting = [self.partial, self.pending.since()];
        let earliest = waiting.iter().flatten().map(|since| (since.plus(CALL_TIME), Closed::CallTime));
        earliest.fold(due, |due, other| if other.0 < due.0 { other } else { due })
    }

    /// Looks whether a fragment is there, and whether it can be one.
    fn frame(&self, received: &[u8]) -> Framed {
        match Header::read(received) {
            Err(HeaderError::Short(_)) => Framed::Partial,
            Err(HeaderError::Version { .. }) if received.get(2) == Some(&(Kind::Bind as u8)) => {
                if received.len() < Header::LENGTH { Framed::Partial } else { Framed::WrongVersion }
            }
            Err(_) => Framed::Unreadable,
            Ok(header) if header.fragment_length > self.longest => Framed::Unreadable,
            Ok(header) if received.len() < usize::from(header.fragment_length) => Framed::Partial,
            Ok(_) => Layout::read(received).map_or(Framed::Unreadable, Framed::Whole),
        }
    }

    fn fragment_came(
        &mut self,
        env: &mut Environment<'_, '_>,
        fragment: &mut [u8],
        layout: &Layout,
        reply: &mut [u8],
    ) -> Done {
        let header = &layout.header;
        match (header.kind, self.phase) {
            (Kind::Bind, Phase::New) => {
                let done = self.bind(env, fragment, layout, reply);
                self.phase = Phase::Bound;
                done
            }
            (Kind::Bind, _) => Self::nak(header.call_id, BindNak::UNSPECIFIED, reply).and_close(Closed::Forbidden),
            (Kind::Request, Phase::Bound) => self.request(env, fragment, layout, reply),
            (Kind::Request, _) => {
                Self::fault(header.call_id, 0, Fault::PROTOCOL, true, reply).and_close(Closed::Forbidden)
            }
            (Kind::AlterContext, Phase::Bound) => self.alter(env, fragment, layout, reply),
            (Kind::Auth3, Phase::Bound) => self.auth3(env, fragment, layout, reply),
            (Kind::CoCancel | Kind::Orphaned, Phase::Bound) => self.abandon(env.pool, fragment, layout),
            // A client may send nothing else, and nothing else first.
            _ => Done::close(Closed::Forbidden),
        }
    }

    /// Answers a bind of another version of the protocol, whose header cannot be read further than both versions agree.
    fn refuse_version(received: &[u8], reply: &mut [u8]) -> Done {
        let order = if received.get(4).is_some_and(|label| label >> 4 == 0) { Order::Big } else { Order::Little };
        let mut call_id = Reader::with_order(received.get(12..).unwrap_or_default(), order);
        Self::nak(call_id.u32().unwrap_or_default(), BindNak::VERSION, reply).and_close(Closed::Unreadable)
    }

    pub(super) fn nak(call_id: u32, reason: u16, reply: &mut [u8]) -> Done {
        let body = Body::BindNak(BindNak { reason, rest: BindNak::VERSIONS });
        Self::emit(&Pdu { minor: 0, flags: Flags::ONLY, call_id, body, verifier: None }, reply)
    }

    /// A fault, never protected: its 32 bytes are all there is.
    pub(super) fn fault(call_id: u32, context: u16, fault: Fault, not_executed: bool, reply: &mut [u8]) -> Done {
        let flags = if not_executed { Flags::ONLY.with(Flags::DID_NOT_EXECUTE) } else { Flags::ONLY };
        let body = pdu::Fault { hint: 0, context, cancels: 0, flags: 0, status: fault.0, stub: &[] };
        Self::emit(&Pdu { minor: 0, flags, call_id, body: Body::Fault(body), verifier: None }, reply)
    }

    fn emit(pdu: &Pdu<'_>, reply: &mut [u8]) -> Done {
        pdu.encode(&mut Writer::new(reply)).map_or(Done::close(Closed::Shutdown), Done::reply)
    }
}

/// Whether a fragment is there.
enum Framed {
    /// More has to come.
    Partial,
    /// One is there.
    Whole(Layout),
    /// A bind of another version of the protocol.
    WrongVersion,
    /// What is there is no fragment, and cannot become one.
    Unreadable,
}
