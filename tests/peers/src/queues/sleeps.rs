//! tokio's own wheel, through `Sleep`, on its clock that stands still until it is told to go on.

use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Wake, Waker},
    time::Duration,
};

use tokio::{
    runtime::Runtime,
    time::{Instant, Sleep, sleep_until},
};

use super::Timers;
use crate::measure::paused;

thread_local! {
    /// Which timers were woken.
    static WOKEN: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
}

struct Note(u32);

impl Wake for Note {
    fn wake(self: Arc<Self>) {
        WOKEN.with_borrow_mut(|woken| woken.push(self.0));
    }
    fn wake_by_ref(self: &Arc<Self>) {
        WOKEN.with_borrow_mut(|woken| woken.push(self.0));
    }
}

pub struct Sleeps {
    sleeps: Vec<Option<Pin<Box<Sleep>>>>,
    wakers: Vec<Waker>,
    began: Instant,
    now: u64,
    woken: Vec<u32>,
    runtime: Runtime,
}

impl Timers for Sleeps {
    /// A `Sleep` in its box, and the pointer to it.
    const BYTES: f64 = (size_of::<Sleep>() + size_of::<Pin<Box<Sleep>>>()) as f64;

    fn new(count: u32) -> Self {
        let runtime = paused();
        let began = runtime.block_on(async { Instant::now() });
        let wakers = (0..count).map(|item| Waker::from(Arc::new(Note(item)))).collect();
        let sleeps = (0..count).map(|_| None).collect();
        WOKEN.with_borrow_mut(|woken| woken.reserve(count as usize));
        Self { sleeps, wakers, began, now: 0, woken: Vec::with_capacity(count as usize), runtime }
    }

    fn insert(&mut self, item: u32, at: u64) {
        let _inside = self.runtime.enter();
        let mut sleep = Box::pin(sleep_until(self.began + Duration::from_millis(at)));
        let _ = sleep.as_mut().poll(&mut Context::from_waker(&self.wakers[item as usize]));
        self.sleeps[item as usize] = Some(sleep);
    }

    fn rearm(&mut self, item: u32, at: u64) {
        let _inside = self.runtime.enter();
        if let Some(sleep) = &mut self.sleeps[item as usize] {
            sleep.as_mut().reset(self.began + Duration::from_millis(at));
            let _ = sleep.as_mut().poll(&mut Context::from_waker(&self.wakers[item as usize]));
        }
    }

    fn cancel(&mut self, item: u32) {
        let _inside = self.runtime.enter();
        self.sleeps[item as usize] = None;
    }

    fn expire(&mut self, now: u64, again: &mut impl FnMut(u32) -> u64) {
        let span = Duration::from_millis(now - std::mem::replace(&mut self.now, now));
        self.runtime.block_on(tokio::time::advance(span));
        WOKEN.with_borrow_mut(|woken| std::mem::swap(woken, &mut self.woken));
        let mut woken = std::mem::take(&mut self.woken);
        for item in woken.drain(..) {
            self.rearm(item, again(item));
        }
        self.woken = woken;
    }

    fn wake(&mut self) -> Option<u64> {
        None
    }
}

/// Wake-ups for each firing, as [`wakes`](super::wakes) counts them: how often the runtime slept.
pub fn wakes() -> f64 {
    let mut chance = crate::measure::Chance::new(11);
    let mut timers = Sleeps::new(1000);
    for item in 0..1000 {
        timers.insert(item, 1 + chance.below(super::HORIZON));
    }
    let Sleeps { sleeps, runtime, .. } = &mut timers;
    let metrics = runtime.metrics();
    let before = metrics.worker_park_count(0);
    let mut fired = 0_u32;
    runtime.block_on(async {
        let mut last = Instant::now();
        while fired < 10_000 {
            std::future::poll_fn(|cx| {
                let mut any = std::task::Poll::Pending;
                for sleep in sleeps.iter_mut().flatten() {
                    while sleep.as_mut().poll(cx).is_ready() {
                        sleep.as_mut().reset(Instant::now() + Duration::from_millis(1 + chance.below(super::HORIZON)));
                        any = std::task::Poll::Ready(());
                    }
                }
                any
            })
            .await;
            fired += u32::from(Instant::now() != last);
            last = Instant::now();
        }
    });
    (metrics.worker_park_count(0) - before) as f64 / f64::from(fired)
}
