//! SchRpcHighestVersion, SchRpcGetTaskInfo, SchRpcEnableTask, SchRpcGetLastRunInfo, SchRpcScheduledRuntimes.

use mainspring::{
    status::Status,
    time::{civil::DateTime, filetime::SystemTime},
    tsch::client::{EnableTask, GetLastRunInfo, GetTaskInfo, HighestVersion, Run, ScheduledRuntimes},
};

use super::{Server, daily, xml};

const TASK: &str = r"\Folder\Task";

fn info(server: &mut Server, path: &str, state: bool) -> (bool, u32, Status) {
    server.ask(&GetTaskInfo { path, state }, |info| (info.enabled, info.state, info.status))
}

#[test]
fn the_version_is_the_hosts_choice() {
    let mut server = Server::new();
    assert_eq!(server.ask(&HighestVersion, |answer| (answer.version, answer.status)), (0x10004, Status::S_OK));
    server.version = 0x10006;
    assert_eq!(server.ask(&HighestVersion, |answer| answer.version), 0x10006);
}

#[test]
fn task_info_tells_the_state_only_when_asked_and_asks_no_store() {
    let mut server = Server::furnished();
    let calls = server.records.calls;
    assert_eq!(info(&mut server, TASK, false), (true, 0, Status::S_OK));
    assert_eq!(info(&mut server, r"FOLDER\task", true), (true, 3, Status::S_OK));
    assert_eq!(server.records.calls, calls);
    for (path, status) in [
        (r"\", Status::E_INVALIDARG),
        ("", Status::E_INVALIDARG),
        (r"\Folder", Status::E_FILE_NOT_FOUND),
        (r"\Folder\None", Status::E_FILE_NOT_FOUND),
        (r"\None\Task", Status::E_PATH_NOT_FOUND),
        (r"\a:b", Status::E_INVALID_NAME),
    ] {
        assert_eq!(info(&mut server, path, true), (false, 0, status), "{path}");
        assert_eq!(server.status(&EnableTask { path, enabled: true }), status, "{path}");
    }
}

#[test]
fn any_value_but_zero_enables() {
    let mut server = Server::furnished();
    let enable = |server: &mut Server, value: u32| {
        let mut stub = [0; 64];
        let mut out = mainspring::ndr::Encoder::new(&mut stub);
        out.string(TASK).unwrap();
        out.u32(value).unwrap();
        let length = out.position();
        assert_eq!(server.call(19, &stub[..length]).unwrap(), [0; 4]);
        info(server, TASK, true)
    };
    assert_eq!(enable(&mut server, 0), (false, 1, Status::S_OK));
    assert_eq!(enable(&mut server, 0x8000_0000), (true, 3, Status::S_OK));
    assert_eq!(enable(&mut server, 0), (false, 1, Status::S_OK));
    assert_eq!(enable(&mut server, 1), (true, 3, Status::S_OK));
}

#[test]
fn the_last_run_is_told_in_local_time() {
    let mut server = Server::furnished();
    let last = |server: &mut Server| server.ask(&GetLastRunInfo { path: TASK }, |last| last);
    let never = last(&mut server);
    assert_eq!((never.at, never.result, never.status), (SystemTime::ZERO, Status(0), Status::SCHED_S_TASK_HAS_NOT_RUN));
    assert_eq!(server.status(&Run { path: TASK, arguments: &[], ignore_constraints: false }), Status::S_OK);
    let instance = server.start_all()[0];
    let running = last(&mut server);
    assert_eq!((running.at.hour, running.result, running.status), (1, Status::SCHED_S_TASK_RUNNING, Status::S_OK));
    server.with(|engine, cx| engine.exited(cx, instance, Status(42)));
    let ended = last(&mut server);
    assert_eq!((ended.at.day, ended.result, ended.status), (1, Status(42), Status::S_OK));
    assert_eq!(ended.at.weekday, 2);
    assert_eq!(server.status(&GetLastRunInfo { path: r"\Folder\None" }), Status::E_FILE_NOT_FOUND);
}

fn at(month: u8, day: u8, hour: u8) -> Option<SystemTime> {
    SystemTime::from_civil(DateTime::new(2030, month, day, hour, 0, 0)?, 0)
}

/// Month, day and hour of the run times, and the status.
fn runtimes(server: &mut Server, request: ScheduledRuntimes<'_>) -> (Vec<(u16, u16, u16)>, Status) {
    server.ask(&request, |answer| {
        (answer.runtimes.map(|time| (time.month, time.day, time.hour)).collect(), answer.status)
    })
}

#[test]
fn run_times_of_a_window() {
    let mut server = Server::furnished();
    let request = ScheduledRuntimes { path: TASK, start: at(1, 1, 7), end: at(1, 3, 7), requested: 0 };
    let three = vec![(1, 1, 7), (1, 2, 7), (1, 3, 7)];
    // Both ends belong to the window, and local times are answered for local times.
    assert_eq!(runtimes(&mut server, request), (three.clone(), Status::S_OK));
    assert_eq!(runtimes(&mut server, ScheduledRuntimes { requested: 3, ..request }), (three.clone(), Status::S_OK));
    assert_eq!(
        runtimes(&mut server, ScheduledRuntimes { requested: 2, ..request }),
        (three[..2].to_vec(), Status::S_FALSE)
    );
    let end = at(1, 3, 6);
    assert_eq!(runtimes(&mut server, ScheduledRuntimes { end, ..request }), (three[..2].to_vec(), Status::S_OK));
    // Without end there are always more; without start it begins with the first there ever is.
    let open = ScheduledRuntimes { start: None, end: None, requested: 2, path: TASK };
    assert_eq!(runtimes(&mut server, open), (three[..2].to_vec(), Status::S_FALSE));
    // As many as fit.
    server.reply = 12 + 16 * 2 + 4;
    assert_eq!(runtimes(&mut server, request), (three[..2].to_vec(), Status::S_FALSE));
    server.reply = 12 + 4;
    assert_eq!(runtimes(&mut server, request), (vec![], Status::E_OUTOFMEMORY));
}

#[test]
fn no_run_times() {
    let mut server = Server::furnished();
    let request = ScheduledRuntimes { path: TASK, start: at(1, 1, 8), end: at(1, 2, 6), requested: 1 };
    assert_eq!(runtimes(&mut server, request), (vec![], Status::SCHED_S_TASK_NO_MORE_RUNS));
    let backwards = ScheduledRuntimes { start: at(1, 9, 0), end: at(1, 2, 6), ..request };
    assert_eq!(runtimes(&mut server, backwards), (vec![], Status::SCHED_S_TASK_NO_MORE_RUNS));
    let untimed = ScheduledRuntimes { path: r"\Folder\Empty", ..request };
    assert_eq!(runtimes(&mut server, untimed), (vec![], Status::SCHED_S_TASK_NOT_SCHEDULED));
    server.register("boot", &xml("<BootTrigger/>", ""));
    let boot = ScheduledRuntimes { path: "boot", ..request };
    assert_eq!(runtimes(&mut server, boot), (vec![], Status::SCHED_S_TASK_NOT_SCHEDULED));
    let missing = ScheduledRuntimes { path: r"\None\Task", ..request };
    assert_eq!(runtimes(&mut server, missing), (vec![], Status::E_PATH_NOT_FOUND));
    let month_13 = SystemTime { month: 13, ..at(1, 1, 0).unwrap() };
    for (start, end) in [(Some(month_13), None), (None, Some(month_13)), (Some(SystemTime::ZERO), None)] {
        let never = ScheduledRuntimes { start, end, ..request };
        assert_eq!(runtimes(&mut server, never), (vec![], Status::E_INVALIDARG));
    }
}

#[test]
fn a_whole_reply_of_run_times() {
    let mut server = Server::new();
    server.register(
        "often",
        &daily().replace("<ScheduleByDay>", "<Repetition><Interval>PT1M</Interval></Repetition><ScheduleByDay>"),
    );
    let request = ScheduledRuntimes { path: "often", start: at(1, 1, 7), end: None, requested: 0 };
    // A list ends at 64 KiB, whatever room there is for other answers.
    server.reply = 1 << 20;
    let (times, status) = runtimes(&mut server, request);
    assert_eq!((times.len(), status), ((65_536 - 16) / 16, Status::S_FALSE));
}
