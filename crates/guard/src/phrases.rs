//! Words and phrases letter by letter: the built-in lists of German and English abuse, as a hint, and
//! what has no word forms. Knows words, not meanings.

use std::sync::Arc;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use serde::Deserialize;

use crate::base64;
use crate::encoded::{self, ENCODED_BYTES_MAX};
use crate::event::Event;
use crate::readings::plain_len;
use crate::rules::RulesError;
use crate::topics::Topic;
use crate::views;

const TOXICITY: [&str; 2] =
    [include_str!("../rules/toxicity-de.json"), include_str!("../rules/toxicity-en.json")];

/// Lists with at most so many bytes are compiled for speed, with some 200 bytes of memory for each;
/// longer ones for size.
const FAST_BYTES_MAX: usize = 4_096;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TopicsFile {
    version: String,
    rules: Vec<Topic>,
}

/// Compiled words and phrases.
#[derive(Debug, Clone)]
pub struct PhraseRules {
    words: AhoCorasick,
    /// Rule and score of each word.
    owners: Arc<[(Arc<str>, f32)]>,
    version: String,
    /// Bytes of the longest word or phrase.
    longest: usize,
}

impl PhraseRules {
    /// The built-in German and English lists of insults, demeaning words and threats. A hint: they
    /// know no irony, no quotation, and not the next word that somebody invents.
    #[must_use]
    pub fn toxicity() -> Self {
        let files = TOXICITY.map(|text| {
            let file: TopicsFile = serde_json::from_str(text).expect("the tests read the lists");
            file
        });
        let version = files.iter().map(|file| file.version.as_str()).max().unwrap_or_default();
        let version = version.to_owned();
        let rules: Vec<Topic> = files.into_iter().flat_map(|file| file.rules).collect();
        Self::compile("toxicity", &rules, version).expect("the tests compile the lists")
    }

    /// The version of the built-in lists; empty for other words.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The first byte of a word or phrase that more text could complete, however it is written.
    #[must_use]
    pub fn open_from(&self, text: &str) -> usize {
        let most = (self.letters_open() + ENCODED_BYTES_MAX) * ENCODED_BYTES_MAX;
        let start = text.floor_char_boundary(text.len().saturating_sub(most));
        let open = start + views::open_from(&text[start..], &|view| self.open_from_plain(view));
        open.min(base64::open_from(text))
    }

    fn open_from_plain(&self, text: &str) -> usize {
        let unfinished = if encoded::is_unfinished(text) { ENCODED_BYTES_MAX } else { 0 };
        let mut left = self.letters_open() + unfinished;
        for (at, letter) in text.char_indices().rev() {
            match left.checked_sub(plain_len(letter)) {
                Some(rest) => left = rest,
                None => return at,
            }
        }
        0
    }

    /// The letter behind a word decides whether it is a whole one.
    const fn letters_open(&self) -> usize {
        self.longest + char::MAX.len_utf8()
    }

    pub(crate) fn compile(
        family: &str,
        topics: &[Topic],
        version: String,
    ) -> Result<Self, RulesError> {
        let mut words = Vec::new();
        let mut owners = Vec::new();
        for topic in topics {
            topic.check()?;
            let rule: Arc<str> = format!("{family}/{}", topic.id).into();
            for word in &topic.words {
                words.push(word.trim().to_lowercase());
                owners.push((rule.clone(), topic.score));
            }
        }
        let longest = words.iter().map(String::len).max().unwrap_or_default();
        let is_short = words.iter().map(String::len).sum::<usize>() <= FAST_BYTES_MAX;
        let words = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .kind(is_short.then_some(AhoCorasickKind::DFA))
            .build(&words)
            .map_err(|error| RulesError::Rule { rule: family.into(), what: error.to_string() })?;
        Ok(Self { words, owners: owners.into(), version, longest })
    }

    /// Every whole word or phrase of a topic, in a text as a reader sees it.
    #[must_use]
    pub fn inspect(&self, text: &str) -> Vec<Event> {
        views::look(text, &|view| self.inspect_plain(view))
    }

    /// The same in a text of plain characters.
    pub(crate) fn inspect_plain(&self, text: &str) -> Vec<Event> {
        // A phrase may go on in the next line.
        let small = text.to_lowercase();
        let has_breaks = memchr::memchr2(b'\n', b'\t', small.as_bytes()).is_some();
        let small = if has_breaks { small.replace(['\n', '\t'], " ") } else { small };
        let is_part = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
        let found = self.words.find_iter(&small).filter(|found| {
            !is_part(small[..found.start()].chars().next_back())
                && !is_part(small[found.end()..].chars().next())
        });
        let found: Vec<_> = found.collect();
        // German letters keep their length in small letters; others, such as the Turkish İ, do not.
        let keeps_length = small.len() == text.len() || found.is_empty();
        let origins = if keeps_length { vec![] } else { origins(text) };
        let origin = |at: usize| origins.get(at).copied().unwrap_or(at);
        let event = |found: &aho_corasick::Match| {
            let (rule, score) = self.owners[found.pattern().as_usize()].clone();
            Event { rule, start: origin(found.start()), end: origin(found.end()), score }
        };
        found.iter().map(event).collect()
    }
}

/// For each byte of the text in small letters, and for its end, the place in the text it comes from.
fn origins(text: &str) -> Vec<usize> {
    let mut origins = Vec::with_capacity(text.len() + 8);
    for (at, letter) in text.char_indices() {
        let bytes: usize = letter.to_lowercase().map(char::len_utf8).sum();
        origins.extend(std::iter::repeat_n(at, bytes));
    }
    origins.push(text.len());
    origins
}
