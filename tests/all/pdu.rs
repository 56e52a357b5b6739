//! PDUs of real clients and PDUs made by hand: read, written again, cut, and spoilt.

use std::{fs, path::Path};

use mainspring::{
    bytes::{Order, Writer},
    guid::Guid,
    pdu::{
        Bind, BindAck, BindNak, Body, Context, Contexts, DecodeError, Fault, Features, Flags, Header, HeaderError,
        Kind, Layout, Outcome, Outcomes, Pdu, Request, Response, SyntaxId, Syntaxes, Verification, VerifiedHeader,
        Verifier,
    },
};

/// One recorded connection: who sent, and what.
pub(crate) struct Recorded {
    pub(crate) name: String,
    pub(crate) pdus: Vec<(bool, Vec<u8>)>,
}

/// The recorded connections of clients: `tests/data/pdu`.
pub(crate) fn recorded() -> Vec<Recorded> {
    let found = recorded_in("data/pdu");
    assert!(found.len() >= 20);
    found
}

/// The recorded connections to servers: `tests/data/pdu/servers`.
pub(crate) fn recorded_servers() -> Vec<Recorded> {
    let found = recorded_in("data/pdu/servers");
    assert!(found.len() >= 4);
    found
}

fn recorded_in(folder: &str) -> Vec<Recorded> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found: Vec<Recorded> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let lines = text.lines().filter_map(|line| line.split_once(' ')).filter(|(side, _)| *side != "#");
            let pdus = lines.map(|(side, digits)| (side == ">", hex(digits))).collect();
            Recorded { name: path.file_stem().unwrap().to_str().unwrap().to_owned(), pdus }
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

fn hex(digits: &str) -> Vec<u8> {
    digits.as_bytes().chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn encoded(pdu: &Pdu<'_>) -> Vec<u8> {
    let mut room = [0xEE; 8192];
    let mut writer = Writer::new(&mut room);
    let length = pdu.encode(&mut writer).unwrap();
    assert_eq!(length, writer.position());
    writer.written().to_vec()
}

/// One PDU of each kind, in several shapes.
fn made() -> Vec<Vec<u8>> {
    const OTHER: SyntaxId =
        SyntaxId { uuid: Guid::from_u128(0x00112233_4455_6677_8899_aabbccddeeff), major: 3, minor: 9 };
    let transfer = [SyntaxId::NDR32, SyntaxId::NDR64];
    let features = [Features::ALL.to_syntax()];
    let contexts = [
        Context { id: 0, interface: OTHER, transfer: Syntaxes::list(&transfer) },
        Context { id: 7, interface: OTHER, transfer: Syntaxes::list(&features) },
        Context { id: 9, interface: OTHER, transfer: Syntaxes::list(&[]) },
    ];
    let bind = Bind { transmit: 5840, receive: 4280, group: 0x1234_5678, contexts: Contexts::list(&contexts) };
    let outcomes = [
        Outcome::accepted(SyntaxId::NDR32),
        Outcome::negotiated(Features(2)),
        Outcome::UNKNOWN_INTERFACE,
        Outcome::LOCAL_LIMIT,
    ];
    let ack =
        |address| BindAck { transmit: 5840, receive: 5832, group: 77, address, outcomes: Outcomes::list(&outcomes) };
    let object = Some(Guid::from_u128(0x8899));
    let request = Request { hint: 90, context: 7, opnum: 19, object: None, stub: b"a stub" };
    let bodies = [
        Body::Request(request),
        Body::Request(Request { object, ..request }),
        Body::Response(Response { hint: 12, context: 7, cancels: 1, stub: b"an answer, longer" }),
        Body::Fault(Fault { hint: 0, context: 7, cancels: 0, flags: 0, status: 0x1c01_0002, stub: b"" }),
        Body::Fault(Fault { hint: 0, context: 7, cancels: 0, flags: 1, status: 5, stub: b"more about it" }),
        Body::Bind(bind),
        Body::Bind(Bind { contexts: Contexts::list(&[]), ..bind }),
        Body::BindAck(ack(b"49152\0")),
        Body::BindAck(ack(b"")),
        Body::BindNak(BindNak { reason: BindNak::VERSION, rest: BindNak::VERSIONS }),
        Body::BindNak(BindNak { reason: 0, rest: b"" }),
        Body::AlterContext(bind),
        Body::AlterContextResponse(ack(b"")),
        Body::Auth3(b"    "),
        Body::Auth3(b""),
        Body::Shutdown(b""),
        Body::CoCancel(b""),
        Body::Orphaned(b""),
    ];
    let verifier =
        Verifier { padding: b"pad", provider: 9, level: 6, reserved: 0, context: 0x0102_0304, value: b"a value" };
    let pdus = bodies.iter().flat_map(|body| {
        let object = matches!(body, Body::Request(Request { object: Some(_), .. }));
        let flags = if object { Flags::ONLY.with(Flags::OBJECT) } else { Flags::FIRST };
        [None, Some(verifier)].map(|verifier| Pdu { minor: 1, flags, call_id: 0xA1B2_C3D4, body: *body, verifier })
    });
    pdus.map(|pdu| {
        let bytes = encoded(&pdu);
        assert_eq!(Pdu::decode(&bytes), Ok(pdu), "what is written is read");
        bytes
    })
    .collect()
}

fn all() -> Vec<Vec<u8>> {
    let recorded = recorded().into_iter().chain(recorded_servers()).flat_map(|recorded| recorded.pdus);
    // The long ones are all stub.
    made().into_iter().chain(recorded.map(|(_, pdu)| pdu).filter(|pdu| pdu.len() < 1000)).collect()
}

#[test]
fn recorded_pdus_are_written_as_they_were_read() {
    let (mut little, mut big) = (0, 0);
    for Recorded { name, pdus } in recorded().into_iter().chain(recorded_servers()) {
        for (_, bytes) in pdus {
            let pdu = Pdu::decode(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
            if bytes[4] == 0x10 {
                assert_eq!(encoded(&pdu), bytes, "{name}: {pdu:?}");
                little += 1;
            } else {
                assert_eq!(Pdu::decode(&encoded(&pdu)), Ok(pdu), "{name}");
                big += 1;
            }
        }
    }
    assert!(little > 100 && big >= 10, "{little} little-endian, {big} big-endian");
}

#[test]
fn a_big_endian_bind_is_read() {
    let bytes = hex(concat!(
        "05000b030000000000740000000000010fa0138800000007",
        "02000000",
        "0000010011223344556677889900aabbccddeeff00020001",
        "8a885d041ceb11c99fe808002b10486000000002",
        "0001010011223344556677889900aabbccddeeff00020001",
        "6cb71c2c98124540030000000000000000000001",
    ));
    let mut bytes = bytes;
    let length = bytes.len() as u16;
    bytes[8..10].copy_from_slice(&length.to_be_bytes());
    let pdu = Pdu::decode(&bytes).unwrap();
    let Body::Bind(bind) = pdu.body else { panic!("{pdu:?}") };
    assert_eq!((pdu.call_id, bind.transmit, bind.receive, bind.group), (1, 4000, 5000, 7));
    let contexts: Vec<_> = bind.contexts.iter().collect();
    assert_eq!((contexts[0].id, contexts[1].id), (0, 1));
    assert_eq!(contexts[0].interface.uuid.to_string(), "11223344-5566-7788-9900-aabbccddeeff");
    assert_eq!((contexts[0].interface.major, contexts[0].interface.minor), (1, 2));
    assert_eq!(contexts[0].transfer.iter().collect::<Vec<_>>(), [SyntaxId::NDR32]);
    let features: Vec<_> = contexts[1].transfer.iter().map(|syntax| Features::from_syntax(&syntax)).collect();
    assert_eq!(features, [Some(Features::ALL)]);
    assert_eq!(Pdu::decode(&encoded(&pdu)), Ok(pdu));
}

#[test]
fn a_big_endian_request_with_a_verifier_is_read() {
    let bytes = hex(concat!(
        "0500008300000000003c000400000009",
        "0000000600050003",
        "112233445566778899aabbccddeeff00",
        "737475620000", // stub, padding
        "0a060200000000ff",
        "01020304",
    ));
    let mut bytes = bytes;
    let length = bytes.len() as u16;
    bytes[8..10].copy_from_slice(&length.to_be_bytes());
    let layout = Layout::read(&bytes).unwrap();
    assert_eq!(layout.header.order, Order::Big);
    let pdu = Pdu::decode(&bytes).unwrap();
    let object = Guid::parse("11223344-5566-7788-99aa-bbccddeeff00");
    assert_eq!(pdu.body, Body::Request(Request { hint: 6, context: 5, opnum: 3, object, stub: b"stub" }));
    let verifier =
        Verifier { padding: &[0, 0], provider: 10, level: 6, reserved: 0, context: 255, value: &[1, 2, 3, 4] };
    assert_eq!(pdu.verifier, Some(verifier));
}

#[test]
fn every_truncation_is_an_error() {
    for bytes in all() {
        for length in 0..bytes.len() {
            assert!(
                matches!(Pdu::decode(&bytes[..length]), Err(DecodeError::Header(HeaderError::Short(_)))),
                "{length}"
            );
            if length >= Header::LENGTH {
                // The same, with a header that admits it: never a panic, and what is read can be written.
                let mut cut = bytes[..length].to_vec();
                let order = if cut[4] == 0 { u16::to_be_bytes } else { u16::to_le_bytes };
                cut[8..10].copy_from_slice(&order(length as u16));
                check(&cut);
            }
        }
    }
}

#[test]
fn every_flipped_bit_is_an_error_or_an_answer() {
    for mut bytes in all() {
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            check(&bytes);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

/// Reads what may be nonsense. What can be read can be written, and is the same then.
fn check(bytes: &[u8]) {
    let Ok(layout) = Layout::read(bytes) else {
        assert!(Pdu::decode(bytes).is_err());
        return;
    };
    assert!(Header::LENGTH <= layout.body_end && layout.body_end <= layout.trailer_at);
    assert!(layout.trailer_at <= layout.value_at && layout.value_at <= usize::from(layout.header.fragment_length));
    assert!(usize::from(layout.header.fragment_length) <= bytes.len());
    if let Ok(pdu) = Pdu::decode(bytes) {
        // A bind may be followed by bytes that nobody asked for; they are not written again.
        let again = encoded(&pdu);
        assert_eq!(Pdu::decode(&again), Ok(pdu));
    }
}

#[test]
fn lengths_that_lie_are_refused() {
    let pdu = made().into_iter().find(|bytes| bytes[2] == 0 && bytes[10] != 0).unwrap();
    let with = |at: usize, value: u16| {
        let mut pdu = pdu.clone();
        pdu[at..at + 2].copy_from_slice(&value.to_le_bytes());
        Layout::read(&pdu).map(|layout| layout.body_end)
    };
    let fragment = pdu.len() as u16;
    assert_eq!(with(8, 15), Err(HeaderError::Length { fragment: 15, auth: 7 }));
    assert_eq!(with(8, 30), Err(HeaderError::Length { fragment: 30, auth: 7 }));
    assert!(matches!(with(8, fragment + 1), Err(HeaderError::Short(_))));
    assert!(matches!(with(8, u16::MAX), Err(HeaderError::Short(_))));
    assert_eq!(with(10, u16::MAX), Err(HeaderError::Length { fragment, auth: u16::MAX }));
    assert_eq!(with(10, fragment - 23), Err(HeaderError::Length { fragment, auth: fragment - 23 }));
    let mut padded = pdu.clone();
    let at = pdu.len() - 7 - 8 + 2;
    padded[at] = 200;
    assert_eq!(Layout::read(&padded), Err(HeaderError::Length { fragment, auth: 7 }));
    // A context count that goes beyond the end.
    let mut bind = made().into_iter().find(|bytes| bytes[2] == Kind::Bind as u8 && bytes[10] == 0).unwrap();
    bind[24] = 255;
    assert!(matches!(Pdu::decode(&bind), Err(DecodeError::Body { kind: Kind::Bind, .. })));
}

#[test]
fn headers_say_what_is_wrong_with_them() {
    let good = made().remove(0);
    let with = |at: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[at] = value;
        Header::read(&bytes)
    };
    assert_eq!(with(0, 4), Err(HeaderError::Version { major: 4, minor: 1 }));
    assert_eq!(with(1, 2), Err(HeaderError::Version { major: 5, minor: 2 }));
    assert!(with(1, 0).is_ok());
    for kind in 0..=255 {
        let known = matches!(kind, 0 | 2 | 3 | 11..=19);
        assert_eq!(with(2, kind).is_ok(), known);
        assert_eq!(Kind::from_wire(kind).map(|kind| kind as u8), known.then_some(kind));
    }
    assert_eq!(with(4, 0x20), Err(HeaderError::Representation(0x20)));
    assert!(with(4, 0x11).is_ok(), "EBCDIC is nobody's business here");
}

#[test]
fn what_does_not_fit_is_not_written() {
    for bytes in made() {
        let pdu = Pdu::decode(&bytes).unwrap();
        for length in 0..bytes.len() {
            assert!(pdu.encode(&mut Writer::new(&mut vec![0; length])).is_err());
        }
        assert!(pdu.encode(&mut Writer::new(&mut vec![0; bytes.len()])).is_ok());
    }
    let stub = vec![0; 66_000];
    let body = Body::Request(Request { hint: 0, context: 0, opnum: 0, object: None, stub: &stub });
    let pdu = Pdu { minor: 0, flags: Flags::ONLY, call_id: 1, body, verifier: None };
    assert!(pdu.encode(&mut Writer::new(&mut vec![0; 70_000])).is_err());
}

fn verifications() -> Vec<Verification> {
    let header = VerifiedHeader { kind: 0, representation: [0x10, 0, 0, 0], call_id: 3, context: 1, opnum: 4 };
    let presentation = (SyntaxId::NDR64, SyntaxId::NDR32);
    (0..8u32)
        .map(|which| Verification {
            bitmask: (which & 1 != 0).then_some(1),
            presentation: (which & 2 != 0).then_some(presentation),
            header: (which & 4 != 0).then_some(header),
            unknown: false,
        })
        .collect()
}

#[test]
fn a_verification_trailer_is_found_after_any_stub() {
    for verification in verifications() {
        for length in [0, 1, 2, 3, 4, 7, 100, 1001] {
            let mut room = [0; 2048];
            let mut writer = Writer::new(&mut room);
            writer.put(&[0x55; 24 + 1001][..24 + length]).unwrap();
            verification.write(&mut writer, 24).unwrap();
            // Garbage after it is padding.
            for padding in [0, 1, 15] {
                writer.put(&[0x77; 15][..padding]).unwrap();
                let stub = &writer.written()[24..];
                let (before, found) = Verification::split(stub, Order::Little).unwrap();
                assert_eq!(found, verification);
                assert_eq!(before.len(), length.next_multiple_of(4));
                assert!(before.starts_with(&vec![0x55; length]));
            }
        }
    }
}

#[test]
fn what_only_looks_like_a_verification_trailer_is_a_part_of_the_stub() {
    let signature = Verification::SIGNATURE;
    let stubs: [&[u8]; 5] = [
        &signature,
        &[&signature[..], &[1, 0, 4, 0, 1, 0, 0, 0]].concat(),
        &[&signature[..], &[1, 0x40, 4, 0, 1, 0, 0]].concat(),
        &[&[0][..], &signature, &[0, 0x40, 0, 0]].concat(),
        &[&signature[..], &[0, 0x40, 0, 0], &[9; 400]].concat(),
    ];
    for stub in stubs {
        assert_eq!(Verification::split(stub, Order::Little), None, "{stub:02x?}");
    }
    let unknown = [&signature[..], &[9, 0xC0, 1, 0, 5]].concat();
    let (before, found) = Verification::split(&unknown, Order::Little).unwrap();
    assert_eq!((before, found), (&[][..], Verification { unknown: true, ..Verification::default() }));
    let harmless = [&signature[..], &[9, 0x40, 1, 0, 5]].concat();
    assert_eq!(Verification::split(&harmless, Order::Little), Some((&[][..], Verification::default())));
}

#[test]
fn spoilt_verification_trailers_do_no_harm() {
    for verification in verifications() {
        let mut room = [0; 128];
        let mut writer = Writer::new(&mut room);
        writer.put(b"stub").unwrap();
        verification.write(&mut writer, 0).unwrap();
        let mut bytes = writer.written().to_vec();
        for length in 0..bytes.len() {
            let _ = Verification::split(&bytes[..length], Order::Little);
            let _ = Verification::split(&bytes[..length], Order::Big);
        }
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Some((before, _)) = Verification::split(&bytes, Order::Big) {
                assert!(before.len() <= bytes.len());
            }
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}
