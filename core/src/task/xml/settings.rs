//! Settings, [MS-TSCH] 2.5.4.

use super::{
    element::{Element, text, value},
    error::Fault,
    values::{POLICIES, boolean, guid, named, non_empty, number, span},
};
use crate::task::{Conditions, Idle, Maintenance, Network, RestartOnFailure, Settings, Span};

type Result<'d, T> = core::result::Result<T, Fault<'d>>;

/// One day, in seconds.
const DAY: u64 = 86_400;

/// Intervals of repetitions and restarts: one minute to 31 days, in seconds.
pub(super) const INTERVAL: core::ops::RangeInclusive<u64> = 60..=31 * DAY;

pub(super) fn read(element: Element<'_>) -> Result<'_, (Settings<'_>, Conditions<'_>)> {
    let [
        allow_hard_terminate,
        allow_start_on_demand,
        delete_expired_task_after,
        disallow_start_if_on_batteries,
        stop_if_going_on_batteries,
        enabled,
        execution_time_limit,
        hidden,
        instances_policy,
        priority,
        restart_on_failure,
        start_when_available,
        wake_to_run,
        run_only_if_network_available,
        network_profile_name,
        network,
        run_only_if_idle,
        idle,
        disallow_start_on_remote_app_session,
        use_unified_scheduling_engine,
        maintenance,
        volatile,
    ] = element.plain()?.fields([
        "AllowHardTerminate",
        "AllowStartOnDemand",
        "DeleteExpiredTaskAfter",
        "DisallowStartIfOnBatteries",
        "StopIfGoingOnBatteries",
        "Enabled",
        "ExecutionTimeLimit",
        "Hidden",
        "MultipleInstancesPolicy",
        "Priority",
        "RestartOnFailure",
        "StartWhenAvailable",
        "WakeToRun",
        "RunOnlyIfNetworkAvailable",
        "NetworkProfileName",
        "NetworkSettings",
        "RunOnlyIfIdle",
        "IdleSettings",
        "DisallowStartOnRemoteAppSession",
        "UseUnifiedSchedulingEngine",
        "MaintenanceSettings",
        "Volatile",
    ])?;
    let defaults = (Settings::default(), Conditions::default());
    let settings = Settings {
        enabled: flag(enabled, true)?,
        hidden: flag(hidden, false)?,
        allow_start_on_demand: flag(allow_start_on_demand, true)?,
        allow_hard_terminate: flag(allow_hard_terminate, true)?,
        instances_policy: value(instances_policy, |text| named(&POLICIES, text))?.unwrap_or_default(),
        execution_time_limit: match value(execution_time_limit, span(..))? {
            None => defaults.0.execution_time_limit,
            Some(Span { seconds: 0, .. }) => None,
            // However it was written, it is the default and need not be kept.
            Some(Span { seconds: Settings::EXECUTION_TIME_LIMIT, .. }) => defaults.0.execution_time_limit,
            limit => limit,
        },
        start_when_available: flag(start_when_available, false)?,
        priority: value(priority, |text| number(text, 0..=10))?.unwrap_or(Settings::PRIORITY),
    };
    let conditions = Conditions {
        disallow_start_if_on_batteries: flag(disallow_start_if_on_batteries, true)?,
        stop_if_going_on_batteries: flag(stop_if_going_on_batteries, true)?,
        run_only_if_network_available: flag(run_only_if_network_available, false)?,
        run_only_if_idle: flag(run_only_if_idle, false)?,
        wake_to_run: flag(wake_to_run, false)?,
        disallow_start_on_remote_app_session: flag(disallow_start_on_remote_app_session, false)?,
        use_unified_scheduling_engine: flag(use_unified_scheduling_engine, false)?,
        volatile: flag(volatile, false)?,
        idle: idle.map(read_idle).transpose()?.unwrap_or(defaults.1.idle),
        network_profile_name: text(network_profile_name)?,
        network: network.map(read_network).transpose()?,
        restart_on_failure: restart_on_failure.map(read_restart).transpose()?,
        maintenance: maintenance.map(read_maintenance).transpose()?,
        delete_expired_task_after: value(delete_expired_task_after, span(..))?,
    };
    match maintenance {
        Some(maintenance) if !conditions.use_unified_scheduling_engine => Err(maintenance.unexpected()),
        _ => Ok((settings, conditions)),
    }
}

/// A boolean that may be absent.
pub(super) fn flag(field: Option<Element<'_>>, default: bool) -> Result<'_, bool> {
    Ok(value(field, boolean)?.unwrap_or(default))
}

fn read_idle(element: Element<'_>) -> Result<'_, Idle<'_>> {
    let [duration, wait_timeout, stop_on_idle_end, restart_on_idle] =
        element.plain()?.fields(["Duration", "WaitTimeout", "StopOnIdleEnd", "RestartOnIdle"])?;
    Ok(Idle {
        duration: value(duration, span(..))?,
        wait_timeout: value(wait_timeout, span(..))?,
        stop_on_idle_end: flag(stop_on_idle_end, true)?,
        restart_on_idle: flag(restart_on_idle, false)?,
    })
}

fn read_network(element: Element<'_>) -> Result<'_, Network<'_>> {
    let [name, id] = element.plain()?.fields(["Name", "Id"])?;
    let name = name.map(|name| name.text_that(non_empty)).transpose()?;
    Ok(Network { name, id: value(id, guid)? })
}

fn read_restart(element: Element<'_>) -> Result<'_, RestartOnFailure<'_>> {
    let [count, interval] = element.plain()?.fields(["Count", "Interval"])?;
    let interval = interval.ok_or_else(|| element.missing("Interval"))?.value(span(INTERVAL))?;
    let count = count.ok_or_else(|| element.missing("Count"))?.value(|text| number(text, 1..=255))?;
    Ok(RestartOnFailure { count, interval })
}

fn read_maintenance(element: Element<'_>) -> Result<'_, Maintenance<'_>> {
    let [period, deadline, exclusive] = element.plain()?.fields(["Period", "Deadline", "Exclusive"])?;
    let period = period.ok_or_else(|| element.missing("Period"))?.value(span(DAY..))?;
    let deadline = value(deadline, span(period.seconds + 1..))?;
    Ok(Maintenance { period, deadline, exclusive: flag(exclusive, false)? })
}
