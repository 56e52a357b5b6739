//! The server's association against the client's, in memory and in virtual time.

mod bind;
mod calls;
mod contexts;
mod hostile;
mod limits;
mod replay;

use mainspring::{
    auth::{self, Credentials, Identity, Policy, Provider},
    guid::Guid,
    limits::FRAGMENT_MAX,
    pdu::{Pdu, SyntaxId},
    ports::{Account, Accounts, Entropy, LoginAttempt, NoEntropy},
    rpc::{
        Association, Binding, Call, Client, ClientError, Counts, Environment, Fault, Interface, Level, Login, Method,
        Owner, Pool, Received, Secret, Services, Step, Trust,
    },
    sid::Sid,
    time::{Monotonic, Now, Timestamp},
};

/// An interface that demands nothing.
pub(crate) const OPEN: Interface = Interface {
    name: "open",
    syntax: SyntaxId { uuid: Guid::from_u128(0x11111111_2222_3333_4444_555555555555), major: 1, minor: 3 },
    minimum: Level::None,
    methods: &METHODS,
};
/// The same methods behind packet privacy.
pub(crate) const PRIVATE: Interface = Interface {
    name: "private",
    syntax: SyntaxId { uuid: Guid::from_u128(0x66666666_7777_8888_9999_aaaaaaaaaaaa), major: 2, minor: 0 },
    minimum: Level::Privacy,
    methods: &METHODS,
};
const METHODS: [Method; 6] = [
    Method { name: "Echo", served: true },
    Method { name: "Fill", served: true },
    Method { name: "Fail", served: true },
    Method { name: "Describe", served: true },
    Method { name: "Length", served: true },
    Method { name: "Lie", served: true },
];
/// Gives its stub back.
pub(crate) const ECHO: u16 = 0;
/// Gives so many bytes as its stub, a number, says.
pub(crate) const FILL: u16 = 1;
/// Fails with its stub, a number.
pub(crate) const FAIL: u16 = 2;
/// Gives the interface, the level, the connection, whether there is an account and an object.
pub(crate) const DESCRIBE: u16 = 3;
/// Gives the length of its stub and the sum of its bytes.
pub(crate) const LENGTH: u16 = 4;
/// Says that it wrote more than there is room for.
pub(crate) const LIE: u16 = 5;

/// The byte of a filled reply at `index`.
pub(crate) fn filler(index: usize) -> u8 {
    (index % 251) as u8
}

/// Everything an association is lent, apart from memory.
pub(crate) struct Host {
    pub(crate) entropy: Fixed,
    pub(crate) calls: usize,
    pub(crate) failed_logins: usize,
}

/// Entropy that is none, and may fail.
pub(crate) struct Fixed {
    next: u8,
    pub(crate) fails: bool,
}

impl Entropy for Fixed {
    fn fill(&mut self, into: &mut [u8]) -> Result<(), NoEntropy> {
        if self.fails {
            return Err(NoEntropy);
        }
        for byte in into {
            self.next = self.next.wrapping_mul(5).wrapping_add(17);
            *byte = self.next;
        }
        Ok(())
    }
}

struct Known<'h>(&'h mut usize);

impl Accounts for Known<'_> {
    fn by_name(&mut self, name: &str) -> Option<Account> {
        name.eq_ignore_ascii_case("ada").then(|| Account {
            name: "ada".try_into().unwrap(),
            sid: Sid::LOCAL_SYSTEM,
            nt_hash: auth::nt_hash("secret"),
            administrator: true,
            disabled: false,
            groups: heapless::Vec::new(),
        })
    }

    fn by_sid(&mut self, _: &Sid) -> Option<Account> {
        None
    }

    fn login_failed(&mut self, _: LoginAttempt<'_>) {
        *self.0 += 1;
    }
}

/// The host with its accounts, as services.
pub(crate) struct Echo<'h> {
    entropy: &'h mut Fixed,
    accounts: Known<'h>,
    calls: &'h mut usize,
}

impl Services for Echo<'_> {
    fn trust(&mut self) -> Trust<'_> {
        Trust { entropy: self.entropy, accounts: &mut self.accounts }
    }

    fn interfaces(&self) -> &'static [&'static Interface] {
        &[&OPEN, &PRIVATE]
    }

    fn call(&mut self, _: Now, call: &Call<'_>, reply: &mut [u8]) -> Result<usize, Fault> {
        *self.calls += 1;
        let number = || call.stub.first_chunk().map(|bytes| u32::from_le_bytes(*bytes)).ok_or(Fault::BAD_STUB_DATA);
        let bytes = match call.opnum {
            ECHO => call.stub.to_vec(),
            FILL => (0..number()? as usize).map(filler).collect(),
            FAIL => return Err(Fault(number()?)),
            DESCRIBE => vec![
                call.interface as u8,
                call.caller.level as u8,
                call.caller.connection as u8,
                call.caller.account.is_some().into(),
                call.object.is_some().into(),
            ],
            LENGTH => {
                let sum: u32 = call.stub.iter().copied().map(u32::from).sum();
                [(call.stub.len() as u32).to_le_bytes(), sum.to_le_bytes()].concat()
            }
            LIE => return Ok(reply.len() + 1),
            opnum => unreachable!("opnum {opnum} is out of range"),
        };
        reply.get_mut(..bytes.len()).ok_or(Fault::NO_MEMORY)?.copy_from_slice(&bytes);
        Ok(bytes.len())
    }
}

/// What connections share: the host and its memory.
pub(crate) struct Server {
    pub(crate) host: Host,
    pub(crate) now: u64,
    memory: Vec<u8>,
    owners: Vec<Owner>,
    scratch: Vec<u8>,
}

impl Server {
    pub(crate) fn new(slots: usize, slot_length: usize) -> Self {
        Self {
            host: Host { entropy: Fixed { next: 1, fails: false }, calls: 0, failed_logins: 0 },
            now: 1_000,
            memory: vec![0; slots * slot_length],
            owners: vec![Owner::default(); slots],
            scratch: vec![0; 70_000],
        }
    }

    pub(crate) fn now(&self) -> Now {
        Now { monotonic: Monotonic(self.now), wall: Some(Timestamp(1_700_000_000_000)) }
    }

    pub(crate) fn taken(&mut self) -> usize {
        Pool::new(&mut self.memory, &mut self.owners).taken()
    }

    /// Whether nothing of any call is left in the slots.
    pub(crate) fn slots_are_wiped(&self) -> bool {
        self.memory.iter().all(|&byte| byte == 0)
    }

    /// The peer has closed a connection.
    pub(crate) fn closed(&mut self, association: &mut Association) {
        association.closed(&mut Pool::new(&mut self.memory, &mut self.owners));
    }

    /// One step, whose reply is returned; checks what must hold for any step.
    pub(crate) fn step(&mut self, association: &mut Association, received: &mut [u8]) -> (Step, Vec<u8>) {
        let mut reply = [0; FRAGMENT_MAX as usize];
        let mut pool = Pool::new(&mut self.memory, &mut self.owners);
        let Host { entropy, calls, failed_logins } = &mut self.host;
        let mut services = Echo { entropy, accounts: Known(failed_logins), calls };
        let step = association.receive(
            &mut Environment {
                now: Now { monotonic: Monotonic(self.now), wall: Some(Timestamp(1_700_000_000_000)) },
                services: &mut services,
                identity: &Identity { netbios_name: "CLOCK", dns_name: "clock.example" },
                address: "49152",
                pool: &mut pool,
                scratch: &mut self.scratch,
            },
            received,
            &mut reply,
        );
        assert!(step.consumed <= received.len());
        let produced = reply[..step.produced].to_vec();
        if !produced.is_empty() {
            let pdu = Pdu::decode(&produced).expect("the server writes what can be read");
            let length = u16::from_le_bytes(*produced[8..].first_chunk().unwrap());
            assert_eq!(usize::from(length), produced.len(), "{pdu:?}");
        }
        assert!(!(step.more && step.close.is_some()));
        assert_eq!(association.deadline().is_none(), step.close.is_some());
        (step, produced)
    }
}

/// What became of bytes that a server was given.
#[derive(Debug, Default)]
pub(crate) struct Fed {
    /// The fragments that it sent.
    pub(crate) sent: Vec<Vec<u8>>,
    pub(crate) close: Option<mainspring::event::Closed>,
    pub(crate) logins: Vec<Login>,
    pub(crate) counts: Counts,
    /// Bytes that it did not consume.
    pub(crate) left: usize,
}

/// A connection to a server, as the bytes between see it.
pub(crate) struct Connection {
    pub(crate) association: Association,
    pending: Vec<u8>,
}

impl Connection {
    pub(crate) fn new(server: &Server, number: u32) -> Self {
        Self::with_room(server, number, FRAGMENT_MAX)
    }

    /// To a server that has room for fragments of this length.
    pub(crate) fn with_room(server: &Server, number: u32, fragment: u16) -> Self {
        Self { association: Association::new(number, fragment, Monotonic(server.now)), pending: Vec::new() }
    }

    /// Sends bytes to the server, and takes what it answers until it waits for more.
    pub(crate) fn feed(&mut self, server: &mut Server, bytes: &[u8]) -> Fed {
        self.pending.extend_from_slice(bytes);
        let mut fed = Fed::default();
        for _ in 0..100_000 {
            let (step, sent) = server.step(&mut self.association, &mut self.pending);
            self.pending.drain(..step.consumed);
            fed.sent.extend((!sent.is_empty()).then_some(sent));
            fed.logins.extend(step.login);
            fed.counts.calls_in += step.counts.calls_in;
            fed.counts.packets_in += step.counts.packets_in;
            fed.counts.packets_out += step.counts.packets_out;
            fed.close = step.close;
            fed.left = self.pending.len();
            if !step.more {
                return fed;
            }
        }
        panic!("the server never stops");
    }

    /// Sends bytes, and gives the only fragment of the answer.
    pub(crate) fn ask(&mut self, server: &mut Server, bytes: &[u8]) -> Vec<u8> {
        let fed = self.feed(server, bytes);
        assert_eq!((fed.sent.len(), fed.close), (1, None), "{fed:?}");
        fed.sent.into_iter().next().unwrap()
    }
}

/// How a login is made.
pub(crate) fn secret(provider: Provider, level: Level) -> Secret<'static> {
    Secret { provider, policy: Policy::default(), credentials: Credentials::new("ada", "", "secret"), level }
}

/// A client and its connection.
pub(crate) struct Pair {
    pub(crate) client: Client<'static>,
    pub(crate) connection: Connection,
    pub(crate) entropy: Fixed,
}

impl Pair {
    pub(crate) fn new(server: &Server, number: u32, interface: SyntaxId, secret: Option<Secret<'static>>) -> Self {
        Self::with_fragment(server, number, interface, secret, FRAGMENT_MAX)
    }

    pub(crate) fn with_fragment(
        server: &Server,
        number: u32,
        interface: SyntaxId,
        secret: Option<Secret<'static>>,
        fragment: u16,
    ) -> Self {
        Self {
            client: Client::new(Binding { interface, secret, fragment }),
            connection: Connection::new(server, number),
            entropy: Fixed { next: 99, fails: false },
        }
    }

    /// A client that has bound.
    pub(crate) fn bound(
        server: &mut Server,
        number: u32,
        interface: SyntaxId,
        secret: Option<Secret<'static>>,
    ) -> Self {
        let mut pair = Self::new(server, number, interface, secret);
        pair.bind(server).expect("the bind goes well");
        pair
    }

    /// Binds; gives the fragments that the client sent.
    pub(crate) fn bind(&mut self, server: &mut Server) -> Result<Vec<Vec<u8>>, ClientError> {
        let mut out = [0; FRAGMENT_MAX as usize];
        let produced = self.client.bind(server.now(), &mut self.entropy, &mut out)?;
        self.negotiate(server, out[..produced].to_vec())
    }

    /// Goes through the legs of a bind or an alter context that begins with `first`.
    pub(crate) fn negotiate(&mut self, server: &mut Server, first: Vec<u8>) -> Result<Vec<Vec<u8>>, ClientError> {
        let mut sent = vec![first];
        loop {
            let fed = self.connection.feed(server, sent.last().unwrap());
            let answer = fed.sent.concat();
            let mut out = [0; FRAGMENT_MAX as usize];
            let leg = self.client.negotiate(server.now(), &mut self.entropy, &answer, &mut out)?;
            assert_eq!(leg.consumed, answer.len());
            if leg.produced > 0 {
                sent.push(out[..leg.produced].to_vec());
            }
            if leg.bound {
                if leg.produced > 0 {
                    assert_eq!(self.connection.feed(server, sent.last().unwrap()).sent.len(), 0);
                }
                return Ok(sent);
            }
        }
    }

    /// The fragments of a request.
    pub(crate) fn request(&mut self, opnum: u16, stub: &[u8]) -> Vec<Vec<u8>> {
        let (mut at, mut fragments) = (0, Vec::new());
        loop {
            let mut out = [0; FRAGMENT_MAX as usize];
            let (produced, sent) = self.client.request(opnum, None, stub, at, &mut out).expect("a request can be sent");
            fragments.push(out[..produced].to_vec());
            at = sent;
            if at == stub.len() {
                return fragments;
            }
        }
    }

    /// What the client makes of the server's fragments.
    pub(crate) fn response(&mut self, fragments: &[Vec<u8>]) -> Result<Result<Vec<u8>, Fault>, ClientError> {
        let mut stub = vec![0; 100_000];
        for fragment in fragments {
            match self.client.receive(&mut fragment.clone(), &mut stub)? {
                Received::Partial => panic!("the server sent half a fragment"),
                Received::Fragment { consumed } => assert_eq!(consumed, fragment.len()),
                Received::Complete { length, .. } => {
                    stub.truncate(length);
                    return Ok(Ok(stub));
                }
                Received::Fault { fault, .. } => return Ok(Err(fault)),
            }
        }
        panic!("the server sent no complete answer");
    }

    /// A call, from stub to stub.
    pub(crate) fn call(&mut self, server: &mut Server, opnum: u16, stub: &[u8]) -> Result<Vec<u8>, Fault> {
        let fragments = self.request(opnum, stub);
        let fed = self.connection.feed(server, &fragments.concat());
        assert_eq!((fed.close, fed.left), (None, 0));
        self.response(&fed.sent).expect("the client accepts the answer")
    }
}
