//! The one error of the use cases: a kind, a stable code, a text fit for the public, and apart from
//! it the cause.

use std::{borrow::Cow, fmt, time::Duration};

use domain::{Denial, ErrorKind, limits};
use gateway::Explanation;
use llm::UpstreamError;

use crate::{
    limiter::Allowance,
    wording::{Language, wording},
};

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a use case did not come about.
#[derive(Debug)]
pub struct Error {
    /// Decides the status at the door.
    pub kind: ErrorKind,
    /// Stable name for programs; also the name of the text.
    pub code: &'static str,
    /// What is filled into the text.
    values: Vec<(&'static str, String)>,
    /// Which fields of the request are wrong, and the code of each.
    fields: Vec<(Cow<'static, str>, Box<Error>)>,
    /// When trying again makes sense.
    pub retry_after: Option<Duration>,
    /// What is left of the caller's rates, where one of their limits is why.
    pub allowance: Option<Box<Allowance>>,
    aside: Option<Box<Aside>>,
    cause: Option<Cause>,
}

/// The result of a use case.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What few errors have; apart, so that all others stay small.
#[derive(Debug, Clone, Default)]
struct Aside {
    /// The text of a sentence more. It is filled in with the same values.
    hint: Option<&'static str>,
    explanation: Option<Explanation>,
    upstream: Option<UpstreamError>,
}

impl Error {
    /// Makes an error of that kind; `code` names its text in the message files.
    #[must_use]
    pub fn new(kind: ErrorKind, code: &'static str) -> Self {
        Self {
            kind,
            code,
            values: vec![],
            fields: vec![],
            retry_after: None,
            allowance: None,
            aside: None,
            cause: None,
        }
    }

    /// Makes an error about a request that makes no sense as it stands.
    #[must_use]
    pub fn invalid(code: &'static str) -> Self {
        Self::new(ErrorKind::Invalid, code)
    }

    /// Makes the error for what is not there or may not be known.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(ErrorKind::NotFound, "not_found")
    }

    /// Makes the error for a bug of ours.
    #[must_use]
    pub fn internal(cause: impl Into<Cause>) -> Self {
        Self::new(ErrorKind::Internal, "internal").caused_by(cause)
    }

    /// What is wrong with a request for a model. Where the text does not say it all, the words of the
    /// interface follow, which are English.
    #[must_use]
    pub fn of_request(refusal: &llm::RequestError) -> Self {
        let error = Self::invalid(refusal.code)
            .with("field", refusal.param.as_deref().unwrap_or_default())
            .with("detail", &refusal.message);
        match refusal.code {
            "missing_required_parameter"
            | "unknown_parameter"
            | "empty_array"
            | "not_stored"
            | "server_tool" => error,
            _ => error.hint("verbatim"),
        }
    }

    /// Fills `{name}` in the text.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.values.push((name, value.to_string()));
        self
    }

    /// Says that this field of the request is what is wrong.
    #[must_use]
    pub fn in_field(self, name: impl Into<Cow<'static, str>>) -> Self {
        let mut whole = Self::new(self.kind, self.code);
        whole.values.clone_from(&self.values);
        whole.aside.clone_from(&self.aside);
        whole.fields.push((name.into(), Box::new(self)));
        whole
    }

    /// Says what is wrong with another field of the request.
    #[must_use]
    pub fn and_field(mut self, name: impl Into<Cow<'static, str>>, error: Self) -> Self {
        self.fields.push((name.into(), Box::new(error)));
        self
    }

    /// Says when trying again makes sense.
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> Self {
        // Rounded up: whoever waits that long must not be early.
        let mut told = self.with("seconds", wait.as_millis().div_ceil(1_000).max(1));
        told.retry_after = Some(wait);
        told
    }

    /// Says what is left of the caller's rates.
    #[must_use]
    pub(crate) fn leaving(mut self, allowance: Option<Allowance>) -> Self {
        self.allowance = allowance.map(Box::new);
        self
    }

    /// Whether it says that data are above what may receive them.
    pub(crate) fn is_about_class(&self) -> bool {
        matches!(self.code, "clearance_none" | "clearance_too_low")
    }

    /// Adds a sentence to the text.
    #[must_use]
    pub(crate) fn hint(mut self, code: &'static str) -> Self {
        self.aside.get_or_insert_default().hint = Some(code);
        self
    }

    /// Says of a refusal for the class of the data where the class comes from.
    pub(crate) fn about_class(self, origin: Option<&'static str>) -> Self {
        match origin.filter(|_| self.is_about_class()) {
            Some(origin) => self.hint(origin),
            None => self,
        }
    }

    /// The code of the text that was added.
    pub(crate) fn hinted(&self) -> Option<&'static str> {
        self.aside.as_ref()?.hint
    }

    /// Says why no route was taken.
    #[must_use]
    pub(crate) fn explaining(mut self, explanation: Option<Explanation>) -> Self {
        if explanation.is_some() {
            self.aside.get_or_insert_default().explanation = explanation;
        }
        self
    }

    /// Why no route was taken; only if it was asked for.
    #[must_use]
    pub fn explanation(&self) -> Option<&Explanation> {
        self.aside.as_ref()?.explanation.as_ref()
    }

    /// Keeps what the model server said.
    #[must_use]
    pub(crate) fn said_by(mut self, upstream: UpstreamError) -> Self {
        self.aside.get_or_insert_default().upstream = Some(upstream);
        self
    }

    /// What the model server said that refused, for programs that know its codes. Holds content.
    #[must_use]
    pub fn upstream(&self) -> Option<&UpstreamError> {
        self.aside.as_ref()?.upstream.as_ref()
    }

    /// Attaches the cause, for the log only.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Cause>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The text for the public.
    #[must_use]
    pub fn text(&self, language: Language) -> String {
        let text = wording(language, self.code, &self.values);
        match self.aside.as_ref().and_then(|aside| aside.hint) {
            Some(hint) => format!("{text} {}", wording(language, hint, &self.values)),
            None => text,
        }
    }

    /// The wrong fields of the request with a text for each.
    #[must_use]
    pub fn field_texts(&self, language: Language) -> Vec<(&str, String)> {
        self.fields.iter().map(|(name, error)| (&**name, error.text(language))).collect()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn std::error::Error + 'static))
    }
}

impl From<Denial> for Error {
    fn from(denial: Denial) -> Self {
        match denial {
            Denial::Hidden => Self::not_found(),
            Denial::Forbidden => Self::new(ErrorKind::Forbidden, "forbidden"),
            Denial::ScopeMissing(scope) => {
                Self::new(ErrorKind::Forbidden, "scope_missing").with("scope", scope.code())
            }
            Denial::SessionNeeded => Self::new(ErrorKind::Forbidden, "session_needed"),
        }
    }
}

impl From<identity::PasswordError> for Error {
    fn from(error: identity::PasswordError) -> Self {
        use identity::PasswordError::{TooLong, TooShort, TooSimple};
        match error {
            TooShort => Self::invalid("password_too_short").with("min", limits::PASSWORD_CHARS_MIN),
            TooLong => Self::invalid("password_too_long").with("max", limits::PASSWORD_CHARS_MAX),
            TooSimple => Self::invalid("password_too_simple"),
        }
    }
}

impl From<identity::HashError> for Error {
    fn from(error: identity::HashError) -> Self {
        Self::internal(error)
    }
}
