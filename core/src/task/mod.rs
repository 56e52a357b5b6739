//! What a task is: its path, triggers, actions, settings and principals, [MS-TSCH] 2.5.
//!
//! A definition has four forms. The XML that clients send and get is read and written by `xml` (feature `xml`), the files
//! of older clients by [`job`]. At rest and in memory it is an [`Image`]: CBOR, checked once when it is made or loaded,
//! and looked into without being copied. The views that an image lends ([`Trigger`], [`Action`], [`Settings`], …) are plain values, and a
//! [`Definition`] of such views is what an image is made of.
//!
//! This room does no I/O, knows no clock and no store, and decides nothing about when a task runs.

mod action;
mod arguments;
mod boundary;
mod conditions;
mod definition;
mod image;
pub mod job;
mod localization;
mod opaque;
pub mod parameters;
mod path;
mod principal;
mod registration;
mod settings;
mod span;
mod trigger;
#[cfg(feature = "xml")]
pub mod xml;

pub use action::{Action, ComHandler, Email, Exec, Message};
pub use arguments::Arguments;
pub use boundary::{Boundary, Offset};
pub use conditions::{Conditions, Idle, Maintenance, Network, RestartOnFailure};
pub use definition::Definition;
pub use image::{EncodeError, Image, ImageError, Named, Packed, Texts, User};
pub use localization::{Reader, Resource, Resources};
pub use path::{Name, Path, PathError};
pub use principal::{LogonType, Principal, ProcessTokenSidType, RunLevel};
pub use registration::RegistrationInfo;
pub use settings::{InstancesPolicy, Settings};
pub use span::Span;
pub use trigger::{
    Days, Event, Months, Repetition, Schedule, SessionStateChange, Trigger, TriggerKind, Weekdays, Weeks,
};
