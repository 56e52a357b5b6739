//! SchRpcRun, SchRpcStop, SchRpcStopInstance, SchRpcEnumInstances, SchRpcGetInstanceInfo.

use mainspring::{
    engine::Order,
    guid::Guid,
    ndr::Encoder,
    status::Status,
    tsch::client::{EnableTask, EnumInstances, GetInstanceInfo, GetLastRunInfo, GetTaskInfo, Run, Stop, StopInstance},
};

use super::{Server, daily, xml};

const TASK: &str = r"\Folder\Task";

fn run(server: &mut Server, path: &str, arguments: &[&str]) -> (Guid, Status) {
    server.ask(&Run { path, arguments, ignore_constraints: false }, |answer| (answer.instance, answer.status))
}

fn instances(server: &mut Server, path: Option<&str>, hidden: bool) -> (Vec<Guid>, Status) {
    server.ask(&EnumInstances { path, hidden }, |answer| (answer.instances.collect(), answer.status))
}

#[test]
fn an_instance_from_start_to_end() {
    let mut server = Server::furnished();
    let (instance, status) = run(&mut server, TASK, &["one", "zwölf"]);
    assert_eq!(status, Status::S_OK);
    assert_ne!(instance, Guid::NIL);
    assert_eq!(server.engine.order(), Some(Order::Start { instance }));
    server.with(|engine, cx| engine.started(cx, instance, 4711));

    server.ask(&GetInstanceInfo { instance }, |info| {
        assert!(info.path.unwrap().eq_ignore_case(TASK));
        assert!(info.action.unwrap().eq_ignore_case("/bin/run"));
        assert_eq!((info.state, info.process, info.status), (4, 4711, Status::S_OK));
    });
    assert_eq!(instances(&mut server, Some(TASK), false), (vec![instance], Status::S_OK));
    assert_eq!(instances(&mut server, Some(r"\Folder\Empty"), false), (vec![], Status::S_OK));
    assert_eq!(instances(&mut server, None, true), (vec![instance], Status::S_OK));
    assert_eq!(server.ask(&GetTaskInfo { path: TASK, state: true }, |info| info.state), 4);

    // The policy is to ignore new ones: that is no error.
    assert_eq!(run(&mut server, TASK, &[]), (Guid::NIL, Status::S_OK));

    assert_eq!(server.status(&StopInstance { instance }), Status::S_OK);
    assert_eq!(server.engine.order(), Some(Order::Stop { instance, hard: false }));
    server.with(|engine, cx| engine.exited(cx, instance, Status(7)));
    assert_eq!(server.status(&StopInstance { instance }), Status::SCHED_E_TASK_NOT_RUNNING);
    assert_eq!(server.status(&Stop { path: TASK }), Status::S_FALSE);
    server.ask(&GetInstanceInfo { instance }, |info| {
        assert_eq!((info.path, info.action, info.status), (None, None, Status::SCHED_E_TASK_NOT_RUNNING));
    });
    assert_eq!(instances(&mut server, None, true), (vec![], Status::S_OK));
    // One o'clock in a zone that is an hour ahead.
    let last = server.ask(&GetLastRunInfo { path: TASK }, |last| (last.at.year, last.at.hour, last.status));
    assert_eq!(last, (2030, 1, Status::S_OK));
}

#[test]
fn stop_stops_all_of_a_task() {
    let mut server = Server::new();
    server.register("many", &xml("", "<MultipleInstancesPolicy>Parallel</MultipleInstancesPolicy>"));
    let first = run(&mut server, "many", &[]).0;
    let second = run(&mut server, "many", &[]).0;
    server.start_all();
    let mut both = vec![first, second];
    both.sort();
    let mut found = instances(&mut server, Some("many"), false).0;
    found.sort();
    assert_eq!(found, both);
    assert_eq!(server.status(&Stop { path: r"\Many" }), Status::S_OK);
    let mut stopped = vec![];
    while let Some(Order::Stop { instance, hard: false }) = server.engine.order() {
        stopped.push(instance);
    }
    stopped.sort();
    assert_eq!(stopped, both);
}

#[test]
fn what_may_not_run() {
    let mut server = Server::furnished();
    server.register("never", &xml("", "<AllowStartOnDemand>false</AllowStartOnDemand>"));
    assert_eq!(run(&mut server, "never", &[]), (Guid::NIL, Status::SCHED_E_START_ON_DEMAND));
    assert_eq!(server.status(&EnableTask { path: TASK, enabled: false }), Status::S_OK);
    assert_eq!(run(&mut server, TASK, &[]), (Guid::NIL, Status::SCHED_E_TASK_DISABLED));
    assert_eq!(run(&mut server, r"\", &[]).1, Status::E_FILE_NOT_FOUND);
    assert_eq!(run(&mut server, r"\Folder", &[]).1, Status::E_FILE_NOT_FOUND);
    assert_eq!(run(&mut server, r"\None\Task", &[]).1, Status::E_PATH_NOT_FOUND);
    assert_eq!(run(&mut server, r"\a:b", &[]).1, Status::E_INVALID_NAME);
    for path in [r"\None\Task", r"\None", r"\Folder", r"\"] {
        assert_eq!(server.status(&Stop { path }), Status::E_FILE_NOT_FOUND, "{path}");
        assert_eq!(instances(&mut server, Some(path), false), (vec![], Status::E_FILE_NOT_FOUND), "{path}");
    }
}

#[test]
fn arguments_have_bounds() {
    let mut server = Server::new();
    server.register("run", &xml("", "<MultipleInstancesPolicy>Parallel</MultipleInstancesPolicy>"));
    assert_eq!(run(&mut server, "run", &["x"; 32]).1, Status::S_OK);
    assert_eq!(run(&mut server, "run", &["x"; 33]), (Guid::NIL, Status::E_INVALIDARG));
    let long = "x".repeat(513);
    assert_eq!(run(&mut server, "run", &[&long]), (Guid::NIL, Status::E_OUTOFMEMORY));
    assert_eq!(server.start_all().len(), 1);
}

/// A SchRpcRun of which everything can be wrong.
fn raw(count: u32, array: Option<&[Option<&str>]>, flags: u32, user: Option<&str>) -> Vec<u8> {
    let mut stub = vec![0; 4096];
    let mut out = Encoder::new(&mut stub);
    out.string("run").unwrap();
    out.u32(count).unwrap();
    out.pointer_to(array).unwrap();
    if let Some(array) = array {
        out.u32(array.len() as u32).unwrap();
        for text in array {
            out.pointer_to(*text).unwrap();
        }
        for text in array.iter().flatten() {
            out.string(text).unwrap();
        }
    }
    out.u32(flags).unwrap();
    out.u32(0).unwrap();
    out.unique_string(user).unwrap();
    let length = out.position();
    stub.truncate(length);
    stub
}

#[test]
fn arrays_and_flags_of_run() {
    let mut server = Server::new();
    server.register("run", &daily());
    let mut status =
        |stub: Vec<u8>| server.call(12, &stub).map(|answer| Status(u32::from_le_bytes(*answer.last_chunk().unwrap())));
    // No arguments come as an empty array from some clients.
    assert_eq!(status(raw(0, Some(&[]), 0, None)), Ok(Status::S_OK));
    assert_eq!(status(raw(0, None, 0xB, Some("S-1-5-18"))), Ok(Status::S_OK));
    // Nobody has a session.
    assert_eq!(status(raw(0, None, 0xF, Some("S-1-5-18"))), Ok(Status::E_NO_SUCH_LOGON_SESSION));
    assert_eq!(status(raw(0, None, 8, None)), Ok(Status::E_INVALIDARG));
    assert_eq!(status(raw(2, Some(&[None, Some("x")]), 0, None)), Ok(Status::S_OK));
    assert_eq!(status(raw(1, None, 0, None)), Ok(Status::RPC_E_INVALID_PARAMETER));
    assert_eq!(status(raw(1, Some(&[]), 0, None)), Err(mainspring::rpc::Fault::BAD_STUB_DATA));
    assert_eq!(status(raw(0, None, 0x10, None)), Ok(Status::E_INVALIDARG));
    assert_eq!(status(raw(0, None, 8, Some("somebody"))), Ok(Status::E_INVALIDARG));
    assert_eq!(status(raw(0, None, 0, Some("somebody"))), Ok(Status::E_NONE_MAPPED));
    assert_eq!(status(raw(0, None, 8, Some("S-1-5-21-9-9-9-1001"))), Ok(Status::E_NONE_MAPPED));
    assert_eq!(status(raw(0, None, 0, Some("ann"))), Ok(Status::S_OK));
}

#[test]
fn instances_of_hidden_tasks_are_hidden() {
    let mut server = Server::furnished();
    server.register("unseen", &xml("", "<Hidden>true</Hidden>"));
    let hidden = run(&mut server, "unseen", &[]).0;
    let seen = run(&mut server, TASK, &[]).0;
    server.start_all();
    assert_eq!(instances(&mut server, None, false), (vec![seen], Status::S_OK));
    let mut all = instances(&mut server, None, true).0;
    all.sort();
    let mut both = vec![hidden, seen];
    both.sort();
    assert_eq!(all, both);
    assert_eq!(instances(&mut server, Some("unseen"), false), (vec![], Status::S_OK));
    assert_eq!(instances(&mut server, Some("unseen"), true), (vec![hidden], Status::S_OK));
    // There is room for one of the two.
    server.reply = 12 + 16 + 4 + 15;
    let (part, status) = instances(&mut server, None, true);
    assert_eq!((part.len(), status), (1, Status::S_FALSE));
    // Hidden tasks can be stopped.
    assert_eq!(server.status(&Stop { path: "unseen" }), Status::S_OK);
}
