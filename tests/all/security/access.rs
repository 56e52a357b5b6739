//! Who may do what: cases of the specification, and random ones beside a model that shares no code.

use mainspring::{
    security::{AccessMask, Descriptor, Token, access},
    sid::Sid,
};
use mainspring_tests::chance::Chance;

use super::{
    bytes,
    model::{Entry, Who, Whole, rights, somebody},
};

/// What a descriptor grants to members of groups, by the letters of those.
#[track_caller]
fn granted(text: &str, user: &str, groups: &[&str]) -> u32 {
    let made = bytes(text);
    let sid = |letters: &&str| Descriptor::parse(&bytes(&format!("O:{letters}"))).unwrap().owner().unwrap();
    let groups: Vec<_> = groups.iter().map(sid).collect();
    let token = Token { user: &sid(&user), groups: &groups, relative: &[], is_administrator: false };
    access::granted(&Descriptor::parse(&made).unwrap(), &token).0
}

const USER: &str = "S-1-5-21-1-2-3-1000";

#[test]
fn the_first_entry_about_a_right_decides() {
    for (text, expected) in [
        ("D:(A;;FR;;;AU)", 0x0012_0089),
        ("D:(A;;FR;;;BA)", 0),
        ("D:(D;;FW;;;AU)(A;;FA;;;WD)", 0x001F_01FF & !0x0012_0116),
        ("D:(A;;FA;;;WD)(D;;FW;;;AU)", 0x001F_01FF),
        ("D:(A;;0x1;;;WD)(A;;0x2;;;AU)(A;;0x4;;;S-1-5-21-1-2-3-1000)(A;;0x8;;;SY)", 7),
        ("D:(D;;FA;;;BA)(A;;FA;;;AU)", 0x001F_01FF),
        // Generic rights are those of files.
        ("D:(A;;GR;;;AU)", 0x0012_0089),
        ("D:(A;;GW;;;AU)", 0x0012_0116),
        ("D:(A;;GX;;;AU)", 0x0012_00A0),
        ("D:(A;;GA;;;AU)", 0x001F_01FF),
        ("D:(A;;GRGX;;;AU)", 0x0012_00A9),
        ("D:(D;;GA;;;AU)(A;;FA;;;WD)", 0),
        ("D:(A;;0x111FFFFF;;;AU)", 0x001F_01FF),
        // Entries for children say nothing.
        ("D:(A;OICIIO;FA;;;AU)", 0),
        ("D:(D;CIIO;FA;;;AU)(A;OICI;FR;;;AU)", 0x0012_0089),
        ("D:(A;ID;FR;;;AU)", 0x0012_0089),
        // No list, and one without entries.
        ("", 0x001F_01FF),
        ("D:NO_ACCESS_CONTROL", 0x001F_01FF),
        ("D:", 0),
        ("D:P", 0),
        // Parts of an object, which a task has not: nothing is granted for them, and what is denied is.
        ("D:(OA;;FA;f30e3bbe-9ff0-11d1-b603-0000f80367c1;;AU)", 0),
        ("D:(OA;;FA;;f30e3bbe-9ff0-11d1-b603-0000f80367c1;AU)", 0x001F_01FF),
        ("D:(OD;;FW;f30e3bbe-9ff0-11d1-b603-0000f80367c1;;AU)(A;;FA;;;AU)", 0x001F_01FF & !0x0012_0116),
        ("D:(OD;;FW;;;AU)(A;;FA;;;AU)", 0x001F_01FF & !0x0012_0116),
        // Audits neither grant nor deny.
        ("D:S:(AU;SAFA;FA;;;AU)", 0),
    ] {
        assert_eq!(granted(text, USER, &["WD", "AU"]), expected, "{text}");
    }
}

#[test]
fn an_owner_may_read_and_write_the_list() {
    let (owner, both) = (format!("O:{USER}"), 0x0006_0000);
    for (list, expected) in [
        ("D:", both),
        ("D:(D;;FA;;;WD)", both),
        ("D:(A;;FR;;;AU)", both | 0x0012_0089),
        // Unless it is said otherwise, of whoever is the owner.
        ("D:(A;;0x1;;;OW)", 1),
        ("D:(A;;;;;OW)", 0),
        ("D:(D;;WD;;;OW)(A;;FA;;;AU)", 0x001F_01FF & !0x0004_0000),
        ("D:(A;OICIIO;FR;;;OW)", both),
        ("D:(A;;RC;;;OW)(A;;WO;;;AU)", 0x000A_0000),
    ] {
        assert_eq!(granted(&format!("{owner}{list}"), USER, &["WD", "AU"]), expected, "{list}");
    }
    // A group that is the owner makes owners of its members, and nobody of others.
    assert_eq!(granted("O:BAD:", USER, &["WD", "BA"]), both);
    assert_eq!(granted("O:BAD:", USER, &["WD", "AU"]), 0);
    assert_eq!(granted("O:BAD:(A;;FA;;;OW)", USER, &["WD", "AU"]), 0);
    assert_eq!(granted("D:(A;;FA;;;OW)", USER, &["WD"]), 0);
}

#[test]
fn all_that_is_asked_for_is_granted_or_nothing() {
    let made = bytes("O:SYD:(D;;0x2;;;BA)(A;;FR;;;AU)(A;;0x6;;;WD)");
    let descriptor = Descriptor::parse(&made).unwrap();
    let user = Sid::parse(USER).unwrap();
    let groups = [Sid::EVERYONE, Sid::AUTHENTICATED_USERS, Sid::ADMINISTRATORS];
    let ask = |groups, is_administrator, desired| {
        let token = Token { user: &user, groups, relative: &[], is_administrator };
        let answer = access::check(&descriptor, &token, AccessMask(desired));
        answer.map(|granted| granted.0).map_err(|denied| denied.missing.0)
    };
    assert_eq!(ask(&groups[..2], false, 0x0012_0089), Ok(0x0012_0089));
    assert_eq!(ask(&groups[..2], false, 0x8000_0000), Ok(0x0012_0089));
    assert_eq!(ask(&groups[..2], false, 0x8000_0002), Ok(0x0012_008B));
    assert_eq!(ask(&groups[..2], false, 0x8001_0000), Err(0x0001_0000));
    assert_eq!(ask(&groups, false, 0x4), Ok(4));
    // What is denied denies all of it.
    assert_eq!(ask(&groups, false, 0x6), Err(6));
    assert_eq!(ask(&groups, false, 0), Ok(0));
    // As much as there is, and at least what is asked for besides.
    assert_eq!(ask(&groups[..2], false, 0x0200_0000), Ok(0x0012_008F));
    assert_eq!(ask(&groups, false, 0x0200_0000), Ok(0x0012_008D));
    assert_eq!(ask(&groups, false, 0x0200_0001), Ok(0x0012_008D));
    assert_eq!(ask(&groups, false, 0x0200_0002), Err(2));
    // Privileges: to take ownership, and to see what is audited.
    assert_eq!(ask(&groups, false, 0x0008_0000), Err(0x0008_0000));
    assert_eq!(ask(&groups, true, 0x0008_0000), Ok(0x0008_0000));
    assert_eq!(ask(&groups, false, 0x0100_0000), Err(0x0100_0000));
    assert_eq!(ask(&groups, true, 0x0100_0001), Ok(0x0100_0001));
    assert_eq!(ask(&groups, true, 0x0200_0000), Ok(0x001A_008D));
    assert_eq!(ask(&groups, true, 0x0108_0002), Err(2));
    // With no list they are needed too.
    let none = bytes("O:SY");
    let token = Token { user: &user, groups: &groups, relative: &[], is_administrator: false };
    let open = Descriptor::parse(&none).unwrap();
    assert_eq!(access::check(&open, &token, AccessMask::GENERIC_ALL), Ok(AccessMask::FILE_ALL));
    assert!(access::check(&open, &token, AccessMask::SYSTEM_SECURITY).is_err());
}

/// What one generic right means of a file.
fn mapped(mask: u32) -> u32 {
    let meanings = [(31, 0x0012_0089), (30, 0x0012_0116), (29, 0x0012_00A0), (28, 0x001F_01FF)];
    meanings.iter().filter(|(bit, _)| mask >> bit & 1 == 1).fold(mask & 0x0FFF_FFFF, |all, (_, meaning)| all | meaning)
}

/// A token as the model sees it.
struct Person {
    sids: Vec<Who>,
    is_administrator: bool,
}

/// Whether one right is granted, by what the specification says of one.
fn is_granted(whole: &Whole, person: &Person, bit: u32) -> bool {
    if person.is_administrator && [0x0008_0000, 0x0100_0000].contains(&bit) {
        return true;
    }
    if bit == 0x0100_0000 {
        return false;
    }
    let Some(dacl) = whole.dacl.as_ref().filter(|_| whole.control & 4 != 0) else { return true };
    let is_owner = whole.owner.as_ref().is_some_and(|owner| person.sids.contains(owner));
    let owner_rights = Who(3, vec![4]);
    let effective: Vec<_> = dacl.iter().filter(|entry| entry.flags & 8 == 0).collect();
    if is_owner && [0x0002_0000, 0x0004_0000].contains(&bit) && effective.iter().all(|entry| entry.who != owner_rights)
    {
        return true;
    }
    let about = effective.into_iter().filter(|entry| {
        mapped(entry.mask) & bit != 0 && (person.sids.contains(&entry.who) || (is_owner && entry.who == owner_rights))
    });
    about
        .filter_map(|entry| match entry.kind {
            0 => Some(true),
            1 | 6 | 0x0A | 0x0C => Some(false),
            5 if entry.guids[0].is_none() => Some(true),
            _ => None,
        })
        .next()
        .unwrap_or(false)
}

/// A descriptor of anything that says who may do what.
pub(super) fn drawn(chance: &mut Chance) -> Whole {
    let entries = (0..chance.below(12)).map(|_| {
        let kind = [0, 0, 0, 0, 1, 1, 1, 5, 6, 9, 0x0A, 0x0B, 0x0C, 2][usize::try_from(chance.below(14)).unwrap()];
        let flags = [0, 0, 0, 3, 0x0B, 0x10][usize::try_from(chance.below(6)).unwrap()];
        let mut entry = Entry::new(kind, flags, rights(chance), somebody(chance));
        if entry.is_object() {
            entry.guids = [(chance.below(2) == 0).then_some([1; 16]), (chance.below(2) == 0).then_some([2; 16])];
        }
        if kind >= 9 {
            entry.data = b"artx".to_vec();
        }
        entry
    });
    let entries: Vec<_> = entries.collect();
    Whole {
        control: if chance.below(20) == 0 { 0 } else { 4 },
        owner: (chance.below(5) > 0).then(|| somebody(chance)),
        group: None,
        sacl: None,
        dacl: (chance.below(20) > 0).then_some(entries),
    }
}

/// Compares `check` and `granted` with the model; how often something was granted, and how often denied.
fn compared(rounds: u64, check: impl Fn(&Descriptor<'_>, &Token<'_>, AccessMask) -> Option<AccessMask>) -> (u32, u32) {
    let mut chance = Chance::new(20_261_129);
    let mut counts = (0, 0);
    for round in 0..rounds {
        let whole = drawn(&mut chance);
        let made = whole.bytes();
        let descriptor = Descriptor::parse(&made).unwrap();
        let person = Person {
            sids: (0..=chance.below(5)).map(|_| somebody(&mut chance)).filter(|who| who.0 != 3).collect(),
            is_administrator: chance.below(4) == 0,
        };
        let sids: Vec<_> = person.sids.iter().map(Who::sid).collect();
        let Some((user, groups)) = sids.split_first() else { continue };
        let token = Token { user, groups, relative: &[], is_administrator: person.is_administrator };
        let most: u32 = (0..21).map(|bit| 1 << bit).filter(|bit| is_granted(&whole, &person, *bit)).sum();
        let most = most & 0x001F_01FF;
        let granted = access::granted(&descriptor, &token).0;
        assert_eq!(granted, most, "round {round}: {whole:?} {token:?}");
        for _ in 0..3 {
            let desired = rights(&mut chance) | if chance.below(30) == 0 { 0x0100_0000 } else { 0 };
            let wanted = mapped(desired);
            let all = (0..32).map(|bit| 1 << bit).filter(|bit| wanted & bit != 0);
            let expected = all.clone().all(|bit| is_granted(&whole, &person, bit)).then_some(AccessMask(wanted));
            let found = check(&descriptor, &token, AccessMask(desired));
            assert_eq!(found, expected, "round {round}: {desired:#x} {whole:?} {token:?}");
            if expected.is_some() {
                counts.0 += 1;
            } else {
                counts.1 += 1;
            }
            let with_all = AccessMask(desired) | AccessMask::MAXIMUM_ALLOWED;
            let expected = expected.map(|expected| expected | AccessMask(most));
            assert_eq!(access::check(&descriptor, &token, with_all).ok(), expected);
        }
    }
    counts
}

#[test]
fn checks_are_those_of_a_model() {
    let (granted, denied) =
        compared(30_000, |descriptor, token, desired| access::check(descriptor, token, desired).ok());
    println!("{granted} times granted, {denied} times denied");
    assert!(granted > 10_000 && denied > 10_000);
}

/// The comparison notices each of these.
#[test]
fn canary_a_check_with_a_flaw_is_noticed() {
    type Check = fn(&Descriptor<'_>, &Token<'_>, AccessMask) -> Option<AccessMask>;
    let flaws: [(&str, Check); 4] = [
        ("all is granted", |_, _, desired| Some(desired.of_file())),
        ("nobody owns anything", |descriptor, token, desired| {
            let nobody = Token { user: &Sid::NOBODY, ..*token };
            access::check(descriptor, &nobody, desired).ok()
        }),
        ("privileges are forgotten", |descriptor, token, desired| {
            access::check(descriptor, &Token { is_administrator: false, ..*token }, desired).ok()
        }),
        ("the last group is forgotten", |descriptor, token, desired| {
            let groups = token.groups.split_last().map_or(token.groups, |(_, others)| others);
            access::check(descriptor, &Token { groups, ..*token }, desired).ok()
        }),
    ];
    for (name, check) in flaws {
        let noticed = std::panic::catch_unwind(|| compared(3_000, check));
        assert!(noticed.is_err(), "{name}");
    }
}
