//! What task XML and images cost, beside a bare parse of the same text: `cargo bench -p mainspring-tests --bench task`.
//!
//! For 2,781 bytes of XML, whose image has 387 bytes; times are the best of seven runs on one core of the machine that the
//! project was built on, which was shared, so that they say little more than the order:
//!
//! | what | time | times a bare parse, in four turns |
//! | --- | --- | --- |
//! | bare parse, roxmltree | 34 µs | 1 |
//! | read from UTF-8 | 68 µs | 1.9 to 2.1 |
//! | read from UTF-16 | 69 µs | 1.9 to 2.2 |
//! | write | 7 µs | 0.2 to 0.5 |
//! | check an image | 0.8 µs | |
//! | look at its triggers and settings | 0.4 µs | |
//!
//! In instructions, which no other load changes, the step `instructions` of `tests/run` (`tests/gates/instructions`) counts the
//! same text and holds it against the bounds: reading costs 1.81 and, from UTF-16, 1.95 bare parses, of 2 at most, and writing
//! 0.42, of 1.
//!
//! While it is read, it takes 16.6 KB of heap on a 64-bit machine whose allocator makes blocks shorter where they are, 6.0
//! bytes for each of the text, nearly all of it the tree; with one that makes another block for that, 24.7 KB, 8.9 for each. At
//! most 20 may be taken, on a machine of 32 bits 10: `tests/gates/memory` holds all that is read against that.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    hint::black_box,
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
    println!("{} bytes of XML, {} bytes of image", TYPICAL.len(), bytes.len());
    let mut bare = None;
    for what in WHAT {
        let cost = microseconds(|| run(what));
        let bare = *bare.get_or_insert(cost);
        println!("{what:26} {cost:10.1} µs, {:.2} times", cost / bare);
    }
    let bare = heap(|| drop(roxmltree::Document::parse(TYPICAL).unwrap()));
    let whole = heap(|| assert!(read_str(TYPICAL, &mut registrant, &mut buffer).is_ok()));
    println!(
        "heap while reading {whole} bytes, of which {bare} a bare tree: {:.1} per byte of {XML_HEAP_PER_BYTE} at most",
        whole as f64 / TYPICAL.len() as f64
    );
}
