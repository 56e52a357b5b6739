//! Localised fields, [MS-TSCH] 2.5.8: text that stands in a library, for a reader of some language.

use core::fmt::{Debug, Error, Formatter, Write};

/// A string in a library, as a field names it: `$(@file,-id)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resource<'t> {
    /// The library, with what stands for a variable of the environment still in it.
    pub file: &'t str,
    /// The resource ID of the string.
    pub id: u32,
}

impl<'t> Resource<'t> {
    /// The resource that a field names; `None` if it is text of its own. The specification has the `@` in its form and not in
    /// its example; real files have it always. White space may stand on both sides of the comma.
    ///
    /// ```
    /// use mainspring::task::Resource;
    ///
    /// let named = Resource::parse(r"$(@%SystemRoot%\system32\wdc.dll,-10042)");
    /// assert_eq!(named, Some(Resource { file: r"%SystemRoot%\system32\wdc.dll", id: 10042 }));
    /// assert_eq!(Resource::parse("$(Arg0)"), None);
    /// ```
    #[must_use]
    pub fn parse(text: &'t str) -> Option<Self> {
        let inner = text.strip_prefix("$(")?.strip_suffix(')')?;
        let (file, id) = inner.strip_prefix('@').unwrap_or(inner).rsplit_once(',')?;
        let (file, digits) = (file.trim_ascii(), id.trim_ascii().strip_prefix('-')?);
        let is_plain = !file.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        Some(Self { file, id: digits.parse().ok().filter(|_| is_plain)? })
    }
}

/// The strings that fields name. A host that has some gives them to the
/// [`Scheduler`](crate::scheduler::Scheduler::localize).
///
/// It MUST NOT believe a [`file`](Resource::file), which whoever registers a task writes: only libraries that the host knows are
/// looked into.
pub trait Resources {
    /// Writes the string in that language, a tag such as `en-US` (RFC 3066), to `out`. An empty tag asks for the host's own.
    /// `false` says that there is none, and then nothing may have been written.
    ///
    /// # Errors
    /// Only those of `out`.
    fn write(&self, resource: Resource<'_>, language: &str, out: &mut dyn Write) -> Result<bool, Error>;
}

impl Debug for dyn Resources + '_ {
    fn fmt(&self, f: &mut Formatter<'_>) -> core::fmt::Result {
        f.write_str("Resources")
    }
}

/// For whom a definition is written.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'r> {
    /// The strings.
    pub resources: &'r dyn Resources,
    /// Tags of languages with `\` between them, the preferred one first.
    pub languages: &'r str,
}

#[cfg(feature = "xml")]
impl Reader<'_> {
    /// Writes what a field says to this reader; `false` if it is text of its own, or nobody has the string.
    pub(super) fn write(&self, field: &str, out: &mut dyn Write) -> Result<bool, Error> {
        let Some(resource) = Resource::parse(field) else { return Ok(false) };
        let languages = self.languages.split('\\').filter(|language| !language.is_empty());
        for language in languages.chain([""]) {
            if self.resources.write(resource, language, out)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
