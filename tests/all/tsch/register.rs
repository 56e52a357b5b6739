//! SchRpcRegisterTask: what is registered, and what is refused.

use mainspring::{
    bytes::Order,
    ndr::Encoder,
    ports::Accounts,
    sid::Sid,
    status::Status,
    tsch::client::{
        CreateFolder, Creation, Credential, EnumFolders, GetTaskInfo, LogonType, RegisterTask, Request, RetrieveTask,
    },
};

use super::{Server, daily, principal, registration, xml};

/// A registration whose flags, logon type and credentials may be nonsense.
struct Raw<'r> {
    path: Option<&'r str>,
    xml: &'r str,
    flags: u32,
    logon_type: u32,
    count: u32,
    /// User, password, flags.
    credential: Option<(Option<&'r str>, Option<&'r str>, u32)>,
}

impl Raw<'_> {
    fn send(&self, server: &mut Server) -> (Status, Option<String>) {
        let mut stub = vec![0; 65_536];
        let mut out = Encoder::new(&mut stub);
        out.unique_string(self.path).unwrap();
        out.string(self.xml).unwrap();
        out.u32(self.flags).unwrap();
        out.null().unwrap();
        out.u32(self.logon_type).unwrap();
        out.u32(self.count).unwrap();
        out.pointer_to(self.credential).unwrap();
        if let Some((user, password, flags)) = self.credential {
            out.u32(self.count).unwrap();
            for _ in 0..self.count {
                out.pointer_to(user).unwrap();
                out.pointer_to(password).unwrap();
                out.u32(flags).unwrap();
            }
            for text in [user, password].iter().cycle().take(2 * self.count as usize).flatten() {
                out.string(text).unwrap();
            }
        }
        let length = out.position();
        let answer = server.call(1, &stub[..length]).unwrap();
        let answer = RegisterTask::read(&answer, Order::Little).unwrap();
        (answer.status, answer.path.map(|path| path.to_string::<800>().unwrap().to_string()))
    }
}

const RAW: Raw<'_> = Raw { path: Some(r"\New"), xml: "", flags: 2, logon_type: 0, count: 0, credential: None };

fn exists(server: &mut Server, path: &str) -> bool {
    server.status(&GetTaskInfo { path, state: false }) == Status::S_OK
}

#[test]
fn flags_decide_what_may_be_registered() {
    const OK: Status = Status::S_OK;
    const EXISTS: Status = Status::E_ALREADY_EXISTS;
    const MISSING: Status = Status::E_FILE_NOT_FOUND;
    const INVALID: Status = Status::E_INVALIDARG;
    let xml = daily();
    // Flags, and the answer for a task that does not exist and for one that does.
    for (flags, missing, existing) in [
        (0x00, OK, EXISTS),
        (0x02, OK, EXISTS),
        (0x04, MISSING, OK),
        (0x06, OK, OK),
        (0x08, INVALID, INVALID),
        (0x10, INVALID, INVALID),
        (0x20, INVALID, INVALID),
        (0x0A, OK, EXISTS),
        (0x3E, OK, OK),
        (0x2C, MISSING, OK),
        (0x40, INVALID, INVALID),
        (0x8000_0006, INVALID, INVALID),
    ] {
        let mut server = Server::furnished();
        let sent = Raw { xml: &xml, flags, ..RAW }.send(&mut server);
        assert_eq!(sent, (missing, (missing == OK).then(|| r"\New".into())), "{flags:#x}");
        assert_eq!(exists(&mut server, r"\New"), missing == OK, "{flags:#x}");
        let sent = Raw { xml: &xml, flags, path: Some(r"folder\TASK"), ..RAW }.send(&mut server);
        // The actual path is written as it was first registered.
        assert_eq!(sent, (existing, (existing == OK).then(|| r"\Folder\Task".into())), "{flags:#x}");
    }
}

#[test]
fn validation_registers_nothing() {
    let mut server = Server::furnished();
    let xml = daily();
    for (flags, path) in [(1, Some(r"\New")), (3, Some(r"\Folder\Task")), (0x3F, None)] {
        assert_eq!(Raw { xml: &xml, flags, path, ..RAW }.send(&mut server), (Status::S_OK, None));
    }
    assert!(!exists(&mut server, r"\New"));
    let bad = Raw { xml: "<Task", flags: 1, ..RAW }.send(&mut server);
    assert_eq!(bad, (Status::SCHED_E_MALFORMEDXML, None));
}

#[test]
fn paths() {
    let mut server = Server::furnished();
    let plain = daily();
    for (path, status) in [
        ("", Status::E_INVALIDARG),
        (r"\", Status::E_INVALIDARG),
        (r"\a:b", Status::E_INVALID_NAME),
        (r"\a\..\b", Status::E_INVALID_NAME),
        (r"\Folder", Status::E_ALREADY_EXISTS),
    ] {
        let sent = Raw { xml: &plain, path: Some(path), flags: 6, ..RAW }.send(&mut server);
        assert_eq!(sent, (status, None), "{path}");
    }
    // Folders on the way are made, and a leading backslash is added.
    let sent = Raw { xml: &plain, path: Some(r"One\Two\Three"), ..RAW }.send(&mut server);
    assert_eq!(sent, (Status::S_OK, Some(r"\One\Two\Three".into())));
    let folders = server.ask(&EnumFolders { path: r"\One", start: 0, requested: 0 }, |answer| answer.count);
    assert_eq!(folders, 1);
    assert_eq!(server.status(&CreateFolder { path: "One", sddl: None }), Status::E_ALREADY_EXISTS);
}

#[test]
fn without_a_path_the_definition_names_it_or_a_guid_does() {
    let mut server = Server::new();
    let named = daily().replace("<Settings>", r"<RegistrationInfo><URI>\Named\Here</URI></RegistrationInfo><Settings>");
    let sent = Raw { xml: &named, path: None, ..RAW }.send(&mut server);
    assert_eq!(sent, (Status::S_OK, Some(r"\Named\Here".into())));
    // A path that is given is used instead.
    assert_eq!(Raw { xml: &named, ..RAW }.send(&mut server).1.unwrap(), r"\New");

    let (status, path) = Raw { xml: &daily(), path: None, ..RAW }.send(&mut server);
    let path = path.unwrap();
    assert_eq!((status, path.len()), (Status::S_OK, r"\{00000000-0000-0000-0000-000000000000}".len()));
    assert!(path.starts_with(r"\{") && path.ends_with('}'));
    assert!(exists(&mut server, &path));
}

#[test]
fn what_is_wrong_with_a_definition_is_told_with_its_place() {
    let mut server = Server::new();
    let bad = xml("", "<Priority>99</Priority>");
    let request = RegisterTask { path: Some(r"\Bad"), xml: &bad, ..registration() };
    let (error, status) = server.ask(&request, |answer| {
        let error = answer.error.unwrap();
        assert_eq!(answer.path, None);
        ((error.line, error.column, format!("{:?}:{:?}", error.node, error.value)), answer.status)
    });
    assert_eq!(status, Status::SCHED_E_INVALIDVALUE);
    let column = bad.find("99").unwrap() as u32 + 1;
    assert_eq!(error, (1, column, r#""Priority":"99""#.into()));
    assert!(!exists(&mut server, r"\Bad"));
}

#[test]
fn numbers_out_of_range() {
    let mut server = Server::new();
    let xml = daily();
    let credential = Some((Some("S-1-5-18"), None, 0));
    for raw in [
        Raw { logon_type: 7, ..RAW },
        Raw { logon_type: u32::MAX, ..RAW },
        Raw { count: 2, credential, ..RAW },
        Raw { count: 1, credential: None, ..RAW },
        Raw { count: 1, credential: Some((Some("S-1-5-18"), None, 2)), ..RAW },
    ] {
        assert_eq!(Raw { xml: &xml, ..raw }.send(&mut server), (Status::E_INVALIDARG, None));
    }
    // An empty array is as good as none.
    assert_eq!(Raw { xml: &xml, credential, ..RAW }.send(&mut server).0, Status::S_OK);
}

#[test]
fn services_need_no_password() {
    for user in [
        "S-1-5-18",
        "System",
        r"NT AUTHORITY\SYSTEM",
        "localsystem",
        "LocalService",
        r"nt authority\network service",
        "S-1-5-20",
    ] {
        for password in [None, Some("")] {
            for logon_type in [0, 1, 5] {
                let mut server = Server::new();
                let raw =
                    Raw { xml: &daily(), logon_type, count: 1, credential: Some((Some(user), password, 0)), ..RAW };
                assert_eq!(raw.send(&mut server).0, Status::S_OK, "{user} {logon_type}");
                assert!(server.people.failures.is_empty());
                let sid = server.ask(&RetrieveTask { path: r"\New" }, |answer| {
                    let xml = answer.xml.unwrap().to_string::<8192>().unwrap().to_string();
                    xml.split("<UserId>").nth(1).unwrap().split('<').next().unwrap().to_owned()
                });
                assert!(["S-1-5-18", "S-1-5-19", "S-1-5-20"].contains(&sid.as_str()), "{sid}");
            }
        }
    }
}

#[test]
fn credentials_are_checked() {
    const FAILURE: Status = Status::E_LOGON_FAILURE;
    const UNSUPPORTED: Status = Status::SCHED_E_UNSUPPORTED_ACCOUNT_OPTION;
    const DENIED: Status = Status::E_ACCESSDENIED;
    const OK: Status = Status::S_OK;
    // User, password, logon type; the answer, and whether a failure was counted.
    for (user, password, logon_type, status, counted) in [
        ("ann", Some("pässword"), LogonType::Password, UNSUPPORTED, false),
        ("ANN", Some("pässword"), LogonType::InteractiveTokenOrPassword, UNSUPPORTED, false),
        (r"HOST\ann", Some("pässword"), LogonType::S4u, OK, false),
        (r".\ann", Some("pässword"), LogonType::InteractiveToken, OK, false),
        ("ann@host", Some("pässword"), LogonType::None, OK, false),
        ("S-1-5-21-1-2-3-1001", Some("pässword"), LogonType::None, OK, false),
        ("ann", Some("password"), LogonType::S4u, FAILURE, true),
        ("ann", Some("password"), LogonType::Password, FAILURE, true),
        ("ann", None, LogonType::Password, FAILURE, true),
        ("ann", Some(""), LogonType::Password, FAILURE, true),
        ("nobody", Some("pässword"), LogonType::Password, FAILURE, true),
        ("nobody", None, LogonType::None, FAILURE, false),
        // Nobody asked for a password.
        ("ann", None, LogonType::InteractiveToken, OK, false),
        ("ann", Some(""), LogonType::None, OK, false),
        ("ann", None, LogonType::InteractiveTokenOrPassword, OK, false),
        // Somebody else without a session needs one, oneself does not.
        ("ann", None, LogonType::S4u, DENIED, false),
        ("admin", None, LogonType::S4u, OK, false),
        ("Administrators", None, LogonType::Group, OK, false),
        (r"BUILTIN\Users", None, LogonType::Group, OK, false),
    ] {
        let mut server = Server::new();
        let xml = daily();
        let request = RegisterTask {
            path: Some(r"\New"),
            xml: &xml,
            logon_type,
            credential: Some(Credential { user, password }),
            ..registration()
        };
        let what = format!("{user} {password:?} {logon_type:?}");
        assert_eq!(server.status(&request), status, "{what}");
        assert_eq!(server.people.failures, vec![user; usize::from(counted)], "{what}");
        assert_eq!(exists(&mut server, r"\New"), status == OK, "{what}");
        assert!(
            server
                .records
                .records
                .values()
                .all(|record| !record.windows(8).any(|part| part == b"pass\xc3\xa4" || part == "pässword".as_bytes()))
        );
    }
}

#[test]
fn principals_of_the_definition() {
    for (inner, status) in [
        ("<UserId>ann</UserId>", Status::S_OK),
        ("<UserId>ann</UserId><LogonType>InteractiveToken</LogonType>", Status::S_OK),
        ("<UserId>ann</UserId><LogonType>InteractiveTokenOrPassword</LogonType>", Status::S_OK),
        ("<UserId>ann</UserId><LogonType>Password</LogonType>", Status::E_ACCESSDENIED),
        ("<UserId>admin</UserId><LogonType>Password</LogonType>", Status::E_ACCESSDENIED),
        ("<UserId>S-1-5-18</UserId><LogonType>Password</LogonType>", Status::S_OK),
        ("<UserId>ann</UserId><LogonType>S4U</LogonType>", Status::E_ACCESSDENIED),
        ("<UserId>admin</UserId><LogonType>S4U</LogonType>", Status::S_OK),
        ("<GroupId>S-1-5-32-545</GroupId>", Status::S_OK),
        ("<GroupId>Users</GroupId>", Status::S_OK),
        ("<GroupId>Users</GroupId><LogonType>S4U</LogonType>", Status::E_ACCESSDENIED),
        ("<UserId>nobody</UserId>", Status::E_NONE_MAPPED),
    ] {
        let mut server = Server::new();
        let sent = Raw { xml: &principal(inner), ..RAW }.send(&mut server);
        assert_eq!(sent.0, status, "{inner}");
    }
}

#[test]
fn every_principal_of_the_definition_is_judged() {
    let second = r#"<Principal id="Q"><UserId>ann</UserId><LogonType>Password</LogonType></Principal></Principals>"#;
    let both = principal("<UserId>S-1-5-18</UserId>").replace("</Principals>", second);
    for xml in [both.clone(), both.replace(r#"Context="P""#, r#"Context="Q""#)] {
        let mut server = Server::new();
        let sent = Raw { xml: &xml, ..RAW }.send(&mut server);
        assert_eq!(sent.0, Status::E_ACCESSDENIED);
    }
}

/// Of several principals the one counts that the actions name. Of a group the host is not asked: it is for whoever is logged on.
#[test]
fn whom_the_host_cannot_run_as_is_refused() {
    let unsupported = Status::SCHED_E_UNSUPPORTED_ACCOUNT_OPTION;
    let second = r#"<Principal id="Q"><UserId>admin</UserId></Principal></Principals>"#;
    let both = principal("<UserId>ann</UserId>").replace("</Principals>", second);
    let ann = || Server::new().people.by_name("ann").unwrap().sid;
    for (xml, stranger, status) in [
        (principal("<UserId>ann</UserId>"), ann(), unsupported),
        (principal("<UserId>ann</UserId>"), Sid::LOCAL_SYSTEM, Status::S_OK),
        (principal("<UserId>S-1-5-18</UserId>"), Sid::LOCAL_SYSTEM, unsupported),
        (both.clone(), ann(), unsupported),
        (both.replace(r#"Context="P""#, r#"Context="Q""#), ann(), Status::S_OK),
        (principal("<GroupId>S-1-5-32-545</GroupId>"), Sid::parse("S-1-5-32-545").unwrap(), Status::S_OK),
    ] {
        let mut server = Server::new();
        server.people.strangers.push(stranger);
        let sent = Raw { xml: &xml, ..RAW }.send(&mut server);
        assert_eq!(sent.0, status, "{stranger} {xml}");
        assert_eq!(exists(&mut server, r"\New"), status == Status::S_OK, "{stranger}");
    }
}

#[test]
fn a_default_credential_counts_only_if_nobody_is_named() {
    for (inner, flags, expected) in [
        ("<RunLevel>LeastPrivilege</RunLevel>", 1, "S-1-5-18"),
        ("<UserId>ann</UserId>", 1, "S-1-5-21-1-2-3-1001"),
        ("<UserId>ann</UserId>", 0, "S-1-5-18"),
    ] {
        let mut server = Server::new();
        let credential = Some((Some("System"), None, flags));
        let sent = Raw { xml: &principal(inner), count: 1, credential, ..RAW }.send(&mut server);
        assert_eq!(sent.0, Status::S_OK);
        server.ask(&RetrieveTask { path: r"\New" }, |answer| {
            let xml = answer.xml.unwrap().to_string::<8192>().unwrap();
            assert!(xml.contains(&format!("<UserId>{expected}</UserId>")), "{inner} {flags}: {xml}");
        });
    }
}

#[test]
fn the_group_of_a_credential_becomes_the_principal() {
    for inner in ["<RunLevel>LeastPrivilege</RunLevel>", "<UserId>ann</UserId>", "<GroupId>Users</GroupId>"] {
        for xml in [principal(inner), daily()] {
            let mut server = Server::new();
            let credential = Some((Some(r"BUILTIN\Administrators"), None, 0));
            let sent = Raw { xml: &xml, logon_type: 4, count: 1, credential, ..RAW }.send(&mut server);
            assert_eq!(sent.0, Status::S_OK);
            server.ask(&RetrieveTask { path: r"\New" }, |answer| {
                let xml = answer.xml.unwrap().to_string::<8192>().unwrap();
                assert!(xml.contains("<GroupId>S-1-5-32-544</GroupId>") && !xml.contains("<UserId>"), "{inner}: {xml}");
            });
        }
    }
}

#[test]
fn the_logon_type_becomes_the_principals() {
    let mut server = Server::new();
    let xml = daily();
    let request = RegisterTask { path: Some(r"\New"), xml: &xml, logon_type: LogonType::S4u, ..registration() };
    assert_eq!(server.status(&request), Status::S_OK);
    server.ask(&RetrieveTask { path: r"\New" }, |answer| {
        assert!(answer.xml.unwrap().to_string::<8192>().unwrap().contains("<LogonType>S4U</LogonType>"));
    });
}

#[test]
fn the_logon_type_of_a_service_or_a_group_is_for_those_alone() {
    let mut server = Server::new();
    let xml = daily();
    for logon_type in [LogonType::ServiceAccount, LogonType::Group] {
        let request = RegisterTask { path: Some(r"\New"), xml: &xml, logon_type, ..registration() };
        assert_eq!(server.status(&request), Status::E_INVALIDARG);
        assert!(!exists(&mut server, r"\New"));
    }
}

#[test]
fn what_could_not_be_retrieved_is_not_registered() {
    let mut server = Server::new();
    // Each of the lines becomes longer than it was written.
    let lines = "<a/>".repeat(200);
    let deep =
        format!("<WnfStateChangeTrigger>{}{lines}{}</WnfStateChangeTrigger>", "<b>".repeat(30), "</b>".repeat(30));
    let xml = xml(&deep, "");
    server.reply = 8192;
    let sent = Raw { xml: &xml, ..RAW }.send(&mut server);
    assert_eq!(sent, (Status::E_OUTOFMEMORY, None));
    assert!(!exists(&mut server, r"\New"));
    server.reply = 65_536;
    assert_eq!(Raw { xml: &xml, ..RAW }.send(&mut server).0, Status::S_OK);
    assert_eq!(server.ask(&RetrieveTask { path: r"\New" }, |answer| answer.status), Status::S_OK);
}

#[test]
fn disabled_from_the_start() {
    let mut server = Server::new();
    let xml = daily();
    let request = RegisterTask { path: Some(r"\New"), xml: &xml, disable: true, ..registration() };
    assert_eq!(server.status(&request), Status::S_OK);
    let state = server.ask(&GetTaskInfo { path: "New", state: true }, |info| (info.enabled, info.state));
    assert_eq!(state, (false, 1));
}

#[test]
fn a_security_descriptor_is_stored() {
    let mut server = Server::new();
    let xml = daily();
    let sddl = "D:P(A;;FA;;;BA)(A;;FR;;;SY)";
    let request = RegisterTask { path: Some(r"\New"), xml: &xml, sddl: Some(sddl), ..registration() };
    assert_eq!(server.status(&request), Status::S_OK);
    // An update without one leaves it.
    let request = RegisterTask { path: Some(r"\New"), xml: &xml, creation: Creation::Update, ..registration() };
    assert_eq!(server.status(&request), Status::S_OK);
    server.ask(&RetrieveTask { path: r"\New" }, |answer| {
        let xml = answer.xml.unwrap().to_string::<8192>().unwrap();
        assert!(xml.contains(&format!("<SecurityDescriptor>{sddl}</SecurityDescriptor>")), "{xml}");
    });
}

#[test]
fn a_store_that_is_full_registers_nothing() {
    let mut server = Server::furnished();
    server.records.full = true;
    assert_eq!(Raw { xml: &daily(), ..RAW }.send(&mut server), (Status::E_DISK_FULL, None));
    assert_eq!(server.status(&CreateFolder { path: "F", sddl: None }), Status::E_DISK_FULL);
    assert!(!exists(&mut server, r"\New"));
    server.records.full = false;
    assert_eq!(Raw { xml: &daily(), ..RAW }.send(&mut server).0, Status::S_OK);
}
