//! A descriptor in place, checked once.

use super::{ace::Trustee, acl::Acl, control::Control, control::SecurityInformation, error::DescriptorError};
use crate::{bytes::Reader, limits::SECURITY_DESCRIPTOR, sid::Sid};

/// Bytes of the header of a descriptor, [MS-DTYP] 2.4.6.
pub(super) const HEADER: usize = 20;

/// SECURITY_DESCRIPTOR, [MS-DTYP] 2.4.6, self-relative, in place.
#[derive(Clone, Copy)]
pub struct Descriptor<'b> {
    control: Control,
    owner: Option<Trustee<'b>>,
    group: Option<Trustee<'b>>,
    dacl: Option<Acl<'b>>,
    sacl: Option<Acl<'b>>,
}

impl<'b> Descriptor<'b> {
    /// Checks everything, once: what it gives out afterwards is there.
    ///
    /// Offsets need no alignment, parts may lie in any order, with anything between and behind them. A list whose bit in Control
    /// is not set is not looked at.
    ///
    /// # Errors
    /// [`DescriptorError`] says what is wrong with the bytes.
    pub fn parse(bytes: &'b [u8]) -> Result<Self, DescriptorError> {
        if bytes.len() > SECURITY_DESCRIPTOR {
            return Err(DescriptorError::Long(bytes.len()));
        }
        let mut reader = Reader::new(bytes);
        let mut header = || -> Result<_, crate::bytes::Short> {
            let [revision, _] = reader.array()?;
            Ok((revision, Control(reader.u16()?), [reader.u32()?, reader.u32()?, reader.u32()?, reader.u32()?]))
        };
        let (revision, control, [owner, group, sacl, dacl]) = header().map_err(|_| DescriptorError::Short)?;
        if revision != 1 {
            return Err(DescriptorError::Revision(revision));
        }
        if !control.has(Control::SELF_RELATIVE) {
            return Err(DescriptorError::Absolute);
        }
        let part = |offset: u32| match usize::try_from(offset) {
            Ok(0) => None,
            Ok(at) => bytes.get(at..).map(|bytes| (at, bytes)).or(Some((at, &[]))),
            Err(_) => Some((HEADER, &[][..])),
        };
        // What each part takes, none of which may be in another.
        let mut taken = [(0, HEADER); 5];
        let mut take = |index: usize, at: usize, length: usize| {
            if let Some(place) = taken.get_mut(index) {
                *place = (at, at + length);
            }
        };
        let mut sid = |index, offset, error| {
            part(offset).map_or(Ok(None), |(at, bytes)| {
                let sid = Trustee::read(bytes).ok_or(error)?;
                take(index, at, sid.bytes().len());
                Ok(Some(sid))
            })
        };
        let owner = sid(1, owner, DescriptorError::Owner)?;
        let group = sid(2, group, DescriptorError::Group)?;
        let mut acl = |index, offset, present| {
            part(offset).filter(|_| control.has(present)).map_or(Ok(None), |(at, bytes)| {
                let (acl, length) = Acl::read(bytes)?;
                take(index, at, length);
                Ok(Some(acl))
            })
        };
        let sacl = acl(3, sacl, Control::SACL_PRESENT)?;
        let dacl = acl(4, dacl, Control::DACL_PRESENT)?;
        let used = || taken.iter().enumerate().filter(|(index, (at, _))| *index == 0 || *at != 0);
        let overlap = used().any(|(index, (from, to))| {
            used().any(|(other, (other_from, other_to))| index != other && from < other_to && other_from < to)
        });
        if overlap {
            return Err(DescriptorError::Overlap);
        }
        Ok(Self { control, owner, group, dacl, sacl })
    }

    /// What it says of its parts.
    #[must_use]
    pub const fn control(&self) -> Control {
        self.control
    }

    /// Who owns the object, by value.
    #[must_use]
    pub fn owner(&self) -> Option<Sid> {
        self.owner.map(Trustee::sid)
    }

    /// The primary group of the owner, by value.
    #[must_use]
    pub fn group(&self) -> Option<Sid> {
        self.group.map(Trustee::sid)
    }

    /// Who owns the object, in place.
    #[must_use]
    #[inline]
    pub const fn owner_in_place(&self) -> Option<Trustee<'b>> {
        self.owner
    }

    /// The primary group of the owner, in place.
    #[must_use]
    pub const fn group_in_place(&self) -> Option<Trustee<'b>> {
        self.group
    }

    /// Who may do what. `None` of a descriptor without a DACL and of one whose DACL is NULL, which mean the same (everybody may do
    /// everything) and which [`Control::DACL_PRESENT`] tells apart; an empty one means the opposite.
    #[must_use]
    #[inline]
    pub const fn dacl(&self) -> Option<Acl<'b>> {
        self.dacl
    }

    /// What is audited, and labels. `None` of a descriptor without a SACL and of one whose SACL is NULL, which
    /// [`Control::SACL_PRESENT`] tells apart.
    #[must_use]
    pub const fn sacl(&self) -> Option<Acl<'b>> {
        self.sacl
    }

    /// The parts that are there: a list that is NULL is.
    #[must_use]
    pub const fn parts(&self) -> SecurityInformation {
        let mut parts = SecurityInformation(0);
        if self.owner.is_some() {
            parts = parts.with(SecurityInformation::OWNER);
        }
        if self.group.is_some() {
            parts = parts.with(SecurityInformation::GROUP);
        }
        if self.control.has(Control::DACL_PRESENT) {
            parts = parts.with(SecurityInformation::DACL);
        }
        if self.control.has(Control::SACL_PRESENT) {
            parts = parts.with(SecurityInformation::SACL);
        }
        parts
    }
}

impl core::fmt::Debug for Descriptor<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Descriptor")
            .field("control", &self.control)
            .field("owner", &self.owner)
            .field("group", &self.group)
            .field("sacl", &self.sacl)
            .field("dacl", &self.dacl)
            .finish()
    }
}
