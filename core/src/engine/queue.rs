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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Winner {
    /// The more, the sooner it is due; zero if there is none.
    urgency: i64,
    item: u32,
}

impl Winner {
    #[inline]
    fn in_group(words: &[u32; GROUP_WORDS], place: usize) -> Self {
        let at = place % GROUP;
        Self { urgency: bytemuck::cast([words[2 * at], words[2 * at + 1]]), item: words[2 * GROUP + at] }
    }

    /// The task, and when it is due.
    #[inline]
    pub(super) fn due(self) -> Option<(u32, i64)> {
        (self.urgency > 0).then_some((self.item, FAR - self.urgency))
    }
}

/// Words of a group: four urgencies of two words, and four items.
const GROUP_WORDS: usize = 3 * GROUP;

/// The queue, in words that the host lends.
pub(super) struct Queue<'m, S> {
    slots: &'m [S],
    /// The leaves, and then the groups: floor by floor, the lowest first; each group of the wall clock is followed by that
    /// of the monotonic one.
    words: &'m mut [u32],
    /// How many leaves there are.
    leaves: usize,
    first: &'m mut [Winner; 2],
}

/// A floor of winners of a clock.
#[derive(Clone, Copy)]
struct Floor {
    /// The first word of its first group.
    from: usize,
    /// How many winners it has.
    winners: usize,
}

impl Floor {
    /// The one above, unless its winners are few.
    #[inline]
    fn above(self) -> Option<Self> {
        let groups = self.winners.div_ceil(GROUP);
        let above = Self { from: self.from + 2 * GROUP_WORDS * groups, winners: groups };
        (self.winners > FEW_WINNERS).then_some(above)
    }

    /// The first word of the group that a place is in.
    #[inline]
    fn group(self, place: usize) -> usize {
        self.from + 2 * GROUP_WORDS * (place / GROUP)
    }
}

/// Where of so many words those begin that hold winners. They are at least as many as tasks, and free for other uses until
/// [`Queue::rebuild`].
pub(super) const fn winners(words: usize) -> usize {
    2 * (words / WORDS)
}

/// What a task is due for, if it is, and whether that is of the monotonic clock.
#[inline]
pub(super) fn due(words: &[u32], item: u32) -> Option<(i64, bool)> {
    let leaf = words.get(..winners(words.len()))?.get(2 * item as usize..)?.first_chunk()?;
    match bytemuck::cast::<[u32; 2], i64>(*leaf) {
        0 => None,
        leaf if leaf > 0 => Some((FAR - leaf, false)),
        leaf => Some((FAR - !leaf, true)),
    }
}

/// Two words of each task, which are free for other uses until it is noted what it is due for.
pub(super) fn leaves(words: &mut [u32]) -> &mut [[u32; 2]] {
    let winners = winners(words.len());
    words.get_mut(..winners).unwrap_or_default().as_chunks_mut().0
}

impl<'m, S: Numbered> Queue<'m, S> {
    /// The queue that is in these words; zeros are an empty one.
    #[inline]
    pub(super) fn new(slots: &'m [S], words: &'m mut [u32], first: &'m mut [Winner; 2]) -> Self {
        let leaves = words.len() / WORDS;
        Self { slots, words, leaves, first }
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
        if let Some(word) = self.leaf_mut(item) {
            *word = bytemuck::cast(due.map_or(0, |(at, relative)| leaf(at, relative)));
        }
    }

    /// Finds all winners among the first `used` tasks anew; the others are not due.
    pub(super) fn rebuild(&mut self, used: usize) {
        let used = used.min(self.leaves);
        // What they were used for meanwhile.
        let from = winners(self.words.len());
        if let Some(spare) = self.words.get_mut(from..from + used) {
            spare.fill(0);
        }
        for clock in 0..2 {
            let Some(mut floor) = self.lowest(clock) else {
                self.first[clock] = self.of_leaves(clock, 0, self.leaves);
                continue;
            };
            let mut places = used.div_ceil(BLOCK);
            for place in 0..places {
                let winner = self.of_block(clock, place);
                self.put(floor, place, winner);
            }
            while let Some(above) = floor.above() {
                places = places.div_ceil(GROUP);
                for place in 0..places {
                    let winner = self.of_group(floor.group(place * GROUP));
                    self.put(above, place, winner);
                }
                floor = above;
            }
            self.first[clock] = self.of_few(floor);
        }
    }

    #[inline]
    fn lowest(&self, clock: usize) -> Option<Floor> {
        let floor = Floor { from: 2 * self.leaves + GROUP_WORDS * clock, winners: self.leaves.div_ceil(BLOCK) };
        (self.leaves > FEW_LEAVES).then_some(floor)
    }

    #[inline]
    fn leaf_mut(&mut self, item: u32) -> Option<&mut [u32; 2]> {
        let item = item as usize;
        if item < self.leaves { self.words.get_mut(2 * item..)?.first_chunk_mut() } else { None }
    }

    #[inline]
    fn change(&mut self, item: u32, now: i64) {
        let Some(word) = self.leaf_mut(item) else { return };
        let before: i64 = bytemuck::cast(core::mem::replace(word, bytemuck::cast(now)));
        if before > 0 || now > 0 {
            self.changed(0, Winner { urgency: now.max(0), item });
        }
        if before < 0 || now < 0 {
            self.changed(1, Winner { urgency: (!now).max(0), item });
        }
    }

    /// What follows from it that a leaf is another.
    #[inline]
    fn changed(&mut self, clock: usize, now: Winner) {
        let place = now.item as usize / BLOCK;
        let (floor, before) = match self.lowest(clock) {
            Some(floor) => (Some(floor), self.winner(floor, place)),
            None => (None, self.first[clock]),
        };
        if before.item != now.item && !self.beats(now, before) {
            return;
        }
        // It won before and is due later: then any of its neighbours may be first.
        let all = before.item == now.item && now.urgency <= before.urgency;
        match floor {
            Some(floor) => {
                let now = if all { self.of_block(clock, place) } else { now };
                self.go_up(floor, clock, place, now);
            }
            None => self.first[clock] = if all { self.of_leaves(clock, 0, self.leaves) } else { now },
        }
    }

    /// Puts a winner into its place, and goes on up as far as winners change.
    #[inline(never)]
    fn go_up(&mut self, mut floor: Floor, clock: usize, mut place: usize, now: Winner) {
        self.put(floor, place, now);
        while let Some(above) = floor.above() {
            let now = self.of_group(floor.group(place));
            place /= GROUP;
            if self.winner(above, place) == now {
                return;
            }
            self.put(above, place, now);
            floor = above;
        }
        self.first[clock] = self.of_few(floor);
    }

    #[inline]
    fn beats(&self, one: Winner, other: Winner) -> bool {
        one.urgency > other.urgency || (one.urgency == other.urgency && self.precedes(one, other))
    }

    /// Of two that are due at one moment, or not at all.
    #[cold]
    fn precedes(&self, one: Winner, other: Winner) -> bool {
        let number = |item: u32| self.slots.get(item as usize).map_or(u32::MAX, S::number);
        one.urgency > 0 && number(one.item) < number(other.item)
    }

    #[inline]
    fn of_block(&self, clock: usize, place: usize) -> Winner {
        let from = place * BLOCK;
        self.of_leaves(clock, from, (from + BLOCK).min(self.leaves))
    }

    #[inline]
    fn of_leaves(&self, clock: usize, from: usize, until: usize) -> Winner {
        let of_other_clock = if clock == 0 { 0 } else { !0 };
        let leaves = self.words.get(2 * from..2 * until).unwrap_or_default().as_chunks::<2>().0;
        let mut best = Winner::default();
        for (leaf, item) in leaves.iter().zip(from as u32..) {
            let one = Winner { urgency: bytemuck::cast::<_, i64>(*leaf) ^ of_other_clock, item };
            if self.beats(one, best) {
                best = one;
            }
        }
        best
    }

    #[inline]
    fn of_group(&self, from: usize) -> Winner {
        let Some(words) = self.words.get(from..).and_then(<[u32]>::first_chunk) else { return Winner::default() };
        let mut best = Winner::in_group(words, 0);
        for place in 1..GROUP {
            let one = Winner::in_group(words, place);
            if self.beats(one, best) {
                best = one;
            }
        }
        best
    }

    #[inline]
    fn of_few(&self, floor: Floor) -> Winner {
        let one = self.of_group(floor.from);
        if floor.winners <= GROUP {
            return one;
        }
        let other = self.of_group(floor.group(GROUP));
        if self.beats(other, one) { other } else { one }
    }

    #[inline]
    fn winner(&self, floor: Floor, place: usize) -> Winner {
        let words = self.words.get(floor.group(place)..).and_then(<[u32]>::first_chunk);
        words.map_or(Winner::default(), |words| Winner::in_group(words, place))
    }

    #[inline]
    fn put(&mut self, floor: Floor, place: usize, winner: Winner) {
        let words = self.words.get_mut(floor.group(place)..).and_then(<[u32]>::first_chunk_mut::<GROUP_WORDS>);
        if let Some(words) = words {
            let at = place % GROUP;
            [words[2 * at], words[2 * at + 1]] = bytemuck::cast(winner.urgency);
            words[2 * GROUP + at] = winner.item;
        }
    }
}

/// The leaf of a task that is due.
#[inline]
fn leaf(at: i64, relative: bool) -> i64 {
    let urgency = FAR - at.clamp(1 - FAR, FAR - 1);
    if relative { !urgency } else { urgency }
}
