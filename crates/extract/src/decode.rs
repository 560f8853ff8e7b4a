//! Bytes to text: UTF-8, UTF-16 and, for what is neither, Windows-1252.
//!
//! Knows no markup; the HTML reader passes the encoding that the page itself declares.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// Share of control characters above which bytes are no text, as one in so many.
const CONTROLS_ONE_IN: usize = 200;

/// Finds the encoding of a text from its first bytes; none if this is no text.
pub(crate) fn encoding_of(bytes: &[u8]) -> Option<&'static Encoding> {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return Some(encoding);
    }
    if let Some(encoding) = utf16_without_mark(bytes) {
        return Some(encoding);
    }
    if bytes.contains(&0) || too_many_controls(bytes) {
        return None;
    }
    match std::str::from_utf8(bytes) {
        Ok(_) => Some(UTF_8),
        // The end of the head may cut a character in two.
        Err(error) if error.error_len().is_none() => Some(UTF_8),
        // A long text with single wrong bytes is damaged UTF-8, not Windows-1252.
        Err(_) if mostly_utf8(bytes) => Some(UTF_8),
        Err(_) => Some(WINDOWS_1252),
    }
}

/// Decodes a whole text; wrong bytes become replacement characters.
pub(crate) fn decode(bytes: &[u8], encoding: &'static Encoding) -> String {
    let (text, _, _) = encoding.decode(bytes);
    text.into_owned()
}

fn utf16_without_mark(bytes: &[u8]) -> Option<&'static Encoding> {
    let sample = &bytes[..bytes.len().min(4096)];
    let pairs = sample.len() / 2;
    if pairs < 4 {
        return None;
    }
    let zeros =
        |offset: usize| sample.iter().skip(offset).step_by(2).filter(|byte| **byte == 0).count();
    let (first, second) = (zeros(0), zeros(1));
    // Western text in UTF-16 has a zero in nearly every pair, always in the same half.
    let most = pairs * 3 / 4;
    if second >= most && first == 0 {
        Some(UTF_16LE)
    } else if first >= most && second == 0 {
        Some(UTF_16BE)
    } else {
        None
    }
}

fn too_many_controls(bytes: &[u8]) -> bool {
    let controls = bytes
        .iter()
        .filter(|byte| matches!(byte, 0..=8 | 0x0e..=0x1a | 0x1c..=0x1f | 0x7f))
        .count();
    controls > bytes.len() / CONTROLS_ONE_IN
}

/// True if valid multi-byte characters outnumber wrong bytes ten to one.
fn mostly_utf8(bytes: &[u8]) -> bool {
    let (mut right, mut wrong) = (0_usize, 0_usize);
    for chunk in bytes.utf8_chunks() {
        right += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        wrong += usize::from(!chunk.invalid().is_empty());
    }
    right > wrong * 10
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(bytes: &[u8]) -> Option<&'static str> {
        encoding_of(bytes).map(Encoding::name)
    }

    #[test]
    fn tells_encodings_apart() {
        assert_eq!(named("Größe".as_bytes()), Some("UTF-8"));
        assert_eq!(named(b"Gr\xf6\xdfe"), Some("windows-1252"));
        assert_eq!(named(b"\xff\xfeG\0r\0"), Some("UTF-16LE"));
        assert_eq!(named(b"G\0r\0o\0s\0s\0"), Some("UTF-16LE"));
        assert_eq!(named(b"\0G\0r\0o\0s\0s"), Some("UTF-16BE"));
        assert_eq!(named(b"\x7fELF\x02\x01\x01\0\0\0\0\0"), None);
        assert_eq!(named(&"Größe".as_bytes()[..3]), Some("UTF-8"));
    }
}
