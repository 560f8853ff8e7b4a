//! Small looks at the words around a position, each bounded, so that splitting stays linear.

/// Longest word that is looked at, in bytes; beyond: only its last (or first) bytes are seen.
const WORD_BYTES_MAX: usize = 64;

/// The run of letters, digits and joining signs that ends at `end`.
pub(super) fn before(text: &str, end: usize) -> &str {
    let mut start = end;
    for (at, character) in text[..end].char_indices().rev() {
        if !is_word(character) || end - at > WORD_BYTES_MAX {
            break;
        }
        start = at;
    }
    &text[start..end]
}

/// The run of letters, digits and joining signs that begins at `start`.
pub(super) fn after(text: &str, start: usize) -> &str {
    let rest = &text[start..];
    let end = rest
        .char_indices()
        .find(|(at, character)| !is_word(*character) || *at >= WORD_BYTES_MAX)
        .map_or(rest.len(), |(at, _)| at);
    &rest[..end]
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '-' | '\u{ad}' | '§' | '*' | '_' | '/')
}
