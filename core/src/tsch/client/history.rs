use super::{Elements, Request, status};
use crate::{
    bytes::Full,
    engine::{Happened, LATEST},
    ndr::{DecodeError, Decoder, Encoder},
    status::Status,
    time::{Timestamp, filetime::FileTime},
    tsch::history::ENTRY,
};

/// ReadHistory (Opnum 0) of [`HISTORY_INTERFACE`](crate::tsch::HISTORY_INTERFACE).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadHistory<'r> {
    /// Path of the task.
    pub path: &'r str,
    /// Where to go on; [`LATEST`] at first.
    pub from: u32,
}

impl<'r> ReadHistory<'r> {
    /// From the latest on.
    #[must_use]
    pub const fn latest(path: &'r str) -> Self {
        Self { path, from: LATEST }
    }
}

/// An entry of the history as a client sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryEntry {
    /// When a run started, or the first of the occurrences was told as skipped; `None` if that is not known.
    pub at: Option<Timestamp>,
    /// Milliseconds until it ended, or the last of them was.
    pub span: u64,
    /// What happened; `None` for a kind that is not known.
    pub what: Option<Happened>,
}

/// Answer of [`ReadHistory`].
#[derive(Debug, Clone)]
pub struct ReadHistoryResponse<'b> {
    /// Where to go on; zero at the end.
    pub next: u32,
    /// The entries, the latest first.
    pub entries: Elements<'b, HistoryEntry>,
    /// The return value: `S_FALSE` if there may be more.
    pub status: Status,
}

impl Request for ReadHistory<'_> {
    const OPNUM: u16 = 0;
    type Response<'b> = ReadHistoryResponse<'b>;

    fn encode(&self, stub: &mut Encoder<'_>) -> Result<(), Full> {
        stub.string(self.path)?;
        stub.u32(self.from)
    }

    fn decode<'b>(stub: &mut Decoder<'b>) -> Result<ReadHistoryResponse<'b>, DecodeError> {
        let (next, count) = (stub.u32()?, stub.u32()?);
        let entries = Elements::decode(stub, count, ENTRY, entry)?;
        Ok(ReadHistoryResponse { next, entries, status: status(stub)? })
    }
}

fn entry(stub: &mut Decoder<'_>) -> Result<HistoryEntry, DecodeError> {
    let (at, span, kind, number) = (stub.u64()?, stub.u64()?, stub.u32()?, stub.u32()?);
    let what = u8::try_from(kind).ok().and_then(|kind| Happened::of(kind, number));
    Ok(HistoryEntry { at: (at != 0).then(|| FileTime(at).timestamp()), span, what })
}
