//! Terms: what two texts must share to be about the same thing.
//!
//! The same analysis serves the index, the query and the built-in engine, so that they agree on
//! what a word is. Knows nothing of indexes and scores.

mod words;

use std::collections::HashMap;

use crate::{compound, stem, stop};
use words::{Group, Groups};

/// Longest term, in characters; longer words are cut there.
const TERM_CHARS_MAX: usize = 100;
/// Most parts of a hyphenated word that are also joined to one term; beyond: parts only.
const JOINED_WORDS_MAX: usize = 6;
/// Words an [`Analyser`] remembers; at the limit it forgets all and starts again.
const REMEMBERED_WORDS_MAX: usize = 50_000;

/// A normalised word of a text and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// The stem: lower case, umlauts folded, without ending.
    pub text: String,
    /// First byte of the word in the text.
    pub start: usize,
    /// Byte after the word.
    pub end: usize,
    /// Whether this is a further reading of the word before it (a part of a compound, the joined
    /// form of a hyphenated word, a reference such as `§195`) and not a word of its own.
    pub part: bool,
    /// Whether the word only builds sentences ("der", "wegen", "welche").
    pub stop: bool,
}

/// Returns the terms of a text in reading order; further readings of a word follow it.
#[must_use]
pub fn terms(text: &str) -> Vec<Term> {
    let mut found = Vec::new();
    Analyser::new().each(text, &mut |term| found.push(term));
    found
}

/// What is known of a word once it was looked at.
#[derive(Clone)]
struct Reading {
    stem: String,
    stop: bool,
    parts: Vec<String>,
}

/// Finds terms and remembers the words it saw: much faster than [`terms`] for many texts.
#[derive(Clone, Default)]
pub struct Analyser {
    seen: HashMap<String, Reading>,
}

impl Analyser {
    /// Makes an analyser that has seen nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls `found` for each term of the text, in the order of [`terms`].
    pub fn each(&mut self, text: &str, found: &mut dyn FnMut(Term)) {
        let mut references = References::default();
        for group in Groups::of(text) {
            for &(start, end) in &group.words {
                let word = &text[start..end];
                let reading = self.read(word);
                let reference = references.next(word, &group, start);
                if reading.stem.is_empty() {
                    continue;
                }
                let text = reading.stem.clone();
                found(Term { text, start, end, part: false, stop: reading.stop });
                for part in &reading.parts {
                    found(further(part.clone(), start, end));
                }
                if let Some((text, start)) = reference {
                    found(further(text, start, end));
                }
            }
            if let Some(term) = joined(text, &group) {
                found(term);
            }
        }
    }

    fn read(&mut self, word: &str) -> &Reading {
        if !self.seen.contains_key(word) {
            if self.seen.len() >= REMEMBERED_WORDS_MAX {
                self.seen.clear();
            }
            self.seen.insert(word.to_owned(), read_word(word));
        }
        &self.seen[word]
    }
}

fn further(text: String, start: usize, end: usize) -> Term {
    Term { text, start, end, part: true, stop: false }
}

fn read_word(word: &str) -> Reading {
    if word.as_bytes()[0].is_ascii_digit() {
        return Reading { stem: number(&cut(word)), stop: false, parts: Vec::new() };
    }
    let folded = stem::fold(&cut(acronym(word)));
    let stem = stem::stem(&folded);
    let stop = stop::is_folded_stop_word(&folded);
    let parts = if stop {
        Vec::new()
    } else {
        compound::parts(&folded).iter().map(|part| stem::stem(part)).collect()
    };
    Reading { stem, stop, parts }
}

fn cut(word: &str) -> String {
    word.chars().take(TERM_CHARS_MAX).collect()
}

/// "LKWs" and "AGBs" are "LKW" and "AGB".
fn acronym(word: &str) -> &str {
    match word.strip_suffix('s') {
        Some(base) if base.len() >= 2 && base.chars().all(char::is_uppercase) => base,
        _ => word,
    }
}

/// "1.000" is "1000", "07" is "7"; decimals keep their comma.
fn number(word: &str) -> String {
    let plain = stem::fold(word).replace('.', "");
    match plain.strip_prefix('0') {
        Some(digit) if digit.len() == 1 => digit.to_owned(),
        _ => plain,
    }
}

/// The one word that a hyphenated group would be without hyphens.
fn joined(text: &str, group: &Group) -> Option<Term> {
    let (&(start, _), &(_, end)) = (group.words.first()?, group.words.last()?);
    if group.words.len() < 2 || group.words.len() > JOINED_WORDS_MAX {
        return None;
    }
    let whole: String = group.words.iter().map(|&(start, end)| &text[start..end]).collect();
    if !whole.chars().any(char::is_alphabetic) {
        return None;
    }
    let folded = stem::fold(&cut(&whole));
    Some(further(stem::stem(&folded), start, end))
}

/// Recognises references such as "§ 195", "§§ 111 und 112", "Art. 5", "Abs. 1".
#[derive(Default)]
struct References {
    kind: Option<(&'static str, usize)>,
    listing: bool,
}

impl References {
    /// Takes the next word; returns the reference it completes and where that begins.
    fn next(&mut self, word: &str, group: &Group, start: usize) -> Option<(String, usize)> {
        if group.section_signs > 0 && group.words[0].0 == start {
            self.kind = Some(("§", start));
            self.listing = group.section_signs > 1;
        }
        if word.as_bytes()[0].is_ascii_digit() {
            let (kind, from) = self.kind?;
            if self.listing {
                self.kind = Some((kind, usize::MAX));
            } else {
                self.kind = None;
            }
            return Some((format!("{kind}{}", stem::fold(&cut(word))), from.min(start)));
        }
        let listed = matches!(word, "und" | "bis" | "oder" | "f" | "ff");
        if !(self.listing && listed) {
            self.listing = false;
            self.kind = reference_kind(word).map(|kind| (kind, start));
        }
        None
    }
}

fn reference_kind(word: &str) -> Option<&'static str> {
    match word {
        "Paragraph" | "Paragraf" | "Paragraphen" | "Paragrafen" | "paragraph" => Some("§"),
        "Art" | "Artikel" | "Artikels" | "Artikeln" => Some("art"),
        "Abs" | "Absatz" | "Absatzes" => Some("abs"),
        "Nr" | "Nummer" => Some("nr"),
        _ => None,
    }
}
