//! The management interface of every RPC server, C706 appendix Q: which interfaces there are, how often they were called.

use crate::{
    bytes::Full,
    guid::Guid,
    ndr::{DecodeError, Decoder, Encoder},
    rpc::interface::{Call, Fault, Interface, Level, Method, SyntaxId},
};

/// The management interface as the transport sees it.
pub const INTERFACE: Interface = Interface {
    name: "mgmt",
    syntax: SyntaxId { uuid: Guid::from_u128(0xafa8_bd80_7d8a_11c9_bef4_0800_2b10_2989), major: 1, minor: 0 },
    minimum: Level::None,
    methods: &[
        Method { name: "inq_if_ids", served: true },
        Method { name: "inq_stats", served: true },
        Method { name: "is_server_listening", served: true },
        Method { name: "stop_server_listening", served: true },
        Method { name: "inq_princ_name", served: true },
    ],
};

/// `ERROR_ACCESS_DENIED`
const ACCESS_DENIED: u32 = 5;
/// `ERROR_INSUFFICIENT_BUFFER`
const INSUFFICIENT_BUFFER: u32 = 122;
/// `RPC_S_UNKNOWN_AUTHN_SERVICE`
const UNKNOWN_AUTHN_SERVICE: u32 = 1747;
/// RPC_C_AUTHN_GSS_NEGOTIATE
const AUTHN_GSS_NEGOTIATE: u32 = 9;
/// RPC_C_AUTHN_WINNT
const AUTHN_WINNT: u32 = 10;

/// What inq_stats tells, since the server started. Counters wrap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Calls received.
    pub calls_in: u32,
    /// Calls made.
    pub calls_out: u32,
    /// PDUs received.
    pub packets_in: u32,
    /// PDUs sent.
    pub packets_out: u32,
}

/// The management interface for one call.
#[derive(Debug, Clone, Copy)]
pub struct Service<'s> {
    /// What is served beside it.
    pub interfaces: &'s [&'s Interface],
    /// The name under which the server authenticates.
    pub principal: &'s str,
    /// What was counted.
    pub statistics: Statistics,
}

/// Why a call is not answered.
enum Refusal {
    Stub,
    Room,
}

impl From<DecodeError> for Refusal {
    fn from(_: DecodeError) -> Self {
        Self::Stub
    }
}

impl From<Full> for Refusal {
    fn from(_: Full) -> Self {
        Self::Room
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Stub => Self::BAD_STUB_DATA,
            Refusal::Room => Self::NO_MEMORY,
        }
    }
}

impl Service<'_> {
    /// Carries out one call of [`INTERFACE`]; see [`Services::call`](crate::rpc::Services::call).
    ///
    /// # Errors
    /// [`Fault::BAD_STUB_DATA`], [`Fault::OP_RANGE`], or [`Fault::NO_MEMORY`] if `reply` is too small.
    pub fn call(&self, call: &Call<'_>, reply: &mut [u8]) -> Result<usize, Fault> {
        let mut stub = Decoder::new(call.stub, call.order);
        let mut out = Encoder::new(reply);
        match call.opnum {
            0 => self.inq_if_ids(&mut out)?,
            1 => self.inq_stats(&mut stub, &mut out)?,
            2 => is_server_listening(&mut out)?,
            3 => stop_server_listening(&mut out)?,
            4 => self.inq_princ_name(&mut stub, &mut out)?,
            _ => return Err(Fault::OP_RANGE),
        }
        Ok(out.position())
    }

    /// rpc__mgmt_inq_if_ids: the interfaces that are served here.
    fn inq_if_ids(&self, out: &mut Encoder<'_>) -> Result<(), Refusal> {
        let count = u32::try_from(self.interfaces.len()).unwrap_or(u32::MAX);
        out.pointer()?;
        out.u32(count)?; // maximum count, before the structure
        out.u32(count)?;
        self.interfaces.iter().try_for_each(|_| out.pointer())?;
        for interface in self.interfaces {
            out.guid(&interface.syntax.uuid)?;
            out.u16(interface.syntax.major)?;
            out.u16(interface.syntax.minor)?;
        }
        out.u32(0)?;
        Ok(())
    }

    /// rpc__mgmt_inq_stats: as many of the four as are asked for.
    fn inq_stats(&self, stub: &mut Decoder<'_>, out: &mut Encoder<'_>) -> Result<(), Refusal> {
        let Statistics { calls_in, calls_out, packets_in, packets_out } = self.statistics;
        let all = [calls_in, calls_out, packets_in, packets_out];
        let wanted = usize::try_from(stub.u32()?).unwrap_or(usize::MAX);
        let given = all.get(..wanted).unwrap_or(&all);
        let count = u32::try_from(given.len()).unwrap_or(u32::MAX);
        out.u32(count)?;
        out.u32(count)?; // maximum count
        given.iter().try_for_each(|&value| out.u32(value))?;
        out.u32(0)?;
        Ok(())
    }

    /// rpc__mgmt_inq_princ_name: for the authentication services that are served.
    fn inq_princ_name(&self, stub: &mut Decoder<'_>, out: &mut Encoder<'_>) -> Result<(), Refusal> {
        let service = stub.u32()?;
        let size = stub.u32()?;
        let room = usize::try_from(size).unwrap_or(usize::MAX);
        let (name, status) = match service {
            AUTHN_GSS_NEGOTIATE | AUTHN_WINNT if self.principal.len() < room => (self.principal, 0),
            AUTHN_GSS_NEGOTIATE | AUTHN_WINNT => ("", INSUFFICIENT_BUFFER),
            _ => ("", UNKNOWN_AUTHN_SERVICE),
        };
        if size == 0 {
            // Not even a NUL fits into an array of no characters.
            out.zeros(12)?;
        } else {
            out.narrow_string(name, size)?;
        }
        out.u32(status)?;
        Ok(())
    }
}

/// rpc__mgmt_is_server_listening: it is, or it would not answer.
fn is_server_listening(out: &mut Encoder<'_>) -> Result<(), Refusal> {
    out.u32(0)?; // status
    out.u32(1)?;
    Ok(())
}

/// rpc__mgmt_stop_server_listening: refused, whoever asks.
fn stop_server_listening(out: &mut Encoder<'_>) -> Result<(), Refusal> {
    out.u32(ACCESS_DENIED)?;
    Ok(())
}
