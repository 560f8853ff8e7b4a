//! Runs the rules for things with structure at the places where they may begin. Knows no kind:
//! all that differs between kinds stands in `rules/numbers.json`.

use std::ops::Range;

use crate::checks::Check;
use crate::checksum;
use crate::columns::Cell;
use crate::finding::Finding;
use crate::rules::{Rule, Start};
use crate::scanner::Page;
use crate::tokens::{Shape, Token};
use crate::vocabulary::Flags;

/// Words before (or after) a find in which its context is looked for.
const CONTEXT_WORDS: usize = 6;
/// Words directly before a find that speak against it.
const OBJECTION_WORDS: usize = 2;
/// Bytes behind the start of a candidate in which its digits are counted.
const RUN_BYTES: usize = 40;

/// Notes every candidate.
pub fn find(page: &Page<'_>, candidates: &mut Vec<Finding>) {
    for index in 0..page.tokens.len() {
        let token = &page.tokens[index];
        if let Some(place) = Place::at(page, index) {
            for rule in page.rules.rules.iter().filter(|rule| place.is_start_of(rule)) {
                candidates.extend(place.apply(page, rule));
            }
        }
        if token.is(page.rules.labels) {
            find_labelled(page, index, candidates);
        }
    }
    for Cell { tokens, label } in page.cells.iter().filter(|one| one.label & page.rules.labels != 0)
    {
        let end = page.tokens[tokens.end - 1].end;
        apply_labelled(page, *label, (tokens.start, end), candidates);
    }
}

/// A token at which something may begin, and what stands around it.
struct Place {
    index: usize,
    digits: usize,
    is_number: bool,
    is_code: bool,
    is_account: bool,
    is_phone: bool,
    is_colon: bool,
    is_register: bool,
    before: Flags,
    objections: Flags,
}

impl Place {
    fn at(page: &Page<'_>, index: usize) -> Option<Self> {
        let token = &page.tokens[index];
        let bytes = page.text.as_bytes();
        let first = bytes[token.start];
        let is_digit = first.is_ascii_digit();
        let is_code = match token.shape {
            Shape::Mixed => first.is_ascii_uppercase() || first == 0xC3,
            Shape::Capital | Shape::Capitals => token.len() <= 5 && leads_to_digits(page, index),
            _ => false,
        };
        let is_account = begins_account(page, token);
        let is_phone = match token.shape {
            Shape::Number => first == b'0',
            Shape::Mark('+') => true,
            Shape::Mark('(') => bytes.get(token.end) == Some(&b'0'),
            _ => false,
        };
        let is_colon = token.len() <= 4
            && matches!(token.shape, Shape::Number | Shape::Mixed | Shape::Small | Shape::Capitals)
            && bytes.get(token.end) == Some(&b':');
        let is_number = is_digit && matches!(token.shape, Shape::Number | Shape::Mixed);
        let is_roman = token.is_capital()
            && bytes[token.start..token.end].iter().all(|byte| b"IVXSLB".contains(byte));
        let is_register = is_number && token.len() <= 4
            || is_roman
                && page
                    .tokens
                    .get(index + 1)
                    .is_some_and(|next| next.is_capital() || next.shape == Shape::Number);
        if !(is_number || is_code || is_account || is_phone || is_colon || is_register)
            || is_continued(page, index)
        {
            return None;
        }
        let digits = count_digits(&bytes[token.start..]);
        let before = words_before(page, index, CONTEXT_WORDS) | page.head_of(index);
        // `Meine Nummer ist …`: no number of a thing.
        let is_own = is_own_number(page, index);
        let objections = if is_own { 0 } else { words_before(page, index, OBJECTION_WORDS) };
        Some(Self {
            index,
            digits,
            is_number,
            is_code,
            is_account,
            is_phone,
            is_colon,
            is_register,
            before,
            objections,
        })
    }

    fn is_start_of(&self, rule: &Rule) -> bool {
        let may_start = match rule.starts {
            Start::Number => self.is_number,
            Start::Code => self.is_code,
            Start::Account => self.is_account,
            Start::Phone => self.is_phone,
            Start::Colon => self.is_colon,
            Start::Register => self.is_register,
            Start::Label => false,
        };
        let has_context = !rule.needs_context || rule.after != 0 || self.before & rule.context != 0;
        may_start && self.digits >= rule.digits_min && has_context
    }

    fn apply(&self, page: &Page<'_>, rule: &Rule) -> Option<Finding> {
        // What the rule itself wants is no objection: `Steuernummer 12/345/67890`.
        let objections = self.objections & rule.not_after;
        if objections != 0 && self.before & rule.context == 0 {
            return None;
        }
        let start = page.tokens[self.index].start;
        let end = matched(page, rule, start..page.text.len())?;
        let is_near =
            rule.after != 0 && self.is_birth(page, rule, end)? || self.before & rule.context != 0;
        if rule.needs_context && !is_near {
            return None;
        }
        let score = if is_near { rule.context_score } else { rule.score };
        Some(Finding { kind: rule.kind, start, end, score, rule: rule.id.clone() })
    }
}

impl Place {
    /// What follows a date, or a star in front of it, tells that it is a date of birth: `am 3.5.1980
    /// geboren`, `am 3.5.1980 geborene`, `*3.5.1980`. `None` if it bounds an age group instead: `vor
    /// dem 1.1.1964 geboren`.
    fn is_birth(&self, page: &Page<'_>, rule: &Rule, end: usize) -> Option<bool> {
        let Some(index) = self.index.checked_sub(1) else {
            return Some(words_after(page, end, CONTEXT_WORDS) & rule.after != 0);
        };
        let before = &page.tokens[index];
        let word = page.word(before);
        if ["dem", "zum", "vom", "seit", "bis", "ab", "und", "nach", "vor"].contains(&word) {
            return None;
        }
        let is_list = index == 0
            || page.tokens[index - 1].shape == Shape::Line
            || page.tokens[index - 1].is_mark('*');
        let is_star =
            before.is_mark('*') && (page.is_joined(index) || page.gap(index) == " " && !is_list);
        let is_am = word == "am" && words_after(page, end, 1) & rule.context != 0;
        Some(
            is_star
                || is_am
                || (word == "am" || !before.is_word())
                    && words_after(page, end, CONTEXT_WORDS) & rule.after != 0,
        )
    }
}

/// Runs the rules that want to stand directly behind a word of their context.
fn find_labelled(page: &Page<'_>, label: usize, candidates: &mut Vec<Finding>) {
    if page.word(&page.tokens[label]) == "Zeichen" && !is_own_sign(page, label) {
        return;
    }
    let Some(index) = value_of(page, label) else { return };
    apply_labelled(page, page.tokens[label].flags, (index, page.text.len()), candidates);
}

/// Runs the rules for a label at a token; what they find ends before `limit`.
fn apply_labelled(
    page: &Page<'_>,
    label: Flags,
    (index, limit): (usize, usize),
    candidates: &mut Vec<Finding>,
) {
    let start = page.tokens[index].start;
    let has_digit =
        |rule: &&Rule| rule.digits_min == 0 || page.text.as_bytes()[start].is_ascii_digit();
    let of_label = |rule: &&Rule| rule.starts == Start::Label && label & rule.context != 0;
    for rule in page.rules.rules.iter().filter(of_label).filter(has_digit) {
        if let Some(end) = matched(page, rule, start..limit) {
            let (kind, score, rule) = (rule.kind, rule.score, rule.id.clone());
            candidates.push(Finding { kind, start, end, score, rule });
        }
    }
}

/// `Unser Zeichen`, `Ihr Zeichen`: other signs stand beside roads.
fn is_own_sign(page: &Page<'_>, label: usize) -> bool {
    let before = label.checked_sub(1).map(|index| page.word(&page.tokens[index]).to_lowercase());
    before.is_some_and(|word| {
        ["unser", "ihr", "mein", "dortiges", "unserem", "ihrem", "unsere"].contains(&word.as_str())
    })
}

/// Where the value of a label begins: behind marks and words like `lautet` and `Nr.`.
fn value_of(page: &Page<'_>, label: usize) -> Option<usize> {
    const FILLERS: &str = "Nr nr Nummer Z lautet ist ID unter der die das wie folgt Unser Ihr neues neue altes alte zum dem vorläufige";
    for (index, token) in page.tokens.iter().enumerate().skip(label + 1).take(6) {
        let is_filler = match token.shape {
            Shape::Mark(mark) => ".:#-„\"*_|=\u{2013}".contains(mark),
            Shape::Small | Shape::Capital | Shape::Capitals => {
                FILLERS.split(' ').any(|filler| filler == page.word(token))
            }
            _ => false,
        };
        if !is_filler {
            return (token.shape != Shape::Line).then_some(index);
        }
    }
    None
}

/// The end of what a rule finds at the beginning of a range, if it ends where a word or number ends.
fn matched(page: &Page<'_>, rule: &Rule, range: Range<usize>) -> Option<usize> {
    let start = range.start;
    let rest = &page.text[range];
    let candidate = rule.pattern.find(rest)?.as_str();
    let length = match rule.check {
        Check::Pattern => candidate.len(),
        Check::Candidate(check) => check(candidate)?,
        Check::Plate => page.rules.codes.plate(candidate)?,
        Check::Court => page.rules.codes.court(candidate)?,
    };
    let goes_on = match rest.as_bytes().get(length..) {
        Some([byte, ..]) if byte.is_ascii_digit() => true,
        Some([byte, ..]) if byte.is_ascii_alphabetic() || (0xC3..0xE2).contains(byte) => {
            !rule.glued
        }
        Some([b'-' | b'/' | b'.' | b',', digit, ..]) if digit.is_ascii_digit() => true,
        _ => false,
    };
    (!goes_on && length > 0).then_some(start + length)
}

/// `Meine Nummer` or `Meine Nummer ist` before a token.
fn is_own_number(page: &Page<'_>, index: usize) -> bool {
    let words = page.tokens[index.saturating_sub(4)..index].iter().rev();
    let mut words = words.filter(|token| token.is_word()).map(|token| page.word(token));
    let mut word = words.next().unwrap_or_default();
    if ["ist", "lautet", "is"].contains(&word) {
        word = words.next().unwrap_or_default();
    }
    let is_number = ["Nummer", "nummer", "number"].contains(&word);
    let owners = ["meine", "Meine", "unsere", "Unsere", "seine", "ihre", "deine", "my", "My"];
    is_number && words.next().is_some_and(|owner| owners.contains(&owner))
}

/// Capitals that digits follow: `M-AB 1234`, `A 123 456 789`, `B 4 AS 12/20`.
fn leads_to_digits(page: &Page<'_>, index: usize) -> bool {
    page.text.as_bytes()[page.tokens[index].end..]
        .iter()
        .take(8)
        .take_while(|byte| {
            byte.is_ascii_uppercase()
                || **byte == b' '
                || **byte == b'-'
                || byte.is_ascii_digit()
                || **byte == b':'
        })
        .any(u8::is_ascii_digit)
}

/// The country of an IBAN, and a digit behind it: `DE 89 3704 …`, `de89 3704 …`.
fn begins_account(page: &Page<'_>, token: &Token) -> bool {
    let bytes = &page.text.as_bytes()[token.start..];
    let country = match token.shape {
        Shape::Mixed => bytes.get(2).is_some_and(u8::is_ascii_digit),
        Shape::Small | Shape::Capital | Shape::Capitals => {
            let behind = bytes[2.min(bytes.len())..].iter().take(5);
            let mut behind = behind.skip_while(|byte| b" \t\r\n.-/_|\xC2\xB7".contains(byte));
            token.len() == 2 && behind.next().is_some_and(u8::is_ascii_digit)
        }
        _ => false,
    };
    country && checksum::iban_length(&bytes[..2]).is_some()
}

/// A number that only goes on: the second half of a longer one that was no find as a whole.
fn is_continued(page: &Page<'_>, index: usize) -> bool {
    let start = page.tokens[index].start;
    let before = page.text[..start].trim_end_matches([' ', '-', '/', '.', ':']);
    let glue = &page.text[before.len()..start];
    let is_glued = glue.len() <= 1 || glue == " - ";
    let is_list = index >= 2 && glue == " " && page.tokens[index - 1].is_mark('.');
    is_glued && !is_list && before.ends_with(|letter: char| letter.is_ascii_digit())
        || glue.is_empty()
            && before.ends_with(|letter: char| letter.is_alphanumeric() || letter == '_')
}

/// Digits in the run of digits, capitals and separators that begins here. For dates with the name
/// of a month the run ends early, which their rule knows.
fn count_digits(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .take(RUN_BYTES)
        .take_while(|byte| {
            byte.is_ascii_digit()
                || byte.is_ascii_uppercase()
                || b" -./:()+ab".contains(byte)
                || **byte >= 0x80
        })
        .filter(|byte| byte.is_ascii_digit())
        .count()
}

/// The flags of the words before a token, back to the number before or an empty line.
fn words_before(page: &Page<'_>, index: usize, words_max: usize) -> Flags {
    let back = page.tokens[..index].iter().rev();
    gather(back, words_max)
}

/// The flags of the words behind a byte, up to the next number or the end of the sentence.
fn words_after(page: &Page<'_>, end: usize, words_max: usize) -> Flags {
    let from = page.tokens.partition_point(|token| token.start < end);
    let ahead = page.tokens[from..].iter();
    gather(
        ahead.take_while(|token| !token.is_mark('.') && !token.is_mark(',') && !token.is_mark('(')),
        words_max,
    )
}

fn gather<'t>(tokens: impl Iterator<Item = &'t Token>, words_max: usize) -> Flags {
    let mut flags = 0;
    let mut words = 0;
    let mut lines = 0;
    for token in tokens {
        match token.shape {
            Shape::Number | Shape::Mixed => break,
            Shape::Line => lines += 1,
            Shape::Mark(_) => {}
            _ => words += 1,
        }
        if words > words_max || lines > 1 {
            break;
        }
        flags |= token.flags;
    }
    flags
}
