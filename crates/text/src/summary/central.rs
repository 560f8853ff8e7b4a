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
/// What each sentence already picked from the same section costs the next.
const SECTION_COST: f32 = 0.15;
/// What each sentence already picked from the same stretch of the text costs the next, so that a summary covers the whole text.
const ZONE_COST: f32 = 0.15;
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
    let chosen = best_of_sections(&kept, &vectors);
    let prior: Vec<f32> = chosen.iter().map(|at| kept[*at].standing).collect();
    let peers: Vec<&Vector> = chosen.iter().map(|at| &vectors[*at]).collect();
    let shares = graph::centrality(&peers, &prior);
    let candidates = chosen.iter().enumerate().map(|(place, at)| Candidate {
        index: kept[*at].index,
        text: sentences[kept[*at].index].text,
        vector: &vectors[*at],
        section: kept[*at].section,
        zone: at * count / kept.len(),
        // the root keeps one dense subject of a long book from leaving nothing to the others
        score: (shares[place] * prior[place]).sqrt(),
        nearest: 0.0,
    });
    let mut picked = pick(candidates.collect(), count);
    picked.sort_unstable();
    picked
}

/// A sentence of the second round.
struct Candidate<'a> {
    index: usize,
    text: &'a str,
    vector: &'a Vector,
    section: usize,
    /// Which of as many equal stretches of the text as there will be picks.
    zone: usize,
    score: f32,
    /// The likeness to the most alike sentence picked so far.
    nearest: f32,
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
    let mut best: Vec<usize> =
        ranked.into_iter().take(CANDIDATES_MAX).map(|(_, _, at)| at).collect();
    best.sort_unstable();
    best
}

/// Picks greedily what is central, new and from elsewhere.
fn pick(mut open: Vec<Candidate<'_>>, count: usize) -> Vec<usize> {
    let best = open.iter().map(|one| one.score).fold(f32::MIN_POSITIVE, f32::max);
    let mut sections: HashMap<usize, f32> = HashMap::new();
    let mut zones: HashMap<usize, f32> = HashMap::new();
    let mut said: HashSet<String> = HashSet::new();
    let mut picked = Vec::new();
    while picked.len() < count {
        let gain = |one: &Candidate<'_>| {
            let crowding = SECTION_COST * sections.get(&one.section).unwrap_or(&0.0)
                + ZONE_COST * zones.get(&one.zone).unwrap_or(&0.0);
            CENTRALITY_SHARE * one.score / best - (1.0 - CENTRALITY_SHARE) * one.nearest - crowding
        };
        let gains: Vec<f32> = open.iter().map(gain).collect();
        // of equals the earlier, so that the same text always gives the same summary
        let Some(next) =
            (0..open.len()).rev().max_by(|left, right| gains[*left].total_cmp(&gains[*right]))
        else {
            break;
        };
        let next = open.remove(next);
        if !said.insert(normalised(next.text)) {
            continue;
        }
        picked.push(next.index);
        *sections.entry(next.section).or_default() += 1.0;
        *zones.entry(next.zone).or_default() += 1.0;
        for one in &mut open {
            one.nearest = one.nearest.max(one.vector.likeness(next.vector));
        }
        open.retain(|one| one.nearest < SAME_LIKENESS);
    }
    picked
}
