//! How long the program takes to be ready, and how much memory it holds when nobody asks anything.

use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use super::installation::Installation;
use super::processes;
use super::report::{Report, milliseconds};
use crate::failure::Outcome;
use crate::place::Place;

/// Starts with the same data folder; the first also creates it and is told apart.
const STARTS: usize = 5;
/// How long the program is left alone before its memory is read.
const IDLE: Duration = Duration::from_secs(5);
const READY_TARGET: Duration = Duration::from_secs(1);
const MEMORY_TARGET_MB: u64 = 100;

/// Measures and prints.
pub fn run(place: &Place, program: &Path) -> Outcome {
    let mut installation = Installation::fresh(place, program, "start", "")?;
    let mut report = Report::new("start");
    for number in 1..=STARTS {
        let ready = installation.start()?;
        sleep(IDLE);
        let memory = processes::field_kb(installation.process(), "VmRSS:") / 1024;
        // Asked politely, so that the next start finds what an ordinary stop leaves behind.
        installation.stop()?;
        if number == 1 {
            report.tell("first start, empty folder", &milliseconds(ready));
        } else {
            let what = format!("start {number}, ready");
            report.judge(&what, &milliseconds(ready), "under 1 s", ready < READY_TARGET);
        }
        let (what, held) = (format!("start {number}, resident when idle"), format!("{memory} MB"));
        report.judge(&what, &held, "under 100 MB", memory < MEMORY_TARGET_MB);
    }
    report.print()
}
