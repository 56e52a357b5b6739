//! A credential is kept from before the first task that needs it until the last one is gone.

use mainspring::{
    engine::Entry,
    ports::NoSecrets,
    status::Status,
    store::{DEFINITION, ENTRY},
    task::Path,
    time::Monotonic,
    tsch::client::{self, Creation, LogonType, RegisterTask},
};
use mainspring_tests::server::{Records, account, registration};

use super::{OF_ANN, OF_OTHERS, TASK, Task, delete, kept, restart, server, sid, whose};

const BEN: Task<'_> = Task { path: r"\b", user: "ben", password: Some(OF_OTHERS), ..TASK };

#[test]
fn what_is_kept_is_sealed_and_not_the_password() {
    let mut server = server();
    assert_eq!(TASK.register(&mut server), Status::S_OK);
    let (ann, hash) = (sid(&mut server, "ann"), server.people.accounts[1].nt_hash);
    let kept = kept(&server);
    assert_eq!(kept.keys().collect::<Vec<_>>(), [&ann]);
    let mut secret = [0; 16];
    server.secrets.open(&ann, &kept[&ann].1, &mut secret).unwrap();
    assert_eq!(secret, hash);
    let utf16: Vec<u8> = OF_ANN.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (key, record) in &server.records.records {
        for clear in [OF_ANN.as_bytes(), &utf16, &hash[..8], &hash[8..]] {
            assert!(!record.windows(clear.len()).any(|part| part == clear), "{key:?} has {clear:02x?}");
        }
    }
}

#[test]
fn it_goes_with_the_last_task_that_needs_it() {
    for restarts in [false, true] {
        let mut server = server();
        let perhaps_restart = |server: &mut _| {
            if restarts {
                assert_eq!(restart(server), 0);
            }
        };
        for task in [TASK, Task { path: r"\f\a", ..TASK }, BEN] {
            assert_eq!(task.register(&mut server), Status::S_OK);
        }
        // Another task of the account that has nothing to do with it.
        let token = Task { path: r"\token", logon: LogonType::InteractiveToken, ..TASK };
        assert_eq!(token.register(&mut server), Status::S_OK);
        perhaps_restart(&mut server);
        assert_eq!(whose(&server), ["ann", "ben"]);
        delete(&mut server, r"\a");
        delete(&mut server, r"\token");
        perhaps_restart(&mut server);
        assert_eq!(whose(&server), ["ann", "ben"]);
        delete(&mut server, r"\f\a");
        assert_eq!(whose(&server), ["ben"]);
        perhaps_restart(&mut server);
        delete(&mut server, r"\b");
        assert_eq!(whose(&server), [""; 0]);
    }
}

#[test]
fn it_goes_when_its_last_task_is_another_s() {
    for (user, logon, password, left) in [
        ("ann", LogonType::S4u, Some(OF_ANN), &[][..]),
        ("ann", LogonType::InteractiveToken, None, &[]),
        ("ann", LogonType::InteractiveTokenOrPassword, Some(OF_ANN), &["ann"]),
        ("ann", LogonType::Password, Some(OF_ANN), &["ann"]),
        ("ben", LogonType::Password, Some(OF_OTHERS), &["ben"]),
        ("System", LogonType::Password, Some(""), &[]),
    ] {
        let mut server = server();
        assert_eq!(TASK.register(&mut server), Status::S_OK);
        assert_eq!(Task { user, logon, password, ..TASK }.register(&mut server), Status::S_OK, "{user} {logon:?}");
        assert_eq!(whose(&server), left, "{user} {logon:?}");
        delete(&mut server, r"\a");
        assert_eq!(whose(&server), [""; 0]);
    }
}

#[test]
fn it_goes_with_a_task_that_expires() {
    let mut server = server();
    // The first is due in an hour by the server's zone and expires with it; the other stays.
    let xml = r#"<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
        <Triggers><TimeTrigger><StartBoundary>2030-01-01T02:00:00</StartBoundary>
        <EndBoundary>2030-01-01T02:00:01</EndBoundary></TimeTrigger></Triggers>
        <Settings><DeleteExpiredTaskAfter>PT0S</DeleteExpiredTaskAfter></Settings>
        <Actions><Exec><Command>/bin/run</Command></Exec></Actions></Task>"#;
    let credential = Some(client::Credential { user: "ann", password: Some(OF_ANN) });
    let request =
        RegisterTask { path: Some(r"\once"), xml, logon_type: LogonType::Password, credential, ..registration() };
    assert_eq!(server.status(&request), Status::S_OK);
    assert_eq!(BEN.register(&mut server), Status::S_OK);
    assert_eq!(whose(&server), ["ann", "ben"]);
    for hours in 1..4 {
        let Monotonic(at) = server.now.monotonic;
        server.now.monotonic = Monotonic(at + 3_600_000);
        server.now.wall = server.now.wall.map(|wall| wall.plus(3_600_000));
        server.with(|engine, cx| engine.tick(cx));
        for instance in server.start_all() {
            assert_eq!(hours, 1);
            server.with(|engine, cx| engine.exited(cx, instance, Status::S_OK));
        }
    }
    let once = Path::parse(r"\once").unwrap();
    assert_eq!(server.with(|engine, _| engine.find(&once)), None);
    assert_eq!(whose(&server), ["ben"]);
}

#[test]
fn the_password_is_shown_each_time() {
    let mut server = server();
    let without = Task { password: None, ..TASK };
    assert_eq!(without.register(&mut server), Status::E_ACCESSDENIED);
    assert_eq!(Task { password: Some("wrong"), ..TASK }.register(&mut server), Status::E_LOGON_FAILURE);
    assert_eq!((whose(&server).len(), server.with(|engine, _| engine.find(&Path::parse("a").unwrap()))), (0, None));

    assert_eq!(TASK.register(&mut server), Status::S_OK);
    let before = server.records.records.clone();
    // That ann's is kept shows nothing of who registers, be it an update or another task.
    for path in [r"\a", r"\other"] {
        assert_eq!(Task { path, ..without }.register(&mut server), Status::E_ACCESSDENIED);
        assert_eq!(Task { path, password: Some("wrong"), ..TASK }.register(&mut server), Status::E_LOGON_FAILURE);
        // The password of somebody else, given in case that the definition names nobody, is not hers.
        let xml = mainspring_tests::server::principal("<UserId>ann</UserId><LogonType>Password</LogonType>");
        let credential = Some(client::Credential { user: "ben", password: Some(OF_OTHERS) });
        let mut stub = vec![0; 4096];
        let request = RegisterTask {
            path: Some(path),
            xml: &xml,
            creation: Creation::CreateOrUpdate,
            logon_type: LogonType::None,
            credential,
            ..registration()
        };
        let length = client::Request::write(&request, &mut stub).unwrap();
        // The flags are the last field before what the pointers point to: the credential's own.
        let at = stub[..length].windows(8).rposition(|part| part == [4, 0, 0, 0, 0, 0, 0, 0]).unwrap();
        let flags = at - 4;
        stub[flags] = 1;
        let answer = server.call(1, &stub[..length]).unwrap();
        assert_eq!(answer[answer.len() - 4..], Status::E_ACCESSDENIED.0.to_le_bytes(), "{path}");
    }
    assert_eq!(server.records.records, before);
}

#[test]
fn it_is_put_again_only_if_it_is_another() {
    let mut server = server();
    assert_eq!(TASK.register(&mut server), Status::S_OK);
    let ann = sid(&mut server, "ann");
    let first = kept(&server)[&ann].clone();
    // Another key opens nothing, so that it is sealed anew.
    for (key, same) in [(0x5A, true), (0xA5, false)] {
        server.secrets = Box::new(super::Keyed(key));
        assert_eq!(Task { path: r"\second", ..TASK }.register(&mut server), Status::S_OK);
        assert_eq!(kept(&server)[&ann] == first, same);
        assert_eq!(kept(&server)[&ann].0, first.0);
    }
    let other = account("ben", 1, false).nt_hash;
    server.people.accounts[1].nt_hash = other;
    assert_eq!(Task { password: Some(OF_OTHERS), ..TASK }.register(&mut server), Status::S_OK);
    let mut secret = [0; 16];
    server.secrets.open(&ann, &kept(&server)[&ann].1, &mut secret).unwrap();
    assert_eq!(secret, other);
}

#[test]
fn without_a_port_that_seals_it_is_refused() {
    let mut server = server();
    server.secrets = Box::new(NoSecrets);
    for logon in [LogonType::Password, LogonType::InteractiveTokenOrPassword] {
        let task = Task { logon, ..TASK };
        assert_eq!(task.register(&mut server), Status::SCHED_E_UNSUPPORTED_ACCOUNT_OPTION);
        assert_eq!(server.with(|engine, _| engine.find(&Path::parse("a").unwrap())), None);
    }
    // Nothing would be kept of these.
    for (logon, password) in [(LogonType::InteractiveTokenOrPassword, None), (LogonType::S4u, Some(OF_ANN))] {
        assert_eq!(Task { logon, password, ..TASK }.register(&mut server), Status::S_OK);
    }
    assert_eq!(kept(&server).len(), 0);
}

#[test]
fn one_that_may_be_without_a_password_is_kept_for_if_there_is_one() {
    let mut server = server();
    let either = Task { path: r"\either", logon: LogonType::InteractiveTokenOrPassword, password: None, ..TASK };
    assert_eq!(either.register(&mut server), Status::S_OK);
    assert_eq!(whose(&server), [""; 0]);
    // It uses what another has kept, and so holds it; whichever of the two goes first.
    for first in [r"\a", r"\either"] {
        assert_eq!(TASK.register(&mut server), Status::S_OK);
        assert_eq!(whose(&server), ["ann"]);
        delete(&mut server, first);
        assert_eq!(whose(&server), ["ann"]);
        assert_eq!(restart(&mut server), 0);
        delete(&mut server, if first == r"\a" { r"\either" } else { r"\a" });
        assert_eq!(whose(&server), [""; 0]);
        assert_eq!(either.register(&mut server), Status::S_OK);
    }
    assert_eq!(Task { password: Some(OF_ANN), ..either }.register(&mut server), Status::S_OK);
    assert_eq!(whose(&server), ["ann"]);
}

#[test]
fn there_are_no_more_than_there_is_room_for() {
    let mut server = server();
    server.people.accounts.push(account("cid", 1003, false));
    let of = |path, user| Task { path, user, password: Some(OF_OTHERS), ..TASK };
    for task in [TASK, BEN, of(r"\c", "admin")] {
        assert_eq!(task.register(&mut server), Status::S_OK);
    }
    assert_eq!(of(r"\d", "cid").register(&mut server), Status::SCHED_E_SERVICE_TOO_BUSY);
    assert_eq!(Task { path: r"\e", ..TASK }.register(&mut server), Status::S_OK);
    delete(&mut server, r"\b");
    assert_eq!(of(r"\d", "cid").register(&mut server), Status::S_OK);
    assert_eq!(whose(&server), ["admin", "ann", "cid"]);

    // One that has no place, and needs none, is not counted: from then on none goes before the next start.
    let either =
        Task { path: r"\f", user: "ben", logon: LogonType::InteractiveTokenOrPassword, password: None, ..TASK };
    assert_eq!(either.register(&mut server), Status::S_OK);
    delete(&mut server, r"\d");
    assert_eq!(whose(&server), ["admin", "ann", "cid"]);
    delete(&mut server, r"\f");
    assert_eq!(restart(&mut server), 1);
    assert_eq!(whose(&server), ["admin", "ann"]);
}

#[test]
fn a_cut_leaves_no_task_without_its_credential() {
    // What is cut: a new task in new folders, the change of one, and the end of the last one.
    let works: [fn(&mut mainspring_tests::server::Server); 3] = [
        |server| assert_eq!(Task { path: r"\f\g\a", ..TASK }.register(server), Status::S_OK),
        |server| assert_eq!(Task { path: r"\b", ..TASK }.register(server), Status::S_OK),
        |server| delete(server, r"\b"),
    ];
    for work in works {
        let mut server = server();
        assert_eq!(BEN.register(&mut server), Status::S_OK);
        server.records.cuts = Some(vec![server.records.records.clone()]);
        work(&mut server);
        let cuts = server.records.cuts.take().unwrap();
        assert!(cuts.len() > 3, "{} cuts", cuts.len());
        let mut swept = 0;
        for records in cuts {
            server.records = Records { records, ..Records::default() };
            swept += restart(&mut server);
            for (path, user) in [(r"\f\g\a", "ann"), (r"\b", "ben"), (r"\b", "ann")] {
                let Some(Entry::Task(task)) = server.with(|engine, _| engine.find(&Path::parse(path).unwrap())) else {
                    continue;
                };
                let account = sid(&mut server, user);
                let is_of = server.with(|engine, cx| {
                    engine.definition(cx, task).unwrap().image.runs_as().unwrap().user == Some(account)
                });
                assert!(!is_of || kept(&server).contains_key(&account), "{path} of {user} has none");
                assert!(is_of || path == r"\b");
            }
            // And no credential is left without a task.
            let needed = server.records.records.keys().filter(|key| key.kind == DEFINITION).count();
            assert_eq!(kept(&server).len(), needed);
        }
        assert!(swept > 0);
    }
}

#[test]
fn a_registration_that_fails_leaves_none() {
    let mut server = server();
    server.register(r"\file", &mainspring_tests::server::daily());
    server.records.full = true;
    assert_eq!(TASK.register(&mut server), Status::E_DISK_FULL);
    server.records.full = false;
    assert_eq!(kept(&server).len(), 0);
    // A task stands where a folder should: the credential is put first, and is gone again.
    server.records.cuts = Some(Vec::new());
    assert_eq!(Task { path: r"\file\a", ..TASK }.register(&mut server), Status::E_PATH_NOT_FOUND);
    let cuts = server.records.cuts.take().unwrap();
    assert!(cuts.iter().any(|records| records.keys().any(|key| key.kind == mainspring::store::CREDENTIAL)));
    assert_eq!(kept(&server).len(), 0);
    // And the place is free.
    assert_eq!(TASK.register(&mut server), Status::S_OK);
    assert_eq!(kept(&server).len(), 1);
}

#[test]
fn what_cannot_be_read_may_need_one() {
    for kind in [DEFINITION, ENTRY] {
        let mut server = server();
        for task in [TASK, BEN] {
            assert_eq!(task.register(&mut server), Status::S_OK);
        }
        let last = *server.records.records.keys().rfind(|key| key.kind == kind).unwrap();
        server.records.records.insert(last, vec![0xFF]);
        restart(&mut server);
        delete(&mut server, r"\a");
        assert_eq!(whose(&server), ["ann", "ben"]);
        server.records.records.remove(&last);
        assert!(restart(&mut server) >= 2);
        assert_eq!(whose(&server), [""; 0]);
    }
}

#[test]
fn records_that_cannot_be_read_are_told_and_stay() {
    let mut server = server();
    assert_eq!(TASK.register(&mut server), Status::S_OK);
    let (key, _) = kept(&server)[&sid(&mut server, "ann")].clone();
    let whole = server.records.records[&key].clone();
    let far = mainspring::store::credential_key(1000);
    for (key, record) in [(key, vec![0x83, 2, 0, 0]), (key, vec![]), (far, whole.clone())] {
        server.records.records.retain(|key, _| key.kind != mainspring::store::CREDENTIAL);
        server.records.records.insert(key, record.clone());
        let loaded = server.with(|engine, cx| engine.load(cx)).unwrap();
        assert_eq!((loaded.damaged, loaded.swept), (1, 0));
        assert_eq!(server.records.records[&key], record);
    }
}
