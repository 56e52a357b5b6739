//! Triggers that fire some time after an event, such as boot or registration, on a clock that never steps.
//!
//! Everything is in milliseconds since that event. The wall clock has no part in it, so these triggers fire also while
//! wall time is unknown, and a step of it moves nothing.

use super::Pattern;
use crate::task::{Repetition, Trigger, TriggerKind};

/// Milliseconds from the event of a trigger to its first firing: its Delay. `None` for a trigger that waits for no event: a
/// Time or Calendar trigger, or one that is only kept.
#[must_use]
pub fn delay(trigger: &Trigger<'_>) -> Option<u64> {
    let delay = match trigger.kind {
        TriggerKind::Boot { delay }
        | TriggerKind::Registration { delay }
        | TriggerKind::Logon { delay, .. }
        | TriggerKind::SessionState { delay, .. } => delay,
        TriggerKind::Event(event) => event.delay,
        TriggerKind::Idle => None,
        TriggerKind::Time { .. } | TriggerKind::Calendar { .. } | TriggerKind::Opaque { .. } => return None,
    };
    Some(delay.map_or(0, |delay| delay.seconds.saturating_mul(1000)))
}

/// The first firing after `after` (the first of all if it is `None`) of a trigger that fires `delay` after its event and
/// then repeats. `None` when the repetition is over, or the clock would be.
///
/// ```
/// use mainspring::{recur::elapsed, task::{Repetition, Span}};
/// let minute = Span { seconds: 60, text: "PT1M" };
/// let repetition = Repetition { interval: minute, duration: Some(minute), stop_at_duration_end: false };
/// assert_eq!(elapsed::next(500, Some(&repetition), None), Some(500));
/// assert_eq!(elapsed::next(500, Some(&repetition), Some(500)), Some(60_500));
/// assert_eq!(elapsed::next(500, Some(&repetition), Some(60_500)), None);
/// ```
#[must_use]
pub fn next(delay: u64, repetition: Option<&Repetition<'_>>, after: Option<u64>) -> Option<u64> {
    match after {
        Some(after) if after >= delay => Pattern::new(repetition?)?.after(delay, after),
        _ => Some(delay),
    }
}

/// The last firing at or before `at`.
#[must_use]
pub fn last(delay: u64, repetition: Option<&Repetition<'_>>, at: u64) -> Option<u64> {
    let past = at.checked_sub(delay)?;
    Some(delay + repetition.and_then(Pattern::new).map_or(0, |pattern| pattern.reached(past)))
}

/// When the Duration of the repetition is over, and with StopAtDurationEnd its instances are stopped.
#[must_use]
pub fn duration_end(delay: u64, repetition: Option<&Repetition<'_>>) -> Option<u64> {
    delay.checked_add(repetition?.duration?.seconds.checked_mul(1000)?)
}
