//! Who may do what: what is kept, what folders hand on, and that it is there after a restart.

use mainspring::{
    engine::{Creation, ROOT_SECURITY, Refused, Registration},
    ports::{Change, Store},
    security::{
        AccessMask, Descriptor, SecurityInformation, Token,
        access::granted,
        sddl::{self, Text},
    },
    sid::Sid,
    store::{entry_key, state_key},
    task::Path,
};
use mainspring_tests::world::{Outside, Slots, Task, World};

const START: &str = "2024-05-01T12:00:00";

fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

fn bytes(text: &str) -> Vec<u8> {
    let mut room = vec![0; 4096];
    let length = sddl::read(text, None, &mut room).unwrap();
    room.truncate(length);
    room
}

fn user(number: u32) -> Sid {
    Sid::parse(&format!("S-1-5-21-1-2-3-{number}")).unwrap()
}

/// The descriptor as clients see it.
fn shown(world: &mut World<'_>, at: &str) -> String {
    let mut room = vec![0; 16_384];
    world.quiet(|engine, cx| {
        let descriptor = engine.security(cx, &path(at), &mut room).unwrap();
        Text { descriptor: &descriptor, which: SecurityInformation::ALL }.to_string()
    })
}

/// What a user who is no administrator may do; and that it is what the descriptor grants that clients see.
fn may(world: &mut World<'_>, at: &str, user: &Sid) -> u32 {
    let groups = [Sid::EVERYONE, Sid::AUTHENTICATED_USERS];
    let token = Token { user, groups: &groups, relative: &[], is_administrator: false };
    let found = world.quiet(|engine, cx| engine.granted(cx, &path(at), &token)).unwrap();
    let shown = bytes(&shown(world, at));
    assert_eq!(found, granted(&Descriptor::parse(&shown).unwrap(), &token), "{at}");
    found.0
}

fn register(world: &mut World<'_>, at: &str, by: Sid, security: Option<&str>) {
    let mut room = vec![0; 8192];
    let mut composed = vec![0; 16_384];
    let given = security.map(bytes);
    let image = Task::new("a").of_group(&Sid::LOCAL_SYSTEM).image(&mut room);
    world.call(|engine, cx| {
        let security = given.as_ref().map(|given| {
            let given = Descriptor::parse(given).unwrap();
            engine.compose(cx, &path(at), &given, &by, false, &mut composed).unwrap()
        });
        let registration = Registration {
            creation: Creation::CreateOrUpdate,
            image,
            security,
            folders: None,
            principal_reads: true,
            disable: false,
            fire_registration_triggers: true,
            registrant: by,
        };
        engine.register(cx, &path(at), &registration).unwrap();
    });
}

fn folder(world: &mut World<'_>, at: &str, by: Sid, security: Option<&str>) {
    let given = security.map(bytes);
    let mut composed = vec![0; 16_384];
    world.call(|engine, cx| {
        let security = given.as_ref().map(|given| {
            let given = Descriptor::parse(given).unwrap();
            engine.compose(cx, &path(at), &given, &by, true, &mut composed).unwrap()
        });
        engine.create_folder(cx, &path(at), by, security).unwrap();
    });
}

fn set(world: &mut World<'_>, at: &str, security: &str, principal_reads: bool) -> Result<(), Refused> {
    let given = bytes(security);
    let mut room = vec![0; 16_384];
    world.call(|engine, cx| {
        engine.set_security(cx, &path(at), &Descriptor::parse(&given).unwrap(), principal_reads, &mut room)
    })
}

const ALL: u32 = AccessMask::FILE_ALL.0;
const READ: u32 = AccessMask::FILE_READ.0;
/// Of an owner whom no list names.
const OWNER: u32 = AccessMask::READ_CONTROL.0 | AccessMask::WRITE_DAC.0;

#[test]
fn the_default_of_the_root_is_what_its_text_says() {
    assert_eq!(bytes("O:BAG:SYD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;CI;FR;;;AU)(A;OICIIO;FA;;;CO)"), ROOT_SECURITY);
}

#[test]
fn without_descriptors_who_makes_something_has_it_and_others_see_folders() {
    let mut slots = Slots::new(16, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    folder(&mut world, r"\f", user(1), None);
    register(&mut world, r"\f\g\t", user(2), None);
    for (at, by_first, by_second, by_third) in
        [(r"\", READ, READ, READ), (r"\f", ALL, READ, READ), (r"\f\g", READ, ALL, READ), (r"\f\g\t", 0, ALL, 0)]
    {
        assert_eq!(may(&mut world, at, &user(1)), by_first, "{at}");
        assert_eq!(may(&mut world, at, &user(2)), by_second, "{at}");
        assert_eq!(may(&mut world, at, &user(3)), by_third, "{at}");
    }
    let owner = user(2);
    assert_eq!(
        shown(&mut world, r"\f\g\t"),
        format!("O:{owner}G:{owner}D:AI(A;;FR;;;SY)(A;ID;FA;;;SY)(A;ID;FA;;;BA)(A;ID;FA;;;{owner})")
    );
    assert_eq!(
        shown(&mut world, r"\f\g"),
        format!(
            "O:{owner}G:{owner}D:AI(A;OICIID;FA;;;SY)(A;OICIID;FA;;;BA)(A;CIID;FR;;;AU)(A;ID;FA;;;{owner})(A;OICIIOID;FA;;;CO)"
        )
    );
}

#[test]
fn what_is_given_is_kept_with_what_the_folder_hands_on() {
    let mut slots = Slots::new(16, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    let one = user(1);
    folder(&mut world, r"\f", Sid::ADMINISTRATORS, Some(&format!("D:(A;OICI;FA;;;{one})(A;OINP;FR;;;{})", user(9))));
    register(&mut world, r"\f\open", Sid::ADMINISTRATORS, Some("D:(A;;FX;;;WD)"));
    register(&mut world, r"\f\closed", Sid::ADMINISTRATORS, Some("D:P(A;;FX;;;WD)"));
    register(&mut world, r"\f\heir", Sid::ADMINISTRATORS, None);
    register(&mut world, r"\f\g\far", Sid::ADMINISTRATORS, None);
    assert_eq!(
        shown(&mut world, r"\f\closed"),
        "O:BAG:BAD:P(A;;FX;;;WD)(A;;FR;;;SY)",
        "what is protected has nothing of its folder"
    );
    let handed_on = format!("(A;ID;FA;;;{one})(A;ID;FR;;;{})(A;ID;FA;;;SY)(A;ID;FA;;;BA)(A;ID;FA;;;BA)", user(9));
    assert_eq!(shown(&mut world, r"\f\open"), format!("O:BAG:BAD:AI(A;;FX;;;WD)(A;;FR;;;SY){handed_on}"));
    assert_eq!(may(&mut world, r"\f\heir", &one), ALL);
    assert_eq!(may(&mut world, r"\f\heir", &user(9)), READ);
    assert_eq!(may(&mut world, r"\f\g\far", &one), ALL);
    assert_eq!(may(&mut world, r"\f\g\far", &user(9)), 0, "what is not to be handed on further");
    assert_eq!(may(&mut world, r"\f\closed", &one), AccessMask::FILE_EXECUTE.0);

    // A folder that changes changes what is in it, but not what keeps a descriptor.
    set(&mut world, r"\f", &format!("D:P(A;OICI;FR;;;{})", user(3)), true).unwrap();
    for at in [r"\f\heir", r"\f\g\far"] {
        assert_eq!((may(&mut world, at, &one), may(&mut world, at, &user(3))), (0, READ), "{at}");
    }
    assert_eq!(may(&mut world, r"\f\open", &one), ALL);

    let before: Vec<_> =
        [r"\f", r"\f\open", r"\f\closed", r"\f\heir", r"\f\g\far"].map(|at| shown(&mut world, at)).into();
    let loaded = world.call(|engine, cx| engine.load(cx)).unwrap();
    assert_eq!(loaded.damaged, 0);
    let after: Vec<_> =
        [r"\f", r"\f\open", r"\f\closed", r"\f\heir", r"\f\g\far"].map(|at| shown(&mut world, at)).into();
    assert_eq!(before, after);
    assert_eq!(may(&mut world, r"\f\heir", &user(3)), READ);
}

#[test]
fn parts_are_set_alone_and_the_principal_reads_unless_it_is_said() {
    let mut slots = Slots::new(16, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    register(&mut world, "t", user(1), None);
    let groups = [Sid::EVERYONE];
    let system = Token { user: &Sid::LOCAL_SYSTEM, groups: &groups, relative: &[], is_administrator: false };
    set(&mut world, "t", "D:P(A;;FX;;;WD)", true).unwrap();
    assert_eq!(shown(&mut world, "t"), format!("O:{0}G:{0}D:P(A;;FX;;;WD)(A;;FR;;;SY)", user(1)));
    assert!(world.quiet(|engine, cx| engine.granted(cx, &path("t"), &system)).unwrap().has(AccessMask::FILE_READ));
    set(&mut world, "t", "D:P(A;;FX;;;WD)", false).unwrap();
    assert_eq!(shown(&mut world, "t"), format!("O:{0}G:{0}D:P(A;;FX;;;WD)", user(1)));
    assert!(!world.quiet(|engine, cx| engine.granted(cx, &path("t"), &system)).unwrap().has(AccessMask::FILE_READ));
    set(&mut world, "t", &format!("O:{}", user(2)), false).unwrap();
    assert_eq!(shown(&mut world, "t"), format!("O:{}G:{}D:P(A;;FX;;;WD)", user(2), user(1)));
    assert_eq!(may(&mut world, "t", &user(2)), AccessMask::FILE_EXECUTE.0 | OWNER);
    set(&mut world, "t", "S:(AU;SAFA;FA;;;WD)", false).unwrap();
    assert_eq!(shown(&mut world, "t"), format!("O:{}G:{}D:P(A;;FX;;;WD)S:AI(AU;SAFA;FA;;;WD)", user(2), user(1)));
    // An update without a descriptor leaves it; the principal may read again, because nobody said otherwise.
    register(&mut world, "t", user(5), None);
    assert_eq!(
        shown(&mut world, "t"),
        format!("O:{}G:{}D:P(A;;FX;;;WD)(A;;FR;;;SY)S:AI(AU;SAFA;FA;;;WD)", user(2), user(1))
    );
    // One with a descriptor changes what that says, and makes it nobody else's.
    register(&mut world, "t", user(5), Some("D:P"));
    assert_eq!(shown(&mut world, "t"), format!("O:{}G:{}D:P(A;;FR;;;SY)S:AI(AU;SAFA;FA;;;WD)", user(2), user(1)));
}

#[test]
fn the_root_can_be_given_a_descriptor_and_keeps_it() {
    let mut slots = Slots::new(16, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    register(&mut world, "t", user(1), None);
    assert_eq!(may(&mut world, "t", &user(2)), 0);
    let root = "D:P(A;OICI;FA;;;SY)(A;OICI;FR;;;AU)";
    set(&mut world, r"\", root, true).unwrap();
    for _ in 0..2 {
        assert_eq!(shown(&mut world, r"\"), format!("O:BAG:SY{root}"));
        assert_eq!(may(&mut world, "t", &user(2)), READ);
        assert_eq!(may(&mut world, "t", &user(1)), READ | OWNER);
        let loaded = world.call(|engine, cx| engine.load(cx)).unwrap();
        assert_eq!(loaded.damaged, 0);
    }
    // A record that belongs to nothing has the store swept, but not of this.
    world.outside.store.apply(&[Change::Put(state_key(77), &[])]).unwrap();
    for swept in [1, 0] {
        let loaded = world.call(|engine, cx| engine.load(cx)).unwrap();
        assert_eq!((loaded.swept, shown(&mut world, r"\")), (swept, format!("O:BAG:SY{root}")));
    }
    set(&mut world, r"\", "D:P", true).unwrap();
    assert_eq!(may(&mut world, "t", &user(2)), 0);
    assert_eq!(shown(&mut world, "t"), format!("O:{0}G:{0}D:(A;;FR;;;SY)", user(1)));
}

#[test]
fn a_descriptor_that_is_damaged_grants_nothing() {
    let mut slots = Slots::new(16, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    folder(&mut world, r"\f", user(1), Some("D:P(A;OICI;FA;;;WD)"));
    register(&mut world, r"\f\t", user(1), None);
    let groups = [Sid::EVERYONE];
    let anybody = Token { user: &user(3), groups: &groups, relative: &[], is_administrator: false };
    let may = |world: &mut World<'_>, at: &str| world.quiet(|engine, cx| engine.granted(cx, &path(at), &anybody));
    assert_eq!(may(&mut world, r"\f\t"), Ok(AccessMask::FILE_ALL));
    // The revision of the descriptor.
    let key = entry_key(1);
    let mut record = vec![0; 1024];
    let length = world.outside.store.get(key, &mut record).unwrap().unwrap();
    record.truncate(length);
    let revision = record.windows(4).position(|four| four == [1, 0, 4, 0x90]).unwrap();
    record[revision] = 9;
    world.outside.store.apply(&[Change::Put(key, &record)]).unwrap();
    for at in [r"\f", r"\f\t"] {
        assert_eq!(may(&mut world, at), Ok(AccessMask::NONE), "{at}");
    }
    assert_eq!(may(&mut world, "nothing"), Err(Refused::NotFound));
    // It can be given another.
    set(&mut world, r"\f", "D:P(A;OICI;FR;;;WD)", true).unwrap();
    assert_eq!(shown(&mut world, r"\f"), "O:BAG:BAD:P(A;OICI;FR;;;WD)");
    assert_eq!(may(&mut world, r"\f\t"), Ok(AccessMask::FILE_READ));
    // So can a root whose entry is no entry: until then it grants nothing.
    world.outside.store.apply(&[Change::Put(entry_key(0), &[0xFF; 7])]).unwrap();
    let loaded = world.call(|engine, cx| engine.load(cx)).unwrap();
    assert_eq!(loaded.damaged, 1);
    assert_eq!(may(&mut world, r"\"), Ok(AccessMask::NONE));
    set(&mut world, r"\", "D:P(A;OICI;FR;;;WD)", true).unwrap();
    assert_eq!(may(&mut world, r"\"), Ok(AccessMask::FILE_READ));
}

#[test]
fn what_could_not_be_handed_on_is_refused() {
    let mut slots = Slots::new(16, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    folder(&mut world, r"\f", user(1), None);
    // In a folder each becomes two.
    let many = |count: usize| format!("D:P{}", "(A;OICIIO;FA;;;CO)".repeat(count));
    assert_eq!(set(&mut world, r"\f", &many(70), true), Err(Refused::TooLarge));
    set(&mut world, r"\f", &many(60), true).unwrap();
    folder(&mut world, r"\f\g", user(1), None);
    assert!(shown(&mut world, r"\f\g").starts_with("O:"));
}

#[test]
fn an_entry_of_before_can_be_enabled_and_disabled() {
    let mut slots = Slots::new(16, 8);
    let mut world = World::boot(&mut slots, Outside::new(START));
    register(&mut world, "t", user(1), None);
    let key = entry_key(1);
    let mut record = vec![0; 1024];
    let length = world.outside.store.get(key, &mut record).unwrap().unwrap();
    record.truncate(length);
    // Without the reader, whose SID is the last element; a text instead of a descriptor; and with a time when it was disabled.
    let reader = record.len() - (1 + Sid::LOCAL_SYSTEM.binary_len());
    assert_eq!(record[reader], 0x40 + u8::try_from(Sid::LOCAL_SYSTEM.binary_len()).unwrap());
    record.truncate(reader);
    for (head, text, disabled) in [(0x89, false, false), (0x89, true, false), (0x8A, true, true), (0x8A, false, true)] {
        let mut old = record.clone();
        old[0] = head;
        if text {
            old.pop();
            old.extend(b"\x62D:");
        }
        if disabled {
            old.extend([0x1B, 0, 0, 1, 0x8F, 0x34, 0x06, 0x9E, 0]);
        }
        world.outside.store.apply(&[Change::Put(key, &old)]).unwrap();
        for enabled in [false, true, false, true] {
            world.call(|engine, cx| engine.load(cx)).unwrap();
            let task = world.task("t");
            world.call(|engine, cx| engine.set_enabled(cx, task, enabled)).unwrap();
            assert_eq!(world.call(|engine, cx| engine.load(cx)).unwrap().damaged, 0, "{head:#x} {text} {enabled}");
            assert_eq!(world.engine.enabled(world.task("t")), enabled);
            assert_eq!(may(&mut world, "t", &user(1)), ALL);
        }
    }
}
