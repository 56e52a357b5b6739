//! Canary of all tests that show damaged bytes to what reads them: whatever damage a reader cannot stand, they come upon it.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use mainspring_tests::damage;

/// A count and as many bytes, twice.
const BYTES: &[u8] = b"\x02ab\x03xyz";

/// Whether a reader panics at some damage.
fn breaks(read: impl Fn(&[u8])) -> bool {
    let show = || {
        damage::cut(BYTES, &read);
        damage::flipped(BYTES, &read);
    };
    catch_unwind(AssertUnwindSafe(show)).is_err()
}

/// Reads lists, and asks whether their bytes are there.
fn careful(bytes: &[u8]) {
    let mut rest = bytes;
    while let Some((count, after)) = rest.split_first() {
        let Some((_, after)) = after.split_at_checked((*count).into()) else { return };
        rest = after;
    }
}

#[test]
fn canary_a_reader_that_panics_is_noticed() {
    assert!(!breaks(careful));
    // One that takes a count for granted, and one that takes a byte for granted.
    assert!(breaks(|bytes| drop(bytes.split_first().map(|(count, after)| after[..usize::from(*count)].to_vec()))));
    assert!(breaks(|bytes| assert_ne!(bytes[0], 0)));
    // Each that cannot stand one truncation, or one bit that is another, and nothing else.
    for end in 0..BYTES.len() {
        assert!(breaks(|bytes| assert_ne!(bytes.len(), end)), "cut at {end}");
    }
    for (at, bit) in (0..BYTES.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
        let is_it = |bytes: &[u8]| bytes.len() == BYTES.len() && bytes[at] == BYTES[at] ^ (1 << bit);
        assert!(breaks(|bytes| assert!(!is_it(bytes))), "bit {bit} of byte {at}");
    }
}

/// Those whose readers read what comes from elsewhere.
#[test]
fn who_reads_what_comes_from_elsewhere_is_shown_damage() {
    for file in [
        "task/xml/bounds",
        "task/image",
        "task/packed",
        "task/job/file",
        "query/bounds",
        "time/tzif",
        "engine/records",
        "security/binary",
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("all/{file}.rs"));
        let text = fs::read_to_string(path).unwrap();
        assert!(text.contains("damage::cut(") && text.contains("damage::flipped("), "{file}");
    }
}
