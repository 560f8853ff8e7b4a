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

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretText {
    id: String,
    anchors: Vec<String>,
    pattern: String,
    score: f32,
    #[serde(default)]
    mixed: bool,
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
            let pattern = Regex::new(&format!("^(?:{})", text.pattern)).map_err(|source| {
                RulesError::Pattern { rule: text.id.clone(), source: Box::new(source) }
            })?;
            let (id, score, mixed) = (text.id.as_str().into(), text.score, text.mixed);
            rules.push(SecretRule { id, pattern, score, mixed });
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
            let rule = &self.rules[self.owners[anchor.pattern().as_usize()]];
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
            if rule.mixed && !is_mixed(secret.as_str()) {
                continue;
            }
            let (start, end) = (from + secret.start(), from + secret.end());
            let (score, rule) = (rule.score, rule.id.clone());
            found_to = end;
            candidates.push(Finding { kind: Kind::Secret, start, end, score, rule });
        }
    }
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
