//! Which records there are, in memory: so that each is found at once, scanned once, and none is looked for that is not there.

use mainspring::ports::Key;

/// What is known of one item of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) key: Key,
    /// Which part of a record: zero is its head.
    pub(super) part: u8,
    pub(super) state: State,
    /// Bytes of its value.
    pub(super) length: u16,
}

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// The head of a record with so many further parts, in that set.
    Head { parts: u8, set: bool },
    /// One of the further parts of a record.
    Part,
    /// A record was deleted: the item says so until it is removed itself.
    Deleted,
}

/// Every item that counts, at most `KEYS`.
#[derive(Debug)]
pub(super) struct Keys<const KEYS: usize> {
    // INVARIANT: at most one for each key and part.
    items: heapless::Vec<Known, KEYS>,
}

/// There is no place for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoPlace;

impl<const KEYS: usize> Keys<KEYS> {
    pub(super) const fn new() -> Self {
        Self { items: heapless::Vec::new() }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Known> {
        self.items.iter()
    }

    pub(super) fn at(&self, index: usize) -> Option<Known> {
        self.items.get(index).copied()
    }

    pub(super) fn find(&self, key: Key, part: u8) -> Option<Known> {
        self.place(key, part).and_then(|place| self.at(place))
    }

    fn place(&self, key: Key, part: u8) -> Option<usize> {
        self.items.iter().position(|known| known.key == key && known.part == part)
    }

    /// The record of that key, if it is there.
    pub(super) fn head(&self, key: Key) -> Option<Known> {
        self.find(key, 0).filter(|known| matches!(known.state, State::Head { .. }))
    }

    /// Notes an item, in place of an older one.
    pub(super) fn note(&mut self, known: Known) -> Result<(), NoPlace> {
        match self.place(known.key, known.part).and_then(|place| self.items.get_mut(place)) {
            Some(there) => *there = known,
            None => self.items.push(known).map_err(|_| NoPlace)?,
        }
        Ok(())
    }

    pub(super) fn forget(&mut self, key: Key, part: u8) {
        if let Some(place) = self.place(key, part) {
            self.items.swap_remove(place);
        }
    }

    /// Places that are free.
    pub(super) fn free(&self) -> usize {
        KEYS - self.items.len()
    }

    /// Whether nothing needs the item any more: that a record was deleted, or a part of a record that is another by now.
    pub(super) fn is_spent(&self, known: &Known) -> bool {
        match known.state {
            State::Head { .. } => false,
            State::Deleted => true,
            State::Part => match self.head(known.key).map(|head| head.state) {
                Some(State::Head { parts, set }) => !is_of(known.part, parts, set),
                _ => true,
            },
        }
    }

    /// An item that nothing needs; parts come before what says that their record was deleted.
    pub(super) fn spent(&self) -> Option<Known> {
        let parts = self.items.iter().filter(|known| known.state == State::Part);
        let deleted = self.items.iter().filter(|known| known.state == State::Deleted);
        parts.chain(deleted).find(|known| self.is_spent(known)).copied()
    }
}

/// Bit of a part's number that tells the two sets apart, of which one is written while the other counts.
pub(super) const SET: u8 = 0x80;
/// Parts that a record may have beside its head.
pub(super) const PARTS_MAX: u8 = 0x7E;

/// The number of a further part, counted from zero.
pub(super) const fn part_number(index: u8, set: bool) -> u8 {
    (if set { SET } else { 0 }) | (index + 1)
}

/// Whether a part is among the first `parts` of a set.
const fn is_of(part: u8, parts: u8, set: bool) -> bool {
    (part & SET != 0) == set && part & !SET >= 1 && part & !SET <= parts
}
