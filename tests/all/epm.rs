//! The endpoint mapper, asked by stubs of impacket and Samba.

use std::net::Ipv4Addr;

use mainspring::{
    bytes::Order,
    epm::{Entry, INTERFACE, NOT_REGISTERED, PROTOCOL_NDR32, Service, Tower},
    guid::Guid,
    ndr::Decoder,
    rpc::{Call, Caller, Fault, Level, SyntaxId},
    tsch,
};
use mainspring_tests::stubs::{bytes, spoiled, stubs};

const LOCAL: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 7);

const fn entry(interface: SyntaxId, port: u16, annotation: &'static str) -> Entry<'static> {
    Entry { interface, object: Guid::NIL, port, address: None, annotation }
}

const ENTRIES: [Entry<'_>; 3] = [
    entry(INTERFACE.syntax, 135, "endpoint mapper"),
    entry(tsch::INTERFACE.syntax, 49_154, "Mainspring"),
    Entry { address: Some(Ipv4Addr::LOCALHOST), ..entry(tsch::INTERFACE.syntax, 49_155, "") },
];

fn ask(entries: &[Entry<'_>], opnum: u16, stub: &[u8], order: Order) -> Result<Vec<u8>, Fault> {
    let caller = Caller { account: None, level: Level::None, connection: 0 };
    let call = Call { interface: 0, opnum, object: None, order, caller, stub };
    let mut reply = vec![0xEE; 65_536];
    let length = Service { entries, local: LOCAL }.call(&call, &mut reply)?;
    reply.truncate(length);
    Ok(reply)
}

/// The answer to ept_map: handle, towers, status.
fn mapped(answer: &[u8]) -> (Guid, Vec<Tower>, u32) {
    let mut stub = Decoder::new(answer, Order::Little);
    assert_eq!(stub.u32(), Ok(0));
    let handle = stub.guid().unwrap();
    let count = stub.u32().unwrap();
    let actual = stub.variance(4).unwrap();
    assert_eq!(actual, count);
    assert!((0..count).all(|_| stub.pointer().unwrap()));
    let towers = (0..count)
        .map(|_| {
            let length = stub.maximum_count(1).unwrap();
            assert_eq!(stub.u32(), Ok(length));
            Tower::parse(stub.bytes(length as usize).unwrap()).unwrap()
        })
        .collect();
    let status = stub.u32().unwrap();
    assert_eq!(stub.left(), 0);
    (handle, towers, status)
}

fn addresses(towers: &[Tower]) -> Vec<(Ipv4Addr, u16)> {
    towers.iter().map(|tower| (tower.address, tower.port)).collect()
}

#[test]
fn a_tower_is_read_and_written_the_same() {
    let octets = bytes(
        "0500 1300 0d 4959d386c9834440b424db363231fd0c 0100 0200 0000
         1300 0d 045d888aeb1cc9119fe808002b104860 0200 0200 0000 0100 0b 0200 0000 0100 07 0200 0087 0100 09 0400 c0000207",
    );
    let tower = Tower { interface: tsch::INTERFACE.syntax, transfer: PROTOCOL_NDR32, port: 135, address: LOCAL };
    assert_eq!(Tower::parse(&octets), Some(tower));
    assert_eq!(tower.octets()[..], octets);
    for octets in spoiled(&octets) {
        if let Some(tower) = Tower::parse(&octets) {
            assert_eq!(Tower::parse(&tower.octets()), Some(tower));
        }
    }
}

#[test]
fn clients_find_our_port() {
    let all = [(LOCAL, 49_154), (Ipv4Addr::LOCALHOST, 49_155)];
    for (file, name, order) in [
        ("impacket.txt", "epm-3-map", Order::Little),
        ("samba.txt", "epm-3-map", Order::Little),
        ("samba.txt", "epm-3-map-big", Order::Big),
    ] {
        let (handle, towers, status) = mapped(&ask(&ENTRIES, 3, &stubs(file)[name], order).unwrap());
        assert_eq!((handle, addresses(&towers), status), (Guid::NIL, all.to_vec(), 0), "{name}");
        assert!(towers.iter().all(|tower| tower.interface == tsch::INTERFACE.syntax));
    }
}

#[test]
fn what_is_not_here_is_not_registered() {
    let pipe = &stubs("impacket.txt")["epm-3-pipe"];
    assert_eq!(mapped(&ask(&ENTRIES, 3, pipe, Order::Little).unwrap()), (Guid::NIL, vec![], NOT_REGISTERED));
    let map = &stubs("impacket.txt")["epm-3-map"];
    assert_eq!(mapped(&ask(&ENTRIES[..1], 3, map, Order::Little).unwrap()), (Guid::NIL, vec![], NOT_REGISTERED));
    // A newer minor version than ours, and NDR64.
    for (at, value) in [(55, 1), (57 + 5, 0x33)] {
        let mut map = map.clone();
        map[at] = value;
        assert_eq!(mapped(&ask(&ENTRIES, 3, &map, Order::Little).unwrap()).2, NOT_REGISTERED, "{at}");
    }
}

#[test]
fn a_long_answer_comes_in_parts() {
    let mut map = stubs("samba.txt")["epm-3-map"].clone();
    let end = map.len();
    map[end - 4] = 1;
    let (handle, towers, status) = mapped(&ask(&ENTRIES, 3, &map, Order::Little).unwrap());
    assert_eq!((addresses(&towers), status), (vec![(LOCAL, 49_154)], 0));
    assert_ne!(handle, Guid::NIL);
    map[end - 20..end - 4].copy_from_slice(&handle.to_bytes());
    let (last, towers, status) = mapped(&ask(&ENTRIES, 3, &map, Order::Little).unwrap());
    assert_eq!((last, addresses(&towers), status), (Guid::NIL, vec![(Ipv4Addr::LOCALHOST, 49_155)], 0));

    // A handle may outlive what it was given for.
    assert_eq!(mapped(&ask(&ENTRIES[..1], 3, &map, Order::Little).unwrap()), (Guid::NIL, vec![], NOT_REGISTERED));
    // It can be freed, and what we never gave out cannot.
    let mut free = vec![0; 20];
    assert_eq!(ask(&ENTRIES, 4, &free, Order::Little).unwrap(), vec![0; 24]);
    free[4..].copy_from_slice(&handle.to_bytes());
    assert_eq!(ask(&ENTRIES, 4, &free, Order::Little).unwrap(), vec![0; 24]);
    free[19] ^= 1;
    assert_eq!(ask(&ENTRIES, 4, &free, Order::Little), Err(Fault::CONTEXT_MISMATCH));
    map[end - 5] ^= 1;
    assert_eq!(ask(&ENTRIES, 3, &map, Order::Little), Err(Fault::CONTEXT_MISMATCH));

    // Nothing asked for is nothing found, and no next part.
    map[end - 20..].fill(0);
    assert_eq!(mapped(&ask(&ENTRIES, 3, &map, Order::Little).unwrap()), (Guid::NIL, vec![], 0));
    map[end - 4..].copy_from_slice(&501_u32.to_le_bytes());
    assert_eq!(ask(&ENTRIES, 3, &map, Order::Little), Err(Fault::BAD_STUB_DATA));
}

#[test]
fn an_inquiry_finds_entries() {
    let count = |stub: &[u8], order| {
        let answer = ask(&ENTRIES, 2, stub, order).unwrap();
        u32::from_le_bytes(answer[20..24].try_into().unwrap())
    };
    let (impacket, samba) = (stubs("impacket.txt"), stubs("samba.txt"));
    assert_eq!(count(&impacket["epm-2-lookup"], Order::Little), 3);
    assert_eq!(count(&impacket["epm-2-interface"], Order::Little), 2);
    assert_eq!(count(&samba["epm-2-lookup"], Order::Little), 3);
    assert_eq!(count(&samba["epm-2-lookup-big"], Order::Big), 3);
    // At most one was asked for.
    assert_eq!(count(&samba["epm-2-interface"], Order::Little), 1);
    assert_eq!(count(&samba["epm-2-interface-big"], Order::Big), 1);
}

#[test]
fn methods_for_the_machine_itself_are_not_there() {
    for opnum in [0, 1, 5, 6] {
        assert!(!INTERFACE.methods[usize::from(opnum)].served);
        assert_eq!(ask(&ENTRIES, opnum, &[], Order::Little), Err(Fault::OP_RANGE));
    }
    assert_eq!(INTERFACE.methods.len(), 7);
}

#[test]
fn spoiled_stubs_get_a_fault_or_an_answer() {
    for (name, stub) in stubs("impacket.txt").into_iter().chain(stubs("samba.txt")) {
        let Some(opnum) = name.strip_prefix("epm-").and_then(|rest| rest.split('-').next()) else { continue };
        let opnum = opnum.parse().unwrap();
        for spoiled in spoiled(&stub) {
            for order in [Order::Little, Order::Big] {
                let _ = ask(&ENTRIES, opnum, &spoiled, order);
            }
        }
    }
}

#[test]
fn a_reply_that_is_too_small_is_a_fault() {
    let map = &stubs("impacket.txt")["epm-3-map"];
    let whole = ask(&ENTRIES, 3, map, Order::Little).unwrap();
    let caller = Caller { account: None, level: Level::None, connection: 0 };
    let call = Call { interface: 0, opnum: 3, object: None, order: Order::Little, caller, stub: map };
    for room in 0..whole.len() {
        let service = Service { entries: &ENTRIES, local: LOCAL };
        assert_eq!(service.call(&call, &mut vec![0; room]), Err(Fault::NO_MEMORY));
    }
}
