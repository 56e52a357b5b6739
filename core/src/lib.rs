//! An embeddable task scheduler that Windows administrators can manage remotely.
//!
//! The core keeps task definitions, computes when they are due, says which actions to run, and serves
//! [MS-TSCH](https://learn.microsoft.com/openspecs/windows_protocols/ms-tsch), the Task Scheduler Service Remoting
//! Protocol, over authenticated and sealed DCE/RPC. It does no I/O, reads no clock, owns no thread and, but for task XML, no
//! heap: a host lends it memory and ports, tells it what happened, and does what it says.
//!
//! # Where to start
//!
//! [`Scheduler`] is the door. A host
//! - implements the [`ports`]: records, random bytes, accounts;
//! - lends [`scheduler::Memory`]: the lengths of its slices are how many tasks, instances and connections there may be;
//! - passes on what happens as [`Input`], and drains [`Output`] after each;
//! - serves each accepted connection with [`serve::serve`], over any stream of `embedded-io-async`.
//!
//! `examples/in-process` in the repository is the smallest host; `mainspring-linux` is a complete one.
//!
//! # Features
//!
//! - `xml` (default): reading and writing task XML. It brings `alloc`, because roxmltree builds its tree on the heap; the
//!   heap is used during such a call only, within [`limits`]. Without it the core links without an allocator and runs the
//!   tasks that are already in its store.
//! - `defmt`: `defmt::Format` for events and identifiers.
//!
//! # Rooms
//!
//! From the door down: [`scheduler`] and [`serve`]; the services [`tsch`], [`epm`] and [`mgmt`]; [`credentials`]; the [`engine`];
//! [`store`], [`rpc`] and [`recur`]; [`task`], [`query`] and [`auth`]; [`pdu`], [`ndr`] and [`security`]; and the ground that all stand on. Each
//! module says what it is and what it is not.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "xml")]
extern crate alloc;

pub mod auth;
pub mod bytes;
pub mod credentials;
pub mod engine;
pub mod epm;
pub mod event;
pub mod guid;
pub mod limits;
pub mod mgmt;
pub mod ndr;
pub mod pdu;
pub mod ports;
pub mod query;
pub mod recur;
pub mod rpc;
pub mod scheduler;
pub mod security;
pub mod serve;
pub mod sid;
pub mod status;
pub mod store;
pub mod task;
pub mod text;
pub mod time;
pub mod tsch;

pub use scheduler::{Input, Output, Scheduler};
