//! Flash images: what is built on the host is what a device finds.

use mainspring::status::Status;
use mainspring_embassy::flash::{FlashStore, MountError};
use mainspring_linux::image::{Geometry, ImageError, Listed, Source, build, read};
use mainspring_tests::{
    chance::Chance,
    nor::Nor,
    world::{MINUTE, Outside, Slots, World},
};

/// A task that runs a command each minute.
fn minutely(registration: &str, settings: &str, command: &str) -> String {
    format!(
        "<Task version='1.2' xmlns='http://schemas.microsoft.com/windows/2004/02/mit/task'>\
         <RegistrationInfo>{registration}</RegistrationInfo><Triggers><TimeTrigger>\
         <Repetition><Interval>PT1M</Interval></Repetition><StartBoundary>2024-05-01T12:00:30Z</StartBoundary>\
         </TimeTrigger><RegistrationTrigger/></Triggers><Settings>{settings}</Settings>\
         <Actions><Exec><Command>{command}</Command></Exec></Actions></Task>"
    )
}

const PART: Geometry = Geometry { page: 1024, word: 4 };

fn two() -> Vec<u8> {
    let water = minutely(r"<URI>\Plant\Water</URI>", "", "valve for=1");
    let night = minutely("", "<Enabled>false</Enabled>", "lamp for=1");
    let sources = [Source { xml: &water, name: "ignored" }, Source { xml: &night, name: "night" }];
    build(PART, 16, &sources).unwrap().0
}

fn refused(sources: &[Source<'_>]) -> (Option<usize>, ImageError) {
    build(PART, 16, sources).map(|_| ()).unwrap_err()
}

#[test]
fn what_is_built_is_listed_and_is_the_same_each_time() {
    let bytes = two();
    assert_eq!(bytes, two());
    let held = read(PART, bytes.clone()).unwrap();
    let task = |path: &str, enabled| Listed { path: path.into(), enabled, readable: true };
    assert_eq!(held.tasks, [task(r"\Plant\Water", true), task(r"\night", false)]);
    assert_eq!((held.loaded.damaged, held.loaded.folders), (0, 1));
    let other = read(Geometry { word: 8, ..PART }, bytes).unwrap_err();
    assert!(matches!(other, ImageError::Mount(MountError::OtherForm { page: 1024, word: 4 })), "{other}");
}

/// The store and the engine of a device take it as it is, and run what is in it when it is due, and nothing at registration.
#[test]
fn a_device_runs_what_is_in_it() {
    let mut nor = Nor::<1024, 4>::new(16);
    nor.bytes = two();
    let mut record = [0; 512];
    let store = FlashStore::<_, 14, 64>::mount(&mut nor, 0..16 * 1024, &mut record).unwrap();
    let mut slots = Slots::new(8, 4);
    let mut world = World::boot(&mut slots, Outside::new("2024-05-01T12:00:00").on(store));
    assert_eq!(world.loaded.tasks, 2);
    world.run_for(3 * MINUTE);
    let starts: Vec<_> = world.outside.starts().into_iter().map(|(_, line)| line).collect();
    assert_eq!(starts, ["valve for=1"; 3]);
}

#[test]
fn what_cannot_be_in_an_image_is_refused_and_said_of_which_file() {
    let fine = minutely("", "", "valve");
    let source = |xml, name| Source { xml, name };
    let (at, error) = refused(&[source(&fine, "a"), source(&fine, "A")]);
    assert_eq!(at, Some(1));
    assert!(matches!(error, ImageError::Refused(refused) if refused.status() == Status::E_ALREADY_EXISTS), "{error}");
    let (at, error) = refused(&[source(&fine, "a"), source("<Task/>", "b")]);
    assert_eq!(at, Some(1));
    assert!(matches!(error, ImageError::Definition(_)) && error.to_string().contains("SCHED_E_"), "{error}");
    let (at, error) = refused(&[source(&fine, "a/b:c")]);
    assert!(matches!((at, &error), (Some(0), ImageError::Path(_))), "{error}");
    let password = fine.replace(
        "<Settings>",
        "<Principals><Principal><UserId>S-1-5-21-1-2-3-500</UserId><LogonType>Password</LogonType></Principal></Principals><Settings>",
    );
    assert!(matches!(refused(&[source(&password, "a")]), (Some(0), ImageError::Password)));
    let stranger = password.replace("S-1-5-21-1-2-3-500", "bob").replace("Password", "S4U");
    let (_, error) = refused(&[source(&stranger, "a")]);
    assert!(error.to_string().contains("bob"), "{error}");
    // More than the flash has room for.
    let mut chance = Chance::new(1);
    let noise: String = (0..4000).map(|_| char::from(b'A' + chance.below(58) as u8).to_string()).collect();
    let long = minutely(&format!("<Description><![CDATA[{noise}]]></Description>"), "", "valve");
    let names: Vec<String> = (0..8).map(|number| number.to_string()).collect();
    let many: Vec<_> = names.iter().map(|name| source(&long, name)).collect();
    let (at, error) = refused(&many);
    assert!(at.is_some_and(|at| at > 0), "{at:?}");
    assert!(
        matches!(error, ImageError::Refused(refused) if refused.status() == Status::SCHED_E_SERVICE_TOO_BUSY),
        "{error}"
    );
}

#[test]
fn sizes_that_no_flash_has_are_refused() {
    let fine = minutely("", "", "valve");
    let sources = [Source { xml: &fine, name: "a" }];
    for page in [256, 512, 1024, 2048, 4096, 8192, 16384, 65536] {
        for word in [1, 4, 8] {
            let geometry = Geometry { page, word };
            let pages = 5.max(4096 / page);
            let (bytes, _) = build(geometry, pages, &sources).unwrap();
            assert_eq!(bytes.len(), pages * page);
            assert_eq!(read(geometry, bytes).unwrap().tasks.len(), 1);
        }
    }
    let no = |page, word, pages| {
        let refused = build(Geometry { page, word }, pages, &sources).map(|_| ()).unwrap_err();
        assert!(matches!(refused, (None, ImageError::Geometry)), "{page} {word} {pages}: {refused:?}");
    };
    for (page, word, pages) in [(4095, 4, 16), (0, 4, 16), (4096, 2, 16), (4096, 0, 16), (4096, 4, 4), (4096, 4, 4097)]
    {
        no(page, word, pages);
    }
}

/// With a wrong bit in it an image is refused, or said to end in the middle of something, or holds all that it held.
#[test]
fn a_wrong_bit_is_told() {
    let bytes = two();
    let whole = read(PART, bytes.clone()).unwrap().tasks;
    let (mut seen, mut all) = (0, 0);
    for bit in 0..bytes.len() * 8 {
        if bytes[bit / 8] == 0xFF {
            continue;
        }
        let mut bad = bytes.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let held = read(PART, bad);
        all += 1;
        let wrong = held.is_err();
        seen += u32::from(wrong);
        assert!(
            held.is_ok_and(|held| held.torn || held.tasks == whole && held.loaded.damaged == 0) || wrong,
            "bit {bit}"
        );
    }
    assert!(seen * 4 > all * 3, "{seen} of {all} seen");
}
