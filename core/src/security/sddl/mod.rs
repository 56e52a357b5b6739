//! SDDL, [MS-DTYP] 2.5.1: the written form of descriptors.
//!
//! # What is read
//!
//! `O:`, `G:`, `D:` and `S:` in any order, each once, with their letters in upper case as Windows demands; the letters of flags,
//! kinds, rights and trustees in either. White space may stand around parts, entries and fields. The flags of a list are `P`, `AR`
//! and `AI` in any order, or `NO_ACCESS_CONTROL` for a list that is NULL. Rights are letters, joined in any order, or one number:
//! hexadecimal with `0x`, octal with `0`, or decimal; nothing is no right. Besides the letters of the specification there are
//! those of Windows: `AP`, `AS`, `EK`, `HO`, `KA`, `SH` and `SS` for trustees, and `CR` as a flag of an entry. An `OA` without GUIDs is an `A`,
//! as on Windows.
//!
//! Kinds of entries that say who may do what belong into `D:`, audits and labels into `S:`.
//!
//! # What is not
//!
//! Conditions (`XA`, `XD`, `XU`, `ZA`, `FL`) and claims (`RA`): they are refused as [`Fault::Condition`], and not taken for entries
//! without them. Nor numbers that are too large or negative, of which Windows makes other numbers.
//!
//! # What is written
//!
//! Parts, flags and rights in the order in which Windows writes them. Rights of files and keys are written where they are exactly
//! what is granted; what letters do not cover is one hexadecimal number. Trustees of a domain are written as SIDs.

mod read;
mod rights;
mod trustees;
mod write;

pub use read::read;
pub use write::{Text, write};

use crate::limits::{ACES, SECURITY_DESCRIPTOR};

/// Why a text is no descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SddlError {
    /// Where in the text, in bytes from its start.
    pub at: usize,
    /// Why.
    pub what: Fault,
}

/// What is wrong with the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Something that begins neither with `O:`, `G:`, `D:` nor `S:`.
    Part,
    /// A part that was there before.
    Repeated,
    /// Flags of a list that there are not.
    ListFlags,
    /// Entries of a list that is NULL.
    NullWithAces,
    /// No `(` where an entry begins, or no `)` at its end.
    Parenthesis,
    /// An entry that has not six fields.
    Fields,
    /// A kind of entry that there is not.
    Kind,
    /// A kind of entry that does not belong into such a list.
    List,
    /// A condition or a claim, which is not understood.
    Condition,
    /// Flags of an entry that there are not.
    AceFlags,
    /// Rights that there are not, or a number that is none of 32 bits.
    Rights,
    /// Something that is no GUID, or one of an entry that has none.
    Guid,
    /// Neither letters of a trustee nor a SID.
    Trustee,
    /// Letters of somebody of a domain, without a domain.
    Domain,
    /// More than [`ACES`] entries in a list.
    TooManyAces,
    /// The descriptor takes more than [`SECURITY_DESCRIPTOR`] bytes.
    Long,
    /// The lent buffer is too small: a fault of the caller.
    Room,
}

impl core::fmt::Display for SddlError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let what = match self.what {
            Fault::Part => "neither O:, G:, D: nor S:",
            Fault::Repeated => "part of the descriptor that was there before",
            Fault::ListFlags => "no flags of an access control list",
            Fault::NullWithAces => "entries of a list that is to be NULL",
            Fault::Parenthesis => "entry of a list without its parentheses",
            Fault::Fields => "entry of a list without its six fields",
            Fault::Kind => "no kind of entry",
            Fault::List => "kind of entry that belongs into the other list",
            Fault::Condition => "conditions and claims are not understood",
            Fault::AceFlags => "no flags of an entry",
            Fault::Rights => "no rights",
            Fault::Guid => "no GUID, or one where there is none",
            Fault::Trustee => "no trustee",
            Fault::Domain => "trustee of a domain, and there is no domain",
            Fault::TooManyAces => return write!(f, "more than {ACES} entries in a list at byte {}", self.at),
            Fault::Long => return write!(f, "security descriptor of more than {SECURITY_DESCRIPTOR} bytes"),
            Fault::Room => "no room for the security descriptor",
        };
        write!(f, "{what} at byte {}", self.at)
    }
}

impl core::error::Error for SddlError {}
