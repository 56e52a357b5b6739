//! Buffers for calls and replies of several fragments, shared by all connections.

/// Which connection holds a slot. Zero is a free slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, bytemuck::Zeroable)]
pub struct Owner {
    taken: bool,
    connection: u32,
    /// Bytes of the slot that were written since it was taken.
    used: usize,
}

impl Owner {
    /// A free slot: all zeros, for memory that is made when a firmware is linked.
    pub const FREE: Self = Self { taken: false, connection: 0, used: 0 };
}

/// Slots of equal length for calls and replies of several fragments.
///
/// A connection holds one slot at most, from the first fragment of a call to the last of its reply, and no longer than
/// [`CALL_TIME`](crate::limits::CALL_TIME) for each of the two: the association's deadline says so. Connections on which
/// nobody is logged in get a slot only while less than half of them are taken, so that strangers cannot keep those who are
/// logged in from being served.
#[derive(Debug)]
pub struct Pool<'m> {
    memory: &'m mut [u8],
    owners: &'m mut [Owner],
    length: usize,
}

impl<'m> Pool<'m> {
    /// A pool of `owners.len()` slots, over which `memory` is divided evenly.
    ///
    /// A slot should be as long as the scratch of [`Environment`](super::Environment), so that every reply that a service
    /// can write can also be sent.
    #[must_use]
    pub const fn new(memory: &'m mut [u8], owners: &'m mut [Owner]) -> Self {
        let length = match memory.len().checked_div(owners.len()) {
            Some(length) => length,
            None => 0,
        };
        Self { memory, owners, length }
    }

    /// Length of one slot in bytes.
    #[must_use]
    pub const fn slot_length(&self) -> usize {
        self.length
    }

    /// Number of slots in use.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.owners.iter().filter(|owner| owner.taken).count()
    }

    /// Gives back the slot that `connection` holds; harmless if it holds none. What it held is wiped: a registration may
    /// carry a password.
    pub fn release(&mut self, connection: u32) {
        let held = self.owners.iter_mut().enumerate();
        for (slot, owner) in held.filter(|(_, owner)| owner.taken && owner.connection == connection) {
            let begin = slot.saturating_mul(self.length);
            self.memory.get_mut(begin..begin.saturating_add(owner.used)).unwrap_or_default().fill(0);
            *owner = Owner::default();
        }
    }

    /// Takes a free slot; for a stranger, only one of the first half of them.
    pub(super) fn take(&mut self, connection: u32, stranger: bool) -> Option<usize> {
        if stranger && self.taken() >= self.owners.len() / 2 {
            return None;
        }
        let (slot, owner) = self.owners.iter_mut().enumerate().find(|(_, owner)| !owner.taken)?;
        *owner = Owner { taken: true, connection, used: 0 };
        Some(slot)
    }

    /// The bytes of a slot.
    pub(super) fn slot(&self, slot: usize) -> &[u8] {
        let begin = slot.saturating_mul(self.length);
        self.memory.get(begin..begin.saturating_add(self.length)).unwrap_or_default()
    }

    /// Writes `bytes` into a slot at an offset; `None`, and nothing is written, if they do not fit.
    pub(super) fn fill(&mut self, slot: usize, at: usize, bytes: &[u8]) -> Option<()> {
        let end = at.checked_add(bytes.len()).filter(|&end| end <= self.length)?;
        let begin = slot.checked_mul(self.length)?;
        self.memory.get_mut(begin + at..begin + end)?.copy_from_slice(bytes);
        let owner = self.owners.get_mut(slot)?;
        owner.used = owner.used.max(end);
        Some(())
    }
}
