//! Reads the rule files that are built into the crate and turns them into what the scanner runs.
//! A mistake in a rule file stops the tests, not a customer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use regex::Regex;
use serde::Deserialize;

use crate::checks::{Check, Codes};
use crate::kind::Kind;
use crate::vocabulary::{FIRST, FIRST_CONTEXT, Flags, LAST, LISTS, Vocabulary};

const NUMBERS: &str = include_str!("../rules/numbers.json");
const WORDS: &str = include_str!("../rules/words.json");
const FIRST_NAMES: &str = include_str!("../rules/first-names.txt");
const LAST_NAMES: &str = include_str!("../rules/last-names.txt");

/// Where a rule may begin to match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// At a number.
    Number,
    /// At capitals that digits follow, or at digits and capitals in one.
    Code,
    /// At two letters that begin an account number somewhere, in any case, and digits behind them.
    Account,
    /// At `+`, `(`, or a number that begins with 0.
    Phone,
    /// At a number or letters directly followed by a colon.
    Colon,
    /// At a number or capitals that a register follows.
    Register,
    /// Directly behind a word of the rule's context: `Az.: …`.
    Label,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleText {
    id: String,
    kind: Kind,
    starts: Start,
    digits: usize,
    pattern: String,
    check: Option<String>,
    score: f32,
    context: Option<String>,
    context_score: Option<f32>,
    #[serde(default)]
    needs_context: bool,
    after: Option<String>,
    #[serde(default)]
    not_after: Vec<String>,
    #[serde(default)]
    glued: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NumbersFile {
    version: String,
    contexts: BTreeMap<String, Vec<String>>,
    rules: Vec<RuleText>,
    districts: String,
    registers: String,
}

/// A rule for something with structure, ready to run.
#[derive(Debug, Clone)]
pub struct Rule {
    pub id: Arc<str>,
    pub kind: Kind,
    pub starts: Start,
    /// Digits that the run of digits and separators has at least.
    pub digits_min: usize,
    pub pattern: Regex,
    pub check: Check,
    pub score: f32,
    /// Words that make the rule surer.
    pub context: Flags,
    pub context_score: f32,
    pub needs_context: bool,
    /// Words that make it surer when they follow.
    pub after: Flags,
    /// Words that speak against it.
    pub not_after: Flags,
    /// A letter may touch its end.
    pub glued: bool,
}

/// Everything the scanner knows.
#[derive(Debug, Clone)]
pub struct RuleSet {
    pub version: String,
    pub vocabulary: Vocabulary,
    pub rules: Vec<Rule>,
    /// All contexts of rules that start at a label.
    pub labels: Flags,
    pub codes: Codes,
}

/// A rule file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// It is not the JSON that a rule file is.
    #[error("a rule file is not readable")]
    Json(#[from] serde_json::Error),
    /// A pattern does not compile.
    #[error("the pattern of rule {rule} does not compile")]
    Pattern {
        /// The rule.
        rule: String,
        /// Why not.
        source: Box<regex::Error>,
    },
    /// A rule names something that there is not, or its id is taken.
    #[error("rule {rule}: {what}")]
    Rule {
        /// The rule.
        rule: String,
        /// What is wrong.
        what: String,
    },
}

impl RuleSet {
    /// Reads the rule files built in.
    ///
    /// # Errors
    /// [`RulesError`] names the rule that is wrong.
    pub fn built_in() -> Result<Self, RulesError> {
        let numbers: NumbersFile = serde_json::from_str(NUMBERS)?;
        let mut vocabulary = Vocabulary::empty();
        add_words(&mut vocabulary)?;
        let mut contexts = BTreeMap::new();
        for (bit, (name, words)) in (FIRST_CONTEXT..u64::BITS).zip(&numbers.contexts) {
            contexts.insert(name.as_str(), 1 << bit);
            words.iter().for_each(|word| vocabulary.add(word, 1 << bit));
        }
        let mut ids = BTreeSet::new();
        let mut rules = Vec::new();
        for text in numbers.rules {
            if !ids.insert(text.id.clone()) {
                return Err(RulesError::Rule { rule: text.id, what: "its id is taken".into() });
            }
            rules.push(compile(text, &contexts)?);
        }
        let labels = rules
            .iter()
            .filter(|rule| rule.starts == Start::Label)
            .fold(0, |flags, rule| flags | rule.context);
        let codes = Codes {
            districts: numbers.districts.split(' ').map(Box::from).collect(),
            registers: numbers.registers.split(' ').map(Box::from).collect(),
        };
        Ok(Self { version: numbers.version, vocabulary, rules, labels, codes })
    }
}

fn compile(text: RuleText, contexts: &BTreeMap<&str, Flags>) -> Result<Rule, RulesError> {
    let wrong = |what: String| RulesError::Rule { rule: text.id.clone(), what };
    let flags = |name: &str| {
        contexts.get(name).copied().ok_or_else(|| wrong(format!("there is no context {name}")))
    };
    let check = match text.check.as_deref() {
        None => Check::Pattern,
        Some(name) => {
            Check::named(name).ok_or_else(|| wrong(format!("there is no check {name}")))?
        }
    };
    let context = text.context.as_deref().map(flags).transpose()?.unwrap_or_default();
    let after = text.after.as_deref().map(flags).transpose()?.unwrap_or_default();
    let not_after = text
        .not_after
        .iter()
        .map(|name| flags(name))
        .try_fold(0, |all, one| one.map(|one| all | one))?;
    let context_score = text.context_score.unwrap_or(text.score);
    let are_scores = [text.score, context_score].iter().all(|score| *score > 0.0 && *score <= 1.0);
    if !are_scores || (text.needs_context || text.starts == Start::Label) && context == 0 {
        return Err(wrong("its scores or its context are missing".into()));
    }
    let pattern = Regex::new(&format!("^(?:{})", text.pattern)).map_err(|source| {
        RulesError::Pattern { rule: text.id.clone(), source: Box::new(source) }
    })?;
    Ok(Rule {
        id: text.id.as_str().into(),
        kind: text.kind,
        starts: text.starts,
        digits_min: text.digits,
        pattern,
        check,
        score: text.score,
        context,
        context_score,
        needs_context: text.needs_context,
        after,
        not_after,
        glued: text.glued,
    })
}

fn add_words(vocabulary: &mut Vocabulary) -> Result<(), RulesError> {
    let lists: BTreeMap<String, String> = serde_json::from_str(WORDS)?;
    for (name, words) in &lists {
        let flags = LISTS.iter().find(|(list, _)| list == name).map(|(_, flags)| *flags);
        let flags = flags.ok_or_else(|| RulesError::Rule {
            rule: name.clone(),
            what: "there is no list of this name".into(),
        })?;
        words.split_whitespace().for_each(|word| vocabulary.add(word, flags));
    }
    for (names, flag) in [(FIRST_NAMES, FIRST), (LAST_NAMES, LAST)] {
        names.split_whitespace().for_each(|name| vocabulary.add(name, flag));
        names.split_whitespace().for_each(|name| vocabulary.add_new(&without_umlauts(name), flag));
    }
    for (name, words) in lists.iter().filter(|(name, _)| MISREAD.contains(&name.as_str())) {
        let flags = LISTS.iter().find(|(list, _)| list == name).map_or(0, |(_, flags)| *flags);
        for word in words.split_whitespace().filter(|word| word.len() >= MISREAD_BYTES_MIN) {
            misreadings(word).for_each(|form| vocabulary.add_new(&form, flags));
        }
    }
    vocabulary.add_tails();
    Ok(())
}

/// Lists whose words are also known as scanners misread them, because they announce names.
const MISREAD: [&str; 4] = ["salutations", "name_labels", "roles", "signatures"];
/// Shorter words become other words by one letter.
const MISREAD_BYTES_MIN: usize = 4;

/// `hcrr` for `herr`: scanners take e for c, once or throughout.
fn misreadings(word: &str) -> impl Iterator<Item = String> {
    let once =
        word.match_indices('e').map(|(at, _)| format!("{}c{}", &word[..at], &word[at + 1..]));
    once.chain([word.replace('e', "c")])
}

/// `Mueller`: as people write who have no umlauts at hand.
fn without_umlauts(name: &str) -> String {
    let name = name.to_lowercase().replace('ä', "ae").replace('ö', "oe");
    name.replace('ü', "ue").replace('ß', "ss")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_rules_are_sound() {
        let rules = RuleSet::built_in().unwrap();
        assert!(rules.rules.len() > 20);
        assert!(rules.vocabulary.flags(b"anna") & FIRST != 0);
        assert!(rules.vocabulary.flags("müller".as_bytes()) & LAST != 0);
    }
}
