//! The vocabulary of the house: ids, principals, data classes, visibility, limits, error kinds,
//! and the one function that decides who may do what.
//!
//! Knows no I/O, no async, no HTTP and no SQL.

mod authorise;
mod calendar;
mod error_kind;
mod id;
mod instant;
pub mod limits;
pub mod money;
mod place;
mod principal;
mod resource;
mod usage_limit;

pub use authorise::{Action, Denial, authorise};
pub use calendar::{Day, Month, NotADate};
pub use error_kind::ErrorKind;
pub use id::{
    CollectionId, ConversationId, DocumentId, IdError, JobId, KeyId, MessageId, PassageId, RunId,
    SessionId, TenantId, UnitId, UserId,
};
pub use instant::Instant;
pub use place::{DataClass, Place, UnknownCode};
pub use principal::{Credential, Principal, Role, Scope};
pub use resource::{Resource, Visibility};
pub use usage_limit::{AtLimit, LimitScope, Meter, UsageLimit};

/// The target of the spans that are exported as traces. They hold names of the configuration, codes
/// and numbers, never contents.
pub const TRACES: &str = "fachwerk::traces";
