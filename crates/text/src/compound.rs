//! Takes German compounds apart.

/// Returns the parts of a folded compound; empty if it is none.
pub(crate) fn parts(_folded: &str) -> Vec<String> {
    Vec::new()
}
