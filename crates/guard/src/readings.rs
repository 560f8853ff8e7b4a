//! A text as it is read, where it is not written as patterns expect: with invisible characters, digits
//! and letters of other shapes, blanks and hyphens of print; or as a scanner misread it. Knows no rules.

use std::{borrow::Cow, ops::Range};

use crate::finding::Finding;
use crate::folded::is_invisible;
use crate::views::View;

/// How much around a word that looks misread is read anew with it, in bytes: a line or two.
const AROUND_BYTES: usize = 160;

/// A text without what nobody sees, in plain characters; `None` if it is plain already, which most are.
pub fn plain(text: &str) -> Option<View> {
    if !goes_beyond_latin(text) {
        return None;
    }
    let mut others = text.char_indices().filter(|(_, letter)| !is_plain(*letter)).peekable();
    others.peek()?;
    let mut view = View::of(text);
    let mut start = 0;
    for (at, letter) in others {
        view.keep(&text[start..at], start);
        start = at + letter.len_utf8();
        if letter == DIAERESIS && compose(&mut view.text) {
            continue;
        }
        if let Some(read) = read_as(letter) {
            view.read(Some(read), at);
        }
    }
    Some(view.end(&text[start..], start))
}

/// Puts two dots on the last letter, if it is one that has them in German.
fn compose(text: &mut String) -> bool {
    let pairs = [('a', 'ä'), ('o', 'ö'), ('u', 'ü'), ('A', 'Ä'), ('O', 'Ö'), ('U', 'Ü')];
    let last = text.chars().next_back();
    let Some((_, dotted)) = pairs.into_iter().find(|(letter, _)| Some(*letter) == last) else {
        return false;
    };
    text.pop();
    text.push(dotted);
    true
}

/// The text with each blank that is no ASCII replaced by as many blanks as it has bytes, so that every
/// place stays where it is.
pub fn with_plain_blanks(text: &str) -> Cow<'_, str> {
    let is_other = |letter: char| !letter.is_ascii() && letter.is_whitespace();
    if !goes_beyond_latin(text) || !text.contains(is_other) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        if is_other(letter) {
            plain.extend(std::iter::repeat_n(' ', letter.len_utf8()));
        } else {
            plain.push(letter);
        }
    }
    Cow::Owned(plain)
}

/// Two dots over the letter before.
const DIAERESIS: char = '\u{308}';

/// Whether there is something else than ASCII and the Latin letters with dots and accents. Said of
/// bytes much faster than of letters, and of many bytes at once faster still.
fn goes_beyond_latin(text: &str) -> bool {
    let begins_other = |byte: u8| byte == 0xC2 || byte >= 0xC9;
    let mut runs = text.as_bytes().chunks(64);
    runs.any(|run| run.iter().fold(false, |found, byte| found | begins_other(*byte)))
}

fn is_plain(letter: char) -> bool {
    letter != DIAERESIS && read_as(letter) == Some(letter)
}

/// How many bytes a character has in a plain text.
pub fn plain_len(letter: char) -> usize {
    read_as(letter).map_or(0, char::len_utf8)
}

/// What a reader takes a character for; `None` if they do not see it.
fn read_as(letter: char) -> Option<char> {
    // Latin letters with and without dots and accents, which nearly all are.
    if letter < '\u{A0}' || ('\u{C0}'..'\u{240}').contains(&letter) {
        return Some(letter);
    }
    if is_invisible(letter) {
        return None;
    }
    let code = u32::from(letter);
    let digit = |zero: u32| char::from_digit((code - zero) % 10, 10);
    match letter {
        '\u{A0}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}' => Some(' '),
        '\u{2010}'..='\u{2012}' | '\u{2212}' | '\u{FE63}' => Some('-'),
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(code - 0xFEE0),
        // Digits of other scripts, and bold, framed and other ones of mathematics.
        '\u{660}'..='\u{669}' => digit(0x660),
        '\u{6F0}'..='\u{6F9}' => digit(0x6F0),
        '\u{966}'..='\u{96F}' => digit(0x966),
        '\u{1D7CE}'..='\u{1D7FF}' => digit(0x1D7CE),
        '\u{1FBF0}'..='\u{1FBF9}' => digit(0x1FBF0),
        '\u{1D400}'..='\u{1D6A3}' => Some(latin((code - 0x1D400) % 52)),
        _ => Some(letter),
    }
}

/// A letter of an alphabet of 26 capitals and 26 small letters.
fn latin(number: u32) -> char {
    let number = u8::try_from(number % 52).unwrap_or_default();
    char::from(if number < 26 { b'A' + number } else { b'a' + number - 26 })
}

/// A label that texts made of pages have right before what it announces.
const GLUED: &str = "IBAN";

/// The lines of a text in which underscores join words, as in names of files and fields, or a label
/// touches its number: with blanks in their place, so that each byte stays where it was. With the place
/// of each.
pub fn unjoined(text: &str) -> impl Iterator<Item = (usize, String)> {
    // Most texts have neither, which is said much faster of all of it than of each line.
    let bytes = text.as_bytes();
    let has_any = memchr::memchr(b'_', bytes).is_some()
        || memchr::memmem::find(bytes, GLUED.as_bytes()).is_some();
    let text = if has_any { text } else { "" };
    let mut start = 0;
    text.split_inclusive('\n').filter_map(move |line| {
        let at = start;
        start += line.len();
        Some((at, without_joints(line)?))
    })
}

fn without_joints(line: &str) -> Option<String> {
    let is_word = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    let is_joint = |at: usize| {
        is_word(line[..at].chars().next_back()) || is_word(line[at + 1..].chars().next())
    };
    let joints = line.match_indices('_').filter(|(at, _)| is_joint(*at)).map(|(at, _)| at..at + 1);
    let labels = line.match_indices(GLUED).map(|(at, label)| at..at + label.len());
    let is_glued = |label: &Range<usize>| {
        let after = line.as_bytes().get(label.end..label.end + 4);
        after.is_some_and(|after| {
            after[..2].iter().all(u8::is_ascii_alphabetic)
                && after[2..].iter().all(u8::is_ascii_digit)
        })
    };
    let mut read: Option<Vec<u8>> = None;
    for place in joints.chain(labels.filter(is_glued)) {
        read.get_or_insert_with(|| line.as_bytes().to_vec())[place].fill(b' ');
    }
    read.and_then(|bytes| String::from_utf8(bytes).ok())
}

/// A piece of a text with the digits that a scanner took for letters: `O532` read `0532`, `l2.O8.1971`
/// read `12.08.1971`. Each byte stays where it was.
pub struct Reread {
    /// Where in the text it begins.
    pub start: usize,
    pub text: String,
    changed: Vec<Range<usize>>,
}

impl Reread {
    /// What of a text looks misread, each with what stands around it.
    pub fn of(text: &str) -> Vec<Self> {
        let bytes = text.as_bytes();
        let mut pieces: Vec<Self> = vec![];
        let mut last = usize::MAX;
        let mut at = 0;
        while at < bytes.len() {
            if !bytes[at].is_ascii_alphanumeric() {
                at += 1;
                continue;
            }
            let length = bytes[at..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
            let word = at..at + length;
            at = word.end;
            let follows = last == word.start || length > 1 && is_behind_digit(bytes, word.start);
            if is_misread(&bytes[word.clone()], follows) && !is_in_word(bytes, &word) {
                last = word.end + 1;
                match pieces.last_mut() {
                    Some(piece) if word.end <= piece.start + piece.text.len() => piece.read(word),
                    _ => pieces.push(Self::around(text, word)),
                }
            }
        }
        pieces
    }

    fn around(text: &str, word: Range<usize>) -> Self {
        let start = text.floor_char_boundary(word.start.saturating_sub(AROUND_BYTES));
        let end = text.floor_char_boundary(word.end + AROUND_BYTES);
        // Half a word at the border would be another word.
        let before = text[start..word.start].find(char::is_whitespace).filter(|_| start > 0);
        let behind = text[word.end..end].rfind(char::is_whitespace).filter(|_| end < text.len());
        let start = before.map_or(start, |at| start + at);
        let end = behind.map_or(end, |at| word.end + at);
        let mut piece = Self { start, text: text[start..end].to_owned(), changed: vec![] };
        piece.read(word);
        piece
    }

    fn read(&mut self, word: Range<usize>) {
        let own = word.start - self.start..word.end - self.start;
        let digits: String = self.text[own.clone()].chars().map(digit_for).collect();
        self.text.replace_range(own, &digits);
        self.changed.push(word);
    }

    /// A find in this piece at its place in the text, if it has to do with what was read anew.
    pub fn in_text(&self, finding: Finding) -> Option<Finding> {
        let (start, end) = (finding.start + self.start, finding.end + self.start);
        let next = self.changed.partition_point(|word| word.end <= start);
        let concerns = self.changed.get(next).is_some_and(|word| word.start < end);
        concerns.then_some(Finding { start, end, ..finding })
    }
}

fn digit_for(letter: char) -> char {
    match letter {
        'O' | 'o' => '0',
        'l' | 'I' => '1',
        other => other,
    }
}

/// Digits with `O`, `o`, `l` or `I` among them, up to two other capitals before them; or nothing but
/// `O` behind another such word: `O13O OO`.
fn is_misread(word: &[u8], follows_one: bool) -> bool {
    let code = word.iter().take(2).take_while(|byte| byte.is_ascii_uppercase() && **byte != b'O');
    let number = &word[code.count()..];
    let looks = number.iter().filter(|byte| b"OolI".contains(byte)).count();
    let digits = number.iter().filter(|byte| byte.is_ascii_digit()).count();
    let is_number = looks + digits == number.len();
    let is_rest = follows_one && number.len() == word.len() && word.iter().all(|one| *one == b'O');
    is_number && looks > 0 && (digits > 0 || is_rest)
}

/// Whether a blank and a digit stand before a place.
fn is_behind_digit(bytes: &[u8], at: usize) -> bool {
    at > 1 && bytes[at - 1] == b' ' && bytes[at - 2].is_ascii_digit()
}

/// Whether a letter that is not of ASCII touches it.
fn is_in_word(bytes: &[u8], word: &Range<usize>) -> bool {
    let before = word.start.checked_sub(1).map(|at| bytes[at]);
    let is_letter = |byte: u8| byte >= 0x80;
    before.is_some_and(is_letter) || bytes.get(word.end).copied().is_some_and(is_letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_tells_of_every_letter_that_is_read_otherwise() {
        for letter in ('\0'..=char::MAX).filter(|letter| !is_plain(*letter)) {
            let mut bytes = [0; 4];
            let told = goes_beyond_latin(letter.encode_utf8(&mut bytes));
            assert!(told, "{letter:?}");
        }
    }
}
