//! `mainspringd account` and a server that runs, on one data folder.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use mainspring::{
    auth::{Credentials, Policy, Provider},
    limits::FRAGMENT_MAX,
    rpc::{Binding, Client, ClientError, Fault, Level, Received, Secret},
    status::Status,
    tsch::{INTERFACE, client::HighestVersion},
};
use mainspring_linux::{
    client::{CallError, Session},
    clock::now,
    entropy::Kernel,
};

const PASSWORD: &str = "correct horse";

/// A data folder, and a server on it while there is one.
struct Place {
    folder: tempfile::TempDir,
    server: Option<(Child, String)>,
}

impl Place {
    /// With the administrators `root` and `alice`.
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap(), server: None };
        place.sid_of(&["add", "root", "--admin"]);
        place.sid_of(&["add", "alice", "--admin"]);
        place
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mainspringd"));
        command.arg("account").args(words).arg("--data").arg(self.data());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn account_with(&self, words: &[&str], input: &str) -> Output {
        let mut running = self.command(words).spawn().unwrap();
        // A command that takes no password may have ended.
        let _ = running.stdin.take().unwrap().write_all(input.as_bytes());
        running.wait_with_output().unwrap()
    }

    /// What `mainspringd account` prints; it must succeed.
    fn account(&self, words: &[&str]) -> String {
        let output = self.account_with(words, &format!("{PASSWORD}\nthe next line\n"));
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The one line that it prints.
    fn sid_of(&self, words: &[&str]) -> String {
        let printed = self.account(words);
        let sid = printed.strip_suffix('\n').unwrap();
        assert!(sid.starts_with("S-1-5-21-") && !sid.contains('\n'), "{words:?}: {printed:?}");
        sid.to_owned()
    }

    fn refusal(&self, words: &[&str]) -> String {
        let output = self.account_with(words, &format!("{PASSWORD}\n"));
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{words:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// The columns of what `list` prints, by name.
    fn list(&self) -> BTreeMap<String, Vec<String>> {
        let columns = |line: &str| line.split('\t').map(str::to_owned).collect::<Vec<_>>();
        self.account(&["list"]).lines().map(columns).map(|all| (all[0].clone(), all[1..].to_vec())).collect()
    }

    fn serve(&mut self) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mainspringd"));
        command.arg("serve").arg("--data").arg(self.data()).args(["--listen", "127.0.0.1:0"]);
        if rustix::process::geteuid().is_root() {
            command.args(["--actions-as", "nobody"]);
        }
        let log = fs::File::create(self.folder.path().join("log")).unwrap();
        let mut server = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on ").expect(&line).to_owned();
        self.server = Some((server, address));
    }

    fn address(&self) -> &str {
        &self.server.as_ref().unwrap().1
    }

    fn session<'c>(&self, name: &'c str, password: &'c str) -> Result<Session<'c>, CallError> {
        Session::open(self.address(), &INTERFACE, Credentials::new(name, "", password))
    }

    /// Whether a login goes well.
    fn gets_in(&self, name: &str, password: &str) -> bool {
        match self.session(name, password).and_then(|mut session| call(&mut session)) {
            Ok(_) => true,
            Err(CallError::Rpc(ClientError::Denied(Fault::ACCESS_DENIED))) => false,
            Err(other) => panic!("{other}"),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some((mut server, _)) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

fn call(session: &mut Session<'_>) -> Result<Status, CallError> {
    session.call(&HighestVersion).map(|answer| answer.status)
}

fn is_denied(called: &Result<Status, CallError>) -> bool {
    matches!(called, Err(CallError::Fault(Fault::ACCESS_DENIED)))
}

#[test]
fn every_command_says_the_sid_of_what_it_was_about() {
    let place = Place::new();
    let before = place.list();
    let alice = before["alice"][0].clone();
    assert_eq!(before["alice"][1..], ["administrator", "enabled", "", "0", "-"]);
    let bob = place.sid_of(&["add", "Bob Builder", "--unix", "nobody"]);
    let group = place.sid_of(&["group", "add", "Night shift"]);
    assert_eq!(place.account(&["group", "join", "night shift", "bob builder"]), format!("{group}\n{bob}\n"));
    for verb in ["passwd", "unlock", "disable"] {
        assert_eq!(place.sid_of(&[verb, "ALICE"]), alice);
    }
    assert_eq!(place.sid_of(&["unix", "Alice", "root"]), alice);
    let list = place.list();
    assert_eq!(list["alice"], [&alice, "administrator", "disabled", "", "0", "root"]);
    assert_eq!(list["Bob Builder"], [&bob, "user", "enabled", "Night shift", "0", "nobody"]);
    assert_eq!(list["Night shift"], [&group, "group"]);
    assert_eq!(place.sid_of(&["enable", "alice"]), alice);
    assert_eq!(place.sid_of(&["unix", "alice", "-"]), alice);
    assert_eq!(place.list()["alice"], [&alice, "administrator", "enabled", "", "0", "-"]);
    assert_eq!(place.account(&["group", "leave", "Night shift", "Bob Builder"]), format!("{group}\n{bob}\n"));
    assert_eq!(place.sid_of(&["group", "remove", "NIGHT SHIFT"]), group);
    assert_eq!(place.sid_of(&["remove", "alice"]), alice);

    let said = place.refusal(&["remove", "root"]);
    assert!(said.contains("--force"), "{said}");
    assert!(place.refusal(&["disable", "root"]).contains("--force"));
    for (words, said) in [
        (&["passwd", "alice"][..], "no account"),
        (&["group", "remove", "Night shift"], "no group"),
        (&["group", "join", "Night shift", "root"], "no group"),
        (&["add", "ROOT"], "there is an account"),
        (&["unix", "root", "no-such-user"], "no Unix user"),
        (&["add", "c", "--unix", "no-such-user"], "no Unix user"),
        (&["group", "add", "root"], "there is an account"),
        (&["group", "add", "Administrators"], "somebody else"),
    ] {
        assert!(place.refusal(words).contains(said), "{words:?}");
    }
    let last = place.sid_of(&["disable", "root", "--force"]);
    assert_eq!(place.sid_of(&["remove", "root", "--force"]), last);
    let again = place.sid_of(&["add", "alice", "--admin"]);
    assert!(![&alice, &bob, &group, &last].contains(&&again), "no SID is used twice");
}

#[test]
fn a_password_is_the_first_line_and_is_whole_or_refused() {
    let mut place = Place::new();
    place.serve();
    for (input, password) in
        [("two words\r\nmore\n", Some("two words")), ("no end", Some("no end")), ("\n", None), ("", None)]
    {
        let output = place.account_with(&["passwd", "alice"], input);
        assert_eq!(output.status.success(), password.is_some(), "{input:?}");
        if let Some(password) = password {
            assert!(place.gets_in("alice", password), "{input:?}");
        }
    }
    assert!(!place.account_with(&["passwd", "alice"], &"x".repeat(100_000)).status.success());
    assert!(place.gets_in("alice", "no end"), "what was refused has changed nothing");
    assert!(!place.gets_in("alice", PASSWORD));
}

#[test]
fn a_server_that_runs_takes_every_change_over_at_once() {
    let mut place = Place::new();
    place.serve();
    let mut alice = place.session("alice", PASSWORD).unwrap();
    assert_eq!(call(&mut alice).unwrap(), Status::S_OK);

    place.account(&["disable", "alice"]);
    assert!(is_denied(&call(&mut alice)), "also for who is logged in");
    assert!(!place.gets_in("alice", PASSWORD));
    place.account(&["enable", "alice"]);
    assert_eq!(call(&mut alice).unwrap(), Status::S_OK);
    assert!(place.gets_in("alice", PASSWORD));

    let output = place.account_with(&["passwd", "alice"], "another\n");
    assert!(output.status.success());
    assert!(!place.gets_in("alice", PASSWORD) && place.gets_in("alice", "another"));

    place.account(&["remove", "alice"]);
    assert!(is_denied(&call(&mut alice)));
    assert!(!place.gets_in("alice", "another"));
    place.account(&["add", "alice", "--admin"]);
    assert!(is_denied(&call(&mut alice)), "another account of that name is another account");
    let mut root = place.session("root", PASSWORD).unwrap();
    assert_eq!(call(&mut root).unwrap(), Status::S_OK);
}

/// Whatever moment a command is killed in: the file is whole, and has what was printed.
#[test]
fn what_was_printed_survives_kill() {
    let place = Place::new();
    let mut printed = BTreeMap::new();
    for number in 0..60u32 {
        let name = format!("a{number}");
        let mut running = place.command(&["add", &name]).spawn().unwrap();
        running.stdin.take().unwrap().write_all(b"secret\n").unwrap();
        std::thread::sleep(Duration::from_micros(u64::from(number) * 150));
        let _ = running.kill();
        let mut sid = String::new();
        running.stdout.take().unwrap().read_to_string(&mut sid).unwrap();
        running.wait().unwrap();
        if sid.ends_with('\n') {
            printed.insert(name, sid.trim_end().to_owned());
        }
        let list = place.list();
        for (name, sid) in &printed {
            assert_eq!(list.get(name).map(|columns| &columns[0]), Some(sid), "{name}");
        }
        let sids: std::collections::BTreeSet<_> = list.values().map(|columns| &columns[0]).collect();
        assert_eq!(sids.len(), list.len());
    }
    println!("{} of 60 were done before they were killed", printed.len());
    let last = place.sid_of(&["add", "last"]);
    assert_eq!(place.list()["last"][0], last);
}

/// Five failures, and whoever comes from there waits: so much is seen on a real server. How long exactly is a matter of
/// counting, and tested where the clock is the test's own.
#[test]
fn a_source_that_fails_waits_until_its_account_is_unlocked() {
    let mut place = Place::new();
    place.serve();
    for name in ["alice", "nobody at all", "alice", "ALICE", "alice"] {
        assert!(!place.gets_in(name, "wrong"));
    }
    let begin = Instant::now();
    assert!(!place.gets_in("alice", "wrong"));
    assert!(begin.elapsed() >= Duration::from_millis(900), "{:?}", begin.elapsed());
    // The next one would wait for two seconds; others are served meanwhile.
    let address = place.address().to_owned();
    let waiting = std::thread::spawn(move || {
        let begin = Instant::now();
        let opened = Session::open(&address, &INTERFACE, Credentials::new("root", "", PASSWORD));
        (opened.is_ok(), begin.elapsed())
    });
    let counted = Instant::now();
    while place.list()["alice"][4] != "5" {
        assert!(counted.elapsed() < Duration::from_secs(20), "{:?}", place.list());
        std::thread::sleep(Duration::from_millis(50));
    }
    let (opened, took) = waiting.join().unwrap();
    assert!(opened && took >= Duration::from_millis(900), "{took:?}");
    place.account(&["unlock", "alice"]);
    assert!(place.gets_in("alice", PASSWORD));
    let counted = Instant::now();
    while place.list()["alice"][4] != "0" {
        assert!(counted.elapsed() < Duration::from_secs(20), "{:?}", place.list());
        std::thread::sleep(Duration::from_millis(50));
    }
    let log = fs::read_to_string(place.folder.path().join("log")).unwrap();
    assert!(log.contains("a login failed") && !log.contains(PASSWORD) && !log.contains("wrong"), "{log}");
}

/// What a server answers to a login and the call after it: each fragment.
fn answers(address: &str, provider: Provider, name: &str, password: &str) -> Vec<Vec<u8>> {
    let credentials = Credentials::new(name, "", password);
    let secret = Some(Secret { provider, policy: Policy::default(), credentials, level: Level::Privacy });
    let mut client = Client::new(Binding { interface: INTERFACE.syntax, secret, fragment: FRAGMENT_MAX });
    let mut stream = TcpStream::connect(address).unwrap();
    let fragment = || {
        let mut bytes = vec![0; 16];
        stream_read(&stream, &mut bytes);
        bytes.resize(usize::from(u16::from_le_bytes([bytes[8], bytes[9]])), 0);
        stream_read(&stream, &mut bytes[16..]);
        bytes
    };
    let (mut out, mut all) = ([0; FRAGMENT_MAX as usize], Vec::new());
    let mut produced = client.bind(now(), &mut Kernel, &mut out).unwrap();
    loop {
        (&stream).write_all(&out[..produced]).unwrap();
        all.push(fragment());
        match client.negotiate(now(), &mut Kernel, all.last().unwrap(), &mut out) {
            Ok(leg) => {
                produced = leg.produced;
                if leg.bound {
                    break;
                }
            }
            Err(ClientError::Denied(_)) => break,
            Err(other) => panic!("{other}"),
        }
    }
    if provider == Provider::Ntlm {
        (&stream).write_all(&out[..produced]).unwrap();
        let (produced, _) = client.request(0, None, &[], 0, &mut out).unwrap();
        (&stream).write_all(&out[..produced]).unwrap();
        all.push(fragment());
        let received = client.receive(&mut all.last().unwrap().clone(), &mut []);
        assert!(!matches!(received, Ok(Received::Complete { .. })), "it got in");
    }
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"", "and the connection is closed");
    all
}

fn stream_read(mut stream: &TcpStream, into: &mut [u8]) {
    stream.read_exact(into).unwrap();
}

#[test]
fn who_is_refused_learns_nothing_from_the_answer() {
    let mut place = Place::new();
    place.account(&["disable", "alice"]);
    place.serve();
    for provider in [Provider::Ntlm, Provider::Spnego] {
        let refused = [("nobody", "wrong"), ("root", "wrong"), ("alice", PASSWORD)].map(|(name, password)| {
            let mut fragments = answers(place.address(), provider, name, password);
            let last = fragments.pop().unwrap();
            // Behind their heads the number of the connection differs, and what is random in a challenge.
            let heads: Vec<_> = fragments.iter().map(|bytes| (bytes.len(), bytes[..20].to_vec())).collect();
            (heads, last)
        });
        assert_eq!(refused[0], refused[1]);
        assert_eq!(refused[0], refused[2]);
        assert_eq!(refused[0].1.len(), 32, "a fault");
        // What failed here is not to delay what comes next.
        place.account(&["unlock", "alice"]);
        place.account(&["unlock", "root"]);
    }
}
