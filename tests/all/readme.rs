//! The README promises what the dispatch tables say, and nothing else.

use std::{fmt::Write, fs, path::Path};

use mainspring::{rpc::interface::Interface, scheduler};

const BEGIN: &str = "<!-- served: begin -->\n";
const END: &str = "<!-- served: end -->";

/// The tables as the README must have them.
fn tables(interfaces: &[&Interface]) -> String {
    let mut text = String::new();
    for interface in interfaces {
        let syntax = interface.syntax;
        let level = interface.minimum;
        write!(text, "\n**{}** {} v{}.{}, ", interface.name, syntax.uuid, syntax.major, syntax.minor).unwrap();
        writeln!(text, "protection level {level:?} or above\n").unwrap();
        writeln!(text, "| opnum | method | |\n| --- | --- | --- |").unwrap();
        for (opnum, method) in interface.methods.iter().enumerate() {
            let served = if method.served { "served" } else { "**not served**" };
            writeln!(text, "| {opnum} | {} | {served} |", method.name).unwrap();
        }
    }
    text + "\n"
}

fn between(readme: &str) -> Option<&str> {
    let begin = readme.find(BEGIN)? + BEGIN.len();
    let end = readme[begin..].find(END)? + begin;
    Some(&readme[begin..end])
}

#[test]
fn readme_says_what_is_served() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let wanted = tables(scheduler::interfaces());
    let found = between(&readme).expect("README.md has the markers of the tables");
    if found != wanted && std::env::var_os("MAINSPRING_WRITE_README").is_some() {
        let (before, after) = (readme.split_once(BEGIN).unwrap().0, readme.split_once(END).unwrap().1);
        fs::write(&path, format!("{before}{BEGIN}{wanted}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(found, wanted, "run this test with MAINSPRING_WRITE_README=1 to write the tables anew");
}

/// The canary: a method that the README leaves out, or calls served when it is not, is seen.
#[test]
fn a_readme_that_promises_more_is_seen() {
    let truth = tables(scheduler::interfaces());
    assert!(truth.contains("**not served**"));
    let lie = truth.replacen("**not served**", "served", 1);
    let readme = format!("{BEGIN}{lie}{END}");
    assert_ne!(between(&readme), Some(truth.as_str()));
}
