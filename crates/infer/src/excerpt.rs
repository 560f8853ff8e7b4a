//! Sources as sentences, and sentences as quotes with their place.

use std::ops::Range;

use text::leading_marker;

use crate::{Piece, Source};

/// Most bytes of a question and its sources together that are read; beyond: later text is left out and the answer says so.
const READ_BYTES_MAX: usize = 1024 * 1024;
/// Most list marks that are taken off the front of a quote ("1. a) …").
const MARKS_MAX: usize = 3;

/// A source cut into sentences.
pub(crate) struct Excerpted<'a> {
    pub source: Source<'a>,
    sentences: Vec<Range<usize>>,
}

/// What of a question and its sources is read.
pub(crate) struct Reading<'a> {
    pub question: &'a str,
    pub sources: Vec<Excerpted<'a>>,
    /// Whether that is all.
    pub complete: bool,
}

/// Reads as much as the bound allows: the question first, then source after source.
pub(crate) fn read<'a>(question: &'a str, sources: &[Source<'a>]) -> Reading<'a> {
    let (mut left, mut complete) = (READ_BYTES_MAX, true);
    let mut take = |text: &'a str| {
        let taken = &text[..text.floor_char_boundary(left)];
        left -= taken.len();
        complete &= taken.len() == text.len();
        taken
    };
    let question = take(question);
    let mut read = Vec::new();
    for source in sources {
        let heading = take(source.heading);
        let sentences = text::sentences(take(source.text));
        read.push(Excerpted { source: Source { heading, ..*source }, sentences });
    }
    Reading { question, sources: read, complete }
}

impl<'a> Excerpted<'a> {
    /// The sentences with the marks before them.
    pub(crate) fn sentences(&self) -> impl Iterator<Item = &'a str> {
        let text = self.source.text;
        self.sentences.iter().map(move |range| &text[range.clone()])
    }

    /// The sentence as a quote, without the mark before it: it is as word for word without "1." as with it, and a mark would
    /// become a list or heading of the answer.
    pub(crate) fn quote(&self, sentence: usize) -> Piece {
        let range = self.sentences[sentence].clone();
        let mut start = range.start;
        for _ in 0..MARKS_MAX {
            let marker = leading_marker(&self.source.text[start..range.end]);
            if start + marker == range.end {
                break;
            }
            start += marker;
        }
        let first = self.source.text[..start].chars().count();
        let text = &self.source.text[start..range.end];
        Piece::Quote {
            source: self.source.number,
            start: first,
            end: first + text.chars().count(),
            text: text.to_owned(),
        }
    }

    /// Whether the sentence bears a list mark.
    pub(crate) fn is_item(&self, sentence: usize) -> bool {
        let text = &self.source.text[self.sentences[sentence].clone()];
        !text.starts_with(['(', '#']) && leading_marker(text) > 0
    }
}
