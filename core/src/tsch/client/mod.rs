//! The client's side of ITaskSchedulerService: requests written into a lent stub, responses read from one.
//!
//! Each request is a struct that implements [`Request`]; nothing here sends or waits. A response is decoded whatever its
//! status says, because failing calls carry their out parameters too.
//!
//! ```
//! use mainspring::{bytes::Order, status::Status, tsch::client::{GetTaskInfo, Request}};
//!
//! let mut stub = [0; 256];
//! let length = GetTaskInfo { path: r"\Backup", state: true }.write(&mut stub)?;
//! assert_eq!((GetTaskInfo::OPNUM, length), (17, 32));
//!
//! let answer = [1, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0];
//! let info = GetTaskInfo::read(&answer, Order::Little)?;
//! assert_eq!((info.enabled, info.state, info.status), (true, 3, Status::S_OK));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod definitions;
mod descriptors;
mod folders;
mod history;
mod information;
mod running;

pub use definitions::{
    Creation, Credential, ErrorInfo, LogonType, RegisterTask, RegisterTaskResponse, RetrieveTask, RetrieveTaskResponse,
};
pub use descriptors::{GetSecurity, GetSecurityResponse, SetSecurity};
pub use folders::{CreateFolder, Delete, EnumFolders, EnumResponse, EnumTasks};
pub use history::{HistoryEntry, ReadHistory, ReadHistoryResponse};
pub use information::{
    EnableTask, GetLastRunInfo, GetLastRunInfoResponse, GetNumberOfMissedRuns, GetNumberOfMissedRunsResponse,
    GetTaskInfo, GetTaskInfoResponse, HighestVersion, HighestVersionResponse, ScheduledRuntimes,
    ScheduledRuntimesResponse,
};
pub use running::{
    EnumInstances, EnumInstancesResponse, GetInstanceInfo, GetInstanceInfoResponse, Run, RunResponse, Stop,
    StopInstance,
};

use crate::{
    bytes::{Full, Order},
    ndr::{DecodeError, Decoder, Encoder},
    status::Status,
    text::Utf16,
};

/// One call as a client makes it.
pub trait Request {
    /// Number of the method.
    const OPNUM: u16;

    /// What the method answers, borrowed from the response stub.
    type Response<'b>;

    /// Writes the request stub.
    ///
    /// # Errors
    /// [`Full`] if it does not fit.
    fn encode(&self, stub: &mut Encoder<'_>) -> Result<(), Full>;

    /// Reads the response stub.
    ///
    /// # Errors
    /// [`DecodeError`] if it is not what the method answers.
    fn decode<'b>(stub: &mut Decoder<'b>) -> Result<Self::Response<'b>, DecodeError>;

    /// Writes the request stub to the front of `stub` and returns its length.
    ///
    /// # Errors
    /// [`Full`] if it does not fit.
    fn write(&self, stub: &mut [u8]) -> Result<usize, Full> {
        let mut encoder = Encoder::new(stub);
        self.encode(&mut encoder)?;
        Ok(encoder.position())
    }

    /// Reads a whole response stub, integers in `order`.
    ///
    /// # Errors
    /// [`DecodeError`] if it is not what the method answers.
    fn read(stub: &[u8], order: Order) -> Result<Self::Response<'_>, DecodeError> {
        Self::decode(&mut Decoder::new(stub, order))
    }
}

/// Reads the HRESULT that ends every response.
fn status(stub: &mut Decoder<'_>) -> Result<Status, DecodeError> {
    Ok(Status(stub.u32()?))
}

/// An array of strings in a response, checked when it was read.
#[derive(Debug, Clone)]
pub struct Strings<'b> {
    pointers: Decoder<'b>,
    strings: Decoder<'b>,
    left: u32,
}

impl<'b> Strings<'b> {
    /// Reads a unique pointer to a conformant array of `count` pointers to strings.
    fn decode(stub: &mut Decoder<'b>, count: u32) -> Result<Self, DecodeError> {
        if !stub.pointer()? {
            return Ok(Self { pointers: stub.clone(), strings: stub.clone(), left: 0 });
        }
        stub.conformance(count, 4)?;
        let pointers = stub.clone();
        stub.bytes(4 * count as usize)?;
        let strings = Self { pointers, strings: stub.clone(), left: count };
        let mut ahead = strings.clone();
        while ahead.left > 0 {
            ahead.element()?;
        }
        *stub = ahead.strings;
        Ok(strings)
    }

    fn element(&mut self) -> Result<Utf16<'b>, DecodeError> {
        self.left -= 1;
        if self.pointers.pointer()? { self.strings.string() } else { Ok(Utf16::default()) }
    }
}

/// The strings in their order; a null pointer is an empty one.
impl<'b> Iterator for Strings<'b> {
    type Item = Utf16<'b>;

    fn next(&mut self) -> Option<Utf16<'b>> {
        if self.left == 0 { None } else { self.element().ok() }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, usize::try_from(self.left).ok())
    }
}

/// An array of elements of one size in a response, checked when it was read.
#[derive(Debug, Clone)]
pub struct Elements<'b, T> {
    stub: Decoder<'b>,
    left: u32,
    read: fn(&mut Decoder<'b>) -> Result<T, DecodeError>,
}

impl<'b, T> Elements<'b, T> {
    /// Reads a unique pointer to a conformant array of `count` elements of `size` bytes.
    fn decode(
        stub: &mut Decoder<'b>,
        count: u32,
        size: usize,
        read: fn(&mut Decoder<'b>) -> Result<T, DecodeError>,
    ) -> Result<Self, DecodeError> {
        if !stub.pointer()? {
            return Ok(Self { stub: stub.clone(), left: 0, read });
        }
        stub.conformance(count, size)?;
        let elements = Self { stub: stub.clone(), left: count, read };
        stub.bytes(size * count as usize)?;
        Ok(elements)
    }
}

/// The elements in their order.
impl<T> Iterator for Elements<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.left = self.left.checked_sub(1)?;
        (self.read)(&mut self.stub).ok()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, usize::try_from(self.left).ok())
    }
}
