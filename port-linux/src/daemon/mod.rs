//! The server: one thread that listens, runs actions and keeps time.
//!
//! Everything happens on one thread and in turn, so nothing is locked and a call costs what it does: the bytes are read,
//! the core answers, the answer is written. A change of the store is flushed before its call is answered, and the others
//! wait for that.

mod demo;
mod host;
mod listen;
mod log;
mod memory;
mod start;

use std::{
    io::{self, Write},
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    rc::Rc,
    time::Duration,
};

use mainspring::{
    auth::Identity,
    epm,
    guid::Guid,
    limits::FRAGMENT_MAX,
    ports::StoreError,
    scheduler::{Config, Endpoint, Scheduler},
    tsch,
};
use rustix::process::{Resource, Rlimit};
use tokio::{
    net::TcpListener,
    runtime::{Builder, LocalOptions},
    signal::unix::{SignalKind, signal},
};

use crate::{
    accounts::{AccountError, AccountFile, UnixUsers},
    children::{Children, UserError},
    clock::Delay,
    folder::{Folder, FolderError},
    secrets::SealedSecrets,
    store::Records,
    zone::{LocalZone, ZoneError},
};
use host::{Host, State};
use start::MachineStart;

pub use log::start as start_log;

/// How long children have to end by themselves once the server shall end. The core ends them for good after
/// [`STOP_TIME`](mainspring::limits::STOP_TIME); this is for those that even then are there.
const PATIENCE: Duration = Duration::from_secs(8);

/// How long to wait for children that were ended for good.
const LAST: Duration = Duration::from_secs(1);

/// The user that actions of a demonstration run as, if the server is root.
const NOBODY: &str = "nobody";

/// The most characters of a NetBIOS name.
const NETBIOS: usize = 15;

/// What `serve` is asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// The data folder; a demonstration makes a temporary one if there is none.
    pub data: Option<PathBuf>,
    /// Where to listen; a demonstration picks a free port of the loopback interface if it is not said.
    pub listen: Option<SocketAddr>,
    /// Where the endpoint mapper listens too.
    pub epm: Option<SocketAddr>,
    /// Tasks and folders there may be.
    pub max_tasks: usize,
    /// The Unix users that actions run as whose principals name none.
    pub users: UnixUsers,
    /// Whether to make an account and a task, and say how to try them.
    pub demo: bool,
}

/// Why the server could not start, or had to end.
#[derive(Debug)]
pub enum ServeError {
    /// No data folder was named.
    NoFolder,
    /// No address to listen at was named.
    NoAddress,
    /// A user that actions shall run as.
    User(UserError),
    /// The data folder.
    Folder(FolderError),
    /// The accounts.
    Accounts(AccountError),
    /// The database could not be opened.
    Database(redb::DatabaseError),
    /// The records could not be read.
    Store(StoreError),
    /// The variable `TZ` names no zone.
    Zone(ZoneError),
    /// It is not possible to listen there.
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// The system refused something else.
    Io(io::Error),
}

impl std::fmt::Display for ServeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoFolder => f.write_str("no data folder: name one with --data"),
            Self::NoAddress => f.write_str("no address to listen at: name one with --listen"),
            Self::User(error) => error.fmt(f),
            Self::Folder(error) => error.fmt(f),
            Self::Accounts(error) => error.fmt(f),
            Self::Database(redb::DatabaseError::DatabaseAlreadyOpen) => {
                f.write_str("data folder is held by another server")
            }
            Self::Database(error) => write!(f, "database cannot be opened: {error}"),
            Self::Store(error) => write!(f, "records cannot be read: {error}"),
            Self::Zone(error) => write!(f, "zone of local times: {error}"),
            Self::Listen { address, error } => write!(f, "cannot listen at {address}: {error}"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ServeError {}

macro_rules! from {
    ($($variant:ident($error:ty)),*) => {
        $(impl From<$error> for ServeError {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        })*
    };
}

from!(
    User(UserError),
    Folder(FolderError),
    Accounts(AccountError),
    Database(redb::DatabaseError),
    Store(StoreError),
    Zone(ZoneError),
    Io(io::Error)
);

/// Serves until the process is asked to end.
///
/// # Errors
/// [`ServeError`] if it cannot start, or if the kernel refuses what it cannot do without.
pub fn serve(options: &Options) -> Result<(), ServeError> {
    let temporary = match (&options.data, options.demo) {
        (None, true) => Some(tempfile::Builder::new().prefix("mainspring-").tempdir()?),
        _ => None,
    };
    let data = match (&options.data, &temporary) {
        (Some(data), _) => data.clone(),
        (None, Some(temporary)) => temporary.path().join("data"),
        (None, None) => return Err(ServeError::NoFolder),
    };
    let listen = match (options.listen, options.demo) {
        (Some(address), _) => address,
        (None, true) => SocketAddr::from(([127, 0, 0, 1], 0)),
        (None, false) => return Err(ServeError::NoAddress),
    };
    let is_root = rustix::process::geteuid().is_root();
    let mut users = options.users.clone();
    if is_root && options.demo {
        users.actions.get_or_insert_with(|| NOBODY.to_owned());
    }
    let zone = LocalZone::of_server()?;
    let mut folder = Folder::open(&data)?;
    folder.hold()?;
    let limit = raise_limit();
    let mut accounts = AccountFile::open(&folder)?;
    tracing::info!(data = %data.display(), "starting");
    tell_users(&users, is_root);
    accounts.stand_in(users)?;
    let secrets = SealedSecrets::open(&folder);
    let records = folder.file("records");
    let store =
        patiently(|| Records::open(&records), |error| matches!(error, redb::DatabaseError::DatabaseAlreadyOpen))?;
    // Nobody watches them yet, and conditions of tasks are held against this.
    tracing::info!("the machine counts as one on mains, with a network, never idle, without sessions and events");
    let children = Children::new(&folder.file("running"), limit)?;

    let runtime = Builder::new_current_thread().enable_io().build_local(LocalOptions::default())?;
    let max_tasks = options.max_tasks;
    let (epm, demo) = (options.epm, options.demo);
    runtime.block_on(async move {
        let done = tokio::task::spawn_local(async move {
            let main = bind(listen)?;
            let main_at = main.local_addr()?;
            let mapper = match epm {
                Some(address) => {
                    let listener = bind(address)?;
                    let at = listener.local_addr()?;
                    Some((listener, at))
                }
                None => None,
            };
            let scheduler = Scheduler::new(memory::lend(max_tasks), config(main_at));
            let host = Host::new(State::new(scheduler, store, accounts, secrets, children, zone))?;
            let start = MachineStart::read(folder.file("boot"));
            host.start(start.is_new())?;
            start.note()?;
            run(&host, main, mapper, demo.then_some(&folder)).await?;
            if let Some(store) = host.into_store() {
                store.close()?;
            }
            Ok(())
        });
        done.await.map_err(io::Error::from)?
    })
}

/// Tells as whom actions run.
fn tell_users(users: &UnixUsers, is_root: bool) {
    let UnixUsers { actions, system, services } = users;
    tracing::info!(?actions, ?system, ?services, "Unix users that actions run as, besides those of accounts");
    if !is_root {
        tracing::info!("the server is not root, so nothing runs as another user than its own");
    } else if actions.is_none() {
        tracing::info!(
            "what nobody stands for does not run: --actions-as names who stands for all of that, --system-as for SYSTEM"
        );
    }
}

fn bind(address: SocketAddr) -> Result<TcpListener, ServeError> {
    patiently(|| listen::bind(address), |error| error.kind() == io::ErrorKind::AddrInUse)
        .map_err(|error| ServeError::Listen { address, error })
}

/// Tries again for a second while something is in use. A server that is killed while it starts a child leaves its files
/// and ports to that child until the child runs its program, and the next server may be quicker than that.
fn patiently<T, E>(mut attempt: impl FnMut() -> Result<T, E>, in_use: impl Fn(&E) -> bool) -> Result<T, E> {
    for _ in 0..50 {
        match attempt() {
            Err(error) if in_use(&error) => std::thread::sleep(Duration::from_millis(20)),
            done => return done,
        }
    }
    attempt()
}

/// Listens and keeps time until a signal comes, and then ends in order.
async fn run(
    host: &Rc<Host>,
    main: TcpListener,
    mapper: Option<(TcpListener, SocketAddr)>,
    demo: Option<&Folder>,
) -> Result<(), ServeError> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let main_at = main.local_addr()?;
    let mut background = tokio::task::JoinSet::new();
    background.spawn_local(listen::listen(Rc::clone(host), main, Delay::new()?, Endpoint::Services));
    say(&format!("listening on {main_at}"));
    if let Some((listener, at)) = mapper {
        background.spawn_local(listen::listen(Rc::clone(host), listener, Delay::new()?, Endpoint::Mapper));
        say(&format!("endpoint mapper listening on {at}"));
    }
    background.spawn_local({
        let host = Rc::clone(host);
        async move { host.keep_zone().await }
    });
    background.spawn_local({
        let host = Rc::clone(host);
        async move { host.tell_failures().await }
    });
    if let Some(folder) = demo {
        demo::prepare(folder, main_at)?;
    }
    let mut delay = Delay::new()?;
    let stopping = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("ending");
        background.shutdown().await;
        host.shut_down();
        for patience in [PATIENCE, LAST] {
            tokio::select! {
                () = host.all_ended() => {}
                () = delay.wait(patience) => host.kill_all(),
            }
        }
    };
    tokio::select! {
        error = host.keep_time() => Err(error.into()),
        () = stopping => Ok(()),
    }
}

/// The names and endpoints of this server. There is one for each process, and it lives as long.
fn config(main: SocketAddr) -> Config<'static> {
    let dns_name: &str = rustix::system::uname().nodename().to_string_lossy().into_owned().leak();
    let host = dns_name.split('.').next().unwrap_or(dns_name);
    let netbios_name = host.chars().take(NETBIOS).collect::<String>().to_uppercase().leak();
    let address = match main.ip() {
        IpAddr::V4(address) if !address.is_unspecified() => Some(address),
        _ => None,
    };
    let entry = epm::Entry {
        interface: tsch::INTERFACE.syntax,
        object: Guid::NIL,
        port: main.port(),
        address,
        annotation: "Task Scheduler",
    };
    Config {
        identity: Identity { netbios_name, dns_name },
        endpoints: Box::leak(Box::new([entry])),
        version: tsch::VERSION,
        fragment: FRAGMENT_MAX,
    }
}

/// Prints a line for whoever started the server. A closed standard output does not matter.
fn say(line: &str) {
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}

/// Takes as many descriptors as the system allows; what there was before, for the children.
fn raise_limit() -> Option<Rlimit> {
    let before = rustix::process::getrlimit(Resource::Nofile);
    let raised = Rlimit { current: before.maximum, maximum: before.maximum };
    rustix::process::setrlimit(Resource::Nofile, raised).is_ok().then_some(before)
}
