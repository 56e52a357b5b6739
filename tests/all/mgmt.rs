//! The management interface, asked by stubs of impacket and Samba.

use mainspring::{
    bytes::Order,
    epm,
    mgmt::{INTERFACE, Service, Statistics},
    rpc::{Call, Caller, Fault, Level},
    tsch,
};
use mainspring_tests::stubs::{bytes, spoiled, stubs};

fn ask(opnum: u16, stub: &[u8], order: Order) -> Result<Vec<u8>, Fault> {
    let caller = Caller { account: None, level: Level::None, connection: 0 };
    let call = Call { interface: 0, opnum, object: None, order, caller, stub };
    let service = Service {
        interfaces: &[&tsch::INTERFACE, &epm::INTERFACE],
        principal: "SPRING",
        statistics: Statistics { calls_in: 1, calls_out: 2, packets_in: 3, packets_out: 4 },
    };
    let mut reply = vec![0xEE; 4096];
    let length = service.call(&call, &mut reply)?;
    reply.truncate(length);
    Ok(reply)
}

#[test]
fn every_method_answers() {
    let (impacket, samba) = (stubs("impacket.txt"), stubs("samba.txt"));
    assert_eq!(INTERFACE.methods.len(), 5);
    assert_eq!(
        ask(0, &impacket["mgmt-0-ids"], Order::Little).unwrap(),
        bytes(
            "00000200 02000000 02000000 04000200 08000200
             4959d386c9834440b424db363231fd0c 0100 0000  0883afe11f5dc91191a408002b14a0fa 0300 0000 00000000"
        )
    );
    let statistics = bytes("04000000 04000000 01000000 02000000 03000000 04000000 00000000");
    assert_eq!(ask(1, &impacket["mgmt-1-stats"], Order::Little).unwrap(), statistics);
    assert_eq!(ask(1, &samba["mgmt-1-stats"], Order::Little).unwrap(), statistics);
    assert_eq!(ask(1, &samba["mgmt-1-stats-big"], Order::Big).unwrap(), statistics);
    assert_eq!(ask(1, &bytes("ffffffff"), Order::Little).unwrap(), statistics);
    assert_eq!(ask(1, &bytes("01000000"), Order::Little).unwrap(), bytes("01000000 01000000 01000000 00000000"));
    assert_eq!(ask(1, &bytes("00000000"), Order::Little).unwrap(), bytes("00000000 00000000 00000000"));
    assert_eq!(ask(2, &impacket["mgmt-2-listening"], Order::Little).unwrap(), bytes("00000000 01000000"));
    assert_eq!(ask(3, &impacket["mgmt-3-stop"], Order::Little).unwrap(), bytes("05000000"));
    let name = |size: &str| bytes(&format!("{size} 00000000 07000000 535052494e4700 00 00000000"));
    assert_eq!(ask(4, &impacket["mgmt-4-name"], Order::Little).unwrap(), name("00010000"));
    assert_eq!(ask(4, &samba["mgmt-4-name-big"], Order::Big).unwrap(), name("64000000"));
    assert_eq!(ask(5, &[], Order::Little), Err(Fault::OP_RANGE));
}

#[test]
fn a_name_that_does_not_fit_or_is_nobodys() {
    let ask = |stub| ask(4, &bytes(stub), Order::Little).unwrap();
    assert_eq!(ask("0a000000 07000000"), bytes("07000000 00000000 07000000 535052494e4700 00 00000000"));
    assert_eq!(ask("0a000000 06000000"), bytes("06000000 00000000 01000000 00 000000 7a000000"));
    assert_eq!(ask("0a000000 00000000"), bytes("00000000 00000000 00000000 7a000000"));
    assert_eq!(ask("10000000 ffffffff"), bytes("ffffffff 00000000 01000000 00 000000 d3060000"));
}

#[test]
fn spoiled_stubs_get_a_fault_or_an_answer() {
    for stub in [&stubs("samba.txt")["mgmt-1-stats"], &stubs("samba.txt")["mgmt-4-name"]] {
        for opnum in 0..6 {
            for spoiled in spoiled(stub) {
                let _ = ask(opnum, &spoiled, Order::Little);
            }
        }
    }
}
