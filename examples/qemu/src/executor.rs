//! The executor: runs what is woken, and sleeps until an interrupt comes.

use core::sync::atomic::{AtomicBool, Ordering};

use cortex_m::{asm, interrupt};
use embassy_executor::{Spawner, raw::Executor};
use static_cell::StaticCell;

/// Something was woken since the executor last looked.
static WOKEN: AtomicBool = AtomicBool::new(false);

#[unsafe(export_name = "__pender")]
fn pender(_: *mut ()) {
    WOKEN.store(true, Ordering::Release);
}

/// Runs the tasks that `spawn` starts, for ever.
pub(crate) fn run(spawn: impl FnOnce(Spawner)) -> ! {
    static EXECUTOR: StaticCell<Executor> = StaticCell::new();
    let executor: &'static Executor = EXECUTOR.init(Executor::new(core::ptr::null_mut()));
    spawn(executor.spawner());
    loop {
        // SAFETY: it is polled here alone, and neither from an interrupt nor from one of its tasks.
        unsafe { executor.poll() };
        // With interrupts held back none can wake a task between the look and the sleep. One that is pending ends the
        // sleep all the same, and runs as soon as they are let through.
        interrupt::disable();
        if !WOKEN.swap(false, Ordering::Acquire) {
            asm::wfi();
        }
        // SAFETY: they were enabled before, and no critical section is open here.
        unsafe { interrupt::enable() };
    }
}
