//! What kind of answer a question waits for, and whether a sentence holds that kind.
//!
//! The question word often says more than its nouns: "Wie lange …?" wants a time span, whatever the text calls it. Closed lists
//! of German and English words, matched in small letters.

use super::vocabulary::{self, KINDS, Vocabulary};

/// The kinds of answers that leave traces in a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expectation {
    /// "Wie lange", "Frist": a span of time.
    Duration,
    /// "Wann": a moment, or the event or condition under which.
    Moment,
    /// "Was kostet", "Gebühr": an amount of money, or that there is none.
    Money,
    /// "Wie viele", "wie hoch": a number.
    Number,
    /// "Was ist", "Was bedeutet": a definition.
    Definition,
    /// "Warum": a reason.
    Reason,
    /// "Welche Unterlagen": things to bring.
    Papers,
    /// "Wer": somebody who acts or is in charge.
    Person,
    /// "Wo": a place.
    Place,
    /// "Darf", "Kann", "Muss": a permission, duty or prohibition.
    Permission,
    /// "Welche Voraussetzungen": a condition.
    Condition,
}

use Expectation::{
    Condition, Definition, Duration, Moment, Money, Number, Papers, Permission, Person, Place,
    Reason,
};

impl Expectation {
    /// What `question` waits for, if its words tell. The first question word decides; "was", "welche" and "wie" leave it to nouns.
    pub(super) fn of(question: &str) -> Option<Expectation> {
        let plain = format!("{} ", question.trim().to_lowercase());
        let undecided = list(vocabulary::UNDECIDED).map(|word| (word, None));
        let deciding =
            KINDS.iter().flat_map(|one| list(one.asked).map(|word| (word, Some(one.kind))));
        let asked = undecided
            .chain(deciding)
            .filter_map(|(word, kind)| Some((word_at(&plain, word)?, kind)));
        // of "ab wann" and "wann" at nearly one place the more exact begins first
        if let Some((_, kind)) = asked.min_by_key(|(at, _)| *at) {
            return kind;
        }
        let told =
            KINDS.iter().find(|one| list(one.phrases).any(|phrase| holds_phrase(&plain, phrase)));
        let first = plain.split_whitespace().next().unwrap_or_default();
        let modal = || list(vocabulary::MODALS).any(|modal| modal == first).then_some(Permission);
        told.map(|one| one.kind).or_else(modal)
    }

    /// Share of the question that the kind of answer stands for, against 1 for a noun: the surer its traces, the more.
    pub(super) fn weight(self) -> f32 {
        match self {
            Duration | Money | Number => 0.8,
            Moment | Papers => 0.5,
            Definition | Reason | Condition | Permission => 0.3,
            Person | Place => 0.2,
        }
    }

    /// Whether a sentence without any trace of this kind cannot answer: no number, no amount.
    pub(super) fn is_indispensable(self) -> bool {
        matches!(self, Duration | Money | Number)
    }

    /// Whether a word of the question (in small letters) only names the kind ("Frist", "Gebühr") and is no subject by itself.
    pub(super) fn is_named_by(self, word: &str) -> bool {
        list(self.vocabulary().names).any(|name| name == word)
    }

    /// How surely `sentence` holds this kind of answer, from 0 to 1.
    pub(super) fn evidence(self, sentence: &str) -> f32 {
        let plain = sentence.to_lowercase();
        let words: Vec<&str> = plain
            .split(|sign: char| !sign.is_alphanumeric() && sign != '%')
            .filter(|word| !word.is_empty())
            .collect();
        let own = self.vocabulary();
        let traces =
            || list(own.words).any(|word| words.contains(&word)) || within(&plain, own.pieces);
        let steps: [(bool, f32); 3] = match self {
            Duration => [(holds_span(&words), 1.0), (traces(), 0.7), (holds_month(&words), 0.6)],
            Moment => [
                (holds_month(&words) || holds_year(&words), 1.0),
                (holds_span(&words), 0.7),
                (traces(), 0.7),
            ],
            Money => [
                (
                    within(&plain, vocabulary::CURRENCIES)
                        && words.iter().any(|word| is_number(word)),
                    1.0,
                ),
                (within(&plain, vocabulary::FREE), 1.0),
                (traces(), 0.5),
            ],
            Number => [(words.iter().any(|word| is_number(word)), 1.0), (false, 0.0), (false, 0.0)],
            Definition | Reason | Papers | Person | Place | Permission | Condition => {
                [(traces(), 1.0), (false, 0.0), (false, 0.0)]
            }
        };
        steps.into_iter().find(|(holds, _)| *holds).map_or(0.0, |(_, strength)| strength)
    }

    fn vocabulary(self) -> &'static Vocabulary {
        KINDS.iter().find(|one| one.kind == self).expect("each kind has its words")
    }
}

fn list(words: &'static str) -> impl Iterator<Item = &'static str> {
    words.split(',').filter(|word| !word.is_empty())
}

fn within(plain: &str, pieces: &'static str) -> bool {
    list(pieces).any(|piece| plain.contains(piece))
}

/// Where the word or phrase stands as such.
fn word_at(plain: &str, word: &str) -> Option<usize> {
    let alone = |at: &usize| {
        !plain[..*at].ends_with(char::is_alphanumeric)
            && !plain[at + word.len()..].starts_with(char::is_alphanumeric)
    };
    plain.match_indices(word).map(|(at, _)| at).find(alone)
}

/// Whether a phrase stands at the start of a word or, if it is a long noun, at the end of a compound ("Widerspruchsfrist").
fn holds_phrase(plain: &str, phrase: &str) -> bool {
    let ends_compounds = phrase.len() >= 5 && !phrase.contains(' ');
    plain
        .match_indices(phrase)
        .any(|(at, _)| ends_compounds || !plain[..at].ends_with(char::is_alphanumeric))
}

fn is_number(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_digit())
        || list(vocabulary::NUMBERS).any(|number| number == word)
}

/// "zwei Wochen", "eines Monats", "10 Jahre": a number and soon after it a unit of time.
fn holds_span(words: &[&str]) -> bool {
    let is_unit = |word: &str| {
        list(vocabulary::UNITS)
            .filter_map(|unit| word.strip_prefix(unit))
            .any(|ending| matches!(ending, "" | "e" | "en" | "es" | "s" | "n"))
    };
    let counts =
        |word: &&str| is_number(word) || list(vocabulary::ARTICLES).any(|article| article == *word);
    words
        .iter()
        .enumerate()
        .any(|(at, word)| is_unit(word) && words[at.saturating_sub(2)..at].iter().any(counts))
}

fn holds_month(words: &[&str]) -> bool {
    list(vocabulary::MONTHS).any(|month| words.contains(&month))
}

fn holds_year(words: &[&str]) -> bool {
    let is_year = |word: &&str| {
        word.len() == 4
            && word.starts_with(['1', '2'])
            && word.bytes().all(|digit| digit.is_ascii_digit())
    };
    words.iter().any(is_year)
}
