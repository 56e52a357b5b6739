//! The clocks, and being woken by them.
//!
//! The clock that never steps is `CLOCK_BOOTTIME`: it goes on while the machine is suspended, so a delay or a repetition
//! counts time that has really passed, and one that came due during the suspension is done on waking. The wall clock is
//! `CLOCK_REALTIME`; one that says a year before 2020, or a time before the latest that the store tells of, has not been set
//! since power-up, on a board without a battery, and counts as unknown until somebody sets it.
//!
//! Each clock has a timer of the kernel's. That of the wall clock is always armed, if for the far future, because it is
//! also what tells that somebody set the clock.

use std::{
    cell::Cell,
    io,
    os::fd::OwnedFd,
    task::{Context, Poll, ready},
    time::Duration,
};

use mainspring::{
    engine::Deadline,
    time::{Monotonic, Now, Timestamp, trust::WallClock},
};
use rustix::{
    io::Errno,
    time::{
        ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime, timerfd_create,
        timerfd_settime,
    },
};
use tokio::io::unix::AsyncFd;

use crate::readable::readable;

/// 2020-01-01T00:00:00Z. A wall clock that says less was never set.
const PLAUSIBLE: Timestamp = Timestamp::from_seconds(1_577_836_800);

/// The year 2255: later than any deadline that matters, and within what the kernel holds.
const FAR: i64 = 9_000_000_000_000;

/// What both clocks say.
#[must_use]
pub fn now() -> Now {
    Clocks::new().now()
}

/// Both clocks, for the cost of reading one.
///
/// They go at one rate, also while the wall clock is being slewed; only setting it changes how far they are apart. The
/// kernel tells of that through the [`Alarm`], and then they are [compared](Self::compare) again.
#[derive(Debug)]
pub struct Clocks {
    /// Nanoseconds by which the wall clock is ahead.
    ahead: i64,
    wall: WallClock,
}

impl Clocks {
    /// Reads both clocks.
    #[must_use]
    pub fn new() -> Self {
        Self::since(None)
    }

    /// Reads both clocks. A wall clock that says a time before `latest` is not believed until somebody sets it.
    #[must_use]
    pub fn since(latest: Option<Timestamp>) -> Self {
        let mut clocks = Self { ahead: 0, wall: WallClock::new(latest.max(Some(PLAUSIBLE))) };
        clocks.compare();
        clocks
    }

    /// Somebody has set the wall clock.
    pub fn was_set(&mut self) {
        self.wall.vouch();
        self.compare();
    }

    /// Looks how far they are apart now.
    pub fn compare(&mut self) {
        // Between the two readings the thread may have waited for a processor, so that of several pairs the closest
        // counts. It comes out a little too far ahead rather than behind: a deadline that rang must have come.
        let pair = || nanoseconds(ClockId::Boottime).wrapping_neg().wrapping_add(nanoseconds(ClockId::Realtime));
        self.ahead = (0..3).map(|_| pair()).min().unwrap_or_default();
    }

    /// What both say.
    #[must_use]
    pub fn now(&mut self) -> Now {
        const MILLISECOND: i64 = 1_000_000;
        let monotonic = nanoseconds(ClockId::Boottime);
        let wall = Timestamp(monotonic.saturating_add(self.ahead) / MILLISECOND);
        let monotonic = Monotonic((monotonic / MILLISECOND).cast_unsigned());
        Now { monotonic, wall: self.wall.read(monotonic, Some(wall)) }
    }
}

impl Default for Clocks {
    fn default() -> Self {
        Self::new()
    }
}

/// What a clock says, in nanoseconds; enough for 292 years.
fn nanoseconds(clock: ClockId) -> i64 {
    let time = clock_gettime(clock);
    time.tv_sec.saturating_mul(1_000_000_000).saturating_add(time.tv_nsec)
}

/// Why the alarm rang.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ring {
    /// A deadline came, or one that was given up since.
    Deadline,
    /// Somebody set the wall clock.
    ClockSet,
}

/// Rings when a deadline comes or the wall clock is set.
#[derive(Debug)]
pub struct Alarm {
    monotonic: Timer,
    wall: Timer,
    /// The clock was set, and the kernel said so in a moment in which nobody waited.
    clock_was_set: Cell<bool>,
}

#[derive(Debug)]
struct Timer {
    handle: AsyncFd<OwnedFd>,
    flags: TimerfdTimerFlags,
    /// When it is set to ring, in milliseconds of its clock; [`FAR`] if not at all.
    armed: Cell<i64>,
}

impl Alarm {
    /// An alarm that is set for no deadline. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// If the kernel has no timers to give.
    pub fn new() -> io::Result<Self> {
        let absolute = TimerfdTimerFlags::ABSTIME;
        let alarm = Self {
            monotonic: Timer::new(TimerfdClockId::Boottime, absolute)?,
            wall: Timer::new(TimerfdClockId::Realtime, absolute | TimerfdTimerFlags::CANCEL_ON_SET)?,
            clock_was_set: Cell::new(false),
        };
        alarm.arm_wall(FAR)?;
        Ok(alarm)
    }

    /// Sets the alarm for a deadline. If it is set for an earlier moment already it will ring then, once too often,
    /// because calls that put a deadline off are many and moments that pass are few.
    ///
    /// # Errors
    /// What the kernel said.
    pub fn set(&self, deadline: Deadline) -> io::Result<()> {
        if let Some(Monotonic(at)) = deadline.monotonic {
            let at = i64::try_from(at).unwrap_or(FAR);
            if at < self.monotonic.armed.get() {
                self.monotonic.arm(at)?;
            }
        }
        if let Some(Timestamp(at)) = deadline.wall.filter(|at| at.0 < self.wall.armed.get()) {
            self.arm_wall(at)?;
        }
        Ok(())
    }

    /// Waits until it rings; then it is set for no deadline of that clock.
    ///
    /// # Errors
    /// What the kernel said.
    pub async fn ring(&self) -> io::Result<Ring> {
        std::future::poll_fn(|cx| {
            if let Poll::Ready(rang) = self.monotonic.poll_ring(cx) {
                rang?;
                let set = self.clock_was_set.take();
                return Poll::Ready(Ok(if set { Ring::ClockSet } else { Ring::Deadline }));
            }
            let ring = match ready!(self.wall.poll_ring(cx)) {
                Ok(()) => Ring::Deadline,
                Err(error) if error.raw_os_error() == Some(Errno::CANCELED.raw_os_error()) => Ring::ClockSet,
                Err(error) => return Poll::Ready(Err(error)),
            };
            self.arm_wall(FAR)?;
            Poll::Ready(Ok(ring))
        })
        .await
    }

    fn arm_wall(&self, at: i64) -> io::Result<()> {
        match self.wall.arm(at) {
            // Armed; but in telling that the clock was set, the kernel has forgotten it. The other timer brings it up.
            Err(error) if error.raw_os_error() == Some(Errno::CANCELED.raw_os_error()) => {
                self.clock_was_set.set(true);
                self.monotonic.arm(1)
            }
            other => other,
        }
    }
}

/// Waits for spans of time, one after another. The runtime's own timers would read the clock at every turn of its loop,
/// which is at every call that the server answers.
#[derive(Debug)]
pub struct Delay(Timer);

impl Delay {
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    /// If the kernel has no timer to give.
    pub fn new() -> io::Result<Self> {
        Timer::new(TimerfdClockId::Boottime, TimerfdTimerFlags::empty()).map(Self)
    }

    /// Waits for so long; not at all if the timer fails.
    pub async fn wait(&mut self, span: Duration) {
        if self.0.arm(i64::try_from(span.as_millis()).unwrap_or(FAR)).is_ok() {
            let _ = std::future::poll_fn(|cx| self.0.poll_ring(cx)).await;
        }
    }
}

impl Timer {
    fn new(clock: TimerfdClockId, flags: TimerfdTimerFlags) -> io::Result<Self> {
        let handle = timerfd_create(clock, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
        Ok(Self { handle: readable(handle)?, flags, armed: Cell::new(FAR) })
    }

    fn arm(&self, at: i64) -> io::Result<()> {
        // Zero would mean never.
        let at = at.clamp(1, FAR);
        let it_value = Timespec { tv_sec: at / 1000, tv_nsec: at % 1000 * 1_000_000 };
        let it_interval = Timespec { tv_sec: 0, tv_nsec: 0 };
        self.armed.set(at);
        timerfd_settime(self.handle.get_ref(), self.flags, &Itimerspec { it_interval, it_value })?;
        Ok(())
    }

    fn poll_ring(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut ready = ready!(self.handle.poll_read_ready(cx))?;
            match rustix::io::read(self.handle.get_ref(), &mut [0; 8]) {
                Err(Errno::AGAIN) => ready.clear_ready(),
                Err(Errno::INTR) => {}
                rang => {
                    self.armed.set(FAR);
                    return Poll::Ready(rang.map(drop).map_err(io::Error::from));
                }
            }
        }
    }
}
