//! Start-up: what the store holds is taken into memory, one scan for each kind of record.
//!
//! Words of the due queue serve as a directory of numbers until the queue is built: indices of slots, sorted by the
//! number of the task or of its definition, so that a record finds its slot in O(log n) whatever order a scan has.

use super::{
    Context, Engine, Loaded, OtherUser, TaskSlot, catch_up,
    clocks::{After, Clocks},
    entry::parent,
    enumerate::Children,
    list::Link,
    names, plan, queue, security,
    slots::{Phase, Used, flag, order},
};
use crate::{
    event::Event,
    ports::{Change, Key, StoreError},
    sid::Sid,
    store::{
        self, CREDENTIAL, Cause, DEFINITION, ENTRY, HISTORY, History, INSTANCE, META_KEY, Meta, STATE, State, Written,
    },
    task::{Image, Path},
    time::Timestamp,
};
use core::num::NonZeroU32;

/// Records deleted in one go.
const SWEPT_AT_ONCE: usize = 32;

/// Tasks have no numbers from here on: no store is used for so long. What is damaged, and says so, does not use them up.
const FORGED: u32 = 1 << 31;

/// What the scans found beside what they took in.
#[derive(Default)]
struct Found {
    loaded: Loaded,
    /// An entry could not be read or has no slot: then nobody knows what it points to, and nothing is swept.
    incomplete: bool,
    /// Definitions, states and superseded entries that nothing points to.
    lost_definitions: u32,
    lost_states: u32,
    lost_entries: u32,
    /// Instances that wait and have no task.
    lost_instances: u32,
    /// Records beyond the end of the history's ring.
    lost_history: u32,
    /// Tasks and folders whose folder has no entry.
    orphans: u32,
}

/// A number of a slot, by which a directory is sorted.
pub(super) type Number = fn(&TaskSlot) -> u32;

pub(super) fn task_number(slot: &TaskSlot) -> u32 {
    slot.number
}

pub(super) fn definition_number(slot: &TaskSlot) -> u32 {
    slot.definition
}

impl Engine<'_> {
    /// Once, first: reads the store, sweeps what nothing points to, arms every trigger, and has what ran when the server
    /// died looked for. Boot triggers are due from now on.
    ///
    /// Without random bytes the index of paths is not keyed, and nothing else differs.
    ///
    /// # Errors
    /// What befell the store; [`StoreError::Corrupt`] if its layout is of a version that is not known. The engine is then
    /// without tasks, and may be loaded again.
    pub fn load(&mut self, cx: &mut Context<'_>) -> Result<Loaded, StoreError> {
        self.forget();
        let mut random = [0; 16];
        let _ = cx.entropy.fill(&mut random);
        self.key = names::HashKey::new(random);
        self.boot = cx.now.monotonic;
        self.seen = cx.now;
        let loaded = self.read_store(cx);
        if loaded.is_err() {
            self.forget();
        }
        loaded
    }

    fn read_store(&mut self, cx: &mut Context<'_>) -> Result<Loaded, StoreError> {
        check_meta(cx, &mut self.written)?;
        let mut found = Found::default();
        let clocks = self.clocks(cx);
        cx.store.scan(ENTRY, &mut |key, bytes| {
            self.load_entry(key, bytes, &mut found);
            true
        })?;
        self.sort(task_number);
        self.link_all(&mut found);
        cx.store.scan(STATE, &mut |key, bytes| {
            self.load_state(key, bytes, &mut found);
            true
        })?;
        cx.store.scan(INSTANCE, &mut |key, bytes| {
            self.load_instance(key, bytes, &mut found);
            true
        })?;
        self.instances.gather(self.memory.instances, |slot| slot.phase == Phase::Unused);
        cx.store.scan(HISTORY, &mut |key, bytes| {
            self.load_history(key, bytes, &mut found);
            true
        })?;
        cx.store.scan(CREDENTIAL, &mut |key, bytes| {
            if !self.load_credential(key, bytes) {
                self.tell_damaged(key, &mut found);
            }
            true
        })?;
        self.sort(definition_number);
        let record = core::mem::take(&mut self.memory.record);
        let scanned = cx.store.scan(DEFINITION, &mut |key, bytes| {
            self.load_definition(key, plan::unpacked(record, bytes), &clocks, &mut found);
            true
        });
        self.memory.record = record;
        scanned?;
        self.mark_damaged(&mut found);
        self.settle_overtaken(cx)?;
        if !found.incomplete {
            self.sweep(cx, &mut found);
            found.loaded.swept += self.sweep_credentials(cx);
        } else {
            self.credentials_uncounted();
        }
        if let Some(wall) = cx.now.wall {
            self.begin_gap(self.ledger.until().filter(|at| *at <= wall), wall, wall);
        }
        self.queue_all();
        self.retry = cx.now.monotonic;
        if found.orphans > 0 {
            self.find_homes(cx);
        }
        Ok(found.loaded)
    }

    /// Makes the engine as new.
    fn forget(&mut self) {
        for slot in self.memory.tasks.iter_mut().take(self.tasks.mark as usize) {
            *slot = bytemuck::Zeroable::zeroed();
        }
        for slot in self.memory.instances.iter_mut().take(self.instances.mark as usize) {
            *slot = bytemuck::Zeroable::zeroed();
        }
        if self.tasks.mark > 0 {
            self.memory.index.fill(0);
        }
        self.queue_all();
        self.tasks = Used::default();
        self.instances = Used::default();
        (self.root, self.orders) = (super::Root::default(), Link::NONE);
        (self.deadlines, self.unrecorded) = (0, 0);
        (self.next_task, self.next_definition) = (1, 1);
        (self.stalled, self.next_turn) = (false, 0);
        (self.rearm, self.held, self.closing) = (false, false, false);
        self.ledger.forget();
        self.listeners.forget();
        self.volatile = false;
        self.forget_counted();
    }

    fn tell_damaged(&mut self, key: Key, found: &mut Found) {
        found.loaded.damaged += 1;
        self.tell(Event::RecordDamaged { kind: key.kind, number: key.number });
    }

    fn load_entry(&mut self, key: Key, bytes: &[u8], found: &mut Found) {
        self.next_task = self.next_task.max(key.number.saturating_add(1));
        let entry = store::Entry::decode(bytes);
        if key == security::ROOT_KEY {
            // One that cannot be read grants nothing, as that of any folder.
            self.root.secured = true;
            if entry.is_ok_and(|entry| entry.folder) {
                return;
            }
        }
        let entry = entry.ok().filter(|entry| {
            key.number != 0 && Path::parse(entry.path).is_ok_and(|path| !path.is_root() && path.as_str() == entry.path)
        });
        let Some(entry) = entry else {
            found.incomplete = true;
            return self.tell_damaged(key, found);
        };
        self.next_definition = self.next_definition.max(entry.definition.saturating_add(1));
        let hash = self.key.path(entry.path);
        let index = match names::find(self.memory.index, self.memory.tasks, hash) {
            Some(index) => {
                // Of two with the same path the later one counts: the earlier was refused, but could not be undone.
                found.lost_entries += 1;
                if self.memory.tasks.get(index as usize).is_none_or(|slot| slot.number > key.number) {
                    return;
                }
                index
            }
            None => {
                let capacity = self.capacity();
                let Some(index) = self.tasks.take(self.memory.tasks, capacity) else {
                    found.incomplete = true;
                    return self.tell_damaged(key, found);
                };
                index
            }
        };
        let Some(slot) = self.memory.tasks.get_mut(index as usize) else { return };
        let new = slot.number == 0;
        *slot = TaskSlot {
            hash,
            number: key.number,
            definition: entry.definition,
            floor: Timestamp::MIN,
            anchor: entry.registered.map_or(i64::MAX, |at| at.0),
            ..bytemuck::Zeroable::zeroed()
        };
        slot.set(flag::FOLDER, entry.folder);
        slot.set(flag::ENABLED, entry.enabled);
        slot.set(flag::UNREGISTERED, !entry.registration_triggers);
        slot.set(flag::SECURED, entry.security.is_some());
        if new {
            names::insert(self.memory.index, hash, index);
        }
        // Until its folder is found, and its definition, what finds them.
        self.keep(index, self.key.path(parent(entry.path)).cast_signed());
    }

    /// Makes the directory of all slots in use, by one of their numbers.
    pub(super) fn sort(&mut self, number: Number) {
        let used = self.tasks.mark as usize;
        let tasks = &*self.memory.tasks;
        let from = queue::winners(self.memory.queue.len());
        let Some(words) = self.memory.queue.get_mut(from..from + used) else { return };
        words.iter_mut().zip(0..).for_each(|(word, index)| *word = index);
        sort(words, |index| tasks.get(index as usize).map(number));
    }

    fn directory(&self) -> &[u32] {
        let from = queue::winners(self.memory.queue.len());
        self.memory.queue.get(from..from + self.tasks.mark as usize).unwrap_or_default()
    }

    /// The slot with that number, if the directory is by it.
    pub(super) fn look_up(&self, number: Number, wanted: u32) -> Option<u32> {
        let words = self.directory();
        let of = |index: u32| self.memory.tasks.get(index as usize).map_or(0, number);
        let at = words.binary_search_by_key(&wanted, |&index| of(index)).ok()?;
        words.get(at).copied().filter(|_| wanted != 0)
    }

    /// Puts every task and folder into its folder, in order of their numbers.
    fn link_all(&mut self, found: &mut Found) {
        let root = self.key.path("");
        for at in 0..self.tasks.mark as usize {
            let Some(&index) = self.directory().get(at) else { return };
            let Some(slot) = self.memory.tasks.get(index as usize) else { return };
            let kind = Children::of(slot);
            let hash = self.take_kept(index).cast_unsigned();
            let folders = &mut found.loaded.folders;
            *(if kind == Children::Folders { folders } else { &mut found.loaded.tasks }) += 1;
            let folder = if hash == root { None } else { names::find(self.memory.index, self.memory.tasks, hash) };
            if hash == root || self.last_child(folder, kind).is_some_and(|_| folder.is_some()) {
                self.link(folder, kind, index);
            } else {
                found.orphans += 1;
                self.with_task(index, |slot| slot.set(flag::ORPHAN, true));
            }
        }
    }

    fn load_state(&mut self, key: Key, bytes: &[u8], found: &mut Found) {
        self.next_task = self.next_task.max(key.number.saturating_add(1));
        let Some(index) = self.look_up(task_number, key.number) else {
            found.lost_states += 1;
            return;
        };
        let Ok(state) = State::decode(bytes) else { return self.tell_damaged(key, found) };
        self.with_task(index, |slot| {
            slot.floor = slot.floor.max(state.floor.unwrap_or(Timestamp::MIN));
            slot.set_ran(state.started.unwrap_or(Timestamp::MIN));
        });
        self.keep_most(index, behind(state.elapsed));
    }

    fn load_instance(&mut self, key: Key, bytes: &[u8], found: &mut Found) {
        let Ok(record) = store::Instance::decode(bytes) else { return self.tell_damaged(key, found) };
        // Arguments are read again when an action starts.
        let is_readable = record.arguments.is_empty() || bytes.len() <= self.memory.record.len();
        if record.arguments.len() > store::ARGUMENTS || !is_readable {
            return self.tell_damaged(key, found);
        }
        let user = record.user.and_then(|user| OtherUser::from_number(user.get()));
        if user.is_none() && record.user.is_some() {
            return self.tell_damaged(key, found);
        }
        self.next_task = self.next_task.max(record.task.saturating_add(1));
        if record.queued == Some(store::VOLATILE) {
            found.lost_instances += 1;
            return;
        }
        let task = self.look_up(task_number, record.task).filter(|&task| !self.is_folder(task));
        if record.queued.is_some() {
            match task.and_then(|task| self.memory.tasks.get(task as usize)) {
                None => {
                    found.lost_instances += 1;
                    return;
                }
                Some(slot) if slot.queued == u8::MAX => return self.tell_damaged(key, found),
                Some(_) => {}
            }
        }
        let is_overtaken = record.queued == Some(store::OVERTAKEN);
        let index = key.number.wrapping_sub(1);
        let Some(slot) = self.instances.take_at(self.memory.instances, index) else {
            return self.tell_damaged(key, found);
        };
        slot.guid = record.guid;
        slot.number = record.task;
        slot.definition = record.definition;
        slot.started = record.started.unwrap_or(Timestamp::MIN);
        slot.limit = record.limit.unwrap_or(0);
        slot.action = record.action;
        slot.attempt = record.attempt;
        slot.set_whom(record.session.map_or(0, NonZeroU32::get), user);
        slot.trigger = plan::NO_TRIGGER;
        slot.set_cause(record.cause, None);
        slot.flags = if record.hard { order::HARD } else { 0 };
        slot.flags |= if record.arguments.is_empty() && !is_overtaken { 0 } else { order::RECORD };
        slot.turn = record.queued.unwrap_or(0);
        slot.phase = match record.queued {
            Some(store::OVERTAKEN) => Phase::Waiting,
            Some(_) => Phase::Queued,
            None => Phase::Recovering,
        };
        if let Some(task) = task.filter(|_| is_overtaken) {
            self.with_instance(index, |slot| slot.task = Link::to(task));
            return self.join(task, index);
        }
        if let Some(turn) = record.queued {
            self.next_turn = self.next_turn.max(turn.saturating_add(1));
            self.stalled = true;
        } else {
            found.loaded.recovering += 1;
            self.give_order(index, order::RECOVER);
        }
        match task {
            None => self.with_instance(index, |slot| slot.flags |= order::STOPPING),
            Some(task) => {
                self.with_instance(index, |slot| slot.task = Link::to(task));
                self.join(task, index);
                let mut came = 0;
                self.with_task(task, |slot| {
                    if record.queued.is_some() {
                        slot.queued = slot.queued.saturating_add(1);
                    } else {
                        slot.running = slot.running.saturating_add(1);
                    }
                    // Registering the task anew has lifted a floor that came after it.
                    let stands = |at: &Timestamp| record.definition == slot.definition || at.0 <= slot.anchor;
                    if let Some(at) = record.cause.settles().filter(stands) {
                        slot.floor = slot.floor.max(at);
                    }
                    match record.cause {
                        Cause::Registration(at) if record.definition == slot.definition => {
                            came = behind(Some(at));
                        }
                        _ => {}
                    }
                });
                self.keep_most(task, came);
            }
        }
    }

    fn load_history(&mut self, key: Key, bytes: &[u8], found: &mut Found) {
        if !self.ledger.has(key.number) {
            found.lost_history += 1;
            return;
        }
        match History::decode(bytes) {
            Ok(record) => {
                self.ledger.loaded(&record);
                // The number of a task that is gone is nobody else's while anything is told of it.
                let latest = record.entries.iter().map(|entry| entry.task).filter(|task| *task < FORGED).max();
                self.next_task = self.next_task.max(latest.map_or(1, |latest| latest + 1));
            }
            Err(_) => self.tell_damaged(key, found),
        }
    }

    fn is_folder(&self, index: u32) -> bool {
        self.memory.tasks.get(index as usize).is_some_and(|slot| slot.has(flag::FOLDER))
    }

    fn load_definition(&mut self, key: Key, image: Option<Image<'_>>, clocks: &Clocks<'_>, found: &mut Found) {
        self.next_definition = self.next_definition.max(key.number.saturating_add(1));
        let Some(index) = self.look_up(definition_number, key.number) else {
            found.lost_definitions += 1;
            return;
        };
        let Some(image) = image else {
            self.with_task(index, |slot| slot.set(flag::SEEN | flag::DAMAGED, true));
            self.credentials_uncounted();
            return self.tell_damaged(key, found);
        };
        self.count_credential(&image);
        let came = self.take_kept(index);
        let Some(slot) = self.memory.tasks.get_mut(index as usize) else { return };
        slot.set(flag::SEEN, true);
        plan::keep(slot, &image);
        // Registration triggers go on where they were; a clock that went back since does not make them repeat.
        let registered = slot.anchor;
        let since = Some(Timestamp(registered)).filter(|_| registered != i64::MAX);
        let missed = if slot.has(flag::ENABLED) { catch_up::note(&image, slot, since, clocks) } else { None };
        match clocks.now.wall {
            _ if registered == i64::MAX => slot.set(flag::UNREGISTERED, true),
            Some(wall) => {
                let passed = wall.since(Timestamp(registered)).max(came);
                slot.anchor = clocks.monotonic().saturating_sub(passed);
            }
            None => slot.set(flag::UNRESOLVED, true),
        }
        let next = plan::next(&image, slot, clocks, After::just_before(clocks));
        let next = self.turns.next(&image, slot, next, clocks);
        let due = slot.apply(next);
        slot.set(flag::MISSED, missed.is_some());
        self.volatile |= image.conditions().volatile;
        self.queue().note(index, due);
    }

    /// Keeps a number for a task until it is known what it is due for.
    fn keep(&mut self, index: u32, number: i64) {
        if let Some(words) = queue::leaves(self.memory.queue).get_mut(index as usize) {
            *words = bytemuck::cast(number);
        }
    }

    /// What is kept for a task, or zero.
    fn take_kept(&mut self, index: u32) -> i64 {
        let words = queue::leaves(self.memory.queue).get_mut(index as usize);
        words.map_or(0, |words| bytemuck::cast(core::mem::take(words)))
    }

    fn keep_most(&mut self, index: u32, number: i64) {
        let most = self.take_kept(index).max(number);
        self.keep(index, most);
    }

    /// Tasks of which no definition was seen have none.
    fn mark_damaged(&mut self, found: &mut Found) {
        for index in 0..self.tasks.mark {
            let Some(slot) = self.memory.tasks.get_mut(index as usize) else { return };
            let seen = slot.has(flag::SEEN | flag::FOLDER);
            slot.set(flag::SEEN, false);
            if !seen {
                slot.set(flag::DAMAGED, true);
                let key = store::definition_key(slot.definition);
                self.tell_damaged(key, found);
            }
        }
    }

    /// Deletes what nothing points to. That a store cannot be written is no reason not to start.
    fn sweep(&mut self, cx: &mut Context<'_>, found: &mut Found) {
        if found.lost_definitions > 0 {
            self.sweep_kind(cx, DEFINITION, found, |engine, key, _| {
                engine.look_up(definition_number, key.number).is_none()
            });
        }
        if found.lost_history > 0 {
            self.sweep_kind(cx, HISTORY, found, |engine, key, _| !engine.ledger.has(key.number));
        }
        if found.lost_states > 0 || found.lost_entries > 0 || found.lost_instances > 0 {
            self.sort(task_number);
            let unknown = |engine: &Self, key: Key, _: &[u8]| engine.look_up(task_number, key.number).is_none();
            self.sweep_kind(cx, STATE, found, unknown);
            self.sweep_kind(cx, ENTRY, found, |engine, key, bytes| {
                key != security::ROOT_KEY && unknown(engine, key, bytes)
            });
            // One that ran without a task is looked for and stopped; one that waited has nothing left to wait for.
            self.sweep_kind(cx, INSTANCE, found, |engine, _, bytes| {
                store::Instance::decode(bytes).is_ok_and(|record| {
                    let task = engine.look_up(task_number, record.task);
                    record
                        .queued
                        .is_some_and(|turn| turn == store::VOLATILE || task.is_none_or(|task| engine.is_folder(task)))
                })
            });
        }
    }

    fn sweep_kind(
        &mut self,
        cx: &mut Context<'_>,
        kind: u8,
        found: &mut Found,
        is_lost: impl Fn(&Self, Key, &[u8]) -> bool,
    ) {
        loop {
            let mut lost = heapless::Vec::<Change<'_>, SWEPT_AT_ONCE>::new();
            let scanned = cx.store.scan(kind, &mut |key, bytes| {
                // When there is no room for another, the scan ends; what it has not seen, the next one sees.
                !is_lost(self, key, bytes) || lost.push(Change::Delete(key)).is_ok()
            });
            let swept =
                scanned.and_then(|()| if lost.is_empty() { Ok(()) } else { self.written.apply(cx.store, &lost) });
            if let Err(error) = swept {
                return self.tell(Event::StoreFailed { error });
            }
            found.loaded.swept += u32::try_from(lost.len()).unwrap_or(0);
            if !lost.is_full() {
                return;
            }
        }
    }

    /// Builds the due queue of all that are armed. Ends the directory.
    pub(super) fn queue_all(&mut self) {
        for index in 0..self.tasks.mark {
            if !self.memory.tasks.get(index as usize).is_some_and(|slot| slot.has(flag::ARMED)) {
                self.queue().note(index, None);
            }
        }
        let used = self.tasks.mark as usize;
        self.queue().rebuild(used);
    }

    /// Makes folders anew whose entries are missing or damaged, so that what is in them can be found.
    fn find_homes(&mut self, cx: &mut Context<'_>) {
        for index in 0..self.tasks.mark {
            let Some(&slot) = self.memory.tasks.get(index as usize) else { return };
            if !slot.has(flag::ORPHAN) {
                continue;
            }
            let Ok(path) = self.path_of(cx, slot.number) else { continue };
            let Some(folder) = path.parent() else { continue };
            let made =
                self.find(&folder).is_some() || self.create_folder(cx, &folder, Sid::ADMINISTRATORS, None).is_ok();
            if made && let Some(super::Entry::Folder(folder)) = self.find(&folder) {
                self.with_task(index, |slot| slot.set(flag::ORPHAN, false));
                self.link(Some(folder.0), Children::of(&slot), index);
            }
        }
    }
}

/// Sorts by `key`: as a heap, because what the library has is faster, but takes 2 KB of code. Mostly it is in order.
fn sort(words: &mut [u32], key: impl Fn(u32) -> Option<u32>) {
    if words.is_sorted_by_key(|&word| key(word)) {
        return;
    }
    let key_at = |words: &[u32], at: usize| words.get(at).and_then(|&word| key(word));
    let sift_down = |words: &mut [u32], mut at: usize| {
        while 2 * at + 1 < words.len() {
            let (left, right) = (2 * at + 1, 2 * at + 2);
            let larger = if key_at(words, right) > key_at(words, left) { right } else { left };
            if key_at(words, at) >= key_at(words, larger) {
                break;
            }
            words.swap(at, larger);
            at = larger;
        }
    };
    (0..words.len() / 2).rev().for_each(|at| sift_down(words, at));
    let mut heap = words;
    while let [first, .., last] = heap {
        core::mem::swap(first, last);
        let Some((_, rest)) = heap.split_last_mut() else { return };
        heap = rest;
        sift_down(heap, 0);
    }
}

/// The least time since the registration at which the occurrence that was `elapsed` after it is over.
pub(super) fn behind(elapsed: Option<u64>) -> i64 {
    elapsed.map_or(0, |elapsed| i64::try_from(elapsed).unwrap_or(i64::MAX).saturating_add(1))
}

/// A store that is new gets its first record; one of another layout is left alone.
fn check_meta(cx: &mut Context<'_>, written: &mut Written) -> Result<(), StoreError> {
    let mut buffer = [0; 16];
    match cx.store.get(META_KEY, &mut buffer)? {
        Some(length) => {
            let meta = buffer.get(..length).and_then(|bytes| Meta::decode(bytes).ok());
            meta.map(|_| ()).ok_or(StoreError::Corrupt)
        }
        None => {
            let bytes = Meta.encode(&mut buffer).map_err(|_| StoreError::TooSmall { needed: 16 })?;
            written.apply(cx.store, &[Change::Put(META_KEY, bytes)])
        }
    }
}
