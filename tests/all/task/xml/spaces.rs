//! White space between tags is taken out before a tree is built: no place in an error may move by that, and nothing that says
//! something may be lost.

use mainspring::status::Status;

use super::{image_of, task_with};

/// A definition as a console makes them.
const CONSOLE: &str = include_str!("../../../data/task/console.xml");

/// Line and column of an offset, counted the plain way.
fn place(text: &str, at: usize) -> (u32, u32) {
    let before = text[..at].replace("\r\n", "\n").replace('\r', "\n");
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().encode_utf16().count() + 1;
    (line as u32, column as u32)
}

/// Every line end there is.
fn variants() -> [String; 4] {
    [
        CONSOLE.to_owned(),
        CONSOLE.replace('\n', "\r\n"),
        CONSOLE.replace('\n', "\r"),
        CONSOLE.replace("  ", " \t\r\n\n\r ").replace("</Author>", "é𝄞</Author>"),
    ]
}

#[test]
fn an_element_too_many_is_told_where_it_stands() {
    for xml in variants() {
        let mut told = 0;
        for (at, _) in xml.match_indices('<').skip(1) {
            for stray in ["<stray/>", " <stray></stray>\r\n\t", "\r\n\r\n<stray>\r\n</stray>"] {
                let with = format!("{}{stray}{}", &xml[..at], &xml[at..]);
                let error = image_of(&with).unwrap_err();
                let stands = at + stray.find('<').unwrap();
                // Before the root it is a root, and the root is the one too many.
                if stands < with.find("<Task").unwrap() && error.node != "stray" {
                    continue;
                }
                assert_eq!((error.node.as_str(), error.line, error.column), {
                    let (line, column) = place(&with, stands);
                    ("stray", line, column)
                });
                told += 1;
            }
        }
        assert!(told > 200, "{told}");
    }
}

#[test]
fn a_value_that_is_wrong_is_told_where_it_stands() {
    for xml in variants() {
        let mut told = 0;
        for (end, _) in xml.match_indices("</") {
            let start = xml[..end].rfind('>').unwrap() + 1;
            let value = &xml[start..end];
            if !["true", "false", "7"].contains(&value) && !value.starts_with("PT") {
                continue;
            }
            let with = format!("{} \r\n wrong{}", &xml[..start], &xml[end..]);
            let error = image_of(&with).unwrap_err();
            let at = start + with[start..].find("wrong").unwrap();
            assert_eq!((error.status, error.line, error.column), {
                let (line, column) = place(&with, at);
                (Status::SCHED_E_INVALIDVALUE, line, column)
            });
            told += 1;
        }
        assert!(told > 15, "{told}");
    }
}

#[test]
fn what_the_parser_finds_is_told_where_it_stands() {
    for xml in variants() {
        let at = xml.find("<Settings>").unwrap();
        let with = format!("{}<a b=\"1\" b=\"2\"/>{}", &xml[..at], &xml[at..]);
        let error = image_of(&with).unwrap_err();
        assert_eq!(error.status, Status::SCHED_E_MALFORMEDXML);
        assert_eq!((error.line, error.column), place(&with, at + "<a b=\"1\" ".len()), "{error}");
    }
}

#[test]
fn white_space_between_tags_says_nothing() {
    let plain = image_of(&CONSOLE.lines().map(str::trim).collect::<String>().replace("<?xml", "<?xml ")).unwrap();
    for xml in &variants()[..3] {
        assert!(image_of(xml).unwrap() == plain);
    }
}

#[test]
fn white_space_that_says_something_stays() {
    let differ = |a: &str, b: &str| {
        let (a, b) = (image_of(&task_with(a)).unwrap(), image_of(&task_with(b)).unwrap());
        assert!(a != b);
    };
    let described = |text: &str| format!("<RegistrationInfo><Description>{text}</Description></RegistrationInfo>");
    differ(&described("  "), &described(""));
    differ(&described("a<!-- x --> <!-- y -->b"), &described("a<!-- x --><!-- y -->b"));
    differ(&described("<![CDATA[a]]> <![CDATA[b]]>"), &described("<![CDATA[a]]><![CDATA[b]]>"));
    differ("<Data><a> </a> <b/></Data>", "<Data><a> </a><b/></Data>");
    let kept = |inner: &str| format!("<Triggers><WnfStateChangeTrigger>{inner}</WnfStateChangeTrigger></Triggers>");
    differ(&kept("<a>x <b/> <c/></a>"), &kept("<a>x <b/><c/></a>"));
    differ(&kept("<a> </a>"), &kept("<a></a>"));
}
