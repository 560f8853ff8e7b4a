//! Settles overlapping candidates: the surest find keeps its kind, and nothing that any rule found
//! is left outside. Knows positions and scores only.

use crate::finding::Finding;

/// Ordered findings without overlaps. Where candidates overlap, the surest one (then the longest)
/// names the kind; if another one sticks out of it, the find grows over both, because a rest of
/// personal data must not stay in a masked text.
pub fn settle(mut candidates: Vec<Finding>) -> Vec<Finding> {
    candidates.sort_by_key(|one| (one.start, one.end));
    let mut settled: Vec<Finding> = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        match settled.last_mut() {
            Some(last) if candidate.start < last.end => merge(last, candidate),
            _ => settled.push(candidate),
        }
    }
    settled
}

fn merge(last: &mut Finding, candidate: Finding) {
    let start = last.start.min(candidate.start);
    let end = last.end.max(candidate.end);
    let strength = |one: &Finding| (one.score, one.end - one.start);
    if strength(&candidate) > strength(last) {
        *last = candidate;
    }
    last.start = start;
    last.end = end;
}
