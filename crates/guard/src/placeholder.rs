//! How a placeholder is written and recognised: `⟦PERSON1⟧`. Knows neither what it stands for nor
//! where the text comes from.

/// Longest placeholder in bytes, written with JSON escapes; what is longer is text.
pub const PLACEHOLDER_BYTES_MAX: usize = 56;

/// How the text around a placeholder is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Plain text or Markdown.
    Text,
    /// Inside JSON, e.g. the arguments of a tool call: brackets may come as `\u27e6`, and what is
    /// put in has to be escaped.
    Json,
}

/// What stands at the start of a text.
#[derive(Debug, PartialEq, Eq)]
pub enum Reading<'t> {
    /// A placeholder of this many bytes, and the name between its brackets.
    Whole(usize, &'t str),
    /// The beginning of one: more text is needed.
    Partial,
    /// Something else.
    Other,
}

const OPEN: &str = "⟦";
const CLOSE: &str = "⟧";
const OPEN_ESCAPED: &str = "\\u27e6";
const CLOSE_ESCAPED: &str = "\\u27e7";

/// Writes a placeholder.
pub fn write(name: &str) -> String {
    format!("{OPEN}{name}{CLOSE}")
}

/// Reads a placeholder at the start of `text`.
pub fn read(text: &str, form: Form) -> Reading<'_> {
    let open = match bracket(text, OPEN, OPEN_ESCAPED, form) {
        Bracket::Whole(length) => length,
        Bracket::Partial => return Reading::Partial,
        Bracket::Other => return Reading::Other,
    };
    let inside = &text[open..];
    let length = name_length(inside);
    let (name, rest) = inside.split_at(length);
    if open + length > PLACEHOLDER_BYTES_MAX {
        return Reading::Other;
    }
    let is_name = is_name(name);
    match bracket(rest, CLOSE, CLOSE_ESCAPED, form) {
        Bracket::Whole(close) if is_name => Reading::Whole(open + length + close, name),
        Bracket::Partial if rest.is_empty() || is_name => Reading::Partial,
        _ => Reading::Other,
    }
}

/// Capitals, digits, at most one small letter.
fn is_name(name: &str) -> bool {
    let stem = name.strip_suffix(|letter: char| letter.is_ascii_lowercase()).unwrap_or(name);
    let letters = stem.bytes().take_while(u8::is_ascii_uppercase).count();
    let digits = stem.len() - letters;
    letters > 0
        && (1..=9).contains(&digits)
        && stem[letters..].bytes().all(|byte| byte.is_ascii_digit())
}

/// The longest start that can belong to a name.
fn name_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let letters = bytes.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    let digits = bytes[letters..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let variant =
        bytes.get(letters + digits).is_some_and(|byte| digits > 0 && byte.is_ascii_lowercase());
    letters + digits + usize::from(variant)
}

enum Bracket {
    Whole(usize),
    Partial,
    Other,
}

fn bracket(text: &str, plain: &str, escaped: &str, form: Form) -> Bracket {
    if text.starts_with(plain) {
        return Bracket::Whole(plain.len());
    }
    if text.is_empty() {
        return Bracket::Partial;
    }
    let start = text.as_bytes().iter().take(escaped.len());
    let is_start = form == Form::Json
        && start.zip(escaped.bytes()).all(|(byte, wanted)| byte.to_ascii_lowercase() == wanted);
    match (is_start, text.len() >= escaped.len()) {
        // `\U` is no escape of JSON.
        (true, _) if text.as_bytes().get(1) == Some(&b'U') => Bracket::Other,
        (true, true) => Bracket::Whole(escaped.len()),
        (true, false) => Bracket::Partial,
        (false, _) => Bracket::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_told_from_look_alikes() {
        assert_eq!(read("⟦PERSON1⟧s Antrag", Form::Text), Reading::Whole(13, "PERSON1"));
        assert_eq!(read("⟦IBAN12b⟧", Form::Text), Reading::Whole(13, "IBAN12b"));
        assert_eq!(read("\\u27e6PERSON1\\u27E7", Form::Json), Reading::Whole(19, "PERSON1"));
        for partial in ["⟦", "⟦PERS", "⟦PERSON12"] {
            assert_eq!(read(partial, Form::Text), Reading::Partial);
        }
        for partial in ["\\", "\\u27", "\\u27e6PERSON1\\u2"] {
            assert_eq!(read(partial, Form::Json), Reading::Partial);
        }
        for other in [
            "⟦person1⟧",
            "⟦PERSON⟧",
            "⟦1⟧",
            "⟦PERSON1ab⟧",
            "⟦⟦PERSON1⟧",
            "\\u27e6PERSON1⟧",
            "\\U27e6A1⟧",
        ] {
            assert_eq!(read(other, Form::Text), Reading::Other, "{other}");
        }
    }
}
