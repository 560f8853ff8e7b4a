//! JSON as somebody wrote it, read only as far as its strings begin and end. Knows no fields.

use std::ops::Range;

use crate::skipped::Skipped;

/// One past the quotation mark that ends the string whose content begins at `at`.
pub(crate) fn end_of_string(json: &[u8], mut at: usize) -> usize {
    while let Some(step) = memchr::memchr2(b'"', b'\\', json.get(at..).unwrap_or_default()) {
        at += step + 1;
        if json[at - 1] == b'"' {
            return at;
        }
        at += 1;
    }
    json.len()
}

/// Names of fields in it, also those that stand there twice.
pub(crate) fn names_in(json: &str) -> usize {
    let json = json.as_bytes();
    let (mut names, mut at) = (0, 0);
    while let Some(step) = memchr::memchr2(b'"', b':', json.get(at..).unwrap_or_default()) {
        at += step + 1;
        match json[at - 1] {
            b':' => names += 1,
            _ => at = end_of_string(json, at),
        }
    }
    names
}

/// The same JSON with every letter that is written as its number (`\u00fc`) as a letter; `None` if
/// there is none, or it is no JSON. What must be escaped stays so.
pub(crate) fn in_letters(json: &str) -> Option<String> {
    if !json.contains("\\u") || serde_json::from_str::<Skipped>(json).is_err() {
        return None;
    }
    let mut plain = String::with_capacity(json.len());
    let mut from = 0;
    let mut at = 0;
    while let Some(step) = memchr::memchr(b'\\', &json.as_bytes()[at..]) {
        at += step;
        match numbered(json, at) {
            Some((letter, number)) => {
                plain.push_str(&json[from..number.start]);
                plain.push(letter);
                (from, at) = (number.end, number.end);
            }
            // With what it escapes.
            None => at += 2,
        }
    }
    plain.push_str(&json[from..]);
    (from > 0).then_some(plain)
}

/// The letter whose number begins at a backslash, if it may stand for itself (RFC 8259, section 7).
fn numbered(json: &str, at: usize) -> Option<(char, Range<usize>)> {
    let unit = |at: usize| {
        let digits = json.get(at..)?.strip_prefix("\\u")?.get(..4)?;
        u16::from_str_radix(digits, 16).ok()
    };
    let first = unit(at)?;
    let second = unit(at + 6);
    let mut letters = char::decode_utf16([first].into_iter().chain(second));
    let letter = letters.next()?.ok()?;
    let length = 6 * letter.len_utf16();
    let may_stand = !letter.is_control() && letter != '"' && letter != '\\';
    may_stand.then_some((letter, at..at + length))
}
