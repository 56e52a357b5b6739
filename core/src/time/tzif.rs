//! TZif files, RFC 9636 (RFC 8536), versions 1 to 4: the compiled form of the time zone database.

use core::fmt;

use super::{
    segment::{BEGIN, END},
    tail::{Tail, TailError},
    zone::{OFFSET_MAX, Transition, Zone},
};
use crate::bytes::{Order, Reader, Short};

/// Why bytes are not a zone that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TzifError {
    /// They end too early.
    Short(Short),
    /// They do not begin as a TZif file does.
    NotTzif,
    /// The header announces more than a file can hold.
    TooLong,
    /// No offset at all.
    NoOffsets,
    /// A transition is to an offset that is not there.
    OffsetIndex {
        /// The index given.
        index: u8,
        /// How many offsets there are.
        count: u32,
    },
    /// An offset is farther from UTC than [`OFFSET_MAX`].
    Offset(i32),
    /// The transition of this number is not later than the one before.
    Unordered(usize),
    /// The footer is not a line.
    Footer,
    /// The TZ string of the footer is not one.
    Tail(TailError),
    /// The file counts leap seconds, and a [`Timestamp`](super::Timestamp) does not.
    LeapSeconds(u32),
    /// The lent slice is too short.
    TooManyTransitions {
        /// A slice of this length will do.
        needed: usize,
        /// Its length.
        room: usize,
    },
}

impl fmt::Display for TzifError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short(short) => write!(f, "TZif file: {short}"),
            Self::NotTzif => write!(f, "not a TZif file"),
            Self::TooLong => write!(f, "TZif header announces too much"),
            Self::NoOffsets => write!(f, "TZif file without an offset"),
            Self::OffsetIndex { index, count } => write!(f, "TZif transition to offset {index} of {count}"),
            Self::Offset(offset) => write!(f, "TZif offset of {offset} seconds"),
            Self::Unordered(number) => write!(f, "TZif transition {number} is not after the one before"),
            Self::Footer => write!(f, "TZif footer is not a line"),
            Self::Tail(error) => write!(f, "TZif footer: {error}"),
            Self::LeapSeconds(count) => write!(f, "TZif file counts {count} leap seconds"),
            Self::TooManyTransitions { needed, room } => write!(f, "TZif file needs room for {needed}, not {room}"),
        }
    }
}

impl core::error::Error for TzifError {}

impl From<Short> for TzifError {
    fn from(short: Short) -> Self {
        Self::Short(short)
    }
}

/// Bytes of one offset with its flag and the index of its name.
const OFFSET_BYTES: usize = 4 + 1 + 1;

/// Reads a TZif file into a zone, whose transitions are put into `room`. Nothing is allocated.
///
/// Transitions that change only the name are left out, and so are those at the end that the rule of the footer makes
/// anyway: files of both sorts, "fat" and "slim", give the same zone. Room for
/// [`ZONE_TRANSITIONS`](crate::limits::ZONE_TRANSITIONS) is enough for every zone of the database.
///
/// # Errors
/// [`TzifError`]: [`TooManyTransitions`](TzifError::TooManyTransitions) if `room` is too small, `LeapSeconds` for the
/// files of the "right" folder, anything else if the file is damaged. `room` may hold anything then.
pub fn read<'z>(file: &[u8], room: &'z mut [Transition]) -> Result<Zone<'z>, TzifError> {
    let mut reader = Reader::with_order(file, Order::Big);
    let header = Header::read(&mut reader)?;
    if header.version == 0 {
        return header.zone(&mut reader, 4, room);
    }
    // The first block repeats the second in 32 bits, for readers that know version 1 only.
    reader.take(header.block(4)?)?;
    let header = Header::read(&mut reader)?;
    header.zone(&mut reader, 8, room)
}

/// The header of a block, RFC 9636 3.1.
struct Header {
    version: u8,
    utc_indicators: u32,
    standard_indicators: u32,
    leap_seconds: u32,
    transitions: u32,
    offsets: u32,
    name_bytes: u32,
}

impl Header {
    fn read(reader: &mut Reader<'_>) -> Result<Self, TzifError> {
        if reader.take(4)? != b"TZif" {
            return Err(TzifError::NotTzif);
        }
        let version = reader.u8()?;
        reader.take(15)?;
        Ok(Self {
            version,
            utc_indicators: reader.u32()?,
            standard_indicators: reader.u32()?,
            leap_seconds: reader.u32()?,
            transitions: reader.u32()?,
            offsets: reader.u32()?,
            name_bytes: reader.u32()?,
        })
    }

    /// Bytes of the block that follows, in which a time has `time` bytes.
    fn block(&self, time: u64) -> Result<usize, TzifError> {
        let bytes = u64::from(self.transitions) * time // times of transitions
            + u64::from(self.transitions) // indices of their offsets
            + u64::from(self.offsets) * OFFSET_BYTES as u64 // offsets
            + u64::from(self.name_bytes) // names
            + u64::from(self.leap_seconds) * (time + 4) // leap seconds
            + u64::from(self.standard_indicators) // whether rules are in standard time
            + u64::from(self.utc_indicators); // whether rules are in UTC
        usize::try_from(bytes).map_err(|_| TzifError::TooLong)
    }

    /// Reads the block that follows, and the footer if there is one.
    fn zone<'z>(
        &self,
        reader: &mut Reader<'_>,
        time: usize,
        room: &'z mut [Transition],
    ) -> Result<Zone<'z>, TzifError> {
        if self.leap_seconds != 0 {
            return Err(TzifError::LeapSeconds(self.leap_seconds));
        }
        if self.offsets == 0 {
            return Err(TzifError::NoOffsets);
        }
        let mut block = Reader::with_order(reader.take(self.block(time as u64)?)?, Order::Big);
        let count = self.transitions as usize;
        let mut times = Reader::with_order(block.take(count * time)?, Order::Big);
        let indices = block.take(count)?;
        let offsets = block.take(self.offsets as usize * OFFSET_BYTES)?;
        let tail = if time == 8 { footer(reader)? } else { None };

        let mut initial = self.offset(offsets, 0)?;
        let mut current = initial;
        let mut kept = 0;
        let mut keep = |at, offset| {
            if let Some(slot) = room.get_mut(kept) {
                *slot = Transition { at, offset };
            }
            kept += 1;
        };
        // The last time that was read, and whether it was kept.
        let mut last = None;
        for (number, &index) in indices.iter().enumerate() {
            let at = if time == 8 { times.u64()? as i64 } else { i64::from(times.u32()? as i32) };
            let offset = self.offset(offsets, index)?;
            if last.is_some_and(|(last, _)| last >= at) {
                return Err(TzifError::Unordered(number));
            }
            let mut changes = false;
            if at <= BEGIN {
                initial = offset;
                current = offset;
            } else if at < END && offset != current {
                keep(at, offset);
                current = offset;
                changes = true;
            }
            last = Some((at, changes));
        }
        // The tail holds from the last transition on, even from one that changes nothing itself.
        if let (Some((at, false)), Some(_)) = (last, tail) {
            keep(at.clamp(BEGIN, END), current);
        }
        if kept > room.len() {
            return Err(TzifError::TooManyTransitions { needed: kept, room: room.len() });
        }
        let transitions: &'z [Transition] = room.get(..kept).unwrap_or_default();
        Ok(Zone { initial, transitions: without_tail(transitions, tail.as_ref()), tail })
    }

    /// The offset of an index.
    fn offset(&self, offsets: &[u8], index: u8) -> Result<i32, TzifError> {
        let bytes = offsets.get(usize::from(index) * OFFSET_BYTES..);
        match bytes.and_then(|bytes| bytes.first_chunk()).map(|bytes| i32::from_be_bytes(*bytes)) {
            None => Err(TzifError::OffsetIndex { index, count: self.offsets }),
            Some(offset) if !(-OFFSET_MAX..=OFFSET_MAX).contains(&offset) => Err(TzifError::Offset(offset)),
            Some(offset) => Ok(offset),
        }
    }
}

/// Reads the footer, a TZ string between two line feeds. It may be empty.
fn footer(reader: &mut Reader<'_>) -> Result<Option<Tail>, TzifError> {
    if reader.u8()? != b'\n' {
        return Err(TzifError::Footer);
    }
    let rest = reader.rest();
    let end = rest.iter().position(|&byte| byte == b'\n').ok_or(TzifError::Footer)?;
    match reader.take(end)? {
        [] => Ok(None),
        text => Tail::parse(text).map(Some).map_err(TzifError::Tail),
    }
}

/// The transitions without those at the end that the tail makes anyway, but never without the first.
fn without_tail<'z>(transitions: &'z [Transition], tail: Option<&Tail>) -> &'z [Transition] {
    let Some(tail) = tail else { return transitions };
    let mut kept = transitions;
    while let [rest @ .., before, last] = kept {
        // The tail must hold from the last but one on: there, and without a change until the last.
        let segment = tail.whole_segment_at(last.at.saturating_sub(1));
        if segment.offset != before.offset || segment.from > before.at || segment.until != last.at {
            break;
        }
        kept = transitions.get(..rest.len() + 1).unwrap_or_default();
    }
    kept
}
