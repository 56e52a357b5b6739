//! What ends the firmware: it says where, and ends the emulator. On a real board it would be reset.

use core::panic::PanicInfo;

use cortex_m_rt::{ExceptionFrame, exception};

use crate::{semihosting::exit, stack};

/// What the emulator ends with when the firmware failed.
const FAILED: u8 = 101;

/// The most calls that are named when a panic ends the firmware.
const CALLS: usize = 16;

/// Who called whom is logged, as addresses that `addr2line -Cfipe ELF ADDRESS…` puts into words by what stays on the host.
/// That leaves out of the flash not only what formats the words of a panic, but the words and the names of the files too, which
/// are a tenth of the firmware: nothing may look into the panic for it.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    defmt::error!("panic");
    stack::callers().take(CALLS).for_each(|caller| defmt::error!("called from {=u32:#x}", caller));
    exit(FAILED)
}

#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    defmt::error!("hard fault at {=u32:#x}, called from {=u32:#x}", frame.pc(), frame.lr());
    exit(FAILED)
}

/// An interrupt or exception came that nobody waits for.
pub(crate) fn unexpected(ordinal: i16) -> ! {
    defmt::error!("interrupt {=i16}", ordinal);
    exit(FAILED)
}
