//! Into the written form.

use core::fmt::{self, Write};

use super::super::{
    ace::{Ace, Kind},
    acl::Acl,
    control::{Control, SecurityInformation},
    descriptor::Descriptor,
    mask::AccessMask,
};
use super::{
    rights::{FLAGS, KINDS, LABEL, SINGLE, WHOLE},
    trustees::letters,
};
use crate::sid::Sid;

/// Writes the parts that `which` selects and that are there.
///
/// # Errors
/// What `out` returns; and an error where a list has an ACE that [`read`](super::read()) would not read: of a kind without letters, with a condition
/// or a claim, or in the wrong list. Something may have been written then. A descriptor that was read has none such.
pub fn write(descriptor: &Descriptor<'_>, which: SecurityInformation, out: &mut dyn Write) -> fmt::Result {
    let named = [
        (SecurityInformation::OWNER, "O:", descriptor.owner()),
        (SecurityInformation::GROUP, "G:", descriptor.group()),
    ];
    for (part, letter, sid) in named {
        if let Some(sid) = sid.filter(|_| which.has(part)) {
            out.write_str(letter)?;
            trustee(&sid, out)?;
        }
    }
    let control = descriptor.control();
    if which.has(SecurityInformation::DACL) && control.has(Control::DACL_PRESENT) {
        let flags = [Control::DACL_PROTECTED, Control::DACL_AUTO_INHERIT_REQ, Control::DACL_AUTO_INHERITED]
            .map(|flag| control.has(flag));
        list("D:", flags, descriptor.dacl(), Kind::is_of_dacl, out)?;
    }
    if which.has(SecurityInformation::SACL) && control.has(Control::SACL_PRESENT) {
        let flags = [Control::SACL_PROTECTED, Control::SACL_AUTO_INHERIT_REQ, Control::SACL_AUTO_INHERITED]
            .map(|flag| control.has(flag));
        list("S:", flags, descriptor.sacl(), Kind::is_of_sacl, out)?;
    }
    Ok(())
}

/// A descriptor that is displayed as [`write()`] writes it.
#[derive(Debug, Clone, Copy)]
pub struct Text<'t> {
    /// The descriptor.
    pub descriptor: &'t Descriptor<'t>,
    /// Its parts that are meant.
    pub which: SecurityInformation,
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(self.descriptor, self.which, f)
    }
}

fn list(
    letter: &str,
    flags: [bool; 3],
    acl: Option<Acl<'_>>,
    belongs: fn(Kind) -> bool,
    out: &mut dyn Write,
) -> fmt::Result {
    out.write_str(letter)?;
    for (_, name) in flags.iter().zip(["P", "AR", "AI"]).filter(|(is_set, _)| **is_set) {
        out.write_str(name)?;
    }
    let Some(acl) = acl else { return out.write_str("NO_ACCESS_CONTROL") };
    acl.aces().try_for_each(|entry| {
        if !belongs(entry.kind()) {
            return Err(fmt::Error);
        }
        ace(entry, out)
    })
}

fn ace(ace: Ace<'_>, out: &mut dyn Write) -> fmt::Result {
    // An entry about no part of an object in particular is an ordinary one.
    let is_plain =
        ace.kind() == Kind::ALLOWED_OBJECT && (ace.object_type(), ace.inherited_object_type()) == (None, None);
    let kind = if is_plain { Kind::ALLOWED } else { ace.kind() };
    let (name, _) = KINDS.iter().find(|(_, named)| *named == kind && !kind.has_application_data()).ok_or(fmt::Error)?;
    write!(out, "({name};")?;
    for (name, _) in FLAGS.iter().filter(|(_, flag)| ace.flags().has(*flag)) {
        out.write_str(name)?;
    }
    out.write_char(';')?;
    mask(kind, ace.mask(), out)?;
    for guid in [ace.object_type(), ace.inherited_object_type()] {
        out.write_char(';')?;
        if let Some(guid) = guid {
            write!(out, "{guid}")?;
        }
    }
    out.write_char(';')?;
    trustee(&ace.trustee().ok_or(fmt::Error)?.sid(), out)?;
    out.write_char(')')
}

fn mask(kind: Kind, mask: AccessMask, out: &mut dyn Write) -> fmt::Result {
    let single: &[(&str, AccessMask)] = if kind == Kind::MANDATORY_LABEL { &LABEL } else { &SINGLE };
    if let Some((name, _)) = WHOLE.iter().find(|(_, whole)| *whole == mask) {
        return out.write_str(name);
    }
    let named = single.iter().fold(AccessMask::NONE, |named, (_, right)| named | *right);
    if !named.has(mask) {
        return write!(out, "{:#x}", mask.0);
    }
    single.iter().filter(|(_, right)| mask.has(*right)).try_for_each(|(name, _)| out.write_str(name))
}

fn trustee(sid: &Sid, out: &mut dyn Write) -> fmt::Result {
    match letters(sid) {
        Some(letters) => out.write_str(letters),
        None => write!(out, "{sid}"),
    }
}
