//! The client's side: what it writes is what impacket writes, and what it reads may be nonsense.

use mainspring::{
    bytes::Order,
    guid::Guid,
    security::SecurityInformation,
    time::{civil::DateTime, filetime::SystemTime},
    tsch::client::{
        CreateFolder, Creation, Credential, Delete, EnableTask, EnumFolders, EnumInstances, EnumTasks, GetInstanceInfo,
        GetLastRunInfo, GetSecurity, GetTaskInfo, HighestVersion, LogonType, RegisterTask, Request, RetrieveTask, Run,
        ScheduledRuntimes, SetSecurity, Stop, StopInstance,
    },
};
use mainspring_tests::stubs::{spoiled, stubs};

use super::{Server, daily, registration};

const PATH: &str = "\\Folder\\Tâsk 1";
const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-16\"?><Task/>";

/// impacket's stub, but for what is not the same in two stubs that mean the same: padding, and referent identifiers.
fn tamed(name: &str, ours: &[u8]) -> Vec<u8> {
    const PADDING: [u8; 3] = [0xAA, 0xAB, 0xBF];
    let mut theirs = stubs("impacket.txt")[name].clone();
    for (theirs, ours) in theirs.chunks_mut(4).zip(ours.chunks(4)) {
        if let ([a, b, 2, 0], [.., 0, 0]) = (ours, &*theirs)
            && u16::from_le_bytes([*a, *b]).is_multiple_of(4)
        {
            theirs.copy_from_slice(ours);
        }
        for (theirs, ours) in theirs.iter_mut().zip(ours) {
            if *ours == 0 && PADDING.contains(theirs) {
                *theirs = 0;
            }
        }
    }
    theirs
}

fn same<R: Request>(name: &str, request: &R) {
    let mut stub = [0; 1024];
    let length = request.write(&mut stub).unwrap();
    let prefix = format!("tsch-{}-", R::OPNUM);
    assert!(name.starts_with(&prefix));
    assert_eq!(stub[..length], tamed(name, &stub[..length]), "{name}");
    for room in 0..length {
        assert!(request.write(&mut stub[..room]).is_err(), "{name} in {room} bytes");
    }
}

fn time(day: u8) -> Option<SystemTime> {
    let time = SystemTime::from_civil(DateTime::new(2030, 1, day, 7, 0, 0)?, 0)?;
    Some(SystemTime { weekday: 0, ..time })
}

#[test]
fn requests_are_those_of_impacket() {
    let instance = Guid::from_bytes(core::array::from_fn(|at| at as u8));
    let register = RegisterTask { path: Some(PATH), xml: XML, ..registration() };
    same("tsch-0-version", &HighestVersion);
    same("tsch-1-plain", &RegisterTask { creation: Creation::CreateOrUpdate, ..register });
    same(
        "tsch-1-unnamed",
        &RegisterTask { path: None, sddl: Some("D:(A;;FA;;;BA)"), logon_type: LogonType::InteractiveToken, ..register },
    );
    let system = Credential { user: "S-1-5-18", password: None };
    same(
        "tsch-1-system",
        &RegisterTask { logon_type: LogonType::ServiceAccount, credential: Some(system), ..register },
    );
    let ann = Credential { user: "ann", password: Some("pässword") };
    assert!(!format!("{ann:?}").contains("pässword"));
    same("tsch-1-password", &RegisterTask { logon_type: LogonType::Password, credential: Some(ann), ..register });
    same("tsch-2-any-language", &RetrieveTask { path: PATH });
    same("tsch-3-folder", &CreateFolder { path: r"\Folder\Sub", sddl: None });
    same("tsch-3-sddl", &CreateFolder { path: r"Folder\Sub", sddl: Some("D:(A;;FA;;;BA)") });
    same("tsch-4-security", &SetSecurity { path: PATH, sddl: "D:(A;;FA;;;BA)", principal_reads: true });
    same("tsch-5-security", &GetSecurity { path: PATH, which: SecurityInformation::DACL });
    same("tsch-6-folders", &EnumFolders { path: r"\", start: 0, requested: 100 });
    same("tsch-7-tasks", &EnumTasks { path: r"\Folder", hidden: true, start: 0, requested: 1 });
    same("tsch-8-instances", &EnumInstances { path: Some(PATH), hidden: true });
    same("tsch-8-all", &EnumInstances { path: None, hidden: false });
    same("tsch-9-info", &GetInstanceInfo { instance });
    same("tsch-10-stop", &StopInstance { instance });
    same("tsch-11-stop", &Stop { path: PATH });
    same("tsch-12-arguments", &Run { path: PATH, arguments: &["one", "", "dréi"], ignore_constraints: true });
    same("tsch-13-delete", &Delete { path: PATH });
    same("tsch-15-week", &ScheduledRuntimes { path: PATH, start: time(1), end: time(8), requested: 5 });
    same("tsch-16-last", &GetLastRunInfo { path: PATH });
    same("tsch-17-info", &GetTaskInfo { path: PATH, state: false });
    same("tsch-17-state", &GetTaskInfo { path: PATH, state: true });
    same("tsch-19-enable", &EnableTask { path: PATH, enabled: true });
}

/// Reads every spoiled form of an answer, and everything in it.
fn spoil<R: Request>(answer: &[u8], look: impl Fn(R::Response<'_>)) {
    assert!(R::read(answer, Order::Little).is_ok());
    for (at, spoiled) in spoiled(answer).enumerate() {
        let read = R::read(&spoiled, Order::Little);
        assert!(at >= answer.len() || read.is_err(), "cut at {at}");
        if let Ok(response) = read {
            look(response);
        }
    }
}

#[test]
fn a_server_may_answer_nonsense() {
    let mut server = Server::furnished();
    let mut stub = [0; 4096];
    let mut answer = |opnum, length: usize, stub: &[u8]| server.call(opnum, &stub[..length]).unwrap();

    let length = EnumTasks { path: r"\Folder", hidden: false, start: 0, requested: 0 }.write(&mut stub).unwrap();
    spoil::<EnumTasks<'_>>(&answer(7, length, &stub), |names| assert!(names.names.count() <= names.count as usize));
    let request = ScheduledRuntimes { path: r"\Folder\Task", start: None, end: None, requested: 3 };
    let length = request.write(&mut stub).unwrap();
    spoil::<ScheduledRuntimes<'_>>(&answer(15, length, &stub), |times| assert!(times.runtimes.count() <= 3));
    let length = RetrieveTask { path: r"\Folder\Task" }.write(&mut stub).unwrap();
    spoil::<RetrieveTask<'_>>(&answer(2, length, &stub), |task| {
        task.xml.map(|xml| xml.is_empty());
    });
    let bad = daily().replace("07:00:00", "later");
    let length = RegisterTask { xml: &bad, ..registration() }.write(&mut stub).unwrap();
    spoil::<RegisterTask<'_>>(&answer(1, length, &stub), |answer| drop(format!("{answer:?}")));
    let request = Run { path: r"\Folder\Task", arguments: &[], ignore_constraints: false };
    let length = request.write(&mut stub).unwrap();
    let ran = answer(12, length, &stub);
    spoil::<Run<'_>>(&ran, |_| ());
    let instance = Run::read(&ran, Order::Little).unwrap().instance;
    let length = GetInstanceInfo { instance }.write(&mut stub).unwrap();
    spoil::<GetInstanceInfo>(&answer(9, length, &stub), |info| drop(format!("{info:?}")));
    let length = EnumInstances { path: None, hidden: true }.write(&mut stub).unwrap();
    spoil::<EnumInstances<'_>>(&answer(8, length, &stub), |found| assert!(found.instances.count() <= 1));
}
