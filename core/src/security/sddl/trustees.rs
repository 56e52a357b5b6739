//! The letters of trustees, [MS-DTYP] 2.5.1.1 and 2.4.2.4.

use crate::sid::Sid;

/// A group of S-1-5-32, the built-in domain.
const BUILTIN: u32 = 32;

/// Trustees that are the same everywhere: authority, and what follows it.
const ANYWHERE: [(&str, u8, &[u32]); 51] = [
    ("AA", 5, &[BUILTIN, 579]),
    ("AC", 15, &[2, 1]),
    ("AN", 5, &[7]),
    ("AO", 5, &[BUILTIN, 548]),
    ("AS", 18, &[1]),
    ("AU", 5, &[11]),
    ("BA", 5, &[BUILTIN, 544]),
    ("BG", 5, &[BUILTIN, 546]),
    ("BO", 5, &[BUILTIN, 551]),
    ("BU", 5, &[BUILTIN, 545]),
    ("CD", 5, &[BUILTIN, 574]),
    ("CG", 3, &[1]),
    ("CO", 3, &[0]),
    ("CY", 5, &[BUILTIN, 569]),
    ("ED", 5, &[9]),
    ("ER", 5, &[BUILTIN, 573]),
    ("ES", 5, &[BUILTIN, 576]),
    ("HA", 5, &[BUILTIN, 578]),
    ("HI", 16, &[12288]),
    ("HO", 5, &[BUILTIN, 584]),
    ("IS", 5, &[BUILTIN, 568]),
    ("IU", 5, &[4]),
    ("LS", 5, &[19]),
    ("LU", 5, &[BUILTIN, 559]),
    ("LW", 16, &[4096]),
    ("ME", 16, &[8192]),
    ("MP", 16, &[8448]),
    ("MS", 5, &[BUILTIN, 577]),
    ("MU", 5, &[BUILTIN, 558]),
    ("NO", 5, &[BUILTIN, 556]),
    ("NS", 5, &[20]),
    ("NU", 5, &[2]),
    ("OW", 3, &[4]),
    ("PO", 5, &[BUILTIN, 550]),
    ("PS", 5, &[10]),
    ("PU", 5, &[BUILTIN, 547]),
    ("RA", 5, &[BUILTIN, 575]),
    ("RC", 5, &[12]),
    ("RD", 5, &[BUILTIN, 555]),
    ("RE", 5, &[BUILTIN, 552]),
    ("RM", 5, &[BUILTIN, 580]),
    ("RU", 5, &[BUILTIN, 554]),
    ("SH", 5, &[BUILTIN, 585]),
    ("SI", 16, &[16384]),
    ("SO", 5, &[BUILTIN, 549]),
    ("SS", 18, &[2]),
    ("SU", 5, &[6]),
    ("SY", 5, &[18]),
    ("UD", 5, &[84, 0, 0, 0, 0, 0]),
    ("WD", 1, &[0]),
    ("WR", 5, &[33]),
];

/// Trustees of a domain: what follows its SID.
const OF_DOMAIN: [(&str, u32); 17] = [
    ("AP", 525),
    ("CA", 517),
    ("CN", 522),
    ("DA", 512),
    ("DC", 515),
    ("DD", 516),
    ("DG", 514),
    ("DU", 513),
    ("EA", 519),
    ("EK", 527),
    ("KA", 526),
    ("LA", 500),
    ("LG", 501),
    ("PA", 520),
    ("RO", 498),
    ("RS", 553),
    ("SA", 518),
];

/// Whom two letters stand for; letter case says nothing.
pub(super) enum Named {
    /// Somebody.
    Sid(Sid),
    /// Somebody of a domain, and none was given that can have such an account.
    NoDomain,
    /// Nobody.
    Unknown,
}

/// Whom `letters` stand for, of `domain` if it is somebody of a domain.
pub(super) fn named(letters: &str, domain: Option<&Sid>) -> Named {
    let is_it = |name: &str| name.eq_ignore_ascii_case(letters);
    if let Some((_, authority, of_it)) = ANYWHERE.iter().find(|(name, ..)| is_it(name)) {
        return Sid::new([0, 0, 0, 0, 0, *authority], of_it).map_or(Named::Unknown, Named::Sid);
    }
    let Some((_, account)) = OF_DOMAIN.iter().find(|(name, _)| is_it(name)) else { return Named::Unknown };
    domain.and_then(|domain| domain.with(*account)).map_or(Named::NoDomain, Named::Sid)
}

/// The letters of a SID that is the same everywhere.
pub(super) fn letters(sid: &Sid) -> Option<&'static str> {
    let [0, 0, 0, 0, 0, authority] = sid.authority() else { return None };
    let is_it = |of: u8, of_it: &[u32]| of == authority && of_it == sid.sub_authorities();
    ANYWHERE.iter().find(|(_, of, of_it)| is_it(*of, of_it)).map(|(name, ..)| *name)
}
