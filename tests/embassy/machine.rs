//! A board that exists in tests only: the runtime as a firmware uses it, and functions that write down what they see.

use std::{cell::RefCell, rc::Rc};

use embassy_net::Stack;
use embassy_time::{Duration, Instant, Timer};
use mainspring::{
    auth::Identity,
    engine::{Creation, Entry, Refused, Registration},
    event::Event,
    guid::Guid,
    limits::FRAGMENT_MAX,
    scheduler::Config,
    sid::Sid,
    status::Status,
    task::Path,
    time::{Now, Timestamp, zone::Zone},
    tsch,
};
use mainspring_embassy::{
    accounts::{AccountBook, BuiltIn, Kept, Secret},
    actions,
    actions::Call,
    entropy::Seeded,
    host::{Host, Parts},
    keep::Keep,
    log::{Log, Told},
    memory::Memory,
    net::{Listener, SocketMemory, serve_socket},
    wall::Rtc,
};
use mainspring_tests::{store::RamStore, world::Task};

use crate::world::{World, forever};

/// Where the scheduler listens.
pub(crate) const PORT: u16 = 49664;

/// Something that a function of the board saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    /// When, by the clock of the board.
    pub(crate) now: Now,
    /// When, to the microsecond.
    pub(crate) at: Instant,
    pub(crate) what: String,
}

/// What the functions of a board saw, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Diary(Rc<RefCell<Vec<Run>>>);

impl Diary {
    fn note(&self, call: &Call<'_>, what: String) {
        self.0.borrow_mut().push(Run { now: call.now(), at: Instant::now(), what });
    }

    /// What was seen, and forgets it.
    pub(crate) fn take(&self) -> Vec<Run> {
        std::mem::take(&mut self.0.borrow_mut())
    }

    /// Without the times.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.take().into_iter().map(|run| run.what).collect()
    }
}

/// The functions of the board.
pub(crate) struct Board(Diary);

/// The class of the ComHandler that the board has.
pub(crate) const HANDLER: &str = "{5B9F9D0A-1C5E-4D0C-9A3B-3E2F8A1D7C11}";

impl Board {
    async fn log(&self, call: &Call<'_>) -> Status {
        self.0.note(call, format!("log {}", call.arguments()));
        Status::S_OK
    }

    async fn fail(&self, call: &Call<'_>) -> Status {
        let code = call.words().next().and_then(|word| word.parse().ok()).unwrap_or(1);
        self.0.note(call, format!("fail {code}"));
        Status(code)
    }

    async fn sleep(&self, call: &Call<'_>) -> Status {
        let seconds = call.words().next().and_then(|word| word.parse().ok()).unwrap_or(1);
        self.0.note(call, format!("sleep {seconds}"));
        Timer::after(Duration::from_secs(seconds)).await;
        self.0.note(call, format!("slept {seconds}"));
        Status::S_OK
    }

    /// Works until it is asked to stop, then cleans up for a second.
    async fn polite(&self, call: &Call<'_>) -> Status {
        self.0.note(call, "polite works".into());
        call.progress(50, "half of it, which is a long text");
        call.stopped().await;
        assert!(call.is_stopping());
        self.0.note(call, "polite cleans up".into());
        Timer::after_secs(1).await;
        Status(7)
    }

    /// Says when it is dropped.
    async fn stubborn(&self, call: &Call<'_>) -> Status {
        struct Fallen<'f>(&'f Diary, Now);
        impl Drop for Fallen<'_> {
            fn drop(&mut self) {
                self.0.0.borrow_mut().push(Run { now: self.1, at: Instant::now(), what: "stubborn is dropped".into() });
            }
        }
        let _fallen = Fallen(&self.0, call.now());
        self.0.note(call, "stubborn works".into());
        std::future::pending().await
    }

    async fn words(&self, call: &Call<'_>) -> Status {
        let words: Vec<_> = call.words().collect();
        self.0.note(call, format!("{} {words:?} in {}", call.command(), call.working_directory()));
        Status::S_OK
    }

    async fn handle(&self, call: &Call<'_>) -> Status {
        self.0.note(call, format!("handled {}", call.data()));
        Status::S_OK
    }
}

actions! {
    Board {
        exec "log" => Board::log,
        exec "fail" => Board::fail,
        exec "sleep" => Board::sleep,
        exec "polite" => Board::polite,
        exec "stubborn" => Board::stubborn,
        exec "words" => Board::words,
        class 0x5b9f_9d0a_1c5e_4d0c_9a3b_3e2f_8a1d_7c11 => Board::handle,
    }
}

/// What was logged.
#[derive(Debug, Clone, Default)]
pub(crate) struct Journal {
    pub(crate) events: Rc<RefCell<Vec<Event>>>,
    pub(crate) lines: Rc<RefCell<Vec<String>>>,
}

impl Journal {
    /// Whether a line says that.
    pub(crate) fn has(&self, text: &str) -> bool {
        self.lines.borrow().iter().any(|line| line.contains(text))
    }

    /// How many lines say that.
    pub(crate) fn count(&self, text: &str) -> usize {
        self.lines.borrow().iter().filter(|line| line.contains(text)).count()
    }
}

impl Log for Journal {
    fn tell(&mut self, _: Now, told: &Told<'_>) {
        if let Told::Core(event) = told {
            self.events.borrow_mut().push(*event);
        }
        self.lines.borrow_mut().push(format!("{told:?}"));
    }
}

/// How a board is made.
pub(crate) struct Made {
    pub(crate) store: &'static mut dyn Keep,
    pub(crate) zone: Zone<'static>,
    pub(crate) wall: Option<Timestamp>,
    pub(crate) rtc: Option<&'static mut dyn Rtc>,
    /// Futures that run actions.
    pub(crate) runners: usize,
}

impl Default for Made {
    fn default() -> Self {
        Self {
            store: forever(RamStore::default()),
            zone: Zone::UTC,
            wall: Some(mainspring_tests::server::NEW_YEAR),
            rtc: None,
            runners: INSTANCES,
        }
    }
}

/// Runs at once.
pub(crate) const INSTANCES: usize = 8;

/// The one account that is built in.
pub(crate) const ALICE: BuiltIn =
    BuiltIn { name: "alice", number: 500, secret: Secret::Password("Passw0rd!"), administrator: true, disabled: false };

/// A board that runs.
pub(crate) struct Machine {
    pub(crate) host: &'static Host<'static>,
    pub(crate) diary: Diary,
    pub(crate) journal: Journal,
    pub(crate) book: &'static AccountBook<'static>,
    /// The futures that run actions.
    pub(crate) runners: Vec<usize>,
}

impl Machine {
    /// Switches a board on, without a network.
    pub(crate) fn boot(world: &mut World, made: Made) -> Self {
        let (diary, journal) = (Diary::default(), Journal::default());
        let places: &'static mut [Option<Kept>] = forever([const { None }; 4]);
        let book: &'static AccountBook<'static> = forever(AccountBook::new(&[ALICE], places));
        // A vector, so that it is not made on the stack.
        let memory = &mut vec![Memory::<64, INSTANCES, 4, 2, 16384, 16384, 4096, 6144>::new()].leak()[0];
        let host: &'static Host<'static> = forever(Host::new(Parts {
            memory: memory.lend(),
            config: Config {
                identity: Identity { netbios_name: "BOARD", dns_name: "board" },
                endpoints: &[],
                version: tsch::VERSION,
                fragment: FRAGMENT_MAX,
            },
            zone: made.zone,
            store: made.store,
            entropy: forever(Seeded::new([7; 32])),
            accounts: forever(book),
            log: forever(journal.clone()),
            rtc: made.rtc,
        }));
        if let Some(wall) = made.wall {
            host.set_clock(wall);
        }
        host.with_ports(|ports| book.load(ports.store)).expect("the accounts can be read");
        host.start().expect("the store can be read");
        let board: &'static Board = forever(Board(diary.clone()));
        world.spawn(host.keep_time());
        let runners = (0..made.runners)
            .map(|_| world.spawn(async move { host.run_actions(board, &mut [0; 512]).await }).1)
            .collect();
        world.settle();
        Self { host, diary, journal, book, runners }
    }

    /// Listens with so many sockets.
    pub(crate) fn listen(&self, world: &mut World, stack: Stack<'static>, sockets: usize) {
        let host = self.host;
        for _ in 0..sockets {
            let memory = forever(SocketMemory::<2048, 2048, 5840>::new());
            world.spawn(serve_socket(host, stack, Listener::services(PORT), memory.lend()));
        }
    }

    /// Registers a task without a network.
    pub(crate) fn register(&self, path: &str, task: &Task<'_>) {
        let mut room = vec![0; 4096];
        let registration = Registration {
            creation: Creation::CreateOrUpdate,
            image: task.image(&mut room),
            security: None,
            folders: None,
            principal_reads: true,
            disable: false,
            fire_registration_triggers: true,
            registrant: Sid::LOCAL_SYSTEM,
        };
        let path = Path::parse(path).unwrap();
        self.host.with_engine(|engine, cx| engine.register(cx, &path, &registration)).expect("it is registered");
    }

    /// Runs a task.
    pub(crate) fn run(&self, path: &str, arguments: &[&str]) -> Result<Guid, Refused> {
        self.host.with_engine(|engine, cx| {
            let Some(Entry::Task(task)) = engine.find(&Path::parse(path).unwrap()) else { panic!("no task {path}") };
            engine.run(cx, task, &mut arguments.iter().copied(), None)
        })
    }

    /// Asks a task's instances to stop.
    pub(crate) fn stop(&self, path: &str) -> Result<(), Refused> {
        self.host.with_engine(|engine, cx| {
            let Some(Entry::Task(task)) = engine.find(&Path::parse(path).unwrap()) else { panic!("no task {path}") };
            engine.stop(cx, task)
        })
    }

    /// How the last run of a task ended.
    pub(crate) fn last_result(&self, path: &str) -> Option<Status> {
        self.host.with_engine(|engine, cx| {
            let Some(Entry::Task(task)) = engine.find(&Path::parse(path).unwrap()) else { panic!("no task {path}") };
            engine.last_run(cx, task).expect("the store works").map(|run| run.result)
        })
    }
}
