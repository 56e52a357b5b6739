//! Connections of real clients, replayed: every answer must come out as it was recorded, byte for byte.

use mainspring::{
    auth::{Credentials, Identity, Provider},
    guid::Guid,
    limits::FRAGMENT_MAX,
    ports::{Entropy, NoEntropy},
    rpc::{
        Association, Binding, Call, Client, Environment, Fault, Interface, Level, Method, Owner, Pool, Received,
        Services, SyntaxId, Trust,
    },
    time::{Monotonic, Now, Timestamp},
};

use super::Known;
use crate::pdu::{Recorded, recorded, recorded_servers};

const METHODS: [Method; 20] = [Method { name: "", served: true }; 20];
static MANAGEMENT: Interface = Interface {
    name: "rpcmgmt",
    syntax: SyntaxId { uuid: Guid::from_u128(0xafa8bd80_7d8a_11c9_bef4_08002b102989), major: 1, minor: 0 },
    minimum: Level::None,
    methods: &[Method { name: "", served: true }; 5],
};
static SCHEDULER: Interface = Interface {
    name: "ITaskSchedulerService",
    syntax: SyntaxId { uuid: Guid::from_u128(0x86d35949_83c9_4044_b424_db363231fd0c), major: 1, minor: 0 },
    minimum: Level::Privacy,
    methods: &METHODS,
};

/// Random bytes that repeat.
struct Repeating;

impl Entropy for Repeating {
    fn fill(&mut self, into: &mut [u8]) -> Result<(), NoEntropy> {
        let bytes = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef];
        into.iter_mut().zip(bytes.into_iter().cycle()).for_each(|(into, byte)| *into = byte);
        Ok(())
    }
}

struct Canned<'k>(Repeating, Known<'k>);

impl Services for Canned<'_> {
    fn trust(&mut self) -> Trust<'_> {
        Trust { entropy: &mut self.0, accounts: &mut self.1 }
    }

    fn interfaces(&self) -> &'static [&'static Interface] {
        static BOTH: [&Interface; 2] = [&MANAGEMENT, &SCHEDULER];
        &BOTH
    }

    fn call(&mut self, _: Now, call: &Call<'_>, reply: &mut [u8]) -> Result<usize, Fault> {
        let canned: &[u8] = match (call.interface, call.opnum) {
            (0, 2) => &[0, 0, 0, 0, 1, 0, 0, 0],
            (1, 0) => &[4, 0, 1, 0, 0, 0, 0, 0],
            (1, _) => call.stub,
            _ => return Err(Fault::OP_RANGE),
        };
        reply[..canned.len()].copy_from_slice(canned);
        Ok(canned.len())
    }
}

/// What the association answers to each PDU of the client.
fn replay(pdus: &[(bool, Vec<u8>)]) -> Vec<(bool, Vec<u8>)> {
    let mut association = Association::new(1, FRAGMENT_MAX, Monotonic(0));
    let (mut memory, mut owners, mut scratch) = ([0; 8192], [Owner::default(); 1], [0; 8192]);
    let mut happened = Vec::new();
    for (_, pdu) in pdus.iter().filter(|(client, _)| *client) {
        happened.push((true, pdu.clone()));
        let (mut failed_logins, mut received) = (0, pdu.clone());
        loop {
            let mut reply = [0; FRAGMENT_MAX as usize];
            let step = association.receive(
                &mut Environment {
                    now: Now { monotonic: Monotonic(0), wall: Some(Timestamp(1_704_164_645_000)) },
                    services: &mut Canned(Repeating, Known(&mut failed_logins)),
                    identity: &Identity { netbios_name: "CLOCK", dns_name: "clock.example" },
                    address: "49152",
                    pool: &mut Pool::new(&mut memory, &mut owners),
                    scratch: &mut scratch,
                },
                &mut received,
                &mut reply,
            );
            received.drain(..step.consumed);
            happened.extend((step.produced > 0).then(|| (false, reply[..step.produced].to_vec())));
            if !step.more {
                break;
            }
        }
    }
    happened
}

#[test]
fn recorded_clients_get_the_recorded_answers() {
    for Recorded { name, pdus } in recorded() {
        let replayed = replay(&pdus);
        assert_eq!(replayed.len(), pdus.len(), "{name}");
        for (index, (was, is)) in pdus.iter().zip(&replayed).enumerate() {
            assert_eq!(was, is, "{name}, PDU {index}");
        }
    }
}

#[test]
fn recorded_clients_whose_bytes_were_changed_get_an_answer_or_nothing() {
    // Every bit of two connections; of the others every 101st, or it would take minutes.
    let mut counted = 0;
    for Recorded { name, pdus } in recorded() {
        let stride = if matches!(name.as_str(), "samba-raw-seal" | "samba-spnego-seal-bigendian") { 1 } else { 101 };
        for (index, (_, pdu)) in pdus.iter().enumerate().filter(|(_, (client, _))| *client) {
            for bit in 0..pdu.len() * 8 {
                counted += 1;
                if counted % stride == 0 {
                    let mut spoilt = pdus.clone();
                    spoilt[index].1[bit / 8] ^= 1 << (bit % 8);
                    replay(&spoilt);
                }
            }
        }
    }
}

/// NetrRemoteTOD.
const REMOTE_TOD: u16 = 28;

#[test]
fn recorded_servers_are_understood_and_get_the_recorded_bytes() {
    for Recorded { name, pdus } in recorded_servers() {
        let mut secret = super::secret(
            if name.contains("raw") { Provider::Ntlm } else { Provider::Spnego },
            if name.contains("seal") { Level::Privacy } else { Level::Integrity },
        );
        secret.policy.key_exchange = !name.contains("no-key-exchange");
        secret.credentials = Credentials::new("nobody", "", "secret");
        let srvsvc = Guid::parse("4b324fc8-1670-01d3-1278-5a47bf6ee188").unwrap();
        let interface = SyntaxId { uuid: srvsvc, major: 3, minor: 0 };
        let mut client = Client::new(Binding { interface, secret: Some(secret), fragment: FRAGMENT_MAX });
        let now = Now { monotonic: Monotonic(0), wall: Some(Timestamp(1_704_164_645_000)) };

        let mut pdus = pdus.into_iter();
        let mut next = |client| {
            let (sent, pdu) = pdus.next().unwrap();
            assert_eq!(sent, client, "{name}");
            pdu
        };
        let mut out = [0; FRAGMENT_MAX as usize];
        let produced = client.bind(now, &mut Repeating, &mut out).unwrap();
        assert_eq!(next(true), out[..produced], "{name}");
        loop {
            let leg = client.negotiate(now, &mut Repeating, &next(false), &mut out).unwrap();
            if leg.produced > 0 {
                assert_eq!(next(true), out[..leg.produced], "{name}");
            }
            if leg.bound {
                break;
            }
        }
        // [unique, string] of 2950 characters: referent, maximum, offset, actual count, characters, null.
        let counts = [0x20000u32, 2950, 0, 2950].into_iter().flat_map(u32::to_le_bytes);
        let long = counts.chain([65, 0].repeat(2949)).chain([0, 0]).collect::<Vec<u8>>();
        for (stub, expected) in [(vec![0; 4], Ok(56)), (long, Ok(56)), (vec![], Err(Fault::BAD_STUB_DATA))] {
            let mut at = 0;
            loop {
                let (produced, sent) = client.request(REMOTE_TOD, None, &stub, at, &mut out).unwrap();
                assert_eq!(next(true), out[..produced], "{name}");
                at = sent;
                if at == stub.len() {
                    break;
                }
            }
            let mut response = [0; 100];
            let outcome = match client.receive(&mut next(false), &mut response).unwrap() {
                Received::Complete { length, .. } => Ok(length),
                Received::Fault { fault, .. } => Err(fault),
                other => panic!("{name}: {other:?}"),
            };
            assert_eq!(outcome, expected, "{name}");
        }
    }
}
