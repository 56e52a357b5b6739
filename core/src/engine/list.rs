//! Lists through slots: circular and doubly linked, so that one word, the link to the last, names a whole list.

use bytemuck::Zeroable;

/// Names a slot, or none. Zero is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Zeroable)]
pub(super) struct Link(u32);

impl Link {
    /// No slot.
    pub(super) const NONE: Self = Self(0);

    /// The slot of that index.
    pub(super) const fn to(index: u32) -> Self {
        Self(index.saturating_add(1))
    }

    /// The index of the slot.
    pub(super) const fn index(self) -> Option<u32> {
        self.0.checked_sub(1)
    }

    /// As a word of lent memory.
    pub(super) const fn word(self) -> u32 {
        self.0
    }

    /// Of a word of lent memory.
    pub(super) const fn of_word(word: u32) -> Self {
        Self(word)
    }

    /// Whether it names a slot.
    pub(super) const fn is_some(self) -> bool {
        self.0 != 0
    }
}

/// A slot's neighbours in a list.
#[derive(Debug, Clone, Copy, Default, Zeroable)]
pub(super) struct Links {
    next: Link,
    previous: Link,
}

impl Links {
    /// In no list.
    pub(super) const NONE: Self = Self { next: Link::NONE, previous: Link::NONE };
}

/// Where a slot keeps its neighbours; a slot that is in several lists implements it once for each.
pub(super) trait Linked<List> {
    /// The neighbours.
    fn neighbours(&self) -> Links;
    /// The neighbours, to be changed.
    fn neighbours_mut(&mut self) -> &mut Links;
}

fn links<L, S: Linked<L>>(slots: &[S], at: u32) -> Links {
    slots.get(at as usize).map(Linked::neighbours).unwrap_or_default()
}

fn change<L, S: Linked<L>>(slots: &mut [S], at: u32, change: impl FnOnce(&mut Links)) {
    if let Some(slot) = slots.get_mut(at as usize) {
        change(slot.neighbours_mut());
    }
}

/// Puts `item`, which is in no such list, at the end of the list whose last is `last`; returns the new last.
pub(super) fn append<L, S: Linked<L>>(slots: &mut [S], last: Link, item: u32) -> Link {
    let this = Link::to(item);
    match last.index() {
        None => change(slots, item, |links| *links = Links { next: this, previous: this }),
        Some(end) => {
            let first = links(slots, end).next;
            change(slots, item, |links| *links = Links { next: first, previous: last });
            change(slots, end, |links| links.next = this);
            if let Some(first) = first.index() {
                change(slots, first, |links| links.previous = this);
            }
        }
    }
    this
}

/// Takes `item` out of the list whose last is `last`; returns the new last.
pub(super) fn remove<L, S: Linked<L>>(slots: &mut [S], last: Link, item: u32) -> Link {
    let this = Link::to(item);
    let Links { next, previous } = links(slots, item);
    change(slots, item, |links| *links = Links::default());
    if next == this {
        return Link::NONE;
    }
    if let (Some(after), Some(before)) = (next.index(), previous.index()) {
        change(slots, after, |links| links.previous = previous);
        change(slots, before, |links| links.next = next);
    }
    if last == this { previous } else { last }
}

/// The first of the list whose last is `last`.
pub(super) fn first<L, S: Linked<L>>(slots: &[S], last: Link) -> Option<u32> {
    links(slots, last.index()?).next.index()
}

/// The one after `item` in the list whose last is `last`.
pub(super) fn after<L, S: Linked<L>>(slots: &[S], last: Link, item: u32) -> Option<u32> {
    if last == Link::to(item) { None } else { links(slots, item).next.index() }
}

/// All of the list whose last is `last`, first to last.
pub(super) fn iter<L, S: Linked<L>>(slots: &[S], last: Link) -> impl Iterator<Item = u32> {
    core::iter::successors(first(slots, last), move |&item| after(slots, last, item))
}
