//! What happened to tasks: runs that ended, and occurrences that never became one.

use super::{Damaged, TooLong, finish, open, optional};
use crate::{event::Skipped, status::Status, time::Timestamp};
use minicbor::{Decoder, Encoder};

const VERSION: u8 = 1;
/// Elements before the first entry.
const HEAD: u64 = 3;
/// Elements of an entry.
const ENTRY: u64 = 5;

/// Bytes of the longest [`History`].
pub const HISTORY_MAX: usize = 64;

/// Entries of one record at most.
pub const HISTORY_ENTRIES: usize = 5;

/// What made a run start, as history keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Started {
    /// Somebody asked for it.
    OnDemand,
    /// A time or calendar trigger.
    Calendar,
    /// A boot trigger.
    Boot,
    /// A registration trigger.
    Registration,
    /// An idle trigger.
    Idle,
    /// An event trigger.
    Event,
    /// A logon or session trigger.
    Session,
    /// Automatic maintenance.
    Maintenance,
}

/// What happened to a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Happened {
    /// A run ended.
    Ran {
        /// What made it start.
        started: Started,
        /// Its result.
        result: Status,
    },
    /// A run was due, and the host could not start it.
    NotStarted {
        /// What would have made it start.
        started: Started,
        /// Why not.
        result: Status,
    },
    /// Occurrences did not become runs.
    Skipped {
        /// Why.
        reason: Skipped,
        /// How many; of a great number that was missed only so many are counted as
        /// [`MISSED_COUNTED`](crate::limits::MISSED_COUNTED) says.
        count: u32,
    },
}

/// One entry of the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Happening {
    /// Number of the task.
    pub task: u32,
    /// When the run started, or when the first of the occurrences was told as skipped; `None` if the time was not known.
    pub at: Option<Timestamp>,
    /// Milliseconds until it ended, or until the last of them was.
    pub span: u64,
    /// What happened.
    pub what: Happened,
}

impl Happening {
    /// The latest moment that the entry tells of.
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        self.at.map(|at| at.plus(i64::try_from(self.span).unwrap_or(i64::MAX)))
    }
}

/// One record of the history: entries in the order in which they came.
///
/// ```text
/// [version, sequence, base, (task, kind, milliseconds | null, span, result or count) …]
/// ```
///
/// The milliseconds are those since the entry before whose moment is known, or since the base, which is the first of them.
/// The record of a sequence number lies under that number modulo the records there may be, so that it takes the place of the
/// oldest one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// Its number, which grows by one with each record.
    pub sequence: u32,
    /// The entries.
    pub entries: heapless::Vec<Happening, HISTORY_ENTRIES>,
}

impl History {
    /// Reads the record.
    ///
    /// # Errors
    /// [`Damaged`] if it has any other shape. Entries of kinds that are not known are left out.
    pub fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        let mut decoder = open(bytes, VERSION, HEAD)?;
        let elements = Decoder::new(bytes).array()?.and_then(|all| all.checked_sub(HEAD)).ok_or(Damaged)?;
        let sequence = decoder.u32()?;
        let mut before = decoder.i64()?;
        let mut entries = heapless::Vec::new();
        if elements % ENTRY != 0 {
            return Err(Damaged);
        }
        for _ in 0..elements / ENTRY {
            let task = decoder.u32()?;
            let kind = decoder.u8()?;
            let at = optional(&mut decoder, |decoder| decoder.i64())?;
            let at = at.map(|at| before.checked_add(at).ok_or(Damaged)).transpose()?;
            before = at.unwrap_or(before);
            let at = at.map(Timestamp);
            let span = decoder.u64()?;
            let number = decoder.u32()?;
            if let Some(what) = Happened::of(kind, number) {
                entries.push(Happening { task, at, span, what }).map_err(|_| Damaged)?;
            }
        }
        Ok(Self { sequence, entries })
    }

    /// Writes a record to the front of `into` and returns it.
    ///
    /// # Errors
    /// [`TooLong`] if it does not fit.
    pub fn encode<'i>(sequence: u32, entries: &[Happening], into: &'i mut [u8]) -> Result<&'i [u8], TooLong> {
        let base = entries.iter().find_map(|entry| entry.at).unwrap_or_default();
        finish(into, |encoder| {
            let elements = HEAD + ENTRY * u64::try_from(entries.len()).unwrap_or(0);
            encoder.array(elements)?.u8(VERSION)?.u32(sequence)?.i64(base.0)?;
            let mut before = base;
            entries.iter().try_for_each(|entry| {
                put(encoder, entry, before)?;
                before = entry.at.unwrap_or(before);
                Ok(())
            })
        })
    }
}

fn put<W: minicbor::encode::Write>(
    encoder: &mut Encoder<W>,
    entry: &Happening,
    before: Timestamp,
) -> Result<(), minicbor::encode::Error<W::Error>> {
    let (kind, number) = entry.what.numbers();
    encoder.u32(entry.task)?.u8(kind)?;
    match entry.at {
        Some(at) => encoder.i64(at.since(before))?,
        None => encoder.null()?,
    };
    encoder.u64(entry.span)?.u32(number)?;
    Ok(())
}

/// Kinds below are runs, and from there on runs that could not be started.
const NOT_STARTED: u8 = 16;
/// Kinds from there on are reasons.
const SKIPPED: u8 = 32;

const STARTED: [Started; 8] = [
    Started::OnDemand,
    Started::Calendar,
    Started::Boot,
    Started::Registration,
    Started::Idle,
    Started::Event,
    Started::Session,
    Started::Maintenance,
];

impl Happened {
    /// As a kind, and a result or a count.
    #[must_use]
    pub fn numbers(self) -> (u8, u32) {
        match self {
            Self::Ran { started, result } => (started as u8, result.0),
            Self::NotStarted { started, result } => (NOT_STARTED + started as u8, result.0),
            Self::Skipped { reason, count } => (SKIPPED + reason as u8, count),
        }
    }

    /// Of a kind, and a result or a count; `None` for a kind that is not known.
    #[must_use]
    pub fn of(kind: u8, number: u32) -> Option<Self> {
        let started = |kind: u8| STARTED.get(usize::from(kind)).copied();
        if let Some(reason) = kind.checked_sub(SKIPPED) {
            let reason = *Skipped::ALL.get(usize::from(reason))?;
            return Some(Self::Skipped { reason, count: number });
        }
        let result = Status(number);
        match kind.checked_sub(NOT_STARTED) {
            Some(kind) => Some(Self::NotStarted { started: started(kind)?, result }),
            None => Some(Self::Ran { started: started(kind)?, result }),
        }
    }
}
