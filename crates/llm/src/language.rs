//! Whether to speak German or English with a model.

/// The languages in which we write instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    /// German, also when in doubt.
    German,
    /// English.
    English,
}

/// How much of a text is looked at, in words.
const WORDS_MAX: usize = 200;
/// How many texts are looked at.
const TEXTS_MAX: usize = 3;

/// Frequent words that the other language does not have.
const ENGLISH: &[&str] = &[
    "the",
    "of",
    "and",
    "is",
    "are",
    "what",
    "how",
    "which",
    "who",
    "when",
    "where",
    "why",
    "does",
    "do",
    "did",
    "must",
    "may",
    "can",
    "should",
    "for",
    "to",
    "with",
    "from",
    "this",
    "that",
    "these",
    "about",
    "by",
    "be",
    "it",
    "my",
    "i",
    "please",
    "summarise",
    "summarize",
    "summary",
    "explain",
    "there",
    "have",
    "has",
    "not",
    "or",
    "if",
];
const GERMAN: &[&str] = &[
    "der", "die", "das", "dem", "den", "des", "ein", "eine", "einen", "einem", "einer", "und",
    "ist", "sind", "wie", "welche", "welcher", "welches", "wer", "wann", "wo", "warum", "wieso",
    "muss", "darf", "kann", "soll", "für", "fuer", "zu", "zum", "zur", "mit", "von", "vom", "dies",
    "diese", "dieses", "über", "ueber", "durch", "sein", "es", "mein", "ich", "bitte", "fasse",
    "erkläre", "gibt", "haben", "hat", "nicht", "oder", "wenn", "im", "auf", "bei", "nach", "wird",
    "werden",
];

impl Language {
    /// The language of a text; German when in doubt.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self::guess(text).unwrap_or(Self::German)
    }

    /// The language of the first of these texts that tells; German if none does. Few are looked at.
    #[must_use]
    pub fn of_first<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut guesses = texts.take(TEXTS_MAX).filter_map(Self::guess);
        guesses.next().unwrap_or(Self::German)
    }

    fn guess(text: &str) -> Option<Self> {
        let (mut german, mut english) = (0_usize, 0_usize);
        let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        for word in words.take(WORDS_MAX) {
            let word = word.to_lowercase();
            german += usize::from(GERMAN.contains(&word.as_str()));
            german += usize::from(word.contains(['ä', 'ö', 'ü', 'ß']));
            english += usize::from(ENGLISH.contains(&word.as_str()));
        }
        match german.cmp(&english) {
            std::cmp::Ordering::Greater => Some(Self::German),
            std::cmp::Ordering::Less => Some(Self::English),
            std::cmp::Ordering::Equal => None,
        }
    }
}
