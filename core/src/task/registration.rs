//! RegistrationInfo, [MS-TSCH] 2.5.2.

/// Who made a task, when and why: kept and given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RegistrationInfo<'b> {
    /// Version.
    pub version: Option<&'b str>,
    /// Date.
    pub date: Option<&'b str>,
    /// SecurityDescriptor, in SDDL.
    pub security_descriptor: Option<&'b str>,
    /// Source.
    pub source: Option<&'b str>,
    /// Author.
    pub author: Option<&'b str>,
    /// Description.
    pub description: Option<&'b str>,
    /// Documentation.
    pub documentation: Option<&'b str>,
    /// URI: the path the registrant named, if any. When given back it is always the full path of the task.
    pub uri: Option<&'b str>,
}
