//! Cuts text into words, numbers and marks, and looks each word up once. Knows no kinds: what a
//! word means is a set of flags from the vocabulary.

use crate::vocabulary::{Flags, LAST, Vocabulary};

/// What a token looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Letters, the first one small.
    Small,
    /// Letters, the first one a capital, at least one other small; or a single capital.
    Capital,
    /// Two or more letters, all capitals.
    Capitals,
    /// Digits only.
    Number,
    /// Letters and digits.
    Mixed,
    /// One character that is neither.
    Mark(char),
    /// A line break.
    Line,
}

/// A piece of text, as byte offsets.
#[derive(Debug, Clone, Copy)]
pub struct Token {
    pub start: usize,
    pub end: usize,
    pub shape: Shape,
    pub flags: Flags,
}

impl Token {
    pub fn is(&self, flags: Flags) -> bool {
        self.flags & flags != 0
    }

    pub fn is_mark(&self, mark: char) -> bool {
        self.shape == Shape::Mark(mark)
    }

    pub fn is_word(&self) -> bool {
        matches!(self.shape, Shape::Small | Shape::Capital | Shape::Capitals)
    }

    /// A word as names are written: `Müller`, in forms also `MÜLLER`.
    pub fn is_capital(&self) -> bool {
        matches!(self.shape, Shape::Capital | Shape::Capitals)
    }

    pub fn len(&self) -> usize {
        self.end - self.start
    }
}

/// Cuts `text`; offsets count from `base`. White space other than line breaks is left out.
pub fn cut(text: &str, base: usize, vocabulary: &Vocabulary, tokens: &mut Vec<Token>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let byte = bytes[at];
        if byte == b' ' || byte == b'\t' || byte == b'\r' {
            at += 1;
            continue;
        }
        let (shape, flags) = if is_part(bytes, at) {
            at = end_of_run(bytes, at);
            look_up(&bytes[start..at], vocabulary)
        } else if byte == b'\n' {
            at += 1;
            (Shape::Line, 0)
        } else {
            let mark = text[at..].chars().next().expect("offsets stay on character borders");
            at += mark.len_utf8();
            if mark.is_whitespace() {
                continue;
            }
            (Shape::Mark(mark), vocabulary.flags(&bytes[start..at]))
        };
        tokens.push(Token { start: base + start, end: base + at, shape, flags });
    }
}

fn end_of_run(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() && is_part(bytes, at) {
        at += character_len(bytes[at]);
    }
    at
}

/// Letters and digits. Two-byte characters from U+00C0 on are letters (× and ÷ never stand inside
/// a word), as are longer ones except for the blocks of punctuation and symbols (E2, E3 80, EF).
fn is_part(bytes: &[u8], at: usize) -> bool {
    match bytes[at] {
        byte if byte < 0x80 => byte.is_ascii_alphanumeric(),
        0xC3..=0xDF => true,
        0xE3 => bytes.get(at + 1) != Some(&0x80),
        0xE0..=0xEE => bytes[at] != 0xE2,
        _ => false,
    }
}

fn character_len(lead: u8) -> usize {
    match lead {
        0..=0x7F => 1,
        0x80..=0xDF => 2,
        0xE0..=0xEF => 3,
        _ => 4,
    }
}

/// The longest word that is looked up; longer ones are no names and no key words.
const WORD_MAX: usize = 40;

fn look_up(word: &[u8], vocabulary: &Vocabulary) -> (Shape, Flags) {
    let mut small = [0_u8; WORD_MAX];
    let mut counts = Counts::default();
    let mut before = 0_u8;
    for (place, byte) in word.iter().enumerate() {
        let (letter, class) = lower(*byte, before);
        counts.add(class);
        if let Some(slot) = small.get_mut(place) {
            *slot = letter;
        }
        before = *byte;
    }
    let shape = counts.shape(lower(word[0], 0).1 == Class::Capital || starts_big(word));
    let flags = match small.get(..word.len()) {
        Some(key) if shape != Shape::Number => vocabulary.flags(key),
        _ => 0,
    };
    let is_foreign =
        flags == 0 && shape == Shape::Capital && word.len() > 3 && has_foreign_letter(word);
    (shape, if is_foreign { LAST } else { flags })
}

/// A Latin letter that German words do not have: `ł`, `ş`, `ø`, `ñ`. With a capital in front the
/// word is a name, of a person or of a place.
fn has_foreign_letter(word: &[u8]) -> bool {
    word.windows(2).any(|pair| match pair[0] {
        0xC3 => !matches!(
            pair[1],
            0x84 | 0x96 | 0x9C | 0x9F | 0xA4 | 0xB6 | 0xBC | 0xA9 | 0xA8 | 0xA0 | 0xAA
        ),
        0xC4 | 0xC5 => true,
        0xE1 => pair[1] >= 0xB8,
        _ => false,
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Small,
    Capital,
    Digit,
    /// The lead byte of a longer character: the byte behind it tells.
    Lead,
}

#[derive(Debug, Default)]
struct Counts {
    small: usize,
    capital: usize,
    digit: usize,
}

impl Counts {
    fn add(&mut self, class: Class) {
        match class {
            Class::Small => self.small += 1,
            Class::Capital => self.capital += 1,
            Class::Digit => self.digit += 1,
            Class::Lead => {}
        }
    }

    fn shape(&self, starts_big: bool) -> Shape {
        match (self.digit, self.small + self.capital) {
            (_, 0) => Shape::Number,
            (1.., _) => Shape::Mixed,
            _ if !starts_big => Shape::Small,
            _ if self.small == 0 && self.capital > 1 => Shape::Capitals,
            _ => Shape::Capital,
        }
    }
}

/// The small form of a byte and what it is. In C3 the capitals are 80 to 9E and the small letters
/// lie 20 above; in C4 and C5 capitals and small letters alternate, closely enough.
fn lower(byte: u8, before: u8) -> (u8, Class) {
    match (before, byte) {
        (_, b'0'..=b'9') => (byte, Class::Digit),
        (_, b'A'..=b'Z') => (byte | 0x20, Class::Capital),
        (_, 0..=0x7F) => (byte, Class::Small),
        (_, 0xC0..) => (byte, Class::Lead),
        (0xC3, 0x80..=0x9E) => (byte + 0x20, Class::Capital),
        (0xC4, 0x80..=0xB7) if byte % 2 == 0 => (byte + 1, Class::Capital),
        (0xC5, 0x8A..=0xB6) if byte % 2 == 0 => (byte + 1, Class::Capital),
        (0xC5, 0xB9 | 0xBB | 0xBD) => (byte + 1, Class::Capital),
        _ => (byte, Class::Small),
    }
}

fn starts_big(word: &[u8]) -> bool {
    word.len() > 1 && word[0] >= 0xC0 && lower(word[1], word[0]).1 == Class::Capital
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shapes(text: &str) -> Vec<(&str, Shape)> {
        let mut tokens = Vec::new();
        cut(text, 0, &Vocabulary::empty(), &mut tokens);
        tokens.iter().map(|token| (&text[token.start..token.end], token.shape)).collect()
    }

    #[test]
    fn words_numbers_and_marks_are_told_apart() {
        assert_eq!(
            shapes("Frau ÖZGÜR, Şahin „12a“ 3\u{a0}ß\n—"),
            [
                ("Frau", Shape::Capital),
                ("ÖZGÜR", Shape::Capitals),
                (",", Shape::Mark(',')),
                ("Şahin", Shape::Capital),
                ("„", Shape::Mark('„')),
                ("12a", Shape::Mixed),
                ("“", Shape::Mark('“')),
                ("3", Shape::Number),
                ("ß", Shape::Small),
                ("\n", Shape::Line),
                ("—", Shape::Mark('—')),
            ]
        );
    }
}
