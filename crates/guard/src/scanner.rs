//! Runs every detector over a text and settles who owns overlapping finds. Knows no kind itself.

use std::sync::Arc;

use crate::columns::Cell;
use crate::finding::Finding;
use crate::kind::Kind;
use crate::readings::{self, Reread};
use crate::rules::RuleSet;
use crate::secrets::Secrets;
use crate::tokens::{self, Token};
use crate::vocabulary::Flags;
use crate::{
    address_forms, addresses, columns, mail, names, numbers, overlap, passwords, repeats,
    views::{self, Placed},
};

/// Text is cut into pieces of about this many bytes, at a line break if there is one, so that the
/// memory of a scan does not grow with the text. A find across such a border is lost.
const PIECE_BYTES: usize = 256 * 1024;

/// Which kinds a scanner looks for, and how sure it has to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// The kinds that are reported.
    pub kinds: Vec<Kind>,
    /// Finds with a lower score are dropped; between 0 and 1.
    pub score_min: f32,
}

impl Default for Policy {
    /// All kinds, at the score at which the published precision and recall were measured.
    fn default() -> Self {
        Self { kinds: Kind::ALL.to_vec(), score_min: 0.5 }
    }
}

/// Finds personal data and secrets in German and English text.
///
/// Made once and shared: scanning needs no lock and changes nothing.
#[derive(Debug, Clone)]
pub struct Scanner {
    rules: Arc<RuleSet>,
    secrets: Arc<Secrets>,
    policy: Policy,
}

/// A piece of a text with its tokens, as the detectors see it.
pub(crate) struct Page<'t> {
    pub text: &'t str,
    pub tokens: &'t [Token],
    pub rules: &'t RuleSet,
    /// The cells of tables whose heads say what they hold.
    pub cells: Vec<Cell>,
}

impl Page<'_> {
    /// What the head of a table says of a token.
    pub fn head_of(&self, index: usize) -> Flags {
        let next = self.cells.partition_point(|cell| cell.tokens.end <= index);
        let cell = self.cells.get(next).filter(|cell| cell.tokens.contains(&index));
        cell.map_or(0, |cell| cell.label)
    }

    /// The text of a token.
    pub fn word(&self, token: &Token) -> &str {
        &self.text[token.start..token.end]
    }

    /// The bytes between two neighbours.
    pub fn gap(&self, index: usize) -> &str {
        match (self.tokens.get(index), self.tokens.get(index + 1)) {
            (Some(left), Some(right)) => &self.text[left.end..right.start],
            _ => "",
        }
    }

    /// The next token touches this one.
    pub fn is_joined(&self, index: usize) -> bool {
        self.tokens.get(index + 1).is_some_and(|next| next.start == self.tokens[index].end)
    }
}

impl Default for Scanner {
    fn default() -> Self {
        Self::new(&Policy::default())
    }
}

impl Scanner {
    /// Compiles the built-in rules for a policy. Takes some milliseconds: keep the scanner.
    #[must_use]
    pub fn new(policy: &Policy) -> Self {
        let rules = RuleSet::built_in().expect("the tests compile the built-in rules");
        let secrets = Secrets::built_in().expect("the tests compile the built-in rules");
        Self { rules: Arc::new(rules), secrets: Arc::new(secrets), policy: policy.clone() }
    }

    /// The same rules under another policy, without compiling them again.
    #[must_use]
    pub fn with_policy(&self, policy: &Policy) -> Self {
        Self { policy: policy.clone(), ..self.clone() }
    }

    /// The version of the rules, for the audit.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.rules.version
    }

    /// Finds what the policy asks for, ordered, without overlaps.
    #[must_use]
    pub fn scan(&self, text: &str) -> Vec<Finding> {
        overlap::settle(views::look(text, &|view| self.scan_plain(view)))
    }

    /// Scans a text of plain characters, and once more what may be misread in it.
    fn scan_plain(&self, text: &str) -> Vec<Finding> {
        let mut found = self.scan_as_written(text);
        for piece in Reread::of(text) {
            let again = self.scan_as_written(&piece.text).into_iter();
            let again = again.filter(|one| one.kind != Kind::Name);
            found.extend(again.filter_map(|one| piece.in_text(one)));
        }
        for (start, line) in readings::unjoined(text) {
            let again = self.scan_as_written(&line).into_iter();
            found.extend(again.map(|one| {
                let place = start + one.start..start + one.end;
                one.at(place)
            }));
        }
        found
    }

    fn scan_as_written(&self, text: &str) -> Vec<Finding> {
        let mut candidates = Vec::new();
        let mut tokens = Vec::new();
        let mut start = 0;
        while start < text.len() {
            let end = end_of_piece(text, start);
            tokens.clear();
            tokens::cut(&text[start..end], start, &self.rules.vocabulary, &mut tokens);
            let mut page = Page { text, tokens: &tokens, rules: &self.rules, cells: vec![] };
            page.cells = columns::cells(&page);
            numbers::find(&page, &mut candidates);
            mail::find(&page, &mut candidates);
            addresses::find(&page, &mut candidates);
            address_forms::find(&page, &mut candidates);
            names::find(&page, &mut candidates);
            passwords::find(&page, &mut candidates);
            self.secrets.find(text, start..end, &mut candidates);
            start = end;
        }
        candidates.retain(|finding| {
            finding.score >= self.policy.score_min && self.policy.kinds.contains(&finding.kind)
        });
        let found = overlap::settle(candidates);
        if found.is_empty() {
            return found;
        }
        let mut all = repeats::find(text, &found);
        all.extend(found);
        overlap::settle(all)
    }

    /// Replaces what is found by its kind: `[IBAN]`. Masks again what only the masking of something
    /// else uncovered, until nothing is found any more.
    #[must_use]
    pub fn mask(&self, text: &str) -> Masked {
        let findings = self.scan(text);
        let mut masked = mask_once(text, &findings);
        for _ in 0..MASK_ROUNDS_MAX {
            let rest = self.scan(&masked);
            if rest.is_empty() {
                break;
            }
            masked = mask_once(&masked, &rest);
        }
        Masked { text: masked, findings }
    }
}

/// A text without what was found in it, and what that was, at its places in the original.
#[derive(Debug, Clone, PartialEq)]
pub struct Masked {
    /// The masked text.
    pub text: String,
    /// What was found in the original.
    pub findings: Vec<Finding>,
}

/// Rounds after the first; each masks what the one before uncovered. Masks are no finds themselves,
/// so two rounds are plenty.
const MASK_ROUNDS_MAX: usize = 8;

fn mask_once(text: &str, findings: &[Finding]) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut at = 0;
    for finding in findings {
        masked.push_str(&text[at..finding.start]);
        masked.push('[');
        masked.push_str(finding.kind.label());
        masked.push(']');
        at = finding.end;
    }
    masked.push_str(&text[at..]);
    masked
}

/// Behind the last empty line, else the last line break, else the last space of a full piece.
fn end_of_piece(text: &str, start: usize) -> usize {
    if text.len() - start <= PIECE_BYTES {
        return text.len();
    }
    let limit = text.floor_char_boundary(start + PIECE_BYTES);
    let piece = &text[start..limit];
    let cut = piece
        .rfind("\n\n")
        .map(|at| at + 2)
        .or_else(|| piece.rfind('\n').map(|at| at + 1))
        .or_else(|| piece.rfind(' ').map(|at| at + 1));
    cut.map_or(limit, |at| start + at)
}
