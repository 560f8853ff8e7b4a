//! Why there is no answer.

use std::time::Duration;

use domain::ErrorKind;
use llm::{RequestError, UpstreamError, openai::ErrorBody};

use crate::PlanError;

/// Why there is no answer, or no more of it. What a server itself said is kept out of `Display`.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// No route may be tried.
    #[error("no model route may be tried")]
    Plan(#[source] PlanError),
    /// The model cannot do what is asked.
    #[error("the model cannot do what is asked")]
    Unsupported(#[source] RequestError),
    /// The model server finds fault with the request itself, e.g. with its length.
    #[error("the model server refused the request with status {status}")]
    Refused {
        /// The status it answered with.
        status: u16,
        /// What it said, fit for whoever sent the request and nobody else.
        error: UpstreamError,
    },
    /// All routes are at their limit.
    #[error("all routes of the model are at their limit")]
    Overloaded {
        /// When it may be worth trying again.
        retry_after: Option<Duration>,
    },
    /// A route failed, and no other was left.
    #[error("the model route {route:?} failed: {failure}")]
    Upstream {
        /// The route's name.
        route: String,
        /// What happened.
        failure: Failure,
        /// The cause, without the URL.
        source: Option<reqwest::Error>,
    },
    /// A route took too long, and no other was left.
    #[error("the model route {route:?} took too long: {limit}")]
    TimedOut {
        /// The route's name.
        route: String,
        /// Which limit it was.
        limit: TimeLimit,
    },
}

/// What happened to a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The server could not be reached.
    #[error("no connection")]
    Connect,
    /// The connection broke.
    #[error("the connection broke")]
    Interrupted,
    /// The server answered with this status.
    #[error("status {0}")]
    Status(u16),
    /// The server reported an error in the middle of an answer.
    #[error("an error in the middle of the answer")]
    Reported,
    /// The server sent something that is no answer.
    #[error("an answer that cannot be read")]
    Garbled,
    /// The server sent more than we take.
    #[error("an answer over the size limit")]
    TooLarge,
    /// The key of the route cannot be sent as a header.
    #[error("a key that is no valid header value")]
    BadKey,
    /// The built-in engine failed.
    #[error("the engine failed")]
    Engine,
}

/// Which of the three limits of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimeLimit {
    /// Until the first piece.
    #[error("no first piece of the answer")]
    FirstByte,
    /// Between two pieces.
    #[error("no next piece of the answer")]
    Idle,
    /// For everything.
    #[error("the answer has no end")]
    Total,
}

impl GatewayError {
    /// The kind, as a caller sees it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Plan(PlanError::UnknownModel { .. }) => ErrorKind::NotFound,
            Self::Plan(PlanError::ClearanceTooLow { .. }) => ErrorKind::Forbidden,
            Self::Unsupported(_) | Self::Refused { .. } => ErrorKind::Invalid,
            Self::Overloaded { .. } => ErrorKind::Overloaded,
            Self::Upstream { .. } => ErrorKind::UpstreamFailed,
            Self::TimedOut { .. } => ErrorKind::TimedOut,
        }
    }

    /// A stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Plan(PlanError::UnknownModel { .. }) => "model_not_found",
            Self::Plan(PlanError::ClearanceTooLow { .. }) => "data_class_above_clearance",
            Self::Unsupported(error) => error.code,
            Self::Refused { .. } => "upstream_refused",
            Self::Overloaded { .. } => "overloaded",
            Self::Upstream { .. } => "upstream_failed",
            Self::TimedOut { .. } => "upstream_timed_out",
        }
    }

    /// When it may be worth trying again.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Overloaded { retry_after } => *retry_after,
            _ => None,
        }
    }

    /// The error in the shape and the words of the OpenAI interface, fit for the caller.
    #[must_use]
    pub fn body(&self) -> ErrorBody {
        let own = |kind, message: &str| ErrorBody {
            message: message.to_owned(),
            kind,
            param: None,
            code: Some(self.code().to_owned()),
        };
        match self {
            Self::Plan(error) => plan_body(error, self.code()),
            Self::Unsupported(error) => error.into(),
            Self::Refused { error, .. } => ErrorBody {
                message: error.message.clone().unwrap_or_else(|| {
                    "The model server refused the request and gave no reason.".to_owned()
                }),
                kind: "invalid_request_error",
                param: error.param.clone(),
                code: Some(error.code.clone().unwrap_or_else(|| self.code().to_owned())),
            },
            Self::Overloaded { .. } => own(
                "overloaded_error",
                "All routes of this model are at their limit. Please try again later.",
            ),
            Self::Upstream { .. } => {
                own("upstream_error", "The model server failed. Please try again later.")
            }
            Self::TimedOut { .. } => {
                own("upstream_error", "The model server did not answer in time.")
            }
        }
    }
}

fn plan_body(error: &PlanError, code: &str) -> ErrorBody {
    let (kind, message) = match error {
        PlanError::UnknownModel { model } => (
            "invalid_request_error",
            format!("The model '{model}' does not exist or you do not have access to it."),
        ),
        PlanError::ClearanceTooLow { model, class, clearance, allowed } => {
            let (class, clearance) = (class.code(), clearance.code());
            let hint = match allowed.as_slice() {
                [] => "No configured model may receive this class.".to_owned(),
                names => format!("Models that may: {}.", names.join(", ")),
            };
            let message = format!(
                "The data class of this request is '{class}', but the model '{model}' may receive \
                 at most '{clearance}'. {hint}"
            );
            ("permission_error", message)
        }
    };
    ErrorBody { message, kind, param: Some("model".to_owned()), code: Some(code.to_owned()) }
}
