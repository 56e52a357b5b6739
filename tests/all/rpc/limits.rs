//! What is bounded: buffers, sizes and times.

use mainspring::{
    auth::Provider,
    bytes::Order,
    event::Closed,
    limits::{BIND_TIME, CALL_TIME, FRAGMENT_MAX, IDLE_TIME, STRANGER_IDLE_TIME},
    pdu::{Body, Flags, Pdu, Request},
    rpc::{ClientError, Fault, Level, Received},
    time::Monotonic,
};

use super::{
    Connection, ECHO, FILL, LENGTH, OPEN, Pair, Server,
    bind::{bind_body, open, plain},
    filler, secret,
};

fn privately() -> Option<super::Secret<'static>> {
    Some(secret(Provider::Ntlm, Level::Privacy))
}

#[test]
fn without_a_free_slot_a_long_call_is_refused_and_the_connection_kept() {
    let mut server = Server::new(1, 20_000);
    let mut one = Pair::bound(&mut server, 1, OPEN.syntax, privately());
    let mut two = Pair::bound(&mut server, 2, OPEN.syntax, privately());
    let stub: Vec<u8> = (0..15_000).map(filler).collect();
    let fragments = one.request(ECHO, &stub);
    assert_eq!(fragments.len(), 3);
    one.connection.feed(&mut server, &fragments[0]);
    assert_eq!(server.taken(), 1);

    assert_eq!(two.call(&mut server, LENGTH, &stub), Err(Fault::SERVER_TOO_BUSY));
    assert_eq!(two.call(&mut server, FILL, &9000u32.to_le_bytes()), Err(Fault::SERVER_TOO_BUSY));
    assert_eq!(two.call(&mut server, ECHO, b"short calls need none"), Ok(b"short calls need none".to_vec()));
    assert_eq!(server.host.calls, 2);

    assert!(!server.slots_are_wiped());
    let fed = one.connection.feed(&mut server, &fragments[1..].concat());
    assert_eq!(one.response(&fed.sent).unwrap(), Ok(stub.clone()));
    assert_eq!(server.taken(), 0);
    assert!(server.slots_are_wiped(), "a registration may carry a password");
    assert!(two.call(&mut server, LENGTH, &stub).is_ok());
}

#[test]
fn strangers_leave_half_of_the_slots_to_those_who_are_logged_in() {
    let mut server = Server::new(4, 20_000);
    let stub: Vec<u8> = (0..15_000).map(filler).collect();
    for number in 1..=5 {
        let mut stranger = Pair::bound(&mut server, number, OPEN.syntax, None);
        let fragments = stranger.request(ECHO, &stub);
        let fed = stranger.connection.feed(&mut server, &fragments[0]);
        if number <= 2 {
            assert!(fed.sent.is_empty());
        } else {
            assert_eq!(stranger.response(&fed.sent).unwrap(), Err(Fault::SERVER_TOO_BUSY), "stranger {number}");
        }
    }
    assert_eq!(server.taken(), 2);
    // Their replies need slots too.
    let mut stranger = Pair::bound(&mut server, 6, OPEN.syntax, None);
    assert_eq!(stranger.call(&mut server, FILL, &9000u32.to_le_bytes()), Err(Fault::SERVER_TOO_BUSY));
    assert_eq!(stranger.call(&mut server, ECHO, b"short calls need none"), Ok(b"short calls need none".to_vec()));

    for number in 7..=8 {
        let mut known = Pair::bound(&mut server, number, OPEN.syntax, privately());
        assert_eq!(known.call(&mut server, ECHO, &stub), Ok(stub.clone()));
        let fragments = known.request(ECHO, &stub);
        known.connection.feed(&mut server, &fragments[0]);
    }
    assert_eq!(server.taken(), 4);
}

#[test]
fn a_pool_of_nothing_serves_short_calls() {
    let mut server = Server::new(0, 0);
    let mut pair = Pair::bound(&mut server, 1, OPEN.syntax, privately());
    assert_eq!(pair.call(&mut server, ECHO, b"short"), Ok(b"short".to_vec()));
    assert_eq!(pair.call(&mut server, ECHO, &[1; 9000]), Err(Fault::SERVER_TOO_BUSY));
    assert_eq!(pair.call(&mut server, ECHO, b"short"), Ok(b"short".to_vec()));
}

#[test]
fn calls_and_replies_longer_than_a_slot_get_a_fault() {
    let mut server = Server::new(2, 20_000);
    let mut pair = Pair::bound(&mut server, 1, OPEN.syntax, privately());
    assert!(pair.call(&mut server, LENGTH, &[1; 20_000]).is_ok());
    assert_eq!(pair.call(&mut server, LENGTH, &[1; 20_001]), Err(Fault::NO_MEMORY));
    assert_eq!(pair.call(&mut server, LENGTH, &[1; 90_000]), Err(Fault::NO_MEMORY));
    assert_eq!((server.taken(), server.host.calls), (0, 1));
    // The first fragment of a reply needs no slot.
    assert!(pair.call(&mut server, FILL, &25_792u32.to_le_bytes()).is_ok());
    assert_eq!(pair.call(&mut server, FILL, &25_793u32.to_le_bytes()), Err(Fault::NO_MEMORY));
    assert_eq!(pair.call(&mut server, FILL, &80_000u32.to_le_bytes()), Err(Fault::NO_MEMORY));
    assert_eq!(server.taken(), 0);
    assert!(pair.call(&mut server, ECHO, &[1; 10_000]).is_ok());
}

#[test]
fn a_slot_comes_back_however_the_connection_ends() {
    let stub = vec![1; 15_000];
    let begun = |server: &mut Server| {
        let mut pair = Pair::bound(server, 1, OPEN.syntax, privately());
        let fragments = pair.request(ECHO, &stub);
        pair.connection.feed(server, &fragments[0]);
        assert_eq!(server.taken(), 1);
        (pair, fragments)
    };
    let mut server = Server::new(1, 20_000);
    // By the peer.
    let (mut pair, _) = begun(&mut server);
    server.closed(&mut pair.connection.association);
    assert_eq!(server.taken(), 0);
    server.closed(&mut pair.connection.association);
    assert_eq!(pair.connection.association.deadline(), None);
    // By garbage.
    let (mut pair, _) = begun(&mut server);
    assert_eq!(pair.connection.feed(&mut server, &[0; 16]).close, Some(Closed::Unreadable));
    assert_eq!(server.taken(), 0);
    // By a verifier that does not verify.
    let (mut pair, mut fragments) = begun(&mut server);
    fragments[1][100] ^= 1;
    assert_eq!(pair.connection.feed(&mut server, &fragments[1]).close, Some(Closed::BadVerifier));
    assert_eq!(server.taken(), 0);
    // Amid a reply.
    let (mut pair, fragments) = begun(&mut server);
    let mut rest = fragments[1..].concat();
    let (step, _) = server.step(&mut pair.connection.association, &mut rest);
    let (last, sent) = server.step(&mut pair.connection.association, &mut rest[step.consumed..]);
    assert!(last.more && !sent.is_empty());
    assert_eq!(server.taken(), 1);
    server.closed(&mut pair.connection.association);
    assert_eq!(server.taken(), 0);
}

/// When the connection is due to be closed, relative to now, and why.
fn due(server: &Server, connection: &Connection) -> (u64, Closed) {
    let deadline = connection.association.deadline().unwrap();
    assert_eq!(connection.association.overdue(Monotonic(deadline.0 - 1)), None);
    (deadline.since(Monotonic(server.now)), connection.association.overdue(deadline).unwrap())
}

#[test]
fn a_connection_must_bind_in_time() {
    let mut server = Server::new(1, 20_000);
    let mut connection = Connection::new(&server, 1);
    assert_eq!(due(&server, &connection), (BIND_TIME, Closed::BindTime));
    server.now += 1000;
    let bind = plain(Flags::ONLY, 1, Body::Bind(bind_body(&[open(0)])));
    connection.feed(&mut server, &bind[..20]);
    assert_eq!(due(&server, &connection), (BIND_TIME - 1000, Closed::BindTime), "half a bind wins no time");
    server.now += 1000;
    connection.feed(&mut server, &bind[20..]);
    assert_eq!(due(&server, &connection), (STRANGER_IDLE_TIME, Closed::IdleTime));
    // A call wins it again, for each call.
    server.now += 59_000;
    let request = Request { hint: 0, context: 0, opnum: ECHO, object: None, stub: b"" };
    connection.ask(&mut server, &plain(Flags::ONLY, 2, Body::Request(request)));
    assert_eq!(due(&server, &connection), (STRANGER_IDLE_TIME, Closed::IdleTime));
}

#[test]
fn a_bind_with_a_token_is_one_only_after_the_login() {
    let mut server = Server::new(1, 20_000);
    let mut pair = Pair::new(&server, 1, OPEN.syntax, privately());
    let mut out = [0; 2048];
    let produced = pair.client.bind(server.now(), &mut pair.entropy, &mut out).unwrap();
    let ack = pair.connection.ask(&mut server, &out[..produced]);
    let leg = pair.client.negotiate(server.now(), &mut pair.entropy, &ack, &mut out).unwrap();
    server.now += 29_000;
    assert_eq!(due(&server, &pair.connection), (1000, Closed::BindTime));
    // A call as nobody is answered, and wins no time.
    let request = Request { hint: 0, context: 0, opnum: ECHO, object: None, stub: b"" };
    pair.connection.ask(&mut server, &plain(Flags::ONLY, 1, Body::Request(request)));
    assert_eq!(due(&server, &pair.connection), (1000, Closed::BindTime));
    pair.connection.feed(&mut server, &out[..leg.produced]);
    assert_eq!(due(&server, &pair.connection), (IDLE_TIME, Closed::IdleTime));
}

#[test]
fn a_refused_login_wins_no_time() {
    let mut server = Server::new(1, 20_000);
    let mut wrong = secret(Provider::Ntlm, Level::Privacy);
    wrong.credentials = mainspring::auth::Credentials::new("ada", "", "not it");
    let mut pair = Pair::new(&server, 1, OPEN.syntax, Some(wrong));
    pair.bind(&mut server).unwrap();
    assert_eq!(due(&server, &pair.connection), (BIND_TIME, Closed::BindTime));
}

#[test]
fn every_wait_has_an_end() {
    let mut server = Server::new(1, 20_000);
    let mut pair = Pair::bound(&mut server, 1, OPEN.syntax, privately());
    assert_eq!(due(&server, &pair.connection), (IDLE_TIME, Closed::IdleTime));
    let fragments = pair.request(ECHO, &[1; 15_000]);

    // Half a fragment.
    server.now += 500;
    pair.connection.feed(&mut server, &fragments[0][..100]);
    assert_eq!(due(&server, &pair.connection), (CALL_TIME, Closed::CallTime));
    server.now += 500;
    pair.connection.feed(&mut server, &fragments[0][100..200]);
    assert_eq!(due(&server, &pair.connection), (CALL_TIME - 500, Closed::CallTime), "a byte now and then wins no time");

    // The rest of a call, counted from its first fragment.
    pair.connection.feed(&mut server, &fragments[0][200..]);
    assert_eq!(due(&server, &pair.connection), (CALL_TIME, Closed::CallTime));
    server.now += 700;
    pair.connection.feed(&mut server, &fragments[1]);
    assert_eq!(due(&server, &pair.connection), (CALL_TIME - 700, Closed::CallTime));

    // A reply that is not fetched.
    server.now += 100;
    let mut last = fragments[2].clone();
    let (step, first) = server.step(&mut pair.connection.association, &mut last);
    assert!(step.more && step.consumed == last.len());
    assert_eq!(due(&server, &pair.connection), (CALL_TIME, Closed::CallTime));
    server.now += 100;
    let (step, second) = server.step(&mut pair.connection.association, &mut []);
    assert!(step.more);
    assert_eq!(due(&server, &pair.connection), (CALL_TIME - 100, Closed::CallTime));
    let (step, third) = server.step(&mut pair.connection.association, &mut []);
    assert!(!step.more);
    assert_eq!(due(&server, &pair.connection), (IDLE_TIME, Closed::IdleTime));
    assert_eq!(pair.response(&[first, second, third]).unwrap(), Ok(vec![1; 15_000]));

    // A step without news changes nothing.
    server.now += 5;
    let (step, sent) = server.step(&mut pair.connection.association, &mut []);
    assert_eq!((step, sent.len()), (mainspring::rpc::Step::default(), 0));
    assert_eq!(due(&server, &pair.connection), (IDLE_TIME - 5, Closed::IdleTime));
}

#[test]
fn a_refused_call_of_several_fragments_has_an_end_too() {
    let mut server = Server::new(1, 20_000);
    let mut pair = Pair::bound(&mut server, 1, OPEN.syntax, privately());
    let fragments = pair.request(77, &[1; 15_000]);
    let fed = pair.connection.feed(&mut server, &fragments[0]);
    assert_eq!(pair.response(&fed.sent).unwrap(), Err(Fault::OP_RANGE));
    assert_eq!((due(&server, &pair.connection), server.taken()), ((CALL_TIME, Closed::CallTime), 0));
    assert_eq!(pair.connection.feed(&mut server, &fragments[1..].concat()).sent.len(), 0);
    assert_eq!(due(&server, &pair.connection), (IDLE_TIME, Closed::IdleTime));
    assert_eq!(pair.call(&mut server, ECHO, b"hi"), Ok(b"hi".to_vec()));
}

#[test]
fn a_room_too_short_for_the_answer_closes_the_connection() {
    use mainspring::rpc::{Association, Environment, Owner, Pool};
    let bind = plain(Flags::ONLY, 1, Body::Bind(bind_body(&[open(0)])));
    for length in [0, 20, 50] {
        let (mut calls, mut failed, mut entropy) = (0, 0, super::Fixed { next: 0, fails: false });
        let mut services =
            super::Echo { entropy: &mut entropy, accounts: super::Known(&mut failed), calls: &mut calls };
        let mut owners: [Owner; 0] = [];
        let step = Association::new(1, FRAGMENT_MAX, Monotonic(0)).receive(
            &mut Environment {
                now: Server::new(0, 0).now(),
                services: &mut services,
                identity: &mainspring::auth::Identity { netbios_name: "CLOCK", dns_name: "clock" },
                address: "a service name",
                pool: &mut Pool::new(&mut [], &mut owners),
                scratch: &mut [],
            },
            &mut bind.clone(),
            &mut vec![0; length],
        );
        assert!(step.close.is_some() && step.produced <= length);
    }
}

#[test]
fn the_client_takes_servers_down_to_1432_and_no_further() {
    let server = Server::new(0, 0);
    for (offered, expected) in
        [(1432u16, Ok(1432)), (5840, Ok(5840)), (65535, Ok(5840)), (1431, Err(1431)), (0, Err(0))]
    {
        let mut pair = Pair::new(&server, 1, OPEN.syntax, None);
        let mut out = [0; 8192];
        pair.client.bind(server.now(), &mut pair.entropy, &mut out).unwrap();
        let outcomes = [mainspring::pdu::Outcome::accepted(mainspring::pdu::SyntaxId::NDR32)];
        let ack = mainspring::pdu::BindAck {
            transmit: offered,
            receive: offered,
            group: 1,
            address: b"",
            outcomes: mainspring::pdu::Outcomes::list(&outcomes),
        };
        let ack = plain(Flags::ONLY, 1, Body::BindAck(ack));
        let leg = pair.client.negotiate(server.now(), &mut pair.entropy, &ack, &mut out);
        match expected {
            Ok(fragment) => {
                assert!(leg.unwrap().bound);
                let longest =
                    pair.request(ECHO, &[0; 20_000]).into_iter().map(|fragment| fragment.len()).max().unwrap();
                assert!(longest <= fragment && longest > fragment - 16, "{longest} of {fragment}");
            }
            Err(length) => assert_eq!(leg, Err(ClientError::Fragment { length })),
        }
    }
}

#[test]
fn the_client_tells_the_byte_order_of_an_answer() {
    let mut server = Server::new(0, 0);
    for order in [Order::Little, Order::Big] {
        let mut pair = Pair::bound(&mut server, 1, OPEN.syntax, None);
        pair.request(ECHO, b"");
        let response = mainspring::pdu::Response { hint: 4, context: 0, cancels: 0, stub: b"abcd" };
        let mut bytes = plain(Flags::ONLY, 2, Body::Response(response));
        if order == Order::Big {
            bytes[4] = 0;
            for field in [8..10, 10..12, 12..16, 16..20, 20..22] {
                bytes[field].reverse();
            }
        }
        let consumed = bytes.len();
        let received = pair.client.receive(&mut bytes, &mut [0; 4]);
        assert_eq!(received, Ok(Received::Complete { consumed, length: 4, order }));
    }
}

#[test]
fn the_client_bounds_what_it_takes() {
    let mut server = Server::new(2, 70_000);
    let mut pair = Pair::bound(&mut server, 1, OPEN.syntax, None);
    let request = pair.request(FILL, &20_000u32.to_le_bytes()).concat();
    let fed = pair.connection.feed(&mut server, &request);
    let mut stub = vec![0; 10_000];
    let mut taken = fed.sent.iter().map(|fragment| pair.client.receive(&mut fragment.clone(), &mut stub));
    assert!(taken.next().unwrap().is_ok());
    assert!(matches!(taken.next().unwrap(), Err(ClientError::Full(_))));
    assert_eq!(taken.next().unwrap(), Err(ClientError::NotDue));

    let mut pair = Pair::bound(&mut server, 2, OPEN.syntax, None);
    pair.request(ECHO, b"");
    let empty = mainspring::pdu::Response { hint: 0, context: 0, cancels: 0, stub: b"" };
    let mut endless = plain(Flags::FIRST, 2, Body::Response(empty));
    assert!(Pdu::decode(&endless).is_ok());
    assert!(matches!(pair.client.receive(&mut endless, &mut stub), Err(ClientError::Unexpected { .. })));
}
