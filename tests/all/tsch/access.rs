//! Who may do what, without a network: the same methods for an administrator and for somebody who is none. The whole table of
//! methods, callers and codes is run by a real client (tests/clients/access_table.py).

use mainspring::{
    bytes::Order,
    engine::{Entry, OtherUser, Whom},
    guid::Guid,
    ports::{SessionId, Sessions},
    security::SecurityInformation,
    sid::Sid,
    status::Status,
    tsch::client::{
        CreateFolder, Creation, Delete, EnableTask, EnumFolders, EnumTasks, GetLastRunInfo, GetNumberOfMissedRuns,
        GetSecurity, GetTaskInfo, RegisterTask, Request, RetrieveTask, Run, SetSecurity, Stop,
    },
};

use super::{Server, daily, principal, registration, xml};

const DENIED: Status = Status::E_ACCESSDENIED;
const MISSING: Status = Status::E_FILE_NOT_FOUND;
const NO_FOLDER: Status = Status::E_PATH_NOT_FOUND;

/// The account of `ann`, who is no administrator.
const ANN: &str = "S-1-5-21-1-2-3-1001";

fn answer<R: Request>(server: &mut Server, who: &str, request: &R) -> Vec<u8> {
    let mut stub = vec![0; 65_536];
    let length = request.write(&mut stub).unwrap();
    server.call_as(Some(who), R::OPNUM, &stub[..length], Order::Little).unwrap()
}

/// What `ann` is told.
fn ann<R: Request>(server: &mut Server, request: &R) -> Status {
    let answer = answer(server, "ann", request);
    Status(u32::from_le_bytes(*answer.last_chunk().unwrap()))
}

fn register(server: &mut Server, path: &str, xml: &str, sddl: Option<&str>) -> Status {
    ann(server, &RegisterTask { path: Some(path), xml, sddl, creation: Creation::CreateOrUpdate, ..registration() })
}

/// With a task of the administrator in the root, one that ann may read, one that she may run, and a folder of hers.
fn server() -> Server {
    let mut server = Server::new();
    server.register("Secret", &daily());
    for (path, rights) in [("Read", "FR"), ("Run", "FRFX"), ("Write", "FRFW")] {
        let sddl = format!("D:(A;;{rights};;;{ANN})");
        let request = RegisterTask { path: Some(path), xml: &daily(), sddl: Some(&sddl), ..registration() };
        assert_eq!(server.status(&request), Status::S_OK);
    }
    let sddl = format!("D:(A;OICI;FA;;;{ANN})");
    assert_eq!(server.status(&CreateFolder { path: "Hers", sddl: Some(&sddl) }), Status::S_OK);
    assert_eq!(server.status(&CreateFolder { path: "Closed", sddl: Some("D:P(A;OICI;FA;;;BA)") }), Status::S_OK);
    server.register(r"Closed\Task", &daily());
    server
}

#[test]
fn what_is_not_to_be_read_is_as_what_is_not_there() {
    let mut server = server();
    for (hidden, missing, expected) in
        [("Secret", "Nothing", MISSING), (r"Closed\Task", r"Closed\Nothing", NO_FOLDER), (r"x\y", r"x\z", NO_FOLDER)]
    {
        for path in [hidden, missing] {
            let what = path;
            assert_eq!(ann(&mut server, &RetrieveTask { path }), expected, "{what}");
            assert_eq!(ann(&mut server, &GetTaskInfo { path, state: true }), expected, "{what}");
            assert_eq!(ann(&mut server, &GetLastRunInfo { path }), expected, "{what}");
            assert_eq!(ann(&mut server, &GetNumberOfMissedRuns { path }), expected, "{what}");
            assert_eq!(ann(&mut server, &EnableTask { path, enabled: false }), expected, "{what}");
            assert_eq!(ann(&mut server, &Delete { path }), expected, "{what}");
            assert_eq!(ann(&mut server, &GetSecurity { path, which: SecurityInformation::DACL }), expected, "{what}");
            assert_eq!(ann(&mut server, &Run { path, arguments: &[], ignore_constraints: false }), expected, "{what}");
            assert_eq!(ann(&mut server, &Stop { path }), MISSING, "{what}");
            assert_eq!(register(&mut server, path, &daily(), None), DENIED, "{what}");
            assert_eq!(ann(&mut server, &CreateFolder { path, sddl: None }), DENIED, "{what}");
        }
    }
}

#[test]
fn with_read_but_not_the_right_access_is_denied() {
    let mut server = server();
    let run = |path| Run { path, arguments: &[], ignore_constraints: false };
    assert_eq!(ann(&mut server, &RetrieveTask { path: "Read" }), Status::S_OK);
    for path in ["Read", "Write"] {
        assert_eq!(ann(&mut server, &run(path)), DENIED, "{path}");
        assert_eq!(ann(&mut server, &Stop { path }), DENIED, "{path}");
        assert_eq!(ann(&mut server, &Delete { path }), DENIED, "{path}");
    }
    for path in ["Read", "Run"] {
        assert_eq!(ann(&mut server, &EnableTask { path, enabled: false }), DENIED, "{path}");
        assert_eq!(register(&mut server, path, &daily(), None), DENIED, "{path}");
    }
    assert_eq!(ann(&mut server, &run("Run")), Status::S_OK);
    assert_eq!(ann(&mut server, &Stop { path: "Run" }), Status::S_OK);
    assert_eq!(ann(&mut server, &EnableTask { path: "Write", enabled: false }), Status::S_OK);
    assert_eq!(register(&mut server, "Write", &principal(&format!("<UserId>{ANN}</UserId>")), None), Status::S_OK);
    // Who may change a task may not make it his.
    assert_eq!(register(&mut server, "Write", &xml("", ""), Some("D:P(A;;FA;;;WD)")), DENIED);
}

#[test]
fn enumerations_show_what_may_be_seen() {
    let mut server = server();
    let mut names = |who: &str, folders: bool| {
        let answer = if folders {
            answer(&mut server, who, &EnumFolders { path: r"\", start: 0, requested: 0 })
        } else {
            answer(&mut server, who, &EnumTasks { path: r"\", hidden: false, start: 0, requested: 0 })
        };
        let read = EnumTasks::read(&answer, Order::Little).unwrap();
        read.names.map(|name| name.to_string::<64>().unwrap().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names("admin", false), ["Secret", "Read", "Run", "Write"]);
    assert_eq!(names("ann", false), ["Read", "Run", "Write"]);
    assert_eq!(names("admin", true), ["Hers", "Closed"]);
    assert_eq!(names("ann", true), ["Hers"]);
    for path in ["Closed", "Nothing", "Secret"] {
        assert_eq!(ann(&mut server, &EnumTasks { path, hidden: true, start: 0, requested: 0 }), MISSING, "{path}");
        assert_eq!(ann(&mut server, &EnumFolders { path, start: 0, requested: 0 }), MISSING, "{path}");
    }
    // A page of one: whether there are more is told without a look at all others.
    for (start, expected) in [(0, Status::S_FALSE), (2, Status::S_FALSE), (3, Status::S_OK), (4, Status::S_FALSE)] {
        assert_eq!(ann(&mut server, &EnumTasks { path: r"\", hidden: true, start, requested: 1 }), expected, "{start}");
    }
}

#[test]
fn an_update_changes_of_a_descriptor_what_it_gives_and_what_the_caller_may() {
    let mut server = server();
    let which = SecurityInformation::ALL;
    let shown = |server: &mut Server, path: &str| {
        server.ask(&GetSecurity { path, which }, |answer| answer.sddl.unwrap().to_string::<512>().unwrap().to_string())
    };
    let set = |server: &mut Server, path: &str, sddl: &str| {
        assert_eq!(server.status(&SetSecurity { path, sddl, principal_reads: true }), Status::S_OK);
    };
    let mine = principal(&format!("<UserId>{ANN}</UserId>"));
    set(&mut server, "Write", &format!("O:SYG:SYD:P(A;;FRFWWO;;;{ANN})(A;;FA;;;BA)S:P(AU;SAFA;FA;;;WD)"));
    let before = shown(&mut server, "Write");
    for (sddl, expected) in
        [(" ", Status::E_INVALIDARG), ("D:P(A;;FA;;;WD)", DENIED), ("O:BA", Status::E_INVALID_OWNER)]
    {
        assert_eq!(register(&mut server, "Write", &mine, Some(sddl)), expected, "{sddl}");
        assert_eq!(shown(&mut server, "Write"), before, "{sddl}");
    }
    assert_eq!(register(&mut server, "Write", &mine, Some("G:BU")), Status::S_OK);
    let after = shown(&mut server, "Write");
    assert!(after.starts_with("O:SYG:BUD:P(A;;") && after.ends_with("S:P(AU;SAFA;FA;;;WD)"), "{after}");
    // An administrator's does not give it back to who registered it.
    assert_eq!(register(&mut server, r"Hers\Task", &mine, None), Status::S_OK);
    set(&mut server, r"Hers\Task", "O:BAD:P(A;;FA;;;BA)");
    let request = RegisterTask {
        path: Some(r"Hers\Task"),
        xml: &daily(),
        sddl: Some("D:P(A;;FR;;;BA)"),
        creation: Creation::Update,
        ..registration()
    };
    // He may not even read it, so he cannot change it.
    set(&mut server, r"Hers\Task", "D:P(A;;FA;;;BA)");
    assert_eq!(server.status(&request), Status::S_OK);
    assert!(shown(&mut server, r"Hers\Task").starts_with("O:BA"));
    assert_eq!(
        ann(
            &mut server,
            &SetSecurity { path: r"Hers\Task", sddl: &format!("D:(A;;FA;;;{ANN})"), principal_reads: true }
        ),
        MISSING
    );
}

#[test]
fn the_definition_shows_the_descriptor_that_counts_or_none() {
    let mut server = server();
    let with = |sddl: &str| {
        daily().replace("<RegistrationInfo>", "").replace(
            "<Triggers>",
            &format!("<RegistrationInfo><SecurityDescriptor>{sddl}</SecurityDescriptor></RegistrationInfo><Triggers>"),
        )
    };
    let xml = |server: &mut Server, path: &str| {
        server.ask(&RetrieveTask { path }, |answer| answer.xml.unwrap().chars().map(Result::unwrap).collect::<String>())
    };
    let update = |server: &mut Server, xml: &str| {
        let request = RegisterTask { path: Some("Secret"), xml, creation: Creation::Update, ..registration() };
        assert_eq!(server.status(&request), Status::S_OK);
    };
    assert!(with("D:P").contains("D:P"));
    update(&mut server, &with("D:P(A;;FA;;;WD)"));
    assert!(!xml(&mut server, "Secret").contains("SecurityDescriptor"));
    let sddl = "D:P(A;;FA;;;BA)";
    assert_eq!(server.status(&SetSecurity { path: "Secret", sddl, principal_reads: false }), Status::S_OK);
    update(&mut server, &with("D:P(A;;FA;;;WD)"));
    assert!(xml(&mut server, "Secret").contains(&format!("<SecurityDescriptor>{sddl}</SecurityDescriptor>")));
    let request = RegisterTask { path: Some("New"), xml: &with(sddl), ..registration() };
    assert_eq!(server.status(&request), Status::S_OK);
    assert!(xml(&mut server, "New").contains(&format!("<SecurityDescriptor>{sddl}</SecurityDescriptor>")));
}

/// Session 7 is ann's, session 8 the administrator's.
struct TwoSessions;

impl Sessions for TwoSessions {
    fn members(&self, _: &Sid, _: &mut dyn FnMut(SessionId) -> bool) {}

    fn user(&self, session: SessionId) -> Option<Sid> {
        match session.0.get() {
            7 => Sid::parse(ANN),
            8 => Sid::parse("S-1-5-21-1-2-3-1000"),
            _ => None,
        }
    }
}

#[test]
fn a_run_is_for_whom_it_was_asked_for_who_may_ask() {
    const SELF: u32 = 1;
    const SESSION: u32 = 4;
    const BY_SID: u32 = 8;
    let (invalid, nobody) = (Status::E_INVALIDARG, Status::E_NONE_MAPPED);
    let no_session = Status::E_NO_SUCH_LOGON_SESSION;
    let admin = "S-1-5-21-1-2-3-1000";
    let system = "S-1-5-18";
    for (who, flags, session, user, expected) in [
        ("ann", 0, 0, None, Ok(None)),
        ("ann", SELF, 0, None, Ok(Some(ANN))),
        ("ann", SELF, 0, Some(system), Ok(Some(ANN))),
        ("ann", 0, 0, Some("ann"), Ok(Some(ANN))),
        ("ann", 0, 0, Some("admin"), Err(invalid)),
        ("ann", BY_SID, 0, Some(system), Err(invalid)),
        ("ann", 0, 0, Some("nobody at all"), Err(invalid)),
        ("ann", SESSION, 7, None, Ok(Some(ANN))),
        ("ann", SESSION, 8, None, Err(invalid)),
        ("ann", SESSION, 9, None, Err(invalid)),
        ("ann", SESSION | SELF, 7, None, Ok(Some(ANN))),
        ("ann", SESSION | SELF, 8, None, Err(invalid)),
        ("ann", SESSION | BY_SID, 7, Some(system), Err(invalid)),
        ("ann", SESSION | BY_SID, 7, Some(admin), Err(invalid)),
        ("admin", SELF, 0, None, Ok(Some(admin))),
        ("admin", BY_SID, 0, Some(system), Ok(Some(system))),
        ("admin", 0, 0, Some("ann"), Ok(Some(ANN))),
        ("admin", 0, 0, Some("nobody at all"), Err(nobody)),
        ("admin", 0, 0, Some("Users"), Err(nobody)),
        ("admin", SESSION, 7, None, Ok(Some(ANN))),
        ("admin", SESSION, 9, None, Err(no_session)),
        ("admin", SESSION | BY_SID, 7, Some(system), Ok(Some(system))),
    ] {
        let what = format!("{who} {flags} {session} {user:?}");
        let mut server = server();
        server.sessions = &TwoSessions;
        let mut stub = vec![0; 1024];
        let mut out = mainspring::ndr::Encoder::new(&mut stub);
        out.string("Run").unwrap();
        out.u32(0).unwrap();
        out.null().unwrap();
        out.u32(flags).unwrap();
        out.u32(session).unwrap();
        out.unique_string(user).unwrap();
        let length = out.position();
        let answer = server.call_as(Some(who), 12, &stub[..length], Order::Little).unwrap();
        let status = Status(u32::from_le_bytes(*answer.last_chunk().unwrap()));
        let found = if status == Status::S_OK {
            let instance = Guid::from_bytes(*answer.first_chunk().unwrap());
            let run_as = server.with(|engine, cx| engine.run_as(cx, instance)).unwrap();
            Ok(match run_as.whom {
                Whom::Other(user) => Some(user.sid(&Sid::parse(ANN).unwrap()).unwrap().to_string()),
                _ => None,
            })
        } else {
            Err(status)
        };
        assert_eq!(found, expected.map(|user| user.map(str::to_owned)), "{what}");
    }
}

/// Whoever may change a task does not get the rights of who asked for a run of it.
#[test]
fn a_run_for_somebody_else_runs_what_was_there_when_it_was_asked_for() {
    let mut server = server();
    let mine = principal(&format!("<UserId>{ANN}</UserId>"));
    let queue = mine.replace(
        "<Principals>",
        "<Settings><MultipleInstancesPolicy>Queue</MultipleInstancesPolicy></Settings><Principals>",
    );
    assert_eq!(register(&mut server, r"Hers\Task", &queue, None), Status::S_OK);
    let path = mainspring::task::Path::parse(r"Hers\Task").unwrap();
    let Some(Entry::Task(task)) = server.engine.find(&path) else { panic!() };
    let first = server.with(|engine, cx| engine.run(cx, task, &mut core::iter::empty(), None)).unwrap();
    let system = OtherUser::new(&Sid::LOCAL_SYSTEM);
    let second = server.with(|engine, cx| engine.run(cx, task, &mut core::iter::empty(), system)).unwrap();
    server.start_all();
    assert_eq!(register(&mut server, r"Hers\Task", &queue.replace("/bin/run", "/bin/evil"), None), Status::S_OK);
    server.with(|engine, cx| engine.exited(cx, first, Status::S_OK));
    let started = server.start_all();
    assert!(!started.contains(&second), "{started:?}");
    assert!(server.with(|engine, cx| engine.run_as(cx, second)).is_err());
}

#[test]
fn somebody_with_rights_on_one_folder_works_there_and_nowhere_else() {
    let mut server = server();
    let mine = principal(&format!("<UserId>{ANN}</UserId>"));
    assert_eq!(register(&mut server, r"Hers\Task", &mine, None), Status::S_OK);
    assert_eq!(register(&mut server, r"Hers\Sub\Task", &mine, None), Status::S_OK);
    assert_eq!(ann(&mut server, &CreateFolder { path: r"Hers\Another", sddl: None }), Status::S_OK);
    for path in [r"Hers\Task", r"Hers\Sub\Task"] {
        assert_eq!(ann(&mut server, &RetrieveTask { path }), Status::S_OK);
        assert_eq!(ann(&mut server, &Run { path, arguments: &[], ignore_constraints: false }), Status::S_OK);
        assert_eq!(ann(&mut server, &Delete { path }), Status::S_OK);
    }
    assert_eq!(ann(&mut server, &Delete { path: r"Hers\Sub" }), Status::S_OK);
    for path in ["Task", r"Closed\Other", r"New\Task"] {
        assert_eq!(register(&mut server, path, &mine, None), DENIED, "{path}");
    }
    assert_eq!(ann(&mut server, &CreateFolder { path: "New", sddl: None }), DENIED);
    assert_eq!(ann(&mut server, &Delete { path: r"\" }), DENIED);
    // What only administrators may register.
    let with = |triggers: &str| mine.replace("<Principals>", &format!("<Triggers>{triggers}</Triggers><Principals>"));
    for triggers in [
        "<BootTrigger />",
        "<LogonTrigger />",
        "<LogonTrigger><UserId>admin</UserId></LogonTrigger>",
        "<SessionStateChangeTrigger><StateChange>SessionLock</StateChange></SessionStateChangeTrigger>",
    ] {
        let with = with(triggers);
        assert_eq!(register(&mut server, r"Hers\Trigger", &with, None), DENIED, "{triggers}");
    }
    let own = with(&format!("<LogonTrigger><UserId>{ANN}</UserId></LogonTrigger>"));
    assert_eq!(register(&mut server, r"Hers\Own", &own, None), Status::S_OK);
    for who in ["<UserId>S-1-5-18</UserId>", "<GroupId>Users</GroupId>", "<UserId>admin</UserId>"] {
        assert_eq!(register(&mut server, r"Hers\Principal", &principal(who), None), DENIED, "{who}");
    }
    for (sddl, expected) in [
        ("D:P", Status::S_OK),
        ("O:BAD:P", Status::E_INVALID_OWNER),
        ("S:(AU;SAFA;FA;;;WD)", DENIED),
        ("D:(A;;FA)", Status::E_INVALIDARG),
    ] {
        let path = format!(r"Hers\{}", sddl.len());
        assert_eq!(register(&mut server, &path, &mine, Some(sddl)), expected, "{sddl}");
    }
}
