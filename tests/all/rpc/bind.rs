//! What a bind agrees upon, and what an alter context adds.

use mainspring::{
    auth::Provider,
    bytes::Writer,
    event::Closed,
    guid::Guid,
    limits::PRESENTATION_CONTEXTS,
    pdu::{
        Bind, BindAck, BindNak, Body, Context, Contexts, Features, Flags, Outcome, Pdu, SyntaxId, Syntaxes, Verifier,
    },
    rpc::{ClientError, Fault, Level, Login},
};

use super::{Connection, DESCRIBE, ECHO, OPEN, PRIVATE, Pair, Server, secret};

/// A PDU without a verifier, as bytes.
pub(super) fn plain(flags: Flags, call_id: u32, body: Body<'_>) -> Vec<u8> {
    written(&Pdu { minor: 0, flags, call_id, body, verifier: None })
}

pub(super) fn written(pdu: &Pdu<'_>) -> Vec<u8> {
    let mut room = [0; 8192];
    let mut writer = Writer::new(&mut room);
    pdu.encode(&mut writer).unwrap();
    writer.written().to_vec()
}

/// The body of a bind for fragments of 5840.
pub(super) fn bind_body<'b>(contexts: &'b [Context<'b>]) -> Bind<'b> {
    Bind { transmit: 5840, receive: 5840, group: 0, contexts: Contexts::list(contexts) }
}

/// A context for the open interface.
pub(super) fn open(id: u16) -> Context<'static> {
    Context { id, interface: OPEN.syntax, transfer: Syntaxes::list(&[SyntaxId::NDR32]) }
}

fn outcomes(ack: &[u8]) -> Vec<Outcome> {
    match Pdu::decode(ack).unwrap().body {
        Body::BindAck(ack) | Body::AlterContextResponse(ack) => ack.outcomes.iter().collect(),
        body => panic!("{body:?}"),
    }
}

fn acknowledged(ack: &[u8]) -> BindAck<'_> {
    match Pdu::decode(ack).unwrap().body {
        Body::BindAck(ack) => ack,
        body => panic!("{body:?}"),
    }
}

#[test]
fn windows_three_contexts_are_answered_one_by_one() {
    let mut server = Server::new(1, 10_000);
    let mut connection = Connection::new(&server, 6);
    let features = [Features(0xFFFF).to_syntax()];
    let contexts = [
        open(0),
        Context { transfer: Syntaxes::list(&[SyntaxId::NDR64]), ..open(1) },
        Context { transfer: Syntaxes::list(&features), ..open(2) },
    ];
    let ack = connection.ask(&mut server, &plain(Flags(0x07), 2, Body::Bind(bind_body(&contexts))));
    assert_eq!(
        outcomes(&ack),
        [Outcome::accepted(SyntaxId::NDR32), Outcome::UNKNOWN_TRANSFER, Outcome::negotiated(Features::ALL)]
    );
    assert_eq!(ack[3], 0x07, "first, last, and header signing as asked");
    assert_eq!(&ack[12..16], &2u32.to_le_bytes());
    assert_eq!(acknowledged(&ack).address, b"49152\0");
    assert_ne!(acknowledged(&ack).group, 0);
    // Those that were not accepted are not there.
    for (context, works) in [(0, true), (1, false), (2, false)] {
        let request = mainspring::pdu::Request { hint: 0, context, opnum: ECHO, object: None, stub: b"hi" };
        let answer = connection.ask(&mut server, &plain(Flags::ONLY, 3, Body::Request(request)));
        match Pdu::decode(&answer).unwrap().body {
            Body::Response(response) => assert!(works && response.stub == b"hi" && response.context == context),
            Body::Fault(fault) => assert!(!works && fault.status == Fault::UNKNOWN_INTERFACE.0),
            body => panic!("{body:?}"),
        }
    }
}

#[test]
fn header_signing_is_echoed_only_when_asked() {
    let mut server = Server::new(0, 0);
    let ack = Connection::new(&server, 1).ask(&mut server, &plain(Flags::ONLY, 1, Body::Bind(bind_body(&[open(0)]))));
    assert_eq!(ack[3], 0x03);
}

#[test]
fn a_syntax_is_chosen_from_several_and_versions_are_compared() {
    let other = SyntaxId { uuid: Guid::from_u128(99), ..OPEN.syntax };
    let newer = SyntaxId { minor: OPEN.syntax.minor + 1, ..OPEN.syntax };
    let older = SyntaxId { minor: 0, ..OPEN.syntax };
    let major = SyntaxId { major: 2, minor: 0, ..OPEN.syntax };
    let both = [SyntaxId::NDR64, SyntaxId::NDR32];
    let ndr_1 = [SyntaxId { major: 1, ..SyntaxId::NDR32 }];
    let mixed = [SyntaxId::NDR64, Features::ALL.to_syntax()];
    let with = |id, interface| Context { interface, ..open(id) };
    let contexts = [
        with(0, other),
        with(1, newer),
        with(2, older),
        with(3, major),
        Context { transfer: Syntaxes::list(&both), ..open(4) },
        Context { transfer: Syntaxes::list(&ndr_1), ..open(5) },
        Context { transfer: Syntaxes::list(&mixed), ..open(6) },
        Context { transfer: Syntaxes::list(&[]), ..open(7) },
        // The same number for the same interface, and for another one.
        open(4),
        with(4, PRIVATE.syntax),
    ];
    let mut server = Server::new(0, 0);
    let bind = plain(Flags::ONLY, 1, Body::Bind(bind_body(&contexts)));
    let ack = Connection::new(&server, 1).ask(&mut server, &bind);
    let accepted = Outcome::accepted(SyntaxId::NDR32);
    assert_eq!(
        outcomes(&ack),
        [
            Outcome::UNKNOWN_INTERFACE,
            Outcome::UNKNOWN_INTERFACE,
            accepted,
            Outcome::UNKNOWN_INTERFACE,
            accepted,
            Outcome::UNKNOWN_TRANSFER,
            Outcome::UNKNOWN_TRANSFER,
            Outcome::UNKNOWN_TRANSFER,
            accepted,
            Outcome::UNSPECIFIED,
        ]
    );
}

#[test]
fn fragments_are_negotiated_within_bounds() {
    for (transmit, receive, agreed) in [
        (5840, 5840, 5840),
        (4280, 4280, 4280),
        (5840, 4287, 4280),
        (3001, 65535, 3000),
        (0, 0, 2048),
        (1432, 1432, 2048),
        (2050, 0, 2048),
        (65535, 65535, 5840),
    ] {
        let mut server = Server::new(0, 0);
        let bind = Bind { transmit, receive, ..bind_body(&[]) };
        let ack = Connection::new(&server, 1).ask(&mut server, &plain(Flags::ONLY, 1, Body::Bind(bind)));
        let ack = acknowledged(&ack);
        assert_eq!((ack.transmit, ack.receive), (agreed, agreed), "{transmit} {receive}");
    }
}

#[test]
fn a_group_is_kept_or_made() {
    let mut server = Server::new(0, 0);
    for (connection, group) in [(0, 0), (u32::MAX, 0), (5, 77)] {
        let bind = plain(Flags::ONLY, 1, Body::Bind(Bind { group, ..bind_body(&[]) }));
        let ack = Connection::new(&server, connection).ask(&mut server, &bind);
        assert_ne!(acknowledged(&ack).group, 0);
        assert!(group == 0 || acknowledged(&ack).group == group);
    }
}

#[test]
fn contexts_beyond_the_limit_are_rejected_one_by_one() {
    let mut server = Server::new(0, 0);
    let mut connection = Connection::new(&server, 1);
    let contexts: Vec<_> = (0..6).map(open).collect();
    let ack = connection.ask(&mut server, &plain(Flags::ONLY, 1, Body::Bind(bind_body(&contexts))));
    assert_eq!(outcomes(&ack), vec![Outcome::accepted(SyntaxId::NDR32); 6]);
    let contexts: Vec<_> = (6..100).map(open).collect();
    let response = connection.ask(&mut server, &plain(Flags::ONLY, 2, Body::AlterContext(bind_body(&contexts))));
    let outcomes = outcomes(&response);
    assert_eq!(outcomes.len(), 94);
    for (index, outcome) in outcomes.into_iter().enumerate() {
        let expected =
            if index + 6 < PRESENTATION_CONTEXTS { Outcome::accepted(SyntaxId::NDR32) } else { Outcome::LOCAL_LIMIT };
        assert_eq!(outcome, expected, "{index}");
    }
}

#[test]
fn an_alter_context_adds_an_interface_and_has_no_address() {
    for login in [None, Some(secret(Provider::Ntlm, Level::Privacy)), Some(secret(Provider::Spnego, Level::Privacy))] {
        let mut server = Server::new(1, 10_000);
        let private = login.is_some();
        let mut pair = Pair::bound(&mut server, 1, OPEN.syntax, login);
        assert_eq!(pair.call(&mut server, DESCRIBE, b"").unwrap()[0], 0);
        let mut out = [0; 1024];
        let produced = pair.client.alter(PRIVATE.syntax, &mut out).unwrap();
        pair.negotiate(&mut server, out[..produced].to_vec()).unwrap();
        let described = pair.call(&mut server, DESCRIBE, b"");
        assert_eq!(described.map(|described| described[0]), if private { Ok(1) } else { Err(Fault::ACCESS_DENIED) });
        let produced = pair.client.alter(OPEN.syntax, &mut out).unwrap();
        pair.negotiate(&mut server, out[..produced].to_vec()).unwrap();
        assert_eq!(pair.call(&mut server, DESCRIBE, b"").unwrap()[0], 0);
        // An interface that is not there ends the client's association, not the server's.
        let produced = pair.client.alter(SyntaxId::NDR64, &mut out).unwrap();
        let error = pair.negotiate(&mut server, out[..produced].to_vec()).unwrap_err();
        assert_eq!(error, ClientError::Rejected(Outcome::UNKNOWN_INTERFACE));
    }
}

#[test]
fn logins_are_told_and_counted() {
    let mut server = Server::new(0, 0);
    let mut connection = Connection::new(&server, 1);
    let mut pair = Pair::new(&server, 1, OPEN.syntax, Some(secret(Provider::Spnego, Level::Privacy)));
    let legs = pair.bind(&mut server).unwrap();
    assert_eq!(legs.len(), 2, "bind, alter context");
    assert_eq!(connection.feed(&mut server, &legs[0]).logins, [Login::Begun]);

    let mut pair = Pair::new(&server, 2, OPEN.syntax, Some(secret(Provider::Ntlm, Level::Privacy)));
    let mut out = [0; 2048];
    let produced = pair.client.bind(server.now(), &mut pair.entropy, &mut out).unwrap();
    let ack = pair.connection.ask(&mut server, &out[..produced]);
    let leg = pair.client.negotiate(server.now(), &mut pair.entropy, &ack, &mut out).unwrap();
    assert!(leg.bound);
    let fed = pair.connection.feed(&mut server, &out[..leg.produced]);
    assert_eq!((fed.logins, fed.sent.len(), fed.close), (vec![Login::Done], 0, None), "auth3 is not answered");
}

#[test]
fn a_wrong_password_is_refused_in_every_way_of_logging_in() {
    for (provider, name) in
        [(Provider::Ntlm, "ada"), (Provider::Spnego, "ada"), (Provider::Ntlm, "eve"), (Provider::Spnego, "eve")]
    {
        let mut server = Server::new(0, 0);
        let mut wrong = secret(provider, Level::Privacy);
        wrong.credentials = mainspring::auth::Credentials::new(name, "", "not it");
        let mut pair = Pair::new(&server, 1, OPEN.syntax, Some(wrong));
        match provider {
            // The alter context is answered with a fault.
            Provider::Spnego => assert_eq!(pair.bind(&mut server), Err(ClientError::Denied(Fault::ACCESS_DENIED))),
            // Nothing answers an auth3, so the client learns it with its first call.
            Provider::Ntlm => {
                pair.bind(&mut server).unwrap();
                let request = pair.request(ECHO, b"hi").concat();
                let fed = pair.connection.feed(&mut server, &request);
                assert_eq!(fed.close, Some(Closed::Forbidden));
                assert_eq!(pair.response(&fed.sent), Ok(Err(Fault::ACCESS_DENIED)));
            }
        }
        assert_eq!((server.host.failed_logins, server.host.calls), (1, 0));
    }
}

#[test]
fn without_entropy_a_bind_is_refused_for_the_moment() {
    for provider in [Provider::Ntlm, Provider::Spnego] {
        let mut server = Server::new(0, 0);
        server.host.entropy.fails = true;
        let mut pair = Pair::new(&server, 1, OPEN.syntax, Some(secret(provider, Level::Privacy)));
        let refused = pair.bind(&mut server);
        assert_eq!(refused, Err(ClientError::Refused { reason: BindNak::TEMPORARY_CONGESTION }));
    }
}

#[test]
fn tokens_that_nobody_here_reads_are_refused() {
    let verifier =
        Verifier { padding: &[], provider: 10, level: 6, reserved: 0, context: 1, value: b"NTLMSSP\0rubbish!" };
    let long = [b'N'; 5000];
    for (verifier, reason) in [
        (verifier, BindNak::INVALID_CHECKSUM),
        (Verifier { provider: 9, ..verifier }, BindNak::INVALID_CHECKSUM),
        (Verifier { provider: 16, ..verifier }, BindNak::UNKNOWN_PROVIDER),
        (Verifier { provider: 0, ..verifier }, BindNak::UNKNOWN_PROVIDER),
        (Verifier { level: 1, ..verifier }, BindNak::UNSPECIFIED),
        (Verifier { level: 0, ..verifier }, BindNak::UNSPECIFIED),
        (Verifier { level: 7, ..verifier }, BindNak::UNSPECIFIED),
        (Verifier { value: &long, ..verifier }, BindNak::INVALID_CHECKSUM),
    ] {
        let mut server = Server::new(0, 0);
        let contexts = [open(0)];
        let body = Body::Bind(bind_body(&contexts));
        let bind = written(&Pdu { minor: 0, flags: Flags::ONLY, call_id: 4, body, verifier: Some(verifier) });
        let fed = Connection::new(&server, 1).feed(&mut server, &bind);
        assert_eq!(fed.close, Some(Closed::Forbidden));
        let Body::BindNak(nak) = Pdu::decode(&fed.sent[0]).unwrap().body else { panic!("{fed:?}") };
        let Verifier { provider, level, value, .. } = verifier;
        assert_eq!(nak.reason, reason, "provider {provider}, level {level}, {} bytes", value.len());
    }
}

#[test]
fn a_bind_of_another_version_is_refused_with_the_version_that_is_served() {
    for (label, call_id) in [(0x10, 7u32.to_le_bytes()), (0x00, 7u32.to_be_bytes())] {
        for (major, minor) in [(4, 0), (6, 0), (5, 2), (0, 0)] {
            let mut server = Server::new(0, 0);
            let mut bind = plain(Flags::ONLY, 7, Body::Bind(bind_body(&[open(0)])));
            (bind[0], bind[1], bind[4]) = (major, minor, label);
            bind[12..16].copy_from_slice(&call_id);
            let fed = Connection::new(&server, 1).feed(&mut server, &bind);
            assert_eq!(fed.close, Some(Closed::Unreadable));
            let pdu = Pdu::decode(&fed.sent[0]).unwrap();
            assert_eq!(pdu.call_id, 7);
            assert_eq!(pdu.body, Body::BindNak(BindNak { reason: BindNak::VERSION, rest: BindNak::VERSIONS }));
        }
    }
}
