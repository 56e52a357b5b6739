//! A firmware with no allocator: nothing in it would link if the core used the heap.

#![no_std]
#![no_main]

use core::panic::PanicInfo;
use cortex_m_rt::entry;
use cortex_m_semihosting::{debug, hprintln};

#[cfg(feature = "canary")]
extern crate alloc;

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    hprintln!("{}", info);
    debug::exit(debug::EXIT_FAILURE);
    loop {}
}

#[entry]
fn main() -> ! {
    #[cfg(feature = "canary")]
    hprintln!("{}", alloc::vec![1, 2, 3].len());
    let guid = mainspring::guid::Guid::NIL;
    hprintln!("{}", guid);
    hprintln!("the task ran");
    debug::exit(debug::EXIT_SUCCESS);
    loop {}
}
