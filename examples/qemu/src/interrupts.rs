//! What each interrupt is for.

use cortex_m_rt::exception;

use crate::{board::Interrupt, clock, faults, lan9118};

/// Every interrupt comes here: there are two.
#[exception]
unsafe fn DefaultHandler(ordinal: i16) {
    const TIMER0: i16 = Interrupt::Timer0 as i16;
    const ETHERNET: i16 = Interrupt::Ethernet as i16;
    match ordinal {
        TIMER0 => clock::rang(),
        ETHERNET => lan9118::interrupted(),
        _ => faults::unexpected(ordinal),
    }
}
