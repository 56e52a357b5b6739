//! Durations as task XML writes them.

/// An `xs:duration` of a task, such as `PT72H`: how long it is, and how it was written.
///
/// `Display` gives it back as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span<'b> {
    /// How long, in seconds, less than 2^62; a month counts 30 days and a year 365, and a fraction of a second counts as a
    /// whole one.
    pub seconds: u64,
    /// As it was written, where that differs from the canonical form; empty otherwise.
    pub text: &'b str,
}

/// Seconds of a day.
const DAY: u64 = 86_400;

/// No span has as many seconds. An image holds the count and its unit in one number.
const TOO_MANY: u64 = 1 << 62;

impl<'b> Span<'b> {
    /// A span in canonical form.
    #[must_use]
    pub const fn from_seconds(seconds: u64) -> Self {
        Self { seconds, text: "" }
    }

    /// Parses an `xs:duration` that is not negative; `None` if `text` is anything else, or too long to count.
    ///
    /// ```
    /// use mainspring::task::Span;
    ///
    /// assert_eq!(Span::parse("P3D"), Some(Span { seconds: 259_200, text: "" }));
    /// assert_eq!(Span::parse("PT72H"), Some(Span { seconds: 259_200, text: "PT72H" }));
    /// assert_eq!(Span::parse("72 hours"), None);
    /// ```
    #[must_use]
    pub fn parse(text: &'b str) -> Option<Self> {
        const DATE: &[(u8, u64)] = &[(b'Y', 365 * DAY), (b'M', 30 * DAY), (b'D', DAY)];
        const TIME: &[(u8, u64)] = &[(b'H', 3600), (b'M', 60), (b'S', 1)];
        let rest = text.strip_prefix('P')?;
        let seconds = match rest.split_once('T') {
            None => sum(rest, DATE)?,
            Some(("", time)) => sum(time, TIME)?,
            Some((date, time)) => sum(date, DATE)?.checked_add(sum(time, TIME)?)?,
        };
        let seconds = seconds.checked_add(u64::from(has_fraction(text))).filter(|seconds| *seconds < TOO_MANY)?;
        let canonical = Self::from_seconds(seconds);
        Some(if canonical.is_written(text) { canonical } else { Self { seconds, text } })
    }

    /// Its whole seconds, without the fraction.
    pub(super) fn whole_seconds(&self) -> u64 {
        self.seconds.saturating_sub(u64::from(has_fraction(self.text)))
    }

    /// Whether it is longer than another one, fractions of a second among it.
    #[cfg(feature = "xml")]
    pub(super) fn is_longer_than(&self, other: &Span<'_>) -> bool {
        (self.whole_seconds(), fraction(self.text)) > (other.whole_seconds(), fraction(other.text))
    }

    /// Whether it is at least as long as the first of the seconds, and no longer than the last.
    #[cfg(feature = "xml")]
    pub(super) fn is_within(&self, seconds: core::ops::RangeInclusive<u64>) -> bool {
        seconds.contains(&self.whole_seconds()) && seconds.contains(&self.seconds)
    }

    /// The count and the designator of the canonical form: the largest unit of days, hours, minutes and seconds that
    /// leaves no remainder.
    pub(super) const fn canonical(self) -> (u64, Designator) {
        match self.seconds {
            0 => (0, Designator::Seconds),
            seconds if seconds.is_multiple_of(DAY) => (seconds / DAY, Designator::Days),
            seconds if seconds.is_multiple_of(3600) => (seconds / 3600, Designator::Hours),
            seconds if seconds.is_multiple_of(60) => (seconds / 60, Designator::Minutes),
            seconds => (seconds, Designator::Seconds),
        }
    }

    /// Whether `Display` writes exactly `text`.
    fn is_written(&self, text: &str) -> bool {
        let mut rest = Remaining(text);
        core::fmt::write(&mut rest, format_args!("{self}")).is_ok() && rest.0.is_empty()
    }
}

impl core::fmt::Display for Span<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        if !self.text.is_empty() {
            return f.write_str(self.text);
        }
        match self.canonical() {
            (count, Designator::Days) => write!(f, "P{count}D"),
            (count, Designator::Hours) => write!(f, "PT{count}H"),
            (count, Designator::Minutes) => write!(f, "PT{count}M"),
            (count, Designator::Seconds) => write!(f, "PT{count}S"),
        }
    }
}

/// The unit that a canonical span counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Designator {
    Seconds,
    Minutes,
    Hours,
    Days,
}

impl Designator {
    pub(super) const fn seconds(self) -> u64 {
        match self {
            Self::Seconds => 1,
            Self::Minutes => 60,
            Self::Hours => 3600,
            Self::Days => DAY,
        }
    }
}

/// Whether a duration has a fraction of a second.
fn has_fraction(text: &str) -> bool {
    !fraction(text).is_empty()
}

/// The digits of a duration's fraction of a second, without zeros at the end, so that the larger one comes later in the order of
/// texts.
fn fraction(text: &str) -> &str {
    text.split_once('.').map_or("", |(_, fraction)| fraction.trim_end_matches('S').trim_end_matches('0'))
}

/// Adds up counts with their designators, each at most once and in the order of `units`; at least one is needed.
fn sum(text: &str, units: &[(u8, u64)]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    let mut units = units.iter();
    let mut total = 0_u64;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|character: char| !character.is_ascii_digit() && character != '.')?;
        let (number, tail) = rest.split_at_checked(end)?;
        let designator = *tail.as_bytes().first()?;
        let (_, unit) = units.find(|(name, _)| *name == designator)?;
        let whole = match number.split_once('.') {
            None => number,
            // Only seconds may have a fraction.
            Some((whole, fraction)) if *unit == 1 && !fraction.is_empty() && !fraction.contains('.') => whole,
            Some(_) => return None,
        };
        total = total.checked_add(whole.parse::<u64>().ok()?.checked_mul(*unit)?)?;
        rest = tail.get(1..)?;
    }
    Some(total)
}

/// A sink that compares what is written with the rest of an expected text.
pub(super) struct Remaining<'t>(pub(super) &'t str);

impl core::fmt::Write for Remaining<'_> {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        self.0 = self.0.strip_prefix(text).ok_or(core::fmt::Error)?;
        Ok(())
    }
}
