//! Which part of each heading path stands above a group of quotes.

/// What joins the parts of a heading path.
const SEPARATOR: &str = " › ";
/// Deepest level of headings that is looked at; deeper parts are left out.
const LEVELS_MAX: usize = 8;

/// A label for each heading path: all cut to the same number of parts, as many as leave at least two quotes to a group on
/// average. Empty labels where one group would hold everything.
pub(super) fn labels<'a>(headings: &[&'a str]) -> Vec<&'a str> {
    let mut best: Vec<&str> = vec![""; headings.len()];
    for level in 1..=LEVELS_MAX {
        let labels: Vec<&str> =
            headings.iter().map(|heading| first_parts(heading, level)).collect();
        let groups = labels.chunk_by(|left, right| left == right).count();
        let fits = groups * 2 <= headings.len() + 1;
        if groups > 1 && (fits || best.iter().all(|label| label.is_empty())) {
            best = labels;
        }
        if !fits {
            break;
        }
    }
    best
}

fn first_parts(heading: &str, level: usize) -> &str {
    heading.match_indices(SEPARATOR).nth(level - 1).map_or(heading, |(at, _)| &heading[..at])
}
