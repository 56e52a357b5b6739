//! Splits an argument string as Windows programs split theirs.

/// The arguments in `text`, by the rules that the C runtime of Windows documents (`CommandLineToArgvW`):
///
/// - blanks and tabs separate arguments, except between quotation marks;
/// - a quotation mark begins or ends a quoted part, which may be empty or in the middle of an argument;
/// - two quotation marks within a quoted part are one literal quotation mark;
/// - backslashes are literal, except before a quotation mark: there two are one, and an odd one makes the mark literal.
///
/// ```
/// use mainspring_linux::children::split_arguments;
/// let arguments: Vec<String> = split_arguments(r#"-c "echo ""hi"" there" C:\dir\ a\"b"#).collect();
/// assert_eq!(arguments, ["-c", r#"echo "hi" there"#, r"C:\dir\", r#"a"b"#]);
/// ```
pub fn split_arguments(text: &str) -> impl Iterator<Item = String> + '_ {
    let mut rest = text.chars().peekable();
    std::iter::from_fn(move || {
        while rest.next_if(|&character| matches!(character, ' ' | '\t')).is_some() {}
        rest.peek()?;
        let mut argument = String::new();
        let mut quoted = false;
        while let Some(character) = rest.next() {
            match character {
                ' ' | '\t' if !quoted => break,
                '\\' => {
                    let mut count = 1;
                    while rest.next_if_eq(&'\\').is_some() {
                        count += 1;
                    }
                    if rest.peek() == Some(&'"') {
                        argument.extend(std::iter::repeat_n('\\', count / 2));
                        if count % 2 == 1 {
                            argument.extend(rest.next());
                        }
                    } else {
                        argument.extend(std::iter::repeat_n('\\', count));
                    }
                }
                '"' if quoted && rest.next_if_eq(&'"').is_some() => argument.push('"'),
                '"' => quoted = !quoted,
                other => argument.push(other),
            }
        }
        Some(argument)
    })
}
