//! Text as a reader sees it: small letters, look-alike letters as the ones they imitate, nothing
//! invisible, single blanks. Remembers where each byte came from. Knows no rules.

use std::collections::HashMap;

/// A folded text and the way back.
pub struct Folded {
    /// The folded text.
    pub text: String,
    /// For each byte of the folded text, the byte of the original it came from.
    origins: Vec<u32>,
    original_len: usize,
}

impl Folded {
    /// Folds a text; `look_alikes` maps letters to those they imitate.
    pub fn new(text: &str, look_alikes: &HashMap<char, char>) -> Self {
        let mut folded = Self {
            text: String::with_capacity(text.len()),
            origins: Vec::with_capacity(text.len()),
            original_len: text.len(),
        };
        for (at, letter) in text.char_indices() {
            if is_invisible(letter) {
                continue;
            }
            if letter.is_whitespace() && letter != '\n' {
                if !folded.text.ends_with([' ', '\n']) {
                    folded.push(' ', at);
                }
                continue;
            }
            for small in letter.to_lowercase() {
                folded.push(look_alikes.get(&small).copied().unwrap_or(small), at);
            }
        }
        folded
    }

    fn push(&mut self, letter: char, origin: usize) {
        self.text.push(letter);
        // Texts of more than 4 GB do not reach the guard: bodies are bounded far below.
        let origin = u32::try_from(origin).unwrap_or(u32::MAX);
        self.origins.extend(std::iter::repeat_n(origin, letter.len_utf8()));
    }

    /// The place in the original of a place in the folded text.
    pub fn origin(&self, at: usize) -> usize {
        self.origins.get(at).map_or(self.original_len, |origin| *origin as usize)
    }
}

/// Takes no room on a screen: zero-width characters, soft hyphen, direction marks, tags, variation
/// selectors.
pub fn is_invisible(letter: char) -> bool {
    matches!(letter,
        '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}'
        | '\u{FEFF}' | '\u{FE00}'..='\u{FE0F}' | '\u{E0000}'..='\u{E01EF}' | '\u{180E}' | '\u{34F}')
}
