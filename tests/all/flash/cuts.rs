//! A power cut at every word.

use std::env;

use mainspring::ports::{Change, Store};
use mainspring_embassy::flash::Blocking;
use mainspring_tests::nor::Cut;

use super::{Chance, Flash, Part, Records, Step, contents, mount, new_part, script};

/// Lives through a script until it ends or the power goes. What was acknowledged whole, and the list that was under way.
fn live(part: Part, lists: &[Vec<Step>], from: usize) -> (Part, usize) {
    let Ok(mut store) = Flash::mount(Blocking(part.clone())) else {
        unreachable!("the power is cut while a list is applied, or while it is mounted again");
    };
    for (number, list) in lists.iter().enumerate().skip(from) {
        let changes: Vec<Change<'_>> = list.iter().map(Step::change).collect();
        let applied = store.apply(&changes);
        if store.flash().0.is_dead() {
            return (store.into_flash().0, number);
        }
        assert_eq!(applied, Ok(()));
        // In idle moments it is tidied up.
        if number % 7 == 0 {
            let _ = store.tidy();
            if store.flash().0.is_dead() {
                return (store.into_flash().0, number + 1);
            }
        }
    }
    (store.into_flash().0, lists.len())
}

/// What is there after each change of a list, the first being what was there before.
fn prefixes(records: &Records, list: Option<&Vec<Step>>) -> Vec<Records> {
    let mut prefixes = vec![records.clone()];
    for step in list.into_iter().flatten() {
        let mut next = prefixes[prefixes.len() - 1].clone();
        step.apply_to(&mut next);
        prefixes.push(next);
    }
    prefixes
}

fn after(lists: &[Vec<Step>], count: usize) -> Records {
    let mut records = Records::new();
    lists[..count].iter().flatten().for_each(|step| step.apply_to(&mut records));
    records
}

/// Cuts the power at one step of a script, and again at some steps of what follows; then everything must be there.
fn cut_at(fuel: u64, cut: Cut, lists: &[Vec<Step>], again: Option<u64>) {
    let what = format!("{cut:?} at {fuel}, again {again:?}");
    let (mut part, done) = live(new_part().cut_after(fuel, cut, fuel), lists, 0);
    part.power();
    if let Some(again) = again {
        // The power goes again while it is repaired.
        part = part.cut_after(again, cut, fuel ^ 0x55);
        part = match Flash::mount(Blocking(part.clone())) {
            Ok(store) => store.into_flash().0,
            // The part is gone with the error: what it was like is found by doing the same again.
            Err(_) => remount_dead(part),
        };
        part.power();
    }
    let mut store = Flash::mount(Blocking(part)).unwrap_or_else(|error| panic!("{what}: {error:?}"));
    let found = contents(&mut store);
    let allowed = prefixes(&after(lists, done.min(lists.len())), lists.get(done));
    let at = allowed.iter().position(|records| *records == found);
    assert!(at.is_some(), "{what}: in list {done} of {}, which is {:?}", lists.len(), lists.get(done));
    // It goes on from there, and everything fits as it did.
    let rest = lists.len().min(done + 12);
    let part = store.into_flash().0;
    let (part, end) = live(part, &lists[..rest], done);
    assert_eq!(end, rest);
    assert_eq!(contents(&mut mount(part)), after(lists, rest), "{what}: goes on");
}

/// A flash whose mount failed for lack of power, as it is then.
fn remount_dead(part: Part) -> Part {
    let shared = std::rc::Rc::new(std::cell::RefCell::new(part));
    let _ = super::cuts::Watched::mount(Blocking(WatchedPart(shared.clone())));
    shared.borrow().clone()
}

type Watched = mainspring_embassy::flash::FlashStore<Blocking<WatchedPart>, { super::PAGES }, 48, 160, 600>;

/// A part that can be looked at after the store is gone.
struct WatchedPart(std::rc::Rc<std::cell::RefCell<Part>>);

mod watched {
    use embedded_storage::nor_flash::{ErrorType, MultiwriteNorFlash, NorFlash, ReadNorFlash};

    use super::{Part, WatchedPart};

    impl ErrorType for WatchedPart {
        type Error = <Part as ErrorType>::Error;
    }

    impl ReadNorFlash for WatchedPart {
        const READ_SIZE: usize = Part::READ_SIZE;

        fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
            self.0.borrow_mut().read(offset, bytes)
        }

        fn capacity(&self) -> usize {
            self.0.borrow().capacity()
        }
    }

    impl NorFlash for WatchedPart {
        const WRITE_SIZE: usize = Part::WRITE_SIZE;
        const ERASE_SIZE: usize = Part::ERASE_SIZE;

        fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
            self.0.borrow_mut().erase(from, to)
        }

        fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
            self.0.borrow_mut().write(offset, bytes)
        }
    }

    impl MultiwriteNorFlash for WatchedPart {}
}

/// Steps that a mount of a new part takes, which is not cut here.
fn fresh_steps() -> u64 {
    mount(new_part()).into_flash().0.steps
}

fn steps(lists: &[Vec<Step>]) -> u64 {
    live(new_part(), lists, 0).0.steps
}

/// Every step of a script whose log goes round several times, under every model of what a cut leaves.
#[test]
fn every_cut_leaves_a_prefix() {
    let lists = script(3, 60);
    let (first, last) = (fresh_steps(), steps(&lists));
    let mut cuts = 0;
    for cut in Cut::ALL {
        for fuel in first..last {
            cut_at(fuel, cut, &lists, None);
            cuts += 1;
        }
    }
    println!("{cuts} cuts, none of which lost or doubled anything");
}

/// A second cut while the first is repaired.
#[test]
fn a_cut_of_the_repair_leaves_a_prefix() {
    let lists = script(5, 60);
    let (first, last) = (fresh_steps(), steps(&lists));
    for cut in Cut::ALL {
        for fuel in (first..last).step_by(13) {
            for again in 0..6 {
                cut_at(fuel, cut, &lists, Some(again));
            }
        }
    }
}

/// Other scripts, cut anywhere; `MAINSPRING_CUTS` says how many.
#[test]
fn random_cuts_leave_a_prefix() {
    let cuts: u64 = env::var("MAINSPRING_CUTS").ok().and_then(|cuts| cuts.parse().ok()).unwrap_or(2_000);
    let mut chance = Chance(7);
    let first = fresh_steps();
    for number in 0..cuts.div_ceil(20) {
        let lists = script(100 + number, 100);
        let last = steps(&lists);
        for _ in 0..20 {
            let cut = Cut::ALL[chance.next(4) as usize];
            let again = (chance.next(3) == 0).then(|| chance.next(8));
            cut_at(first + chance.next(last - first), cut, &lists, again);
        }
    }
}

/// Without what the journal knows, some cuts of an erase lose what was acknowledged.
#[test]
fn canary_without_its_journal_cuts_lose_records() {
    let lists = script(3, 60);
    let (first, last) = (fresh_steps(), steps(&lists));
    let journal = super::PAGES * 512;
    let mut lost = 0;
    for cut in [Cut::Half, Cut::Noise, Cut::Zeros] {
        for fuel in first..last {
            let (mut part, done) = live(new_part().cut_after(fuel, cut, fuel), &lists, 0);
            part.power();
            part.bytes[journal..].fill(0xFF);
            let found = std::panic::catch_unwind(|| contents(&mut mount(part)));
            let allowed = prefixes(&after(&lists, done.min(lists.len())), lists.get(done));
            lost += u32::from(!found.is_ok_and(|found| allowed.contains(&found)));
        }
    }
    assert!(lost > 0);
    println!("{lost} cuts lost something without the journal");
}
