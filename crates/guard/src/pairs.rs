//! Names that stand beside another name: joined to it by `und`, or against it in a case. Knows nothing of
//! names that stand alone.

use crate::name_parts::{self, Parts};
use crate::names::Name;
use crate::scanner::Page;
use crate::tokens::{Shape, Token};
use crate::vocabulary::{DETERMINER, FIRST, FUNCTION, LAST, NOUN, ROLE, TOWN};

/// Adds them to what was found, which is in order.
pub fn find(page: &Page<'_>, names: &mut Vec<Name>) {
    let mut found = joined_by_and(page, names);
    found.extend(parties(page));
    if !found.is_empty() {
        names.extend(found);
        names.sort_by_key(|one| one.first);
    }
}

/// `Lea` in `Lea und Mia Brandt`.
fn first_before_and(page: &Page<'_>, name: &Name, before: Option<&Name>) -> Option<Name> {
    let at = name.first.checked_sub(2)?;
    let token = &page.tokens[at];
    let is_free = before.is_none_or(|before| before.last < at);
    let is_first = token.is(FIRST) && token.is_capital() && !token.is(NOUN);
    (is_and(page, &page.tokens[at + 1]) && is_free && is_first && name.score >= 0.6)
        .then_some(Name { first: at, last: at, score: 0.65, rule: "name-joined" })
}

fn is_and(page: &Page<'_>, token: &Token) -> bool {
    ["und", "and", "sowie", "&"].contains(&page.word(token))
}

/// `Vogt ./. Brandt`, `in Sachen Vogt gegen Brandt`: the parties of a case.
fn parties(page: &Page<'_>) -> Vec<Name> {
    let is_versus = |at: &usize| {
        page.tokens[*at].is_mark('/')
            && *at > 1
            && page.tokens[at - 1].is_mark('.')
            && page.tokens.get(at + 1).is_some_and(|mark| mark.is_mark('.'))
            && page.is_joined(at - 1)
            && page.is_joined(*at)
    };
    let is_name = |token: &Token| {
        let flags = name_parts::flags_of(page, token);
        token.shape == Shape::Capital
            && token.len() > 2
            && (flags & (NOUN | ROLE | FUNCTION | TOWN | DETERMINER) == 0 || flags & LAST != 0)
    };
    let party = |at: usize| page.tokens.get(at).filter(|token| is_name(token)).map(|_| at);
    let tokens = || 0..page.tokens.len();
    let sides = tokens().filter(is_versus).flat_map(|at| [at - 2, at + 2]);
    let is_word = |at: usize, word: &str| page.tokens.get(at).is_some_and(|t| page.word(t) == word);
    let is_case = |at: &usize| is_word(*at, "Sachen") && *at > 0 && !is_word(at - 1, "den");
    let sides = sides.chain(tokens().filter(is_case).flat_map(|at| {
        let against = (at + 2..at + 8).find(|next| is_word(*next, "gegen"));
        [Some(at + 1), against.map(|against| against + 1)].into_iter().flatten()
    }));
    let name = |at| Name { first: at, last: at, score: 0.6, rule: "name-party" };
    sides.filter_map(party).map(name).collect()
}

/// `Lea und Jonas`: a first name that is joined to a name is one.
fn joined_by_and(page: &Page<'_>, names: &[Name]) -> Vec<Name> {
    let mut joined = vec![];
    for (at, name) in names.iter().enumerate() {
        joined.extend(first_before_and(page, name, at.checked_sub(1).map(|before| &names[before])));
        let is_and = page.tokens.get(name.last + 1).is_some_and(|and| is_and(page, and));
        let free_to = names.get(at + 1).map_or(usize::MAX, |next| next.first);
        if !is_and || name.score < 0.6 {
            continue;
        }
        let Some(parts) = Parts::read(page, name.last + 2) else { continue };
        let last = parts.end_of(parts.count_names().max(1));
        if parts.is_first(0) && !parts.is_noun(0) && last < free_to {
            joined.push(Name { first: parts.first, last, score: 0.65, rule: "name-joined" });
        }
    }
    joined
}
