//! What a new object gets of the folder that it is made in.

use super::{
    ace::{Ace, AceFlags},
    acl::Acl,
    builder::{Builder, Part},
    control::{Control, SecurityInformation},
    descriptor::Descriptor,
    error::BuildError,
};
use crate::sid::Sid;

/// All that says how an ACE goes on.
const INHERITANCE: AceFlags = AceFlags::OBJECT_INHERIT
    .with(AceFlags::CONTAINER_INHERIT)
    .with(AceFlags::NO_PROPAGATE)
    .with(AceFlags::INHERIT_ONLY);
const INHERITABLE: AceFlags = AceFlags::OBJECT_INHERIT.with(AceFlags::CONTAINER_INHERIT);

/// What a list of the new object is made for.
#[derive(Clone, Copy)]
struct Object<'o> {
    owner: &'o Sid,
    group: &'o Sid,
    is_container: bool,
}

/// One of the two lists of a descriptor.
#[derive(Clone, Copy)]
struct Side {
    part: Part,
    which: SecurityInformation,
    present: Control,
    protected: Control,
    inherited: Control,
    list: for<'b> fn(&Descriptor<'b>) -> Option<Acl<'b>>,
}

const SACL: Side = Side {
    part: Part::Sacl,
    which: SecurityInformation::SACL,
    present: Control::SACL_PRESENT,
    protected: Control::SACL_PROTECTED,
    inherited: Control::SACL_AUTO_INHERITED,
    list: |descriptor| descriptor.sacl(),
};
const DACL: Side = Side {
    part: Part::Dacl,
    which: SecurityInformation::DACL,
    present: Control::DACL_PRESENT,
    protected: Control::DACL_PROTECTED,
    inherited: Control::DACL_AUTO_INHERITED,
    list: |descriptor| descriptor.dacl(),
};

/// Creating a security descriptor, [MS-DTYP] 2.5.3.4, for a task (`is_container` is false) or a folder in the folder of `parent`,
/// with DACL_AUTO_INHERIT and SACL_AUTO_INHERIT; the number of bytes written.
///
/// - Owner and group are those of `creator`, else `owner` and `group`.
/// - A list of `creator` comes first, without what it says was inherited, and behind it what the parent's list has for such an
///   object. A list that is protected inherits nothing, and what it says was inherited is its own from now on. One that is NULL
///   stays so.
/// - Without a list of `creator` it is what is inherited, and if that is nothing, `default_dacl`'s.
/// - What is effective has generic rights mapped to those of files, and CREATOR OWNER and CREATOR GROUP replaced. If it is also
///   for children of a folder, the folder gets two ACEs: one that is effective, and the original, inherit-only.
/// - An ACE for a kind of child ([`Ace::inherited_object_type`]) is for no task and no folder; folders hand it on.
///
/// # Errors
/// [`BuildError::NoDacl`] if nothing is inherited and there is no default: where the specification then lets everybody do
/// everything, it is an error here. The others tell that the result is too long.
pub fn new_object(
    parent: Option<&Descriptor<'_>>,
    creator: Option<&Descriptor<'_>>,
    owner: &Sid,
    group: &Sid,
    is_container: bool,
    default_dacl: Option<&Descriptor<'_>>,
    into: &mut [u8],
) -> Result<usize, BuildError> {
    let given = (creator.and_then(Descriptor::owner), creator.and_then(Descriptor::group));
    let object =
        Object { owner: given.0.as_ref().unwrap_or(owner), group: given.1.as_ref().unwrap_or(group), is_container };
    let mut builder = Builder::new(into)?;
    builder.sid(Part::Owner, object.owner)?;
    builder.sid(Part::Group, object.group)?;
    let sacl = list(&mut builder, SACL, parent, creator, object)?.unwrap_or_default();
    let dacl = match list(&mut builder, DACL, parent, creator, object)? {
        Some(control) => control,
        None => {
            let default = default_dacl.filter(|default| default.control().has(Control::DACL_PRESENT));
            let default = default.ok_or(BuildError::NoDacl)?;
            if let Some(acl) = default.dacl() {
                builder.begin_list(Part::Dacl)?;
                acl.aces().try_for_each(|ace| effective(&mut builder, ace, ace.flags(), object))?;
                builder.end_list()?;
            }
            Control::DACL_PRESENT.with(Control::DACL_DEFAULTED)
        }
    };
    builder.finish(sacl.with(dacl))
}

/// ComputeACL, [MS-DTYP] 2.5.3.4.2, but for defaults: what Control says of the list; `None` if there is none.
fn list(
    builder: &mut Builder<'_>,
    side: Side,
    parent: Option<&Descriptor<'_>>,
    creator: Option<&Descriptor<'_>>,
    object: Object<'_>,
) -> Result<Option<Control>, BuildError> {
    let creator = creator.filter(|creator| creator.parts().has(side.which));
    let said = creator.map(|creator| creator.control().only(side.protected.with(side.inherited))).unwrap_or_default();
    let is_protected = said.has(side.protected);
    let explicit = creator.and_then(side.list);
    if creator.is_some() && explicit.is_none() {
        return Ok(Some(said.with(side.present)));
    }
    builder.begin_list(side.part)?;
    for ace in explicit.iter().flat_map(Acl::aces) {
        if is_protected || !ace.flags().has(AceFlags::INHERITED) {
            effective(builder, ace, ace.flags().without(AceFlags::INHERITED), object)?;
        }
    }
    if is_protected {
        builder.end_list()?;
        return Ok(Some(said.with(side.present)));
    }
    for ace in parent.and_then(side.list).iter().flat_map(Acl::aces) {
        if let Some(flags) = inherited(ace, object.is_container) {
            effective(builder, ace, flags, object)?;
        }
    }
    if creator.is_none() && builder.count() == 0 {
        builder.forget_list(side.part)?;
        return Ok(None);
    }
    builder.end_list()?;
    Ok(Some(side.present.with(side.inherited)))
}

/// ComputeInheritedACLfromParent, [MS-DTYP] 2.5.3.4.4: the flags of the ACE where a child inherits it; `None` if it does not.
pub(super) fn inherited(ace: Ace<'_>, is_container: bool) -> Option<AceFlags> {
    let flags = ace.flags();
    let is_for_such = ace.inherited_object_type().is_none();
    let inherited = if !is_container {
        (is_for_such && flags.has(AceFlags::OBJECT_INHERIT)).then(|| flags.without(INHERITANCE))
    } else if is_for_such && flags.has(AceFlags::CONTAINER_INHERIT) {
        let is_last = flags.has(AceFlags::NO_PROPAGATE);
        Some(flags.without(if is_last { INHERITANCE } else { AceFlags::INHERIT_ONLY }))
    } else {
        let goes_on = flags.0 & INHERITABLE.0 != 0 && !flags.has(AceFlags::NO_PROPAGATE);
        goes_on.then(|| flags.with(AceFlags::INHERIT_ONLY))
    };
    inherited.map(|flags| flags.with(AceFlags::INHERITED))
}

/// PostProcessACL, [MS-DTYP] 2.5.3.4: writes the ACE as what it is for the object, and as what it is for the object's children if
/// that is not the same.
fn effective(builder: &mut Builder<'_>, ace: Ace<'_>, flags: AceFlags, object: Object<'_>) -> Result<(), BuildError> {
    let mapped = ace.mask().of_file();
    let instead = match ace.trustee() {
        Some(trustee) if trustee.is(&Sid::CREATOR_OWNER) => Some(object.owner),
        Some(trustee) if trustee.is(&Sid::CREATOR_GROUP) => Some(object.group),
        _ => None,
    };
    let is_general = mapped != ace.mask() || instead.is_some();
    if !is_general || flags.has(AceFlags::INHERIT_ONLY) {
        return builder.changed_ace(ace, flags, ace.mask(), None);
    }
    if object.is_container && flags.0 & INHERITABLE.0 != 0 {
        builder.changed_ace(ace, flags.without(INHERITANCE), mapped, instead)?;
        return builder.changed_ace(ace, flags.with(AceFlags::INHERIT_ONLY), ace.mask(), None);
    }
    builder.changed_ace(ace, flags, mapped, instead)
}
