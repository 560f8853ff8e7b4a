//! Characters that are written with a backslash, as JSON (RFC 8259, section 7) and programs write them:
//! `\u00fc`, `\ud83d\ude00`, `\u{fc}`, `\xc3\xbc`, `\n`. JSON inside JSON doubles the backslash. Knows no
//! rules.

/// Most backslashes before one letter: JSON three times inside itself.
const BACKSLASHES_MAX: usize = 8;
/// Most digits between braces.
const BRACED_DIGITS_MAX: usize = 6;

/// A character that is written with a backslash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Escaped {
    /// How many bytes it takes.
    pub length: usize,
    pub letter: char,
    /// Whether it can mean nothing else: `\n` may begin a name of a folder.
    pub is_certain: bool,
}

/// The character that is written at the beginning.
pub fn escaped(bytes: &[u8]) -> Option<Escaped> {
    let lead = bytes.iter().take(BACKSLASHES_MAX).take_while(|byte| **byte == b'\\').count();
    let (kind, rest) = bytes.get(lead..)?.split_first()?;
    let behind = lead + 1;
    let letter = |letter: char| Escaped { length: behind, letter, is_certain: false };
    match kind {
        b'u' if rest.first() == Some(&b'{') => {
            let digits = rest[1..].iter().take(BRACED_DIGITS_MAX + 1);
            let count = digits.take_while(|byte| byte.is_ascii_hexdigit()).count();
            let is_closed = rest.get(1 + count) == Some(&b'}');
            let letter = char::from_u32(number(&rest[1..], count)?).filter(|_| is_closed)?;
            Some(Escaped { length: behind + count + 2, letter, is_certain: true })
        }
        b'u' => four_digits(bytes, lead),
        b'U' => {
            let letter = char::from_u32(number(rest, 8)?)?;
            Some(Escaped { length: behind + 8, letter, is_certain: true })
        }
        b'x' => in_bytes(bytes, lead),
        b'n' => Some(letter('\n')),
        b'r' => Some(letter('\r')),
        b't' => Some(letter('\t')),
        b'"' | b'\'' | b'/' => Some(letter(char::from(*kind))),
        _ => None,
    }
}

/// `\u00fc`, or two of them for what lies beyond the first 65,536 characters.
fn four_digits(bytes: &[u8], lead: usize) -> Option<Escaped> {
    let unit = |at: usize| {
        let own = bytes.get(at..)?;
        let is_next = own.len() > lead + 1
            && own[..lead].iter().all(|byte| *byte == b'\\')
            && own[lead] == b'u';
        if !is_next {
            return None;
        }
        u16::try_from(number(&own[lead + 1..], 4)?).ok()
    };
    let length = lead + 5;
    let units = [unit(0)?, unit(length).unwrap_or_default()];
    let letter = char::decode_utf16(units).next()?.ok()?;
    Some(Escaped { length: length * letter.len_utf16(), letter, is_certain: true })
}

/// `\xfc`, or `\xc3\xbc` in UTF-8.
fn in_bytes(bytes: &[u8], lead: usize) -> Option<Escaped> {
    let width = lead + 3;
    let mut decoded = [0; 4];
    let mut count = 0;
    for (slot, own) in decoded.iter_mut().zip(bytes.chunks(width)) {
        let is_next = own.len() == width
            && own[..lead].iter().all(|byte| *byte == b'\\')
            && own[lead] == b'x';
        let Some(byte) = is_next.then(|| number(&own[lead + 1..], 2)).flatten() else { break };
        *slot = u8::try_from(byte).ok()?;
        count += 1;
    }
    let first = *decoded[..count].first()?;
    let whole = decoded[..count].utf8_chunks().next()?.valid().chars().next();
    Some(match whole {
        Some(letter) => {
            let bytes = letter.len_utf8();
            Escaped { length: bytes * width, letter, is_certain: bytes > 1 }
        }
        // A letter of ISO 8859-1.
        None => {
            let letter = Some(char::from(first)).filter(|letter| *letter >= '\u{a0}')?;
            Escaped { length: width, letter, is_certain: false }
        }
    })
}

/// The number that so many hexadecimal digits say.
fn number(bytes: &[u8], count: usize) -> Option<u32> {
    let digits = bytes.get(..count).filter(|_| count > 0)?;
    digits.iter().try_fold(0, |sum, digit| Some(sum << 4 | char::from(*digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_read_as_programs_write_them() {
        for (written, letter, is_certain) in [
            (r"\u00fc", 'ü', true),
            (r"\u00FC", 'ü', true),
            (r"\u0040", '@', true),
            (r"\\u00fc", 'ü', true),
            (r"\\\\u00fc", 'ü', true),
            (r"\ud83d\ude00", '😀', true),
            (r"\\ud83d\\ude00", '😀', true),
            (r"\u{fc}", 'ü', true),
            (r"\u{1F600}", '😀', true),
            (r"\U000000fc", 'ü', true),
            (r"\xc3\xbc", 'ü', true),
            (r"\xe2\x82\xac", '€', true),
            (r"\xfc", 'ü', false),
            (r"\x40", '@', false),
            (r"\n", '\n', false),
            (r"\\n", '\n', false),
            (r#"\""#, '"', false),
        ] {
            let read = Escaped { length: written.len(), letter, is_certain };
            assert_eq!(escaped(written.as_bytes()), Some(read), "{written}");
            let more = format!("{written}er");
            assert_eq!(escaped(more.as_bytes()), Some(read), "{more}");
        }
        for written in [
            "\\", r"\\", r"\u00f", r"\ud83d", r"\ud83dx", r"\u{}", r"\u{fc", r"\x8", r"\x80",
            r"\q", r"\ü",
        ] {
            assert_eq!(escaped(written.as_bytes()), None, "{written}");
        }
    }
}
