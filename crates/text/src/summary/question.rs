//! What a question asks for: its subjects, each with a weight, and the kind of answer.

use super::expectation::Expectation;
use crate::Analyser;

/// Most subjects of a question that are looked for; beyond: the later ones are ignored.
const NEEDS_MAX: usize = 40;
/// A noun names what the question is about.
const NOUN_WEIGHT: f32 = 1.0;
/// Verbs and adjectives vary between question and text ("einlegen", "erheben"), so they must not decide.
const OTHER_WEIGHT: f32 = 0.5;
/// A reference such as "§ 48" is exact.
const REFERENCE_WEIGHT: f32 = 1.2;

/// Words that make a question a question and say nothing about its subject.
const FRAME: &str = "gibt geben gilt gelten heißt heißen bedeutet bedeuten versteht verstehen regelt regeln geregelt
steht stehen sagt sagen brauche brauchen braucht benötige benötigt bekomme bekommen bekommt erhalte
macht machen tun passiert geschieht möglich nötig notwendig bitte frage text dokument quelle quellen
gemacht genannt nennt nenne nennen erkläre erklären beschreibe welcher folgende folgenden laut genau
eigentlich denn mal denen name heissen does did tell explain please many much long text document say
says according need beantworte beantworten antworte answer richtet findet erfolgt lautet heute";

/// One subject of a question.
#[derive(Debug)]
pub(super) struct Need {
    /// The stem.
    pub stem: String,
    /// The stems of its parts, if it is a compound.
    pub parts: Vec<String>,
    /// How much of the question it is.
    pub weight: f32,
}

/// A question, taken apart.
#[derive(Debug)]
pub(super) struct Question {
    /// Its subjects, each once.
    pub needs: Vec<Need>,
    /// The kind of answer it waits for.
    pub expectation: Option<Expectation>,
}

impl Question {
    pub(super) fn read(question: &str) -> Question {
        let expectation = Expectation::of(question);
        let cased = question.chars().skip(1).any(char::is_uppercase);
        let mut needs: Vec<Need> = Vec::new();
        let mut skipped = None;
        let mut last = None;
        Analyser::new().each(question, &mut |term| {
            let word = &question[term.start..term.end];
            let plain = word.to_lowercase();
            let reference = term.part && term.text.starts_with('§');
            let repeats = last == Some((term.start, term.end));
            if reference {
                add(
                    &mut needs,
                    Need { stem: term.text, parts: Vec::new(), weight: REFERENCE_WEIGHT },
                );
            } else if term.part {
                if repeats
                    && skipped != Some(term.start)
                    && let Some(need) = needs.last_mut()
                {
                    need.parts.push(term.text);
                }
            } else if term.stop
                || FRAME.split_whitespace().any(|word| word == plain)
                || expectation.is_some_and(|kind| kind.is_named_by(&plain))
            {
                skipped = Some(term.start);
            } else {
                let noun = !cased
                    || word.starts_with(char::is_uppercase) && term.start > 0
                    || word.starts_with(|first: char| first.is_ascii_digit());
                let weight = if noun { NOUN_WEIGHT } else { OTHER_WEIGHT };
                if !add(&mut needs, Need { stem: term.text, parts: Vec::new(), weight }) {
                    skipped = Some(term.start);
                }
            }
            if !term.part {
                last = Some((term.start, term.end));
            }
        });
        Question { needs, expectation }
    }

    /// What the whole question weighs.
    pub(super) fn weight(&self) -> f32 {
        self.subjects_weight() + self.expectation.map_or(0.0, Expectation::weight)
    }

    /// What its subjects weigh.
    pub(super) fn subjects_weight(&self) -> f32 {
        self.needs.iter().map(|need| need.weight).sum()
    }
}

/// Adds a subject unless it is there already or there are too many.
fn add(needs: &mut Vec<Need>, need: Need) -> bool {
    let known = needs.iter().any(|other| other.stem == need.stem) || needs.len() >= NEEDS_MAX;
    if !known {
        needs.push(need);
    }
    !known
}
