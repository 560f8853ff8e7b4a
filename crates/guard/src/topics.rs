//! Words and phrases that a tenant does not want to see, in whatever form German grammar gives them.
//! Knows words, not meanings.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use serde::Deserialize;

use crate::event::Event;
use crate::phrases::PhraseRules;
use crate::rules::RulesError;
use crate::views;

/// As many bytes of a stem say whether a word is worth stemming.
const START_BYTES: usize = 3;

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

impl Topic {
    /// Whether it can be looked for.
    pub(crate) fn check(&self) -> Result<(), RulesError> {
        let is_sound = self.score > 0.0
            && self.score <= 1.0
            && self.words.iter().all(|word| !word.trim().is_empty());
        let what = "its score or one of its words is empty".into();
        if is_sound { Ok(()) } else { Err(RulesError::Rule { rule: self.id.clone(), what }) }
    }
}

/// Compiled topics of a tenant: `laufendes Vergabeverfahren` is also found as `laufenden
/// Vergabeverfahrens`. Words are compared by their stems, as the search does.
#[derive(Debug, Clone)]
pub struct TopicRules {
    /// What is no row of words (`C++`), letter by letter.
    exact: PhraseRules,
    phrases: Vec<Phrase>,
    /// The phrases that end with a stem.
    by_last: HashMap<Arc<str>, Vec<usize>>,
    stems: HashSet<Arc<str>>,
    /// How stems begin, and their first letters: most words of a text are none.
    starts: HashSet<Box<[u8]>>,
    initials: HashSet<char>,
    /// Words of the longest phrase.
    longest: usize,
}

/// A phrase in stems.
#[derive(Debug, Clone)]
struct Phrase {
    stems: Vec<Arc<str>>,
    rule: Arc<str>,
    score: f32,
}

/// A word of a text.
struct Word {
    start: usize,
    end: usize,
    /// `None` if it is in no phrase.
    stem: Option<Arc<str>>,
    /// Whether nothing but blanks or a hyphen stands between it and the word before.
    follows: bool,
}

impl TopicRules {
    /// Compiles a tenant's topics.
    ///
    /// # Errors
    /// [`RulesError::Rule`] if a score is out of range, a topic has an empty word, or there are too
    /// many words.
    pub fn new(topics: &[Topic]) -> Result<Self, RulesError> {
        let mut exact = Vec::new();
        let mut phrases = Vec::new();
        for topic in topics {
            topic.check()?;
            let (rows, others): (Vec<_>, Vec<_>) =
                topic.words.iter().cloned().partition(|word| is_row_of_words(word));
            let rule: Arc<str> = format!("topic/{}", topic.id).into();
            phrases.extend(rows.iter().map(|row| Phrase {
                stems: words(row).map(|(start, end)| stem(&row[start..end]).into()).collect(),
                rule: rule.clone(),
                score: topic.score,
            }));
            exact.push(Topic { words: others, ..topic.clone() });
        }
        let stems: HashSet<Arc<str>> =
            phrases.iter().flat_map(|phrase| phrase.stems.iter().cloned()).collect();
        let mut by_last: HashMap<Arc<str>, Vec<usize>> = HashMap::new();
        for (index, last) in
            phrases.iter().enumerate().filter_map(|(i, p)| Some((i, p.stems.last()?)))
        {
            by_last.entry(last.clone()).or_default().push(index);
        }
        Ok(Self {
            exact: PhraseRules::compile("topic", &exact, String::new())?,
            starts: stems.iter().map(|stem| start_of(stem)).collect(),
            initials: stems.iter().filter_map(|stem| stem.chars().next()).collect(),
            longest: phrases.iter().map(|phrase| phrase.stems.len()).max().unwrap_or_default(),
            phrases,
            by_last,
            stems,
        })
    }

    /// Every phrase of a topic, in a text as a reader sees it. Of those that overlap, the longest.
    #[must_use]
    pub fn inspect(&self, text: &str) -> Vec<Event> {
        let mut events = views::look(text, &|view| {
            let mut events = self.exact.inspect_plain(view);
            self.find(view, &mut events);
            events
        });
        events.sort_by_key(|event| (event.start, std::cmp::Reverse(event.end)));
        let mut end = 0;
        events.retain(|event| {
            let is_apart = event.start >= end;
            end = end.max(event.end);
            is_apart
        });
        events
    }

    fn find(&self, text: &str, events: &mut Vec<Event>) {
        if self.phrases.is_empty() {
            return;
        }
        let mut last = VecDeque::with_capacity(self.longest + 1);
        let mut before = 0;
        for (start, end) in words(text) {
            let follows = is_gap(&text[before..start]);
            before = end;
            last.push_back(Word { start, end, stem: self.known(&text[start..end]), follows });
            if last.len() > self.longest {
                last.pop_front();
            }
            events.extend(self.ending(&last));
        }
    }

    /// The phrases that end with the last of these words.
    fn ending<'t>(&'t self, words: &'t VecDeque<Word>) -> impl Iterator<Item = Event> + 't {
        let stem = words.back().and_then(|word| word.stem.as_ref());
        let phrases = stem.and_then(|stem| self.by_last.get(stem)).into_iter().flatten();
        phrases.filter_map(|index| {
            let phrase = &self.phrases[*index];
            let first = words.len().checked_sub(phrase.stems.len())?;
            let own = words.iter().skip(first);
            let is_here = own.clone().zip(&phrase.stems).enumerate().all(|(at, (word, stem))| {
                word.stem.as_ref() == Some(stem) && (at == 0 || word.follows)
            });
            is_here.then(|| Event {
                rule: phrase.rule.clone(),
                start: words[first].start,
                end: words[words.len() - 1].end,
                score: phrase.score,
            })
        })
    }

    /// The stem of a word, if it stands in a phrase. A stem is the beginning of its word in plain
    /// small letters, so that most words need no stemming; what still looks like an umlaut in two
    /// letters may become one.
    fn known(&self, word: &str) -> Option<Arc<str>> {
        let initial = word.chars().next()?;
        if initial.is_ascii() && !self.initials.contains(&initial.to_ascii_lowercase()) {
            return None;
        }
        let folded = text::fold(word);
        let start = &folded.as_bytes()[..folded.len().min(START_BYTES + 1)];
        let begins = |length| start.get(..length).is_some_and(|own| self.starts.contains(own));
        let is_sure = !start.windows(2).any(|pair| pair == b"ae" || pair == b"oe");
        if is_sure && !(1..=START_BYTES).any(begins) {
            return None;
        }
        self.stems.get(text::stem(&folded).as_str()).cloned()
    }
}

fn stem(word: &str) -> String {
    text::stem(&text::fold(word))
}

fn start_of(word: &str) -> Box<[u8]> {
    word.as_bytes()[..word.len().min(START_BYTES)].into()
}

/// Whether a phrase is nothing but words with blanks or hyphens between them.
fn is_row_of_words(phrase: &str) -> bool {
    phrase.chars().all(|letter| letter.is_alphanumeric() || letter == ' ' || letter == '-')
        && phrase.contains(char::is_alphanumeric)
}

fn is_gap(between: &str) -> bool {
    between.chars().all(|letter| letter.is_whitespace() || letter == '-')
}

/// The places of the words of a text.
fn words(text: &str) -> impl Iterator<Item = (usize, usize)> {
    let mut letters = text.char_indices();
    std::iter::from_fn(move || {
        let (start, _) = letters.find(|(_, letter)| letter.is_alphanumeric())?;
        let end = letters.find(|(_, letter)| !letter.is_alphanumeric());
        Some((start, end.map_or(text.len(), |(end, _)| end)))
    })
}
