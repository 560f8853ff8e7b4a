//! The written form of a word brought to one spelling: case, umlauts, accents, endings.
//!
//! Knows nothing of sentences, stop words or compounds.

use frostem::{Algorithm, Stemmer};

/// Longest word that is stemmed, in bytes; longer ones (no German word is) stay as they are.
const STEM_BYTES_MAX: usize = 80;

/// Folds a word: lower case, `ä` = `ae` = `a`, `ß` = `ss`, no accents, no soft hyphens.
///
/// `ue` stays after a vowel or `q` ("neue", "Steuer", "Quelle") and at the end ("Statue", "Statuen"),
/// where it is not a rewritten umlaut.
#[must_use]
pub fn fold(word: &str) -> String {
    let mut folded = String::with_capacity(word.len());
    for letter in word.chars() {
        if letter.is_ascii() {
            folded.push(letter.to_ascii_lowercase());
        } else {
            for lower in letter.to_lowercase() {
                push_plain(&mut folded, lower);
            }
        }
    }
    if folded.len() > 2 && folded.as_bytes().windows(2).any(is_written_umlaut) {
        fold_written_umlauts(&folded)
    } else {
        folded
    }
}

/// Reduces a folded word to its stem (Snowball German): its beginning, where no `ae` or `oe` is
/// left in it.
#[must_use]
pub fn stem(folded: &str) -> String {
    if folded.len() > STEM_BYTES_MAX || folded.chars().any(|letter| letter.is_ascii_digit()) {
        return folded.to_owned();
    }
    let folded = without_s(folded);
    let stemmer = Stemmer::new(Algorithm::German);
    if folded.contains("ue") {
        // `fold` left these on purpose; a capital U is Snowball's own mark for "not a vowel here".
        stemmer.stem(&folded.replace("ue", "Ue")).to_lowercase()
    } else {
        stemmer.stem(folded).into_owned()
    }
}

/// Takes the `s` from names and foreign words that end in a vowel ("Gandhis", "Autos", "Partys"),
/// which Snowball leaves there; not from words that own it ("arbeitslos", "Erdgas", "Zeugnis").
fn without_s(folded: &str) -> &str {
    const OWN: [&str; 8] = ["los", "gas", "glas", "gras", "nis", "eis", "sis", "xis"];
    match folded.strip_suffix('s') {
        Some(base)
            if base.len() >= 4
                && base.ends_with(['a', 'i', 'o', 'y'])
                && !OWN.iter().any(|own| folded.ends_with(own)) =>
        {
            base
        }
        _ => folded,
    }
}

fn push_plain(folded: &mut String, letter: char) {
    match letter {
        'ß' => folded.push_str("ss"),
        'æ' => folded.push('a'),
        'œ' | 'ø' => folded.push('o'),
        'ł' => folded.push('l'),
        'đ' => folded.push('d'),
        '\u{ad}' => {}
        _ => unicode_normalization::char::decompose_compatible(letter, |piece| {
            // Some letters decompose into a space and a mark.
            if !is_mark(piece) && !piece.is_whitespace() {
                folded.push(piece);
            }
        }),
    }
}

/// Combining accents as they appear on Latin, Greek and Cyrillic letters.
pub(crate) fn is_mark(letter: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&letter)
}

fn is_written_umlaut(pair: &[u8]) -> bool {
    pair[1] == b'e' && matches!(pair[0], b'a' | b'o' | b'u')
}

fn fold_written_umlauts(word: &str) -> String {
    let bytes = word.as_bytes();
    let mut folded = String::with_capacity(word.len());
    for (at, letter) in word.char_indices() {
        let written = letter == 'e'
            && at > 0
            && is_written_umlaut(&bytes[at - 1..=at])
            && (bytes[at - 1] != b'u' || is_umlaut_u(bytes, at - 1));
        if !written {
            folded.push(letter);
        }
    }
    folded
}

/// Says whether the `ue` at `at` stands for `ü`.
fn is_umlaut_u(word: &[u8], at: usize) -> bool {
    let after_vowel = at > 0 && matches!(word[at - 1], b'a' | b'e' | b'i' | b'o' | b'u' | b'q');
    let ends_word = matches!(&word[at + 2..], b"" | b"n" | b"s");
    !after_vowel && !ends_word
}
