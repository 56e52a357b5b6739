//! The firmware: one loop that owns everything, asks the engine what is due, does it, and sleeps.

use cortex_m::asm::wfi;
use cortex_m_rt::{entry, exception};
use defmt_semihosting as _;
use mainspring::{
    engine::{Context, Engine, InstanceSlot, Memory, Order, TaskSlot, Work},
    event::Event,
    ports::{Entropy, NoEntropy, NoSessions},
    status::Status,
    time::{Monotonic, Now, Timestamp, zone::Zone},
};
use mainspring_embassy::flash::{Blocking, Damage, FlashStore};
use static_cell::{ConstStaticCell, StaticCell};

use crate::{
    board::{self, Interrupt},
    faults,
    nor::{Cut, HostNor, PAGE, PAGES},
    note,
    semihosting::{self, Arguments},
    timers,
};

/// Tasks and folders there may be.
const TASKS: usize = 32;
/// Runs that may wait at once; each is done before the next begins.
const INSTANCES: usize = 4;
/// Records of what happened.
const HISTORY: u32 = 8;
/// Bytes of the longest definition with its entry.
const RECORD: usize = 1536;
/// Items of the flash: definition, entry and state of each task, what runs, the history, and some that were just deleted.
const KEYS: usize = 3 * TASKS + INSTANCES + 16 + HISTORY as usize;
/// Milliseconds that it takes to copy what counts in a page, and to erase it.
const MOVE: u64 = 100;
/// Bytes of a command with its arguments.
const TEXT: usize = 256;

type Flash = FlashStore<'static, Blocking<HostNor>, { PAGES - 2 }, KEYS>;

/// Identifiers of instances need to be different and not secret, since nobody can ask for them: they are counted from the
/// moment of the start. A device that is asked over a network needs a source of random bytes.
struct Counter(u64);

impl Entropy for Counter {
    fn fill(&mut self, into: &mut [u8]) -> Result<(), NoEntropy> {
        for chunk in into.chunks_mut(8) {
            self.0 = self.0.wrapping_add(1);
            chunk.iter_mut().zip(self.0.to_le_bytes()).for_each(|(byte, of)| *byte = of);
        }
        Ok(())
    }
}

/// Milliseconds since the start.
fn monotonic() -> Monotonic {
    Monotonic(critical_section::with(timers::micros) / 1000)
}

/// The clock on the wall, as the host has it in whole seconds; a device would ask a battery-backed clock. It goes on by the
/// count of milliseconds.
struct Wall {
    known: Timestamp,
    at: Monotonic,
}

impl Wall {
    fn read() -> Self {
        let begun = semihosting::time();
        loop {
            let now = semihosting::time();
            if now != begun {
                return Self { known: Timestamp::from_seconds(now.into()), at: monotonic() };
            }
        }
    }

    fn now(&self) -> Now {
        let monotonic = monotonic();
        let passed = i64::try_from(monotonic.0.saturating_sub(self.at.0)).unwrap_or(i64::MAX);
        Now { monotonic, wall: Some(self.known.plus(passed)) }
    }
}

/// Takes the flash over, or says why not and ends.
#[inline(never)]
fn mount(file: &str) -> &'static mut Flash {
    static STORE: StaticCell<Flash> = StaticCell::new();
    static LONGEST: ConstStaticCell<[u8; RECORD]> = ConstStaticCell::new([0; RECORD]);
    let Ok(nor) = HostNor::open(file, PAGES, Cut::default()) else {
        defmt::error!("the file of the flash cannot be used");
        semihosting::exit(2);
    };
    let range = 0..(PAGES * PAGE) as u32;
    match Flash::mount_in(STORE.uninit(), Blocking(nor), range, LONGEST.take(), Damage::Refuse) {
        Ok(store) => store,
        Err(error) => {
            defmt::error!("the flash is refused: {}", error);
            semihosting::exit(2);
        }
    }
}

/// The alarm is all that interrupts.
#[exception]
unsafe fn DefaultHandler(ordinal: i16) {
    if ordinal == Interrupt::Timer0 as i16 { timers::clear() } else { faults::unexpected(ordinal) }
}

#[entry]
fn main() -> ! {
    timers::start();
    defmt::info!("boot of {=str}, without an allocator", board::NAME);
    let arguments = Arguments::read();
    let store = mount(arguments.value("flash").unwrap_or("flash.bin"));

    static SLOTS: ConstStaticCell<[TaskSlot; TASKS]> = ConstStaticCell::new([TaskSlot::UNUSED; TASKS]);
    static INDEX: ConstStaticCell<[u32; 2 * TASKS]> = ConstStaticCell::new([0; 2 * TASKS]);
    static QUEUE: ConstStaticCell<[u32; 3 * TASKS]> = ConstStaticCell::new([0; 3 * TASKS]);
    static RUNS: ConstStaticCell<[InstanceSlot; INSTANCES]> = ConstStaticCell::new([InstanceSlot::UNUSED; INSTANCES]);
    static DEFINITION: ConstStaticCell<[u8; RECORD]> = ConstStaticCell::new([0; RECORD]);
    let mut engine = Engine::new(Memory {
        tasks: SLOTS.take(),
        index: INDEX.take(),
        queue: QUEUE.take(),
        instances: RUNS.take(),
        record: DEFINITION.take(),
        credentials: &mut [],
        history: HISTORY,
    });
    let (zone, wall) = (Zone::UTC, Wall::read());
    let mut entropy = Counter(wall.known.0.cast_unsigned());

    let loaded = engine.load(&mut Context {
        now: wall.now(),
        zone: &zone,
        store: &mut *store,
        entropy: &mut entropy,
        sessions: &NoSessions,
    });
    match loaded {
        Ok(loaded) => defmt::info!(
            "{=u32} tasks, {=u32} runs broken off, {=u32} records damaged",
            loaded.tasks,
            loaded.recovering,
            loaded.damaged
        ),
        Err(error) => {
            defmt::error!("the flash is refused: {}", error);
            semihosting::exit(2);
        }
    }
    loop {
        let mut cx =
            Context { now: wall.now(), zone: &zone, store: &mut *store, entropy: &mut entropy, sessions: &NoSessions };
        engine.tick(&mut cx);
        while let Some(order) = engine.order() {
            cx.now = wall.now();
            obey(&mut engine, &mut cx, order);
        }
        while let Some(event) = engine.event() {
            match event {
                Event::RecordDamaged { .. } | Event::StoreFailed { .. } => defmt::error!("{}", event),
                Event::Skipped { .. } | Event::Lost { .. } => defmt::warn!("{}", event),
                _ => defmt::debug!("{}", event),
            }
        }
        // While nothing is due, flash is erased for what comes next. What fails is told by the call that needs it.
        while left(&engine, wall.now()) > MOVE && store.tidy().is_ok_and(|more| more) {}
        sleep(left(&engine, wall.now()));
    }
}

/// Milliseconds until the engine wants to be asked again.
fn left(engine: &Engine<'_>, now: Now) -> u64 {
    let deadline = engine.deadline();
    let monotonic = deadline.monotonic.map(|at| at.0.saturating_sub(now.monotonic.0));
    let wall = deadline.wall.zip(now.wall).map(|(at, now)| u64::try_from(at.0.saturating_sub(now.0)).unwrap_or(0));
    monotonic.into_iter().chain(wall).min().unwrap_or(u64::MAX)
}

/// Sleeps for so many milliseconds, or until the alarm rings at the latest.
fn sleep(milliseconds: u64) {
    if milliseconds > 0 {
        timers::ring_after(milliseconds.saturating_mul(1000));
        wfi();
    }
}

/// Does what the engine wants done. An action is over when its function returns, so there is never one to be stopped.
fn obey(engine: &mut Engine<'_>, cx: &mut Context<'_>, order: Order) {
    match order {
        Order::Start { instance } => {
            let mut text = [0; TEXT];
            match engine.action(cx, instance, &mut text) {
                Ok(Work::Command(command)) => {
                    engine.started(cx, instance, 0);
                    let result = act(command.command, command.arguments, cx.now);
                    engine.exited(cx, instance, result);
                }
                Ok(Work::Handler(_) | Work::Email(_) | Work::Message(_)) => {
                    engine.start_failed(cx, instance, Status::E_NOT_SUPPORTED)
                }
                Err(refused) => engine.start_failed(cx, instance, refused.status()),
            }
        }
        // Nothing runs on while the power is off.
        Order::Recover { instance } => engine.exited(cx, instance, Status::E_PROCESS_ABORTED),
        Order::Stop { .. } => {}
    }
}

/// The actions of this firmware: a demonstration has nothing to switch. `log WORDS…` writes them to the log, with the time.
fn act(command: &str, arguments: &str, now: Now) -> Status {
    match command {
        "log" => {
            note::write(now.wall, arguments);
            Status::S_OK
        }
        _ => {
            defmt::warn!("there is no action of the name {=str}", command);
            Status::E_FILE_NOT_FOUND
        }
    }
}
