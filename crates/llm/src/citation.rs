//! Takes citation marks that match no source out of an answer, while it streams.

mod mark;
mod markdown;

use std::collections::BTreeSet;

use mark::{Found, Item, Mark};
use markdown::Context;

/// Removes marks such as `[7]`, `[2, 7]` or `[Quelle 7]` whose number belongs to no source, and
/// remembers the ones that do. Other brackets, Markdown links and code stay as they are.
///
/// However the text is cut into pieces, the result is the same. Only a possible mark is held back,
/// at most [`CitationFilter::HELD_BYTES_MAX`] bytes.
#[derive(Debug)]
pub struct CitationFilter {
    known: BTreeSet<u32>,
    held: String,
    context: Context,
    cited: Vec<u32>,
    removed: u32,
    renumbers: bool,
}

impl CitationFilter {
    /// Most bytes that wait for the next piece; a longer bracket is no citation mark and passes.
    pub const HELD_BYTES_MAX: usize = 256;

    /// Knows the numbers of the given sources.
    #[must_use]
    pub fn new(known: impl IntoIterator<Item = u32>) -> Self {
        Self {
            known: known.into_iter().collect(),
            held: String::new(),
            context: Context::default(),
            cited: Vec::new(),
            removed: 0,
            renumbers: false,
        }
    }

    /// Knows the numbers of the given sources, and lets marks count from 1 in the order in which
    /// sources appear: whoever reads misses no number. [`CitationFilter::cited`] goes on naming the
    /// sources by their own numbers, in just that order.
    #[must_use]
    pub fn renumbering(known: impl IntoIterator<Item = u32>) -> Self {
        Self { renumbers: true, ..Self::new(known) }
    }

    /// Takes the next piece of the answer and returns what may be shown.
    pub fn push(&mut self, piece: &str) -> String {
        self.held.push_str(piece);
        self.drain(false)
    }

    /// Ends the answer and returns the rest.
    pub fn finish(&mut self) -> String {
        self.drain(true)
    }

    /// Whether a possible mark is held back.
    #[must_use]
    pub fn holds(&self) -> bool {
        !self.held.is_empty()
    }

    /// The numbers cited so far that belong to a source, each once, in order of appearance.
    #[must_use]
    pub fn cited(&self) -> &[u32] {
        &self.cited
    }

    /// How many numbers were removed so far.
    #[must_use]
    pub fn removed(&self) -> u32 {
        self.removed
    }

    fn drain(&mut self, is_end: bool) -> String {
        let held = std::mem::take(&mut self.held);
        let mut shown = String::with_capacity(held.len());
        let mut rest = held.as_str();
        while let Some(c) = rest.chars().next() {
            let space = usize::from(c == ' ');
            let found = if self.context.allows_mark_after(&rest[..space]) {
                mark::find(&rest[space..], self.context.at_line_start(), is_end)
            } else {
                Found::No
            };
            match found {
                Found::Undecided => break,
                Found::No => {
                    self.context.advance(c);
                    shown.push(c);
                    rest = &rest[c.len_utf8()..];
                }
                Found::Mark(mark) => {
                    let after = &rest[space + mark.length..];
                    self.show(&mark, &rest[..space], after, &mut shown);
                    rest = after;
                }
            }
        }
        self.held = rest.to_owned();
        shown
    }

    /// How an item of a mark is shown, its number being one of `cited`.
    fn item_text(&self, item: &Item<'_>) -> String {
        if !self.renumbers {
            return item.text.to_owned();
        }
        let place = self.cited.iter().position(|number| *number == item.number).unwrap_or_default();
        let words = item.text.trim_end_matches(|c: char| c.is_ascii_digit());
        format!("{words}{}", place + 1)
    }

    /// Writes what stays of a mark, and the space before it unless nothing stays.
    fn show(&mut self, mark: &Mark<'_>, space: &str, after: &str, shown: &mut String) {
        let (kept, removed): (Vec<_>, Vec<_>) =
            mark.items.iter().partition(|item| self.known.contains(&item.number));
        self.removed =
            self.removed.saturating_add(u32::try_from(removed.len()).unwrap_or(u32::MAX));
        for item in &kept {
            if !self.cited.contains(&item.number) {
                self.cited.push(item.number);
            }
        }
        if kept.is_empty() {
            let closes_up = after.chars().next().is_none_or(|c| !(c.is_alphanumeric() || c == '['));
            if !closes_up {
                shown.push_str(space);
            }
        } else {
            shown.push_str(space);
            let texts: Vec<String> = kept.iter().map(|item| self.item_text(item)).collect();
            let is_unchanged = kept.iter().zip(&texts).all(|(item, text)| item.text == text);
            if removed.is_empty() && is_unchanged {
                shown.push_str(mark.text);
            } else {
                shown.push('[');
                shown.push_str(&texts.join(", "));
                shown.push(']');
            }
        }
        self.context.pass_mark();
    }
}
