//! The door: inputs in, outputs out.

#![allow(clippy::unwrap_used)]

use bytemuck::Zeroable as _;
use mainspring::{
    auth::Identity,
    engine::{self, Context, Creation, InstanceSlot, Registration, TaskSlot},
    event::Event,
    limits::FIRINGS_PER_TICK,
    ports::Ports,
    rpc::Pool,
    scheduler::{Config, Input, Memory, Output, Scheduler},
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
    let (mut index, mut queue) = (vec![0; 2 * FIRINGS_PER_TICK], vec![0; FIRINGS_PER_TICK]);
    let (mut record, mut image) = ([0; 4096], [0; 4096]);
    let memory = Memory {
        engine: engine::Memory {
            tasks: &mut slots,
            index: &mut index,
            queue: &mut queue,
            instances: &mut instances,
            record: &mut record,
        },
        connections: &mut [],
        pool: Pool::new(&mut [], &mut []),
        reply: &mut [],
        image: &mut [],
    };
    let identity = Identity { netbios_name: "TEST", dns_name: "test" };
    let mut scheduler = Scheduler::new(memory, Config { identity, endpoints: &[], version: tsch::VERSION });
    let (mut store, mut entropy, mut accounts) = (Records::default(), Kernel, People::default());
    let mut ports = Ports { store: &mut store, entropy: &mut entropy, accounts: &mut accounts };
    let zone = Zone::default();
    let now = Now { monotonic: Monotonic(1000), wall: Some(NEW_YEAR) };
    scheduler.start(now, &zone, &mut ports).unwrap();

    let task = Task::new("/nowhere").when(registration(0));
    for number in 0..FIRINGS_PER_TICK {
        let registration = Registration {
            creation: Creation::Create,
            image: task.image(&mut image),
            sddl: None,
            disable: false,
            fire_registration_triggers: true,
            registrant: Sid::LOCAL_SYSTEM,
        };
        let mut cx = Context { now, zone: &zone, store: ports.store, entropy: ports.entropy };
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
