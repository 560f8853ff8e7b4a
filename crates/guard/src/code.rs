//! Code that an agent should not run unseen: what deletes, downloads, opens a way in, or reads
//! secrets (R-3 of the reference architecture). A hint: patterns know the usual, not the ingenious, and
//! what a tool does with its arguments they do not know.

use serde::Deserialize;

use crate::event::Event;
use crate::patterns::Patterns;
use crate::readings::with_plain_blanks;
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
    patterns: Patterns,
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
        // A name may have letters that are no ASCII.
        let names = |rule: &PatternText| rule.pattern.replace(r"\w", r"[\w\x80-\xff]");
        let patterns: Vec<String> = file.rules.iter().map(names).collect();
        let texts = file.rules.iter().zip(&patterns);
        let texts = texts.map(|(rule, pattern)| (&*rule.id, rule.score, &**pattern));
        let patterns = Patterns::compile("code", "(?i-u)", texts)?;
        Ok(Self { version: file.version, patterns })
    }

    /// The version of the rules, for the audit.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Every hit in arguments as they are written, in the order of the rules.
    #[must_use]
    pub fn inspect(&self, arguments: &str) -> Vec<Event> {
        self.patterns.find(&with_plain_blanks(&unescaped(arguments)))
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
