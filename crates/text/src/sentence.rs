//! Where German (and English) sentences end, in the text of offices and laws.
//!
//! Two steps: [`line`] cuts the text at breaks that somebody made on purpose (blank lines, list items, headings) and joins
//! lines that were merely wrapped; [`stop`] decides for every full stop inside such a segment whether a sentence ends there.
//! Rules and closed lists, no model, so that every decision can be explained. Linear in the length of the text: each look back
//! or ahead from a full stop is bounded. Knows nothing of documents, pages or grammar.

mod abbreviation;
mod bracket;
mod line;
mod lists;
mod marker;
mod stop;
mod word;

use std::ops::Range;

pub use marker::leading_marker;

/// The sentences of `text` as byte ranges: in order, disjoint, trimmed, on character boundaries, and together covering
/// everything that is not white space. A heading or list item without a full stop is a sentence of its own.
#[must_use]
pub fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for segment in line::segments(text) {
        split_segment(text, segment, &mut found);
    }
    found
}

fn split_segment(text: &str, segment: Range<usize>, found: &mut Vec<Range<usize>>) {
    let slice = &text[segment.clone()];
    let protected = bracket::short_pairs(slice);
    let mut inside = protected.iter().peekable();
    let mut start = 0;
    let mut at = 0;
    while let Some(mark) = stop::next_mark(slice, at) {
        at = mark.end;
        while inside.next_if(|pair| pair.end <= mark.start).is_some() {}
        let shielded =
            inside.peek().is_some_and(|pair| pair.start < mark.start && mark.end < pair.end);
        if !shielded && stop::ends_sentence(slice, start, &mark) {
            let end = stop::past_closers(slice, mark.end);
            push_trimmed(text, segment.start + start..segment.start + end, found);
            start = end;
            at = end;
        }
    }
    push_trimmed(text, segment.start + start..segment.end, found);
}

fn push_trimmed(text: &str, range: Range<usize>, found: &mut Vec<Range<usize>>) {
    let slice = &text[range.clone()];
    let body = slice.trim();
    if !body.is_empty() {
        let start = range.start + (slice.len() - slice.trim_start().len());
        found.push(start..start + body.len());
    }
}
