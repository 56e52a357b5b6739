//! Which version of the schema has what, [MS-TSCH] 1.7, 2.5.4 and 2.5.6.
//!
//! The specification says of six elements that they came with 1.3 or 1.4, and nothing of those of 1.2 or before. It says that a
//! task of version 1.1 is also kept as a .JOB file and one of 1.0 as an AT job (3.2.5.4.2), which have no place for much of
//! the schema (2.4): what they cannot hold is newer than those versions. There are exceptions, because tasks of these versions
//! have them where Windows wrote them, or its documentation shows them: the `id` of a principal with the Context that names it,
//! RunLevel (of AT jobs always HighestAvailable), DisplayName, the fields of RegistrationInfo, and settings that tools write
//! whatever the version is and a task does without.

use core::fmt::{Display, Formatter, Result};

use super::values::{ACTIONS, NEWER_PRIVILEGE, PRINCIPAL, SETTINGS, TRIGGERS, VERSIONS};
use crate::task::{Image, opaque};

/// What only ITaskSchedulerService knows, and the tasks of versions 1.0 and 1.1, those of ATSvc and SASec, cannot have. Beside
/// these elements it is UserId of a LogonTrigger, an `id` of a trigger or an action, and more than one principal or action.
const NEW: [&str; 12] = [
    "Data",
    "Delay",
    "RandomDelay",
    "EventTrigger",
    "RegistrationTrigger",
    "SessionStateChangeTrigger",
    "ComHandler",
    "SendEmail",
    "ShowMessage",
    "NetworkSettings",
    "ValueQueries",
    "GroupId",
];

/// The elements that version 1.2 does not have, and the minor version that is the first to have each.
const NEWER: [(&str, u8); 6] = [
    ("UseUnifiedSchedulingEngine", 3),
    ("DisallowStartOnRemoteAppSession", 3),
    ("ProcessTokenSidType", 3),
    ("RequiredPrivileges", 3),
    ("MaintenanceSettings", 4),
    ("Volatile", 4),
];

/// The first version that is that of ITaskSchedulerService.
pub(super) const FIRST: u8 = 2;

/// The version that has an element whatever a definition says: those that newer ones added are in no specification.
const HIGHEST: u8 = 4;

/// The first version that no specification has: its elements are not known by name, and what is unknown is kept.
pub(super) const OPEN: u8 = 5;

/// What no specification has and tasks of specified versions carry all the same.
pub(super) const BEYOND: [&str; 1] = ["WnfStateChangeTrigger"];

/// The minor version of a `version` attribute, if it is one of those that are known.
pub(super) fn minor(version: &str) -> Option<u8> {
    VERSIONS.iter().zip(0..).find(|(known, _)| **known == version).map(|(_, minor)| minor)
}

/// Whether a minor version has an element of that name.
pub(super) fn has(minor: u8, name: &str) -> bool {
    NEWER.iter().all(|(newer, first)| minor >= *first || *newer != name) && (minor >= FIRST || !NEW.contains(&name))
}

/// A version of the schema cannot say what a definition says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionError<'i> {
    /// There is no such version, or it is one whose clients read no XML: 1.0 and 1.1. Tasks that they made have that version in
    /// their XML all the same, where no other is asked for.
    Unknown,
    /// It has no such element, without which this were another task.
    Node(&'i str),
    /// The text could not be written.
    Write,
}

impl Display for VersionError<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Unknown => f.write_str("no version of the schema whose clients read XML: those are 1.2 to 1.6"),
            Self::Node(name) => write!(f, "the version of the schema has no {name}"),
            Self::Write => f.write_str("the text could not be written"),
        }
    }
}

impl core::error::Error for VersionError<'_> {}

impl From<core::fmt::Error> for VersionError<'_> {
    fn from(_: core::fmt::Error) -> Self {
        Self::Write
    }
}

/// The lowest version of the schema that has everything that is in a definition, at least 1.2. What no version has needs the
/// version that came with it: a WnfStateChangeTrigger 1.4 at least, anything else 1.5. A definition that is written as this
/// version is read again.
///
/// What an older version lacks and the task does without, UseUnifiedSchedulingEngine, counts here too.
#[must_use]
pub fn lowest_version(image: &Image<'_>) -> &'static str {
    let mut lowest = FIRST;
    needs(image, &mut |_, minor| lowest = lowest.max(minor));
    VERSIONS.get(usize::from(lowest)).copied().unwrap_or_default()
}

/// The minor version that a definition may be written as, if it can be; what it does without is left out there.
pub(super) fn expressed<'i>(image: &Image<'i>, version: &str) -> core::result::Result<u8, VersionError<'i>> {
    let wanted = minor(version).filter(|minor| *minor >= FIRST).ok_or(VersionError::Unknown)?;
    let mut lacking = None;
    needs(image, &mut |name, minor| {
        // It says how the machine goes about it, and nothing about what the task does and when.
        if minor > wanted && name != "UseUnifiedSchedulingEngine" {
            lacking = lacking.or(Some(name));
        }
    });
    lacking.map_or(Ok(wanted), |name| Err(VersionError::Node(name)))
}

/// Visits the elements that not every version has, each with the minor version that it needs.
fn needs<'i>(image: &Image<'i>, visit: &mut dyn FnMut(&'i str, u8)) {
    let conditions = image.conditions();
    let principal = |has: fn(&crate::task::Principal<'i>) -> bool| image.principals().any(|one| has(&one));
    let is_there = [
        conditions.use_unified_scheduling_engine,
        conditions.disallow_start_on_remote_app_session,
        principal(|one| one.process_token_sid_type.is_some()),
        principal(|one| !one.required_privileges.is_empty()),
        conditions.maintenance.is_some(),
        conditions.volatile,
    ];
    for ((name, minor), _) in NEWER.iter().zip(is_there).filter(|(_, is_there)| *is_there) {
        visit(name, *minor);
    }
    let own = image.version().and_then(self::minor).unwrap_or_default();
    let is_newer = |principal: crate::task::Principal<'i>| {
        principal.required_privileges.iter().any(|privilege| privilege == NEWER_PRIVILEGE)
    };
    if image.principals().any(is_newer) {
        visit(NEWER_PRIVILEGE, own.max(HIGHEST));
    }
    // Earlier forms of the image had as XML what the schema has.
    let fields = image.principals().filter_map(|one| one.opaque).flat_map(opaque::names);
    let fields = fields.map(|name| (name, PRINCIPAL.contains(&name)));
    let settings = conditions.opaque.into_iter().flat_map(opaque::names);
    let settings = settings.map(|name| (name, SETTINGS.contains(&name)));
    let others = image.kept_elements().flat_map(opaque::names).map(|name| (name, false));
    for (name, has_place) in others.chain(fields).chain(settings) {
        visit(name, of_kept(name, has_place).unwrap_or_else(|least| own.max(least)));
    }
}

/// The minor version that an element needs that is held as XML; an error if it needs the one that came with it, with the least
/// that this may be. `has_place` is whether the schema has such an element where it stands.
fn of_kept(name: &str, has_place: bool) -> core::result::Result<u8, u8> {
    if let Some((_, minor)) = NEWER.iter().find(|(newer, _)| has_place && *newer == name) {
        return Ok(*minor);
    }
    let is_known = BEYOND.contains(&name)
        || TRIGGERS.iter().any(|(known, _)| *known == name)
        || ACTIONS.iter().any(|(known, _)| *known == name);
    Err(if is_known { HIGHEST } else { OPEN })
}
