//! The one test binary.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod auth;
mod credentials;
mod damage;
mod engine;
mod epm;
mod flash;
mod fuzz;
mod house;
mod linux;
mod mgmt;
mod ndr;
mod pdu;
mod query;
mod readme;
mod recur;
mod rpc;
mod scheduler;
mod security;
mod task;
mod text;
mod time;
mod tsch;
