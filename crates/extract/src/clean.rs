//! Text as people read it: composed letters, plain spaces, no invisible marks.
//!
//! Knows no layout: where a line ends is decided by the readers.

use unicode_normalization::{UnicodeNormalization, is_nfc};

/// Returns the text with white space collapsed, ligatures spelt out, letters composed and
/// soft hyphens, control and zero-width characters removed.
pub(crate) fn clean(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut run = 0;
    let mut last = '\0';
    for character in text.chars() {
        run = if character == last { run + 1 } else { 1 };
        last = character;
        if is_leader(character) && run >= LEADER_RUN {
            shorten_leader(&mut plain, character);
        } else {
            push_clean(&mut plain, character);
        }
    }
    while plain.ends_with(' ') {
        plain.pop();
    }
    if is_nfc(&plain) { plain } else { plain.nfc().collect() }
}

/// As many equal dots or strokes in a row only lead the eye or leave room for handwriting.
const LEADER_RUN: usize = 5;

fn is_leader(character: char) -> bool {
    matches!(character, '.' | '_' | '·' | '…')
}

fn shorten_leader(plain: &mut String, character: char) {
    while plain.ends_with(character) {
        plain.pop();
    }
    if !plain.ends_with('…') {
        plain.push('…');
    }
}

fn push_clean(plain: &mut String, character: char) {
    match character {
        // Decoration characters that carry no text: soft hyphen, zero width, byte order mark,
        // directional marks, the replacement for a line-end hyphen that some readers emit.
        '\u{ad}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2064}'
        | '\u{feff}' => {}
        _ if character.is_whitespace() => push_space(plain),
        _ if character.is_control() => {}
        // Typographic hyphens and the plain one are the same letter to a reader.
        '\u{2010}' | '\u{2011}' => plain.push('-'),
        'ﬀ' => plain.push_str("ff"),
        'ﬁ' => plain.push_str("fi"),
        'ﬂ' => plain.push_str("fl"),
        'ﬃ' => plain.push_str("ffi"),
        'ﬄ' => plain.push_str("ffl"),
        'ﬅ' | 'ﬆ' => plain.push_str("st"),
        _ => plain.push(character),
    }
}

fn push_space(plain: &mut String) {
    if !plain.is_empty() && !plain.ends_with(' ') {
        plain.push(' ');
    }
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn composes_and_collapses() {
        assert_eq!(
            clean("  \u{fb01}nanz\u{ad}amt \n\t Mu\u{308}ller\u{a0}§\u{202f}1 "),
            "finanzamt Müller § 1"
        );
        assert_eq!(clean("§ 1 Zweck ......... 12"), "§ 1 Zweck … 12");
        assert_eq!(clean(" \u{200b}\u{0}"), "");
    }
}
