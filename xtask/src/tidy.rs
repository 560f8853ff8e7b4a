//! Checks the rules of the house that no compiler knows: layering, homes of third-party
//! families, budgets, names, wiring of tests, generated files, messages, decisions.
//!
//! Each module below knows one kind of rule and reports what it finds; none of them knows
//! how findings are shown or what they cost.

mod artefacts;
mod audit_words;
mod budgets;
mod decisions;
mod homes;
mod house;
mod layers;
mod leaks;
mod leftovers;
mod measure;
mod mentions;
mod messages;
mod modules;
mod names;
mod raise;
mod unused;

use std::fmt;

use crate::failure::{Failure, Outcome};
use crate::place::Place;
use house::House;

/// How much a finding costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// Shown, so that the next change in the neighbourhood takes care of it.
    Warning,
    /// The command fails.
    Failure,
}

/// One broken rule at one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    weight: Weight,
    path: String,
    line: usize,
    text: String,
}

/// What a check has found so far.
#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    /// Notes a broken rule; `line` 0 means the file as a whole.
    fn fail(&mut self, path: &str, line: usize, text: impl Into<String>) {
        self.note(Weight::Failure, path, line, text.into());
    }

    /// Notes something that is allowed but should not grow.
    fn warn(&mut self, path: &str, line: usize, text: impl Into<String>) {
        self.note(Weight::Warning, path, line, text.into());
    }

    fn note(&mut self, weight: Weight, path: &str, line: usize, text: String) {
        self.0.push(Finding { weight, path: path.to_owned(), line, text });
    }

    #[cfg(test)]
    fn texts(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.weight == Weight::Failure { "error" } else { "warning" };
        write!(formatter, "{word}: {}", self.path)?;
        if self.line > 0 {
            write!(formatter, ":{}", self.line)?;
        }
        write!(formatter, ": {}", self.text)
    }
}

/// Looks at the house and notes what it finds.
type Check = fn(&House, &mut Findings);

/// All checks, by the name under which they can be asked for alone.
const CHECKS: [(&str, Check); 13] = [
    ("layers", layers::check),
    ("homes", homes::check),
    ("unused", unused::check),
    ("budgets", budgets::check),
    ("names", names::check),
    ("modules", modules::check),
    ("mentions", mentions::check),
    ("artefacts", artefacts::check),
    ("messages", messages::check),
    ("audit_words", audit_words::check),
    ("leaks", leaks::check),
    ("leftovers", leftovers::check),
    ("decisions", decisions::check),
];

/// `cargo xtask tidy [CHECK…]`.
pub fn run(place: &Place, wanted: &[String]) -> Outcome {
    let house = House::load(place)?;
    let mut findings = Findings::default();
    for (name, check) in CHECKS {
        if wanted.is_empty() || wanted.iter().any(|one| one == name) {
            check(&house, &mut findings);
        }
    }
    findings.0.sort();
    findings.0.dedup();
    for finding in &findings.0 {
        println!("  {finding}");
    }
    let errors = findings.0.iter().filter(|one| one.weight == Weight::Failure).count();
    let warnings = findings.0.len() - errors;
    println!("▸ tidy: {} files, {errors} errors, {warnings} warnings", house.files.len());
    if errors == 0 {
        return Ok(());
    }
    Err(Failure::new(
        format!("{errors} rules of the house are broken"),
        "Mend them; a budget may be raised in the file by `// tidy: lines=700 because …` \
         (keys: lines, function, depth, params).",
    ))
}
