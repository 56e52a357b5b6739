//! Calls: fragments of requests are joined, carried out, and answered in fragments.

use super::{
    Association, Call, Caller, Environment, Fault, Pool, Trust,
    pending::{Head, Pending},
    security::{Judged, Securities},
    step::Done,
};
use crate::{
    bytes::{Full, Order, Writer},
    event::Closed,
    pdu::{Flags, Header, Kind, Layout, Request, Response, SyntaxId, Verification},
    time::Monotonic,
};

/// Where the stub of a complete request is.
enum Stub<'s> {
    Received(&'s [u8]),
    Joined { slot: usize, length: usize },
}

impl Association {
    pub(super) fn request(
        &mut self,
        env: &mut Environment<'_, '_>,
        fragment: &mut [u8],
        layout: &Layout,
        reply: &mut [u8],
    ) -> Done {
        let flags = layout.header.flags;
        let call_id = layout.header.call_id;
        let refuse = |fault, reason, reply: &mut [u8]| Self::fault(call_id, 0, fault, true, reply).and_close(reason);

        let stub_at = if flags.has(Flags::OBJECT) { Request::HEAD + Request::OBJECT } else { Request::HEAD };
        let judged = match self.securities.judge(fragment, layout, stub_at) {
            Ok(judged) => judged,
            Err(reason) => return refuse(Fault::ACCESS_DENIED, reason, reply),
        };
        let fragment = &*fragment;
        let Ok(request) = Request::read(&mut layout.body(fragment), flags.has(Flags::OBJECT)) else {
            return refuse(Fault::PROTOCOL, Closed::Unreadable, reply);
        };

        match (self.pending, flags.has(Flags::FIRST)) {
            (Pending::None, true) => self.first(env, fragment, layout, &request, judged, reply),
            (Pending::Joining { head, slot, length, since }, false)
                if (head.call_id, head.context, head.opnum) == (call_id, request.context, request.opnum) =>
            {
                if head.judged != judged {
                    return refuse(Fault::ACCESS_DENIED, Closed::Forbidden, reply);
                }
                self.join(env, &head, slot, length, since, flags, request.stub, reply)
            }
            (Pending::Discarding { call_id: discarded, .. }, false) if discarded == call_id => {
                if flags.has(Flags::LAST) {
                    self.pending = Pending::None;
                }
                Done::default()
            }
            _ => refuse(Fault::PROTOCOL, Closed::Forbidden, reply),
        }
    }

    /// The first fragment of a call, which decides whether the call may be made at all.
    fn first(
        &mut self,
        env: &mut Environment<'_, '_>,
        fragment: &[u8],
        layout: &Layout,
        request: &Request<'_>,
        judged: Judged,
        reply: &mut [u8],
    ) -> Done {
        let flags = layout.header.flags;
        let last = flags.has(Flags::LAST);
        let now = env.now.monotonic;
        let mut head = Head {
            call_id: layout.header.call_id,
            context: request.context,
            interface: 0,
            opnum: request.opnum,
            object: request.object,
            order: layout.header.order,
            representation: fragment.get(4..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default(),
            maybe: flags.has(Flags::MAYBE),
            judged,
        };
        let Some(presentation) = self.presentations.iter().find(|known| known.id == head.context) else {
            return self.refuse_call(&head, Fault::UNKNOWN_INTERFACE, last, now, reply);
        };
        head.interface = presentation.interface;
        let Some(interface) = env.services.interfaces().get(head.interface) else {
            return self.refuse_call(&head, Fault::UNKNOWN_INTERFACE, last, now, reply);
        };
        if judged.level < interface.minimum {
            return self.refuse_call(&head, Fault::ACCESS_DENIED, last, now, reply);
        }
        if usize::from(head.opnum) >= interface.methods.len() {
            return self.refuse_call(&head, Fault::OP_RANGE, last, now, reply);
        }
        if last {
            return self.carry_out(env, &head, &Stub::Received(request.stub), reply);
        }
        match env.pool.take(self.connection, judged.is_stranger()) {
            Some(slot) => self.join(env, &head, slot, 0, now, flags, request.stub, reply),
            None => self.refuse_call(&head, Fault::SERVER_TOO_BUSY, last, now, reply),
        }
    }

    /// Adds a fragment to the call in `slot`, and carries the call out when it is complete.
    #[allow(clippy::too_many_arguments)]
    fn join(
        &mut self,
        env: &mut Environment<'_, '_>,
        head: &Head,
        slot: usize,
        length: usize,
        since: Monotonic,
        flags: Flags,
        stub: &[u8],
        reply: &mut [u8],
    ) -> Done {
        let last = flags.has(Flags::LAST);
        let end = length + stub.len();
        if env.pool.fill(slot, length, stub).is_none() {
            env.pool.release(self.connection);
            return self.refuse_call(head, Fault::NO_MEMORY, last, since, reply);
        }
        if last {
            return self.carry_out(env, head, &Stub::Joined { slot, length: end }, reply);
        }
        self.pending = Pending::Joining { head: *head, slot, length: end, since };
        Done::default()
    }

    /// Answers a call that is not made. Its further fragments are still taken, because each moves the security context on.
    fn refuse_call(&mut self, head: &Head, fault: Fault, last: bool, since: Monotonic, reply: &mut [u8]) -> Done {
        self.pending = if last { Pending::None } else { Pending::Discarding { call_id: head.call_id, since } };
        let done = Self::fault(head.call_id, head.context, fault, true, reply);
        if head.maybe { Done { produced: 0, ..done } } else { done }
    }

    fn carry_out(&mut self, env: &mut Environment<'_, '_>, head: &Head, stub: &Stub<'_>, reply: &mut [u8]) -> Done {
        let outcome = self.call(env, head, stub);
        self.pending = Pending::None;
        let held = match stub {
            Stub::Received(_) => None,
            Stub::Joined { slot, .. } => Some(*slot),
        };
        let done = match outcome {
            _ if head.maybe => Done::default(),
            Ok(length) => self.reply_first(env, head, held, length, reply),
            Err((fault, not_executed)) => Self::fault(head.call_id, head.context, fault, not_executed, reply),
        };
        if held.is_some() && !self.pending.is_reply() {
            env.pool.release(self.connection);
        }
        Done { called: true, ..done }
    }

    /// Calls the service, which leaves its reply in the scratch. An error says too whether the call was not made.
    fn call(&mut self, env: &mut Environment<'_, '_>, head: &Head, stub: &Stub<'_>) -> Result<usize, (Fault, bool)> {
        let mut stub = match *stub {
            Stub::Received(stub) => stub,
            Stub::Joined { slot, length } => env.pool.slot(slot).get(..length).unwrap_or_default(),
        };
        if let Some((before, verification)) = Verification::split(stub, head.order) {
            let interface = env.services.interfaces().get(head.interface).map(|interface| interface.syntax);
            if !interface.is_some_and(|interface| self.verify(head, &verification, interface)) {
                return Err((Fault::ACCESS_DENIED, true));
            }
            stub = before;
        }
        let is_welcome = self.securities.account_mut(&head.judged).is_none_or(|account| {
            let Trust { accounts, .. } = env.services.trust();
            accounts.renew(account)
        });
        if !is_welcome {
            return Err((Fault::ACCESS_DENIED, true));
        }
        let caller = Caller {
            account: self.securities.account(&head.judged),
            level: head.judged.level,
            connection: self.connection,
        };
        let call =
            Call { interface: head.interface, opnum: head.opnum, object: head.object, order: head.order, caller, stub };
        env.services.call(env.now, &call, env.scratch).map_err(|fault| (fault, false))
    }

    /// Whether the client sent what arrived, [MS-RPCE] 2.2.2.13.
    fn verify(&self, head: &Head, verification: &Verification, interface: SyntaxId) -> bool {
        let signing = verification
            .bitmask
            .is_none_or(|bitmask| bitmask & Verification::HEADER_SIGNING == 0 || self.header_signing);
        // The client may have asked for a lower minor version than the one that is served.
        let presentation = verification.presentation.is_none_or(|(named, transfer)| {
            (named.uuid, named.major) == (interface.uuid, interface.major)
                && named.minor <= interface.minor
                && transfer == SyntaxId::NDR32
        });
        let header = verification.header.is_none_or(|header| {
            header.kind == Kind::Request as u8
                && header.representation == head.representation
                && (header.call_id, header.context, header.opnum) == (head.call_id, head.context, head.opnum)
        });
        signing && presentation && header && !verification.unknown
    }

    /// Sends the first fragment of a reply from the scratch, and keeps the rest in a slot.
    fn reply_first(
        &mut self,
        env: &mut Environment<'_, '_>,
        head: &Head,
        held: Option<usize>,
        length: usize,
        reply: &mut [u8],
    ) -> Done {
        let fault = |fault, reply: &mut [u8]| Self::fault(head.call_id, head.context, fault, false, reply);
        // A service that says it wrote more than it was lent is mistaken.
        let Some(stub) = env.scratch.get(..length) else {
            return fault(Fault::NO_MEMORY, reply);
        };
        let (now, rest) = stub.split_at(length.min(self.stub_room(&head.judged)));
        let mut flags = Flags::ONLY;
        if !rest.is_empty() {
            let Some(slot) = held.or_else(|| env.pool.take(self.connection, head.judged.is_stranger())) else {
                return fault(Fault::SERVER_TOO_BUSY, reply);
            };
            if env.pool.fill(slot, 0, rest).is_none() {
                env.pool.release(self.connection);
                return fault(Fault::NO_MEMORY, reply);
            }
            let since = env.now.monotonic;
            self.pending = Pending::Replying { head: *head, slot, at: 0, length: rest.len(), since };
            flags = Flags::FIRST;
        }
        self.respond(head, flags, now, length, reply)
    }

    /// Sends the next fragment of the reply that is under way.
    pub(super) fn reply_further(&mut self, pool: &mut Pool<'_>, reply: &mut [u8]) -> Done {
        let Pending::Replying { head, slot, at, length, since } = self.pending else {
            return Done::default();
        };
        let rest = pool.slot(slot).get(at..length).unwrap_or_default();
        let (stub, after) = rest.split_at(rest.len().min(self.stub_room(&head.judged)));
        let last = after.is_empty();
        let flags = if last { Flags::LAST } else { Flags::default() };
        let done = self.respond(&head, flags, stub, rest.len(), reply);
        self.pending = Pending::Replying { head, slot, at: at + stub.len(), length, since };
        if last {
            self.pending = Pending::None;
            pool.release(self.connection);
        }
        done
    }

    /// Bytes of stub that one fragment holds; a multiple of 16, so that only the last is padded.
    fn stub_room(&self, judged: &Judged) -> usize {
        usize::from(self.fragment).saturating_sub(Response::HEAD + Securities::overhead(judged)) & !15
    }

    /// Writes one fragment of a response; `left` is the length of the stub from here on.
    fn respond(&mut self, head: &Head, flags: Flags, stub: &[u8], left: usize, reply: &mut [u8]) -> Done {
        self.write_response(head, flags, stub, left, &mut Writer::new(reply))
            .map_or(Done::close(Closed::Shutdown), Done::reply)
    }

    fn write_response(
        &mut self,
        head: &Head,
        flags: Flags,
        stub: &[u8],
        left: usize,
        writer: &mut Writer<'_>,
    ) -> Result<usize, Full> {
        let signed = head.judged.verified;
        let padded = if signed { stub.len().next_multiple_of(16) } else { stub.len() };
        let length = Response::HEAD + padded + Securities::overhead(&head.judged);
        let header = Header {
            minor: 0,
            kind: Kind::Response,
            flags,
            order: Order::Little,
            // At most what was negotiated.
            fragment_length: u16::try_from(length).unwrap_or(u16::MAX),
            auth_length: if signed { Securities::SIGNATURE } else { 0 },
            call_id: head.call_id,
        };
        header.write(writer)?;
        let hint = u32::try_from(left).unwrap_or_default();
        Response { hint, context: head.context, cancels: 0, stub }.write(writer)?;
        self.securities.protect(&head.judged, writer, Response::HEAD)?;
        Ok(writer.position())
    }

    /// A client cancels a call or no longer waits for it. Calls are carried out in one step, so there is nothing to cancel
    /// but a call of which fragments are to come.
    pub(super) fn abandon(&mut self, pool: &mut Pool<'_>, fragment: &mut [u8], layout: &Layout) -> Done {
        if let Err(reason) = self.securities.judge(fragment, layout, layout.body_end) {
            return Done::close(reason);
        }
        if let (
            Kind::Orphaned,
            Pending::Joining { head: Head { call_id, .. }, .. } | Pending::Discarding { call_id, .. },
        ) = (layout.header.kind, self.pending)
            && call_id == layout.header.call_id
        {
            self.pending = Pending::None;
            pool.release(self.connection);
        }
        Done::default()
    }
}
