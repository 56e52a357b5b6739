//! Real clients over networks that lose, double, delay and reorder.

use embassy_futures::join::join4;
use embassy_net::Stack;
use embassy_time::{Duration, Instant, Timer};
use mainspring::{
    event::Closed,
    guid::Guid,
    status::Status,
    tsch::client::{Creation, Delete, EnumTasks, GetTaskInfo, RegisterTask, RetrieveTask, Run, Stop},
};
use mainspring_tests::{
    server,
    world::{Task, daily, every},
};

use crate::{
    machine::{Machine, Made},
    session::{Lost, Session, connect, narrow},
    wire::{Hub, Weather},
    world::{Seen, World},
};

const USER: &str = "alice";
const PASSWORD: &str = "Passw0rd!";

/// A good network.
const FAIR: Weather = Weather { lost: 0, doubled: 0, delay: (1, 1) };

/// A definition that logs its first argument, and is longer than a fragment in UTF-16.
fn definition() -> String {
    let padding = "What it is for, at some length. ".repeat(100);
    format!(
        r#"<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo><Description>{padding}</Description></RegistrationInfo><Triggers/>
  <Actions><Exec><Command>log</Command><Arguments>$(Arg0)</Arguments></Exec></Actions></Task>"#
    )
}

/// Registers a task, finds it, runs it and deletes it.
async fn conversation(stack: Stack<'static>, path: String, argument: String) -> Result<(), Lost> {
    let xml = definition();
    let mut session = Session::open(stack, USER, PASSWORD).await?;
    let register = RegisterTask { path: Some(&path), xml: &xml, creation: Creation::Create, ..server::registration() };
    let status = session.call(&register, |answer| answer.status).await?;
    assert_eq!(status, Status::S_OK);
    let all = EnumTasks { path: "\\", hidden: true, start: 0, requested: 0 };
    let names = session
        .call(&all, |answer| {
            answer.names.map(|name| name.chars().map(Result::unwrap).collect()).collect::<Vec<String>>()
        })
        .await?;
    assert!(names.contains(&path[1..].to_owned()), "{names:?}");
    let back = session.call(&RetrieveTask { path: &path }, |answer| answer.xml.unwrap().chars().count()).await?;
    assert!(back > 3000);
    let run = Run { path: &path, arguments: &[&argument], ignore_constraints: false };
    let instance = session.call(&run, |answer| answer.instance).await?;
    assert_ne!(instance, Guid::NIL);
    assert_eq!(session.call(&Delete { path: &path }, |status| status).await?, Status::S_OK);
    let gone = session.call(&GetTaskInfo { path: &path, state: true }, |answer| answer.status).await?;
    assert_eq!(gone, Status::E_FILE_NOT_FOUND);
    session.close().await;
    Ok(())
}

/// A board that listens with so many sockets, and a stack for clients.
fn connected(world: &mut World, seed: u64, weather: Weather, sockets: usize) -> (Machine, Hub, Stack<'static>) {
    let machine = Machine::boot(world, Made::default());
    let hub = Hub::new(seed, weather);
    let (server, _) = hub.stack(world, 1);
    let (client, _) = hub.stack(world, 2);
    machine.listen(world, server, sockets);
    world.settle();
    (machine, hub, client)
}

#[test]
fn a_client_registers_lists_runs_and_deletes() {
    let mut world = World::new();
    let (machine, _, client) = connected(&mut world, 1, FAIR, 4);
    let (answer, _) = world.spawn(conversation(client, r"\task".into(), "hello".into()));
    world.until(&answer, Duration::from_secs(5)).unwrap();
    assert_eq!(machine.diary.lines(), ["log hello"]);
    world.pass(Duration::from_secs(3));
    assert_eq!(machine.host.connections(), 0);
}

#[test]
fn networks_that_lose_double_and_reorder_change_nothing() {
    let weathers = [
        Weather { lost: 100, doubled: 0, delay: (1, 1) },
        Weather { lost: 0, doubled: 300, delay: (1, 1) },
        Weather { lost: 0, doubled: 0, delay: (1, 40) },
        Weather { lost: 100, doubled: 100, delay: (1, 40) },
    ];
    for (weather, seed) in weathers.into_iter().flat_map(|weather| (1..=5).map(move |seed| (weather, seed))) {
        let mut world = World::new();
        let (machine, hub, client) = connected(&mut world, seed, weather, 2);
        let argument = format!("{weather:?} {seed}");
        let (answer, _) = world.spawn(conversation(client, r"\task".into(), argument.clone()));
        world.until(&answer, Duration::from_secs(300)).unwrap_or_else(|lost| panic!("{lost:?}: {argument}"));
        assert_eq!(machine.diary.lines(), [format!("log {argument}")]);
        assert!(hub.sent() > 30);
        world.pass(Duration::from_secs(60));
        assert_eq!(machine.host.connections(), 0, "{argument}");
    }
}

/// Four at once, each with a conversation of its own, over a bad network; a task fires every second meanwhile, on the
/// second.
#[test]
fn four_clients_at_once_hold_up_no_firing() {
    let mut world = World::new();
    let weather = Weather { lost: 50, doubled: 50, delay: (1, 20) };
    let (machine, _, client) = connected(&mut world, 5, weather, 4);
    machine.register(r"\beat", &Task::new("log").when(every(daily("2030-01-01T00:00:00Z"), 1, None)));
    world.settle();
    assert_eq!(machine.diary.lines(), ["log "]);
    let most = std::rc::Rc::new(std::cell::Cell::new(0));
    let (host, seen) = (machine.host, most.clone());
    world.spawn(async move {
        loop {
            seen.set(seen.get().max(host.connections()));
            Timer::after_millis(5).await;
        }
    });
    let (answer, _) = world.spawn(async move {
        let talk = |number: u32| conversation(client, format!("\\{number}"), format!("of {number}"));
        join4(talk(1), talk(2), talk(3), talk(4)).await
    });
    let (a, b, c, d) = world.until(&answer, Duration::from_secs(300));
    for result in [a, b, c, d] {
        result.unwrap();
    }
    assert_eq!(most.get(), 4, "all at once");
    let seconds = Instant::now().as_secs();
    let runs = machine.diary.take();
    let beats: Vec<_> = runs.iter().filter(|run| run.what == "log ").collect();
    assert_eq!(beats.len() as u64, seconds);
    for (beat, second) in beats.iter().zip(1..) {
        assert_eq!(beat.at, Instant::from_secs(second), "late or early");
    }
    assert_eq!(runs.len() - beats.len(), 4);
}

/// While every socket is taken, one more is refused; when one is free again it is served.
#[test]
fn a_fifth_client_is_refused_and_may_come_again() {
    let mut world = World::new();
    let (machine, _, client) = connected(&mut world, 6, FAIR, 4);
    let mut sessions = Vec::new();
    for _ in 0..4 {
        let (answer, _) = world.spawn(Session::open(client, USER, PASSWORD));
        sessions.push(world.until(&answer, Duration::from_secs(5)).unwrap());
    }
    assert_eq!(machine.host.connections(), 4);
    let (answer, _) = world.spawn(Session::open(client, USER, PASSWORD));
    assert!(matches!(world.until(&answer, Duration::from_secs(5)), Err(Lost::Connection)));
    // The four know nothing of it.
    let mut last = sessions.pop().unwrap();
    let info = GetTaskInfo { path: r"\none", state: true };
    let (answer, _) = world.spawn(async move {
        let status = last.call(&info, |answer| answer.status).await;
        last.close().await;
        status
    });
    assert_eq!(world.until(&answer, Duration::from_secs(5)).unwrap(), Status::E_FILE_NOT_FOUND);
    world.pass(Duration::from_secs(3));
    assert_eq!(machine.host.connections(), 3);
    let (answer, _) = world.spawn(Session::open(client, USER, PASSWORD));
    sessions.push(world.until(&answer, Duration::from_secs(5)).unwrap());
    assert_eq!(machine.host.connections(), 4);
}

/// Each socket says once that it listens, before anybody is served, and not again for its next connection.
#[test]
fn a_socket_says_once_that_it_listens() {
    let mut world = World::new();
    let machine = Machine::boot(&mut world, Made::default());
    let hub = Hub::new(8, FAIR);
    let (server, _) = hub.stack(&mut world, 1);
    let (client, _) = hub.stack(&mut world, 2);
    machine.listen(&mut world, server, 2);
    assert_eq!(machine.journal.count("Listening"), 0);
    world.pass(Duration::from_millis(1));
    assert_eq!(machine.journal.count("Listening"), 2);
    for _ in 0..3 {
        let (answer, _) = world.spawn(async move {
            Session::open(client, USER, PASSWORD).await?.close().await;
            Ok::<_, Lost>(())
        });
        world.until(&answer, Duration::from_secs(5)).unwrap();
        world.pass(Duration::from_secs(3));
    }
    assert_eq!(machine.journal.count("Connected"), 3);
    assert_eq!(machine.journal.count("Listening"), 2);
}

/// A client whose cable is pulled in the middle of a call is missed within a minute, and its socket serves the next one.
#[test]
fn a_client_that_vanishes_frees_its_socket() {
    for reading in [false, true] {
        let mut world = World::new();
        let machine = Machine::boot(&mut world, Made::default());
        let hub = Hub::new(7, FAIR);
        let (server, _) = hub.stack(&mut world, 1);
        let (first, cable) = hub.stack(&mut world, 2);
        let (second, _) = hub.stack(&mut world, 3);
        machine.listen(&mut world, server, 1);
        machine.register(r"\beat", &Task::new("log").when(every(daily("2030-01-01T00:00:00Z"), 1, None)));

        let (answer, _) = world.spawn(Session::open(first, USER, PASSWORD));
        let mut session = world.until(&answer, Duration::from_secs(5)).unwrap();
        let asked = Seen::default();
        let told = asked.clone();
        let (_answer, task) = world.spawn(async move {
            let xml = definition();
            let register = RegisterTask { path: Some(r"\task"), xml: &xml, ..server::registration() };
            if reading {
                // The answer is on its way when the cable is pulled.
                session.send(&GetTaskInfo { path: r"\none", state: true }).await.unwrap();
            } else {
                // Only the first of two fragments ever comes.
                session.send_some(&register).await.unwrap();
            }
            told.set();
            std::future::pending::<()>().await;
        });
        while !asked.get() {
            world.pass(Duration::from_millis(1));
        }
        hub.pull(cable, true);
        world.pass(Duration::from_secs(1));
        assert_eq!(machine.host.connections(), 1);
        world.pass(Duration::from_secs(60));
        assert_eq!(machine.host.connections(), 0, "reading: {reading}");
        let (answer, _) = world.spawn(conversation(second, r"\task".into(), "second".into()));
        world.until(&answer, Duration::from_secs(5)).unwrap();

        let beats: Vec<_> = machine.diary.take().into_iter().filter(|run| run.what == "log ").collect();
        assert!(beats.len() > 60);
        assert!(beats.iter().all(|beat| beat.at.as_micros() % 1_000_000 == 0));
        world.kill(task);
    }
}

/// Who asks and never reads is broken off; one who never logs in is closed after half a minute, and tells nobody else.
#[test]
fn those_who_stop_half_way_are_closed() {
    let mut world = World::new();
    let (machine, _, client) = connected(&mut world, 8, FAIR, 2);
    let (answer, _) = world.spawn(connect(client));
    let mut stranger = world.until(&answer, Duration::from_secs(5)).unwrap();
    // The answer fills its small window, then the server's buffer.
    let (answer, _) = world.spawn(async move {
        let mut session = Session::over(narrow(client).await?, USER, PASSWORD).await?;
        let xml = definition();
        let register = RegisterTask { path: Some(r"\long"), xml: &xml, ..server::registration() };
        session.call(&register, |answer| answer.status).await?;
        Ok::<_, Lost>(session)
    });
    let mut deaf = world.until(&answer, Duration::from_secs(5)).unwrap();
    let (_answer, task) = world.spawn(async move {
        deaf.send(&RetrieveTask { path: r"\long" }).await.unwrap();
        std::future::pending::<()>().await;
    });
    world.pass(Duration::from_secs(10));
    assert_eq!(machine.host.connections(), 2);
    world.pass(Duration::from_secs(40));
    assert_eq!(machine.host.connections(), 0, "{:?}", machine.journal.lines.borrow());
    assert!(machine.journal.has(&format!("{:?}", Closed::BindTime)));
    assert!(machine.journal.has("BrokenOff"));
    // The stranger saw the end of the stream.
    let (answer, _) = world.spawn(async move { stranger.read(&mut [0; 8]).await });
    assert_eq!(world.until(&answer, Duration::from_secs(5)), Ok(0));
    world.kill(task);
    let (answer, _) = world.spawn(conversation(client, r"\task".into(), "last".into()));
    world.until(&answer, Duration::from_secs(5)).unwrap();
}

/// What is no protocol at all ends the connection, and nothing else.
#[test]
fn garbage_ends_its_own_connection_only() {
    use embedded_io_async::Write as _;
    let mut world = World::new();
    let (machine, _, client) = connected(&mut world, 9, FAIR, 2);
    for length in [1, 16, 24, 4000] {
        let (answer, _) = world.spawn(async move {
            let mut socket = connect(client).await.unwrap();
            let bytes = vec![0xA5; length];
            let _ = socket.write_all(&bytes).await;
            let _ = socket.flush().await;
            socket.close();
            while let Ok(1..) = socket.read(&mut [0; 64]).await {}
            // A socket that is dropped says nothing more.
            Timer::after_millis(10).await;
        });
        world.until(&answer, Duration::from_secs(60));
    }
    world.pass(Duration::from_secs(5));
    assert_eq!(machine.host.connections(), 0);
    let (answer, _) = world.spawn(conversation(client, r"\task".into(), "last".into()));
    world.until(&answer, Duration::from_secs(5)).unwrap();
}

/// When the board shuts down, connections end, and a task that runs is stopped.
#[test]
fn a_shutdown_closes_and_stops() {
    let mut world = World::new();
    let (machine, _, client) = connected(&mut world, 10, FAIR, 2);
    machine.register(r"\long", &Task::new("polite"));
    let (answer, _) = world.spawn(async move {
        let mut session = Session::open(client, USER, PASSWORD).await?;
        let run = Run { path: r"\long", arguments: &[], ignore_constraints: false };
        session.call(&run, |answer| answer.status).await?;
        Ok::<_, Lost>(session)
    });
    let mut session = world.until(&answer, Duration::from_secs(5)).unwrap();
    machine.host.shut_down();
    world.pass(Duration::from_secs(5));
    assert_eq!(machine.diary.lines(), ["polite works", "polite cleans up"]);
    assert_eq!(machine.host.connections(), 0);
    let (answer, _) = world.spawn(async move { session.call(&Stop { path: r"\long" }, |status| status).await });
    assert!(world.until(&answer, Duration::from_secs(5)).is_err());
    assert_eq!(machine.last_result(r"\long"), Some(Status(7)));
}

/// Those who connect and never log in make room for one who does, and he is not one of them.
#[test]
fn strangers_do_not_keep_others_out() {
    let mut world = World::new();
    let (machine, _, client) = connected(&mut world, 11, FAIR, 4);
    let (answer, _) = world.spawn(Session::open(client, USER, PASSWORD));
    let known = world.until(&answer, Duration::from_secs(5)).unwrap();
    for _ in 0..3 {
        // Who is thrown out comes again.
        world.spawn(async move {
            loop {
                if let Ok(mut socket) = connect(client).await {
                    while let Ok(1..) = socket.read(&mut [0; 64]).await {}
                }
                Timer::after_millis(300).await;
            }
        });
    }
    world.pass(Duration::from_secs(1));
    assert_eq!(machine.host.connections(), 4);
    let (answer, _) = world.spawn(async move {
        for attempt in 1..400 {
            if let Ok(session) = Session::open(client, USER, PASSWORD).await {
                return (attempt, session);
            }
            Timer::after_millis(50).await;
        }
        panic!("never let in");
    });
    let (attempts, _session) = world.until(&answer, Duration::from_secs(30));
    assert!(attempts > 1);
    assert!(machine.journal.has("NoConnectionSlot"));
    world.pass(Duration::from_secs(20));
    // Both who are logged in are left alone.
    assert_eq!(machine.journal.count("connection: 65536, reason: NoConnectionSlot"), 0);
    drop(known);
}
