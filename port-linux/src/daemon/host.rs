//! The host of the scheduler: lends it the ports, and does what it says.

use std::{
    cell::RefCell,
    collections::HashMap,
    io,
    os::fd::OwnedFd,
    rc::{Rc, Weak},
    thread,
    time::Duration,
};

use mainspring::{
    engine::{self, Refused, Whom, Work},
    guid::Guid,
    ports::{Accounts as _, NoSessions, Ports, StoreError},
    rpc::{Association, Step},
    scheduler::{Arrival, ConnectionId, Input, NoSlot, Output, Scheduler},
    serve,
    status::Status,
    time::{Now, zone::Zone},
};
use rustix::event::{PollFd, PollFlags, poll};
use tokio::{
    sync::{Notify, oneshot},
    task::AbortHandle,
};

use super::log;
use crate::{
    accounts::{AccountFile, failures::Hold},
    children::{Children, Credentials, Running},
    clock::{Alarm, Clocks, Delay, Ring},
    entropy::Kernel,
    readable::readable,
    secrets::SealedSecrets,
    store::Records,
    zone::{LocalZone, ZoneWatch},
};

/// Room for a command, its arguments and its working directory, with all parameters put in, and as much for the arguments alone.
const ACTION: usize = 64 * 1024;

/// How often it is asked whether the rest of a group has ended whose first process has.
const ASK_GROUP: Duration = Duration::from_millis(100);

/// How long it takes at most until the next count of failed logins is told.
const TELL_FAILURES: Duration = Duration::from_secs(1);

/// The scheduler and its ports.
pub(super) struct State {
    pub(super) scheduler: Scheduler<'static>,
    pub(super) store: Records,
    pub(super) accounts: AccountFile,
    pub(super) secrets: SealedSecrets,
    pub(super) children: Children,
    pub(super) clocks: Clocks,
    pub(super) zone: LocalZone,
    pub(super) action: Vec<u8>,
    pub(super) arguments: Vec<u8>,
}

impl State {
    pub(super) fn new(
        scheduler: Scheduler<'static>,
        store: Records,
        accounts: AccountFile,
        secrets: SealedSecrets,
        children: Children,
        zone: LocalZone,
    ) -> Self {
        let (action, arguments) = (vec![0; ACTION], vec![0; ACTION]);
        Self { scheduler, store, accounts, secrets, children, clocks: Clocks::new(), zone, action, arguments }
    }
}

/// Lends the scheduler to whoever has something for it, and drains what it says each time.
pub(super) struct Host {
    me: Weak<Self>,
    state: RefCell<State>,
    alarm: Alarm,
    /// What ends the future that serves a connection.
    connections: RefCell<HashMap<u32, AbortHandle>>,
    /// Told whenever a child has ended.
    ended: Notify,
    /// Told whenever logins have failed.
    failed: Notify,
}

impl Host {
    /// Must be called within a tokio runtime.
    pub(super) fn new(state: State) -> io::Result<Rc<Self>> {
        let alarm = Alarm::new()?;
        Ok(Rc::new_cyclic(|me| Self {
            me: me.clone(),
            state: RefCell::new(state),
            alarm,
            connections: RefCell::default(),
            ended: Notify::new(),
            failed: Notify::new(),
        }))
    }

    /// Starts the scheduler and finds the children of an earlier server again. `machine_started` says whether the machine has
    /// started since that one.
    pub(super) fn start(&self, machine_started: bool) -> Result<(), StoreError> {
        let mut state = self.state.borrow_mut();
        state.clocks = Clocks::since(engine::latest(&mut state.store)?);
        if state.clocks.now().wall.is_none() {
            tracing::warn!("the wall clock is behind what was noted before, and not believed until it is set");
        }
        let loaded = with_ports(&mut state, |scheduler, now, zone, ports| scheduler.start(now, zone, ports))?;
        tracing::info!(
            tasks = loaded.tasks,
            folders = loaded.folders,
            recovering = loaded.recovering,
            swept = loaded.swept,
            damaged = loaded.damaged,
            "store read"
        );
        if machine_started {
            with_ports(&mut state, |scheduler, now, zone, ports| scheduler.machine_started(now, zone, ports))?;
        }
        self.drain(&mut state);
        state.children.recovered();
        Ok(())
    }

    /// Tells the scheduler that something happened.
    pub(super) fn input(&self, input: Input) {
        serve::Host::lend(self, &mut |scheduler, now, zone, ports| scheduler.input(now, zone, input, ports));
    }

    /// Takes a connection in; its future is made by the caller, and known to the host from
    /// [`serving`](Self::serving) on.
    pub(super) fn accept(&self, arrival: &Arrival) -> Result<(ConnectionId, Association), NoSlot> {
        let mut accepted = Err(NoSlot);
        serve::Host::lend(self, &mut |scheduler, now, _, _| accepted = scheduler.accept(now, arrival));
        if let Ok((connection, _)) = &accepted {
            self.state.borrow_mut().accounts.connected(connection.0, arrival.remote.ip());
        }
        accepted
    }

    /// This is what serves the connection.
    pub(super) fn serving(&self, connection: ConnectionId, by: AbortHandle) {
        self.connections.borrow_mut().insert(connection.0, by);
    }

    /// The connection has been served to its end.
    pub(super) fn served(&self, connection: ConnectionId) {
        self.connections.borrow_mut().remove(&connection.0);
        self.state.borrow_mut().accounts.disconnected(connection.0);
    }

    /// Rings the scheduler at its deadlines and when the clock is set, for ever.
    pub(super) async fn keep_time(&self) -> io::Error {
        loop {
            let ring = self.alarm.ring().await;
            match ring {
                Ok(Ring::Deadline) => {
                    self.state.borrow_mut().clocks.compare();
                    self.input(Input::Tick);
                }
                Ok(Ring::ClockSet) => {
                    tracing::info!("the wall clock was set");
                    self.state.borrow_mut().clocks.was_set();
                    self.input(Input::ClockSet);
                }
                Err(error) => return error,
            }
        }
    }

    /// Tells the scheduler of another zone, for ever.
    pub(super) async fn keep_zone(&self) {
        let watch = match ZoneWatch::new(&self.state.borrow().zone) {
            Ok(watch) => watch,
            Err(error) => {
                tracing::warn!(%error, "a change of the zone will not be noticed");
                return;
            }
        };
        while watch.changed().await.is_ok() {
            let changed = self.state.borrow_mut().zone.reload();
            if changed {
                tracing::info!("the zone changed");
                watch.follow(&self.state.borrow().zone);
                self.input(Input::ZoneChanged);
            }
        }
    }

    /// Tells of failed logins whenever their counts have changed, but not all the time; for ever. That is done apart from the
    /// logins, so that how long they take tells nothing of which accounts there are.
    pub(super) async fn tell_failures(&self) {
        loop {
            {
                let mut state = self.state.borrow_mut();
                let now = state.clocks.now().monotonic;
                if let Err(error) = state.accounts.tell_failures(now) {
                    tracing::warn!(%error, "failed logins cannot be told");
                }
            }
            self.failed.notified().await;
            pause(TELL_FAILURES).await;
        }
    }

    /// Asks every instance to stop and closes every connection.
    pub(super) fn shut_down(&self) {
        self.input(Input::Shutdown);
    }

    /// Waits until no child runs.
    pub(super) async fn all_ended(&self) {
        while self.state.borrow().children.count() > 0 {
            self.ended.notified().await;
        }
    }

    /// Ends every child for good.
    pub(super) fn kill_all(&self) {
        self.state.borrow_mut().children.kill_all();
    }

    /// Waits for the end of a child and tells it.
    async fn watch(self: Rc<Self>, instance: Guid, ended: OwnedFd) {
        wait_for(ended).await;
        let result = loop {
            if let Some(result) = self.state.borrow_mut().children.ended(instance) {
                break result;
            }
            // Of the rest of a group the kernel does not tell.
            pause(ASK_GROUP).await;
        };
        self.input(Input::Exited { instance, result });
        self.ended.notify_one();
    }

    /// Does what the scheduler says until it wants to sleep.
    fn drain(&self, state: &mut State) {
        loop {
            match state.scheduler.output() {
                Output::Start { instance } => {
                    let input = match start(state, instance) {
                        Ok(running) => self.started(instance, running),
                        Err(result) => Input::StartFailed { instance, result },
                    };
                    tell(state, input);
                }
                Output::Recover { instance } => {
                    let input = match state.children.recover(instance) {
                        Some(running) => {
                            tracing::info!(%instance, process = running.pid, "a child of an earlier server runs on");
                            self.started(instance, running)
                        }
                        None => Input::Exited { instance, result: Status::E_PROCESS_ABORTED },
                    };
                    tell(state, input);
                }
                Output::Stop { instance, hard } => state.children.stop(instance, hard),
                Output::Close { connection } => {
                    // The future is dropped when the runtime comes to it, not here, where the scheduler is lent.
                    if let Some(serving) = self.connections.borrow_mut().remove(&connection.0) {
                        serving.abort();
                    }
                    // A future that the runtime has never come to says nothing when it is dropped.
                    state.scheduler.closed(connection);
                    state.accounts.disconnected(connection.0);
                }
                Output::Tell(event) => log::tell(event),
                Output::Sleep(deadline) => {
                    if let Err(error) = self.alarm.set(deadline) {
                        tracing::error!(%error, "the alarm cannot be set");
                    }
                    return;
                }
            }
        }
    }

    fn started(&self, instance: Guid, running: Running) -> Input {
        if let Some(me) = self.me.upgrade() {
            tokio::task::spawn_local(me.watch(instance, running.ended));
        }
        Input::Started { instance, process: running.pid }
    }

    /// Gives the store back, to close it.
    pub(super) fn into_store(self: Rc<Self>) -> Option<Records> {
        Rc::into_inner(self).map(|host| {
            let mut state = host.state.into_inner();
            state.accounts.untell_failures();
            let written = state.scheduler.engine().written();
            tracing::info!(records = written.records, bytes = written.bytes, deleted = written.deleted, "written");
            state.store
        })
    }
}

impl serve::Host for Host {
    fn lend(&self, borrow: &mut dyn FnMut(&mut Scheduler<'_>, Now, &Zone<'_>, &mut Ports<'_>)) {
        let mut state = self.state.borrow_mut();
        with_ports(&mut state, |scheduler, now, zone, ports| borrow(scheduler, now, zone, ports));
        self.drain(&mut state);
    }

    async fn hold(&self, connection: ConnectionId, step: &Step) -> bool {
        let held = {
            let mut state = self.state.borrow_mut();
            let now = state.clocks.now().monotonic;
            let held = state.accounts.hold(connection.0, step.login, now);
            if state.accounts.failures_changed() {
                self.failed.notify_one();
            }
            held
        };
        match held {
            Hold::Not => true,
            Hold::Close => false,
            // Without a timer nothing is waited for: whoever must wait would not.
            Hold::For(span) => match Delay::new() {
                Ok(mut delay) => {
                    delay.wait(Duration::from_millis(span)).await;
                    true
                }
                Err(_) => false,
            },
        }
    }
}

fn with_ports<R>(
    state: &mut State,
    then: impl FnOnce(&mut Scheduler<'static>, Now, &Zone<'_>, &mut Ports<'_>) -> R,
) -> R {
    let State { scheduler, store, accounts, secrets, clocks, zone, .. } = state;
    let mut ports = Ports { store, entropy: &mut Kernel, accounts, sessions: &NoSessions, secrets };
    then(scheduler, clocks.now(), &zone.zone(), &mut ports)
}

fn tell(state: &mut State, input: Input) {
    with_ports(state, |scheduler, now, zone, ports| scheduler.input(now, zone, input, ports));
}

/// Waits until a pidfd is readable. If the runtime has no room for it, a thread waits.
async fn wait_for(ended: OwnedFd) {
    match readable(ended) {
        Ok(handle) => {
            let _ = handle.readable().await;
        }
        Err(error) => {
            let (ended, _) = error.into_parts();
            in_thread(move || {
                let _ = poll(&mut [PollFd::new(&ended, PollFlags::IN)], None);
            })
            .await;
        }
    }
}

/// Waits for so long. If the kernel has no timer to give, a thread waits.
async fn pause(span: Duration) {
    match Delay::new() {
        Ok(mut delay) => delay.wait(span).await,
        Err(_) => in_thread(move || thread::sleep(span)).await,
    }
}

async fn in_thread(wait: impl FnOnce() + Send + 'static) {
    let (done, waiting) = oneshot::channel::<()>();
    let thread = thread::Builder::new().spawn(move || {
        wait();
        drop(done);
    });
    match thread {
        // It ends by letting go of its side.
        Ok(_) => drop(waiting.await),
        Err(_) => tokio::task::yield_now().await,
    }
}

/// Starts the current action of an instance.
fn start(state: &mut State, instance: Guid) -> Result<Running, Status> {
    let State { scheduler, store, accounts, secrets, clocks, zone, children, action, arguments } = state;
    let (now, zone) = (clocks.now(), zone.zone());
    let mut ports = Ports { store, entropy: &mut Kernel, accounts, sessions: &NoSessions, secrets };
    let run_as = scheduler.run_as(now, &zone, instance, &mut ports).map_err(Refused::status)?;
    let command = match scheduler.action(now, &zone, instance, &mut ports, action).map_err(Refused::status)? {
        Work::Command(command) => command,
        // There are no objects here that could handle it, nobody who sends mail, and nobody to show anything to.
        Work::Handler(_) | Work::Email(_) | Work::Message(_) => return Err(Status::E_NOT_SUPPORTED),
    };
    let arguments = scheduler.arguments(now, &zone, instance, &mut ports, arguments).map_err(Refused::status)?;
    let user = unix_user(accounts, run_as.whom, instance)?;
    children.start(instance, &command, arguments, &user, run_as.run_level)
}

/// The Unix user that an action runs as.
fn unix_user(accounts: &mut AccountFile, whom: Whom, instance: Guid) -> Result<Credentials, Status> {
    let sid = match whom {
        Whom::User(sid) => sid,
        Whom::Other(user) => {
            let sid = accounts.sid_of(user).ok_or(Status::SCHED_E_ACCOUNT_NAME_NOT_FOUND)?;
            // Of whom a task names, the core has looked.
            if !sid.is_service() && accounts.by_sid(&sid).is_none_or(|account| account.disabled) {
                return Err(Status::E_LOGON_FAILURE);
            }
            sid
        }
        // No sessions are known here, so nobody is logged on.
        Whom::Member(_) => return Err(Status::SCHED_E_USER_NOT_LOGGED_ON),
    };
    accounts.unix_user(&sid).map_err(|error| {
        tracing::warn!(%instance, %sid, %error, "an action is not run");
        Status::SCHED_E_UNSUPPORTED_ACCOUNT_OPTION
    })
}
