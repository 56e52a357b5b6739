//! Stubs that other people's programs made (`tests/data/ndr`), and what an attacker makes of a stub.

use std::{collections::BTreeMap, path::PathBuf};

/// A file of `tests/data/ndr`.
#[must_use]
pub fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data/ndr").join(name)
}

/// The stubs of one file, by name. `-` stands for a stub of no bytes.
///
/// # Panics
/// If the file cannot be read, or is not lines of a name and hexadecimal digits.
#[must_use]
pub fn stubs(name: &str) -> BTreeMap<String, Vec<u8>> {
    let text = std::fs::read_to_string(file(name)).expect("a file of stubs");
    text.lines()
        .map(|line| {
            let (name, digits) = line.split_once(' ').expect("a name and a stub");
            (name.to_owned(), bytes(digits.trim_start_matches('-')))
        })
        .collect()
}

/// The bytes that hexadecimal digits stand for; blanks do not count.
///
/// # Panics
/// If they are no digits, or an odd number of them.
#[must_use]
pub fn bytes(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        digits.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_digit(16).expect("a digit") as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// Every beginning of `stub`, and `stub` with each bit flipped in turn.
pub fn spoiled(stub: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let cut = (0..stub.len()).map(|length| stub[..length].to_vec());
    let flipped = (0..8 * stub.len()).map(|bit| {
        let mut stub = stub.to_vec();
        stub[bit / 8] ^= 1 << (bit % 8);
        stub
    });
    cut.chain(flipped)
}
