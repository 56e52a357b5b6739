//! Cuts at random, one after the other on the same part: nothing is lost, and nothing is used up either.

use super::{
    cut::{List, Records, Scene, all, change, changes, script, used, with_store},
    veil::Bare,
};
use mainspring::{
    ports::{Change, Key, Store, StoreError},
    store::{DEFINITION, STATE},
};
use mainspring_embassy::flash::Space;
use mainspring_tests::{
    disk::Chance,
    nor::{CUTS, Nor, Shared},
};

/// How full the store on a part is.
fn space<const PAGE: usize, const WORD: usize>(part: &Shared<PAGE, WORD>) -> Space {
    with_store::<PAGE, WORD, Bare<PAGE, WORD>, _>(part, |store| store.space()).unwrap()
}

/// How full a new store would be with these records.
fn space_of<const PAGE: usize, const WORD: usize>(pages: usize, records: &Records) -> Space {
    let part = Shared::new(Nor::<PAGE, WORD>::new(pages));
    with_store::<PAGE, WORD, Bare<PAGE, WORD>, _>(&part, |store| {
        for (key, value) in records {
            store.apply(&[Change::Put(*key, value)]).unwrap();
        }
        store.space()
    })
    .unwrap()
}

/// Fills the store to the last byte that it takes, first with definitions and then with states, and empties it again.
fn fill_and_empty<const PAGE: usize, const WORD: usize>(part: &Shared<PAGE, WORD>, records: &Records) {
    with_store::<PAGE, WORD, Bare<PAGE, WORD>, _>(part, |store| {
        let mut put = Vec::new();
        for (kind, length) in [(DEFINITION, 100), (STATE, 20), (STATE, 1)] {
            loop {
                let key = Key { kind, number: 1000 + put.len() as u32 };
                match store.apply(&[Change::Put(key, &vec![7; length])]) {
                    Ok(()) => put.push(key),
                    Err(error) => {
                        assert_eq!(error, StoreError::Exhausted);
                        break;
                    }
                }
            }
        }
        // The last one was small, and only some keys or almost no bytes are left.
        let space = store.space();
        assert!(space.capacity - space.used < 64 || space.keys + 8 >= 96, "{space:?} after {}", put.len());
        for key in put {
            store.apply(&[Change::Delete(key)]).unwrap();
        }
        assert_eq!(all(store).as_ref(), Ok(records));
    })
    .unwrap();
}

fn random_cuts<const PAGE: usize, const WORD: usize>(pages: usize, cuts: u64, seed: u64) {
    let mut chance = Chance::new(seed);
    let Scene { nor, mut records } = used::<PAGE, WORD, Bare<PAGE, WORD>>(pages, &mut chance);
    let part = Shared::new(nor);
    for round in 0..cuts {
        let what = || format!("seed {seed}, cut {round}");
        if round % 500 == 0 {
            let wanted = space_of::<PAGE, WORD>(pages, &records);
            assert_eq!(space(&part), wanted, "{}", what());
            fill_and_empty(&part, &records);
            assert_eq!(space(&part), wanted, "{}", what());
        }
        let (cut, fuel) = (CUTS[chance.below(4) as usize], chance.below(2400 / WORD as u64));
        (part.nor().cut, part.nor().fuel) = (cut, Some(fuel));
        let lists: Vec<List> = script(&mut chance, 12, 600);
        let mut done = 0;
        let _ = with_store::<PAGE, WORD, Bare<PAGE, WORD>, _>(&part, |store| {
            while let Some(list) = lists.get(done)
                && store.apply(&changes(list)).is_ok()
            {
                done += 1;
            }
        });
        part.nor().power();
        lists.iter().take(done).flatten().for_each(|one| change(&mut records, one));
        let found = with_store::<PAGE, WORD, Bare<PAGE, WORD>, _>(&part, |store| all(store).unwrap());
        let found = found.unwrap_or_else(|error| panic!("{}: {error}", what()));
        let mut is_right = found == records;
        for one in lists.get(done).into_iter().flatten() {
            change(&mut records, one);
            is_right |= found == records;
        }
        assert!(is_right, "{}", what());
        records = found;
    }
}

/// Some thousand; `MAINSPRING_CUTS` says how many instead, and 500000 take some minutes.
fn cuts() -> u64 {
    std::env::var("MAINSPRING_CUTS").ok().and_then(|text| text.parse().ok()).unwrap_or(6_000)
}

#[test]
fn random_cuts_on_pages_of_1024() {
    random_cuts::<1024, 4>(11, cuts() / 3, 1);
}

#[test]
fn random_cuts_on_pages_of_4096() {
    random_cuts::<4096, 4>(6, cuts() / 3, 2);
}

#[test]
fn random_cuts_on_pages_of_256() {
    random_cuts::<256, 8>(40, cuts() / 3, 3);
}

#[test]
fn random_cuts_of_large_words() {
    random_cuts::<1024, 16>(11, cuts() / 6, 4);
    random_cuts::<1024, 32>(11, cuts() / 6, 5);
}
