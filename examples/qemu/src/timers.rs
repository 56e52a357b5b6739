//! The timers: a counter that never stops, and an alarm. There is no periodic tick.
//!
//! The counter has 32 bits and goes round in 46 minutes. It is read at least whenever the alarm rings, and the alarm never
//! sleeps longer than [`LONGEST`], so no round is missed.

use core::cell::Cell;

use critical_section::{CriticalSection, Mutex};

use crate::board::{CYCLES_PER_MICRO, DUAL_TIMER, Interrupt, Register, TIMER0, unmask};

/// Cycles in one count: the counter's prescaler.
const PRESCALE: u64 = 16;

/// Microseconds after which the alarm rings at the latest. The alarm's counter would hold 171 seconds.
const LONGEST: u64 = 150_000_000;

/// Cycles after which the alarm rings again until it is set anew: a quarter of a millisecond. Where the emulator counts guest time in
/// instructions it may pass on to the next ring before the processor has seen this one, which then costs no more than that.
const AGAIN: u32 = 250 * CYCLES_PER_MICRO as u32;

mod counter {
    use super::{DUAL_TIMER, Register};

    pub(super) const LOAD: Register = Register::at(DUAL_TIMER, 0x00);
    pub(super) const VALUE: Register = Register::at(DUAL_TIMER, 0x04);
    pub(super) const CONTROL: Register = Register::at(DUAL_TIMER, 0x08);
    /// Enabled, periodic, by sixteen, of 32 bits.
    pub(super) const RUNS: u32 = 1 << 7 | 1 << 6 | 1 << 2 | 1 << 1;
}

mod alarm {
    use super::{Register, TIMER0};

    pub(super) const CONTROL: Register = Register::at(TIMER0, 0x00);
    pub(super) const VALUE: Register = Register::at(TIMER0, 0x04);
    pub(super) const RELOAD: Register = Register::at(TIMER0, 0x08);
    pub(super) const CLEAR: Register = Register::at(TIMER0, 0x0C);
    /// Enabled, and interrupts.
    pub(super) const RUNS: u32 = 1 << 3 | 1;
}

/// Rounds of the counter, and what it showed last.
static SEEN: Mutex<Cell<(u32, u32)>> = Mutex::new(Cell::new((0, 0)));

/// Starts the counter. Before, no time passes.
pub(crate) fn start() {
    counter::LOAD.write(u32::MAX);
    counter::CONTROL.write(counter::RUNS);
    unmask(Interrupt::Timer0);
}

/// Microseconds since the start.
pub(crate) fn micros(cs: CriticalSection<'_>) -> u64 {
    let seen = SEEN.borrow(cs);
    let (mut rounds, last) = seen.get();
    // It counts down from the largest number, which it also shows before it was started.
    let counts = u32::MAX - counter::VALUE.read();
    if counts < last {
        rounds = rounds.wrapping_add(1);
    }
    seen.set((rounds, counts));
    (u64::from(rounds) << 32 | u64::from(counts)) * PRESCALE / CYCLES_PER_MICRO
}

/// Has the alarm ring after so many microseconds, or [`LONGEST`], and again and again until it is set anew.
pub(crate) fn ring_after(micros: u64) {
    let cycles = u32::try_from(micros.min(LONGEST) * CYCLES_PER_MICRO).unwrap_or(u32::MAX);
    alarm::CONTROL.write(0);
    alarm::CLEAR.write(1);
    alarm::RELOAD.write(AGAIN);
    alarm::VALUE.write(cycles);
    alarm::CONTROL.write(alarm::RUNS);
}

/// The alarm was heard.
pub(crate) fn clear() {
    alarm::CLEAR.write(1);
}
