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
mod crypto;
mod der;
mod environment;
mod error;
mod initiator;
mod ntlm;
mod policy;
mod protection;
mod spnego;

pub use acceptor::{Accepted, Acceptor, Established};
pub use credentials::{Credentials, nt_hash};
pub use environment::{Environment, Identity};
pub use error::{AuthError, BadSignature};
pub use initiator::{Initiated, Initiator};
pub use policy::{Policy, Provider, Strength};
pub use protection::Protection;
