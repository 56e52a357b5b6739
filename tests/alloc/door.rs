//! A whole life at the door allocates nothing: a start, a task that fires and is armed again, a client that logs in and
//! calls under seal, and a second start.

use std::net::SocketAddr;

use bytemuck::Zeroable;
use mainspring::{
    auth::{Credentials, Identity, Policy, Provider, nt_hash},
    bytes::Order,
    engine::{self, Command, Context, Creation, InstanceSlot, Registration, TaskSlot, Work},
    limits::FRAGMENT_MAX,
    ports::{Account, Accounts, Entropy, LoginAttempt, NoEntropy, NoSecrets, NoSessions, Ports},
    rpc::{Association, Binding, Client, Level, Pool, Received, Secret},
    scheduler::{Arrival, Config, ConnectionId, ConnectionSlot, Endpoint, Input, Memory, Output, Scheduler},
    sid::Sid,
    status::Status,
    task::{Action, Boundary, Definition, Exec, Image, Path, Repetition, Span, Trigger, TriggerKind},
    time::{Monotonic, Now, Timestamp, zone::Zone},
    tsch::{
        self,
        client::{EnumTasks, GetLastRunInfo, GetTaskInfo, Request, Run, ScheduledRuntimes},
    },
};

use super::{allocations, store::ArrayStore};

const PATH: &str = r"\Water\Open";

/// Counts upwards: nothing here is secret.
struct Counter(u8);

impl Entropy for Counter {
    fn fill(&mut self, into: &mut [u8]) -> Result<(), NoEntropy> {
        for byte in into {
            self.0 = self.0.wrapping_add(1);
            *byte = self.0;
        }
        Ok(())
    }
}

/// Knows one account.
struct Alice(Account);

impl Accounts for Alice {
    fn by_name(&mut self, name: &str) -> Option<Account> {
        name.eq_ignore_ascii_case(&self.0.name).then(|| self.0.clone())
    }

    fn by_sid(&mut self, sid: &Sid) -> Option<Account> {
        (*sid == self.0.sid).then(|| self.0.clone())
    }

    fn login_failed(&mut self, attempt: LoginAttempt<'_>) {
        panic!("{} did not get in", attempt.name);
    }
}

/// So many seconds after 2030-01-01T00:00:00Z.
fn at(seconds: u32) -> Now {
    let passed = u64::from(seconds) * 1000;
    Now { monotonic: Monotonic(passed), wall: Some(Timestamp(1_893_456_000_000 + passed as i64)) }
}

/// A scheduler and what it is lent with every call.
struct Door<'d, 'a> {
    scheduler: Scheduler<'a>,
    ports: Ports<'d>,
    zone: Zone<'d>,
    now: u32,
    runs: u32,
}

impl Door<'_, '_> {
    fn drain(&mut self) {
        let now = at(self.now);
        loop {
            match self.scheduler.output() {
                Output::Start { instance } => {
                    let mut into = [0; 256];
                    let work = self.scheduler.action(now, &self.zone, instance, &mut self.ports, &mut into).unwrap();
                    assert!(matches!(work, Work::Command(Command { command: "valve", .. })));
                    self.runs += 1;
                    for input in
                        [Input::Started { instance, process: 1 }, Input::Exited { instance, result: Status::S_OK }]
                    {
                        self.scheduler.input(now, &self.zone, input, &mut self.ports);
                    }
                }
                Output::Sleep(_) => break,
                _ => {}
            }
        }
    }

    fn tick(&mut self, until: u32) {
        while self.now < until {
            self.now += 1;
            self.scheduler.input(at(self.now), &self.zone, Input::Tick, &mut self.ports);
            self.drain();
        }
    }

    fn register(&mut self) {
        let trigger = Trigger {
            id: None,
            enabled: true,
            start: Boundary::parse("2030-01-01T00:00:30Z"),
            end: None,
            execution_time_limit: None,
            repetition: Some(Repetition {
                interval: Span::from_seconds(60),
                duration: None,
                stop_at_duration_end: false,
            }),
            kind: TriggerKind::Time { random_delay: None },
        };
        let exec = Exec { command: "valve", arguments: Some("open $(Arg0)"), working_directory: None, opaque: None };
        let actions = [Action::Exec { id: None, exec }];
        let definition = Definition { triggers: &[trigger], actions: &actions, ..Definition::default() };
        let mut buffer = [0; 512];
        let registration = Registration {
            creation: Creation::Create,
            image: Image::encode(&definition, &mut buffer).unwrap(),
            security: None,
            folders: None,
            principal_reads: true,
            disable: false,
            fire_registration_triggers: true,
            registrant: Sid::LOCAL_SYSTEM,
        };
        let Ports { store, entropy, .. } = self.ports.reborrow();
        let cx = &mut Context { now: at(self.now), zone: &self.zone, store, entropy, sessions: &NoSessions };
        self.scheduler.engine().register(cx, &Path::parse(PATH).unwrap(), &registration).unwrap();
    }
}

/// A client, its connection, and room for what goes either way.
struct Wire<'c> {
    client: Client<'c>,
    connection: ConnectionId,
    association: Association,
    sent: [u8; 5840],
    answer: [u8; 8192],
}

impl Wire<'_> {
    /// Hands over what the client sent, and returns how much the server answered.
    fn exchange(&mut self, door: &mut Door<'_, '_>, sent: usize) -> usize {
        let (mut consumed, mut answered) = (0, 0);
        while consumed < sent {
            let step = door.scheduler.exchange(
                at(door.now),
                &door.zone,
                self.connection,
                &mut self.association,
                &mut self.sent[consumed..sent],
                &mut self.answer[answered..],
                &mut door.ports,
            );
            assert_eq!(step.close, None);
            consumed += step.consumed;
            answered += step.produced;
        }
        door.drain();
        answered
    }

    fn log_in(&mut self, door: &mut Door<'_, '_>) {
        let entropy = &mut Counter(100);
        let mut sent = self.client.bind(at(door.now), entropy, &mut self.sent).unwrap();
        loop {
            let answered = self.exchange(door, sent);
            let leg = self.client.negotiate(at(door.now), entropy, &self.answer[..answered], &mut self.sent).unwrap();
            assert_eq!(leg.consumed, answered);
            sent = leg.produced;
            if leg.bound {
                self.exchange(door, sent);
                return;
            }
        }
    }

    fn call<R: Request>(&mut self, door: &mut Door<'_, '_>, request: &R, check: impl FnOnce(R::Response<'_>)) {
        let mut stub = [0; 4096];
        let length = request.write(&mut stub).unwrap();
        let (sent, upto) = self.client.request(R::OPNUM, None, &stub[..length], 0, &mut self.sent).unwrap();
        assert_eq!(upto, length, "one fragment");
        let answered = self.exchange(door, sent);
        let received = self.client.receive(&mut self.answer[..answered], &mut stub).unwrap();
        let Received::Complete { length, .. } = received else { panic!("{received:?}") };
        check(R::read(&stub[..length], Order::Little).unwrap());
    }
}

fn life(door: &mut Door<'_, '_>, first: bool) {
    let loaded = door.scheduler.start(at(door.now), &door.zone, &mut door.ports).unwrap();
    assert_eq!(loaded.tasks, u32::from(!first));
    if first {
        door.register();
    }
    let runs = door.runs;
    door.tick(door.now + 600);
    assert_eq!(door.runs, runs + 10, "it fires every minute");

    let address = SocketAddr::from(([127, 0, 0, 1], 49664));
    let arrival = Arrival { endpoint: Endpoint::Services, local: address, remote: address };
    for provider in [Provider::Spnego, Provider::Ntlm] {
        let (connection, association) = door.scheduler.accept(at(door.now), &arrival).unwrap();
        let secret = Secret {
            provider,
            policy: Policy::default(),
            credentials: Credentials::new("alice", "", "of alice"),
            level: Level::Privacy,
        };
        let binding = Binding { interface: tsch::INTERFACE.syntax, secret: Some(secret), fragment: 5840 };
        let mut wire =
            Wire { client: Client::new(binding), connection, association, sent: [0; 5840], answer: [0; 8192] };
        wire.log_in(door);
        for _ in 0..20 {
            wire.call(door, &GetTaskInfo { path: PATH, state: true }, |info| {
                assert_eq!((info.status, info.enabled, info.state), (Status::S_OK, true, 3));
            });
            let listed = EnumTasks { path: r"\Water", hidden: true, start: 0, requested: 0 };
            wire.call(door, &listed, |names| assert_eq!(names.names.count(), 1));
        }
        let runs = door.runs;
        let run = Run { path: PATH, arguments: &["wide"], ignore_constraints: false };
        wire.call(door, &run, |ran| assert_eq!(ran.status, Status::S_OK));
        assert_eq!(door.runs, runs + 1);
        wire.call(door, &GetLastRunInfo { path: PATH }, |last| assert_eq!(last.status, Status::S_OK));
        let times = ScheduledRuntimes { path: PATH, start: None, end: None, requested: 10 };
        wire.call(door, &times, |times| assert_eq!(times.runtimes.count(), 10));
        door.scheduler.closed(connection);
    }
}

#[test]
fn the_door_allocates_nothing() {
    let account = Account {
        name: "alice".try_into().unwrap(),
        sid: Sid::LOCAL_SYSTEM,
        nt_hash: nt_hash("of alice"),
        administrator: true,
        disabled: false,
        groups: heapless::Vec::new(),
    };
    let (mut store, mut entropy, mut accounts) = (ArrayStore::default(), Counter(0), Alice(account));
    let (seen, runs) = allocations(|| {
        let (mut now, mut runs) = (0, 0);
        for first in [true, false] {
            let (mut tasks, mut index, mut queue) = ([TaskSlot::zeroed(); 8], [0; 16], [0; 24]);
            let (mut instances, mut record) = ([InstanceSlot::zeroed(); 4], [0; 2048]);
            let (mut pool, mut owners) = ([0; 16384], [Zeroable::zeroed(); 2]);
            let mut connections = [ConnectionSlot::zeroed(); 4];
            let (mut reply, mut image) = ([0; 8192], [0; 2048]);
            let engine = engine::Memory {
                tasks: &mut tasks,
                index: &mut index,
                queue: &mut queue,
                instances: &mut instances,
                record: &mut record,
                credentials: &mut [],
                history: 8,
            };
            let pool = Pool::new(&mut pool, &mut owners);
            let memory = Memory { engine, connections: &mut connections, pool, reply: &mut reply, image: &mut image };
            let identity = Identity { netbios_name: "TESTS", dns_name: "tests" };
            let config = Config { identity, endpoints: &[], version: tsch::VERSION, fragment: FRAGMENT_MAX };
            let mut door = Door {
                scheduler: Scheduler::new(memory, config),
                ports: Ports {
                    store: &mut store,
                    entropy: &mut entropy,
                    accounts: &mut accounts,
                    sessions: &NoSessions,
                    secrets: &mut NoSecrets,
                },
                zone: Zone::fixed(3600),
                now,
                runs,
            };
            life(&mut door, first);
            (now, runs) = (door.now, door.runs);
        }
        runs
    });
    assert_eq!((seen, runs), (0, 24), "allocations, and runs: twenty of the trigger and four on demand");
}
