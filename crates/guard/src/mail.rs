//! Mail addresses: everything around an `@` that RFC 5321 allows in practice, also written against
//! harvesters as `name (at) behoerde (punkt) de` or said as `name at behoerde.de`. Knows no list of domains.

use crate::finding::Finding;
use crate::kind::Kind;
use crate::scanner::Page;
use crate::tokens::Shape;

/// Longest local part and domain (RFC 5321, section 4.5.3.1).
const LOCAL_MAX: usize = 64;
const DOMAIN_MAX: usize = 255;

/// Notes every mail address.
pub fn find(page: &Page<'_>, candidates: &mut Vec<Finding>) {
    for (index, token) in page.tokens.iter().enumerate() {
        let bounds = match token.shape {
            Shape::Mark('@') => Some((token.start, token.end)),
            Shape::Mark('(' | '[' | '{') => spelled(page, index, &AT),
            // Most words are none, and this is asked of each.
            Shape::Small | Shape::Capitals if matches!(token.len(), 2..=3) => said(page, index),
            _ => None,
        };
        if let Some((start, end)) = bounds.and_then(|(left, right)| grow(page, left, right)) {
            let score = if token.is_mark('@') { 0.99 } else { 0.9 };
            candidates.push(Finding { kind: Kind::Mail, start, end, score, rule: "mail".into() });
        }
    }
}

/// What people write for `@`, and for a dot.
const AT: [&str; 3] = ["at", "ät", "@"];
const DOT: [&str; 3] = ["dot", "punkt", "."];

fn is_one_of(word: &str, words: &[&str]) -> bool {
    words.iter().any(|one| one.eq_ignore_ascii_case(word))
}

/// `(at)` and `[at]` with the blanks around them.
fn spelled(page: &Page<'_>, index: usize, words: &[&str]) -> Option<(usize, usize)> {
    let word = page.tokens.get(index + 1)?;
    let close = page.tokens.get(index + 2)?;
    let is_closed = [')', ']', '}'].iter().any(|mark| close.is_mark(*mark));
    let is_word = is_one_of(page.word(word), words);
    if !is_word || !is_closed {
        return None;
    }
    Some(apart(page.text, page.tokens[index].start, close.end, &[' ']))
}

/// `erika.muster at amt.example`: only between what looks like the two halves of an address.
fn said(page: &Page<'_>, index: usize) -> Option<(usize, usize)> {
    let token = &page.tokens[index];
    let may_be = matches!(page.text.as_bytes()[token.end - 1], b't' | b'T');
    if !may_be || !is_one_of(page.word(token), &AT) {
        return None;
    }
    let (left, right) = apart(page.text, token.start, token.end, &[' ', '-']);
    let nearest = page.text.floor_char_boundary(left.saturating_sub(LOCAL_MAX));
    let before = page.text[nearest..left].rsplit(char::is_whitespace).next()?;
    let has_mark = before.contains(['.', '_']) && !before.ends_with(['.', ',', ':', ';']);
    let is_named = page.tokens[index.saturating_sub(NAMED_TOKENS)..index].iter().any(|token| {
        ["mail", "email", "mailadresse"].contains(&page.word(token).to_lowercase().as_str())
    });
    (left < token.start && token.end < right && (has_mark || is_named)).then_some((left, right))
}

/// How far before an address a word may stand that names it.
const NAMED_TOKENS: usize = 8;

/// What stands around a range behind blanks, or other marks.
fn apart(text: &str, start: usize, end: usize, marks: &[char]) -> (usize, usize) {
    let right = text.len() - text[end..].trim_start_matches(marks).len();
    (text[..start].trim_end_matches(marks).len(), right)
}

/// A dot that is spelled out: `(punkt)`, ` dot `.
fn dot(page: &Page<'_>, index: usize) -> Option<(usize, usize)> {
    let token = page.tokens.get(index)?;
    spelled(page, index, &DOT).or_else(|| {
        let (left, right) = apart(page.text, token.start, token.end, &[' ']);
        let is_apart = left < token.start && token.end < right;
        (is_apart && token.is_word() && is_one_of(page.word(token), &DOT)).then_some((left, right))
    })
}

fn grow(page: &Page<'_>, left: usize, right: usize) -> Option<(usize, usize)> {
    let text = page.text;
    let local = text[..left]
        .char_indices()
        .rev()
        .take(LOCAL_MAX)
        .take_while(|(_, letter)| letter.is_alphanumeric() || "._%+-'&=~".contains(*letter))
        .last()?
        .0;
    let start = local + text[local..left].len()
        - text[local..left].trim_start_matches(['.', '-', '\'', '=', '&']).len();
    let end = end_of_domain(page, right)?;
    // `://user:password@host` is no mail address but a secret.
    let is_password = text[..start].ends_with(':')
        && text[text.floor_char_boundary(start.saturating_sub(80))..start].contains("://");
    (start < left && !is_password).then_some((start, end))
}

/// Where a domain ends that begins here, if it has a top.
fn end_of_domain(page: &Page<'_>, start: usize) -> Option<usize> {
    let label = |from: usize| -> usize {
        let letters = page.text[from..].chars().take(DOMAIN_MAX);
        let letters = letters.take_while(|one| one.is_alphanumeric() || ".-".contains(*one));
        from + letters.map(char::len_utf8).sum::<usize>()
    };
    let trimmed = |end: usize| start + page.text[start..end].trim_end_matches(['.', '-']).len();
    let mut end = trimmed(label(start));
    let mut has_dot = page.text[start..end].contains('.');
    let mut top = start + page.text[start..end].rfind('.').map_or(0, |at| at + 1);
    // `amt (punkt) example`.
    for _ in 0..DOTS_MAX {
        let next = page.tokens.partition_point(|token| token.start < end);
        let Some((_, behind)) = dot(page, next).filter(|(left, _)| *left == end) else {
            break;
        };
        let stop = trimmed(label(behind));
        if stop <= behind {
            break;
        }
        (has_dot, end) = (true, stop);
        top = behind + page.text[behind..end].rfind('.').map_or(0, |at| at + 1);
    }
    let top = &page.text[top..end];
    let is_top =
        top.chars().count() >= 2 && top.chars().all(char::is_alphabetic) || top.starts_with("xn--");
    (has_dot && is_top).then_some(end)
}

/// Most dots that are spelled out.
const DOTS_MAX: usize = 4;
