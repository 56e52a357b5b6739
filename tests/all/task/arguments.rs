//! Arguments: they are split as Windows programs split theirs, and values make no others.

use mainspring::task::{Arguments, parameters::argument};
use mainspring_tests::chance::Chance;

/// The arguments of `text` with these values for `Arg0` and so on.
fn split(text: &str, values: &[&str]) -> Vec<String> {
    let mut room = vec![0; 8192];
    let value = |name: &str| match name {
        "a name" => Some("VALUE"),
        _ => argument(name).and_then(|number| values.get(number).copied()),
    };
    Arguments::split(text, value, &mut room).unwrap().iter().map(str::to_owned).collect()
}

#[test]
fn arguments_are_split_as_on_windows() {
    let cases: [(&str, &[&str]); 12] = [
        ("", &[]),
        ("  \t ", &[]),
        ("a b\tc", &["a", "b", "c"]),
        (r#""a b" c"#, &["a b", "c"]),
        (r#"a"b c"d"#, &["ab cd"]),
        (r#""" x"#, &["", "x"]),
        (r#""a""b""#, &["a\"b"]),
        (r#"a\\b"#, &[r"a\\b"]),
        (r#""a\\" b"#, &[r"a\", "b"]),
        (r#"a\\\"b c"#, &[r#"a\"b"#, "c"]),
        (r#""C:\Program Files\x\\" /s"#, &[r"C:\Program Files\x\", "/s"]),
        (r#""open to the end  "#, &["open to the end  "]),
    ];
    for (text, expected) in cases {
        assert_eq!(split(text, &[]), expected, "{text:?}");
    }
}

#[test]
fn a_value_is_a_part_of_the_argument_that_its_parameter_is_in() {
    let nasty = r#" a" "b\ "#;
    let cases: [(&str, &[&str]); 10] = [
        ("$(Arg0)", &[nasty]),
        ("x $(Arg0) y", &["x", nasty, "y"]),
        (r#""$(Arg0)" y"#, &[nasty, "y"]),
        (r#"x"$(Arg0)"y"#, &[r#"x a" "b\ y"#]),
        ("$(Arg1)", &[""]),
        ("$(Arg1)$(Arg1) $(Arg1)", &["", ""]),
        (r"\$(Arg2)\ z", &[r#"\"\"#, "z"]),
        (r#""\$(Arg2)\\" z"#, &[r#"\"\"#, "z"]),
        ("$(Arg3) $(Arg4)", &["$(Arg0)", "$(Arg4)"]),
        (r#"$$ $$(Arg0) $(a name) $(no name) "$("#, &["$", "$(Arg0)", "VALUE", "$(no", "name)", "$("]),
    ];
    for (text, expected) in cases {
        assert_eq!(split(text, &[nasty, "", "\"", "$(Arg0)"]), expected, "{text:?}");
    }
}

/// Whatever the values are, there are as many arguments as without them, and each is what it was with the values in it.
#[test]
fn values_never_make_another_argument() {
    let pieces =
        ["$(Arg0)", "$(Arg1)", "$(Arg2)", " ", "\t", "\"", "\\", "\\\\", "a", "ä", "$", "$$", "(", ")", "$(Arg9)"];
    let of_values = [" ", "\t", "\"", "\\", "$(Arg1)", "$", "a", "'", "\n", "ü", "\0"];
    let mut chance = Chance::new(6);
    let mut text_of = |pieces: &[&str], most: usize| -> String {
        let count = usize::try_from(chance.draw()).unwrap() % (most + 1);
        (0..count).map(|_| pieces[usize::try_from(chance.draw()).unwrap() % pieces.len()]).collect()
    };
    let stands = ["\u{E000}", "\u{E001}", "\u{E002}"];
    for _ in 0..20_000 {
        let text = text_of(&pieces, 12);
        let values = [0; 3].map(|_| text_of(&of_values, 4));
        let values = values.each_ref().map(String::as_str);
        let put_in = |argument: String| {
            argument
                .chars()
                .map(|one| {
                    let at = stands.iter().position(|stand| stand.starts_with(one));
                    at.map_or_else(|| one.to_string(), |at| values[at].to_owned())
                })
                .collect::<String>()
        };
        let expected = split(&text, &stands).into_iter().map(put_in).collect::<Vec<_>>();
        assert_eq!(split(&text, &values), expected, "{text:?} {values:?}");
    }
}

#[test]
fn what_does_not_fit_is_not_written() {
    let text = r#"ab "c d" "" \\"e"#;
    let whole = split(text, &[]);
    assert_eq!(whole, ["ab", "c d", "", "\\e"]);
    let length = whole.iter().map(|argument| 4 + argument.len()).sum::<usize>();
    for short in 0..length {
        assert_eq!(Arguments::split(text, |_| None, &mut vec![0; short]), None, "{short} bytes");
    }
    assert!(Arguments::split(text, |_| None, &mut vec![0; length]).is_some());
}
