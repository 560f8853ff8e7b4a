//! Addresses in forms, a line for each part: `Straße: Lindenweg⏎Hausnummer: 7⏎PLZ: 24103⏎Ort: Kiel`. One
//! such line alone names no household.

use std::ops::Range;

use crate::columns;
use crate::finding::Finding;
use crate::kind::Kind;
use crate::scanner::Page;
use crate::tokens::Shape;
use crate::towns;

/// Lines of a form that may stand between two parts of an address.
const LINES_BETWEEN_MAX: usize = 2;
/// Words of a street or town at most.
const VALUE_TOKENS_MAX: usize = 6;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Street,
    Number,
    Postcode,
    Town,
}

impl Part {
    fn of(label: &str) -> Option<Self> {
        match label.to_lowercase().as_str() {
            "straße" | "strasse" | "str" | "strassenname" | "straßenname" => Some(Self::Street),
            "hausnummer" | "hausnr" | "nr" => Some(Self::Number),
            "plz" | "postleitzahl" => Some(Self::Postcode),
            "ort" | "wohnort" | "stadt" | "gemeinde" => Some(Self::Town),
            _ => None,
        }
    }
}

/// Notes the parts of every address that stands so.
pub fn find(page: &Page<'_>, candidates: &mut Vec<Finding>) {
    let mut parts: Vec<(Part, Range<usize>)> = vec![];
    let mut between = 0;
    for line in columns::lines(page) {
        if let Some(part) = part_in(page, &line) {
            parts.push(part);
            between = 0;
            continue;
        }
        between += 1;
        if between > LINES_BETWEEN_MAX {
            note(page, &mut parts, candidates);
        }
    }
    note(page, &mut parts, candidates);
}

/// Two parts are an address, if one of them says where in a town it is.
fn note(page: &Page<'_>, parts: &mut Vec<(Part, Range<usize>)>, candidates: &mut Vec<Finding>) {
    let has = |part: Part| parts.iter().any(|(one, _)| *one == part);
    let is_address = has(Part::Street) && parts.len() > 1 || has(Part::Postcode) && has(Part::Town);
    for (_, tokens) in parts.drain(..).filter(|_| is_address) {
        let (start, end) = (page.tokens[tokens.start].start, page.tokens[tokens.end - 1].end);
        let (kind, rule) = (Kind::Address, "address-form".into());
        candidates.push(Finding { kind, start, end, score: 0.75, rule });
    }
}

/// `Straße: Lindenweg` in a line: which part, and its value.
fn part_in(page: &Page<'_>, line: &Range<usize>) -> Option<(Part, Range<usize>)> {
    let label = &page.tokens[line.start..line.end.min(line.start + 3)];
    let colon = 1 + label.iter().skip(1).position(|token| token.is_mark(':'))?;
    let is_word = label[0].is_word() && (colon == 1 || label[1].is_mark('.'));
    let part = Part::of(page.word(&label[0])).filter(|_| is_word)?;
    let value = line.start + colon + 1..line.end;
    let first = page.tokens.get(value.start).filter(|_| !value.is_empty())?;
    let is_value = match part {
        Part::Street | Part::Town => first.is_capital() && value.len() <= VALUE_TOKENS_MAX,
        Part::Number => matches!(first.shape, Shape::Number | Shape::Mixed) && value.len() <= 3,
        Part::Postcode => towns::is_postcode(page, value.start) && value.len() == 1,
    };
    is_value.then_some((part, value))
}
