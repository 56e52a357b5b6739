//! Definitions of tasks, in few words.

use mainspring::sid::Sid;
use mainspring::task::{
    Action, Boundary, Conditions, Definition, Exec, Image, Principal, Repetition, Schedule, Settings, Span, Trigger,
    TriggerKind,
};

/// A definition to be registered.
#[derive(Debug, Clone, Default)]
pub struct Task<'t> {
    /// Its triggers.
    pub triggers: Vec<Trigger<'t>>,
    /// Its settings.
    pub settings: Settings<'t>,
    /// What it demands of the machine.
    pub conditions: Conditions<'t>,
    /// Its Data.
    pub data: Option<&'t str>,
    /// Its actions.
    pub actions: Vec<Action<'t>>,
    /// Its security descriptor.
    pub security: Option<&'t [u8]>,
    /// The group whose members it runs for.
    pub group: Option<Sid>,
    /// Its other principals.
    pub principals: Vec<Principal<'t>>,
    /// Which of all its actions run as, by its id.
    pub context: Option<&'t str>,
}

impl<'t> Task<'t> {
    /// A task of one action and no trigger.
    #[must_use]
    pub fn new(command: &'t str) -> Self {
        Self { actions: vec![exec(command)], ..Self::default() }
    }

    /// With one more trigger.
    #[must_use]
    pub fn when(mut self, trigger: Trigger<'t>) -> Self {
        self.triggers.push(trigger);
        self
    }

    /// With other settings.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Settings<'t>)) -> Self {
        change(&mut self.settings);
        self
    }

    /// With other demands on the machine.
    #[must_use]
    pub fn on(mut self, change: impl FnOnce(&mut Conditions<'t>)) -> Self {
        change(&mut self.conditions);
        self
    }

    /// With one more action.
    #[must_use]
    pub fn then(mut self, action: Action<'t>) -> Self {
        self.actions.push(action);
        self
    }

    /// For the members of a group.
    #[must_use]
    pub fn of_group(mut self, group: &Sid) -> Self {
        self.group = Some(*group);
        self
    }

    /// As it is kept.
    ///
    /// # Panics
    /// If it cannot be encoded.
    #[must_use]
    pub fn image<'i>(&self, into: &'i mut [u8]) -> Image<'i> {
        let group = self.group.map(|group| Principal { group: Some(group), ..Principal::default() });
        let principals: Vec<Principal<'_>> = group.into_iter().chain(self.principals.iter().copied()).collect();
        let definition = Definition {
            triggers: &self.triggers,
            settings: self.settings,
            data: self.data,
            conditions: self.conditions,
            actions: &self.actions,
            principals: &principals,
            context: self.context,
            ..Definition::default()
        };
        Image::encode(&definition, into).expect("a definition")
    }
}

/// Runs a program.
#[must_use]
pub fn exec(command: &str) -> Action<'_> {
    Action::Exec { id: None, exec: Exec { command, arguments: None, working_directory: None, opaque: None } }
}

/// A trigger of that kind, from `start` on if that is not empty.
///
/// # Panics
/// If `start` is no boundary.
#[must_use]
pub fn trigger<'t>(kind: TriggerKind<'t>, start: &'t str) -> Trigger<'t> {
    let start = (!start.is_empty()).then(|| Boundary::parse(start).expect("a boundary"));
    Trigger { id: None, enabled: true, start, end: None, execution_time_limit: None, repetition: None, kind }
}

/// Once, at a time.
#[must_use]
pub fn once(start: &str) -> Trigger<'_> {
    trigger(TriggerKind::Time { random_delay: None }, start)
}

/// Every day, from `start` on.
#[must_use]
pub fn daily(start: &str) -> Trigger<'_> {
    let schedule = Schedule::Day { interval: 1 };
    trigger(TriggerKind::Calendar { random_delay: None, schedule }, start)
}

/// When the scheduler starts, after a delay in seconds.
#[must_use]
pub fn boot(delay: u64) -> Trigger<'static> {
    trigger(TriggerKind::Boot { delay: (delay > 0).then(|| Span::from_seconds(delay)) }, "")
}

/// When the task is registered, after a delay in seconds.
#[must_use]
pub fn registration(delay: u64) -> Trigger<'static> {
    trigger(TriggerKind::Registration { delay: (delay > 0).then(|| Span::from_seconds(delay)) }, "")
}

/// Again every so many seconds, for so many seconds or without end.
#[must_use]
pub fn every(trigger: Trigger<'_>, interval: u64, duration: Option<u64>) -> Trigger<'_> {
    let repetition = Repetition {
        interval: Span::from_seconds(interval),
        duration: duration.map(Span::from_seconds),
        stop_at_duration_end: false,
    };
    Trigger { repetition: Some(repetition), ..trigger }
}
