//! Who may start, [MS-TSCH] 3.2.5.1.2.

use bytemuck::Zeroable as _;
use mainspring::{
    auth::Identity,
    credentials::admit,
    engine::{self, Context, CredentialSlot, Entry, InstanceSlot, Refused, RunAs, TaskSlot, Whom},
    limits::FRAGMENT_MAX,
    ports::{NoSecrets, NoSessions, Ports},
    rpc::Pool,
    scheduler::{Config, Input, Memory, Output, Scheduler},
    sid::Sid,
    status::Status,
    store::{CREDENTIAL_MAX, Credential},
    task::{LogonType, Path, RunLevel},
    tsch::{self, client::LogonType as LogonRequest},
};
use mainspring_tests::server::{Server, account, principal};

use super::{Keyed, OF_OTHERS, TASK, Task, kept, restart, server, sid};

/// As which kinds of logon the account of that SID may start.
fn admitted(server: &mut Server, user: &Sid) -> String {
    let Server { engine, records, entropy, people, zone, now, secrets, .. } = server;
    let kinds = [
        ('-', None),
        ('t', Some(LogonType::InteractiveToken)),
        ('s', Some(LogonType::S4u)),
        ('e', Some(LogonType::InteractiveTokenOrPassword)),
        ('p', Some(LogonType::Password)),
    ];
    let mut admitted = String::new();
    for (letter, kind) in kinds {
        let mut cx = Context { now: *now, zone, store: records, entropy, sessions: &NoSessions };
        let run_as = RunAs { whom: Whom::User(*user), logon_type: kind, run_level: RunLevel::LeastPrivilege };
        match admit(engine, &mut cx, people, &mut **secrets, &run_as) {
            Ok(()) => admitted.push(letter),
            Err(refused) => {
                assert_eq!(refused, Refused::LogonFailure);
                assert_eq!(refused.status(), Status::E_LOGON_FAILURE);
            }
        }
    }
    admitted
}

#[test]
fn an_account_starts_with_the_password_that_it_has_now() {
    let mut server = server();
    let ann = sid(&mut server, "ann");
    assert_eq!(admitted(&mut server, &ann), "-tse", "none is kept");
    assert_eq!(TASK.register(&mut server), Status::S_OK);
    assert_eq!(admitted(&mut server, &ann), "-tsep");
    restart(&mut server);
    assert_eq!(admitted(&mut server, &ann), "-tsep");

    let hash = server.people.accounts[1].nt_hash;
    for bit in 0..128 {
        server.people.accounts[1].nt_hash[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(admitted(&mut server, &ann), "-ts", "the password is another");
        server.people.accounts[1].nt_hash = hash;
    }
    assert_eq!(admitted(&mut server, &ann), "-tsep");
    server.people.accounts[1].disabled = true;
    assert_eq!(admitted(&mut server, &ann), "");
    server.people.accounts[1].disabled = false;
    let gone = server.people.accounts.remove(1);
    assert_eq!(admitted(&mut server, &ann), "");
    // One of that name that comes later is somebody else.
    server.people.accounts.push(account("ann", 1009, false));
    assert_eq!(admitted(&mut server, &ann), "");
    let another = sid(&mut server, "ann");
    assert_eq!(admitted(&mut server, &another), "-tse");
    server.people.accounts.push(gone);
    assert_eq!(admitted(&mut server, &ann), "-tsep");
}

#[test]
fn services_have_no_password() {
    let mut server = server();
    for service in [Sid::LOCAL_SYSTEM, Sid::LOCAL_SERVICE, Sid::NETWORK_SERVICE] {
        assert_eq!(admitted(&mut server, &service), "-tsep");
    }
    assert_eq!(admitted(&mut server, &Sid::EVERYONE), "");
}

#[test]
fn with_another_key_nothing_opens() {
    let mut server = server();
    let ann = sid(&mut server, "ann");
    assert_eq!(TASK.register(&mut server), Status::S_OK);
    server.secrets = Box::new(Keyed(0x5B));
    assert_eq!(admitted(&mut server, &ann), "-ts");
    server.secrets = Box::new(NoSecrets);
    assert_eq!(admitted(&mut server, &ann), "-ts");
    server.secrets = Box::new(Keyed(0x5A));
    assert_eq!(admitted(&mut server, &ann), "-tsep");
}

#[test]
fn a_record_that_was_changed_opens_nothing() {
    let mut server = server();
    let ann = sid(&mut server, "ann");
    let ben = Task { path: r"\b", user: "ben", password: Some(OF_OTHERS), ..TASK };
    for task in [TASK, ben] {
        assert_eq!(task.register(&mut server), Status::S_OK);
    }
    let kept = kept(&server);
    let (key, of_ann) = &kept[&ann];
    let (_, of_ben) = &kept[&sid(&mut server, "ben")];
    let whole = server.records.records[key].clone();
    // While it runs, and over a restart.
    let mut same = 0;
    for restarts in [false, true] {
        for bit in 0..8 * whole.len() {
            let mut changed = whole.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            // As if a later version had appended something: it says the same.
            let says = |record: &[u8]| Credential::decode(record).ok().map(|it| (it.account, it.sealed.to_vec()));
            let is_the_same = says(&changed) == says(&whole);
            server.records.records.insert(*key, changed);
            if restarts {
                server.with(|engine, cx| engine.load(cx)).unwrap();
            }
            let admitted = admitted(&mut server, &ann);
            // One that cannot be read, or is another's, is as none once the server has started anew.
            let refused = admitted == "-ts" || restarts && admitted == "-tse";
            assert_eq!(refused, !is_the_same, "{admitted} with bit {bit}");
            same += usize::from(is_the_same);
            server.records.records.insert(*key, whole.clone());
        }
        restart(&mut server);
    }
    assert!(same < 16, "{same} bits without a meaning");
    // Ben's secret, which opens for Ben, is none of Ann's, whose password may be the same.
    server.people.accounts[1].nt_hash = server.people.accounts[2].nt_hash;
    let mut room = [0; CREDENTIAL_MAX];
    for (sealed, expected) in [(of_ben, "-ts"), (of_ann, "-ts")] {
        let record = Credential { account: ann, sealed }.encode(&mut room).unwrap().to_vec();
        server.records.records.insert(*key, record);
        assert_eq!(admitted(&mut server, &ann), expected);
    }
}

#[test]
fn what_may_not_start_ends_with_a_logon_failure() {
    let mut server = server();
    let tasks = [
        // Whose credential is kept, and still is right.
        (Task { path: r"\right", ..TASK }, Ok(())),
        // Whose password is another since.
        (Task { path: r"\changed", user: "ben", password: Some(OF_OTHERS), ..TASK }, Err(())),
        // Whose account is disabled or gone since, though nothing is kept of it.
        (
            Task { path: r"\disabled", user: "cid", logon: LogonRequest::S4u, password: Some(OF_OTHERS), ..TASK },
            Err(()),
        ),
        (Task { path: r"\gone", user: "dan", logon: LogonRequest::InteractiveToken, password: None, ..TASK }, Err(())),
        (
            Task { path: r"\service", user: "System", logon: LogonRequest::ServiceAccount, password: None, ..TASK },
            Ok(()),
        ),
    ];
    for (name, relative) in [("cid", 1003), ("dan", 1004)] {
        server.people.accounts.push(account(name, relative, false));
    }
    for (task, _) in &tasks {
        assert_eq!(task.register(&mut server), Status::S_OK, "{task:?}");
    }
    server.register(r"\group", &principal("<GroupId>Users</GroupId>"));
    server.people.accounts[2].nt_hash[3] ^= 4;
    server.people.accounts[3].disabled = true;
    server.people.accounts.remove(4);

    let (mut slots, mut instances) = (vec![TaskSlot::zeroed(); 8], vec![InstanceSlot::zeroed(); 8]);
    let (mut index, mut queue, mut credentials) = (vec![0; 16], vec![0; 24], vec![CredentialSlot::zeroed(); 4]);
    let (mut record, mut image, mut room) = ([0; 4096], [0; 4096], [0; 256]);
    let memory = Memory {
        engine: engine::Memory {
            tasks: &mut slots,
            index: &mut index,
            queue: &mut queue,
            instances: &mut instances,
            record: &mut record,
            credentials: &mut credentials,
            history: 8,
        },
        connections: &mut [],
        pool: Pool::new(&mut [], &mut []),
        reply: &mut [],
        image: &mut image,
    };
    let identity = Identity { netbios_name: "TEST", dns_name: "test" };
    let config = Config { identity, endpoints: &[], version: tsch::VERSION, fragment: FRAGMENT_MAX };
    let mut scheduler = Scheduler::new(memory, config);
    let Server { records, entropy, people, zone, now, secrets, .. } = &mut server;
    let mut ports = Ports { store: records, entropy, accounts: people, sessions: &NoSessions, secrets: &mut **secrets };
    assert_eq!(scheduler.start(*now, zone, &mut ports).unwrap().tasks, 6);
    for (task, expected) in &tasks {
        let path = Path::parse(task.path).unwrap();
        let Some(Entry::Task(index)) = scheduler.engine().find(&path) else { panic!("{path}") };
        let mut cx = Context { now: *now, zone, store: ports.store, entropy: ports.entropy, sessions: ports.sessions };
        scheduler.engine().run(&mut cx, index, &mut core::iter::empty(), None).unwrap();
        let mut asked = 0;
        loop {
            match scheduler.output() {
                Output::Start { instance } => {
                    asked += 1;
                    let action = scheduler.action(*now, zone, instance, &mut ports, &mut room);
                    assert_eq!(action.is_ok(), expected.is_ok(), "{}: {action:?}", task.path);
                    let input = match action {
                        Ok(_) => Input::Exited { instance, result: Status::S_OK },
                        Err(refused) => Input::StartFailed { instance, result: refused.status() },
                    };
                    scheduler.input(*now, zone, input, &mut ports);
                }
                Output::Sleep(_) => break,
                _ => {}
            }
        }
        assert_eq!(asked, 1);
        let mut cx = Context { now: *now, zone, store: ports.store, entropy: ports.entropy, sessions: ports.sessions };
        let result = scheduler.engine().last_run(&mut cx, index).unwrap().unwrap().result;
        let expected = if expected.is_ok() { Status::S_OK } else { Status::E_LOGON_FAILURE };
        assert_eq!(result, expected, "{}", task.path);
    }
}
