//! Collects the text that markup readers come across into blocks.
//!
//! Knows paragraphs, headings, lists and tables, but not the markup that says so.

use crate::block::{Block, BlockKind};
use crate::clean::clean;

/// Tables inside tables beyond this depth are read as running text.
const TABLE_DEPTH_MAX: usize = 16;
/// Lists inside lists beyond this depth keep counting in the innermost known list.
const LIST_DEPTH_MAX: usize = 64;

/// Text on its way into blocks.
#[derive(Debug)]
pub(crate) struct Flow {
    blocks: Vec<Block>,
    text: String,
    kind: BlockKind,
    /// Open lists; the next number, or none for bullets.
    lists: Vec<Option<u64>>,
    /// Bullet or number that the next block begins with.
    mark: String,
    /// Open rows, one per open table; each cell holds its paragraphs as lines.
    rows: Vec<Vec<String>>,
}

impl Default for Flow {
    fn default() -> Self {
        Self {
            blocks: Vec::new(),
            text: String::new(),
            kind: BlockKind::Paragraph,
            lists: Vec::new(),
            mark: String::new(),
            rows: Vec::new(),
        }
    }
}

impl Flow {
    /// Adds running text.
    pub(crate) fn text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Adds a space: a line break inside a paragraph.
    pub(crate) fn space(&mut self) {
        self.text.push(' ');
    }

    /// Ends the current block and begins one of this kind.
    pub(crate) fn begin(&mut self, kind: BlockKind) {
        self.end();
        self.kind = kind;
    }

    /// Ends the current block; what follows is a paragraph, inside a list an item.
    pub(crate) fn end(&mut self) {
        let text = clean(&std::mem::take(&mut self.text));
        let resting = self.resting_kind();
        let kind = std::mem::replace(&mut self.kind, resting);
        if text.is_empty() {
            return;
        }
        let mark = std::mem::take(&mut self.mark);
        let text = if mark.is_empty() { text } else { format!("{mark} {text}") };
        match self.rows.last_mut().and_then(|row| row.last_mut()) {
            Some(cell) if cell.is_empty() => *cell = text,
            Some(cell) => {
                cell.push('\n');
                cell.push_str(&text);
            }
            None => self.blocks.push(Block::unplaced(kind, text)),
        }
    }

    fn resting_kind(&self) -> BlockKind {
        if self.lists.is_empty() { BlockKind::Paragraph } else { BlockKind::ListItem }
    }

    /// Begins a list; `first` is the number of its first item, none for bullets.
    pub(crate) fn begin_list(&mut self, first: Option<u64>) {
        self.end();
        if self.lists.len() < LIST_DEPTH_MAX {
            self.lists.push(first);
        }
        self.kind = self.resting_kind();
    }

    /// Ends the innermost list.
    pub(crate) fn end_list(&mut self) {
        self.end();
        self.lists.pop();
        self.mark.clear();
        self.kind = self.resting_kind();
    }

    /// Begins an item of the innermost list.
    pub(crate) fn begin_item(&mut self) {
        self.end();
        self.kind = BlockKind::ListItem;
        self.mark = match self.lists.last_mut() {
            Some(Some(number)) => {
                let mark = format!("{number}.");
                *number = number.saturating_add(1);
                mark
            }
            _ => "–".to_owned(),
        };
    }

    /// Sets the mark of the next block, such as a number that the document carries itself.
    pub(crate) fn mark(&mut self, mark: &str) {
        mark.clone_into(&mut self.mark);
    }

    /// Begins a row of a table.
    pub(crate) fn begin_row(&mut self) {
        self.end();
        if self.rows.len() < TABLE_DEPTH_MAX {
            self.rows.push(Vec::new());
        }
    }

    /// Begins a cell of the innermost row.
    pub(crate) fn begin_cell(&mut self) {
        self.end();
        if let Some(row) = self.rows.last_mut() {
            row.push(String::new());
        }
    }

    /// Ends the innermost row.
    pub(crate) fn end_row(&mut self) {
        self.end();
        let Some(mut row) = self.rows.pop() else {
            return;
        };
        row.retain(|cell| !cell.is_empty());
        if let Some(outer) = self.rows.last_mut().and_then(|outer| outer.last_mut()) {
            // A table inside a cell is part of that cell.
            if !outer.is_empty() && !row.is_empty() {
                outer.push('\n');
            }
            outer.push_str(&row.join(" | "));
            return;
        }
        if row.len() == 1 {
            // A table of one column only lays out a page.
            for line in row.concat().lines() {
                let block = Block::unplaced(BlockKind::Paragraph, line.to_owned());
                self.blocks.push(block);
            }
        } else if !row.is_empty() {
            let text = row.join(" | ").replace('\n', " ");
            self.blocks.push(Block::unplaced(BlockKind::TableRow, text));
        }
    }

    /// True inside a table row.
    pub(crate) fn in_row(&self) -> bool {
        !self.rows.is_empty()
    }

    /// Adds blocks made elsewhere.
    pub(crate) fn append(&mut self, blocks: Vec<Block>) {
        self.end();
        self.blocks.extend(blocks);
    }

    /// All blocks; whatever is open is closed.
    pub(crate) fn finish(mut self) -> Vec<Block> {
        self.end();
        while self.in_row() {
            self.end_row();
        }
        self.blocks
    }
}
