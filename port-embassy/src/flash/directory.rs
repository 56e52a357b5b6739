//! Which items there are.

use super::{
    item::ItemKey,
    walk::{Form, Found},
};

/// What is known of the newest item of a key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    pub(super) key: ItemKey,
    pub(super) form: Form,
    /// Bytes in flash, with its header.
    pub(super) size: u16,
    /// Where it was when the store was mounted; it may have moved since.
    pub(super) address: u32,
}

impl Slot {
    fn weight(&self) -> u32 {
        if self.form == Form::Gone { 0 } else { self.size.into() }
    }
}

/// Every key, sorted.
pub(super) struct Directory<const KEYS: usize> {
    slots: heapless::Vec<Slot, KEYS>,
    /// Bytes of all of them but the marks of what is gone.
    live: u32,
}

/// There is no room for another key.
pub(super) struct NoSlot;

impl<const KEYS: usize> Directory<KEYS> {
    pub(super) const fn new() -> Self {
        Self { slots: heapless::Vec::new(), live: 0 }
    }

    pub(super) fn clear(&mut self) {
        self.slots.clear();
        self.live = 0;
    }

    fn place(&self, key: ItemKey) -> Result<usize, usize> {
        self.slots.binary_search_by_key(&key, |slot| slot.key)
    }

    pub(super) fn find(&self, key: ItemKey) -> Option<&Slot> {
        self.place(key).ok().and_then(|at| self.slots.get(at))
    }

    /// The head of a record that there is.
    pub(super) fn record(&self, key: ItemKey) -> Option<&Slot> {
        self.find(key).filter(|slot| matches!(slot.form, Form::Whole | Form::Parts(_)))
    }

    pub(super) fn put(&mut self, key: ItemKey, form: Form, size: usize) -> Result<(), NoSlot> {
        let slot = Slot { key, form, size: u16::try_from(size).unwrap_or(u16::MAX), address: 0 };
        match self.place(key) {
            Ok(at) => {
                if let Some(old) = self.slots.get_mut(at) {
                    self.live -= old.weight();
                    *old = slot;
                }
            }
            Err(at) => self.slots.insert(at, slot).map_err(|_| NoSlot)?,
        }
        self.live += slot.weight();
        Ok(())
    }

    /// Notes an item that was found, and where.
    pub(super) fn note(&mut self, key: ItemKey, form: Form, found: &Found) -> Result<(), NoSlot> {
        self.put(key, form, (found.next - found.address) as usize)?;
        if let Ok(at) = self.place(key)
            && let Some(slot) = self.slots.get_mut(at)
        {
            slot.address = found.address;
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, key: ItemKey) {
        if let Ok(at) = self.place(key) {
            let slot = self.slots.remove(at);
            self.live -= slot.weight();
        }
    }

    /// Keeps the items of which that is true.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&Self, &Slot) -> bool) {
        let mut at = 0;
        while let Some(&slot) = self.slots.get(at) {
            if keep(self, &slot) {
                at += 1;
            } else {
                self.remove(slot.key);
            }
        }
    }

    pub(super) fn get(&self, at: usize) -> Option<&Slot> {
        self.slots.get(at)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter()
    }

    /// Records of a kind that there are.
    pub(super) fn count(&self, kind: u8) -> usize {
        self.iter()
            .filter(|slot| matches!(slot.form, Form::Whole | Form::Parts(_)) && slot.key.key().kind == kind)
            .count()
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) const fn live(&self) -> u32 {
        self.live
    }

    /// Whether an item says nothing any more: it is to be erased, or its record does not know this part.
    pub(super) fn is_dead(&self, key: ItemKey) -> bool {
        match self.find(key.head()).map(|head| head.form) {
            Some(Form::Parts(generation)) => key.is_part() && key.generation != generation,
            Some(Form::Whole | Form::Gone) => key.is_part(),
            Some(Form::Erasing | Form::Part) | None => true,
        }
    }
}
