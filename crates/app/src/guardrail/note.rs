//! What was found and what was done about it: kinds, rules and numbers, for measurements, the audit
//! log and the header. Knows no content.

use std::{collections::BTreeMap, sync::Arc};

use guard::{AnswerHit, Event, Finding, Measure};

use super::GuardAction;
use crate::measure;

/// Places of one rule that are written down; of the rest only the number.
const PLACES_MAX: usize = 4;

/// Hits of one request and its answer, by kind, rule and action.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct GuardNote {
    hits: BTreeMap<(&'static str, Arc<str>, &'static str), usize>,
    /// Where, in bytes: in an answer from the start of its text, in a request from that of all texts
    /// of the same origin, joined.
    places: BTreeMap<(&'static str, Arc<str>), Vec<usize>>,
    version: String,
}

impl GuardNote {
    pub(super) fn new(version: &str) -> Self {
        Self { hits: BTreeMap::new(), places: BTreeMap::new(), version: version.to_owned() }
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
            self.add_place(kind, event);
            self.add(kind, &event.rule, action, 1);
        }
    }

    /// Hits in an answer.
    pub(crate) fn add_answer(&mut self, hits: &[AnswerHit]) {
        if !hits.is_empty() && self.version.is_empty() {
            super::answers::version().clone_into(&mut self.version);
        }
        for AnswerHit { event, measure } in hits {
            let kind = match event.rule.split('/').next() {
                Some("link") => "link",
                Some("leak") => "leak",
                Some("toxicity") => "toxicity",
                Some("external") => "external",
                Some("external_failure") => "external_failure",
                _ => "code",
            };
            let action = match measure {
                Measure::Off | Measure::Report => "report",
                Measure::Remove => "remove",
                Measure::Stop => "stop",
            };
            self.add_place(kind, event);
            self.add(kind, &event.rule, action, 1);
        }
    }

    /// An answer that does not fit its schema.
    pub(crate) fn add_structure(&mut self, rule: &'static str, action: &'static str) {
        if self.version.is_empty() {
            super::answers::version().clone_into(&mut self.version);
        }
        self.add("schema", &rule.into(), action, 1);
    }

    fn add_place(&mut self, kind: &'static str, event: &Event) {
        let places = self.places.entry((kind, event.rule.clone())).or_default();
        if places.len() < PLACES_MAX {
            places.push(event.start);
        }
    }

    fn add(&mut self, kind: &'static str, rule: &Arc<str>, action: &'static str, count: usize) {
        measure::found(kind, action, count);
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

    /// All of it, for the audit log: `rules 1; iban/iban=1 pseudonymise; link/not-allowed=1 remove @120`.
    pub(crate) fn record(&self) -> Option<String> {
        if self.is_empty() {
            return None;
        }
        let hits = self.hits.iter().map(|((kind, rule, action), count)| {
            // Rules of the other families carry their kind already.
            let places = self.places.get(&(*kind, rule.clone()));
            let places = places.map(|places| {
                let places: Vec<String> = places.iter().map(usize::to_string).collect();
                format!(" @{}", places.join(","))
            });
            let rule = rule.strip_prefix(&format!("{kind}/")).unwrap_or(rule);
            format!("; {kind}/{rule}={count} {action}{}", places.unwrap_or_default())
        });
        Some(format!("rules {}{}", self.version, hits.collect::<String>()))
    }
}
