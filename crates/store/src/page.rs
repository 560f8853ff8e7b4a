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

    /// Where a list begins that is sorted by time and then by id, both falling: at the cursor, else
    /// before everything, at the highest time and an id above all others.
    pub(crate) fn before(after: Option<&str>) -> Result<(Instant, String), Error> {
        match after {
            Some(cursor) => Self::parse(cursor),
            None => Ok((Instant::from_micros(i64::MAX), "g".to_owned())),
        }
    }

    /// A cursor in a list that is sorted by texts. In hexadecimal digits: they are not meant to be
    /// read, and pass through every address.
    pub(crate) fn write_texts(texts: &[&str]) -> String {
        hex::encode(serde_json::to_vec(texts).expect("texts are plain JSON"))
    }

    pub(crate) fn parse_texts<const N: usize>(text: &str) -> Result<[String; N], Error> {
        let bytes = hex::decode(text).map_err(|_| Error::InvalidCursor)?;
        let texts: Vec<String> =
            serde_json::from_slice(&bytes).map_err(|_| Error::InvalidCursor)?;
        texts.try_into().map_err(|_| Error::InvalidCursor)
    }

    fn parse(text: &str) -> Result<(Instant, String), Error> {
        let (at, id) = text.split_once('.').ok_or(Error::InvalidCursor)?;
        let at = at.parse().map_err(|_| Error::InvalidCursor)?;
        Ok((Instant::from_micros(at), id.to_owned()))
    }
}
