//! The ledger: what ran, and what did not and why, in a bounded ring of records in the store.
//!
//! An entry that comes after [`HISTORY_TIME`](crate::limits::HISTORY_TIME) of silence is written at once. Those that follow wait
//! in memory until a record is full, or until something happens after that time, so that what falls together is written
//! together, and nobody is woken up to write. A power cut takes those that wait. Of a run its task's state still tells the
//! result; and an occurrence that did not run is found again at the next start, where it counts as missed, because whatever
//! came after the latest entry that is durable, and is not settled by a run, is.
//!
//! A store that has no room for an entry stands in nobody's way: what is older makes room for it in memory, and is lost.

use super::{
    CatchUp, Context, Engine, Refused, TaskIndex, catch_up,
    launch::read_state,
    list, plan,
    refused::NotRun,
    slots::{InstanceSlot, OfTask, Phase, flag},
};
use crate::{
    event::{Event, Skipped},
    limits::{HISTORY_PER_CALL, HISTORY_TIME},
    ports::{Change, Key, Store, StoreError},
    store::{
        self, Cause, HISTORY, HISTORY_ENTRIES, HISTORY_MAX, Happened, Happening, History, INSTANCE, STATE_MAX, Started,
        Written, history_key,
    },
    time::{Monotonic, Timestamp},
};

/// Tasks whose missed occurrences one tick counts.
const COUNTED_PER_TICK: usize = 8;

/// Records that make room at once: those of a run, or of a small task, find it then.
const GIVEN_AT_ONCE: usize = 4;

/// Where a reader of the history begins: with the latest.
pub const LATEST: u32 = u32::MAX;

/// What is kept of the ring.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Records there may be.
    records: u32,
    /// Number of the latest record; there is none while it is zero.
    newest: u32,
    /// Records up to this one are gone.
    oldest: u32,
    /// The latest moment that any record tells of.
    until: Option<Timestamp>,
    pending: heapless::Vec<Happening, HISTORY_ENTRIES>,
    /// From when on what happens is written at once.
    due: Monotonic,
    /// The store would not have them when that was tried last; until then it is not tried again.
    refused: bool,
    gap: Option<Gap>,
}

/// A time in which nothing was fired, whose occurrences are being counted.
#[derive(Debug, Clone, Copy)]
struct Gap {
    from: Timestamp,
    /// The server was up from here on, and did not know the time.
    unknown: Timestamp,
    until: Timestamp,
    /// Tasks before this one are done.
    at: u32,
}

impl Ledger {
    pub(super) fn new(records: u32) -> Self {
        Self { records, ..Self::default() }
    }

    /// Takes note of a record that was there at start.
    pub(super) fn loaded(&mut self, record: &History) {
        self.newest = self.newest.max(record.sequence);
        self.until = self.until.max(record.entries.iter().filter_map(Happening::until).max());
    }

    /// Whether a record of that number belongs to the ring.
    pub(super) const fn has(&self, number: u32) -> bool {
        number <= self.records
    }

    /// Begins anew, for another look at the store.
    pub(super) fn forget(&mut self) {
        *self = Self::new(self.records);
    }

    /// The latest moment that the records tell of which were there at start.
    pub(super) const fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// When there is something to do.
    pub(super) fn deadline(&self, held: bool) -> Option<Monotonic> {
        match self.gap {
            Some(_) if !held => Some(Monotonic(0)),
            _ => None,
        }
    }

    /// The store has no room left: the oldest records of the history make some. Returns whether there were any.
    pub(super) fn give_way(&mut self, cx: &mut Context<'_>, written: &mut Written, error: StoreError) -> bool {
        let is_full = matches!(error, StoreError::Full | StoreError::Exhausted);
        let oldest = self.oldest.max(self.newest.saturating_sub(self.records)).saturating_add(1);
        if !is_full || self.records == 0 || oldest > self.newest {
            return false;
        }
        let mut changes = heapless::Vec::<Change<'_>, GIVEN_AT_ONCE>::new();
        for sequence in (oldest..=self.newest).take(GIVEN_AT_ONCE) {
            let _ = changes.push(Change::Delete(self.key(sequence)));
            self.oldest = sequence;
        }
        // What is pending would take the room again.
        self.due = cx.now.monotonic.plus(HISTORY_TIME);
        self.refused = true;
        written.apply(cx.store, &changes).is_ok()
    }

    /// Whether entries are to be written now.
    fn is_due(&self, now: Monotonic) -> bool {
        let is_refused = self.refused && self.due > now;
        !self.pending.is_empty() && (self.due <= now || self.pending.is_full() && !is_refused)
    }

    /// The next record, encoded, and how many of the pending entries it has.
    fn record<'b>(&self, buffer: &'b mut [u8; HISTORY_MAX]) -> Option<(usize, Change<'b>)> {
        let sequence = self.newest.saturating_add(1);
        let (count, length) = (1..=self.pending.len()).rev().find_map(|count| {
            let record = History::encode(sequence, self.pending.get(..count)?, buffer).ok()?;
            Some((count, record.len()))
        })?;
        Some((count, Change::Put(self.key(sequence), buffer.get(..length)?)))
    }

    /// Notes that the next record was tried, with so many entries, and whether it is durable.
    fn tried(&mut self, count: usize, is_durable: bool, now: Monotonic) {
        self.due = now.plus(HISTORY_TIME);
        self.refused = !is_durable;
        if is_durable {
            self.newest = self.newest.saturating_add(1);
            self.pending.drain(..count).for_each(drop);
        }
    }

    /// Where a record lies in the ring.
    const fn key(&self, sequence: u32) -> Key {
        history_key(match sequence.wrapping_sub(1).checked_rem(self.records) {
            Some(place) => place + 1,
            None => 0,
        })
    }
}

impl Engine<'_> {
    /// Tells that occurrences of a task did not become runs, and notes it.
    pub(super) fn skip(&mut self, cx: &mut Context<'_>, task: u32, reason: Skipped, count: u32) {
        self.tell(Event::Skipped { task, reason });
        let what = Happened::Skipped { reason, count };
        self.note(cx, Happening { task, at: cx.now.wall, span: 0, what });
    }

    /// As [`skip`](Self::skip), of one run.
    pub(super) fn tell_skipped(&mut self, cx: &mut Context<'_>, task: u32, why: NotRun) {
        if let NotRun::Store(error) = why {
            self.tell(Event::StoreFailed { error });
        }
        self.skip(cx, task, why.into(), 1);
    }

    /// Notes a run that has ended, or could not be started.
    pub(super) fn note_run(&mut self, cx: &mut Context<'_>, index: u32, is_started: bool) {
        let Some(slot) = self.memory.instances.get(index as usize) else { return };
        let at = Some(slot.started).filter(|&at| at != Timestamp::MIN);
        let span = at.zip(cx.now.wall).map_or(0, |(at, wall)| u64::try_from(wall.since(at)).unwrap_or(0));
        let (started, result) = (started(slot.cause()), slot.result());
        let what =
            if is_started { Happened::Ran { started, result } } else { Happened::NotStarted { started, result } };
        let task = slot.number;
        // It is written together with the end.
        self.note_later(cx, Happening { task, at, span, what });
    }

    /// Notes something, which is written at once if that is due.
    fn note(&mut self, cx: &mut Context<'_>, entry: Happening) {
        self.note_later(cx, entry);
        self.keep_ledger_written(cx);
    }

    /// Notes something, which is written with what comes.
    fn note_later(&mut self, cx: &mut Context<'_>, entry: Happening) {
        if self.ledger.records == 0 {
            return;
        }
        if let Happened::Skipped { reason, count } = entry.what {
            for known in &mut self.ledger.pending {
                if let Happened::Skipped { reason: of, count: all } = &mut known.what
                    && (known.task, *of) == (entry.task, reason)
                {
                    *all = all.saturating_add(count);
                    let span = known.at.zip(entry.at).map_or(0, |(first, last)| last.since(first));
                    known.span = known.span.max(u64::try_from(span).unwrap_or(0));
                    return;
                }
            }
        }
        if self.ledger.pending.is_full() && self.ledger.is_due(cx.now.monotonic) {
            self.write_history(cx);
        }
        if self.ledger.pending.is_full() {
            self.ledger.pending.remove(0);
        }
        let _ = self.ledger.pending.push(entry);
    }

    /// Makes as many of the pending entries durable as one record holds.
    #[inline(never)] // What it needs of the stack is not for those that do not come here.
    pub(super) fn write_history(&mut self, cx: &mut Context<'_>) {
        let mut buffer = [0; HISTORY_MAX];
        let Some((count, put)) = self.ledger.record(&mut buffer) else { return };
        let done = self.written.apply(cx.store, &[put]);
        self.ledger.tried(count, done.is_ok(), cx.now.monotonic);
        if let Err(error) = done {
            self.tell(Event::StoreFailed { error });
        }
    }

    /// Makes all pending entries durable, if the store has them.
    pub(super) fn write_all_history(&mut self, cx: &mut Context<'_>) {
        while !self.ledger.pending.is_empty() {
            self.write_history(cx);
            if self.ledger.refused {
                return;
            }
        }
    }

    /// Does both changes, together with the next record of the history if that is due. A store that has no room for that does
    /// them without it.
    #[inline(never)] // What it needs of the stack is not for those that do not come here.
    pub(super) fn apply_with_history(
        &mut self,
        cx: &mut Context<'_>,
        [first, second]: [Change<'_>; 2],
    ) -> Result<(), StoreError> {
        let mut buffer = [0; HISTORY_MAX];
        let is_due = self.closing || self.ledger.is_due(cx.now.monotonic);
        if is_due && let Some((count, put)) = self.ledger.record(&mut buffer) {
            let done = self.written.apply(cx.store, &[first, second, put]);
            self.ledger.tried(count, done.is_ok(), cx.now.monotonic);
            if !matches!(done, Err(StoreError::Full | StoreError::Exhausted)) {
                return done;
            }
        }
        self.written.apply(cx.store, &[first, second])
    }

    /// Makes durable how far a task's occurrences are settled, so that one that was skipped for a reason is not caught up after
    /// a restart.
    #[inline(never)] // What it needs of the stack is not for those that do not come here.
    pub(super) fn settle(&mut self, cx: &mut Context<'_>, index: u32) {
        let Some(&task) = self.memory.tasks.get(index as usize) else { return };
        let floor = Some(self.durable_floor(&task)).filter(|&at| at != Timestamp::MIN);
        let settled = read_state(cx, task.number).and_then(|state| {
            let state = state.unwrap_or(store::State::NEVER);
            self.put_state(cx, task.number, &store::State { floor: state.floor.max(floor), ..state })
        });
        if let Err(error) = settled {
            self.tell(Event::StoreFailed { error });
        }
    }

    /// An occurrence that waited was told not to run: makes that durable, so that no restart makes up for it, or tells it as missed.
    #[inline(never)] // What it needs of the stack is not for those that do not come here.
    pub(super) fn settle_dropped(&mut self, cx: &mut Context<'_>, instance: &InstanceSlot) {
        let (Some(at), Some(index)) = (instance.cause().settles(), instance.task.index()) else { return };
        // One that is still to come by the clock was dated by a wrong one, and a floor there would be in the way.
        if cx.now.wall.is_none_or(|now| at > now) {
            return;
        }
        self.write_all_history(cx);
        let settled = match self.count_missed_of(cx, index) {
            Err(Refused::Store(error)) => Err(error),
            _ => self.keep_waiting(cx, index, Some(at)).and_then(|()| {
                let Some(&task) = self.memory.tasks.get(index as usize) else { return Ok(()) };
                let floor = Some(self.durable_floor(&task).max(at));
                let state = read_state(cx, task.number)?.unwrap_or(store::State::NEVER);
                self.put_state(cx, task.number, &store::State { floor: state.floor.max(floor), ..state })
            }),
        };
        if let Err(error) = settled {
            self.tell(Event::StoreFailed { error });
        }
    }

    fn put_state(&mut self, cx: &mut Context<'_>, task: u32, state: &store::State) -> Result<(), StoreError> {
        let mut buffer = [0; STATE_MAX];
        let bytes = state.encode(&mut buffer).map_err(|_| StoreError::TooSmall { needed: STATE_MAX })?;
        self.written.apply(cx.store, &[Change::Put(store::state_key(task), bytes)])
    }

    /// Does what the ledger has to do by now.
    pub(super) fn keep_ledger(&mut self, cx: &mut Context<'_>) {
        if !self.held {
            self.count_missed(cx);
        }
        if self.ledger.is_due(cx.now.monotonic) {
            self.write_history(cx);
        }
    }

    /// Occurrences of a task were passed over by a tick that came late: they are missed.
    pub(super) fn note_passed(&mut self, cx: &mut Context<'_>, task: u32, count: u32) {
        self.note_missed(cx, task, count, None);
    }

    /// Notes that occurrences of a task were missed, in its state and in the history; the record that kept them is deleted with
    /// that.
    #[inline(never)] // What it needs of the stack is not for those that do not come here.
    pub(super) fn note_missed(&mut self, cx: &mut Context<'_>, task: u32, count: u32, kept: Option<Key>) {
        self.tell(Event::Skipped { task, reason: Skipped::Missed });
        let what = Happened::Skipped { reason: Skipped::Missed, count };
        self.note_later(cx, Happening { task, at: cx.now.wall, span: 0, what });
        let counted = read_state(cx, task).and_then(|state| {
            let state = state.unwrap_or(store::State::NEVER);
            let state = store::State { missed: state.missed.saturating_add(count), ..state };
            let mut buffer = [0; STATE_MAX];
            let bytes = state.encode(&mut buffer).map_err(|_| StoreError::TooSmall { needed: STATE_MAX })?;
            let put = Change::Put(store::state_key(task), bytes);
            match kept {
                Some(key) => self.apply_with_history(cx, [put, Change::Delete(key)]),
                None => self.written.apply(cx.store, &[put]),
            }
        });
        if let Err(error) = counted {
            self.tell(Event::StoreFailed { error });
        }
        self.keep_ledger_written(cx);
    }

    /// Writes what is noted, if that is due.
    fn keep_ledger_written(&mut self, cx: &mut Context<'_>) {
        if self.closing || self.ledger.is_due(cx.now.monotonic) {
            self.write_history(cx);
        }
    }

    /// What happened to a task, the latest first, from the record of number `from` on, or from [`LATEST`]: calls `visit` with the
    /// entries of each record, the latest first, until that has no room for them. Returns where to go on; zero at the end. A
    /// call looks at a bounded number of records, and may find nothing and yet not be at the end.
    ///
    /// # Errors
    /// [`Refused::NotFound`] if there is no such task, or what befell the store.
    pub fn history(
        &mut self,
        cx: &mut Context<'_>,
        task: TaskIndex,
        from: u32,
        visit: &mut dyn FnMut(&mut dyn DoubleEndedIterator<Item = &Happening>) -> bool,
    ) -> Result<u32, Refused> {
        let task = self.task(task)?.number;
        let mut at = from;
        if at > self.ledger.newest {
            let entries = self.ledger.pending.iter().filter(|entry| entry.task == task);
            if !visit(&mut entries.rev()) {
                return Ok(LATEST);
            }
            at = self.ledger.newest;
        }
        let oldest = self.ledger.oldest.max(self.ledger.newest.saturating_sub(self.ledger.records));
        for _ in 0..HISTORY_PER_CALL {
            if at <= oldest {
                return Ok(0);
            }
            let mut buffer = [0; HISTORY_MAX];
            if let Some(record) = read_history(cx, self.ledger.key(at), &mut buffer)?
                && record.sequence == at
            {
                let mut entries = record.entries.iter().filter(|entry| entry.task == task).rev();
                if !visit(&mut entries) {
                    return Ok(at);
                }
            }
            at -= 1;
        }
        Ok(if at <= oldest { 0 } else { at })
    }

    /// How many runs of a task were missed, because the server was down or nobody knew the time, since the last one that went
    /// well, or since it was registered: [MS-TSCH] 3.2.5.4.19.
    ///
    /// # Errors
    /// [`Refused::NotFound`] if there is no such task, or what befell the store.
    pub fn missed_runs(&mut self, cx: &mut Context<'_>, task: TaskIndex) -> Result<u32, Refused> {
        let TaskIndex(index) = task;
        self.task(task)?;
        // One whose turn to be counted is still to come is counted now.
        self.count_missed_of(cx, index)?;
        let number = self.task(task)?.number;
        Ok(read_state(cx, number)?.map_or(0, |state| state.missed))
    }

    /// Notes that nothing was fired from one moment to another.
    pub(super) fn begin_gap(&mut self, from: Option<Timestamp>, unknown: Timestamp, until: Timestamp) {
        let used = self.memory.tasks.get(..self.tasks.mark as usize).unwrap_or_default();
        if !used.iter().any(|task| task.has(flag::MISSED)) {
            return;
        }
        let from = from.unwrap_or(Timestamp::MIN);
        // Of a gap that is not counted yet, the rest is one with this.
        let from = self.ledger.gap.map_or(from, |gap| gap.from.min(from));
        let unknown = self.ledger.gap.map_or(unknown, |gap| gap.unknown.min(unknown));
        self.ledger.gap = Some(Gap { from, unknown, until, at: 0 });
    }

    /// Counts what some more of the tasks have missed.
    fn count_missed(&mut self, cx: &mut Context<'_>) {
        let Some(gap) = self.ledger.gap else { return };
        let mut left = COUNTED_PER_TICK;
        for index in gap.at..self.tasks.mark {
            let missed = self.memory.tasks.get(index as usize).is_some_and(|task| task.has(flag::MISSED));
            if !missed {
                continue;
            }
            if left == 0 {
                self.ledger.gap = Some(Gap { at: index, ..gap });
                return;
            }
            left -= 1;
            if let Err(Refused::Store(error)) = self.count_missed_of(cx, index) {
                self.tell(Event::StoreFailed { error });
                self.try_later(cx.now);
                self.held = true;
                self.ledger.gap = Some(Gap { at: index, ..gap });
                return;
            }
            self.with_task(index, |task| task.set(flag::MISSED, false));
        }
        self.ledger.gap = None;
    }

    /// Counts what a task has missed, if it is not counted yet, and notes it in its state and in the history.
    #[inline(never)] // What it needs of the stack is not for those that do not come here.
    fn count_missed_of(&mut self, cx: &mut Context<'_>, index: u32) -> Result<(), Refused> {
        let (Some(gap), Some(&task)) = (self.ledger.gap, self.memory.tasks.get(index as usize)) else { return Ok(()) };
        if !task.has(flag::MISSED) {
            return Ok(());
        }
        let clocks = self.clocks(cx);
        let mut state = read_state(cx, task.number)?.unwrap_or(store::State::NEVER);
        let settled = list::iter::<OfTask, _>(self.memory.instances, task.last)
            .filter_map(|index| self.memory.instances.get(index as usize))
            .filter(|slot| slot.phase != Phase::Unused)
            .filter_map(|slot| slot.cause().settles())
            .max();
        let registered =
            if task.anchor == i64::MAX || task.has(flag::UNRESOLVED) { None } else { clocks.wall_of(task.anchor) };
        let from = [Some(gap.from), registered, state.floor, settled].into_iter().flatten().max().unwrap_or(gap.from);
        let image = plan::image(self.memory.record, cx.store, task.definition)?;
        let missed = catch_up::count(&image, from, gap.unknown, &clocks);
        let unknown = catch_up::count(&image, from.max(gap.unknown.plus(-1)), gap.until, &clocks);
        // What is owed to it will run, if late; the latest are.
        let owed = match CatchUp::of(&image) {
            CatchUp::Skip => 0,
            _ if !task.has(flag::OWED) => 0,
            CatchUp::Latest => 1,
            CatchUp::All(count) => u32::from(count),
        };
        let missed = missed.saturating_sub(owed.saturating_sub(unknown));
        let unknown = unknown.saturating_sub(owed);
        let lost = missed.saturating_add(unknown);
        if lost == 0 {
            // One that waited when the server ended, or that a clock which was set since has before: it is told, and may be
            // counted already.
            if owed == 0 {
                self.tell(Event::Skipped { task: task.number, reason: Skipped::Missed });
            }
            self.with_task(index, |task| task.set(flag::MISSED, false));
            return Ok(());
        }
        state.missed = state.missed.saturating_add(lost);
        self.put_state(cx, task.number, &state)?;
        for (reason, count) in [(Skipped::Missed, missed), (Skipped::ClockUnknown, unknown)] {
            if count > 0 {
                self.skip(cx, task.number, reason, count);
            }
        }
        self.with_task(index, |task| task.set(flag::MISSED, false));
        Ok(())
    }
}

/// The latest moment that a store tells of: no wall clock that is right is earlier. It is what the latest entries of the history
/// and what was started last say; a clock that was ahead when they were written makes it too late.
///
/// # Errors
/// What befell the store.
pub fn latest(store: &mut dyn Store) -> Result<Option<Timestamp>, StoreError> {
    let mut latest = None;
    store.scan(HISTORY, &mut |_, bytes| {
        if let Ok(record) = History::decode(bytes) {
            latest = latest.max(record.entries.iter().filter_map(Happening::until).max());
        }
        true
    })?;
    store.scan(INSTANCE, &mut |_, bytes| {
        if let Ok(record) = store::Instance::decode(bytes) {
            latest = latest.max(record.started);
        }
        true
    })?;
    Ok(latest)
}

/// A record of the history; one that is damaged is none.
fn read_history(cx: &mut Context<'_>, key: Key, buffer: &mut [u8; HISTORY_MAX]) -> Result<Option<History>, StoreError> {
    match cx.store.get(key, buffer) {
        Ok(length) => Ok(length.and_then(|length| History::decode(buffer.get(..length)?).ok())),
        Err(StoreError::TooSmall { .. } | StoreError::Corrupt) => Ok(None),
        Err(error) => Err(error),
    }
}

const fn started(cause: Cause) -> Started {
    match cause {
        Cause::Demand => Started::OnDemand,
        Cause::Calendar(_) => Started::Calendar,
        Cause::Boot(_) => Started::Boot,
        Cause::Registration(_) => Started::Registration,
        Cause::Idle => Started::Idle,
        Cause::Event => Started::Event,
        Cause::Session => Started::Session,
        Cause::Maintenance { .. } => Started::Maintenance,
    }
}
