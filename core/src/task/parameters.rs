//! Parameters of an action's fields, [MS-TSCH] 2.5.9.

use core::fmt::{Error, Result, Write};

use crate::limits::RUN_ARGUMENTS;

/// Writes `text` with every `$(name)` replaced by what `value` has for the name, and every `$$` by `$`.
///
/// A name that has no value is left as it is, and so is whatever else a `$` begins. What is put in is not looked through
/// again, so that nobody who gives an argument can name another.
///
/// ```
/// use mainspring::task::parameters::{argument, substitute};
///
/// let mut line = String::new();
/// let arguments = ["a b", "$(Arg0)"];
/// let value = |name: &str| argument(name).and_then(|number| arguments.get(number).copied());
/// substitute("run $(Arg0) $(Arg1) $(Arg2) for $$5", value, &mut line)?;
/// assert_eq!(line, "run a b $(Arg0) $(Arg2) for $5");
/// # Ok::<(), core::fmt::Error>(())
/// ```
///
/// # Errors
/// Only those of `out`.
pub fn substitute<'v>(text: &str, mut value: impl FnMut(&str) -> Option<&'v str>, out: &mut dyn Write) -> Result {
    let mut rest = text;
    while let Some((plain, after)) = rest.split_once('$') {
        out.write_str(plain)?;
        rest = stands_for(after, &mut value, out)?;
    }
    out.write_str(rest)
}

/// Writes what a `$` stands for, together with what begins the text `after` it and belongs to it; returns what is left.
pub(super) fn stands_for<'t, 'v>(
    after: &'t str,
    value: &mut dyn FnMut(&str) -> Option<&'v str>,
    out: &mut dyn Write,
) -> core::result::Result<&'t str, Error> {
    // No name holds a `$`, so each piece of the text is looked at once.
    let parameter = after.strip_prefix('(').and_then(|after| {
        let (name, end) = after.split_at_checked(after.find([')', '$'])?)?;
        Some((name, end.strip_prefix(')')?))
    });
    let known = parameter.and_then(|(name, after)| Some((value(name)?, after)));
    let (written, left) = known.unwrap_or_else(|| ("$", after.strip_prefix('$').unwrap_or(after)));
    out.write_str(written)?;
    Ok(left)
}

/// The number of the argument of `SchRpcRun` that a parameter names: 0 for `Arg0` to 31 for `Arg31`.
#[must_use]
pub fn argument(name: &str) -> Option<usize> {
    let digits = name.strip_prefix("Arg")?;
    let is_plain = digits == "0" || !digits.starts_with(['0', '+']);
    digits.parse().ok().filter(|number| is_plain && *number < RUN_ARGUMENTS)
}
