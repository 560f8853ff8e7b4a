//! What the child tells while it reads, one JSON object per line.

use serde::{Deserialize, Serialize};

use crate::detect::Format;
use crate::failure::Failure;
use crate::passage::Passage;

/// News of a running extraction, in this order: format, pages, progress, title, passages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The format, by content.
    Format(Format),
    /// How many pages the document has; not sent for formats without pages.
    Pages(u32),
    /// How many pages have been read.
    Progress(u32),
    /// The title that the document gives itself.
    Title(String),
    /// The next passage in reading order.
    Passage(Passage),
}

/// A line on the wire: news, or the end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Line {
    /// Reading ended well.
    Done(bool),
    /// Reading ended without a usable text.
    Failed(Failure),
    /// Everything else.
    #[serde(untagged)]
    News(Event),
}
