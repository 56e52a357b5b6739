//! Whether somebody may do something.

use super::{
    ace::{Ace, AceFlags, Kind, Trustee},
    descriptor::Descriptor,
    inherit,
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
    /// Administrators if the user is an administrator; but for those of `relative`.
    pub groups: &'t [Sid],
    /// Groups of the user's own domain: relative identifiers, each the last sub-authority of a SID that is otherwise the user's.
    pub relative: &'t [u32],
    /// Whether the user holds the privileges SE_SECURITY_NAME and SE_TAKE_OWNERSHIP_NAME, as an administrator does: to read and
    /// change SACLs, and to make oneself the owner of anything. It opens nothing else.
    pub is_administrator: bool,
}

impl Token<'_> {
    /// SidInToken, [MS-DTYP] 2.5.3.1.1: whether the user or one of the groups is that SID.
    #[must_use]
    pub fn has(&self, sid: Trustee<'_>) -> bool {
        sid.is(self.user) || self.groups.iter().any(|group| sid.is(group)) || self.has_relative(sid)
    }

    fn has_relative(&self, sid: Trustee<'_>) -> bool {
        self.relative.iter().any(|&relative| self.user.with_relative(relative).is_some_and(|group| sid.is(&group)))
    }

    /// As [`has`](Self::has), of a SID by value.
    #[must_use]
    pub fn is(&self, sid: &Sid) -> bool {
        sid == self.user
            || self.groups.contains(sid)
            || self.relative.iter().any(|&relative| self.user.with_relative(relative).as_ref() == Some(sid))
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
        let bits = token.groups.iter().fold(of(token.user), |bits, group| bits | of(group));
        Self { token, bits: token.relative.iter().fold(bits, |bits, &relative| bits | bit(relative)) }
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
    match ace.kind() {
        Kind::ALLOWED => Effect::Grants,
        Kind::DENIED | Kind::DENIED_OBJECT | Kind::DENIED_CALLBACK | Kind::DENIED_CALLBACK_OBJECT => Effect::Denies,
        Kind::ALLOWED_OBJECT if ace.object_type().is_none() => Effect::Grants,
        _ => Effect::Nothing,
    }
}

/// A walk along a DACL: which rights no ACE has decided yet, and what was granted.
struct Walk {
    open: AccessMask,
    granted: AccessMask,
    /// A denial of one right denies all, and ends the walk.
    is_all: bool,
}

impl Walk {
    /// Grants an owner what is an owner's, if no ACE that says something is about OWNER RIGHTS.
    #[inline]
    fn own<'b>(&mut self, mut said: impl Iterator<Item = Ace<'b>>) {
        if self.open.has_any(OF_OWNER)
            && !said.any(|ace| ace.trustee().is_some_and(|trustee| trustee.is(&Sid::OWNER_RIGHTS)))
        {
            self.granted = self.open & OF_OWNER;
            self.open = self.open & !self.granted;
        }
    }

    /// One ACE that says something; whether the walk goes on.
    #[inline]
    fn step<'b>(&mut self, ace: Ace<'b>, is_about: impl FnOnce(Trustee<'b>) -> bool) -> bool {
        if self.open.is_empty() {
            return false;
        }
        let decided = ace.mask().of_file() & self.open;
        if decided.is_empty() {
            return true;
        }
        let effect = effect(ace);
        if effect == Effect::Nothing || !ace.trustee().is_some_and(is_about) {
            return true;
        }
        self.open = self.open & !decided;
        if effect == Effect::Grants {
            self.granted |= decided;
            return true;
        }
        !self.is_all
    }

    /// Grants `rights` to whoever is still undecided about them.
    fn grant(&mut self, rights: AccessMask) {
        self.granted |= self.open & rights;
        self.open = self.open & !rights;
    }
}

/// Walks the DACL for the rights in `open`, each of which the first ACE about it decides; what is granted of them. A `reader` may
/// read unless an ACE before those that are inherited decides otherwise.
#[inline]
fn walk(descriptor: &Descriptor<'_>, token: &Token<'_>, open: AccessMask, is_all: bool, is_reader: bool) -> AccessMask {
    if open.is_empty() {
        return open;
    }
    let Some(dacl) = descriptor.dacl() else { return open };
    let token = Known::new(token);
    let mut walk = Walk { open, granted: AccessMask::NONE, is_all };
    let is_owner = descriptor.owner_in_place().is_some_and(|owner| token.has(owner));
    let says = |ace: &Ace<'_>| !ace.flags().has(AceFlags::INHERIT_ONLY);
    if is_owner {
        walk.own(dacl.aces().filter(says));
    }
    let mut is_reader = is_reader;
    for ace in dacl.aces().filter(says) {
        if is_reader && ace.flags().has(AceFlags::INHERITED) {
            walk.grant(AccessMask::FILE_READ);
            is_reader = false;
        }
        if !walk.step(ace, |trustee| token.has(trustee) || (is_owner && trustee.is(&Sid::OWNER_RIGHTS))) {
            return walk.granted;
        }
    }
    if is_reader {
        walk.grant(AccessMask::FILE_READ);
    }
    walk.granted
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
    let granted = walk(descriptor, token, open, true, false) | privileged;
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
    granted_with(descriptor, token, None)
}

/// As [`granted`], where `reader`, the principal of a task, has an explicit ACE more that lets it read, behind all others that
/// are explicit.
#[must_use]
pub fn granted_with(descriptor: &Descriptor<'_>, token: &Token<'_>, reader: Option<&Sid>) -> AccessMask {
    let privileged = privileged(token) & AccessMask::WRITE_OWNER;
    let is_reader = reader.is_some_and(|reader| token.is(reader));
    walk(descriptor, token, AccessMask::FILE_ALL & !privileged, false, is_reader) | privileged
}

/// A task or folder that nobody gave a descriptor: what is in a folder, or further below, has what that hands on.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::struct_excessive_bools)] // Whether somebody is something to it, and what it is: nothing of that excludes another.
pub struct Heir {
    /// Whether its owner is one of the SIDs of who asks.
    pub is_owner: bool,
    /// Whether its group is.
    pub is_of_group: bool,
    /// Whether the principal of the task is, for whom there is an explicit ACE that lets it read.
    pub is_reader: bool,
    /// Whether it is a folder.
    pub is_container: bool,
    /// Whether it is in the folder itself, and not further below.
    pub is_direct: bool,
}

/// As [`granted`], of an heir of the folder that `descriptor` belongs to: what the descriptor would grant that
/// [`new_object`](inherit::new_object) makes for it, which is not made. From a folder that hands on nothing it has a list without
/// entries, which grants nothing but what an owner has.
#[must_use]
pub fn granted_to_heir(descriptor: &Descriptor<'_>, heir: Heir, token: &Token<'_>) -> AccessMask {
    let privileged = privileged(token) & AccessMask::WRITE_OWNER;
    let open = AccessMask::FILE_ALL & !privileged;
    let aces = || descriptor.dacl().into_iter().flat_map(|dacl| dacl.aces());
    let Heir { is_owner, is_of_group, is_reader, .. } = heir;
    let known = Known::new(token);
    let mut walk = Walk { open, granted: AccessMask::NONE, is_all: false };
    let says = |ace: &Ace<'_>| {
        (heir.is_direct || !ace.flags().has(AceFlags::NO_PROPAGATE))
            && inherit::inherited(*ace, heir.is_container).is_some_and(|flags| !flags.has(AceFlags::INHERIT_ONLY))
    };
    if is_owner {
        walk.own(aces().filter(says));
    }
    if is_reader {
        walk.grant(AccessMask::FILE_READ);
    }
    for ace in aces().filter(says) {
        let is_about = |trustee: Trustee<'_>| {
            known.has(trustee)
                || (is_owner && (trustee.is(&Sid::CREATOR_OWNER) || trustee.is(&Sid::OWNER_RIGHTS)))
                || (is_of_group && trustee.is(&Sid::CREATOR_GROUP))
        };
        if !walk.step(ace, is_about) {
            break;
        }
    }
    walk.granted | privileged
}

/// What the privileges of a token grant, whatever a descriptor says.
fn privileged(token: &Token<'_>) -> AccessMask {
    if token.is_administrator { AccessMask::SYSTEM_SECURITY | AccessMask::WRITE_OWNER } else { AccessMask::NONE }
}
