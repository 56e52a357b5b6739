//! ITaskSchedulerService, [MS-TSCH] 3.2.5.4: the interface that every client since Windows Vista uses.
//!
//! A [`Service`] is built for one call and lives no longer. It decodes the stub, names a [`Path`], asks the engine and
//! writes the answer straight into the lent reply. [`client`] is the other side of the same stubs.
//!
//! What holds for every method:
//! - who has no account gets `E_ACCESSDENIED`, before the stub is looked at; what others may do the security descriptors of tasks
//!   and folders say;
//! - a stub that cannot be decoded is a fault, everything else is answered with a status code, and a failing answer still
//!   carries its out parameters: zeros and null pointers (the start index of an enumeration comes back unchanged);
//! - a leading `\` is optional in a path, and letter case does not count; a path that is not in the form of 2.3.11 gets
//!   `E_INVALID_NAME`;
//! - a task that does not exist, or that the caller may not read, gets `E_FILE_NOT_FOUND` if its folder does and he may read
//!   that, otherwise `E_PATH_NOT_FOUND`; where the specification knows one of the two alone, or clients expect it (enumerations of a
//!   missing folder), that one;
//! - SYSTEMTIME is local time of the zone that the service is given: the specification leaves it open, and clients print
//!   it unchanged.

mod access;
mod accounts;
pub mod client;
#[cfg(feature = "xml")]
mod definitions;
mod descriptors;
mod folders;
mod history;
mod information;
mod methods;
mod running;

pub use accounts::resolve;
pub use history::HISTORY_INTERFACE;
pub use methods::INTERFACE;

use crate::{
    bytes::Full,
    engine::{Context, Engine, Refused},
    limits::ENUMERATION,
    ndr::{DecodeError, Decoder, Encoder},
    ports::{Account, Ports},
    rpc::interface::{Call, Fault},
    status::Status,
    task::Path,
    text::Utf16,
    time::{Now, zone::Zone},
};
use methods::Opnum;

/// The version that `SchRpcHighestVersion` answers unless the host says otherwise: 1.4, the highest that the
/// specification names.
pub const VERSION: u32 = 0x0001_0004;

/// Everything one call may need, lent for as long as it takes.
pub struct Service<'s, 'a> {
    /// Which task runs when.
    pub engine: &'s mut Engine<'a>,
    /// Records, random bytes and accounts.
    pub ports: Ports<'s>,
    /// The server's zone, for SYSTEMTIME.
    pub zone: &'s Zone<'s>,
    /// Room for one definition at rest and one security descriptor; too little of it gets `E_OUTOFMEMORY`.
    pub scratch: &'s mut [u8],
    /// The strings that fields of definitions name, if the host has some.
    pub resources: Option<&'s dyn crate::task::Resources>,
    /// What `SchRpcHighestVersion` answers: the major version in the upper half, the minor one in the lower.
    pub version: u32,
}

/// Who calls, and when.
#[derive(Clone, Copy)]
struct Arrival<'c> {
    now: Now,
    account: &'c Account,
    /// Number of the connection.
    #[cfg_attr(not(feature = "xml"), allow(dead_code))] // Only a registration brings a password.
    connection: u32,
}

/// Why a method did not get to its end.
enum Refusal {
    /// The call is answered with this code and out parameters of nothing.
    Status(Status),
    /// The call is not answered.
    Fault(Fault),
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        Self::Status(refused.status())
    }
}

impl From<DecodeError> for Refusal {
    fn from(_: DecodeError) -> Self {
        Self::Fault(Fault::BAD_STUB_DATA)
    }
}

/// The answer is longer than the reply that the host lends.
impl From<Full> for Refusal {
    fn from(_: Full) -> Self {
        Self::Status(Status::E_OUTOFMEMORY)
    }
}

impl Service<'_, '_> {
    /// Carries out one call of [`INTERFACE`]; see [`Services::call`](crate::rpc::Services::call).
    ///
    /// # Errors
    /// [`Fault::BAD_STUB_DATA`] if the stub is not what the method takes, [`Fault::OP_RANGE`] for an unknown method,
    /// [`Fault::NO_MEMORY`] if `reply` is too small to say even that the call failed.
    pub fn call(&mut self, now: Now, call: &Call<'_>, reply: &mut [u8]) -> Result<usize, Fault> {
        let opnum = Opnum::new(call.opnum).ok_or(Fault::OP_RANGE)?;
        let room = if opnum.enumerates() { reply.len().min(ENUMERATION) } else { reply.len() };
        let reply = reply.get_mut(..room).unwrap_or_default();
        self.answer(now, call, reply, opnum.nothing(), |service, arrival, stub, out| {
            service.dispatch(opnum, arrival, stub, out)
        })
    }

    /// Lets a method answer, if the caller may call. If it fails, `nothing` zero bytes stand for its out parameters.
    fn answer(
        &mut self,
        now: Now,
        call: &Call<'_>,
        reply: &mut [u8],
        nothing: usize,
        method: impl FnOnce(&mut Self, Arrival<'_>, &mut Decoder<'_>, &mut Encoder<'_>) -> Result<Status, Refusal>,
    ) -> Result<usize, Fault> {
        let mut out = Encoder::new(reply);
        let answered = match call.caller.account {
            Some(account) if !account.disabled => {
                let mut stub = Decoder::new(call.stub, call.order);
                method(self, Arrival { now, account, connection: call.caller.connection }, &mut stub, &mut out)
            }
            _ => Err(Status::E_ACCESSDENIED.into()),
        };
        match answered {
            Ok(status) => out.u32(status.0).map_err(|_| Fault::NO_MEMORY)?,
            Err(Refusal::Fault(fault)) => return Err(fault),
            Err(Refusal::Status(status)) => {
                out.restart();
                out.zeros(nothing).and_then(|()| out.u32(status.0)).map_err(|_| Fault::NO_MEMORY)?;
            }
        }
        Ok(out.position())
    }

    /// The methods are not inlined: what all of them together need of the stack each call would take.
    fn dispatch(
        &mut self,
        opnum: Opnum,
        arrival: Arrival<'_>,
        stub: &mut Decoder<'_>,
        out: &mut Encoder<'_>,
    ) -> Result<Status, Refusal> {
        match opnum {
            Opnum::HighestVersion => self.highest_version(out),
            #[cfg(feature = "xml")]
            Opnum::RegisterTask => self.register_task(arrival, stub, out),
            #[cfg(feature = "xml")]
            Opnum::RetrieveTask => self.retrieve_task(arrival, stub, out),
            #[cfg(not(feature = "xml"))]
            Opnum::RegisterTask | Opnum::RetrieveTask => Err(Status::E_NOTIMPL.into()),
            Opnum::CreateFolder => self.create_folder(arrival, stub),
            Opnum::SetSecurity => self.set_security(arrival, stub),
            Opnum::GetSecurity => self.get_security(arrival, stub, out),
            Opnum::EnumFolders => self.enum_folders(arrival, stub, out),
            Opnum::EnumTasks => self.enum_tasks(arrival, stub, out),
            Opnum::EnumInstances => self.enum_instances(arrival, stub, out),
            Opnum::GetInstanceInfo => self.get_instance_info(arrival, stub, out),
            Opnum::StopInstance => self.stop_instance(arrival, stub),
            Opnum::Stop => self.stop(arrival, stub),
            Opnum::Run => self.run(arrival, stub, out),
            Opnum::Delete => self.delete(arrival, stub),
            Opnum::Rename => folders::rename(stub),
            Opnum::ScheduledRuntimes => self.scheduled_runtimes(arrival, stub, out),
            Opnum::GetLastRunInfo => self.get_last_run_info(arrival, stub, out),
            Opnum::GetTaskInfo => self.get_task_info(arrival, stub, out),
            Opnum::GetNumberOfMissedRuns => self.get_number_of_missed_runs(arrival, stub, out),
            Opnum::EnableTask => self.enable_task(arrival, stub),
        }
    }
}

/// What the engine may need of the ports.
fn context<'c>(ports: &'c mut Ports<'_>, zone: &'c Zone<'c>, now: Now) -> Context<'c> {
    Context { now, zone, store: ports.store, entropy: ports.entropy, sessions: ports.sessions }
}

/// The same, and what seals secrets.
#[cfg(feature = "xml")]
fn context_and_secrets<'c>(
    ports: &'c mut Ports<'_>,
    zone: &'c Zone<'c>,
    now: Now,
) -> (Context<'c>, &'c mut dyn crate::ports::Secrets) {
    let Ports { store, entropy, sessions, secrets, .. } = ports.reborrow();
    (Context { now, zone, store, entropy, sessions }, secrets)
}

/// A path as it came; one that is not in the form of 2.3.11 gets `E_INVALID_NAME`.
fn path(text: Utf16<'_>) -> Result<Path, Refusal> {
    let mut path = Path::ROOT;
    path.read_utf16(text).map_err(|_| Status::E_INVALID_NAME)?;
    Ok(path)
}

/// A path of something; the root gets `E_INVALIDARG`.
fn path_below_root(text: Utf16<'_>) -> Result<Path, Refusal> {
    let mut path = Path::ROOT;
    read_path_below_root(text, &mut path)?;
    Ok(path)
}

/// As [`path_below_root`], in place.
fn read_path_below_root(text: Utf16<'_>, path: &mut Path) -> Result<(), Refusal> {
    path.read_utf16(text).map_err(|_| Status::E_INVALID_NAME)?;
    if path.is_root() { Err(Status::E_INVALIDARG.into()) } else { Ok(()) }
}

/// Flags as they came; one that is not among `allowed` gets `E_INVALIDARG`.
fn flags(given: u32, allowed: u32) -> Result<u32, Refusal> {
    if given & !allowed == 0 { Ok(given) } else { Err(Status::E_INVALIDARG.into()) }
}

/// Text from the wire as UTF-8 at the front of `scratch`, and the rest of `scratch`. Nothing and an empty text are
/// `None`.
///
/// # Errors
/// `E_INVALIDARG` if it is no text, `E_OUTOFMEMORY` if it is longer than `scratch`.
fn narrow<'s>(text: Option<Utf16<'_>>, scratch: &'s mut [u8]) -> Result<(Option<&'s str>, &'s mut [u8]), Refusal> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok((None, scratch)) };
    let mut length = 0_usize;
    for character in text.chars() {
        length += character.map_err(|_| Status::E_INVALIDARG)?.len_utf8();
    }
    let (front, rest) = scratch.split_at_mut_checked(length).ok_or(Status::E_OUTOFMEMORY)?;
    let text = text.to_utf8(front).map_err(|_| Status::E_INVALIDARG)?;
    Ok((Some(text), rest))
}
