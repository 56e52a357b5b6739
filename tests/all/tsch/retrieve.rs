//! SchRpcRetrieveTask.

use core::fmt::{Error, Write};

use mainspring::{
    bytes::Order,
    status::Status,
    task::{Resource, Resources},
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

/// A library of two strings, one of which has English.
struct Library;

impl Resources for Library {
    fn write(&self, resource: Resource<'_>, language: &str, out: &mut dyn Write) -> Result<bool, Error> {
        let text = match (resource, language) {
            (Resource { file: r"%SystemRoot%\plant.dll", id: 7 }, "en") => "Waters & weeds",
            (Resource { file: r"%SystemRoot%\plant.dll", id: 7 | 8 }, "") => "Gießt und jätet",
            _ => return Ok(false),
        };
        out.write_str(text).map(|()| true)
    }
}

/// Only clients that name a language get strings instead of their names; the first language that has a string counts, and then the
/// server's own; whose string nobody has is left as it is, and so is what is not a field of 2.5.8.
#[test]
fn fields_are_localised_for_who_names_a_language() {
    let mut server = Server::new();
    let fields = [
        ("Author", r"$(@%SystemRoot%\plant.dll,-8)", "Gießt und jätet"),
        ("Description", r"$(@%SystemRoot%\plant.dll,-7)", "Waters &amp; weeds"),
        ("Documentation", r"$(@other.dll,-7)", r"$(@other.dll,-7)"),
        ("Source", r"$(%SystemRoot%\plant.dll, -7)", "Waters &amp; weeds"),
        ("Version", r"$(@%SystemRoot%\plant.dll,-7)", r"$(@%SystemRoot%\plant.dll,-7)"),
    ];
    let given: String = fields.iter().map(|(name, given, _)| format!("<{name}>{given}</{name}>")).collect();
    let task = daily().replace("<Settings>", &format!("<RegistrationInfo>{given}</RegistrationInfo><Settings>"));
    server.register("\\Folder\\Tâsk 1", &task);
    let mut retrieved = |stub: &str, resources| {
        server.resources = resources;
        let answer = server.call(2, &stubs("impacket.txt")[stub]).unwrap();
        RetrieveTask::read(&answer, Order::Little).unwrap().xml.unwrap().to_string::<8192>().unwrap()
    };
    let plain = retrieved("tsch-2-languages", None);
    assert_eq!(retrieved("tsch-2-any-language", Some(&Library)), plain);
    let localised = retrieved("tsch-2-languages", Some(&Library));
    for (name, given, text) in fields {
        assert!(plain.contains(&format!("<{name}>{given}</{name}>")), "{name}: {plain}");
        assert!(localised.contains(&format!("<{name}>{text}</{name}>")), "{name}: {localised}");
    }
}

#[test]
fn what_is_a_resource() {
    let named = Some(Resource { file: "a.dll", id: 5 });
    for text in ["$(@a.dll,-5)", "$(a.dll,-5)", "$(@a.dll, -5)", "$(@ a.dll , -5 )", "$(@a.dll,-05)"] {
        assert_eq!(Resource::parse(text), named, "{text}");
    }
    assert_eq!(Resource::parse("$(@a,b.dll,-5)"), Some(Resource { file: "a,b.dll", id: 5 }));
    for text in [
        "",
        "$(",
        "$()",
        "$(@)",
        "$(@,-5)",
        "$(@a.dll)",
        "$(@a.dll,5)",
        "$(@a.dll,-)",
        "$(@a.dll,-+5)",
        "$(@a.dll,-4294967296)",
        "$(@a.dll,-5) ",
        "x$(@a.dll,-5)",
        "$(Arg0)",
    ] {
        assert_eq!(Resource::parse(text), None, "{text}");
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
