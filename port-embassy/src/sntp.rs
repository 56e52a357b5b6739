//! The time of day from time servers: the client side of SNTP (RFC 4330 and RFC 5905, mode 3) over UDP.
//!
//! It is written here rather than taken from `sntpc`, because that sends the clock's own time as the nonce that an answer is
//! known by, leaves the times of the exchange to a clock that has to be known already, and believes any distance.
//!
//! What is believed, and what is not:
//! - The request carries 64 random bits instead of our time; an answer that does not bring them back, or comes from another
//!   address or port, is passed over, and the wait for the right one goes on.
//! - An answer from a server that is not synchronised, that sends us away (kiss-o'-death), or whose own distance from its
//!   source is more than a second, is refused; so is one that took longer than [`Sntp::round_trip`].
//! - Half of the round trip is taken off, so an answer is wrong by no more than that. In the first of an hour the stack looks
//!   for the hardware address, which makes one way longer; so each answer is followed by a second request, whose answer
//!   counts if it took less.
//! - Once the time is known, an answer that is off by more than [`JUMP`] counts only when the next answer, from the next
//!   server if there is one, agrees with it to a second. A time before 2020 is of the next era: this holds to 2156.
//!
//! **SNTP is not authenticated.** Who can change packets between here and the server can set the clock, and so make tasks
//! run early, or not. A server on the own network is the remedy that there is.

use embassy_net::{
    IpEndpoint, Stack,
    udp::{PacketMetadata, UdpSocket},
};
use embassy_time::{Duration, Instant, Timer, with_deadline};

use crate::{host::Host, log::Told, wall::micros};

/// Bytes of a request, and of an answer without extensions.
const PACKET: usize = 48;

/// Seconds from the start of NTP's first era, 1900, to 1970.
const ERA: i64 = 2_208_988_800;

/// 2020-01-01T00:00:00Z in seconds. What seems to be before it is of the next era.
const PIVOT: i64 = 1_577_836_800;

/// Once the time is known, a correction of more microseconds than this needs a second answer.
pub const JUMP: i64 = 60_000_000;

/// Two answers agree if they are no more microseconds apart than this.
const AGREE: i64 = 1_000_000;

/// A server that is farther from its source than this (16.16 seconds, as it says itself) is not believed.
const DISTANCE: u32 = 1 << 16;

/// The first wait after an attempt that failed, in seconds; it doubles with each further one.
const RETRY: u64 = 2;

/// How long after an answer the second request follows.
const AGAIN: Duration = Duration::from_secs(2);

/// What is asked, and how often.
#[derive(Debug, Clone, Copy)]
pub struct Sntp<'s> {
    /// The servers, port 123 by custom. They are asked in turn; after an answer the same one is asked again.
    pub servers: &'s [IpEndpoint],
    /// How often the time is asked for once it is known. RFC 4330 wants at least 15 seconds, and for public servers an hour
    /// is polite: a crystal of 50 parts in a million is off by 180 milliseconds then.
    pub interval: Duration,
    /// How long to wait for an answer; a longer round trip is refused.
    pub round_trip: Duration,
}

impl<'s> Sntp<'s> {
    /// Every hour, and half a second for an answer.
    #[must_use]
    pub const fn new(servers: &'s [IpEndpoint]) -> Self {
        Self { servers, interval: Duration::from_secs(3600), round_trip: Duration::from_millis(500) }
    }
}

/// Why an answer was not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Refusal {
    /// There was none in time.
    Silence,
    /// The network cannot be asked.
    Unreachable,
    /// There are no random bytes for the request.
    NoEntropy,
    /// It is shorter than an answer, or not one.
    NoAnswer,
    /// The server does not know the time.
    Unsynchronised,
    /// The server does not want to be asked: its four letters, such as `RATE`.
    SentAway([u8; 4]),
    /// The server is too far from its source.
    Distant,
    /// Its times contradict each other.
    Inconsistent,
    /// It is far from the time that is known, and has to be confirmed.
    Jump,
}

/// The memory of the socket.
#[derive(Debug)]
pub struct SntpMemory {
    rx_meta: [PacketMetadata; 2],
    tx_meta: [PacketMetadata; 1],
    rx: [u8; 2 * 68],
    tx: [u8; PACKET],
}

impl SntpMemory {
    /// Memory that nobody has used.
    #[must_use]
    pub const fn new() -> Self {
        Self { rx_meta: [PacketMetadata::EMPTY; 2], tx_meta: [PacketMetadata::EMPTY; 1], rx: [0; 136], tx: [0; PACKET] }
    }
}

impl Default for SntpMemory {
    fn default() -> Self {
        Self::new()
    }
}

/// A time of the day, in microseconds since 1970, that was true at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// The time.
    pub wall: i64,
    /// When it was that time.
    pub at: Instant,
    /// Microseconds that the answer took, without what the server took for it.
    pub round_trip: i64,
}

/// Keeps the wall clock right; for ever. It waits until the stack has an address.
pub async fn keep_wall_clock(host: &Host<'_>, stack: Stack<'_>, config: Sntp<'_>, memory: &mut SntpMemory) -> ! {
    let SntpMemory { rx_meta, tx_meta, rx, tx } = memory;
    let mut socket = UdpSocket::new(stack, rx_meta, rx, tx_meta, tx);
    let mut server = 0;
    let mut failures = 0_u32;
    let mut unconfirmed: Option<Sample> = None;
    // What the first answer of two took.
    let mut first: Option<i64> = None;
    loop {
        stack.wait_config_up().await;
        let asked = match config.servers.get(server) {
            Some(&address) => ask(host, &mut socket, address, config.round_trip).await,
            None => Err(Refusal::Unreachable),
        };
        let believed = asked.and_then(|sample| {
            if is_likely(host, sample, unconfirmed) {
                unconfirmed = None;
                Ok(sample)
            } else {
                unconfirmed = Some(sample);
                Err(Refusal::Jump)
            }
        });
        let pause = match believed {
            Ok(sample) => {
                failures = 0;
                if first.is_none_or(|first| sample.round_trip < first) {
                    host.correct_clock(sample.wall, sample.at);
                }
                if first.take().is_none() {
                    first = Some(sample.round_trip);
                    AGAIN
                } else {
                    config.interval
                }
            }
            Err(why) if first.take().is_some() => {
                host.tell(&Told::TimeRefused { server, why });
                config.interval
            }
            Err(why) => {
                host.tell(&Told::TimeRefused { server, why });
                server = server.saturating_add(1).checked_rem(config.servers.len()).unwrap_or(0);
                let pause = Duration::from_secs(RETRY.checked_shl(failures.min(16)).unwrap_or(u64::MAX >> 20));
                failures = failures.saturating_add(1);
                // Who is sent away does not ask again soon.
                if matches!(why, Refusal::SentAway(_)) && config.servers.len() < 2 { config.interval } else { pause }
            }
        };
        Timer::after(pause.min(config.interval)).await;
    }
}

/// Whether an answer is near to the time that is known, or to the answer before it.
fn is_likely(host: &Host<'_>, sample: Sample, before: Option<Sample>) -> bool {
    let Some(known) = host.wall_micros(sample.at) else { return true };
    let again = |before: Sample| {
        let passed = micros(sample.at).saturating_sub(micros(before.at));
        sample.wall.saturating_sub(before.wall.saturating_add(passed)).saturating_abs() <= AGREE
    };
    sample.wall.saturating_sub(known).saturating_abs() <= JUMP || before.is_some_and(again)
}

/// Asks one server once.
async fn ask(
    host: &Host<'_>,
    socket: &mut UdpSocket<'_>,
    server: IpEndpoint,
    patience: Duration,
) -> Result<Sample, Refusal> {
    let mut nonce = [0; 8];
    if !host.draw(&mut nonce) {
        return Err(Refusal::NoEntropy);
    }
    // Another port for each request, and nothing left of the answers to earlier ones.
    socket.close();
    socket.bind(0).map_err(|_| Refusal::Unreachable)?;
    let sent = Instant::now();
    socket.send_to(&request(nonce), server).await.map_err(|_| Refusal::Unreachable)?;
    let until = sent.saturating_add(patience);
    let mut answer = [0; PACKET];
    loop {
        // Of an answer with extensions the front is enough: of a longer one the stack gives nothing.
        let came = with_deadline(
            until,
            socket.recv_from_with(|bytes, from| {
                let front = bytes.first_chunk::<PACKET>();
                if let Some(front) = front {
                    answer = *front;
                }
                (from.endpoint == server, front.is_some())
            }),
        );
        match came.await {
            Err(_) => return Err(Refusal::Silence),
            Ok((true, true)) => match read(&answer, nonce, sent, Instant::now()) {
                // Somebody guesses, or it is the answer to an earlier request.
                Err(Refusal::NoAnswer) => {}
                other => return other,
            },
            Ok(_) => {}
        }
    }
}

/// A request: version 4, mode 3, and a random number instead of our time.
#[must_use]
pub const fn request(nonce: [u8; 8]) -> [u8; PACKET] {
    let mut packet = [0; PACKET];
    packet[0] = 4 << 3 | 3;
    packet.split_at_mut(40).1.copy_from_slice(&nonce);
    packet
}

/// Reads the answer to a request.
///
/// # Errors
/// [`Refusal::NoAnswer`] if it is not the answer to that request; otherwise why it is not believed.
pub fn read(answer: &[u8; PACKET], nonce: [u8; 8], sent: Instant, came: Instant) -> Result<Sample, Refusal> {
    let word = |at: usize| answer.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u32::from_be_bytes(*bytes));
    let [flags, stratum, ..] = *answer;
    let (leap, version, mode) = (flags >> 6, flags >> 3 & 7, flags & 7);
    if mode != 4 || !(1..=4).contains(&version) || answer.get(24..32) != Some(&nonce) {
        return Err(Refusal::NoAnswer);
    }
    if stratum == 0 {
        return Err(Refusal::SentAway(word(12).to_be_bytes()));
    }
    if leap == 3 || stratum > 15 {
        return Err(Refusal::Unsynchronised);
    }
    if word(4) / 2 > DISTANCE || word(8) > DISTANCE {
        return Err(Refusal::Distant);
    }
    // A server that does not know when it got or sent something says zero.
    let time = |at: usize| {
        let (seconds, fraction) = (i64::from(word(at)), i64::from(word(at + 4)));
        let seconds = seconds - ERA;
        let seconds = if seconds < PIVOT { seconds + (1 << 32) } else { seconds };
        (word(at) != 0 || word(at + 4) != 0).then(|| seconds * 1_000_000 + ((fraction * 1_000_000) >> 32))
    };
    let (Some(received), Some(transmitted)) = (time(32), time(40)) else { return Err(Refusal::Unsynchronised) };
    let (sent, arrived) = (micros(sent), micros(came));
    let held = transmitted - received;
    let round_trip = arrived - sent - held;
    // Either clock may be coarse, so that a quick answer seems to have come a little before it was sent.
    if held < 0 || round_trip < -10_000 {
        return Err(Refusal::Inconsistent);
    }
    let round_trip = round_trip.max(0);
    Ok(Sample { wall: transmitted + round_trip / 2, at: came, round_trip })
}
