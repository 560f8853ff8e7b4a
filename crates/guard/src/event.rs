//! A rule hit at a place. Knows no content: it may be logged, counted and stored as it is.

use std::sync::Arc;

use serde::Serialize;

/// A rule about instructions, links, topics or leaks hit at one place of a text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// The rule, e.g. `injection/ignore-instructions-de`.
    pub rule: Arc<str>,
    /// First byte, on a character border.
    pub start: usize,
    /// Byte after the last, on a character border.
    pub end: usize,
    /// How much the hit weighs, above 0 and at most 1.
    pub score: f32,
}

/// The joint score of several hits, each rule counted once: the chance that not all of them are
/// mistaken, if each score is the chance that its rule is right.
#[must_use]
pub fn joint_score(events: &[Event]) -> f32 {
    let mut best: Vec<&Event> = Vec::new();
    for event in events {
        match best.iter_mut().find(|one| one.rule == event.rule) {
            Some(one) if one.score >= event.score => {}
            Some(one) => *one = event,
            None => best.push(event),
        }
    }
    1.0 - best.iter().map(|event| 1.0 - event.score).product::<f32>()
}
