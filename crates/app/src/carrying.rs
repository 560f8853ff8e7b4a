//! Chooses the passages that carry whole documents, for a summary: over their full length, within a
//! budget of characters, in their order.

use std::collections::HashMap;

use text::summary::{Sentence, central};

use crate::grounding::NamedPassage;

/// Sentences the graph is asked for. More than any summary has statements, so that the model that
/// writes it can choose.
const SENTENCES_MAX: usize = 90;

/// Keeps the passages with the most central sentences.
pub(crate) fn carrying_passages(all: Vec<NamedPassage>, chars_max: usize) -> Vec<NamedPassage> {
    let total: usize = all.iter().map(chars).sum();
    if total <= chars_max {
        return all;
    }
    let mut sections: HashMap<(&str, &[String]), usize> = HashMap::new();
    let mut sentences = vec![];
    let mut owners = vec![];
    for (place, named) in all.iter().enumerate() {
        let key = (named.document_name.as_str(), named.passage.heading.as_slice());
        let next = sections.len();
        let section = *sections.entry(key).or_insert(next);
        for range in text::sentences(&named.passage.text) {
            sentences.push(Sentence { text: &named.passage.text[range], section });
            owners.push(place);
        }
    }
    let mut weights: HashMap<usize, usize> = HashMap::new();
    for sentence in central(&sentences, SENTENCES_MAX) {
        *weights.entry(owners[sentence]).or_default() += 1;
    }
    let mut places: Vec<usize> = weights.keys().copied().collect();
    places.sort_by_key(|place| (std::cmp::Reverse(weights[place]), *place));
    let mut left = chars_max;
    places.retain(|place| {
        let fits = chars(&all[*place]) <= left;
        if fits {
            left -= chars(&all[*place]);
        }
        fits
    });
    places.sort_unstable();
    let mut all: Vec<Option<NamedPassage>> = all.into_iter().map(Some).collect();
    places.into_iter().filter_map(|place| all[place].take()).collect()
}

fn chars(named: &NamedPassage) -> usize {
    named.passage.text.chars().count()
}
