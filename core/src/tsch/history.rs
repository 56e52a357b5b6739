//! What happened to a task: an interface of ours beside ITaskSchedulerService, since that has no method for it. A client that
//! does not know it never meets it.
//!
//! ```text
//! [uuid(4f687165-97f9-4d05-9602-c777aed95370), version(1.0)]
//! interface MainspringHistory {
//!     typedef struct {
//!         unsigned hyper at;      // FILETIME: a run's start, or the first of what was skipped; 0 if not known
//!         unsigned hyper span;    // milliseconds to a run's end, or to the last of what was skipped
//!         DWORD kind;             // see Happened::numbers
//!         DWORD number;           // a run's result, or how many were skipped
//!     } HISTORY_ENTRY;
//!
//!     HRESULT ReadHistory(    // Opnum 0
//!         [in, string] const wchar_t* path,
//!         [in] DWORD from,                                // 0xFFFFFFFF, or *next of the call before
//!         [out] DWORD* next,                              // 0 at the end
//!         [out] DWORD* count,
//!         [out, size_is(, *count)] HISTORY_ENTRY** entries);    // the latest first
//! }
//! ```
//!
//! A call looks at a bounded number of records. It answers `S_FALSE` if there may be more, though it may have found nothing.

use super::{Arrival, Refusal, Service, context, path_below_root};
use crate::{
    engine::{HISTORY_ENTRIES, Happening},
    guid::Guid,
    limits::ENUMERATION,
    ndr::{Decoder, Encoder},
    rpc::interface::{Call, Fault, Interface, Level, Method, SyntaxId},
    security::AccessMask,
    status::Status,
    time::filetime::FileTime,
};

/// MainspringHistory as the transport sees it.
pub const HISTORY_INTERFACE: Interface = Interface {
    name: "MainspringHistory",
    syntax: SyntaxId { uuid: Guid::from_u128(0x4f68_7165_97f9_4d05_9602_c777_aed9_5370), major: 1, minor: 0 },
    minimum: Level::Privacy,
    methods: &[Method { name: "ReadHistory", served: true }],
};

/// Bytes of a HISTORY_ENTRY.
pub(super) const ENTRY: usize = 24;

/// Bytes of the entries of one record, and of the return value.
const ROOM: usize = HISTORY_ENTRIES * ENTRY + 4;

impl Service<'_, '_> {
    /// Carries out one call of [`HISTORY_INTERFACE`]; see [`Services::call`](crate::rpc::Services::call).
    ///
    /// # Errors
    /// As for [`call`](Self::call).
    pub fn call_history(&mut self, now: crate::time::Now, call: &Call<'_>, reply: &mut [u8]) -> Result<usize, Fault> {
        if call.opnum != 0 {
            return Err(Fault::OP_RANGE);
        }
        let room = reply.len().min(ENUMERATION);
        let reply = reply.get_mut(..room).unwrap_or_default();
        self.answer(now, call, reply, 12, Self::read_history)
    }

    /// ReadHistory (Opnum 0). Not inlined, as no method is: what it needs of the stack every call would take.
    #[inline(never)]
    fn read_history(
        &mut self,
        arrival: Arrival<'_>,
        stub: &mut Decoder<'_>,
        out: &mut Encoder<'_>,
    ) -> Result<Status, Refusal> {
        let name = stub.string()?;
        let from = stub.u32()?;

        let task = self.task(arrival, &path_below_root(name)?, AccessMask::FILE_READ)?;
        out.u32(0)?; // next
        out.u32(0)?; // count
        out.pointer()?;
        out.u32(0)?; // maximum count
        out.align(8)?;
        let mut count = 0;
        let mut full = false;
        let mut cx = context(&mut self.ports, self.zone, arrival.now);
        let next = self.engine.history(&mut cx, task, from, &mut |entries| {
            if out.left() < ROOM {
                return false;
            }
            for entry in entries {
                full |= put(out, entry).is_err();
                count += 1;
            }
            true
        })?;
        if full || (next == from && count == 0) {
            return Err(Status::E_OUTOFMEMORY.into());
        }
        out.patch_u32(0, next)?;
        out.patch_u32(4, count)?;
        out.patch_u32(12, count)?;
        Ok(if next == 0 { Status::S_OK } else { Status::S_FALSE })
    }
}

fn put(out: &mut Encoder<'_>, entry: &Happening) -> Result<(), crate::bytes::Full> {
    let (kind, number) = entry.what.numbers();
    out.u64(entry.at.map_or(0, |at| FileTime::from(at).0))?;
    out.u64(entry.span)?;
    out.u32(kind.into())?;
    out.u32(number)
}
