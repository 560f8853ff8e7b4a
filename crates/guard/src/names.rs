//! Names of people. German writes every noun with a capital, so a capital proves nothing: a name
//! needs a witness (a salutation, a title, a role, a label, a signature, a known first or last name)
//! and each word of it must not be a noun. Knows lists and positions, no grammar.

use rustc_hash::FxHashSet;

use crate::announced::{
    after_greeting, after_introduction, after_label, after_role, after_salutation, after_signature,
    birth_name,
};
use crate::columns;
use crate::finding::Finding;
use crate::kind::Kind;
use crate::name_parts::{self, Parts};
use crate::pairs;
use crate::scanner::Page;
use crate::small;
use crate::tokens::Shape;
use crate::vocabulary::{
    BIRTH_NAME, CALLED, DETERMINER, FIRST, FUNCTION, Flags, GREETING, LAST, MONTH, NAME_LABEL,
    NOUN, RESIDENCE, ROLE, SALUTATION, SIGNATURE, TAIL, TITLE, TOWN,
};

/// Flags of words at which a name may begin or be announced.
const WITNESSES: Flags = SALUTATION
    | TITLE
    | ROLE
    | NAME_LABEL
    | SIGNATURE
    | GREETING
    | FIRST
    | LAST
    | BIRTH_NAME
    | CALLED;

/// A name, as tokens.
pub struct Name {
    pub first: usize,
    pub last: usize,
    pub score: f32,
    pub rule: &'static str,
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
    pairs::find(page, &mut names);
    columns::find(page, &mut names);
    mention_again(page, &mut names);
    small::find(page, &mut names);
    for Name { first, last, score, rule } in names {
        let (start, end) = (page.tokens[first].start, page.tokens[last].end);
        candidates.push(Finding { kind: Kind::Name, start, end, score, rule: rule.into() });
    }
}

fn witness(page: &Page<'_>, index: usize) -> Option<Name> {
    let token = &page.tokens[index];
    let is_capital = token.is_capital();
    let mut found = None;
    if token.is(SALUTATION | TITLE) && (is_capital || is_small_salutation(page, index)) {
        found = after_salutation(page, index);
    }
    if token.is(NAME_LABEL | CALLED) {
        found = found
            .or_else(|| after_label(page, index).filter(|_| token.is(NAME_LABEL)))
            .or_else(|| after_introduction(page, index))
            .or_else(|| columns::under_label(page, index));
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
        found = found
            .or_else(|| first_and_last(page, index))
            .or_else(|| first_and_initial(page, index));
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

/// `frau Müller`, `dr. Reuter`: typed in a hurry; not `frau Ministerin`.
fn is_small_salutation(page: &Page<'_>, index: usize) -> bool {
    let is_announcing = page.tokens[index].is(SALUTATION)
        || ["dr", "prof"].contains(&page.word(&page.tokens[index]));
    let start = name_parts::skip_titles(page, index + 1);
    is_announcing
        && Parts::read(page, start).is_some_and(|parts| !parts.is_noun(0) || parts.is_last(0))
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
        && flags & !(FIRST | LAST | TAIL) == 0
        && flags & (TAIL | FIRST | LAST) != TAIL
        && page.word(before).chars().count() > 2
    {
        return Some(Name {
            first: index - 1,
            last: parts.end_of(1),
            score: 0.6,
            rule: "name-unknown-last",
        });
    }
    let is_compound = page.tokens.get(parts.end_of(1) + 1).is_some_and(|mark| mark.is_mark('-'));
    let is_alone = !is_compound
        && before.shape == Shape::Small
        && !before.is(DETERMINER)
        && parts.len() == 1
        && !token.is(FIRST);
    is_alone.then(|| Name { first: index, last: parts.end_of(1), score: 0.52, rule: "name-alone" })
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

/// `Lea B. hat angerufen`.
fn first_and_initial(page: &Page<'_>, index: usize) -> Option<Name> {
    let is_noun = page.tokens[index].is(NOUN | ROLE | FUNCTION | MONTH | LAST);
    let (initial, dot) = (page.tokens.get(index + 1)?, page.tokens.get(index + 2)?);
    let is_initial = initial.shape == Shape::Capital
        && page.word(initial).chars().count() == 1
        && page.gap(index) == " "
        && dot.is_mark('.')
        && page.is_joined(index + 1);
    let goes_on = page.tokens.get(index + 3).is_some_and(|next| next.shape == Shape::Small);
    (is_initial && goes_on && !is_noun).then_some(Name {
        first: index,
        last: index + 2,
        score: 0.6,
        rule: "name-first-initial",
    })
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
pub fn comma_first(page: &Page<'_>, last: usize) -> Option<usize> {
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
    // Reading the words is dear; that a witness is near at all is cheap to see.
    let near = &page.tokens[index + 1..page.tokens.len().min(index + 10)];
    if !near.iter().any(|token| token.is(BIRTH_NAME | RESIDENCE) || token.is_mark('*')) {
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
    let is_plain_noun = |name: &&Name| {
        let flags = name_parts::flags_of(page, &page.tokens[name.last]);
        flags & MONTH != 0 || flags & (NOUN | ROLE | FUNCTION) != 0 && flags & (LAST | FIRST) == 0
    };
    let sure = names.iter().filter(|name| name.score >= 0.7 && !is_plain_noun(name));
    let known: FxHashSet<&str> = sure
        .map(|name| page.word(&page.tokens[name.last]))
        .filter(|word| word.chars().count() >= 3 && !word.ends_with('.'))
        .collect();
    if known.is_empty() {
        return;
    }
    let taken: Vec<(usize, usize)> = names.iter().map(|name| (name.first, name.last)).collect();
    let mut spans = taken.iter().peekable();
    let capitals = page.tokens.iter().enumerate().filter(|(_, token)| token.is_capital());
    for (index, token) in capitals {
        while spans.next_if(|(_, last)| *last < index).is_some() {}
        let is_taken = spans.peek().is_some_and(|(first, last)| (*first..=*last).contains(&index));
        let word = page.word(token);
        let is_known =
            known.contains(word) || word.strip_suffix('s').is_some_and(|stem| known.contains(stem));
        if !is_known || is_taken {
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
