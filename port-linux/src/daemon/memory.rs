//! The memory that the core is lent: zeroed pages, which cost nothing until they are used.

use bytemuck::{Zeroable, allocation::zeroed_slice_box};
use mainspring::{engine, limits::XML_UNITS, rpc::Pool, scheduler::Memory};

/// Connections that may be open at once.
pub(super) const CONNECTIONS: usize = 4096;

/// Instances that may be running, queued or delayed at once.
const INSTANCES: usize = 4096;

/// Accounts that may have a credential kept.
const CREDENTIALS: usize = 1024;

/// Calls of several fragments that may be under way at once.
const LONG_CALLS: usize = 8;

/// Bytes of UTF-16 of the longest task XML, and what a call has beside it.
const CALL: usize = 2 * XML_UNITS + 64 * 1024;

/// Bytes of the longest image of a definition: at most three bytes of UTF-8 for each unit of its XML.
const IMAGE: usize = 3 * XML_UNITS;

/// Bytes of the longest record: an image, and as much again as a path and a security descriptor may have.
const RECORD: usize = IMAGE + 64 * 1024;

/// Records of history: at most 256 KB of what happened last, from 4,096 to 20,480 entries.
const HISTORY: u32 = 4096;

/// Memory for `tasks` tasks and folders. It is never given back: there is one scheduler, and it lives as long as the
/// process.
pub(super) fn lend(tasks: usize) -> Memory<'static> {
    Memory {
        engine: engine::Memory {
            tasks: zeroed(tasks),
            index: zeroed(2 * tasks),
            queue: zeroed(3 * tasks),
            instances: zeroed(INSTANCES),
            record: zeroed(RECORD),
            credentials: zeroed(CREDENTIALS),
            history: HISTORY,
        },
        connections: zeroed(CONNECTIONS),
        pool: Pool::new(zeroed(LONG_CALLS * CALL), zeroed(LONG_CALLS)),
        reply: zeroed(CALL),
        image: zeroed(IMAGE),
    }
}

fn zeroed<T: Zeroable>(count: usize) -> &'static mut [T] {
    Box::leak(zeroed_slice_box(count))
}
