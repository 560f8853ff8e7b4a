//! How well a sentence stands alone, whatever it is about.

use crate::leading_marker;

/// Fewest and most words of a sentence that reads well alone. Shorter ones are labels or remarks, longer ones lists.
const WORDS_WANTED: std::ops::RangeInclusive<usize> = 8..=45;
/// Fewest words of anything worth quoting in a summary.
const WORDS_MIN: usize = 4;

/// Words that point back at an earlier sentence when they open one.
const POINTING_BACK: &str = "er sie es dies diese dieser dieses diesem diesen dabei dazu dafür dagegen daher dann danach daraus
darin darüber davon dadurch damit deshalb deswegen hierbei hierfür hierzu hiervon hierdurch ihm ihr
ihre ihrer seine seiner sein letztere letzterer letzteres solche solcher solches außerdem ferner
zudem jedoch allerdings dasselbe gleiches entsprechendes andernfalls sonst insoweit stattdessen he
she it they this these those such however therefore its their his her otherwise instead";

/// From 0 (not worth a place in a summary) to 1.
pub(super) fn standing(sentence: &str) -> f32 {
    let body = sentence[leading_marker(sentence)..].trim();
    let words = body.split_whitespace().count();
    if words < WORDS_MIN || !body.contains(char::is_alphabetic) {
        return 0.0;
    }
    let mut value = 1.0;
    if !WORDS_WANTED.contains(&words) {
        value *= 0.5;
    }
    if !is_complete(body) {
        value *= 0.2;
    }
    if points_back(body) {
        value *= 0.5;
    }
    value * plainness(body, words)
}

/// Whether it begins and ends as a sentence does.
pub(super) fn is_complete(body: &str) -> bool {
    let begins = body
        .chars()
        .find(|character| character.is_alphanumeric())
        .is_some_and(|first| !first.is_lowercase());
    begins && body.trim_end_matches(['“', '”', '"', ')', '«', '’']).ends_with(['.', '!', '?', '…'])
}

/// Whether it opens with a word that means something said before.
pub(super) fn points_back(sentence: &str) -> bool {
    let body = sentence[leading_marker(sentence)..]
        .trim_start_matches(|sign: char| !sign.is_alphanumeric());
    let end = body.find(|sign: char| !sign.is_alphanumeric()).unwrap_or(body.len());
    let first = body[..end].to_lowercase();
    POINTING_BACK.split_whitespace().any(|word| word == first)
}

/// Sentences that mostly point to other places ("§§ 5, 7 Abs. 2 und § 9 gelten entsprechend") say little themselves.
fn plainness(body: &str, words: usize) -> f32 {
    let pointing = body
        .split_whitespace()
        .filter(|word| word.starts_with('§') || word.contains(|sign: char| sign.is_ascii_digit()))
        .count();
    let share = pointing as f32 / words as f32;
    if share > 0.2 { 0.5 } else { 1.0 - share }
}
