//! Short round and square brackets: a full stop inside one does not end the sentence around it.

use std::ops::Range;

/// Longest bracket that shields its full stops, in bytes; beyond: sentences inside end as they do outside.
const PAIR_BYTES_MAX: usize = 400;
/// Deepest nesting that is followed; beyond: the outermost open brackets are forgotten.
const DEPTH_MAX: usize = 8;

/// The outermost bracket pairs of at most [`PAIR_BYTES_MAX`] bytes, in order and disjoint.
pub(super) fn short_pairs(text: &str) -> Vec<Range<usize>> {
    let mut pairs: Vec<Range<usize>> = Vec::new();
    let mut open: Vec<(usize, u8)> = Vec::new();
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' | b'[' => {
                if open.len() == DEPTH_MAX {
                    open.remove(0);
                }
                open.push((at, byte));
            }
            b')' | b']' => {
                let opener = if byte == b')' { b'(' } else { b'[' };
                let matching = open.pop_if(|(_, sign)| *sign == opener);
                if let Some((start, _)) = matching.filter(|(start, _)| at - start <= PAIR_BYTES_MAX)
                {
                    pairs.truncate(pairs.partition_point(|inner| inner.start < start));
                    pairs.push(start..at + 1);
                }
            }
            _ => {}
        }
    }
    pairs
}
