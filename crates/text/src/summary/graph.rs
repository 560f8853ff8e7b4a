//! How central each sentence is among its peers: a random walk along likeness.

use super::vector::Vector;

/// Pairs less alike than this are not joined (Erkan and Radev's threshold).
const LIKENESS_MIN: f32 = 0.1;
/// Chance to follow a join instead of starting anew, as in PageRank.
const DAMPING: f32 = 0.85;
/// Rounds of the walk; it settles much earlier, and a bound needs no test for convergence.
const ROUNDS: usize = 30;

/// The share of a long walk that each sentence gets; the shares add up to one. `prior` says where the walk starts anew.
pub(super) fn centrality(vectors: &[&Vector], prior: &[f32]) -> Vec<f32> {
    let count = vectors.len();
    let prior_sum: f32 = prior.iter().sum::<f32>().max(f32::MIN_POSITIVE);
    let start: Vec<f32> = prior.iter().map(|weight| weight / prior_sum).collect();
    let joins = joins(vectors);
    let mut shares = start.clone();
    for _ in 0..ROUNDS {
        let mut next = vec![0.0; count];
        let mut stranded = 0.0;
        for (from, targets) in joins.iter().enumerate() {
            if targets.is_empty() {
                stranded += shares[from];
            }
            for (to, share) in targets {
                next[*to as usize] += shares[from] * share;
            }
        }
        for (at, value) in next.iter_mut().enumerate() {
            *value = DAMPING * (*value + stranded * start[at]) + (1.0 - DAMPING) * start[at];
        }
        shares = next;
    }
    shares
}

/// For each sentence the sentences like it, with shares that add up to one.
fn joins(vectors: &[&Vector]) -> Vec<Vec<(u32, f32)>> {
    let terms = vectors
        .iter()
        .flat_map(|vector| vector.0.last())
        .map(|(number, _)| *number as usize + 1)
        .max()
        .unwrap_or(0);
    let mut holders: Vec<Vec<(u32, f32)>> =
        vec![Vec::new(); if vectors.len() > FEW { terms } else { 0 }];
    let mut joins: Vec<Vec<(u32, f32)>> = vec![Vec::new(); vectors.len()];
    let mut likeness = vec![0.0; vectors.len()];
    for (at, vector) in vectors.iter().enumerate() {
        if vectors.len() > FEW {
            likeness_by_holders(vector, &mut holders, at, &mut likeness);
        } else {
            (0..at).for_each(|other| likeness[other] = vector.likeness(vectors[other]));
        }
        for (other, value) in likeness[..at].iter_mut().enumerate() {
            if *value >= LIKENESS_MIN {
                joins[at].push((other as u32, *value));
                joins[other].push((at as u32, *value));
            }
            *value = 0.0;
        }
    }
    for targets in &mut joins {
        let sum: f32 = targets.iter().map(|(_, weight)| weight).sum();
        targets.iter_mut().for_each(|(_, weight)| *weight /= sum);
    }
    joins
}

/// Up to here comparing each pair is cheaper than keeping lists of who holds which term.
const FEW: usize = 100;

/// Adds up the likeness to all earlier sentences through the terms they share, then enters this one.
fn likeness_by_holders(
    vector: &Vector,
    holders: &mut [Vec<(u32, f32)>],
    at: usize,
    likeness: &mut [f32],
) {
    for (number, weight) in &vector.0 {
        let list = &mut holders[*number as usize];
        for (other, other_weight) in list.iter() {
            likeness[*other as usize] += weight * other_weight;
        }
        list.push((at as u32, *weight));
    }
}
