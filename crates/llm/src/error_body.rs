//! What model servers say when they refuse. Each has its own shape; one sentence is what we need.

use serde_json::Value;

/// Longest message of a server that is handed on, in characters; beyond: cut.
pub const UPSTREAM_MESSAGE_CHARS_MAX: usize = 500;

/// A server's own words. They may repeat what was sent, so they go to the caller who sent it and
/// never into a log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UpstreamError {
    /// The sentence, bounded and without control characters.
    pub message: Option<String>,
    /// The parameter that the server names.
    pub param: Option<String>,
    /// The server's code, e.g. `context_length_exceeded`.
    pub code: Option<String>,
}

impl UpstreamError {
    /// Reads an error body; a page of HTML or anything else that is not JSON says nothing.
    #[must_use]
    pub fn parse(body: &[u8]) -> Self {
        serde_json::from_slice(body)
            .map_or_else(|_| Self::default(), |body| Self::from_value(&body))
    }

    /// Reads an error body of a dialect whose codes lie elsewhere: at the first of `paths` that holds
    /// a text.
    pub(crate) fn parse_with(body: &[u8], paths: &[&str]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let code = paths.iter().find_map(|path| body.pointer(path)?.as_str());
        let error = Self::from_value(&body);
        Self { code: code.map(bounded).or(error.code), ..error }
    }

    /// Reads an error object of OpenAI, Azure, vLLM, llama.cpp, Ollama, Mistral or FastAPI.
    #[must_use]
    pub fn from_value(body: &Value) -> Self {
        // Some proxies wrap the object into a list.
        let body = body.as_array().and_then(|items| items.first()).unwrap_or(body);
        let inner = match body.get("error") {
            Some(Value::String(message)) => return Self::only(message),
            Some(inner @ Value::Object(_)) => inner,
            _ => body,
        };
        let message = inner.get("message").or_else(|| inner.get("detail")).and_then(sentence);
        let code = inner.get("code").or_else(|| inner.get("statusCode")).and_then(code_text);
        let param = inner.get("param").and_then(Value::as_str).map(bounded);
        Self { message, param, code: code.filter(|code| !code.is_empty()) }
    }

    /// Whether it finds fault with the key or the name of the model, which come from the configuration,
    /// though it answers as to a bad request.
    #[must_use]
    pub fn is_of_operator(&self) -> bool {
        let codes = ["invalid_api_key", "API_KEY_INVALID", "model_not_found", "DeploymentNotFound"];
        self.code.as_deref().is_some_and(|code| codes.contains(&code))
    }

    fn only(message: &str) -> Self {
        Self { message: Some(bounded(message)), ..Self::default() }
    }
}

/// The message itself, or the first one of a FastAPI list, possibly wrapped in `detail`.
fn sentence(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(bounded(text)),
        Value::Array(items) => sentence(items.first()?),
        Value::Object(fields) => {
            let inner = ["msg", "message", "detail"].into_iter().find_map(|key| fields.get(key))?;
            match inner {
                Value::String(text) => Some(bounded(text)),
                Value::Array(items) => {
                    items.first()?.get("msg").and_then(Value::as_str).map(bounded)
                }
                _ => None,
            }
        }
        _ => None,
    }
}

fn code_text(value: &Value) -> Option<String> {
    match value {
        Value::String(code) => Some(bounded(code)),
        Value::Number(code) => Some(code.to_string()),
        _ => None,
    }
}

fn bounded(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(UPSTREAM_MESSAGE_CHARS_MAX).collect::<String>().trim().to_owned()
}
