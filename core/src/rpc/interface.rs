//! What a service is to the transport: a table of methods behind one trait. The transport names none.

pub use crate::pdu::SyntaxId;
use crate::{
    bytes::Order,
    guid::Guid,
    ports::{Account, Accounts, Entropy},
    time::Now,
};

/// How calls are protected, [MS-RPCE] 2.2.1.1.8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Level {
    /// No authentication.
    None = 1,
    /// The connection was authenticated, calls are not protected.
    Connect = 2,
    /// Every PDU carries a signature over all of it.
    Integrity = 5,
    /// As integrity, and stubs are encrypted.
    Privacy = 6,
}

impl Level {
    /// The level that `auth_level` means. Call (3) and packet (4) are served as integrity: on a connection they sign the same.
    #[must_use]
    pub const fn from_wire(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::None,
            2 => Self::Connect,
            3..=5 => Self::Integrity,
            6 => Self::Privacy,
            _ => return None,
        })
    }
}

/// One method of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Method {
    /// Name, as the specification prints it.
    pub name: &'static str,
    /// Whether the method does its whole job; if not, it answers as its documentation says.
    pub served: bool,
}

/// An interface as the transport and the documentation see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interface {
    /// Name, as the specification prints it.
    pub name: &'static str,
    /// Identifier and version.
    pub syntax: SyntaxId,
    /// A call below this level gets fault 5 (access denied).
    pub minimum: Level,
    /// Methods by opnum; a higher opnum gets [`Fault::OP_RANGE`].
    pub methods: &'static [Method],
}

/// A fault status, as a fault PDU carries it (\[C706\] appendix N, [MS-ERREF]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fault(pub u32);

impl Fault {
    /// Access denied: the security level is too low, or the caller may not call.
    pub const ACCESS_DENIED: Self = Self(0x0000_0005);
    /// The stub could not be decoded (`RPC_X_BAD_STUB_DATA`).
    pub const BAD_STUB_DATA: Self = Self(0x0000_06F7);
    /// `nca_s_op_rng_error`: no such opnum.
    pub const OP_RANGE: Self = Self(0x1C01_0002);
    /// `nca_s_unk_if`: no such interface.
    pub const UNKNOWN_INTERFACE: Self = Self(0x1C01_0003);
    /// `nca_s_proto_error`: a PDU that is not due, or not whole.
    pub const PROTOCOL: Self = Self(0x1C01_000B);
    /// `nca_s_server_too_busy`.
    pub const SERVER_TOO_BUSY: Self = Self(0x1C01_0014);
    /// `nca_s_fault_context_mismatch`: no such context handle.
    pub const CONTEXT_MISMATCH: Self = Self(0x1C00_001A);
    /// `nca_s_fault_remote_no_memory`.
    pub const NO_MEMORY: Self = Self(0x1C00_001B);
}

/// Who calls, and how.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'c> {
    /// The account, if the call is authenticated.
    pub account: Option<&'c Account>,
    /// How the call is protected.
    pub level: Level,
    /// Number of the connection.
    pub connection: u32,
}

/// One call, ready to be decoded.
#[derive(Debug, Clone, Copy)]
pub struct Call<'c> {
    /// Which of [`Services::interfaces`].
    pub interface: usize,
    /// Which method; it is within the interface's table.
    pub opnum: u16,
    /// Object UUID of the request, if it had one.
    pub object: Option<Guid>,
    /// Byte order of the stub.
    pub order: Order,
    /// Who calls.
    pub caller: Caller<'c>,
    /// The decrypted stub. There may be garbage after its last parameter.
    pub stub: &'c [u8],
}

/// What a login needs to know.
pub struct Trust<'t> {
    /// Where challenges come from.
    pub entropy: &'t mut dyn Entropy,
    /// Who there is.
    pub accounts: &'t mut dyn Accounts,
}

/// The services of one endpoint, as an association sees them.
pub trait Services {
    /// Lends what a login needs. It comes by way of the services because they need the same ports for their calls.
    fn trust(&mut self) -> Trust<'_>;

    /// The interfaces that may be bound here.
    fn interfaces(&self) -> &'static [&'static Interface];

    /// Carries out one call: writes the response stub (NDR32, little-endian) to the front of `reply` and returns its length.
    ///
    /// # Errors
    /// The fault to send instead.
    fn call(&mut self, now: Now, call: &Call<'_>, reply: &mut [u8]) -> Result<usize, Fault>;
}
