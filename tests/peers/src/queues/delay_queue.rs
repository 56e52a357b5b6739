//! tokio-util's DelayQueue, on tokio's clock that stands still until it is told to go on.

use std::{
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::{runtime::Runtime, time::Instant};
use tokio_util::time::{DelayQueue, delay_queue::Key};

use super::Timers;
use crate::measure::paused;

pub struct DelayQueueTimers {
    queue: DelayQueue<u32>,
    keys: Vec<Option<Key>>,
    began: Instant,
    now: u64,
    runtime: Runtime,
}

impl Timers for DelayQueueTimers {
    /// A place of its slab: the value, the moment, two links and whether it has expired; and the key of who asks.
    const BYTES: f64 = 72.0;

    fn new(count: u32) -> Self {
        let runtime = paused();
        let began = runtime.block_on(async { Instant::now() });
        let _inside = runtime.enter();
        let queue = DelayQueue::with_capacity(count as usize);
        Self { queue, keys: vec![None; count as usize], began, now: 0, runtime }
    }

    fn insert(&mut self, item: u32, at: u64) {
        let _inside = self.runtime.enter();
        self.keys[item as usize] = Some(self.queue.insert_at(item, self.began + Duration::from_millis(at)));
    }

    fn rearm(&mut self, item: u32, at: u64) {
        let _inside = self.runtime.enter();
        if let Some(key) = &self.keys[item as usize] {
            self.queue.reset_at(key, self.began + Duration::from_millis(at));
        }
    }

    fn cancel(&mut self, item: u32) {
        let _inside = self.runtime.enter();
        if let Some(key) = self.keys[item as usize].take() {
            self.queue.remove(&key);
        }
    }

    fn expire(&mut self, now: u64, again: &mut impl FnMut(u32) -> u64) {
        let Self { queue, keys, began, runtime, .. } = self;
        let span = Duration::from_millis(now - std::mem::replace(&mut self.now, now));
        runtime.block_on(tokio::time::advance(span));
        let _inside = runtime.enter();
        let mut context = Context::from_waker(Waker::noop());
        while let Poll::Ready(Some(expired)) = queue.poll_expired(&mut context) {
            let item = *expired.get_ref();
            keys[item as usize] = Some(queue.insert_at(item, *began + Duration::from_millis(again(item))));
        }
    }

    fn wake(&mut self) -> Option<u64> {
        None
    }
}

/// Wake-ups for each firing, as [`wakes`](super::wakes) counts them: how often the runtime slept.
pub fn wakes() -> f64 {
    let mut chance = crate::measure::Chance::new(11);
    let mut timers = DelayQueueTimers::new(1000);
    for item in 0..1000 {
        timers.insert(item, 1 + chance.below(super::HORIZON));
    }
    let DelayQueueTimers { queue, runtime, .. } = &mut timers;
    let metrics = runtime.metrics();
    let before = metrics.worker_park_count(0);
    let mut fired = 0_u32;
    runtime.block_on(async {
        let mut last = Instant::now();
        while fired < 10_000 {
            if let Some(expired) = std::future::poll_fn(|cx| queue.poll_expired(cx)).await {
                fired += u32::from(Instant::now() != last);
                last = Instant::now();
                let after = Duration::from_millis(1 + chance.below(super::HORIZON));
                queue.insert(expired.into_inner(), after);
            }
        }
    });
    (metrics.worker_park_count(0) - before) as f64 / f64::from(fired)
}
