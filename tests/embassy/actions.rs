//! The table of actions: what is found, what it gets, how it is stopped, and what becomes of it.

use embassy_time::Duration;
use mainspring::{
    event::Event,
    status::Status,
    task::{Action, ComHandler, Exec, InstancesPolicy, Message},
};
use mainspring_tests::world::{Task, exec};

use crate::{
    machine::{HANDLER, INSTANCES, Machine, Made},
    world::World,
};

fn with_arguments<'a>(command: &'a str, arguments: &'a str) -> Task<'a> {
    let exec = Exec { command, arguments: Some(arguments), working_directory: Some("/tmp"), opaque: None };
    Task { actions: vec![Action::Exec { id: None, exec }], ..Task::default() }
}

fn boot() -> (World, Machine) {
    let mut world = World::new();
    let machine = Machine::boot(&mut world, Made::default());
    (world, machine)
}

#[test]
fn a_function_gets_its_arguments() {
    let (mut world, machine) = boot();
    machine.register(r"\a", &with_arguments("words", r#"one "two and a half"   $(Arg0) "" last"#));
    machine.run(r"\a", &["put in"]).unwrap();
    world.settle();
    assert_eq!(machine.diary.lines(), [r#"words ["one", "two and a half", "put", "in", "", "last"] in /tmp"#]);
    assert_eq!(machine.last_result(r"\a"), Some(Status::S_OK));
}

/// Folders, quotation marks and letter case do not matter; everything else does.
#[test]
fn names_are_found_as_documented() {
    let (mut world, machine) = boot();
    for command in ["LOG", "/usr/bin/log", r"C:\Program Files\Log", r#""C:\bin\log""#, " log "] {
        machine.register(r"\a", &with_arguments(command, "x"));
        machine.run(r"\a", &[]).unwrap();
        world.settle();
        assert_eq!(machine.diary.lines(), ["log x"], "{command}");
    }
    for command in ["log.exe", "logs", "lo", "log x", "/"] {
        machine.register(r"\a", &with_arguments(command, "x"));
        machine.run(r"\a", &[]).unwrap();
        world.settle();
        assert_eq!(machine.diary.lines(), [""; 0], "{command}");
        assert_eq!(machine.last_result(r"\a"), Some(Status::E_FILE_NOT_FOUND), "{command}");
    }
    assert_eq!(machine.journal.count("NoSuchAction"), 5);
}

#[test]
fn exit_codes_are_results() {
    let (mut world, machine) = boot();
    for code in [0, 1, 42, u32::MAX] {
        machine.register(r"\a", &with_arguments("fail", &code.to_string()));
        machine.run(r"\a", &[]).unwrap();
        world.settle();
        assert_eq!(machine.last_result(r"\a"), Some(Status(code)));
    }
}

#[test]
fn actions_run_one_after_another() {
    let (mut world, machine) = boot();
    let line = |arguments| {
        let exec = Exec { command: "sleep", arguments: Some(arguments), working_directory: None, opaque: None };
        Action::Exec { id: None, exec }
    };
    let task = Task { actions: vec![line("1"), exec("fail"), line("2")], ..Task::default() };
    machine.register(r"\a", &task);
    machine.run(r"\a", &[]).unwrap();
    world.pass(Duration::from_secs(1));
    // What one leaves does not keep the next from running.
    assert_eq!(machine.diary.lines(), ["sleep 1", "slept 1", "fail 1", "sleep 2"]);
    assert_eq!(machine.last_result(r"\a"), Some(Status::SCHED_S_TASK_RUNNING));
    world.pass(Duration::from_secs(2));
    assert_eq!(machine.diary.lines(), ["slept 2"]);
    assert_eq!(machine.last_result(r"\a"), Some(Status::S_OK));
}

#[test]
fn a_class_names_a_function_too() {
    let (mut world, machine) = boot();
    let handler = |class: &'static str, data| {
        let handler = ComHandler { data, ..ComHandler::of_class(class).unwrap() };
        Task { actions: vec![Action::ComHandler { id: None, handler }], ..Task::default() }
    };
    for (data, expected) in [
        (Some("every $(Arg0) ms, <a> & b"), "handled every 20 ms, <a> & b"),
        (None, "handled "),
        (Some(""), "handled "),
        (Some("a]]>b\r<"), "handled a]]>b\r<"),
    ] {
        machine.register(r"\a", &handler(HANDLER, data));
        machine.run(r"\a", &["20"]).unwrap();
        world.settle();
        assert_eq!(machine.diary.lines(), [expected]);
        assert_eq!(machine.last_result(r"\a"), Some(Status::S_OK));
    }
    let message = Action::ShowMessage { id: None, message: Message { title: "t", body: "b" } };
    let xml = "<ComHandler><ClassId>{}</ClassId></ComHandler>";
    for (task, result) in [
        (handler("{00000000-0000-0000-0000-000000000001}", None), Status::E_FILE_NOT_FOUND),
        (Task { actions: vec![message], ..Task::default() }, Status::E_NOT_SUPPORTED),
        (Task { actions: vec![Action::Opaque { xml }], ..Task::default() }, Status::E_NOT_SUPPORTED),
    ] {
        machine.register(r"\a", &task);
        machine.run(r"\a", &[]).unwrap();
        world.settle();
        assert_eq!(machine.diary.lines(), [""; 0]);
        assert_eq!(machine.last_result(r"\a"), Some(result));
    }
}

/// One that looks is asked, cleans up, and its code is the result.
#[test]
fn who_looks_is_stopped_gracefully() {
    let (mut world, machine) = boot();
    machine.register(r"\a", &Task::new("polite"));
    let instance = machine.run(r"\a", &[]).unwrap();
    world.settle();
    let progress = machine.host.progress(instance).unwrap();
    assert_eq!((progress.percent, progress.text.as_str()), (50, "half of it, which is a l"));
    assert!(machine.journal.has("half of it, which is a long text"));
    machine.stop(r"\a").unwrap();
    world.pass(Duration::from_millis(999));
    assert_eq!(machine.diary.lines(), ["polite works", "polite cleans up"]);
    assert_eq!(machine.last_result(r"\a"), Some(Status::SCHED_S_TASK_RUNNING));
    world.pass(Duration::from_millis(1));
    assert_eq!(machine.last_result(r"\a"), Some(Status(7)));
    assert_eq!(machine.host.progress(instance), None);
}

/// One that does not is dropped after five seconds, unless the task forbids it.
#[test]
fn who_does_not_look_is_dropped() {
    let (mut world, machine) = boot();
    machine.register(r"\hard", &Task::new("stubborn"));
    machine.register(r"\soft", &Task::new("stubborn").with(|settings| settings.allow_hard_terminate = false));
    for path in [r"\hard", r"\soft"] {
        machine.run(path, &[]).unwrap();
        world.settle();
        machine.stop(path).unwrap();
    }
    world.pass(Duration::from_millis(4999));
    assert_eq!(machine.diary.lines(), ["stubborn works", "stubborn works"]);
    world.pass(Duration::from_millis(1));
    assert_eq!(machine.diary.lines(), ["stubborn is dropped"]);
    assert_eq!(machine.last_result(r"\hard"), Some(Status::SCHED_S_TASK_TERMINATED));
    world.pass(Duration::from_secs(60));
    assert_eq!(machine.last_result(r"\soft"), Some(Status::SCHED_S_TASK_RUNNING));
}

/// The time limit of a task stops it as somebody would.
#[test]
fn a_time_limit_stops() {
    let (mut world, machine) = boot();
    let limit = mainspring::task::Span::from_seconds(10);
    machine.register(r"\a", &Task::new("stubborn").with(|settings| settings.execution_time_limit = Some(limit)));
    machine.run(r"\a", &[]).unwrap();
    world.pass(Duration::from_millis(14_999));
    assert_eq!(machine.diary.lines(), ["stubborn works"]);
    world.pass(Duration::from_millis(1));
    assert_eq!(machine.diary.lines(), ["stubborn is dropped"]);
}

/// With fewer futures than runs, runs wait for their turn and keep their order; none is lost.
#[test]
fn runs_wait_for_a_runner() {
    let mut world = World::new();
    let machine = Machine::boot(&mut world, Made { runners: 2, ..Made::default() });
    for number in 0..INSTANCES {
        let path = format!("\\{number}");
        machine.register(&path, &with_arguments("sleep", &(10 + number).to_string()));
        machine.run(&path, &[]).unwrap();
    }
    world.settle();
    assert_eq!(machine.diary.lines(), ["sleep 10", "sleep 11"]);
    // One that waits may be stopped before it ever ran.
    machine.stop(r"\4").unwrap();
    assert_eq!(machine.last_result(r"\4"), Some(Status::SCHED_S_TASK_TERMINATED));
    world.pass(Duration::from_secs(100));
    let lines = machine.diary.lines();
    let begun: Vec<_> = lines.iter().filter(|line| line.starts_with("sleep ")).map(String::as_str).collect();
    assert_eq!(begun, ["sleep 12", "sleep 13", "sleep 15", "sleep 16", "sleep 17"]);
    for number in (0..INSTANCES).filter(|&number| number != 4) {
        assert_eq!(machine.last_result(&format!("\\{number}")), Some(Status::S_OK));
    }
}

/// What does not fit the memory that the firmware lent fails to start, and says so.
#[test]
fn a_text_that_does_not_fit_fails_to_start() {
    let (mut world, machine) = boot();
    let text = "x".repeat(600);
    machine.register(r"\a", &with_arguments("log", &text));
    machine.run(r"\a", &[]).unwrap();
    world.settle();
    assert_eq!(machine.last_result(r"\a"), Some(Status::E_OUTOFMEMORY));
    assert_eq!(machine.diary.lines(), [""; 0]);
}

/// A future that a firmware drops ends its instance; the others take over.
#[test]
fn a_runner_that_is_dropped_ends_its_instance() {
    let mut world = World::new();
    let machine = Machine::boot(&mut world, Made { runners: 2, ..Made::default() });
    machine.register(r"\a", &Task::new("stubborn"));
    machine.run(r"\a", &[]).unwrap();
    world.settle();
    let events = machine.journal.events.borrow().len();
    // Whichever of the two has it.
    world.kill(machine.runners[0]);
    world.kill(machine.runners[1]);
    assert_eq!(machine.diary.lines(), ["stubborn works", "stubborn is dropped"]);
    assert_eq!(machine.last_result(r"\a"), Some(Status::E_PROCESS_ABORTED));
    assert!(matches!(machine.journal.events.borrow()[events], Event::InstanceEnded { .. }));
}

/// Runs of one task follow its policy here as elsewhere.
#[test]
fn a_new_run_may_take_the_place_of_the_old() {
    let (mut world, machine) = boot();
    let policy = |policy| Task::new("polite").with(|settings| settings.instances_policy = policy);
    machine.register(r"\a", &policy(InstancesPolicy::StopExisting));
    machine.run(r"\a", &[]).unwrap();
    world.settle();
    machine.run(r"\a", &[]).unwrap();
    world.pass(Duration::from_secs(2));
    assert_eq!(machine.diary.lines(), ["polite works", "polite cleans up", "polite works"]);
}
