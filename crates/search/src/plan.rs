//! What a query asks for: weighted terms, pairs of neighbours, quoted phrases, letter runs.
//!
//! Any text is a query; nothing in it is an operator but quotation marks around a phrase.

use std::collections::BTreeSet;

use domain::limits::QUERY_CHARS_MAX;
use text::{Term, fold, terms};

use crate::entry::each_gram;

/// Weight of a further reading of a word: a compound part or a joined form.
const PART_WEIGHT: f32 = 0.4;
/// Weight of a section reference ("§ 195", "Art. 5"): people who write one mean it, and not its number.
const SECTION_WEIGHT: f32 = 1.5;
/// Most phrases of a query; beyond: searched as plain words.
const PHRASES_MAX: usize = 8;

/// A term that is looked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) text: String,
    pub(crate) weight: f32,
}

/// A query, analysed.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) terms: Vec<Wanted>,
    /// Content words that follow each other.
    pub(crate) pairs: Vec<[String; 2]>,
    /// Quoted phrases, word by word.
    pub(crate) phrases: Vec<Vec<String>>,
    /// Letter runs of the content words, each once.
    pub(crate) grams: Vec<String>,
}

impl Plan {
    /// Analyses a query; what lies beyond [`QUERY_CHARS_MAX`] is not read.
    pub(crate) fn of(query: &str) -> Self {
        let end = query.char_indices().nth(QUERY_CHARS_MAX).map_or(query.len(), |(at, _)| at);
        let query = &query[..end];
        let found = terms(query);
        // Words that only build sentences are asked for when there is nothing else.
        let content = found.iter().any(|term| !term.stop);
        let mut plan = Self::default();
        let mut grams = BTreeSet::new();
        let mut before: Option<&Term> = None;
        for term in found.iter().filter(|term| !(content && term.stop)) {
            plan.want(&term.text, weight(term));
            if term.part {
                plan.discount_number_of(&term.text);
                continue;
            }
            each_gram(&fold(&query[term.start..term.end]), &mut |gram| {
                grams.insert(gram.to_owned());
            });
            if let Some(before) = before.replace(term) {
                plan.pairs.push([before.text.clone(), term.text.clone()]);
            }
        }
        plan.grams = grams.into_iter().collect();
        plan.phrases = quoted(query).take(PHRASES_MAX).map(phrase).collect();
        plan.phrases.retain(|words| words.len() > 1);
        plan
    }

    fn want(&mut self, text: &str, weight: f32) {
        match self.terms.iter_mut().find(|wanted| wanted.text == text) {
            Some(wanted) => wanted.weight = wanted.weight.max(weight),
            None => self.terms.push(Wanted { text: text.to_owned(), weight }),
        }
    }

    /// "§ 195" asks for the section, hardly for every 195.
    fn discount_number_of(&mut self, term: &str) {
        let Some((_, number)) = reference(term) else { return };
        if let Some(wanted) = self.terms.iter_mut().find(|wanted| wanted.text == number) {
            wanted.weight = PART_WEIGHT;
        }
    }
}

fn weight(term: &Term) -> f32 {
    if !term.part {
        1.0
    } else if is_section(&term.text) {
        SECTION_WEIGHT
    } else {
        PART_WEIGHT
    }
}

/// Whether a term names a section of a law ("§195", "art5").
pub(crate) fn is_section(term: &str) -> bool {
    matches!(reference(term), Some(("§" | "art", _)))
}

/// Takes a reference as `text::terms` writes it ("§195", "abs1") apart.
fn reference(term: &str) -> Option<(&str, &str)> {
    let kinds = ["§", "art", "abs", "nr"].into_iter();
    let mut found = kinds.filter_map(|kind| Some((kind, term.strip_prefix(kind)?)));
    found.find(|(_, number)| number.starts_with(|letter: char| letter.is_ascii_digit()))
}

fn phrase(text: &str) -> Vec<String> {
    terms(text).into_iter().filter(|term| !term.part).map(|term| term.text).collect()
}

/// Finds what stands between quotation marks, German, English, French or typewritten.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let opens = rest.find(['"', '„', '“', '«', '»'])?;
        let mark = rest[opens..].chars().next()?;
        let inner = &rest[opens + mark.len_utf8()..];
        let closes = inner.find(|letter| closes(mark, letter))?;
        let closing = inner[closes..].chars().next()?;
        rest = &inner[closes + closing.len_utf8()..];
        Some(&inner[..closes])
    })
}

fn closes(opening: char, letter: char) -> bool {
    match opening {
        '„' => matches!(letter, '“' | '”' | '"'),
        '“' => matches!(letter, '”' | '“'),
        '«' => letter == '»',
        '»' => letter == '«',
        _ => letter == '"',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(query: &str) -> Vec<String> {
        Plan::of(query).terms.into_iter().map(|wanted| wanted.text).collect()
    }

    #[test]
    fn question_words_are_ignored_beside_others_and_used_alone() {
        assert_eq!(texts("Wann verjährt der Anspruch?"), ["verjahrt", "anspruch"]);
        assert_eq!(texts("der die das"), ["der", "die", "das"]);
        assert!(texts("?! §").is_empty());
    }

    #[test]
    fn quotes_of_all_kinds_make_phrases() {
        for query in ["\"guter Glaube\"", "„guter Glaube“", "“guter Glaube”", "»guter Glaube«"]
        {
            assert_eq!(Plan::of(query).phrases, [["gut", "glaub"]], "{query}");
        }
        assert!(Plan::of("\"guter Glaube").phrases.is_empty());
    }

    #[test]
    fn sections_weigh_most() {
        let plan = Plan::of("§ 195 BGB");
        let section = plan.terms.iter().find(|wanted| wanted.text == "§195");
        assert_eq!(section.map(|wanted| wanted.weight), Some(SECTION_WEIGHT));
        let number = plan.terms.iter().find(|wanted| wanted.text == "195");
        assert_eq!(number.map(|wanted| wanted.weight), Some(PART_WEIGHT));
    }
}
