//! Several security contexts on one connection: a call is judged by the one that its own verifier names.

use mainspring::{
    auth::{Credentials, Initiated, Initiator, Protection, Provider},
    bytes::Writer,
    event::Closed,
    limits::SECURITY_CONTEXTS,
    pdu::{Body, Flags, Layout, Pdu, Request, Verification, VerifiedHeader, Verifier},
    rpc::{Fault, Level},
};

use super::{
    Connection, DESCRIBE, Fixed, LENGTH, OPEN, PRIVATE, Pair, Server,
    bind::{bind_body, open, plain, written},
    secret,
};

/// One login by hand: its `auth_context_id`, level, and what protects its fragments.
struct Hand {
    id: u32,
    level: u8,
    protection: Protection,
    /// The token that ended the login.
    last: Vec<u8>,
}

/// Logs in with raw NTLM, by a bind if it is the first and by an alter context if not.
fn login(server: &mut Server, connection: &mut Connection, id: u32, level: u8, first: bool) -> Hand {
    let (mut entropy, now) = (Fixed { next: 5, fails: false }, server.now());
    let mut initiator = Initiator::new(Provider::Ntlm, Credentials::new("ada", "", "secret"));
    let mut room = [0; 2048];
    let mut token = Writer::new(&mut room);
    initiator.initiate(None, &mut token, now, &mut entropy).unwrap();
    let verifier = |value| Verifier { padding: &[], provider: 10, level, reserved: 0, context: id, value };
    let contexts = [open(0), mainspring::pdu::Context { interface: PRIVATE.syntax, ..open(1) }];
    let body = bind_body(&contexts);
    let body = if first { Body::Bind(body) } else { Body::AlterContext(body) };
    let pdu = Pdu { minor: 0, flags: Flags(0x07), call_id: 9, body, verifier: Some(verifier(token.written())) };
    let answer = connection.ask(server, &written(&pdu));
    let challenge = Pdu::decode(&answer).unwrap().verifier.unwrap();
    assert_eq!((challenge.provider, challenge.level, challenge.context), (10, level, id));
    let mut room = [0; 2048];
    let mut token = Writer::new(&mut room);
    let initiated = initiator.initiate(Some(challenge.value), &mut token, now, &mut entropy).unwrap();
    let Initiated::Established(protection) = initiated else { panic!("{initiated:?}") };
    let body = Body::Auth3(&[0; 4]);
    let pdu = Pdu { minor: 0, flags: Flags::ONLY, call_id: 10, body, verifier: Some(verifier(token.written())) };
    assert_eq!(connection.feed(server, &written(&pdu)).sent.len(), 0);
    Hand { id, level, protection, last: token.written().to_vec() }
}

impl Hand {
    /// A protected fragment of a request, with a pad of `alignment`.
    fn request(&mut self, flags: Flags, request: Request<'_>, alignment: usize) -> Vec<u8> {
        let padding = vec![0xAA; request.stub.len().next_multiple_of(alignment) - request.stub.len()];
        let body = Body::Request(request);
        let verifier = Verifier {
            padding: &padding,
            provider: 10,
            level: self.level,
            reserved: 0,
            context: self.id,
            value: &[0; 16],
        };
        let mut bytes = written(&Pdu { minor: 0, flags, call_id: 20, body, verifier: Some(verifier) });
        let layout = Layout::read(&bytes).unwrap();
        let (pdu, value) = bytes.split_at_mut(layout.value_at);
        let signature = match self.level {
            2 => [7; 16],
            6 => self.protection.seal(pdu, 24..layout.trailer_at),
            _ => self.protection.sign(pdu),
        };
        value.copy_from_slice(&signature);
        bytes
    }

    /// The stub of a protected response, or the status of a fault.
    fn response(&mut self, mut bytes: Vec<u8>) -> Result<Vec<u8>, u32> {
        let layout = Layout::read(&bytes).unwrap();
        if let Body::Fault(fault) = Pdu::decode(&bytes).unwrap().body {
            return Err(fault.status);
        }
        assert_eq!(layout.trailer.map(|trailer| (trailer.level, trailer.context)), Some((self.level, self.id)));
        assert_eq!(layout.trailer_at % 16, 8, "16 after the begin of the stub");
        let (pdu, value) = bytes.split_at_mut(layout.value_at);
        match self.level {
            2 => assert_eq!(value, [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            6 => self.protection.unseal(pdu, 24..layout.trailer_at, value).unwrap(),
            _ => self.protection.verify(pdu, value).unwrap(),
        }
        Ok(bytes[24..layout.body_end].to_vec())
    }
}

fn describe(context: u16) -> Request<'static> {
    Request { hint: 0, context, opnum: DESCRIBE, object: None, stub: b"" }
}

#[test]
fn calls_of_several_logins_are_judged_apart() {
    for levels in [[6, 5], [5, 6], [6, 2], [4, 6], [5, 2]] {
        several_logins(levels);
    }
}

fn several_logins(levels: [u8; SECURITY_CONTEXTS]) {
    let mut server = Server::new(1, 10_000);
    let mut connection = Connection::new(&server, 1);
    let mut hands: Vec<Hand> = (0..)
        .zip(levels)
        .map(|(index, level)| login(&mut server, &mut connection, 100 + index, level, index == 0))
        .collect();
    for round in 0..3 {
        for hand in &mut hands {
            let expected = match hand.level {
                6 => Level::Privacy,
                4 | 5 => Level::Integrity,
                _ => Level::Connect,
            };
            let request = hand.request(Flags::ONLY, describe(0), [4, 8, 16][round]);
            let answer = connection.ask(&mut server, &request);
            assert_eq!(hand.response(answer), Ok(vec![0, expected as u8, 1, 1, 0]));
            let request = hand.request(Flags::ONLY, describe(1), 4);
            let answer = connection.ask(&mut server, &request);
            let private = if hand.level == 6 { Ok(vec![1, 6, 1, 1, 0]) } else { Err(Fault::ACCESS_DENIED.0) };
            assert_eq!(hand.response(answer), private);
        }
        // Whoever sends no verifier is nobody, whoever else is logged in.
        let answer = connection.ask(&mut server, &plain(Flags::ONLY, 20, Body::Request(describe(0))));
        let Body::Response(response) = Pdu::decode(&answer).unwrap().body else { panic!() };
        assert_eq!(response.stub, [0, Level::None as u8, 1, 0, 0]);
    }
}

/// Samba's client sends the last token of a raw NTLM login again with the alter context for its next interface.
#[test]
fn the_last_token_of_a_login_may_come_again_with_an_alter_context() {
    let mut server = Server::new(1, 10_000);
    let mut connection = Connection::new(&server, 1);
    let mut hand = login(&mut server, &mut connection, 1, 6, true);
    let again = |level| {
        let verifier = Verifier { padding: &[], provider: 10, level, reserved: 0, context: 1, value: &hand.last };
        let contexts = [open(7)];
        let body = Body::AlterContext(bind_body(&contexts));
        written(&Pdu { minor: 0, flags: Flags::ONLY, call_id: 11, body, verifier: Some(verifier) })
    };
    let (same, lower) = (again(6), again(5));
    let answer = connection.ask(&mut server, &same);
    let answer = Pdu::decode(&answer).unwrap();
    assert!(matches!(answer.body, Body::AlterContextResponse(_)) && answer.verifier.is_none(), "{answer:?}");
    // The login is what it was, for the old interface and the new one.
    for context in [0, 7] {
        let request = hand.request(Flags::ONLY, describe(context), 16);
        let answer = connection.ask(&mut server, &request);
        assert_eq!(hand.response(answer), Ok(vec![0, Level::Privacy as u8, 1, 1, 0]));
    }
    // Nobody lowers the level of a login so.
    assert_eq!(connection.feed(&mut server, &lower).close, Some(Closed::Forbidden));
}

#[test]
fn a_login_too_many_is_refused() {
    let mut server = Server::new(0, 0);
    let mut connection = Connection::new(&server, 1);
    for index in 0..SECURITY_CONTEXTS as u32 {
        login(&mut server, &mut connection, index, 6, index == 0);
    }
    let mut room = [0; 256];
    let mut token = Writer::new(&mut room);
    let mut entropy = Fixed { next: 5, fails: false };
    let mut initiator = Initiator::new(Provider::Ntlm, Credentials::new("ada", "", "secret"));
    initiator.initiate(None, &mut token, server.now(), &mut entropy).unwrap();
    let verifier = Verifier { padding: &[], provider: 10, level: 6, reserved: 0, context: 77, value: token.written() };
    let body = Body::AlterContext(bind_body(&[]));
    let pdu = Pdu { minor: 0, flags: Flags::ONLY, call_id: 9, body, verifier: Some(verifier) };
    let fed = connection.feed(&mut server, &written(&pdu));
    assert_eq!(fed.close, Some(Closed::Forbidden));
    let Body::Fault(fault) = Pdu::decode(&fed.sent[0]).unwrap().body else { panic!() };
    assert_eq!(fault.status, Fault::ACCESS_DENIED.0);
}

/// Sends what is made of a request by two logins, and gives the fault and the reason of the close.
fn refused(fragments: impl FnOnce(&mut [Hand; 2]) -> Vec<Vec<u8>>) -> (u32, Closed, usize) {
    let mut server = Server::new(2, 10_000);
    let mut connection = Connection::new(&server, 1);
    let mut hands = [login(&mut server, &mut connection, 1, 6, true), login(&mut server, &mut connection, 2, 5, false)];
    let fed = connection.feed(&mut server, &fragments(&mut hands).concat());
    let Body::Fault(fault) = Pdu::decode(fed.sent.last().unwrap()).unwrap().body else { panic!("{fed:?}") };
    assert_eq!(server.taken(), 0);
    (fault.status, fed.close.expect("the connection is closed"), server.host.calls)
}

#[test]
fn the_fragments_of_a_call_come_from_one_login() {
    let part = Request { hint: 0, context: 0, opnum: LENGTH, object: None, stub: &[1; 16] };
    let denied = (Fault::ACCESS_DENIED.0, Closed::Forbidden, 0);
    let other =
        |[one, two]: &mut [Hand; 2]| vec![one.request(Flags::FIRST, part, 16), two.request(Flags::LAST, part, 16)];
    assert_eq!(refused(other), denied);
    let nobody = |[one, _]: &mut [Hand; 2]| {
        vec![one.request(Flags::FIRST, part, 16), plain(Flags::LAST, 20, Body::Request(part))]
    };
    assert_eq!(refused(nobody), denied);
    let later = |[one, _]: &mut [Hand; 2]| {
        vec![plain(Flags::FIRST, 20, Body::Request(part)), one.request(Flags::LAST, part, 16)]
    };
    assert_eq!(refused(later), denied);
}

#[test]
fn verifiers_that_do_not_belong_are_denied() {
    let denied = |reason| (Fault::ACCESS_DENIED.0, reason, 0);
    let with = |at: usize, value: u8| {
        refused(|[one, _]| {
            let mut request = one.request(Flags::ONLY, describe(0), 16);
            let trailer = request.len() - 24;
            request[trailer + at] = value;
            vec![request]
        })
    };
    assert_eq!(with(0, 9), denied(Closed::Forbidden), "another provider");
    assert_eq!(with(1, 5), denied(Closed::Forbidden), "another level");
    assert_eq!(with(4, 99), denied(Closed::Forbidden), "a login that is not there");
    assert_eq!(with(3, 1), denied(Closed::BadVerifier), "a reserved field that was signed as zero");
    assert_eq!(with(8, 2), denied(Closed::BadVerifier), "a signature of another version");
    assert_eq!(with(23, 77), denied(Closed::BadVerifier), "a sequence number that is not due");
    let twice = refused(|[one, _]| {
        let request = one.request(Flags::ONLY, describe(1), 16);
        vec![request.clone(), request]
    });
    assert_eq!(twice, (Fault::ACCESS_DENIED.0, Closed::BadVerifier, 1), "a replay");
    let header = refused(|[_, two]| {
        let mut request = two.request(Flags::ONLY, describe(0), 16);
        request[22] = LENGTH as u8;
        vec![request]
    });
    assert_eq!(header, denied(Closed::BadVerifier), "another method than was signed");
    let short = refused(|[one, _]| {
        let mut request = one.request(Flags::ONLY, describe(0), 16);
        request.truncate(request.len() - 4);
        let length = request.len() as u16;
        request[8..10].copy_from_slice(&length.to_le_bytes());
        request[10] = 12;
        vec![request]
    });
    assert_eq!(short, denied(Closed::BadVerifier), "a signature that is too short");
}

#[test]
fn a_verification_trailer_is_checked_where_it_is() {
    let good = Verification {
        bitmask: Some(1),
        presentation: Some((OPEN.syntax, mainspring::pdu::SyntaxId::NDR32)),
        header: Some(VerifiedHeader {
            kind: 0,
            representation: [0x10, 0, 0, 0],
            call_id: 20,
            context: 0,
            opnum: LENGTH,
        }),
        unknown: false,
    };
    let header = good.header.unwrap();
    let cases = [
        (good, true),
        (Verification { bitmask: None, ..good }, true),
        (Verification { presentation: Some((PRIVATE.syntax, mainspring::pdu::SyntaxId::NDR32)), ..good }, false),
        (Verification { presentation: Some((OPEN.syntax, mainspring::pdu::SyntaxId::NDR64)), ..good }, false),
        (Verification { header: Some(VerifiedHeader { kind: 2, ..header }), ..good }, false),
        (Verification { header: Some(VerifiedHeader { call_id: 21, ..header }), ..good }, false),
        (Verification { header: Some(VerifiedHeader { context: 1, ..header }), ..good }, false),
        (Verification { header: Some(VerifiedHeader { opnum: 1, ..header }), ..good }, false),
        (Verification { header: Some(VerifiedHeader { representation: [0; 4], ..header }), ..good }, false),
    ];
    for split in [false, true] {
        for (verification, accepted) in cases {
            let mut server = Server::new(1, 10_000);
            let mut connection = Connection::new(&server, 1);
            let mut hand = login(&mut server, &mut connection, 1, 6, true);
            let mut room = [0; 512];
            let mut writer = Writer::new(&mut room);
            writer.put(&[1; 33]).unwrap();
            verification.write(&mut writer, 0).unwrap();
            let stub = writer.written();
            let request = Request { hint: 0, context: 0, opnum: LENGTH, object: None, stub };
            let fragments = if split {
                let (first, last) = stub.split_at(16);
                let first = hand.request(Flags::FIRST, Request { stub: first, ..request }, 16);
                [first, hand.request(Flags::LAST, Request { stub: last, ..request }, 16)].concat()
            } else {
                hand.request(Flags::ONLY, request, 16)
            };
            let answer = connection.ask(&mut server, &fragments);
            let expected = if accepted {
                Ok([36u32.to_le_bytes(), 33u32.to_le_bytes()].concat())
            } else {
                Err(Fault::ACCESS_DENIED.0)
            };
            assert_eq!(hand.response(answer), expected, "{verification:?}");
            // The connection is kept either way.
            let again = hand.request(Flags::ONLY, describe(0), 16);
            let answer = connection.ask(&mut server, &again);
            assert!(hand.response(answer).is_ok());
        }
    }
    // Header signing that was not negotiated: the flag of the bind was taken away on the way.
    let mut server = Server::new(1, 10_000);
    let mut connection = Connection::new(&server, 1);
    connection.ask(&mut server, &plain(Flags::ONLY, 1, Body::Bind(bind_body(&[open(0)]))));
    let mut room = [0; 512];
    let mut writer = Writer::new(&mut room);
    Verification { bitmask: Some(1), ..Verification::default() }.write(&mut writer, 0).unwrap();
    let request = Request { hint: 0, context: 0, opnum: LENGTH, object: None, stub: writer.written() };
    let answer = connection.ask(&mut server, &plain(Flags::ONLY, 2, Body::Request(request)));
    let Body::Fault(fault) = Pdu::decode(&answer).unwrap().body else { panic!() };
    assert_eq!(fault.status, Fault::ACCESS_DENIED.0);
}

#[test]
fn a_login_that_is_not_finished_protects_nothing() {
    let mut server = Server::new(0, 0);
    let mut pair = Pair::new(&server, 1, OPEN.syntax, Some(secret(Provider::Ntlm, Level::Privacy)));
    let mut out = [0; 2048];
    let produced = pair.client.bind(server.now(), &mut pair.entropy, &mut out).unwrap();
    let ack = pair.connection.ask(&mut server, &out[..produced]);
    pair.client.negotiate(server.now(), &mut pair.entropy, &ack, &mut out).unwrap();
    let request = pair.request(DESCRIBE, b"").concat();
    let fed = pair.connection.feed(&mut server, &request);
    assert_eq!((fed.close, server.host.calls), (Some(Closed::Forbidden), 0));
    assert_eq!(pair.response(&fed.sent), Ok(Err(Fault::ACCESS_DENIED)));
}
