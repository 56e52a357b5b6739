//! What task XML and images cost, beside a bare parse of the same text: `cargo bench -p mainspring-tests --bench task`, and in
//! instructions, which no other load changes, `cargo bench -p mainspring-tests --bench task -- --instructions` (with valgrind).
//!
//! For 2,781 bytes of XML, whose image has 387 bytes; times are the best of seven runs on one core of the machine that the
//! project was built on, which was shared, so that they say little more than the order:
//!
//! | what | instructions | times a bare parse | time | times a bare parse, in four turns |
//! | --- | --- | --- | --- | --- |
//! | bare parse, roxmltree | 156,785 | 1 | 34 µs | 1 |
//! | read from UTF-8 | 276,257 | 1.76 | 68 µs | 1.9 to 2.1 |
//! | read from UTF-16 | 304,646, of it 28,400 to decode | 1.94 | 69 µs | 1.9 to 2.2 |
//! | write | 65,583 | 0.42 | 7 µs | 0.2 to 0.5 |
//! | check an image | 8,564 | 0.05 | 0.8 µs | |
//! | look at its triggers and settings | 5,045 | 0.03 | 0.4 µs | |
//!
//! The step `instructions` of `tests/run` (`tests/gates/instructions`) holds the same text against the bounds, with little beside
//! it in the program: there reading costs 1.81 and 1.99 bare parses, of 2 at most, and writing 0.42, of 1.
//!
//! While it is read, it takes 16.6 KB of heap on a 64-bit machine whose allocator makes blocks shorter where they are, 6.0
//! bytes for each of the text, nearly all of it the tree; with one that makes another block for that, 24.7 KB, 8.9 for each. At
//! most 20 may be taken, on a machine of 32 bits 10: `tests/gates/memory` holds all that is read against that.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    hint::black_box,
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use mainspring::{
    limits::XML_HEAP_PER_BYTE,
    sid::Sid,
    task::{
        Image, Path,
        xml::{Registrant, read, read_str, write},
    },
    text::Utf16,
};

/// Counts the bytes of the heap that are in use, and the most that ever were.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: it hands everything to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(now, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // A block that becomes shorter stays where it is; beside one that becomes longer there may be both for a while.
        let now = NOW.fetch_add(size, Ordering::Relaxed) + size;
        if size > layout.size() {
            PEAK.fetch_max(now, Ordering::Relaxed);
        }
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static HEAP: Counting = Counting;

/// A task as the administrative console makes them, with two triggers: 3 KB.
const TYPICAL: &str = include_str!("../data/task/console.xml");

/// Microseconds of one `run`: the best of seven times a thousand.
fn microseconds(mut run: impl FnMut()) -> f64 {
    let best = (0..7).map(|_| {
        let start = Instant::now();
        (0..1000).for_each(|_| run());
        start.elapsed()
    });
    best.min().unwrap().as_secs_f64() * 1e3
}

/// Instructions of one run of `what`: the difference that a hundred more runs make to callgrind, so that what comes before
/// does not count.
fn instructions(what: &str) -> f64 {
    let counted = |times: u32| {
        let program = std::env::current_exe().unwrap();
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program);
        let ran = valgrind.args(["--only", what, &times.to_string()]).output().expect("valgrind is installed");
        let said = String::from_utf8(ran.stderr).unwrap();
        let count =
            said.lines().find_map(|line| line.split_once("Collected : ")).map(|(_, count)| count.trim().parse());
        count.unwrap_or_else(|| panic!("{said}")).unwrap()
    };
    let (few, many): (f64, f64) = (counted(10), counted(110));
    (many - few) / 100.0
}

/// The most heap that `run` has in use at once, beyond what is in use before.
fn heap(run: impl FnOnce()) -> usize {
    let before = NOW.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    run();
    assert_eq!(NOW.load(Ordering::Relaxed), before, "all of it is given back");
    PEAK.load(Ordering::Relaxed) - before
}

/// What is measured, in the order of the tables.
const WHAT: [&str; 6] =
    ["bare parse", "read from UTF-8", "read from UTF-16", "write", "check an image", "look at triggers, settings"];

fn main() {
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
    let mut run = |what: &str| match what {
        "bare parse" => drop(black_box(roxmltree::Document::parse(black_box(TYPICAL)).unwrap())),
        "read from UTF-8" => {
            black_box(read_str(black_box(TYPICAL), &mut registrant, &mut buffer).is_ok());
        }
        "read from UTF-16" => {
            black_box(read(Utf16::little(black_box(&wire)), &mut registrant, &mut buffer).is_ok());
        }
        "write" => {
            text.clear();
            write(black_box(&image), &path, true, None, &mut text).unwrap();
        }
        "check an image" => {
            black_box(Image::parse(black_box(&bytes)).is_ok());
        }
        "look at triggers, settings" => {
            black_box((black_box(&image).triggers().count(), image.settings()));
        }
        _ => panic!("nothing is called {what}"),
    };
    // What `instructions` starts under valgrind.
    let mut arguments = std::env::args().skip_while(|argument| argument != "--only").skip(1);
    if let Some((what, times)) = arguments.next().zip(arguments.next()) {
        (0..times.parse().unwrap()).for_each(|_| run(&what));
        return;
    }
    let counts_instructions = std::env::args().any(|argument| argument == "--instructions");
    println!("{} bytes of XML, {} bytes of image", TYPICAL.len(), bytes.len());
    let mut bare = None;
    for what in WHAT {
        let (cost, unit) = if counts_instructions {
            (instructions(what), "instructions")
        } else {
            (microseconds(|| run(what)), "µs")
        };
        let bare = *bare.get_or_insert(cost);
        println!("{what:26} {cost:10.1} {unit}, {:.2} times", cost / bare);
    }
    let bare = heap(|| drop(roxmltree::Document::parse(TYPICAL).unwrap()));
    let whole = heap(|| assert!(read_str(TYPICAL, &mut registrant, &mut buffer).is_ok()));
    println!(
        "heap while reading {whole} bytes, of which {bare} a bare tree: {:.1} per byte of {XML_HEAP_PER_BYTE} at most",
        whole as f64 / TYPICAL.len() as f64
    );
}
