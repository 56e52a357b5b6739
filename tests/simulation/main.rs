//! Simulated days of tasks, a million of them, each checked by who sees only what goes into the engine and what comes out.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod found;
mod host;
mod liar;
mod observer;
mod script;
mod shrink;
mod times;
mod zones;

use liar::Liar;
use mainspring_tests::world::DAY;
use observer::Counts;
use script::Script;
use std::collections::BTreeMap;

/// Days of tasks that are simulated; `MAINSPRING_TASK_DAYS` says otherwise.
const TASK_DAYS: u64 = 1_000_000;

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Failures that are told of one run.
const TOLD: usize = 3;

#[test]
fn a_million_days_of_tasks_keep_the_rules() {
    let began = std::time::Instant::now();
    let wanted = number("MAINSPRING_TASK_DAYS", TASK_DAYS);
    let first = number("MAINSPRING_SEED", 0);
    let mut counts = Counts::default();
    let mut reports: Vec<String> = Vec::new();
    let mut failures: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    let mut seed = first;
    while counts.task_time / DAY < wanted as i64 {
        let script = Script::new(seed);
        let (observer, _) = host::simulate(&script, Liar::default());
        counts.add(&observer.counts);
        if let Some(violation) = observer.broken {
            if reports.len() < TOLD {
                reports.push(shrink::report(&script, &violation));
            }
            failures.entry(violation.rule).or_default().push(seed);
        }
        seed += 1;
    }
    let worlds = seed - first;
    println!("{}", counts.table(worlds, first, began.elapsed().as_secs_f64()));
    assert!(failures.is_empty(), "{}\nseeds by the rule that they break: {failures:?}", reports.join("\n"));
}
