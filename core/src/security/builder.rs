//! A descriptor that is written part by part, in the order in which its parts lie: owner, group, SACL, DACL.

use super::{
    ace::{Ace, AceFlags, INHERITED_OBJECT_TYPE_PRESENT, Kind, OBJECT_TYPE_PRESENT, Trustee},
    acl::{self, Acl},
    control::Control,
    descriptor::HEADER,
    error::BuildError,
    mask::AccessMask,
};
use crate::{
    bytes::{Full, Writer},
    guid::Guid,
    limits::{ACES, SECURITY_DESCRIPTOR},
    sid::Sid,
};

/// A part that the header has an offset of, which is at this place there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Owner = 4,
    Group = 8,
    Sacl = 12,
    Dacl = 16,
}

/// Writes an ACE: its header, and what `write` puts behind it.
fn put<'b>(
    writer: &mut Writer<'b>,
    kind: Kind,
    flags: AceFlags,
    write: impl FnOnce(&mut Writer<'b>) -> Result<(), Full>,
) -> Result<(), Full> {
    let at = writer.position();
    writer.put(&[kind.0, flags.0, 0, 0])?;
    write(writer)?;
    let size = u16::try_from(writer.position() - at).unwrap_or(u16::MAX);
    writer.patch(at + 2, &size.to_le_bytes())
}

/// A descriptor in the making.
#[derive(Debug)]
pub(super) struct Builder<'b> {
    writer: Writer<'b>,
    // Whether the lent buffer is longer than a descriptor may be.
    is_bounded: bool,
    // Where the list begins that is written, and its ACEs.
    list: usize,
    count: u16,
    revision: u8,
}

impl<'b> Builder<'b> {
    /// One without parts.
    pub(super) fn new(into: &'b mut [u8]) -> Result<Self, BuildError> {
        let is_bounded = into.len() >= SECURITY_DESCRIPTOR;
        let room = into.len().min(SECURITY_DESCRIPTOR);
        let writer = Writer::new(into.get_mut(..room).unwrap_or_default());
        let mut builder = Self { writer, is_bounded, list: 0, count: 0, revision: acl::REVISION };
        let started = builder.writer.zeros(HEADER);
        builder.fits(started)?;
        Ok(builder)
    }

    fn fits<T>(&self, result: Result<T, Full>) -> Result<T, BuildError> {
        result.map_err(|_| if self.is_bounded { BuildError::Long } else { BuildError::Full })
    }

    /// Notes that the part begins here.
    #[allow(clippy::cast_possible_truncation)]
    fn begin(&mut self, part: Part) -> Result<(), BuildError> {
        let at = self.writer.position() as u32;
        let patched = self.writer.patch(part as usize, &at.to_le_bytes());
        self.fits(patched)
    }

    /// Owner or group.
    pub(super) fn sid(&mut self, part: Part, sid: &Sid) -> Result<(), BuildError> {
        self.begin(part)?;
        let written = sid.write(&mut self.writer);
        self.fits(written)
    }

    /// Owner or group of another descriptor.
    pub(super) fn trustee(&mut self, part: Part, sid: Trustee<'_>) -> Result<(), BuildError> {
        self.begin(part)?;
        let written = self.writer.put(sid.bytes());
        self.fits(written)
    }

    /// Begins a list.
    pub(super) fn begin_list(&mut self, part: Part) -> Result<(), BuildError> {
        self.begin(part)?;
        self.list = self.writer.position();
        self.count = 0;
        self.revision = acl::REVISION;
        let begun = self.writer.zeros(acl::HEADER);
        self.fits(begun)
    }

    /// The number of ACEs of the list so far.
    pub(super) const fn count(&self) -> u16 {
        self.count
    }

    /// One more ACE of the list.
    fn ace(
        &mut self,
        kind: Kind,
        flags: AceFlags,
        write: impl FnOnce(&mut Writer<'b>) -> Result<(), Full>,
    ) -> Result<(), BuildError> {
        if usize::from(self.count) >= ACES {
            return Err(BuildError::TooManyAces);
        }
        self.count += 1;
        if kind.is_object() {
            self.revision = acl::REVISION_DS;
        }
        let written = put(&mut self.writer, kind, flags, write);
        self.fits(written)
    }

    /// A new ACE, of a kind that has no application data. GUIDs only count for an object kind.
    pub(super) fn new_ace(
        &mut self,
        kind: Kind,
        flags: AceFlags,
        mask: AccessMask,
        guids: [Option<Guid>; 2],
        trustee: &Sid,
    ) -> Result<(), BuildError> {
        self.ace(kind, flags, |writer| {
            writer.u32(mask.0)?;
            if kind.is_object() {
                let present = [OBJECT_TYPE_PRESENT, INHERITED_OBJECT_TYPE_PRESENT];
                writer.u32(guids.iter().zip(present).filter(|(guid, _)| guid.is_some()).map(|(_, bit)| bit).sum())?;
                guids.iter().flatten().try_for_each(|guid| guid.write(writer))?;
            }
            trustee.write(writer)
        })
    }

    /// An ACE of another descriptor with other flags, and with another mask and another trustee if they are given. One of an
    /// opaque kind keeps what it has.
    pub(super) fn changed_ace(
        &mut self,
        ace: Ace<'_>,
        flags: AceFlags,
        mask: AccessMask,
        trustee: Option<&Sid>,
    ) -> Result<(), BuildError> {
        let Some(old) = ace.trustee() else {
            return self.ace(ace.kind(), flags, |writer| writer.put(ace.bytes().get(4..).unwrap_or_default()));
        };
        self.ace(ace.kind(), flags, |writer| {
            writer.u32(mask.0)?;
            writer.put(ace.object_bytes())?;
            match trustee {
                Some(trustee) => trustee.write(writer)?,
                None => writer.put(old.bytes())?,
            }
            if ace.kind().has_application_data() { writer.put(ace.application_data()) } else { Ok(()) }
        })
    }

    /// Ends the list.
    pub(super) fn end_list(&mut self) -> Result<(), BuildError> {
        let size = u16::try_from(self.writer.position() - self.list).unwrap_or(u16::MAX);
        let [size_low, size_high] = size.to_le_bytes();
        let [count_low, count_high] = self.count.to_le_bytes();
        let header = [self.revision, 0, size_low, size_high, count_low, count_high, 0, 0];
        let patched = self.writer.patch(self.list, &header);
        self.fits(patched)
    }

    /// Takes back the list that was begun last.
    pub(super) fn forget_list(&mut self, part: Part) -> Result<(), BuildError> {
        self.writer.rewind(self.list);
        let patched = self.writer.patch(part as usize, &[0; 4]);
        self.fits(patched)
    }

    /// A list of another descriptor, as it is.
    pub(super) fn list(&mut self, part: Part, acl: Acl<'_>) -> Result<(), BuildError> {
        self.begin_list(part)?;
        for ace in acl.aces() {
            self.changed_ace(ace, ace.flags(), ace.mask(), None)?;
        }
        // A list that may have object ACEs stays one.
        self.revision = acl.revision();
        self.end_list()
    }

    /// Writes the header; the number of bytes of the whole.
    pub(super) fn finish(mut self, control: Control) -> Result<usize, BuildError> {
        let [low, high] = control.with(Control::SELF_RELATIVE).0.to_le_bytes();
        let patched = self.writer.patch(0, &[1, 0, low, high]);
        self.fits(patched)?;
        Ok(self.writer.position())
    }
}
