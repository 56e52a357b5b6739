//! A world for the engine: virtual time, a store, and a host whose children do what their command says.

mod people;
mod task;

pub use people::{People, session};
pub use task::{Task, boot, daily, every, exec, once, registration, trigger};

use crate::{
    disk::Chance,
    store::{Medium, RamStore},
};
use bytemuck::Zeroable;
use mainspring::{
    engine::{
        Context, Creation, CredentialSlot, Engine, Entry, InstanceSlot, Loaded, Machine, Memory, Order, Refused,
        Registration, TaskIndex, TaskSlot, Whom, Work,
    },
    event::{Event, Skipped},
    guid::Guid,
    ports::{Entropy, NoEntropy, SessionId},
    sid::Sid,
    status::Status,
    task::{Boundary, Path},
    time::{Monotonic, Now, Timestamp, zone::Zone},
};
use std::collections::BTreeMap;

/// Milliseconds of a second, a minute, an hour, a day.
pub const SECOND: i64 = 1000;
#[allow(missing_docs)]
pub const MINUTE: i64 = 60 * SECOND;
#[allow(missing_docs)]
pub const HOUR: i64 = 60 * MINUTE;
#[allow(missing_docs)]
pub const DAY: i64 = 24 * HOUR;

/// The moment of a `Z` or local time, read as UTC.
///
/// # Panics
/// If it is none.
#[must_use]
pub fn at(text: &str) -> Timestamp {
    let boundary = Boundary::parse(text).expect("a boundary");
    boundary.civil.utc().plus(i64::from(boundary.millisecond))
}

/// The memory of an engine.
#[derive(Debug)]
pub struct Slots {
    tasks: Vec<TaskSlot>,
    index: Vec<u32>,
    queue: Vec<u32>,
    instances: Vec<InstanceSlot>,
    record: Vec<u8>,
    credentials: Vec<CredentialSlot>,
    history: u32,
}

impl Slots {
    /// For so many tasks and instances.
    #[must_use]
    pub fn new(tasks: usize, instances: usize) -> Self {
        Self {
            tasks: vec![TaskSlot::zeroed(); tasks],
            index: vec![0; 2 * tasks],
            queue: vec![0; 3 * tasks],
            instances: vec![InstanceSlot::zeroed(); instances],
            record: vec![0; 16 * 1024],
            credentials: vec![CredentialSlot::zeroed(); 8],
            history: 64,
        }
    }

    /// With so many bytes for records.
    #[must_use]
    pub fn with_record(self, bytes: usize) -> Self {
        Self { record: vec![0; bytes], ..self }
    }

    /// With so many records of history.
    #[must_use]
    pub fn with_history(self, history: u32) -> Self {
        Self { history, ..self }
    }

    /// As the engine wants it.
    pub fn lend(&mut self) -> Memory<'_> {
        Memory {
            tasks: &mut self.tasks,
            index: &mut self.index,
            queue: &mut self.queue,
            instances: &mut self.instances,
            record: &mut self.record,
            credentials: &mut self.credentials,
            history: self.history,
        }
    }
}

/// Random bytes that are the same in every run.
#[derive(Debug, Clone)]
pub struct Seeded {
    chance: Chance,
    /// Whether there are none.
    pub dry: bool,
}

impl Entropy for Seeded {
    fn fill(&mut self, into: &mut [u8]) -> Result<(), NoEntropy> {
        if self.dry {
            return Err(NoEntropy);
        }
        into.fill_with(|| self.chance.draw().to_le_bytes()[3]);
        Ok(())
    }
}

/// A process that the host started.
#[derive(Debug, Clone)]
pub struct Child {
    /// What it was started with: command, arguments and working directory.
    pub line: [String; 3],
    /// When it ends by itself.
    ends: Option<Monotonic>,
    code: u32,
    stubborn: bool,
    stopping: bool,
}

/// Something that the host did or saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// Started this command line.
    Start(String),
    /// Was told to stop this command line, gracefully or for good.
    Stop(String, bool),
    /// Was asked whether this command line still runs, and it did or did not.
    Recover(Option<String>),
    /// Could not start it.
    Failed(Refused),
}

/// What outlives the engine: the store, the clocks, the children, and what was seen.
#[derive(Debug, Clone)]
pub struct Outside<S = RamStore> {
    /// The store.
    pub store: S,
    /// The clocks.
    pub now: Now,
    /// The zone.
    pub zone: Zone<'static>,
    /// Random bytes.
    pub entropy: Seeded,
    /// Who is logged on.
    pub people: People,
    /// Running processes.
    pub children: BTreeMap<Guid, Child>,
    /// What happened, and when by the wall clock.
    pub log: Vec<(Option<Timestamp>, Seen)>,
    /// What the engine told.
    pub events: Vec<Event>,
}

impl Outside {
    /// An empty store, at that time.
    #[must_use]
    pub fn new(wall: &str) -> Self {
        Self {
            store: RamStore::default(),
            now: Now { monotonic: Monotonic(5_000), wall: Some(at(wall)) },
            zone: Zone::UTC,
            entropy: Seeded { chance: Chance::new(7), dry: false },
            people: People::default(),
            children: BTreeMap::new(),
            log: Vec::new(),
            events: Vec::new(),
        }
    }
}

impl<S> Outside<S> {
    /// The same with another store.
    #[must_use]
    pub fn on<T>(self, store: T) -> Outside<T> {
        let Self { now, zone, entropy, people, children, log, events, .. } = self;
        Outside { store, now, zone, entropy, people, children, log, events }
    }

    /// Time goes by while no server runs.
    pub fn pass(&mut self, milliseconds: i64) {
        self.now.monotonic = self.now.monotonic.plus(u64::try_from(milliseconds).expect("forwards"));
        self.now.wall = self.now.wall.map(|wall| wall.plus(milliseconds));
        let now = self.now.monotonic;
        self.children.retain(|_, child| child.ends.is_none_or(|ends| ends > now));
    }

    /// The machine started again: no child is left, and the clock that never steps starts again.
    pub fn start_again(&mut self) {
        self.children.clear();
        self.now.monotonic = Monotonic(1_000);
    }

    /// The power was cut, and came back.
    pub fn power_cut(&mut self)
    where
        S: Medium,
    {
        self.start_again();
        self.store.power();
    }

    /// The starts that were seen: when, and the command line.
    #[must_use]
    pub fn starts(&self) -> Vec<(Option<Timestamp>, &str)> {
        self.log
            .iter()
            .filter_map(|(at, seen)| match seen {
                Seen::Start(line) => Some((*at, line.as_str())),
                _ => None,
            })
            .collect()
    }

    /// The wall times of the starts of a command, as times of day to the second.
    #[must_use]
    pub fn times(&self, command: &str) -> Vec<String> {
        let time = |at: Timestamp| {
            let (civil, _) = at.civil().expect("a date");
            format!("{:02}:{:02}:{:02}", civil.hour, civil.minute, civil.second)
        };
        let of = |line: &str| line.split(' ').next() == Some(command) || line == command;
        self.starts()
            .into_iter()
            .filter(|(_, line)| of(line))
            .map(|(at, _)| at.map_or_else(|| "?".to_owned(), time))
            .collect()
    }
}

/// An engine and its world.
///
/// A child's command is its name, then words that say what it does: `for=SECONDS` how long it runs (otherwise until it
/// is stopped), `code=NUMBER` what it leaves, `stubborn` that it ignores being asked to stop, `missing` that it cannot be
/// started. What is started for a member of a group ends with `@` and the number of the session, for another user than the task names
/// with `as` and the SID, of the domain S-1-5-18.
pub struct World<'a, S = RamStore> {
    /// The engine.
    pub engine: Engine<'a>,
    /// All else.
    pub outside: Outside<S>,
    /// What loading found.
    pub loaded: Loaded,
}

impl<'a, S: Medium> World<'a, S> {
    /// Starts an engine on what there is.
    ///
    /// # Panics
    /// If it cannot be loaded.
    pub fn boot(slots: &'a mut Slots, outside: Outside<S>) -> Self {
        Self::try_boot(slots, outside).expect("the store can be read")
    }

    /// Starts an engine on what there is; `None` if it cannot be loaded.
    pub fn try_boot(slots: &'a mut Slots, outside: Outside<S>) -> Option<Self> {
        let mut world = Self { engine: Engine::new(slots.lend()), outside, loaded: Loaded::default() };
        world.loaded = world.call(|engine, cx| engine.load(cx)).ok()?;
        Some(world)
    }

    /// The server dies.
    #[must_use]
    pub fn die(self) -> Outside<S> {
        self.outside
    }

    /// Calls the engine, then does what it orders.
    pub fn call<R>(&mut self, call: impl FnOnce(&mut Engine<'a>, &mut Context<'_>) -> R) -> R {
        let result = self.quiet(call);
        self.obey();
        result
    }

    /// Calls the engine and leaves its orders alone.
    pub fn quiet<R>(&mut self, call: impl FnOnce(&mut Engine<'a>, &mut Context<'_>) -> R) -> R {
        let Outside { store, now, zone, entropy, people, .. } = &mut self.outside;
        call(&mut self.engine, &mut Context { now: *now, zone, store, entropy, sessions: people })
    }

    /// Does what the engine orders, until there is nothing. After the power was cut nothing is done.
    pub fn obey(&mut self) {
        while let Some(event) = self.engine.event() {
            self.outside.events.push(event);
        }
        while !self.outside.store.is_dead()
            && let Some(order) = self.engine.order()
        {
            match order {
                Order::Start { instance } => self.start(instance),
                Order::Stop { instance, hard } => self.stop(instance, hard),
                Order::Recover { instance } => self.recover(instance),
            }
        }
        while let Some(event) = self.engine.event() {
            self.outside.events.push(event);
        }
    }

    fn log(&mut self, seen: Seen) {
        self.outside.log.push((self.outside.now.wall, seen));
    }

    fn start(&mut self, instance: Guid) {
        let mut room = [0; 4096];
        let line = self.quiet(|engine, cx| {
            let Work::Command(command) = engine.action(cx, instance, &mut room)? else {
                return Err(Refused::NotSupported);
            };
            let mut line = [command.command, command.arguments, command.working_directory].map(str::to_owned);
            if let Some(SessionId(session)) = engine.session(instance) {
                line[2] = format!("@{session}");
            }
            if let Whom::Other(user) = engine.run_as(cx, instance)?.whom {
                line[2] =
                    format!("as {}", user.sid(&Sid::LOCAL_SYSTEM.with(0).expect("room for more")).expect("a user"));
            }
            Ok(line)
        });
        let line = match line {
            Ok(line) => line,
            Err(refused) => {
                let refused: Refused = refused;
                self.log(Seen::Failed(refused));
                return self.quiet(|engine, cx| engine.start_failed(cx, instance, refused.status()));
            }
        };
        let number = |key: &str| -> Option<u64> {
            line[0].split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('=')?.parse().ok())
        };
        let says = |word: &str| line[0].split(' ').any(|other| other == word);
        if says("missing") {
            return self.quiet(|engine, cx| engine.start_failed(cx, instance, Status::E_FILE_NOT_FOUND));
        }
        let text = line.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(" ");
        self.log(Seen::Start(text));
        let child = Child {
            ends: number("for").map(|seconds| self.outside.now.monotonic.plus(seconds * 1000)),
            code: number("code").map_or(0, |code| u32::try_from(code).expect("32 bits")),
            stubborn: says("stubborn"),
            stopping: false,
            line,
        };
        let ends_at_once = child.ends == Some(self.outside.now.monotonic);
        self.outside.children.insert(instance, child);
        self.quiet(|engine, cx| engine.started(cx, instance, 4711));
        if ends_at_once {
            self.end(instance);
        }
    }

    fn stop(&mut self, instance: Guid, hard: bool) {
        let Some(child) = self.outside.children.get_mut(&instance) else { return };
        child.stopping = true;
        let dies = hard || !child.stubborn;
        let line = child.line[0].clone();
        self.log(Seen::Stop(line, hard));
        if dies {
            self.outside.children.remove(&instance);
            self.quiet(|engine, cx| engine.exited(cx, instance, Status::E_PROCESS_ABORTED));
        }
    }

    fn recover(&mut self, instance: Guid) {
        let alive = self.outside.children.get(&instance).map(|child| child.line[0].clone());
        self.log(Seen::Recover(alive.clone()));
        match alive {
            Some(_) => self.quiet(|engine, cx| engine.started(cx, instance, 4711)),
            None => self.quiet(|engine, cx| engine.exited(cx, instance, Status::E_PROCESS_ABORTED)),
        }
    }

    /// A child ends, with its code.
    ///
    /// # Panics
    /// If there is no such child.
    pub fn end(&mut self, instance: Guid) {
        let child = self.outside.children.remove(&instance).expect("a child");
        self.call(|engine, cx| engine.exited(cx, instance, Status(child.code)));
    }

    /// Lets time pass up to `until`, and ticks when the engine wants it; stops early when the power is cut.
    ///
    /// # Panics
    /// If the engine wants ticks without end.
    pub fn run_until(&mut self, until: Timestamp) {
        let wall = self.outside.now.wall.expect("a known time");
        self.run_for(until.since(wall));
    }

    /// Lets so many milliseconds pass.
    ///
    /// # Panics
    /// If the engine wants ticks without end.
    pub fn run_for(&mut self, milliseconds: i64) {
        let mut left = milliseconds;
        for _ in 0..1_000_000 {
            if self.outside.store.is_dead() {
                return;
            }
            let now = self.outside.now;
            let deadline = self.engine.deadline();
            let wait = |at: Option<Monotonic>| at.map(|at| i64::try_from(at.since(now.monotonic)).unwrap_or(i64::MAX));
            let wall = deadline.wall.zip(now.wall).map(|(at, wall)| at.since(wall).max(0));
            let end = self.outside.children.iter().filter_map(|(guid, child)| Some((child.ends?, *guid))).min();
            let child = wait(end.map(|(at, _)| at));
            let tick = wait(deadline.monotonic).into_iter().chain(wall).min();
            let next = tick.into_iter().chain(child).min().filter(|&next| next <= left);
            let Some(next) = next else {
                self.advance(left);
                return;
            };
            self.advance(next);
            left -= next;
            match (child, end) {
                (Some(at), Some((_, guid))) if at == next => self.end(guid),
                _ => self.call(|engine, cx| engine.tick(cx)),
            }
        }
        panic!("the engine wants a tick all the time: {:?}", self.engine.deadline());
    }

    fn advance(&mut self, milliseconds: i64) {
        let now = &mut self.outside.now;
        now.monotonic = now.monotonic.plus(u64::try_from(milliseconds).expect("forwards"));
        now.wall = now.wall.map(|wall| wall.plus(milliseconds));
    }

    /// The wall clock is set.
    pub fn set_clock(&mut self, to: &str) {
        self.outside.now.wall = Some(at(to));
        self.call(|engine, cx| engine.clock_set(cx));
    }

    /// The machine is another.
    pub fn machine(&mut self, change: impl FnOnce(&mut Machine)) {
        let mut machine = self.engine.machine();
        change(&mut machine);
        self.call(|engine, cx| engine.machine_changed(cx, machine));
    }

    /// Why runs were skipped, in the order in which that was told.
    #[must_use]
    pub fn skipped(&self) -> Vec<Skipped> {
        let reason = |event: &Event| if let Event::Skipped { reason, .. } = event { Some(*reason) } else { None };
        self.outside.events.iter().filter_map(reason).collect()
    }

    /// Registers a task, whether it is there or not.
    ///
    /// # Errors
    /// As [`Engine::register`].
    pub fn register(&mut self, path: &str, task: &Task<'_>) -> Result<TaskIndex, Refused> {
        self.register_as(path, task, Creation::CreateOrUpdate)
    }

    /// Registers a task.
    ///
    /// # Errors
    /// As [`Engine::register`].
    pub fn register_as(&mut self, path: &str, task: &Task<'_>, creation: Creation) -> Result<TaskIndex, Refused> {
        let mut room = vec![0; 8192];
        let registration = Registration {
            creation,
            image: task.image(&mut room),
            security: task.security,
            folders: None,
            principal_reads: true,
            disable: false,
            fire_registration_triggers: true,
            registrant: Sid::LOCAL_SYSTEM,
        };
        let path = Path::parse(path).expect("a path");
        self.call(|engine, cx| engine.register(cx, &path, &registration))
    }

    /// The task of that path.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn task(&self, path: &str) -> TaskIndex {
        match self.find(path) {
            Some(Entry::Task(task)) => task,
            other => panic!("{path} is {other:?}"),
        }
    }

    /// What a path names.
    ///
    /// # Panics
    /// If it is no path.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<Entry> {
        self.engine.find(&Path::parse(path).expect("a path"))
    }

    /// Runs a task on demand.
    ///
    /// # Errors
    /// As [`Engine::run`].
    pub fn run(&mut self, path: &str, arguments: &[&str]) -> Result<Guid, Refused> {
        let task = self.task(path);
        self.call(|engine, cx| engine.run(cx, task, &mut arguments.iter().copied(), None))
    }

    /// The last result of a task, if it ran.
    ///
    /// # Panics
    /// If the store fails.
    pub fn last_result(&mut self, path: &str) -> Option<Status> {
        let task = self.task(path);
        self.call(|engine, cx| engine.last_run(cx, task)).expect("the store works").map(|run| run.result)
    }

    /// The names of a folder's tasks, those of its sub-folders behind them with a `\` each.
    ///
    /// # Panics
    /// If there is no such folder.
    pub fn list(&mut self, folder: &str) -> Vec<String> {
        let folder = self.find(folder).expect("a folder");
        let mut names = Vec::new();
        self.call(|engine, cx| {
            let mut tasks = |name: &str| {
                names.push(name.to_owned());
                true
            };
            engine.tasks(cx, folder, None, true, 0, &mut tasks).expect("the store works");
            let mut folders = |name: &str| {
                names.push(format!("{name}\\"));
                true
            };
            engine.folders(cx, folder, None, 0, &mut folders).expect("the store works");
        });
        names
    }
}
