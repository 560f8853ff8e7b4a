//! Passwords and PINs that a sentence or a form names: `Das Passwort lautet …`, `Kennwort = …`, `Meine
//! PIN ist …`. Knows the words that lead to them, not what systems they open.

use crate::finding::Finding;
use crate::kind::Kind;
use crate::scanner::Page;
use crate::tokens::{Shape, Token};
use crate::vocabulary::{PASSWORD, PIN};

/// Words between the label and what announces the value: `Das Passwort für das Netz im Amt lautet`.
const WORDS_BETWEEN_MAX: usize = 8;
/// Tokens behind a label that are looked at.
const TOKENS_MAX: usize = 16;
/// Longest password, in bytes.
const PASSWORD_BYTES_MAX: usize = 64;
const PASSWORD_BYTES_MIN: usize = 6;
/// Shortest one between quotation marks.
const QUOTED_BYTES_MIN: usize = 4;
/// Digits of a PIN.
const PIN_DIGITS: std::ops::RangeInclusive<usize> = 4..=8;

/// What stands between the announcement and the value.
const FILLERS: [&str; 22] = [
    "jetzt",
    "nun",
    "aktuell",
    "derzeit",
    "weiterhin",
    "noch",
    "immer",
    "übrigens",
    "wie",
    "folgt",
    "neu",
    "ab",
    "sofort",
    "now",
    "currently",
    "still",
    "neues",
    "neue",
    "bitte",
    "Nr",
    "nr",
    "als",
];
/// What makes the number before it a length or a time.
const UNITS: [&str; 8] =
    ["Stellen", "Ziffern", "Zeichen", "Zahlen", "Tage", "Tagen", "digits", "characters"];
/// What a value begins and ends with that is no part of it.
const QUOTES: [char; 12] = ['„', '“', '”', '"', '\'', '`', '*', '»', '«', '‚', '‘', '’'];

/// How surely a value follows. The order is that of sureness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Lead {
    /// It stands behind its label.
    Label,
    /// `auf`, `to`: something else may follow.
    Set,
    /// `ist`, `is`: most often something else follows.
    Is,
    /// A colon or an equals sign.
    Sign,
    /// `lautet`, `heißt`.
    Says,
}

impl Lead {
    fn of(page: &Page<'_>, token: &Token) -> Option<Self> {
        match page.word(token) {
            ":" | "=" => Some(Self::Sign),
            "lautet" | "lautete" | "heißt" | "heisst" | "hieß" => Some(Self::Says),
            "ist" | "war" | "is" | "was" => Some(Self::Is),
            "auf" | "to" => Some(Self::Set),
            _ => None,
        }
    }
}

/// Notes every password and every PIN.
pub fn find(page: &Page<'_>, candidates: &mut Vec<Finding>) {
    for (index, token) in page.tokens.iter().enumerate() {
        if token.is(PASSWORD | PIN) {
            let is_pin = token.is(PIN);
            candidates.extend(value_behind(page, index).map(|value| finding(value, is_pin)));
        }
    }
    for cell in page.cells.iter().filter(|cell| cell.label & (PASSWORD | PIN) != 0) {
        let value = Value { page, at: cell.tokens.start, lead: Lead::Sign, is_direct: true };
        let is_pin = cell.label & PIN != 0;
        candidates.extend(value.read(is_pin).map(|value| finding(value, is_pin)));
    }
}

fn finding((start, end): (usize, usize), is_pin: bool) -> Finding {
    let rule = if is_pin { "pin-named" } else { "password-named" };
    Finding { kind: Kind::Secret, start, end, score: 0.85, rule: rule.into() }
}

/// Where the value of a label stands.
fn value_behind(page: &Page<'_>, label: usize) -> Option<(usize, usize)> {
    let mut lead = Lead::Label;
    let (mut words, mut lines) = (0, 0);
    for at in label + 1..page.tokens.len().min(label + TOKENS_MAX) {
        let token = &page.tokens[at];
        if let Some(found) = Lead::of(page, token) {
            lead = lead.max(found);
            continue;
        }
        if token.shape == Shape::Line {
            lines += 1;
            // The value of a form stands under its label.
            if lines > 1 || lead == Lead::Label && words > 0 {
                return None;
            }
            continue;
        }
        if FILLERS.contains(&page.word(token)) {
            continue;
        }
        let value = Value { page, at, lead, is_direct: words == 0 };
        let found = value.read(page.tokens[label].is(PIN));
        if found.is_some() {
            return found;
        }
        match token.shape {
            Shape::Mark('.' | '?' | '!' | ';') if words > 0 => return None,
            Shape::Mark(_) => {}
            _ => (words, lead) = (words + 1, Lead::Label),
        }
        if words > WORDS_BETWEEN_MAX || lines > 0 && words > 0 {
            return None;
        }
    }
    None
}

/// What may be a value, and how it is announced.
struct Value<'p> {
    page: &'p Page<'p>,
    at: usize,
    lead: Lead,
    /// Nothing but marks and fillers stands between it and its label.
    is_direct: bool,
}

impl Value<'_> {
    fn read(&self, is_pin: bool) -> Option<(usize, usize)> {
        if is_pin { self.pin() } else { self.password() }
    }

    fn password(&self) -> Option<(usize, usize)> {
        let start = self.page.tokens[self.at].start;
        let text = self.page.text;
        let rest = &text[start..text.floor_char_boundary(start + PASSWORD_BYTES_MAX + 4)];
        let before = text[..start].chars().next_back();
        let begins = before.is_none_or(|one| {
            one.is_whitespace() || QUOTES.contains(&one) || ":=([|_>;,".contains(one)
        });
        if !begins || rest.starts_with(QUOTES) || !self.is_direct && self.lead == Lead::Label {
            return None;
        }
        let is_end = |letter: char| {
            letter.is_whitespace() || letter == ',' || letter == ';' || QUOTES.contains(&letter)
        };
        let length = rest.find(is_end).unwrap_or(rest.len());
        let value = rest[..length].trim_end_matches(['.', ')', ']', '!', '?', '*', '_', '|', '>']);
        let is_quoted = text[..start].ends_with(QUOTES)
            && rest[length..].starts_with(QUOTES)
            && value.len() >= QUOTED_BYTES_MIN;
        let is_one = match self.lead {
            _ if value.len() > PASSWORD_BYTES_MAX => false,
            Lead::Says if is_quoted => true,
            Lead::Label | Lead::Set => looks_made(&rest[..length]),
            Lead::Is => looks_mixed(value) && !is_code(value),
            Lead::Sign | Lead::Says => looks_mixed(value),
        };
        (is_one && !is_something_else(value)).then(|| (start, start + value.len()))
    }

    fn pin(&self) -> Option<(usize, usize)> {
        let token = &self.page.tokens[self.at];
        let next = self.page.tokens.get(self.at + 1);
        let is_part = next.is_some_and(|next| {
            next.start == token.end
                && !self.page.text[next.end..].starts_with(char::is_whitespace)
                && next.end < self.page.text.len()
                && next.shape != Shape::Line
                && !next.is_mark(',')
        });
        let is_quantity = next.is_some_and(|next| UNITS.contains(&self.page.word(next)));
        let is_led = self.lead > Lead::Set || self.is_direct;
        (token.shape == Shape::Number
            && PIN_DIGITS.contains(&token.len())
            && is_led
            && !is_part
            && !is_quantity)
            .then_some((token.start, token.end))
    }
}

/// Letters and digits, or made up of more.
fn looks_mixed(value: &str) -> bool {
    let has = |test: fn(char) -> bool| value.chars().any(test);
    value.len() >= PASSWORD_BYTES_MIN && has(char::is_alphabetic) && has(|one| one.is_ascii_digit())
        || looks_made(value)
}

/// No plain word: it has at least two of capitals behind the first letter, digits, and other
/// characters.
fn looks_made(value: &str) -> bool {
    let rest = || value.trim_end_matches(['.', ')', ']', '?']).chars().skip(1);
    let kinds = usize::from(rest().any(|letter| letter.is_ascii_digit()))
        + usize::from(rest().any(char::is_uppercase) && rest().any(char::is_lowercase))
        + usize::from(rest().any(|letter| !letter.is_alphanumeric()));
    kinds >= 2 && value.len() >= PASSWORD_BYTES_MIN && rest().any(char::is_alphabetic)
}

/// `SHA256`, `ISO27001`: the name of something.
fn is_code(value: &str) -> bool {
    let digits = value.trim_start_matches(|letter: char| letter.is_ascii_uppercase());
    digits.len() < value.len() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// An address, a path, or a word with the name of something before its hyphen: `MD5-verschlüsselt`,
/// `Windows11-Rechnern`.
fn is_something_else(value: &str) -> bool {
    let is_compound = value.split_once('-').is_some_and(|(name, word)| {
        let letters = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
        letters.len() < name.len()
            && letters.chars().all(char::is_alphabetic)
            && word.chars().count() >= 4
            && word.chars().all(|letter| letter.is_alphabetic() || letter == '-')
    });
    is_compound || value.contains("://") || value.starts_with('/') || value.starts_with("www.")
}
