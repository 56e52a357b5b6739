//! Security descriptors, [MS-DTYP] 2.4.2 to 2.4.7 and 2.5: who may do what.
//!
//! A [`Descriptor`] is a view of bytes that were checked once; [`sddl`] reads and writes its written form, [`access`] answers
//! whether a [`Token`] may do something, [`inherit`] makes the descriptor of a new task or folder, and [`set()`] replaces parts
//! of one. Nothing here allocates, nothing goes deeper for what somebody wrote, and everything is bounded by
//! [`SECURITY_DESCRIPTOR`](crate::limits::SECURITY_DESCRIPTOR) and [`ACES`](crate::limits::ACES).
//!
//! A task and a folder of tasks have the rights of a file and of a folder, to which generic rights are mapped.
//!
//! What is made here is laid out as owner, group, SACL, DACL behind the header, without gaps.
//!
//! # Where this is less
//!
//! Conditions and claims are kept in binary form and not understood: SDDL with them is refused, and no condition is known to hold.
//! Mandatory labels are kept, and no token has a level. There are no trees of object types: a task has no parts.

mod ace;
mod acl;
mod builder;
mod control;
mod descriptor;
mod error;
mod mask;
mod set;

pub mod access;
pub mod inherit;
pub mod sddl;

pub use access::{Denied, Heir, Token};
pub use ace::{Ace, AceFlags, Kind, Trustee};
pub use acl::{Aces, Acl};
pub use control::{Control, SecurityInformation};
pub use descriptor::Descriptor;
pub use error::{BuildError, DescriptorError};
pub use mask::AccessMask;
pub use set::{let_read, set};
