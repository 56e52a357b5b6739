//! The letters of rights, flags and kinds, [MS-DTYP] 2.5.1.1.

use super::super::{
    ace::{AceFlags, Kind},
    mask::AccessMask,
};

/// Single rights, in the order of their bits, as they are written.
pub(super) const SINGLE: [(&str, AccessMask); 17] = [
    ("CC", AccessMask(0x0000_0001)),
    ("DC", AccessMask(0x0000_0002)),
    ("LC", AccessMask(0x0000_0004)),
    ("SW", AccessMask(0x0000_0008)),
    ("RP", AccessMask(0x0000_0010)),
    ("WP", AccessMask(0x0000_0020)),
    ("DT", AccessMask(0x0000_0040)),
    ("LO", AccessMask(0x0000_0080)),
    ("CR", AccessMask(0x0000_0100)),
    ("SD", AccessMask::DELETE),
    ("RC", AccessMask::READ_CONTROL),
    ("WD", AccessMask::WRITE_DAC),
    ("WO", AccessMask::WRITE_OWNER),
    ("GA", AccessMask::GENERIC_ALL),
    ("GX", AccessMask::GENERIC_EXECUTE),
    ("GW", AccessMask::GENERIC_WRITE),
    ("GR", AccessMask::GENERIC_READ),
];

/// Rights of files and keys: where they are exactly what is granted they are written. `KX` is read only: it is what `KR` is.
pub(super) const WHOLE: [(&str, AccessMask); 8] = [
    ("FA", AccessMask::FILE_ALL),
    ("FR", AccessMask::FILE_READ),
    ("FW", AccessMask::FILE_WRITE),
    ("FX", AccessMask::FILE_EXECUTE),
    ("KA", AccessMask(0x000F_003F)),
    ("KR", AccessMask(0x0002_0019)),
    ("KW", AccessMask(0x0002_0006)),
    ("KX", AccessMask(0x0002_0019)),
];

/// Rights of a mandatory label.
pub(super) const LABEL: [(&str, AccessMask); 3] =
    [("NW", AccessMask(0x1)), ("NR", AccessMask(0x2)), ("NX", AccessMask(0x4))];

/// Flags of an ACE, in the order of their bits, as they are written.
pub(super) const FLAGS: [(&str, AceFlags); 8] = [
    ("OI", AceFlags::OBJECT_INHERIT),
    ("CI", AceFlags::CONTAINER_INHERIT),
    ("NP", AceFlags::NO_PROPAGATE),
    ("IO", AceFlags::INHERIT_ONLY),
    ("ID", AceFlags::INHERITED),
    ("CR", AceFlags::CRITICAL),
    ("SA", AceFlags::AUDIT_SUCCESS),
    ("FA", AceFlags::AUDIT_FAILURE),
];

/// Kinds of ACEs.
pub(super) const KINDS: [(&str, Kind); 17] = [
    ("A", Kind::ALLOWED),
    ("D", Kind::DENIED),
    ("AU", Kind::AUDIT),
    ("AL", Kind::ALARM),
    ("OA", Kind::ALLOWED_OBJECT),
    ("OD", Kind::DENIED_OBJECT),
    ("OU", Kind::AUDIT_OBJECT),
    ("OL", Kind::ALARM_OBJECT),
    ("XA", Kind::ALLOWED_CALLBACK),
    ("XD", Kind::DENIED_CALLBACK),
    ("ZA", Kind::ALLOWED_CALLBACK_OBJECT),
    ("XU", Kind::AUDIT_CALLBACK),
    ("ML", Kind::MANDATORY_LABEL),
    ("RA", Kind::RESOURCE_ATTRIBUTE),
    ("SP", Kind::SCOPED_POLICY_ID),
    ("TL", Kind::PROCESS_TRUST_LABEL),
    ("FL", Kind::ACCESS_FILTER),
];

/// What `letters` stand for in a table; letter case says nothing.
pub(super) fn find<T: Copy>(table: &[(&str, T)], letters: &str) -> Option<T> {
    table.iter().find(|(name, _)| name.eq_ignore_ascii_case(letters)).map(|(_, value)| *value)
}
