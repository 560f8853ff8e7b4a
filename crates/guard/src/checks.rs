//! Checks of candidates that have no check digit but a shape or a range: dates, telephone numbers,
//! addresses of machines, plates, file references. Each takes what a rule's pattern matched and
//! tells how many of its bytes belong to the find.

use std::net::{Ipv4Addr, Ipv6Addr};

use rustc_hash::FxHashSet;

use crate::checksum;

/// What a rule checks after its pattern has matched.
#[derive(Debug, Clone, Copy)]
pub enum Check {
    /// The pattern is enough.
    Pattern,
    /// A function of the candidate alone.
    Candidate(fn(&str) -> Option<usize>),
    /// The letters before the hyphen are a district.
    Plate,
    /// The letters between the numbers are a register of a court.
    Court,
}

impl Check {
    /// The check that a rule file calls by this name.
    pub fn named(name: &str) -> Option<Self> {
        let check: fn(&str) -> Option<usize> = match name {
            "plate" => return Some(Self::Plate),
            "court" => return Some(Self::Court),
            "iban" => checksum::iban,
            "iban_spaced" => checksum::iban_spaced,
            "account" => account,
            "card" => checksum::card,
            "tax_id" => checksum::tax_id,
            "social_insurance" => checksum::social_insurance,
            "health_insurance" => checksum::health_insurance,
            "id_card" => checksum::id_card,
            "passport" => checksum::passport,
            "has_digits" => has_digits,
            "tax_number" => tax_number,
            "phone" => phone,
            "phone_local" => phone_local,
            "date" => date,
            "ip_v4" => ip_v4,
            "ip_v4_plain" => ip_v4_plain,
            "ip_v6" => ip_v6,
            "file" => file_reference,
            _ => return None,
        };
        Some(Self::Candidate(check))
    }
}

/// Codes that some checks look up.
#[derive(Debug, Clone, Default)]
pub struct Codes {
    /// Districts of licence plates (annex 1 FZV).
    pub districts: FxHashSet<Box<str>>,
    /// Letters of registers (annexes of the Aktenordnung and its counterparts at other courts).
    pub registers: FxHashSet<Box<str>>,
}

impl Codes {
    /// `M-AB 1234`: the district exists.
    pub fn plate(&self, candidate: &str) -> Option<usize> {
        if candidate.starts_with("DIN-A") {
            return None;
        }
        let district = candidate.split(['-', ' ', ':', '·']).next()?;
        self.districts.contains(&*district.to_uppercase()).then_some(candidate.len())
    }

    /// `5 C 123/20`: the register exists, and the year has two or four digits.
    pub fn court(&self, candidate: &str) -> Option<usize> {
        let register = candidate
            .split([' ', '-', '('])
            .skip(1)
            .find(|part| part.starts_with(|letter: char| letter.is_ascii_uppercase()))?;
        let year = candidate
            .rsplit(['/', '.'])
            .find(|part| part.starts_with(|digit: char| digit.is_ascii_digit()))?;
        let year_len = year.bytes().take_while(u8::is_ascii_digit).count();
        (self.registers.contains(register) && year_len != 3).then_some(candidate.len())
    }
}

fn count_digits(candidate: &str) -> usize {
    candidate.bytes().filter(u8::is_ascii_digit).count()
}

/// Capitals alone are a word; a serial number has at least two digits in nearly all cases.
fn has_digits(candidate: &str) -> Option<usize> {
    (count_digits(candidate) >= 2).then_some(candidate.len())
}

fn tax_number(candidate: &str) -> Option<usize> {
    matches!(count_digits(candidate), 10 | 11 | 13).then_some(candidate.len())
}

/// E.164: at most 15 digits. Less than six with an area code is no German number.
fn phone(candidate: &str) -> Option<usize> {
    let is_balanced = candidate.matches('(').count() == candidate.matches(')').count();
    ((6..=15).contains(&count_digits(candidate)) && is_balanced && !is_date(candidate))
        .then_some(candidate.len())
}

fn phone_local(candidate: &str) -> Option<usize> {
    ((3..=12).contains(&count_digits(candidate)) && !is_date(candidate)).then_some(candidate.len())
}

/// `2021-05-03` and `03.05.2021` look like numbers with separators.
fn is_date(candidate: &str) -> bool {
    date(candidate).is_some()
}

/// A number of an account as banks gave them out before the IBAN; not a date.
fn account(candidate: &str) -> Option<usize> {
    let digits = count_digits(candidate);
    ((6..=10).contains(&digits) && !is_date(candidate)).then_some(candidate.len())
}

/// A day of the calendar between 1880 and 2040; years of two digits are allowed.
fn date(candidate: &str) -> Option<usize> {
    // `03051980`
    if candidate.len() == 8 && candidate.bytes().all(|byte| byte.is_ascii_digit()) {
        let (day, month) = candidate.split_at(2);
        return date(&format!("{day}.{}.{}", &month[..2], &month[2..])).and(Some(8));
    }
    let numbers: Vec<u32> = candidate
        .split(|letter: char| !letter.is_ascii_digit())
        .filter(|part| !part.is_empty())
        .map(|part| part.parse().unwrap_or(u32::MAX))
        .collect();
    let (day, month, year) = match numbers[..] {
        [year, month, day] if year > 1000 => (day, month, year),
        [day, month, year] => (day, month, year),
        [day, year] if year > 1000 && candidate.bytes().any(|byte| byte.is_ascii_alphabetic()) => {
            (day, 1, year)
        }
        _ => return None,
    };
    let is_year = (1880..=2040).contains(&year) || year < 100;
    let is_whole = numbers.len() == 2 || candidate.matches(['.', '-', '/']).count() == 2;
    let is_day = (1..=31).contains(&day) && (1..=12).contains(&month);
    (is_year && is_day && is_whole).then_some(candidate.len())
}

fn ip_v4(candidate: &str) -> Option<usize> {
    candidate.parse::<Ipv4Addr>().ok().map(|_| candidate.len())
}

/// Without a word that says so, four small numbers are a section of a document.
fn ip_v4_plain(candidate: &str) -> Option<usize> {
    let address: Ipv4Addr = candidate.parse().ok()?;
    let octets = address.octets();
    let is_section = octets.iter().all(|octet| *octet < 32);
    let is_date = octets[0] < 32 && octets[1] < 13 && octets[2] > 18 && octets[3] < 100;
    (!is_section && !is_date).then_some(candidate.len())
}

/// Without a digit it is a path in a program: `a::b`.
fn ip_v6(candidate: &str) -> Option<usize> {
    if count_digits(candidate) == 0 {
        return None;
    }
    candidate.parse::<Ipv6Addr>().ok().map(|_| candidate.len())
}

/// Takes the parts of a file reference off the rest of the line: parts with digits, and short
/// parts that lead to one.
fn file_reference(candidate: &str) -> Option<usize> {
    let mut end = 0;
    let mut at = 0;
    for part in candidate.split(' ') {
        let trimmed = part.trim_end_matches(['.', ')', ':', '“', '"', '!', '?', ']', '…', '*']);
        let has_digit = trimmed.bytes().any(|byte| byte.is_ascii_digit());
        let is_short = trimmed.chars().count() <= 5
            && trimmed
                .chars()
                .next()
                .is_none_or(|letter| letter.is_uppercase() || !letter.is_alphabetic());
        if has_digit && is_part_of_reference(trimmed) {
            end = at + trimmed.len();
        } else if !is_short {
            break;
        }
        at += part.len() + 1;
        if part.len() > trimmed.len() && has_digit {
            break;
        }
    }
    let found = candidate.get(..end)?;
    (count_digits(found) >= 2 && found.len() >= 4 && !is_date(found)).then_some(end)
}

fn is_part_of_reference(part: &str) -> bool {
    part.chars().all(|letter| letter.is_alphanumeric() || "./:-_–()#".contains(letter))
        && !part.starts_with(['(', '–'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_references_end_where_prose_begins() {
        let found = |text: &str| file_reference(text).map(|end| text[..end].to_owned());
        assert_eq!(found("33.2-1234/2021 vom heutigen Tag").as_deref(), Some("33.2-1234/2021"));
        assert_eq!(found("IV A 5 - S 0130/19/10001").as_deref(), Some("IV A 5 - S 0130/19/10001"));
        assert_eq!(found("12 K 345/21.A) Bescheid 3").as_deref(), Some("12 K 345/21.A"));
        assert_eq!(found("wird mitgeteilt"), None);
        assert_eq!(found("03.05.2021"), None);
    }

    #[test]
    fn dates_are_days_of_the_calendar() {
        for text in ["03.05.1980", "3. 5. 80", "3. Mai 1980", "1980-05-03", "3/5/1980"] {
            assert!(date(text).is_some(), "{text}");
        }
        for text in ["32.05.1980", "03.13.1980", "3.5.", "1.1.3000"] {
            assert!(date(text).is_none(), "{text}");
        }
    }
}
