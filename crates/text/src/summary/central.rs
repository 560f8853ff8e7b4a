//! The sentences that carry a text.
//!
//! Two rounds keep books affordable: first each section ranks its own sentences in windows of [`WINDOW_SENTENCES`], then the
//! best of all sections, at most [`CANDIDATES_MAX`], rank each other. Cost: sentences × window + candidates².

use std::collections::{HashMap, HashSet};

use super::vector::{Vector, vectors};
use super::{graph, normalised, quality};

/// Most sentences that are looked at; beyond: evenly thinned out, so that the end of a long book still counts.
const SENTENCES_MAX: usize = 60_000;
/// Most sentences that rank each other in the first round; a longer section is cut into windows.
const WINDOW_SENTENCES: usize = 40;
/// Most sentences in the second round; beyond: those less central in their own section drop out.
const CANDIDATES_MAX: usize = 1_000;
/// What centrality counts against novelty when picking (λ of maximal marginal relevance).
const CENTRALITY_SHARE: f32 = 0.7;
/// What each sentence already picked from the same section costs the next, so that a summary spreads over the text.
const CROWDING_COST: f32 = 0.15;
/// Two sentences at least this alike say the same; only one is picked.
const SAME_LIKENESS: f32 = 0.75;
/// The first sentence of a section usually says what it is about, the first of the text what all is about.
const OPENING_BONUS: f32 = 1.5;

/// A sentence and the number of the section that it stands in (equal for neighbours in one section).
#[derive(Debug, Clone, Copy)]
pub struct Sentence<'a> {
    /// The sentence as it stands in the text.
    pub text: &'a str,
    /// Which section it belongs to.
    pub section: usize,
}

/// The indices of at most `count` sentences that carry the text, in the order of the text, no two of them alike.
#[must_use]
pub fn central(sentences: &[Sentence<'_>], count: usize) -> Vec<usize> {
    let kept = worth_ranking(sentences);
    let vectors = vectors(kept.iter().map(|one| sentences[one.index].text));
    let mut candidates = best_of_sections(&kept, &vectors);
    candidates.sort_unstable();
    let chosen: Vec<&Vector> = candidates.iter().map(|at| &vectors[*at]).collect();
    let prior: Vec<f32> = candidates.iter().map(|at| kept[*at].standing).collect();
    let ranks = graph::centrality(&chosen, &prior);
    let scores: Vec<f32> = ranks.iter().zip(&prior).map(|(rank, prior)| rank * prior).collect();
    let sections: Vec<usize> = candidates.iter().map(|at| kept[*at].section).collect();
    let texts: Vec<&str> = candidates.iter().map(|at| sentences[kept[*at].index].text).collect();
    let mut picked: Vec<usize> = pick(&chosen, &scores, &sections, &texts, count)
        .into_iter()
        .map(|at| kept[candidates[at]].index)
        .collect();
    picked.sort_unstable();
    picked
}

/// A sentence that passed the first look.
struct Kept {
    index: usize,
    section: usize,
    standing: f32,
}

fn worth_ranking(sentences: &[Sentence<'_>]) -> Vec<Kept> {
    let step = sentences.len().div_ceil(SENTENCES_MAX).max(1);
    let mut kept = Vec::new();
    let mut last_section = None;
    for (index, sentence) in sentences.iter().enumerate() {
        if index % step != 0 {
            continue;
        }
        let mut standing = quality::standing(sentence.text);
        if standing == 0.0 {
            continue; // a heading, a number, a remark
        }
        if last_section != Some(sentence.section) {
            standing *= OPENING_BONUS;
            last_section = Some(sentence.section);
        }
        if kept.is_empty() {
            standing *= OPENING_BONUS;
        }
        kept.push(Kept { index, section: sentence.section, standing });
    }
    kept
}

/// The first round: the most central sentences of each window, at most [`CANDIDATES_MAX`] in all.
fn best_of_sections(kept: &[Kept], vectors: &[Vector]) -> Vec<usize> {
    if kept.len() <= CANDIDATES_MAX {
        return (0..kept.len()).collect();
    }
    let mut ranked: Vec<(usize, f32, usize)> = Vec::new();
    let mut first = 0;
    for section in kept.chunk_by(|left, right| left.section == right.section) {
        for window in section.chunks(WINDOW_SENTENCES) {
            let chosen: Vec<&Vector> = vectors[first..first + window.len()].iter().collect();
            let prior: Vec<f32> = window.iter().map(|one| one.standing).collect();
            let shares = graph::centrality(&chosen, &prior);
            let mut order: Vec<usize> = (0..window.len()).collect();
            let score = |at: &usize| shares[*at] * prior[*at] * window.len() as f32;
            order.sort_by(|left, right| score(right).total_cmp(&score(left)));
            ranked
                .extend(order.iter().enumerate().map(|(place, at)| (place, score(at), first + at)));
            first += window.len();
        }
    }
    // every window sends its first before any sends its second
    ranked.sort_by(|left, right| left.0.cmp(&right.0).then(right.1.total_cmp(&left.1)));
    ranked.into_iter().take(CANDIDATES_MAX).map(|(_, _, at)| at).collect()
}

/// Picks greedily what is central and new.
fn pick(
    vectors: &[&Vector],
    scores: &[f32],
    sections: &[usize],
    texts: &[&str],
    count: usize,
) -> Vec<usize> {
    let best = scores.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    let mut nearest = vec![0.0_f32; vectors.len()];
    let mut crowd: HashMap<usize, f32> = HashMap::new();
    let mut said: HashSet<String> = HashSet::new();
    let mut open: Vec<usize> = (0..vectors.len()).collect();
    let mut picked = Vec::new();
    while picked.len() < count {
        let gain = |at: &usize| {
            CENTRALITY_SHARE * scores[*at] / best
                - (1.0 - CENTRALITY_SHARE) * nearest[*at]
                - CROWDING_COST * crowd.get(&sections[*at]).copied().unwrap_or(0.0)
        };
        let Some(next) =
            open.iter().copied().max_by(|left, right| gain(left).total_cmp(&gain(right)))
        else {
            break;
        };
        open.retain(|at| *at != next);
        if !said.insert(normalised(texts[next])) {
            continue;
        }
        picked.push(next);
        *crowd.entry(sections[next]).or_default() += 1.0;
        for at in &open {
            nearest[*at] = nearest[*at].max(vectors[*at].likeness(vectors[next]));
        }
        open.retain(|at| nearest[*at] < SAME_LIKENESS);
    }
    picked
}
