//! Words and phrases that a tenant does not want to see, and the built-in list of German abuse as a
//! hint. Knows words, not meanings.

use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};
use serde::Deserialize;

use crate::event::Event;
use crate::rules::RulesError;

const TOXICITY: &str = include_str!("../rules/toxicity-de.json");

/// A topic: its words and phrases, and what a hit weighs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topic {
    /// Stands in the rule of its events: `topic/ID`.
    pub id: String,
    /// What a hit weighs, above 0 and at most 1.
    pub score: f32,
    /// Whole words or phrases, case does not matter.
    pub words: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TopicsFile {
    #[serde(rename = "version")]
    _version: String,
    rules: Vec<Topic>,
}

/// Compiled topics.
#[derive(Debug, Clone)]
pub struct TopicRules {
    words: AhoCorasick,
    /// Rule and score of each word.
    owners: Arc<[(Arc<str>, f32)]>,
}

impl TopicRules {
    /// Compiles a tenant's topics.
    ///
    /// # Errors
    /// [`RulesError::Rule`] if a score is out of range, a topic has an empty word, or there are too
    /// many words.
    pub fn new(topics: &[Topic]) -> Result<Self, RulesError> {
        Self::compile("topic", topics)
    }

    /// The built-in German list of insults, demeaning words and threats. A hint: it knows no irony,
    /// no quotation, and not the next word that somebody invents.
    #[must_use]
    pub fn toxicity() -> Self {
        let file: TopicsFile =
            serde_json::from_str(TOXICITY).expect("the tests read the built-in list");
        Self::compile("toxicity", &file.rules).expect("the tests compile the built-in list")
    }

    fn compile(family: &str, topics: &[Topic]) -> Result<Self, RulesError> {
        let mut words = Vec::new();
        let mut owners = Vec::new();
        for topic in topics {
            let is_sound = topic.score > 0.0
                && topic.score <= 1.0
                && topic.words.iter().all(|word| !word.trim().is_empty());
            if !is_sound {
                let what = "its score or one of its words is empty".into();
                return Err(RulesError::Rule { rule: topic.id.clone(), what });
            }
            let rule: Arc<str> = format!("{family}/{}", topic.id).into();
            for word in &topic.words {
                words.push(word.trim().to_lowercase());
                owners.push((rule.clone(), topic.score));
            }
        }
        let words = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(&words)
            .map_err(|error| RulesError::Rule { rule: family.into(), what: error.to_string() })?;
        Ok(Self { words, owners: owners.into() })
    }

    /// Every whole word or phrase of a topic.
    #[must_use]
    pub fn inspect(&self, text: &str) -> Vec<Event> {
        // German letters keep their length in small letters; where one does not, offsets would lie.
        let small = text.to_lowercase();
        let offsets_hold = small.len() == text.len();
        let is_part = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
        self.words
            .find_iter(&small)
            .filter(|found| {
                !is_part(small[..found.start()].chars().next_back())
                    && !is_part(small[found.end()..].chars().next())
            })
            .map(|found| {
                let (rule, score) = self.owners[found.pattern().as_usize()].clone();
                match offsets_hold {
                    true => Event { rule, start: found.start(), end: found.end(), score },
                    false => Event { rule, start: 0, end: text.len(), score },
                }
            })
            .collect()
    }
}
