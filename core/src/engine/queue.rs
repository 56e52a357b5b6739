//! The due queue: what each task is due for, and a tournament that finds the first of each clock.
//!
//! A task's moment is in the word of its slot: a leaf. Blocks of leaves, groups of blocks, groups of those and so on each
//! know their winner, which is the one that is due first. So nothing is ever moved: arming or disarming a task changes its
//! leaf, and above it only those winners that lose or are beaten, which for most tasks is none. In the worst case, also
//! when all tasks are due at once, it is one block and one group on each of a few floors.
//!
//! Both clocks share the leaves, and each has winners of its own. A leaf of the wall clock is positive, one of the
//! monotonic clock negative, and memory of zeros is a queue in which no task is due.
//!
//! A heap needs as many words, and two of the cache's lines on each of its floors for what the leaf alone is here; a wheel
//! needs more of them, empties its slots in no order and in lumps, and wakes the host up for nothing.

use bytemuck::{Pod, Zeroable};

/// Leaves of a block.
const BLOCK: usize = 16;
/// Winners of a group.
const GROUP: usize = 4;
/// When there are no more leaves than this, there is nothing between them and the first.
const FEW_LEAVES: usize = 32;
/// When a floor has no more winners than this, there is nothing between them and the first.
const FEW_WINNERS: usize = 2 * GROUP;

/// Words that the host lends for each task: two for the leaf and one for all winners, of which there are half as many
/// words as tasks and some that are left over by groups that are not full.
pub(super) const WORDS: usize = 3;

/// Beyond this, which is farther than any date, moments are one.
const FAR: i64 = 1 << 61;

/// Which of two tasks that are due at one moment is first.
pub(super) trait Numbered {
    /// Its number, the lowest first.
    fn number(&self) -> u32;
}

/// The winner of a block, of a group, or of all.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Winner {
    /// The more, the sooner it is due; zero if there is none.
    urgency: i64,
    item: u32,
}

impl Winner {
    /// The task, and when it is due.
    #[inline]
    pub(super) fn due(self) -> Option<(u32, i64)> {
        (self.urgency > 0).then_some((self.item, FAR - self.urgency))
    }
}

/// Winners of a clock that are next to each other.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Group {
    urgencies: [[u32; 2]; GROUP],
    items: [u32; GROUP],
}

/// The queue, in words that the host lends.
pub(super) struct Queue<'m, S> {
    slots: &'m [S],
    leaves: &'m mut [[u32; 2]],
    /// Floor by floor, the lowest first; each group of the wall clock is followed by that of the monotonic one.
    groups: &'m mut [Group],
    first: &'m mut [Winner; 2],
}

/// A floor of winners.
#[derive(Clone, Copy)]
struct Floor {
    /// Its first group.
    base: usize,
    /// How many winners it has.
    winners: usize,
}

impl Floor {
    /// The one above, unless its winners are few.
    #[inline]
    fn above(self) -> Option<Self> {
        if self.winners <= FEW_WINNERS {
            return None;
        }
        let groups = self.winners.div_ceil(GROUP);
        Some(Self { base: self.base + groups, winners: groups })
    }
}

/// Where of so many words those begin that hold winners. They are at least as many as tasks, and free for other uses until
/// [`Queue::rebuild`].
pub(super) const fn winners(words: usize) -> usize {
    2 * (words / WORDS)
}

impl<'m, S: Numbered> Queue<'m, S> {
    /// The queue that is in these words; zeros are an empty one.
    #[inline]
    pub(super) fn new(slots: &'m [S], words: &'m mut [u32], first: &'m mut [Winner; 2]) -> Self {
        let (leaves, winners) = words.split_at_mut(winners(words.len()));
        let winners = winners.as_chunks_mut::<{ size_of::<Group>() / size_of::<u32>() }>().0;
        Self { slots, leaves: leaves.as_chunks_mut().0, groups: bytemuck::cast_slice_mut(winners), first }
    }

    /// The task of a clock that is due first, and when.
    #[inline]
    pub(super) fn first(&self, relative: bool) -> Option<(u32, i64)> {
        self.first[usize::from(relative)].due()
    }

    /// A task is due at that moment, and no longer at any other.
    #[inline]
    pub(super) fn arm(&mut self, item: u32, at: i64, relative: bool) {
        self.change(item, leaf(at, relative));
    }

    /// A task is not due.
    #[inline]
    pub(super) fn disarm(&mut self, item: u32) {
        self.change(item, 0);
    }

    /// As [`arm`](Self::arm), or [`disarm`](Self::disarm), but [`rebuild`](Self::rebuild) has to follow.
    pub(super) fn note(&mut self, item: u32, due: Option<(i64, bool)>) {
        if let Some(word) = self.leaves.get_mut(item as usize) {
            *word = bytemuck::cast(due.map_or(0, |(at, relative)| leaf(at, relative)));
        }
    }

    /// Finds all winners among the first `used` tasks anew; the others are not due.
    pub(super) fn rebuild(&mut self, used: usize) {
        let used = used.min(self.leaves.len());
        // What they were used for meanwhile.
        let words: &mut [u32] = bytemuck::cast_slice_mut(self.groups);
        let spare = used.min(words.len());
        words[..spare].fill(0);
        for clock in 0..2 {
            let Some(mut floor) = self.lowest() else {
                self.first[clock] = self.of_leaves(clock, 0, used);
                continue;
            };
            for place in 0..used.div_ceil(BLOCK) {
                let winner = self.of_block(clock, place);
                self.put(floor, clock, place, winner);
            }
            let mut places = used.div_ceil(BLOCK);
            while let Some(above) = floor.above() {
                places = places.div_ceil(GROUP);
                for place in 0..places {
                    let winner = self.of_group(floor, clock, place);
                    self.put(above, clock, place, winner);
                }
                floor = above;
            }
            self.first[clock] = self.of_few(floor, clock);
        }
    }

    #[inline]
    fn lowest(&self) -> Option<Floor> {
        let leaves = self.leaves.len();
        (leaves > FEW_LEAVES).then_some(Floor { base: 0, winners: leaves.div_ceil(BLOCK) })
    }

    #[inline]
    fn change(&mut self, item: u32, now: i64) {
        let Some(word) = self.leaves.get_mut(item as usize) else { return };
        let before: i64 = bytemuck::cast(*word);
        if before == now {
            return;
        }
        *word = bytemuck::cast(now);
        if before > 0 || now > 0 {
            self.changed(0, item, now.max(0));
        }
        if before < 0 || now < 0 {
            self.changed(1, item, (!now).max(0));
        }
    }

    /// Goes up from a leaf as far as winners change.
    #[inline]
    fn changed(&mut self, clock: usize, item: u32, urgency: i64) {
        let mut now = Winner { urgency, item };
        let Some(mut floor) = self.lowest() else {
            if let Some(all) = self.decide(self.first[clock], item, now) {
                self.first[clock] = if all { self.of_leaves(clock, 0, self.leaves.len()) } else { now };
            }
            return;
        };
        let mut place = item as usize / BLOCK;
        let mut before = self.winner(floor, clock, place);
        match self.decide(before, item, now) {
            None => return,
            Some(false) => {}
            Some(true) => now = self.of_block(clock, place),
        }
        self.put(floor, clock, place, now);
        while let Some(above) = floor.above() {
            place /= GROUP;
            let old = self.winner(above, clock, place);
            match self.decide(old, before.item, now) {
                None => return,
                Some(false) => {}
                Some(true) => now = self.of_group(floor, clock, place),
            }
            self.put(above, clock, place, now);
            (floor, before) = (above, old);
        }
        if let Some(all) = self.decide(self.first[clock], before.item, now) {
            self.first[clock] = if all { self.of_few(floor, clock) } else { now };
        }
    }

    /// What becomes of a winner when of those it was found among, the one that `was` is `now` another or due at another
    /// moment: nothing; `now` wins; or (true) all have to be looked at.
    #[inline]
    fn decide(&self, winner: Winner, was: u32, now: Winner) -> Option<bool> {
        if winner.item == was { Some(now.urgency <= winner.urgency) } else { self.beats(now, winner).then_some(false) }
    }

    #[inline]
    fn beats(&self, one: Winner, other: Winner) -> bool {
        one.urgency > other.urgency || (one.urgency == other.urgency && one.urgency > 0 && self.precedes(one, other))
    }

    /// Of two that are due at one moment.
    #[cold]
    fn precedes(&self, one: Winner, other: Winner) -> bool {
        let number = |item: u32| self.slots.get(item as usize).map_or(u32::MAX, S::number);
        number(one.item) < number(other.item)
    }

    #[inline]
    fn of_block(&self, clock: usize, place: usize) -> Winner {
        let from = place * BLOCK;
        self.of_leaves(clock, from, (from + BLOCK).min(self.leaves.len()))
    }

    #[inline]
    fn of_leaves(&self, clock: usize, from: usize, until: usize) -> Winner {
        let mask = if clock == 0 { 0 } else { !0 };
        let mut best = Winner::default();
        let leaves = self.leaves.get(from..until).unwrap_or_default();
        for (leaf, item) in leaves.iter().zip(from as u32..) {
            let urgency = bytemuck::cast::<_, i64>(*leaf) ^ mask;
            let one = Winner { urgency, item };
            if self.beats(one, best) {
                best = one;
            }
        }
        best
    }

    #[inline]
    fn of_group(&self, floor: Floor, clock: usize, place: usize) -> Winner {
        let Some(group) = self.groups.get(2 * (floor.base + place) + clock) else { return Winner::default() };
        let mut best = Winner::default();
        for (urgency, item) in group.urgencies.iter().zip(group.items) {
            let one = Winner { urgency: bytemuck::cast(*urgency), item };
            if self.beats(one, best) {
                best = one;
            }
        }
        best
    }

    #[inline]
    fn of_few(&self, floor: Floor, clock: usize) -> Winner {
        let one = self.of_group(floor, clock, 0);
        if floor.winners <= GROUP {
            return one;
        }
        let other = self.of_group(floor, clock, 1);
        if self.beats(other, one) { other } else { one }
    }

    #[inline]
    fn winner(&self, floor: Floor, clock: usize, place: usize) -> Winner {
        let group = self.groups.get(2 * (floor.base + place / GROUP) + clock);
        group.map_or(Winner::default(), |group| Winner {
            urgency: bytemuck::cast(group.urgencies[place % GROUP]),
            item: group.items[place % GROUP],
        })
    }

    #[inline]
    fn put(&mut self, floor: Floor, clock: usize, place: usize, winner: Winner) {
        if let Some(group) = self.groups.get_mut(2 * (floor.base + place / GROUP) + clock) {
            group.urgencies[place % GROUP] = bytemuck::cast(winner.urgency);
            group.items[place % GROUP] = winner.item;
        }
    }
}

/// The leaf of a task that is due.
#[inline]
fn leaf(at: i64, relative: bool) -> i64 {
    let urgency = FAR - at.clamp(1 - FAR, FAR - 1);
    if relative { !urgency } else { urgency }
}
