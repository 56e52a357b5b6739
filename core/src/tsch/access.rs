//! What callers may do, [MS-TSCH] 3.2.5.4: rights are those of files.
//!
//! - To read takes all of FILE_GENERIC_READ, to write FILE_GENERIC_WRITE, to execute FILE_GENERIC_EXECUTE. To delete takes
//!   DELETE, or FILE_DELETE_CHILD in the folder; to make a task FILE_ADD_FILE in its folder, to make folders FILE_ADD_SUBDIRECTORY in
//!   the deepest that is there.
//! - What a caller may not read is to him as what is not there, and a folder that he may not read is no folder. What he may read
//!   gets `E_ACCESSDENIED` if he lacks another right.
//! - Where a name is to be made, one that is taken and not to be read gets `E_ACCESSDENIED`, as every name does in a folder in which
//!   the caller makes nothing: so neither tells which names are taken.
//! - Descriptors count for administrators as for everybody. But to see names and instances in enumerations, to delete, to make
//!   folders, and to read and set descriptors is never refused to them (notes 70 and 79, and the privileges of [MS-DTYP] 2.5.2):
//!   otherwise somebody could make what nobody finds, or gets rid of.

use super::{Arrival, Refusal, Service, context};
use crate::{
    engine::{Entry, Refused, TaskIndex},
    ports::Account,
    security::{AccessMask, Token},
    sid::Sid,
    status::Status,
    task::Path,
};

/// The groups that are in every token of a caller from the network, and of an administrator.
static GROUPS: [Sid; 5] = [Sid::EVERYONE, Sid::AUTHENTICATED_USERS, Sid::NETWORK, Sid::USERS, Sid::ADMINISTRATORS];

/// Who an account is for an access check.
pub(super) fn token(account: &Account) -> Token<'_> {
    let (all, of_users) = (&GROUPS[..], GROUPS.split_last().map_or(&[][..], |(_, others)| others));
    Token {
        user: &account.sid,
        groups: if account.administrator { all } else { of_users },
        relative: &account.groups,
        is_administrator: account.administrator,
    }
}

impl Service<'_, '_> {
    /// Everything that the caller may do with what `path` names, which is there.
    pub(super) fn granted(&mut self, arrival: Arrival<'_>, path: &Path) -> Result<AccessMask, Refusal> {
        let token = token(arrival.account);
        let mut cx = context(&mut self.ports, self.zone, arrival.now);
        match self.engine.granted(&mut cx, path, &token) {
            Err(Refused::NotFound) => Ok(AccessMask::NONE),
            other => Ok(other?),
        }
    }

    /// The task that `path` names, if the caller has these rights, and may read it.
    ///
    /// # Errors
    /// What [`missing`](Self::missing) says if he may not read it, or it is not there; `E_ACCESSDENIED` if he lacks a right.
    #[inline(never)]
    pub(super) fn task(&mut self, arrival: Arrival<'_>, path: &Path, rights: AccessMask) -> Result<TaskIndex, Refusal> {
        match self.engine.find(path) {
            Some(Entry::Task(task)) => self.allow(arrival, path, rights).map(|()| task),
            _ => Err(self.missing(arrival, path)?.into()),
        }
    }

    /// Refuses a caller who may not read what `path` names, or lacks one of these rights.
    pub(super) fn allow(&mut self, arrival: Arrival<'_>, path: &Path, rights: AccessMask) -> Result<(), Refusal> {
        let granted = self.granted(arrival, path)?;
        if !granted.has(AccessMask::FILE_READ) {
            return Err(self.missing(arrival, path)?.into());
        }
        if granted.has(rights) { Ok(()) } else { Err(Status::E_ACCESSDENIED.into()) }
    }

    /// What to say of a path that names nothing that the caller may know of: `E_FILE_NOT_FOUND` if he may read its folder, or it
    /// is the root; otherwise `E_PATH_NOT_FOUND`.
    pub(super) fn missing(&mut self, arrival: Arrival<'_>, path: &Path) -> Result<Status, Refusal> {
        let Some(folder) = path.parent() else { return Ok(Status::E_FILE_NOT_FOUND) };
        let is_there = matches!(self.engine.find(&folder), Some(Entry::Root | Entry::Folder(_)));
        let is_seen = is_there && self.granted(arrival, &folder)?.has(AccessMask::FILE_READ);
        Ok(if is_seen { Status::E_FILE_NOT_FOUND } else { Status::E_PATH_NOT_FOUND })
    }

    /// Whether the caller may make what `path` names, or the folders on the way to it.
    pub(super) fn may_create(&mut self, arrival: Arrival<'_>, path: &Path, is_folder: bool) -> Result<bool, Refusal> {
        let mut right = if is_folder { AccessMask::APPEND_DATA } else { AccessMask::WRITE_DATA };
        let mut above = path.parent();
        while let Some(folder) = above {
            if self.engine.find(&folder).is_some() {
                return Ok(self.granted(arrival, &folder)?.has(right));
            }
            right = AccessMask::APPEND_DATA;
            above = folder.parent();
        }
        Ok(false)
    }

    /// The folder that is made first where `path` is to be made; `path` itself if its folder is there.
    pub(super) fn outermost(&self, path: &Path) -> Path {
        let mut made = path.clone();
        while let Some(above) = made.parent().filter(|above| self.engine.find(above).is_none()) {
            made = above;
        }
        made
    }

    /// Refuses a caller who may not delete what `path` names, which is there.
    pub(super) fn allow_delete(&mut self, arrival: Arrival<'_>, path: &Path) -> Result<(), Refusal> {
        if arrival.account.administrator {
            return Ok(());
        }
        let granted = self.granted(arrival, path)?;
        if !granted.has(AccessMask::FILE_READ) {
            return Err(self.missing(arrival, path)?.into());
        }
        if granted.has(AccessMask::DELETE) {
            return Ok(());
        }
        match path.parent() {
            Some(folder) if self.granted(arrival, &folder)?.has(AccessMask::DELETE_CHILD) => Ok(()),
            _ => Err(Status::E_ACCESSDENIED.into()),
        }
    }
}
