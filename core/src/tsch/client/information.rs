use super::{Elements, Request, status};
use crate::{
    bytes::Full,
    ndr::{DecodeError, Decoder, Encoder},
    status::Status,
    time::filetime::SystemTime,
};

/// SchRpcHighestVersion (Opnum 0), [MS-TSCH] 3.2.5.4.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HighestVersion;

/// Answer of [`HighestVersion`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HighestVersionResponse {
    /// Major version in the upper half, minor one in the lower.
    pub version: u32,
    /// The return value.
    pub status: Status,
}

impl Request for HighestVersion {
    const OPNUM: u16 = 0;
    type Response<'b> = HighestVersionResponse;

    fn encode(&self, _: &mut Encoder<'_>) -> Result<(), Full> {
        Ok(())
    }

    fn decode<'b>(stub: &mut Decoder<'b>) -> Result<HighestVersionResponse, DecodeError> {
        Ok(HighestVersionResponse { version: stub.u32()?, status: status(stub)? })
    }
}

/// SchRpcGetTaskInfo (Opnum 17), [MS-TSCH] 3.2.5.4.18.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GetTaskInfo<'r> {
    /// Path of the task.
    pub path: &'r str,
    /// SCH_FLAG_STATE: the state too.
    pub state: bool,
}

/// Answer of [`GetTaskInfo`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GetTaskInfoResponse {
    /// Whether the task is enabled.
    pub enabled: bool,
    /// TASK_STATE, [MS-TSCH] 2.3.13; 0 if it was not asked for.
    pub state: u32,
    /// The return value.
    pub status: Status,
}

impl Request for GetTaskInfo<'_> {
    const OPNUM: u16 = 17;
    type Response<'b> = GetTaskInfoResponse;

    fn encode(&self, stub: &mut Encoder<'_>) -> Result<(), Full> {
        const FLAG_STATE: u32 = 1 << 28;
        stub.string(self.path)?;
        stub.u32(if self.state { FLAG_STATE } else { 0 })
    }

    fn decode<'b>(stub: &mut Decoder<'b>) -> Result<GetTaskInfoResponse, DecodeError> {
        Ok(GetTaskInfoResponse { enabled: stub.u32()? != 0, state: stub.u32()?, status: status(stub)? })
    }
}

/// SchRpcEnableTask (Opnum 19), [MS-TSCH] 3.2.5.4.20.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnableTask<'r> {
    /// Path of the task.
    pub path: &'r str,
    /// Whether it shall be enabled.
    pub enabled: bool,
}

impl Request for EnableTask<'_> {
    const OPNUM: u16 = 19;
    type Response<'b> = Status;

    fn encode(&self, stub: &mut Encoder<'_>) -> Result<(), Full> {
        stub.string(self.path)?;
        stub.u32(u32::from(self.enabled))
    }

    fn decode<'b>(stub: &mut Decoder<'b>) -> Result<Status, DecodeError> {
        status(stub)
    }
}

/// SchRpcGetLastRunInfo (Opnum 16), [MS-TSCH] 3.2.5.4.17.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GetLastRunInfo<'r> {
    /// Path of the task.
    pub path: &'r str,
}

/// Answer of [`GetLastRunInfo`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GetLastRunInfoResponse {
    /// Start of the last run, local time of the server; zero if there was none.
    pub at: SystemTime,
    /// Its result.
    pub result: Status,
    /// The return value: `SCHED_S_TASK_HAS_NOT_RUN` if there was none.
    pub status: Status,
}

impl Request for GetLastRunInfo<'_> {
    const OPNUM: u16 = 16;
    type Response<'b> = GetLastRunInfoResponse;

    fn encode(&self, stub: &mut Encoder<'_>) -> Result<(), Full> {
        stub.string(self.path)
    }

    fn decode<'b>(stub: &mut Decoder<'b>) -> Result<GetLastRunInfoResponse, DecodeError> {
        Ok(GetLastRunInfoResponse { at: system_time(stub)?, result: Status(stub.u32()?), status: status(stub)? })
    }
}

/// SchRpcScheduledRuntimes (Opnum 15), [MS-TSCH] 3.2.5.4.16.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScheduledRuntimes<'r> {
    /// Path of the task.
    pub path: &'r str,
    /// From when on, local time of the server; `None` for the start of time.
    pub start: Option<SystemTime>,
    /// Until when; `None` for the end of time.
    pub end: Option<SystemTime>,
    /// Number of run times wanted; zero for all.
    pub requested: u32,
}

/// Answer of [`ScheduledRuntimes`].
#[derive(Debug, Clone)]
pub struct ScheduledRuntimesResponse<'b> {
    /// Run times, local time of the server.
    pub runtimes: Elements<'b, SystemTime>,
    /// The return value: `S_FALSE` if there are more.
    pub status: Status,
}

impl Request for ScheduledRuntimes<'_> {
    const OPNUM: u16 = 15;
    type Response<'b> = ScheduledRuntimesResponse<'b>;

    fn encode(&self, stub: &mut Encoder<'_>) -> Result<(), Full> {
        stub.string(self.path)?;
        for time in [self.start, self.end] {
            stub.pointer_to(time)?;
            time.map_or(Ok(()), |time| time.write(stub.writer(2)?))?;
        }
        stub.u32(0)?; // flags
        stub.u32(self.requested)
    }

    fn decode<'b>(stub: &mut Decoder<'b>) -> Result<ScheduledRuntimesResponse<'b>, DecodeError> {
        let count = stub.u32()?;
        let runtimes = Elements::decode(stub, count, SystemTime::SIZE, system_time)?;
        Ok(ScheduledRuntimesResponse { runtimes, status: status(stub)? })
    }
}

fn system_time(stub: &mut Decoder<'_>) -> Result<SystemTime, DecodeError> {
    Ok(SystemTime::read(stub.reader(2)?)?)
}

/// SchRpcGetNumberOfMissedRuns (Opnum 18), [MS-TSCH] 3.2.5.4.19. Windows always answers zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GetNumberOfMissedRuns<'r> {
    /// Path of the task.
    pub path: &'r str,
}

/// Answer of [`GetNumberOfMissedRuns`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GetNumberOfMissedRunsResponse {
    /// Runs that were missed since the last one that went well, or since the task was registered.
    pub missed: u32,
    /// The return value.
    pub status: Status,
}

impl Request for GetNumberOfMissedRuns<'_> {
    const OPNUM: u16 = 18;
    type Response<'b> = GetNumberOfMissedRunsResponse;

    fn encode(&self, stub: &mut Encoder<'_>) -> Result<(), Full> {
        stub.string(self.path)
    }

    fn decode<'b>(stub: &mut Decoder<'b>) -> Result<GetNumberOfMissedRunsResponse, DecodeError> {
        Ok(GetNumberOfMissedRunsResponse { missed: stub.u32()?, status: status(stub)? })
    }
}
