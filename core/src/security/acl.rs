//! A list of entries, in place.

use super::{
    ace::{Ace, AceError},
    error::DescriptorError,
};
use crate::limits::ACES;

/// Bytes of the header of an ACL, [MS-DTYP] 2.4.5.
pub(super) const HEADER: usize = 8;
/// ACL_REVISION.
pub(super) const REVISION: u8 = 2;
/// ACL_REVISION_DS, of a list that may have object ACEs.
pub(super) const REVISION_DS: u8 = 4;

/// ACL, [MS-DTYP] 2.4.5, in place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Acl<'b> {
    revision: u8,
    // INVARIANT: `count` ACEs that `Ace::read` checked, one behind the other, and nothing else.
    aces: &'b [u8],
    count: u16,
}

impl<'b> Acl<'b> {
    /// The ACL that `bytes` begin with, checked, and how many bytes it takes.
    ///
    /// What follows its last ACE within its size says nothing.
    pub(super) fn read(bytes: &'b [u8]) -> Result<(Self, usize), DescriptorError> {
        let &[revision, _, size_low, size_high, count_low, count_high, _, _, ..] = bytes else {
            return Err(DescriptorError::Acl);
        };
        if !matches!(revision, REVISION | REVISION_DS) {
            return Err(DescriptorError::AclRevision(revision));
        }
        let size = usize::from(u16::from_le_bytes([size_low, size_high]));
        let count = u16::from_le_bytes([count_low, count_high]);
        if usize::from(count) > ACES {
            return Err(DescriptorError::TooManyAces(count));
        }
        let aces = bytes.get(HEADER..size).ok_or(DescriptorError::Acl)?;
        let mut rest = aces;
        for index in 0..count {
            let ace = Ace::read(rest).map_err(|error| match error {
                AceError::Size => DescriptorError::Ace(index),
                AceError::Sid => DescriptorError::AceSid(index),
            })?;
            if ace.kind().is_object() && revision != REVISION_DS {
                return Err(DescriptorError::ObjectAce(index));
            }
            rest = rest.get(ace.bytes().len()..).unwrap_or_default();
        }
        let aces = aces.get(..aces.len() - rest.len()).unwrap_or_default();
        Ok((Self { revision, aces, count }, size))
    }

    /// AclRevision: 2, or 4 of a list that may have object ACEs.
    #[must_use]
    pub const fn revision(&self) -> u8 {
        self.revision
    }

    /// Number of ACEs.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether there is no ACE, which of a DACL means that nobody may do anything.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The ACEs in their order.
    #[must_use]
    #[inline]
    pub const fn aces(&self) -> Aces<'b> {
        Aces { rest: self.aces }
    }
}

impl core::fmt::Debug for Acl<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.aces()).finish()
    }
}

/// The ACEs of a list.
#[derive(Debug, Clone)]
pub struct Aces<'b> {
    rest: &'b [u8],
}

impl<'b> Iterator for Aces<'b> {
    type Item = Ace<'b>;

    #[inline]
    fn next(&mut self) -> Option<Ace<'b>> {
        let (ace, rest) = Ace::next(self.rest)?;
        self.rest = rest;
        Some(ace)
    }
}
