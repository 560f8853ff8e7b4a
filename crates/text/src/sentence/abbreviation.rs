//! What the word before a full stop says about that stop.

use super::marker::is_roman;
use super::stop::Next;
use super::{lists, word};

/// When a stop after a word ends the sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// An ordinary word, or an abbreviation that stands last by its meaning ("usw.").
    Always,
    /// An abbreviation, ordinal or initial: only when the next word clearly opens a sentence ("… 5 ff. Die …").
    BeforeStarter,
    /// An abbreviation that always announces something ("Abs.", "Dr.", "z. B.").
    Never,
}

/// Judges the stop at `stop` in the sentence that begins at `start`.
pub(super) fn ending(text: &str, start: usize, stop: usize, next: &Next<'_>) -> Ending {
    let last = word::before(&text[start..], stop - start);
    let touching = &text[start..stop - last.len()];
    let before = touching.trim_end();
    let counts = before.is_empty() || before.ends_with(':') || before.ends_with(';');
    if last.is_empty() {
        return Ending::Always; // after a closing quote or bracket
    }
    if last.bytes().all(|byte| byte.is_ascii_digit()) {
        return after_number(last, touching, counts, next);
    }
    if last.chars().count() == 1 {
        return after_letter(text, start, stop, counts);
    }
    if is_roman(last) && last.starts_with(char::is_uppercase) {
        return if counts { Ending::Never } else { Ending::BeforeStarter };
    }
    after_word(last)
}

/// "2024." ends a sentence, "3." counts something, unless "Satz" stands before it.
fn after_number(number: &str, touching: &str, counts: bool, next: &Next<'_>) -> Ending {
    if counts {
        return Ending::Never;
    }
    if let Next::Capitalised(word) = next
        && lists::is_month(word)
    {
        return Ending::Never;
    }
    let before = touching.trim_end();
    let label = before.strip_suffix('.').unwrap_or(before);
    let label = word::before(label, label.len());
    let is_cited =
        lists::is_reference(label) || label.ends_with("str") || label.ends_with("straße");
    let is_decimal = touching.ends_with(',');
    if number.len() >= 4 || is_cited || is_decimal { Ending::Always } else { Ending::BeforeStarter }
}

/// "A.", "S.", the tail of "z. B." and "i. V. m.", the letter of "Buchst. a."
fn after_letter(text: &str, start: usize, stop: usize, counts: bool) -> Ending {
    let chain = letter_chain(text, start, stop);
    if chain.is_empty() {
        return if counts { Ending::Never } else { Ending::BeforeStarter };
    }
    if lists::CHAINS_THAT_END.contains(chain.as_str()) {
        Ending::BeforeStarter
    } else {
        Ending::Never
    }
}

/// The letters of a chain such as "i. V. m." or "z.B." that ends at `stop`, without dots and spaces; empty for a letter alone.
fn letter_chain(text: &str, start: usize, stop: usize) -> String {
    let mut groups: Vec<&str> = vec![word::before(&text[start..], stop - start)];
    let mut at = stop - groups[0].len();
    while groups.len() < lists::CHAIN_GROUPS_MAX {
        let spaced = text[start..at].trim_end_matches([' ', '\u{a0}', '\u{202f}', '\n', '\r']);
        let Some(head) = spaced.strip_suffix('.') else { break };
        let group = word::before(head, head.len());
        let short = matches!(group.chars().count(), 1) && group.starts_with(char::is_alphabetic);
        if !short {
            break;
        }
        groups.push(group);
        at = start + head.len() - group.len();
    }
    if groups.len() == 1 {
        return String::new();
    }
    groups.into_iter().rev().collect()
}

fn after_word(last: &str) -> Ending {
    if never_ends(last) {
        Ending::Never
    } else if lists::STANDS_LAST.contains(last) {
        Ending::Always
    } else if lists::MAY_END.contains(last)
        || lists::is_month_short(last)
        || last.ends_with("str")
        || has_no_vowel(last)
    {
        Ending::BeforeStarter
    } else {
        Ending::Always
    }
}

/// Whether `last` with a stop after it always announces something.
pub(super) fn never_ends(last: &str) -> bool {
    if lists::NEVER_ENDS.contains(last) {
        return true;
    }
    // "Dipl.-Ing.", "BT-Drs.", "Reg.-Bez.": the last part decides
    last.rsplit_once(['-', '/'])
        .is_some_and(|(_, tail)| !tail.is_empty() && lists::NEVER_ENDS.contains(tail))
}

/// Short words without a vowel are abbreviations, whoever made them up ("Rdschr.", "StPflV." not).
fn has_no_vowel(last: &str) -> bool {
    last.len() <= 6
        && last.chars().all(char::is_alphabetic)
        && last.chars().skip(1).all(char::is_lowercase)
        && !last.to_lowercase().contains(['a', 'e', 'i', 'o', 'u', 'y', 'ä', 'ö', 'ü'])
}
