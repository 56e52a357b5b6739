//! A part that holds what nobody wrote there is repaired or refused, with an error that says so; nothing panics, and no record
//! is ever given that was not put.

use super::{
    cut::{RECORD, Records, all, used},
    forge::{Forge, crc16, crc32},
    veil::Bare,
    witness::{Honest, Inventive, Lenient, Nostalgic, Silent, Told, Witness},
};
use mainspring::{
    ports::{Change, Key, Store, StoreError},
    store::{DEFINITION, INSTANCE, STATE},
};
use mainspring_embassy::flash::MountError;
use mainspring_tests::{disk::Chance, nor::Nor};
use std::collections::BTreeMap;

pub(super) const PAGE: usize = 1024;
pub(super) const PAGES: usize = 11;
pub(super) type Part = Nor<PAGE, 4>;

/// What was ever put under each key, the newest last.
pub(super) type History = BTreeMap<Key, Vec<Vec<u8>>>;

/// What no store may do with a damaged part.
#[derive(Debug, PartialEq, Eq)]
enum Wrong {
    /// It gives a record that nobody put.
    NotPut { what: String, key: Key, value: Vec<u8> },
    /// It gives one record when it is asked for all, and another, or none, when it is asked for that.
    TwoTongues { what: String, key: Key },
    /// A record that one wrong bit cannot excuse is gone, or an older one is given for it.
    Lost { what: String, key: Key },
    /// It mounts what no cut leaves behind as if that were whole.
    Unseen { what: String },
    /// It fails in a way that damage does not explain.
    Failed { what: String, how: String },
}

impl Wrong {
    fn failed(what: &str, how: &impl std::fmt::Display) -> Self {
        Self::Failed { what: what.to_owned(), how: how.to_string() }
    }
}

/// A part that was in use, the records on it, and those that ever were.
fn subject() -> (Part, Records, History) {
    let mut chance = Chance::new(5);
    let scene = used::<PAGE, 4, Bare<PAGE, 4>>(PAGES, &mut chance);
    let mut nor = scene.nor;
    let mut records = scene.records;
    // The values tell what key they were put under.
    let mut history = History::new();
    let mut memory = [0; RECORD];
    let mut store = Honest.mount(&mut nor, &mut memory, false).unwrap();
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
        history.entry(key).or_default().push(value.clone());
        records.insert(key, value);
    }
    drop(store);
    (nor, records, history)
}

/// Judges what a witness makes of what is there: mounts it and uses it; the records if it can be mounted.
fn survive(
    witness: &dyn Witness,
    nor: &Part,
    history: &History,
    salvage: bool,
    what: &str,
) -> Result<Option<Records>, Wrong> {
    let mut nor = nor.clone();
    let mut memory = [0; RECORD];
    let mut first = None;
    for _ in 0..2 {
        let mut store = match witness.mount(&mut nor, &mut memory, salvage) {
            Ok(store) => store,
            Err(MountError::Flash(error)) => return Err(Wrong::failed(what, &error)),
            Err(_) => return Ok(first),
        };
        if !salvage && store.mounted().damaged != 0 {
            return Err(Wrong::Unseen { what: what.to_owned() });
        }
        let mut told = Told(&mut store, witness);
        match all(&mut told) {
            Ok(found) => {
                for (key, value) in &found {
                    was_put(history, *key, value, what)?;
                    let mut room = [0; RECORD];
                    let length = told.get(*key, &mut room).map_err(|error| Wrong::failed(what, &error))?;
                    if length.map(|length| &room[..length]) != Some(value.as_slice()) {
                        return Err(Wrong::TwoTongues { what: what.to_owned(), key: *key });
                    }
                }
                first.get_or_insert(found);
            }
            Err(StoreError::Corrupt) => {}
            Err(error) => return Err(Wrong::failed(what, &error)),
        }
        for number in 0..40 {
            let changed = store.apply(&[
                Change::Put(Key { kind: STATE, number: number % 5 }, b"again"),
                Change::Delete(Key { kind: INSTANCE, number: number % 5 }),
            ]);
            if let Err(error @ StoreError::TooSmall { .. }) = changed {
                return Err(Wrong::failed(what, &error));
            }
            let _ = store.tidy();
        }
    }
    Ok(first)
}

fn was_put(history: &History, key: Key, value: &[u8], what: &str) -> Result<(), Wrong> {
    let is_known = value == b"again" || history.get(&key).is_some_and(|values| values.iter().any(|put| put == value));
    if is_known { Ok(()) } else { Err(Wrong::NotPut { what: what.to_owned(), key, value: value.to_vec() }) }
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

/// Judges a witness of parts that are damaged at random.
fn judge_at_random(witness: &dyn Witness, rounds: u32) -> Result<(), Wrong> {
    let (subject, _, history) = subject();
    let mut chance = Chance::new(9);
    let mut refused = 0;
    for _ in 0..rounds {
        let mut nor = subject.clone();
        let mut what = String::new();
        for _ in 0..=chance.below(3) {
            what = format!("{what} and {}", damage(&mut nor, &mut chance));
        }
        refused += u32::from(survive(witness, &nor, &history, false, &what)?.is_none());
        survive(witness, &nor, &history, true, &what)?;
    }
    let (few, most) = (rounds / 15, rounds - rounds / 15);
    if refused < few {
        return Err(Wrong::Unseen { what: format!("all but {refused} of {rounds}") });
    }
    if refused > most {
        return Err(Wrong::failed("random damage", &format!("{refused} of {rounds} refused")));
    }
    Ok(())
}

#[test]
fn random_damage() {
    assert_eq!(judge_at_random(&Honest, 1_500), Ok(()));
}

/// Judges a witness of one wrong bit: it is harmless, seen, or taken for what a cut leaves of the last change.
fn judge_one_bit(witness: &dyn Witness, bits: impl Iterator<Item = usize>) -> Result<(), Wrong> {
    let (subject, records, history) = subject();
    let (mut seen, mut count) = (0, 0);
    for bit in bits {
        let what = format!("bit {bit}");
        let mut nor = subject.clone();
        nor.bytes[bit / 8] ^= 1 << (bit % 8);
        count += 1;
        let Some(found) = survive(witness, &nor, &history, false, &what)? else {
            seen += 1;
            continue;
        };
        // No bit is one of a record that was whole when the last one was written.
        let lost = records.iter().find(|(key, value)| !is_last(value) && found.get(key) != Some(value));
        if let Some((&key, _)) = lost {
            return Err(Wrong::Lost { what, key });
        }
    }
    if seen * 15 > count { Ok(()) } else { Err(Wrong::Unseen { what: format!("all but {seen} of {count}") }) }
}

fn every_seventh_bit() -> impl Iterator<Item = usize> {
    (0..PAGES * PAGE * 8).step_by(7)
}

#[test]
fn one_wrong_bit() {
    assert_eq!(judge_one_bit(&Honest, every_seventh_bit()), Ok(()));
}

fn is_last(value: &[u8]) -> bool {
    String::from_utf8_lossy(value).contains(" 199 ")
}

/// The canary: stores that tell what nobody put, what is old, or nothing, and ones that swallow damage, are each found out,
/// and for what they did.
#[test]
fn canary_stores_that_lie_are_found_out() {
    let (_, records, history) = subject();
    let verdict = |witness: &dyn Witness| judge_one_bit(witness, every_seventh_bit()).unwrap_err();
    assert!(matches!(verdict(&Inventive), Wrong::NotPut { key: Key { kind: STATE, .. }, .. }));
    assert!(matches!(judge_at_random(&Inventive, 1_500), Err(Wrong::NotPut { key: Key { kind: STATE, .. }, .. })));
    assert!(matches!(judge_forged(&Inventive), Err(Wrong::NotPut { key: Key { kind: STATE, .. }, .. })));
    // Of every key but that of the item written last.
    let mut keys = 0;
    for (&key, value) in &records {
        if is_last(value) || history[&key].len() < 2 {
            continue;
        }
        for witness in [&Nostalgic(&history, key) as &dyn Witness, &Silent(key)] {
            assert!(matches!(verdict(witness), Wrong::Lost { key: lost, .. } if lost == key), "{key:?}");
        }
        keys += 1;
    }
    assert!(keys > 10, "{keys}");
    // One that goes on in spite of damage.
    assert!(matches!(verdict(&Lenient), Wrong::Unseen { .. }));
    assert!(matches!(judge_at_random(&Lenient, 1_500), Err(Wrong::Unseen { .. })));
    assert_eq!(judge_forged(&Lenient), Err(Wrong::Unseen { what: "nothing".to_owned() }));
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
                survive(&Honest, &nor, &history, salvage, &format!("page {page} filled {filling}")).unwrap();
            }
        }
    }
    for byte in [0, 0x55] {
        let mut nor = subject.clone();
        nor.bytes.fill(byte);
        let mut memory = [0; RECORD];
        assert_eq!(Honest.mount(&mut nor, &mut memory, true).map(drop), Err(MountError::NoStore));
    }
}

/// Judges a witness of items whose checksums are right and that the store never writes.
fn judge_forged(witness: &dyn Witness) -> Result<(), Wrong> {
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
        match (witness.mount(&mut nor.clone(), &mut memory, false).map(drop), is_whole) {
            (Ok(()), true) | (Err(_), false) => {}
            (Ok(()), false) => return Err(Wrong::Unseen { what: what.to_owned() }),
            (Err(error), true) => return Err(Wrong::failed(what, &error)),
        }
        let values = [&b"x"[..], b"", b"abc"].map(<[u8]>::to_vec).into();
        let history = History::from([(Key { kind: DEFINITION, number: 1 }, values)]);
        survive(witness, &nor, &history, false, what)?;
        survive(witness, &nor, &history, true, what)?;
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
            survive(witness, &nor, &history, salvage, &format!("length {length}"))?;
        }
    }
    Ok(())
}

#[test]
fn forged_items() {
    assert_eq!(judge_forged(&Honest), Ok(()));
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
        mounted += u32::from(survive(&Honest, &nor, &none, false, "pages").unwrap().is_some());
        survive(&Honest, &nor, &none, true, "pages").unwrap();
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
            let found = survive(&Honest, &nor, &history, false, &format!("erase of page {page}")).unwrap();
            // What is not a page of the store is not erased.
            if !(2..11).contains(&page) {
                assert_eq!(found.as_ref(), Some(&records), "page {page}");
            }
        }
    }
}
