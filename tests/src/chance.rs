//! Chance that always falls alike.

/// A deterministic source of chance (xorshift), so that a failure is repeated by its seed.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// Chance that always falls alike for one seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// The next number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.draw() % bound
    }
}
