//! Logins that failed, and who waits for them: with a clock that stands still unless it is moved.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use mainspring::{rpc::Login, time::Monotonic};
use mainspring_linux::accounts::failures::{
    ENOUGH, Failures, HOLD_MAX, Hold, NAMES, PAUSE_MAX, SLOW, SLOW_MAX, SOURCES, WINDOW,
};

const ONE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

/// Failures, a clock, and numbers for connections.
struct World {
    failures: Failures,
    now: u64,
    connections: u32,
}

impl World {
    fn new() -> Self {
        Self { failures: Failures::default(), now: 1_000_000, connections: 0 }
    }

    fn at(&self) -> Monotonic {
        Monotonic(self.now)
    }

    fn connect(&mut self, from: IpAddr) -> u32 {
        self.connections += 1;
        self.failures.connected(self.connections, from);
        self.connections
    }

    fn begin(&mut self, connection: u32) -> Hold {
        self.failures.hold(connection, Some(Login::Begun), Monotonic(self.now))
    }

    fn end(&mut self, connection: u32, name: &str, accepted: bool) -> Hold {
        let (failures, now) = (&mut self.failures, Monotonic(self.now));
        let login = if accepted {
            failures.succeeded(name, connection, now);
            Login::Done
        } else {
            failures.failed(name, connection, now);
            Login::Failed
        };
        self.failures.hold(connection, Some(login), Monotonic(self.now))
    }

    /// A whole login on a connection of its own, waiting for as long as it is held: how long that is before the challenge and
    /// before the end; `None` if it is closed.
    fn log_in(&mut self, from: IpAddr, name: &str, accepted: bool) -> Option<(u64, u64)> {
        let connection = self.connect(from);
        let begun = self.begin(connection);
        let first = self.wait(begun)?;
        let ended = self.end(connection, name, accepted);
        let second = self.wait(ended)?;
        self.failures.disconnected(connection);
        Some((first, second))
    }

    fn wait(&mut self, hold: Hold) -> Option<u64> {
        let span = match hold {
            Hold::Not => 0,
            Hold::For(span) => span,
            Hold::Close => return None,
        };
        self.now += span;
        Some(span)
    }

    fn fail(&mut self, from: IpAddr, name: &str) -> Option<(u64, u64)> {
        self.log_in(from, name, false)
    }
}

#[test]
fn the_fifth_failure_delays_its_source_and_each_further_one_twice_as_long() {
    let mut world = World::new();
    // Each in another name, so that no name is slow.
    for number in 0..ENOUGH {
        assert_eq!(world.fail(ONE, &format!("a{number}")), Some((0, 0)), "{number}");
    }
    for (number, pause) in [1_000, 2_000, 4_000, 8_000, 16_000].into_iter().enumerate() {
        assert_eq!(world.fail(ONE, &format!("b{number}")), Some((pause, 0)), "{number}");
    }
    // The pause is 30 s now, and nobody is held for so long; who comes later is.
    let failed = world.now;
    assert_eq!(world.fail(ONE, "c"), None);
    world.now = failed + PAUSE_MAX - HOLD_MAX;
    assert_eq!(world.fail(ONE, "d"), Some((HOLD_MAX, 0)));
    world.now += PAUSE_MAX;
    assert_eq!(world.fail(ONE, "e"), Some((0, 0)), "the pause is over, and no longer than before");
    // Nobody else waits.
    assert_eq!(world.fail(OTHER, "f"), Some((0, 0)));
}

#[test]
fn many_connections_at_once_are_no_better_than_one() {
    let mut world = World::new();
    let connections: Vec<u32> = (0..100).map(|_| world.connect(ONE)).collect();
    for &connection in &connections {
        assert_eq!(world.begin(connection), Hold::Not);
    }
    let ended: Vec<Hold> =
        connections.iter().enumerate().map(|(number, &c)| world.end(c, &format!("a{number}"), false)).collect();
    let told: Vec<u64> = ended
        .iter()
        .filter_map(|hold| match hold {
            Hold::Not => Some(0),
            Hold::For(span) => Some(*span),
            Hold::Close => None,
        })
        .collect();
    assert_eq!(told, [0, 0, 0, 0, 0, 1_000, 3_000, 7_000, 15_000], "and 91 are never told");
    // The right password among them is held like a wrong one, and so is a further login.
    let mut world = World::new();
    let connections: Vec<u32> = (0..7).map(|_| world.connect(ONE)).collect();
    connections.iter().for_each(|&connection| assert_eq!(world.begin(connection), Hold::Not));
    for (number, &connection) in connections.iter().take(5).enumerate() {
        world.end(connection, &format!("a{number}"), false);
    }
    assert_eq!(world.end(connections[5], "right", true), Hold::For(1_000));
    let further = world.connect(ONE);
    assert_eq!(world.begin(further), Hold::For(2_000));
}

#[test]
fn a_source_is_an_address_or_a_network_of_ipv6() {
    let v6 = |segments: [u16; 8]| IpAddr::V6(Ipv6Addr::from(segments));
    let one = v6([0x2001, 0xdb8, 1, 2, 3, 4, 5, 6]);
    let neighbour = v6([0x2001, 0xdb8, 1, 2, 9, 9, 9, 9]);
    let stranger = v6([0x2001, 0xdb8, 1, 3, 3, 4, 5, 6]);
    for (from, same, other) in [(one, neighbour, stranger), (ONE, v6([0, 0, 0, 0, 0, 0xffff, 0xc000, 0x0201]), OTHER)] {
        let mut world = World::new();
        (0..ENOUGH).for_each(|number| {
            let _ = world.fail(from, &number.to_string());
        });
        let (same, other) = (world.connect(same), world.connect(other));
        assert_eq!(world.begin(other), Hold::Not);
        assert_eq!(world.begin(same), Hold::For(1_000));
    }
}

#[test]
fn failures_count_for_a_quarter_of_an_hour() {
    let mut world = World::new();
    for number in 0..ENOUGH {
        world.fail(ONE, "a");
        world.now += if number == 0 { 60_000 } else { 0 };
    }
    let (_, last) = world.failures.of_name("A", world.at());
    let connection = world.connect(ONE);
    world.now = last.0 + WINDOW - 60_001;
    assert_eq!(world.failures.of_name("A", world.at()).0, ENOUGH);
    world.now += 2;
    assert_eq!((world.failures.of_name("A", world.at()).0, world.begin(connection)), (ENOUGH - 1, Hold::Not));
    world.now = last.0 + WINDOW;
    assert_eq!(world.failures.of_name("A", world.at()).0, 0);
}

#[test]
fn a_name_is_slow_from_everywhere_and_never_locked() {
    let mut world = World::new();
    let mut sources = (0..).map(|number: u32| IpAddr::from(number.to_be_bytes()));
    let mut spans = Vec::new();
    for from in sources.by_ref().take(100) {
        let (first, second) = world.fail(from, "Alice").expect("nobody is locked out");
        assert_eq!(first, 0, "what is slow is the answer");
        spans.push(second);
    }
    assert_eq!(spans[..8], [0, 0, 0, 0, SLOW, 2 * SLOW, 4 * SLOW, SLOW_MAX]);
    assert!(spans[8..].iter().all(|span| *span == SLOW_MAX));
    // The right password takes as long as a wrong one; letter case does not matter; others are not slow.
    assert_eq!(world.log_in(sources.next().unwrap(), "ALICE", true), Some((0, SLOW_MAX)));
    assert_eq!(world.log_in(sources.next().unwrap(), "bob", false), Some((0, 0)));
}

#[test]
fn who_knows_a_password_takes_back_what_failed_in_that_name_only() {
    let mut world = World::new();
    (0..4).for_each(|_| {
        let _ = world.fail(ONE, "alice");
    });
    assert_eq!(world.log_in(ONE, "Alice", true), Some((0, 0)));
    (0..4).for_each(|_| assert_eq!(world.fail(ONE, "alice").unwrap().0, 0, "counted anew"));
    world.log_in(ONE, "mallory", true);
    world.fail(ONE, "alice");
    world.log_in(ONE, "mallory", true);
    assert!(world.fail(ONE, "alice").unwrap().0 > 0, "logging in with another account washes nothing away");
}

#[test]
fn what_is_forgotten_delays_nobody() {
    let mut world = World::new();
    (0..9).for_each(|_| {
        let _ = world.fail(ONE, "alice");
    });
    world.fail(ONE, "bob");
    let connection = world.connect(ONE);
    assert!(world.failures.take_changed());
    world.failures.forget("ALICE");
    assert!(world.failures.take_changed() && !world.failures.take_changed());
    assert_eq!(world.begin(connection), Hold::Not);
    assert_eq!(world.failures.of_name("alice", world.at()).0, 0);
    assert_eq!(world.failures.of_name("bob", world.at()).0, 1);
    assert_eq!(world.end(connection, "alice", true), Hold::Not);
}

#[test]
fn a_flood_of_names_makes_none_quick() {
    let mut world = World::new();
    (0..6u8).for_each(|number| {
        let _ = world.fail(IpAddr::from([10, 0, 0, number]), "alice");
    });
    let (before, _) = world.failures.of_name("alice", world.at());
    // One failure each, twice as many names as there is room for: alice has more, and stays.
    for number in 0..2 * NAMES {
        world.failures.failed(&format!("n{number}"), u32::MAX, world.at());
    }
    assert_eq!(world.failures.of_name("alice", world.at()).0, before);
    // Who pays for more, so that she is pushed out, pays for her too: she comes back with no less.
    for round in 0..8 {
        for number in 0..NAMES + 8 {
            world.failures.failed(&format!("{round} {number}"), u32::MAX, world.at());
        }
    }
    world.fail(OTHER, "alice");
    assert!(world.failures.of_name("alice", world.at()).0 > before);
    // And of a name that nobody ever tried the answer is late at worst.
    let (first, second) = world.fail(IpAddr::from([10, 0, 1, 1]), "never seen").unwrap();
    assert!(first == 0 && second <= SLOW_MAX);
}

#[test]
fn a_flood_of_sources_does_not_free_one_that_failed_more() {
    let mut world = World::new();
    (0..ENOUGH).for_each(|number| {
        let _ = world.fail(ONE, &number.to_string());
    });
    for number in 0..2 * SOURCES {
        let [_, a, b, c] = u32::try_from(number).unwrap().to_be_bytes();
        let connection = world.connect(IpAddr::from([10, a, b, c]));
        world.failures.failed("x", connection, world.at());
        world.failures.disconnected(connection);
    }
    let connection = world.connect(ONE);
    assert!(matches!(world.begin(connection), Hold::For(_)));
}

#[test]
fn what_comes_by_no_connection_is_counted_for_its_name() {
    let mut world = World::new();
    (0..20).for_each(|_| world.failures.failed("alice", 7, world.at()));
    assert_eq!(world.begin(7), Hold::Not);
    assert!(world.failures.of_name("alice", world.at()).0 >= ENOUGH);
}
