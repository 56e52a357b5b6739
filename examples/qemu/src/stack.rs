//! How deep the stack ever was: what was not used still has the pattern that it was painted with. And who called whom.

use core::{arch::asm, iter, ptr};

const PATTERN: u32 = 0xA5A5_5A5A;
/// Bytes below the stack pointer that painting itself may use.
const OURS: usize = 256;

unsafe extern "C" {
    /// The highest address of the stack, which grows downwards.
    static _stack_start: u32;
    /// The lowest: below it there is no memory.
    static _stack_end: u32;
}

fn ends() -> (usize, usize) {
    (&raw const _stack_end as usize, &raw const _stack_start as usize)
}

/// Paints what is not used yet.
pub(crate) fn paint() {
    let pointer: usize;
    // SAFETY: it reads a register.
    unsafe { asm!("mov {}, sp", out(reg) pointer, options(nomem, nostack, preserves_flags)) };
    for word in (ends().0..pointer.saturating_sub(OURS)).step_by(4) {
        // SAFETY: this is below the stack pointer, and inside of the stack.
        unsafe { ptr::write_volatile(word as *mut u32, PATTERN) };
    }
}

/// The bytes that the stack has, and the most that were ever used.
pub(crate) fn used() -> (usize, usize) {
    let (low, high) = ends();
    let unused = (low..high)
        .step_by(4)
        // SAFETY: this is the stack; what is read of it is compared with the pattern and nothing else.
        .take_while(|word| unsafe { ptr::read_volatile(*word as *const u32) } == PATTERN)
        .count();
    (high - low, high - low - 4 * unused)
}

/// The addresses of the calls that are under way, from the innermost on. The target has a frame pointer in every
/// function: where it points to, there is that of the caller, and above it the address.
#[inline(always)]
pub(crate) fn callers() -> impl Iterator<Item = u32> {
    let mut frame: usize;
    // SAFETY: it reads a register.
    unsafe { asm!("mov {}, r7", out(reg) frame, options(nomem, nostack, preserves_flags)) };
    let (mut low, high) = ends();
    iter::from_fn(move || {
        if !(low..high - 4).contains(&frame) || !frame.is_multiple_of(4) {
            return None;
        }
        // Callers are further up, so that it ends whatever the stack holds.
        low = frame + 8;
        // SAFETY: these are two words of the stack.
        let (caller, returns_to) =
            unsafe { (ptr::read_volatile(frame as *const usize), ptr::read_volatile((frame + 4) as *const u32)) };
        frame = caller;
        // The lowest bit says that it is Thumb code, as all code is; and the call is before what is returned to.
        Some((returns_to & !1).wrapping_sub(2))
    })
}
