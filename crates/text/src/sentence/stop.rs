//! Whether a full stop, question mark, exclamation mark or ellipsis ends the sentence it stands in.

use std::ops::Range;

use super::abbreviation::{self, Ending};
use super::marker::leading_marker;
use super::{lists, word};

/// The next run of sentence-ending signs at or after `from`.
pub(super) fn next_mark(text: &str, from: usize) -> Option<Range<usize>> {
    let start = from + text[from..].find(is_mark)?;
    let rest = &text[start..];
    let length = rest.find(|character| !is_mark(character)).unwrap_or(rest.len());
    Some(start..start + length)
}

fn is_mark(character: char) -> bool {
    matches!(character, '.' | '!' | '?' | '…')
}

/// The end of the closing quotes, brackets and raised note numbers that follow a mark directly.
pub(super) fn past_closers(text: &str, end: usize) -> usize {
    let rest = &text[end..];
    end + rest.find(|character| !is_closer(character)).unwrap_or(rest.len())
}

fn is_closer(character: char) -> bool {
    matches!(
        character,
        '"' | '\''
            | '“'
            | '”'
            | '‘'
            | '’'
            | '«'
            | '»'
            | '›'
            | '‹'
            | ')'
            | ']'
            | '¹'
            | '²'
            | '³'
            | '⁴'..='⁹' | '*'
    )
}

/// Whether the sentence that begins at `start` ends with `mark`.
pub(super) fn ends_sentence(text: &str, start: usize, mark: &Range<usize>) -> bool {
    let closed = past_closers(text, mark.end);
    let rest = &text[closed..];
    if rest.trim_start().is_empty() || !rest.starts_with(char::is_whitespace) {
        return false; // the end of the segment is an end anyway; "3.14", "z.B." and "www.amt.de" go on
    }
    let next = Next::read(rest.trim_start());
    if next == Next::Continuation {
        return false;
    }
    match &text[mark.clone()] {
        "." => match abbreviation::ending(text, start, mark.start, &next) {
            Ending::Always => true,
            Ending::BeforeStarter => next.begins_clearly(),
            Ending::Never => false,
        },
        dots if dots.ends_with(['.', '…']) => next.begins_clearly(),
        _ => true,
    }
}

/// What stands after the mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next<'a> {
    /// Small letters or a sign of the same sentence.
    Continuation,
    /// A capitalised word, in German perhaps only a noun.
    Capitalised(&'a str),
    /// A number.
    Number,
    /// A mark that only begins sentences, such as "(2)", "§", "a)" or an opening quote.
    Opening,
}

impl<'a> Next<'a> {
    fn read(rest: &'a str) -> Next<'a> {
        if rest.starts_with('(') && leading_marker(rest) > 0 {
            return Next::Opening;
        }
        let quoted = rest.starts_with(['„', '»', '“', '"', '‚']);
        let bare = rest.trim_start_matches(|sign: char| {
            !sign.is_alphanumeric() && sign != '§' && !is_mark(sign)
        });
        if rest.len() - bare.len() > 16 {
            return Next::Opening;
        }
        match bare.chars().next() {
            None => Next::Opening,
            Some('§') => Next::Opening,
            Some(first) if first.is_numeric() => Next::Number,
            Some(first) if first.is_lowercase() => {
                if leading_marker(bare) > 0 && !quoted {
                    Next::Opening
                } else {
                    Next::Continuation
                }
            }
            Some(first) if first.is_alphabetic() => Next::Capitalised(word::after(bare, 0)),
            Some(_) => Next::Continuation,
        }
    }

    /// Whether the next word opens sentences by its nature, so that even "5." or "usw." before it ends one.
    fn begins_clearly(self) -> bool {
        match self {
            Next::Opening => true,
            Next::Capitalised(word) => lists::is_starter(word),
            Next::Number | Next::Continuation => false,
        }
    }
}
