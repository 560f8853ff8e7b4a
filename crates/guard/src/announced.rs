//! Names that something in front of them announces: a salutation, a title, a role, a label, a
//! signature, a greeting. Knows nothing of names that stand alone.

use crate::columns;
use crate::name_parts::{self, Parts};
use crate::names::{Name, comma_first};
use crate::scanner::Page;
use crate::tokens::Shape;
use crate::vocabulary::{CALLED, DETERMINER, FUNCTION, MONTH, NAME_LABEL, ROLE, SALUTATION, TITLE};

/// `Frau Dr. Sabine Müller`, `Herrn Bürgermeister Koch`, `Prof. Yıldız`. Directly behind a
/// salutation even an unknown word is a name, unless it is a function or plainly a noun.
pub fn after_salutation(page: &Page<'_>, index: usize) -> Option<Name> {
    let start = name_parts::skip_titles(page, index + 1);
    let parts = Parts::read(page, start)?;
    let head = page.tokens[parts.first];
    // `Herr der Lage`, `Frau des Jahres`.
    if head.shape == Shape::Small && ["der", "des"].contains(&page.word(&head)) {
        return None;
    }
    let is_indefinite = index > 0
        && page.tokens[index - 1].is(DETERMINER)
        && page.tokens[index - 1].shape == Shape::Small;
    let is_known = parts.is_first(0) || parts.is_last(0);
    let is_noun = parts.is_noun(0);
    let is_title = page.tokens[index].is(TITLE);
    let is_office = name_parts::flags_of(page, &head) & (FUNCTION | ROLE) != 0;
    if !is_known && (is_office || is_noun && (is_indefinite || is_title || parts.has_noun_end(0))) {
        return None;
    }
    if !is_known && is_noun && !page.tokens[index].is(SALUTATION) {
        return None;
    }
    let count = parts.count_after_salutation();
    Some(Name {
        first: parts.first,
        last: parts.end_of(count),
        score: 0.95,
        rule: "name-salutation",
    })
}

/// `Name: Müller`, `Vorname: Ayşe`, `geb. Schulz`.
pub fn after_label(page: &Page<'_>, index: usize) -> Option<Name> {
    let mut at = index + 1;
    let mut has_colon = false;
    while let Some(token) = page.tokens.get(at) {
        has_colon |= columns::is_wide(page.gap(at - 1));
        match token.shape {
            Shape::Line if has_colon && page.tokens[at - 1].shape != Shape::Line => {}
            Shape::Mark(mark) if ":.|*_/=;".contains(mark) => has_colon |= ":|=".contains(mark),
            Shape::Mark(',') => {}
            _ if token.is(NAME_LABEL) || token.is(SALUTATION | TITLE) && has_colon => {}
            _ => break,
        }
        at += 1;
        if at > index + 8 {
            return None;
        }
    }
    let parts = Parts::read(page, at)?;
    // `Familienname Brandt Vorname Lea` in a line.
    let is_own = page.tokens[index].len() > "name".len()
        && page.word(&page.tokens[index]).ends_with("name")
        && at == index + 1
        && (parts.is_first(0) || parts.is_last(0))
        && !parts.is_noun(0);
    if !has_colon && !is_own {
        return None;
    }
    let is_vague = ["von", "an", "cc", "betreff"]
        .contains(&page.word(&page.tokens[index]).to_lowercase().as_str());
    if is_vague && !parts.is_known() && parts.len() < 2 {
        return None;
    }
    let is_lone_noun = parts.is_noun(0) && !parts.is_first(0) && !parts.is_last(0);
    if is_lone_noun || page.tokens[parts.first].is(DETERMINER) {
        return None;
    }
    let mut last = parts.end_of(parts.count_names().max(1));
    if let Some(behind) = comma_first(page, last) {
        last = behind;
    }
    Some(Name {
        first: parts.first,
        last,
        score: if parts.is_known() { 0.85 } else { 0.65 },
        rule: "name-label",
    })
}

/// `Ich heiße Pfannenstiel`, `mein Name ist Wischnewski`, `ein Zeuge namens Brodowski`.
pub fn after_introduction(page: &Page<'_>, index: usize) -> Option<Name> {
    let is_name = |at: usize| page.tokens.get(at).is_some_and(|token| page.word(token) == "Name");
    let is_called = page.tokens[index].is(CALLED);
    let start = if is_called {
        index + 1
    } else if is_name(index)
        && page.tokens.get(index + 1).is_some_and(|verb| page.word(verb) == "ist")
    {
        index + 2
    } else {
        return None;
    };
    let parts = Parts::read(page, start)?;
    let count = parts.count_names();
    let is_own = !is_called || page.word(&page.tokens[index]).ends_with('e');
    let is_sure = parts.is_known() || is_own && page.tokens[parts.first].shape == Shape::Capital;
    (count > 0 && !parts.is_noun(0) && is_sure).then(|| Name {
        first: parts.first,
        last: parts.end_of(count),
        score: if parts.is_known() { 0.8 } else { 0.6 },
        rule: "name-called",
    })
}

/// `geb. Schulz`; not `geborene Deutsche`.
pub fn birth_name(page: &Page<'_>, index: usize) -> Option<Name> {
    let has_dot = page.tokens.get(index + 1).is_some_and(|mark| mark.is_mark('.'));
    let parts = Parts::read(page, index + 1 + usize::from(has_dot))?;
    let is_name = parts.is_last(0) || has_dot && !parts.is_noun(0) && !parts.is_first(0);
    is_name.then(|| Name {
        first: parts.first,
        last: parts.end_of(1),
        score: 0.75,
        rule: "name-birth-name",
    })
}

/// `Mit freundlichen Grüßen⏎Müller`, `gez. Dr. Koch`, `Im Auftrag⏎S. Weber`.
pub fn after_signature(page: &Page<'_>, index: usize) -> Option<Name> {
    let mut at = match page.word(&page.tokens[index]) {
        "i" => behind_by_order(page, index)?,
        // A Roman number, or an initial.
        "I" => return None,
        _ => index + 1,
    };
    let mut marks = at - index - 1;
    while let Some(token) = page.tokens.get(at) {
        let is_between = matches!(
            token.shape,
            Shape::Line | Shape::Mark('.' | ',' | ':' | '-' | '(' | '/' | '–')
        );
        if !is_between || marks > 7 {
            break;
        }
        marks += 1;
        at += 1;
    }
    let parts = Parts::read(page, name_parts::skip_titles(page, at))?;
    let count = parts.count_names();
    // `LG Sabine`, `Gruß Kevin` at the end of a line; `LG Köln` and `VG⏎Berlin` are courts.
    let may_be_court = ["LG", "VG"].contains(&page.word(&page.tokens[index]));
    if (marks == 0 || may_be_court) && (!parts.is_first(0) || parts.is_noun(0)) {
        return None;
    }
    if count == 0 || !parts.is_known() && parts.is_noun(0) {
        return None;
    }
    let last = parts.end_of(count);
    let ends_line = page
        .tokens
        .get(last + 1)
        .is_none_or(|next| matches!(next.shape, Shape::Line | Shape::Mark(_)));
    (ends_line || marks > 0 && parts.is_known()).then_some(Name {
        first: parts.first,
        last,
        score: if parts.is_known() { 0.8 } else { 0.6 },
        rule: "name-signature",
    })
}

/// Behind the letters of `i. A.` and `i. V.`.
fn behind_by_order(page: &Page<'_>, index: usize) -> Option<usize> {
    let letter = page.tokens.get(index + 2)?;
    let is_order = page.tokens[index + 1].is_mark('.') && ["A", "V"].contains(&page.word(letter));
    is_order.then_some(index + 3)
}

/// `Liebe Sabine`, `Hallo Mehmet`.
pub fn after_greeting(page: &Page<'_>, index: usize) -> Option<Name> {
    let parts = Parts::read(page, index + 1)?;
    let is_address = page.tokens[index].is_capital()
        && page
            .tokens
            .get(parts.end_of(1) + 1)
            .is_some_and(|mark| mark.is_mark(',') || mark.is_mark('!'))
        && !parts.is_noun(0);
    if !parts.is_first(0) && !is_address {
        return None;
    }
    Some(Name {
        first: parts.first,
        last: parts.end_of(parts.count_names()),
        score: 0.75,
        rule: "name-greeting",
    })
    .filter(|_| !parts.is_noun(0) || parts.is_first(0))
}

/// `Antragstellerin Müller`, `Richter am Landgericht Dr. Koch`, `Zeuge: Peter Wolf`.
pub fn after_role(page: &Page<'_>, index: usize) -> Option<Name> {
    let mut at = index + 1;
    let mut is_marked = false;
    for _ in 0..4 {
        let token = page.tokens.get(at)?;
        let is_office = ["am", "beim", "im", "a", "D", "in", "h", "c"].contains(&page.word(token))
            || token.is(FUNCTION | TITLE)
            || token.is_mark('.') && is_abbreviation(page, at);
        let is_label = token.is_mark(':') || token.is_mark('/') || token.is_mark('–');
        if !is_office && !is_label {
            break;
        }
        is_marked |= is_label;
        at += 1;
    }
    let parts = Parts::read(page, at)?;
    let count = parts.count_names();
    let is_capital = page.tokens[parts.first].is_capital();
    if page.tokens[parts.first].is(MONTH) {
        return None;
    }
    let is_plain = count > 0 && !parts.is_noun(0) && at == index + 1 && is_capital;
    let score = if parts.is_known() { 0.8 } else { 0.6 };
    let is_known = parts.is_known() && (is_capital || !parts.is_noun(0));
    let is_sure = is_known && count > 0 || count >= 2 && is_marked || is_plain;
    let is_ambiguous = count == 1 && parts.is_noun(0) && !parts.is_last(0) && !parts.is_first(0);
    (is_sure && !is_ambiguous).then(|| Name {
        first: parts.first,
        last: parts.end_of(count),
        score,
        rule: "name-role",
    })
}

fn is_abbreviation(page: &Page<'_>, mark: usize) -> bool {
    page.tokens[mark - 1].len() <= 5
}
