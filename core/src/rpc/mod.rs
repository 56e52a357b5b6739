//! One association: bind, fragments, contexts; server and client side.

mod interface;

pub use crate::pdu::SyntaxId;
pub use interface::{Call, Caller, Fault, Interface, Level, Method, Services};
