//! One entry of a list, and whom it is about.

use super::mask::AccessMask;
use crate::{
    bytes::Reader,
    guid::Guid,
    sid::{SUB_AUTHORITIES_MAX, Sid},
};

/// Bytes of ACE_HEADER, [MS-DTYP] 2.4.4.1.
pub(super) const HEADER: usize = 4;
/// ACE_OBJECT_TYPE_PRESENT, [MS-DTYP] 2.4.4.3.
pub(super) const OBJECT_TYPE_PRESENT: u32 = 1;
/// ACE_INHERITED_OBJECT_TYPE_PRESENT, [MS-DTYP] 2.4.4.3.
pub(super) const INHERITED_OBJECT_TYPE_PRESENT: u32 = 2;

/// AceType, [MS-DTYP] 2.4.4.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kind(pub u8);

/// How what follows the header is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Mask and SID, and for callback kinds application data.
    Plain,
    /// Mask, flags, up to two GUIDs and SID, and for callback kinds application data.
    Object,
    /// Nobody knows.
    Opaque,
}

impl Kind {
    /// ACCESS_ALLOWED_ACE_TYPE, `A`.
    pub const ALLOWED: Self = Self(0x00);
    /// ACCESS_DENIED_ACE_TYPE, `D`.
    pub const DENIED: Self = Self(0x01);
    /// SYSTEM_AUDIT_ACE_TYPE, `AU`.
    pub const AUDIT: Self = Self(0x02);
    /// SYSTEM_ALARM_ACE_TYPE, `AL`: reserved.
    pub const ALARM: Self = Self(0x03);
    /// ACCESS_ALLOWED_OBJECT_ACE_TYPE, `OA`.
    pub const ALLOWED_OBJECT: Self = Self(0x05);
    /// ACCESS_DENIED_OBJECT_ACE_TYPE, `OD`.
    pub const DENIED_OBJECT: Self = Self(0x06);
    /// SYSTEM_AUDIT_OBJECT_ACE_TYPE, `OU`.
    pub const AUDIT_OBJECT: Self = Self(0x07);
    /// SYSTEM_ALARM_OBJECT_ACE_TYPE, `OL`: reserved.
    pub const ALARM_OBJECT: Self = Self(0x08);
    /// ACCESS_ALLOWED_CALLBACK_ACE_TYPE, `XA`.
    pub const ALLOWED_CALLBACK: Self = Self(0x09);
    /// ACCESS_DENIED_CALLBACK_ACE_TYPE, `XD`.
    pub const DENIED_CALLBACK: Self = Self(0x0A);
    /// ACCESS_ALLOWED_CALLBACK_OBJECT_ACE_TYPE, `ZA`.
    pub const ALLOWED_CALLBACK_OBJECT: Self = Self(0x0B);
    /// ACCESS_DENIED_CALLBACK_OBJECT_ACE_TYPE, which SDDL has no letters for.
    pub const DENIED_CALLBACK_OBJECT: Self = Self(0x0C);
    /// SYSTEM_AUDIT_CALLBACK_ACE_TYPE, `XU`.
    pub const AUDIT_CALLBACK: Self = Self(0x0D);
    /// SYSTEM_MANDATORY_LABEL_ACE_TYPE, `ML`.
    pub const MANDATORY_LABEL: Self = Self(0x11);
    /// SYSTEM_RESOURCE_ATTRIBUTE_ACE_TYPE, `RA`: its claim is kept as application data.
    pub const RESOURCE_ATTRIBUTE: Self = Self(0x12);
    /// SYSTEM_SCOPED_POLICY_ID_ACE_TYPE, `SP`.
    pub const SCOPED_POLICY_ID: Self = Self(0x13);
    /// SYSTEM_PROCESS_TRUST_LABEL_ACE_TYPE, `TL`.
    pub const PROCESS_TRUST_LABEL: Self = Self(0x14);
    /// SYSTEM_ACCESS_FILTER_ACE_TYPE, `FL`.
    pub const ACCESS_FILTER: Self = Self(0x15);

    #[inline]
    const fn form(self) -> Form {
        match self.0 {
            0x00..=0x03 | 0x09 | 0x0A | 0x0D | 0x0E | 0x11..=0x15 => Form::Plain,
            0x05..=0x08 | 0x0B | 0x0C | 0x0F | 0x10 => Form::Object,
            _ => Form::Opaque,
        }
    }

    /// Whether it is about a part of an object or a kind of child, which takes a list of revision 4.
    #[must_use]
    pub const fn is_object(self) -> bool {
        matches!(self.form(), Form::Object)
    }

    /// Whether application data follow the SID.
    #[must_use]
    pub const fn has_application_data(self) -> bool {
        matches!(self.0, 0x09..=0x10 | 0x12 | 0x15)
    }

    /// Whether it belongs into a SACL.
    #[must_use]
    pub const fn is_of_sacl(self) -> bool {
        matches!(self.0, 0x02 | 0x03 | 0x07 | 0x08 | 0x0D..=0x15)
    }

    /// Whether it belongs into a DACL.
    #[must_use]
    pub const fn is_of_dacl(self) -> bool {
        matches!(self.0, 0x00 | 0x01 | 0x04..=0x06 | 0x09..=0x0C)
    }
}

/// AceFlags, [MS-DTYP] 2.4.4.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct AceFlags(pub u8);

impl AceFlags {
    /// OBJECT_INHERIT_ACE, `OI`: what is no container inherits it.
    pub const OBJECT_INHERIT: Self = Self(0x01);
    /// CONTAINER_INHERIT_ACE, `CI`: containers inherit it.
    pub const CONTAINER_INHERIT: Self = Self(0x02);
    /// NO_PROPAGATE_INHERIT_ACE, `NP`: children inherit it, and theirs do not.
    pub const NO_PROPAGATE: Self = Self(0x04);
    /// INHERIT_ONLY_ACE, `IO`: it says nothing about the object itself.
    pub const INHERIT_ONLY: Self = Self(0x08);
    /// INHERITED_ACE, `ID`: it came from the parent.
    pub const INHERITED: Self = Self(0x10);
    /// CRITICAL_ACE_FLAG, `CR`.
    pub const CRITICAL: Self = Self(0x20);
    /// SUCCESSFUL_ACCESS_ACE_FLAG, `SA`: what is granted is audited.
    pub const AUDIT_SUCCESS: Self = Self(0x40);
    /// FAILED_ACCESS_ACE_FLAG, `FA`: what is denied is audited.
    pub const AUDIT_FAILURE: Self = Self(0x80);

    /// Whether all of `flags` are set.
    #[must_use]
    pub const fn has(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// These and `flags`.
    #[must_use]
    pub const fn with(self, flags: Self) -> Self {
        Self(self.0 | flags.0)
    }

    /// These but for `flags`.
    #[must_use]
    pub const fn without(self, flags: Self) -> Self {
        Self(self.0 & !flags.0)
    }
}

/// A SID in place: the bytes of a descriptor, which were checked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Trustee<'b>(
    // INVARIANT: the whole binary form of a SID, and nothing behind it.
    &'b [u8],
);

impl<'b> Trustee<'b> {
    /// The SID that `bytes` begin with; `None` if they do not, or if it has no sub-authority and so no written form.
    #[inline]
    pub(super) fn read(bytes: &'b [u8]) -> Option<Self> {
        let &[1, count, ..] = bytes else { return None };
        let count = usize::from(count);
        if count == 0 || count > SUB_AUTHORITIES_MAX {
            return None;
        }
        bytes.get(..8 + 4 * count).map(Self)
    }

    /// The binary form, [MS-DTYP] 2.4.2.2.
    #[must_use]
    pub const fn bytes(self) -> &'b [u8] {
        self.0
    }

    /// The SID by value.
    #[must_use]
    pub fn sid(self) -> Sid {
        Sid::read(&mut Reader::new(self.0)).unwrap_or(Sid::NOBODY)
    }

    /// Whether it is `sid`. Nothing is copied.
    #[must_use]
    #[inline]
    pub fn is(self, sid: &Sid) -> bool {
        sid.is_binary(self.0)
    }
}

impl core::fmt::Debug for Trustee<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(&self.sid(), f)
    }
}

/// ACE, [MS-DTYP] 2.4.4, in place. Of a kind that nobody knows there is only the kind, the flags and the bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Ace<'b> {
    // INVARIANT: what `read` checked: the header says how long they are, and all fields of the kind are within.
    bytes: &'b [u8],
}

/// Why bytes are no ACE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AceError {
    /// The size in the header is less than the fields take, no multiple of 4, or more than there is.
    Size,
    /// The trustee is no SID.
    Sid,
}

impl<'b> Ace<'b> {
    /// The ACE that `bytes` begin with, checked.
    pub(super) fn read(bytes: &'b [u8]) -> Result<Self, AceError> {
        let &[_, _, low, high, ..] = bytes else { return Err(AceError::Size) };
        let size = usize::from(u16::from_le_bytes([low, high]));
        if size < HEADER || size % 4 != 0 {
            return Err(AceError::Size);
        }
        let ace = Self { bytes: bytes.get(..size).ok_or(AceError::Size)? };
        if ace.kind().form() == Form::Opaque {
            return Ok(ace);
        }
        let at = ace.trustee_at().ok_or(AceError::Size)?;
        let behind = ace.bytes.get(at..).ok_or(AceError::Size)?;
        Trustee::read(behind).map(|_| ace).ok_or(AceError::Sid)
    }

    /// The ACE that checked `bytes` begin with, and what follows it.
    #[inline]
    pub(super) fn next(bytes: &'b [u8]) -> Option<(Self, &'b [u8])> {
        let &[_, _, low, high, ..] = bytes else { return None };
        let (bytes, rest) = bytes.split_at_checked(usize::from(u16::from_le_bytes([low, high])))?;
        Some((Self { bytes }, rest))
    }

    #[inline]
    fn word(self, at: usize) -> Option<u32> {
        let word = self.bytes.get(at..at + 4)?;
        word.try_into().ok().map(u32::from_le_bytes)
    }

    /// Where the SID begins; `None` of an opaque kind.
    #[inline]
    fn trustee_at(self) -> Option<usize> {
        match self.kind().form() {
            Form::Plain => Some(8),
            Form::Object => {
                let present = self.word(8)?;
                let guids = [OBJECT_TYPE_PRESENT, INHERITED_OBJECT_TYPE_PRESENT];
                Some(12 + 16 * guids.iter().filter(|guid| present & **guid != 0).count())
            }
            Form::Opaque => None,
        }
    }

    /// What it does.
    #[must_use]
    #[inline]
    pub fn kind(self) -> Kind {
        Kind(self.bytes.first().copied().unwrap_or_default())
    }

    /// How it is inherited, and what is audited.
    #[must_use]
    #[inline]
    pub fn flags(self) -> AceFlags {
        AceFlags(self.bytes.get(1).copied().unwrap_or_default())
    }

    /// The rights that it is about, as they are written; none of an opaque kind.
    #[must_use]
    #[inline]
    pub fn mask(self) -> AccessMask {
        if self.kind().form() == Form::Opaque {
            return AccessMask::NONE;
        }
        AccessMask(self.word(HEADER).unwrap_or_default())
    }

    /// Whom it is about; `None` of an opaque kind.
    #[must_use]
    #[inline]
    pub fn trustee(self) -> Option<Trustee<'b>> {
        let behind = self.bytes.get(self.trustee_at()?..)?;
        let count = usize::from(*behind.get(1)?);
        behind.get(..8 + 4 * count).map(Trustee)
    }

    /// What part of an object it is about, of an object kind.
    #[must_use]
    pub fn object_type(self) -> Option<Guid> {
        self.guid(OBJECT_TYPE_PRESENT, 12)
    }

    /// What kind of child inherits it, of an object kind.
    #[must_use]
    pub fn inherited_object_type(self) -> Option<Guid> {
        let is_second = self.object_type().is_some();
        self.guid(INHERITED_OBJECT_TYPE_PRESENT, if is_second { 28 } else { 12 })
    }

    fn guid(self, which: u32, at: usize) -> Option<Guid> {
        if self.kind().form() != Form::Object || self.word(8)? & which == 0 {
            return None;
        }
        self.bytes.get(at..at + 16)?.try_into().ok().map(Guid::from_bytes)
    }

    /// What follows the SID: the condition of a callback kind, the claim of a resource attribute. Of other kinds it says nothing.
    #[must_use]
    pub fn application_data(self) -> &'b [u8] {
        let behind = || self.bytes.get(self.trustee_at()? + self.trustee()?.bytes().len()..);
        behind().unwrap_or_default()
    }

    /// All of it, with its header.
    #[must_use]
    pub const fn bytes(self) -> &'b [u8] {
        self.bytes
    }

    /// What is between header and SID, without the mask: flags and GUIDs of an object kind.
    pub(super) fn object_bytes(self) -> &'b [u8] {
        self.trustee_at().and_then(|at| self.bytes.get(8..at)).unwrap_or_default()
    }
}

impl core::fmt::Debug for Ace<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Ace")
            .field("kind", &self.kind())
            .field("flags", &self.flags())
            .field("mask", &self.mask())
            .field("trustee", &self.trustee())
            .finish_non_exhaustive()
    }
}
