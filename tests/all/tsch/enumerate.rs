//! SchRpcEnumFolders and SchRpcEnumTasks, SchRpcCreateFolder and SchRpcDelete.

use mainspring::{
    status::Status,
    tsch::client::{CreateFolder, Delete, EnumFolders, EnumTasks},
};

use super::{Server, daily, xml};

const OK: Status = Status::S_OK;
const MORE: Status = Status::S_FALSE;

/// Next index, names, status.
type Answer = (u32, Vec<String>, Status);

fn tasks(server: &mut Server, path: &str, start: u32, requested: u32) -> Answer {
    enumerate(server, &EnumTasks { path, hidden: false, start, requested })
}

fn enumerate(server: &mut Server, request: &EnumTasks<'_>) -> Answer {
    server.ask(request, |answer| {
        let names: Vec<_> = answer.names.map(|name| name.to_string::<800>().unwrap().to_string()).collect();
        assert_eq!(names.len(), answer.count as usize);
        (answer.next, names, answer.status)
    })
}

fn folders(server: &mut Server, path: &str, start: u32, requested: u32) -> Answer {
    server.ask(&EnumFolders { path, start, requested }, |answer| {
        (answer.next, answer.names.map(|name| name.to_string::<800>().unwrap().to_string()).collect(), answer.status)
    })
}

fn named(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[test]
fn index_rules() {
    let mut server = Server::new();
    for name in ["a", "b", "c"] {
        server.register(name, &daily());
        assert_eq!(server.status(&CreateFolder { path: &format!("folder {name}"), sddl: None }), OK);
    }
    let all = named(&["a", "b", "c"]);
    // All are asked for, or more than there are.
    assert_eq!(tasks(&mut server, r"\", 0, 0), (3, all.clone(), OK));
    assert_eq!(tasks(&mut server, "", 0, 4), (3, all.clone(), OK));
    assert_eq!(tasks(&mut server, r"\", 0, u32::MAX), (3, all.clone(), OK));
    // A request that is filled exactly says that there is more, even when nothing is left.
    assert_eq!(tasks(&mut server, r"\", 0, 3), (3, all, MORE));
    assert_eq!(tasks(&mut server, r"\", 0, 1), (1, named(&["a"]), MORE));
    assert_eq!(tasks(&mut server, r"\", 1, 0), (3, named(&["b", "c"]), OK));
    assert_eq!(tasks(&mut server, r"\", 2, 1), (3, named(&["c"]), MORE));
    assert_eq!(tasks(&mut server, r"\", 2, 2), (3, named(&["c"]), OK));
    // At the end, and beyond it.
    assert_eq!(tasks(&mut server, r"\", 3, 1), (3, vec![], OK));
    assert_eq!(tasks(&mut server, r"\", 3, 0), (3, vec![], OK));
    assert_eq!(tasks(&mut server, r"\", 4, 1), (4, vec![], MORE));
    assert_eq!(tasks(&mut server, r"\", u32::MAX, 0), (u32::MAX, vec![], MORE));

    assert_eq!(folders(&mut server, r"\", 0, 0), (3, named(&["folder a", "folder b", "folder c"]), OK));
    assert_eq!(folders(&mut server, r"\", 1, 1), (2, named(&["folder b"]), MORE));
    assert_eq!(folders(&mut server, r"\folder a", 0, 0), (0, vec![], OK));
    assert_eq!(folders(&mut server, r"\", 9, 0), (9, vec![], MORE));
}

#[test]
fn hidden_tasks_are_counted_only_when_asked_for() {
    let mut server = Server::new();
    server.register("seen", &daily());
    server.register("unseen", &xml("", "<Hidden>true</Hidden>"));
    server.register("seen too", &daily());
    assert_eq!(tasks(&mut server, r"\", 0, 0), (2, named(&["seen", "seen too"]), OK));
    assert_eq!(tasks(&mut server, r"\", 1, 0), (2, named(&["seen too"]), OK));
    let all = EnumTasks { path: r"\", hidden: true, start: 0, requested: 0 };
    assert_eq!(enumerate(&mut server, &all), (3, named(&["seen", "unseen", "seen too"]), OK));
}

#[test]
fn what_is_no_folder() {
    let mut server = Server::furnished();
    for path in [r"\None", r"\None\Below", r"\Folder\Task", r"\Folder\None"] {
        assert_eq!(tasks(&mut server, path, 7, 1), (7, vec![], Status::E_FILE_NOT_FOUND), "{path}");
        assert_eq!(folders(&mut server, path, 7, 1), (7, vec![], Status::E_FILE_NOT_FOUND), "{path}");
    }
    assert_eq!(tasks(&mut server, r"\Folder\a:b", 0, 1), (0, vec![], Status::E_INVALID_NAME));
    assert_eq!(folders(&mut server, r"\Folder\a/b", 0, 1), (0, vec![], Status::E_INVALID_NAME));
}

#[test]
fn a_folder_that_does_not_fit_comes_in_parts() {
    let mut server = Server::new();
    let names: Vec<_> = (0..100).map(|n| format!("task number {n}")).collect();
    for name in &names {
        server.register(name, &daily());
    }
    for reply in [200, 201, 203, 1000, 4096, 65_536] {
        server.reply = reply;
        let (mut got, mut start) = (vec![], 0);
        loop {
            let (next, names, status) = tasks(&mut server, r"\", start, 0);
            got.extend(names);
            if status == OK {
                break;
            }
            assert_eq!((status, next > start), (MORE, true), "{reply}");
            start = next;
        }
        assert_eq!(got, names, "{reply}");
    }
    // Not even one fits: no endless loop.
    for reply in [16, 40] {
        server.reply = reply;
        assert_eq!(tasks(&mut server, r"\", 0, 0), (0, vec![], Status::E_OUTOFMEMORY));
    }
}

#[test]
fn folders_are_made_with_their_parents_and_deleted_when_empty() {
    let mut server = Server::new();
    let create = |server: &mut Server, path: &str| server.status(&CreateFolder { path, sddl: Some("D:(A;;FA;;;BA)") });
    let delete = |server: &mut Server, path: &str| server.status(&Delete { path });
    assert_eq!(create(&mut server, r"One\Two\Three"), OK);
    assert_eq!(create(&mut server, r"\one\two"), Status::E_ALREADY_EXISTS);
    assert_eq!(create(&mut server, r"\"), Status::E_INVALIDARG);
    assert_eq!(create(&mut server, ""), Status::E_INVALIDARG);
    assert_eq!(create(&mut server, r"\One\ Two"), Status::E_INVALID_NAME);
    server.register(r"\One\Two\Task", &daily());
    assert_eq!(create(&mut server, r"\One\Two\Task"), Status::E_ALREADY_EXISTS);

    assert_eq!(delete(&mut server, r"\One"), Status::E_DIR_NOT_EMPTY);
    assert_eq!(delete(&mut server, r"\One\Two\Three"), OK);
    assert_eq!(delete(&mut server, r"\One\Two"), Status::E_DIR_NOT_EMPTY);
    assert_eq!(delete(&mut server, r"one\two\task"), OK);
    assert_eq!(delete(&mut server, r"\One\Two\Task"), Status::E_FILE_NOT_FOUND);
    assert_eq!(delete(&mut server, r"\One\Two"), OK);
    assert_eq!(delete(&mut server, r"\One\Two\Task"), Status::E_PATH_NOT_FOUND);
    assert_eq!(delete(&mut server, r"\"), Status::E_ACCESSDENIED);
    assert_eq!(delete(&mut server, r"\a:b"), Status::E_INVALID_NAME);
}
