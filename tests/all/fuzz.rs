//! What the fuzz targets begin with, and what ever made one panic, is done again with no fuzzer.

use std::{collections::BTreeSet, fs, path::Path};

use mainspring_tests::fuzz::TARGETS;

/// The names in a folder of `tests`; none if there is no such folder.
fn names(folder: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Gives every file that is kept for a target to it; says how many there are.
fn replay(folder: &str) -> usize {
    let mut replayed = 0;
    for name in names(folder) {
        let (_, target) =
            TARGETS.iter().find(|(target, _)| *target == name).unwrap_or_else(|| panic!("no target {name}"));
        for file in names(&format!("{folder}/{name}")) {
            let path = format!("{folder}/{name}/{file}");
            println!("{path}");
            target(&fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap());
            replayed += 1;
        }
    }
    replayed
}

#[test]
fn what_was_found_is_not_found_again() {
    println!("{} inputs that once were too much", replay("data/fuzz"));
}

#[test]
fn what_the_targets_begin_with_is_harmless() {
    let replayed = replay("fuzz/seeds");
    println!("{replayed} seeds");
    assert!(replayed >= TARGETS.len() - 1);
}

#[test]
fn every_target_has_a_program() {
    let programs = TARGETS.iter().map(|(name, _)| format!("{name}.rs")).collect::<BTreeSet<_>>();
    assert_eq!(names("fuzz/fuzz_targets"), programs);
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/Cargo.toml")).unwrap();
    for (name, _) in TARGETS {
        assert!(manifest.contains(&format!("name = \"{name}\"\npath = \"fuzz_targets/{name}.rs\"")), "{name}");
        let program = format!("fuzz/fuzz_targets/{name}.rs");
        let program = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(program)).unwrap();
        assert!(program.contains(&format!("mainspring_fuzz::fuzz::{name}(bytes)")), "{name}");
    }
}

/// A target that panics is noticed.
#[test]
#[should_panic(expected = "the planted fault")]
fn the_canary_sings() {
    mainspring_tests::fuzz::canary(b"lies about bytes");
}
