//! A flash that holds what nobody wrote there: it is refused, or what can be read is read; nothing panics.

use mainspring::ports::{Change, Key, Store};
use mainspring_embassy::flash::Blocking;

use super::{Chance, Flash, Part, Step, mount, new_part, script};

fn used() -> Part {
    let mut store = mount(new_part());
    for list in script(11, 200) {
        let changes: Vec<Change<'_>> = list.iter().map(Step::change).collect();
        store.apply(&changes).unwrap();
    }
    store.into_flash().0
}

/// Mounts whatever it is, and uses what could be mounted.
fn try_out(part: Part) -> bool {
    let Ok(mut store) = Flash::mount(Blocking(part)) else { return false };
    for kind in 0..20 {
        let _ = store.scan(kind, &mut |_, _| true);
    }
    for number in 0..10 {
        let key = Key { kind: 1, number };
        let _ = store.get(key, &mut [0; 700]);
        let _ = store.apply(&[Change::Put(key, &[1; 300]), Change::Delete(key), Change::Put(key, &[2; 30])]);
        let _ = store.tidy();
    }
    true
}

#[test]
fn bytes_that_changed_do_no_harm() {
    let part = used();
    let mut chance = Chance(1);
    let mut mounted = 0;
    for _ in 0..3_000 {
        let mut damaged = part.clone();
        for _ in 0..1 + chance.next(6) {
            let at = chance.next(damaged.bytes.len() as u64) as usize;
            damaged.bytes[at] = chance.next(256) as u8;
        }
        mounted += u32::from(try_out(damaged));
    }
    assert!(mounted > 1_000, "{mounted} of 3000 could be used");
}

#[test]
fn pages_of_anything_do_no_harm() {
    let part = used();
    let mut chance = Chance(2);
    for number in 0..2_000 {
        let mut damaged = part.clone();
        for page in damaged.bytes.chunks_mut(512) {
            match chance.next(5) {
                0 => page.fill(0),
                1 => page.fill(0xFF),
                2 if number % 2 == 0 => page.iter_mut().for_each(|byte| *byte = chance.next(256) as u8),
                _ => {}
            }
        }
        try_out(damaged);
    }
    for fill in [0, 0xFF, 0x55] {
        let mut damaged = part.clone();
        damaged.bytes.fill(fill);
        try_out(damaged);
    }
}

/// An item as the log writes them, with right checksums, whatever is in it.
fn forged(data: &[u8]) -> Vec<u8> {
    let castagnoli = data.iter().fold(0xEEEE_EEEE_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x82F6_3B78 } else { crc >> 1 })
    });
    let check = match !castagnoli {
        0 => 1,
        check if matches!(check & 0xFF, 0 | 0xFF) => check ^ 1,
        check => check,
    };
    let length = (data.len() as u16).to_le_bytes();
    let crc = length.iter().fold(0xFFFF_u16, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x1A2E } else { crc >> 1 })
    });
    let mut item = check.to_le_bytes().to_vec();
    item.extend(length);
    item.extend(if !crc == 0xFFFF { 0xFFFE } else { !crc }.to_le_bytes());
    item.extend(data);
    item.resize(item.len().next_multiple_of(4), 0xFF);
    item
}

/// A part whose first page holds these items and nothing else.
fn holding(items: &[&[u8]]) -> Part {
    let mut part = mount(new_part()).into_flash().0;
    // The page is begun.
    part.bytes[..4].fill(0);
    let mut at = 4;
    for item in items {
        let item = forged(item);
        part.bytes[at..at + item.len()].copy_from_slice(&item);
        at += item.len();
    }
    part
}

#[test]
fn items_that_nobody_writes_are_refused() {
    // What is forged as it should be is read: the checksums are right.
    let whole = [&[1, 0, 0, 0, 7, 0, 0][..], b"a record"].concat();
    let mut store = mount(holding(&[&whole]));
    let mut into = [0; 100];
    assert_eq!(store.get(Key { kind: 1, number: 7 }, &mut into), Ok(Some(8)));
    assert_eq!(&into[..8], b"a record");
    for length in 0..6 {
        let short = &whole[..length];
        for items in [vec![short], vec![&whole[..], short], vec![short, &whole[..]]] {
            try_out(holding(&items));
        }
    }
    // Parts without a head, a head without its parts, and numbers of parts that no record has.
    for flags in 0..=255 {
        for part in [0, 1, 0x7F, 0x80, 0x81, 0xFF] {
            try_out(holding(&[&[1, 0, 0, 0, 7, part, flags, 1, 2, 3], &whole]));
        }
    }
}

/// A part that once does not do what it is told, and does not say so. An erase is tried again, so that one is made good.
#[test]
fn a_word_that_is_not_held_fails_its_call() {
    let lists = script(13, 60);
    let (mut deceived, mut failed) = (0, 0);
    let from = mount(new_part()).into_flash().0.steps;
    for step in from + 1..from + 3000 {
        let mut part = new_part();
        part.idle = Some(step);
        let mut store = mount(part);
        let mut records = super::Records::new();
        let mut refused = None;
        for list in &lists {
            let before = records.clone();
            let changes: Vec<Change<'_>> = list.iter().map(Step::change).collect();
            list.iter().for_each(|step| step.apply_to(&mut records));
            if let Err(error) = store.apply(&changes) {
                refused = Some((error, before, list));
                break;
            }
        }
        let part = store.into_flash().0;
        if part.steps < step {
            break;
        }
        let erased: u32 = part.erased.iter().sum();
        deceived += u32::from(part.deceived);
        failed += u32::from(refused.is_some());
        match refused {
            // What was acknowledged is there, though nothing more may be.
            None => assert_eq!(super::contents(&mut mount(part)), records, "step {step}, after {erased} erases"),
            Some((error, before, list)) => {
                assert_eq!(error, mainspring::ports::StoreError::Failed { code: 5 }, "step {step}");
                let found = super::contents(&mut mount(part));
                // Of records that the list does not name, none is lost or changed.
                for (key, record) in &before {
                    let named = list.iter().any(|step| match step {
                        Step::Put(named, _) | Step::Delete(named) => named == key,
                    });
                    assert!(named || found.get(key) == Some(record), "step {step}: {key:?}");
                }
            }
        }
    }
    println!("{deceived} words or pages were not held, {failed} calls failed");
    assert!(failed > 100 && failed <= deceived, "{failed} of {deceived}");
}
