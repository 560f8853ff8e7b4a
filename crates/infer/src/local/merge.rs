//! Merging neighbours, the best pair first: what byte-pair encoding and SentencePiece have in common.

use std::{cmp::Ordering, collections::BinaryHeap};

/// A piece of the text, and its neighbours. An empty one was merged into the one before it.
#[derive(Clone, Copy)]
struct Piece {
    start: usize,
    end: usize,
    before: usize,
    after: usize,
}

/// Two neighbours that may be merged.
struct Pair {
    rank: f32,
    left: usize,
    right: usize,
    /// Their end when the pair was found; another one now means that the pair is no more.
    end: usize,
}

const NONE: usize = usize::MAX;

/// Merges the characters of `text` as long as `rank` has one for two neighbours: the lowest first,
/// then the leftmost. Takes time in proportion to n log n.
pub(super) fn merge<'t>(text: &'t str, rank: impl Fn(&str, &str) -> Option<f32>) -> Vec<&'t str> {
    let mut pieces: Vec<Piece> = Vec::with_capacity(text.len());
    for (index, (start, letter)) in text.char_indices().enumerate() {
        let before = index.checked_sub(1).unwrap_or(NONE);
        pieces.push(Piece { start, end: start + letter.len_utf8(), before, after: index + 1 });
    }
    if let Some(last) = pieces.last_mut() {
        last.after = NONE;
    }
    let find = |pieces: &[Piece], left: usize, right: usize| -> Option<Pair> {
        let (one, other) = (pieces.get(left)?, pieces.get(right)?);
        let rank = rank(&text[one.start..one.end], &text[other.start..other.end])?;
        Some(Pair { rank, left, right, end: other.end })
    };
    let mut pairs: BinaryHeap<Pair> =
        (1..pieces.len()).filter_map(|right| find(&pieces, right - 1, right)).collect();
    while let Some(pair) = pairs.pop() {
        let (left, right) = (pieces[pair.left], pieces[pair.right]);
        let is_known = left.start < left.end && right.start < right.end;
        if !is_known || left.after != pair.right || right.end != pair.end {
            continue;
        }
        pieces[pair.left] = Piece { end: right.end, after: right.after, ..left };
        pieces[pair.right].end = right.start;
        if let Some(next) = pieces.get_mut(right.after) {
            next.before = pair.left;
        }
        pairs.extend(find(&pieces, left.before, pair.left));
        pairs.extend(find(&pieces, pair.left, right.after));
    }
    let left = pieces.iter().filter(|piece| piece.start < piece.end);
    left.map(|piece| &text[piece.start..piece.end]).collect()
}

impl Ord for Pair {
    /// The greatest comes first out of the heap.
    fn cmp(&self, other: &Self) -> Ordering {
        other.rank.total_cmp(&self.rank).then(other.left.cmp(&self.left))
    }
}

impl PartialOrd for Pair {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Pair {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Pair {}
