//! An embeddable task scheduler that Windows administrators can manage remotely.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "xml")]
extern crate alloc;

pub mod auth;
pub mod bytes;
pub mod engine;
pub mod epm;
pub mod event;
pub mod guid;
pub mod limits;
pub mod mgmt;
pub mod ndr;
pub mod pdu;
pub mod ports;
pub mod recur;
pub mod rpc;
pub mod scheduler;
pub mod serve;
pub mod sid;
pub mod status;
pub mod store;
pub mod task;
pub mod text;
pub mod time;
pub mod tsch;
