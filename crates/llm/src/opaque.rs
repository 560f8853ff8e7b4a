//! Which strings of a request are codes and data of the interface and no texts: neither the name
//! under which one stands says it alone, nor how it looks. Whoever writes a sentence where an
//! identifier belongs has written a text. Knows no rules about what stands in a text.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde_json::Number;

/// Under these names stand codes of the interface.
const CODES: [&str; 9] =
    ["role", "type", "id", "call_id", "tool_call_id", "file_id", "format", "detail", "media_type"];
/// Under these names stand pictures, files, recordings and sealed data.
const DATA: [&str; 4] = ["data", "file_data", "signature", "thought_signature"];
/// Under these names data may stand as an address of their own (RFC 2397).
const ADDRESSES: [&str; 4] = ["data", "file_data", "file_url", "url"];
/// Under these names stands a file, or where one can be had.
const FILES: [&str; 3] = ["file_data", "file_id", "file_url"];
/// What is seen or heard and was never meant to be read.
const SHOWN: [&str; 3] = ["image/", "audio/", "video/"];
/// How files begin that people put into a text as base64: PDF, packed documents (OOXML,
/// OpenDocument), older documents of Microsoft's.
const FILE_STARTS: [&str; 3] = ["JVBERi0", "UEsDB", "0M8R4KGx"];
/// Shorter runs of letters are words, codes and numbers, not files.
const RUN_BYTES_MIN: usize = 64;
/// Longest code, in bytes; the names of formats of office documents have some seventy.
const CODE_BYTES_MAX: usize = 100;
/// From so many digits on a number may be somebody's, e.g. of a telephone or a birthday.
const DIGITS_MIN: usize = 8;
/// The smallest number of so many digits.
const LONG_NUMBER_MIN: f64 = 1e7;
/// From so many digits on the same holds in data, which have shorter runs by chance.
const DATA_DIGITS_MIN: usize = 9;
/// Reads base64 as lenient readers do.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// What a string of a request is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// A code or data.
    Opaque,
    /// A text.
    Text,
    /// Something in which this text is written: it can be read, but not changed.
    Within(String),
}

/// What a string under this name is.
pub(crate) fn read(name: &str, text: &str) -> Reading {
    if ADDRESSES.contains(&name)
        && let Some(reading) = read_address(text)
    {
        return reading;
    }
    if name == "file_data"
        && is_base64(text)
        && let Some(inside) = readable(text)
    {
        return Reading::Within(inside);
    }
    let is_opaque =
        CODES.contains(&name) && is_code(text) || DATA.contains(&name) && is_base64(text);
    if is_opaque { Reading::Opaque } else { Reading::Text }
}

/// Whether a string under this name is or names a file whose text stays unknown here. Pictures and
/// recordings are none: who clears a model for them knows what they are.
pub(crate) fn is_unread_file(name: &str, text: &str) -> bool {
    if text.is_empty() {
        return false;
    }
    let is_opaque = read(name, text) == Reading::Opaque;
    if FILES.contains(&name) {
        return is_opaque || name == "file_url" && !matches!(read(name, text), Reading::Within(_));
    }
    if is_opaque && ADDRESSES.contains(&name) && text.contains(':') {
        let media = text.split_once(':').map_or("", |(_, rest)| rest.trim_start());
        return !SHOWN.iter().any(|kind| {
            media.get(..kind.len()).is_some_and(|start| start.eq_ignore_ascii_case(kind))
        });
    }
    long_runs(text).any(|run| FILE_STARTS.iter().any(|start| run.starts_with(start)))
}

/// The texts that are written as base64 in a text.
pub(crate) fn written_inside(text: &str) -> Vec<String> {
    long_runs(text).filter_map(readable).collect()
}

/// Runs of the letters of base64 that are longer than words are.
fn long_runs(text: &str) -> impl Iterator<Item = &str> {
    let is_sign = |sign: char| sign.is_ascii_alphanumeric() || "+/-_=".contains(sign);
    text.split(move |sign: char| !is_sign(sign)).filter(|run| run.len() >= RUN_BYTES_MIN)
}

/// What base64 says if it is written in letters.
fn readable(base64: &str) -> Option<String> {
    let bytes = bytes_of(base64)?;
    let text = String::from_utf8(bytes).ok()?;
    let is_text = text.chars().all(|sign| !sign.is_control() || sign.is_whitespace());
    is_text.then_some(text)
}

/// Whether this can be an identifier, a word of the interface or a name in a schema: short, of one
/// piece, and without a number that could be somebody's.
pub(crate) fn is_code(text: &str) -> bool {
    let is_sign = |sign: char| sign.is_alphanumeric() || "_.:-/+$".contains(sign);
    text.len() <= CODE_BYTES_MAX && text.chars().all(is_sign) && !has_long_number(text)
}

/// A number as it is read, if it is long enough to be somebody's.
pub(crate) fn long_number(number: &Number) -> Option<String> {
    let size = number.as_f64()?.abs();
    if size < LONG_NUMBER_MIN {
        return None;
    }
    // Floats write themselves with an exponent, in which nobody would see digits.
    let is_whole = number.is_i64() || number.is_u64();
    Some(if is_whole { number.to_string() } else { size.to_string() })
}

/// Whether digits, and letters that look like some, stand together that may be somebody's number.
/// Stops and hyphens between them do not part them.
fn has_long_number(text: &str) -> bool {
    let mut digits = 0;
    text.chars().any(|sign| {
        match sign {
            'O' | 'o' | 'l' | 'I' => digits += 1,
            _ if sign.is_numeric() => digits += 1,
            _ if sign.is_alphabetic() => digits = 0,
            _ => {}
        }
        digits >= DIGITS_MIN
    })
}

/// Whether this is base64, plain or for addresses, in one piece.
fn is_base64(text: &str) -> bool {
    let mut digits = 0;
    text.bytes().all(|byte| {
        digits = if byte.is_ascii_digit() { digits + 1 } else { 0 };
        let is_sign = byte.is_ascii_alphanumeric() || b"+/-_=".contains(&byte);
        is_sign && digits < DATA_DIGITS_MIN
    })
}

/// What `data:…` is; `None` if this is no such address.
fn read_address(text: &str) -> Option<Reading> {
    let (scheme, rest) = text.split_once(':')?;
    let (head, payload) = rest.split_once(',')?;
    if !scheme.trim().eq_ignore_ascii_case("data") {
        return None;
    }
    let head = head.to_ascii_lowercase();
    let mut words = head.split(';').map(str::trim);
    let media = words.next().unwrap_or_default();
    if !words.all(|word| word.split('=').all(is_code)) || !is_code(media) {
        return Some(Reading::Text);
    }
    let is_encoded = head.ends_with("base64");
    Some(match is_encoded {
        false => Reading::Within(percent_decoded(payload)),
        true if is_written(media) => decoded(payload).map_or(Reading::Text, Reading::Within),
        true if is_base64(payload) => Reading::Opaque,
        true => Reading::Text,
    })
}

/// Whether files of this type are written in letters.
fn is_written(media: &str) -> bool {
    let ends = ["json", "xml", "yaml", "csv", "javascript", "rtf"];
    media.is_empty() || media.starts_with("text/") || ends.iter().any(|end| media.ends_with(end))
}

fn decoded(payload: &str) -> Option<String> {
    Some(String::from_utf8_lossy(&bytes_of(payload)?).into_owned())
}

fn bytes_of(payload: &str) -> Option<Vec<u8>> {
    let plain = payload.chars().filter(|sign| !sign.is_whitespace()).map(|sign| match sign {
        '-' => '+',
        '_' => '/',
        sign => sign,
    });
    LENIENT.decode(plain.collect::<String>()).ok()
}

/// Reads `%41` as `A` (RFC 3986); what is no such triple stays.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digit = |at: usize| char::from(*after.get(at)?).to_digit(16);
        let coded = (byte == b'%').then(|| Some(digit(0)? * 16 + digit(1)?)).flatten();
        match coded.and_then(|coded| u8::try_from(coded).ok()) {
            Some(coded) => {
                bytes.push(coded);
                rest = &after[2..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_makes_no_code_of_a_sentence() {
        let codes = ["call_1", "toolu_01A09q90qw90lq917835lq9", "fc_68a1b2c3", "date-time"];
        for code in codes {
            assert_eq!(read("id", code), Reading::Opaque, "{code}");
        }
        let word = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
        assert_eq!(read("media_type", word), Reading::Opaque);
        let texts = ["IBAN DE89 3704", "DE89370400440532013000", "12.08.1971", "a@b.de"];
        for text in texts.into_iter().chain(["l2.O8.l971", "ＤＥ８９３７０４００４４"])
        {
            assert_eq!(read("id", text), Reading::Text, "{text}");
            assert_eq!(read("data", text), Reading::Text, "{text}");
        }
        assert_eq!(read("foo", "call_1"), Reading::Text);
    }

    #[test]
    fn data_are_opaque_and_written_files_are_read() {
        let within = |text: &str| Reading::Within(text.to_owned());
        for data in ["data:image/png;base64,AAAA", "data:application/pdf;base64,aGk="] {
            assert_eq!(read("url", data), Reading::Opaque, "{data}");
        }
        assert_eq!(read("file_data", "aGk="), within("hi"));
        assert_eq!(read("file_data", "JVBERi0xLjcKJeLjz9M="), Reading::Opaque);
        for coded in ["data:text/plain;charset=utf-8;base64,aGk=", "DATA:;base64,aGk", "data:,h%69"]
        {
            assert_eq!(read("file_data", coded), within("hi"), "{coded}");
        }
        assert_eq!(read("file_data", "data:text/plain,IBAN 1%"), within("IBAN 1%"));
        for text in ["data:IBAN DE89", "data:IBAN DE89,x", "data:image/png;base64,IBAN DE89"] {
            assert_eq!(read("url", text), Reading::Text, "{text}");
        }
    }

    #[test]
    fn files_are_unread_unless_they_are_written_in_letters() {
        let pdf = "JVBERi0xLjcKJeLjz9M=";
        for (name, text) in [
            ("file_data", pdf),
            ("file_data", "data:application/pdf;base64,JVBERi0xLjcKJeLjz9M="),
            ("file_data", "data:image/png;base64,JVBERi0xLjcKJeLjz9M="),
            ("file_id", "file-abc123"),
            ("file_url", "https://fremd.example/antrag.pdf"),
            ("url", "data:application/pdf;base64,JVBERi0xLjcKJeLjz9M="),
            ("url", "data:application/octet-stream;base64,AAAA"),
            ("text", &format!("Bitte lesen: JVBERi0{}", "A".repeat(80))),
        ] {
            assert!(is_unread_file(name, text), "{name} {text}");
        }
        for (name, text) in [
            ("file_data", "data:text/plain;base64,aGk="),
            ("file_data", "aGk="),
            ("file_data", ""),
            ("url", "data:image/png;base64,AAAA"),
            ("url", "https://www.bund.example/bild.png"),
            ("text", "JVBERi0 ist der Anfang eines PDF"),
            ("data", "AAAA"),
        ] {
            assert!(!is_unread_file(name, text), "{name} {text}");
        }
    }

    #[test]
    fn what_a_text_holds_as_base64_is_read() {
        let inside = "Frau Erika Mustermann, DE89 3704 0044 0532 0130 00, hat es eingereicht.";
        let coded = base64::Engine::encode(&LENIENT, inside);
        assert_eq!(written_inside(&format!("Entziffere: {coded}!")), [inside]);
        assert_eq!(written_inside(&"Donaudampfschifffahrtsgesellschaft".repeat(4)), [""; 0]);
    }

    #[test]
    fn long_numbers_are_read_and_settings_are_not() {
        let read = |json: &str| long_number(&serde_json::from_str(json).unwrap());
        for setting in ["0.7", "4096", "-1", "0.30000000000000004", "9999999"] {
            assert_eq!(read(setting), None, "{setting}");
        }
        assert_eq!(read("4111111111111111").as_deref(), Some("4111111111111111"));
        assert_eq!(read("4.111111111111111e15").as_deref(), Some("4111111111111111"));
        assert_eq!(read("18446744073709551615").as_deref(), Some("18446744073709551615"));
    }
}
