//! What is served on the two ports, and who answers a call.

use super::{Config, ConnectionSlot};
use crate::{
    engine::Engine,
    epm, mgmt,
    ports::Ports,
    rpc::{Call, Fault, Interface, Services, Trust},
    task::Resources,
    time::{Now, zone::Zone},
    tsch,
};

/// What the scheduler's own port serves, and in which order [`Rooms`] counts it.
static SERVICES: [&Interface; 4] = [&epm::INTERFACE, &mgmt::INTERFACE, &tsch::INTERFACE, &tsch::HISTORY_INTERFACE];
/// What the endpoint mapper's port serves: the first of the above.
static MAPPER: [&Interface; 2] = [&epm::INTERFACE, &mgmt::INTERFACE];

/// All interfaces that are served, for documentation and tests.
#[must_use]
pub fn interfaces() -> &'static [&'static Interface] {
    &SERVICES
}

/// The services of one connection, for one step.
pub(super) struct Rooms<'s, 'a> {
    pub(super) engine: &'s mut Engine<'a>,
    pub(super) ports: Ports<'s>,
    pub(super) zone: &'s Zone<'s>,
    pub(super) image: &'s mut [u8],
    pub(super) config: &'s Config<'a>,
    pub(super) resources: Option<&'s dyn Resources>,
    pub(super) statistics: mgmt::Statistics,
    pub(super) slot: &'s ConnectionSlot,
}

impl Services for Rooms<'_, '_> {
    fn trust(&mut self) -> Trust<'_> {
        Trust { entropy: self.ports.entropy, accounts: self.ports.accounts }
    }

    fn interfaces(&self) -> &'static [&'static Interface] {
        if self.slot.mapper { &MAPPER } else { &SERVICES }
    }

    fn call(&mut self, now: Now, call: &Call<'_>, reply: &mut [u8]) -> Result<usize, Fault> {
        match call.interface {
            0 => epm::Service { entries: self.config.endpoints, local: self.slot.local.into() }.call(call, reply),
            1 => mgmt::Service {
                interfaces: self.interfaces(),
                principal: self.config.identity.dns_name,
                statistics: self.statistics,
            }
            .call(call, reply),
            interface => {
                let mut service = tsch::Service {
                    engine: self.engine,
                    ports: self.ports.reborrow(),
                    zone: self.zone,
                    scratch: self.image,
                    resources: self.resources,
                    version: self.config.version,
                };
                if interface == 2 { service.call(now, call, reply) } else { service.call_history(now, call, reply) }
            }
        }
    }
}
