//! How many tokens a call took.

use serde_json::{Map, Value, json};

/// Tokens in and out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// Tokens of the answer.
    pub completion_tokens: u64,
}

impl Usage {
    /// Both together.
    #[must_use]
    pub const fn total_tokens(self) -> u64 {
        self.prompt_tokens.saturating_add(self.completion_tokens)
    }

    /// Guesses the tokens of a text: four bytes each, rounded up. Used only where a server reports
    /// nothing, and flagged as a guess by whoever uses it.
    #[must_use]
    pub const fn estimate_tokens(bytes: usize) -> u64 {
        (bytes as u64).div_ceil(4)
    }

    /// Reads the `usage` object of an answer or chunk; `None` if it is absent or not one.
    #[must_use]
    pub fn from_value(value: &Value) -> Option<Self> {
        let fields: &Map<String, Value> = value.as_object()?;
        let count = |key: &str| fields.get(key).and_then(Value::as_u64);
        let prompt_tokens = count("prompt_tokens")?;
        Some(Self { prompt_tokens, completion_tokens: count("completion_tokens").unwrap_or(0) })
    }

    /// The `usage` object.
    #[must_use]
    pub fn to_value(self) -> Value {
        json!({
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.total_tokens(),
        })
    }
}
