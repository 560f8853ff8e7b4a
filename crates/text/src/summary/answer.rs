//! The sentences of given passages that answer a question, or none.
//!
//! Each sentence is weighed by what it mentions of the question (rare subjects count more), by the kind of answer it holds, by
//! how close the subjects stand together, and by what its heading and neighbours mention. When even the best sentence covers
//! too little of the question, nothing answers: an honest "nothing found" is worth more than a near miss.

use std::collections::HashSet;

use super::expectation::Expectation;
use super::matching::Mentions;
use super::question::Question;
use super::{normalised, quality};
use crate::{Analyser, leading_marker};

/// Most sentences of one request that are weighed; beyond: later passages are not read.
const SENTENCES_MAX: usize = 50_000;
/// Share of the question that sentence, heading and neighbours must cover together.
const COVERED_SHARE_MIN: f32 = 0.45;
/// Share of the question that the sentence must cover by itself: its surroundings alone answer nothing.
const OWN_SHARE_MIN: f32 = 0.25;
/// Share of the subjects that must be covered, whatever kind of answer is held: an amount for dogs is none for land.
const SUBJECTS_SHARE_MIN: f32 = 0.4;
/// A heading names the subject of everything below it.
const HEADING_CREDIT: f32 = 0.7;
/// The neighbouring sentences usually share their subject.
const NEIGHBOUR_CREDIT: f32 = 0.4;
/// "Sie beträgt …" speaks of what the sentence before named.
const POINTED_AT_CREDIT: f32 = 0.7;
/// What surroundings count in the ranking: enough to decide between sentences alike, not to outrank a direct answer.
const SURROUNDINGS_SHARE: f32 = 0.5;
/// Two subjects at most this many words apart belong together …
const NEAR_WORDS: usize = 5;
/// … which is worth this share of the lighter one.
const NEAR_BONUS: f32 = 0.15;
/// Words after which a sentence says much besides the answer.
const LONG_WORDS: usize = 40;
/// Passages come best first; the first gets this much more than a far one.
const FIRST_PASSAGE_BONUS: f32 = 0.1;
/// A further sentence must weigh at least this share of the best.
const FURTHER_SHARE_MIN: f32 = 0.7;
/// Most sentences of an answer with all that is added; beyond: no more is added.
const PICKS_MAX: usize = 12;
/// Most list items that follow a sentence which announces them.
const ITEMS_MAX: usize = 12;
/// How far back the sentence is sought that a list item completes.
const LEAD_IN_SENTENCES_MAX: usize = 15;

/// A passage as its sentences, in order; passages come best first.
#[derive(Debug, Clone)]
pub struct Passage<'a> {
    /// The heading above it; empty if there is none.
    pub heading: &'a str,
    /// Its sentences.
    pub sentences: Vec<&'a str>,
}

/// A sentence to quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pick {
    /// Which passage.
    pub passage: usize,
    /// Which of its sentences.
    pub sentence: usize,
}

/// The sentences that answer `question`: at most `count` that answer by themselves, each with what it needs to be understood.
/// The passage with the best answer comes first, sentences of one passage in their order. Empty when nothing answers.
#[must_use]
pub fn answering(question: &str, passages: &[Passage<'_>], count: usize) -> Vec<Pick> {
    let question = Question::read(question);
    if question.needs.is_empty() {
        return Vec::new();
    }
    let mut ranked = weigh(&question, passages);
    ranked
        .sort_by(|left, right| right.score.total_cmp(&left.score).then(left.pick.cmp(&right.pick)));
    let chosen = choose(passages, &ranked, count);
    in_reading_order(with_surroundings(passages, &chosen))
}

/// A sentence with its weight.
struct Weighed {
    pick: Pick,
    score: f32,
}

/// Weighs all sentences and keeps those that cover enough of the question.
fn weigh(question: &Question, passages: &[Passage<'_>]) -> Vec<Weighed> {
    let mut analyser = Analyser::new();
    let mut read: Vec<(Mentions, Vec<Mentions>)> = Vec::new();
    let mut left = SENTENCES_MAX;
    for passage in passages {
        let sentences = &passage.sentences[..passage.sentences.len().min(left)];
        left -= sentences.len();
        let heading = Mentions::find(question, passage.heading, &mut analyser);
        read.push((
            heading,
            sentences
                .iter()
                .map(|sentence| Mentions::find(question, sentence, &mut analyser))
                .collect(),
        ));
    }
    let rarity = rarity(question, &read);
    let mut weighed = Vec::new();
    for (at, (heading, sentences)) in read.iter().enumerate() {
        let first = 1.0 + FIRST_PASSAGE_BONUS / (1.0 + at as f32);
        for (index, mentions) in sentences.iter().enumerate() {
            if mentions.places.is_empty() && heading.places.is_empty() {
                continue;
            }
            let text = passages[at].sentences[index];
            let around = surroundings(heading, sentences, index, text);
            if let Some(score) = score(question, mentions, &around, &rarity, text) {
                weighed.push(Weighed {
                    pick: Pick { passage: at, sentence: index },
                    score: score * first,
                });
            }
        }
    }
    weighed
}

/// How much each subject tells sentences apart, from a half (in every sentence) to one (in hardly any).
fn rarity(question: &Question, read: &[(Mentions, Vec<Mentions>)]) -> Vec<f32> {
    let total = read.iter().map(|(_, sentences)| sentences.len()).sum::<usize>() as f32;
    (0..question.needs.len())
        .map(|need| {
            let holding = read
                .iter()
                .flat_map(|(_, sentences)| sentences)
                .filter(|one| one.credit[need] > 0.5)
                .count() as f32;
            0.5 + 0.5 * (1.0 + total / (1.0 + holding)).ln()
                / (1.0 + total).ln().max(f32::MIN_POSITIVE)
        })
        .collect()
}

/// What heading and neighbours add to each subject.
fn surroundings(heading: &Mentions, sentences: &[Mentions], index: usize, text: &str) -> Vec<f32> {
    let before = if quality::points_back(text) { POINTED_AT_CREDIT } else { NEIGHBOUR_CREDIT };
    let near = |at: Option<usize>, need: usize| {
        at.and_then(|at| sentences.get(at)).map_or(0.0, |one| one.credit[need])
    };
    let around = |(need, credit): (usize, &f32)| {
        (HEADING_CREDIT * credit)
            .max(before * near(index.checked_sub(1), need))
            .max(NEIGHBOUR_CREDIT * near(Some(index + 1), need))
    };
    heading.credit.iter().enumerate().map(around).collect()
}

/// The weight of a sentence, or nothing if it covers too little.
fn score(
    question: &Question,
    mentions: &Mentions,
    around: &[f32],
    rarity: &[f32],
    text: &str,
) -> Option<f32> {
    let whole = question.weight();
    let evidence = question.expectation.map_or(0.0, |kind| kind.weight() * kind.evidence(text));
    if evidence == 0.0 && question.expectation.is_some_and(Expectation::is_indispensable) {
        return None;
    }
    let own = mentions.weight(question) + evidence;
    let subjects = question.subjects_weight();
    let together: f32 = question
        .needs
        .iter()
        .enumerate()
        .map(|(at, need)| need.weight * mentions.credit[at].max(around[at]))
        .sum();
    let covered = own >= OWN_SHARE_MIN * whole
        && together >= SUBJECTS_SHARE_MIN * subjects
        && together + evidence >= COVERED_SHARE_MIN * whole;
    if !covered || !worth_quoting(text) {
        return None;
    }
    let ranked: f32 = question
        .needs
        .iter()
        .enumerate()
        .map(|(at, need)| {
            let credit = mentions.credit[at];
            need.weight
                * rarity[at]
                * (credit + SURROUNDINGS_SHARE * (around[at] - credit).max(0.0))
        })
        .sum();
    let near: f32 = mentions
        .places
        .windows(2)
        .filter(|pair| pair[0].1 != pair[1].1 && pair[1].0 - pair[0].0 <= NEAR_WORDS)
        .map(|pair| {
            NEAR_BONUS * question.needs[pair[0].1].weight.min(question.needs[pair[1].1].weight)
        })
        .sum::<f32>()
        .min(2.0 * NEAR_BONUS);
    let length = 1.0 + (mentions.words as f32 / LONG_WORDS as f32).max(1.0).ln() * 0.3;
    Some((ranked + evidence + near) / length)
}

/// Headings and questions mention subjects without saying anything about them.
fn worth_quoting(text: &str) -> bool {
    let body = &text[leading_marker(text)..];
    let heading = text.starts_with('#')
        || !body.ends_with(|last: char| last.is_ascii_punctuation() || "“”«»…".contains(last))
            && body.split_whitespace().count() < 6;
    !heading && !body.ends_with('?')
}

/// The best, and further ones that are nearly as good; no two alike.
fn choose(passages: &[Passage<'_>], ranked: &[Weighed], count: usize) -> Vec<Pick> {
    let mut said: HashSet<String> = HashSet::new();
    let mut chosen = Vec::new();
    let best = ranked.first().map_or(0.0, |one| one.score);
    for one in ranked {
        if chosen.len() >= count || one.score < FURTHER_SHARE_MIN * best {
            break;
        }
        if !said.insert(normalised(sentence(passages, one.pick))) {
            continue;
        }
        chosen.push(one.pick);
    }
    chosen
}

/// Adds what a sentence needs to be understood: the one it points back at, the lead-in of a list item, the items of a lead-in.
fn with_surroundings(passages: &[Passage<'_>], chosen: &[Pick]) -> Vec<Pick> {
    let mut picks: Vec<Pick> = Vec::new();
    let mut said: HashSet<String> = HashSet::new();
    let mut add = |pick: Pick| {
        if picks.len() < PICKS_MAX && said.insert(normalised(sentence(passages, pick))) {
            picks.push(pick);
        }
    };
    for pick in chosen {
        let sentences = &passages[pick.passage].sentences;
        let text = sentences[pick.sentence];
        add(*pick);
        if is_item(text) {
            let from = pick.sentence.saturating_sub(LEAD_IN_SENTENCES_MAX);
            if let Some(lead_in) = (from..pick.sentence).rev().find(|at| !is_item(sentences[*at])) {
                add(Pick { sentence: lead_in, ..*pick });
            }
        } else if quality::points_back(text) && pick.sentence > 0 {
            add(Pick { sentence: pick.sentence - 1, ..*pick });
        }
        if announces(text) {
            let items = sentences.iter().enumerate().skip(pick.sentence + 1).take(ITEMS_MAX);
            items
                .take_while(|(_, item)| is_item(item))
                .for_each(|(at, _)| add(Pick { sentence: at, ..*pick }));
        }
    }
    picks
}

/// Whether a sentence is an item of a list: it bears a mark or begins in the middle.
fn is_item(text: &str) -> bool {
    let paragraph = text.starts_with('(') || text.starts_with('#');
    !paragraph && (leading_marker(text) > 0 || text.starts_with(char::is_lowercase))
}

/// Whether a sentence waits for a list: it ends with a colon or not at all.
fn announces(text: &str) -> bool {
    text.ends_with(':') || text.ends_with(char::is_alphanumeric)
}

/// Passages in the order of their best sentence, sentences in the order of the text.
fn in_reading_order(picks: Vec<Pick>) -> Vec<Pick> {
    let mut passages: Vec<usize> = Vec::new();
    for pick in &picks {
        if !passages.contains(&pick.passage) {
            passages.push(pick.passage);
        }
    }
    let mut ordered = picks;
    ordered.sort_by_key(|pick| {
        (passages.iter().position(|passage| *passage == pick.passage), pick.sentence)
    });
    ordered
}

fn sentence<'a>(passages: &[Passage<'a>], pick: Pick) -> &'a str {
    passages[pick.passage].sentences[pick.sentence]
}
