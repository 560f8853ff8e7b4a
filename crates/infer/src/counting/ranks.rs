//! A byte-pair encoding by the ranks of its tokens, as OpenAI publishes them.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use flate2::read::GzDecoder;

use crate::local::{merge::count_merged, split::Split};

/// The tokens.
pub(super) struct Ranks {
    ranks: HashMap<Box<[u8]>, u32>,
    split: Split,
}

impl Ranks {
    /// Unpacks one of the vocabularies that are built in.
    pub(super) fn unpack(packed: &[u8], split: &str) -> Self {
        let lines = BufReader::new(GzDecoder::new(packed)).lines();
        let ranks = lines.zip(0_u32..).map(|(line, rank)| {
            let line = line.expect("the files are as they were tested");
            let token = line.split(' ').next().unwrap_or_default();
            let token = BASE64_STANDARD.decode(token).expect("the files are as they were tested");
            (token.into_boxed_slice(), rank)
        });
        let split = Split::named(split).expect("named above");
        Self { ranks: ranks.collect(), split }
    }

    pub(super) fn count(&self, text: &str) -> usize {
        self.split.words(text).into_iter().map(|word| self.word(word.as_bytes())).sum()
    }

    fn word(&self, word: &[u8]) -> usize {
        if self.ranks.contains_key(word) {
            return 1;
        }
        // No rank is so high that a float would round it.
        count_merged(word, |merged| self.ranks.get(merged).map(|rank| *rank as f32))
    }
}
