//! Reading a task XML may cost twice what a bare parse of it costs, and writing it as much; and the three ways in which a login
//! is refused cost the same: counted by valgrind in instructions, which no other load changes. Canaries cost more, and must be
//! refused.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod refusals;

use std::{
    hint::black_box,
    process::{Command, ExitCode},
};

use mainspring::{
    sid::Sid,
    task::{
        Image, Path,
        xml::{Registrant, read, read_str, write},
    },
    text::Utf16,
};

/// A task as the administrative console makes them: 3 KB.
const TYPICAL: &str = include_str!("../../../data/task/console.xml");

/// What is compared with.
const BARE: &str = "a bare parse";
/// What costs something, and how many bare parses it may cost.
const BOUNDS: [(&str, f64); 3] = [("reading UTF-8", 2.0), ("reading UTF-16", 2.0), ("writing", 1.0)];
/// What costs more than it may.
const CANARIES: [(&str, f64); 2] = [("reading twice", 2.0), ("writing three times", 1.0)];

/// How often a definition is read or written to see what that costs.
const PARSES: u32 = 100;
/// How often a login is refused: it costs little beside the hashing of names before, which differs from run to run.
const LOGINS: u32 = 1000;
/// How much more than the cheapest a refused login may cost, as a part of it.
const UNLIKE: f64 = 0.02;

/// Does so many times what is called so.
fn run(what: &str, times: usize) {
    if refusals::run(what, times) {
        return;
    }
    let mut resolve = Sid::parse;
    let mut registrant = Registrant {
        resolve: &mut resolve,
        default_user: Sid::LOCAL_SYSTEM,
        override_user: None,
        override_group: None,
        override_logon: None,
    };
    let wire = TYPICAL.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    let mut buffer = vec![0; 4096];
    let bytes = read_str(TYPICAL, &mut registrant, &mut buffer).unwrap().bytes().to_vec();
    let image = Image::parse(&bytes).unwrap();
    let path = Path::parse("\\Example\\Archive reports").unwrap();
    let mut text = String::with_capacity(8192);
    let mut write = || {
        text.clear();
        write(black_box(&image), &path, true, None, &mut text).unwrap();
    };
    let mut read_utf8 = || black_box(read_str(black_box(TYPICAL), &mut registrant, &mut buffer).is_ok());
    for _ in 0..times {
        match what {
            BARE => drop(black_box(roxmltree::Document::parse(black_box(TYPICAL)).unwrap())),
            "reading UTF-8" => assert!(read_utf8()),
            "reading twice" => assert!(read_utf8() && read_utf8()),
            "writing" => write(),
            "writing three times" => (0..3).for_each(|_| write()),
            _ => break,
        }
    }
    if what == "reading UTF-16" {
        (0..times).for_each(|_| assert!(read(Utf16::little(black_box(&wire)), &mut registrant, &mut buffer).is_ok()));
    }
}

/// Instructions of one run of what is called so: the difference that so many more make, so that what comes before does not
/// count.
fn instructions(what: &str, more: u32) -> f64 {
    let counted = |times: u32| -> f64 {
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(std::env::current_exe().unwrap());
        let ran = valgrind.args([what, &times.to_string()]).output().expect("valgrind is installed");
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(ran.status.success(), "{said}");
        let count = said.lines().find_map(|line| line.split_once("Collected : "));
        count.unwrap_or_else(|| panic!("{said}")).1.trim().parse().unwrap()
    };
    let (few, many) = (counted(10), counted(10 + more));
    (many - few) / f64::from(more)
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    if let Some((what, times)) = arguments.next().zip(arguments.next()) {
        run(&what, times.parse().unwrap());
        return ExitCode::SUCCESS;
    }
    let bare = instructions(BARE, PARSES);
    let mut is_right = true;
    let mut tell = |what: &str, is_as_demanded: bool| {
        println!("{} - {what}", if is_as_demanded { "ok" } else { "not ok" });
        is_right &= is_as_demanded;
    };
    for (what, most) in BOUNDS {
        let cost = instructions(what, PARSES) / bare;
        // What costs nothing was not done.
        tell(&format!("{what} costs {cost:.2} bare parses, of at most {most:.2}"), cost > 0.1 && cost <= most);
    }
    for (what, most) in CANARIES {
        let cost = instructions(what, PARSES) / bare;
        tell(&format!("canary: {what} costs {cost:.2} bare parses, which is refused"), cost > most);
    }
    let costs = refusals::REFUSED.map(|(what, ..)| (what, instructions(what, LOGINS)));
    let least = costs.iter().map(|(_, cost)| *cost).fold(f64::INFINITY, f64::min);
    for (what, cost) in costs {
        let more = cost / least - 1.0;
        let told = format!("refusing {what} takes {cost:.0} instructions, {:.2} % more than the least", more * 100.0);
        tell(&told, least > 1000.0 && more <= UNLIKE);
    }
    let more = instructions(refusals::CANARY, LOGINS) / least - 1.0;
    tell(&format!("canary: {:.2} % more for {} is refused", more * 100.0, refusals::CANARY), more > UNLIKE);
    if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
