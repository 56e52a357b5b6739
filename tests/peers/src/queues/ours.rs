//! The engine's own queue, from its source: it is not for others than the engine.

#[path = "../../../../core/src/engine/queue.rs"]
#[allow(dead_code)]
mod due;

use due::{Numbered, Queue, WORDS, Winner};

use super::Timers;

#[derive(Clone, Copy)]
struct Slot(u32);

impl Numbered for Slot {
    fn number(&self) -> u32 {
        self.0
    }
}

pub struct Ours {
    slots: Vec<Slot>,
    words: Vec<u32>,
    first: [Winner; 2],
}

impl Ours {
    #[inline]
    fn queue(&mut self) -> Queue<'_, Slot> {
        Queue::new(&self.slots, &mut self.words, &mut self.first)
    }

    /// Seconds of the longest tick of a queue in which all is due at once, of 64 firings as the engine fires. Of each tick the
    /// shortest of the rounds counts, because in every one of them the host is taken away from some.
    pub fn all_at_once(count: u32, rounds: usize) -> f64 {
        let mut ticks = vec![f64::MAX; count as usize / 64];
        for _ in 0..rounds {
            let mut ours = Self::new(count);
            for item in 0..count {
                ours.insert(item, 1);
            }
            for tick in &mut ticks {
                let began = std::time::Instant::now();
                for _ in 0..64 {
                    if let Some((item, _)) = ours.queue().first(false) {
                        ours.rearm(item, 2);
                    }
                }
                *tick = tick.min(began.elapsed().as_secs_f64());
            }
        }
        ticks.into_iter().fold(0.0, f64::max)
    }
}

impl Timers for Ours {
    const BYTES: f64 = (WORDS * size_of::<u32>()) as f64;

    fn new(count: u32) -> Self {
        let slots = (0..count).map(Slot).collect();
        Self { slots, words: vec![0; WORDS * count as usize], first: [Winner::default(); 2] }
    }

    #[inline]
    fn insert(&mut self, item: u32, at: u64) {
        self.queue().arm(item, at as i64, false);
    }

    #[inline]
    fn rearm(&mut self, item: u32, at: u64) {
        self.queue().arm(item, at as i64, false);
    }

    #[inline]
    fn cancel(&mut self, item: u32) {
        self.queue().disarm(item);
    }

    #[inline]
    fn expire(&mut self, now: u64, again: &mut impl FnMut(u32) -> u64) {
        while let Some((item, at)) = self.queue().first(false)
            && at as u64 <= now
        {
            self.queue().arm(item, again(item) as i64, false);
        }
    }

    fn wake(&mut self) -> Option<u64> {
        self.queue().first(false).map(|(_, at)| at as u64)
    }
}
