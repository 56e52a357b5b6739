//! What ends the firmware: it says where, and ends the emulator. On a real board it would be reset.

use core::panic::PanicInfo;

use cortex_m_rt::{ExceptionFrame, exception};

use crate::semihosting::exit;

/// What the emulator ends with when the firmware failed.
const FAILED: u8 = 101;

/// The place is enough, and the words are not: to format them takes as much flash as the network does.
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    match info.location() {
        Some(place) => defmt::error!("panic at {=str}:{=u32}", place.file(), place.line()),
        None => defmt::error!("panic"),
    }
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
