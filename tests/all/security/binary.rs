//! The binary form: what is in it, and what no bytes may say.

use mainspring::{
    limits::{ACES, SECURITY_DESCRIPTOR},
    security::{
        AccessMask, Control, Descriptor, DescriptorError, SecurityInformation, Token, access, inherit, sddl, set,
    },
    sid::Sid,
};
use mainspring_tests::{chance::Chance, damage};

use super::{
    bytes,
    model::{Entry, Who, Whole, list, rights, somebody},
};

fn everything() -> Vec<u8> {
    let guids = [Some([7; 16]), Some([8; 16])];
    let user = Who(5, vec![21, 1, 2, 3, 1000]);
    let entries = vec![
        Entry::new(1, 0x13, 0x0001_0000, user.clone()),
        Entry { guids, ..Entry::new(5, 2, 0x10, Who(3, vec![4])) },
        Entry { data: b"artx\0\0\0\0".to_vec(), ..Entry::new(9, 0, 0x1F, Who(1, vec![0])) },
        Entry { guids: [None, guids[1]], data: vec![1; 4], ..Entry::new(0x0C, 0x0B, 0x1F, Who(3, vec![0])) },
        Entry::new(0x80, 1, 0x1234, Who(5, vec![18])),
        Entry::new(0, 0x1B, 0x1000_0000, Who(3, vec![1])),
    ];
    let sacl = vec![Entry::new(2, 0x40, 1, Who(1, vec![0])), Entry::new(0x11, 0, 1, Who(16, vec![4096]))];
    Whole {
        control: 0x9414,
        owner: Some(user),
        group: Some(Who(5, vec![32, 545])),
        sacl: Some(sacl),
        dacl: Some(entries),
    }
    .bytes()
}

/// Does with bytes whatever can be done with a descriptor.
fn look(bytes: &[u8]) {
    let Ok(descriptor) = Descriptor::parse(bytes) else { return };
    let groups = [Sid::EVERYONE, Sid::ADMINISTRATORS, Sid::OWNER_RIGHTS];
    let token = Token { user: &Sid::LOCAL_SYSTEM, groups: &groups, relative: &[], is_administrator: false };
    let granted = access::granted(&descriptor, &token);
    assert_eq!(access::check(&descriptor, &token, granted), Ok(granted));
    drop(format!("{descriptor:?} {:?}", descriptor.parts()));
    let mut text = String::new();
    if sddl::write(&descriptor, SecurityInformation::ALL, &mut text).is_ok() {
        let mut room = [0; SECURITY_DESCRIPTOR];
        let length = sddl::read(&text, None, &mut room).unwrap_or_else(|error| panic!("{text}: {error}"));
        let mut second = String::new();
        let read = Descriptor::parse(&room[..length]).unwrap();
        sddl::write(&read, SecurityInformation::ALL, &mut second).unwrap();
        assert_eq!(second, text);
        assert_eq!(access::granted(&read, &token), granted);
    }
    let mut room = [0; SECURITY_DESCRIPTOR];
    for is_container in [false, true] {
        let made = inherit::new_object(
            Some(&descriptor),
            Some(&descriptor),
            &Sid::LOCAL_SYSTEM,
            &Sid::NOBODY,
            is_container,
            Some(&descriptor),
            &mut room,
        );
        if let Ok(length) = made {
            Descriptor::parse(&room[..length]).unwrap();
        }
    }
    if let Ok(length) = set(&descriptor, &descriptor, descriptor.parts(), &mut room) {
        assert_eq!(access::granted(&Descriptor::parse(&room[..length]).unwrap(), &token), granted);
    }
}

#[test]
fn everything_is_understood() {
    let made = everything();
    let descriptor = Descriptor::parse(&made).unwrap();
    assert_eq!(descriptor.control(), Control(0x9414));
    assert_eq!(descriptor.parts(), SecurityInformation::ALL);
    assert_eq!(descriptor.owner(), Sid::parse("S-1-5-21-1-2-3-1000"));
    assert_eq!(descriptor.group(), Sid::parse("S-1-5-32-545"));
    let aces: Vec<_> = descriptor.dacl().unwrap().aces().collect();
    let kinds: Vec<_> = aces.iter().map(|ace| (ace.kind().0, ace.flags().0, ace.mask().0)).collect();
    let expected =
        [(1, 0x13, 0x10000), (5, 2, 0x10), (9, 0, 0x1F), (0x0C, 0x0B, 0x1F), (0x80, 1, 0), (0, 0x1B, 0x1000_0000)];
    assert_eq!(kinds, expected);
    let whom = |index: usize| aces[index].trustee().map(|trustee| trustee.sid().to_string());
    assert_eq!(whom(0).unwrap(), "S-1-5-21-1-2-3-1000");
    assert_eq!(whom(1).unwrap(), "S-1-3-4");
    assert_eq!(whom(3).unwrap(), "S-1-3-0");
    assert_eq!(whom(4), None);
    let guids = |index: usize| (aces[index].object_type(), aces[index].inherited_object_type());
    let (seven, eight) = (mainspring::guid::Guid::from_bytes([7; 16]), mainspring::guid::Guid::from_bytes([8; 16]));
    assert_eq!(guids(0), (None, None));
    assert_eq!(guids(1), (Some(seven), Some(eight)));
    assert_eq!(guids(3), (None, Some(eight)));
    assert_eq!(aces[2].application_data(), b"artx\0\0\0\0");
    assert_eq!(aces[3].application_data(), [1; 4]);
    assert_eq!(aces[0].application_data(), b"");
    // What nobody knows is kept to the byte.
    assert_eq!(aces[4].bytes(), [0x80, 1, 20, 0, 0x34, 0x12, 0, 0, 1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0]);
    let mut room = [0; SECURITY_DESCRIPTOR];
    let length = set(&descriptor, &descriptor, SecurityInformation(0), &mut room).unwrap();
    assert_eq!(room[..length], made);
}

#[test]
fn damage_is_an_error_or_another_descriptor() {
    let real =
        bytes("O:BAG:SYD:PAI(D;;FW;;;BU)(A;OICIIO;GA;;;CO)(A;;FA;;;BA)(A;;FRFX;;;S-1-5-21-1-2-3-4)S:(AU;SA;FA;;;WD)");
    for made in [everything(), real] {
        look(&made);
        damage::cut(&made, |cut| {
            assert!(Descriptor::parse(cut).is_err());
        });
        damage::flipped(&made, look);
        // Two at a time, of the fields that say where something is.
        let mut damaged = made.clone();
        for at in 0..20 {
            for value in [0, 1, 8, 20, 0x7F, 0xFF] {
                damaged[at] = value;
                damage::flipped(&damaged, look);
                damaged[at] = made[at];
            }
        }
    }
}

#[test]
fn damage_to_text_is_an_error_or_another_descriptor() {
    let given = "O:BAG:S-1-5-21-1-2-3-4D:PAI(OD;OICI;CCFW;f30e3bbe-9ff0-11d1-b603-0000f80367c1;;BU)(A;;0x1F;;;DA)S:AR(ML;;NW;;;HI)";
    let domain = Sid::parse("S-1-5-21-1-2-3").unwrap();
    let look = |bytes: &[u8]| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        let mut room = [0; SECURITY_DESCRIPTOR];
        match sddl::read(text, Some(&domain), &mut room) {
            Ok(length) => super::binary::look(&room[..length]),
            Err(error) => assert!(error.at <= text.len() && text.is_char_boundary(error.at), "{text}: {error}"),
        }
    };
    damage::cut(given.as_bytes(), look);
    damage::flipped(given.as_bytes(), look);
    for at in 0..given.len() {
        for other in ["", "(", ")", ";", ":", " ", "D:", "é", "\0", "S-", "NO_ACCESS_CONTROL"] {
            look(format!("{}{other}{}", &given[..at], &given[at..]).as_bytes());
            look(format!("{}{other}{}", &given[..at], &given[at + 1..]).as_bytes());
        }
    }
    // What is long takes no more than its length.
    for piece in ["(", ")", "D:", "(A;;FA;;;SY)", ";", ":", "P", " ", "é", "S-1-", "0"] {
        for start in ["", "D:", "D:(", "D:(A;;0", "O:S-1-5", "D:(A;;;;;", "D:(XA;"] {
            let long = piece.repeat(200_000 / piece.len());
            look(format!("{start}{long}").as_bytes());
        }
    }
}

fn refused(bytes: &[u8]) -> DescriptorError {
    Descriptor::parse(bytes).expect_err("refused")
}

#[test]
fn lies_are_refused() {
    let whole = || Whole {
        control: 0x14,
        owner: Some(Who(5, vec![18])),
        group: Some(Who(5, vec![32, 544])),
        sacl: Some(vec![]),
        dacl: Some(vec![Entry::new(0, 0, 1, Who(1, vec![0]))]),
    };
    let made = whole().bytes();
    let (owner, group, sacl, dacl) = (20, 32, 48, 56);
    let with = |changes: &[(usize, u8)]| {
        let mut changed = made.clone();
        changes.iter().for_each(|&(at, value)| changed[at] = value);
        changed
    };
    assert!(Descriptor::parse(&made).is_ok());
    // The header.
    assert_eq!(refused(&made[..19]), DescriptorError::Short);
    assert_eq!(refused(&with(&[(0, 2)])), DescriptorError::Revision(2));
    assert_eq!(refused(&with(&[(3, 0)])), DescriptorError::Absolute);
    assert_eq!(refused(&vec![0; SECURITY_DESCRIPTOR + 1]), DescriptorError::Long(SECURITY_DESCRIPTOR + 1));
    // Offsets into the header, into another part, behind the end, and as far as there are numbers.
    for (field, error) in [
        (4, DescriptorError::Owner),
        (8, DescriptorError::Group),
        (12, DescriptorError::Acl),
        (16, DescriptorError::Acl),
    ] {
        for at in 1..=20 {
            assert!(Descriptor::parse(&with(&[(field, at)])).is_err() || (field == 4 && at == 20), "{field}: {at}");
        }
        let end = u8::try_from(made.len()).unwrap();
        assert_eq!(refused(&with(&[(field, end)])), error);
        assert_eq!(refused(&with(&[(field + 1, 0xFF), (field + 2, 0xFF), (field + 3, 0xFF)])), error);
    }
    assert_eq!(refused(&with(&[(8, owner)])), DescriptorError::Overlap);
    assert_eq!(refused(&with(&[(4, group)])), DescriptorError::Overlap);
    assert_eq!(refused(&with(&[(12, dacl)])), DescriptorError::Overlap);
    assert_eq!(refused(&with(&[(16, sacl)])), DescriptorError::Overlap);
    // A SACL whose size reaches into the DACL, and one that has too few bytes for its header.
    assert_eq!(refused(&with(&[(usize::from(sacl) + 2, 12)])), DescriptorError::Overlap);
    for size in 0..8 {
        assert_eq!(refused(&with(&[(usize::from(sacl) + 2, size)])), DescriptorError::Acl);
    }
    // A list that is longer than the bytes, and one whose ACEs are longer than it.
    let dacl = usize::from(dacl);
    assert_eq!(refused(&with(&[(dacl + 2, 29)])), DescriptorError::Acl);
    assert_eq!(refused(&with(&[(dacl + 3, 0xFF)])), DescriptorError::Acl);
    for size in 8..28 {
        assert_eq!(refused(&with(&[(dacl + 2, size)])), DescriptorError::Ace(0));
    }
    assert_eq!(refused(&with(&[(dacl + 4, 2)])), DescriptorError::Ace(1));
    for revision in [0, 1, 3, 5, 255] {
        assert_eq!(refused(&with(&[(dacl, revision)])), DescriptorError::AclRevision(revision));
    }
    assert!(Descriptor::parse(&with(&[(dacl, 4)])).is_ok());
    // ACEs that are too short for what they are, no multiple of four, or longer than the list.
    let ace = dacl + 8;
    for (size, error) in [
        (0, DescriptorError::Ace(0)),
        (3, DescriptorError::Ace(0)),
        (4, DescriptorError::Ace(0)),
        (8, DescriptorError::AceSid(0)),
        (16, DescriptorError::AceSid(0)),
        (18, DescriptorError::Ace(0)),
        (19, DescriptorError::Ace(0)),
        (21, DescriptorError::Ace(0)),
        (24, DescriptorError::Ace(0)),
    ] {
        assert_eq!(refused(&with(&[(ace + 2, size)])), error, "{size}");
    }
    // Kinds that are about a part of an object, in a list that may not have them.
    for kind in [5, 6, 7, 8, 0x0B, 0x0C, 0x0F, 0x10] {
        let entry = Entry::new(kind, 0, 1, Who(1, vec![0]));
        let mut changed = Whole { control: 4, dacl: Some(vec![entry]), ..Whole::default() }.bytes();
        assert!(Descriptor::parse(&changed).is_ok());
        changed[20] = 2;
        assert_eq!(refused(&changed), DescriptorError::ObjectAce(0));
    }
    // SIDs with more sub-authorities than there may be, or none.
    for (at, error) in
        [(20, DescriptorError::Owner), (32, DescriptorError::Group), (ace + 8, DescriptorError::AceSid(0))]
    {
        for count in [0, 16, 255] {
            assert_eq!(refused(&with(&[(at + 1, count)])), error, "{count}");
        }
        assert_eq!(refused(&with(&[(at, 2)])), error);
    }
    let long = [vec![1, 255, 0, 0, 0, 0, 0, 5], vec![0; 4 * 255]].concat();
    let mut header = vec![1, 0, 0, 0x80, 20, 0, 0, 0];
    header.resize(20, 0);
    assert_eq!(refused(&[header, long].concat()), DescriptorError::Owner);
}

#[test]
fn many_aces_are_refused() {
    for (count, is_allowed) in [(ACES, true), (ACES + 1, false), (4000, false)] {
        let entries = vec![Entry::new(0, 0, 1, Who(1, vec![0])); count];
        let made = Whole { control: 4, dacl: Some(entries), ..Whole::default() }.bytes();
        assert_eq!(Descriptor::parse(&made).is_ok(), is_allowed, "{count}");
    }
    // A list that says so, in few bytes: the smallest ACE there is has four.
    let mut made = Whole { control: 4, dacl: Some(vec![]), ..Whole::default() }.bytes();
    let acl = made.len() - 8;
    made.extend([0x80, 0, 4, 0].repeat(1000));
    let [size_low, size_high] = 4008_u16.to_le_bytes();
    made.splice(acl + 2..acl + 6, [size_low, size_high, 0xE8, 3]);
    assert_eq!(refused(&made), DescriptorError::TooManyAces(1000));
}

#[test]
fn a_list_may_be_absent_null_or_empty() {
    let token = Token { user: &Sid::LOCAL_SYSTEM, groups: &[], relative: &[], is_administrator: false };
    for (control, list, is_present, granted) in [
        (0, None, false, AccessMask::FILE_ALL),
        (4, None, true, AccessMask::FILE_ALL),
        (4, Some(vec![]), true, AccessMask::NONE),
        // One whose bit is not set is not looked at.
        (0, Some(vec![]), false, AccessMask::FILE_ALL),
    ] {
        let made = Whole { control, dacl: list.clone(), ..Whole::default() }.bytes();
        let descriptor = Descriptor::parse(&made).unwrap();
        assert_eq!(descriptor.control().has(Control::DACL_PRESENT), is_present);
        assert_eq!(descriptor.dacl().is_some(), is_present && list.is_some());
        assert_eq!(access::granted(&descriptor, &token), granted);
    }
}

/// Parts in any order, with something between and behind them.
#[test]
fn where_parts_lie_says_nothing() {
    let mut chance = Chance::new(5);
    for _ in 0..2000 {
        let entries = |chance: &mut Chance| {
            (0..chance.below(5)).map(|_| Entry::new(0, 0, rights(chance), somebody(chance))).collect::<Vec<_>>()
        };
        let whole = Whole {
            control: 0x14,
            owner: Some(somebody(&mut chance)),
            group: Some(somebody(&mut chance)),
            sacl: Some(entries(&mut chance)),
            dacl: Some(entries(&mut chance)),
        };
        let canonical = whole.bytes();
        let who = |who: &Option<Who>| Whole { owner: who.clone(), ..Whole::default() }.bytes()[20..].to_vec();
        let mut parts = [
            (4, who(&whole.owner)),
            (8, who(&whole.group)),
            (12, list(whole.sacl.as_ref().unwrap())),
            (16, list(whole.dacl.as_ref().unwrap())),
        ];
        for place in (1..4).rev() {
            parts.swap(place, usize::try_from(chance.below(place as u64 + 1)).unwrap());
        }
        let mut moved = vec![1, 0, 0x14, 0x80];
        moved.resize(20, 0);
        for (field, part) in parts {
            moved.resize(moved.len() + usize::try_from(chance.below(7)).unwrap(), 0xEE);
            let at = u32::try_from(moved.len()).unwrap();
            moved[field..field + 4].copy_from_slice(&at.to_le_bytes());
            moved.extend(part);
        }
        moved.push(0xEE);
        let descriptor = Descriptor::parse(&moved).unwrap();
        let mut room = [0; SECURITY_DESCRIPTOR];
        let length = set(&descriptor, &descriptor, SecurityInformation(0), &mut room).unwrap();
        assert_eq!(room[..length], canonical);
    }
}
