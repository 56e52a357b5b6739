//! The store keeps the contract of the port, on parts of many shapes: it is compared with a map in memory.

use super::veil::{Bare, Veil};
use embedded_storage_async::nor_flash::MultiwriteNorFlash;
use mainspring::{
    ports::{Change, Key, Store, StoreError},
    store::{DEFINITION, ENTRY, INSTANCE, STATE},
};
use mainspring_embassy::flash::{FlashStore, MountError};
use mainspring_tests::{
    disk::Chance,
    nor::{Coarse, Nor, NorError, Shared},
};
use std::collections::BTreeMap;

type Records = BTreeMap<Key, Vec<u8>>;

fn all(store: &mut dyn Store) -> Records {
    let mut records = Records::new();
    for kind in [0, DEFINITION, ENTRY, STATE, INSTANCE, 200] {
        store
            .scan(kind, &mut |key, bytes| {
                assert_eq!(key.kind, kind);
                assert!(records.insert(key, bytes.to_vec()).is_none(), "{key:?} twice");
                true
            })
            .unwrap();
    }
    records
}

/// Random lists, against a map; now and then a restart.
fn random_lists<const PAGE: usize, const WORD: usize, V: Veil<PAGE, WORD>>(pages: u32, longest: u64) {
    let part = Shared::new(Nor::<PAGE, WORD>::new(pages as usize + 3));
    // Neither the first nor the last page of the part is the store's.
    let range = PAGE as u32..(pages + 1) * PAGE as u32;
    let mut chance = Chance::new(PAGE as u64 + WORD as u64);
    let mut model = Records::new();
    for _ in 0..20 {
        let mut record = vec![0; 4096];
        let mut store = FlashStore::<_, 64, 192>::mount(V::over(part.clone()), range.clone(), &mut record).unwrap();
        assert_eq!(store.mounted().damaged, 0);
        assert_eq!(all(&mut store), model);
        for _ in 0..100 {
            let mut values = Vec::new();
            for _ in 0..=chance.below(4) {
                let kind = [DEFINITION, ENTRY, STATE, INSTANCE, 200][chance.below(5) as usize];
                let number = [1, 2, 3, 200, 70_000, u32::MAX][chance.below(6) as usize];
                let length = match chance.below(4) {
                    0 => chance.below(longest + 1),
                    _ => chance.below(70),
                };
                let value: Vec<u8> = (0..length).map(|_| chance.draw() as u8).collect();
                values.push((Key { kind, number }, (chance.below(4) > 0).then_some(value)));
            }
            let changes: Vec<_> = values
                .iter()
                .map(|(key, value)| value.as_ref().map_or(Change::Delete(*key), |value| Change::Put(*key, value)))
                .collect();
            let applied = store.apply(&changes);
            if applied == Err(StoreError::Exhausted) {
                model = all(&mut store);
                continue;
            }
            applied.unwrap();
            for (key, value) in values {
                match value {
                    Some(value) => model.insert(key, value),
                    None => model.remove(&key),
                };
            }
            if chance.below(4) == 0 {
                store.tidy().unwrap();
            }
            assert_eq!(all(&mut store), model);
        }
        let mut room = [0; 4096];
        for (key, value) in &model {
            assert_eq!(store.get(*key, &mut room), Ok(Some(value.len())));
            assert_eq!(&room[..value.len()], value);
            if !value.is_empty() {
                let needed = value.len();
                assert_eq!(store.get(*key, &mut room[..needed - 1]), Err(StoreError::TooSmall { needed }));
            }
        }
        assert_eq!(store.get(Key { kind: 9, number: 9 }, &mut room), Ok(None));
    }
    let nor = part.nor();
    let outside = |page: usize| nor.bytes[page * PAGE..][..PAGE].iter().all(|&byte| byte == 0xFF);
    assert!(outside(0) && outside(pages as usize + 1) && outside(pages as usize + 2));
    // Every page of the records is erased about as often as any other.
    let erases = &nor.erases[3..=pages as usize];
    let (least, most) = (erases.iter().min().unwrap(), erases.iter().max().unwrap());
    assert!(*most > 2 && most - least <= 1 + most / 8, "{erases:?}");
}

#[test]
fn random_lists_on_pages_of_4096() {
    random_lists::<4096, 1, Bare<4096, 1>>(8, 3000);
    random_lists::<4096, 4, Bare<4096, 4>>(8, 3000);
    random_lists::<4096, 32, Bare<4096, 32>>(8, 3000);
}

#[test]
fn random_lists_on_pages_of_1024() {
    random_lists::<1024, 4, Bare<1024, 4>>(32, 2000);
    random_lists::<1024, 8, Bare<1024, 8>>(32, 2000);
}

#[test]
fn random_lists_on_pages_of_256() {
    random_lists::<256, 1, Bare<256, 1>>(64, 500);
    random_lists::<256, 4, Bare<256, 4>>(64, 500);
    random_lists::<256, 16, Bare<256, 16>>(64, 500);
    random_lists::<256, 32, Bare<256, 32>>(64, 500);
}

/// Parts that are read in whole words, and in larger units than they are programmed in.
#[test]
fn random_lists_read_in_large_units() {
    random_lists::<4096, 4, Coarse<Bare<4096, 4>, 4>>(8, 3000);
    random_lists::<1024, 16, Coarse<Bare<1024, 16>, 16>>(32, 2000);
    random_lists::<1024, 1, Coarse<Bare<1024, 1>, 4>>(32, 2000);
    random_lists::<256, 32, Coarse<Bare<256, 32>, 32>>(64, 500);
    random_lists::<256, 4, Coarse<Bare<256, 4>, 32>>(64, 500);
}

#[test]
fn ranges_and_parts_that_do_not_fit_are_refused() {
    let mount = |range, record: usize| {
        let mut memory = vec![0; record];
        FlashStore::<_, 8, 64>::mount(Nor::<4096, 4>::new(16), range, &mut memory).map(drop)
    };
    assert_eq!(mount(0..5 * 4096, 512), Ok(()));
    assert_eq!(mount(0..10 * 4096, 512), Ok(()));
    for range in [0..4 * 4096, 0..11 * 4096, 1..5 * 4096, 0..5 * 4096 + 4, 13 * 4096..18 * 4096, 0..0] {
        assert_eq!(mount(range, 512), Err(MountError::Unfit));
    }
    #[allow(clippy::reversed_empty_ranges)]
    let reversed = 8192..4096;
    assert_eq!(mount(reversed, 512), Err(MountError::Unfit));
    assert_eq!(mount(0..5 * 4096, 511), Err(MountError::Unfit));
    assert_eq!(mount_on(Nor::<256, 32>::new(8)), Ok(()));
    assert_eq!(mount_on(Coarse::<_, 32>(Nor::<256, 1>::new(8))), Ok(()));
    // Pages that are too small or no power of two, and words, of what is programmed or read, that are too large or none.
    assert_eq!(mount_on(Nor::<128, 4>::new(8)), Err(MountError::Unfit));
    assert_eq!(mount_on(Nor::<768, 4>::new(8)), Err(MountError::Unfit));
    assert_eq!(mount_on(Nor::<4096, 64>::new(8)), Err(MountError::Unfit));
    assert_eq!(mount_on(Coarse::<_, 64>(Nor::<4096, 4>::new(8))), Err(MountError::Unfit));
    assert_eq!(mount_on(Nor::<768, 24>::new(8)), Err(MountError::Unfit));
    assert_eq!(mount_on(Nor::<4096, 12>::new(8)), Err(MountError::Unfit));
    assert_eq!(mount_on(Coarse::<_, 3>(Nor::<4096, 1>::new(8))), Err(MountError::Unfit));
}

/// Mounts a whole part of eight pages.
fn mount_on<F: MultiwriteNorFlash>(part: F) -> Result<(), MountError<F::Error>> {
    let mut record = [0; 512];
    let end = part.capacity() as u32;
    FlashStore::<_, 8, 64>::mount(part, 0..end, &mut record).map(drop)
}

/// What is not a store is left alone, until somebody wants it formatted.
#[test]
fn other_peoples_flash_is_refused() {
    let mut nor = Nor::<4096, 4>::new(8);
    nor.bytes[5 * 4096 + 77] = 0x12;
    let before = nor.bytes.clone();
    let mut record = [0; 512];
    let refused = FlashStore::<_, 8, 64>::mount(&mut nor, 0..8 * 4096, &mut record).map(drop);
    assert_eq!(refused, Err(MountError::NoStore));
    assert_eq!(nor.bytes, before);
    FlashStore::<_, 8, 64>::format(&mut nor, 0..8 * 4096).unwrap();
    let store = FlashStore::<_, 8, 64>::mount(&mut nor, 0..8 * 4096, &mut record).unwrap();
    assert!(!store.mounted().new);
}

/// A store that was made for words or pages of another size is told as one, and left alone.
#[test]
fn a_store_of_another_form_is_refused() {
    fn mount<const PAGE: usize, const WORD: usize>(bytes: &[u8]) -> Result<(), MountError<NorError>> {
        let mut nor = Nor::<PAGE, WORD>::new(bytes.len() / PAGE);
        nor.bytes.copy_from_slice(bytes);
        let mut record = [0; 512];
        let mounted = FlashStore::<_, 128, 64>::mount(&mut nor, 0..bytes.len() as u32, &mut record).map(drop);
        assert!(mounted.is_ok() || nor.bytes == bytes);
        mounted
    }
    let mut nor = Nor::<4096, 4>::new(8);
    let mut record = [0; 512];
    let mut store = FlashStore::<_, 8, 64>::mount(&mut nor, 0..8 * 4096, &mut record).unwrap();
    store.apply(&[Change::Put(Key { kind: 1, number: 1 }, b"value")]).unwrap();
    drop(store);
    let other = Err(MountError::OtherForm { page: 4096, word: 4 });
    assert_eq!(mount::<4096, 4>(&nor.bytes), Ok(()));
    assert_eq!(mount::<4096, 1>(&nor.bytes), other);
    assert_eq!(mount::<4096, 8>(&nor.bytes), other);
    assert_eq!(mount::<4096, 32>(&nor.bytes), other);
    assert!(mount::<2048, 4>(&nor.bytes).is_err());
    assert!(mount::<256, 4>(&nor.bytes).is_err());
    // The version of the form, with its inverse.
    let front = 4096;
    for (byte, other) in [(8, 0x22), (10, !0x22)] {
        assert_eq!(nor.bytes[front + byte], other ^ 3);
        nor.bytes[front + byte] = other;
    }
    assert_eq!(mount::<4096, 4>(&nor.bytes), other);
}

/// To format over a store of another form goes on after a cut: it is the old store, or an empty one.
#[test]
fn formatting_over_another_form_goes_on_after_a_cut() {
    const SIZE: u32 = 8 * 1024;
    let mut record = [0; 512];
    let mut old = Nor::<1024, 8>::new(8);
    let mut store = FlashStore::<_, 8, 64>::mount(&mut old, 0..SIZE, &mut record).unwrap();
    store.apply(&[Change::Put(Key { kind: 1, number: 1 }, b"value")]).unwrap();
    drop(store);
    let (mut kept, mut empty) = (0, 0);
    for fuel in 0.. {
        let mut nor = Nor::<1024, 4>::new(8);
        nor.bytes.copy_from_slice(&old.bytes);
        nor.fuel = Some(fuel);
        if FlashStore::<_, 8, 64>::format(&mut nor, 0..SIZE).is_ok() {
            break;
        }
        nor.power();
        match FlashStore::<_, 8, 64>::mount(&mut nor, 0..SIZE, &mut record).map(|store| store.space().keys) {
            Err(MountError::OtherForm { page: 1024, word: 8 }) => kept += 1,
            Ok(0) => empty += 1,
            other => panic!("cut at {fuel}: {other:?}"),
        }
    }
    assert!(kept >= 1 && empty > 5, "{kept} kept, {empty} empty");
}

/// The memory that the documentation tells.
#[test]
fn memory() {
    fn size<const PAGES: usize, const KEYS: usize>() -> usize {
        size_of::<FlashStore<'static, Shared<4096, 4>, PAGES, KEYS>>()
    }
    assert!(size::<16, 192>() <= 28 * 192 + 9 * 16 + 512 + 400, "{} bytes", size::<16, 192>());
    assert!(size::<64, 64>() - size::<64, 32>() <= 28 * 32);
    assert!(size::<64, 64>() - size::<32, 64>() <= 9 * 32);
}
