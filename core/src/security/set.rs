//! Parts of one descriptor in the place of another's.

use super::{
    ace::{Ace, AceFlags, Kind},
    builder::{Builder, Part},
    control::{Control, SecurityInformation},
    descriptor::Descriptor,
    error::BuildError,
    mask::AccessMask,
};
use crate::sid::Sid;

/// Writes `old` with the parts that `which` selects as `given` has them, each list with what Control says of it; the number of
/// bytes written. The bits PROTECTED and UNPROTECTED of `which` then decide whether a list inherits.
///
/// # Errors
/// [`BuildError::Missing`] names parts that are selected and that `given` does not have: a DACL that is not there would let
/// everybody do everything, which only one that is NULL says on purpose. The others tell that the result is too long.
pub fn set(
    old: &Descriptor<'_>,
    given: &Descriptor<'_>,
    which: SecurityInformation,
    into: &mut [u8],
) -> Result<usize, BuildError> {
    let missing = which.0 & SecurityInformation::ALL.0 & !given.parts().0;
    if missing != 0 {
        return Err(BuildError::Missing(SecurityInformation(missing)));
    }
    let of = |part| if which.has(part) { given } else { old };
    let mut builder = Builder::new(into)?;
    if let Some(owner) = of(SecurityInformation::OWNER).owner_in_place() {
        builder.trustee(Part::Owner, owner)?;
    }
    if let Some(group) = of(SecurityInformation::GROUP).group_in_place() {
        builder.trustee(Part::Group, group)?;
    }
    let sacl = of(SecurityInformation::SACL);
    if let Some(acl) = sacl.sacl() {
        builder.list(Part::Sacl, acl)?;
    }
    let dacl = of(SecurityInformation::DACL);
    if let Some(acl) = dacl.dacl() {
        builder.list(Part::Dacl, acl)?;
    }
    let mut control = sacl.control().only(Control::OF_SACL).with(dacl.control().only(Control::OF_DACL));
    for (bit, protected, is_protected) in [
        (SecurityInformation::PROTECTED_DACL, Control::DACL_PROTECTED, true),
        (SecurityInformation::UNPROTECTED_DACL, Control::DACL_PROTECTED, false),
        (SecurityInformation::PROTECTED_SACL, Control::SACL_PROTECTED, true),
        (SecurityInformation::UNPROTECTED_SACL, Control::SACL_PROTECTED, false),
    ] {
        if which.has(bit) {
            control = if is_protected { control.with(protected) } else { control.without(protected) };
        }
    }
    builder.finish(control)
}

/// Writes `descriptor` with an ACE more in its DACL, behind those that are explicit, that lets `reader` read; the number of bytes
/// written. A list that is NULL, or has such an ACE already, stays as it is.
///
/// # Errors
/// The result is too long.
pub fn let_read(descriptor: &Descriptor<'_>, reader: &Sid, into: &mut [u8]) -> Result<usize, BuildError> {
    let mut builder = Builder::new(into)?;
    if let Some(owner) = descriptor.owner_in_place() {
        builder.trustee(Part::Owner, owner)?;
    }
    if let Some(group) = descriptor.group_in_place() {
        builder.trustee(Part::Group, group)?;
    }
    if let Some(acl) = descriptor.sacl() {
        builder.list(Part::Sacl, acl)?;
    }
    if let Some(acl) = descriptor.dacl() {
        let is_such = |ace: Ace<'_>| {
            (ace.kind(), ace.flags(), ace.mask().of_file())
                == (Kind::ALLOWED, AceFlags::default(), AccessMask::FILE_READ)
                && ace.trustee().is_some_and(|trustee| trustee.is(reader))
        };
        let mut is_there = acl.aces().any(is_such);
        builder.begin_list(Part::Dacl)?;
        for ace in acl.aces() {
            if !is_there && ace.flags().has(AceFlags::INHERITED) {
                builder.new_ace(Kind::ALLOWED, AceFlags::default(), AccessMask::FILE_READ, [None, None], reader)?;
                is_there = true;
            }
            builder.changed_ace(ace, ace.flags(), ace.mask(), None)?;
        }
        if !is_there {
            builder.new_ace(Kind::ALLOWED, AceFlags::default(), AccessMask::FILE_READ, [None, None], reader)?;
        }
        builder.end_list()?;
    }
    builder.finish(descriptor.control().only(Control::OF_SACL.with(Control::OF_DACL)))
}
