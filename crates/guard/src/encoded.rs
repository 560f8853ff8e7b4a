//! Characters that are written for HTML (`&#64;`, `&nbsp;`) or for addresses (`%40`, RFC 3986): what
//! stands around them is read once more as a browser shows it. Knows no rules.

use std::ops::Range;

use memchr::memchr2;

use crate::finding::Finding;

/// How much around an encoded character is read with it, in bytes: a line or two.
const AROUND_BYTES: usize = 160;
/// A piece that is longer ends at the next encoded character, so that memory does not grow with the
/// text. A find across such a border is lost.
const PIECE_BYTES: usize = 256 * 1024;
/// Longest name of a character, and most digits of its number.
const NAME_BYTES_MAX: usize = 8;

/// The named characters of HTML that stand in letters, addresses and numbers, beside those that are
/// made of a letter and an accent.
const NAMED: [(&str, char); 42] = [
    ("nbsp", '\u{a0}'),
    ("ensp", '\u{2002}'),
    ("emsp", '\u{2003}'),
    ("thinsp", '\u{2009}'),
    ("shy", '\u{ad}'),
    ("zwnj", '\u{200c}'),
    ("zwj", '\u{200d}'),
    ("Tab", '\t'),
    ("NewLine", '\n'),
    ("amp", '&'),
    ("AMP", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("lsquo", '‘'),
    ("rsquo", '’'),
    ("bdquo", '„'),
    ("ldquo", '“'),
    ("rdquo", '”'),
    ("commat", '@'),
    ("period", '.'),
    ("comma", ','),
    ("colon", ':'),
    ("semi", ';'),
    ("sol", '/'),
    ("plus", '+'),
    ("num", '#'),
    ("percnt", '%'),
    ("lowbar", '_'),
    ("equals", '='),
    ("lpar", '('),
    ("rpar", ')'),
    ("hyphen", '\u{2010}'),
    ("dash", '\u{2010}'),
    ("ndash", '–'),
    ("mdash", '—'),
    ("minus", '\u{2212}'),
    ("middot", '·'),
    ("szlig", 'ß'),
    ("aelig", 'æ'),
    ("AElig", 'Æ'),
];

/// Letters with an accent, by the name of the accent: the letter without, and with it.
const ACCENTED: [(&str, &str); 9] = [
    ("uml", "aäeëiïoöuüyÿAÄEËIÏOÖUÜYŸ"),
    ("acute", "aáeéiíoóuúyýcćnńsśzźAÁEÉIÍOÓUÚYÝCĆNŃSŚZŹ"),
    ("grave", "aàeèiìoòuùAÀEÈIÌOÒUÙ"),
    ("circ", "aâeêiîoôuûAÂEÊIÎOÔUÛ"),
    ("tilde", "aãnñoõAÃNÑOÕ"),
    ("cedil", "cçsşCÇSŞ"),
    ("caron", "cčdďeěnňrřsštťzžCČDĎEĚNŇRŘSŠTŤZŽ"),
    ("ring", "aåuůAÅUŮ"),
    ("breve", "aăgğAĂGĞ"),
];

/// A piece of a text with its encoded characters decoded, and the way back.
pub struct Decoded {
    pub text: String,
    /// Where in the text the last encoded character ends.
    pub end: usize,
    /// Where a run begins that stands in the original as it is, or a decoded character, and where there.
    runs: Vec<(usize, usize)>,
    /// The encoded characters in the original, in order.
    encoded: Vec<Range<usize>>,
}

impl Decoded {
    /// The next piece with encoded characters at or behind `from`.
    pub fn next(text: &str, from: usize) -> Option<Self> {
        let (first, letter) = find(text, from, text.len())?;
        let start = text.floor_char_boundary(first.start.saturating_sub(AROUND_BYTES));
        // Half a word at the border would be another word.
        let before = text[start..first.start].find(char::is_whitespace).filter(|_| start > 0);
        let start = before.map_or(start, |at| start + at);
        let mut piece = Self { text: String::new(), end: start, runs: vec![], encoded: vec![] };
        piece.push(text, first, letter);
        while piece.end - start < PIECE_BYTES
            && let Some((next, letter)) = find(text, piece.end, piece.end + AROUND_BYTES)
        {
            piece.push(text, next, letter);
        }
        let end = text.floor_char_boundary(piece.end + AROUND_BYTES);
        let behind = text[piece.end..end].rfind(char::is_whitespace).filter(|_| end < text.len());
        let end = behind.map_or(end, |at| piece.end + at);
        piece.runs.push((piece.text.len(), piece.end));
        piece.text.push_str(&text[piece.end..end]);
        Some(piece)
    }

    /// Adds what stands before an encoded character, and the character.
    fn push(&mut self, text: &str, place: Range<usize>, letter: char) {
        self.runs.push((self.text.len(), self.end));
        self.text.push_str(&text[self.end..place.start]);
        self.runs.push((self.text.len(), place.start));
        self.text.push(letter);
        self.end = place.end;
        self.encoded.push(place);
    }

    /// A find in this piece at its place in the text, if it has to do with what was decoded.
    pub fn in_text(&self, finding: Finding) -> Option<Finding> {
        let (start, end) = (self.origin(finding.start), self.origin(finding.end));
        let next = self.encoded.partition_point(|one| one.end <= start);
        let concerns = self.encoded.get(next).is_some_and(|one| one.start < end);
        concerns.then_some(Finding { start, end, ..finding })
    }

    /// The place in the original of a place in the piece, on the border of a character in both.
    fn origin(&self, at: usize) -> usize {
        let next = self.runs.partition_point(|(start, _)| *start <= at);
        let (start, origin) = self.runs[next.max(1) - 1];
        origin + (at - start)
    }
}

/// The first encoded character that begins between two places.
fn find(text: &str, from: usize, to: usize) -> Option<(Range<usize>, char)> {
    let bytes = text.as_bytes();
    let to = to.min(bytes.len());
    let mut at = from;
    while at < to {
        at += memchr2(b'&', b'%', &bytes[at..to])?;
        let read = if bytes[at] == b'&' { entity(&bytes[at..]) } else { percent(&bytes[at..]) };
        if let Some((length, letter)) = read {
            return Some((at..at + length, letter));
        }
        at += 1;
    }
    None
}

/// A character reference at the beginning, and its length. Browsers read numbers without the
/// semicolon, too.
fn entity(bytes: &[u8]) -> Option<(usize, char)> {
    if bytes.get(1) == Some(&b'#') {
        let is_hex = matches!(bytes.get(2), Some(b'x' | b'X'));
        let (first, radix) = if is_hex { (3, 16) } else { (2, 10) };
        let is_digit = |byte: &&u8| char::from(**byte).is_digit(radix);
        let count = bytes[first..].iter().take(NAME_BYTES_MAX).take_while(is_digit).count();
        let digits = std::str::from_utf8(&bytes[first..first + count]).ok()?;
        let letter = char::from_u32(u32::from_str_radix(digits, radix).ok()?)?;
        let end = first + count;
        return Some((end + usize::from(bytes.get(end) == Some(&b';')), letter));
    }
    let name = bytes[1..].iter().take(NAME_BYTES_MAX).take_while(|byte| byte.is_ascii_alphabetic());
    let end = 1 + name.count();
    if bytes.get(end) != Some(&b';') {
        return None;
    }
    let name = std::str::from_utf8(&bytes[1..end]).ok()?;
    named(name).map(|letter| (end + 1, letter))
}

fn named(name: &str) -> Option<char> {
    let known = NAMED.iter().find(|(known, _)| *known == name);
    known.map(|(_, letter)| *letter).or_else(|| {
        let base = name.chars().next()?;
        let (_, letters) = ACCENTED.iter().find(|(accent, _)| *accent == &name[1..])?;
        let mut letters = letters.chars();
        std::iter::from_fn(|| Some((letters.next()?, letters.next()?)))
            .find_map(|(plain, accented)| (plain == base).then_some(accented))
    })
}

/// A character in `%40` at the beginning, and its length: UTF-8, else one of ISO 8859-1 as old pages
/// have it.
fn percent(bytes: &[u8]) -> Option<(usize, char)> {
    let first = triple(bytes)?;
    let count = match first {
        0x00..=0x7F => return Some((3, char::from(first))),
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => 1,
    };
    let mut decoded = [0; 4];
    let is_whole = (0..count).all(|index| {
        let byte = bytes.get(index * 3..).and_then(triple);
        decoded[index] = byte.unwrap_or_default();
        byte.is_some()
    });
    let whole = std::str::from_utf8(&decoded[..count]).ok().filter(|_| is_whole);
    match whole.and_then(|text| text.chars().next()) {
        Some(letter) => Some((count * 3, letter)),
        None => (first >= 0xA0).then_some((3, char::from(first))),
    }
}

fn triple(bytes: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*bytes.get(at)?).to_digit(16);
    if bytes.first() != Some(&b'%') {
        return None;
    }
    u8::try_from(digit(1)? * 16 + digit(2)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

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
        ] {
            assert_eq!(find(written, 0, written.len()), Some((0..written.len(), letter)));
        }
        for text in
            ["R&D;", "a & b", "100 %", "%4", "%zz", "&#xD800;", "&;", "&#;", "&", "%", "%80"]
        {
            assert_eq!(find(text, 0, text.len()), None, "{text}");
        }
    }
}
