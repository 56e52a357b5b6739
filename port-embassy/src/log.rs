//! What a firmware may log: typed values with numbers in them, no prose.
//!
//! A [`Log`] is told everything that happens, at the moment when it happens. With the feature `defmt` there is
//! `Defmt`, which hands it to `defmt` at the level that fits; a string is never built, the host's decoder has them all.

use core::net::SocketAddr;

use mainspring::{
    event::Event,
    guid::Guid,
    time::{Now, Timestamp},
};

use crate::sntp::Refusal;

/// Something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Told<'t> {
    /// The core says so.
    Core(Event),
    /// A socket waits for its first connection: from now on one that is asked for is accepted.
    Listening {
        /// The port.
        port: u16,
    },
    /// A connection was accepted.
    Connected {
        /// The connection.
        connection: u32,
        /// From where.
        remote: SocketAddr,
    },
    /// A connection was broken off because its peer takes no bytes, or is not there any more.
    BrokenOff {
        /// The connection.
        connection: u32,
    },
    /// The wall clock became known, or was set to another time.
    ClockSet {
        /// What it shows now.
        to: Timestamp,
        /// By how many milliseconds it went forward, negative if back; `None` if it was not known before.
        by: Option<i64>,
    },
    /// The wall clock is a little off, and goes faster or slower until it is right.
    ClockSlewed {
        /// By how many microseconds it is to go forward, negative if back.
        by: i64,
    },
    /// A time server's answer was not believed, or there was none.
    TimeRefused {
        /// Ordinal of the server.
        server: usize,
        /// Why.
        why: Refusal,
    },
    /// A task wants an action that this firmware does not have.
    NoSuchAction {
        /// The instance, which fails to start.
        instance: Guid,
        /// The command, or empty for a ComHandler.
        name: &'t str,
        /// The class of a ComHandler.
        class: Option<Guid>,
    },
    /// An action says how far it has come.
    Progress {
        /// The instance.
        instance: Guid,
        /// In percent.
        percent: u8,
        /// What it is at.
        text: &'t str,
    },
}

/// Hears what happens.
///
/// An implementation
/// - MUST NOT call the host: it is called while the host is at work;
/// - MUST NOT wait: what it cannot pass on at once it drops.
pub trait Log {
    /// Hears of one thing.
    fn tell(&mut self, now: Now, told: &Told<'_>);
}

/// Keeps nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Log for Silent {
    fn tell(&mut self, _: Now, _: &Told<'_>) {}
}

/// Hands everything to `defmt`.
#[cfg(feature = "defmt")]
#[derive(Debug, Clone, Copy, Default)]
pub struct Defmt;

#[cfg(feature = "defmt")]
impl Log for Defmt {
    fn tell(&mut self, _: Now, told: &Told<'_>) {
        use mainspring::event::Closed;
        match told {
            Told::Core(event) => match event {
                Event::RecordDamaged { .. } | Event::StoreFailed { .. } => defmt::error!("{}", event),
                Event::Skipped { .. } | Event::LoginFailed { .. } | Event::Lost { .. } => defmt::warn!("{}", event),
                Event::ConnectionClosed { reason: Closed::IdleTime | Closed::Shutdown, .. }
                | Event::LoggedIn { .. } => {
                    defmt::debug!("{}", event);
                }
                _ => defmt::info!("{}", event),
            },
            Told::TimeRefused { .. } | Told::NoSuchAction { .. } => defmt::warn!("{}", told),
            Told::Listening { .. } | Told::Connected { .. } | Told::ClockSlewed { .. } => defmt::debug!("{}", told),
            Told::BrokenOff { .. } | Told::ClockSet { .. } | Told::Progress { .. } => {
                defmt::info!("{}", told)
            }
        }
    }
}
