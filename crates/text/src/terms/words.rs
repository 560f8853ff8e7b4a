//! Cuts text into words: runs of letters and digits, with the seams that German texts have.
//!
//! Knows nothing of what a word means; it only finds where words begin and end.

use crate::stem::is_mark;

/// Words written as one (with hyphens, or run together by a lost line break).
pub(super) struct Group {
    /// The single words, as byte ranges.
    pub(super) words: Vec<(usize, usize)>,
    /// Whether a section sign stands before it: 1 for `§`, 2 for `§§`.
    pub(super) section_signs: u8,
}

/// Walks over the groups of a text.
pub(super) struct Groups<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Groups<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { text, at: 0 }
    }
}

impl Iterator for Groups<'_> {
    type Item = Group;

    fn next(&mut self) -> Option<Group> {
        let (start, section_signs) = self.skip_to_word()?;
        let mut group = Group { words: Vec::with_capacity(1), section_signs };
        self.at = start;
        loop {
            let start = self.at;
            let end = run_end(self.text, start);
            self.at = end;
            if let Some(number_end) = number_end(self.text, start, end) {
                group.words.push((start, number_end));
                self.at = number_end;
                return Some(group);
            }
            split_run(self.text, start, end, &mut group.words);
            match hyphen_len(&self.text[end..]) {
                Some(hyphen) if starts_word(&self.text[end + hyphen..]) => self.at = end + hyphen,
                _ => break,
            }
        }
        self.skip_genitive_mark();
        Some(group)
    }
}

impl Groups<'_> {
    fn skip_to_word(&self) -> Option<(usize, u8)> {
        let mut signs = 0;
        for (offset, letter) in self.text[self.at..].char_indices() {
            if is_letter(letter) {
                return Some((self.at + offset, signs));
            }
            if letter == '§' {
                signs = (signs + 1).min(2);
            } else if !letter.is_whitespace() {
                signs = 0;
            }
        }
        None
    }

    /// Skips the `'s` of "Gandhi's": it is no word.
    fn skip_genitive_mark(&mut self) {
        let rest = &self.text[self.at..];
        for mark in ["'s", "’s"] {
            if rest.starts_with(mark) && !starts_word(&rest[mark.len()..]) {
                self.at += mark.len();
            }
        }
    }
}

/// Letters, digits and what may stand inside a word without ending it.
fn is_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric()
        || (!letter.is_ascii()
            && (letter.is_alphanumeric() || is_mark(letter) || letter == '\u{ad}'))
}

fn starts_word(text: &str) -> bool {
    text.chars().next().is_some_and(is_letter)
}

fn run_end(text: &str, start: usize) -> usize {
    text[start..].find(|letter| !is_letter(letter)).map_or(text.len(), |length| start + length)
}

fn hyphen_len(text: &str) -> Option<usize> {
    match text.chars().next()? {
        letter @ ('-' | '\u{2010}' | '\u{2011}') => Some(letter.len_utf8()),
        _ => None,
    }
}

/// Ends a number with its thousands groups ("1.000") and decimals ("12,25"); None: not a number.
fn number_end(text: &str, start: usize, end: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    if !bytes[start..end].iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let mut end = end;
    if end - start <= 3 {
        while bytes.get(end) == Some(&b'.') && digits(end + 1) == 3 {
            end += 4;
        }
    }
    if bytes.get(end) == Some(&b',') {
        let decimals = digits(end + 1);
        let letter_follows = text[end + 1 + decimals..].chars().next().is_some_and(is_letter);
        if decimals > 0 && !letter_follows {
            end += 1 + decimals;
        }
    }
    // "86b", "1990er": the run went on with letters and is not a bare number.
    (!starts_word(&text[end..])).then_some(end)
}

/// Cuts a run where words were run together: "Tatbestand1Mit", "demAuftraggeber", "YouTube".
fn split_run(text: &str, start: usize, end: usize, words: &mut Vec<(usize, usize)>) {
    let run = &text[start..end];
    let seamless = run.char_indices().skip(1).all(|(_, letter)| {
        letter.is_lowercase() || (!letter.is_ascii_digit() && !letter.is_uppercase())
    });
    if seamless && !run.as_bytes()[0].is_ascii_digit() {
        words.push((start, end));
        return;
    }
    let letters: Vec<(usize, char)> = run.char_indices().collect();
    let mut from = 0;
    for i in 1..letters.len() {
        if is_seam(&letters[from..], i - from) {
            words.push((start + letters[from].0, start + letters[i].0));
            from = i;
        }
    }
    words.push((start + letters[from].0, end));
}

/// Says whether a new word begins at `at` of the letters of a run.
fn is_seam(letters: &[(usize, char)], at: usize) -> bool {
    let small = |i: usize| letters.get(i).is_some_and(|&(_, letter)| letter.is_lowercase());
    let (before, here) = (letters[at - 1].1, letters[at].1);
    if here.is_ascii_digit() {
        let word = letters[..at].iter().filter(|(_, letter)| letter.is_alphabetic()).count();
        return before.is_alphabetic() && word >= 4;
    }
    if !here.is_uppercase() || !small(at + 1) {
        return false;
    }
    if before.is_ascii_digit() {
        return true;
    }
    at >= 3 && small(at - 1) && small(at - 2) && small(at + 2)
}
