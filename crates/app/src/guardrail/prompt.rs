//! The texts of a request as one text with known borders, so that what is named in one message is
//! recognised in the next; and the same texts with finds replaced. Knows no policy.

use std::{collections::BTreeMap, ops::Range};

use guard::{Finding, Kind, Policy, Pseudonyms, Scanner};
use llm::{ChatRequest, Origin};

use super::GuardAction;

/// Between two texts. A find that reaches over it is cut in two.
const BORDER: &str = "\n\n";

/// All texts of a request.
#[derive(Debug, Default)]
pub(super) struct Prompt {
    pub(super) joined: String,
    parts: Vec<(Origin, Range<usize>)>,
}

impl Prompt {
    pub(super) fn read(request: &mut ChatRequest) -> Self {
        let mut prompt = Self::default();
        request.rewrite_texts(&mut |found| {
            if !found.label.is_empty() {
                prompt.joined.push_str(found.label);
                prompt.joined.push_str(": ");
            }
            let start = prompt.joined.len();
            prompt.joined.push_str(found.text);
            prompt.parts.push((found.origin, start..prompt.joined.len()));
            prompt.joined.push_str(BORDER);
            None
        });
        prompt
    }

    /// Texts of one person.
    pub(super) fn of_texts<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        let mut prompt = Self::default();
        for text in texts {
            let start = prompt.joined.len();
            prompt.joined.push_str(text);
            prompt.parts.push((Origin::Person, start..prompt.joined.len()));
            prompt.joined.push_str(BORDER);
        }
        prompt
    }

    /// All texts, each with its place in the joined text.
    pub(super) fn texts(&self) -> impl Iterator<Item = (Range<usize>, &str)> {
        self.parts.iter().map(|(_, range)| (range.clone(), &self.joined[range.clone()]))
    }

    /// Whether a find has to do with one of the texts, not only with a label before one.
    pub(super) fn is_in_text(&self, finding: &Finding) -> bool {
        let next = self.parts.partition_point(|(_, range)| range.end <= finding.start);
        self.parts.get(next).is_some_and(|(_, range)| range.start < finding.end)
    }

    /// The texts of some origins, joined.
    pub(super) fn of(&self, wanted: impl Fn(Origin) -> bool) -> String {
        let mut text = String::new();
        for (_, range) in self.parts.iter().filter(|(origin, _)| wanted(*origin)) {
            text.push_str(&self.joined[range.clone()]);
            text.push_str(BORDER);
        }
        text
    }

    /// Replaces finds of the kinds that `actions` names. Gives the new texts, `None` for
    /// those without a find, in the order in which they were read.
    pub(super) fn hide(
        &self,
        scanner: &Scanner,
        actions: &BTreeMap<Kind, GuardAction>,
    ) -> (Vec<Option<String>>, Pseudonyms) {
        let mut pseudonyms = Pseudonyms::new();
        let kinds = actions.keys().copied().collect();
        // Other kinds must not own a place at which one of these was found.
        let scanner = scanner.with_policy(&Policy { kinds, ..Policy::default() });
        let findings = scanner.scan(&self.joined);
        let is_put_back =
            |one: &Finding| actions.get(&one.kind) == Some(&GuardAction::Pseudonymise);
        let restores = findings.iter().any(is_put_back);
        let mut next = findings.as_slice();
        let texts = self.parts.iter().map(|(_, range)| {
            let text = &self.joined[range.clone()];
            let (own, rest) = inside(next, range);
            next = rest;
            // What looks like a placeholder would come back as somebody's data.
            let looks_like_one = restores && placeholder_at(text);
            if own.is_empty() && !looks_like_one {
                return None;
            }
            let hidden = replace(text, &own, actions, &mut pseudonyms);
            Some(mask_rest(&hidden, &scanner))
        });
        (texts.collect(), pseudonyms)
    }
}

/// Whether a bracket of a placeholder stands in a text, plain or with an escape of JSON.
fn placeholder_at(text: &str) -> bool {
    text.contains('⟦') || text.contains("\\u27e6") || text.contains("\\u27E6")
}

/// The findings inside a range, counted from its start, and those that come behind it.
fn inside<'f>(findings: &'f [Finding], range: &Range<usize>) -> (Vec<Finding>, &'f [Finding]) {
    let skipped = findings.iter().take_while(|one| one.end <= range.start).count();
    let findings = &findings[skipped..];
    let own = findings.iter().take_while(|one| one.start < range.end).map(|one| Finding {
        start: one.start.max(range.start) - range.start,
        end: one.end.min(range.end) - range.start,
        ..one.clone()
    });
    let own: Vec<Finding> = own.filter(|one| one.start < one.end).collect();
    let over = findings.iter().take_while(|one| one.end <= range.end).count();
    (own, &findings[over..])
}

fn replace(
    text: &str,
    findings: &[Finding],
    actions: &BTreeMap<Kind, GuardAction>,
    pseudonyms: &mut Pseudonyms,
) -> String {
    let mut changed = String::with_capacity(text.len());
    let (mut at, mut waiting) = (0, vec![]);
    for finding in findings {
        if actions.get(&finding.kind) == Some(&GuardAction::Pseudonymise) {
            let (start, end) = (finding.start - at, finding.end - at);
            waiting.push(Finding { start, end, ..finding.clone() });
            continue;
        }
        changed.push_str(&pseudonyms.pseudonymise(&text[at..finding.start], &waiting));
        push_mask(finding.kind, &mut changed);
        waiting.clear();
        at = finding.end;
    }
    changed.push_str(&pseudonyms.pseudonymise(&text[at..], &waiting));
    changed
}

/// Masks what only the replacing uncovered. Placeholders stay.
fn mask_rest(text: &str, scanner: &Scanner) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut at = 0;
    for finding in scanner.scan(text) {
        for piece in between_placeholders(text, finding.start..finding.end) {
            masked.push_str(&text[at..piece.start]);
            push_mask(finding.kind, &mut masked);
            at = piece.end;
        }
    }
    masked.push_str(&text[at..]);
    masked
}

/// What of a range belongs to no placeholder and says anything.
fn between_placeholders(text: &str, range: Range<usize>) -> Vec<Range<usize>> {
    let before = &text[..range.start];
    let is_inside = before.rfind('⟦') > before.rfind('⟧');
    let mut pieces = vec![];
    let (mut start, mut hidden) = (range.start, is_inside);
    for (at, letter) in text[range.clone()].char_indices() {
        let at = range.start + at;
        match letter {
            '⟦' => {
                pieces.push(start..at);
                hidden = true;
            }
            '⟧' => {
                start = at + letter.len_utf8();
                hidden = false;
            }
            _ => {}
        }
    }
    if !hidden {
        pieces.push(start..range.end);
    }
    pieces.retain(|piece| text[piece.clone()].chars().any(char::is_alphanumeric));
    pieces
}

fn push_mask(kind: Kind, text: &mut String) {
    text.push('[');
    text.push_str(kind.label());
    text.push(']');
}
