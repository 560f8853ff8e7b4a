//! The letters that stand for bytes in vocabularies: GPT-2's, one for each byte, and SentencePiece's
//! `<0x0A>`.

/// The letter for a byte, as in GPT-2's `bytes_to_unicode`: itself if it can be seen, else one of the
/// letters from U+0100 on, in order.
pub(super) fn char_of(byte: u8) -> char {
    if is_seen(byte) {
        return char::from(byte);
    }
    let before = (0..byte).filter(|byte| !is_seen(*byte)).count();
    u32::try_from(before).ok().and_then(|before| char::from_u32(0x100 + before)).unwrap_or('?')
}

/// The bytes that a token's letters stand for. Letters that stand for none are themselves.
pub(super) fn bytes_of(token: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(token.len());
    for letter in token.chars() {
        match (0..=u8::MAX).find(|byte| char_of(*byte) == letter) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes
}

/// The byte of a token like `<0x0A>`.
pub(super) fn byte_of(token: &str) -> Option<u8> {
    u8::from_str_radix(token.strip_prefix("<0x")?.strip_suffix('>')?, 16).ok()
}

const fn is_seen(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF)
}
