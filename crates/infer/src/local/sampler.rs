//! Choosing the next token by its score.

use std::collections::HashMap;

/// How tokens are chosen. The order is: penalties, temperature, the most probable ones, then a choice
/// by chance among them.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling {
    /// 0: always the most probable one, and nothing below has an effect but the penalties.
    pub temperature: f32,
    /// Only the most probable ones that together have this share; 1: all.
    pub top_p: f32,
    /// Only so many; 0: all.
    pub top_k: usize,
    /// Only those with at least this share of the most probable one's; 0: all.
    pub min_p: f32,
    /// What a token that was there already, also in the prompt, has its score divided by.
    pub repetition_penalty: f32,
    /// Taken from the score for each time a token is in the answer.
    pub frequency_penalty: f32,
    /// Taken from the score once if a token is in the answer.
    pub presence_penalty: f32,
    /// What chance begins with: the same one gives the same answer.
    pub seed: u64,
}

impl Default for Sampling {
    /// By chance, as probable as the model has it.
    fn default() -> Self {
        Self {
            temperature: 1.0,
            top_p: 1.0,
            top_k: 0,
            min_p: 0.0,
            repetition_penalty: 1.0,
            frequency_penalty: 0.0,
            presence_penalty: 0.0,
            seed: 0,
        }
    }
}

/// Chooses the tokens of one answer.
#[derive(Debug)]
pub(super) struct Sampler<'a> {
    sampling: &'a Sampling,
    /// How often each token is in the answer; those of the prompt have 0.
    seen: HashMap<u32, u32>,
    chance: Chance,
}

impl<'a> Sampler<'a> {
    pub fn new(sampling: &'a Sampling, prompt: &[u32]) -> Self {
        let seen = prompt.iter().map(|token| (*token, 0)).collect();
        Self { sampling, seen, chance: Chance(sampling.seed) }
    }

    /// Chooses a token by the scores of all.
    pub fn choose(&mut self, mut scores: Vec<f32>) -> u32 {
        self.penalise(&mut scores);
        let token =
            if self.sampling.temperature <= 0.0 { first(&scores) } else { self.draw(&scores) };
        *self.seen.entry(token).or_default() += 1;
        token
    }

    fn penalise(&self, scores: &mut [f32]) {
        let Sampling { repetition_penalty, frequency_penalty, presence_penalty, .. } =
            *self.sampling;
        for (token, count) in &self.seen {
            let Some(score) = scores.get_mut(*token as usize) else { continue };
            *score = if *score > 0.0 {
                *score / repetition_penalty
            } else {
                *score * repetition_penalty
            };
            if *count > 0 {
                *score -= *count as f32 * frequency_penalty + presence_penalty;
            }
        }
    }

    fn draw(&mut self, scores: &[f32]) -> u32 {
        let Sampling { temperature, top_p, top_k, min_p, .. } = *self.sampling;
        let best = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let share = |score: &f32| ((score - best) / temperature).exp();
        let mut shares: Vec<(u32, f32)> = (0..).zip(scores.iter().map(share)).collect();
        shares.retain(|(_, share)| *share > 0.0 && *share >= min_p);
        // The greatest first; among equals the first in the vocabulary, so that the order is always the same.
        shares.sort_unstable_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
        if top_k > 0 {
            shares.truncate(top_k);
        }
        let enough = total(&shares) * f64::from(top_p);
        let mut sum = 0.0;
        let within = shares.iter().take_while(|(_, share)| {
            let is_within = sum < enough;
            sum += f64::from(*share);
            is_within
        });
        let within = within.count().max(1);
        shares.truncate(within);
        let mut left = self.chance.next() * total(&shares);
        let drawn = shares.iter().find(|(_, share)| {
            left -= f64::from(*share);
            left < 0.0
        });
        // Scores that are no numbers leave nothing to choose from.
        drawn.or(shares.last()).map_or_else(|| first(scores), |(token, _)| *token)
    }
}

fn total(shares: &[(u32, f32)]) -> f64 {
    shares.iter().map(|(_, share)| f64::from(*share)).sum()
}

/// The one with the highest score; the first among equals.
fn first(scores: &[f32]) -> u32 {
    let best = (0..).zip(scores).fold((0, f32::NEG_INFINITY), |best, (token, score)| {
        if *score > best.1 { (token, *score) } else { best }
    });
    best.0
}

/// Numbers by chance (SplitMix64): written out here so that a seed means the same in every version.
#[derive(Debug)]
struct Chance(u64);

impl Chance {
    /// At least 0 and below 1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}
