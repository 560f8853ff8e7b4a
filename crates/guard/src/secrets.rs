//! Keys, tokens and passwords: found by the fixed letters they begin with. Knows no services, only
//! the rows of `rules/secrets.json`.

use std::ops::Range;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};
use regex::Regex;
use serde::Deserialize;

use crate::finding::Finding;
use crate::kind::Kind;
use crate::rules::RulesError;

const RULES: &str = include_str!("../rules/secrets.json");

/// Longest secret that is looked at from its anchor on; a longer one is found in part.
const SECRET_BYTES_MAX: usize = 8 * 1024;

/// How far from its name a key is looked for, and how many letters it has.
const BESIDE_BYTES: usize = 240;
const BESIDE_LETTERS: usize = 40;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretText {
    id: String,
    anchors: Vec<String>,
    pattern: String,
    score: f32,
    #[serde(default)]
    mixed: bool,
    #[serde(default)]
    beside: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretsFile {
    #[serde(rename = "version")]
    _version: String,
    rules: Vec<SecretText>,
}

#[derive(Debug)]
struct SecretRule {
    id: Arc<str>,
    pattern: Regex,
    score: f32,
    /// The secret has to look drawn by lot: words of prose are none.
    mixed: bool,
    /// What stands near it is a secret too, and has no fixed letters: the key to a name of a key.
    beside: Option<Regex>,
}

/// The compiled rules.
#[derive(Debug)]
pub struct Secrets {
    anchors: AhoCorasick,
    /// The rule of each anchor.
    owners: Vec<usize>,
    rules: Vec<SecretRule>,
}

impl Secrets {
    /// Compiles the rules built in.
    pub fn built_in() -> Result<Self, RulesError> {
        let file: SecretsFile = serde_json::from_str(RULES)?;
        let mut anchors = Vec::new();
        let mut owners = Vec::new();
        let mut rules = Vec::new();
        for text in file.rules {
            owners.extend(text.anchors.iter().map(|_| rules.len()));
            anchors.extend(text.anchors);
            let compile = |pattern: &str| {
                Regex::new(pattern).map_err(|source| RulesError::Pattern {
                    rule: text.id.clone(),
                    source: Box::new(source),
                })
            };
            let pattern = compile(&format!("^(?:{})", text.pattern))?;
            let beside = text.beside.as_deref().map(compile).transpose()?;
            let (id, score, mixed) = (text.id.as_str().into(), text.score, text.mixed);
            rules.push(SecretRule { id, pattern, score, mixed, beside });
        }
        let anchors = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .ascii_case_insensitive(true)
            .build(&anchors)
            .map_err(|error| RulesError::Rule {
                rule: "anchors".into(),
                what: error.to_string(),
            })?;
        Ok(Self { anchors, owners, rules })
    }

    /// Notes every secret in a part of a text.
    pub fn find(&self, text: &str, range: Range<usize>, candidates: &mut Vec<Finding>) {
        let mut found_to = range.start;
        for anchor in self.anchors.find_iter(&text[range.clone()]) {
            let owner = self.owners[anchor.pattern().as_usize()];
            let rule = &self.rules[owner];
            let from = range.start + anchor.start();
            // Part of a secret already: looking again for each would take the square of its length.
            if from < found_to {
                continue;
            }
            let to = text.floor_char_boundary((from + SECRET_BYTES_MAX).min(range.end));
            let Some(captures) = rule.pattern.captures(&text[from..to]) else { continue };
            let Some(secret) = captures.name("secret").or_else(|| captures.get(0)) else {
                continue;
            };
            if rule.mixed && (!is_mixed(secret.as_str()) || is_address(secret.as_str())) {
                continue;
            }
            let (start, end) = (from + secret.start(), from + secret.end());
            let (score, rule) = (rule.score, rule.id.clone());
            found_to = end;
            candidates.push(Finding { kind: Kind::Secret, start, end, score, rule });
            self.find_beside(owner, text, start..end, &range, candidates);
        }
    }

    /// Notes what stands near a secret of a rule and is one with it.
    fn find_beside(
        &self,
        owner: usize,
        text: &str,
        found: Range<usize>,
        range: &Range<usize>,
        candidates: &mut Vec<Finding>,
    ) {
        let SecretRule { id, score, beside: Some(beside), .. } = &self.rules[owner] else { return };
        let from = found.start.saturating_sub(BESIDE_BYTES).max(range.start);
        let from = text.floor_char_boundary(from);
        let to = text.floor_char_boundary((found.end + BESIDE_BYTES).min(range.end));
        for one in beside.find_iter(&text[from..to]).filter(|one| is_mixed(one.as_str())) {
            let (start, end) = (from + one.start(), from + one.end());
            // Half of something longer is something else.
            let is_whole = (start > from || from == range.start) && (end < to || to == range.end);
            if is_whole && one.len() == BESIDE_LETTERS {
                let (kind, score, rule) = (Kind::Secret, *score, id.clone());
                candidates.push(Finding { kind, start, end, score, rule });
            }
        }
    }
}

/// Where something is to be found; with a password in it another rule finds that.
fn is_address(secret: &str) -> bool {
    secret.starts_with("https://") || secret.starts_with("http://")
}

/// Digits and letters, or capitals in the middle, or marks: no word of any language.
fn is_mixed(secret: &str) -> bool {
    let has = |test: fn(char) -> bool| secret.chars().skip(1).any(test);
    let kinds =
        [has(|letter| letter.is_ascii_digit()), has(char::is_uppercase), has(char::is_lowercase)];
    let marks = has(|letter| !letter.is_alphanumeric() && !".-_/:".contains(letter));
    kinds.iter().filter(|kind| **kind).count() + usize::from(marks) >= 2
        && (has(|letter| letter.is_ascii_digit()) || marks || secret.len() >= 16)
}
