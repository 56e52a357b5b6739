//! Signing and sealing: what is found out, and what goes through.

use mainspring::auth::{Acceptor, BadSignature, Credentials, Initiator, Policy, Protection, Provider};

use super::{People, login, talk};

fn pair(policy: Policy) -> (Protection, Protection) {
    let credentials = Credentials::new("ada", "", "correct horse");
    let mut initiator = Initiator::with_policy(Provider::Ntlm, credentials, policy);
    let (client, server) =
        login(&mut initiator, &mut Acceptor::with_policy(Provider::Ntlm, policy), &mut People::recorded()).unwrap();
    (client, server.protection)
}

fn policies() -> [Policy; 2] {
    [true, false].map(|key_exchange| Policy { key_exchange, ..Policy::default() })
}

#[test]
fn every_changed_bit_is_found_out() {
    for policy in policies() {
        for bit in 0..8 * (48 + 16) {
            let (mut client, mut server) = pair(policy);
            let mut pdu = [0x2a; 48];
            let mut signature = client.seal(&mut pdu, 16..40);
            match bit / 8 {
                at @ 0..48 => pdu[at] ^= 1 << (bit % 8),
                at => signature[at - 48] ^= 1 << (bit % 8),
            }
            assert_eq!(server.unseal(&mut pdu, 16..40, &signature), Err(BadSignature), "bit {bit}");

            let (mut client, mut server) = pair(policy);
            let mut pdu = [0x2a; 48];
            let mut signature = client.sign(&pdu);
            match bit / 8 {
                at @ 0..48 => pdu[at] ^= 1 << (bit % 8),
                at => signature[at - 48] ^= 1 << (bit % 8),
            }
            assert_eq!(server.verify(&pdu, &signature), Err(BadSignature), "bit {bit}");
        }
    }
}

#[test]
fn a_pdu_lost_repeated_or_sent_back_is_found_out() {
    for policy in policies() {
        let (mut client, mut server) = pair(policy);
        client.sign(b"lost");
        let second = client.sign(b"second");
        assert_eq!(server.verify(b"second", &second), Err(BadSignature));

        let (mut client, mut server) = pair(policy);
        let first = client.sign(b"first");
        assert_eq!(client.verify(b"first", &first), Err(BadSignature), "sent back");
        server.verify(b"first", &first).unwrap();
        assert_eq!(server.verify(b"first", &first), Err(BadSignature), "repeated");
    }
}

#[test]
fn a_signature_of_another_length_is_none() {
    let (mut client, mut server) = pair(Policy::default());
    let signature = client.sign(b"pdu");
    let long = [signature.as_slice(), &[0]].concat();
    for bad in [&signature[..15], &long, &[]] {
        assert_eq!(server.verify(b"pdu", bad), Err(BadSignature));
    }
}

#[test]
fn ranges_are_cut_off_at_the_end_of_the_pdu() {
    let (mut client, mut server) = pair(Policy::default());
    for range in [0..0, 10..10, 0..10, 4..100, 100..200, usize::MAX..usize::MAX, 0..usize::MAX] {
        let mut pdu = *b"0123456789";
        let signature = client.seal(&mut pdu, range.clone());
        server.unseal(&mut pdu, range, &signature).unwrap();
        assert_eq!(&pdu, b"0123456789");
    }
    #[expect(clippy::reversed_empty_ranges, reason = "a caller's mistake must not bring the server down")]
    let signature = client.seal(&mut [0; 10], 7..3);
    server.verify(&[0; 10], &signature).unwrap();
    let signature = client.seal(&mut [], 0..0);
    server.unseal(&mut [], 0..0, &signature).unwrap();
    talk(&mut client, &mut server);
}

#[test]
fn without_key_exchange_the_checksum_is_not_encrypted() {
    // The same key gives the same checksum whether a PDU was sealed or only signed, because the stream is not used.
    let [with, without] = policies().map(|policy| {
        let ((mut sealing, _), (mut signing, _)) = (pair(policy), pair(policy));
        let mut pdu = [7; 64];
        (sealing.seal(&mut pdu, 0..64), signing.sign(&[7; 64]))
    });
    assert_ne!(with.0, with.1);
    assert_eq!(without.0, without.1);
}
