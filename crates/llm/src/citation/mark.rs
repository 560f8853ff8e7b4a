//! The shape of a citation mark, and what only looks like one.

/// Longest mark, in characters; anything longer is no mark.
const MARK_CHARS_MAX: usize = 60;
/// How far behind a mark is looked, in characters, to tell a link definition.
const LOOKAHEAD_CHARS: usize = 12;
/// Words that may stand before a number.
const WORDS: [&str; 4] = ["quellen", "quelle", "sources", "source"];
/// Words that may stand between numbers.
const JOINING_WORDS: [&str; 2] = ["und", "and"];

/// What stands at the beginning of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// No citation mark.
    No,
    /// The next piece decides.
    Undecided,
    /// A citation mark.
    Mark(Mark<'a>),
}

/// A citation mark.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mark<'a> {
    /// The whole of it with both brackets.
    pub(super) text: &'a str,
    /// Its length in bytes.
    pub(super) length: usize,
    /// The cited numbers, at least one.
    pub(super) items: Vec<Item<'a>>,
}

/// One number in a mark.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Item<'a> {
    /// As it is written, e.g. `Quelle 7`.
    pub(super) text: &'a str,
    /// The number.
    pub(super) number: u32,
}

/// Looks at the beginning of `text`.
pub(super) fn find(text: &str, at_line_start: bool, is_end: bool) -> Found<'_> {
    let Some(inside) = text.strip_prefix('[') else {
        return if text.is_empty() && !is_end { Found::Undecided } else { Found::No };
    };
    let Some(end) = closing_bracket(inside) else {
        let open = !is_end && may_become_mark(inside);
        return if open { Found::Undecided } else { Found::No };
    };
    let Some(items) = items(&inside[..end]) else { return Found::No };
    let length = end + 2;
    match is_link(&text[length..], at_line_start, is_end) {
        None => Found::Undecided,
        Some(true) => Found::No,
        Some(false) => Found::Mark(Mark { text: &text[..length], length, items }),
    }
}

fn closing_bracket(inside: &str) -> Option<usize> {
    let mut near = inside.char_indices().take(MARK_CHARS_MAX);
    near.find_map(|(index, c)| (c == ']').then_some(index))
}

/// Whether an unclosed bracket can still turn out to be a mark.
fn may_become_mark(inside: &str) -> bool {
    let is_separator = |c: char| matches!(c, ' ' | '\u{a0}' | ',' | ';' | '&' | ':');
    let may_be_item = |part: &str| {
        let letters = part.trim_end_matches(|c: char| c.is_ascii_digit()).to_ascii_lowercase();
        let mut words = WORDS.iter().chain(&JOINING_WORDS);
        words.any(|word| word.starts_with(&letters))
    };
    inside.chars().count() < MARK_CHARS_MAX && inside.split(is_separator).all(may_be_item)
}

fn items(inside: &str) -> Option<Vec<Item<'_>>> {
    let mut items = Vec::new();
    for part in inside.split([',', ';', '&']) {
        for text in split_words(part) {
            let text = text.trim_matches([' ', '\u{a0}']);
            items.push(Item { text, number: number(text)? });
        }
    }
    Some(items)
}

fn split_words(part: &str) -> impl Iterator<Item = &str> {
    let [first, second] = JOINING_WORDS.map(|word| format!(" {word} "));
    let parts: Vec<&str> = part.split(&first).flat_map(|part| part.split(&second)).collect();
    parts.into_iter()
}

fn number(text: &str) -> Option<u32> {
    let lower = text.to_ascii_lowercase();
    let word = WORDS.iter().find(|word| lower.starts_with(**word)).map_or(0, |word| word.len());
    let digits = text[word..].trim_start_matches([' ', '\u{a0}', ':']);
    let is_number = (1..=9).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    // A colon or space belongs to a word; "[:3]" is something else.
    let is_bare = word > 0 || digits.len() == text.len();
    if is_number && is_bare { digits.parse().ok() } else { None }
}

/// Whether what follows makes the bracket a Markdown link or the definition of one; `None` if that
/// cannot be said yet.
fn is_link(after: &str, at_line_start: bool, is_end: bool) -> Option<bool> {
    match after.chars().next() {
        None => is_end.then_some(false),
        Some('(') => Some(true),
        Some(':') if at_line_start => {
            let target = after[1..].trim_start_matches([' ', '\t']);
            let is_target =
                ["http:", "https:", "mailto:", "<", "/", "#"].iter().any(|t| target.starts_with(t));
            let is_known = is_end
                || is_target
                || target.contains(char::is_whitespace)
                || after.chars().nth(LOOKAHEAD_CHARS).is_some();
            is_known.then_some(is_target)
        }
        Some(_) => Some(false),
    }
}
