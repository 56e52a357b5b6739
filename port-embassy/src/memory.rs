//! The memory that a firmware lends, sized when it is linked.
//!
//! What each of them takes on a machine of 32 bits, in bytes. What a whole firmware takes is in
//! `examples/qemu/FIGURES.md`.
//!
//! | for | bytes | |
//! | --- | --- | --- |
//! | each task or folder | 76 | slot, index and queue |
//! | each run at once | 168 | slot and job |
//! | each [`run_actions`](crate::host::Host::run_actions) | | its text, and the largest of the functions' futures |
//! | each connection | 1,924 | slot, and the state of its logins, which is in the future of its socket |
//! | | `RX + TX + 2 · FRAGMENT` | its [`SocketMemory`](crate::net::SocketMemory) |
//! | each call of several fragments at once | `CALL + 12` | |
//! | all calls | `REPLY + IMAGE + RECORD` | |
//! | each account of the store | 96 | a place in the [`AccountBook`](crate::accounts::AccountBook) |
//! | the time of day by SNTP | 232 | |
//! | the [`Host`](crate::host::Host) | 2,488 | of it 1,350 are events that nobody has fetched yet |
//!
//! With the feature `xml`, registering a task of `N` UTF-16 units takes about `4 · N` bytes of heap while it is read;
//! [the front page](crate) says more of it.

use mainspring::{
    engine::{self, InstanceSlot, TaskSlot},
    rpc::{Owner, Pool},
    scheduler::{self, ConnectionSlot},
};

use crate::{actions::Job, net::Closing};

/// Records of history that [`Memory::lend`] has kept: each of one to five entries, and each a key of the flash store. A host may
/// have more or fewer of them: `lent.scheduler.engine.history`.
pub const HISTORY: u32 = 8;

// The table above is a promise.
#[cfg(target_pointer_width = "32")]
const _: () = {
    use crate::{accounts::Kept, host::Host, sntp::SntpMemory};

    assert!(size_of::<TaskSlot>() + 5 * size_of::<u32>() <= 76);
    assert!(size_of::<InstanceSlot>() + size_of::<Job>() <= 168);
    assert!(size_of::<ConnectionSlot>() + size_of::<Closing>() + size_of::<mainspring::rpc::Association>() <= 1924);
    assert!(size_of::<Owner>() <= 12);
    assert!(size_of::<Option<Kept>>() <= 96);
    assert!(size_of::<SntpMemory>() <= 232);
    assert!(size_of::<Host<'static>>() <= 2488);
};

/// All memory that a [`Host`](crate::host::Host) takes. It is zeros at first, so that a `static` of it costs no flash.
///
/// | parameter | counts |
/// | --- | --- |
/// | `TASKS` | tasks and folders there may be |
/// | `INSTANCES` | runs that may be running or waiting at once. What is due when all are taken is skipped, and told as that, so take as many as tasks may be due at one moment |
/// | `CONNECTIONS` | connections that may be open at once: as many as there are sockets |
/// | `CALLS` | calls of more than one fragment that may be under way at once, a registration being one |
/// | `CALL` | bytes of the longest call of several fragments: two for each UTF-16 unit of the longest task XML, and as many for its path and security descriptor |
/// | `REPLY` | bytes of the longest reply: as `CALL`, and more where XML comes without white space, because it is given back with it: some 20 units for each trigger and 250 for the rest |
/// | `IMAGE` | bytes of the longest definition at rest: its values in UTF-8 without the markup. Half of its XML in UTF-16 is plenty where that is ASCII |
/// | `RECORD` | bytes of the longest definition together with its entry: `IMAGE`, and as many as its path and security descriptor have in UTF-8, and some |
///
/// ```
/// use mainspring_embassy::memory::Memory;
///
/// // 32 tasks, four connections, and task XML of 6 KB in UTF-16.
/// static MEMORY: static_cell::ConstStaticCell<Memory<32, 8, 4, 1, 7168, 8192, 2048, 3072>> =
///     static_cell::ConstStaticCell::new(Memory::new());
/// let lent = MEMORY.take().lend();
/// assert_eq!(lent.jobs.len(), 8);
/// ```
#[derive(Debug)]
pub struct Memory<
    const TASKS: usize,
    const INSTANCES: usize,
    const CONNECTIONS: usize,
    const CALLS: usize,
    const CALL: usize,
    const REPLY: usize,
    const IMAGE: usize,
    const RECORD: usize,
> {
    tasks: [TaskSlot; TASKS],
    index: [[u32; 2]; TASKS],
    queue: [[u32; 3]; TASKS],
    instances: [InstanceSlot; INSTANCES],
    record: [u8; RECORD],
    connections: [ConnectionSlot; CONNECTIONS],
    calls: [[u8; CALL]; CALLS],
    owners: [Owner; CALLS],
    reply: [u8; REPLY],
    image: [u8; IMAGE],
    jobs: [Job; INSTANCES],
    closing: [Closing; CONNECTIONS],
}

impl<
    const TASKS: usize,
    const INSTANCES: usize,
    const CONNECTIONS: usize,
    const CALLS: usize,
    const CALL: usize,
    const REPLY: usize,
    const IMAGE: usize,
    const RECORD: usize,
> Memory<TASKS, INSTANCES, CONNECTIONS, CALLS, CALL, REPLY, IMAGE, RECORD>
{
    /// Memory that nobody has used.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            tasks: [TaskSlot::UNUSED; TASKS],
            index: [[0; 2]; TASKS],
            queue: [[0; 3]; TASKS],
            instances: [InstanceSlot::UNUSED; INSTANCES],
            record: [0; RECORD],
            connections: [ConnectionSlot::UNUSED; CONNECTIONS],
            calls: [[0; CALL]; CALLS],
            owners: [Owner::FREE; CALLS],
            reply: [0; REPLY],
            image: [0; IMAGE],
            jobs: [const { Job::FREE }; INSTANCES],
            closing: [const { Closing::new() }; CONNECTIONS],
        }
    }

    /// As a host wants it. It must be as new.
    pub fn lend(&mut self) -> Lent<'_> {
        Lent {
            scheduler: scheduler::Memory {
                engine: engine::Memory {
                    tasks: &mut self.tasks,
                    index: self.index.as_flattened_mut(),
                    queue: self.queue.as_flattened_mut(),
                    instances: &mut self.instances,
                    record: &mut self.record,
                    credentials: &mut [],
                    history: HISTORY,
                },
                connections: &mut self.connections,
                pool: Pool::new(self.calls.as_flattened_mut(), &mut self.owners),
                reply: &mut self.reply,
                image: &mut self.image,
            },
            jobs: &mut self.jobs,
            closing: &self.closing,
        }
    }
}

impl<
    const TASKS: usize,
    const INSTANCES: usize,
    const CONNECTIONS: usize,
    const CALLS: usize,
    const CALL: usize,
    const REPLY: usize,
    const IMAGE: usize,
    const RECORD: usize,
> Default for Memory<TASKS, INSTANCES, CONNECTIONS, CALLS, CALL, REPLY, IMAGE, RECORD>
{
    fn default() -> Self {
        Self::new()
    }
}

/// Memory as a [`Host`](crate::host::Host) wants it, for who sizes it when the firmware runs.
pub struct Lent<'a> {
    /// For the core.
    pub scheduler: scheduler::Memory<'a>,
    /// As many as there are slots for instances; a run for which there is none fails to start.
    pub jobs: &'a mut [Job],
    /// As many as there are slots for connections; one without is not closed by the core's time limits.
    pub closing: &'a [Closing],
}
