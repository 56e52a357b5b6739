//! Logins that failed: how often lately, and how long the next ones wait for it.
//!
//! Two counts are kept of the last [`WINDOW`], and they do different things.
//! - By **source**, an address (of IPv6 a /64, which is what one customer has): from the fifth failure on, its logins are
//!   answered one after the other, with a pause of a second that every further failure doubles up to [`PAUSE_MAX`]. A login that
//!   begins waits for its challenge; one that had begun before waits for how it ended, so that many connections at once are no
//!   better than one. What would be held for longer than [`HOLD_MAX`] is closed instead, and may come again.
//! - By **name**, over all sources: how a login of that name ended is told later, by [`SLOW_MAX`] at most. Nobody is locked out by
//!   that, whoever fails in their name. Names that no account has count like others, under a hash of theirs, so that an answer
//!   tells nothing about which there are.
//!
//! Who proves that they know the password of a name takes back what failed before from the same source in that name, and only
//! that: who has an account of their own cannot wash away what they tried with those of others.
//!
//! Memory is bounded by [`SOURCES`] and [`NAMES`]. When all places are taken, the entry with the fewest failures goes, of several
//! the one that failed longest ago.
//! - A name that takes such a place takes over its failures: so no count is ever less than it was for having been pushed out, and
//!   an attacker who floods the table with names makes others a little slow and none quick.
//! - A source that takes a place begins with nothing, because whole seconds are at stake there, and the innocent would pay. To push
//!   out a source of ten failures, each of all the others needs ten too.
//!
//! All of it is in memory: a server that starts anew has forgotten it. Times are those of a clock that never steps, given by the
//! caller.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, RandomState},
    net::IpAddr,
};

use mainspring::{rpc::Login, text, time::Monotonic};

/// Milliseconds for which a failure counts.
pub const WINDOW: u64 = 15 * 60 * 1000;
/// Failures from which on something waits.
pub const ENOUGH: usize = 5;
/// Milliseconds that a source waits after its fifth failure; each further one doubles them.
pub const PAUSE: u64 = 1_000;
/// The most milliseconds between two answers to a source.
pub const PAUSE_MAX: u64 = 30_000;
/// The most milliseconds that an answer is held: the core closes what has not logged in after 30 seconds, and some of them are
/// for the login itself.
pub const HOLD_MAX: u64 = 20_000;
/// Milliseconds that an answer to a name is late after five failures; each further one doubles them.
pub const SLOW: u64 = 250;
/// The most milliseconds that an answer to a name is late.
pub const SLOW_MAX: u64 = 2_000;
/// Sources that are known at once.
pub const SOURCES: usize = 4096;
/// Names that are known at once.
pub const NAMES: usize = 4096;

/// Failures of one source that are kept: with as many, the pause is the longest.
const OF_SOURCE: usize = 10;
/// Failures of one name that are kept: with as many, the answer is as late as it gets.
const OF_NAME: usize = 8;

/// Whether an answer is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// It is sent at once.
    Not,
    /// It is sent after so many milliseconds.
    For(u64),
    /// It is not sent; the connection is closed.
    Close,
}

/// Where a login comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Source {
    V4([u8; 4]),
    /// The network's half of an address.
    V6([u8; 8]),
}

impl Source {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.octets()),
            IpAddr::V6(address) => {
                let [a, b, c, d, e, f, g, h, ..] = address.octets();
                Self::V6([a, b, c, d, e, f, g, h])
            }
        }
    }
}

/// A name, by a hash that nobody outside can foresee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Name(u64);

/// The last failures of something, the oldest first.
#[derive(Debug, Clone)]
struct Recent<T, const N: usize>(heapless::Deque<(Monotonic, T), N>);

impl<T, const N: usize> Recent<T, N> {
    const fn new() -> Self {
        Self(heapless::Deque::new())
    }

    fn push(&mut self, now: Monotonic, what: T) {
        if self.0.is_full() {
            self.0.pop_front();
        }
        let _ = self.0.push_back((now, what));
    }

    /// Those that still count.
    fn count(&self, now: Monotonic) -> usize {
        self.0.iter().filter(|(at, _)| now.since(*at) < WINDOW).count()
    }

    /// What makes one entry go before another: few failures, and long ago.
    fn rank(&self, now: Monotonic) -> (usize, Monotonic) {
        (self.count(now), self.0.back().map_or(Monotonic(0), |(at, _)| *at))
    }
}

#[derive(Debug)]
struct Guesser {
    recent: Recent<Name, OF_SOURCE>,
    /// Before this nothing more is answered.
    next: Monotonic,
}

impl Guesser {
    fn pause(&self, now: Monotonic) -> u64 {
        doubled(PAUSE, self.recent.count(now)).min(PAUSE_MAX)
    }

    /// Takes the next turn of the source: when that is, `None` if it is too late to wait for it.
    fn turn(&mut self, now: Monotonic) -> Option<Monotonic> {
        let pause = self.pause(now);
        if pause == 0 {
            return Some(now);
        }
        let turn = self.next.max(now);
        if turn.since(now) > HOLD_MAX {
            return None;
        }
        self.next = turn.plus(pause);
        Some(turn)
    }
}

#[derive(Debug)]
struct Connection {
    source: Source,
    /// Logins under way that have waited for their turn already.
    waited: u32,
    /// When it may be told how its last login ended; `None` within if never.
    held: Option<Option<Monotonic>>,
}

/// Counts failures of logins. See the module.
#[derive(Debug, Default)]
pub struct Failures {
    sources: HashMap<Source, Guesser>,
    names: HashMap<Name, Recent<(), OF_NAME>>,
    connections: HashMap<u32, Connection>,
    hash: RandomState,
    changed: bool,
}

impl Failures {
    /// A connection came from that address.
    pub fn connected(&mut self, connection: u32, remote: IpAddr) {
        let source = Source::of(remote);
        self.connections.insert(connection, Connection { source, waited: 0, held: None });
    }

    /// A connection is gone.
    pub fn disconnected(&mut self, connection: u32) {
        self.connections.remove(&connection);
    }

    /// A login in that name failed.
    pub fn failed(&mut self, name: &str, connection: u32, now: Monotonic) {
        self.changed = true;
        let name = self.name(name);
        self.make_room(name, now);
        let recent = self.names.entry(name).or_insert(const { Recent::new() });
        recent.push(now, ());
        let Some(source) = self.connections.get(&connection).map(|known| known.source) else { return };
        if self.sources.len() >= SOURCES && !self.sources.contains_key(&source) {
            let quietest = self.sources.iter().min_by_key(|(_, guesser)| guesser.recent.rank(now));
            if let Some(quietest) = quietest.map(|(source, _)| *source) {
                self.sources.remove(&quietest);
            }
        }
        let guesser = self.sources.entry(source).or_insert(Guesser { recent: Recent::new(), next: Monotonic(0) });
        guesser.recent.push(now, name);
        self.end(name, connection, now);
        if let Some(guesser) = self.sources.get_mut(&source) {
            let pause = guesser.pause(now);
            if pause > 0 {
                guesser.next = guesser.next.max(now.plus(pause));
            }
        }
    }

    /// A login in that name did not fail.
    pub fn succeeded(&mut self, name: &str, connection: u32, now: Monotonic) {
        let name = self.name(name);
        let known = self.connections.get(&connection).map(|known| known.source);
        if let Some(guesser) = known.and_then(|source| self.sources.get_mut(&source)) {
            guesser.recent.0.retain(|(_, failed)| *failed != name);
        }
        self.end(name, connection, now);
    }

    /// How long what a step has made is held: `login` is what it came to.
    pub fn hold(&mut self, connection: u32, login: Option<Login>, now: Monotonic) -> Hold {
        let Some(known) = self.connections.get_mut(&connection) else { return Hold::Not };
        let mut until = known.held.take().unwrap_or(Some(Monotonic(0)));
        if login == Some(Login::Begun)
            && let Some(guesser) = self.sources.get_mut(&known.source)
            && guesser.pause(now) > 0
        {
            let turn = guesser.turn(now);
            known.waited += u32::from(turn.is_some());
            until = until.zip(turn).map(|(held, turn)| held.max(turn));
        }
        match until {
            Some(until) if until <= now => Hold::Not,
            Some(until) => Hold::For(until.since(now)),
            None => Hold::Close,
        }
    }

    /// Forgets what failed in that name, everywhere.
    pub fn forget(&mut self, name: &str) {
        let name = self.name(name);
        self.names.remove(&name);
        for guesser in self.sources.values_mut() {
            let before = guesser.recent.0.len();
            guesser.recent.0.retain(|(_, failed)| *failed != name);
            if guesser.recent.0.len() < before {
                guesser.next = Monotonic(0);
            }
        }
        self.changed = true;
    }

    /// How often a login in that name has failed lately, and when it last did. No more than eight are counted.
    #[must_use]
    pub fn of_name(&self, name: &str, now: Monotonic) -> (usize, Monotonic) {
        self.names.get(&self.name(name)).map_or((0, Monotonic(0)), |recent| recent.rank(now))
    }

    /// Whether something was counted or forgotten since this was last asked.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Says when a connection may be told how its login ended.
    fn end(&mut self, name: Name, connection: u32, now: Monotonic) {
        let count = self.names.get(&name).map_or(0, |recent| recent.count(now));
        let slow = now.plus(doubled(SLOW, count).min(SLOW_MAX));
        let Some(known) = self.connections.get_mut(&connection) else { return };
        let turn = if known.waited > 0 {
            known.waited -= 1;
            Some(now)
        } else {
            self.sources.get_mut(&known.source).map_or(Some(now), |guesser| guesser.turn(now))
        };
        known.held = Some(turn.map(|turn| turn.max(slow)));
    }

    /// Sees to it that the name has a place, if need be that of another, whose failures it takes over.
    fn make_room(&mut self, name: Name, now: Monotonic) {
        if self.names.len() < NAMES || self.names.contains_key(&name) {
            return;
        }
        let quietest = self.names.iter().min_by_key(|(_, recent)| recent.rank(now)).map(|(name, _)| *name);
        if let Some(recent) = quietest.and_then(|quietest| self.names.remove(&quietest)) {
            self.names.insert(name, recent);
        }
    }

    fn name(&self, name: &str) -> Name {
        let mut hasher = self.hash.build_hasher();
        text::folded(name).for_each(|character| character.hash(&mut hasher));
        Name(std::hash::Hasher::finish(&hasher))
    }
}

/// Nothing before there are enough, then the first span, doubled with each further one.
fn doubled(first: u64, count: usize) -> u64 {
    match count.checked_sub(ENOUGH) {
        None => 0,
        Some(further) => first << further.min(16),
    }
}
