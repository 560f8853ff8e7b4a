//! Names of people. German writes every noun with a capital, so a capital proves nothing: a name
//! needs a witness (a salutation, a title, a role, a label, a signature, a known first or last name)
//! and each word of it must not be a noun. Knows lists and positions, no grammar.

use rustc_hash::FxHashSet;

use crate::finding::Finding;
use crate::kind::Kind;
use crate::name_parts::{self, Parts};
use crate::scanner::Page;
use crate::tokens::Shape;
use crate::vocabulary::{
    BIRTH_NAME, DETERMINER, FIRST, FUNCTION, Flags, GREETING, LAST, NAME_LABEL, NOUN, RESIDENCE,
    ROLE, SALUTATION, SIGNATURE, TITLE, TOWN,
};

/// Flags of words at which a name may begin or be announced.
const WITNESSES: Flags =
    SALUTATION | TITLE | ROLE | NAME_LABEL | SIGNATURE | GREETING | FIRST | LAST | BIRTH_NAME;

/// A name, as tokens.
struct Name {
    first: usize,
    last: usize,
    score: f32,
    rule: &'static str,
}

/// Notes every name, then every further mention of a last name that was found.
pub fn find(page: &Page<'_>, candidates: &mut Vec<Finding>) {
    let mut names: Vec<Name> = Vec::new();
    let mut index = 0;
    while index < page.tokens.len() {
        let token = &page.tokens[index];
        let found = if token.is(WITNESSES) { witness(page, index) } else { None };
        let found = found.or_else(|| before_birth(page, index));
        match found {
            Some(name) => {
                index = (name.last + 1).max(index + 1);
                names.push(name);
            }
            None => index += 1,
        }
    }
    mention_again(page, &mut names);
    for Name { first, last, score, rule } in names {
        let (start, end) = (page.tokens[first].start, page.tokens[last].end);
        candidates.push(Finding { kind: Kind::Name, start, end, score, rule: rule.into() });
    }
}

fn witness(page: &Page<'_>, index: usize) -> Option<Name> {
    let token = &page.tokens[index];
    let is_capital = token.is_capital();
    let mut found = None;
    if token.is(SALUTATION) && is_capital || token.is(TITLE) && is_capital {
        found = after_salutation(page, index);
    }
    if token.is(NAME_LABEL) {
        found = found.or_else(|| after_label(page, index));
    }
    if token.is(BIRTH_NAME) {
        found = found.or_else(|| birth_name(page, index));
    }
    if token.is(LAST) && is_capital {
        found = found.or_else(|| unknown_and_last(page, index));
    }
    if token.is(SIGNATURE) {
        found = found.or_else(|| after_signature(page, index));
    }
    if token.is(GREETING) {
        found = found.or_else(|| after_greeting(page, index));
    }
    if token.is(FIRST) && is_capital {
        found = found.or_else(|| first_and_last(page, index));
    }
    if token.is(ROLE) && is_capital {
        found = found.or_else(|| after_role(page, index));
    }
    if token.is(LAST) && is_capital {
        found = found
            .or_else(|| last_comma_first(page, index))
            .or_else(|| initial_and_last(page, index));
    }
    found
}

/// `Frau Dr. Sabine Müller`, `Herrn Bürgermeister Koch`, `Prof. Yıldız`. Directly behind a
/// salutation even an unknown word is a name, unless it is a function or plainly a noun.
fn after_salutation(page: &Page<'_>, index: usize) -> Option<Name> {
    let start = name_parts::skip_titles(page, index + 1);
    let parts = Parts::read(page, start)?;
    let head = page.tokens[parts.first];
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
fn after_label(page: &Page<'_>, index: usize) -> Option<Name> {
    let mut at = index + 1;
    let mut has_colon = false;
    while let Some(token) = page.tokens.get(at) {
        match token.shape {
            Shape::Mark(mark) if ":.|*_/".contains(mark) => has_colon |= mark != '/' && mark != '*',
            Shape::Mark(',') => {}
            _ if token.is(NAME_LABEL) || token.is(SALUTATION | TITLE) && has_colon => {}
            _ => break,
        }
        at += 1;
        if at > index + 8 {
            return None;
        }
    }
    let parts = Parts::read(page, at).filter(|_| has_colon)?;
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
    Some(Name { first: parts.first, last, score: 0.85, rule: "name-label" })
}

/// `geb. Schulz`; not `geborene Deutsche`.
fn birth_name(page: &Page<'_>, index: usize) -> Option<Name> {
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
fn after_signature(page: &Page<'_>, index: usize) -> Option<Name> {
    let mut at = match page.word(&page.tokens[index]) {
        "i" => behind_by_order(page, index)?,
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
    if marks == 0 {
        return None;
    }
    let parts = Parts::read(page, name_parts::skip_titles(page, at))?;
    let count = parts.count_names();
    if count == 0 || !parts.is_known() && parts.is_noun(0) {
        return None;
    }
    let last = parts.end_of(count);
    let ends_line = page
        .tokens
        .get(last + 1)
        .is_none_or(|next| matches!(next.shape, Shape::Line | Shape::Mark(_)));
    (ends_line || parts.is_known()).then_some(Name {
        first: parts.first,
        last,
        score: 0.8,
        rule: "name-signature",
    })
}

/// Behind the letters of `i. A.` and `i. V.`.
fn behind_by_order(page: &Page<'_>, index: usize) -> Option<usize> {
    let letter = page.tokens.get(index + 2)?;
    let is_order = page.tokens[index + 1].is_mark('.') && ["A", "V"].contains(&page.word(letter));
    is_order.then_some(index + 3)
}

/// `Quirin Şahin`: a word that is no noun before a last name that is none either. One word alone is
/// a name when it stands in the middle of a sentence without an article.
fn unknown_and_last(page: &Page<'_>, index: usize) -> Option<Name> {
    let token = &page.tokens[index];
    let before = page.tokens.get(index.checked_sub(1)?)?;
    let is_joined = before.end == token.start;
    if token.is(NOUN | FUNCTION | ROLE | TOWN) || is_joined || token.shape != Shape::Capital {
        return None;
    }
    let parts = Parts::read(page, index)?;
    if parts.is_noun(0)
        || parts.len() > 1
            && (parts.is_noun(1) || !parts.is_last(1))
            && !parts.is_last(1)
            && parts.len() > 2
    {
        return None;
    }
    let flags = name_parts::flags_of(page, before);
    if before.shape == Shape::Capital
        && flags & !(FIRST | LAST) == 0
        && page.word(before).chars().count() > 2
    {
        return Some(Name {
            first: index - 1,
            last: parts.end_of(1),
            score: 0.6,
            rule: "name-unknown-last",
        });
    }
    let is_alone = before.shape == Shape::Small
        && !before.is(DETERMINER)
        && parts.len() == 1
        && !token.is(FIRST);
    is_alone.then(|| Name { first: index, last: parts.end_of(1), score: 0.52, rule: "name-alone" })
}

/// `Liebe Sabine`, `Hallo Mehmet`.
fn after_greeting(page: &Page<'_>, index: usize) -> Option<Name> {
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

/// `Sabine Müller`, `Karl-Heinz von der Heide`.
fn first_and_last(page: &Page<'_>, index: usize) -> Option<Name> {
    let parts = Parts::read(page, index)?;
    let count = parts.count_names();
    if count < 2 || !parts.is_first(0) {
        return None;
    }
    let is_last_known = (1..count).any(|part| parts.is_last(part));
    let is_second_first = (1..count).all(|part| parts.is_first(part) && !parts.is_last(part));
    let score = match (is_last_known, parts.is_noun(0)) {
        (true, false) => 0.9,
        (true, true) => 0.7,
        (false, false) if is_second_first => 0.55,
        (false, false) => 0.75,
        (false, true) => return None,
    };
    Some(Name { first: parts.first, last: parts.end_of(count), score, rule: "name-first-last" })
}

/// `Antragstellerin Müller`, `Richter am Landgericht Dr. Koch`, `Zeuge: Peter Wolf`.
fn after_role(page: &Page<'_>, index: usize) -> Option<Name> {
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
    let is_plain = count > 0 && !parts.is_noun(0) && at == index + 1;
    let is_sure = parts.is_known() && count > 0 || count >= 2 && is_marked || is_plain;
    let is_ambiguous = count == 1 && parts.is_noun(0) && !parts.is_last(0) && !parts.is_first(0);
    (is_sure && !is_ambiguous).then(|| Name {
        first: parts.first,
        last: parts.end_of(count),
        score: 0.8,
        rule: "name-role",
    })
}

fn is_abbreviation(page: &Page<'_>, mark: usize) -> bool {
    page.tokens[mark - 1].len() <= 5
}

/// `Müller, Sabine` in lists and forms.
fn last_comma_first(page: &Page<'_>, index: usize) -> Option<Name> {
    let parts = Parts::read(page, index)?;
    if parts.len() > 2 || parts.is_noun(0) && !parts.is_last(0) {
        return None;
    }
    let last = comma_first(page, parts.end_of(parts.len()))?;
    Some(Name { first: parts.first, last, score: 0.8, rule: "name-last-first" })
}

/// The end of `, Sabine Anna` behind a last name, unless another person begins there.
fn comma_first(page: &Page<'_>, last: usize) -> Option<usize> {
    let is_comma = page.tokens.get(last + 1).is_some_and(|mark| mark.is_mark(','));
    let first = Parts::read(page, last + 2).filter(|_| is_comma)?;
    let count =
        (0..first.len()).take_while(|part| first.is_first(*part) && !first.is_noun(*part)).count();
    let is_person = count < first.len() && first.is_last(count);
    (count > 0 && !is_person).then(|| first.end_of(count))
}

/// `S. Müller`; not `z. B. Müller`.
fn initial_and_last(page: &Page<'_>, index: usize) -> Option<Name> {
    if index < 2 || page.tokens[index].is(NOUN) {
        return None;
    }
    let (initial, mark) = (&page.tokens[index - 2], &page.tokens[index - 1]);
    let is_initial = mark.is_mark('.')
        && initial.shape == Shape::Capital
        && page.word(initial).chars().count() == 1;
    let is_abbreviation = index >= 4
        && page.tokens[index - 3].is_mark('.')
        && page.tokens[index - 4].shape == Shape::Small
        && page.tokens[index - 4].len() == 1;
    if !is_initial || is_abbreviation {
        return None;
    }
    let parts = Parts::read(page, index)?;
    let last = parts.end_of(parts.count_names().max(1));
    Some(Name { first: index - 2, last, score: 0.65, rule: "name-initial" })
}

/// `Ayşe Demir, geboren am …`, `Ngozi Okafor (geb. 1980)`, `Demir, wohnhaft in …`.
fn before_birth(page: &Page<'_>, index: usize) -> Option<Name> {
    let token = &page.tokens[index];
    if !token.is_capital() || token.is(DETERMINER | FUNCTION | ROLE) || is_inside(page, index) {
        return None;
    }
    let parts = Parts::read(page, index)?;
    let count = parts.len();
    let mark = page.tokens.get(parts.end_of(count) + 1)?;
    let word = page.tokens.get(parts.end_of(count) + 2)?;
    let witness = page.word(word);
    let is_birth = ["geb", "geboren", "geborene", "geborener"].contains(&witness)
        || word.is(RESIDENCE) && witness.starts_with("wohn")
        || word.is_mark('*');
    if !is_birth
        || !(mark.is_mark(',') || mark.is_mark('('))
        || (0..count)
            .any(|part| parts.is_noun(part) && !parts.is_last(part) && !parts.is_first(part))
    {
        return None;
    }
    let is_enough = count >= 2 || parts.is_known();
    is_enough.then(|| Name {
        first: parts.first,
        last: parts.end_of(count),
        score: 0.8,
        rule: "name-birth",
    })
}

/// The word before belongs to the same run of capitals: the run was looked at from its start.
fn is_inside(page: &Page<'_>, index: usize) -> bool {
    index > 0
        && page.tokens[index - 1].is_capital()
        && !page.tokens[index - 1].is(DETERMINER | FUNCTION | ROLE | SALUTATION)
}

/// A last name that was found once is found again where it stands alone, also in the genitive.
fn mention_again(page: &Page<'_>, names: &mut Vec<Name>) {
    let sure = names.iter().filter(|name| name.score >= 0.75);
    let known: FxHashSet<&str> = sure
        .map(|name| page.word(&page.tokens[name.last]))
        .filter(|word| word.chars().count() >= 3)
        .collect();
    if known.is_empty() {
        return;
    }
    let taken: Vec<(usize, usize)> = names.iter().map(|name| (name.first, name.last)).collect();
    let mut spans = taken.iter().peekable();
    for (index, token) in page.tokens.iter().enumerate() {
        while spans.next_if(|(_, last)| *last < index).is_some() {}
        let is_taken = spans.peek().is_some_and(|(first, last)| (*first..=*last).contains(&index));
        let word = page.word(token);
        let is_known =
            known.contains(word) || word.strip_suffix('s').is_some_and(|stem| known.contains(stem));
        if !is_known || is_taken || !token.is_capital() {
            continue;
        }
        let is_noun_here = token.is(NOUN)
            && index > 0
            && page.tokens[index - 1].shape == Shape::Small
            && page.tokens[index - 1].is(DETERMINER);
        let is_compound = page.tokens.get(index + 1).is_some_and(|mark| mark.is_mark('-'))
            && page.is_joined(index);
        if !is_noun_here && !is_compound {
            names.push(Name { first: index, last: index, score: 0.7, rule: "name-again" });
        }
    }
}
