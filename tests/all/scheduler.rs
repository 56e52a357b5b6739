//! The door: inputs in, outputs out.

#![allow(clippy::unwrap_used)]

use bytemuck::Zeroable as _;
use mainspring::{
    auth::Identity,
    engine::{self, Context, Creation, InstanceSlot, Registration, TaskSlot},
    event::{Closed, Event},
    limits::{BIND_TIME, FIRINGS_PER_TICK, FRAGMENT_MAX, STRANGER_TIME},
    ports::{NoSecrets, NoSessions, Ports},
    rpc::Pool,
    scheduler::{Arrival, Config, ConnectionId, ConnectionSlot, Endpoint, Input, Memory, Output, Scheduler},
    sid::Sid,
    status::Status,
    task::Path,
    time::{Monotonic, Now, zone::Zone},
    tsch,
};
use mainspring_linux::entropy::Kernel;
use mainspring_tests::{
    server::{NEW_YEAR, People, Records},
    world::{Task, registration},
};

/// A log that misses the runs of a busy minute is none.
#[test]
fn no_event_of_a_busy_tick_is_lost() {
    let mut slots = vec![TaskSlot::zeroed(); FIRINGS_PER_TICK];
    let mut instances = vec![InstanceSlot::zeroed(); FIRINGS_PER_TICK];
    let (mut index, mut queue) = (vec![0; 2 * FIRINGS_PER_TICK], vec![0; 3 * FIRINGS_PER_TICK]);
    let (mut record, mut image) = ([0; 4096], [0; 4096]);
    let memory = Memory {
        engine: engine::Memory {
            tasks: &mut slots,
            index: &mut index,
            queue: &mut queue,
            instances: &mut instances,
            record: &mut record,
            credentials: &mut [],
            history: 8,
        },
        connections: &mut [],
        pool: Pool::new(&mut [], &mut []),
        reply: &mut [],
        image: &mut [],
    };
    let identity = Identity { netbios_name: "TEST", dns_name: "test" };
    let mut scheduler =
        Scheduler::new(memory, Config { identity, endpoints: &[], version: tsch::VERSION, fragment: FRAGMENT_MAX });
    let (mut store, mut entropy, mut accounts) = (Records::default(), Kernel, People::default());
    let mut ports = Ports {
        store: &mut store,
        entropy: &mut entropy,
        accounts: &mut accounts,
        sessions: &NoSessions,
        secrets: &mut NoSecrets,
    };
    let zone = Zone::default();
    let now = Now { monotonic: Monotonic(1000), wall: Some(NEW_YEAR) };
    scheduler.start(now, &zone, &mut ports).unwrap();

    let task = Task::new("/nowhere").when(registration(0));
    for number in 0..FIRINGS_PER_TICK {
        let registration = Registration {
            creation: Creation::Create,
            image: task.image(&mut image),
            security: None,
            folders: None,
            principal_reads: true,
            disable: false,
            fire_registration_triggers: true,
            registrant: Sid::LOCAL_SYSTEM,
        };
        let mut cx = Context { now, zone: &zone, store: ports.store, entropy: ports.entropy, sessions: ports.sessions };
        let path = Path::parse(&format!("\\{number}")).unwrap();
        scheduler.engine().register(&mut cx, &path, &registration).unwrap();
        while !matches!(scheduler.output(), Output::Sleep(_)) {}
    }

    // None of them can be started, so that each makes a second event at once.
    scheduler.input(now, &zone, Input::Tick, &mut ports);
    let (mut started, mut ended) = (0, 0);
    loop {
        match scheduler.output() {
            Output::Start { instance } => {
                let failed = Input::StartFailed { instance, result: Status::E_FILE_NOT_FOUND };
                scheduler.input(now, &zone, failed, &mut ports);
            }
            Output::Tell(Event::InstanceStarted { .. }) => started += 1,
            Output::Tell(Event::InstanceEnded { result: Status::E_FILE_NOT_FOUND, .. }) => ended += 1,
            Output::Sleep(_) => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((started, ended), (FIRINGS_PER_TICK, FIRINGS_PER_TICK));
}

/// A scheduler with room for eight connections and nothing else, handed to `then` with what a call takes.
fn with_connections(then: impl FnOnce(&mut Scheduler<'_>, &mut Ports<'_>)) {
    with_slots(8, then);
}

/// The same with room for so many connections.
fn with_slots(slots: usize, then: impl FnOnce(&mut Scheduler<'_>, &mut Ports<'_>)) {
    let mut connections = vec![ConnectionSlot::zeroed(); slots];
    let (mut record, mut image) = ([0; 4096], [0; 4096]);
    let memory = Memory {
        engine: engine::Memory {
            tasks: &mut [],
            index: &mut [],
            queue: &mut [],
            instances: &mut [],
            record: &mut record,
            credentials: &mut [],
            history: 8,
        },
        connections: &mut connections,
        pool: Pool::new(&mut [], &mut []),
        reply: &mut [],
        image: &mut image,
    };
    let identity = Identity { netbios_name: "TEST", dns_name: "test" };
    let mut scheduler =
        Scheduler::new(memory, Config { identity, endpoints: &[], version: tsch::VERSION, fragment: FRAGMENT_MAX });
    let (mut store, mut entropy, mut accounts) = (Records::default(), Kernel, People::default());
    let mut ports = Ports {
        store: &mut store,
        entropy: &mut entropy,
        accounts: &mut accounts,
        sessions: &NoSessions,
        secrets: &mut NoSecrets,
    };
    scheduler.start(at(0), &Zone::UTC, &mut ports).unwrap();
    then(&mut scheduler, &mut ports);
}

fn at(milliseconds: u64) -> Now {
    Now { monotonic: Monotonic(milliseconds), wall: Some(NEW_YEAR.plus(milliseconds.cast_signed())) }
}

fn arrival() -> Arrival {
    let (local, remote) = ("127.0.0.1:49664".parse().unwrap(), "127.0.0.1:50000".parse().unwrap());
    Arrival { endpoint: Endpoint::Services, local, remote }
}

/// Which connections the host is to close, and why.
fn closes(scheduler: &mut Scheduler<'_>) -> (Vec<ConnectionId>, Vec<Closed>) {
    let (mut connections, mut reasons) = (Vec::new(), Vec::new());
    loop {
        match scheduler.output() {
            Output::Close { connection } => connections.push(connection),
            Output::Tell(Event::ConnectionClosed { reason, .. }) => reasons.push(reason),
            Output::Sleep(_) => return (connections, reasons),
            other => panic!("{other:?}"),
        }
    }
}

/// Those who connect and never log in cannot keep everybody else out: the oldest of them makes room.
#[test]
fn strangers_make_room_for_a_new_connection() {
    with_connections(|scheduler, _| {
        let mut open = Vec::new();
        for number in 0..100 {
            open.push(scheduler.accept(at(number), &arrival()).expect("there is room").0);
            let (closed, reasons) = closes(scheduler);
            assert_eq!(reasons, vec![Closed::NoConnectionSlot; closed.len()]);
            assert_eq!(closed, if open.len() > 7 { vec![open.remove(0)] } else { vec![] });
            closed.into_iter().for_each(|connection| scheduler.closed(connection));
            assert_eq!(scheduler.connections(), open.len());
        }
    });
}

/// With few slots those who never log in cannot keep everybody else out either: once all are taken, the oldest of them has had
/// his time, or will have had it soon. Those who log in at the same moment do not push each other out.
#[test]
fn of_few_slots_strangers_do_not_keep_any_for_long() {
    for slots in [2, 4, 7] {
        with_slots(slots, |scheduler, ports| {
            let open: Vec<_> = (0..slots).map(|_| scheduler.accept(at(5), &arrival()).ok().unwrap().0).collect();
            assert_eq!(closes(scheduler), (vec![], vec![]));
            // The host is to come back in time.
            while !matches!(scheduler.output(), Output::Sleep(deadline) if deadline.monotonic == Some(Monotonic(5 + STRANGER_TIME)))
            {
            }
            scheduler.input(at(4 + STRANGER_TIME), &Zone::UTC, Input::Tick, ports);
            assert_eq!(closes(scheduler), (vec![], vec![]));
            scheduler.input(at(5 + STRANGER_TIME), &Zone::UTC, Input::Tick, ports);
            assert_eq!(closes(scheduler), (vec![open[0]], vec![Closed::NoConnectionSlot]));
            // One at a time, however long the host takes.
            scheduler.input(at(6 + STRANGER_TIME), &Zone::UTC, Input::Tick, ports);
            assert_eq!(closes(scheduler), (vec![], vec![]));
            scheduler.closed(open[0]);
            scheduler.input(at(7 + STRANGER_TIME), &Zone::UTC, Input::Tick, ports);
            assert_eq!(closes(scheduler), (vec![], vec![]));
            // The next one to take the last slot costs an older one his at once.
            assert!(scheduler.accept(at(8 + STRANGER_TIME), &arrival()).is_ok());
            assert_eq!(closes(scheduler), (vec![open[1]], vec![Closed::NoConnectionSlot]));
        });
    }
}

/// A host that does not close what it is told to is told that there is no room, and nothing worse.
#[test]
fn no_connection_is_taken_in_when_every_slot_is_taken() {
    with_connections(|scheduler, _| {
        for _ in 0..8 {
            assert!(scheduler.accept(at(0), &arrival()).is_ok());
        }
        assert!(scheduler.accept(at(0), &arrival()).is_err());
        let (closed, reasons) = closes(scheduler);
        assert_eq!((closed.len(), reasons.len()), (1, 2));
        scheduler.closed(closed[0]);
        scheduler.closed(closed[0]);
        assert_eq!(scheduler.connections(), 7);
        assert!(scheduler.accept(at(0), &arrival()).is_ok());
    });
}

/// A connection that never binds is closed in time, told once, and its identifier is not that of the next in its place.
#[test]
fn a_bind_that_never_comes_is_closed_in_time() {
    with_connections(|scheduler, ports| {
        let (first, mut association) = scheduler.accept(at(0), &arrival()).ok().unwrap();
        scheduler.input(at(BIND_TIME - 1), &Zone::UTC, Input::Tick, ports);
        assert_eq!(closes(scheduler), (vec![], vec![]));
        scheduler.input(at(BIND_TIME), &Zone::UTC, Input::Tick, ports);
        assert_eq!(closes(scheduler), (vec![first], vec![Closed::BindTime]));
        scheduler.input(at(2 * BIND_TIME), &Zone::UTC, Input::Tick, ports);
        assert_eq!(closes(scheduler), (vec![], vec![]));
        scheduler.closed(first);

        let (second, _) = scheduler.accept(at(2 * BIND_TIME), &arrival()).ok().unwrap();
        assert_ne!(first, second);
        let late = &mut [5, 0, 11];
        let step =
            scheduler.exchange(at(2 * BIND_TIME), &Zone::UTC, first, &mut association, late, &mut [0; 5840], ports);
        assert_eq!((step.consumed, step.close), (3, Some(Closed::Shutdown)));
        assert_eq!(scheduler.connections(), 1);
    });
}

/// At the end every connection is closed, each once.
#[test]
fn a_shutdown_closes_every_connection_once() {
    with_connections(|scheduler, ports| {
        let open: Vec<_> = (0..3).map(|_| scheduler.accept(at(0), &arrival()).ok().unwrap().0).collect();
        scheduler.input(at(1), &Zone::UTC, Input::Shutdown, ports);
        assert_eq!(closes(scheduler), (open.clone(), vec![Closed::Shutdown; 3]));
        assert_eq!(closes(scheduler), (vec![], vec![]));
    });
}
