//! Queues of timers: ours, those of others, and what else ours could have been.

mod delay_queue;
mod heaps;
mod lazy;
mod ours;
mod sleeps;
mod wheel;

pub use delay_queue::{DelayQueueTimers, wakes as delay_queue_wakes};
pub use heaps::{KeysBeside, KeysInSlots};
pub use lazy::Lazy;
pub use ours::Ours;
pub use sleeps::{Sleeps, wakes as sleeps_wakes};
pub use wheel::Wheel;

use crate::measure::Chance;

/// Timers are due within a day from now, in milliseconds.
pub const HORIZON: u64 = 86_400_000;

/// What is done with a queue. The time is in milliseconds, and begins at zero.
pub trait Timers {
    /// Room for so many, none of which is due.
    fn new(count: u32) -> Self;
    /// A timer that was not due is.
    fn insert(&mut self, item: u32, at: u64);
    /// One that is due is due at another moment.
    fn rearm(&mut self, item: u32, at: u64);
    /// One that is due is not any more.
    fn cancel(&mut self, item: u32);
    /// Time goes on to `now`: whatever is due by then expires, and is armed again for what `again` says.
    fn expire(&mut self, now: u64, again: &mut impl FnMut(u32) -> u64);
    /// When the host has to come back, if the queue tells.
    fn wake(&mut self) -> Option<u64>;
    /// Bytes of memory of each timer, without what is for all of them.
    const BYTES: f64;
}

/// One of the operations that are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Insert,
    Rearm,
    Expire,
    Cancel,
}

impl Operation {
    /// In the order in which they can follow each other.
    pub const ALL: [Self; 4] = [Self::Insert, Self::Rearm, Self::Expire, Self::Cancel];
}

/// A queue, and what is going to be done with it, so that chance costs nothing while it is measured.
pub struct Script<T> {
    timers: T,
    order: Vec<u32>,
    moments: Vec<u64>,
    count: u32,
}

impl<T: Timers> Script<T> {
    pub fn new(count: u32) -> Self {
        let mut chance = Chance::new(count.into());
        let mut order: Vec<u32> = (0..count).collect();
        for last in (1..order.len()).rev() {
            order.swap(last, chance.below(last as u64 + 1) as usize);
        }
        let moments = (0..count).map(|_| 1 + chance.below(HORIZON)).collect();
        Self { timers: T::new(count), order, moments, count }
    }

    /// Does it with every timer, or as often; those that are picked are picked in no order.
    pub fn run(&mut self, operation: Operation) {
        let Self { timers, order, moments, count } = self;
        match operation {
            Operation::Insert => (0..*count).zip(moments).for_each(|(item, at)| timers.insert(item, *at)),
            Operation::Rearm => order.iter().zip(moments).for_each(|(item, at)| timers.rearm(*item, *at)),
            Operation::Cancel => order.iter().for_each(|item| timers.cancel(*item)),
            Operation::Expire => {
                let (mut fired, mut now, mut after) = (0, 0, moments.iter().cycle());
                while fired < *count {
                    now += 10_000;
                    timers.expire(now, &mut |_| {
                        fired += 1;
                        now + after.next().copied().unwrap_or(1)
                    });
                }
            }
        }
    }
}

/// Wake-ups for each firing: a thousand timers of a day, ten thousand moments at which some fired.
pub fn wakes<T: Timers>() -> Option<f64> {
    let mut chance = Chance::new(11);
    let mut timers = T::new(1000);
    for item in 0..1000 {
        timers.insert(item, 1 + chance.below(HORIZON));
    }
    let (mut wakes, mut firings) = (0_u32, 0_u32);
    while firings < 10_000 {
        let now = timers.wake()?;
        wakes += 1;
        let mut fired = 0;
        timers.expire(now, &mut |_| {
            fired = 1;
            now + 1 + chance.below(HORIZON)
        });
        firings += fired;
    }
    Some(f64::from(wakes) / f64::from(firings))
}
