//! Children: what they get, what they leave, how they are stopped and found again.

use std::{
    collections::BTreeMap,
    fs,
    os::fd::AsFd,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use mainspring::{
    engine::Command,
    guid::Guid,
    ports::Entropy,
    status::Status,
    task::{Arguments, RunLevel},
};
use mainspring_linux::{
    children::{Children, Credentials, Running},
    entropy::Kernel,
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, Resource, Rlimit, Signal},
};

/// An instance that no other test has, of this run or of one that was broken off: processes are looked for by it.
fn unique() -> Guid {
    let mut random = [0; 16];
    Kernel.fill(&mut random).unwrap();
    Guid::from_random(random)
}

struct Fixture {
    instance: Guid,
    folder: tempfile::TempDir,
    children: Children,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let children = Self::server(folder.path());
        Self { instance: unique(), folder, children }
    }

    fn server(folder: &Path) -> Children {
        Children::new(&folder.join("running"), None).unwrap()
    }

    /// The server is killed, and another one takes its place.
    fn crash(&mut self) {
        self.children = Self::server(self.folder.path());
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn start(&mut self, command: &str, arguments: &str) -> Result<Running, Status> {
        self.start_command(&Command { command, arguments, working_directory: "", priority: 7 })
    }

    fn start_command(&mut self, command: &Command<'_>) -> Result<Running, Status> {
        start(&mut self.children, self.instance, command, &Credentials::own().unwrap())
    }

    fn sh(&mut self, script: &str) -> Running {
        self.start("/bin/sh", &format!("-c \"{}\"", script.replace('"', "\"\""))).unwrap()
    }

    fn run(&mut self, script: &str) -> Status {
        let running = self.sh(script);
        self.end(&running)
    }

    fn end(&mut self, running: &Running) -> Status {
        wait(running);
        self.children.ended(self.instance).expect("it has ended")
    }
}

/// Starts a command whose arguments are without parameters, with what rights there are.
fn start(
    children: &mut Children,
    instance: Guid,
    command: &Command<'_>,
    user: &Credentials,
) -> Result<Running, Status> {
    start_at(children, instance, command, user, RunLevel::HighestAvailable)
}

fn start_at(
    children: &mut Children,
    instance: Guid,
    command: &Command<'_>,
    user: &Credentials,
    level: RunLevel,
) -> Result<Running, Status> {
    let mut room = vec![0; 4096];
    let arguments = command.arguments.replace('$', "$$");
    let arguments = Arguments::split(&arguments, |_| None, &mut room).unwrap();
    children.start(instance, command, arguments, user, level)
}

fn wait(running: &Running) {
    let mut fds = [PollFd::new(&running.ended, PollFlags::IN)];
    let timeout = Timespec { tv_sec: 20, tv_nsec: 0 };
    assert_eq!(poll(&mut fds, Some(&timeout)), Ok(1), "the child does not end");
}

fn ended(running: &Running) -> bool {
    let mut fds = [PollFd::from_borrowed_fd(running.ended.as_fd(), PollFlags::IN)];
    poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) == Ok(1)
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z"))
}

#[test]
fn exit_codes_and_signals_are_results() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.run("exit 0"), Status(0));
    assert_eq!(fixture.run("exit 7"), Status(7));
    assert_eq!(fixture.run("exit 255"), Status(255));
    assert_eq!(fixture.run("kill -9 $$"), Status(128 + 9));
    assert_eq!(fixture.children.count(), 0);
    assert_eq!(fs::read_dir(fixture.file("running")).unwrap().count(), 0);
}

#[test]
fn what_cannot_be_started_says_why() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.start("/nowhere/program", "").unwrap_err(), Status::E_FILE_NOT_FOUND);
    assert_eq!(fixture.start("no-such-program", "").unwrap_err(), Status::E_FILE_NOT_FOUND);
    assert_eq!(fixture.start("", "").unwrap_err(), Status::E_FILE_NOT_FOUND);
    assert_eq!(fixture.start("/etc/passwd", "").unwrap_err(), Status::E_ACCESSDENIED);
    assert_eq!(fixture.start("a\0b", "").unwrap_err(), Status::E_INVALIDARG);
    let elsewhere = Command { command: "/bin/true", arguments: "", working_directory: "/nowhere", priority: 7 };
    assert_eq!(fixture.start_command(&elsewhere).unwrap_err(), Status(0x8007_010B));
    assert_eq!(fixture.children.count(), 0);
}

#[test]
fn a_child_gets_a_clean_world() {
    let mut fixture = Fixture::new();
    let (out, place) = (fixture.file("out"), fixture.file("a place"));
    fs::create_dir(&place).unwrap();
    let script = format!("(pwd; readlink /proc/self/fd/0 /proc/$$/fd/1; env) > '{}'", out.display());
    let arguments = format!("-c \"{script}\"");
    let directory = format!("\"{}\"", place.display());
    let command = Command { command: "\"/bin/sh\"", arguments: &arguments, working_directory: &directory, priority: 7 };
    let running = fixture.start_command(&command).unwrap();
    let group = rustix::process::getpgid(Pid::from_raw(running.pid.cast_signed())).unwrap();
    assert_eq!(group.as_raw_nonzero().get().unsigned_abs(), running.pid);
    assert_eq!(fixture.end(&running), Status(0));

    let text = fs::read_to_string(out).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..3], [place.canonicalize().unwrap().to_str().unwrap(), "/dev/null", "/dev/null"]);
    let environment: BTreeMap<&str, &str> = lines[3..].iter().filter_map(|line| line.split_once('=')).collect();
    assert_eq!(environment.get("MAINSPRING_INSTANCE"), Some(&fixture.instance.to_string().as_str()));
    assert!(environment.contains_key("PATH") && environment.contains_key("HOME"));
    assert!(!environment.contains_key("CARGO"), "the server's environment leaks: {environment:?}");
}

#[test]
fn stopping_reaches_the_whole_group() {
    let mut fixture = Fixture::new();
    let out = fixture.file("grandchild");
    // The child is deaf to the graceful signal, and so is what it starts.
    let running = fixture.sh(&format!("trap '' TERM; sleep 1000 & echo $! > '{}'; wait", out.display()));
    eventually("the grandchild starts", || fs::read_to_string(&out).is_ok_and(|text| text.ends_with('\n')));
    let grandchild: u32 = fs::read_to_string(&out).unwrap().trim().parse().unwrap();

    fixture.children.stop(fixture.instance, false);
    std::thread::sleep(Duration::from_millis(50));
    assert!(!ended(&running));
    assert_eq!(fixture.children.ended(fixture.instance), None);
    fixture.children.stop(fixture.instance, true);
    assert_eq!(fixture.end(&running), Status(128 + 9));
    eventually("the grandchild ends", || !alive(grandchild));

    let running = fixture.sh("exec sleep 1000");
    fixture.children.stop(fixture.instance, false);
    assert_eq!(fixture.end(&running), Status(128 + 15));
    // Too late, and harmless.
    fixture.children.stop(fixture.instance, true);
}

/// A shell ends at once when it is asked to, and leaves behind what it started.
#[test]
fn stopping_waits_for_the_rest_of_the_group() {
    let mut fixture = Fixture::new();
    let out = fixture.file("grandchild");
    let deaf = format!("(trap '' TERM; exec sleep 1000) & echo $! > '{}'; wait", out.display());
    let running = fixture.sh(&deaf);
    eventually("the grandchild starts", || fs::read_to_string(&out).is_ok_and(|text| text.ends_with('\n')));
    let grandchild: u32 = fs::read_to_string(&out).unwrap().trim().parse().unwrap();
    // It became deaf before it became another program.
    eventually("the grandchild is deaf", || {
        fs::read(format!("/proc/{grandchild}/cmdline")).is_ok_and(|line| line == b"sleep\x001000\0")
    });

    fixture.children.stop(fixture.instance, false);
    wait(&running);
    assert_eq!(fixture.children.ended(fixture.instance), None, "the grandchild runs on");
    assert!(alive(grandchild));
    assert_eq!(fixture.children.count(), 1);
    fixture.children.stop(fixture.instance, true);
    assert_eq!(fixture.end(&running), Status(128 + 15));
    eventually("the grandchild ends", || !alive(grandchild));

    // What listens has the time that it needs.
    let running = fixture.sh(&format!(
        "(trap 'sleep 0.2; echo saved > {0}; exit' TERM; echo > {0}; while :; do sleep 0.01; done) & wait",
        out.display()
    ));
    eventually("the grandchild starts", || fs::read_to_string(&out).is_ok_and(|text| text == "\n"));
    fixture.children.stop(fixture.instance, false);
    wait(&running);
    eventually("all of it ends", || fixture.children.ended(fixture.instance) == Some(Status(128 + 15)));
    assert_eq!(fs::read_to_string(&out).unwrap(), "saved\n");

    // Nobody asked this one to stop.
    let running = fixture.sh("sleep 1000 & exit 3");
    assert_eq!(fixture.end(&running), Status(3));
    let left = Pid::from_raw(running.pid.cast_signed()).unwrap();
    rustix::process::kill_process_group(left, Signal::KILL).expect("what it left behind runs");
}

#[test]
fn a_survivor_is_found_again_and_can_be_stopped() {
    let mut fixture = Fixture::new();
    let first = fixture.sh("exec sleep 1000");
    fixture.crash();
    let found = fixture.children.recover(fixture.instance).expect("it runs");
    assert_eq!(found.pid, first.pid);
    fixture.children.recovered();
    fixture.children.stop(fixture.instance, false);
    assert_eq!(fixture.end(&found), Status::E_PROCESS_ABORTED, "only a parent learns the exit code");
    fixture.crash();
    assert!(fixture.children.recover(fixture.instance).is_none());
}

#[test]
fn a_survivor_is_found_without_its_note() {
    let mut fixture = Fixture::new();
    // What it starts inherits the variable and must not be taken for it.
    let first = fixture.sh("sleep 1000 & setsid sleep 1000 & wait");
    fs::remove_file(fixture.file("running").join(fixture.instance.to_string())).unwrap();
    // The instance is in the environment from the moment on in which the program runs.
    eventually("the program runs", || {
        fs::read(format!("/proc/{}/environ", first.pid)).is_ok_and(|all| !all.is_empty())
    });
    fixture.crash();
    let found = fixture.children.recover(fixture.instance).expect("it runs");
    assert_eq!(found.pid, first.pid);
    assert!(fixture.children.recover(Guid::from_u128(1)).is_none());
    fixture.children.kill_all();
    assert_eq!(fixture.end(&found), Status::E_PROCESS_ABORTED);
    // The one in a group of its own is not the scheduler's to stop.
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let ours = |all: Vec<u8>| String::from_utf8_lossy(&all).contains(&fixture.instance.to_string());
        if fs::read(entry.path().join("environ")).is_ok_and(ours)
            && fs::read(entry.path().join("cmdline")).is_ok_and(|line| line == b"sleep\x001000\x00")
            && let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw)
            && rustix::process::getpgid(Some(pid)) == Ok(pid)
            && rustix::process::getsid(Some(pid)) == Ok(pid)
        {
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
    }
}

#[test]
fn another_process_of_that_number_is_not_taken_for_it() {
    let mut fixture = Fixture::new();
    let running = fixture.sh("exec sleep 1000");
    let note = fixture.file("running").join(fixture.instance.to_string());
    let text = fs::read_to_string(&note).unwrap();
    let [pid, started, boot] = text.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{text}") };
    assert_eq!(pid, running.pid.to_string());
    for wrong in [
        format!("{pid} {} {boot}", started.parse::<u64>().unwrap() + 1),
        format!("{pid} {started} another-boot"),
        format!("0 {started} {boot}"),
        pid.to_string(),
    ] {
        fixture.crash();
        fs::write(&note, &wrong).unwrap();
        // Not by its note; still by its environment, unless the note is well and names a process that is gone, if only with the
        // machine.
        let by_note_alone = wrong.contains("boot") || wrong.ends_with(boot) && !wrong.starts_with('0');
        assert_eq!(fixture.children.recover(fixture.instance).is_none(), by_note_alone, "{wrong}");
    }
    // What is noted and not asked for is forgotten.
    fixture.crash();
    fs::write(fixture.file("running").join(Guid::from_u128(5).to_string()), "1 1 x").unwrap();
    fixture.children.recovered();
    assert_eq!(fs::read_dir(fixture.file("running")).unwrap().count(), 0);
    let _ = rustix::process::kill_process(Pid::from_raw(running.pid.cast_signed()).unwrap(), Signal::KILL);
}

#[test]
fn a_nul_is_refused_wherever_it_is() {
    let mut fixture = Fixture::new();
    let mut children = Fixture::server(fixture.folder.path());
    let own = Credentials::own().unwrap();
    let users = [Some(own), Credentials::of("nobody").ok()];
    for user in users.iter().flatten() {
        for (command, arguments, working_directory) in
            [("true\0", "", ""), ("true", "a\0b", ""), ("true", "", "/tmp\0"), ("true", "\0", "/"), ("\0", "", "")]
        {
            let command = Command { command, arguments, working_directory, priority: 7 };
            let started = start(&mut children, fixture.instance, &command, user);
            assert_eq!(started.unwrap_err(), Status::E_INVALIDARG, "{command:?}");
        }
    }
    assert_eq!(fixture.run("exit 0"), Status(0));
}

#[test]
fn the_least_privilege_is_for_good() {
    for (level, expected) in [(RunLevel::LeastPrivilege, 0), (RunLevel::HighestAvailable, 1)] {
        let mut fixture = Fixture::new();
        let arguments = "-q NoNewPrivs:.1 /proc/self/status";
        let command = Command { command: "grep", arguments, working_directory: "", priority: 7 };
        for user in [Some(Credentials::own().unwrap()), Credentials::of("nobody").ok()].iter().flatten() {
            let running = start_at(&mut fixture.children, fixture.instance, &command, user, level).unwrap();
            assert_eq!(fixture.end(&running), Status(expected), "{level:?} {}", user.name());
        }
    }
}

/// What the server raised for itself is not for what it starts.
#[test]
fn a_child_has_the_limit_that_there_was() {
    let mut fixture = Fixture::new();
    let limit = Rlimit { current: Some(123), maximum: rustix::process::getrlimit(Resource::Nofile).maximum };
    fixture.children = Children::new(&fixture.file("running"), Some(limit)).unwrap();
    assert_eq!(fixture.run("exit $(ulimit -n)"), Status(123));
}

#[test]
fn root_runs_actions_as_another_user() {
    if !rustix::process::geteuid().is_root() {
        assert!(Credentials::of("nobody").is_err());
        return;
    }
    let instance = unique();
    let nobody = Credentials::of("nobody").unwrap();
    assert_ne!(nobody.uid(), 0);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    fs::write(&out, "").unwrap();
    rustix::fs::chown(&out, Some(rustix::fs::Uid::from_raw(nobody.uid())), None).unwrap();
    let open = |path: &Path| fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    open(folder.path());
    let mut children = Children::new(&folder.path().join("running"), None).unwrap();

    let arguments =
        format!("-c \"(id -u; id -g; id -G; grep CapEff /proc/self/status; echo $USER; umask) > '{}'\"", out.display());
    let command = Command { command: "sh", arguments: &arguments, working_directory: "", priority: 7 };
    let running = start(&mut children, instance, &command, &nobody).unwrap();
    wait(&running);
    assert_eq!(children.ended(instance), Some(Status(0)));
    let text = fs::read_to_string(&out).unwrap();
    let [uid, gid, groups, capabilities, user, umask] = text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
    assert_eq!((uid, user, umask), (nobody.uid().to_string().as_str(), "nobody", "0022"));
    assert_eq!(groups, gid, "root's groups leak");
    assert!(capabilities.ends_with("0000000000000000"), "{capabilities}");

    // What the user may not enter is refused with that user's rights, not root's.
    let private = tempfile::tempdir().unwrap();
    fs::set_permissions(private.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let directory = private.path().to_str().unwrap();
    let command = Command { command: "/bin/true", arguments: "", working_directory: directory, priority: 7 };
    assert_eq!(start(&mut children, instance, &command, &nobody).unwrap_err(), Status::E_ACCESSDENIED);
}

/// The next server does not ask whom it has to look for.
#[test]
fn a_survivor_of_any_user_is_found_by_its_environment() {
    let names: &[&str] = if rustix::process::geteuid().is_root() { &["root", "nobody", "daemon"] } else { &[] };
    let users = names.iter().map(|name| Credentials::of(name).unwrap()).chain([Credentials::own().unwrap()]);
    let folder = tempfile::tempdir().unwrap();
    let server = || Children::new(&folder.path().join("running"), None).unwrap();
    let mut children = server();
    let started = users.map(|user| {
        let command = Command { command: "sleep", arguments: "1000", working_directory: "", priority: 7 };
        let instance = unique();
        let running = start(&mut children, instance, &command, &user).unwrap();
        fs::remove_file(folder.path().join("running").join(instance.to_string())).unwrap();
        // A program that has just been started has no environment yet.
        let environment = format!("/proc/{}/environ", running.pid);
        eventually("an environment", || fs::read(&environment).is_ok_and(|environment| !environment.is_empty()));
        (instance, running)
    });
    let started = started.collect::<Vec<_>>();
    let mut next = server();
    for (instance, running) in &started {
        assert_eq!(next.recover(*instance).map(|found| found.pid), Some(running.pid));
    }
    next.kill_all();
    started.iter().for_each(|(_, running)| wait(running));
}

#[test]
fn the_priority_of_a_task_is_the_niceness_of_all_its_processes() {
    let own = rustix::process::getpriority_process(None).unwrap();
    let expected = [-20, -10, -5, -5, 0, 0, 0, 10, 10, 15, 19];
    for (priority, niceness) in (0..).zip(expected) {
        let mut fixture = Fixture::new();
        let command = Command { command: "sleep", arguments: "1000", working_directory: "", priority };
        let running = fixture.start_command(&command).unwrap();
        let pid = Pid::from_raw(running.pid.cast_signed());
        // Only root gets more than others have; who does not runs on as the server does.
        let may = rustix::process::geteuid().is_root() || niceness >= own;
        assert_eq!(rustix::process::getpriority_process(pid), Ok(if may { niceness } else { own }), "{priority}");
        fixture.children.kill_all();
        wait(&running);
    }
    // What it starts has it too.
    let mut fixture = Fixture::new();
    let out = fixture.file("out");
    let arguments = format!("-c \"sleep 0.2; sh -c nice > '{}'\"", out.display());
    let command = Command { command: "/bin/sh", arguments: &arguments, working_directory: "", priority: 9 };
    let running = fixture.start_command(&command).unwrap();
    assert_eq!(fixture.end(&running), Status(0));
    assert_eq!(fs::read_to_string(out).unwrap(), "15\n");
}
