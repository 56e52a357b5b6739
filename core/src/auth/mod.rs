//! Who is at the other end, and what protects the bytes in between: NTLMv2, raw or inside SPNEGO, for both sides of a
//! connection.
//!
//! An [`Acceptor`] (server) or an [`Initiator`] (client) is fed the peer's tokens and writes its own until it gives a
//! [`Protection`], which signs and seals PDUs. Neither reads a clock or makes random bytes: both are lent.
//!
//! What is served, and what is not:
//! - NTLMv2 only. LM, NTLMv1 and anonymous logins are refused, whatever the flags say.
//! - Extended session security and Unicode names are required; sealing keys are as strong as [`Policy`] demands, by
//!   default 128 bits.
//! - SPNEGO (RFC 4178, [MS-SPNG]) with NTLMSSP as its only mechanism. A client that prefers another one is asked for a
//!   signature of its list of mechanisms, which is then mandatory.
//! - No Kerberos, no datagram mode, no channel bindings (those of a client are tolerated and not checked).
//!
//! A wrong name, a wrong password, a disabled account and a message that was changed on the way take the same work and
//! get the same answer, [`AuthError::Denied`].

mod acceptor;
mod credentials;
mod der;
mod error;
mod initiator;
mod ntlm;
mod protection;
mod spnego;

pub use acceptor::{Accepted, Acceptor, Environment, Established, Identity};
pub use credentials::{Credentials, nt_hash, password_is};
pub use error::{AuthError, BadSignature};
pub use initiator::{Initiated, Initiator};
pub use protection::Protection;

/// How tokens are wrapped; the number is the authentication type of [MS-RPCE] 2.2.1.1.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// NTLM messages as they are, authentication type 10.
    Ntlm,
    /// SPNEGO, authentication type 9. An acceptor also takes bare NTLM messages here, because some clients send them.
    Spnego,
}

/// How many unpredictable bits a sealing key has, [MS-NLMP] 3.4.5.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// 40 bits: neither NTLMSSP_NEGOTIATE_56 nor NTLMSSP_NEGOTIATE_128. Protects from nobody.
    Bits40,
    /// 56 bits: NTLMSSP_NEGOTIATE_56. Protects from nobody.
    Bits56,
    /// 128 bits: NTLMSSP_NEGOTIATE_128.
    Bits128,
}

/// What one side wants negotiated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// The weakest sealing key that is accepted.
    pub weakest: Strength,
    /// The strongest sealing key that is offered.
    pub strongest: Strength,
    /// Whether NTLMSSP_NEGOTIATE_KEY_EXCH is offered: a session key drawn by the client instead of one derived from
    /// the password.
    pub key_exchange: bool,
}

/// 128-bit keys and nothing weaker, with key exchange: what Windows demands since Windows 7.
impl Default for Policy {
    fn default() -> Self {
        Self { weakest: Strength::Bits128, strongest: Strength::Bits128, key_exchange: true }
    }
}
