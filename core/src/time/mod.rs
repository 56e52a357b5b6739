//! Time as an argument: moments, the civil calendar, FILETIME and SYSTEMTIME, and zones.
//!
//! Nothing here reads a clock. A port does, and hands the result in as [`Now`].

pub mod civil;
pub mod filetime;
pub(crate) mod segment;
pub mod tail;
pub mod trust;
pub mod tzif;
pub mod zone;

/// A moment of UTC in milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, bytemuck::Zeroable)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The latest moment there is; also what "never" sorts as.
    pub const MAX: Self = Self(i64::MAX);
    /// The earliest moment there is.
    pub const MIN: Self = Self(i64::MIN);

    /// The moment `seconds` after 1970-01-01T00:00:00Z, clamped to what can be held.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Whole seconds since 1970-01-01T00:00:00Z, rounded down.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The moment `milliseconds` later (earlier if negative), clamped.
    #[must_use]
    pub const fn plus(self, milliseconds: i64) -> Self {
        Self(self.0.saturating_add(milliseconds))
    }

    /// Milliseconds from `earlier` to this moment, clamped.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// A moment of a clock that never steps, in milliseconds since some start (power-up, or the start of the host).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, bytemuck::Zeroable)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Monotonic(pub u64);

impl Monotonic {
    /// The latest moment there is; also what "never" sorts as.
    pub const MAX: Self = Self(u64::MAX);

    /// The moment `milliseconds` later, clamped.
    #[must_use]
    pub const fn plus(self, milliseconds: u64) -> Self {
        Self(self.0.saturating_add(milliseconds))
    }

    /// Milliseconds from `earlier` to this moment, zero if it is not earlier.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// What the port's clocks say, taken together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// The clock that never steps.
    pub monotonic: Monotonic,
    /// The wall clock; `None` while it is unknown, and then calendar triggers wait.
    pub wall: Option<Timestamp>,
}
