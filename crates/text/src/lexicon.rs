//! The German base words that compounds are made of, written for this crate and shipped with it.
//!
//! Holds words only; how they join to compounds is the matter of `compound`.

use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use crate::stem;

const NOUNS: [&str; 4] = [
    include_str!("lexicon/law.txt"),
    include_str!("lexicon/everyday.txt"),
    include_str!("lexicon/society.txt"),
    include_str!("lexicon/science.txt"),
];
const ADJECTIVES: &str = include_str!("lexicon/adjectives.txt");
const VERBS: &str = include_str!("lexicon/verbs.txt");

/// Endings a word may shed inside a compound ("Schul-amt", "Handl-er"), and how much must be left.
const SHEDDABLE: [(&str, usize); 3] = [("e", 4), ("ung", 4), ("en", 5)];
/// Shortest verb stem that may end a compound.
const WHOLE_BYTES_MIN: usize = 4;

/// Where in a compound a base may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Anywhere ("Amt": "Amtsgericht", "Finanzamt").
    Anywhere,
    /// Not at the end, being cut short ("schul": "Schulamt"; "les": "Lesebrille").
    NotLast,
}

/// The bases, folded as text is folded.
pub(crate) struct Lexicon {
    bases: HashMap<String, Place>,
    /// First three letters of all bases, to rule out most places at once.
    heads: HashSet<[u8; 3]>,
}

impl Lexicon {
    /// The lexicon of this crate, read on first use.
    pub(crate) fn german() -> &'static Self {
        static GERMAN: LazyLock<Lexicon> = LazyLock::new(Lexicon::read);
        &GERMAN
    }

    /// Says where a base may stand; None: not a base.
    pub(crate) fn place(&self, base: &str) -> Option<Place> {
        self.bases.get(base).copied()
    }

    /// Says whether any base begins like this.
    pub(crate) fn may_begin(&self, letters: &[u8]) -> bool {
        letters.first_chunk().is_some_and(|head| self.heads.contains(head))
    }

    fn read() -> Self {
        let mut bases = HashMap::new();
        let nouns = NOUNS.iter().flat_map(|list| words(list));
        for word in nouns.chain(words(ADJECTIVES)) {
            let folded = stem::fold(word);
            for (ending, rest_min) in SHEDDABLE {
                let shed = folded.strip_suffix(ending).filter(|rest| rest.len() >= rest_min);
                if let Some(rest) = shed {
                    bases.entry(rest.to_owned()).or_insert(Place::NotLast);
                }
            }
            bases.insert(folded, Place::Anywhere);
        }
        for word in words(VERBS) {
            let folded = stem::fold(word);
            if folded.len() >= WHOLE_BYTES_MIN {
                bases.insert(folded, Place::Anywhere);
            } else {
                bases.entry(folded).or_insert(Place::NotLast);
            }
        }
        let heads = bases.keys().filter_map(|base| base.as_bytes().first_chunk().copied());
        Self { heads: heads.collect(), bases }
    }
}

fn words(list: &str) -> impl Iterator<Item = &str> {
    let lines = list.lines().filter(|line| !line.starts_with('#'));
    lines.flat_map(str::split_whitespace).filter(|word| word.len() >= 3)
}
