//! Parameter substitution.

use mainspring::task::{
    Arguments,
    parameters::{argument, substitute},
};

/// Lines of text: the first is substituted in, the others are the arguments. Another way to do it must agree.
pub fn parameters(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (text, arguments) = text.split_once('\n').unwrap_or((text, ""));
    let arguments = arguments.split('\n').collect::<Vec<_>>();
    let value = |name: &str| argument(name).and_then(|number| arguments.get(number).copied());
    let mut found = String::new();
    substitute(text, value, &mut found).expect("a string takes it");
    let characters = text.chars().collect::<Vec<_>>();
    let (mut expected, mut at) = (String::new(), 0);
    while at < characters.len() {
        let rest = &characters[at..];
        let closed = rest.iter().position(|character| *character == ')').filter(|_| rest.starts_with(&['$', '(']));
        let known = closed.and_then(|end| {
            let name = rest[2..end].iter().collect::<String>();
            let number = name.strip_prefix("Arg").and_then(|digits| digits.parse::<usize>().ok())?;
            let is_plain = format!("Arg{number}") == name && number < 32;
            arguments.get(number).filter(|_| is_plain).map(|value| (value, end + 1))
        });
        at += match known {
            Some((value, length)) => {
                expected += value;
                length
            }
            None => {
                expected.push(rest[0]);
                if rest.starts_with(&['$', '$']) { 2 } else { 1 }
            }
        };
    }
    assert_eq!(found, expected);
    let split = |value: &dyn Fn(&str) -> Option<&'static str>, text: &str| {
        let mut room = vec![0; 16 * text.len() + 16];
        Arguments::split(text, value, &mut room).expect("room for all").iter().map(str::to_owned).collect::<Vec<_>>()
    };
    // A value that parts arguments everywhere else parts none, and stands where any other would.
    let known = |name: &str| argument(name).is_some_and(|number| number < arguments.len());
    let plain = split(&|name| known(name).then_some("\u{E000}"), text);
    let nasty = split(&|name| known(name).then_some("\" \\\""), text);
    if !text.contains('\u{E000}') {
        assert_eq!(plain.into_iter().map(|one| one.replace('\u{E000}', "\" \\\"")).collect::<Vec<_>>(), nasty);
    }
}
