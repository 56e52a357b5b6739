//! Settings, [MS-TSCH] 2.5.4.

use super::{
    element::Element,
    error::Refused,
    values::{ANY, POLICIES, SETTINGS, guid, named, non_empty, number},
};
use crate::task::{Conditions, Idle, Maintenance, Network, RestartOnFailure, Settings, Span};

type Result<T> = core::result::Result<T, Refused>;

/// One day, in seconds.
const DAY: u64 = 86_400;

/// Intervals of repetitions and restarts: one minute to 31 days, in seconds.
pub(super) const INTERVAL: core::ops::RangeInclusive<u64> = 60..=31 * DAY;

#[inline(never)]
pub(super) fn read(element: Element<'_>) -> Result<(Settings<'_>, Conditions<'_>)> {
    let fields = element.plain()?.fields(&SETTINGS)?;
    let defaults = (Settings::default(), Conditions::default());
    let settings = Settings {
        enabled: fields.flag("Enabled", true)?,
        hidden: fields.flag("Hidden", false)?,
        allow_start_on_demand: fields.flag("AllowStartOnDemand", true)?,
        allow_hard_terminate: fields.flag("AllowHardTerminate", true)?,
        instances_policy: fields.value("MultipleInstancesPolicy", |text| named(&POLICIES, text))?.unwrap_or_default(),
        execution_time_limit: match fields.span("ExecutionTimeLimit", ANY)? {
            None => defaults.0.execution_time_limit,
            Some(Span { seconds: 0, .. }) => None,
            // However it was written, it is the default and need not be kept.
            Some(limit) if Settings::is_default_limit(&limit) => defaults.0.execution_time_limit,
            limit => limit,
        },
        start_when_available: fields.flag("StartWhenAvailable", false)?,
        priority: fields.value("Priority", |text| number(text, 0..=10))?.unwrap_or(Settings::PRIORITY),
    };
    let conditions = Conditions {
        disallow_start_if_on_batteries: fields.flag("DisallowStartIfOnBatteries", true)?,
        stop_if_going_on_batteries: fields.flag("StopIfGoingOnBatteries", true)?,
        run_only_if_network_available: fields.flag("RunOnlyIfNetworkAvailable", false)?,
        run_only_if_idle: fields.flag("RunOnlyIfIdle", false)?,
        wake_to_run: fields.flag("WakeToRun", false)?,
        disallow_start_on_remote_app_session: fields.flag("DisallowStartOnRemoteAppSession", false)?,
        use_unified_scheduling_engine: fields.flag("UseUnifiedSchedulingEngine", false)?,
        volatile: fields.flag("Volatile", false)?,
        idle: fields.get("IdleSettings").map(read_idle).transpose()?.unwrap_or(defaults.1.idle),
        network_profile_name: fields.text("NetworkProfileName")?,
        network: fields.get("NetworkSettings").map(read_network).transpose()?,
        restart_on_failure: fields.get("RestartOnFailure").map(read_restart).transpose()?,
        maintenance: fields.get("MaintenanceSettings").map(read_maintenance).transpose()?,
        delete_expired_task_after: fields.span("DeleteExpiredTaskAfter", ANY)?,
        opaque: element.opaque(),
    };
    match fields.get("MaintenanceSettings") {
        Some(maintenance) if !conditions.use_unified_scheduling_engine => Err(maintenance.unexpected()),
        _ => Ok((settings, conditions)),
    }
}

/// The specification has Duration and WaitTimeout from a minute to 31 days. Real tasks have both less and more than that (a
/// second, a year), so there is no bound but that of every [`Span`].
fn read_idle(element: Element<'_>) -> Result<Idle<'_>> {
    let fields = element.plain()?.fields(&["Duration", "WaitTimeout", "StopOnIdleEnd", "RestartOnIdle"])?;
    Ok(Idle {
        duration: fields.span("Duration", ANY)?,
        wait_timeout: fields.span("WaitTimeout", ANY)?,
        stop_on_idle_end: fields.flag("StopOnIdleEnd", true)?,
        restart_on_idle: fields.flag("RestartOnIdle", false)?,
    })
}

fn read_network(element: Element<'_>) -> Result<Network<'_>> {
    let fields = element.plain()?.fields(&["Name", "Id"])?;
    let name = fields.get("Name").map(|name| name.accepted(non_empty(name.text()?))).transpose()?;
    Ok(Network { name, id: fields.value("Id", guid)? })
}

fn read_restart(element: Element<'_>) -> Result<RestartOnFailure<'_>> {
    let fields = element.plain()?.fields(&["Count", "Interval"])?;
    let interval = fields.needed("Interval")?.span(INTERVAL)?;
    let count = fields.needed("Count")?;
    Ok(RestartOnFailure { count: count.accepted(number(count.value()?, 1..=255))?, interval })
}

fn read_maintenance(element: Element<'_>) -> Result<Maintenance<'_>> {
    let fields = element.plain()?.fields(&["Period", "Deadline", "Exclusive"])?;
    let period = fields.needed("Period")?.span(DAY..=u64::MAX)?;
    let deadline = fields.get("Deadline").map(|field| {
        let deadline = field.span(ANY)?;
        field.accepted(Some(deadline).filter(|deadline| deadline.is_longer_than(&period)))
    });
    let deadline = deadline.transpose()?;
    Ok(Maintenance { period, deadline, exclusive: fields.flag("Exclusive", false)? })
}
