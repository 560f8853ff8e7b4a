//! What was found, and its summary. Knows positions and rules, never content: nothing here can
//! print a word of the text it is about.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::DataClass;
use serde::Serialize;

use crate::kind::Kind;

/// Personal data or a secret at one place of a text.
///
/// Holds offsets, not text, so that it may be logged, counted and stored.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
    /// First byte, on a character border.
    pub start: usize,
    /// Byte after the last, on a character border.
    pub end: usize,
    /// How sure the rule is, above 0 and at most 1.
    pub score: f32,
    /// The rule that found it, e.g. `iban`; together with [`crate::Scanner::version`] it says
    /// exactly why.
    pub rule: Arc<str>,
}

impl Finding {
    /// The found text, out of the text that was scanned.
    #[must_use]
    pub fn of<'t>(&self, text: &'t str) -> &'t str {
        &text[self.start..self.end]
    }
}

/// The summary of a scan: what a caller decides on, and all that an audit needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The class that the text has at least, [`DataClass::Open`] if nothing was found.
    pub class: DataClass,
    /// How often each kind was found.
    pub counts: BTreeMap<Kind, usize>,
}

impl Verdict {
    /// Sums up findings.
    #[must_use]
    pub fn of(findings: &[Finding]) -> Self {
        let mut verdict = Self { class: DataClass::Open, counts: BTreeMap::new() };
        for finding in findings {
            verdict.class = verdict.class.max(finding.kind.class());
            *verdict.counts.entry(finding.kind).or_default() += 1;
        }
        verdict
    }

    /// Adds another part of the same request.
    pub fn join(&mut self, other: &Self) {
        self.class = self.class.max(other.class);
        for (kind, count) in &other.counts {
            *self.counts.entry(*kind).or_default() += count;
        }
    }

    /// Nothing was found.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.counts.is_empty()
    }
}
