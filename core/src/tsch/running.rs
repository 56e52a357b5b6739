//! Instances: SchRpcRun, SchRpcStop, SchRpcStopInstance, SchRpcEnumInstances, SchRpcGetInstanceInfo.

use super::{
    Arrival, Refusal, Service,
    accounts::{Identity, NAME_MAX, identify},
    context, flags,
    folders::ENUM_HIDDEN,
    path,
};
use crate::{
    engine::{Engine, OtherUser, Refused, TaskState},
    guid::Guid,
    limits::{RUN_ARGUMENT_BYTES, RUN_ARGUMENTS},
    ndr::{DecodeError, Decoder, Encoder},
    ports::SessionId,
    security::AccessMask,
    sid::Sid,
    status::Status,
    task::Action,
    text::{TextError, Utf16},
};
use core::num::NonZeroU32;

/// TASK_RUN_AS_SELF
const RUN_AS_SELF: u32 = 1;
/// TASK_RUN_IGNORE_CONSTRAINTS
const RUN_IGNORE_CONSTRAINTS: u32 = 2;
/// TASK_RUN_USE_SESSION_ID
const RUN_USE_SESSION_ID: u32 = 4;
/// TASK_RUN_USER_SID
const RUN_USER_SID: u32 = 8;
/// The four flags that there are.
const RUN_FLAGS: u32 = RUN_AS_SELF | RUN_IGNORE_CONSTRAINTS | RUN_USE_SESSION_ID | RUN_USER_SID;

/// The arguments of SchRpcRun, taken out of the stub: at most [`RUN_ARGUMENTS`], together at most
/// [`RUN_ARGUMENT_BYTES`].
struct Arguments {
    text: [u8; RUN_ARGUMENT_BYTES],
    ends: heapless::Vec<u16, RUN_ARGUMENTS>,
}

impl Arguments {
    /// Reads the array's elements and then what they point to; a null pointer is an empty argument. More arguments than
    /// there may be are left where they are.
    ///
    /// # Errors
    /// A fault if they are no array of strings; otherwise, in the inner result, what the caller is told.
    fn decode(stub: &mut Decoder<'_>, count: u32) -> Result<Result<Self, Status>, DecodeError> {
        let mut arguments = Self { text: [0; RUN_ARGUMENT_BYTES], ends: heapless::Vec::new() };
        let mut result = Ok(());
        if !stub.pointer()? {
            let missing = if count == 0 { Ok(arguments) } else { Err(Status::RPC_E_INVALID_PARAMETER) };
            return Ok(missing);
        }
        stub.conformance(count, 4)?;
        let mut pointers = stub.clone();
        stub.bytes(4 * count as usize)?;
        for _ in 0..count {
            let argument = if pointers.pointer()? { stub.string()? } else { Utf16::default() };
            result = result.and_then(|()| arguments.push(argument));
        }
        Ok(result.map(|()| arguments))
    }

    fn push(&mut self, argument: Utf16<'_>) -> Result<(), Status> {
        let start = self.ends.last().copied().map_or(0, usize::from);
        let room = self.text.get_mut(start..).unwrap_or_default();
        let length = argument
            .to_utf8(room)
            .map_err(|error| match error {
                TextError::LoneSurrogate { .. } => Status::E_INVALIDARG,
                TextError::TooLong { .. } => Status::E_OUTOFMEMORY,
            })?
            .len();
        let end = u16::try_from(start + length).map_err(|_| Status::E_OUTOFMEMORY)?;
        self.ends.push(end).map_err(|_| Status::E_INVALIDARG)
    }

    fn iter(&self) -> impl Iterator<Item = &str> {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let bytes = self.text.get(start..usize::from(end)).unwrap_or_default();
            start = usize::from(end);
            core::str::from_utf8(bytes).unwrap_or_default()
        })
    }
}

impl Service<'_, '_> {
    /// SchRpcRun (Opnum 12), 3.2.5.4.13. An instance that the policy or a condition did not let start is not an error, and has
    /// no GUID.
    ///
    /// Whoever may execute a task may run it as it is defined, whomever it names. The page has that for administrators and for
    /// the task's user alone; the right to execute, which descriptors give to others, would mean nothing then. As somebody else
    /// an administrator may have it run as any account, and others as themselves. In a session it runs as the session's user.
    #[inline(never)]
    pub(super) fn run(
        &mut self,
        arrival: Arrival<'_>,
        stub: &mut Decoder<'_>,
        out: &mut Encoder<'_>,
    ) -> Result<Status, Refusal> {
        let name = stub.string()?;
        let count = stub.u32()?;
        let arguments = Arguments::decode(stub, count)?;
        let given = stub.u32()?;
        let session = stub.u32()?;
        let user = stub.unique_string()?;

        flags(given, RUN_FLAGS)?;
        let path = path(name)?;
        let arguments = arguments?;
        let task = self.task(arrival, &path, AccessMask::FILE_EXECUTE)?;
        let user = self.other_user(arrival, given, session, user)?;
        let mut cx = context(&mut self.ports, self.zone, arrival.now);
        let run = if given & RUN_IGNORE_CONSTRAINTS == 0 { Engine::run } else { Engine::run_anyway };
        let instance = match run(self.engine, &mut cx, task, &mut arguments.iter(), user) {
            Err(Refused::AlreadyRunning | Refused::Hindered) => Guid::NIL,
            other => other?,
        };
        out.guid(&instance)?;
        Ok(Status::S_OK)
    }

    /// SchRpcStop (Opnum 11), 3.2.5.4.12: `S_FALSE` if nothing ran. A task that does not exist gets `E_FILE_NOT_FOUND`.
    #[inline(never)]
    pub(super) fn stop(&mut self, arrival: Arrival<'_>, stub: &mut Decoder<'_>) -> Result<Status, Refusal> {
        let name = stub.unique_string()?;
        let given = stub.u32()?;

        flags(given, 0)?;
        let path = path(name.ok_or(Status::E_INVALIDARG)?)?;
        let task = self.task(arrival, &path, AccessMask::FILE_EXECUTE).map_err(as_file)?;
        match self.engine.stop(&mut context(&mut self.ports, self.zone, arrival.now), task) {
            Err(Refused::NotRunning) => Ok(Status::S_FALSE),
            other => {
                other?;
                Ok(Status::S_OK)
            }
        }
    }

    /// SchRpcStopInstance (Opnum 10), 3.2.5.4.11.
    #[inline(never)]
    pub(super) fn stop_instance(&mut self, arrival: Arrival<'_>, stub: &mut Decoder<'_>) -> Result<Status, Refusal> {
        let instance = stub.guid()?;
        let given = stub.u32()?;

        flags(given, 0)?;
        let mut cx = context(&mut self.ports, self.zone, arrival.now);
        let info = self.engine.instance(&mut cx, instance).map_err(not_running)?;
        if !self.granted(arrival, &info.path)?.has(AccessMask::FILE_EXECUTE) {
            return Err(Status::E_ACCESSDENIED.into());
        }
        self.engine
            .stop_instance(&mut context(&mut self.ports, self.zone, arrival.now), instance)
            .map_err(not_running)?;
        Ok(Status::S_OK)
    }

    /// SchRpcEnumInstances (Opnum 8), 3.2.5.4.9: `S_FALSE` if more run than the reply holds. A task that does not exist gets
    /// `E_FILE_NOT_FOUND`.
    #[inline(never)]
    pub(super) fn enum_instances(
        &mut self,
        arrival: Arrival<'_>,
        stub: &mut Decoder<'_>,
        out: &mut Encoder<'_>,
    ) -> Result<Status, Refusal> {
        /// Bytes of a GUID.
        const GUID: usize = 16;
        let name = stub.unique_string()?;
        let given = stub.u32()?;

        let hidden = flags(given, ENUM_HIDDEN)? & ENUM_HIDDEN != 0;
        let task = match name {
            Some(name) => Some(self.task(arrival, &path(name)?, AccessMask::FILE_READ).map_err(as_file)?),
            None => None,
        };
        out.u32(0)?;
        out.pointer()?;
        out.u32(0)?;
        let array = out.position();
        let mut complete = true;
        self.engine.instances(task, &mut |instance| {
            complete = out.left() >= GUID + 4 && out.guid(&instance).is_ok();
            complete
        });
        let mut count = (out.position() - array) / GUID;
        let mut kept = 0;
        for index in 0..count {
            let at = array + GUID * index;
            let Some(&bytes) = out.written().get(at..).and_then(|rest| rest.first_chunk()) else { break };
            if self.is_shown(arrival, Guid::from_bytes(bytes), hidden)? {
                out.written_mut().copy_within(at..at + GUID, array + GUID * kept);
                kept += 1;
            }
        }
        count = kept;
        out.rewind(array + GUID * count);
        let number = u32::try_from(count).unwrap_or(u32::MAX);
        if number == 0 {
            out.restart();
            out.u32(0)?;
            out.null()?;
        } else {
            out.patch_u32(0, number)?;
            out.patch_u32(array - 4, number)?;
        }
        Ok(if complete { Status::S_OK } else { Status::S_FALSE })
    }

    /// SchRpcGetInstanceInfo (Opnum 9), 3.2.5.4.10. The current action is its `id`, or what it runs if it has none.
    #[inline(never)]
    pub(super) fn get_instance_info(
        &mut self,
        arrival: Arrival<'_>,
        stub: &mut Decoder<'_>,
        out: &mut Encoder<'_>,
    ) -> Result<Status, Refusal> {
        let instance = stub.guid()?;

        let mut cx = context(&mut self.ports, self.zone, arrival.now);
        let info = self.engine.instance(&mut cx, instance).map_err(not_running)?;
        if !self.granted(arrival, &info.path)?.has(AccessMask::FILE_READ) {
            return Err(Status::E_ACCESSDENIED.into());
        }
        let mut cx = context(&mut self.ports, self.zone, arrival.now);
        out.unique_string(Some(info.path.as_str()))?;
        out.u32(info.state as u32)?;
        if info.state == TaskState::Running {
            let definition = self.engine.definition(&mut cx, info.task)?;
            let action = definition.image.actions().nth(usize::from(info.action));
            out.unique_string(action.map(|action| match action {
                Action::Exec { id, exec } => id.unwrap_or(exec.command),
                other => other.id().unwrap_or_default(),
            }))?;
        } else {
            out.null()?;
        }
        out.null()?; // pInfo
        out.u32(0)?; // pcGroupInstances
        out.null()?; // pGroupInstances
        out.u32(info.process)?;
        Ok(Status::S_OK)
    }

    /// Whom a run is for instead of the principal of the task: the caller, whom he named, or the user of the session.
    ///
    /// # Errors
    /// `E_INVALIDARG` for what is to be a SID and is none, and for somebody else if the caller is no administrator; `E_NONE_MAPPED`
    /// if there is no such account; ERROR_NO_SUCH_LOGON_SESSION if there is no such session.
    #[inline(never)]
    fn other_user(
        &mut self,
        arrival: Arrival<'_>,
        given: u32,
        session: u32,
        user: Option<Utf16<'_>>,
    ) -> Result<Option<OtherUser>, Refusal> {
        let caller = arrival.account;
        let of_session = if given & RUN_USE_SESSION_ID == 0 {
            None
        } else {
            let found = NonZeroU32::new(session).and_then(|session| self.ports.sessions.user(SessionId(session)));
            if !caller.administrator && found != Some(caller.sid) {
                return Err(Status::E_INVALIDARG.into());
            }
            Some(found.ok_or(Status::E_NO_SUCH_LOGON_SESSION)?)
        };
        let named = user.filter(|user| !user.is_empty() && given & RUN_AS_SELF == 0);
        if given & (RUN_USER_SID | RUN_AS_SELF) == RUN_USER_SID && named.is_none() {
            return Err(Status::E_INVALIDARG.into());
        }
        let sid = match (named, of_session) {
            _ if given & RUN_AS_SELF != 0 => caller.sid,
            (Some(user), _) => {
                let user = user.to_string::<NAME_MAX>().map_err(|_| Status::E_INVALIDARG)?;
                if given & RUN_USER_SID != 0 && Sid::parse(&user).is_none() {
                    return Err(Status::E_INVALIDARG.into());
                }
                match identify(&user, self.ports.accounts) {
                    Some(Identity::Service(sid)) => sid,
                    Some(Identity::Account(account)) => account.sid,
                    Some(Identity::Other(_)) | None if !caller.administrator => return Err(Status::E_INVALIDARG.into()),
                    Some(Identity::Other(_)) | None => return Err(Status::E_NONE_MAPPED.into()),
                }
            }
            (None, Some(user)) => user,
            (None, None) => return Ok(None),
        };
        if sid != caller.sid && !caller.administrator {
            return Err(Status::E_INVALIDARG.into());
        }
        OtherUser::new(&sid).map(Some).ok_or_else(|| Status::E_NONE_MAPPED.into())
    }

    /// Whether the instance is still there, and its task is one that the caller may read, and not hidden unless `hidden`. An administrator
    /// sees all.
    fn is_shown(&mut self, arrival: Arrival<'_>, instance: Guid, hidden: bool) -> Result<bool, Refusal> {
        let mut cx = context(&mut self.ports, self.zone, arrival.now);
        let Ok(info) = self.engine.instance(&mut cx, instance) else { return Ok(false) };
        if !hidden && self.engine.is_hidden(info.task) {
            return Ok(false);
        }
        Ok(arrival.account.administrator || self.granted(arrival, &info.path)?.has(AccessMask::FILE_READ))
    }
}

/// A task that is not to be known of gets one code from methods that know one alone.
fn as_file(refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::Status(Status::E_PATH_NOT_FOUND) => Status::E_FILE_NOT_FOUND.into(),
        other => other,
    }
}

/// An instance that is not there is one that does not run.
fn not_running(refused: Refused) -> Refusal {
    match refused {
        Refused::NotFound | Refused::NotRunning => Status::SCHED_E_TASK_NOT_RUNNING.into(),
        other => other.into(),
    }
}
