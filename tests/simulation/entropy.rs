//! Random bytes that are the same in every life of a script.

use mainspring::ports::{Entropy, NoEntropy};
use mainspring_tests::chance::Chance;

pub(crate) struct Random {
    pub(crate) chance: Chance,
    pub(crate) dry: bool,
}

impl Entropy for Random {
    fn fill(&mut self, into: &mut [u8]) -> Result<(), NoEntropy> {
        if self.dry {
            return Err(NoEntropy);
        }
        for chunk in into.chunks_mut(4) {
            let word = (self.chance.draw() >> 24) as u32;
            chunk.copy_from_slice(&word.to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}
