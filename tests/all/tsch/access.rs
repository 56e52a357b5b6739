//! Who may do what, without a network: the same methods for an administrator and for somebody who is none. The whole table of
//! methods, callers and codes is run by a real client (tests/clients/access_table.py).

use mainspring::{
    bytes::Order,
    security::SecurityInformation,
    status::Status,
    tsch::client::{
        CreateFolder, Creation, Delete, EnableTask, EnumFolders, EnumTasks, GetLastRunInfo, GetNumberOfMissedRuns,
        GetSecurity, GetTaskInfo, RegisterTask, Request, RetrieveTask, Run, Stop,
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
