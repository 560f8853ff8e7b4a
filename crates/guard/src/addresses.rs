//! Postal addresses: street or post box and number, postcode and town, or both. Starts at the number
//! or the postcode, because streets without a number name no household.

use crate::finding::Finding;
use crate::kind::Kind;
use crate::name_parts;
use crate::scanner::Page;
use crate::tokens::{Shape, Token};
use crate::towns;
use crate::vocabulary::{
    DETERMINER, MONTH, NO_STREET, NOUN, RESIDENCE, ROLE, STREET, STREET_START, TOWN,
};

/// Ends of words that hardly mean anything but a street.
const STRONG_ENDS: [&str; 9] =
    ["straße", "strasse", "str", "allee", "gasse", "chaussee", "twiete", "promenade", "stiege"];
/// Those of them that hardly mean anything else in small letters either.
const SMALL_ENDS: [&str; 6] = ["straße", "strasse", "str", "allee", "gasse", "chaussee"];
/// Ends of streets that other words have too; their list of exceptions is `no_streets`.
const ENDS: [&str; 17] = [
    "weg", "platz", "ring", "damm", "ufer", "steig", "stieg", "pfad", "wall", "graben", "brücke",
    "zeile", "redder", "kamp", "anger", "wiete", "deich",
];
/// Ends of towns (the common ones).
const TOWN_ENDS: [&str; 34] = [
    "burg", "stadt", "hausen", "dorf", "heim", "ingen", "feld", "kirchen", "bach", "furt", "rode",
    "roda", "walde", "wald", "münde", "haven", "stedt", "leben", "berg", "hofen", "brück", "bronn",
    "au", "tal", "born", "beck", "hagen", "itz", "ow", "brunn", "stein", "ach", "lar", "fels",
];
/// What makes the number in front of it a quantity.
const UNITS: [&str; 22] = [
    "Uhr",
    "Euro",
    "EUR",
    "km",
    "m",
    "Meter",
    "Jahre",
    "Jahren",
    "Tage",
    "Prozent",
    "Cent",
    "ha",
    "qm",
    "Stunden",
    "Wochen",
    "Monate",
    "Personen",
    "Kilometer",
    "Plätze",
    "Punkte",
    "Mal",
    "Minuten",
];

/// Notes every address.
pub fn find(page: &Page<'_>, candidates: &mut Vec<Finding>) {
    for (index, token) in page.tokens.iter().enumerate() {
        let starts_small = page.text.as_bytes()[token.start].is_ascii_digit();
        if !starts_small || index == 0 {
            continue;
        }
        let found = match token.len() {
            1..=6 if is_behind_post_box(page, index) => Some(post_box(page, index)),
            1..=4 => at_house_number(page, index),
            5 if token.shape == Shape::Number => at_postcode(page, index),
            _ => None,
        };
        if let Some((start, end, score)) = found {
            let rule = if token.len() == 5 { "address-town" } else { "address-street" };
            candidates.push(Finding { kind: Kind::Address, start, end, score, rule: rule.into() });
        }
    }
}

/// Whether `Postfach` or `Postfach Nr.` stands before a number.
fn is_behind_post_box(page: &Page<'_>, index: usize) -> bool {
    let mut words = page.tokens[..index].iter().rev().map(|token| page.word(token));
    let word = words.find(|word| !matches!(*word, "." | ":" | "-" | "Nr" | "Nummer"));
    page.tokens[index].shape == Shape::Number
        && word.is_some_and(|word| word.to_lowercase() == "postfach")
}

/// `Postfach 10 20 30` and the town behind it.
fn post_box(page: &Page<'_>, index: usize) -> (usize, usize, f32) {
    let goes_on = |last: &usize| {
        let next = page.tokens.get(last + 1);
        page.gap(*last) == " "
            && next.is_some_and(|next| next.shape == Shape::Number && next.len() <= 3)
    };
    let mut last = index;
    while last < index + 3 && goes_on(&last) {
        last += 1;
    }
    let first = page.tokens[..index].iter().rposition(|token| token.is_word() && token.len() >= 8);
    let end = towns::behind(page, last).unwrap_or(last);
    (page.tokens[first.unwrap_or(index)].start, page.tokens[end].end, 0.85)
}

fn at_house_number(page: &Page<'_>, index: usize) -> Option<(usize, usize, f32)> {
    if !is_house_number(page, index) {
        return None;
    }
    let last = end_of_house_number(page, index);
    if page.tokens.get(last + 1).is_some_and(|next| is_quantity(page, last, next)) {
        return None;
    }
    let behind = towns::behind(page, last);
    let street = street_before(page, index, behind.is_some())?;
    let before = towns::before(page, street.first).filter(|_| behind.is_none());
    let town = behind.or(before);
    let is_residence = has_residence_before(page, street.first);
    let score: f32 = match street.strength {
        Strength::Strong => 0.9,
        Strength::Fair => 0.75,
        Strength::Weak => 0.3,
    };
    let score =
        score + if town.is_some() { 0.5 } else { 0.0 } + if is_residence { 0.3 } else { 0.0 };
    let (first, last) = (before.unwrap_or(street.first), behind.unwrap_or(last));
    (score >= 0.5).then(|| (page.tokens[first].start, page.tokens[last].end, score.min(0.98)))
}

fn is_house_number(page: &Page<'_>, index: usize) -> bool {
    let word = page.word(&page.tokens[index]);
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    let tail = &word[digits..];
    let is_year = digits == 4 && (word.starts_with("19") || word.starts_with("20"));
    word.as_bytes()[0] != b'0'
        && digits <= 4
        && !is_year
        && (tail.is_empty() || tail.len() == 1 && tail.as_bytes()[0].is_ascii_alphabetic())
}

/// `12`, `12a`, `12 a`, `12-14`, `12/3`, `12 a-c`.
fn end_of_house_number(page: &Page<'_>, index: usize) -> usize {
    let mut last = index;
    let is_letter = |at: usize| {
        page.tokens.get(at).is_some_and(|token| {
            token.len() == 1 && page.text.as_bytes()[token.start].is_ascii_lowercase()
        })
    };
    if is_letter(last + 1)
        && page.gap(last) == " "
        && !page.tokens.get(last + 2).is_some_and(|next| next.is_mark('.'))
    {
        last += 1;
    }
    let is_joint = page
        .tokens
        .get(last + 1)
        .is_some_and(|mark| "-–/+".chars().any(|joint| mark.is_mark(joint)));
    let follows = page
        .tokens
        .get(last + 2)
        .is_some_and(|next| next.len() <= 4 && matches!(next.shape, Shape::Number | Shape::Mixed));
    if is_joint && (follows || is_letter(last + 2)) {
        last += 2;
    }
    last
}

/// `Platz 3 Uhr`, `Ring 5 %`, `Weg 3.5`, `Straße 3. Oktober` are no house numbers.
fn is_quantity(page: &Page<'_>, last: usize, next: &Token) -> bool {
    let word = page.word(next);
    let behind = page.tokens.get(last + 2);
    let is_ordinal = next.is_mark('.')
        && behind.is_some_and(|token| {
            token.is(MONTH) || token.shape == Shape::Number && token.start == next.end
        });
    let is_thousands = next.shape == Shape::Number && next.len() == 3;
    is_thousands || UNITS.contains(&word) || ["%", "€", "°"].contains(&word) || is_ordinal
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Strength {
    Strong,
    Fair,
    Weak,
}

struct Street {
    first: usize,
    strength: Strength,
}

/// The last word before a house number, and its `Nr.`.
fn word_before(page: &Page<'_>, number: usize) -> usize {
    let without_dot = |at: usize| at - usize::from(page.tokens[at].is_mark('.') && at > 0);
    let last = without_dot(number - 1);
    let is_label = ["Nr", "No", "Hausnummer"].contains(&page.word(&page.tokens[last]));
    if is_label && last > 0 { without_dot(last - 1) } else { last }
}

fn street_before(page: &Page<'_>, number: usize, has_town: bool) -> Option<Street> {
    // Copied from a PDF file, the number may stand in a line of its own.
    let is_broken = number > 1 && has_town && page.tokens[number - 1].shape == Shape::Line;
    let last = word_before(page, number - usize::from(is_broken));
    let token = &page.tokens[last];
    if let Some(first) = long_street(page, last) {
        return Some(Street { first, strength: Strength::Strong });
    }
    let is_letters = token.len() < 3 || token.shape == Shape::Capitals && token.len() < 5;
    if !token.is_word() || is_letters || token.is(MONTH | DETERMINER) {
        return None;
    }
    let first = start_of_street(page, last);
    let small = page.word(token).to_lowercase();
    let ends =
        |list: &[&str]| list.iter().any(|end| small.ends_with(end) && small.len() > end.len() + 2);
    let is_hyphened = last >= 2 && page.tokens[last - 1].is_mark('-') && page.is_joined(last - 2);
    let strength = if token.is(STREET) && is_hyphened {
        Strength::Strong
    } else if token.is(NO_STREET) {
        Strength::Weak
    } else if token.is(STREET) {
        strength_of_word(page, &small, first, last, is_hyphened)
    } else if !token.is_capital() && !ends(&SMALL_ENDS) {
        return None;
    } else if ends(&STRONG_ENDS) {
        Strength::Strong
    } else if ends(&ENDS) {
        Strength::Fair
    } else {
        Strength::Weak
    };
    let is_noun =
        name_parts::flags_of(page, token) & NOUN != 0 || name_parts::has_noun_end(page.word(token));
    let is_lonely_noun = strength == Strength::Weak
        && first == last
        && is_noun
        && !has_town
        && !(towns::before(page, first).is_some() && is_compound_of_street(page, &small));
    let is_written = token.is_capital() || ends(&SMALL_ENDS) || is_hyphened;
    let is_whole = !is_broken || strength == Strength::Strong;
    (is_written && is_whole && (!is_lonely_noun || is_hyphened))
        .then_some(Street { first, strength })
}

/// `Prinzipalmarkt`, `Domhof`: ends with a word for streets, as other nouns do.
fn is_compound_of_street(page: &Page<'_>, small: &str) -> bool {
    let ends = small.char_indices().skip(3).map(|(at, _)| &small[at..]);
    let mut ends = ends.filter(|end| end.len() >= 3);
    ends.any(|end| page.rules.vocabulary.flags(end.as_bytes()) & STREET != 0)
}

/// `Straße`, `Weg`, `Platz` as a word of its own need something in front of it.
fn strength_of_word(
    page: &Page<'_>,
    small: &str,
    first: usize,
    last: usize,
    is_hyphened: bool,
) -> Strength {
    if first == last {
        return Strength::Weak;
    }
    let before = page.word(&page.tokens[last - 1]);
    let is_adjective = before.ends_with("er") || before.ends_with('e');
    let is_named = page.tokens[first].is(STREET_START) && page.word(&page.tokens[first]) != "Auf";
    match (is_hyphened || is_adjective || is_named, STRONG_ENDS.contains(&small)) {
        (true, _) if page.tokens[last - 1].is(NOUN) && !is_hyphened && !is_named => Strength::Weak,
        (true, true) => Strength::Strong,
        (true, false) => Strength::Fair,
        (false, true) => Strength::Fair,
        (false, false) => Strength::Weak,
    }
}

/// `Straße des 17. Juni`, `Platz der Republik`: the word stands first.
fn long_street(page: &Page<'_>, last: usize) -> Option<usize> {
    let from = last.saturating_sub(5);
    let first = (from..last)
        .rev()
        .find(|at| page.tokens[*at].is(STREET) && page.tokens[*at].is_capital())?;
    let article = page.word(page.tokens.get(first + 1)?);
    let is_long = ["des", "der", "am", "zum", "zur"].contains(&article);
    let is_short = last - first <= 4
        && page.tokens[first..=last]
            .iter()
            .all(|token| token.shape != Shape::Line && !token.is_mark(','));
    (is_long && is_short && page.tokens[last].is_capital()).then_some(first)
}

/// Goes back over the words that belong to the name of a street, at most four.
fn start_of_street(page: &Page<'_>, last: usize) -> usize {
    let mut first = last;
    while first > 0 && last - first < 7 {
        let before = &page.tokens[first - 1];
        let joins = before.is_mark('-')
            && before.end == page.tokens[first].start
            && first >= 2
            && page.is_joined(first - 2);
        if joins {
            first -= 2;
        } else if before.is(STREET_START) && before.is_capital() {
            return first - 1;
        } else if is_article_of_street(page, first - 1) {
            return first - 2;
        } else if is_part_of_street(page, first - 1, last) {
            first -= 1;
        } else {
            break;
        }
    }
    first
}

/// The article in `An der Kirche`, `Unter den Linden`.
fn is_article_of_street(page: &Page<'_>, at: usize) -> bool {
    let is_article = ["der", "den", "dem", "die", "das"].contains(&page.word(&page.tokens[at]));
    is_article && at > 0 && page.tokens[at - 1].is(STREET_START) && page.tokens[at - 1].is_capital()
}

/// `Berliner` in `Berliner Straße`, `Alten` in `Am Alten Markt`, `St.` in `St. Georg Straße`.
fn is_part_of_street(page: &Page<'_>, at: usize, last: usize) -> bool {
    let token = &page.tokens[at];
    let is_compound = !page.tokens[last].is(STREET) && !page.tokens[at + 1].is(STREET);
    let is_adjective = ["er", "en", "e"].iter().any(|end| page.word(token).ends_with(end));
    token.is_capital()
        && !token.is(DETERMINER | MONTH | RESIDENCE | ROLE)
        && name_parts::flags_of(page, token) & NOUN == 0
        && (is_adjective && !token.is(NOUN) || !is_compound && !token.is(NOUN))
}

fn has_residence_before(page: &Page<'_>, first: usize) -> bool {
    page.tokens[first.saturating_sub(8)..first]
        .iter()
        .rev()
        .take_while(|token| token.shape != Shape::Number && !token.is_mark(';'))
        .any(|token| token.is(RESIDENCE))
}

fn at_postcode(page: &Page<'_>, index: usize) -> Option<(usize, usize, f32)> {
    if !towns::is_postcode(page, index) {
        return None;
    }
    let town = page.tokens.get(index + 1)?;
    let last = towns::end(page, index + 1)?;
    let word = page.word(town);
    let tail = page.word(&page.tokens[last]);
    let before = &page.tokens[index - 1];
    let country = towns::country_before(page, index);
    let is_country = country < index;
    let is_town_like = !town.is(NOUN)
        && word.len() >= 5
        && TOWN_ENDS.iter().any(|end| word.ends_with(end) || tail.ends_with(end));
    let is_number_before = matches!(before.shape, Shape::Number | Shape::Mixed)
        || before.is_mark('/')
        || before.is_mark('.') && page.is_joined(index - 1);
    let score = if is_country {
        0.9
    } else if is_number_before || UNITS.contains(&word) {
        0.0
    } else if town.is(TOWN) {
        0.85
    } else if has_residence_before(page, index) && !town.is(NOUN) {
        0.8
    } else if is_town_like {
        0.6
    } else {
        0.0
    };
    (score >= 0.5).then(|| (page.tokens[country].start, page.tokens[last].end, score))
}
