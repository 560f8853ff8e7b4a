//! Reads a run of words that may be a name: capitals, hyphens, initials, `von` and `de`. Knows how
//! names are written, not whether this is one.

pub use crate::guesses::flags_of;
use crate::scanner::Page;
use crate::tokens::{Shape, Token};
use crate::vocabulary::{
    DETERMINER, FIRST, FUNCTION, Flags, GREETING, LAST, MONTH, NOUN, PARTICLE, ROLE, SALUTATION,
    STREET, STREET_START, TITLE,
};

/// More words than this has no name: the rest is something else.
const PARTS_MAX: usize = 5;

/// Ends of German nouns that hardly any last name has; lists of names win over them.
const NOUN_ENDS: [&str; 21] = [
    "ung",
    "ungen",
    "heit",
    "heiten",
    "keit",
    "keiten",
    "schaft",
    "schaften",
    "tion",
    "tionen",
    "tät",
    "ismus",
    "nisse",
    "straße",
    "platz",
    "verfahren",
    "behörde",
    "behörden",
    "gesetz",
    "institut",
    "ministerium",
];

/// Small words of names that stand before no German noun.
const FOREIGN: [&str; 10] = ["van", "ter", "de", "del", "della", "di", "bin", "ibn", "al", "el"];

/// A word of a name: one token, or several joined by hyphens.
#[derive(Debug, Clone, Copy)]
struct Part {
    last: usize,
    flags: Flags,
    has_noun_end: bool,
}

/// A run of words that may be a name.
#[derive(Debug)]
pub struct Parts {
    /// The first token.
    pub first: usize,
    parts: [Part; PARTS_MAX],
    count: usize,
}

impl Parts {
    /// Reads from a token on; `None` if no word with a capital stands there.
    pub fn read(page: &Page<'_>, start: usize) -> Option<Self> {
        let none = Part { last: start, flags: 0, has_noun_end: false };
        let mut read = Self { first: start, parts: [none; PARTS_MAX], count: 0 };
        let mut at = start;
        while read.count < PARTS_MAX {
            let Some(part) = read_part(page, at, read.count == 0) else { break };
            at = part.last + 1;
            read.parts[read.count] = part;
            read.count += 1;
        }
        (read.count > 0).then_some(read)
    }

    pub fn len(&self) -> usize {
        self.count
    }

    pub fn is_first(&self, part: usize) -> bool {
        self.has(part, FIRST)
    }

    pub fn is_last(&self, part: usize) -> bool {
        self.has(part, LAST)
    }

    pub fn is_noun(&self, part: usize) -> bool {
        self.has(part, NOUN | FUNCTION | ROLE)
            || self.has_noun_end(part) && !self.has(part, FIRST | LAST)
    }

    pub fn has_noun_end(&self, part: usize) -> bool {
        self.part(part).is_some_and(|part| part.has_noun_end)
    }

    /// Some word is in a list of names.
    pub fn is_known(&self) -> bool {
        (0..self.len()).any(|part| self.has(part, FIRST | LAST))
    }

    /// The last token of the first `count` parts.
    pub fn end_of(&self, count: usize) -> usize {
        self.parts[count.clamp(1, self.len()) - 1].last
    }

    /// Parts from the start that can be one name: first names, then a last name. What follows a last
    /// name, and nouns that are in no list of names, end it.
    pub fn count_names(&self) -> usize {
        for part in 0..self.len() {
            let is_plain_noun = self.is_noun(part) && !self.has(part, FIRST | LAST);
            if is_plain_noun {
                return part;
            }
            if part > 0 && !self.is_first(part) {
                return part + 1;
            }
            if part > 0
                && self.is_last(part)
                && self.part(part + 1).is_none_or(|next| next.flags & LAST == 0)
            {
                return part + 1;
            }
        }
        self.len()
    }

    /// As [`Self::count_names`], but the first word is a name whatever it is, and a last name of one
    /// word is not followed by another.
    pub fn count_after_salutation(&self) -> usize {
        if !self.is_first(0) && self.is_last(0) {
            let is_name =
                |part: &usize| !self.is_noun(*part) && !self.has(*part, MONTH | DETERMINER);
            return 1 + (1..self.len()).take_while(is_name).count();
        }
        let is_other =
            |part: usize| part < self.len() && (!self.is_noun(part) || self.is_last(part));
        if !self.is_first(0) && !is_other(1) {
            return 1;
        }
        self.count_names().max(1)
    }

    fn part(&self, part: usize) -> Option<&Part> {
        self.parts[..self.count].get(part)
    }

    fn has(&self, part: usize, flags: Flags) -> bool {
        self.part(part).is_some_and(|part| part.flags & flags != 0)
    }
}

fn read_part(page: &Page<'_>, at: usize, is_start: bool) -> Option<Part> {
    let mut index = at;
    // A new line or a mark ends a name; blanks and no-break spaces join it.
    if !is_start && page.gap(at - 1).contains('\n') {
        return None;
    }
    index += count_particles(page, at, is_start);
    let token = page.tokens.get(index)?;
    if is_initial(page, index) {
        let next = page.tokens.get(index + 2)?;
        let dotted = if next.is_mark('-') {
            read_part(page, index + 3, true)
        } else {
            read_part(page, index + 2, true)
        };
        return dotted.map(|part| Part { flags: part.flags & !FIRST | LAST & part.flags, ..part });
    }
    let is_apostrophe = |mark: &Token| ["'", "’"].contains(&page.word(mark));
    let has_apostrophe = page.word(token).len() == 1
        && page.tokens.get(index + 1).is_some_and(is_apostrophe)
        && hyphened(page, index).is_some();
    if !(is_name_word(page, token) || has_apostrophe && token.is_capital()) {
        return None;
    }
    // `Herr B. zum Ausspruch`: no noun belongs to a name only because of a small word before it, unless
    // no German noun has that word before it.
    let guess = flags_of(page, token);
    let is_noun = guess & (NOUN | ROLE | FUNCTION) != 0 && guess & (FIRST | LAST) == 0;
    if index > at && is_noun && !FOREIGN.contains(&page.word(&page.tokens[at])) {
        return None;
    }
    let mut part = Part {
        last: index,
        flags: flags_of(page, token),
        has_noun_end: has_noun_end(page.word(token)),
    };
    while let Some(next) = hyphened(page, part.last) {
        let token = &page.tokens[next];
        part.has_noun_end = has_noun_end(page.word(token)) || token.is(STREET);
        let is_noun =
            flags_of(page, token) & NOUN != 0 && !token.is(FIRST | LAST) || token.is(STREET);
        part.flags = if is_noun { NOUN } else { (part.flags | token.flags) & !NOUN };
        part.last = next;
    }
    Some(part)
}

/// The small words at the beginning of a last name.
fn count_particles(page: &Page<'_>, at: usize, is_start: bool) -> usize {
    let is_particle = |index: &usize| {
        let Some(token) = page.tokens.get(*index) else { return false };
        let is_joined = page.tokens.get(index + 1).is_some_and(|mark| mark.is_mark('-'));
        let is_small = token.shape == Shape::Small || !is_start;
        let may_begin = !is_start || *index > at || leads_to_capital(page, *index);
        token.is(PARTICLE) && !is_joined && is_small && may_begin
    };
    (at..at + 3).take_while(is_particle).count()
}

fn leads_to_capital(page: &Page<'_>, index: usize) -> bool {
    page.tokens[index + 1..].iter().take(2).any(Token::is_capital)
}

fn is_initial(page: &Page<'_>, index: usize) -> bool {
    let token = &page.tokens[index];
    token.shape == Shape::Capital
        && page.word(token).chars().count() == 1
        && page.is_joined(index)
        && page.tokens.get(index + 1).is_some_and(|mark| mark.is_mark('.'))
}

fn is_name_word(page: &Page<'_>, token: &Token) -> bool {
    let is_function_word =
        token.is(DETERMINER | MONTH | SALUTATION | STREET_START | TITLE | GREETING)
            && !token.is(FIRST | LAST);
    token.is_capital()
        && !is_function_word
        && page.word(token).chars().count() >= 2
        && !(token.shape == Shape::Capitals && token.len() <= 4 && !token.is(FIRST | LAST))
}

/// The token behind the hyphen that joins it to this one, also behind an apostrophe (`O'Neill`).
fn hyphened(page: &Page<'_>, index: usize) -> Option<usize> {
    let mark = page.tokens.get(index + 1)?;
    let is_joint = ["-", "'", "’", "‑"].contains(&page.word(mark));
    let next = page.tokens.get(index + 2)?;
    (is_joint && page.is_joined(index) && page.is_joined(index + 1) && next.is_capital())
        .then_some(index + 2)
}

/// Ends like an abstract noun.
pub fn has_noun_end(word: &str) -> bool {
    word.len() > 5 && NOUN_ENDS.iter().any(|end| word.ends_with(end))
}

/// Goes on behind `Dr. med.`, `Prof. Dr.-Ing.`, and functions: `Herr Bürgermeister`.
pub fn skip_titles(page: &Page<'_>, start: usize) -> usize {
    let mut at = start;
    while let Some(token) = page.tokens.get(at) {
        let is_title = token.is(TITLE)
            || token.is_capital() && flags_of(page, token) & FUNCTION != 0 && !token.is(LAST)
            || token.is(SALUTATION);
        let is_joint = at > start && (token.is_mark('.') || token.is_mark('-'));
        let is_dot = at == start && token.is_mark('.');
        if !(is_title || is_joint || is_dot) || at > start + 10 {
            break;
        }
        at += 1;
    }
    at
}
