//! Lists in parts: how many items, and from where on.

use domain::limits;

use crate::{Error, Result};

/// Items of a part if nobody says how many.
const ITEMS_DEFAULT: u32 = 50;

/// Which part of a list.
#[derive(Debug, Clone, Default)]
pub struct Part {
    /// `next` of the part before; `None` for the first.
    pub after: Option<String>,
    /// At most so many items; `None` for 50.
    pub limit: Option<u32>,
}

impl Part {
    pub(crate) fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    pub(crate) fn limit(&self) -> Result<u32> {
        checked_limit(self.limit, ITEMS_DEFAULT, limits::PART_ITEMS_MAX)
    }
}

/// Refuses a number of items that nobody can mean, rather than giving another.
pub(crate) fn checked_limit(asked: Option<u32>, default: u32, max: u32) -> Result<u32> {
    let limit = asked.unwrap_or(default);
    if (1..=max).contains(&limit) {
        return Ok(limit);
    }
    Err(Error::invalid("limit_out_of_range").with("max", max).in_field("limit"))
}
