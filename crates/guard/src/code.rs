//! Code that an agent should not run unseen: what deletes, downloads, opens a way in, or reads
//! secrets (R-3 of the reference architecture). A hint: patterns know the usual, not the ingenious, and
//! what a tool does with its arguments they do not know.

use std::sync::Arc;

use regex::{Regex, RegexSet};
use serde::Deserialize;

use crate::event::Event;
use crate::rules::RulesError;

const RULES: &str = include_str!("../rules/code.json");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PatternText {
    id: String,
    score: f32,
    pattern: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CodeFile {
    version: String,
    rules: Vec<PatternText>,
}

/// Compiled patterns.
#[derive(Debug, Clone)]
pub struct CodeRules {
    version: String,
    any: RegexSet,
    rules: Arc<[(Arc<str>, f32, Regex)]>,
}

impl Default for CodeRules {
    fn default() -> Self {
        Self::built_in().expect("the tests compile the built-in rules")
    }
}

impl CodeRules {
    /// Compiles the rules built in.
    ///
    /// # Errors
    /// [`RulesError`] names the rule that is wrong.
    pub fn built_in() -> Result<Self, RulesError> {
        let file: CodeFile = serde_json::from_str(RULES)?;
        let pattern = |text: &PatternText| format!("(?i){}", text.pattern);
        let mut rules = Vec::new();
        for text in &file.rules {
            let compiled = Regex::new(&pattern(text)).map_err(|source| RulesError::Pattern {
                rule: text.id.clone(),
                source: Box::new(source),
            })?;
            rules.push((format!("code/{}", text.id).into(), text.score, compiled));
        }
        let any = RegexSet::new(file.rules.iter().map(pattern)).map_err(|source| {
            RulesError::Pattern { rule: "all".into(), source: Box::new(source) }
        })?;
        Ok(Self { version: file.version, any, rules: rules.into() })
    }

    /// The version of the rules, for the audit.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Every hit in arguments as they are written, in the order of the rules.
    #[must_use]
    pub fn inspect(&self, arguments: &str) -> Vec<Event> {
        let text = unescaped(arguments);
        let mut events = Vec::new();
        for index in self.any.matches(&text) {
            let (rule, score, pattern) = &self.rules[index];
            events.extend(pattern.find_iter(&text).map(|found| Event {
                rule: rule.clone(),
                start: found.start(),
                end: found.end(),
                score: *score,
            }));
        }
        events
    }
}

/// The text with the escapes of JSON undone, each filled up with blanks in front so that every place
/// stays where it is. What is no ASCII stays escaped; no pattern asks for it.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        plain.push_str(&rest[..at]);
        let escape = &rest[at..];
        let (length, letter) = match escape.as_bytes().get(1) {
            Some(b'n' | b'r' | b't' | b'b' | b'f') => (2, Some(' ')),
            Some(letter @ (b'"' | b'/' | b'\\')) => (2, Some(char::from(*letter))),
            Some(b'u') => (6, code_point(escape)),
            _ => (1, None),
        };
        match letter {
            Some(letter) => plain.push_str(&format!("{letter:>length$}")),
            None => plain.push('\\'),
        }
        rest = &escape[if letter.is_some() { length } else { 1 }..];
    }
    plain.push_str(rest);
    plain
}

fn code_point(escape: &str) -> Option<char> {
    let code = u8::from_str_radix(escape.get(2..6)?, 16).ok().filter(u8::is_ascii)?;
    Some(char::from(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_stay_where_they_are() {
        for (escaped, plain) in [
            (r#"a\nb"#, "a  b"),
            (r#"\u0072m\t-rf"#, "     rm  -rf"),
            (r#"\"x\/y\\"#, " \"x /y \\"),
            (r"\u00e4\", r"\u00e4\"),
            (r"\u12", r"\u12"),
        ] {
            assert_eq!(unescaped(escaped), plain);
            assert_eq!(escaped.len(), plain.len());
        }
    }
}
