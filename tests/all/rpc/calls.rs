//! Calls, in one fragment and in several, unprotected and protected.

use mainspring::{
    auth::Provider,
    event::Closed,
    limits::FRAGMENT_MAX,
    pdu::Pdu,
    rpc::{Fault, Level},
};

use super::{Connection, DESCRIBE, ECHO, FAIL, FILL, LENGTH, LIE, OPEN, PRIVATE, Pair, Server, filler, secret};

/// All ways to log in that calls are made under.
fn ways() -> Vec<Option<super::Secret<'static>>> {
    let mut ways = vec![None];
    for provider in [Provider::Ntlm, Provider::Spnego] {
        for level in [Level::Connect, Level::Integrity, Level::Privacy] {
            for key_exchange in [true, false] {
                let mut secret = secret(provider, level);
                secret.policy.key_exchange = key_exchange;
                ways.push(Some(secret));
            }
        }
    }
    ways
}

#[test]
fn a_call_is_answered_under_every_login_and_level() {
    for way in ways() {
        let mut server = Server::new(1, 10_000);
        let level = way.as_ref().map_or(Level::None, |secret| secret.level);
        let mut pair = Pair::bound(&mut server, 7, OPEN.syntax, way.clone());
        assert_eq!(
            pair.call(&mut server, DESCRIBE, b""),
            Ok(vec![0, level as u8, 7, way.is_some().into(), 0]),
            "{way:?}"
        );
        for length in (0..40).chain([1000, 5000]) {
            let stub: Vec<u8> = (0..length).map(filler).collect();
            assert_eq!(pair.call(&mut server, ECHO, &stub), Ok(stub), "{way:?}");
        }
        assert_eq!(pair.call(&mut server, FAIL, &0xBEEFu32.to_le_bytes()), Err(Fault(0xBEEF)));
        assert_eq!(pair.call(&mut server, ECHO, b"still there"), Ok(b"still there".to_vec()));
        assert_eq!(server.taken(), 0);
    }
}

#[test]
fn requests_and_replies_of_several_fragments_are_joined() {
    for way in ways() {
        for fragment in [0, 2048, 4099, FRAGMENT_MAX] {
            let mut server = Server::new(2, 70_000);
            let mut pair = Pair::with_fragment(&server, 1, OPEN.syntax, way.clone(), fragment);
            pair.bind(&mut server).unwrap();
            for length in [1990, 2000, 2001, 2016, 2017, 5791, 5792, 5793, 5808, 5816, 5817, 30_000, 65_536] {
                let stub: Vec<u8> = (0..length).map(filler).collect();
                let sum: u32 = stub.iter().copied().map(u32::from).sum();
                let counted = pair.call(&mut server, LENGTH, &stub);
                assert_eq!(counted, Ok([(length as u32).to_le_bytes(), sum.to_le_bytes()].concat()));
                assert_eq!(pair.call(&mut server, FILL, &(length as u32).to_le_bytes()), Ok(stub.clone()));
                assert_eq!(pair.call(&mut server, ECHO, &stub), Ok(stub));
                assert_eq!(server.taken(), 0);
            }
        }
    }
}

#[test]
fn a_reply_keeps_to_the_negotiated_fragments() {
    let mut server = Server::new(1, 70_000);
    let mut pair = Pair::with_fragment(&server, 1, OPEN.syntax, Some(secret(Provider::Ntlm, Level::Privacy)), 3000);
    pair.bind(&mut server).unwrap();
    let request = pair.request(FILL, &20_000u32.to_le_bytes());
    let fed = pair.connection.feed(&mut server, &request.concat());
    assert!(fed.sent.iter().all(|fragment| fragment.len() <= 3000), "3000 is a multiple of 8");
    assert!(fed.sent.iter().rev().skip(1).all(|fragment| fragment.len() > 2900));
    let hints: Vec<u32> =
        fed.sent.iter().map(|fragment| u32::from_le_bytes(*fragment[16..].first_chunk().unwrap())).collect();
    assert_eq!(hints[0], 20_000);
    assert!(hints.is_sorted_by(|a, b| a > b));
    assert_eq!((fed.counts.calls_in, fed.counts.packets_in as usize), (1, 1));
    assert_eq!(fed.counts.packets_out as usize, fed.sent.len());
}

/// A server with little memory takes and sends fragments of the length that it has room for, whatever is offered.
#[test]
fn fragments_are_as_long_as_the_host_has_room_for() {
    for (room, fragment) in [(0, 2048), (2048, 2048), (3001, 3000), (5840, 5840), (u16::MAX, 5840)] {
        let mut server = Server::new(2, 70_000);
        let mut pair = Pair::new(&server, 1, OPEN.syntax, Some(secret(Provider::Ntlm, Level::Privacy)));
        pair.connection = Connection::with_room(&server, 1, room);
        pair.bind(&mut server).unwrap();
        // A request of many fragments: one that is longer than the room would close the connection.
        let stub: Vec<u8> = (0..20_000).map(filler).collect();
        assert_eq!(pair.call(&mut server, ECHO, &stub), Ok(stub));

        let request = pair.request(FILL, &20_000u32.to_le_bytes()).concat();
        let fed = pair.connection.feed(&mut server, &request);
        let longest = fed.sent.iter().map(Vec::len).max();
        assert!(longest.is_some_and(|longest| longest <= fragment && longest + 64 > fragment), "{longest:?}");

        let mut header = request;
        header[8..10].copy_from_slice(&(room.clamp(2048, 5840) + 1).to_le_bytes());
        assert_eq!(pair.connection.feed(&mut server, &header).close, Some(Closed::Unreadable));
    }
}

#[test]
fn a_level_below_the_minimum_is_denied_and_the_connection_kept() {
    for way in ways() {
        let mut server = Server::new(1, 70_000);
        let privacy = way.as_ref().is_some_and(|secret| secret.level == Level::Privacy);
        let mut pair = Pair::bound(&mut server, 1, PRIVATE.syntax, way);
        for length in [3, 40_000] {
            let stub: Vec<u8> = (0..length).map(filler).collect();
            let expected = if privacy { Ok(stub.clone()) } else { Err(Fault::ACCESS_DENIED) };
            assert_eq!(pair.call(&mut server, ECHO, &stub), expected);
        }
        assert_eq!(server.host.calls, if privacy { 2 } else { 0 });
        assert_eq!(server.taken(), 0);
    }
}

#[test]
fn a_bad_opnum_is_a_fault_and_the_connection_kept() {
    for way in ways() {
        let mut server = Server::new(1, 70_000);
        let mut pair = Pair::bound(&mut server, 1, OPEN.syntax, way);
        for length in [3, 40_000] {
            assert_eq!(pair.call(&mut server, 6, &vec![1; length]), Err(Fault::OP_RANGE));
            assert_eq!(pair.call(&mut server, u16::MAX, &vec![1; length]), Err(Fault::OP_RANGE));
        }
        assert_eq!(pair.call(&mut server, ECHO, b"x"), Ok(b"x".to_vec()));
    }
}

#[test]
fn faults_are_32_bytes_and_say_whether_the_call_was_made() {
    let mut server = Server::new(1, 10_000);
    let mut pair = Pair::bound(&mut server, 1, OPEN.syntax, Some(secret(Provider::Spnego, Level::Privacy)));
    for (opnum, made) in [(FAIL, true), (17, false)] {
        let request = pair.request(opnum, &5u32.to_le_bytes()).concat();
        let fault = pair.connection.ask(&mut server, &request);
        assert_eq!(fault.len(), 32);
        let pdu = Pdu::decode(&fault).unwrap();
        assert_eq!(pdu.flags.0, if made { 0x03 } else { 0x23 });
        assert!(pdu.verifier.is_none());
        assert_eq!(pair.response(&[fault]).unwrap(), Err(if made { Fault(5) } else { Fault::OP_RANGE }));
    }
}

#[test]
fn a_service_that_claims_too_long_a_reply_gets_a_fault_for_it() {
    let mut server = Server::new(1, 10_000);
    let mut pair = Pair::bound(&mut server, 1, OPEN.syntax, None);
    assert_eq!(pair.call(&mut server, LIE, b""), Err(Fault::NO_MEMORY));
    assert_eq!(pair.call(&mut server, ECHO, b"x"), Ok(b"x".to_vec()));
}

#[test]
fn bytes_may_come_one_at_a_time_or_all_at_once() {
    let mut server = Server::new(1, 70_000);
    let mut pair = Pair::bound(&mut server, 1, OPEN.syntax, Some(secret(Provider::Ntlm, Level::Privacy)));
    let stub: Vec<u8> = (0..9000).map(filler).collect();
    let request = pair.request(ECHO, &stub).concat();
    let mut sent = Vec::new();
    for (index, byte) in request.iter().enumerate() {
        let fed = pair.connection.feed(&mut server, &[*byte]);
        assert_eq!(fed.close, None);
        assert!(fed.sent.is_empty() || index == request.len() - 1);
        sent.extend(fed.sent);
    }
    assert_eq!(pair.response(&sent).unwrap(), Ok(stub));
}
