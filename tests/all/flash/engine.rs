//! An engine on flash: the power is cut at every word while it registers, runs and deletes tasks; and the flash is full.

use crate::engine::cut::{START, STEPS, Tree, no_firing_twice, step, tree, waits};
use mainspring::{
    engine::{Creation, Refused},
    ports::{Change, Key, Store, StoreError},
    status::Status,
    store::{INSTANCE, STATE},
    task::Path,
};
use mainspring_embassy::flash::FlashStore;
use mainspring_tests::{
    disk::Chance,
    nor::{CUTS, Cut, Nor, Shared},
    store::Medium,
    world::{HOUR, MINUTE, Outside, Slots, Task, World, every, exec, once},
};

const PAGE: usize = 256;
const PAGES: usize = 24;
const WORD: usize = 4;
type Part = Shared<PAGE, WORD>;

/// A store on a part whose power can be cut.
pub(super) struct OnFlash<'r, const PAGE: usize, const WORD: usize, const PAGES: usize, const KEYS: usize> {
    pub(super) store: FlashStore<'r, Shared<PAGE, WORD>, PAGES, KEYS>,
    pub(super) part: Shared<PAGE, WORD>,
}

impl<const PAGE: usize, const WORD: usize, const PAGES: usize, const KEYS: usize> Store
    for OnFlash<'_, PAGE, WORD, PAGES, KEYS>
{
    fn get(&mut self, key: Key, into: &mut [u8]) -> Result<Option<usize>, StoreError> {
        self.store.get(key, into)
    }

    fn scan(&mut self, kind: u8, visit: &mut dyn FnMut(Key, &[u8]) -> bool) -> Result<(), StoreError> {
        self.store.scan(kind, visit)
    }

    fn apply(&mut self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        self.store.apply(changes)
    }
}

impl<const PAGE: usize, const WORD: usize, const PAGES: usize, const KEYS: usize> Medium
    for OnFlash<'_, PAGE, WORD, PAGES, KEYS>
{
    fn is_dead(&self) -> bool {
        self.part.nor().is_off()
    }

    fn power(&mut self) {
        self.part.nor().power();
    }
}

type Life<'a, 'r> = World<'a, OnFlash<'r, PAGE, WORD, 32, 64>>;

/// What outlives a life, the part left out.
type Around = Outside<()>;

/// One life of a server on a part: boots, and does something. What is around it goes on from there, if it came that far.
fn live<T>(part: &Part, around: &mut Around, act: impl FnOnce(&mut Life<'_, '_>) -> T) -> Option<T> {
    let mut record = [0; 1024];
    let range = 0..part.nor().bytes.len() as u32;
    let store = FlashStore::mount(part.clone(), range, &mut record).ok()?;
    let mut slots = Slots::new(16, 16);
    let outside = around.clone().on(OnFlash { store, part: part.clone() });
    let mut world = World::try_boot(&mut slots, outside)?;
    let result = act(&mut world);
    *around = world.die().on(());
    Some(result)
}

/// A part that was in use, with no record on it.
fn used() -> Nor<PAGE, WORD> {
    let part = Part::new(Nor::new(PAGES));
    let mut record = [0; 1024];
    let mut store = FlashStore::<_, 32, 64>::mount(part.clone(), 0..(PAGES * PAGE) as u32, &mut record).unwrap();
    let key = Key { kind: STATE, number: 9 };
    for _ in 0..400 {
        store.apply(&[Change::Put(key, &[1; 30]), Change::Delete(key)]).unwrap();
    }
    drop(store);
    part.nor().clone()
}

/// Lives through one step until the power is cut, and looks at what is left; says whether it was cut.
fn cut_at(nor: &Nor<PAGE, WORD>, around: &Around, trees: [&Tree; 2], number: usize, (cut, fuel): (Cut, u64)) -> bool {
    let what = format!("step {number}, {cut:?} at {fuel}");
    let mut nor = nor.clone();
    (nor.cut, nor.fuel, nor.chance) = (cut, Some(fuel), Chance::new(4 * fuel + cut as u64 + 1));
    let part = Part::new(nor);
    let mut around = around.clone();
    let acknowledged = live(&part, &mut around, |world| step(world, number)) == Some(true);
    let was_cut = part.nor().is_off();
    part.nor().power();
    around.start_again();
    live(&part, &mut around, |world| {
        assert_eq!(world.outside.store.store.mounted().damaged, 0, "{what}");
        assert_eq!(world.loaded.damaged, 0, "{what}");
        let found = tree(world);
        assert!((!acknowledged && found == *trees[0]) || found == *trees[1], "{what}: {found:?}");
        world.run_for(5 * MINUTE);
        no_firing_twice(&world.outside, false, &what);
        // What was left behind has ended, and of what runs now each has its record.
        world.call(|engine, cx| engine.stop_all(cx));
        world.run_for(HOUR);
        let only_waiting = |_: Key, record: &[u8]| {
            assert!(waits(record), "{what}");
            true
        };
        world.outside.store.scan(INSTANCE, &mut { only_waiting }).unwrap();
        assert!(world.outside.children.is_empty(), "{what}");
    })
    .unwrap_or_else(|| panic!("{what}: cannot be mounted"));
    was_cut
}

/// Every step is a life of its own, so that the words of one step do not have to be lived through for the next.
#[test]
fn an_engine_at_every_word() {
    let part = Part::new(used());
    let mut around = Outside::new(START).on(());
    let mut before = Tree::new();
    let (mut cuts, mut erases) = (0, 0);
    for number in 0..STEPS {
        let (nor, earlier) = (part.nor().clone(), around.clone());
        let after = live(&part, &mut around, |world| {
            assert!(step(world, number), "step {number}");
            tree(world)
        })
        .expect("power is on");
        let words = part.nor().spent - nor.spent;
        erases += part.nor().erases.iter().sum::<u32>() - nor.erases.iter().sum::<u32>();
        for cut in CUTS {
            for fuel in 0..words {
                assert!(cut_at(&nor, &earlier, [&before, &after], number, (cut, fuel)) || fuel + 50 > words);
                cuts += 1;
            }
        }
        before = after;
    }
    println!("{cuts} cuts, {erases} erases");
    assert!(cuts > 2_000 && erases >= 8, "{cuts} cuts, {erases} erases");
}

/// A flash that is full takes no more tasks, with a code that says to come again, and keeps all that it has: they run, and
/// what came of it is recorded. When one is deleted there is room again.
#[test]
fn a_full_flash_refuses_and_keeps_all() {
    let part = Part::new(used());
    let mut record = [0; 1024];
    let mut slots = Slots::new(64, 16);
    let mount = |record| OnFlash {
        store: FlashStore::<_, 32, 64>::mount(part.clone(), 0..(PAGES * PAGE) as u32, record).unwrap(),
        part: part.clone(),
    };
    let mut world = World::boot(&mut slots, Outside::new(START).on(mount(&mut record)));
    let task = Task::new("a for=5").when(every(once("2024-05-01T12:00:30"), 60, None));
    let mut names = Vec::new();
    let refused = loop {
        let name = format!("task {:02}", names.len());
        match world.register(&name, &task) {
            Ok(_) => names.push(name),
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused, Refused::Store(StoreError::Exhausted));
    assert_eq!(refused.status(), Status::SCHED_E_SERVICE_TOO_BUSY);
    assert!(names.len() > 10, "{}", names.len());
    // A longer definition of one that there is has no room either, and the one there was stays.
    let mut longer = task.clone();
    longer.actions = vec![exec("a for=5 and so many words that it takes four hundred bytes more than before"); 6];
    let keys = world.outside.store.store.space().keys;
    for name in &names {
        assert_eq!(world.register_as(name, &longer, Creation::Update), Err(refused));
    }
    assert_eq!(world.outside.store.store.space().keys, keys, "what was refused is not there");
    world.run_for(3 * MINUTE);
    let runs = world.outside.starts().len();
    assert_eq!(runs, 3 * names.len());
    for name in &names {
        assert_eq!(world.last_result(name), Some(Status::S_OK), "{name}");
    }
    assert_eq!(world.list(""), names);
    world.call(|engine, cx| engine.delete(cx, &Path::parse(&names[3]).unwrap())).unwrap();
    world.register("another", &task).unwrap();
    names.remove(3);
    names.push("another".to_owned());
    let outside = world.die().on(());
    let mut slots = Slots::new(64, 16);
    let mut record = [0; 1024];
    let mut world = World::boot(&mut slots, outside.on(mount(&mut record)));
    let mut found = world.list("");
    found.sort();
    names.sort();
    assert_eq!(found, names);
    assert_eq!(world.loaded.damaged, 0);
}
