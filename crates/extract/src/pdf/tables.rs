//! Finds table rows among lines and puts the parts of each cell together.

use std::ops::Range;

use super::Line;
use super::hyphens::append_line;
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
            && edges.starts.iter().any(|edge| aligned(*edge, line.x0()))
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

/// Where cells of a table begin and end.
#[derive(Default)]
struct Edges {
    first: f32,
    starts: Vec<f32>,
    ends: Vec<f32>,
}

impl Edges {
    fn add(&mut self, line: &Line) {
        if self.starts.is_empty() {
            self.first = line.x0();
        }
        self.first = self.first.min(line.x0());
        for cell in &line.cells {
            if !self.starts.iter().any(|edge| aligned(*edge, cell.x0)) {
                self.starts.push(cell.x0);
            }
            if !self.ends.iter().any(|edge| aligned(*edge, cell.x1)) {
                self.ends.push(cell.x1);
            }
        }
    }

    /// True if most cells of the line begin or end where cells do.
    fn fit(&self, line: &Line) -> bool {
        let fitting = line
            .cells
            .iter()
            .filter(|cell| {
                self.starts.iter().any(|edge| aligned(*edge, cell.x0))
                    || self.ends.iter().any(|edge| aligned(*edge, cell.x1))
            })
            .count();
        fitting >= 2 && fitting * 3 >= line.cells.len() * 2
    }
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
