//! What a host asks about an instance that it is to start.

use super::{Scheduler, context};
use crate::{
    credentials,
    engine::{Context, Refused, RunAs, Work},
    guid::Guid,
    ports::Ports,
    task::Arguments,
    time::{Now, zone::Zone},
};

impl Scheduler<'_> {
    /// What the instance shall run now, its parameters put in, written to `into`.
    ///
    /// # Errors
    /// [`Refused::LogonFailure`] if it may not [start](credentials::admit) as whom it runs, and otherwise [`Refused`] if there is no
    /// such instance, its definition is damaged, or `into` is too small: answer the [`Output::Start`](super::Output::Start) with
    /// [`Input::StartFailed`](super::Input::StartFailed) and its [status](Refused::status) then.
    pub fn action<'i>(
        &mut self,
        now: Now,
        zone: &Zone<'_>,
        instance: Guid,
        ports: &mut Ports<'_>,
        into: &'i mut [u8],
    ) -> Result<Work<'i>, Refused> {
        let Ports { store, entropy, accounts, sessions, secrets } = ports.reborrow();
        let mut cx = Context { now, zone, store, entropy, sessions };
        let run_as = self.engine.run_as(&mut cx, instance)?;
        credentials::admit(&mut self.engine, &mut cx, accounts, secrets, &run_as)?;
        self.engine.action(&mut cx, instance, into)
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
    /// As for [`action`](Self::action), but whether it may start is not asked.
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
