//! Folders and what is in them: SchRpcCreateFolder, SchRpcEnumFolders, SchRpcEnumTasks, SchRpcDelete, SchRpcRename.

use super::{Arrival, Refusal, Service, access::token, context, flags, narrow, path, path_below_root};
use crate::{
    engine::{Entry, Refused, Viewer},
    ndr::{Decoder, Encoder},
    security::AccessMask,
    status::Status,
    text::Utf16,
};

/// TASK_ENUM_HIDDEN: hidden tasks are enumerated too.
pub(super) const ENUM_HIDDEN: u32 = 1;

/// What SchRpcEnumFolders and SchRpcEnumTasks take.
struct Enumeration<'b> {
    path: Utf16<'b>,
    flags: u32,
    start: u32,
    requested: u32,
}

impl Service<'_, '_> {
    /// SchRpcCreateFolder (Opnum 3), 3.2.5.4.4. Folders on the way are made too.
    #[inline(never)]
    pub(super) fn create_folder(&mut self, arrival: Arrival<'_>, stub: &mut Decoder<'_>) -> Result<Status, Refusal> {
        let name = stub.string()?;
        let sddl = stub.unique_string()?;
        let given = stub.u32()?;

        flags(given, 0)?;
        let path = path_below_root(name)?;
        if !arrival.account.administrator {
            let is_taken = self.engine.find(&path).is_some();
            let is_seen = !is_taken || self.granted(arrival, &path)?.has(AccessMask::FILE_READ);
            if !is_seen || !self.may_create(arrival, &path, true)? {
                return Err(Status::E_ACCESSDENIED.into());
            }
        }
        let (sddl, room) = narrow(sddl, core::mem::take(&mut self.scratch))?;
        let security = match sddl {
            Some(text) if self.engine.find(&path).is_none() => {
                Some(self.compose(arrival, &self.outermost(&path), text, true, room)?)
            }
            _ => None,
        };
        let mut cx = context(&mut self.ports, self.zone, arrival.now);
        self.engine.create_folder(&mut cx, &path, arrival.account.sid, security).map_err(no_folder)?;
        Ok(Status::S_OK)
    }

    /// SchRpcDelete (Opnum 13), 3.2.5.4.14. The root gets `E_ACCESSDENIED` (note 76), a folder that is not empty
    /// `E_DIR_NOT_EMPTY`.
    #[inline(never)]
    pub(super) fn delete(&mut self, arrival: Arrival<'_>, stub: &mut Decoder<'_>) -> Result<Status, Refusal> {
        let name = stub.string()?;
        let given = stub.u32()?;

        flags(given, 0)?;
        let path = path(name)?;
        if path.is_root() {
            return Err(Status::E_ACCESSDENIED.into());
        }
        if self.engine.find(&path).is_none() {
            return Err(self.missing(arrival, &path)?.into());
        }
        self.allow_delete(arrival, &path)?;
        self.engine.delete(&mut context(&mut self.ports, self.zone, arrival.now), &path)?;
        Ok(Status::S_OK)
    }

    /// SchRpcEnumFolders (Opnum 6), 3.2.5.4.7. A missing folder gets `E_FILE_NOT_FOUND`, as on real servers.
    pub(super) fn enum_folders(
        &mut self,
        arrival: Arrival<'_>,
        stub: &mut Decoder<'_>,
        out: &mut Encoder<'_>,
    ) -> Result<Status, Refusal> {
        self.enumerate(arrival, stub, out, false)
    }

    /// SchRpcEnumTasks (Opnum 7), 3.2.5.4.8. A missing folder gets `E_FILE_NOT_FOUND`, as on real servers.
    pub(super) fn enum_tasks(
        &mut self,
        arrival: Arrival<'_>,
        stub: &mut Decoder<'_>,
        out: &mut Encoder<'_>,
    ) -> Result<Status, Refusal> {
        self.enumerate(arrival, stub, out, true)
    }

    fn enumerate(
        &mut self,
        arrival: Arrival<'_>,
        stub: &mut Decoder<'_>,
        out: &mut Encoder<'_>,
        tasks: bool,
    ) -> Result<Status, Refusal> {
        let request =
            Enumeration { path: stub.string()?, flags: stub.u32()?, start: stub.u32()?, requested: stub.u32()? };
        match self.names(arrival, &request, out, tasks) {
            Err(Refusal::Status(status)) => {
                out.restart();
                out.u32(request.start)?;
                out.u32(0)?;
                out.null()?;
                Ok(status)
            }
            other => other,
        }
    }

    /// Real servers, and so this one: a request for zero names is one for all of them; one that is filled exactly is
    /// answered with `S_FALSE` even if nothing is left; a start at the end is answered with `S_OK` and ends a client's
    /// loop; one beyond the end with `S_FALSE` and the index as it was.
    fn names(
        &mut self,
        arrival: Arrival<'_>,
        request: &Enumeration<'_>,
        out: &mut Encoder<'_>,
        tasks: bool,
    ) -> Result<Status, Refusal> {
        /// Bytes of the status code at the end.
        const STATUS: usize = 4;
        let hidden = flags(request.flags, ENUM_HIDDEN)? & ENUM_HIDDEN != 0;
        let path = path(request.path)?;
        let folder = match self.engine.find(&path) {
            Some(folder @ (Entry::Root | Entry::Folder(_))) => folder,
            _ => return Err(Status::E_FILE_NOT_FOUND.into()),
        };
        let token = token(arrival.account);
        let viewer = Viewer { path: &path, token: &token };
        // What an administrator could not find he could not get rid of.
        let viewer = if arrival.account.administrator { None } else { Some(&viewer) };
        if viewer.is_some() {
            let granted = self.granted(arrival, &path)?;
            if !granted.has(AccessMask::FILE_READ) && !granted.has(AccessMask::FILE_WRITE) {
                return Err(Status::E_FILE_NOT_FOUND.into());
            }
        }
        let limit = if request.requested == 0 { u32::MAX } else { request.requested };

        let mut cx = context(&mut self.ports, self.zone, arrival.now);
        let engine = &mut *self.engine;
        let mut total = 0;
        out.u32(request.start)?;
        out.u32(0)?;
        let taken = out.strings::<Refusal>(STATUS, |take| {
            let mut taken = 0;
            let mut visit = |name: &str| {
                let took = taken < limit && take(name);
                taken += u32::from(took);
                took
            };
            let enumerated = if tasks {
                engine.tasks(&mut cx, folder, viewer, hidden, request.start, &mut visit)
            } else {
                engine.folders(&mut cx, folder, viewer, request.start, &mut visit)
            }?;
            total = enumerated.total;
            Ok(())
        })?;
        if taken == 0 && request.start < total {
            return Err(Status::E_OUTOFMEMORY.into());
        }
        let next = request.start.saturating_add(taken);
        out.patch_u32(0, next)?;
        out.patch_u32(4, taken)?;
        let more = next != total || taken == limit;
        Ok(if more { Status::S_FALSE } else { Status::S_OK })
    }
}

/// Where something is to be made, a folder that is none is told as such.
fn no_folder(refused: Refused) -> Refusal {
    match refused {
        Refused::FolderNotFound => Status::E_PATH_NOT_FOUND.into(),
        other => other.into(),
    }
}

/// SchRpcRename (Opnum 14), 3.2.5.4.15: `E_NOTIMPL`, as specified.
pub(super) fn rename(stub: &mut Decoder<'_>) -> Result<Status, Refusal> {
    stub.string()?;
    stub.string()?;
    stub.u32()?;
    Err(Status::E_NOTIMPL.into())
}
