//! Security descriptors, self-relative.

use mainspring::{
    limits::SECURITY_DESCRIPTOR,
    security::{AccessMask, Descriptor, SecurityInformation, Token, access, inherit, sddl, set},
    sid::Sid,
};

/// Does with a descriptor whatever can be done with one, and demands that what is made of it is one, and says the same.
pub(super) fn look(descriptor: &Descriptor<'_>) {
    let groups = [Sid::EVERYONE, Sid::AUTHENTICATED_USERS, Sid::ADMINISTRATORS];
    let owner = descriptor.owner().unwrap_or(Sid::LOCAL_SYSTEM);
    let tokens = [
        Token { user: &owner, groups: &groups[..2], relative: &[], is_administrator: false },
        Token { user: &Sid::NOBODY, groups: &groups, relative: &[], is_administrator: true },
        Token { user: &Sid::LOCAL_SERVICE, groups: &[], relative: &[], is_administrator: false },
    ];
    let granted = |descriptor: &Descriptor<'_>| tokens.map(|token| access::granted(descriptor, &token));
    for (token, granted) in tokens.iter().zip(granted(descriptor)) {
        assert_eq!(access::check(descriptor, token, granted), Ok(granted));
        for right in (0..21).map(|bit| AccessMask(1 << bit)).filter(|right| AccessMask::FILE_ALL.has(*right)) {
            assert_eq!(access::check(descriptor, token, right).is_ok(), granted.has(right), "{right:?} {descriptor:?}");
        }
    }
    let mut room = [0; SECURITY_DESCRIPTOR];
    // What is copied as it is grants the same. It takes no more room, but for parts that are written once and lay in gaps.
    let length = set(descriptor, descriptor, SecurityInformation(0), &mut room).expect("it is no longer than it was");
    let copy = Descriptor::parse(&room[..length]).expect("what is made is a descriptor");
    assert_eq!((granted(&copy), copy.parts()), (granted(descriptor), descriptor.parts()));
    let mut text = String::new();
    if sddl::write(&copy, SecurityInformation::ALL, &mut text).is_ok() {
        let mut room = [0; SECURITY_DESCRIPTOR];
        let length = sddl::read(&text, None, &mut room).unwrap_or_else(|error| panic!("{text}: {error}"));
        let read = Descriptor::parse(&room[..length]).expect("what is read is a descriptor");
        let mut again = String::new();
        sddl::write(&read, SecurityInformation::ALL, &mut again).expect("what is read is written");
        assert_eq!((again, granted(&read)), (text, granted(descriptor)));
    }
    for is_container in [false, true] {
        let mut room = [0; SECURITY_DESCRIPTOR];
        let made =
            inherit::new_object(Some(descriptor), None, &owner, &owner, is_container, Some(descriptor), &mut room);
        if let Ok(length) = made {
            let made = Descriptor::parse(&room[..length]).expect("what is inherited is a descriptor");
            assert!(made.owner() == Some(owner) && made.parts().has(SecurityInformation::DACL));
        }
    }
}

/// Bytes. Whatever they say, they are refused, or are a descriptor that stays what it is when it is copied or written.
pub fn descriptor(bytes: &[u8]) {
    match Descriptor::parse(bytes) {
        Ok(descriptor) => look(&descriptor),
        Err(error) => drop(error.to_string()),
    }
}
