//! Why a request is refused, in the words of the OpenAI interface.

use serde_json::Value;

/// Longest piece of the caller's own text in a message, in characters; beyond: cut.
const NAME_CHARS_MAX: usize = 100;

/// What is wrong with a request. The message is fit for the caller and holds nothing of what they
/// sent but names of parameters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RequestError {
    /// A sentence for the caller.
    pub message: String,
    /// The parameter, e.g. `messages[0].role`.
    pub param: Option<String>,
    /// A stable code, e.g. `missing_required_parameter`.
    pub code: &'static str,
}

impl RequestError {
    /// A parameter whose value cannot be used, `message` continuing "'param' …".
    #[must_use]
    pub fn invalid_value(param: impl Into<String>, message: &str) -> Self {
        Self::about(param, "invalid_value", |param| format!("Invalid value: '{param}' {message}."))
    }

    /// A parameter that the chosen model cannot act on, and that must not be dropped silently.
    #[must_use]
    pub fn unsupported(param: impl Into<String>, message: &str) -> Self {
        Self::about(param, "unsupported_parameter", |param| {
            format!("Unsupported parameter: '{param}' {message}.")
        })
    }

    /// A parameter that only the interface's inventor can act on.
    pub(crate) fn unavailable(param: impl Into<String>) -> Self {
        Self::unsupported(param, "is not available here")
    }

    /// A parameter that needs something kept from one request to the next.
    pub(crate) fn not_stored(param: impl Into<String>) -> Self {
        Self::about(param, "not_stored", |param| {
            format!(
                "Unsupported parameter: '{param}' is not available here, because neither answers nor \
                 files nor prompts are stored."
            )
        })
    }

    /// A tool that only the interface's inventor runs.
    pub(crate) fn server_tool(param: impl Into<String>) -> Self {
        Self::about(param, "server_tool", |param| {
            format!(
                "Unsupported parameter: '{param}' names a tool of the provider's own, and there are \
                 none here. Functions of your own are possible."
            )
        })
    }

    /// Something is missing.
    #[must_use]
    pub fn missing(param: impl Into<String>) -> Self {
        Self::about(param, "missing_required_parameter", |param| {
            format!("Missing required parameter: '{param}'.")
        })
    }

    pub(crate) fn wrong_type(param: impl Into<String>, expected: &str, got: &Value) -> Self {
        let got = match got {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(number) if number.is_f64() => "a decimal number",
            Value::Number(_) => "an integer",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        };
        Self::about(param, "invalid_type", |param| {
            format!("Invalid type for '{param}': expected {expected}, but got {got} instead.")
        })
    }

    pub(crate) fn too_many(param: impl Into<String>, max: usize) -> Self {
        Self::about(param, "array_above_max_length", |param| {
            format!("Invalid '{param}': array too long. Expected at most {max} items.")
        })
    }

    /// Something is empty.
    #[must_use]
    pub fn empty(param: impl Into<String>) -> Self {
        Self::about(param, "empty_array", |param| {
            format!("Invalid '{param}': empty array. Expected at least one item.")
        })
    }

    pub(crate) fn out_of_range(param: impl Into<String>, min: u64, max: u64) -> Self {
        Self::about(param, "invalid_value", |param| {
            format!("Invalid '{param}': must be an integer from {min} to {max}.")
        })
    }

    pub(crate) fn unknown(param: impl AsRef<str>) -> Self {
        let name = param.as_ref().chars();
        let name = name.filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect::<String>();
        Self::about(name, "unknown_parameter", |param| format!("Unknown parameter: '{param}'."))
    }

    pub(crate) fn not_json(problem: &str) -> Self {
        Self {
            message: format!("We could not parse the body of your request: {problem}."),
            param: None,
            code: "invalid_json",
        }
    }

    pub(crate) fn syntax(error: &serde_json::Error) -> Self {
        // serde_json's own text may quote the body, so only the position is handed on.
        Self::not_json(&format!(
            "it is not valid JSON at line {}, column {}",
            error.line(),
            error.column()
        ))
    }

    fn about(
        param: impl Into<String>,
        code: &'static str,
        message: impl FnOnce(&str) -> String,
    ) -> Self {
        let param = param.into();
        Self { message: message(&param), param: Some(param), code }
    }
}
