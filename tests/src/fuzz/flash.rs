//! Damaged flash.

use std::sync::OnceLock;

use crate::nor::{Nor, NorError};
use mainspring::{
    ports::{Change, Key, Store, StoreError},
    store::{DEFINITION, ENTRY, INSTANCE, STATE},
};
use mainspring_embassy::flash::{FlashStore, MountError};

const PAGE: usize = 1024;
const PAGES: usize = 11;
/// Bytes lent for long records.
const RECORD: usize = 2048;
type Part = Nor<PAGE, 4>;
type Mounted<'r> = Result<FlashStore<'r, &'r mut Part, 16, 96>, MountError<NorError>>;

/// A part that was in use.
fn used() -> Part {
    let mut nor = Part::new(PAGES);
    let mut memory = [0; RECORD];
    let mut store = mount(&mut nor, &mut memory, false).expect("a blank part");
    for round in 0..60_u8 {
        let key = Key { kind: [DEFINITION, INSTANCE, STATE][usize::from(round % 3)], number: u32::from(round % 4) };
        let value = [round; 400];
        let length = if round % 8 == 0 { 400 } else { 10 + usize::from(round) };
        store.apply(&[Change::Put(key, &value[..length])]).expect("there is room");
    }
    drop(store);
    nor
}

fn mount<'r>(nor: &'r mut Part, memory: &'r mut [u8], salvage: bool) -> Mounted<'r> {
    let range = 0..(PAGES * PAGE) as u32;
    if salvage { FlashStore::salvage(nor, range, memory) } else { FlashStore::mount(nor, range, memory) }
}

/// Each five bytes change something in a part that was in use: where (2), how many bytes (1), how (1) and what (1). It must be
/// refused or serve, and go on to.
pub fn flash(bytes: &[u8]) {
    static USED: OnceLock<Vec<u8>> = OnceLock::new();
    let mut damaged = USED.get_or_init(|| used().bytes).clone();
    for patch in bytes.chunks_exact(5).take(256) {
        let place = usize::from(u16::from_le_bytes([patch[0], patch[1]])) % damaged.len();
        let end = (place + 1 + usize::from(patch[2])).min(damaged.len());
        match patch[3] % 4 {
            0 => damaged[place] = patch[4],
            1 => damaged[place] ^= patch[4],
            2 => damaged[place..end].fill(patch[4]),
            _ => {
                let to = usize::from(patch[4]) * 16 % (damaged.len() - (end - place));
                damaged.copy_within(place..end, to);
            }
        }
    }
    for salvage in [false, true] {
        let mut nor = Part::new(PAGES);
        nor.bytes.clone_from(&damaged);
        // What it makes of the damage it must be able to take again.
        for _ in 0..2 {
            serve(&mut nor, salvage);
        }
    }
}

fn serve(nor: &mut Part, salvage: bool) {
    let mut memory = [0; RECORD];
    let mut store = match mount(nor, &mut memory, salvage) {
        Ok(store) => store,
        Err(MountError::Flash(error)) => panic!("the part does not fail: {error:?}"),
        Err(_) => return,
    };
    let mut into = [0; RECORD];
    for kind in [DEFINITION, ENTRY, INSTANCE, STATE] {
        let mut keys = Vec::new();
        let scanned = store.scan(kind, &mut |key, _| {
            keys.push(key);
            true
        });
        assert!(matches!(scanned, Ok(()) | Err(StoreError::Corrupt)), "{scanned:?}");
        for key in keys {
            let got = store.get(key, &mut into);
            assert!(matches!(got, Ok(Some(_)) | Err(StoreError::Corrupt)), "{key:?}: {got:?}");
        }
    }
    for number in 0..12 {
        let key = Key { kind: STATE, number };
        if store.apply(&[Change::Put(key, &[7; 60]), Change::Delete(Key { kind: INSTANCE, number })]).is_ok() {
            assert_eq!(store.get(key, &mut into), Ok(Some(60)));
        }
        let _ = store.tidy();
    }
}
