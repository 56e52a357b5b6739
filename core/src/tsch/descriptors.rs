//! Security descriptors as clients give and get them: SchRpcSetSecurity and SchRpcGetSecurity, and those that come with a
//! registration or a new folder.

use super::{Arrival, Refusal, Service, context, flags, narrow, path};
use crate::{
    engine::Entry,
    ndr::{Decoder, Encoder},
    ports::Account,
    security::{
        AccessMask, Descriptor, SecurityInformation,
        sddl::{self, Fault},
    },
    sid::Sid,
    status::Status,
    task::Path,
};

/// TASK_DONT_ADD_PRINCIPAL_ACE
pub(super) const DONT_ADD_PRINCIPAL_ACE: u32 = 0x10;
/// SCH_FLAG_FOLDER
const FLAG_FOLDER: u32 = 1 << 29;
/// SCH_FLAG_TASK
const FLAG_TASK: u32 = 1 << 30;

/// The descriptor that a text means, read to the front of `room`; and the rest of `room`.
///
/// # Errors
/// `E_INVALIDARG` if it means none, `E_OUTOFMEMORY` if there is no room for it.
fn read<'r>(text: &str, account: &Account, room: &'r mut [u8]) -> Result<(Descriptor<'r>, &'r mut [u8]), Refusal> {
    let [domain @ .., _] = account.sid.sub_authorities() else { return Err(Status::E_INVALIDARG.into()) };
    let domain = Sid::new(account.sid.authority(), domain).filter(|domain| !domain.sub_authorities().is_empty());
    let length = sddl::read(text, domain.as_ref(), room).map_err(|error| match error.what {
        Fault::Room => Status::E_OUTOFMEMORY,
        _ => Status::E_INVALIDARG,
    })?;
    let (bytes, rest) = room.split_at_mut_checked(length).ok_or(Status::E_OUTOFMEMORY)?;
    Ok((Descriptor::parse(bytes).map_err(|_| Status::E_INVALIDARG)?, rest))
}

/// Refuses a descriptor with parts that this caller may not choose for something new: another owner than himself gets
/// ERROR_INVALID_OWNER, a SACL `E_ACCESSDENIED`.
fn allow_parts(given: &Descriptor<'_>, account: &Account) -> Result<(), Refusal> {
    if account.administrator {
        return Ok(());
    }
    if given.parts().has(SecurityInformation::SACL) {
        return Err(Status::E_ACCESSDENIED.into());
    }
    match given.owner() {
        Some(owner) if owner != account.sid => Err(Status::E_INVALID_OWNER.into()),
        _ => Ok(()),
    }
}

/// Whether somebody with these rights may know that there is something to be secured: its readers, and an owner to whom it gives
/// nothing else.
fn sees(granted: AccessMask) -> bool {
    granted.has(AccessMask::FILE_READ) || granted.has(AccessMask::READ_CONTROL | AccessMask::WRITE_DAC)
}

/// The right to set each part of a descriptor that is there already.
fn to_set(given: &Descriptor<'_>) -> AccessMask {
    let parts = given.parts();
    let mut rights = AccessMask::NONE;
    if parts.has(SecurityInformation::DACL) {
        rights |= AccessMask::WRITE_DAC;
    }
    if parts.has(SecurityInformation::OWNER) || parts.has(SecurityInformation::GROUP) {
        rights |= AccessMask::WRITE_OWNER;
    }
    rights
}

impl Service<'_, '_> {
    /// SchRpcSetSecurity (Opnum 4), 3.2.5.4.5. What is set are the parts that the SDDL has; the others stay.
    ///
    /// The page asks for "write access". Here a DACL takes WRITE_DAC, an owner or a group WRITE_OWNER, and a SACL an administrator, as
    /// for a file: otherwise whoever may change a task could make it his. An owner may always set the DACL, of what he may not
    /// read too: what shuts him out can be undone.
    #[inline(never)]
    pub(super) fn set_security(&mut self, arrival: Arrival<'_>, stub: &mut Decoder<'_>) -> Result<Status, Refusal> {
        let name = stub.string()?;
        let text = stub.string()?;
        let given = stub.u32()?;

        let given = flags(given, DONT_ADD_PRINCIPAL_ACE | FLAG_TASK | FLAG_FOLDER)?;
        let path = path(name)?;
        let is_meant = match self.engine.find(&path) {
            Some(Entry::Task(_)) => given & (FLAG_TASK | FLAG_FOLDER) != FLAG_FOLDER,
            Some(_) => given & (FLAG_TASK | FLAG_FOLDER) != FLAG_TASK,
            None => false,
        };
        let administrator = arrival.account.administrator;
        let granted = self.granted(arrival, &path)?;
        if !is_meant || !(administrator || sees(granted)) {
            return Err(self.missing(arrival, &path)?.into());
        }
        if !administrator && !granted.has_any(AccessMask::WRITE_DAC | AccessMask::WRITE_OWNER) {
            return Err(Status::E_ACCESSDENIED.into());
        }
        let (text, room) = narrow(Some(text), core::mem::take(&mut self.scratch))?;
        let (descriptor, room) = read(text.unwrap_or_default(), arrival.account, room)?;
        if descriptor.parts() == SecurityInformation::default() {
            return Err(Status::E_INVALIDARG.into());
        }
        if !administrator && !granted.has(to_set(&descriptor)) {
            return Err(Status::E_ACCESSDENIED.into());
        }
        allow_parts(&descriptor, arrival.account)?;
        let principal_reads = given & DONT_ADD_PRINCIPAL_ACE == 0;
        let mut cx = context(&mut self.ports, self.zone, arrival.now);
        self.engine.set_security(&mut cx, &path, &descriptor, principal_reads, room)?;
        Ok(Status::S_OK)
    }

    /// SchRpcGetSecurity (Opnum 5), 3.2.5.4.6: those of the parts that are there. A SACL is for administrators alone. Clients ask
    /// for more than there is, up to all bits, so what is no part is ignored.
    #[inline(never)]
    pub(super) fn get_security(
        &mut self,
        arrival: Arrival<'_>,
        stub: &mut Decoder<'_>,
        out: &mut Encoder<'_>,
    ) -> Result<Status, Refusal> {
        let name = stub.string()?;
        let which = SecurityInformation(stub.u32()?);

        let path = path(name)?;
        let administrator = arrival.account.administrator;
        if self.engine.find(&path).is_none() {
            return Err(self.missing(arrival, &path)?.into());
        }
        if !administrator {
            let granted = self.granted(arrival, &path)?;
            if !sees(granted) {
                return Err(self.missing(arrival, &path)?.into());
            }
            if which.has(SecurityInformation::SACL) || !granted.has(AccessMask::READ_CONTROL) {
                return Err(Status::E_ACCESSDENIED.into());
            }
        }
        let mut cx = context(&mut self.ports, self.zone, arrival.now);
        let descriptor = self.engine.security(&mut cx, &path, self.scratch)?;
        out.pointer()?;
        out.formatted(|text| sddl::write(&descriptor, which, text))?;
        Ok(Status::S_OK)
    }

    /// Whether a new task or folder may have the descriptor that `text` means, and what it is to keep then.
    pub(super) fn compose<'r>(
        &mut self,
        arrival: Arrival<'_>,
        path: &Path,
        text: &str,
        is_folder: bool,
        room: &'r mut [u8],
    ) -> Result<&'r [u8], Refusal> {
        let (given, room) = read(text, arrival.account, room)?;
        if given.parts() == SecurityInformation::default() {
            return Err(Status::E_INVALIDARG.into());
        }
        allow_parts(&given, arrival.account)?;
        if self.engine.find(path).is_some()
            && !arrival.account.administrator
            && !self.granted(arrival, path)?.has(to_set(&given))
        {
            return Err(Status::E_ACCESSDENIED.into());
        }
        let mut cx = context(&mut self.ports, self.zone, arrival.now);
        Ok(self.engine.compose(&mut cx, path, &given, &arrival.account.sid, is_folder, room)?)
    }
}

/// UTF-16 code units of the DACL of a kept descriptor in its written form; none of one that cannot be written.
#[cfg(feature = "xml")]
pub(super) fn written_units(security: &[u8]) -> usize {
    struct Units(usize);
    impl core::fmt::Write for Units {
        fn write_str(&mut self, text: &str) -> core::fmt::Result {
            self.0 += text.encode_utf16().count();
            Ok(())
        }
    }
    let mut units = Units(0);
    let written =
        Descriptor::parse(security).is_ok_and(|kept| sddl::write(&kept, SecurityInformation::DACL, &mut units).is_ok());
    if written { units.0 } else { 0 }
}
