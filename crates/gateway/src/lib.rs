//! Gets an answer from some model: plans the candidates, calls, retries, falls back, streams, meters.
//!
//! Knows no database, no users and no HTTP serving. The catalogue of models comes in as a value, and
//! so does the one HTTP client. Only the base URLs in the catalogue are ever contacted: the client
//! must be built with redirects switched off, and an answer that redirects counts as a failure.

mod attempt;
mod backoff;
mod base_url;
mod built_in;
mod call;
mod catalogue;
mod error;
mod plan;
mod secret;
mod stream;
mod upstream_stream;
mod usage_meter;

pub use base_url::{BaseUrl, BaseUrlError};
pub use call::{Completion, Gateway, Settings};
pub use catalogue::{
    Catalogue, CatalogueError, KeyHeader, Model, OpenAiRoute, Price, Route, RouteKind, Timeouts,
};
pub use error::{Failure, GatewayError, TimeLimit};
pub use plan::{PlanError, plan};
pub use secret::Secret;
pub use stream::ChatStream;
pub use usage_meter::{Metered, Taken, UsageMeter};
