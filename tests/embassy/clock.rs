//! The time of day: unknown until it is set, taken from servers that may lie, and put right without going back.

use std::{cell::Cell, rc::Rc};

use embassy_net::{
    IpAddress, IpEndpoint, Ipv4Address, Stack,
    udp::{PacketMetadata, UdpSocket},
};
use embassy_time::{Duration, Instant, Timer};
use mainspring::time::Timestamp;
use mainspring_embassy::{
    sntp::{Sntp, SntpMemory, keep_wall_clock},
    wall::Rtc,
};
use mainspring_tests::{
    server::NEW_YEAR,
    world::{Task, daily, every, once},
};

use crate::{
    machine::{Machine, Made},
    wire::{Hub, Weather},
    world::{World, forever},
};

/// What a server does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Honest,
    Silent,
    /// Does not bring the request's number back.
    Guesses,
    /// Brings back a request instead of an answer.
    Mirror,
    /// Of a version that there is not.
    Version,
    /// Answers from another port.
    Stranger,
    /// Half an answer.
    Short,
    /// Sends whoever asks away.
    Away,
    /// Says that it does not know the time, in three ways.
    Lost,
    Stratum,
    NoTime,
    /// Is seconds away from its source, or may be wrong by as much.
    Distant,
    Dispersed,
    /// Sent the answer before it had the request.
    Backwards,
    /// Held the request for longer than the whole exchange took.
    Held,
    /// Takes a second for it.
    Late,
}

/// A time server, and what it believes.
#[derive(Clone)]
struct Server {
    manner: Rc<Cell<Manner>>,
    /// Microseconds that its time is ahead of the truth.
    ahead: Rc<Cell<i64>>,
    /// When it was asked.
    asked: Rc<Cell<u32>>,
}

/// The truth, in microseconds since 1970.
fn truth(at: Instant) -> i64 {
    NEW_YEAR.0 * 1000 + at.as_micros() as i64
}

/// A time as NTP has it, the era left out.
fn ntp(micros: i64) -> [u8; 8] {
    let (seconds, micros) = (micros.div_euclid(1_000_000) + 2_208_988_800, micros.rem_euclid(1_000_000));
    let fraction = (((micros << 32) + 999_999) / 1_000_000) as u32;
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&(seconds as u32).to_be_bytes());
    bytes[4..].copy_from_slice(&fraction.to_be_bytes());
    bytes
}

impl Server {
    /// A server with the address 10.0.0.`host`.
    fn new(world: &mut World, hub: &Hub, host: u8) -> Self {
        let (stack, _) = hub.stack(world, host);
        let server = Self {
            manner: Rc::new(Cell::new(Manner::Honest)),
            ahead: Rc::new(Cell::new(0)),
            asked: Rc::new(Cell::new(0)),
        };
        let serving = server.clone();
        world.spawn(async move { serving.serve(stack).await });
        server
    }

    fn address(host: u8) -> IpEndpoint {
        IpEndpoint::new(IpAddress::Ipv4(Ipv4Address::new(10, 0, 0, host)), 123)
    }

    async fn serve(&self, stack: Stack<'static>) {
        let socket = |port: u16| {
            let meta = || forever([PacketMetadata::EMPTY; 4]);
            let mut socket = UdpSocket::new(stack, meta(), forever([0; 512]), meta(), forever([0; 512]));
            socket.bind(port).unwrap();
            socket
        };
        let (own, other) = (socket(123), socket(124));
        let mut request = [0; 64];
        loop {
            let (length, from) = own.recv_from(&mut request).await.unwrap();
            self.asked.set(self.asked.get() + 1);
            assert_eq!(length, 48);
            let received = truth(Instant::now()) + self.ahead.get();
            let manner = self.manner.get();
            match manner {
                Manner::Late => Timer::after_secs(1).await,
                _ => Timer::after_millis(3).await,
            }
            let sent = truth(Instant::now()) + self.ahead.get();
            let mut answer = [0; 48];
            // No leap second, version 4, mode 4, stratum 2.
            answer[..2].copy_from_slice(&[4 << 3 | 4, 2]);
            answer[24..32].copy_from_slice(&request[40..48]);
            answer[32..40].copy_from_slice(&ntp(received));
            answer[40..].copy_from_slice(&ntp(sent));
            match manner {
                Manner::Honest | Manner::Late | Manner::Stranger | Manner::Short => {}
                Manner::Silent => continue,
                Manner::Guesses => answer[31] ^= 1,
                Manner::Mirror => answer = *request.first_chunk().unwrap(),
                Manner::Version => answer[0] = 4,
                Manner::Away => {
                    answer[1] = 0;
                    answer[12..16].copy_from_slice(b"RATE");
                }
                Manner::Lost => answer[0] |= 3 << 6,
                Manner::Stratum => answer[1] = 16,
                Manner::NoTime => answer[40..].fill(0),
                Manner::Distant => answer[5] = 3,
                Manner::Dispersed => answer[9] = 2,
                Manner::Backwards => answer[32..40].copy_from_slice(&ntp(sent + 1_000_000)),
                Manner::Held => answer[32..40].copy_from_slice(&ntp(sent - 1_000_000)),
            }
            let length = if manner == Manner::Short { 40 } else { 48 };
            let socket = if manner == Manner::Stranger { &other } else { &own };
            socket.send_to(&answer[..length], from.endpoint).await.unwrap();
        }
    }
}

/// A board that asks these servers every minute, over a network that takes five milliseconds each way.
fn boot(world: &mut World, made: Made, servers: u8) -> (Machine, Hub, Vec<Server>) {
    let machine = Machine::boot(world, made);
    let hub = Hub::new(1, Weather { lost: 0, doubled: 0, delay: (5, 5) });
    let (stack, _) = hub.stack(world, 1);
    let all = (0..servers).map(|number| Server::new(world, &hub, 10 + number)).collect();
    let addresses: Vec<_> = (0..servers).map(|number| Server::address(10 + number)).collect();
    let config = Sntp { interval: Duration::from_secs(60), ..Sntp::new(addresses.leak()) };
    let host = machine.host;
    world.spawn(keep_wall_clock(host, stack, config, forever(SntpMemory::new())));
    (machine, hub, all)
}

fn unknown() -> Made {
    Made { wall: None, ..Made::default() }
}

/// How many microseconds the board's clock is ahead of the truth, to the millisecond.
fn error(machine: &Machine) -> i64 {
    let now = Instant::now();
    machine.host.now().wall.expect("the time is known").0 * 1000 - (truth(now) - truth(now).rem_euclid(1000))
}

/// What the calendar says waits until the time is known, and what is due by then has been missed; the rest is on time.
#[test]
fn calendar_triggers_wait_for_the_time() {
    let mut world = World::new();
    let (machine, _, servers) = boot(&mut world, unknown(), 1);
    servers[0].manner.set(Manner::Silent);
    machine.register(r"\early", &Task::new("log").when(once("2030-01-01T00:00:10Z")));
    machine.register(r"\late", &Task::new("log").when(once("2030-01-01T00:05:00Z")));
    world.pass(Duration::from_secs(200));
    assert_eq!(machine.host.now().wall, None);
    assert_eq!(machine.diary.take(), []);
    servers[0].manner.set(Manner::Honest);
    world.pass(Duration::from_secs(99));
    assert_eq!(error(&machine), 0);
    assert_eq!(machine.diary.take(), []);
    world.pass(Duration::from_secs(2));
    let runs = machine.diary.take();
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0].now.wall, Some(NEW_YEAR.plus(300_000)));
    assert_eq!(runs[0].at, Instant::from_secs(300));
}

/// No answer that is wrong sets the clock; the next one that is right does.
#[test]
fn who_lies_is_not_believed() {
    use Manner::*;
    for (manner, refusal) in [
        (Silent, "Silence"),
        (Guesses, "Silence"),
        (Mirror, "Silence"),
        (Version, "Silence"),
        (Stranger, "Silence"),
        (Short, "Silence"),
        (Late, "Silence"),
        (Away, "SentAway([82, 65, 84, 69])"),
        (Lost, "Unsynchronised"),
        (Stratum, "Unsynchronised"),
        (NoTime, "Unsynchronised"),
        (Distant, "Distant"),
        (Dispersed, "Distant"),
        (Backwards, "Inconsistent"),
        (Held, "Inconsistent"),
    ] {
        let mut world = World::new();
        let (machine, _, servers) = boot(&mut world, unknown(), 1);
        servers[0].manner.set(manner);
        world.pass(Duration::from_secs(100));
        assert_eq!(machine.host.now().wall, None, "{manner:?}");
        assert!(machine.journal.has(&format!("why: {refusal}")), "{manner:?}: {:?}", machine.journal.lines.borrow());
        // It is asked again, but ever less often; who is sent away keeps to the interval.
        let expected = if manner == Away { 2..=2 } else { 5..=7 };
        assert!(expected.contains(&servers[0].asked.get()), "{manner:?}: asked {} times", servers[0].asked.get());
        servers[0].manner.set(Honest);
        world.pass(Duration::from_secs(60));
        assert_eq!(error(&machine), 0, "{manner:?}");
    }
}

/// Wrong answers that come before the right one do not keep it from being found.
#[test]
fn the_right_answer_is_found_among_wrong_ones() {
    let mut world = World::new();
    let (machine, hub, servers) = boot(&mut world, unknown(), 1);
    // Every frame comes twice, so that answers to earlier requests come late.
    hub.set_weather(Weather { lost: 0, doubled: 1000, delay: (1, 200) });
    world.pass(Duration::from_secs(130));
    assert!(servers[0].asked.get() >= 2);
    // Half of the round trip, which is what may be known; and what is being made up for.
    assert!(error(&machine).abs() <= 200_000);
}

/// The half of the round trip that is taken off is right when both ways take equally long, and never wrong by more.
#[test]
fn a_slow_network_is_allowed_for() {
    for delay in [(0, 0), (50, 50), (200, 200), (1, 100), (1, 200)] {
        let mut world = World::new();
        let (machine, hub, _) = boot(&mut world, unknown(), 1);
        hub.set_weather(Weather { lost: 0, doubled: 0, delay });
        // The first exchange was longer one way, and what it was wrong by is slewed.
        world.pass(Duration::from_secs(20));
        (0..680).for_each(|_| world.jump(Duration::from_secs(1)));
        let most = (delay.1 - delay.0) as i64 * 1000 / 2;
        assert!(error(&machine).abs() <= most, "{delay:?}: {}", error(&machine));
    }
}

/// Another server is asked when one does not answer, or not well.
#[test]
fn the_next_server_is_asked() {
    let mut world = World::new();
    let (machine, _, servers) = boot(&mut world, unknown(), 3);
    servers[0].manner.set(Manner::Silent);
    servers[1].manner.set(Manner::Away);
    world.pass(Duration::from_secs(25));
    assert_eq!(error(&machine), 0);
    assert_eq!(servers.iter().map(|server| server.asked.get()).collect::<Vec<_>>(), [1, 1, 2]);
    // The one that answered is kept.
    world.pass(Duration::from_secs(300));
    assert_eq!((servers[0].asked.get(), servers[1].asked.get()), (1, 1));
    assert!(servers[2].asked.get() >= 5);
}

/// NTP's seconds begin anew in 2036.
#[test]
fn the_next_era_is_understood() {
    for year in ["2036-02-07T06:28:15Z", "2036-02-07T06:28:16Z", "2050-01-01T00:00:00Z", "2155-01-01T00:00:00Z"] {
        let mut world = World::new();
        let (machine, _, servers) = boot(&mut world, unknown(), 1);
        let then = mainspring_tests::world::at(year);
        servers[0].ahead.set(then.since(NEW_YEAR) * 1000);
        world.pass(Duration::from_secs(30));
        assert_eq!(machine.host.now().wall, Some(then.plus(30_000)), "{year}");
    }
}

/// A clock that is a little off goes faster or slower until it is right: it never goes back, and what is due meanwhile is due by
/// what it shows.
#[test]
fn a_small_error_is_slewed() {
    for off in [450_000, -450_000] {
        let mut world = World::new();
        let (machine, _, servers) = boot(&mut world, unknown(), 1);
        world.pass(Duration::from_secs(30));
        assert_eq!(error(&machine), 0);
        machine.register(r"\beat", &Task::new("log").when(every(daily("2030-01-01T00:00:00Z"), 1, None)));
        servers[0].ahead.set(off);
        let mut last = machine.host.now().wall;
        machine.diary.take();
        for _ in 0..1000 {
            world.pass(Duration::from_secs(1));
            let wall = machine.host.now().wall;
            assert!(wall > last, "the clock went back");
            last = wall;
        }
        // By one part in 2,000, of which there were a thousand seconds.
        assert!((error(&machine) - off).abs() <= 2_000, "{off}: {}", error(&machine));
        assert!(machine.journal.has("ClockSlewed"));
        assert_eq!(machine.journal.count("ClockSet"), 1);
        let runs = machine.diary.take();
        for run in &runs {
            // The moments of the virtual time are a millisecond apart, and so is what the clock shows.
            let shown = run.now.wall.unwrap().0.rem_euclid(1000);
            assert!(shown <= 1, "{off}: a beat at {:?}", run.now);
        }
        let seconds: Vec<_> = runs.iter().map(|run| run.now.wall.unwrap().seconds()).collect();
        assert!(seconds.windows(2).all(|pair| pair[1] == pair[0] + 1), "{off}: a beat is missing or doubled");
        assert!((999..=1001).contains(&seconds.len()), "{off}: {}", seconds.len());
    }
}

/// What is due in a minute is due earlier or later by what the clock gains or loses until then.
#[test]
fn what_is_due_follows_a_slewed_clock() {
    for off in [400_000, -400_000] {
        let mut world = World::new();
        let (machine, _, servers) = boot(&mut world, unknown(), 1);
        world.pass(Duration::from_secs(30));
        servers[0].ahead.set(off);
        machine.register(r"\a", &Task::new("log").when(once("2030-01-01T00:02:00Z")));
        world.pass(Duration::from_secs(92));
        let runs = machine.diary.take();
        assert_eq!(runs.len(), 1);
        let late = runs[0].now.wall.unwrap().since(NEW_YEAR.plus(120_000));
        assert!((0..=1).contains(&late), "{off}: {late} ms late");
        // It was slewed all the time from the answer on.
        let moved = runs[0].at.as_millis() as i64 - 120_000;
        assert!((20..40).contains(&(moved * -off.signum())), "{off}: {moved}");
    }
}

/// A larger one is set at once, and calendar triggers follow.
#[test]
fn a_large_error_is_set() {
    let mut world = World::new();
    let (machine, _, servers) = boot(&mut world, unknown(), 1);
    world.pass(Duration::from_secs(5));
    machine.register(r"\once", &Task::new("log").when(once("2030-01-01T00:02:00Z")));
    servers[0].ahead.set(30_000_000);
    world.pass(Duration::from_secs(84));
    assert_eq!(error(&machine), 30_000_000);
    assert_eq!(machine.diary.take(), []);
    world.pass(Duration::from_secs(1));
    assert_eq!(machine.diary.lines(), ["log "]);
    assert_eq!(machine.journal.count("by: Some("), 1);
}

/// One server alone does not move a clock that is known by a year, unless it says so again.
#[test]
fn a_jump_wants_a_second_answer() {
    const YEAR: i64 = 365 * 86_400_000_000;
    // The server goes mad for one answer.
    let mut world = World::new();
    let (machine, _, servers) = boot(&mut world, unknown(), 2);
    world.pass(Duration::from_secs(5));
    servers[0].ahead.set(YEAR);
    world.pass(Duration::from_secs(300));
    assert!(machine.journal.has("server: 0, why: Jump"));
    assert_eq!(error(&machine), 0);
    assert_eq!(machine.journal.count("ClockSet"), 1);
    // The other one says the same: it is true, as far as anybody can tell.
    servers[1].ahead.set(YEAR);
    world.pass(Duration::from_secs(300));
    assert_eq!(error(&machine), YEAR);
    // Two that lie, but each in its own way, are not believed.
    servers[0].ahead.set(3 * YEAR);
    servers[1].ahead.set(2 * YEAR);
    world.pass(Duration::from_secs(300));
    assert_eq!(error(&machine), YEAR);
}

/// Nobody answers for a day; the clock goes on, and is put right when somebody does.
#[test]
fn a_network_that_is_away_costs_nothing() {
    let mut world = World::new();
    let (machine, hub, servers) = boot(&mut world, unknown(), 1);
    world.pass(Duration::from_secs(5));
    hub.pull(1, true);
    machine.register(r"\hourly", &Task::new("log").when(every(daily("2030-01-01T01:00:00Z"), 3600, None)));
    for _ in 0..24 * 60 {
        world.jump(Duration::from_secs(60));
    }
    assert_eq!(machine.diary.take().len(), 24);
    hub.pull(1, false);
    servers[0].ahead.set(100_000);
    world.pass(Duration::from_secs(500));
    assert!((error(&machine) - 100_000).abs() <= 2_000);
}

/// A clock that goes on without power is asked at start, and told what is right.
#[test]
fn a_real_time_clock_is_read_and_written() {
    #[derive(Clone)]
    struct Chip(Rc<Cell<Option<Timestamp>>>);
    impl Rtc for Chip {
        fn read(&mut self) -> Option<Timestamp> {
            self.0.get()
        }
        fn write(&mut self, now: Timestamp) {
            self.0.set(Some(now));
        }
    }
    let mut world = World::new();
    let chip = Chip(Rc::new(Cell::new(Some(NEW_YEAR.plus(-2_000)))));
    let made = Made { wall: None, rtc: Some(forever(chip.clone())), ..Made::default() };
    let (machine, _, servers) = boot(&mut world, made, 1);
    servers[0].manner.set(Manner::Silent);
    // Two seconds behind.
    assert_eq!(error(&machine), -2_000_000);
    machine.register(r"\a", &Task::new("log").when(once("2030-01-01T00:00:01Z")));
    world.pass(Duration::from_millis(2_999));
    assert_eq!(machine.diary.take(), []);
    world.pass(Duration::from_millis(1));
    assert_eq!(machine.diary.lines(), ["log "]);
    servers[0].manner.set(Manner::Honest);
    world.pass(Duration::from_secs(60));
    assert_eq!(error(&machine), 0);
    let written = chip.0.get().unwrap().since(NEW_YEAR);
    assert!((4_000..63_000).contains(&written), "{written}");
    // One that has no time leaves the clock unknown.
    drop(world);
    let mut world = World::new();
    let chip = Chip(Rc::new(Cell::new(None)));
    let machine = Machine::boot(&mut world, Made { wall: None, rtc: Some(forever(chip)), ..Made::default() });
    assert_eq!(machine.host.now().wall, None);
}
