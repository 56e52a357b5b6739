//! What is remembered of a task's runs.

use super::{Damaged, TooLong, finish, open, optional};
use crate::{status::Status, time::Timestamp};
use minicbor::Decoder;

const VERSION: u8 = 1;
const ELEMENTS: u64 = 5;

/// Bytes of the longest [`State`].
///
/// array and version 2, started 9, result 5, floor 9, elapsed 9, missed 5
pub const STATE_MAX: usize = 2 + 9 + 5 + 9 + 9 + 5;

/// A task's last run, and how far its triggers have come.
///
/// ```text
/// [version, last started | null, last result, floor | null, elapsed | null]
/// [… elapsed | null, missed]
/// ```
///
/// Only a task that has missed runs says how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct State {
    /// When the last run started; `None` if there was none or the time was not known.
    pub started: Option<Timestamp>,
    /// How the last run ended; [`Status::SCHED_S_TASK_HAS_NOT_RUN`] if there was none.
    pub result: Status,
    /// The latest calendar occurrence that is settled, because it became a run or because the task was enabled later: none
    /// up to it ever becomes a run.
    pub floor: Option<Timestamp>,
    /// Milliseconds from registration to the latest occurrence of a registration trigger that became a run.
    pub elapsed: Option<u64>,
    /// Runs that were missed since the last one that went well, or since registration.
    pub missed: u32,
}

impl State {
    /// Of a task that has never run.
    pub const NEVER: Self =
        Self { started: None, result: Status::SCHED_S_TASK_HAS_NOT_RUN, floor: None, elapsed: None, missed: 0 };

    /// Reads the record.
    ///
    /// # Errors
    /// [`Damaged`] if it has any other shape.
    pub fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        let mut decoder = open(bytes, VERSION, ELEMENTS)?;
        let started = optional(&mut decoder, |decoder| decoder.i64())?.map(Timestamp);
        let result = Status(decoder.u32()?);
        let floor = optional(&mut decoder, |decoder| decoder.i64())?.map(Timestamp);
        let elapsed = optional(&mut decoder, |decoder| decoder.u64())?;
        let more = Decoder::new(bytes).array()?.is_some_and(|elements| elements > ELEMENTS);
        let missed = if more { decoder.u32()? } else { 0 };
        Ok(Self { started, result, floor, elapsed, missed })
    }

    /// Writes the record to the front of `into` and returns it.
    ///
    /// # Errors
    /// [`TooLong`] if it does not fit; [`STATE_MAX`] bytes are always enough.
    pub fn encode<'i>(&self, into: &'i mut [u8]) -> Result<&'i [u8], TooLong> {
        finish(into, |encoder| {
            encoder.array(ELEMENTS + u64::from(self.missed > 0))?.u8(VERSION)?;
            match self.started {
                Some(Timestamp(at)) => encoder.i64(at)?,
                None => encoder.null()?,
            };
            encoder.u32(self.result.0)?;
            match self.floor {
                Some(Timestamp(at)) => encoder.i64(at)?,
                None => encoder.null()?,
            };
            match self.elapsed {
                Some(elapsed) => encoder.u64(elapsed)?,
                None => encoder.null()?,
            };
            if self.missed > 0 {
                encoder.u32(self.missed)?;
            }
            Ok(())
        })
    }
}
