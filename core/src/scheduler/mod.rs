//! The door: takes inputs, gives outputs. The only room that knows all others.
//!
//! A host owns one [`Scheduler`], lends it memory for as long as it lives, and talks to it in three ways.
//! - It calls [`Scheduler::start`] once, then [`Scheduler::input`] for everything that happens: an instance started or
//!   ended, a deadline came, the wall clock was set, the zone changed.
//! - It accepts connections with [`Scheduler::accept`] and moves their bytes with [`Scheduler::exchange`]; the room
//!   [`serve`](crate::serve) does this over any byte stream.
//! - After each of these it drains [`Scheduler::output`] until that says [`Output::Sleep`].
//!
//! Every call is short, never waits and never calls back. Calling once too often is harmless.

mod instances;
mod services;

use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::{
    auth::Identity,
    engine::{Context, Deadline, Engine, Loaded, Machine, Order, Session, SessionChange},
    epm,
    event::{Closed, Event},
    guid::Guid,
    limits::{CONNECTION_EVENTS, STRANGER_TIME},
    mgmt,
    ports::{Ports, StoreError},
    query,
    rpc::{self, Association, Counts, Login, Pool, Step},
    status::Status,
    task::Resources,
    time::{Monotonic, Now, zone::Zone},
};
use services::Rooms;
pub use services::interfaces;

/// Which listener a connection came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// The scheduler's own port: ITaskSchedulerService, the endpoint mapper and the management interface.
    Services,
    /// The endpoint mapper's port (135 on Windows): the endpoint mapper and the management interface.
    Mapper,
}

/// Where a connection came to, and from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Which listener.
    pub endpoint: Endpoint,
    /// The address and port it came to.
    pub local: SocketAddr,
    /// The address and port it came from.
    pub remote: SocketAddr,
}

/// A connection that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConnectionId(pub u32);

/// Something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// The deadline that [`Output::Sleep`] named has come; a tick too early or too many is harmless.
    Tick,
    /// The wall clock was set, or became known.
    ClockSet,
    /// The zone is another from now on.
    ZoneChanged,
    /// The machine is on batteries, has a network, or is idle, and was not so before.
    MachineChanged(Machine),
    /// The answer to [`Output::Start`] or, if it is found running, to [`Output::Recover`].
    Started {
        /// Which instance.
        instance: Guid,
        /// The host's number of the process, which clients are shown; 0 if there is none.
        process: u32,
    },
    /// The answer to [`Output::Start`] if there is no starting it.
    StartFailed {
        /// Which instance.
        instance: Guid,
        /// Why, as the result of the run.
        result: Status,
    },
    /// An instance ended, by itself or because it was stopped.
    Exited {
        /// Which instance.
        instance: Guid,
        /// Its exit code.
        result: Status,
    },
    /// The host is about to end: every instance is asked to stop, every connection is closed.
    Shutdown,
}

/// The host shall do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Start the current action of this instance (see [`Scheduler::action`] and [`Scheduler::run_as`]); the record that it was started is durable.
    /// Answer with [`Input::Started`] or [`Input::StartFailed`].
    Start {
        /// Which instance.
        instance: Guid,
    },
    /// Stop it. [`Input::Exited`] follows when it has ended.
    Stop {
        /// Which instance.
        instance: Guid,
        /// For good, rather than gracefully.
        hard: bool,
    },
    /// It ran when the host last ended: see whether it still does. Answer with [`Input::Started`] or [`Input::Exited`].
    Recover {
        /// Which instance.
        instance: Guid,
    },
    /// Close this connection.
    Close {
        /// Which connection.
        connection: ConnectionId,
    },
    /// Keep this in a log or a history.
    Tell(Event),
    /// Nothing more to do until the earlier of these moments.
    Sleep(Deadline),
}

/// One connection. Zero is an unused slot.
#[derive(Debug, Clone, Copy, bytemuck::Zeroable)]
pub struct ConnectionSlot {
    used: bool,
    closing: bool,
    /// Whether it came to the endpoint mapper's port.
    mapper: bool,
    /// Whether somebody has logged in on it.
    known: bool,
    /// What the deadline is for.
    overdue: Closed,
    /// Which use of the slot this is, so that an identifier is not taken for that of a later connection.
    generation: u16,
    /// The port it came to.
    port: u16,
    /// The IPv4 address it came to; unspecified if it has none.
    local: [u8; 4],
    /// When it was accepted.
    came: Monotonic,
    deadline: Monotonic,
}

/// The memory that a host lends for as long as the scheduler lives. All slots may be zeros.
pub struct Memory<'a> {
    /// For the engine.
    pub engine: crate::engine::Memory<'a>,
    /// As many connections as may be open at once, 65,536 at most.
    pub connections: &'a mut [ConnectionSlot],
    /// For calls and replies of several fragments.
    pub pool: Pool<'a>,
    /// For the longest reply, shared by all connections. On Linux 64 KiB and the longest task XML.
    pub reply: &'a mut [u8],
    /// For the image of a definition while it is registered.
    pub image: &'a mut [u8],
}

/// What the host decides once.
#[derive(Debug, Clone, Copy)]
pub struct Config<'a> {
    /// The names that the server gives itself.
    pub identity: Identity<'a>,
    /// What the endpoint mapper answers with.
    pub endpoints: &'a [epm::Entry<'a>],
    /// What `SchRpcHighestVersion` answers; [`tsch::VERSION`](crate::tsch::VERSION) unless there is a reason.
    pub version: u32,
    /// The longest fragment that is taken and sent, in bytes: what the host lends [`serve`](crate::serve) for each of its two
    /// buffers. From [`FRAGMENT_MIN`](crate::limits::FRAGMENT_MIN) to [`FRAGMENT_MAX`](crate::limits::FRAGMENT_MAX), which
    /// is what Windows offers; with less, a client whose first token is a long Kerberos ticket does not get in.
    pub fragment: u16,
}

/// While fewer than one in this many slots for connections are free, each new connection costs the oldest stranger his. Where
/// there are fewer slots than this, he has [`STRANGER_TIME`] to log in once all are taken.
const CROWDED: usize = 8;

/// Every slot for connections is taken: the host closes the connection at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoSlot;

/// The scheduler. See the module.
pub struct Scheduler<'a> {
    engine: Engine<'a>,
    connections: &'a mut [ConnectionSlot],
    pool: Pool<'a>,
    reply: &'a mut [u8],
    image: &'a mut [u8],
    config: Config<'a>,
    resources: Option<&'a dyn Resources>,
    statistics: mgmt::Statistics,
    events: heapless::Deque<Event, CONNECTION_EVENTS>,
    lost_events: u32,
    /// Number of connections whose slot says that they are to be closed.
    closing: u32,
    /// Number of connections.
    open: usize,
    /// No connection's deadline is earlier.
    next_check: Monotonic,
    /// Slots at and beyond this were never used.
    touched: usize,
}

impl<'a> Scheduler<'a> {
    /// A scheduler that knows nothing yet: call [`start`](Self::start) next.
    #[must_use]
    pub fn new(memory: Memory<'a>, config: Config<'a>) -> Self {
        Self {
            engine: Engine::new(memory.engine),
            connections: memory.connections,
            pool: memory.pool,
            reply: memory.reply,
            image: memory.image,
            config,
            resources: None,
            statistics: mgmt::Statistics::default(),
            events: heapless::Deque::new(),
            lost_events: 0,
            closing: 0,
            open: 0,
            next_check: Monotonic::MAX,
            touched: 0,
        }
    }

    /// Has the strings that fields of definitions name put in for clients that ask for a language, [MS-TSCH] 2.5.8.
    pub fn localize(&mut self, resources: &'a dyn Resources) {
        self.resources = Some(resources);
    }

    /// Reads the store, sweeps what nothing points to, arms every trigger, and fires those that fire at start.
    ///
    /// # Errors
    /// What befell the store; the scheduler must not be used then.
    pub fn start(&mut self, now: Now, zone: &Zone<'_>, ports: &mut Ports<'_>) -> Result<Loaded, StoreError> {
        self.engine.load(&mut context(now, zone, ports))
    }

    /// The machine has started since the scheduler was last here, and not the server alone: tasks that are Volatile are disabled.
    /// To be called after [`start`](Self::start), before any input.
    ///
    /// # Errors
    /// What befell the store; some of them are enabled still.
    pub fn machine_started(&mut self, now: Now, zone: &Zone<'_>, ports: &mut Ports<'_>) -> Result<(), StoreError> {
        self.engine.machine_started(&mut context(now, zone, ports))
    }

    /// Something happened. Drain [`output`](Self::output) afterwards.
    pub fn input(&mut self, now: Now, zone: &Zone<'_>, input: Input, ports: &mut Ports<'_>) {
        let engine = &mut self.engine;
        let cx = &mut context(now, zone, ports);
        match input {
            Input::Tick => {
                engine.tick(cx);
                self.close_overdue(now.monotonic);
            }
            Input::ClockSet => engine.clock_set(cx),
            Input::ZoneChanged => engine.zone_changed(cx),
            Input::MachineChanged(machine) => engine.machine_changed(cx, machine),
            Input::Started { instance, process } => engine.started(cx, instance, process),
            Input::StartFailed { instance, result } => engine.start_failed(cx, instance, result),
            Input::Exited { instance, result } => engine.exited(cx, instance, result),
            Input::Shutdown => {
                engine.stop_all(cx);
                self.close_where(Some(Closed::Shutdown), |_| true);
            }
        }
    }

    /// Somebody logged on, or somebody's session changed. Drain [`output`](Self::output) afterwards.
    pub fn session_changed(
        &mut self,
        now: Now,
        zone: &Zone<'_>,
        change: SessionChange,
        session: Session<'_>,
        ports: &mut Ports<'_>,
    ) {
        self.engine.session_changed(&mut context(now, zone, ports), change, session);
    }

    /// An event of the system happened. Drain [`output`](Self::output) afterwards.
    pub fn event_happened(&mut self, now: Now, zone: &Zone<'_>, event: &query::Event<'_>, ports: &mut Ports<'_>) {
        self.engine.event_happened(&mut context(now, zone, ports), event);
    }

    /// The next thing the host shall do. Drain it after every other call, until it says [`Output::Sleep`].
    #[must_use]
    pub fn output(&mut self) -> Output {
        if let Some(connection) = self.closing_connection() {
            return Output::Close { connection };
        }
        // Events go before orders: the answers to those make more of them, and there is room for a few only.
        if let Some(event) = self.events.pop_front().or_else(|| self.engine.event()) {
            return Output::Tell(event);
        }
        if self.lost_events > 0 {
            return Output::Tell(Event::Lost { count: core::mem::take(&mut self.lost_events) });
        }
        match self.engine.order() {
            Some(Order::Start { instance }) => return Output::Start { instance },
            Some(Order::Stop { instance, hard }) => return Output::Stop { instance, hard },
            Some(Order::Recover { instance }) => return Output::Recover { instance },
            None => {}
        }
        let mut deadline = self.engine.deadline();
        if self.next_check != Monotonic::MAX {
            deadline.monotonic =
                Some(deadline.monotonic.map_or(self.next_check, |earlier| earlier.min(self.next_check)));
        }
        Output::Sleep(deadline)
    }

    /// The engine, for a host that manages its own tasks beside what comes over the network.
    pub fn engine(&mut self) -> &mut Engine<'a> {
        &mut self.engine
    }

    /// A connection came. Give its bytes to [`exchange`](Self::exchange) together with the association, and say
    /// [`closed`](Self::closed) at its end.
    ///
    /// # Errors
    /// [`NoSlot`]: close it at once.
    pub fn accept(&mut self, now: Now, arrival: &Arrival) -> Result<(ConnectionId, Association), NoSlot> {
        let free = self.connections.iter().take(self.touched).position(|slot| !slot.used).unwrap_or(self.touched);
        let Some(slot) = self.connections.get_mut(free) else {
            self.tell(Event::ConnectionClosed { connection: u32::MAX, reason: Closed::NoConnectionSlot });
            return Err(NoSlot);
        };
        self.touched = self.touched.max(free + 1);
        *slot = ConnectionSlot {
            used: true,
            closing: false,
            mapper: arrival.endpoint == Endpoint::Mapper,
            known: false,
            overdue: Closed::BindTime,
            generation: slot.generation.wrapping_add(1),
            port: arrival.local.port(),
            local: match arrival.local.ip().to_canonical() {
                IpAddr::V4(address) => address.octets(),
                IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED.octets(),
            },
            came: now.monotonic,
            deadline: Monotonic::MAX,
        };
        let connection = slot.id(free);
        let association = Association::new(connection.0, self.config.fragment, now.monotonic);
        slot.expect_by(&association);
        self.next_check = self.next_check.min(slot.deadline);
        self.open += 1;
        if self.open > self.connections.len() - self.connections.len() / CROWDED {
            self.close_a_stranger(connection);
        }
        self.make_room(now.monotonic);
        Ok((connection, association))
    }

    /// Bytes came for a connection, or the host can send more of a reply.
    ///
    /// `received` is all that came and was not consumed yet; it is decrypted in place. `reply` is room for one fragment. Send
    /// what was produced, forget what was consumed, and call again with what is left while the step says that there is more.
    #[allow(clippy::too_many_arguments)]
    pub fn exchange(
        &mut self,
        now: Now,
        zone: &Zone<'_>,
        connection: ConnectionId,
        association: &mut Association,
        received: &mut [u8],
        reply: &mut [u8],
        ports: &mut Ports<'_>,
    ) -> Step {
        let Some(slot) = self.connections.get_mut(place(connection)).filter(|slot| slot.is(connection)) else {
            return Step { consumed: received.len(), close: Some(Closed::Shutdown), ..Step::default() };
        };
        let mut room = [0; 5];
        let port = digits(slot.port, &mut room);
        let mut rooms = Rooms {
            engine: &mut self.engine,
            ports: ports.reborrow(),
            zone,
            image: self.image,
            config: &self.config,
            resources: self.resources,
            statistics: self.statistics,
            slot,
        };
        let mut environment = rpc::Environment {
            now,
            services: &mut rooms,
            identity: &self.config.identity,
            address: port,
            pool: &mut self.pool,
            scratch: self.reply,
        };
        let step = association.receive(&mut environment, received, reply);
        slot.expect_by(association);
        slot.known |= step.login == Some(Login::Done);
        self.next_check = self.next_check.min(slot.deadline);
        self.count(&step.counts);
        match step.login {
            Some(Login::Done) => self.tell(Event::LoggedIn { connection: connection.0 }),
            Some(Login::Failed) => self.tell(Event::LoginFailed { connection: connection.0 }),
            Some(Login::Begun) | None => {}
        }
        if let Some(reason) = step.close {
            self.tell(Event::ConnectionClosed { connection: connection.0, reason });
        }
        step
    }

    /// The connection is gone. Harmless when said twice.
    pub fn closed(&mut self, connection: ConnectionId) {
        self.pool.release(connection.0);
        if let Some(slot) = self.connections.get_mut(place(connection)).filter(|slot| slot.is(connection)) {
            self.closing -= u32::from(slot.closing);
            self.open -= 1;
            *slot = ConnectionSlot { used: false, closing: false, deadline: Monotonic::MAX, ..*slot };
        }
    }

    /// How many connections are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.open
    }

    /// Closes the connection that has waited longest without a login, so that those who never log in cannot keep everybody
    /// else out.
    fn close_a_stranger(&mut self, newest: ConnectionId) {
        let slots = self.connections.iter_mut().take(self.touched).enumerate();
        let strangers = slots.filter(|(place, slot)| {
            slot.used && !slot.known && slot.deadline != Monotonic::MAX && !slot.closing && slot.id(*place) != newest
        });
        if let Some((place, slot)) = strangers.min_by_key(|(_, slot)| slot.deadline) {
            slot.closing = true;
            self.closing += 1;
            let connection = slot.id(place).0;
            self.tell(Event::ConnectionClosed { connection, reason: Closed::NoConnectionSlot });
        }
    }

    /// Where there are few slots and all are taken, closes the stranger that has been there longest, as soon as he has been there
    /// long enough to log in.
    fn make_room(&mut self, now: Monotonic) {
        if self.connections.len() >= CROWDED || self.open < self.connections.len() {
            return;
        }
        // One that is on its way out makes room already.
        if self.connections.iter().any(|slot| slot.closing || slot.deadline == Monotonic::MAX) {
            return;
        }
        let strangers = self.connections.iter_mut().enumerate().filter(|(_, slot)| !slot.known);
        let Some((place, slot)) = strangers.min_by_key(|(_, slot)| slot.came) else { return };
        let due = slot.came.plus(STRANGER_TIME);
        if now < due {
            self.next_check = self.next_check.min(due);
            return;
        }
        slot.closing = true;
        self.closing += 1;
        let connection = slot.id(place).0;
        self.tell(Event::ConnectionClosed { connection, reason: Closed::NoConnectionSlot });
    }

    /// Closes what has been silent for longer than it may be.
    fn close_overdue(&mut self, now: Monotonic) {
        if now < self.next_check {
            return;
        }
        self.close_where(None, |slot| slot.deadline <= now);
        let open = self.connections.iter().take(self.touched).filter(|slot| slot.used && !slot.closing);
        self.next_check = open.map(|slot| slot.deadline).min().unwrap_or(Monotonic::MAX);
        self.make_room(now);
    }

    /// Marks connections to be closed; without a `reason` for the one that their deadline is for.
    fn close_where(&mut self, reason: Option<Closed>, due: impl Fn(&ConnectionSlot) -> bool) {
        for place in 0..self.touched {
            let Some(slot) = self.connections.get_mut(place) else { return };
            if slot.used && !slot.closing && due(slot) {
                slot.closing = true;
                self.closing += 1;
                let event =
                    Event::ConnectionClosed { connection: slot.id(place).0, reason: reason.unwrap_or(slot.overdue) };
                self.tell(event);
            }
        }
    }

    /// A connection that is to be closed and was not named yet.
    fn closing_connection(&mut self) -> Option<ConnectionId> {
        if self.closing == 0 {
            return None;
        }
        let mut slots = self.connections.iter_mut().take(self.touched).enumerate();
        let (place, slot) = slots.find(|(_, slot)| slot.used && slot.closing)?;
        slot.closing = false;
        // It stays in its slot until the host says that it is gone, and is not to be closed a second time.
        slot.deadline = Monotonic::MAX;
        self.closing -= 1;
        Some(slot.id(place))
    }

    fn count(&mut self, counts: &Counts) {
        let all = &mut self.statistics;
        all.calls_in = all.calls_in.wrapping_add(counts.calls_in);
        all.calls_out = all.calls_out.wrapping_add(counts.calls_out);
        all.packets_in = all.packets_in.wrapping_add(counts.packets_in);
        all.packets_out = all.packets_out.wrapping_add(counts.packets_out);
    }

    fn tell(&mut self, event: Event) {
        if self.events.push_back(event).is_err() {
            self.lost_events = self.lost_events.saturating_add(1);
        }
    }
}

impl ConnectionSlot {
    /// A slot that is unused: all zeros, for memory that is made when a firmware is linked.
    pub const UNUSED: Self = Self {
        used: false,
        closing: false,
        mapper: false,
        known: false,
        overdue: Closed::Unreadable,
        generation: 0,
        port: 0,
        local: [0; 4],
        came: Monotonic(0),
        deadline: Monotonic(0),
    };

    fn id(&self, place: usize) -> ConnectionId {
        ConnectionId(u32::from(self.generation) << 16 | u32::try_from(place).unwrap_or(u32::MAX) & 0xFFFF)
    }

    fn is(&self, connection: ConnectionId) -> bool {
        self.used && u32::from(self.generation) == connection.0 >> 16
    }

    /// Takes over until when the association waits, and for what.
    fn expect_by(&mut self, association: &Association) {
        self.deadline = association.deadline().unwrap_or(Monotonic::MAX);
        self.overdue = association.overdue(self.deadline).unwrap_or(Closed::IdleTime);
    }
}

/// A port in decimal digits. By hand, because it is done for every step, and formatting is a tenth of a microsecond.
fn digits(mut port: u16, room: &mut [u8; 5]) -> &str {
    let mut first = room.len();
    for digit in room.iter_mut().rev() {
        *digit = b'0' + (port % 10).to_le_bytes()[0];
        port /= 10;
        first -= 1;
        if port == 0 {
            break;
        }
    }
    core::str::from_utf8(room.get(first..).unwrap_or_default()).unwrap_or_default()
}

/// Where in the slots a connection stands.
fn place(connection: ConnectionId) -> usize {
    (connection.0 & 0xFFFF) as usize
}

fn context<'c>(now: Now, zone: &'c Zone<'c>, ports: &'c mut Ports<'_>) -> Context<'c> {
    Context { now, zone, store: ports.store, entropy: ports.entropy, sessions: ports.sessions }
}
