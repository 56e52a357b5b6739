//! SchRpcRetrieveTask.

use mainspring::{
    bytes::Order,
    status::Status,
    tsch::client::{Request, RetrieveTask},
};
use mainspring_tests::stubs::stubs;

use super::{Server, daily};

#[test]
fn the_definition_comes_back_normalised_and_the_same_every_time() {
    let mut server = Server::furnished();
    let mut stub = [0; 256];
    let length = RetrieveTask { path: r"folder\task" }.write(&mut stub).unwrap();
    let answer = server.call(2, &stub[..length]).unwrap();
    assert_eq!(server.call(2, &stub[..length]).unwrap(), answer);
    let read = RetrieveTask::read(&answer, Order::Little).unwrap();
    let xml = read.xml.unwrap().to_string::<8192>().unwrap();
    assert_eq!(read.status, Status::S_OK);
    assert!(xml.starts_with("<?xml version=\"1.0\" encoding=\"UTF-16\"?>\r\n<Task version=\"1.2\" xmlns="), "{xml}");
    assert!(xml.contains(r"<URI>\Folder\Task</URI>"), "{xml}");
    assert!(xml.ends_with("</Task>"), "{xml}");
}

#[test]
fn languages_are_tolerated() {
    let mut server = Server::new();
    server.register("\\Folder\\Tâsk 1", &daily());
    for name in ["tsch-2-any-language", "tsch-2-languages"] {
        let answer = server.call(2, &stubs("impacket.txt")[name]).unwrap();
        assert_eq!(RetrieveTask::read(&answer, Order::Little).unwrap().status, Status::S_OK);
    }
}

#[test]
fn what_is_no_task() {
    let mut server = Server::furnished();
    for (path, status) in [
        ("", Status::E_INVALIDARG),
        (r"\", Status::E_INVALIDARG),
        (r"\Folder", Status::E_FILE_NOT_FOUND),
        (r"\Folder\None", Status::E_FILE_NOT_FOUND),
        (r"\None\Task", Status::E_PATH_NOT_FOUND),
        (r"\Folder\Task\Below", Status::E_PATH_NOT_FOUND),
        (r"\Folder\..\Task", Status::E_INVALID_NAME),
    ] {
        let answer = server.ask(&RetrieveTask { path }, |answer| (answer.xml.is_some(), answer.status));
        assert_eq!(answer, (false, status), "{path}");
    }
}

#[test]
fn a_definition_that_does_not_fit_the_reply_is_refused_whole() {
    let mut server = Server::furnished();
    let whole = server.ask(&RetrieveTask { path: r"\Folder\Task" }, |answer| answer.xml.unwrap().len());
    for reply in [8, 100, 16 + 2 * whole] {
        server.reply = reply;
        let answer =
            server.ask(&RetrieveTask { path: r"\Folder\Task" }, |answer| (answer.xml.is_some(), answer.status));
        assert_eq!(answer, (false, Status::E_OUTOFMEMORY), "{reply}");
    }
    server.reply = 4 + 12 + 2 * (whole + 1) + 2 + 4;
    assert_eq!(server.status(&RetrieveTask { path: r"\Folder\Task" }), Status::S_OK);
}
