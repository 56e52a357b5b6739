//! A simulated Ethernet: a hub whose frames are lost, doubled and delayed as a seed has it.

use std::{cell::RefCell, collections::BTreeMap, pin::pin, rc::Rc, task::Context};

use embassy_net::{
    Config, Ipv4Address, Ipv4Cidr, Stack, StackResources, StaticConfigV4,
    driver::{Capabilities, Driver, HardwareAddress, LinkState, RxToken, TxToken},
};
use embassy_time::{Instant, Timer};
use mainspring_tests::disk::Chance;

use crate::world::{World, forever};

/// What becomes of frames.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Weather {
    /// Of a thousand frames, so many are lost.
    pub(crate) lost: u64,
    /// Of a thousand frames, so many come twice.
    pub(crate) doubled: u64,
    /// Milliseconds that a frame takes, at least and at most. If they differ, frames overtake each other.
    pub(crate) delay: (u64, u64),
}

/// A frame is this much, or there is an error in the stack.
const FRAME: usize = 1514;

struct Plug {
    address: [u8; 6],
    /// What is on its way to it: when it is there, and the order of sending.
    coming: BTreeMap<(Instant, u64), Vec<u8>>,
    waker: Option<std::task::Waker>,
    /// Nothing goes in or out.
    pulled: bool,
}

struct Ether {
    chance: Chance,
    weather: Weather,
    plugs: Vec<Plug>,
    sent: u64,
}

/// The hub. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Hub(Rc<RefCell<Ether>>);

impl Hub {
    pub(crate) fn new(seed: u64, weather: Weather) -> Self {
        Self(Rc::new(RefCell::new(Ether { chance: Chance::new(seed), weather, plugs: Vec::new(), sent: 0 })))
    }

    /// A stack with the address 10.0.0.`host`, and the number of its plug.
    pub(crate) fn stack(&self, world: &mut World, host: u8) -> (Stack<'static>, usize) {
        let plug = self.0.borrow().plugs.len();
        let address = [2, 0, 0, 0, 0, host];
        self.0.borrow_mut().plugs.push(Plug { address, coming: BTreeMap::new(), waker: None, pulled: false });
        let config = Config::ipv4_static(StaticConfigV4 {
            address: Ipv4Cidr::new(Ipv4Address::new(10, 0, 0, host), 24),
            gateway: None,
            dns_servers: Default::default(),
        });
        let resources = forever(StackResources::<16>::new());
        let device = Device { hub: self.clone(), plug };
        let (stack, mut runner) = embassy_net::new(device, config, resources, u64::from(host));
        world.spawn(async move { runner.run().await });
        (stack, plug)
    }

    /// Pulls a plug, or puts it in again.
    pub(crate) fn pull(&self, plug: usize, pulled: bool) {
        self.0.borrow_mut().plugs[plug].pulled = pulled;
    }

    pub(crate) fn set_weather(&self, weather: Weather) {
        self.0.borrow_mut().weather = weather;
    }

    /// Frames sent so far.
    pub(crate) fn sent(&self) -> u64 {
        self.0.borrow().sent
    }
}

impl Ether {
    fn send(&mut self, from: usize, frame: &[u8]) {
        assert!(frame.len() <= FRAME, "a frame of {} bytes", frame.len());
        let now = Instant::now();
        self.sent += 1;
        for to in 0..self.plugs.len() {
            let plug = &self.plugs[to];
            let is_for = frame.starts_with(&[0xFF; 6]) || frame.starts_with(&plug.address);
            if to == from || !is_for || plug.pulled || self.plugs[from].pulled {
                continue;
            }
            let copies = if self.chance.below(1000) < self.weather.doubled { 2 } else { 1 };
            for _ in 0..copies {
                if self.chance.below(1000) < self.weather.lost {
                    continue;
                }
                let (least, most) = self.weather.delay;
                let delay = least + self.chance.below(most - least + 1);
                let at = now + embassy_time::Duration::from_millis(delay);
                let number = self.sent * 2 + self.plugs[to].coming.contains_key(&(at, self.sent * 2)) as u64;
                self.plugs[to].coming.insert((at, number), frame.to_vec());
            }
            if let Some(waker) = self.plugs[to].waker.take() {
                waker.wake();
            }
        }
    }
}

struct Device {
    hub: Hub,
    plug: usize,
}

struct Came(Vec<u8>);

impl RxToken for Came {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(mut self, f: F) -> R {
        f(&mut self.0)
    }
}

struct Going<'d>(&'d Device);

impl TxToken for Going<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        self.0.hub.0.borrow_mut().send(self.0.plug, &frame);
        result
    }
}

impl Driver for Device {
    type RxToken<'a> = Came;
    type TxToken<'a> = Going<'a>;

    fn receive(&mut self, cx: &mut Context<'_>) -> Option<(Came, Going<'_>)> {
        let frame = {
            let plug = &mut self.hub.0.borrow_mut().plugs[self.plug];
            plug.waker = Some(cx.waker().clone());
            match plug.coming.first_entry() {
                Some(entry) if entry.key().0 <= Instant::now() => entry.remove(),
                Some(entry) => {
                    // Only to be woken then.
                    let _ = pin!(Timer::at(entry.key().0)).poll(cx);
                    return None;
                }
                None => return None,
            }
        };
        Some((Came(frame), Going(self)))
    }

    fn transmit(&mut self, _: &mut Context<'_>) -> Option<Going<'_>> {
        Some(Going(self))
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
        HardwareAddress::Ethernet(self.hub.0.borrow().plugs[self.plug].address)
    }
}
