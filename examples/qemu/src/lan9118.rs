//! A driver for SMSC's LAN9118 Ethernet controller, as `embassy-net` wants it.
//!
//! Frames go through the controller's two FIFOs by the processor, one word after another. The controller interrupts when a
//! frame has come, or when there is room for one; the handler only masks that and wakes the stack, which looks again.
//!
//! A frame that is broken or too long is thrown away. If the controller and the driver do not agree any more on where a frame
//! begins, the controller is started anew, and what was in its FIFOs is lost, as on a bad cable.
//!
//! The link is taken to be up: what is sent while it is down is lost, as on any network.

use core::{slice, task::Context};

use embassy_net_driver::{Capabilities, Driver, HardwareAddress, LinkState, RxToken, TxToken};
use embassy_sync::waitqueue::AtomicWaker;

use crate::board::{Interrupt, LAN9118, Register, mask, unmask};

const RX_DATA: Register = Register::at(LAN9118, 0x00);
const TX_DATA: Register = Register::at(LAN9118, 0x20);
const RX_STATUS: Register = Register::at(LAN9118, 0x40);
const TX_STATUS: Register = Register::at(LAN9118, 0x48);
const IRQ_CFG: Register = Register::at(LAN9118, 0x54);
const INT_STS: Register = Register::at(LAN9118, 0x58);
const INT_EN: Register = Register::at(LAN9118, 0x5C);
const BYTE_TEST: Register = Register::at(LAN9118, 0x64);
const FIFO_INT: Register = Register::at(LAN9118, 0x68);
const RX_CFG: Register = Register::at(LAN9118, 0x6C);
const TX_CFG: Register = Register::at(LAN9118, 0x70);
const HW_CFG: Register = Register::at(LAN9118, 0x74);
const RX_FIFO_INF: Register = Register::at(LAN9118, 0x7C);
const TX_FIFO_INF: Register = Register::at(LAN9118, 0x80);
const MAC_CSR_CMD: Register = Register::at(LAN9118, 0xA4);
const MAC_CSR_DATA: Register = Register::at(LAN9118, 0xA8);

/// Registers of the MAC, which are reached through two of the above.
const MAC_CR: u32 = 1;
const ADDRH: u32 = 2;
const ADDRL: u32 = 3;

/// More words of status than none are in the receive FIFO.
const RX_LEVEL: u32 = 1 << 3;
/// There is more room in the transmit FIFO than was asked for.
const TX_ROOM: u32 = 1 << 9;
/// What was read of the receive FIFO, or written to the transmit FIFO, is not what the controller thinks it should be.
const LOST_STEP: u32 = 1 << 14 | 1 << 13;

/// Bytes of the longest frame, without its check sequence.
const FRAME: usize = 1514;
/// Words of the longest frame with its check sequence.
const WORDS: usize = (FRAME + 4).div_ceil(4);
/// Bytes of room that a frame needs in the transmit FIFO: itself and its two commands.
const ROOM: u32 = (WORDS as u32 + 2) * 4;

/// How often something that the controller does at once is looked for.
const PATIENCE: u32 = 100_000;

static WAKER: AtomicWaker = AtomicWaker::new();

/// The controller interrupted.
pub(crate) fn interrupted() {
    INT_EN.write(0);
    WAKER.wake();
}

/// The controller did not do what it should.
#[derive(Debug, Clone, Copy, defmt::Format)]
pub(crate) enum Fault {
    /// It does not answer with its test pattern; what it answers.
    Absent(u32),
    /// It does not come back from a reset.
    Reset,
    /// A register of the MAC stays busy.
    Mac,
}

/// The controller.
pub(crate) struct Lan9118 {
    address: [u8; 6],
    /// It has to be started anew: nobody knows where the next frame begins.
    is_lost: bool,
    received: [u32; WORDS],
    sent: [u32; WORDS],
}

fn wait_until(condition: impl Fn() -> bool, fault: Fault) -> Result<(), Fault> {
    if (0..PATIENCE).any(|_| condition()) { Ok(()) } else { Err(fault) }
}

const BUSY: u32 = 1 << 31;

fn read_mac(register: u32) -> Result<u32, Fault> {
    MAC_CSR_CMD.write(BUSY | 1 << 30 | register);
    wait_until(|| MAC_CSR_CMD.read() & BUSY == 0, Fault::Mac)?;
    Ok(MAC_CSR_DATA.read())
}

fn write_mac(register: u32, value: u32) -> Result<(), Fault> {
    MAC_CSR_DATA.write(value);
    MAC_CSR_CMD.write(BUSY | register);
    wait_until(|| MAC_CSR_CMD.read() & BUSY == 0, Fault::Mac)
}

impl Lan9118 {
    /// Nothing that can be used yet. It is zeros, so that a `static` of it costs no flash.
    pub(crate) const fn new() -> Self {
        Self { address: [0; 6], is_lost: false, received: [0; WORDS], sent: [0; WORDS] }
    }

    /// Starts the controller anew if that is needed; if it does not come back, that is tried again with the next frame.
    fn find(&mut self) {
        if self.is_lost || INT_STS.read() & LOST_STEP != 0 {
            defmt::warn!("the network controller is started anew, and what was in it is lost");
            self.is_lost = self.start().is_err();
        }
    }

    /// Resets the controller and starts it. Its address is the one that it brought from its EEPROM.
    pub(crate) fn start(&mut self) -> Result<(), Fault> {
        /// What [`BYTE_TEST`] always shows.
        const PATTERN: u32 = 0x8765_4321;
        wait_until(|| BYTE_TEST.read() == PATTERN, Fault::Absent(BYTE_TEST.read()))?;
        // Its interrupt is active when low until it is told otherwise.
        mask(Interrupt::Ethernet);
        HW_CFG.write(1);
        wait_until(|| HW_CFG.read() & 1 == 0, Fault::Reset)?;
        // Store and forward, and five kilobytes for what is sent.
        HW_CFG.write(1 << 20 | 5 << 16);
        INT_EN.write(0);
        INT_STS.write(u32::MAX);
        // Room for a frame, in units of 64 bytes; any status of a received one.
        FIFO_INT.write(ROOM.div_ceil(64) << 24);
        // Enabled, active high, push-pull.
        IRQ_CFG.write(1 << 8 | 1 << 4 | 1);
        RX_CFG.write(0);
        TX_CFG.write(1 << 1);
        // Receive and transmit.
        write_mac(MAC_CR, 1 << 3 | 1 << 2)?;
        let ([a, b, c, d], [e, f, ..]) = (read_mac(ADDRL)?.to_le_bytes(), read_mac(ADDRH)?.to_le_bytes());
        self.address = [a, b, c, d, e, f];
        unmask(Interrupt::Ethernet);
        Ok(())
    }

    /// Whether a frame can be sent: there is room for it, and for what will be said of it.
    fn has_room() -> bool {
        // Nobody asks what became of a frame; but these words must be taken away, of which there are no more than this.
        for _ in 0..0xFF {
            if TX_FIFO_INF.read() >> 16 & 0xFF == 0 {
                break;
            }
            TX_STATUS.read();
        }
        TX_FIFO_INF.read() & 0xFFFF >= ROOM
    }

    /// Has the stack woken by one of the interrupts, unless what it is for has come already.
    fn wait_for(interrupt: u32, cx: &Context<'_>, came: impl Fn() -> bool) -> bool {
        WAKER.register(cx.waker());
        INT_STS.write(interrupt);
        critical_section::with(|_| INT_EN.write(INT_EN.read() | interrupt | LOST_STEP));
        came()
    }

    fn frame_came() -> bool {
        RX_FIFO_INF.read() >> 16 & 0xFF != 0
    }

    /// Takes the next good frame out of the FIFO, and returns its length without its check sequence.
    fn take(&mut self) -> Option<usize> {
        while Self::frame_came() {
            let status = RX_STATUS.read();
            let length = (status >> 16 & 0x3FFF) as usize;
            if 4 * length.div_ceil(4) > (RX_FIFO_INF.read() & 0xFFFF) as usize {
                self.is_lost = true;
                return None;
            }
            let is_good = status & 1 << 15 == 0 && (4..=FRAME + 4).contains(&length);
            for word in 0..length.div_ceil(4) {
                let value = RX_DATA.read();
                if let Some(place) = self.received.get_mut(word) {
                    *place = value;
                }
            }
            if is_good {
                return Some(length - 4);
            }
        }
        None
    }
}

impl Driver for Lan9118 {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Room<'a>;

    fn receive(&mut self, cx: &mut Context<'_>) -> Option<(Received<'_>, Room<'_>)> {
        self.find();
        // A frame may ask for an answer, so there must be room for one.
        if !Self::has_room() && !Self::wait_for(TX_ROOM, cx, Self::has_room) {
            return None;
        }
        if !Self::frame_came() && !Self::wait_for(RX_LEVEL, cx, Self::frame_came) {
            return None;
        }
        let length = self.take();
        let Some(length) = length else {
            // All that came was bad, or more comes just now: looks again.
            cx.waker().wake_by_ref();
            return None;
        };
        Some((Received(bytes(&mut self.received, length)), Room(&mut self.sent)))
    }

    fn transmit(&mut self, cx: &mut Context<'_>) -> Option<Room<'_>> {
        let has_room = Self::has_room() || Self::wait_for(TX_ROOM, cx, Self::has_room);
        has_room.then_some(Room(&mut self.sent))
    }

    fn link_state(&mut self, _: &mut Context<'_>) -> LinkState {
        LinkState::Up
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = FRAME;
        capabilities.max_burst_size = Some(1);
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet(self.address)
    }
}

/// The first bytes of words, as they lie in memory.
fn bytes(words: &mut [u32; WORDS], length: usize) -> &mut [u8] {
    let length = length.min(4 * WORDS);
    // SAFETY: they are inside of the words, which are lent mutably for as long as the bytes; bytes need no alignment.
    unsafe { slice::from_raw_parts_mut(words.as_mut_ptr().cast::<u8>(), length) }
}

/// A frame that came.
pub(crate) struct Received<'f>(&'f mut [u8]);

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, look: F) -> R {
        look(self.0)
    }
}

/// There is room for a frame.
pub(crate) struct Room<'f>(&'f mut [u32; WORDS]);

impl TxToken for Room<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, fill: F) -> R {
        let result = fill(bytes(self.0, length));
        let size = length.min(FRAME) as u32;
        // The first and the last piece of the frame at once.
        TX_DATA.write(1 << 13 | 1 << 12 | size);
        TX_DATA.write(size);
        self.0.iter().take(length.min(FRAME).div_ceil(4)).for_each(|word| TX_DATA.write(*word));
        result
    }
}
