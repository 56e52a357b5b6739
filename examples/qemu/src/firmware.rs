//! The firmware: brings its parts together and starts its tasks. What a firmware for another board changes is in the parts.

use core::{
    mem::MaybeUninit,
    net::{Ipv4Addr, SocketAddrV4},
};

use cortex_m_rt::entry;
use defmt_semihosting as _;
use embassy_executor::{SpawnError, Spawner};
use embassy_net::{Config as NetConfig, IpEndpoint, Ipv4Cidr, Runner, Stack, StackResources, StaticConfigV4};
use embassy_time::Duration;
use mainspring::{
    auth::Identity,
    scheduler::Config,
    time::{Now, Timestamp, zone::Zone},
    tsch,
};
use mainspring_embassy::{
    accounts::{AccountBook, BuiltIn, Kept, Secret},
    entropy::Seeded,
    flash::{Blocking, Damage, FlashStore},
    host::{Host, Parts},
    log::{Defmt, Log, Told},
    memory::Memory,
    net::{Listener, SocketMemory, serve_socket},
    sntp::{Sntp, SntpMemory, keep_wall_clock},
    wall::Rtc,
};
use static_cell::{ConstStaticCell, StaticCell};

use crate::{
    actions::Demo,
    board, clock, executor,
    heap::Heap,
    lan9118::Lan9118,
    nor::{Cut, HostNor, PAGE, PAGES},
    semihosting::{self, Arguments, File},
    sizes::{CALL, CALLS, CONNECTIONS, FRAGMENT, HEAP, IMAGE, INSTANCES, KEYS, RECORD, REPLY, RUNNERS, TASKS, TEXT},
    stack,
};

type Flash = FlashStore<'static, Blocking<HostNor>, { PAGES - 2 }, KEYS>;
type Socket = SocketMemory<1072, 1072, { FRAGMENT as usize }>;

/// Used while a task XML is read, and empty otherwise.
#[global_allocator]
static ALLOCATOR: Heap = Heap::empty();

/// A demonstration: whoever reads this file gets in.
static ACCOUNTS: [BuiltIn; 1] = [BuiltIn {
    name: "alice",
    number: 500,
    secret: Secret::Password("Passw0rd!"),
    administrator: true,
    disabled: false,
}];

/// The host's clock, which goes on while the emulator does not run.
struct HostClock;

impl Rtc for HostClock {
    /// It shows whole seconds; one that just begins is waited for.
    fn read(&mut self) -> Option<Timestamp> {
        let begun = semihosting::time();
        let now = loop {
            let now = semihosting::time();
            if now != begun {
                break now;
            }
        };
        Some(Timestamp::from_seconds(now.into()))
    }

    /// The host knows better.
    fn write(&mut self, _: Timestamp) {}
}

/// Says in the words that `run` promises that calls are answered, and hands everything else to `defmt`.
struct Said {
    listening: bool,
}

impl Log for Said {
    fn tell(&mut self, now: Now, told: &Told<'_>) {
        match told {
            // The other sockets listen before the network is looked at again.
            Told::Listening { port } if !self.listening => {
                defmt::info!("listening on 127.0.0.1:{=u16}", port);
                self.listening = true;
            }
            _ => Defmt.tell(now, told),
        }
    }
}

#[embassy_executor::task]
async fn run_network(mut runner: Runner<'static, &'static mut Lan9118>) -> ! {
    runner.run().await
}

#[embassy_executor::task(pool_size = CONNECTIONS)]
async fn serve(host: &'static Host<'static>, stack: Stack<'static>, port: u16, memory: &'static mut Socket) -> ! {
    serve_socket(host, stack, Listener::services(port), memory.lend()).await
}

#[embassy_executor::task]
async fn keep_time(host: &'static Host<'static>) -> ! {
    host.keep_time().await
}

#[embassy_executor::task(pool_size = RUNNERS)]
async fn run_actions(host: &'static Host<'static>, text: &'static mut [u8; TEXT]) -> ! {
    host.run_actions(&Demo, text).await
}

#[embassy_executor::task]
async fn ask_time(host: &'static Host<'static>, stack: Stack<'static>, server: IpEndpoint) -> ! {
    static MEMORY: ConstStaticCell<SntpMemory> = ConstStaticCell::new(SntpMemory::new());
    let servers = [server];
    let config = Sntp { interval: Duration::from_secs(64), ..Sntp::new(&servers) };
    keep_wall_clock(host, stack, config, MEMORY.take()).await
}

/// The seed of all random bytes. The boards have no source of them, so it comes from the host.
fn seed() -> Seeded {
    let mut seed = [0; 32];
    match File::open("/dev/urandom").and_then(|file| file.read(&mut seed)) {
        Ok(()) => Seeded::new(seed),
        Err(_) => {
            defmt::error!("the host gives no random bytes, so nobody can log in");
            Seeded::unseeded()
        }
    }
}

/// What is known when everything but the network stands.
struct Prepared {
    host: &'static Host<'static>,
    port: u16,
    ntp: Option<SocketAddrV4>,
    /// For the network's own numbers.
    seed: u64,
}

#[entry]
fn main() -> ! {
    stack::paint();
    clock::start();
    let arguments = Arguments::read();
    defmt::info!(
        "boot of {=str}; a demonstration: its account is in the firmware, its random bytes come from the host",
        board::NAME
    );
    let damage = if arguments.value("salvage").is_some() { Damage::GiveUp } else { Damage::Refuse };
    let cut = Cut { steps: arguments.number("cut"), erases: arguments.number("cut-erase") };
    let pages = arguments.number("pages").map_or(PAGES, |pages| pages as usize);
    let store = mount(arguments.value("flash").unwrap_or("flash.bin"), pages, cut, damage);
    let prepared = prepare(&arguments, store);
    executor::run(|spawner| {
        if let Err(SpawnError::Busy) = spawn(spawner, prepared) {
            defmt::error!("a task cannot be started: its pool is too small");
            semihosting::exit(4);
        }
    });
}

/// Takes the flash over, or says why not and ends. It is a function of its own so that what it needs of the stack is given
/// back before anything else is made.
#[inline(never)]
fn mount(file: &str, pages: usize, cut: Cut, damage: Damage) -> &'static mut Flash {
    static STORE: StaticCell<Flash> = StaticCell::new();
    static LONGEST: ConstStaticCell<[u8; RECORD]> = ConstStaticCell::new([0; RECORD]);
    let nor = match HostNor::open(file, pages, cut) {
        Ok(nor) => nor,
        Err(_) => {
            defmt::error!("the file of the flash cannot be used");
            semihosting::exit(2);
        }
    };
    match Flash::mount_in(STORE.uninit(), Blocking(nor), 0..(pages * PAGE) as u32, LONGEST.take(), damage) {
        Ok(store) => store,
        Err(error) => {
            defmt::error!("the flash is refused: {}", error);
            semihosting::exit(2);
        }
    }
}

/// Makes everything. It is a function of its own so that what it needs of the stack is given back before anything runs.
#[inline(never)]
fn prepare(arguments: &Arguments, store: &'static mut Flash) -> Prepared {
    static MEMORY_OF_HEAP: ConstStaticCell<[MaybeUninit<u8>; HEAP]> =
        ConstStaticCell::new([const { MaybeUninit::uninit() }; HEAP]);
    ALLOCATOR.give(MEMORY_OF_HEAP.take());
    let port = arguments.number("port").and_then(|port| u16::try_from(port).ok()).unwrap_or(49664);

    let (found, space) = (store.mounted(), store.space());
    defmt::info!(
        "flash: {=u32} of {=u32} bytes used by {=usize} items{=str}",
        space.used,
        space.capacity,
        space.keys,
        if found.torn { ", mended after a power cut" } else { "" }
    );
    if found.damaged > 0 {
        defmt::warn!("flash: {=u32} places were damaged and are given up; look at the tasks", found.damaged);
    }
    static MEMORY: ConstStaticCell<Memory<TASKS, INSTANCES, CONNECTIONS, CALLS, CALL, REPLY, IMAGE, RECORD>> =
        ConstStaticCell::new(Memory::new());
    static ENTROPY: StaticCell<Seeded> = StaticCell::new();
    static PLACES: ConstStaticCell<[Option<Kept>; 0]> = ConstStaticCell::new([]);
    static BOOK: StaticCell<AccountBook<'static>> = StaticCell::new();
    static REF: StaticCell<&'static AccountBook<'static>> = StaticCell::new();
    static CLOCK: ConstStaticCell<HostClock> = ConstStaticCell::new(HostClock);
    static LOG: ConstStaticCell<Said> = ConstStaticCell::new(Said { listening: false });
    static HOST: StaticCell<Host<'static>> = StaticCell::new();
    let ntp = arguments.value("ntp").and_then(|server| server.parse().ok());
    let entropy = ENTROPY.init(seed());
    let mut random = [0; 8];
    let _ = mainspring::ports::Entropy::fill(entropy, &mut random);
    let host = HOST.init(Host::new(Parts {
        memory: MEMORY.take().lend(),
        config: Config {
            identity: Identity { netbios_name: "MAINSPRING", dns_name: "mainspring" },
            endpoints: &[],
            version: tsch::VERSION,
            fragment: FRAGMENT,
        },
        zone: Zone::UTC,
        store,
        entropy,
        accounts: REF.init(BOOK.init(AccountBook::new(&ACCOUNTS, PLACES.take()))),
        log: LOG.take(),
        // Who asks a time server does not believe another clock.
        rtc: if ntp.is_none() { Some(CLOCK.take()) } else { None },
    }));
    match host.start() {
        Ok(loaded) => defmt::info!(
            "{=u32} tasks, {=u32} folders, {=u32} runs broken off, {=u32} records damaged",
            loaded.tasks,
            loaded.folders,
            loaded.recovering,
            loaded.damaged
        ),
        Err(error) => {
            defmt::error!("the flash is refused: {}", error);
            semihosting::exit(2);
        }
    }
    Prepared { host, port, ntp, seed: u64::from_le_bytes(random) }
}

/// Starts the network and all tasks.
#[inline(never)]
fn spawn(spawner: Spawner, prepared: Prepared) -> Result<(), SpawnError> {
    let Prepared { host, port, ntp, seed } = prepared;
    static DRIVER: ConstStaticCell<Lan9118> = ConstStaticCell::new(Lan9118::new());
    static RESOURCES: StaticCell<StackResources<{ CONNECTIONS + 1 }>> = StaticCell::new();
    static SOCKETS: ConstStaticCell<[Socket; CONNECTIONS]> =
        ConstStaticCell::new([const { Socket::new() }; CONNECTIONS]);
    static TEXTS: ConstStaticCell<[[u8; TEXT]; RUNNERS]> = ConstStaticCell::new([[0; TEXT]; RUNNERS]);

    let driver = DRIVER.take();
    if let Err(fault) = driver.start() {
        defmt::error!("the network does not work: {}", fault);
        semihosting::exit(3);
    }
    // As QEMU's own network has it.
    let address = Ipv4Cidr::new(Ipv4Addr::new(10, 0, 2, 15), 24);
    let config = NetConfig::ipv4_static(StaticConfigV4 {
        address,
        gateway: Some(Ipv4Addr::new(10, 0, 2, 2)),
        dns_servers: Default::default(),
    });
    let (stack, runner) = embassy_net::new(driver, config, RESOURCES.init(StackResources::new()), seed);
    spawner.spawn(run_network(runner)?);
    spawner.spawn(keep_time(host)?);
    for memory in SOCKETS.take() {
        spawner.spawn(serve(host, stack, port, memory)?);
    }
    for text in TEXTS.take() {
        spawner.spawn(run_actions(host, text)?);
    }
    if let Some(server) = ntp {
        spawner.spawn(ask_time(host, stack, IpEndpoint::new((*server.ip()).into(), server.port()))?);
    }
    Ok(())
}
