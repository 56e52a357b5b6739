use super::{Request, Strings, status};
use crate::{
    bytes::Full,
    ndr::{DecodeError, Decoder, Encoder},
    status::Status,
};

/// SchRpcCreateFolder (Opnum 3), [MS-TSCH] 3.2.5.4.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreateFolder<'r> {
    /// Path of the folder.
    pub path: &'r str,
    /// Security descriptor in SDDL.
    pub sddl: Option<&'r str>,
}

impl Request for CreateFolder<'_> {
    const OPNUM: u16 = 3;
    type Response<'b> = Status;

    fn encode(&self, stub: &mut Encoder<'_>) -> Result<(), Full> {
        stub.string(self.path)?;
        stub.unique_string(self.sddl)?;
        stub.u32(0)
    }

    fn decode<'b>(stub: &mut Decoder<'b>) -> Result<Status, DecodeError> {
        status(stub)
    }
}

/// SchRpcEnumFolders (Opnum 6), [MS-TSCH] 3.2.5.4.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnumFolders<'r> {
    /// Path of the folder.
    pub path: &'r str,
    /// Index of the first name.
    pub start: u32,
    /// Number of names wanted; zero for all.
    pub requested: u32,
}

/// SchRpcEnumTasks (Opnum 7), [MS-TSCH] 3.2.5.4.8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnumTasks<'r> {
    /// Path of the folder.
    pub path: &'r str,
    /// TASK_ENUM_HIDDEN: hidden tasks too.
    pub hidden: bool,
    /// Index of the first name.
    pub start: u32,
    /// Number of names wanted; zero for all.
    pub requested: u32,
}

/// Answer of [`EnumFolders`] and [`EnumTasks`].
#[derive(Debug, Clone)]
pub struct EnumResponse<'b> {
    /// Where to go on.
    pub next: u32,
    /// Number of names.
    pub count: u32,
    /// The names.
    pub names: Strings<'b>,
    /// The return value: `S_FALSE` if there may be more.
    pub status: Status,
}

impl Request for EnumFolders<'_> {
    const OPNUM: u16 = 6;
    type Response<'b> = EnumResponse<'b>;

    fn encode(&self, stub: &mut Encoder<'_>) -> Result<(), Full> {
        stub.string(self.path)?;
        stub.u32(0)?;
        stub.u32(self.start)?;
        stub.u32(self.requested)
    }

    fn decode<'b>(stub: &mut Decoder<'b>) -> Result<EnumResponse<'b>, DecodeError> {
        names(stub)
    }
}

impl Request for EnumTasks<'_> {
    const OPNUM: u16 = 7;
    type Response<'b> = EnumResponse<'b>;

    fn encode(&self, stub: &mut Encoder<'_>) -> Result<(), Full> {
        stub.string(self.path)?;
        stub.u32(u32::from(self.hidden))?;
        stub.u32(self.start)?;
        stub.u32(self.requested)
    }

    fn decode<'b>(stub: &mut Decoder<'b>) -> Result<EnumResponse<'b>, DecodeError> {
        names(stub)
    }
}

fn names<'b>(stub: &mut Decoder<'b>) -> Result<EnumResponse<'b>, DecodeError> {
    let next = stub.u32()?;
    let count = stub.u32()?;
    Ok(EnumResponse { next, count, names: Strings::decode(stub, count)?, status: status(stub)? })
}

/// SchRpcDelete (Opnum 13), [MS-TSCH] 3.2.5.4.14.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delete<'r> {
    /// Path of the task, or of the empty folder.
    pub path: &'r str,
}

impl Request for Delete<'_> {
    const OPNUM: u16 = 13;
    type Response<'b> = Status;

    fn encode(&self, stub: &mut Encoder<'_>) -> Result<(), Full> {
        stub.string(self.path)?;
        stub.u32(0)
    }

    fn decode<'b>(stub: &mut Decoder<'b>) -> Result<Status, DecodeError> {
        status(stub)
    }
}
