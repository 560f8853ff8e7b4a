//! Characters that are written for HTML (`&#64;`, `&nbsp;`), for addresses (`%40`, RFC 3986), for mail
//! (`=40`, RFC 2045) or for programs (`\u0040`), as a browser or a mail program shows them. Knows no rules.

use std::{borrow::Cow, ops::Range};

use memchr::{memchr, memchr3};

use crate::escapes::escaped;
use crate::references::reference;
use crate::views::{Origins, View};

/// How much around an encoded character is read with it, in bytes: a line or two.
const AROUND_BYTES: usize = 160;
/// Bytes that a letter has at most when it is encoded, as `&#x0001D5D4;` or `\\\\ud835\\\\uddd4`.
pub const ENCODED_BYTES_MAX: usize = 24;
/// A piece that is longer ends at the next encoded character, so that memory does not grow with the
/// text. A find across such a border is lost.
const PIECE_BYTES: usize = 256 * 1024;

/// How far is looked for one of the marks before the other is looked for, so that none is looked for
/// again and again to the end of a text.
const WINDOW_BYTES: usize = 256;

/// The first place between two that an encoded character may begin at.
fn next_mark(bytes: &[u8], from: usize, to: usize) -> Option<usize> {
    let mut at = from;
    while at < to {
        let window = &bytes[at..to.min(at + WINDOW_BYTES)];
        let first = memchr3(b'&', b'%', b'=', window);
        let backslash = memchr(b'\\', &window[..first.unwrap_or(window.len())]);
        if let Some(found) = backslash.or(first) {
            return Some(at + found);
        }
        at += window.len();
    }
    None
}

/// A text with those characters decoded that can be nothing else than encoded, so that nobody need
/// read it as it was; `None` if there are none, as in most texts.
pub fn without_certain(text: &str) -> Option<View> {
    let bytes = text.as_bytes();
    let mut view: Option<View> = None;
    let (mut at, mut read_to) = (0, 0);
    while let Some(start) = next_mark(bytes, at, bytes.len()) {
        at = start + 1;
        // In an address there is no blank.
        let follows = read_to > 0 && start - read_to < AROUND_BYTES && {
            !bytes[read_to..start].iter().any(u8::is_ascii_whitespace)
        };
        let Some((length, letter)) = certain(bytes, start, follows) else { continue };
        let view = view.get_or_insert_with(|| View::of(text));
        view.keep(&text[read_to..start], read_to);
        view.read(letter, start);
        at = start + length;
        read_to = at;
    }
    Some(view?.end(&text[read_to..], read_to))
}

/// A piece of a text with characters decoded that may be meant as they are written, and the way back.
pub struct Decoded {
    pub text: String,
    /// Where in the text the last encoded character ends.
    pub end: usize,
    origins: Origins,
    /// The encoded characters in the original, in order.
    pub encoded: Vec<Range<usize>>,
}

impl Decoded {
    /// The next piece with encoded characters at or behind `from`.
    pub fn next(text: &str, from: usize) -> Option<Self> {
        let (first, letter) = find(text, from, text.len())?;
        let start = text.floor_char_boundary(first.start.saturating_sub(AROUND_BYTES));
        // Half a word at the border would be another word.
        let before = text[start..first.start].find(char::is_whitespace).filter(|_| start > 0);
        let start = before.map_or(start, |at| start + at);
        let (origins, encoded) = (Origins::default(), vec![]);
        let mut piece = Self { text: String::new(), end: start, origins, encoded };
        piece.push(text, first, letter);
        while piece.end - start < PIECE_BYTES
            && let Some((next, letter)) = find(text, piece.end, piece.end + AROUND_BYTES)
        {
            piece.push(text, next, letter);
        }
        let end = text.floor_char_boundary(piece.end + AROUND_BYTES);
        let behind = text[piece.end..end].rfind(char::is_whitespace).filter(|_| end < text.len());
        let end = behind.map_or(end, |at| piece.end + at);
        piece.origins.push(piece.text.len(), piece.end);
        piece.text.push_str(&text[piece.end..end]);
        Some(piece)
    }

    /// Adds what stands before an encoded character, and the character.
    fn push(&mut self, text: &str, place: Range<usize>, letter: Option<char>) {
        self.origins.push(self.text.len(), self.end);
        self.text.push_str(&text[self.end..place.start]);
        self.origins.push(self.text.len(), place.start);
        self.text.extend(letter);
        self.end = place.end;
        self.encoded.push(place);
    }

    /// The place in the text of a place in this piece, if it has to do with what was decoded: it is in
    /// it, or beside it, as `Koch` in `\\nKoch`.
    pub fn concerned(&self, place: Range<usize>) -> Option<Range<usize>> {
        let place = self.origins.range(place);
        let next = self.encoded.partition_point(|one| one.end < place.start);
        let concerns = self.encoded.get(next).is_some_and(|one| one.start <= place.end);
        concerns.then_some(place)
    }
}

/// A text with all characters decoded that may be encoded; `None` if there are none.
pub fn without_any(text: &str) -> Option<View> {
    let mut view: Option<View> = None;
    let mut read_to = 0;
    while let Some((place, letter)) = find(text, read_to, text.len()) {
        let view = view.get_or_insert_with(|| View::of(text));
        view.keep(&text[read_to..place.start], read_to);
        view.read(letter, place.start);
        read_to = place.end;
    }
    Some(view?.end(&text[read_to..], read_to))
}

/// Whether a text ends with what may be the beginning of an encoded character.
pub fn is_unfinished(text: &str) -> bool {
    let from = text.len().saturating_sub(ENCODED_BYTES_MAX);
    next_mark(text.as_bytes(), from, text.len()).is_some()
}

/// A text with every character reference decoded, as pages show it.
pub fn without_references(text: &str) -> Cow<'_, str> {
    decoded(text, b'&', reference)
}

/// A text with every `%40` decoded, as browsers read the name of a host.
pub fn without_triples(text: &str) -> Cow<'_, str> {
    decoded(text, b'%', triples)
}

fn decoded(text: &str, mark: u8, read: fn(&[u8]) -> Option<(usize, char)>) -> Cow<'_, str> {
    let mut plain = Cow::Borrowed(text);
    let (mut at, mut read_to) = (0, 0);
    while let Some(next) = memchr(mark, &text.as_bytes()[at..]) {
        let start = at + next;
        at = start + 1;
        if let Some((length, letter)) = read(&text.as_bytes()[start..]) {
            if read_to == 0 {
                plain = Cow::Owned(String::with_capacity(text.len()));
            }
            plain.to_mut().push_str(&text[read_to..start]);
            plain.to_mut().push(letter);
            at = start + length;
            read_to = at;
        }
    }
    if read_to > 0 {
        plain.to_mut().push_str(&text[read_to..]);
    }
    plain
}

/// The first encoded character that begins between two places: where it stands, and what it is;
/// nothing where mail breaks a line that goes on.
fn find(text: &str, from: usize, to: usize) -> Option<(Range<usize>, Option<char>)> {
    let bytes = text.as_bytes();
    let to = to.min(bytes.len());
    let mut at = from;
    while let Some(found) = next_mark(bytes, at, to) {
        let own = &bytes[found..];
        let read = match own[0] {
            b'&' => reference(own).map(|(length, letter)| (length, Some(letter))),
            b'%' => triples(own).map(|(length, letter)| (length, Some(letter))),
            b'\\' => escaped(own).map(|read| (read.length, Some(read.letter))),
            _ => quoted_printable(bytes, found),
        };
        if let Some((length, letter)) = read {
            return Some((found..found + length, letter));
        }
        at = found + 1;
    }
    None
}

/// An encoded character at a place that means nothing else: a reference with its semicolon, a letter of
/// several bytes in UTF-8, triples of an address that stand behind no number or in one word with others.
fn certain(bytes: &[u8], at: usize, follows: bool) -> Option<(usize, Option<char>)> {
    let own = &bytes[at..];
    match own[0] {
        b'&' => {
            let (length, letter) = reference(own)?;
            (own[length - 1] == b';').then_some((length, Some(letter)))
        }
        b'%' => {
            let (length, letter) = triples(own)?;
            let is_share = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_whitespace();
            let is_address = follows || at > 0 && !is_share(bytes[at - 1]);
            let is_seen = (' '..='~').contains(&letter) || follows && "\r\n\t".contains(letter);
            // `Karte:%4111…` is a number, whatever stands before it.
            let may_be_written = !follows && letter.is_ascii_alphanumeric();
            let is_sure = length > 3 || is_address && is_seen && !may_be_written;
            is_sure.then_some((length, Some(letter)))
        }
        b'\\' => {
            let read = escaped(own).filter(|read| read.is_certain)?;
            Some((read.length, Some(read.letter)))
        }
        // Where a line of mail goes on, one in Base64 may as well end.
        _ => {
            let (length, letter) = triples(own)?;
            (length > 3).then_some((length, Some(letter)))
        }
    }
}

/// A character in triples such as `%40` at the beginning, and its length: UTF-8, else one of
/// ISO 8859-1 as old pages and mails have it. The first byte says with what triples begin.
fn triples(bytes: &[u8]) -> Option<(usize, char)> {
    let first = triple(bytes, 0)?;
    let count = match first {
        0x00..=0x7F => return Some((3, char::from(first))),
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => 1,
    };
    let mut decoded = [0; 4];
    let is_whole = (0..count).all(|index| {
        let byte = triple(bytes, index);
        decoded[index] = byte.unwrap_or_default();
        byte.is_some()
    });
    let whole = std::str::from_utf8(&decoded[..count]).ok().filter(|_| is_whole);
    match whole.and_then(|text| text.chars().next()) {
        Some(letter) => Some((count * 3, letter)),
        None => (first >= 0xA0).then_some((3, char::from(first))),
    }
}

/// The byte that the triple at a place of a row of them stands for.
fn triple(bytes: &[u8], index: usize) -> Option<u8> {
    let own = bytes.get(index * 3..)?;
    let digit = |at: usize| char::from(*own.get(at)?).to_digit(16);
    if own.first() != bytes.first() {
        return None;
    }
    u8::try_from(digit(1)? * 16 + digit(2)?).ok()
}

/// A character in `=C3=BC` at a place, and its length; a line break that does not count has none. An
/// equals sign before two digits means most often just that: only letters beyond ASCII, `@`, what must
/// be written so, blanks between letters, and triples in a row are read.
fn quoted_printable(bytes: &[u8], at: usize) -> Option<(usize, Option<char>)> {
    let own = &bytes[at..];
    if let Some(length) = soft_break(own).filter(|_| at == 0 || bytes[at - 1] != b'=') {
        return Some((length, None));
    }
    let (length, letter) = triples(own)?;
    let is_next = |from: Option<&[u8]>| {
        from.is_some_and(|other| other.first() == Some(&b'=') && triple(other, 0).is_some())
    };
    let in_row =
        || is_next(own.get(3..)) || is_next(at.checked_sub(3).map(|before| &bytes[before..]));
    let is_between_letters = || {
        let is_letter = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_alphabetic);
        at > 0 && is_letter(at - 1) && is_letter(at + 3)
    };
    let is_meant = match letter {
        '@' | '=' | '\u{80}'.. if length > 3 || letter.is_ascii() => true,
        'ä' | 'ö' | 'ü' | 'ß' | 'Ä' | 'Ö' | 'Ü' => true,
        ' ' if is_between_letters() => true,
        ' '..='~' | '\n' | '\r' | '\t' => in_row(),
        _ => false,
    };
    is_meant.then_some((length, Some(letter)))
}

/// An equals sign at the end of a line, with the break: the length of both.
fn soft_break(bytes: &[u8]) -> Option<usize> {
    let blanks = bytes[1..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let rest = &bytes[1 + blanks..];
    let length = if rest.starts_with(b"\r\n") { 2 } else { usize::from(rest.starts_with(b"\n")) };
    (length > 0).then_some(1 + blanks + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_nothing_else_is_decoded_for_good() {
        for (written, read) in [
            ("M&uuml;ller &amp;#64; x", "Müller &#64; x"),
            ("M%C3%BCller%20und%20S%c3%b6hne", "Müller und Söhne"),
            ("Gr=C3=BC=C3=9Fe", "Grüße"),
        ] {
            assert_eq!(without_certain(written).unwrap().text, read);
        }
        for text in [
            "R&D; 5%20",
            "x%DE89 3704",
            "IBAN=DE89",
            "=20",
            "a=\nb",
            "Rueckzahlung der Gebuehren bitte wie besprochen auf das Konto:abc=\nDE89 3704",
            "Karte:%4111111111111111",
            "&auml",
            "100%C3",
            "&#64",
            "%40",
            "=3D",
            "a%0A",
        ] {
            assert!(without_certain(text).is_none(), "{text}");
        }
    }

    #[test]
    fn characters_are_read_as_a_browser_shows_them() {
        for (written, letter) in [
            ("&#64;", '@'),
            ("&#x40;", '@'),
            ("&#0000064;", '@'),
            ("&#64", '@'),
            ("&nbsp;", '\u{a0}'),
            ("&auml;", 'ä'),
            ("&Uuml;", 'Ü'),
            ("&scaron;", 'š'),
            ("%40", '@'),
            ("%c3%a4", 'ä'),
            ("%E4", 'ä'),
            ("%F0%9F%98%80", '😀'),
            ("&auml", 'ä'),
            ("&nbsp", '\u{a0}'),
            ("=C3=BC", 'ü'),
            ("=e2=82=ac", '€'),
            ("=FC", 'ü'),
            ("=40", '@'),
            ("=3D", '='),
        ] {
            assert_eq!(find(written, 0, written.len()), Some((0..written.len(), Some(letter))));
        }
        assert_eq!(find("&uumlber", 0, 8), Some((0..5, Some('ü'))));
        assert_eq!(find("für=\r\nwahr", 0, 13), Some((4..7, None)));
        assert_eq!(find("=49=42", 0, 6), Some((0..3, Some('I'))));
        assert_eq!(find("=49=42", 3, 6), Some((3..6, Some('B'))));
        for text in [
            "R&D;",
            "a & b",
            "100 %",
            "%4",
            "%zz",
            "&#xD800;",
            "&;",
            "&#;",
            "&",
            "%",
            "%80",
            "=",
            "a=10",
            "IBAN=DE89",
            "====\n",
            "&colon",
            "&scaron",
            "=\u{fc}",
            "=C3",
            "?q=4711&r=5",
        ] {
            assert_eq!(find(text, 0, text.len()), None, "{text}");
        }
    }
}
