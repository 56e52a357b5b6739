//! [MS-TSCH] 2.3.11.

use std::collections::HashSet;

use mainspring::{
    limits::{PATH_LEVELS, PATH_UNITS},
    task::{Path, PathError},
    text::Utf16,
};

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[test]
fn a_leading_backslash_is_optional() {
    for text in ["Wine\\Task1", "\\Wine\\Task1"] {
        let path = Path::parse(text).unwrap();
        assert_eq!(path.as_str(), "\\Wine\\Task1");
        assert_eq!(path.names().map(|name| name.as_str()).collect::<Vec<_>>(), ["Wine", "Task1"]);
        assert_eq!(path.name().unwrap().as_str(), "Task1");
        assert_eq!(path.parent().unwrap().as_str(), "\\Wine");
        assert_eq!(path.parent().unwrap().parent(), Some(Path::ROOT));
        assert_eq!(Path::from_utf16(Utf16::little(&utf16(text))).unwrap(), path);
    }
}

#[test]
fn the_root_is_empty_or_a_backslash() {
    for text in ["", "\\"] {
        let root = Path::parse(text).unwrap();
        assert!(root.is_root());
        assert_eq!(root, Path::ROOT);
        assert_eq!(root.as_str(), "\\");
        assert_eq!(root.names().count(), 0);
        assert!(root.name().is_none());
        assert!(root.parent().is_none());
        assert_eq!(root.join("Wine").unwrap().as_str(), "\\Wine");
    }
}

#[test]
fn letter_case_does_not_tell_paths_apart() {
    let paths: HashSet<Path> =
        ["\\Grün\\ÄPFEL", "grÜn\\äpfel", "\\GRÜN\\äpfel"].iter().map(|text| Path::parse(text).unwrap()).collect();
    assert_eq!(paths.len(), 1);
    assert_ne!(Path::parse("\\a\\b").unwrap(), Path::parse("\\ab").unwrap());
    assert_eq!(Path::parse("\\a\\B").unwrap().name(), Path::parse("\\x\\b").unwrap().name());
}

#[test]
fn illegal_names_are_refused_with_their_ordinal() {
    let names = ["", " a", "..", ".", "a:b", "a/b", "a\0b", "a\nb", "\u{7f}"];
    for name in names {
        assert_eq!(Path::parse(&format!("\\ok\\{name}\\ok")).unwrap_err(), PathError::BadName { at: 1 }, "{name:?}");
        assert_eq!(Path::parse("\\ok").unwrap().join(name).unwrap_err(), PathError::BadName { at: 1 }, "{name:?}");
    }
    assert_eq!(Path::parse("\\\\").unwrap_err(), PathError::BadName { at: 0 });
    assert_eq!(Path::parse("\\a\\").unwrap_err(), PathError::BadName { at: 1 });
    assert_eq!(Path::ROOT.join("a\\b").unwrap_err(), PathError::BadName { at: 0 });
    for name in ["...", "a ", ".a", "..a", "a b", "$(x)", "{12}", "日本語"] {
        assert_eq!(Path::parse(name).unwrap().name().unwrap().as_str(), name);
    }
}

#[test]
fn length_and_depth_are_bounded() {
    let longest = "x".repeat(PATH_UNITS - 1);
    assert!(Path::parse(&longest).is_ok());
    assert_eq!(Path::parse(&format!("{longest}x")).unwrap_err(), PathError::TooLong);
    let wide = "日".repeat(PATH_UNITS - 1);
    assert!(Path::parse(&wide).is_ok());
    // Two code units each.
    assert_eq!(Path::parse(&"𝒳".repeat(PATH_UNITS / 2)).unwrap_err(), PathError::TooLong);
    assert!(Path::parse(&"𝒳".repeat(PATH_UNITS / 2 - 1)).is_ok());
    assert_eq!(Path::parse(&"x".repeat(1 << 20)).unwrap_err(), PathError::TooLong);
    assert_eq!(Path::from_utf16(Utf16::little(&vec![b'x'; 1 << 20])).unwrap_err(), PathError::TooLong);
    assert!(Path::parse(&"\\a".repeat(PATH_LEVELS)).is_ok());
    assert_eq!(Path::parse(&"\\a".repeat(PATH_LEVELS + 1)).unwrap_err(), PathError::TooLong);
}

#[test]
fn a_lone_surrogate_is_not_text() {
    assert_eq!(Path::from_utf16(Utf16::little(&[b'a', 0, 0x00, 0xD8])).unwrap_err(), PathError::NotText);
}
