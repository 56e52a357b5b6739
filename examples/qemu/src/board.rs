//! Where things are on the boards.
//!
//! The three are FPGA images of Arm's MPS2 with the same peripherals; the image with the Cortex-M7 has its network elsewhere.

use cortex_m::peripheral::NVIC;

/// What the board calls itself.
#[cfg(board = "an385")]
pub(crate) const NAME: &str = "mps2-an385";
#[cfg(board = "an386")]
pub(crate) const NAME: &str = "mps2-an386";
#[cfg(board = "an500")]
pub(crate) const NAME: &str = "mps2-an500";

/// Cycles of the processor and of the timers in a microsecond.
pub(crate) const CYCLES_PER_MICRO: u64 = 25;

/// A CMSDK timer, which counts down from a value and interrupts.
pub(crate) const TIMER0: usize = 0x4000_0000;
/// The first half of the CMSDK dual timer, which counts down for ever.
pub(crate) const DUAL_TIMER: usize = 0x4000_2000;
/// The LAN9118 network controller.
#[cfg(not(board = "an500"))]
pub(crate) const LAN9118: usize = 0x4020_0000;
#[cfg(board = "an500")]
pub(crate) const LAN9118: usize = 0xA000_0000;

/// Ordinal of an interrupt.
#[derive(Clone, Copy)]
#[repr(u16)]
pub(crate) enum Interrupt {
    /// [`TIMER0`].
    Timer0 = 8,
    /// [`LAN9118`].
    Ethernet = 13,
}

// SAFETY: these are ordinals of interrupts of the board.
unsafe impl cortex_m::interrupt::InterruptNumber for Interrupt {
    fn number(self) -> u16 {
        self as u16
    }
}

/// Lets an interrupt not through any more.
pub(crate) fn mask(interrupt: Interrupt) {
    NVIC::mask(interrupt);
}

/// Lets an interrupt through.
pub(crate) fn unmask(interrupt: Interrupt) {
    // SAFETY: no critical section is by masks of single interrupts here.
    unsafe { NVIC::unmask(interrupt) };
}

unsafe extern "C" {
    fn DefaultHandler();
}

/// The vectors of the board's interrupts, which are 32. Without this table there would be room for 240.
// SAFETY: the section is where the script of the runtime wants exactly this.
#[unsafe(link_section = ".vector_table.interrupts")]
#[unsafe(no_mangle)]
static __INTERRUPTS: [unsafe extern "C" fn(); 32] = [DefaultHandler; 32];

/// A register of 32 bits.
#[derive(Clone, Copy)]
pub(crate) struct Register(*mut u32);

impl Register {
    /// The register at an offset of a peripheral.
    pub(crate) const fn at(base: usize, offset: usize) -> Self {
        Self((base + offset) as *mut u32)
    }

    pub(crate) fn read(self) -> u32 {
        // SAFETY: addresses are made from the constants above alone, and these are registers.
        unsafe { self.0.read_volatile() }
    }

    pub(crate) fn write(self, value: u32) {
        // SAFETY: as above.
        unsafe { self.0.write_volatile(value) };
    }
}
