//! Lines to blocks: paragraphs, list items, headings, table rows.

use super::hyphens::{append_line, ends_in_hyphen};
use super::{Line, tables};
use crate::block::{Block, BlockKind, HeadingMark, LineBox};
use crate::clean::clean;
use crate::legal;

/// Longest heading, in characters and lines.
const HEADING_CHARS_MAX: usize = 240;
const HEADING_LINES_MAX: usize = 4;
/// Font sizes that differ by more, in points, are different sizes.
const OTHER_SIZE_POINTS: f32 = 0.6;
/// Bold counts as so many points when headings are ranked.
const BOLD_POINTS: f32 = 0.6;

/// Turns the lines of a document into blocks.
pub(crate) fn blocks_of(mut lines: Vec<Line>) -> Vec<Block> {
    for line in &mut lines {
        tables::join_marks(line);
        tables::join_stretched(line);
    }
    let style = Style::of(&lines);
    let mut writer = Writer { style: &style, blocks: Vec::new(), open: Vec::new() };
    let mut at = 0;
    for table in tables::find(&lines) {
        lines[at..table.start].iter().for_each(|line| writer.add(line));
        writer.close();
        at = table.end;
        for row in tables::rows(&lines[table]) {
            writer.table_row(&row);
        }
    }
    lines[at..].iter().for_each(|line| writer.add(line));
    writer.close();
    writer.blocks
}

/// How the running text of a document is set.
#[derive(Debug, Default)]
struct Style {
    size: f32,
    font: u64,
    bold: bool,
    /// Distance of lines in font sizes.
    leading: f32,
}

impl Style {
    fn of(lines: &[Line]) -> Self {
        let mut looks: Vec<((u32, u64, bool), usize)> = Vec::new();
        for line in lines {
            let look = ((line.size() * 2.0).round() as u32, line.font(), line.bold());
            let chars: usize = line.cells.iter().map(|cell| cell.text.len()).sum();
            match looks.iter().position(|(known, _)| *known == look) {
                Some(known) => looks[known].1 += chars,
                // Looks that turn up late are not those of the running text.
                None if looks.len() < 256 => looks.push((look, chars)),
                None => {}
            }
        }
        let Some(((size, font, bold), _)) = looks.into_iter().max_by_key(|(_, total)| *total)
        else {
            return Self::default();
        };
        let size = size as f32 / 2.0;
        let mut gaps: Vec<f32> = lines
            .windows(2)
            .filter(|pair| pair[0].page == pair[1].page && pair[0].column == pair[1].column)
            .filter(|pair| (pair[0].size() - size).abs() < OTHER_SIZE_POINTS)
            .map(|pair| (pair[1].baseline() - pair[0].baseline()) / pair[0].size())
            .filter(|gap| (0.8..2.5).contains(gap))
            .collect();
        gaps.sort_by(f32::total_cmp);
        // Most lines follow a line of their own paragraph: the lower third is safe from gaps.
        let leading = gaps.get(gaps.len() / 3).copied().unwrap_or(1.2);
        Self { size, font, bold, leading }
    }

    /// True if the line is set to be seen.
    fn stands_out(&self, line: &Line) -> bool {
        line.size() > self.size + OTHER_SIZE_POINTS || line.bold() && !self.bold
    }
}

struct Writer<'a> {
    style: &'a Style,
    blocks: Vec<Block>,
    open: Vec<Open>,
}

/// A line of the open paragraph with its cleaned text.
struct Open {
    line: Line,
    text: String,
    /// True if it stands further below its predecessor than lines of a paragraph do.
    apart: bool,
}

impl Writer<'_> {
    fn add(&mut self, line: &Line) {
        let text = clean(&line.text().replace('\u{ad}', "-"));
        if text.is_empty() {
            return;
        }
        let apart = self.open.last().is_none_or(|last| self.is_apart(&last.line, line));
        let next = Open { line: line.clone(), text, apart };
        if self.begins(&next) {
            self.close();
        }
        self.open.push(next);
    }

    fn is_apart(&self, above: &Line, below: &Line) -> bool {
        if above.page != below.page || above.column != below.column {
            return true;
        }
        let gap = below.baseline() - above.baseline();
        let size = above.size().max(below.size());
        !(0.0..=self.style.leading * 1.28 * size).contains(&gap)
    }

    /// True if the line begins a new block.
    fn begins(&self, next: &Open) -> bool {
        let Some(last) = self.open.last() else {
            return false;
        };
        let (above, below) = (&last.line, &next.line);
        if above.page != below.page || above.column != below.column {
            return !self.goes_over(last, next);
        }
        let other_look =
            (above.size() - below.size()).abs() > OTHER_SIZE_POINTS || above.bold() != below.bold();
        if next.apart || other_look || self.begins_item(last, next) {
            return true;
        }
        if self.style.stands_out(above) && self.style.stands_out(below) {
            // Headings are broken at will; only another numbered one begins anew.
            return legal::is_heading_line(&next.text);
        }
        self.is_shifted(last, next) || is_cut_short(last, next)
    }

    /// True if a paragraph goes on in the next column or on the next page.
    fn goes_over(&self, last: &Open, next: &Open) -> bool {
        let same_size = (last.line.size() - next.line.size()).abs() <= OTHER_SIZE_POINTS;
        if !same_size || self.style.stands_out(&next.line) {
            return false;
        }
        if ends_in_hyphen(&last.text) {
            return true;
        }
        if ends_sentence(&last.text) || legal::list_mark(&next.text).is_some() {
            return false;
        }
        let reaches_edge = last.line.x1() > last.line.right - 2.5 * last.line.size();
        next.text.starts_with(char::is_lowercase) || reaches_edge
    }

    fn begins_item(&self, last: &Open, next: &Open) -> bool {
        if legal::list_mark(&next.text).is_none() {
            return false;
        }
        let first = self.open.first().unwrap_or(last);
        let outdented = next.line.x0() < last.line.x0() - 2.0;
        let siblings = legal::list_mark(&first.text).is_some()
            && (next.line.x0() - first.line.x0()).abs() < 2.0
            && self.open.len() > 1;
        let ended = ends_sentence(&last.text)
            || last.text.ends_with([',', '–'])
            || last.text.ends_with(" und")
            || last.text.ends_with(" oder");
        outdented || siblings || ended || is_cut_short(last, next)
    }

    /// True if an indent shows that a paragraph begins.
    fn is_shifted(&self, last: &Open, next: &Open) -> bool {
        let size = next.line.size();
        let shift = next.line.x0() - last.line.x0();
        let hangs = self.open.len() == 1 && legal::list_mark(&last.text).is_some();
        if shift > 0.9 * size {
            return !hangs && ends_sentence(&last.text);
        }
        // The line after a first-line indent goes back, and so does the one after a hanging item.
        shift < -0.9 * size && (self.open.len() > 1 || hangs)
    }

    fn table_row(&mut self, row: &tables::TableRow) {
        let text = row.cells.join(" | ");
        if text.is_empty() {
            return;
        }
        // Lines of different cells interleave: every box stands for the whole row.
        let lines = row
            .boxes
            .iter()
            .map(|area| LineBox { start: 0, end: text.len(), area: *area })
            .collect();
        let kind = if row.cells.len() > 1 { BlockKind::TableRow } else { BlockKind::Paragraph };
        self.blocks.push(Block { kind, text, lines });
    }

    /// Ends the open paragraph.
    fn close(&mut self) {
        let open = std::mem::take(&mut self.open);
        if open.is_empty() {
            return;
        }
        let mut text = String::new();
        let mut lines: Vec<LineBox> = Vec::with_capacity(open.len());
        for part in &open {
            append_line(&mut text, &part.text);
            let start = text.len() - part.text.len();
            if let Some(last) = lines.last_mut() {
                last.end = last.end.min(start);
            }
            lines.push(LineBox { start, end: text.len(), area: part.line.area });
        }
        let kind = self.kind_of(&open, &text);
        self.blocks.push(Block { kind, text, lines });
    }

    fn kind_of(&self, open: &[Open], text: &str) -> BlockKind {
        if self.is_heading(open, text) {
            let size = open.iter().map(|part| part.line.size()).fold(0.0, f32::max);
            let bold = open.iter().all(|part| part.line.bold());
            return BlockKind::Heading(HeadingMark {
                level: None,
                prominence: Some(size + if bold { BOLD_POINTS } else { 0.0 }),
            });
        }
        match legal::list_mark(text) {
            // "(1)" numbers a paragraph of a law, it does not make a list.
            Some(mark) if !mark.starts_with('(') => BlockKind::ListItem,
            _ => BlockKind::Paragraph,
        }
    }

    fn is_heading(&self, open: &[Open], text: &str) -> bool {
        let Some(first) = open.first() else {
            return false;
        };
        let chars = text.chars().count();
        if open.len() > HEADING_LINES_MAX || chars > HEADING_CHARS_MAX {
            return false;
        }
        let stands_out = open.iter().all(|part| self.style.stands_out(&part.line));
        if legal::is_heading_line(text) {
            let alone = first.apart && open.len() == 1 && chars <= 120;
            let own_font = open.iter().all(|part| part.line.font() != self.style.font);
            return stands_out || alone || own_font;
        }
        let letters = text.chars().filter(|c| c.is_alphabetic()).count();
        let begins_well = text
            .starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit() || "§„\"".contains(c));
        let ends_well = !text.ends_with(['.', ',', ';', ':']) && !ends_in_hyphen(text);
        if letters < 3 || !begins_well || !ends_well {
            return false;
        }
        let numbered = legal::decimal_depth(text).is_some_and(|depth| depth >= 2);
        stands_out || numbered && first.apart && open.len() == 1 && chars <= 120
    }
}

fn ends_sentence(text: &str) -> bool {
    text.trim_end_matches(['"', '“', '”', '‘', '’', '«', '»', ')', ']'])
        .ends_with(['.', '!', '?', ':', ';'])
}

/// True if the next word would have fitted on the line: it was ended on purpose.
fn is_cut_short(last: &Open, next: &Open) -> bool {
    let size = last.line.size();
    let room = last.line.right - last.line.x1();
    let word = next.text.split_whitespace().next().unwrap_or_default();
    let chars = next.text.chars().count().max(1) as f32;
    let width = (next.line.x1() - next.line.x0()) * word.chars().count() as f32 / chars;
    let slack = if ends_sentence(&last.text) { 0.6 } else { 2.5 };
    !ends_in_hyphen(&last.text) && room > width + slack * size
}
