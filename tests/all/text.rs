//! Letter case: the core's own table against that of the standard library.

use std::fmt::Write;

use mainspring::text::folded;

/// The upper case of a character, if that is one other character.
fn upper(character: char) -> Option<char> {
    let mut upper = character.to_uppercase();
    upper.next().filter(|single| upper.next().is_none() && *single != character)
}

/// The table of `core/src/text/upper.rs` for a plane of 65,536 characters.
fn table(plane: u32) -> String {
    let of_plane = (plane << 16..(plane + 1) << 16).filter_map(char::from_u32).filter(|c| !c.is_ascii());
    let pairs: Vec<(u32, u32)> = of_plane.filter_map(|c| upper(c).map(|upper| (c.into(), upper.into()))).collect();
    assert!(pairs.iter().all(|(lower, upper)| lower >> 16 == upper >> 16), "an upper case in another plane");
    let mut printed = format!("static PLANE_{plane}\n");
    let mut rest = &pairs[..];
    while let [(first, upper), ..] = *rest {
        let run = |step: u32| {
            let expected = (0..80).map(|n| (first + n * step, upper + n * step));
            rest.iter().zip(expected).take_while(|(got, expected)| **got == *expected).count()
        };
        let (count, step) = if run(2) > run(1) { (run(2), 2) } else { (run(1), 1) };
        let _ = write!(printed, "({:#06x}, {count}, {step}, {:#06x}), ", first & 0xFFFF, upper & 0xFFFF);
        rest = &rest[count..];
    }
    printed
}

#[test]
fn upper_case_is_that_of_the_standard_library() {
    let differs = |c: &char| !folded(c.encode_utf8(&mut [0; 4])).eq([upper(*c).unwrap_or(*c)]);
    let differing: Vec<char> = ('\0'..=char::MAX).filter(differs).collect();
    assert!(differing.is_empty(), "{differing:?}; the table should be\n{}\n{}", table(0), table(1));
}
