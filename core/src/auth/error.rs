use core::fmt;

use crate::{
    bytes::{Full, Short},
    ports::NoEntropy,
};

/// Why authentication did not go on. It is over then: the acceptor or initiator answers nothing else any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthError {
    /// The peer's token cannot be read, or lies about its lengths.
    Unreadable {
        /// Bytes of the token.
        length: usize,
    },
    /// The peer's token is longer than is kept of it.
    TooLong {
        /// Bytes of the part that is too long.
        length: usize,
        /// The most bytes it may have.
        most: usize,
    },
    /// The peer sent an NTLM message that is not due, or a token after the end.
    OutOfTurn {
        /// Type of the message, [MS-NLMP] 2.2.1; 0 if none was due at all.
        message: u32,
    },
    /// SPNEGO demands a signature of the list of mechanisms that is missing or wrong.
    Tampered,
    /// The peer offers no mechanism that is served here.
    NoMechanism,
    /// The peer does not negotiate what is required here.
    TooWeak {
        /// The flags that were negotiated, [MS-NLMP] 2.2.2.5.
        flags: u32,
    },
    /// The login is refused: wrong name or password, a disabled account, or a kind of login that is not served.
    Denied,
    /// There are no random bytes to be had.
    NoEntropy,
    /// The reply does not fit the buffer lent for it.
    ReplyFull(Full),
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { length } => write!(f, "unreadable token of {length} bytes"),
            Self::TooLong { length, most } => write!(f, "token part of {length} bytes, at most {most} are kept"),
            Self::OutOfTurn { message } => write!(f, "token with message type {message} came out of turn"),
            Self::Tampered => f.write_str("signature of the mechanism list is missing or wrong"),
            Self::NoMechanism => f.write_str("peer offers no mechanism that is served"),
            Self::TooWeak { flags } => write!(f, "negotiated flags 0x{flags:08x} are too weak"),
            Self::Denied => f.write_str("login refused"),
            Self::NoEntropy => NoEntropy.fmt(f),
            Self::ReplyFull(full) => full.fmt(f),
        }
    }
}

impl core::error::Error for AuthError {}

impl From<NoEntropy> for AuthError {
    fn from(_: NoEntropy) -> Self {
        Self::NoEntropy
    }
}

impl From<Full> for AuthError {
    fn from(full: Full) -> Self {
        Self::ReplyFull(full)
    }
}

impl From<Short> for AuthError {
    fn from(short: Short) -> Self {
        Self::Unreadable { length: short.left }
    }
}

/// A signature does not belong to its message at this place in the stream. Nothing more can be verified after it: the
/// connection has to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadSignature;

impl fmt::Display for BadSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("signature does not belong to the message")
    }
}

impl core::error::Error for BadSignature {}
