//! Logins: [MS-NLMP] and RFC 4178, for both sides.

mod captures;
mod hostile;
mod negotiation;
mod protection;
mod refusals;
mod vectors;

use mainspring::{
    auth::{
        Accepted, Acceptor, AuthError, Environment, Established, Identity, Initiated, Initiator, Protection, nt_hash,
    },
    bytes::Writer,
    ports::{Account, Accounts, Entropy, LoginAttempt, NoEntropy},
    sid::Sid,
    text::eq_ignore_case,
    time::{Monotonic, Now, Timestamp},
};

pub(super) const IDENTITY: Identity<'static> = Identity { netbios_name: "CLOCK", dns_name: "clock.example" };
pub(super) const NOW: Now = Now { monotonic: Monotonic(5), wall: Some(Timestamp(1_704_164_645_000)) };

/// Random bytes as the recordings have them, or none.
#[derive(Clone, Copy)]
pub(super) enum Dice {
    Repeating,
    Of(u8),
    Empty,
}

impl Entropy for Dice {
    fn fill(&mut self, into: &mut [u8]) -> Result<(), NoEntropy> {
        const PATTERN: [u8; 8] = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef];
        match self {
            Self::Repeating => into.iter_mut().zip(PATTERN.iter().cycle()).for_each(|(byte, next)| *byte = *next),
            Self::Of(byte) => into.fill(*byte),
            Self::Empty => return Err(NoEntropy),
        }
        Ok(())
    }
}

/// Accounts in a list; it remembers what was asked and which logins failed.
pub(super) struct People {
    pub(super) list: Vec<Account>,
    pub(super) asked: usize,
    pub(super) failed: Vec<String>,
}

impl People {
    pub(super) fn new(list: &[(&str, &str)]) -> Self {
        let account = |&(name, password): &(&str, &str)| Account {
            name: name.try_into().unwrap(),
            sid: Sid::LOCAL_SERVICE,
            nt_hash: nt_hash(password),
            administrator: true,
            disabled: false,
            groups: heapless::Vec::new(),
        };
        Self { list: list.iter().map(account).collect(), asked: 0, failed: Vec::new() }
    }

    /// The accounts of the recordings.
    pub(super) fn recorded() -> Self {
        Self::new(&[("ada", "correct horse"), ("Zoë", "pässwörd")])
    }
}

impl Accounts for People {
    fn by_name(&mut self, name: &str) -> Option<Account> {
        self.asked += 1;
        self.list.iter().find(|account| eq_ignore_case(&account.name, name)).cloned()
    }

    fn by_sid(&mut self, sid: &Sid) -> Option<Account> {
        self.list.iter().find(|account| account.sid == *sid).cloned()
    }

    fn login_failed(&mut self, attempt: LoginAttempt<'_>) {
        self.failed.push(attempt.name.to_owned());
    }
}

/// Feeds one token to an acceptor and gives what it answered.
pub(super) fn accept(
    acceptor: &mut Acceptor,
    token: &[u8],
    people: &mut People,
) -> Result<(Accepted, Vec<u8>), AuthError> {
    let mut buffer = [0; 4096];
    let mut reply = Writer::new(&mut buffer);
    let mut dice = Dice::Repeating;
    let mut environment =
        Environment { now: NOW, entropy: &mut dice, accounts: people, connection: 0, identity: &IDENTITY };
    let accepted = acceptor.accept(token, &mut reply, &mut environment)?;
    Ok((accepted, reply.written().to_vec()))
}

/// Feeds one token to an initiator and gives what it answered.
pub(super) fn initiate(initiator: &mut Initiator<'_>, token: Option<&[u8]>) -> Result<(Initiated, Vec<u8>), AuthError> {
    let mut buffer = [0; 4096];
    let mut reply = Writer::new(&mut buffer);
    let initiated = initiator.initiate(token, &mut reply, NOW, &mut Dice::Repeating)?;
    Ok((initiated, reply.written().to_vec()))
}

/// A whole login; gives both ends.
pub(super) fn login(
    initiator: &mut Initiator<'_>,
    acceptor: &mut Acceptor,
    people: &mut People,
) -> Result<(Protection, Established), AuthError> {
    let (mut client, mut server, mut answer) = (None, None, None::<Vec<u8>>);
    for _ in 0..4 {
        let (initiated, token) = initiate(initiator, answer.as_deref())?;
        if let Initiated::Established(protection) = initiated {
            client = Some(protection);
        }
        if !token.is_empty() {
            let (accepted, reply) = accept(acceptor, &token, people)?;
            answer = Some(reply);
            if let Accepted::Established(established) = accepted {
                server = Some(established);
            }
        }
        (client, server) = match (client, server) {
            (Some(client), Some(server)) => return Ok((client, server)),
            one => one,
        };
    }
    panic!("the login never ends")
}

/// A few PDUs in both directions, of both levels.
pub(super) fn talk(client: &mut Protection, server: &mut Protection) {
    for round in 0..4 {
        tell(client, server, round);
        tell(server, client, round);
    }
}

fn tell(from: &mut Protection, to: &mut Protection, round: u8) {
    let plain = [round; 100];
    let mut pdu = plain;
    let signature = from.seal(&mut pdu, 24..92);
    assert_ne!(pdu[24..92], plain[24..92]);
    assert_eq!((&pdu[..24], &pdu[92..]), (&plain[..24], &plain[92..]));
    to.unseal(&mut pdu, 24..92, &signature).unwrap();
    assert_eq!(pdu, plain);
    let signature = from.sign(&plain);
    to.verify(&plain, &signature).unwrap();
}

pub(super) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter_map(|digit| digit.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// An element of DER with a content of less than 2^16 bytes.
pub(super) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
    let length: &[u8] = match (high, low) {
        (0, 0..0x80) => &[low],
        (0, _) => &[0x81, low],
        _ => &[0x82, high, low],
    };
    [&[tag], length, content].concat()
}
