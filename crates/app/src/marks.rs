//! Citation marks in an answer on its way, numbered in the order in which sources appear: those of a language model are checked against the given
//! sources; those of the built-in engine are exact by themselves, and brackets inside its quotes
//! must stay word for word.

use std::collections::BTreeMap;

use llm::{AnswerPlace, ChatChunk, CitationFilter};

/// Where marks stand.
const CONTENT: &AnswerPlace = "content";

/// Checks the marks of all choices of an answer.
#[derive(Default)]
pub(crate) struct Marks {
    /// `None` if nothing is to be checked.
    known: Option<Vec<u32>>,
    filters: BTreeMap<u64, CitationFilter>,
}

impl Marks {
    /// Checks nothing: an answer without sources, or one that quotes exactly.
    pub(crate) fn trusted() -> Self {
        Self::default()
    }

    /// Checks against the numbers of the given sources.
    pub(crate) fn checked(known: impl Iterator<Item = u32>) -> Self {
        Self { known: Some(known.collect()), filters: BTreeMap::new() }
    }

    /// Takes the next piece of a choice and returns what may be shown.
    pub(crate) fn push(&mut self, choice: u64, piece: &str) -> String {
        match self.filter(choice) {
            Some(filter) => filter.push(piece),
            None => piece.to_owned(),
        }
    }

    /// Ends a choice and returns the rest.
    pub(crate) fn finish(&mut self, choice: u64) -> String {
        self.filter(choice).map(CitationFilter::finish).unwrap_or_default()
    }

    /// Where a possible mark is held back: the choice and the place of its text.
    pub(crate) fn held(&self) -> impl Iterator<Item = (u64, String)> {
        let held = self.filters.iter().filter(|(_, filter)| filter.holds());
        held.map(|(choice, _)| (*choice, CONTENT.to_owned()))
    }

    /// Gives what is held back there: nothing more will come of it.
    pub(crate) fn let_go(&mut self, choice: u64, place: &AnswerPlace) -> String {
        if place == CONTENT { self.finish(choice) } else { String::new() }
    }

    /// Checks a chunk; in the chunk that ends a choice, what was held back comes along.
    pub(crate) fn check(&mut self, chunk: &mut ChatChunk) {
        if self.known.is_none() {
            return;
        }
        chunk.rewrite_texts(|choice, text| self.push(choice, text));
        for choice in chunk.ended_choices() {
            let rest = self.finish(choice);
            if !rest.is_empty() {
                chunk.append_text(choice, &rest);
            }
        }
    }

    /// The sources cited in the first choice, by their own numbers, in the order of appearance.
    pub(crate) fn cited(&self) -> &[u32] {
        self.filters.get(&0).map_or(&[], CitationFilter::cited)
    }

    /// How many marks without a source were taken out of the first choice.
    pub(crate) fn removed(&self) -> u32 {
        self.filters.get(&0).map_or(0, CitationFilter::removed)
    }

    fn filter(&mut self, choice: u64) -> Option<&mut CitationFilter> {
        let known = self.known.as_ref()?;
        let filters = &mut self.filters;
        Some(
            filters
                .entry(choice)
                .or_insert_with(|| CitationFilter::renumbering(known.iter().copied())),
        )
    }
}
