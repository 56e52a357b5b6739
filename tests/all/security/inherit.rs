//! What a task and a folder get of the folder they are in, [MS-DTYP] 2.5.3.4.

use mainspring::{
    limits::SECURITY_DESCRIPTOR,
    security::{BuildError, Descriptor, inherit::new_object},
    sid::Sid,
};

use super::{bytes, text};

const OWNER: &str = "S-1-5-21-1-2-3-7";
const GROUP: &str = "S-1-5-21-1-2-3-8";

/// The new object's lists; its owner and group are those of the token unless the creator gives others.
fn made(parent: &str, creator: Option<&str>, is_container: bool, default: Option<&str>) -> Result<String, BuildError> {
    let parent = bytes(parent);
    let creator = creator.map(bytes);
    let default = default.map(bytes);
    let parse: fn(&Vec<u8>) -> Descriptor<'_> = |bytes| Descriptor::parse(bytes).unwrap();
    let (owner, group) = (Sid::parse(OWNER).unwrap(), Sid::parse(GROUP).unwrap());
    let mut room = [0xAA; SECURITY_DESCRIPTOR];
    let length = new_object(
        Some(&parse(&parent)),
        creator.as_ref().map(parse).as_ref(),
        &owner,
        &group,
        is_container,
        default.as_ref().map(parse).as_ref(),
        &mut room,
    )?;
    let all = text(&room[..length]);
    Ok(all.strip_prefix(&format!("O:{OWNER}G:{GROUP}")).unwrap_or(&all).to_owned())
}

/// Each combination of flags of an entry of the parent: what a task, and what a folder in it has.
#[test]
fn flags_say_who_inherits() {
    // OI, CI, NP, IO; IO is of the parent alone.
    let table: [(&str, Option<&str>, Option<&str>); 16] = [
        ("", None, None),
        ("OI", Some("ID"), Some("OIIOID")),
        ("CI", None, Some("CIID")),
        ("OICI", Some("ID"), Some("OICIID")),
        ("NP", None, None),
        ("OINP", Some("ID"), None),
        ("CINP", None, Some("ID")),
        ("OICINP", Some("ID"), Some("ID")),
        ("IO", None, None),
        ("OIIO", Some("ID"), Some("OIIOID")),
        ("CIIO", None, Some("CIID")),
        ("OICIIO", Some("ID"), Some("OICIID")),
        ("NPIO", None, None),
        ("OINPIO", Some("ID"), None),
        ("CINPIO", None, Some("ID")),
        ("OICINPIO", Some("ID"), Some("ID")),
    ];
    for (flags, task, folder) in table {
        for inherited in ["", "ID"] {
            for (is_container, expected) in [(false, task), (true, folder)] {
                let parent = format!("D:P(A;{flags}{inherited};FR;;;AU)");
                let expected = match expected {
                    Some(flags) => Ok(format!("D:AI(A;{flags};FR;;;AU)")),
                    // Nothing is inherited, and nobody said what else.
                    None => Err(BuildError::NoDacl),
                };
                assert_eq!(made(&parent, None, is_container, None), expected, "{flags} {is_container}");
            }
        }
    }
}

#[test]
fn what_is_effective_is_about_somebody_and_something() {
    for (parent, task, folder) in [
        // Generic rights and the creator: a folder keeps the original for its children.
        (
            "D:(A;OICI;GA;;;CO)",
            "D:AI(A;ID;FA;;;S-1-5-21-1-2-3-7)",
            "D:AI(A;ID;FA;;;S-1-5-21-1-2-3-7)(A;OICIIOID;GA;;;CO)",
        ),
        (
            "D:(A;OICIIO;FR;;;CG)",
            "D:AI(A;ID;FR;;;S-1-5-21-1-2-3-8)",
            "D:AI(A;ID;FR;;;S-1-5-21-1-2-3-8)(A;OICIIOID;FR;;;CG)",
        ),
        ("D:(A;OICI;GRGX;;;AU)", "D:AI(A;ID;0x1200a9;;;AU)", "D:AI(A;ID;0x1200a9;;;AU)(A;OICIIOID;GXGR;;;AU)"),
        ("D:(A;OICINP;GA;;;CO)", "D:AI(A;ID;FA;;;S-1-5-21-1-2-3-7)", "D:AI(A;ID;FA;;;S-1-5-21-1-2-3-7)"),
        // What is for children alone stays as it is.
        ("D:(A;OI;GA;;;CO)", "D:AI(A;ID;FA;;;S-1-5-21-1-2-3-7)", "D:AI(A;OIIOID;GA;;;CO)"),
        // Nothing general: one entry.
        (
            "D:(D;OICI;FW;;;BU)(A;OICI;FA;;;BA)",
            "D:AI(D;ID;FW;;;BU)(A;ID;FA;;;BA)",
            "D:AI(D;OICIID;FW;;;BU)(A;OICIID;FA;;;BA)",
        ),
        // Entries for a kind of child that is neither.
        (
            "D:(A;OICI;FA;;;BA)(OA;OICI;FA;;f30e3bbe-9ff0-11d1-b603-0000f80367c1;AU)",
            "D:AI(A;ID;FA;;;BA)",
            "D:AI(A;OICIID;FA;;;BA)(OA;OICIIOID;FA;;f30e3bbe-9ff0-11d1-b603-0000f80367c1;AU)",
        ),
        (
            "D:(OA;OICI;GR;f30e3bbe-9ff0-11d1-b603-0000f80367c1;;AU)",
            "D:AI(OA;ID;FR;f30e3bbe-9ff0-11d1-b603-0000f80367c1;;AU)",
            "D:AI(OA;ID;FR;f30e3bbe-9ff0-11d1-b603-0000f80367c1;;AU)(OA;OICIIOID;GR;f30e3bbe-9ff0-11d1-b603-0000f80367c1;;AU)",
        ),
        // A SACL is inherited too, and its flags stay.
        (
            "D:(A;OI;FA;;;BA)S:(AU;OISA;FA;;;WD)",
            "D:AI(A;ID;FA;;;BA)S:AI(AU;IDSA;FA;;;WD)",
            "D:AI(A;OIIOID;FA;;;BA)S:AI(AU;OIIOIDSA;FA;;;WD)",
        ),
    ] {
        assert_eq!(made(parent, None, false, None).unwrap(), task, "{parent}");
        assert_eq!(made(parent, None, true, None).unwrap(), folder, "{parent}");
    }
}

#[test]
fn what_is_given_comes_first() {
    let parent = "D:(A;OICI;FA;;;BA)(A;CI;FR;;;AU)";
    for (creator, task, folder) in [
        ("D:(A;;FR;;;BU)", "D:AI(A;;FR;;;BU)(A;ID;FA;;;BA)", "D:AI(A;;FR;;;BU)(A;OICIID;FA;;;BA)(A;CIID;FR;;;AU)"),
        ("D:", "D:AI(A;ID;FA;;;BA)", "D:AI(A;OICIID;FA;;;BA)(A;CIID;FR;;;AU)"),
        // What it says was inherited comes from the parent, or not at all.
        (
            "D:AI(A;;FR;;;BU)(A;ID;FA;;;LS)",
            "D:AI(A;;FR;;;BU)(A;ID;FA;;;BA)",
            "D:AI(A;;FR;;;BU)(A;OICIID;FA;;;BA)(A;CIID;FR;;;AU)",
        ),
        // P stops it, and what it has is its own then.
        ("D:P(A;;FR;;;BU)", "D:P(A;;FR;;;BU)", "D:P(A;;FR;;;BU)"),
        ("D:PAI(A;ID;FR;;;BU)", "D:PAI(A;;FR;;;BU)", "D:PAI(A;;FR;;;BU)"),
        ("D:P", "D:P", "D:P"),
        // A list that is NULL says that everybody may do everything.
        ("D:NO_ACCESS_CONTROL", "D:NO_ACCESS_CONTROL", "D:NO_ACCESS_CONTROL"),
        // The creator, and generic rights.
        ("D:P(A;;GA;;;CO)", "D:P(A;;FA;;;S-1-5-21-1-2-3-7)", "D:P(A;;FA;;;S-1-5-21-1-2-3-7)"),
        ("D:P(A;OICI;GR;;;CO)", "D:P(A;OICI;FR;;;S-1-5-21-1-2-3-7)", "D:P(A;;FR;;;S-1-5-21-1-2-3-7)(A;OICIIO;GR;;;CO)"),
        // Owner and group that are given, and take the creator's place.
        (
            "O:LSG:BUD:P(A;;GA;;;CO)(A;;GR;;;CG)",
            "O:LSG:BUD:P(A;;FA;;;LS)(A;;FR;;;BU)",
            "O:LSG:BUD:P(A;;FA;;;LS)(A;;FR;;;BU)",
        ),
        // A list that is not given is inherited.
        (
            "S:(AU;SA;FA;;;WD)",
            "D:AI(A;ID;FA;;;BA)S:AI(AU;SA;FA;;;WD)",
            "D:AI(A;OICIID;FA;;;BA)(A;CIID;FR;;;AU)S:AI(AU;SA;FA;;;WD)",
        ),
    ] {
        assert_eq!(made(parent, Some(creator), false, None).unwrap(), task, "{creator}");
        assert_eq!(made(parent, Some(creator), true, None).unwrap(), folder, "{creator}");
    }
}

#[test]
fn without_anything_there_is_a_default() {
    let default = "D:(A;;GA;;;CO)(A;;FA;;;SY)";
    let expected = "D:(A;;FA;;;S-1-5-21-1-2-3-7)(A;;FA;;;SY)";
    for parent in ["", "D:", "D:P(A;;FA;;;BA)", "D:NO_ACCESS_CONTROL", "D:(A;CI;FA;;;BA)"] {
        assert_eq!(made(parent, None, false, Some(default)).unwrap(), expected, "{parent}");
        assert_eq!(made(parent, None, false, None), Err(BuildError::NoDacl), "{parent}");
        assert_eq!(made(parent, None, false, Some("O:SY")), Err(BuildError::NoDacl), "{parent}");
        // One that is given, even an empty one, is none.
        assert_eq!(made(parent, Some("D:"), false, Some(default)).unwrap(), "D:AI", "{parent}");
    }
    assert_eq!(made("D:(A;OI;FR;;;BA)", None, false, Some(default)).unwrap(), "D:AI(A;ID;FR;;;BA)");
    let mut room = [0; SECURITY_DESCRIPTOR];
    let (owner, group) = (Sid::LOCAL_SYSTEM, Sid::ADMINISTRATORS);
    let default = bytes(default);
    let length =
        new_object(None, None, &owner, &group, true, Descriptor::parse(&default).ok().as_ref(), &mut room).unwrap();
    assert_eq!(text(&room[..length]), "O:SYG:BAD:(A;;FA;;;SY)(A;;FA;;;SY)");
}

/// A folder in a folder in a folder has what one in the first would have: inheritance comes to rest.
#[test]
fn children_of_children_inherit() {
    let mut parent = "D:(A;OICI;GA;;;CO)(A;OICI;FA;;;BA)(A;OINP;FR;;;AU)(A;CINP;FR;;;BU)(A;OI;FX;;;LS)".to_owned();
    let mut made_of = Vec::new();
    for _ in 0..4 {
        parent = made(&parent, None, true, None).unwrap();
        made_of.push(parent.clone());
    }
    let kept = "(A;ID;FA;;;S-1-5-21-1-2-3-7)(A;OICIIOID;GA;;;CO)(A;OICIID;FA;;;BA)";
    assert_eq!(made_of[0], format!("D:AI{kept}(A;ID;FR;;;BU)(A;OIIOID;FX;;;LS)"));
    assert_eq!(made_of[1], format!("D:AI{kept}(A;OIIOID;FX;;;LS)"));
    assert_eq!(made_of[2..], [made_of[1].clone(), made_of[1].clone()]);
    assert_eq!(
        made(&made_of[1], None, false, None).unwrap(),
        "D:AI(A;ID;FA;;;S-1-5-21-1-2-3-7)(A;ID;FA;;;BA)(A;ID;FX;;;LS)"
    );
}

#[test]
fn what_becomes_too_much_is_refused() {
    // Each entry becomes two.
    let many = |count: usize| format!("D:{}", "(A;OICI;GA;;;AU)".repeat(count));
    assert!(made(&many(64), None, true, None).is_ok());
    assert_eq!(made(&many(65), None, true, None), Err(BuildError::TooManyAces));
    let long = format!("D:{}", "(A;OICI;GA;;;S-1-5-21-1-2-3-4)".repeat(60));
    assert_eq!(made(&long, None, true, None), Err(BuildError::Long));
    let parent = bytes("D:(A;OICI;GA;;;CO)");
    let parent = Descriptor::parse(&parent).unwrap();
    let make =
        |length| new_object(Some(&parent), None, &Sid::LOCAL_SYSTEM, &Sid::NOBODY, true, None, &mut vec![0; length]);
    let needed = make(SECURITY_DESCRIPTOR).unwrap();
    assert!((0..needed).all(|length| make(length) == Err(BuildError::Full)) && make(needed) == Ok(needed));
}
