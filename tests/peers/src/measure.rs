//! How figures are taken.

use std::time::Instant;

use tokio::runtime::{Builder, Runtime};

/// Chance that always falls alike (xorshift).
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    #[inline]
    pub fn draw(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    #[inline]
    pub fn below(&mut self, bound: u64) -> u64 {
        self.draw() % bound
    }
}

/// Nanoseconds that each of `steps` takes.
pub fn each(steps: usize, work: impl FnOnce()) -> f64 {
    let began = Instant::now();
    work();
    began.elapsed().as_nanos() as f64 / steps as f64
}

/// The least that each of `steps` takes in so many rounds: other load disturbs that least.
pub fn least(rounds: usize, steps: usize, mut work: impl FnMut()) -> f64 {
    (0..rounds).map(|_| each(steps, &mut work)).fold(f64::MAX, f64::min)
}

/// A runtime whose clock stands still until it is told to go on, or has nothing else to do.
pub fn paused() -> Runtime {
    match Builder::new_current_thread().enable_time().start_paused(true).build() {
        Ok(runtime) => runtime,
        Err(error) => panic!("no runtime: {error}"),
    }
}
