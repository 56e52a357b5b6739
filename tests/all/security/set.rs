//! Parts of one descriptor in the place of another's.

use mainspring::{
    limits::SECURITY_DESCRIPTOR,
    security::{BuildError, Descriptor, SecurityInformation, set},
};

use super::{bytes, text};

const OLD: &str = "O:BAG:SYD:PAI(A;;FA;;;BA)S:AR(AU;SA;FA;;;WD)";
const GIVEN: &str = "O:LSG:BUD:AI(D;;FW;;;BU)(A;;FA;;;SY)S:P(ML;;NW;;;HI)";

fn put(old: &str, given: &str, which: u32) -> Result<String, BuildError> {
    let (old, given) = (bytes(old), bytes(given));
    let (old, given) = (Descriptor::parse(&old).unwrap(), Descriptor::parse(&given).unwrap());
    let mut room = [0xAA; SECURITY_DESCRIPTOR];
    set(&old, &given, SecurityInformation(which), &mut room).map(|length| text(&room[..length]))
}

#[test]
fn what_is_selected_is_replaced() {
    let old = ["O:BA", "G:SY", "D:PAI(A;;FA;;;BA)", "S:AR(AU;SA;FA;;;WD)"];
    let given = ["O:LS", "G:BU", "D:AI(D;;FW;;;BU)(A;;FA;;;SY)", "S:P(ML;;NW;;;HI)"];
    for which in 0..16 {
        let parts = (0..4).map(|part| if which & (1 << part) != 0 { given[part] } else { old[part] });
        assert_eq!(put(OLD, GIVEN, which).unwrap(), parts.collect::<String>());
    }
}

#[test]
fn protection_is_given_and_taken() {
    for (which, expected) in [
        (0x8000_0000, "D:PAI(A;;FA;;;BA)S:AR"),
        (0x2000_0000, "D:AI(A;;FA;;;BA)S:AR"),
        (0x4000_0000, "D:PAI(A;;FA;;;BA)S:PAR"),
        (0x1000_0000, "D:PAI(A;;FA;;;BA)S:AR"),
        (0x8000_0004, "D:P(A;;FR;;;AU)S:AR"),
        (0x2000_0008, "D:AI(A;;FA;;;BA)S:P"),
        (0x1000_0008, "D:PAI(A;;FA;;;BA)S:"),
    ] {
        assert_eq!(put("D:PAI(A;;FA;;;BA)S:AR", "D:(A;;FR;;;AU)S:P", which).unwrap(), expected, "{which:#x}");
    }
}

#[test]
fn what_is_not_given_is_not_set() {
    for (given, which, missing) in
        [("G:BU", 1, 1), ("O:BU", 2, 2), ("O:BU", 4, 4), ("D:", 8, 8), ("", 15, 15), ("O:BUD:", 0x8000_000F, 0xA)]
    {
        assert_eq!(put(OLD, given, which), Err(BuildError::Missing(SecurityInformation(missing))));
    }
    // A list that is NULL is given.
    assert_eq!(put(OLD, "D:NO_ACCESS_CONTROL", 4).unwrap(), "O:BAG:SYD:NO_ACCESS_CONTROLS:AR(AU;SA;FA;;;WD)");
    assert_eq!(put("", GIVEN, 4).unwrap(), "D:AI(D;;FW;;;BU)(A;;FA;;;SY)");
}

#[test]
fn what_does_not_fit_is_refused() {
    let (old, given) = (bytes(OLD), bytes(GIVEN));
    let (old, given) = (Descriptor::parse(&old).unwrap(), Descriptor::parse(&given).unwrap());
    let needed = set(&old, &given, SecurityInformation::ALL, &mut [0; SECURITY_DESCRIPTOR]).unwrap();
    for length in 0..needed {
        assert_eq!(set(&old, &given, SecurityInformation::ALL, &mut vec![0; length]), Err(BuildError::Full));
    }
    assert_eq!(set(&old, &given, SecurityInformation::ALL, &mut vec![0; needed]), Ok(needed));
    // Two lists that each fit, and not together.
    let many = "(A;;FA;;;S-1-5-21-1-2-3-4)".repeat(60);
    let (old, given) = (bytes(&format!("D:{many}")), bytes(&format!("S:{}", many.replace("(A;", "(AU;"))));
    let (old, given) = (Descriptor::parse(&old).unwrap(), Descriptor::parse(&given).unwrap());
    let refused = set(&old, &given, SecurityInformation::SACL, &mut [0; 2 * SECURITY_DESCRIPTOR]);
    assert_eq!(refused, Err(BuildError::Long));
}
