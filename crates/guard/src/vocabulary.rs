//! The words that mean something to the scanner, each with flags, from the rule file and the lists
//! of names. One look-up per word of a text is all the scanner ever does with words.

use std::collections::HashMap;

use rustc_hash::FxBuildHasher;

/// What a word may be; bits, because most words that matter are several things.
pub type Flags = u64;

/// A first name.
pub const FIRST: Flags = 1;
/// A last name.
pub const LAST: Flags = 1 << 1;
/// A common noun or adjective, which German writes with a capital too or which begins sentences.
pub const NOUN: Flags = 1 << 2;
/// `Herr`, `Frau`, `Familie`.
pub const SALUTATION: Flags = 1 << 3;
/// `Dr`, `Prof`, `Dipl`.
pub const TITLE: Flags = 1 << 4;
/// `Antragstellerin`, `Kläger`, `Zeuge`: a person often, but not always, follows.
pub const ROLE: Flags = 1 << 5;
/// `von`, `zu`, `van`.
pub const PARTICLE: Flags = 1 << 6;
/// `Ministerin`, `Vorsitzender`: stands between salutation and name, or instead of the name.
pub const FUNCTION: Flags = 1 << 7;
/// `Name`, `Vorname`: labels of a field that holds a name.
pub const NAME_LABEL: Flags = 1 << 8;
/// `Grüßen`, `Auftrag`, `gez`: a signature follows.
pub const SIGNATURE: Flags = 1 << 9;
/// `Hallo`, `Liebe`: a salutation that is followed by a first name alone.
pub const GREETING: Flags = 1 << 10;
/// A town.
pub const TOWN: Flags = 1 << 11;
/// `wohnhaft`, `Anschrift`: an address or its person is near.
pub const RESIDENCE: Flags = 1 << 12;
/// `Parkplatz`, `Rechtsweg`: ends like a street and is none.
pub const NO_STREET: Flags = 1 << 13;
/// `Straße`, `Weg`, `Platz` as a word of its own.
pub const STREET: Flags = 1 << 14;
/// `Am`, `An`, `Unter`, `Zum`: begins the name of a street.
pub const STREET_START: Flags = 1 << 15;
/// An article or pronoun: what follows with a capital is a noun.
pub const DETERMINER: Flags = 1 << 16;
/// A month.
pub const MONTH: Flags = 1 << 17;
/// `geb.`, `geborene`: a name at birth may follow.
pub const BIRTH_NAME: Flags = 1 << 18;
/// A noun that is no name, with one of the endings of nouns: compounds end in it.
pub const TAIL: Flags = 1 << 19;
/// An everyday word that is written small; where everything is, no name.
pub const COMMON: Flags = 1 << 20;
/// `heiße`, `namens`: a name follows.
pub const CALLED: Flags = 1 << 21;
/// `Passwort`, `Kennwort`: one may follow.
pub const PASSWORD: Flags = 1 << 22;
/// `PIN`: digits follow.
pub const PIN: Flags = 1 << 23;
/// Shorter nouns are ends of too many names.
pub const TAIL_BYTES_MIN: usize = 4;
/// The first flag that a context of the rule file may take.
pub const FIRST_CONTEXT: u32 = 24;
/// Everything that a context of the rule file may be.
pub const CONTEXTS: Flags = Flags::MAX << FIRST_CONTEXT;

/// Lists of the rule file by name, and their flags.
pub const LISTS: [(&str, Flags); 21] = [
    ("nouns", NOUN),
    ("salutations", SALUTATION),
    ("titles", TITLE),
    ("roles", ROLE),
    ("particles", PARTICLE),
    ("functions", FUNCTION),
    ("name_labels", NAME_LABEL),
    ("signatures", SIGNATURE),
    ("greetings", GREETING),
    ("residence", RESIDENCE),
    ("no_streets", NO_STREET),
    ("streets", STREET),
    ("street_starts", STREET_START),
    ("determiners", DETERMINER),
    ("months", MONTH),
    ("towns", TOWN),
    ("birth_names", BIRTH_NAME),
    ("common", COMMON),
    ("called", CALLED),
    ("passwords", PASSWORD),
    ("pins", PIN),
];

/// Words in small letters and their flags.
#[derive(Debug, Clone, Default)]
pub struct Vocabulary {
    words: HashMap<Box<[u8]>, Flags, FxBuildHasher>,
    /// How long the longest is, in bytes: of a longer word, which a hostile text may have, nobody has to
    /// read each end.
    longest: usize,
}

impl Vocabulary {
    /// No words.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Gives a word one more meaning; it is kept in small letters.
    pub fn add(&mut self, word: &str, flags: Flags) {
        let key = word.to_lowercase().into_bytes().into_boxed_slice();
        self.longest = self.longest.max(key.len());
        *self.words.entry(key).or_default() |= flags;
    }

    /// Knows a word that no list has: another spelling of one that a list has.
    pub fn add_new(&mut self, word: &str, flags: Flags) {
        if self.flags(word.as_bytes()) == 0 {
            self.add(word, flags);
        }
    }

    /// Marks every noun that is no name, in all its forms, as the end of compounds. To be called when
    /// all words are in.
    pub fn add_tails(&mut self) {
        const ENDINGS: [&str; 7] = ["", "s", "n", "en", "es", "e", "er"];
        let nouns: Vec<String> = self
            .words
            .iter()
            .filter(|(word, flags)| {
                word.len() >= TAIL_BYTES_MIN && **flags & (NOUN | FIRST | LAST) == NOUN
            })
            .map(|(word, _)| String::from_utf8_lossy(word).into_owned())
            .collect();
        for noun in nouns {
            ENDINGS.iter().for_each(|ending| self.add(&format!("{noun}{ending}"), TAIL));
        }
    }

    /// What a word in small letters may be.
    pub fn flags(&self, word: &[u8]) -> Flags {
        if word.len() > self.longest {
            return 0;
        }
        self.words.get(word).copied().unwrap_or_default()
    }
}
