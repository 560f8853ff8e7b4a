//! Which words of a text a query asks for: what a page highlights in a hit.

use std::{collections::HashSet, ops::Range};

use text::Analyser;

use crate::plan::Plan;

/// A query, ready to be looked for in many texts.
pub struct Matcher {
    wanted: HashSet<String>,
    analyser: Analyser,
}

impl Matcher {
    /// Reads a query as [`crate::Index::search`] does.
    #[must_use]
    pub fn new(query: &str) -> Self {
        let terms = Plan::of(query).terms.into_iter();
        // The number of a reference („§ 195“) finds passages, but alone it means nothing to a reader.
        let wanted = terms.filter(|term| term.weight >= 1.0 || !is_number(&term.text));
        Self { wanted: wanted.map(|term| term.text).collect(), analyser: Analyser::new() }
    }

    /// Where the words stand that the query asks for: in code points, in order, never overlapping.
    /// A compound is one word, also when only a part of it was asked for.
    pub fn find(&mut self, text: &str) -> Vec<Range<usize>> {
        let mut bytes: Vec<Range<usize>> = Vec::new();
        self.analyser.each(text, &mut |term| {
            if self.wanted.contains(&term.text) {
                bytes.push(term.start..term.end);
            }
        });
        bytes.sort_unstable_by_key(|range| (range.start, range.end));
        in_code_points(text, united(bytes))
    }
}

fn is_number(term: &str) -> bool {
    term.starts_with(|letter: char| letter.is_ascii_digit())
}

/// Makes one of ranges that overlap: a reference holds its number.
fn united(sorted: Vec<Range<usize>>) -> Vec<Range<usize>> {
    let mut apart: Vec<Range<usize>> = Vec::with_capacity(sorted.len());
    for range in sorted {
        match apart.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => apart.push(range),
        }
    }
    apart
}

fn in_code_points(text: &str, bytes: Vec<Range<usize>>) -> Vec<Range<usize>> {
    let (mut byte, mut point) = (0, 0);
    let mut count_to = |to: usize| {
        point += text[byte..to].chars().count();
        byte = to;
        point
    };
    bytes.into_iter().map(|range| count_to(range.start)..count_to(range.end)).collect()
}
