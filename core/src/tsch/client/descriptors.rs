use super::{Request, status};
use crate::{
    bytes::Full,
    ndr::{DecodeError, Decoder, Encoder},
    security::SecurityInformation,
    status::Status,
    text::Utf16,
};

/// SchRpcSetSecurity (Opnum 4), [MS-TSCH] 3.2.5.4.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetSecurity<'r> {
    /// Path of the task or folder.
    pub path: &'r str,
    /// The parts to set, in SDDL.
    pub sddl: &'r str,
    /// TASK_DONT_ADD_PRINCIPAL_ACE turns this off: the principal of a task may read it.
    pub principal_reads: bool,
}

impl Request for SetSecurity<'_> {
    const OPNUM: u16 = 4;
    type Response<'b> = Status;

    fn encode(&self, stub: &mut Encoder<'_>) -> Result<(), Full> {
        stub.string(self.path)?;
        stub.string(self.sddl)?;
        stub.u32(if self.principal_reads { 0 } else { 0x10 })
    }

    fn decode<'b>(stub: &mut Decoder<'b>) -> Result<Status, DecodeError> {
        status(stub)
    }
}

/// SchRpcGetSecurity (Opnum 5), [MS-TSCH] 3.2.5.4.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GetSecurity<'r> {
    /// Path of the task or folder.
    pub path: &'r str,
    /// Which parts.
    pub which: SecurityInformation,
}

/// Answer of [`GetSecurity`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GetSecurityResponse<'b> {
    /// The parts that are there, in SDDL.
    pub sddl: Option<Utf16<'b>>,
    /// The return value.
    pub status: Status,
}

impl Request for GetSecurity<'_> {
    const OPNUM: u16 = 5;
    type Response<'b> = GetSecurityResponse<'b>;

    fn encode(&self, stub: &mut Encoder<'_>) -> Result<(), Full> {
        stub.string(self.path)?;
        stub.u32(self.which.0)
    }

    fn decode<'b>(stub: &mut Decoder<'b>) -> Result<GetSecurityResponse<'b>, DecodeError> {
        Ok(GetSecurityResponse { sddl: stub.unique_string()?, status: status(stub)? })
    }
}
