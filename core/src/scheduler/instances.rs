//! What a host asks about an instance that it is to start.

use super::{Scheduler, context};
use crate::{
    engine::{Refused, RunAs, Work},
    guid::Guid,
    ports::Ports,
    task::Arguments,
    time::{Now, zone::Zone},
};

impl Scheduler<'_> {
    /// What the instance shall run now, its parameters put in, written to `into`.
    ///
    /// # Errors
    /// [`Refused`] if there is no such instance, its definition is damaged, or `into` is too small: answer the
    /// [`Output::Start`] with [`Input::StartFailed`] then.
    pub fn action<'i>(
        &mut self,
        now: Now,
        zone: &Zone<'_>,
        instance: Guid,
        ports: &mut Ports<'_>,
        into: &'i mut [u8],
    ) -> Result<Work<'i>, Refused> {
        self.engine.action(&mut context(now, zone, ports), instance, into)
    }

    /// The arguments of that, for a host that starts programs with a list of them: split before parameters are put in, and written
    /// to `into`.
    ///
    /// # Errors
    /// As for [`action`](Self::action).
    pub fn arguments<'i>(
        &mut self,
        now: Now,
        zone: &Zone<'_>,
        instance: Guid,
        ports: &mut Ports<'_>,
        into: &'i mut [u8],
    ) -> Result<Arguments<'i>, Refused> {
        self.engine.arguments(&mut context(now, zone, ports), instance, into)
    }

    /// As whom the instance shall run that, and how.
    ///
    /// # Errors
    /// As for [`action`](Self::action).
    pub fn run_as(
        &mut self,
        now: Now,
        zone: &Zone<'_>,
        instance: Guid,
        ports: &mut Ports<'_>,
    ) -> Result<RunAs, Refused> {
        self.engine.run_as(&mut context(now, zone, ports), instance)
    }
}
