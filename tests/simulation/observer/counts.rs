//! What was simulated, in figures.

use mainspring_tests::world::DAY;
use std::collections::BTreeMap;

/// What was simulated.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts {
    /// Milliseconds that tasks were there.
    pub(crate) task_time: i64,
    pub(crate) happenings: u64,
    pub(crate) lives: u64,
    pub(crate) cuts: u64,
    pub(crate) steps: u64,
    pub(crate) runs: u64,
    pub(crate) starts: u64,
    pub(crate) recoveries: u64,
    pub(crate) demanded: u64,
    /// Times that a run was told to stop, or to stop for good.
    pub(crate) stops: u64,
    /// Entries of the ledger that were looked at.
    pub(crate) entries: u64,
    pub(crate) skips: BTreeMap<String, u64>,
    pub(crate) exceptions: BTreeMap<&'static str, u64>,
}

impl Counts {
    /// What is printed of a run.
    pub(crate) fn table(&self, worlds: u64, seed: u64, seconds: f64) -> String {
        let mut text = format!(
            "simulation: {} task-days in {worlds} worlds from seed {seed}, {seconds:.1} s\n\
             simulation: {} happenings, {} lives of a server, {} of them ended by a cut, {} steps of the clock\n\
             simulation: {} runs recorded, {} starts ordered, {} looked for after a restart, {} on demand, {} stops\n\
             simulation: {} entries of the ledger read\n",
            self.task_time / DAY,
            self.happenings,
            self.lives,
            self.cuts,
            self.steps,
            self.runs,
            self.starts,
            self.recoveries,
            self.demanded,
            self.stops,
            self.entries,
        );
        for (reason, count) in &self.skips {
            text += &format!("simulation: skipped, {reason}: {count}\n");
        }
        for (why, count) in &self.exceptions {
            text += &format!("simulation: excepted, {why}: {count}\n");
        }
        text
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.task_time += other.task_time;
        self.happenings += other.happenings;
        self.lives += other.lives;
        self.cuts += other.cuts;
        self.steps += other.steps;
        self.runs += other.runs;
        self.starts += other.starts;
        self.recoveries += other.recoveries;
        self.demanded += other.demanded;
        self.stops += other.stops;
        self.entries += other.entries;
        for (reason, count) in &other.skips {
            *self.skips.entry(reason.clone()).or_default() += count;
        }
        for (why, count) in &other.exceptions {
            *self.exceptions.entry(why).or_default() += count;
        }
    }
}
