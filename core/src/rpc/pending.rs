//! What is half done between two steps of an association.

use super::security::Judged;
use crate::{bytes::Order, guid::Guid, time::Monotonic};

/// A presentation context that was accepted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Presentation {
    pub(super) id: u16,
    /// Which of the interfaces of the endpoint.
    pub(super) interface: usize,
}

/// What all fragments of a call, and of its reply, have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) call_id: u32,
    pub(super) context: u16,
    /// Which of the interfaces of the endpoint.
    pub(super) interface: usize,
    pub(super) opnum: u16,
    pub(super) object: Option<Guid>,
    pub(super) order: Order,
    /// The data representation label of the request, as the verification trailer repeats it.
    pub(super) representation: [u8; 4],
    /// Whether no answer is wanted.
    pub(super) maybe: bool,
    pub(super) judged: Judged,
}

/// What is half done between two steps.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pending {
    None,
    /// A request of which fragments are to come: `length` bytes of its stub are in `slot`.
    Joining {
        head: Head,
        slot: usize,
        length: usize,
        since: Monotonic,
    },
    /// A request that was answered with a fault, and of which fragments are to come.
    Discarding {
        call_id: u32,
        since: Monotonic,
    },
    /// A reply of which the bytes `at..length` of `slot` are to be sent.
    Replying {
        head: Head,
        slot: usize,
        at: usize,
        length: usize,
        since: Monotonic,
    },
}

impl Pending {
    pub(super) const fn is_reply(&self) -> bool {
        matches!(self, Self::Replying { .. })
    }

    /// Since when the rest is waited for.
    pub(super) const fn since(&self) -> Option<Monotonic> {
        match self {
            Self::None => None,
            Self::Joining { since, .. } | Self::Discarding { since, .. } | Self::Replying { since, .. } => Some(*since),
        }
    }
}
