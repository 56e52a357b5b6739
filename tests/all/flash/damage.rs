//! A part that holds what nobody wrote there is repaired or refused, with an error that says so; nothing panics, and no record
//! is ever given that was not put.

use super::{
    cut::{RECORD, Records, all, used},
    forge::{Forge, crc16, crc32},
    veil::Bare,
};
use mainspring::{
    ports::{Change, Key, Store, StoreError},
    store::{DEFINITION, INSTANCE, STATE},
};
use mainspring_embassy::flash::{FlashStore, MountError};
use mainspring_tests::{
    disk::Chance,
    nor::{Nor, NorError},
};
use std::collections::{BTreeMap, BTreeSet};

const PAGE: usize = 1024;
const PAGES: usize = 11;
type Part = Nor<PAGE, 4>;

/// What was ever put under each key.
type History = BTreeMap<Key, BTreeSet<Vec<u8>>>;

/// A part that was in use, the records on it, and those that ever were.
fn subject() -> (Part, Records, History) {
    let mut chance = Chance::new(5);
    let scene = used::<PAGE, 4, Bare<PAGE, 4>>(PAGES, &mut chance);
    let mut nor = scene.nor;
    let mut records = scene.records;
    // The values tell what key they were put under.
    let mut history = History::new();
    let mut memory = [0; RECORD];
    let mut store = mount(&mut nor, &mut memory, false).unwrap();
    for key in records.keys().copied().collect::<Vec<_>>() {
        store.apply(&[Change::Delete(key)]).unwrap();
    }
    records.clear();
    for round in 0..200u32 {
        let kind = [DEFINITION, INSTANCE, STATE][(round % 3) as usize];
        let key = Key { kind, number: chance.below(5) as u32 };
        let length = if round % 8 == 0 { 500 } else { 10 + chance.below(60) };
        let mut value = format!("{key:?} {round} ").into_bytes();
        value.resize(value.len() + length as usize, round as u8);
        store.apply(&[Change::Put(key, &value)]).unwrap();
        history.entry(key).or_default().insert(value.clone());
        records.insert(key, value);
    }
    drop(store);
    (nor, records, history)
}

fn mount<'r>(
    nor: &'r mut Part,
    memory: &'r mut [u8],
    salvage: bool,
) -> Result<FlashStore<'r, &'r mut Part, 16, 96>, MountError<NorError>> {
    let range = 0..(PAGES * PAGE) as u32;
    if salvage { FlashStore::salvage(nor, range, memory) } else { FlashStore::mount(nor, range, memory) }
}

/// Mounts what is there and uses it; returns the records if it can be mounted.
fn survive(nor: &Part, history: &History, salvage: bool, what: &str) -> Option<Records> {
    let mut nor = nor.clone();
    let mut memory = [0; RECORD];
    let mut first = None;
    for _ in 0..2 {
        let mut store = match mount(&mut nor, &mut memory, salvage) {
            Ok(store) => store,
            Err(MountError::Flash(error)) => panic!("{what}: {error}"),
            Err(_) => return first,
        };
        match all(&mut store) {
            Ok(found) => {
                for (key, value) in &found {
                    let was_put = history.get(key).is_some_and(|values| values.contains(value)) || value == b"again";
                    assert!(was_put, "{what}: {key:?} is {value:?}");
                }
                first.get_or_insert(found);
            }
            Err(error) => assert_eq!(error, StoreError::Corrupt, "{what}"),
        }
        for number in 0..40 {
            let changed = store.apply(&[
                Change::Put(Key { kind: STATE, number: number % 5 }, b"again"),
                Change::Delete(Key { kind: INSTANCE, number: number % 5 }),
            ]);
            if let Err(error) = changed {
                assert!(!matches!(error, StoreError::TooSmall { .. }), "{what}: {error}");
            }
            let _ = store.tidy();
        }
    }
    first
}

/// Damages a part at random.
fn damage(nor: &mut Part, chance: &mut Chance) -> String {
    let place = chance.below(nor.bytes.len() as u64) as usize;
    let scale = chance.below(12);
    let length = 1 + chance.below(1 << scale) as usize;
    let end = nor.bytes.len().min(place + length);
    let page = |chance: &mut Chance| chance.below(PAGES as u64) as usize * PAGE;
    match chance.below(6) {
        0 => {
            nor.bytes[place] ^= 1 << chance.below(8);
            format!("a bit at {place:#x}")
        }
        1 => {
            nor.bytes[place..end].iter_mut().for_each(|byte| *byte = chance.draw() as u8);
            format!("noise at {place:#x}..{end:#x}")
        }
        2 => {
            nor.bytes[place..end].fill(0);
            format!("zeros at {place:#x}..{end:#x}")
        }
        3 => {
            nor.bytes[place..end].fill(0xFF);
            format!("ones at {place:#x}..{end:#x}")
        }
        4 => {
            let (from, to) = (page(chance), page(chance));
            nor.bytes.copy_within(from..from + PAGE, to);
            format!("page {from:#x} copied to {to:#x}")
        }
        _ => {
            let from = place / 4 * 4;
            let to = chance.below(nor.bytes.len() as u64 - length as u64) as usize / 4 * 4;
            nor.bytes.copy_within(from..end, to);
            format!("{from:#x}..{end:#x} copied to {to:#x}")
        }
    }
}

#[test]
fn random_damage() {
    let (subject, _, history) = subject();
    let mut chance = Chance::new(9);
    let (mut refused, mut mounted) = (0, 0);
    for _ in 0..1_500 {
        let mut nor = subject.clone();
        let mut what = String::new();
        for _ in 0..=chance.below(3) {
            what = format!("{what} and {}", damage(&mut nor, &mut chance));
        }
        match survive(&nor, &history, false, &what) {
            None => refused += 1,
            Some(_) => mounted += 1,
        }
        survive(&nor, &history, true, &what);
    }
    assert!(refused > 100 && mounted > 100, "{refused} refused, {mounted} mounted");
}

/// One wrong bit anywhere is harmless, seen, or taken for what a cut leaves of the last change.
#[test]
fn one_wrong_bit() {
    let (subject, records, history) = subject();
    let mut seen = 0;
    for bit in (0..subject.bytes.len() * 8).step_by(7) {
        let mut nor = subject.clone();
        nor.bytes[bit / 8] ^= 1 << (bit % 8);
        let Some(found) = survive(&nor, &history, false, &format!("bit {bit}")) else {
            seen += 1;
            continue;
        };
        let differ = records.iter().filter(|(key, value)| found.get(key) != Some(value)).count();
        assert!(differ <= 1, "bit {bit}: {differ} records differ");
        // Whatever else it is, it is no bit of a record that was whole when the last one was written.
        if differ == 1 {
            let last = records.iter().find(|(_, value)| value.starts_with(b"Key") && is_last(value));
            assert!(last.is_some_and(|(key, value)| found.get(key) != Some(value)), "bit {bit}");
        }
    }
    assert!(seen > 1_000, "{seen} seen");
}

fn is_last(value: &[u8]) -> bool {
    String::from_utf8_lossy(value).contains(" 199 ")
}

/// Pages that are blank, zero, or noise altogether.
#[test]
fn whole_pages() {
    let (subject, _, history) = subject();
    let mut chance = Chance::new(3);
    for page in 0..PAGES {
        for filling in 0..3 {
            let mut nor = subject.clone();
            for byte in &mut nor.bytes[page * PAGE..][..PAGE] {
                *byte = [0, 0xFF, chance.draw() as u8][filling];
            }
            for salvage in [false, true] {
                survive(&nor, &history, salvage, &format!("page {page} filled {filling}"));
            }
        }
    }
    for byte in [0, 0x55] {
        let mut nor = subject.clone();
        nor.bytes.fill(byte);
        let mut memory = [0; RECORD];
        assert_eq!(mount(&mut nor, &mut memory, true).map(drop), Err(MountError::NoStore));
    }
}

/// Items whose checksums are right and that the store never writes.
#[test]
fn forged_items() {
    let head = |generation: u8, length: u32, check: u32| {
        let mut item = vec![DEFINITION, 1, 1, generation];
        item.extend(length.to_le_bytes());
        item.extend(check.to_le_bytes());
        item
    };
    let part = |generation: u8, index: u8, bytes: &[u8]| [&[DEFINITION, 1, 2, generation, index], bytes].concat();
    // Each case, and whether it is whole.
    let cases: Vec<(&str, bool, Vec<Vec<u8>>)> = vec![
        ("whole", true, vec![vec![DEFINITION, 1, 0, b'x']]),
        ("empty record", true, vec![vec![DEFINITION, 1, 0]]),
        ("parts", true, vec![part(1, 0, b"ab"), part(1, 1, b"c"), head(1, 3, crc32(b"abc"))]),
        ("parts that nobody wants", true, vec![part(1, 0, b"ab"), part(2, 0, b"c")]),
        ("gone", true, vec![vec![DEFINITION, 1, 3]]),
        ("nothing", false, vec![vec![]]),
        ("one byte", false, vec![vec![DEFINITION]]),
        ("no form", false, vec![vec![DEFINITION, 1]]),
        ("being erased", true, vec![vec![DEFINITION, 1, 0, b'x'], vec![DEFINITION, 1, 4]]),
        ("unknown form", false, vec![vec![DEFINITION, 1, 5]]),
        ("endless number", false, vec![vec![DEFINITION, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80]]),
        ("number too large", false, vec![vec![DEFINITION, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0]]),
        ("gone and more", false, vec![vec![DEFINITION, 1, 3, 0]]),
        ("short head", false, vec![vec![DEFINITION, 1, 1, 1, 0, 0]]),
        ("head without parts", false, vec![head(1, 3, crc32(b"abc"))]),
        ("head of a huge record", false, vec![part(1, 0, b"ab"), head(1, u32::MAX, 0)]),
        ("head of generation 0", false, vec![head(0, 0, 0)]),
        ("part of generation 0", false, vec![part(0, 0, b"a")]),
        ("wrong checksum of parts", false, vec![part(1, 0, b"abc"), head(1, 3, 7)]),
        ("parts that overlap", false, vec![part(1, 0, b"abcd"), head(1, 3, crc32(b"abc"))]),
        ("part is missing", false, vec![part(1, 1, b"c"), head(1, 1, crc32(b"c"))]),
        ("too long", false, vec![vec![1; 600]]),
    ];
    for (what, is_whole, items) in cases {
        let mut nor = Part::new(PAGES);
        let mut forge = Forge::on(&mut nor);
        items.iter().for_each(|item| forge.item(item));
        let mut memory = [0; RECORD];
        let mounted = mount(&mut nor.clone(), &mut memory, false).map(drop);
        assert_eq!(mounted.is_ok(), is_whole, "{what}: {mounted:?}");
        let values: BTreeSet<Vec<u8>> = [&b"x"[..], b"", b"abc"].map(<[u8]>::to_vec).into();
        let history = History::from([(Key { kind: DEFINITION, number: 1 }, values)]);
        survive(&nor, &history, false, what);
        survive(&nor, &history, true, what);
    }
    // Lengths that lead out of the page, and into the middle of something.
    for length in [0, 1, 7, 500, 1015, 1016, 0x7FFF, 0xFFFE, 0xFFFF_u16] {
        let mut nor = Part::new(PAGES);
        let mut forge = Forge::on(&mut nor);
        forge.item(&[DEFINITION, 1, 0, b'x']);
        let at = forge.at;
        let [a, b] = length.to_le_bytes();
        let [c, d] = crc16([a, b]).to_le_bytes();
        nor.bytes[at..at + 8].copy_from_slice(&[1, 2, 3, 4, a, b, c, d]);
        let history = History::from([(Key { kind: DEFINITION, number: 1 }, [b"x".to_vec()].into())]);
        for salvage in [false, true] {
            survive(&nor, &history, salvage, &format!("length {length}"));
        }
    }
}

/// Every state of every page, and journals that say all sorts of things.
#[test]
fn forged_pages_and_journals() {
    let none = History::new();
    let mut chance = Chance::new(17);
    let mut mounted = 0;
    for _ in 0..2_000 {
        let mut nor = Part::new(PAGES);
        Forge::on(&mut nor);
        for page in 2..PAGES {
            for (place, marked) in [(0, chance.below(2)), (PAGE - 4, chance.below(3))] {
                nor.bytes[page * PAGE + place..][..4].fill(if marked == 0 { 0 } else { 0xFF });
            }
        }
        mounted += u32::from(survive(&nor, &none, false, "pages").is_some());
        survive(&nor, &none, true, "pages");
    }
    assert!(mounted > 0);
    let (subject, records, history) = subject();
    for page in [0, 1, 2, 5, 10, 11, 0xFFFF_u16] {
        for journal in 0..2 {
            let mut nor = subject.clone();
            // The last entry of the journal in use wants a page erased.
            let entries = &nor.bytes[journal * PAGE..][..PAGE];
            let Some(blank) = (8..PAGE).step_by(8).find(|&at| entries[at..at + 8] == [0xFF; 8]) else { continue };
            let [a, b] = page.to_le_bytes();
            nor.bytes[journal * PAGE + blank..][..4].copy_from_slice(&[a, b, !a, !b]);
            let found = survive(&nor, &history, false, &format!("erase of page {page}"));
            // What is not a page of the store is not erased.
            if !(2..11).contains(&page) {
                assert_eq!(found.as_ref(), Some(&records), "page {page}");
            }
        }
    }
}
