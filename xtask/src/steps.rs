//! Runs named steps one after the other, says how long each took, and counts.

use std::time::{Duration, Instant};

use crate::failure::{Failure, Outcome};

/// What is done after a step has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterFailure {
    /// The later steps are skipped: the quickest answer for a person.
    Stop,
    /// The later steps run all the same: one run tells everything.
    GoOn,
}

#[derive(Debug)]
enum Ending {
    Passed(Duration),
    Failed(Duration, Failure),
    Skipped,
}

/// The steps of a run so far.
#[derive(Debug)]
pub struct Steps {
    after_failure: AfterFailure,
    endings: Vec<(&'static str, Ending)>,
}

impl Steps {
    /// Starts an empty run.
    pub fn new(after_failure: AfterFailure) -> Self {
        Self { after_failure, endings: Vec::new() }
    }

    /// Runs one step, unless an earlier one failed and the run stops at that.
    pub fn step(&mut self, name: &'static str, purpose: &str, work: impl FnOnce() -> Outcome) {
        if self.after_failure == AfterFailure::Stop && self.failed() > 0 {
            self.endings.push((name, Ending::Skipped));
            return;
        }
        println!("\n▸ {name}: {purpose}");
        let start = Instant::now();
        let ending = match work() {
            Ok(()) => Ending::Passed(start.elapsed()),
            Err(failure) => {
                println!("✗ {name}: {failure}");
                Ending::Failed(start.elapsed(), failure)
            }
        };
        self.endings.push((name, ending));
    }

    /// Prints what became of each step and ends with the line that counts them.
    pub fn finish(self) -> Outcome {
        println!();
        for (name, ending) in &self.endings {
            match ending {
                Ending::Passed(took) => println!("✓ {name:<12} {:>7.1} s", took.as_secs_f32()),
                Ending::Failed(took, _) => println!("✗ {name:<12} {:>7.1} s", took.as_secs_f32()),
                Ending::Skipped => println!("– {name:<12} skipped"),
            }
        }
        let failed = self.failed();
        let first = self.endings.iter().find_map(|(name, ending)| match ending {
            Ending::Failed(_, failure) => Some((*name, failure.clone())),
            Ending::Passed(_) | Ending::Skipped => None,
        });
        if let Some((name, failure)) = first {
            println!("\nfirst failure, {name}: {failure}");
        }
        println!("\n{}", self.count());
        // The reason stands above; the counting line has to stay the last one.
        if failed == 0 { Ok(()) } else { Err(Failure::told()) }
    }

    fn failed(&self) -> usize {
        self.endings.iter().filter(|(_, ending)| matches!(ending, Ending::Failed(..))).count()
    }

    fn count(&self) -> String {
        let passed =
            self.endings.iter().filter(|(_, ending)| matches!(ending, Ending::Passed(_))).count();
        let failed = self.failed();
        let skipped = self.endings.len() - passed - failed;
        match skipped {
            0 => format!("{passed} passed, {failed} failed"),
            _ => format!("{passed} passed, {failed} failed, {skipped} skipped"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_stops_the_steps_behind_it() {
        let mut steps = Steps::new(AfterFailure::Stop);
        steps.step("one", "", || Ok(()));
        steps.step("two", "", || Err(Failure::new("broken", "Mend it.")));
        steps.step("three", "", || unreachable!("the run has stopped"));
        assert_eq!(steps.count(), "1 passed, 1 failed, 1 skipped");
    }

    #[test]
    fn a_run_that_goes_on_counts_every_step() {
        let mut steps = Steps::new(AfterFailure::GoOn);
        steps.step("one", "", || Err(Failure::new("broken", "Mend it.")));
        steps.step("two", "", || Ok(()));
        assert_eq!(steps.count(), "1 passed, 1 failed");
    }
}
