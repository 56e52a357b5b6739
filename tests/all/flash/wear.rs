//! What registrations and runs cost the flash, by the real engine, against `tests/data/flash/wear.txt`.
//!
//! `MAINSPRING_WEAR=write cargo test -p mainspring-tests --test all -- wear` writes that table anew.

use std::{env, fmt::Write, fs};

use bytemuck::Zeroable;
use mainspring::{
    engine::{self, Context, Creation, Engine, InstanceSlot, Registration, TaskIndex, TaskSlot},
    ports::Store,
    sid::Sid,
    status::Status,
    task::{Image, Path, xml},
    time::{Monotonic, Now, Timestamp, zone::Zone},
};
use mainspring_embassy::flash::{Blocking, FlashStore};
use mainspring_linux::entropy::Kernel;
use mainspring_tests::nor::Nor;

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/flash/wear.txt");
const RUNS: u32 = 10_000;
const TASKS: u32 = 20;

/// A definition as a console makes them: 2.8 KB of XML.
fn definition(into: &mut [u8]) -> Image<'_> {
    let mut resolve = Sid::parse;
    let mut registrant = xml::Registrant {
        resolve: &mut resolve,
        default_user: Sid::LOCAL_SYSTEM,
        override_user: None,
        override_group: None,
        override_logon: None,
    };
    xml::read_str(include_str!("../../data/task/console.xml"), &mut registrant, into).unwrap()
}

/// 2026-06-01T00:00:00Z, and so many seconds.
fn at(seconds: u32) -> Now {
    let wall = Timestamp::from_seconds(1_780_272_000 + i64::from(seconds));
    Now { monotonic: Monotonic(u64::from(seconds) * 1000), wall: Some(wall) }
}

/// Registers twenty tasks, and runs one after another; what each registration and each run cost.
fn measure<const WORD: usize, const PAGE: usize, const PAGES: usize>() -> String {
    type Flash<const WORD: usize, const PAGE: usize, const PAGES: usize> =
        FlashStore<Blocking<Nor<WORD, PAGE>>, PAGES, 96, 512, 2048>;
    let mut store = Flash::<WORD, PAGE, PAGES>::mount(Blocking(Nor::new(PAGES + 2))).unwrap();
    let (mut tasks, mut index, mut queue) = ([TaskSlot::zeroed(); 32], [0; 64], [0; 32]);
    let (mut instances, mut record) = ([InstanceSlot::zeroed(); 4], [0; 4096]);
    let mut engine = Engine::new(engine::Memory {
        tasks: &mut tasks,
        index: &mut index,
        queue: &mut queue,
        instances: &mut instances,
        record: &mut record,
    });
    let zone = Zone::UTC;
    let mut call = |seconds, store: &mut dyn Store, work: &mut dyn FnMut(&mut Engine<'_>, &mut Context<'_>)| {
        work(&mut engine, &mut Context { now: at(seconds), zone: &zone, store, entropy: &mut Kernel });
    };
    call(0, &mut store, &mut |engine, cx| assert_eq!(engine.load(cx).unwrap().tasks, 0));
    let (mut buffer, mut registered) = (vec![0; 2048], Vec::<TaskIndex>::new());
    let image = definition(&mut buffer);
    for number in 0..TASKS {
        let path = Path::parse(&format!("\\Task {number}")).unwrap();
        let registration = Registration {
            creation: Creation::Create,
            image,
            sddl: None,
            disable: false,
            fire_registration_triggers: false,
            registrant: Sid::LOCAL_SYSTEM,
        };
        call(0, &mut store, &mut |engine, cx| registered.push(engine.register(cx, &path, &registration).unwrap()));
    }
    let registering = store.usage();
    for run in 0..RUNS {
        let task = registered[(run % TASKS) as usize];
        call(run, &mut store, &mut |engine, cx| {
            let instance = engine.run(cx, task, &mut std::iter::empty()).unwrap();
            while engine.order().is_some() || engine.event().is_some() {}
            engine.started(cx, instance, 1);
            engine.exited(cx, instance, Status::S_OK);
            while engine.event().is_some() {}
        });
    }
    let running = store.usage();
    let each = |programmed: u64, count: u32| programmed.div_ceil(u64::from(count));
    format!(
        "{WORD:>4} {PAGE:>5} {PAGES:>5} {:>21} {:>12} {:>19}\n",
        each(registering.programmed, TASKS),
        each(running.programmed - registering.programmed, RUNS),
        (running.erased - registering.erased) * 1000 / RUNS,
    )
}

#[test]
fn wear_is_what_the_table_says() {
    let mut table = String::from(
        "# Bytes programmed by a registration of a definition of 2.8 KB, amortised over twenty, and by a run, amortised over\n\
         # 10,000 runs of twenty tasks; pages erased by a thousand runs.\n\
         word  page pages  bytes/registration    bytes/run  erases/1,000 runs\n",
    );
    for row in [
        measure::<1, 4096, 62>(),
        measure::<4, 4096, 62>(),
        measure::<8, 4096, 62>(),
        measure::<4, 4096, 14>(),
        measure::<4, 2048, 30>(),
        measure::<32, 4096, 62>(),
    ] {
        let _ = table.write_str(&row);
    }
    print!("{table}");
    if env::var("MAINSPRING_WEAR").as_deref() == Ok("write") {
        fs::create_dir_all(std::path::Path::new(TABLE).parent().unwrap()).unwrap();
        fs::write(TABLE, &table).unwrap();
    }
    let committed = fs::read_to_string(TABLE).unwrap();
    let numbers = |text: &str| -> Vec<u64> { text.split_whitespace().filter_map(|word| word.parse().ok()).collect() };
    let (got, expected) = (numbers(&table), numbers(&committed));
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(&expected) {
        // A few bytes more or less are no news.
        assert!(got.abs_diff(*expected) <= 2 + expected / 20, "{got} and not {expected}:\n{table}\n{committed}");
    }
}
