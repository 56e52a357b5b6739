//! The table.

use std::{fmt::Write as _, fs, process::Command};

/// One line.
pub struct Row {
    pub what: String,
    pub unit: &'static str,
    pub ours: Option<f64>,
    pub target: Option<f64>,
    pub peers: Vec<(&'static str, f64)>,
}

impl Row {
    /// Of figures by name, of which the first is ours.
    pub fn of(what: String, unit: &'static str, target: Option<f64>, mut figures: Vec<(&'static str, f64)>) -> Self {
        let ours =
            if figures.first().is_some_and(|(name, _)| *name == "ours") { Some(figures.remove(0).1) } else { None };
        Self { what, unit, ours, target, peers: figures }
    }
}

#[derive(Default)]
pub struct Table {
    rows: Vec<Row>,
    remarks: Vec<String>,
}

fn figure(value: f64, unit: &str) -> String {
    let digits = match value.abs() {
        100.0.. => 0,
        10.0.. => 1,
        _ => 2,
    };
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if unit.is_empty() { text.to_owned() } else { format!("{text} {unit}") }
}

impl Table {
    pub fn row(&mut self, row: Row) {
        eprintln!("{}: {}", row.what, row.ours.map_or("-".to_owned(), |ours| figure(ours, row.unit)));
        self.rows.push(row);
    }

    pub fn remark(&mut self, text: &str) {
        self.remarks.push(text.to_owned());
    }

    pub fn text(&self) -> String {
        let mut text = String::from(
            "| what | ours | target | ours to target | peers | ours to the best peer |\n| --- | --- | --- | --- | --- | --- |\n",
        );
        for Row { what, unit, ours, target, peers } in &self.rows {
            let ratio = |to: Option<f64>| match (ours, to) {
                (Some(ours), Some(to)) if to > 0.0 => format!("{:.2}", ours / to),
                _ => String::new(),
            };
            let best = peers.iter().map(|(_, figure)| *figure).reduce(f64::min);
            let peers: Vec<_> = peers.iter().map(|(name, value)| format!("{name} {}", figure(*value, ""))).collect();
            let cell = |value: &Option<f64>| value.map_or(String::new(), |value| figure(value, unit));
            let (ours, met, best) = (cell(ours), ratio(*target), ratio(best));
            let _ = writeln!(text, "| {what} | {ours} | {} | {met} | {} | {best} |", cell(target), peers.join(", "));
        }
        for remark in &self.remarks {
            let _ = write!(text, "\n{}\n", remark.trim_end());
        }
        text
    }
}

fn told(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

/// Puts the table into FIGURES.md, in place of the one that is there.
pub fn write(table: &str) -> std::io::Result<()> {
    const BEGIN: &str = "<!-- measured -->\n";
    const END: &str = "<!-- end -->\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/FIGURES.md");
    let text = fs::read_to_string(path)?;
    let (before, rest) = text.split_once(BEGIN).unwrap_or((&text, ""));
    let after = rest.split_once(END).map_or("", |(_, after)| after);
    let information = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = information.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let model = model.trim_start_matches([' ', '\t', ':']);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    let machine = format!(
        "{model}, {cores} cores, Linux {}, {}, commit {}, {}; load average {load} at the end of the run.\n`tests/peers/run --write`\n",
        told("uname", &["-r"]),
        told("rustc", &["--version"]),
        told("git", &["describe", "--always", "--dirty"]),
        told("date", &["-u", "+%Y-%m-%d"]),
    );
    fs::write(path, format!("{before}{BEGIN}\n{machine}\n{table}\n{END}{after}"))
}
