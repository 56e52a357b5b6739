//! Time zones: a slice of transitions and a POSIX tail, either may be empty.

/// At this moment the offset from UTC becomes another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, bytemuck::Zeroable)]
pub struct Transition {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub at: i64,
    /// Seconds east of UTC from then on.
    pub offset: i32,
}

/// A zone: UTC unless it has transitions or a tail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Zone<'z> {
    /// Seconds east of UTC before the first transition.
    pub initial: i32,
    /// In order of time.
    pub transitions: &'z [Transition],
}
