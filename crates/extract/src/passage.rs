//! What extraction yields: passages in reading order, with heading path and place on the page.

use serde::{Deserialize, Serialize};

/// A citable piece of a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Passage {
    /// Page on which the passage begins, counted from 1; none for formats without pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Headings above the passage, outermost first.
    pub heading: Vec<String>,
    /// The text; merged paragraphs, list items and table rows are divided by line breaks.
    pub text: String,
    /// What the text was in the document.
    pub kind: PassageKind,
    /// Where the text stands, line by line; empty for formats without pages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub boxes: Vec<PageBox>,
}

/// What a passage was in its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PassageKind {
    /// Running text, possibly with the list it introduces.
    Paragraph,
    /// Items of a list.
    ListItem,
    /// Rows of a table, one per line, cells divided by `" | "`.
    TableRow,
    /// A heading that no text follows.
    Heading,
}

impl PassageKind {
    /// Stable name, as stored and sent.
    pub fn code(self) -> &'static str {
        match self {
            Self::Paragraph => "paragraph",
            Self::ListItem => "list_item",
            Self::TableRow => "table_row",
            Self::Heading => "heading",
        }
    }
}

/// A rectangle on a page as displayed: origin top left, all values as shares of the page, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PageBox {
    /// Page, counted from 1.
    pub page: u32,
    /// Left edge.
    pub x: f32,
    /// Upper edge.
    pub y: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
}
