//! The transfer syntax: counts that lie, strings, arrays that grow as they are written.

use mainspring::{
    bytes::{Full, Order},
    guid::Guid,
    ndr::{DecodeError, Decoder, Encoder},
};
use mainspring_tests::stubs::bytes;

fn decoder(stub: &[u8]) -> Decoder<'_> {
    Decoder::new(stub, Order::Little)
}

#[test]
fn primitives_are_aligned_and_padding_is_garbage() {
    let stub = bytes("01 ff 0302 07060504 ffffffff 0f0e0d0c0b0a0908 11 bfbfbf 00112233445566778899aabbccddeeff");
    let mut decoder = decoder(&stub);
    assert_eq!(decoder.u8(), Ok(1));
    assert_eq!(decoder.u16(), Ok(0x0203));
    assert_eq!(decoder.u32(), Ok(0x0405_0607));
    assert_eq!(decoder.u32(), Ok(u32::MAX));
    // Twelve bytes are behind it: a hyper starts at sixteen.
    let mut hyper = decoder.clone();
    assert_eq!(hyper.u64(), Ok(0xbfbf_bf11_0809_0a0b));
    assert_eq!(decoder.bytes(8).unwrap().len(), 8);
    assert_eq!(decoder.u8(), Ok(0x11));
    let guid = decoder.guid().unwrap();
    assert_eq!(guid.to_string(), "33221100-5544-7766-8899-aabbccddeeff");
    assert_eq!(decoder.left(), 0);
    assert!(matches!(decoder.u8(), Err(DecodeError::Short(_))));
}

#[test]
fn big_endian_stubs_are_read() {
    let stub = bytes("00010203 0405 0607 00112233 4455 6677 8899aabbccddeeff 00000002 00000000 00000002 00e9 0000");
    let mut decoder = Decoder::new(&stub, Order::Big);
    assert_eq!(decoder.u32(), Ok(0x0001_0203));
    assert_eq!(decoder.u16(), Ok(0x0405));
    assert_eq!(decoder.u16(), Ok(0x0607));
    assert_eq!(decoder.guid().unwrap(), Guid::from_u128(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff));
    assert!(decoder.string().unwrap().eq_ignore_case("é"));
}

#[test]
fn strings_end_with_a_nul() {
    let good = bytes("05000000 00000000 03000000 6100 6200 0000");
    assert_eq!(decoder(&good).string().unwrap().to_string::<8>().unwrap(), "ab");
    // It may end with several; one before its end is part of it, so that nobody takes it for another.
    let several = bytes("03000000 00000000 03000000 6100 0000 0000");
    assert_eq!(decoder(&several).string().unwrap().to_string::<8>().unwrap(), "a");
    let inner = bytes("04000000 00000000 04000000 6100 0000 6200 0000");
    assert_eq!(decoder(&inner).string().unwrap().to_string::<8>().unwrap(), "a\0b");
    for (stub, error) in [
        ("02000000 00000000 02000000 6100 6200", DecodeError::NotTerminated { actual: 2 }),
        ("00000000 00000000 00000000", DecodeError::NotTerminated { actual: 0 }),
        ("02000000 01000000 01000000 0000", DecodeError::Variance { maximum: 2, offset: 1, actual: 1 }),
        ("01000000 00000000 02000000 61000000", DecodeError::Variance { maximum: 1, offset: 0, actual: 2 }),
        ("ffffffff 00000000 ffffffff 0000", DecodeError::Count { claimed: u32::MAX, left: 2 }),
        ("02000000 00000000 02000000 6100", DecodeError::Count { claimed: 2, left: 2 }),
    ] {
        assert_eq!(decoder(&bytes(stub)).string(), Err(error), "{stub}");
    }
    let narrow = bytes("10000000 00000000 03000000 616200");
    assert_eq!(decoder(&narrow).narrow_string(), Ok(&b"ab"[..]));
    let narrow = bytes("10000000 00000000 02000000 6162");
    assert_eq!(decoder(&narrow).narrow_string(), Err(DecodeError::NotTerminated { actual: 2 }));
}

#[test]
fn a_maximum_count_is_believed_only_when_the_elements_are_there() {
    let stub = bytes("03000000 01000000 02000000 03000000");
    assert_eq!(decoder(&stub).maximum_count(4), Ok(3));
    assert_eq!(decoder(&stub).conformance(3, 4), Ok(()));
    assert_eq!(decoder(&stub).conformance(2, 4), Err(DecodeError::Conformance { maximum: 3, expected: 2 }));
    assert_eq!(decoder(&stub).maximum_count(5), Err(DecodeError::Count { claimed: 3, left: 12 }));
    let huge = bytes("ffffffff 00000000");
    for element in [1, 4, 16, usize::MAX] {
        assert_eq!(decoder(&huge).maximum_count(element), Err(DecodeError::Count { claimed: u32::MAX, left: 4 }));
    }
    assert_eq!(decoder(&stub).ranged(2), Err(DecodeError::Range { value: 3, maximum: 2 }));
}

#[test]
fn what_is_written_is_read_and_stable() {
    let mut stub = [0xEE; 128];
    let mut encoder = Encoder::new(&mut stub);
    encoder.unique_string(Some("ä")).unwrap();
    encoder.unique_string(None).unwrap();
    encoder.u8(7).unwrap();
    encoder.u64(8).unwrap();
    encoder.pointer().unwrap();
    encoder.narrow_string("xy", 9).unwrap();
    let expected = bytes(
        "00000200 02000000 00000000 02000000 e400 0000  00000000 07 00000000000000 0800000000000000
         04000200 09000000 00000000 03000000 787900",
    );
    assert_eq!(encoder.written(), expected);

    let mut decoder = decoder(&expected);
    assert_eq!(decoder.unique_string().unwrap().unwrap().to_string::<8>().unwrap(), "ä");
    assert_eq!(decoder.unique_string(), Ok(None));
    assert_eq!(decoder.u8(), Ok(7));
    assert_eq!(decoder.u64(), Ok(8));
    assert_eq!(decoder.pointer(), Ok(true));
    assert_eq!(decoder.narrow_string(), Ok(&b"xy"[..]));
}

#[test]
fn text_is_written_straight_into_the_stub() {
    let number = 12;
    let mut stub = [0; 64];
    let mut encoder = Encoder::new(&mut stub);
    encoder.u8(1).unwrap();
    encoder.formatted(|out| write!(out, "{number}-😀")).unwrap();
    let expected = bytes("01000000 06000000 00000000 06000000 3100 3200 2d00 3dd8 00de 0000");
    assert_eq!(encoder.written(), expected);

    for room in 0..expected.len() {
        let mut stub = vec![0; room];
        let mut encoder = Encoder::new(&mut stub);
        let done = encoder.u8(1).and_then(|()| encoder.formatted(|out| write!(out, "{number}-😀")));
        assert!(matches!(done, Err(Full { .. })), "{room}");
    }
}

/// As many of `names` as fit into `room` bytes, four bytes left over.
fn array(names: &[&str], room: usize) -> Result<(u32, Vec<u8>), Full> {
    let mut stub = vec![0; room];
    let mut encoder = Encoder::new(&mut stub);
    let taken = encoder.strings::<Full>(4, |take| {
        let _ = names.iter().all(|name| take(name));
        Ok(())
    })?;
    encoder.u32(0)?;
    Ok((taken, encoder.written().to_vec()))
}

#[test]
fn an_array_of_strings_takes_what_fits() {
    let names = ["a", "bc", "", "long enough to matter"];
    let (all, whole) = array(&names, 1000).unwrap();
    assert_eq!(all, 4);
    let start = bytes(
        "00000200 04000000 04000200 08000200 0c000200 10000200
         02000000 00000000 02000000 6100 0000  03000000 00000000 03000000 6200 6300 0000 0000
         01000000 00000000 01000000 0000 0000  16000000",
    );
    assert!(whole.starts_with(&start));

    let mut before = 0;
    for room in 0..whole.len() {
        let Ok((taken, stub)) = array(&names, room) else {
            // Not even a null pointer and the four bytes fit.
            assert!(room < 8 + 4, "{room}");
            continue;
        };
        assert!(taken < 4 && taken >= before, "{room}: {taken} after {before}");
        before = taken;
        let mut decoder = decoder(&stub);
        assert_eq!(decoder.pointer(), Ok(taken > 0));
        if taken > 0 {
            assert_eq!(decoder.conformance(taken, 4), Ok(()));
            assert!((0..taken).all(|_| decoder.pointer() == Ok(true)));
            for name in &names[..taken as usize] {
                assert!(decoder.string().unwrap().eq_ignore_case(name));
            }
        }
        assert_eq!(decoder.u32(), Ok(0));
        assert_eq!(decoder.left(), 0);
    }
    assert_eq!(before, 3);
    assert_eq!(array(&names, whole.len()).unwrap().0, 4);
}
