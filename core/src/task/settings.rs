//! Settings, [MS-TSCH] 2.5.4.

use super::Span;

/// MultipleInstancesPolicy, [MS-TSCH] 2.5.4.3: what happens when a task fires while an instance of it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InstancesPolicy {
    /// Parallel: another instance starts.
    Parallel,
    /// Queue: it waits until the running one has ended.
    Queue,
    /// IgnoreNew: it is dropped.
    #[default]
    IgnoreNew,
    /// StopExisting: the running one is stopped, then the new one starts.
    StopExisting,
}

/// The settings that do not depend on the machine; the others are [`Conditions`](super::Conditions).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings<'b> {
    /// Enabled.
    pub enabled: bool,
    /// Hidden: left out of enumerations unless asked for.
    pub hidden: bool,
    /// AllowStartOnDemand: whether `SchRpcRun` may start it.
    pub allow_start_on_demand: bool,
    /// AllowHardTerminate: whether an instance may be stopped for good when it did not stop when asked.
    pub allow_hard_terminate: bool,
    /// MultipleInstancesPolicy.
    pub instances_policy: InstancesPolicy,
    /// ExecutionTimeLimit; `None` stands for no limit (`PT0S`), an absent element for 72 hours.
    pub execution_time_limit: Option<Span<'b>>,
    /// StartWhenAvailable.
    pub start_when_available: bool,
    /// Priority, 0 to 10.
    pub priority: u8,
}

impl Settings<'_> {
    /// What leaving ExecutionTimeLimit out means, in seconds: 72 hours.
    pub const EXECUTION_TIME_LIMIT: u64 = 72 * 3600;
    /// What leaving Priority out means.
    pub const PRIORITY: u8 = 7;

    /// Whether an ExecutionTimeLimit, however it is written, is what leaving it out means; less by a fraction of a second is not.
    pub(super) fn is_default_limit(limit: &Span<'_>) -> bool {
        limit.seconds == Self::EXECUTION_TIME_LIMIT && limit.whole_seconds() == limit.seconds
    }
}

/// What leaving Settings out means.
impl Default for Settings<'_> {
    fn default() -> Self {
        Self {
            enabled: true,
            hidden: false,
            allow_start_on_demand: true,
            allow_hard_terminate: true,
            instances_policy: InstancesPolicy::IgnoreNew,
            execution_time_limit: Some(Span::from_seconds(Self::EXECUTION_TIME_LIMIT)),
            start_when_available: false,
            priority: Self::PRIORITY,
        }
    }
}
