//! What a bench prints: where and when it was measured, and a table that fits into `bench/README.md`.

use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::failure::Outcome;
use crate::shell;

/// A table in the making.
#[derive(Debug)]
pub struct Report {
    command: String,
    /// What the machine had to do before: a busy one measures others too.
    load: String,
    rows: Vec<String>,
}

impl Report {
    /// A table for `cargo xtask bench NAME`.
    pub fn new(name: &str) -> Self {
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split(' ').next().unwrap_or_default().to_owned();
        Self { command: format!("cargo xtask bench {name}"), load, rows: Vec::new() }
    }

    /// Something that was measured and has no target.
    pub fn tell(&mut self, what: &str, measured: &str) {
        self.rows.push(format!("| {what} | {measured} | – |"));
    }

    /// Something that was measured, its target, and whether it was reached.
    pub fn judge(&mut self, what: &str, measured: &str, target: &str, is_reached: bool) {
        let mark = if is_reached { "reached" } else { "**missed**" };
        self.rows.push(format!("| {what} | {measured} | {target}: {mark} |"));
    }

    /// Prints where, when and how it was measured, for tables of another shape.
    pub fn print_head(&self) -> Outcome {
        let Self { command, load, .. } = self;
        println!("\n{}, load {load} before; `{command}`\n", machine()?);
        Ok(())
    }

    /// Prints everything.
    pub fn print(&self) -> Outcome {
        self.print_head()?;
        self.print_rows();
        Ok(())
    }

    /// Prints the table alone, below one of another shape.
    pub fn print_rows(&self) {
        println!("| what | measured | target |\n|---|---|---|");
        for row in &self.rows {
            println!("{row}");
        }
    }
}

/// Date, cores, processor and memory.
fn machine() -> Outcome<String> {
    let date = shell::read(Command::new("date").arg("+%Y-%m-%d"))?;
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let field = |file: &str, name: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(name)).map(str::to_owned);
        let value = line.as_deref().and_then(|line| line.split_once(':'));
        value.map_or("unknown".to_owned(), |(_, value)| value.trim().to_owned())
    };
    let memory = field("/proc/meminfo", "MemTotal");
    let memory: u64 = memory.split(' ').next().and_then(|kb| kb.parse().ok()).unwrap_or(0);
    let processor = field("/proc/cpuinfo", "model name");
    Ok(format!("{}, {cores} cores of {processor}, {} GB", date.trim(), memory >> 20))
}

/// Seconds with one digit that matters.
pub fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

/// Milliseconds with one digit.
pub fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

/// The value that so many percent of the measurements do not exceed (nearest rank).
pub fn percentile(measured: &[Duration], percent: usize) -> Duration {
    let mut sorted = measured.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_measured_values() {
        let measured: Vec<Duration> = (1..=200).rev().map(Duration::from_millis).collect();
        let at = |percent| percentile(&measured, percent).as_millis();
        assert_eq!([at(0), at(50), at(95), at(99), at(100)], [1, 100, 190, 198, 200]);
        assert_eq!(percentile(&measured[..1], 95).as_millis(), 200);
        assert_eq!(percentile(&[], 95), Duration::ZERO);
    }
}
