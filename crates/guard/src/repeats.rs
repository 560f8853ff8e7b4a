//! Finds again, word for word, what was found once: a date of birth is named with its context once
//! and without it afterwards. Knows no rules.

use std::collections::HashSet;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use crate::finding::Finding;
use crate::kind::Kind;

/// Shorter values occur by chance.
const VALUE_BYTES_MIN: usize = 6;
/// Longer ones are written once, and cost more to look for than they are worth.
const VALUE_BYTES_MAX: usize = 256;
/// More different values are not searched for again: that is a register, not a text.
const VALUES_MAX: usize = 4096;

/// Further places of the values that were found. Single words of names are left to the rules for
/// names, which know nouns.
pub fn find(text: &str, found: &[Finding]) -> Vec<Finding> {
    let mut seen = HashSet::new();
    let values: Vec<&Finding> = found
        .iter()
        .filter(|one| {
            let value = one.of(text);
            (VALUE_BYTES_MIN..=VALUE_BYTES_MAX).contains(&value.len())
                && (one.kind != Kind::Name || value.contains(' '))
                && seen.insert(value)
        })
        .take(VALUES_MAX)
        .collect();
    let words = values.iter().map(|one| one.of(text));
    // The kind that is built in linear time. If it cannot be built: the finds themselves stand.
    let searched = AhoCorasick::builder()
        .kind(Some(AhoCorasickKind::ContiguousNFA))
        .match_kind(MatchKind::LeftmostLongest)
        .build(words);
    let Ok(searched) = searched else { return Vec::new() };
    searched
        .find_iter(text)
        .filter(|one| is_whole(text, one.start(), one.end()))
        .map(|one| {
            let first = values[one.pattern().as_usize()];
            Finding { start: one.start(), end: one.end(), ..first.clone() }
        })
        .collect()
}

fn is_whole(text: &str, start: usize, end: usize) -> bool {
    let is_part = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    !is_part(text[..start].chars().next_back()) && !is_part(text[end..].chars().next())
}
