//! Sources as sentences, and sentences as quotes with their place.

use std::ops::Range;

use text::leading_marker;

use crate::{Piece, Source};

/// Most bytes of all sources together that are read; beyond: later text is left out and the answer says so.
const READ_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Most list marks that are taken off the front of a quote ("1. a) …").
const MARKS_MAX: usize = 3;

/// A source cut into sentences.
pub(crate) struct Excerpted<'a> {
    pub source: Source<'a>,
    sentences: Vec<Range<usize>>,
}

/// The sources as sentences, and whether all of them were read.
pub(crate) fn excerpt<'a>(sources: &[Source<'a>]) -> (Vec<Excerpted<'a>>, bool) {
    let mut left = READ_BYTES_MAX;
    let mut complete = true;
    let mut read = Vec::new();
    for source in sources {
        let mut end = source.text.len().min(left);
        while !source.text.is_char_boundary(end) {
            end -= 1;
        }
        complete &= end == source.text.len();
        left -= end;
        read.push(Excerpted { source: *source, sentences: text::sentences(&source.text[..end]) });
    }
    (read, complete)
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
