//! What Mainspring costs beside other schedulers, queues and calendars: one run measures all of them, in turns.
//!
//! `tests/peers/run` builds and starts it. Its table goes to standard output, and with `--write` into `FIGURES.md`.

mod allocations;
mod calendars;
#[path = "../../../port-linux/src/clock.rs"]
#[allow(dead_code)]
mod clock;
mod lateness;
mod measure;
mod queues;
#[path = "../../../port-linux/src/readable.rs"]
mod readable;
mod table;

use std::{fmt::Write as _, hint::black_box, process::Command};

use queues::{
    DelayQueueTimers, KeysBeside, KeysInSlots, Lazy, Operation, Ours, Script, Sleeps, Timers, Wheel, delay_queue_wakes,
    sleeps_wakes, wakes,
};
use table::{Row, Table};

#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;

/// Timers of the rows with a million of them, and rounds of which the least counts.
const MILLION: u32 = 1_000_000;
const ROUNDS: usize = 5;
/// Timers where callgrind counts.
const COUNTED: u32 = 100_000;

/// What callgrind counts.
#[inline(never)]
pub fn counted(work: impl FnOnce()) {
    work();
}

/// The queues by name; `$work` is a generic function of one.
macro_rules! queues {
    ($work:ident($($argument:expr),*)) => {
        [
            ("ours", $work::<Ours>($($argument),*)),
            ("radix-256 wheel", $work::<Wheel>($($argument),*)),
            ("indexed heap, keys in slots", $work::<KeysInSlots>($($argument),*)),
            ("indexed heap, keys beside", $work::<KeysBeside>($($argument),*)),
            ("lazy heap", $work::<Lazy>($($argument),*)),
            ("DelayQueue", $work::<DelayQueueTimers>($($argument),*)),
            ("tokio", $work::<Sleeps>($($argument),*)),
        ]
    };
}

fn times<T: Timers>(count: u32) -> [f64; 4] {
    let mut best = [f64::MAX; 4];
    for _ in 0..ROUNDS {
        let mut script = Script::<T>::new(count);
        for (best, operation) in best.iter_mut().zip(Operation::ALL) {
            *best = best.min(measure::each(count as usize, || script.run(operation)));
        }
    }
    best
}

fn allocated<T: Timers>() -> f64 {
    let mut script = Script::<T>::new(COUNTED);
    allocations::each(COUNTED as usize, || Operation::ALL.into_iter().for_each(|operation| script.run(operation)))
}

fn bytes<T: Timers>() -> f64 {
    T::BYTES
}

/// As a child of callgrind: the operations up to this one, of which the last is counted.
fn count<T: Timers>(operation: usize) {
    let mut script = Script::<T>::new(COUNTED);
    for (index, one) in Operation::ALL.into_iter().enumerate().take(operation + 1) {
        if index == operation {
            counted(|| script.run(one));
        } else {
            script.run(one);
        }
    }
    black_box(&script);
}

/// Instructions that a child of this program executes within [`counted`], for each of so many steps.
fn instructions(arguments: &[String], steps: u32) -> Option<f64> {
    let program = std::env::current_exe().ok()?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*counted*"])
        .arg(program)
        .arg("--count")
        .args(arguments)
        .output()
        .ok()?;
    let told = String::from_utf8_lossy(&output.stderr);
    let count: f64 = told.lines().find_map(|line| line.split_once("Collected :"))?.1.trim().parse().ok()?;
    (count > 0.0).then(|| count / f64::from(steps))
}

fn count_as_told(arguments: &[String]) {
    let number = |at: usize| arguments.get(at).and_then(|text| text.parse::<usize>().ok()).unwrap_or(0);
    let of = arguments.first().map(String::as_str).unwrap_or_default();
    if of == "next" {
        calendars::count(number(1), COUNTED as usize);
        return;
    }
    type Work = fn(usize);
    let all: [(&str, Work); 7] = [
        ("ours", count::<Ours>),
        ("radix-256 wheel", count::<Wheel>),
        ("indexed heap, keys in slots", count::<KeysInSlots>),
        ("indexed heap, keys beside", count::<KeysBeside>),
        ("lazy heap", count::<Lazy>),
        ("DelayQueue", count::<DelayQueueTimers>),
        ("tokio", count::<Sleeps>),
    ];
    if let Some((_, work)) = all.iter().find(|(name, _)| *name == of) {
        work(number(1));
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "--count") {
        count_as_told(&arguments[1..]);
        return;
    }
    let only = arguments.iter().position(|argument| argument == "--only").and_then(|at| arguments.get(at + 1));
    let wanted = |section: &str| only.is_none_or(|only| only == section);
    let mut table = Table::default();
    if wanted("calendars") {
        of_calendars(&mut table);
    }
    if wanted("queues") {
        of_queues(&mut table);
    }
    if wanted("instructions") {
        of_instructions(&mut table);
    }
    if wanted("lateness") {
        of_lateness(&mut table);
    }
    let text = table.text();
    print!("{text}");
    if arguments.iter().any(|argument| argument == "--write")
        && let Err(error) = table::write(&text)
    {
        eprintln!("FIGURES.md is not written: {error}");
        std::process::exit(1);
    }
}

fn most(figures: &[Option<f64>]) -> Option<f64> {
    figures.iter().flatten().copied().reduce(f64::max)
}

fn of_calendars(table: &mut Table) {
    let rules = calendars::rules();
    let ours = calendars::ours(&rules);
    let mut peers = vec![calendars::jiff(&rules), calendars::chrono(&rules), calendars::cron(&rules)];
    peers.extend([calendars::croner(&rules), calendars::rrule(&rules)]);
    match calendars::systemd(&rules) {
        Some(figures) => peers.push(figures),
        None => table.remark("`systemd-analyze` is not there: its figures are left out."),
    }
    let row = |what: &str, target: f64, of: &dyn Fn(&calendars::Figures) -> Option<f64>| Row {
        what: what.to_owned(),
        unit: "ns",
        ours: of(&ours),
        target: Some(target),
        peers: peers.iter().filter_map(|peer| Some((peer.name, of(peer)?))).collect(),
    };
    table.row(row("next run, daily", 12.0, &|figures| figures.next.first().copied().flatten()));
    table.row(row("next run, worst rule", 35.0, &|figures| most(&figures.next)));
    table.row(row("next 1,000 runs, daily, each", 10.0, &|figures| figures.runs.first().copied().flatten()));
    table.row(row("next 1,000 runs, every 15 minutes, each", 10.0, &|figures| figures.runs.get(1).copied().flatten()));
    table.row(row("next 1,000 runs, worst other rule, each", 35.0, &|figures| figures.runs.get(2..).and_then(most)));
    table.row(Row {
        unit: "",
        target: Some(0.0),
        ..row("allocations of a next run, worst rule", 0.0, &|figures| figures.allocations)
    });
    let mut each = String::from(
        "Each rule, ours: next run after scattered moments, each of the next 1,000 runs.\n\n| rule | next | runs |\n| --- | --- | --- |\n",
    );
    for (rule, (next, runs)) in rules.iter().zip(ours.next.iter().zip(&ours.runs)) {
        let _ = writeln!(each, "| {} | {:.1} ns | {:.1} ns |", rule.name, next.unwrap_or(0.0), runs.unwrap_or(0.0));
    }
    table.remark(&each);
}

fn of_queues(table: &mut Table) {
    let times = queues!(times(MILLION));
    let names = ["insert", "re-arm", "expire and re-arm", "cancel"];
    for ((at, what), target) in names.iter().enumerate().zip([5.0, 35.0, 70.0, 8.0]) {
        let figures = times.iter().map(|(name, times)| (*name, times[at])).collect();
        table.row(Row::of(format!("1e6 pending: {what}"), "ns", Some(target), figures));
    }
    table.row(Row::of("bytes per timer".to_owned(), "", Some(12.0), queues!(bytes()).to_vec()));
    table.row(Row {
        what: "RAM per task in the engine: slot, index and queue".to_owned(),
        unit: "",
        ours: Some((size_of::<mainspring::engine::TaskSlot>() + 2 * 4) as f64 + Ours::BYTES),
        target: Some(64.0),
        peers: Vec::new(),
    });
    let mut woken: Vec<_> = queues!(wakes()).into_iter().filter_map(|(name, wakes)| Some((name, wakes?))).collect();
    woken.extend([("DelayQueue", delay_queue_wakes()), ("tokio", sleeps_wakes())]);
    table.row(Row::of("wake-ups per firing, 1,000 timers of a day".to_owned(), "", Some(1.05), woken));
    table.row(Row::of("allocations per timer after start".to_owned(), "", Some(0.0), queues!(allocated()).to_vec()));
    let worst = Ours::all_at_once(MILLION, ROUNDS);
    table.row(Row {
        what: "1e6 due at once: the longest tick, of 64 firings".to_owned(),
        unit: "µs",
        ours: Some(worst * 1e6),
        target: None,
        peers: Vec::new(),
    });
}

fn of_instructions(table: &mut Table) {
    if Command::new("valgrind").arg("--version").output().is_err() {
        table.remark("`valgrind` is not there: instructions are not counted.");
        return;
    }
    fn of(name: &str) -> Option<[f64; 4]> {
        let mut all = [0.0; 4];
        for (at, count) in all.iter_mut().enumerate() {
            *count = instructions(&[name.to_owned(), at.to_string()], COUNTED)?;
        }
        Some(all)
    }
    let names = [
        "ours",
        "radix-256 wheel",
        "indexed heap, keys in slots",
        "indexed heap, keys beside",
        "lazy heap",
        "DelayQueue",
        "tokio",
    ];
    let counts: Vec<_> = names.into_iter().filter_map(|name| Some((name, of(name)?))).collect();
    let mean = counts.iter().map(|(name, counts)| (*name, counts.iter().sum::<f64>() / 4.0)).collect();
    table.row(Row::of("instructions per operation at 1e5, mean of the four".to_owned(), "", Some(80.0), mean));
    for (at, what) in ["insert", "re-arm", "expire and re-arm", "cancel"].iter().enumerate() {
        let figures = counts.iter().map(|(name, counts)| (*name, counts[at])).collect();
        table.row(Row::of(format!("… {what}"), "", None, figures));
    }
    for (rule, what) in [(0, "daily"), (6, "29 February")] {
        let ours = instructions(&["next".to_owned(), rule.to_string()], COUNTED);
        table.row(Row {
            what: format!("instructions of a next run, {what}"),
            unit: "",
            ours,
            target: None,
            peers: Vec::new(),
        });
    }
}

fn of_lateness(table: &mut Table) {
    match lateness::measure() {
        Err(error) => table.remark(&format!("Lateness is not measured: {error}.")),
        Ok([host, tokio, bare]) => {
            let row = |what: &str, ours: f64, target: f64, tokio: f64, bare: f64| Row {
                what: format!(
                    "lateness of a firing, {what}, compared with a bare timerfd loop ({:.0} µs)",
                    bare / 1000.0
                ),
                unit: "×",
                ours: Some(ours / bare),
                target: Some(target),
                peers: vec![("tokio", tokio / bare)],
            };
            table.row(row("p50", host.half, 1.05, tokio.half, bare.half));
            table.row(row("p99", host.most, 1.2, tokio.most, bare.most));
        }
    }
}
