//! One association of connection-oriented RPC, \[C706\] chapter 9 and [MS-RPCE] 3.3: server side and client side.
//!
//! Both are machines without input or output of their own: they are given the bytes that came and a room for the bytes to
//! send. The server side, [`Association`], holds no buffers: a call of one fragment is decoded where it was received, and
//! calls or replies of several fragments borrow a slot of the [`Pool`].
//!
//! What is *not* here: the services, which are a table behind [`Services`]; concurrent multiplexing of calls on one
//! connection ([`Flags::MULTIPLEX`](crate::pdu::Flags::MULTIPLEX) is never answered); NDR64; callbacks from server to client.

mod association;
mod bind;
mod call;
mod client;
pub mod interface;
mod pending;
mod pool;
mod security;
mod step;

pub use crate::pdu::SyntaxId;
pub use association::{Association, Environment};
pub use client::{Binding, Client, ClientError, Leg, Received, Secret};
pub use interface::{Call, Caller, Fault, Interface, Level, Method, Services, Trust};
pub use pool::{Owner, Pool};
pub use step::{Counts, Login, Step};
