//! No call of ITaskSchedulerService but a registration allocates.

use mainspring::{
    bytes::Order,
    tsch::client::{
        CreateFolder, Delete, EnableTask, EnumFolders, EnumInstances, EnumTasks, GetInstanceInfo, GetLastRunInfo,
        GetTaskInfo, HighestVersion, Request, RetrieveTask, Run, ScheduledRuntimes, Stop, StopInstance,
    },
};
use mainspring_tests::server::{Called, Server};

use super::{COUNT, allocations};

const TASK: &str = r"\Folder\Task";

thread_local! {
    /// The count while a change is being made.
    static KEPT: std::cell::Cell<Option<usize>> = const { std::cell::Cell::new(None) };
}

/// The store of the tests allocates; what is counted is the scheduler.
pub(super) fn pause(changing: bool) {
    if changing { KEPT.set(COUNT.replace(None)) } else { COUNT.set(KEPT.replace(None)) }
}

/// Makes the call and returns its answer.
fn quiet<R: Request>(server: &mut Server, request: &R) -> Vec<u8> {
    let mut stub = [0; 4096];
    let length = request.write(&mut stub).unwrap();
    let mut called = Called::new(server, "admin");
    let (seen, answered) = allocations(|| called.call(R::OPNUM, &stub[..length]));
    let length = answered.unwrap();
    assert_eq!(seen, 0, "opnum {}", R::OPNUM);
    called.reply[..length].to_vec()
}

#[test]
fn calls_allocate_nothing() {
    let mut server = Server::furnished();
    server.records.changing = pause;
    let server = &mut server;
    quiet(server, &HighestVersion);
    quiet(server, &GetTaskInfo { path: TASK, state: true });
    quiet(server, &GetTaskInfo { path: r"\None", state: true });
    quiet(server, &RetrieveTask { path: TASK });
    quiet(server, &CreateFolder { path: r"\New\Folder", sddl: Some("D:(A;;FA;;;BA)") });
    quiet(server, &EnumFolders { path: r"\", start: 0, requested: 0 });
    quiet(server, &EnumTasks { path: r"\Folder", hidden: true, start: 0, requested: 0 });
    quiet(server, &EnableTask { path: TASK, enabled: false });
    quiet(server, &EnableTask { path: TASK, enabled: true });
    quiet(server, &ScheduledRuntimes { path: TASK, start: None, end: None, requested: 100 });
    quiet(server, &GetLastRunInfo { path: TASK });
    let ran = quiet(server, &Run { path: TASK, arguments: &["one", "two"], ignore_constraints: false });
    let instance = Run::read(&ran, Order::Little).unwrap().instance;
    server.start_all();
    quiet(server, &EnumInstances { path: None, hidden: false });
    quiet(server, &GetInstanceInfo { instance });
    quiet(server, &GetLastRunInfo { path: TASK });
    quiet(server, &StopInstance { instance });
    quiet(server, &Stop { path: TASK });
    quiet(server, &Delete { path: TASK });
    quiet(server, &Delete { path: r"\New\Folder" });
}

#[test]
fn canary_a_registration_is_seen_to_allocate() {
    let mut server = Server::new();
    let xml = mainspring_tests::server::daily();
    let request = mainspring::tsch::client::RegisterTask {
        path: Some(TASK),
        xml: &xml,
        ..mainspring_tests::server::registration()
    };
    let mut stub = [0; 4096];
    let length = request.write(&mut stub).unwrap();
    server.records.changing = pause;
    let mut called = Called::new(&mut server, "admin");
    let (seen, answered) = allocations(|| called.call(1, &stub[..length]));
    assert!(answered.is_ok() && seen > 0);
}
