//! The store in flash: what it keeps, and what a power cut leaves of it.

mod cuts;
mod damage;
mod model;
mod wear;

use std::collections::BTreeMap;

use mainspring::ports::{Change, Key, Store};
use mainspring_embassy::flash::{Blocking, FlashStore};
use mainspring_tests::nor::Nor;

/// What a store should hold.
type Records = BTreeMap<Key, Vec<u8>>;

/// Small pages, so that the log goes round often: sixteen for it, two for the journal.
const PAGES: usize = 16;
type Part = Nor<4, 512>;
type Flash = FlashStore<Blocking<Part>, PAGES, 48, 160, 600>;

fn mount(part: Part) -> Flash {
    Flash::mount(Blocking(part)).expect("the flash is mounted")
}

fn new_part() -> Part {
    Part::new(PAGES + 2)
}

/// Everything that a store gives: by scan, and each record by get.
fn contents(store: &mut dyn Store) -> Records {
    let mut records = Records::new();
    for kind in 0..=20 {
        let mut listed = Vec::new();
        let scanned = store.scan(kind, &mut |key, record| {
            listed.push((key, record.to_vec()));
            true
        });
        scanned.expect("the store can be scanned");
        for (key, record) in listed {
            assert_eq!(key.kind, kind);
            let mut into = vec![0; 700];
            let length = store.get(key, &mut into).expect("the record can be read").expect("the record is there");
            assert_eq!(into[..length], record, "{key:?}");
            assert!(records.insert(key, record).is_none(), "{key:?} is given twice");
        }
    }
    records
}

/// One change as a test keeps it.
#[derive(Debug, Clone)]
enum Step {
    Put(Key, Vec<u8>),
    Delete(Key),
}

impl Step {
    fn change(&self) -> Change<'_> {
        match self {
            Self::Put(key, record) => Change::Put(*key, record),
            Self::Delete(key) => Change::Delete(*key),
        }
    }

    fn apply_to(&self, records: &mut Records) {
        match self {
            Self::Put(key, record) => drop(records.insert(*key, record.clone())),
            Self::Delete(key) => drop(records.remove(key)),
        }
    }
}

/// Numbers that chance gives.
struct Chance(u64);

impl Chance {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    fn bytes(&mut self, length: u64) -> Vec<u8> {
        (0..length).map(|_| self.next(256) as u8).collect()
    }
}

/// Lists of changes as an engine makes them: definitions that get fresh numbers, entries that point to them, states and
/// instances that change often; some longer than a page.
fn script(seed: u64, lists: usize) -> Vec<Vec<Step>> {
    let mut chance = Chance(seed);
    let key = |kind, number: u64| Key { kind, number: number as u32 };
    let mut fresh = 0;
    (0..lists)
        .map(|_| match chance.next(10) {
            0 | 1 => {
                fresh += 1;
                let length = if chance.next(4) == 0 { 200 + chance.next(400) } else { 40 + chance.next(100) };
                let task = chance.next(3);
                vec![
                    Step::Put(key(1, fresh), chance.bytes(length)),
                    Step::Put(key(2, task), chance.bytes(60)),
                    Step::Delete(key(1, fresh.saturating_sub(3))),
                ]
            }
            2 => vec![Step::Put(key(17, 0), {
                let length = 150 + chance.next(400);
                chance.bytes(length)
            })],
            3 => vec![Step::Delete(key(17, 0)), Step::Delete(key(3, chance.next(4)))],
            4..7 => vec![Step::Put(key(4, 1 + chance.next(2)), chance.bytes(60))],
            _ => vec![Step::Put(key(3, chance.next(4)), chance.bytes(35)), Step::Delete(key(4, 1 + chance.next(2)))],
        })
        .collect()
}
