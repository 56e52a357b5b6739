//! The power is cut at every word of a script of store calls, in four ways; what was acknowledged is there, the list that was
//! under way is there up to some change, and the store goes on as if nothing had been.

use super::veil::{Bare, Blind, Forgetful, Veil};
use mainspring::{
    ports::{Change, Key, Store, StoreError},
    store::{DEFINITION, ENTRY, INSTANCE, STATE},
};
use mainspring_embassy::flash::FlashStore;
use mainspring_tests::{
    disk::Chance,
    nor::{CUTS, Coarse, Cut, Nor, Shared},
};
use std::{collections::BTreeMap, ops::Range};

/// Records, as they should be.
pub(super) type Records = BTreeMap<Key, Vec<u8>>;
/// A list of changes; `None` deletes.
pub(super) type List = Vec<(Key, Option<Vec<u8>>)>;

const KINDS: [u8; 4] = [DEFINITION, ENTRY, STATE, INSTANCE];
/// Bytes lent for long records.
pub(super) const RECORD: usize = 2048;

pub(super) fn all(store: &mut dyn Store) -> Result<Records, StoreError> {
    let mut records = Records::new();
    let mut twice = false;
    for kind in KINDS {
        store.scan(kind, &mut |key, bytes| {
            twice |= records.insert(key, bytes.to_vec()).is_some();
            true
        })?;
    }
    assert!(!twice, "a key was given twice");
    Ok(records)
}

pub(super) fn changes(list: &List) -> Vec<Change<'_>> {
    list.iter()
        .map(|(key, value)| value.as_ref().map_or(Change::Delete(*key), |value| Change::Put(*key, value)))
        .collect()
}

pub(super) fn change(records: &mut Records, (key, value): &(Key, Option<Vec<u8>>)) {
    match value {
        Some(value) => records.insert(*key, value.clone()),
        None => records.remove(key),
    };
}

/// Lists as an engine makes them, and some that it does not: runs, registrations, updates and deletes of records that are
/// short, long, and very long.
pub(super) fn script(chance: &mut Chance, lists: usize, longest: u64) -> Vec<List> {
    let value = |chance: &mut Chance, least: u64, most: u64| -> Option<Vec<u8>> {
        let length = least + chance.below(most - least + 1);
        Some((0..length).map(|_| chance.draw() as u8).collect())
    };
    let key = |kind, number| Key { kind, number };
    let mut lists: Vec<List> = (0..lists)
        .map(|at| {
            let task = 1 + chance.below(3) as u32;
            let definition = 100 + task;
            match at % 6 {
                0 | 2 => vec![(key(INSTANCE, task), value(chance, 40, 60))],
                1 | 3 => vec![(key(STATE, task), value(chance, 8, 30)), (key(INSTANCE, task), None)],
                4 => vec![
                    (key(DEFINITION, definition), value(chance, 100, longest)),
                    (key(ENTRY, task), value(chance, 30, 90)),
                ],
                _ => vec![
                    (key(DEFINITION, definition), value(chance, 20, 150)),
                    (key(STATE, task), value(chance, 0, 10)),
                    (key(ENTRY, 1 + chance.below(4) as u32), None),
                    (key(DEFINITION, 101 + chance.below(3) as u32), None),
                ],
            }
        })
        .collect();
    lists.push(vec![(key(STATE, 9), value(chance, 3, 3))]);
    lists
}

/// A part with a store, and what is in it.
#[derive(Clone)]
pub(super) struct Scene<const PAGE: usize, const WORD: usize> {
    pub(super) nor: Nor<PAGE, WORD>,
    pub(super) records: Records,
}

/// Mounts, and does something; errors are told as text.
pub(super) fn with_store<const PAGE: usize, const WORD: usize, V: Veil<PAGE, WORD>, T>(
    part: &Shared<PAGE, WORD>,
    act: impl FnOnce(&mut FlashStore<'_, V, 64, 96>) -> T,
) -> Result<T, String> {
    let mut record = [0; RECORD];
    let range = 0..part.nor().bytes.len() as u32;
    let mut store = FlashStore::mount(V::over(part.clone()), range, &mut record).map_err(|error| error.to_string())?;
    Ok(act(&mut store))
}

/// Runs lists until the power is cut, and looks at what is left. `again` is the number of words after which it is cut once
/// more while the store is mounted.
pub(super) fn cut_at<const PAGE: usize, const WORD: usize, V: Veil<PAGE, WORD>>(
    scene: &Scene<PAGE, WORD>,
    lists: &[List],
    (cut, fuel, again): (Cut, u64, Option<u64>),
) -> Result<bool, String> {
    let mut nor = scene.nor.clone();
    (nor.cut, nor.fuel, nor.chance) = (cut, Some(fuel), Chance::new(fuel * 4 + cut as u64 + 1));
    let part = Shared::new(nor);
    let mut done = 0;
    let _ = with_store::<PAGE, WORD, V, _>(&part, |store| {
        while let Some(list) = lists.get(done)
            && store.apply(&changes(list)).is_ok()
        {
            done += 1;
            if done % 5 == 0 && store.tidy().is_err() {
                break;
            }
        }
    });
    let was_cut = part.nor().is_off();
    if !was_cut && done < lists.len() {
        return Err(format!("list {done} failed with power on"));
    }
    part.nor().power();
    if let Some(again) = again {
        part.nor().fuel = Some(again);
        let _ = with_store::<PAGE, WORD, V, _>(&part, |_| ());
        part.nor().power();
    }
    let mut records = scene.records.clone();
    lists.iter().take(done).flatten().for_each(|one| change(&mut records, one));
    let found = with_store::<PAGE, WORD, V, _>(&part, |store| all(store))?.map_err(|error| error.to_string())?;
    let mut prefixes = vec![records.clone()];
    for one in lists.get(done).into_iter().flatten() {
        change(&mut records, one);
        prefixes.push(records.clone());
    }
    if !prefixes.contains(&found) {
        return Err(format!("after {done} lists: {}", difference(&prefixes[0], &found)));
    }
    // It stays what it was found to be, and goes on.
    with_store::<PAGE, WORD, V, _>(&part, |store| -> Result<(), String> {
        let told = |error: StoreError| error.to_string();
        let again = all(store).map_err(told)?;
        if again != found {
            return Err(format!("mounted again: {}", difference(&found, &again)));
        }
        for list in lists.get(done..).unwrap_or_default() {
            store.apply(&changes(list)).map_err(told)?;
            list.iter().for_each(|one| change(&mut records, one));
        }
        let last = all(store).map_err(told)?;
        if last == records { Ok(()) } else { Err(format!("at last: {}", difference(&records, &last))) }
    })??;
    Ok(was_cut)
}

fn difference(wanted: &Records, found: &Records) -> String {
    let mut text = String::new();
    for key in wanted.keys().chain(found.keys()) {
        if wanted.get(key) != found.get(key) {
            let length = |records: &Records| records.get(key).map(Vec::len);
            text += &format!("{key:?}: {:?} bytes for {:?}; ", length(found), length(wanted));
        }
    }
    text
}

/// A part that was in use for a while: every page was erased, and the oldest ones hold records that stay.
pub(super) fn used<const PAGE: usize, const WORD: usize, V: Veil<PAGE, WORD>>(
    pages: usize,
    chance: &mut Chance,
) -> Scene<PAGE, WORD> {
    let mut scene = Scene { nor: Nor::<PAGE, WORD>::new(pages), records: Records::new() };
    let mut lists: Vec<List> =
        (50..58).map(|number| vec![(Key { kind: DEFINITION, number }, Some(vec![number as u8; 90]))]).collect();
    while scene.nor.erases.iter().skip(2).any(|&erases| erases < 3) {
        live::<PAGE, WORD, V>(&mut scene, &lists);
        lists = script(chance, 12, 600);
    }
    scene
}

/// Applies lists without a cut.
fn live<const PAGE: usize, const WORD: usize, V: Veil<PAGE, WORD>>(scene: &mut Scene<PAGE, WORD>, lists: &[List]) {
    let part = Shared::new(scene.nor.clone());
    with_store::<PAGE, WORD, V, _>(&part, |store| {
        for list in lists {
            store.apply(&changes(list)).expect("there is room");
        }
    })
    .unwrap();
    scene.nor = part.nor().clone();
    lists.iter().flatten().for_each(|one| change(&mut scene.records, one));
}

/// Erases of these pages so far.
fn erases<const PAGE: usize, const WORD: usize>(scene: &Scene<PAGE, WORD>, pages: Range<usize>) -> u32 {
    scene.nor.erases[pages].iter().sum()
}

/// What cuts there were, and which of them took something.
#[derive(Default)]
struct Tally {
    cuts: u64,
    losses: Vec<String>,
}

impl Tally {
    /// A cut at every `step`-th word of these lists, in every way of `cuts`. Makes the scene what it is without a cut.
    fn session<const PAGE: usize, const WORD: usize, V: Veil<PAGE, WORD>>(
        &mut self,
        scene: &mut Scene<PAGE, WORD>,
        lists: &[List],
        cuts: &[Cut],
        step: usize,
    ) {
        let mut next = scene.clone();
        live::<PAGE, WORD, V>(&mut next, lists);
        let words = next.nor.spent - scene.nor.spent;
        for &cut in cuts {
            for fuel in (0..words).step_by(step) {
                let again = (fuel % 3 == 0).then_some(fuel % 17);
                match cut_at::<PAGE, WORD, V>(scene, lists, (cut, fuel, again)) {
                    Ok(was_cut) => assert!(was_cut || fuel + 300 > words, "no cut at {fuel} of {words}"),
                    Err(what) => self.losses.push(format!("{cut:?} at {fuel} of {words}, again {again:?}: {what}")),
                }
                self.cuts += 1;
            }
        }
        *scene = next;
    }
}

/// A cut at every `step`-th word of some sessions, the first of them on a blank part, in every way of `cuts`.
fn enumerate<const PAGE: usize, const WORD: usize, V: Veil<PAGE, WORD>>(
    pages: usize,
    cuts: &[Cut],
    step: usize,
) -> Tally {
    let mut chance = Chance::new(11);
    let mut scene = Scene { nor: Nor::<PAGE, WORD>::new(pages), records: Records::new() };
    let mut tally = Tally::default();
    for session in 0..6 {
        let before = erases(&scene, 0..pages);
        let lists = script(&mut chance, 12, 600);
        tally.session::<PAGE, WORD, V>(&mut scene, &lists, cuts, step);
        assert!(erases(&scene, 0..pages) > before, "nothing is erased");
        if session == 0 {
            scene = used::<PAGE, WORD, V>(pages, &mut chance);
        }
    }
    tally
}

/// Goes on until just before a list has one of the `watched` pages erased, and gives that list and the two behind it.
fn before_a_turn<const PAGE: usize, const WORD: usize>(
    scene: &mut Scene<PAGE, WORD>,
    watched: Range<usize>,
    chance: &mut Chance,
) -> Vec<List> {
    loop {
        let lists = script(chance, 60, 600);
        let mut next = scene.clone();
        live::<PAGE, WORD, Bare<PAGE, WORD>>(&mut next, &lists);
        if erases(&next, watched.clone()) == erases(scene, watched.clone()) {
            *scene = next;
            continue;
        }
        for at in 0..lists.len() {
            let mut next = scene.clone();
            live::<PAGE, WORD, Bare<PAGE, WORD>>(&mut next, &lists[at..=at]);
            if erases(&next, watched.clone()) > erases(scene, watched.clone()) {
                return lists[at..lists.len().min(at + 3)].to_vec();
            }
            *scene = next;
        }
    }
}

fn no_losses(Tally { cuts, losses }: Tally) {
    println!("{cuts} cuts");
    assert!(cuts > 1_000, "{cuts} cuts");
    assert!(losses.is_empty(), "{} of {cuts}: {:#?}", losses.len(), &losses[..losses.len().min(5)]);
}

#[test]
fn at_every_word_on_pages_of_1024() {
    no_losses(enumerate::<1024, 4, Bare<1024, 4>>(11, &CUTS, 1));
}

#[test]
fn at_every_word_on_pages_of_256() {
    no_losses(enumerate::<256, 8, Bare<256, 8>>(40, &CUTS, 1));
}

#[test]
fn at_words_of_one_byte() {
    no_losses(enumerate::<1024, 1, Bare<1024, 1>>(11, &CUTS, 7));
}

#[test]
fn at_every_word_of_16_bytes() {
    no_losses(enumerate::<1024, 16, Bare<1024, 16>>(11, &CUTS, 1));
}

/// Pages of 1024 bytes for words of 32: an item takes twice as much as with small words, and a definition that a cut let
/// through is put once more.
const PAGES_OF_32: usize = 15;

#[test]
fn at_every_word_of_32_bytes() {
    no_losses(enumerate::<1024, 32, Bare<1024, 32>>(PAGES_OF_32, &CUTS, 1));
}

/// Parts that are read in whole words only.
#[test]
fn at_words_that_are_read_whole() {
    no_losses(enumerate::<1024, 8, Coarse<Bare<1024, 8>, 8>>(11, &CUTS, 2));
    no_losses(enumerate::<1024, 32, Coarse<Bare<1024, 32>, 32>>(PAGES_OF_32, &CUTS, 1));
}

/// A part that is read in larger units than it is programmed in: the store's words are the larger ones, and a cut may leave
/// half of one.
#[test]
fn at_halves_of_words() {
    no_losses(enumerate::<1024, 4, Coarse<Bare<1024, 4>, 8>>(11, &CUTS, 5));
}

/// A blank part, and sessions on one that was used. They leave a page now and then; the tests that follow see to that.
#[test]
fn at_every_word_on_pages_of_4096() {
    let mut chance = Chance::new(12);
    let mut tally = Tally::default();
    let mut scene = Scene { nor: Nor::<4096, 4>::new(6), records: Records::new() };
    tally.session::<4096, 4, Bare<4096, 4>>(&mut scene, &script(&mut chance, 12, 600), &CUTS, 1);
    scene = used::<4096, 4, Bare<4096, 4>>(6, &mut chance);
    for _ in 0..3 {
        tally.session::<4096, 4, Bare<4096, 4>>(&mut scene, &script(&mut chance, 12, 600), &CUTS, 1);
    }
    no_losses(tally);
}

/// Cuts at every word of some lists that have pages of 4096 bytes left, and the oldest erased.
fn where_pages_are_left<V: Veil<4096, 4>>(turns: usize, cuts: &[Cut]) -> Tally {
    let mut chance = Chance::new(13);
    let mut tally = Tally::default();
    let mut scene = used::<4096, 4, Bare<4096, 4>>(6, &mut chance);
    for _ in 0..turns {
        let lists = before_a_turn(&mut scene, 2..6, &mut chance);
        let before = erases(&scene, 2..6);
        tally.session::<4096, 4, V>(&mut scene, &lists, cuts, 1);
        assert!(erases(&scene, 2..6) > before);
    }
    tally
}

/// Where a page of 4096 bytes is left: what counts in the oldest one is copied, and that one is erased.
#[test]
fn at_every_word_where_a_page_of_4096_is_left() {
    no_losses(where_pages_are_left::<Bare<4096, 4>>(3, &CUTS));
}

/// Where a page of the journal, of some five hundred entries, is full, and the other is erased and goes on; both ways.
#[test]
fn at_every_word_where_a_journal_of_4096_is_left() {
    let mut chance = Chance::new(14);
    let mut tally = Tally::default();
    let mut scene = used::<4096, 4, Bare<4096, 4>>(6, &mut chance);
    let mut left = Vec::new();
    for _ in 0..2 {
        let lists = before_a_turn(&mut scene, 0..2, &mut chance);
        let before = [0, 1].map(|page| erases(&scene, page..page + 1));
        tally.session::<4096, 4, Bare<4096, 4>>(&mut scene, &lists, &CUTS, 1);
        left.push([0, 1].map(|page| erases(&scene, page..page + 1) - before[page]));
    }
    assert_eq!(left, [[1, 0], [0, 1]]);
    no_losses(tally);
}

/// The canary: without a journal that outlives the cut there are losses, in every way in which a cut leaves something.
#[test]
fn canary_without_the_journal_records_are_lost() {
    for cut in [Cut::HalfProgrammed, Cut::NearBlank, Cut::AllZero] {
        let Tally { cuts, losses } = enumerate::<1024, 4, Forgetful<1024, 4>>(11, &[cut], 1);
        println!("{cut:?}: {} of {cuts}", losses.len());
        assert!(!losses.is_empty(), "{cut:?}: none in {cuts}");
    }
}

/// The canary: with a journal that believes what it wrote, a page that a cut left almost blank takes records with it.
#[test]
fn canary_without_reading_back_records_are_lost() {
    let Tally { cuts, losses } = enumerate::<1024, 4, Blind<1024, 4>>(11, &[Cut::NearBlank], 1);
    println!("{} of {cuts}", losses.len());
    assert!(!losses.is_empty(), "none in {cuts}");
}

/// The canary: the same where a page of 4096 bytes is left, so the one erase among so many words is seen to be cut.
#[test]
fn canary_where_a_page_of_4096_is_left_without_the_journal_records_are_lost() {
    for cut in [Cut::HalfProgrammed, Cut::NearBlank, Cut::AllZero] {
        let Tally { cuts, losses } = where_pages_are_left::<Forgetful<4096, 4>>(3, &[cut]);
        println!("{cut:?}: {} of {cuts}", losses.len());
        assert!(!losses.is_empty(), "{cut:?}: none in {cuts}");
    }
}
