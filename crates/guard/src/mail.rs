//! Mail addresses: everything around an `@` that RFC 5321 allows in practice, also written against
//! harvesters as `name (at) behoerde.de`. Knows no list of domains.

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
            Shape::Mark('(' | '[') => spelled_at(page, index),
            _ => None,
        };
        if let Some((start, end)) = bounds.and_then(|(left, right)| grow(page.text, left, right)) {
            let score = if token.is_mark('@') { 0.99 } else { 0.9 };
            candidates.push(Finding { kind: Kind::Mail, start, end, score, rule: "mail".into() });
        }
    }
}

/// `(at)` and `[at]` with the blanks around them.
fn spelled_at(page: &Page<'_>, index: usize) -> Option<(usize, usize)> {
    let word = page.tokens.get(index + 1)?;
    let close = page.tokens.get(index + 2)?;
    let is_at =
        page.word(word).eq_ignore_ascii_case("at") && (close.is_mark(')') || close.is_mark(']'));
    if !is_at {
        return None;
    }
    let left = page.text[..page.tokens[index].start].trim_end_matches(' ').len();
    let right = page.text.len() - page.text[close.end..].trim_start_matches(' ').len();
    Some((left, right))
}

fn grow(text: &str, left: usize, right: usize) -> Option<(usize, usize)> {
    let local = text[..left]
        .char_indices()
        .rev()
        .take(LOCAL_MAX)
        .take_while(|(_, letter)| letter.is_alphanumeric() || "._%+-'&=~".contains(*letter))
        .last()?
        .0;
    let start = local + text[local..left].len()
        - text[local..left].trim_start_matches(['.', '-', '\'', '=', '&']).len();
    let domain: usize = text[right..]
        .chars()
        .take(DOMAIN_MAX)
        .take_while(|letter| letter.is_alphanumeric() || *letter == '.' || *letter == '-')
        .map(char::len_utf8)
        .sum();
    let end = right + text[right..right + domain].trim_end_matches(['.', '-']).len();
    let (_, top) = text[right..end].rsplit_once('.')?;
    let is_top =
        top.chars().count() >= 2 && top.chars().all(char::is_alphabetic) || top.starts_with("xn--");
    // `://user:password@host` is no mail address but a secret.
    let is_password = text[..start].ends_with(':')
        && text[text.floor_char_boundary(start.saturating_sub(80))..start].contains("://");
    (is_top && start < left && !is_password).then_some((start, end))
}
