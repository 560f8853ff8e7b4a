//! The common form between the readers and the passage builder: a flat list of blocks.

use crate::passage::PageBox;

/// One structural piece of a document, in reading order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Block {
    /// What it is.
    pub(crate) kind: BlockKind,
    /// Its cleaned text, without line breaks.
    pub(crate) text: String,
    /// Where its lines stand on the page; empty for formats without pages.
    pub(crate) lines: Vec<LineBox>,
}

/// Kinds of blocks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum BlockKind {
    /// A heading; its place in the outline follows from the mark and its own text.
    Heading(HeadingMark),
    /// Running text.
    Paragraph,
    /// One item of a list, with its bullet or number.
    ListItem,
    /// One row of a table, cells divided by `" | "`.
    TableRow,
}

/// What the format says about the rank of a heading.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct HeadingMark {
    /// Explicit level, 1 is the highest.
    pub(crate) level: Option<u8>,
    /// How prominent the line is set, in points of font size; larger is higher.
    pub(crate) prominence: Option<f32>,
}

/// The box of one line and the bytes of the block's text that stand in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LineBox {
    /// First byte.
    pub(crate) start: usize,
    /// Byte after the last.
    pub(crate) end: usize,
    /// Where the line stands.
    pub(crate) area: PageBox,
}

impl Block {
    /// A block of a format without pages.
    pub(crate) fn unplaced(kind: BlockKind, text: String) -> Self {
        Self { kind, text, lines: Vec::new() }
    }
}
