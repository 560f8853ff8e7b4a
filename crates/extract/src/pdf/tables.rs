//! Finds table rows among lines and puts the parts of each cell together.

use std::ops::Range;

use super::Line;
use super::hyphens::{append_line, ends_in_hyphen};
use super::segments::Segment;
use crate::clean::clean;
use crate::legal;
use crate::passage::PageBox;

/// Edges that differ by less, in points, are aligned.
const ALIGNED_POINTS: f32 = 3.5;
/// Lines with one cell that may stand between two lines of a table.
const WRAPPED_LINES_MAX: usize = 3;
/// Lines of one row are closer than this many font sizes.
const ROW_LEADING: f32 = 1.35;

/// One row: its cells, and the boxes of its lines.
#[derive(Debug)]
pub(crate) struct TableRow {
    pub(crate) cells: Vec<String>,
    pub(crate) boxes: Vec<PageBox>,
}

/// Joins list marks with the text they mark, so that lists do not look like tables.
pub(crate) fn join_marks(line: &mut Line) {
    while line.cells.len() >= 2 {
        let first = &line.cells[0];
        let second = &line.cells[1];
        let marked = format!("{} x", first.text);
        let section = first.text.starts_with('§') && first.text.chars().count() <= 8;
        let near = second.x0 - first.x1 < 4.0 * first.size;
        if !(near && (section || legal::list_mark(&marked).is_some())) {
            return;
        }
        let first = line.cells.remove(0);
        let second = &mut line.cells[0];
        second.text = format!("{} {}", first.text, second.text);
        second.x0 = first.x0;
    }
}

/// Joins the words of a line that was stretched to both edges of its column.
///
/// In narrow columns the spaces of such a line are as wide as the gaps of a table, but all equal.
pub(crate) fn join_stretched(line: &mut Line) {
    let gaps: Vec<f32> = line.cells.windows(2).map(|pair| pair[1].x0 - pair[0].x1).collect();
    let Some(least) = gaps.iter().copied().reduce(f32::min) else {
        return;
    };
    let most = gaps.iter().copied().fold(least, f32::max);
    let single_words = line.cells.iter().all(|cell| !cell.text.contains(' '));
    let at_edge = line.right - line.x1() < 2.0;
    let goes_on = line.cells.first().is_some_and(|cell| cell.text.starts_with(char::is_lowercase))
        || line.cells.last().is_some_and(|cell| ends_in_hyphen(&cell.text));
    if !(at_edge && single_words && most - least < 1.2 && (gaps.len() >= 2 || goes_on)) {
        return;
    }
    let text = line.text();
    let x1 = line.x1();
    line.cells.truncate(1);
    if let Some(cell) = line.cells.first_mut() {
        cell.text = text;
        cell.x1 = x1;
    }
}

/// Ranges of lines that form tables.
pub(crate) fn find(lines: &[Line]) -> Vec<Range<usize>> {
    let mut tables = Vec::new();
    let mut start = 0;
    while start < lines.len() {
        match table_at(lines, start) {
            Some(end) => {
                tables.push(start..end);
                start = end;
            }
            None => start += 1,
        }
    }
    tables
}

/// The end of the table that begins with this line.
fn table_at(lines: &[Line], start: usize) -> Option<usize> {
    let head = &lines[start];
    if head.cells.len() < 2 {
        return None;
    }
    let mut edges = Edges::default();
    edges.add(head);
    let (mut end, mut full, mut wrapped) = (start + 1, 1, 0);
    for (index, line) in lines.iter().enumerate().skip(start + 1) {
        if line.page != head.page || line.column != head.column {
            break;
        }
        if line.cells.len() >= 2 && edges.fit(line) {
            edges.add(line);
            full += 1;
            wrapped = 0;
            end = index + 1;
        } else if line.cells.len() == 1
            && wrapped < WRAPPED_LINES_MAX
            && is_near(&lines[index - 1], line)
            && edges.hold(line)
        {
            wrapped += 1;
            // Behind the last full line, only what hangs below a later cell belongs to it.
            if !aligned(edges.first, line.x0()) {
                end = index + 1;
            }
        } else {
            break;
        }
    }
    (full >= 2).then_some(end)
}

/// Where cells of a table begin and end. The outer edges say nothing: running text has them too.
#[derive(Default)]
struct Edges {
    first: f32,
    /// Where cells behind the first begin.
    starts: Vec<f32>,
    /// Where cells end that are narrower than a line of text.
    ends: Vec<f32>,
}

impl Edges {
    fn add(&mut self, line: &Line) {
        if self.starts.is_empty() {
            self.first = line.x0();
        }
        self.first = self.first.min(line.x0());
        for (index, cell) in line.cells.iter().enumerate() {
            if index > 0 && !self.starts.iter().any(|edge| aligned(*edge, cell.x0)) {
                self.starts.push(cell.x0);
            }
            if is_narrow(cell, line) && !self.ends.iter().any(|edge| aligned(*edge, cell.x1)) {
                self.ends.push(cell.x1);
            }
        }
    }

    /// True if most cells behind the first begin or end where cells do.
    fn fit(&self, line: &Line) -> bool {
        let inner = line.cells.len() - 1;
        let fitting = line
            .cells
            .iter()
            .skip(1)
            .filter(|cell| {
                self.starts.iter().any(|edge| aligned(*edge, cell.x0))
                    || is_narrow(cell, line) && self.ends.iter().any(|edge| aligned(*edge, cell.x1))
            })
            .count();
        fitting >= 1 && fitting * 2 >= inner
    }

    /// Parts a segment that runs over the beginning of a cell with no more than a space between.
    fn part(&self, cell: Segment) -> Vec<Segment> {
        let mut parts = Vec::new();
        let mut rest = cell;
        while let Some(found) = rest
            .breaks
            .iter()
            .find(|space| self.starts.iter().any(|edge| (space.x1 - edge).abs() < 1.5))
            .copied()
        {
            let (left, right) = rest.split(&found);
            parts.push(left);
            rest = right;
        }
        parts.push(rest);
        parts
    }

    /// True if a line with one cell can be the next line of a cell: it starts where cells do
    /// and does not run into the cell beside it.
    fn hold(&self, line: &Line) -> bool {
        let starts = || self.starts.iter().chain([&self.first]);
        starts().any(|edge| aligned(*edge, line.x0()))
            && !starts().any(|edge| line.x0() + ALIGNED_POINTS < *edge && *edge < line.x1() - 1.0)
    }
}

fn is_narrow(cell: &Segment, line: &Line) -> bool {
    cell.x1 - cell.x0 < 0.4 * (line.x1() - line.x0())
}

fn aligned(a: f32, b: f32) -> bool {
    (a - b).abs() <= ALIGNED_POINTS
}

fn is_near(above: &Line, below: &Line) -> bool {
    let gap = below.baseline() - above.baseline();
    gap > 0.0 && gap <= ROW_LEADING * above.size().max(below.size())
}

/// Puts the lines of a table together to rows.
pub(crate) fn rows(lines: &[Line]) -> Vec<TableRow> {
    let mut edges = Edges::default();
    lines.iter().filter(|line| line.cells.len() >= 2).for_each(|line| edges.add(line));
    let mut lines = lines.to_vec();
    for line in &mut lines {
        line.cells =
            std::mem::take(&mut line.cells).into_iter().flat_map(|cell| edges.part(cell)).collect();
    }
    let first = lines.iter().map(Line::x0).fold(f32::INFINITY, f32::min);
    let mut rows: Vec<Open> = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let goes_on = index > 0 && is_near(&lines[index - 1], line) && !aligned(first, line.x0());
        match rows.last_mut() {
            Some(row) if goes_on => row.add(line),
            _ => rows.push(Open::of(line)),
        }
    }
    rows.into_iter().map(Open::close).collect()
}

/// A row whose cells may go on in the next line.
struct Open {
    cells: Vec<(f32, f32, String)>,
    boxes: Vec<PageBox>,
}

impl Open {
    fn of(line: &Line) -> Self {
        let mut row = Self { cells: Vec::new(), boxes: Vec::new() };
        row.add(line);
        row
    }

    fn add(&mut self, line: &Line) {
        self.boxes.push(line.area);
        for cell in &line.cells {
            self.add_cell(cell);
        }
    }

    fn add_cell(&mut self, cell: &Segment) {
        let text = clean(&cell.text);
        let above = self.cells.iter_mut().find(|(x0, x1, _)| cell.x0 < *x1 && *x0 < cell.x1);
        match above {
            Some((x0, x1, words)) => {
                append_line(words, &text);
                (*x0, *x1) = (x0.min(cell.x0), x1.max(cell.x1));
            }
            None => {
                let place = self.cells.partition_point(|(x0, _, _)| *x0 < cell.x0);
                self.cells.insert(place, (cell.x0, cell.x1, text));
            }
        }
    }

    fn close(self) -> TableRow {
        TableRow {
            cells: self
                .cells
                .into_iter()
                .map(|(_, _, text)| text)
                .filter(|text| !text.is_empty())
                .collect(),
            boxes: self.boxes,
        }
    }
}
