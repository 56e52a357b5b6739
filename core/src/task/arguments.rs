//! The arguments of a program: one text in a definition, split as Windows programs split theirs.

use core::fmt::Write as _;

use super::parameters::stands_for;
use crate::bytes::Writer;

/// Arguments of a program, split before parameters were put in: a value is a part of the argument that its parameter stands in,
/// whatever it is, and never makes another one.
///
/// They are split by the rules that the C runtime of Windows documents (`CommandLineToArgvW`):
///
/// - blanks and tabs separate arguments, except between quotation marks;
/// - a quotation mark begins or ends a quoted part, which may be empty or in the middle of an argument;
/// - two quotation marks within a quoted part are one literal quotation mark;
/// - backslashes are literal, except before a quotation mark: there two are one, and an odd one makes the mark literal.
///
/// A parameter that has a value stands for one character that is none of these; one that has none is text, as in
/// [`substitute`](super::parameters::substitute).
///
/// ```
/// use mainspring::task::Arguments;
///
/// let value = |name: &str| (name == "Arg0").then_some(r#"a" "b"#);
/// let mut room = [0; 100];
/// let arguments = Arguments::split(r#"-c "echo ""hi"" there" $(Arg0) C:\dir\ "" a\"b"#, value, &mut room).unwrap();
/// assert!(arguments.iter().eq(["-c", r#"echo "hi" there"#, r#"a" "b"#, r"C:\dir\", "", r#"a"b"#]));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Arguments<'b> {
    // INVARIANT: each argument's bytes of UTF-8 behind their number, as four bytes.
    packed: &'b [u8],
}

/// Bytes of the number in front of each argument.
const NUMBER: usize = 4;

impl<'b> Arguments<'b> {
    /// Splits `text`, and puts in what `value` has for the names of parameters. They are written to the front of `into`, with four
    /// bytes more for each. `None` if they do not fit.
    #[must_use]
    pub fn split<'v>(text: &str, mut value: impl FnMut(&str) -> Option<&'v str>, into: &'b mut [u8]) -> Option<Self> {
        let mut used = 0;
        let mut rest = text.trim_start_matches(BLANK);
        while !rest.is_empty() {
            let (number, room) = into.get_mut(used..)?.split_first_chunk_mut::<NUMBER>()?;
            let mut writer = Writer::new(room);
            rest = one(rest, &mut value, &mut writer)?.trim_start_matches(BLANK);
            let length = writer.position();
            *number = u32::try_from(length).ok()?.to_le_bytes();
            used += NUMBER + length;
        }
        Some(Self { packed: into.get(..used)? })
    }

    /// The arguments, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &'b str> + Clone + use<'b> {
        let mut packed = self.packed;
        core::iter::from_fn(move || {
            let (number, rest) = packed.split_first_chunk::<NUMBER>()?;
            let length = usize::try_from(u32::from_le_bytes(*number)).ok()?;
            let (argument, rest) = rest.split_at_checked(length)?;
            packed = rest;
            core::str::from_utf8(argument).ok()
        })
    }
}

/// What separates arguments.
const BLANK: [char; 2] = [' ', '\t'];

/// Writes the first argument of `text`, which begins with it, and returns what is behind. `None` if it does not fit.
fn one<'t, 'v>(
    text: &'t str,
    value: &mut impl FnMut(&str) -> Option<&'v str>,
    out: &mut Writer<'_>,
) -> Option<&'t str> {
    let mut rest = text;
    let mut quoted = false;
    loop {
        let ends = |character: char| matches!(character, '"' | '\\' | '$') || BLANK.contains(&character) && !quoted;
        let (plain, after) = rest.split_at_checked(rest.find(ends).unwrap_or(rest.len()))?;
        out.write_str(plain).ok()?;
        if let Some(after) = after.strip_prefix('$') {
            rest = stands_for(after, value, out).ok()?;
        } else if let Some(after) = after.strip_prefix('"') {
            rest = match after.strip_prefix('"').filter(|_| quoted) {
                Some(after) => {
                    out.write_str("\"").ok()?;
                    after
                }
                None => {
                    quoted = !quoted;
                    after
                }
            };
        } else if after.starts_with('\\') {
            let behind = after.trim_start_matches('\\');
            let slashes = after.len() - behind.len();
            rest = behind;
            let is_before_mark = behind.starts_with('"');
            out.write_str(after.get(..if is_before_mark { slashes / 2 } else { slashes })?).ok()?;
            if is_before_mark && slashes % 2 == 1 {
                out.write_str("\"").ok()?;
                rest = behind.get(1..)?;
            }
        } else {
            return Some(after);
        }
    }
}
