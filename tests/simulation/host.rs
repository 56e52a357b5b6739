//! The world that a script describes, around an engine: clocks, a store that is watched, processes, and whatever else happens.

mod history;

use crate::{
    entropy::Random,
    liar::Liar,
    observer::{At, Observer, Passed, Sight, Violation},
    script::{End, GROUP, Happening, Plan, Script},
    watched::Watched,
    zones,
};
use mainspring::{
    engine::{
        Context, Creation, Engine, Entry, Machine, Order, Refused, Registration, Session, SessionChange, TaskIndex,
        Work,
    },
    event::Event,
    guid::Guid,
    ports::{SessionId, StoreError},
    query,
    sid::Sid,
    status::Status,
    task::{self, Path, SessionStateChange},
    time::{Monotonic, Now, Timestamp},
};
use mainspring_tests::{
    chance::Chance,
    world::{MINUTE, People, SECOND, Slots, session},
};
use std::{collections::BTreeMap, rc::Rc};

#[derive(Debug)]
struct Child {
    ends: Option<i64>,
    code: u32,
    stubborn: bool,
}

/// What is the case for some time.
#[derive(Debug, Default)]
struct Spells {
    time_unknown: Option<i64>,
    store_fails: Option<i64>,
    dry: Option<i64>,
}

/// Everything but the engine.
pub(crate) struct Earth<'s> {
    script: &'s Script,
    next: usize,
    /// Milliseconds since the begin, whatever any clock says.
    real: i64,
    /// When the clock that never steps showed zero.
    mono_zero: i64,
    /// What the wall clock shows at the begin, as far as it was set since.
    wall_zero: i64,
    zone: usize,
    machine: Machine,
    store: Watched,
    entropy: Random,
    people: People,
    children: BTreeMap<Guid, Child>,
    spells: Spells,
    /// For how long the server is down after the cut that is to come, and whether the time is unknown then.
    after_cut: (i64, bool),
    version: u32,
    /// When the last sleep was over.
    woke: i64,
    pub(crate) observer: Observer,
    liar: Liar,
}

/// Why a life of the server ended.
enum Over {
    Script,
    Down { milliseconds: i64, unknown: bool, powerless: bool },
}

struct Life<'e, 's, 'a> {
    earth: &'e mut Earth<'s>,
    engine: Engine<'a>,
}

fn path(name: usize) -> Path {
    Path::parse(&format!("\\t{name}")).unwrap()
}

/// Lives through a script.
pub(crate) fn simulate(script: &Script, liar: Liar) -> (Observer, Liar) {
    run(script, liar, false)
}

/// As [`simulate`]; what was seen is kept if that is wanted.
pub(crate) fn run(script: &Script, liar: Liar, trace: bool) -> (Observer, Liar) {
    let mut earth = Earth {
        script,
        next: 0,
        real: 0,
        mono_zero: -5000,
        wall_zero: script.start,
        zone: script.zone,
        machine: Machine::default(),
        store: Watched::default(),
        entropy: Random { chance: Chance::new(script.seed), dry: false },
        people: People::default(),
        children: BTreeMap::new(),
        spells: Spells::default(),
        after_cut: (MINUTE, false),
        version: 0,
        woke: i64::MIN,
        observer: Observer::new(script),
        liar,
    };
    earth.observer.trace = trace.then(Default::default);
    loop {
        let mut slots = Slots::new(16, script.slots).with_record(8192).with_history(history::records(script));
        let engine = Engine::new(slots.lend());
        let mut life = Life { earth: &mut earth, engine };
        let over = life.live();
        if earth.observer.broken.is_some() {
            break;
        }
        match over {
            Over::Script => break,
            Over::Down { milliseconds, unknown, powerless } => earth.down(milliseconds, unknown, powerless),
        }
    }
    let Earth { observer, liar, .. } = earth;
    (observer, liar)
}

impl Earth<'_> {
    fn now(&self) -> Now {
        let monotonic = Monotonic((self.real - self.mono_zero).unsigned_abs());
        let wall = self.spells.time_unknown.is_none().then_some(Timestamp(self.wall_zero + self.real));
        Now { monotonic, wall }
    }

    fn at(&self) -> At {
        let now = self.now();
        At { real: self.real, mono: now.monotonic.0 as i64, wall: now.wall.map(|wall| wall.0), zone: self.zone }
    }

    /// The store works again, and there are random bytes.
    fn end_spells(&mut self) {
        let is_over = |spell: &Option<i64>| spell.is_some_and(|until| until <= self.real);
        let (store, dry) = (is_over(&self.spells.store_fails), is_over(&self.spells.dry));
        if store {
            self.spells.store_fails = None;
            self.store.records.fail_writes = None;
            self.store.records.fail_reads = None;
            self.observer.store_fails = false;
        }
        if dry {
            self.spells.dry = None;
            self.entropy.dry = false;
        }
    }

    fn down(&mut self, milliseconds: i64, unknown: bool, powerless: bool) {
        let at = self.at();
        self.observer.died(at);
        self.store.records.power();
        self.real += milliseconds;
        if powerless {
            self.observer.counts.cuts += 1;
            self.children.clear();
            self.mono_zero = self.real - 1000;
        }
        if unknown {
            self.spells.time_unknown = Some(self.real + 10 * MINUTE);
        }
        let real = self.real;
        self.end_spells();
        self.spells.time_unknown = self.spells.time_unknown.filter(|until| *until > real);
        self.children.retain(|_, child| child.ends.is_none_or(|ends| ends > real));
    }
}

impl<'a> Life<'_, '_, 'a> {
    /// Calls the engine, lets the observer see what it did, and does what it orders.
    fn call<R>(&mut self, call: impl FnOnce(&mut Engine<'a>, &mut Context<'_>) -> R) -> R {
        let result = self.quiet(call);
        self.obey();
        result
    }

    fn quiet<R>(&mut self, call: impl FnOnce(&mut Engine<'a>, &mut Context<'_>) -> R) -> R {
        let zone = zones::of_engine(self.earth.zone);
        let now = self.earth.now();
        let Earth { store, entropy, people, .. } = &mut *self.earth;
        let result = call(&mut self.engine, &mut Context { now, zone: &zone, store, entropy, sessions: people });
        for sight in std::mem::take(&mut self.earth.store.seen) {
            self.see(sight);
        }
        while let Some(event) = self.engine.event() {
            self.see(Sight::Event(event));
        }
        result
    }

    /// What the observer sees is what the liar tells.
    fn see(&mut self, sight: Sight) {
        let at = self.earth.at();
        for (at, sight) in self.earth.liar.tell(at, sight, &self.earth.observer) {
            self.earth.observer.see(at, &sight);
        }
    }

    fn obey(&mut self) {
        while !self.earth.store.records.is_dead()
            && let Some(order) = self.engine.order()
        {
            match order {
                Order::Start { instance } => self.start(instance),
                Order::Stop { instance, hard } => self.stop(instance, hard),
                Order::Recover { instance } => {
                    self.see(Sight::Recover { guid: instance });
                    if self.earth.children.contains_key(&instance) {
                        self.quiet(|engine, cx| engine.started(cx, instance, 1));
                    } else {
                        self.quiet(|engine, cx| engine.exited(cx, instance, Status::E_PROCESS_ABORTED));
                    }
                }
            }
        }
    }

    fn start(&mut self, guid: Guid) {
        let mut room = [0; 256];
        let line = self.quiet(|engine, cx| match engine.action(cx, guid, &mut room)? {
            Work::Command(command) => Ok(command.command.to_owned()),
            _ => Err(Refused::NotSupported),
        });
        let session = self.engine.session(guid).map(|SessionId(session)| session.get());
        let line = match line {
            Ok(line) if !line.split(' ').any(|word| word == "missing") => line,
            other => {
                let status = other.as_ref().map_or_else(|refused| refused.status(), |_| Status::E_FILE_NOT_FOUND);
                self.see(Sight::Start { guid, line: other.ok(), session });
                self.see(Sight::Failed { guid });
                return self.quiet(|engine, cx| engine.start_failed(cx, guid, status));
            }
        };
        let number = |key: &str| -> Option<i64> {
            line.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('=')?.parse().ok())
        };
        let child = Child {
            ends: number("for").map(|seconds| self.earth.real + seconds * SECOND),
            code: number("code").map_or(0, |code| code as u32),
            stubborn: line.contains("stubborn"),
        };
        let at_once = child.ends == Some(self.earth.real);
        let code = child.code;
        self.see(Sight::Start { guid, line: Some(line), session });
        if !at_once {
            self.earth.children.insert(guid, child);
        }
        self.quiet(|engine, cx| engine.started(cx, guid, 1));
        if at_once {
            self.quiet(|engine, cx| engine.exited(cx, guid, Status(code)));
        }
    }

    fn stop(&mut self, guid: Guid, hard: bool) {
        self.see(Sight::Stop { guid, hard });
        if self.earth.children.get(&guid).is_some_and(|child| hard || !child.stubborn) {
            self.earth.children.remove(&guid);
            self.quiet(|engine, cx| engine.exited(cx, guid, Status::E_PROCESS_ABORTED));
        }
    }

    fn live(&mut self) -> Over {
        let at = self.earth.at();
        self.earth.observer.born(at);
        let loaded = self.call(|engine, cx| engine.load(cx));
        if self.earth.store.records.is_dead() || loaded.is_err() {
            // A store that cannot be read ends a life before it begins.
            return self.over(MINUTE, false);
        }
        self.check_tree();
        self.machine(|_| {});
        let mut at_once = 0;
        let mut at_this_moment = self.earth.real;
        loop {
            if self.earth.observer.broken.is_some() {
                return Over::Script;
            }
            if self.earth.store.records.is_dead() {
                let (milliseconds, unknown) = self.earth.after_cut;
                return self.over(milliseconds, unknown);
            }
            if self.earth.real > at_this_moment {
                (at_this_moment, at_once) = (self.earth.real, 0);
            }
            at_once += 1;
            if at_once > 10_000 {
                self.earth.observer.fail("ticks without end", format!("{:?}", self.engine.deadline()));
                return Over::Script;
            }
            let now = self.earth.now();
            let deadline = self.engine.deadline();
            let until = |Monotonic(at)| at as i64 - now.monotonic.0 as i64;
            let wall = deadline.wall.zip(now.wall).map(|(at, wall)| at.since(wall));
            let tick = deadline.monotonic.map(until).into_iter().chain(wall).min().map(|wait| wait.max(0));
            let real = self.earth.real;
            let child = self.earth.children.iter().filter_map(|(guid, child)| Some((child.ends?, *guid))).min();
            let happens = self.earth.script.happenings.get(self.earth.next).map(|(at, _)| (at - real).max(0));
            let spells = &self.earth.spells;
            let spell = [spells.time_unknown, spells.store_fails, spells.dry].into_iter().flatten().min();
            let spell = spell.map(|until| (until - real).max(0));
            let exits = child.map(|(at, _)| (at - real).max(0));
            let end = (self.earth.script.length - real).max(0);
            let wait = [tick, exits, happens, spell, Some(end)].into_iter().flatten().min().unwrap_or(0);
            self.pass(wait);
            if exits == Some(wait)
                && let Some((_, guid)) = child
                && let Some(child) = self.earth.children.remove(&guid)
            {
                self.call(|engine, cx| engine.exited(cx, guid, Status(child.code)));
            } else if spell == Some(wait) {
                self.end_spells();
            } else if happens == Some(wait) && (tick != Some(wait) || self.earth.next % 2 == 1) {
                let (_, happening) = self.earth.script.happenings[self.earth.next].clone();
                self.earth.next += 1;
                if let Some(over) = self.happen(&happening) {
                    return over;
                }
            } else if tick == Some(wait) {
                self.tick();
            } else if end == wait {
                let at = self.earth.at();
                self.earth.observer.ends(at);
                self.close();
                return Over::Script;
            }
        }
    }

    fn over(&mut self, milliseconds: i64, unknown: bool) -> Over {
        let powerless = self.earth.store.records.is_dead();
        Over::Down { milliseconds, unknown, powerless }
    }

    /// Time goes by.
    fn pass(&mut self, milliseconds: i64) {
        if milliseconds > 0 {
            let before = self.earth.at();
            self.earth.real += milliseconds;
            let after = self.earth.at();
            self.earth.observer.passed(before, after, Passed::Awake);
        }
    }

    fn tick(&mut self) {
        self.earth.observer.ticks();
        self.call(|engine, cx| engine.tick(cx));
    }

    fn end_spells(&mut self) {
        self.earth.end_spells();
        if self.earth.spells.time_unknown.is_some_and(|until| until <= self.earth.real) {
            let before = self.earth.at();
            self.earth.spells.time_unknown = None;
            let after = self.earth.at();
            self.earth.observer.passed(before, after, Passed::Set);
            self.call(|engine, cx| engine.clock_set(cx));
        }
    }

    fn find(&self, name: usize) -> Option<TaskIndex> {
        match self.engine.find(&path(name)) {
            Some(Entry::Task(task)) => Some(task),
            _ => None,
        }
    }

    /// After a start: which tasks there are.
    fn check_tree(&mut self) {
        let mut found = Vec::new();
        for name in 0..crate::script::NAMES {
            let Some(task) = self.find(name) else { continue };
            let version = self.quiet(|engine, cx| {
                let definition = engine.definition(cx, task).ok()?;
                let task::Action::Exec { exec, .. } = definition.image.actions().next()? else { return None };
                let (of, version) = exec.command.split_once('v')?;
                if of != format!("t{name}") {
                    return None;
                }
                version.split_once('.')?.0.parse::<u32>().ok()
            });
            let enabled = self.engine.enabled(task);
            found.push((name, self.number(name), version, enabled));
        }
        let at = self.earth.at();
        self.earth.observer.loaded(at, &found);
    }

    /// The number of a task in the store.
    fn number(&self, name: usize) -> u32 {
        let path = path(name);
        let records = self.earth.store.records.kind(mainspring::store::ENTRY);
        let mut entries = records.filter_map(|(number, bytes)| {
            Some((number, mainspring::store::Entry::decode(bytes).ok()?.path == path.as_str()))
        });
        entries.find(|(_, is)| *is).map_or(0, |(number, _)| number)
    }

    fn register(&mut self, name: usize, plan: &Rc<Plan>) {
        self.earth.version += 1;
        let version = self.earth.version;
        let at = self.earth.at();
        self.earth.observer.last = at;
        self.earth.observer.asks_to_register(name, version, plan);
        let mut room = vec![0; 8192];
        let result = plan.with_task(&format!("t{name}v{version}"), |task| {
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
            self.quiet(|engine, cx| engine.register(cx, &path(name), &registration))
        });
        let number = self.number(name);
        self.earth.observer.registered(at, name, version, number, result.is_ok());
        self.obey();
    }

    fn happen(&mut self, happening: &Happening) -> Option<Over> {
        self.earth.observer.counts.happenings += 1;
        self.earth.observer.note(|| format!("{happening:?}"));
        match *happening {
            Happening::Register(name, ref plan) => self.register(name, plan),
            Happening::Delete(name) => {
                if self.find(name).is_some() {
                    self.earth.observer.asks_to_delete(name);
                    let result = self.call(|engine, cx| engine.delete(cx, &path(name)));
                    self.earth.observer.deleted(name, result.is_ok());
                }
            }
            Happening::Enable(name, enabled) => {
                if let Some(task) = self.find(name) {
                    let at = self.earth.at();
                    self.earth.observer.asks_to_enable(name, enabled);
                    let result = self.call(|engine, cx| engine.set_enabled(cx, task, enabled));
                    self.earth.observer.enabled(at, name, enabled, result.is_ok());
                }
            }
            Happening::Run(name, anyway) => {
                if let Some(task) = self.find(name) {
                    let none = &mut std::iter::empty();
                    let told_before = self.earth.observer.told_so_far();
                    let result = self.quiet(|engine, cx| {
                        if anyway { engine.run_anyway(cx, task, none, None) } else { engine.run(cx, task, none, None) }
                    });
                    self.earth.observer.ran(name, result, told_before);
                    self.obey();
                }
            }
            Happening::Stop(name) => {
                if let Some(task) = self.find(name) {
                    let at = self.earth.at();
                    self.earth.observer.asks_to_stop(name);
                    let _ = self.call(|engine, cx| engine.stop(cx, task));
                    self.earth.observer.stopped(at, name);
                }
            }
            Happening::Members(count) => {
                self.earth.people = People::default();
                for number in 1..=count {
                    self.earth.people.logs_on(number, &Sid::LOCAL_SERVICE, &[GROUP]);
                }
                self.earth.observer.members = count;
            }
            Happening::Batteries(on) => self.machine(|machine| machine.on_batteries = on),
            Happening::Network(on) => self.machine(|machine| machine.network = on),
            Happening::Idle(on) => self.machine(|machine| machine.idle = on),
            Happening::RemoteApp(on) => self.machine(|machine| machine.remote_app_session = on),
            Happening::Logon | Happening::Lock => {
                let at = self.earth.at();
                let logon = *happening == Happening::Logon;
                let lock = SessionChange::State(SessionStateChange::SessionLock);
                let change = if logon { SessionChange::Logon } else { lock };
                self.earth.observer.session(at, logon);
                let session = Session { id: session(1), user: &Sid::LOCAL_SYSTEM, groups: &[] };
                self.call(|engine, cx| engine.session_changed(cx, change, session));
            }
            Happening::Event(id) => {
                let at = self.earth.at();
                self.earth.observer.event(at, id);
                self.call(|engine, cx| engine.event_happened(cx, &query::Event::new("System", id)));
            }
            Happening::Step(by, told) => {
                let before = self.earth.at();
                self.earth.wall_zero += by;
                let after = self.earth.at();
                self.earth.observer.passed(before, after, Passed::Set);
                if told {
                    self.call(|engine, cx| engine.clock_set(cx));
                } else {
                    self.tick();
                }
            }
            Happening::Zone(zone) => {
                self.earth.zone = zone;
                let at = self.earth.at();
                self.earth.observer.zone_changed(at);
                self.call(|engine, cx| engine.zone_changed(cx));
            }
            Happening::TimeUnknown(milliseconds) => {
                let before = self.earth.at();
                self.earth.spells.time_unknown = Some(self.earth.real + milliseconds);
                let after = self.earth.at();
                self.earth.observer.passed(before, after, Passed::Set);
                self.call(|engine, cx| engine.clock_set(cx));
            }
            Happening::Sleep(milliseconds, goes_on) => {
                if self.earth.woke == self.earth.real {
                    // Nobody falls asleep again before the host has looked around.
                    for _ in 0..8 {
                        self.tick();
                    }
                }
                let before = self.earth.at();
                self.earth.real += milliseconds;
                self.earth.woke = self.earth.real;
                if !goes_on {
                    self.earth.mono_zero += milliseconds;
                    // What the engine started slept too.
                    for child in self.earth.children.values_mut() {
                        child.ends = child.ends.map(|ends| ends + milliseconds);
                    }
                }
                let after = self.earth.at();
                let how = if goes_on { Passed::Asleep } else { Passed::Set };
                self.earth.observer.passed(before, after, how);
                if !goes_on {
                    self.call(|engine, cx| engine.clock_set(cx));
                }
            }
            Happening::Down(End::CutAfter(changes), milliseconds, unknown) => {
                self.earth.store.records.cut_after = Some(changes);
                self.earth.after_cut = (milliseconds, unknown);
            }
            Happening::Down(end, milliseconds, unknown) => {
                if end == End::Told {
                    self.earth.observer.closes();
                    self.call(|engine, cx| engine.stop_all(cx));
                }
                return Some(Over::Down {
                    milliseconds,
                    unknown,
                    powerless: end == End::Cut || self.earth.store.records.is_dead(),
                });
            }
            Happening::StoreFails(milliseconds, reads) => {
                let error = StoreError::Failed { code: 5 };
                self.earth.store.records.fail_writes = Some((error, 0));
                self.earth.store.records.fail_reads = reads.then_some(error);
                self.earth.spells.store_fails = Some(self.earth.real + milliseconds);
                self.earth.observer.store_fails = true;
            }
            Happening::Dry(milliseconds) => {
                self.earth.entropy.dry = true;
                self.earth.spells.dry = Some(self.earth.real + milliseconds);
            }
        }
        None
    }

    fn machine(&mut self, change: impl FnOnce(&mut Machine)) {
        change(&mut self.earth.machine);
        let machine = self.earth.machine;
        let at = self.earth.at();
        self.earth.observer.machine(at, machine);
        self.call(|engine, cx| engine.machine_changed(cx, machine));
    }
}

/// The skips among events: how the ledger is read today.
pub(crate) fn skip(event: &Event) -> Option<(u32, mainspring::event::Skipped)> {
    match *event {
        Event::Skipped { task, reason } => Some((task, reason)),
        _ => None,
    }
}

/// What a world without a lie is.
pub(crate) fn violation(script: &Script) -> Option<Violation> {
    simulate(script, Liar::default()).0.broken
}
