//! Finding passages: a full-text index for German with the caller's rights inside the query.
//!
//! The index is a projection of the store: it keeps terms and ids and no text, and can be built anew
//! at any time. Blocking; the caller runs it on a pool for blocking work. Knows no users and no roles,
//! only a tenant and the collections that may be read.

mod entry;
mod error;
mod folder;
mod index;
mod matches;
mod plan;
mod postings;
mod rank;
mod schema;
mod snapshot;

pub use entry::{DocumentEntry, PassageEntry};
pub use error::Error;
pub use index::{Index, Opened, Role, Stats};
pub use matches::Matcher;
pub use rank::{Hit, Query};
