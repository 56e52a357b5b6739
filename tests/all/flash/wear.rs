//! What registrations and runs of a real engine cost a part, compared with the committed table.
//!
//! `MAINSPRING_WEAR=write cargo test -p mainspring-tests --profile sweep --test all -- flash::wear` writes the table anew.

use mainspring::{
    ports::{Change, Key, Store, StoreError},
    security::sddl,
    store::DEFINITION,
    task::{Action, Exec, InstancesPolicy, Schedule, TriggerKind},
};
use mainspring_embassy::flash::FlashStore;
use mainspring_tests::{
    nor::{Nor, Shared},
    store::Medium,
    world::{MINUTE, Outside, Slots, Task, World, at, every, once, trigger},
};
use std::fmt::Write;

/// Bytes of flash of every part, the journal included.
const FLASH: usize = 128 * 1024;
/// Tasks on it, as on a small device.
const TASKS: usize = 32;
/// Registrations and runs that are averaged over.
const REGISTRATIONS: u32 = 320;
const RUNS: u32 = 10_000;
/// Runs on a part that is almost full.
const FULL_RUNS: u32 = 2_000;
/// By how much a figure may differ from the table's, in percent.
const TOLERANCE: f64 = 2.0;
/// Bytes that a run may program, on average, on the parts that are usual: pages of 4096, words of up to 4.
const RUN_BYTES: f64 = 160.0;

/// The table.
const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/flash/wear.txt");

const KEYS: usize = 1024;
const PAGES: usize = 512;

/// A store that keeps account of its calls.
struct Metered<'r, const PAGE: usize, const WORD: usize> {
    store: FlashStore<'r, Shared<PAGE, WORD>, PAGES, KEYS>,
    part: Shared<PAGE, WORD>,
    /// The most pages that one call erased since somebody set this to 0.
    most: u32,
}

impl<const PAGE: usize, const WORD: usize> Metered<'_, PAGE, WORD> {
    fn figures(&self) -> (u64, u32) {
        let nor = self.part.nor();
        (nor.programmed, nor.erases.iter().sum())
    }
}

impl<const PAGE: usize, const WORD: usize> Store for Metered<'_, PAGE, WORD> {
    fn get(&mut self, key: Key, into: &mut [u8]) -> Result<Option<usize>, StoreError> {
        self.store.get(key, into)
    }

    fn scan(&mut self, kind: u8, visit: &mut dyn FnMut(Key, &[u8]) -> bool) -> Result<(), StoreError> {
        self.store.scan(kind, visit)
    }

    fn apply(&mut self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        let (_, before) = self.figures();
        let applied = self.store.apply(changes);
        self.most = self.most.max(self.figures().1 - before);
        applied
    }
}

impl<const PAGE: usize, const WORD: usize> Medium for Metered<'_, PAGE, WORD> {
    fn is_dead(&self) -> bool {
        false
    }

    fn power(&mut self) {}
}

/// A task as an administrator's tool makes it: some 3 KB of XML, of which an image of some 390 bytes is kept.
fn typical(interval: u64) -> Task<'static> {
    let exec = Exec {
        command: r"C:\Program Files\Contoso\Device Maintenance\Housekeeping\housekeeping.exe for=5",
        arguments: Some(
            "--quiet --log C:\\ProgramData\\Contoso\\Device Maintenance\\Logs\\housekeeping.log --keep 14 \
             --report https://maintenance.contoso.example/devices/report --if-idle --compact --verify --checksum sha256 --priority low --lock C:\\Temp",
        ),
        working_directory: Some(r"C:\ProgramData\Contoso\Maintenance"),
        opaque: None,
    };
    let daily = TriggerKind::Calendar { random_delay: None, schedule: Schedule::Day { interval: 1 } };
    let mut task = Task { actions: vec![Action::Exec { id: Some("Housekeeping"), exec }], ..Task::default() }
        .when(trigger(daily, "2024-05-02T03:30:00"))
        .with(|with| with.instances_policy = InstancesPolicy::Parallel);
    if interval > 0 {
        task = task.when(every(once("2024-05-01T12:00:30"), interval, None));
    }
    let mut room = vec![0; 256];
    let length = sddl::read("D:(A;;FA;;;BA)(A;;FA;;;SY)(A;;FRFX;;;AU)", None, &mut room).unwrap();
    room.truncate(length);
    task.security = Some(room.leak());
    task
}

/// One row of the table.
struct Row {
    what: String,
    figures: Vec<f64>,
}

const HEADINGS: [&str; 10] = [
    "boot: bytes",
    "KB read",
    "registration: bytes",
    "pages per 100",
    "most in a call",
    "run: bytes",
    "pages per 1000",
    "most in a call",
    "run at 90 %: bytes",
    "most in a call",
];

fn measure<const PAGE: usize, const WORD: usize>() -> Row {
    let part = Shared::new(Nor::<PAGE, WORD>::new(FLASH / PAGE));
    let (mut first, mut second) = ([0; 4096], [0; 4096]);
    let start = "2024-05-01T12:00:00";
    let mount = |memory| {
        let store = FlashStore::mount(part.clone(), 0..FLASH as u32, memory).unwrap();
        Metered { store, part: part.clone(), most: 0 }
    };
    let mut slots = Slots::new(64, 16);
    let mut world = World::boot(&mut slots, Outside::new(start).on(mount(&mut first)));
    let paths: Vec<String> = (0..TASKS).map(|number| format!(r"\Contoso\Maintenance {number}")).collect();
    for path in &paths {
        world.register(path, &typical(0)).unwrap();
    }
    let mut figures = Vec::new();

    // Registrations, each of a task that is there already.
    let register = |world: &mut World<'_, Metered<'_, PAGE, WORD>>, count: u32| {
        for number in 0..count {
            world.register(&paths[number as usize % TASKS], &typical(0)).unwrap();
            world.outside.store.store.tidy().unwrap();
        }
    };
    register(&mut world, REGISTRATIONS);
    world.outside.store.most = 0;
    let before = world.outside.store.figures();
    register(&mut world, REGISTRATIONS);
    let after = world.outside.store.figures();
    figures.push((after.0 - before.0) as f64 / f64::from(REGISTRATIONS));
    figures.push(f64::from(after.1 - before.1) / f64::from(REGISTRATIONS) * 100.0);
    figures.push(f64::from(world.outside.store.most));

    // Runs of one task while nothing else happens.
    world.register(&paths[0], &typical(60)).unwrap();
    let run = |world: &mut World<'_, Metered<'_, PAGE, WORD>>, count: u32| {
        let starts = world.outside.starts().len();
        for _ in 0..count {
            world.run_for(MINUTE);
            while world.outside.store.store.tidy().unwrap() {}
        }
        let ran = world.outside.starts().len() - starts;
        let daily = TASKS * (count as usize / 1440 + 1);
        assert!((count as usize..=count as usize + daily).contains(&ran), "{ran} runs");
        ran as f64
    };
    run(&mut world, 500);
    world.outside.store.most = 0;
    let before = world.outside.store.figures();
    let ran = run(&mut world, RUNS);
    let after = world.outside.store.figures();
    figures.push((after.0 - before.0) as f64 / ran);
    figures.push(f64::from(after.1 - before.1) / ran * 1000.0);
    figures.push(f64::from(world.outside.store.most));

    // The same with the store nine tenths full of other things.
    let store = &mut world.outside.store.store;
    let mut number = 1_000_000;
    while store.space().used * 10 < store.space().capacity * 9 {
        let filler = Change::Put(Key { kind: 77, number }, &[number as u8; 200]);
        if let Err(error) = store.apply(&[filler]) {
            assert_eq!(error, StoreError::Exhausted);
            break;
        }
        number += 1;
    }
    run(&mut world, FULL_RUNS);
    world.outside.store.most = 0;
    let before = world.outside.store.figures();
    let ran = run(&mut world, FULL_RUNS);
    let after = world.outside.store.figures();
    figures.push((after.0 - before.0) as f64 / ran);
    figures.push(f64::from(world.outside.store.most));
    let outside = world.die().on(());

    // A start.
    let (before, read) = {
        let nor = part.nor();
        (nor.programmed, nor.read)
    };
    let world = World::boot(&mut slots, outside.on(mount(&mut second)));
    figures.insert(0, (world.outside.store.figures().0 - before) as f64);
    figures.insert(1, (part.nor().read - read) as f64 / 1024.0);
    assert!(world.outside.store.store.space().used > 0);
    Row { what: format!("{PAGE} {WORD}"), figures }
}

fn table(rows: &[Row]) -> String {
    let mut text = String::new();
    let mut room = [0; 8192];
    let length = typical(0).image(&mut room).bytes().len();
    let _ =
        writeln!(text, "# {} KB of flash, {TASKS} tasks with images of {length} bytes. Averages over", FLASH / 1024);
    let _ = writeln!(
        text,
        "# {REGISTRATIONS} registrations, {RUNS} runs, and {FULL_RUNS} runs on a store that is 90 % full."
    );
    let _ = writeln!(
        text,
        "# Written anew by the command that tests/all/flash/wear.rs names; {TOLERANCE} % are tolerated."
    );
    let _ = writeln!(text, "# page word; {}", HEADINGS.join("; "));
    for Row { what, figures } in rows {
        let figures: Vec<String> = figures.iter().map(|figure| format!("{figure:.1}")).collect();
        let _ = writeln!(text, "{what}; {}", figures.join("; "));
    }
    text
}

fn committed() -> String {
    std::fs::read_to_string(PATH).expect("the table is committed")
}

/// The rows of a table: which part it is of, and the figures.
fn parse(text: &str) -> Result<Vec<(&str, Vec<f64>)>, String> {
    let row = |line| -> Option<(&str, Vec<f64>)> {
        let (what, figures) = str::split_once(line, "; ")?;
        let figures: Vec<f64> = figures.split("; ").map(|figure| figure.parse().ok()).collect::<Option<_>>()?;
        (figures.len() == HEADINGS.len()).then_some((what, figures))
    };
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| row(line).ok_or_else(|| format!("no row of a table: {line}"))).collect()
}

/// Why a table that was measured is refused, beside the one that is committed.
fn judge(committed: &str, measured: &str) -> Result<(), String> {
    let (committed, now) = (parse(committed)?, parse(measured)?);
    let parts = |rows: &[(&str, Vec<f64>)]| rows.iter().map(|(what, _)| (*what).to_owned()).collect::<Vec<_>>();
    if parts(&committed) != parts(&now) {
        return Err(format!("rows of {:?} in the table, of {:?} measured", parts(&committed), parts(&now)));
    }
    for ((what, committed), (_, now)) in committed.iter().zip(&now) {
        for ((committed, now), heading) in committed.iter().zip(now).zip(HEADINGS) {
            let bound = committed.abs() * TOLERANCE / 100.0 + 0.1;
            let is_near = (committed - now).abs() <= bound;
            if !is_near {
                return Err(format!("{what}, {heading}: {committed} in the table, {now} measured:\n{measured}"));
            }
        }
        if ["4096 1", "4096 4"].contains(what) && now[5] > RUN_BYTES {
            return Err(format!("{what}: {} bytes a run", now[5]));
        }
    }
    Ok(())
}

/// The table with one figure changed.
fn with_figure(text: &str, row: usize, column: usize, change: impl Fn(f64) -> f64) -> String {
    let mut at = 0;
    let mut changed = String::new();
    for line in text.lines() {
        let mut cells: Vec<String> = line.split("; ").map(str::to_owned).collect();
        if !line.starts_with('#') {
            if at == row {
                cells[1 + column] = format!("{:.1}", change(cells[1 + column].parse().unwrap()));
            }
            at += 1;
        }
        changed += &cells.join("; ");
        changed.push('\n');
    }
    changed
}

/// The canary: what would pass unseen if the judge slept. Each of these differs from a table that is right in one place.
#[test]
fn canary_a_table_that_is_wrong_is_refused() {
    let right = committed();
    assert_eq!(judge(&right, &right), Ok(()));
    let rows = parse(&right).unwrap();
    let mut wrong = 0;
    for (row, (what, figures)) in rows.iter().enumerate() {
        for (column, &figure) in figures.iter().enumerate() {
            // Of a small count 3 % are less than it is told to; one more or less is what it can be off by.
            let off: [&dyn Fn(f64) -> f64; 2] =
                if figure < 20.0 { [&|it| it + 1.0, &|it| it - 1.0] } else { [&|it| it * 1.03, &|it| it * 0.97] };
            for off in off {
                let refused = judge(&right, &with_figure(&right, row, column, off)).unwrap_err();
                assert!(refused.starts_with(&format!("{what}, {}:", HEADINGS[column])), "{refused}");
                wrong += 1;
            }
        }
        // With a row missing, here or there.
        let missing: String =
            right.lines().filter(|line| !line.starts_with(&format!("{what};"))).flat_map(|line| [line, "\n"]).collect();
        assert_eq!(parse(&missing).map(|left| left.len()), Ok(rows.len() - 1));
        assert!(judge(&right, &missing).unwrap_err().starts_with("rows of"), "{what}");
        assert!(judge(&missing, &right).unwrap_err().starts_with("rows of"), "{what}");
    }
    assert_eq!(wrong, 2 * rows.len() * HEADINGS.len());
    // With a figure missing, with one that is none, and without anything.
    let cut = right.trim_end().rsplit_once("; ").unwrap().0;
    assert!(judge(&right, cut).unwrap_err().starts_with("no row of a table"));
    assert!(judge(&right, &with_figure(&right, 0, 0, |_| f64::NAN)).is_err());
    assert!(judge(&right, "").is_err() && judge("", &right).is_err());
    // A run that costs too much is refused, even if somebody committed it.
    for row in 0..2 {
        let costly = with_figure(&right, row, 5, |_| RUN_BYTES + 0.1);
        assert!(judge(&costly, &costly).unwrap_err().ends_with("bytes a run"));
    }
}

#[test]
fn the_table_is_right() {
    let rows = [
        measure::<4096, 1>(),
        measure::<4096, 4>(),
        measure::<4096, 8>(),
        measure::<2048, 4>(),
        measure::<1024, 4>(),
        measure::<1024, 8>(),
        measure::<256, 4>(),
    ];
    let text = table(&rows);
    println!("{text}");
    if std::env::var_os("MAINSPRING_WEAR").is_some_and(|how| how == "write") {
        std::fs::write(PATH, &text).unwrap();
    }
    judge(&committed(), &text).unwrap();
}

#[test]
fn typical_is_typical() {
    let mut room = [0; 8192];
    let length = typical(0).image(&mut room).bytes().len();
    assert!((370..=410).contains(&length), "{length} bytes");
    // Kinds of the store's own that the bench fills with are not the engine's.
    assert!(77 > DEFINITION && at("2024-05-01T12:00:00").0 > 0);
}
