//! The definition at rest: a CBOR image, checked once, looked into without being copied. Records hold it [`Packed`].
//!
//! # Layout 1
//!
//! Everything has a definite length, and the keys of a map ascend. What has its default is left out. A reader skips
//! keys that it does not know, so that a newer minor form (more keys) is read; what it means differently has another
//! number of layout, and is refused.
//!
//! ```text
//! image        = { 0: 1, ? 1: version text, ? 2: registration, ? 3: [+ principal], ? 4: settings, ? 5: data text,
//!                  ? 6: [+ trigger], ? 7: context text, ? 8: [+ action] }
//! registration = { ? 0: version, ? 1: date, ? 2: security descriptor, ? 3: source, ? 4: author, ? 5: description,
//!                  ? 6: documentation, ? 7: uri }                                            ; each a text
//! principal    = { ? 0: id text, ? 1: user sid, ? 2: group sid, ? 3: display name text, ? 4: logon type,
//!                  ? 5: run level, ? 6: opaque xml, ? 7: process token sid type, ? 8: required privileges [+ text] }
//! settings     = { ? 0: flags that differ from their default, ? 1: instances policy, ? 2: execution time limit span,
//!                  ? 3: priority, ? 4: restart, ? 5: idle, ? 6: network, ? 7: network profile text, ? 8: maintenance,
//!                  ? 9: delete after span, ? 10: opaque xml }
//! restart      = [ count, interval span ]
//! idle         = [ duration span / null, wait timeout span / null ]
//! network      = [ name text / null, id text / null ]
//! maintenance  = [ period span, deadline span / null, exclusive ]
//! trigger      = { 0: kind, ? 1: id text, ? 2: false if not enabled, ? 3: start boundary, ? 4: end boundary,
//!                  ? 5: execution time limit span, ? 6: repetition, ? 7: delay span, ? 8: schedule,
//!                  ? 9: subscription text, ? 10: user sid, ? 11: session state change, ? 12: number of occurrences,
//!                  ? 13: period of occurrence span, ? 14: matching element text, ? 15: value queries named }
//!                / opaque xml
//! repetition   = [ interval span, ? duration span / null, ? stop at duration end ]
//! schedule     = [ 0, days interval ] / [ 1, weeks interval, weekdays ] / [ 2, days, ? months ]
//!                / [ 3, weeks, weekdays, ? months ]                                 ; sets as bits, as in the views
//! action       = { ? 1: id text, 2: command text, ? 3: arguments text, ? 4: working directory text, ? 14: opaque xml }
//!                / { 0: 1, ? 1: id text, ? 3: class text, ? 4: data text, ? 13: class }             ; one of the classes
//!                / { 0: 2, ? 1: id text, 3: server text, ? 4: subject text, ? 5: to text, ? 6: cc text, ? 7: bcc text,
//!                    ? 8: reply to text, 9: from text, ? 10: body text, ? 11: header fields named,
//!                    ? 12: attachments [+ text] }
//!                / { 0: 3, ? 1: id text, 3: title text, 4: body text } / opaque xml
//! class        = a byte string, as on the wire
//! named        = [+ (name text, text)]
//! text         = a text string / the number of a usual word
//! sid          = [ identifier authority, * sub-authority ]
//! span         = 4 * count + unit (0 seconds, 1 minutes, 2 hours, 3 days) / a text string that this cannot say
//! boundary     = moment / [ moment, offset, ? millisecond ] / a text string that this cannot say
//! moment       = seconds since 2000-01-01T00:00:00 as if every month had 31 days
//! offset       = minutes east of UTC / null for `Z` / false for local time
//! ```

use minicbor::Decoder;

use super::{Action, Conditions, Definition, Principal, RegistrationInfo, Settings, Trigger, TriggerKind, opaque};

mod decode;
mod encode;
mod lists;
mod packed;
mod words;

pub use lists::{Named, Texts, User};
pub use packed::Packed;

/// The layout that is written, and the only one that is read.
const LAYOUT: u32 = 1;

/// The keys of the outermost map.
mod section {
    pub(super) const LAYOUT: u32 = 0;
    pub(super) const VERSION: u32 = 1;
    pub(super) const REGISTRATION: u32 = 2;
    pub(super) const PRINCIPALS: u32 = 3;
    pub(super) const SETTINGS: u32 = 4;
    pub(super) const DATA: u32 = 5;
    pub(super) const TRIGGERS: u32 = 6;
    pub(super) const CONTEXT: u32 = 7;
    pub(super) const ACTIONS: u32 = 8;
}

/// The keys of an action.
mod action_key {
    pub(super) const HEADER_FIELDS: u32 = 11;
    pub(super) const ATTACHMENTS: u32 = 12;
    pub(super) const CLASS: u32 = 13;
    pub(super) const OPAQUE: u32 = 14;

    /// That of the first of its texts, which the others follow. One that is no Exec has no command, so that a reader that
    /// knows no other action does not take it for one.
    pub(super) const fn first_text(kind: u32) -> u32 {
        if kind == 0 { 2 } else { 3 }
    }
}

/// Settings that are true or false, as bits of one number.
mod flag {
    pub(super) const DISALLOW_START_IF_ON_BATTERIES: u32 = 1 << 0;
    pub(super) const STOP_IF_GOING_ON_BATTERIES: u32 = 1 << 1;
    pub(super) const START_WHEN_AVAILABLE: u32 = 1 << 2;
    pub(super) const USE_UNIFIED_SCHEDULING_ENGINE: u32 = 1 << 3;
    pub(super) const RUN_ONLY_IF_NETWORK_AVAILABLE: u32 = 1 << 4;
    pub(super) const HIDDEN: u32 = 1 << 5;
    pub(super) const ALLOW_HARD_TERMINATE: u32 = 1 << 6;
    pub(super) const STOP_ON_IDLE_END: u32 = 1 << 7;
    pub(super) const ENABLED: u32 = 1 << 8;
    pub(super) const ALLOW_START_ON_DEMAND: u32 = 1 << 9;
    pub(super) const RUN_ONLY_IF_IDLE: u32 = 1 << 10;
    pub(super) const WAKE_TO_RUN: u32 = 1 << 11;
    pub(super) const RESTART_ON_IDLE: u32 = 1 << 12;
    pub(super) const DISALLOW_START_ON_REMOTE_APP_SESSION: u32 = 1 << 13;
    pub(super) const VOLATILE: u32 = 1 << 14;

    /// Those that are true by default.
    pub(super) const DEFAULT: u32 = DISALLOW_START_IF_ON_BATTERIES
        | STOP_IF_GOING_ON_BATTERIES
        | ALLOW_HARD_TERMINATE
        | STOP_ON_IDLE_END
        | ENABLED
        | ALLOW_START_ON_DEMAND;
}

/// A task definition as it is kept. It was checked when it was made: looking into it cannot fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Image<'b> {
    // INVARIANT: `decode::check` accepted them.
    bytes: &'b [u8],
}

/// Bytes are not an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageError {
    /// Not CBOR of the expected shape.
    Unreadable {
        /// Offset of about the first unexpected byte.
        at: usize,
    },
    /// A version of the layout that this code does not know.
    Version(u32),
    /// A value out of its range.
    Invalid {
        /// Offset of the byte after the value.
        at: usize,
    },
}

impl core::fmt::Display for ImageError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Unreadable { at } => write!(f, "task image is unreadable at byte {at}"),
            Self::Version(found) => write!(f, "task image has layout {found}, expected {LAYOUT}"),
            Self::Invalid { at } => write!(f, "task image holds a value out of range before byte {at}"),
        }
    }
}

impl core::error::Error for ImageError {}

/// A definition could not be made an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EncodeError {
    /// It does not fit into the lent buffer.
    Full,
    /// It holds a value that no image may hold.
    Invalid(ImageError),
}

impl core::fmt::Display for EncodeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Full => f.write_str("buffer is too small for the task image"),
            Self::Invalid(error) => write!(f, "definition is not legal: {error}"),
        }
    }
}

impl core::error::Error for EncodeError {}

impl<'b> Image<'b> {
    /// Checks `bytes` as a whole, bounded by their length and whatever they hold.
    ///
    /// # Errors
    /// [`ImageError`] says what is wrong and where.
    pub fn parse(bytes: &'b [u8]) -> Result<Self, ImageError> {
        decode::check(bytes)?;
        Ok(Self { bytes })
    }

    /// Writes `definition` as an image to the front of `into`.
    ///
    /// # Errors
    /// [`EncodeError`] if it does not fit, or could not be given back: text that XML cannot hold, a calendar trigger
    /// without a start boundary, sets of days that are empty.
    pub fn encode(definition: &Definition<'_>, into: &'b mut [u8]) -> Result<Self, EncodeError> {
        let bytes = encode::definition(definition, into).map_err(|_| EncodeError::Full)?;
        Self::parse(bytes).map_err(EncodeError::Invalid)
    }

    /// The bytes, to be kept.
    #[must_use]
    pub const fn bytes(&self) -> &'b [u8] {
        self.bytes
    }

    /// The `version` attribute, such as `1.2`.
    #[must_use]
    pub fn version(&self) -> Option<&'b str> {
        decode::text(&mut self.section(section::VERSION)?).ok()
    }

    /// RegistrationInfo.
    #[must_use]
    pub fn registration(&self) -> RegistrationInfo<'b> {
        self.section(section::REGISTRATION).and_then(|mut at| decode::registration(&mut at).ok()).unwrap_or_default()
    }

    /// Of Settings what the engine acts on.
    #[must_use]
    pub fn settings(&self) -> Settings<'b> {
        self.all_settings().0
    }

    /// The rest of Settings.
    #[must_use]
    pub fn conditions(&self) -> Conditions<'b> {
        self.all_settings().1
    }

    fn all_settings(&self) -> (Settings<'b>, Conditions<'b>) {
        self.section(section::SETTINGS).and_then(|mut at| decode::settings(&mut at).ok()).unwrap_or_default()
    }

    /// Principals, in their order.
    pub fn principals(&self) -> impl Iterator<Item = Principal<'b>> + Clone + use<'b> {
        self.items(section::PRINCIPALS, decode::principal)
    }

    /// The principal that the task runs as: the one that Context names, or the first, [MS-TSCH] 2.5.7.
    #[must_use]
    #[inline(never)]
    pub fn runs_as(&self) -> Option<Principal<'b>> {
        let context = self.context();
        self.principals().find(|principal| context.is_none() || principal.id == context)
    }

    /// Data: its text, or its inner markup.
    #[must_use]
    pub fn data(&self) -> Option<&'b str> {
        decode::text(&mut self.section(section::DATA)?).ok()
    }

    /// Triggers, in their order.
    pub fn triggers(&self) -> impl Iterator<Item = Trigger<'b>> + Clone + use<'b> {
        self.items(section::TRIGGERS, decode::trigger)
    }

    /// The `Context` attribute of Actions: the id of the principal that they run as.
    #[must_use]
    pub fn context(&self) -> Option<&'b str> {
        decode::text(&mut self.section(section::CONTEXT)?).ok()
    }

    /// Actions, in their order.
    pub fn actions(&self) -> impl Iterator<Item = Action<'b>> + Clone + use<'b> {
        self.items(section::ACTIONS, decode::action)
    }

    /// The names of the elements that are kept as XML and not understood: of triggers, actions and their fields, principals and settings.
    pub fn kept(&self) -> impl Iterator<Item = &'b str> + use<'b> {
        let principals = self.principals().filter_map(|principal| principal.opaque);
        self.kept_elements().chain(principals).chain(self.conditions().opaque).flat_map(opaque::names)
    }

    /// What is kept of triggers, of actions and of their fields.
    pub(super) fn kept_elements(&self) -> impl Iterator<Item = &'b str> + use<'b> {
        let triggers = self.triggers().filter_map(|trigger| match trigger.kind {
            TriggerKind::Opaque { xml } => Some(xml),
            _ => None,
        });
        let actions = self.actions().filter_map(|action| match action {
            Action::Opaque { xml } => Some(xml),
            Action::Exec { exec, .. } => exec.opaque,
            _ => None,
        });
        triggers.chain(actions)
    }

    /// A decoder that stands before the value of `key`.
    fn section(&self, key: u32) -> Option<Decoder<'b>> {
        decode::find(self.bytes, key)
    }

    fn items<T>(
        &self,
        key: u32,
        decode: fn(&mut Decoder<'b>) -> Result<T, decode::Error>,
    ) -> impl Iterator<Item = T> + Clone + use<'b, T> {
        items(self.section(key), decode)
    }
}

/// The items of the array that a decoder stands before.
fn items<'b, T>(
    at: Option<Decoder<'b>>,
    decode: fn(&mut Decoder<'b>) -> Result<T, decode::Error>,
) -> impl Iterator<Item = T> + Clone + use<'b, T> {
    let mut items = at.and_then(|mut at| Some((at.array().ok()??, at)));
    core::iter::from_fn(move || {
        let (left, at) = items.as_mut()?;
        *left = left.checked_sub(1)?;
        decode(at).ok()
    })
}
