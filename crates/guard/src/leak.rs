//! Whether an answer gives away the system prompt. Compares runs of words; knows no paraphrase.

use std::hash::BuildHasher as _;

use rustc_hash::{FxBuildHasher, FxHashSet};

use crate::base64;
use crate::encoded;
use crate::event::Event;
use crate::readings;
use crate::views;

/// Words of a shingle. Shorter runs of words occur by chance.
const SHINGLE_WORDS: usize = 6;
/// Words that a copied run has at least to be an event: two sentences' worth of chance is excluded.
const RUN_WORDS_MIN: usize = 10;
/// Words after which a run may become a leak: two words are said by chance all the time.
const BEGINNING_WORDS: usize = 3;
/// A longer word is not waited for.
const WORD_BYTES_MAX: usize = 80;
/// A longer run is judged as it stands.
const OPEN_BYTES_MAX: usize = 4_096;

/// The shingles of a system prompt.
#[derive(Clone)]
pub struct PromptLeak {
    shingles: FxHashSet<u64>,
    /// Shorter runs, which a leak begins with.
    beginnings: FxHashSet<u64>,
}

impl std::fmt::Debug for PromptLeak {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("PromptLeak").field("shingles", &self.shingles.len()).finish()
    }
}

impl PromptLeak {
    /// Remembers a system prompt as hashes. One shorter than ten words is never reported.
    #[must_use]
    pub fn of(prompt: &str) -> Self {
        let words = words(prompt);
        if words.len() < RUN_WORDS_MIN {
            return Self { shingles: FxHashSet::default(), beginnings: FxHashSet::default() };
        }
        Self {
            shingles: words.windows(SHINGLE_WORDS).map(hash).collect(),
            beginnings: words.windows(BEGINNING_WORDS).map(hash).collect(),
        }
    }

    /// Whether the prompt is too short to be given away.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shingles.is_empty()
    }

    /// The first byte of a run of words of the prompt that more text could lengthen, or of the word
    /// that is not over yet; the length of the text if there is neither.
    #[must_use]
    pub fn open_from(&self, text: &str) -> usize {
        if self.is_empty() {
            return text.len();
        }
        let from = text.ceil_char_boundary(text.len().saturating_sub(OPEN_BYTES_MAX));
        let open = from + views::open_from(&text[from..], &|view| self.open_in_view(view));
        open.min(base64::open_from(text))
    }

    fn open_in_view(&self, text: &str) -> usize {
        let open = match readings::plain(text) {
            None => self.open_from_plain(text),
            Some(plain) => plain.origins.of(self.open_from_plain(&plain.text)),
        };
        if !encoded::is_unfinished(text) {
            return open;
        }
        // Half an encoded letter is no end of a word.
        let word = text.trim_end_matches(|letter: char| !letter.is_whitespace()).len();
        open.min(self.open_from_plain(&text[..word])).min(word)
    }

    fn open_from_plain(&self, text: &str) -> usize {
        let mut words = words(text);
        // The last word may not be over yet.
        let unfinished = if text.ends_with(char::is_alphanumeric) { words.pop() } else { None };
        let unfinished = unfinished.filter(|word| word.end - word.start <= WORD_BYTES_MAX);
        let runs = words.windows(BEGINNING_WORDS).rev();
        let known = runs.take_while(|run| self.beginnings.contains(&hash(run))).count();
        match words.len().checked_sub(known + BEGINNING_WORDS - 1) {
            Some(first) if known > 0 => words[first].start,
            // A word that may turn out to begin a run is not given away in part.
            _ => unfinished.map_or(text.len(), |word| word.start),
        }
    }

    /// Runs of at least ten words of the prompt in an answer. The score is the share of the prompt
    /// that the run gives away, at least 0.5.
    #[must_use]
    pub fn inspect(&self, answer: &str) -> Vec<Event> {
        if self.shingles.is_empty() {
            return Vec::new();
        }
        views::look(answer, &|view| self.inspect_plain(view))
    }

    fn inspect_plain(&self, answer: &str) -> Vec<Event> {
        let words = words(answer);
        let known: Vec<bool> =
            words.windows(SHINGLE_WORDS).map(|run| self.shingles.contains(&hash(run))).collect();
        let mut events = Vec::new();
        let mut at = 0;
        while at < known.len() {
            let length = known[at..].iter().take_while(|is_known| **is_known).count();
            let run_words = length + SHINGLE_WORDS - 1;
            if length > 0 && run_words >= RUN_WORDS_MIN {
                let share = length as f32 / self.shingles.len() as f32;
                let (start, end) = (words[at].start, words[at + run_words - 1].end);
                let score = share.clamp(0.5, 1.0);
                events.push(Event { rule: "leak/system-prompt".into(), start, end, score });
            }
            at += length.max(1);
        }
        events
    }
}

/// A word in small letters and its place.
struct Word {
    small: String,
    start: usize,
    end: usize,
}

fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, letter) in text.char_indices().chain([(text.len(), ' ')]) {
        match (start, letter.is_alphanumeric()) {
            (None, true) => start = Some(at),
            (Some(first), false) => {
                words.push(Word { small: text[first..at].to_lowercase(), start: first, end: at });
                start = None;
            }
            _ => {}
        }
    }
    words
}

fn hash(run: &[Word]) -> u64 {
    let words: Vec<&str> = run.iter().map(|word| word.small.as_str()).collect();
    FxBuildHasher.hash_one(words)
}
