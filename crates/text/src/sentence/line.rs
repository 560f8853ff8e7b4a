//! Which line breaks were made on purpose.
//!
//! A break is a wrap when the next word would not have fitted on the line; when it would have, somebody pressed return.

use std::ops::Range;

use super::marker::leading_marker;
use super::word;
use super::{abbreviation, lists};

/// A line shorter than this share of the widest line of its block, with the next word added, was ended on purpose.
/// Below one, because proportional type makes lines of one column differ in characters.
const FULL_LINE_SHARE: f32 = 0.75;

struct Line<'a> {
    start: usize,
    text: &'a str,
    width: usize,
}

/// The pieces of `text` between deliberate breaks, in order; white space around them may be included.
pub(super) fn segments(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut block: Vec<Line<'_>> = Vec::new();
    let mut start = 0;
    for raw in text.split_inclusive('\n') {
        let trimmed = raw.trim();
        if trimmed.is_empty() {
            close_block(&mut block, &mut found);
        } else {
            let lead = raw.len() - raw.trim_start().len();
            block.push(Line { start: start + lead, text: trimmed, width: trimmed.chars().count() });
        }
        start += raw.len();
    }
    close_block(&mut block, &mut found);
    found
}

fn close_block(block: &mut Vec<Line<'_>>, found: &mut Vec<Range<usize>>) {
    let Some(first) = block.first() else { return };
    let widest = block.iter().map(|line| line.width).max().unwrap_or(0);
    let mut start = first.start;
    for pair in block.windows(2) {
        if is_deliberate(&pair[0], &pair[1], widest) {
            found.push(start..pair[0].start + pair[0].text.len());
            start = pair[1].start;
        }
    }
    if let Some(last) = block.last() {
        found.push(start..last.start + last.text.len());
    }
    block.clear();
}

fn is_deliberate(line: &Line<'_>, next: &Line<'_>, widest: usize) -> bool {
    let marker = leading_marker(line.text);
    if marker == line.text.len() {
        return false; // the mark stands alone on its line and belongs to the next
    }
    if (marker > 0 && line.text.starts_with('#')) || line.text.ends_with('|') {
        return true;
    }
    if leading_marker(next.text) > 0 && !is_running_on(line, next) {
        return true;
    }
    if next.text.starts_with(char::is_lowercase) || expects_more(line.text) {
        return false;
    }
    if line.text.ends_with(':') {
        return true;
    }
    let with_next_word = line.width + 1 + word::after(next.text, 0).chars().count();
    (with_next_word as f32) < FULL_LINE_SHARE * widest as f32
}

/// "… am\n1. Januar", "… Nr.\n3. des", "… Haus\n– das alte –": the sign belongs to the running sentence.
fn is_running_on(line: &Line<'_>, next: &Line<'_>) -> bool {
    let after_mark = &next.text[leading_marker(next.text)..];
    if next.text.starts_with(['–', '—']) {
        let ended = line.text.ends_with(['.', '!', '?', ':', ';', ',']);
        return !ended && after_mark.starts_with(char::is_lowercase);
    }
    if !next.text.starts_with(char::is_alphanumeric) {
        return false;
    }
    let stem = line.text.strip_suffix('.');
    let last = word::before(line.text, stem.unwrap_or(line.text).len());
    let awaits_number = match stem {
        Some(_) => abbreviation::never_ends(last),
        None => last.starts_with('§') || lists::is_reference(last) || lists::is_determiner(last),
    };
    awaits_number || lists::is_month(word::after(after_mark, 0))
}

/// Whether a line ends in a way that only a continuation makes whole: a comma, a hyphen, an article, "und".
fn expects_more(line: &str) -> bool {
    if line.ends_with([',', '-', '\u{ad}', '(', '/']) {
        return true;
    }
    let last = word::before(line, line.len());
    last.starts_with('§')
        || lists::is_reference(last)
        || lists::is_determiner(last)
        || lists::is_joining(last)
}
