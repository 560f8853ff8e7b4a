//! Where terms occur, through all segments, within what may be read.

use tantivy::{
    DocSet, TERMINATED, Term,
    postings::{Postings, SegmentPostings},
    schema::{Field, IndexRecordOption},
};

use crate::{error::Error, rank::Scope};

/// Calls `found` with the number of each readable passage that holds the term, and how often.
pub(crate) fn each_passage(
    scope: &Scope<'_>,
    field: Field,
    term: &str,
    found: &mut dyn FnMut(u32, u32),
) -> Result<(), Error> {
    let term = Term::from_field_text(field, term);
    let snapshot = scope.snapshot();
    for (segment, &base) in snapshot.searcher.segment_readers().iter().zip(&snapshot.bases) {
        let index = segment.inverted_index(field)?;
        let Some(mut postings) = index.read_postings(&term, IndexRecordOption::WithFreqs)? else {
            continue;
        };
        let mut passage = postings.doc();
        while passage != TERMINATED {
            if scope.holds(base + passage) {
                found(base + passage, postings.term_freq());
            }
            passage = postings.advance();
        }
    }
    Ok(())
}

/// Says in how many passages a term occurs at most, readable or not, without walking over them.
pub(crate) fn passages_at_most(scope: &Scope<'_>, field: Field, term: &str) -> Result<u64, Error> {
    Ok(scope.snapshot().searcher.doc_freq(&Term::from_field_text(field, term))?)
}

/// Calls `found` with each readable passage in which the words follow each other, and how often.
/// `gap` is how many words may stand between two of them.
pub(crate) fn each_sequence(
    scope: &Scope<'_>,
    words: &[String],
    gap: u32,
    found: &mut dyn FnMut(u32, u32),
) -> Result<(), Error> {
    let snapshot = scope.snapshot();
    let field = snapshot.fields.body;
    for (segment, &base) in snapshot.searcher.segment_readers().iter().zip(&snapshot.bases) {
        let index = segment.inverted_index(field)?;
        let mut lists = Vec::with_capacity(words.len());
        for word in words {
            let term = Term::from_field_text(field, word);
            lists.extend(index.read_postings(&term, IndexRecordOption::WithFreqsAndPositions)?);
        }
        if lists.len() < words.len() {
            continue;
        }
        let mut positions = vec![Vec::new(); lists.len()];
        while let Some(passage) = next_common(&mut lists) {
            if scope.holds(base + passage) {
                for (list, positions) in lists.iter_mut().zip(&mut positions) {
                    list.positions(positions);
                }
                let times = sequences(&positions, gap);
                if times > 0 {
                    found(base + passage, times);
                }
            }
            lists[0].advance();
        }
    }
    Ok(())
}

/// Moves all lists to the next passage they share.
fn next_common(lists: &mut [SegmentPostings]) -> Option<u32> {
    let mut target = lists[0].doc();
    loop {
        if target == TERMINATED {
            return None;
        }
        let mut agreed = true;
        for list in lists.iter_mut() {
            if list.doc() < target {
                list.seek(target);
            }
            if list.doc() > target {
                target = list.doc();
                agreed = false;
                break;
            }
        }
        if agreed {
            return Some(target);
        }
    }
}

/// Counts the places of the first word from which each next word follows within the gap.
fn sequences(positions: &[Vec<u32>], gap: u32) -> u32 {
    let follows = |&first: &u32| {
        let mut at = first;
        positions[1..].iter().all(|next| {
            let after = next.partition_point(|&position| position <= at);
            let near = next.get(after).is_some_and(|&position| position <= at + 1 + gap);
            if near {
                at = next[after];
            }
            near
        })
    };
    positions[0].iter().filter(|first| follows(first)).count() as u32
}

#[cfg(test)]
mod tests {
    use super::sequences;

    #[test]
    fn words_follow_each_other_within_the_gap() {
        assert_eq!(sequences(&[vec![1, 7], vec![2, 9]], 0), 1);
        assert_eq!(sequences(&[vec![1, 7], vec![2, 9]], 1), 2);
        assert_eq!(sequences(&[vec![5], vec![4]], 3), 0);
        assert_eq!(sequences(&[vec![1], vec![2], vec![3]], 0), 1);
    }
}
