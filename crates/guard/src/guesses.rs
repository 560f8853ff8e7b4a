//! What a word that no list has may be: a last name by its end, an office, a compound noun. Guesses
//! only, for rules that have another witness.

use crate::scanner::Page;
use crate::tokens::Token;
use crate::vocabulary::{
    DETERMINER, FIRST, FUNCTION, Flags, LAST, NOUN, ROLE, SALUTATION, TAIL, TAIL_BYTES_MIN, TITLE,
};

/// Ends of last names that hardly any noun has.
const LAST_ENDS: [&str; 24] = [
    "mann", "meier", "mayer", "maier", "meyer", "müller", "ski", "ska", "cki", "sky", "wicz",
    "oglu", "vic", "enko", "huber", "schmidt", "schmitt", "hardt", "brecht", "precht", "sson",
    "poulos", "kötter", "mair",
];
/// Ends of offices and ranks: `Oberamtsrätin`.
const FUNCTION_ENDS: [&str; 30] = [
    "rat",
    "rätin",
    "direktor",
    "direktorin",
    "minister",
    "ministerin",
    "präsident",
    "präsidentin",
    "leiter",
    "leiterin",
    "meister",
    "meisterin",
    "sekretär",
    "sekretärin",
    "inspektor",
    "inspektorin",
    "kommissar",
    "kommissarin",
    "anwalt",
    "anwältin",
    "beauftragte",
    "beauftragter",
    "assistent",
    "assistentin",
    "richter",
    "richterin",
    "referent",
    "referentin",
    "vorsitzende",
    "vorsitzender",
];

/// What a word may be, with guesses for words that no list has: ends of last names, and compounds
/// whose last part is a noun.
pub fn flags_of(page: &Page<'_>, token: &Token) -> Flags {
    let named = FIRST | LAST | NOUN | FUNCTION | ROLE | TITLE | SALUTATION | DETERMINER;
    if token.flags & named != 0 {
        return token.flags;
    }
    let word = page.word(token);
    let ends =
        |list: &[&str]| list.iter().any(|end| word.ends_with(end) && word.len() > end.len() + 1);
    let guess = if ends(&FUNCTION_ENDS) {
        FUNCTION
    } else if ends(&LAST_ENDS) {
        LAST
    } else if is_compound_noun(page, word) {
        NOUN
    } else {
        0
    };
    token.flags | guess
}

/// `Akteneinsicht`, `Abschlussprüfungen`: some end of the word is a noun that is no name.
fn is_compound_noun(page: &Page<'_>, word: &str) -> bool {
    let vocabulary = &page.rules.vocabulary;
    let is_tail =
        |tail: &str| tail.len() >= TAIL_BYTES_MIN && vocabulary.flags(tail.as_bytes()) & TAIL != 0;
    let inside = word.char_indices().map(|(at, _)| at).skip_while(|at| *at < 3);
    inside.map(|at| &word[at..]).any(is_tail) || is_tail(&word.to_lowercase())
}
