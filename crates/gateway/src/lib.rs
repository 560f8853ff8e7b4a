//! Gets an answer from some model: plans the candidates, calls, retries, falls back, streams, meters.
//!
//! Knows no database, no users and no HTTP serving. The catalogue of models comes in as a value, and
//! so do the settings of the HTTP clients. Only the base URLs in the catalogue are ever contacted: an
//! answer that redirects counts as a failure.

mod access;
mod asked;
mod attempt;
mod backoff;
mod base_url;
mod bounded;
mod built_in;
mod call;
mod catalogue;
mod clients;
mod counting;
mod deadline;
mod error;
mod gateway;
mod health;
mod health_checks;
mod hedging;
mod http_client;
mod lease;
mod local;
mod measure;
mod model_state;
mod offer;
mod plan;
mod policy;
mod price;
mod proof;
mod queue;
mod recording;
mod retry_budget;
mod route_test;
mod secret;
mod settings;
mod snapshot;
mod status;
mod stream;
mod terms;
mod today;
mod trace;
mod typed_stream;
mod upstream_stream;
mod usage_meter;

pub use access::{ModelAccess, OpenRoutes};
pub use asked::Sound;
pub use base_url::{BaseUrl, BaseUrlError};
pub use catalogue::{
    AUTO_MODEL, Catalogue, CatalogueError, KeyHeader, Model, Route, RouteKind, ServerRoute,
    Timeouts,
};
pub use clients::Clients;
pub use counting::{Counted, Tokenizer};
pub use error::{Failure, GatewayError, Misconfiguration, Outage, TimeLimit};
pub use gateway::{Answered, Completion, Gateway, Outcome, Transcript};
pub use health::{BreakerSettings, BreakerState, EjectionSettings, HealthSettings};
pub use hedging::Hedging;
pub use http_client::{HttpClient, HttpError, HttpSettings, HttpSetupError};
pub use local::LocalRoute;
pub use measure::describe_measurements;
pub use model_state::LastError;
pub use offer::{Offer, Offers};
pub use plan::{
    Ask, Condition, Dice, Explanation, Needs, Plan, PlanError, Reason, State, explain_refusal,
    find_model, has_route, longest_answer, may_receive, most, plan, prefix, prompt_texts,
};
pub use policy::{Abilities, AutoChoice, HealthCheck, Kind, PlacePolicy, Policy, QueueLimits};
pub use price::{Parts, Price, Prices};
pub use proof::{AwsKeys, ServiceAccount, ServiceAccountError};
pub use queue::{Caller, Share};
pub use recording::{Recording, TranscriptionRequest};
pub use retry_budget::RetryBudgetSettings;
pub use secret::Secret;
pub use settings::{RouteCare, Settings};
pub use status::{GatewayStatus, ModelStatus, RouteStatus};
pub use stream::ChatStream;
pub use terms::Terms;
pub use today::Today;
pub use trace::TraceParent;
pub use typed_stream::TypedStream;
pub use usage_meter::{Metered, Spent, Taken, UsageMeter};
