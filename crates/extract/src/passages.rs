//! Turns blocks into passages: merged where short, cut at sentences where long.
//!
//! Together the passages and their heading paths carry every block's text exactly once.

use domain::limits::PASSAGE_CHARS_MAX;

use crate::block::{Block, BlockKind, LineBox};
use crate::failure::Failure;
use crate::legal;
use crate::outline::{Outline, Uncovered};
use crate::passage::{PageBox, Passage, PassageKind};

/// Neighbours under one heading are merged up to this many characters.
const MERGE_CHARS: usize = 900;
/// A paragraph up to this many characters stays whole; a list may grow with its lead-in as far.
const WHOLE_CHARS: usize = 1_300;
/// Longer paragraphs are cut into even pieces of about this many characters.
const PIECE_CHARS: usize = 900;
/// Longest lead-in that moves along with its list, in characters.
const LEAD_IN_CHARS: usize = 400;

/// Builds passages from blocks in reading order and hands them to `emit`.
pub(crate) fn build(
    blocks: Vec<Block>,
    emit: &mut dyn FnMut(Passage) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let title = title_index(&blocks);
    let mut builder = Builder { outline: Outline::default(), open: Vec::new(), emit };
    for (index, block) in blocks.into_iter().enumerate() {
        match block.kind {
            BlockKind::Heading(mark) => {
                builder.flush()?;
                let left = builder.outline.enter(&block.text, mark, title == Some(index));
                builder.emit_uncovered(left)?;
                builder.note_heading_boxes(block);
            }
            _ => builder.add(block)?,
        }
    }
    builder.flush()?;
    let left = builder.outline.leave(0);
    builder.emit_uncovered(left)
}

/// The title of the document: its first heading, if none other is of the same rank.
pub(crate) fn title_of(blocks: &[Block]) -> Option<String> {
    title_index(blocks).map(|index| blocks[index].text.clone())
}

/// Where the title stands among the blocks. It is no part of heading paths: every passage of the
/// document would carry it.
fn title_index(blocks: &[Block]) -> Option<usize> {
    let headings = || {
        blocks.iter().enumerate().filter_map(|(index, block)| match block.kind {
            BlockKind::Heading(mark) => Some((index, mark, block)),
            _ => None,
        })
    };
    let (first, mark, block) = headings().next()?;
    if legal::division_of(&block.text).is_some() {
        return None;
    }
    let mut others = headings().skip(1).peekable();
    others.peek()?;
    let above_all = others.all(|(_, other, _)| match (mark.level, other.level) {
        (Some(level), Some(other_level)) => level < other_level,
        _ => match (mark.prominence, other.prominence) {
            (Some(size), Some(other_size)) => size > other_size + 1.0,
            _ => false,
        },
    });
    above_all.then_some(first)
}

struct Builder<'a> {
    outline: Outline,
    /// Pieces of the passage being filled.
    open: Vec<Piece>,
    emit: &'a mut dyn FnMut(Passage) -> Result<(), Failure>,
}

#[derive(Debug, Clone)]
struct Piece {
    kind: PassageKind,
    text: String,
    chars: usize,
    boxes: Vec<PageBox>,
}

impl Builder<'_> {
    fn add(&mut self, block: Block) -> Result<(), Failure> {
        let kind = match block.kind {
            BlockKind::Paragraph | BlockKind::Heading(_) => PassageKind::Paragraph,
            BlockKind::ListItem => PassageKind::ListItem,
            BlockKind::TableRow => PassageKind::TableRow,
        };
        for (start, end) in cuts(&block.text, kind) {
            let text = block.text[start..end].trim();
            // A lone dash or rule says nothing that could be found or cited.
            if !text.contains(char::is_alphanumeric) {
                continue;
            }
            self.push(Piece {
                kind,
                chars: text.chars().count(),
                boxes: boxes_of(&block, start, end),
                text: text.to_owned(),
            })?;
        }
        Ok(())
    }

    fn push(&mut self, piece: Piece) -> Result<(), Failure> {
        if let Some(last) = self.open.last() {
            let total = self.open_chars() + 1 + piece.chars;
            let same_family =
                (last.kind == PassageKind::TableRow) == (piece.kind == PassageKind::TableRow);
            let introduced =
                piece.kind == PassageKind::ListItem && self.open.iter().any(is_lead_in);
            let fits = total <= MERGE_CHARS || introduced && total <= WHOLE_CHARS;
            if !(same_family && fits) {
                self.flush_before(&piece)?;
            }
        }
        self.open.push(piece);
        Ok(())
    }

    /// Flushes, but keeps a short lead-in for the list item that follows it.
    fn flush_before(&mut self, next: &Piece) -> Result<(), Failure> {
        let lead_in = match self.open.last() {
            Some(last)
                if next.kind == PassageKind::ListItem
                    && self.open.len() > 1
                    && is_lead_in(last)
                    && last.chars + 1 + next.chars <= WHOLE_CHARS =>
            {
                self.open.pop()
            }
            _ => None,
        };
        self.flush()?;
        self.open.extend(lead_in);
        Ok(())
    }

    fn open_chars(&self) -> usize {
        let texts: usize = self.open.iter().map(|piece| piece.chars).sum();
        texts + self.open.len().saturating_sub(1)
    }

    fn flush(&mut self) -> Result<(), Failure> {
        let pieces = std::mem::take(&mut self.open);
        let Some(first) = pieces.first() else {
            return Ok(());
        };
        let uniform = pieces.iter().all(|piece| piece.kind == first.kind);
        let kind = if uniform { first.kind } else { PassageKind::Paragraph };
        let mut text = String::with_capacity(pieces.iter().map(|piece| piece.text.len() + 1).sum());
        let mut boxes = Vec::new();
        for piece in pieces {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&piece.text);
            boxes.extend(piece.boxes);
        }
        self.outline.cover();
        (self.emit)(Passage {
            page: boxes.first().map(|area: &PageBox| area.page),
            heading: self.outline.path(),
            text,
            kind,
            boxes,
        })
    }

    fn emit_uncovered(&mut self, left: Option<Uncovered>) -> Result<(), Failure> {
        let Some(Uncovered { path, text, boxes }) = left else {
            return Ok(());
        };
        (self.emit)(Passage {
            page: boxes.first().map(|area| area.page),
            heading: path,
            text,
            kind: PassageKind::Heading,
            boxes,
        })
    }

    fn note_heading_boxes(&mut self, block: Block) {
        self.outline.place(block.lines.into_iter().map(|line| line.area).collect());
    }
}

fn is_lead_in(piece: &Piece) -> bool {
    piece.kind == PassageKind::Paragraph
        && piece.chars <= LEAD_IN_CHARS
        && piece.text.ends_with([':', ','])
}

/// Byte ranges of the pieces a block is cut into; one for nearly every block.
fn cuts(text: &str, kind: PassageKind) -> Vec<(usize, usize)> {
    let chars = text.chars().count();
    let whole = if kind == PassageKind::TableRow { PASSAGE_CHARS_MAX } else { WHOLE_CHARS };
    if chars <= whole {
        return vec![(0, text.len())];
    }
    let pieces = chars.div_ceil(PIECE_CHARS);
    let ideal = chars.div_ceil(pieces);
    let units = units_of(text);
    let mut cuts = Vec::with_capacity(pieces);
    let (mut start, mut length) = (0, 0);
    for (unit_start, unit_end) in units {
        let unit = text[unit_start..unit_end].chars().count();
        let nearer_without = length > 0 && length + unit > ideal && {
            let (over, under) = (length + unit - ideal, ideal.saturating_sub(length));
            over > under || length + unit > WHOLE_CHARS
        };
        if nearer_without {
            cuts.push((start, unit_start));
            (start, length) = (unit_start, 0);
        }
        length += unit;
    }
    cuts.push((start, text.len()));
    cuts
}

/// Sentences without gaps between them; one that alone exceeds the limit is cut at words.
fn units_of(text: &str) -> Vec<(usize, usize)> {
    let mut units = Vec::new();
    let mut start = 0;
    let sentences = text::sentences(text);
    let count = sentences.len();
    for (index, sentence) in sentences.into_iter().enumerate() {
        let end = if index + 1 == count { text.len() } else { sentence.end };
        if end > start {
            cut_long(text, start, end, &mut units);
            start = end;
        }
    }
    if start < text.len() {
        cut_long(text, start, text.len(), &mut units);
    }
    units
}

fn cut_long(text: &str, start: usize, end: usize, units: &mut Vec<(usize, usize)>) {
    let mut start = start;
    while text[start..end].chars().count() > PASSAGE_CHARS_MAX {
        let window_end =
            text[start..end].char_indices().nth(PIECE_CHARS).map_or(end, |(at, _)| start + at);
        let window = &text[start..window_end];
        let half = window.len() / 2;
        // A semicolon or a cell border divides better than a comma, a comma than a space.
        let cut = [" | ", "; ", ", ", " "]
            .iter()
            .find_map(|mark| window.rfind(mark).filter(|at| *at > half).map(|at| at + mark.len()))
            .unwrap_or(window.len());
        units.push((start, start + cut));
        start += cut;
    }
    units.push((start, end));
}

/// The boxes of the lines in which a range of the block's text stands.
fn boxes_of(block: &Block, start: usize, end: usize) -> Vec<PageBox> {
    block
        .lines
        .iter()
        .filter(|line| line.start < end && start < line.end)
        .map(|line| clipped(block, line, start, end))
        .collect()
}

/// A line's box narrowed to the part that belongs to the range, letters taken as equally wide.
fn clipped(block: &Block, line: &LineBox, start: usize, end: usize) -> PageBox {
    let mut area = line.area;
    if line.start >= start && line.end <= end {
        return area;
    }
    let count = |from: usize, to: usize| {
        block.text.get(from..to).map_or(0.0, |part| part.chars().count() as f32)
    };
    let total = count(line.start, line.end).max(1.0);
    let before = count(line.start, line.start.max(start)) / total;
    let inside = count(line.start.max(start), line.end.min(end)) / total;
    area.x += area.width * before;
    area.width *= inside;
    area
}
