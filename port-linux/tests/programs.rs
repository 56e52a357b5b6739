//! The two built programs together, as their users see them. What clients that nobody here wrote make of the server is in
//! `tests/clients`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

const PASSWORD: &str = "correct horse";

/// A data folder, a folder that actions may write to, and a server on the one that is killed at the end.
struct Server {
    folder: tempfile::TempDir,
    process: Option<Child>,
    address: String,
}

impl Server {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        set_mode(folder.path(), 0o755);
        fs::create_dir(folder.path().join("scratch")).unwrap();
        set_mode(&folder.path().join("scratch"), 0o777);
        let server = Self { folder, process: None, address: String::new() };
        server.add("alice", true);
        server
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn scratch(&self, name: &str) -> PathBuf {
        self.folder.path().join("scratch").join(name)
    }

    fn add(&self, name: &str, administrator: bool) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mainspringd"));
        command.args(["account", "add", name, "--data"]).arg(self.data()).args(administrator.then_some("--admin"));
        let mut adding = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        writeln!(adding.stdin.take().unwrap(), "{PASSWORD}").unwrap();
        assert!(adding.wait().unwrap().success());
    }

    /// The command that serves this folder.
    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mainspringd"));
        command.arg("serve").arg("--data").arg(self.data()).args(["--listen", "127.0.0.1:0"]).args(as_nobody());
        command
    }

    fn start(&mut self) {
        self.start_as(self.command().stderr(Stdio::null()));
    }

    fn start_as(&mut self, command: &mut Command) {
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        self.address = line.trim_end().strip_prefix("listening on ").expect(&line).to_owned();
        self.process = Some(process);
    }

    /// As a power cut would: nothing is said and nothing is flushed.
    fn kill(&mut self) {
        let mut process = self.process.take().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Asks the server to end: its exit code and how long it took.
    fn stop(&mut self) -> (Option<i32>, Duration) {
        let begin = Instant::now();
        let mut process = self.process.take().unwrap();
        kill_process(Pid::from_child(&process), Signal::TERM).unwrap();
        (process.wait().unwrap().code(), begin.elapsed())
    }

    fn client(&self, words: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_mainspring"))
            .args(["--server", &self.address, "--user", "alice"])
            .args(words)
            .env("MAINSPRING_PASSWORD", PASSWORD)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// What the client prints; it must succeed.
    fn done(&self, words: &[&str]) -> String {
        let output = self.client(words);
        assert_eq!(output.status.code(), Some(0), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn register(&self, path: &str, script: &str, triggers: &str) {
        let xml = format!(
            r#"<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
            <Triggers>{triggers}</Triggers>
            <Settings><DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries></Settings>
            <Actions><Exec><Command>/bin/sh</Command><Arguments>-c "{script}"</Arguments></Exec></Actions></Task>"#
        );
        let file = self.folder.path().join("task.xml");
        fs::write(&file, xml).unwrap();
        self.done(&["register", path, file.to_str().unwrap()]);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// As root the server wants to be told as whom actions run.
fn as_nobody() -> &'static [&'static str] {
    if rustix::process::geteuid().is_root() { &["--actions-as", "nobody"] } else { &[] }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// Why a server does not start.
fn refusal(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_task_fires_and_survives_a_server_that_is_killed() {
    let mut server = Server::new();
    server.start();
    let fired = server.scratch("fired");
    let triggers = "<RegistrationTrigger/>".to_owned()
        + "<TimeTrigger><StartBoundary>2026-01-01T00:00:00</StartBoundary>"
        + "<Repetition><Interval>PT1M</Interval></Repetition></TimeTrigger>";
    server.register(r"\Shop\Close", &format!("echo $(Arg0) >> {}", fired.display()), &triggers);
    eventually("it fires on registration", || lines(&fired).len() == 1);
    server.kill();

    server.start();
    assert!(server.done(&["list"]).contains(r"\Shop\Close"));
    let instance = server.done(&["run", r"\Shop\Close", "on demand"]);
    assert_eq!(instance.trim_end().len(), 36, "{instance}");
    eventually("it runs", || lines(&fired).contains(&"on demand".to_owned()));
    let shown: serde_json::Value = serde_json::from_str(&server.done(&["--json", "show", r"\Shop\Close"])).unwrap();
    assert!(shown["next_run"].is_string() && shown["last_run"].is_string(), "{shown}");
    server.done(&["delete", r"\Shop\Close"]);
    assert_eq!(server.done(&["--json", "list"]).trim_end(), "[]");
    let (code, _) = server.stop();
    assert_eq!(code, Some(0));
}

#[test]
fn children_that_do_not_listen_are_ended_when_the_server_ends() {
    let mut server = Server::new();
    server.start();
    let pids = server.scratch("pids");
    let deaf = format!("trap '' TERM; echo $$$$ >> {}; while :; do sleep 1; done", pids.display());
    server.register(r"\Deaf", &deaf, "");
    server.done(&["run", r"\Deaf"]);
    eventually("it runs", || lines(&pids).len() == 1);
    let pid = lines(&pids)[0].clone();
    let (code, took) = server.stop();
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(10), "{took:?}");
    eventually("it has ended", || !Path::new(&format!("/proc/{pid}/cwd")).is_symlink() || zombie(&pid));
}

fn zombie(pid: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z"))
}

#[test]
fn unsafe_folders_and_root_without_a_user_are_refused() {
    let mut server = Server::new();
    server.start();
    let said = refusal(&mut server.command());
    assert!(said.contains("data folder is held by another server"), "{said}");
    server.stop();

    set_mode(&server.data(), 0o770);
    let said = refusal(&mut server.command());
    assert!(said.contains("may be written by others"), "{said}");
    set_mode(&server.data(), 0o700);

    for option in ["--system-as", "--service-as"] {
        let said = refusal(server.command().args([option, "no such user"]));
        assert!(said.contains("there is no user no such user"), "{said}");
        if !rustix::process::geteuid().is_root() {
            let said = refusal(server.command().args([option, "root"]));
            assert!(said.contains("only root"), "{said}");
        }
    }
    let said = refusal(server.command().args(["--epm", "192.0.2.1:135"]));
    assert!(said.contains("cannot listen at 192.0.2.1:135"), "{said}");
}

/// Whoever started the server took its standard error and never reads it.
#[test]
fn a_log_that_nobody_reads_does_not_stop_the_server() {
    let mut server = Server::new();
    server.start_as(server.command().env("MAINSPRING_LOG", "trace").stderr(Stdio::piped()));
    for _ in 0..3000 {
        let mut stream = TcpStream::connect(&server.address).unwrap();
        stream.write_all(b"no protocol of ours").unwrap();
        let _ = stream.read(&mut [0; 16]);
    }
    assert_eq!(server.done(&["--json", "list"]).trim_end(), "[]");
}

#[test]
fn a_server_without_descriptors_waits_for_some() {
    let mut server = Server::new();
    let serve = server.command();
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "ulimit -n 40; exec \"$0\" \"$@\""]).arg(serve.get_program()).args(serve.get_args());
    server.start_as(command.stderr(Stdio::null()));
    let many: Vec<TcpStream> = (0..60).map(|_| TcpStream::connect(&server.address).unwrap()).collect();
    std::thread::sleep(Duration::from_millis(500));
    let pid = server.process.as_ref().unwrap().id();
    let before = ticks(pid);
    std::thread::sleep(Duration::from_secs(1));
    let spent = ticks(pid) - before;
    assert!(spent < 20, "{spent} hundredths of a second of work, for waiting");
    drop(many);
    assert_eq!(server.done(&["--json", "list"]).trim_end(), "[]");
}

/// Hundredths of a second of processor time that a process has used.
fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().unwrap()).sum()
}

#[test]
fn an_account_counts_from_the_next_login_on() {
    let mut server = Server::new();
    server.start();
    let asks = |name: &str, words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mainspring"));
        command.args(["--server", &server.address, "--user", name]).args(words).env("MAINSPRING_PASSWORD", PASSWORD);
        command.output().unwrap()
    };
    let log_in = |name: &str| asks(name, &["list"]).status.code();
    assert_eq!(log_in("bob"), Some(3));
    server.add("bob", true);
    assert_eq!(log_in("bob"), Some(0));
    assert_eq!(log_in(r"HOST\BOB"), Some(0));
    // Who is no administrator gets in, sees who may do what in the folder of all, and changes nothing there.
    server.add("carol", false);
    let shown = asks("carol", &["security", r"\"]);
    assert_eq!(shown.status.code(), Some(0));
    let default = "O:BAG:SYD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;CI;FR;;;AU)(A;OICIIO;FA;;;CO)\n";
    assert_eq!(String::from_utf8(shown.stdout).unwrap(), default);
    assert_eq!(asks("carol", &["security", r"\", "D:P(A;OICI;FA;;;AU)"]).status.code(), Some(1));
    let set = asks("bob", &["security", r"\", "D:P(A;OICI;FA;;;BA)(A;OICI;FR;;;AU)"]);
    assert_eq!(String::from_utf8(set.stdout).unwrap(), "O:BAG:SYD:P(A;OICI;FA;;;BA)(A;OICI;FR;;;AU)\n");
}
