//! Durations as task XML writes them.

/// An `xs:duration` of a task, such as `PT72H`: how long it is, and how it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span<'b> {
    /// How long, in seconds; a month counts 30 days and a year 365.
    pub seconds: u64,
    /// As it was written, because it is given back so.
    pub text: &'b str,
}
