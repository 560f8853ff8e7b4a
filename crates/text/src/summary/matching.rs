//! How much of each subject of a question a piece of text mentions.

use super::question::{Need, Question};
use crate::Analyser;

/// "Gewerbe" is mentioned by "Gewerbeanmeldung".
const IN_COMPOUND: f32 = 0.85;
/// All parts of "Hundesteuer", each as a word: "Steuer für Hunde".
const PARTS_AS_WORDS: f32 = 0.75;
/// Parts of "Hundesteuer" inside other compounds: "Steuerpflicht", "Hundehalter".
const PARTS_IN_COMPOUNDS: f32 = 0.6;
/// "zuständig" and "Zuständigkeit", where the stemmer left a difference.
const SAME_BEGINNING: f32 = 0.6;
/// Shortest beginning in bytes that two stems must share to count as related.
const BEGINNING_BYTES_MIN: usize = 5;
/// Most bytes by which related stems may differ in length.
const ENDING_BYTES_MAX: usize = 4;

/// What a piece of text mentions of a question.
#[derive(Debug, Clone, Default)]
pub(super) struct Mentions {
    /// For each subject from 0 (not at all) to 1 (as asked).
    pub credit: Vec<f32>,
    /// The places (counted in words) of the mentions, in order, with the subject.
    pub places: Vec<(usize, usize)>,
    /// How many words the text has.
    pub words: usize,
}

impl Mentions {
    pub(super) fn find(question: &Question, text: &str, analyser: &mut Analyser) -> Mentions {
        let count = question.needs.len();
        let mut found = Mentions { credit: vec![0.0; count], places: Vec::new(), words: 0 };
        let mut parts: Vec<Vec<f32>> =
            question.needs.iter().map(|need| vec![0.0; need.parts.len()]).collect();
        analyser.each(text, &mut |term| {
            found.words += usize::from(!term.part);
            if term.stop {
                return;
            }
            for (at, need) in question.needs.iter().enumerate() {
                let direct = likeness(need, &term.text, term.part);
                let part = part_likeness(need, &term.text, term.part, &mut parts[at]);
                found.credit[at] = found.credit[at].max(direct);
                if direct.max(part) > 0.0 {
                    found.places.push((found.words, at));
                }
            }
        });
        for (at, held) in parts.iter().enumerate() {
            let share = held.iter().sum::<f32>() / held.len().max(1) as f32;
            found.credit[at] = found.credit[at].max(share);
        }
        found
    }

    /// The weight of what is mentioned.
    pub(super) fn weight(&self, question: &Question) -> f32 {
        self.credit.iter().zip(&question.needs).map(|(credit, need)| credit * need.weight).sum()
    }
}

fn likeness(need: &Need, stem: &str, in_compound: bool) -> f32 {
    if need.stem == stem {
        return if in_compound { IN_COMPOUND } else { 1.0 };
    }
    let related = |long: &str, short: &str| {
        short.len() >= BEGINNING_BYTES_MIN
            && long.len() - short.len() <= ENDING_BYTES_MAX
            && long.starts_with(short)
    };
    let same = if stem.len() > need.stem.len() {
        related(stem, &need.stem)
    } else {
        related(&need.stem, stem)
    };
    if same { SAME_BEGINNING } else { 0.0 }
}

fn part_likeness(need: &Need, stem: &str, in_compound: bool, held: &mut [f32]) -> f32 {
    let strength = if in_compound { PARTS_IN_COMPOUNDS } else { PARTS_AS_WORDS };
    let mut best = 0.0_f32;
    for (part, held) in need.parts.iter().zip(held) {
        if part == stem {
            *held = held.max(strength);
            best = best.max(strength);
        }
    }
    best
}
