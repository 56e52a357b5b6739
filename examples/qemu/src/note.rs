//! What the action `log` of the demonstrations writes.

use mainspring::time::{Timestamp, civil::DateTime};

/// Writes words to the log, with the time where it is known.
pub(crate) fn write(wall: Option<Timestamp>, words: &str) {
    match wall.and_then(Timestamp::civil) {
        Some((DateTime { year, month, day, hour, minute, second }, millisecond)) => defmt::info!(
            "log {=i16:04}-{=u8:02}-{=u8:02}T{=u8:02}:{=u8:02}:{=u8:02}.{=u16:03}Z {=str}",
            year,
            month,
            day,
            hour,
            minute,
            second,
            millisecond,
            words,
        ),
        None => defmt::info!("log - {=str}", words),
    }
}
