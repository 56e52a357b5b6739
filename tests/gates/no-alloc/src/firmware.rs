//! What runs on the microcontroller: a task is registered, power is cut, the task fires, and a call is served.

use core::{fmt::Debug, net::SocketAddr, panic::PanicInfo};

use bytemuck::Zeroable;
use cortex_m_rt::entry;
use cortex_m_semihosting::{debug, hprintln};
use mainspring::{
    auth::Identity,
    engine::{self, Context, Creation, Engine, InstanceSlot, LastRun, Registration, TaskSlot, Work},
    limits::FRAGMENT_MIN,
    ports::{Account, Accounts, Entropy, LoginAttempt, NoEntropy, NoSecrets, NoSessions, Ports},
    rpc::Pool,
    scheduler::{Arrival, Config, ConnectionSlot, Endpoint, Input, Memory, Output, Scheduler},
    sid::Sid,
    status::Status,
    task::{Action, Boundary, Definition, Exec, Image, Path, Trigger, TriggerKind},
    time::{Monotonic, Now, Timestamp, zone::Zone},
    tsch,
};

use crate::store::ArrayStore;

#[cfg(feature = "canary")]
extern crate alloc;

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    hprintln!("{}", info);
    end(debug::EXIT_FAILURE)
}

fn end(status: debug::ExitStatus) -> ! {
    loop {
        debug::exit(status);
    }
}

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

struct Nobody;

impl Accounts for Nobody {
    fn by_name(&mut self, _: &str) -> Option<Account> {
        None
    }

    fn by_sid(&mut self, _: &Sid) -> Option<Account> {
        None
    }

    fn login_failed(&mut self, _: LoginAttempt<'_>) {}
}

/// 2030-01-01T00:00:00Z.
const START: Timestamp = Timestamp::from_seconds(1_893_456_000);

/// So many seconds after the start.
fn at(seconds: u16) -> Now {
    Now { monotonic: Monotonic(u64::from(seconds) * 1000), wall: Some(START.plus(i64::from(seconds) * 1000)) }
}

/// What went wrong ends the program.
fn must<T, E: Debug>(result: Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => {
            hprintln!("{:?}", error);
            end(debug::EXIT_FAILURE)
        }
    }
}

fn check(claim: bool, what: &str) {
    if !claim {
        hprintln!("not so: {}", what);
        end(debug::EXIT_FAILURE);
    }
}

/// Lends a scheduler its memory for as long as `work` takes: what follows a power cut starts from zeros.
fn powered(work: impl FnOnce(&mut Scheduler<'_>)) {
    let mut tasks = [TaskSlot::zeroed(); 32];
    let mut index = [0; 64];
    let mut queue = [0; 3 * 32];
    let mut instances = [InstanceSlot::zeroed(); 4];
    let mut record = [0; 2048];
    let mut connections = [ConnectionSlot::zeroed(); 4];
    let (mut pool, mut owners) = ([0; 8192], [Zeroable::zeroed(); 2]);
    let (mut reply, mut image) = ([0; 4096], [0; 2048]);
    let memory = Memory {
        engine: engine::Memory {
            tasks: &mut tasks,
            index: &mut index,
            queue: &mut queue,
            instances: &mut instances,
            record: &mut record,
            credentials: &mut [],
            history: 8,
        },
        connections: &mut connections,
        pool: Pool::new(&mut pool, &mut owners),
        reply: &mut reply,
        image: &mut image,
    };
    let identity = Identity { netbios_name: "FIRMWARE", dns_name: "firmware" };
    work(&mut Scheduler::new(
        memory,
        Config { identity, endpoints: &[], version: tsch::VERSION, fragment: FRAGMENT_MIN },
    ));
}

/// Registers a task that fires once, five seconds after the start.
fn register(engine: &mut Engine<'_>, cx: &mut Context<'_>, path: &Path) {
    let trigger = Trigger {
        id: None,
        enabled: true,
        start: Some(must(Boundary::parse("2030-01-01T00:00:05Z").ok_or(()))),
        end: None,
        execution_time_limit: None,
        repetition: None,
        kind: TriggerKind::Time { random_delay: None },
    };
    let exec = Exec { command: "valve", arguments: Some("open"), working_directory: None, opaque: None };
    let actions = [Action::Exec { id: None, exec }];
    let definition = Definition { triggers: &[trigger], actions: &actions, ..Definition::default() };
    let mut buffer = [0; 512];
    let image = must(Image::encode(&definition, &mut buffer));
    let registration = Registration {
        creation: Creation::Create,
        image,
        security: None,
        folders: None,
        principal_reads: true,
        disable: false,
        fire_registration_triggers: true,
        registrant: Sid::LOCAL_SYSTEM,
    };
    must(engine.register(cx, path, &registration));
}

/// A bind to the management interface, without authentication.
const BIND: [u8; 72] = *b"\x05\x00\x0b\x03\x10\x00\x00\x00\x48\x00\x00\x00\x01\x00\x00\x00\
    \xd0\x16\xd0\x16\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x01\x00\
    \x80\xbd\xa8\xaf\x8a\x7d\xc9\x11\xbe\xf4\x08\x00\x2b\x10\x29\x89\x01\x00\x00\x00\
    \x04\x5d\x88\x8a\xeb\x1c\xc9\x11\x9f\xe8\x08\x00\x2b\x10\x48\x60\x02\x00\x00\x00";

/// A request for is_server_listening.
const LISTENING: [u8; 24] =
    *b"\x05\x00\x00\x03\x10\x00\x00\x00\x18\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00";

/// Binds, and asks whether the server listens.
fn call(scheduler: &mut Scheduler<'_>, zone: &Zone<'_>, ports: &mut Ports<'_>) {
    let local = SocketAddr::from(([192, 0, 2, 1], 49664));
    let remote = SocketAddr::from(([192, 0, 2, 2], 50000));
    let arrival = Arrival { endpoint: Endpoint::Services, local, remote };
    let Ok((connection, mut association)) = scheduler.accept(at(7), &arrival) else {
        return check(false, "a free slot");
    };
    let mut reply = [0; FRAGMENT_MIN as usize];
    let mut exchange = |bytes: &mut [u8], kind: u8| {
        let step = scheduler.exchange(at(7), zone, connection, &mut association, bytes, &mut reply, ports);
        check(step.consumed == bytes.len() && step.close.is_none(), "a PDU is served");
        check(step.produced > 0 && reply.get(2) == Some(&kind), "the answer is what is expected");
    };
    exchange(&mut BIND.clone(), 12);
    exchange(&mut LISTENING.clone(), 2);
    scheduler.closed(connection);
}

#[entry]
fn main() -> ! {
    #[cfg(feature = "canary")]
    hprintln!("{}", alloc::vec![1, 2, 3].len());

    let mut store = ArrayStore::default();
    let (mut entropy, mut accounts) = (Counter(0), Nobody);
    let mut ports = Ports {
        store: &mut store,
        entropy: &mut entropy,
        accounts: &mut accounts,
        sessions: &NoSessions,
        secrets: &mut NoSecrets,
    };
    let zone = Zone::fixed(0);
    let path = must(Path::parse(r"\Water\Open"));

    powered(|scheduler| {
        must(scheduler.start(at(0), &zone, &mut ports));
        let Ports { store, entropy, .. } = ports.reborrow();
        register(
            scheduler.engine(),
            &mut Context { now: at(0), zone: &zone, store, entropy, sessions: &NoSessions },
            &path,
        );
    });
    powered(|scheduler| {
        let loaded = must(scheduler.start(at(1), &zone, &mut ports));
        check(loaded.tasks == 1 && loaded.folders == 1, "the task is there after a power cut");
        let mut ran = 0;
        for second in 2..10 {
            scheduler.input(at(second), &zone, Input::Tick, &mut ports);
            loop {
                match scheduler.output() {
                    Output::Start { instance } => {
                        let mut into = [0; 256];
                        let work = must(scheduler.action(at(second), &zone, instance, &mut ports, &mut into));
                        let Work::Command(action) = work else { return check(false, "the action is a command") };
                        hprintln!("{} {}", action.command, action.arguments);
                        check(action.command == "valve" && action.arguments == "open", "the action is as registered");
                        check(second == 5, "the action is on time");
                        ran += 1;
                        let started = Input::Started { instance, process: 1 };
                        scheduler.input(at(second), &zone, started, &mut ports);
                        let exited = Input::Exited { instance, result: Status::S_OK };
                        scheduler.input(at(second), &zone, exited, &mut ports);
                    }
                    Output::Sleep(_) => break,
                    _ => {}
                }
            }
        }
        check(ran == 1, "the task ran once");
        let Ports { store, entropy, .. } = ports.reborrow();
        let cx = &mut Context { now: at(10), zone: &zone, store, entropy, sessions: &NoSessions };
        let engine = scheduler.engine();
        let Some(engine::Entry::Task(task)) = engine.find(&path) else { return check(false, "the task is found") };
        let last = must(engine.last_run(cx, task));
        check(last == Some(LastRun { at: START.plus(5000), result: Status::S_OK }), "its last run is kept");
        call(scheduler, &zone, &mut ports);
    });
    hprintln!("the task ran");
    end(debug::EXIT_SUCCESS)
}
