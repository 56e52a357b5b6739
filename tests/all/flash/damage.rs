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
