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
pub(super) fn merge(text: &str, rank: impl Fn(&str, &str) -> Option<f32>) -> Vec<&str> {
    let starts = text.char_indices().map(|(start, letter)| (start, start + letter.len_utf8()));
    let merged =
        run(starts, |one, other| rank(&text[one.start..one.end], &text[other.start..other.end]));
    merged.iter().map(|piece| &text[piece.start..piece.end]).collect()
}

/// Merges the bytes of a word in the same way, by the rank of what they become, and says how many
/// pieces are left.
pub(crate) fn count_merged(word: &[u8], rank: impl Fn(&[u8]) -> Option<f32>) -> usize {
    let bytes = (0..word.len()).map(|start| (start, start + 1));
    run(bytes, |one, other| rank(&word[one.start..other.end])).len()
}

fn run(
    parts: impl Iterator<Item = (usize, usize)>,
    rank: impl Fn(&Piece, &Piece) -> Option<f32>,
) -> Vec<Piece> {
    let numbered = parts.enumerate().map(|(index, (start, end))| {
        let before = index.checked_sub(1).unwrap_or(NONE);
        Piece { start, end, before, after: index + 1 }
    });
    let mut pieces: Vec<Piece> = numbered.collect();
    if let Some(last) = pieces.last_mut() {
        last.after = NONE;
    }
    let find = |pieces: &[Piece], left: usize, right: usize| -> Option<Pair> {
        let (one, other) = (pieces.get(left)?, pieces.get(right)?);
        Some(Pair { rank: rank(one, other)?, left, right, end: other.end })
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
    pieces.retain(|piece| piece.start < piece.end);
    pieces
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
