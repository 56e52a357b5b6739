//! Random bytes from a seed (ChaCha20), for boards whose source of entropy is slow, or is the factory.
//!
//! A board with a true random number generator may implement [`Entropy`] over that, or seed a [`Seeded`] from it now and
//! then, which is faster. **A seed that somebody else can know, or that is the same after every start, gives logins that can
//! be replayed**: a board without a source keeps a seed in flash and replaces it at every start with bytes drawn from it.

use mainspring::ports::{Entropy, NoEntropy};
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng as _, SeedableRng as _},
};

/// Random bytes from a seed. Without one it has none to give.
#[derive(Debug, Default)]
pub struct Seeded(Option<ChaCha20Rng>);

impl Seeded {
    /// Nothing to give until [`mix`](Self::mix) brings a seed.
    #[must_use]
    pub const fn unseeded() -> Self {
        Self(None)
    }

    /// Random bytes from a seed.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self(Some(ChaCha20Rng::from_seed(seed)))
    }

    /// Mixes more of what nobody can know in. What was there before is not lost: a bad addition takes nothing away.
    pub fn mix(&mut self, mut seed: [u8; 32]) {
        if let Some(rng) = &mut self.0 {
            let mut drawn = [0; 32];
            rng.fill_bytes(&mut drawn);
            seed.iter_mut().zip(drawn).for_each(|(seed, drawn)| *seed ^= drawn);
        }
        self.0 = Some(ChaCha20Rng::from_seed(seed));
    }
}

impl Entropy for Seeded {
    fn fill(&mut self, into: &mut [u8]) -> Result<(), NoEntropy> {
        self.0.as_mut().ok_or(NoEntropy)?.fill_bytes(into);
        Ok(())
    }
}
