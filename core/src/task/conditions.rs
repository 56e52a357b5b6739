//! The settings that say under which conditions of the machine a task may run, [MS-TSCH] 2.5.4.

use super::Span;

/// What a task demands of the machine, and settings that the engine does not act on: UseUnifiedSchedulingEngine, Volatile and
/// MaintenanceSettings are kept and given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conditions<'b> {
    /// DisallowStartIfOnBatteries; true unless written otherwise.
    pub disallow_start_if_on_batteries: bool,
    /// StopIfGoingOnBatteries; true unless written otherwise.
    pub stop_if_going_on_batteries: bool,
    /// RunOnlyIfNetworkAvailable.
    pub run_only_if_network_available: bool,
    /// RunOnlyIfIdle.
    pub run_only_if_idle: bool,
    /// WakeToRun.
    pub wake_to_run: bool,
    /// DisallowStartOnRemoteAppSession.
    pub disallow_start_on_remote_app_session: bool,
    /// UseUnifiedSchedulingEngine.
    pub use_unified_scheduling_engine: bool,
    /// Volatile.
    pub volatile: bool,
    /// IdleSettings.
    pub idle: Idle<'b>,
    /// NetworkProfileName, which schema 1.2 has beside NetworkSettings.
    pub network_profile_name: Option<&'b str>,
    /// NetworkSettings.
    pub network: Option<Network<'b>>,
    /// RestartOnFailure.
    pub restart_on_failure: Option<RestartOnFailure<'b>>,
    /// MaintenanceSettings.
    pub maintenance: Option<Maintenance<'b>>,
    /// DeleteExpiredTaskAfter.
    pub delete_expired_task_after: Option<Span<'b>>,
    /// Settings that are in no specification: the XML of the elements, one after the other, which is given back.
    pub opaque: Option<&'b str>,
}

impl Default for Conditions<'_> {
    fn default() -> Self {
        Self {
            disallow_start_if_on_batteries: true,
            stop_if_going_on_batteries: true,
            run_only_if_network_available: false,
            run_only_if_idle: false,
            wake_to_run: false,
            disallow_start_on_remote_app_session: false,
            use_unified_scheduling_engine: false,
            volatile: false,
            idle: Idle::default(),
            network_profile_name: None,
            network: None,
            restart_on_failure: None,
            maintenance: None,
            delete_expired_task_after: None,
            opaque: None,
        }
    }
}

/// IdleSettings, [MS-TSCH] 2.5.4.14. Real tasks go below the minute and beyond the 31 days that
/// the specification demands (a second, a year), so any span is kept: there is no bound but that of [`Span`] itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Idle<'b> {
    /// Duration: for how long the machine must have been idle.
    pub duration: Option<Span<'b>>,
    /// WaitTimeout: how long to wait for it to become idle.
    pub wait_timeout: Option<Span<'b>>,
    /// StopOnIdleEnd; true unless written otherwise.
    pub stop_on_idle_end: bool,
    /// RestartOnIdle.
    pub restart_on_idle: bool,
}

impl Default for Idle<'_> {
    fn default() -> Self {
        Self { duration: None, wait_timeout: None, stop_on_idle_end: true, restart_on_idle: false }
    }
}

/// NetworkSettings, [MS-TSCH] 2.5.4.9.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Network<'b> {
    /// Name.
    pub name: Option<&'b str>,
    /// Id, a GUID in braces.
    pub id: Option<&'b str>,
}

/// RestartOnFailure, [MS-TSCH] 2.5.4.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestartOnFailure<'b> {
    /// Count, 1 to 255.
    pub count: u8,
    /// Interval: one minute to 31 days.
    pub interval: Span<'b>,
}

/// MaintenanceSettings, [MS-TSCH] 2.5.4.15.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Maintenance<'b> {
    /// Period: at least one day.
    pub period: Span<'b>,
    /// Deadline: longer than the period.
    pub deadline: Option<Span<'b>>,
    /// Exclusive.
    pub exclusive: bool,
}
