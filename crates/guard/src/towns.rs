//! Names of towns behind a postcode or a street: where they end. Knows no list of all towns.

use crate::scanner::Page;
use crate::tokens::{Shape, Token};
use crate::vocabulary::TOWN;

/// The last token of `, 50667 Köln` behind a house number.
pub fn behind(page: &Page<'_>, last: usize) -> Option<usize> {
    let mut at = last + 1;
    let mut steps = 0;
    // `Dorfstraße 12 in 25999 Kampen`
    let is_in = page.tokens.get(at).is_some_and(|token| page.word(token) == "in");
    if is_in && is_postcode(page, at + 1) {
        at += 1;
    }
    while page.tokens.get(at).is_some_and(|token| {
        token.shape == Shape::Line
            || token.is_mark(',')
            || token.is_mark('·')
            || token.is_mark('|')
            || token.is_mark('/')
    }) {
        at += 1;
        steps += 1;
        if steps > 3 {
            return None;
        }
    }
    if page.tokens.get(at).is_some_and(|token| page.word(token) == "D" || page.word(token) == "DE")
        && page.tokens.get(at + 1).is_some_and(|token| token.is_mark('-'))
    {
        at += 2;
    }
    match is_postcode(page, at) {
        true => end(page, at + 1),
        // A town without its postcode counts if it is known: `Hauptstraße 3 in Köln` does not.
        false => page
            .tokens
            .get(at)
            .filter(|token| steps > 0 && token.is(TOWN) && token.is_capital())
            .and_then(|_| end(page, at)),
    }
}

/// Tokens of a postcode and its town: `72488 Sigmaringen`, `60311 Frankfurt am Main`.
const TOWN_TOKENS_MAX: usize = 9;

/// The first token of `50667 Köln, ` before a street.
pub fn before(page: &Page<'_>, street: usize) -> Option<usize> {
    let mark = street.checked_sub(1)?;
    if ![',', '·', '|'].iter().any(|one| page.tokens[mark].is_mark(*one)) {
        return None;
    }
    let from = mark.saturating_sub(TOWN_TOKENS_MAX);
    let code = (from..mark).rev().find(|at| is_postcode(page, *at))?;
    (end(page, code + 1)? + 1 == mark).then(|| country_before(page, code))
}

/// Where `D-` or `DE-` before a postcode begins; the postcode, if none does.
pub fn country_before(page: &Page<'_>, code: usize) -> usize {
    let is_hyphen = |at: usize| page.tokens[at].is_mark('-');
    match code.checked_sub(2) {
        Some(at) if is_hyphen(at + 1) && ["D", "DE"].contains(&page.word(&page.tokens[at])) => at,
        _ => code,
    }
}

pub fn is_postcode(page: &Page<'_>, at: usize) -> bool {
    page.tokens.get(at).is_some_and(|token| {
        token.shape == Shape::Number
            && token.len() == 5
            && page.word(token).parse().is_ok_and(|code: u32| (1001..=99998).contains(&code))
    })
}

/// The end of a town's name: `Köln`, `Frankfurt am Main`, `Bad Homburg v. d. Höhe`.
pub fn end(page: &Page<'_>, at: usize) -> Option<usize> {
    let first = page.tokens.get(at)?;
    // In small letters only towns that are known, and behind a postcode.
    let is_small_town = first.is(TOWN) && is_postcode(page, at - 1);
    if !first.is_capital() && !is_small_town
        || !page.gap(at - 1).starts_with(' ')
            && !page.gap(at - 1).is_empty()
            && !page.gap(at - 1).starts_with('\u{a0}')
    {
        return None;
    }
    let last = end_of_word(page, at);
    Some(end_of_river(page, last))
}

/// `Köln`, `Bad Homburg`, `Villingen-Schwenningen`.
fn end_of_word(page: &Page<'_>, at: usize) -> usize {
    const LEADS: [&str; 12] = [
        "Bad",
        "Neu",
        "Alt",
        "Groß",
        "Klein",
        "Sankt",
        "St",
        "Hohen",
        "Markt",
        "Hansestadt",
        "Lutherstadt",
        "Schwäbisch",
    ];
    let mut last = at;
    if LEADS.contains(&page.word(&page.tokens[at])) {
        let skip = 1 + usize::from(page.tokens.get(at + 1).is_some_and(|mark| mark.is_mark('.')));
        if page.tokens.get(at + skip).is_some_and(Token::is_capital) {
            last = at + skip;
        }
    }
    while page.tokens.get(last + 1).is_some_and(|mark| mark.is_mark('-'))
        && page.is_joined(last)
        && page.tokens.get(last + 2).is_some_and(Token::is_capital)
    {
        last += 2;
    }
    last
}

/// `am Main`, `an der Weinstraße`, `(Oder)` behind a name.
fn end_of_river(page: &Page<'_>, mut last: usize) -> usize {
    const LINKS: [&str; 16] = [
        "am", "an", "der", "im", "ob", "vor", "bei", "in", "v", "d", "a", "i", "den", "dem",
        "unter", "auf",
    ];
    let links = page.tokens[last + 1..]
        .iter()
        .take(4)
        .take_while(|token| LINKS.contains(&page.word(token)) || token.is_mark('.'))
        .count();
    let river = page
        .tokens
        .get(last + links + 1)
        .filter(|token| links > 0 && token.is_capital() && RIVERS.contains(&page.word(token)));
    if river.is_some() {
        last += links + 1;
    }
    let is_bracket = page.tokens.get(last + 1).is_some_and(|mark| mark.is_mark('('))
        && page.tokens.get(last + 2).is_some_and(|word| RIVERS.contains(&page.word(word)))
        && page.tokens.get(last + 3).is_some_and(|mark| mark.is_mark(')'));
    if is_bracket { last + 3 } else { last }
}

/// What stands behind `am`, `an der`, `im` in the names of towns.
const RIVERS: [&str; 32] = [
    "Main",
    "M",
    "Oder",
    "Rhein",
    "Neckar",
    "Donau",
    "Ruhr",
    "Lahn",
    "Inn",
    "Isar",
    "Saale",
    "Elbe",
    "Weser",
    "Aller",
    "Spree",
    "Havel",
    "Lech",
    "Ilm",
    "See",
    "Bodensee",
    "Breisgau",
    "Br",
    "Tauber",
    "Höhe",
    "Weinstraße",
    "Allgäu",
    "Harz",
    "Taunus",
    "Westfalen",
    "Westf",
    "Odenwald",
    "Mosel",
];
