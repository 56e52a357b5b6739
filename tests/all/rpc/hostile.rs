//! Clients that send what they should not: they get the protocol's own error or a closed connection, and nothing breaks.

use mainspring::{
    auth::Provider,
    event::Closed,
    limits::FRAGMENT_MAX,
    pdu::{BindNak, Body, Fault as FaultBody, Flags, Pdu, Request, Response},
    rpc::{Fault, Level},
};

use super::{
    Connection, ECHO, FILL, LENGTH, OPEN, Pair, Server,
    bind::{bind_body, open, plain},
    secret,
};
use crate::pdu::recorded;

fn bind() -> Vec<u8> {
    plain(Flags::ONLY, 1, Body::Bind(bind_body(&[open(0)])))
}

fn part(call_id: u32, flags: Flags, opnum: u16, stub: &[u8]) -> Vec<u8> {
    plain(flags, call_id, Body::Request(Request { hint: u32::MAX, context: 0, opnum, object: None, stub }))
}

/// What a connection that has bound answers: the fault, if any, and the reason of the close, if any.
fn after_bind(bytes: &[u8]) -> (Option<u32>, Option<Closed>) {
    let mut server = Server::new(2, 10_000);
    let mut connection = Connection::new(&server, 1);
    connection.ask(&mut server, &bind());
    let fed = connection.feed(&mut server, bytes);
    assert!(fed.close.is_none() || server.taken() == 0);
    let fault = fed.sent.last().and_then(|sent| match Pdu::decode(sent).unwrap().body {
        Body::Fault(fault) => Some(fault.status),
        _ => None,
    });
    if fed.close.is_some() {
        // Whatever comes after the end is swallowed, and answered with the same reason.
        assert_eq!(connection.feed(&mut server, &bind()).sent.len(), 0);
        assert_eq!(connection.association.deadline(), None);
    }
    (fault, fed.close)
}

#[test]
fn garbage_closes_the_connection() {
    for garbage in [
        &b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..],
        &[0; 16],
        &[0xFF; 40],
        &[5; 16],
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
    ] {
        let mut server = Server::new(0, 0);
        let fed = Connection::new(&server, 1).feed(&mut server, garbage);
        assert_eq!((fed.sent.len(), fed.close), (0, Some(Closed::Unreadable)), "{garbage:?}");
    }
}

#[test]
fn lengths_that_lie_close_the_connection_or_are_waited_for() {
    for (length, close) in [
        (0u16, Some(Closed::Unreadable)),
        (15, Some(Closed::Unreadable)),
        (FRAGMENT_MAX + 1, Some(Closed::Unreadable)),
        (u16::MAX, Some(Closed::Unreadable)),
        (FRAGMENT_MAX, None),
    ] {
        let mut server = Server::new(0, 0);
        let mut bytes = bind();
        bytes[8..10].copy_from_slice(&length.to_le_bytes());
        let fed = Connection::new(&server, 1).feed(&mut server, &bytes);
        assert_eq!((fed.sent.len(), fed.close), (0, close), "{length}");
    }
    for auth in [100u16, 5000, u16::MAX] {
        let mut server = Server::new(0, 0);
        let mut bytes = bind();
        bytes[10..12].copy_from_slice(&auth.to_le_bytes());
        let fed = Connection::new(&server, 1).feed(&mut server, &bytes);
        assert_eq!((fed.sent.len(), fed.close), (0, Some(Closed::Unreadable)), "{auth}");
    }
}

#[test]
fn a_request_needs_a_bind() {
    let mut server = Server::new(0, 0);
    let fed = Connection::new(&server, 1).feed(&mut server, &part(9, Flags::ONLY, ECHO, b""));
    assert_eq!(fed.close, Some(Closed::Forbidden));
    let pdu = Pdu::decode(&fed.sent[0]).unwrap();
    assert_eq!(pdu.call_id, 9);
    assert!(matches!(pdu.body, Body::Fault(FaultBody { status, .. }) if status == Fault::PROTOCOL.0));
    for body in [Body::AlterContext(bind_body(&[])), Body::Auth3(b"    "), Body::Orphaned(b""), Body::CoCancel(b"")] {
        let fed = Connection::new(&server, 1).feed(&mut server, &plain(Flags::ONLY, 1, body));
        assert_eq!((fed.sent.len(), fed.close), (0, Some(Closed::Forbidden)), "{body:?}");
    }
}

#[test]
fn a_second_bind_is_refused() {
    let mut server = Server::new(0, 0);
    let mut connection = Connection::new(&server, 1);
    connection.ask(&mut server, &bind());
    let fed = connection.feed(&mut server, &bind());
    assert_eq!(fed.close, Some(Closed::Forbidden));
    assert!(matches!(Pdu::decode(&fed.sent[0]).unwrap().body, Body::BindNak(BindNak { reason: 0, .. })));
}

#[test]
fn a_bind_is_one_fragment() {
    for flags in [Flags::FIRST, Flags::LAST, Flags(0)] {
        let mut server = Server::new(0, 0);
        let contexts = [open(0)];
        let fed = Connection::new(&server, 1).feed(&mut server, &plain(flags, 1, Body::Bind(bind_body(&contexts))));
        assert_eq!(fed.close, Some(Closed::Forbidden));
        assert!(matches!(Pdu::decode(&fed.sent[0]).unwrap().body, Body::BindNak(_)));
        let alter = plain(flags, 1, Body::AlterContext(bind_body(&contexts)));
        assert_eq!(after_bind(&alter), (Some(Fault::PROTOCOL.0), Some(Closed::Forbidden)));
    }
}

#[test]
fn what_only_a_server_sends_is_forbidden() {
    let bodies = [
        Body::Response(Response { hint: 0, context: 0, cancels: 0, stub: b"" }),
        Body::Fault(FaultBody { hint: 0, context: 0, cancels: 0, flags: 0, status: 5, stub: b"" }),
        Body::BindNak(BindNak { reason: 0, rest: b"" }),
        Body::Shutdown(b""),
    ];
    for body in bodies {
        assert_eq!(after_bind(&plain(Flags::ONLY, 1, body)), (None, Some(Closed::Forbidden)), "{body:?}");
    }
    assert_eq!(after_bind(&plain(Flags::ONLY, 1, Body::Auth3(b"    "))), (None, Some(Closed::Forbidden)));
}

#[test]
fn fragments_that_are_not_due_end_the_connection() {
    let protocol = (Some(Fault::PROTOCOL.0), Some(Closed::Forbidden));
    let first = part(2, Flags::FIRST, ECHO, b"abc");
    let cases = [
        ("no first", part(2, Flags::LAST, ECHO, b"")),
        ("neither first nor last", part(2, Flags(0), ECHO, b"")),
        ("first twice", [first.clone(), first.clone()].concat()),
        ("only, amid another", [first.clone(), part(3, Flags::ONLY, ECHO, b"")].concat()),
        ("another call", [first.clone(), part(3, Flags::LAST, ECHO, b"")].concat()),
        ("another method", [first.clone(), part(2, Flags::LAST, LENGTH, b"")].concat()),
        ("after a refusal, another call", [part(2, Flags::FIRST, 99, b""), part(3, Flags(0), ECHO, b"")].concat()),
    ];
    for (name, bytes) in cases {
        assert_eq!(after_bind(&bytes), protocol, "{name}");
    }
}

#[test]
fn a_request_that_ends_early_is_a_fault() {
    let mut bytes = part(2, Flags::ONLY, ECHO, b"");
    bytes.truncate(20);
    bytes[8] = 20;
    assert_eq!(after_bind(&bytes), (Some(Fault::PROTOCOL.0), Some(Closed::Unreadable)));
    // The flag says there is an object, and there is none.
    let mut bytes = part(2, Flags::ONLY, ECHO, b"");
    bytes[3] |= 0x80;
    assert_eq!(after_bind(&bytes), (Some(Fault::PROTOCOL.0), Some(Closed::Unreadable)));
    let mut bytes = plain(Flags::ONLY, 2, Body::AlterContext(bind_body(&[])));
    bytes[24] = 3;
    assert_eq!(after_bind(&bytes), (Some(Fault::PROTOCOL.0), Some(Closed::Unreadable)));
}

#[test]
fn an_orphaned_call_is_dropped_and_a_cancelled_one_goes_on() {
    let orphaned = |call_id| plain(Flags::ONLY, call_id, Body::Orphaned(b""));
    for first in [part(2, Flags::FIRST, ECHO, b"abc"), part(2, Flags::FIRST, 99, b"abc")] {
        let mut server = Server::new(2, 10_000);
        let mut connection = Connection::new(&server, 1);
        connection.ask(&mut server, &bind());
        connection.feed(&mut server, &first);
        let taken = server.taken();
        // Not this call.
        assert_eq!(connection.feed(&mut server, &orphaned(3)).close, None);
        assert_eq!(connection.feed(&mut server, &plain(Flags::ONLY, 2, Body::CoCancel(b""))).close, None);
        assert_eq!(server.taken(), taken);
        // This one.
        let fed = connection.feed(&mut server, &orphaned(2));
        assert_eq!((fed.sent.len(), fed.close, server.taken()), (0, None, 0));
        let answer = connection.ask(&mut server, &part(4, Flags::ONLY, ECHO, b"hi"));
        assert!(matches!(Pdu::decode(&answer).unwrap().body, Body::Response(Response { stub: b"hi", .. })));
    }
    let mut server = Server::new(2, 10_000);
    let mut connection = Connection::new(&server, 1);
    connection.ask(&mut server, &bind());
    connection.feed(&mut server, &part(2, Flags::FIRST, ECHO, b"abc"));
    connection.feed(&mut server, &plain(Flags::ONLY, 2, Body::CoCancel(b"")));
    let answer = connection.ask(&mut server, &part(2, Flags::LAST, ECHO, b"def"));
    assert!(matches!(Pdu::decode(&answer).unwrap().body, Body::Response(Response { stub: b"abcdef", .. })));
}

#[test]
fn a_maybe_call_is_made_and_not_answered() {
    let mut server = Server::new(1, 10_000);
    let mut connection = Connection::new(&server, 1);
    connection.ask(&mut server, &bind());
    for (opnum, calls) in [(ECHO, 1), (99, 1), (FILL, 2)] {
        let fed = connection.feed(&mut server, &part(2, Flags::ONLY.with(Flags::MAYBE), opnum, b""));
        assert_eq!((fed.sent.len(), fed.close, server.host.calls), (0, None, calls));
    }
}

#[test]
fn a_big_endian_call_is_served() {
    let mut server = Server::new(1, 10_000);
    let mut connection = Connection::new(&server, 1);
    connection.ask(&mut server, &bind());
    let mut request = part(0x0102_0304, Flags::ONLY, LENGTH, b"abc");
    request[4] = 0;
    for field in [8..10, 10..12, 12..16, 16..20, 20..22, 22..24] {
        request[field].reverse();
    }
    let answer = connection.ask(&mut server, &request);
    let pdu = Pdu::decode(&answer).unwrap();
    assert_eq!((pdu.call_id, answer[4]), (0x0102_0304, 0x10), "the answer is little-endian");
    assert!(matches!(pdu.body, Body::Response(Response { stub: [3, 0, 0, 0, ..], .. })));
}

#[test]
fn every_truncation_is_waited_for_and_every_admitted_one_is_answered() {
    for recorded in recorded() {
        let pdus: Vec<_> = recorded.pdus.into_iter().filter(|(client, _)| *client).map(|(_, pdu)| pdu).collect();
        for (index, pdu) in pdus.iter().enumerate().filter(|(_, pdu)| pdu.len() < 600) {
            for length in 0..pdu.len() {
                let mut server = Server::new(1, 10_000);
                let mut connection = Connection::new(&server, 1);
                for before in &pdus[..index.min(1)] {
                    connection.feed(&mut server, before);
                }
                let fed = connection.feed(&mut server, &pdu[..length]);
                assert_eq!((fed.sent.len(), fed.left, fed.close), (0, length, None));
                if length >= 16 {
                    let mut connection = Connection::new(&server, 2);
                    for before in &pdus[..index.min(1)] {
                        connection.feed(&mut server, before);
                    }
                    let mut admitted = pdu[..length].to_vec();
                    let order = if admitted[4] == 0 { u16::to_be_bytes } else { u16::to_le_bytes };
                    admitted[8..10].copy_from_slice(&order(length as u16));
                    connection.feed(&mut server, &admitted);
                }
            }
        }
    }
}

#[test]
fn every_flipped_bit_of_a_call_is_noticed_where_it_is_signed() {
    for level in [Level::Integrity, Level::Privacy] {
        let mut server = Server::new(1, 10_000);
        let mut pair = Pair::bound(&mut server, 1, OPEN.syntax, Some(secret(Provider::Ntlm, level)));
        let request = pair.request(ECHO, b"0123456789").concat();
        for bit in 0..request.len() * 8 {
            // The same random bytes, the same connection, up to this call.
            let mut server = Server::new(1, 10_000);
            let mut pair = Pair::bound(&mut server, 1, OPEN.syntax, Some(secret(Provider::Ntlm, level)));
            let mut spoilt = pair.request(ECHO, b"0123456789").concat();
            assert_eq!(spoilt, request);
            spoilt[bit / 8] ^= 1 << (bit % 8);
            let fed = pair.connection.feed(&mut server, &spoilt);
            if fed.close.is_none() && fed.left == 0 {
                // Without a verifier a call is one of nobody's, which this interface allows.
                assert_eq!((spoilt[10], spoilt[11]), (0, 0), "bit {bit}");
            } else {
                assert_eq!(server.host.calls, 0, "bit {bit}");
            }
        }
    }
}

#[test]
fn every_flipped_bit_of_an_answer_is_noticed_by_the_client() {
    for level in [Level::Integrity, Level::Privacy] {
        let mut server = Server::new(1, 10_000);
        let mut pair = Pair::bound(&mut server, 1, OPEN.syntax, Some(secret(Provider::Spnego, level)));
        let request = pair.request(ECHO, b"0123456789").concat();
        let answer = pair.connection.ask(&mut server, &request);
        for bit in 0..answer.len() * 8 {
            let mut server = Server::new(1, 10_000);
            let mut pair = Pair::bound(&mut server, 1, OPEN.syntax, Some(secret(Provider::Spnego, level)));
            pair.request(ECHO, b"0123456789");
            let mut spoilt = answer.clone();
            spoilt[bit / 8] ^= 1 << (bit % 8);
            let mut stub = [0; 100];
            let received = pair.client.receive(&mut spoilt, &mut stub);
            let partial = matches!(received, Ok(mainspring::rpc::Received::Partial));
            assert!(received.is_err() || partial, "bit {bit}: {received:?}");
        }
    }
}

#[test]
fn every_truncated_or_spoilt_leg_is_an_error_for_the_client() {
    for provider in [Provider::Ntlm, Provider::Spnego] {
        let fresh = || {
            let mut server = Server::new(1, 10_000);
            let mut pair = Pair::new(&server, 1, OPEN.syntax, Some(secret(provider, Level::Privacy)));
            let mut out = [0; 2048];
            let produced = pair.client.bind(server.now(), &mut pair.entropy, &mut out).unwrap();
            let ack = pair.connection.ask(&mut server, &out[..produced]);
            (server, pair, ack)
        };
        let length = fresh().2.len();
        for bit in 0..length * 8 {
            let (server, mut pair, mut ack) = fresh();
            ack[bit / 8] ^= 1 << (bit % 8);
            let mut out = [0; 2048];
            let _ = pair.client.negotiate(server.now(), &mut pair.entropy, &ack, &mut out);
            let (server, mut pair, mut ack) = fresh();
            ack.truncate(bit / 8);
            let leg = pair.client.negotiate(server.now(), &mut pair.entropy, &ack, &mut out).unwrap();
            assert_eq!((leg.consumed, leg.produced, leg.bound), (0, 0, false));
            if ack.len() >= 16 {
                ack[8..10].copy_from_slice(&(bit as u16 / 8).to_le_bytes());
                assert!(pair.client.negotiate(server.now(), &mut pair.entropy, &ack, &mut out).is_err());
            }
        }
    }
}
