use super::{Elements, Request, status};
use crate::{
    bytes::Full,
    guid::Guid,
    ndr::{DecodeError, Decoder, Encoder},
    status::Status,
    text::Utf16,
};

/// Bytes of a GUID.
const GUID: usize = 16;

/// SchRpcRun (Opnum 12), [MS-TSCH] 3.2.5.4.13.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run<'r> {
    /// Path of the task.
    pub path: &'r str,
    /// What becomes `$(Arg0)` onwards.
    pub arguments: &'r [&'r str],
    /// TASK_RUN_IGNORE_CONSTRAINTS: whatever the conditions of the task.
    pub ignore_constraints: bool,
}

/// Answer of [`Run`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunResponse {
    /// The instance; nil if none was started.
    pub instance: Guid,
    /// The return value.
    pub status: Status,
}

impl Request for Run<'_> {
    const OPNUM: u16 = 12;
    type Response<'b> = RunResponse;

    fn encode(&self, stub: &mut Encoder<'_>) -> Result<(), Full> {
        const IGNORE_CONSTRAINTS: u32 = 2;
        let count = u32::try_from(self.arguments.len()).unwrap_or(u32::MAX);
        stub.string(self.path)?;
        stub.u32(count)?;
        if self.arguments.is_empty() {
            stub.null()?;
        } else {
            stub.pointer()?;
            stub.u32(count)?;
            self.arguments.iter().try_for_each(|_| stub.pointer())?;
            self.arguments.iter().try_for_each(|argument| stub.string(argument))?;
        }
        stub.u32(if self.ignore_constraints { IGNORE_CONSTRAINTS } else { 0 })?;
        stub.u32(0)?; // sessionId
        stub.null() // user
    }

    fn decode<'b>(stub: &mut Decoder<'b>) -> Result<RunResponse, DecodeError> {
        Ok(RunResponse { instance: stub.guid()?, status: status(stub)? })
    }
}

/// SchRpcStop (Opnum 11), [MS-TSCH] 3.2.5.4.12.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop<'r> {
    /// Path of the task.
    pub path: &'r str,
}

impl Request for Stop<'_> {
    const OPNUM: u16 = 11;
    type Response<'b> = Status;

    fn encode(&self, stub: &mut Encoder<'_>) -> Result<(), Full> {
        stub.unique_string(Some(self.path))?;
        stub.u32(0)
    }

    fn decode<'b>(stub: &mut Decoder<'b>) -> Result<Status, DecodeError> {
        status(stub)
    }
}

/// SchRpcStopInstance (Opnum 10), [MS-TSCH] 3.2.5.4.11.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopInstance {
    /// The instance.
    pub instance: Guid,
}

impl Request for StopInstance {
    const OPNUM: u16 = 10;
    type Response<'b> = Status;

    fn encode(&self, stub: &mut Encoder<'_>) -> Result<(), Full> {
        stub.guid(&self.instance)?;
        stub.u32(0)
    }

    fn decode<'b>(stub: &mut Decoder<'b>) -> Result<Status, DecodeError> {
        status(stub)
    }
}

/// SchRpcEnumInstances (Opnum 8), [MS-TSCH] 3.2.5.4.9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnumInstances<'r> {
    /// Path of the task; `None` for all tasks.
    pub path: Option<&'r str>,
    /// TASK_ENUM_HIDDEN: those of hidden tasks too.
    pub hidden: bool,
}

/// Answer of [`EnumInstances`].
#[derive(Debug, Clone)]
pub struct EnumInstancesResponse<'b> {
    /// The instances.
    pub instances: Elements<'b, Guid>,
    /// The return value.
    pub status: Status,
}

impl Request for EnumInstances<'_> {
    const OPNUM: u16 = 8;
    type Response<'b> = EnumInstancesResponse<'b>;

    fn encode(&self, stub: &mut Encoder<'_>) -> Result<(), Full> {
        stub.unique_string(self.path)?;
        stub.u32(u32::from(self.hidden))
    }

    fn decode<'b>(stub: &mut Decoder<'b>) -> Result<EnumInstancesResponse<'b>, DecodeError> {
        let count = stub.u32()?;
        let instances = Elements::decode(stub, count, GUID, Decoder::guid)?;
        Ok(EnumInstancesResponse { instances, status: status(stub)? })
    }
}

/// SchRpcGetInstanceInfo (Opnum 9), [MS-TSCH] 3.2.5.4.10.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GetInstanceInfo {
    /// The instance.
    pub instance: Guid,
}

/// Answer of [`GetInstanceInfo`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GetInstanceInfoResponse<'b> {
    /// Path of its task.
    pub path: Option<Utf16<'b>>,
    /// TASK_STATE, [MS-TSCH] 2.3.13.
    pub state: u32,
    /// What it is doing.
    pub action: Option<Utf16<'b>>,
    /// The process, or 0.
    pub process: u32,
    /// The return value.
    pub status: Status,
}

impl Request for GetInstanceInfo {
    const OPNUM: u16 = 9;
    type Response<'b> = GetInstanceInfoResponse<'b>;

    fn encode(&self, stub: &mut Encoder<'_>) -> Result<(), Full> {
        stub.guid(&self.instance)
    }

    fn decode<'b>(stub: &mut Decoder<'b>) -> Result<GetInstanceInfoResponse<'b>, DecodeError> {
        let path = stub.unique_string()?;
        let state = stub.u32()?;
        let action = stub.unique_string()?;
        let _info = stub.unique_string()?;
        let count = stub.u32()?;
        let _group = Elements::decode(stub, count, GUID, Decoder::guid)?;
        Ok(GetInstanceInfoResponse { path, state, action, process: stub.u32()?, status: status(stub)? })
    }
}
