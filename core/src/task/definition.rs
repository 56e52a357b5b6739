//! A whole definition as plain values, from which an image is made.

use super::{Action, Conditions, Principal, RegistrationInfo, Settings, Trigger};

/// What an image holds, borrowed from wherever it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Definition<'d> {
    /// The `version` attribute, such as `1.2`.
    pub version: Option<&'d str>,
    /// RegistrationInfo.
    pub registration: RegistrationInfo<'d>,
    /// Principals.
    pub principals: &'d [Principal<'d>],
    /// Of Settings what the engine acts on.
    pub settings: Settings<'d>,
    /// The rest of Settings.
    pub conditions: Conditions<'d>,
    /// Data: its text, or its inner markup.
    pub data: Option<&'d str>,
    /// Triggers.
    pub triggers: &'d [Trigger<'d>],
    /// The `Context` attribute of Actions.
    pub context: Option<&'d str>,
    /// Actions.
    pub actions: &'d [Action<'d>],
}
