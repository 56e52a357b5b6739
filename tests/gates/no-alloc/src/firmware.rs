//! What runs on the microcontroller.

use core::panic::PanicInfo;
use cortex_m_rt::entry;
use cortex_m_semihosting::{debug, hprintln};

#[cfg(feature = "canary")]
extern crate alloc;

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    hprintln!("{}", info);
    end(debug::EXIT_FAILURE)
}

fn end(status: debug::ExitStatus) -> ! {
    loop {
        debug::exit(status);
    }
}

#[entry]
fn main() -> ! {
    #[cfg(feature = "canary")]
    hprintln!("{}", alloc::vec![1, 2, 3].len());
    hprintln!("{}", mainspring::guid::Guid::NIL);
    hprintln!("the task ran");
    end(debug::EXIT_SUCCESS)
}
