//! Why there is no answer.

use std::time::Duration;

use domain::ErrorKind;
use llm::{RequestError, UpstreamError, openai::ErrorBody};

use crate::{HttpError, PlanError, Reason};

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
    /// All routes are at their limit, and so is the line before them.
    #[error("all routes of the model are at their limit")]
    Overloaded {
        /// When it may be worth trying again.
        retry_after: Option<Duration>,
    },
    /// All routes are at their limit, and of those who wait this caller has the most.
    #[error("all routes of the model are at their limit, and this caller waits for the most")]
    Crowded {
        /// When it may be worth trying again.
        retry_after: Option<Duration>,
    },
    /// The last route's server takes no more calls at the moment, and no other was left.
    #[error("the model server takes no more calls at the moment")]
    RateLimited {
        /// When it may be worth trying again.
        retry_after: Option<Duration>,
    },
    /// No route is asked at the moment.
    #[error("no route of the model is asked at the moment: {outage}")]
    Unavailable {
        /// Why not.
        outage: Outage,
        /// When the first of them is tried again, if that is foreseen.
        retry_after: Option<Duration>,
    },
    /// The caller's own time is over before a route could answer.
    #[error("no route can answer within the caller's time")]
    OutOfTime,
    /// A route failed, and no other was left.
    #[error("the model route {route:?} failed: {failure}")]
    Upstream {
        /// The route's name.
        route: String,
        /// What happened.
        failure: Failure,
        /// The cause.
        source: Option<HttpError>,
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

/// Why none of the routes that might do is asked at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Outage {
    /// An operator took them out.
    #[error("drained")]
    Drained,
    /// Their servers asked to be left alone.
    #[error("rate limited")]
    RateLimited,
    /// They failed, or do not answer.
    #[error("out of order")]
    OutOfOrder,
}

/// A failure that lasts until an operator changes something: no caller can do anything about it, and no
/// wait helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misconfiguration {
    /// The server does not accept the key, or what it may do.
    Key,
    /// The server knows no such model or address.
    Address,
    /// Something else, e.g. a redirect.
    Other,
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
    /// The server's provider gave no token for the key.
    #[error("no token for the key")]
    NoToken,
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
    /// That of the caller.
    #[error("the caller's time is over")]
    Deadline,
}

impl Failure {
    /// In one word: `connect`, `interrupted`, a status.
    #[must_use]
    pub fn code(&self) -> String {
        match self {
            Self::Connect => "connect".to_owned(),
            Self::Interrupted => "interrupted".to_owned(),
            Self::Status(status) => status.to_string(),
            Self::Reported => "reported".to_owned(),
            Self::Garbled => "garbled".to_owned(),
            Self::TooLarge => "too_large".to_owned(),
            Self::BadKey => "bad_key".to_owned(),
            Self::NoToken => "no_token".to_owned(),
            Self::Engine => "engine".to_owned(),
        }
    }
}

impl Failure {
    /// What an operator has to mend, if it is that.
    #[must_use]
    pub const fn misconfiguration(self) -> Option<Misconfiguration> {
        match self {
            Self::BadKey | Self::Status(401 | 403 | 407) => Some(Misconfiguration::Key),
            Self::Status(404 | 405 | 410) => Some(Misconfiguration::Address),
            Self::Status(408 | 429) => None,
            Self::Status(300..=499) => Some(Misconfiguration::Other),
            _ => None,
        }
    }
}

impl TimeLimit {
    /// In one word.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::FirstByte => "timeout_first_byte",
            Self::Idle => "timeout_idle",
            Self::Total => "timeout_total",
            Self::Deadline => "deadline",
        }
    }
}

impl GatewayError {
    /// The kind, as a caller sees it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Plan(PlanError::UnknownModel { .. }) => ErrorKind::NotFound,
            Self::Plan(
                PlanError::ClearanceTooLow { .. }
                | PlanError::PlaceNotAllowed { .. }
                | PlanError::NotGranted { .. },
            ) => ErrorKind::Forbidden,
            Self::Plan(PlanError::Unsuited { reason: Reason::OverBudget, .. }) => {
                ErrorKind::RateLimited
            }
            Self::Plan(PlanError::Unsuited { .. } | PlanError::NoChoice)
            | Self::Unsupported(_)
            | Self::Refused { .. } => ErrorKind::Invalid,
            Self::Crowded { .. } => ErrorKind::RateLimited,
            Self::Overloaded { .. } | Self::RateLimited { .. } | Self::Unavailable { .. } => {
                ErrorKind::Overloaded
            }
            Self::Upstream { .. } => ErrorKind::UpstreamFailed,
            Self::TimedOut { .. } | Self::OutOfTime => ErrorKind::TimedOut,
        }
    }

    /// A stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Plan(PlanError::UnknownModel { .. }) => "model_not_found",
            Self::Plan(PlanError::ClearanceTooLow { .. }) => "data_class_above_clearance",
            Self::Plan(PlanError::PlaceNotAllowed { .. }) => "place_not_allowed",
            Self::Plan(PlanError::NotGranted { .. }) => "model_not_granted",
            Self::Plan(PlanError::Unsuited { reason: Reason::ContextTooShort, .. }) => {
                "context_length_exceeded"
            }
            Self::Plan(PlanError::Unsuited { reason: Reason::OverBudget, .. }) => {
                "insufficient_quota"
            }
            Self::Plan(PlanError::Unsuited { .. } | PlanError::NoChoice) => "no_suitable_route",
            Self::Crowded { .. } => "too_many_waiting",
            Self::RateLimited { .. } | Self::Unavailable { outage: Outage::RateLimited, .. } => {
                "upstream_rate_limited"
            }
            Self::Unavailable { outage: Outage::Drained, .. } => "model_drained",
            Self::Unavailable { outage: Outage::OutOfOrder, .. } => "model_out_of_service",
            Self::OutOfTime | Self::TimedOut { limit: TimeLimit::Deadline, .. } => {
                "deadline_exceeded"
            }
            Self::Unsupported(error) => error.code,
            Self::Refused { .. } => "upstream_refused",
            Self::Overloaded { .. } => "overloaded",
            Self::Upstream { failure, .. } => match failure.misconfiguration() {
                Some(Misconfiguration::Key) => "upstream_key_refused",
                Some(Misconfiguration::Address) => "upstream_not_found",
                Some(Misconfiguration::Other) => "upstream_misconfigured",
                None => "upstream_failed",
            },
            Self::TimedOut { .. } => "upstream_timed_out",
        }
    }

    /// How much hope it leaves, to tell the most hopeful of several: that it passes at a known time
    /// counts more than that it may pass, and least that an operator must act.
    pub(crate) fn hope(&self) -> u8 {
        match self {
            Self::RateLimited { .. } => 2,
            Self::Upstream { failure, .. } if failure.misconfiguration().is_some() => 0,
            _ => 1,
        }
    }

    /// What happened to a route, in one word out of few: for measurements and operators.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::Upstream { failure, .. } => failure.code(),
            Self::TimedOut { limit, .. } => limit.code().to_owned(),
            Self::Refused { status, .. } => status.to_string(),
            Self::RateLimited { .. } => "429".to_owned(),
            other => other.code().to_owned(),
        }
    }

    /// When it may be worth trying again.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Overloaded { retry_after }
            | Self::Crowded { retry_after }
            | Self::RateLimited { retry_after }
            | Self::Unavailable { retry_after, .. } => *retry_after,
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
            Self::Crowded { .. } => own(
                "rate_limit_error",
                "All routes of this model are at their limit, and you have the most requests \
                 waiting. Please try again later.",
            ),
            Self::RateLimited { .. } | Self::Unavailable { outage: Outage::RateLimited, .. } => {
                own(
                    "overloaded_error",
                    "The provider of this model takes no more requests at the moment. Please try again \
                 later.",
                )
            }
            Self::Unavailable { outage: Outage::Drained, .. } => {
                own("overloaded_error", "This model is out of service at the moment.")
            }
            Self::Unavailable { outage: Outage::OutOfOrder, .. } => own(
                "overloaded_error",
                "All routes of this model are out of service. Please try again later.",
            ),
            Self::OutOfTime => {
                own("upstream_error", "No route of this model can answer within your time limit.")
            }
            Self::TimedOut { limit: TimeLimit::Deadline, .. } => {
                own("upstream_error", "The answer was not finished within your time limit.")
            }
            Self::Upstream { failure, .. } if failure.misconfiguration().is_some() => own(
                "upstream_error",
                "This model is not set up correctly. Only the operator can mend that.",
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
        PlanError::PlaceNotAllowed { model, allowed } => {
            let hint = match allowed.as_slice() {
                [] => "No configured model may be used.".to_owned(),
                names => format!("Models that may: {}.", names.join(", ")),
            };
            let message = format!("The model '{model}' runs where your data must not go. {hint}");
            ("permission_error", message)
        }
        PlanError::NotGranted { model, allowed } => {
            let hint = match allowed.as_slice() {
                [] => "No model is open to you for this request.".to_owned(),
                names => format!("Models that are: {}.", names.join(", ")),
            };
            let message = format!("The model '{model}' is not open to you or to this key. {hint}");
            ("permission_error", message)
        }
        PlanError::Unsuited { model, reason } => {
            ("invalid_request_error", unsuited(model, *reason))
        }
        PlanError::NoChoice => (
            "invalid_request_error",
            "No model is set up behind 'auto' for a request like this.".to_owned(),
        ),
    };
    ErrorBody { message, kind, param: Some("model".to_owned()), code: Some(code.to_owned()) }
}

fn unsuited(model: &str, reason: Reason) -> String {
    match reason {
        Reason::NotOffered => format!("The model '{model}' is there for something else."),
        Reason::NoTools => format!("The model '{model}' does not support tools."),
        Reason::NoImages => format!("The model '{model}' reads text only."),
        Reason::NoStructure => format!("The model '{model}' does not support structured output."),
        Reason::ContextTooShort => {
            format!("The request is longer than the context length of the model '{model}'.")
        }
        Reason::OverBudget => {
            format!("What is left of your budget does not pay for the model '{model}'.")
        }
        _ => format!("The model '{model}' cannot do what is asked."),
    }
}
