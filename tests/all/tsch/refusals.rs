//! Who is refused, what is not served, and what is no stub at all.

use std::collections::BTreeMap;

use mainspring::{
    bytes::Order,
    rpc::{Fault, Level},
    status::Status,
    tsch::INTERFACE,
};
use mainspring_tests::stubs::{spoiled, stubs};

use super::{Server, daily};

/// Every stub of impacket, with the number of its method.
fn requests() -> BTreeMap<String, (u16, Vec<u8>)> {
    stubs("impacket.txt")
        .into_iter()
        .filter_map(|(name, stub)| {
            let opnum = name.strip_prefix("tsch-")?.split('-').next()?.parse().ok()?;
            Some((name, (opnum, stub)))
        })
        .collect()
}

fn status(answer: &[u8]) -> Status {
    Status(u32::from_le_bytes(*answer.last_chunk().unwrap()))
}

/// With the folder and the task of the stubs.
fn server() -> Server {
    let mut server = Server::new();
    server.register("\\Folder\\Tâsk 1", &daily());
    server
}

#[test]
fn the_table() {
    assert_eq!(INTERFACE.syntax.uuid.to_string(), "86d35949-83c9-4044-b424-db363231fd0c");
    assert_eq!((INTERFACE.syntax.major, INTERFACE.syntax.minor, INTERFACE.minimum), (1, 0, Level::Privacy));
    assert_eq!(INTERFACE.methods.len(), 20);
    assert!(INTERFACE.methods.iter().all(|method| method.name.starts_with("SchRpc")));
    let missing: Vec<_> = INTERFACE.methods.iter().filter(|method| !method.served).map(|method| method.name).collect();
    assert_eq!(missing, [""; 0]);
    assert_eq!(Server::new().call(20, &[]), Err(Fault::OP_RANGE));
}

#[test]
fn every_method_of_impacket_is_answered() {
    let covered: std::collections::BTreeSet<_> = requests().into_values().map(|(opnum, _)| opnum).collect();
    assert_eq!(covered.len(), 20);
    for (name, (opnum, stub)) in requests() {
        let expected = match name.as_str() {
            "tsch-1-plain" | "tsch-1-unnamed" | "tsch-1-system" | "tsch-1-password" => Status::SCHED_E_NAMESPACE,
            "tsch-1-two" => Status::E_INVALIDARG,
            "tsch-14-rename" => Status::E_NOTIMPL,
            "tsch-7-tasks" | "tsch-11-stop" => Status::S_FALSE,
            "tsch-9-info" | "tsch-10-stop" => Status::SCHED_E_TASK_NOT_RUNNING,
            "tsch-15-all" | "tsch-15-week" => Status::S_FALSE,
            "tsch-16-last" => Status::SCHED_S_TASK_HAS_NOT_RUN,
            _ => Status::S_OK,
        };
        let answer = server().call(opnum, &stub).unwrap();
        assert_eq!(status(&answer), expected, "{name}: {}", status(&answer));
        // Whatever follows the last parameter is ignored.
        let trailing = [&stub[..], &[0xBF; 37]].concat();
        assert_eq!(server().call(opnum, &trailing), Ok(answer), "{name}");
    }
}

#[test]
fn strangers_are_not_served_and_nothing_is_looked_at_before() {
    for (name, (opnum, stub)) in requests() {
        for who in [Some("ann"), None] {
            for stub in [&stub[..], &[0xFF]] {
                let mut server = server();
                server.people.accounts.iter_mut().for_each(|account| account.disabled = account.name == "ann");
                let calls = server.records.calls;
                let answer = server.call_as(who, opnum, stub, Order::Little).unwrap();
                let (nothing, code) = answer.split_at(answer.len() - 4);
                assert_eq!(status(code), Status::E_ACCESSDENIED, "{name}");
                assert!(nothing.iter().all(|&byte| byte == 0), "{name}");
                assert_eq!(server.records.calls, calls, "{name}");
            }
        }
    }
    let mut server = server();
    server.people.accounts[0].disabled = true;
    assert_eq!(status(&server.call(0, &[]).unwrap()), Status::E_ACCESSDENIED);
}

#[test]
fn a_stub_that_ends_early_is_a_fault() {
    for (name, (opnum, stub)) in requests() {
        // Of several credentials none is read: that there are several is reason enough.
        let needed = if name == "tsch-1-two" { 204 } else { stub.len() };
        let mut server = server();
        for length in 0..needed {
            assert_eq!(server.call(opnum, &stub[..length]), Err(Fault::BAD_STUB_DATA), "{name} cut at {length}");
        }
    }
}

#[test]
fn spoiled_stubs_get_a_fault_or_an_answer() {
    let mut server = server();
    for (opnum, stub) in requests().into_values() {
        for spoiled in spoiled(&stub) {
            for order in [Order::Little, Order::Big] {
                if let Ok(answer) = server.call_as(Some("admin"), opnum, &spoiled, order) {
                    assert!(answer.len() >= 4 && answer.len() % 4 == 0, "{opnum}");
                }
            }
        }
    }
}

#[test]
fn a_reply_of_any_size_is_an_answer_or_a_fault() {
    for (name, (opnum, stub)) in requests() {
        let mut server = server();
        for reply in 0..64 {
            server.reply = reply;
            match server.call(opnum, &stub) {
                Ok(answer) => assert!(answer.len() <= reply, "{name}"),
                Err(fault) => assert_eq!(fault, Fault::NO_MEMORY, "{name}"),
            }
        }
    }
}

#[test]
fn big_endian_calls_are_answered_in_little_endian() {
    // SchRpcGetTaskInfo("Folder\Tâsk 1", SCH_FLAG_STATE).
    let mut stub = Vec::new();
    let text = "Folder\\Tâsk 1\0";
    let count = text.encode_utf16().count() as u32;
    for number in [count, 0, count] {
        stub.extend(number.to_be_bytes());
    }
    stub.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
    stub.resize(stub.len().next_multiple_of(4), 0xBF);
    stub.extend((1_u32 << 28).to_be_bytes());
    let answer = server().call_as(Some("admin"), 17, &stub, Order::Big).unwrap();
    assert_eq!(answer, [1, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0]);
}
