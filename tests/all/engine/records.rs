//! Records at rest: their form is pinned, they give back what went in, and no bytes make them panic.

use core::num::NonZeroU32;

use mainspring::{
    event::Skipped,
    guid::Guid,
    sid::Sid,
    status::Status,
    store::{
        CREDENTIAL_MAX, Cause, Credential, Damaged, Entry, HISTORY_MAX, Happened, Happening, History, INSTANCE_MAX,
        Instance, Meta, STATE_MAX, Started, State, TooLong, set_enabled,
    },
    time::Timestamp,
};
use mainspring_tests::damage;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn entry() -> Entry<'static> {
    Entry {
        enabled: true,
        folder: false,
        path: "\\f\\ä",
        definition: 70_000,
        registration_triggers: true,
        registered: Some(Timestamp(1_714_564_800_000)),
        registrant: Some(Sid::ADMINISTRATORS),
        security: Some(b"D:"),
        reader: Some(Sid::ADMINISTRATORS),
        disabled: None,
    }
}

fn instance(arguments: &[u8]) -> Instance<'_> {
    Instance {
        guid: Guid::from_u128(0x0102_0304_0506_0708_090A_0B0C_0D0E_0F10),
        task: u32::MAX,
        definition: u32::MAX,
        started: Some(Timestamp::MAX),
        cause: Cause::Calendar(Timestamp::MIN),
        action: 255,
        attempt: 255,
        limit: Some(u64::MAX),
        hard: true,
        arguments,
        queued: None,
        session: None,
        user: None,
    }
}

#[test]
fn an_entry_is_what_it_was() {
    let mut room = [0; 256];
    let bytes = entry().encode(&mut room).unwrap();
    assert_eq!(
        hex(bytes),
        "8a01f5f4655c665cc3a41a00011170f51b0000018f34069e005001020000000000052000000020020000\
         42443af5"
    );
    assert_eq!(Entry::decode(bytes), Ok(entry()));
    let length = bytes.len();
    let off = Entry { enabled: false, ..entry() };
    // Without room, or without a time, nobody will know since when.
    for (left, now) in [(8, Some(Timestamp(7_000_000_000_000))), (200, None)] {
        let room = &mut room[..length + left];
        assert_eq!(set_enabled(room, length, false, now), Ok(length));
        assert_eq!(Entry::decode(&room[..length]), Ok(off));
        assert_eq!(set_enabled(room, length, true, now), Ok(length));
        assert_eq!(Entry::decode(&room[..length]), Ok(entry()));
    }
    for at in [Timestamp(7_000_000_000_000), Timestamp(-5)] {
        let longer = set_enabled(&mut room, length, false, Some(at)).unwrap();
        let disabled = Entry { disabled: Some(at), ..off };
        assert_eq!(Entry::decode(&room[..longer]), Ok(disabled));
        let mut other = [0; 256];
        assert_eq!(disabled.encode(&mut other).unwrap(), &room[..longer]);
        assert_eq!(set_enabled(&mut room, longer, true, Some(at)), Ok(length));
        assert_eq!(Entry::decode(&room[..length]), Ok(entry()));
    }
    // What a later version appended stays.
    let mut later = room;
    (later[0], later[length], later[length + 1]) = (0x8c, 0x07, 0x08);
    assert_eq!(set_enabled(&mut later, length + 2, false, Some(Timestamp(9))), Ok(length + 2));
    assert_eq!((later[0], &later[length..length + 2]), (0x8c, &[0x07, 0x08][..]));
    assert!(!Entry::decode(&later[..length + 2]).unwrap().enabled);
    assert_eq!(set_enabled(&mut [0x80], 1, true, None), Err(Damaged));
    assert_eq!(set_enabled(&mut room[..4], length, true, None), Err(Damaged));
    assert_eq!(entry().encode(&mut [0; 20]), Err(TooLong));
    let bare = Entry { registered: None, registrant: None, security: None, reader: None, folder: true, ..entry() };
    assert_eq!(Entry::decode(bare.encode(&mut room).unwrap()), Ok(bare));
}

#[test]
fn a_credential_is_what_it_was() {
    let mut room = [0; CREDENTIAL_MAX];
    let credential = Credential { account: Sid::ADMINISTRATORS, sealed: &[0xAA, 0xBB] };
    let bytes = credential.encode(&mut room).unwrap();
    assert_eq!(hex(bytes), "8301500102000000000005200000002002000042aabb");
    assert_eq!(Credential::decode(bytes), Ok(credential));
    damage::cut(bytes, |bytes| assert_eq!(Credential::decode(bytes), Err(Damaged)));
    damage::flipped(bytes, |bytes| {
        let _ = Credential::decode(bytes);
    });
    // A later version may append.
    let mut later = bytes.to_vec();
    (later[0], later[1]) = (0x84, 1);
    later.push(0x07);
    assert_eq!(Credential::decode(&later), Ok(credential));
    later[1] = 2;
    assert_eq!(Credential::decode(&later), Err(Damaged));

    let longest = Sid::new([5; 6], &[u32::MAX; 15]).unwrap();
    let longest = Credential { account: longest, sealed: &[7; 64] };
    let mut other = [0; CREDENTIAL_MAX];
    let bytes = longest.encode(&mut other).unwrap();
    assert_eq!((bytes.len(), Credential::decode(bytes)), (CREDENTIAL_MAX, Ok(longest)));
    assert_eq!(longest.encode(&mut other[..CREDENTIAL_MAX - 1]), Err(TooLong));
    // Nothing is sealed in nothing, nor in more than there is room for.
    let mut room = [0; 256];
    for sealed in [&[0; 0][..], &[0; 65]] {
        let bytes = Credential { sealed, ..credential }.encode(&mut room).unwrap();
        assert_eq!(Credential::decode(bytes), Err(Damaged));
    }
}

#[test]
fn run_time_records_are_small() {
    let mut room = [0; INSTANCE_MAX];
    let bytes = instance(&[]).encode(&mut room).unwrap();
    assert!(bytes.len() <= 64, "{} bytes", bytes.len());
    assert_eq!(Instance::decode(bytes), Ok(instance(&[])));
    let arguments = [7; 512 + 64];
    let bytes = instance(&arguments).encode(&mut room).unwrap();
    assert_eq!(Instance::decode(bytes), Ok(instance(&arguments)));

    // What waits has not started.
    let waits = Instance { started: None, queued: Some(u32::MAX), ..instance(&[]) };
    let bytes = waits.encode(&mut room).unwrap();
    assert!(bytes.len() <= 64, "{} bytes", bytes.len());
    assert_eq!(Instance::decode(bytes), Ok(waits));
    let member = Instance { session: NonZeroU32::new(u32::MAX), ..instance(&[]) };
    let bytes = member.encode(&mut room).unwrap();
    assert!(bytes.len() <= 68, "{} bytes", bytes.len());
    assert_eq!(Instance::decode(bytes), Ok(member));
    let other = Instance { user: NonZeroU32::new(u32::MAX), ..instance(&[]) };
    let bytes = other.encode(&mut room).unwrap();
    assert!(bytes.len() <= 69, "{} bytes", bytes.len());
    assert_eq!(Instance::decode(bytes), Ok(other));
    let longest = Instance { queued: Some(u32::MAX), user: NonZeroU32::new(u32::MAX), ..instance(&arguments) };
    assert_eq!(longest.encode(&mut room).unwrap().len(), INSTANCE_MAX);
    assert_eq!(Instance::decode(longest.encode(&mut room).unwrap()), Ok(longest));

    let state = State {
        started: Some(Timestamp::MAX),
        result: Status(u32::MAX),
        floor: Some(Timestamp::MIN),
        elapsed: Some(u64::MAX),
        missed: u32::MAX,
    };
    let mut room = [0; STATE_MAX];
    let bytes = state.encode(&mut room).unwrap();
    assert_eq!(bytes.len(), STATE_MAX);
    const { assert!(STATE_MAX <= 64) };
    assert_eq!(State::decode(bytes), Ok(state));
    assert_eq!(State::decode(State::default().encode(&mut room).unwrap()), Ok(State::default()));
}

/// What happened to tasks is kept as it was, five ordinary entries in one record.
#[test]
fn history_is_small_and_comes_back() {
    let at = |seconds: i64| Some(Timestamp(1_795_000_000_000 + 1000 * seconds));
    let ran = |task, seconds, result| Happening {
        task,
        at: at(seconds),
        span: 1500,
        what: Happened::Ran { started: Started::Calendar, result: Status(result) },
    };
    let skipped = |task, seconds, reason, count| Happening {
        task,
        at: at(seconds),
        span: 60_000,
        what: Happened::Skipped { reason, count },
    };
    let entries = [
        ran(7, 0, 0),
        skipped(300, -20, Skipped::OnBatteries, 3),
        ran(8, 40, 1),
        skipped(7, 45, Skipped::Missed, 1),
        ran(9, 66, 0),
    ];
    let mut room = [0; HISTORY_MAX];
    const { assert!(HISTORY_MAX <= 64) };
    let bytes = History::encode(70_000, &entries, &mut room).unwrap();
    let record = History::decode(bytes).unwrap();
    assert_eq!((record.sequence, &record.entries[..]), (70_000, &entries[..]));
    assert_eq!(record.entries[1].until(), at(40));

    // Every kind, and a time that was not known.
    let reasons = Skipped::ALL.map(|reason| Happened::Skipped { reason, count: u32::MAX });
    let results = [Status(0), Status(u32::MAX)];
    let started = (0..8).flat_map(|kind| results.map(|result| Happened::of(kind, result.0).unwrap()));
    let not_started = (16..24).map(|kind| Happened::of(kind, 5).unwrap());
    for what in reasons.into_iter().chain(started).chain(not_started) {
        let entry = Happening { task: u32::MAX, at: None, span: u64::MAX, what };
        let bytes = History::encode(u32::MAX, &[entry], &mut room).unwrap();
        assert_eq!(History::decode(bytes).unwrap().entries[..], [entry]);
        let (kind, number) = what.numbers();
        assert_eq!(Happened::of(kind, number), Some(what));
    }

    let bytes = History::encode(1, &entries[..2], &mut room).unwrap();
    assert_eq!(hex(bytes), "8d01011b000001a1ee565e000701001905dc0019012c1825394e1f19ea6003");

    // A kind that is not known is left out, and what is cut or flipped is no panic.
    let bytes = History::encode(1, &entries, &mut room).unwrap().to_vec();
    for length in 0..bytes.len() {
        assert_eq!(History::decode(&bytes[..length]).ok(), None);
    }
    for bit in 0..8 * bytes.len() {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let _ = History::decode(&flipped);
    }
    let unknown = [0x88, 1, 5, 0, 9, 15, 0xF6, 0, 0];
    assert_eq!(History::decode(&unknown).map(|record| (record.sequence, record.entries.len())), Ok((5, 0)));
}

/// A record from before there were turns is of an instance that was started, and what has started is written like that.
#[test]
fn an_instance_that_was_started_is_what_it_was() {
    let mut room = [0; INSTANCE_MAX];
    let small = Instance {
        attempt: 0,
        task: 1,
        definition: 2,
        started: None,
        cause: Cause::Demand,
        limit: None,
        ..instance(&[])
    };
    let bytes = small.encode(&mut room).unwrap();
    assert_eq!(hex(bytes), "8b01500403020106050807090a0b0c0d0e0f100102f6000018fff6f540");
    assert_eq!(Instance::decode(bytes), Ok(small));
    let bytes = Instance { queued: Some(3), ..small }.encode(&mut room).unwrap();
    assert_eq!(hex(bytes), "8c01500403020106050807090a0b0c0d0e0f100102f6000018fff6f54003");
    let bytes = Instance { session: NonZeroU32::new(5), ..small }.encode(&mut room).unwrap();
    assert_eq!(hex(bytes), "8d01500403020106050807090a0b0c0d0e0f100102f6000018fff6f540f605");
    let bytes = Instance { queued: Some(3), session: NonZeroU32::new(5), ..small }.encode(&mut room).unwrap();
    assert_eq!(hex(bytes), "8d01500403020106050807090a0b0c0d0e0f100102f6000018fff6f5400305");
    let bytes = Instance { user: NonZeroU32::new(1001), ..small }.encode(&mut room).unwrap();
    assert_eq!(hex(bytes), "8e01500403020106050807090a0b0c0d0e0f100102f6000018fff6f540f6f61903e9");
}

#[test]
fn other_versions_are_damaged_and_later_elements_are_not() {
    let mut room = [0; 64];
    assert_eq!(hex(Meta.encode(&mut room).unwrap()), "8101");
    assert_eq!(Meta::decode(&[0x82, 0x01, 0x00]), Ok(Meta));
    assert_eq!(Meta::decode(&[0x81, 0x02]), Err(Damaged));
    assert_eq!(State::decode(&[0x86, 0x01, 0xF6, 0x00, 0xF6, 0xF6, 0x00]), Ok(State::default()));
    assert_eq!(State::decode(&[0x85, 0x02, 0xF6, 0x00, 0xF6, 0xF6]), Err(Damaged));
    assert_eq!(State::decode(&[0x84, 0x01, 0xF6, 0x00, 0xF6]), Err(Damaged));
}

#[test]
fn truncated_and_flipped_records_are_read_or_damaged() {
    let mut room = [0; 700];
    let entry = entry().encode(&mut room).unwrap().to_vec();
    let instance = instance(&[1, 0, b'x']).encode(&mut room).unwrap().to_vec();
    let waits = Instance { queued: Some(70_000), ..self::instance(&[1, 0, b'x']) }.encode(&mut room).unwrap().to_vec();
    let state = State { floor: Some(Timestamp(5)), ..State::default() }.encode(&mut room).unwrap().to_vec();
    let read =
        |bytes: &[u8]| (Entry::decode(bytes).is_ok(), Instance::decode(bytes).is_ok(), State::decode(bytes).is_ok());
    let member = Instance { session: NonZeroU32::new(7), ..self::instance(&[]) }.encode(&mut room).unwrap().to_vec();
    let other = Instance { user: NonZeroU32::new(1001), ..self::instance(&[]) }.encode(&mut room).unwrap().to_vec();
    for record in [entry, instance, waits, member, other, state] {
        damage::cut(&record, |record| assert_eq!(read(record), (false, false, false)));
        damage::flipped(&record, |record| {
            let _ = read(record);
        });
    }
}
