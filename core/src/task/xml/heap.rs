//! What reading takes of the heap. An allocation of ours that fails is an error of that call; what the parser will
//! allocate, which would end the program if it failed, is tried beforehand in one piece.

use alloc::{string::String, vec::Vec};
use core::fmt;

use super::error::{Fault, Refused};

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

/// Appends to a vector.
pub(super) fn push<T>(list: &mut Vec<T>, item: T) -> Result<(), NoMemory> {
    list.try_reserve(1).map_err(|_| NoMemory)?;
    list.push(item);
    Ok(())
}

/// Text that grows until there is no more memory; from then on it says so, and takes nothing.
#[derive(Debug, Default)]
pub(super) struct Growing {
    text: String,
    full: bool,
}

impl Growing {
    pub(super) fn push_str(&mut self, text: &str) {
        if self.full || self.text.try_reserve(text.len()).is_err() {
            self.full = true;
        } else {
            self.text.push_str(text);
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
        if self.full { Err(NoMemory) } else { Ok(self.text) }
    }
}

impl fmt::Write for Growing {
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

    /// Whether there is memory for the tree of `text`. It is given back before this returns, and nobody else asks for any
    /// until the tree is built.
    pub(super) fn is_there(&self, text: &str) -> Result<(), NoMemory> {
        // As many nodes are allocated at first; if they are not enough, twice as many, while the first are still there.
        let (first, attributes) = (count(text, b'<'), count(text, b'='));
        let nodes = if self.nodes <= first { first } else { first + self.nodes.max(2 * first) };
        let bytes = nodes * Self::NODE
            + attributes * Self::ATTRIBUTE
            + self.namespaces * (self.namespaces * 2 + 8 * Self::WORD)
            // A copy is made in a buffer that grows, and then kept.
            + self.copied + self.copies * Self::COPY + 4 * self.longest
            + Self::ONCE;
        try_out(bytes)?;
        if shrinks_in_place() {
            return Ok(());
        }
        // In the end the lists are cut to what they hold, which this allocator does by making others.
        try_out(bytes + self.nodes * Self::NODE + self.attributes * Self::ATTRIBUTE)
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
