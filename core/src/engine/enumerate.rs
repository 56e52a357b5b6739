//! What a folder holds.

use super::{
    Context, Engine, Entry, Enumerated, Refused, TaskSlot,
    entry::fetch,
    list::{self, Link},
    security::Viewer,
    slots::flag,
};
use crate::task::Path;

/// Whether a folder's tasks or its sub-folders are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Children {
    Tasks,
    Folders,
}

impl Children {
    /// Of which kind an entry is.
    pub(super) const fn of(slot: &TaskSlot) -> Self {
        if slot.has(flag::FOLDER) { Self::Folders } else { Self::Tasks }
    }
}

impl Engine<'_> {
    /// Calls `visit` with the names of the folder's tasks in a stable order, from the `start`-th on, until it returns
    /// false; a name for which it did counts as not taken. Tasks with the setting Hidden count only with `hidden`, and what a
    /// `viewer` may neither read nor write does not; without one everything counts.
    ///
    /// The order is that in which they were first registered. Whether there are more names than were taken, the
    /// answer tells: `start` and the number of those taken, against the number of all that were found.
    ///
    /// # Errors
    /// [`Refused::FolderNotFound`] if `folder` is none, or what befell the store.
    pub fn tasks(
        &mut self,
        cx: &mut Context<'_>,
        folder: Entry,
        viewer: Option<&Viewer<'_>>,
        hidden: bool,
        start: u32,
        visit: &mut dyn FnMut(&str) -> bool,
    ) -> Result<Enumerated, Refused> {
        self.children(cx, folder, viewer, Children::Tasks, hidden, start, visit)
    }

    /// As [`tasks`](Self::tasks), for sub-folders.
    ///
    /// # Errors
    /// As for tasks.
    pub fn folders(
        &mut self,
        cx: &mut Context<'_>,
        folder: Entry,
        viewer: Option<&Viewer<'_>>,
        start: u32,
        visit: &mut dyn FnMut(&str) -> bool,
    ) -> Result<Enumerated, Refused> {
        self.children(cx, folder, viewer, Children::Folders, true, start, visit)
    }

    #[allow(clippy::too_many_arguments)]
    fn children(
        &mut self,
        cx: &mut Context<'_>,
        folder: Entry,
        viewer: Option<&Viewer<'_>>,
        kind: Children,
        hidden: bool,
        start: u32,
        visit: &mut dyn FnMut(&str) -> bool,
    ) -> Result<Enumerated, Refused> {
        let view = match viewer {
            Some(viewer) => Some(self.view(cx, folder, viewer, kind == Children::Folders)?),
            None => None,
        };
        let folder = match folder {
            Entry::Root => None,
            Entry::Folder(index) => Some(index.0),
            Entry::Task(_) => return Err(Refused::FolderNotFound),
        };
        let last = self.last_child(folder, kind).ok_or(Refused::FolderNotFound)?;
        let mut enumerated = Enumerated { taken: 0, total: 0 };
        let mut wanted = true;
        for index in list::iter::<TaskSlot, _>(self.memory.tasks, last) {
            let Some(slot) = self.memory.tasks.get(index as usize) else { break };
            if slot.has(flag::HIDDEN) && !hidden {
                continue;
            }
            let asks = view.filter(|view| slot.has(flag::SECURED) || !view.sees_all());
            let is_due = wanted && enumerated.total >= start;
            if is_due || asks.is_some() {
                let entry = match fetch(self.memory.record, cx, slot.number) {
                    // Nobody knows its name, nor who may see it.
                    Err(Refused::Damaged) => continue,
                    other => other?,
                };
                if asks.is_some_and(|view| !view.sees(&entry)) {
                    continue;
                }
                if is_due {
                    wanted = visit(entry.path.rsplit('\\').next().unwrap_or_default());
                    enumerated.taken += u32::from(wanted);
                }
            }
            enumerated.total += 1;
            // That there is one more is known then, and the others would cost a look at each.
            if !wanted && view.is_some() {
                break;
            }
        }
        Ok(enumerated)
    }

    /// The last child of a folder, or of the root; `None` if that is no folder.
    pub(super) fn last_child(&self, folder: Option<u32>, kind: Children) -> Option<Link> {
        let Some(folder) = folder else {
            return Some(match kind {
                Children::Tasks => self.root.last_task,
                Children::Folders => self.root.last_folder,
            });
        };
        let slot = self.memory.tasks.get(folder as usize).filter(|slot| slot.number != 0 && slot.has(flag::FOLDER))?;
        Some(match kind {
            Children::Tasks => slot.last,
            Children::Folders => slot.place,
        })
    }

    pub(super) fn set_last_child(&mut self, folder: Option<u32>, kind: Children, last: Link) {
        let place = match folder {
            None => match kind {
                Children::Tasks => Some(&mut self.root.last_task),
                Children::Folders => Some(&mut self.root.last_folder),
            },
            Some(folder) => self.memory.tasks.get_mut(folder as usize).map(|slot| match kind {
                Children::Tasks => &mut slot.last,
                Children::Folders => &mut slot.place,
            }),
        };
        if let Some(place) = place {
            *place = last;
        }
    }

    /// The path of a task or folder, as it was written when that was made.
    pub(super) fn path_of(&mut self, cx: &mut Context<'_>, number: u32) -> Result<Path, Refused> {
        let entry = fetch(self.memory.record, cx, number)?;
        Path::parse(entry.path).map_err(|_| Refused::Damaged)
    }
}
