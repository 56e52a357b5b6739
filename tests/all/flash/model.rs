//! Against a map in memory: random changes, restarts in between, and a flash that is full.

use mainspring::ports::{Change, Key, Store, StoreError};
use mainspring_embassy::flash::{Blocking, FlashStore, MountError};
use mainspring_tests::nor::Nor;

use super::{Chance, Flash, PAGES, Part, Records, contents, mount, new_part, script};

fn random<const WORD: usize, const PAGE: usize>(seed: u64) {
    type Store<const WORD: usize, const PAGE: usize> = FlashStore<Blocking<Nor<WORD, PAGE>>, 16, 48, 160, 600>;
    let mut store = Store::<WORD, PAGE>::mount(Blocking(Nor::new(18))).unwrap();
    let mut records = Records::new();
    let mut chance = Chance(seed);
    for list in script(seed, 600) {
        let changes: Vec<Change<'_>> = list.iter().map(super::Step::change).collect();
        store.apply(&changes).unwrap();
        list.iter().for_each(|step| step.apply_to(&mut records));
        match chance.next(20) {
            0 => store = Store::<WORD, PAGE>::mount(store.into_flash()).unwrap(),
            1 => store.tidy().unwrap(),
            _ => {}
        }
        if chance.next(8) == 0 {
            assert_eq!(contents(&mut store), records);
        }
    }
    while !store.is_tidy() {
        store.tidy().unwrap();
    }
    assert_eq!(contents(&mut store), records);
    // Every page was erased about equally often.
    let Blocking(part) = store.into_flash();
    let (least, most) = (part.erased[..16].iter().min().unwrap(), part.erased[..16].iter().max().unwrap());
    assert!(*least >= 2, "the log went round: {:?}", part.erased);
    assert!(most - least <= 2, "{:?}", part.erased);
}

#[test]
fn it_holds_what_a_map_holds() {
    for seed in 0..6 {
        random::<1, 512>(seed);
        random::<4, 512>(seed);
        random::<8, 512>(seed);
        random::<4, 1024>(seed);
        random::<32, 1024>(seed);
    }
}

/// Records until no more fit, which then are there, and a store that can be emptied again.
#[test]
fn a_full_flash_loses_nothing_and_can_be_emptied() {
    let mut store = mount(new_part());
    let empty = store.usage();
    for round in 0..5 {
        let mut records = Records::new();
        let full = (1..).find(|number| {
            let (key, record) = (Key { kind: 1, number: *number }, vec![*number as u8; 110]);
            let put = store.apply(&[Change::Put(key, &record)]);
            if put.is_ok() {
                records.insert(key, record);
            }
            put.is_err_and(|error| {
                assert_eq!(error, StoreError::Full);
                true
            })
        });
        let held = records.len();
        assert!(held >= 12 && full.is_some(), "round {round}: {held}");
        assert_eq!(contents(&mut store), records);
        // Short records still go in, and over what is there.
        for number in 0..200 {
            let put = store.apply(&[Change::Put(Key { kind: 4, number: 1 }, &[number; 60])]);
            assert_eq!(put, Ok(()), "{number} {:?}", store.usage());
        }
        store.apply(&[Change::Delete(Key { kind: 4, number: 1 })]).unwrap();
        store = mount(store.into_flash().0);
        assert_eq!(contents(&mut store), records);
        for key in records.keys() {
            store.apply(&[Change::Delete(*key)]).unwrap();
        }
        assert_eq!(contents(&mut store), Records::new());
        while !store.is_tidy() {
            store.tidy().unwrap();
        }
        assert_eq!(store.usage().used, empty.used, "nothing is left of what was deleted");
    }
}

#[test]
fn a_record_that_is_too_long_is_refused() {
    let mut store = mount(new_part());
    let key = Key { kind: 1, number: 1 };
    store.apply(&[Change::Put(key, &[7; 600])]).unwrap();
    assert_eq!(store.apply(&[Change::Put(key, &[8; 601])]), Err(StoreError::Full));
    assert_eq!(store.get(key, &mut [0; 599]), Err(StoreError::TooSmall { needed: 600 }));
    let mut into = [0; 600];
    assert_eq!(store.get(key, &mut into), Ok(Some(600)));
    assert_eq!(into, [7; 600]);
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let geometry = |part| Flash::mount(Blocking(part)).err();
    assert!(matches!(geometry(Part::new(PAGES + 1)), Some(MountError::Flash(_))));
    assert!(geometry(Part::new(PAGES + 2)).is_none());
    type Short = FlashStore<Blocking<Nor<4, 256>>, 6, 48, 160, 600>;
    assert_eq!(Short::mount(Blocking(Nor::new(8))).err(), Some(MountError::Geometry));
    type Few = FlashStore<Blocking<Nor<4, 512>>, 2, 48, 160, 600>;
    assert_eq!(Few::mount(Blocking(Nor::new(8))).err(), Some(MountError::Geometry));
    // The longest item would not fit where it is read to.
    type Odd = FlashStore<Blocking<Nor<8, 1024>>, 6, 48, 250, 600>;
    assert_eq!(Odd::mount(Blocking(Nor::new(8))).err(), Some(MountError::Geometry));
}
