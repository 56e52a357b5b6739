//! A stretch of time between two transitions.

/// Before every second that a [`Timestamp`](super::Timestamp) can hold.
pub(crate) const BEGIN: i64 = i64::MIN / 1000;
/// After every second that a [`Timestamp`](super::Timestamp) can hold.
pub(crate) const END: i64 = i64::MAX / 1000;

/// A stretch of time in which the offset does not change; seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    /// Seconds east of UTC.
    pub(crate) offset: i32,
    /// The first second.
    pub(crate) from: i64,
    /// The second after the last.
    pub(crate) until: i64,
}

impl Segment {
    /// A zone that never changes.
    pub(crate) const fn fixed(offset: i32) -> Self {
        Self { offset, from: BEGIN, until: END }
    }

    /// What a clock on the wall shows at `moment`, both in milliseconds.
    #[inline]
    pub(crate) const fn local(&self, moment: i64) -> i64 {
        moment.saturating_add(self.offset as i64 * 1000)
    }

    /// When a clock on the wall would show `local` if this offset always held, both in milliseconds.
    #[inline]
    pub(crate) const fn moment(&self, local: i64) -> i64 {
        local.saturating_sub(self.offset as i64 * 1000)
    }

    /// The first millisecond.
    #[inline]
    pub(crate) const fn begins(&self) -> i64 {
        self.from.saturating_mul(1000)
    }

    /// The millisecond after the last.
    #[inline]
    pub(crate) const fn ends(&self) -> i64 {
        self.until.saturating_mul(1000)
    }
}
