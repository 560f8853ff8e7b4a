//! Lists that come in pages, with a cursor that says where the next one begins.

use domain::Instant;

use crate::Error;

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// What to pass as `after` for the next part; `None` at the end.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// Makes a page of at most `limit` items from one item more than that, if there are so many.
    pub(crate) fn cut(mut items: Vec<T>, limit: u32, cursor: impl Fn(&T) -> String) -> Self {
        let limit = limit as usize;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(cursor) } else { None };
        Self { items, next }
    }
}

/// Where a page ended.
pub(crate) struct Cursor;

impl Cursor {
    pub(crate) fn parse_number(text: &str) -> Result<i64, Error> {
        text.parse().map_err(|_| Error::InvalidCursor)
    }

    /// A cursor in a list that is sorted by time and then by id.
    pub(crate) fn write(at: Instant, id: impl std::fmt::Display) -> String {
        format!("{}.{id}", at.micros())
    }

    pub(crate) fn parse(text: &str) -> Result<(Instant, String), Error> {
        let (at, id) = text.split_once('.').ok_or(Error::InvalidCursor)?;
        let at = at.parse().map_err(|_| Error::InvalidCursor)?;
        Ok((Instant::from_micros(at), id.to_owned()))
    }
}
