//! What may be wrong with a descriptor that comes from elsewhere, and with one that is made.

use super::control::SecurityInformation;
use crate::{
    bytes::Full,
    limits::{ACES, SECURITY_DESCRIPTOR},
};

/// Bytes are not a security descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DescriptorError {
    /// They end before the header does.
    Short,
    /// There are more than [`SECURITY_DESCRIPTOR`].
    Long(usize),
    /// The revision is not 1.
    Revision(u8),
    /// It is not self-relative.
    Absolute,
    /// The owner is no SID, or lies outside.
    Owner,
    /// The group is no SID, or lies outside.
    Group,
    /// Two of its parts share bytes, or one lies in the header.
    Overlap,
    /// A list has no room for its header, or for what its size says.
    Acl,
    /// The revision of a list is neither 2 nor 4.
    AclRevision(u8),
    /// A list has more ACEs than [`ACES`].
    TooManyAces(u16),
    /// The size of this ACE of a list is wrong.
    Ace(u16),
    /// The trustee of this ACE of a list is no SID.
    AceSid(u16),
    /// This ACE is of an object kind in a list of revision 2.
    ObjectAce(u16),
}

impl core::fmt::Display for DescriptorError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Short => f.write_str("security descriptor ends in its header"),
            Self::Long(bytes) => {
                write!(f, "security descriptor of {bytes} bytes, at most {SECURITY_DESCRIPTOR} are allowed")
            }
            Self::Revision(found) => write!(f, "security descriptor of revision {found}, expected 1"),
            Self::Absolute => f.write_str("security descriptor that is not self-relative"),
            Self::Owner => f.write_str("owner of the security descriptor is no security identifier"),
            Self::Group => f.write_str("group of the security descriptor is no security identifier"),
            Self::Overlap => f.write_str("parts of the security descriptor overlap"),
            Self::Acl => f.write_str("access control list ends early"),
            Self::AclRevision(found) => write!(f, "access control list of revision {found}, expected 2 or 4"),
            Self::TooManyAces(found) => {
                write!(f, "access control list of {found} entries, at most {ACES} are allowed")
            }
            Self::Ace(index) => write!(f, "size of access control entry {index} is wrong"),
            Self::AceSid(index) => write!(f, "trustee of access control entry {index} is no security identifier"),
            Self::ObjectAce(index) => {
                write!(f, "access control entry {index} is about a part of an object in a list of revision 2")
            }
        }
    }
}

impl core::error::Error for DescriptorError {}

/// A descriptor could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildError {
    /// The lent buffer is too small.
    Full,
    /// It would take more bytes than [`SECURITY_DESCRIPTOR`].
    Long,
    /// A list would have more ACEs than [`ACES`].
    TooManyAces,
    /// Nobody said what its DACL is: with none, everybody could do everything.
    NoDacl,
    /// These parts are to be set, and are not given.
    Missing(SecurityInformation),
}

impl From<Full> for BuildError {
    fn from(_: Full) -> Self {
        Self::Full
    }
}

impl core::fmt::Display for BuildError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Full => f.write_str("no room for the security descriptor"),
            Self::Long => write!(f, "security descriptor of more than {SECURITY_DESCRIPTOR} bytes"),
            Self::TooManyAces => write!(f, "access control list of more than {ACES} entries"),
            Self::NoDacl => f.write_str("no discretionary access control list to begin with"),
            Self::Missing(parts) => {
                write!(f, "parts {:#x} of the security descriptor are to be set, and not given", parts.0)
            }
        }
    }
}

impl core::error::Error for BuildError {}
