//! One association: bind, fragments, contexts; server and client side.

pub mod interface;

pub use crate::pdu::SyntaxId;
pub use interface::{Call, Caller, Fault, Interface, Level, Method, Services};
