//! A run that was started, or waits to be, and has not ended.

use super::{Damaged, TooLong, finish, open, optional};
use crate::{
    guid::Guid,
    limits::{RUN_ARGUMENT_BYTES, RUN_ARGUMENTS},
    time::Timestamp,
};
use core::num::NonZeroU32;
use minicbor::Decoder;

const VERSION: u8 = 1;
const ELEMENTS: u64 = 11;

/// Bytes of the arguments of a run, each with its length.
pub const ARGUMENTS: usize = RUN_ARGUMENT_BYTES + 2 * RUN_ARGUMENTS;

/// Bytes of the longest [`Instance`]; without arguments none that has started, or waits, is longer than 64, or than 68 if it is for
/// a member of a group and all its numbers are the largest, or 69 if it is for another user.
///
/// array and version 2, guid 17, task 5, definition 5, started 9, cause 1, moment 9, action 3, limit 9, switch 1, arguments 3 and theirs,
/// each with a length of 2, turn 5, session 5 or null and user 6
pub const INSTANCE_MAX: usize = 2 + 17 + 5 + 5 + 9 + 1 + 9 + 3 + 9 + 1 + 3 + ARGUMENTS + 5 + 6;

/// The turn of a run that waits, and is dropped at the next start of the server.
pub const VOLATILE: u32 = u32::MAX;

/// The turn of a run that waits for its moment, of which later ones of its task have run: at the next start of the server it
/// is made up for, or told as missed.
pub const OVERTAKEN: u32 = VOLATILE - 1;

/// What made an instance start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Somebody asked for it.
    Demand,
    /// A time or calendar trigger, at this moment.
    Calendar(Timestamp),
    /// A boot trigger, so many milliseconds after the engine was loaded.
    Boot(u64),
    /// A registration trigger, so many milliseconds after the task was registered.
    Registration(u64),
    /// An idle machine.
    Idle,
    /// An event trigger.
    Event,
    /// A logon or session trigger.
    Session,
    /// Automatic maintenance.
    Maintenance {
        /// The beginning of the period, or of the idle time, that it was due at.
        at: Timestamp,
        /// Whether no other runs beside it.
        exclusive: bool,
    },
}

/// An instance that was started and has not ended, or one that waits until its predecessors have.
///
/// ```text
/// [version, guid, task, definition, started at | null, cause, moment, action, limit | null, hard, arguments]
/// [… arguments, turn]
/// [… arguments, turn | null, session]
/// [… arguments, turn | null, null, user]
/// ```
///
/// The action is its ordinal, and 256 times the number of attempts before. Only one that waits has a turn. Whoever does not know of turns takes it for one that was started, and so never starts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instance<'r> {
    /// Its identifier.
    pub guid: Guid,
    /// Number of the task.
    pub task: u32,
    /// Number of the definition that it started with.
    pub definition: u32,
    /// When it started, if the time was known.
    pub started: Option<Timestamp>,
    /// What made it start.
    pub cause: Cause,
    /// Ordinal of the action that was started last.
    pub action: u8,
    /// How often it was tried before.
    pub attempt: u8,
    /// For how many milliseconds it may run.
    pub limit: Option<u64>,
    /// Whether it may be stopped for good.
    pub hard: bool,
    /// Its arguments, each as a length (16 bits, little-endian) and its bytes of UTF-8.
    pub arguments: &'r [u8],
    /// If it waits: its place among those that wait for the same; the lowest starts first. [`VOLATILE`] if it waits for
    /// something that no restart survives, [`OVERTAKEN`] if for its moment.
    pub queued: Option<u32>,
    /// Number of the session that it runs in, if it runs for a member of a group.
    pub session: Option<NonZeroU32>,
    /// The user that it is for instead of the one that its task names, as a number of the engine's; then it has no session.
    pub user: Option<NonZeroU32>,
}

impl Cause {
    /// The moment of the wall clock that it was due at; no run is due at it again.
    #[must_use]
    pub const fn settles(self) -> Option<Timestamp> {
        match self {
            Self::Calendar(at) | Self::Maintenance { at, .. } => Some(at),
            _ => None,
        }
    }
}

impl<'r> Instance<'r> {
    /// Reads the record.
    ///
    /// # Errors
    /// [`Damaged`] if it has any other shape. The arguments are not looked at.
    pub fn decode(bytes: &'r [u8]) -> Result<Self, Damaged> {
        let mut decoder = open(bytes, VERSION, ELEMENTS)?;
        let guid = Guid::from_bytes(decoder.bytes()?.try_into().map_err(|_| Damaged)?);
        let task = decoder.u32()?;
        let definition = decoder.u32()?;
        let started = optional(&mut decoder, |decoder| decoder.i64())?.map(Timestamp);
        let cause = match decoder.u8()? {
            0 => decoder.u8().map(|_| Cause::Demand)?,
            1 => Cause::Calendar(Timestamp(decoder.i64()?)),
            2 => Cause::Boot(decoder.u64()?),
            3 => Cause::Registration(decoder.u64()?),
            4 => decoder.u8().map(|_| Cause::Idle)?,
            5 => decoder.u8().map(|_| Cause::Event)?,
            6 => decoder.u8().map(|_| Cause::Session)?,
            7 => Cause::Maintenance { at: Timestamp(decoder.i64()?), exclusive: false },
            8 => Cause::Maintenance { at: Timestamp(decoder.i64()?), exclusive: true },
            _ => return Err(Damaged),
        };
        let [action, attempt] = decoder.u16()?.to_le_bytes();
        let limit = optional(&mut decoder, |decoder| decoder.u64())?;
        let hard = decoder.bool()?;
        let arguments = decoder.bytes()?;
        let elements = Decoder::new(bytes).array()?.unwrap_or_default();
        let mut more = |at| if elements > at { optional(&mut decoder, |decoder| decoder.u32()) } else { Ok(None) };
        let (queued, session) = (more(ELEMENTS)?, more(ELEMENTS + 1)?.and_then(NonZeroU32::new));
        let user = more(ELEMENTS + 2)?.and_then(NonZeroU32::new);
        Ok(Self {
            guid,
            task,
            definition,
            started,
            cause,
            action,
            attempt,
            limit,
            hard,
            arguments,
            queued,
            session,
            user,
        })
    }

    /// Writes the record to the front of `into` and returns it.
    ///
    /// # Errors
    /// [`TooLong`] if it does not fit; [`INSTANCE_MAX`] bytes are always enough for arguments within the limits.
    pub fn encode<'i>(&self, into: &'i mut [u8]) -> Result<&'i [u8], TooLong> {
        finish(into, |encoder| {
            let more = match (self.queued, self.session, self.user) {
                (_, _, Some(_)) => 3,
                (_, Some(_), None) => 2,
                (queued, None, None) => u64::from(queued.is_some()),
            };
            let elements = ELEMENTS + more;
            encoder.array(elements)?.u8(VERSION)?.bytes(&self.guid.to_bytes())?.u32(self.task)?.u32(self.definition)?;
            match self.started {
                Some(Timestamp(at)) => encoder.i64(at)?,
                None => encoder.null()?,
            };
            match self.cause {
                Cause::Demand => encoder.u8(0)?.u8(0)?,
                Cause::Calendar(Timestamp(at)) => encoder.u8(1)?.i64(at)?,
                Cause::Boot(elapsed) => encoder.u8(2)?.u64(elapsed)?,
                Cause::Registration(elapsed) => encoder.u8(3)?.u64(elapsed)?,
                Cause::Idle => encoder.u8(4)?.u8(0)?,
                Cause::Event => encoder.u8(5)?.u8(0)?,
                Cause::Session => encoder.u8(6)?.u8(0)?,
                Cause::Maintenance { at: Timestamp(at), exclusive } => encoder.u8(7 + u8::from(exclusive))?.i64(at)?,
            };
            encoder.u16(u16::from_le_bytes([self.action, self.attempt]))?;
            match self.limit {
                Some(limit) => encoder.u64(limit)?,
                None => encoder.null()?,
            };
            encoder.bool(self.hard)?.bytes(self.arguments)?;
            match self.queued {
                Some(turn) => {
                    encoder.u32(turn)?;
                }
                None if more > 1 => {
                    encoder.null()?;
                }
                None => {}
            }
            match self.session.filter(|_| self.user.is_none()) {
                Some(session) => {
                    encoder.u32(session.get())?;
                }
                None if more > 2 => {
                    encoder.null()?;
                }
                None => {}
            }
            if let Some(user) = self.user {
                encoder.u32(user.get())?;
            }
            Ok(())
        })
    }
}
