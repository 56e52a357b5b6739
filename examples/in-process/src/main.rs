//! The smallest host: the core inside a program of its own, without a network.
//!
//! It lends the scheduler memory, registers a task from XML that repeats every minute from its registration on, does what
//! the outputs say, and ends after the task ran twice. Its store is a map in memory, so nothing outlives it; its "actions"
//! are lines that it prints.
//!
//! ```text
//! cargo run -p mainspring-example-in-process
//! ```

use std::{
    collections::BTreeMap,
    error::Error,
    fs::File,
    io::Read as _,
    ops::ControlFlow,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use mainspring::{
    auth::Identity,
    engine::{self, Creation, InstanceSlot, Registration, TaskSlot, Work},
    limits::FRAGMENT_MAX,
    ports::{
        Account, Accounts, Change, Entropy, Key, LoginAttempt, NoEntropy, NoSecrets, NoSessions, Ports, Store,
        StoreError,
    },
    rpc::Pool,
    scheduler::{Config, Input, Memory, Output, Scheduler},
    sid::Sid,
    status::Status,
    task::{Path, xml},
    time::{Monotonic, Now, Timestamp, zone::Zone},
    tsch,
};

const TASKS: usize = 8;
const INSTANCES: usize = 2;
const IMAGE: usize = 4096;

const XML: &str = r#"<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <Triggers>
    <RegistrationTrigger><Repetition><Interval>PT1M</Interval></Repetition></RegistrationTrigger>
  </Triggers>
  <Actions><Exec><Command>greet</Command><Arguments>the world</Arguments></Exec></Actions>
</Task>"#;

/// Records in a map.
#[derive(Default)]
struct Map(BTreeMap<Key, Vec<u8>>);

impl Store for Map {
    fn get(&mut self, key: Key, into: &mut [u8]) -> Result<Option<usize>, StoreError> {
        let Some(value) = self.0.get(&key) else { return Ok(None) };
        let room = into.get_mut(..value.len()).ok_or(StoreError::TooSmall { needed: value.len() })?;
        room.copy_from_slice(value);
        Ok(Some(value.len()))
    }

    fn scan(&mut self, kind: u8, visit: &mut dyn FnMut(Key, &[u8]) -> bool) -> Result<(), StoreError> {
        let range = Key { kind, number: 0 }..=Key { kind, number: u32::MAX };
        self.0.range(range).all(|(key, value)| visit(*key, value));
        Ok(())
    }

    fn apply(&mut self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        for change in changes {
            match *change {
                Change::Put(key, value) => drop(self.0.insert(key, value.to_vec())),
                Change::Delete(key) => drop(self.0.remove(&key)),
            }
        }
        Ok(())
    }
}

/// Random bytes of the system.
struct Random(File);

impl Entropy for Random {
    fn fill(&mut self, into: &mut [u8]) -> Result<(), NoEntropy> {
        self.0.read_exact(into).map_err(|_| NoEntropy)
    }
}

/// Nobody may log in: there is no network.
struct Nobody;

impl Accounts for Nobody {
    fn by_name(&mut self, _name: &str) -> Option<Account> {
        None
    }

    fn by_sid(&mut self, _sid: &Sid) -> Option<Account> {
        None
    }

    fn login_failed(&mut self, _attempt: LoginAttempt<'_>) {}
}

fn now(start: Instant) -> Now {
    let millis = |duration: Duration| duration.as_millis();
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|since| i64::try_from(millis(since)).ok());
    Now { monotonic: Monotonic(u64::try_from(millis(start.elapsed())).unwrap_or(u64::MAX)), wall: wall.map(Timestamp) }
}

fn main() -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let zone = Zone::default();
    let (mut store, mut entropy, mut accounts) = (Map::default(), Random(File::open("/dev/urandom")?), Nobody);
    let mut ports = Ports {
        store: &mut store,
        entropy: &mut entropy,
        accounts: &mut accounts,
        sessions: &NoSessions,
        secrets: &mut NoSecrets,
    };

    // All memory there will ever be.
    let mut tasks = [<TaskSlot as bytemuck::Zeroable>::zeroed(); TASKS];
    let mut instances = [<InstanceSlot as bytemuck::Zeroable>::zeroed(); INSTANCES];
    let (mut index, mut queue) = ([0; 2 * TASKS], [0; 3 * TASKS]);
    let (mut record, mut image, mut reply) = ([0; IMAGE], [0; IMAGE], [0; 0]);
    let memory = Memory {
        engine: engine::Memory {
            tasks: &mut tasks,
            index: &mut index,
            queue: &mut queue,
            instances: &mut instances,
            record: &mut record,
            credentials: &mut [],
            history: 16,
        },
        connections: &mut [],
        pool: Pool::new(&mut [], &mut []),
        reply: &mut reply,
        image: &mut [],
    };
    let identity = Identity { netbios_name: "EXAMPLE", dns_name: "example" };
    let mut scheduler =
        Scheduler::new(memory, Config { identity, endpoints: &[], version: tsch::VERSION, fragment: FRAGMENT_MAX });
    scheduler.start(now(start), &zone, &mut ports)?;

    let mut registrant = xml::Registrant {
        resolve: &mut Sid::parse,
        default_user: Sid::LOCAL_SYSTEM,
        override_user: None,
        override_group: None,
        override_logon: None,
    };
    let definition = xml::read_str(XML, &mut registrant, &mut image)?;
    let registration = Registration {
        creation: Creation::Create,
        image: definition,
        security: None,
        folders: None,
        principal_reads: true,
        disable: false,
        fire_registration_triggers: true,
        registrant: Sid::LOCAL_SYSTEM,
    };
    let mut context = engine::Context {
        now: now(start),
        zone: &zone,
        store: ports.store,
        entropy: ports.entropy,
        sessions: ports.sessions,
    };
    scheduler.engine().register(&mut context, &Path::parse(r"\greeting")?, &registration)?;

    let mut runs = 0;
    while runs < 2 {
        let step = turn(&mut scheduler, now(start), &zone, &mut ports, &mut runs);
        if let ControlFlow::Break(pause) = step {
            thread::sleep(pause);
            scheduler.input(now(start), &zone, Input::Tick, &mut ports);
        }
    }
    Ok(())
}

/// Does one thing that the scheduler wants done; breaks with how long to sleep when there is nothing left.
fn turn(
    scheduler: &mut Scheduler<'_>,
    now: Now,
    zone: &Zone<'_>,
    ports: &mut Ports<'_>,
    runs: &mut u32,
) -> ControlFlow<Duration> {
    match scheduler.output() {
        Output::Start { instance } => {
            let mut room = [0; 1024];
            let answer = match scheduler.action(now, zone, instance, ports, &mut room) {
                Ok(Work::Handler(_) | Work::Email(_) | Work::Message(_)) => {
                    Input::StartFailed { instance, result: Status::E_NOT_SUPPORTED }
                }
                Ok(Work::Command(action)) => {
                    println!("{instance}: {} {}", action.command, action.arguments);
                    *runs += 1;
                    scheduler.input(now, zone, Input::Started { instance, process: 0 }, ports);
                    Input::Exited { instance, result: Status::S_OK }
                }
                Err(refused) => Input::StartFailed { instance, result: refused.status() },
            };
            scheduler.input(now, zone, answer, ports);
        }
        Output::Recover { instance } | Output::Stop { instance, .. } => {
            scheduler.input(now, zone, Input::Exited { instance, result: Status::E_PROCESS_ABORTED }, ports);
        }
        Output::Close { .. } => {}
        Output::Tell(event) => println!("{event:?}"),
        Output::Sleep(deadline) => {
            let relative = deadline.monotonic.map(|at| at.since(now.monotonic));
            let wall = deadline.wall.zip(now.wall).map(|(at, now)| u64::try_from(at.since(now)).unwrap_or(0));
            let pause = relative.into_iter().chain(wall).min().unwrap_or(60_000);
            return ControlFlow::Break(Duration::from_millis(pause));
        }
    }
    ControlFlow::Continue(())
}
