//! The host of the scheduler: lends it the ports, does what it says, keeps time.
//!
//! One [`Host`] owns the scheduler and everything that it needs. All tasks of **one** executor share it by reference, and
//! borrow it for moments that never span an `await`; it is not for interrupts, nor for a second executor. It runs nothing
//! by itself: a firmware spawns
//! - one task with [`Host::keep_time`], without which nothing fires;
//! - one or more with [`Host::run_actions`], without which nothing runs;
//! - one with [`net::serve_socket`](crate::net::serve_socket) for each connection that may be open at once;
//! - one with [`sntp::keep_wall_clock`](crate::sntp::keep_wall_clock), unless the time comes from elsewhere.

use core::{
    cell::{Cell, RefCell},
    future::poll_fn,
    task::{Context as Waiting, Poll},
};

use embassy_futures::{
    select::{Either, select},
    yield_now,
};
use embassy_sync::{blocking_mutex::raw::NoopRawMutex, signal::Signal};
use embassy_time::{Duration, Instant, Timer};
use mainspring::{
    engine::{self, Context, Deadline, Engine, Loaded, Refused, Work},
    guid::Guid,
    ports::{Accounts, Entropy, NoSecrets, NoSessions, Ports, StoreError},
    rpc::Association,
    scheduler::{Arrival, Config, ConnectionId, Input, NoSlot, Output, Scheduler},
    serve,
    status::Status,
    time::{Monotonic, Now, Timestamp, trust::WallClock, zone::Zone},
};

use crate::{
    actions::{Actions, Call, Desk, Jobs, Progress, Stop, Stopped},
    keep::Keep,
    log::{Log, Told},
    memory::Lent,
    net::Closing,
    wall::{Corrected, Rtc, Wall, micros},
};

/// The longest that [`Host::keep_time`] sleeps. A tick too many is harmless.
const LONGEST_SLEEP: Duration = Duration::from_secs(3600);

/// How long nobody may have called before the store uses the time.
const QUIET: Duration = Duration::from_millis(20);

/// What a firmware brings. All of it lives as long as the host.
pub struct Parts<'a> {
    /// All memory there will ever be.
    pub memory: Lent<'a>,
    /// The names of this server, and what its endpoint mapper answers.
    pub config: Config<'a>,
    /// Where local time is: `Zone::UTC`, or of a POSIX rule, see [`mainspring::time::tail::Tail::parse`].
    pub zone: Zone<'a>,
    /// Records.
    pub store: &'a mut dyn Keep,
    /// Random bytes.
    pub entropy: &'a mut dyn Entropy,
    /// Accounts; see [`crate::accounts`].
    pub accounts: &'a mut dyn Accounts,
    /// Who hears what happens.
    pub log: &'a mut dyn Log,
    /// A clock that goes on while the power is off.
    pub rtc: Option<&'a mut dyn Rtc>,
}

/// What is lent for moments.
struct State<'a> {
    scheduler: Scheduler<'a>,
    zone: Zone<'a>,
    store: &'a mut dyn Keep,
    entropy: &'a mut dyn Entropy,
    accounts: &'a mut dyn Accounts,
    log: &'a mut dyn Log,
    rtc: Option<&'a mut dyn Rtc>,
    wall: Wall,
    deadline: Deadline,
}

/// The scheduler and its ports. See the module.
pub struct Host<'a> {
    state: RefCell<State<'a>>,
    jobs: Jobs<'a>,
    closing: &'a [Closing],
    /// Wakes [`keep_time`](Self::keep_time) before its time.
    woken: Signal<NoopRawMutex, ()>,
    /// Until when [`keep_time`](Self::keep_time) sleeps.
    asleep: Cell<Instant>,
    /// The longest that the store ever took for one of its steps.
    slowest: Cell<Duration>,
    /// How often somebody had the scheduler.
    lent: Cell<u32>,
}

impl<'a> Host<'a> {
    /// A host that has not read its store yet: call [`start`](Self::start) next.
    #[must_use]
    pub fn new(parts: Parts<'a>) -> Self {
        Self {
            state: RefCell::new(State {
                scheduler: Scheduler::new(parts.memory.scheduler, parts.config),
                zone: parts.zone,
                store: parts.store,
                entropy: parts.entropy,
                accounts: parts.accounts,
                log: parts.log,
                rtc: parts.rtc,
                wall: Wall::default(),
                deadline: Deadline { monotonic: None, wall: None },
            }),
            jobs: Jobs::new(parts.memory.jobs),
            closing: parts.memory.closing,
            woken: Signal::new(),
            asleep: Cell::new(Instant::MAX),
            slowest: Cell::new(Duration::from_ticks(0)),
            lent: Cell::new(0),
        }
    }

    /// Asks the real-time clock, which is not believed if it is behind what the store tells of, reads the store, disables what is Volatile and arms every trigger. What fires at start is started
    /// with the first tick.
    ///
    /// # Errors
    /// What befell the store; the host must not be used then.
    pub fn start(&self) -> Result<Loaded, StoreError> {
        let state = &mut *self.state.borrow_mut();
        // A real-time clock that has lost the time shows one that was before.
        let mut clock = WallClock::new(engine::latest(&mut *state.store)?);
        let time = state.rtc.as_mut().and_then(|rtc| rtc.read());
        if let Some(time) = clock.read(Monotonic(0), time) {
            state.wall.set(time.0.saturating_mul(1000), Instant::now());
        }
        let loaded = state.with(|scheduler, now, zone, ports| {
            let loaded = scheduler.start(now, zone, ports)?;
            scheduler.machine_started(now, zone, ports)?;
            Ok(loaded)
        })?;
        self.drain(state);
        Ok(loaded)
    }

    /// Ticks the scheduler at its deadlines, and lets the store use the time in between; for ever.
    pub async fn keep_time(&self) -> ! {
        loop {
            self.woken.reset();
            let until = self.due();
            self.asleep.set(until);
            if let Some(step) = self.idle_step(until) {
                self.idle(step).await;
                continue;
            }
            if let Either::First(()) = select(Timer::at(until), self.woken.wait()).await {
                self.input(Input::Tick);
                // If more is due than one tick fires, others get their turn in between.
                yield_now().await;
            }
        }
    }

    /// Runs instances, one after another; for ever. Several futures of this, in one task of the executor or in many, run
    /// as many instances at once.
    ///
    /// `text` is room for a command, its arguments and its working directory, or for the data of a ComHandler, with all
    /// parameters put in; an instance whose text does not fit fails to start with `E_OUTOFMEMORY`.
    pub async fn run_actions<A: Actions>(&self, actions: &A, text: &mut [u8]) -> ! {
        loop {
            let instance = poll_fn(|cx| self.jobs.poll_take(cx)).await;
            let mut running = Running { host: self, instance, end: Some(End::Exited(Status::E_PROCESS_ABORTED)) };
            let work = self.work(instance, text);
            let found = work.map_err(Refused::status).and_then(|work| match actions.find(&work) {
                Some(action) => Ok((action, work)),
                // There is nobody who sends it, or to whom it could be shown.
                None if matches!(work, Work::Email(_) | Work::Message(_)) => Err(Status::E_NOT_SUPPORTED),
                None => {
                    self.tell_missing(instance, &work);
                    Err(Status::E_FILE_NOT_FOUND)
                }
            });
            match found {
                Ok((action, work)) => {
                    self.input(Input::Started { instance, process: 0 });
                    let call = Call { instance, work, desk: self };
                    let killed = poll_fn(|cx| self.jobs.poll_stop(instance, Stop::Hard, cx));
                    // One that is killed leaves the status that the guard has.
                    if let Either::First(status) = select(actions.run(action, &call), killed).await {
                        running.end = Some(End::Exited(status));
                    }
                }
                Err(status) => running.end = Some(End::NotStarted(status)),
            }
            drop(running);
            // What ends at once and is started again at once must not keep others from their turn.
            yield_now().await;
        }
    }

    /// Tells the scheduler that something happened.
    pub fn input(&self, input: Input) {
        serve::Host::lend(self, &mut |scheduler, now, zone, ports| scheduler.input(now, zone, input, ports));
    }

    /// Works on the engine: registers, runs, lists, deletes tasks without a network.
    pub fn with_engine<R>(&self, work: impl FnOnce(&mut Engine<'a>, &mut Context<'_>) -> R) -> R {
        let state = &mut *self.state.borrow_mut();
        let result = state.with(|scheduler, now, zone, ports| {
            work(
                scheduler.engine(),
                &mut Context { now, zone, store: ports.store, entropy: ports.entropy, sessions: ports.sessions },
            )
        });
        self.drain(state);
        result
    }

    /// Works on the ports, for example to add an account. It MUST NOT change records of the core's kinds.
    pub fn with_ports<R>(&self, work: impl FnOnce(Ports<'_>) -> R) -> R {
        let state = &mut *self.state.borrow_mut();
        let result = state.with(|_, _, _, ports| work(ports.reborrow()));
        self.drain(state);
        result
    }

    /// What the clocks say.
    #[must_use]
    pub fn now(&self) -> Now {
        now(&self.state.borrow().wall)
    }

    /// When the scheduler next wants a tick: with nothing else going on, nothing happens until then.
    #[must_use]
    pub fn deadline(&self) -> Deadline {
        self.state.borrow().deadline
    }

    /// Sets the wall clock, and the real-time clock with it. Calendar triggers are armed anew.
    pub fn set_clock(&self, to: Timestamp) {
        self.set_clock_micros(to.0.saturating_mul(1000), Instant::now());
    }

    /// As [`set_clock`](Self::set_clock), for a time in microseconds since 1970 that was true at some instant.
    pub fn set_clock_micros(&self, to: i64, at: Instant) {
        let state = &mut *self.state.borrow_mut();
        let by = state.wall.set(to, at);
        self.clock_was_set(state, by);
    }

    /// Corrects the wall clock: sets it if it is unknown or off by more than half a second, otherwise lets it go faster or
    /// slower until it is right. `to` are microseconds since 1970 that were true at some instant.
    pub fn correct_clock(&self, to: i64, at: Instant) {
        let state = &mut *self.state.borrow_mut();
        match state.wall.correct(to, at) {
            Corrected::Set { by } => self.clock_was_set(state, by),
            Corrected::Slewed { by } => {
                state.tell(&Told::ClockSlewed { by });
                state.keep_clock();
                // What is due by the wall clock is due at another instant now.
                self.wake_by(state);
            }
        }
    }

    /// Local time is elsewhere from now on. Triggers in local time are armed anew.
    pub fn set_zone(&self, zone: Zone<'a>) {
        self.state.borrow_mut().zone = zone;
        self.input(Input::ZoneChanged);
    }

    /// Asks every instance to stop, closes every connection, and starts nothing any more. What waits goes on waiting in the
    /// store until the next start.
    pub fn shut_down(&self) {
        self.input(Input::Shutdown);
    }

    /// How far an instance says that it has come; `None` if it does not run.
    #[must_use]
    pub fn progress(&self, instance: Guid) -> Option<Progress> {
        self.jobs.progress(instance)
    }

    /// How many connections are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.state.borrow().scheduler.connections()
    }

    /// Tells the log.
    pub(crate) fn tell(&self, told: &Told<'_>) {
        self.state.borrow_mut().tell(told);
    }

    /// Takes a connection in.
    #[inline(never)]
    pub(crate) fn accept(&self, arrival: &Arrival, into: &mut Option<Association>) -> Result<ConnectionId, NoSlot> {
        let mut accepted = Err(NoSlot);
        serve::Host::lend(self, &mut |scheduler, now, _, _| {
            accepted = scheduler.accept(now, arrival).map(|(connection, association)| {
                *into = Some(association);
                connection
            });
        });
        accepted
    }

    /// What tells that a connection is to be closed.
    pub(crate) fn closing(&self, connection: ConnectionId) -> Option<&'a Closing> {
        self.closing.get((connection.0 & 0xFFFF) as usize)
    }

    /// What the wall clock shows, in microseconds since 1970.
    pub(crate) fn wall_micros(&self, at: Instant) -> Option<i64> {
        self.state.borrow().wall.read_micros(at)
    }

    /// Fills with random bytes; false if there are none.
    pub(crate) fn draw(&self, into: &mut [u8]) -> bool {
        self.state.borrow_mut().entropy.fill(into).is_ok()
    }

    /// The current action of an instance.
    fn work<'t>(&self, instance: Guid, text: &'t mut [u8]) -> Result<Work<'t>, Refused> {
        let state = &mut *self.state.borrow_mut();
        state.with(|scheduler, now, zone, ports| scheduler.action(now, zone, instance, ports, text))
    }

    fn tell_missing(&self, instance: Guid, work: &Work<'_>) {
        let (name, class) = match work {
            Work::Command(command) => (command.command, None),
            Work::Handler(handler) => ("", Some(handler.class)),
            Work::Email(_) | Work::Message(_) => ("", None),
        };
        self.tell(&Told::NoSuchAction { instance, name, class });
    }

    fn clock_was_set(&self, state: &mut State<'a>, by: Option<i64>) {
        if let Some(to) = now(&state.wall).wall {
            state.tell(&Told::ClockSet { to, by });
        }
        state.keep_clock();
        state.with(|scheduler, now, zone, ports| scheduler.input(now, zone, Input::ClockSet, ports));
        self.drain(state);
        // The same deadline of the wall clock is another instant now.
        self.woken.signal(());
    }

    /// When to tick, or at the latest to look again.
    fn due(&self) -> Instant {
        let state = self.state.borrow();
        let now = Instant::now();
        state.due(now).min(now.saturating_add(LONGEST_SLEEP))
    }

    /// How long a step of the store takes, if it wants one and nothing is due before that is over: as long as it says, or as
    /// long as one was seen to take.
    fn idle_step(&self, until: Instant) -> Option<Duration> {
        let step = Duration::from_millis(self.state.borrow().store.wants()?.into()).max(self.slowest.get());
        let end = Instant::now().saturating_add(QUIET).saturating_add(step);
        (end <= until).then_some(step)
    }

    /// Gives the store its step, unless somebody calls in the meantime or something comes to be due.
    async fn idle(&self, step: Duration) {
        let before = self.lent.get();
        if let Either::Second(()) = select(Timer::after(QUIET), self.woken.wait()).await {
            return;
        }
        if self.lent.get() == before && Instant::now().saturating_add(step) <= self.due() {
            let begun = Instant::now();
            self.state.borrow_mut().store.tidy();
            self.slowest.set(self.slowest.get().max(begun.elapsed()));
        }
    }

    /// Does what the scheduler says until it wants to sleep.
    fn drain(&self, state: &mut State<'a>) {
        self.lent.set(self.lent.get().wrapping_add(1));
        loop {
            match state.scheduler.output() {
                Output::Start { instance } => {
                    if self.jobs.add(instance).is_err() {
                        let result = Status::SCHED_E_SERVICE_TOO_BUSY;
                        state.input(Input::StartFailed { instance, result });
                    }
                }
                // Nothing runs on while the power is off.
                Output::Recover { instance } => {
                    state.input(Input::Exited { instance, result: Status::E_PROCESS_ABORTED });
                }
                Output::Stop { instance, hard } => {
                    let how = if hard { Stop::Hard } else { Stop::Gracefully };
                    if self.jobs.stop(instance, how) == Stopped::Dropped {
                        state.input(Input::Exited { instance, result: Status::E_PROCESS_ABORTED });
                    }
                }
                Output::Close { connection } => {
                    // Its future is dropped when the executor comes to it, not here, where the scheduler is lent.
                    if let Some(closing) = self.closing(connection) {
                        closing.close(connection);
                    }
                }
                Output::Tell(event) => state.tell(&Told::Core(event)),
                Output::Sleep(deadline) => {
                    state.deadline = deadline;
                    self.wake_by(state);
                    return;
                }
            }
        }
    }

    /// Wakes who keeps time if he would oversleep, or if the store wants time.
    fn wake_by(&self, state: &State<'_>) {
        // Calls that put a deadline off are many and moments that pass are few: he may wake once too often.
        if state.due(Instant::now()) < self.asleep.get() || state.store.wants().is_some() {
            self.woken.signal(());
        }
    }
}

impl serve::Host for Host<'_> {
    fn lend(&self, borrow: &mut dyn FnMut(&mut Scheduler<'_>, Now, &Zone<'_>, &mut Ports<'_>)) {
        let state = &mut *self.state.borrow_mut();
        state.with(|scheduler, now, zone, ports| borrow(scheduler, now, zone, ports));
        self.drain(state);
    }
}

impl Desk for Host<'_> {
    fn is_stopping(&self, instance: Guid) -> bool {
        self.jobs.is_stopping(instance)
    }

    fn poll_stopping(&self, instance: Guid, cx: &Waiting<'_>) -> Poll<()> {
        self.jobs.poll_stop(instance, Stop::Gracefully, cx)
    }

    fn progress(&self, instance: Guid, percent: u8, text: &str) {
        self.jobs.keep_progress(instance, Progress::new(percent, text));
        self.tell(&Told::Progress { instance, percent, text });
    }

    fn now(&self) -> Now {
        Host::now(self)
    }
}

impl<'a> State<'a> {
    fn with<R>(&mut self, then: impl FnOnce(&mut Scheduler<'a>, Now, &Zone<'_>, &mut Ports<'_>) -> R) -> R {
        let now = now(&self.wall);
        let mut ports = Ports {
            store: &mut *self.store,
            entropy: &mut *self.entropy,
            accounts: &mut *self.accounts,
            sessions: &NoSessions,
            secrets: &mut NoSecrets,
        };
        then(&mut self.scheduler, now, &self.zone, &mut ports)
    }

    fn input(&mut self, input: Input) {
        self.with(|scheduler, now, zone, ports| scheduler.input(now, zone, input, ports));
    }

    fn tell(&mut self, told: &Told<'_>) {
        self.log.tell(now(&self.wall), told);
    }

    /// Hands the time of day to the clock that outlives the power.
    fn keep_clock(&mut self) {
        if let (Some(rtc), Some(time)) = (&mut self.rtc, now(&self.wall).wall) {
            rtc.write(time);
        }
    }

    /// The instant at which the earlier deadline comes.
    fn due(&self, from: Instant) -> Instant {
        let monotonic = self
            .deadline
            .monotonic
            .map(|Monotonic(at)| crate::wall::instant(i64::try_from(at.saturating_mul(1000)).unwrap_or(i64::MAX)));
        let wall = self.deadline.wall.and_then(|at| self.wall.instant_of(at, from));
        monotonic.into_iter().chain(wall).min().unwrap_or(Instant::MAX)
    }
}

fn now(wall: &Wall) -> Now {
    let at = Instant::now();
    Now { monotonic: Monotonic(micros(at).unsigned_abs() / 1000), wall: wall.read(at) }
}

/// How an instance ended.
enum End {
    Exited(Status),
    NotStarted(Status),
}

/// Tells the scheduler that an instance has ended, also when the future that runs it is dropped.
struct Running<'h, 'a> {
    host: &'h Host<'a>,
    instance: Guid,
    end: Option<End>,
}

impl Drop for Running<'_, '_> {
    fn drop(&mut self) {
        let instance = self.instance;
        // The next action of the same instance may want a job at once.
        self.host.jobs.give_back(instance);
        match self.end.take() {
            Some(End::Exited(result)) => self.host.input(Input::Exited { instance, result }),
            Some(End::NotStarted(result)) => self.host.input(Input::StartFailed { instance, result }),
            None => {}
        }
    }
}
