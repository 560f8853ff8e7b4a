//! Words and phrases that a tenant does not want to see, in whatever form German grammar gives them.
//! Knows words, not meanings.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use aho_corasick::AhoCorasick;
use serde::Deserialize;

use crate::event::Event;
use crate::phrases::PhraseRules;
use crate::rules::RulesError;
use crate::views;

/// Shortest word that is looked for inside compounds, in bytes without a final `e`: shorter ones stand in
/// too many words that mean something else.
const INNER_BYTES_MIN: usize = 4;
/// Shortest word that may be a compound, in bytes.
const COMPOUND_BYTES_MIN: usize = 7;

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
    /// Words or phrases, case does not matter.
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
/// Vergabeverfahrens`, a single word also inside compounds. Words are compared by their stems, as the
/// search does.
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
    /// The stems that may stand inside a compound.
    inner: AhoCorasick,
}

/// A phrase in stems.
#[derive(Debug, Clone)]
struct Phrase {
    stems: Vec<Arc<str>>,
    /// How its only word begins in compounds, if it is long enough to be looked for there.
    base: Option<Box<str>>,
    rule: Arc<str>,
    score: f32,
}

/// A word of a text.
struct Word {
    start: usize,
    end: usize,
    /// Its own and that of a part of it, as far as they are in phrases.
    stems: Vec<Arc<str>>,
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
                base: base(row),
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
        let inner = AhoCorasick::new(phrases.iter().filter_map(|phrase| phrase.base.as_deref()));
        Ok(Self {
            inner: inner.map_err(|error| RulesError::Rule {
                rule: "topic".into(),
                what: error.to_string(),
            })?,
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
        let all_small = !text.contains(char::is_uppercase);
        let mut last = VecDeque::with_capacity(self.longest + 1);
        let mut before = 0;
        for (start, end) in words(text) {
            let follows = is_gap(&text[before..start]);
            before = end;
            let word = &text[start..end];
            // A word of some phrase may hold one that is a topic alone.
            let stems = self.known(word).into_iter().chain(self.inside(word, all_small)).collect();
            last.push_back(Word { start, end, stems, follows });
            if last.len() > self.longest {
                last.pop_front();
            }
            events.extend(self.ending(&last));
        }
    }

    /// The phrases that end with the last of these words.
    fn ending<'t>(&'t self, words: &'t VecDeque<Word>) -> impl Iterator<Item = Event> + 't {
        let stems = words.back().into_iter().flat_map(|word| &word.stems);
        let phrases = stems.filter_map(|stem| self.by_last.get(stem)).flatten();
        phrases.filter_map(|index| {
            let phrase = &self.phrases[*index];
            let first = words.len().checked_sub(phrase.stems.len())?;
            let own = words.iter().skip(first);
            let is_here =
                own.clone().zip(&phrase.stems).enumerate().all(|(at, (word, stem))| {
                    word.stems.contains(stem) && (at == 0 || word.follows)
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

impl TopicRules {
    /// The stem of a topic's only word that is a part of a compound: `Waffe` in `Schusswaffenbesitz`,
    /// `Vergabeverfahren` in `Vergabeverfahrensordnung`; of several the longest. The last part says what
    /// a word is: in small letters no noun (`akzeptieren` is about no `Tiere`), unless `all_small`.
    fn inside(&self, word: &str, all_small: bool) -> Option<Arc<str>> {
        if word.len() < COMPOUND_BYTES_MIN || self.inner.patterns_len() == 0 {
            return None;
        }
        let folded = text::fold(word);
        // Most words have nothing of the kind in them, and to take them apart takes long.
        if !self.inner.is_match(&folded) {
            return None;
        }
        let parts = text::compound_parts(&folded);
        let count = parts.len();
        let is_noun = all_small || word.starts_with(char::is_uppercase);
        let last = if is_noun { count } else { count.saturating_sub(1) };
        let rows = (1..count).rev().flat_map(|long| {
            (0..=count - long).map(move |at| at..at + long).filter(move |row| row.end <= last)
        });
        rows.map(|row| parts[row].concat()).find_map(|row| {
            let stem = self.stems.get(text::stem(&row).as_str())?;
            let mut phrases = self.by_last.get(stem)?.iter().map(|index| &self.phrases[*index]);
            // Of one stem are also words that have nothing else in common: `Kündigung`, `kundig`.
            let is_it =
                |phrase: &Phrase| phrase.base.as_ref().is_some_and(|b| row.starts_with(&**b));
            phrases.any(is_it).then(|| stem.clone())
        })
    }
}

fn stem(word: &str) -> String {
    text::stem(&text::fold(word))
}

/// What every form of a word begins with inside compounds; `None` if it is too short, or several words.
fn base(phrase: &str) -> Option<Box<str>> {
    let phrase = phrase.trim();
    let folded = text::fold(phrase);
    let base = folded.strip_suffix('e').unwrap_or(&folded);
    let is_word = phrase.chars().all(char::is_alphabetic);
    (is_word && base.len() >= INNER_BYTES_MIN).then(|| base.into())
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
