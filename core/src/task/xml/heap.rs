//! What reading takes of the heap. It may take so many bytes for each of a text, and an allocation of ours that it may not make,
//! or that fails, is an error of that call; what the parser will allocate, which would end the program if it failed, is
//! tried beforehand in one piece.

use alloc::{string::String, vec::Vec};
use core::{cell::Cell, fmt};

use super::error::{Fault, Refused};
use crate::limits::{XML_HEAP_PER_BYTE, XML_HEAP_SHORTEST};

/// There is no memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoMemory;

impl From<NoMemory> for Fault<'_> {
    fn from(_: NoMemory) -> Self {
        Self::NO_MEMORY
    }
}

impl From<NoMemory> for Refused {
    /// Where nothing is noted, this is why.
    fn from(_: NoMemory) -> Self {
        Self
    }
}

/// What reading a text may still take of the heap.
#[derive(Debug)]
pub(super) struct Room(Cell<usize>);

impl Room {
    /// What may be taken for a text of so many bytes, itself among it.
    pub(super) const fn new(text: usize) -> Self {
        let text = if text < XML_HEAP_SHORTEST { XML_HEAP_SHORTEST } else { text };
        Self(Cell::new(XML_HEAP_PER_BYTE.saturating_mul(text)))
    }

    pub(super) fn take(&self, bytes: usize) -> Result<(), NoMemory> {
        self.0.set(self.0.get().checked_sub(bytes).ok_or(NoMemory)?);
        Ok(())
    }

    pub(super) fn give_back(&self, bytes: usize) {
        self.0.set(self.0.get() + bytes);
    }

    /// Makes room for so many more items in a vector. What it had is given back when its items have been moved.
    pub(super) fn reserve<T>(&self, list: &mut Vec<T>, more: usize) -> Result<(), NoMemory> {
        let item = size_of::<T>();
        let had = list.capacity();
        self.take((list.len() + more) * item)?;
        list.try_reserve_exact(more).map_err(|_| NoMemory)?;
        self.give_back(had * item);
        Ok(())
    }

    /// Drops a vector.
    pub(super) fn give_back_list<T>(&self, list: Vec<T>) {
        self.give_back(list.capacity() * size_of::<T>());
    }

    /// A vector that has room for so many items.
    pub(super) fn list<T>(&self, items: usize) -> Result<Vec<T>, NoMemory> {
        let mut list = Vec::new();
        self.reserve(&mut list, items)?;
        Ok(list)
    }

    /// Appends to a vector, which grows to twice its length where there is no room in it.
    pub(super) fn push<T>(&self, list: &mut Vec<T>, item: T) -> Result<(), NoMemory> {
        if list.len() == list.capacity() {
            self.reserve(list, list.len().max(4))?;
        }
        list.push(item);
        Ok(())
    }
}

/// Text that grows until there is no more memory; from then on it says so, and takes nothing.
#[derive(Debug)]
pub(super) struct Growing<'r> {
    text: Vec<u8>,
    full: bool,
    room: &'r Room,
}

impl<'r> Growing<'r> {
    pub(super) const fn new(room: &'r Room) -> Self {
        Self { text: Vec::new(), full: false, room }
    }

    pub(super) fn push_str(&mut self, text: &str) {
        // It grows to twice its length.
        let more =
            if self.text.capacity() - self.text.len() < text.len() { text.len().max(self.text.len()) } else { 0 };
        if self.full || more != 0 && self.room.reserve(&mut self.text, more).is_err() {
            self.full = true;
        } else {
            self.text.extend_from_slice(text.as_bytes());
        }
    }

    pub(super) fn push(&mut self, character: char) {
        self.push_str(character.encode_utf8(&mut [0; 4]));
    }

    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    pub(super) fn truncate(&mut self, length: usize) {
        self.text.truncate(length);
    }

    /// What it has grown to, if all of it is there.
    pub(super) fn finish(self) -> Result<String, NoMemory> {
        // It is made of texts.
        if self.full { Err(NoMemory) } else { String::from_utf8(self.text).map_err(|_| NoMemory) }
    }
}

impl fmt::Write for Growing<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push_str(text);
        if self.full { Err(fmt::Error) } else { Ok(()) }
    }
}

/// What the parser will have to allocate for a text.
#[derive(Debug, Default)]
pub(super) struct Need {
    /// Nodes at most.
    pub(super) nodes: usize,
    /// Attributes.
    pub(super) attributes: usize,
    /// Declarations of namespaces.
    pub(super) namespaces: usize,
    /// Bytes of text and attributes that the parser has to copy, because there are references or line ends in them.
    pub(super) copied: usize,
    /// Pieces that it copies.
    pub(super) copies: usize,
    /// The longest of them, or the longest tag, whose name an error may quote.
    pub(super) longest: usize,
}

impl Need {
    /// The parser copies `copies` pieces that have `bytes` together.
    pub(super) fn copy(&mut self, bytes: usize, copies: usize) {
        self.copied += bytes;
        self.copies += copies;
        self.longest = self.longest.max(bytes);
    }

    const WORD: usize = size_of::<usize>();
    /// Bytes of a node: numbers, a string and a range.
    const NODE: usize = 28 + 6 * Self::WORD;
    /// Bytes of an attribute: a name, a value, a range, and a few numbers.
    const ATTRIBUTE: usize = 8 + 8 * Self::WORD;
    /// Bytes of what is there once: a few lists that are as long as a text is deep.
    const ONCE: usize = 320 * Self::WORD;
    /// Bytes that a copy costs beside itself: its counters, and what an allocator may put around it.
    const COPY: usize = 6 * Self::WORD;

    /// Whether there is memory for the tree of `text`, and it may be taken. It is given back before this returns, and nobody
    /// else asks for any until the tree is built; what it will have then stays taken from `room`.
    pub(super) fn is_there(&self, text: &str, room: &Room) -> Result<(), NoMemory> {
        // As many nodes are allocated at first; if they are not enough, twice as many, while the first are still there.
        let (first, attributes) = (count(text, b'<'), count(text, b'='));
        let nodes = if self.nodes <= first { first } else { first + self.nodes.max(2 * first) };
        let grown = nodes * Self::NODE + attributes * Self::ATTRIBUTE;
        // In the end these lists are cut to what they hold.
        let cut = self.nodes * Self::NODE + self.attributes * Self::ATTRIBUTE;
        // One namespace is there that nobody declares.
        let namespaces = (self.namespaces + 1) * (self.namespaces * 2 + 8 * Self::WORD);
        let rest = namespaces + self.copied + self.copies * Self::COPY;
        // A copy is made in a buffer that grows.
        let once = 4 * self.longest + Self::ONCE;
        let mut all = grown + rest + once;
        room.take(all)?;
        try_out(all)?;
        if !shrinks_in_place() {
            // This allocator cuts a list by making another.
            room.take(cut)?;
            all += cut;
            try_out(all)?;
        }
        // It has as many attributes as there are signs of equality, or fewer.
        room.give_back(all.saturating_sub(cut + rest));
        Ok(())
    }
}

/// How many bytes of a text are `wanted`. A block is not longer than what a byte can count, so that many are compared at once.
fn count(text: &str, wanted: u8) -> usize {
    let blocks = text.as_bytes().chunks(usize::from(u8::MAX));
    blocks.map(|block| usize::from(block.iter().map(|byte| u8::from(*byte == wanted)).sum::<u8>())).sum()
}

/// Whether so many bytes can be had in one piece.
fn try_out(bytes: usize) -> Result<(), NoMemory> {
    let mut tried = Vec::<u8>::new();
    tried.try_reserve_exact(bytes).map_err(|_| NoMemory)?;
    // Otherwise the compiler may leave out an allocation that nobody uses.
    core::hint::black_box(&mut tried);
    Ok(())
}

/// Whether the allocator makes a block shorter where it is. It is asked when a longer block than both of these was just given
/// back, so that neither can fail.
fn shrinks_in_place() -> bool {
    let mut block = Vec::<u8>::with_capacity(64);
    block.push(0);
    let before = core::hint::black_box(&mut block).as_ptr();
    block.shrink_to_fit();
    core::ptr::eq(before, core::hint::black_box(&mut block).as_ptr())
}
