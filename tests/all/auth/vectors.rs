//! The examples of [MS-NLMP] 4.2.4, through the public interface.

use mainspring::{
    auth::{Accepted, Acceptor, Credentials, Environment, Identity, Initiated, Initiator, Provider, nt_hash},
    bytes::Writer,
    ports::{Entropy, NoEntropy},
    time::{Monotonic, Now, Timestamp},
};

use super::{Dice, People, unhex};

/// 4.2.4.3: the server's challenge.
const CHALLENGE: &str = "4e544c4d53535000020000000c000c003800000033828ae20123456789abcdef0000000000000000\
    2400240044000000060070170000000f53006500720076006500720002000c0044006f006d00610069006e0001000c005300650072007600\
    6500720000000000";
/// 4.2.4.3: the client's answer.
const AUTHENTICATE: &str = "4e544c4d5353500003000000180018006c00000054005400840000000c000c00480000000800080054000000\
    100010005c00000010001000d8000000358288e20501280a0000000f44006f006d00610069006e0055007300650072004300\
    4f004d0050005500540045005200\
    86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa\
    68cd0ab851e51c96aabc927bebef6a1c01010000000000000000000000000000aaaaaaaaaaaaaaaa0000000002000c0044006f006d006100\
    69006e0001000c005300650072007600650072000000000000000000\
    c5dad2544fc9799094ce1ce90bc9d03e";
/// 4.2.4.2.1 and 4.2.4.2.2, 4.2.4.1.3, 4.2.4.2.3.
const LM_RESPONSE: &str = "86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa";
const NT_PROOF: &str = "68cd0ab851e51c96aabc927bebef6a1c";
const TEMP: &str = "01010000000000000000000000000000aaaaaaaaaaaaaaaa0000000002000c0044006f006d00610069006e0001000c0053006500\
    72007600650072000000000000000000";
const ENCRYPTED_SESSION_KEY: &str = "c5dad2544fc9799094ce1ce90bc9d03e";
/// 4.2.4.4: "Plaintext" in UTF-16, sealed, and its signature.
const PLAINTEXT: &str = "50006c00610069006e007400650078007400";
const SEALED: &str = "54e50165bf1936dc996020c1811b0f06fb5f";
const SIGNATURE: &str = "010000007fb38ec5c55d497600000000";

/// 4.2.1: the client challenge is 8 times AA, the random session key 16 times 55.
struct Client;

impl Entropy for Client {
    fn fill(&mut self, into: &mut [u8]) -> Result<(), NoEntropy> {
        into.fill(if into.len() == 8 { 0xaa } else { 0x55 });
        Ok(())
    }
}

/// 4.2.1: the time is zero, that is 1601.
const TIME: Now = Now { monotonic: Monotonic(0), wall: Some(Timestamp(-11_644_473_600_000)) };

#[test]
fn nt_hash_of_the_specification() {
    assert_eq!(nt_hash("Password").as_slice(), unhex("a4f49c406510bdcab6824ee7c30fd852"));
    assert_eq!(nt_hash("").as_slice(), unhex("31d6cfe0d16ae931b73c59d7e0c089c0"));
}

#[test]
fn initiator_answers_the_challenge_of_the_specification() {
    let mut initiator = Initiator::new(Provider::Ntlm, Credentials::new("User", "Domain", "Password"));
    let mut buffer = [0; 512];
    initiator.initiate(None, &mut Writer::new(&mut buffer), TIME, &mut Client).unwrap();
    let mut reply = Writer::new(&mut buffer);
    let initiated = initiator.initiate(Some(&unhex(CHALLENGE)), &mut reply, TIME, &mut Client).unwrap();
    let message = reply.written();
    let field = |at: usize| {
        let length = usize::from(u16::from_le_bytes([message[at], message[at + 1]]));
        let offset = u32::from_le_bytes(message[at + 4..at + 8].try_into().unwrap()) as usize;
        &message[offset..offset + length]
    };
    assert_eq!(field(12), unhex(LM_RESPONSE));
    assert_eq!(field(20), unhex(&(NT_PROOF.to_owned() + TEMP)));
    assert_eq!(field(28), unhex("44006f006d00610069006e00"));
    assert_eq!(field(36), unhex("5500730065007200"));
    assert_eq!(field(44), b"");
    assert_eq!(field(52), unhex(ENCRYPTED_SESSION_KEY));
    assert_eq!(message[72..88], [0; 16], "without a timestamp in the challenge there is no MIC");

    let Initiated::Established(mut protection) = initiated else { panic!() };
    let mut pdu = unhex(PLAINTEXT);
    assert_eq!(protection.seal(&mut pdu, 0..18).as_slice(), unhex(SIGNATURE));
    assert_eq!(pdu, unhex(SEALED));
}

#[test]
fn acceptor_takes_the_authenticate_message_of_the_specification() {
    let identity = Identity { netbios_name: "Server", dns_name: "server.example" };
    let mut people = People::new(&[("User", "Password")]);
    let mut dice = Dice::Repeating;
    let mut environment =
        Environment { now: TIME, entropy: &mut dice, accounts: &mut people, connection: 0, identity: &identity };
    let mut acceptor = Acceptor::new(Provider::Ntlm);
    let mut buffer = [0; 512];
    let negotiate = unhex("4e544c4d535350000100000033828ae2");
    let mut reply = Writer::new(&mut buffer);
    acceptor.accept(&negotiate, &mut reply, &mut environment).unwrap();
    assert_eq!(reply.written()[24..32], unhex("0123456789abcdef"));

    let accepted = acceptor.accept(&unhex(AUTHENTICATE), &mut Writer::new(&mut []), &mut environment).unwrap();
    let Accepted::Established(mut established) = accepted else { panic!() };
    let mut pdu = unhex(SEALED);
    established.protection.unseal(&mut pdu, 0..18, &unhex(SIGNATURE)).unwrap();
    assert_eq!(pdu, unhex(PLAINTEXT));
}
