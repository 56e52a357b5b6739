//! The descriptors of real tasks, if `MAINSPRING_SHARED` says where they are.

use std::{fs, path::PathBuf};

use mainspring::security::Descriptor;

use super::{again, bytes, text};

fn unhex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks_exact(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

#[test]
fn descriptors_of_real_tasks_are_what_they_are() {
    let Some(folder) = std::env::var_os("MAINSPRING_SHARED").map(PathBuf::from) else {
        println!("skipped: MAINSPRING_SHARED does not say where real descriptors are");
        return;
    };
    let table = fs::read_to_string(folder.join("sddl.tsv")).unwrap();
    let mut rows = 0;
    let mut unchanged = 0;
    for row in table.lines().skip(1) {
        let [_, written, aces, masks, digits] = row.split('\t').collect::<Vec<_>>()[..] else { panic!("{row}") };
        let made = bytes(written);
        assert_eq!(made, unhex(digits), "{written}");
        let descriptor = Descriptor::parse(&made).unwrap();
        let dacl = descriptor.dacl().unwrap();
        assert_eq!(dacl.len().to_string(), aces, "{written}");
        let found: Vec<_> = dacl.aces().map(|ace| format!("{:#x}", ace.mask().0)).collect();
        assert_eq!(found.join(" "), masks, "{written}");
        // What is written may be spelled otherwise, and is the same.
        let second = text(&made);
        assert_eq!(bytes(&second), made, "{written} became {second}");
        assert_eq!(again(&second), second);
        unchanged += usize::from(second == written);
        rows += 1;
    }
    println!("{rows} descriptors of real tasks, {unchanged} of them written as they came");
    assert!(rows >= 50 && unchanged >= 10);
}
