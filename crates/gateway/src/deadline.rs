//! The earliest of several ends, and whose it is.

use tokio::time::Instant;

use crate::TimeLimit;

/// Until when, and which limit that is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Until {
    pub(crate) at: Instant,
    pub(crate) limit: TimeLimit,
}

impl Until {
    pub(crate) const fn new(at: Instant, limit: TimeLimit) -> Self {
        Self { at, limit }
    }

    /// The same, or the end of the caller's own time if that comes before.
    pub(crate) fn or_before(self, deadline: Option<Instant>) -> Self {
        match deadline {
            Some(at) if at < self.at => Self { at, limit: TimeLimit::Deadline },
            _ => self,
        }
    }
}
