//! Names in lines that are typed in small letters throughout, as in chats. There no capital helps:
//! a witness is a salutation, an introduction (`ich heiße`), or a first name that is no other word.
//! Knows the lists of names and of everyday words, no grammar.

use std::ops::Range;

use crate::guesses::flags_of;
use crate::names::Name;
use crate::scanner::Page;
use crate::tokens::{Shape, Token};
use crate::vocabulary::{
    BIRTH_NAME, CALLED, COMMON, DETERMINER, FIRST, FUNCTION, Flags, GREETING, LAST, MONTH,
    NAME_LABEL, NOUN, PARTICLE, RESIDENCE, ROLE, SALUTATION, SIGNATURE, STREET, TITLE, TOWN,
};

/// Words of a name at most.
const WORDS_MAX: usize = 4;
/// Whoever types small letters still begins some sentence with a capital: one in so many words.
const WORDS_PER_CAPITAL: usize = 8;
/// Words that are counted among roles but are no persons, or more than one.
const THINGS: [&str; 12] = [
    "fall",
    "akte",
    "sache",
    "vorgang",
    "kind",
    "kinder",
    "protokoll",
    "familie",
    "vorsitz",
    "sitzungsleitung",
    "anwesend",
    "entschuldigt",
];
/// Line breaks between the end of a letter and who signs it.
const LINES_TO_SIGNATURE: usize = 4;
/// More words and marks than these are no signature.
const NAME_TOKENS_MAX: usize = 8;
/// What a word is that is no name, if it is nothing else.
const OTHER: Flags = COMMON
    | NOUN
    | FUNCTION
    | ROLE
    | DETERMINER
    | MONTH
    | SALUTATION
    | TITLE
    | GREETING
    | TOWN
    | STREET
    | RESIDENCE
    | PARTICLE
    | CALLED;
/// Words that announce a name.
const ANNOUNCING: Flags = SALUTATION | TITLE | CALLED | NAME_LABEL | ROLE | SIGNATURE | BIRTH_NAME;
/// Words that only German has.
const GERMAN: Flags = DETERMINER | SALUTATION | GREETING | CALLED | ROLE | NOUN;
/// Words before `frau` and `herr` that make them common nouns, unless a known name follows.
const ARTICLES: [&str; 22] = [
    "die", "der", "den", "dem", "eine", "einer", "ein", "einem", "einen", "meine", "meiner",
    "mein", "deine", "seine", "seiner", "ihre", "unsere", "keine", "jede", "diese", "als", "und",
];
/// Ends of verbs, adjectives and nouns that hardly any last name has.
const EVERYDAY_ENDS: [&str; 17] = [
    "t", "te", "ten", "en", "ig", "ige", "lich", "liche", "isch", "ung", "keit", "heit", "los",
    "bar", "weise", "tion", "end",
];

/// Notes the names of all lines in small letters.
pub fn find(page: &Page<'_>, names: &mut Vec<Name>) {
    let mut start = 0;
    for end in 0..=page.tokens.len() {
        if page.tokens.get(end).is_none_or(|token| token.shape == Shape::Line) {
            let line = &page.tokens[start..end];
            if is_small(line) {
                let is_german = line.iter().any(|token| token.is(GERMAN));
                Line { page, tokens: start..end, is_german }.find(names);
            }
            start = end + 1;
        }
    }
}

/// Hardly a capital behind the first word.
fn is_small(line: &[Token]) -> bool {
    let mut words = 0;
    let mut capitals = 0;
    for token in line.iter().filter(|token| token.is_word()) {
        capitals += usize::from(words > 0 && token.is_capital());
        words += 1;
        if capitals * WORDS_PER_CAPITAL > words + WORDS_PER_CAPITAL {
            return false;
        }
    }
    words >= 2 && capitals * WORDS_PER_CAPITAL <= words
}

struct Line<'p, 't> {
    page: &'p Page<'t>,
    tokens: Range<usize>,
    /// Some German word stands in it: other languages write most words small.
    is_german: bool,
}

impl Line<'_, '_> {
    fn find(&self, names: &mut Vec<Name>) {
        let mut at = self.tokens.start;
        while at < self.tokens.end {
            let token = &self.page.tokens[at];
            let found = if token.is(ANNOUNCING) { self.announced(at) } else { None };
            let found = found.or_else(|| self.at_first(at)).or_else(|| self.last_comma_first(at));
            at = found.as_ref().map_or(at + 1, |name| name.last + 1);
            names.extend(found);
        }
    }

    fn token(&self, index: usize) -> Option<&Token> {
        self.tokens.contains(&index).then(|| &self.page.tokens[index])
    }

    fn word(&self, index: usize) -> &str {
        self.token(index).map_or("", |token| self.page.word(token))
    }

    fn announced(&self, index: usize) -> Option<Name> {
        self.after_salutation(index)
            .or_else(|| self.after_introduction(index))
            .or_else(|| self.after_label(index))
            .or_else(|| self.after_role(index))
            .or_else(|| self.after_birth(index))
            .or_else(|| self.after_signature(index))
    }

    /// `frau yilmaz`, `hr. müller`, `dr. reuter`, `familie demir`, `frau ministerin bauer`.
    fn after_salutation(&self, index: usize) -> Option<Name> {
        let token = self.token(index)?;
        let is_title = ["dr", "prof"].contains(&self.word(index));
        let is_family = ["familie", "fam"].contains(&self.word(index));
        if !(token.is(SALUTATION) || is_title || is_family) {
            return None;
        }
        let start = self.behind_offices(index + 1);
        let first = self.name_start(start)?;
        let is_bare = index == self.tokens.start || !ARTICLES.contains(&self.word(index - 1));
        let is_announced = (is_bare || is_title || start > index + 1) && !is_family;
        // Alone between two marks even `klein` and `jung` are names.
        let is_address = is_bare && self.ends_at(first) && self.token(first)?.is(LAST);
        let is_sure = self.is_last(first)
            || is_address
            || self.token(first)?.is(FIRST) && self.is_known(first)
            || is_announced && self.is_new(first);
        is_sure.then(|| self.name(start, first, 0.75, "name-small-salutation"))
    }

    /// Behind the dots, titles and offices between a salutation and a name.
    fn behind_offices(&self, start: usize) -> usize {
        let is_office = |at: &usize| {
            self.token(*at).is_some_and(|token| {
                token.is(TITLE)
                    || token.is_mark('.')
                    || !token.is(LAST) && flags_of(self.page, token) & FUNCTION != 0
            })
        };
        start + (start..start + 5).take_while(is_office).count()
    }

    /// `ich heiße kevin pfannenstiel`, `mein name ist demir`.
    fn after_introduction(&self, index: usize) -> Option<Name> {
        let token = self.token(index)?;
        let is_named =
            self.word(index) == "name" && ["ist", "lautet"].contains(&self.word(index + 1));
        if !(is_named || token.is(CALLED)) {
            return None;
        }
        let start = index + 1 + usize::from(is_named);
        let first = self.name_start(start)?;
        // Who says so of oneself tells a name, whatever the word is.
        let is_own =
            is_named || self.word(index).starts_with("hei") && !self.word(index).ends_with('t');
        let is_sure = self.is_known(first) || is_own && (self.is_last(first) || self.is_new(first));
        is_sure.then(|| self.name(start, first, 0.7, "name-small-called"))
    }

    /// `name: ochsenknecht`, `sachbearbeiterin: claudia richter`.
    fn after_label(&self, index: usize) -> Option<Name> {
        let is_label = self.token(index)?.is(NAME_LABEL)
            && self.token(index + 1).is_some_and(|mark| mark.is_mark(':'));
        let first = self.name_start(index + 2).filter(|_| is_label)?;
        let is_sure = self.is_known(first)
            || self.is_last(first)
            || self.word(index).ends_with("name") && self.is_new(first);
        is_sure.then(|| self.name(index + 2, first, 0.7, "name-small-label"))
    }

    /// `antragstellerin müller`, `der zeuge koch`; not `akte koch`.
    fn after_role(&self, index: usize) -> Option<Name> {
        let role = self.token(index).filter(|token| token.is(ROLE))?;
        let first = self.name_start(index + 1)?;
        let is_person = role.is(FUNCTION) || !THINGS.contains(&self.word(index));
        let is_last = is_person && first == index + 1 && self.is_last(first);
        let is_sure = self.is_known(first) || is_last && self.token(index + 2).is_some();
        // `akte von rolf` is no `von Rolf`.
        let start = if self.token(first)?.is(FIRST) { first } else { index + 1 };
        is_sure.then(|| self.name(start, first, 0.65, "name-small-role"))
    }

    /// `geb. hildebrandt`, `geborene schulz`.
    fn after_birth(&self, index: usize) -> Option<Name> {
        self.token(index).filter(|token| token.is(BIRTH_NAME))?;
        let is_dot = self.token(index + 1).is_some_and(|mark| mark.is_mark('.'));
        let first = self.name_start(index + 1 + usize::from(is_dot))?;
        let is_sure = self.ends_at(first) && (self.is_known(first) || self.is_last(first));
        is_sure.then(|| self.name(first, first, 0.6, "name-small-birth"))
    }

    /// `gez. yaren thiel`, `i. a. czerny`, and what stands alone in the line behind `im auftrag`.
    fn after_signature(&self, index: usize) -> Option<Name> {
        self.token(index).filter(|token| token.is(SIGNATURE))?;
        let is_end = |at: &usize| self.token(*at).is_some_and(|token| token.is_mark('.'));
        let mut start = index + 1 + (index + 1..index + 3).take_while(is_end).count();
        let mut end = self.tokens.end;
        if start == end {
            let is_line = |at: &usize| {
                self.page.tokens.get(*at).is_some_and(|token| token.shape == Shape::Line)
            };
            start += (start..start + LINES_TO_SIGNATURE).take_while(is_line).count();
            let line = self.page.tokens.get(start..)?.iter();
            end = start + line.take_while(|token| token.shape != Shape::Line).count();
        }
        let line = Line { page: self.page, tokens: start..end, is_german: self.is_german };
        line.is_name().then(|| Name {
            first: start,
            last: end - 1,
            score: 0.6,
            rule: "name-small-signature",
        })
    }

    /// Whether it is nothing but a name of a few words, one of which a list knows.
    fn is_name(&self) -> bool {
        let is_part = |at: usize| {
            let token = self.token(at).filter(|token| token.is_word());
            let is_name = token.is_some_and(|token| token.is(FIRST | LAST)) || self.is_new(at);
            is_name && token.is_some_and(|token| !token.is(DETERMINER | MONTH | TOWN))
        };
        if self.tokens.len() > NAME_TOKENS_MAX {
            return false;
        }
        let is_glue = |at: usize| ["-", "."].contains(&self.word(at));
        let words = self.tokens.clone().filter(|at| !is_glue(*at)).count();
        let is_known = |at: usize| self.token(at).is_some_and(|token| token.is(FIRST | LAST));
        (1..=3).contains(&words)
            && !is_glue(self.tokens.start)
            && self.tokens.clone().all(|at| is_part(at) || is_glue(at))
            && self.tokens.clone().any(is_known)
    }

    /// Whether a mark or the end of the line follows a word.
    fn ends_at(&self, index: usize) -> bool {
        self.token(index + 1).is_none_or(|next| !next.is_word() && !next.is_mark('-'))
    }

    /// `sabine krüger`, `maria lopez garcia`, `alis vater`.
    fn at_first(&self, index: usize) -> Option<Name> {
        let token = self.token(index)?;
        let is_first = token.is(FIRST) && !token.is(OTHER);
        let is_genitive = token.flags == 0 && self.is_german && self.is_genitive(index);
        if !(is_first || is_genitive) || !self.stands_alone(index) {
            return None;
        }
        let name = if is_first {
            self.name(index, index, 0.7, "name-small-first")
        } else {
            Name { first: index, last: index, score: 0.52, rule: "name-small-first" }
        };
        let is_place = self.token(name.last)?.is(NOUN | STREET) && !self.is_last(name.last);
        match name.last == index {
            _ if is_place => None,
            true if !self.is_german => None,
            true => Some(Name { score: 0.52, ..name }),
            false => Some(name),
        }
    }

    /// `schulze, petra`.
    fn last_comma_first(&self, index: usize) -> Option<Name> {
        let last = self.behind_hyphens(index);
        let is_comma = self.token(last + 1).is_some_and(|mark| mark.is_mark(','));
        let first = self.token(last + 2).filter(|_| is_comma)?;
        let is_name = self.token(index)?.is(LAST)
            && self.is_known(index)
            && first.is(FIRST)
            && self.is_known(last + 2)
            && !self.token(last + 3).is_some_and(|next| next.is(LAST));
        is_name.then(|| self.name(index, last + 2, 0.6, "name-small-last-first"))
    }

    fn name(&self, start: usize, first: usize, score: f32, rule: &'static str) -> Name {
        Name { first: start, last: self.end_of_name(first), score, rule }
    }

    fn is_genitive(&self, index: usize) -> bool {
        let stem = self.word(index).strip_suffix('s').filter(|stem| stem.len() > 2);
        let flags = stem.map_or(0, |stem| self.page.rules.vocabulary.flags(stem.as_bytes()));
        flags & FIRST != 0 && flags & OTHER == 0
    }

    /// The first word behind `von der`; the index itself if it is a word.
    fn name_start(&self, index: usize) -> Option<usize> {
        let is_particle = |at: &usize| self.token(*at).is_some_and(|token| token.is(PARTICLE));
        let first = index + (index..index + 2).take_while(is_particle).count();
        self.token(first).filter(|token| token.is_word()).map(|_| first)
    }

    /// The last token of the name that begins with the word at `first`.
    fn end_of_name(&self, first: usize) -> usize {
        let mut last = self.behind_hyphens(first);
        for _ in 1..WORDS_MAX {
            let Some(next) = self.name_start(last + 1) else { break };
            let is_after_first = self.token(last).is_some_and(|token| token.is(FIRST));
            let is_end = self.ends_at(next) && self.token(next).is_some_and(|word| word.is(LAST));
            let is_name = self.is_known(next)
                || is_after_first && (is_end || self.is_last(next) || self.is_new(next));
            if !is_name || !self.stands_alone(next) {
                break;
            }
            last = self.behind_hyphens(next);
        }
        last
    }

    fn behind_hyphens(&self, first: usize) -> usize {
        let goes_on = |last: usize| {
            self.word(last + 1) == "-"
                && self.page.is_joined(last)
                && self.page.is_joined(last + 1)
                && self.token(last + 2).is_some_and(Token::is_word)
        };
        let lasts = (0..=NAME_TOKENS_MAX).map(|parts| first + 2 * parts);
        lasts.take_while(|last| *last == first || goes_on(last - 2)).last().unwrap_or(first)
    }

    /// In a list of names, and no other word.
    fn is_known(&self, index: usize) -> bool {
        self.token(index).is_some_and(|token| token.is(FIRST | LAST) && !token.is(OTHER))
    }

    /// In the list of last names, even if it is a noun too: `jäger`.
    fn is_last(&self, index: usize) -> bool {
        self.token(index).is_some_and(|token| token.is(LAST) && !token.is(COMMON | DETERMINER))
    }

    /// In no list, and not made like an everyday word.
    fn is_new(&self, index: usize) -> bool {
        let Some(token) = self.token(index).filter(|token| token.is_word()) else { return false };
        let word = self.word(index);
        let flags = flags_of(self.page, token);
        let is_everyday = EVERYDAY_ENDS.iter().any(|end| word.ends_with(end));
        word.chars().count() > 3 && flags & OTHER == 0 && (!is_everyday || flags & LAST != 0)
    }

    /// A word of its own of three letters or more, not a part of an address of mail, a path or the
    /// name of a field.
    fn stands_alone(&self, index: usize) -> bool {
        let is_glue = |at: usize| {
            let word = self.word(at);
            word.len() == 1 && "@/_\\=#.-".contains(word)
        };
        let is_word = self.token(index).is_some_and(Token::is_word);
        let behind = self.page.is_joined(index)
            && is_glue(index + 1)
            && self.page.is_joined(index + 1)
            && self.word(index + 1) != "-";
        let before =
            index > self.tokens.start && self.page.is_joined(index - 1) && is_glue(index - 1);
        is_word && !behind && !before && self.word(index).chars().count() > 2
    }
}
