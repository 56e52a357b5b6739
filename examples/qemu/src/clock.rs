//! The time driver of embassy over the board's timers.

use core::cell::RefCell;

use critical_section::{CriticalSection, Mutex};
use embassy_time_driver::Driver;
use embassy_time_queue_utils::Queue;

use crate::timers;

/// The time driver of the firmware.
struct Clock {
    queue: Mutex<RefCell<Queue>>,
}

embassy_time_driver::time_driver_impl!(static CLOCK: Clock = Clock { queue: Mutex::new(RefCell::new(Queue::new())) });

/// Starts the clock. Before, no time passes.
pub(crate) fn start() {
    timers::start();
    critical_section::with(|cs| CLOCK.arm(cs));
}

/// The alarm rang.
pub(crate) fn rang() {
    timers::clear();
    critical_section::with(|cs| CLOCK.arm(cs));
}

impl Clock {
    /// Wakes what is due, and sets the alarm for what is due next.
    fn arm(&self, cs: CriticalSection<'_>) {
        let mut queue = self.queue.borrow(cs).borrow_mut();
        loop {
            let now = timers::micros(cs);
            let after = queue.next_expiration(now).saturating_sub(now);
            if after > 0 {
                return timers::ring_after(after);
            }
        }
    }
}

impl Driver for Clock {
    fn now(&self) -> u64 {
        critical_section::with(timers::micros)
    }

    fn schedule_wake(&self, at: u64, waker: &core::task::Waker) {
        critical_section::with(|cs| {
            let sooner = self.queue.borrow(cs).borrow_mut().schedule_wake(at, waker);
            if sooner {
                self.arm(cs);
            }
        });
    }
}
