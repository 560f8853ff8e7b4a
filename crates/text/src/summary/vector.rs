//! Sentences as sparse vectors of weighted terms.

use std::collections::HashMap;

use crate::Analyser;

/// What the part of a compound weighs against a word of its own: "Steuer" in "Grundsteuer" says less than "Steuer".
const PART_WEIGHT: f32 = 0.4;

/// Terms by number with their weight, in rising order of the number, of length one.
#[derive(Debug, Clone, Default)]
pub(super) struct Vector(pub Vec<(u32, f32)>);

impl Vector {
    /// The cosine between two sentences, from 0 to 1.
    pub(super) fn likeness(&self, other: &Vector) -> f32 {
        let (mut left, mut right) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut sum = 0.0;
        while let (Some((a, weight_a)), Some((b, weight_b))) = (left.peek(), right.peek()) {
            match a.cmp(b) {
                std::cmp::Ordering::Less => drop(left.next()),
                std::cmp::Ordering::Greater => drop(right.next()),
                std::cmp::Ordering::Equal => {
                    sum += weight_a * weight_b;
                    left.next();
                    right.next();
                }
            }
        }
        sum
    }
}

/// Weighs each term by how often it stands in the sentence and how rare it is among all sentences.
pub(super) fn vectors<'a>(sentences: impl Iterator<Item = &'a str>) -> Vec<Vector> {
    let mut numbers: HashMap<String, u32> = HashMap::new();
    let mut holders: Vec<u32> = Vec::new();
    let mut analyser = Analyser::new();
    let mut counted: Vec<Vec<(u32, f32)>> = Vec::new();
    for sentence in sentences {
        let mut terms: Vec<(u32, f32)> = Vec::new();
        analyser.each(sentence, &mut |term| {
            if term.stop {
                return;
            }
            let next = holders.len() as u32;
            let number = *numbers.entry(term.text).or_insert(next);
            if number == next {
                holders.push(0);
            }
            terms.push((number, if term.part { PART_WEIGHT } else { 1.0 }));
        });
        terms.sort_unstable_by_key(|(number, _)| *number);
        terms.dedup_by(|later, first| {
            later.0 == first.0 && {
                first.1 += later.1;
                true
            }
        });
        terms.iter().for_each(|(number, _)| holders[*number as usize] += 1);
        counted.push(terms);
    }
    let total = counted.len() as f32;
    let rarity: Vec<f32> = holders.iter().map(|held| (1.0 + total / *held as f32).ln()).collect();
    counted.into_iter().map(|terms| weigh(terms, &rarity)).collect()
}

fn weigh(mut terms: Vec<(u32, f32)>, rarity: &[f32]) -> Vector {
    for (number, weight) in &mut terms {
        *weight = (1.0 + *weight).ln() * rarity[*number as usize];
    }
    let length = terms.iter().map(|(_, weight)| weight * weight).sum::<f32>().sqrt();
    if length > 0.0 {
        terms.iter_mut().for_each(|(_, weight)| *weight /= length);
    }
    Vector(terms)
}
