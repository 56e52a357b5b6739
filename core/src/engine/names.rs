//! The index of paths: open addressing over lent words, by a keyed 64-bit hash of the full path without letter case.
//!
//! Paths themselves are not in memory. Two of them whose hashes are equal would be taken for one: with a million tasks the
//! chance is below 1 in 30 million, and as the key is random and new at every start, nobody can look for such a pair. A look-up touches
//! no store and allocates nothing.

use super::{list::Link, slots::TaskSlot};
use crate::text::folded;
use core::hash::Hasher;
use siphasher::sip::SipHasher13;

/// The key of the hash.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct HashKey(u64, u64);

impl HashKey {
    /// Made of random bytes.
    pub(super) fn new(random: [u8; 16]) -> Self {
        let number = u128::from_le_bytes(random);
        Self((number >> 64) as u64, number as u64)
    }

    /// The hash of a path in its full form.
    pub(super) fn path(&self, path: &str) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(self.0, self.1);
        // The hasher is fed in pieces, because one call for every character would cost more than the hash.
        let mut piece = [0; 64];
        let mut used = 0;
        if path.is_ascii() {
            // What `folded` comes to, without looking into tables for each character.
            for text in path.as_bytes().chunks(piece.len()) {
                let piece = piece.get_mut(..text.len()).unwrap_or_default();
                piece.copy_from_slice(text);
                piece.make_ascii_uppercase();
                hasher.write(piece);
            }
            return hasher.finish();
        }
        for character in folded(path) {
            if used + character.len_utf8() > piece.len() {
                hasher.write(piece.get(..used).unwrap_or_default());
                used = 0;
            }
            if let Some(room) = piece.get_mut(used..used + character.len_utf8()) {
                used += character.encode_utf8(room).len();
            }
        }
        hasher.write(piece.get(..used).unwrap_or_default());
        hasher.finish()
    }

    /// A number that only who knows the key can tell from `bytes`.
    pub(super) fn mask(&self, bytes: &[u8]) -> u32 {
        let mut hasher = SipHasher13::new_with_keys(self.1, self.0);
        hasher.write(bytes);
        hasher.finish() as u32
    }
}

/// The word where a hash would like to be.
fn home(words: usize, hash: u64) -> usize {
    // The high half of a product spreads a hash over any number of words, which need not be a power of two.
    ((u128::from(hash) * words as u128) >> 64) as usize
}

/// The task or folder with this hash.
pub(super) fn find(words: &[u32], tasks: &[TaskSlot], hash: u64) -> Option<u32> {
    let (before, after) = words.split_at_checked(home(words.len(), hash))?;
    for &word in after.iter().chain(before) {
        let index = Link::of_word(word).index()?;
        if tasks.get(index as usize)?.hash == hash {
            return Some(index);
        }
    }
    None
}

/// Puts in a task or folder whose hash is not in yet. There must be room.
pub(super) fn insert(words: &mut [u32], hash: u64, index: u32) {
    let at = home(words.len(), hash);
    let Some((before, after)) = words.split_at_mut_checked(at) else { return };
    if let Some(word) = after.iter_mut().chain(before).find(|word| **word == 0) {
        *word = Link::to(index).word();
    }
}

/// Takes out the task or folder with this hash, and closes the gap, so that no look-up stops at it.
pub(super) fn remove(words: &mut [u32], tasks: &[TaskSlot], hash: u64) {
    let count = words.len();
    let start = home(count, hash);
    let hash_at = |words: &[u32], at: usize| {
        let index = Link::of_word(*words.get(at)?).index()?;
        tasks.get(index as usize).map(|task| task.hash)
    };
    let next = |at: usize| if at + 1 == count { 0 } else { at + 1 };
    let mut gap = start;
    loop {
        match hash_at(words, gap) {
            None => return,
            Some(found) if found == hash => break,
            Some(_) => gap = next(gap),
        }
        if gap == start {
            return;
        }
    }
    let mut at = next(gap);
    while let Some(found) = hash_at(words, at).filter(|_| at != gap) {
        // What stands here may move to the gap unless its home lies behind the gap.
        let from_home = (at + count - home(count, found)) % count;
        let from_gap = (at + count - gap) % count;
        if from_home >= from_gap {
            if let Some(&word) = words.get(at)
                && let Some(freed) = words.get_mut(gap)
            {
                *freed = word;
            }
            gap = at;
        }
        at = next(at);
    }
    if let Some(word) = words.get_mut(gap) {
        *word = 0;
    }
}
