//! The house rules that a compiler does not know: which room may see which, names, sizes, features.
//!
//! The rules are checked on the sources of the core, and on small planted trees that break each of them: a rule that
//! does not report its own breach is worth nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// What a room may import.
enum Sees {
    /// Every room of these names, and the ground.
    Only(&'static [&'static str]),
    /// Everything below its floor.
    Below,
}
use Sees::{Below, Only};

/// The floors, from the ground up: a room imports from lower floors only, and from its own only what is named here.
const FLOORS: &[&[(&str, Sees)]] = &[
    // Ground: whatever is not circular.
    &[
        ("bytes", Below),
        ("event", Below),
        ("guid", Below),
        ("limits", Below),
        ("ports", Below),
        ("sid", Below),
        ("status", Below),
        ("text", Below),
        ("time", Below),
    ],
    // Wire: strangers.
    &[("ndr", Below), ("pdu", Below), ("security", Below)],
    // Meaning, trust.
    &[("auth", Below), ("query", Only(&[])), ("task", Below)],
    // Keeping, machines, planning.
    &[("recur", Only(&["task"])), ("rpc", Only(&["pdu", "auth"])), ("store", Only(&[]))],
    &[("engine", Only(&["query", "recur", "security", "store", "task"]))],
    // What is kept of accounts, for all services.
    &[("credentials", Only(&["engine", "store", "task"]))],
    // Services: of the transport they see the interface trait alone.
    &[
        ("atsvc", Only(SERVICE)),
        ("epm", Only(SERVICE)),
        ("mgmt", Only(SERVICE)),
        ("sasec", Only(SERVICE)),
        ("tsch", Only(SERVICE)),
    ],
    // The door.
    &[("scheduler", Below)],
    &[("serve", Only(&["rpc::Association", "rpc::Step", "scheduler"]))],
    &[("lib", Below)],
];
const SERVICE: &[&str] = &["credentials", "engine", "ndr", "rpc::interface", "security", "task"];

/// Names that say nothing about what is inside.
const BANNED: &[&str] = &["util", "utils", "common", "helper", "helpers", "manager", "misc"];

/// Most lines of a file.
const LINES: usize = 600;

/// A tree of sources: path below `src`, text.
type Sources = BTreeMap<String, String>;

/// The sources as they are.
fn read(folder: &str) -> Sources {
    fn walk(folder: &Path, below: &str, into: &mut Sources) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{below}{}", path.file_name().unwrap().to_str().unwrap());
            if path.is_dir() {
                walk(&path, &format!("{name}/"), into);
            } else if name.ends_with(".rs") {
                into.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut sources = Sources::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder), "", &mut sources);
    assert!(!sources.is_empty(), "no sources in {folder}");
    sources
}

/// The text without comments and literals, of which each is replaced by one space.
fn code(text: &str) -> String {
    let bytes: Vec<char> = text.chars().collect();
    let at = |i: usize| bytes.get(i).copied().unwrap_or('\0');
    let mut out = String::new();
    let mut i = 0;
    while i < bytes.len() {
        match (at(i), at(i + 1)) {
            ('/', '/') => {
                while i < bytes.len() && at(i) != '\n' {
                    i += 1;
                }
            }
            ('/', '*') => {
                let mut depth = 0;
                while i < bytes.len() {
                    match (at(i), at(i + 1)) {
                        ('/', '*') => (depth, i) = (depth + 1, i + 2),
                        ('*', '/') => (depth, i) = (depth - 1, i + 2),
                        _ => i += 1,
                    }
                    if depth == 0 {
                        break;
                    }
                }
            }
            ('r', '"') | ('r', '#') if !(i > 0 && (at(i - 1).is_alphanumeric() || at(i - 1) == '_')) => {
                let hashes = (i + 1..).take_while(|&k| at(k) == '#').count();
                if at(i + 1 + hashes) == '"' {
                    i += 2 + hashes;
                    while i < bytes.len() && !(at(i) == '"' && (1..=hashes).all(|k| at(i + k) == '#')) {
                        i += 1;
                    }
                    i += 1 + hashes;
                } else {
                    out.push('r');
                    i += 1;
                    continue;
                }
            }
            ('"', _) => {
                i += 1;
                while i < bytes.len() && at(i) != '"' {
                    i += if at(i) == '\\' { 2 } else { 1 };
                }
                i += 1;
            }
            // A character; a lifetime has no quote behind it.
            ('\'', '\\') => {
                i += 3;
                while i < bytes.len() && at(i) != '\'' {
                    i += 1;
                }
                i += 1;
            }
            ('\'', _) if at(i + 2) == '\'' => i += 3,
            (c, _) => {
                out.push(c);
                i += 1;
                continue;
            }
        }
        out.push(' ');
    }
    out
}

/// Words and marks; `::` is one mark.
fn tokens(code: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut word = String::new();
    for c in code.chars() {
        if c.is_alphanumeric() || c == '_' {
            word.push(c);
            continue;
        }
        if !word.is_empty() {
            out.push(std::mem::take(&mut word));
        }
        if c == ':' && out.last().is_some_and(|last| last == ":") {
            out.pop();
            out.push("::".into());
        } else if !c.is_whitespace() {
            out.push(c.into());
        }
    }
    if !word.is_empty() {
        out.push(word);
    }
    out
}

/// Every path that continues at `at`, a `use` group being several; `at` stands behind the first `::`.
fn paths(tokens: &[String], at: &mut usize, before: &[String], into: &mut Vec<Vec<String>>) {
    let word = |i: usize| tokens.get(i).map_or("", String::as_str);
    let mut path = before.to_vec();
    loop {
        if word(*at) == "{" {
            *at += 1;
            while !matches!(word(*at), "}" | "") {
                paths(tokens, at, &path, into);
                while !matches!(word(*at), "," | "}" | "") {
                    *at += 1;
                }
                if word(*at) == "," {
                    *at += 1;
                }
            }
            *at += 1;
            return;
        }
        path.push(word(*at).to_owned());
        *at += 1;
        if word(*at) != "::" {
            break;
        }
        *at += 1;
    }
    into.push(path);
}

/// The paths below `crate` that a file names. `super` counts from the file, so that it cannot hide a room.
fn imports(file: &str, text: &str) -> Vec<Vec<String>> {
    let tokens = tokens(&code(text));
    let mut module: Vec<String> = file.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if matches!(module.last().map(String::as_str), Some("mod" | "lib")) {
        module.pop();
    }
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let is = |k: usize, what: &str| tokens.get(k).is_some_and(|t| t == what);
        let mut base = None;
        if is(at, "crate") && is(at + 1, "::") {
            (base, at) = (Some(Vec::new()), at + 2);
        } else if is(at, "super") && is(at + 1, "::") {
            let mut here = module.clone();
            while is(at, "super") && is(at + 1, "::") {
                here.pop();
                at += 2;
            }
            base = Some(here);
        }
        match base {
            Some(base) => paths(&tokens, &mut at, &base, &mut found),
            None => at += 1,
        }
    }
    found
}

/// The room of a file, or of the first word of a path.
fn room(file: &str) -> &str {
    file.split('/').next().unwrap_or(file).trim_end_matches(".rs")
}

fn floor_of(room: &str) -> Option<(usize, &'static Sees)> {
    FLOORS
        .iter()
        .enumerate()
        .find_map(|(floor, rooms)| rooms.iter().find(|(name, _)| *name == room).map(|(_, sees)| (floor, sees)))
}

fn may_see(from: &str, path: &[String]) -> bool {
    let to = path.first().map_or("", String::as_str);
    let (Some((upper, sees)), Some((lower, _))) = (floor_of(from), floor_of(to)) else { return false };
    if lower == 0 {
        return true;
    }
    let named = |names: &[&str]| {
        names.iter().any(|name| {
            let mut parts = name.split("::");
            parts.by_ref().zip(path).all(|(part, word)| part == word) && parts.next().is_none()
        })
    };
    upper > lower
        && match sees {
            Only(names) => named(names),
            Below => true,
        }
}

/// Breaches of the floors.
fn floors(sources: &Sources) -> Vec<String> {
    let mut breaches = Vec::new();
    let mut rooms: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut files: BTreeMap<(String, String), &str> = BTreeMap::new();
    for (file, text) in sources {
        let from = room(file);
        if floor_of(from).is_none() {
            breaches.push(format!("{file}: no room of this name on any floor"));
            continue;
        }
        for path in imports(file, text) {
            let Some(to) = path.first().map(String::as_str) else { continue };
            if floor_of(to).is_none() {
                // Something that the crate's root defines or exports: only the door may.
                if from != "lib" && !path.is_empty() {
                    breaches.push(format!("{file}: imports crate::{} by no room", path.join("::")));
                }
            } else if to != from {
                rooms.entry(from).or_default().insert(to.to_owned());
                if !may_see(from, &path) {
                    breaches.push(format!("{file}: may not import crate::{}", path.join("::")));
                }
            } else if let Some(other) = file_of(sources, &path)
                && other != *file
            {
                files.insert((file.clone(), other.clone()), from);
                if files.contains_key(&(other.clone(), file.clone())) {
                    breaches.push(format!("{file} and {other} import each other"));
                }
            }
        }
    }
    // Circles, which also the ground floor must not have.
    for &start in rooms.keys() {
        let mut reached: BTreeSet<&str> = BTreeSet::new();
        let mut open: Vec<&str> = rooms[start].iter().map(String::as_str).collect();
        while let Some(next) = open.pop() {
            if next == start {
                breaches.push(format!("{start}: imports itself by way of others"));
                break;
            }
            if reached.insert(next) {
                open.extend(rooms.get(next).into_iter().flatten().map(String::as_str));
            }
        }
    }
    breaches
}

/// The file, other than a `mod.rs`, in which `path` leads.
fn file_of(sources: &Sources, path: &[String]) -> Option<String> {
    (2..=path.len())
        .rev()
        .map(|words| format!("{}.rs", path.get(..words).unwrap_or(path).join("/")))
        .find(|file| sources.contains_key(file))
}

/// Breaches of the rules on names and sizes.
fn names(sources: &Sources) -> Vec<String> {
    let mut breaches = Vec::new();
    for (file, text) in sources {
        for part in file.trim_end_matches(".rs").split('/') {
            if BANNED.iter().any(|banned| part.split('_').any(|word| word == *banned)) {
                breaches.push(format!("{file}: the name {part:?} says nothing"));
            }
        }
        let tokens = tokens(&code(text));
        for pair in tokens.windows(2) {
            if let [keyword, name] = pair
                && keyword == "mod"
                && BANNED.iter().any(|banned| name.split('_').any(|word| word == *banned))
            {
                breaches.push(format!("{file}: the module name {name:?} says nothing"));
            }
        }
        let lines = text.lines().count();
        if lines > LINES {
            breaches.push(format!("{file}: {lines} lines, more than {LINES}"));
        }
    }
    breaches
}

/// Breaches of what the root of the core promises.
fn root(lib: &str) -> Vec<String> {
    let squeezed: String = code(lib).split_whitespace().collect();
    ["#![no_std]", "#![forbid(unsafe_code)]"]
        .iter()
        .filter(|attribute| !squeezed.contains(**attribute))
        .map(|attribute| format!("lib.rs: {attribute} is missing"))
        .collect()
}

/// Breaches in the core's manifest: its features are `xml` and `defmt`, the first one by default.
fn features(manifest: &str) -> Vec<String> {
    let mut breaches = Vec::new();
    let mut section = "";
    let mut seen = Vec::new();
    for line in manifest.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        if line.starts_with('[') {
            section = line;
        } else if let Some((name, value)) = line.split_once('=').filter(|_| section == "[features]") {
            seen.push((name.trim(), value.trim().to_owned()));
        }
    }
    for (name, value) in &seen {
        let good = match *name {
            "default" => value == r#"["xml"]"#,
            other => ["xml", "defmt"].contains(&other),
        };
        if !good {
            breaches.push(format!("Cargo.toml: feature {name} = {value}"));
        }
    }
    if !seen.iter().any(|(name, _)| *name == "xml") {
        breaches.push("Cargo.toml: no feature xml".into());
    }
    breaches
}

fn manifest() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/Cargo.toml")).unwrap()
}

fn tidy(breaches: &[String]) {
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

#[test]
fn imports_go_down() {
    tidy(&floors(&read("core/src")));
}

#[test]
fn names_speak_and_files_are_short() {
    for folder in ["core/src", "port-linux/src", "port-embassy/src"] {
        tidy(&names(&read(folder)));
    }
}

#[test]
fn the_core_is_no_std_safe_and_has_two_features() {
    let sources = read("core/src");
    tidy(&root(&sources["lib.rs"]));
    tidy(&features(&manifest()));
}

#[test]
fn every_room_is_on_the_floor_plan() {
    let plan = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../ARCHITECTURE.md")).unwrap();
    let sources = read("core/src");
    let rooms: BTreeSet<&str> = sources.keys().map(|file| room(file)).filter(|room| *room != "lib").collect();
    let missing: Vec<_> = rooms.into_iter().filter(|room| !plan.contains(room)).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md does not name {missing:?}");
}

/// A tree of the given files, over the core's own root.
fn planted(files: &[(&str, &str)]) -> Sources {
    files.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect()
}

#[track_caller]
fn reports(breaches: &[String], what: &str) {
    assert!(breaches.iter().any(|breach| breach.contains(what)), "{what:?} was not reported, but {breaches:?}");
}

#[test]
fn canary_upward_import_is_reported() {
    for (file, text, what) in [
        ("rpc/mod.rs", "use crate::tsch::register;", "rpc/mod.rs: may not import crate::tsch"),
        ("engine/due.rs", "use crate::{guid::Guid, rpc::Call};", "engine/due.rs: may not import crate::rpc::Call"),
        ("query/mod.rs", "use crate::task::Trigger;", "query/mod.rs: may not import crate::task"),
        ("store/key.rs", "fn f() -> crate::task::Path { todo!() }", "store/key.rs: may not import crate::task"),
        ("pdu/bind.rs", "use crate::ndr::Reader;", "pdu/bind.rs: may not import crate::ndr"),
        ("task/xml.rs", "use super::super::engine::Engine;", "task/xml.rs: may not import crate::engine"),
        ("task/mod.rs", "pub use super::auth as trust;", "task/mod.rs: may not import crate::auth"),
        ("tsch/mod.rs", "use crate::rpc::Association;", "tsch/mod.rs: may not import crate::rpc::Association"),
        ("tsch/mod.rs", "use crate::epm::Map;", "tsch/mod.rs: may not import crate::epm"),
        ("guid.rs", "#[doc = \"'\"] const C: char = '\"'; use crate::engine::Engine; // \"", "guid.rs: may not import"),
        ("guid.rs", "macro_rules! m { () => { $crate::serve::serve() } }", "guid.rs: may not import crate::serve"),
        ("task/a.rs", "use crate::Engine;", "task/a.rs: imports crate::Engine by no room"),
        ("cache.rs", "", "cache.rs: no room of this name"),
    ] {
        reports(&floors(&planted(&[(file, text)])), what);
    }
}

#[test]
fn canary_mutual_import_is_reported() {
    let sources = planted(&[("sid.rs", "use crate::text::Utf16;"), ("text.rs", "use crate::sid::Sid;")]);
    reports(&floors(&sources), "sid: imports itself");
    let sources = planted(&[
        ("sid.rs", "use crate::text::Utf16;"),
        ("text.rs", "use crate::guid::Guid;"),
        ("guid.rs", "use crate::sid::Sid;"),
    ]);
    reports(&floors(&sources), "guid: imports itself");
    let sources =
        planted(&[("task/path.rs", "use super::xml::read;"), ("task/xml.rs", "use crate::task::path::Path;")]);
    reports(&floors(&sources), "task/xml.rs and task/path.rs import each other");
}

#[test]
fn canary_banned_name_and_long_file_are_reported() {
    reports(&names(&planted(&[("task/utils.rs", "")])), "task/utils.rs: the name");
    reports(&names(&planted(&[("xml_helper/mod.rs", "")])), "xml_helper/mod.rs: the name");
    reports(&names(&planted(&[("guid.rs", "mod misc { }")])), "guid.rs: the module name");
    reports(&names(&planted(&[("guid.rs", &"\n".repeat(601))])), "guid.rs: 601 lines");
    assert!(names(&planted(&[("guid.rs", &"\n".repeat(600))])).is_empty());
}

#[test]
fn canary_root_and_features_are_reported() {
    reports(&root("#![no_std]\n// #![forbid(unsafe_code)]"), "forbid(unsafe_code)");
    reports(&root("#![cfg_attr(not(test), no_std)]\n#![forbid(unsafe_code)]"), "no_std");
    let manifest = manifest();
    reports(&features(&manifest.replace("[features]", "[features]\ntasks-64 = []")), "tasks-64");
    reports(&features(&manifest.replace(r#"default = ["xml"]"#, r#"default = ["xml", "defmt"]"#)), "default");
}

#[test]
fn what_is_allowed_is_not_reported() {
    let sources = planted(&[
        ("lib.rs", "#![no_std] pub mod task; pub use task::Path;"),
        ("tsch/mod.rs", "use crate::{engine::Engine, ndr, rpc::interface::{Call, Services}, status::Status};"),
        ("engine/mod.rs", "use crate::{store::Record, task::{self, Path}};\n//! [`crate::tsch`]\n/* crate::serve */"),
        ("store/mod.rs", "const S: &str = \"crate::task\"; const R: &str = r#\"crate::\"rpc\"#;"),
        ("task/xml.rs", "use super::Path; use crate::task::path::Name;"),
        ("task/path.rs", "fn f<'a>(x: &'a str) -> &'a str { x }"),
    ]);
    let breaches = floors(&sources);
    assert!(breaches.is_empty(), "{breaches:?}");
}
