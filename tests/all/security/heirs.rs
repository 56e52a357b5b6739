//! What is granted to whatever has its rights of a folder, without a descriptor being made for it.

use mainspring::{
    limits::SECURITY_DESCRIPTOR,
    security::{
        Descriptor, Heir, Token,
        access::{granted, granted_to_heir, granted_with},
        inherit::new_object,
        let_read,
    },
    sid::Sid,
};
use mainspring_tests::chance::Chance;

use super::{access, bytes, model};

/// What is granted to an heir without making its descriptor is what the descriptor grants that would be made.
#[test]
fn heirs_have_what_their_descriptors_would_grant() {
    let nobody = bytes("D:");
    let nobody = Descriptor::parse(&nobody).unwrap();
    let mut chance = Chance::new(20_261_129);
    let (mut something, mut nothing) = (0, 0);
    for round in 0..20_000 {
        let parent = access::drawn(&mut chance).bytes();
        let parent = Descriptor::parse(&parent).unwrap();
        // Nobody is a creator, or whoever owns something.
        let somebody = |chance: &mut Chance| {
            std::iter::repeat_with(|| model::somebody(chance)).find(|who| who.0 != 3).unwrap().sid()
        };
        let sids: Vec<_> = (0..=chance.below(5)).map(|_| somebody(&mut chance)).collect();
        let Some((user, groups)) = sids.split_first() else { continue };
        let token = Token { user, groups, relative: &[], is_administrator: chance.below(4) == 0 };
        let owner = if chance.below(2) == 0 { *user } else { somebody(&mut chance) };
        let reader = (chance.below(3) == 0).then(|| somebody(&mut chance));
        let is_container = chance.below(2) == 0;
        let between = chance.below(4);
        let mut from = parent;
        let mut rooms = [[0; SECURITY_DESCRIPTOR]; 5];
        let mut failed = false;
        for (at, room) in rooms.iter_mut().enumerate().take(1 + usize::try_from(between).unwrap()) {
            let is_last = at == usize::try_from(between).unwrap();
            let (whose, folder) = if is_last { (owner, is_container) } else { (Sid::NOBODY, true) };
            match new_object(Some(&from), None, &whose, &whose, folder, Some(&nobody), room) {
                Ok(length) => from = Descriptor::parse(&room[..length]).unwrap(),
                Err(_) => failed = true,
            }
        }
        if failed {
            continue;
        }
        let is_owner = token.is(&owner);
        let heir = Heir {
            is_owner,
            is_of_group: is_owner,
            is_reader: reader.as_ref().is_some_and(|reader| token.is(reader)),
            is_container,
            is_direct: between == 0,
        };
        let expected = granted_with(&from, &token, reader.as_ref());
        let found = granted_to_heir(&parent, heir, &token);
        assert_eq!(found, expected, "round {round}: {parent:?} {from:?} {token:?} {heir:?}");
        // The ACE of the reader is where it is counted.
        if let Some(reader) = &reader {
            let mut room = [0; SECURITY_DESCRIPTOR];
            if let Ok(length) = let_read(&from, reader, &mut room) {
                let written = Descriptor::parse(&room[..length]).unwrap();
                assert_eq!(granted(&written, &token), expected, "round {round}: {from:?} {written:?}");
            }
        }
        *(if expected.is_empty() { &mut nothing } else { &mut something }) += 1;
    }
    println!("{something} heirs have something, {nothing} nothing");
    assert!(something > 5_000 && nothing > 1_000);
}

#[test]
fn canary_an_heir_that_forgets_how_far_it_is_is_noticed() {
    let parent = bytes("D:(A;OICINP;FA;;;AU)");
    let parent = Descriptor::parse(&parent).unwrap();
    let groups = [Sid::AUTHENTICATED_USERS];
    let token = Token { user: &Sid::LOCAL_SERVICE, groups: &groups, relative: &[], is_administrator: false };
    let heir =
        |is_direct| Heir { is_owner: false, is_of_group: false, is_reader: false, is_container: false, is_direct };
    assert_eq!(granted_to_heir(&parent, heir(true), &token).0, 0x001F_01FF);
    assert_eq!(granted_to_heir(&parent, heir(false), &token).0, 0);
}

/// Groups of a user's own domain are named by their last sub-authority.
#[test]
fn relative_groups_are_groups() {
    let made = bytes(
        "O:S-1-5-21-1-2-3-2000D:(A;;0x1;;;S-1-5-21-1-2-3-2000)(A;;0x2;;;S-1-5-21-1-2-4-2000)(A;;0x4;;;S-1-5-21-1-2-3-2001)",
    );
    let descriptor = Descriptor::parse(&made).unwrap();
    let user = Sid::parse("S-1-5-21-1-2-3-1000").unwrap();
    let of = |relative| granted(&descriptor, &Token { user: &user, groups: &[], relative, is_administrator: false }).0;
    assert_eq!(of(&[]), 0);
    assert_eq!(of(&[2001]), 4);
    assert_eq!(of(&[2000, 2001]), 0x0006_0005);
}
