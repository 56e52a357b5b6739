//! What is said of a text that is no XML is what the parser would say, though its own words are not in the firmware.

use roxmltree::Error;
use std::collections::BTreeSet;

use super::image_of;

const BASE: &str = "<?xml version=\"1.0\"?><Task xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\" version='1.2' \
                    xmlns:a=\"urn:b\"><Settings a:b=\"c\"><Priority>7</Priority><!-- c --><![CDATA[x]]><?pi d?></Settings>\
                    <Actions>&amp;&#65;</Actions></Task>";

/// What makes a text malformed, at one place or another.
const BITS: [&str; 33] = [
    "<",
    ">",
    "&",
    "\"",
    "'",
    "=",
    "/",
    "!",
    "\0",
    "\u{1}",
    "\u{FFFE}",
    "]]>",
    "--",
    "<?xml version='1.0'?>",
    "&x;",
    " a='1' a='2'",
    " xmlns:xml='u'",
    " xmlns:x='http://www.w3.org/XML/1998/namespace'",
    " xmlns:y='http://www.w3.org/2000/xmlns/'",
    " xmlns:xmlns='q'",
    " xmlns:a='1' xmlns:a='2'",
    "<q:r/>",
    "<xmlns:r/>",
    "</Nope>",
    "é",
    "&#x;",
    "<![CDATA[",
    "<!--",
    ":",
    "<é\u{301}/>",
    "<1/>",
    "<a b=c/>",
    "<a b='<'/>",
];

/// What is refused before the parser sees it has words of its own.
const EARLIER: [&str; 9] = [
    "a document type is not allowed",
    "a reference to what is no character",
    "nested too deeply",
    "an XML declaration that is none",
    "the prefix xmlns is declared",
    "a prefix that is empty",
    "a prefix of no namespace",
    "a namespace is declared twice",
    "an instruction with a prefix",
];

#[test]
fn what_the_parser_says_is_said() {
    let places = (0..=BASE.len()).filter(|&at| BASE.is_char_boundary(at));
    let with = places.flat_map(|at| BITS.iter().map(move |bit| format!("{}{bit}{}", &BASE[..at], &BASE[at..])));
    let cut = (0..BASE.len()).map(|at| BASE[..at].to_owned());
    let odd = ["", " ", "x", "<a>", "<a/><b/>"].map(str::to_owned);
    let (mut compared, mut kinds) = (0, BTreeSet::new());
    for text in with.chain(cut).chain(odd) {
        let (Err(refused), Err(error)) = (image_of(&text), roxmltree::Document::parse(&text)) else { continue };
        if EARLIER.contains(&refused.value.as_str()) {
            continue;
        }
        // The place has fields of its own, and the words have a bound.
        let said = error.to_string();
        let said = said.rsplit_once(" at ").map_or(said.as_str(), |(words, _)| words);
        let said = &match error {
            // Of a character the parser tells the first byte, which is none.
            Error::InvalidChar(_, byte, at) | Error::InvalidChar2(_, byte, at) if !byte.is_ascii() => {
                let line = text.split('\n').nth(at.row as usize - 1).unwrap();
                let there = line.chars().nth(at.col as usize - 1).unwrap();
                said.replace(&format!("not '{}'", char::from(byte)), &format!("not '{there}'"))
            }
            _ => said.to_owned(),
        };
        assert!(said.starts_with(refused.value.as_str()) && !refused.value.is_empty(), "{:?} of {text}", refused.value);
        assert!(refused.value.as_str() == *said || said.len() > 128, "{:?} is not {said:?} of {text}", refused.value);
        compared += 1;
        kinds.insert(format!("{error:?}").split('(').next().unwrap_or_default().to_owned());
    }
    assert!(compared > 5_000 && kinds.len() >= 20, "{compared} texts, {kinds:?}");
}
