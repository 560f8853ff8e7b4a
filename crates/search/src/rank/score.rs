//! The numbers: BM25 with several fields, for passages and for documents.

use super::Scope;
use crate::{
    error::Error,
    plan::{Plan, is_section},
    postings,
    schema::Fields,
};

/// How fast repetition stops counting (BM25).
const K1: f32 = 1.2;
/// How much a passage's length matters: little, for passages are cut to similar lengths.
const PASSAGE_B: f32 = 0.5;
/// How much a document's length matters.
const DOCUMENT_B: f32 = 0.75;
/// How much the number of letter runs matters.
const GRAM_B: f32 = 0.3;

/// What one occurrence counts: in the text, as a compound part, in a heading.
const BODY: f32 = 1.0;
const PART: f32 = 0.6;
const HEADING: f32 = 0.8;
/// In the title or name of the document.
const TITLE: f32 = 2.0;

/// What the document's own score counts beside the passage's.
const DOCUMENT_SHARE: f32 = 1.0;
/// What it counts that a passage is the section asked for, and does not only speak of it.
const OWN_SECTION_SHARE: f32 = 1.0;
/// What neighbours count that are neighbours in the query.
const PAIR_SHARE: f32 = 0.3;
/// Words that may stand between two neighbours.
const PAIR_GAP: u32 = 2;
/// What shared letter runs count.
const GRAM_SHARE: f32 = 0.25;
/// Letter runs in more than one of so many passages say nothing and are left out.
const GRAM_COMMON: u64 = 10;
/// Entries walked over in one search; beyond, the most common terms and letter runs are left out.
const ENTRIES_MAX: u64 = 4_000_000;

/// The scores of all passages and documents in scope.
pub(super) struct Scores {
    passages: Vec<f32>,
    documents: Vec<f32>,
    phrases: Vec<u8>,
    /// Occurrences of the term at hand, by passage and by document; empty between two terms.
    counts: Counts,
    document_counts: Counts,
}

impl Scores {
    /// Scores everything in scope.
    pub(super) fn of(scope: &Scope<'_>, plan: &Plan) -> Result<Self, Error> {
        let passages = scope.snapshot().owner.len();
        let documents = scope.document_words.len();
        let mut scores = Self {
            passages: vec![0.0; passages],
            documents: vec![0.0; documents],
            phrases: Vec::new(),
            counts: Counts::new(passages),
            document_counts: Counts::new(documents),
        };
        let fields = scope.snapshot().fields;
        let mut entries = ENTRIES_MAX;
        for (at, common) in rarest_first(scope, fields.body, plan.terms.iter().map(|t| &t.text))? {
            // Fields beside the body are smaller: counting each as the body is a safe bound.
            let Some(left) = entries.checked_sub(2 * common) else { break };
            entries = left;
            scores.add_term(scope, &plan.terms[at].text, plan.terms[at].weight)?;
        }
        for pair in &plan.pairs {
            scores.add_pair(scope, pair)?;
        }
        for (at, common) in rarest_first(scope, fields.grams, plan.grams.iter())? {
            let Some(left) = entries.checked_sub(common) else { break };
            entries = left;
            scores.add_gram(scope, &plan.grams[at])?;
        }
        for phrase in &plan.phrases {
            scores.add_phrase(scope, phrase)?;
        }
        Ok(scores)
    }

    /// Returns the passages that match at all, each with its score.
    pub(super) fn ranked(&self, scope: &Scope<'_>) -> Vec<(u32, f32)> {
        let owner = &scope.snapshot().owner;
        let matching = self.passages.iter().enumerate().filter(|(_, score)| **score > 0.0);
        let mut ranked: Vec<(u32, f32)> = matching
            .map(|(passage, score)| {
                let document = self.documents[owner[passage] as usize];
                (passage as u32, score + DOCUMENT_SHARE * document)
            })
            .collect();
        if !self.phrases.is_empty() {
            // Whoever quotes means it: passages with the phrase come before all others.
            let above = ranked.iter().fold(0.0_f32, |most, (_, score)| most.max(*score));
            for (passage, score) in &mut ranked {
                *score += f32::from(self.phrases[*passage as usize]) * above;
            }
        }
        ranked
    }

    fn add_term(&mut self, scope: &Scope<'_>, term: &str, weight: f32) -> Result<(), Error> {
        let Fields { body, parts, heading, title, .. } = scope.snapshot().fields;
        for (field, counts_as) in [(body, BODY), (parts, PART), (heading, HEADING)] {
            postings::each_passage(scope, field, term, &mut |passage, times| {
                self.counts.add(passage, counts_as * times as f32);
            })?;
        }
        let owner = &scope.snapshot().owner;
        for &passage in &self.counts.touched {
            let times = self.counts.of[passage as usize];
            self.document_counts.add(owner[passage as usize], times);
        }
        postings::each_passage(scope, title, term, &mut |passage, _| {
            self.counts.add(passage, BODY);
            self.document_counts.add(owner[passage as usize], TITLE);
        })?;

        let idf = weight * idf(scope.documents, self.document_counts.touched.len());
        let average = scope.words as f32 / scope.documents as f32;
        let documents = &mut self.documents;
        self.document_counts.drain(|document, times| {
            let length = scope.document_words[document as usize] as f32 / average;
            documents[document as usize] += idf * saturated(times, DOCUMENT_B, length);
        });
        self.drain_counts(scope, weight);
        if is_section(term) {
            postings::each_passage(scope, heading, term, &mut |passage, _| {
                self.counts.add(passage, 1.0);
            })?;
            self.drain_counts(scope, OWN_SECTION_SHARE);
        }
        Ok(())
    }

    fn add_pair(&mut self, scope: &Scope<'_>, pair: &[String; 2]) -> Result<(), Error> {
        postings::each_sequence(scope, pair, PAIR_GAP, &mut |passage, times| {
            self.counts.add(passage, times as f32);
        })?;
        self.drain_counts(scope, PAIR_SHARE);
        Ok(())
    }

    /// Scores passages by what was counted, as BM25 does, and empties the counts.
    fn drain_counts(&mut self, scope: &Scope<'_>, weight: f32) {
        let idf = weight * idf(scope.passages, self.counts.touched.len());
        let average = scope.words as f32 / scope.passages as f32;
        let (passages, words) = (&mut self.passages, &scope.snapshot().words);
        self.counts.drain(|passage, times| {
            let length = words[passage as usize] as f32 / average;
            passages[passage as usize] += idf * saturated(times, PASSAGE_B, length);
        });
    }

    fn add_gram(&mut self, scope: &Scope<'_>, gram: &str) -> Result<(), Error> {
        postings::each_passage(scope, scope.snapshot().fields.grams, gram, &mut |passage, _| {
            self.counts.add(passage, 1.0);
        })?;
        let common = self.counts.touched.len() as u64 * GRAM_COMMON > u64::from(scope.passages);
        let few = self.counts.touched.len() <= GRAM_COMMON as usize;
        if common && !few {
            self.counts.drain(|_, _| {});
            return Ok(());
        }
        let idf = GRAM_SHARE * idf(scope.passages, self.counts.touched.len());
        let average = scope.grams as f32 / scope.passages as f32;
        let (passages, grams) = (&mut self.passages, &scope.snapshot().grams);
        self.counts.drain(|passage, times| {
            let length = grams[passage as usize] as f32 / average;
            passages[passage as usize] += idf * saturated(times, GRAM_B, length);
        });
        Ok(())
    }

    fn add_phrase(&mut self, scope: &Scope<'_>, phrase: &[String]) -> Result<(), Error> {
        self.phrases.resize(self.passages.len(), 0);
        postings::each_sequence(scope, phrase, 0, &mut |passage, _| {
            self.phrases[passage as usize] += 1;
        })
    }
}

/// Orders terms by how common they are; returns their numbers and how common.
fn rarest_first<'t>(
    scope: &Scope<'_>,
    field: tantivy::schema::Field,
    terms: impl Iterator<Item = &'t String>,
) -> Result<Vec<(usize, u64)>, Error> {
    let mut order = Vec::new();
    for (at, term) in terms.enumerate() {
        order.push((at, postings::passages_at_most(scope, field, term)?));
    }
    order.sort_by_key(|&(at, common)| (common, at));
    Ok(order)
}

fn idf(all: u32, with: usize) -> f32 {
    let (all, with) = (all as f32, with as f32);
    (1.0 + (all - with + 0.5) / (with + 0.5)).ln()
}

/// BM25's term frequency part; `length` is relative to the average.
fn saturated(times: f32, b: f32, length: f32) -> f32 {
    times * (K1 + 1.0) / (times + K1 * (1.0 - b + b * length))
}

/// Sparse counts over many numbers.
struct Counts {
    of: Vec<f32>,
    touched: Vec<u32>,
}

impl Counts {
    fn new(size: usize) -> Self {
        Self { of: vec![0.0; size], touched: Vec::new() }
    }

    fn add(&mut self, at: u32, amount: f32) {
        let count = &mut self.of[at as usize];
        if *count == 0.0 {
            self.touched.push(at);
        }
        *count += amount;
    }

    /// Hands out all counts and leaves none.
    fn drain(&mut self, mut each: impl FnMut(u32, f32)) {
        for at in self.touched.drain(..) {
            each(at, std::mem::take(&mut self.of[at as usize]));
        }
    }
}
