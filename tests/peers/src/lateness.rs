//! How late a moment is noticed: the host's alarm, tokio's timers, and a loop that has nothing else to do.

use std::time::Duration;

use mainspring::{engine::Deadline, time::Monotonic};
use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime, timerfd_create,
    timerfd_settime,
};
use tokio::runtime::Builder;

use crate::clock::Alarm;

/// Nanoseconds of lateness.
#[derive(Debug, Clone, Copy)]
pub struct Late {
    pub half: f64,
    pub most: f64,
}

const SAMPLES: usize = 1000;
const ROUNDS: usize = 5;
const NAMES: usize = 3;

fn now() -> i64 {
    let time = clock_gettime(ClockId::Boottime);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// Of the host, of tokio and of the bare loop, in turns; of the rounds the least.
pub fn measure() -> std::io::Result<[Late; NAMES]> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let alarm = runtime.block_on(async { Alarm::new() })?;
    let bare = timerfd_create(TimerfdClockId::Boottime, TimerfdFlags::CLOEXEC)?;
    let mut best = [Late { half: f64::MAX, most: f64::MAX }; NAMES];
    for _ in 0..ROUNDS {
        let mut late: [Vec<i64>; NAMES] = Default::default();
        for sample in 0..SAMPLES * NAMES {
            // A whole millisecond, two to three from now.
            let at = (now() / 1_000_000 + 3) * 1_000_000;
            match sample % NAMES {
                0 => {
                    let deadline = Deadline { monotonic: Some(Monotonic((at / 1_000_000) as u64)), wall: None };
                    runtime.block_on(async {
                        alarm.set(deadline)?;
                        alarm.ring().await
                    })?;
                }
                1 => runtime.block_on(async { tokio::time::sleep(Duration::from_nanos((at - now()) as u64)).await }),
                _ => {
                    let it_value = Timespec { tv_sec: at / 1_000_000_000, tv_nsec: at % 1_000_000_000 };
                    let it_interval = Timespec { tv_sec: 0, tv_nsec: 0 };
                    timerfd_settime(&bare, TimerfdTimerFlags::ABSTIME, &Itimerspec { it_interval, it_value })?;
                    rustix::io::read(&bare, &mut [0; 8])?;
                }
            }
            late[sample % NAMES].push(now() - at);
        }
        for (best, late) in best.iter_mut().zip(&mut late) {
            late.sort_unstable();
            best.half = best.half.min(late[SAMPLES / 2] as f64);
            best.most = best.most.min(late[SAMPLES * 99 / 100] as f64);
        }
    }
    Ok(best)
}
