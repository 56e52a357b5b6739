//! [MS-TSCH] 2.5.9.

use mainspring::task::parameters::{argument, substitute};

fn substituted(text: &str, arguments: &[&str]) -> String {
    let mut out = String::new();
    let value = |name: &str| match name {
        "event" => Some("EVENT"),
        _ => argument(name).and_then(|number| arguments.get(number).copied()),
    };
    substitute(text, value, &mut out).unwrap();
    out
}

#[test]
fn names_with_a_value_are_replaced() {
    assert_eq!(substituted("$(Arg0)$(Arg1);$(event)", &["a", "b"]), "ab;EVENT");
    assert_eq!(substituted("-x $(Arg0) -y", &[""]), "-x  -y");
    let many = (0..32).map(|number| number.to_string()).collect::<Vec<_>>();
    let many = many.iter().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(substituted("$(Arg31)", &many), "31");
}

#[test]
fn names_without_one_are_left() {
    for text in [
        "$(Arg1)",
        "$(Arg32)",
        "$(Arg00)",
        "$(Arg+0)",
        "$(Arg01)",
        "$(arg0)",
        "$(Arg)",
        "$()",
        "$(Arg0",
        "$(",
        "$",
        "a$",
        "$x",
        "$( Arg0)",
        "$(@%systemroot%\\system32\\wosc.dll,-602)",
        "(Arg0)",
        "$(Arg99999999999999999999)",
    ] {
        assert_eq!(substituted(text, &["a"]), text);
    }
}

#[test]
fn a_dollar_is_written_twice() {
    assert_eq!(substituted("$$text", &[]), "$text");
    assert_eq!(substituted("$$(Arg0)", &["a"]), "$(Arg0)");
    assert_eq!(substituted("$$$(Arg0)", &["a"]), "$a");
    assert_eq!(substituted("$$$", &[]), "$$");
}

#[test]
fn what_is_put_in_is_not_looked_through() {
    assert_eq!(substituted("$(Arg0)(Arg1)", &["$", "b"]), "$(Arg1)");
    assert_eq!(substituted("$(Arg0)", &["$(Arg1)$$", "b"]), "$(Arg1)$$");
}

#[test]
fn a_nested_name_is_looked_up_inside() {
    assert_eq!(substituted("$(x$(Arg0))", &["a"]), "$(xa)");
}
