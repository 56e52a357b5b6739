//! Records at rest: their form is pinned, they give back what went in, and no bytes make them panic.

use mainspring::{
    guid::Guid,
    sid::Sid,
    status::Status,
    store::{Cause, Damaged, Entry, INSTANCE_MAX, Instance, Meta, STATE_MAX, State, TooLong, set_enabled},
    time::Timestamp,
};

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
        sddl: Some("D:"),
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
        limit: Some(u64::MAX),
        hard: true,
        arguments,
        queued: None,
    }
}

#[test]
fn an_entry_is_what_it_was() {
    let mut room = [0; 256];
    let bytes = entry().encode(&mut room).unwrap();
    assert_eq!(
        hex(bytes),
        "8901f5f4655c665cc3a41a00011170f51b0000018f34069e00500102000000000005200000002002000062443a"
    );
    assert_eq!(Entry::decode(bytes), Ok(entry()));
    let length = bytes.len();
    set_enabled(&mut room[..length], false).unwrap();
    assert_eq!(Entry::decode(&room[..length]), Ok(Entry { enabled: false, ..entry() }));
    set_enabled(&mut room[..length], true).unwrap();
    assert_eq!(Entry::decode(&room[..length]), Ok(entry()));
    assert_eq!(set_enabled(&mut [0x80], true), Err(Damaged));
    assert_eq!(entry().encode(&mut [0; 20]), Err(TooLong));
    let bare = Entry { registered: None, registrant: None, sddl: None, folder: true, ..entry() };
    assert_eq!(Entry::decode(bare.encode(&mut room).unwrap()), Ok(bare));
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
    let longest = Instance { queued: Some(u32::MAX), ..instance(&arguments) };
    assert_eq!(Instance::decode(longest.encode(&mut room).unwrap()), Ok(longest));

    let state = State {
        started: Some(Timestamp::MAX),
        result: Status(u32::MAX),
        floor: Some(Timestamp::MIN),
        elapsed: Some(u64::MAX),
    };
    let mut room = [0; STATE_MAX];
    let bytes = state.encode(&mut room).unwrap();
    assert_eq!(bytes.len(), STATE_MAX);
    const { assert!(STATE_MAX <= 64) };
    assert_eq!(State::decode(bytes), Ok(state));
    assert_eq!(State::decode(State::default().encode(&mut room).unwrap()), Ok(State::default()));
}

/// A record from before there were turns is of an instance that was started, and what has started is written like that.
#[test]
fn an_instance_that_was_started_is_what_it_was() {
    let mut room = [0; INSTANCE_MAX];
    let small = Instance { task: 1, definition: 2, started: None, cause: Cause::Demand, limit: None, ..instance(&[]) };
    let bytes = small.encode(&mut room).unwrap();
    assert_eq!(hex(bytes), "8b01500403020106050807090a0b0c0d0e0f100102f6000018fff6f540");
    assert_eq!(Instance::decode(bytes), Ok(small));
    let bytes = Instance { queued: Some(3), ..small }.encode(&mut room).unwrap();
    assert_eq!(hex(bytes), "8c01500403020106050807090a0b0c0d0e0f100102f6000018fff6f54003");
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
    for record in [entry, instance, waits, state] {
        for length in 0..record.len() {
            assert_eq!(read(&record[..length]), (false, false, false));
        }
        for bit in 0..8 * record.len() {
            let mut flipped = record.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let _ = read(&flipped);
        }
    }
}
