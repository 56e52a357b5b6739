//! Tasks and folders are made, changed and deleted.

use super::{
    CatchUp, Context, Creation, Engine, Entry, Refused, Registration, TaskIndex, TaskSlot, catch_up,
    clocks::After,
    entry::{ancestors, encode, fetch, folder, parent},
    enumerate::Children,
    launch::read_state,
    list, names, plan,
    slots::{flag, wait},
};
use crate::{
    event::{Event, Skipped},
    limits::PATH_LEVELS,
    ports::Change,
    sid::Sid,
    status::Status,
    store::{self, STATE_MAX, State, Written, definition_key, entry_key, state_key},
    task::{Image, Path},
    time::Timestamp,
};

/// Changes of one list: an entry for every folder on the way, and a definition.
type Changes<'c> = heapless::Vec<Change<'c>, { PATH_LEVELS + 2 }>;

impl Engine<'_> {
    /// What a path names. Touches no store.
    #[must_use]
    pub fn find(&self, path: &Path) -> Option<Entry> {
        if path.is_root() {
            return Some(Entry::Root);
        }
        let index = self.find_text(path.as_str())?;
        let folder = self.memory.tasks.get(index as usize)?.has(flag::FOLDER);
        Some(if folder { Entry::Folder(TaskIndex(index)) } else { Entry::Task(TaskIndex(index)) })
    }

    pub(super) fn find_text(&self, path: &str) -> Option<u32> {
        names::find(self.memory.index, self.memory.tasks, self.key.path(path))
    }

    /// Registers a task, or updates it. Makes the folders on the way.
    ///
    /// An update without a security descriptor leaves the one there is, and each leaves the owner. An instance that runs goes on as it was started;
    /// actions that it has not come to are those of the new definition. What waits for its moment is dropped, with the events
    /// that were counted.
    ///
    /// # Errors
    /// [`Refused::Exists`] (also for a folder of that name) or [`Refused::NotFound`], as `creation` says;
    /// [`Refused::FolderNotFound`] if a task stands where a folder should; [`Refused::TooBusy`] if every slot is taken;
    /// [`Refused::TooLarge`] if it does not fit the lent record; or what befell the store.
    pub fn register(
        &mut self,
        cx: &mut Context<'_>,
        path: &Path,
        registration: &Registration<'_>,
    ) -> Result<TaskIndex, Refused> {
        match (self.find(path), registration.creation) {
            (Some(Entry::Root | Entry::Folder(_)), _) | (Some(Entry::Task(_)), Creation::Create) => {
                Err(Refused::Exists)
            }
            (None, Creation::Update) => Err(Refused::NotFound),
            (Some(Entry::Task(index)), _) => self.update(cx, path, index, registration),
            (None, _) => {
                let enabled = registration.image.settings().enabled && !registration.disable;
                let entry = store::Entry {
                    enabled,
                    folder: false,
                    path: path.as_str(),
                    definition: self.next_definition,
                    registration_triggers: registration.fire_registration_triggers,
                    registered: cx.now.wall,
                    registrant: Some(registration.registrant),
                    security: registration.security,
                    reader: reader(registration),
                    disabled: None,
                };
                let index = self.create(cx, &entry, Some(&registration.image), registration.folders)?;
                self.adopt(cx, index, Terms::of(&entry), &registration.image);
                self.tell_registered(index);
                Ok(TaskIndex(index))
            }
        }
    }

    /// Makes a folder, and the folders on the way: all are `owner`'s. Each keeps `security`, or has what its folder hands on.
    ///
    /// # Errors
    /// As for [`register`](Self::register).
    pub fn create_folder(
        &mut self,
        cx: &mut Context<'_>,
        path: &Path,
        owner: Sid,
        security: Option<&[u8]>,
    ) -> Result<(), Refused> {
        if self.find(path).is_some() {
            return Err(Refused::Exists);
        }
        let entry = store::Entry { security, ..folder(path.as_str(), Some(owner)) };
        let index = self.create(cx, &entry, None, security)?;
        self.tell_registered(index);
        Ok(())
    }

    fn tell_registered(&mut self, index: u32) {
        if let Some(slot) = self.memory.tasks.get(index as usize) {
            self.tell(Event::Registered { task: slot.number });
        }
    }

    /// Makes an entry that is not there yet, and the folders on the way, which keep `folders`, in the store and then in memory.
    pub(super) fn create(
        &mut self,
        cx: &mut Context<'_>,
        entry: &store::Entry<'_>,
        image: Option<&Image<'_>>,
        folders: Option<&[u8]>,
    ) -> Result<u32, Refused> {
        let mut missing = 0;
        for folder in ancestors(entry.path) {
            match self.find_text(folder).and_then(|index| self.memory.tasks.get(index as usize)) {
                Some(slot) if slot.has(flag::FOLDER) => {}
                Some(_) => return Err(Refused::FolderNotFound),
                None => missing += 1,
            }
        }
        let folders = store::Entry { security: folders, ..folder("", entry.registrant) };
        let first = self.next_task;
        let next = first.checked_add(missing + 1).ok_or(Refused::TooBusy)?;
        if self.tasks.count as usize + missing as usize >= self.capacity() {
            return Err(Refused::TooBusy);
        }
        if image.is_some() {
            self.next_definition = entry.definition.checked_add(1).ok_or(Refused::TooBusy)?;
        }
        // A list that failed half-way may have left records with these numbers.
        self.next_task = next;

        let mut put = put_new(self.memory.record, &mut self.written, cx, first, missing, &folders, entry, image);
        if let Err(Refused::Store(error)) = put
            && self.ledger.give_way(cx, &mut self.written, error)
        {
            put = put_new(self.memory.record, &mut self.written, cx, first, missing, &folders, entry, image);
        }
        if let Err(refused) = put {
            if let Refused::Store(error) = refused {
                self.tell(Event::StoreFailed { error });
            }
            return Err(refused);
        }

        let mut number = first;
        for folder in ancestors(entry.path) {
            if self.find_text(folder).is_none() {
                self.place(number, folder, flag::FOLDER | secured(&folders)).ok_or(Refused::TooBusy)?;
                number += 1;
            }
        }
        let kind = if entry.folder { flag::FOLDER } else { 0 };
        self.place(number, entry.path, kind | secured(entry)).ok_or(Refused::TooBusy)
    }

    /// Gives a slot to a task or folder whose folder is there, and puts it into the index and at the end of its folder.
    pub(super) fn place(&mut self, number: u32, path: &str, flags: u32) -> Option<u32> {
        let capacity = self.capacity();
        let folder = self.folder_of(path)?;
        let index = self.tasks.take(self.memory.tasks, capacity)?;
        let hash = self.key.path(path);
        let slot = self.memory.tasks.get_mut(index as usize)?;
        *slot = TaskSlot { hash, number, flags, floor: Timestamp::MIN, ..bytemuck::Zeroable::zeroed() };
        let kind = Children::of(slot);
        names::insert(self.memory.index, hash, index);
        self.link(folder, kind, index);
        Some(index)
    }

    /// The folder that a path is in: none for the root; nothing at all if there is no such folder.
    fn folder_of(&self, path: &str) -> Option<Option<u32>> {
        let parent = parent(path);
        if parent.is_empty() { Some(None) } else { self.find_text(parent).map(Some) }
    }

    pub(super) fn link(&mut self, folder: Option<u32>, kind: Children, index: u32) {
        if let Some(last) = self.last_child(folder, kind) {
            let last = list::append::<TaskSlot, _>(self.memory.tasks, last, index);
            self.set_last_child(folder, kind, last);
        }
    }

    fn update(
        &mut self,
        cx: &mut Context<'_>,
        path: &Path,
        index: TaskIndex,
        registration: &Registration<'_>,
    ) -> Result<TaskIndex, Refused> {
        let slot = *self.task(index)?;
        let definition = self.next_definition;
        self.next_definition = definition.checked_add(1).ok_or(Refused::TooBusy)?;
        let before = self.counted_credential(cx, slot.definition);
        let mut state = [0; STATE_MAX];
        let state = self.reset_state(cx, &slot, &mut state)?;

        // What was there keeps its way of writing the path; if it is damaged, this heals it.
        let total = self.memory.record.len();
        let length = cx.store.get(entry_key(slot.number), self.memory.record)?.unwrap_or(0);
        let (old, mut room) = self.memory.record.split_at_mut_checked(length).ok_or(Refused::TooLarge)?;
        let old = store::Entry::decode(old).ok();
        let entry = store::Entry {
            enabled: registration.image.settings().enabled && !registration.disable,
            folder: false,
            path: old.map_or(path.as_str(), |old| old.path),
            definition,
            registration_triggers: registration.fire_registration_triggers,
            registered: cx.now.wall,
            // Whose it is does not change when somebody else may change it.
            registrant: old.and_then(|old| old.registrant).or(Some(registration.registrant)),
            security: registration.security.or(old.and_then(|old| old.security)),
            reader: reader(registration),
            disabled: None,
        };
        let put_entry = encode(&mut room, slot.number, &entry)?;
        let put_definition = pack(room, definition, &registration.image, &put_entry, total)?;
        let terms = Terms::of(&entry);
        let old = Change::Delete(definition_key(slot.definition));
        let with_state =
            state.map(|state| [put_definition, put_entry, Change::Put(state_key(slot.number), state), old]);
        let without = [put_definition, put_entry, old];
        let changes = with_state.as_ref().map_or(&without[..], |changes| &changes[..]);
        let mut done = self.written.apply(cx.store, changes);
        if let Err(error) = done
            && self.ledger.give_way(cx, &mut self.written, error)
        {
            done = self.written.apply(cx.store, changes);
        }
        if let Err(error) = done {
            self.tell(Event::StoreFailed { error });
            match fetch(self.memory.record, cx, slot.number).map(|entry| entry.definition == definition) {
                // If it came as far as the entry, then the old definition may be gone, and the new one counts.
                Ok(true) => {
                    self.adopt(cx, index.0, terms, &registration.image);
                    self.discount_credential(cx, before);
                    self.drop_all_waiting(cx, index.0, |_| true);
                }
                // Nothing points to the new one, which would take room until the next start.
                Ok(false) => {
                    let _ = self.written.apply(cx.store, &[Change::Delete(definition_key(definition))]);
                }
                Err(_) => {}
            }
            return Err(Refused::Store(error));
        }
        self.adopt(cx, index.0, terms, &registration.image);
        self.discount_credential(cx, before);
        self.drop_all_waiting(cx, index.0, |_| true);
        self.tell_registered(index.0);
        Ok(index)
    }

    /// What the state becomes when its task is registered anew: the registration triggers begin again, and no floor is
    /// later than now. `None` if it is that already.
    fn reset_state<'b>(
        &self,
        cx: &mut Context<'_>,
        slot: &TaskSlot,
        buffer: &'b mut [u8; STATE_MAX],
    ) -> Result<Option<&'b [u8]>, Refused> {
        let Some(state) = read_state(cx, slot.number)? else { return Ok(None) };
        let floor = state.floor.map(|floor| floor.min(cx.now.wall.unwrap_or(floor)));
        // Of a task that has never run, they are counted from its registration.
        let missed = if state.result == Status::SCHED_S_TASK_HAS_NOT_RUN { 0 } else { state.missed };
        if state.elapsed.is_none() && floor == state.floor && missed == state.missed {
            return Ok(None);
        }
        Ok(Some(store::State { floor, elapsed: None, missed, ..state }.encode(buffer)?))
    }

    /// Notes the definition of a task that was registered, and arms it.
    fn adopt(&mut self, cx: &mut Context<'_>, index: u32, terms: Terms, image: &Image<'_>) {
        self.count_credential(image);
        let clocks = self.clocks(cx);
        let Some(slot) = self.memory.tasks.get_mut(index as usize) else { return };
        slot.definition = terms.definition;
        slot.anchor = clocks.monotonic();
        slot.floor = slot.floor.min(cx.now.wall.unwrap_or(Timestamp::MAX));
        slot.set(flag::ENABLED, terms.enabled);
        slot.set(flag::SECURED, terms.secured);
        slot.set(flag::UNREGISTERED, !terms.registration_triggers);
        slot.set(flag::UNRESOLVED | flag::OWED | flag::CATCHING_UP | flag::STOPPED_BY_USE, false);
        slot.set(flag::NOT_AT_BOOT, true);
        plan::keep(slot, image);
        self.listeners.forget();
        let next = plan::next(image, slot, &clocks, After::just_before(&clocks));
        self.arm(index, next);
    }

    /// Enables or disables a task. Instances that run go on; those that wait for them still start.
    ///
    /// # Errors
    /// [`Refused::NotFound`], [`Refused::Damaged`], or what befell the store; nothing has changed then.
    pub fn set_enabled(&mut self, cx: &mut Context<'_>, task: TaskIndex, enabled: bool) -> Result<(), Refused> {
        let slot = *self.task(task)?;
        if slot.has(flag::ENABLED) == enabled {
            return Ok(());
        }
        let (mut next, mut catches_up, mut passed) = (None, false, 0);
        if enabled {
            let clocks = self.clocks(cx);
            let settled = read_state(cx, slot.number)?.and_then(|state| state.floor);
            let disabled = fetch(self.memory.record, cx, slot.number)?.disabled;
            let image = plan::image(self.memory.record, cx.store, slot.definition)?;
            next = Some(plan::next(&image, &slot, &clocks, After::now(&clocks)));
            catches_up = CatchUp::of(&image) != CatchUp::Skip;
            let registered = Some(slot.anchor).filter(|_| !slot.has(flag::UNRESOLVED) && slot.anchor != i64::MAX);
            // One that was registered so was disabled from then on.
            let since = disabled.or_else(|| clocks.wall_of(registered?));
            let from = [since, settled].into_iter().flatten().max();
            if let (Some(from), Some(now)) = (from, cx.now.wall) {
                passed = catch_up::count(&image, from.max(slot.floor), now, &clocks);
            }
        }
        let mut buffer = [0; STATE_MAX];
        let mut settled = None;
        if let Some(wall) = cx.now.wall.filter(|_| catches_up) {
            if let Err(error) = self.keep_waiting(cx, task.0, Some(wall)) {
                self.tell(Event::StoreFailed { error });
                return Err(Refused::Store(error));
            }
            // What came while it was disabled is not missed, also after a restart.
            let state = read_state(cx, slot.number)?.unwrap_or(State::NEVER);
            let state = State { floor: state.floor.max(Some(wall.plus(-1))), ..state };
            settled = Some(Change::Put(state_key(slot.number), state.encode(&mut buffer)?));
        }
        let length = cx.store.get(entry_key(slot.number), self.memory.record)?.ok_or(Refused::Damaged)?;
        let length = store::set_enabled(self.memory.record, length, enabled, cx.now.wall)?;
        let entry = self.memory.record.get(..length).ok_or(Refused::Damaged)?;
        let put = Change::Put(entry_key(slot.number), entry);
        let done = match settled {
            Some(settled) => self.written.apply(cx.store, &[settled, put]),
            None => self.written.apply(cx.store, &[put]),
        };
        if let Err(error) = done {
            self.tell(Event::StoreFailed { error });
            return Err(Refused::Store(error));
        }
        self.with_task(task.0, |slot| {
            slot.set(flag::ENABLED, enabled);
            slot.set(flag::OWED | flag::CATCHING_UP | flag::STOPPED_BY_USE, false);
            if catches_up {
                slot.floor = slot.floor.max(cx.now.wall.map_or(slot.floor, |wall| wall.plus(-1)));
            }
        });
        if passed > 0 {
            self.skip(cx, slot.number, Skipped::Disabled, passed);
        }
        match next {
            Some(next) => self.arm(task.0, next),
            None => {
                self.disarm(task.0);
                self.drop_all_waiting(cx, task.0, |slot| slot.waits_for == wait::COUNTED);
            }
        }
        Ok(())
    }

    /// Deletes a task, whose instances are asked to stop and are no longer seen, or an empty folder.
    ///
    /// # Errors
    /// [`Refused::NotFound`], [`Refused::NotEmpty`], [`Refused::NotATask`] for the root, or what befell the store.
    pub fn delete(&mut self, cx: &mut Context<'_>, path: &Path) -> Result<(), Refused> {
        let TaskIndex(index) = match self.find(path) {
            None => return Err(Refused::NotFound),
            Some(Entry::Root) => return Err(Refused::NotATask),
            Some(Entry::Folder(index) | Entry::Task(index)) => index,
        };
        let Some(&slot) = self.memory.tasks.get(index as usize) else { return Err(Refused::NotFound) };
        let kind = Children::of(&slot);
        if kind == Children::Folders && (slot.last.is_some() || slot.place.is_some()) {
            return Err(Refused::NotEmpty);
        }
        let all = [
            Change::Delete(entry_key(slot.number)),
            Change::Delete(state_key(slot.number)),
            Change::Delete(definition_key(slot.definition)),
        ];
        // A folder has an entry only.
        let changes = if kind == Children::Folders { all.split_at(1).0 } else { &all };
        let needed = if kind == Children::Folders { None } else { self.counted_credential(cx, slot.definition) };
        if let Err(error) = self.written.apply(cx.store, changes) {
            self.tell(Event::StoreFailed { error });
            return Err(Refused::Store(error));
        }
        self.listeners.forget();
        self.discount_credential(cx, needed);
        if kind != Children::Folders {
            self.disarm(index);
            self.each_instance(index, |engine, instance, _| {
                engine.detach(instance);
                engine.ask_to_stop(cx, instance);
                true
            });
        }
        names::remove(self.memory.index, self.memory.tasks, slot.hash);
        let folder = self.folder_of(path.as_str()).flatten();
        if let Some(last) = self.last_child(folder, kind) {
            let last = list::remove::<TaskSlot, _>(self.memory.tasks, last, index);
            self.set_last_child(folder, kind, last);
        }
        self.tasks.give(self.memory.tasks, index);
        self.tell(Event::Deleted { task: slot.number });
        Ok(())
    }
}

/// What a slot keeps of an entry.
#[derive(Debug, Clone, Copy)]
struct Terms {
    definition: u32,
    enabled: bool,
    registration_triggers: bool,
    secured: bool,
}

impl Terms {
    const fn of(entry: &store::Entry<'_>) -> Self {
        Self {
            definition: entry.definition,
            enabled: entry.enabled,
            registration_triggers: entry.registration_triggers,
            secured: entry.security.is_some(),
        }
    }
}

/// The flag of an entry that keeps a descriptor.
const fn secured(entry: &store::Entry<'_>) -> u32 {
    if entry.security.is_some() { flag::SECURED } else { 0 }
}

/// Who may read a task because its actions run as him.
fn reader(registration: &Registration<'_>) -> Option<Sid> {
    principal(&registration.image).filter(|_| registration.principal_reads)
}

/// As whom the actions of a task run.
pub(super) fn principal(image: &Image<'_>) -> Option<Sid> {
    image.runs_as().and_then(|principal| principal.user.or(principal.group))
}

/// Puts an entry that is new, the entries of the `missing` folders on the way, which are like `folders` and numbered from `first` on,
/// and the definition.
#[allow(clippy::too_many_arguments)]
#[inline(never)] // It is called twice, and its list would stand on the stack twice.
fn put_new(
    record: &mut [u8],
    written: &mut Written,
    cx: &mut Context<'_>,
    first: u32,
    missing: u32,
    folders: &store::Entry<'_>,
    entry: &store::Entry<'_>,
    image: Option<&Image<'_>>,
) -> Result<(), Refused> {
    let mut changes = Changes::new();
    let total = record.len();
    let mut room = record;
    let made = ancestors(entry.path).skip(ancestors(entry.path).count().saturating_sub(missing as usize));
    for (number, path) in (first..).zip(made) {
        changes.push(encode(&mut room, number, &store::Entry { path, ..*folders })?).map_err(|_| Refused::TooLarge)?;
    }
    let put_entry = encode(&mut room, first + missing, entry)?;
    if let Some(image) = image {
        changes.push(pack(room, entry.definition, image, &put_entry, total)?).map_err(|_| Refused::TooLarge)?;
    }
    changes.push(put_entry).map_err(|_| Refused::TooLarge)?;
    if let Err(error) = written.apply(cx.store, &changes) {
        // What was done of it would come to light at the next start, though nobody was told of it.
        for change in changes.iter().rev() {
            let _ = written.apply(cx.store, &[Change::Delete(key(change))]);
        }
        return Err(Refused::Store(error));
    }
    Ok(())
}

/// The change that puts a definition, which is packed into `room`. It must fit the lent record, which is of `total` bytes,
/// together with its entry, because they are looked at together.
fn pack<'r>(
    room: &'r mut [u8],
    definition: u32,
    image: &Image<'r>,
    entry: &Change<'_>,
    total: usize,
) -> Result<Change<'r>, Refused> {
    let packed = image.pack(room);
    let entry = if let Change::Put(_, bytes) = entry { bytes.len() } else { 0 };
    if entry + packed.room > total {
        return Err(Refused::TooLarge);
    }
    Ok(Change::Put(definition_key(definition), packed.bytes))
}

const fn key(change: &Change<'_>) -> crate::ports::Key {
    match *change {
        Change::Put(key, _) | Change::Delete(key) => key,
    }
}
