//! What is known of a task: SchRpcHighestVersion, SchRpcScheduledRuntimes, SchRpcGetLastRunInfo, SchRpcGetTaskInfo,
//! SchRpcGetNumberOfMissedRuns, SchRpcEnableTask.

use super::{Arrival, Refusal, Service, context, flags, path, path_below_root};
use crate::{
    engine::TaskState,
    ndr::{DecodeError, Decoder, Encoder},
    security::AccessMask,
    status::Status,
    task::TriggerKind,
    time::{Timestamp, filetime::SystemTime, zone::Zone},
};

/// SCH_FLAG_STATE
const FLAG_STATE: u32 = 1 << 28;

impl Service<'_, '_> {
    /// SchRpcHighestVersion (Opnum 0), 3.2.5.4.1.
    pub(super) fn highest_version(&self, out: &mut Encoder<'_>) -> Result<Status, Refusal> {
        out.u32(self.version)?;
        Ok(Status::S_OK)
    }

    /// SchRpcGetTaskInfo (Opnum 17), 3.2.5.4.18: the state only if it is asked for. Undefined flags are ignored. The store is
    /// not asked: this is the call that consoles repeat for every task they show.
    #[inline(never)]
    pub(super) fn get_task_info(
        &mut self,
        arrival: Arrival<'_>,
        stub: &mut Decoder<'_>,
        out: &mut Encoder<'_>,
    ) -> Result<Status, Refusal> {
        let name = stub.string()?;
        let given = stub.u32()?;

        let task = self.task(arrival, &path_below_root(name)?, AccessMask::FILE_READ)?;
        let state = if given & FLAG_STATE != 0 { self.engine.state(task) } else { TaskState::Unknown };
        out.u32(u32::from(self.engine.enabled(task)))?;
        out.u32(state as u32)?;
        Ok(Status::S_OK)
    }

    /// SchRpcEnableTask (Opnum 19), 3.2.5.4.20: any value but zero enables.
    #[inline(never)]
    pub(super) fn enable_task(&mut self, arrival: Arrival<'_>, stub: &mut Decoder<'_>) -> Result<Status, Refusal> {
        let name = stub.string()?;
        let enabled = stub.u32()? != 0;

        let task = self.task(arrival, &path_below_root(name)?, AccessMask::FILE_WRITE)?;
        self.engine.set_enabled(&mut context(&mut self.ports, self.zone, arrival.now), task, enabled)?;
        Ok(Status::S_OK)
    }

    /// SchRpcGetLastRunInfo (Opnum 16), 3.2.5.4.17. A task that has never run: `SCHED_S_TASK_HAS_NOT_RUN`, and zeros.
    #[inline(never)]
    pub(super) fn get_last_run_info(
        &mut self,
        arrival: Arrival<'_>,
        stub: &mut Decoder<'_>,
        out: &mut Encoder<'_>,
    ) -> Result<Status, Refusal> {
        let name = stub.string()?;

        let task = self.task(arrival, &path(name)?, AccessMask::FILE_READ)?;
        let last = self.engine.last_run(&mut context(&mut self.ports, self.zone, arrival.now), task)?;
        let Some(last) = last else { return Err(Status::SCHED_S_TASK_HAS_NOT_RUN.into()) };
        local(self.zone, last.at).unwrap_or(SystemTime::ZERO).write(out.writer(2)?)?;
        out.u32(last.result.0)?;
        Ok(Status::S_OK)
    }

    /// SchRpcGetNumberOfMissedRuns (Opnum 18), 3.2.5.4.19: as the page has it, where Windows always answers zero. What one
    /// absence of the server has cost a task is counted up to [`MISSED_COUNTED`](crate::limits::MISSED_COUNTED).
    #[inline(never)]
    pub(super) fn get_number_of_missed_runs(
        &mut self,
        arrival: Arrival<'_>,
        stub: &mut Decoder<'_>,
        out: &mut Encoder<'_>,
    ) -> Result<Status, Refusal> {
        let name = stub.string()?;

        let task = self.task(arrival, &path_below_root(name)?, AccessMask::FILE_READ)?;
        let missed = self.engine.missed_runs(&mut context(&mut self.ports, self.zone, arrival.now), task)?;
        out.u32(missed)?;
        Ok(Status::S_OK)
    }

    /// SchRpcScheduledRuntimes (Opnum 15), 3.2.5.4.16. The interval includes both its ends. A request for zero run times is
    /// one for all of them; `S_FALSE` if there are more than asked for, or than the reply holds.
    #[inline(never)]
    pub(super) fn scheduled_runtimes(
        &mut self,
        arrival: Arrival<'_>,
        stub: &mut Decoder<'_>,
        out: &mut Encoder<'_>,
    ) -> Result<Status, Refusal> {
        let name = stub.string()?;
        let start = system_time(stub)?;
        let end = system_time(stub)?;
        let given = stub.u32()?;
        let requested = stub.u32()?;

        flags(given, 0)?;
        let path = path(name)?;
        let moment = |time: SystemTime| utc(self.zone, time).ok_or(Status::E_INVALIDARG);
        let from = start.map(moment).transpose()?.map_or(Timestamp::MIN, |start| start.plus(-1));
        let until = end.map(moment).transpose()?.unwrap_or(Timestamp::MAX);
        let task = self.task(arrival, &path, AccessMask::FILE_READ)?;

        out.u32(0)?;
        out.pointer()?;
        out.u32(0)?;
        let array = out.position();
        let limit = if requested == 0 { u32::MAX } else { requested };
        let mut count = 0;
        let mut more = false;
        let mut cx = context(&mut self.ports, self.zone, arrival.now);
        self.engine.runtimes(&mut cx, task, from, until, &mut |at| {
            let Some(time) = local(self.zone, at) else { return false };
            more = count == limit || out.left() < SystemTime::SIZE + 4;
            let took = !more && out.writer(2).and_then(|writer| time.write(writer)).is_ok();
            count += u32::from(took);
            took
        })?;
        if count == 0 && more {
            return Err(Status::E_OUTOFMEMORY.into());
        }
        if count == 0 {
            let definition = self.engine.definition(&mut cx, task)?;
            let timed = definition
                .image
                .triggers()
                .any(|trigger| matches!(trigger.kind, TriggerKind::Time { .. } | TriggerKind::Calendar { .. }));
            let none = if timed { Status::SCHED_S_TASK_NO_MORE_RUNS } else { Status::SCHED_S_TASK_NOT_SCHEDULED };
            return Err(none.into());
        }
        out.patch_u32(0, count)?;
        out.patch_u32(array - 4, count)?;
        Ok(if more { Status::S_FALSE } else { Status::S_OK })
    }
}

/// A `[unique] PSYSTEMTIME` parameter.
fn system_time(stub: &mut Decoder<'_>) -> Result<Option<SystemTime>, DecodeError> {
    if stub.pointer()? { Ok(Some(SystemTime::read(stub.reader(2)?)?)) } else { Ok(None) }
}

/// A moment as the server's clock on the wall shows it; `None` if SYSTEMTIME cannot hold it.
fn local(zone: &Zone<'_>, at: Timestamp) -> Option<SystemTime> {
    let (civil, milliseconds) = zone.civil_at(at)?;
    SystemTime::from_civil(civil, milliseconds)
}

/// The moment at which the server's clock on the wall shows `time`; `None` if it is no time.
fn utc(zone: &Zone<'_>, time: SystemTime) -> Option<Timestamp> {
    let (civil, milliseconds) = time.civil().ok()?;
    Some(zone.resolve(civil, milliseconds).moment())
}
