//! The path of headings above the current text.
//!
//! Joins what formats know (levels, font sizes) with what German legal headings say themselves:
//! a "§" stands below its "Kapitel" even where a format ran out of levels.

use crate::block::HeadingMark;
use crate::legal::{self, Division};
use crate::passage::PageBox;

/// Deepest path; beyond, the innermost heading replaces its predecessor.
const DEPTH_MAX: usize = 12;
/// Longest heading kept in a path, in characters; beyond, it is cut and marked by "…".
const HEADING_CHARS_MAX: usize = 300;
/// Font sizes that differ by less, in points, are the same size.
const SAME_SIZE_POINTS: f32 = 0.35;

/// Headings from the outermost to the innermost.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    entries: Vec<Entry>,
    /// Divisions from outer to inner as this document nests them.
    order: Vec<Division>,
}

#[derive(Debug)]
struct Entry {
    text: String,
    mark: HeadingMark,
    division: Option<Division>,
    decimal: Option<usize>,
    covered: bool,
    title: bool,
    boxes: Vec<PageBox>,
}

/// A heading that left the outline without any text below it.
#[derive(Debug, PartialEq)]
pub(crate) struct Uncovered {
    /// The headings above it.
    pub(crate) path: Vec<String>,
    /// Its own text.
    pub(crate) text: String,
    /// Where it stands.
    pub(crate) boxes: Vec<PageBox>,
}

impl Outline {
    /// Enters a heading; returns the headings it ends that no text followed.
    pub(crate) fn enter(
        &mut self,
        text: &str,
        mark: HeadingMark,
        title: bool,
    ) -> Option<Uncovered> {
        let mut entry = Entry {
            text: text.to_owned(),
            mark,
            division: legal::division_of(text),
            decimal: legal::decimal_depth(text),
            covered: false,
            title,
            boxes: Vec::new(),
        };
        let mut keep = self.entries.len();
        while keep > 0 && !self.is_below(&entry, &self.entries[keep - 1]) {
            keep -= 1;
        }
        keep = keep.min(DEPTH_MAX - 1);
        let uncovered = self.leave(keep);
        if entry.text.chars().count() > HEADING_CHARS_MAX {
            entry.text = entry.text.chars().take(HEADING_CHARS_MAX - 1).collect();
            entry.text.push('…');
        }
        self.learn(entry.division);
        self.entries.push(entry);
        uncovered
    }

    /// Ends all headings below the first `keep`.
    pub(crate) fn leave(&mut self, keep: usize) -> Option<Uncovered> {
        let last = self.entries.last()?;
        if keep == self.entries.len() {
            return None;
        }
        // The innermost heading alone can be uncovered: it carries those above it in its path.
        let uncovered = (!last.covered).then(|| {
            let text = last.text.clone();
            let mut path = self.path();
            path.pop();
            let boxes = last.boxes.clone();
            Uncovered { path, text, boxes }
        });
        if uncovered.is_some() {
            self.cover();
        }
        self.entries.truncate(keep);
        uncovered
    }

    /// Notes where the innermost heading stands.
    pub(crate) fn place(&mut self, boxes: Vec<PageBox>) {
        if let Some(last) = self.entries.last_mut() {
            last.boxes = boxes;
        }
    }

    /// Notes that a passage carries the current path.
    pub(crate) fn cover(&mut self) {
        for entry in &mut self.entries {
            entry.covered = true;
        }
    }

    /// The current path, outermost heading first.
    pub(crate) fn path(&self) -> Vec<String> {
        self.entries.iter().map(|entry| entry.text.clone()).collect()
    }

    fn is_below(&self, new: &Entry, old: &Entry) -> bool {
        if old.title {
            // The document's title stands above its own preface only.
            return false;
        }
        if let (Some(new_level), Some(old_level)) = (new.mark.level, old.mark.level)
            && new_level != old_level
        {
            return new_level > old_level;
        }
        match (new.division, old.division) {
            (Some(new_division), Some(old_division)) => {
                return self.division_below(new_division, old_division);
            }
            // Without levels and sizes, other headings stand below the provision they follow.
            (None, Some(_)) if new.mark.level.is_none() && new.mark.prominence.is_none() => {
                return true;
            }
            _ => {}
        }
        if let (Some(new_depth), Some(old_depth)) = (new.decimal, old.decimal)
            && new.mark.level.is_none()
        {
            return new_depth > old_depth;
        }
        match (new.mark.prominence, old.mark.prominence) {
            (Some(new_size), Some(old_size)) => new_size < old_size - SAME_SIZE_POINTS,
            _ => false,
        }
    }

    fn division_below(&self, new: Division, old: Division) -> bool {
        if new == old {
            return false;
        }
        if old == Division::Annex || new == Division::Section {
            return true;
        }
        if new == Division::Annex || old == Division::Section {
            return false;
        }
        let place = |division| self.order.iter().position(|known| *known == division);
        match (place(new), place(old)) {
            (Some(new_place), Some(old_place)) => new_place > old_place,
            // A first "Kapitel" stands below whatever it is found in.
            _ if new == Division::Kapitel => true,
            _ if old == Division::Kapitel => new > Division::Part,
            _ => new > old,
        }
    }

    /// Remembers where a division stood when it first appeared.
    fn learn(&mut self, division: Option<Division>) {
        let Some(division) = division else { return };
        if self.order.contains(&division) {
            return;
        }
        let innermost = self
            .entries
            .iter()
            .rev()
            .filter_map(|entry| entry.division)
            .find_map(|above| self.order.iter().position(|known| *known == above));
        let place = match innermost {
            Some(above) => above + 1,
            None => {
                self.order.iter().position(|known| *known > division).unwrap_or(self.order.len())
            }
        };
        self.order.insert(place, division);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(headings: &[(u8, &str)]) -> Vec<String> {
        let mut outline = Outline::default();
        headings
            .iter()
            .map(|(level, text)| {
                let mark = HeadingMark { level: (*level > 0).then_some(*level), prominence: None };
                outline.enter(text, mark, false);
                outline.path().join(" › ")
            })
            .collect()
    }

    #[test]
    fn sections_stand_below_chapters_of_the_same_level() {
        let paths = paths(&[
            (5, "Untertitel 1 - Vereine"),
            (6, "Kapitel 1 - Allgemeine Vorschriften"),
            (6, "§ 21 Verein"),
            (6, "§ 22 Verein"),
            (6, "Kapitel 2 - Eingetragene Vereine"),
            (6, "§ 55 Zuständigkeit"),
            (5, "Untertitel 2 - Stiftungen"),
        ]);
        insta::assert_snapshot!(paths.join("\n"), @r"
        Untertitel 1 - Vereine
        Untertitel 1 - Vereine › Kapitel 1 - Allgemeine Vorschriften
        Untertitel 1 - Vereine › Kapitel 1 - Allgemeine Vorschriften › § 21 Verein
        Untertitel 1 - Vereine › Kapitel 1 - Allgemeine Vorschriften › § 22 Verein
        Untertitel 1 - Vereine › Kapitel 2 - Eingetragene Vereine
        Untertitel 1 - Vereine › Kapitel 2 - Eingetragene Vereine › § 55 Zuständigkeit
        Untertitel 2 - Stiftungen
        ");
    }

    #[test]
    fn words_alone_give_the_order() {
        let paths = paths(&[
            (0, "Buch 1"),
            (0, "Abschnitt 1"),
            (0, "Titel 1"),
            (0, "Kapitel 1"),
            (0, "§ 1 Foo"),
            (0, "Titel 2"),
            (0, "§ 2 Foo"),
            (0, "Buch 2"),
            (0, "§ 3 Foo"),
            (0, "Anlage 1"),
        ]);
        insta::assert_snapshot!(paths.join("\n"), @r"
        Buch 1
        Buch 1 › Abschnitt 1
        Buch 1 › Abschnitt 1 › Titel 1
        Buch 1 › Abschnitt 1 › Titel 1 › Kapitel 1
        Buch 1 › Abschnitt 1 › Titel 1 › Kapitel 1 › § 1 Foo
        Buch 1 › Abschnitt 1 › Titel 2
        Buch 1 › Abschnitt 1 › Titel 2 › § 2 Foo
        Buch 2
        Buch 2 › § 3 Foo
        Anlage 1
        ");
    }

    #[test]
    fn only_headings_without_text_are_uncovered() {
        let mut outline = Outline::default();
        let mark = HeadingMark::default();
        assert_eq!(outline.enter("Abschnitt 1", mark, false), None);
        assert_eq!(outline.enter("§ 1 (weggefallen)", mark, false), None);
        let left = outline.enter("§ 2 Foo", mark, false);
        assert_eq!(
            left,
            Some(Uncovered {
                path: vec!["Abschnitt 1".to_owned()],
                text: "§ 1 (weggefallen)".to_owned(),
                boxes: Vec::new(),
            })
        );
        outline.cover();
        assert_eq!(outline.leave(0), None);
    }
}
