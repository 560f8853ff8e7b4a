//! Plain text: paragraphs by blank lines, lists by their marks, headings only where sure.

use crate::block::{Block, BlockKind, HeadingMark};
use crate::clean::clean;
use crate::legal;

/// Longest line that can be a heading, in characters.
const HEADING_CHARS_MAX: usize = 160;

/// Reads a plain text.
pub(crate) fn read(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut paragraph: Vec<&str> = Vec::new();
    for line in text.lines() {
        if line.trim().is_empty() {
            close(&mut paragraph, &mut blocks);
        } else if starts_block(line) {
            close(&mut paragraph, &mut blocks);
            paragraph.push(line);
            if heading_of(line) {
                close(&mut paragraph, &mut blocks);
            }
        } else {
            paragraph.push(line);
        }
    }
    close(&mut paragraph, &mut blocks);
    blocks
}

fn starts_block(line: &str) -> bool {
    heading_of(line) || legal::list_mark(line.trim_start()).is_some()
}

fn heading_of(line: &str) -> bool {
    let line = line.trim();
    line.chars().count() <= HEADING_CHARS_MAX && legal::is_heading_line(line)
}

/// Ends a paragraph. Lines are joined by spaces: plain text is wrapped at will.
fn close(paragraph: &mut Vec<&str>, blocks: &mut Vec<Block>) {
    let lines = std::mem::take(paragraph);
    let Some(first) = lines.first() else { return };
    let text = clean(&lines.join("\n"));
    if text.is_empty() {
        return;
    }
    let kind = if lines.len() == 1 && heading_of(first) {
        BlockKind::Heading(HeadingMark::default())
    } else {
        match legal::list_mark(first.trim_start()) {
            // "(1)" numbers a paragraph of a law, it does not make a list.
            Some(mark) if !mark.starts_with('(') => BlockKind::ListItem,
            _ => BlockKind::Paragraph,
        }
    };
    blocks.push(Block::unplaced(kind, text));
}
