//! Regular expressions with an id and a score each, looked for all at once. Knows nothing of what they
//! stand for.

use std::sync::Arc;

use regex::bytes::{Regex, RegexSet};

use crate::event::Event;
use crate::rules::RulesError;

/// One rule as its file has it: id, score, pattern.
pub type PatternText<'t> = (&'t str, f32, &'t str);

/// Compiled patterns.
#[derive(Debug, Clone)]
pub struct Patterns {
    any: RegexSet,
    rules: Arc<[(Arc<str>, f32, Regex)]>,
}

impl Patterns {
    /// Compiles the rules of a family, all with the same `flags`: `(?i)`, or `(?i-u)` for what is
    /// written in ASCII, which takes a tenth of the memory.
    ///
    /// # Errors
    /// [`RulesError`] names the rule that is wrong.
    pub fn compile<'t>(
        family: &str,
        flags: &str,
        texts: impl IntoIterator<Item = PatternText<'t>>,
    ) -> Result<Self, RulesError> {
        let wrong = |rule: &str, source| RulesError::Pattern {
            rule: rule.to_owned(),
            source: Box::new(source),
        };
        let mut patterns = Vec::new();
        let mut rules = Vec::new();
        for (id, score, text) in texts {
            let pattern = format!("{flags}{text}");
            let compiled = Regex::new(&pattern).map_err(|source| wrong(id, source))?;
            rules.push((format!("{family}/{id}").into(), score, compiled));
            patterns.push(pattern);
        }
        let any = RegexSet::new(patterns).map_err(|source| wrong("all", source))?;
        Ok(Self { any, rules: rules.into() })
    }

    /// Every hit, in the order of the rules.
    #[must_use]
    pub fn find(&self, text: &str) -> Vec<Event> {
        let hits = self.any.matches(text.as_bytes()).into_iter().flat_map(|index| {
            let (rule, score, pattern) = &self.rules[index];
            pattern.find_iter(text.as_bytes()).map(|found| Event {
                rule: rule.clone(),
                start: text.floor_char_boundary(found.start()),
                end: text.ceil_char_boundary(found.end()),
                score: *score,
            })
        });
        hits.collect()
    }
}
