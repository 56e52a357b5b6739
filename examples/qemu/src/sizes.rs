//! How much of everything there is, chosen when the firmware is built: `MAINSPRING_SIZES=small`, `large`, or neither, for the
//! appliance that the tests boot. The other two are what the guide of the port says that they take.

use mainspring_embassy::memory::HISTORY;

/// Everything that a firmware decides the size of.
struct Sizes {
    tasks: usize,
    instances: usize,
    connections: usize,
    calls: usize,
    call: usize,
    reply: usize,
    image: usize,
    record: usize,
    runners: usize,
    heap: usize,
}

const CHOSEN: Sizes = if cfg!(sizes = "small") {
    // Up to 8 tasks, the longest of 1,500 units of XML.
    Sizes {
        tasks: 8,
        instances: 3,
        connections: 2,
        calls: 1,
        call: 3200,
        reply: 4096,
        image: 1024,
        record: 1280,
        runners: 2,
        heap: 7 * 1024,
    }
} else if cfg!(sizes = "large") {
    // Up to 100 tasks, the longest of 8,000 units of XML.
    Sizes {
        tasks: 100,
        instances: 12,
        connections: 8,
        calls: 2,
        call: 16_384,
        reply: 18_432,
        image: 5120,
        record: 5632,
        runners: 6,
        heap: 34 * 1024,
    }
} else {
    // Up to 32 tasks, the longest of 3,072 units of XML and 100 of path and security descriptor; it comes back with white space.
    Sizes {
        tasks: 32,
        instances: 6,
        connections: 4,
        calls: 1,
        call: 6400,
        reply: 7168,
        image: 2048,
        record: 2240,
        runners: 3,
        heap: 13 * 1024 - 1744,
    }
};

/// Tasks and folders there may be.
pub(crate) const TASKS: usize = CHOSEN.tasks;
/// Runs that may be running or waiting at once.
pub(crate) const INSTANCES: usize = CHOSEN.instances;
/// Connections that may be open at once.
pub(crate) const CONNECTIONS: usize = CHOSEN.connections;
/// Calls of several fragments that may be under way at once.
pub(crate) const CALLS: usize = CHOSEN.calls;
/// Bytes of the longest call.
pub(crate) const CALL: usize = CHOSEN.call;
/// Bytes of the longest reply.
pub(crate) const REPLY: usize = CHOSEN.reply;
/// Bytes of the longest definition at rest.
pub(crate) const IMAGE: usize = CHOSEN.image;
/// Bytes of the longest definition with its entry.
pub(crate) const RECORD: usize = CHOSEN.record;
/// Actions that may run at once.
pub(crate) const RUNNERS: usize = CHOSEN.runners;
/// Bytes of the heap, which only task XML uses.
pub(crate) const HEAP: usize = CHOSEN.heap;
/// Items of the flash: definition, entry and state of each task, what runs, what the store notes of itself, a definition beside
/// the one that it replaces, the history, and some that were just deleted. A definition that is longer than half a kilobyte
/// takes several.
pub(crate) const KEYS: usize = 3 * TASKS + INSTANCES + 21 + HISTORY as usize;
/// The longest fragment that is taken.
pub(crate) const FRAGMENT: u16 = mainspring::limits::FRAGMENT_MIN;
/// Bytes of a command with its arguments, parameters put in.
pub(crate) const TEXT: usize = 512;
