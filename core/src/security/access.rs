//! Whether somebody may do something.

use super::{
    ace::{Ace, AceFlags, Kind, Trustee},
    descriptor::Descriptor,
    mask::AccessMask,
};
use crate::sid::Sid;

/// What the owner of an object may do in any case, if no ACE is about OWNER RIGHTS.
const OF_OWNER: AccessMask = AccessMask(AccessMask::READ_CONTROL.0 | AccessMask::WRITE_DAC.0);

/// Token, [MS-DTYP] 2.5.2: who somebody is, as far as an access check asks.
#[derive(Debug, Clone, Copy)]
pub struct Token<'t> {
    /// The user.
    pub user: &'t Sid,
    /// Every group that the user is in, those that are in everybody's token (Everyone, Authenticated Users) among them, and
    /// Administrators if the user is an administrator.
    pub groups: &'t [Sid],
    /// Whether the user holds the privileges SE_SECURITY_NAME and SE_TAKE_OWNERSHIP_NAME, as an administrator does: to read and
    /// change SACLs, and to make oneself the owner of anything. It opens nothing else.
    pub is_administrator: bool,
}

impl Token<'_> {
    /// SidInToken, [MS-DTYP] 2.5.3.1.1: whether the user or one of the groups is that SID.
    #[must_use]
    pub fn has(&self, sid: Trustee<'_>) -> bool {
        sid.is(self.user) || self.groups.iter().any(|group| sid.is(group))
    }
}

/// A token whose SIDs were looked at once: most trustees are nobody of it, which one bit tells.
struct Known<'t> {
    token: &'t Token<'t>,
    // Of each SID of the token the bit of its last sub-authority is set.
    bits: u64,
}

/// The bit of the last sub-authority of a SID.
#[inline]
const fn bit(last: u32) -> u64 {
    // Accounts of a domain are numbered one after the other, and well-known groups nearly so.
    1 << (last % 64)
}

impl<'t> Known<'t> {
    #[inline]
    fn new(token: &'t Token<'t>) -> Self {
        let of = |sid: &Sid| bit(sid.sub_authorities().last().copied().unwrap_or_default());
        Self { token, bits: token.groups.iter().fold(of(token.user), |bits, group| bits | of(group)) }
    }

    /// SidInToken.
    #[inline]
    fn has(&self, sid: Trustee<'_>) -> bool {
        let last = sid.bytes().last_chunk().map_or(0, |last| u32::from_le_bytes(*last));
        self.bits & bit(last) != 0 && self.token.has(sid)
    }
}

/// Access is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Denied {
    /// What was asked for and is not granted; at least these, where a denial ended the check.
    pub missing: AccessMask,
}

impl core::fmt::Display for Denied {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "access denied: {:?} is not granted", self.missing)
    }
}

impl core::error::Error for Denied {}

/// What an ACE does to the rights of its mask.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    Grants,
    Denies,
    Nothing,
}

/// What an ACE does to whoever its trustee is.
///
/// A condition is never known to hold, because no claims are known: as the specification has it for what is unknown, a
/// conditional ACE then denies and does not grant. A task has no parts: an ACE about a part of an object grants nothing, and denies.
#[inline]
fn effect(ace: Ace<'_>) -> Effect {
    if ace.flags().has(AceFlags::INHERIT_ONLY) {
        return Effect::Nothing;
    }
    match ace.kind() {
        Kind::ALLOWED => Effect::Grants,
        Kind::DENIED | Kind::DENIED_OBJECT | Kind::DENIED_CALLBACK | Kind::DENIED_CALLBACK_OBJECT => Effect::Denies,
        Kind::ALLOWED_OBJECT if ace.object_type().is_none() => Effect::Grants,
        _ => Effect::Nothing,
    }
}

/// Walks the DACL for the rights in `open`, each of which the first ACE about it decides; what is granted of them. `is_all`: a
/// denial of one denies all, and ends the walk.
#[inline]
fn walk(descriptor: &Descriptor<'_>, token: &Token<'_>, mut open: AccessMask, is_all: bool) -> AccessMask {
    if open.is_empty() {
        return open;
    }
    let Some(dacl) = descriptor.dacl() else { return open };
    let token = Known::new(token);
    let mut granted = AccessMask::NONE;
    let is_owner = descriptor.owner_in_place().is_some_and(|owner| token.has(owner));
    if is_owner && open.has_any(OF_OWNER) {
        let is_about_owners = |ace: Ace<'_>| {
            !ace.flags().has(AceFlags::INHERIT_ONLY)
                && ace.trustee().is_some_and(|trustee| trustee.is(&Sid::OWNER_RIGHTS))
        };
        if !dacl.aces().any(is_about_owners) {
            granted = open & OF_OWNER;
            open = open & !granted;
        }
    }
    for ace in dacl.aces() {
        if open.is_empty() {
            break;
        }
        let decided = ace.mask().of_file() & open;
        if decided.is_empty() {
            continue;
        }
        let effect = effect(ace);
        if effect == Effect::Nothing {
            continue;
        }
        let is_about =
            ace.trustee().is_some_and(|trustee| token.has(trustee) || (is_owner && trustee.is(&Sid::OWNER_RIGHTS)));
        if is_about {
            open = open & !decided;
            if effect == Effect::Grants {
                granted |= decided;
            } else if is_all {
                break;
            }
        }
    }
    granted
}

/// Access Check, [MS-DTYP] 2.5.3.2: the rights in `desired`, generic ones mapped to those of files, or what of them is missing.
/// With MAXIMUM_ALLOWED among them all others that are granted come too. No right at all is always granted.
///
/// # Errors
/// [`Denied`] if not all of them are granted.
pub fn check(descriptor: &Descriptor<'_>, token: &Token<'_>, desired: AccessMask) -> Result<AccessMask, Denied> {
    let is_maximum = desired.has(AccessMask::MAXIMUM_ALLOWED);
    let desired = AccessMask(desired.0 & !AccessMask::MAXIMUM_ALLOWED.0).of_file();
    let privileged = privileged(token) & desired;
    let open = AccessMask(desired.0 & !privileged.0);
    // No ACE grants it.
    if open.has(AccessMask::SYSTEM_SECURITY) {
        return Err(Denied { missing: AccessMask::SYSTEM_SECURITY });
    }
    let granted = walk(descriptor, token, open, true) | privileged;
    let missing = AccessMask(desired.0 & !granted.0);
    if !missing.is_empty() {
        return Err(Denied { missing });
    }
    Ok(if is_maximum { granted | self::granted(descriptor, token) } else { granted })
}

/// Everything that is granted, as [`check`] grants it for MAXIMUM_ALLOWED: of the rights of files; ACCESS_SYSTEM_SECURITY comes
/// only to those who ask for it.
#[must_use]
pub fn granted(descriptor: &Descriptor<'_>, token: &Token<'_>) -> AccessMask {
    let privileged = privileged(token) & AccessMask::WRITE_OWNER;
    walk(descriptor, token, AccessMask::FILE_ALL & !privileged, false) | privileged
}

/// What the privileges of a token grant, whatever a descriptor says.
fn privileged(token: &Token<'_>) -> AccessMask {
    if token.is_administrator { AccessMask::SYSTEM_SECURITY | AccessMask::WRITE_OWNER } else { AccessMask::NONE }
}
