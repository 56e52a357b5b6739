//! NEGOTIATE, [MS-NLMP] 2.2.2.5: the flags that matter here.

use crate::auth::{
    error::AuthError,
    policy::{Policy, Strength},
};

/// NTLMSSP_NEGOTIATE_UNICODE.
pub(super) const UNICODE: u32 = 0x0000_0001;
/// NTLMSSP_REQUEST_TARGET.
pub(super) const REQUEST_TARGET: u32 = 0x0000_0004;
/// NTLMSSP_NEGOTIATE_SIGN.
pub(super) const SIGN: u32 = 0x0000_0010;
/// NTLMSSP_NEGOTIATE_SEAL.
pub(super) const SEAL: u32 = 0x0000_0020;
/// NTLMSSP_NEGOTIATE_NTLM.
pub(super) const NTLM: u32 = 0x0000_0200;
/// NTLMSSP_NEGOTIATE_ALWAYS_SIGN.
pub(super) const ALWAYS_SIGN: u32 = 0x0000_8000;
/// NTLMSSP_TARGET_TYPE_SERVER: the target name is that of a server, not of a domain.
pub(super) const TARGET_TYPE_SERVER: u32 = 0x0002_0000;
/// NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY.
pub(super) const EXTENDED_SESSION_SECURITY: u32 = 0x0008_0000;
/// NTLMSSP_NEGOTIATE_TARGET_INFO.
pub(super) const TARGET_INFO: u32 = 0x0080_0000;
/// NTLMSSP_NEGOTIATE_VERSION.
pub(super) const VERSION: u32 = 0x0200_0000;
/// NTLMSSP_NEGOTIATE_128.
pub(super) const STRENGTH_128: u32 = 0x2000_0000;
/// NTLMSSP_NEGOTIATE_KEY_EXCH.
pub(super) const KEY_EXCHANGE: u32 = 0x4000_0000;
/// NTLMSSP_NEGOTIATE_56.
pub(super) const STRENGTH_56: u32 = 0x8000_0000;

/// Without these nothing is served: text would be in an unknown code page, and there would be no signing keys.
const REQUIRED: u32 = UNICODE | EXTENDED_SESSION_SECURITY;

/// What one side offers under its policy.
pub(super) fn offered(policy: &Policy) -> u32 {
    let strength = match policy.strongest {
        Strength::Bits40 => 0,
        Strength::Bits56 => STRENGTH_56,
        Strength::Bits128 => STRENGTH_56 | STRENGTH_128,
    };
    let key_exchange = if policy.key_exchange { KEY_EXCHANGE } else { 0 };
    REQUIRED | REQUEST_TARGET | SIGN | SEAL | NTLM | ALWAYS_SIGN | TARGET_INFO | VERSION | strength | key_exchange
}

/// The strength that was negotiated, or a refusal if that is not what the policy wants.
pub(super) fn check(flags: u32, policy: &Policy) -> Result<Strength, AuthError> {
    let strength = match flags {
        flags if flags & STRENGTH_128 != 0 => Strength::Bits128,
        flags if flags & STRENGTH_56 != 0 => Strength::Bits56,
        _ => Strength::Bits40,
    };
    let enough = flags & REQUIRED == REQUIRED && strength >= policy.weakest;
    if enough { Ok(strength) } else { Err(AuthError::TooWeak { flags }) }
}
