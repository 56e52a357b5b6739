//! The written form: every letter there is, and what is refused.

use mainspring::{
    limits::{ACES, SECURITY_DESCRIPTOR},
    security::{
        Descriptor, SecurityInformation,
        sddl::{Fault, SddlError, read, write},
    },
    sid::Sid,
};

use super::{
    DOMAIN, again, bytes,
    model::{Entry, Who, Whole},
    text,
};

/// What is wrong with a text, and where.
#[track_caller]
fn fault(text: &str) -> (usize, Fault) {
    let SddlError { at, what } = read(text, None, &mut [0; SECURITY_DESCRIPTOR]).expect_err(text);
    (at, what)
}

/// [MS-DTYP] 2.5.1.1 and 2.4.2.4, and sddl.h of the Windows SDK.
const TRUSTEES: &[(&str, &str)] = &[
    ("AA", "S-1-5-32-579"),
    ("AC", "S-1-15-2-1"),
    ("AN", "S-1-5-7"),
    ("AO", "S-1-5-32-548"),
    ("AS", "S-1-18-1"),
    ("AU", "S-1-5-11"),
    ("BA", "S-1-5-32-544"),
    ("BG", "S-1-5-32-546"),
    ("BO", "S-1-5-32-551"),
    ("BU", "S-1-5-32-545"),
    ("CD", "S-1-5-32-574"),
    ("CG", "S-1-3-1"),
    ("CO", "S-1-3-0"),
    ("CY", "S-1-5-32-569"),
    ("ED", "S-1-5-9"),
    ("ER", "S-1-5-32-573"),
    ("ES", "S-1-5-32-576"),
    ("HA", "S-1-5-32-578"),
    ("HI", "S-1-16-12288"),
    ("HO", "S-1-5-32-584"),
    ("IS", "S-1-5-32-568"),
    ("IU", "S-1-5-4"),
    ("LS", "S-1-5-19"),
    ("LU", "S-1-5-32-559"),
    ("LW", "S-1-16-4096"),
    ("ME", "S-1-16-8192"),
    ("MP", "S-1-16-8448"),
    ("MS", "S-1-5-32-577"),
    ("MU", "S-1-5-32-558"),
    ("NO", "S-1-5-32-556"),
    ("NS", "S-1-5-20"),
    ("NU", "S-1-5-2"),
    ("OW", "S-1-3-4"),
    ("PO", "S-1-5-32-550"),
    ("PS", "S-1-5-10"),
    ("PU", "S-1-5-32-547"),
    ("RA", "S-1-5-32-575"),
    ("RC", "S-1-5-12"),
    ("RD", "S-1-5-32-555"),
    ("RE", "S-1-5-32-552"),
    ("RM", "S-1-5-32-580"),
    ("RU", "S-1-5-32-554"),
    ("SH", "S-1-5-32-585"),
    ("SI", "S-1-16-16384"),
    ("SO", "S-1-5-32-549"),
    ("SS", "S-1-18-2"),
    ("SU", "S-1-5-6"),
    ("SY", "S-1-5-18"),
    ("UD", "S-1-5-84-0-0-0-0-0"),
    ("WD", "S-1-1-0"),
    ("WR", "S-1-5-33"),
];
const OF_DOMAIN: &[(&str, u32)] = &[
    ("AP", 525),
    ("CA", 517),
    ("CN", 522),
    ("DA", 512),
    ("DC", 515),
    ("DD", 516),
    ("DG", 514),
    ("DU", 513),
    ("EA", 519),
    ("EK", 527),
    ("KA", 526),
    ("LA", 500),
    ("LG", 501),
    ("PA", 520),
    ("RO", 498),
    ("RS", 553),
    ("SA", 518),
];
/// [MS-DTYP] 2.5.1.1.
const RIGHTS: &[(&str, u32)] = &[
    ("CC", 0x0000_0001),
    ("DC", 0x0000_0002),
    ("LC", 0x0000_0004),
    ("SW", 0x0000_0008),
    ("RP", 0x0000_0010),
    ("WP", 0x0000_0020),
    ("DT", 0x0000_0040),
    ("LO", 0x0000_0080),
    ("CR", 0x0000_0100),
    ("SD", 0x0001_0000),
    ("RC", 0x0002_0000),
    ("WD", 0x0004_0000),
    ("WO", 0x0008_0000),
    ("GA", 0x1000_0000),
    ("GX", 0x2000_0000),
    ("GW", 0x4000_0000),
    ("GR", 0x8000_0000),
    ("FA", 0x001F_01FF),
    ("FR", 0x0012_0089),
    ("FW", 0x0012_0116),
    ("FX", 0x0012_00A0),
    ("KA", 0x000F_003F),
    ("KR", 0x0002_0019),
    ("KW", 0x0002_0006),
];

#[test]
fn every_trustee_is_read_and_written() {
    for (letters, sid) in TRUSTEES {
        let given = format!("O:{letters}G:{letters}D:(A;;FA;;;{letters})");
        let made = bytes(&given);
        let descriptor = Descriptor::parse(&made).unwrap();
        let expected = Sid::parse(sid).unwrap();
        assert_eq!(descriptor.owner(), Some(expected), "{letters}");
        assert_eq!(descriptor.group(), Some(expected), "{letters}");
        let ace = descriptor.dacl().unwrap().aces().next().unwrap();
        assert!(ace.trustee().unwrap().is(&expected) && ace.trustee().unwrap().sid() == expected, "{letters}");
        assert_eq!(text(&made), given);
        assert_eq!(again(&format!("O:{sid}G:{sid}D:(A;;FA;;;{sid})")), given);
        assert_eq!(bytes(&given.replace(letters, &letters.to_lowercase())), made);
    }
    for (letters, account) in OF_DOMAIN {
        assert_eq!(again(&format!("O:{letters}")), format!("O:{DOMAIN}-{account}"));
        assert_eq!(fault(&format!("O:{letters}")), (2, Fault::Domain));
    }
    // A domain that has no room for an account.
    let longest = Sid::new([0, 0, 0, 0, 0, 5], &[1; 15]).unwrap();
    let refused = read("G:DA", Some(&longest), &mut [0; 100]).unwrap_err();
    assert_eq!((refused.at, refused.what), (2, Fault::Domain));
    // There are no others.
    for (first, second) in ('A'..='Z').flat_map(|first| ('A'..='Z').map(move |second| (first, second))) {
        let letters = format!("{first}{second}");
        let is_known =
            TRUSTEES.iter().any(|(name, _)| *name == letters) || OF_DOMAIN.iter().any(|(name, _)| *name == letters);
        let refused = read(&format!("O:{letters}"), None, &mut [0; 100]);
        assert_eq!(refused == Err(SddlError { at: 2, what: Fault::Trustee }), !is_known, "{letters}");
    }
}

/// The mask of the only entry.
#[track_caller]
fn mask(given: &str) -> u32 {
    let made = bytes(given);
    let aces: Vec<_> = Descriptor::parse(&made).unwrap().dacl().unwrap().aces().map(|ace| ace.mask().0).collect();
    let [mask] = aces[..] else { panic!("{given}") };
    mask
}

#[test]
fn every_right_is_read_and_written() {
    for (letters, right) in RIGHTS {
        let given = format!("D:(A;;{letters};;;SY)");
        assert_eq!(mask(&given), *right, "{letters}");
        assert_eq!(again(&given), given);
        for (others, other) in RIGHTS {
            assert_eq!(mask(&format!("D:(A;;{letters}{others};;;SY)")), right | other, "{letters}{others}");
        }
    }
    assert_eq!(again("D:(A;;KX;;;SY)"), "D:(A;;KR;;;SY)");
    // In the order in which Windows writes them, and else a number.
    for (given, written) in [
        ("RPWPCRCCDCLCLORCWOWDSDDTSW", "CCDCLCSWRPWPDTLOCRSDRCWDWO"),
        ("GRGXSD", "SDGXGR"),
        ("SDGXGWGR", "SDGXGWGR"),
        ("FRFX", "0x1200a9"),
        ("0x111FFFFF", "0x111fffff"),
        ("0x001200a9", "0x1200a9"),
        ("123456789", "0x75bcd15"),
        ("01234567", "0x53977"),
        ("16", "RP"),
        ("0xe00f0000", "SDRCWDWOGXGWGR"),
        ("0xffffffff", "0xffffffff"),
        ("4294967295", "0xffffffff"),
        ("037777777777", "0xffffffff"),
        ("0", ""),
        ("", ""),
        ("fafx", "FA"),
    ] {
        assert_eq!(again(&format!("D:(A;;{given};;;SY)")), format!("D:(A;;{written};;;SY)"), "{given}");
    }
    // Rights of a label have letters of their own.
    assert_eq!(again("S:(ML;;NWNRNX;;;HI)"), "S:(ML;;NWNRNX;;;HI)");
    assert_eq!(again("S:(ML;;0x1;;;LW)(AU;SA;0x1;;;WD)"), "S:(ML;;NW;;;LW)(AU;SA;CC;;;WD)");
    assert_eq!(again("S:(ML;;0x8;;;LW)"), "S:(ML;;0x8;;;LW)");
    assert_eq!(mask("D:(A;;NX;;;SY)"), 4);
    for wrong in [
        "F",
        "FAF",
        "XX",
        "0x",
        "0x1g",
        "0x100000000",
        "4294967296",
        "08",
        "-1",
        "+1",
        "0x-1",
        "0x+1",
        "1FA",
        "FA1",
        "FA|FR",
        "ÄÄ",
        "F\u{e4}",
    ] {
        let (at, what) = fault(&format!("D:(A;;{wrong};;;SY)"));
        assert!(what == Fault::Rights && (6..=8).contains(&at), "{wrong}: {what:?} at {at}");
    }
}

#[test]
fn every_flag_is_read_and_written() {
    let flags = [("OI", 1), ("CI", 2), ("NP", 4), ("IO", 8), ("ID", 0x10), ("CR", 0x20), ("SA", 0x40), ("FA", 0x80)];
    for bits in 0..=255_u8 {
        let chosen = flags.iter().filter(|(_, bit)| bits & bit != 0).map(|(name, _)| *name);
        let given = format!("D:(A;{};FA;;;SY)", chosen.clone().collect::<String>());
        let made = bytes(&given);
        assert_eq!(made, bytes(&format!("D:(A;{};FA;;;SY)", chosen.rev().collect::<String>().to_lowercase())));
        let descriptor = Descriptor::parse(&made).unwrap();
        assert_eq!(descriptor.dacl().unwrap().aces().next().unwrap().flags().0, bits);
        assert_eq!(text(&made), given);
    }
    assert_eq!(fault("D:(A;OICIX;FA;;;SY)"), (9, Fault::AceFlags));
    assert_eq!(fault("D:(A;O;FA;;;SY)"), (5, Fault::AceFlags));
}

#[test]
fn lists_have_flags() {
    for (given, control, written) in [
        ("D:", 0x8004, "D:"),
        ("S:", 0x8010, "S:"),
        ("", 0x8000, ""),
        ("D:P", 0x9004, "D:P"),
        ("D:AR", 0x8104, "D:AR"),
        ("D:AI", 0x8404, "D:AI"),
        ("D:PARAI", 0x9504, "D:PARAI"),
        ("D:AIARP", 0x9504, "D:PARAI"),
        ("D:PPP", 0x9004, "D:P"),
        ("D:pai", 0x9404, "D:PAI"),
        ("S:P", 0xA010, "S:P"),
        ("S:AR", 0x8210, "S:AR"),
        ("S:AI", 0x8810, "S:AI"),
        ("S:PARAI", 0xAA10, "S:PARAI"),
        ("D:NO_ACCESS_CONTROL", 0x8004, "D:NO_ACCESS_CONTROL"),
        ("D:PNO_ACCESS_CONTROL", 0x9004, "D:PNO_ACCESS_CONTROL"),
        ("D:NO_ACCESS_CONTROLAI", 0x8404, "D:AINO_ACCESS_CONTROL"),
        ("S:NO_ACCESS_CONTROL", 0x8010, "S:NO_ACCESS_CONTROL"),
        ("S:D:P", 0x9014, "D:PS:"),
    ] {
        let made = bytes(given);
        let descriptor = Descriptor::parse(&made).unwrap();
        assert_eq!(descriptor.control().0, control, "{given}");
        assert_eq!(text(&made), written, "{given}");
        let is_null = given.contains("NO_ACCESS");
        assert_eq!(descriptor.dacl().is_some(), given.contains("D:") && !is_null, "{given}");
        assert_eq!(descriptor.sacl().is_some(), given.contains("S:") && !is_null, "{given}");
        assert!(descriptor.dacl().is_none_or(|acl| acl.is_empty()));
    }
    assert_eq!(fault("D:PX(A;;FA;;;SY)"), (3, Fault::ListFlags));
    assert_eq!(fault("D:NO_ACCESS_CONTROL(A;;FA;;;SY)"), (19, Fault::NullWithAces));
}

#[test]
fn every_kind_is_read_and_written() {
    let (first, second) = ("f30e3bbe-9ff0-11d1-b603-0000f80367c1", "bf967aa5-0de6-11d0-a285-00aa003049e2");
    for (list, kinds) in [
        ('D', vec![("A", 0), ("D", 1), ("OA", 5), ("OD", 6)]),
        ('S', vec![("AU", 2), ("AL", 3), ("OU", 7), ("OL", 8), ("ML", 0x11), ("SP", 0x13), ("TL", 0x14)]),
    ] {
        for (letters, kind) in kinds {
            let is_object = letters.starts_with('O');
            for (object, inherited) in [("", ""), (first, ""), ("", second), (first, second)] {
                let given = format!("{list}:({letters};;0x200;{object};{inherited};SY)");
                let is_about_all = object.is_empty() && inherited.is_empty();
                if !(is_object || is_about_all) {
                    let at = letters.len() + if object.is_empty() { 12 } else { 11 };
                    assert_eq!(fault(&given), (at, Fault::Guid), "{given}");
                    continue;
                }
                let made = bytes(&given);
                let descriptor = Descriptor::parse(&made).unwrap();
                let acl = if list == 'D' { descriptor.dacl() } else { descriptor.sacl() }.unwrap();
                let ace = acl.aces().next().unwrap();
                let guid = |guid: Option<mainspring::guid::Guid>| guid.map(|guid| guid.to_string()).unwrap_or_default();
                // As on Windows, one about nothing in particular is an ordinary one.
                let is_plain = letters == "OA" && is_about_all;
                assert_eq!(ace.kind().0, if is_plain { 0 } else { kind }, "{given}");
                assert_eq!(acl.revision(), if is_object && !is_plain { 4 } else { 2 }, "{given}");
                assert_eq!(
                    (guid(ace.object_type()), guid(ace.inherited_object_type())),
                    (object.into(), inherited.into())
                );
                assert_eq!(text(&made), if is_plain { given.replace("OA", "A") } else { given });
            }
            let other = if list == 'D' { 'S' } else { 'D' };
            assert_eq!(fault(&format!("{other}:({letters};;0x200;;;SY)")), (3, Fault::List));
            let lower = format!("{list}:({};;FA;;;SY)", letters.to_lowercase());
            assert_eq!(bytes(&lower), bytes(&lower.replace(&letters.to_lowercase(), letters)));
        }
    }
    // Braces do no harm.
    assert_eq!(bytes(&format!("D:(OA;;CR;{{{first}}};;SY)")), bytes(&format!("D:(OA;;CR;{first};;SY)")));
    assert_eq!(fault("D:(OA;;CR;f30e3bbe;;SY)"), (10, Fault::Guid));
    assert_eq!(fault("D:(OA;;CR;;f30e3bbe;SY)"), (11, Fault::Guid));
}

#[test]
fn conditions_and_claims_are_refused() {
    for given in [
        r#"D:(XA;;FA;;;SY;(@User.Title=="PM" && (@User.Division=="Finance" || @User.Division =="Sales")))"#,
        r#"D:(A;;FA;;;SY)(XD;;FX;;;S-1-1-0;(@User.Project Any_of @Resource.Project))"#,
        r#"D:(ZA;;FA;;;SY;(Member_of {SID(BA)}))"#,
        r#"S:(XU;;FA;;;SY;(Exists x))"#,
        r#"S:(RA;;;;;WD;("Secrecy",TU,0,3))"#,
        r#"S:(FL;;FA;;;WD;(@Token.x == ":(;)"))"#,
        "D:(XA;;FA;;;SY)",
    ] {
        let at = given.rfind("(X").or(given.find("(Z")).or(given.find("(RA")).or(given.find("(FL")).unwrap() + 1;
        assert_eq!(fault(given), (at, Fault::Condition), "{given}");
    }
    // Nor are they written, nor what has no letters or is in the wrong list.
    for kind in (0..=255).filter(|kind| ![0, 1, 5, 6].contains(kind)) {
        let entry = Entry { data: vec![0; 8], ..Entry::new(kind, 0, 1, Who(5, vec![18])) };
        let made = Whole { control: 4, dacl: Some(vec![entry]), ..Whole::default() }.bytes();
        let mut out = String::new();
        let descriptor = Descriptor::parse(&made).unwrap_or_else(|error| panic!("{kind}: {error}"));
        assert!(write(&descriptor, SecurityInformation::DACL, &mut out).is_err(), "{kind}");
        assert!(write(&descriptor, SecurityInformation::SACL, &mut out).is_ok(), "{kind}");
    }
}

#[test]
fn white_space_and_order_say_nothing() {
    let usual = "O:BAG:SYD:P(A;;FA;;;BA)(A;OICI;FR;;;S-1-5-21-1-2-3-4)S:(AU;SA;FA;;;WD)";
    for other in [
        "S:(AU;SA;FA;;;WD)D:P(A;;FA;;;BA)(A;OICI;FR;;;S-1-5-21-1-2-3-4)G:SYO:BA",
        "  O: BA G:SY  D: P (A;;FA;;; BA) ( A; OICI ;FR; ; ;S-1-5-21-1-2-3-4 ) S: (AU;SA;\tFA;;;WD )\r\n",
        "G:SYS:(AU;SA;FA;;;WD)O:S-1-5-32-544D:P(A;;FA;;;ba)(a;cioi;fr;;;s-1-0x5-0x15-0x1-2-3-4)",
    ] {
        assert_eq!(bytes(other), bytes(usual), "{other}");
        assert_eq!(again(other), usual);
    }
    // What looks like a digit of a SID, and is a part.
    assert_eq!(again("O:S-1-2-0x200D:"), "O:S-1-2-512D:");
    assert_eq!(again("O:S-1-2-0x2D:(A;;GA;;;SY)"), "O:S-1-2-2D:(A;;GA;;;SY)");
    assert_eq!(again("O:S-1-5-21-1-2-3-512G:S-1-5-21-1-2-3-512D:P"), "O:S-1-5-21-1-2-3-512G:S-1-5-21-1-2-3-512D:P");
    assert_eq!(again("O:DAD:"), "O:S-1-5-21-1-2-3-512D:");
    assert_eq!(again("O:S-1-0x500000000-32-579"), "O:S-1-0x000500000000-32-579");
}

#[test]
fn what_is_broken_is_refused_in_its_place() {
    for (given, at, what) in [
        ("X", 0, Fault::Part),
        ("Z:(A;;GA;;;SY)", 0, Fault::Part),
        ("d:(A;;GA;;;SY)", 0, Fault::Part),
        ("D :S:", 0, Fault::Part),
        ("D::", 2, Fault::Part),
        ("O::SY", 2, Fault::Part),
        ("D", 0, Fault::Part),
        ("O:SYO:SY", 4, Fault::Repeated),
        ("D:PD:", 3, Fault::Repeated),
        ("D:P:S:", 2, Fault::Part),
        ("O:", 2, Fault::Trustee),
        ("O:SYX", 2, Fault::Trustee),
        ("G:S-1-5", 2, Fault::Trustee),
        ("G:S-1-5-4294967296", 2, Fault::Trustee),
        ("G:S-2-5-1", 2, Fault::Trustee),
        ("G:S-1-5-0x+1", 2, Fault::Trustee),
        ("G:S-1-0x1313131313131-513", 2, Fault::Trustee),
        ("G:S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15-16", 2, Fault::Trustee),
        ("D:((A;;GA;;;SY))", 3, Fault::Kind),
        ("D:(A;;GA;;;SY", 2, Fault::Parenthesis),
        ("D:(A;;GA;;;SY)A", 14, Fault::Parenthesis),
        ("D:(A;;GA;;;SY))", 14, Fault::Parenthesis),
        ("D:(A;;GA;;)", 2, Fault::Fields),
        ("D:(A;;GA;;;SY;)", 2, Fault::Fields),
        ("D:()", 3, Fault::Kind),
        ("D:(Antlers;;GA;;;SY)", 3, Fault::Kind),
        ("D:(\u{100};;GA;;;SY)", 3, Fault::Kind),
        ("D:(A;;GA;;;)", 11, Fault::Trustee),
        ("D:(A;;GA;;;\u{100})", 11, Fault::Trustee),
        ("D:(A;;GA;;;SYS)", 11, Fault::Trustee),
        ("\u{100}:", 0, Fault::Part),
        ("O:SY\u{100}:", 4, Fault::Part),
    ] {
        assert_eq!(fault(given), (at, what), "{given}");
    }
    assert_eq!(SddlError { at: 7, what: Fault::Kind }.to_string(), "no kind of entry at byte 7");
}

#[test]
fn what_is_too_much_is_refused() {
    let aces = |count: usize| format!("D:{}", "(A;;FA;;;SY)".repeat(count));
    let most = bytes(&aces(ACES));
    assert_eq!(Descriptor::parse(&most).unwrap().dacl().unwrap().len(), ACES);
    assert_eq!(fault(&aces(ACES + 1)), (2 + 12 * ACES, Fault::TooManyAces));
    assert_eq!(fault(&aces(4000)), (2 + 12 * ACES, Fault::TooManyAces));
    // Longer entries reach the other bound before. Each of them takes 36 bytes.
    let longest = |count: usize| format!("D:{}", "(A;;FA;;;S-1-5-21-1-2-3-4)".repeat(count));
    let count = (SECURITY_DESCRIPTOR - 28) / 36;
    assert_eq!(bytes(&longest(count)).len(), 28 + 36 * count);
    assert_eq!(fault(&longest(count + 1)), (2 + 26 * count, Fault::Long));
    // A lent buffer that is too small is another fault, and whatever it holds nothing breaks.
    let given = "O:BAG:SYD:P(OA;;FA;f30e3bbe-9ff0-11d1-b603-0000f80367c1;;BA)S:(AU;SA;FA;;;WD)";
    let needed = bytes(given).len();
    for length in 0..SECURITY_DESCRIPTOR + 8 {
        let result = read(given, None, &mut vec![0xAA; length]);
        if length < needed {
            assert_eq!(result.unwrap_err().what, Fault::Room);
        } else {
            assert_eq!(result, Ok(needed));
        }
    }
}

#[test]
fn only_what_is_asked_for_is_written() {
    let made = bytes("O:BAG:SYD:P(A;;FA;;;BA)S:(AU;SA;FA;;;WD)");
    let descriptor = Descriptor::parse(&made).unwrap();
    for which in 0..16 {
        let mut out = String::new();
        write(&descriptor, SecurityInformation(which | 0xF000_0000), &mut out).unwrap();
        let parts = ["O:BA", "G:SY", "D:P(A;;FA;;;BA)", "S:(AU;SA;FA;;;WD)"];
        let expected = parts.iter().enumerate().filter(|(bit, _)| which & (1 << bit) != 0).map(|(_, part)| *part);
        assert_eq!(out, expected.collect::<String>());
    }
    // Whoever has no room for it is told.
    struct Full(usize);
    impl core::fmt::Write for Full {
        fn write_str(&mut self, text: &str) -> core::fmt::Result {
            self.0 = self.0.checked_sub(text.len()).ok_or(core::fmt::Error)?;
            Ok(())
        }
    }
    let whole = text(&made).len();
    for room in 0..=whole {
        assert_eq!(write(&descriptor, SecurityInformation::ALL, &mut Full(room)).is_ok(), room == whole);
    }
}
