//! ITaskSchedulerService over the real engine and a store in memory, without a network.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use bytemuck::Zeroable as _;
use mainspring::{
    bytes::Order,
    engine::{Context, CredentialSlot, Engine, InstanceSlot, Memory, Order as EngineOrder, TaskSlot},
    guid::Guid,
    ports::{
        Account, Accounts, Change, Entropy, Key, LoginAttempt, NoEntropy, NoSecrets, NoSessions, Ports, Secrets,
        Sessions, Store, StoreError,
    },
    rpc::{Call, Caller, Fault, Level},
    sid::Sid,
    status::Status,
    task::Resources,
    time::{Monotonic, Now, Timestamp, zone::Zone},
    tsch::{self, client::Request},
};

/// 2030-01-01T00:00:00Z, a Tuesday.
pub const NEW_YEAR: Timestamp = Timestamp::from_seconds(1_893_456_000);

/// Accounts that may have a credential kept.
pub const CREDENTIALS: usize = 3;

/// The namespace of task XML.
const NAMESPACE: &str = "http://schemas.microsoft.com/windows/2004/02/mit/task";

/// Records in memory.
pub struct Records {
    /// The records.
    pub records: BTreeMap<Key, Vec<u8>>,
    /// How often it was asked for anything.
    pub calls: u32,
    /// Whether changes fail.
    pub full: bool,
    /// Called when a change begins (`true`) and when it is done: whoever counts allocations does not count those of a test's
    /// store.
    pub changing: fn(bool),
    /// What there was after each change, if that is to be known: what a cut may leave.
    pub cuts: Option<Vec<BTreeMap<Key, Vec<u8>>>>,
}

impl Default for Records {
    fn default() -> Self {
        Self { records: BTreeMap::new(), calls: 0, full: false, changing: |_| (), cuts: None }
    }
}

impl Store for Records {
    fn get(&mut self, key: Key, into: &mut [u8]) -> Result<Option<usize>, StoreError> {
        self.calls += 1;
        let Some(record) = self.records.get(&key) else { return Ok(None) };
        into.get_mut(..record.len()).ok_or(StoreError::TooSmall { needed: record.len() })?.copy_from_slice(record);
        Ok(Some(record.len()))
    }

    fn scan(&mut self, kind: u8, visit: &mut dyn FnMut(Key, &[u8]) -> bool) -> Result<(), StoreError> {
        self.calls += 1;
        let _ = self.records.iter().filter(|(key, _)| key.kind == kind).all(|(&key, record)| visit(key, record));
        Ok(())
    }

    fn apply(&mut self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        self.calls += 1;
        if self.full {
            return Err(StoreError::Full);
        }
        (self.changing)(true);
        for change in changes {
            match *change {
                Change::Put(key, record) => drop(self.records.insert(key, record.to_vec())),
                Change::Delete(key) => drop(self.records.remove(&key)),
            }
            if let Some(cuts) = &mut self.cuts {
                cuts.push(self.records.clone());
            }
        }
        (self.changing)(false);
        Ok(())
    }
}

/// Bytes that are the same every time.
pub struct Counter(u64);

impl Entropy for Counter {
    fn fill(&mut self, into: &mut [u8]) -> Result<(), NoEntropy> {
        for byte in into {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = (self.0 >> 56) as u8;
        }
        Ok(())
    }
}

/// Accounts in memory.
#[derive(Default)]
pub struct People {
    /// Who there is.
    pub accounts: Vec<Account>,
    /// Of whose failed logins it was told.
    pub failures: Vec<String>,
    /// As whom nothing can be run.
    pub strangers: Vec<Sid>,
}

impl Accounts for People {
    fn by_name(&mut self, name: &str) -> Option<Account> {
        self.accounts.iter().find(|account| account.name.eq_ignore_ascii_case(name)).cloned()
    }

    fn by_sid(&mut self, sid: &Sid) -> Option<Account> {
        self.accounts.iter().find(|account| account.sid == *sid).cloned()
    }

    fn login_failed(&mut self, attempt: LoginAttempt<'_>) {
        self.failures.push(attempt.name.to_owned());
    }

    fn may_run_as(&mut self, sid: &Sid) -> bool {
        !self.strangers.contains(sid)
    }
}

/// An account; the password of `ann` is `pässword`, that of everybody else `secret`.
///
/// # Panics
/// If the name is too long.
#[must_use]
pub fn account(name: &str, identifier: u32, administrator: bool) -> Account {
    let hash: u128 = if name == "ann" {
        0xf1b0_94f2_5bbd_cb6f_dbaa_6cc8_b43f_0c44
    } else {
        0x878d_8014_606c_da29_677a_44ef_a135_3fc7
    };
    Account {
        name: name.try_into().unwrap(),
        sid: Sid::parse(&format!("S-1-5-21-1-2-3-{identifier}")).unwrap(),
        nt_hash: hash.to_be_bytes(),
        administrator,
        disabled: false,
        groups: heapless::Vec::new(),
    }
}

/// A server of one service, without a network.
pub struct Server {
    /// Which task runs when.
    pub engine: Engine<'static>,
    /// What is kept.
    pub records: Records,
    /// Random bytes that are no such thing.
    pub entropy: Counter,
    /// Accounts: `admin` and `ben`, who are administrators, and `ann`.
    pub people: People,
    /// What seals the secrets of accounts; nothing, to begin with.
    pub secrets: Box<dyn Secrets>,
    /// Who is logged on: nobody, to begin with.
    pub sessions: &'static dyn Sessions,
    /// An hour ahead of UTC.
    pub zone: Zone<'static>,
    /// [`NEW_YEAR`].
    pub now: Now,
    /// Bytes of room for a reply.
    pub reply: usize,
    /// What is answered as the highest version.
    pub version: u32,
    /// The strings that fields name.
    pub resources: Option<&'static dyn Resources>,
}

fn lend<T>(mut make: impl FnMut() -> T, count: usize) -> &'static mut [T] {
    (0..count).map(|_| make()).collect::<Vec<_>>().leak()
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}

impl Server {
    /// With nothing registered.
    ///
    /// # Panics
    /// If an empty store cannot be loaded.
    #[must_use]
    pub fn new() -> Self {
        let engine = Engine::new(Memory {
            tasks: lend(TaskSlot::zeroed, 256),
            index: lend(|| 0, 512),
            queue: lend(|| 0, 3 * 256),
            instances: lend(InstanceSlot::zeroed, 8),
            record: lend(|| 0, 65_536),
            credentials: lend(CredentialSlot::zeroed, CREDENTIALS),
            history: 64,
        });
        let people = People {
            accounts: vec![account("admin", 1000, true), account("ann", 1001, false), account("ben", 1002, true)],
            ..People::default()
        };
        let mut server = Self {
            engine,
            records: Records::default(),
            entropy: Counter(1),
            people,
            sessions: &NoSessions,
            secrets: Box::new(NoSecrets),
            zone: Zone::fixed(3600),
            now: Now { monotonic: Monotonic(1_000_000), wall: Some(NEW_YEAR) },
            reply: 65_536,
            version: tsch::VERSION,
            resources: None,
        };
        server.with(|engine, cx| engine.load(cx)).unwrap();
        server
    }

    /// With `\Folder` and two tasks in it: `Task` with one trigger, `Empty` with none.
    #[must_use]
    pub fn furnished() -> Self {
        let mut server = Self::new();
        server.register(r"\Folder\Task", &daily());
        server.register(r"\Folder\Empty", &xml("", ""));
        server
    }

    /// Work on the engine itself.
    pub fn with<T>(&mut self, work: impl FnOnce(&mut Engine<'static>, &mut Context<'_>) -> T) -> T {
        let mut cx = Context {
            now: self.now,
            zone: &self.zone,
            store: &mut self.records,
            entropy: &mut self.entropy,
            sessions: self.sessions,
        };
        work(&mut self.engine, &mut cx)
    }

    /// A call of somebody, in whatever byte order.
    ///
    /// # Errors
    /// The fault.
    ///
    /// # Panics
    /// If there is nobody of that name.
    pub fn call_as(&mut self, name: Option<&str>, opnum: u16, stub: &[u8], order: Order) -> Result<Vec<u8>, Fault> {
        let account = name.map(|name| self.people.by_name(name).unwrap());
        let mut called =
            Called { reply: vec![0xEE; self.reply], scratch: vec![0xEE; 65_536], account, order, server: self };
        let length = called.call(opnum, stub)?;
        let mut reply = called.reply;
        reply.truncate(length);
        Ok(reply)
    }

    /// A call of the administrator.
    ///
    /// # Errors
    /// The fault.
    pub fn call(&mut self, opnum: u16, stub: &[u8]) -> Result<Vec<u8>, Fault> {
        self.call_as(Some("admin"), opnum, stub, Order::Little)
    }

    /// A typed call of the administrator; `look` sees the answer.
    ///
    /// # Panics
    /// If it is answered with a fault, or nonsense.
    pub fn ask<R: Request, T>(&mut self, request: &R, look: impl FnOnce(R::Response<'_>) -> T) -> T {
        let mut stub = vec![0; 65_536];
        let length = request.write(&mut stub).unwrap();
        let answer = self.call(R::OPNUM, &stub[..length]).unwrap();
        look(R::read(&answer, Order::Little).unwrap())
    }

    /// A typed call of which only the status matters: the last four bytes of the answer.
    ///
    /// # Panics
    /// If it is answered with a fault.
    pub fn status<R: Request>(&mut self, request: &R) -> Status {
        let mut stub = vec![0; 65_536];
        let length = request.write(&mut stub).unwrap();
        let answer = self.call(R::OPNUM, &stub[..length]).unwrap();
        let (_, status) = answer.split_last_chunk().unwrap();
        Status(u32::from_le_bytes(*status))
    }

    /// Registers a task.
    ///
    /// # Panics
    /// If that is refused.
    pub fn register(&mut self, path: &str, xml: &str) {
        let request = tsch::client::RegisterTask { path: Some(path), xml, ..registration() };
        assert_eq!(self.status(&request), Status::S_OK, "{path}");
    }

    /// Starts what the engine wants started, with process ids from 100 on.
    pub fn start_all(&mut self) -> Vec<Guid> {
        let mut started = Vec::new();
        while let Some(order) = self.engine.order() {
            if let EngineOrder::Start { instance } = order {
                self.with(|engine, cx| engine.started(cx, instance, 100 + started.len() as u32));
                started.push(instance);
            }
        }
        started
    }
}

/// What one call is made of, beside the stub; making the call allocates nothing of its own.
pub struct Called<'s> {
    server: &'s mut Server,
    account: Option<Account>,
    order: Order,
    scratch: Vec<u8>,
    /// Where the answer is written.
    pub reply: Vec<u8>,
}

impl<'s> Called<'s> {
    /// A little-endian call of somebody.
    #[must_use]
    pub fn new(server: &'s mut Server, name: &str) -> Self {
        let account = server.people.by_name(name);
        Self { reply: vec![0xEE; server.reply], scratch: vec![0xEE; 65_536], account, order: Order::Little, server }
    }

    /// Makes the call and returns the length of the answer.
    ///
    /// # Errors
    /// The fault.
    pub fn call(&mut self, opnum: u16, stub: &[u8]) -> Result<usize, Fault> {
        let Self { server, account, order, scratch, reply } = self;
        let caller = Caller { account: account.as_ref(), level: Level::Privacy, connection: 0 };
        let call = Call { interface: 0, opnum, object: None, order: *order, caller, stub };
        tsch::Service {
            engine: &mut server.engine,
            ports: Ports {
                store: &mut server.records,
                entropy: &mut server.entropy,
                accounts: &mut server.people,
                sessions: server.sessions,
                secrets: &mut *server.secrets,
            },
            zone: &server.zone,
            scratch,
            resources: server.resources,
            version: server.version,
        }
        .call(server.now, &call, reply)
    }
}

/// A registration of a new task with nothing unusual.
#[must_use]
pub fn registration() -> tsch::client::RegisterTask<'static> {
    tsch::client::RegisterTask {
        path: None,
        xml: "",
        creation: tsch::client::Creation::Create,
        disable: false,
        sddl: None,
        logon_type: tsch::client::LogonType::None,
        credential: None,
    }
}

/// A definition that runs `/bin/run`, with these triggers and settings.
#[must_use]
pub fn xml(triggers: &str, settings: &str) -> String {
    format!(
        r#"<Task version="1.2" xmlns="{NAMESPACE}"><Settings>{settings}</Settings><Triggers>{triggers}</Triggers>
           <Actions><Exec><Command>/bin/run</Command><Arguments>$(Arg0) $(Arg1)</Arguments></Exec></Actions></Task>"#
    )
}

/// One that fires every day at 07:00.
#[must_use]
pub fn daily() -> String {
    xml(
        "<CalendarTrigger><StartBoundary>2030-01-01T07:00:00</StartBoundary>
         <ScheduleByDay><DaysInterval>1</DaysInterval></ScheduleByDay></CalendarTrigger>",
        "",
    )
}

/// One whose only principal is this.
#[must_use]
pub fn principal(inner: &str) -> String {
    format!(
        r#"<Task version="1.2" xmlns="{NAMESPACE}"><Principals><Principal id="P">{inner}</Principal></Principals>
           <Actions Context="P"><Exec><Command>/bin/run</Command></Exec></Actions></Task>"#
    )
}
