//! The store on redb: its contract, power cuts at every call, failing and full disks.

use std::collections::BTreeMap;

use mainspring::ports::{Change, Key, Store, StoreError};
use mainspring_linux::store::Records;
use mainspring_tests::disk::{Chance, Disk};

const KINDS: [u8; 3] = [1, 2, 7];

type Model = BTreeMap<Key, Vec<u8>>;

fn open(disk: &Disk) -> Records {
    try_open(disk).expect("the disk opens")
}

fn try_open(disk: &Disk) -> Result<Records, redb::DatabaseError> {
    let disk = disk.clone();
    Records::open_with(move |builder| builder.create_with_backend(disk.clone()))
}

/// A disk with an empty database. A new file on a real disk gets its name when it is whole, so that no cut is made while
/// it is laid out.
fn laid_out() -> Disk {
    let disk = Disk::new();
    open(&disk).close().unwrap();
    disk
}

fn key(kind: u8, number: u32) -> Key {
    Key { kind, number }
}

/// All there is, with a check that `scan` gives each key once and that `get` agrees.
fn contents(records: &mut Records) -> Model {
    let mut found = Model::new();
    for kind in KINDS {
        records
            .scan(kind, &mut |key, value| {
                assert_eq!(key.kind, kind);
                assert!(found.insert(key, value.to_vec()).is_none(), "{key:?} came twice");
                true
            })
            .expect("a scan");
    }
    let mut buffer = vec![0; 1 << 16];
    for (&key, value) in &found {
        let length = records.get(key, &mut buffer).expect("a get").expect("what was scanned");
        assert_eq!(&buffer[..length], value);
    }
    found
}

fn put_all(model: &mut Model, changes: &[Change<'_>]) {
    for change in changes {
        match *change {
            Change::Put(key, value) => drop(model.insert(key, value.to_vec())),
            Change::Delete(key) => drop(model.remove(&key)),
        }
    }
}

/// A list as the engine writes them: a record or three, some of them long, or deletions.
fn with_changes<R>(chance: &mut Chance, then: impl FnOnce(&[Change<'_>]) -> R) -> R {
    let values: Vec<Vec<u8>> = (0..=chance.below(3))
        .map(|_| vec![chance.draw() as u8; if chance.below(8) == 0 { 9000 } else { chance.below(400) as usize }])
        .collect();
    let changes: Vec<Change<'_>> = values
        .iter()
        .map(|value| {
            let key = key(KINDS[chance.below(3) as usize], chance.below(12) as u32);
            if chance.below(4) == 0 { Change::Delete(key) } else { Change::Put(key, value) }
        })
        .collect();
    then(&changes)
}

#[test]
fn keeps_the_contract_on_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records");
    let mut records = Records::open(&path).unwrap();
    let mut buffer = [0; 8];

    assert_eq!(records.get(key(1, 1), &mut buffer), Ok(None));
    assert_eq!(records.scan(1, &mut |_, _| panic!("there is nothing")), Ok(()));
    assert_eq!(records.apply(&[]), Ok(()));
    assert_eq!(records.apply(&[Change::Delete(key(1, 1))]), Ok(()));

    records
        .apply(&[
            Change::Put(key(1, u32::MAX), b"last"),
            Change::Put(key(2, 1), b"other kind"),
            Change::Put(key(1, 0), b""),
            Change::Put(key(1, 0), b"first"),
            Change::Put(key(1, 5), b"gone"),
            Change::Delete(key(1, 5)),
        ])
        .unwrap();
    assert_eq!(records.get(key(1, 0), &mut buffer), Ok(Some(5)));
    assert_eq!(&buffer[..5], b"first");
    assert_eq!(records.get(key(1, 5), &mut buffer), Ok(None));
    assert_eq!(records.get(key(2, 1), &mut buffer), Err(StoreError::TooSmall { needed: 10 }));
    let expected = Model::from([
        (key(1, 0), b"first".into()),
        (key(1, u32::MAX), b"last".into()),
        (key(2, 1), b"other kind".into()),
    ]);
    assert_eq!(contents(&mut records), expected);

    let mut visits = 0;
    records
        .scan(1, &mut |_, _| {
            visits += 1;
            false
        })
        .unwrap();
    assert_eq!(visits, 1, "a scan ends early when it is told to");

    records.close().unwrap();
    let mut records = Records::open(&path).unwrap();
    assert_eq!(contents(&mut records), expected);
    // A server that is killed closes nothing.
    std::mem::forget(records);
}

#[test]
fn the_file_is_its_owners_alone_and_held_by_one() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records");
    let _records = Records::open(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(matches!(Records::open(&path), Err(redb::DatabaseError::DatabaseAlreadyOpen)));
}

/// A file system that lost the file's contents must not make a server that starts happily without its tasks.
#[test]
fn an_emptied_file_is_not_taken_for_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records");
    Records::open(&path).unwrap().close().unwrap();
    std::fs::write(&path, "").unwrap();
    assert!(Records::open(&path).is_err());
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 0, "it was laid out anew");
}

/// What is wrong with a store after a power cut.
#[derive(Debug)]
enum Wrong {
    DoesNotOpen,
    OtherThanAcknowledged,
}

/// Applies lists that `seed` makes to `disk` until all are done or the power goes, and gives the states that may be
/// there then: that of all acknowledged lists, followed by each prefix of the one under way.
fn work(seed: u64, disk: &Disk) -> Vec<Model> {
    const LISTS: u64 = 20;
    let mut chance = Chance::new(seed);
    let mut states = vec![Model::new()];
    let Ok(mut records) = try_open(disk) else { return states };
    for _ in 0..LISTS {
        let acknowledged = with_changes(&mut chance, |changes| {
            states.drain(..states.len() - 1);
            for change in changes {
                let mut next = states.last().cloned().unwrap_or_default();
                put_all(&mut next, std::slice::from_ref(change));
                states.push(next);
            }
            records.apply(changes).is_ok()
        });
        if !acknowledged {
            // What is dropped with the power off tidies nothing up.
            return states;
        }
        states.drain(..states.len() - 1);
    }
    // Killed, not closed.
    std::mem::forget(records);
    states
}

/// Cuts the power where `prepare` says so and looks at what survived; whether a list was under way, if all is well.
fn cut(seed: u64, luck: u64, prepare: impl FnOnce(&Disk)) -> Result<bool, Wrong> {
    let disk = laid_out();
    prepare(&disk);
    let states = work(seed, &disk);
    let mut records = try_open(&disk.after_cut(&mut Chance::new(luck))).map_err(|_| Wrong::DoesNotOpen)?;
    if states.contains(&contents(&mut records)) { Ok(states.len() > 1) } else { Err(Wrong::OtherThanAcknowledged) }
}

#[test]
fn a_power_cut_at_any_call_loses_nothing_that_was_acknowledged() {
    let mut under_way = 0;
    for seed in 1..=2 {
        let whole = laid_out();
        let first = whole.calls() + 1;
        work(seed, &whole);
        assert!(whole.flushes() >= 20, "the lists make {} flushes", whole.flushes());
        for call in first..=whole.calls() {
            for luck in 1..=2 {
                match cut(seed, luck + call, |disk| disk.cut_at(call)) {
                    Ok(was_under_way) => under_way += u32::from(was_under_way),
                    Err(wrong) => panic!("seed {seed}, call {call}, luck {luck}: {wrong:?}"),
                }
            }
        }
    }
    assert!(under_way > 200, "only {under_way} cuts came while a list was applied");
}

/// The canary of the test above: it sees a single flush that did nothing.
#[test]
fn a_flush_that_lies_is_caught() {
    let whole = laid_out();
    let first = whole.flushes() + 1;
    work(1, &whole);
    let caught = |flush| cut(1, flush, |disk| disk.lie_at(flush)).is_err();
    let count = (first..=whole.flushes()).filter(|&flush| caught(flush)).count() as u64;
    assert!(2 * count > whole.flushes(), "{count} of {} dropped flushes were caught", whole.flushes());
}

#[test]
fn goes_on_after_any_call_of_the_medium_failed() {
    let mut failures = 0;
    let whole = laid_out();
    let first = whole.calls() + 1;
    work(3, &whole);
    for call in first..=whole.calls() {
        let disk = laid_out();
        disk.fail_at(call);
        // A server whose medium fails while it starts is started again.
        let mut records = try_open(&disk).unwrap_or_else(|_| open(&disk));
        let mut chance = Chance::new(3);
        let mut model = Model::new();
        for _ in 0..20 {
            with_changes(&mut chance, |changes| {
                let mut next = model.clone();
                put_all(&mut next, changes);
                match records.apply(changes) {
                    Ok(()) => model = next,
                    Err(error) => {
                        failures += 1;
                        assert_eq!(error, StoreError::Failed { code: 5 });
                        let found = contents(&mut records);
                        assert!(found == model || found == next, "half of a list that failed is there");
                        model = found;
                    }
                }
            });
        }
        assert_eq!(contents(&mut records), model);
        // What the store says it holds is what it holds after a restart.
        std::mem::forget(records);
        assert_eq!(contents(&mut open(&disk.after_cut(&mut Chance::new(call)))), model);
    }
    assert!(failures > 100, "only {failures} lists failed");
}

#[test]
fn a_full_disk_refuses_the_call_and_keeps_the_rest() {
    let disk = laid_out();
    let mut records = open(&disk);
    let mut model = Model::new();
    for number in 0..50 {
        let value = vec![number as u8; 300];
        records.apply(&[Change::Put(key(1, number), &value)]).unwrap();
        model.insert(key(1, number), value);
    }
    disk.set_room(Some(disk.used()));
    let mut refused = 0;
    for number in 50..2000 {
        let value = vec![number as u8; 3000];
        match records.apply(&[Change::Put(key(1, number), &value)]) {
            Ok(()) => drop(model.insert(key(1, number), value)),
            Err(error) => {
                assert_eq!(error, StoreError::Full);
                assert_eq!(contents(&mut records), model, "reading goes on while the disk is full");
                refused += 1;
                if refused == 3 {
                    break;
                }
            }
        }
    }
    assert_eq!(refused, 3, "the disk became full");
    disk.set_room(None);
    records.apply(&[Change::Put(key(2, 1), b"room again")]).unwrap();
    model.insert(key(2, 1), b"room again".to_vec());
    assert_eq!(contents(&mut records), model);
    std::mem::forget(records);
    assert_eq!(contents(&mut open(&disk.after_cut(&mut Chance::new(1)))), model);
}
