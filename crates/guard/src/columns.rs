//! Tables: the label of a cell stands in the line above it, or in the head of its column. Knows cells
//! that are parted by `|`, `;`, tabs, wide gaps or, in lists of values, commas, and the names in them.

use std::ops::Range;

use crate::name_parts::Parts;
use crate::names::{Name, comma_first};
use crate::scanner::Page;
use crate::tokens::Shape;
use crate::vocabulary::{CONTEXTS, DETERMINER, Flags, NAME_LABEL, PASSWORD, PIN};

/// Cells of a line at most; later ones are not read.
const CELLS_MAX: usize = 64;
/// Words of a label at most: `Name des Kindes`.
const LABEL_TOKENS_MAX: usize = 4;
/// Labels that also are small words or headings of other things.
const VAGUE: [&str; 6] = ["von", "an", "cc", "betreff", "auskunft", "leitung"];

/// Two blanks or a tab: the next column begins.
pub fn is_wide(gap: &str) -> bool {
    gap.contains('\t') || gap.contains("  ")
}

/// `Nachname⏎Pfannenstiel`: a line that is a label, then a line that is a name.
pub fn under_label(page: &Page<'_>, index: usize) -> Option<Name> {
    let is_line = |at: usize| page.tokens.get(at).is_none_or(|token| token.shape == Shape::Line);
    let is_alone = (index == 0 || is_line(index - 1)) && is_line(index + 1);
    let label = &page.tokens[index];
    if !is_alone || !label.is(NAME_LABEL) {
        return None;
    }
    let cell = index + 2..(index + 2..page.tokens.len()).find(|at| is_line(*at))?;
    let name = name_in(page, &cell)?;
    let is_certain = page.word(label).to_lowercase().contains("name");
    (is_certain || name.score > 0.7).then_some(name)
}

/// A cell under a head that says what the column holds.
#[derive(Debug, Clone)]
pub struct Cell {
    pub tokens: Range<usize>,
    /// What its head says.
    pub label: Flags,
}

/// The words that make a head.
const LABELS: Flags = NAME_LABEL | PASSWORD | PIN | CONTEXTS;

/// The cells of all columns whose heads say what they hold, in order.
pub fn cells(page: &Page<'_>) -> Vec<Cell> {
    let mut found = Vec::new();
    let mut head: Option<Head> = None;
    for line in lines(page) {
        if let Some(above) = &head
            && let Some(cells) = above.separator.cells(page, &line)
            && cells.len() == above.width
        {
            let cell =
                |(at, label): &(usize, Flags)| Cell { tokens: cells[*at].clone(), label: *label };
            found.extend(above.labels.iter().map(cell).filter(|cell| !cell.tokens.is_empty()));
            continue;
        }
        let may_be_head = line.clone().any(|at| begins_with_label(page, &line, at));
        head = if may_be_head { Head::read(page, &line) } else { None };
    }
    found
}

/// Notes the names in columns whose head says that they hold names.
pub fn find(page: &Page<'_>, names: &mut Vec<Name>) {
    let cells = page.cells.iter().filter(|cell| cell.label & NAME_LABEL != 0);
    let mut found: Vec<Name> = cells.filter_map(|cell| name_in(page, &cell.tokens)).collect();
    // A label and a name in one line are found elsewhere too; one find is enough.
    found.retain(|one| {
        !names.iter().any(|other| one.first <= other.last && other.first <= one.last)
    });
    if !found.is_empty() {
        names.extend(found);
        names.sort_by_key(|one| one.first);
    }
}

/// A cell may begin here, and with a label: cheap to see, where reading the cells is dear.
fn begins_with_label(page: &Page<'_>, line: &Range<usize>, at: usize) -> bool {
    page.tokens[at].is(LABELS)
        && (at == line.start
            || matches!(page.tokens[at - 1].shape, Shape::Mark(_))
            || is_wide(page.gap(at - 1)))
}

/// The lines of a page, as tokens; empty ones too.
pub fn lines(page: &Page<'_>) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = page.tokens.get(start..).filter(|rest| !rest.is_empty())?;
        let length = rest.iter().take_while(|token| token.shape != Shape::Line).count();
        let line = start..start + length;
        start = line.end + 1;
        Some(line)
    })
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Separator {
    Mark(char),
    Tab,
    Gap,
}

/// The first line of a table.
struct Head {
    separator: Separator,
    width: usize,
    /// Columns of which it says what they hold.
    labels: Vec<(usize, Flags)>,
}

impl Head {
    fn read(page: &Page<'_>, line: &Range<usize>) -> Option<Self> {
        let separators = [
            Separator::Mark('|'),
            Separator::Mark(';'),
            Separator::Tab,
            Separator::Gap,
            Separator::Mark(','),
        ];
        separators.iter().find_map(|separator| {
            let cells = separator.cells(page, line)?;
            let is_short = cells.iter().all(|cell| cell.len() <= LABEL_TOKENS_MAX);
            let labels: Vec<(usize, Flags)> = (0..cells.len())
                .map(|at| (at, label(page, &cells[at])))
                .filter(|(_, label)| *label != 0)
                .collect();
            // Commas stand in prose too, and there only names are told from it.
            let is_prose = *separator == Separator::Mark(',')
                && labels.iter().all(|(_, label)| label & NAME_LABEL == 0);
            let is_head = is_short && !labels.is_empty() && cells.len() > 1 && !is_prose;
            is_head.then_some(Self { separator: *separator, width: cells.len(), labels })
        })
    }
}

/// What a cell says of those below it.
fn label(page: &Page<'_>, cell: &Range<usize>) -> Flags {
    let tokens = &page.tokens[cell.clone()];
    if tokens.iter().any(|token| token.is_mark(':')) {
        return 0;
    }
    let all = tokens.iter().fold(0, |flags, token| flags | token.flags);
    let first = tokens.iter().find(|token| token.is_word());
    let is_name = first.is_some_and(|token| {
        token.is(NAME_LABEL) && !VAGUE.contains(&page.word(token).to_lowercase().as_str())
    });
    all & LABELS & !NAME_LABEL | if is_name { NAME_LABEL } else { 0 }
}

impl Separator {
    /// The cells of a line; `None` if nothing parts it.
    fn cells(self, page: &Page<'_>, line: &Range<usize>) -> Option<Vec<Range<usize>>> {
        let mut cells = Vec::new();
        let mut start = line.start;
        if self == Self::Tab && line.start > 0 {
            cells.extend(std::iter::repeat_n(start..start, tabs(page, line.start - 1)));
        }
        for at in line.clone() {
            let borders = match self {
                Self::Mark(mark) => usize::from(page.tokens[at].is_mark(mark)),
                Self::Tab => tabs(page, at),
                Self::Gap => usize::from(at + 1 < line.end && is_wide(page.gap(at))),
            };
            // A mark is a border itself; a gap stands behind its token.
            let end = if matches!(self, Self::Mark(_)) { at } else { at + 1 };
            for _ in 0..borders.min(CELLS_MAX) {
                cells.push(start.min(end)..end);
                start = at + 1;
            }
            if cells.len() >= CELLS_MAX {
                break;
            }
        }
        cells.push(start.min(line.end)..line.end);
        (cells.len() > 1).then_some(cells)
    }
}

/// Tabs behind a token: one ends a cell, each further one is an empty cell.
fn tabs(page: &Page<'_>, at: usize) -> usize {
    page.gap(at).bytes().filter(|byte| *byte == b'\t').count()
}

/// The name that a cell is, if it is nothing but a name.
fn name_in(page: &Page<'_>, cell: &Range<usize>) -> Option<Name> {
    let is_quote = |at: &usize| matches!(page.tokens[*at].shape, Shape::Mark('"' | '\'' | '*'));
    let start = cell.start + cell.clone().take_while(is_quote).count();
    let end = cell.end - cell.clone().rev().take_while(is_quote).count();
    let parts = (start < end).then(|| Parts::read(page, start))??;
    let count = (1..=parts.len()).take_while(|count| parts.end_of(*count) < end).last()?;
    let mut last = parts.end_of(count);
    if let Some(behind) = comma_first(page, last).filter(|behind| *behind < end) {
        last = behind;
    }
    let is_other = page.tokens[start].is(DETERMINER)
        || (0..count)
            .any(|part| parts.is_noun(part) && !parts.is_first(part) && !parts.is_last(part));
    let score = if parts.is_known() { 0.8 } else { 0.6 };
    (last + 1 == end && !is_other).then_some(Name {
        first: start,
        last,
        score,
        rule: "name-column",
    })
}
