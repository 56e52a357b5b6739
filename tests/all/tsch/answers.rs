//! Answers are the same bytes every time, and other people's clients understood those bytes: `tests/data/ndr/check.py`
//! decodes the committed ones with impacket and with Samba's Python bindings.

use std::{collections::BTreeMap, fmt::Write as _, net::Ipv4Addr};

use mainspring::{
    bytes::Order,
    epm,
    guid::Guid,
    mgmt,
    rpc::{Call, Caller, Level},
    tsch::{
        self,
        client::{
            CreateFolder, Creation, EnumFolders, EnumInstances, EnumTasks, GetInstanceInfo, GetLastRunInfo,
            GetTaskInfo, HighestVersion, RegisterTask, Request, RetrieveTask, Run, ScheduledRuntimes, Stop,
        },
    },
};
use mainspring_tests::stubs::{file, stubs};

use super::{Server, daily, registration, xml};

/// Stands in the file where an instance is named, which is drawn at random.
const INSTANCE: [u8; 16] = [0x11; 16];

struct Answers {
    server: Server,
    instance: Guid,
    taken: BTreeMap<String, Vec<u8>>,
}

impl Answers {
    fn take<R: Request>(&mut self, name: &str, request: &R) -> Vec<u8> {
        let mut stub = [0; 4096];
        let length = request.write(&mut stub).unwrap();
        let answer = self.server.call(R::OPNUM, &stub[..length]).unwrap();
        self.keep(&format!("tsch-{}-{name}", R::OPNUM), answer.clone());
        answer
    }

    fn keep(&mut self, name: &str, mut answer: Vec<u8>) {
        let instance = self.instance.to_bytes();
        if let Some(at) = answer.windows(16).position(|part| part == instance && self.instance != Guid::NIL) {
            answer[at..at + 16].copy_from_slice(&INSTANCE);
        }
        self.taken.insert(name.to_owned(), answer);
    }
}

fn answers() -> BTreeMap<String, Vec<u8>> {
    let mut answers = Answers { server: Server::new(), instance: Guid::NIL, taken: BTreeMap::new() };
    let (daily, plain) = (daily(), xml("", ""));
    let register = RegisterTask { path: Some(r"\Folder\Tâsk"), xml: &daily, ..registration() };
    answers.take("version", &HighestVersion);
    answers.take("registered", &register);
    answers.take("exists", &register);
    answers.take("updated", &RegisterTask { creation: Creation::Update, ..register });
    let late = daily.replace("07:00:00", "later");
    answers.take("invalid", &RegisterTask { xml: &late, ..register });
    answers.take("plain", &RegisterTask { path: Some("Folder/Plain"), xml: &plain, ..register });
    answers.take("second", &RegisterTask { path: Some(r"Folder\b"), xml: &plain, ..register });
    answers.take("task", &RetrieveTask { path: r"\Folder\Tâsk" });
    answers.take("missing", &RetrieveTask { path: r"\Folder\None" });
    answers.take("made", &CreateFolder { path: r"\Folder\Sub", sddl: None });
    answers.take("folders", &EnumFolders { path: r"\", start: 0, requested: 0 });
    answers.take("end", &EnumFolders { path: r"\", start: 1, requested: 0 });
    answers.take("all", &EnumTasks { path: r"\Folder", hidden: true, start: 0, requested: 0 });
    answers.take("one", &EnumTasks { path: r"\Folder", hidden: true, start: 0, requested: 1 });
    answers.take("never", &GetLastRunInfo { path: r"\Folder\Tâsk" });
    answers.take("none", &EnumInstances { path: None, hidden: true });
    answers.take("state", &GetTaskInfo { path: r"\Folder\Tâsk", state: true });
    let run = Run { path: r"\Folder\Tâsk", arguments: &["x"], ignore_constraints: false };
    let ran = answers.take("ran", &run);
    answers.instance = Run::read(&ran, Order::Little).unwrap().instance;
    answers.keep("tsch-12-ran", ran);
    answers.server.start_all();
    let instance = answers.instance;
    answers.take("running", &EnumInstances { path: None, hidden: true });
    answers.take("running", &GetInstanceInfo { instance });
    answers.take("running", &GetLastRunInfo { path: r"\Folder\Tâsk" });
    answers.take("other", &GetInstanceInfo { instance: Guid::NIL });
    answers.take("stopped", &Stop { path: r"\Folder\Tâsk" });
    let runtimes = ScheduledRuntimes { path: r"\Folder\Tâsk", start: None, end: None, requested: 2 };
    answers.take("two", &runtimes);
    answers.take("untimed", &ScheduledRuntimes { path: r"\Folder\b", ..runtimes });

    for (name, stub) in stubs("impacket.txt") {
        let Some((interface, rest)) = name.split_once('-').filter(|(interface, _)| *interface != "tsch") else {
            continue;
        };
        let opnum = rest.split('-').next().unwrap().parse().unwrap();
        answers.keep(&name, beside(interface, opnum, &stub));
    }
    answers.taken
}

/// A call of the endpoint mapper or of the management interface.
fn beside(interface: &str, opnum: u16, stub: &[u8]) -> Vec<u8> {
    let caller = Caller { account: None, level: Level::None, connection: 0 };
    let call = Call { interface: 0, opnum, object: None, order: Order::Little, caller, stub };
    let mut reply = vec![0; 65_536];
    let entry =
        |interface, port, annotation| epm::Entry { interface, object: Guid::NIL, port, address: None, annotation };
    let entries =
        [entry(epm::INTERFACE.syntax, 135, "endpoint mapper"), entry(tsch::INTERFACE.syntax, 49_154, "Mainspring")];
    let length = if interface == "epm" {
        epm::Service { entries: &entries, local: Ipv4Addr::new(192, 0, 2, 7) }.call(&call, &mut reply)
    } else {
        mgmt::Service {
            interfaces: &[&tsch::INTERFACE, &epm::INTERFACE],
            principal: "SPRING",
            statistics: mgmt::Statistics { calls_in: 1, calls_out: 2, packets_in: 3, packets_out: 4 },
        }
        .call(&call, &mut reply)
    };
    reply.truncate(length.unwrap());
    reply
}

#[test]
fn answers_are_those_that_other_clients_understood() {
    let answers = answers();
    if std::env::var_os("MAINSPRING_WRITE_ANSWERS").is_some() {
        let mut text = String::new();
        for (name, answer) in &answers {
            text.push_str(name);
            text.push(' ');
            answer.iter().for_each(|byte| write!(text, "{byte:02x}").unwrap());
            text.push('\n');
        }
        std::fs::write(file("answers.txt"), text).unwrap();
    }
    let understood = stubs("answers.txt");
    for (name, answer) in &answers {
        assert_eq!(
            Some(answer),
            understood.get(name),
            "{name} is new: write the file with MAINSPRING_WRITE_ANSWERS=1, then have it read by check.py"
        );
    }
    assert_eq!(answers.len(), understood.len());
}
