//! Which sentences carry a text, and which answer a question: extraction, never writing.
//!
//! [`central`] ranks by a graph of likeness (LexRank: Erkan and Radev 2004) and picks with regard to what was already picked
//! (maximal marginal relevance: Carbonell and Goldstein 1998). [`answering`] weighs what a question asks for against what a
//! sentence says, and returns nothing where nothing answers. Both work on German terms with compound parts. Sentences come
//! in borrowed and go out as indices; this module knows nothing of documents, citations or wording.

mod answer;
mod central;
mod expectation;
mod graph;
mod matching;
mod quality;
mod question;
mod vector;
mod vocabulary;

pub use answer::{Passage, Pick, answering};
pub use central::{Sentence, central};

/// The same letters and digits in the same order, whatever stands between them: the measure of "the same sentence".
#[must_use]
pub fn normalised(sentence: &str) -> String {
    let body = &sentence[crate::leading_marker(sentence)..];
    let mut plain = String::with_capacity(body.len());
    for word in
        body.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty())
    {
        if !plain.is_empty() {
            plain.push(' ');
        }
        plain.extend(word.chars().flat_map(char::to_lowercase));
    }
    plain
}
