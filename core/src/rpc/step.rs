//! What one step of an association comes to.

use crate::event::Closed;

/// What came of one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Step {
    /// Bytes at the front of what was received that are done with.
    pub consumed: usize,
    /// Bytes at the front of the reply room to send, before the next step and before a close.
    pub produced: usize,
    /// Whether another step can be made at once: a reply goes on, or more whole fragments were received.
    pub more: bool,
    /// Why the connection is to be closed, once what was produced is sent. Further steps give nothing.
    pub close: Option<Closed>,
    /// A login that began or ended in this step.
    pub login: Option<Login>,
    /// What to add to the statistics of the server.
    pub counts: Counts,
}

/// How far a login is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Login {
    /// The client has sent its first token, and is answered with what it must prove that it knows the password for.
    Begun,
    /// The client is who it says.
    Done,
    /// The login was refused, or went wrong.
    Failed,
}

/// What one step counts for, as `rpc_mgmt_inq_stats` tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Calls received whole.
    pub calls_in: u32,
    /// Calls made by the server: none, ever.
    pub calls_out: u32,
    /// Fragments received.
    pub packets_in: u32,
    /// Fragments sent.
    pub packets_out: u32,
}

/// What one PDU came to.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) produced: usize,
    pub(super) close: Option<Closed>,
    pub(super) login: Option<Login>,
    pub(super) called: bool,
}

impl Done {
    pub(super) fn close(reason: Closed) -> Self {
        Self { close: Some(reason), ..Self::default() }
    }

    pub(super) fn reply(produced: usize) -> Self {
        Self { produced, ..Self::default() }
    }

    pub(super) fn and_close(self, reason: Closed) -> Self {
        Self { close: Some(reason), ..self }
    }
}
