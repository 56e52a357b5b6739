//! What task XML and images cost, beside a bare parse of the same text: `cargo bench -p mainspring-tests --bench task`.
//!
//! Best of seven runs on one core of the machine that the project was built on (shared, so these are upper bounds, and the ratio
//! of reading was 2.1 to 3.0 in four turns), for 2,781 bytes of XML, whose image has 387 bytes:
//!
//! | what | time | times a bare parse |
//! | --- | --- | --- |
//! | bare parse, roxmltree | 25.5 µs | 1 |
//! | read from UTF-8 | 52.7 µs | 2.1 |
//! | read from UTF-16 | 60.0 µs | 2.4 |
//! | write | 11.9 µs | 0.5 |
//! | check an image | 1.6 µs | |
//! | look at its triggers and settings | 0.8 µs | |
//!
//! While it is read, it takes 25 KB of heap on a 64-bit machine, 8.9 bytes for each of the text, nearly all of it the tree.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    hint::black_box,
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use mainspring::{
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

    let parse = microseconds(|| drop(black_box(roxmltree::Document::parse(black_box(TYPICAL)).unwrap())));
    let read_utf8 = microseconds(|| {
        black_box(read_str(black_box(TYPICAL), &mut registrant, &mut buffer).is_ok());
    });
    let read_wire = microseconds(|| {
        black_box(read(Utf16::little(black_box(&wire)), &mut registrant, &mut buffer).is_ok());
    });
    let written = microseconds(|| {
        text.clear();
        write(black_box(&image), &path, true, None, &mut text).unwrap();
    });
    let checked = microseconds(|| {
        black_box(Image::parse(black_box(&bytes)).is_ok());
    });
    let looked = microseconds(|| {
        black_box((black_box(&image).triggers().count(), image.settings()));
    });
    println!("{} bytes of XML, {} bytes of image", TYPICAL.len(), bytes.len());
    println!("bare parse                 {parse:6.2} µs");
    println!("read from UTF-8            {read_utf8:6.2} µs, {:.2} times", read_utf8 / parse);
    println!("read from UTF-16           {read_wire:6.2} µs, {:.2} times", read_wire / parse);
    println!("write                      {written:6.2} µs, {:.2} times", written / parse);
    println!("check an image             {checked:6.2} µs");
    println!("look at triggers, settings {looked:6.2} µs");
    let bare = heap(|| drop(roxmltree::Document::parse(TYPICAL).unwrap()));
    let whole = heap(|| assert!(read_str(TYPICAL, &mut registrant, &mut buffer).is_ok()));
    println!(
        "heap while reading {whole} bytes, of which {bare} the tree: {:.1} per byte",
        whole as f64 / TYPICAL.len() as f64
    );
}
