//! Actions, [MS-TSCH] 2.5.7.

/// Exec, [MS-TSCH] 2.5.7.1: run a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exec<'b> {
    /// Command.
    pub command: &'b str,
    /// Arguments, as one string.
    pub arguments: Option<&'b str>,
    /// WorkingDirectory.
    pub working_directory: Option<&'b str>,
}

/// One action of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action<'b> {
    /// Run a program.
    Exec {
        /// The `id` attribute.
        id: Option<&'b str>,
        /// What to run.
        exec: Exec<'b>,
    },
    /// Any other element: kept as XML, given back. An instance that comes to a ComHandler has the host run it (see
    /// [`ComHandler`](super::ComHandler)); one that comes to anything else fails to start it.
    Opaque {
        /// The whole element, without the comments and the white space between elements that it was written with.
        xml: &'b str,
    },
}
