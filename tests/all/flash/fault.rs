//! The part fails with the power on, at any word and then at any read: the call fails, a prefix of its list is there, and the
//! store goes on.

use super::{
    cut::{Records, all, change, changes, script, used, with_store},
    veil::Bare,
};
use mainspring::{
    ports::{Key, Store, StoreError},
    store::{DEFINITION, INSTANCE},
};
use mainspring_tests::{
    disk::Chance,
    nor::{CUTS, Shared},
};

#[test]
fn a_fault_at_every_word() {
    let mut chance = Chance::new(21);
    let scene = used::<1024, 4, Bare<1024, 4>>(11, &mut chance);
    let lists = script(&mut chance, 18, 600);
    let mut faults = 0;
    for cut in CUTS {
        for word in 0.. {
            let what = format!("{cut:?} at {word}");
            let part = Shared::new(scene.nor.clone());
            part.nor().chance = Chance::new(word + 1);
            let failed = with_store::<1024, 4, Bare<1024, 4>, _>(&part, |store| {
                (part.nor().cut, part.nor().fault) = (cut, Some(word));
                let mut records = scene.records.clone();
                let mut failed = false;
                for list in &lists {
                    let applied = store.apply(&changes(list));
                    let mut prefixes = vec![records.clone()];
                    for one in list {
                        change(&mut records, one);
                        prefixes.push(records.clone());
                    }
                    if let Err(error) = applied {
                        assert_eq!(error, StoreError::Failed { code: 3 }, "{what}");
                        assert!(!failed, "{what}: failed twice");
                        failed = true;
                        let found: Records = all(store).unwrap_or_else(|error| panic!("{what}: {error}"));
                        assert!(prefixes.contains(&found), "{what}: no prefix");
                        store.apply(&changes(list)).unwrap_or_else(|error| panic!("{what}: {error}"));
                    }
                }
                assert_eq!(all(store).as_ref(), Ok(&records), "{what}");
                assert_eq!(store.mounted().damaged, 0, "{what}");
                failed
            });
            if !failed.unwrap() {
                break;
            }
            faults += 1;
            let again = with_store::<1024, 4, Bare<1024, 4>, _>(&part, |store| all(store).unwrap());
            let mut records = scene.records.clone();
            lists.iter().flatten().for_each(|one| change(&mut records, one));
            assert_eq!(again.unwrap(), records, "{what}");
        }
    }
    assert!(faults > 2_000, "{faults}");
}

/// After a word that failed the store is taken in anew, and a read that fails meanwhile is no damage: nothing is lost.
#[test]
fn a_fault_at_every_read_after_one_of_a_word() {
    let mut chance = Chance::new(22);
    let scene = used::<1024, 4, Bare<1024, 4>>(11, &mut chance);
    let list = vec![(Key { kind: INSTANCE, number: 7 }, Some(vec![7; 40]))];
    // One that is in parts, whose reading is more than one read.
    let long = vec![(Key { kind: DEFINITION, number: 7 }, Some(vec![7; 900]))];
    let mut records = scene.records.clone();
    change(&mut records, &long[0]);
    let mut faults = 0;
    for reads in 0.. {
        let part = Shared::new(scene.nor.clone());
        let failed = with_store::<1024, 4, Bare<1024, 4>, _>(&part, |store| {
            store.apply(&changes(&long)).unwrap();
            part.nor().fault = Some(1);
            assert!(store.apply(&changes(&list)).is_err());
            part.nor().read_fault = Some(reads);
            let first = all(store);
            let failed = part.nor().read_fault.take().is_none();
            // Either that read was made good, or the call failed; the next does not.
            assert!(first.is_ok() || failed, "{reads}");
            let mut found = all(store).unwrap_or_else(|error| panic!("{reads}: {error}"));
            found.remove(&list[0].0);
            assert!(found == records, "{reads}");
            assert_eq!(store.mounted().damaged, 0, "{reads}");
            failed
        });
        if !failed.unwrap() {
            break;
        }
        faults += 1;
    }
    assert!(faults > 300, "{faults}");
}
