//! What was found and what was done about it: kinds, rules and numbers, for measurements, the audit
//! log and the header. Knows no content and no positions.

use std::{collections::BTreeMap, sync::Arc};

use guard::{Event, Finding};

use super::GuardAction;

/// Hits of one request, by kind, rule and action.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct GuardNote {
    hits: BTreeMap<(&'static str, Arc<str>, &'static str), usize>,
    version: String,
}

impl GuardNote {
    pub(super) fn new(version: &str) -> Self {
        Self { hits: BTreeMap::new(), version: version.to_owned() }
    }

    /// Finds of personal data or secrets, and what is done about each.
    pub(super) fn add_findings(
        &mut self,
        findings: &[Finding],
        action: impl Fn(guard::Kind) -> GuardAction,
    ) {
        for finding in findings {
            let action = action(finding.kind).code();
            self.add(finding.kind.code(), &finding.rule, action, 1);
        }
    }

    /// Hits of a check that is not about personal data.
    pub(super) fn add_events(
        &mut self,
        kind: &'static str,
        events: &[Event],
        action: &'static str,
    ) {
        for event in events {
            self.add(kind, &event.rule, action, 1);
        }
    }

    fn add(&mut self, kind: &'static str, rule: &Arc<str>, action: &'static str, count: usize) {
        metrics::counter!("fachwerk_guard_findings_total", "kind" => kind, "action" => action)
            .increment(count as u64);
        *self.hits.entry((kind, rule.clone(), action)).or_default() += count;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.hits.is_empty()
    }

    /// Kinds and counts, as the header shows them: `iban=1;name=2`.
    pub(crate) fn header(&self) -> Option<String> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for ((kind, ..), count) in &self.hits {
            *counts.entry(kind).or_default() += count;
        }
        let shown = counts.iter().map(|(kind, count)| format!("{kind}={count}"));
        Some(shown.collect::<Vec<_>>().join(";")).filter(|shown| !shown.is_empty())
    }

    /// All of it, for the audit log: `rules 1; iban/iban=1 pseudonymise; name/title=2 report`.
    pub(crate) fn record(&self) -> Option<String> {
        if self.is_empty() {
            return None;
        }
        let hits = self.hits.iter().map(|((kind, rule, action), count)| {
            // Rules of the other families carry their kind already.
            let rule = rule.strip_prefix(&format!("{kind}/")).unwrap_or(rule);
            format!("; {kind}/{rule}={count} {action}")
        });
        Some(format!("rules {}{}", self.version, hits.collect::<String>()))
    }
}
