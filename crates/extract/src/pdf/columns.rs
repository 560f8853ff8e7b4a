//! Reading order of a page: full-width bands and the columns between them.

use super::segments::Segment;

/// Columns inside columns beyond this depth are read as one.
const DEPTH_MAX: usize = 4;
/// Fewest lines in which columns are looked for.
const ROWS_MIN: usize = 6;
/// Resolution of the search for gutters, in points.
const BIN_POINTS: f32 = 2.0;
/// Widest page that is searched, in bins; wider ones are read as one column.
const BINS_MAX: usize = 4_000;
/// A gutter is at least this wide, in points.
const GUTTER_POINTS: f32 = 8.0;
/// Share of lines that may run across a gutter: titles, wide tables.
const CROSSING_MAX: f32 = 0.35;
/// A column takes at least this share of the width.
const COLUMN_SHARE_MIN: f32 = 0.15;

/// Segments that share a baseline, from left to right.
pub(crate) type Row = Vec<Segment>;

/// Hands the regions of a page to `emit` in reading order, each with its lines.
pub(crate) fn order(segments: Vec<Segment>, emit: &mut dyn FnMut(Vec<Row>)) {
    split(rows_of(segments), 0, emit);
}

fn split(rows: Vec<Row>, depth: usize, emit: &mut dyn FnMut(Vec<Row>)) {
    if rows.is_empty() {
        return;
    }
    let gutter = if depth < DEPTH_MAX { find_gutter(&rows) } else { None };
    let Some(gutter) = gutter else {
        emit(rows);
        return;
    };
    let mut band = Band::default();
    for row in rows {
        let crossing = crosses(&row, gutter);
        if crossing != band.crossing {
            std::mem::take(&mut band).read(gutter, depth, emit);
            band.crossing = crossing;
        }
        band.rows.push(row);
    }
    band.read(gutter, depth, emit);
}

/// Consecutive lines that either all cross the gutter or all leave it free.
#[derive(Default)]
struct Band {
    crossing: bool,
    rows: Vec<Row>,
}

impl Band {
    fn read(self, gutter: f32, depth: usize, emit: &mut dyn FnMut(Vec<Row>)) {
        if self.rows.is_empty() {
            return;
        }
        let sided = |left: bool| {
            self.rows
                .iter()
                .filter(|row| row.iter().any(|cell| (cell.x1 <= gutter) == left))
                .count()
        };
        // A single line with a gap in the right place is a line with a gap.
        if self.crossing || sided(true) < 2 || sided(false) < 2 {
            emit(self.rows);
            return;
        }
        let (mut left, mut right) = (Vec::new(), Vec::new());
        for row in self.rows {
            let (before, behind): (Row, Row) =
                row.into_iter().partition(|cell| (cell.x0 + cell.x1) / 2.0 < gutter);
            if !before.is_empty() {
                left.push(before);
            }
            if !behind.is_empty() {
                right.push(behind);
            }
        }
        split(left, depth + 1, emit);
        split(right, depth + 1, emit);
    }
}

/// Groups segments by baseline, top to bottom.
fn rows_of(mut segments: Vec<Segment>) -> Vec<Row> {
    segments.sort_by(|a, b| a.baseline.total_cmp(&b.baseline));
    let mut rows: Vec<Row> = Vec::new();
    for segment in segments {
        match rows.last_mut() {
            Some(row)
                if (segment.baseline - row[0].baseline).abs()
                    <= 0.25 * segment.size.min(row[0].size) =>
            {
                row.push(segment);
            }
            _ => rows.push(vec![segment]),
        }
    }
    for row in &mut rows {
        row.sort_by(|a, b| a.x0.total_cmp(&b.x0));
    }
    rows
}

fn crosses(row: &Row, gutter: f32) -> bool {
    row.iter().any(|cell| cell.x0 < gutter - 1.0 && cell.x1 > gutter + 1.0)
}

/// The middle of the gutter between two columns of text, if there is one.
fn find_gutter(rows: &[Row]) -> Option<f32> {
    if rows.len() < ROWS_MIN {
        return None;
    }
    let cells = || rows.iter().flatten();
    let left = cells().map(|cell| cell.x0).fold(f32::INFINITY, f32::min);
    let right = cells().map(|cell| cell.x1).fold(f32::NEG_INFINITY, f32::max);
    let bins = ((right - left) / BIN_POINTS).ceil();
    if !bins.is_finite() || bins < 10.0 || bins > BINS_MAX as f32 {
        return None;
    }
    let bins = bins as usize;
    let mut cover = vec![0_usize; bins];
    for cell in cells() {
        let first = ((cell.x0 - left) / BIN_POINTS) as usize;
        let last = (((cell.x1 - left) / BIN_POINTS) as usize).min(bins - 1);
        for bin in &mut cover[first.min(bins - 1)..=last] {
            *bin += 1;
        }
    }
    let margin = (bins as f32 * COLUMN_SHARE_MIN) as usize;
    let allowed = (rows.len() as f32 * CROSSING_MAX) as usize;
    free_runs(&cover[margin..bins - margin], allowed)
        .into_iter()
        .map(|(start, end)| left + (margin + start + margin + end) as f32 / 2.0 * BIN_POINTS)
        .filter_map(|gutter| score(rows, gutter, left, right).map(|score| (score, gutter)))
        .max_by(|a, b| a.0.cmp(&b.0))
        .map(|(_, gutter)| gutter)
}

/// Runs of bins that few lines cover, each narrowed to where it is emptiest.
fn free_runs(cover: &[usize], allowed: usize) -> Vec<(usize, usize)> {
    let mut runs = Vec::new();
    let mut start = 0;
    while start < cover.len() {
        if cover[start] > allowed {
            start += 1;
            continue;
        }
        let length = cover[start..].iter().take_while(|count| **count <= allowed).count();
        let run = &cover[start..start + length];
        if length as f32 * BIN_POINTS >= GUTTER_POINTS {
            let least = run.iter().copied().min().unwrap_or(0);
            let first = run.iter().position(|count| *count == least).unwrap_or(0);
            let emptiest = run[first..].iter().take_while(|count| **count == least).count();
            runs.push((start + first, start + first + emptiest));
        }
        start += length;
    }
    runs
}

/// How well a gutter parts the lines into two columns of running text; none if it does not.
fn score(rows: &[Row], gutter: f32, left: f32, right: f32) -> Option<usize> {
    let (mut before, mut behind) = (Side::default(), Side::default());
    let (mut both, mut crossing) = (0, 0);
    for row in rows {
        if crosses(row, gutter) {
            crossing += 1;
            continue;
        }
        let middle = row.partition_point(|cell| (cell.x0 + cell.x1) / 2.0 < gutter);
        before.note(&row[..middle]);
        behind.note(&row[middle..]);
        both += usize::from(middle > 0 && middle < row.len());
    }
    let fewest = before.rows.min(behind.rows);
    if fewest < 3 {
        return None;
    }
    let apart = both * 2 < fewest;
    let prose = before.is_prose(gutter - left) && behind.is_prose(right - gutter);
    let forms = apart && fewest >= 5 && before.median_chars() >= 8 && behind.median_chars() >= 8;
    (prose || forms).then(|| (before.rows + behind.rows).saturating_sub(crossing))
}

/// What stands on one side of a gutter.
#[derive(Default)]
struct Side {
    rows: usize,
    chars: Vec<usize>,
    widths: Vec<f32>,
    lowercase: usize,
}

impl Side {
    fn note(&mut self, cells: &[Segment]) {
        let (Some(first), Some(last)) = (cells.first(), cells.last()) else {
            return;
        };
        self.rows += 1;
        self.chars.push(cells.iter().map(|cell| cell.text.chars().count()).sum());
        self.widths.push(last.x1 - first.x0);
        self.lowercase += usize::from(first.text.starts_with(char::is_lowercase));
    }

    /// Running text fills its column and often begins a line with a small letter; cells do not.
    fn is_prose(&self, width: f32) -> bool {
        let filling = self.widths.iter().filter(|w| **w > 0.7 * width).count();
        let fills = filling * 2 >= self.rows;
        let goes_on = self.lowercase * 6 >= self.rows;
        let chars = self.median_chars();
        chars >= 25 && fills || chars >= 14 && goes_on
    }

    fn median_chars(&self) -> usize {
        let mut chars = self.chars.clone();
        chars.sort_unstable();
        chars.get(chars.len() / 2).copied().unwrap_or(0)
    }
}
