//! Who may do what with tasks and folders: the security descriptors that they keep, and what they have of their folders.
//!
//! A task or folder that was given a descriptor keeps it; any other has what the nearest folder above it hands on that keeps one,
//! or the root, for which [`ROOT_SECURITY`] stands until somebody gives it another. Nothing is copied, so that a change of a folder
//! counts for what is in it at once. Its owner is who registered it. What is kept was put together when it was given: as in a file
//! system, what the folder hands on is in it unless it is protected.
//!
//! The principal of a task may read it, unless its registrant said otherwise. That ACE is in no record: an update of the task
//! changes whom it is about.
//!
//! A descriptor that cannot be read grants nothing.

use super::{
    Context, Engine, Entry, Refused, TaskIndex,
    entry::{encode, fetch, folder, parent},
    plan,
    register::principal,
    slots::flag,
};
use crate::{
    event::Event,
    ports::{Key, StoreError},
    security::{
        AccessMask, BuildError, Descriptor, Heir, SecurityInformation, Token,
        access::{granted_to_heir, granted_with},
        inherit::new_object,
        let_read, set,
    },
    sid::Sid,
    store::{self, ENTRY, entry_key},
    task::Path,
};

/// The descriptor of a root to which nobody gave another:
/// `O:BAG:SYD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;CI;FR;;;AU)(A;OICIIO;FA;;;CO)`. Everybody sees folders, SYSTEM and administrators
/// may do everything, and whoever was let make something may do everything with it.
#[rustfmt::skip]
pub static ROOT_SECURITY: [u8; 140] = [
    // Header
    0x01, 0x00, 0x04, 0x90, 0x14, 0x00, 0x00, 0x00, 0x24, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x30, 0x00, 0x00, 0x00,
    // Owner, group
    0x01, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, 0x20, 0x00, 0x00, 0x00, 0x20, 0x02, 0x00, 0x00,
    0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, 0x12, 0x00, 0x00, 0x00,
    // DACL
    0x02, 0x00, 0x5C, 0x00, 0x04, 0x00, 0x00, 0x00,
    0x00, 0x03, 0x14, 0x00, 0xFF, 0x01, 0x1F, 0x00, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, 0x12, 0x00, 0x00, 0x00,
    0x00, 0x03, 0x18, 0x00, 0xFF, 0x01, 0x1F, 0x00, 0x01, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, 0x20, 0x00, 0x00, 0x00,
    0x20, 0x02, 0x00, 0x00,
    0x00, 0x02, 0x14, 0x00, 0x89, 0x00, 0x12, 0x00, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, 0x0B, 0x00, 0x00, 0x00,
    0x00, 0x0B, 0x14, 0x00, 0xFF, 0x01, 0x1F, 0x00, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x00,
];

/// A list without entries: what is in a folder that hands on nothing has it.
static NOBODY: [u8; 28] = [
    0x01, 0x00, 0x04, 0x80, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00,
    0x00, 0x02, 0x00, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00,
];

/// The entry of the root, which there is once somebody gave it a descriptor.
pub(super) const ROOT_KEY: Key = Key { kind: ENTRY, number: 0 };

/// The path in the entry of the root.
const ROOT_PATH: &str = "\\";

/// Somebody who looks into a folder.
#[derive(Debug, Clone, Copy)]
pub struct Viewer<'v> {
    /// The path of the folder.
    pub path: &'v Path,
    /// Who looks.
    pub token: &'v Token<'v>,
}

/// What lets somebody know of a task or folder in an enumeration.
fn is_seen(granted: AccessMask) -> bool {
    granted.has(AccessMask::FILE_READ) || granted.has(AccessMask::FILE_WRITE)
}

/// What somebody who looks into a folder sees of what is in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'v> {
    token: &'v Token<'v>,
    /// Whether he sees what keeps no descriptor: what is his, and what is not.
    own: bool,
    others: bool,
}

impl View<'_> {
    /// Whether what is in the folder is seen, whoever made it, unless it keeps a descriptor.
    pub(super) const fn sees_all(&self) -> bool {
        self.own && self.others
    }

    /// Whether what this is the entry of is seen.
    pub(super) fn sees(&self, entry: &store::Entry<'_>) -> bool {
        match entry.security {
            Some(security) => Descriptor::parse(security)
                .is_ok_and(|kept| is_seen(granted_with(&kept, self.token, entry.reader.as_ref()))),
            None => {
                let is_own = self.token.is(&owner(entry));
                (if is_own { self.own } else { self.others })
                    || entry.reader.as_ref().is_some_and(|reader| self.token.is(reader))
            }
        }
    }
}

/// Who owns what keeps no descriptor.
fn owner(entry: &store::Entry<'_>) -> Sid {
    entry.registrant.unwrap_or(Sid::ADMINISTRATORS)
}

/// Room that descriptors are written to, one behind the other.
struct Room<'r>(&'r mut [u8]);

impl<'r> Room<'r> {
    fn put(&mut self, write: impl FnOnce(&mut [u8]) -> Result<usize, BuildError>) -> Result<Descriptor<'r>, Refused> {
        self.put_bytes(write).and_then(|bytes| Descriptor::parse(bytes).map_err(|_| Refused::Damaged))
    }

    fn put_bytes(&mut self, write: impl FnOnce(&mut [u8]) -> Result<usize, BuildError>) -> Result<&'r [u8], Refused> {
        let room = core::mem::take(&mut self.0);
        let length = write(room).map_err(|error| match error {
            BuildError::Full | BuildError::Long | BuildError::TooManyAces => Refused::TooLarge,
            BuildError::NoDacl | BuildError::Missing(_) => Refused::Damaged,
        })?;
        let (written, rest) = room.split_at_mut_checked(length).ok_or(Refused::TooLarge)?;
        self.0 = rest;
        Ok(written)
    }

    fn copy(&mut self, bytes: &[u8]) -> Result<Descriptor<'r>, Refused> {
        self.put(|room| {
            room.get_mut(..bytes.len()).ok_or(BuildError::Full)?.copy_from_slice(bytes);
            Ok(bytes.len())
        })
    }
}

/// What a folder hands on to something in it that nobody gave a descriptor.
fn hand_on<'r>(
    from: &Descriptor<'_>,
    owner: &Sid,
    is_container: bool,
    room: &mut Room<'r>,
) -> Result<Descriptor<'r>, Refused> {
    put_together(Some(from), None, owner, is_container, room)
        .and_then(|bytes| Descriptor::parse(bytes).map_err(|_| Refused::Damaged))
}

/// `given`, if anything is, with what `parent` hands on, for `owner`.
fn put_together<'r>(
    parent: Option<&Descriptor<'_>>,
    given: Option<&Descriptor<'_>>,
    owner: &Sid,
    is_container: bool,
    room: &mut Room<'r>,
) -> Result<&'r [u8], Refused> {
    let nobody = Descriptor::parse(&NOBODY).map_err(|_| Refused::Damaged)?;
    room.put_bytes(|into| new_object(parent, given, owner, owner, is_container, Some(&nobody), into))
}

/// Refuses what could not be handed on to a folder in a folder, because it would be too long then.
fn can_hand_on(security: &[u8], is_container: bool, room: &mut Room<'_>) -> Result<(), Refused> {
    if !is_container {
        return Ok(());
    }
    let kept = Descriptor::parse(security).map_err(|_| Refused::Damaged)?;
    let mut room = Room(&mut *room.0);
    hand_on(&kept, &Sid::NOBODY, true, &mut room).map(|_| ())
}

impl Engine<'_> {
    fn keeps(&self, entry: Entry) -> bool {
        match entry {
            Entry::Root => self.root.secured,
            Entry::Folder(TaskIndex(index)) | Entry::Task(TaskIndex(index)) => {
                self.memory.tasks.get(index as usize).is_some_and(|slot| slot.has(flag::SECURED))
            }
        }
    }

    fn number(&self, entry: Entry) -> u32 {
        match entry {
            Entry::Root => ROOT_KEY.number,
            Entry::Folder(TaskIndex(index)) | Entry::Task(TaskIndex(index)) => {
                self.memory.tasks.get(index as usize).map_or(u32::MAX, |slot| slot.number)
            }
        }
    }

    /// The number of the nearest folder above `path` that keeps a descriptor, `None` for a root that does not; and how many
    /// folders are between.
    fn keeper(&self, path: &str) -> (Option<u32>, usize) {
        let mut between = 0;
        let mut above = parent(path);
        while !above.is_empty() {
            let slot = self.find_text(above).and_then(|index| self.memory.tasks.get(index as usize));
            if let Some(slot) = slot.filter(|slot| slot.has(flag::SECURED)) {
                return (Some(slot.number), between);
            }
            between += 1;
            above = parent(above);
        }
        (self.root.secured.then_some(ROOT_KEY.number), between)
    }

    /// What is kept under this number, or by a root that keeps nothing.
    fn kept(&mut self, cx: &mut Context<'_>, number: Option<u32>) -> Result<Descriptor<'_>, Refused> {
        let bytes = match number {
            Some(number) => fetch(self.memory.record, cx, number)?.security.ok_or(Refused::Damaged)?,
            None => &ROOT_SECURITY,
        };
        Descriptor::parse(bytes).map_err(|_| Refused::Damaged)
    }

    /// What somebody may do with a task or folder: all rights that he has. Where nobody gave descriptors, and what the root hands
    /// on is enough for everything, the store is not asked.
    ///
    /// # Errors
    /// [`Refused::NotFound`] if there is no such task or folder, or what befell the store.
    pub fn granted(&mut self, cx: &mut Context<'_>, path: &Path, token: &Token<'_>) -> Result<AccessMask, Refused> {
        let entry = self.find(path).ok_or(Refused::NotFound)?;
        match self.look_up_granted(cx, path, entry, token) {
            Err(Refused::Damaged) => Ok(AccessMask::NONE),
            other => other,
        }
    }

    fn look_up_granted(
        &mut self,
        cx: &mut Context<'_>,
        path: &Path,
        entry: Entry,
        token: &Token<'_>,
    ) -> Result<AccessMask, Refused> {
        let number = self.number(entry);
        if self.keeps(entry) {
            let entry = fetch(self.memory.record, cx, number)?;
            let kept = Descriptor::parse(entry.security.unwrap_or(&NOBODY)).map_err(|_| Refused::Damaged)?;
            return Ok(granted_with(&kept, token, entry.reader.as_ref()));
        }
        if entry == Entry::Root {
            return Ok(granted_with(&self.kept(cx, None)?, token, None));
        }
        let (keeper, between) = self.keeper(path.as_str());
        let mut heir = Heir {
            is_owner: false,
            is_of_group: false,
            is_reader: false,
            is_container: matches!(entry, Entry::Folder(_)),
            is_direct: between == 0,
        };
        if keeper.is_none() {
            let granted = granted_to_heir(&self.kept(cx, None)?, heir, token);
            if granted.has(AccessMask::FILE_ALL) {
                return Ok(granted);
            }
        }
        let entry = fetch(self.memory.record, cx, number)?;
        heir.is_owner = token.is(&owner(&entry));
        heir.is_of_group = heir.is_owner;
        heir.is_reader = entry.reader.as_ref().is_some_and(|reader| token.is(reader));
        Ok(granted_to_heir(&self.kept(cx, keeper)?, heir, token))
    }

    /// What somebody sees of what is in a folder.
    pub(super) fn view<'v>(
        &mut self,
        cx: &mut Context<'_>,
        folder: Entry,
        viewer: &Viewer<'v>,
        is_container: bool,
    ) -> Result<View<'v>, Refused> {
        let (keeper, is_direct) = if self.keeps(folder) || folder == Entry::Root {
            (self.keeps(folder).then(|| self.number(folder)), true)
        } else {
            (self.keeper(viewer.path.as_str()).0, false)
        };
        let token = viewer.token;
        let [own, others] = match self.kept(cx, keeper) {
            Ok(kept) => [true, false].map(|is_owner| {
                let heir = Heir { is_owner, is_of_group: is_owner, is_reader: false, is_container, is_direct };
                is_seen(granted_to_heir(&kept, heir, token))
            }),
            Err(Refused::Damaged) => [false, false],
            Err(refused) => return Err(refused),
        };
        Ok(View { token, own, others })
    }

    /// What the folder that `path` is in, which need not be there, hands on: a descriptor like its own.
    fn parent_security<'r>(
        &mut self,
        cx: &mut Context<'_>,
        path: &str,
        room: &mut Room<'r>,
    ) -> Result<Descriptor<'r>, Refused> {
        let (keeper, between) = self.keeper(path);
        let bytes = match keeper {
            Some(number) => fetch(self.memory.record, cx, number)?.security.ok_or(Refused::Damaged)?,
            None => &ROOT_SECURITY[..],
        };
        let mut from = room.copy(bytes)?;
        // What is not handed on further is gone after the first of them, and after that nothing changes.
        for _ in 0..between.min(2) {
            from = hand_on(&from, &Sid::NOBODY, true, room)?;
        }
        Ok(from)
    }

    /// Puts together what a task or folder is to keep: `given`, and what its folder hands on unless `given` is protected. Of one
    /// that is there the parts that `given` does not have stay, and so does its owner; a new one is `owner`'s unless `given` names
    /// another.
    ///
    /// # Errors
    /// [`Refused::TooLarge`] if it does not fit `room`, or could not be handed on, or what befell the store.
    pub fn compose<'r>(
        &mut self,
        cx: &mut Context<'_>,
        path: &Path,
        given: &Descriptor<'_>,
        owner: &Sid,
        is_container: bool,
        room: &'r mut [u8],
    ) -> Result<&'r [u8], Refused> {
        let mut room = Room(room);
        match self.find(path) {
            Some(entry) => Ok(self.change(cx, path, entry, given, &mut room)?.0),
            None => {
                let parent = self.parent_security(cx, path.as_str(), &mut room)?;
                let made = put_together(Some(&parent), Some(given), owner, is_container, &mut room)?;
                can_hand_on(made, is_container, &mut room)?;
                Ok(made)
            }
        }
    }

    /// The descriptor that a task or folder has with the parts of `given`, and who besides may read it. What is damaged counts as
    /// a list without entries, so that an administrator can mend it.
    fn change<'r>(
        &mut self,
        cx: &mut Context<'_>,
        path: &Path,
        entry: Entry,
        given: &Descriptor<'_>,
        room: &mut Room<'r>,
    ) -> Result<(&'r [u8], Option<Sid>), Refused> {
        let nobody = |room: &mut Room<'r>| {
            let nobody = Descriptor::parse(&NOBODY).map_err(|_| Refused::Damaged)?;
            room.put(|into| {
                new_object(None, Some(&nobody), &Sid::ADMINISTRATORS, &Sid::ADMINISTRATORS, true, None, into)
            })
        };
        let (own, reader) = match self.own_security(cx, path, entry, room) {
            Err(Refused::Damaged) => (nobody(room)?, None),
            other => other?,
        };
        let parent = match entry {
            Entry::Root => None,
            _ => Some(match self.parent_security(cx, path.as_str(), room) {
                Err(Refused::Damaged) => nobody(room)?,
                other => other?,
            }),
        };
        let is_container = !matches!(entry, Entry::Task(_));
        let owner = given.owner().or(own.owner()).unwrap_or(Sid::ADMINISTRATORS);
        let whole = put_together(parent.as_ref(), Some(given), &owner, is_container, room)?;
        let whole = Descriptor::parse(whole).map_err(|_| Refused::Damaged)?;
        let changed = room.put_bytes(|into| set(&own, &whole, given.parts(), into))?;
        can_hand_on(changed, is_container, room)?;
        Ok((changed, reader))
    }

    /// The descriptor of a task or folder as clients see it, written to `room`, with the ACE of the principal.
    ///
    /// # Errors
    /// [`Refused::NotFound`] if there is no such task or folder, [`Refused::TooLarge`] if it does not fit `room`, or what befell the
    /// store.
    pub fn security<'r>(
        &mut self,
        cx: &mut Context<'_>,
        path: &Path,
        room: &'r mut [u8],
    ) -> Result<Descriptor<'r>, Refused> {
        let entry = self.find(path).ok_or(Refused::NotFound)?;
        let mut room = Room(room);
        let (own, reader) = self.own_security(cx, path, entry, &mut room)?;
        match reader {
            Some(reader) => room.put(|into| let_read(&own, &reader, into)),
            None => Ok(own),
        }
    }

    /// The descriptor of a task or folder, and whom it is besides that may read it.
    fn own_security<'r>(
        &mut self,
        cx: &mut Context<'_>,
        path: &Path,
        entry: Entry,
        room: &mut Room<'r>,
    ) -> Result<(Descriptor<'r>, Option<Sid>), Refused> {
        if entry == Entry::Root && !self.keeps(entry) {
            return Ok((room.copy(&ROOT_SECURITY)?, None));
        }
        let number = self.number(entry);
        let found = fetch(self.memory.record, cx, number)?;
        let (owner, reader) = (owner(&found), found.reader);
        if let Some(security) = found.security {
            return Ok((room.copy(security)?, reader));
        }
        let parent = self.parent_security(cx, path.as_str(), room)?;
        Ok((hand_on(&parent, &owner, matches!(entry, Entry::Folder(_)), room)?, reader))
    }

    /// Gives a task or folder the parts of `given` that are there; a list has from then on what its folder hands on besides, unless
    /// it is protected. With a DACL the principal of a task may read it if `principal_reads`, which TASK_DONT_ADD_PRINCIPAL_ACE turns
    /// off. `room` is for descriptors on the way.
    ///
    /// # Errors
    /// [`Refused::NotFound`] if there is no such task or folder, [`Refused::TooLarge`] if it does not fit, or what befell the store;
    /// nothing has changed then.
    pub fn set_security(
        &mut self,
        cx: &mut Context<'_>,
        path: &Path,
        given: &Descriptor<'_>,
        principal_reads: bool,
        room: &mut [u8],
    ) -> Result<(), Refused> {
        let entry = self.find(path).ok_or(Refused::NotFound)?;
        let (security, before) = self.change(cx, path, entry, given, &mut Room(room))?;

        let number = self.number(entry);
        let is_list = given.parts().has(SecurityInformation::DACL);
        let reader = match entry {
            Entry::Task(_) if !is_list => before,
            Entry::Task(task) if principal_reads => {
                let definition = self.task(task)?.definition;
                match plan::image(self.memory.record, cx.store, definition) {
                    Ok(image) => principal(&image),
                    Err(Refused::Damaged) => before,
                    Err(refused) => return Err(refused),
                }
            }
            _ => None,
        };
        let definition = match entry {
            Entry::Task(task) => self.task(task).map(|slot| (slot.definition, slot.has(flag::DAMAGED))).ok(),
            _ => None,
        };
        let length = match entry {
            Entry::Root => 0,
            _ => cx.store.get(entry_key(number), self.memory.record)?.ok_or(Refused::Damaged)?,
        };
        let (old, mut into) = self.memory.record.split_at_mut_checked(length).ok_or(Refused::TooLarge)?;
        let old = match entry {
            Entry::Root => folder(ROOT_PATH, None),
            _ => store::Entry::decode(old)?,
        };
        let put = encode(&mut into, number, &store::Entry { security: Some(security), reader, ..old })?;
        // What is looked at together has to fit together: the entry, one that takes its place, and the definition.
        if let Some((definition, false)) = definition {
            match plan::image(into, cx.store, definition) {
                Err(Refused::Store(StoreError::TooSmall { .. }) | Refused::Damaged) => return Err(Refused::TooLarge),
                Err(refused) => return Err(refused),
                Ok(_) => {}
            }
        }
        if let Err(error) = self.written.apply(cx.store, &[put]) {
            self.tell(Event::StoreFailed { error });
            return Err(Refused::Store(error));
        }
        match entry {
            Entry::Root => self.root.secured = true,
            Entry::Folder(TaskIndex(index)) | Entry::Task(TaskIndex(index)) => {
                self.with_task(index, |slot| slot.set(flag::SECURED, true));
            }
        }
        Ok(())
    }
}
