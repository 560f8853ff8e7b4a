//! How much memory and time a process and everything it started take, watched from outside.

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How often the process tree is looked at.
const INTERVAL: Duration = Duration::from_millis(50);

/// Watches a process tree until it is dropped or asked for the peak.
#[derive(Debug)]
pub struct Watch {
    process: u32,
    peak_kb: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Begins to watch.
    pub fn begin(process: u32) -> Self {
        let peak_kb = Arc::new(AtomicU64::new(0));
        let ended = Arc::new(AtomicBool::new(false));
        let (peak, end) = (peak_kb.clone(), ended.clone());
        let thread = thread::spawn(move || {
            while !end.load(Ordering::Relaxed) {
                let now = tree(process).into_iter().map(|one| field_kb(one, "VmRSS:")).sum();
                peak.fetch_max(now, Ordering::Relaxed);
                thread::sleep(INTERVAL);
            }
        });
        Self { process, peak_kb, ended, thread: Some(thread) }
    }

    /// The highest sum of resident memory seen so far, in MB; pages that processes share count for
    /// each. The kernel's own high-water mark of the first process is a lower bound.
    pub fn peak_mb(&self) -> u64 {
        let own = field_kb(self.process, "VmHWM:");
        self.peak_kb.load(Ordering::Relaxed).max(own) / 1024
    }

    /// What the tree holds now, in MB.
    pub fn now_mb(&self) -> u64 {
        tree(self.process).into_iter().map(|one| field_kb(one, "VmRSS:")).sum::<u64>() / 1024
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A watcher that panicked has nothing to tell.
            let _ = thread.join();
        }
    }
}

/// A process and all its descendants.
pub fn tree(root: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        if let Some(parent) = parent_in(&stat) {
            children.entry(parent).or_default().push(process);
        }
    }
    let mut found = vec![root];
    let mut next = 0;
    while let Some(process) = found.get(next) {
        found.extend(children.remove(process).unwrap_or_default());
        next += 1;
    }
    found
}

/// Processor time of a process and of all children that have ended, so far.
pub fn processor_time(process: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The kernel tells user and system time, own and children's, in hundredths of a second.
    Duration::from_millis(ticks_in(&stat) * 10)
}

fn ticks_in(stat: &str) -> u64 {
    let behind_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let times = behind_name.split_whitespace().skip(11).take(4);
    times.filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
}

/// The parent in a line of `/proc/PID/stat`; the name before it may hold anything, brackets too.
fn parent_in(stat: &str) -> Option<u32> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    behind_name.split_whitespace().nth(1)?.parse().ok()
}

/// A figure of `/proc/PID/status`; zero if the process is gone.
pub fn field_kb(process: u32, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_stands_behind_a_name_that_holds_anything() {
        assert_eq!(parent_in("12 (a (b) c) S 7 12 12 0"), Some(7));
        assert_eq!(parent_in(""), None);
    }

    #[test]
    fn processor_time_is_the_sum_of_four_fields() {
        let stat = "12 (a) S 7 12 12 0 -1 4194560 1 2 3 4 100 20 30 4 20 0 1 0 5";
        assert_eq!(ticks_in(stat), 154);
        assert_eq!(ticks_in(""), 0);
    }

    #[test]
    fn a_watch_sees_this_process_and_its_children() {
        let mut child = std::process::Command::new("sleep").arg("20").spawn().unwrap();
        let me = std::process::id();
        let seen = tree(me);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(seen.contains(&me) && seen.contains(&child.id()));
        let watch = Watch::begin(me);
        assert!(watch.peak_mb() > 0 && watch.now_mb() > 0);
    }
}
